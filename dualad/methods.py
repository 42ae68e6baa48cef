"""Methods of ufuncs on traced values: `np.add.reduce`, `np.maximum.accumulate`, `np.multiply.outer` and so on.

Those that NumPy has a function for, a sum or a running product, are that function. The others are what
NumPy's definition says: the ufunc itself, applied from left to right.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .errors import AssignmentError, error, name_of
from .op import OPS, Tracer, checked, example, plainly, primal
from .refuse import BUFFER
from .rules.index import normal_index, positions, scatter_add
from .rules.reduce import every, kept
from .rules.shape import as_array, axis_index
from .rules.ufuncs import log_sums, running_extrema, segment_sums

_MISSING = np._NoValue
_REDUCTIONS: dict[Any, Any] = {
    np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min,
    np.fmax: np.nanmax, np.fmin: np.nanmin,
}  # fmt: skip
# Those of which NumPy refuses nothing but an axis, and keeps the dtype
_USUAL = (np.add, np.multiply, np.maximum, np.minimum)
_RUNNING: dict[Any, Any] = {np.add: np.cumsum, np.multiply: np.cumprod} | {
    ufunc: lambda a, axis, op=op: op(a, axis=axis) for ufunc, op in running_extrema.items()
}


def method(ufunc: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`ufunc.name(*args, **kwargs)`, where one of the arguments is traced."""
    compute, known = _METHODS[name]
    kwargs = checked(ufunc, kwargs, known)
    traced_target = name == "at" and _traced(args[0])
    whole = kwargs.get("dtype") is not None and np.dtype(kwargs["dtype"]).kind in "biu"
    if whole or (OPS[ufunc].kind == "plain" and not traced_target):
        return _numpys(ufunc, name, args, kwargs)
    return compute(ufunc, *args, **kwargs)


def _numpys(ufunc: Any, name: str, args: Any, kwargs: dict[str, Any]) -> Any:
    """What NumPy makes of the values: the errors for arguments that are wrong, and the result's dtype."""
    call = plainly(getattr(ufunc, name), f"{name_of(ufunc)}.{name}")
    return call(*map(primal, args), **{key: primal(v) for key, v in kwargs.items()})


def _traced(a: Any) -> bool:
    return isinstance(a, Tracer)


def _reduce(
    ufunc: Any, a: Any, axis: Any = 0, dtype: Any = None, keepdims: Any = False, initial: Any = _MISSING,
    where: Any = True,
) -> Any:  # fmt: skip
    a, where = as_array(a), primal(where)
    special = {"initial": initial, "where": where} if initial is not _MISSING or where is not True else {}
    if special or ufunc not in _USUAL or not a.shape or 0 in a.shape:
        keywords = {"axis": axis, "dtype": dtype, "keepdims": keepdims, **special}
        dtype = np.asarray(_numpys(ufunc, "reduce", (example(a),), keywords)).dtype
    axis = axis if a.shape else ()
    if dtype is not None and a.dtype != dtype:
        a = a.astype(dtype)
    if ufunc in _REDUCTIONS:
        special = {key: v for key, v in special.items() if v is not None}
        return _REDUCTIONS[ufunc](a, axis=axis, keepdims=bool(keepdims), **special)
    axes = every(axis, np.ndim(a))
    if ufunc in log_sums and np.size(a):
        y = log_sums[ufunc](a if where is True else np.where(where, a, -np.inf), axis=axes)
        y = y if initial is _MISSING or initial is None else ufunc(y, initial)
    else:
        y = _fold(ufunc, a, axes, initial, where)
    rest = tuple(n for k, n in enumerate(np.shape(a)) if k not in axes)
    y = y if np.shape(y) == rest else +np.broadcast_to(y, rest)
    y = np.reshape(y, kept(np.shape(a), axes)) if keepdims else y
    return y if y.dtype == dtype else y.astype(dtype)


def _fold(ufunc: Any, a: Any, axes: tuple[int, ...], initial: Any, where: Any) -> Any:
    """The ufunc applied from left to right along `axes`, which NumPy has found to be allowed."""
    shape, rest = np.shape(a), tuple(k for k in range(np.ndim(a)) if k not in axes)
    count = math.prod(shape[k] for k in axes)

    def line(v: Any) -> Any:
        return np.reshape(np.transpose(v, axes + rest), (count, *(shape[k] for k in rest)))

    if where is not True:  # what is left out is taken out first, so that nothing infinite meets an adjoint
        where = np.broadcast_to(where, shape)
        a, where = np.where(where, a, 1.0), line(where)
    a = line(a)
    steps = iter(range(count))
    y = ufunc.identity if initial is _MISSING else initial
    if y is None:
        y = +a[next(steps)]  # not a view of what it came from
    for k in steps:
        z = ufunc(y, a[k])
        y = z if where is True else np.where(where[k], z, y)
    return as_array(y)


def _accumulate(ufunc: Any, a: Any, axis: Any = 0, dtype: Any = None) -> Any:
    kind = _numpys(ufunc, "accumulate", (a,), {"axis": axis, "dtype": dtype}).dtype
    a = a if a.dtype == kind else a.astype(kind)
    axis = 0 if axis is None else axis_index(axis, np.ndim(a))
    if ufunc in _RUNNING:
        return _RUNNING[ufunc](a, axis)
    if not np.size(a):
        return +a
    line = np.moveaxis(a, axis, 0)
    ys = [line[0]]
    for k in range(1, np.shape(line)[0]):
        ys.append(ufunc(ys[-1], line[k]))
    return np.moveaxis(np.stack(ys), 0, axis)


def _reduceat(ufunc: Any, a: Any, indices: Any, axis: Any = 0, dtype: Any = None) -> Any:
    indices = positions(indices)
    expected = _numpys(ufunc, "reduceat", (a, indices), {"axis": axis, "dtype": dtype})
    if not np.size(expected):
        return expected
    a = a if a.dtype == expected.dtype else a.astype(expected.dtype)
    axis = 0 if axis is None else axis_index(axis, np.ndim(a))
    if ufunc is np.add:
        return segment_sums(a, indices=indices, axis=axis)
    line = np.moveaxis(a, axis, 0)
    ends = [*indices[1:], np.shape(line)[0]]
    found = [ufunc.reduce(line[i:j]) if j > i + 1 else line[i] for i, j in zip(indices, ends, strict=True)]
    return np.moveaxis(np.stack(found), 0, axis)


def _outer(ufunc: Any, a: Any, b: Any) -> Any:
    return ufunc(np.reshape(a, np.shape(a) + (1,) * np.ndim(b)) if np.ndim(a) else a, b)


def _at(ufunc: Any, a: Any, indices: Any, *b: Any) -> None:
    if not _traced(a) or not np.ndim(a):
        name = name_of(ufunc)
        raise error(
            AssignmentError,
            f"{name}.at was to write a traced value into a plain array or number",
            BUFFER,
        )
    index = normal_index(indices, np.ndim(a))
    place = np.arange(np.size(a)).reshape(np.shape(a))[index]
    values = [np.broadcast_to(as_array(v), np.shape(place)) for v in b]
    if ufunc in (np.add, np.subtract):
        a[...] = ufunc(a, scatter_add(values[0], index=index, shape=np.shape(a)))
        return
    # Positions that are named again come in a later round, as NumPy takes one after the other.
    flat = np.ravel(place)
    order = np.argsort(flat, kind="stable")
    first = np.searchsorted(flat[order], flat[order], side="left")
    rounds = np.empty(flat.size, int)
    rounds[order] = np.arange(flat.size) - first
    values = [np.ravel(v) for v in values]
    for k in range(int(np.max(rounds, initial=-1)) + 1):
        now = rounds == k
        where = np.unravel_index(flat[now], np.shape(a))
        a[where] = ufunc(a[where], *[v[now] for v in values])


_METHODS: dict[str, tuple[Callable[..., Any], set[str]]] = {
    "reduce": (_reduce, {"axis", "dtype", "keepdims", "initial", "where"}),
    "accumulate": (_accumulate, {"axis", "dtype"}),
    "reduceat": (_reduceat, {"axis", "dtype"}),
    "outer": (_outer, set()),
    "at": (_at, set()),
}
