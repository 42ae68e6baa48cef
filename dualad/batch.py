"""Many directions in one sweep: a value with an axis of directions that rules never see.

`Batch` stands for k arrays of one shape. As tangent of a `Dual`, or as adjoint in a sweep, it makes a whole
Jacobian out of one pass. The axis is the last one logically, and the first in memory (rules/batching.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .array import TracedArray
from .op import BINARY, UNARY, Op
from .rules.batching import aligned
from .tracer import next_number, operand


class Batch(TracedArray):
    """`value` has one axis more than the logical shape: the last, one entry a direction."""

    __slots__ = ("number", "value")

    def __init__(self, value: Any, number: int | None = None) -> None:
        self.value = value
        self.number = next_number() if number is None else number

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.value.shape[:-1])

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        if kwargs or method != "__call__" or not (ufunc in BINARY or ufunc in UNARY):
            return TracedArray.__array_ufunc__(self, ufunc, method, *args, **kwargs)
        # What rules do most: products with plain arrays, and sums
        values = []
        for a in args:
            kind = type(a)
            if kind is Batch and a.number == self.number:
                values.append(a.value)
            elif kind is np.ndarray and a.dtype != object:
                values.append(a[..., None] if a.ndim else a)
            elif kind is float or kind is np.float64 or kind is int:
                values.append(a)
            else:
                return TracedArray.__array_ufunc__(self, ufunc, method, *args)
        return Batch(ufunc(*values), self.number)

    def process(self, op: Op, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        if op.kind == "plain":
            # Tangents and adjoints are never compared or rounded: a rule that does so is not linear.
            raise NotImplementedError(f"{op.name} of many directions at once")
        args = [operand(a) for a in args]
        flags = [isinstance(a, Batch) and a.number == self.number for a in args]
        values = [a.value if flag else a for a, flag in zip(args, flags, strict=True)]
        if op.kind == "joint":
            y, flags = op.batch(values, flags, self.value.shape[-1], **kwargs)  # type: ignore[misc]
            return tuple(Batch(v, self.number) if flag else v for v, flag in zip(y, flags, strict=True))
        strategy = op.batch or (aligned if op.kind == "elementwise" else _one_by_one)
        y = strategy(op, values, flags, kwargs, self.value.shape[-1])
        if isinstance(y, tuple):
            return tuple(Batch(v, self.number) for v in y)
        return Batch(y, self.number)


def _one_by_one(op: Op, args: Sequence[Any], flags: Sequence[bool], kwargs: dict[str, Any], k: int) -> Any:
    """Any op, direction by direction."""
    columns = [
        op.call(*[a[..., i] if f else a for a, f in zip(args, flags, strict=True)], **kwargs)
        for i in range(k)
    ]
    if isinstance(columns[0], tuple):
        return tuple(np.stack(parts, axis=-1) for parts in zip(*columns, strict=True))
    return np.stack(columns, axis=-1)


def directions(
    shape: tuple[int, ...],
    start: int,
    stop: int,
    offset: int,
    dtype: np.dtype,
    colors: np.ndarray | None = None,
) -> np.ndarray:
    """Directions start…stop, restricted to one leaf of `shape` that begins at `offset`.

    colors: the direction that moves each element of all leaves, -1 for none; else the unit directions
    returns: array of shape `(*shape, stop - start)`, with the directions first in memory
    """
    size = int(np.prod(shape, dtype=int))
    seeds = np.zeros((stop - start, size), dtype)
    if colors is None:
        low, high = max(start, offset), min(stop, offset + size)
        k = np.arange(low, max(low, high))
        seeds[k - start, k - offset] = 1
    else:
        mine = colors[offset : offset + size]
        at = np.flatnonzero((mine >= start) & (mine < stop))
        seeds[mine[at] - start, at] = 1
    return np.moveaxis(seeds.reshape(stop - start, *shape), 0, -1)
