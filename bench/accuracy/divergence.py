# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a setting of the program is from float64 arithmetic on the same weights, on the texts of tests/data/smollm2.

KL divergence, in nats, is of the reference from ours over the reference's 64 most likely tokens, all others as one.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

DATA = Path(__file__).resolve().parents[2] / "tests/data/smollm2"
ROWS = 64  # at a time


def score(program, settings, logits, model):
    command = [program, "score", "--ids", str(DATA / "sequences.jsonl"), "--logits", logits, "--overwrite", "--json"]
    if model:
        command += ["--model", model]
    for setting in settings:
        command += ["--set", setting]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"{' '.join(command)}: {run.stderr.strip()[-300:]}")
    return json.loads(run.stdout)


def log_softmax(x):
    x = x - x.max(axis=1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=1, keepdims=True))


def divergence(reference, path):
    """Mean KL, its 99th percentile, and how often the most likely token is the same."""
    rows = reference["top_id"].shape[0]
    logits = np.memmap(path, np.float32, "r").reshape(rows, -1)
    kl, same = np.empty(rows), np.empty(rows, bool)
    for begin in range(0, rows, ROWS):
        part = slice(begin, min(rows, begin + ROWS))
        log_p = log_softmax(logits[part].astype(np.float64))
        ids = reference["top_id"][part]
        got, want = np.take_along_axis(log_p, ids, axis=1), reference["top_lp"][part].astype(np.float64)
        got_rest = np.log(np.maximum(-np.expm1(np.logaddexp.reduce(got, axis=1)), 1e-30))
        want_rest = reference["rest_lp"][part].astype(np.float64)
        kl[part] = (np.exp(want) * (want - got)).sum(axis=1) + np.exp(want_rest) * (want_rest - got_rest)
        same[part] = log_p.argmax(axis=1) == ids[:, 0]
    return kl.mean(), np.quantile(kl, 0.99), same.mean()


def measure(program, *settings, model=None):
    """What `score` says, and mean KL, its 99th percentile, and the share of rows with the same most likely token."""
    reference = {name: array for name, array in np.load(DATA / "reference.npz").items()}
    with tempfile.NamedTemporaryFile(suffix=".f32") as logits:
        said = score(program, settings, logits.name, model)
        return said, *divergence(reference, logits.name)
