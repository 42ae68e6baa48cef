"""Running a program through NumPy, operation by operation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .op import Op
from .program import Program, Ref, Value

ndarray = np.ndarray


class Replay:
    """A program as a list of calls."""

    __slots__ = ("_constants", "_steps", "program")

    def __init__(self, program: Program) -> None:
        self.program = program
        self._constants = [value.constant for value in program.values]
        self._steps = [
            (k, value.op.fn, value.args, value.kwargs, value)
            for k, value in enumerate(program.values)
            if value.op is not None
        ]

    def __call__(self, leaves: Sequence[Any]) -> tuple[list[Any], bool]:
        """The outputs, and whether what the program was traced with held along the way."""
        found = self._constants.copy()
        for k, x in zip(self.program.inputs, leaves, strict=True):
            found[k] = x
        for k, fn, args, kwargs, value in self._steps:
            y = as_traced(fn(*[found[a.k] if type(a) is Ref else a for a in args], **kwargs), value)
            if y is None:
                return [], False
            found[k] = y
        if not all(found[guard.k] == guard.expected for guard in self.program.guards):
            return [], False
        return handed_out([found[k] for k in self.program.outputs], (*leaves, *self._constants)), True


def as_traced(y: Any, value: Value) -> Any:
    """A result in the form that it had when it was traced; None if it has another one."""
    if value.form is float or value.form is complex:
        return value.form(y)
    if type(y) is ndarray:
        if y.shape != value.shape or y.dtype != value.dtype:
            return None  # eigenvalues that were real, say, are complex now
    elif value.dtype is not None and np.result_type(y) != value.dtype:
        return None
    return y


def handed_out(found: Sequence[Any], kept: Sequence[Any]) -> list[Any]:
    """Results that the caller may change: none is one of what is `kept`, a view, or another result."""
    results, seen = [], {id(x) for x in kept}
    for y in found:
        if type(y) is ndarray and (y.base is not None or id(y) in seen):
            y = y.copy()
        seen.add(id(y))
        results.append(y)
    return results


def replay(program: Program, leaves: Sequence[Any]) -> tuple[list[Any], bool]:
    """The outputs of a program, and whether its guards held."""
    return Replay(program)(leaves)


def evaluated(op: Op, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """An operation on plain values; Python floats in, Python floats out."""
    y = op.fn(*args, **kwargs)
    if type(y) is np.float64 and all(type(a) in (float, int) for a in args):
        return float(y)
    if type(y) is np.complex128 and all(type(a) in (float, int, complex) for a in args):
        return complex(y)
    return y
