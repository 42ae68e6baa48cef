"""Operations of a program as calls, which write into memory that is at hand where they can."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .op import Op
from .program import Program, Ref, Value
from .rules.index import assign
from .rules.reduce import cumsum, max_, min_, sum_
from .rules.shape import concatenate, reshape, transpose

ndarray = np.ndarray
Memory = list[Any]
# Adds its results to the values found so far; False where they have another form than when they were traced.
# The memory is for values that no caller sees: an array for each room, None before its first use.
Step = Callable[[list[Any], Memory], bool]


def _reduced(ufunc: np.ufunc) -> Callable[..., Any]:
    return lambda y, x, axis, keepdims: ufunc.reduce(x, axis=axis, out=y, keepdims=keepdims)


def _assigned(y: ndarray, x: Any, v: Any, index: Any) -> None:
    np.copyto(y, x)
    y[index] = v


# Operations other than ufuncs that can write into an array: never views of what they read
_INTO: dict[Op, Callable[..., Any]] = {
    sum_: _reduced(np.add),
    max_: _reduced(np.maximum),
    min_: _reduced(np.minimum),
    cumsum: lambda y, x, axis: np.cumsum(x, axis, out=y),
    concatenate: lambda y, *xs, axis: np.concatenate(xs, axis, out=y),
    assign: _assigned,
}
# Views by an array's methods, which take a fraction of what NumPy's functions do
_VIEWS: dict[Op, Callable[..., Any]] = {
    transpose: lambda x, axes: x.transpose(axes),
    reshape: lambda x, shape: x.reshape(shape),
}


def is_ufunc(op: Op | None) -> bool:
    """Whether an operation is one of NumPy's (or SciPy's) ufuncs with one result."""
    fn = getattr(op, "fn", None)
    return isinstance(fn, np.ufunc) and fn.nout == 1


def is_fresh(value: Value) -> bool:
    """Whether the value is an array that its operation makes anew, so that it could also write into another."""
    return value.form is ndarray and (is_ufunc(value.op) or value.op in _INTO)


def call(program: Program, k: int, room: int = -1, over: int = -1) -> Step:
    """The operation of value `k`.

    room: where in memory the result goes; over: the operand that the result takes the place of; for fresh values
    """
    value = program.values[k]
    op, args, kwargs = value.op, value.args, value.kwargs
    assert op is not None
    fn: Any = op.fn
    if room >= 0 or over >= 0:
        return _writing(program, k, room, over)
    if op in _VIEWS and program.values[args[0].k].form is ndarray:
        (r,), view = value.refs, _VIEWS[op]

        def run_view(found: list[Any], memory: Memory) -> bool:
            found[k] = view(found[r], **kwargs)
            return True

        return run_view

    def run(found: list[Any], memory: Memory) -> bool:
        y = as_traced(fn(*[found[a.k] if type(a) is Ref else a for a in args], **kwargs), value)
        found[k] = y
        return y is not None

    return run


def _writing(program: Program, k: int, room: int, over: int) -> Step:
    value = program.values[k]
    op, args, kwargs, shape, dtype = value.op, value.args, value.kwargs, value.shape, value.dtype
    assert op is not None
    into = _INTO.get(op)
    fn: Any = op.fn

    def run(found: list[Any], memory: Memory) -> bool:
        if over >= 0:
            y = found[over]
        elif (y := memory[room]) is None:
            y = memory[room] = np.empty(shape, dtype)
        operands = [found[a.k] if type(a) is Ref else a for a in args]
        if into is None:
            fn(*operands, out=y, **kwargs)
        else:
            into(y, *operands, **kwargs)
        found[k] = y
        return True

    return run


def as_traced(y: Any, value: Value) -> Any:
    """A result in the form that it had when it was traced; None if it has another one."""
    if value.form is float or value.form is complex:
        return value.form(y)
    if type(y) is ndarray:
        if y.shape != value.shape or y.dtype != value.dtype:
            return None  # eigenvalues that were real, say, are complex now
    elif value.dtype is not None and np.result_type(y) != value.dtype:
        return None
    return y


def last_reads(program: Program, steps: Sequence[tuple[int | None, Sequence[int]]]) -> list[list[int]]:
    """For each step what nothing needs after it.

    steps: for each, the value that it computes by a call (None for others), and the values that it reads
    """
    values, end = program.values, len(steps)
    last = dict.fromkeys((*program.outputs, *(guard.k for guard in program.guards)), end)
    for n in range(end - 1, -1, -1):
        k, reads = steps[n]
        # A result that may be a view needs what it was made of
        until = n if k is None or is_fresh(values[k]) else last.get(k, n)
        for r in reads:
            last[r] = max(last.get(r, n), until)
    dropped: list[list[int]] = [[] for _ in steps]
    for k, n in last.items():
        if n < end and values[k].op is not None:
            dropped[n].append(k)
    return dropped


def handed_out(found: Sequence[Any], kept: Sequence[Any]) -> list[Any]:
    """Results that the caller may change: none is one of what is `kept`, a view, or another result."""
    results, seen = [], {id(x) for x in kept}
    for y in found:
        if type(y) is ndarray and (y.base is not None or id(y) in seen):
            y = y.copy()
        seen.add(id(y))
        results.append(y)
    return results
