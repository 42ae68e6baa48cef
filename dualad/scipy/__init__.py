"""Twins of SciPy's Python functions, for traced values: its ufuncs and those of NumPy need none.

`dualad.scipy.linalg`, `optimize`, `integrate` and `special` have them; solvers are also here.
"""

from __future__ import annotations

import importlib
from typing import Any

_HERE = {
    "fixed_point": "optimize",
    "minimize": "optimize",
    "quad": "integrate",
    "root": "optimize",
    "solve_ivp": "integrate",
}


def __getattr__(name: str) -> Any:
    """A solver, whose module is loaded when it is first asked for: SciPy takes a while."""
    if name not in _HERE:
        raise AttributeError(f"module 'dualad.scipy' has no attribute {name!r}")
    return getattr(importlib.import_module(f"dualad.scipy.{_HERE[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HERE})
