"""Nested arguments and results: dicts, lists, tuples, named tuples and dataclasses of numbers and arrays."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .errors import DtypeError, ShapeError, error
from .op import Tracer
from .tracer import restacked

Rebuild = Callable[[Sequence[Any]], Any]


def flatten(tree: Any) -> tuple[list[Any], Rebuild]:
    """The leaves in order, and the function that puts leaves back into the same structure.

    `None` is an empty structure. Anything that is not a container is a leaf.
    """
    kind = type(tree)
    if kind is float or kind is np.ndarray or isinstance(tree, Tracer):
        return [tree], _only
    if tree is None:
        return [], lambda leaves: None
    if isinstance(tree, dict):
        keys, parts = list(tree), [tree[key] for key in tree]
        if kind is dict:
            return _join(parts, lambda found: dict(zip(keys, found, strict=True)))
        return _join(parts, lambda found: _filled(copy.copy(tree), zip(keys, found, strict=True)))
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return _join(list(tree), lambda found: kind(*found))
    if isinstance(tree, (list, tuple)):
        return _join(tree, kind)
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        names = [field.name for field in dataclasses.fields(tree)]
        return _join(
            [getattr(tree, name) for name in names],
            lambda found: dataclasses.replace(tree, **dict(zip(names, found, strict=True))),
        )
    return [tree], _only


def _filled(container: Any, items: Any) -> Any:
    container.update(items)
    return container


def _only(leaves: Sequence[Any]) -> Any:
    (leaf,) = leaves
    return leaf


def _join(parts: Sequence[Any], build: Callable[[list[Any]], Any]) -> tuple[list[Any], Rebuild]:
    if all(type(p) is float for p in parts):  # a long list of numbers, the common case of scalar code
        return list(parts), lambda leaves: build(list(leaves))
    flat = [flatten(p) for p in parts]
    sizes = [len(leaves) for leaves, _ in flat]

    def rebuild(leaves: Sequence[Any]) -> Any:
        found, start = [], 0
        for size, (_, inner) in zip(sizes, flat, strict=True):
            found.append(inner(leaves[start : start + size]))
            start += size
        return build(found)

    return [leaf for leaves, _ in flat for leaf in leaves], rebuild


def inputs(tree: Any, what: str) -> tuple[list[Any], Rebuild]:
    """`flatten`, with every leaf checked and integers promoted to floating point, as NumPy does."""
    leaves, rebuild = flatten(tree)
    return [v if type(v) is float else _differentiable(v, what) for v in leaves], rebuild


def inputs_like(tree: Any, other: Any, what: str) -> list[Any]:
    """The leaves of `other`, checked, in the order of those of `tree`, which has the same structure."""
    return [_differentiable(v, what) for v in along(tree, other, what)]


def along(tree: Any, other: Any, what: str) -> list[Any]:
    """The leaves of `other`, as they are, in the order of those of `tree`, which has the same structure."""
    kind, same = type(tree), True
    if isinstance(tree, dict):
        same = isinstance(other, dict) and tree.keys() == other.keys()
        pairs = [(tree[key], other[key]) for key in tree] if same else []
    elif isinstance(tree, (list, tuple)):
        same = isinstance(other, (list, tuple)) and len(tree) == len(other)
        pairs = list(zip(tree, other, strict=True)) if same else []
    elif dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        same = type(other) is kind
        pairs = (
            [(getattr(tree, f.name), getattr(other, f.name)) for f in dataclasses.fields(tree)]
            if same
            else []
        )
    elif tree is None:
        same, pairs = other is None, []
    elif other is None or isinstance(other, (dict, list, tuple)):
        same, pairs = False, []
    else:
        return [other]
    if not same:
        raise error(
            ShapeError,
            f"{what} has a {type(other).__name__} where a {kind.__name__} is needed, or one of other parts",
            "use the same structure: equal keys, lengths and classes",
        )
    return [leaf for a, b in pairs for leaf in along(a, b, what)]


def _differentiable(x: Any, what: str) -> Any:
    if type(x) is float or (isinstance(x, Tracer) and not x.symbolic):
        return x
    if type(x) is int:
        return float(x)
    if type(x) is complex:
        return np.complex128(x)
    if isinstance(x, np.ndarray) and x.dtype == object and any(isinstance(v, Tracer) for v in x.flat):
        return restacked(x)
    if isinstance(
        x, (np.ndarray, np.number, Tracer)
    ):  # of tracers those of programs, which may hold anything
        dtype: np.dtype = x.dtype  # type: ignore[union-attr]
        if dtype.kind in "fc":
            return x
        if dtype.kind in "iu":
            return x.astype(np.float64)  # type: ignore[union-attr]
        kind = f"a {dtype}" if np.ndim(x) == 0 else f"an array of {dtype}"  # type: ignore[arg-type]
    else:
        kind = f"a {type(x).__name__}"
    raise error(
        DtypeError,
        f"{what} holds {kind}, which cannot be differentiated",
        "pass floating-point numbers or arrays, real or complex; other values as arguments that argnums leaves out",
    )


def outputs(tree: Any, what: str) -> tuple[list[Any], Rebuild]:
    """`flatten` of a function's result: object arrays of traced scalars become traced arrays."""
    leaves, rebuild = flatten(tree)
    return [_result(v, what) for v in leaves], rebuild


def _floating(x: Any) -> Any:
    return np.astype(x, np.float64) if x.dtype.kind in "biu" else x


def _result(x: Any, what: str) -> Any:
    if isinstance(x, Tracer):
        return _floating(x) if x.symbolic else x
    if type(x) is float:
        return x
    if isinstance(x, np.ndarray) and x.dtype == object:
        return restacked(x)
    if isinstance(x, (bool, int, np.bool_, np.integer)) or (
        isinstance(x, np.ndarray) and x.dtype.kind in "biu"
    ):
        return np.asarray(x, np.float64)[()]
    if isinstance(x, (np.ndarray, np.number)) and x.dtype.kind in "fc":
        return x
    if type(x) is complex:
        return np.complex128(x)
    raise error(
        DtypeError,
        f"{what} returned a {getattr(x, 'dtype', type(x).__name__)} among its results, which has no derivative",
        "return numbers, arrays, or nested lists, tuples and dicts of them; other results through has_aux=True",
    )


def same_shapes(values: Sequence[Any], others: Sequence[Any], what: str) -> None:
    """Raise unless `others` match `values` in number and, one by one, in shape and kind."""
    if len(values) != len(others):
        raise error(
            ShapeError, f"{what}: {len(others)} leaves were given for {len(values)}", "use the same structure"
        )
    for v, o in zip(values, others, strict=True):
        if np.shape(v) != np.shape(o):
            raise error(
                ShapeError,
                f"{what} has shape {np.shape(o)} where {np.shape(v)} is needed",
                f"pass an array of shape {np.shape(v)}",
            )
