#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""scripts/gpu-check with an emulated GPU in the place of a real one: every stage's command line is understood and says something, what
comes back is few files and whole, whatever ends the run.   test_gpu_check.py NAME=FILE...    (the programs that a GPU machine is given)
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = dict(word.split("=", 1) for word in sys.argv[1:])
MOST_FILES = 8  # that a machine with a GPU may give back
NEEDS_TORCH = {"ceilings", "transformers"}
MAY_BE_SKIPPED = NEEDS_TORCH | {"accuracy", "end_to_end"}  # those need NumPy
FAKES = {"nvidia-smi": 'echo "name"; echo "Emulated GPU"', "compute-sanitizer": 'shift 4; exec "$@"'}


class GpuCheck(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)
        self.carry, self.out = self.folder / "carry", self.folder / "out"
        for folder in (self.carry, self.folder / "bin", self.folder / "tmp"):
            folder.mkdir()
        for path in [*(ROOT / "bench/gpu").glob("gpu_*.py"), ROOT / "scripts/gpu-check", ROOT / "scripts/lib.sh"]:
            (self.carry / path.name).symlink_to(path)
        for name, path in PROGRAMS.items():
            (self.carry / name).symlink_to(path)
        for name, words in FAKES.items():
            self.fake(self.folder / "bin" / name, words)

    def start(self, seconds, **more):
        environment = os.environ | {"PATH": f"{self.folder}/bin:{os.environ['PATH']}", "OUT": str(self.out), "TMPDIR": str(self.folder / "tmp"), "PITWALL_GPU_SCALE": "tiny", "PITWALL_GPU_SECONDS": str(seconds)} | more
        environment.pop("PITWALL_CUDA_PLUGIN", None)  # the one in the folder
        return subprocess.Popen([shutil.which("bash"), self.carry / "gpu-check", "--run", self.carry], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def report(self):
        return json.loads((self.out / "report.json").read_text())

    def check_what_came_back(self):
        names = {path.name for path in self.out.iterdir()}
        self.assertLessEqual({"report.json", "logs.tar.gz"}, names)
        self.assertLessEqual(len(names), MOST_FILES, names)
        subprocess.run(["tar", "-tzf", self.out / "logs.tar.gz"], check=True, stdout=subprocess.DEVNULL)
        self.assertEqual(list((self.folder / "tmp").iterdir()), [], "what it worked in is gone")
        return names

    def test_every_stage_runs(self):
        run = self.start(1800)
        out, err = run.communicate()
        report = self.report()
        self.assertEqual(run.returncode, 0, err + json.dumps(report["last_words"], indent=1))
        names = self.check_what_came_back()
        self.assertLessEqual({"serving.db", "chat.db", "documents.db", "code.db"}, names)
        hows = {stage["stage"]: stage["how"] for stage in report["stages"]}
        self.assertGreater(len(hows), 20)
        self.assertEqual({name: how for name, how in hows.items() if how != "done" and not (how == "skipped" and name in MAY_BE_SKIPPED)}, {})
        for name in set(hows) & set(report) - {name for name, how in hows.items() if how == "skipped"}:
            self.assertTrue(report[name], f"{name} printed nothing")
            self.assertEqual([line for line in report[name] if isinstance(line, dict) and line.get("what") == "failed"], [], name)
        self.check_figures(report)
        turned = {name: [(line["cuda_graphs"], line["cuda_overlap"]) for line in report[name] if line.get("what") == "opened"] for name in ("model_int4", "model_overlap", "model_eager")}
        self.assertEqual(turned, {"model_int4": [(True, False)], "model_overlap": [(True, True)], "model_eager": [(False, False)]})
        self.assertIn("decode attention bf16", out, "the summary")

    def check_figures(self, report):
        """Those that need neither PyTorch nor the real counts of sequences."""
        figures = {row["row"]: row["figure"] for row in report["rows"]}
        for words in ("kernels: tests that fail", "whole engine, same tokens: tests that fail", "memcheck: tests that fail", "racecheck: tests that fail"):
            self.assertEqual(figures[words], 0)
        for words in ("decode attention int8", "ragged / even", "decode step 8B bf16, batch 1", "int4 / bf16 weights", "live KV conversion", "pause", "device waits", "decode, batch 1: slower by", "products int4, 1 rows"):
            self.assertTrue([1 for name, figure in figures.items() if words in name and figure is not None], f"no figure for {words}")
        self.assertIn("kv_cache_dtype", [turn["knob"] for turn in report["sessions"]["chat"]["knobs"]])

    def test_a_run_that_is_stopped_leaves_what_it_has(self):
        run = self.start(600)
        ends = time.monotonic() + 120
        while not (self.out / "report.json").exists() and time.monotonic() < ends:
            time.sleep(0.05)
        run.send_signal(signal.SIGTERM)
        _, err = run.communicate()
        self.assertEqual(run.returncode, 143, err)
        self.check_what_came_back()
        self.assertEqual(self.report()["stages"][0], self.report()["stages"][0] | {"stage": "device", "how": "done"})

    def test_without_time_every_stage_says_so(self):
        run = self.start(1)
        _, err = run.communicate()
        self.assertEqual(run.returncode, 0, err)
        self.check_what_came_back()
        self.assertEqual({stage["how"] for stage in self.report()["stages"]}, {"no time"})

    def test_a_stage_that_fails_stops_none_and_is_told(self):
        self.replace_programs(bench_gpu="echo no such kernel >&2; exit 5")
        run = self.start(600)
        _, err = run.communicate()
        self.assertEqual(run.returncode, 1)
        self.assertIn("some stages failed", err)
        self.assertEqual(self.report()["last_words"]["attention"], ["no such kernel"])
        self.assertEqual(len([stage for stage in self.report()["stages"] if stage["how"] == "no time"]), 0)

    def replace_programs(self, **words):
        """By others that say nothing, or what `words` has them do."""
        for name in ("bench_gpu", "bench_gpu_model", "test_exec_cuda_gpu", "test_same_tokens", "pitwall-headless"):
            (self.carry / name).unlink()
            self.fake(self.carry / name, words.get(name.replace("-", "_"), "exit 0"))

    def fake(self, path, words):
        path.write_text(f"#!/bin/sh\n{words}\n")
        path.chmod(0o755)

    def test_what_cannot_come_back_stops_nothing(self):
        self.replace_programs()
        self.fake(self.folder / "bin" / "cp", "exit 1")
        run = self.start(600)
        _, err = run.communicate()
        self.assertIn("the report could not be brought to", err)
        self.assertIn("stage racecheck:", err, "the last one")
        self.assertEqual(list(self.out.iterdir()), [])

    def test_a_session_that_is_too_large_is_packed_once(self):
        packed = self.folder / "packed"
        record = 'for word; do case $word in */serving.db) head -c 17000000 /dev/urandom >"$word" ;; esac; done'
        self.replace_programs(pitwall_headless=record)
        self.fake(self.folder / "bin" / "gzip", f'case "$*" in *.db) echo >>{packed} ;; esac; exec {shutil.which("gzip")} "$@"')
        run = self.start(600)
        _, err = run.communicate()
        self.assertEqual(err.count("serving.db could not be brought"), 1, err)
        self.assertEqual(packed.read_text(), "\n")
        self.check_what_came_back()

    def test_help_is_what_the_script_says_of_itself(self):
        done = subprocess.run(["./gpu-check", "--help"], cwd=ROOT / "scripts", capture_output=True, text=True, check=True)
        self.assertTrue(done.stdout.startswith("Tests and measures the CUDA executor"), done.stdout)
        self.assertIn("--build", done.stdout)
        self.assertNotIn("lib.sh", done.stdout, "comments alone")

    def test_without_a_gpu_it_says_so(self):
        (self.folder / "bin/nvidia-smi").unlink()
        (self.folder / "bin/dirname").symlink_to(shutil.which("dirname"))
        run = self.start(600, PATH=f"{self.folder}/bin")
        _, err = run.communicate()
        self.assertEqual(run.returncode, 1)
        self.assertIn("there is no nvidia-smi here", err)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
