"""Entries of a tape that keep of large arrays only those that a rule will read."""

from __future__ import annotations

import dis
import functools
import re
import types
from typing import Any

import numpy as np

from .op import Op

# Bytes from which an array counts as large: the sweep gives up its memory, the tape does not copy it, and keeps
# its shape alone where no rule reads it.
LARGE = 2**15


def hollow(a: Any) -> Any:
    """An array of the same shape and dtype that takes no memory, for one large enough to be worth it."""
    if type(a) is not np.ndarray or a.nbytes < LARGE:
        return a
    return np.ndarray(a.shape, a.dtype, _ZEROS, 0, (0,) * a.ndim)


_ZEROS = bytes(np.dtype(np.clongdouble).itemsize)


def is_hollow(a: Any) -> bool:
    """Whether it is one that `hollow` made."""
    return getattr(a, "base", None) is _ZEROS


def lean(op: Op, y: Any, a: Any, b: Any, i: int, j: int) -> tuple[Any, ...]:
    """An entry of one of the short forms, of a large result: where no partial reads an operand, its shape alone."""
    reads_y, reads_a, reads_b = _reads(op, i >= 0, j >= 0)
    return op, y if reads_y else hollow(y), a if reads_a else hollow(a), b if reads_b else hollow(b), i, j


@functools.cache
def _reads(op: Op, first: bool, second: bool) -> tuple[bool, bool, bool]:
    """Whether the partials in the traced operands read the result, and the operands."""
    places = (_places(op.d0) if first else set()) | (_places(op.d1) if second else set())
    return 1 in places, 2 in places, 3 in places


def _places(rule: Any) -> set[int]:
    """Where in an entry (op, y, a, b, …) what a partial reads stands: of a function, by the names in its code."""
    if type(rule) is float:
        return set()
    if type(rule) is int:
        return {abs(rule)}
    code = getattr(rule, "__code__", None)
    if type(rule) is not types.FunctionType or code is None or code.co_flags & 12 or code.co_kwonlyargcount:
        return {1, 2, 3}  # it may read anything
    used = " ".join(str(step.argval) for step in dis.get_instructions(rule) if step.argval is not None)
    names = set(re.findall(r"\w+", used))
    return {k for k, name in enumerate(code.co_varnames[: code.co_argcount], 1) if name in names}
