"""Loops whose states are kept by the binomial schedule: derivatives, counts that the theory gives, memory."""

import functools
import math
import tracemalloc

import numpy as np
import pytest

from dualad import (
    ArgumentError,
    ShapeError,
    checkpointed_scan,
    compile,
    grad,
    hessian,
    jacobian,
    jvp,
    linearize,
    value_and_grad,
    vjp,
)
from dualad.checkpoint import split


@functools.cache
def fewest(length, snapshots):
    """The fewest steps to go ahead, beside those that are differentiated, by dynamic programming."""
    if length == 1:
        return 0
    if snapshots == 1:
        return length * (length - 1) // 2
    return min(j + fewest(length - j, snapshots - 1) + fewest(j, snapshots) for j in range(1, length))


def theory(length, snapshots):
    """R l - β(c + 1, r - 1), with r the least for which β(c, r) ≥ l (Griewank and Walther 2000, proposition 1)."""
    r = 0
    while math.comb(snapshots + r, snapshots) < length:
        r += 1
    return r * length - (math.comb(snapshots + r, r - 1) if r else 0)


def test_the_formula_is_the_minimum():
    for length in range(1, 60):
        for snapshots in range(1, 9):
            assert theory(length, snapshots) == fewest(length, snapshots)


def test_splits_are_optimal():
    @functools.cache
    def cost(length, snapshots):
        if length == 1:
            return 0
        j = split(length, snapshots)
        assert 1 <= j < length
        return j + cost(length - j, snapshots - 1) + cost(j, snapshots)

    for length in (*range(1, 80), 100, 321):
        for snapshots in (*range(1, 9), 20, 1000):
            assert cost(length, snapshots) == theory(length, snapshots), (length, snapshots)


def counted(n, snapshots):
    """How often a gradient runs each step, and its value."""
    runs = [0] * n

    def step(x, k):
        runs[k] += 1
        return np.sin(x) + 0.01 * k

    g = grad(lambda x: np.sum(checkpointed_scan(step, x, n, snapshots)))(np.array([0.3, 0.8]))
    return runs, g


@pytest.mark.parametrize(
    ("n", "snapshots"), [(1, 1), (2, 1), (7, 1), (7, 7), (7, 50), (20, 3), (84, 3), (85, 3), (150, 5)]
)
def test_steps_are_run_as_often_as_theory_says(n, snapshots):
    runs, g = counted(n, snapshots)
    assert sum(runs) == theory(n, snapshots) + n
    r = 0
    while math.comb(snapshots + r, snapshots) < n:
        r += 1
    assert max(runs) <= r + 1

    def loop(x):
        for k in range(n):
            x = np.sin(x) + 0.01 * k
        return np.sum(x)

    np.testing.assert_allclose(g, grad(loop)(np.array([0.3, 0.8])), rtol=1e-13)


def march(scan):
    """A loop of a nested state, with a parameter of a function around it."""

    def f(w, x):
        def step(state, k):
            y = np.tanh(w @ state["x"]) + state["t"] * 0.1
            return {"x": y, "t": state["t"] * w[0, 0] + k * 0.01}

        last = scan(step, {"x": x, "t": x[0]}, 11)
        return np.sum(last["x"] ** 2) * last["t"]

    return f


def loop(step, state, n):
    for k in range(n):
        state = step(state, k)
    return state


def binomial(step, state, n):
    return checkpointed_scan(step, state, n, snapshots=3)


def point():
    rng = np.random.default_rng(11)
    return rng.normal(size=(3, 3)), rng.normal(size=3)


def test_gradients():
    for argnums in (0, 1, (0, 1)):
        value, found = value_and_grad(march(binomial), argnums)(*point())
        expected_value, expected = value_and_grad(march(loop), argnums)(*point())
        assert value == expected_value
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("inner", ["forward", "reverse"])
@pytest.mark.parametrize("outer", ["forward", "reverse"])
def test_second_and_third_derivatives(outer, inner):
    w, x = point()
    found, expected = (march(scan) for scan in (binomial, loop))
    H = hessian(expected, argnums=1)(w, x)
    np.testing.assert_allclose(
        hessian(found, argnums=1, mode=f"{outer}-over-{inner}")(w, x), H, rtol=1e-11, atol=1e-12
    )
    mixed = jacobian(jacobian(found, 0, mode=inner), 1, mode=outer)(w, x)
    np.testing.assert_allclose(mixed, jacobian(jacobian(expected, 0), 1)(w, x), rtol=1e-11, atol=1e-12)
    third = jacobian(hessian(found, 1, mode=f"reverse-over-{inner}"), 1, mode=outer)(w, x)
    np.testing.assert_allclose(third, jacobian(hessian(expected, 1), 1)(w, x), rtol=1e-10, atol=1e-11)


def test_other_derivatives_and_plain_values():
    w, x = point()
    found, expected = (march(scan) for scan in (binomial, loop))
    assert found(w, x) == expected(w, x)
    np.testing.assert_allclose(jvp(found, (w, x), (w, x)), jvp(expected, (w, x), (w, x)), rtol=1e-13)
    np.testing.assert_allclose(linearize(found, w, x)[1](w, x), jvp(expected, (w, x), (w, x))[1], rtol=1e-12)
    _, pullback = vjp(found, w, x)
    for _ in range(2):
        np.testing.assert_allclose(pullback(1.0)[1], grad(expected, 1)(w, x), rtol=1e-12)
    compiled = compile(grad(found, 1))
    for _ in range(2):
        np.testing.assert_allclose(compiled(w, x), grad(expected, 1)(w, x), rtol=1e-11)
    assert checkpointed_scan(lambda x, k: x * 2.0, 1, 10, 2) == 1024.0
    assert grad(lambda x: checkpointed_scan(lambda x, k: x * 2.0, x, 0, 1))(3.0) == 1.0


def test_what_does_not_move_and_what_is_read_only():
    def f(a):
        def step(state, k):
            x, still = state
            return x * still[k % 2], still

        return checkpointed_scan(step, (a, np.array([2.0, 3.0])), 5, 2)[0]

    assert grad(f)(1.0) == 72.0
    assert jvp(f, (1.0,), (2.0,)) == (72.0, 144.0)


def test_misuse_raises():
    def f(step, n=6, snapshots=2):
        return grad(lambda x: np.sum(checkpointed_scan(step, x, n, snapshots)))

    x = np.ones(2)
    with pytest.raises(ArgumentError, match="snapshots ≥ 1"):
        f(np.multiply, snapshots=0)(x)
    with pytest.raises(ArgumentError, match="n ≥ 0"):
        f(np.multiply, n=-1)(x)
    with pytest.raises(ShapeError, match=r"shape \(3,\)"):
        f(lambda x, k: np.append(x, 1.0))(x)
    with pytest.raises(ShapeError, match="the state that"):
        f(lambda x, k: (x, x))(x)
    with pytest.raises(ShapeError, match="floating-point"):
        f(lambda x, k: np.ones(2, int))(x)
    rng = np.random.default_rng(2)
    with pytest.raises(ArgumentError, match="other results when it was run again"):
        f(lambda x, k: x * rng.normal())(x)


def test_memory_and_depth():
    def peak(snapshots, n=300):
        def step(x, k):
            for _ in range(5):
                x = np.sin(x) * 1.05
            return x

        g = grad(lambda x: np.sum(checkpointed_scan(step, x, n, snapshots)))
        x = np.linspace(0.0, 1.0, 20_000)
        tracemalloc.start()
        try:
            g(x)
            return tracemalloc.get_traced_memory()[1] / x.nbytes
        finally:
            tracemalloc.stop()

    one, few, more = peak(1, 40), peak(5), peak(25)
    assert one < 20  # a step's tape, and little else; the whole would be 400
    assert one + 3 < few < one + 7
    assert one + 20 < more < one + 27
    assert grad(lambda x: checkpointed_scan(lambda x, k: x * 1.001, x, 1500, 1))(1.0) == pytest.approx(
        1.001**1500
    )
