"""Sparsity patterns as SciPy's CSR arrays: made uniform, and read."""

from __future__ import annotations

import copy
import importlib
from typing import Any

import numpy as np

from .errors import ArgumentError, ShapeError, error


def needed(name: str) -> Any:
    """A module of the extra `sparse`."""
    try:
        return importlib.import_module(name)
    except ImportError:
        package = name.partition(".")[0]
        raise error(
            ArgumentError,
            f"sparse derivatives need {package}, which is not installed",
            "pip install dualad[sparse]",
        ) from None


def canonical(pattern: Any) -> Any:
    """A pattern as a CSR array of bool with its positions in order."""
    sparse = needed("scipy.sparse")
    if not sparse.issparse(pattern):
        pattern = np.asarray(pattern)
        if pattern.ndim != 2:
            raise error(ShapeError, f"a pattern is a matrix, not of shape {pattern.shape}", "shape (m, n)")
        pattern = pattern != 0
    whole = sparse.csr_array(pattern, copy=True)
    whole.data = np.ones(len(whole.data), bool)
    whole.sum_duplicates()
    whole.has_sorted_indices = whole.has_canonical_format = True
    if max(whole.nnz, *whole.shape) < 2**31:  # as SciPy's solvers have them, and half the memory of 64 bits
        whole.indices, whole.indptr = (x.astype(np.int32, copy=False) for x in (whole.indices, whole.indptr))
    return whole


def with_values(pattern: Any, values: Any) -> Any:
    """A CSR array with the structure of a pattern, which the caller may change."""
    whole = copy.copy(pattern)  # shallow, at a tenth of the cost of SciPy's constructor and its checks
    whole.data, whole.indices, whole.indptr = values, whole.indices.copy(), whole.indptr.copy()
    return whole


def positions(pattern: Any) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of each nonzero."""
    m = pattern.shape[0]
    return np.repeat(np.arange(m), np.diff(pattern.indptr)), pattern.indices.astype(int)


def transposed(pattern: Any) -> Any:
    """The nonzeros in the order of the columns; of a symmetric pattern, which one stands at (j, i) for each."""
    numbers = np.arange(pattern.nnz)
    numbered = needed("scipy.sparse").csr_array(
        (numbers, pattern.indices, pattern.indptr), shape=pattern.shape
    )
    return numbered.tocsc().data
