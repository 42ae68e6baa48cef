"""Loops of compiled functions read numbers at positions: `x[positions]`, also among slices."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import dualad

RNG = np.random.default_rng(5)
X = RNG.uniform(0.5, 1.5, 5000)
A = RNG.uniform(0.5, 1.5, (7, 300))
WHERE = RNG.integers(-5000, 5000, 6001)
ALONG = RNG.integers(-300, 300, 901)
TABLE = RNG.integers(0, 5000, (40, 60))
SMALL = RNG.integers(0, 7, 1000).astype(np.int32)

FUNCTIONS = {
    "positions": (lambda x: np.sin(x[WHERE]), X),
    "of a result": (lambda x: (x * x + 1.0)[WHERE] * 2.0, X),
    "twice": (lambda x: x[WHERE] * np.exp(x[WHERE]), X),
    "table": (lambda x: x[TABLE] ** 2, X),
    "transposed": (lambda x: x[TABLE].T + 1.0, X),
    "along the last axis": (lambda a: a[:, ALONG] * 3.0, A),
    "along the first": (lambda a: np.tanh(a[SMALL]), A),
    "among slices": (lambda a: a[1::2, ALONG] - a[:-1:2, ALONG], A),
    "backwards": (lambda a: (a * a)[::-1, ALONG[::-1]], A),
    "of a moved array": (lambda a: a.T[ALONG] * 2.0, A),
    "of a table's row": (lambda a: a[:, TABLE % 300] + 1.0, A),
    "in a sum": (lambda x: np.sum(x[TABLE] * x[TABLE[::-1]], axis=1), X),
    "of a constant": (lambda x: np.full(9, 2.5)[WHERE[:5000] % 9] * x, X),
    "of a constant array": (lambda x: X[::-1][WHERE] * x[WHERE], X),
    "of what was joined": (lambda x: np.concatenate([x, -x, np.ones(5)])[WHERE + 5000] + 1.0, X),
    "positions that are numbers too": (lambda a: a[SMALL] * SMALL[:, None], A),
    "one position, always": (lambda x: x[np.zeros(5000, int)] * x, X),
    "two arrays": (lambda a: a[SMALL, SMALL] * 2.0, A),
    "none": (lambda x: np.sum(x[WHERE[:0]]) + x, X),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values(name):
    f, x = FUNCTIONS[name]
    compiled = dualad.compile(f)
    for y in (x, x[::-1] * 1.5, np.asfortranarray(x)):
        np.testing.assert_allclose(compiled(y), f(y), rtol=1e-14, atol=0)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives(name):
    f, x = FUNCTIONS[name]

    def total(x):
        return np.sum(np.sin(f(x)))

    np.testing.assert_allclose(
        dualad.compile(dualad.grad(total))(x), dualad.grad(total)(x), rtol=1e-12, atol=1e-13
    )
    moved = dualad.compile(lambda x, v: dualad.jvp(f, (x,), (v,)))
    for found, expected in zip(moved(x, x[::-1]), dualad.jvp(f, (x,), (x[::-1].copy(),)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-14)


def test_they_are_in_loops():
    text = dualad.compile(lambda x: np.sin(x[WHERE]) * 2.0).llvm(X)
    assert "load <" in text or "load i32" in text
    assert text.count("define void @loop") == 1


def test_other_precisions_are_numpys():
    x = X.astype(np.float32)
    found = dualad.compile(lambda x: x[WHERE] * np.float32(2.0))(x)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, x[WHERE] * np.float32(2.0))
