"""Products of a Jacobian with directions that move many elements at once: one sweep, all colours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .batch import Batch
from .blocks import CHUNK_BYTES, columns_of, dtype_of, extent, itemsize_of, seeds
from .derivative import F
from .errors import DtypeError, ShapeError, error
from .op import is_complex
from .run import Recording, run_dual
from .select import Selected, named


def size_of(values: Sequence[Any]) -> int:
    """Elements of all values."""
    return sum(math.prod(np.shape(v)) for v in values)


def compressed(
    f: F, chosen: Selected, shape: tuple[int, int], columns: Any, rows: Any, budget: int = CHUNK_BYTES
) -> list[Any]:
    """The Jacobian's products with the directions of the colours, the directions first.

    columns, rows: the colour of each input's element, and of each output's, -1 for none; None for no such directions
    returns: one array for each that is given: of shape (colours, m) by forward mode, (colours, n) by reverse mode
    """
    parts = []
    if columns is not None:
        parts.append(_by_columns(f, chosen, shape, columns, budget))
    if rows is not None:
        parts.append(_by_rows(f, chosen, shape, rows, budget))
    return parts


def _by_columns(f: F, chosen: Selected, shape: tuple[int, int], colors: np.ndarray, budget: int) -> Any:
    leaves, count = chosen.leaves, int(np.max(colors, initial=-1)) + 1
    chunks, dtype = [], np.dtype(float)
    width = max(map(extent, leaves), default=1)
    for start, stop, dxs in seeds(leaves, count, width, itemsize_of(leaves), budget, colors=colors):
        values, moved, _, _ = run_dual(f, chosen.call, leaves, dxs)
        _check(f, values, shape[0])
        dtype = np.result_type(*map(dtype_of, values))
        whole = [
            _flat(dy, stop - start, size_of([y]), dtype)
            for y, dy in zip(values, columns_of(moved), strict=True)
        ]
        chunks.append(whole[0] if len(whole) == 1 else np.concatenate(whole, axis=1))
    if not chunks:
        return np.zeros((0, shape[0]), dtype)
    return chunks[0] if len(chunks) == 1 else np.concatenate(chunks)


def _by_rows(f: F, chosen: Selected, shape: tuple[int, int], colors: np.ndarray, budget: int) -> Any:
    leaves, count = chosen.leaves, int(np.max(colors, initial=-1)) + 1
    with Recording(f, chosen.call, leaves) as run:
        _check(f, run.values, shape[0])
        dtype, chunks = np.result_type(*map(dtype_of, leaves)) if leaves else np.dtype(float), []
        width = max(map(extent, (*leaves, *(entry[1] for entry in run.entries if entry))), default=1)
        for start, stop, gs in seeds(run.values, count, width, itemsize_of(leaves), budget, colors=colors):
            found = [
                g.value if isinstance(g, Batch) else None
                for g in run.pull(gs, last=stop == count)[: len(leaves)]
            ]
            whole = [_flat(g, stop - start, size_of([x]), dtype) for g, x in zip(found, leaves, strict=True)]
            chunks.append(whole[0] if len(whole) == 1 else np.concatenate(whole, axis=1))
    if not chunks:
        return np.zeros((0, shape[1]), dtype)
    return chunks[0] if len(chunks) == 1 else np.concatenate(chunks)


def _flat(batch: Any, k: int, size: int, dtype: Any) -> Any:
    """A tangent or adjoint as an array of shape (k, size)."""
    if batch is None:
        return np.zeros((k, size), dtype)
    return np.reshape(np.moveaxis(batch, -1, 0), (k, size))


def _check(f: F, values: Sequence[Any], m: int) -> None:
    if any(map(is_complex, values)):
        raise error(
            DtypeError,
            f"{named(f)} returned complex values, and sparse Jacobians are of real functions",
            "a function of the real and imaginary parts; or jacobian(f), which is dense",
        )
    if size_of(values) != m:
        raise error(
            ShapeError,
            f"{named(f)} returned {size_of(values)} elements, and the pattern has {m} rows",
            "a pattern of shape (size of the output, size of the input); another plan, where shapes have changed",
        )
