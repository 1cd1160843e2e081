#!/usr/bin/env python3
"""How far a GPU's logits are from the CPU's with activations in float32, by KV format.   gpu_accuracy.py PITWALL MODEL FOLDER"""
import json, pathlib, random, subprocess, sys

import numpy as np

pitwall, model, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
TEXTS, TOKENS = 4, 96
vocab = json.loads(subprocess.run([pitwall, "inspect", "--model", model, "--json"], capture_output=True, check=True).stdout)["vocab_size"]
draw = random.Random(1)
ids = folder / "ids.jsonl"
ids.write_text("".join(json.dumps({"name": f"text {i}", "ids": [draw.randrange(vocab) for _ in range(TOKENS)]}) + "\n" for i in range(TEXTS)))


def log_probabilities(*settings):
    path = folder / "logits.bin"
    words = [word for setting in settings[1:] for word in ("--set", setting)]
    subprocess.run([pitwall, "score", "--model", model, "--device", settings[0], *words, "--ids", ids, "--logits", path, "--overwrite"], check=True, stdout=subprocess.DEVNULL)
    logits = np.fromfile(path, np.float32).reshape(-1, vocab).astype(np.float64)
    path.unlink()
    logits -= logits.max(1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(1, keepdims=True))


for dtype in ("f16", "bf16", "fp8", "int8", "k8v4", "int4"):
    kv = f"kv_cache_dtype={dtype}"
    want, got = log_probabilities("cpu", "activation_dtype=f32", kv), log_probabilities("cuda", kv)
    kl = (np.exp(want) * (want - got)).sum(1)
    same = float((want.argmax(1) == got.argmax(1)).mean())
    print(json.dumps({"what": "accuracy", "model": model, "kv_cache_dtype": dtype, "mean_kl": float(kl.mean()), "most_kl": float(kl.max()), "same_top1": same}), flush=True)
