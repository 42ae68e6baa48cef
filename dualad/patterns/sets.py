"""Sets of inputs, one for each number of a value: the rows of a sparse matrix of booleans."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse

from ..errors import ArgumentError, error

# Rows of sets, in SciPy's compressed form; None where all are empty
Sets = Any


class Algebra:
    """What can be done with the sets of one computation, of `n` inputs and at most `most` entries in a value's."""

    __slots__ = ("most", "n", "name")

    def __init__(self, n: int, most: int) -> None:
        self.n, self.most, self.name = n, most, ""

    def inputs(self, start: int, size: int) -> Sets:
        """The sets of inputs themselves, of which each depends on itself alone."""
        self.room(size)
        columns = np.arange(start, start + size)
        return self.matrix(columns, np.arange(size + 1), size)

    def empty(self, size: int) -> Sets:
        """Sets of which all are empty."""
        return self.matrix(np.zeros(0, int), np.zeros(size + 1, int), size)

    def matrix(self, indices: Any, indptr: Any, size: int) -> Sets:
        """Sets from their members, row after row."""
        return sparse.csr_array((np.ones(len(indices), bool), indices, indptr), shape=(size, self.n))

    def room(self, entries: int) -> None:
        """Raise if sets have more members than are allowed."""
        if entries > self.most:
            raise error(
                ArgumentError,
                f"the sparsity pattern has {entries} entries after {self.name}, more than {self.most}",
                "a dense derivative (jacobian, hessian), or products with it (jvp, vjp, hvp); a larger max_entries= "
                "if there is memory for it, of about 20 bytes an entry",
            )

    def rows(self, sets: Sets, rows: Any) -> Sets:
        """The sets of some numbers, again and in any order; -1 stands for one that depends on nothing."""
        if sets is None or len(rows) == 0:
            return None
        size = sets.shape[0]
        if len(rows) == size and rows[0] == 0 and np.array_equal(rows, np.arange(size)):
            return sets
        total = int(np.sum((sets.indptr[rows + 1] - sets.indptr[rows])[rows >= 0]))
        if total == 0:
            return None
        self.room(total)
        if np.min(rows) < 0:  # an empty set behind the others, where -1 is
            indptr = np.append(sets.indptr, sets.indptr[-1])
            sets = sparse.csr_array((sets.data, sets.indices, indptr), shape=(size + 1, self.n))
        return sets[rows]

    def union(self, a: Sets, b: Sets) -> Sets:
        """The unions of sets, one by one."""
        if a is None or b is a:
            return b
        if b is None:
            return a
        both = a + b
        self.room(both.nnz)
        return both

    def grouped(self, sets: Sets, groups: Any, count: int) -> Sets:
        """The union of the sets of each group, where `groups` says which one each number is in; -1 for none."""
        if sets is None:
            return None
        inside = np.flatnonzero(groups >= 0)
        groups = groups[inside]
        last = np.full(count, -1)
        last[groups] = inside
        if np.array_equal(last[groups], inside):  # no group has more than one
            return self.rows(sets, last)
        return self.product(ones(groups, inside, (count, sets.shape[0])), sets)

    def product(self, which: Any, sets: Sets) -> Sets:
        """The unions of sets that the rows of a sparse matrix select."""
        if sets is None or which.nnz == 0:
            return None
        blocks = [*self._products(which, sets)]
        found = blocks[0] if len(blocks) == 1 else sparse.vstack(blocks, format="csr")
        found.sort_indices()
        return found if found.nnz else None

    def _products(self, which: Any, sets: Sets) -> Iterator[Any]:
        """A product, in blocks of rows such that none needs more than there may be."""
        which = which.tocsr()
        work = np.concatenate([[0], np.cumsum(np.diff(sets.indptr)[which.indices])])[which.indptr]
        start, entries = 0, 0
        while start < which.shape[0]:
            stop = max(int(np.searchsorted(work, work[start] + self.most, side="right")) - 1, start + 1)
            block = (which if stop - start == which.shape[0] else which[start:stop]) @ sets
            entries += block.nnz
            self.room(entries)
            yield block
            start = stop

    def stacked(self, parts: list[tuple[Sets, int]]) -> Sets:
        """The sets of several values, one below the other."""
        found = [self.empty(size) if sets is None else sets for sets, size in parts]
        self.room(sum(sets.nnz for sets in found))
        if not found:
            return self.empty(0)
        return found[0] if len(found) == 1 else sparse.vstack(found, format="csr")


def ones(rows: Any, columns: Any, shape: tuple[int, int]) -> Any:
    """A sparse matrix with True at some places."""
    return sparse.coo_array((np.ones(len(rows), bool), (rows, columns)), shape=shape).tocsr()


def places(shape: tuple[int, ...]) -> Any:
    """An array of a shape that holds the position of each of its numbers."""
    return np.arange(int(np.prod(shape, dtype=int))).reshape(shape)


def spread(positions: Any, shape: tuple[int, ...]) -> Any:
    """Positions broadcast to a shape, one behind the other."""
    return np.broadcast_to(positions, shape).ravel()


def same(a: Sets, b: Sets) -> bool:
    """Whether sets are equal."""
    if a is b or a is None or b is None:
        return a is b
    return np.array_equal(a.indptr, b.indptr) and np.array_equal(a.indices, b.indices)
