"""Loops with a state: `scan`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .body import Body
from .errors import ArgumentError, ShapeError, error
from .op import Tracer, example
from .rolled import looped, stretched
from .select import named
from .symbol import Trace, traced
from .tracer import restacked
from .tree import Rebuild, along, flatten

Leaves = list[Any]


def scan(
    step: Callable[[Any, Any], tuple[Any, Any]],
    state: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    snapshots: int | None = None,
) -> tuple[Any, Any]:
    """A loop that carries a state: `state, y = step(state, x)` for each `x` of `xs`, the ys stacked.

    By itself it is just this loop, and derivatives go through it as through any other. In a compiled function it
    stays one: the step is compiled once and run natively, however many steps there are, and so are its
    derivatives (in reverse mode with the states of all steps kept, each step computed again from its own).

    step: function of a state and of an element, returning the next state, of the same structure, shapes and
        dtypes, and a result, which may be None; both may be nested containers
    state: the first state; xs: arrays, or nested containers of them, whose first axes are the steps
    length: the number of steps, where `xs` is None
    reverse: from the last element to the first; ys are in the order of `xs` all the same
    snapshots: in reverse mode of a compiled function, keep about so many states only, and compute the ones between
        them again, a stretch at a time; about the square root of the number of steps takes least memory
    returns: the last state, and the results, stacked along a new first axis
    raises: ArgumentError where the number of steps is not clear; ShapeError where a step changes the state's
        structure or shapes; in a compiled function TraceError where a step branches on a traced value

    >>> scan(lambda s, x: (s + x, s * x), 0.0, np.array([1.0, 2.0, 3.0]))
    (np.float64(6.0), array([0., 2., 9.]))
    """
    leaves, rebuild = _tidied(xs)
    n = _steps(leaves, length)
    if snapshots is not None and not 1 <= snapshots <= max(n, 1):
        raise error(ArgumentError, f"scan of {n} steps cannot keep {snapshots} snapshots", f"1 to {n}")

    def move(now: Any, t: int) -> tuple[Any, Any]:
        return _moved(step, now, rebuild([_element(x, t) for x in leaves]))

    if n == 0:
        return state, _nothing(step, state, leaves, rebuild)
    if not _symbolic(state) and not _symbolic(leaves):
        order = range(n)[:: -1 if reverse else 1]
        now, y = move(_own(state), order[0])
        if not (_symbolic(now) or _symbolic(y)):  # nor what the step reads from outside
            ys = {order[0]: y}
            for t in order[1:]:
                now, ys[t] = move(now, t)
            return now, _stacked([ys[t] for t in range(n)])
    return _rolled(step, state, leaves, rebuild, n, reverse, snapshots)


def _own(state: Any) -> Any:
    """A state that a step may change in place: arrays are copies."""
    leaves, rebuild = _tidied(state)
    return rebuild([np.copy(v) if np.ndim(v) else v for v in leaves])


def _element(x: Any, t: int) -> Any:
    """An element as a step sees it: the caller's array cannot be changed through it."""
    y = x[t]
    if type(y) is np.ndarray:
        y.flags.writeable = False
    return y


def _steps(leaves: Leaves, length: int | None) -> int:
    """How many steps there are."""
    found = {np.shape(x)[0] if np.ndim(x) else None for x in leaves} | ({length} - {None})
    if len(found) != 1 or None in found:
        raise error(
            ArgumentError,
            "scan goes along the first axis of every array in xs, which must have the same length"
            if found
            else "scan was given neither elements nor a number of steps",
            "length=… with xs=None; numbers that are the same in every step can be read from outside of the step",
        )
    (n,) = found
    return int(n)  # type: ignore[arg-type]


def _moved(step: Callable[[Any, Any], Any], state: Any, x: Any) -> tuple[Any, Any]:
    """One step, checked."""
    pair = step(state, x)
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise error(
            ArgumentError, f"{named(step)} returned no pair of a state and a result", "return state, None"
        )
    new, build = _tidied(pair[0])
    old, _ = flatten(state)
    along(state, pair[0], f"the state that {named(step)} returned")
    for a, b in zip(old, new, strict=True):
        if np.shape(a) != np.shape(b):
            raise error(
                ShapeError,
                f"{named(step)} made a state of shape {np.shape(b)} of one of shape {np.shape(a)}",
                "begin with a state of the shape that it has after a step",
            )
    return build(new), pair[1]


def _tidied(tree: Any) -> tuple[Leaves, Rebuild]:
    """Leaves, with arrays of traced numbers as traced arrays."""
    leaves, rebuild = flatten(tree)
    return [restacked(v) if type(v) is np.ndarray and v.dtype == object else v for v in leaves], rebuild


def _symbolic(tree: Any) -> bool:
    """Whether a value is that of a program being written, at some level."""
    return any(map(is_symbolic, _tidied(tree)[0]))


def is_symbolic(v: Any) -> bool:
    """Whether a leaf is a value of a program being written, at some level."""
    while isinstance(v, Tracer):
        if v.symbolic or is_symbolic(getattr(v, "tangent", None)):
            return True
        v = v.value
    return False


def _stacked(ys: Sequence[Any]) -> Any:
    """Results of all steps, each leaf stacked."""
    leaves = [_tidied(y)[0] for y in ys]
    rebuild = flatten(ys[0])[1]
    return rebuild([np.stack(column) for column in zip(*leaves, strict=True)])


def _nothing(step: Callable[[Any, Any], Any], state: Any, leaves: Leaves, rebuild: Rebuild) -> Any:
    """The results of no steps at all, which have the shapes that those of one step would have."""
    blank = [np.zeros(np.shape(x)[1:], x.dtype)[()] for x in leaves]
    with np.errstate(all="ignore"):
        found, build = _tidied(_moved(step, state, rebuild(blank))[1])
    return build([np.zeros((0, *np.shape(y)), np.result_type(example(y))) for y in found])


def _rolled(
    step: Callable[[Any, Any], Any],
    state: Any,
    leaves: Leaves,
    rebuild: Rebuild,
    n: int,
    reverse: bool,
    snapshots: int | None,
) -> tuple[Any, Any]:
    """The loop as one operation of the program that is being written."""
    states, build = _tidied(state)
    s = len(states)
    made: list[Rebuild] = []

    def flat(*symbols: Any) -> Leaves:
        new, y = _moved(step, build(symbols[:s]), rebuild(symbols[s:]))
        found, structure = _tidied(y)
        made.append(structure)
        return [*along(state, new, f"the state that {named(step)} returned"), *found]

    while True:
        trace = Trace(captures=True)
        firsts = [example(x)[0] for x in leaves]
        program, _ = traced(flat, [*map(example, states), *firsts], trace)
        kinds = [program.values[k].dtype for k in program.outputs[:s]]
        wider = [np.result_type(dtype, _dtype(v)) for dtype, v in zip(kinds, states, strict=True)]
        if wider == kinds == list(map(_dtype, states)):
            break
        states = [_as(v, dtype) for v, dtype in zip(states, wider, strict=True)]
        step = _cast(step, wider)
    captured = [a for _, a in trace.captured.values()]
    body, operands = Body(program, s, len(leaves)), [*states, *leaves, *captured]
    if snapshots is None:
        last, results = looped(operands, body, n, reverse)
    else:
        last, results = stretched(operands, body, n, reverse, snapshots)
    return build(last), made[-1](results)


def _dtype(v: Any) -> Any:
    return v.dtype if hasattr(v, "dtype") else np.result_type(type(v))


def _cast(step: Callable[[Any, Any], Any], dtypes: Sequence[Any]) -> Callable[[Any, Any], Any]:
    """A step whose states have these dtypes."""

    def cast(state: Any, x: Any) -> tuple[Any, Any]:
        new, y = _moved(step, state, x)
        found, build = flatten(new)
        return build([_as(v, dtype) for v, dtype in zip(found, dtypes, strict=True)]), y

    return cast


def _as(v: Any, dtype: Any) -> Any:
    """A number or an array, traced or not, of another dtype."""
    if _dtype(v) == dtype:
        return v
    plain: Any = v if isinstance(v, Tracer) else np.asarray(v)
    return np.astype(plain, dtype)[()]
