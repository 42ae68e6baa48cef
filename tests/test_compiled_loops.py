"""Compiled functions of large arrays: what they hand out and keep, threads, branches, and which way is taken."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from cases import close
from test_compile import rosenbrock
from test_loops import agree, steps

import dualad
from dualad import compile, grad, value_and_grad
from dualad.native.fuse import Group, Plan
from dualad.native.scalars import NotScalar, of_step

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


# results and repeated calls
def test_results_do_not_leak_into_later_calls():
    def f(x):
        y = np.exp(x)
        z = np.fft.ifft(np.fft.fft(y)).real * 2
        return y, z, y[1:], y.reshape(2, -1), y.T, x, np.sum(z)

    x = np.random.default_rng(5).normal(size=200)
    run = steps(f, x)
    first, expected = run([x])[0], [np.copy(v) for v in f(x)]
    close(first, expected, 1e-13)
    second = run([x + 1])[0]
    close(first, expected, 1e-13)  # as the second call has left them
    for y in (*first[:-1], *second[:-1]):
        y[...] = 7.0
    assert not np.any(x == 7.0)
    close(run([x])[0], expected, 1e-13)
    arrays = [y for y in (*first, *second) if isinstance(y, np.ndarray)]
    for n, a in enumerate(arrays):
        assert not any(np.shares_memory(a, b) for b in arrays[:n])


def layers(x, w):
    for _ in range(4):
        x = np.tanh(x @ w) + np.exp(-x * x) * np.sum(x, 1, keepdims=True)
    return np.sum(x * x)


def test_memory_is_shared_in_turn():
    x, w = np.random.default_rng(6).normal(size=(2, 30, 30)) * 0.2
    run = agree(grad(layers, argnums=(0, 1)), x, w)
    run([x, w])
    memory = run._local.memory
    rooms = [y for y in memory if y is not None and y.dtype == float]
    stored = sum(len(step.members) if isinstance(step, Group) else 1 for step in Plan(run.program).steps)
    assert 0 < len(rooms) < 0.7 * stored
    assert all(y.base is None for y in rooms)
    kept = [*memory]
    run([w, x])
    assert all(a is b for a, b in zip(run._local.memory, kept, strict=True))


def test_many_threads():
    g = compile(grad(layers))
    rng = np.random.default_rng(7)
    xs, w = rng.normal(size=(60, 40, 20)) * 0.3, rng.normal(size=(20, 20)) * 0.2
    expected = [grad(layers)(x, w) for x in xs]
    barrier = threading.Barrier(6)

    def work(n):
        barrier.wait()
        return [g(x, w) for x in xs[n::6]]

    with ThreadPoolExecutor(6) as pool:
        for n, found in enumerate(pool.map(work, range(6))):
            close(found, expected[n::6], 1e-11)


# compiled functions
def test_large_arrays_run_in_loops_and_small_ones_as_scalars():
    g = compile(value_and_grad(rosenbrock))
    rng = np.random.default_rng(8)
    assert "define void @loop" in g.llvm(rng.normal(size=5000))
    assert "define i32 @kernel" in g.llvm(rng.normal(size=50))
    for n in (50, 5000, 50, 20000):
        x = rng.normal(size=n)
        close(g(x), value_and_grad(rosenbrock)(x), 1e-13)
    assert "loop0" in g.assembly(rng.normal(size=5000))


def test_unit_directions_stay_sparse():
    g = compile(dualad.jacobian(rosenbrock_terms))
    x = np.random.default_rng(14).normal(size=150)
    assert "define i32 @kernel" in g.llvm(x)
    close(g(x), dualad.jacobian(rosenbrock_terms)(x), 1e-14)
    agree(dualad.jacobian(rosenbrock_terms), x)


def rosenbrock_terms(x):
    return 10 * (x[1:] - x[:-1] ** 2) + np.sin(x[1:])


def test_sums_of_many_arrays():
    xs = list(np.random.default_rng(15).normal(size=(1500, 70)))
    agree(lambda *xs: sum(np.where(x > 0, x, y) for x, y in itertools.pairwise(xs)), *xs, rtol=1e-12)


def test_branches_and_guards():
    traces = []

    def f(x):
        traces.append(1)
        return np.sum(np.exp(x)) if np.sum(x) > 0 else np.sum(np.sin(x))

    g = compile(grad(f))
    x = np.abs(np.random.default_rng(9).normal(size=3000))
    for y in (x, -x, x * 2, -x * 3):
        close(g(y), np.exp(y) if y[0] > 0 else np.cos(y), 1e-14)
    assert len(traces) == 2


def test_calls_of_other_forms_than_the_last():
    g = compile(lambda x, s: np.exp(x) * s)
    x = np.random.default_rng(13).normal(size=40_000)
    for a, b in (
        (x, 2.0),
        (x, 3.0),
        (x[:7], 2.0),
        (x, np.float64(2.0)),
        (x.astype(np.float32), 2.0),
        (x[::2], 2.0),
    ):
        for _ in range(2):
            found = g(a, b)
            np.testing.assert_allclose(found, np.exp(a) * b, rtol=1e-6 if a.dtype == np.float32 else 1e-14)
            assert found.dtype == a.dtype
    with pytest.raises(TypeError):
        g(x)


def test_a_guard_on_last_digits_goes_to_numpy():
    x = np.random.default_rng(10).normal(size=30_000)
    expected = np.sum(np.exp(np.sin(x)))

    def f(x):
        total = np.sum(np.exp(np.sin(x)))
        return x * 2 if total == expected else x * 3

    g = compile(f)
    for y in (x, x + 1, x):
        np.testing.assert_array_equal(g(y), f(y))


def test_one_loop_for_a_gradient():
    x = np.linspace(-1, 1, 5000)
    for f in (rosenbrock, lambda x: np.sum(np.exp(np.sin(x)) * np.tanh(x))):
        plan = Plan(steps(grad(f), x).program)
        assert [type(step) for step in plan.steps] == [Group]


def test_other_dtypes_go_to_numpy():
    for x in (np.ones(100, np.float32), np.ones(100, np.complex128), np.arange(100)):
        run = steps(lambda x: x * x + 1, x)
        assert run.module is None
        np.testing.assert_array_equal(run([x])[0][0], x * x + 1)
    agree(lambda x: x * x + 1, np.arange(100.0).astype(">f8"))
    run = steps(lambda x, i: np.exp(x) * i + (i > 3), np.ones(100), np.arange(100))
    assert run.loops
    np.testing.assert_allclose(
        run([np.ones(100), np.arange(100)])[0][0], np.e * np.arange(100) + (np.arange(100) > 3)
    )


def test_subclasses_keep_their_ways():
    x = np.ma.array(np.ones(100), mask=[True, False] * 50)
    run = steps(lambda x: np.exp(x) * 2, x)
    assert isinstance(run([x])[0][0], np.ma.MaskedArray)


def test_long_programs():
    def f(x):
        for _ in range(300):
            x = np.sin(x) + x * 0.5
        return np.sum(x)

    def chain(x):
        for _ in range(1000):
            x = np.cos(x)
        return x

    agree(chain, np.ones(9))
    run = agree(grad(f), np.random.default_rng(11).normal(size=200), rtol=1e-11)
    assert run.loops > 3


def test_long_steps_over_large_arrays_run_as_loops_over_arrays():
    def chain(x):
        def step(y, _):
            for _ in range(8):
                y = y + 0.1 * np.concatenate([x[:1], x[1:] * y[:-1]])
            return y, None

        return np.sum(dualad.scan(step, np.zeros_like(x), length=3)[0] ** 2)

    x = np.random.default_rng(8).uniform(size=600)
    derived = compile(grad(chain))
    close(derived(x), grad(chain)(x), 1e-13)
    close(derived(x + 0.1), grad(chain)(x + 0.1), 1e-13)
    loops = [v.kwargs["body"].program for v in derived.program(x).values if "body" in v.kwargs]
    assert loops
    for program in loops:
        with pytest.raises(NotScalar):
            of_step(program)
