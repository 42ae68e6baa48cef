"""The pushforward of one operation, read from its declaration: what `Dual` and a tape's forward sweep share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .op import Op, example, primal


def push(op: Op, tangents: Sequence[Any], y: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Tangent of `y = op(*args, **kwargs)`; `None` stands for the zero tangent, in and out."""
    if op.kind == "joint":
        moved = op.rules[0](tangents, args, **kwargs)[1]
        return tuple(constant(v, 0.0) if dv is None else dv for v, dv in zip(y, moved, strict=True))
    active = [i for i, dx in enumerate(tangents) if dx is not None]
    if op.kind == "elementwise":
        term = chosen if op.selects else scaled
        terms = [term(tangents[i], partial(op, i, y, args)) for i in active]
    elif op.kind == "linear":
        moved = [
            a if not op.variadic and op.rules[i] is None else constant(a, 0.0) if dx is None else dx
            for i, (a, dx) in enumerate(zip(args, tangents, strict=True))
        ]
        return shaped(op.call(*moved, **kwargs), y)
    elif op.kind == "multilinear":
        terms = [op.call(*args[:i], tangents[i], *args[i + 1 :], **kwargs) for i in active]
    else:
        terms = [op.rule(i)(tangents[i], y, *args, **kwargs) for i in active]
        if isinstance(y, tuple):
            return tuple(
                shaped(total(parts), part) for parts, part in zip(zip(*terms, strict=True), y, strict=True)
            )
    return shaped(total(terms), y)


def partial(op: Op, i: int, y: Any, args: Sequence[Any]) -> Any:
    """The partial derivative of an elementwise op in argument `i`."""
    rule = op.rules[i]
    if not callable(rule):
        return rule
    try:
        return rule(y, *args)
    except ArithmeticError:  # Python numbers raise where NumPy's have a limit: 1/0 is inf
        return rule(*[np.float64(v) if isinstance(v, (float, int)) else v for v in (y, *args)])


def scaled(dx: Any, d: Any) -> Any:
    """`d * dx`, without the multiplication where the partial is 1."""
    if type(d) in (int, float):
        return dx if d == 1 else -dx if d == -1 else dx * d
    return d * dx


def chosen(dx: Any, d: Any) -> Any:
    """`d * dx` for a choice: what was not chosen, where `d` is 0, has no part in it even where `dx` is infinite."""
    return np.where(primal(d) != 0, dx * d, 0.0)


def total(terms: Sequence[Any]) -> Any:
    """Sum of one term or more."""
    result = terms[0]
    for term in terms[1:]:
        result = result + term
    return result


def constant(x: Any, v: float) -> Any:
    """A plain constant with the shape and dtype of `x`; a Python float where `x` stands for a Python number."""
    if not isinstance(example(x), (np.ndarray, np.generic)):
        return v
    return np.full(x.shape, v, x.dtype) if x.shape else x.dtype.type(v)


def shaped(dy: Any, y: Any) -> Any:
    """`dy` with the shape and dtype of `y`: an operand may have been broadcast, or be wider than the result."""
    if type(y) is float:
        return float(dy) if type(dy) is np.float64 else dy
    if type(dy) is complex:
        dy = y.dtype.type(dy)
    if np.shape(dy) != y.shape:
        dy = np.broadcast_to(dy, y.shape)
    return dy if not hasattr(dy, "dtype") or dy.dtype == y.dtype else cast(dy, y.dtype)


def cast(x: Any, dtype: Any) -> Any:
    """`x` of another dtype; of a complex one for a real one the real part, which alone moves real values."""
    if x.dtype.kind == "c" and dtype.kind != "c":
        x = np.real(x)
    return x.astype(dtype)
