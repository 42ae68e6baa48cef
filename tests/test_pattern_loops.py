"""Patterns go through the steps of `scan`, and through Python's loops, as through the same code written out."""

import numpy as np
import pytest

from dualad import (
    ArgumentError,
    DtypeError,
    grad,
    hessian,
    hessian_sparsity,
    inplace,
    jacobian,
    scan,
    sparsity,
)
from dualad.tree import flatten

pytest.importorskip("scipy")
X = np.linspace(1.0, 2.0, 6)


def heat(u, steps=2):
    def step(u, _):
        new = u[1:-1] + 0.1 * (u[2:] - 2 * u[1:-1] + u[:-2])
        new = np.concatenate([u[:1], new, u[-1:]])
        return new, new[1]

    return scan(step, u, length=steps)


def filtered(x, reverse=False):
    return scan(lambda s, e: (0.5 * s + e, s * e), 1.0, x, reverse=reverse)


def nested(x):
    def outer(s, e):
        return scan(lambda t, _: (t * e, t), s, length=2)

    return scan(outer, x[0], x[1:])


@pytest.mark.parametrize(
    "f", [heat, filtered, lambda x: filtered(x, True), nested], ids=["heat", "to", "fro", "nested"]
)
@pytest.mark.parametrize("at", ["global", "point"])
def test_loops(f, at):
    found = sparsity(f, X, at=at).toarray()
    expected = np.concatenate([np.reshape(b, (-1, 6)) for b in flatten(jacobian(f)(X))[0]])
    np.testing.assert_array_equal(found, expected != 0)

    def loss(x):
        return sum(np.sum(y**2) for y in flatten(f(x))[0])

    second = hessian_sparsity(loss, X, at=at).toarray()
    assert not np.any((hessian(loss)(X) != 0) & ~second)
    if f is heat:
        np.testing.assert_array_equal(second, hessian(loss)(X) != 0)


def test_a_loop_that_has_settled_is_left():
    found = sparsity(lambda x: heat(x, 10**5)[0], X)
    np.testing.assert_array_equal(found.toarray()[1:-1], np.ones((4, 6), bool))
    rows = sparsity(lambda x: heat(x, 1000)[1], X)
    assert rows.shape == (1000, 6)
    assert rows.nnz == 3 + 4 + 5 + 6 * 997


def test_results_of_a_large_loop_raise_in_time():
    with pytest.raises(ArgumentError, match="more than 1000"):
        sparsity(lambda x: heat(x, 10**3)[1], X, max_entries=1000)


def test_a_loop_of_numbers():
    def f(x):
        s = 0.0
        for k in range(len(x) - 1):
            s = s + (x[k + 1] - x[k] ** 2) ** 2
        return s

    expected = np.sum([np.eye(50, k=k) for k in (-1, 0, 1)], axis=0) > 0
    np.testing.assert_array_equal(hessian_sparsity(f, np.ones(50)).toarray(), expected)


def test_an_array_that_is_filled():
    @inplace
    def f(x):
        y = np.zeros((6, 6))
        for k in range(5):
            y[k, k + 1] = x[k]
            y[k + 1, k] += x[k] * x[k + 1]
        return y @ x

    expected = jacobian(f)(X) != 0
    np.testing.assert_array_equal(sparsity(f, X).toarray(), expected)


def test_values_of_enclosing_derivatives():
    with pytest.raises(ArgumentError, match=r"enclosing derivative traces\n.*\n  instead: dualad.primal"):
        grad(lambda y: y * sparsity(lambda x: x * y, X).nnz)(2.0)
    with pytest.raises(DtypeError):
        sparsity(heat, np.array(["a"]))
