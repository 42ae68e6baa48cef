"""`debug_nans` names the operation and the line where a derivative ceases to be finite."""

import threading

import numpy as np
import pytest

from dualad import NonFiniteError, debug_nans, derivative, grad, hessian, jacobian, jvp, linearize, vjp

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
X = np.array([4.0, 0.0, 1.0])


def root_of_square(x):
    y = x * x
    z = np.sqrt(y)  # here
    return np.sum(z * y)


def quotient(x):
    y = np.exp(x)
    return np.sum((y - 1) / np.where(x == 0, 1e-320, x)) * 1e-300  # here


RUNS = {
    "grad": lambda f, x: grad(f)(x),
    "jvp": lambda f, x: jvp(f, (x,), (np.ones_like(x),)),
    "vjp": lambda f, x: vjp(f, x)[1](1.0),
    "jacobian forward": lambda f, x: jacobian(f, mode="forward")(x),
    "jacobian reverse": lambda f, x: jacobian(f, mode="reverse")(x),
    "linearize": lambda f, x: linearize(f, x)[1](np.ones_like(x)),
    "hessian": lambda f, x: hessian(f)(x),
}


@pytest.mark.parametrize("run", RUNS.values(), ids=list(RUNS))
def test_the_operation_and_the_line_are_named(run):
    with debug_nans(), pytest.raises(NonFiniteError, match=r"np\.sqrt .*y = 0\.0 at x = 0\.0") as caught:
        run(root_of_square, X)
    assert "z = np.sqrt(y)  # here" in str(caught.value)
    assert "\n  instead: " in str(caught.value)


def test_the_element_is_named():
    with debug_nans():
        with pytest.raises(NonFiniteError, match="for element 1"):
            grad(root_of_square)(X)
        with pytest.raises(NonFiniteError, match=r"for element \(1, 0\)"):
            grad(lambda x: np.sum(np.sqrt(x) ** 2))(np.array([[1.0, 2.0], [0.0, 3.0]]))


def test_the_error_is_one_of_floating_point():
    with debug_nans(), pytest.raises(FloatingPointError):
        derivative(lambda x: np.cbrt(x) * x)(0.0)


def test_finite_derivatives_are_those_without_it():
    f = lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0) * np.exp(x)[::-1]) + x[0] ** 2  # noqa: E731
    expected = grad(f)(X), hessian(f)(X + 1), jvp(f, (X + 1,), (X,)), jacobian(np.sin, mode="forward")(X)
    with debug_nans():
        found = grad(f)(X), hessian(f)(X + 1), jvp(f, (X + 1,), (X,)), jacobian(np.sin, mode="forward")(X)
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)


def test_values_that_are_not_finite_are_not_blamed():
    with debug_nans():
        assert grad(lambda x: np.log(x))(0.0) == np.inf  # the value is -inf: its derivative may be infinite
        assert np.isnan(grad(lambda x: x * np.nan)(1.0))


def test_second_derivatives():
    """x**1.5 has a finite slope at 0 and an infinite curvature."""
    with debug_nans():
        assert grad(lambda x: x**1.5)(0.0) == 0.0
        for mode in ("forward-over-reverse", "reverse-over-reverse", "forward-over-forward"):
            with pytest.raises(NonFiniteError) as caught:
                hessian(lambda x: x**1.5, mode=mode)(0.0)
            assert "x**1.5" in str(caught.value)


def test_it_ends_with_the_context():
    with pytest.raises(NonFiniteError), debug_nans():
        grad(lambda x: np.sqrt(x) ** 2)(0.0)
    assert np.isnan(grad(lambda x: np.sqrt(x) ** 2)(0.0))


def test_other_threads_are_not_watched():
    found = []
    with debug_nans():
        thread = threading.Thread(target=lambda: found.append(grad(lambda x: np.sqrt(x) ** 2)(0.0)))
        thread.start()
        thread.join()
    assert np.isnan(found[0])
