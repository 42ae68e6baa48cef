"""Reverse mode: a tape of what was computed, for the sweeps of sweep.py to read (Linnainmaa 1970).

A tape is a flat list in evaluation order, one tuple an operation, and that order is a topological one: no
recursion anywhere. Entries take the shortest form that holds them, since each is built in the user's time:

    None                                      an input
    (op, y, x, None, i, -1)                   an elementwise op of one argument, recorded at position i
    (op, y, a, b, i, j)                       of two; a plain number has position -1, an array -2
    (op, y, args, keywords, parents, None)    any other
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from sys import _getframe
from typing import Any, NoReturn

import numpy as np

from .array import TracedArray
from .debug import Lines, watching
from .lean import LARGE, hollow, lean
from .op import BINARY, UNARY, Op, linear
from .rules.batching import trailing
from .rules.evaluation import EVALUATIONS, refuse_untensored
from .rules.index import getitem, index_into
from .tracer import FAST, Complex, Raw, Traced, leaked, next_number, operand
from .views import link

ndarray, float64 = np.ndarray, np.float64


class _Closed:
    """Stands in for the entries of a tape whose function has returned."""

    def __len__(self) -> NoReturn:
        raise leaked()

    append = __len__


_CLOSED: Any = _Closed()


# Threads change the flags of one family of arrays one after the other.
_FLAGS = threading.Lock()


def _chain(a: np.ndarray) -> list[np.ndarray]:
    """An array and those that it is a view of."""
    chain: list[Any] = [a]
    while isinstance(chain[-1].base, ndarray):
        chain.append(chain[-1].base)
    return chain


class Tape:
    """What one run of a function computed. `entries` is the list being recorded, until `close` takes it away."""

    __slots__ = ("__weakref__", "copies", "entries", "locked", "number")

    def __init__(self, copies: bool = False) -> None:
        self.number = next_number()
        self.entries: list[Any] = []
        self.locked: list[np.ndarray] = []
        self.copies = copies

    def inputs(self, values: Sequence[Any]) -> list[Var]:
        """Traced inputs, which come before all operations."""
        self.entries = Lines([None] * len(values)) if watching() else [None] * len(values)
        return [var(self.kept(v) if type(v) is ndarray else v, self, k) for k, v in enumerate(values)]

    def kept(self, a: np.ndarray) -> np.ndarray:
        """A plain array as it is now, for the sweep: the user's code may change it before.

        Small arrays are copied, all of them if the tape is to outlive the run (`copies`). Large ones are made
        read-only until `release`, so that a change raises.
        """
        if self.copies or a.nbytes < LARGE:
            return a.copy(order="K")
        with _FLAGS:
            chain = _chain(a)
            writeable = [b for b in chain if b.flags.writeable]
            if a.flags.writeable and len(writeable) < len(chain):
                return a.copy(order="K")  # another run has the base, and gives it back when it likes
            for b in writeable:
                b.flags.writeable = False
            self.locked += writeable
        return a

    def release(self) -> None:
        """Make the user's arrays writeable again."""
        if self.locked:
            with _FLAGS:  # no view is writeable before its base
                for b in sorted(self.locked, key=lambda b: len(_chain(b))):
                    b.flags.writeable = True
            self.locked.clear()

    def close(self) -> list[Any]:
        """End the recording and hand over the entries; traced values used later raise `LeakError`."""
        entries, self.entries = self.entries, _CLOSED
        return entries

    def record(
        self, op: Op, y: Any, args: tuple[Any, ...], parents: tuple[int, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Append an operation and return its result as traced."""
        if op.kind == "linear":  # of what went into it and came out, the sweep reads the shapes alone
            args = tuple(hollow(a) if i >= 0 else a for a, i in zip(args, parents, strict=True))
            entry = (op, hollow(y), args, kwargs, parents, None)
        else:
            entry = (op, y, args, kwargs, parents, None)
        # Threads may record on one tape: nothing that gives way to another comes between these two.
        entries = self.entries
        index = len(entries)
        entries.append(entry)
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

    def buffer(self, value: Any) -> Any:
        return self.tape.record(blank, value, (value,), (-1,), {})

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
                values.append(
                    tape.kept(a) if type(a) is ndarray and (keeps or not active[min(k, last)]) else a
                )
                parents.append(-1)
        if op.kind == "joint" and traced:
            y, kept = op.rules[1](values, **kwargs)
            return tape.record(op, y, tuple(values), tuple(parents), {**kwargs, "kept": kept})
        y = op.result(values, kwargs)
        if not traced:
            return y
        result = tape.record(op, y, tuple(values), tuple(parents), kwargs)
        if op.view is not None and isinstance(result, VarArray) and isinstance(args[0], VarArray):
            link(result, args[0], op, kwargs)
        return result

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
        if type(y) is ndarray and y.nbytes >= LARGE and type(entries) is list:
            entries.append(lean(op, y, x, None, self.index, -1))
        else:
            entries.append((op, y, x, None, self.index, -1))
        return result


class VarArray(TracedArray, Var):
    """A traced array in reverse mode."""

    __slots__ = ("__weakref__", "children", "view")

    def become(self, other: Any) -> None:
        self.value, self.index = other.value, other.index

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
        kept = x if x.nbytes < LARGE else hollow(x)
        entries.append((getitem, y, (kept,), {"index": (index,)}, (self.index,), None))
        return result


class ComplexVar(Complex, Var):
    """A complex traced scalar in reverse mode."""

    __slots__ = ()


class ComplexVarArray(Complex, VarArray):
    """A complex traced array in reverse mode."""

    __slots__ = ()
    __getitem__ = TracedArray.__getitem__


def var(value: Any, tape: Tape, index: int) -> Var:
    """A `Var` of the kind that the value needs."""
    result: Var
    if type(value) is float:
        result = Var()
    elif value.dtype.kind == "c":
        result = ComplexVarArray() if value.shape else ComplexVar()
    else:
        result = VarArray() if value.shape else Var()
    result.value, result.tape, result.index = value, tape, index
    return result


def _pair(tape: Tape, op: Op, a: Any, b: Any) -> Any:
    """Record an elementwise op of two arguments in the short form; `None` if they are not of the usual kinds."""
    if type(a) is ndarray and a.base is not None and _getframe(2).f_code.co_name in EVALUATIONS:
        refuse_untensored()
    x, i = _place(tape, a, type(op.d1) is not float)
    z, j = _place(tape, b, type(op.d0) is not float)
    if x is None or z is None:
        return None
    try:
        y = op.fn(x, z)
    except ValueError:
        refuse_untensored()
        raise
    if type(y) is float64 and type(x) in (float, int) and type(z) in (float, int):
        y = float(y)
    entries = tape.entries
    result = Var() if type(y) is float or not y.shape else VarArray()
    result.value, result.tape, result.index = y, tape, len(entries)
    large = type(y) is ndarray and y.nbytes >= LARGE and type(entries) is list
    entries.append(lean(op, y, x, z, i, j) if large else (op, y, x, z, i, j))
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
    array = cls is VarArray

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
                if array and type(y) is ndarray and y.nbytes >= LARGE and type(entries) is list:
                    entries.append(lean(op, y, x, z, a.index, b.index))
                else:
                    entries.append((op, y, x, z, a.index, b.index))
                return result
            if kind is float or kind is int:
                result.value = y = raw(x, b) if kind is float else raw_n(x, b)
                result.tape = tape
                result.index = len(entries)
                if array and type(y) is ndarray and y.nbytes >= LARGE and type(entries) is list:
                    entries.append(lean(op_n, y, x, b, a.index, -1))
                else:
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
        if type(y) is ndarray and y.nbytes >= LARGE and type(entries) is list:
            entries.append(lean(op, y, a, z, -1, b.index))
        else:
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


# A new array that is to be assigned into: nothing went into it yet.
blank = linear(
    lambda x: x,
    lambda g, x: g,
    name="new array",
    moves=True,
    depends="moved",
    batch=trailing,
    examples=lambda rng: [((rng.normal(size=3),), {})],
)
part = linear(lambda y, k: y[k], lambda g, y, k: g, name="output of several", moves=True, into=_set_part)
