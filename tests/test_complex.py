"""Complex values: what every op does with them, and what derivatives with respect to them are."""

import warnings

import numpy as np
import pytest
from cases import DERIVED, close, each, from_scipy, generator, random_like, vector

from dualad import (
    AssignmentError,
    ConversionError,
    DtypeError,
    DualadError,
    check_grads,
    derivative,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    linearize,
    value_and_grad,
    vjp,
)
from dualad.scipy import linalg as twins
from dualad.tree import flatten

RNG = np.random.default_rng(5)
Z = RNG.normal(size=3) + 1j * RNG.normal(size=3)
W = RNG.normal(size=3) + 1j * RNG.normal(size=3)
M = RNG.normal(size=(3, 3)) + 1j * RNG.normal(size=(3, 3))


# every op, on complex arguments in place of its real ones: as NumPy has it, or an error
REAL = [case for case in DERIVED if not from_scipy(case) and not any(map(np.iscomplexobj, case.leaves))]
# Values in another order from run to run; a cast to single precision, too coarse for differences
NOT_COMPARED = {"np.unique_values", "astype", "np.full_like"}
if np.iscomplexobj(np.linalg.cond(np.eye(2, dtype=complex), 1)):  # NumPy 2.0: real numbers of complex type
    NOT_COMPARED.add("np.linalg.cond")


def turned(rng, x):
    """`x` with an imaginary part, of the same kind."""
    return np.asarray(x + 1j * rng.uniform(0.1, 0.5, np.shape(x)))[()]


def direction(rng, x):
    r = random_like(rng, np.real(x) if np.iscomplexobj(x) else x)
    return np.asarray(r + 1j * rng.uniform(0.5, 1.5, np.shape(x)))[()] if np.iscomplexobj(x) else r


def product(a, b):
    pairs = zip(flatten(a)[0], flatten(b)[0], strict=True)
    return sum(float(np.sum(np.real(np.conj(x) * y))) for x, y in pairs)


def choices(case):
    """Which leaves are complex: all, and each alone."""
    n = len(case.leaves)
    return [tuple(range(n)), *([(k,) for k in range(n)] if n > 1 else [])]


def results_on_complex(case, which):
    """Names of what happened: 'refused', 'right', or None where NumPy takes no complex argument there."""
    rng = generator(case.id, which)
    leaves = [turned(rng, x) if k in which else x for k, x in enumerate(case.leaves)]
    try:
        expected = case.primal(*leaves)
    except (TypeError, ValueError, np.exceptions.ComplexWarning):
        return None
    v = [direction(rng, x) for x in leaves]
    try:
        y, dy = jvp(case.f, leaves, v)
    except DtypeError:
        with pytest.raises(DtypeError):
            vjp(case.f, *leaves)
        return "refused"
    z, pullback = vjp(case.f, *leaves)
    close(y, expected, 1e-13)
    close(z, expected, 1e-13)

    def along(t):
        return vector(case.primal(*[x + t * dx for x, dx in zip(leaves, v, strict=True)]))

    h = 1e-4
    fine, coarse = (along(h) - along(-h)) / (2 * h), (along(2 * h) - along(-2 * h)) / (4 * h)
    if case.name not in NOT_COMPARED:
        close([vector(dy)], [fine + (fine - coarse) / 3], 1e-7, 1e-7)
    g = flatten(z)[1]([direction(rng, part) for part in flatten(z)[0]])
    forward, back = product(g, dy), product(pullback(g), v)
    assert abs(forward - back) <= 1e-9 * (1 + abs(forward))
    for x, dx in zip(leaves, pullback(g), strict=True):
        assert np.iscomplexobj(dx) == np.iscomplexobj(x)
    return "right"


@each(REAL)
def test_every_op_on_complex_arguments_is_right_or_refused(case):
    assert {results_on_complex(case, which) for which in choices(case)} <= {None, "right", "refused"}


def test_arithmetic_is_not_refused():
    """What the tables of everyday functions need for complex values."""
    names = {
        "np.add", "np.multiply", "np.divide", "np.power", "np.exp", "np.log", "np.sqrt", "np.sin", "np.tanh",
        "np.arctan", "np.absolute", "np.angle", "np.real", "np.imag", "np.conjugate", "np.sum", "np.prod", "np.mean",
        "np.var", "np.std", "np.matmul", "np.vdot", "np.einsum", "np.linalg.inv", "np.linalg.solve", "np.linalg.det",
        "np.where", "np.concatenate", "np.stack", "np.reshape", "np.cumsum", "np.convolve", "np.correlate",
        "np.linalg.eigvals", "np.polyval", "np.roll", "np.outer", "np.kron", "np.sort", "np.cov", "np.fft.fft",
        "np.fft.ifft", "np.fft.irfft", "np.fft.hfft", "np.fft.fftn", "np.roots", "np.sort_complex", "np.linalg.svdvals",
        "np.linalg.eigvalsh", "np.linalg.cholesky", "np.linalg.pinv", "np.linalg.slogdet", "np.linalg.lstsq",
    }  # fmt: skip
    found = {name: set() for name in names}
    for case in REAL:
        if case.name in names:
            found[case.name].add(results_on_complex(case, tuple(range(len(case.leaves)))))
    # None: NumPy itself refuses, such as a cast to a real type.
    assert not {name: results for name, results in found.items() if results - {None} != {"right"}}


@each([case for case in DERIVED if "part" in case.name or case.name in ("complex conjugate", "modulus")])
def test_second_order_of_parts_and_moduli(case):
    check_grads(case.f, case.leaves)


# real functions of complex arguments: the gradient is the direction of steepest ascent
@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda z: np.sum(np.abs(z) ** 2), lambda z: 2 * z),
        (lambda z: np.sum(np.real(z) ** 2), lambda z: 2 * np.real(z) + 0j),
        (lambda z: np.sum(z.imag), lambda z: np.full_like(z, 1j)),
        (lambda z: np.sum(np.real(z * np.conj(z))), lambda z: 2 * z),
        (lambda z: np.real(np.sum(z * W)), lambda z: np.conj(W)),
        (lambda z: np.abs(np.vdot(W, z)) ** 2, lambda z: 2 * W * np.vdot(W, z)),
        (lambda z: np.linalg.norm(z), lambda z: z / np.linalg.norm(z)),
        (lambda z: np.sum(np.angle(z)), lambda z: 1j * z / np.abs(z) ** 2),
        (lambda z: np.sum(np.abs(np.exp(z))), lambda z: np.exp(np.real(z)) + 0j),
        (lambda z: np.var(z), lambda z: 2 * (z - np.mean(z)) / 3),
    ],
)
def test_gradients_of_real_functions(f, expected):
    np.testing.assert_allclose(grad(f)(Z), expected(Z), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(jacobian(f)(Z), expected(Z), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(jacobian(f, mode="forward")(Z), expected(Z), rtol=1e-13, atol=1e-15)
    check_grads(f, (Z,))


def test_a_step_along_the_gradient_goes_up():
    def f(z):
        return np.sum(np.abs(np.sin(z) - W) ** 2)

    g = grad(f)(Z)
    assert f(Z + 1e-6 * g) > f(Z) > f(Z - 1e-6 * g)
    step = 1e-7
    np.testing.assert_allclose(
        (f(Z + step * g) - f(Z - step * g)) / (2 * step), np.vdot(g, g).real, rtol=1e-6
    )


def test_real_and_imaginary_parts_as_real_arguments_give_the_same():
    def f(z):
        return np.sum(np.abs(np.exp(z) * np.conj(z) + W) ** 1.5)

    x, y = jacobian(lambda x, y: f(x + 1j * y), argnums=(0, 1))(Z.real, Z.imag)
    np.testing.assert_allclose(grad(f)(Z), x + 1j * y, rtol=1e-13)


def test_numbers():
    assert grad(lambda z: abs(z) ** 2)(1 + 2j) == 2 + 4j
    assert type(grad(lambda z: np.real(z * z))(1 + 2j)) is np.complex128
    value, (a, b) = value_and_grad(lambda a, b: np.real(a * b * 1j), argnums=(0, 1))(2.0, 1 + 1j)
    assert value == -2.0
    assert a == -1.0
    assert type(a) is float
    assert b == np.conj(2j)
    assert grad(lambda x: np.abs(np.exp(1j * x) + 1) ** 2)(0.5) == pytest.approx(-2 * np.sin(0.5))


def test_moduli_and_norms_at_zero_have_derivative_zero():
    zero = np.zeros(2, complex)
    for f in (lambda z: np.sum(np.abs(z)), np.linalg.norm, np.std):
        np.testing.assert_array_equal(grad(f)(zero), zero)
        assert jvp(f, (zero,), (zero + 1,))[1] == 0.0
    with np.errstate(invalid="ignore"):
        assert np.isnan(grad(np.angle)(0j))


# holomorphic functions
HOLOMORPHIC = {
    "exp": (np.exp, np.exp, np.exp),
    "power": (lambda z: z**3, lambda z: 3 * z**2, lambda z: 6 * z),
    "quotient": (lambda z: 1 / (z + 1j), lambda z: -1 / (z + 1j) ** 2, lambda z: 2 / (z + 1j) ** 3),
    "root": (np.sqrt, lambda z: 0.5 / np.sqrt(z), lambda z: -0.25 / np.sqrt(z) ** 3),
    "base": (lambda z: 2**z, lambda z: np.log(2) * 2**z, lambda z: np.log(2) ** 2 * 2**z),
}  # fmt: skip


@pytest.mark.parametrize("name", HOLOMORPHIC)
def test_complex_derivatives(name):
    f, first, second = HOLOMORPHIC[name]
    for z in Z:
        np.testing.assert_allclose(grad(f, holomorphic=True)(z), first(z), rtol=1e-13)
        np.testing.assert_allclose(derivative(f, holomorphic=True)(z), first(z), rtol=1e-13)
        np.testing.assert_allclose(derivative(f, 2, holomorphic=True)(z), second(z), rtol=1e-13)
        np.testing.assert_allclose(
            grad(grad(f, holomorphic=True), holomorphic=True)(z), second(z), rtol=1e-13
        )
    np.testing.assert_allclose(derivative(f, holomorphic=True)(Z), first(Z), rtol=1e-13)
    for mode in ("auto", "forward", "reverse"):
        found = jacobian(f, mode=mode, holomorphic=True)(Z)
        np.testing.assert_allclose(found, np.diag(first(Z)), rtol=1e-13, atol=1e-16)
    for mode in ("auto", "reverse-over-forward", "forward-over-forward", "reverse-over-reverse"):
        found = hessian(lambda z: np.sum(f(z)), mode=mode, holomorphic=True)(Z)
        np.testing.assert_allclose(found, np.diag(second(Z)), rtol=1e-12, atol=1e-15)


# complex results of real arguments
def test_complex_results_of_real_arguments():
    def f(x):
        return np.exp(1j * x) * np.sum(x)

    x = np.array([0.3, -1.2])
    expected = np.diag(1j * np.exp(1j * x) * np.sum(x)) + np.exp(1j * x)[:, None]
    for mode in ("auto", "forward", "reverse"):
        np.testing.assert_allclose(jacobian(f, mode=mode)(x), expected, rtol=1e-14)
    small = jacobian(lambda x: f(x)[0])  # fewer results than arguments: reverse mode, twice
    np.testing.assert_allclose(small(x), expected[0], rtol=1e-14)
    np.testing.assert_allclose(derivative(lambda t: np.exp(1j * t))(0.5), 1j * np.exp(0.5j), rtol=1e-15)
    check_grads(f, (x,))


def test_structures_of_real_and_complex_leaves():
    point = {"a": np.array([1.0, 2.0]), "z": Z[:2]}

    def f(p):
        return {"u": np.real(p["z"] * p["a"]), "v": np.sum(np.abs(p["z"]))}

    auto, forward = jacobian(f)(point), jacobian(f, mode="forward")(point)
    np.testing.assert_allclose(auto["u"]["a"], np.diag(Z[:2].real), atol=1e-16)
    np.testing.assert_allclose(auto["u"]["z"], np.diag(point["a"]), atol=1e-16)
    np.testing.assert_allclose(auto["v"]["z"], Z[:2] / np.abs(Z[:2]))
    for a, b in zip(flatten(auto)[0], flatten(forward)[0], strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, atol=1e-15)


def test_products_with_hessians_and_linear_maps():
    def f(z):
        return np.sum(np.abs(z) ** 4) + np.real(np.sum(z**3))

    v = W
    h = 1e-5
    numeric = (grad(f)(Z + h * v) - grad(f)(Z - h * v)) / (2 * h)
    np.testing.assert_allclose(hvp(f, Z, v), numeric, rtol=1e-8)
    y, push = linearize(np.exp, Z)
    np.testing.assert_allclose(push(v), np.exp(Z) * v)
    np.testing.assert_allclose(y, np.exp(Z))


def test_eigenvalues_of_a_real_matrix_in_conjugate_pairs():
    a = np.array([[0.3, -1.0, 0.2], [1.1, 0.2, 0.0], [0.1, 0.4, 1.0]])
    assert np.iscomplexobj(np.linalg.eigvals(a))
    check_grads(lambda a: np.abs(np.linalg.eigvals(a)), (a,))
    check_grads(lambda m: np.real(np.sum(np.linalg.eigvals(m) ** 2)), (M,))
    np.testing.assert_allclose(
        grad(lambda m: np.real(np.sum(np.linalg.eigvals(m))))(M), np.eye(3), atol=1e-13
    )


def folded(a):
    """The gradient in the triangle that is read of a function whose gradient in a Hermitian matrix is `a`."""
    return 2 * np.tril(a, -1) + np.diag(np.diag(a))


def test_matrix_functions():
    positive = M @ np.conj(M.T) + np.eye(3)
    inverse = np.linalg.inv(positive)
    u, _, vt = np.linalg.svd(M)
    for f, a, expected in (
        (lambda m: np.linalg.slogdet(m)[1], M, np.linalg.inv(np.conj(M.T))),
        (lambda m: np.linalg.norm(m, "nuc"), M, u @ vt),
        (lambda m: np.linalg.norm(m, 2), M, np.outer(u[:, 0], vt[0])),
        # NumPy reads the lower triangle, of the diagonal the real parts: each element below stands for two.
        (lambda m: np.sum(np.linalg.eigvalsh(m) ** 2), positive, 2 * folded(positive)),
        (
            lambda m: 2 * np.sum(np.log(np.real(np.diagonal(np.linalg.cholesky(m))))),
            positive,
            folded(inverse),
        ),
    ):
        np.testing.assert_allclose(grad(f)(a), expected, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(jacobian(f, mode="forward")(a), expected, rtol=1e-12, atol=1e-13)
        check_grads(f, (a,))


def test_precision_is_kept():
    z = Z.astype(np.complex64)
    assert grad(lambda z: np.sum(np.abs(z) ** 2))(z).dtype == np.complex64
    assert jvp(np.exp, (z,), (z,))[1].dtype == np.complex64
    assert jacobian(lambda x: np.exp(1j * x))(np.float32([1.0])).dtype == np.complex64
    wide = Z.astype(np.clongdouble)
    assert grad(lambda z: np.sum(np.abs(z) ** 2))(wide).dtype == np.clongdouble


# arrays
def test_assignment():
    def f(x):
        y = np.zeros_like(x, dtype=complex)
        y[:] = 1j * x
        y[0] += x[1]
        y.real[1:] = x[:-1]
        return np.sum(np.abs(y) ** 2)

    x = np.array([0.5, 1.0, 2.0])
    check_grads(f, (x,))
    plain = 1j * x
    plain[0] += x[1]
    plain.real[1:] = x[:-1]
    assert f(x) == np.sum(np.abs(plain) ** 2)


def test_an_imaginary_part_is_never_lost():
    def into_real(x):
        y = np.zeros_like(x)
        y[0] = 1j * x[0]
        return y

    for run in (lambda: jvp(into_real, (Z.real,), (Z.real,)), lambda: vjp(into_real, Z.real)):
        with pytest.raises(AssignmentError, match="dtype=complex"):
            run()
    with pytest.raises(DtypeError, match=r"np\.real"):
        grad(lambda z: np.sum(z.astype(float)))(Z)
    with pytest.raises(ConversionError, match="complex"):
        grad(lambda z: complex(z[0]))(Z)


# refusals
def test_questions_without_an_answer():
    for run in (
        lambda: grad(np.exp)(1j),
        lambda: grad(lambda x: 1j * x)(1.0),
        lambda: derivative(np.exp)(1j),
        lambda: grad(np.abs, holomorphic=True)(1j),
        lambda: grad(np.exp, holomorphic=True)(1.0),
        lambda: derivative(np.exp, holomorphic=True)(1.0),
        lambda: jacobian(np.exp)(Z),
        lambda: jacobian(np.exp, mode="forward")(Z),
        lambda: jacobian(np.sin, holomorphic=True)(Z.real),
        lambda: jacobian(np.abs, holomorphic=True)(Z),
        lambda: jacobian(np.abs, mode="forward", holomorphic=True)(Z),
        lambda: derivative(np.abs, holomorphic=True)(1j),
        lambda: hessian(lambda z: np.sum(np.abs(z) ** 2))(Z),
        lambda: jvp(np.sin, (1.0,), (1j,)),
        lambda: vjp(np.sin, 1.0)[1](1j),
    ):
        with pytest.raises(DtypeError, match=r"\n  instead: "):
            run()


def test_functions_without_a_complex_rule_say_so():
    for f in (np.sign, np.max, np.linalg.eigh, np.linalg.qr, lambda z: np.maximum(z, 0)):
        with pytest.raises(DualadError, match=r"no derivative rule for complex values\n.*\n  instead: "):
            jvp(f, (M,), (M,))


def test_no_warnings_about_lost_imaginary_parts():
    def f(x):
        return np.sum(np.abs(np.array([x[0] * 1j, x[1]]) @ np.array([1.0, 1j])) ** 2)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_grads(f, (np.array([0.4, 1.3]),))


@pytest.mark.parametrize("lower", [False, True])
def test_cholesky_of_complex_matrices(lower):
    rng = np.random.default_rng(3)
    b, r = rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3)), rng.normal(size=3) + 1j

    def solved(b, r):
        a = b @ np.conj(np.swapaxes(b, -1, -2)) + 3 * np.eye(3)
        return twins.cho_solve(twins.cho_factor(a, lower=lower), r)

    found = jvp(solved, (b, r), (b, r))[0]
    np.testing.assert_allclose(found, np.linalg.solve(b @ b.conj().T + 3 * np.eye(3), r), rtol=1e-13)
    check_grads(solved, (b, r))
