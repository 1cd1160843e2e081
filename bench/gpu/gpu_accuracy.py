#!/usr/bin/env python3
"""How far a GPU's logits are from the CPU's with activations in float32, by KV format; and from its own, where batch_invariant is off
or float weights are held as fp8.
    gpu_accuracy.py PITWALL MODEL FOLDER
The texts are random tokens. In the emulator a model of 135M parameters takes half a second a token: --texts, --tokens, --kv and --no-fast-mode
make it short.
"""
import argparse, json, pathlib, random, subprocess, sys

try:
    import numpy as np
except ImportError as missing:
    print(f"gpu_accuracy: {missing}: how far the GPU's logits are from the CPU's is not measured on this machine", file=sys.stderr)
    sys.exit(77)

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("pitwall")
parser.add_argument("model")
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--texts", type=int, default=4)
parser.add_argument("--tokens", type=int, default=96, help="of each text")
parser.add_argument("--kv", default="f16,bf16,fp8,int8,k8v4,int4", help="formats of KV, with commas between")
parser.add_argument("--cpu-i8", action="store_true", help="also how far i8 activations on the CPU are")
parser.add_argument("--no-fast-mode", dest="fast_mode", action="store_false")
options = parser.parse_args()
options.folder.mkdir(parents=True, exist_ok=True)
pitwall, model, folder = options.pitwall, options.model, options.folder
FAST_TOKENS = 1024  # score takes 256 at a time, which is where the fast mode begins for quantized weights


def inspect(*words):
    return json.loads(subprocess.run([pitwall, "inspect", *words, "--json"], capture_output=True, check=True).stdout)


vocab = inspect("--model", model)["vocab_size"]
draw = random.Random(1)


def texts(name, count, tokens):
    path = folder / name
    path.write_text("".join(json.dumps({"name": f"text {i}", "ids": [draw.randrange(vocab) for _ in range(tokens)]}) + "\n" for i in range(count)))
    return path


def log_probabilities(ids, of_model, device, *settings):
    path = folder / "logits.bin"
    words = [word for setting in settings for word in ("--set", setting)]
    subprocess.run([pitwall, "score", "--model", of_model, "--device", device, *words, "--ids", ids, "--logits", path, "--overwrite"], check=True, stdout=subprocess.DEVNULL)
    logits = np.fromfile(path, np.float32).reshape(-1, vocab).astype(np.float64)
    path.unlink()
    logits -= logits.max(1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(1, keepdims=True))


def tell(want, got, **line):
    kl = (np.exp(want) * (want - got)).sum(1)
    line |= {"mean_kl": float(kl.mean()), "most_kl": float(kl.max()), "same_top1": float((want.argmax(1) == got.argmax(1)).mean())}
    print(json.dumps(line), flush=True)


ids = texts("ids.jsonl", options.texts, options.tokens)
for dtype in options.kv.split(","):
    kv = f"kv_cache_dtype={dtype}"
    facts = {"model": model, "kv_cache_dtype": dtype, "positions": options.texts * options.tokens}
    exact = log_probabilities(ids, model, "cpu", "activation_dtype=f32", kv)
    tell(exact, log_probabilities(ids, model, "cuda", kv), what="accuracy", **facts)
    if options.cpu_i8:
        tell(exact, log_probabilities(ids, model, "cpu", "activation_dtype=i8", kv), what="accuracy of the CPU with i8", **facts)

def compare_fast_mode():
    library = inspect("--model", model, "--device", "cuda")["matrix_library"]
    long = texts("long.jsonl", 1, FAST_TOKENS)
    for of_model in [model] + [model + ":bf16"] * model.startswith("synthetic:"):
        invariant, fast = (log_probabilities(long, of_model, "cuda", f"batch_invariant={mode}") for mode in ("true", "false"))
        differs = float((invariant != fast).any(1).mean())  # 0: nothing was computed another way
        tell(invariant, fast, what="fast mode", model=of_model, matrix_library=library, tokens=FAST_TOKENS, rows_that_differ=differs, largest_difference=float(np.abs(invariant - fast).max()))


def compare_float8():
    of_model = model + ":bf16" * model.startswith("synthetic:")
    settings = [f"weight_dtype={dtype}" for dtype in ("file", "fp8")]
    bytes_held = [inspect("--model", of_model, "--device", "cuda", "--set", setting)["weight_bytes"] for setting in settings]
    if bytes_held[0] == bytes_held[1]:
        return  # no float weights: nothing becomes fp8
    as_stored, float8 = (log_probabilities(ids, of_model, "cuda", setting) for setting in settings)
    tell(as_stored, float8, what="fp8 weights", model=of_model)


if options.fast_mode:
    compare_fast_mode()
compare_float8()
