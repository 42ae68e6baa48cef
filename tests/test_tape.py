"""The tape: deep ones reverse, dead ones are freed, each holds what it must, and an operation costs few calls."""

import contextlib
import gc
import sys
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

from dualad import grad, hessian, jacobian, jvp, linearize, value_and_grad, vjp
from dualad.op import OPS
from dualad.run import Recording
from dualad.tape import Tape


# depth
def test_a_million_operations_reverse():
    n = 500_000

    def f(x):
        y = x
        for _ in range(n):
            y = y * 0.999999 + x
        return y

    # y = x (rⁿ + (1 − rⁿ) / (1 − r)), and the factor is the derivative
    r = 0.999999
    value, g = value_and_grad(f)(2.0)
    exact = r**n + (1 - r**n) / (1 - r)
    assert abs(value / (2.0 * exact) - 1) < 1e-9
    assert abs(g / exact - 1) < 1e-9


@pytest.mark.parametrize(
    "run",
    [
        lambda f: grad(f)(0.5),
        lambda f: jvp(f, (0.5,), (1.0,))[1],
        lambda f: vjp(f, 0.5)[1](1.0)[0],
        lambda f: linearize(f, 0.5)[1](1.0),
        lambda f: jacobian(f, mode="reverse")(0.5),
        lambda f: jvp(grad(lambda x: f(x) * f(x)), (0.5,), (1.0,))[1] / 2,
        lambda f: grad(grad(lambda x: f(x) * f(x)))(0.5) / 2,
    ],
    ids=["grad", "jvp", "vjp", "linearize", "jacobian", "forward over reverse", "reverse over reverse"],
)
def test_no_recursion_over_depth(run):
    """20,000 operations deep in a thread whose stack holds a fraction of that."""

    def f(x):
        y = x
        for _ in range(10_000):
            y = 1.0 - (1.0 - y)
        return y

    found = []
    before = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=lambda: found.append(run(f)))
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert abs(found[0] - 1.0) < 1e-9


def test_a_deep_graph_that_shares_everything():
    """Doubled 60 times: 2⁶⁰ paths, one visit an operation."""

    def f(x):
        for _ in range(60):
            x = x + x
        return x

    assert grad(f)(1.0) == 2.0**60
    assert jvp(f, (1.0,), (1.0,))[1] == 2.0**60


# lifetime
@pytest.fixture
def no_collector():
    """Only reference counts free memory."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class Watch:
    """Weak references to the tape and to a large value of each run of `f`."""

    def __init__(self, fail=False):
        self.fail, self.alive = fail, []

    def f(self, x):
        y = np.exp(x) * 2.0
        z = np.sin(y)
        for v in (y, z):
            self.alive.append(weakref.ref(v.value))
        self.alive.append(weakref.ref(x.tape))
        if self.fail:
            raise ValueError("on purpose")
        return np.sum(z * y)

    def count(self):
        return sum(ref() is not None for ref in self.alive)


x0 = np.linspace(0.0, 1.0, 10_000)


def test_the_watch_sees_the_tape(no_collector):
    watch = Watch()
    x0_grad = grad(watch.f)(x0)
    assert len(watch.alive) == 3
    assert isinstance(x0_grad, np.ndarray)


@pytest.mark.parametrize("derive", [grad, value_and_grad, lambda f: jacobian(f, mode="reverse")])
def test_freed_when_the_derivative_returns(no_collector, derive):
    watch = Watch()
    result = derive(watch.f)(x0)
    assert watch.count() == 0
    assert result is not None


def test_freed_when_the_pullback_goes(no_collector):
    watch = Watch()
    _, pullback = vjp(watch.f, x0)
    pullback(1.0)
    assert watch.count() >= 2  # the values, kept for the next call
    del pullback
    assert watch.count() == 0


def test_freed_when_the_push_goes(no_collector):
    watch = Watch()
    _, push = linearize(watch.f, x0)
    push(x0)
    assert watch.count() >= 2
    del push
    assert watch.count() == 0


@pytest.mark.parametrize(
    "derive", [grad, lambda f: lambda x: vjp(f, x), lambda f: jacobian(f, mode="reverse")]
)
def test_freed_after_an_exception(no_collector, derive):
    watch = Watch(fail=True)
    with contextlib.suppress(ValueError):  # pytest.raises would keep the traceback, and it the frames
        derive(watch.f)(x0)
    assert len(watch.alive) == 3
    assert watch.count() == 0


def test_nested_tapes_are_freed(no_collector):
    watch = Watch()

    def f(t):
        return np.sum(grad(lambda x: np.sum(np.exp(x * t)))(x0)) + watch.f(x0 * t)

    grad(f)(0.5)
    assert watch.count() == 0


@pytest.mark.parametrize(
    "run",
    [
        lambda f: grad(f)(0.5),
        lambda f: jvp(f, (0.5,), (1.0,)),
        lambda f: vjp(f, 0.5)[1](1.0),
        lambda f: linearize(f, 0.5)[1](1.0),
        lambda f: jacobian(f, mode="forward")(0.5),
        lambda f: jacobian(f, mode="reverse")(0.5),
        lambda f: hessian(f)(0.5),
        lambda f: grad(lambda t: jvp(f, (t,), (t,))[1])(0.5),
    ],
)
def test_nothing_is_left_to_the_collector(no_collector, run):
    def f(t):
        return np.sum(np.linalg.norm(np.exp(t * x0[:3])) * np.linalg.inv(t * np.eye(2)))

    run(f)
    gc.collect()
    run(f)
    assert gc.collect() == 0


def test_a_kept_traced_value_keeps_no_more_than_itself(no_collector):
    kept, watch = [], Watch()

    def f(x):
        y = np.sum(x)
        kept.append(y)
        return watch.f(x) * y

    grad(f)(x0)
    assert sum(isinstance(ref(), np.ndarray) for ref in watch.alive) == 0


# memory
def watched_chain(monkeypatch, derive, length=30, size=10_000):
    """How many of a chain's values are alive at each step back, and what `derive` returns."""
    op, refs, alive = OPS[np.tanh], [], []
    rule = op.d0

    def spying(y, x):
        alive.append(sum(ref() is not None for ref in refs))
        return rule(y, x)

    monkeypatch.setattr(op, "d0", spying)

    def f(x):
        for _ in range(length):
            x = np.tanh(x)
            refs.append(weakref.ref(x.value))
        return np.sum(x)

    return derive(f)(np.linspace(0, 1, size)), alive


@pytest.mark.parametrize("derive", [grad, lambda f: jacobian(f, mode="reverse")], ids=["grad", "jacobian"])
def test_values_are_freed_as_the_sweep_passes(monkeypatch, no_collector, derive):
    _, alive = watched_chain(monkeypatch, derive)
    # Where the sweep stands at value k, the values up to k are needed; one or two more may linger.
    assert len(alive) == 30
    assert all(n <= 30 - k + 2 for k, n in enumerate(alive))


def test_values_stay_for_a_pullback(monkeypatch, no_collector):
    _, alive = watched_chain(monkeypatch, lambda f: lambda x: vjp(f, x)[1](1.0))
    assert alive == [30] * 30


@pytest.mark.parametrize("length", [10, 50])
def test_the_sweep_adds_a_few_arrays_to_what_the_tape_holds(length):
    def f(x):
        for _ in range(length):
            x = np.sin(x) * 1.5
        return np.sum(x)

    x = np.linspace(0, 1, 50_000)
    grad(f)(x)
    tracemalloc.start()
    grad(f)(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < (2 * length + 8) * x.nbytes


@pytest.mark.parametrize("mode", ["forward", "reverse", "auto"])
def test_directions_are_freed_as_a_batched_sweep_passes(mode):
    """A Jacobian needs a few arrays with all directions at once, however long the function."""

    def f(x):
        for _ in range(50):
            x = np.sin(x) * 1.5
        return x

    n = 300
    x = np.linspace(0, 1, n)
    derived = jacobian(f, mode=mode)
    derived(x)
    tracemalloc.start()
    derived(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * n * n * x.itemsize


# what is recorded
@pytest.mark.parametrize(
    ("f", "args", "entries"),
    [
        (lambda x: x, (2.0,), 1),
        (lambda x: 5.0, (2.0,), 1),
        (lambda x, y: x + y, (2.0, 3.0), 3),
        (lambda x, y: x * y + np.sin(x), (2.0, 3.0), 5),
        (lambda x: 3.0 * x + 1.0, (2.0,), 3),
        (lambda x: x**2, (2.0,), 2),
        (lambda x: -x, (2.0,), 2),
        (lambda x: x - x, (2.0,), 2),
        (lambda x: x if x > 1 else x * x, (2.0,), 1),
        (lambda x: np.floor(x) * 2.0, (2.0,), 1),
        (lambda x, y: (x + y) * (x + y), (2.0, 3.0), 5),
        (lambda x: np.sum(x * x), (np.ones(3),), 3),
        (lambda x: np.mean(x), (np.ones(3),), 3),
        (lambda x: x @ x, (np.ones((3, 3)),), 2),
        (lambda x: x.T, (np.ones((2, 3)),), 2),
        (lambda x: np.reshape(x, (3, 2)), (np.ones((2, 3)),), 2),
        (lambda x: np.exp(x) * np.zeros(3), (np.ones(3),), 3),
        (lambda x: x.shape[0] * 2.0, (np.ones(3),), 1),
    ],
)
def test_number_of_entries(f, args, entries):
    assert len(Recording(f, lambda g, xs: g(*xs), list(args)).entries) == entries


def test_a_closed_tape_holds_nothing():
    tapes = []

    def f(x):
        tapes.append(x.tape)
        return np.sin(x) * x

    grad(f)(1.0)
    (tape,) = tapes
    assert isinstance(tape, Tape)
    assert not isinstance(tape.entries, list)


# cost in calls, which no busy machine can change
def python_calls(run):
    """Number of Python functions called by `run()`."""
    found = 0

    def count(frame, event, arg):
        nonlocal found
        found += event == "call"

    before = sys.getprofile()
    gc.disable()  # callbacks of a collection are not the operation's
    sys.setprofile(count)
    try:
        run()
    finally:
        sys.setprofile(before)
        gc.enable()
    return found


def calls_per_operation(derive, step, x):
    """Python calls that one operation more costs, there and back, without the call of `step` itself."""

    def cost(n):
        def f(x):
            y = x
            for _ in range(n):
                y = step(x, y)
            return np.sum(y) if np.shape(y) else y

        run = lambda: derive(f, x)  # noqa: E731
        run()
        return python_calls(run)

    return (cost(30) - cost(10)) / 20 - 1


def reverse(f, x):
    return grad(f)(x)


def forward(f, x):
    return jvp(f, (x,), (1.0 + 0.0 * x,))


# Upper limits on Python calls an operation: forward and back in reverse mode, with tangent in forward mode.
BUDGET = {
    "x + y": (lambda x, y: x + y, {"reverse": 1, "forward": 3, "reverse array": 1, "forward array": 6}),
    "y + 1": (lambda x, y: y + 1.0, {"reverse": 1, "forward": 2, "reverse array": 1, "forward array": 2}),
    "x * y": (lambda x, y: x * y, {"reverse": 1, "forward": 3, "reverse array": 1, "forward array": 6}),
    "2 * y": (lambda x, y: 2.0 * y, {"reverse": 1, "forward": 2, "reverse array": 1, "forward array": 2}),
    "y - x": (lambda x, y: y - x, {"reverse": 1, "forward": 3, "reverse array": 1, "forward array": 6}),
    "y / x": (lambda x, y: y / x, {"reverse": 3, "forward": 7, "reverse array": 3, "forward array": 10}),
    "y ** 2": (lambda x, y: y**2, {"reverse": 2, "forward": 4, "reverse array": 2, "forward array": 4}),
    "-y": (lambda x, y: -y, {"reverse": 2, "forward": 2, "reverse array": 2, "forward array": 2}),
    "sin": (lambda x, y: np.sin(y), {"reverse": 2, "forward": 3, "reverse array": 2, "forward array": 3}),
}


@pytest.mark.parametrize("name", BUDGET)
@pytest.mark.parametrize("mode", ["reverse", "forward"])
@pytest.mark.parametrize("kind", ["", " array"], ids=["scalar", "array"])
def test_budget_of_calls(name, mode, kind):
    step, limits = BUDGET[name]
    x = np.full(10, 0.9) if kind else 0.9
    assert calls_per_operation({"reverse": reverse, "forward": forward}[mode], step, x) <= limits[mode + kind]
