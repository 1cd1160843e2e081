#!/usr/bin/env python3
"""Hugging Face transformers' continuous batching over the requests of a file, as one JSON line.
gpu_transformers.py REQUESTS [tiny]      a Llama of 8B with random weights in bfloat16; tiny: one that a CPU can run
"""
import json, sys, time

import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.generation import GenerationConfig

requests = [json.loads(line) for line in open(sys.argv[1])]
tiny = "tiny" in sys.argv[2:]
device = "cuda" if torch.cuda.is_available() else "cpu"
shape = dict(hidden_size=4096, intermediate_size=14336, num_hidden_layers=32, num_attention_heads=32, num_key_value_heads=8, vocab_size=128256)
if tiny:
    shape = dict(hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, vocab_size=32000)
config = LlamaConfig(**shape, max_position_embeddings=8192, rope_theta=500000.0, dtype=torch.bfloat16)
# One length for all, as the call takes it; no end token ends one early.
(length,) = {request["max_tokens"] for request in requests}
best = None
for attention in ("flash_attention_2", "paged|flash_attention_2", "sdpa_paged", "sdpa"):
    try:
        torch.manual_seed(1)
        with torch.device(device):
            config._attn_implementation = attention
            model = LlamaForCausalLM._from_config(config, dtype=torch.bfloat16, attn_implementation=attention).eval()
        settings = GenerationConfig(max_new_tokens=length, do_sample=False, eos_token_id=-1, pad_token_id=0, use_cuda_graph=device == "cuda")
        times = []
        for _ in range(2):  # the first one captures and compiles
            if device == "cuda":
                torch.cuda.synchronize()
            begun = time.perf_counter()
            outputs = model.generate_batch(inputs=[request["ids"] for request in requests], generation_config=settings, progress_bar=False)
            times.append(time.perf_counter() - begun)
        tokens = sum(len(output.generated_tokens) for output in outputs.values())
        line = {"what": "transformers", "version": transformers.__version__, "attention": attention, "requests": len(requests), "output_tokens": tokens, "seconds": times[-1], "output_tokens_per_s": tokens / times[-1]}
        if best is None or line["output_tokens_per_s"] > best["output_tokens_per_s"]:
            best = line
        print(f"{attention}: {line['output_tokens_per_s']:.0f} tokens/s", file=sys.stderr)
    except Exception as error:  # one that this installation lacks
        print(f"{attention}: {type(error).__name__}: {error}", file=sys.stderr)
    finally:
        model = None
if best is None:
    sys.exit("no way of attention ran")
print(json.dumps(best))
