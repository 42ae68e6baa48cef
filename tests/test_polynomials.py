"""Polynomials at points where NumPy leaves zeros away, and roots that are close, repeated or none."""

import numpy as np
import pytest

from dualad import derivative, jacobian, jvp, vjp


# roots
def test_roots_follow_coefficients_that_numpy_strips():
    # A zero coefficient at either end moves the other roots as any does: dr = -dp(r) / p'(r).
    p = np.array([0.0, 1.0, -3.0, 2.0, 0.0])
    r = np.roots(p)
    np.testing.assert_allclose(r, [2.0, 1.0, 0.0], rtol=1e-14)
    expected = -np.vander(r, 5) / np.polyval(np.polyder(p), r)[:, None]
    for mode in ("forward", "reverse"):
        np.testing.assert_allclose(jacobian(np.roots, mode=mode)(p), expected, rtol=1e-13, atol=1e-15)
    h = 1e-6
    moved = np.sort(np.roots(p + h * np.eye(5)[0]))[1:]  # but one, which is far out
    np.testing.assert_allclose((moved[::-1] - r) / h, expected[:, 0], atol=1e-4)


@pytest.mark.parametrize("zeros", [[1.0, 1.0], [0.0, 0.0, 3.0], [1.0, 1.0, 1.0, -2.0], [1j, 1j, -1j, -1j]])
def test_repeated_roots_have_no_derivative(zeros):
    p = np.poly(zeros)
    for run in (lambda: jvp(np.roots, (p,), (p,)), lambda: vjp(np.roots, p)[1](np.roots(p))):
        with pytest.raises(np.linalg.LinAlgError, match="repeated"):
            run()


def test_close_roots_are_not_taken_for_repeated_ones():
    for zeros in ([1.0, 1.0001], [1e-9, -1e-9], [1e9, 1e-9], list(range(1, 9))):
        p = np.poly(zeros)
        r = np.roots(p)
        np.testing.assert_allclose(
            jvp(np.roots, (p,), (p,))[1], 0 * r, atol=1e-9 * np.max(np.abs(r))
        )  # scaling a polynomial moves no root


def test_roots_of_little():
    for p in ([2.0], [0.0, 0.0], [3.0, 0.0]):
        y, dy = jvp(np.roots, (np.array(p),), (np.array(p),))
        np.testing.assert_array_equal(y, np.roots(p))
        np.testing.assert_array_equal(dy, np.zeros(len(y)))
    np.testing.assert_array_equal(derivative(lambda t: np.roots(np.stack([t, -6.0])))(2.0), [-1.5])


def test_products_follow_leading_zeros():
    # NumPy leaves the zero power away; the others still depend on its coefficient.
    b = np.array([3.0, 5.0])
    expected = np.array([[5.0, 3.0], [0.0, 5.0]])
    for mode in ("forward", "reverse"):
        found = jacobian(lambda a: np.polymul(a, b), mode=mode)(np.array([0.0, 2.0]))
        np.testing.assert_array_equal(found, expected)
