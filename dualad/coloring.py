"""Colourings of sparsity patterns: which columns, or rows, of a matrix one direction can carry together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from . import greedy
from .csr import canonical, needed, positions, transposed, with_values
from .errors import ArgumentError, ShapeError, error

PARTITIONS = ("column", "row", "bidirectional", "symmetric", "acyclic")
ORDERS = ("auto", "natural", "largest-first", "dsatur", "colored-neighbors")
# Edges of an intersection graph, counted row by row, up to which 'auto' has igraph build it
EDGES = 20_000_000


class Coloring:
    """The columns and rows of a sparsity pattern in groups, and how the matrix is read from its compressed form.

    partition: what `coloring` was asked for
    pattern: `scipy.sparse.csr_array` of bool, shape (m, n), its positions in order
    columns, rows: colour of each column (n,) and of each row (m,), -1 for what no direction moves; None for the
        side that has no directions at all
    count: colours in all, which is how many directions the matrix takes
    lower_bound: a number of colours that no partition of this kind can do without
    reads: where each nonzero stands in the directions' products, one behind the other; of 'acyclic' others

    >>> c = coloring([[1, 1, 0], [0, 1, 1]])
    >>> c.colors, c.count, c.lower_bound
    (array([0, 1, 0]), 2, 2)
    >>> c.seeds
    array([[1., 0.],
           [0., 1.],
           [1., 0.]])
    """

    __slots__ = (
        "_place",
        "_triangle",
        "columns",
        "lower_bound",
        "order",
        "partition",
        "pattern",
        "reads",
        "rows",
    )
    _place: Any
    _triangle: Any

    def __init__(
        self, partition: str, pattern: Any, columns: Any, rows: Any, lower_bound: int, order: str
    ) -> None:
        self.partition, self.pattern, self.order = partition, pattern, order
        self.columns, self.rows, self.lower_bound = columns, rows, lower_bound
        self._place, self._triangle = None, None
        self.reads = self._direct() if partition != "acyclic" else self._by_substitution()

    @property
    def colors(self) -> Any:
        """Colours of the columns or of the rows, as an array; for 'bidirectional' the pair of both."""
        if self.partition == "bidirectional":
            return self.columns, self.rows
        return self.rows if self.partition == "row" else self.columns

    @property
    def counts(self) -> tuple[int, int]:
        """Directions for columns, and for rows."""
        return _count(self.columns), _count(self.rows)

    @property
    def count(self) -> int:
        return sum(self.counts)

    @property
    def seeds(self) -> Any:
        """The directions that the matrix J is multiplied with, dense: for 'recover'.

        S of shape (n, colours), for J @ S; for 'row' W of shape (colours, m), for W @ J; for 'bidirectional' (S, W)
        """
        p, q = self.counts
        right = None if self.columns is None else _seeds(self.columns, p).T
        left = None if self.rows is None else _seeds(self.rows, q)
        if self.partition == "bidirectional":
            return right, left
        return left if self.partition == "row" else right

    def recover(self, *compressed: Any) -> Any:
        """The matrix, from its products with the `seeds`.

        compressed: J @ seeds, shape (m, colours); for 'row' seeds @ J, shape (colours, n); for 'bidirectional' both
        returns: `scipy.sparse.csr_array` of the pattern's structure, with zeros where the values are zero

        >>> c = coloring(np.eye(3) + np.eye(3, k=1))
        >>> J = np.array([[1.0, 2.0, 0.0], [0.0, 3.0, 4.0], [0.0, 0.0, 5.0]])
        >>> c.recover(J @ c.seeds).toarray()
        array([[1., 2., 0.],
               [0., 3., 4.],
               [0., 0., 5.]])
        """
        (m, n), (p, q) = self.pattern.shape, self.counts
        parts = [np.asarray(part) for part in compressed]
        shapes = [(m, p)] * (self.columns is not None) + [(q, n)] * (self.rows is not None)
        if [part.shape for part in parts] != shapes:
            raise error(
                ShapeError,
                f"recover was given arrays of shapes {[part.shape for part in parts]}, where {shapes} are needed",
                "the products with the seeds: recover(J @ coloring.seeds)",
            )
        if self.columns is not None:
            parts[0] = parts[0].T
        return with_values(self.pattern, self.values(*parts))

    def values(self, *parts: Any) -> Any:
        """The nonzeros in the order of the pattern; `parts` have the directions first: (colours, m), (colours, n)."""
        return self.solved(self.read(*parts))

    def read(self, *parts: Any) -> Any:
        """What of the parts is read: the nonzeros, or for 'acyclic' what has to be `solved` for them."""
        flat = [np.reshape(part, -1) for part in parts]
        return np.take(flat[0] if len(flat) == 1 else np.concatenate(flat), self.reads)

    def solved(self, found: Any) -> Any:
        """The nonzeros from what was read."""
        if self._triangle is None:
            return found
        solved = needed("scipy.sparse.linalg").spsolve_triangular(self._triangle, found, unit_diagonal=True)
        return solved.astype(found.dtype, copy=False)[self._place]

    def __repr__(self) -> str:
        (m, n), (p, q) = self.pattern.shape, self.counts
        words = f"{p} for columns and {q} for rows, " if self.partition == "bidirectional" else ""
        return (
            f"<Coloring of {m} × {n} with {self.pattern.nnz} nonzeros, partition '{self.partition}': "
            f"{self.count} colours ({words}at least {self.lower_bound})>"
        )

    def _direct(self) -> Any:
        """Where each nonzero stands in the compressed matrices."""
        i, j = positions(self.pattern)
        m, n = self.pattern.shape
        p, _ = self.counts
        if self.rows is None and self.partition == "column":
            return self.columns[j] * m + i
        if self.columns is None:
            return self.rows[i] * n + j
        if self.partition == "symmetric":
            mine = self.columns[j] * m + i
            theirs = self.columns[i] * m + j
            alone = _alone(mine)
            # Both places of a pair are read at one, so that the result is symmetric to the last bit
            lower = alone[transposed(self.pattern)]
            return np.where(np.where(i <= j, alone, ~lower), mine, theirs)
        colors = self.columns[j]
        by_column = _alone(np.where(colors >= 0, i * (p + 1) + colors, -1)) & (colors >= 0)
        return np.where(by_column, colors * m + i, p * m + self.rows[i] * n + j)

    def _by_substitution(self) -> Any:
        """Where each element of the diagonal and each edge is read, and the triangle that is solved for the edges."""
        i, j = positions(self.pattern)
        n = self.pattern.shape[0]
        edge = np.flatnonzero(i < j)
        first, second = self.columns[j[edge]] * n + i[edge], self.columns[i[edge]] * n + j[edge]
        slots, which = np.unique(np.concatenate([first, second]), return_inverse=True)
        order, by, after = greedy.trees(which[: len(edge)], which[len(edge) :])
        rank = np.empty(len(edge), int)
        rank[order] = np.arange(len(edge))
        diagonal = np.flatnonzero(i == j)
        needy = np.flatnonzero(after >= 0)
        needy = needy[after[needy] != needy]
        size = len(edge) + len(diagonal)
        ones, rows, columns = np.arange(size), rank[after[needy]], rank[needy]
        where = (
            np.concatenate([side, ones]).astype(np.int32) for side in (rows, columns)
        )  # SciPy's solver asks
        self._triangle = needed("scipy.sparse").csr_array(
            (np.ones(len(rows) + size), tuple(where)), shape=(size, size)
        )
        place = np.empty(self.pattern.nnz, int)
        place[edge] = rank
        place[diagonal] = len(edge) + np.arange(len(diagonal))
        place[i > j] = place[transposed(self.pattern)[i > j]]
        self._place = place
        return np.concatenate([slots[by[order]], self.columns[i[diagonal]] * n + i[diagonal]])


def _alone(keys: np.ndarray) -> Any:
    """Which of the keys stand there once."""
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return counts[inverse] == 1


def _count(colors: np.ndarray | None) -> int:
    return 0 if colors is None else int(np.max(colors, initial=-1)) + 1


def _seeds(colors: np.ndarray, count: int) -> np.ndarray:
    seeds = np.zeros((count, len(colors)))
    moved = np.flatnonzero(colors >= 0)
    seeds[colors[moved], moved] = 1.0
    return seeds


def coloring(pattern: Any, partition: str = "column", order: str = "auto") -> Coloring:
    """Groups of columns or rows of a sparse matrix such that one direction a group determines the matrix.

    pattern: matrix of shape (m, n): of a sparse one what is stored counts as nonzero, of a dense one what is not zero
    partition: 'column' puts columns together that share no row (Curtis, Powell and Reid 1974), 'row' rows that share no
        column; 'bidirectional' uses directions of both kinds, for matrices with some full rows and some full columns
        (Coleman and Verma 1998); 'symmetric' needs fewer for symmetric matrices, by a star colouring, 'acyclic' often
        fewer yet, but solves for the numbers by substitution (Gebremedhin, Manne and Pothen 2005)
    order: in which the greedy methods take the vertices: 'natural', 'largest-first', for columns and rows also 'dsatur'
        and 'colored-neighbors', which build the intersection graph and colour it with igraph; 'auto' tries some and
        takes the fewest colours
    returns: a `Coloring`: with `colors`, `count`, `lower_bound`, `seeds`, `recover`
    raises: ArgumentError for another partition or order; ShapeError if the pattern is no matrix, or has to be
        symmetric and is not

    >>> c = coloring(np.eye(6) + np.eye(6, k=1) + np.eye(6, k=-1))
    >>> c
    <Coloring of 6 × 6 with 16 nonzeros, partition 'column': 3 colours (at least 3)>
    >>> c.colors
    array([0, 1, 2, 0, 1, 2])
    """
    if partition not in PARTITIONS:
        raise error(ArgumentError, f"there is no partition {partition!r}", f"one of {', '.join(PARTITIONS)}")
    if order not in ORDERS:
        raise error(ArgumentError, f"there is no order {order!r}", f"one of {', '.join(ORDERS)}")
    whole = canonical(pattern)
    if partition == "column":
        colors, bound, order = _columns(whole, order)
        return Coloring(partition, whole, colors, None, bound, order)
    if partition == "row":
        colors, bound, order = _columns(whole.T.tocsr(), order)
        return Coloring(partition, whole, None, colors, bound, order)
    if order in ("dsatur", "colored-neighbors"):
        raise error(
            ArgumentError,
            f"the order {order!r} colours intersection graphs, of the partitions 'column' and 'row'",
            f"order='natural' or 'largest-first' for the partition {partition!r}",
        )
    if partition == "bidirectional":
        return _bidirectional(whole, order)
    return _symmetric(whole, partition, order)


def _best(
    method: Callable[[Sequence[int]], Any], orders: Iterator[tuple[str, Sequence[int]]], bound: int
) -> tuple[Any, str]:
    """The result of the fewest colours over the orders, up to the first that reaches the bound."""
    best: Any = None
    name = ""
    for words, order in orders:
        colors = np.asarray(method(order), int)
        if best is None or _count(colors) < _count(best):
            best, name = colors, words
        if _count(colors) <= bound:
            break
    return best, name


def _orders(order: str, degrees: np.ndarray) -> Iterator[tuple[str, Sequence[int]]]:
    if order in ("auto", "natural"):
        yield "natural", range(len(degrees))
    if order in ("auto", "largest-first"):
        yield "largest-first", np.argsort(-degrees, kind="stable").tolist()


def _columns(whole: Any, order: str) -> tuple[np.ndarray, int, str]:
    """Colours of the columns, the largest number of nonzeros in a row, and the order that was best."""
    m, n = whole.shape
    lengths = np.diff(whole.indptr).astype(int)
    bound = int(lengths.max(initial=0))
    if order in ("dsatur", "colored-neighbors"):
        return _by_igraph(whole, order), bound, order
    by_column = whole.tocsc()
    columns = greedy.lists(by_column)
    degrees = np.bincount(whole.indices, np.repeat(lengths, lengths), n)  # at most: with repetitions
    colors, name = _best(
        lambda vertices: greedy.distance_two(columns, m, vertices), _orders(order, degrees), bound
    )
    if order == "auto" and _count(colors) > bound and np.sum(lengths**2) <= EDGES:
        other = _by_igraph(whole, "dsatur")
        if _count(other) < _count(colors):
            return other, bound, "dsatur"
    return colors, bound, name


def _by_igraph(whole: Any, order: str) -> np.ndarray:
    """Colours of the intersection graph of the columns: two that share a row are neighbours."""
    igraph, sparse = needed("igraph"), needed("scipy.sparse")
    ones = sparse.csr_array((np.ones(whole.nnz, np.int32), whole.indices, whole.indptr), shape=whole.shape)
    shared = sparse.triu(ones.T @ ones, k=1).tocoo()
    edges = list(zip(shared.row.tolist(), shared.col.tolist(), strict=True))  # igraph reads lists fastest
    graph = igraph.Graph(n=whole.shape[1], edges=edges)
    colors = np.asarray(graph.vertex_coloring_greedy(order.replace("-", "_")), int)
    return np.where(np.bincount(whole.indices, minlength=whole.shape[1]) > 0, colors, -1)


def _bidirectional(whole: Any, order: str) -> Coloring:
    by_column = whole.tocsc()
    rows, columns = greedy.lists(whole), greedy.lists(by_column)
    row_times, column_times, bound = greedy.divided(rows, columns)
    (m, n), (i, j) = whole.shape, positions(whole)
    mine = row_times[i] < column_times[j]  # of the columns' directions
    right, name = _one_side(columns, mine[transposed(whole)], m, order)
    left, _ = _one_side(rows, ~mine, n, order)
    return Coloring("bidirectional", whole, right, left, bound, name)


def _one_side(lists: greedy.Lists, mine: np.ndarray, there: int, order: str) -> tuple[Any, str]:
    """Colours of the columns, or rows, that determine the nonzeros `mine`."""
    own = np.bincount(np.repeat(np.arange(len(lists[0]) - 1), np.diff(lists[0])), mine, len(lists[0]) - 1)
    flags = mine.tolist()
    return _best(lambda vertices: greedy.one_sided(lists, flags, there, vertices), _orders(order, own), 0)


def _symmetric(whole: Any, partition: str, order: str) -> Coloring:
    m, n = whole.shape
    if m != n or (whole.astype(np.int8) - whole.T.tocsr().astype(np.int8)).count_nonzero():
        raise error(
            ShapeError,
            f"the partition {partition!r} is for symmetric patterns, and this one of shape {whole.shape} is not",
            "partition='column' or 'row', or the pattern of a Hessian",
        )
    i, j = positions(whole)
    apart = i != j
    degrees = np.bincount(i[apart], minlength=n)
    graph = [0, *np.cumsum(degrees).tolist()], j[apart].tolist()
    bound = _least(i, j, degrees)
    if partition == "symmetric" and np.any(np.minimum(degrees[i], degrees[j])[apart] > 1):
        bound = max(bound, 3)  # a path of four vertices, or a triangle
    method = greedy.star if partition == "symmetric" else greedy.acyclic
    colors, name = _best(lambda vertices: method(graph, vertices), _orders(order, degrees), bound)
    if order == "auto" and partition == "symmetric" and _count(colors) > bound:
        # Columns that share no row are a star colouring too, and sometimes the greedy one is better at it
        full = whole + needed("scipy.sparse").eye_array(n, dtype=bool, format="csr")
        others, _, words = _columns(full.tocsr(), "auto")
        if _count(others) < _count(colors):
            colors, name = others, words
    colors[np.diff(whole.indptr) == 0] = -1
    return Coloring(partition, whole, colors, None, bound, name)


def _least(i: np.ndarray, j: np.ndarray, degrees: np.ndarray) -> int:
    """A lower bound of acyclic colourings, and so of star colourings.

    Two colours induce a forest, so that p colours on s vertices have at most (p − 1) s − p (p − 1) / 2 edges: for
    the whole graph, and for its vertices of at least so many neighbours.
    """
    if not len(i):
        return 0
    edges = np.bincount(np.minimum(degrees[i], degrees[j])[i < j], minlength=1)
    edges = np.cumsum(edges[::-1])[::-1].astype(float)
    s = np.cumsum(np.bincount(degrees)[::-1])[::-1][: len(edges)].astype(float)
    inside = np.maximum((2 * s + 1) ** 2 - 8 * (s + edges), 0.0)  # of p² − (2 s + 1) p + 2 (s + edges) = 0
    p = np.ceil((2 * s + 1 - np.sqrt(inside)) / 2 - 1e-9)
    return int(np.max(np.where(s > 0, np.minimum(np.maximum(p, 1), s), 1)))
