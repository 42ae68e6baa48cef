"""`implicit`: roots, fixed points and minimisers, in every mode, composition and order, by both linear solvers."""

import math

import numpy as np
import pytest

import dualad
from dualad import (
    ArgumentError,
    DtypeError,
    ShapeError,
    SolverError,
    check_grads,
    compile,
    grad,
    hessian,
    implicit,
    jacobian,
)

M = np.array([[3.0, 1.0, 0.5], [0.2, 2.0, 0.3], [0.1, 0.4, 4.0]])
T = np.array([1.0, 2.0, 0.5])


def system(x, t, c):
    """Three equations for nested unknowns."""
    u, v = x["u"], x["v"]
    first = M[:2, :2] @ u + np.sin(u) * t[0] - t[:2] * c["k"] + v * M[:2, 2]
    return {"u": first, "v": v**3 + 4 * v + u[0] * t[2] - c["k"] ** 2}


def newton(t, c, sweeps=50):
    """A solver of `system` that looks at its numbers, as solvers do."""
    assert type(t) is np.ndarray and type(c["k"]) is not str
    z = np.zeros(3)

    def f(z):
        r = system({"u": z[:2], "v": z[2]}, t, c)
        return np.append(r["u"], r["v"])

    for _ in range(sweeps):
        step = np.linalg.solve(jacobian(lambda z: np.append(*_parts(z, t, c)))(z), f(z))
        z = z - step
        if math.sqrt(float(step @ step)) < 1e-14:
            break
    return {"u": z[:2], "v": z[2]}


def _parts(z, t, c):
    r = system({"u": z[:2], "v": z[2]}, t, c)
    return r["u"], r["v"]


def measured(solve):
    def number(t):
        first, second = solve(t, {"k": t[0] * t[1]}), solve(t, c={"k": 2.0})
        return np.sum(first["u"] ** 2) + second["v"] * t[2]

    return number


LINEAR = ["dense", "gmres"]


@pytest.fixture(params=LINEAR)
def number(request):
    if request.param == "gmres":
        pytest.importorskip("scipy")
    return measured(implicit(system, linear=request.param)(newton))


def unrolled(t, sweeps=8):
    """The same solver as NumPy's operations, through which derivatives go: Newton's method to its end."""

    def solve(t, c):
        z = np.zeros(3)
        for _ in range(sweeps):
            u, v = z[:2], z[2]
            f = np.concatenate([np.reshape(p, (-1,)) for p in _parts(z, t, c)])
            a = np.stack(
                [
                    np.stack([3.0 + t[0] * np.cos(u[0]), 1.0 + 0 * v, 0.5 + 0 * v]),
                    np.stack([0.2 + 0 * v, 2.0 + t[0] * np.cos(u[1]), 0.3 + 0 * v]),
                    np.stack([t[2], 0 * v, 3 * v**2 + 4.0]),
                ]
            )
            z = z - np.linalg.solve(a, f)
        return {"u": z[:2], "v": z[2]}

    return measured(solve)(t)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_against_differences(number, mode):
    check_grads(number, (T,), order=2, modes=(mode,))


@pytest.mark.parametrize("outer", ["forward", "reverse"])
@pytest.mark.parametrize("inner", ["forward", "reverse"])
@pytest.mark.parametrize("compiled", [False, True])
def test_second_order_by_every_composition(number, outer, inner, compiled):
    h = hessian(number, mode=f"{outer}-over-{inner}")
    h = compile(h) if compiled else h
    for t in (T, T + 0.1):
        np.testing.assert_allclose(h(t), hessian(unrolled)(t), rtol=1e-10, atol=1e-11)


def test_third_order(number):
    third = jacobian(hessian(number))
    np.testing.assert_allclose(third(T), jacobian(hessian(unrolled))(T), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("transform", [dualad.derivative, lambda f, n: f if n == 0 else _grads(f, n)])
def test_a_converged_while_loop_has_the_same_derivatives(order, transform):
    def loop(a):
        x, step = 1.0, 1.0
        while abs(step) > 1e-13:  # once more than the value needs, for each order
            step = (x**3 + x - a) / (3 * x**2 + 1)
            x = x - step
        for _ in range(3):
            x = x - (x**3 + x - a) / (3 * x**2 + 1)
        return x

    root = implicit(lambda x, a: x**3 + x - a)(loop)
    np.testing.assert_allclose(transform(root, order)(5.0), transform(loop, order)(5.0), rtol=1e-12)


def _grads(f, n):
    return grad(f) if n == 1 else grad(_grads(f, n - 1))


def test_fixed_points():
    def iterate(a, x0=0.5):
        x = x0 + 0 * a
        for _ in range(200):
            x = np.cos(a * x)
        return x

    point = implicit(lambda x, a, x0: np.cos(a * x), kind="fixed_point")(iterate)
    a = np.array([0.3, 0.8])
    check_grads(point, (a,), order=3, rtol=1e-5)
    np.testing.assert_allclose(jacobian(point)(a), jacobian(iterate)(a), rtol=1e-10, atol=1e-14)
    assert grad(lambda x0: np.sum(point(a, x0)))(0.5) == 0.0


@pytest.mark.parametrize("linear", LINEAR)
def test_minimisers(linear):
    if linear == "gmres":
        pytest.importorskip("scipy")
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(9, 3)), rng.normal(size=9)

    def ridge(w, X, y, penalty):
        return np.sum((X @ w - y) ** 2) + penalty * w @ w

    def solve(X, y, penalty):
        return np.linalg.solve(X.T @ X + penalty * np.eye(3), X.T @ y)

    best = implicit(ridge, kind="minimum", linear=linear)(solve)
    for k, tolerance in ((0, 1e-9), (1, 1e-9), (2, 1e-9)):
        args = (X, y, 0.7)
        np.testing.assert_allclose(jacobian(best, k)(*args), jacobian(solve, k)(*args), tolerance, tolerance)
    np.testing.assert_allclose(
        jacobian(jacobian(best, 2), 2)(X, y, 0.7), jacobian(jacobian(solve, 2), 2)(X, y, 0.7), 1e-8, 1e-9
    )


def test_the_solver_runs_once_and_the_jacobian_is_factorised_once_for_all_directions(monkeypatch):
    calls, solved = [], np.linalg.solve

    def solve(t, c):
        calls.append(1)
        return newton(t, c)

    root = implicit(system)(solve)
    f = lambda t: root(t, {"k": 2.0})  # noqa: E731
    for mode in ("forward", "reverse"):
        calls.clear()
        jacobian(f, mode=mode)(T)
        assert len(calls) == 1
    names = dualad.count(jacobian(f, mode="reverse"))(T).by_op
    once = dualad.count(lambda t: dualad.vjp(f, t)[1]({"u": np.ones(2), "v": 1.0}))(T).by_op
    assert np.linalg.solve is solved
    factors = lambda n: {k: v for k, v in n.items() if "solve" in k}  # noqa: E731
    assert factors(once) and set(factors(names)) == set(factors(once))
    assert sum(factors(names).values()) < 3 * sum(factors(once).values())


def test_singular_jacobians_raise():
    double = implicit(lambda x, a: (x - a) ** 2)(lambda a: a)
    with pytest.raises(SolverError, match="singular"):
        grad(double)(1.0)
    dependent = implicit(lambda x, a: np.stack([x[0] + x[1] - a, 2 * x[0] + 2 * x[1] - 2 * a]))
    with pytest.raises(SolverError, match="singular"):
        jacobian(dependent(lambda a: np.array([a, 0.0])))(1.0)
    thirds = implicit(lambda x, a: np.stack([x[0] / 3 + x[1] / 7 - a, x[0] + 3 * x[1] / 7 - 3 * a]))
    with pytest.raises(SolverError, match="singular"):  # but for rounding
        jacobian(thirds(lambda a: np.array([3 * a, 0.0])))(0.7)


def test_a_singular_jacobian_that_gmres_notices_raises():
    pytest.importorskip("scipy")
    flat = implicit(lambda x, a: np.stack([x[0] + x[1] - a, x[0] + x[1] - a**2]), linear="gmres")
    with pytest.raises(SolverError, match="gmres did not solve"):
        jacobian(flat(lambda a: np.array([a, 0.0])))(1.0)


def test_what_is_no_solution_raises():
    root = implicit(lambda x, a: x**2 - a)(lambda a: 1.5)
    with pytest.raises(SolverError, match="no solution"):
        grad(root)(2.0)
    near = implicit(lambda x, a: x**2 - a, tolerance=0.1)(lambda a: 1.5)
    np.testing.assert_allclose(grad(near)(2.0), 1 / 3.0)
    c = compile(grad(implicit(lambda x, a: x**2 - a)(lambda a: math.sqrt(min(a, 4.0)))))
    assert c(4.0) == 0.25
    with pytest.raises(SolverError, match="no solution"):  # in the program, too
        c(5.0)


def test_wrong_conditions_raise():
    with pytest.raises(ArgumentError, match="kind='roots'"):
        implicit(system, kind="roots")
    with pytest.raises(ArgumentError, match="linear='lu'"):
        implicit(system, linear="lu")
    with pytest.raises(ShapeError, match="condition of"):
        jacobian(implicit(lambda x, a: x[:1] - a)(lambda a: np.ones(2) * a))(1.0)
    with pytest.raises(DtypeError, match="complex solution"):
        dualad.jvp(implicit(lambda x, a: x**2 - a)(lambda a: 1j * np.sqrt(-a)), (-1.0,), (1.0,))
    short = implicit(lambda x, a: x**2 - a)(lambda a, x0=1.0: math.sqrt(a) * x0)
    assert grad(short)(4.0) == 0.25
    for differentiated in (grad(short, 1), lambda a, x0: dualad.derivative(lambda x0: short(a, x0))(x0)):
        with pytest.raises(ArgumentError, match="does not take"):
            differentiated(4.0, 1.0)
    for linear in LINEAR:

        def outside(c, linear=linear):
            return dualad.derivative(implicit(lambda x, a: x - a - c, linear=linear)(lambda a: a + 2.0))(1.0)

        with pytest.raises(ArgumentError, match=r"condition of .* reads a traced value"):
            grad(outside)(2.0)
