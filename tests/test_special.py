"""scipy.special: derivatives against mpmath at ordinary and hard points, and a walk over its ufuncs."""

import math
import subprocess
import sys
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest

from dualad import KeywordError, NoRuleError, grad, jvp
from dualad.op import OPS, UNSUPPORTED
from dualad.scipy import special as twins

special = pytest.importorskip("scipy.special", reason="SciPy is an extra")
import dualad.rules.special  # noqa: E402, F401  (registers its ufuncs)


def mills(x):
    return mp.log(mp.erfc(-x / mp.sqrt(2)) / 2)


def betainc(a, b, x):
    return mp.betainc(a, b, 0, x, regularized=True)


# The function of mpmath's, the plain arguments in front, and where to look.
TABLE = {
    "expit": (lambda x: 1 / (1 + mp.exp(-x)), (), (-800.0, -30.0, 0.3, 40.0, 700.0)),
    "logit": (lambda x: mp.log(x / (1 - x)), (), (1e-200, 0.3, 1 - 2.0**-53)),
    "log_expit": (lambda x: -mp.log(1 + mp.exp(-x)), (), (-800.0, -1e-9, 0.3, 700.0)),
    "erf": (mp.erf, (), (1e-200, 0.3, 5.0)),
    "erfc": (mp.erfc, (), (-3.0, 0.3, 20.0)),
    "erfi": (mp.erfi, (), (-3.0, 0.3, 20.0)),
    "erfcx": (lambda x: mp.exp(x * x) * mp.erfc(x), (), (-3.0, 0.0, 0.7, 1.49, 1.51, 4.0, 50.0)),
    "dawsn": (lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x), (), (0.3, -2.0, 6.6, 40.0)),
    "erfinv": (mp.erfinv, (), (1e-10, -0.3, 0.99)),
    "ndtr": (mp.ncdf, (), (-20.0, -1.0, 0.4, 8.0)),
    "log_ndtr": (mills, (), (-1000.0, -40.0, -3.0, -1.0, 0.0, 2.0, 8.0)),
    "gamma": (mp.gamma, (), (-2.5, 0.1, 1.5, 30.0)),
    "gammaln": (mp.loggamma, (), (1e-10, 0.5, 1.0, 1 + 1e-9, 2.0, 1e10)),
    "rgamma": (mp.rgamma, (), (-3.0, -2.5, -1.0, 0.0, 0.3, 4.0)),
    "psi": (mp.digamma, (), (0.1, 1.5, 1e8)),
    "gammainc": (lambda a, x: mp.gammainc(a, 0, x, regularized=True), (2.5,), (0.1, 2.0, 30.0)),
    "gammaincc": (lambda a, x: mp.gammainc(a, x, mp.inf, regularized=True), (25.0,), (3.0, 20.0, 80.0)),
    "betainc": (betainc, (2.5, 0.5), (0.01, 0.5, 0.95)),
    "betaincc": (lambda a, b, x: 1 - betainc(a, b, x), (20.0, 30.0), (0.1, 0.45, 0.8)),
    "beta": (mp.beta, (2.5,), (0.1, 3.0, 1e-3)),
    "betaln": (lambda a, b: mp.log(mp.beta(a, b)), (1e-3,), (0.5, 3.0, 1e8)),
    "binom": (mp.binomial, (5.5,), (0.3, 2.0, 4.9)),
    "poch": (mp.rf, (2.5,), (0.3, 2.0)),
    "exprel": (lambda x: mp.expm1(x) / x if x else mp.mpf(1), (), (-50.0, -0.99, 1e-12, 0.99, 1.01, 30.0)),
    "boxcox": (lambda x, p: (x**p - 1) / p, (3.0,), (1e-9, 0.5, -2.0)),
    "inv_boxcox": (lambda y, p: (1 + p * y) ** (1 / p), (0.7,), (1e-5, 0.3, 0.9)),
    "entr": (lambda x: -x * mp.log(x), (), (1e-200, 0.3, 5.0)),
    "rel_entr": (lambda x, y: x * mp.log(x / y), (0.3,), (1e-100, 0.7)),
    "kl_div": (lambda x, y: x * mp.log(x / y) - x + y, (0.3,), (0.29999, 0.7)),
    "xlogy": (lambda x, y: x * mp.log(y), (0.3,), (1e-20, 0.7)),
    "xlog1py": (lambda x, y: x * mp.log1p(y), (0.3,), (1e-20, 0.7)),
    "pseudo_huber": (lambda d, r: d * d * (mp.sqrt(1 + (r / d) ** 2) - 1), (1.3,), (1e-6, 0.7, 30.0)),
    "sindg": (lambda x: mp.sin(mp.radians(x)), (), (30.0, 359.0)),
    "cosm1": (lambda x: mp.cos(x) - 1, (), (1e-9, 2.0)),
    "exp10": (lambda x: mp.mpf(10) ** x, (), (-300.0, 0.3, 300.0)),
    "j0": (lambda x: mp.besselj(0, x), (), (1e-5, 1.0, 20.0)),
    "j1": (lambda x: mp.besselj(1, x), (), (1e-5, 1.0, 20.0)),
    "jv": (mp.besselj, (2.5,), (0.1, 1.0, 20.0)),
    "y0": (lambda x: mp.bessely(0, x), (), (1e-3, 1.0, 20.0)),
    "y1": (lambda x: mp.bessely(1, x), (), (1e-3, 1.0, 20.0)),
    "yv": (mp.bessely, (2.5,), (0.1, 1.0, 20.0)),
    "i0": (lambda x: mp.besseli(0, x), (), (0.1, 1.0, 200.0)),
    "i1": (lambda x: mp.besseli(1, x), (), (0.1, 1.0, 200.0)),
    "iv": (mp.besseli, (2.5,), (0.1, 1.0, 200.0)),
    "k0": (lambda x: mp.besselk(0, x), (), (0.1, 1.0, 200.0)),
    "k1": (lambda x: mp.besselk(1, x), (), (0.1, 1.0, 200.0)),
    "kv": (mp.besselk, (2.5,), (0.1, 1.0, 200.0)),
    "i0e": (lambda x: mp.exp(-x) * mp.besseli(0, x), (), (0.1, 3.0, 31.0, 1000.0)),
    "k0e": (lambda x: mp.exp(x) * mp.besselk(0, x), (), (0.1, 3.0, 31.0, 1000.0)),
    "ellipk": (mp.ellipk, (), (-3.0, -0.6, 0.0, 1e-9, 0.49, 0.51, 0.999)),
    "ellipe": (mp.ellipe, (), (-3.0, -0.6, 0.0, 1e-9, 0.49, 0.51, 0.999)),
    "ellipkm1": (lambda p: mp.ellipk(1 - p), (), (1e-10, 0.3, 1.0, 1.7)),
    "expi": (mp.ei, (), (0.1, 3.0)),
    "exp1": (mp.e1, (), (0.1, 3.0)),
    "hyp1f1": (mp.hyp1f1, (0.7, 1.6), (-3.0, 0.4)),
    "hyp2f1": (mp.hyp2f1, (0.7, 1.6, 2.3), (-0.8, 0.4)),
    "spence": (lambda x: mp.polylog(2, 1 - x), (), (0.2, 0.95, 1.0, 1.6)),
    "eval_legendre": (mp.legendre, (4,), (0.3, -0.8, 1.0)),
}  # fmt: skip
# What SciPy's own functions lose
LOOSE = {"dawsn": 1e-12, "i0e": 1e-13, "hyp2f1": 1e-12, "ellipk": 1e-12, "ellipkm1": 1e-12}


@pytest.mark.parametrize("name", TABLE)
def test_first_and_second_derivatives_against_mpmath(name):
    reference, front, places = TABLE[name]
    fn = getattr(special, name)

    def f(x):
        return fn(*front, x)

    def slope(x):
        return jvp(f, (x,), (1.0,))[1]

    for x in places:
        with mp.workdps(60):
            # Steps relative to x
            at, unit = mp.mpf(x), mp.mpf(x or 1)
            exact = [
                mp.diff(lambda t: mp.re(reference(*map(mp.mpf, front), t * unit)), at / unit, n) / unit**n  # noqa: B023
                for n in (1, 2)
            ]
            conditioned = 1 + abs(x * float(exact[1] / exact[0])) if exact[0] else 1.0
        first, second = (float(v) for v in exact)
        close = LOOSE.get(name, 2e-14) * conditioned * abs(first) + 1e-300
        forward, reverse = slope(x), grad(f)(x)
        assert abs(forward - first) <= close, f"at {x}: {forward!r}, not {first!r}"
        assert abs(reverse - first) <= close, f"at {x}: {reverse!r}, not {first!r}"
        if math.isfinite(second):
            scale = abs(second) + abs(first) * max(1.0, abs(first))
            found = jvp(slope, (x,), (1.0,))[1], grad(slope)(x)
            assert abs(found[0] - second) <= 1e-9 * scale + 1e-300, (
                f"second at {x}: {found[0]!r}, not {second!r}"
            )
            assert abs(found[1] - second) <= 1e-9 * scale + 1e-300, (
                f"second at {x}: {found[1]!r}, not {second!r}"
            )


def test_the_logistic_functions_saturate_without_a_warning():
    assert grad(special.expit)(800.0) == grad(special.expit)(-800.0) == 0.0
    assert grad(special.log_expit)(-800.0) == 1.0
    assert grad(special.log_ndtr)(60.0) == 0.0


def test_every_ufunc_is_declared():
    ufuncs = {getattr(special, n) for n in dir(special) if isinstance(getattr(special, n), np.ufunc)}
    assert len(ufuncs) > 200
    missing = sorted(f.__name__ for f in ufuncs if f not in OPS and f not in UNSUPPORTED)
    assert not missing, f"give these a rule, or a reason in rules/special/unsupported.py: {missing}"


@pytest.mark.parametrize(
    ("f", "word"),
    [
        (lambda v: special.jv(v, 2.0), "v, the order"),
        (lambda a: special.gammainc(a, 2.0), "to a"),
        (lambda a: special.betainc(1.0, a, 0.3), "to b"),
        (lambda n: special.eval_legendre(n, 0.3), "n, the degree"),
        (lambda m: special.ellipj(0.3, m)[0], "to m"),
        (lambda s: special.zeta(s, 2.0), "exponent"),
    ],
)
def test_parameters_without_a_derivative_raise(f, word):
    for run in (grad(f), grad(grad(f)), lambda x: jvp(f, (x,), (1.0,))):
        with pytest.raises(KeywordError, match=word) as caught:
            run(2.0)
        assert "dualad.primal(" in str(caught.value)


def test_complex_results_are_refused():
    with pytest.raises(NoRuleError, match="lambertw"):
        grad(lambda x: special.lambertw(x))(1.0)
    with pytest.raises(NoRuleError, match="wofz"):
        grad(lambda x: special.wofz(x))(1.0)


def test_single_precision_is_kept():
    x = np.array([0.3, 0.6], np.float32)
    for fn in (special.expit, special.erfcx, special.log_ndtr, special.gammaln, special.i0e, special.ellipk):
        assert grad(lambda t, fn=fn: np.sum(fn(t)))(x).dtype == np.float32
        y, dy = jvp(fn, (x,), (x,))
        assert y.dtype == dy.dtype == np.float32


def test_importing_dualad_leaves_scipy_alone():
    code = (
        "import sys, dualad; assert 'scipy' not in sys.modules\n"
        "from scipy import special; assert 'dualad.rules.special' not in sys.modules\n"
        "import threading, math; found = []\n"
        "run = lambda: found.append(dualad.grad(special.erf)(0.0))\n"
        "threads = [threading.Thread(target=run) for _ in range(8)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]\n"
        "assert found == [2 / math.sqrt(math.pi)] * 8, found\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent.parent, check=True)


VECTOR = np.array([[1000.0, 999.0, -1000.0], [0.1, 0.2, 0.3]])


@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 1)])
@pytest.mark.parametrize("name", ["logsumexp", "softmax", "log_softmax"])
def test_twins_agree_with_scipy(name, axis):
    twin, original = getattr(twins, name), getattr(special, name)
    np.testing.assert_allclose(twin(VECTOR, axis=axis), original(VECTOR, axis=axis), rtol=1e-14, atol=1e-300)
    direction = np.array([[0.3, -0.2, 0.5], [1.0, 0.1, -0.4]])
    y, dy = jvp(lambda x: twin(x, axis=axis), (VECTOR,), (direction,))
    w = np.cos(np.arange(np.size(y))).reshape(np.shape(y))
    pulled = grad(lambda x: np.sum(w * twin(x, axis=axis)))(VECTOR)
    np.testing.assert_allclose(np.sum(w * dy), np.sum(pulled * direction), rtol=1e-12)
    if name == "logsumexp":
        weights = grad(lambda x: np.sum(twin(x, axis=axis)))(VECTOR)
        np.testing.assert_allclose(weights, special.softmax(VECTOR, axis=axis), rtol=1e-13, atol=1e-300)


def test_logsumexp_with_factors_and_signs():
    a, b = np.array([1.0, 2.0, np.inf]), np.array([2.0, -3.0, 0.0])
    y, sign = twins.logsumexp(a[:2], b=b[:2], return_sign=True)
    expected, negative = special.logsumexp(a[:2], b=b[:2], return_sign=True)
    assert (sign, abs(y - expected) < 1e-14) == (negative, True)
    found = grad(lambda t: twins.logsumexp(t, b=np.array([2.0, 3.0])))(a[:2])
    e = np.array([2.0, 3.0]) * np.exp(a[:2])
    np.testing.assert_allclose(found, e / e.sum(), rtol=1e-14)


def test_polygamma_twin():
    for n in (0, 1, 3):
        np.testing.assert_allclose(twins.polygamma(n, 1.3), special.polygamma(n, 1.3), rtol=1e-14)
        np.testing.assert_allclose(
            grad(lambda x, n=n: twins.polygamma(n, x))(1.3), special.polygamma(n + 1, 1.3), rtol=1e-13
        )
