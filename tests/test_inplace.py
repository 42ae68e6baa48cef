"""`inplace`: code that fills plain arrays gives the values and derivatives of the same code without them."""

import functools

import filling
import numpy as np
import numpy.testing as npt
import pytest
from filling import stacked
from numpy import linspace, zeros

from dualad import (
    ConversionError,
    DualadError,
    grad,
    hessian,
    hvp,
    inplace,
    jacobian,
    jvp,
    vjp,
)

X = np.array([0.7, 1.3, 2.1])
MIXES = ("forward-over-reverse", "reverse-over-forward", "forward-over-forward", "reverse-over-reverse")


def loops(x):
    y = np.zeros(3)
    y[0] = x[0] ** 2
    for i in range(1, 3):
        y[i] = y[i - 1] * np.sin(x[i])
    return y


def matrix(x):
    a = np.eye(3)
    a[0, 1:] = x[1:] ** 2
    a[2] += x
    a[:, 0] *= x[1]
    return a @ a


def masks(x):
    y = np.ones(3, dtype=np.float64)
    y[x > 1] = x[0] * x[x > 1]
    y[np.array([0, 0])] = x[2]
    y **= 2
    return y


def creation(x):
    whole = [
        np.ones(3),
        np.identity(3),
        np.copy(np.ones(3)),
        np.arange(3.0),
        np.full(3, x[2]),
        np.full_like(X, x[1]),
    ]
    whole += [
        np.full_like(x, 2.0),
        np.zeros_like(X),
        np.ones_like(x),
        np.empty((3,)),
        np.array([1.0, 2.0, 3.0]),
    ]
    whole += [np.full(shape=3, fill_value=x[0], like=x), np.full_like(a=X, fill_value=x[0], shape=3)]
    whole += [
        np.array(object=[1.0, 2.0]),
        np.asarray(a=[1.0, 2.0]),
        np.asarray([1, 2.5, 3]),
        np.geomspace(1.0, 4.0, 3),
        np.linspace(0, 1, 3, retstep=True)[0],
    ]
    for k, y in enumerate(whole):
        y[1:2] = x[0] ** (k % 4)
        y[0] = y[1] * x[2]
    return np.concatenate([np.ravel(y)[:2] for y in whole])


def joined(x):
    y = np.array([x[0], 1.0, x[1] * x[2]])
    z = np.asarray(x, dtype=float)
    w = np.array([x[0], [2.0, x[1]][1]], dtype=np.float64)
    u = np.array(x)
    u[0] = 7.0  # a copy
    w[0] = y[2]
    y += z
    return np.concatenate([y, w, u])


def complex_values(x):
    z = np.zeros(3, dtype=complex)
    z[0] = x[0] + 2j * x[1]
    z[1:] = z[0] * x[1:]
    w = np.array([x[0], 1.0], dtype=complex)
    w[1] = z[1]
    return np.concatenate([np.real(z * z), np.imag(w)])


def by_name(x):
    y, t = zeros((2, 3)), linspace(0.0, 1.0, 3)
    y[0] = x
    t[1] = x[0]
    y[1] = t * x
    return y


def other_module(x):
    return np.concatenate([stacked(x), filling.stacked(x * x), filling.decorated(x).ravel()])


def recursion(x, n=3):
    y = np.zeros(2)
    y[0] = x[0] if n == 0 else x[1] * recursion(x, n - 1)[0]
    return y


def mutual(x):
    return filling.even(x, 4)


def local_functions(x):
    def row(k, scale=x[2], *, shift=1.0):
        y = np.zeros(3)
        y[k] = x[k] * scale + shift
        return y

    pick = lambda k: row(k, shift=x[0])  # noqa: E731
    return sum(map(pick, range(3))) + row(1)


def imports(x):
    import numpy
    import numpy as other
    from filling import stacked as local
    from numpy import full

    y, z, w = numpy.zeros(3), other.zeros(3), full(3, 1.0)
    y[0], z[1], w[2] = x[0] ** 2, x[1], x[2]
    return y * z + w + local(x)


def comprehension(x):
    rows = [np.zeros(3) for _ in range(3)]
    for k, row in enumerate(rows):
        row[k:] = x[k] ** k
    return np.array(rows)


def steps(x, n):
    state = np.zeros(3)
    for k in range(n):
        state[k % 3] += x[k % 3] * (1.0 + state[(k + 1) % 3])
        yield +state


def generator(x):
    return np.stack(list(steps(x, 4)))


def keywords(x, *, make=np.zeros, helper=stacked, module=np):
    y, z = make(3), module.ones(3)
    y[1], z[2] = x[1] ** 3, x[0]
    return helper(y) * z


def outer_variables():
    numpy, create, helper, total = np, np.zeros, stacked, [0]

    def rec(x, n):
        y = create(3)
        y[n] = x[n] + (rec(x, n - 1)[n - 1] if n else 0.0)
        return y

    def f(x):
        total[0] += 1
        y = numpy.zeros(3)
        y[:] = helper(x) * rec(x, 2)
        return y

    return f


def views(x):
    a = np.zeros((3, 3))
    a.T[1] = x
    a.ravel()[::4] += x**2
    return a


FUNCTIONS = [
    loops, matrix, masks, creation, joined, complex_values, by_name, other_module, recursion, mutual,
    local_functions, imports, comprehension, generator, keywords, outer_variables(), views,
    functools.partial(recursion, n=2),
]  # fmt: skip
by_function = pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: getattr(f, "__name__", "partial"))


def differences(f, x):
    h = 1e-5
    return np.stack([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(len(x))], -1)


@by_function
def test_values_and_derivatives(f):
    with pytest.raises(DualadError):
        jvp(f, (X,), (X,))
    g = inplace(f)
    y, dy = jvp(g, (X,), (np.ones(3),))
    npt.assert_allclose(y, f(X), rtol=1e-14)
    J = differences(f, X)
    npt.assert_allclose(dy, J.sum(-1), rtol=1e-7, atol=1e-8)
    for mode in ("forward", "reverse"):
        npt.assert_allclose(jacobian(g, mode=mode)(X), J, rtol=1e-7, atol=1e-8)
    npt.assert_allclose(vjp(g, X)[1](np.ones(np.shape(y)))[0], J.sum(tuple(range(J.ndim - 1))), rtol=1e-7)


@by_function
def test_second_derivatives(f):
    def scalar(x):
        y = np.ravel(inplace(f)(x))
        return np.sum(np.sin(y) * np.arange(1.0, 1.0 + y.size))

    found = [hessian(scalar, mode=mode)(X) for mode in MIXES]
    for H in found:
        npt.assert_allclose(H, found[0], rtol=1e-10, atol=1e-10)
    npt.assert_allclose(found[0], differences(grad(scalar), X), rtol=1e-4, atol=1e-5)
    npt.assert_allclose(hvp(scalar, X, X), found[0] @ X, rtol=1e-10, atol=1e-10)


@by_function
def test_plain_calls_run_as_written(f):
    y, z = f(X), inplace(f)(X)
    assert type(y) is type(z)
    npt.assert_array_equal(y, z)


def test_functions_passed_in():
    def solve(rhs, x, method=None):
        assert method is None or method is stacked
        y = np.zeros(3)
        for _ in range(2):
            y += rhs(x + y)
        return np.sum(y)

    g = grad(inplace(lambda x: solve(functools.partial(filling.stacked), x)))(X)
    npt.assert_allclose(g, differences(lambda x: np.array([solve(stacked, x)]), X)[0], rtol=1e-7)
    npt.assert_array_equal(grad(inplace(solve), argnums=1)(stacked, X, method=stacked), g)
    assert grad(inplace(lambda x, f: x * (f is stacked) * filling.is_stacked(f)))(1.0, stacked) == 1.0


def test_nested_arguments_and_outer_variables_are_seen():
    def f(parts, n):
        y = np.zeros(n)
        y[0] = parts["a"][0] * parts["b"]
        return y[0]

    assert grad(inplace(f))({"a": (2.0,), "b": 3.0}, 2) == {"a": (3.0,), "b": 2.0}

    def outer(x):
        @inplace
        def inner(n):
            y = np.zeros(n)
            y[0] = x**2
            return y[0]

        return inner(2)

    assert grad(outer)(3.0) == 6.0

    def of_objects(a):
        y = np.zeros(2)
        y[:] = a
        return np.sum(y)

    assert grad(lambda x: inplace(of_objects)(np.array([x, x])))(1.0) == 2.0


def test_methods():
    class Oscillator:
        stiffness = 3.0

        @inplace
        def force(self, x):
            y = np.zeros(3)
            y[1:] = -self.stiffness * x[1:] ** 2
            return np.sum(y)

        @staticmethod
        @inplace
        def norm(x):
            y = np.zeros(1)
            y[0] = x @ x
            return y[0]

    npt.assert_allclose(grad(Oscillator().force)(X), [0, *(-6 * X[1:])])
    npt.assert_allclose(grad(inplace(Oscillator().force))(X), [0, *(-6 * X[1:])])
    npt.assert_allclose(grad(Oscillator.norm)(X), 2 * X)


def test_integers_flags_and_numbers_stay_plain():
    def f(x):
        made = [
            np.zeros(3, int),
            np.ones(3, bool),
            np.arange(3),
            np.array([1, 2]),
            np.array(2.0),
            np.eye(2, dtype=int),
        ]
        made += [np.zeros(2, object), np.array(["a"]), np.asarray(shared), np.array(shared, copy=False)]
        assert all(type(a) is np.ndarray for a in made)
        assert np.asarray(shared) is shared
        assert np.asarray(x) is x
        return np.sum(x[made[2]] * made[2])

    shared = np.ones(2)
    npt.assert_array_equal(grad(inplace(f))(X), [0.0, 1.0, 2.0])


def test_no_derivative_is_lost_where_the_array_stays_plain():
    assert grad(inplace(lambda x: np.sum(np.full((), x) * 2.0)))(1.0) == 2.0
    assert grad(inplace(lambda x: np.full_like(x, x) * 2.0))(1.0) == 2.0
    assert grad(inplace(lambda x: np.array(x) * np.asarray(x)))(3.0) == 6.0
    for f in (
        lambda x: np.full(2, x, dtype=int),
        lambda x: np.full((), x, dtype=int),
        lambda x: np.arange(x),
    ):
        with pytest.raises(DualadError):
            grad(inplace(lambda x, f=f: np.sum(f(x))))(2.0)
    with pytest.raises(TypeError, match="missing"):
        grad(inplace(lambda x: np.full()))(2.0)


def test_dtype_is_kept():
    def f(x):
        y, z = np.zeros(3, np.float32), np.array([x[0], 1.0], dtype=np.float32)
        y[:] = x
        assert y.dtype == z.dtype == np.float32
        return np.sum(y) + np.sum(z)

    npt.assert_array_equal(grad(inplace(f))(X), [2.0, 1.0, 1.0])
    for dtype in (int, np.float32):
        with pytest.raises(ConversionError):
            grad(inplace(lambda x, dtype=dtype: np.sum(np.array([x * 1j], dtype=dtype))))(1.0)
