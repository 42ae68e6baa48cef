"""Counting: what a computation costs, exactly and the same on every machine.

An interpreter like the others: every operation that reaches it is evaluated and entered in a ledger. It
lies below the derivatives, so that what `grad(f)` or `jacobian(f)` compute is counted as they compute it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .array import TracedArray
from .lean import is_hollow
from .ledger import Ledger, bytes_of
from .op import Op, Tracer, example
from .push import constant
from .run import Recording, lifted, run_dual
from .select import Selected
from .sweep import nodes
from .tracer import Traced, next_number, operand
from .tree import flatten
from .views import link


def kept_bytes(entries: Sequence[Any]) -> int:
    """Bytes of the values that the entries of a tape keep: of arrays each memory once, of numbers the results."""
    arrays: dict[int, np.ndarray] = {}
    numbers = 0
    for entry in entries:
        if entry is not None:
            y = example(entry[1])
            numbers += 0 if isinstance(y, tuple) or np.shape(y) else bytes_of(y)
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

    __slots__ = ("depth", "ledger", "number", "value")
    ledger: Ledger
    number: int
    depth: int  # operations in the longest chain that led to it
    value: Any

    def process(self, op: Op, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        args = [operand(a) for a in args]
        traced = [isinstance(a, Counted) for a in args]
        values = [a.value if on else a for a, on in zip(args, traced, strict=True)]
        y = self.ledger.evaluated(op, values, kwargs, traced)
        depth = 1 + max(a.depth for a, on in zip(args, traced, strict=True) if on)
        self.ledger.depth = max(self.ledger.depth, depth)
        if op.kind == "plain":
            return y
        if isinstance(y, tuple):
            parts: list[Any] = [counted(v, self.ledger, self.number, depth) for v in y]
            return type(y)(*parts) if hasattr(y, "_fields") else tuple(parts)
        result = counted(y, self.ledger, self.number, depth)
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
        self.value, self.depth = other.value, other.depth


def counted(value: Any, ledger: Ledger, number: int, depth: int = 0) -> Counted:
    """A `Counted` of either kind."""
    result = CountedArray() if np.shape(value) else Counted()
    result.value, result.ledger, result.number, result.depth = value, ledger, number, depth
    return result


def count(f: Callable[..., Any]) -> Callable[..., Ledger]:
    """Count what `f` computes: the function, and one sweep of either mode over it.

    f: function of numbers, arrays or nested containers of them; `grad(f)`, `jacobian(f)` and the like too,
        whose sweeps are then counted with the run of `f`
    returns: a function of the same positional arguments, all of which it traces, returning a `Ledger`

    >>> count(lambda x: np.sum(x * x))(np.ones(10)).operations
    20
    >>> count(grad(lambda x: np.sum(x * x)))(np.ones(10)).calls
    7
    >>> count(lambda x: np.sum(np.sin(np.exp(x)) + x))(np.ones(10_000)).tape_bytes
    80008
    >>> print(count(lambda A, x: np.tanh(A @ x))(np.ones((10, 20)), np.ones(20)))
                   function  forward sweep  reverse sweep
    operations          410          1,240          1,030
      product           400          1,200            800
      function           10             20             20
      arithmetic          0             20            210
    multiply-adds       200            600            400
    calls                 2              7              8
    bytes             2,000          6,320          6,080
    depth                 2              3              5
    tape length           2              7              8
    tape bytes        1,920          4,080          3,920
    """

    @functools.wraps(f)
    def counting(*args: Any, **kwargs: Any) -> Ledger:
        chosen = Selected(f, tuple(range(len(args))), args, kwargs)
        return counts(f, chosen.call, chosen.leaves)

    return counting


def counts(f: Callable[..., Any], call: Callable[..., Any], leaves: Sequence[Any]) -> Ledger:
    """The ledger of `call(f, leaves)`, which returns values or containers of them."""

    def further(what: str) -> Any:
        if what != "tape":
            return counts(f, _forward(call) if what == "forward" else _reverse(call), leaves)
        with Recording(f, call, leaves) as run:
            return kept_bytes(run.entries), *length_and_depth(run.entries)

    ledger, number = Ledger(further), next_number()
    flatten(call(f, [counted(x, ledger, number) for x in leaves]))
    return ledger


def _forward(call: Callable[..., Any]) -> Callable[..., Any]:
    """`call` with its tangents, along one."""

    def pushed(f: Callable[..., Any], leaves: Sequence[Any]) -> list[Any]:
        ones = [lifted(constant(x, 1.0), x) for x in leaves]
        values, moved, _, _ = run_dual(f, call, leaves, ones)
        return [v for v in (*values, *moved) if v is not None]

    return pushed


def _reverse(call: Callable[..., Any]) -> Callable[..., Any]:
    """`call` with its adjoints, from one cotangent."""

    def pulled(f: Callable[..., Any], leaves: Sequence[Any]) -> list[Any]:
        with Recording(f, call, leaves) as run:
            ones = [lifted(constant(y, 1.0), y) for y in run.values]
            return [v for v in (*run.values, *run.pull(ones, last=True)) if v is not None]

    return pulled
