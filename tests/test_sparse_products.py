"""Products with SciPy's sparse matrices have a rule, in their plain form; whatever else meets them raises."""

import numpy as np
import pytest

from dualad import (
    NoRuleError,
    check_grads,
    compile,
    count,
    grad,
    hessian,
    inplace,
    jacobian,
    jvp,
    sparsity,
    vjp,
)

sparse = pytest.importorskip("scipy.sparse")
RNG = np.random.default_rng
D = np.array([[1.5, 0.0, -2.0], [0.0, 0.0, 3.0]])
FORMATS = ("csr", "csc", "coo", "bsr", "dia", "lil", "dok")
X = np.array([0.5, -1.0, 2.0])


@pytest.fixture(params=FORMATS)
def a(request):
    return sparse.csr_array(D).asformat(request.param)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_every_format(a, mode):
    np.testing.assert_allclose(jacobian(lambda x: a @ x, mode=mode)(X), D)
    np.testing.assert_allclose(jacobian(lambda x: a.dot(x), mode=mode)(X), D)
    np.testing.assert_allclose(jacobian(lambda x: x @ a.T, mode=mode)(X), D)
    np.testing.assert_allclose(jacobian(lambda x: x @ a, mode=mode)(X[:2]), D.T)


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array])
def test_values_and_derivatives_are_those_of_the_dense_product(make):
    a = make(D)
    for f, dense, shape in (
        (lambda x: np.sin(a @ x), lambda x: np.sin(D @ x), (3,)),
        (lambda x: np.sin(a @ x), lambda x: np.sin(D @ x), (3, 4)),
        (lambda x: np.sin(x @ a), lambda x: np.sin(x @ D), (4, 2)),
        (lambda x: a.T @ np.exp(a @ x), lambda x: D.T @ np.exp(D @ x), (3,)),
    ):
        x = RNG(3).normal(size=shape)
        assert np.shape(f(x)) == np.shape(dense(x))
        np.testing.assert_allclose(jacobian(f)(x), jacobian(dense)(x), rtol=1e-14, atol=1e-14)
        check_grads(f, (x,), order=2)
        ones = np.ones_like(x)
        np.testing.assert_allclose(jvp(f, (x,), (ones,))[1], jvp(dense, (x,), (ones,))[1], rtol=1e-13)
        y, pull = vjp(f, x)
        np.testing.assert_allclose(pull(y)[0], vjp(dense, x)[1](y)[0], rtol=1e-13, atol=1e-14)


def test_second_derivatives_and_compiled_ones():
    a = sparse.csr_array(D)

    def f(x):
        return np.sum((a @ x) ** 3)

    expected = D.T @ np.diag(6 * (D @ X)) @ D
    for mode in (
        "forward-over-reverse",
        "reverse-over-reverse",
        "reverse-over-forward",
        "forward-over-forward",
    ):
        np.testing.assert_allclose(hessian(f, mode=mode)(X), expected, rtol=1e-14)
    g = compile(grad(f))
    for x in (X, 2 * X):
        np.testing.assert_allclose(g(x), grad(f)(x), rtol=1e-14)
    np.testing.assert_allclose(compile(hessian(f))(X), expected, rtol=1e-14)
    assert g.program(X).values[-1].shape == (3,)


def test_vectors_dtypes_and_complex_values():
    v = sparse.coo_array([2.0, 0.0, 1.0])
    if v.ndim == 1:  # SciPy's since 1.13
        np.testing.assert_allclose(grad(lambda x: (v @ x) ** 2)(X), 6 * np.array([2.0, 0.0, 1.0]))
    single = jacobian(lambda x: sparse.csr_array(D.astype(np.float32)) @ x)(X.astype(np.float32))
    assert single.dtype == np.float32
    whole = sparse.csr_array(np.array([[1, 2, 0]]))
    np.testing.assert_allclose(grad(lambda x: (whole @ x)[0])(X), [1, 2, 0])
    rotated = sparse.csr_array(D * 1j)
    found = grad(lambda x: np.sum(np.abs(rotated @ x) ** 2))(X)
    np.testing.assert_allclose(found, 2 * D.T @ D @ X)
    z = X + 1j * X[::-1]
    np.testing.assert_allclose(jacobian(lambda z: rotated @ z, holomorphic=True)(z), D * 1j)


def test_inside_inplace_and_counted():
    a = sparse.csr_array(D)

    @inplace
    def f(x):
        y = np.zeros(2)
        y[:] = a @ x
        return np.sum(y * y)

    np.testing.assert_allclose(grad(f)(X), 2 * D.T @ D @ X)
    assert count(lambda x: a @ x)(X).operations == 2 * a.nnz


def test_what_the_matrix_becomes_later_does_not_matter():
    a = sparse.csr_array(D)
    pull = vjp(lambda x: a @ x, X)[1]
    before = D.copy()
    a.data[:] = 7.0
    np.testing.assert_allclose(pull(np.ones(2))[0], before.sum(0))


def test_the_pattern_is_the_matrix():
    a = sparse.csr_array(D)
    np.testing.assert_array_equal(sparsity(lambda x: a @ x, X).toarray(), D != 0)
    np.testing.assert_array_equal(sparsity(lambda x: x @ a, X[:2]).toarray(), D.T != 0)
    found = sparsity(lambda x: a @ np.reshape(x, (3, 2)), np.ones(6)).toarray()
    np.testing.assert_array_equal(found, np.kron(D != 0, np.eye(2, dtype=bool)))
    a.data[0] = 0.0  # still stored
    assert sparsity(lambda x: a @ x, X).nnz == 2


@pytest.mark.parametrize("use", [grad, compile, lambda f: jacobian(f, mode="forward")])
@pytest.mark.parametrize(
    "f",
    [
        lambda a, x: np.sum(x * a),
        lambda a, x: np.sum(a + x),
        lambda a, x: np.sum(sparse.csr_matrix(a) * x),
        lambda a, x: np.sum((x[0] * a) @ np.ones(3)),
        lambda a, x: np.dot(x, a),
        lambda a, x: np.matmul(a, x),
    ],
)
def test_anything_else_raises(f, use):
    a = sparse.csr_array(D)
    with pytest.raises(NoRuleError, match=r"sparse matrix met a traced value.*\n  at .*\n  instead: .*A @ x"):
        use(lambda x: f(a, x))(X)


@pytest.mark.parametrize("use", [grad, compile, lambda f: jacobian(f, mode="forward")])
def test_a_matrix_times_a_number_raises(use):  # older SciPy's own error
    with pytest.raises(TypeError):
        use(lambda x: np.sum((sparse.csr_array(D) * x[0]) @ np.ones(3)))(X)


def test_shapes_that_do_not_fit_raise_as_in_scipy():
    a = sparse.csr_array(D)
    for f in (lambda x: a @ x, lambda x: x @ a):
        with pytest.raises(ValueError, match="matmul"):
            jacobian(f)(np.ones(5))
    with pytest.raises(TypeError, match="dimensions"):
        jacobian(lambda x: a @ np.reshape(x, (3, 2, 2)))(np.ones(12))
