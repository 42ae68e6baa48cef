"""Patterns of Hessians hold every second derivative that can be other than 0, and see what is linear."""

import numpy as np
import pytest
from cases import DERIVED, each, generator, matrix
from hypothesis import given, seed
from test_pattern import ARROW, BAND, FULL, VALUE_SHAPES, X, dense, eye, settings_here
from test_random_graphs import graphs, smooth_scalar

from dualad import hessian, hessian_sparsity
from dualad.tree import flatten

pytest.importorskip("scipy")


@each(DERIVED, lambda case: case.name not in VALUE_SHAPES and not any(map(np.iscomplexobj, case.leaves)))
def test_every_op_stays_within_its_pattern(case):
    def f(leaves):
        rng, total = generator(case.id), 0.0
        for y in flatten(case.f(*leaves))[0]:
            w = rng.uniform(0.5, 1.5, np.shape(y))
            if np.iscomplexobj(y):
                total = total + np.sum(w * np.imag(y))
            total = total + np.sum(w * np.real(y))
        return total

    x = case.leaves
    with np.errstate(all="ignore"):  # some second derivatives divide by 0
        found = matrix(hessian(f)(x), x, x) != 0
        pattern, here = (dense(hessian_sparsity(f, x, at=at)) for at in ("global", "point"))
    assert not np.any(found & ~here)
    assert not np.any(here & ~pattern)


@seed(2)
@settings_here
@given(graphs(steps=6))
def test_hessians_of_random_programs_stay_within_their_patterns(graph):
    leaves, steps = graph
    f, x = smooth_scalar(steps), tuple(leaves)
    found = matrix(hessian(f)(x), leaves, leaves) != 0
    pattern, here = (dense(hessian_sparsity(f, x, at=at)) for at in ("global", "point"))
    assert not np.any(found & ~here)
    assert not np.any(here & ~pattern)
    np.testing.assert_array_equal(pattern, pattern.T)


HESSIANS = {
    "linear": (np.sum, np.zeros((5, 5), bool)),
    "linear in a constant": (lambda x: X @ (BAND @ x) + np.mean(3 * x - 1), np.zeros((5, 5), bool)),
    "squares": (lambda x: np.sum(x**2), eye(5, 0)),
    "squared by itself": (lambda x: x @ x, eye(5, 0)),
    "neighbours": (lambda x: np.sum(x[1:] * x[:-1]), eye(5, -1, 1)),
    "differences": (lambda x: np.sum((x[1:] - x[:-1]) ** 2), eye(5, -1, 0, 1)),
    "second differences": (lambda x: np.sum(np.diff(x, 2) ** 4), eye(5, -2, -1, 0, 1, 2)),
    "arrow": (lambda x: x[0] * np.sum(x), ARROW),
    "quadratic form": (lambda x: x @ (BAND @ x), (BAND + BAND.T) != 0),
    "Rosenbrock": (
        lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2),
        eye(5, -1, 0, 1),
    ),
    "everything": (lambda x: np.exp(np.sum(x)), FULL),
    "loop": (lambda x: sum(x[k] * x[k + 2] for k in range(3)), eye(5, -2, 2)),
}


@pytest.mark.parametrize("name", HESSIANS)
def test_exact_hessian_patterns(name):
    f, expected = HESSIANS[name]
    np.testing.assert_array_equal(dense(hessian_sparsity(f, X)), expected)
    assert not np.any((hessian(f)(X) != 0) & ~expected)


def test_hessian_at_a_point():
    x = np.array([0.0, 1.0, 2.0])
    np.testing.assert_array_equal(
        dense(hessian_sparsity(lambda x: np.sum(x**4), x, at="point")), np.diag(x != 0)
    )
