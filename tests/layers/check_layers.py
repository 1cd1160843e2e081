#!/usr/bin/env python3
"""Fails when an include breaks the layer table of docs/ARCHITECTURE.md.   check_layers.py ROOT | --self-test"""
import pathlib, re, sys, tempfile

QT = r"Q[A-Z]\w*|qcustomplot\.h|imgui.*|QtTest.*"
# folder: (our folders it may include besides itself, system headers it must not include)
LAYERS = {
    "telemetry": ([], QT + r"|nlohmann/.*|CLI/.*"),
    "presets": (["telemetry/base"], QT + r"|SQLiteCpp/.*|CLI/.*"),
    "engine": (["telemetry", "presets"], QT + r"|SQLiteCpp/.*|CLI/.*"),
    "panels": (["telemetry", "presets"], r"SQLiteCpp/.*|CLI/.*"),
    "app/core": (["telemetry", "presets", "engine"], QT),
    "app/headless": (["app/core"], QT),
    "app/window": (["telemetry", "presets", "engine", "panels", "app/core"], r"CLI/.*"),
}
# The core of the engine knows no executor, and no presenter knows a widget.
EXTRA = [
    (r"^engine/(?!exec/(cpu|sim|cuda)/)", r"^engine/exec/(cpu|sim|cuda)/"),
    (r"^panels/.*_presenter\.(h|cpp)$", r"^(QWidget|QDialog|QMainWindow|qcustomplot\.h|imgui\.h)$"),
]
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


def breaks(root):
    for layer, (allowed, forbidden) in LAYERS.items():
        for path in sorted((root / layer).rglob("*")):
            if path.suffix not in (".h", ".cpp", ".cu", ".cuh"):
                continue
            name = path.relative_to(root).as_posix()
            for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
                found = INCLUDE.match(line)
                if not found:
                    continue
                header = found[1]
                ours = any(header.startswith(top + "/") for top in ("app", "engine", "panels", "telemetry", "presets", "tests", "bench"))
                good = not ours or any(header.startswith(a + "/") for a in [layer, *allowed])
                good = good and not re.fullmatch(forbidden, header)
                good = good and not any(re.search(who, name) and re.search(what, header) for who, what in EXTRA)
                if not good:
                    yield f"{name}:{number}: {layer}/ may not include {header}"


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        cases = {"telemetry/a.h": "engine/core/engine.h", "engine/b.cpp": "QWidget", "panels/x/x_presenter.h": "QWidget", "engine/core/c.cpp": "engine/exec/cpu/cpu_executor.h"}
        for name, header in cases.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(f"#include <{header}>\n")
        found = list(breaks(root))
        assert len(found) == len(cases), found


if sys.argv[1] == "--self-test":
    self_test()
else:
    found = list(breaks(pathlib.Path(sys.argv[1])))
    print("\n".join(found) or "no include breaks a layer")
    sys.exit(1 if found else 0)
