"""Matrices of deficient rank: pinv, lstsq, norms and condition numbers, low-rank approximations."""

import numpy as np
import pytest
from test_decompositions import agrees, directional, random

from dualad import grad, hessian, jacobian, jvp, vjp


# Deficient ranks
def _low_rank(x, m, n, k):
    """A matrix of rank k, as a function of its factors."""
    return np.reshape(x[: m * k], (m, k)) @ np.reshape(x[m * k :], (k, n))


@pytest.mark.parametrize(("m", "n", "k"), [(4, 3, 2), (3, 4, 2), (3, 3, 1), (5, 2, 1)])
def test_pinv_and_lstsq_at_deficient_rank(m, n, k):
    x, b = random((m + n) * k), random(m)
    agrees(lambda x: np.linalg.pinv(_low_rank(x, m, n, k), rcond=1e-10), x, 1e-7)
    agrees(lambda x: np.linalg.lstsq(_low_rank(x, m, n, k), b, rcond=1e-10)[0], x, 1e-7)
    solution = lambda b: np.linalg.lstsq(_low_rank(x, m, n, k), b, rcond=1e-10)[0]  # noqa: E731
    np.testing.assert_allclose(
        jacobian(solution)(b), np.linalg.pinv(_low_rank(x, m, n, k), 1e-10), atol=1e-10
    )


def test_pinv_second_order_at_deficient_rank():
    f = lambda x: np.sum(np.sin(np.linalg.pinv(_low_rank(x, 3, 3, 2), rcond=1e-10)))  # noqa: E731
    x = random(12)
    found = [
        hessian(f, mode=mode)(x)
        for mode in ("forward-over-reverse", "reverse-over-forward", "forward-over-forward")
    ]
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(found[0], directional_rows(grad(f), x), rtol=1e-5, atol=1e-5)


def directional_rows(f, x):
    return np.stack([directional(f, x, e) for e in np.eye(x.size)])


@pytest.mark.parametrize(("m", "n", "columns"), [(4, 2, ()), (4, 2, (3,)), (2, 4, ()), (3, 3, (2,))])
def test_lstsq_returns_what_numpy_returns(m, n, columns):
    a, b = random(m, n), random(m, *columns)
    expected = np.linalg.lstsq(a, b)
    seen = []

    def f(a, b):
        y = np.linalg.lstsq(a, b)
        seen.append((type(y), type(y[2]), y[2]))
        return y[0], y[1], y[3]

    for found in (jvp(f, (a, b), (a, b))[0], vjp(f, a, b)[0]):
        for y, z in zip(found, (expected[0], expected[1], expected[3]), strict=True):
            assert y.shape == z.shape
            np.testing.assert_allclose(y, z, rtol=1e-12, atol=1e-13)
    assert seen == 2 * [(tuple, type(expected[2]), expected[2])]


def test_residuals_of_a_deficient_matrix_are_empty():
    a = np.ones((4, 2))
    assert vjp(lambda a: np.linalg.lstsq(a, np.arange(4.0))[1], a)[0].shape == (0,)


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5)], ids=str)
@pytest.mark.parametrize("k", [1, 2])
def test_low_rank_approximations(shape, k):
    def nearest(a):
        u, s, vt = np.linalg.svd(a, full_matrices=False)
        return (u[:, :k] * s[:k]) @ vt[:k]

    agrees(nearest, random(*shape, seed=5), 1e-7)


def test_hermitian_keywords_read_one_triangle():
    a = random(3, 3) + 4 * np.eye(3)
    for f in (
        lambda a: np.linalg.pinv(a, hermitian=True),
        lambda a: np.linalg.svd(a, compute_uv=False, hermitian=True),
        lambda a: np.linalg.svd(a, hermitian=True)[0],
    ):
        np.testing.assert_array_equal(vjp(f, a)[0], f(a))
        agrees(f, a)
        assert not np.any(jacobian(f)(a)[..., 0, 2])


def test_rank_is_plain():
    a = np.diag([1.0, 2.0, 0.0])
    np.testing.assert_array_equal(
        grad(lambda x: np.sum(x) * np.linalg.matrix_rank(x))(a), 2 * np.ones((3, 3))
    )


def test_condition_numbers_of_singular_matrices():
    a = np.diag([1.0, 0.0])
    assert vjp(np.linalg.cond, a)[0] == np.inf
    with pytest.raises(np.linalg.LinAlgError):
        vjp(lambda x: np.linalg.cond(x, 1), a)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5)], ids=str)
def test_leading_vectors_of_matrices_of_low_rank(shape):
    m, n = shape

    def leading(x):
        u, s, vt = np.linalg.svd(_low_rank(x, m, n, 2), full_matrices=False)
        return (np.abs(u[:, :2]) * np.log(s[:2])) @ np.abs(vt[:2])

    agrees(leading, random((m + n) * 2), 1e-7)
