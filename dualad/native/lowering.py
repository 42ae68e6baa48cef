"""What elementwise operations come to in scalar code: one row an operation.

An instruction is named as LLVM names it, a function as the C library or LLVM's intrinsics do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..op import OPS, PRIVATE, Op
from ..program import Value
from .code import Code

_FLOAT64 = np.dtype(np.float64)
# A user's operation may have the name of one of ours: those that were declared when this was imported are ours.
_OURS = frozenset(id(op) for op in (*OPS.values(), *PRIVATE) if isinstance(op, Op))


def known(op: Op | None) -> str:
    """The name of an operation of this library; '' for any other."""
    return op.name if op is not None and id(op) in _OURS else ""


LIBRARY = frozenset(
    (
        "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "sinh",
        "cosh", "tanh", "asinh", "acosh", "atanh", "cbrt", "pow", "atan2", "hypot", "fmod",
    )
)  # fmt: skip
INTRINSICS = frozenset(("sqrt", "fabs", "floor", "ceil", "trunc", "rint", "copysign"))
Row = Callable[..., int]


def _positive(code: Code, a: int) -> int:
    return a


def _plain(op: str) -> Row:
    return lambda code, *args: code.emit(op, *args)


def _compare(op: str) -> Row:
    return lambda code, a, b: code.emit(op, a, b, kind="b")


def _logic(op: str) -> Row:
    return lambda code, a, b: code.emit(op, truth(code, a), truth(code, b), kind="b")


def truth(code: Code, a: int) -> int:
    """Whether a number is not 0."""
    if code.kind(a) == "b":
        return a
    number(code, a)
    return code.emit("une", a, code.constant(0.0), kind="b")


def number(code: Code, a: int) -> int:
    """Any value as a double."""
    if code.kind(a) == "d":
        return a
    constant = code.value(a)
    return code.emit("uitofp", a) if constant is None else code.constant(float(constant))


def _nan(code: Code, a: int) -> int:
    return code.emit("uno", a, a, kind="b")


def _extremum(larger: str) -> Row:
    """NumPy's: NaN if either is."""

    def row(code: Code, a: int, b: int) -> int:
        first = code.emit("or", code.emit(larger, a, b, kind="b"), _nan(code, a), kind="b")
        return code.emit("select", first, a, b)

    return row


def _passing(larger: str) -> Row:
    """The other one beside a NaN."""

    def row(code: Code, a: int, b: int) -> int:
        first = code.emit("or", code.emit(larger, a, b, kind="b"), _nan(code, b), kind="b")
        return code.emit("select", first, a, b)

    return row


def power(code: Code, a: int, b: int) -> int:
    """Products for small whole exponents, which NumPy's own results are close to."""
    n = code.value(b)
    if n == 0.0:
        return code.one
    if n is not None and float(n).is_integer() and 1 <= abs(n) <= 4:
        y = a
        for _ in range(int(abs(n)) - 1):
            y = code.emit("fmul", y, a)
        return y if n > 0 else code.emit("fdiv", code.one, y)
    return code.emit("sqrt", a) if n == 0.5 else code.emit("pow", a, b)


def _sign(code: Code, a: int) -> int:
    zero = code.constant(0.0)
    above = code.emit("select", code.emit("ogt", a, zero, kind="b"), code.one, zero)
    signed = code.emit("select", code.emit("olt", a, zero, kind="b"), code.constant(-1.0), above)
    return code.emit("select", _nan(code, a), a, signed)


def _rest(code: Code, a: int, b: int) -> tuple[int, int]:
    """What the C library's division leaves, and whether its sign is not the divisor's."""
    r, zero = code.emit("fmod", a, b), code.constant(0.0)
    apart = code.emit(
        "xor", code.emit("olt", r, zero, kind="b"), code.emit("olt", b, zero, kind="b"), kind="b"
    )
    return r, code.emit("and", apart, code.emit("une", r, zero, kind="b"), kind="b")


def _remainder(code: Code, a: int, b: int) -> int:
    """Python's: with the sign of the divisor."""
    (r, turn), zero = _rest(code, a, b), code.constant(0.0)
    whole = code.emit("select", turn, code.emit("fadd", r, b), r)
    return code.emit("select", code.emit("oeq", r, zero, kind="b"), code.emit("copysign", zero, b), whole)


def _floor_divide(code: Code, a: int, b: int) -> int:
    r, turn = _rest(code, a, b)
    q = code.emit("fdiv", code.emit("fsub", a, r), b)
    q = code.emit("rint", code.emit("select", turn, code.emit("fsub", q, code.one), q))
    by_zero = code.emit("oeq", b, code.constant(0.0), kind="b")
    return code.emit("select", by_zero, code.emit("fdiv", a, b), q)


def _heaviside(code: Code, a: int, b: int) -> int:
    zero = code.constant(0.0)
    side = code.emit("select", code.emit("ogt", a, zero, kind="b"), code.one, zero)
    return code.emit(
        "select", _nan(code, a), a, code.emit("select", code.emit("oeq", a, zero, kind="b"), b, side)
    )


def _clip(code: Code, x: int, lo: int, hi: int) -> int:
    return ROWS["np.minimum"](code, ROWS["np.maximum"](code, x, lo), hi)


def _isinf(code: Code, a: int) -> int:
    return code.emit("oeq", code.emit("fabs", a), code.constant(math.inf), kind="b")


def _isfinite(code: Code, a: int) -> int:
    return code.emit("olt", code.emit("fabs", a), code.constant(math.inf), kind="b")


def _where(code: Code, c: int, a: int, b: int) -> int:
    return code.emit("select", truth(code, c), a, b)


def _squared_sech(code: Code, a: int) -> int:
    """Of no large number, so that there is no overflow."""
    t = code.emit("exp", code.emit("fmul", code.emit("fabs", a), code.constant(-2.0)))
    below = code.emit("fadd", t, code.one)
    return code.emit("fdiv", code.emit("fmul", t, code.constant(4.0)), code.emit("fmul", below, below))


def _cosine(code: Code, a: int, b: int) -> int:
    """The rule of hypot: 0 for no vector."""
    y = code.emit("hypot", a, b)
    none = code.emit("oeq", y, code.constant(0.0), kind="b")
    return code.emit("fdiv", a, code.emit("select", none, code.one, y))


def _times(factor: float) -> Row:
    return lambda code, a: code.emit("fmul", a, code.constant(factor))


ROWS: dict[str, Row] = {
    "np.add": _plain("fadd"), "np.subtract": _plain("fsub"), "np.multiply": _plain("fmul"),
    "np.divide": _plain("fdiv"), "np.negative": _plain("fneg"), "np.positive": _positive,
    "np.conjugate": _positive, "np.absolute": _plain("fabs"), "np.sqrt": _plain("sqrt"),
    "square root of a spread": _plain("sqrt"), "np.square": lambda code, a: code.emit("fmul", a, a),
    "np.reciprocal": lambda code, a: code.emit("fdiv", code.one, a),
    "np.power": power, "power by a number": power, "np.remainder": _remainder, "np.fmod": _plain("fmod"),
    "np.floor_divide": _floor_divide, "np.copysign": _plain("copysign"), "np.heaviside": _heaviside,
    "np.arcsin": _plain("asin"), "np.arccos": _plain("acos"), "np.arctan": _plain("atan"),
    "np.arcsinh": _plain("asinh"), "np.arccosh": _plain("acosh"), "np.arctanh": _plain("atanh"),
    "np.arctan2": _plain("atan2"), "np.degrees": _times(180 / math.pi), "np.radians": _times(math.pi / 180),
    "np.maximum": _extremum("oge"), "np.minimum": _extremum("ole"), "np.fmax": _passing("oge"),
    "np.fmin": _passing("ole"), "np.clip": _clip, "np.where": _where, "np.sign": _sign,
    "np.floor": _plain("floor"), "np.ceil": _plain("ceil"), "np.trunc": _plain("trunc"), "np.rint": _plain("rint"),
    "np.equal": _compare("oeq"), "np.not_equal": _compare("une"), "np.less": _compare("olt"),
    "np.less_equal": _compare("ole"), "np.greater": _compare("ogt"), "np.greater_equal": _compare("oge"),
    "np.logical_and": _logic("and"), "np.logical_or": _logic("or"), "np.logical_xor": _logic("xor"),
    "np.bitwise_and": _logic("and"), "np.bitwise_or": _logic("or"), "np.bitwise_xor": _logic("xor"),
    "sech²": _squared_sech, "a / hypot(a, b)": _cosine,
    "1 - x²": lambda code, a: code.emit("fmul", code.emit("fsub", code.one, a), code.emit("fadd", code.one, a)),
    "np.logical_not": lambda code, a: code.emit("xor", truth(code, a), code.constant(True), kind="b"),
    "np.isnan": _nan, "np.isinf": _isinf, "np.isfinite": _isfinite,
}  # fmt: skip
for _name in ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "sinh", "cosh", "tanh",
              "cbrt", "hypot"):  # fmt: skip
    ROWS[f"np.{_name}"] = _plain(_name)
TRUTHS: frozenset[Any] = frozenset(
    ("np.where", "np.logical_and", "np.logical_or", "np.logical_xor", "np.logical_not",
     "np.bitwise_and", "np.bitwise_or", "np.bitwise_xor")
)  # fmt: skip  # take truth values as they are; the others take numbers
_TRUTH_VALUED = frozenset(
    (
        "np.equal", "np.not_equal", "np.less", "np.less_equal", "np.greater", "np.greater_equal", "np.isnan",
        "np.isinf", "np.isfinite", *TRUTHS,
    )
) - {"np.where"}  # fmt: skip


def is_row(value: Value) -> bool:
    """Whether a row computes a value: NumPy's sums of truth values and operations on integers are others."""
    name = known(value.op)
    return name in ROWS and (value.dtype == _FLOAT64 or (value.dtype == np.bool_ and name in _TRUTH_VALUED))
