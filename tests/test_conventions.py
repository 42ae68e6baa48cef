"""What derivatives are at awkward points: kinks, ties, poles, zeros of products, equal eigenvalues.

The points are data, in docs/conventions.py, from which docs/reference/conventions.md is written: each of them is a
test here, in both modes. What no table can hold follows behind.
"""

import math
from pathlib import Path

import numpy as np
import pytest
from cases import close, generator

from docs.conventions import CONVENTIONS, Plain
from docs.generate_conventions import PAGE, page
from dualad import derivative, grad, hessian, jacobian, jvp, vjp

nan = math.nan
POINTS = [point for convention in CONVENTIONS for point in convention.points]


def quiet():
    """For derivatives that are themselves infinite or undefined."""
    return np.errstate(divide="ignore", invalid="ignore")


def partials(fn, *args):
    """The partials of an elementwise function by every route; all of them the same, NaN with NaN."""
    found = []
    for i, x in enumerate(args):

        def at(t, i=i):
            return fn(*args[:i], t, *args[i + 1 :])

        a = np.array([x, x])
        routes = [
            jvp(at, (x,), (1.0,))[1],
            grad(at)(x),
            jvp(at, (np.float64(x),), (np.float64(1.0),))[1],
            grad(at)(np.float64(x)),
            *jvp(at, (a,), (np.ones(2),))[1],
            *grad(lambda t, at=at: np.sum(at(t)))(a),
            *np.diag(jacobian(at, mode="forward")(a)),
            *np.diag(jacobian(at, mode="reverse")(a)),
        ]
        np.testing.assert_array_equal(routes, [routes[0]] * len(routes))
        found.append(routes[0])
    return tuple(found)


def each(keep):
    """A test for those of the points that `keep` is true of."""
    found = [point for point in POINTS if keep(point)]
    return pytest.mark.parametrize("point", found, ids=[f"{p.text} at {p.at}" for p in found])


@each(lambda p: p.of_numbers and p.order == 1)
def test_derivatives_of_elementwise_functions_by_every_route(point):
    with quiet():
        np.testing.assert_array_equal(partials(point.f, *point.args), point.expected)


@each(lambda p: isinstance(p.expected, tuple) and p.order == 1)
def test_derivatives_in_both_modes(point):
    with quiet():
        for k, expected in enumerate(point.expected):
            for found in (grad(point.f, k), jacobian(point.f, k, mode="forward")):
                np.testing.assert_allclose(found(*point.args), expected, rtol=1e-15)


@each(lambda p: p.order > 1)
def test_higher_derivatives(point):
    reverse = point.f
    for _ in range(point.order):
        reverse = grad(reverse)
    np.testing.assert_array_equal(derivative(point.f, point.order)(*point.args), point.expected[0])
    np.testing.assert_array_equal(reverse(*point.args), point.expected[0])


@each(lambda p: isinstance(p.expected, type))
def test_errors(point):
    for derive in (grad, lambda f: jacobian(f, mode="forward")):
        with pytest.raises(point.expected):
            derive(point.f)(*point.args)


@each(lambda p: isinstance(p.expected, Plain))
def test_plain_values(point):
    found = []

    def f(x):
        found.append(point.f(x))
        return np.sum(x)

    grad(f)(*point.args)
    jacobian(f, mode="forward")(*point.args)
    for y in found:
        assert isinstance(y, (np.ndarray, np.generic, int, float, bool, str))
        np.testing.assert_array_equal(y, point.expected.value)


def test_every_point_is_tested_and_named_tests_exist():
    for convention in CONVENTIONS:
        assert convention.points or convention.tests, convention.title
        for test in convention.tests:
            file, name = test.split("::")
            assert f"def {name}(" in (Path(__file__).parent / file).read_text(encoding="utf-8"), test
    assert all(isinstance(point.expected, (tuple, type, Plain)) for point in POINTS)
    assert all(len(p.expected) == len(p.at) for p in POINTS if isinstance(p.expected, tuple))


def test_the_page_is_current():
    assert PAGE.read_text(encoding="utf-8") == page(), "run python docs/generate_conventions.py"


@pytest.mark.parametrize("n", [0, 0.0, 1, 1.0, 2, 2.0, 3.0, 3])
@pytest.mark.parametrize("x", [0.0, -2.0, 1.5])
def test_powers_with_integer_valued_exponents_are_exact_in_the_base(x, n):
    expected = x
    forms = (
        lambda t: t**n,
        lambda t: np.power(t, n),
        lambda t: np.float_power(t, n),
        lambda t: t ** np.full((), n * 1.0),
    )
    for f in forms:
        g, factor = f, 1.0
        for order in range(1, 4):
            g = (lambda h: lambda t: jvp(h, (t,), (t * 0 + 1.0,))[1])(g)
            factor *= n - order + 1
            expected = factor * x ** (n - order) if factor else 0.0
            assert g(x) == expected
            assert g(np.float64(x)) == expected
            np.testing.assert_array_equal(g(np.array([x, x])), [expected, expected])
        assert grad(f)(x) == (n * x ** (n - 1) if n else 0.0)
        assert grad(grad(f))(x) == (n * (n - 1) * x ** (n - 2) if n * (n - 1) else 0.0)


@pytest.mark.parametrize("array", [False, True], ids=["number", "array"])
def test_negative_base_with_a_traced_exponent(array):
    a, b = (np.array([-2.0, -3.0]), np.array([2.0, 3.0])) if array else (-2.0, 2.0)
    y, (da, db) = vjp(np.power, a, b)[0], vjp(np.power, a, b)[1](np.ones(2) if array else 1.0)
    np.testing.assert_array_equal(y, np.power(a, b))
    np.testing.assert_array_equal(da, b * np.power(a, b - 1))
    assert np.all(np.isnan(db))


def test_mixed_second_derivative_of_a_power_where_the_exponent_is_zero():
    mixed = (
        grad(lambda a, b: grad(np.power, 1)(a, b), 0)(2.5, 0.0),
        grad(lambda a, b: grad(np.power)(a, b), 1)(2.5, 0.0),
    )
    np.testing.assert_allclose(mixed, 1 / 2.5, rtol=1e-15)


# Norms and spreads at zero
@pytest.mark.parametrize("ord", [None, 1, 2, 3, 1.5, np.inf, -np.inf, 0])
def test_vector_norms_at_zero_and_at_zero_rows(ord):
    assert not np.any(grad(lambda x: np.linalg.norm(x, ord))(np.zeros(3)))
    x = np.array([[0.0, 0.0], [3.0, -4.0]])
    rows = jacobian(lambda a: np.linalg.norm(a, ord, axis=1))(x)
    assert np.all(np.isfinite(rows))
    assert not np.any(rows[0])
    assert np.any(rows[1]) or ord == 0


@pytest.mark.parametrize("ord", [None, "fro", 1, -1, np.inf, -np.inf])
def test_matrix_norms_at_zero(ord):
    assert not np.any(grad(lambda x: np.linalg.norm(x, ord))(np.zeros((2, 3))))


@pytest.mark.parametrize(
    "keywords", [{}, {"axis": 0}, {"axis": 1, "ddof": 1}, {"axis": 0, "keepdims": True}], ids=str
)
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_spread_of_constants(keywords, mode):
    x = np.array([[2.0, 1.0, 5.0], [2.0, 1.0, 7.0]]) if keywords.get("axis") == 0 else np.full((2, 3), 4.0)
    slopes = jacobian(lambda a: np.std(a, **keywords), mode=mode)(x)
    flat = np.std(x, **keywords) == 0
    assert np.all(np.isfinite(slopes))
    assert not np.any(slopes[flat])
    assert np.all(np.any(slopes[~flat].reshape(-1, 6), axis=1))


@pytest.mark.parametrize("f", [np.max, np.min, np.ptp], ids=lambda f: f.__name__)
def test_extrema_of_nan_are_nan_with_their_derivatives(f):
    x = np.array([[1.0, nan], [1.0, 3.0]])
    for mode in ("forward", "reverse"):
        slopes = jacobian(lambda a: f(a, axis=1), mode=mode)(x)
        assert np.all(np.isnan(slopes[0, 0]))
        assert np.all(np.isfinite(slopes[1, 1]))


# Products and determinants with zeros
@pytest.mark.parametrize("zeros", [(), (1,), (0, 2), (0, 1, 3)], ids=str)
@pytest.mark.parametrize("name", ["prod", "cumprod", "prod of a matrix"])
def test_products_with_zeros_are_exact_to_third_order(name, zeros):
    x = np.array([2.0, -3.0, 0.5, 4.0])
    x[list(zeros)] = 0.0
    f = {
        "prod": lambda a: np.stack([np.prod(a)]),
        "cumprod": np.cumprod,
        "prod of a matrix": lambda a: np.stack([np.prod(np.reshape(a, (2, 2)))]),
    }[name]

    def written(a):  # the same without a division or a rule of its own
        found = [a[0]]
        for k in range(1, 4):
            found.append(found[-1] * a[k])
        return np.stack(found if name == "cumprod" else found[-1:])

    for modes in (
        ("forward",) * 3,
        ("reverse",) * 3,
        ("forward", "reverse", "forward"),
        ("reverse", "forward", "reverse"),
    ):
        g, h = f, written
        for mode in modes:
            g, h = jacobian(g, mode=mode), jacobian(h, mode=mode)
            np.testing.assert_allclose(g(x), h(x), rtol=1e-14, atol=1e-300)


@pytest.mark.parametrize("rank", [3, 2, 1, 0])
def test_determinants_are_exact_at_any_rank_in_second_order(rank):
    rng = generator("det", rank)
    a = (
        rng.integers(-3, 4, (3, rank)) @ rng.integers(-3, 4, (rank, 3)) * 1.0
        if rank < 3
        else rng.normal(size=(3, 3))
    )

    def expanded(m):  # along the first row
        minor = lambda i, j: m[1, i] * m[2, j] - m[1, j] * m[2, i]  # noqa: E731
        return m[0, 0] * minor(1, 2) - m[0, 1] * minor(0, 2) + m[0, 2] * minor(0, 1)

    scale = 1e-13 * max(1.0, np.max(np.abs(a)) ** 2)
    np.testing.assert_allclose(grad(np.linalg.det)(a), grad(expanded)(a), rtol=0, atol=scale)
    for mode in (
        "forward-over-reverse",
        "reverse-over-forward",
        "forward-over-forward",
        "reverse-over-reverse",
    ):
        found = hessian(np.linalg.det, mode=mode)(a)
        np.testing.assert_allclose(found, hessian(expanded)(a), rtol=0, atol=scale, err_msg=mode)


# Equal eigenvalues
def test_equal_eigenvalues_have_values_but_no_vectors():
    a = np.diag([1.0, 1.0, 3.0])
    da = generator("eigh").normal(size=(3, 3))
    da = da + da.T
    with quiet():
        (w, _), (dw, dv) = jvp(np.linalg.eigh, (a,), (da,))
    np.testing.assert_array_equal(w, [1.0, 1.0, 3.0])
    assert np.all(np.isfinite(dw))
    assert np.isnan(dv[:, :2]).any()
    assert not np.any(np.isinf(dv))


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (lambda a: np.sum(np.linalg.eigh(a)[0]), np.eye(3)),
        (lambda a: np.sum(np.linalg.eigvalsh(a) ** 2), np.diag([2.0, 2.0, 6.0])),
        (lambda a: np.sum(np.exp(np.linalg.eigvalsh(a))), np.diag(np.exp([1.0, 1.0, 3.0]))),
    ],
    ids=["trace", "square", "exp"],
)
def test_symmetric_functions_of_equal_eigenvalues(f, slope, mode):
    a = np.diag([1.0, 1.0, 3.0])
    found = jacobian(f, mode=mode)(a)
    close((found + found.T) / 2, slope, 1e-14)


@pytest.mark.parametrize("number", [True, False], ids=["float", "np.float64"])
def test_python_functions_of_a_traced_number_follow_its_value(number):
    x = -2.75 if number else np.float64(-2.75)

    def f(t):
        assert (round(t), math.floor(t), math.ceil(t), math.trunc(t)) == (-3, -3, -2, -2)
        assert sorted([t, 0.0, -5.0])[1] is t
        q, r = divmod(t, 2.0)
        assert q == -2.0
        return max(t, -3.0) + abs(t) + sum([t, t]) + r + min(t, 0.0)

    assert grad(f)(x) == 1 - 1 + 2 + 1 + 1
    assert jvp(f, (x,), (x * 0 + 1.0,))[1] == 4.0
