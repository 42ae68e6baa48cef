"""`accuracy` measures errors in units in the last place, and raises where it cannot."""

from dataclasses import dataclass

import numpy as np
import pytest

import dualad
from dualad import ConversionError, DtypeError, accuracy, compile, grad, hessian, jacobian, scan
from dualad.accuracy import WIDER

X = np.array([0.1, 0.2, 1.5])
wider = pytest.mark.skipif(
    np.finfo(np.longdouble).nmant <= np.finfo(float).nmant, reason="longdouble is no wider here"
)


def energy(x):
    return np.sum(np.exp(np.sin(x)) * x[0])


@wider
def test_errors_are_those_of_the_exact_values():
    """0.1 + 0.2 in double precision is half a unit from the sum of the doubles 0.1 and 0.2."""
    report = accuracy(np.add, 0.1, np.array([0.2, 0.5]))
    (leaf,) = report.leaves
    exact = (np.longdouble(0.1) + np.longdouble(0.2) - np.longdouble(0.1 + 0.2)) / np.spacing(0.1 + 0.2)
    assert leaf.largest == report.largest == pytest.approx(abs(float(exact)), rel=1e-12) == 0.5
    assert leaf.where == (0,) and leaf.value == 0.1 + 0.2 and leaf.wider.dtype == np.longdouble
    assert leaf.median == pytest.approx((0.5 + 0.1) / 2, abs=0.26)


@wider
@pytest.mark.parametrize(
    "f",
    [grad(energy), hessian(energy), compile(grad(energy)), jacobian(np.fft.fft), jacobian(np.cumprod)],
    ids=["grad", "hessian", "compiled", "fft", "jacobian"],
)
def test_derivatives_in_double_precision(f):
    assert 0 < accuracy(f, X).largest < 4


@pytest.mark.parametrize(
    "f", [grad(energy), hessian(energy), jacobian(lambda x: np.linalg.inv(x * x[:, None] + np.diag(x)))]
)
def test_derivatives_in_single_precision(f):
    x = X.astype(np.float32)
    (leaf,) = accuracy(f, x).leaves
    exact = f(x.astype(float))
    assert leaf.dtype == np.float32
    assert leaf.largest == np.max(np.abs(f(x) - exact) / np.spacing(np.abs(exact).astype(np.float32)))


def test_cancellation_is_seen():
    x = (X + 1000).astype(np.float32)
    assert accuracy(lambda x: np.mean(x**2) - np.mean(x) ** 2, x).largest > 1e4
    assert accuracy(np.var, x).largest < 1e3


def test_loops_and_complex_numbers():
    x = np.float32(0.3)
    assert accuracy(grad(lambda x: scan(lambda s, _: (np.sin(s), None), x, length=5)[0]), x).largest < 8
    assert 0 < accuracy(lambda z: np.exp(z) / z, np.complex64(1 + 2j)).largest < 4


@dataclass
class Pair:
    first: object
    second: object


def test_leaves_are_named_and_printed():
    x = X.astype(np.float32)
    report = accuracy(lambda x: {"a": [np.sin(x), 3.0], "b": Pair(np.argmax(x), x[0]), "c": None}, x)
    assert [leaf.name for leaf in report.leaves] == ["result['a'][0]", "result['a'][1]", "result['b'].second"]
    assert [leaf.largest for leaf in report.leaves[1:]] == [0.0, 0.0]
    lines = repr(report).splitlines()
    assert lines[0].startswith("errors of ") and lines[1].split()[:3] == ["result", "dtype", "shape"]
    assert lines[2].split()[0] == "result['a'][0]" and len(lines) == 5


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_numbers_that_are_not_finite():
    with np.errstate(all="ignore"):
        (leaf,) = accuracy(np.exp, np.array([1000, np.nan, -np.inf], np.float32)).leaves
        (lost,) = accuracy(lambda x: np.exp(x) / np.exp(x), np.array([100, 1], np.float32)).leaves
    assert leaf.largest == 0.0
    assert lost.largest == np.inf and lost.where == (0,)
    assert accuracy(np.exp, np.zeros((0, 2), np.float32)).largest == 0.0


def refused(f, *args):
    with pytest.raises(DtypeError) as caught:
        accuracy(f, *args)
    return str(caught.value)


@wider
def test_operations_that_have_no_longdouble_are_named():
    text = refused(lambda x: np.linalg.inv(np.outer(x, x) + np.diag(x)), X)  # here
    assert "np.linalg.inv cannot be computed in" in text and "# here" in text and "np.float32" in text


def test_leaving_the_precision_raises():
    text = refused(lambda x: np.exp(x.astype(np.float16)), X.astype(np.float32))  # there
    assert "astype of float64 gives float16" in text and "# there" in text
    assert "constants such as np.eye" in refused(lambda x: x + np.ones(3) / 3, X.astype(np.float32))


def test_conversions_raise():
    import math

    with pytest.raises(ConversionError, match=r"math\.sin"):
        accuracy(lambda x: math.sin(x), 0.5)


def test_a_precision_without_a_wider_one_raises(monkeypatch):
    assert "there is none" in refused(np.exp, X.astype(np.longdouble))
    monkeypatch.setitem(WIDER, np.dtype(float), np.dtype(float))
    text = refused(np.exp, X)
    assert "no wider on this machine" in text and "np.float32" in text
    assert accuracy(np.exp, X.astype(np.float32)).largest < 2


def test_it_is_public():
    assert isinstance(accuracy(np.exp, np.float32(1)), dualad.Accuracy)
