"""How accurate a result is: the same computation in the next wider precision."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .count import Counted, counted
from .errors import DtypeError, DualadError, error
from .ledger import Ledger
from .op import Op
from .select import named
from .tracer import next_number
from .tree import flatten

WIDER = {
    np.dtype(np.float16): np.dtype(np.float32),
    np.dtype(np.float32): np.dtype(np.float64),
    np.dtype(np.float64): np.dtype(np.longdouble),
    np.dtype(np.complex64): np.dtype(np.complex128),
    np.dtype(np.complex128): np.dtype(np.clongdouble),
}


class Measured(NamedTuple):
    """The errors of one leaf of a result, in units in the last place.

    name: where the leaf is in the result; shape and dtype: its own; largest, median: of the errors; where: the index of
    the largest; value, wider: the numbers there, as computed and in wider precision
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    largest: float
    median: float
    where: tuple[int, ...]
    value: Any
    wider: Any


class Accuracy:
    """Errors of a result against a computation in wider precision, leaf by leaf; printed, a table.

    leaves: a `Measured` for each; largest: the largest error of all, in units in the last place

    >>> accuracy(lambda x: {"half": x / 2, "third": x / 3}, np.float32(1.0))
    errors of <lambda>, in units in the last place
    result           dtype    shape  largest  median  at  value
    result['half']   float32  ()     0        0           0.5
    result['third']  float32  ()     0.333    0.333       0.333333
    """

    __slots__ = ("leaves", "name")

    def __init__(self, name: str, leaves: Sequence[Measured]) -> None:
        self.name, self.leaves = name, list(leaves)

    @property
    def largest(self) -> float:
        return max((leaf.largest for leaf in self.leaves), default=0.0)

    def __repr__(self) -> str:
        rows = [("result", "dtype", "shape", "largest", "median", "at", "value")]
        for m in self.leaves:
            at = ", ".join(map(str, m.where)) if m.shape else ""
            rows.append(
                (
                    m.name,
                    str(m.dtype),
                    str(m.shape),
                    f"{m.largest:.3g}",
                    f"{m.median:.3g}",
                    at,
                    f"{m.value:.6g}",
                )
            )
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows
        ]
        return "\n".join([f"errors of {self.name}, in units in the last place", *lines])


def accuracy(f: Callable[..., Any], *args: Any) -> Accuracy:
    """Errors of `f(*args)`, in units in the last place, against the same in the next wider precision.

    `f` is run as it is, and again with float64 arguments in longdouble, float32 ones in float64. So it may be any
    function, and any derivative of one. The wider run has errors of its own, smaller by a factor of 2048 for longdouble
    on x86 and of 2²⁹ for float64. Constants in `f` are what they are in double precision. A unit is the spacing of the
    numbers of the result's dtype at the wider result, for complex numbers at its modulus.

    f: function of numbers, arrays and nested containers of them, of NumPy's functions
    returns: an `Accuracy`; print it
    raises: DtypeError where the wider precision is no wider (longdouble on Windows and on most ARM machines), where an
        operation cannot be computed in it, or where `f` leaves it on the way: it names the operation and the line

    >>> report = accuracy(grad(lambda x: np.sum(np.exp(x) * x)), np.array([0.5, 1.5], np.float32))
    >>> report.largest < 4
    True
    >>> report
    errors of <lambda>, in units in the last place
    result  dtype    shape  largest  median  at  value
    result  float32  (2,)   ...
    """
    leaves, rebuild = flatten(args)
    ledger, number = Precise(), next_number()
    wide = [_widened(v) if _is_floating(v) else v for v in leaves]
    given = [counted(w, ledger, number) if w is not v else v for v, w in zip(leaves, wide, strict=True)]
    result, again = f(*args), flatten(f(*rebuild(given)))[0]
    found = zip(paths(result), flatten(result)[0], again, strict=True)
    return Accuracy(named(f), [_measured(name, v, w, f) for name, v, w in found if _is_floating(v)])


class Precise(Ledger):
    """A ledger that raises where an operation leaves the precision of its arguments."""

    __slots__ = ()

    def evaluated(self, op: Op, values: Sequence[Any], kwargs: dict[str, Any], traced: Sequence[bool]) -> Any:
        dtypes = [v.dtype for v, on in zip(values, traced, strict=True) if on and _is_floating(v)]
        size = max((_digits(dtype) for dtype in dtypes), default=0)
        try:
            y = super().evaluated(op, values, kwargs, traced)
        except DualadError:
            raise
        except TypeError as problem:
            raise _too_wide(f"{op.name} cannot be computed in {dtypes[0]}") from problem
        for part in y if isinstance(y, tuple) else (y,):
            narrow: Any = np.asarray(part).dtype
            if _is_floating(part) and _digits(narrow) < size:
                raise _too_wide(f"{op.name} of {dtypes[0]} gives {narrow}")
        return y


def _too_wide(problem: str) -> DtypeError:
    return error(
        DtypeError,
        f"{problem}: accuracy repeats a computation in the next wider precision",
        "arguments that are one step narrower, x.astype(np.float32), with which float64 is compared; or a function "
        "without this operation",
    )


def _is_floating(v: Any) -> bool:
    kind = getattr(getattr(v, "dtype", None), "kind", "")
    return type(v) in (float, complex) or (isinstance(v, (np.ndarray, np.generic)) and kind in ("f", "c"))


def _digits(dtype: np.dtype[Any]) -> int:
    return int(np.finfo(dtype).nmant)


def _widened(v: Any) -> Any:
    """A number or an array in the next wider precision."""
    v = np.asarray(v)[()]
    wider: Any = WIDER.get(v.dtype)
    if wider is None or _digits(wider) <= _digits(v.dtype):
        raise error(
            DtypeError,
            f"accuracy compares with a wider precision, and for {v.dtype} there is none"
            + ("" if wider is None else f": {wider} is no wider on this machine"),
            "float32 arguments, which are compared with float64: x.astype(np.float32)",
        )
    return v.astype(wider)


def _measured(name: str, v: Any, w: Any, f: Callable[..., Any]) -> Measured:
    """The errors of a leaf against the same leaf of the wider run."""
    computed = isinstance(w, Counted)
    v, w = np.asarray(v), np.asarray(w.value if computed else w)
    if _digits(w.dtype) <= _digits(v.dtype) and (computed or not np.array_equal(v, w, equal_nan=True)):
        raise _too_wide(
            f"{name} is {w.dtype} for wider arguments, too, by constants such as np.eye(3) or a conversion"
        )
    with np.errstate(all="ignore"):
        unit = np.spacing(np.abs(w).astype(np.abs(v).dtype))
        errors = np.asarray(np.abs(v - w) / unit, float)
        exact = (v == w.astype(v.dtype)) & ~np.isfinite(v) | (np.isnan(v) & np.isnan(w))
    errors = np.where(exact, 0.0, np.where(np.isnan(errors), np.inf, errors))
    if not errors.size:
        return Measured(name, v.shape, v.dtype, 0.0, 0.0, (), np.nan, np.nan)
    where = tuple(int(k) for k in np.unravel_index(int(np.argmax(errors)), errors.shape))
    median = float(np.median(errors))
    return Measured(name, v.shape, v.dtype, float(errors[where]), median, where, v[where], w[where])


def paths(tree: Any, name: str = "result") -> list[str]:
    """How to write each leaf of a result, in the order of `flatten`."""
    if isinstance(tree, dict):
        parts = {f"[{key!r}]": part for key, part in tree.items()}
    elif isinstance(tree, tuple) and hasattr(tree, "_fields"):
        parts = {f".{key}": getattr(tree, key) for key in tree._fields}
    elif isinstance(tree, (list, tuple)):
        parts = {f"[{k}]": part for k, part in enumerate(tree)}
    elif dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        parts = {f".{field.name}": getattr(tree, field.name) for field in dataclasses.fields(tree)}
    else:
        return [] if tree is None else [name]
    return [path for key, part in parts.items() for path in paths(part, name + key)]
