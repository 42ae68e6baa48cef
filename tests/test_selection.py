"""Order statistics, choices and interpolation at ties, at NaN and at their edges."""

import numpy as np
import pytest

from dualad import compile, grad, jacobian, jvp
from dualad.errors import KeywordError
from dualad.tree import flatten

MODES = pytest.mark.parametrize("mode", ["forward", "reverse"])


def slopes(f, x, mode):
    return jacobian(f, mode=mode)(np.asarray(x, float))


NAN_REDUCTIONS = (np.nansum, np.nanprod, np.nanmean, np.nanvar, np.nanstd, np.nanmax, np.nanmin, np.nanmedian)


@MODES
@pytest.mark.parametrize("fn", NAN_REDUCTIONS, ids=lambda fn: fn.__name__)
def test_nan_reductions_give_nan_a_zero_and_the_others_what_they_have_without_it(fn, mode):
    x = np.array([1.0, np.nan, -2.0, 0.5, np.nan])
    there = ~np.isnan(x)
    found = slopes(fn, x, mode)
    np.testing.assert_array_equal(found[~there], 0.0)
    np.testing.assert_allclose(found[there], slopes(fn, x[there], mode), rtol=1e-14)


@MODES
@pytest.mark.parametrize("fn", [np.sum, np.prod, np.mean, np.var, np.std], ids=lambda fn: fn.__name__)
def test_nan_that_where_leaves_out_reaches_no_derivative(fn, mode):
    x = np.array([1.0, np.nan, -2.0, 0.5])
    there = ~np.isnan(x)
    found = slopes(lambda x: fn(x, where=there), x, mode)
    assert found[1] == 0.0
    np.testing.assert_allclose(found[there], slopes(fn, x[there], mode), rtol=1e-14)


@MODES
def test_order_statistics_of_ties_take_the_stable_permutation(mode):
    tied = [2.0, 1.0, 2.0, 2.0]
    np.testing.assert_array_equal(slopes(np.median, tied, mode), [0.5, 0.0, 0.5, 0.0])
    np.testing.assert_array_equal(slopes(lambda x: np.quantile(x, 1.0), tied, mode), [0, 0, 0, 1])
    np.testing.assert_array_equal(slopes(np.unique, tied, mode), [[0, 1, 0, 0], [1, 0, 0, 0]])


METHODS = (
    "inverted_cdf averaged_inverted_cdf closest_observation interpolated_inverted_cdf hazen weibull linear "
    "median_unbiased normal_unbiased lower higher midpoint nearest"
)


@pytest.mark.parametrize("method", METHODS.split())
@pytest.mark.parametrize("q", [0.0, 0.31, 1.0])
def test_quantiles_by_every_method(method, q):
    x = np.random.default_rng(1).normal(size=(3, 7))

    def f(x):
        return np.quantile(x, q, axis=1, method=method)

    y, dy = jvp(f, (x,), (x,))
    np.testing.assert_allclose(y, f(x), rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(dy, y, rtol=1e-13)  # homogeneous


@MODES
def test_nan_makes_a_quantile_nan(mode):
    x = np.array([[1.0, 2.0, 3.0], [1.0, np.nan, 2.0]])
    y = jvp(lambda x: np.median(x, axis=1), (x,), (x,))[0]
    np.testing.assert_array_equal(y, [2.0, np.nan])
    np.testing.assert_array_equal(slopes(lambda x: np.median(x, axis=1)[0], x, mode), [[0, 1, 0], [0, 0, 0]])


@MODES
def test_interpolation_outside_the_points_is_constant(mode):
    xp, fp = np.array([0.0, 1.0, 3.0]), np.array([1.0, 2.0, 8.0])
    found = slopes(lambda x: np.interp(x, xp, fp), [-1.0, 0.5, 2.0, 3.0, 4.0], mode)
    np.testing.assert_array_equal(np.diagonal(found), [0.0, 1.0, 3.0, 3.0, 0.0])


@MODES
def test_pieces_are_evaluated_where_they_hold_only(mode):
    x = np.array([-4.0, 0.0, 4.0])
    found = slopes(lambda x: np.piecewise(x, [x > 0, x < 0], [np.sqrt, np.square, 7.0]), x, mode)
    np.testing.assert_array_equal(found, np.diag([-8.0, 0.0, 0.25]))


@pytest.mark.parametrize("x", [2.0, -2.0, 0.0])
def test_pieces_of_a_number(x):
    def f(x):
        return np.piecewise(x, [x > 0, x < 0], [lambda v: v * v, lambda v: -v, 0.0])

    assert jvp(f, (x,), (1.0,)) == (f(x), {2.0: 4.0, -2.0: -1.0, 0.0: 0.0}[x])


def test_replaced_numbers_have_no_derivative():
    x = np.array([1.0, np.nan, np.inf, -np.inf])
    y, dy = jvp(lambda x: np.nan_to_num(x, nan=2.0), (x,), (np.ones(4),))
    np.testing.assert_array_equal(y, np.nan_to_num(x, nan=2.0))
    np.testing.assert_array_equal(dy, [1, 0, 0, 0])


def test_unique_with_its_extras():
    x = np.array([3.0, 1.0, 3.0])
    for keywords in ({"return_index": True}, {"return_inverse": True, "return_counts": True}):
        seen = []

        def f(x, seen=seen, keywords=keywords):
            seen.append(np.unique(x, **keywords))
            return seen[-1][0]

        _, dy = jvp(f, (x,), (np.array([10.0, 20.0, 30.0]),))
        np.testing.assert_array_equal(dy, [20.0, 10.0])
        for a, b in zip(seen[0][1:], flatten(np.unique(x, **keywords))[0][1:], strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "fn", [np.unique_all, np.unique_counts, np.unique_inverse], ids=lambda fn: fn.__name__
)
def test_unique_with_the_array_apis_extras(fn):
    x, seen = np.array([3.0, 1.0, 3.0]), []

    def f(x):
        seen.append(fn(x))
        return seen[-1].values

    np.testing.assert_array_equal(slopes(f, x, "reverse"), [[0, 1, 0], [1, 0, 0]])
    assert type(seen[0]) is type(fn(x))
    for name, value in zip(fn(x)._fields[1:], fn(x)[1:], strict=True):
        np.testing.assert_array_equal(getattr(seen[0], name), value)


@MODES
def test_intersections_have_the_derivative_of_the_first_arguments_occurrence(mode):
    x, y = np.array([3.0, 1.0, 2.0, 3.0]), np.array([2.0, 3.0, 5.0])
    expected = [[0, 0, 1, 0], [1, 0, 0, 0]]
    np.testing.assert_array_equal(slopes(lambda x: np.intersect1d(x, y), x, mode), expected)
    np.testing.assert_array_equal(
        slopes(lambda y: np.intersect1d(x, y) + 0 * y[:2], y, mode), np.zeros((2, 3))
    )
    seen = []

    def f(x):
        seen.extend(np.intersect1d(x[1:], y, assume_unique=True, return_indices=True))
        return seen[0]

    np.testing.assert_array_equal(slopes(f, x, mode), [[0, 0, 1, 0], [0, 0, 0, 1]])
    for found, value in zip(seen[1:], np.intersect1d(x[1:], y, True, True)[1:], strict=False):
        np.testing.assert_array_equal(found, value)


@MODES
@pytest.mark.parametrize("q", [0.0, 0.3, 0.5, 1.0, [0.2, 0.8]], ids=str)
def test_weighted_quantiles_are_elements(q, mode):
    x = np.array([[3.0, 1.0, 2.0, 2.5], [0.5, 4.0, 1.5, np.nan]])
    weights = np.array([[1.0, 2.0, 0.0, 1.0], [0.5, 0.5, 3.0, 1.0]])
    for fn in (np.quantile, np.nanquantile):

        def f(x, fn=fn):
            return fn(x, q, axis=1, method="inverted_cdf", weights=weights)

        y = jvp(f, (x,), (x,))[0]
        np.testing.assert_array_equal(y, f(x))
        J = slopes(lambda x: f(x)[..., 0], x, mode)
        np.testing.assert_array_equal(np.sum(J * np.nan_to_num(x), axis=(-1, -2)), f(x)[..., 0])
        np.testing.assert_array_equal(np.sum(J != 0, axis=(-1, -2)), np.ones(np.shape(q)))


def test_weights_of_quantiles():
    x, w = np.array([3.0, 1.0, 2.0]), np.array([1.0, 2.0, 0.5])
    found = grad(lambda w: np.percentile(x, 60.0, method="inverted_cdf", weights=w) * w[0])(w)
    np.testing.assert_array_equal(found, [np.percentile(x, 60.0, method="inverted_cdf", weights=w), 0.0, 0.0])
    with pytest.raises(ValueError, match="inverted_cdf"):
        grad(lambda x: np.quantile(x, 0.5, weights=w))(x)
    with pytest.raises(KeywordError, match="derivative in q"):
        grad(lambda q: np.quantile(x, q, method="inverted_cdf", weights=w))(0.5)


def test_numbers_replaced_in_place_show():
    def f(x):
        y = x * np.array([1.0, np.inf, 1.0])
        view = y[1:]
        assert np.nan_to_num(y, copy=False, posinf=5.0) is y
        return y + np.concatenate([[0.0], view])

    np.testing.assert_array_equal(jvp(f, (np.ones(3),), (np.ones(3),)), [[1, 10, 2], [1, 0, 2]])


def test_choosing_into_an_array_is_refused():
    with pytest.raises(KeywordError, match="out="):
        grad(lambda x: np.sum(np.choose([0, 1], [x, 2 * x], out=np.zeros_like(x))))(np.ones(2))


@MODES
def test_a_number_taken_apart(mode):
    x = np.array([0.75, -6.0, 2.0**-1000, 0.0])
    J = slopes(lambda x: np.frexp(x)[0], x, mode)
    np.testing.assert_array_equal(np.diag(J), [1.0, 0.125, 2.0**999, 1.0])
    np.testing.assert_array_equal(jvp(lambda x: np.ldexp(*np.frexp(x)), (x[:2],), (x[:2],)), [x[:2]] * 2)


@pytest.mark.parametrize("shape", [(7, 4), (5, 3, 2), (9,)])
@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8])
@pytest.mark.parametrize("count", [30, 900])
def test_rows_read_many_times_have_the_sum_of_what_comes_back(shape, kind, count):
    rng = np.random.default_rng(9)
    lowest = 0 if kind is np.uint8 else -shape[0]
    i = rng.integers(lowest, shape[0], count).astype(kind)
    x, w = rng.normal(size=shape), rng.normal(size=(count, *shape[1:]))
    expected = np.zeros(shape)
    np.add.at(expected, i, w)
    np.testing.assert_allclose(grad(lambda x: np.sum(w * x[i]))(x), expected, rtol=1e-13, atol=1e-13)
    both = grad(lambda x: np.sum(w * x[i]) + np.sum(x))(x)
    np.testing.assert_allclose(both, 1.0 + expected, rtol=1e-13, atol=1e-13)
    scores = rng.normal(size=(count, shape[0]))
    found = compile(grad(lambda x, s: np.sum(w * x[np.argmax(s, axis=1)])))(x, scores)
    expected = np.zeros(shape)
    np.add.at(expected, np.argmax(scores, axis=1), w)
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-13)
