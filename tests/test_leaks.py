"""A traced value used after its function has returned raises, whatever it is used for, in both modes."""

import numpy as np
import pytest

from dualad import LeakError, derivative, grad, jacobian, jvp, linearize, primal, value_and_grad, vjp

A = np.array([1.0, 2.0, 3.0])
RUNS = {
    "jvp": lambda f, x: jvp(f, (x,), (x,)),
    "derivative": lambda f, x: derivative(f)(x),
    "jacobian forward": lambda f, x: jacobian(f, mode="forward")(x),
    "grad": lambda f, x: grad(lambda x: np.sum(f(x)))(x),
    "value_and_grad": lambda f, x: value_and_grad(lambda x: np.sum(f(x)))(x),
    "vjp": lambda f, x: vjp(f, x),
    "linearize": lambda f, x: linearize(f, x),
    "jacobian reverse": lambda f, x: jacobian(f, mode="reverse")(x),
}
by_run = pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)


def leaked(run, x, change=lambda x: x * 2.0):
    """A traced value from a run that is over: an input, or something made of it."""
    kept = []

    def f(x):
        kept.append(change(x))
        return x * 1.0

    run(f, x)
    return kept[-1]


def refused(use, *values):
    with pytest.raises(LeakError) as caught:
        use(*values)
    message = str(caught.value)
    assert "after the function it belongs to had returned" in message
    assert f"  at {__file__}:" in message
    assert "  instead: " in message
    assert "has_aux" in message
    assert "dualad.primal(x)" in message


USES = {
    "x + 1": lambda x: x + 1.0,
    "x - 1": lambda x: x - 1,
    "1 + x": lambda x: 1 + x,
    "2 * x": lambda x: 2.0 * x,
    "x * 2": lambda x: x * 2,
    "x / 2": lambda x: x / 2.0,
    "2 / x": lambda x: 2 / x,
    "x ** 2": lambda x: x**2,
    "2 ** x": lambda x: 2.0**x,
    "x + x": lambda x: x + x,
    "x * x": lambda x: x * x,
    "x / x": lambda x: x / x,
    "-x": lambda x: -x,
    "abs": lambda x: abs(x),
    "sin": lambda x: np.sin(x),
    "exp": lambda x: np.exp(x),
    "negative": lambda x: np.negative(x),
    "add": lambda x: np.add(x, 1.0),
    "maximum": lambda x: np.maximum(x, 0.0),
    "array on the left": lambda x: A * x,
    "array on the right": lambda x: x * A,
    "NumPy scalar": lambda x: np.float64(2.0) * x,
    "sum": lambda x: np.sum(x),
    "stack": lambda x: np.stack([x, x]),
    "where": lambda x: np.where(x > 0, x, 0.0),
    "reshape": lambda x: np.reshape(x, -1),
    "array": lambda x: np.sum(np.array([x, x])),
}
USES_OF_ARRAYS = USES | {
    "x[0]": lambda x: x[0],
    "x[1:]": lambda x: x[1:],
    "x[x > 1]": lambda x: x[primal(x) > 1],
    "iteration": lambda x: list(x),
    "x @ x": lambda x: x @ x,
    "A @ x": lambda x: A @ x,
    "einsum": lambda x: np.einsum("i,i", x, A),
    ".T": lambda x: x.T,
    ".sum()": lambda x: x.sum(),
    "linalg": lambda x: np.linalg.norm(x),
    "concatenate": lambda x: np.concatenate([A, x]),
    "matrix": lambda x: np.linalg.inv(np.outer(x, x) + np.eye(3)),
}


@by_run
@pytest.mark.parametrize("use", USES)
def test_scalars(run, use):
    refused(USES[use], leaked(run, 2.0))


@by_run
@pytest.mark.parametrize("use", USES_OF_ARRAYS)
def test_arrays(run, use):
    refused(USES_OF_ARRAYS[use], leaked(run, A))


@by_run
@pytest.mark.parametrize("x", [2.0, np.float64(2.0), np.float32(2.0), A], ids=str)
def test_the_input_itself(run, x):
    refused(lambda x: x * 3.0, leaked(run, x, lambda x: x))
    refused(lambda x: np.tanh(x), leaked(run, x, lambda x: x))


@by_run
def test_an_element_and_a_reduction(run):
    refused(lambda x: x * 3.0, leaked(run, A, lambda x: x[0]))
    refused(lambda x: np.exp(x), leaked(run, A, np.sum))


@by_run
def test_what_needs_no_derivative_is_allowed(run):
    x = leaked(run, A)
    np.testing.assert_array_equal(primal(x), 2 * A)
    assert x.shape == (3,)
    assert x.dtype == float
    assert (x > 1).all()
    assert repr(x).endswith("([2., 4., 6.]))") or "[2., 4., 6.]" in repr(x)
    assert np.argmax(x) == 2
    y = leaked(run, 2.0)
    assert y == 4.0
    assert f"{y:.2f}" == "4.00"


@by_run
def test_after_an_exception(run):
    kept = []

    def f(x):
        kept.append(x * 2.0)
        raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        run(f, 2.0)
    refused(lambda x: x * 2.0, kept[0])


@by_run
@pytest.mark.parametrize("other", RUNS.values(), ids=RUNS)
def test_in_a_later_derivative(run, other):
    for x in (2.0, A):
        old = leaked(run, x)
        refused(lambda old, x=x: other(lambda x: x * old, x), old)
        refused(lambda old, x=x: other(lambda x: old * x, x), old)
        refused(lambda old, x=x: other(lambda x: np.maximum(old, x), x), old)
        refused(lambda old, x=x: other(lambda x: np.where(x > 0, x, old), x), old)


@by_run
@pytest.mark.parametrize("other", RUNS.values(), ids=RUNS)
def test_as_the_argument_or_result_of_a_later_derivative(run, other):
    """No result of a later derivative is a number that looks right."""
    old = leaked(run, 2.0)
    refused(lambda old: other(lambda x: x * 3.0, old), old)
    refused(lambda old: np.sum(other(lambda x: x * old, 1.0)), old)


@by_run
def test_an_inner_value_used_in_the_outer_function(run):
    def f(x):
        return x * leaked(run, 2.0)

    for outer in RUNS.values():
        refused(lambda outer: outer(f, 3.0), outer)


def test_a_closed_over_list_across_calls():
    history = []

    def f(x):
        history.append(x * x)
        return sum(history)

    for d in (grad, derivative):
        history.clear()
        assert d(f)(2.0) == 4.0
        refused(lambda d: d(f)(3.0), d)


@by_run
@pytest.mark.parametrize("other", RUNS.values(), ids=RUNS)
def test_a_result_kept_from_an_earlier_call(run, other):
    """A cached result is no constant: its derivative would be silently zero."""
    for x in (2.0, A):
        cache = {}

        def f(x, cache=cache):
            return cache.setdefault("y", x * x)

        run(f, x)
        refused(lambda x, f=f: other(f, x), x)


def test_a_generator_that_goes_on_after_the_return():
    def f(x):
        streams.append(x * k for k in range(1, 4))
        return next(streams[-1])

    for d in (grad, derivative):
        streams = []
        assert d(f)(2.0) == 1.0
        refused(lambda stream: next(stream), streams[0])


def test_outer_values_are_no_leak_in_inner_functions():
    def f(x):
        return grad(lambda y: y * x)(1.0) * derivative(lambda y: y * x)(1.0)

    assert grad(f)(3.0) == 6.0
    assert derivative(f)(3.0) == 6.0
