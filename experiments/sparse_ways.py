"""Ways to the nonzeros of one sparse matrix by dualad: the plan's, and those without a plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

import dualad
from experiments.compiled_peers import blocks
from experiments.problems import bundle

Way = tuple[Callable[[], Any], Callable[[Any], Any]]
"""A call, and what reads the nonzeros from its result, row by row."""


@dataclass(frozen=True)
class Problem:
    """A function, a point, and the plan of the matrix there; `data` is what else the function knows."""

    f: Any
    x: np.ndarray
    hessian: bool
    plan: dualad.Plan
    data: tuple[np.ndarray, ...] = ()

    @property
    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the nonzeros."""
        where = self.plan.coloring.pattern.tocoo()
        return where.row, where.col

    @property
    def field(self) -> Any:
        """What the matrix is the Jacobian of."""
        return dualad.grad(self.f) if self.hessian else self.f


def planned(
    f: Any, x: np.ndarray, hessian: bool, partition: str = "auto", data: tuple[np.ndarray, ...] = ()
) -> tuple[Problem, dict[str, float]]:
    """The problem with its plan, and the seconds that its parts took."""
    start = perf_counter()
    pattern = (dualad.hessian_sparsity if hessian else dualad.sparsity)(f, x)
    found = perf_counter()
    make = dualad.sparse_hessian if hessian else dualad.sparse_jacobian
    plan = make(f, x, pattern=pattern, partition=partition)
    return Problem(f, x, hessian, plan, data), {"pattern": found - start, "coloring": perf_counter() - found}


def compiled(problem: Problem) -> Way:
    return partial(problem.plan.compile(), problem.x), lambda found: found.data


def eager(problem: Problem) -> Way:
    return partial(problem.plan, problem.x), lambda found: found.data


def by_substitution(problem: Problem) -> Way:
    plan = dualad.sparse_hessian(problem.f, problem.x, partition="acyclic").compile()
    return partial(plan, problem.x), lambda found: found.data


def dense(problem: Problem) -> Way:
    whole = dualad.hessian(problem.f) if problem.hessian else dualad.jacobian(problem.f)
    rows, columns = problem.places
    return partial(whole, problem.x), lambda found: found.reshape(problem.plan.shape)[rows, columns]


def set_up(problem: Problem) -> Callable[[], Any]:
    """Everything up to the first matrix: pattern, colours, compiling."""
    make = dualad.sparse_hessian if problem.hessian else dualad.sparse_jacobian
    partition = problem.plan.coloring.partition if problem.hessian else "auto"

    def call() -> Any:
        return make(problem.f, problem.x, partition=partition).compile()(problem.x)

    return call


def block_rows(problem: Problem, found: np.ndarray) -> np.ndarray:
    """The nonzeros from all observations' 2 × 15 blocks, (2, 15, N).

    A coordinate of where a point is seen does not depend on the principal point's other one.
    """
    whole = np.moveaxis(found, 1, 2)
    return np.concatenate([np.ravel(np.delete(whole[i], 8 - i, axis=-1)) for i in range(2)])


def compiled_blocks(problem: Problem) -> Way:
    """The same numbers without a plan, by who knows that every observation has 15 parameters of its own."""
    camera, point, seen = problem.data
    derived = blocks(bundle.residual)
    found = dualad.compile(lambda x: derived(bundle.spread(x, camera, point), seen))
    return partial(found, problem.x), partial(block_rows, problem)
