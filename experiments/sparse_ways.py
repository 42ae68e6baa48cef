"""Ways to the nonzeros of one sparse matrix: of dualad's plan, and of what people do without one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

import dualad
from experiments.compiled_peers import precise_jax, quiet_casadi

Way = tuple[Callable[[], Any], Callable[[Any], Any]]
"""A call, and what reads the nonzeros from its result, row by row."""


@dataclass(frozen=True)
class Problem:
    """A function, a point, and the plan of the matrix there."""

    f: Any
    x: np.ndarray
    hessian: bool
    plan: dualad.Plan

    @property
    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the nonzeros."""
        where = self.plan.coloring.pattern.tocoo()
        return where.row, where.col

    @property
    def field(self) -> Any:
        """What the matrix is the Jacobian of."""
        return dualad.grad(self.f) if self.hessian else self.f


def planned(f: Any, x: np.ndarray, hessian: bool, partition: str) -> tuple[Problem, dict[str, float]]:
    """The problem with its plan, and the seconds that its parts took."""
    start = perf_counter()
    pattern = (dualad.hessian_sparsity if hessian else dualad.sparsity)(f, x)
    found = perf_counter()
    make = dualad.sparse_hessian if hessian else dualad.sparse_jacobian
    plan = make(f, x, pattern=pattern, partition=partition)
    return Problem(f, x, hessian, plan), {"pattern": found - start, "coloring": perf_counter() - found}


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


def differences(problem: Problem) -> Way:
    """2-point differences, grouped by columns that share no row, as SciPy's solvers do with `jac_sparsity`."""
    found = dualad.coloring(problem.plan.coloring.pattern, "column")
    field, x = problem.field, problem.x
    h = np.sqrt(np.finfo(float).eps)
    steps = [np.reshape(np.where(found.colors == c, h, 0.0), x.shape) for c in range(found.count)]

    def call() -> Any:
        y = field(x)
        moved = np.stack([np.ravel(field(x + step) - y) for step in steps])
        return found.matrix(found.values(moved / h))

    return call, lambda matrix: matrix.data


def jax_with_our_colors(problem: Problem) -> Way:
    """JAX's compiled pushforward of all seeds at once, which is what it has for sparse matrices."""
    jax = precise_jax()
    f = partial(problem.f, xp=jax.numpy)
    field = jax.grad(f) if problem.hessian else f
    coloring, x = problem.plan.coloring, problem.x
    seeds = np.reshape(coloring.seeds.T, (-1, *x.shape))
    sweep = jax.jit(jax.vmap(lambda x, v: jax.jvp(field, (x,), (v,))[1], in_axes=(None, 0)))

    def call() -> Any:
        return coloring.matrix(coloring.values(np.asarray(sweep(x, seeds))))

    return call, lambda matrix: matrix.data


def casadi_sparse(problem: Problem) -> Way:
    """CasADi's own pattern, colouring and code for its virtual machine, over one symbol for each element."""
    casadi = quiet_casadi()
    x = problem.x
    symbols = casadi.SX.sym("x", x.size)
    given = np.empty(x.size, dtype=object)
    given[:] = [symbols[i] for i in range(x.size)]
    y = casadi.vertcat(*np.ravel(problem.f(np.reshape(given, x.shape))))
    whole = casadi.jacobian(y, symbols)
    function = casadi.Function("f", [symbols], [whole])
    source, target = np.ravel(x).copy(), np.empty(whole.nnz())
    buffer, evaluate = function.buffer()
    buffer.set_arg(0, memoryview(source))
    buffer.set_res(0, memoryview(target))
    rows, columns = map(np.array, whole.sparsity().get_triplet())
    order = np.lexsort((columns, rows))

    def call(keep: Any = buffer) -> Any:  # the buffer must outlive the call
        source[:] = np.ravel(x)
        evaluate()
        return target.copy()

    return call, lambda values: values[order]
