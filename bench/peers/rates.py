# SPDX-License-Identifier: GPL-3.0-or-later
"""Rates of Pitwall and of llama.cpp, as the scripts here compare them: the same weights and threads, in turns."""
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path


def json_lines(command, environment=None):
    """The JSON objects that a program prints, whatever else it prints."""
    run = subprocess.run(command, capture_output=True, text=True, env=os.environ | (environment or {}))
    if run.returncode != 0:
        sys.exit(f"{Path(sys.argv[0]).name}: {command[0]} failed: {run.stderr.strip()[-300:]}")
    return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]


class Ours:
    RUNS = {"prefill_512": ["--only", "prefill"], "decode_1": ["--only", "decode"],
            "decode_1_at_1024": ["--only", "decode", "--depth", "1024"], "decode_16": ["--only", "batch"],
            "decode_64": ["--only", "batch", "--batch", "64"], "shared_16": ["--only", "shared"]}

    def __init__(self, bench, model, threads, dtype, kernel_tier=None):
        self.command = [bench, model, "--threads", str(threads), "--repeat", "3", "--activation-dtype", dtype]
        self.environment = {"PITWALL_KERNEL_TIER": kernel_tier} if kernel_tier else {}
        self.device = {}

    def rates(self, figures):
        rates = {}
        for name in figures:
            row = json_lines([*self.command, *self.RUNS[name]], self.environment)[-1]
            rates[name] = row["median"]
            self.device = {key: row[key] for key in ("cpu", "kernel_tier", "threads")}
        return rates


class LlamaCpp:
    """The better of flash attention off and on."""
    BATCHES = {"decode_16": ["-npp", "16", "-ntg", "32", "-npl", "16"], "decode_64": ["-npp", "16", "-ntg", "32", "-npl", "64"],
               "shared_16": ["-npp", "704", "-ntg", "64", "-npl", "16", "-pps"]}
    SINGLE = {"prefill_512": ["-p", "512", "-n", "0"], "decode_1": ["-p", "0", "-n", "32"],
              "decode_1_at_1024": ["-p", "0", "-n", "32", "-d", "1024"]}

    def __init__(self, build, model, threads):
        self.bin = Path(build) / "bin"
        self.common = ["-m", model, "-t", str(threads)]

    def rate(self, name):
        if name in self.SINGLE:
            rows = json_lines([self.bin / "llama-bench", *self.common, *self.SINGLE[name], "-r", "3", "-fa", "0,1", "-o", "jsonl"])
            return max(statistics.median(row["samples_ts"]) for row in rows)
        batched = [self.bin / "llama-batched-bench", *self.common, "-tb", self.common[-1], "-c", "16384", *self.BATCHES[name],
                   "--output-format", "jsonl"]
        return max(row["speed_tg"] for flash in ("off", "on") for row in json_lines([*batched, "-fa", flash]))

    def rates(self, figures):
        return {name: self.rate(name) for name in figures}


def measure(rounds, who, figures):
    """Each round all of `who` one after the other: they see the same noise of a shared machine."""
    measured = []
    for number in range(rounds):
        measured.append({name: run.rates(figures) for name, run in who.items()})
        print(f"round {number + 1} of {rounds}: {json.dumps(measured[-1])}", file=sys.stderr)
    return measured


def print_row(about, name, rounds, dtype, peers, device):
    """A line of JSON: medians in tokens/s, and the rounds' ratios, ours over each of the peers' and the better one's."""
    row = about | {"name": name, "activation_dtype": dtype, "unit": "tokens/s"}
    row |= {who: round(statistics.median(one[who][name] for one in rounds), 1) for who in (*peers, dtype)}
    row["pitwall"] = row.pop(dtype)
    bases = {peer: [one[peer][name] for one in rounds] for peer in peers}
    if len(peers) > 1:
        bases = {"better": [max(rates) for rates in zip(*bases.values())]} | bases
    for number, (label, base) in enumerate(bases.items()):
        ratios = [one[dtype][name] / value for one, value in zip(rounds, base)]
        row["of_" + label] = round(statistics.median(ratios), 2)
        if number == 0:
            row |= {"least": round(min(ratios), 2), "greatest": round(max(ratios), 2)}
    print(json.dumps(row | {"pairs": len(rounds)} | device), flush=True)
