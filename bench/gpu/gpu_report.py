#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""One report of what scripts/gpu-check left in a folder, whether or not it came to its end.   gpu_report.py FOLDER [--summary]"""
import json
import pathlib
import sqlite3
import sys

from gpu_rows import copy_rate, first, ratio, rows

# Each has what it printed as lines of JSON in NAME.log.
STAGES = ("tests", "end_to_end", "invariance", "attention", "ceilings", "model_bf16", "model_int4", "products", "model_fp8", "transformers", "fast_products", "accuracy",
          "model_eager", "model_overlap", "memcheck", "racecheck")


# Between the last request of one crowd and the first of the next. Those of one crowd come at once.
CROWDS_APART_NS = 3e8


def lines(path):
    found = []
    for line in path.read_text(errors="replace").splitlines() if path.exists() else []:
        if line.startswith("{"):
            try:
                found.append(json.loads(line))
            except json.JSONDecodeError:  # cut short
                pass
    return found


def requests_of(db, since_ns=-1, before_ns=2**62):
    """Answers a second of the requests that came in that time, or nothing where there were none."""
    tokens, seconds, finished, last = db.execute(
        "SELECT sum(output_tokens), (max(last_token_ns) - min(arrival_ns)) / 1e9, sum(finish_reason IN ('stop', 'length')), max(last_token_ns) FROM v_request WHERE arrival_ns BETWEEN ? AND ?", (since_ns, before_ns)
    ).fetchone()
    return {"output_tokens": tokens, "seconds": seconds, "finished": finished, "last_token_ns": last, "output_tokens_per_s": ratio(tokens, seconds)}


def side_by_side(db, before_ns):
    """Of steps before that time that decoded side by side, with nobody coming or going: how much of the time from the end of one to
    the end of the next the device did not compute. A step begins when it is planned, while the one before it runs."""
    most, busy, whole, steps = db.execute(
        """WITH s AS (SELECT execute_ns + sample_ns AS device_ns, running, prefill_tokens + recompute_tokens AS prompt,
                             start_ns + duration_ns - lag(start_ns + duration_ns) OVER (ORDER BY step_id) AS whole_ns,
                             lag(running) OVER (ORDER BY step_id) AS before
                      FROM v_step WHERE start_ns < ?),
                most AS (SELECT max(running) AS n FROM s)
           SELECT max(running), sum(device_ns), sum(whole_ns), count(*) FROM s, most WHERE prompt = 0 AND running = before AND running = n""",
        (before_ns,),
    ).fetchone()
    return {"sequences": most, "steps": steps, "device_waits": 1 - busy / whole, "step_ms": whole / steps / 1e6} if whole else None


def session(path):
    """What a recorded session says: answers a second; where the time of timed steps went; what was turned; the GPU's own readings.
    Where requests come in two crowds, CROWDS_APART_NS apart or more, the first is there for how it decodes side by side."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    arrivals = [ns for (ns,) in db.execute("SELECT arrival_ns FROM v_request ORDER BY arrival_ns")]
    second = next((b for a, b in zip(arrivals, arrivals[1:]) if path.stem == "serving" and b - a > CROWDS_APART_NS), None)
    found = requests_of(db, second if second is not None else -1)
    if second is not None:
        crowd = requests_of(db, -1, second - 1)
        found["first_crowd"] = crowd
        if crowd["last_token_ns"] is not None and crowd["last_token_ns"] < second:
            found["side_by_side"] = side_by_side(db, second)
        else:
            found["overlapped"] = "the first requests had not ended when the others came"
    found["knobs"] = [dict(zip(("t_ns", "knob", "value"), values)) for values in db.execute("SELECT t_ns, name, new_value FROM v_knob WHERE old_value IS NOT NULL ORDER BY t_ns")]
    found["kernels"] = {kind: {"ms": ns / 1e6, "gb_per_s": bytes / ns if ns else None, "tflops": flops / ns / 1e3 if ns else None} for kind, ns, bytes, flops in db.execute("SELECT kind, sum(duration_ns), sum(bytes), sum(flops) FROM v_kernel GROUP BY kind") if ns is not None}
    found["gpu"] = [dict(zip(("power_w", "clock_mhz", "temperature_c", "throttle_reasons"), values)) for values in db.execute("SELECT power_mw / 1e3, clock_mhz, temperature_c, throttle_reasons FROM gpu ORDER BY t_ns")]
    return found


def sessions(folder):
    found = {}
    for path in sorted(folder.glob("*.db")):
        try:
            found[path.stem] = session(path)
        except sqlite3.Error as error:
            found[path.stem] = {"error": str(error)}
    return found


def last_words(folder, stages):
    """Of stages that failed, what they said last. One that was cut short has not failed: its time was up."""
    found = {}
    for stage in stages:
        name = stage["stage"]
        if stage["how"] == "failed":
            said = [folder / f"{name}.{kind}" for kind in ("err", "log")]
            found[name] = [line[:300] for path in said if path.exists() for line in path.read_text(errors="replace").splitlines()[-12:] if not line.startswith("{")]
    return found


def shares(report):
    """Figures without a target, each as a share of what was measured beside it."""
    copy, torch, found = copy_rate(report), report["ceilings"], {}

    def put(name, above, below):
        if (share := ratio(above, below)) is not None:
            found[name] = round(share, 4)

    for line in report["products"] + report["fast_products"]:
        if line.get("what") in ("product", "fast product"):
            name = f"{line['what']} {line['format']} {line['shape']} {line['tokens']} tokens"
            put(name + " / copy", line.get("gb_per_s"), copy)
            put(name + " / torch bf16", line.get("tflops"), first(torch, what="torch product", shape=line["shape"], tokens=line["tokens"]).get("tflops"))
            if line["what"] == "fast product":
                put(name + " / invariant", line.get("tflops"), first(report["products"], what="product", format=line["format"], shape=line["shape"], tokens=line["tokens"]).get("tflops"))
        if line.get("what") == "unpack":
            put(f"unpack {line['format']} {line['shape']} / copy", line["gb_per_s"], copy)
    for line in report["attention"]:
        if line.get("what") == "KV conversion":
            put(f"KV conversion of a layer to {line['to']} / copy", line["gb_per_s"], copy)
        if line.get("what") == "sampling":
            put(f"sampling {line['way']}, {line['rows']} rows: one reading / copy", line["gb_per_s"], copy)
    for model in ("model_eager", "model_overlap"):
        for line in report[model]:
            if line.get("what") == "decode":
                put(f"8B int4 decode batch {line['batch']}: {model.removeprefix('model_')} / as ever, tokens/s", line["tokens_per_s"], first(report["model_int4"], what="decode", batch=line["batch"], batch_invariant=True).get("tokens_per_s"))
    return found


def make_report(folder):
    report = {"stages": lines(folder / "stages.jsonl")}
    device = folder / "device.log"
    report["device"] = device.read_text(errors="replace").splitlines() if device.exists() else []
    report |= {name: lines(folder / f"{name}.log") for name in STAGES}
    report["sessions"] = sessions(folder)
    report["last_words"] = last_words(folder, report["stages"])
    return {"rows": rows(report), "shares": shares(report)} | report


def summary(report):
    for stage in report["stages"]:
        print(f"{stage['stage']:<18} {stage['how']:<10} {stage['seconds']:>4} of {stage['limit']} s")
    for row in report["rows"]:
        figure = "not measured" if row["figure"] is None else f"{row['figure']:.4g}"
        target = "" if not row["target"] else ("at least " if "at_least" in row["target"] else "at most ") + f"{list(row['target'].values())[0]:g}"
        print(f"{'' if row['met'] is None else 'met' if row['met'] else 'MISSED':<7} {figure:>12}  {target:<14} {row['row']}")
        for test in row.get("failed", []):
            print(f"{'':>22}{test}")
    for name, words in report["last_words"].items():
        print(f"{name} failed:", *words[-4:], sep="\n    ")


def main():
    report = make_report(pathlib.Path(sys.argv[1]))
    if "--summary" in sys.argv:
        summary(report)
    else:
        print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
