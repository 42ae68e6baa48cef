"""Running the loops of `rolled.py`: natively, one function around the kernel of a step, or step by step."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..program import Program
from ..replay import Replay
from . import available
from .prospect import LARGE
from .repeat import once, repeated
from .scalars import NotScalar, Scalars, of_step
from .straight import Straight

STEPS = 3_000_000  # instructions of Python's that take less time than compiling them would
CALLS = 2  # of one that runs more often, as in a compiled function, there will be many more


def run(body: Any, operands: Sequence[Any], length: int, backwards: bool) -> tuple[Any, ...]:
    """The last states and the stacked results of a loop over plain values."""
    if body.runner is None:
        body.runner = Runner(body)
    found: tuple[Any, ...] = body.runner(operands, length, backwards)
    return found


class Runner:
    """Runs the loop of one body. Tracing runs each loop once, for which compiling may not be worth its time."""

    __slots__ = ("_body", "_calls", "_code", "_native", "_one", "_seen")

    def __init__(self, body: Any) -> None:
        self._body, self._seen, self._calls = body, 0, 0
        self._native: Native | None = None
        self._code: Scalars | None = None
        program = body.program
        try:
            if not program.guards and all(
                program.values[k].dtype == np.float64 for k in (*program.inputs, *program.outputs)
            ):
                self._code = body.once(of_step)
        except NotScalar:
            pass
        self._one = _one(program, self._code)

    def __call__(self, operands: Sequence[Any], length: int, backwards: bool) -> tuple[Any, ...]:
        if self._code is not None and available():
            self._seen += length * len(self._code.code.instructions)
            self._calls += 1
            if self._native is None and (self._seen > STEPS or self._calls > CALLS):
                self._native = Native(self._body, self._code)
            if self._native is not None:
                return self._native(operands, length, backwards)
        return self._step_by_step(operands, length, backwards)

    def _step_by_step(self, operands: Sequence[Any], length: int, backwards: bool) -> tuple[Any, ...]:
        s, e = self._body.states, self._body.states + self._body.elements
        program = self._body.program
        state, xs, constants = list(operands[:s]), operands[s:e], operands[e:]
        values = [program.values[k] for k in program.outputs[s:]]
        rows = [np.empty((length, *v.shape), v.dtype) for v in values]
        for t in range(length)[:: -1 if backwards else 1]:
            found = self._one([*state, *[x[t] for x in xs], *constants])
            state = found[:s]
            for row, y in zip(rows, found[s:], strict=True):
                row[t] = y
        return (*state, *rows)


def _one(program: Program, code: Scalars | None) -> Any:
    """What runs one step."""
    replay = Replay(program)
    if code is not None and not code.code.repeats and len(code.code.instructions) < 25 * len(program):
        straight = Straight(program, code)

        def numbers(leaves: Sequence[Any]) -> list[Any]:
            try:
                return straight(leaves)[0]
            except (ArithmeticError, ValueError):  # where NumPy has a limit
                return replay(leaves)[0]

        return numbers
    largest = max((math.prod(v.shape) for v in program.values), default=0)
    if largest >= LARGE and available():
        from .steps import Steps

        steps = Steps(program)
        if steps.module is not None:
            return lambda leaves: steps(leaves)[0]
    return lambda leaves: replay(leaves)[0]


class Native:
    """The loop as a C function of pointers."""

    __slots__ = ("_body", "_function", "_module")

    def __init__(self, body: Any, code: Scalars) -> None:
        from . import engine, llvm

        self._body = body
        kernel = llvm.kernel(code.code, code.outputs, ())
        self._module = engine.Module(once("\n\n".join((kernel, repeated("loop", "kernel", body)))))
        kinds = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_long, ctypes.c_long, ctypes.c_long)
        self._function: Any = ctypes.CFUNCTYPE(None, *kinds)(self._module.address("loop"))

    def __call__(self, operands: Sequence[Any], length: int, backwards: bool) -> tuple[Any, ...]:
        program, s = self._body.program, self._body.states
        arrays = [np.require(a, np.float64, ("C", "A")) for a in operands]
        values = [program.values[k] for k in program.outputs]
        results = [np.empty(v.shape if i < s else (length, *v.shape)) for i, v in enumerate(values)]
        first, by = (length - 1, -1) if backwards else (0, 1)
        self._function(_pointers(arrays), _pointers(results), length, first, by)
        last = [
            y if v.shape else float(y) if v.form is float else y[()]
            for y, v in zip(results[:s], values, strict=False)
        ]
        return (*last, *results[s:])


def _pointers(arrays: Sequence[np.ndarray]) -> Any:
    return (ctypes.c_void_p * max(len(arrays), 1))(*[a.__array_interface__["data"][0] for a in arrays])
