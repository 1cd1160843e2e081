#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hugging Face transformers' continuous batching over the requests of a file, one JSON line a run, as it ends.
gpu_transformers.py REQUESTS [tiny]      a Llama of 8B with random weights in bfloat16; tiny: one that a CPU can run
What this installation has no kernels for is told in words on standard error, and the next way of attention is tried. Of each, the first
run captures and compiles; the later ones count.
"""
import json
import sys
import time

try:
    import torch
    import transformers
    from transformers import LlamaConfig, LlamaForCausalLM
    from transformers.generation import GenerationConfig
except ImportError as missing:
    print(f"gpu_transformers: {missing}: nothing to compare with on this machine", file=sys.stderr)
    sys.exit(77)

# What needs a library of its own comes first, for it is faster; of PyTorch's own one way is enough. Its name differs by version.
FAST = ("flash_attention_3", "flash_attention_2")
OWN = ("paged|sdpa", "sdpa_paged", "sdpa")
ROUNDS = 2


def say(words):
    print(f"gpu_transformers: {words}", file=sys.stderr, flush=True)


def make_model(attention, tiny, device):
    shape = dict(hidden_size=4096, intermediate_size=14336, num_hidden_layers=32, num_attention_heads=32, num_key_value_heads=8, vocab_size=128256)
    if tiny:
        shape = dict(hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, vocab_size=32000)
    config = LlamaConfig(**shape, max_position_embeddings=8192, rope_theta=500000.0, dtype=torch.bfloat16)
    config._attn_implementation = attention
    torch.manual_seed(1)
    with torch.device(device):
        return LlamaForCausalLM._from_config(config, dtype=torch.bfloat16, attn_implementation=attention).eval()


def graphs():
    """The call's further words where CUDA graphs are asked for: an installation that has no such configuration decides by itself."""
    try:
        from transformers.generation import ContinuousBatchingConfig
    except ImportError:
        return None
    return {"continuous_batching_config": ContinuousBatchingConfig(use_cuda_graph=True)}


def run(model, requests, length, device, more):
    settings = GenerationConfig(max_new_tokens=length, do_sample=False, eos_token_id=-1, pad_token_id=0)
    if device == "cuda":
        torch.cuda.synchronize()
    begun = time.perf_counter()
    outputs = model.generate_batch(inputs=[request["ids"] for request in requests], generation_config=settings, progress_bar=False, **more)
    seconds = time.perf_counter() - begun
    return sum(len(output.generated_tokens) for output in outputs.values()), seconds


def measure(attention, requests, length, tiny, device, by_graph=False):
    """Whether it ran. A line is printed after each run, so that one that takes too long leaves what came before."""
    model = None
    try:
        more = graphs() if by_graph else {}
        if more is None:
            return False
        model = make_model(attention, tiny, device)
        for number in range(ROUNDS):
            tokens, seconds = run(model, requests, length, device, more)
            line = {"what": "transformers", "version": transformers.__version__, "attention": attention, "cuda_graphs": by_graph or "as it chooses", "run": number, "requests": len(requests), "output_tokens": tokens, "seconds": seconds, "output_tokens_per_s": tokens / seconds}
            if tokens != length * len(requests):
                line["incomplete"] = f"{length * len(requests)} tokens were asked for"
            print(json.dumps(line), flush=True)
        return True
    except Exception as error:  # the library's own kinds are many
        say(f"{attention}{' with CUDA graphs' * by_graph} is not to be had in transformers {transformers.__version__} here: {type(error).__name__}: {str(error)[:400]}")
        return False
    finally:
        del model
        if device == "cuda":
            torch.cuda.empty_cache()


def main():
    requests = [json.loads(line) for line in open(sys.argv[1])]
    tiny = "tiny" in sys.argv[2:]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    # One length for all, as the call takes it; no end token ends one early.
    (length,) = {request["max_tokens"] for request in requests}
    ran = [attention for attention in FAST if measure(attention, requests, length, tiny, device)]
    for attention in OWN:
        if measure(attention, requests, length, tiny, device):
            ran.append(attention)
            if device == "cuda":  # the library leaves them out where attention needs a mask
                measure(attention, requests, length, tiny, device, by_graph=True)
            break
    if not ran:
        sys.exit("gpu_transformers: no way of attention ran: the reasons are above")


if __name__ == "__main__":
    main()
