#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a GoogleTest program suite by suite, each in a process of its own, and prints one JSON line a suite.
    gpu_tests.py PROGRAM [--filter F] [--first SUITE,...] [--by test] [--under WORDS] [--seconds N] [--each N] [--jobs N]
After an illegal address nothing works any more in a process on a GPU. So one kernel that is wrong costs its suite alone, and what
failed there runs once more by itself: `failed` are those that fail alone, too, `failed_beside_others` those that do not.
All that the tests print goes to standard error.
"""
import argparse
import concurrent.futures
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time

LAST_LINES = 25
ENDS = (signal.SIGINT, signal.SIGTERM)
told = threading.Lock()


def names_in(listing):
    """All tests of what --gtest_list_tests prints, in its order."""
    found, suite = [], ""
    for line in listing.splitlines():
        word = line.split("#")[0].strip()
        if not line.startswith(" ") and word.endswith("."):
            suite = word
        elif line.startswith("  ") and suite and word:
            found.append(suite + word)
    return found


def groups_of(names, by_test):
    """Filter -> the tests it runs; by suite, or each by itself."""
    groups = {}
    for name in names:
        groups.setdefault(name if by_test else name.split(".")[0] + ".*", []).append(name)
    return groups


def outcome(text, names):
    """What became of these tests, from what the program printed, however it ended."""
    words = dict.fromkeys(names, "not run")
    # A line of the program's own may stand before the bracket, without an end.
    for word, name in re.findall(r"\[ +(RUN|OK|FAILED|SKIPPED) +\] ([\w/.]+)", text):
        if name in words and not (word == "RUN" and words[name] != "not run"):
            words[name] = word
    return words


def in_order(groups, first):
    """Those of the suites in `first` before the others."""
    place = {suite: at for at, suite in enumerate(first)}
    return dict(sorted(groups.items(), key=lambda group: place.get(group[0].split(".")[0].split("/")[-1], len(place))))


class Processes:
    """Those that run, each in a session of its own, so that what it has begun ends with it: a sanitizer's program holds the pipe open.
    None begins in the main thread: end_all() comes there, and waits for one that begins, so that it knows of all."""

    def __init__(self):
        self.live, self.beginning = set(), threading.Lock()

    def run(self, command, seconds):
        """All it printed, and its exit status; None where it was stopped after that time."""
        with self.beginning:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
            self.live.add(process.pid)
        try:
            return process.communicate(timeout=seconds)[0], process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return process.communicate()[0], None
        finally:
            self.live.discard(process.pid)

    def end_all(self, *_):
        for number in ENDS:  # once: a second would wait for what the first has taken
            signal.signal(number, signal.SIG_IGN)
        self.beginning.acquire()  # for good: none begins any more
        for pid in list(self.live):
            try:
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        os._exit(130)  # the lines that are known have been printed


class Runner:
    def __init__(self, command, seconds, each):
        self.command, self.each, self.processes = command, each, Processes()
        self.ends = time.monotonic() + seconds

    def left(self):
        return min(self.each, self.ends - time.monotonic())

    def run(self, wanted, names):
        """The tests' outcomes, the exit status (None: stopped at its limit), the output's last lines."""
        begun = time.monotonic()
        printed, status = self.processes.run([*self.command, "--gtest_color=no", f"--gtest_filter={wanted}"], self.left())
        text = printed.decode(errors="replace")
        with told:
            print(text, file=sys.stderr, flush=True)
        return outcome(text, names), status, text.splitlines()[-LAST_LINES:], time.monotonic() - begun

    def suite(self, wanted, names):
        if self.left() < 1:
            return {"suite": wanted, "tests": len(names), "not_run": names, "status": None, "why": "no time left"}
        words, status, lines, seconds = self.run(wanted, names)
        line = {"suite": wanted, "tests": len(names), "passed": 0, "status": status, "seconds": round(seconds, 2)}
        for key, word in (("failed", "FAILED"), ("skipped", "SKIPPED"), ("not_run", "not run"), ("cut_short", "RUN")):
            line[key] = [name for name in names if words[name] == word]
        line["passed"] = sum(word == "OK" for word in words.values())
        if status is None:
            line["why"] = f"stopped after {seconds:.0f} s"
        elif line["cut_short"]:
            line["why"] = f"died with status {status} in {line['cut_short'][0]}"
        elif status and not line["failed"]:  # what it ran under has found something, or its end went wrong
            line["failed"], line["why"] = names, f"exit status {status} after tests that passed"
        if status != 0:
            line["last_lines"] = lines
        return line

    def settle(self, line, once_more):
        """What failed or was never reached, alone. What was cut short has had its turn: it is a failure."""
        line["failed_beside_others"] = []
        for name in (line["failed"] + line["not_run"]) * (once_more and line["tests"] > 1):
            if self.left() < 1:
                break
            words, status, lines, _ = self.run(name, [name])
            fate = words[name] if status in (0, 1) else "FAILED"
            was = "failed" if name in line["failed"] else "not_run"
            if fate == "OK":
                line[was].remove(name)
                line["passed"] += 1
                if was == "failed":
                    line["failed_beside_others"].append(name)
            elif was == "not_run":
                line["not_run"].remove(name)
                line["skipped" if fate == "SKIPPED" else "failed"].append(name)
            if fate != "OK":
                line.setdefault("alone", {})[name] = lines
        line["failed"] += line.pop("cut_short")


def options_given():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--filter", default="*", help="as --gtest_filter")
    parser.add_argument("--first", default="", help="suites that come before the others, with commas between")
    parser.add_argument("--under", default="", help="a command that runs the program: a sanitizer. Nothing runs once more then")
    parser.add_argument("--by", choices=("suite", "test"), default="suite", help="what runs in one process")
    parser.add_argument("--seconds", type=float, default=600, help="for all of them")
    parser.add_argument("--each", type=float, default=60, help="for one process")
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time; what runs once more does so alone")
    return parser.parse_args()


def groups_wanted(options):
    listing = subprocess.run([options.program, "--gtest_list_tests", f"--gtest_filter={options.filter}"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True).stdout.decode()
    groups = in_order(groups_of(names_in(listing), options.by == "test"), options.first.split(","))
    if not groups:
        sys.exit(f"gpu_tests: no test of {options.program} is meant by {options.filter}")
    return groups


def run_all(runner, groups, pool):
    """Tells of each suite as it ends; gives those of which there is more to say."""
    bad = []
    waiting = [pool.submit(runner.suite, *group) for group in groups.items()]
    for ended in concurrent.futures.as_completed(waiting):
        line = ended.result()
        if line["status"] == 0:
            print(json.dumps(line), flush=True)
        else:
            bad.append(line)
            print(json.dumps(line | {"provisional": True}), flush=True)
    return bad


def main():
    options = options_given()
    runner = Runner([*shlex.split(options.under), options.program], options.seconds, options.each)
    for number in ENDS:
        signal.signal(number, runner.processes.end_all)
    groups = groups_wanted(options)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        bad = run_all(runner, groups, pool)
        for line in bad:
            if "failed" in line:
                pool.submit(runner.settle, line, once_more=not options.under).result()
            print(json.dumps(line), flush=True)
    sys.exit(any(line.get("failed") for line in bad))


if __name__ == "__main__":
    main()
