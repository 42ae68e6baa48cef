"""The examples of first lessons, against their closed forms, in both modes."""

import math

import numpy as np
import pytest

from dualad import derivative, grad, hessian, jacobian, jvp, value_and_grad, value_and_jacobian, vjp

MODES = ("forward", "reverse")


def gradients(f, argnums=0):
    """The same gradient by both modes, to be called on the arguments."""
    return {"reverse": grad(f, argnums), "forward": jacobian(f, argnums, mode="forward")}


def close(a, b, tolerance=1e-14):
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("mode", MODES)
def test_sum_times_third(mode):
    def f(x, y, z):
        return (x + y) * z

    assert f(-2.0, 5.0, -4.0) == -12.0
    assert gradients(f, (0, 1, 2))[mode](-2.0, 5.0, -4.0) == (-4.0, -4.0, 3.0)


def test_sum_times_third_by_hand_in_each_direction():
    def f(x, y, z):
        return (x + y) * z

    point = (-2.0, 5.0, -4.0)
    assert [jvp(f, point, e)[1] for e in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))] == [-4, -4, 3]
    y, pullback = vjp(f, *point)
    assert (y, pullback(1.0)) == (-12.0, (-4.0, -4.0, 3.0))
    assert pullback(2.0) == (-8.0, -8.0, 6.0)


@pytest.mark.parametrize("mode", MODES)
def test_sigmoid_neuron(mode):
    def neuron(w0, x0, w1, x1, w2):
        return 1 / (1 + np.exp(-(w0 * x0 + w1 * x1 + w2)))

    point = w0, x0, w1, x1, _ = (2.0, -1.0, -3.0, -2.0, -3.0)
    s = 1 / (1 + math.exp(-1.0))
    d = s * (1 - s)
    close(neuron(*point), s)
    close(gradients(neuron, tuple(range(5)))[mode](*point), (d * x0, d * w0, d * x1, d * w1, d))


@pytest.mark.parametrize("x", [-1.7, -0.3, 0.0, 0.5, 1.2, 2.4])
def test_exponential_of_sine_of_square(x):
    def f(x):
        return np.exp(np.sin(x**2))

    e, s, c = math.exp(math.sin(x * x)), math.sin(x * x), math.cos(x * x)
    first = e * c * 2 * x
    second = e * (4 * x * x * c * c - 4 * x * x * s + 2 * c)
    for d in (derivative, grad):
        close(d(f)(x), first)
        for outer in (derivative, grad):
            close(outer(d(f))(x), second, 1e-13)
    close(hessian(f)(x), second, 1e-13)


@pytest.mark.parametrize("mode", MODES)
def test_logistic_regression_with_binary_cross_entropy(mode):
    rng = np.random.default_rng(3)
    x, w, b = rng.normal(size=7), rng.normal(size=7), 0.3
    for y in (0.0, 1.0):

        def loss(w, b, y=y):
            a = 1 / (1 + np.exp(-(np.dot(w, x) + b)))
            return -(y * np.log(a) + (1 - y) * np.log(1 - a))

        a = 1 / (1 + np.exp(-(w @ x + b)))
        dw, db = gradients(loss, (0, 1))[mode](w, b)
        close(dw, (a - y) * x, 1e-13)
        close(db, a - y, 1e-13)


@pytest.mark.parametrize("mode", MODES)
def test_logistic_regression_on_a_batch(mode):
    rng = np.random.default_rng(4)
    X, w, y = rng.normal(size=(20, 5)), rng.normal(size=5), (rng.random(20) > 0.5).astype(float)

    def loss(w):
        a = 1 / (1 + np.exp(-(X @ w)))
        return -np.sum(y * np.log(a) + (1 - y) * np.log(1 - a))

    a = 1 / (1 + np.exp(-(X @ w)))
    close(gradients(loss)[mode](w), X.T @ (a - y), 1e-12)
    close(hessian(loss)(w), X.T @ np.diag(a * (1 - a)) @ X, 1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_polynomial_in_three_weights(mode):
    def f(w):
        return w[0] + 3 * w[1] ** 2 + 5 * w[2] ** 3

    w = np.array([0.7, -1.5, 2.0])
    close(gradients(f)[mode](w), [1.0, 6 * w[1], 15 * w[2] ** 2])
    close(hessian(f)(w), np.diag([0.0, 6.0, 30 * w[2]]))
    assert grad(f)([1.0, 2.0, 1.0]) == [1.0, 12.0, 15.0]


@pytest.mark.parametrize("mode", MODES)
def test_one_layer(mode):
    """Y = g(W X): dW = (dY ∗ g'(Z)) Xᵀ and dX = Wᵀ (dY ∗ g'(Z)), elementwise ∗."""
    rng = np.random.default_rng(5)
    W, X, dY = rng.normal(size=(3, 4)), rng.normal(size=(4, 6)), rng.normal(size=(3, 6))

    def layer(W, X):
        return np.tanh(W @ X)

    S = dY * (1 - np.tanh(W @ X) ** 2)
    if mode == "reverse":
        y, pullback = vjp(layer, W, X)
        dW, dX = pullback(dY)
    else:
        y, (JW, JX) = value_and_jacobian(layer, (0, 1), mode="forward")(W, X)
        dW, dX = np.tensordot(dY, JW, 2), np.tensordot(dY, JX, 2)
    close(y, np.tanh(W @ X))
    close(dW, S @ X.T, 1e-13)
    close(dX, W.T @ S, 1e-13)


@pytest.mark.parametrize("mode", MODES)
def test_one_layer_with_bias_inside_a_loss(mode):
    rng = np.random.default_rng(6)
    parameters = {"W": rng.normal(size=(3, 4)), "b": rng.normal(size=(3, 1))}
    X, target = rng.normal(size=(4, 6)), rng.normal(size=(3, 6))

    def loss(p):
        return 0.5 * np.sum((np.tanh(p["W"] @ X + p["b"]) - target) ** 2)

    Y = np.tanh(parameters["W"] @ X + parameters["b"])
    S = (Y - target) * (1 - Y**2)
    got = gradients(loss)[mode](parameters)
    close(got["W"], S @ X.T, 1e-13)
    close(got["b"], S.sum(axis=1, keepdims=True), 1e-13)


def matrix_of_three(x):
    """A 4×2 matrix whose entries are functions of x of shape (3,)."""
    return np.array(
        [
            [x[0] * x[1], np.sin(x[2])],
            [x[0] ** 2, x[1] * x[2]],
            [np.exp(x[0]), 3.0],
            [x[0] + 2 * x[1] - x[2], x[0] * x[1] * x[2]],
        ]
    )


@pytest.mark.parametrize("mode", ["auto", *MODES])
def test_matrix_by_vector_is_a_tensor(mode):
    a, b, c = x = np.array([0.5, -1.25, 2.0])
    expected = np.array(
        [
            [[b, a, 0], [0, 0, math.cos(c)]],
            [[2 * a, 0, 0], [0, c, b]],
            [[math.exp(a), 0, 0], [0, 0, 0]],
            [[1, 2, -1], [b * c, a * c, a * b]],
        ]
    )
    value, J = value_and_jacobian(matrix_of_three, mode=mode)(x)
    assert value.shape == (4, 2)
    assert J.shape == (4, 2, 3)
    close(value, matrix_of_three(x))
    close(J, expected, 1e-15)


@pytest.mark.parametrize("mode", ["auto", *MODES])
def test_linear_map_to_a_tensor_is_exact(mode):
    T = np.random.default_rng(7).integers(-9, 9, (4, 2, 3)).astype(float)
    J = jacobian(lambda x: T @ x, mode=mode)(np.array([1.0, 2.0, 3.0]))
    assert J.shape == (4, 2, 3)
    np.testing.assert_array_equal(J, T)


@pytest.mark.parametrize("mode", ["auto", *MODES])
def test_polar_coordinates(mode):
    def polar(p):
        r, t = p
        return np.stack([r * np.cos(t), r * np.sin(t)])

    r, t = p = np.array([2.0, 0.6])
    J = jacobian(polar, mode=mode)(p)
    close(J, [[np.cos(t), -r * np.sin(t)], [np.sin(t), r * np.cos(t)]])
    close(np.linalg.det(J), r)


def test_rosenbrock():
    def f(x):
        return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    value, g = value_and_grad(f)(np.ones(5))
    assert value == 0
    assert not g.any()
    a, b = x = np.array([-1.2, 1.0])
    close(grad(f)(x), [-400 * a * (b - a * a) - 2 * (1 - a), 200 * (b - a * a)])
    close(hessian(f)(x), [[1200 * a * a - 400 * b + 2, -400 * a], [-400 * a, 200]])


def test_quadratic_form():
    rng = np.random.default_rng(8)
    A, x = rng.normal(size=(4, 4)), rng.normal(size=4)
    close(grad(lambda x: x @ A @ x)(x), (A + A.T) @ x, 1e-13)
    close(grad(lambda A: x @ A @ x)(A), np.outer(x, x))
    close(hessian(lambda x: x @ A @ x)(x), A + A.T, 1e-13)


def test_log_determinant_and_inverse():
    rng = np.random.default_rng(9)
    A = rng.normal(size=(4, 4)) + 4 * np.eye(4)
    close(grad(lambda A: np.linalg.slogdet(A)[1])(A), np.linalg.inv(A).T, 1e-12)
    close(grad(lambda A: np.trace(np.linalg.inv(A)))(A), -(np.linalg.inv(A) @ np.linalg.inv(A)).T, 1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
def test_derivatives_of_a_power_to_any_order(n):
    x = 1.5
    close(derivative(lambda x: x**6, n)(x), math.perm(6, n) * x ** (6 - n))
    close(derivative(np.exp, n)(x), math.exp(x))
    close(derivative(np.sin, n)(x), math.sin(x + n * math.pi / 2), 1e-13)
