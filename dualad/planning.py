"""What a plan begins with: a function's pattern, and the partitions that may be the best for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from .coloring import Coloring, coloring
from .compressed import size_of
from .csr import canonical
from .derivative import F
from .errors import DtypeError, error
from .op import Tracer, example, is_complex
from .pattern import jacobian_pattern
from .select import Selected, named
from .tree import flatten

# A matrix whose fullest row and fullest column have so many nonzeros, and so many times the average, is worth a try
# with directions of both kinds.
FULL, UNEVEN = 8, 4


def partitions(pattern: Any, order: str) -> list[Coloring]:
    """Colourings that may be the best, by what each cannot do without; of equal ones the first is the best."""
    bounds, tried = _bounds(pattern), []
    if _is_uneven(pattern, bounds):
        both = order if order in ("natural", "largest-first") else "auto"
        tried.append(coloring(pattern, "bidirectional", both))
    for partition in sorted(bounds, key=lambda name: bounds[name]):  # forward mode first, which keeps no tape
        if partition == "row" and tried and tried[-1].partition == "column" and _is_symmetric(pattern):
            continue
        if all(bounds[partition] < c.count for c in tried):
            tried.append(coloring(pattern, partition, order))
    return sorted(tried, key=lambda c: (c.count, ("column", "row", "bidirectional").index(c.partition)))


def fewest(pattern: Any) -> int | None:
    """Directions that a Jacobian takes at least, without colouring it; None where only colouring tells."""
    bounds = _bounds(pattern)
    return None if _is_uneven(pattern, bounds) else min(bounds.values())


def _bounds(pattern: Any) -> dict[str, int]:
    by_row = np.diff(pattern.indptr)
    by_column = np.bincount(pattern.indices, minlength=pattern.shape[1])
    return {"column": int(by_row.max(initial=0)), "row": int(by_column.max(initial=0))}


def _is_uneven(pattern: Any, bounds: dict[str, int]) -> bool:
    average = pattern.nnz / max(1, max(pattern.shape))
    return bool(min(bounds.values()) >= max(FULL, UNEVEN * average))


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


def with_free(chosen: Selected, f: F) -> Selected:
    """The selected arguments, and behind them the others that may have any numbers."""
    free = [key for key, arg in other_arguments(chosen).items() if _is_free(arg)]
    return Selected(f, (*chosen.keys, *free), chosen.args, chosen.kwargs)


def found_pattern(f: F, chosen: Selected, finder: F, pattern: Any = None, **limits: int) -> tuple[Any, bool]:
    """The pattern in the selected arguments, and whether calls must be compared with `jvp`.

    They must where the pattern is that of some branches of Python's `if` only, or where an object among the other
    arguments may change unseen; not where the caller knew the pattern.

    All arguments of floating point are variables of the trace, since a number that happens to be 0 now may hide what
    it is multiplied with.

    finder: `jacobian_pattern` or `hessian_pattern`
    """
    if pattern is not None:
        return canonical(pattern), False
    whole = with_free(chosen, f)
    n = size_of(chosen.leaves)

    def function(xs: Any) -> Any:
        return whole.call(f, xs)

    function.__qualname__ = named(f)
    found, branches = finder(function, whole.leaves, **limits)
    hidden = not all(_has_value(x) for arg in other_arguments(chosen).values() for x in flatten(arg)[0])
    return canonical(found[:, :n] if finder is jacobian_pattern else found[:n, :n]), branches or hidden


def other_arguments(chosen: Selected) -> dict[int | str, Any]:
    """The arguments of a call that are not selected, by position or name."""
    whole: list[tuple[int | str, Any]] = [*enumerate(chosen.args), *chosen.kwargs.items()]
    return {key: arg for key, arg in whole if key not in chosen.keys}


def fixed_arguments(chosen: Selected) -> dict[int | str, Any]:
    """The other arguments as they are now: a list of leaves; of those whose values are free, a tuple of shapes."""
    return {
        key: _shapes(flatten(arg)[0])
        if _is_free(arg)
        else [x.copy() if type(x) is np.ndarray else x for x in flatten(arg)[0]]
        for key, arg in other_arguments(chosen).items()
    }


def same_fixed(kept: dict[int | str, Any], chosen: Selected) -> bool:
    """Whether a call's other arguments are those that were kept, or numbers where any will do."""
    now = other_arguments(chosen)
    return now.keys() == kept.keys() and all(_same(kept[key], flatten(arg)[0]) for key, arg in now.items())


def same_shapes(kept: dict[int | str, Any], chosen: Selected) -> bool:
    """Whether numbers that are free have the shapes that were kept; others may go with another pattern."""
    now = other_arguments(chosen)
    return all(_shapes(flatten(now[key])[0]) == was for key, was in kept.items() if isinstance(was, tuple))


def _same(kept: list[Any] | tuple[tuple[int, ...], ...], now: list[Any]) -> bool:
    if isinstance(kept, tuple):
        return all(isinstance(x, (float, int, np.number, np.ndarray, Tracer)) for x in now)
    return len(kept) == len(now) and all(
        x is y or (type(x) is type(y) and bool(np.array_equal(x, y))) for x, y in zip(kept, now, strict=True)
    )


def _shapes(leaves: list[Any]) -> tuple[tuple[int, ...], ...]:
    return tuple(map(np.shape, leaves))


def _has_value(x: Any) -> bool:
    """Whether a leaf can be compared; a function counts as what it is, as the plan's own does."""
    if isinstance(x, np.ndarray):
        return bool(x.dtype.kind != "O")
    return isinstance(x, (bool, int, float, complex, str, np.generic, Tracer)) or callable(x)


def _is_free(arg: Any) -> bool:
    return all(map(_floating, flatten(arg)[0]))


def _floating(x: Any) -> bool:
    if isinstance(x, Tracer) and x.symbolic:
        x = example(x)
    return type(x) is float or (isinstance(x, (np.ndarray, np.floating)) and x.dtype.kind == "f")
