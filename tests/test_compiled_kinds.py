"""Truth values and integers in compiled functions, users' own operations, and arguments that may change."""

import numpy as np
import pytest

from dualad import DtypeError, TraceError, compile, elementwise, general, grad, hessian, jacobian, jvp, linear

X = np.array([2.0, -1.0, 0.5])
same = general(lambda x: np.sum(x) * 2, lambda dx, y, x: 2 * np.sum(dx), name="max")
triple = elementwise(lambda x: x * 3.0, 3, name="np.exp")
folded = linear(lambda x: x[::-1] + x, lambda g, x: g[::-1] + g, name="reshape", moves=True)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: ((x > 0) + (x > 1)) * x,
        lambda x: ((x > 0) @ (x > -5)) * x,
        lambda x: (np.sum(x > -9) & 1) * x,
        lambda x: (np.sum(x > -9) | 4) * x,
        lambda x: (np.argsort(x) * 2 - np.argmax(x)) * x,
        lambda x: np.cumsum(x > 0) * x,
        lambda x: np.where(x > 0, x > 1, x < -0.5) * x,
        lambda x: np.add.reduceat(x, [0, 2]),
        lambda x: np.floor_divide(x, 0.0 * x) + x,
        lambda x: np.floor_divide(x, np.inf) + x,
        lambda x: 1 / np.rint(x * 0.1),
        lambda x: same(x) * 1.0,
        lambda x: triple(x),
        lambda x: folded(x) * 1.0,
    ],
)
@pytest.mark.parametrize("n", [1, 100])
def test_compiled_is_what_numpy_has(f, n):
    x = np.tile(X, n)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(compile(f)(x), f(x))


class Settings:
    """Equal to itself alone."""

    factor = 2.0


@pytest.mark.parametrize("argument", [Settings(), {1, 2}, bytearray(b"a"), np.random.default_rng(0)])
def test_arguments_that_may_change_unseen_raise(argument):
    with pytest.raises(TraceError, match=type(argument).__name__):
        compile(lambda x, p: x * 2.0)(X, argument)


@pytest.mark.parametrize(
    "argument", [3, True, "a", None, np.sin, np.float64, (1, "b"), Settings, np.dtype(float)]
)
def test_arguments_that_are_part_of_the_form(argument):
    np.testing.assert_array_equal(compile(lambda x, p: x * 2.0)(X, argument), X * 2.0)


@pytest.mark.parametrize("n", [3, 300])
def test_derivatives_promote_integers(n):
    """As they do where nothing is compiled: tangents of integers would be cut off to integers, all of them 0 here."""
    x = np.arange(1, n + 1)

    def f(x):
        return np.sum(0.1 * x[1:] ** 2 * x[:-1])

    for derived in (grad(f), hessian(f), jacobian(lambda x: 0.1 * x), lambda x: jvp(f, (x,), (x,))[1]):
        found = compile(derived)(x)
        np.testing.assert_allclose(found, derived(x), rtol=1e-14)
        assert found.dtype == np.float64
    assert compile(grad(lambda x: 0.1 * x * x))(np.int64(3)) == pytest.approx(0.6)
    with pytest.raises(DtypeError, match="an array of bool"):
        compile(grad(lambda x: np.sum(0.1 * x)))(np.array([True, False]))
