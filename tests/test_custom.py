"""`custom_rule`: users' derivatives, of one rule or both, under every interpreter and order."""

import math

import numpy as np
import pytest

import dualad
from dualad import (
    ArgumentError,
    ConversionError,
    DtypeError,
    GradientError,
    NoRuleError,
    ShapeError,
    check_grads,
    compile,
    custom_rule,
    grad,
    hessian,
    jacobian,
    jvp,
    vjp,
)

A, B = np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.2, 0.1])
CALLS = []


def opaque(pair, scale, n=2):
    """Nested containers in and out, and a parameter that is no number to derivatives; it takes plain arrays only."""
    a, b = pair["a"], pair["b"]
    assert type(a) is type(b) is np.ndarray and isinstance(scale, float)
    CALLS.append(1)
    return {"product": a * b * scale, "powers": [float(np.sum(a**n)), a]}


def pushed(tangents, y, pair, scale, n):
    (dpair, ds, dn), a, b = tangents, pair["a"], pair["b"]
    assert dn is None
    da = dpair["a"]
    dproduct = da * b * scale + a * dpair["b"] * scale + a * b * ds
    return {"product": dproduct, "powers": [np.sum(n * a ** (n - 1) * da), da]}


def pulled(g, y, pair, scale, n):
    a, b, (g_sum, g_a) = pair["a"], pair["b"], g["powers"]
    g_b = g["product"] * a * scale
    back = {"a": g["product"] * b * scale + g_sum * n * a ** (n - 1) + g_a, "b": g_b}
    return back, np.sum(g["product"] * a * b), None


def plain(pair, scale, n=2):
    a, b = pair["a"], pair["b"]
    return {"product": a * b * scale, "powers": [np.sum(a**n), a]}


RULES = {
    "pushforward": custom_rule(opaque, pushforward=pushed),
    "pullback": custom_rule(opaque, pullback=pulled),
    "both": custom_rule(opaque, pushforward=pushed, pullback=pulled),
}


def measured(f):
    """A number, nonlinear in all that goes in."""

    def number(a):
        y = f({"a": a, "b": B * a[::-1]}, scale=a[0] * a[1], n=3)
        total, same = y["powers"]
        return np.sum(y["product"] ** 2) + total * a[2] + np.sum(np.sin(same))

    return number


EXPECTED = measured(plain)


@pytest.fixture(params=RULES)
def number(request):
    return measured(RULES[request.param])


@pytest.mark.parametrize("modes", ["forward", "reverse"])
def test_against_differences_to_third_order(number, modes):
    check_grads(number, (A,), order=3, modes=(modes,), rtol=1e-5)


@pytest.mark.parametrize("outer", ["forward", "reverse"])
@pytest.mark.parametrize("inner", ["forward", "reverse"])
@pytest.mark.parametrize("compiled", [False, True])
def test_second_order_by_every_composition(number, outer, inner, compiled):
    h = hessian(number, mode=f"{outer}-over-{inner}")
    h = compile(h) if compiled else h
    for x in (A, A, A + 0.5):
        np.testing.assert_allclose(h(x), hessian(EXPECTED)(x), rtol=1e-12, atol=1e-12)


def test_it_is_one_call_of_a_program(number):
    program = compile(number)
    program(A)
    names = [value.op.name for value in program.program(A) if value.op is not None]
    assert names.count("opaque") == 1
    before = len(CALLS)
    np.testing.assert_allclose(program(A + 1.0), EXPECTED(A + 1.0), rtol=1e-13)
    assert len(CALLS) == before + 1


def test_a_gradient_evaluates_the_function_once(number):
    before = len(CALLS)
    grad(number)(A)
    assert len(CALLS) == before + 1
    jacobian(number, mode="forward")(A)
    assert len(CALLS) == before + 2


def test_it_is_counted_and_its_pattern_is_dense(number):
    pytest.importorskip("scipy")
    ledger = dualad.count(grad(number))(A)
    assert "opaque" in ledger.by_op and ledger.by_op["np.multiply"] > 0
    f = RULES["both"]
    pattern = dualad.sparsity(lambda a: f({"a": a, "b": B}, 2.0)["product"], A)
    assert pattern.toarray().all() and pattern.shape == (3, 3)
    assert dualad.hessian_sparsity(number, A).toarray().all()


def test_many_directions_and_pushforwards_along_a_tape(number):
    y, push = dualad.linearize(number, A)
    slopes = np.array([push(e) for e in np.eye(3)])
    np.testing.assert_allclose(slopes, grad(EXPECTED)(A), rtol=1e-12)
    np.testing.assert_allclose(y, EXPECTED(A), rtol=1e-13)
    for mode in ("forward", "reverse"):
        found = jacobian(lambda a: RULES["pullback"]({"a": a, "b": B}, 2.0)["product"], mode=mode)(A)
        np.testing.assert_allclose(found, np.diag(2.0 * B), rtol=1e-12)


def test_on_plain_values_it_is_the_function():
    y = RULES["both"]({"a": A, "b": B}, 2.0)
    np.testing.assert_array_equal(y["product"], 2.0 * A * B)
    sine = custom_rule(math.sin, pushforward=lambda t, y, x: t[0] * np.cos(x))
    assert type(sine(0.5)) is float and sine(0.5) == math.sin(0.5)
    assert type(grad(sine)(0.5)) is float


def test_inside_loops_that_stay_loops():
    sine = custom_rule(math.sin, pushforward=lambda t, y, x: t[0] * np.cos(x))

    def loop(x, sin):
        return dualad.scan(lambda s, e: (sin(s) * x + e, s), x, np.arange(3.0) / 7)[0]

    for transform in (grad, hessian, lambda f: jacobian(f, mode="forward")):
        expected = transform(lambda x: loop(x, np.sin))(0.3)
        found = transform(lambda x: loop(x, sine))
        np.testing.assert_allclose(found(0.3), expected, rtol=1e-12)
        np.testing.assert_allclose(compile(found)(0.3), expected, rtol=1e-12)


def test_functions_that_rules_call_can_be_custom_too():
    cosine = custom_rule(math.cos)
    sine = custom_rule(math.sin, pullback=lambda g, y, x: (g * cosine(x),))
    assert grad(sine)(0.3) == compile(grad(sine))(0.3) == math.cos(0.3)
    with pytest.raises(NoRuleError, match="cos was given no rule"):
        grad(grad(sine))(0.3)


@pytest.mark.parametrize(
    "rule",
    [
        {"pushforward": lambda t, y, z: 2 * z * t[0] + np.conj(t[0])},
        {"pullback": lambda g, y, z: (np.conj(2 * z) * g + np.conj(g),)},
    ],
)
def test_complex_values(rule):
    f = custom_rule(lambda z: complex(z) ** 2 + complex(z).conjugate(), **rule)

    def g(z):
        return z**2 + np.conj(z)

    z, v = 1 + 2j, 0.3 - 0.4j
    check_grads(f, (z,))
    np.testing.assert_allclose(jvp(f, (z,), (v,))[1], jvp(g, (z,), (v,))[1], rtol=1e-14)
    np.testing.assert_allclose(vjp(f, z)[1](v), vjp(g, z)[1](v), rtol=1e-14)
    np.testing.assert_allclose(grad(lambda z: np.abs(f(z)))(z), grad(lambda z: np.abs(g(z)))(z), rtol=1e-13)


def test_dtypes_and_arrays_of_traced_numbers():
    double = custom_rule(lambda x: 2 * x, pushforward=lambda t, y, x: 2.0 * t[0])
    assert grad(lambda x: np.sum(double(x)))(np.ones(2, np.float32)).dtype == np.float32
    assert grad(lambda x: np.sum(double(np.array([x, 3 * x]))))(1.0) == 8.0
    whole = custom_rule(lambda x, k: x[k], pullback=lambda g, y, x, k: (g * (np.arange(2) == k), None))
    np.testing.assert_array_equal(grad(lambda x: whole(x, 1) * 2)(np.ones(2)), [0.0, 2.0])


def test_memory_that_the_function_writes_into_is_its_own():
    buffer = np.zeros(3)

    def into(x):
        np.multiply(x, x, out=buffer)
        x[:] = 0.0
        return buffer

    square = custom_rule(into, pullback=lambda g, y, x: (2 * x * g,))
    x = A.copy()
    np.testing.assert_array_equal(grad(lambda x: np.sum(square(x) * square(2 * x)))(x), 16 * A**3)
    np.testing.assert_array_equal(x, A)


def test_what_would_lose_a_derivative_raises():
    rule = {"pushforward": lambda t, y, x: t[0]}
    with pytest.raises(ArgumentError, match="traced value that is not among its arguments"):
        grad(lambda x: custom_rule(lambda y: x * y, **rule)(2.0))(1.0)

    def scaled(x):
        return custom_rule(lambda y: y, pushforward=lambda t, y, z: x * t[0])

    with pytest.raises(ArgumentError, match=r"pushforward of .* reads a traced value"):
        grad(lambda x: jvp(scaled(x), (2.0,), (1.0,))[1])(1.0)
    keyword = custom_rule(lambda x, *, k: x * k, pushforward=lambda t, y, x, k: k * t[0])
    with pytest.raises(ArgumentError, match="keyword"):
        grad(lambda k: keyword(1.0, k=k))(1.0)
    assert grad(lambda x: keyword(x, k=3.0))(1.0) == 3.0


def test_wrong_rules_raise():
    with pytest.raises(NoRuleError, match="given no rule"):
        grad(custom_rule(math.sin))(1.0)
    pullbacks = {
        "no tuple": lambda g, y, x: g * x,
        "tuple of other length": lambda g, y, x: (g, g),
        "has shape": lambda g, y, x: (np.sum(g * x),),
    }
    for message, pullback in pullbacks.items():
        with pytest.raises(ShapeError, match=message):
            grad(lambda x, p=pullback: np.sum(custom_rule(lambda x: x, pullback=p)(x)))(A)
    short = custom_rule(lambda x: x, pushforward=lambda t, y, x: t[0][:1])
    with pytest.raises(ShapeError, match="has shape"):
        jvp(short, (A,), (A,))
    nested = custom_rule(lambda x: [x, x], pushforward=lambda t, y, x: t[0])
    with pytest.raises(ShapeError, match="structure"):
        jvp(nested, (A,), (A,))
    with pytest.raises(DtypeError, match="returned a str"):
        grad(custom_rule(lambda x: "no number", pushforward=lambda t, y, x: t[0]))(1.0)
    wrong = custom_rule(math.sin, pushforward=lambda t, y, x: t[0] * np.sin(x))
    with pytest.raises(GradientError):
        check_grads(wrong, (0.5,))


def test_rules_that_need_plain_numbers():
    def pullback(g, y, x):
        return (math.cos(x) * float(g),)

    sine = custom_rule(math.sin, pullback=pullback)
    assert grad(sine)(0.5) == math.cos(0.5)
    with pytest.raises(ConversionError, match="give custom_rule a pushforward= as well"):
        jvp(sine, (0.5,), (1.0,))
    with pytest.raises(ConversionError, match=r"math\.cos"):
        grad(grad(sine))(0.5)


def test_a_large_array_that_a_rule_reads_stays_writeable():
    a = np.random.default_rng(7).normal(size=(100, 100))
    f = custom_rule(lambda x: a @ x, pushforward=lambda tangents, y, x: a @ tangents[0])
    found = grad(lambda x: np.sum(f(x)))(np.ones(100))
    np.testing.assert_allclose(found, np.sum(a, 0), 1e-12)
    assert a.flags.writeable


def test_ufuncs_can_have_rules():
    """In NumPy 2.4 they have signatures, whose defaults cannot all be given."""
    halved = custom_rule(np.arctan, pushforward=lambda t, y, x: t[0] / (2 + 2 * x**2))
    assert grad(halved)(1.0) == 0.25
