"""NumPy's creation functions, as making arrays that traced values can be assigned into."""

from __future__ import annotations

from typing import Any

import numpy as np

from .op import Tracer, primal
from .tracer import restacked
from .tree import flatten

# What they return may be an array that they were given; of a traced one they take the dtype.
_CONVERSIONS: frozenset[Any] = frozenset(
    (np.array, np.asarray, np.asanyarray, np.ascontiguousarray, np.asfortranarray)
)
_FILLED: frozenset[Any] = frozenset((np.full, np.full_like))
CREATION: frozenset[Any] = frozenset(
    (
        *_CONVERSIONS, *_FILLED, np.zeros, np.ones, np.empty, np.eye, np.identity, np.zeros_like, np.ones_like,
        np.empty_like, np.copy, np.arange, np.linspace, np.logspace, np.geomspace,
    )
)  # fmt: skip


def highest(*trees: Any) -> Any:
    """The traced value of the highest level in nested containers, or None."""
    top = None
    for tree in trees:
        if type(tree) is float or (type(tree) is np.ndarray and tree.dtype != object):
            continue
        for leaf in (tree,) if isinstance(tree, Tracer) else flatten(tree)[0]:
            for v in leaf.flat if isinstance(leaf, np.ndarray) and leaf.dtype == object else (leaf,):
                if isinstance(v, Tracer) and (top is None or v.number > top.number):
                    top = v
    return top


def made_to_fill(level: Any, fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`fn(*args, **kwargs)`, one of CREATION, as an array of the level of `level`, or of a higher argument's.

    Numbers and integers stay plain, and so does an array whose memory others share.
    """
    level = highest(level, *args, *kwargs.values())
    if level is None:
        return fn(*args, **kwargs)
    first = {np.array: "object", np.full: "shape"}.get(fn, "a")
    if not args and first in kwargs:
        args = (kwargs.pop(first),)
    if fn in _CONVERSIONS:
        return _converted(level, fn, *args, **kwargs)
    if fn in _FILLED:
        return _filled(level, fn, *args, **kwargs)
    made = fn(*args, **kwargs)
    return (_held(level, made[0]), *made[1:]) if isinstance(made, tuple) else _held(level, made)


def _held(level: Any, made: Any) -> Any:
    """A new array, of this level."""
    if isinstance(made, Tracer):
        return level.buffer(made) if np.ndim(made) and made.number < level.number else made  # type: ignore[arg-type]
    if type(made) is np.ndarray and made.ndim and made.dtype.kind in "fc":
        return level.buffer(made)
    return made


def _filled(level: Any, fn: Any, first: Any, fill_value: Any, *args: Any, **kwargs: Any) -> Any:
    made = _held(level, fn(first, primal(fill_value), *args, **kwargs))
    if highest(fill_value) is None:
        return made
    if not isinstance(made, Tracer):  # of no axes, or of integers
        return fn(first, fill_value, *args, **kwargs)
    made[...] = fill_value  # type: ignore[index]
    return made


def _converted(level: Any, fn: Any, value: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
    copied = kwargs.get("copy", fn is np.array) is True
    if highest(value) is None:
        made: Any = fn(value, dtype, *args, **kwargs)
        return _held(level, made) if copied or isinstance(value, (list, tuple, range)) else made
    shared = isinstance(value, np.ndarray) and not copied  # an object array of traced values
    if shared or (dtype is not None and np.dtype(dtype).kind not in "fc"):
        return fn(value, dtype, *args, **kwargs)
    if isinstance(value, Tracer) and not args and kwargs.keys() <= {"copy", "order"}:
        made = np.copy(value) if copied else value  # type: ignore[call-overload]
    else:
        copied, made = True, restacked(fn(value, None, *args, **kwargs))
    if dtype is not None and made.dtype != dtype:
        if not np.can_cast(made.dtype, dtype, "same_kind"):  # a complex value as a real one
            return fn(value, dtype, *args, **kwargs)
        copied, made = True, made.astype(dtype)
    return _held(level, made) if copied else made
