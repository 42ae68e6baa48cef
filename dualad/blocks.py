"""Jacobians block by block: sweeps that carry many directions, in chunks that fit a budget of bytes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .batch import Batch, directions
from .derivative import F
from .op import Tracer, is_complex
from .run import Recording, keep_freed_memory, lifted, run_dual
from .tracer import next_number
from .tree import Rebuild, flatten

# Bytes that the largest array known before the sweep may take with a chunk's directions.
CHUNK_BYTES = 2**23

Ranges = list[tuple[int, int]]
Elsewhere = Callable[[str, Ranges, complex], tuple[Ranges, Callable[[], list[Any]]]]
"""Has some ranges of directions swept elsewhere: (the ranges left for here, what waits for the other results)."""


def _chunks(total: int, width: int, itemsize: int, budget: int) -> Iterator[tuple[int, int]]:
    """Ranges of directions such that `width` elements with one range's directions keep to the budget."""
    step = max(1, budget // max(1, width * itemsize))
    for start in range(0, total, step):
        yield start, min(start + step, total)


def seeds(
    values: Sequence[Any],
    count: int,
    width: int,
    itemsize: int,
    budget: int,
    factor: complex = 1.0,
    colors: np.ndarray | None = None,
) -> Iterator[tuple[int, int, list[Batch]]]:
    """The directions of the values together, chunk by chunk: (first, one past the last, batches).

    colors: for each element of all values the direction that moves it, -1 for none; where left out, each element
        has a direction of its own, a unit direction
    factor: what moves complex values in place of 1
    """
    keep_freed_memory()
    for start, stop in _chunks(count, width, itemsize, budget):
        yield start, stop, seed(values, start, stop, factor, colors)


def seed(
    values: Sequence[Any], start: int, stop: int, factor: complex = 1.0, colors: np.ndarray | None = None
) -> list[Batch]:
    """The directions from `start` to before `stop`, as for `seeds`."""
    number, offset, found = next_number(), 0, []
    for x in values:
        unit = directions(np.shape(x), start, stop, offset, dtype_of(x), colors)
        found.append(Batch(lifted(_turned(unit, factor), x), number))
        offset += math.prod(np.shape(x))
    return found


def extent(v: Any) -> int:
    """Elements of the largest array in a value: a traced one may carry directions of an outer derivative."""
    if isinstance(v, Tracer):
        return max(extent(v.value), extent(getattr(v, "tangent", 0.0)))
    return max(map(extent, v)) if isinstance(v, tuple) else v.size if isinstance(v, np.ndarray) else 1


def dtype_of(x: Any) -> np.dtype[Any]:
    """The dtype of a leaf, which may be a Python float."""
    return np.dtype(float) if type(x) is float else x.dtype


def itemsize_of(leaves: Sequence[Any]) -> int:
    """Bytes of the widest leaf's elements."""
    return max((dtype_of(x).itemsize for x in leaves), default=8)


def _turned(unit: np.ndarray, factor: complex) -> np.ndarray:
    return unit if factor == 1 else unit * (factor if is_complex(unit) else 0.0)


def joined(real: Sequence[Any], turned: Sequence[Any], like: Sequence[Any]) -> list[Any]:
    """Real and imaginary parts as complex blocks, one for each of `like` or all for the one, where that is complex."""
    each = like if len(like) == len(real) else list(like) * len(real)
    return [a + 1j * b if is_complex(x) else a for a, b, x in zip(real, turned, each, strict=True)]


def columns_of(tangents: Sequence[Any]) -> list[Any]:
    """What batches hold, directions last; `None` where zero."""
    return [dy.value if isinstance(dy, Batch) else None for dy in tangents]


def forward(
    f: F,
    call: Callable[..., Any],
    leaves: Sequence[Any],
    n: int,
    budget: int,
    factor: complex = 1.0,
    elsewhere: Elsewhere | None = None,
) -> tuple[list[Any], Rebuild, list[list[Any]]]:
    """Run `f` on dual numbers once a chunk: values, structure, and the blocks of the Jacobian."""
    columns = []
    width = max(map(extent, leaves), default=1)
    ranges = [*_chunks(n, width, itemsize_of(leaves), budget)]
    ranges, others = elsewhere("forward", ranges, factor) if elsewhere else (ranges, list)
    keep_freed_memory()
    for start, stop in ranges:
        values, moved, rebuild, _ = run_dual(f, call, leaves, seed(leaves, start, stop, factor))
        columns.append(columns_of(moved))
    columns += others()
    if not columns:  # no inputs but empty ones, which are their own tangents
        values, _, rebuild, _ = run_dual(f, call, leaves, leaves)
    return values, rebuild, split_columns(columns, values, leaves)


def pushed(
    run: Recording, leaves: Sequence[Any], n: int, width: int, budget: int, elsewhere: Elsewhere | None = None
) -> list[list[Any]]:
    """Blocks of the Jacobian from sweeps forward along one tape, all columns of a chunk at once."""
    ranges = [*_chunks(n, width, itemsize_of(leaves), budget)]
    ranges, others = elsewhere("push", ranges, 1.0) if elsewhere else (ranges, list)
    keep_freed_memory()
    columns = [columns_of(run.push(seed(leaves, start, stop))) for start, stop in ranges]
    return split_columns([*columns, *others()], run.values, leaves)


def split_columns(columns: Sequence[Any], values: Sequence[Any], leaves: Sequence[Any]) -> list[list[Any]]:
    """Blocks of the Jacobian, for each output leaf and each input leaf, from chunks of its columns."""
    blocks = []
    for k, y in enumerate(values):
        shape, parts = np.shape(y), [chunk[k] for chunk in columns]
        if all(p is None for p in parts):
            blocks.append([_shaped(np.zeros(s := shape + np.shape(x), dtype_of(y)), s, x) for x in leaves])
            continue
        whole = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)
        row, offset = [], 0
        for x in leaves:
            size = math.prod(np.shape(x))
            piece = whole if len(leaves) == 1 else whole[..., offset : offset + size]
            row.append(_shaped(piece, shape + np.shape(x), x))
            offset += size
        blocks.append(row)
    return blocks


def _shaped(block: Any, shape: tuple[int, ...], x: Any) -> Any:
    if np.shape(block) != shape:
        block = np.reshape(block, shape)
    if shape == () and isinstance(block, np.ndarray):
        block = block[()]
    return float(block) if type(x) is float and isinstance(block, np.floating) else block


def apart(blocks: list[list[Any]]) -> list[list[Any]]:
    """Blocks that a caller may change, each on its own."""
    seen = set()
    for row in blocks:
        for k, block in enumerate(row):
            if isinstance(block, np.ndarray):
                owner = block if block.base is None else block.base
                if id(owner) in seen or not block.flags.writeable:
                    row[k] = block.copy(order="K")
                seen.add(id(owner))
    return blocks


def reverse(
    run: Recording,
    leaves: Sequence[Any],
    m: int,
    width: int,
    budget: int,
    factor: complex = 1.0,
    last: bool = True,
    elsewhere: Elsewhere | None = None,
) -> list[list[Any]]:
    """Blocks of the Jacobian from sweeps back over one tape, all rows of a chunk at once."""
    ranges = [*_chunks(m, width, itemsize_of(leaves), budget)]
    sizes = [stop - start for start, stop in ranges]
    ranges, others = elsewhere("pull", ranges, factor) if elsewhere else (ranges, list)
    keep_freed_memory()
    chunks = [rows_of(run, *part, factor, last=last and part is ranges[-1]) for part in ranges]
    chunks += others()
    blocks, rows = [], 0
    whole = [_stacked([c[k] for c in chunks], sizes, x) for k, x in enumerate(leaves)]
    for y in run.values:
        size = math.prod(np.shape(y))
        pieces = [w if size == m else w[rows : rows + size] for w in whole]
        blocks.append([_shaped(p, np.shape(y) + np.shape(x), x) for p, x in zip(pieces, leaves, strict=True)])
        rows += size
    return blocks


def rows_of(run: Recording, start: int, stop: int, factor: complex, last: bool) -> list[Any]:
    """Rows of the Jacobian for each input leaf, from one sweep back; `None` where zero."""
    adjoints = run.pull(seed(run.values, start, stop, factor), last=last)
    return [np.moveaxis(g.value, -1, 0) if isinstance(g, Batch) else None for g in adjoints]


def _stacked(parts: list[Any], sizes: list[int], x: Any) -> Any:
    """Rows of all chunks, for one input leaf; zeros where a chunk did not depend on it."""
    full = [
        np.zeros((k, *np.shape(x)), dtype_of(x)) if p is None else p.astype(dtype_of(x), copy=False)
        for p, k in zip(parts, sizes, strict=True)
    ]
    if not full:
        return np.zeros((0, *np.shape(x)), dtype_of(x))
    return full[0] if len(full) == 1 else np.concatenate(full)


def symmetric(hessian: Any) -> Any:
    """A Hessian whose two halves are equal to the last bit: their mean where rounding made them differ.

    Where both agree nothing is rounded again, infinities and tiny numbers included; NaN in either half is in both.
    Traced blocks, of derivatives of a Hessian, stay as they are.
    """
    blocks, rebuild = flatten(hessian)
    k = math.isqrt(len(blocks))
    if any(isinstance(b, Tracer) for b in blocks):
        return hessian
    for i in range(k):
        for j in range(i, k):
            a, b = blocks[i * k + j], blocks[j * k + i]
            last = np.ndim(blocks[j * k + j]) // 2  # dimensions of the second argument
            order = (*range(np.ndim(b))[last:], *range(last))
            turned = np.transpose(b, order) if last and np.ndim(b) else b
            if np.array_equal(a, turned):
                continue
            with np.errstate(invalid="ignore"):  # opposite infinities
                same = np.where(a == turned, a, 0.5 * a + 0.5 * turned)[()]
            same = float(same) if type(a) is float else same
            back = np.argsort(order)
            blocks[i * k + j] = same
            blocks[j * k + i] = same if i == j else np.array(np.transpose(same, back)) if np.ndim(b) else same
    return rebuild(blocks)
