"""The twins of SciPy's solvers and of quad: derivatives in their parameters, in every mode and order."""

import math

import numpy as np
import pytest

pytest.importorskip("scipy")
import scipy.integrate
import scipy.optimize

from dualad import (
    ArgumentError,
    DtypeError,
    KeywordError,
    SolverError,
    check_grads,
    compile,
    derivative,
    grad,
    hessian,
    jacobian,
    jvp,
)
from dualad.scipy.integrate import quad
from dualad.scipy.optimize import fixed_point, minimize, root

COMPOSITIONS = [
    f"{outer}-over-{inner}" for outer in ("forward", "reverse") for inner in ("forward", "reverse")
]
A, B = np.array([4.0, 9.0]), np.array([1.0, 2.0])


def curves(x, a):
    return [x[0] ** 2 - a[0] * x[1], x[1] ** 3 - a[1] + 0.1 * x[0]]


def valley(x, a):
    return (a[0] - x[0]) ** 2 + a[1] * (x[1] - x[0] ** 2) ** 2 + np.exp(a[1] * x[0] - x[1])


def closed(x, p):
    """∫ exp(-c t) sin(s t) dt up to x."""
    c, s = p
    return (s - np.exp(-c * x) * (c * np.sin(s * x) + s * np.cos(s * x))) / (c**2 + s**2)


def integral(z):
    f = lambda t, p, scale: np.exp(-p[0] * t) * np.sin(p[1] * t) * scale["scale"]  # noqa: E731
    return quad(f, z[0] * z[1], z[2], (z[:2], {"scale": z[2] ** 2}))[0]


def exactly(z):
    return z[2] ** 2 * (closed(z[2], (z[0], z[1])) - closed(z[0] * z[1], (z[0], z[1])))


def total(x):
    return np.sum(x**2)


CASES = {
    "root": (lambda a: total(root(curves, np.ones(2), (a,)).x), A, 1e-6),
    "root by lm": (lambda a: total(root(curves, np.ones(2), a, method="lm", tol=1e-12).x), A, 1e-6),
    "root by krylov": (
        lambda a: total(root(curves, np.array([2.9, 2.0]), a, method="krylov", tol=1e-11).x),
        A,
        1e-5,
    ),
    "root by gmres": (lambda a: total(root(curves, np.ones(2), (a,), linear="gmres").x), A, 1e-6),
    "minimize": (lambda a: total(minimize(valley, np.zeros(2), (a,), tol=1e-9).x), B, 1e-4),
    "minimize by Newton": (
        lambda a: total(minimize(valley, np.zeros(2), a, method="trust-exact", tol=1e-9).x),
        B,
        1e-5,
    ),
    "minimize by Nelder-Mead": (
        lambda a: total(minimize(valley, np.zeros(2), (a,), method="Nelder-Mead", tol=1e-11).x),
        B,
        1e-4,
    ),
    "least value": (lambda a: minimize(valley, np.zeros(2), (a,), tol=1e-9).fun, B, 1e-5),
    "fixed_point": (
        lambda a: total(fixed_point(lambda x, a: np.cos(a * x), np.full(2, 0.7), (a / 4,), xtol=1e-13)),
        B,
        1e-6,
    ),
    "quad": (integral, np.array([0.7, 1.2, 2.0]), 1e-6),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_against_differences(case, mode):
    f, x, rtol = CASES[case]
    check_grads(f, (x,), order=2, modes=(mode,), rtol=rtol, atol=rtol)


@pytest.mark.parametrize("case", CASES)
def test_compositions_agree_compiled_too(case):
    f, x, _ = CASES[case]
    expected, other = hessian(f)(x), hessian(f)(x * 1.01)
    for mode in COMPOSITIONS:
        np.testing.assert_allclose(hessian(f, mode=mode)(x), expected, rtol=1e-6, atol=1e-7)
    compiled = compile(hessian(f))
    np.testing.assert_allclose(compiled(x), expected, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(compiled(x * 1.01), other, rtol=1e-9, atol=1e-10)


def test_results_are_scipys():
    r = root(curves, np.ones(2), (A,))
    assert type(r) is scipy.optimize.OptimizeResult and r.success and r.njev >= 1
    np.testing.assert_allclose(r.x, scipy.optimize.root(curves, np.ones(2), (A,)).x, rtol=1e-8)
    r = minimize(valley, np.zeros(2), (B,), method="Newton-CG")
    assert r.nhev > 0
    np.testing.assert_allclose(r.x, scipy.optimize.minimize(valley, np.zeros(2), (B,)).x, rtol=1e-4)
    assert minimize(valley, np.zeros(2), (B,), jac="2-point").nfev > minimize(valley, np.zeros(2), (B,)).nfev
    assert quad(np.sin, 0, 1) == scipy.integrate.quad(np.sin, 0, 1)
    assert fixed_point(np.cos, 0.7) == scipy.optimize.fixed_point(np.cos, 0.7)
    pairs = lambda x, a: (valley(x, a), grad(valley)(x, a))  # noqa: E731
    found = grad(lambda a: minimize(pairs, np.zeros(2), (a,), jac=True, tol=1e-9).x[0])(B)
    np.testing.assert_allclose(
        found, grad(lambda a: minimize(valley, np.zeros(2), (a,), tol=1e-9).x[0])(B), 1e-5
    )


def test_traced_results_hold_no_number_without_its_derivative():
    seen = []

    def f(a):
        r = minimize(valley, np.zeros(2), (a,), tol=1e-9)
        seen.append(r)
        return r.x[0] + r.fun

    value, slope = jvp(f, (B,), (np.ones(2),))
    assert set(seen[0]) == {"x", "fun", "success", "status", "message", "nit", "nfev", "njev"}
    assert seen[0].success and np.isfinite(value) and slope != 0.0
    with pytest.raises(AttributeError):
        seen[0].hess_inv  # noqa: B018
    compile(f)(B)
    assert set(seen[-1]) == {"x", "fun"}


def test_where_a_solver_begins_has_no_part_in_its_result():
    assert grad(lambda x0: total(root(curves, x0, (A,)).x))(np.ones(2)).tolist() == [0.0, 0.0]
    c = compile(lambda x0: root(curves, x0, (A,)).x)
    c(np.ones(2))
    np.testing.assert_allclose(c(np.array([3.0, 2.0])), root(curves, np.ones(2), (A,)).x, rtol=1e-6)


def test_quad_in_closed_form_to_third_order():
    z = np.array([0.7, 1.2, 2.0])
    third = lambda f: jacobian(hessian(f))  # noqa: E731
    for transform in (grad, hessian, third):
        np.testing.assert_allclose(transform(integral)(z), transform(exactly)(z), rtol=1e-7, atol=1e-8)


def test_quad_with_limits_that_are_infinite_or_whole_numbers():
    f = lambda t, c: np.exp(-c * t)  # noqa: E731
    for n, expected in ((1, -1 / 4.0), (2, 2 / 8.0), (3, -6 / 16.0)):
        np.testing.assert_allclose(derivative(lambda c: quad(f, 0, np.inf, c)[0], n)(2.0), expected, 1e-9)
        np.testing.assert_allclose(_grads(lambda c: quad(f, 0, np.inf, c)[0], n)(2.0), expected, 1e-9)
    np.testing.assert_allclose(grad(lambda b: quad(np.sin, 0, b)[0])(1), math.sin(1.0), rtol=1e-14)
    np.testing.assert_allclose(grad(lambda b: quad(f, 1.0, b, 2.0)[0])(np.inf), 0.0)
    np.testing.assert_allclose(hessian(lambda b: quad(np.sin, b, 3.0)[0])(1.0), -math.cos(1.0), rtol=1e-14)
    gradient = grad(lambda c: quad(lambda t, c: np.exp(-c @ c * t), 0.0, 1.0, (c,), points=[0.3])[0])
    np.testing.assert_allclose(
        gradient(B), 2 * B * derivative(lambda s: (1 - np.exp(-s)) / s)(5.0), rtol=1e-10
    )


def _grads(f, n):
    return f if n == 0 else grad(_grads(f, n - 1))


def test_the_error_estimate_of_quad_is_plain():
    value, off = jvp(lambda c: list(quad(lambda t: t * t, 0.0, c)), (2.0,), (1.0,))
    assert value[1] > 0.0 and off == [4.0, 0.0]


def test_what_has_no_derivative_raises():
    with pytest.raises(KeywordError, match="bounds or constraints"):
        grad(lambda a: minimize(valley, np.zeros(2), (a,), bounds=[(0, 1), (0, 1)]).fun)(B)
    assert minimize(valley, np.zeros(2), (B,), bounds=[(0, 0.1), (0, 1)]).x[0] <= 0.1
    with pytest.raises(SolverError, match="no solution"):
        grad(lambda a: minimize(valley, np.zeros(2), (a,), options={"maxiter": 1}).x[0])(B)
    with pytest.raises(SolverError, match="singular"):
        grad(lambda a: minimize(lambda x, a: (x[0] - a) ** 2, np.zeros(2), (a,)).x[0])(1.0)
    with pytest.raises(KeywordError, match="weight="):
        grad(lambda b: quad(np.cos, 0.0, b, weight="sin", wvar=2.0)[0])(1.0)
    with pytest.raises(KeywordError, match="full_output="):
        grad(lambda b: quad(np.cos, 0.0, b, full_output=1)[0])(1.0)
    with pytest.raises(KeywordError, match="points="):
        grad(lambda p: quad(np.cos, 0.0, 1.0, points=[p])[0])(0.5)
    with pytest.raises(DtypeError, match="complex"):
        grad(lambda c: np.abs(quad(lambda t, c: t * c, 0.0, 1.0, c)[0]))(1j)


def test_what_is_read_from_outside_raises():
    for f in (
        lambda a: root(lambda x: x**2 - a, np.ones(1)).x[0],
        lambda a: minimize(lambda x: (x[0] - a) ** 2, np.ones(1)).x[0],
        lambda a: fixed_point(lambda x: np.cos(x * a), 0.5),
        lambda a: quad(lambda t: t * a, 0.0, 1.0)[0],
        lambda a: quad(lambda t: t * a, 0.0, a)[0],
    ):
        with pytest.raises(ArgumentError, match="pass it as an argument"):
            grad(f)(2.0)


def test_solvers_are_also_in_the_package():
    import dualad.scipy
    import dualad.scipy.integrate

    assert dualad.scipy.root is dualad.scipy.optimize.root
    assert dualad.scipy.solve_ivp is dualad.scipy.integrate.solve_ivp
    assert {"fixed_point", "minimize", "quad", "root", "solve_ivp"} <= set(dir(dualad.scipy))
    with pytest.raises(AttributeError, match="nothing"):
        dualad.scipy.nothing  # noqa: B018
