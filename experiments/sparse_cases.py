"""What `sparse` measures: each matrix, where it is taken, and which other ways to it there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from experiments import sparse_peers, sparse_ways
from experiments.problems import arrow, brusselator, bundle, rosenbrock
from experiments.sparse_ways import Problem, Way

COMPILED, EAGER = "compiled", "the plan, not compiled"


@dataclass(frozen=True)
class Peer:
    """Another way to the same nonzeros, the ratio to dualad's that is aimed at, how exact it is.

    against: which of dualad's ways the ratio is to
    """

    words: str
    make: Callable[[Problem], Way]
    target: float | None = None
    package: str = "numpy"
    tolerance: float = 1e-10
    against: str = COMPILED


@dataclass(frozen=True)
class Case:
    """What is differentiated and where; `size` is what `make` takes, for the function, the point and its data.

    set_up: whether everything up to the first matrix is timed, too
    """

    words: str
    make: Callable[[int, int], tuple[Any, np.ndarray, tuple[np.ndarray, ...]]]
    size: int
    peers: tuple[Peer, ...]
    limit: str = "largest"
    hessian: bool = False
    partition: str = "auto"
    set_up: bool = False


NOT_COMPILED = Peer(EAGER, sparse_ways.eager)
ACYCLIC = Peer("compiled, by substitution", sparse_ways.by_substitution)
DENSE = Peer("dense sweeps", sparse_ways.dense, 10.0)
DIFFERENCES = Peer("2-point differences, grouped", sparse_peers.differences, 1.0, tolerance=1e-4)
SCIPY = Peer("SciPy's 2-point differences", sparse_peers.scipy_differences, 3.0, "scipy", 1e-4, EAGER)
TORCH = Peer(
    "torch.func, with these colours", sparse_peers.torch_with_our_colors, 1.0, "torch", against=EAGER
)
JAX = Peer("JAX, with these colours", sparse_peers.jax_with_our_colors, 1.0, "jax")
CASADI = Peer("CasADi", sparse_peers.casadi_sparse, 1.0, "casadi", 1e-8)
BLOCKS = Peer("compiled, block by block", sparse_ways.compiled_blocks)
JACREV = partial(Peer, make=sparse_peers.jax_blocks, target=3.0, package="jax")
SET_UP = 2.0


def asdex(target: float) -> Peer:
    return Peer("asdex", sparse_peers.asdex_compiled, target, "asdex")


def of_brusselator(n: int, seed: int) -> tuple[Any, np.ndarray, tuple[np.ndarray, ...]]:
    return brusselator.rhs, brusselator.data(n, 1, seed)[0], ()


def of_rosenbrock(n: int, seed: int) -> tuple[Any, np.ndarray, tuple[np.ndarray, ...]]:
    return rosenbrock.array, rosenbrock.start(n, seed), ()


def of_arrow(n: int, seed: int) -> tuple[Any, np.ndarray, tuple[np.ndarray, ...]]:
    return arrow.field, arrow.point(n, seed), ()


def of_bundle(n: int, seed: int) -> tuple[Any, np.ndarray, tuple[np.ndarray, ...]]:
    x, camera, point, seen = bundle.parameters(n, seed)

    def residuals(x: Any, xp: Any = np) -> Any:
        return bundle.residual(bundle.spread(x, camera, point, xp), seen, xp)

    return residuals, x, (camera, point, seen)


def jacobian(size: int, *ways: Peer, set_up: bool = False) -> Case:
    return Case("Brusselator: Jacobian", of_brusselator, size, ways, "side", set_up=set_up)


def hessian(size: int, *ways: Peer, set_up: bool = False) -> Case:
    return Case(
        "Rosenbrock: Hessian",
        of_rosenbrock,
        size,
        ways,
        hessian=True,
        partition="symmetric",
        set_up=set_up,
    )


CASES = {
    "brusselator-16": jacobian(16, NOT_COMPILED, DENSE, DIFFERENCES, JAX, CASADI),
    "brusselator-64": jacobian(
        64, NOT_COMPILED, SCIPY, TORCH, asdex(2.5), DIFFERENCES, JAX, CASADI, set_up=True
    ),
    "brusselator-256": jacobian(256, NOT_COMPILED, SCIPY, TORCH, asdex(2.5), DIFFERENCES, JAX, set_up=True),
    "rosenbrock-1000": hessian(1000, NOT_COMPILED, ACYCLIC, DENSE, DIFFERENCES, JAX),
    "rosenbrock-100000": hessian(10**5, NOT_COMPILED, ACYCLIC, asdex(3.0), DIFFERENCES, JAX, set_up=True),
    "rosenbrock-1000000": hessian(10**6, NOT_COMPILED, ACYCLIC, DIFFERENCES, JAX),
    "bundle": Case(
        "bundle adjustment: Jacobian",
        of_bundle,
        31_843,
        (
            BLOCKS,
            JACREV("JAX, vmap of jacrev"),
            JACREV("JAX, vmap of jacrev (blocks)", against=BLOCKS.words),
        ),
    ),
    "arrow-1000": Case("arrow: Jacobian", of_arrow, 1000, (NOT_COMPILED, DENSE)),
    "arrow-100000": Case("arrow: Jacobian", of_arrow, 10**5, (NOT_COMPILED,)),
}

GROWTH = {
    "Brusselator: Jacobian": (of_brusselator, False, lambda n: round((n / 2) ** 0.5)),
    "Rosenbrock: Hessian": (of_rosenbrock, True, lambda n: n),
}
"""Whose pattern and colours are timed for more and more inputs; the size that so many make."""
