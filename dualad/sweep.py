"""The sweeps over a tape: backwards for adjoints, forwards for tangents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from .op import Op
from .push import constant, partial, push, scaled
from .rules.shape import unbroadcast
from .tape import LARGE, Tape, Var

ndarray, float64 = np.ndarray, np.float64


def sweep(entries: list[Any], adjoints: list[Any], inputs: int) -> None:
    """Read a tape backwards, from the adjoints of its last operations to those of its inputs.

    entries: as recorded, the first `inputs` of them inputs; arrays are taken out as the sweep passes them, so
        that their memory is free for what comes next
    adjoints: one for each entry, `None` for zero; cut down to those of the inputs
    """
    fresh: set[int] = set()  # positions whose adjoint an op's own accumulation made, to be added to in place
    # The loop reads what it writes: adjoints of earlier entries are complete when it comes to them.
    for k, entry, g in zip(range(len(entries) - 1, inputs - 1, -1), reversed(entries), reversed(adjoints)):
        if g is None:
            continue
        op, y, a, b, i, j = entry
        if j is None:
            entries[k] = adjoints[k] = None
            _general(adjoints, fresh, g, entry)
        elif type(g) is float:
            # One number, which only numbers went into: the arithmetic is all there is.
            if i >= 0:
                d = op.d0
                try:
                    if type(d) is float:
                        c = g * d
                    elif type(d) is int:
                        c = g * entry[d] if d > 0 else g / entry[-d]
                    else:
                        c = g * (d(y, a) if b is None else d(y, a, b))
                        if type(c) is float64:
                            c = float(c)
                except ArithmeticError:
                    c = g * partial(op, 0, y, (a,) if b is None else (a, b))
                t = adjoints[i]
                adjoints[i] = c if t is None else t + c
            if j >= 0:
                d = op.d1
                try:
                    if type(d) is float:
                        c = g * d
                    elif type(d) is int:
                        c = g * entry[d] if d > 0 else g / entry[-d]
                    else:
                        c = g * d(y, a, b)
                        if type(c) is float64:
                            c = float(c)
                except ArithmeticError:
                    c = g * partial(op, 1, y, (a, b))
                t = adjoints[j]
                adjoints[j] = c if t is None else t + c
        else:
            if type(g) is not ndarray or g.nbytes >= LARGE:
                entries[k] = adjoints[k] = None
            # With one traced argument, and none to broadcast against, the shapes are the same.
            same = i == -1 or j == -1 or (type(a) is type(b) is ndarray and a.shape == b.shape)
            if i >= 0:
                d = op.d0
                if type(d) is float:
                    c = g if d == 1.0 else -g if d == -1.0 else g * d
                elif type(d) is int:
                    c = g * entry[d] if d > 0 else g / entry[-d]
                else:
                    try:
                        c = g * (d(y, a) if b is None else d(y, a, b))
                    except ArithmeticError:
                        c = g * partial(op, 0, y, (a,) if b is None else (a, b))
                if type(c) is float64 or (same and type(c) is ndarray is type(a)):
                    t = adjoints[i]
                    adjoints[i] = c if t is None else t + c
                else:
                    _add(adjoints, i, c, a)
            if j >= 0:
                d = op.d1
                if type(d) is float:
                    c = g if d == 1.0 else -g if d == -1.0 else g * d
                elif type(d) is int:
                    c = g * entry[d] if d > 0 else g / entry[-d]
                else:
                    try:
                        c = g * d(y, a, b)
                    except ArithmeticError:
                        c = g * partial(op, 1, y, (a, b))
                if type(c) is float64 or (same and type(c) is ndarray is type(b)):
                    t = adjoints[j]
                    adjoints[j] = c if t is None else t + c
                else:
                    _add(adjoints, j, c, b)
    del adjoints[inputs:]


def _general(adjoints: list[Any], fresh: set[int], g: Any, entry: tuple[Any, ...]) -> None:
    """The sweep's step over an entry of the last form."""
    op, y, args, kwargs, parents, _ = entry
    if op.into is not None:
        i = parents[0]
        adjoints[i] = op.into(adjoints[i], i in fresh, g, args[0], **kwargs)
        fresh.add(i)
        return
    for n, i in enumerate(parents):
        if i >= 0:
            _add(adjoints, i, pull(op, n, g, y, args, kwargs), args[n])


def _add(adjoints: list[Any], i: int, c: Any, x: Any) -> None:
    """Add the cotangent `c` of `x`, which may have been broadcast or be of another dtype, to the adjoint."""
    c = _fitted(c, x)
    t = adjoints[i]
    adjoints[i] = c if t is None else t + c


def _fitted(c: Any, x: Any) -> Any:
    """The cotangent `c` with the shape and dtype of `x`."""
    if type(x) is float:
        if type(c) is not float and c.shape:
            c = np.sum(c)
        return float(c) if type(c) is float64 else c
    if type(c) is float:
        return np.full(x.shape, c, x.dtype) if x.shape else c
    if c.shape != x.shape:
        c = unbroadcast(c, x.shape) if len(c.shape) >= len(x.shape) else np.broadcast_to(c, x.shape)
    return c.astype(x.dtype) if c.dtype != x.dtype else c


def pull(op: Op, k: int, g: Any, y: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Cotangent of argument `k`: the pullback of one operation, read from its declaration."""
    if op.kind == "elementwise":
        return scaled(g, partial(op, k, y, args))
    if op.kind != "general":
        return op.rules[0](g, k, *args, **kwargs) if op.variadic else op.rules[k](g, *args, **kwargs)
    by_hand = None if op.pulls is None else op.pulls[k]
    if by_hand is not None:
        return by_hand(g, y, *args, **kwargs)
    return transposed(op, k, g, y, args, kwargs)


def transposed(op: Op, k: int, g: Any, y: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """The pullback read off a tape of the pushforward, which is linear, so that any tangent will do."""
    tape = Tape()
    x = args[k]
    (dx,) = tape.inputs([constant(x, 0.0)])
    dy = op.rule(k)(dx, y, *args, **kwargs)
    entries = tape.close()
    adjoints: list[Any] = [None] * len(entries)
    for v, h in zip(dy, g, strict=True) if isinstance(y, tuple) else ((dy, g),):
        if h is not None and isinstance(v, Var):
            _add(adjoints, v.index, h, v.value)
    sweep(entries, adjoints, 1)
    return 0.0 * dx.value if adjoints[0] is None else adjoints[0]


class Node(NamedTuple):
    """One entry of a tape in the uniform form that readers other than the sweep use."""

    op: Op
    value: Any
    args: tuple[Any, ...]
    parents: tuple[int, ...]
    kwargs: dict[str, Any]


def nodes(entries: Sequence[Any]) -> Iterator[Node | None]:
    """The entries in one form; `None` for the inputs."""
    for entry in entries:
        if entry is None:
            yield None
            continue
        op, y, a, b, i, j = entry
        if j is None:
            yield Node(op, y, a, i, b)
        elif b is None:
            yield Node(op, y, (a,), (i,), {})
        else:
            yield Node(op, y, (a, b), (i, j), {})


def push_along(entries: Sequence[Any], tangents: list[Any], outputs: Sequence[int]) -> list[Any]:
    """A forward sweep along a recorded tape: the tangents at `outputs` from those of the inputs.

    `None` is the zero tangent, and -1 the position of a constant.
    """
    recorded = list(nodes(entries))
    last = {i: k for k, node in enumerate(recorded) if node is not None for i in node.parents}
    last |= dict.fromkeys(outputs, len(recorded))
    for k, node in enumerate(recorded[len(tangents) :], len(tangents)):
        assert node is not None
        dxs = [tangents[i] if i >= 0 else None for i in node.parents]
        idle = all(dx is None for dx in dxs)
        tangents.append(None if idle else push(node.op, dxs, node.value, node.args, node.kwargs))
        for i in node.parents:
            if i >= 0 and last[i] == k:  # nobody reads it again
                tangents[i] = None
    return [tangents[i] if i >= 0 else None for i in outputs]
