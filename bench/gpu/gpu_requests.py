#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests of random tokens for `pitwall generate --requests`, one JSON line each.
gpu_requests.py COUNT PROMPT_LOW-PROMPT_HIGH OUTPUT_LOW-OUTPUT_HIGH [--vocabulary N] [--name P] [--from MS] [--every MS] [--shared N]"""
import argparse, json, random


def bounds(text):
    low, high = map(int, text.split("-"))
    return low, high


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("count", type=int)
parser.add_argument("prompt", type=bounds)
parser.add_argument("output", type=bounds)
parser.add_argument("--vocabulary", type=int, default=32000)
parser.add_argument("--name", default="r", help="what ids begin with")
parser.add_argument("--from", dest="first", type=int, default=0, help="when the first one comes")
parser.add_argument("--every", type=int, default=0, help="how much later each next one comes; unless told all come at once")
parser.add_argument("--shared", type=int, default=0, help="tokens that all prompts begin with, and that repeat themselves")
options = parser.parse_args()
draw = random.Random(2026)
piece = [draw.randrange(10, options.vocabulary) for _ in range(16)]
shared = (piece * (options.shared // 16 + 1))[: options.shared]
for number in range(options.count):
    ids = shared + [draw.randrange(10, options.vocabulary) for _ in range(draw.randint(*options.prompt))]
    line = {"id": f"{options.name}{number}", "ids": ids, "max_tokens": draw.randint(*options.output), "ignore_eos": True}
    if options.first or options.every:
        line["arrival_ms"] = options.first + number * options.every
    print(json.dumps(line))
