"""Methods of ufuncs: reduce, accumulate, reduceat, outer and at have NumPy's values, and derivatives."""

import numpy as np
import pytest
import scipy.special
from cases import close, generator

from dualad import AssignmentError, DtypeError, KeywordError, check_grads, grad, hessian, jacobian, jvp, vjp

BINARY = [
    np.add, np.subtract, np.multiply, np.divide, np.power, np.float_power, np.remainder, np.fmod, np.hypot,
    np.arctan2, np.maximum, np.minimum, np.fmax, np.fmin, np.logaddexp, np.logaddexp2, np.copysign, np.nextafter,
    scipy.special.xlogy,
]  # fmt: skip
each = pytest.mark.parametrize("ufunc", BINARY, ids=lambda ufunc: ufunc.__name__)
X = generator("methods").uniform(0.6, 1.9, (3, 2, 2))
MASK = np.array([[True, False], [True, True]])
INDICES = np.array([0, 2, 1])


def holds(f, x):
    """The value is NumPy's, and the Jacobians of both modes are the differences."""
    expected = f(x)
    y, dy = jvp(f, (x,), (np.ones_like(x),))
    close(y, expected, 1e-14)
    assert np.asarray(y).dtype == np.asarray(expected).dtype
    h = 1e-6
    J = np.stack([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(x.size).reshape(-1, *x.shape)], -1)
    J = np.reshape(J, np.shape(expected) + x.shape)
    for mode in ("forward", "reverse"):
        close(jacobian(f, mode=mode)(x), J, 1e-8, 1e-8)
    close(dy, np.sum(J, axis=tuple(range(np.ndim(expected), np.ndim(J)))), 1e-7, 1e-8)


REDUCED = [{}, {"axis": -1}, {"axis": 1, "keepdims": True}, {"axis": ()}, {"axis": 0, "initial": 1.3}]
REDUCED += [{"axis": 1, "initial": 1.3, "where": MASK}, {"axis": 2, "where": MASK}, {"dtype": np.longdouble}]
REDUCED += [{"axis": None}, {"axis": (0, 2)}, {"axis": (2, 1), "initial": 0.7, "keepdims": True}]


@each
@pytest.mark.parametrize("keywords", REDUCED, ids=str)
def test_reduce(ufunc, keywords):
    try:
        ufunc.reduce(X, **keywords)
    except (TypeError, ValueError) as refusal:  # not in any order, no identity, no such precision
        with pytest.raises(type(refusal)):
            grad(lambda x: np.sum(ufunc.reduce(x, **keywords)))(X)
        return
    holds(lambda x: ufunc.reduce(x, **keywords), X)


@each
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_accumulate(ufunc, axis):
    holds(lambda x: ufunc.accumulate(x, axis), X)
    holds(lambda x: ufunc.accumulate(x, axis=None), X[:, 0, 1])


@each
@pytest.mark.parametrize("axis", [0, 1])
def test_reduceat(ufunc, axis):
    indices = INDICES if axis == 0 else [1, 0, 1, 1]
    holds(lambda x: ufunc.reduceat(x, indices, axis), X)
    holds(lambda x: ufunc.reduceat(x, tuple(indices), axis=axis), X)


@each
def test_outer(ufunc):
    y = np.array([[0.9, 1.7, 1.2]])
    holds(lambda x: ufunc.outer(x, y), X[0])
    holds(lambda x: ufunc.outer(y, x), X[0])
    holds(lambda x: ufunc.outer(x, x[0] + 0.05), X[0])
    holds(lambda x: ufunc.outer(x[0, 0], [0.9, 1.7]) + ufunc.outer(1.5, x[0, 1]), X[0])


PLACES = {
    "positions": [3, 1],
    "repeated": [0, 2, 0, 0],
    "negative": [-1, 3, -1],
    "one": 2,
    "slice": slice(1, None, 2),
    "mask": np.array([True, False, False, True]),
    "pair": (np.array([0, 0, 1]), np.array([1, 1, 0])),
    "nothing": [],
}


@each
@pytest.mark.parametrize("where", PLACES)
def test_at(ufunc, where):
    indices = PLACES[where]

    def f(x):
        y = np.copy(x) if where == "pair" else np.copy(x).ravel()
        b = np.ravel(x)[0] * 1.1 + np.arange(np.size(y[indices])) * 0.3
        ufunc.at(y, indices, b if np.ndim(y[indices]) else b[0])
        return y

    holds(f, X[0])


@pytest.mark.parametrize("ufunc", [np.sin, np.negative, np.exp, np.sqrt], ids=lambda ufunc: ufunc.__name__)
@pytest.mark.parametrize("where", PLACES)
def test_at_of_one_argument(ufunc, where):
    def f(x):
        y = np.copy(x) if where == "pair" else np.copy(x).ravel()
        ufunc.at(y, PLACES[where])
        return y

    with np.errstate(invalid="ignore"):
        holds(f, X[0])


def test_at_shows_in_views_and_takes_lists():
    def f(x):
        y = np.outer(x, x)
        row = y.T[1]
        np.multiply.at(y, (slice(None), 1), [x[0], 2.0, x[2]])
        np.add.at(row, [0, 0], x[1])
        return y * row

    holds(f, np.array([0.4, 1.2, 0.9]))


PLAIN = [np.equal, np.less, np.logical_and, np.logical_or, np.floor_divide]


def plain_results(ufunc, x):
    found = [ufunc.outer(x, x), ufunc.outer([1.0, 0.7], x)]
    if ufunc not in (np.equal, np.less):  # which have no such methods for floating-point numbers
        found += [ufunc.accumulate(x), ufunc.reduceat(x, [0, 0])]
        found += [ufunc.reduce(x, initial=3.0, where=x > 1), ufunc.reduce(x)]
    return found


@pytest.mark.parametrize("ufunc", PLAIN, ids=lambda ufunc: ufunc.__name__)
def test_methods_of_piecewise_constant_ufuncs_give_plain_values(ufunc):
    seen = []

    def f(x):
        seen.extend(plain_results(ufunc, x))
        ufunc.at(x, [0, 0], 0.3)
        return x * 2.0

    def expected(x):
        y = x.copy()
        ufunc.at(y, [0, 0], 0.3)
        return [*plain_results(ufunc, x), y]

    x = X[0, 0].copy()
    *plain, y = expected(x)
    z, dz = jvp(f, (x,), (np.ones(2),))
    for found, value in zip(seen, plain, strict=True):
        assert type(found) is type(value)
        np.testing.assert_array_equal(found, value)
    np.testing.assert_array_equal(z, 2 * y)
    np.testing.assert_array_equal(dz, [0.0, 2.0])


# awkward points
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_ties_of_running_extrema_share_equally(mode):
    x = np.array([1.0, 3.0, 2.0, 3.0, 3.0, 4.0])
    J = jacobian(np.maximum.accumulate, mode=mode)(x)
    expected = [jacobian(lambda x, k=k: np.max(x[:k]), mode=mode)(x) for k in range(1, 7)]
    np.testing.assert_allclose(J, expected, rtol=1e-15)
    np.testing.assert_allclose(jacobian(np.minimum.accumulate, mode=mode)(-x), expected, rtol=1e-15)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_running_extrema_of_nan(mode):
    x = np.array([np.nan, 2.0, np.nan, 1.0, 2.0])
    J = jacobian(lambda x: np.fmax.accumulate(x)[1:], mode=mode)(x)
    expected = [[1.0, 0.0, 0.0]] * 3 + [[0.5, 0.0, 0.5]]
    np.testing.assert_array_equal(J[:, [1, 3, 4]], expected)
    J = jacobian(lambda x: np.fmax.accumulate(x)[1:], mode=mode)(x[:4])
    np.testing.assert_array_equal(J[:, [1, 3]], np.array(expected)[:3, :2])
    np.testing.assert_array_equal(jvp(np.maximum.accumulate, (x[1:],), (x[1:],))[1], [2.0, *[np.nan] * 3])


def test_what_is_passed_over_has_no_derivative():
    x = np.array([4.0, 0.0, 9.0])  # where the square root has an infinite slope
    with np.errstate(divide="ignore", invalid="ignore"):
        g = grad(lambda x: np.sum(np.maximum.accumulate(np.sqrt(x))))(x)
        np.testing.assert_array_equal(g, [0.5, 0.0, 1 / 6])
        g = grad(lambda x: np.add.reduceat(np.sqrt(x), [2])[0])(x)
        np.testing.assert_array_equal(g, [0.0, 0.0, 1 / 6])


def test_log_sums_of_infinities_and_large_numbers():
    inf = np.inf
    for x, g in (
        ([1000.0, 1000.0, -1000.0], [0.5, 0.5, 0.0]),
        ([-inf, 0.0, -inf], [0.0, 1.0, 0.0]),
        ([inf, 1.0, inf], [0.5, 0.0, 0.5]),
        ([-inf, -inf], [0.5, 0.5]),
    ):
        for ufunc in (np.logaddexp, np.logaddexp2):
            np.testing.assert_array_equal(grad(ufunc.reduce)(np.array(x)), g)
            np.testing.assert_array_equal(jvp(ufunc.reduce, (np.array(x),), (np.array(g),))[1], np.dot(g, g))


def test_what_where_leaves_out_has_no_derivative():
    x = np.array([4.0, 0.0, 2.0])
    mask = np.array([True, False, True])
    g = grad(lambda x: np.divide.reduce(x, initial=1.0, where=mask))(x)
    np.testing.assert_allclose(g, [-1 / 32, 0.0, -1 / 16], rtol=1e-15)
    g = grad(lambda x: np.logaddexp.reduce(x, where=mask))(x)
    np.testing.assert_array_equal(g[1], 0.0)


def test_traced_initial_values_and_masks():
    holds(lambda x: np.subtract.reduce(x, initial=x[0, 0]), X[0])
    holds(lambda x: np.multiply.reduce(x, initial=x[0, 0], where=x > 1), X[0])
    holds(lambda x: np.add.reduce(x, initial=None), X[0])
    holds(lambda x: np.hypot.reduce(x, initial=None), X[0])


def test_casts_to_integers_are_plain():
    def f(x):
        whole = np.add.reduce(10 * x, dtype=int) + np.subtract.accumulate(10 * x, dtype=int)
        assert type(whole) is np.ndarray
        return np.sum(x * whole)

    x = X[0]
    whole = np.add.reduce(10 * x, dtype=int) + np.subtract.accumulate(10 * x, dtype=int)
    np.testing.assert_allclose(grad(f)(x), whole, rtol=1e-15)


@each
def test_empty_arrays_and_numbers(ufunc):
    empty = np.zeros((0, 3))
    y, dy = jvp(ufunc.accumulate, (empty,), (empty,))
    assert y.shape == dy.shape == (0, 3)
    assert grad(lambda x: ufunc.reduce(x) * 3.0)(1.5) == 3.0
    f = lambda x: np.sum(ufunc.reduce(x, initial=2.0)) + 0 * np.sum(x)  # noqa: E731
    assert grad(f)(empty).shape == (0, 3)
    assert vjp(f, empty)[0] == np.sum(ufunc.reduce(empty, initial=2.0))
    if ufunc.identity is None:
        with pytest.raises(ValueError, match="zero-size"):
            grad(lambda x: np.sum(ufunc.reduce(x)))(empty)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(np.maximum.accumulate(np.sin(5 * x)) ** 2),
        lambda x: np.logaddexp.reduce(x * x),
        lambda x: np.sum(np.add.reduceat(x * x, [0, 2]) ** 2),
        lambda x: np.hypot.reduce(x) * np.subtract.reduce(x * x),
        lambda x: np.sum(np.sin(np.multiply.outer(x, x))),
    ],
)
def test_second_derivatives(f):
    x = np.array([0.3, 1.1, 0.8, 1.9])
    check_grads(f, (x,), order=2)
    expected = hessian(f, mode="forward-over-reverse")(x)
    for mode in ("reverse-over-forward", "forward-over-forward", "reverse-over-reverse"):
        np.testing.assert_allclose(hessian(f, mode=mode)(x), expected, rtol=1e-12, atol=1e-12)


@each
def test_results_are_no_views(ufunc):
    def f(x):
        before = x * 1.0
        found = [ufunc.reduce(x, axis=()), ufunc.accumulate(x), ufunc.reduceat(x, [0]), ufunc.reduce(x[:1])]
        for y in found:
            y[...] = 7.0
        return np.sum((x - before) ** 2) + np.sum(x)

    np.testing.assert_array_equal(grad(f)(X[0].copy()), np.ones((2, 2)))


def test_segments_of_one_element_are_that_element_and_none_is_nothing():
    x = np.array([-3.0, 4.0, -1.0])
    holds(lambda x: np.hypot.reduceat(x, [0, 2]), x)  # np.hypot.reduce begins with 0, and so with |x|
    seen = []
    grad(lambda x: seen.append(np.subtract.reduceat(x, [])) or np.sum(x))(x)
    assert seen[0].shape == (0,)


def test_the_precision_is_that_of_numpys_loops():
    x = np.array([1.5, 0.7, 1.2], np.float32)
    for f in (
        np.float_power.accumulate,
        lambda x: np.float_power.reduce(x, initial=1.1),
        lambda x: np.float_power.reduceat(x, [0, 2, 1]),
        lambda x: np.float_power(2.0, x),
    ):
        y, dy = jvp(f, (x,), (x,))
        assert np.asarray(y).dtype == np.asarray(dy).dtype == np.float64
        np.testing.assert_allclose(y, f(x), rtol=1e-15)
        assert grad(lambda x, f=f: np.sum(f(x)))(x).dtype == np.float32
    with pytest.raises(TypeError, match="float_power"):
        grad(lambda x: np.sum(np.float_power.accumulate(x, dtype=np.float32)))(x)
    with pytest.raises(ValueError, match="axis"):
        grad(lambda x: np.add.reduce(x, axis=(0, 1)))(1.5)


# refusals
@pytest.mark.parametrize(
    ("f", "kind", "words"),
    [
        (lambda x: np.multiply.at(np.zeros(3), [0], x[0]), AssignmentError, r"np\.multiply\.at .*\n.*\n.*zeros_like"),
        (lambda x: np.add.at(x[0], (), x[0]), AssignmentError, "zeros_like"),
        (lambda x: np.add.reduceat(x, x), DtypeError, r"dualad\.primal"),
        (lambda x: np.add.at(x, x, 1.0), DtypeError, r"dualad\.primal"),
        (lambda x: np.add.reduce(x, out=np.zeros(())), AssignmentError, r"np\.add"),
        (lambda x: np.add.outer(x, x, where=np.eye(2) > 0), KeywordError, "where="),
    ],
)  # fmt: skip
def test_refusals(f, kind, words):
    for run in (lambda: grad(f)(X[0, 0].copy()), lambda: jvp(f, (X[0, 0].copy(),), (X[0, 0],))):
        with pytest.raises(kind, match=words):
            run()


def test_results_into_traced_arrays():
    def f(x):
        y = np.zeros_like(x)
        np.subtract.reduce(np.outer(x, x), axis=0, out=y)
        np.maximum.accumulate(y, out=y[::-1])
        return y

    holds(f, np.array([0.4, 1.2, 0.9]))
