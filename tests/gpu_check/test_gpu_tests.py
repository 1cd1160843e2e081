#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""gpu_tests.py over a program that behaves like GoogleTest on a GPU which a bad kernel has lost."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BENCH = pathlib.Path(__file__).resolve().parents[2] / "bench/gpu"
RUNNER = BENCH / "gpu_tests.py"
# Good.*: passes. Sticky.*: the first fails for good, and the others because of it. Dies.*: a crash in the middle. Hangs.*: never ends.
PROGRAM = """#!{python}
import fnmatch, os, sys, time
TESTS = ["Good.A", "Good.B", "Sticky.A", "Sticky.B", "Dies.A", "Dies.B", "Dies.C", "Skips.A", "Hangs.A", "All/Param.A/0", "All/Param.A/1"]
wanted = [word.split("=", 1)[1] for word in sys.argv if word.startswith("--gtest_filter=")][0].split(":")
tests = [name for name in TESTS if any(fnmatch.fnmatchcase(name, filter) for filter in wanted)]
if "--gtest_list_tests" in sys.argv:
    for suite in dict.fromkeys(name.split(".")[0] for name in tests):
        print(suite + ".")
        for name in tests:
            if name.split(".")[0] == suite:
                print("  " + name.split(".")[1] + ("  # GetParam() = 4" if "/" in suite else ""))
    sys.exit()
lost = False
for name in tests:
    print(f"[ RUN      ] {{name}}", flush=True)
    if name == "Dies.B":
        os.abort()
    if name == "Hangs.A":
        time.sleep(3600)
    lost = lost or name == "Sticky.A"
    print("[  SKIPPED ] Skips.A (0 ms)" if name == "Skips.A" else f"[  FAILED  ] {{name}}, where so (0 ms)" if lost else f"[       OK ] {{name}} (0 ms)", flush=True)
sys.exit(lost)
"""

# Interrupted between the beginning of a process, whose id it prints, and the moment when that is known.
BEGINS = """
import os, signal, subprocess, threading, time
import gpu_tests

class Slow(subprocess.Popen):
    def __init__(self, *words, **more):
        super().__init__(*words, **more)
        print(self.pid, flush=True)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)

gpu_tests.subprocess.Popen = Slow
processes = gpu_tests.Processes()
signal.signal(signal.SIGINT, processes.end_all)
thread = threading.Thread(target=processes.run, args=(["sleep", "600"], 600))
thread.start()
thread.join()
"""


def runs(pid):
    """Or waits, ended, for a parent that asks for it."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class GpuTests(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.program = pathlib.Path(self.folder.name) / "program"
        self.program.write_text(PROGRAM.format(python=sys.executable))
        self.program.chmod(0o755)

    def run_with(self, *words):
        ended = subprocess.run([sys.executable, RUNNER, self.program, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600)  # it would hang for an hour
        lines = [json.loads(line) for line in ended.stdout.splitlines()]
        return ended, {line["suite"]: line for line in lines}, lines

    def test_one_bad_kernel_costs_its_own_suite(self):
        ended, found, _ = self.run_with("--filter", "*", "--each", "3", "--jobs", "4")
        self.assertEqual(ended.returncode, 1)
        self.assertEqual(found["Good.*"]["passed"], 2)
        self.assertEqual(found["All/Param.*"]["passed"], 2)
        self.assertEqual((found["Sticky.*"]["failed"], found["Sticky.*"]["failed_beside_others"]), (["Sticky.A"], ["Sticky.B"]))
        self.assertEqual((found["Dies.*"]["failed"], found["Dies.*"]["passed"], found["Dies.*"]["not_run"]), (["Dies.B"], 2, []))
        self.assertIn("[ RUN      ] Dies.B", found["Dies.*"]["last_lines"])
        self.assertEqual((found["Hangs.*"]["failed"], found["Hangs.*"]["status"]), (["Hangs.A"], None))
        self.assertEqual((found["Skips.*"]["skipped"], found["Skips.*"]["failed"] if "failed" in found["Skips.*"] else []), (["Skips.A"], []))

    def test_what_was_not_reached_is_told(self):
        ended, found, _ = self.run_with("--filter", "Good.*", "--seconds", "0.5")
        self.assertEqual((ended.returncode, found["Good.*"]["not_run"]), (0, ["Good.A", "Good.B"]))

    def test_a_sanitizer_that_finds_something_is_a_failure(self):
        ended, found, _ = self.run_with("--filter", "Good.*", "--by", "test", "--under", "sh -c '\"$0\" \"$@\"; exit 3'")
        self.assertEqual(ended.returncode, 1)
        self.assertEqual((found["Good.A"]["failed"], found["Good.B"]["failed"]), (["Good.A"], ["Good.B"]))

    def test_what_a_hanging_process_has_begun_ends_with_it(self):
        _, found, _ = self.run_with("--filter", "Hangs.*", "--each", "1", "--under", "sh -c '\"$0\" \"$@\"; exit $?'")
        self.assertEqual(found["Hangs.*"]["failed"], ["Hangs.A"])
        self.assertIn("[ RUN      ] Hangs.A", found["Hangs.*"]["last_lines"])

    def test_an_interrupt_ends_all_and_keeps_the_lines(self):
        run = subprocess.Popen([sys.executable, RUNNER, self.program, "--filter", "Good.*:Hangs.*"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = run.stdout.readline()
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=600)
        self.assertEqual((json.loads(line)["suite"], run.returncode), ("Good.*", 130))

    def test_an_interrupt_ends_what_was_just_beginning(self):
        run = subprocess.run([sys.executable, "-c", BEGINS], cwd=BENCH, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}, stdout=subprocess.PIPE, text=True, timeout=600)
        self.assertEqual(run.returncode, 130)
        pid, ends = int(run.stdout), time.monotonic() + 10
        while runs(pid) and time.monotonic() < ends:
            time.sleep(0.05)
        if left := runs(pid):
            os.kill(pid, signal.SIGKILL)
        self.assertFalse(left, "it is left behind")

    def test_cheap_suites_come_first_where_asked(self):
        _, _, lines = self.run_with("--filter", "Good.*:All/*", "--first", "Param")
        self.assertEqual([line["suite"] for line in lines], ["All/Param.*", "Good.*"])

    def test_a_filter_that_means_nothing_is_no_success(self):
        ended, _, _ = self.run_with("--filter", "Nothing.*")
        self.assertNotEqual(ended.returncode, 0)
        self.assertIn("no test of", ended.stderr)


if __name__ == "__main__":
    unittest.main()
