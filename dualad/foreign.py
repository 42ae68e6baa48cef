"""Calls of SciPy's Python functions with traced values: which one it was, and what to call in its place.

They convert their arguments to arrays of objects first. Some then work as they are, element by element, and are
left alone; others ask for a float, which is refused, or fail with an error of their own, which gets a note.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Any

import numpy as np

from .errors import DualadError
from .op import OPS, Tracer

# The functions that `dualad.scipy` has twins of
TWINS = {
    "scipy.integrate": frozenset(("quad", "solve_ivp")),
    "scipy.linalg": frozenset(
        (
            "cho_factor", "cho_solve", "expm", "logm", "lu_factor", "lu_solve", "solve_sylvester", "solve_triangular",
            "sqrtm",
        )
    ),
    "scipy.optimize": frozenset(("fixed_point", "minimize", "root")),
    "scipy.special": frozenset(
        (
            "comb", "factorial", "log_softmax", "logsumexp", "multigammaln", "polygamma", "softmax",
            "spherical_in", "spherical_jn", "spherical_kn", "spherical_yn",
        )
    ),
}  # fmt: skip
# What NumPy has under the same names, and SciPy computes in compiled code, but for the norm
_COMPILED: dict[str, Any] = {"scipy.linalg": np.linalg, "scipy.fft": np.fft}
_WORKING = "scipy.linalg.norm"


# What NumPy says where it meets an array of objects, as np.array([x, y]) of traced values is
_OF_OBJECTS = re.compile(
    r"dtype\('O'\)|has no callable \w+ method|not supported for the input types|"
    r"'(Dual|Var|Counted|Symbol)(Array)?' object has no attribute"
)
_STACK = (
    "np.array([x, y]) of traced values is an array of objects, which this function does not take\n  instead: "
    "np.stack([x, y]); or the code as it is under @dualad.inplace, where np.array makes a traced array"
)


def caller() -> str:
    """The function of SciPy's that is asking, `scipy.linalg.expm`, or '' where it is not SciPy that asks."""
    return _function(_outwards(sys._getframe(1)))


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def better(name: str) -> str:
    """What to call in place of a function of SciPy's, where there is something."""
    module, _, function = name.rpartition(".")
    if function in TWINS.get(module, ()):
        return f"dualad.{name}, its twin (import dualad.{module})"
    there = _COMPILED.get(module)
    if getattr(there, function, None) in OPS:
        return f"np.{module.rpartition('.')[2]}.{function}, which has a rule"
    return ""


def refuses(name: str) -> bool:
    """Whether an array of objects is of no use to the function, or there is a better one."""
    return name != _WORKING and bool(better(name))


def multiplies(frame: FrameType) -> bool:
    """Whether it is a sparse matrix that asks for the array it is to multiply.

    SciPy takes an array of no dimension for a refusal, and leaves the product to `__rmatmul__`.
    """
    return frame.f_code.co_name == "_matmul_dispatch" and _package(frame) == "scipy"


def problem(name: str) -> str:
    """What goes wrong in a call of the function."""
    return f"{name} converts its arguments to plain arrays, which would lose their derivative"


def advice(name: str) -> str:
    """The change that works."""
    if name.startswith("scipy.sparse.") and not name.startswith("scipy.sparse.linalg."):
        return "A @ x or x @ A, which have a rule for an array x (np.stack makes one of numbers) and a constant A"
    return better(name) or (
        "write it with functions of NumPy and ufuncs of scipy.special, which have rules, declare it with "
        "dualad.custom_rule, or call it on dualad.primal(x) if its derivative is not wanted"
    )


def explain(exception: BaseException) -> None:
    """Add a note to an error that a function of SciPy's raised because it was given traced values."""
    if isinstance(exception, DualadError) or not isinstance(exception, Exception):
        return
    frames: list[FrameType] = []
    step = exception.__traceback__
    while step is not None:
        frames.insert(0, step.tb_frame)
        step = step.tb_next
    name = _function(frames)
    note = ""
    if name and any(_holds_traced(frame.f_locals.values()) for frame in _of_scipy(frames)):
        note = f"{problem(name)}\n  instead: {advice(name)}"
    elif isinstance(exception, (TypeError, AttributeError)) and _OF_OBJECTS.search(str(exception)):
        note = _STACK
    if note and note not in getattr(exception, "__notes__", ()):  # the run of an outer derivative sees it too
        exception.add_note(note)


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _of_scipy(frames: Iterable[FrameType]) -> list[FrameType]:
    """The frames of SciPy, innermost first, down to the line of the user's that called it."""
    found = []
    for frame in frames:
        package = _package(frame)
        if package == "scipy":
            found.append(frame)
        elif package not in ("numpy", "dualad"):
            break
    return found


def _function(frames: Iterable[FrameType]) -> str:
    """The public name of the outermost function of SciPy's that was called, behind its decorators."""
    found = [candidate for frame in reversed(_of_scipy(frames)) for candidate in _candidates(frame)]
    for module, name, method in found:
        if hasattr(sys.modules.get(module), name):
            return f"{module}.{name}{method}"
    return f"{found[0][0]}: {found[0][1]}{found[0][2]}" if found else ""


def _candidates(frame: FrameType) -> Iterator[tuple[str, str, str]]:
    """What a frame may be running: a module, a name in it, and a method of that."""
    module, code = _public(frame.f_globals["__name__"]), frame.f_code
    method = "" if code.co_name.startswith("_") else "." + code.co_name
    if "self" in frame.f_locals:
        yield module, type(frame.f_locals["self"]).__name__, method
    head, _, rest = code.co_qualname.partition(".")
    yield module, head, method if rest and not rest.startswith("<") else ""
    for value in frame.f_locals.values():  # what a decorator has wrapped
        theirs, name = getattr(value, "__module__", None), getattr(value, "__name__", None)
        if isinstance(theirs, str) and isinstance(name, str) and theirs.partition(".")[0] == "scipy":
            yield _public(theirs), name, ""


def _public(module: str) -> str:
    """`scipy.linalg` for scipy.linalg._matfuncs."""
    return module.partition("._")[0]


def _holds_traced(values: Iterable[Any]) -> bool:
    return any(
        isinstance(v, Tracer)
        or (isinstance(v, np.ndarray) and v.dtype == object)
        or (type(v) in (list, tuple) and any(isinstance(w, Tracer) for w in v))
        for v in list(values)
    )
