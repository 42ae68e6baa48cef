"""Dependence sets of products: einsum and its kin, of which one operand's zeros leave out parts of another."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .sets import Algebra, Sets, ones, places, spread

# A product with an operand that has zeros is looked at term by term, if it has no more terms than these.
TERMS = 2**23


def contracted(
    algebra: Algebra,
    args: list[Any],
    moving: list[int],
    terms: list[str],
    output: str,
    shape: tuple[int, ...],
) -> Sets:
    """The sets of an einsum: of each operand, what is multiplied with numbers that may be other than 0."""
    found = None
    for i in moving:
        mask, letters = _others(args, i, terms, output)
        found = algebra.union(found, _of_operand(algebra, args[i], terms[i], output, shape, mask, letters))
    return found


def _others(args: list[Any], i: int, terms: list[str], output: str) -> tuple[Any, str]:
    """Where the product of all operands but one may be other than 0, and the letters of its axes; None: everywhere."""
    rest = [(a, term) for k, (a, term) in enumerate(zip(args, terms, strict=True)) if k != i]
    if all(a.nonzero is None for a, _ in rest):
        return None, ""
    sizes = {c: n for a, term in rest for c, n in zip(term, a.shape, strict=True)}
    letters = "".join(c for c in sizes if c in output or c in terms[i])
    if len(rest) == 1 and rest[0][1] == letters:
        return rest[0][0].nonzero, letters
    if math.prod(sizes[c] for c in letters) > TERMS:
        return None, ""
    return product_of([a for a, _ in rest], [term for _, term in rest], letters) > 0, letters


def product_of(args: list[Any], terms: list[str], output: str) -> Any:
    """An einsum of ones and zeros: ones where a value may be other than 0."""
    masks = [np.ones(a.shape) if a.nonzero is None else a.nonzero.astype(float) for a in args]
    return np.einsum(",".join(terms) + "->" + output, *masks, optimize=len(args) > 2)


def _of_operand(
    algebra: Algebra, x: Any, term: str, output: str, shape: tuple[int, ...], mask: Any, letters: str
) -> Sets:
    distinct = "".join(dict.fromkeys(term))
    positions = np.einsum(f"{term}->{distinct}", places(x.shape))  # of a repeated letter, the diagonal
    sizes = dict(zip(output, shape, strict=True)) | dict(zip(distinct, positions.shape, strict=True))
    if mask is not None:
        free = [c for c in distinct if c not in letters]
        free_sizes = [sizes[c] for c in free]
        if np.count_nonzero(mask) * math.prod(free_sizes) <= TERMS:
            at = dict(zip(letters, (k[:, None] for k in np.nonzero(mask)), strict=True))
            grid = np.indices(free_sizes).reshape(len(free), math.prod(free_sizes))
            at |= dict(zip(free, grid, strict=True))
            columns = positions[tuple(at[c] for c in distinct)]
            rows = places(shape)[tuple(at[c] for c in output)]
            rows, columns = (a.ravel() for a in np.broadcast_arrays(rows, columns))
            return algebra.product(ones(rows, columns, (math.prod(shape), x.size)), x.sets)
    shared = [c for c in distinct if c in output]
    labels = places(tuple(sizes[c] for c in shared))
    into = np.full(x.size, -1)
    into[positions.ravel()] = spread(_aligned(labels, shared, distinct), positions.shape)
    sets = algebra.grouped(x.sets, into, labels.size)
    return algebra.rows(sets, spread(_aligned(labels, shared, output), shape))


def _aligned(labels: Any, letters: list[str], target: Any) -> Any:
    """An array whose axes have letters, with its axes in the order of others, and axes of length 1 for new ones."""
    order = [letters.index(c) for c in target if c in letters]
    moved = np.transpose(labels, order)
    sizes = iter(moved.shape)
    return moved.reshape([next(sizes) if c in letters else 1 for c in target])


def convolved(algebra: Algebra, args: list[Any]) -> Sets:
    """The sets of a convolution: of each vector, every element by those of the other that may be other than 0."""
    found, (n, m) = None, (args[0].size, args[1].size)
    for x, other in (args, args[::-1]):
        if x.sets is not None:
            lags = np.arange(other.size) if other.nonzero is None else np.flatnonzero(other.nonzero)
            columns = np.repeat(np.arange(x.size), len(lags))
            rows = columns + np.tile(lags, x.size)
            which = ones(rows, columns, (n + m - 1, x.size))
            found = algebra.union(found, algebra.product(which, x.sets))
    return found
