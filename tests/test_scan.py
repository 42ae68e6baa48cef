"""`scan`: a loop by itself, one operation in compiled functions, with every derivative."""

import importlib.util
import math

import numpy as np
import pytest

import dualad
from dualad import (
    ArgumentError,
    ShapeError,
    TraceError,
    compile,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    scan,
    vjp,
)

X = np.array([1.5, 1.0, 3.0, 1.0])
XS = np.linspace(-1.0, 1.0, 7)


def close(found, expected, rtol=1e-12):
    np.testing.assert_allclose(found, expected, rtol, 1e-14)


def twice(compiled, *args):
    """The second call: the first one may run another way."""
    first = compiled(*args)
    close(compiled(*args), first)
    return first


def prey(p, length=40, h=0.05, **options):
    def step(state, _):
        u, v = state
        du, dv = p[0] * u - p[1] * u * v, p[3] * u * v - p[2] * v
        return (u + h * du, v + h * dv), u * v

    (u, v), products = scan(step, (1.0, 0.5), length=length, **options)
    return u + 2.0 * v + np.sum(products**2)


def network(p, reverse=False):
    """A recurrent one: a state that is an array, elements, a captured matrix, several results."""
    a, b = np.reshape(p, (2, 2)), np.array([0.3, -0.2])

    def step(h, x):
        new = np.tanh(a @ h + b * x["in"] + x["out"])
        return new, {"square": new @ new, "state": h}

    xs = {"in": XS, "out": np.outer(XS, b)}
    last, ys = scan(step, p[:2], xs, reverse=reverse)
    return np.sum(last) + np.sum(ys["square"] * XS) + np.sum(ys["state"] ** 2)


def nested(p):
    def outer(s, x):
        inner, ys = scan(lambda t, w: (t * w + p[1] * s, t), s, np.stack([x, p[0] * x, x * x]))
        return inner / 2.0, np.sum(ys)

    last, sums = scan(outer, p[2], XS)
    return last + np.sum(sums * sums)


FUNCTIONS = [prey, network, lambda p: network(p, reverse=True), nested]
IDS = ["prey", "network", "backwards", "nested"]


def test_it_is_the_loop_that_its_docstring_says():
    s, ys = 0.5, []
    for x in XS:
        s, y = s * x + 1.0, s - x
        ys.append(y)
    last, found = scan(lambda s, x: (s * x + 1.0, s - x), 0.5, XS)
    assert last == s and np.array_equal(found, ys)
    last, found = scan(lambda s, x: (s + x, s), 0.0, XS, reverse=True)
    assert np.array_equal(found, [sum(XS[:k:-1], 0.0) for k in range(7)])


@pytest.mark.parametrize("f", FUNCTIONS, ids=IDS)
def test_compiled_values_and_first_derivatives(f):
    close(twice(compile(f), X), f(X))
    expected = grad(f)(X)
    close(twice(compile(grad(f)), X), expected)
    for mode in ("forward", "reverse", "auto"):
        close(twice(compile(jacobian(f, mode=mode)), X), expected)
    close(compile(lambda x, v: jvp(f, (x,), (v,))[1])(X, X + 1), expected @ (X + 1))
    close(grad(compile(f))(X), expected)


@pytest.mark.parametrize("f", FUNCTIONS, ids=IDS)
@pytest.mark.parametrize(
    "mode", ["forward-over-reverse", "reverse-over-forward", "forward-over-forward", "reverse-over-reverse"]
)
def test_compiled_second_derivatives(f, mode):
    close(twice(compile(hessian(f, mode=mode)), X), hessian(f)(X), 1e-11)


def test_compiled_third_derivatives_and_products():
    close(compile(lambda x, v: hvp(prey, x, v))(X, X + 1), hvp(prey, X, X + 1), 1e-11)

    def third(x):
        return grad(lambda x: hvp(nested, x, X) @ X)(x)

    close(compile(third)(X), third(X), 1e-11)


def test_the_loop_stays_one():
    """The program of a gradient is two loops, however many steps there are."""
    programs = [compile(grad(lambda p, n=n: prey(p, n, 1 / n))).program(X) for n in (10, 1000)]
    assert len(programs[0]) == len(programs[1])
    for program in programs:
        assert [value.op.name for value in program if value.op].count("scan") == 2
    last = [
        compile(grad(lambda x, n=n: scan(lambda s, _: (np.sin(s) * x, None), x, length=n)[0]))
        for n in (10, 9999)
    ]
    lines = [g.llvm(0.9).count("\n") for g in last]
    assert abs(lines[1] - lines[0]) < 10


@pytest.mark.parametrize("n", [100, 30_000])
def test_long_results_are_arrays(n):
    """Beside a loop as an instruction, and between loops over its results."""

    def f(x):
        return np.sum(np.exp(-scan(lambda s, _: (s * 0.5 + x, s * x), x, length=n)[1]))

    close(twice(compile(grad(f)), 0.7), grad(f)(0.7))


def test_what_nothing_reads_is_left_out():
    """The gradient in forward mode needs no loop but its own, and a result that nobody reads no memory."""
    program = compile(jacobian(prey, mode="forward")).program(X)
    assert [value.op.name for value in program if value.op].count("scan") == 1
    program = compile(lambda p: scan(lambda s, x: ((s[0] * x, s[1] + s[0]), s[0]), (p, p), XS)[0][0]).program(
        2.0
    )
    (loop,) = [value for value in program if value.op and value.op.name == "scan"]
    assert (loop.kwargs["body"].states, len(loop.kwargs["body"].program.outputs)) == (1, 1)


@pytest.mark.parametrize("snapshots", [1, 3, 6, 40])
@pytest.mark.parametrize("reverse", [False, True])
def test_snapshots_give_the_same_numbers(snapshots, reverse):
    def f(p, **options):
        (u, v), ys = scan(
            lambda s, x: ((s[0] * p[0] * x, s[1] - s[0] * np.sin(p[1])), s[0] * s[1] * x),
            (p[2], p[3]),
            np.linspace(0.5, 0.7, 40),
            reverse=reverse,
            **options,
        )
        return u + v + np.sum(ys * np.arange(40))

    close(twice(compile(grad(lambda p: f(p, snapshots=snapshots))), X), grad(f)(X))
    close(compile(hessian(lambda p: f(p, snapshots=snapshots)))(X), hessian(f)(X), 1e-10)


def test_snapshots_save_memory():
    def f(x, snapshots):
        last, _ = scan(lambda s, _: (np.sin(s) * 1.01, None), x, length=400, snapshots=snapshots)
        return np.sum(last)

    def stored(snapshots):
        program = compile(grad(lambda x: f(x, snapshots))).program(X)
        return max(math.prod(value.shape) for value in program)

    assert stored(None) == 400 * 4
    assert stored(20) == 20 * 4


def test_states_widen_as_in_a_loop():
    def f(x):
        (count, total), ys = scan(lambda s, x: ((s[0] + 1, s[1] + s[0] * x), s[0]), (0, 0), x)
        return total * count, ys

    value, ys = f(XS)
    found, others = compile(f)(XS)
    assert found == value and np.array_equal(ys, others) and ys.dtype == others.dtype
    close(compile(grad(lambda x: f(x)[0]))(XS), grad(lambda x: f(x)[0])(XS))


def test_elements_and_first_states_are_differentiated():
    def f(s, xs):
        return scan(lambda s, x: (s * np.cos(x), s * x), s, xs)

    for derive in (lambda f: jacobian(f, (0, 1)), lambda f: jacobian(f, (0, 1), mode="forward")):
        expected, found = derive(f)(1.5, XS), compile(derive(f))(1.5, XS)
        for a, b in zip(expected, found, strict=True):
            for c, d in zip(a, b, strict=True):
                close(d, c)


def test_traced_arrays_of_numbers_are_states():
    def f(x):
        return np.sum(
            scan(lambda s, _: (np.array([s[1], -s[0] * 0.9]), None), np.array([x, 1.0]), length=5)[0]
        )

    close(compile(grad(f))(2.0), grad(f)(2.0))
    close(grad(f)(2.0), -(0.9**3))


def test_large_states_run_through_numpy():
    a = np.random.default_rng(3).normal(size=(70, 70)) / 10

    def f(x):
        last, sums = scan(lambda s, _: (np.tanh(a @ s) + x, np.sum(s)), x, length=3)
        return np.sum(last) + np.sum(sums**2)

    x = np.linspace(0, 1, 70)
    close(compile(f)(x), f(x))
    close(compile(grad(f))(x), grad(f)(x))


def test_no_steps():
    last, ys = scan(lambda s, x: (s + x, np.stack([s, x])), 2.0, np.zeros(0))
    assert last == 2.0 and ys.shape == (0, 2)
    assert grad(lambda s: scan(lambda s, x: (s + x, None), s, np.zeros(0))[0])(2.0) == 1.0


def test_a_structural_zero_stays_one():
    """The steps do not depend on p: its derivative is 0, and not NaN, though a partial is infinite."""

    def f(p):
        return scan(lambda s, x: (s + np.sqrt(x), None), p, np.array([0.0, 1.0]))[0]

    assert compile(grad(f))(2.0) == 1.0


def test_without_llvm(monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "llvmlite" else real(name, *a)
    )
    assert dualad.backend_info()["backend"] == "NumPy"
    for f in FUNCTIONS:
        close(twice(compile(grad(f)), X), grad(f)(X))


def test_threads_share_a_compiled_loop():
    from concurrent.futures import ThreadPoolExecutor

    g, points = compile(grad(prey)), [X + k / 10 for k in range(40)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(g, points))
    for x, row in zip(points, found, strict=True):
        close(row, grad(prey)(x))


def test_native_code_for_c_has_loops_too():
    g = compile(lambda x: scan(lambda s, _: (np.cos(s), None), x, length=200)[0])
    close(g.c_callable(0.3).ctypes(0.3), 0.7390851332151607)


# what is not right
@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: scan(lambda s, x: (s, x), 0.0), ArgumentError, "neither elements nor a number of steps"),
        (lambda: scan(lambda s, x: (s, x), 0.0, (XS, XS[1:])), ArgumentError, "same length"),
        (lambda: scan(lambda s, x: (s, x), 0.0, XS, length=3), ArgumentError, "same length"),
        (lambda: scan(lambda s, x: (s, x), 0.0, 3.0), ArgumentError, "first axis"),
        (lambda: scan(lambda s, x: s + x, 0.0, XS), ArgumentError, "no pair"),
        (lambda: scan(lambda s, x: ((s, x), x), 0.0, XS), ShapeError, "structure|tuple"),
        (lambda: scan(lambda s, x: (s * np.ones(3), x), 0.0, XS), ShapeError, r"\(3,\) of one of shape \(\)"),
        (lambda: scan(lambda s, x: (s, x), 0.0, XS, snapshots=8), ArgumentError, "8 snapshots"),
    ],
)
def test_wrong_calls_raise(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_a_step_that_branches_cannot_stay_a_loop():
    def f(x):
        return scan(lambda s, x: (s + x if s > 0 else s - x, None), x, XS)[0]

    assert np.isfinite(grad(f)(1.0))
    with pytest.raises(TraceError, match="looked at a traced value"):
        compile(grad(f))(1.0)


def test_a_step_may_change_its_state_in_place():
    def step(s, x):
        s[0] = s[1] * x
        return s, s[0] + 0.0

    first = np.array([1.0, 2.0])
    plain = scan(step, first, XS)
    assert np.array_equal(first, [1.0, 2.0])
    assert all(map(np.array_equal, compile(lambda xs: scan(step, first, xs))(XS), plain))

    def f(p):
        state = p[:2]
        last, ys = scan(step, state, XS)
        return last @ last + np.sum(ys) + np.sum(state)

    expected = np.array([1.0, 1.0 + 2.0 * X[1] * (1.0 + XS[-1] ** 2) + np.sum(XS)])
    close(grad(f)(X)[:2], expected)
    close(twice(compile(grad(f)), X)[:2], expected)


@pytest.mark.parametrize("derive", [grad, lambda f: jacobian(f, mode="forward")])
def test_a_step_that_changes_what_is_outside_cannot_stay_a_loop(derive):
    def f(p):
        buffer = np.zeros_like(p)

        def step(s, x):
            buffer[0] = s
            return s * x, s

        return scan(step, p[1], XS)[0] + buffer[0]

    with pytest.raises(dualad.AssignmentError):
        compile(derive(f))(X)


def test_elements_cannot_be_changed():
    def step(s, x):
        x[0] = s
        return s, x

    with pytest.raises(ValueError, match="read-only"):
        scan(step, 1.0, np.ones((3, 2)))


def test_compiled_functions_may_read_traced_values_from_outside():
    def f(p):
        return compile(lambda x: x * p + np.sin(p))(2.0)

    close(grad(f)(0.7), 2.0 + np.cos(0.7))
    close(compile(grad(f))(0.7), 2.0 + np.cos(0.7))
    y, pullback = vjp(f, 0.7)
    close((y, *pullback(1.0)), (1.4 + np.sin(0.7), 2.0 + np.cos(0.7)))


def test_counts_are_those_of_the_loop():
    assert dualad.count(lambda x: scan(lambda s, x: (s + x, None), 0.0, x)[0])(XS).operations == 7


def test_other_threads_run_while_a_long_loop_does():
    """The other thread comes forward in Python, although the loop never leaves native code."""
    import threading
    from concurrent.futures import ThreadPoolExecutor

    g = compile(lambda x: scan(lambda s, _: (np.cos(s + x), None), x, length=10**7)[0])
    short = compile(lambda x: scan(lambda s, _: (np.cos(s + x), None), x, length=10)[0])
    assert "PyEval" not in short.llvm(0.5) and g.llvm(0.5).count("thread") == 2
    expected, seen = g(0.5), 0
    with ThreadPoolExecutor(1) as pool:
        for _ in range(100):  # on a busy machine this thread may miss a call
            running = threading.Event()

            def work(running=running):
                running.set()
                return g(0.5)

            future = pool.submit(work)
            running.wait()
            while not future.done():
                seen += 1
            assert future.result() == expected
            if seen > 10:
                break
    assert seen > 10
