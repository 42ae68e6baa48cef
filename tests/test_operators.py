"""Operators, diagonals and Laplacians against the whole matrices."""

import numpy as np
import pytest

pytest.importorskip("scipy")
pytest.importorskip("igraph")

import dualad

X = np.random.default_rng(2).uniform(0.5, 1.5, 40)


def mixed(p):
    return [p["a"] * np.sum(p["b"]), np.outer(p["b"], p["b"]) * p["a"] ** 2]


P = {"a": 2.0, "b": np.array([1.0, 2.0, 3.0])}


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: x[1:] * np.sin(x[:-1]), X),
        (lambda x: np.ones(2), X),
        (mixed, P),
        (np.float32, np.float32(2)),
    ],
    ids=["chain", "constant", "nested", "number"],
)
def test_jacobian_operators(f, x):
    f = (lambda x: x * x) if f is np.float32 else f
    dense = dualad.sparse_jacobian(f, x)(x).toarray()
    J = dualad.jacobian_operator(f, x)
    assert J.shape == dense.shape and J.dtype == dense.dtype
    rng = np.random.default_rng(0)
    for k in (1, 4):
        v, w = rng.standard_normal((J.shape[1], k)), rng.standard_normal((J.shape[0], k))
        np.testing.assert_allclose(
            J @ v, dense @ v, rtol=1e-6 if J.dtype == np.float32 else 1e-12, atol=1e-13
        )
        np.testing.assert_allclose(J.T @ w, dense.T @ w, rtol=1e-6 if J.dtype == np.float32 else 1e-12)
        np.testing.assert_allclose(J @ v[:, 0], (J @ v)[:, 0], rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(J.rmatvec(w[:, 0]), (J.rmatmat(w))[:, 0], rtol=1e-12)
        assert (J @ v).shape == (J.shape[0], k) and (J @ v[:, 0]).shape == J.shape[:1]


def energy(x):
    return np.sum(np.cos(x[1:] - x[:-1]) * x[1:]) + x[0] * np.sum(x[2:] ** 3)


def test_hessian_operators():
    H, dense = dualad.hessian_operator(energy, X), dualad.hessian(energy)(X)
    v = np.random.default_rng(1).standard_normal((40, 3))
    for operator in (H, H.T, H.H):
        np.testing.assert_allclose(operator @ v, dense @ v, rtol=1e-11)
        np.testing.assert_allclose(operator @ v[:, 0], dense @ v[:, 0], rtol=1e-11)
    p = dualad.hessian_operator(lambda s, u: s**2 * np.sum(u**3), 3.0, X, argnums=(0, 1))
    assert p.shape == (41, 41)
    np.testing.assert_allclose(p @ np.eye(41)[0], [2 * np.sum(X**3), *(6.0 * 3 * X**2)], rtol=1e-13)


def test_an_operator_keeps_its_point():
    x = X.copy()
    J = dualad.jacobian_operator(lambda x: x**2, x)
    x[:] = 0.0
    np.testing.assert_array_equal(J @ np.ones(40), 2 * X)


DIAGONALS = {
    "chain": energy,
    "grid": lambda x: np.sum(np.reshape(x, (8, 5))[1:] ** 2 * np.reshape(x, (8, 5))[:-1]) + np.sum(x**4),
    "full": lambda x: np.sum(x) ** 3,
    "separable": lambda x: np.sum(np.exp(x)),
    "bilinear": lambda x: np.sum(x[:20] * x[20:]),
    "linear": np.sum,
    "shapes that depend on values": lambda x: np.sum(x[x > 1.0] ** 3),
}


@pytest.mark.parametrize("chunk_bytes", [400, 2**23])
@pytest.mark.parametrize("name", DIAGONALS)
def test_diagonals(name, chunk_bytes):
    f = DIAGONALS[name]
    dense = dualad.hessian(f)(X)
    found = dualad.hessian_diagonal(f, chunk_bytes=chunk_bytes)(X)
    np.testing.assert_allclose(found, np.diag(dense), rtol=1e-12, atol=1e-13)
    trace = dualad.laplacian(f, chunk_bytes=chunk_bytes)(X)
    assert np.shape(trace) == ()
    np.testing.assert_allclose(trace, np.trace(dense), rtol=1e-12, atol=1e-13)


def test_diagonals_take_few_directions():
    """As counted: not more than a few gradients' operations, where all directions would take forty."""
    for name, most in {"grid": 12, "separable": 8}.items():
        f = DIAGONALS[name]
        pattern = dualad.hessian_sparsity(f, X)
        gradient = dualad.count(dualad.grad(f))(X).operations
        assert dualad.count(dualad.hessian_diagonal(f, pattern=pattern))(X).operations < most * gradient


def test_diagonals_of_containers():
    def f(p, scale):
        return scale * p["a"] ** 3 * np.sum(p["b"] ** 4)

    found = dualad.hessian_diagonal(f)(P, 2.0)
    total = np.sum(P["b"] ** 4)
    assert type(found["a"]) is float and found["a"] == pytest.approx(2 * 12 * total)
    np.testing.assert_allclose(found["b"], 2 * 8 * 12 * P["b"] ** 2)
    assert dualad.laplacian(f)(P, 2.0) == pytest.approx(24 * total + np.sum(found["b"]))
    by_name = dualad.laplacian(f, argnums="scale")(P, scale=2.0)
    assert by_name == 0.0


def test_diagonals_keep_dtypes_and_nest():
    x = X.astype(np.float32)
    assert dualad.hessian_diagonal(DIAGONALS["chain"])(x).dtype == np.float32
    third = dualad.jacobian(dualad.hessian_diagonal(lambda x: np.sum(x**4 * np.roll(x, 1))))(X)
    expected = np.diag(24 * X * np.roll(X, 1)) + np.roll(np.eye(40), -1, 1) * (12 * X**2)[:, None]
    np.testing.assert_allclose(third, expected, rtol=1e-12)
    compiled = dualad.compile(dualad.laplacian(DIAGONALS["grid"]))
    np.testing.assert_allclose(compiled(X), dualad.laplacian(DIAGONALS["grid"])(X), rtol=1e-13)


def test_what_is_refused():
    with pytest.raises(dualad.DtypeError, match="complex"):
        dualad.jacobian_operator(lambda x: x * 1j, X)
    with pytest.raises(dualad.DtypeError, match="complex"):
        dualad.laplacian(lambda z: np.sum(np.abs(z)))(X + 0j)
    with pytest.raises(dualad.NotScalarError):
        dualad.hessian_operator(np.sin, X)
    with pytest.raises(dualad.ShapeError, match=r"\(3, 3\)"):
        dualad.hessian_diagonal(np.sum, pattern=np.eye(3))(X)
