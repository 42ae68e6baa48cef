"""Reverse mode: a tape of what was computed, and the sweep that reads it backwards (Linnainmaa 1970).

A tape is a flat list in evaluation order, one tuple an operation, and that order is a topological one: no
recursion anywhere. Entries take the shortest form that holds them, since each is built in the user's time:

    None                                      an input
    (op, y, x, None, i, -1)                   an elementwise op of one argument, recorded at position i
    (op, y, a, b, i, j)                       of two; a plain number has position -1, an array -2
    (op, y, args, keywords, parents, None)    any other
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, NoReturn

import numpy as np

from .op import BINARY, UNARY, Op, linear
from .push import constant, partial, push, scaled
from .rules.index import getitem, index_into
from .rules.shape import unbroadcast
from .tracer import FAST, Raw, Traced, TracedArray, leaked, next_number, operand

ndarray, float64 = np.ndarray, np.float64
# Bytes from which the memory of values and adjoints is given up as the sweep passes them.
LARGE = 2**15


class _Closed:
    """Stands in for the entries of a tape whose function has returned."""

    def __len__(self) -> NoReturn:
        raise leaked()

    append = __len__


_CLOSED: Any = _Closed()


class Node(NamedTuple):
    """One entry of a tape in the uniform form that readers other than the sweep use."""

    op: Op
    value: Any
    args: tuple[Any, ...]
    parents: tuple[int, ...]
    kwargs: dict[str, Any]


class Tape:
    """What one run of a function computed. `entries` is the list being recorded, until `close` takes it away."""

    __slots__ = ("__weakref__", "copies", "entries", "locked", "number")

    def __init__(self, copies: bool = False) -> None:
        self.number = next_number()
        self.entries: list[Any] = []
        self.locked: list[ndarray] = []
        self.copies = copies

    def inputs(self, values: Sequence[Any]) -> list[Var]:
        """Traced inputs, which come before all operations."""
        self.entries = [None] * len(values)
        return [var(self.kept(v) if type(v) is ndarray else v, self, k) for k, v in enumerate(values)]

    def kept(self, a: ndarray) -> ndarray:
        """A plain array as it is now, for the sweep: the user's code may change it before.

        Small arrays are copied, all of them if the tape is to outlive the run (`copies`). Large ones are made
        read-only until `release`, so that a change raises.
        """
        if self.copies or a.nbytes < LARGE:
            return a.copy(order="K")
        b: Any = a
        while isinstance(b, ndarray):
            if b.flags.writeable:
                b.flags.writeable = False
                self.locked.append(b)
            b = b.base
        return a

    def release(self) -> None:
        """Make the user's arrays writeable again."""
        while self.locked:  # a base before its views, which cannot be writeable without it
            self.locked.pop().flags.writeable = True

    def close(self) -> list[Any]:
        """End the recording and hand over the entries; traced values used later raise `LeakError`."""
        entries, self.entries = self.entries, _CLOSED
        return entries

    def record(
        self, op: Op, y: Any, args: tuple[Any, ...], parents: tuple[int, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Append an operation and return its result as traced."""
        entries = self.entries
        index = len(entries)
        entries.append((op, y, args, kwargs, parents, None))
        if not isinstance(y, tuple):
            return var(y, self, index)
        parts: list[Any] = [self.record(part, v, (y,), (index,), {"k": k}) for k, v in enumerate(y)]
        return type(y)(*parts) if hasattr(y, "_fields") else tuple(parts)


class Var(Traced):
    """A traced scalar in reverse mode: a value and the position on its tape."""

    __slots__ = ("index", "tape", "value")
    value: Any
    tape: Tape
    index: int

    @property
    def number(self) -> int:  # type: ignore[override]
        return self.tape.number

    def process(self, op: Op, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        if op.kind == "plain":
            return op.on_primals(args, kwargs)
        tape = self.tape
        active, last = op.active, len(op.active) - 1
        values, parents, traced, keeps = [], [], False, op.kind != "linear"
        for k, a in enumerate(args):
            if isinstance(a, (ndarray, list, tuple)):
                a = operand(a)
            if isinstance(a, Var) and a.tape is tape:
                values.append(a.value)
                on = active[min(k, last)]
                parents.append(a.index if on else -1)
                traced = traced or on
            else:
                # The sweep reads constants, except those that linear operations only move.
                values.append(tape.kept(a) if type(a) is ndarray and (keeps or not active[min(k, last)]) else a)
                parents.append(-1)
        y = op.result(values, kwargs)
        return tape.record(op, y, tuple(values), tuple(parents), kwargs) if traced else y

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        if kwargs or method != "__call__":
            return Traced.__array_ufunc__(self, ufunc, method, *args, **kwargs)
        op = UNARY.get(ufunc)
        if op is None:
            op = BINARY.get(ufunc)
            found = None if op is None else _pair(self.tape, op, *args)
            return Traced.__array_ufunc__(self, ufunc, method, *args) if found is None else found
        x = self.value
        tape = self.tape
        y = float(ufunc(x)) if type(x) is float else ufunc(x)
        entries = tape.entries
        result = type(self)()
        result.value = y
        result.tape = tape
        result.index = len(entries)
        entries.append((op, y, x, None, self.index, -1))
        return result


class VarArray(TracedArray, Var):
    """A traced array in reverse mode."""

    __slots__ = ()

    def __getitem__(self, index: Any) -> Any:
        x = self.value
        if type(index) is not int or type(x) is not ndarray or x.ndim != 1:
            return index_into(self, index)
        # Loops over the elements of a vector
        tape = self.tape
        entries = tape.entries
        result = Var()
        result.value = y = x[index]
        result.tape = tape
        result.index = len(entries)
        entries.append((getitem, y, (x,), {"index": (index,)}, (self.index,), None))
        return result


def var(value: Any, tape: Tape, index: int) -> Var:
    """A `Var` of either kind."""
    result = Var() if type(value) is float or not value.shape else VarArray()
    result.value, result.tape, result.index = value, tape, index
    return result


def _pair(tape: Tape, op: Op, a: Any, b: Any) -> Any:
    """Record an elementwise op of two arguments in the short form; `None` if they are not of the usual kinds."""
    x, i = _place(tape, a, type(op.d1) is not float)
    z, j = _place(tape, b, type(op.d0) is not float)
    if x is None or z is None:
        return None
    y = op.fn(x, z)
    if type(y) is float64 and type(x) in (float, int) and type(z) in (float, int):
        y = float(y)
    entries = tape.entries
    result = var(y, tape, len(entries))
    entries.append((op, y, x, z, i, j))
    return result


def _place(tape: Tape, a: Any, read: bool) -> tuple[Any, int]:
    """Value and position of an operand; for constants -1, or -2 for arrays, along which others may broadcast."""
    kind = type(a)
    if kind is Var or kind is VarArray:
        return (a.value, a.index) if a.tape is tape else (None, 0)
    if kind is float or kind is int:
        return a, -1
    if kind is ndarray and a.dtype.kind in "fiub":
        return tape.kept(a) if read else a, -2
    return None, 0


# Python's operators: the common cases here, the others through NumPy and `process`. One method for each of
# the two classes, so that the result's class needs no look at the values.
def _binary(cls: Any, op: Op, raw: Raw, op_n: Op, raw_n: Raw) -> Raw:
    numpy = op.fn

    def method(a: Any, b: Any) -> Any:
        kind = type(b)
        tape = a.tape
        entries = tape.entries
        x = a.value
        result = cls()
        try:
            if kind is cls and b.tape is tape:
                z = b.value
                result.value = y = raw(x, z)
                result.tape = tape
                result.index = len(entries)
                entries.append((op, y, x, z, a.index, b.index))
                return result
            if kind is float or kind is int:
                result.value = y = raw(x, b) if kind is float else raw_n(x, b)
                result.tape = tape
                result.index = len(entries)
                entries.append((op_n, y, x, b, a.index, -1))
                return result
        except ArithmeticError:  # Python's 1/0 raises; NumPy's has a value
            pass
        return numpy(a, b)

    return method


def _reflected(cls: Any, op: Op, raw: Raw) -> Raw:
    numpy = op.fn

    def method(b: Any, a: Any) -> Any:
        kind = type(a)
        if not (kind is float or kind is int):
            return numpy(a, b)
        z = b.value
        try:
            y = raw(a, z)
        except ArithmeticError:
            return numpy(a, b)
        tape = b.tape
        entries = tape.entries
        result = cls()
        result.value = y
        result.tape = tape
        result.index = len(entries)
        entries.append((op, y, a, z, -1, b.index))
        return result

    return method


for _cls in (Var, VarArray):
    for _name, _op, _raw, _op_n, _raw_n in FAST:
        setattr(_cls, f"__{_name}__", _binary(_cls, _op, _raw, _op_n, _raw_n))
        setattr(_cls, f"__r{_name}__", _reflected(_cls, _op, _raw))


# An output of an op with several: what the op's own entry holds is the tuple of them.
def _set_part(buffer: Any, fresh: bool, g: Any, y: Any, k: int) -> list[Any]:
    parts: list[Any] = [None] * len(y) if buffer is None else buffer
    parts[k] = g if parts[k] is None else parts[k] + g
    return parts


part = linear(lambda y, k: y[k], lambda g, y, k: g, name="output of several", into=_set_part)


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
            continue
        # The arithmetic, and as little around it as can be: this is what users feel.
        if i >= 0:
            d = op.d0
            if type(d) is float:
                c = g if d == 1.0 else -g if d == -1.0 else g * d
            elif type(d) is int:
                c = g * entry[d]
            else:
                try:
                    c = g * (d(y, a) if b is None else d(y, a, b))
                except ArithmeticError:
                    c = g * partial(op, 0, y, (a,) if b is None else (a, b))
                if type(c) is float64 and type(a) is float:
                    c = float(c)
            if type(c) is float or type(c) is float64:
                t = adjoints[i]
                adjoints[i] = c if t is None else t + c
            elif type(c) is ndarray is type(a) and (j == -1 or c.shape == a.shape):
                if c.nbytes >= LARGE:
                    entries[k] = adjoints[k] = None
                t = adjoints[i]
                adjoints[i] = c if t is None else t + c
            else:
                _add(adjoints, i, c, a)
        if j >= 0:
            d = op.d1
            if type(d) is float:
                c = g if d == 1.0 else -g if d == -1.0 else g * d
            elif type(d) is int:
                c = g * entry[d]
            else:
                try:
                    c = g * d(y, a, b)
                except ArithmeticError:
                    c = g * partial(op, 1, y, (a, b))
                if type(c) is float64 and type(b) is float:
                    c = float(c)
            if type(c) is float or type(c) is float64:
                t = adjoints[j]
                adjoints[j] = c if t is None else t + c
            elif type(c) is ndarray is type(b) and (i == -1 or c.shape == b.shape):
                if c.nbytes >= LARGE:
                    entries[k] = adjoints[k] = None
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
    return np.astype(c, x.dtype) if c.dtype != x.dtype else c


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


def push_along(entries: Sequence[Any], tangents: list[Any]) -> list[Any]:
    """A forward sweep along a recorded tape: the tangents of all entries from those of the inputs."""
    for node in nodes(entries[len(tangents) :]):
        assert node is not None
        dxs = [tangents[i] if i >= 0 else None for i in node.parents]
        idle = all(dx is None for dx in dxs)
        tangents.append(None if idle else push(node.op, dxs, node.value, node.args, node.kwargs))
    return tangents
