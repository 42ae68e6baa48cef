"""Taylor mode: every op's coefficients against nested forward mode, known series, nesting, structural points."""

import gc
import tracemalloc
from math import factorial

import mpmath as mp
import numpy as np
import pytest
from cases import DERIVED, Case, close, each, generator, precision, random_like

from dualad import (
    compile,
    count,
    debug_nans,
    derivative,
    grad,
    jacobian,
    jvp,
    mixed_derivative,
    recurrence,
    scan,
    series,
    taylor,
)
from dualad.errors import ArgumentError, DtypeError, LeakError, NonFiniteError, ShapeError
from dualad.op import Op
from dualad.tree import flatten

ORDER = 4


def mH(a):
    return np.conjugate(a).T


def along(f, v):
    """The derivative of `f` along `v`, as a function of the point."""
    return lambda *xs: jvp(f, xs, v)[1]


@each(DERIVED)
def test_coefficients_are_those_of_nested_forward_mode(case: Case):
    rng = generator(case.id, "taylor")
    v = [x * 0.5 for x in (random_like(rng, leaf) for leaf in case.leaves)]
    f, expected = case.f, []
    for k in range(ORDER + 1):
        try:
            expected.append([y / factorial(k) for y in flatten(f(*case.leaves))[0]])
        except DtypeError:  # complex eigvalsh and svdvals, which nest only so far: see below
            assert k > 2
            break
        f = along(f, v)
    found = flatten(taylor(lambda xs: case.f(*xs), case.leaves, v, len(expected) - 1))[0]
    for k, y in enumerate(expected):
        close([a[k] for a in found], y, 1e-10 * precision(case), 1e-12 * precision(case), f"order {k}")


@pytest.mark.parametrize("f", [np.linalg.svdvals, np.linalg.eigvalsh], ids=lambda f: f.__name__)
def test_coefficients_of_complex_spectra_follow_from_differences(f):
    rng = generator(f.__name__)
    a, v = (x + mH(x) for x in rng.normal(size=(2, 3, 3)) + 1j * rng.normal(size=(2, 3, 3)))
    h = 1e-4
    ahead, behind = (taylor(f, a + t * v, v, ORDER - 1) for t in (h, -h))
    slopes = (ahead - behind) / (2 * h) / np.arange(1, ORDER + 1)[:, None]
    close(taylor(f, a, v, ORDER)[1:], slopes, 1e-5)


# Against closed forms
def test_derivative_of_every_order_agrees_with_nested_forward_mode():
    f, nested = lambda x: np.exp(np.sin(x**2)), [lambda x: np.exp(np.sin(x**2))]
    for n in range(1, 8):
        nested.append(derivative(nested[-1]))
        found = derivative(f, n)(0.5)
        assert type(found) is float
        np.testing.assert_allclose(found, nested[n](0.5), rtol=1e-12)


SERIES = {
    "exp": (np.exp, mp.exp, 0.7),
    "sin": (np.sin, mp.sin, 0.7),
    "cos": (np.cos, mp.cos, -1.1),
    "tanh": (np.tanh, mp.tanh, 0.3),
    "log": (np.log, mp.log, 1.3),
    "1/(1-x)": (lambda x: 1 / (1 - x), lambda x: 1 / (1 - x), 0.25),
    "sqrt": (np.sqrt, mp.sqrt, 2.0),
    "x**-1.5": (lambda x: x**-1.5, lambda x: mp.power(x, -1.5), 1.2),
    "x**7": (lambda x: x**7, lambda x: x**7, 0.9),
    "x**x": (lambda x: x**x, lambda x: x**x, 1.4),
    "arctan": (np.arctan, mp.atan, 0.4),
    "arcsinh": (np.arcsinh, mp.asinh, 0.8),
    "expm1": (np.expm1, mp.expm1, 1e-8),
    "log1p": (np.log1p, lambda x: mp.log(1 + x), 1e-8),
    "logaddexp": (lambda x: np.logaddexp(0.0, 2 * x), lambda x: mp.log(1 + mp.exp(2 * x)), 0.2),
    "exp(sin(x²))": (lambda x: np.exp(np.sin(x**2)), lambda x: mp.exp(mp.sin(x * x)), 0.5),
}


@pytest.mark.parametrize("name", SERIES)
def test_known_series_to_order_20(name):
    f, exact, x = SERIES[name]
    with mp.workdps(60):
        expected = [float(c) for c in mp.taylor(exact, mp.mpf(x), 20)]
    found = taylor(f, x, 1.0, 20)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=0)


def test_what_has_a_recurrence_agrees_with_the_generic_rule(monkeypatch):
    def f(x):
        return np.stack(
            [x * np.sin(x), np.sin(x) / x, x**1.5, x**-2, x**2, np.power(x, 0.3), np.sin(x) - 3 * x]
        )

    by_recurrence = taylor(f, 1.3, 0.7, 6)
    # Products stay: the generic rule is made of them.
    kept = recurrence.recurrence
    monkeypatch.setattr(recurrence, "_power", lambda x, n, y: None)
    np.testing.assert_allclose(taylor(f, 1.3, 0.7, 6), by_recurrence, rtol=1e-12)
    monkeypatch.setattr(
        series, "recurrence", lambda op, *rest: None if op.name == "np.divide" else kept(op, *rest)
    )
    np.testing.assert_allclose(taylor(f, 1.3, 0.7, 6), by_recurrence, rtol=1e-12)


# Nesting
def test_levels_are_kept_apart():
    def coefficient(a):
        return taylor(lambda x: x * np.sin(a * x), 0.3, a, 3)[3]

    # t ↦ (x + at) sin(ax + a²t), whose coefficient of t³ is -x a⁶ cos(ax)/6 - a⁵ sin(ax)/2
    x, a = 0.3, 0.7
    expected = -x * a**6 * np.cos(a * x) / 6 - a**5 * np.sin(a * x) / 2
    np.testing.assert_allclose(coefficient(a), expected, rtol=1e-13)
    exact = -x * a**5 * np.cos(a * x) + x**2 * a**6 * np.sin(a * x) / 6
    exact += -5 * a**4 * np.sin(a * x) / 2 - a**5 * x * np.cos(a * x) / 2
    for way in (grad, derivative):
        np.testing.assert_allclose(way(coefficient)(a), exact, rtol=1e-12)
    inner = taylor(lambda x: taylor(lambda y: x * y * y, x, 1.0, 2)[2] * x, 1.0, 1.0, 3)
    np.testing.assert_array_equal(inner, [1.0, 2.0, 1.0, 0.0])


@pytest.mark.parametrize(
    "f",
    [
        np.arctan2,
        np.hypot,
        np.divide,
        np.power,
        np.logaddexp,
        np.maximum,
        lambda a, b: np.linalg.solve(np.eye(2) * a + b * b, np.ones(2))[0],
        lambda a, b: np.linalg.inv(np.stack([np.stack([a, b]), np.stack([b, 3 * a])]))[0, 1],
        lambda a, b: np.stack([a, b, a * b]) @ np.stack([b, a, b]),
    ],
    ids=["arctan2", "hypot", "divide", "power", "logaddexp", "maximum", "solve", "inv", "matmul"],
)
def test_series_inside_series_keep_operands_of_both(f):
    inner = lambda b: taylor(lambda a: f(a, b) * f(b, a), 1.3, 0.6, 2)[2]  # noqa: E731
    nested = lambda b: 0.18 * derivative(lambda a: f(a, b) * f(b, a), 2)(1.3)  # noqa: E731
    found = taylor(inner, 0.7, 1.0, 3)
    for k in range(4):
        np.testing.assert_allclose(found[k], nested(0.7), rtol=1e-10, atol=1e-14)
        nested = lambda b, f=nested, k=k: derivative(f)(b) / (k + 1)  # noqa: E731


def test_gradients_inside_series():
    def f(x):
        return np.sum(np.sin(x) * x**3)

    x, v = np.array([0.3, 0.5]), np.array([1.0, -2.0])
    slope = lambda x: np.cos(x) * x**3 + 3 * np.sin(x) * x**2  # noqa: E731
    np.testing.assert_allclose(taylor(grad(f), x, v, 4), taylor(slope, x, v, 4), rtol=1e-12)
    np.testing.assert_allclose(
        taylor(lambda x: np.diag(jacobian(slope)(x)), x, v, 3),
        taylor(lambda x: np.stack([derivative(slope)(x[0]), derivative(slope)(x[1])]), x, v, 3),
        rtol=1e-12,
    )


def test_jacobian_of_coefficients():
    def f(x):
        return taylor(lambda y: np.sum(y**3), x, np.ones(2), 3)

    expected = [[3.0, 12.0], [6.0, 12.0], [3.0, 3.0], [0.0, 0.0]]
    for mode in ("forward", "reverse"):
        np.testing.assert_allclose(jacobian(f, mode=mode)(np.array([1.0, 2.0])), expected, atol=1e-15)


# What functions do besides arithmetic
def test_branches_and_plain_operations_follow_the_primal():
    def f(x):
        return x**3 if x > 0 and np.floor(x) == 1 else -x

    np.testing.assert_allclose(taylor(f, 1.5, 1.0, 3), [3.375, 6.75, 4.5, 1.0])
    np.testing.assert_allclose(taylor(f, 0.5, 1.0, 2), [-0.5, -1.0, 0.0])
    with np.errstate(divide="ignore"):
        found = taylor(lambda x: np.where(x > 1, x * x, 1 / (x - 1)), np.array([1.0, 2.0]), np.ones(2), 2)
    np.testing.assert_allclose(found[:, 1], [4.0, 4.0, 1.0])


def test_assignment_and_views():
    def f(x):
        y = np.zeros_like(x)
        y[0] = x[0] ** 2
        view = y[1:]
        view[0] = x[1] * y[0]
        y += 1
        return y

    found = taylor(f, np.array([1.0, 2.0]), np.ones(2), 3)
    np.testing.assert_array_equal(found, [[2.0, 3.0], [2.0, 5.0], [1.0, 4.0], [0.0, 1.0]])


@pytest.mark.parametrize("wrap", [lambda f: f, compile], ids=["as it is", "compiled"])
def test_loops(wrap):
    def polynomial(x):
        return scan(lambda s, e: (s * x + e, s), 1.0 * x, np.arange(4.0))[0]

    np.testing.assert_allclose(wrap(derivative(polynomial, 4))(0.7), 120 * 0.7, rtol=1e-13)
    np.testing.assert_allclose(wrap(lambda x: taylor(polynomial, x, 1.0, 3)[3])(0.7), 10 * 0.7**2, rtol=1e-13)

    def rows(x):
        return scan(lambda s, e: (s * e, np.sin(s)), x, np.array([2.0, 3.0]), reverse=True)[1]

    found = wrap(lambda x: taylor(rows, x, 1.0, 4))(0.3)
    expected = np.stack([taylor(np.sin, 3 * 0.3, 3.0, 4), taylor(np.sin, 0.3, 1.0, 4)], -1)
    np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_compiled():
    f = compile(lambda x: derivative(lambda x: np.exp(np.sin(x**2)), 10)(x))
    for x in (0.5, 0.6, -1.2):
        np.testing.assert_allclose(f(x), derivative(lambda x: np.exp(np.sin(x**2)), 10)(x), rtol=1e-11)
    expansion = compile(lambda x, v: taylor(lambda x: np.tanh(x @ x), x, v, 5))
    rng = np.random.default_rng(3)
    for _ in range(2):
        x, v = rng.normal(size=(2, 3))
        np.testing.assert_allclose(expansion(x, v), taylor(lambda x: np.tanh(x @ x), x, v, 5), rtol=1e-11)


def test_operations_whose_rule_takes_all_arguments_at_once():
    evaluated = []

    def run(x, y):
        evaluated.append(x)
        return np.sin(x * y), x + y

    def push(tangents, args):
        (x, y), (dx, dy) = args, [0.0 if v is None else v for v in tangents]
        u, _ = op(x, y)
        # cos by way of the result: right where it is positive
        return (u, x + y), (np.sqrt(1 - u**2) * (x * dy + y * dx), dx + dy)

    op = Op("joint", run, (push,), name="joint", variadic=True, dispatches=False)

    def f(z):
        u, w = op(z**2, 0.3)
        return u * w

    found = taylor(f, 0.7, 1.5, 5)
    np.testing.assert_allclose(
        found, taylor(lambda z: np.sin(0.3 * z**2) * (z**2 + 0.3), 0.7, 1.5, 5), rtol=1e-12
    )
    assert len(evaluated) == 1


# Forms
def test_containers_and_dtypes():
    found = taylor(lambda p: {"y": p["x"] ** 2, "z": [3.0, 1]}, {"x": np.float32(2)}, {"x": 1.0}, 2)
    assert found["y"].dtype == np.float32
    np.testing.assert_array_equal(found["y"], [4.0, 4.0, 1.0])
    np.testing.assert_array_equal(found["z"], [[3.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    assert taylor(np.exp, np.zeros((2, 3)), np.ones((2, 3)), 4).shape == (5, 2, 3)
    assert taylor(np.exp, 1, 1, 0) == np.exp(1.0)
    x = np.linspace(0.1, 1.0, 4, dtype=np.longdouble)
    assert derivative(np.sin, 4)(x).dtype == np.longdouble
    np.testing.assert_allclose(derivative(np.sin, 4)(x), np.sin(x), rtol=1e-17)
    np.testing.assert_allclose(derivative(lambda z: np.exp(2 * z), 4, holomorphic=True)(1j), 16 * np.exp(2j))
    np.testing.assert_allclose(derivative(lambda x: np.exp(2 * x), 172)(0.0), 2.0**172, rtol=1e-13)


def test_cost_grows_with_the_square_of_the_order():
    def operations(order):
        return count(lambda x: taylor(lambda x: np.exp(np.sin(x) / np.tanh(x)), x, 1.0, order))(
            0.3
        ).operations

    assert operations(32) < 4.2 * operations(16)


def test_an_operation_leaves_nothing_behind():
    def f(x):
        for _ in range(40):
            x = np.sin(x)
        return x

    x = np.ones(20_000)
    gc.disable()
    tracemalloc.start()
    try:
        found = taylor(f, x, x, 4)
        assert tracemalloc.get_traced_memory()[1] < 10 * found.nbytes
    finally:
        tracemalloc.stop()
        gc.enable()


# Points where there is no series
def test_points_without_a_series_have_no_finite_one():
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(taylor(np.sqrt, 0.0, 1.0, 3), [0, np.inf, -np.inf, np.inf])
        np.testing.assert_array_equal(taylor(lambda x: x**2.5, 0.0, 1.0, 3), [0, 0, 0, np.inf])
        assert np.isnan(taylor(lambda x: np.sqrt(x * x), 0.0, 1.0, 2)[1:]).all()
        assert np.isnan(taylor(lambda x: np.sqrt(x) ** 2, 0.0, 1.0, 2)[1:]).all()
    np.testing.assert_array_equal(taylor(lambda x: x**2.0, 0.0, 1.0, 3), [0, 0, 1, 0])
    np.testing.assert_array_equal(taylor(lambda x: np.maximum(x, 0.0) ** 2, 0.0, 1.0, 2), [0, 0, 0.25])
    x = np.array([0.0, 4.0])
    found = taylor(lambda x: np.where(x > 0, np.sqrt(np.where(x > 0, x, 1.0)), 0.0), x, np.ones(2), 2)
    np.testing.assert_allclose(found, [[0.0, 2.0], [0.0, 0.25], [0.0, -0.015625]])


def test_debug_nans_names_the_operation():
    with debug_nans(), np.errstate(all="ignore"), pytest.raises(NonFiniteError, match=r"np\.sqrt"):
        derivative(lambda x: np.sqrt(x) * x, 4)(0.0)


def test_errors():
    leaked = []

    def leaking(x):
        leaked.append(x * 2)
        return x

    taylor(leaking, 0.5, 1.0, 2)
    with pytest.raises(LeakError):
        leaked[0] * 2
    with pytest.raises(ShapeError, match="direction of taylor"):
        taylor(np.exp, np.ones(3), np.ones(2), 2)
    with pytest.raises(ArgumentError, match="at least 0"):
        taylor(np.exp, 1.0, 1.0, -1)
    with pytest.raises(ShapeError, match="elementwise"):
        derivative(np.sum, 4)(np.ones(3))
    with pytest.raises(DtypeError, match="holomorphic"):
        derivative(np.exp, 4)(1j)
    with pytest.raises(ValueError, match="at least 1"):
        derivative(np.exp, 0)
    with pytest.raises(ArgumentError, match="no directions"):
        mixed_derivative(np.exp, 1.0, [])
    with pytest.raises(ShapeError, match="mixed_derivative"):
        mixed_derivative(np.sum, np.ones(3), [np.ones(2)])


# Mixed derivatives
@pytest.mark.parametrize("pattern", ["a", "ab", "aa", "abc", "aab", "abcb", "aabb"])
def test_mixed_derivatives_are_those_of_nested_forward_mode(pattern):
    rng = generator("mixed")
    x, ways = rng.normal(size=3), {name: rng.normal(size=3) for name in "abc"}

    def f(x):
        return {"s": np.exp(x[0] * x[1]) * np.sin(x[2]), "v": np.tanh(x) * np.sum(x)}

    nested = f
    for name in pattern:
        nested = along(nested, (ways[name],))
    found = mixed_derivative(f, x, [ways[name] for name in pattern])
    assert type(found) is dict
    close(found, nested(x), 1e-11)
    value = mixed_derivative(lambda x: x**3, 2.0, [1.0, 0.5])
    assert type(value) is float
    assert value == pytest.approx(6.0, rel=1e-14)
