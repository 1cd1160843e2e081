#!/usr/bin/env python3
"""What PyTorch reaches on this GPU, one JSON line a figure: a copy, matrix products, attention.   gpu_ceilings.py

Random data throughout: zeros run faster. Medians of rounds between two events.
"""
import json, statistics, sys

try:
    import torch
except ImportError as missing:
    print(f"gpu_ceilings: {missing}: what PyTorch reaches is not measured on this machine", file=sys.stderr)
    sys.exit(77)

ROUNDS = 9


def measure(run, batch):
    run()
    torch.cuda.synchronize()
    times = []
    for _ in range(ROUNDS):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        for _ in range(batch):
            run()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) / batch * 1e3)
    return statistics.median(times)


def report(us, bytes=0, flops=0, **line):
    line["us"] = us
    if bytes:
        line["gb_per_s"] = bytes / us / 1e3
    if flops:
        line["tflops"] = flops / us / 1e6
    print(json.dumps(line), flush=True)


def copy():
    count = 1 << 30
    source, target = torch.randn(count, device="cuda", dtype=torch.float16), torch.empty(count, device="cuda", dtype=torch.float16)
    report(measure(lambda: target.copy_(source), 4), bytes=4 * count, what="torch copy")


def matrix_rate():
    n = 8192
    a, b = (torch.randn(n, n, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    report(measure(lambda: a @ b, 4), flops=2 * n**3, what="torch product", shape="8192^3", tokens=n)


def products():
    for name, rows, columns in (("qkv", 6144, 4096), ("output", 4096, 4096), ("gate_up", 28672, 4096), ("down", 4096, 14336)):
        weights = [torch.randn(rows, columns, device="cuda", dtype=torch.bfloat16) for _ in range(max(2, (256 << 20) // (2 * rows * columns) + 1))]
        for tokens in (1, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096):
            x = torch.randn(tokens, columns, device="cuda", dtype=torch.bfloat16)
            turn = [0]

            def run():
                turn[0] += 1
                return x @ weights[turn[0] % len(weights)].T

            report(measure(run, 16), bytes=2 * rows * columns if tokens <= 64 else 0, flops=2 * rows * columns * tokens, what="torch product", shape=name, tokens=tokens)


def attention():
    for tokens in (1024, 4096):
        q, k, v = (torch.randn(1, heads, tokens, 128, device="cuda", dtype=torch.bfloat16) for heads in (32, 8, 8))
        k, v = k.repeat_interleave(4, 1), v.repeat_interleave(4, 1)
        flops = 4 * 32 * 128 * tokens * (tokens + 1) / 2
        for backend in ("CUDNN_ATTENTION", "FLASH_ATTENTION"):
            with torch.nn.attention.sdpa_kernel(getattr(torch.nn.attention.SDPBackend, backend)):
                try:
                    us = measure(lambda: torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True), 8)
                except RuntimeError as error:
                    print(json.dumps({"what": "torch attention", "backend": backend, "error": str(error)[:200]}))
                    continue
            report(us, flops=flops, what="torch attention", backend=backend, tokens=tokens)


if not torch.cuda.is_available():
    print("gpu_ceilings: PyTorch sees no GPU here: nothing to measure", file=sys.stderr)
    sys.exit(77)
copy()
matrix_rate()
attention()
products()
