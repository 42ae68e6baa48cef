"""Taylor series of loops that stay loops: against the loops step by step, and how long programs are."""

import numpy as np
import pytest
from cases import close

from dualad import compile, custom_rule, derivative, grad, jacobian, jvp, mixed_derivative, scan, taylor

XS = np.array([0.3, -0.2, 0.5, 0.1])


def states(x):
    return scan(lambda s, e: (np.sin(s) * x + e, None), 1.0 * x, XS)[0]


def results(x):
    return scan(lambda s, e: (s * e + x, np.exp(s) / (1 + s**2)), x, XS, reverse=True)[1]


def elements(x):
    return scan(lambda s, e: ((s[1], s[0] * e**1.5 + s[1]), s[0] * e), (1.0, 0.5), np.exp(x * XS))


def arrays(x):
    m = np.array([[0.2, 0.5], [-0.3, 0.4]])
    return scan(
        lambda s, _: (np.tanh(m @ s) + x * s[::-1], np.sum(s**2)), np.stack([x, x**2]), None, length=5
    )


def nested(x):
    def outer(s, e):
        inner, ys = scan(lambda t, k: (t * x + k, t * t), s, np.array([0.1, 0.2, 0.3]))
        return np.cos(inner), np.sum(ys) * e

    return scan(outer, 0.5 * x, XS)


def partly(x):
    """One state that nothing of the argument reaches, and one that it reaches late."""

    def step(s, e):
        return (s[0] * 0.5 + e, s[0] + s[1] * x, s[1]), (s[0], s[2])

    return scan(step, (1.0, 2.0, 3.0), XS)


def matrices(x):
    """A decomposition in the step, a choice, and few states kept in reverse mode."""

    def step(s, e):
        s = np.linalg.cholesky(s @ s.T + x**2 * np.eye(2))
        return np.where(s > 0.5, s, s * e), np.maximum(s[0], e)

    return scan(step, np.eye(2) * x, XS, snapshots=2)


FUNCTIONS = {f.__name__: f for f in (states, results, elements, arrays, nested, partly, matrices)}


@pytest.mark.parametrize("order", [0, 1, 2, 5])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_compiled_series_are_those_of_the_loop_step_by_step(name, order):
    expand = lambda x: taylor(FUNCTIONS[name], x, 1.3, order)  # noqa: E731
    compiled = compile(expand)
    for x in (0.7, -0.4):
        close(compiled(x), expand(x), 1e-13)


@pytest.mark.parametrize("name", ["states", "results", "nested"])
def test_other_derivatives_of_the_series(name):
    f = FUNCTIONS[name]
    expand = lambda x: np.sum(np.ravel(taylor(lambda t: scalars(f(t)), x, 1.0, 3)) * [1.0, 2.0, 3.0, 4.0])  # noqa: E731
    for derived in (grad(expand), derivative(expand), derivative(derivative(expand)), grad(grad(expand))):
        close(compile(derived)(0.6), derived(0.6), 1e-11)


def scalars(tree):
    return sum(np.sum(v) for v in (tree if isinstance(tree, tuple) else (tree,)))


@pytest.mark.parametrize("name", ["states", "nested"])
def test_series_of_other_derivatives(name):
    f = FUNCTIONS[name]
    for inner in (grad(lambda x: scalars(f(x))), lambda x: jvp(lambda t: scalars(f(t)), (x,), (x,))[1]):
        expand = lambda x, inner=inner: taylor(inner, x, 1.0, 3)  # noqa: E731
        close(compile(expand)(0.6), expand(0.6), 1e-12)


def test_derivatives_that_series_give():
    f = lambda x: scalars(nested(x))  # noqa: E731
    close(compile(derivative(f, n=5))(0.6), derivative(f, n=5)(0.6), 1e-12)
    g = lambda x: scalars(nested(x[0] * x[1]))  # noqa: E731
    third = lambda x: mixed_derivative(g, x, [np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.ones(2)])  # noqa: E731
    close(compile(third)(np.array([0.5, 0.8])), third(np.array([0.5, 0.8])), 1e-11)
    many = jacobian(lambda x: taylor(lambda t: states(t * x[0] + x[1]), 0.5, 1.0, 3))
    close(compile(many)(np.array([0.5, 0.8])), many(np.array([0.5, 0.8])), 1e-12)


def test_cotangents_without_dimensions():
    """The adjoint of a sum is a broadcast number, an array of no dimension."""
    f = lambda x: np.sum(states(x))  # noqa: E731
    close(compile(derivative(grad(f)))(0.6), derivative(grad(f))(0.6), 1e-13)


def test_programs_do_not_grow_with_the_steps():
    def expand(n):
        f = lambda x: scan(lambda s, _: (np.sin(s) * x, None), x, None, length=n)[0]  # noqa: E731
        return compile(lambda x: taylor(f, x, 1.0, 4)).program(0.5)

    assert len(expand(10)) == len(expand(1000)) < 40


def test_a_loop_in_a_rule_is_taken_step_by_step():
    """Its coefficients are found as the rule asks for them."""

    def pushforward(tangents, y, x):
        return scan(lambda s, _: (np.sin(s) * x, None), x, None, length=3)[0] * tangents[0]

    own = custom_rule(lambda x: x * 1.0, pushforward=pushforward)
    expand = lambda x: taylor(own, x, 1.0, 4)  # noqa: E731
    close(compile(expand)(0.6), expand(0.6), 1e-13)
