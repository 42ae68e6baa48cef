"""Functions that write into their first argument: NumPy's values, views that show it, and refusals."""

import numpy as np
import pytest
from cases import close

from dualad import AssignmentError, DtypeError, grad, jacobian, jvp

X = np.array([0.7, 1.3, 2.1, 0.4])
MASK = np.array([True, False, True, True])


def put(x):
    y = np.outer(x, x)
    column = y[:, 1]
    np.put(column, [0, 2, 0], [x[1], 2.0, x[3] ** 2])
    np.put(y, -1, x[0])
    np.put(y, [], x)
    np.put(y, (4, 5), x)
    y.put([7, 8], x[:2], mode="clip")
    return y * column


def copyto(x):
    y = x * 1.0
    turned = y[::-1]
    np.copyto(turned, x**2, where=x > 1)
    np.copyto(y[:2], turned[:2])
    np.copyto(y, [x[0], 1.0, 2.0, x[1]], where=[False, False, True, False])
    return y + turned


def place(x):
    y = np.outer(x, x)
    np.place(y, y > x[1], [x[0], x[2] * x[3], 5.0])
    return y


def putmask(x):
    y = np.outer(x, x)
    np.putmask(y.T, y > 1, x**2)
    return y


def put_along_axis(x):
    y = np.outer(x, x)
    np.put_along_axis(y, np.argmax(y, 1)[:, None], x[0] * x[:, None], axis=1)
    np.put_along_axis(y[0], np.array([3, 3]), x[:2], None)
    return y


def fill_diagonal(x):
    y = np.outer(x, x)
    np.fill_diagonal(y[1:], x[:3] * x[0])
    np.fill_diagonal(y[::-1], x[2])
    return y


def own_argument(x):
    np.put(x, 0, x[1] * x[2])
    np.fill_diagonal(x.reshape(2, 2), x[0])
    return x


def constants(x):
    y = x**2
    np.put(y, [0, 1], 5)
    np.copyto(y, np.arange(4), where=~MASK)
    return y


FUNCTIONS = [put, copyto, place, putmask, put_along_axis, fill_diagonal, own_argument, constants]


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
def test_values_views_and_derivatives(f):
    before = X.copy()
    y, dy = jvp(f, (X,), (np.ones(4),))
    close(y, f(X.copy()), 1e-15)
    h = 1e-6
    J = np.stack([(f(X + h * e) - f(X - h * e)) / (2 * h) for e in np.eye(4)], -1)
    for mode in ("forward", "reverse"):
        close(jacobian(f, mode=mode)(X), J, 1e-8, 1e-8)
    close(dy, np.sum(J, -1), 1e-8, 1e-8)
    np.testing.assert_array_equal(X, before)  # the caller's array never changes


def test_the_dtype_of_the_target_stays():
    def f(x):
        y = np.zeros_like(x, dtype=np.float32)
        np.copyto(y, x)
        np.put(y, 0, 2.0)
        return y

    y, dy = jvp(f, (X,), (X,))
    assert y.dtype == dy.dtype == np.float32
    assert y[0] == 2.0


def test_plain_values_into_plain_arrays_by_traced_conditions():
    def f(x):
        a = np.ones(4)
        np.copyto(a, 2.0, where=x > 1)
        np.putmask(a, x, 3 * a)
        np.place(a, x > 2, [7.0])
        return np.sum(a * x)

    a = np.array([3.0, 6.0, 7.0, 3.0])
    np.testing.assert_array_equal(grad(f)(X), a)


INTO_PLAIN = [
    lambda x: np.put(np.zeros(4), [0], x[0]),
    lambda x: np.put(np.zeros(4), [0, 1], [x[0], 1.0]),
    lambda x: np.copyto(np.zeros(4), x),
    lambda x: np.copyto(np.zeros(4), x[0], where=MASK),
    lambda x: np.place(np.zeros(4), MASK, x),
    lambda x: np.putmask(np.zeros(4), MASK, x),
    lambda x: np.put_along_axis(np.zeros((4, 4)), np.zeros((1, 4), int), x, 0),
    lambda x: np.put(x[0], 0, 1.0),
]


@pytest.mark.parametrize("k", range(len(INTO_PLAIN)))
def test_traced_values_into_plain_arrays(k):
    f = INTO_PLAIN[k]
    for run in (lambda: grad(f)(X), lambda: jvp(f, (X,), (X,))):
        if k == 1:
            with pytest.raises(TypeError, match="lose its derivative"):  # NumPy asks nobody about a list
                run()
            continue
        with pytest.raises(
            AssignmentError, match=r"np\.(put|copyto|place|putmask|put_along_axis) was"
        ) as caught:
            run()
        assert "np.zeros_like(x)" in str(caught.value)


# What NumPy refuses, in its words
REFUSED = [
    (lambda x: np.put(x, 9, 1.0), IndexError, "out of bounds"),
    (lambda x: np.put(x, [0], x, mode="other"), ValueError, "mode"),
    (lambda x: np.place(x, MASK[:2], x), ValueError, "size"),
    (lambda x: np.place(x, MASK, x[:0]), ValueError, "empty"),
    (lambda x: np.putmask(x, MASK[:2], x), ValueError, "same size"),
    (lambda x: np.copyto(x, x[:3]), ValueError, "broadcast"),
    (
        lambda x: np.copyto(np.zeros_like(x, dtype=np.float32), x, casting="no"),
        TypeError,
        "according to the rule",
    ),
    (lambda x: np.fill_diagonal(x, 1.0), ValueError, "2-d"),
    (lambda x: np.fill_diagonal(np.broadcast_to(x, (4, 4)), 1.0), AssignmentError, "read-only"),
    (lambda x: np.put_along_axis(x, np.array([[0]]), 1.0, 0), ValueError, "dimensions"),
    (lambda x: np.put(x, x, 1.0), DtypeError, "index"),
]


@pytest.mark.parametrize("k", range(len(REFUSED)))
def test_refusals(k):
    f, kind, words = REFUSED[k]
    for run in (lambda: grad(f)(X), lambda: jvp(f, (X,), (X,))):
        with pytest.raises(kind, match=words):
            run()


def test_a_traced_diagonal_of_a_plain_matrix():
    with pytest.raises(TypeError, match="lose its derivative"):
        grad(lambda x: np.fill_diagonal(np.zeros((4, 4)), x))(X)


def test_an_inner_derivatives_value_into_an_outer_array():
    def f(x):
        y = np.zeros_like(x)
        grad(lambda t: np.put(y, 0, t) or t)(1.0)
        return np.sum(y)

    with pytest.raises(AssignmentError, match="outer derivative"):
        grad(f)(X)
