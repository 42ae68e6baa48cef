"""Colourings: valid, near their bounds, and the matrix comes back from its compressed form, exactly."""

import itertools
import pickle

import numpy as np
import pytest

pytest.importorskip("scipy")
pytest.importorskip("igraph")

import scipy.sparse as sp

import dualad
from dualad import greedy
from dualad.coloring import ORDERS, PARTITIONS

GREEDY = ("auto", "natural", "largest-first")


def drawn(seed, partition, full=False):
    """A matrix of small integers with random zeros, symmetric where the partition asks for it."""
    rng = np.random.default_rng(seed)
    m, n = rng.integers(1, 15, 2)
    m = n if partition in ("symmetric", "acyclic") else m
    a = rng.integers(1, 100, (m, n)) * (rng.random((m, n)) < rng.uniform(0, 0.6))
    if full:
        a[0], a[:, -1] = rng.integers(1, 100, n), rng.integers(1, 100, m)
    return np.tril(a) + np.tril(a).T if partition in ("symmetric", "acyclic") else a


def recovered(a, found):
    if found.partition == "bidirectional":
        right, left = found.seeds
        return found.recover(a @ right, left @ a)
    return found.recover(found.seeds @ a if found.partition == "row" else a @ found.seeds)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("seed", range(40))
def test_the_matrix_comes_back(seed, partition, full):
    a = drawn(seed, partition, full)
    for order in ORDERS if partition in ("column", "row") else GREEDY:
        found = dualad.coloring(a, partition, order)
        result = recovered(a, found)
        np.testing.assert_array_equal(result.toarray(), a)
        assert result.nnz == np.count_nonzero(a)
        assert found.lower_bound <= found.count <= sum(a.shape)


@pytest.mark.parametrize("seed", range(20))
def test_neighbours_differ(seed):
    a = drawn(seed, "column")
    colors = dualad.coloring(a).colors
    for row in a:
        mine = colors[row != 0]
        assert len(set(mine)) == len(mine)
    np.testing.assert_array_equal(colors == -1, ~a.any(axis=0))  # a zero column takes no direction


def paths(a, length):
    """All paths of so many vertices in the graph of a symmetric matrix."""
    n = len(a)
    for path in itertools.permutations(range(n), length):
        if all(a[i, j] for i, j in itertools.pairwise(path)):
            yield path


@pytest.mark.parametrize("seed", range(12))
def test_star_and_acyclic_colorings_are_what_they_say(seed):
    rng = np.random.default_rng(seed)
    a = np.tril(rng.random((8, 8)) < rng.uniform(0.1, 0.6))
    a = a | a.T | np.eye(8, dtype=bool)
    star, acyclic = (dualad.coloring(a, partition).colors for partition in ("symmetric", "acyclic"))
    for colors in (star, acyclic):
        assert all(colors[i] != colors[j] for i, j in paths(a, 2))
    assert all(len(set(star[list(path)])) >= 3 for path in paths(a, 4))
    for length in range(4, 9, 2):
        for path in paths(a, length):
            if a[path[0], path[-1]]:
                assert len(set(acyclic[list(path)])) >= 3


def laplacian(side):
    line = sp.diags_array([1.0, 1.0, 1.0], offsets=[-1, 0, 1], shape=(side, side))
    return (sp.kron(sp.eye_array(side), line) + sp.kron(line, sp.eye_array(side))).tocsr()


CHAIN = sp.diags_array([1.0, 1.0, 1.0], offsets=[-1, 0, 1], shape=(99, 99))


def arrow(n):
    a = sp.eye_array(n, format="lil")
    a[0], a[:, [0]] = 1.0, np.ones((n, 1))
    return a.tocsr()


@pytest.mark.parametrize(
    ("pattern", "partition", "count", "bound"),
    [
        (sp.eye_array(50), "column", 1, 1),
        (sp.eye_array(50), "symmetric", 1, 1),
        (np.zeros((4, 3)), "column", 0, 0),
        (np.zeros((4, 4)), "symmetric", 0, 0),
        (np.ones((5, 5)), "column", 5, 5),
        (np.ones((5, 5)), "symmetric", 5, 5),
        (np.ones((1, 9)), "column", 9, 9),
        (np.ones((1, 9)), "row", 1, 1),
        (np.ones((1, 9)), "bidirectional", 1, 1),
        (laplacian(1), "column", 1, 1),
        (laplacian(20), "column", 5, 5),
        (laplacian(20), "symmetric", 5, 3),
        (laplacian(20), "acyclic", 4, 3),
        (CHAIN, "column", 3, 3),
        (CHAIN, "symmetric", 3, 3),
        (CHAIN, "acyclic", 2, 2),
        (arrow(60), "column", 60, 60),
        (arrow(60), "bidirectional", 3, 3),
        (arrow(60), "symmetric", 2, 2),
    ],
)
def test_known_patterns(pattern, partition, count, bound):
    found = dualad.coloring(pattern, partition)
    assert (found.count, found.lower_bound) == (count, bound)


def test_the_bound_of_both_kinds_holds_for_every_split():
    """By brute force: no split of the nonzeros of small matrices between columns and rows does with less."""
    rng = np.random.default_rng(5)
    for _ in range(20):
        a = rng.random((3, 3)) < 0.7
        i, j = np.nonzero(a)
        least = min(
            max(np.bincount(i[split], minlength=3)) + max(np.bincount(j[~split], minlength=3))
            for split in map(np.array, itertools.product([False, True], repeat=len(i)))
            if len(i)
        )
        found = dualad.coloring(a, "bidirectional")
        assert found.lower_bound <= least <= found.count


def test_more_than_a_word_of_colors():
    """A star's hub has many neighbours, and sets of colours more bits than a machine word."""
    a = np.ones((150, 150), int)
    for partition in ("column", "symmetric", "acyclic"):
        found = dualad.coloring(a, partition)
        assert found.count == 150
        np.testing.assert_array_equal(recovered(a, found).toarray(), a)


def test_long_chains_by_substitution():
    n = 5000
    a = sp.diags_array([np.arange(1.0, n), np.ones(n), np.arange(1.0, n)], offsets=[-1, 0, 1]).tocsr()
    found = dualad.coloring(a, "acyclic")
    assert found.count == 2
    # Each number is a difference of the ones before, so that errors may add up; integers have none.
    np.testing.assert_array_equal((recovered(a, found) - a).toarray(), 0)


def test_dtypes_are_kept():
    a = np.array([[1, 2], [2, 3]])
    for partition, dtype in itertools.product(("column", "symmetric", "acyclic"), (np.float32, np.float64)):
        found = dualad.coloring(a, partition)
        assert found.recover((a @ found.seeds).astype(dtype)).dtype == dtype


def test_results_share_nothing():
    found = dualad.coloring(np.eye(4) + np.eye(4, k=1))
    b = np.ones((4, 2))
    first, second = found.recover(b), found.recover(b)
    first.data[:], first.indices[:], first.indptr[:] = 7, 0, 0
    assert second.toarray().sum() == 7 and found.pattern.indices.tolist() == [0, 1, 1, 2, 2, 3, 3]
    assert found.recover(np.zeros((4, 2))).nnz == 7  # zeros are stored: the structure is constant


def test_what_counts_as_nonzero():
    a = sp.csr_array((np.array([0.0, 1.0]), np.array([1, 0]), np.array([0, 2])), shape=(1, 2))
    found = dualad.coloring(a)  # stored, and not in order
    assert found.pattern.nnz == 2 and found.pattern.indices.tolist() == [0, 1]
    assert a.indices.tolist() == [1, 0]  # the caller's is as it was


def test_colorings_can_be_pickled():
    found = dualad.coloring(arrow(9), "acyclic")
    again = pickle.loads(pickle.dumps(found))
    a = arrow(9).toarray()
    np.testing.assert_array_equal(recovered(a, again).toarray(), a)


def test_what_is_printed():
    assert repr(dualad.coloring(arrow(9), "bidirectional")) == (
        "<Coloring of 9 × 9 with 25 nonzeros, partition 'bidirectional': 3 colours (2 for columns and 1 for rows, "
        "at least 3)>"
    )


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: dualad.coloring(np.eye(2), "colum"), dualad.ArgumentError, "no partition 'colum'"),
        (lambda: dualad.coloring(np.eye(2), order="x"), dualad.ArgumentError, "no order 'x'"),
        (
            lambda: dualad.coloring(np.eye(2), "symmetric", "dsatur"),
            dualad.ArgumentError,
            "intersection graphs",
        ),
        (lambda: dualad.coloring(np.ones(3)), dualad.ShapeError, r"\(3,\)"),
        (lambda: dualad.coloring(np.ones((2, 3)), "symmetric"), dualad.ShapeError, "is not"),
        (lambda: dualad.coloring(np.triu(np.ones((3, 3))), "acyclic"), dualad.ShapeError, "is not"),
        (lambda: dualad.coloring(np.eye(3)).recover(np.ones((1, 3))), dualad.ShapeError, r"\(3, 1\)"),
    ],
)
def test_what_is_refused(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


def test_without_igraph(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "igraph", None)
    with pytest.raises(dualad.ArgumentError, match=r"igraph(.|\n)*dualad\[sparse\]"):
        dualad.coloring(np.eye(3), order="dsatur")


def test_sums_over_trees():
    """A path a–b–c–d of three edges: sums at the nodes determine them from the ends on."""
    first, second = np.array([0, 1, 2]), np.array([1, 2, 3])
    order, by, after = greedy.trees(first, second)
    values = np.array([5.0, 7.0, 11.0])
    sums = np.bincount(first, values, 4) + np.bincount(second, values, 4)
    found = np.zeros(3)
    for edge in order:
        found[edge] += sums[by[edge]]
        if after[edge] >= 0 and after[edge] != edge:
            found[after[edge]] -= found[edge]
    np.testing.assert_array_equal(found, values)
