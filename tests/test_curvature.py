"""Hessians symmetric to the last bit, passes that give several derivatives, products, divergence and curl."""

import numpy as np
import pytest

from dualad import (
    NotScalarError,
    ShapeError,
    compile,
    count,
    curl,
    divergence,
    gauss_newton_product,
    grad,
    hessian,
    hvp,
    jacobian,
    laplacian,
    value_and_grad,
    value_grad_and_hessian,
)
from dualad.blocks import symmetric

RNG_SEED = 7
MODES = ("forward-over-reverse", "reverse-over-forward", "forward-over-forward", "reverse-over-reverse")


def bumpy(x):
    y = np.tanh(np.outer(x, x) / 3 + np.sin(x))
    return np.sum(np.exp(y @ x / 5) / (1 + x**2))


def point(n=7):
    return np.random.default_rng(RNG_SEED).normal(size=n)


@pytest.mark.parametrize("mode", ["auto", *MODES])
def test_hessians_are_symmetric_to_the_last_bit(mode):
    x = point()
    H = hessian(bumpy, mode=mode)(x)
    np.testing.assert_array_equal(H, H.T)
    np.testing.assert_allclose(H, jacobian(grad(bumpy))(x), rtol=1e-12, atol=1e-13)


def test_rounding_alone_made_the_halves_differ():
    plain = jacobian(grad(bumpy))(point(40))
    assert np.any(plain != plain.T)  # or the test above could not fail


def test_blocks_of_containers_are_symmetric_too():
    rng = np.random.default_rng(RNG_SEED)
    tree = {"w": rng.normal(size=(3, 2)), "b": rng.normal(size=2), "s": 0.7}

    def f(p):
        return np.sum(
            np.exp(np.tanh(p["w"] @ p["b"] * p["s"]) / (1 + p["s"] ** 2 + p["w"][:, 0] * p["b"][1]))
        )

    H = hessian(f)(tree)
    for a in tree:
        for b in tree:
            turned = (
                np.moveaxis(H[b][a], range(np.ndim(tree[b])), range(-np.ndim(tree[b]), 0))
                if np.ndim(tree[b])
                else H[b][a]
            )
            np.testing.assert_array_equal(H[a][b], turned)
    assert type(H["s"]["s"]) is float
    H["w"]["b"][:] = 0.0  # the caller's own
    assert np.any(H["b"]["w"])


def test_means_keep_what_is_infinite_missing_or_tiny():
    inf, nan, tiny = np.inf, np.nan, 5e-324
    H = np.array(
        [[inf, 1.0, nan, 1.7e308], [3.0, tiny, tiny, 0.0], [0.0, tiny, nan, inf], [1.7e308, 0.0, inf, 2.0]]
    )
    S = symmetric(H)
    np.testing.assert_array_equal(S, S.T)
    np.testing.assert_array_equal(
        S, [[inf, 2.0, nan, 1.7e308], [2.0, tiny, tiny, 0.0], [nan, tiny, nan, inf], [1.7e308, 0.0, inf, 2.0]]
    )
    pair = symmetric([[1.0, 2.0], [4.0, 5.0]])
    assert pair == [[1.0, 3.0], [3.0, 5.0]]


def test_value_gradient_and_hessian_in_one_pass():
    x = point()
    value, g, H = value_grad_and_hessian(bumpy)(x)
    assert value == bumpy(x)
    np.testing.assert_array_equal(g, grad(bumpy)(x))
    np.testing.assert_array_equal(H, hessian(bumpy)(x))
    calls = []

    def watched(x):
        calls.append(1)
        return bumpy(x)

    value_grad_and_hessian(watched)(x)
    assert len(calls) == 1
    whole, apart = (count(h)(x).calls for h in (value_grad_and_hessian(bumpy), hessian(bumpy)))
    assert whole <= apart + 5
    with pytest.raises(NotScalarError):
        value_grad_and_hessian(np.sin)(x)


def test_value_gradient_and_hessian_of_other_arguments():
    def f(n, p, *, k):
        return n * np.sum(p["a"] ** 3) * p["b"] * k

    value, g, H = value_grad_and_hessian(f, argnums=1)(2, {"a": np.array([1.0, 2.0]), "b": 3.0}, k=1.5)
    assert value == pytest.approx(81.0)
    np.testing.assert_allclose(g["a"], [27.0, 108.0])
    np.testing.assert_allclose(H["a"]["a"], np.diag([54.0, 108.0]))
    np.testing.assert_allclose(H["a"]["b"], [9.0, 36.0])
    assert H["b"]["b"] == 0.0


def test_derivatives_of_hessians_and_compiled_ones():
    x = point(3)
    third = jacobian(hessian(bumpy))(x)
    np.testing.assert_allclose(third, np.transpose(third, (2, 0, 1)), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(compile(hessian(bumpy))(x), hessian(bumpy)(x), rtol=1e-12, atol=1e-13)
    for got, expected in zip(
        compile(value_grad_and_hessian(bumpy))(x), value_grad_and_hessian(bumpy)(x), strict=True
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-13)


def test_products_for_many_vectors_run_the_gradient_once():
    x, calls = point(), []

    def watched(x):
        calls.append(1)
        return bumpy(x)

    product = hvp(watched, x)
    for v in np.eye(len(x)):
        np.testing.assert_allclose(product(v), hvp(bumpy, x, v), rtol=1e-13, atol=1e-15)
    assert len(calls) == 1
    with pytest.raises(ShapeError):
        product(np.ones(3))


def residuals(p):
    return [np.sin(p["a"]) * p["b"], np.outer(p["a"], p["a"])]


def test_gauss_newton_products():
    rng = np.random.default_rng(RNG_SEED)
    p = {"a": rng.normal(size=3), "b": 1.3}
    v = {"a": rng.normal(size=3), "b": -0.4}

    def flat(z):
        first, second = residuals({"a": z[:3], "b": z[3]})
        return np.concatenate([first, np.ravel(second)])

    J = jacobian(flat)(np.append(p["a"], p["b"]))
    expected = J.T @ J @ np.append(v["a"], v["b"])
    product = gauss_newton_product(residuals, p)
    for found in (gauss_newton_product(residuals, p, v), product(v), product(v)):
        np.testing.assert_allclose(np.append(found["a"], found["b"]), expected, rtol=1e-13)
        assert type(found["b"]) is float
    # the Hessian of half the sum of squares, where the residuals are linear
    A, x, w = rng.normal(size=(4, 3)), rng.normal(size=3), rng.normal(size=3)
    np.testing.assert_allclose(
        gauss_newton_product(lambda x: A @ x, x, w), hvp(lambda x: np.sum((A @ x) ** 2) / 2, x, w), rtol=1e-13
    )
    with pytest.raises(ShapeError):
        product({"a": np.ones(2), "b": 1.0})


def test_gauss_newton_products_nest_and_take_complex_residuals():
    rng = np.random.default_rng(RNG_SEED)
    x, v = rng.normal(size=(2, 3))
    A = rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3))
    found = gauss_newton_product(lambda x: A @ x, x, v)
    np.testing.assert_allclose(found, np.real(A.conj().T @ A) @ v, rtol=1e-13)
    assert found.dtype == float

    def squared(x):
        return np.sum(gauss_newton_product(np.sin, x, v) * x)

    np.testing.assert_allclose(
        grad(squared)(x), grad(lambda x: np.sum(np.cos(x) ** 2 * v * x))(x), rtol=1e-13
    )


def field(x):
    return np.stack([x[0] * x[1] ** 2, np.sin(x[2]) * x[0], np.exp(x[1]) + x[2] ** 3])


def test_divergence_and_curl():
    x, y, z = p = point(3)
    assert divergence(field)(p) == pytest.approx(y**2 + 3 * z**2, rel=1e-14)
    expected = [np.exp(y) - x * np.cos(z), 0.0, np.sin(z) - 2 * x * y]
    np.testing.assert_allclose(curl(field)(p), expected, rtol=1e-13, atol=1e-15)
    assert curl(lambda x: np.stack([-(x[1] ** 2), x[0]]))(np.array([1.0, 3.0])) == 7.0
    grid = np.random.default_rng(1).normal(size=(3, 4))
    assert divergence(lambda u: u**2)(grid) == pytest.approx(2 * np.sum(grid), rel=1e-13)


def test_identities_of_vector_calculus():
    p = point(3)

    def potential(x):
        return np.sin(x[0] * x[1]) + x[2] ** 2 * x[0]

    assert np.max(np.abs(curl(grad(potential))(p))) < 1e-14
    assert abs(divergence(curl(field))(p)) < 1e-14
    assert divergence(grad(potential))(p) == pytest.approx(laplacian(potential)(p), rel=1e-13)


def test_fields_of_other_shapes_are_refused():
    with pytest.raises(ShapeError, match="two or three dimensions"):
        curl(np.sin)(np.ones(4))
    with pytest.raises(ShapeError, match="same shape"):
        divergence(np.sum)(np.ones(4))
    with pytest.raises(ShapeError, match="same shape"):
        curl(lambda x: [x[0], x[1], x[2]])(np.ones(3))
    assert value_and_grad(lambda x: np.sum(x**2))(np.ones(2))[0] == 2.0
