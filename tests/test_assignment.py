"""Assignment into traced arrays: values and derivatives are those of the same NumPy code, views included."""

import copy

import numpy as np
import pytest

from dualad import AssignmentError, grad, hessian, inplace, jacobian, jvp, value_and_grad

MIXES = ("forward-over-reverse", "reverse-over-forward", "forward-over-forward", "reverse-over-reverse")


def fill(x):
    y = np.zeros_like(x)
    for i in range(len(x)):
        y[i] = x[i] ** 2 * x[i - 1]
    return y


def fill_like(x):
    y = np.zeros((2, 3), like=x)
    y[0] = x[:3]
    y[1, ::2] = x[1]
    return y


def overwrite(x):
    x = x * 1.0
    x[1:3] = x[0] * x[2:4]
    x[1] *= x[3]
    return x


def own_argument(x):
    x[0] = x[1] ** 2
    x += x[0]
    return x


def masks(x):
    y = x.copy()
    y[x > 1] = x[0] * x[1]
    y[np.array([3, 0])] -= x[1:3]
    return y


def twice(x):
    y = np.ones_like(x)
    y[np.array([1, 2, 1])] = x[1:] * x[0]  # the last one counts
    np.add.at(y, [0, 0, 3], x[:3])
    np.subtract.at(y, 2, x[3])
    return y


def outputs(x):
    y = np.empty_like(x)
    np.multiply(x, x, out=y)
    np.sin(y, out=y)
    np.add(y[:1], 1.0, out=y[1:3].reshape(1, 2)[0, :1])
    return y


def aliases(x):
    y = x * 1.0
    z = y
    z += x**2
    z[0] = 2.0 * y[1]
    return y * z


def views(x):
    y = np.outer(x, x)
    row, column, block = y[1], y[:, 2], y[1:3, 1:3]
    row += x[0]
    column[1:] = row[1:] * 2.0
    block.T[0] = column[:2]
    y[2] = y[1]
    return np.sum(row * column) * y + np.sum(block**2)


def shapes(x):
    y = (x * 2.0).reshape(2, 2)
    flat, turned, deep = y.ravel(), y.T, np.expand_dims(y, 0)
    flat[3] = x[0] * x[1]
    turned[0, 1] += x[2]
    deep[0, 0, 0] = flat[3]
    return np.concatenate([flat * turned.ravel(), y[0], np.squeeze(deep)[1]])


def diagonals(x):
    y = np.outer(x, x)
    middle, above, spread = np.diagonal(y), np.diagonal(y, 1), np.broadcast_to(y[0], (2, 4))
    y[0] = x * x[0]
    y[2, 3] *= x[1]
    return np.concatenate([middle * above[0], above, spread[1], np.diag(y)])


def copies(x):
    y = x * 1.0
    held = [y.copy(), copy.copy(y), copy.deepcopy(y), np.copy(y), y.astype(float), np.array(y[:]).T, +y]
    y[:] = 5.0
    return np.stack([h * x for h in held[:5]] + [held[6]]) + y


def rows(x):
    y = np.outer(x, x)
    for i, row in enumerate(y):
        row[i] = x[i]
        row /= 2.0
    return y


def sorting(x):
    y = x[::-1] * 1.0
    y.sort()
    y.fill(y[3])
    y[..., 1:] = 2.0 * x[:3]
    y **= 2
    return y


FUNCTIONS = [
    fill, fill_like, overwrite, own_argument, masks, twice, outputs, aliases, views, shapes, diagonals,
    copies, rows, sorting,
]  # fmt: skip
X = np.array([0.7, 1.3, 2.1, 0.4])


def differences(f, x):
    h = 1e-5
    return np.stack([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(len(x))], -1)


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
def test_values_and_derivatives(f):
    before = X.copy()
    y, dy = jvp(f, (X,), (np.ones(4),))
    expected = f(X.copy())
    np.testing.assert_allclose(y, expected, rtol=1e-14)
    J = differences(lambda x: f(x.copy()), X)
    np.testing.assert_allclose(dy, J.sum(-1), rtol=1e-8, atol=1e-8)
    for mode in ("forward", "reverse", "auto"):
        np.testing.assert_allclose(jacobian(f, mode=mode)(X), J, rtol=1e-8, atol=1e-8)
    assert np.array_equal(X, before)  # the caller's array never changes


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
def test_second_derivatives(f):
    def scalar(x):
        return np.sum(
            np.sin(f(x)) * np.arange(1.0, 1.0 + np.size(f(x.copy()))).reshape(np.shape(f(x.copy())))
        )

    found = [hessian(lambda x: scalar(x.copy()), mode=mode)(X) for mode in MIXES]
    for H in found:
        np.testing.assert_allclose(H, found[0], rtol=1e-10, atol=1e-10)
    gradient = grad(lambda x: scalar(x.copy()))
    np.testing.assert_allclose(found[0], differences(gradient, X), rtol=1e-5, atol=1e-5)


def test_views_of_views_and_dropped_views():
    def f(x):
        y = np.outer(x, x)
        for _ in range(50):
            _ = y[1:]  # dropped at once
        inner = y[1:][1:][:, ::2].T
        inner[:] = x[0]
        y[3, 2] += x[1]
        return np.sum(y * np.arange(16.0).reshape(4, 4)) + np.sum(inner**2)

    value, g = value_and_grad(f)(X)
    assert value == pytest.approx(f(X.copy()), rel=1e-14)
    np.testing.assert_allclose(g, differences(f, X), rtol=1e-7)


def test_dtype_of_the_target_stays():
    def f(x):
        y = np.zeros_like(x, dtype=np.float32)
        y[:] = x
        return y

    y, dy = jvp(f, (X,), (X,))
    assert y.dtype == dy.dtype == np.float32
    assert grad(lambda x: np.sum(f(x)))(X).dtype == np.float64


def test_new_arrays_of_other_kinds_are_plain():
    def f(x):
        counts = np.zeros_like(x, dtype=int)
        counts[x > 1] += 1
        return np.sum(x * counts)

    assert np.array_equal(grad(f)(X), [0.0, 1.0, 1.0, 0.0])


@pytest.mark.parametrize("derive", [grad, lambda f: lambda x: jvp(f, (x,), (x,))], ids=["reverse", "forward"])
def test_refusals(derive):
    def broadcast(x):
        y = np.broadcast_to(x, (2, 4))
        y[0, 0] = 1.0
        return np.sum(y)

    def outer(x):
        y = np.zeros_like(x)

        def inner(z):
            y[0] = z
            return z

        return np.sum(y) * grad(inner)(x[0])

    for f in (broadcast, outer):
        with pytest.raises(AssignmentError, match="instead: "):
            derive(f)(X)
    with pytest.raises(ValueError, match="broadcast"):
        derive(lambda x: np.sum(x.__iadd__(np.ones((2, 4)))))(X)


def test_what_np_asarray_makes_of_a_traced_array_is_not_assigned_into():
    def f(x, convert):
        y = convert(x)  # NumPy's np.asarray returns x itself
        y[0] = 0.0
        return np.sum(x * 2.0) + np.sum(y)

    with pytest.raises(ValueError, match="read-only"):
        grad(f)(X, np.asarray)
    assert np.array_equal(grad(f)(X, np.array), [2.0, 3.0, 3.0, 3.0])
    assert np.array_equal(grad(f)(X, lambda x: x), [0.0, 3.0, 3.0, 3.0])
    assert np.array_equal(grad(inplace(f))(X, np.asarray), [0.0, 3.0, 3.0, 3.0])
