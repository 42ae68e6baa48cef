"""What `inplace` leaves alone: plain calls, NumPy, other threads, the user's own state; and what it refuses."""

import contextlib
import gc
import importlib
import inspect
import sys
import threading
import traceback
import warnings
import weakref
from concurrent.futures import ThreadPoolExecutor

import filling
import numpy as np
import numpy.testing as npt
import pytest
from filling import stacked
from numpy import zeros

from dualad import (
    ArgumentError,
    ConversionError,
    count,
    grad,
    inplace,
    jacobian,
    jvp,
    value_and_grad,
)

X = np.array([0.7, 1.3, 2.1])
FILLS = "import numpy as np\n\ndef fill(x):\n    y = np.zeros(2)\n    y[1] = x * 3.0\n    return y[1]\n"


def other_module(x):
    return np.concatenate([stacked(x), filling.stacked(x * x), filling.decorated(x).ravel()])


def test_names_are_looked_up_as_they_are(monkeypatch):
    def f(x):
        before = filling.SCALE
        filling.SCALE = 5.0  # reaches the module
        return filling.stacked(x)[0] * before

    monkeypatch.setattr(filling, "SCALE", 2.0)
    assert grad(inplace(f))(X)[0] == pytest.approx(2 * 5 * 2 * X[0])
    assert filling.SCALE == 5.0
    with pytest.raises(NameError, match="name 'missing' is not defined"):
        grad(inplace(lambda x: missing(x)))(1.0)  # noqa: F821
    assert "filling" in grad(inplace(lambda x: (x, (repr(filling), dir(filling)))), has_aux=True)(1.0)[1][0]


def test_variables_of_outer_functions_are_shared():
    n = 0

    @inplace
    def f(x):
        nonlocal n
        n += 1
        y = np.zeros(1)
        y[0] = x * n
        return y[0]

    assert [grad(f)(1.0), grad(f)(1.0), n] == [1.0, 2.0, 2]
    assert f.__wrapped__.__closure__[0].cell_contents == 2


def test_attributes_of_functions_are_shared():
    def f(x):
        f.calls += 1
        return x * f.calls

    f.calls = 0
    assert [grad(inplace(f))(1.0), grad(inplace(f))(1.0), f.calls] == [1.0, 2.0, 2]


def test_what_is_not_replaced_raises_the_usual_error():
    model, table = filling.Model(), {"f": stacked}
    assert np.sum(model.unmarked(X)) > 0
    for f in (lambda x: model.plain(x), lambda x: table["f"](x), lambda x: model.unmarked(x)):
        with pytest.raises(ConversionError, match=r"@dualad\.inplace"):
            grad(inplace(lambda x, f=f: np.sum(f(x))))(X)


def test_a_function_that_assigns_a_global_runs_as_it_is(monkeypatch):
    monkeypatch.setattr(filling, "calls", 0)
    f = inplace(lambda x: filling.counting(x) + filling.counting(x))
    assert grad(f)(1.0) == 3.0
    assert filling.calls == 2


def assigns(x):
    global assigned
    assigned = 1.0
    return x


def with_class(x):
    class Local:
        number = zeros

    return x


@pytest.mark.parametrize(
    ("f", "why"),
    [
        (assigns, "assigns the global assigned"),
        (with_class, "defines a class"),
        (lambda x: eval("x"), "calls eval"),
        (lambda x: [globals() for _ in x], "calls globals"),
        (np.sin, "needs a Python function"),
        (3.0, "needs a Python function"),
    ],
)
def test_refusals(f, why):
    with pytest.raises(ArgumentError, match=why) as caught:
        inplace(f)
    assert f"at {__file__}" in str(caught.value)


def test_a_nonlocal_function_that_is_assigned():
    step = stacked

    def change():
        nonlocal step
        step = np.sin

    with pytest.raises(ArgumentError, match="nonlocal"):
        grad(inplace(lambda x: np.sum(step(x)) + (change() or 0.0)))(X)
    assert step is stacked


def test_numpy_and_modules_are_as_they_were_in_other_threads():
    inside, done = threading.Event(), threading.Event()

    @inplace
    def f(x):
        y, seen = np.zeros(1), filling.maker()
        assert seen[0] is seen[1] is np.zeros
        inside.set()
        assert done.wait(60)
        y[0] = x
        return y[0]

    real = filling.maker()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(grad(f), 2.0)
        try:
            assert inside.wait(60)
            assert filling.maker() == real
            assert real[0] is real[1] is np.zeros is zeros
            assert type(np.zeros(3)) is type(stacked(X)) is np.ndarray
        finally:
            done.set()
        assert future.result(60) == 1.0


def test_many_threads_at_once():
    f = inplace(other_module)
    expected = jacobian(lambda x: np.concatenate([2 * x**2, 2 * x**4, np.ones(3), 4 * x**2]))
    points = [X + 0.01 * k for k in range(24)]
    barrier = threading.Barrier(8)

    def work(k):
        with contextlib.suppress(threading.BrokenBarrierError):
            barrier.wait(10)
        return [jacobian(f, mode=mode)(points[k]) for mode in ("forward", "reverse")], f(points[k])

    with ThreadPoolExecutor(8) as pool:
        for x, (found, value) in zip(points, pool.map(work, range(24)), strict=True):
            assert type(value) is np.ndarray
            for J in found:
                npt.assert_allclose(J, expected(x), rtol=1e-12)


def test_threads_inside():
    def f(x):
        with ThreadPoolExecutor(2) as pool:
            return sum(pool.map(lambda k: stacked(x * k)[0], range(3)))

    assert grad(inplace(f))(X)[0] == pytest.approx(2 * 2 * X[0] * 5)


def test_what_outlives_the_call_makes_plain_arrays():
    kept = []

    @inplace
    def f(x):
        kept[:] = [stacked, np, lambda n: np.zeros(n)]
        return x

    grad(f)(1.0)
    helper, numpy, make = kept
    assert type(helper(X)) is type(numpy.ones(3)) is type(make(3)) is np.ndarray
    assert np.array_equal(helper(X), stacked(X))

    @inplace
    def step_from(x):
        def step(n):
            y = np.zeros(n)
            y[0] = x
            return y[0]

        return step

    with pytest.raises(ConversionError):
        grad(lambda x: step_from(x)(3))(2.0)


def test_it_stays_outside_of_dualad():
    twice = inplace(grad(inplace(inplace(lambda x: stacked(x * x)[0]))))
    npt.assert_allclose(jacobian(twice)(X)[0], [24 * X[0] ** 2, 0, 0])


def test_generators():
    @inplace
    def states(x):
        y = np.zeros(2)
        for k in range(3):
            y[0] = y[0] * x + k
            yield stacked(y)[0]

    assert inspect.isgenerator(states(1.0))
    assert grad(lambda x: sum(states(x)))(2.0) == pytest.approx(2 * 0 + 2 * 2 * 4)


def test_tracebacks_show_the_users_lines():
    def f(x):
        y = np.zeros(2)
        y[5] = x  # out of bounds
        return y

    with pytest.raises(IndexError) as caught:
        jvp(inplace(f), (1.0,), (1.0,))
    lines = [frame.line for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert "y[5] = x  # out of bounds" in lines


def test_metadata():
    def f(x, *, n: int = 3):
        """Fill."""

    g = inplace(f)
    assert (g.__name__, g.__qualname__, g.__doc__, g.__module__) == (
        f.__name__, f.__qualname__, "Fill.", __name__,
    )  # fmt: skip
    assert inspect.signature(g) == inspect.signature(f)
    assert g.__wrapped__ is f

    def names(x):
        return x, (names.__name__, names.__qualname__, names.__module__, (lambda: 0).__module__)

    expected = names(1.0)[1]
    assert grad(inplace(names), has_aux=True)(1.0)[1] == expected


def test_it_is_counted():
    ledger = count(inplace(lambda x: np.sin(stacked(x))))(X)
    assert ledger.by_op["np.sin"] == 3


def test_value_and_traced_argument_stay_the_callers():
    x = X.copy()

    @inplace
    def f(x):
        x[0] = 3.0 * x[1]
        y = np.zeros(3)
        y[:] = x
        return np.sum(y * y)

    value, g = value_and_grad(f)(x)
    assert value == pytest.approx(10 * X[1] ** 2 + X[2] ** 2)
    npt.assert_allclose(g, [0, 20 * X[1], 2 * X[2]])
    npt.assert_array_equal(x, X)


@inplace
def decorated_recursion(x, n):
    y = np.zeros(2)
    y[0] = x if n == 0 else decorated_recursion(2.0 * x, n - 1)
    return y[0]


def test_a_decorated_function_that_calls_itself():
    assert grad(decorated_recursion)(1.0, 5) == 32.0


@pytest.mark.filterwarnings("default")
def test_warnings_are_shown_once_as_they_would_be():
    @inplace
    def f(x):
        y = np.zeros(1)
        y[0] = x
        warnings.warn("once", stacklevel=1)
        return y[0]

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            grad(f)(1.0)
    assert [str(w.message) for w in caught] == ["once"]
    assert caught[0].filename == __file__


@pytest.fixture
def modules(monkeypatch, tmp_path):
    """Write a module into a folder below tmp_path and import it; forgotten after the test."""

    def write(path, text):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)

    yield write
    for name in [name for name in sys.modules if name.split(".")[0] in ("mine", "theirs")]:
        del sys.modules[name]


def test_imports_relative_to_a_package(modules, tmp_path, monkeypatch):
    modules("mine/__init__.py", "")
    modules("mine/parts.py", FILLS)
    modules(
        "mine/whole.py",
        "def whole(x):\n    from . import parts\n    from .parts import fill\n    import mine.parts as same\n"
        "    return parts.fill(x) + fill(x) + same.fill(x)\n",
    )
    monkeypatch.syspath_prepend(tmp_path)
    whole = importlib.import_module("mine.whole").whole
    assert grad(inplace(whole))(1.0) == 9.0


def test_installed_packages_run_as_they_are(modules, tmp_path, monkeypatch):
    modules("site-packages/theirs.py", FILLS)
    monkeypatch.syspath_prepend(tmp_path / "site-packages")
    theirs = importlib.import_module("theirs")
    with pytest.raises(ConversionError):
        grad(inplace(lambda x: theirs.fill(x)))(1.0)
    marked = inplace(theirs.fill)
    assert grad(marked)(1.0) == grad(inplace(lambda x: marked(x)))(1.0) == 3.0


def test_nothing_waits_for_the_garbage_collector():
    def f(x):
        seen.append(weakref.ref(x))
        return np.sum(stacked(x) + fill(x))

    seen, fill = [], stacked
    gc.disable()
    try:
        grad(inplace(f))(X)
        assert seen[0]() is None
    finally:
        gc.enable()
