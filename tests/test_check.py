"""`check_grads` passes what is right, raises for what is wrong, and names the operation."""

import math

import numpy as np
import pytest
from cases import DERIVED, DIFFERENTIABLE, is_elementwise

import dualad
from dualad import (
    ArgumentError,
    GradientError,
    check_grads,
    custom_rule,
    elementwise,
    general,
    multilinear,
    primal,
)
from dualad.count import Counted
from dualad.op import OPS, UNARY, Op, Tracer

X = np.array([0.5, 1.5, -0.7])
MODES = {"forward": ("forward",), "reverse": ("reverse",), "both": ("forward", "reverse")}


def raised(f, *args, **options):
    """The text of the error."""
    with pytest.raises(GradientError) as caught:
        check_grads(f, args, **options)
    return str(caught.value)


# What is right, however badly differences do there
def casting(x):
    return np.sin(x) if isinstance(x, Tracer) else float(np.float32(np.sin(x)))


RIGHT = {
    "smooth": (lambda x: np.exp(np.sin(x)), X),
    "not analytic": (lambda x: np.abs(x) * x, X),
    "real part": (lambda x: np.real(x) * x, X),
    "conjugate": (lambda x: np.conj(x) * x, X),
    "complex argument": (lambda z: np.abs(z) ** 2 * z, np.array([1 + 2j, 0.3])),
    "complex result": (np.fft.fft, X),
    "conversion": (casting, 0.3),
    "math": (custom_rule(math.atan, pushforward=lambda t, y, x: t[0] / (1 + x**2)), 0.3),
    "next to the edge of the domain": (np.log, 1e-8),
    "on the edge": (lambda x: x**2.5, np.array([0.0, 1.0])),
    "next to a kink": (lambda x: np.maximum(x, 1e-4) * x, np.array([0.0, 2.0])),
    "next to another": (np.abs, np.array([1e-5, 2.0])),
    "cancelling": (lambda x: np.mean((x + 1e4) ** 2) - np.mean(x + 1e4) ** 2, X),
    "large": (lambda x: x**2, 1e12),
    "steep": (np.exp, 700.0),
    "scales apart": (lambda x: np.sum(1 / x), np.array([1e-6, 1e6])),
    "float32": (lambda x: np.exp(np.sin(x)), X.astype(np.float32)),
    "longdouble": (lambda x: np.exp(np.sin(x)), X.astype(np.longdouble)),
    "nested": (lambda p: {"a": p["b"][0] * p["b"][1]}, {"b": [2.0, X]}),
    "constant": (lambda x: 3.0, X),
}


@pytest.mark.parametrize("modes", MODES.values(), ids=list(MODES))
@pytest.mark.parametrize("name", RIGHT)
def test_right_derivatives_pass(name, modes):
    f, x = RIGHT[name]
    rough = name in ("conversion", "cancelling")  # whose derivatives' values are
    check_grads(f, (x,), order=1 if rough else 2, modes=modes)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_every_operation_passes(name):
    for case in DERIVED:
        if case.fn is DIFFERENTIABLE[name][0]:
            check_grads(case.f, case.leaves, order=1)


def test_the_complex_step_is_as_accurate_as_the_derivative():
    smooth = lambda x: np.sum(np.exp(np.sin(x))) ** 3  # noqa: E731
    check_grads(smooth, (X,), order=3, rtol=1e-13, atol=0.0)
    off = custom_rule(lambda x: np.sin(x), pushforward=lambda t, y, x: np.cos(x) * t[0] * (1 + 1e-11))
    assert "the complex step gives" in raised(lambda x: np.sum(off(x)), X, order=1, rtol=1e-12, atol=0.0)
    check_grads(lambda x: np.sum(off(x)), (X,), order=1)


@pytest.mark.parametrize("seed", range(5))
def test_a_complex_step_that_is_wrong_like_the_derivative_is_not_believed(seed):
    """np.abs of a complex number is real: its complex step is 0, as this rule is."""
    zero = custom_rule(lambda x: np.abs(x), pushforward=lambda t, y, x: 0 * t[0])
    text = raised(lambda x: np.sum(zero(x) + x), X, seed=seed)
    assert "differences give" in text and "its pushforward is off" in text


# Rules that are wrong, by themselves
def square(**rules):
    return custom_rule(lambda x: x * x, **rules)


def right_push(tangents, y, x):
    return 2 * x * tangents[0]


def wrong_push(tangents, y, x):
    return 2.01 * x * tangents[0]


def right_pull(g, y, x):
    return (2 * x * g,)


def wrong_pull(g, y, x):
    return (2.01 * x * g,)


@pytest.mark.parametrize(
    ("rules", "blamed"),
    [
        ({"pushforward": wrong_push}, "pushforward"),
        ({"pullback": wrong_pull}, "pullback"),
        ({"pushforward": wrong_push, "pullback": right_pull}, "pushforward"),
        ({"pushforward": right_push, "pullback": wrong_pull}, "pullback"),
        ({"pushforward": wrong_push, "pullback": wrong_pull}, "pushforward and pullback"),
    ],
)
def test_the_rule_of_a_custom_function_is_named(rules, blamed):
    own = square(**rules)

    def f(x):
        y = np.exp(x)
        return np.sum(own(y) + y)  # here

    text = raised(f, X)
    assert f"<lambda>: its {blamed} is off by itself" in text
    assert "return np.sum(own(y) + y)  # here" in text
    assert f"{blamed.split()[-1]}=" in text.split("instead: ")[1]


def test_only_the_modes_asked_for_are_blamed():
    own = square(pushforward=right_push, pullback=wrong_pull)
    check_grads(own, (X,), modes=("forward",))
    assert "reverse mode gives" in raised(own, X, modes=("reverse",))


def test_a_rule_that_loses_its_own_derivative_is_off_in_second_order():
    own = square(pushforward=lambda t, y, x: 2 * primal(x) * t[0])
    check_grads(own, (X,), order=1)
    text = raised(lambda x: np.sum(own(x)), X)
    assert "jvp of" in text and "order 2" in text
    assert "np.multiply takes as argument 0 a constant to derivatives that moves with the arguments" in text


WRONG = {
    "partial derivative": lambda: elementwise(lambda x: x**3, lambda y, x: 3 * x**2 + 1e-3, name="mine"),
    "adjoint": lambda: multilinear(lambda a: 3 * a, lambda g, a: 2 * g, name="mine"),
    "pushforward": lambda: general(
        lambda a: np.cumsum(a * a), lambda da, y, a: np.cumsum(a * da), name="mine"
    ),
    "pullback": lambda: general(
        lambda a: a * a, lambda da, y, a: 2 * a * da, pulls=(lambda g, y, a: a * g,), name="mine"
    ),
}


@pytest.mark.parametrize("which", WRONG)
def test_the_rule_of_a_declared_operation_is_named(which):
    op = WRONG[which]()

    def f(x):
        return np.sum(np.sin(op(x) * x))  # of several

    text = raised(f, X)
    assert f"mine: its {which} is off by itself" in text and "# of several" in text
    assert f"correct the {which} in the declaration of mine" in text


def test_the_argument_is_named():
    op = elementwise(
        lambda a, b: a * np.exp(b), lambda y, a, b: np.exp(b), lambda y, a, b: 2 * y, name="growth"
    )
    text = raised(lambda a, b: np.sum(op(a, b)), X, X + 1)
    assert "growth: its partial derivative in argument 1 is off" in text


def test_a_wrong_rule_of_the_registry_is_found_at_any_depth(monkeypatch):
    """np.tanh with another rule, for the time of the test."""
    wrong = Op("elementwise", np.tanh, (lambda y, x: 1 - y,))
    monkeypatch.setitem(OPS, np.tanh, wrong)
    monkeypatch.setitem(UNARY, np.tanh, wrong)
    text = raised(lambda x: np.sum(np.exp(np.tanh(x)) * x), X)
    assert "np.tanh: its partial derivative is off" in text
    # log(cosh x) has the slope tanh x, of which the second derivative is wrong
    op = elementwise(lambda x: np.log(np.cosh(x)), lambda y, x: np.tanh(x), name="log cosh")
    check_grads(op, (X,), order=1)
    assert "order 2" in raised(op, X) and "np.tanh: its partial" in raised(op, X)


def first_cases():
    """For each elementwise operation with a derivative, its first case."""
    return {c.op.name: c for c in reversed(DERIVED) if is_elementwise(c) and c.op.name != "np.heaviside"}


@pytest.mark.parametrize("case", first_cases().values(), ids=list(first_cases()))
def test_every_operation_is_found_and_named_where_its_partials_are_off(case, monkeypatch):
    op = case.op

    def off(rule):
        return rule and ((lambda *args: 1.001 * rule(*args)) if callable(rule) else 1.001 * rule)

    wrong = Op("elementwise", op.fn, [*map(off, op.rules)])
    for name in ("rules", "d0", "d1"):
        monkeypatch.setattr(op, name, getattr(wrong, name))
    text = raised(lambda *xs: np.sum(case.f(*xs)), *case.leaves, order=1)
    assert f"{op.name}: its partial derivative" in text


def test_a_solver_whose_condition_drops_a_derivative():
    solve = dualad.implicit(lambda y, a: y**2 - a * primal(a))(lambda a: 1.0 * a)
    text = raised(lambda x: np.sin(solve(x)), 2.0)
    assert "its derivative is off by itself" in text and "a condition" in text


@pytest.mark.parametrize(
    "way", [dualad.compile, dualad.checkpoint, dualad.grad], ids=lambda way: way.__name__
)
def test_rules_are_found_in_what_functions_are_made_of(way):
    own = square(pushforward=wrong_push)
    text = raised(way(lambda x: np.sum(np.exp(own(x)))), X, order=1)
    assert "its pushforward is off by itself" in text


def test_the_first_of_many_uses_is_named_once_for_each_line():
    own = square(pushforward=wrong_push)

    def f(x):
        for _ in range(3):
            x = np.sin(own(x))
        return own(x)

    text = raised(f, 0.7, order=1)
    assert text.count("its pushforward is off") == 2


# Derivatives that no operation lost
def test_a_derivative_that_the_function_drops_is_found_where_it_is_missed():
    def f(x):
        scale = float(primal(x[0]))
        return np.sum(x * scale)  # missed here

    text = raised(f, X)
    assert "np.multiply takes as argument 1 a constant to derivatives" in text
    assert "missed here" in text and "primal or stop_gradient" in text


def test_a_result_that_is_a_constant_is_found():
    assert "it returns a constant to derivatives that moves" in raised(lambda x: [x, primal(x)], X)


@pytest.mark.parametrize(
    ("f", "x", "says"),
    [
        (
            lambda x: np.where(x > 0.5, x, 0.5),
            X,
            ("not differentiable along", "np.where takes as argument 0"),
        ),
        (lambda x: x * np.floor(x), np.array([1.0, 2.5]), ("do not settle", "np.multiply takes as argument")),
        (
            lambda x: 2 * x if x > 1 else x,
            1.0,
            ("do not settle", "another branch there, from np.multiply on"),
        ),
        (lambda x: 2 * x if x > 1 else x + 1, 1.0, ("not differentiable", "another branch there")),
        (
            lambda x: x * np.random.default_rng().normal(),
            1.0,
            ("other values when it is called again", "seed"),
        ),
        (lambda x: np.log(x) * 0, 0.0, ("the function's value is nan", "finite")),
        (lambda x: x + np.sqrt(x), 0.0, ("do not settle", "np.sqrt, by itself")),
        (
            lambda x: np.sum(np.sort(x) * X),
            np.array([1.0, 1.0, 0.0]),
            ("not differentiable", "takes as index= a constant to derivatives that moves"),
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_functions_without_a_derivative_there(f, x, says):
    text = raised(f, x, order=1)
    for part in says:
        assert part in text


@pytest.mark.parametrize(
    "options", [{"order": 0}, {"modes": ()}, {"modes": ("backward",)}, {"modes": "forward"}], ids=repr
)
def test_nothing_is_passed_unchecked(options):
    with pytest.raises(ArgumentError, match="order=1 or more, modes="):
        check_grads(np.sin, (X,), **options)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_infinite_slopes_next_to_a_wrong_rule_are_not_blamed():
    own = square(pushforward=wrong_push)
    text = raised(lambda x: own(x[0]) + 0.0 * np.sum(np.abs(x[1:]) ** 1.5), np.array([0.7, 0.0]), order=1)
    assert "its pushforward is off" in text and "power" not in text


def test_kinks_in_the_middle_pass_by_their_convention():
    check_grads(lambda x: np.abs(x) + np.maximum(x, 0.0), (0.0,), order=1)


def test_a_function_that_cannot_be_run_by_itself_is_still_refused():
    def f(x):
        if isinstance(x, Counted):
            raise ValueError("no more")
        return x * dualad.stop_gradient(x)

    text = raised(f, 2.0)
    assert "off by" in text and "which operation it is was not found: no more" in text
