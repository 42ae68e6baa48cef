"""Twins of scipy.special's Python functions that stand on its ufuncs: values, derivatives, awkward points, errors."""

import mpmath as mp
import numpy as np
import pytest
from scipy import special

from dualad import KeywordError, check_grads, grad, hessian, jacobian, jvp, vjp
from dualad.scipy import special as twins

SPHERICAL = {
    "jn": lambda n, x: mp.sqrt(mp.pi / (2 * x)) * mp.besselj(n + 0.5, x),
    "yn": lambda n, x: mp.sqrt(mp.pi / (2 * x)) * mp.bessely(n + 0.5, x),
    "in": lambda n, x: mp.sqrt(mp.pi / (2 * x)) * mp.besseli(n + 0.5, x),
    "kn": lambda n, x: mp.sqrt(mp.pi / (2 * x)) * mp.besselk(n + 0.5, x),
}
POINTS = np.array([[0.3, 1.0, 2.5], [4.0, 7.5, 11.0]])
ORDERS = np.array([0, 1, 4])


@pytest.mark.parametrize("derivative", [False, True])
@pytest.mark.parametrize("name", SPHERICAL)
def test_spherical_functions(name, derivative):
    twin, original = (getattr(module, f"spherical_{name}") for module in (twins, special))
    expected = original(ORDERS, POINTS, derivative)
    np.testing.assert_array_equal(twin(ORDERS, POINTS, derivative), expected)

    def f(x):
        return twin(ORDERS, x, derivative=derivative)

    np.testing.assert_allclose(vjp(f, POINTS)[0], expected, rtol=1e-11)  # SciPy's derivatives cancel
    check_grads(f, (POINTS,), order=2)
    whole = jacobian(lambda x: f(x).ravel())(POINTS).reshape(6, 6)
    np.testing.assert_allclose(np.diag(whole), jvp(f, (POINTS,), (np.ones((2, 3)),))[1].ravel(), rtol=1e-14)
    np.testing.assert_array_equal(whole, np.diag(np.diag(whole)))


@pytest.mark.parametrize("x", [1e-5, 1e-2, 0.7, 3.0, 20.0])
@pytest.mark.parametrize("n", [0, 1, 2, 5])
@pytest.mark.parametrize("name", SPHERICAL)
def test_spherical_derivatives_against_fifty_digits(name, n, x):
    twin = getattr(twins, f"spherical_{name}")
    with mp.workdps(60):
        exact = [float(mp.diff(lambda t: SPHERICAL[name](n, t * x), 1, k) / mp.mpf(x) ** k) for k in (1, 2)]
    found = grad(lambda t: twin(n, t))(x), grad(grad(lambda t: twin(n, t)))(x)
    again = grad(lambda t: twin(n, t, derivative=True))(x)
    scale = abs(SPHERICAL[name](n, x)) if x > 1 else 0.0  # near a zero of the derivative
    for got, right in zip((*found, again), (*exact, exact[1]), strict=True):
        assert abs(got - right) <= 1e-12 * abs(right) + 1e-14 * scale


@pytest.mark.parametrize("name", ["jn", "in"])
def test_spherical_functions_at_zero(name):
    """x^n / (2n + 1)!! and its derivatives, which quotients by x would not give."""
    twin, sign = getattr(twins, f"spherical_{name}"), -1.0 if name == "jn" else 1.0
    first = [grad(lambda t, n=n: twin(n, t))(0.0) for n in range(4)]
    second = [grad(grad(lambda t, n=n: twin(n, t)))(0.0) for n in range(4)]
    np.testing.assert_array_equal(first, [0.0, 1 / 3, 0.0, 0.0])
    np.testing.assert_allclose(second, [sign / 3, 0.0, 2 / 15, 0.0], rtol=1e-15)
    slopes = jvp(lambda t: twin(np.arange(4), t, derivative=True), (0.0,), (1.0,))
    np.testing.assert_allclose(slopes, [first, second], rtol=1e-15)


@pytest.mark.parametrize("name", ["jn", "yn", "in", "kn"])
def test_spherical_functions_of_negative_numbers(name):
    twin, x = getattr(twins, f"spherical_{name}"), np.array([-0.4, -3.0])
    for n in (0, 1, 2):
        check_grads(lambda x, n=n: twin(n, x), (x,), order=2)


@pytest.mark.parametrize("name", ["jn", "yn", "in", "kn"])
def test_spherical_functions_of_complex_numbers(name):
    twin, z = getattr(twins, f"spherical_{name}"), np.array([1.4 + 0.3j, 3.0 - 1.0j])
    for n in (0, 1, 3):
        np.testing.assert_array_equal(
            vjp(lambda z, n=n: twin(n, z), z)[0], getattr(special, f"spherical_{name}")(n, z)
        )
        check_grads(lambda z, n=n: twin(n, z), (z,), order=2)


def test_multigammaln():
    a = np.array([1.6, 4.0, 30.0])
    for d in (1, 2, 4):
        shifted = a + 0.5 * d
        np.testing.assert_array_equal(twins.multigammaln(shifted, d), special.multigammaln(shifted, d))
        y, pullback = vjp(lambda a, d=d: twins.multigammaln(a, d), shifted)
        np.testing.assert_allclose(y, special.multigammaln(shifted, d), rtol=1e-14)
        slope = sum(special.psi(shifted - 0.5 * k) for k in range(d))
        np.testing.assert_allclose(pullback(np.ones(3))[0], slope, rtol=1e-14)
        check_grads(lambda a, d=d: twins.multigammaln(a, d), (shifted,), order=2)
    for a, d in ((0.5, 2), (2.0, 1.5), (2.0, 0)):
        with pytest.raises(ValueError, match="multigammaln"):
            grad(lambda a, d=d: twins.multigammaln(a, d))(a)


def choose(n, k):
    """N over k for real n and a natural k, a polynomial."""
    return np.prod([(n - j) / (j + 1) for j in range(k)], axis=0) if k else n * 0.0 + 1.0


@pytest.mark.parametrize("k", [0, 1, 2, 3])
def test_comb_in_the_number_of_things(k):
    n = np.array([3.0, 4.0, 7.5, 12.0])
    y, pullback = vjp(lambda n: twins.comb(n, k), n)
    np.testing.assert_allclose(y, special.comb(n, k), rtol=1e-13)
    with mp.workdps(40):
        exact = [[float(mp.diff(lambda t: mp.binomial(t, k), v, i)) for v in n] for i in (1, 2)]
    np.testing.assert_allclose(pullback(np.ones(4))[0], exact[0], rtol=1e-12)
    found = np.diag(hessian(lambda n: np.sum(twins.comb(n, k)))(n))
    np.testing.assert_allclose(found, exact[1], rtol=1e-11, atol=1e-11)


def test_comb_in_both_with_repetition_and_outside():
    n, k = np.array([5.5, 7.0, 9.0]), np.array([1.5, 2.0, 4.0])
    check_grads(twins.comb, (n, k), order=2)
    check_grads(lambda n, k: twins.comb(n, k, repetition=True), (n, k), order=2)
    outside = np.array([2.0, -1.0, 3.0, 3.0]), np.array([3.0, 2.0, -1.0, 3.0])
    y, pullback = vjp(twins.comb, *outside)
    np.testing.assert_array_equal(y, special.comb(*outside))
    for slope in pullback(np.ones(4)):
        np.testing.assert_array_equal(slope[:3], 0.0)
        assert np.isfinite(slope[3])
    # 0 things, any number of times: n (n + 1) / 2 has the slope 1/2 at 0
    f = lambda n: twins.comb(n, 2, repetition=True)  # noqa: E731
    assert (f(0.0), grad(f)(0.0), grad(grad(f))(0.0)) == (0.0, 0.5, pytest.approx(1.0, rel=1e-14))
    assert grad(lambda n: twins.comb(n, 0, repetition=True))(3.0) == 0.0


@pytest.mark.parametrize("at", [(2.0, 3.0), (2.0, 4.0), (5.0, 7.0), (0.0, 1.0)])
def test_binom_where_it_is_zero(at):
    """Its factors are 0 and infinite there: first and second derivatives against the product of gamma functions."""

    def binom(n, k):
        return mp.gamma(n + 1) * mp.rgamma(k + 1) * mp.rgamma(n - k + 1)

    def f(v):
        return special.binom(v[0], v[1])

    with mp.workdps(40):
        first = [float(mp.diff(binom, at, o)) for o in ((1, 0), (0, 1))]
        second = [[float(mp.diff(binom, at, o)) for o in row] for row in (((2, 0), (1, 1)), ((1, 1), (0, 2)))]
    v = np.array(at)
    np.testing.assert_allclose(grad(f)(v), first, rtol=1e-13)
    np.testing.assert_allclose(hessian(f)(v), second, rtol=1e-12, atol=1e-13)


def test_factorial():
    n = np.array([0.0, 0.5, 1.0, 4.0, 10.2])
    y, pullback = vjp(twins.factorial, n)
    np.testing.assert_allclose(y, special.factorial(n), rtol=1e-14)
    np.testing.assert_allclose(pullback(np.ones(5))[0], special.gamma(n + 1) * special.psi(n + 1), rtol=1e-13)
    check_grads(twins.factorial, (n + 0.1,), order=2)
    assert grad(twins.factorial)(-0.5) == grad(twins.factorial)(-2.0) == 0.0
    below = grad(lambda n: twins.factorial(n, extend="complex"))(-0.5)
    assert below == pytest.approx(special.gamma(0.5) * special.psi(0.5), rel=1e-13)
    with pytest.raises(ValueError, match="extend"):
        grad(lambda n: twins.factorial(n, extend="real"))(2.0)


def test_plain_arguments_give_what_scipy_gives():
    assert twins.comb(60, 30, exact=True) == special.comb(60, 30, exact=True)
    assert twins.factorial(25, exact=True) == special.factorial(25, exact=True)
    assert twins.comb(4, [1, 2]).tolist() == special.comb(4, [1, 2]).tolist()
    assert type(twins.multigammaln(3.0, 2)) is type(special.multigammaln(3.0, 2))


def test_single_precision_is_kept():
    x = np.array([1.5, 2.5], np.float32)
    for f in (
        twins.factorial,
        lambda x: twins.multigammaln(x, 2),
        lambda x: twins.comb(x, np.float32(1)),
        lambda x: twins.spherical_kn(1, x),
    ):
        y, dy = jvp(f, (x,), (x,))
        assert y.dtype == dy.dtype == np.float32
        assert grad(lambda x, f=f: np.sum(f(x)))(x).dtype == np.float32


@pytest.mark.parametrize(
    ("f", "word"),
    [
        (lambda t: twins.spherical_jn(t, 2.0), "n, the order"),
        (lambda t: twins.spherical_kn(t, t, derivative=True), "n, the order"),
        (lambda t: twins.polygamma(t, 2.0), "n, the order"),
        (lambda t: twins.multigammaln(7.0, t), "d, the dimension"),
        (lambda t: twins.comb(t, 2, exact=True), "exact"),
        (lambda t: twins.factorial(t, exact=True), "exact"),
    ],
)
def test_parameters_without_a_derivative_raise(f, word):
    for run in (grad(f), grad(grad(f)), lambda x: jvp(f, (x,), (1.0,))):
        with pytest.raises(KeywordError, match=word) as caught:
            run(2.0)
        assert "test_scipy_special_twins.py" in str(caught.value)
