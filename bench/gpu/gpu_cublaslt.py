#!/usr/bin/env python3
"""Prints where cuBLASLt is, as PITWALL_CUBLASLT takes it; nothing where the loader finds it by itself.   gpu_cublaslt.py"""
import ctypes, importlib.util, pathlib

for name in ("libcublasLt.so.13", "libcublasLt.so.12"):
    try:
        ctypes.CDLL(name)
        raise SystemExit
    except OSError:
        pass
torch = importlib.util.find_spec("torch")
packages = pathlib.Path(torch.origin).parent.parent if torch else pathlib.Path("/nowhere")
places = sorted(packages.glob("nvidia/*/lib/libcublasLt.so.*")) + sorted(packages.glob("torch/lib/libcublasLt*.so*")) + sorted(pathlib.Path("/usr/local/cuda/lib64").glob("libcublasLt.so.*"))
if places:
    print(places[0])
