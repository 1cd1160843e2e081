#!/usr/bin/env python3
"""One report of what scripts/gpu-check left in a folder.   gpu_report.py FOLDER [--summary]"""
import json, pathlib, sys

folder = pathlib.Path(sys.argv[1])


def lines(name):
    path = folder / name
    found = []
    for line in path.read_text(errors="replace").splitlines() if path.exists() else []:
        if line.startswith("{"):
            try:
                found.append(json.loads(line))
            except json.JSONDecodeError:
                pass
    return found


def tests(name):
    path = folder / name
    if not path.exists():
        return None
    try:
        report = json.loads(path.read_text())
    except json.JSONDecodeError:
        return {"tests": 0, "failed": ["the run did not end"]}
    failed = [f"{suite['name']}.{case['name']}" for suite in report["testsuites"] for case in suite["testsuite"] if case.get("failures")]
    return {"tests": report["tests"], "failed": failed}


def rate_of(rows, unit, **wanted):
    for row in rows:
        if all(row.get(key) == value for key, value in wanted.items()):
            return row.get(unit)
    return None


def shares(report):
    """Each figure of ours as a share of what was measured beside it."""
    products, ceilings, attention = report["products"], report["ceilings"], report["attention"]
    copy = rate_of(products, "gb_per_s", what="copy") or rate_of(attention, "gb_per_s", what="copy")
    found = []
    for row in products:
        if row.get("what") != "product":
            continue
        name = f"product {row['format']} {row['shape']} {row['tokens']} tokens"
        if copy and row.get("gb_per_s"):
            found.append((name + " / copy", row["gb_per_s"] / copy))
        torch = rate_of(ceilings, "tflops", what="torch product", shape=row["shape"], tokens=row["tokens"])
        if torch:
            found.append((name + " / torch bf16", row["tflops"] / torch))
    for row in report["fast_products"]:
        name = f"{row.get('what')} {row.get('format')} {row.get('shape')} {row.get('tokens')} tokens"
        ours = rate_of(products, "tflops", what="product", format=row.get("format"), shape=row.get("shape"), tokens=row.get("tokens"))
        torch = rate_of(ceilings, "tflops", what="torch product", shape=row.get("shape"), tokens=row.get("tokens"))
        if row.get("what") == "fast product" and ours:
            found.append((name + " / invariant", row["tflops"] / ours))
        if row.get("what") == "fast product" and torch:
            found.append((name + " / torch bf16", row["tflops"] / torch))
        if row.get("what") == "unpack" and copy:
            found.append((f"unpack {row['format']} {row['shape']} / copy", row["gb_per_s"] / copy))
    for weights in ("bf16", "int4"):
        for row in report[f"mode_{weights}_false"]:
            for rate in ("prefill_tokens_per_s", "decode_tokens_per_s"):
                ours = rate_of(report[f"mode_{weights}_true"], rate, batch=row["batch"])
                if ours and row.get(rate):
                    found.append((f"8B {weights} batch {row['batch']} {rate}: fast / invariant", row[rate] / ours))
    for row in attention:
        if row.get("what") == "decode attention" and copy and not row["lengths"].startswith("1 x"):  # that one stays in the cache
            found.append((f"decode attention {row['kv_cache_dtype']} {row['lengths']} / copy", row["gb_per_s"] / copy))
        if row.get("what") == "KV conversion" and copy:
            found.append((f"KV conversion to {row['to']} / copy", row["gb_per_s"] / copy))
        if row.get("what") == "sampling" and copy:
            found.append((f"sampling {row['way']}, {row['rows']} rows: one reading / copy", row["gb_per_s"] / copy))
        if row.get("what") == "prefill attention":
            for backend in ("CUDNN_ATTENTION", "FLASH_ATTENTION"):
                torch = rate_of(ceilings, "tflops", what="torch attention", backend=backend, tokens=row["tokens"])
                if torch:
                    found.append((f"prefill attention {row['tokens']} tokens / {backend}", row["tflops"] / torch))
    for name in ("bench_bf16", "bench_int4", "bench_overlap", "bench_eager"):
        for row in report[name]:
            if row.get("decode_bandwidth_fraction"):
                found.append((f"{name} decode batch {row['batch']} depth {row['depth']}: bytes / copy", row["decode_bandwidth_fraction"]))
    return found


report = {"stages": lines("stages.jsonl"), "tests": tests("tests.json"), "invariance": tests("invariance.json")}
for name in ("accuracy", "ceilings", "products", "fast_products", "attention", "mode_bf16_true", "mode_bf16_false", "mode_int4_true", "mode_int4_false", "bench_int4", "bench_bf16", "bench_overlap", "bench_eager", "prefill_bf16", "generate", "session_chat", "session_documents", "session_code"):
    report[name] = lines(name + ".log")
device = folder / "device.log"
report["sanitizers"] = {tool: (folder / f"{tool}.log").read_text(errors="replace").splitlines()[-3:] for tool in ("memcheck", "racecheck") if (folder / f"{tool}.log").exists()}
report["device"] = device.read_text().splitlines() if device.exists() else []
report["shares"] = {name: round(share, 4) for name, share in shares(report)}
if "--summary" in sys.argv:
    for stage in report["stages"]:
        print(f"{stage['stage']:<12} status {stage['status']:>3} {stage['seconds']:>4} s")
    for name, share in report["shares"].items():
        print(f"{share:8.3f}  {name}")
    for row in report["accuracy"]:
        of = f"fast from invariant mode ({row['matrix_library']}), {row['model']}, {row['rows_that_differ']:.0%} of rows differ" if row["what"] == "fast mode" else f"to the CPU in float32, KV {row['kv_cache_dtype']}"
        print(f"{row['mean_kl']:10.2e}  mean KL {of}")
    for name in ("tests", "invariance"):
        print(f"{name}:", report[name])
else:
    print(json.dumps(report, indent=1))
