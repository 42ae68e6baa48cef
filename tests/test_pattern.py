"""Sparsity patterns hold every derivative that can be other than 0, and for most operations no more."""

import dataclasses
import re
import tracemalloc

import numpy as np
import pytest
from cases import DERIVED, each, generator, random_like, units
from hypothesis import given, seed, settings
from test_programs import VALUE_SHAPES
from test_random_graphs import function, graphs

import dualad
from dualad import (
    ArgumentError,
    DtypeError,
    NotScalarError,
    TraceError,
    grad,
    hessian_sparsity,
    jvp,
    sparsity,
)
from dualad.replay import replay
from dualad.symbol import traced
from dualad.tree import flatten

pytest.importorskip("scipy")
# What mixes less than its pattern says: the rest is exact at a point.
LOOSE = re.compile(
    r"np.linalg.(cholesky|eigh|eigvalsh|lstsq|qr|slogdet|solve|svd)|cholesky|eigh|eigvalsh|qr|least squares|np.polyfit|"
    r"product by columns|solve for a matrix|scipy.linalg.solve_triangular|np.roots|np.corrcoef|scipy.special.ellipj|"
    r"np.add.reduceat|np.f?(max|min)(imum)?.accumulate|(np.fft.)?i?[rh]?fft[2n]?"
)


def numeric(f, leaves):
    """Where the Jacobian is other than 0 at a point, one column a number of the leaves."""
    columns = []
    for e in units(leaves):
        found = flatten(jvp(f, tuple(leaves), tuple(e))[1])[0]
        columns.append(np.concatenate([np.ravel(np.asarray(d) != 0) for d in found] or [np.zeros(0, bool)]))
    rest, joined = iter(columns), []
    for x in leaves:  # a complex number has two directions
        parts = [[next(rest) for _ in range(np.size(x))] for _ in range(1 + np.iscomplexobj(x))]
        joined += [np.any(pair, axis=0) for pair in zip(*parts, strict=True)]
    return np.array(joined).T


def near(rng, x):
    y = x * (1 + 1e-3 * random_like(rng, x)) if type(x) is not float else x * (1 + 1e-3 * rng.normal())
    return y if type(x) is float else np.asarray(y, x.dtype)[()]


@each(DERIVED)
def test_every_op_stays_within_its_pattern(case):
    def f(leaves):
        return case.f(*leaves)

    if case.name in VALUE_SHAPES:
        with pytest.raises(TraceError, match="shape"):
            sparsity(f, case.leaves)
        return
    pattern = sparsity(f, case.leaves).toarray()
    here = sparsity(f, case.leaves, at="point").toarray()
    found = numeric(case.f, case.leaves)
    assert pattern.shape == here.shape == found.shape
    assert not np.any(found & ~here)
    assert not np.any(here & ~pattern)
    assert LOOSE.fullmatch(case.name) or np.array_equal(here, found)
    rng, program = generator(case.id, "near"), traced(case.f, case.leaves)[0]
    for _ in range(2):
        leaves = [near(rng, x) for x in case.leaves]
        if replay(program, leaves)[1]:
            assert not np.any(numeric(case.f, leaves) & ~pattern)


def dense(pattern):
    assert type(pattern).__name__ == "csr_array" and pattern.dtype == bool
    assert pattern.has_canonical_format
    assert np.all(pattern.data)
    return pattern.toarray()


settings_here = settings(deadline=None, database=None, max_examples=150)


@seed(1)
@settings_here
@given(graphs())
def test_random_programs_stay_within_their_patterns(graph):
    leaves, steps = graph
    f = function(steps)
    found = numeric(f, leaves)
    pattern, here = (dense(sparsity(lambda xs: f(*xs), tuple(leaves), at=at)) for at in ("global", "point"))
    assert not np.any(found & ~here)
    assert not np.any(here & ~pattern)


# exact patterns
def eye(n, *offsets):
    return np.sum([np.eye(n, k=k, dtype=bool) for k in offsets], axis=0) > 0


X = np.linspace(1.0, 2.0, 5)
BAND = np.diag(np.ones(4), 1) + np.diag(np.ones(3), -2)
ARROW = np.zeros((5, 5), bool)
ARROW[0], ARROW[:, 0] = True, True
FULL = np.ones((5, 5), bool)
CASES = {
    "neighbours": (lambda x: x[1:] * x[:-1], eye(5, 0, 1)[:4]),
    "roll": (lambda x: x + np.roll(x, 1), np.roll(np.eye(5, dtype=bool), -1, 1) | eye(5, 0)),
    "assignment": (dualad.inplace(lambda x: _filled(x)), eye(5, -1)),
    "running sum": (np.cumsum, np.tri(5, dtype=bool)),
    "running product": (np.cumprod, np.tri(5, dtype=bool)),
    "running maximum": (np.maximum.accumulate, np.tri(5, dtype=bool)),
    "running sum along an axis": (lambda x: np.cumsum(np.stack([x, x * x]), 0), np.tile(eye(5, 0), (2, 1))),
    "sum": (np.sum, np.ones((1, 5), bool)),
    "row sums": (lambda x: np.sum(np.outer(x, X), 1), eye(5, 0)),
    "products of rows": (lambda x: np.prod(np.outer(x, X), 1), eye(5, 0)),
    "largest of columns": (lambda x: np.max(np.outer(X, x), 0, keepdims=True), eye(5, 0)),
    "constant matrix": (lambda x: BAND @ x, BAND != 0),
    "constant matrix from the right": (lambda x: x @ BAND, BAND.T != 0),
    "stack of constant matrices": (
        lambda x: np.stack([BAND, BAND.T]) @ x,
        np.concatenate([BAND, BAND.T]) != 0,
    ),
    "einsum": (lambda x: np.einsum("ij,j,k->i", BAND, x, X), BAND != 0),
    "einsum of three": (lambda x: np.einsum("ij,jk,k->i", BAND, BAND, x), BAND @ BAND != 0),
    "einsum's diagonal": (lambda x: np.einsum("ii->i", np.outer(x, X)), eye(5, 0)),
    "diagonal matrix": (lambda x: np.diag(x) @ X, eye(5, 0)),
    "tridiagonal matrix": (
        lambda x: (np.diag(x) + np.diag(x[1:], 1) + np.diag(x[:-1], -1)) @ X,
        eye(5, -1, 0, 1),
    ),
    "both factors": (lambda x: np.diag(x[::-1]) @ x, eye(5, 0) | eye(5, 0)[::-1]),
    "outer product": (
        lambda x: np.outer(x, x),
        np.kron(eye(5, 0), np.ones((5, 1))) + np.tile(np.eye(5), (5, 1)) > 0,
    ),
    "convolution": (lambda x: np.convolve(x, [1.0, 0.0, 2.0], "same"), eye(5, -1, 1)),
    "mask": (lambda x: np.where(X > 1.5, x, 0.0), np.diag(X > 1.5)),
    "choice of two": (lambda x: np.where(x > 1.5, x, x[::-1]), eye(5, 0) | eye(5, 0)[::-1]),
    "larger of two": (lambda x: np.maximum(x, 0.0), eye(5, 0)),
    "constant factor with zeros": (lambda x: np.arange(-2, 3) * x, np.diag(np.arange(-2, 3) != 0)),
    "triangle": (lambda x: np.sum(np.tril(np.broadcast_to(x, (5, 5))), 1), np.tri(5, dtype=bool)),
    "pad": (lambda x: np.pad(x, 1, mode="wrap"), np.eye(5, dtype=bool)[[4, 0, 1, 2, 3, 4, 0]]),
    "scatter": (lambda x: np.bincount([2, 0, 2, 1, 0], weights=x), np.eye(3, dtype=bool)[:, [2, 0, 2, 1, 0]]),
    "rounding": (lambda x: np.floor(x) * x + np.argmax(x), eye(5, 0)),
    "no dependence": (lambda x: np.sign(x) + np.ones(5), np.zeros((5, 5), bool)),
    "constant second argument": (lambda x: np.copysign(X, x), np.zeros((5, 5), bool)),
    "stack of matrices": (
        lambda x: np.linalg.inv(np.reshape(np.tile(x[:2], 4), (2, 2, 2)) * [[[1, 0], [0, 1]]]),
        np.tile([True, True, False, False, False], (8, 1)),
    ),
    "Fourier transform of rows": (lambda x: np.fft.fft(np.outer(x, X), axis=1), np.repeat(eye(5, 0), 5, 0)),
}


def _filled(x):
    y = np.zeros(5)
    for k in range(1, 5):
        y[k] = x[k - 1] ** 2
    return y


@pytest.mark.parametrize("name", CASES)
def test_exact_patterns(name):
    f, expected = CASES[name]
    np.testing.assert_array_equal(dense(sparsity(f, X)), expected)


# at a point
POINTS = {
    "factor of zero": (lambda x: x * x[::-1], [0.0, 1.0, 2.0], [[1, 0, 0], [0, 1, 0], [1, 0, 0]]),
    "rectifier": (lambda x: np.maximum(x, 0.0), [-1.0, 1.0, 2.0], [[0, 0, 0], [0, 1, 0], [0, 0, 1]]),
    "tie": (lambda x: np.maximum(x, 0.0), [0.0, -1.0, 2.0], [[1, 0, 0], [0, 0, 0], [0, 0, 1]]),
    "choice": (lambda x: np.where(x > 0, x, x[::-1]), [1.0, -1.0, 0.0], [[1, 0, 0], [0, 1, 0], [1, 0, 0]]),
    "extremum": (np.max, [1.0, 3.0, 2.0], [[0, 1, 0]]),
    "order": (np.sort, [1.0, 3.0, 2.0], [[1, 0, 0], [0, 0, 1], [0, 1, 0]]),
    "product of matrices": (lambda x: np.diag(x) @ x, [1.0, 0.0, 2.0], [[1, 0, 0], [0, 0, 0], [0, 0, 1]]),
    "stationary": (lambda x: np.cos(x) * x[1], [0.0, 0.0, 1.0], [[0, 1, 0], [0, 1, 0], [0, 1, 0]]),
    "infinite": (np.sqrt, [0.0, 1.0, 2.0], np.eye(3)),
}


@pytest.mark.parametrize("name", POINTS)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_patterns_at_a_point(name):
    f, x, expected = POINTS[name]
    found = dense(sparsity(f, np.array(x), at="point"))
    np.testing.assert_array_equal(found, np.asarray(expected) != 0)


# structure, size and errors
@dataclasses.dataclass
class State:
    u: np.ndarray
    t: float


def test_containers_are_flattened_in_order():
    x = {"a": np.ones((2, 2)), "b": [2.0, State(np.ones(2), 3.0)]}

    def f(x):
        a, (b, state) = x["a"], x["b"]
        return {"first": a.T * b, "rest": (state.u + state.t, 1.0)}

    expected = np.zeros((7, 8), bool)
    expected[[0, 1, 2, 3], [0, 2, 1, 3]] = True
    expected[:4, 4] = True
    expected[[4, 5], [5, 6]] = True
    expected[4:6, 7] = True
    np.testing.assert_array_equal(dense(sparsity(f, x)), expected)
    whole = dense(hessian_sparsity(lambda x: np.sum(f(x)["first"]) * x["b"][1].t, x))
    assert whole.shape == (8, 8)
    assert not whole[5:7].any()


@pytest.mark.parametrize(
    "x", [2.0, 3, np.float32(1.5), np.array(1.0), np.zeros(0), 1 + 2j, np.ones((2, 1, 2))]
)
def test_any_shape(x):
    assert dense(sparsity(lambda x: 2 * x, x)).tolist() == np.eye(np.size(x), dtype=bool).tolist()
    assert hessian_sparsity(lambda x: np.sum(np.real(x * np.conj(x))), x).nnz == np.size(x)


def test_one_branch_is_taken():
    def f(x):
        return x if x[0] > 0 else x[::-1]

    assert dense(sparsity(f, X)).tolist() == np.eye(5, dtype=bool).tolist()
    assert dense(sparsity(f, -X)).tolist() == np.eye(5, dtype=bool)[::-1].tolist()


def test_memory_is_of_the_order_of_the_pattern():
    n = 10**5
    x = np.ones(n)

    def f(x):
        return np.sin(x[2:] - 2 * x[1:-1] + x[:-2]) * x[1:-1]

    sparsity(f, X)  # what is imported on the way is not counted
    tracemalloc.start()
    found = sparsity(f, x)
    curved = hessian_sparsity(lambda x: np.sum(f(x)), x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.nnz == 3 * (n - 2)
    assert curved.nnz == n + 2 * (n - 1) + 2 * (n - 2)
    assert peak < 80e6


def test_sums_of_everything_are_no_obstacle_by_themselves():
    n = 10**5
    found = sparsity(lambda x: x[0] * np.ones(n) + np.sum(x[:3]), np.ones(n))
    assert found.nnz == 3 * n


def test_what_would_be_dense_raises():
    n = 10**5
    for f in (
        lambda x: x * np.sum(x),
        lambda x: np.cumsum(x),
        lambda x: np.fft.fft(x),
        lambda x: np.linalg.norm(x) + x,
        lambda x: np.sort(x),
    ):
        with pytest.raises(
            ArgumentError, match=r"entries after .*more than \d+\n.*\n  instead: .*max_entries"
        ):
            sparsity(f, np.ones(n))
    with pytest.raises(ArgumentError, match="more than 24"):
        sparsity(lambda x: x * np.sum(x), X, max_entries=24)
    assert sparsity(lambda x: x * np.sum(x), X, max_entries=25).nnz == 25


def test_many_zeros_are_left_out_of_large_products():
    n = 3000
    a = np.diag(np.ones(n)) + np.diag(np.ones(n - 1), 1)
    assert sparsity(lambda x: a @ x, np.ones(n)).nnz == 2 * n - 1


def test_errors():
    with pytest.raises(ArgumentError, match="at='here'"):
        sparsity(np.sin, X, at="here")
    with pytest.raises(DtypeError, match="argument of"):
        sparsity(np.sin, "x")
    with pytest.raises(NotScalarError):
        hessian_sparsity(np.sin, X)
    with pytest.raises(TraceError, match="shape") as raised:
        sparsity(lambda x: x[np.nonzero(x)], X)
    assert "compiled" in raised.value.__notes__[0]


def test_scipy_is_an_extra(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ArgumentError, match=r"need SciPy\n.*\n  instead: pip install dualad\[sparse\]"):
        sparsity(np.sin, X)


def test_inside_a_derivative_and_a_compiled_function():
    found = []

    def f(x):
        found.append(sparsity(lambda z: z[1:] * z[:-1], x).nnz)
        return np.sum(x * x)

    grad(f)(X)
    dualad.compile(f)(X)
    assert found == [8, 8]
    with pytest.raises(ArgumentError, match="at='global'"):
        dualad.compile(lambda x: sparsity(np.sin, x, at="point").nnz * x)(X)


def test_ops_of_users():
    thrice = dualad.linear(
        lambda x: np.tile(x, 3), lambda g, x: np.sum(np.reshape(g, (3, -1)), 0), name="thrice"
    )
    np.testing.assert_array_equal(dense(sparsity(thrice, X)), np.ones((15, 5), bool))
    moved = dualad.linear(
        lambda x: np.tile(x, 3),
        lambda g, x: np.sum(np.reshape(g, (3, -1)), 0),
        name="thrice",
        depends="moved",
    )
    np.testing.assert_array_equal(dense(sparsity(moved, X)), np.tile(eye(5, 0), (3, 1)))
    cubed = dualad.elementwise(lambda x: x**3, lambda y, x: 3 * x**2, name="cubed")
    np.testing.assert_array_equal(dense(sparsity(cubed, X)), eye(5, 0))
    product = dualad.multilinear(
        lambda a, b: a * b,
        lambda g, a, b: g * b,
        lambda g, a, b: g * a,
        name="product",
        depends=lambda a, b: (["i", "i"], "i"),
    )
    np.testing.assert_array_equal(dense(sparsity(lambda x: product(x, X > 1.5), X)), np.diag(X > 1.5))
    # What is said for other purposes does not make a sum a move, nor its known zeros cancel.
    folded = dualad.linear(
        lambda x: x[:2] - x[2:], lambda g, x: np.concatenate([g, -g]), name="folded", moves=True
    )
    constant = sparsity(lambda x: folded(np.stack([x[0], 0.0, x[1], 0.0])) * x[2:4], X)
    np.testing.assert_array_equal(dense(constant), [[1, 1, 1, 0, 0], [1, 1, 0, 1, 0]])
