#!/usr/bin/env python3
"""One report of what scripts/gpu-check left in a folder.   gpu_report.py FOLDER [--summary]"""
import json, pathlib, sqlite3, sys

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
    skipped = [f"{suite['name']}.{case['name']}" for suite in report["testsuites"] for case in suite["testsuite"] if case.get("result") == "SKIPPED"]
    return {"tests": report["tests"], "failed": failed, "skipped": skipped}


def rate_of(rows, unit, **wanted):
    for row in rows:
        if all(row.get(key) == value for key, value in wanted.items()):
            return row.get(unit)
    return None


def session(path):
    """What a recorded session says: answers a second, and of steps that decoded side by side, with nobody coming or going, how
    much of the time the device waited for the next one; where the time of timed steps went; the GPU's own readings."""
    db = sqlite3.connect(path)
    tokens, seconds, ended = db.execute("SELECT sum(output_tokens), (max(last_token_ns) - min(arrival_ns)) / 1e9, sum(finish_reason IN ('stop', 'length')) FROM v_request").fetchone()
    found = {"output_tokens": tokens, "seconds": seconds, "finished": ended, "output_tokens_per_s": tokens / seconds if tokens and seconds else None}
    busy, whole, steps = db.execute(
        """WITH s AS (SELECT start_ns, execute_ns + sample_ns AS device_ns, running, prefill_tokens + recompute_tokens AS prompt,
                             lead(start_ns) OVER (ORDER BY step_id) AS next_ns, lead(running) OVER (ORDER BY step_id) AS next_running FROM v_step)
           SELECT sum(device_ns), sum(next_ns - start_ns), count(*) FROM s
           WHERE prompt = 0 AND running = next_running AND running = (SELECT max(running) FROM v_step)"""
    ).fetchone()
    if whole:
        found["side_by_side"] = {"steps": steps, "sequences": db.execute("SELECT max(running) FROM v_step").fetchone()[0], "device_waits": 1 - busy / whole, "step_ms": whole / steps / 1e6}
    found["kernels"] = {kind: {"ms": ns / 1e6, "gb_per_s": bytes / ns if ns else None, "tflops": flops / ns / 1e3 if ns else None} for kind, ns, bytes, flops in db.execute("SELECT kind, sum(duration_ns), sum(bytes), sum(flops) FROM v_kernel GROUP BY kind")}
    found["gpu"] = [dict(zip(("power_w", "clock_mhz", "temperature_c", "throttle_reasons"), row)) for row in db.execute("SELECT power_mw / 1e3, clock_mhz, temperature_c, throttle_reasons FROM gpu ORDER BY t_ns")]
    return found


def sessions():
    found = {}
    for path in sorted(folder.glob("*.db")):
        try:
            found[path.stem] = session(path)
        except sqlite3.Error as error:
            found[path.stem] = {"error": str(error)}
    return found


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
    for name in ("bench_bf16", "bench_fp8", "bench_int4", "bench_overlap", "bench_eager"):
        for row in report[name]:
            if row.get("decode_bandwidth_fraction"):
                found.append((f"{name} decode batch {row['batch']} depth {row['depth']}: bytes / copy", row["decode_bandwidth_fraction"]))
    for row in report["bench_fp8"]:
        wide = rate_of(report["bench_bf16"], "decode_tokens_per_s", batch=row["batch"], depth=row["depth"])
        if wide and row.get("decode_tokens_per_s"):
            found.append((f"8B decode batch {row['batch']}: fp8 / bf16 weights", row["decode_tokens_per_s"] / wide))
    side_by_side = report["sessions"].get("side_by_side", {}).get("side_by_side")
    if side_by_side:
        found.append((f"device waits between decode steps of {side_by_side['sequences']} sequences / step", side_by_side["device_waits"]))
    ours = report["sessions"].get("serving", {}).get("output_tokens_per_s")
    for row in report["transformers"]:
        if ours and row.get("output_tokens_per_s"):
            found.append((f"serving {row['requests']} requests: ours / transformers ({row['attention']})", ours / row["output_tokens_per_s"]))
    return found


report = {"stages": lines("stages.jsonl"), "tests": tests("tests.json"), "invariance": tests("invariance.json")}
for name in ("accuracy", "ceilings", "products", "fast_products", "attention", "mode_bf16_true", "mode_bf16_false", "mode_int4_true", "mode_int4_false", "bench_int4", "bench_bf16", "bench_fp8", "bench_overlap", "bench_eager", "prefill_bf16", "generate", "session_chat", "session_documents", "session_code", "transformers"):
    report[name] = lines(name + ".log")
device = folder / "device.log"
report["sanitizers"] = {tool: (folder / f"{tool}.log").read_text(errors="replace").splitlines()[-3:] for tool in ("memcheck", "racecheck") if (folder / f"{tool}.log").exists()}
report["device"] = device.read_text().splitlines() if device.exists() else []
report["sessions"] = sessions()
report["shares"] = {name: round(share, 4) for name, share in shares(report)}
if "--summary" in sys.argv:
    for stage in report["stages"]:
        print(f"{stage['stage']:<12} status {stage['status']:>3} {stage['seconds']:>4} s")
    for name, share in report["shares"].items():
        print(f"{share:8.3f}  {name}")
    for row in report["accuracy"]:
        of = f"fast from invariant mode ({row['matrix_library']}), {row['model']}, {row['rows_that_differ']:.0%} of rows differ" if row["what"] == "fast mode" else f"fp8 weights from the file's, {row['model']}" if row["what"] == "fp8 weights" else f"to the CPU in float32, KV {row['kv_cache_dtype']}"
        print(f"{row['mean_kl']:10.2e}  mean KL {of}")
    for name in ("tests", "invariance"):
        print(f"{name}:", report[name])
else:
    print(json.dumps(report, indent=1))
