#!/usr/bin/env python3
"""Requests of random tokens for `pitwall generate --requests`, one JSON line each, all at once.
gpu_requests.py COUNT PROMPT_LOW-PROMPT_HIGH OUTPUT_LOW-OUTPUT_HIGH [VOCABULARY]"""
import json, random, sys

count, (prompt_low, prompt_high), (output_low, output_high) = int(sys.argv[1]), *(map(int, given.split("-")) for given in sys.argv[2:4])
vocabulary = int(sys.argv[4]) if len(sys.argv) > 4 else 32000
draw = random.Random(2026)
for number in range(count):
    ids = [draw.randrange(10, vocabulary) for _ in range(draw.randint(prompt_low, prompt_high))]
    print(json.dumps({"id": f"r{number}", "ids": ids, "max_tokens": draw.randint(output_low, output_high), "ignore_eos": True}))
