"""Every error dualad raises: what happened, on which of the user's lines, and the change that works."""

from __future__ import annotations

import linecache
import os
import sys
from itertools import islice
from types import FrameType
from typing import TypeVar

import numpy as np

# Frames inside these folders are ours, NumPy's or SciPy's; the first frame outside them is the user's.
_PACKAGES = os.path.dirname(os.path.dirname(os.path.abspath(np.__file__)))
_LIBRARY = (
    os.path.dirname(os.path.abspath(__file__)) + os.sep,
    *(os.path.join(_PACKAGES, name) + os.sep for name in ("numpy", "scipy")),
)


class DualadError(Exception):
    """Base class of all errors raised by dualad."""


class NoRuleError(DualadError, TypeError):
    """A function without a derivative rule met a traced value."""


class KeywordError(DualadError, TypeError):
    """A function has a rule, but not for the keyword it was called with."""


class ConversionError(DualadError, TypeError):
    """A traced value was about to become a plain number or array, losing its derivative."""


class AssignmentError(DualadError, TypeError):
    """An assignment into, or with, a traced value that cannot be differentiated."""


class NotScalarError(DualadError, ValueError):
    """A scalar was needed: the output given to `grad`, or the truth value of an array."""


class ShapeError(DualadError, ValueError):
    """Shapes or structures of primals, tangents and cotangents do not match."""


class DtypeError(DualadError, TypeError):
    """A value whose dtype cannot be differentiated."""


class ArgumentError(DualadError, TypeError):
    """A derivative was asked for with arguments that make no sense, such as a position past the end."""


class LeakError(DualadError, RuntimeError):
    """A traced value was used after the function it belongs to had returned."""


class TraceError(DualadError, TypeError):
    """A function does something that a compiled program cannot."""


class RegistrationError(DualadError, ValueError):
    """A rule was registered twice, or without what its kind needs."""


class NonFiniteError(DualadError, FloatingPointError):
    """Inside `debug_nans`, an operation has an infinite or NaN derivative where its value is finite."""


class SolverError(DualadError, ArithmeticError):
    """A solver's result has no derivative: the Jacobian there is singular, or it is no solution."""


class GradientError(DualadError, AssertionError):
    """A derivative disagrees with what the function's values or another derivative say it is."""


def _user_frame() -> FrameType | None:
    """The innermost frame that is in neither dualad, NumPy nor SciPy."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        path = frame.f_code.co_filename
        if not os.path.abspath(path).startswith(_LIBRARY) and not path.startswith("<__array_function__"):
            return frame
        frame = frame.f_back
    return None


def user_line() -> str:
    """`file:line: source` of the user's line that is being executed, or ''."""
    frame = _user_frame()
    if frame is None:
        return ""
    path = frame.f_code.co_filename
    source = linecache.getline(path, frame.f_lineno).strip()
    return f"{path}:{frame.f_lineno}" + (f": {source}" if source else "")


def user_call() -> str:
    """The source of the expression that is being executed on the user's line: of several calls, the one; or ''."""
    frame = _user_frame()
    if frame is None:
        return ""
    positions = next(islice(frame.f_code.co_positions(), frame.f_lasti // 2, None), (None,) * 4)
    first, last, begin, end = positions
    if first is None or last is None or begin is None or end is None:
        return ""  # Python was told not to keep them
    lines = [linecache.getline(frame.f_code.co_filename, k).encode() for k in range(first, last + 1)]
    lines[-1] = lines[-1][:end]  # counted in bytes
    lines[0] = lines[0][begin:]
    return b"".join(lines).decode()


E = TypeVar("E", bound=DualadError)


def error(kind: type[E], problem: str, fix: str = "", line: str | None = None) -> E:
    """An error of `kind` whose message has the problem, the user's line and the change that works."""
    line = user_line() if line is None else line
    parts = [problem, f"  at {line}" if line else "", f"  instead: {fix}" if fix else ""]
    return kind("\n".join(part for part in parts if part))


def name_of(function: object) -> str:
    """The name a user would write: `np.linalg.inv`, `scipy.special.erf`."""
    name = getattr(function, "__name__", None) or repr(function)
    module = getattr(function, "__module__", None) or ("numpy" if isinstance(function, np.ufunc) else "")
    if isinstance(function, np.ufunc) and getattr(np, name, None) is not function:
        special = sys.modules.get("scipy.special")
        module = "scipy.special" if getattr(special, name, None) is function else ""
    module = "np" + module[5:] if module.split(".")[0] == "numpy" else module
    return f"{module}.{name}" if module else name
