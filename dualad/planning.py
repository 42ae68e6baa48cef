"""What a plan begins with: a function's pattern, and the partitions that may be the best for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from .coloring import Coloring, coloring
from .compressed import size_of
from .csr import canonical
from .derivative import F
from .errors import DtypeError, error
from .op import is_complex
from .pattern import sparsity
from .select import Selected, named
from .symbol import traced
from .tree import flatten

# A matrix whose fullest row and fullest column have so many nonzeros, and so many times the average, is worth a try
# with directions of both kinds.
FULL, UNEVEN = 8, 4


def partitions(pattern: Any, order: str) -> list[Coloring]:
    """Colourings that may be the best, by what each cannot do without; of equal ones the first is the best."""
    by_row = np.diff(pattern.indptr)
    by_column = np.bincount(pattern.indices, minlength=pattern.shape[1])
    bounds = {"column": int(by_row.max(initial=0)), "row": int(by_column.max(initial=0))}
    tried = []
    average = pattern.nnz / max(1, max(pattern.shape))
    if min(bounds.values()) >= max(FULL, UNEVEN * average):
        both = order if order in ("natural", "largest-first") else "auto"
        tried.append(coloring(pattern, "bidirectional", both))
    for partition in sorted(bounds, key=lambda name: bounds[name]):  # forward mode first, which keeps no tape
        if partition == "row" and tried and tried[-1].partition == "column" and _is_symmetric(pattern):
            continue
        if all(bounds[partition] < c.count for c in tried):
            tried.append(coloring(pattern, partition, order))
    return sorted(tried, key=lambda c: (c.count, ("column", "row", "bidirectional").index(c.partition)))


def _is_symmetric(pattern: Any) -> bool:
    if pattern.shape[0] != pattern.shape[1]:
        return False
    other = pattern.T.tocsr()
    return bool(
        np.array_equal(other.indptr, pattern.indptr) and np.array_equal(other.indices, pattern.indices)
    )


def real_only(f: F, chosen: Selected) -> Selected:
    """The selected arguments, if none is complex."""
    if any(map(is_complex, chosen.leaves)):
        raise error(
            DtypeError,
            f"sparse derivatives are of real functions, and {named(f)} was given complex arguments",
            "a function of the real and imaginary parts; or jacobian(f), which is dense",
        )
    return chosen


def found_pattern(f: F, chosen: Selected, finder: F, **limits: int) -> tuple[Any, bool]:
    """The pattern in the selected arguments, and whether it is that of some branches of Python's `if` only.

    All arguments of floating point are variables of the trace, since a number that happens to be 0 now may hide what
    it is multiplied with.
    """
    keys: list[int | str] = [k for k in (*range(len(chosen.args)), *chosen.kwargs) if k not in chosen.keys]
    given = [chosen.kwargs[k] if isinstance(k, str) else chosen.args[k] for k in keys]
    others = [k for k, arg in zip(keys, given, strict=True) if all(map(_floating, flatten(arg)[0]))]
    whole = Selected(f, (*chosen.keys, *others), chosen.args, chosen.kwargs)
    n = size_of(chosen.leaves)

    def function(xs: Any) -> Any:
        return whole.call(f, xs)

    function.__qualname__ = named(f)
    found = finder(function, whole.leaves, **limits)
    program, _ = traced(lambda *xs: flatten(function(list(xs)))[0], whole.leaves)
    return canonical(found[:, :n] if finder is sparsity else found[:n, :n]), bool(program.guards)


def _floating(x: Any) -> bool:
    return type(x) is float or (isinstance(x, (np.ndarray, np.floating)) and x.dtype.kind == "f")
