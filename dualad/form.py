"""The form of arguments: what of them a program is for, and the numbers and arrays that vary from call to call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .errors import TraceError, error
from .op import Tracer
from .tree import flatten

Collect = Callable[[Any, list[Any]], bool]


def is_dynamic(x: Any) -> bool:
    """Whether a leaf is a variable of the program."""
    return type(x) in (float, complex) or isinstance(x, (np.ndarray, np.number))


def signature(x: Any) -> Any:
    """The form of arguments, hashable: equal for those that one program serves. None if one is traced."""
    if isinstance(x, Tracer):
        return None
    if type(x) in (float, complex):
        return type(x)
    if isinstance(x, (np.ndarray, np.number)):
        if x.dtype == object:
            return None
        return type(x), x.dtype, x.shape
    if isinstance(x, dict):
        parts = [signature(v) for v in x.values()]
        return None if None in parts else (type(x), *x, *parts)
    if isinstance(x, (tuple, list)):
        parts = [signature(v) for v in x]
        return None if None in parts else (type(x), *parts)
    leaves, _ = flatten(x)
    if len(leaves) != 1 or leaves[0] is not x:  # a dataclass
        return None if (inner := signature(leaves)) is None else (type(x), inner)
    # An object that is equal to itself alone may hold other values at the next call.
    kind: Any = type(x)
    if kind.__hash__ is None or (kind.__eq__ is object.__eq__ and not callable(x)):
        raise error(
            TraceError,
            f"a compiled function was given a {type(x).__name__}, of which it cannot see whether it has changed",
            "numbers, arrays, tuples, dicts or a dataclass of them; or a function that reads it from outside, as it is",
        )
    return "static", type(x), x


def collector(tree: Any, checks: bool) -> Collect | None:
    """A function of another tree and a list: whether that tree has this one's form, its variables then in the list.

    Much faster than `signature` and `flatten`; it may say no where these see no difference, never yes where they do.

    checks: it looks at the variables themselves; otherwise who takes them must do that
    returns: None where the tree holds others than numbers, arrays, strings, dicts, tuples and lists
    """
    kind = type(tree)
    if is_dynamic(tree):
        return _leaf(tree) if checks else _taken
    if tree is None or kind in (bool, int, str):
        return lambda x, leaves: type(x) is kind and bool(x == tree)
    if kind not in (dict, tuple, list):
        return None
    found = [collector(v, checks) for v in (tree.values() if kind is dict else tree)]
    parts = [part for part in found if part is not None]
    if len(parts) < len(found):
        return None
    keys, size = list(tree) if kind is dict else None, len(parts)

    def collect(x: Any, leaves: list[Any]) -> bool:
        if type(x) is not kind or len(x) != size or (keys is not None and list(x) != keys):
            return False
        same = True
        for part, v in zip(parts, x if keys is None else x.values(), strict=True):
            same = same and part(v, leaves)
        return same

    return collect


def _taken(x: Any, leaves: list[Any]) -> bool:
    leaves.append(x)
    return True


def _leaf(like: Any) -> Collect:
    kind, shape, dtype = type(like), getattr(like, "shape", None), getattr(like, "dtype", None)
    plain = kind in (float, complex)

    def collect(x: Any, leaves: list[Any]) -> bool:
        leaves.append(x)
        return type(x) is kind and (plain or (x.shape == shape and x.dtype == dtype))

    return collect
