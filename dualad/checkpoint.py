"""Checkpoints: parts of a computation of which reverse mode keeps the inputs alone, and which it runs again.

A segment is one operation, whose rules run its function under a derivative. The pushforward runs it on dual numbers,
the pullback on a tape of its own, which is gone when it has been swept. The derived functions are segments in turn, so
that an outer derivative keeps no more of them. A chain of steps is a segment, too, whose pullback follows the binomial
schedule (Griewank and Walther 2000): it keeps a few states, and computes the others again from these.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .derivative import F
from .dual import Dual, pushed
from .errors import ArgumentError, AssignmentError, ShapeError, error
from .free import opened
from .op import Op, Tracer, example
from .push import constant
from .run import Recording
from .scan import is_symbolic
from .select import named
from .tape import Tape, Var
from .tracer import restacked
from .tree import along, flatten, inputs

Leaves = list[Any]
Flat = Callable[[Leaves], Leaves]


class Segment:
    """A function of leaves that is run again: `run` gives its results, `pull` its pullback."""

    __slots__ = ("name", "run")

    def __init__(self, run: Flat, name: str) -> None:
        self.run, self.name = run, name

    def __call__(self, leaves: Sequence[Any], forgotten: bool = False) -> Leaves:
        """The results: of values that a derivative traces as those of one operation.

        forgotten: nothing else that is computed may be used, as a derivative would not know of it
        """
        top = max((a for a in leaves if isinstance(a, Tracer)), key=lambda a: a.number, default=None)
        if not isinstance(top, (Var, Dual)):
            return _forgotten(self.run, list(leaves)) if forgotten else self.run(list(leaves))
        found = list(segment(*leaves, of=self))
        for v in found:
            if isinstance(v, Tracer) and (
                v.number > top.number or (isinstance(v.value, Tracer) and v.value.number >= top.number)
            ):
                raise error(
                    ArgumentError,
                    f"{self.name}, which is checkpointed, reads a traced value that is none of its arguments, nor in a "
                    "variable of a function around it",
                    "pass it as an argument",
                )
        return found

    def moved(self, flags: Sequence[bool]) -> Callable[[Leaves], Leaves]:
        """From leaves, and tangents of the flagged ones, to results and their tangents."""
        return Segment(functools.partial(_moved, self.run, flags), self.name)

    def pull(self, g: Sequence[Any], leaves: Leaves, wanted: Sequence[bool], y: Sequence[Any]) -> Leaves:
        """Cotangents of the wanted leaves, from those of the results, `None` for zero."""
        there = [c is not None for c in g]
        back = functools.partial(_pulled, self, there, list(wanted), len(leaves))
        found = iter(Segment(back, self.name)([*leaves, *[c for c in g if c is not None], *y]))
        return [next(found) if on else None for on in wanted]


class Chain(Segment):
    """Steps from `start` on, `length` of them: from states and constants to states.

    step: function of the leaves and of the number of a step, returning the next states
    """

    __slots__ = ("length", "snapshots", "start", "states", "step")

    def __init__(self, step: Any, name: str, states: int, start: int, length: int, snapshots: int) -> None:
        super().__init__(self._through, name)
        self.step, self.states = step, states
        self.start, self.length, self.snapshots = start, length, snapshots

    def _through(self, leaves: Leaves) -> Leaves:
        now, rest = leaves[: self.states], leaves[self.states :]
        for k in range(self.start, self.start + self.length):
            now = self.step([*now, *rest], k)
        return now

    def part(self, start: int, length: int, snapshots: int) -> Chain:
        """Some of the steps."""
        return Chain(self.step, self.name, self.states, start, length, snapshots)

    def one(self, k: int) -> Segment:
        """One step."""
        return Segment(lambda leaves: self.step(leaves, k), self.name)

    def moved(self, flags: Sequence[bool]) -> Callable[[Leaves], Leaves]:
        s = self.states
        carried, rest = [*[True] * s, *flags[s:]], len(flags) - s

        def step(leaves: Leaves, k: int) -> Leaves:  # states and their tangents, then constants and theirs
            ordered = [
                *leaves[:s],
                *leaves[2 * s : 2 * s + rest],
                *leaves[s : 2 * s],
                *leaves[2 * s + rest :],
            ]
            return _moved(lambda xs: self.step(xs, k), carried, ordered)

        chain = Chain(step, self.name, 2 * s, self.start, self.length, self.snapshots)

        def run(leaves: Leaves) -> Leaves:
            n = len(flags)
            given = iter(leaves[n:])
            moving = [next(given) if on else None for on in flags]
            moving[:s] = [
                constant(a, 0.0) if m is None else m for a, m in zip(leaves, moving[:s], strict=False)
            ]
            tangents = [m for m in moving[s:] if m is not None]
            return chain([*leaves[:s], *moving[:s], *leaves[s:n], *tangents])

        return run

    def pull(self, g: Sequence[Any], leaves: Leaves, wanted: Sequence[bool], y: Sequence[Any]) -> Leaves:
        s, rest = self.states, leaves[self.states :]
        moving = [*[True] * s, *wanted[s:]]
        adjoints, totals = list(g), [None] * len(rest)
        # Parts that are still to be swept, the last on top, each with the states that it begins with.
        waiting = [(self.part(self.start, self.length, self.snapshots), leaves[:s])]
        while waiting:
            chain, now = waiting.pop()
            start, length, snapshots = chain.start, chain.length, chain.snapshots
            while length > 1:
                ahead = split(length, snapshots)
                part = self.part(start, ahead, snapshots)
                waiting.append((part, now))
                now = part([*now, *rest])
                start, length, snapshots = start + ahead, length - ahead, snapshots - 1
            found = self.one(start).pull(adjoints, [*now, *rest], moving, y)
            y = ()  # of the last step
            adjoints = found[:s]
            totals = [
                b if a is None else a if b is None else a + b for a, b in zip(totals, found[s:], strict=True)
            ]
        return [
            c if on and c is not None else constant(x, 0.0) if on else None
            for c, on, x in zip((*adjoints, *totals), wanted, leaves, strict=True)
        ]


class _Nothing(list[Any]):
    """The entries of a tape that nobody will sweep."""

    def append(self, entry: Any) -> None:
        pass


def _forgotten(f: Flat, leaves: Leaves) -> Leaves:
    """The results of `f` alone: other values that it lets out raise `LeakError` when they are used."""
    tape = Tape()
    on = [not isinstance(x, np.ndarray) or x.dtype.kind in "fc" for x in leaves]
    variables = iter(tape.inputs([x for x, moves in zip(leaves, on, strict=True) if moves]))
    tape.entries = _Nothing()
    try:
        found = f([next(variables) if moves else x for x, moves in zip(leaves, on, strict=True)])
    finally:
        tape.close()
        tape.release()
    return [v.value if isinstance(v, Var) and v.tape is tape else v for v in found]


def _moved(f: Flat, flags: Sequence[bool], leaves: Leaves) -> Leaves:
    """Results of `f` and their tangents, from leaves and, behind them, the tangents of the flagged ones."""
    rest = iter(leaves[len(flags) :])
    values, tangents = pushed(f, leaves[: len(flags)], [next(rest) if on else None for on in flags])
    return [
        *values,
        *[constant(v, 0.0) if dv is None else dv for v, dv in zip(values, tangents, strict=True)],
    ]


def _pulled(of: Segment, there: Sequence[bool], wanted: Sequence[bool], n: int, given: Leaves) -> Leaves:
    """Cotangents of the wanted leaves: `of` is run again on a tape, and swept."""
    leaves, cotangents = given[:n], given[n : n + sum(there)]
    before = given[n + sum(there) :]

    def again(f: Flat, xs: Sequence[Any]) -> Leaves:
        rest = iter(xs)
        return f([next(rest) if on else x for x, on in zip(leaves, wanted, strict=True)])

    inside = [x for x, on in zip(leaves, wanted, strict=True) if on]
    with Recording(of.run, again, inside) as run:
        if before:
            _same(of, before, run.values)
        rest = iter(cotangents)
        found = run.pull([next(rest) if on else None for on in there], last=True)
    return [constant(x, 0.0) if c is None else c for c, x in zip(found, inside, strict=True)]


def _same(of: Segment, before: Sequence[Any], now: Sequence[Any]) -> None:
    """Raise unless a segment's second run gave the results of its first, but for rounding."""
    for a, b in zip(map(example, before), map(example, now), strict=True):
        tolerance = 1e3 * math.sqrt(np.finfo(a.dtype if hasattr(a, "dtype") else float).eps)
        same = np.shape(a) == np.shape(b)
        if same and not np.array_equal(a, b, equal_nan=True):
            size = np.max(np.abs(a), where=np.isfinite(a), initial=0.0)
            same = np.allclose(a, b, tolerance, tolerance * size, equal_nan=True)
        if not same:
            raise error(
                ArgumentError,
                f"{of.name} gave other results when it was run again: it draws random numbers, or reads what has "
                "changed since",
                "pass what it reads as arguments, and draw before: a checkpointed function always gives the same",
            )


# The rules of the operation.
def _run(*leaves: Any, of: Segment) -> tuple[Any, ...]:
    return tuple(of.run(list(leaves)))


def _forward(leaves: Sequence[Any], *, of: Segment) -> tuple[Any, Any]:
    """The results, which the pullback compares its own with."""
    found = tuple(of(leaves, forgotten=True))
    return found, found


def _jvp(
    tangents: Sequence[Any], leaves: Sequence[Any], *, of: Segment, **_: Any
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    flags = [dx is not None for dx in tangents]
    found = of.moved(flags)([*leaves, *[dx for dx in tangents if dx is not None]])
    half = len(found) // 2
    return tuple(found[:half]), tuple(found[half:])


def _pull(
    g: Sequence[Any], leaves: Sequence[Any], wanted: Sequence[bool], kept: Any, *, of: Segment
) -> Leaves:
    return of.pull(g, list(leaves), wanted, kept)


segment = Op(
    "joint",
    _run,
    (_jvp, _forward, _pull),
    name="checkpoint",
    variadic=True,
    dispatches=False,
    complex=True,
)


def checkpoint(f: F) -> F:
    """`f`, of whose intermediate values reverse mode keeps none: it keeps the inputs, and runs `f` again in the sweep.

    One more run of `f` for each sweep, and the memory of its tape is needed only while that part is swept. Around the
    parts of a long computation it leaves the tapes of one part at a time (Griewank and Walther 2008, chapter 12). Other
    modes, and functions under `compile`, go through as if it were not there.

    f: a function of arrays or nested containers of them that gives the same whenever it is run. Traced values that it
        reads from functions around it count as arguments
    returns: a function of the same arguments with the same results
    raises: ArgumentError where `f` reads a traced value from elsewhere (a global, an attribute), or gives other results
        when it is run again; LeakError where values are used that `f` has put elsewhere than in its result

    >>> layer = checkpoint(lambda x: np.sum(np.sin(x) ** 2))
    >>> grad(layer)(np.array([0.0, np.pi / 4]))
    array([0., 1.])
    """

    @functools.wraps(f)
    def derived(*args: Any, **kwargs: Any) -> Any:
        found, rebuild = flatten((args, kwargs))
        outside, closed = opened(f)
        leaves, n = [*map(_tidy, found), *outside], len(found)
        if not any(isinstance(v, Tracer) for v in leaves) or any(map(is_symbolic, leaves)):
            return f(*args, **kwargs)
        on = [isinstance(v, (Tracer, np.ndarray)) for v in leaves]
        rest = [None if a else v for v, a in zip(leaves, on, strict=True)]
        first: list[Any] = []

        def flat(xs: Leaves) -> Leaves:
            values = iter(xs)
            given = [next(values) if a else v for v, a in zip(rest, on, strict=True)]
            inside = [v.value if isinstance(v, Tracer) else None for v in given]
            positional, named_ones = rebuild(given[:n])
            results, build = flatten(closed(given[n:])(*positional, **named_ones))
            if any(isinstance(v, Tracer) and v.value is not w for v, w in zip(given, inside, strict=True)):
                raise error(
                    AssignmentError,
                    f"{named(f)}, which is checkpointed, assigns into its argument",
                    "a copy: x = x.copy()",
                )
            results = [*map(_tidy, results)]
            moves = [_is_number(v) for v in results]
            if not first:
                first.append((build, [None if m else v for v, m in zip(results, moves, strict=True)], moves))
            return [v for v, m in zip(results, moves, strict=True) if m]

        numbers = iter(Segment(flat, named(f))([v for v, a in zip(leaves, on, strict=True) if a]))
        ((build, others, moves),) = first
        return build([next(numbers) if m else v for v, m in zip(others, moves, strict=True)])

    return derived


def _tidy(v: Any) -> Any:
    """A leaf, of an array of traced numbers a traced array."""
    return restacked(v) if type(v) is np.ndarray and v.dtype == object else v


def _is_number(v: Any) -> bool:
    """Whether a result can have a derivative."""
    return isinstance(v, (Tracer, float)) or getattr(getattr(v, "dtype", None), "kind", None) in ("f", "c")


def split(length: int, snapshots: int) -> int:
    """How many of `length` steps to go before the next state is kept, where `snapshots` may be, the first counted.

    With β(c, r) = (c + r)! / (c! r!) and r the least for which β(c, r) ≥ length, any number that leaves both parts
    within the reach of r and r - 1 repetitions is optimal (Griewank and Walther 2000).
    """
    repetitions = 0
    while math.comb(snapshots + repetitions, snapshots) < length:
        repetitions += 1
    reached = math.comb(snapshots + repetitions - 2, snapshots) if repetitions > 1 else 0
    return max(1, reached, length - math.comb(snapshots - 1 + repetitions, snapshots - 1))


def checkpointed_scan(step: Callable[[Any, int], Any], state: Any, n: int, snapshots: int) -> Any:
    """The state after `n` steps; reverse mode keeps `snapshots` states on the way, and computes the others again.

    The binomial schedule (Griewank and Walther 2000, revolve): where (c + r)! / (c! r!) ≥ n for c snapshots, no step is
    run more than r times before it is differentiated: with 10 snapshots 1000 steps are run 4 times, at most. A gradient
    evaluates r n - β(c + 1, r - 1) + n steps, β as in `split`, the fewest possible.

    step: function of the state and of the step's number from 0 on, returning the next state, of the same structure and
        shapes. It gives the same whenever it is run, and reads traced values from functions around it, as for
        `checkpoint`
    state: numbers, arrays or nested containers of them; n: number of steps; snapshots: how many states, 1 or more, the
        first counted
    returns: the last state
    raises: ArgumentError as `checkpoint`; ShapeError where a step changes the structure or shapes

    >>> def newton(a):
    ...     return checkpointed_scan(lambda x, k: (x + a / x) / 2, a, 20, snapshots=3)
    >>> grad(newton)(4.0)
    0.25
    """
    if n < 0 or snapshots < 1:
        raise error(
            ArgumentError,
            f"checkpointed_scan of {n} steps with {snapshots} snapshots",
            "n ≥ 0 and snapshots ≥ 1",
        )
    leaves, rebuild = inputs(state, f"the state of {named(step)}")
    outside, closed = opened(step)
    s, name = len(leaves), named(step)

    def flat(xs: Leaves, k: int) -> Leaves:
        now = rebuild(xs[:s])
        new = [*map(_tidy, along(now, closed(xs[s:])(now, k), f"the state that {name} returned"))]
        for a, b in zip(xs, new, strict=False):
            if np.shape(a) != np.shape(b) or not _is_number(b):
                raise error(
                    ShapeError,
                    f"{name} made {f'a state of shape {np.shape(b)}' if _is_number(b) else type(b).__name__} of one of "
                    f"shape {np.shape(a)}",
                    "return a state of floating-point numbers, with the shapes that it came with",
                )
        return new

    return rebuild(through(flat, name, leaves, outside, range(n), snapshots))


def through(
    step: Any, name: str, states: Leaves, constants: Sequence[Any], steps: range, snapshots: int
) -> Leaves:
    """The states after some steps, each a function `step` of states and constants, and of its number."""
    now, start, stop = states, steps.start, steps.stop
    if not any(map(is_symbolic, (*states, *constants))):
        while stop - start > 1:
            ahead = split(stop - start, snapshots)
            now = Chain(step, name, len(states), start, ahead, snapshots)([*now, *constants])
            start, snapshots = start + ahead, snapshots - 1
    for k in range(start, stop):
        now = step([*now, *constants], k)
    return now
