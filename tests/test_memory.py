"""Memory that programs use again: operations that write over what nobody reads any more, and into rooms."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from cases import close
from test_loops import steps

from dualad import compile, grad
from dualad.native.fuse import Call, Group, Plan
from dualad.replay import Replay
from dualad.simplify import simplified
from dualad.symbol import traced

N = 6


def replayed(f, *leaves):
    return Replay(simplified(traced(f, leaves)[0]))


UNARY = [
    np.sin,
    np.negative,
    np.transpose,
    np.positive,
    lambda a: np.cumsum(a, 0),
    lambda a: a[::-1],
    lambda a: np.reshape(np.reshape(a, (2, -1)), (N, N)),
    lambda a: np.broadcast_to(a[0], (N, N)),
    lambda a: np.broadcast_to(np.max(a, 1, keepdims=True), (N, N)),
    lambda a: np.roll(a, 1, 0),
    lambda a: (a > 0.3).astype(float),
    lambda a: a.astype(np.float32).astype(float),
]
BINARY = [
    np.add,
    np.multiply,
    np.maximum,
    lambda a, b: np.tanh(a @ b),
    lambda a, b: np.concatenate([a[: N // 2], b[N // 2 :]]),
    lambda a, b: np.where(a > b, a, b),
    lambda a, b: np.stack([a, b])[1],
    lambda a, b: np.sum(np.stack([a, b]), 0),
]


def program(seed):
    """A function of two arrays: operations drawn at random, views among them, and several results."""
    rng = np.random.default_rng(seed)
    plan = []
    for n in range(2, 30):
        if rng.uniform() < 0.5:
            plan.append((UNARY[rng.integers(len(UNARY))], rng.integers(max(0, n - 6), n, 1)))
        else:
            plan.append((BINARY[rng.integers(len(BINARY))], rng.integers(max(0, n - 6), n, 2)))
    results = rng.integers(0, 30, 4)

    def f(x, y):
        values = [x, y]
        for op, which in plan:
            values.append(op(*[values[k] for k in which]))
        return [values[k] for k in results]

    return f


@pytest.mark.parametrize("make", [replayed, steps])
@pytest.mark.parametrize("seed", range(40))
def test_random_programs(make, seed):
    f = program(seed)
    given = np.random.default_rng([seed, 1]).normal(size=(3, 2, N, N))
    run = make(f, *given[0])
    kept = []
    for pair in (*given, given[0][::-1], [x.T for x in given[1]]):
        before = [x.copy() for x in pair]
        found, held = run(list(pair))
        assert held
        close(found, f(*before), 1e-13, 1e-13)
        for x, same in zip(pair, before, strict=True):
            np.testing.assert_array_equal(x, same)
        for y in found:
            assert y.flags.writeable
            assert not any(np.shares_memory(y, x) for x in (*pair, *kept))
            y[...] = np.nan  # the caller's
            kept.append(y)


def test_an_operation_writes_over_what_nobody_reads_any_more():
    def f(x):
        y = np.exp(x)
        for _ in range(5):
            y = np.sin(y)
        return y

    x = np.linspace(0, 1, 7)
    run = replayed(f, x)
    close(run([x])[0][0], f(x), 1e-15)
    made = [k for k, value in enumerate(run.program.values) if value.op is not None]
    found = [x, *[None] * len(made)]
    arrays = []
    for k, (step, dropped) in zip(made, run._steps, strict=True):
        step(found, [])
        arrays.append(found[k])
        for r in dropped:
            found[r] = None
    assert len(arrays) == 6
    assert all(y is arrays[0] for y in arrays)


def test_views_keep_what_they_show():
    def f(x):
        y = np.exp(x)
        part = y[::2]
        z = np.negative(y)  # the last to read y, but for the view
        return np.sum(part * part), z

    x = np.linspace(0, 1, 8)
    for make in (replayed, steps):
        run = make(f, x)
        for _ in range(2):
            close(run([x])[0], f(x), 1e-15)


def between(x, w):
    y = np.exp(-x) @ w
    z = np.cumsum(np.sin(y), 0)
    whole = np.linalg.inv(np.eye(len(x)) * 9.0 + z @ w)
    return np.sum(np.tanh(whole) @ w)


def test_calls_between_loops_write_into_rooms():
    x, w = np.random.default_rng(3).normal(size=(2, 12, 12)) * 0.2
    run = steps(grad(between), x, w)
    for leaves in ((x, w), (w, x)):
        close(run(list(leaves))[0], [grad(between)(*leaves)], 1e-12)
    rooms = [*run._local.memory]
    calls = [step.k for step in Plan(run.program).steps if isinstance(step, Call)]
    products = [k for k in calls if run.program.values[k].op.fn is np.matmul]
    assert len(products) >= 4
    assert sum(y is not None and y.dtype == float for y in rooms) < len(run.program)
    run([x, w])
    assert all(y is z for y, z in zip(rooms, run._local.memory, strict=True))


def test_what_one_loop_alone_reads_takes_no_memory():
    def f(x):
        y = np.exp(np.sin(x))
        for _ in range(50):
            y = 0.3 * np.exp(-y * y) + 0.2 * np.sin(y) * x[::-1]
        return y

    x = np.random.default_rng(4).normal(size=300)
    run = steps(f, x)
    close(run([x])[0], [f(x)], 1e-12)
    groups = [step for step in Plan(run.program).steps if isinstance(step, Group)]
    stored = [k for group in groups for k in group.members]
    assert sum(len(group.inner) for group in groups) > 0
    assert set(run.program.outputs) <= set(stored)
    assert not set(stored) & {k for group in groups for k in group.inner}


def test_long_loops_let_other_threads_run():
    f = compile(lambda x: np.sum(np.exp(np.sin(x)) * np.cos(x)))
    x = np.random.default_rng(5).normal(size=(200, 300))
    expected = [float(np.sum(np.exp(np.sin(x * n)) * np.cos(x * n))) for n in range(8)]
    f(x)
    barrier = threading.Barrier(4)

    def work(n):
        barrier.wait(60)
        return [f(x * m) for m in range(n, 8, 4) for _ in range(20)]

    with ThreadPoolExecutor(4) as pool:
        for n, found in enumerate(pool.map(work, range(4))):
            close(found, np.repeat(expected[n::4], 20).tolist(), 1e-11)
