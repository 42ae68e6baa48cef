"""What `compiled` measures: each derivative, where it is taken, and which peers it meets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import dualad
from experiments import compiled_peers as made
from experiments.compiled_peers import Maker
from experiments.problems import (
    arm,
    brusselator,
    bundle,
    chains,
    classifier,
    gmm,
    kernels,
    logistic,
    lorenz96,
    lotka_volterra,
    lstm,
    rosenbrock,
)


@dataclass(frozen=True)
class Peer:
    """A contestant: how it is built, and the ratio to dualad that is aimed at.

    function: the same function in another form, where the library has one that suits it better
    slow: takes too long for a quick run
    """

    package: str
    make: Maker
    words: str
    target: float | None = 1.0
    function: Callable[..., Any] | None = None
    slow: bool = False


@dataclass(frozen=True)
class Case:
    """A derivative: `derive` makes it from `function`, `point` gives the arguments for a size and a seed.

    peers: of a size, as some are written for one; alone: compiling is what is timed, not calling
    compile_within: seconds that the first call may take, a target of its own
    """

    words: str
    function: Callable[..., Any]
    point: Callable[[int, int], tuple[Any, ...]]
    size: int
    peers: tuple[Peer, ...]
    derive: Callable[[Any], Any] = dualad.grad
    alone: bool = False
    compile_within: float | None = None


def loop(x: Any, xp: Any = np) -> Any:
    return rosenbrock.loop(x)  # only arithmetic, so no namespace is needed


def loop_of_elements(x: Any, xp: Any = np) -> Any:
    """The loop as JAX has it best: reading an element costs its gradient a pass over the array, so once each."""
    return rosenbrock.loop([x[i] for i in range(len(x))])


def lotka_volterra_final(p: Any, xp: Any = np) -> Any:
    return lotka_volterra.final(p)


def lotka_volterra_rolled(p: Any, xp: Any = np) -> Any:
    return lotka_volterra.final_scanned(p, dualad.scan)


def lotka_volterra_by_jax(p: Any, xp: Any) -> Any:
    from jax import lax

    return lotka_volterra.final_scanned(p, lax.scan)


def bent(x: Any, xp: Any = np) -> Any:
    return xp.sum(xp.exp(xp.sin(x)) * xp.tanh(x))


def pose(q: Any, xp: Any = np) -> Any:
    return arm.pose(q, xp)


def uniform(n: int, seed: int) -> tuple[Any, ...]:
    return (np.random.default_rng(seed).uniform(0.1, 0.9, n),)


def classifier_with_direction(n: int, seed: int) -> tuple[Any, ...]:
    layers, *data = classifier.data(n, seed)
    return (layers, classifier.direction(seed), *data)


def of_start(n: int, seed: int) -> tuple[Any, ...]:
    return (rosenbrock.start(n, seed),)


def of_state(n: int, seed: int) -> tuple[Any, ...]:
    return (lorenz96.state(n, seed),)


def value(f: Any) -> Any:
    return f


def jax(derive: Any, words: str = "JAX", **options: Any) -> Peer:
    return Peer("jax", partial(made.jax_compiled, derive), words, **options)


def casadi(derive: str, scalar: bool, **options: Any) -> Peer:
    return Peer("casadi", partial(made.casadi_compiled, derive, scalar), "CasADi", **options)


def jax_gradient(jax: Any, f: Any) -> Any:
    return jax.grad(f)


def jax_forward(jax: Any, f: Any) -> Any:
    return jax.jacfwd(f)


def jax_reverse(jax: Any, f: Any) -> Any:
    return jax.jacrev(f)


def jax_hessian(jax: Any, f: Any) -> Any:
    return jax.hessian(f)


def both_jacobians(target: float) -> tuple[Peer, ...]:
    return (
        jax(jax_forward, "JAX, jacfwd", target=target),
        jax(jax_reverse, "JAX, jacrev", target=target),
    )


def straight_line(operations: int) -> Case:
    numba = Peer(
        "numba",
        made.numba_straight(operations),
        "Numba",
        target=20.0 if operations in (1_000, 10_000) else None,
        slow=operations > 1_000,
    )
    peers: tuple[Peer, ...] = (casadi("", True, target=None),)
    return Case(
        f"compile {operations:,} scalar operations",
        partial(chains.chain, operations=operations),
        lambda n, seed: (0.7,),
        operations,
        (numba, *peers) if operations <= 10_000 else peers,
        derive=value,
        alone=True,
    )


def mixture(d: int, k: int) -> Case:
    return Case(
        f"mixture of {k} Gaussians in {d}-D: gradient",
        gmm.objective,
        lambda n, seed: gmm.data(n, d, k, seed),
        1_000,
        (jax(jax_gradient),),
    )


CASES = {
    "rosenbrock-10": Case(
        "Rosenbrock loop, n = 10: gradient",
        loop,
        of_start,
        10,
        (jax(jax_gradient, target=6.0, function=loop_of_elements), casadi("gradient", True, target=None)),
    ),
    "rosenbrock-100": Case(
        "Rosenbrock loop, n = 100: gradient",
        loop,
        of_start,
        100,
        (jax(jax_gradient, target=6.0, function=loop_of_elements), casadi("gradient", True, target=None)),
    ),
    "arm": Case(
        "robot arm, 7 → 6: Jacobian",
        arm.hand,
        uniform,
        7,
        (
            *both_jacobians(8.0),
            Peer("casadi", partial(made.casadi_compiled, "jacobian", True), "CasADi", None, pose),
        ),
        derive=dualad.jacobian,
    ),
    "lorenz96-40": Case(
        "Lorenz-96, n = 40: Jacobian",
        lorenz96.rhs,
        of_state,
        40,
        both_jacobians(5.0),
        derive=dualad.jacobian,
    ),
    "lorenz96-400": Case(
        "Lorenz-96, n = 400: Jacobian",
        lorenz96.rhs,
        of_state,
        400,
        both_jacobians(5.0),
        derive=dualad.jacobian,
    ),
    "rosenbrock-hessian": Case(
        "Rosenbrock, n = 100: Hessian",
        rosenbrock.array,
        of_start,
        100,
        (jax(jax_hessian, target=8.0),),
        derive=dualad.hessian,
    ),
    "lorenz96-flow": Case(
        "Lorenz-96, n = 40, 10 RK4 steps: Jacobian",
        lorenz96.flow,
        of_state,
        40,
        (casadi("jacobian", False), jax(jax_forward, target=10.0, slow=True)),
        derive=dualad.jacobian,
        compile_within=3.0,
    ),
    "lotka-volterra": Case(
        "Lotka–Volterra, 200 RK4 steps: gradient",
        lotka_volterra_final,
        lambda n, seed: (np.array(lotka_volterra.PARAMETERS),),
        4,
        (
            casadi("gradient", True),
            jax(jax_forward, "JAX, scan", function=lotka_volterra_by_jax),
        ),
    ),
    "lotka-volterra-scan": Case(
        "Lotka–Volterra, scan of 200 RK4 steps: gradient",
        lotka_volterra_rolled,
        lambda n, seed: (np.array(lotka_volterra.PARAMETERS),),
        4,
        (jax(jax_forward, "JAX, scan", function=lotka_volterra_by_jax),),
        derive=made.forward,
    ),
    "lstm": Case(
        "LSTM, 2 layers, 1,024 characters: gradient",
        lstm.loss,
        lstm.data,
        1_024,
        (jax(jax_gradient, "JAX, scan", function=lstm.loss_by_jax),),
    ),
    "bundle": Case(
        "bundle adjustment, 31,843 observations: Jacobian",
        bundle.residual,
        bundle.data,
        31_843,
        (
            jax(made.jax_blocks("jacfwd"), "JAX, jacfwd", target=3.0),
            jax(made.jax_blocks("jacrev"), "JAX, jacrev", target=3.0),
        ),
        derive=made.blocks,
    ),
    **{f"compile-{n}": straight_line(n) for n in (100, 1_000, 10_000, 100_000)},
    "rosenbrock-1000000": Case(
        "Rosenbrock, n = 10⁶: gradient",
        rosenbrock.array,
        of_start,
        1_000_000,
        (
            jax(jax_gradient, target=1.3),
            Peer("numba", partial(made.numba_kernel, kernels.rosenbrock_gradient), "Numba, by hand", 1 / 1.2),
        ),
    ),
    "bent-1000000": Case(
        "Σ exp(sin x) tanh x, n = 10⁶: gradient",
        bent,
        uniform,
        1_000_000,
        (jax(jax_gradient, target=1.5),),
    ),
    "logistic": Case(
        "logistic loss, 100,000 × 20: gradient",
        logistic.loss,
        lambda n, seed: logistic.drawn(n, 20, seed),
        100_000,
        (
            jax(jax_gradient, target=2.0),
            Peer("numpy", partial(made.by_hand, kernels.logistic_gradient), "NumPy, by hand", 1 / 1.3),
        ),
    ),
    "classifier": Case(
        "784-256-128-10 network: gradient",
        classifier.loss,
        classifier.data,
        128,
        (jax(jax_gradient), Peer("torch", partial(made.torch_eager, "gradient"), "torch (eager)")),
    ),
    "classifier-product": Case(
        "784-256-128-10 network: Hessian × v",
        classifier.loss,
        classifier_with_direction,
        128,
        (jax(made.jax_product), Peer("torch", partial(made.torch_eager, "product"), "torch (eager)")),
        derive=made.product,
    ),
    "gmm": mixture(10, 25),
    "gmm-32": mixture(32, 50),
    "brusselator": Case(
        "Brusselator, 256²: 11 directions",
        brusselator.rhs,
        lambda n, seed: brusselator.data(n, 11, seed),
        256,
        (jax(made.jax_directions, target=1.5),),
        derive=made.directions,
    ),
}
