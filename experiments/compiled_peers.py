"""Compiled derivatives of dualad and of other libraries, each ready to be timed.

Every maker takes a function and the arguments, and returns a call without arguments: NumPy arrays go in and
come out. Nothing has run when a maker returns, so the first call is the rest of compiling.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

import dualad
from experiments import eager_peers
from experiments.problems import straight
from experiments.timing import Call

Maker = Callable[[Any, tuple[Any, ...]], Call]


@cache
def ready(package: str) -> None:
    """Import the library and let it compile something small: what only a first program pays is no part of a cell."""
    if package == "jax":
        jax = precise_jax()
        np.asarray(jax.jit(lambda x: x + 1.0)(np.ones(2)))
    elif package == "numba":
        import numba

        numba.njit(lambda x: x + 1.0)(1.0)
    elif package == "casadi":
        quiet_casadi()
    elif package == "torch":
        eager_peers.single_threaded_torch()
    else:
        dualad.compile(lambda x: x + 1.0)(1.0)


# dualad
def product(f: Any) -> Any:
    """Product of the Hessian in the first argument with a direction, which comes second."""
    return lambda x, v, *data: dualad.hvp(lambda x: f(x, *data), x, v)


def directions(f: Any) -> Any:
    """Pushforward of several directions, on the last axis, in one sweep."""

    def pushed(x: Any, v: Any) -> Any:
        return dualad.jacobian(lambda s: f(x + v @ s), mode="forward")(np.zeros(v.shape[-1]))

    return pushed


def forward(f: Any) -> Any:
    """Derivative along every direction in one sweep."""
    return dualad.jacobian(f, mode="forward")


def blocks(f: Any) -> Any:
    """Jacobians of all columns at once, (m, n, N), of a function from (n, N) to (m, N) whose columns are independent.

    The gradient of a row's sum over all columns has that row of every column's Jacobian.
    """

    def rows(q: Any, *data: Any) -> Any:
        gradient = dualad.grad(lambda q, i: np.sum(f(q, *data)[i]))
        return np.stack([gradient(q, i) for i in range(len(f(q, *data)))])

    return rows


def dualad_compiled(derive: Any, f: Any, args: tuple[Any, ...]) -> partial[Any]:
    return partial(dualad.compile(derive(f)), *args)


# JAX
def precise_jax() -> Any:
    """JAX on the processor in double precision; its threads are limited by the environment (see `__main__`).

    Asynchronous dispatch hands all but the smallest programs to another thread, and a caller that waits for
    the result pays up to 50 µs for that, many times what these programs take: without it JAX is faster here.
    """
    import jax

    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    return jax


def jax_product(jax: Any, f: Any) -> Any:
    return lambda x, v, *data: jax.jvp(jax.grad(lambda x: f(x, *data)), (x,), (v,))[1]


def jax_directions(jax: Any, f: Any) -> Any:
    def pushed(x: Any, v: Any) -> Any:
        return jax.vmap(lambda v: jax.jvp(f, (x,), (v,))[1], in_axes=-1, out_axes=-1)(v)

    return pushed


def jax_blocks(derive: str) -> Any:
    """The Jacobian of each column, by `jacfwd` or `jacrev`, for all columns, which stay the last axis."""

    def rows(jax: Any, f: Any) -> Any:
        return jax.vmap(getattr(jax, derive)(f), in_axes=-1, out_axes=-1)

    return rows


def jax_compiled(derive: Any, f: Any, args: tuple[Any, ...]) -> Call:
    jax = precise_jax()
    compiled = jax.jit(derive(jax, partial(f, xp=jax.numpy)))

    def call() -> Any:
        found = compiled(*args)
        if isinstance(found, list):
            return [np.asarray(part) for part in found]
        return np.asarray(found)  # waits for the result

    return call


# CasADi
def quiet_casadi() -> Any:
    import casadi

    # Our arrays hold one symbol in each element, which is CasADi's behaviour of old; -1 asks for it in silence.
    if hasattr(casadi.GlobalOptions, "setNumpyMode"):
        casadi.GlobalOptions.setNumpyMode(-1)
    return casadi


def casadi_compiled(derive: str, scalar: bool, f: Any, args: tuple[Any, ...]) -> Call:
    """A function of scalar symbols (SX), called through CasADi's buffers, the fastest way in from Python.

    derive: 'gradient', 'jacobian', or '' for the value; scalar: whether the function takes CasADi's own
    mathematics and elements one at a time, and not an array of symbols
    """
    casadi = quiet_casadi()
    (x,) = args
    symbols = casadi.SX.sym("x", np.size(x))
    elements = [symbols[i] for i in range(np.size(x))]
    given = np.empty(len(elements), dtype=object)
    given[:] = elements
    y = f((symbols if np.ndim(x) == 0 else elements) if scalar else given, xp=casadi if scalar else np)
    y = casadi.vertcat(*y) if isinstance(y, list | np.ndarray) else y
    y = getattr(casadi, derive)(y, symbols) if derive else y
    function = casadi.Function("f", [symbols], [casadi.densify(y)])
    source, target = np.empty(np.size(x)), np.empty(y.shape, order="F")
    buffer, evaluate = function.buffer()
    buffer.set_arg(0, memoryview(source))
    buffer.set_res(0, memoryview(target.ravel(order="K")))
    shape = (target.size,) if 1 in target.shape else target.shape

    def call(keep: Any = buffer) -> Any:  # the buffer must outlive the call
        source[:] = x
        evaluate()
        return target.reshape(shape, order="F").copy()

    return call


# Numba, torch, and code written by hand
def numba_kernel(kernel: Any, f: Any, args: tuple[Any, ...]) -> Call:
    import numba

    compiled = numba.njit(kernel)
    return lambda: compiled(*args)


def numba_straight(operations: int) -> Maker:
    """The chain's statements one after the other; the file is written and read outside what is timed."""

    @cache
    def line() -> Any:
        return straight.line(operations)

    def make(f: Any, args: tuple[Any, ...]) -> Call:
        return numba_kernel(line(), f, args)

    return make


def by_hand(kernel: Any, f: Any, args: tuple[Any, ...]) -> Call:
    return lambda: kernel(*args)


def torch_eager(derive: str, f: Any, args: tuple[Any, ...]) -> Call:
    """Torch without a compiler, which takes a C++ toolchain: the tensors share memory with the arrays."""
    torch = eager_peers.single_threaded_torch()
    f = partial(f, xp=torch)

    def tensors(value: Any) -> Any:
        return (
            [torch.from_numpy(part) for part in value] if isinstance(value, list) else torch.from_numpy(value)
        )

    x, *rest = map(tensors, args)

    def gradient() -> Any:
        leaves = [part.detach().requires_grad_() for part in x]
        return [part.numpy() for part in torch.autograd.grad(f(leaves, *rest), leaves)]

    def hessian_product() -> Any:
        v, *data = rest
        leaves = [part.detach().requires_grad_() for part in x]
        slopes = torch.autograd.grad(f(leaves, *data), leaves, create_graph=True)
        return [part.numpy() for part in torch.autograd.grad(slopes, leaves, v)]

    return gradient if derive == "gradient" else hessian_product
