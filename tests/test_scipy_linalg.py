"""The twins of scipy.linalg: SciPy's values, derivatives against definitions, differences and each other.

The ops behind them are tested with all others (tests/test_rules.py); here are the twins as they are called.
"""

import mpmath as mp
import numpy as np
import pytest
import scipy.linalg

from dualad import DtypeError, check_grads, grad, hessian, jacobian, jvp, primal, vjp
from dualad.scipy import linalg

RNG = np.random.default_rng
A = 3.0 * np.eye(3) + RNG(0).uniform(-1.0, 1.0, (3, 3))
B = 2.0 * np.eye(2) + RNG(1).uniform(-1.0, 1.0, (2, 2))
Q = RNG(2).normal(size=(3, 2))
SPD = A @ A.T + np.eye(3)
STACK = 3.0 * np.eye(3) + RNG(3).uniform(-1.0, 1.0, (2, 3, 3))
VECTOR = np.array([1.0, -2.0, 0.5])


def solved(a, b, **keywords):
    return linalg.cho_solve(linalg.cho_factor(a, **keywords), b)


CALLS = {
    "expm": (linalg.expm, scipy.linalg.expm, (A / 3,)),
    "expm of a stack": (linalg.expm, scipy.linalg.expm, (STACK / 3,)),
    "expm with squarings": (linalg.expm, scipy.linalg.expm, (2.0 * A,)),
    "logm": (linalg.logm, scipy.linalg.logm, (A,)),
    "logm far from one": (linalg.logm, scipy.linalg.logm, (1e4 * A,)),
    "logm of a stack": (linalg.logm, lambda a: np.stack([scipy.linalg.logm(m) for m in a]), (STACK,)),
    "sqrtm": (linalg.sqrtm, scipy.linalg.sqrtm, (A,)),
    "sqrtm of a stack": (linalg.sqrtm, lambda a: np.stack([scipy.linalg.sqrtm(m) for m in a]), (STACK,)),
    "solve_sylvester": (linalg.solve_sylvester, scipy.linalg.solve_sylvester, (A, B, Q)),
    "solve_sylvester of a stack": (
        linalg.solve_sylvester,
        lambda a, b, q: np.stack([scipy.linalg.solve_sylvester(m, b, q) for m in a]),
        (STACK, B, Q),
    ),
    "cho_solve": (
        solved, lambda a, b: scipy.linalg.cho_solve(scipy.linalg.cho_factor(a), b), (SPD, VECTOR)
    ),
    "cho_solve, lower": (
        lambda a, b: solved(a, b, lower=True),
        lambda a, b: scipy.linalg.cho_solve(scipy.linalg.cho_factor(a, lower=True), b),
        (SPD, Q),
    ),
    "cho_factor": (
        lambda a: linalg.cho_factor(a)[0], lambda a: scipy.linalg.cho_factor(a)[0], (SPD,)
    ),
    "cho_factor, lower": (
        lambda a: linalg.cho_factor(a, lower=True)[0],
        lambda a: scipy.linalg.cho_factor(a, lower=True)[0],
        (SPD,),
    ),
}  # fmt: skip
for _lower in (False, True):
    for _trans in (0, 1, "N", "T", "C"):
        for _unit in (False, True):
            _keywords = {"lower": _lower, "trans": _trans, "unit_diagonal": _unit}
            for _b in (VECTOR, Q):
                CALLS[f"solve_triangular-{_lower}-{_trans}-{_unit}-{_b.ndim}"] = (
                    lambda a, b, k=_keywords: linalg.solve_triangular(a, b, **k),
                    lambda a, b, k=_keywords: scipy.linalg.solve_triangular(a, b, **k),
                    (A, _b),
                )


@pytest.fixture(params=CALLS)
def call(request):
    return CALLS[request.param]


def test_values_are_those_of_scipy(call):
    twin, original, args = call
    expected = original(*args)
    np.testing.assert_array_equal(twin(*args), expected)  # plain: SciPy's own
    y, _ = vjp(twin, *args)
    assert y.dtype == expected.dtype
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-14 * np.max(np.abs(expected)))


def test_first_and_second_order_against_differences(call):
    twin, _, args = call
    if "far" in str([k for k, v in CALLS.items() if v is call]):
        args = tuple(a / 1e4 for a in args)  # differences need arguments near 1
    check_grads(twin, args, order=2)


def test_the_modes_agree(call):
    twin, _, args = call
    rng = RNG(5)
    v = [rng.normal(size=a.shape) for a in args]
    y, dy = jvp(twin, args, v)
    g = rng.normal(size=y.shape)
    back = vjp(twin, *args)[1](g)
    inner = sum(np.sum(a * b) for a, b in zip(back, v, strict=True))
    assert abs(np.sum(g * dy) - inner) <= 1e-12 * np.sum(np.abs(g * dy))
    # All directions at once, in both modes, and both orders of nesting
    forward, reverse = (jacobian(twin, mode=mode)(*args) for mode in ("forward", "reverse"))
    scale = np.max(np.abs(forward))
    np.testing.assert_allclose(forward, reverse, rtol=0, atol=1e-12 * scale)
    n = np.ndim(args[0])
    np.testing.assert_allclose(
        np.tensordot(forward, v[0], n),
        jvp(lambda a: twin(a, *args[1:]), (args[0],), (v[0],))[1],
        rtol=0,
        atol=1e-12 * scale * np.sum(np.abs(v[0])),
    )


@pytest.mark.parametrize("name", ["expm", "logm", "sqrtm", "cho_solve", "solve_sylvester"])
def test_hessians_by_every_composition(name):
    twin, _, args = CALLS[name]
    w = RNG(6).normal(size=np.shape(twin(*args)))

    def f(a):
        return np.sum(w * twin(a, *args[1:]))

    found = [
        hessian(f, mode=mode)(args[0])
        for mode in (
            "forward-over-reverse",
            "reverse-over-forward",
            "forward-over-forward",
            "reverse-over-reverse",
        )
    ]
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=0, atol=1e-11 * np.max(np.abs(found[0])))


def test_third_derivative_of_the_exponential():
    def f(t):
        return linalg.expm(t * np.array([[0.0, -1.0], [1.0, 0.0]]))[1, 0]  # sin(t)

    third = grad(lambda t: jvp(lambda s: jvp(f, (s,), (1.0,))[1], (t,), (1.0,))[1])
    assert abs(third(0.3) + np.cos(0.3)) < 1e-14


HARD = {
    "one": np.eye(3),
    "equal eigenvalues": 2.0 * np.eye(3) + np.eye(3, k=1),
    "far from normal": np.eye(3) + 100.0 * np.eye(3, k=1),
    "spread eigenvalues": np.diag([1e-2, 1.0, 20.0]) + 1e-3,
    "complex eigenvalues": np.array([[0.0, -2.0, 0.0], [2.0, 0.1, 0.0], [0.0, 0.3, 1.0]]),
}


@pytest.mark.parametrize("size", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("matrix", HARD)
@pytest.mark.parametrize("name", ["expm", "logm", "sqrtm"])
def test_against_fifty_digits(name, matrix, size):
    a, e = HARD[matrix], size * RNG(7).normal(size=(3, 3))
    with mp.workdps(60):
        h, f = mp.mpf(10) ** -25 / size, getattr(mp, name)
        x, dx = mp.matrix(a.tolist()), mp.matrix(e.tolist())
        slope = (f(x + h * dx) - f(x - h * dx)) / (2 * h)
        exact = np.array([[float(mp.re(slope[i, j])) for j in range(3)] for i in range(3)])
    found = jvp(getattr(linalg, name), (a,), (e,))[1]
    assert np.max(np.abs(found - exact)) <= 1e-11 * np.max(np.abs(exact))


@pytest.mark.parametrize("name", ["expm", "logm"])
def test_the_derivative_is_that_of_a_block(name):
    """The function of [[a, e], [0, a]] has the derivative in its corner (Mathias 1996)."""
    f, e = getattr(scipy.linalg, name), RNG(8).normal(size=(3, 3))
    corner = f(np.block([[A, e], [np.zeros((3, 3)), A]]))[:3, 3:]
    found = jvp(getattr(linalg, name), (A,), (e,))[1]
    np.testing.assert_allclose(found, corner, rtol=0, atol=1e-11 * np.max(np.abs(corner)))


def test_single_precision_is_kept_where_scipy_keeps_it():
    single = [a.astype(np.float32) for a in (A, B, Q, SPD, VECTOR)]
    a, b, q, spd, v = single
    cases = (
        (linalg.expm, (a,)),
        (linalg.sqrtm, (a,)),
        (linalg.solve_sylvester, (a, b, q)),
        (linalg.solve_triangular, (a, v)),
        (solved, (spd, v)),
    )
    for f, args in cases:
        assert f(*args).dtype == np.float32
        y, pullback = vjp(f, *args)
        assert y.dtype == np.float32
        assert all(x.dtype == np.float32 for x in pullback(y))
        assert jvp(f, args, args)[1].dtype == np.float32
    y, pullback = vjp(linalg.logm, a)  # double, as SciPy
    assert (y.dtype, pullback(y)[0].dtype) == (np.float64, np.float32)


TURNED = A + 1j * RNG(10).uniform(-0.5, 0.5, (3, 3))
FACTOR = np.linalg.cholesky(TURNED @ TURNED.conj().T + np.eye(3))
TURN = np.array([[1.0, -2.0], [2.0, 1.0]])  # real, with complex eigenvalues
COMPLEX = {
    "expm": (linalg.expm, scipy.linalg.expm, (TURNED / 2,)),
    "logm": (linalg.logm, scipy.linalg.logm, (TURNED,)),
    "sqrtm": (linalg.sqrtm, scipy.linalg.sqrtm, (TURNED,)),
    "solve_sylvester": (linalg.solve_sylvester, scipy.linalg.solve_sylvester, (TURNED, 1j * B, Q + 0.3j)),
    "solve_sylvester, one complex": (linalg.solve_sylvester, linalg.solve_sylvester, (TURNED, TURN, Q)),
    "solve_sylvester, complex right-hand side": (
        linalg.solve_sylvester,
        linalg.solve_sylvester,
        (A, TURN, Q + 0.3j),
    ),
    "cho_solve": (
        lambda c, b: linalg.cho_solve((c, True), b),
        lambda c, b: scipy.linalg.cho_solve((c, True), b),
        (FACTOR, Q + 0.3j),
    ),
    "cho_solve, upper": (
        lambda c, b: linalg.cho_solve((c, False), b),
        lambda c, b: scipy.linalg.cho_solve((c, False), b),
        (FACTOR.T, VECTOR + 0.3j),
    ),
    **{
        f"solve_triangular, {trans}": (
            lambda a, b, t=trans: linalg.solve_triangular(a, b, trans=t),
            lambda a, b, t=trans: scipy.linalg.solve_triangular(a, b, trans=t),
            (TURNED, VECTOR),
        )
        for trans in ("N", "T", "C")
    },
}


@pytest.mark.parametrize("name", COMPLEX)
def test_complex_matrices(name):
    twin, original, args = COMPLEX[name]
    expected = original(*args)
    np.testing.assert_allclose(vjp(twin, *args)[0], expected, rtol=0, atol=1e-13 * np.max(np.abs(expected)))
    check_grads(twin, args, order=2)
    jacobians = [
        jacobian(lambda a: np.real(twin(a, *args[1:])), mode=m)(args[0]) for m in ("forward", "reverse")
    ]
    np.testing.assert_allclose(*jacobians, rtol=0, atol=1e-12 * np.max(np.abs(jacobians[0])))


def test_sylvester_of_mixed_types():
    """SciPy's own is wrong here: it takes a real Schur form for a complex one."""
    for a, b, q in ((TURNED, TURN, Q), (A, TURN, Q + 0.3j), (TURN, TURNED, Q.T)):
        for x in (
            linalg.solve_sylvester(a, b, q),
            vjp(lambda q, a=a, b=b: linalg.solve_sylvester(a, b, q), q)[0],
        ):
            np.testing.assert_allclose(a @ x + x @ b, q, rtol=0, atol=1e-14)


def test_one_triangle_is_read():
    junk = A + np.tril(np.full((3, 3), 7.0), -1)
    for lower, a, triangle in ((False, junk, np.triu), (True, junk.T, np.tril)):
        g = grad(lambda a, lower=lower: np.sum(linalg.solve_triangular(a, Q, lower=lower)))(a)
        np.testing.assert_array_equal(g, triangle(g))
        assert np.all(g[triangle(np.ones((3, 3))) > 0] != 0)
    unit = grad(lambda a: np.sum(linalg.solve_triangular(a, Q, unit_diagonal=True)))(A)
    np.testing.assert_array_equal(np.diag(unit), 0.0)
    g = grad(lambda a: np.sum(solved(a, Q)))(SPD)
    np.testing.assert_array_equal(g, np.triu(g))


def test_stacks_broadcast():
    q = RNG(9).normal(size=(4, 1, 3, 2))
    for f, args in (
        (linalg.solve_sylvester, (STACK, B, q)),
        (linalg.solve_triangular, (STACK, q)),
        (linalg.solve_triangular, (STACK, VECTOR)),
        (linalg.solve_triangular, (A, q)),
        (solved, (STACK @ np.swapaxes(STACK, -1, -2), q)),
    ):
        check_grads(f, args, order=1)
    np.testing.assert_array_equal(
        vjp(linalg.solve_triangular, STACK, VECTOR)[0], scipy.linalg.solve_triangular(STACK, VECTOR)
    )
    factor = scipy.linalg.cho_factor(np.stack([SPD, 2.0 * SPD]))  # its `lower` is an array
    np.testing.assert_allclose(
        jacobian(lambda b: linalg.cho_solve(factor, b))(VECTOR)[1], np.linalg.inv(2.0 * SPD), rtol=1e-12
    )


def test_constants_lists_and_numbers_mix_with_traced_values():
    f = grad(lambda t: linalg.expm([[0.0, t], [-t, 0.0]])[0, 1])
    assert abs(f(0.4) - np.cos(0.4)) < 1e-14
    assert grad(lambda t: linalg.expm(t)[0, 0])(0.0) == 1.0
    g = jacobian(lambda b: linalg.solve_triangular([[2, 0], [1, 1]], b, lower=True))(np.ones(2))
    np.testing.assert_array_equal(g, [[0.5, 0.0], [-0.5, 1.0]])
    x = grad(lambda q: np.sum(linalg.solve_sylvester([[1]], [[1]], q)))(np.ones((1, 1)))
    np.testing.assert_array_equal(x, [[0.5]])


EMPTY = np.zeros((0, 0))


@pytest.mark.parametrize(
    ("f", "shape"),
    [
        (linalg.expm, (0, 0)),
        (linalg.expm, (0, 2, 2)),
        (linalg.sqrtm, (0, 0)),
        (lambda q: linalg.solve_sylvester(EMPTY, B, q), (0, 2)),
        (lambda b: linalg.solve_triangular(A, b), (3, 0)),
    ],
)
def test_empty_arrays(f, shape):
    x = np.zeros(shape)
    y, dy = jvp(f, (x,), (x,))
    assert y.shape == dy.shape == shape
    assert vjp(f, x)[1](y)[0].shape == shape


# Errors
@pytest.mark.parametrize("f", [linalg.logm, linalg.sqrtm])
@pytest.mark.parametrize("a", [np.diag([-1.0, 2.0]), -np.eye(2), np.array([[1.0, 2.0], [2.0, 1.0]])])
def test_complex_results_raise(f, a):
    assert np.iscomplexobj(f(a))  # plain: SciPy's own
    for run in (lambda: jvp(f, (a,), (a,)), lambda: vjp(f, a)):
        with pytest.raises(DtypeError, match=rf"{f.__name__} of this matrix is complex") as caught:
            run()
        assert "test_scipy_linalg.py" in str(caught.value)
    assert np.isfinite(jvp(lambda t: np.imag(f(primal(t))), (a,), (a,))[0]).all()


@pytest.mark.parametrize(
    "a", [np.zeros((2, 2)), np.ones((2, 2)), np.outer([1.0, 2.0, 3.0], [0.3, 0.1, 0.7]), np.diag([0.0, 1.0])]
)
@pytest.mark.parametrize("f", [linalg.logm, linalg.sqrtm])
@pytest.mark.filterwarnings("ignore")  # SciPy's own, of the value
def test_singular_matrices_have_no_derivative(f, a):
    for run in (lambda: jvp(f, (a,), (a,)), lambda: vjp(f, a)[1](a)):
        with pytest.raises((np.linalg.LinAlgError, DtypeError), match=r"singular|complex"):
            run()


def test_sylvester_without_a_unique_solution_raises():
    for a, b in (
        (np.eye(2), -np.eye(2)),
        (np.diag([1.0, 2.0]), np.diag([-2.0, 5.0])),
        (np.zeros((2, 2)),) * 2,
    ):
        with pytest.raises(np.linalg.LinAlgError, match="no unique solution"):
            vjp(lambda q, a=a, b=b: linalg.solve_sylvester(a, b, q), np.ones((2, 2)))


def test_singular_and_indefinite_factors_raise():
    singular = np.diag([1.0, 0.0])
    with pytest.raises(np.linalg.LinAlgError, match="singular"):
        vjp(lambda a: linalg.solve_triangular(a, np.ones(2)), singular)
    with pytest.raises(np.linalg.LinAlgError, match="singular"):
        vjp(lambda c: linalg.cho_solve((c, True), np.ones(2)), singular)
    with pytest.raises(np.linalg.LinAlgError):
        vjp(lambda a: linalg.cho_factor(a)[0], -np.eye(2))


def test_wrong_arguments_raise():
    nan = np.array([[1.0, np.nan], [0.0, 1.0]])
    b = np.ones(2)
    for f in (linalg.expm, linalg.logm, linalg.sqrtm, lambda a: linalg.cho_factor(a)[0]):
        with pytest.raises(np.linalg.LinAlgError, match="square"):
            vjp(f, np.ones((2, 3)))
    with pytest.raises(np.linalg.LinAlgError, match="square"):
        vjp(linalg.sqrtm, 2.0)
    with pytest.raises(ValueError, match="trans"):
        vjp(lambda a: linalg.solve_triangular(a, b, trans=3), np.eye(2))
    with pytest.raises(ValueError, match="incompatible"):
        vjp(lambda a: linalg.solve_triangular(a, b), np.eye(3))
    with pytest.raises(ValueError, match="do not fit"):
        vjp(lambda a: linalg.solve_sylvester(a, B, Q), B)
    for f in (linalg.cho_factor, lambda a: linalg.solve_triangular(a, b)):
        with pytest.raises(ValueError, match="infs or NaNs"):
            vjp(lambda a, f=f: f(a)[0], nan)
    y, _ = vjp(lambda a: linalg.solve_triangular(a, b, check_finite=False), nan)
    assert np.isnan(y[0])
    with pytest.raises(DtypeError, match="extended precision"):
        vjp(linalg.expm, np.eye(2, dtype=np.longdouble))


def test_what_may_be_overwritten_is_not():
    a, b = SPD.copy(), VECTOR.copy()

    def f(a, b):
        return linalg.cho_solve(linalg.cho_factor(a, overwrite_a=True), b, overwrite_b=True)

    vjp(f, a, b)
    np.testing.assert_array_equal(a, SPD)
    np.testing.assert_array_equal(b, VECTOR)


def test_complex_arguments_are_what_makes_complex_results_differentiable():
    a = np.diag([-1.0, 2.0])
    y, dy = jvp(lambda a: linalg.logm(a + 0j), (a,), (np.eye(2),))
    np.testing.assert_allclose(y, scipy.linalg.logm(a), rtol=0, atol=1e-14)
    np.testing.assert_allclose(dy, np.diag([-1.0, 0.5]), rtol=0, atol=1e-14)
