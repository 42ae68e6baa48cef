"""Counting: what a computation costs, exactly and the same on every machine.

An interpreter like the others: every operation that reaches it is evaluated and entered in a ledger. It
lies below the derivatives, so that what `grad(f)` or `jacobian(f)` compute is counted as they compute it.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .array import TracedArray
from .lean import is_hollow
from .op import Op, Tracer, example
from .run import Recording
from .select import Selected
from .sweep import nodes
from .tracer import Traced, next_number, operand
from .tree import flatten
from .views import link


class Ledger:
    """Counts of one computation.

    operations: arithmetic operations on elements: one an element for elementwise functions and sums, 2 m n k
        for a product of matrices, the usual leading terms for factorisations; moving elements counts nothing
    calls: operations on whole arrays or numbers, which is what Python's overhead grows with
    bytes: bytes that these read and wrote
    by_op: operations by name
    tape_bytes: bytes of the values that a recording of the function keeps until its sweep, which is the memory that
        reverse mode takes: each array once, and 8 or so for the result of each operation on numbers. Large arrays (of
        32 KiB or more) that no rule reads are not kept
    tape_length: how many operations a recording has; tape_depth: how many in the longest chain of them. These three
        are found when they are asked for, by one more run of the function

    >>> count(lambda x: np.exp(x) * x)(np.ones(10)).by_op
    Counter({'np.exp': 10, 'np.multiply': 10})
    """

    __slots__ = ("_record", "_tape", "by_op", "bytes", "calls", "operations")

    def __init__(self, record: Callable[[], Recording] | None = None) -> None:
        self.operations, self.calls, self.bytes = 0, 0, 0
        self.by_op: Counter[str] = Counter()
        self._record = record
        self._tape: tuple[int, int, int] | None = None

    def _recorded(self) -> tuple[int, int, int]:
        if self._tape is None:
            if self._record is None:
                return 0, 0, 0
            with self._record() as run:
                self._tape = kept_bytes(run.entries), *length_and_depth(run.entries)
        return self._tape

    @property
    def tape_bytes(self) -> int:
        return self._recorded()[0]

    @property
    def tape_length(self) -> int:
        return self._recorded()[1]

    @property
    def tape_depth(self) -> int:
        return self._recorded()[2]

    def evaluated(self, op: Op, values: Sequence[Any], kwargs: dict[str, Any], traced: Sequence[bool]) -> Any:
        """The result of an operation, which is entered; `traced`: which arguments come from the function's own."""
        y = op.on_primals(values, kwargs) if op.kind == "plain" else op.result(values, kwargs)
        self.enter(op, y, values, kwargs)
        return y

    def enter(self, op: Op, y: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        results = y if isinstance(y, tuple) else (y,)
        size = sum(math.prod(np.shape(v)) for v in results)
        n = op.cost(y, *args, **kwargs) if op.cost else 0 if op.moves else size
        self.operations += n
        self.calls += 1
        self.bytes += sum(map(_bytes, args)) + sum(map(_bytes, results))
        self.by_op[op.name] += n

    def __repr__(self) -> str:
        return f"Ledger(operations={self.operations}, calls={self.calls}, bytes={self.bytes})"


def _bytes(v: Any) -> int:
    return v.nbytes if isinstance(v, (np.ndarray, np.generic)) else 8 if isinstance(v, (float, int)) else 0


def kept_bytes(entries: Sequence[Any]) -> int:
    """Bytes of the values that the entries of a tape keep: of arrays each memory once, of numbers the results."""
    arrays: dict[int, np.ndarray] = {}
    numbers = 0
    for entry in entries:
        if entry is not None:
            y = example(entry[1])
            numbers += 0 if isinstance(y, tuple) or np.shape(y) else _bytes(y)
            _collect(entry[1:4], arrays)
    return numbers + sum(a.nbytes for a in arrays.values())


def _collect(v: Any, arrays: dict[int, np.ndarray]) -> None:
    """The arrays in a value, by the memory that they are of."""
    if isinstance(v, Tracer):
        _collect(v.value, arrays)
        _collect(getattr(v, "tangent", None), arrays)
    elif isinstance(v, (list, tuple)):
        for part in v:
            _collect(part, arrays)
    elif isinstance(v, dict):
        _collect([*v.values()], arrays)
    elif isinstance(v, np.ndarray) and v.ndim and not is_hollow(v):
        while isinstance(v.base, np.ndarray):
            v = v.base
        arrays[id(v)] = v


def length_and_depth(entries: Sequence[Any]) -> tuple[int, int]:
    """How many operations a tape has, and how many are in the longest chain."""
    depths: list[int] = []
    for node in nodes(entries):
        depths.append(0 if node is None else 1 + max((depths[i] for i in node.parents if i >= 0), default=0))
    return sum(d > 0 for d in depths), max(depths, default=0)


class Counted(Traced):
    """A number whose operations are entered in a ledger."""

    __slots__ = ("ledger", "number", "value")
    ledger: Ledger
    number: int
    value: Any

    def process(self, op: Op, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        args = [operand(a) for a in args]
        traced = [isinstance(a, Counted) for a in args]
        values = [a.value if on else a for a, on in zip(args, traced, strict=True)]
        y = self.ledger.evaluated(op, values, kwargs, traced)
        if op.kind == "plain":
            return y
        if isinstance(y, tuple):
            parts: list[Any] = [counted(v, self.ledger, self.number) for v in y]
            return type(y)(*parts) if hasattr(y, "_fields") else tuple(parts)
        result = counted(y, self.ledger, self.number)
        if op.view is not None and isinstance(result, CountedArray) and isinstance(args[0], CountedArray):
            link(result, args[0], op, kwargs)
        return result

    def buffer(self, value: Any) -> Any:
        return self.lift(value)

    def lift(self, seed: Any) -> Any:
        return counted(seed, self.ledger, self.number)


class CountedArray(TracedArray, Counted):
    """An array whose operations are entered in a ledger."""

    __slots__ = ("__weakref__", "children", "view")

    def become(self, other: Any) -> None:
        self.value = other.value


def counted(value: Any, ledger: Ledger, number: int) -> Counted:
    """A `Counted` of either kind."""
    result = CountedArray() if np.shape(value) else Counted()
    result.value, result.ledger, result.number = value, ledger, number
    return result


def count(f: Callable[..., Any]) -> Callable[..., Ledger]:
    """Count what `f` computes.

    f: function of numbers, arrays or nested containers of them; `grad(f)`, `jacobian(f)` and the like too,
        whose sweeps are then counted with the run of `f`
    returns: a function of the same positional arguments, all of which it traces, returning a `Ledger`

    >>> count(lambda x: np.sum(x * x))(np.ones(10)).operations
    20
    >>> count(grad(lambda x: np.sum(x * x)))(np.ones(10)).calls
    7
    >>> count(lambda x: np.sum(np.sin(np.exp(x)) + x))(np.ones(10_000)).tape_bytes
    80008
    """

    @functools.wraps(f)
    def counting(*args: Any, **kwargs: Any) -> Ledger:
        chosen = Selected(f, tuple(range(len(args))), args, kwargs)
        ledger, number = Ledger(lambda: Recording(f, chosen.call, chosen.leaves)), next_number()
        flatten(chosen.call(f, [counted(x, ledger, number) for x in chosen.leaves]))
        return ledger

    return counting
