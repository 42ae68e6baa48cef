"""Plans and operators in SciPy's solvers: the same answers as without them, by fewer evaluations."""

import numpy as np
import pytest

pytest.importorskip("scipy")
pytest.importorskip("igraph")

import scipy.sparse as sp
from scipy.integrate import solve_ivp
from scipy.optimize import least_squares, minimize
from scipy.sparse.linalg import cg, expm_multiply, gmres, spsolve

import dualad


def brusselator(t, y):
    """Two species on a line, fixed at its ends; a source that the time moves."""
    u, v = np.reshape(y, (2, -1))
    n = len(u)
    rate = (n + 1) ** 2 / 50
    ends_u, ends_v = np.concatenate([[1.0], u, [1.0]]), np.concatenate([[3.0], v, [3.0]])
    du = 1 + u * u * v - 4 * u + rate * (ends_u[2:] - 2 * u + ends_u[:-2])
    dv = 3 * u - u * u * v + rate * (ends_v[2:] - 2 * v + ends_v[:-2]) + 0.1 * np.cos(t)
    return np.concatenate([du, dv])


START = np.concatenate([1 + np.sin(2 * np.pi * np.arange(1, 31) / 31), np.full(30, 3.0)])
SPAN = (0.0, 1.0)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("method", ["Radau", "BDF"])
def test_stiff_equations(method, compiled):
    plan = dualad.sparse_jacobian(brusselator, 0.0, START, argnums=1)
    plan = plan.compile() if compiled else plan
    assert plan.coloring.count <= 5
    options = {"method": method, "rtol": 1e-6, "atol": 1e-8}
    pattern = dualad.sparsity(lambda y: brusselator(0.0, y), START)
    calls = []

    def solved(**how):
        calls.append(0)
        return solve_ivp(counted, SPAN, START, **options, **how)

    def counted(t, y):
        calls[-1] += 1
        return brusselator(t, y)

    found, dense = solved(jac=plan), solved(jac=dualad.jacobian(brusselator, 1))
    differences = solved(jac_sparsity=pattern)
    assert found.success
    np.testing.assert_allclose(found.y[:, -1], dense.y[:, -1], rtol=1e-8)
    np.testing.assert_allclose(found.y[:, -1], differences.y[:, -1], rtol=1e-4)
    assert found.njev == dense.njev
    assert calls[0] == calls[1] < calls[2]


def test_the_heat_equation():
    """A linear equation: the Jacobian is its matrix, at every point."""
    n = 50
    matrix = n**2 * sp.diags_array([1.0, -2.0, 1.0], offsets=[-1, 0, 1], shape=(n, n)).tocsr()

    def heat(t, u):
        inside = np.concatenate([[0.0], u, [0.0]])
        return n**2 * (inside[2:] - 2 * u + inside[:-2])

    plan = dualad.sparse_jacobian(heat, 0.0, np.ones(n), argnums=1)
    assert plan.coloring.count == 3
    assert abs(plan(0.5, np.ones(n)) - matrix).max() == 0
    found = solve_ivp(heat, (0, 0.1), np.ones(n), method="Radau", jac=plan, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(found.y[:, -1], expm_multiply(0.1 * matrix, np.ones(n)), rtol=1e-5)


def residuals(x):
    """Broyden's tridiagonal function."""
    y = np.concatenate([[0.0], x, [0.0]])
    return (3 - 2 * x) * x - y[:-2] - 2 * y[2:] + 1


def test_least_squares():
    x = -np.ones(200)
    plan = dualad.sparse_jacobian(residuals, x)
    assert plan.coloring.count == 3
    found = least_squares(residuals, x, jac=plan, xtol=1e-12, ftol=1e-12, gtol=1e-12)
    assert found.success and found.cost < 1e-20
    np.testing.assert_allclose(residuals(found.x), 0.0, atol=1e-9)
    assert sp.issparse(found.jac)


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


@pytest.mark.parametrize("partition", ["symmetric", "acyclic"])
def test_minimize(partition):
    x = np.full(50, 0.8)
    plan = dualad.sparse_hessian(rosenbrock, x, partition=partition)
    found = minimize(
        rosenbrock, x, method="trust-constr", jac=dualad.grad(rosenbrock), hess=plan, options={"gtol": 1e-9}
    )
    np.testing.assert_allclose(found.x, 1.0, rtol=1e-6)


def test_newton_with_a_sparse_hessian():
    x = np.full(1000, 0.9)
    gradient, plan = dualad.grad(rosenbrock), dualad.sparse_hessian(rosenbrock, x).compile()
    for _ in range(8):
        x = x - spsolve(plan(x).tocsc(), gradient(x))
    np.testing.assert_allclose(x, 1.0, rtol=1e-12)


def test_newton_krylov():
    x = -np.ones(300)
    for _ in range(8):
        step, failed = gmres(dualad.jacobian_operator(residuals, x), -residuals(x), rtol=1e-10, restart=50)
        assert failed == 0
        x = x + step
    np.testing.assert_allclose(residuals(x), 0.0, atol=1e-10)


def test_newton_with_conjugate_gradients():
    def energy(x):
        return np.sum(np.cosh(x)) + np.sum((x[1:] - x[:-1]) ** 2) - np.sum(x)

    x, gradient = np.zeros(300), dualad.grad(energy)
    for _ in range(6):
        step, failed = cg(dualad.hessian_operator(energy, x), -gradient(x), rtol=1e-10)
        assert failed == 0
        x = x + step
    np.testing.assert_allclose(gradient(x), 0.0, atol=1e-12)
    np.testing.assert_allclose(x, np.arcsinh(1.0), rtol=1e-10)  # each the same: the springs are at rest
