"""Contractions in terms of what is fast: products of matrices, sums of products that loops compute, and mere moves."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..program import Value
from .lowering import known

UNROLLED = 4  # products whose sum is written out, with no axis for them


def contraction(value: Value, operands: Sequence[Value]) -> Callable[..., Any] | None:
    """A function of the operands that does what an `einsum` or a `matmul` does; None where that is best as it is."""
    name = known(value.op)
    if name not in ("einsum", "np.matmul") or len(operands) != 2 or len(value.args) != 2:
        return None
    if any(v.dtype != np.float64 for v in (value, *operands)):
        return None
    a, b = operands
    if name == "einsum":
        inputs, output = value.kwargs["subscripts"].split("->")
        terms = inputs.split(",")
        if any(len(set(term)) < len(term) for term in terms):
            return None
        return lambda a, b: _contracted(a, b, terms, output)
    axis = _stack_of_columns(a, b)
    if axis is not None:
        picks = _are_unit_directions(b)
        return lambda a, b: _times_columns(a, b, axis, picks)
    if min(len(a.shape), len(b.shape)) >= 2 < max(len(a.shape), len(b.shape)) and 0 < a.shape[-1] <= UNROLLED:
        return lambda a, b: _sum([a[..., :, j, None] * b[..., None, j, :] for j in range(a.shape[-1])])
    return None


def _contracted(a: Any, b: Any, terms: Sequence[str], output: str) -> Any:
    (a, one), (b, two) = (
        _without(x, t, terms[1 - k] + output) for k, (x, t) in enumerate(zip((a, b), terms, strict=True))
    )
    sizes = dict(zip(one + two, a.shape + b.shape, strict=True))
    stack = [c for c in output if c in one and c in two]
    inner = [c for c in one if c in two and c not in output]
    rows, columns = ([c for c in output if c in own and c not in stack] for own in (one, two))
    length = math.prod(sizes[c] for c in inner)
    if not inner or (stack and not (rows and columns)) or 0 < length <= UNROLLED:
        a, b = (_spread(x, t, [*output, *inner]) for x, t in ((a, one), (b, two)))
        if len(inner) == 1 and 0 < length <= UNROLLED:
            return _sum([a[..., j] * b[..., j] for j in range(length)])
        return np.sum(a * b, axis=tuple(range(len(output), len(output) + len(inner)))) if inner else a * b
    if output and output[-1] in rows:  # the last axis last already
        a, b, one, two, rows, columns = b, a, two, one, columns, rows
    shape = [sizes[c] for c in stack]
    m, n = (math.prod(sizes[c] for c in own) for own in (rows, columns))
    left = np.reshape(_ordered(a, one, [*stack, *rows, *inner]), (*shape, m, length))
    right = np.reshape(_ordered(b, two, [*stack, *inner, *columns]), (*shape, length, n))
    y = np.reshape(np.matmul(left, right), [sizes[c] for c in (*stack, *rows, *columns)])
    return _ordered(y, "".join((*stack, *rows, *columns)), output)


def _without(x: Any, term: str, needed: str) -> tuple[Any, str]:
    """The sum over the letters that occur nowhere else."""
    gone = tuple(k for k, c in enumerate(term) if c not in needed)
    return (np.sum(x, axis=gone), "".join(c for c in term if c in needed)) if gone else (x, term)


def _ordered(x: Any, term: str, letters: Sequence[str]) -> Any:
    axes = tuple(term.index(c) for c in letters)
    return x if axes == tuple(range(len(axes))) else np.transpose(x, axes)


def _spread(x: Any, term: str, letters: Sequence[str]) -> Any:
    """With an axis for each of the letters, of length 1 for those that it does not have."""
    x = _ordered(x, term, [c for c in letters if c in term])
    sizes = iter(x.shape)
    return np.reshape(x, [next(sizes) if c in term else 1 for c in letters])


def _sum(terms: Sequence[Any]) -> Any:
    y = terms[0]
    for term in terms[1:]:
        y = y + term
    return y


def _stack_of_columns(a: Value, b: Value) -> int | None:
    """The one axis along which `b` is a stack of columns, and `a` is none."""
    if len(a.shape) < 2 or len(b.shape) < max(len(a.shape), 3) or b.shape[-1] != 1:
        return None
    axes = [k for k, n in enumerate(b.shape[:-2]) if n != 1]
    own = axes[0] - (len(b.shape) - len(a.shape)) if len(axes) == 1 else 0
    return axes[0] if len(axes) == 1 and (own < 0 or a.shape[own] == 1) else None


def _are_unit_directions(b: Value) -> bool:
    """Whether a stack of columns is all of a derivative's own unit directions, in order, whose zeros are structural."""
    n = b.shape[-2]
    return (
        b.op is None and bool(b.kwargs) and b.constant.size == n * n
        and np.array_equal(np.reshape(b.constant, (n, n)), np.eye(n))
    )  # fmt: skip


def _times_columns(a: Any, b: Any, axis: int, picks: bool) -> Any:
    """The product of matrices with a stack of columns, as one with a matrix of these."""
    n, ndim = a.shape[-1], len(b.shape)
    a = np.reshape(a, (1,) * (ndim - len(a.shape)) + a.shape)
    if picks:
        return np.swapaxes(a, axis, -1)
    y = np.matmul(np.reshape(a, (math.prod(a.shape[:-1]), n)), np.reshape(b, (b.shape[axis], n)).T)
    return np.swapaxes(np.reshape(y, (*a.shape[:-1], b.shape[axis])), axis, -1)
