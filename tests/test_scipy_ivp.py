"""The twin of solve_ivp: derivatives through its steps, in every mode and order, and in times."""

import math

import numpy as np
import pytest

pytest.importorskip("scipy")
import scipy.integrate

import dualad
from dualad import (
    ArgumentError,
    check_grads,
    grad,
    hessian,
    jacobian,
    jvp,
    taylor,
    vjp,
)
from dualad.scipy.integrate import solve_ivp
from dualad.scipy.linalg import expm

METHODS = ("RK23", "RK45", "DOP853", "Radau")
MODES = ("forward", "reverse")
COMPOSITIONS = [f"{outer}-over-{inner}" for outer in MODES for inner in MODES]
TIGHT = {"rtol": 1e-10, "atol": 1e-12}
# Tolerances that take some twenty steps, and how near to the exact solution these come
HOW = {
    method: {"method": method, "rtol": rtol, "atol": rtol / 100}
    for method, rtol in {"RK23": 1e-5, "RK45": 1e-8, "DOP853": 1e-11, "Radau": 1e-6}.items()
}
NEAR = {"RK23": 1e-3, "RK45": 1e-6, "DOP853": 1e-9, "Radau": 1e-5}
A = np.array([[0.0, 1.0], [-4.0, -0.4]])
START = np.array([1.0, 0.5])


def linear(t, y, a):
    return a @ y


def driven(t, y, w):
    """An oscillator whose equation has the time in it, as a list."""
    return [y[1], -w * w * y[0] + 0.5 * np.sin(t) * y[1]]


def predators(t, y, p):
    return np.array([p["a"] * y[0] - p["b"][0] * y[0] * y[1], p["b"][1] * y[0] * y[1] - 3.0 * y[1]])


def at_end(fun, span, y0, *args, **how):
    return solve_ivp(fun, span, y0, args=args or None, **how).y[:, -1]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("mode", MODES)
def test_linear_equations_have_the_exponential_s_derivatives(method, mode):
    of = lambda y0, a: at_end(linear, (0.0, 2.0), y0, a, **HOW[method])  # noqa: E731
    exactly = lambda y0, a: expm(2.0 * a) @ y0  # noqa: E731
    for k in (0, 1):
        found, wanted = jacobian(of, k, mode=mode)(START, A), jacobian(exactly, k)(START, A)
        np.testing.assert_allclose(found, wanted, rtol=NEAR[method], atol=NEAR[method])


@pytest.mark.parametrize("method", METHODS)
def test_second_order_by_every_composition(method):
    def of(solution):
        return lambda z: np.sum(solution(z[:2], z[2:].reshape(2, 2)) ** 2)

    z = np.concatenate([START, A.ravel()])
    f = of(lambda y0, a: at_end(linear, (0.0, 0.7), y0, a, **HOW[method]))
    wanted = hessian(of(lambda y0, a: expm(0.7 * a) @ y0))(z)
    for mode in COMPOSITIONS:
        np.testing.assert_allclose(hessian(f, mode=mode)(z), wanted, rtol=NEAR[method], atol=NEAR[method])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("mode", MODES)
def test_against_differences(method, mode):
    def f(z):
        p = {"a": z[0], "b": z[1:3]}
        return np.sum(at_end(predators, (0.0, z[3]), z[4:], p, **HOW[method]))

    tolerance = 1e-2 if method == "RK23" else 1e-4
    z = np.array([1.5, 1.0, 0.9, 0.6, 2.0, 1.0])
    check_grads(f, (z,), order=2, modes=(mode,), rtol=tolerance, atol=tolerance)


def test_parameters_in_closures_and_arguments_are_the_same():
    def inside(w, y0):
        return np.sum(at_end(lambda t, y: driven(t, y, w[0]) if True else None, (0.0, 1.0), y0 * w[1]))

    def given(w, y0):
        return np.sum(at_end(driven, (0.0, 1.0), y0 * w[1], w[0]))

    w = np.array([1.3, 0.7])
    for transform in (grad, lambda f: jacobian(f, mode="forward"), hessian):
        np.testing.assert_allclose(transform(inside)(w, START), transform(given)(w, START), rtol=1e-13)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("span", [(0.0, 3.0), (3.0, 0.0)])
@pytest.mark.parametrize("points", [None, [0.0, 0.1, 1.5, 1.7, 3.0], [1.0, 2.0]])
def test_values_are_scipys(method, span, points):
    points = points if points is None or span[0] < span[1] else points[::-1]
    how = {"t_eval": points, "dense_output": True, "rtol": 1e-6}
    jac = (
        {"jac": lambda t, y, w: np.array([[0.0, 1.0], [-w * w, 0.5 * np.sin(t)]])}
        if method == "Radau"
        else {}
    )
    theirs = scipy.integrate.solve_ivp(driven, span, START, method, args=(1.3,), **how, **jac)
    wide, times = [], np.array([0.3, 2.9, 3.0, 0.0, 1.1, -0.1])

    def f(w):
        r = solve_ivp(driven, span, START, method, args=(w,), **how)
        wide.append(r)
        return r.y, r.sol(times), r.sol(0.4)

    for y, middle, one in (jvp(f, (1.3,), (1.0,))[0], vjp(f, 1.3)[0], f(1.3)):
        np.testing.assert_allclose(y, theirs.y, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(middle, theirs.sol(times), rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(one, theirs.sol(0.4), rtol=1e-12, atol=1e-14)
    for r in wide:
        assert type(r) is type(theirs) and r.success and r.message == theirs.message
        np.testing.assert_array_equal(r.t, theirs.t)
        assert r.nfev <= theirs.nfev and (r.njev, r.nlu, r.status) == (theirs.njev, theirs.nlu, 0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dense", [False, True])
def test_points_and_dense_output_against_differences(method, dense):
    weights = np.arange(1.0, 9.0).reshape(2, 4)

    def f(z):
        points = np.linspace(0.1, 0.9, 4)
        how = {"dense_output": True} if dense else {"t_eval": points}
        r = solve_ivp(driven, (0.0, 1.0), z[:2], args=(z[2],), **how, **HOW[method])
        return np.sum(weights * (r.sol(points) if dense else r.y) ** 2)

    z = np.array([1.0, 0.5, 1.3])
    for mode in MODES:
        order, tolerance = 1 if method == "Radau" else 2, 1e-2 if method == "RK23" else 1e-4
        check_grads(f, (z,), order=order, modes=(mode,), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(grad(f)(z), jacobian(f, mode="forward")(z), rtol=1e-11)


@pytest.mark.parametrize("method", METHODS)
def test_the_ends_move_as_the_equation_says(method):
    """Dy(t1)/dt1 = f, dy(t1)/dt0 = -Φ f(t0, y0), and the second derivatives of these."""

    def end(t0, t1, y0):
        return at_end(driven, (t0, t1), y0, 1.3, **HOW[method])

    t0, t1 = 0.2, 0.9
    y = end(t0, t1, START)
    slope = lambda t, y: np.array(driven(t, y, 1.3))  # noqa: E731
    for mode in MODES:
        np.testing.assert_allclose(jacobian(end, 1, mode=mode)(t0, t1, START), slope(t1, y), rtol=1e-12)
        through = jacobian(end, 2, mode=mode)(t0, t1, START)
        np.testing.assert_allclose(
            jacobian(end, 0, mode=mode)(t0, t1, START), -through @ slope(t0, START), rtol=1e-12
        )
    second = jvp(lambda t, y: np.stack(driven(t, y, 1.3)), (t1, y), (1.0, slope(t1, y)))[1]
    found = jacobian(jacobian(end, 1), 1)(t0, t1, START)
    np.testing.assert_allclose(found, second, rtol=1e-11)
    f = lambda z: np.sum(end(z[0], z[1], START) * [1.0, 2.0])  # noqa: E731
    z, h = np.array([t0, t1]), 1e-4
    slopes = grad(f)
    numbers = [(slopes(z + d) - slopes(z - d)) / (2 * h) for d in np.eye(2) * h]
    for mode in COMPOSITIONS:
        tolerance = max(NEAR[method], 1e-6)
        np.testing.assert_allclose(hessian(f, mode=mode)(z), numbers, rtol=tolerance, atol=tolerance)


def test_times_have_derivatives_up_to_the_eighth_order():
    def end(t):
        return at_end(lambda t, y: -y, (0.0, t), np.array([1.0]), method="RK23", rtol=1e-8, atol=1e-10)[0]

    found = taylor(end, 1.0, 1.0, 8)
    wanted = [(-1.0) ** k * math.exp(-1.0) / math.factorial(k) for k in range(9)]
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    with pytest.raises(ArgumentError, match="order 9 in times"):
        taylor(end, 1.0, 1.0, 9)


def test_traced_points_and_the_argument_of_the_dense_output():
    def points(z):
        return solve_ivp(driven, (z[0], z[1]), START, t_eval=np.linspace(z[0], z[1], 4), args=(1.3,), **TIGHT)

    z, h = np.array([0.2, 1.7]), 1e-4
    for mode in MODES:
        found = jacobian(lambda z: points(z).y, mode=mode)(z)
        for k, d in enumerate(np.eye(2) * h):
            wanted = (points(z + d).y - points(z - d).y) / (2 * h)
            np.testing.assert_allclose(found[:, :, k], wanted, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(jacobian(lambda z: points(z).t)(z)[:, 1], [0.0, 1 / 3, 2 / 3, 1.0], atol=1e-12)
    ends = lambda z: solve_ivp(driven, (z[0], z[1]), START, args=(1.3,)).t  # noqa: E731
    np.testing.assert_array_equal(jacobian(ends)(z)[[0, 1, -2, -1]], [[1, 0], [0, 0], [0, 0], [0, 1]])

    plain = solve_ivp(driven, (0.0, 2.0), START, args=(1.3,), dense_output=True, **TIGHT).sol
    assert isinstance(plain, scipy.integrate.OdeSolution)
    for t in (0.7, np.array([0.7, 0.3])):
        wanted = (plain(t + h) - plain(t - h)) / (2 * h)
        np.testing.assert_allclose(jvp(plain, (t,), (np.ones_like(t),))[1], wanted, rtol=1e-6)

    def both(z):
        sol = solve_ivp(driven, (0.0, 2.0), START, args=(z[0],), dense_output=True, **TIGHT).sol
        return sol(z[1])[0] * sol(z)[1, 1]

    check_grads(both, (np.array([1.3, 0.8]),), order=2, rtol=1e-4, atol=1e-4)


def test_plain_calls_are_scipys_with_an_exact_jacobian_for_implicit_methods():
    jac = lambda t, y, w: np.array([[0.0, 1.0], [-w * w, 0.5 * np.sin(t)]])  # noqa: E731
    for method in ("RK45", "Radau", "BDF", "LSODA", scipy.integrate.Radau):
        given = {} if method == "RK45" else {"jac": jac}
        ours = solve_ivp(driven, (0.0, 9.0), START, method, args=(1.3,))
        theirs = scipy.integrate.solve_ivp(driven, (0.0, 9.0), START, method, args=(1.3,), **given)
        np.testing.assert_allclose(ours.y, theirs.y, rtol=1e-12, atol=1e-12)
        assert (ours.nfev, ours.njev) == (theirs.nfev, theirs.njev)
    plain = scipy.integrate.solve_ivp(driven, (0.0, 9.0), START, "Radau", args=(1.3,))
    np.testing.assert_array_equal(
        solve_ivp(driven, (0.0, 9.0), START, "Radau", args=(1.3,), jac=False).y, plain.y
    )
    hit = lambda t, y, w: y[0]  # noqa: E731
    ours = solve_ivp(driven, (0.0, 9.0), START, args=(1.3,), events=hit)
    theirs = scipy.integrate.solve_ivp(driven, (0.0, 9.0), START, args=(1.3,), events=hit)
    np.testing.assert_array_equal(ours.t_events[0], theirs.t_events[0])
    failed = solve_ivp(lambda t, y: y**2, (0.0, 9.0), START)
    assert failed.status == -1 and failed.t[-1] < 1.1


@pytest.mark.parametrize("method", ["Radau", "BDF", "LSODA"])
def test_functions_that_cannot_be_traced_are_solved_as_by_scipy(method):
    calls = []

    def late(t, y):
        calls.append(1)
        return [-50 * (math.sin(y[0]) if len(calls) > 40 else np.sin(y[0])), y[0] - y[1]]

    always = lambda t, y: [-50 * math.sin(y[0]), y[0] - y[1]]  # noqa: E731
    wanted = scipy.integrate.solve_ivp(always, (0.0, 3.0), START, method)
    for fun in (late, always):
        np.testing.assert_array_equal(solve_ivp(fun, (0.0, 3.0), START, method).y, wanted.y)
    sharp = lambda t, y: -np.sqrt(np.abs(y))  # noqa: E731  (an infinite slope at 0)
    wanted = scipy.integrate.solve_ivp(sharp, (0.0, 1.0), [0.0, 1.0], method)
    np.testing.assert_array_equal(solve_ivp(sharp, (0.0, 1.0), [0.0, 1.0], method).y, wanted.y)


def test_functions_that_fill_arrays():
    @dualad.inplace
    def fun(t, y, k):
        d = np.zeros(2)
        d[0], d[1] = y[1], -k * y[0]
        return d

    f = lambda k, fun: np.sum(at_end(fun, (0.0, 1.0), START, k))  # noqa: E731
    stacked = lambda t, y, k: np.stack([y[1], -k * y[0]])  # noqa: E731
    assert grad(f)(2.0, fun) == pytest.approx(grad(f)(2.0, stacked), rel=1e-13)
