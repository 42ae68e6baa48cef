"""Taylor mode: truncated power series, carried through every operation (Griewank and Walther 2008, chapter 13).

A function of t, y(t) = op(x(t)), has the derivative y' = push(x'; y, x): the operation's own pushforward, applied to
series. Coefficient k of y is coefficient k - 1 of that, divided by k, and needs the coefficients of y below k alone. So
a rule runs once, on series whose coefficients are found one by one as they are asked for (relaxed evaluation: van der
Hoeven 2002), y's own among them. An operation that a rule repeats is the same series: np.cos in the rule of np.sin
leads back to the np.sin it began with. That makes the cost of most operations that of a few products of series,
O(order²), without a table of recurrences. Products, quotients and powers have recurrences of their own
(recurrence.py): the rules of the others stand on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .array import TracedArray
from .debug import finite, not_finite, watching
from .errors import TraceError, user_line
from .op import Op
from .push import constant, push
from .recurrence import Coefficient, Stream, recurrence
from .tracer import Complex, Traced, leaked, next_number, operand
from .views import link


class Level:
    """One run of a function on series up to `order`; closed when the function has returned.

    Within an operation, its rule has a level of its own with the same number, `found` is what it computed on series.
    """

    __slots__ = ("found", "number", "open", "order", "streams")

    def __init__(self, order: int, outer: Level | None = None) -> None:
        self.order, self.open = order, True
        self.number: int = next_number() if outer is None else outer.number
        self.found: dict[Any, Any] | None = None if outer is None else {}
        self.streams: list[Stream] = []

    def close(self) -> None:
        """What was found stays; nothing more is, and without cycles nothing keeps the rest alive."""
        self.open, self.found = False, {}
        for stream in self.streams:
            stream.more = None
        self.streams.clear()


class Series(Traced):
    """A traced scalar in Taylor mode: the sum of its coefficients times the powers of t; its value is the first."""

    __slots__ = ("level", "stream")
    stream: Stream
    level: Level

    @property
    def value(self) -> Any:
        return self.stream.known[0]

    @property
    def number(self) -> int:  # type: ignore[override]
        return self.level.number

    def buffer(self, value: Any) -> Any:
        return series(Stream([value]), self.level)

    def process(self, op: Op, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        if op.kind == "plain":
            return op.on_primals(args, kwargs)
        level = self.level
        if not level.open:
            raise leaked()
        args = [operand(a) for a in args]
        if op.kind == "joint" and "body" in kwargs:
            try:
                return (
                    _unrolled(args, **kwargs) if level.found is not None else _rolled(op, args, kwargs, level)
                )
            except (
                TraceError
            ):  # a power's coefficients depend on whether its base is 0, which steps may not look at
                return _unrolled(args, **kwargs)
        if level.found is not None:
            return _begun(op, args, kwargs, level)
        inner = Level(level.order, level)
        try:
            y = _begun(op, args, kwargs, inner)
            parts = y if isinstance(y, tuple) else (y,)
            outer = [_finished(op, part, args, level) for part in parts]
        finally:
            inner.close()
        if isinstance(y, tuple):
            return type(y)(*outer) if hasattr(y, "_fields") else tuple(outer)
        (result,) = outer
        if op.view is not None and isinstance(result, SeriesArray) and isinstance(args[0], SeriesArray):
            link(result, args[0], op, kwargs)
        return result


class SeriesArray(TracedArray, Series):
    """A traced array in Taylor mode."""

    __slots__ = ("__weakref__", "children", "view")

    def become(self, other: Any) -> None:
        self.stream = other.stream


class ComplexSeries(Complex, Series):
    """A complex traced scalar in Taylor mode."""

    __slots__ = ()


class ComplexSeriesArray(Complex, SeriesArray):
    """A complex traced array in Taylor mode."""

    __slots__ = ()


def series(stream: Stream, level: Level) -> Series:
    """A `Series` of the kind that its value needs."""
    value = stream.known[0]
    result: Series
    if type(value) is float:
        result = Series()
    elif value.dtype.kind == "c":
        result = ComplexSeriesArray() if value.shape else ComplexSeries()
    else:
        result = SeriesArray() if value.shape else Series()
    result.stream, result.level = stream, level
    if level.found is not None:
        level.streams.append(stream)
    return result


def _finished(op: Op, y: Any, args: Sequence[Any], level: Level) -> Any:
    """A result with all its coefficients, for the level of the run."""
    if not isinstance(y, Series) or y.number != level.number:
        return y
    y.stream.at(level.order)
    known = y.stream.known
    if watching() and finite(known[0]) and not finite(known[1:]):
        values = [a.value if isinstance(a, Series) and a.number == level.number else a for a in args]
        raise not_finite(op, known[0], values, next(c for c in known if not finite(c)), user_line())
    while known[-1] is None:
        known.pop()
    return series(Stream(known), level)


def _begun(op: Op, args: Sequence[Any], kwargs: dict[str, Any], level: Level) -> Any:
    """The result of an operation as series whose first coefficients are known."""
    streams = [a.stream if isinstance(a, Series) and a.number == level.number else None for a in args]
    values = [a if s is None else s.known[0] for a, s in zip(args, streams, strict=True)]
    key: Any = None
    if op.kind == "elementwise" and not kwargs:
        named = [s or (type(a), a) for a, s in zip(args, streams, strict=True)]
        # Not for 0.0, which is equal to -0.0
        if all(isinstance(a, Stream) or a[0] is int or (a[0] is float and a[1]) for a in named):
            key = (op, *named)
    elif op.kind == "joint":  # whose rule may call it again, for its result
        key = (op, *[s or id(a) for a, s in zip(args, streams, strict=True)], *kwargs.values())
    if key is not None and key in level.found:  # type: ignore[operator]
        return level.found[key]  # type: ignore[index]
    if not op.variadic:
        streams = [None if op.rules[i] is None else s for i, s in enumerate(streams)]
    moving = any(s is not None and (s.more is not None or len(s.known) > 1) for s in streams)
    y = op.result(values, kwargs)
    if not moving:
        return y
    more = recurrence(op, streams, values, y, kwargs)
    by_rule = more is None
    result = _by_rule(op, values, y, kwargs, streams, level) if by_rule else series(Stream([y], more), level)
    if key is not None:
        level.found[key] = result  # type: ignore[index]
    return result


def _by_rule(
    op: Op,
    values: Sequence[Any],
    y: Any,
    kwargs: dict[str, Any],
    streams: Sequence[Stream | None],
    level: Level,
) -> Any:
    """The generic rule: the derivative of the result is the operation's pushforward, of series."""
    inner = [v if s is None else series(s, level) for v, s in zip(values, streams, strict=True)]
    slopes: list[tuple[Stream, ...]] = []

    def pushed() -> tuple[Stream, ...]:
        if not slopes:
            moved = [None if s is None else _derivative(s, level) for s in streams]
            dy = push(op, moved, result, inner, kwargs)
            slopes.append(tuple(_stream(v, level) for v in (dy if isinstance(y, tuple) else (dy,))))
        return slopes[0]

    def part(i: int, v: Any) -> Stream:
        def more(k: int) -> Coefficient:
            c = pushed()[i].at(k - 1)
            if c is None or (k == 1 and type(c) is type(v)):
                return c
            return float(c / k) if type(v) is float and type(c) is np.float64 else c / k

        return Stream([v], more)

    parts: list[Any] = [series(part(i, v), level) for i, v in enumerate(y if isinstance(y, tuple) else (y,))]
    result: Any = parts[0]
    if isinstance(y, tuple):
        result = type(y)(*parts) if hasattr(y, "_fields") else tuple(parts)
    return result


def _stream(v: Any, level: Level) -> Stream:
    return v.stream if isinstance(v, Series) and v.number == level.number else Stream([v])


def _derivative(s: Stream, level: Level) -> Series | None:
    """The derivative of a series, one for each series."""
    if s.more is None and len(s.known) == 1:
        return None
    if s not in level.found:  # type: ignore[operator]

        def more(k: int) -> Coefficient:
            if s.more is None and len(s.known) <= k + 1:
                return None
            c = s.at(k + 1)
            return None if c is None else c * (k + 1)

        first = s.at(1)
        slope = Stream([constant(s.known[0], 0.0) if first is None else first], more)
        if s.more is None and len(s.known) == 2:
            slope.more = None
        level.found[s] = series(slope, level)  # type: ignore[index]
    return level.found[s]  # type: ignore[index, no-any-return]


def _rolled(op: Op, args: Sequence[Any], kwargs: dict[str, Any], level: Level) -> tuple[Any, ...]:
    """A loop that carries coefficients along."""
    mine = [isinstance(a, Series) and a.number == level.number for a in args]
    values = [a.value if own else a for a, own in zip(args, mine, strict=True)]
    known = [a.stream.known[1:] if own else [] for a, own in zip(args, mine, strict=True)]
    y, found = op.rules[3](known, values, level.order, **kwargs)
    return tuple(v if c is None else series(Stream([v, *c]), level) for v, c in zip(y, found, strict=True))


def _unrolled(args: Sequence[Any], body: Any, length: int, backwards: bool) -> tuple[Any, ...]:
    """A loop in a rule, step by step: coefficients are found as they are asked for, of all steps together."""
    s, e = body.states, body.states + body.elements
    states, rows = list(args[:s]), []
    for i in reversed(range(length)) if backwards else range(length):
        found = body.program.evaluated([*states, *[x[i] for x in args[s:e]], *args[e:]])
        states = found[:s]
        rows.append(found[s:])
    if backwards:
        rows.reverse()
    if not rows:
        blanks = [body.program.values[k] for k in body.program.outputs[s:]]
        return (*states, *[np.zeros((0, *v.shape), v.dtype) for v in blanks])
    return (*states, *map(np.stack, zip(*rows, strict=True)))
