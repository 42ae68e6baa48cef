"""Operations that are written, or faster, in terms of others, as the programs that these are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..op import Op
from ..program import Program, Ref, Value
from ..simplify import simplified
from ..symbol import traced
from .contract import contraction
from .lowering import known

MOST = 2**31 - 1  # numbers along an axis, positions in which loops read


def inlined(program: Program, loops: bool = True) -> Program:
    """The same program with the operations that are written over others replaced by those.

    loops: also those that loops have faster so; scalar code calls the C library, and moves numbers for nothing
    """
    meanings = [_meaning(value, program.values, loops) for value in program.values]
    if not any(meanings):
        return program
    values: list[Value] = []
    place: list[int] = []
    for value, meaning in zip(program.values, meanings, strict=True):
        args = tuple(Ref(place[a.k]) if type(a) is Ref else a for a in value.args)
        value = value._replace(args=args)
        if meaning is None:
            values.append(value)
        else:
            ones = [
                np.ones(values[a.k].shape) if values[a.k].shape else np.float64(1.0) for a in args
            ]  # of the operands
            inner, _ = traced(meaning, ones)
            there = dict(zip(inner.inputs, [a.k for a in args], strict=True))
            for k, v in enumerate(inner.values):
                if k not in there:
                    there[k] = len(values)
                    moved = tuple(Ref(there[a.k]) if type(a) is Ref else a for a in v.args)
                    form = value.form if k == inner.outputs[0] else v.form
                    values.append(v._replace(args=moved, form=form))
            place.append(there[inner.outputs[0]])
            continue
        place.append(len(values) - 1)
    guards = [guard._replace(k=place[guard.k]) for guard in program.guards]
    return simplified(
        Program(values, [place[k] for k in program.inputs], [place[k] for k in program.outputs], guards)
    )


def _meaning(value: Value, values: Sequence[Value], loops: bool) -> Callable[..., Any] | None:
    """What to write in place of an operation, as a function of its operands."""
    op = value.op
    if op is None or value.dtype != np.float64:
        return None
    if known(op) in _BY_EXPONENTIALS:
        return _BY_EXPONENTIALS[known(op)] if loops else None
    if known(op) == "indexing":
        return _gathering(value, values[value.refs[0]]) if loops else None
    return contraction(value, [values[k] for k in value.refs])


# What `np.take` does, with the positions as an operand: loops read them as they read numbers
gather = Op("linear", lambda x, index, axis: np.take(x, index, axis), (None, None), name="gather")


def _gathering(value: Value, x: Value) -> Callable[..., Any] | None:
    """An index by slices and one array of positions."""
    index = value.kwargs["index"]
    axes = [k for k, i in enumerate(index) if isinstance(i, np.ndarray)]
    if len(axes) != 1 or not all(isinstance(i, (slice, np.ndarray)) for i in index):
        return None
    (axis,) = axes
    positions = index[axis]
    if positions.dtype.kind not in "iu" or not positions.ndim or x.shape[axis] > MOST:
        return None
    positions = np.where(positions < 0, positions + x.shape[axis], positions).astype(np.int32)
    others = tuple(slice(None) if k == axis else i for k, i in enumerate(index))
    whole = all(i == slice(None) for i in others)
    return lambda operand: gather(operand if whole else operand[others], positions, axis=axis)


def _tanh(x: Any) -> Any:
    t = np.expm1(-2 * np.abs(x))
    return np.copysign(t / (t + 2), x)


def _squared_sech(x: Any) -> Any:
    t = np.exp(-2 * np.abs(x))
    return 4 * t / np.square(1 + t)


# Within six units in the last place, much as a vector library has tanh and cosh, and faster
_BY_EXPONENTIALS: dict[str, Callable[..., Any]] = {"np.tanh": _tanh, "sech²": _squared_sech}
