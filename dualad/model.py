"""A model of what sweeps cost: their counts, drawn out from a few directions to all, and the time that these make.

The sweeps that are counted are those that will run, vectorised and in chunks. What they cost grows linearly with the
directions and with the chunks, so that three counts tell that of any number of them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .blocks import CHUNK_BYTES, extent, itemsize_of
from .compressed import compressed, size_of
from .count import counts
from .derivative import F, grad
from .ledger import Ledger
from .run import Recording
from .select import Selected

# Nanoseconds of one core with CPython and NumPy, fitted to the processor time of some 300 Jacobians and Hessians of 28
# functions; what matters is how they compare. They are constants so that predictions are the same everywhere.
START = 33_000.0  # a mode at work: arguments in, derivatives out, once a chunk
DENSE = 2.7  # times that, for each chunk of a dense Hessian by forward over reverse mode
TAPE = 12_000.0  # a recording
WORKED = 1_700.0  # an operation that a mode works on,
NESTED = 22_000.0  # which for many directions is slow where another mode works on the result
KEPT = 0.05  # a byte that a tape keeps until its sweep, with all directions of a mode outside: memory that is fresh
PLAN, NONZERO = 130_000.0, 5.0  # a sparse matrix from products, and each of its nonzeros
CALL = 800.0  # a call for arithmetic, which directions take the shortest way to,
MOVE = 2_000.0  # for moving elements,
DETOUR = 5_400.0  # for anything else
BYTE = 0.02  # while arrays fit into caches,
FAR, CACHE = 0.1, 2**21  # and more where the bytes of a call do not
OPERATION = {
    "arithmetic": 0.1,
    "function": 0.5,
    "product": 0.025,
    "contraction": 0.5,
    "reduction": 0.22,
    "transform": 0.5,
    "decomposition": 0.5,
}
OTHER = 1.0  # an operation of another kind

Tally = np.ndarray[Any, np.dtype[np.float64]]  # counts, in the order of:
_NANOSECONDS = np.array(
    [*OPERATION.values(), OTHER, WORKED, NESTED, START, TAPE, KEPT, PLAN, NONZERO, CALL, MOVE, DETOUR, BYTE]
)
_KINDS, _CALLS = len(OPERATION) + 1, slice(-4, -1)


class Price(NamedTuple):
    """Counted operations, and the time that the model makes of all that was counted."""

    operations: float
    seconds: float


def price(tally: Tally, modes: int = 1) -> Price:
    """The price of counts, in the order of `_NANOSECONDS`, under so many modes, all of which a call comes through."""
    size, calls = tally[-1], tally[_CALLS]
    each = size / max(1.0, float(np.sum(calls)))
    again = (modes - 1) * float(calls @ _NANOSECONDS[_CALLS])
    nanoseconds = float(tally @ _NANOSECONDS) + again + FAR * size * each / (each + CACHE)
    return Price(float(np.sum(tally[:_KINDS])), 1e-9 * nanoseconds)


def tally_of(ledger: Ledger) -> Tally:
    """The counts of a ledger."""
    known = [ledger.by_kind.get(kind, 0) for kind in OPERATION]
    short = sum(ledger.calls_by_kind.get(kind, 0) for kind in ("arithmetic", "function"))
    moves = ledger.calls_by_kind.get("movement", 0)
    calls = [short, moves, ledger.calls - short - moves]
    return np.array([*known, ledger.operations - sum(known), *[0] * 7, *calls, ledger.bytes], float)


def tally(
    worked: float = 0,
    nested: float = 0,
    starts: float = 0,
    tapes: float = 0,
    kept: float = 0,
    nonzeros: int = 0,
) -> Tally:
    """Counts of what no ledger sees: operations that modes work on, chunks, tapes, nonzeros of a sparse matrix."""
    unseen = [worked, nested, starts, tapes, kept, nonzeros > 0, nonzeros]
    return np.array([*[0] * _KINDS, *unseen, *[0] * 4], float)


def chunks_of(directions: int, width: int, itemsize: int, budget: int) -> tuple[int, int]:
    """How many chunks the directions take, and how many are in one."""
    step = min(max(1, budget // max(1, width * itemsize)), max(1, directions))
    return -(-directions // step), step


class Sweeps:
    """The sweeps of one mode over a function of a list of leaves: what any number of directions costs.

    m: size of the function's results
    """

    def __init__(self, f: F, leaves: Sequence[Any], m: int, forward: bool) -> None:
        self.f, self.leaves, self.forward = f, list(leaves), forward
        self.shape = m, size_of(leaves)
        self.size = self.shape[forward]
        self.function = counts(f, called, self.leaves)
        self.counted = functools.cache(self._counted)

    def _counted(self, k: int, apart: bool) -> Tally:
        colors, budget = np.arange(self.size) % k, 1 if apart else 2**62
        columns, rows = (colors, None) if self.forward else (None, colors)

        def products(f: F, xs: Sequence[Any]) -> list[Any]:
            return compressed(f, Selected(f, 0, (xs,), {}), self.shape, columns, rows, budget)

        return tally_of(counts(self.f, products, self.leaves))

    def width(self) -> int:
        """Elements of the largest array that is known before a sweep."""
        if self.forward:
            return max(map(extent, self.leaves), default=1)
        with Recording(self.f, called, self.leaves) as run:
            return max(map(extent, (*self.leaves, *(entry[1] for entry in run.entries if entry))), default=1)

    def of(self, k: int, chunks: int) -> Tally:
        """The counts of k directions in so many chunks."""
        if k == 0:
            return tally()
        few = self.size < 3
        found = self.counted(k, chunks > 1) if few else drawn_out(self.counted, 2, k, chunks)
        found = found + tally(worked=self.function.calls * chunks, starts=chunks)
        return found if self.forward else found + tally(tapes=1, kept=self.function.tape_bytes)


def called(f: F, xs: Sequence[Any]) -> Any:
    """The function of its list of leaves."""
    return f(xs)


def drawn_out(counted: Callable[[int, bool], Tally], few: int, k: int, chunks: int) -> Tally:
    """The counts of k directions in chunks, from those of a few, of one more, and of a few one by one."""
    first = counted(few, False)
    found: Tally = first + (counted(few + 1, False) - first) * (k - few)
    if chunks > 1:
        found = found + (counted(few, True) - first) * ((chunks - 1) / (few - 1))
    return found


def composed(
    f: F,
    leaves: Sequence[Any],
    outer: str,
    inner: str,
    budget: int = CHUNK_BYTES,
    directions: int | None = None,
    nonzeros: int = 0,
) -> Tally:
    """The counts of the Hessian of a scalar function of a list of leaves, by a composition of two modes.

    directions, nonzeros: of a sparse plan, over reverse mode; else as many as `leaves` have elements
    """
    n, forward, itemsize = size_of(leaves), outer == "forward", itemsize_of(leaves)
    if n == 0:
        return tally()
    function = counts(f, called, leaves)
    if inner == "reverse":
        sweeps = Sweeps(grad(f), leaves, n, forward)
        k = n if directions is None else directions
        chunks, _ = chunks_of(k, sweeps.width(), itemsize, budget)
        runs = chunks if forward else 1
        kept = function.tape_bytes * (k if forward else 1)
        starts = runs + DENSE * runs * (forward and directions is None)
        inside = tally(function.calls * runs, starts=starts, tapes=runs, kept=kept, nonzeros=nonzeros)
        whole: Tally = sweeps.of(k, chunks) + inside
        return whole

    @functools.cache
    def over(k: int, apart: bool) -> Sweeps:
        """The outer sweeps, over a gradient by k directions of forward mode."""
        colors = np.arange(n) % k

        def gradient(xs: Any) -> Any:
            return compressed(f, Selected(f, 0, (xs,), {}), (1, n), colors, None, 1 if apart else 2**62)

        return Sweeps(gradient, leaves, k, forward)

    width, few = max(map(extent, leaves), default=1), min(n, 3)
    if forward:
        chunks, step = chunks_of(n, width, itemsize, budget)
        again, _ = chunks_of(n, width * step, itemsize, budget)
    else:
        again, step = chunks_of(n, width, itemsize, budget)
        chunks, _ = chunks_of(n, over(few, False).width() * step // few, itemsize, budget)

    def counted(k: int, apart: bool) -> Tally:
        return over(k, apart).of(n, chunks)

    found = counted(n, again > 1) if n < 4 else drawn_out(counted, few, n, again)
    runs = (chunks if forward else 1) * again
    return found + tally(nested=function.calls * runs, starts=runs)
