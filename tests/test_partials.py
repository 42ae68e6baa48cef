"""Elementwise partial derivatives at infinities, and of higher order; test_accuracy.py has the first two orders."""

import math

import mpmath as mp
import numpy as np
import pytest
from cases import DIFFERENTIABLE, generator
from references_numpy import REFERENCES

from dualad import grad, jvp


def computed_partials(fn, args, i):
    """The partial in argument `i`, of Python floats, NumPy scalars and arrays of one element."""

    def at(t):
        return fn(*args[:i], t, *args[i + 1 :])

    def in_arrays(t):
        return fn(*[np.array([a]) for a in args[:i]], t, *[np.array([a]) for a in args[i + 1 :]])

    x = args[i]
    return {
        "float, forward": jvp(at, (x,), (1.0,))[1],
        "float, reverse": grad(at)(x),
        "np.float64": jvp(at, (np.float64(x),), (np.float64(1.0),))[1],
        "array, forward": jvp(in_arrays, (np.array([x]),), (np.ones(1),))[1][0],
        "array, reverse": grad(lambda t: np.sum(in_arrays(t)))(np.array([x]))[0],
    }


inf, nan = math.inf, math.nan
LIMITS = [
    (np.logaddexp, (inf, 0.0), (1.0, 0.0)),
    (np.logaddexp, (0.0, -inf), (1.0, 0.0)),
    (np.logaddexp, (-inf, 0.0), (0.0, 1.0)),
    (np.logaddexp, (-inf, -inf), (0.5, 0.5)),
    (np.logaddexp, (inf, inf), (0.5, 0.5)),
    (np.logaddexp, (-inf, inf), (0.0, 1.0)),
    (np.logaddexp2, (inf, inf), (0.5, 0.5)),
    (np.logaddexp2, (-inf, 3.0), (0.0, 1.0)),
    (np.tanh, (inf,), (0.0,)),
    (np.tanh, (-inf,), (0.0,)),
    (np.arctan, (-inf,), (0.0,)),
    (np.exp, (-inf,), (0.0,)),
    (np.log, (inf,), (0.0,)),
    (np.fmax, (nan, 2.0), (0.0, 1.0)),
    (np.fmin, (2.0, nan), (1.0, 0.0)),
    (np.maximum, (inf, 2.0), (1.0, 0.0)),
    (np.minimum, (-inf, -inf), (0.5, 0.5)),
]


@pytest.mark.parametrize(("fn", "args", "expected"), LIMITS, ids=str)
def test_limits_at_infinity(fn, args, expected):
    for i, limit in enumerate(expected):
        for form, found in computed_partials(fn, args, i).items():
            assert found == limit, f"∂{i} of {form}"


def test_ties_of_logaddexp_keep_their_second_derivative_beside_infinities():
    x = np.array([0.3, np.inf, -np.inf])
    second = jvp(lambda a: jvp(lambda b: np.logaddexp(b, x), (a,), (np.ones(3),))[1], (x,), (np.ones(3),))[1]
    np.testing.assert_allclose(second, [0.25, 0.0, 0.0], rtol=1e-15)


@pytest.mark.parametrize(
    "name", ["np.tanh", "np.sinc", "np.logaddexp", "np.hypot", "np.arctan2", "np.arctan", "np.power", "np.i0"]
)
def test_higher_derivatives_against_mpmath(name):
    """Derivatives 1 to 4 along the first argument: the rules' own formulas, differentiated."""
    fn = DIFFERENTIABLE[name][0]
    reference = REFERENCES["np.power_" if name == "np.power" else name].value
    rest = [generator(name).uniform(0.5, 1.5) for _ in range(fn.nin - 1)] if isinstance(fn, np.ufunc) else []
    for x in (0.0, 1e-9, 0.3, 0.41, 2.2) if name != "np.power" else (0.3, 2.2):
        f = fn if not rest else lambda t: fn(t, *rest)
        with mp.workdps(60):
            expected = [mp.diff(lambda t: reference(t, *rest), mp.mpf(x), n) for n in range(1, 5)]
        for value in expected:
            f = (lambda g: lambda t: jvp(g, (t,), (1.0,))[1])(f)
            assert abs(f(x) - float(value)) <= 1e-10 * (1 + abs(float(value)))
