#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each environment variable that the programs read is in the manual's ENVIRONMENT, and each one there is read.

The sources' own variables are words that begin with PITWALL_ in quotes; others' are what is asked of getenv() and its kin."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("app", "engine", "panels", "presets", "telemetry")
ENDINGS = {".cpp", ".h", ".cu"}
READ = re.compile(r'"(PITWALL_[A-Z_]+)"|(?:getenv|qEnvironmentVariable\w*|environment_\w+)\s*\(\s*"([A-Z_]+)"')
# Of the driver, and of libraries that are found at run time.
FOREIGN = {"CUDA_VISIBLE_DEVICES", "NCCL_DEBUG", "LP_NUM_THREADS"}


def read_in_code():
    found = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in ENDINGS:
                for own, other in READ.findall(path.read_text()):
                    found.setdefault(own or other, path.relative_to(ROOT))
    return found


def told_in_manual():
    manual = (ROOT / "docs/manual/pitwall.1.in").read_text()
    section = re.search(r"^\.SH ENVIRONMENT$(.*?)^\.SH ", manual, re.M | re.S)
    headings = re.findall(r"^\.TP\n\.BR? (.+)$", section[1] if section else "", re.M)
    return set(re.findall(r"\b[A-Z][A-Z_]+\b", re.sub(r"\\f.", "", " ".join(headings))))  # \fR is a font


def main():
    read, told = read_in_code(), told_in_manual()
    faults = [f"{name}, which {path} reads, is not under ENVIRONMENT in docs/manual/pitwall.1.in"
              for name, path in sorted(read.items()) if name not in told]
    faults += [f"{name} is under ENVIRONMENT in docs/manual/pitwall.1.in, and nothing reads it"
               for name in sorted(told - set(read) - FOREIGN)]
    if len(read) < 10:
        faults.append(f"only {len(read)} variables were found in the sources: is the search right?")
    sys.exit("\n".join(faults) or None)


main()
