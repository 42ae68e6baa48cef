"""Diagonals of Hessians and their sums, with as few directions as the pattern allows."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from . import greedy
from .blocks import CHUNK_BYTES, dtype_of
from .compressed import compressed, size_of
from .csr import canonical, positions
from .derivative import F, grad
from .errors import ArgumentError, ShapeError, TraceError, error
from .op import Tracer
from .pattern import hessian_pattern
from .planning import found_pattern, real_only
from .select import Argnums, Selected, named
from .tree import flatten

# Up to so many elements, all directions cost less than to find a pattern
FEW = 32


def hessian_diagonal(f: F, argnums: Argnums = 0, pattern: Any = None, chunk_bytes: int = CHUNK_BYTES) -> F:
    """The diagonal of the Hessian of a scalar function, without the rest of it.

    Elements that share no nonzero of the Hessian can be moved together: the diagonal takes as many directions as
    the Hessian's graph takes colours, 2 for a chain or a grid, and as many as there are elements where the Hessian is
    full. The pattern is found at every call, unless it is given.

    f: function of real arrays, or nested containers of them, returning a scalar
    argnums, chunk_bytes: as for `hessian`
    pattern: the Hessian's, as of `hessian_sparsity`, where it is known
    returns: a function of the same arguments, returning second derivatives ∂²f/∂x² in the structure of the argument
    raises: NotScalarError if `f` does not return a scalar; DtypeError for complex arguments

    >>> hessian_diagonal(lambda x: np.sum(x**3 * np.roll(x, 1)))(np.array([1.0, 2.0, 3.0]))
    array([18., 12., 36.])
    """
    inner = grad(f, argnums)

    @functools.wraps(f)
    def derived(*args: Any, **kwargs: Any) -> Any:
        chosen = real_only(f, Selected(f, argnums, args, kwargs))
        n, leaves = size_of(chosen.leaves), chosen.leaves
        traced = any(isinstance(x, Tracer) for x in leaves)
        colors = _colors(f, chosen, n, pattern, traced)
        count = int(np.max(colors, initial=-1)) + 1
        step = max(1, count if traced else chunk_bytes // max(1, 8 * n))
        still = np.flatnonzero(colors < 0)
        places, found = [still], [np.zeros(len(still), np.result_type(float, *map(dtype_of, leaves)))]
        for start in range(0, count, step):
            at = np.flatnonzero((colors >= start) & (colors < start + step))
            moved = np.full(n, -1)
            moved[at] = colors[at] - start
            (part,) = compressed(inner, chosen, (n, n), moved, None, chunk_bytes)
            places.append(at)
            found.append(part[moved[at], at])
        whole = np.concatenate(found)[np.argsort(np.concatenate(places))]
        pieces, offset = [], 0
        for x in leaves:
            size = size_of([x])
            piece = np.reshape(whole[offset : offset + size], np.shape(x))
            pieces.append(float(piece) if type(x) is float else np.astype(piece, dtype_of(x))[()])
            offset += size
        return chosen.rebuild(pieces)

    return derived


def laplacian(f: F, argnums: Argnums = 0, pattern: Any = None, chunk_bytes: int = CHUNK_BYTES) -> F:
    """The Laplacian of a scalar function: the sum of its Hessian's diagonal, found as by `hessian_diagonal`.

    f, argnums, pattern, chunk_bytes, raises: as for `hessian_diagonal`
    returns: a function of the same arguments, returning a number

    >>> laplacian(lambda x: np.sum(x**3 * np.roll(x, 1)))(np.array([1.0, 2.0, 3.0]))
    np.float64(66.0)
    """
    diagonal = hessian_diagonal(f, argnums, pattern, chunk_bytes)

    @functools.wraps(f)
    def derived(*args: Any, **kwargs: Any) -> Any:
        leaves, _ = flatten(diagonal(*args, **kwargs))
        return sum(map(np.sum, leaves[1:]), np.sum(leaves[0]))

    return derived


def _colors(f: F, chosen: Selected, n: int, pattern: Any, traced: bool) -> np.ndarray:
    """The direction that moves each element: no other of the same direction may be a neighbour; -1 for none."""
    if pattern is None and (n <= FEW or traced):
        return np.arange(n)
    if pattern is None:
        try:
            whole, _ = found_pattern(f, chosen, hessian_pattern)
        except (ArgumentError, TraceError):  # SciPy is missing, or shapes depend on values
            return np.arange(n)
    else:
        whole = canonical(pattern)
    if whole.shape != (n, n):
        raise error(
            ShapeError,
            f"the pattern is of shape {whole.shape}, and the argument of {named(f)} has {n} elements",
            f"a pattern of shape ({n}, {n})",
        )
    i, j = positions(whole)
    curved = np.zeros(n, bool)
    curved[i[i == j]] = True
    between = curved[i] & curved[j] & (i != j)
    starts = np.cumsum(np.bincount(i[between], minlength=n))
    graph = [0, *starts.tolist()], j[between].tolist()
    return np.where(curved, greedy.proper(graph, range(n)), -1)
