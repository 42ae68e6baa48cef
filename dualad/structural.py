"""Structural zeros: elements of an adjoint that nothing depends on, because another value was taken.

In `np.where(x > 0, np.sqrt(x), 0.0)` nothing depends on the root of a negative element. Its adjoint is 0, and
must stay 0 when the root's partial is NaN, as forward mode has it by itself. A zero that a taken path has by
chance must not: 0 times infinity is NaN there. So the sweep notes which elements of an adjoint were taken.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .batch import Batch

# How to find which elements were taken, from what, and from which ones of the adjoint that this one was computed
# from (None for all)
Part = tuple[Callable[[Any, Any], Any], Any, "Which | None"]


class Which:
    """Which elements of an adjoint were taken: found out when it matters, which is seldom."""

    __slots__ = ("_found", "parts")

    def __init__(self, part: Part) -> None:
        self._found: Any = None
        self.parts = [part]  # those that are still to be looked at

    def mask(self) -> Any:
        """Array of bool in the shape of the adjoint."""
        stack = [self]  # no recursion: programs are longer than it may be deep
        while stack:
            which = stack[-1]
            waiting = [inner for _, _, inner in which.parts if inner is not None and inner.parts]
            if waiting:
                stack += waiting
                continue
            stack.pop()
            for find, data, inner in which.parts:
                found = find(data, None if inner is None else inner._found)
                which._found = found if which._found is None else which._found | found
            which.parts = []
        return self._found


class Taken:
    """An adjoint of which only some elements were taken."""

    __slots__ = ("own", "value", "which")

    def __init__(self, value: Any, which: Which, own: bool = True) -> None:
        self.value, self.which, self.own = value, which, own

    def __add__(self, c: Any) -> Any:
        """With a contribution to all elements: all are taken."""
        return self.value + c

    def add(self, value: Any, part: Part) -> None:
        """Become `value`, of which also a part of another contribution is taken."""
        self.value = value
        if self.own:
            self.which.parts.append(part)
        else:
            self.which, self.own = Which((same, None, self.which)), True
            self.which.parts.append(part)


def same(data: Any, inner: Any) -> Any:
    """The elements that were taken already."""
    return inner


def guarded(c: Any, which: Which) -> Any:
    """A product with an adjoint, 0 again where the adjoint's zero is structural."""
    inside = c
    while type(inside) is Batch:
        inside = inside.value
    if type(inside) is np.ndarray:
        flat = inside.ravel()
        least = (
            flat[flat.argmin()] if flat.size else 0.0
        )  # NaN if an element is: cheaper than to look at each
        if least == least:
            return c
    # A traced product may have an infinite derivative where it is itself finite.
    return np.where(which.mask(), c, 0.0)
