"""Histograms: NumPy's counts, also on edges and outside; derivatives of edges, densities and what is weighed."""

import numpy as np
import pytest
from cases import close

from dualad import grad, jacobian, jvp
from dualad.errors import KeywordError

MODES = pytest.mark.parametrize("mode", ["forward", "reverse"])
X = np.array([0.0, 1.0, 1.5, 4.0, 2.0, -3.0, 9.0, 4.0])
Y = np.array([1.0, 0.5, 0.0, 2.0, 2.0, 1.0, 0.0, -1.0])
EDGES = np.array([0.0, 1.0, 2.0, 4.0])
W = np.linspace(0.5, 2.0, 8)


def test_counts_are_plain_and_edges_move():
    x = np.array([0.0, 1.0, 1.5, 4.0])

    def f(x):
        counts, edges = np.histogram(x, 2)
        assert type(counts) is np.ndarray
        np.testing.assert_array_equal(counts, [3, 1])
        return edges

    expected = [[1, 0, 0, 0], [0.5, 0, 0, 0.5], [0, 0, 0, 1]]
    np.testing.assert_array_equal(jacobian(f, mode="reverse")(x), expected)


WEIGHED = {
    "uniform": lambda w: np.histogram(X, 4, (0.0, 4.0), weights=w)[0],
    "edges": lambda w: np.histogram(X, EDGES, weights=w)[0],
    "density": lambda w: np.histogram(X, EDGES, density=True, weights=w)[0],
    "two": lambda w: np.histogram2d(X, Y, [EDGES, 2], weights=w)[0],
    "two, density": lambda w: np.histogram2d(X, Y, 3, [(-1.0, 4.0), (0.0, 2.0)], True, w)[0],
    "edges of both": lambda w: np.histogram2d(X, Y, EDGES, weights=w)[0],
    "several": lambda w: np.histogramdd((X, Y, Y[::-1]), (2, EDGES, 1), weights=w)[0],
    "matrix": lambda w: np.histogramdd(np.stack([X, Y], 1), EDGES.size, density=True, weights=w)[0],
    "one": lambda w: np.histogramdd(X, [EDGES], weights=w)[0],
}


@MODES
@pytest.mark.parametrize("name", WEIGHED)
def test_weights(name, mode):
    f = WEIGHED[name]
    close(jvp(f, (W,), (W,))[0], f(W), 1e-15)
    J = np.stack([(f(W + 1e-3 * e) - f(W - 1e-3 * e)) / 2e-3 for e in np.eye(8)], -1)
    close(jacobian(f, mode=mode)(W), J, 1e-6, 1e-12)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.histogram(x, EDGES, weights=W.astype(np.float32)),
        lambda x: np.histogram(x, 5),
        lambda x: np.histogram2d(x, Y, 3),
        lambda x: np.histogram2d(x, Y, EDGES),
        lambda x: np.histogram2d(Y, x, [2, EDGES], density=True),
        lambda x: np.histogramdd(np.stack([x, Y], 1), range=[None, (0.0, 1.0)]),
        lambda x: np.histogramdd(x, 2),
    ],
)
def test_counts_edges_and_dtypes_are_those_of_numpy(f):
    seen = []
    grad(lambda x: seen.append(f(x)) or np.sum(x))(X)

    def same(found, expected):
        if isinstance(expected, (tuple, list)):
            assert len(found) == len(expected)
            for a, b in zip(found, expected, strict=True):
                same(a, b)
        else:
            assert found.dtype == expected.dtype
            assert np.array_equal(found, expected)  # a comparison gives plain values

    def plain(y):
        from dualad import primal

        return [plain(v) for v in y] if isinstance(y, (tuple, list)) else primal(y)

    same(plain(seen[0]), f(X))


@pytest.mark.parametrize(
    ("f", "kind", "words"),
    [
        (lambda x: np.histogram(x, "auto"), KeywordError, "bins="),
        (lambda x: np.histogram(x, 0), ValueError, "positive"),
        (lambda x: np.histogram(x, [1.0, 0.0]), ValueError, "increase"),
        (lambda x: np.histogram(x, 2, (3.0, 1.0)), ValueError, "increase"),
        (lambda x: np.histogram(x, 2, weights=x[1:]), ValueError, "weights"),
        (lambda x: np.histogram2d(x, x[1:]), ValueError, "length"),
        (lambda x: np.histogram2d(x, x, [2]), ValueError, "dimension"),
        (lambda x: np.histogramdd([x, x], 2, [None]), ValueError, "dimension"),
    ],
)
def test_refusals(f, kind, words):
    for run in (lambda: grad(f)(X), lambda: jvp(f, (X,), (X,))):
        with pytest.raises(kind, match=words):
            run()
