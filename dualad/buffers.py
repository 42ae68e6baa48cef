"""Memory for the values on a tape, kept from one call of a gradient function to the next.

A tape keeps every value until the sweep has passed it. Fresh memory for them would come from the operating
system page by page at every call, which costs several times what the arithmetic does; a buffer that was
used before is there at once.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

# Smaller arrays come from memory that the allocator keeps by itself.
SMALLEST = 2**15
# What one gradient function may keep between its calls.
LARGEST_TOTAL = 2**27


class Buffers:
    """Free buffers of one gradient function. Lists are popped and appended atomically: threads may share it."""

    __slots__ = ("free",)

    def __init__(self) -> None:
        self.free: dict[Any, list[np.ndarray]] = {}


class Loan:
    """The buffers that one run took. Those that nobody else refers to at its end are free again."""

    __slots__ = ("buffers", "lent")

    def __init__(self, buffers: Buffers) -> None:
        self.buffers = buffers
        self.lent: list[np.ndarray] = []

    def like(self, x: np.ndarray) -> np.ndarray:
        """An uninitialised array with the shape and dtype of `x`."""
        try:
            y = self.buffers.free[x.shape, x.dtype.char].pop()
        except (KeyError, IndexError):
            y = np.empty(x.shape, x.dtype)
        self.lent.append(y)
        return y

    def end(self) -> None:
        """Give back every buffer that only this loan knows: a view, a traced value or a result keeps its own."""
        lent, self.lent = self.lent, []
        if not lent:
            return
        lent.append(np.empty(0))  # known to this list alone: how many references that is, the interpreter decides
        alone = None
        free, total = self.buffers.free, 0
        while lent:
            y = lent.pop()
            references = sys.getrefcount(y)
            if alone is None:
                alone = references
            elif references == alone and total + y.nbytes <= LARGEST_TOTAL:
                total += y.nbytes
                free.setdefault((y.shape, y.dtype.char), []).append(y)
