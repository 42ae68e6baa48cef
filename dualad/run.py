"""One run of a user's function under one mode, from plain leaves in to plain leaves out."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .debug import watching
from .dual import Dual, Level, dual
from .errors import ArgumentError, error
from .foreign import explain
from .lean import LARGE
from .op import Tracer, is_complex
from .push import constant
from .recurrence import Stream
from .select import named
from .series import Level as SeriesLevel
from .series import Series, series
from .sweep import push_along, sweep
from .tape import Tape, Var
from .tree import Rebuild, flatten, outputs


@functools.cache
def keep_freed_memory() -> None:
    """Have glibc's allocator keep up to 64 MiB of freed memory, as it does once a program has freed an array of 32.

    A tape keeps the values of a whole run and frees them all. By default such memory goes back to the
    operating system, and comes again page by page at the next call, for several times the cost of the
    arithmetic. Elsewhere than on glibc this does nothing.
    """
    np.empty(2**25 - 2**16, np.uint8)  # only reserved, never touched


class Recording:
    """A function's run on a tape. `values` are the output leaves, `rebuild` gives them their structure.

    A context in which the user's arrays stay as they were recorded, unless the tape has `copies` of them.
    """

    __slots__ = ("aux", "entries", "positions", "rebuild", "size", "tape", "values")

    def __init__(
        self,
        f: Callable[..., Any],
        call: Callable[..., Any],
        leaves: Sequence[Any],
        has_aux: bool = False,
        copies: bool = False,
    ) -> None:
        for x in leaves:
            if type(x) is np.ndarray and x.nbytes >= LARGE:
                keep_freed_memory()
                break
        self.tape = tape = Tape(copies)
        try:
            result = call(f, tape.inputs(leaves))
            result, aux = _split(f, result, has_aux)
            found, self.rebuild = outputs(result, named(f))
            mine = [isinstance(v, Var) and v.tape is tape for v in found]
            found = [v if own else in_use(v) for v, own in zip(found, mine, strict=True)]
        except BaseException as exception:
            tape.release()
            explain(exception)
            raise
        finally:
            self.entries = tape.close()
        self.size = len(leaves)
        self.values = [v.value if own else v for v, own in zip(found, mine, strict=True)]
        self.positions = [v.index if own else -1 for v, own in zip(found, mine, strict=True)]
        self.aux = _stripped(aux, lambda v: isinstance(v, Var) and v.tape is tape)

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *exception: object) -> None:
        self.tape.release()

    def pull(self, cotangents: Sequence[Any], last: bool = False) -> list[Any]:
        """Adjoints of the inputs, `None` where zero. The `last` sweep may free the values as it passes."""
        entries = self.entries if last else self.entries.copy()
        adjoints: list[Any] = [None] * len(entries)
        for position, g in zip(self.positions, cotangents, strict=True):
            if position >= 0 and g is not None:
                adjoints[position] = g if adjoints[position] is None else adjoints[position] + g
        sweep(entries, adjoints, self.size)
        return adjoints

    def push(self, tangents: Sequence[Any]) -> list[Any]:
        """Tangents of the outputs, `None` where zero."""
        return push_along(self.entries, list(tangents), self.positions)


def run_dual(
    f: Callable[..., Any],
    call: Callable[..., Any],
    leaves: Sequence[Any],
    tangents: Sequence[Any],
    has_aux: bool = False,
) -> tuple[list[Any], list[Any], Rebuild, Any]:
    """Run `f` in forward mode: output leaves, their tangents (`None` where zero), their structure, and aux."""
    if watching():
        with Recording(f, call, leaves, has_aux) as run, np.errstate(all="ignore"):
            return run.values, run.push(tangents), run.rebuild, run.aux
    level = Level()
    try:
        result = call(f, [dual(x, dx, level) for x, dx in zip(leaves, tangents, strict=True)])
        result, aux = _split(f, result, has_aux)
        found, rebuild = outputs(result, named(f))
    except Exception as exception:
        explain(exception)
        raise
    finally:
        level.open = False
    mine = [isinstance(v, Dual) and v.level is level for v in found]
    values = [v.value if own else in_use(v) for v, own in zip(found, mine, strict=True)]
    moved = [v.tangent if own else None for v, own in zip(found, mine, strict=True)]
    return values, moved, rebuild, _stripped(aux, lambda v: isinstance(v, Dual) and v.level is level)


def run_series(
    f: Callable[..., Any],
    call: Callable[..., Any],
    leaves: Sequence[Any],
    directions: Sequence[Any],
    order: int,
) -> tuple[list[list[Any]], Rebuild]:
    """Run `f` on the series x + t · direction: coefficients 0 … order of the output leaves, and their structure.

    `None` stands for a coefficient that is zero.
    """
    level = SeriesLevel(order)
    try:
        result = call(f, [series(Stream([x, dx]), level) for x, dx in zip(leaves, directions, strict=True)])
        found, rebuild = outputs(result, named(f))
    except Exception as exception:
        explain(exception)
        raise
    finally:
        level.open = False
    coefficients = []
    for v in found:
        own = isinstance(v, Series) and v.level is level
        known = v.stream.known[: order + 1] if own else [in_use(v)]
        coefficients.append(known + [None] * (order + 1 - len(known)))
    return coefficients, rebuild


def lifted(seed: Any, x: Any) -> Any:
    """The seed of `x`, brought to the level of `x` where that is itself traced."""
    return x.lift(seed) if isinstance(x, Tracer) else seed


def in_use(v: Any) -> Any:
    """A result that is not of this run: if traced, by one that goes on. A cached one of an earlier run raises."""
    return +v if isinstance(v, Tracer) else v  # type: ignore[operator]


def _split(f: Callable[..., Any], result: Any, has_aux: bool) -> tuple[Any, Any]:
    if not has_aux:
        return result, None
    if not isinstance(result, tuple) or len(result) != 2:
        raise error(
            ArgumentError,
            f"with has_aux=True {named(f)} must return a pair (result, aux)",
            "return result, aux",
        )
    return result


def _stripped(tree: Any, own: Callable[[Any], bool]) -> Any:
    """`tree` with the traced values of this run replaced by what they stand for."""
    if tree is None:
        return None
    leaves, rebuild = flatten(tree)
    return rebuild([writeable(v.value) if own(v) else v for v in leaves])


def writeable(v: Any) -> Any:
    """A result as the caller may change it: what was seen through a read-only array is copied."""
    return v.copy() if isinstance(v, np.ndarray) and not v.flags.writeable else v


def handed_out(
    results: Sequence[Any], like: Sequence[Any], inputs: Sequence[Any] = (), conjugate: bool = False
) -> list[Any]:
    """Derivatives as a caller may keep and change them: zeros filled in, nothing shared, floats for floats.

    conjugate: the results are adjoints as sweeps have them, for which complex values are a pair (g, z) ↦ Re(g z)
    """
    seen = {id(x) for x in inputs}
    found = []
    for r, x in zip(results, like, strict=True):
        if type(r) is not float or type(x) is not float:
            r = constant(x, 0.0) if r is None else _handed_out(conjugated(r) if conjugate else r, x, seen)
        found.append(r)
    return found


def conjugated(g: Any) -> Any:
    """A cotangent as users have it, for sweeps, or the other way round."""
    return np.conjugate(g) if is_complex(g) else g


def _handed_out(r: Any, x: Any, seen: set[int]) -> Any:
    if isinstance(r, np.ndarray):
        if r.dtype != _dtype(x):  # a partial in a wider type
            r = r.astype(_dtype(x))
        if r.base is not None or not r.flags.writeable or id(r) in seen:
            r = np.array(r)
        seen.add(id(r))
        r = r if r.ndim else r[()]
    if isinstance(r, (float, np.generic)) and not isinstance(x, Tracer):
        r = float(r) if type(x) is float else x.dtype.type(r)
    elif isinstance(x, Tracer) and x.symbolic:
        r = x.alike(r)  # type: ignore[attr-defined]
    return r


def _dtype(x: Any) -> np.dtype[Any]:
    return np.dtype(float) if type(x) is float else x.dtype
