"""The sweeps over a tape: backwards for adjoints, forwards for tangents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from .debug import Lines, finite, not_finite
from .errors import NonFiniteError
from .lean import LARGE
from .op import Op, primal
from .push import cast, chosen, constant, partial, push, scaled
from .rules.shape import unbroadcast
from .structural import Part, Taken, Which, guarded
from .tape import Tape, Var

ndarray, float64 = np.ndarray, np.float64


def sweep(entries: list[Any], adjoints: list[Any], inputs: int) -> None:
    """Read a tape backwards, from the adjoints of its last operations to those of its inputs.

    entries: as recorded, the first `inputs` of them inputs; arrays are taken out as the sweep passes them, so
        that their memory is free for what comes next
    adjoints: one for each entry, `None` for zero; cut down to those of the inputs
    """
    if type(entries) is Lines:
        with np.errstate(all="ignore"):  # of which `_watched` takes care
            _watched(entries, adjoints, inputs)
        return
    fresh: set[int] = set()  # positions whose adjoint an op's own accumulation made, to be added to in place
    # The loop reads what it writes: adjoints of earlier entries are complete when it comes to them.
    for k, entry, g in zip(range(len(entries) - 1, inputs - 1, -1), reversed(entries), reversed(adjoints)):
        if g is None:
            continue
        op, y, a, b, i, j = entry
        if j is None:
            entries[k] = adjoints[k] = None
            _general(adjoints, fresh, g, entry, inputs)
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
                if type(g) is Taken:
                    _taken(adjoints, g, entry, inputs)
                    continue
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


def _general(adjoints: list[Any], fresh: set[int], g: Any, entry: tuple[Any, ...], inputs: int) -> None:
    """The sweep's step over an entry of the last form."""
    op, y, args, kwargs, parents, _ = entry
    g, which = (g.value, g.which) if type(g) is Taken else (g, None)
    if op.kind == "joint":
        found = op.rules[2](g, args, [i >= 0 for i in parents], **kwargs)
        for i, c, x in zip(parents, found, args, strict=True):
            if i >= 0:
                _add(adjoints, i, c, x)
    elif op.into is not None:
        i = parents[0]
        t = adjoints[i]
        c = op.into(t.value if type(t) is Taken else t, i in fresh, g, args[0], **kwargs)
        fresh.add(i)
        if i < inputs or not op.selects or (t is not None and type(t) is not Taken):
            adjoints[i] = c
            return
        part = (_reached, (op, 0, y, args, kwargs), which)
        if t is None:
            adjoints[i] = Taken(c, Which(part))
        else:
            t.add(c, part)
    elif op.selects or which is not None:
        _choosing(adjoints, g, which, Node(op, y, args, parents, kwargs), inputs)
    else:
        for n, i in enumerate(parents):
            if i >= 0:
                _add(adjoints, i, pull(op, n, g, y, args, kwargs), args[n])


def _taken(adjoints: list[Any], taken: Taken, entry: tuple[Any, ...], inputs: int) -> None:
    """The sweep's step over an entry of one of the short forms, for an adjoint with untaken elements."""
    op, y, a, b, i, j = entry
    g, which = taken.value, taken.which
    for n, k, x, d in ((0, i, a, op.d0), (1, j, b, op.d1)):
        if k < 0:
            continue
        c = (
            scaled(g, d)
            if type(d) is float
            else guarded(g * partial(op, n, y, (a,) if b is None else (a, b)), which)
        )
        if k < inputs:
            _add(adjoints, k, c, x)
        elif (
            adjoints[k] is None
            and type(c) is type(x) is ndarray
            and c.shape == x.shape
            and c.dtype == x.dtype
        ):
            adjoints[k] = Taken(c, which, own=False)
        else:
            _add_part(adjoints, k, c, x, (_narrowed, (True, np.shape(x)), which))


def _choosing(adjoints: list[Any], g: Any, which: Which | None, node: Node, inputs: int) -> None:
    """The sweep's step where some elements were not taken: of the adjoint `g`, or by the op."""
    op, y, args, parents, kwargs = node
    for n, i in enumerate(parents):
        if i < 0:
            continue
        part: Part | None = None
        if op.kind == "elementwise" and op.selects:
            d = partial(op, n, y, args)
            c = chosen(g, d)
            part = (_narrowed, (primal(d) != 0, np.shape(args[n])), which)
        elif op.kind == "elementwise":
            c = pull(op, n, g, y, args, kwargs)
            if callable(op.rules[n]) and which is not None:
                c = guarded(c, which)
            part = (_narrowed, (True, np.shape(args[n])), which)
        elif op.selects or op.moves:
            c = pull(op, n, g, y, args, kwargs)
            part = (_reached, (op, n, y, args, kwargs), which)
        elif op.kind == "multilinear" and which is not None:
            c = _without_untaken(g, which, n, node)
        else:
            c = pull(op, n, g, y, args, kwargs)
        if part is None or i < inputs:
            _add(adjoints, i, c, args[n])
        else:
            _add_part(adjoints, i, c, args[n], part)


def _add_part(adjoints: list[Any], i: int, c: Any, x: Any, part: Part) -> None:
    """Add a cotangent of which not all elements were taken."""
    c, t = _fitted(c, x), adjoints[i]
    if np.shape(x) == ():
        if Which(part).mask():  # else it stays the zero that it is
            adjoints[i] = c if t is None else t + c
    elif t is None:
        adjoints[i] = Taken(c, Which(part))
    elif type(t) is Taken:
        t.add(t.value + c, part)
    else:
        adjoints[i] = t + c


def _narrowed(data: tuple[Any, tuple[int, ...]], inner: Any) -> Any:
    """The elements of an operand of which some result was taken."""
    hit, shape = data
    mask = hit if inner is None else inner & hit
    return (
        unbroadcast(mask.astype(float), shape) != 0
        if mask.ndim >= len(shape)
        else np.broadcast_to(mask, shape)
    )


def _reached(data: tuple[Any, ...], inner: Any) -> Any:
    """The elements from which an op that moves them took the ones given, or any."""
    op, n, y, args, kwargs = data
    ones = np.ones(np.shape(y)) if inner is None else inner.astype(float)
    found = primal(pull(op, n, ones, primal(y), [*map(primal, args)], kwargs)) != 0
    shape = np.shape(args[n])
    return found if np.shape(found) == shape else unbroadcast(found.astype(float), shape) != 0


def _without_untaken(g: Any, which: Which, n: int, node: Node) -> Any:
    """The pullback of a product in which untaken elements of the adjoint meet no infinite or NaN factors."""
    op, y, args, _, kwargs = node
    c = pull(op, n, g, y, args, kwargs)
    if type(c) is not ndarray or type(g) is not ndarray or not np.any(np.isnan(c)):
        return c
    mask = which.mask()
    others = [a if k == n else np.asarray(a) for k, a in enumerate(args)]
    there = [a if k == n else np.isfinite(a).astype(float) for k, a in enumerate(others)]
    whole = [a if k == n else np.ones_like(a) for k, a in enumerate(others)]
    tame = [a if k == n else np.where(np.isfinite(a), a, 0.0) for k, a in enumerate(others)]
    # Where all the factors that taken elements meet are finite, so is the sum without the others.
    paths = [pull(op, n, mask.astype(float), y, factors, kwargs) for factors in (there, whole)]
    return np.where(paths[0] == paths[1], pull(op, n, np.where(mask, g, 0.0), y, tame, kwargs), c)


def _watched(entries: Lines, adjoints: list[Any], inputs: int) -> None:
    """A sweep that raises at the first operation whose pullback is not finite where all that it reads is."""
    recorded, fresh = list(nodes(entries)), set[int]()
    for k in range(len(entries) - 1, inputs - 1, -1):
        g, node = adjoints[k], recorded[k]
        if g is None or node is None:
            continue
        op, y, args, parents, kwargs = node
        found = [_value(adjoints[i]) if i >= 0 else None for i in parents]
        before = finite([_value(g), y, *args, *found])
        try:
            _general(adjoints, fresh, g, (op, y, args, kwargs, parents, None), inputs)
        except NonFiniteError as inner:  # of an outer derivative, which knows no line but that of the call
            raise not_finite(op, y, args, 0.0, entries.lines[k]) from inner
        for i in parents:
            if before and i >= 0 and not finite(_value(adjoints[i])):
                raise not_finite(op, y, args, _value(adjoints[i]), entries.lines[k])
    del adjoints[inputs:]


def _value(g: Any) -> Any:
    return g.value if type(g) is Taken else g


def _add(adjoints: list[Any], i: int, c: Any, x: Any) -> None:
    """Add the cotangent `c` of `x`, which may have been broadcast or be of another dtype, to the adjoint."""
    c = _fitted(c, x)
    t = adjoints[i]
    adjoints[i] = c if t is None else t + c


def _fitted(c: Any, x: Any) -> Any:
    """The cotangent `c` with the shape and dtype of `x`."""
    if type(x) is float:
        if type(c) is not float:
            c = np.sum(c) if c.shape else c
            c = np.real(c) if c.dtype.kind == "c" else c
        return float(c) if type(c) is float64 else c
    if type(c) is float:
        return np.full(x.shape, c, x.dtype) if x.shape else c
    if c.shape != x.shape:
        c = unbroadcast(c, x.shape) if len(c.shape) >= len(x.shape) else np.broadcast_to(c, x.shape)
    return cast(c, x.dtype) if c.dtype != x.dtype else c


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
    zero = constant(args[k], 0.0)

    def pushed(dxs: list[Any]) -> Sequence[Any]:
        dy = op.rule(k)(*dxs, y, *args, **kwargs)
        return dy if isinstance(y, tuple) else (dy,)

    (c,) = pulled(pushed, [zero], g if isinstance(y, tuple) else (g,))
    return 0.0 * zero if c is None else c


def pulled(
    f: Callable[[list[Any]], Sequence[Any]], values: Sequence[Any], cotangents: Sequence[Any]
) -> list[Any]:
    """Cotangents of `values`, from those of the results of `f`, which runs on a tape; `None` for zero on both sides."""
    tape = Tape()
    try:
        try:
            found = f(list(tape.inputs(values)))
        finally:
            entries = tape.close()
        adjoints: list[Any] = [None] * len(entries)
        for v, g in zip(found, cotangents, strict=True):
            if g is not None and isinstance(v, Var) and v.tape is tape:
                _add(adjoints, v.index, g, v.value)
        sweep(entries, adjoints, len(values))
        return adjoints
    finally:
        tape.release()


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
        if type(entries) is Lines and not finite(tangents[k]) and finite([node.value, *node.args, *dxs]):
            raise not_finite(node.op, node.value, node.args, tangents[k], entries.lines[k])
        for i in node.parents:
            if i >= 0 and last[i] == k:  # nobody reads it again
                tangents[i] = None
    return [tangents[i] if i >= 0 else None for i in outputs]
