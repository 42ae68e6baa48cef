"""scipy.special: a walk over its ufuncs, what they refuse, and their twins; test_accuracy.py has the derivatives."""

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


@pytest.mark.parametrize(("x", "branch"), [(1.0, 0), (1e-9, 0), (-0.3, 0), (-0.2, -1), (50.0, 0)])
def test_lambert_w(x, branch):
    f = lambda x: np.real(special.lambertw(x, branch))  # noqa: E731
    exact = [float(mp.diff(lambda t: mp.re(mp.lambertw(t, branch)), x, n)) for n in (1, 2)]
    assert grad(f)(x) == pytest.approx(exact[0], rel=1e-13)
    assert grad(grad(f))(x) == pytest.approx(exact[1], rel=1e-12)


def test_complex_results_are_refused():
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
