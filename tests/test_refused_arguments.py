"""What the derivatives themselves refuse: outputs, dtypes, structures, positions, modes; and the registry."""

import dataclasses
import re

import numpy as np
import pytest

import dualad
from dualad import (
    ArgumentError,
    DtypeError,
    DualadError,
    GradientError,
    NoRuleError,
    NotScalarError,
    RegistrationError,
    ShapeError,
    check_grads,
    composite,
    derivative,
    elementwise,
    general,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    linear,
    linearize,
    multilinear,
    plain,
    value_and_grad,
    value_and_jacobian,
    vjp,
)
from dualad.op import OPS

A = np.array([1.0, 2.0, 3.0])
HESSIANS = ("auto", *(f"{a}-over-{b}" for a in ("forward", "reverse") for b in ("forward", "reverse")))


def scaled(x):
    return 2.0 * x


def refused(kind, *words):
    """Raises `kind` itself, with the words and, below, this file's line and the change that works."""

    class Refused:
        def __enter__(self):
            self.context = pytest.raises(DualadError)
            self.caught = self.context.__enter__()

        def __exit__(self, *raised):
            handled = self.context.__exit__(*raised)
            message = str(self.caught.value)
            assert type(self.caught.value) is kind
            assert re.search(rf"^  at {re.escape(__file__)}:\d+: \S", message, re.MULTILINE), message
            assert "\n  instead: " in message, message
            for word in words:
                assert word in message, f"{word!r} is not in: {message}"
            return handled

    return Refused()


# outputs
@pytest.mark.parametrize(
    ("f", "shape"),
    [
        (scaled, "(3,)"),
        (lambda x: x[:1], "(1,)"),
        (lambda x: [x[0], x[1]], "shapes"),
        (lambda x: np.ones(2), "(2,)"),
    ],
)
def test_gradient_of_something_other_than_a_scalar(f, shape):
    for d in (grad, value_and_grad):
        with refused(NotScalarError, shape, "jacobian(f)", f.__name__):
            d(f)(A)
    with refused(NotScalarError):
        hvp(f, A, A)
    for mode in HESSIANS:
        with refused(NotScalarError):
            hessian(f, mode=mode)(A)


@pytest.mark.parametrize("f", [lambda x: None, lambda x: {}, lambda x: ()])
def test_gradient_of_nothing(f):
    with refused(NotScalarError):
        grad(f)(A)


@pytest.mark.parametrize("output", ["text", {1, 2}, np.array(["a"]), len], ids=repr)
def test_results_that_have_no_derivative(output):
    def f(x):
        return output

    for run in (
        lambda: jvp(f, (A,), (A,)),
        lambda: vjp(f, A),
        lambda: linearize(f, A),
        lambda: jacobian(f, mode="forward")(A),
        lambda: jacobian(f, mode="reverse")(A),
        lambda: grad(f)(A),
        lambda: derivative(f)(1.0),
    ):
        with refused(DtypeError, "f returned", "has_aux"):
            run()


# inputs
BAD_INPUTS = [
    True,
    "text",
    b"b",
    np.True_,
    np.array([True]),
    np.array(["a"]),
]
BAD_INPUTS += [np.array([None]), np.array([{}]), np.array(["2020-01-01"], "M8[D]"), {1.0}, len]


@pytest.mark.parametrize("x", BAD_INPUTS, ids=repr)
def test_arguments_that_cannot_be_differentiated(x):
    for run in (
        lambda: grad(lambda x: 1.0)(x),
        lambda: jacobian(lambda x: 1.0)(x),
        lambda: jacobian(lambda x: 1.0, mode="forward")(x),
        lambda: hessian(lambda x: 1.0)(x),
        lambda: derivative(lambda x: 1.0)(x),
        lambda: jvp(lambda x: 1.0, (x,), (1.0,)),
        lambda: jvp(lambda x: 1.0, (1.0,), (x,)),
        lambda: vjp(lambda x: 1.0, x),
        lambda: vjp(lambda x: x, 1.0)[1](x),
        lambda: linearize(lambda x: 1.0, x),
        lambda: grad(lambda p: 1.0)({"a": [x]}),
    ):
        with refused(DtypeError, "cannot be differentiated", "argnums"):
            run()


def test_other_arguments_may_be_anything():
    for x in BAD_INPUTS:
        assert grad(lambda y, x: y * y)(3.0, x) == 6.0


# shapes and structures
MISMATCHED = [
    (A, np.ones(2)),
    (A, np.ones((3, 1))),
    (A, 1.0),
    (A, [1.0, 1.0, 1.0]),
    (2.0, np.ones(1)),
    (2.0, [1.0]),
    (2.0, None),
    ([A, A], [A]),
    ([A, A], [A, A, A]),
    ([A, A], [A, [A]]),
    ([A, [2.0]], [[A], 2.0]),
    ({"a": A}, {"b": A}),
    ({"a": A}, [A]),
    ({"a": A}, A),
    (None, A),
    (np.ones((0, 3)), np.ones((3, 0))),
]


@pytest.mark.parametrize(("x", "dx"), MISMATCHED, ids=lambda v: re.sub(r"\s+", " ", repr(v)))
def test_directions_of_another_shape_or_structure(x, dx):
    same = lambda x: x  # noqa: E731
    with refused(ShapeError, "tangent of jvp", "<lambda>"):
        jvp(same, (x,), (dx,))
    with refused(ShapeError, "tangent of linearize"):
        linearize(same, x)[1](dx)
    with refused(ShapeError, "cotangent of vjp"):
        vjp(same, x)[1](dx)
    with refused(ShapeError):
        hvp(lambda x: 1.0, x, dx)


def test_number_of_tangents():
    with refused(ShapeError, "tangent"):
        jvp(lambda x, y: x, (1.0, 2.0), (1.0,))
    with refused(ShapeError, "tangent"):
        jvp(lambda x: x, (1.0,), (1.0, 1.0))
    with refused(ShapeError, "tangent"):
        linearize(lambda x, y: x, 1.0, 2.0)[1](1.0)


def test_a_dataclass_needs_its_own_class():
    @dataclasses.dataclass
    class P:
        a: float

    @dataclasses.dataclass
    class Q:
        a: float

    assert jvp(lambda p: p.a, (P(1.0),), (P(2.0),)) == (1.0, 2.0)
    with refused(ShapeError, "structure"):
        jvp(lambda p: p.a, (P(1.0),), (Q(2.0),))


@pytest.mark.parametrize("f", [lambda x: np.sum(x), lambda x: x[:2], lambda x: np.outer(x, x)])
def test_derivative_of_a_function_that_is_not_elementwise(f):
    with refused(ShapeError, "derivative needs an elementwise function", "jacobian(f)"):
        derivative(f)(A)


# positions and modes
@pytest.mark.parametrize("argnums", [1, -2, (0, 1), 1.0, None, (0, 0), (0, -1), "y", ("y",), [[0]]], ids=repr)
def test_positions_that_are_not_there(argnums):
    for d in (grad, value_and_grad, jacobian, value_and_jacobian, hessian):
        with refused(ArgumentError, "argnums="):
            d(lambda x, **k: np.sum(x), argnums)(A)


@pytest.mark.parametrize("mode", ["backward", "", "Forward", "forward-over-reverse", None, 1], ids=repr)
def test_modes_of_a_jacobian(mode):
    for d in (jacobian, value_and_jacobian):
        with refused(ArgumentError, repr(mode), "'auto'"):
            d(scaled, mode=mode)


@pytest.mark.parametrize(
    "mode",
    ["reverse", "forward", "", "auto-over-auto", "forward-over-", "forward-over-reverse-over-forward", None],
)
def test_modes_of_a_hessian(mode):
    with refused(ArgumentError, repr(mode), "forward-over-reverse"):
        hessian(np.sum, mode=mode)


@pytest.mark.parametrize("n", [0, -1])
def test_order_of_a_derivative(n):
    with pytest.raises(ValueError, match="at least 1"):
        derivative(np.sin, n)


@pytest.mark.parametrize("output", [1.0, (1.0,), (1.0, 2, 3), [1.0, 2.0]], ids=repr)
def test_aux_needs_a_pair(output):
    for run in (
        lambda: grad(lambda x: output, has_aux=True)(1.0),
        lambda: jvp(lambda x: output, (1.0,), (1.0,), has_aux=True),
        lambda: vjp(lambda x: output, 1.0, has_aux=True),
    ):
        with refused(ArgumentError, "has_aux=True", "return result, aux"):
            run()


def test_a_wrong_derivative_is_found():
    with pytest.raises(GradientError):
        check_grads(lambda x: x * dualad.stop_gradient(x), (A,))


# the classes
@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (NoRuleError, TypeError),
        (dualad.KeywordError, TypeError),
        (dualad.ConversionError, TypeError),
        (dualad.AssignmentError, TypeError),
        (DtypeError, TypeError),
        (ArgumentError, TypeError),
        (NotScalarError, ValueError),
        (ShapeError, ValueError),
        (RegistrationError, ValueError),
        (dualad.LeakError, RuntimeError),
        (GradientError, AssertionError),
    ],
)
def test_errors_are_of_the_kind_that_python_would_raise(kind, builtin):
    assert issubclass(kind, DualadError)
    assert issubclass(kind, builtin)


# the registry
@pytest.mark.parametrize(
    "declare",
    [
        lambda: elementwise(np.sin, lambda y, x: np.cos(x)),
        lambda: linear(np.sin, lambda g, x: g),
        lambda: multilinear(np.sin, lambda g, x: g),
        lambda: general(np.sin, lambda dx, y, x: dx),
        lambda: plain(np.sin),
        lambda: composite(np.sin)(lambda x: x),
        lambda: plain(np.floor),
    ],
)
def test_registering_twice(declare):
    before = dict(OPS)
    with pytest.raises(RegistrationError, match=r"np\.(sin|floor) is already registered"):
        declare()
    assert before == OPS
    assert grad(np.sin)(0.0) == 1.0


@pytest.mark.parametrize("declare", [elementwise, linear, multilinear, general])
def test_registering_without_a_rule(declare):
    def unheard_of(x):
        return x

    for rules in ((), (None,), (None, None)):
        with pytest.raises(RegistrationError, match="needs a rule"):
            declare(unheard_of, *rules)
    assert unheard_of not in OPS
