"""Coefficients of power series, and the operations that need no rule for theirs: what series are computed with.

Sums are taken coefficient by coefficient, products by Cauchy's formula; quotients and powers solve for one coefficient
after another (Griewank and Walther 2008, table 13.1).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .op import Op
from .push import push, shaped
from .rules.elementwise import divide, multiply, power, power_number

Coefficient = Any  # a value, or None for one that is structurally zero


class Stream:
    """The coefficients of a series: those known, and what finds the next; those after the last are zero."""

    __slots__ = ("known", "more")

    def __init__(self, known: list[Coefficient], more: Callable[[int], Coefficient] | None = None) -> None:
        self.known, self.more = known, more

    def at(self, k: int) -> Coefficient:
        """Coefficient `k`; all before it are found first."""
        known = self.known
        while len(known) <= k:
            if self.more is None:
                return None
            known.append(self.more(len(known)))
        return known[k]

    def last(self, k: int) -> int:
        """The highest power up to `k` that may have a coefficient."""
        return k if self.more is not None else min(k, len(self.known) - 1)


def recurrence(
    op: Op, streams: Sequence[Stream | None], values: Sequence[Any], y: Any, kwargs: dict[str, Any]
) -> Callable[[int], Coefficient] | None:
    """What finds coefficient k of the result from coefficients up to k of the arguments."""
    if op is multiply or op is divide:
        a, b = (s or Stream([v]) for s, v in zip(streams, values, strict=True))
        if op is multiply:
            return lambda k: _sum_of_products(a, b, k, 0, k)
        return _quotient(a, b, y)
    if (
        (op is power or op is power_number)
        and streams[0] is not None
        and (len(streams) < 2 or streams[1] is None)
    ):
        return _power(streams[0], values[1], y)
    moving = [i for i, s in enumerate(streams) if s is not None]
    if op.kind == "linear" or (op.kind == "elementwise" and not any(callable(op.rules[i]) for i in moving)):

        def coefficientwise(k: int) -> Coefficient:
            tangents = [None if s is None else s.at(k) for s in streams]
            if all(dx is None for dx in tangents):
                return None
            return push(op, tangents, y, values, kwargs)

        return coefficientwise
    if op.kind == "multilinear":
        return lambda k: _sum_of_terms(op, streams, values, y, kwargs, moving, k)
    return None


def _sum_of_products(a: Stream, b: Stream, k: int, first: int, last: int) -> Coefficient:
    """Σ aᵢ bₖ₋ᵢ for i from `first` to `last` (Cauchy's product)."""
    low, high = max(first, k - b.last(k)), a.last(last)
    if low > high:
        return None
    a.at(high), b.at(k - low)
    total, x, y = None, a.known, b.known
    for i in range(low, high + 1):
        u, v = x[i], y[k - i]
        if u is not None and v is not None:
            total = u * v if total is None else total + u * v
    return total


def _quotient(a: Stream, b: Stream, y: Any) -> Callable[[int], Coefficient]:
    """A / b: from the coefficients of a = y b."""
    own = [y]

    def more(k: int) -> Coefficient:
        total, rest = a.at(k), _sum_of_products(b, Stream(own), k, 1, k)
        if rest is not None:
            total = -rest if total is None else total - rest
        own.append(None if total is None else _divided(total, b.known[0]))
        return own[-1]

    return more


def _power(x: Stream, n: Any, y: Any) -> Callable[[int], Coefficient] | None:
    """xⁿ for a plain n: from the coefficients of y' x = n x' y. By the rule for whole n, and where x is 0."""
    if type(n) in (int, float):
        if n in (0, 1, 2):
            return lambda k: None if n == 0 else x.at(k) if n == 1 else _sum_of_products(x, x, k, 0, k)
        if n >= 0 and n == int(n):
            return None
        if n > 0 and not np.all(np.not_equal(x.known[0], 0)):
            return None
    elif not np.all(np.not_equal(x.known[0], 0)):
        return None
    own = [y]

    def more(k: int) -> Coefficient:
        total = None
        for j in range(1, x.last(k) + 1):
            u, v = x.at(j), own[k - j]
            if u is not None and v is not None:
                term = (n * j - (k - j)) * (u * v)
                total = term if total is None else total + term
        own.append(None if total is None else _divided(total, k * x.known[0]))
        return own[-1]

    return more


def _divided(a: Any, b: Any) -> Any:
    try:
        return a / b
    except ZeroDivisionError:  # of Python's numbers
        return float(np.float64(a) / b)


def _sum_of_terms(
    op: Op,
    streams: Sequence[Stream | None],
    values: Sequence[Any],
    y: Any,
    kwargs: dict[str, Any],
    moving: Sequence[int],
    k: int,
) -> Coefficient:
    """Σ op(aᵢ, bⱼ, …) over the powers i + j + … = k."""
    total = None

    def add(args: list[Any], rest: Sequence[int], left: int) -> None:
        nonlocal total
        i = rest[0]
        s: Any = streams[i]
        for n in range(0 if len(rest) > 1 else left, s.last(left) + 1):
            c = s.at(n)
            if c is None:
                continue
            given = [*args[:i], c, *args[i + 1 :]]
            if len(rest) > 1:
                add(given, rest[1:], left - n)
            else:
                term = op.call(*given, **kwargs)
                total = term if total is None else total + term

    add(list(values), moving, k)
    return None if total is None else shaped(total, y)
