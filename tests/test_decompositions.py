"""np.linalg where generated examples do not reach: identities, equal values, deficient ranks, stacks."""

import numpy as np
import pytest

from dualad import DtypeError, KeywordError, count, grad, hessian, jacobian, jvp, vjp


def random(*shape, seed=0):
    return np.random.default_rng((seed, *shape)).normal(size=shape)


def directional(f, x, dx, h=1e-4):
    """Central differences, extrapolated once."""
    slope = [(f(x + t * dx) - f(x - t * dx)) / (2 * t) for t in (2 * h, h)]
    return slope[1] + (slope[1] - slope[0]) / 3


def agrees(f, x, tolerance=1e-8):
    """Pushforward and pullback of an array-valued `f` against differences."""
    dx = random(*x.shape, seed=1)
    expected = directional(f, x, dx)
    y, dy = jvp(f, (x,), (dx,))
    np.testing.assert_allclose(dy, expected, atol=tolerance * (1 + np.max(np.abs(expected))))
    g = random(*np.shape(y), seed=2)
    np.testing.assert_allclose(np.sum(vjp(f, x)[1](g)[0] * dx), np.sum(g * dy), rtol=1e-9)


SHAPES = [(3, 3), (5, 3), (3, 5), (2, 4, 3), (2, 3, 4), (2, 1, 3, 3)]


# Reconstruction: products of the factors are the matrix, so that their derivative is the direction.
def _from_qr(a):
    q, r = np.linalg.qr(a)
    return q @ r


def _from_svd(a):
    u, s, vt = np.linalg.svd(a, full_matrices=False)
    return (u * s[..., None, :]) @ vt


def _from_pinv(a):
    return a @ np.linalg.pinv(a) @ a


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("f", [_from_qr, _from_svd, _from_pinv])
def test_factors_give_the_matrix_back(f, shape):
    a, da = random(*shape), random(*shape, seed=1)
    y, dy = jvp(f, (a,), (da,))
    np.testing.assert_allclose(y, a, atol=1e-13)
    np.testing.assert_allclose(dy, da, atol=1e-11)
    np.testing.assert_allclose(vjp(f, a)[1](da)[0], da, atol=1e-11)


def _with_values(values, seed=3):
    """A matrix of size n with real eigenvalues `values` that is not symmetric."""
    v = np.eye(len(values)) + 0.2 * random(len(values), len(values), seed=seed)
    return v @ np.diag(values) @ np.linalg.inv(v)


def test_eigenvectors_give_the_matrix_back():
    def f(a):
        w, v = np.linalg.eig(a)
        return (v * w) @ np.linalg.inv(v)

    a, da = _with_values([1.0, 2.0, 4.0]), random(3, 3, seed=1)
    np.testing.assert_allclose(jvp(f, (a,), (da,))[1], da, atol=1e-12)
    np.testing.assert_allclose(vjp(f, a)[1](da)[0], da, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_orthogonal_factors_stay_orthogonal(shape):
    def defect(a):
        q = np.linalg.qr(a)[0]
        u, _, vt = np.linalg.svd(a, full_matrices=False)
        return [np.swapaxes(q, -1, -2) @ q, np.swapaxes(u, -1, -2) @ u, vt @ np.swapaxes(vt, -1, -2)]

    for slope in jvp(defect, (random(*shape),), (random(*shape, seed=1),))[1]:
        np.testing.assert_allclose(slope, np.zeros_like(slope), atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(
    "f",
    [
        lambda a: np.linalg.qr(a, mode="r"),
        lambda a: np.linalg.qr(a)[0],
        lambda a: np.linalg.svd(a, full_matrices=False)[0],
        lambda a: np.linalg.svd(a, full_matrices=False)[2],
        lambda a: np.linalg.svd(a, compute_uv=False),
        np.linalg.svdvals,
        np.linalg.pinv,
        lambda a: np.linalg.norm(a, 2, axis=(-2, -1)),
        lambda a: np.linalg.norm(a, "nuc", axis=(-1, -2), keepdims=True),
        np.linalg.cond,
    ],
)
def test_tall_wide_and_stacked(f, shape):
    agrees(f, random(*shape, seed=4), 1e-7)


def test_results_have_the_types_of_numpy():
    seen = []

    def f(a):
        for y in (
            np.linalg.svd(a),
            np.linalg.qr(a),
            np.linalg.eigh(a),
            np.linalg.slogdet(a),
            np.linalg.eig(a),
        ):
            seen.append((type(y), y._fields))
        return np.linalg.svd(a, hermitian=True).S

    a = np.diag([1.0, 2.0, 4.0])
    expected = [np.linalg.svd(a), np.linalg.qr(a), np.linalg.eigh(a), np.linalg.slogdet(a), np.linalg.eig(a)]
    jvp(f, (a,), (a,))
    vjp(f, a)
    assert seen == 2 * [(type(y), y._fields) for y in expected]


# What a matrix does not determine
@pytest.mark.parametrize(
    ("f", "shape"),
    [
        (lambda a: np.linalg.qr(a, mode="complete"), (3, 2)),
        (lambda a: np.linalg.qr(a, mode="raw"), (3, 3)),
        (np.linalg.svd, (3, 2)),
        (np.linalg.svd, (2, 3)),
    ],
)
def test_undetermined_columns_raise(f, shape):
    with pytest.raises(KeywordError, match=r"instead: (mode|full_matrices)="):
        jvp(lambda a: tuple(f(a)), (random(*shape),), (random(*shape),))


def test_complex_eigenvectors_raise():
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    with pytest.raises(DtypeError, match="complex eigenvectors"):
        jvp(lambda a: np.linalg.eig(a)[0], (turn,), (turn,))


def test_defective_matrices_raise():
    jordan = np.array([[1.0, 1.0], [0.0, 1.0]])
    for f in (np.linalg.eigvals, lambda a: np.linalg.eig(a)[0]):
        with pytest.raises(np.linalg.LinAlgError):
            jvp(f, (jordan,), (np.eye(2),))


def test_dependent_columns_have_no_qr_derivative():
    for a in (np.ones((3, 2)), np.zeros((2, 2)), np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 5.0]])):
        with pytest.raises(np.linalg.LinAlgError, match="linearly dependent"):
            jvp(lambda x: np.linalg.qr(x)[1], (a,), (a,))


# Equal values: an orthogonal matrix has them up to rounding, the identity exactly.
ORTHOGONAL = np.linalg.qr(random(3, 3))[0]
EQUAL = [np.eye(3), ORTHOGONAL, ORTHOGONAL @ np.diag([2.0, 2.0, 1.0]) @ ORTHOGONAL.T]


@pytest.mark.parametrize("a", EQUAL, ids=["identity", "orthogonal", "pair"])
def test_vectors_of_equal_values_are_nan(a):
    symmetric = ORTHOGONAL @ np.diag([2.0, 2.0, 1.0]) @ ORTHOGONAL.T
    for f, x in (
        (lambda x: np.linalg.svd(x)[0], a),
        (lambda x: np.linalg.svd(x)[2], a),
        (lambda x: np.linalg.eigh(x)[1], symmetric),
        (lambda x: np.linalg.eig(x)[1], np.diag([2.0, 2.0, 1.0])),
    ):
        dx = random(3, 3, seed=1)
        assert np.any(np.isnan(jvp(f, (x,), (dx,))[1]))
        assert np.any(np.isnan(vjp(f, x)[1](dx)[0]))


@pytest.mark.parametrize("a", EQUAL, ids=["identity", "orthogonal", "pair"])
@pytest.mark.parametrize(
    "f",
    [
        lambda a: np.sum(np.square(np.linalg.svdvals(a))),
        lambda a: np.sum(np.exp(np.linalg.svd(a)[1])),
        lambda a: np.linalg.norm(a, "nuc"),
        lambda a: np.prod(np.linalg.svd(a, compute_uv=False)),
    ],
)
def test_symmetric_functions_of_equal_singular_values_are_finite(f, a):
    agrees(f, a, 1e-7)


def test_symmetric_functions_of_equal_eigenvalues_are_finite():
    a = _with_values([2.0, 2.0, 1.0])
    for f in (np.linalg.eigvals, lambda x: np.linalg.eig(x)[0]):
        try:
            slope = grad(lambda x, f=f: np.sum(np.square(f(x))))(a)
        except DtypeError:  # rounding made the pair complex: no vectors, and no real sum
            continue
        np.testing.assert_allclose(slope, 2 * a.T, atol=1e-9)


def test_equal_largest_singular_values_share():
    # As ties of max do: whatever vectors LAPACK chose, the derivative is theirs in the mean.
    np.testing.assert_allclose(grad(lambda a: np.linalg.norm(a, 2))(np.eye(2)), np.eye(2) / 2, atol=1e-15)


def test_projector_on_a_separated_pair():
    # Vectors of a pair that is separated from the rest: what they span is smooth, and so is its projector.
    def projector(a):
        u = np.linalg.svd(a)[0][:, :2]
        return u @ u.T

    agrees(projector, np.diag([3.0, 2.0, 1.0]) + 0.1 * random(3, 3), 1e-7)


@pytest.mark.parametrize("shape", [(2, 2), (3, 2), (2, 3)], ids=str)
@pytest.mark.parametrize("f", [lambda a: np.linalg.norm(a, 2), lambda a: np.linalg.norm(a, "nuc")])
def test_norms_of_zero_have_derivative_zero(f, shape):
    np.testing.assert_array_equal(grad(f)(np.zeros(shape)), np.zeros(shape))


def test_a_zero_singular_value_has_a_kink():
    a = np.diag([2.0, 0.0])
    np.testing.assert_array_equal(jacobian(np.linalg.svdvals)(a)[1], np.zeros((2, 2)))
    assert np.all(np.isfinite(jacobian(lambda x: np.linalg.svd(x)[0])(a)))  # a square matrix turns smoothly


# Stacks that NumPy broadcasts
def test_stacks_of_solutions_determinants_and_inverses():
    a, b = 3 * np.eye(3) + 0.3 * random(2, 4, 3, 3), random(4, 3, 2)
    agrees(lambda a: np.linalg.solve(a, b), a)
    agrees(lambda b: np.linalg.solve(a, b), b)
    agrees(lambda b: np.linalg.solve(a, b), random(3))
    agrees(np.linalg.inv, a)
    agrees(lambda a: np.linalg.slogdet(a)[1], a)
    agrees(lambda a: np.linalg.slogdet(-a)[1], a)
    sign = jvp(lambda a: np.linalg.slogdet(-a)[0], (a,), (a,))
    np.testing.assert_array_equal(sign, (np.full((2, 4), -1.0), np.zeros((2, 4))))


def test_singular_matrices_raise_as_in_numpy():
    for f in (
        np.linalg.inv,
        lambda a: np.linalg.solve(a, np.ones(2)),
        lambda a: np.linalg.matrix_power(a, -2),
    ):
        with pytest.raises(np.linalg.LinAlgError, match="Singular"):
            vjp(f, np.ones((2, 2)))


@pytest.mark.parametrize("n", [-3, -1, 0, 1, 4, 5])
def test_powers_are_products(n):
    a = np.eye(3) + 0.2 * random(3, 3)
    np.testing.assert_allclose(
        vjp(lambda x: np.linalg.matrix_power(x, n), a)[0], np.linalg.matrix_power(a, n)
    )
    agrees(lambda x: np.linalg.matrix_power(x, n), a)


def test_multi_dot_multiplies_in_the_cheapest_order():
    a, b, c, d = random(30, 2), random(2, 30), random(30, 2), random(2)
    counted = count(lambda a, d: np.linalg.multi_dot([a, b, c, d]))(a, d)
    assert counted.operations == 3 * 2 * 30 * 2  # vectors all the way, from the right
    agrees(lambda a: np.linalg.multi_dot([a, b, c, d]), a)
    agrees(lambda b: np.linalg.multi_dot([a, b, c]), b)
    with pytest.raises(np.linalg.LinAlgError):
        vjp(lambda x: np.linalg.multi_dot([a, x, c, d]), random(2))


# Vectors that are not used may be undetermined
def test_principal_components_of_few_samples():
    def components(x):
        centred = x - np.mean(x, axis=0)  # its last singular value is 0
        return np.square(np.linalg.svd(centred, full_matrices=False)[2][:2])

    agrees(components, random(4, 7), 1e-7)


def test_a_simple_eigenvector_beside_equal_ones():
    a = ORTHOGONAL @ np.diag([2.0, 2.0, 1.0]) @ ORTHOGONAL.T
    symmetric = lambda f: lambda x: f(x + x.T)  # noqa: E731
    agrees(symmetric(lambda x: np.square(np.linalg.eigh(x)[1][:, 0])), a / 2, 1e-7)
    # A used vector that is undetermined is NaN, also where its cotangent is orthogonal to its partner.
    assert np.any(np.isnan(grad(lambda x: np.linalg.eigh(x)[1][0, 0])(np.eye(2))))
    assert np.any(np.isnan(grad(lambda x: np.linalg.svd(x)[0][0, 0])(np.eye(2))))


@pytest.mark.parametrize("mode", ["forward-over-reverse", "reverse-over-forward", "reverse-over-reverse"])
def test_second_derivatives_beside_equal_values_are_no_guess(mode):
    a = ORTHOGONAL @ np.diag([1.0, 1.0, 0.5]) @ ORTHOGONAL.T
    found = hessian(lambda x: np.sum(np.sin(np.square(np.linalg.eigh(x + x.T)[1][:, 0]))), mode=mode)(a)
    assert np.all(np.isnan(found))


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 2, 2)], ids=str)
def test_empty_matrices(shape):
    a = np.zeros(shape)
    for f in (np.linalg.svdvals, np.linalg.pinv, lambda a: np.linalg.qr(a)[1]):
        y, pullback = vjp(f, a)
        assert y.shape == jvp(f, (a,), (a,))[1].shape == f(a).shape
        assert pullback(y)[0].shape == shape
    if len(shape) == 3:
        assert vjp(np.linalg.cond, a)[0].shape == (0,)
    else:
        with pytest.raises(np.linalg.LinAlgError):
            vjp(np.linalg.cond, a)
    with pytest.raises(np.linalg.LinAlgError):
        vjp(lambda a: np.linalg.lstsq(a, np.zeros(0))[0], np.zeros((0, 2, 2)))
