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
from .op import Op
from .select import Selected
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

    >>> count(lambda x: np.exp(x) * x)(np.ones(10)).by_op
    Counter({'np.exp': 10, 'np.multiply': 10})
    """

    __slots__ = ("by_op", "bytes", "calls", "operations")

    def __init__(self) -> None:
        self.operations, self.calls, self.bytes = 0, 0, 0
        self.by_op: Counter[str] = Counter()

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


class Counted(Traced):
    """A number whose operations are entered in a ledger."""

    __slots__ = ("ledger", "number", "value")
    ledger: Ledger
    number: int
    value: Any

    def process(self, op: Op, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        args = [operand(a) for a in args]
        values = [a.value if isinstance(a, Counted) else a for a in args]
        y = op.on_primals(values, kwargs) if op.kind == "plain" else op.result(values, kwargs)
        self.ledger.enter(op, y, values, kwargs)
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
    """

    @functools.wraps(f)
    def counting(*args: Any, **kwargs: Any) -> Ledger:
        ledger, number = Ledger(), next_number()
        chosen = Selected(f, tuple(range(len(args))), args, kwargs)
        flatten(chosen.call(f, [counted(x, ledger, number) for x in chosen.leaves]))
        return ledger

    return counting
