"""SciPy's own functions with traced values: what works is left alone, the rest says what to call in its place."""

import importlib

import numpy as np
import pytest
import scipy.integrate
import scipy.interpolate
import scipy.linalg
import scipy.optimize
import scipy.signal
import scipy.special
import scipy.stats

import dualad
from dualad import ConversionError, check_grads, foreign, grad, jvp, vjp

A = 3.0 * np.eye(3) + np.random.default_rng(0).uniform(-1.0, 1.0, (3, 3))
V = np.array([1.1, 2.3, 0.7])
MODES = {"forward": lambda f, x: jvp(f, (x,), (x,)), "reverse": vjp}


@pytest.fixture(params=MODES)
def run(request):
    return MODES[request.param]


@pytest.mark.parametrize("package", foreign.TWINS)
def test_every_twin_is_known(package):
    module = importlib.import_module(f"dualad.{package}")
    assert set(module.__all__) == foreign.TWINS[package]
    original = importlib.import_module(package)
    for name in module.__all__:
        assert callable(getattr(original, name))
        assert ">>>" in getattr(module, name).__doc__


def said(exception):
    """What the user reads: the message and the notes."""
    return "\n".join([str(exception), *getattr(exception, "__notes__", ())])


OF_ARRAYS = {
    "linalg.expm": (lambda x: scipy.linalg.expm(x), A),
    "linalg.logm": (lambda x: scipy.linalg.logm(x), A),
    "linalg.sqrtm": (lambda x: scipy.linalg.sqrtm(x), A),
    "linalg.solve_sylvester": (lambda x: scipy.linalg.solve_sylvester(A, A, x), A),
    "linalg.solve_triangular": (lambda x: scipy.linalg.solve_triangular(x, V), A),
    "linalg.cho_factor": (lambda x: scipy.linalg.cho_factor(x), A),
    "linalg.cho_solve": (lambda x: scipy.linalg.cho_solve((A, True), x), V),
    "special.logsumexp": (lambda x: scipy.special.logsumexp(x), V),
    "special.softmax": (lambda x: scipy.special.softmax(x), V),
    "special.log_softmax": (lambda x: scipy.special.log_softmax(x), V),
    "special.polygamma": (lambda x: scipy.special.polygamma(1, x), V),
    "special.factorial": (lambda x: scipy.special.factorial(x), V),
    "special.comb": (lambda x: scipy.special.comb(x, 2), V),
    "special.multigammaln": (lambda x: scipy.special.multigammaln(x, 1), V),
    "special.spherical_jn": (lambda x: scipy.special.spherical_jn(1, x), V),
    "special.spherical_kn": (lambda x: scipy.special.spherical_kn(1, x), V),
    "optimize.minimize": (
        lambda x: scipy.optimize.minimize(lambda t: np.sum((t - x) ** 2), np.zeros(3)).x,
        V,
    ),
    "integrate.quad": (lambda x: scipy.integrate.quad(lambda t: t * x[0], 0.0, 1.0)[0], V),
}


@pytest.mark.parametrize("name", OF_ARRAYS)
def test_arrays_are_sent_to_the_twin(name, run):
    f, x = OF_ARRAYS[name]
    with pytest.raises(ConversionError, match=rf"scipy\.{name} converts its arguments") as caught:
        run(f, x)
    assert f"instead: dualad.scipy.{name}, its twin" in str(caught.value)
    assert "test_foreign.py" in str(caught.value)


@pytest.mark.parametrize(
    "name", [n for n in OF_ARRAYS if n.startswith("special.") and "softmax" not in n]
)  # softmax of one number is 1
def test_numbers_are_sent_to_the_twin(name, run):
    with pytest.raises(TypeError) as caught:
        run(OF_ARRAYS[name][0], 2.0)
    assert f"dualad.scipy.{name}, its twin" in said(caught.value)
    assert said(caught.value).count("its twin") == 1


def test_the_twin_works_in_its_place():
    assert np.all(np.isfinite(vjp(lambda x: dualad.scipy.linalg.expm(x), A)[1](A)[0]))


@pytest.mark.parametrize("name", ["solve", "inv", "det", "cholesky", "eigh", "svd", "qr", "pinv", "lstsq"])
def test_what_numpy_has_is_named(name, run):
    f = getattr(scipy.linalg, name)
    with pytest.raises(ConversionError, match=rf"scipy\.linalg\.{name} converts") as caught:
        run(lambda x: f(x, V) if name in ("solve", "lstsq") else f(x), A)
    assert f"instead: np.linalg.{name}, which has a rule" in str(caught.value)


WITHOUT = {
    "scipy.linalg.lu": (lambda x: scipy.linalg.lu(x), A),
    "scipy.linalg.orth": (lambda x: scipy.linalg.orth(x), A),
    "scipy.signal.lfilter": (lambda x: scipy.signal.lfilter([1.0, 0.5], [1.0, 0.3], x), V),
    "scipy.stats.rv_continuous.logpdf": (lambda x: scipy.stats.norm.logpdf(x), 0.3),
    "scipy.interpolate.CubicSpline": (lambda x: scipy.interpolate.CubicSpline(np.arange(3.0), x), V),
    "scipy.optimize.least_squares": (lambda x: scipy.optimize.least_squares(lambda t: t - x, V).x, V),
}


@pytest.mark.parametrize("name", WITHOUT)
@pytest.mark.filterwarnings("ignore")  # SciPy's, of arrays of objects
def test_other_functions_say_that_they_convert(name, run):
    f, x = WITHOUT[name]
    with pytest.raises(Exception, match=r".") as caught:
        run(f, x)
    text = said(caught.value)
    assert f"{name} converts its arguments to plain arrays" in text
    assert "dualad.custom_rule" in text
    assert "dualad.primal(x)" in text


WORKING = {
    "toeplitz": lambda x: scipy.linalg.toeplitz(x),
    "block_diag": lambda x: scipy.linalg.block_diag(x, x),
    "norm": lambda x: scipy.linalg.norm(x),
    "trapezoid": lambda x: scipy.integrate.trapezoid(x),
    "simpson": lambda x: scipy.integrate.simpson(x),
    "rosen": lambda x: scipy.optimize.rosen(x),
    "jvp": lambda x: scipy.special.jvp(1, x),
    "expit": lambda x: scipy.special.expit(x),
}


@pytest.mark.parametrize("name", WORKING)
def test_what_works_on_arrays_of_objects_is_left_alone(name):
    check_grads(WORKING[name], (V,), order=1)


def test_conversions_of_the_user_are_not_scipys():
    assert grad(lambda x: np.sum(np.asarray(x) ** 2))(V).tolist() == (2 * V).tolist()
    assert grad(lambda x: np.sum(np.array([x[0], x[1]]) * 3.0))(V).tolist() == [3.0, 3.0, 0.0]
    with pytest.raises(ConversionError, match=r"float\(\) of a traced value"):
        grad(lambda x: float(x))(1.0)

    def root(x):  # SciPy calls the function that converts
        return scipy.optimize.brentq(lambda t: float(np.sum(np.asarray(V) * t) - 1.0), 0.0, 5.0) * x

    assert grad(root)(2.0) == pytest.approx(1 / np.sum(V))
    # A derivative inside of what SciPy calls, of a function with conversions of its own
    found = scipy.optimize.minimize(
        lambda t: np.sum((t - V) ** 2), np.zeros(3), jac=grad(lambda t: np.sum((np.asarray(t) - V) ** 2))
    )
    np.testing.assert_allclose(found.x, V, rtol=1e-6)


def test_other_errors_get_no_note(run):
    def wrong(x):
        raise ValueError("mine")

    def shapes(x):
        scipy.linalg.solve(np.eye(2), np.ones(3))
        return x

    for f in (wrong, shapes):
        with pytest.raises(ValueError, match=r".") as caught:
            run(f, V)
        assert not getattr(caught.value, "__notes__", ())


def test_nested_derivatives_add_one_note():
    with pytest.raises(TypeError) as caught:
        grad(grad(lambda x: scipy.special.polygamma(1, x)))(2.0)
    assert len(caught.value.__notes__) == 1
