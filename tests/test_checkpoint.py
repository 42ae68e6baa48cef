"""Checkpointed functions: the derivatives of the functions themselves, with less memory, or an error."""

import tracemalloc

import numpy as np
import pytest

from dualad import (
    ArgumentError,
    AssignmentError,
    LeakError,
    checkpoint,
    compile,
    count,
    debug_nans,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    linearize,
    value_and_grad,
    vjp,
)

MODES = ("forward-over-reverse", "reverse-over-forward", "forward-over-forward", "reverse-over-reverse")


def layer(h, w):
    return np.tanh(w @ h) + 0.1 * h


def network(make, layers=4):
    """A network of checkpointed layers, or of plain ones."""

    def f(h, w):
        for k in range(layers):
            h = make(layer)(h, w[k])
        return np.sum(h**2)

    return f


def plain(f):
    return f


def point(seed=1, n=3, layers=4):
    rng = np.random.default_rng(seed)
    return rng.normal(size=n), rng.normal(size=(layers, n, n))


@pytest.mark.parametrize("argnums", [0, 1, (0, 1)])
def test_gradients_are_those_of_the_function(argnums):
    args = point()
    value, found = value_and_grad(network(checkpoint), argnums)(*args)
    expected_value, expected = value_and_grad(network(plain), argnums)(*args)
    assert value == expected_value
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("mode", MODES)
def test_second_derivatives(mode):
    h, w = point()
    found = hessian(network(checkpoint), mode=mode)(h, w)
    np.testing.assert_allclose(found, hessian(network(plain))(h, w), rtol=1e-12, atol=1e-13)


def test_third_derivatives_of_segments_in_segments():
    h, w = point(layers=2)

    def inner(f):
        return checkpoint(checkpoint(f))

    for outer in ("forward", "reverse"):
        found = jacobian(hessian(checkpoint(network(inner, 2)), mode="reverse-over-reverse"), mode=outer)(
            h, w
        )
        expected = jacobian(hessian(network(plain, 2)))(h, w)
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)


def test_all_other_derivatives():
    h, w = point()

    def pair(make):
        def f(h):
            y = make(layer)(h, w[0])
            return make(lambda y: (y * 2.0, {"s": np.sum(y) * h[0]}))(y)

        return f

    found, expected = pair(checkpoint), pair(plain)
    g = (np.arange(3.0), {"s": 2.0})
    for f in (found, expected):
        y, pullback = vjp(f, h)
        assert type(y[1]) is dict
    first, again = pullback(g), vjp(found, h)[1]
    for _ in range(2):  # a pullback can be called again
        np.testing.assert_allclose(again(g)[0], first[0], rtol=1e-14)
    for a, b in zip(jvp(found, (h,), (w[1, 0],))[1], jvp(expected, (h,), (w[1, 0],))[1], strict=True):
        np.testing.assert_equal(a, b)
    for a, b in zip(linearize(found, h)[1](h), linearize(expected, h)[1](h), strict=True):
        np.testing.assert_equal(a, b)
    for mode in ("forward", "reverse", "auto"):
        a, b = (jacobian(f, mode=mode)(h) for f in (found, expected))
        np.testing.assert_allclose(a[0], b[0], rtol=1e-14, atol=1e-15)
        np.testing.assert_allclose(a[1]["s"], b[1]["s"], rtol=1e-14)
    f, g = network(checkpoint), network(plain)
    np.testing.assert_allclose(hvp(lambda h: f(h, w), h, h), hvp(lambda h: g(h, w), h, h), rtol=1e-13)
    with debug_nans():
        np.testing.assert_allclose(grad(f)(h, w), grad(g)(h, w), rtol=1e-13)


def test_numbers_complex_values_and_other_dtypes():
    assert grad(checkpoint(lambda x: x**3))(2.0) == 12.0
    assert type(grad(checkpoint(lambda x: x**3))(2.0)) is float
    z = np.array([1 + 2j, 0.5j])

    def f(z):
        return np.sum(np.abs(np.exp(z) * z) ** 2)

    np.testing.assert_allclose(
        grad(lambda z: checkpoint(f)(z * 1j))(z), grad(lambda z: f(z * 1j))(z), rtol=1e-14
    )
    x = np.ones(3, np.float32)
    assert grad(checkpoint(lambda x: np.sum(np.sin(x))))(x).dtype == np.float32


def test_arguments_and_results_of_any_kind():
    @checkpoint
    def pick(p, index, *, power, label):
        assert label == "as it is"
        return {"y": p["a"][index] ** power, "n": len(index), "label": label, "none": None}, index

    def f(a):
        found, index = pick({"a": a}, np.array([2, 0]), power=3, label="as it is")
        assert found["n"] == 2
        assert found["label"] == "as it is"
        assert found["none"] is None
        assert list(index) == [2, 0]
        return found["y"] @ np.array([1.0, 10.0])

    np.testing.assert_array_equal(grad(f)(np.array([1.0, 2.0, 3.0])), [30.0, 0.0, 27.0])
    found, _ = pick({"a": np.ones(3)}, np.array([1]), power=2, label="as it is")  # without derivatives
    assert found["n"] == 1
    np.testing.assert_array_equal(grad(lambda x: checkpoint(np.sum)([x, 2 * x]))(1.5), 3.0)


def test_traced_values_of_functions_around_are_arguments():
    h, w = point()

    def f(make):
        def loss(w):
            scale = {"k": [w[0, 0, 0], 2.0]}

            def helper(h, n):
                return helper(h, n - 1) * 1.1 if n else np.tanh(w[0] @ h)

            part = make(lambda h: helper(h, 2) * scale["k"][0] + scale["k"][1])
            return np.sum(part(part(h)) ** 2)

        return loss

    np.testing.assert_allclose(grad(f(checkpoint))(w), grad(f(plain))(w), rtol=1e-14)
    direction = np.random.default_rng(3).normal(size=w.shape)
    np.testing.assert_allclose(hvp(f(checkpoint), w, direction), hvp(f(plain), w, direction), rtol=1e-12)

    def twice(make, inner_first):
        def outer(a):
            def inner(b):
                part = make(lambda x: np.sin(x * a) * b)
                return part(a if inner_first else b) * b

            return grad(inner)(a * 1.5)

        return grad(outer)

    for flag in (True, False):  # the argument is of the one derivative, what is read of the other
        assert twice(checkpoint, flag)(0.7) == pytest.approx(twice(plain, flag)(0.7), rel=1e-13)


class Model:
    def __init__(self, w):
        self.w = w

    def __call__(self, h):
        return np.tanh(self.w * h)


def test_traced_values_from_elsewhere_raise():
    def f(w):
        model = Model(w)
        return np.sum(checkpoint(lambda h: model(h))(w * 2.0))

    with pytest.raises(
        ArgumentError, match=r"(?s)reads a traced value .*test_checkpoint.*pass it as an argument"
    ):
        grad(f)(np.ones(2))
    with pytest.raises(ArgumentError, match="reads a traced value"):
        jvp(f, (np.ones(2),), (np.ones(2),))


def test_functions_that_change_raise():
    rng = np.random.default_rng(5)
    x = np.ones(3)
    with pytest.raises(ArgumentError, match="other results when it was run again"):
        grad(lambda x: np.sum(checkpoint(lambda x: x * rng.normal(size=3))(x)))(x)
    buffer = np.ones(3)

    def f(x):
        y = checkpoint(lambda x: x * buffer)(x)
        buffer[:] = 2.0
        return np.sum(y)

    with pytest.raises(ArgumentError, match="reads what has changed"):
        grad(f)(x)
    counts = []

    def grows(x):
        counts.append(1)
        return x * np.ones(len(counts))

    with pytest.raises(ArgumentError, match="other results"):
        grad(lambda x: np.sum(checkpoint(grows)(x)))(2.0)


def test_rounding_infinities_and_nan_are_no_change():
    x, runs = np.array([1.0, 0.0, -1.0, 2.0]), []

    def f(x):
        runs.append(1)
        with np.errstate(all="ignore"):
            return np.log(x) / x * (1.0 + 1e-13 * len(runs))

    with np.errstate(all="ignore"):
        found = grad(lambda x: np.sum(checkpoint(f)(x)))(x)
    np.testing.assert_allclose(found[[0, 3]], (1 - np.log(x[[0, 3]])) / x[[0, 3]] ** 2, rtol=1e-10)
    assert len(runs) == 2


def test_values_let_out_raise():
    kept = []

    def f(x):
        y = checkpoint(lambda x: kept.append(x * 2.0) or x**2)(x)
        return np.sum(y * kept[-1])

    with pytest.raises(LeakError):
        grad(f)(np.ones(2))
    kept.clear()
    with pytest.raises(LeakError):
        jvp(lambda x: grad(f)(x), (np.ones(2),), (np.ones(2),))


def test_assignments():
    def inside(x):
        y = x.copy()
        y[0] = x[1] ** 2
        return y

    def argument(x):
        x[0] = x[1] ** 2
        return x

    x = np.array([1.0, 3.0])
    np.testing.assert_array_equal(jacobian(checkpoint(inside))(x), [[0.0, 6.0], [0.0, 1.0]])
    with pytest.raises(AssignmentError, match=r"x = x\.copy"):
        grad(lambda x: np.sum(checkpoint(argument)(x * 1.0)))(x)

    def later(x):  # the caller's own array, assigned into after the segment
        z = x * 1.0
        y = checkpoint(np.sin)(z)
        z[0] = 5.0
        return np.sum(y) + z[0]

    np.testing.assert_array_equal(grad(later)(x), np.cos(x))

    def outer(x):
        total = x[0]

        def part(y):
            nonlocal total
            total = total * 2.0
            return y * total

        return checkpoint(part)(x[1])

    with pytest.raises(AssignmentError, match="outer variable total"):
        grad(outer)(x)


def test_a_segment_is_run_once_more_a_sweep():
    runs = []

    def f(x):
        runs.append(1)
        return np.sin(x) * x

    part = checkpoint(f)
    grad(lambda x: np.sum(part(x)))(np.ones(3))
    assert len(runs) == 2
    _, pullback = vjp(part, np.ones(3))
    pullback(np.ones(3))
    pullback(np.ones(3))
    assert len(runs) == 5
    runs.clear()
    part(np.ones(3))
    jvp(part, (np.ones(3),), (np.ones(3),))
    assert len(runs) == 2
    runs.clear()
    grad(lambda x: np.sum(part(x)[:1] * 0.0 + x))(np.ones(3))
    assert len(runs) == 2
    counted = [count(grad(network(make)))(*point()).by_op["np.tanh"] for make in (plain, checkpoint)]
    assert counted == [12, 24]


def test_compiled_functions_go_through():
    h, w = point()
    found = compile(grad(network(checkpoint)))
    for _ in range(2):
        np.testing.assert_allclose(found(h, w), grad(network(plain))(h, w), rtol=1e-12)


def peak(f, *args):
    f(*args)
    tracemalloc.start()
    try:
        f(*args)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory():
    def part(x):
        for _ in range(50):
            x = np.sin(x) * 1.1
        return x

    def whole(make):
        def f(x):
            for _ in range(20):
                x = make(part)(x)
            return np.sum(x)

        return grad(f)

    x = np.linspace(0.0, 1.0, 10_000)
    full, less = peak(whole(plain), x), peak(whole(checkpoint), x)
    assert full > 1000 * x.nbytes  # a result a round
    assert less < 100 * x.nbytes  # one part's, and the inputs of all
    # Forward over reverse keeps no more, of two numbers where there was one; nor does reverse over reverse.
    loss = [lambda x, make=make: np.sum(whole(make)(x) ** 2) for make in (plain, checkpoint)]
    full, less = (peak(lambda x, f=f: jvp(f, (x,), (x,)), x) for f in loss)
    assert less < full / 6
    full, less = (peak(grad(f), x) for f in loss)
    assert less < full / 6
