"""What a tape keeps, counted exactly, and given up as the sweep passes."""

import tracemalloc

import numpy as np
import pytest

from dualad import checkpoint, count, debug_nans, elementwise, grad, hvp
from dualad.lean import LARGE, hollow, is_hollow

N = 10_000
X = np.linspace(0.1, 1.0, N)
ONE = X.nbytes


def arrays_of(f, x=X):
    """How many arrays of the size of `x` a recording keeps; results that are numbers apart."""
    return count(f)(x).tape_bytes // x.nbytes


@pytest.mark.parametrize(
    ("f", "arrays"),
    [
        (lambda x: x + x, 0),
        (lambda x: 2.0 - (x + 1.0) * 3.0 / 4.0, 0),
        (lambda x: -x - X, 0),
        (np.exp, 1),  # the result
        (np.tanh, 2),  # both
        (np.sin, 1),  # the operand
        (lambda x: np.sin(x) * np.cos(x), 3),
        (lambda x: x * X, 1),  # the constant
        (lambda x: 1.0 / x, 2),
        (lambda x: np.sum(np.reshape(x[::-1], (100, 100)).T), 0),
        (lambda x: np.sqrt(np.exp(x) + 1.0), 2),
    ],
)
def test_arrays_that_rules_read(f, arrays):
    assert arrays_of(f) == arrays


def test_counts_are_exact():
    ledger = count(lambda x: np.sum(np.sin(x) * 2.0 + np.exp(x)))(X)
    assert ledger.tape_bytes == 2 * ONE + 8  # x, the exponential, and the sum
    assert (ledger.tape_length, ledger.tape_depth) == (5, 4)
    numbers = count(lambda x: np.sin(x) * x + 1.0)(0.5)
    assert (numbers.tape_bytes, numbers.tape_length, numbers.tape_depth) == (3 * 8, 3, 3)
    assert count(lambda x: np.sin(x))(X.astype(np.float32)).tape_bytes == N * 4
    constant = count(lambda x: 3.0)(1.0)
    assert (constant.tape_bytes, constant.tape_length, constant.tape_depth) == (0, 0, 0)
    assert count(grad(lambda x: np.sum(np.exp(x) * x)))(X).tape_bytes >= 2 * ONE
    small = np.ones(3)  # too small to be worth it: kept as they are
    assert count(lambda x: x + x)(small).tape_bytes == 2 * small.nbytes


def test_counts_of_checkpoints():
    def part(x):
        for _ in range(20):
            x = np.sin(x)
        return x

    def whole(make):
        return lambda x: np.sum(make(part)(make(part)(x)))

    assert arrays_of(whole(lambda f: f)) == 40
    assert arrays_of(whole(checkpoint)) == 3


def test_counts_are_what_the_allocator_sees():
    def f(x):
        for _ in range(30):
            x = np.cos(np.sin(x) * 1.1 + x)
        return np.sum(x)

    ledger = count(f)(X)
    tracemalloc.start()
    try:
        grad(f)(X)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert ledger.tape_bytes == 60 * ONE + 8  # what the sine and the cosine read
    assert 0.9 * ledger.tape_bytes < peak < 1.15 * ledger.tape_bytes


def test_the_sweep_gives_up_what_it_has_passed():
    def f(x):
        for _ in range(100):
            x = np.sin(x)
        return np.sum(np.sum(np.outer(x[:100], x[:100]) * X.reshape(100, 100), 0))

    def late(x):  # a rule that is called at the end of the sweep, and asks for much memory
        return np.sum(probe(x) * 1.0) + f(x)

    seen = []

    def slope(y, x):
        seen.append(tracemalloc.get_traced_memory()[0])
        return np.cos(x)

    probe = elementwise(lambda x: np.sin(x), slope, name="probe")
    tracemalloc.start()
    try:
        grad(late)(X)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak > 95 * ONE
    assert seen[-1] < 15 * ONE


def test_hollow_arrays():
    a = np.ones((64, 64))
    assert a.nbytes == LARGE
    h = hollow(a)
    assert is_hollow(h)
    assert (h.shape, h.dtype) == (a.shape, a.dtype)
    assert hollow(a[:63]).base is a
    assert not is_hollow(a)


RULES = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "power": lambda x, y: x**y,
    "numbers": lambda x, y: 2.0 / x - 3.0 * y + x**3 / 2.0,
    "constants": lambda x, y: (X * x - y / X) + X**y,
    "broadcast": lambda x, y: (x[:, None] * y[:3] + y[:3])[:, 0],
    "ufuncs": lambda x, y: np.hypot(np.tanh(x), np.sqrt(y)) + np.arctan2(x, y) + np.log(x) + np.expm1(y),
    "same": lambda x, y: x * x + y / y,
}


@pytest.mark.parametrize("name", RULES)
def test_lean_tapes_have_the_same_derivatives(name):
    y = np.linspace(2.0, 0.5, N)

    def f(x):
        return np.sum(np.sin(RULES[name](x, y * x)))

    watched, found = [], grad(f)(X)
    with debug_nans():  # whose tapes keep everything
        watched = grad(f)(X)
    np.testing.assert_allclose(found, watched, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(
        hvp(f, X, y), (grad(f)(X + 1e-6 * y) - grad(f)(X - 1e-6 * y)) / 2e-6, rtol=1e-5, atol=1e-5
    )
