"""Jacobians whose chunks an executor's workers sweep: the numbers of the serial run, to the last bit."""

from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
import pytest

import dualad
from dualad import hessian, jacobian, value_and_jacobian

A = np.random.default_rng(3).standard_normal((11, 11))
SMALL = 3 * 11 * 8  # bytes: three directions a chunk, and two in the last


def field(x, scale=1.0):
    return np.tanh(A @ x) * scale + x[::-1]


def wide(x):
    return np.concatenate([np.sin(x), np.outer(x, x).ravel()])


def pair(p, shift):
    return {"a": p["u"] * np.sum(p["v"]), "b": [np.cumsum(p["v"] + shift), p["u"]]}


def analytic(z):
    return np.exp(z) * z


def modulus(z):
    return np.abs(np.fft.fft(z))


def chained(x, scale=1.0):
    return scale * np.sum((x[1:] - x[:-1] ** 2) ** 2) * np.exp(x[0])


def spectrum(x):
    return np.fft.fft(x)


def half(x):
    return np.concatenate([x[:5], np.zeros(6)])


def faulty(x):
    if x[0] > 0:
        raise ZeroDivisionError("of the user's own")
    return x * x


def uneven(x):
    return np.sqrt(x) ** 2


def told(x, how):
    return how(x)


class Counting(Executor):
    """Runs tasks at once, in this thread, and counts them."""

    def __init__(self):
        self.tasks = 0

    def submit(self, fn, /, *args, **kwargs):
        self.tasks += 1
        future = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@pytest.fixture(scope="module")
def processes():
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        yield pool


@pytest.fixture(scope="module")
def threads():
    with ThreadPoolExecutor(3) as pool:
        yield pool


@pytest.fixture(params=["processes", "threads"])
def executor(request):
    return request.getfixturevalue(request.param)


X = np.random.default_rng(4).uniform(0.2, 0.8, 11)
Z = X + 1j * X[::-1]


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
@pytest.mark.parametrize(
    "f", [field, wide, half, partial(field, scale=2.0)], ids=["field", "wide", "half", "partial"]
)
def test_real_functions(f, mode, executor):
    serial = value_and_jacobian(f, mode=mode, chunk_bytes=SMALL)(X)
    shared = value_and_jacobian(f, mode=mode, chunk_bytes=SMALL, executor=executor)(X)
    assert all(np.array_equal(a, b) for a, b in zip(serial, shared, strict=True))
    assert np.allclose(shared[1], jacobian(f, mode=mode)(X), rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize(
    ("f", "x", "holomorphic"), [(analytic, Z, True), (modulus, Z, False), (spectrum, X, False)]
)
def test_complex_functions(f, x, holomorphic, mode, executor):
    options = {"mode": mode, "chunk_bytes": SMALL, "holomorphic": holomorphic}
    assert np.array_equal(jacobian(f, **options)(x), jacobian(f, **options, executor=executor)(x))


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_containers_and_several_arguments(mode, executor):
    given = ({"u": 0.5, "v": X}, 2.0)
    options = {"argnums": (0, 1), "mode": mode, "chunk_bytes": 64}
    serial, shared = jacobian(pair, **options)(*given), jacobian(pair, **options, executor=executor)(*given)
    assert str(serial) == str(shared)
    assert np.array_equal(serial["b"][0][0]["v"], shared["b"][0][0]["v"])


@pytest.mark.parametrize("outer", ["forward", "reverse"])
@pytest.mark.parametrize("inner", ["forward", "reverse"])
def test_hessians(outer, inner, executor):
    options = {"mode": f"{outer}-over-{inner}", "chunk_bytes": SMALL}
    found = hessian(chained, **options, executor=executor)(X, scale=2.0)
    assert np.array_equal(found, hessian(chained, **options)(X, scale=2.0))
    np.testing.assert_allclose(found, hessian(chained)(X, scale=2.0), rtol=1e-12, atol=1e-12)


def test_hessians_take_the_mode_of_the_serial_one(executor):
    found = hessian(chained, chunk_bytes=SMALL, executor=executor)(X)
    assert np.array_equal(found, hessian(chained, chunk_bytes=SMALL)(X))


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_every_sweep_but_the_first_is_a_task(mode):
    executor = Counting()
    jacobian(field, mode=mode, chunk_bytes=SMALL, executor=executor)(X)
    assert executor.tasks == 3
    jacobian(field, mode=mode, executor=executor)(X)
    assert executor.tasks == 3


def test_dask(tmp_path):
    distributed = pytest.importorskip("distributed")
    bend = 0.5
    local = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "local_directory": tmp_path}
    with distributed.LocalCluster(**local) as cluster, distributed.Client(cluster) as client:
        shared = jacobian(
            lambda x: np.sin(bend * x) @ A, chunk_bytes=SMALL, executor=client.get_executor(pure=False)
        )(X)
    assert np.array_equal(shared, jacobian(lambda x: np.sin(bend * x) @ A, chunk_bytes=SMALL)(X))


def test_what_cannot_be_pickled_is_named(processes, threads):
    square = lambda x: x * x  # noqa: E731
    with pytest.raises(dualad.ArgumentError, match="lambda> cannot be sent to another process") as caught:
        jacobian(square, chunk_bytes=SMALL, executor=processes)(X)
    assert "instead: a function that a module defines" in str(caught.value)
    with pytest.raises(dualad.ArgumentError, match="an argument of told cannot be sent"):
        jacobian(told, chunk_bytes=SMALL, executor=processes)(X, how=square)
    assert np.array_equal(jacobian(square, chunk_bytes=SMALL, executor=threads)(X), np.diag(2 * X))


def test_errors_of_the_function_come_through(executor):
    with pytest.raises(ZeroDivisionError, match="of the user's own"):
        jacobian(faulty, chunk_bytes=SMALL, executor=executor)(X)


def test_debug_nans_holds_in_workers(executor):
    x = X.copy()
    x[-1] = 0.0
    with dualad.debug_nans(), pytest.raises(dualad.NonFiniteError, match=r"np\.sqrt"):
        jacobian(uneven, mode="forward", chunk_bytes=SMALL, executor=executor)(x)


@pytest.mark.parametrize(
    "around",
    [
        lambda J: dualad.grad(lambda x: np.sum(J(x)))(X),
        lambda J: dualad.jacobian(J, mode="forward")(X),
        lambda J: dualad.count(J)(X),
        lambda J: dualad.compile(J)(X),
    ],
    ids=["grad", "jacobian", "count", "compile"],
)
def test_traced_arguments_raise(around, threads):
    with pytest.raises(dualad.ArgumentError, match="met a traced value"):
        around(jacobian(wide, chunk_bytes=SMALL, executor=threads))


def test_traced_values_around_the_function_raise(threads):
    def outer(a):
        return np.sum(jacobian(lambda x: a * wide(x), chunk_bytes=SMALL, executor=threads)(X))

    with pytest.raises(dualad.ArgumentError, match="met a traced value"):
        dualad.grad(outer)(2.0)

    def curved(a):
        return np.sum(hessian(lambda x: a * chained(x), chunk_bytes=SMALL, executor=threads)(X))

    with pytest.raises(dualad.ArgumentError, match="met a traced value"):
        dualad.grad(curved)(2.0)


class Holder:
    a = 1.0


def test_traced_values_that_are_found_only_later_raise(threads):
    held = Holder()

    def outer(a):
        held.a = a
        return np.sum(jacobian(lambda x: held.a * wide(x), chunk_bytes=SMALL, executor=threads)(X))

    with pytest.raises(dualad.ArgumentError, match="met a traced value"):
        dualad.grad(outer)(2.0)
