"""Other libraries' ways to the nonzeros of one sparse matrix."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

import dualad
from dualad.csr import with_values
from experiments import eager_peers
from experiments.compiled_peers import precise_jax, quiet_casadi
from experiments.problems import bundle
from experiments.sparse_ways import Problem, Way, block_rows


def differences(problem: Problem) -> Way:
    """2-point differences, grouped by columns that share no row, with nothing but the least that they take."""
    found = dualad.coloring(problem.plan.coloring.pattern, "column")
    field, x = problem.field, problem.x
    h = np.sqrt(np.finfo(float).eps)
    steps = [np.reshape(np.where(found.colors == c, h, 0.0), x.shape) for c in range(found.count)]

    def call() -> Any:
        y = field(x)
        moved = np.stack([np.ravel(field(x + step) - y) for step in steps])
        return with_values(found.pattern, found.values(moved / h))

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
        return with_values(coloring.pattern, coloring.values(np.asarray(sweep(x, seeds))))

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


def scipy_differences(problem: Problem) -> Way:
    """SciPy's own, as its solvers call them with `jac_sparsity`; the groups are found before.

    They have no public name of their own, and SciPy's solvers take a vector.
    """
    from scipy.optimize._numdiff import approx_derivative

    found = dualad.coloring(problem.plan.coloring.pattern, "column")
    field, shape = problem.field, problem.x.shape
    sparsity = found.pattern.astype(float), found.colors

    def call() -> Any:
        return approx_derivative(
            lambda x: np.ravel(field(np.reshape(x, shape))),
            np.ravel(problem.x),
            method="2-point",
            sparsity=sparsity,
        )

    rows, columns = problem.places
    return call, lambda matrix: np.asarray(matrix.tocsr()[rows, columns]).ravel()


def torch_with_our_colors(problem: Problem) -> Way:
    """torch.func's pushforward of all seeds at once, and the same recovery as ours."""
    torch = eager_peers.single_threaded_torch()
    coloring, shape = problem.plan.coloring, problem.x.shape
    x = torch.from_numpy(problem.x)
    seeds = torch.from_numpy(np.ascontiguousarray(np.reshape(coloring.seeds.T, (-1, *shape))))
    f = partial(problem.f, xp=torch)
    field = torch.func.grad(f) if problem.hessian else f
    sweep = torch.func.vmap(lambda v: torch.func.jvp(field, (x,), (v,))[1])

    def call() -> Any:
        return with_values(coloring.pattern, coloring.values(sweep(seeds).numpy()))

    return call, lambda matrix: matrix.data


def of_vector(problem: Problem) -> Callable[[Any], Any]:
    """The function from a vector to a vector in JAX's NumPy: asdex makes matrices of such functions fastest."""
    numpy, shape = precise_jax().numpy, problem.x.shape

    def f(x: Any) -> Any:
        y = problem.f(numpy.reshape(x, shape), xp=numpy)
        return y if problem.hessian else numpy.ravel(y)

    return f


def asdex_made(problem: Problem) -> Callable[[], Any]:
    """Sparse derivatives of JAX as asdex's documentation has them: detected, coloured, in `jax.jit`."""
    import asdex

    jax, x = precise_jax(), np.ravel(problem.x)
    make = asdex.hessian if problem.hessian else asdex.jacobian
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tiny matrices are not worth colouring, says asdex
        compiled = jax.jit(make(of_vector(problem), x))

    def call() -> Any:
        found = compiled(x)
        return np.asarray(found.data), found  # waits for the numbers

    return call


def asdex_compiled(problem: Problem) -> Way:
    ready_asdex()
    call = asdex_made(problem)

    def read(found: Any) -> np.ndarray:
        data, matrix = found
        rows, columns = np.asarray(matrix.indices).T
        return data[np.lexsort((columns, rows))]

    return call, read


def asdex_set_up(problem: Problem) -> Callable[[], Any]:
    """Everything up to the first matrix."""
    ready_asdex()
    return lambda: asdex_made(problem)()


@cache
def ready_asdex() -> None:
    """What only a first use pays: asdex's colourings are compiled by Numba then."""
    x = np.linspace(0.0, 1.0, 12)
    for hessian in (False, True):
        f = total if hessian else neighbours
        problem = Problem(f, x, hessian, (dualad.sparse_hessian if hessian else dualad.sparse_jacobian)(f, x))
        asdex_made(problem)()


def neighbours(x: Any, xp: Any = np) -> Any:
    return x[1:] * x[:-1]


def total(x: Any, xp: Any = np) -> Any:
    return xp.sum(neighbours(x) ** 2)


def jax_blocks(problem: Problem) -> Way:
    """Each observation's 2 × 15 Jacobian by `jacrev`, for all observations by `vmap`, from the same vector."""
    jax, (camera, point, seen) = precise_jax(), problem.data
    derived = jax.vmap(jax.jacrev(partial(bundle.residual, xp=jax.numpy)), in_axes=-1, out_axes=-1)
    found = jax.jit(lambda x: derived(bundle.spread(x, camera, point, jax.numpy), seen))
    return lambda: np.asarray(found(problem.x)), partial(block_rows, problem)
