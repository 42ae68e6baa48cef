"""Derivatives of one NumPy source in every library, each ready to be timed.

A function is written over a namespace, `f(x, *data, xp=np)`, and each library is handed its own. Every maker takes
the kind of derivative, the function, the point and the data, and returns a call without arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import dualad
from experiments import compiled_peers, eager_peers
from experiments.timing import Call

GRADIENT, JACOBIAN, HESSIAN = "gradient", "Jacobian", "Hessian"
PLAIN, COMPILED = "dualad", "dualad, compiled"
OURS = {GRADIENT: dualad.grad, JACOBIAN: dualad.jacobian, HESSIAN: dualad.hessian}
Data = tuple[Any, ...]


def dualad_plain(kind: str, f: Any, x: Any, data: Data) -> Call:
    return partial(OURS[kind](f), x, *data)


def dualad_compiled(kind: str, f: Any, x: Any, data: Data) -> Call:
    return partial(dualad.compile(OURS[kind](f)), x, *data)


def autograd(kind: str, f: Any, x: Any, data: Data) -> Call:
    import autograd
    import autograd.numpy

    derive = {GRADIENT: autograd.grad, JACOBIAN: autograd.jacobian, HESSIAN: autograd.hessian}[kind]
    return partial(derive(lambda x: f(x, *data, xp=autograd.numpy)), x)


def jax(kind: str, f: Any, x: Any, data: Data, jit: bool) -> Call:
    jax = compiled_peers.precise_jax()
    # Forward mode where there are no more inputs than outputs, as dualad chooses it.
    derive = {GRADIENT: jax.grad, JACOBIAN: jax.jacfwd, HESSIAN: jax.hessian}[kind]
    derived = derive(partial(f, xp=jax.numpy))
    derived = jax.jit(derived) if jit else derived
    return lambda: jax.block_until_ready(derived(x, *data))


def torch(kind: str, f: Any, x: Any, data: Data) -> Call:
    torch = eager_peers.single_threaded_torch()
    given = [torch.tensor(part, dtype=torch.float64) for part in data]

    def function(x: Any) -> Any:
        return f(x, *given, xp=torch)

    if kind == GRADIENT:
        return eager_peers.torch_gradient(lambda x, xp: function(x), x)
    derive = {JACOBIAN: torch.func.jacfwd, HESSIAN: torch.func.hessian}[kind]
    return partial(derive(function), torch.tensor(x, dtype=torch.float64))


def casadi(kind: str, f: Any, x: Any, data: Data) -> Call:
    """A graph of scalars, built and differentiated once, evaluated by CasADi's virtual machine."""
    casadi = compiled_peers.quiet_casadi()
    n = np.size(x)
    symbols = casadi.SX.sym("x", n)
    if isinstance(x, list):
        y = f([symbols[i] for i in range(n)], *data)
    elif np.ndim(x) == 0:
        y = f(symbols, *data, xp=casadi)
    else:  # NumPy's own functions, on an array of symbols
        elements = np.empty(n, dtype=object)
        elements[:] = [symbols[i] for i in range(n)]
        y = f(elements, *data)
    y = casadi.vertcat(*y) if isinstance(y, np.ndarray) else y
    found = casadi.hessian(y, symbols)[0] if kind == HESSIAN else casadi.jacobian(y, symbols)
    function = casadi.Function("f", [symbols], [casadi.densify(found)])
    return lambda: np.asarray(function(x))


def xad(kind: str, f: Any, x: Any, data: Data) -> Call:
    return eager_peers.xad_gradient(lambda x, xp: f(x, *data, xp=xp), x)


def mygrad(kind: str, f: Any, x: Any, data: Data) -> Call:
    import mygrad

    def gradient() -> Any:
        leaves = [mygrad.tensor(v) for v in x] if isinstance(x, list) else mygrad.tensor(x)
        f(leaves, *data, xp=mygrad).backward()
        return [leaf.grad for leaf in leaves] if isinstance(x, list) else leaves.grad

    return gradient


def numdifftools(kind: str, f: Any, x: Any, data: Data) -> Call:
    import numdifftools

    derive = {GRADIENT: numdifftools.Gradient, JACOBIAN: numdifftools.Jacobian, HESSIAN: numdifftools.Hessian}
    derived = derive[kind](lambda x: f(x if len(x) > 1 else x[0], *data))
    return partial(derived, np.atleast_1d(x))


def scipy(kind: str, f: Any, x: Any, data: Data) -> Call:
    """Two-point differences, of the function or, for a Hessian, of SciPy's own gradients by such."""
    from scipy.optimize import approx_fprime

    def function(x: Any) -> Any:
        return f(x if len(x) > 1 else x[0], *data)

    if kind == HESSIAN:
        # A step at which the errors of both differences, of 2⁻⁵³ / h² and of h, are alike.
        slopes = partial(approx_fprime, f=function, epsilon=1e-4)
        return lambda: approx_fprime(x, slopes, 1e-4)
    return lambda: approx_fprime(np.atleast_1d(x), function)


@dataclass(frozen=True)
class Library:
    """A contestant: how it makes derivatives, which of dualad's ways is its like, and how exact it is."""

    package: str
    words: str
    make: Callable[..., Call]
    beside: str
    tolerance: float = 1e-10
    kinds: tuple[str, ...] = (GRADIENT, JACOBIAN, HESSIAN)


LIBRARIES = {
    "autograd": Library("autograd", "autograd", autograd, PLAIN),
    "jax": Library("jax", "JAX", partial(jax, jit=False), PLAIN),
    "jax-jit": Library("jax", "JAX, jit", partial(jax, jit=True), COMPILED),
    "torch": Library("torch", "torch (eager)", torch, PLAIN),
    "casadi": Library("casadi", "CasADi", casadi, COMPILED),
    "xad": Library("xad", "XAD", xad, PLAIN, kinds=(GRADIENT,)),
    "mygrad": Library("mygrad", "MyGrad", mygrad, PLAIN, kinds=(GRADIENT,)),
    "numdifftools": Library("numdifftools", "numdifftools", numdifftools, PLAIN, 1e-6),
    "scipy": Library("scipy", "SciPy, 2-point", scipy, PLAIN, 1e-3),
}
