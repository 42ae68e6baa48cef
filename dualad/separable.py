"""Sparse Jacobians by the part of a program between constant maps: f(x) = g(G x) + D x, so that f' = g' G + D."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .blocks import dtype_of
from .coloring import Coloring
from .compressed import compressed, size_of
from .csr import needed, positions
from .derivative import F
from .errors import DualadError
from .op import example
from .planning import partitions, with_free
from .select import Selected
from .simplify import simplified
from .symbol import ReadsTraced, traced
from .tree import flatten

if TYPE_CHECKING:
    from .patterns.linear import Separation

# Terms of the sums that are the nonzeros, for each of these, up to which they are worth the directions that they save
TERMS = 4


class Separable:
    """A function whose Jacobian is found from that of the part between its constant maps.

    coloring: of the Jacobian of that part
    pattern: of the whole Jacobian
    leaves: of the arguments, first those that it is taken in
    raises: LookupError if the pattern lacks a nonzero, or the sums would be long
    """

    def __init__(self, parts: Separation, coloring: Coloring, pattern: Any, leaves: Sequence[Any]) -> None:
        self.coloring, self._parts, self._leaves = coloring, parts, leaves
        keys = _keys(pattern)
        self._where, self._reads, self._factors = _terms(parts.maps, coloring, pattern.shape[1], keys)
        self._fixed = np.zeros(pattern.nnz)
        alive = parts.rest.data != 0
        self._fixed[_found(keys, _keys(parts.rest)[alive])] = parts.rest.data[alive]

    def values(self, budget: int) -> Any:
        """The nonzeros, in the order of the pattern."""
        parts, colors = self._parts, self.coloring
        between = parts.before.evaluated(self._leaves)
        moving, read = between[: parts.moving], between[parts.moving :]

        def inner(zs: Any) -> Any:
            return parts.after.evaluated([*zs, *read])

        chosen = Selected(inner, 0, (moving,), {})
        found = compressed(inner, chosen, parts.pattern.shape, colors.columns, colors.rows, budget)
        flat = [np.reshape(part, -1) for part in found]
        return self._recovered(flat[0] if len(flat) == 1 else np.concatenate(flat))

    def _recovered(self, flat: Any) -> Any:
        """The nonzeros from the directions' products: sums of multiples of these, and of the constant part."""
        where, reads, factors, fixed = self._where, self._reads, self._factors, self._fixed
        place = np.full(len(fixed), -1)
        if _repeats(where):  # sums of several terms
            own, to = np.unique(where, return_inverse=True)
            shape = (len(own), size_of([flat]))
            flat = needed("scipy.sparse").csr_array((factors, (to, reads)), shape=shape) @ flat + fixed[own]
            place[own] = np.arange(len(own))
        else:
            if _repeats(reads):
                flat, reads = np.take(flat, reads), np.arange(len(reads))
            scale, shift = np.ones(size_of([flat])), np.zeros(size_of([flat]))
            scale[reads], shift[reads] = factors, fixed[where]
            flat = flat if np.all(scale == 1) else flat * scale
            flat = flat if not np.any(shift) else flat + shift
            place[where] = reads
        constants, which = np.unique(fixed[place < 0], return_inverse=True)
        place[place < 0] = size_of([flat]) + which
        return np.take(np.concatenate([flat, constants]) if len(constants) else flat, place)


def separable(f: F, chosen: Selected, pattern: Any, order: str, below: int) -> Separable | None:
    """A function that is being compiled, taken apart, if its Jacobian then takes fewer directions than `below`.

    chosen: its arguments, traced
    """
    from .patterns.linear import separated

    try:
        whole = with_free(chosen, f)
        leaves = [*map(example, whole.leaves)]
        if any(dtype_of(x) != np.float64 for x in leaves):  # constants would widen the matrix
            return None
        program = simplified(traced(lambda *xs: flatten(whole.call(f, xs))[0], leaves)[0])
    except (DualadError, ReadsTraced):  # not to be compiled, or only as it is
        return None
    if program.guards:
        return None
    for sums in (True, False):
        parts = separated(program, len(chosen.leaves), TERMS * pattern.nnz, sums)
        if parts is None:
            return None
        best = partitions(parts.pattern, order)[0]
        if best.count >= below:
            return None
        if best.rows is None or not sums:  # maps at the beginning save directions of the columns only
            with contextlib.suppress(LookupError):
                return Separable(parts, best, pattern, whole.leaves)
    return None


def _terms(
    maps: Any, coloring: Coloring, n: int, keys: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each term: the nonzero that it is of, the place among the directions' products, its factor."""
    rows, inner = positions(coloring.pattern)
    counts = np.diff(maps.indptr)[inner]
    total = int(np.sum(counts))
    if total > TERMS * len(keys):
        raise LookupError("too many terms")
    of = np.repeat(np.arange(len(inner)), counts)
    inside = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    where = np.repeat(maps.indptr[inner].astype(int), counts) + inside
    alive = maps.data[where] != 0
    of, where = of[alive], where[alive]
    return _found(keys, rows[of] * n + maps.indices[where]), coloring.reads[of], maps.data[where]


def _repeats(numbers: np.ndarray) -> bool:
    return bool(np.any(np.bincount(numbers) > 1))


def _keys(pattern: Any) -> Any:
    rows, columns = positions(pattern)
    return rows * pattern.shape[1] + columns


def _found(keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Where each wanted key is; LookupError if one is not."""
    where = np.searchsorted(keys, wanted)
    if np.any(where >= len(keys)) or np.any(keys[where] != wanted):
        raise LookupError("the pattern has no such nonzero")
    return where
