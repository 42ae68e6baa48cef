"""The twins of lu_factor and lu_solve: derivatives to every order, from one factorisation."""

import numpy as np
import pytest

pytest.importorskip("scipy")
import scipy.linalg

from dualad import DtypeError, TraceError, check_grads, compile, grad, hessian, jacobian, jvp, vjp
from dualad.scipy.linalg import lu_factor, lu_solve

RNG = np.random.default_rng
A = RNG(0).normal(size=(4, 4))
B = RNG(1).normal(size=(4, 2))
MODES = ("forward", "reverse")
COMPOSITIONS = [f"{outer}-over-{inner}" for outer in MODES for inner in MODES]


def solved(a, b, trans=0):
    return lu_solve(lu_factor(a), b, trans)


@pytest.mark.parametrize("trans", [0, 1, 2])
@pytest.mark.parametrize("b", [B, B[:, 0]], ids=["columns", "vector"])
@pytest.mark.parametrize("mode", MODES)
def test_solves_against_numpy_s(trans, b, mode):
    wanted = lambda a, b: np.linalg.solve(a.T if trans else a, b)  # noqa: E731
    y, _ = vjp(lambda a, b: solved(a, b, trans), A, b)
    np.testing.assert_allclose(y, wanted(A, b), rtol=1e-12)
    for k in (0, 1):
        found = jacobian(lambda a, b: solved(a, b, trans), k, mode=mode)(A, b)
        np.testing.assert_allclose(found, jacobian(wanted, k)(A, b), rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("mode", COMPOSITIONS)
def test_second_order(mode):
    f = lambda solve: lambda a: np.sum(solve(a, B) ** 2)  # noqa: E731
    wanted = hessian(f(np.linalg.solve))(A)
    np.testing.assert_allclose(
        hessian(f(solved), mode=mode)(A), wanted, rtol=1e-8, atol=1e-9 * np.abs(wanted).max()
    )


def test_factors_against_differences():
    check_grads(lambda a: lu_factor(a)[0], (A,), order=3)
    lu, piv = scipy.linalg.lu_factor(A)
    (value, pivots), _ = jvp(lambda a: (lu_factor(a)[0], np.float64(lu_factor(a)[1])), (A,), (A,))
    np.testing.assert_array_equal(value, lu)
    np.testing.assert_array_equal(pivots, piv)
    assert not np.array_equal(piv, np.arange(4))  # rows were exchanged


def test_complex():
    a, b = A + 1j * RNG(2).normal(size=(4, 4)), B[:, 0] + 0.5j
    for trans, turned in ((0, lambda a: a), (1, lambda a: a.T), (2, lambda a: a.T.conj())):
        f = lambda a, b, trans=trans: np.sum(np.abs(solved(a, b, trans)) ** 2)  # noqa: E731
        wanted = lambda a, b, turned=turned: np.sum(np.abs(np.linalg.solve(turned(a), b)) ** 2)  # noqa: E731
        for k in (0, 1):
            np.testing.assert_allclose(grad(f, k)(a, b), grad(wanted, k)(a, b), rtol=1e-10)


def test_one_factorisation_for_values_and_derivatives(monkeypatch):
    calls, factor = [], scipy.linalg.lu_factor

    def counted(*args, **kwargs):
        calls.append(1)
        return factor(*args, **kwargs)

    monkeypatch.setattr(scipy.linalg, "lu_factor", counted)

    def refused(*args):
        raise AssertionError("another factorisation")

    for name in ("solve", "solve1", "inv"):
        monkeypatch.setattr(np.linalg._linalg._umath_linalg, name, refused)
    factors = lu_factor(A)
    steps = lambda b: np.sum(lu_solve(factors, np.sin(lu_solve(factors, b))) ** 2)  # noqa: E731
    assert np.all(np.isfinite(hessian(steps)(B[:, 0])))
    assert len(calls) == 1
    f = lambda a, b: np.sum(solved(a, b) ** 2)  # noqa: E731
    for derived in (grad(f, (0, 1)), hessian(f), jacobian(f, 0, mode="forward")):
        calls.clear()
        derived(A, B)
        assert len(calls) == 1


def test_compiled_solves_with_constant_factors():
    factors = lu_factor(A)
    f = lambda b: np.sum(lu_solve(factors, b) ** 2)  # noqa: E731
    np.testing.assert_allclose(compile(grad(f))(B), grad(f)(B), rtol=1e-12)
    with pytest.raises(TraceError, match="exchanges rows by their values"):
        compile(lambda a: solved(a, B))(A)


def test_refused():
    with pytest.raises(np.linalg.LinAlgError, match="square"):
        grad(lambda a: np.sum(lu_factor(a)[0]))(np.ones((2, 3)))
    with pytest.raises(DtypeError, match="extended"):
        grad(lambda a: np.sum(lu_factor(a)[0]))(A.astype(np.longdouble))
    with pytest.raises(ValueError, match="infs or NaNs"):
        grad(lambda a: np.sum(lu_factor(a)[0]))(np.full((2, 2), np.nan))
    factors = lu_factor(A)
    for b, trans, words in ((np.ones(3), 0, "incompatible"), (B, 3, "trans is")):
        with pytest.raises(ValueError, match=words):
            grad(lambda b, trans=trans: np.sum(lu_solve(factors, b, trans)))(b)
    single = A.astype(np.float32)
    assert grad(lambda a: np.sum(solved(a, B.astype(np.float32))))(single).dtype == np.float32
