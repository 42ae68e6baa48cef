"""Sparse Jacobians and Hessians: how plans are made."""

from __future__ import annotations

from typing import Any

import numpy as np

from .blocks import CHUNK_BYTES
from .coloring import ORDERS, PARTITIONS
from .compressed import size_of
from .derivative import F
from .errors import ArgumentError, ShapeError, error
from .pattern import hessian_pattern, jacobian_pattern
from .plan import Plan
from .planning import fixed_arguments, found_pattern, real_only
from .select import Argnums, Selected, named


def sparse_jacobian(
    f: F,
    *args: Any,
    argnums: Argnums = 0,
    pattern: Any = None,
    partition: str = "auto",
    order: str = "auto",
    chunk_bytes: int = CHUNK_BYTES,
    **kwargs: Any,
) -> Plan:
    """A plan for the sparse Jacobian of a function: pattern, colours and recovery are computed here, once.

    Columns that share no row can be moved together (Curtis, Powell and Reid 1974), so that the Jacobian takes as
    many directions as there are colours.

    f: function of real arrays, or nested containers of them, returning the same
    args, kwargs: its arguments at some point
    argnums: which of them the Jacobian is taken in, as for `jacobian`
    pattern: matrix of shape (size of the output, size of the input), nonzero wherever the Jacobian can be; found by
        `sparsity` if left out
    partition, order: as for `coloring`; 'auto' takes the fewest directions of 'column' (forward mode), 'row' (reverse
        mode) and, where the nonzeros are uneven, 'bidirectional'
    chunk_bytes: as for `jacobian`
    returns: a `Plan`: `plan(*args)` is a `scipy.sparse.csr_array` of shape (size of the output, size of the input)
    raises: ArgumentError without SciPy, and for 'symmetric' partitions of what is no Hessian; ShapeError if the
        pattern does not fit; DtypeError for complex arguments

    >>> f = lambda x: x[1:] * x[:-1] ** 2
    >>> plan = dualad.sparse_jacobian(f, np.ones(5))
    >>> plan
    <Plan of the Jacobian of <lambda>, 4 × 5 with 8 nonzeros: 2 directions by 'column'>
    >>> plan(np.arange(5.0)).toarray()
    array([[ 0.,  0.,  0.,  0.,  0.],
           [ 0.,  4.,  1.,  0.,  0.],
           [ 0.,  0., 12.,  4.,  0.],
           [ 0.,  0.,  0., 24.,  9.]])
    """
    return jacobian_plan(f, args, kwargs, argnums, pattern, partition, order, chunk_bytes)


def jacobian_plan(
    f: F,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    argnums: Argnums,
    pattern: Any = None,
    partition: str = "auto",
    order: str = "auto",
    chunk_bytes: int = CHUNK_BYTES,
    **limits: int,
) -> Plan:
    """`sparse_jacobian`, for a call whose keywords may have any names; `limits` are those of `sparsity`."""
    chosen = real_only(f, Selected(f, argnums, args, kwargs))
    found, branches = found_pattern(f, chosen, jacobian_pattern, pattern, **limits)
    n = size_of(chosen.leaves)
    if found.shape[1] != n:
        raise error(
            ShapeError,
            f"the pattern has {found.shape[1]} columns, and the argument of {named(f)} {n} elements",
            "a pattern of shape (size of the output, size of the input)",
        )
    known = ("auto", *PARTITIONS[:3])
    if partition not in known:
        raise error(ArgumentError, f"a Jacobian has no partition {partition!r}", f"one of {', '.join(known)}")
    return _plan(f, argnums, chosen, found, (partition, order, False, chunk_bytes, branches))


def _plan(
    f: F, argnums: Argnums, chosen: Selected, pattern: Any, how: tuple[str, str, bool, int, bool]
) -> Plan:
    partition, order, *_ = how
    if order not in ORDERS:
        raise error(ArgumentError, f"there is no order {order!r}", f"one of {', '.join(ORDERS)}")
    shapes, fixed = [np.shape(x) for x in chosen.leaves], fixed_arguments(chosen)
    plan = Plan(f, argnums, pattern, shapes, *how, fixed)
    if partition != "auto":
        plan.coloring  # noqa: B018  it may raise
    return plan


def sparse_hessian(
    f: F,
    *args: Any,
    argnums: Argnums = 0,
    pattern: Any = None,
    partition: str = "symmetric",
    order: str = "auto",
    chunk_bytes: int = CHUNK_BYTES,
    **kwargs: Any,
) -> Plan:
    """A plan for the sparse Hessian of a scalar function, by forward over reverse mode.

    f, args, kwargs, argnums, chunk_bytes, raises: as for `sparse_jacobian`; `f` returns a scalar
    pattern: symmetric, of shape (size of the input, size of the input); found by `hessian_sparsity` if left out
    partition, order: as for `coloring`: 'symmetric' reads every nonzero directly, 'acyclic' often needs fewer colours,
        but its errors of rounding add up along chains of nonzeros; 'column' makes no use of symmetry
    returns: a `Plan`: `plan(*args)` is a `scipy.sparse.csr_array`, symmetric unless the partition is 'column'

    >>> f = lambda x: np.sum(x[1:] * x[:-1] ** 2)
    >>> plan = dualad.sparse_hessian(f, np.ones(4))
    >>> plan
    <Plan of the Hessian of <lambda>, 4 × 4 with 9 nonzeros: 3 directions by 'symmetric'>
    >>> plan(np.arange(4.0)).toarray()
    array([[2., 0., 0., 0.],
           [0., 4., 2., 0.],
           [0., 2., 6., 4.],
           [0., 0., 4., 0.]])
    """
    return hessian_plan(f, args, kwargs, argnums, pattern, partition, order, chunk_bytes)


def hessian_plan(
    f: F,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    argnums: Argnums,
    pattern: Any = None,
    partition: str = "symmetric",
    order: str = "auto",
    chunk_bytes: int = CHUNK_BYTES,
    **limits: int,
) -> Plan:
    """`sparse_hessian`, for a call whose keywords may have any names; `limits` are those of `hessian_sparsity`."""
    chosen = real_only(f, Selected(f, argnums, args, kwargs))
    if partition not in ("symmetric", "acyclic", "column"):
        raise error(
            ArgumentError, f"a Hessian has no partition {partition!r}", "'symmetric', 'acyclic' or 'column'"
        )
    found, branches = found_pattern(f, chosen, hessian_pattern, pattern, **limits)
    n = size_of(chosen.leaves)
    if found.shape != (n, n):
        raise error(
            ShapeError,
            f"the pattern is of shape {found.shape}, and the argument of {named(f)} has {n} elements",
            f"a pattern of shape ({n}, {n})",
        )
    return _plan(f, argnums, chosen, found, (partition, order, True, chunk_bytes, branches))
