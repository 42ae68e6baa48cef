"""Derivatives taken inside a function under `inplace`: its arrays are of the level that they are filled at."""

import numpy as np
import numpy.testing as npt
import pytest

from dualad import AssignmentError, derivative, grad, hessian, inplace, jacobian, jvp

X = np.array([0.7, 1.3, 2.1])
MIXES = ("forward-over-reverse", "reverse-over-forward", "forward-over-forward", "reverse-over-reverse")


def energy(q):
    y = np.zeros(3)
    y[0] = q[0] ** 3
    y[1:] = q[0] * q[1:] ** 2
    return np.sum(y)


gradient = grad(energy)


def with_helper(x):
    y = np.zeros(3)
    y[:] = grad(energy)(x) * x
    return np.sum(y)


def with_module_level_derivative(x):
    return np.sum(gradient(x) * x)


def with_lambda(x):
    def inner(q):
        y = np.zeros(3)
        y[0] = q[0] ** 3
        y[1:] = [q[0] * v for v in q[1:] ** 2]
        return np.sum(y)

    return np.sum(grad(lambda q: inner(q))(x) * x)


def with_outer_values(x):
    def inner(t, y):  # of the level of t, though another argument is an outer one's
        z = np.zeros_like(y)
        z[0], z[1:] = t**3, t * y[1:] ** 2
        return np.sum(z)

    first = derivative(lambda t: inner(t, x))(x[0]) * x[0]
    return first + np.sum(2 * x[0] * x[1:] * x[1:])


def with_decorated_helper(x):
    @inplace
    def inner(q):
        y = np.empty(1)
        y[0] = energy(q)
        return y[0]

    return np.sum(grad(inner)(x) * x)


def by_hand(x):
    return 3 * x[0] ** 3 + 3 * x[0] * np.sum(x[1:] ** 2)  # energy is homogeneous of degree 3


class Fills:
    @inplace
    def method(self, q, rule):  # its own call, given a function of the outer one's
        return np.sum(rule(q))


def with_method(x):
    def rule(q):
        y = np.zeros(3)
        y[0] = energy(q)
        return y

    return np.sum(grad(Fills().method)(x, rule) * x)


@pytest.mark.parametrize(
    "f",
    [
        with_method,
        with_helper,
        with_module_level_derivative,
        with_lambda,
        with_outer_values,
        with_decorated_helper,
    ],
)
def test_derivatives_inside(f):
    g = inplace(f)
    assert jvp(g, (X,), (X,))[0] == pytest.approx(by_hand(X))
    npt.assert_allclose(grad(g)(X), grad(by_hand)(X), rtol=1e-12)
    npt.assert_allclose(jacobian(g, mode="forward")(X), grad(by_hand)(X), rtol=1e-12)
    for mode in MIXES:
        npt.assert_allclose(hessian(g, mode=mode)(X), hessian(by_hand)(X), rtol=1e-10)


def test_an_array_of_the_outer_function_refuses_inner_values():
    def f(x):
        y = np.zeros(3)

        def inner(z):
            y[0] = z
            return z

        return grad(inner)(x[0]) * np.sum(y)

    with pytest.raises(AssignmentError, match="inner function"):
        grad(inplace(f))(X)
