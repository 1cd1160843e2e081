#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arithmetic of the GPU's report: figures made up by hand, and what has to come of them."""
import pathlib
import sqlite3
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True  # the tree stays as it is
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench/gpu"))
import gpu_report
import gpu_rows


def decode(batch, step_us, invariant=True, **more):
    return {"what": "decode", "context": 1024, "batch": batch, "batch_invariant": invariant, "step_us": step_us, "tokens_per_s": batch * 1e6 / step_us} | more


def attention(dtype, lengths, us, gb_per_s):
    return {"what": "decode attention", "kv_cache_dtype": dtype, "lengths": lengths, "us": us, "gb_per_s": gb_per_s}


def product(format, shape, tokens, what="product", **rates):
    return {"what": what, "format": format, "shape": shape, "tokens": tokens} | rates


class Rows(unittest.TestCase):
    def found(self, name, **report):
        rows = [row for row in gpu_rows.rows(report) if row["row"] == name]
        self.assertEqual(len(rows), 1, f"rows named {name!r}")
        return rows[0]

    def check(self, name, figure, met, **report):
        row = self.found(name, **report)
        self.assertAlmostEqual(row["figure"], figure, msg=name)
        self.assertIs(row["met"], met, name)

    def test_nothing_measured_is_nothing_met(self):
        rows = gpu_rows.rows({})
        self.assertGreater(len(rows), 40)
        for row in rows:
            self.assertEqual(set(row) & {"row", "figure", "unit", "target", "met"}, {"row", "figure", "unit", "target", "met"})
            self.assertIsNone(row["figure"], row["row"])
            self.assertIsNone(row["met"], row["row"])
        self.assertEqual(len({row["row"] for row in rows}), len(rows), "each has a name of its own")

    def test_attention_beside_the_copy_and_bf16(self):
        lines = [{"what": "copy", "gb_per_s": 4000}, attention("bf16", "32 x 4096", 100, 3400), attention("bf16", "zipf 128 to 16384", 90, 2500), attention("int4", "32 x 4096", 40, 2399)]
        self.check("decode attention bf16, 32 x 4096 / copy", 0.85, True, attention=lines)
        self.check("decode attention int4, 32 x 4096 / copy", 0.59975, False, attention=lines)
        self.check("decode attention int4, 32 x 4096: speed-up over bf16", 2.5, None, attention=lines)
        self.check("decode attention bf16: ragged / even rate", 2500 / 3400, False, attention=lines)
        self.assertIsNone(self.found("decode attention int4: ragged / even rate", attention=lines)["met"])

    def test_a_step_has_the_longer_of_two_roofs(self):
        ceilings = [{"what": "torch copy", "gb_per_s": 4000}, product("", "8192^3", 8192, "torch product", tflops=800)]
        by_bytes = decode(1, 5000, step_bytes=16e9, step_flops=1e9)  # 4,000 us of bytes
        by_flops = decode(128, 5000, step_bytes=4e9, step_flops=2.4e12)  # 3,000 us of operations
        self.check("decode step 8B bf16, batch 1 at 1024: roofline / step", 0.8, True, ceilings=ceilings, model_bf16=[by_bytes, by_flops])
        self.check("decode step 8B bf16, batch 128 at 1024: roofline / step", 0.6, False, ceilings=ceilings, model_bf16=[by_bytes, by_flops])

    def test_the_copy_measured_by_our_own_kernels_counts_first(self):
        self.assertEqual(gpu_rows.copy_rate({"ceilings": [{"what": "torch copy", "gb_per_s": 1}], "attention": [{"what": "copy", "gb_per_s": 2}]}), 2)
        self.assertEqual(gpu_rows.copy_rate({"model_bf16": [{"what": "opened", "copy_gb_per_s": 3}]}), 3)

    def test_four_bits_beside_sixteen(self):
        self.check("decode 8B batch 1: int4 / bf16 weights, tokens/s", 2.5, True, model_bf16=[decode(1, 5000)], model_int4=[decode(1, 2000)])

    def test_the_price_of_determinism_is_time(self):
        lines = [decode(32, 1150), decode(32, 1000, False), decode(256, 1300), decode(256, 1000, False)]
        self.check("deterministic mode, 8B bf16 decode, batch 32: slower by", 0.15, True, model_bf16=[decode(32, 1149), decode(32, 1149 / 1.15, False)])
        self.check("deterministic mode, 8B bf16 decode, batch 256: slower by", 0.3, False, model_bf16=lines)

    def test_prefill_beside_the_matrix_rate(self):
        ceilings = [product("", "8192^3", 8192, "torch product", tflops=800), {"what": "torch attention", "backend": "CUDNN_ATTENTION", "tokens": 4096, "tflops": 500}]
        lines = [{"what": "prefill", "tokens": 8192, "batch_invariant": True, "tflops": 400, "step_us": 1}, {"what": "prefill", "tokens": 8192, "batch_invariant": False, "tflops": 600, "step_us": 1}]
        self.check("prefill 8B bf16, 8192 tokens, deterministic / bf16 matrix rate", 0.5, False, ceilings=ceilings, model_bf16=lines)
        self.check("prefill 8B bf16, 8192 tokens, fast / bf16 matrix rate", 0.75, True, ceilings=ceilings, model_bf16=lines)
        self.check("prefill attention, 4096 tokens causal / CUDNN_ATTENTION", 0.7, True, ceilings=ceilings, attention=[{"what": "prefill attention", "tokens": 4096, "tflops": 350}])

    def test_products_are_judged_by_the_slowest_shape_in_the_better_mode(self):
        ceilings = [{"what": "torch copy", "gb_per_s": 4000}] + [product("", shape, 1024, "torch product", tflops=600) for shape in ("qkv", "down")]
        ours = [product("bf16", "qkv", 1024, tflops=300), product("bf16", "down", 1024, tflops=570), product("int4", "qkv", 1, gb_per_s=3000), product("int4", "down", 1, gb_per_s=2600)]
        fast = [product("bf16", "qkv", 1024, "fast product", tflops=600), product("bf16", "down", 1024, "fast product", tflops=540)]
        self.check("products bf16, 1024 rows, the better mode, slowest shape / torch", 0.95, False, ceilings=ceilings, products=ours, fast_products=fast)
        self.check("products int4, 1 rows, slowest shape / copy", 0.65, False, ceilings=ceilings, products=ours)

    def test_conversion_shows_its_pause(self):
        line = {"what": "conversion of a pool", "from": "bf16", "to": "int8", "pool_bytes": 60e9, "pause_ms": 30.0, "gb_per_s": 3000}
        back = line | {"from": "int8", "to": "bf16", "gb_per_s": 1}
        report = {"model_bf16": [back, line], "attention": [{"what": "copy", "gb_per_s": 4000}]}
        self.check("live KV conversion bf16 to int8, pool of 60 GB / copy", 0.75, True, **report)
        self.check("the same: pause", 30.0, None, **report)

    def test_serving_is_beside_the_best_that_was_complete(self):
        theirs = [{"output_tokens_per_s": 100}, {"output_tokens_per_s": 200}, {"output_tokens_per_s": 900, "incomplete": "ended early"}]
        report = {"sessions": {"serving": {"output_tokens_per_s": 700, "side_by_side": {"sequences": 32, "device_waits": 0.02}}}, "transformers": theirs}
        self.check("serving: ours / transformers' continuous batching, tokens/s", 3.5, True, **report)
        self.check("device waits between decode steps, 32 sequences / step", 0.02, True, **report)

    def test_what_narrow_numbers_cost_is_shown(self):
        facts = {"model": "m", "mean_kl": 0.001}
        lines = [{"what": "accuracy", "kv_cache_dtype": dtype} | facts | {"mean_kl": kl} for dtype, kl in (("f16", 0.005), ("int4", 0.3))]
        lines += [{"what": "fast mode", "matrix_library": "lib", "rows_that_differ": 0.5} | facts, {"what": "fp8 weights"} | facts]
        self.check("accuracy: mean KL to the CPU in float32, KV f16, m", 0.005, False, accuracy=lines)
        self.check("accuracy: mean KL to the CPU in float32, KV int4, m", 0.3, None, accuracy=lines)
        self.check("fast mode: mean KL to the deterministic one, m, lib", 0.001, None, accuracy=lines)
        self.check("fp8 weights: mean KL to those of the file, m", 0.001, None, accuracy=lines)

    def test_the_last_word_on_a_suite_counts(self):
        lines = [{"suite": "A.*", "tests": 3, "failed": ["A.x", "A.y"], "not_run": ["A.z"], "skipped": []}, {"suite": "A.*", "tests": 3, "failed": ["A.x"], "not_run": [], "skipped": []}, {"suite": "B.*", "tests": 1, "failed": [], "skipped": ["B.x"], "not_run": []}]
        row = self.found("kernels: tests that fail", tests=lines)
        self.assertEqual((row["figure"], row["of"], row["failed"], row["met"]), (1, 4, ["A.x"], False))
        self.check("kernels: tests skipped", 1, False, tests=lines)
        self.check("kernels: tests that were not reached", 0, True, tests=lines)


class SideBySide(unittest.TestCase):
    def test_the_device_waits_between_the_ends_of_steps(self):
        db = sqlite3.connect(":memory:")
        db.execute("CREATE TABLE v_step (step_id, start_ns, duration_ns, execute_ns, sample_ns, running, prefill_tokens, recompute_tokens)")
        steps = [  # planned, took, of which on the device, sequences, tokens of prompts
            (0, 100, 90, 2, 64),
            (5, 195, 90, 2, 0),  # ends at 200, 100 after the one before
            (105, 195, 90, 2, 0),  # planned while that one ran; ends at 300
            (205, 105, 9, 1, 0),  # one has gone
            (990, 500, 1, 2, 0),  # in another crowd
        ]
        for number, (start, took, device, running, prompt) in enumerate(steps):
            db.execute("INSERT INTO v_step VALUES (?, ?, ?, ?, ?, ?, ?, 0)", (number, start, took, device - 1, 1, running, prompt))
        found = gpu_report.side_by_side(db, 900)
        self.assertEqual((found["sequences"], found["steps"]), (2, 2))
        self.assertAlmostEqual(found["device_waits"], 0.1)
        self.assertIsNone(gpu_report.side_by_side(db, 3), "no step came after another")


class LastWords(unittest.TestCase):
    def test_who_was_cut_short_has_not_failed(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("slow", "wrong"):
                (pathlib.Path(folder) / f"{name}.err").write_text("no such kernel\n")
            found = gpu_report.last_words(pathlib.Path(folder), [{"stage": "slow", "how": "cut short", "status": 124}, {"stage": "wrong", "how": "failed", "status": 5}])
        self.assertEqual(found, {"wrong": ["no such kernel"]})


if __name__ == "__main__":
    unittest.main()
