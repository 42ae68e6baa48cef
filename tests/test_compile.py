"""Compiled functions give what the functions themselves give: every op, every mode, random programs, any call."""

import gc
import importlib.util
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from cases import DERIVED, close, each, generator, random_like
from test_programs import VALUE_SHAPES, moved, pulled, pushed

import dualad
from dualad import ArgumentError, TraceError, compile, grad, hessian, hvp, jacobian, jvp, value_and_grad
from dualad.compile import KEPT, Interpreted
from dualad.tree import flatten

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


@pytest.mark.parametrize("mode", [pushed, pulled], ids=["forward", "reverse"])
@each(DERIVED, lambda case: case.name not in VALUE_SHAPES)
def test_every_op_in_every_mode(case, mode):
    f = mode(case)
    g = compile(f)
    rng = generator(case.id, "compiled")
    for leaves in (case.leaves, [moved(rng, x) for x in case.leaves]):
        expected, found = f(*leaves), g(*leaves)
        close(found, expected, 1e-13, 1e-13)
        for a, b in zip(flatten(found)[0], flatten(expected)[0], strict=True):
            assert np.asarray(a).dtype == np.asarray(b).dtype


def test_most_of_arithmetic_is_native():
    native = {
        case.name for case in DERIVED if case.name not in VALUE_SHAPES and _is_native(pushed(case), case)
    }
    assert len(native) > 100
    assert native >= {
        "np.sin",
        "np.tanh",
        "np.where",
        "np.matmul",
        "np.einsum",
        "np.maximum",
        "np.max",
        "np.sum",
        "np.prod",
    }


def _is_native(f, case):
    g = compile(f)
    try:
        g.llvm(*case.leaves)
    except ArgumentError:
        return False
    return True


# random programs
UNARY = [
    np.sin,
    np.exp,
    np.tanh,
    np.square,
    lambda x: np.sqrt(np.abs(x) + 1),
    lambda x: x[::-1],
    np.cumsum,
    lambda x: -x,
]
BINARY = [
    np.add,
    np.multiply,
    np.subtract,
    np.maximum,
    np.arctan2,
    lambda a, b: np.where(a > b, a, b * 2),
    np.hypot,
]


def program(seed):
    rng = np.random.default_rng(seed)
    steps = [(rng.random() < 0.5, rng.integers(0, 100), rng.integers(0, 100, 2)) for _ in range(15)]

    def f(x):
        values = [x, x * 0.5]
        for one, which, places in steps:
            a, b = (values[k % len(values)] for k in places)
            y = UNARY[which % len(UNARY)](a) if one else BINARY[which % len(BINARY)](a, b)
            values.append(np.tanh(y))  # so that nothing grows out of bounds
        return np.sum(values[-1] * values[-2])

    return f


@pytest.mark.parametrize("seed", range(30))
def test_random_programs(seed):
    f, rng = program(seed), np.random.default_rng(1000 + seed)
    for transform in (lambda f: f, grad, hessian):
        g, expected = compile(transform(f)), transform(f)
        for _ in range(3):
            x = rng.normal(size=4)
            close(g(x), expected(x), 1e-12, 1e-13)


# arguments and results
def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


X = np.array([0.3, -0.8, 1.4, 0.1])


@pytest.mark.parametrize("transform", [grad, jacobian, hessian, value_and_grad], ids=lambda t: t.__name__)
def test_transforms(transform):
    g = compile(transform(rosenbrock))
    for x in (X, X[::-1], X[:3], np.asfortranarray(X), X.astype(np.float32), X + 1):
        close(g(x), transform(rosenbrock)(x), 1e-5 if x.dtype == np.float32 else 1e-14)
        for a, b in zip(flatten(g(x))[0], flatten(transform(rosenbrock)(x))[0], strict=True):
            assert a.dtype == b.dtype


def test_products_and_directions():
    close(compile(lambda x, v: hvp(rosenbrock, x, v))(X, X + 1), hvp(rosenbrock, X, X + 1), 1e-14)
    close(compile(lambda x, v: jvp(np.sin, (x,), (v,)))(X, X + 1), jvp(np.sin, (X,), (X + 1,)), 1e-14)


def test_structures_keywords_and_statics():
    def f(p, n, *, scale=1.0, name="a"):
        y = p["w"] ** n * scale
        return {"y": y, name: [np.sum(y), p["b"]]}

    g = compile(f)
    p = {"w": X, "b": 2.0}
    for args, kwargs in (
        ((p, 2), {}), ((p, 3), {"scale": 0.5}), ((p, 2), {"name": "b"}), ((p, 2), {"scale": np.float64(2.0)}),
        (({"w": X[:2], "b": 1.0}, 2), {}),
    ):  # fmt: skip
        found, expected = g(*args, **kwargs), f(*args, **kwargs)
        assert found.keys() == expected.keys()
        close(found, expected, 1e-15)
        for a, b in zip(flatten(found)[0], flatten(expected)[0], strict=True):
            assert type(a) is type(b)


def test_numbers_are_of_the_same_kind():
    for x in (2.0, np.float64(2.0), np.float32(2.0), np.asarray(2.0), 1j):
        for f in (lambda x: x * x, lambda x: (x, x * 2.0)):
            found, expected = compile(f)(x), f(x)
            for a, b in zip(flatten(found)[0], flatten(expected)[0], strict=True):
                assert a == b
                assert type(a) is type(b)


def test_results_can_be_changed():
    g = compile(lambda x: (x, np.ones(2), x[:2], x.T))
    x = np.array([1.0, 2.0, 3.0])
    for part in g(x):
        part[:] = 7.0
    np.testing.assert_array_equal(x, [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(g(x)[1], [1.0, 1.0])


# branches
def test_another_branch_is_traced_again():
    traces = []

    def f(x):
        traces.append(1)
        return np.sum(x**2) if x[0] > 0 else np.sum(np.abs(x))

    g = compile(grad(f))
    for x in (X, -X, X * 2, -X * 3, X, -X):
        np.testing.assert_array_equal(g(x), 2 * x if x[0] > 0 else np.sign(x))
    assert len(traces) == 2


def test_loops_that_depend_on_values():
    def newton(a):
        x = a
        while np.abs(x * x - a) > 1e-12:
            x = 0.5 * (x + a / x)
        return x

    g = compile(grad(newton))
    for a in (2.0, 3.0, 50.0, 0.1, 2.0):
        assert g(a) == pytest.approx(0.5 / np.sqrt(a), rel=1e-10)


def test_the_cache_is_bounded():
    g = compile(lambda x, n: x * n)
    for n in range(3 * KEPT):
        assert g(2.0, n) == 2.0 * n
    assert sum(map(len, g._variants.values())) <= KEPT
    branches = compile(lambda x: [k for k in range(200) if x > k][-1] * x)
    for k in range(1, 100):
        assert branches(k + 0.5) == k * (k + 0.5)
    assert sum(map(len, branches._variants.values())) <= KEPT


def test_code_lives_as_long_as_it_may_be_called():
    g = compile(lambda x, n: x * n)
    assert g(3.0, 1) == 3.0
    fast, h = g._fast, compile(lambda x: x * 2.0)
    assert h(1.0) == 2.0
    kept = h._fast
    del h
    for n in range(2 * KEPT):
        g(2.0, n)
    gc.collect()
    assert kept(4.0) == 8.0
    assert fast(3.0, 1) == 3.0


# composition
def test_derivatives_of_compiled_functions():
    g = compile(rosenbrock)
    g(X)
    close(grad(g)(X), grad(rosenbrock)(X), 1e-15)
    close(hessian(g)(X), hessian(rosenbrock)(X), 1e-15)
    close(
        compile(grad(lambda x: g(x) * compile(np.sum)(x)))(X),
        grad(lambda x: rosenbrock(x) * np.sum(x))(X),
        1e-14,
    )


def test_it_is_named_like_the_function():
    g = compile(rosenbrock)
    assert g.__name__ == "rosenbrock"
    assert g.__wrapped__ is rosenbrock


# what cannot be compiled
@pytest.mark.parametrize("f", [lambda x: x[x > 0], np.unique, lambda x: "text", lambda x: float(x[0])])
def test_what_cannot_be_compiled_raises(f):
    with pytest.raises((TraceError, dualad.ConversionError), match="\n  instead: "):
        compile(f)(X)


def test_errors_of_the_function_are_its_own():
    with pytest.raises(ZeroDivisionError):
        compile(lambda x: x * (1 / 0))(X)


def test_native_code_can_be_read():
    g = compile(grad(rosenbrock))
    assert "fmul double" in g.llvm(X)
    assert "kernel" in g.assembly(X)
    assert "power by a number" in str(g.program(X))
    inverse = compile(np.linalg.inv)
    with pytest.raises(ArgumentError, match=r"no scalar form"):
        inverse.llvm(np.eye(2))


# threads
def test_many_threads():
    g = compile(grad(rosenbrock))
    rng = np.random.default_rng(0)
    points = [rng.normal(size=3 + k % 4) for k in range(200)]
    with ThreadPoolExecutor(8) as pool:
        for x, found in zip(points, pool.map(g, points), strict=True):
            np.testing.assert_allclose(found, grad(rosenbrock)(x), rtol=1e-14)


def test_threads_with_branches():
    g = compile(lambda x: x * 2.0 if x > 0 else x * 3.0)
    wrong = []

    def work(sign):
        wrong.extend(
            k for k in range(500) if g(sign * (k + 1.0)) != sign * (k + 1.0) * (2 if sign > 0 else 3)
        )

    threads = [threading.Thread(target=work, args=(sign,)) for sign in (1, -1) * 3]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


# long programs, and without llvmlite
def test_long_programs_are_cut_into_functions():
    def f(x):
        for _ in range(2000):
            x = np.sin(x) + x * 0.5
        return np.sum(x)

    g = compile(grad(f))
    close(g(X), grad(f)(X), 1e-12)
    assert g.llvm(X).count("define internal") > 5


@pytest.fixture
def no_llvm(monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *args: None if name == "llvmlite" else real(name, *args)
    )


def test_without_llvmlite(no_llvm):
    assert dualad.backend_info()["backend"] == "NumPy"
    g = compile(value_and_grad(rosenbrock))
    for x in (X, X + 1, X[:2]):
        close(g(x), value_and_grad(rosenbrock)(x), 1e-15)
    with pytest.raises(ArgumentError, match="llvmlite is not installed"):
        g.llvm(X)


@pytest.mark.parametrize("seed", range(10))
def test_random_programs_as_python(no_llvm, seed):
    f, rng = program(seed), np.random.default_rng(2000 + seed)
    for transform in (lambda f: f, grad, hessian):
        g, x = compile(transform(f)), rng.normal(size=4)
        close(g(x), transform(f)(x), 1e-12, 1e-13)


def test_python_code_leaves_limits_to_numpy(no_llvm):
    g = compile(lambda x: np.log(x) + 1 / x + np.sqrt(x) + np.exp(x) + (np.floor(x) if x < 2 else x))
    for x in (1.5, 0.0, -1.0, 1e3, np.inf, 3.0):
        np.testing.assert_array_equal(g(x), g.__wrapped__(np.float64(x)))
    assert isinstance(next(iter(g._variants.values()))[0].interpreter, Interpreted)


def test_random_arguments_of_mixed_kinds():
    rng = np.random.default_rng(3)
    g = compile(lambda a, b, s: (a @ b) * s + np.sum(a))
    for _ in range(5):
        a, b = rng.normal(size=(3, 2)), rng.normal(size=(2, 4))
        close(g(a, b, 0.5), (a @ b) * 0.5 + np.sum(a), 1e-14)
        close(g(a.T.copy().T, b, 0.5), (a @ b) * 0.5 + np.sum(a), 1e-14)
    assert random_like(rng, 1.0)
