"""How each derivative is called and what it hands back: arguments, kinds of numbers, dtypes, fresh results."""

import inspect

import numpy as np
import pytest

import dualad
from dualad import (
    derivative,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    linearize,
    primal,
    stop_gradient,
    value_and_grad,
    value_and_jacobian,
    vjp,
)

JACOBIANS = ("auto", "forward", "reverse")
HESSIANS = ("auto", *(f"{a}-over-{b}" for a in ("forward", "reverse") for b in ("forward", "reverse")))
FLOATS = (np.float32, np.float64, np.longdouble)

# Functions that return a derivative in their first argument, and which they can: all of the same scalar function.
GRADIENTS = {
    "grad": grad,
    "value_and_grad": lambda f, *a, **k: lambda *x, **kw: value_and_grad(f, *a, **k)(*x, **kw)[1],
}
GRADIENTS |= {f"jacobian {m}": lambda f, *a, m=m, **k: jacobian(f, *a, mode=m, **k) for m in JACOBIANS}
every_gradient = pytest.mark.parametrize("d", GRADIENTS.values(), ids=GRADIENTS)


def close(a, b, tolerance=1e-13):
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


# which argument
@every_gradient
@pytest.mark.parametrize(
    ("argnums", "expected"),
    [
        (0, 12.0),
        (1, 8.0),
        (-1, 6.0),
        (-3, 12.0),
        ((0,), (12.0,)),
        ((1, 2), (8.0, 6.0)),
        ((2, 0), (6.0, 12.0)),
        ((-1, 0), (6.0, 12.0)),
        ([0, 1, 2], (12.0, 8.0, 6.0)),
        ((), ()),
        (np.int64(1), 8.0),
    ],
)
def test_argnums(d, argnums, expected):
    got = d(lambda x, y, z: x * y * z, argnums)(2.0, 3.0, 4.0)
    assert got == expected
    assert type(got) is type(expected)


@every_gradient
def test_argnums_names_a_keyword(d):
    def f(x, *, w, b=1.0):
        return x * w + b

    assert d(f, "w")(2.0, w=3.0) == 2.0
    assert d(f, "b")(2.0, w=3.0, b=0.0) == 1.0
    assert d(f, (0, "w"))(2.0, w=3.0) == (3.0, 2.0)
    assert d(f, ("w", 0))(2.0, w=3.0) == (2.0, 3.0)


@every_gradient
def test_other_arguments_pass_through_untouched(d):
    seen = []

    def f(x, flag, *rest, scale, **more):
        seen.append((flag, rest, more))
        return scale * x

    assert d(f)(2.0, "text", None, {1}, scale=3, other=[b"bytes"]) == 3.0
    assert seen[0] == ("text", (None, {1}), {"other": [b"bytes"]})


@pytest.mark.parametrize("mode", HESSIANS)
def test_hessian_argnums(mode):
    def f(x, y, *, w):
        return x**2 * y**3 * w

    assert hessian(f, mode=mode)(2.0, 3.0, w=5.0) == 2 * 27 * 5
    assert hessian(f, 1, mode=mode)(2.0, 3.0, w=5.0) == 4 * 18 * 5
    assert hessian(f, "w", mode=mode)(2.0, 3.0, w=5.0) == 0
    assert hessian(f, (0, 1), mode=mode)(2.0, 3.0, w=5.0) == ((270.0, 540.0), (540.0, 360.0))


def test_has_aux():
    def f(x):
        return np.sum(x * x), {"norm": np.sqrt(np.sum(x * x)), "text": "note", "n": 3, "x": x, "none": None}

    x = np.array([3.0, 4.0])
    g, aux = grad(f, has_aux=True)(x)
    (value, aux2), g2 = value_and_grad(f, has_aux=True)(x)
    y, dy, aux3 = jvp(f, (x,), (x,), has_aux=True)
    y2, pullback, aux4 = vjp(f, x, has_aux=True)
    for gradient in (g, g2, pullback(1.0)[0]):
        close(gradient, 2 * x)
    assert value == y == y2 == 25.0
    assert dy == 50.0
    for found in (aux, aux2, aux3, aux4):
        assert found["norm"] == 5.0
        assert not isinstance(found["norm"], dualad.op.Tracer)
        assert (found["text"], found["n"], found["none"]) == ("note", 3, None)
        np.testing.assert_array_equal(found["x"], x)
        assert type(found["x"]) is np.ndarray


def test_aux_of_an_inner_derivative_stays_traced_by_the_outer():
    def f(x):
        g, aux = grad(lambda y: (y * y * x, x * y), has_aux=True)(3.0)
        return g * aux  # 6 x · 3 x

    assert grad(f)(2.0) == 72.0
    assert derivative(f)(2.0) == 72.0


@every_gradient
def test_names_and_docs_are_the_functions(d):
    def loss(x):
        """Return the square."""
        return x * x

    if "<lambda>" not in d.__qualname__:
        assert d(loss).__name__ == "loss"
        assert inspect.getdoc(d(loss)) == "Return the square."
    assert d(np.sin)(0.0) == 1.0


def test_callable_objects_and_methods_are_differentiated():
    class Model:
        w = 3.0

        def __call__(self, x):
            return self.w * x

        def loss(self, x):
            return self(x) ** 2

    model = Model()
    assert grad(model)(2.0) == 3.0
    assert grad(model.loss)(2.0) == 36.0
    assert jvp(model, (2.0,), (1.0,)) == (6.0, 3.0)


# Python floats
@every_gradient
def test_python_floats_stay_python_floats(d):
    for x in (2.0, 2, True + 1):
        assert type(d(lambda x: np.exp(x) * x + abs(x) ** 2 / 3)(x)) is float
    assert type(d(lambda p: p[0] * np.sin(p[1]))([1.0, 2.0])[1]) is float
    assert type(d(lambda x: 5.0)(2.0)) is float
    assert type(d(lambda x: np.sum(x * np.ones(3)))(2.0)) is float


def test_python_floats_in_every_entry_point():
    def f(x):
        return np.sin(x) * x**3

    results = [*jvp(f, (2.0,), (1.0,)), *vjp(f, 2.0)[1](1.0), vjp(f, 2.0)[0], *value_and_grad(f)(2.0)]
    results += [linearize(f, 2.0)[0], linearize(f, 2.0)[1](1.0), hvp(f, 2.0, 1.0), derivative(f)(2.0)]
    results += [derivative(f, 3)(2.0), *value_and_jacobian(f)(2.0)]
    results += [hessian(f, mode=mode)(2.0) for mode in HESSIANS]
    assert [type(r) for r in results] == [float] * len(results)


@every_gradient
def test_numpy_scalars_are_taken_as_they_are(d):
    for kind in FLOATS:
        got = d(lambda x: x * x)(kind(3))
        assert got == 6
        assert got.dtype == kind
        got = d(lambda x: np.sum(x * x))(np.array(3, kind))
        assert got == 6
        assert got.dtype == kind


# dtypes
def layers(x):
    """Enough of NumPy that a stray float64 would show."""
    y = np.tanh(x[1:] * 2.0 + 1) - np.mean(x) * np.sqrt(np.abs(x[:-1]) + 1)
    return np.where(y > 0, y, 0.1 * y) ** 2 / 3 + np.max(x) * np.concatenate([y[:1], y[1:]])


@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("mode", JACOBIANS)
def test_jacobian_keeps_the_dtype(kind, mode):
    x = np.linspace(-1, 1, 5).astype(kind)
    y, J = value_and_jacobian(layers, mode=mode)(x)
    assert y.dtype == J.dtype == kind
    close(J, jacobian(layers)(x.astype(float)), 1e-5 if kind is np.float32 else 1e-13)


@pytest.mark.parametrize("kind", FLOATS)
def test_every_entry_point_keeps_the_dtype(kind):
    x = np.linspace(-1, 1, 5).astype(kind)

    def f(x):
        return np.sum(layers(x))

    y, pullback = vjp(layers, x)
    y2, push = linearize(layers, x)
    found = [*jvp(layers, (x,), (x,)), y, *pullback(y), y2, push(x), *value_and_grad(f)(x), hvp(f, x, x)]
    found += [hessian(f, mode=mode)(x) for mode in HESSIANS]
    found += [derivative(lambda x: np.exp(x) * x, 2)(x), *value_and_jacobian(f)(x)]
    assert {str(r.dtype) for r in found} == {str(np.dtype(kind))}


@pytest.mark.parametrize("kind", FLOATS)
def test_longdouble_keeps_its_digits(kind):
    x = np.array([1, 3], kind) / 3
    close(grad(lambda x: np.sum(np.exp(x)))(x), np.exp(x), 2 * np.finfo(kind).eps)
    close(jvp(lambda x: np.exp(x), (x,), (x,))[1], np.exp(x) * x, 2 * np.finfo(kind).eps)


@pytest.mark.parametrize("kind", [np.int8, np.int32, np.int64, np.uint8])
def test_integers_are_promoted(kind):
    x = np.array([1, 2, 3], kind)
    for d in (grad, jacobian, lambda f: jacobian(f, mode="forward")):
        g = d(lambda x: np.sum(x**2) / 2)(x)
        assert g.dtype == np.float64
        np.testing.assert_array_equal(g, [1, 2, 3])
    y, dy = jvp(lambda x: x * x, (x,), (np.ones(3, kind),))
    assert y.dtype == dy.dtype == np.float64
    assert type(grad(lambda x: x * x)(int(x[1]))) is float
    assert grad(lambda x: x * x)(x[1]).dtype == np.float64


def test_tangents_and_cotangents_take_the_dtype_of_what_they_belong_to():
    x = np.ones(3, np.float32)
    assert jvp(np.sin, (x,), (np.ones(3),))[1].dtype == np.float32
    assert vjp(np.sin, x)[1](np.ones(3))[0].dtype == np.float32
    assert vjp(np.sin, x)[1](np.ones(3, int))[0].dtype == np.float32
    assert linearize(np.sin, x)[1](np.ones(3, int)).dtype == np.float32
    assert hvp(lambda x: np.sum(np.sin(x)), x, np.ones(3)).dtype == np.float32


def test_mixed_dtypes_each_keep_their_own():
    a, b = np.ones(3, np.float32), np.ones(3)
    for mode in JACOBIANS:
        J, K = jacobian(lambda a, b: a * b, (0, 1), mode=mode)(a, b)
        np.testing.assert_array_equal(J, np.eye(3))
        np.testing.assert_array_equal(K, np.eye(3))
    g, h = grad(lambda a, b: np.sum(a * b), (0, 1))(a, b)
    assert (g.dtype, h.dtype) == (np.float32, np.float64)


# reuse
def test_linearize_and_pullback_are_reusable():
    rng = np.random.default_rng(0)
    x = rng.normal(size=6)
    J = jacobian(layers)(x)
    _, push = linearize(layers, x)
    _, pullback = vjp(layers, x)
    for _ in range(20):
        dx, g = rng.normal(size=6), rng.normal(size=5)
        close(push(dx), J @ dx)
        close(pullback(g)[0], g @ J)
    assert np.linalg.norm(push(np.zeros(6))) == 0


def test_derived_functions_are_reusable():
    g, J, H = grad(lambda x: np.sum(x**3)), jacobian(np.sin), hessian(lambda x: np.sum(x**3))
    for n in (1, 3, 2):
        x = np.arange(1.0, n + 1)
        close(g(x), 3 * x**2)
        close(J(x), np.diag(np.cos(x)))
        close(H(x), np.diag(6 * x))
    assert g(2.0) == 12.0


# chunks
@pytest.mark.parametrize("mode", JACOBIANS)
@pytest.mark.parametrize("shape", [(7,), (2, 3), (3, 5)])
def test_chunks_change_nothing(mode, shape):
    x = np.random.default_rng(1).normal(size=shape)

    def f(x):
        return np.sin(x @ np.ones((shape[-1], 4)) * np.arange(4.0)), np.cumsum(x, axis=-1)

    whole = jacobian(f, mode=mode)(x)
    for chunk_bytes in (0, 1, 100, 333, 10**9):
        for a, b in zip(whole, jacobian(f, mode=mode, chunk_bytes=chunk_bytes)(x), strict=True):
            close(a, b, 1e-15)


@pytest.mark.parametrize("mode", HESSIANS)
def test_hessian_in_chunks(mode):
    x = np.random.default_rng(2).normal(size=5)
    close(hessian(lambda x: np.sum(np.sin(x) * x[0]), mode=mode, chunk_bytes=1)(x),
          hessian(lambda x: np.sum(np.sin(x) * x[0]))(x))  # fmt: skip


# ways out
def test_stop_gradient_and_primal():
    assert grad(lambda x: x * stop_gradient(x))(3.0) == 3.0
    assert derivative(lambda x: x * primal(x))(3.0) == 3.0
    assert grad(grad(lambda x: x * x * stop_gradient(x * x)))(3.0) == 18.0
    assert stop_gradient({"a": [1.0, (2.0,)]}) == {"a": [1.0, (2.0,)]}
    assert type(primal(grad(lambda x: primal(x) * x)(2.0))) is float

    def f(x):
        frozen = stop_gradient({"w": x, "b": [x * x, 1.0]})
        assert type(frozen["w"]) is np.ndarray
        return np.sum(x * frozen["w"] + frozen["b"][0])

    np.testing.assert_array_equal(grad(f)(np.array([1.0, 2.0])), [1.0, 2.0])
    assert primal("text") == "text"
