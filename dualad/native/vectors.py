"""Mathematical functions of several numbers at once, from the vector library that comes with glibc."""

from __future__ import annotations

import ctypes
import functools
import platform
from collections.abc import Mapping
from typing import NamedTuple

ONE = ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "sinh",
       "cosh", "tanh", "asinh", "acosh", "atanh", "cbrt")  # fmt: skip
TWO = ("pow", "atan2", "hypot")


class Vectors(NamedTuple):
    """How many numbers a vector holds, and the addresses of the functions of vectors, by the scalar ones' names."""

    width: int
    functions: Mapping[str, int]


@functools.cache
def vectors() -> Vectors:
    """Those of this machine."""
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features()
    width = 8 if features.get("avx512f") and features.get("avx512dq") else 4
    known = platform.machine() in ("x86_64", "AMD64") and features.get("avx2")
    return Vectors(width, functions(width) if known else {})


def functions(width: int) -> dict[str, int]:
    """Those of x86 processors with vectors of 8 or 4 doubles; none where there is no such library."""
    try:
        library = ctypes.CDLL("libmvec.so.1")
    except OSError:
        return {}
    kind, found = {8: "eN8", 4: "dN4"}[width], {}
    for names, marks in ((ONE, "v"), (TWO, "vv")):
        for name in names:
            function = getattr(library, f"_ZGV{kind}{marks}_{name}", None)
            if function is not None:
                found[name] = int(ctypes.cast(function, ctypes.c_void_p).value or 0)
    return found
