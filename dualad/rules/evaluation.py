"""np.polynomial's evaluation functions: plain Python that never asks whether a value is traced.

Most of them are right on traced values as they stand. But `polyval(x, c)` and its kin give coefficients the axes
of `x` only where `isinstance(x, np.ndarray)`: with a traced `x` and coefficients of several dimensions the two
would broadcast against each other, wrongly and without a word. It is refused where such a function first asks for
an operation of coefficients, a view of their array, with a traced value; or where that fails; or in `np.prod`.
"""

import sys

from ..errors import ShapeError, error
from ..op import Tracer

# By name first: a look at the name of the caller is all that other code pays.
EVALUATIONS = frozenset(("polyval", "polyvalfromroots", "chebval", "legval", "hermval", "hermeval", "lagval"))


def asked_by(frame):
    """Whether an evaluation function called, to judge by its name: itself, or an interpreter's method."""
    back = frame.f_back
    return frame.f_code.co_name in EVALUATIONS or (back is not None and back.f_code.co_name in EVALUATIONS)


def refuse_untensored():
    """Raise if on behalf of an evaluation function whose coefficients lack the axes of a traced `x`."""
    frame = sys._getframe(1)
    for _ in range(5):  # ours, and the caller's
        if frame is None:
            return
        if frame.f_code.co_name in EVALUATIONS and _module(frame).startswith("np.polynomial."):
            _check(frame, frame.f_locals)
        frame = frame.f_back


def _module(frame):
    return frame.f_globals.get("__name__", "").replace("numpy", "np", 1)


def _check(frame, found):
    x, tensor, letter = found["x"], found["tensor"], "r" if "r" in found else "c"
    if not isinstance(x, Tracer) or x.ndim == 0:
        return
    c, name = found[letter], f"{_module(frame)}.{frame.f_code.co_name}"
    if letter == "r" and not tensor and x.ndim >= c.ndim:
        raise error(
            ShapeError, f"{name} with tensor=False takes an x of fewer dimensions than r", "tensor=True"
        )
    if not tensor or (letter == "c" and c.ndim == 1):
        return
    laid = f"np.reshape({letter}, {letter}.shape + (1,) * x.ndim)"
    fix = f"np.prod(x - {laid}, axis=0)" if letter == "r" else f"{name}(x, {laid}, tensor=False)"
    caller = frame.f_back
    if caller is not None and caller.f_code.co_name == "_gridnd" and caller.f_back is not None:
        name = f"{_module(caller.f_back)}.{caller.f_back.f_code.co_name}"
        axes = ["y", "z"][: int(name[-2]) - 1]
        fix = f"one axis after the other: c = {fix}, then the same with " + " and with ".join(axes)
    raise error(
        ShapeError,
        f"{name} would take a traced x for a number: coefficients of shape {c.shape} broadcast against it",
        fix,
    )
