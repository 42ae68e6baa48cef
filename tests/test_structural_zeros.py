"""Zeros of what was not taken survive infinite and NaN partials; zeros that arise by chance do not hide them."""

import numpy as np
import pytest

from dualad import grad, hessian, jacobian, jvp, vjp

X = np.array([-1.0, 0.0, 4.0])  # of which np.sqrt is NaN, has an infinite slope, and is well
ROOT = np.array([0.0, 0.0, 0.25])
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def assigned(x):
    y = np.sqrt(x)
    y[:2] = x[2]
    return np.sum(y)


def grid(x):
    return np.sqrt(np.abs(x)).reshape(1, 3) * np.ones((2, 1))


# f, its gradient at X, and that of the second order's diagonal
CASES = {
    "where": (lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0)), ROOT, -1 / 32),
    "mask": (lambda x: np.sum(np.sqrt(x)[x > 0]), ROOT, -1 / 32),
    "element": (lambda x: np.sqrt(x)[2], ROOT, -1 / 32),
    "slice": (lambda x: np.sum(np.sqrt(x)[2:]), ROOT, -1 / 32),
    "slices of slices": (lambda x: np.sum(np.sqrt(x)[1:][1:]), ROOT, -1 / 32),
    "take": (lambda x: np.sum(np.take(np.sqrt(x), [2, 2])) / 2, ROOT, -1 / 32),
    "assignment": (assigned, np.array([0, 0, 2.25]), -1 / 32),
    "maximum": (lambda x: np.sum(np.maximum(np.sqrt(np.abs(x)), 1.5)), ROOT, -1 / 32),
    "minimum": (lambda x: np.sum(np.minimum(-np.sqrt(np.abs(x)), -1.5)), -ROOT, 1 / 32),
    "fmax": (lambda x: np.sum(np.fmax(np.sqrt(x), 1.5)), ROOT, -1 / 32),
    "clip": (lambda x: np.sum(np.clip(np.sqrt(np.abs(x)), 1.5, 9.0)), ROOT, -1 / 32),
    "max": (lambda x: np.max(np.sqrt(np.abs(x))), ROOT, -1 / 32),
    "nanmax": (lambda x: np.nanmax(np.sqrt(x)), ROOT, -1 / 32),
    "nansum": (lambda x: np.nansum(np.log(x - 0.5)), np.array([0, 0, 1 / 3.5]), -1 / 12.25),
    "sum where": (lambda x: np.sum(np.sqrt(x), where=x > 0), ROOT, -1 / 32),
    "sort": (lambda x: np.sort(np.sqrt(np.abs(x)))[2], ROOT, -1 / 32),
    "select": (lambda x: np.sum(np.select([x > 0], [np.sqrt(x)], 0.0)), ROOT, -1 / 32),
    "diagonal": (lambda x: np.diagonal(grid(x), 2)[0], ROOT, -1 / 32),
    "chain": (lambda x: np.sum(np.where(x > 0, np.square(np.exp(np.sqrt(x))), 0)), ROOT * 2 * np.exp(4), None),
    "moved": (lambda x: np.sum(np.roll(grid(x), 1, 1).T[:1].ravel()) / 2, ROOT, -1 / 32),
    "stretched": (lambda x: np.sum(np.where(np.eye(3)[2] > 0, np.sqrt(x) * np.ones((2, 1)), 0)) / 2, ROOT, -1 / 32),
    "twice": (lambda x: np.sqrt(x)[2] + np.sqrt(x)[2:].sum(), 2 * ROOT, -1 / 16),
    "both of two": (lambda x: (lambda r: r[2] + np.sum(r[2:]))(np.sqrt(x)), 2 * ROOT, -1 / 16),
    "second order": (lambda x: np.sum(np.where(x > 0, x**1.5, 0.0)), np.array([0, 0, 3.0]), 0.375),
}  # fmt: skip
HESSIANS = ("forward-over-reverse", "reverse-over-forward", "forward-over-forward", "reverse-over-reverse")


@pytest.mark.parametrize("name", CASES)
def test_untaken_elements_have_derivative_zero(name):
    f, expected, curvature = CASES[name]
    np.testing.assert_allclose(grad(f)(X), expected, rtol=1e-14)
    both = vjp(lambda x: (f(x), x), X)[1]
    np.testing.assert_allclose(both((1.0, X))[0], expected + X, rtol=1e-14)
    if curvature is not None:
        for mode in HESSIANS[::3]:
            found = hessian(f, mode=mode)(X)
            np.testing.assert_allclose(found, np.diag([0, 0, curvature]), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", CASES)
def test_many_cotangents_at_once(name):
    f, expected, _ = CASES[name]
    found = jacobian(lambda x: np.stack([f(x), 3 * f(x)]), mode="reverse")(X)
    np.testing.assert_allclose(found, [expected, 3 * expected], rtol=1e-14)


@pytest.mark.parametrize("name", CASES)
def test_forward_mode_agrees(name):
    f, expected, _ = CASES[name]
    for k in (0, 2):  # along the others 0 meets an infinite slope: see below
        dx = np.zeros(3)
        dx[k] = 1.0
        dy = jvp(f, (X,), (dx,))[1]
        assert dy == pytest.approx(expected[k], rel=1e-14)


def test_numbers():
    for f, x in (
        (lambda x: np.where(x > 0, np.sqrt(x), 0.0), 0.0),
        (lambda x: np.where(x > 0, np.sqrt(x), 0.0), -1.0),
        (lambda x: np.maximum(np.sqrt(x), 1.0), 0.0),
        (lambda x: np.clip(np.log(np.abs(x)), -1.0, 1.0), 0.0),
        (lambda x: np.where(x > 5, x / np.sqrt(x - x), 0.0), 1.0),
    ):
        assert grad(f)(x) == 0.0
        assert grad(grad(f))(x) == 0.0


def test_a_product_on_a_taken_path_is_not_hidden():
    for f in (
        lambda x: np.sqrt(x) ** 2,
        lambda x: np.where(x >= 0, np.sqrt(x) ** 2, 0.0),
        lambda x: np.maximum(np.sqrt(x) ** 2, -1.0),
        lambda x: np.sum(np.stack([np.sqrt(x) ** 2, 1.0])[:1]),
        lambda x: 0.0 * np.sqrt(x),
    ):
        assert np.isnan(grad(f)(0.0))
        assert np.isnan(jvp(f, (0.0,), (1.0,))[1])
    x = np.array([0.0, 4.0])
    np.testing.assert_array_equal(grad(lambda x: np.sum((np.sqrt(x) ** 2)[:1]))(x), [np.nan, 0.0])
    # Taken by one of two, and so taken
    twice = grad(lambda x: (lambda r: r[1] + 0.0 * np.sum(r))(np.sqrt(x)))
    np.testing.assert_array_equal(twice(x), [np.nan, 0.25])


def test_an_infinite_factor_that_only_untaken_elements_meet():
    wide = np.array([[np.inf, 0.0, 0.0], [0.0, np.nan, 0.0], [2.0, 3.0, 1.0]])
    x = np.array([1.0, 4.0, 9.0])

    def rows(*taken):
        return grad(lambda x: np.sum(np.where(np.array(taken), wide @ np.square(x), 0.0)))(x)

    np.testing.assert_allclose(rows(False, False, True), [4.0, 24.0, 18.0])
    np.testing.assert_allclose(rows(True, False, True), [np.inf, 24.0, 18.0])


def test_long_programs():
    """Choices in a loop of many steps: nothing is as deep as the program is long."""

    def f(x):
        for _ in range(3000):
            x = np.where(x > 0, x * 1.0, np.sqrt(x))[1:]
            x = np.concatenate([x, x[-1:]])
        return x[-1]

    np.testing.assert_array_equal(grad(f)(np.array([-1.0, -2.0, 4.0])), [0.0, 0.0, 1.0])
