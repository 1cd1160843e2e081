# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures that the CUDA executor is judged by, each beside its target: arithmetic over what the benchmarks printed.

A row is {"row", "figure", "unit", "target", "met"}: the target is a number with its direction, {"at_least": 0.85} or {"at_most": 0.03};
both it and `met` are null where there is none. A figure that was not measured is null, and so is its `met`.
"""

SHARE, TIMES, COUNT = "of 1", "times", "count"


def first(lines, **wanted):
    """The first line that has all of that, or an empty one."""
    for line in lines:
        if all(line.get(key) == value for key, value in wanted.items()):
            return line
    return {}


def ratio(above, below):
    return above / below if above is not None and below else None


def row(name, figure, unit, at_least=None, at_most=None, **more):
    target = {"at_least": at_least} if at_least is not None else {"at_most": at_most} if at_most is not None else None
    met = None
    if figure is not None and target:
        met = figure >= at_least if at_least is not None else figure <= at_most
    return {"row": name, "figure": figure, "unit": unit, "target": target, "met": met} | more


def copy_rate(report):
    """GB/s, read and written, of a plain copy on the device: by bench_gpu, else by whoever measured one."""
    for stage in ("attention", "products"):
        if rate := first(report.get(stage, []), what="copy").get("gb_per_s"):
            return rate
    for stage in ("model_bf16", "model_int4", "model_fp8"):
        if rate := first(report.get(stage, []), what="opened").get("copy_gb_per_s"):
            return rate
    return first(report.get("ceilings", []), what="torch copy").get("gb_per_s")


def matrix_rate(report):
    """TFLOP/s of a large bf16 product by PyTorch, else of the best of the products measured."""
    rate = first(report.get("ceilings", []), what="torch product", shape="8192^3").get("tflops")
    ours = report.get("fast_products", []) + report.get("products", [])
    return rate or max((line["tflops"] for line in ours if line.get("tflops")), default=None)


def suites(lines):
    """What is known last of each suite."""
    return list({line["suite"]: line for line in lines if "suite" in line}.values())


def tests(name, lines):
    found = suites(lines)
    if not found:
        return [row(f"{name}: tests that fail", None, COUNT, at_most=0)]
    failed = sorted(test for line in found for test in line.get("failed", []))
    counts = {key: sum(len(line.get(key, [])) for line in found) for key in ("skipped", "not_run")}
    return [
        row(f"{name}: tests that fail", len(failed), COUNT, at_most=0, of=sum(line["tests"] for line in found), failed=failed),
        row(f"{name}: tests skipped", counts["skipped"], COUNT, at_most=0),
        row(f"{name}: tests that were not reached", counts["not_run"], COUNT, at_most=0),
    ]


def decode_attention(report):
    lines, copy = [line for line in report.get("attention", []) if line.get("what") == "decode attention"], copy_rate(report)
    even, ragged, found = "32 x 4096", "zipf 128 to 16384", []
    if lines:
        lengths = [line["lengths"] for line in lines]
        even, ragged = (want if want in lengths else lengths[at] for want, at in ((even, 0), (ragged, min(1, len(lengths) - 1))))
    wide = first(lines, kv_cache_dtype="bf16", lengths=even).get("us")
    for dtype, target in (("bf16", 0.85), ("f16", None), ("int8", 0.75), ("fp8", 0.75), ("k8v4", None), ("int4", 0.60)):
        line = first(lines, kv_cache_dtype=dtype, lengths=even)
        found.append(row(f"decode attention {dtype}, {even} / copy", ratio(line.get("gb_per_s"), copy), SHARE, at_least=target))
        if dtype not in ("bf16", "f16"):
            found.append(row(f"decode attention {dtype}, {even}: speed-up over bf16", ratio(wide, line.get("us")), TIMES))
        uneven = first(lines, kv_cache_dtype=dtype, lengths=ragged)
        found.append(row(f"decode attention {dtype}: ragged / even rate", ratio(uneven.get("gb_per_s"), line.get("gb_per_s")), SHARE, at_least=0.75))
    return found


def roofline_us(line, copy, matrix):
    """The least that a step can take: its bytes at the rate of a copy, or its operations at that of a product."""
    if not copy or not line.get("step_bytes"):
        return None
    operations = line.get("step_flops", 0) / (matrix * 1e6) if matrix else 0
    return max(line["step_bytes"] / (copy * 1e3), operations)


def decode_steps(report):
    copy, matrix, found = copy_rate(report), matrix_rate(report), []
    for model, format in (("model_bf16", "bf16"), ("model_int4", "int4"), ("model_fp8", "fp8 weights")):
        for batch, target, later in ((1, 0.75, 0.85), (32, 0.75, 0.80), (128, 0.65, 0.70)):
            line = first(report.get(model, []), what="decode", batch=batch, batch_invariant=True)
            judged = {"at_least": target, "then": later} if format == "bf16" else {}
            found.append(row(f"decode step 8B {format}, batch {batch} at {line.get('context', 1024)}: roofline / step", ratio(roofline_us(line, copy, matrix), line.get("step_us")), SHARE, **judged))
    for format in ("int4", "fp8"):
        narrow, wide = (first(report.get(f"model_{name}", []), what="decode", batch=1, batch_invariant=True).get("tokens_per_s") for name in (format, "bf16"))
        found.append(row(f"decode 8B batch 1: {format} / bf16 weights, tokens/s", ratio(narrow, wide), TIMES, at_least=2.5 if format == "int4" else None))
    return found


def prefill(report):
    matrix, found = matrix_rate(report), []
    for format in ("bf16", "int4"):
        for invariant, mode in ((True, "deterministic"), (False, "fast")):
            line = first(report.get(f"model_{format}", []), what="prefill", batch_invariant=invariant)
            found.append(row(f"prefill 8B {format}, {line.get('tokens', 8192)} tokens, {mode} / bf16 matrix rate", ratio(line.get("tflops"), matrix), SHARE, at_least=0.65 if format == "bf16" else None))
    line = first(report.get("attention", []), what="prefill attention", tokens=4096)
    for backend, target in (("CUDNN_ATTENTION", 0.60), ("FLASH_ATTENTION", None)):
        torch = first(report.get("ceilings", []), what="torch attention", backend=backend, tokens=4096)
        found.append(row(f"prefill attention, 4096 tokens causal / {backend}", ratio(line.get("tflops"), torch.get("tflops")), SHARE, at_least=target))
    return found


def products(report):
    ours = [line for line in report.get("products", []) + report.get("fast_products", []) if line.get("what") in ("product", "fast product")]
    torch, copy, found = report.get("ceilings", []), copy_rate(report), []
    for tokens in (1024, 2048, 4096):
        shares = {}
        for line in ours:
            if line["format"] == "bf16" and line["tokens"] == tokens:
                share = ratio(line.get("tflops"), first(torch, what="torch product", shape=line["shape"], tokens=tokens).get("tflops"))
                if share is not None:
                    shares[line["shape"]] = max(share, shares.get(line["shape"], 0))
        found.append(row(f"products bf16, {tokens} rows, the better mode, slowest shape / torch", min(shares.values(), default=None), SHARE, at_least=0.98, shapes=shares))
    for format, target in (("int4", 0.70), ("int8", 0.80), ("fp8", None)):
        for tokens in (1, 16):
            shares = {line["shape"]: line["gb_per_s"] / copy for line in ours if copy and line["what"] == "product" and line["format"] == format and line["tokens"] == tokens and line.get("gb_per_s")}
            found.append(row(f"products {format}, {tokens} rows, slowest shape / copy", min(shares.values(), default=None), SHARE, at_least=target if tokens == 1 else None, shapes=shares))
    return found


def serving(report):
    sessions, found = report.get("sessions", {}), []
    side = sessions.get("serving", {}).get("side_by_side") or {}
    found.append(row(f"device waits between decode steps, {side.get('sequences', 32)} sequences / step", side.get("device_waits"), SHARE, at_most=0.03))
    ours = sessions.get("serving", {}).get("output_tokens_per_s")
    theirs = max((line["output_tokens_per_s"] for line in report.get("transformers", []) if line.get("output_tokens_per_s") and "incomplete" not in line), default=None)
    found.append(row("serving: ours / transformers' continuous batching, tokens/s", ratio(ours, theirs), TIMES, at_least=3))
    return found


def conversion(report):
    line = first(report.get("model_bf16", []), what="conversion of a pool", to="int8")
    size = f"{line.get('pool_bytes', 60e9) / 1e9:.3g} GB"
    return [
        row(f"live KV conversion bf16 to int8, pool of {size} / copy", ratio(line.get("gb_per_s"), copy_rate(report)), SHARE, at_least=0.70),
        row("the same: pause", line.get("pause_ms"), "ms"),
    ]


def price_of_determinism(report):
    """How much longer a step takes with batch_invariant on."""
    found = []
    for format in ("bf16", "int4"):
        lines = report.get(f"model_{format}", [])
        for batch, most in ((1, 0.15), (32, 0.15), (256, 0.25)):
            exact, fast = (first(lines, what="decode", batch=batch, batch_invariant=mode).get("step_us") for mode in (True, False))
            slower = ratio(exact, fast)
            found.append(row(f"deterministic mode, 8B {format} decode, batch {batch}: slower by", None if slower is None else slower - 1, SHARE, at_most=most))
        exact, fast = (first(lines, what="prefill", batch_invariant=mode).get("step_us") for mode in (True, False))
        slower = ratio(exact, fast)
        found.append(row(f"deterministic mode, 8B {format} prefill: slower by", None if slower is None else slower - 1, SHARE))
    return found


def accuracy(report):
    """Its target is what 8-bit activations cost on the CPU: docs/cuda.md. Narrow KV, fp8 weights and the fast mode show what they cost."""
    found = []
    for stage in ("end_to_end", "accuracy"):
        line = first(report.get(stage, []), what="accuracy", kv_cache_dtype="f16")
        found.append(row(f"{stage}: mean KL to the CPU in float32, KV f16, {line.get('model', 'not run')}", line.get("mean_kl"), "nats", at_most=4e-3))
    for line in report.get("accuracy", []):
        if line.get("what") == "accuracy" and line["kv_cache_dtype"] != "f16":
            found.append(row(f"accuracy: mean KL to the CPU in float32, KV {line['kv_cache_dtype']}, {line['model']}", line["mean_kl"], "nats"))
        if line.get("what") == "fast mode":
            found.append(row(f"fast mode: mean KL to the deterministic one, {line['model']}, {line['matrix_library']}", line["mean_kl"], "nats", rows_that_differ=line["rows_that_differ"]))
        if line.get("what") == "fp8 weights":
            found.append(row(f"fp8 weights: mean KL to those of the file, {line['model']}", line["mean_kl"], "nats"))
    return found


def rows(report):
    found = tests("kernels", report.get("tests", [])) + tests("whole engine, same tokens", report.get("invariance", []))
    for tool in ("memcheck", "racecheck"):
        found += tests(tool, report.get(tool, []))[::2]  # what is skipped, the kernels' own run has said
    for part in (accuracy, decode_attention, decode_steps, prefill, products, serving, conversion, price_of_determinism):
        found += part(report)
    return found
