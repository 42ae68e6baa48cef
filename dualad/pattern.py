"""Sparsity patterns of Jacobians and Hessians, found from a function's program rather than from its numbers."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .derivative import grad
from .errors import ArgumentError, TraceError, error
from .op import Tracer, example
from .select import named
from .simplify import simplified
from .symbol import ReadsTraced, traced
from .tree import Rebuild, inputs

# Entries that the pattern of any value on the way may hold: of about 20 bytes each while it is being computed
MOST = 2**26


def sparsity(f: Callable[..., Any], x: Any, at: str = "global", max_entries: int = MOST) -> Any:
    """Which outputs of a function depend on which inputs: the pattern of its Jacobian.

    The function is traced once, and sets of inputs go through its operations (dependence analysis; Griewank and
    Walther, Evaluating Derivatives, 2008, section 7.1). An operation that mixes its arguments is taken to mix all
    of them, so that the pattern may hold more than the Jacobian; it never holds less.

    f: function of an array of any shape, or of nested containers, returning the same
    x: its argument. Shapes and dtypes count; the values do only where `f` looks at them
    at: 'global': for every x that takes the same branches of Python's `if` on traced values as this one (both
        sides of np.where and np.maximum count). 'point': for this x, where partial derivatives that are 0 pass
        nothing on
    max_entries: how many entries the pattern of any value that `f` computes may hold
    returns: scipy.sparse.csr_array of bool, of shape (size of the output, size of `x`), containers flattened in
        order; indices are sorted
    raises: ArgumentError if a pattern has more than `max_entries` entries, or SciPy is missing; TraceError where
        shapes depend on values

    >>> sparsity(lambda x: x[1:] * x[:-1], np.ones(4)).toarray().astype(int)
    array([[1, 1, 0, 0],
           [0, 1, 1, 0],
           [0, 0, 1, 1]])
    >>> sparsity(lambda x: np.maximum(x, 0.0), np.array([-1.0, 2.0]), at="point").toarray().astype(int)
    array([[0, 0],
           [0, 1]])
    """
    return jacobian_pattern(f, x, at, max_entries)[0]


def hessian_sparsity(f: Callable[..., Any], x: Any, at: str = "global", max_entries: int = MOST) -> Any:
    """Which second derivatives of a scalar function can be other than 0: the pattern of its Hessian.

    It is the pattern of the gradient's Jacobian, found from the gradient's program: linear operations leave no trace
    there. What the reverse sweep makes of it may be less symmetric than the Hessian; the result is.

    f: function of an array of any shape, or of nested containers, returning a scalar
    x, at, max_entries: as for `sparsity`
    returns: scipy.sparse.csr_array of bool, symmetric, of shape (size of `x`, size of `x`)
    raises: as `sparsity`; NotScalarError if `f` does not return a scalar

    >>> hessian_sparsity(lambda x: np.sum(x[1:] * x[:-1]), np.ones(4)).toarray().astype(int)
    array([[0, 1, 0, 0],
           [1, 0, 1, 0],
           [0, 1, 0, 1],
           [0, 0, 1, 0]])
    >>> hessian_sparsity(np.sum, np.ones(4)).nnz
    0
    """
    return hessian_pattern(f, x, at, max_entries)[0]


def jacobian_pattern(
    f: Callable[..., Any], x: Any, at: str = "global", max_entries: int = MOST
) -> tuple[Any, bool]:
    """`sparsity`, and whether the pattern is that of some branches of Python's `if` only."""
    leaves, rebuild = _leaves(f, x, at)
    return _pattern(f, leaves, rebuild, at, max_entries)


def hessian_pattern(
    f: Callable[..., Any], x: Any, at: str = "global", max_entries: int = MOST
) -> tuple[Any, bool]:
    """`hessian_sparsity`, and whether the pattern is that of some branches of Python's `if` only."""
    leaves, rebuild = _leaves(f, x, at)
    found, branches = _pattern(grad(f), leaves, rebuild, at, max_entries)
    both = (found + found.T).tocsr()
    both.sort_indices()
    return both, branches


def _leaves(f: Callable[..., Any], x: Any, at: str) -> tuple[list[Any], Rebuild]:
    if at not in ("global", "point"):
        raise error(ArgumentError, f"a sparsity pattern holds at='global' or at='point', not at={at!r}")
    if importlib.util.find_spec("scipy") is None:
        raise error(ArgumentError, "sparsity patterns need SciPy", "pip install dualad[sparse]")
    leaves, rebuild = inputs(x, f"the argument of {named(f)}")
    if at == "point" and any(isinstance(v, Tracer) and v.symbolic for v in leaves):
        raise error(
            ArgumentError,
            "the sparsity at a point depends on values, which a compiled function has only when it runs",
            "at='global', or the pattern before the function is compiled",
        )
    return [example(v) for v in leaves], rebuild


def _pattern(
    f: Callable[..., Any], leaves: Sequence[Any], rebuild: Rebuild, at: str, most: int
) -> tuple[Any, bool]:
    from .patterns.interpret import Interpreter, Known
    from .patterns.sets import Algebra

    try:
        program = simplified(traced(lambda *xs: f(rebuild(xs)), leaves)[0])
    except TraceError as exception:
        exception.add_note(
            "  sparsity patterns are found in a function's program, as compiled functions have it"
        )
        raise
    except ReadsTraced:
        raise error(
            ArgumentError,
            f"{named(f)} reads a value that an enclosing derivative traces",
            "dualad.primal of it, taken outside of the function",
        ) from None
    shapes = [np.shape(leaf) for leaf in leaves]
    ends = np.cumsum([math.prod(shape) for shape in shapes], dtype=int).tolist()
    algebra = Algebra(ends[-1] if ends else 0, most)
    given = []
    for x, shape, start, end in zip(leaves, shapes, [0, *ends], ends):
        given.append(Known(shape, algebra.inputs(start, end - start)))
        if at == "point":
            given[-1].number = x
    found = Interpreter(algebra, at == "point").run(program, given)
    algebra.name = "stacking the results"
    whole = algebra.stacked([(known.sets, known.size) for known in found])
    whole.sort_indices()
    return whole, bool(program.guards)
