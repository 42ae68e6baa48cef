"""Loops that stay loops in programs: one operation that repeats a step, and its derivatives.

The step is itself a program, a `Body`, from states, elements of sequences, and constants to new states and results. The
derivatives of a loop are loops as well: forward mode carries the tangents of the states along; reverse mode keeps the
states as they came into each step, and goes back through the steps, each computed again from its state and swept
(Griewank and Walther 2008, chapter 12). Both are made by running the step's program under a derivative and tracing
that, so that no rule is written twice, and loops nest in loops and derivatives in derivatives.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .batch import Batch
from .body import Body, Flags, Leaves
from .dual import pushed
from .op import Op
from .push import constant
from .recurrence import Stream
from .series import Level, Series, series
from .sweep import pulled
from .symbol import Trace, traced
from .tracer import next_number


def looped(operands: Sequence[Any], body: Body, length: int, backwards: bool) -> tuple[Leaves, Leaves]:
    """The last states and the stacked results of a loop, of operands traced or not."""
    found = scanned(*operands, body=body, length=length, backwards=backwards)
    return list(found[: body.states]), list(found[body.states :])


def _run(*operands: Any, body: Body, length: int, backwards: bool) -> tuple[Any, ...]:
    """The loop on plain values."""
    from .native.rolling import run

    return run(body, operands, length, backwards)


# The derived bodies. Each is traced from a function of leaves, once for each set of flags.
def _derived(body: Body, key: Any, make: Callable[[], tuple[Body, Any]]) -> tuple[Body, Any]:
    if key not in body.derived:
        body.derived[key] = make()
    found: tuple[Body, Any] = body.derived[key]
    return found


def _traced_body(
    f: Callable[[Callable[[Any], Any], Leaves], tuple[Leaves, Leaves]],
    examples: Sequence[Any],
    states: int,
    elements: int,
) -> Body:
    """The body of `f(lift, leaves)`, which returns states and results."""
    trace = Trace(captures=True)

    def flat(*leaves: Any) -> Leaves:
        new, results = f(trace.lift, list(leaves))
        return [*new, *results]

    return Body(traced(flat, examples, trace)[0], states, elements)


def _picked(values: Sequence[Any], flags: Flags) -> Leaves:
    return list(itertools.compress(values, flags))


def _carrying(
    args: Sequence[Any],
    extras: Sequence[Leaves],
    width: int,
    evaluated: Callable[[Callable[[Any], Any], Leaves, list[Leaves]], tuple[Leaves, Sequence[Any]]],
    key: Any,
    body: Body,
    length: int,
    backwards: bool,
) -> tuple[tuple[Any, ...], list[Leaves | None]]:
    """The loop with more carried along than values: tangents, or coefficients of series.

    extras: for each operand what comes with it, nothing for a constant, `None` for zero; width: how many of them come
        with states and results that move; evaluated: of `(lift, values, extras)` in one step, its outputs and theirs
    returns: the loop's results, and what comes with each of them, `None` for nothing
    """
    s, e = body.states, body.states + body.elements
    groups = [(0, s), (s, e), (e, None)]
    moving, results = body.moving([bool(parts) for parts in extras])
    counts = [*[width * on for on in moving], *map(len, extras[s:])]
    extras = [_filled(parts, n, a) for parts, n, a in zip(extras, counts, args, strict=True)]

    def laid(values: Sequence[Any], extras: Sequence[Leaves]) -> Leaves:
        return [v for i, j in groups for v in (*values[i:j], *_joined(extras[i:j]))]

    def make() -> tuple[Body, Any]:
        firsts = body.sliced(args)
        examples = laid(firsts, [[constant(a, 0.0)] * n for a, n in zip(firsts, counts, strict=True)])

        def step(lift: Callable[[Any], Any], leaves: Leaves) -> tuple[Leaves, Leaves]:
            rest, primals, given = iter(leaves), Leaves(), list[Leaves]()
            for i, j in groups:
                primals += [next(rest) for _ in counts[i:j]]
                given += [[next(rest) for _ in range(n)] for n in counts[i:j]]
            values, found = evaluated(lift, primals, given)
            full = [
                [c if c is not None else lift(constant(v, 0.0)) for c in _filled(parts or [], width)]
                if on
                else []
                for v, parts, on in zip(values, found, [*moving, *results], strict=True)
            ]
            return [*values[:s], *_joined(full[:s])], [*values[s:], *_joined(full[s:])]

        sizes = s + sum(counts[:s]), body.elements + sum(counts[s:e])
        return _traced_body(step, examples, *sizes), None

    new, _none = _derived(body, (key, tuple(counts)), make)
    operands = laid(args, extras)
    states, rest = looped(operands, new, length, backwards)
    y = (*states[:s], *rest[: len(results)])
    carried = iter((*states[s:], *rest[len(results) :]))
    return y, [[next(carried) for _ in range(width)] if on else None for on in (*moving, *results)]


def _joined(parts: Sequence[Leaves]) -> Leaves:
    return list(itertools.chain.from_iterable(parts))


def _filled(parts: Leaves, width: int, like: Any = None) -> Leaves:
    """As many parts as `width`; with `like`, zeros of its form in place of `None`."""
    parts = [*parts, *[None] * (width - len(parts))]
    return parts if like is None else [constant(like, 0.0) if c is None else c for c in parts]


def jvp(
    tangents: Sequence[Any], args: Sequence[Any], *, body: Body, length: int, backwards: bool, **_: Any
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The loop with tangents carried along: its results and their tangents, `None` where zero."""

    def evaluated(
        lift: Callable[[Any], Any], values: Leaves, given: list[Leaves]
    ) -> tuple[Leaves, list[Any]]:
        moved = [parts[0] if parts else None for parts in given]
        y, dy = pushed(lambda duals: body.program.evaluated(duals, lift), values, moved)
        return y, [None if dv is None else [dv] for dv in dy]

    seeds = [[] if dx is None else [dx] for dx in tangents]
    y, dy = _carrying(args, seeds, 1, evaluated, "jvp", body, length, backwards)
    return y, tuple(None if parts is None else parts[0] for parts in dy)


def expanded(
    known: Sequence[Leaves], args: Sequence[Any], order: int, *, body: Body, length: int, backwards: bool
) -> tuple[tuple[Any, ...], list[Leaves | None]]:
    """The loop on Taylor series: its results and their coefficients from the first to that of `order`.

    known: of each operand the coefficients after its value, as far as there are any, `None` for zero
    """

    def evaluated(
        lift: Callable[[Any], Any], values: Leaves, given: list[Leaves]
    ) -> tuple[Leaves, list[Any]]:
        level = Level(order)
        try:
            found = body.program.evaluated(
                [
                    series(Stream([v, *parts]), level) if parts else v
                    for v, parts in zip(values, given, strict=True)
                ],
                lift,
            )
        finally:
            level.open = False
        mine = [isinstance(v, Series) and v.level is level for v in found]
        return (
            [v.value if own else v for v, own in zip(found, mine, strict=True)],
            [v.stream.known[1 : order + 1] if own else None for v, own in zip(found, mine, strict=True)],
        )

    known = [parts[:order] for parts in known]
    return _carrying(args, known, order, evaluated, ("series", order), body, length, backwards)


def forward(args: Sequence[Any], *, body: Body, length: int, backwards: bool) -> tuple[Any, Any]:
    """The loop, and what its pullback needs besides: the states as they came into each step."""
    s = body.states

    def make() -> tuple[Body, Any]:
        def step(lift: Callable[[Any], Any], leaves: Leaves) -> tuple[Leaves, Leaves]:
            found = body.program.evaluated(leaves, lift)
            return found[:s], [*found[s:], *leaves[:s]]

        return _traced_body(step, body.sliced(args), s, body.elements), None

    new, _ = _derived(body, "forward", make)
    states, results = looped(args, new, length, backwards)
    kept = len(results) - s
    return (*states, *results[:kept]), tuple(results[kept:])


def pull(
    g: Sequence[Any],
    args: Sequence[Any],
    wanted: Flags,
    kept: Sequence[Any],
    *,
    body: Body,
    length: int,
    backwards: bool,
) -> Leaves:
    """The cotangents of the wanted arguments, back through the steps.

    g: of states and results, `None` where zero; kept: as `forward` returned it
    """
    s, e = body.states, body.states + body.elements
    moving, results = body.moving(wanted)
    given = [on and c is not None for on, c in zip(results, g[s:], strict=True)]
    examples = body.sliced(args)

    def make() -> tuple[Body, Any]:
        # states: adjoints of the states, and sums for constants. elements: the states that came in, the loop's
        # own elements, cotangents of results. constants: as they are
        out = iter(body.program.outputs[s:])
        like = [_blank(body.program.values[k]) for k in out]
        sums = _picked(examples[e:], wanted[e:])
        carried = [constant(v, 0.0) for v in (*_picked(examples[:s], moving), *sums)]
        inputs = [*carried, *examples[:e], *_picked(like, given), *examples[e:]]

        def step(lift: Callable[[Any], Any], leaves: Leaves) -> tuple[Leaves, Leaves]:
            rest = iter(leaves)
            adjoints = [next(rest) if on else None for on in moving]
            totals = [next(rest) if on else None for on in wanted[e:]]
            values = [next(rest) for _ in range(e)]
            gs = [next(rest) if on else None for on in given]
            values += rest
            on = [*moving, *wanted[s:]]

            def run(variables: Leaves) -> Leaves:
                rest = iter(variables)
                inner = [next(rest) if a else v for v, a in zip(values, on, strict=True)]
                return body.program.evaluated(inner, lift)

            swept = iter(pulled(run, _picked(values, on), (*adjoints, *gs)))
            parts = [(next(swept) if a else None) for a in on]
            full = [
                lift(constant(v, 0.0)) if c is None and a else c
                for c, a, v in zip(parts, on, values, strict=True)
            ]
            summed = [
                t if c is None else t + c for t, c in zip(totals, parts[e:], strict=True) if t is not None
            ]
            return [*_picked(full[:s], moving), *summed], _picked(full[s:e], wanted[s:e])

        return _traced_body(step, inputs, len(carried), e + sum(given)), None

    new, _none = _derived(body, ("pull", tuple(wanted), tuple(given)), make)
    carried = [
        constant(a, 0.0) if c is None else c
        for a, c in zip(_picked(args[:s], moving), _picked(g[:s], moving), strict=True)
    ]
    sums = [constant(a, 0.0) for a in _picked(args[e:], wanted[e:])]
    operands = [*carried, *sums, *kept, *args[s:e], *_picked(g[s:], given), *args[e:]]
    states, rows = looped(operands, new, length, not backwards)
    adjoints, slopes = iter(states), iter(rows)
    firsts = [next(adjoints) if on else None for on in moving]
    between = [next(slopes) if on else None for on in wanted[s:e]]
    return [*firsts, *between, *[next(adjoints) if on else None for on in wanted[e:]]]


def _blank(value: Any) -> Any:
    """A zero of a program's value."""
    return np.zeros(value.shape, value.dtype) if value.shape else value.dtype.type(0)


def along(
    operands: Sequence[Any], flags: Flags, width: int, *, body: Body, length: int, backwards: bool
) -> tuple[Leaves, Leaves]:
    """The loop for many directions at once: the flagged operands have them on their last axis.

    returns: the results, and which of them have directions
    """
    s = body.states
    moving, results = body.moving(flags)
    given = [*moving, *flags[s:]]
    operands = [
        np.broadcast_to(a[..., None] if np.ndim(a) else a, (*np.shape(a), width)) if on and not flag else a
        for a, flag, on in zip(operands, flags, given, strict=True)
    ]

    def make() -> tuple[Body, Any]:
        def step(lift: Callable[[Any], Any], leaves: Leaves) -> tuple[Leaves, Leaves]:
            number = next_number()
            found = body.program.evaluated(
                [Batch(v, number) if on else v for v, on in zip(leaves, given, strict=True)],
                lift,
            )
            plain = [
                _widened(v, number, width) if on else v
                for v, on in zip(found, [*moving, *results], strict=True)
            ]
            return plain[:s], plain[s:]

        return _traced_body(step, body.sliced(operands), s, body.elements), None

    new, _ = _derived(body, ("along", tuple(flags), width), make)
    states, rest = looped(operands, new, length, backwards)
    return [*states, *rest], [*moving, *results]


def stretched(
    operands: Sequence[Any], body: Body, length: int, backwards: bool, snapshots: int
) -> tuple[Leaves, Leaves]:
    """The loop as a loop over stretches, so that reverse mode keeps the states between those and no others."""
    s, e = body.states, body.states + body.elements
    size = -(-length // snapshots)
    count = length // size
    rest, whole = (slice(0, length - count * size), slice(length - count * size, None)) if backwards else (
        slice(count * size, None), slice(0, count * size)
    )  # fmt: skip
    rows = [np.reshape(x[whole], (count, size, *np.shape(x)[1:])) for x in operands[s:e]]

    def make() -> tuple[Body, Any]:
        examples = body.sliced([*operands[:s], *rows, *operands[e:]])

        def stretch(lift: Callable[[Any], Any], leaves: Leaves) -> tuple[Leaves, Leaves]:
            return looped(leaves, body, size, backwards)

        return _traced_body(stretch, examples, s, e - s), None

    outer, _ = _derived(body, ("stretch", size), make)
    states, found = looped([*operands[:s], *rows, *operands[e:]], outer, count, backwards)
    results = [np.reshape(y, (count * size, *np.shape(y)[2:])) for y in found]
    if count * size < length:
        last = [*states, *[x[rest] for x in operands[s:e]], *operands[e:]]
        states, others = looped(last, body, length - count * size, backwards)
        pairs = zip(others, results, strict=True) if backwards else zip(results, others, strict=True)
        results = [np.concatenate(pair) for pair in pairs]
    return states, results


def _widened(v: Any, number: int, width: int) -> Any:
    if isinstance(v, Batch) and v.number == number:
        return np.broadcast_to(v.value, (*v.shape, width))
    return np.broadcast_to(v[..., None] if np.ndim(v) else v, (*np.shape(v), width))


def _cost(y: Any, *operands: Any, body: Body, length: int, backwards: bool) -> int:
    return length * len(body.program)


scanned = Op(
    "joint",
    _run,
    (jvp, forward, pull, expanded),
    name="scan",
    variadic=True,
    dispatches=False,
    complex=True,
    batch=along,
    cost=_cost,
)
