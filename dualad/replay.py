"""Running a program through NumPy, operation by operation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .calls import Step, call, handed_out, is_fresh, is_ufunc, last_reads
from .op import Op
from .program import Program


class Replay:
    """A program as a list of calls. Values are given up when the last one that reads them is there."""

    __slots__ = ("_arrays", "_constants", "_steps", "program")

    def __init__(self, program: Program) -> None:
        self.program = program
        self._constants = [value.constant for value in program.values]
        self._arrays = [x for x in self._constants if isinstance(x, np.ndarray)]
        self._steps: list[tuple[Step, list[int]]] | None = None  # until they are needed

    def __call__(self, leaves: Sequence[Any]) -> tuple[list[Any], bool]:
        """The outputs, and whether what the program was traced with held along the way."""
        found = self._constants.copy()
        for k, x in zip(self.program.inputs, leaves, strict=True):
            found[k] = x
        if self._steps is None:
            self._steps = _steps(self.program)
        for step, dropped in self._steps:
            if not step(found, []):
                return [], False
            for k in dropped:
                found[k] = None
        if not all(found[guard.k] == guard.expected for guard in self.program.guards):
            return [], False
        return handed_out([found[k] for k in self.program.outputs], (*leaves, *self._arrays)), True


def _steps(program: Program) -> list[tuple[Step, list[int]]]:
    """The operations, each with what nothing needs after it."""
    made = [k for k, value in enumerate(program.values) if value.op is not None]
    dropped = last_reads(program, [(k, program.values[k].refs) for k in made])
    return [
        (call(program, k, over=_over(program, k, rest)), rest) for k, rest in zip(made, dropped, strict=True)
    ]


def _over(program: Program, k: int, dropped: Sequence[int]) -> int:
    """The operand whose memory the elementwise operation `k`, the last one to read it, writes into; or -1."""
    value = program.values[k]
    if not is_ufunc(value.op) or value.op.fn.signature is not None or not is_fresh(value):  # type: ignore[union-attr]
        return -1
    for r in value.refs:
        operand = program.values[r]
        if (
            r in dropped
            and is_fresh(operand)
            and (operand.shape, operand.dtype) == (value.shape, value.dtype)
        ):
            return r
    return -1


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
