"""Scalar code as straight-line Python: what runs scalar programs where there is no LLVM."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..program import Program
from .code import Instruction
from .scalars import Scalars

_SIGNS = {
    "fadd": "{} + {}", "fsub": "{} - {}", "fmul": "{} * {}", "fdiv": "{} / {}", "fneg": "-{}", "oeq": "{} == {}",
    "une": "{} != {}", "olt": "{} < {}", "ole": "{} <= {}", "ogt": "{} > {}", "oge": "{} >= {}",
    "uno": "{0} != {0} or {1} != {1}", "and": "{} and {}", "or": "{} or {}", "xor": "{} != {}",
    "select": "{1} if {0} else {2}", "uitofp": "float({})", "floor": "copysign(floor({0}), {0})",
    "ceil": "copysign(ceil({0}), {0})", "trunc": "copysign(trunc({0}), {0})", "rint": "copysign(round({0}), {0})",
}  # fmt: skip


class Straight:
    """A program as one Python function over floats. Called with leaves, as `Replay` is.

    Where Python raises and NumPy has a limit (1/0, exp(1000)), it raises ArithmeticError or ValueError.
    """

    __slots__ = ("_function", "_program", "source")

    def __init__(self, program: Program, scalars: Scalars) -> None:
        self._program = program
        self.source = "\n".join(_lines(program, scalars))
        names = {name: getattr(math, name) for name in dir(math) if not name.startswith("_")}
        exec(compile(self.source, "<a compiled program>", "exec"), names)
        self._function: Any = names["function"]

    def __call__(self, leaves: Sequence[Any]) -> tuple[list[Any], bool]:
        """The outputs, and whether the guards held."""
        # By the program's forms: a loop's first state may be an array of no dimension, and the next a number.
        numbers = [
            np.ravel(x).tolist() if self._program.values[k].form is np.ndarray else float(x)
            for k, x in zip(self._program.inputs, leaves, strict=True)
        ]
        rows, held = self._function(*numbers)
        results = []
        for k, row in zip(self._program.outputs, rows, strict=True):
            value = self._program.values[k]
            results.append(
                np.array(row, dtype=float).reshape(value.shape)
                if value.form is np.ndarray
                else row
                if value.form is float
                else np.float64(row)
            )
        return results, held


def _lines(program: Program, scalars: Scalars) -> list[str]:
    code = scalars.code.instructions
    arrays = [program.values[k].form is np.ndarray for k in program.inputs]
    needed = {int(k) for ks in scalars.outputs for k in np.ravel(ks)} | set(scalars.guards)
    for k in range(len(code) - 1, -1, -1):
        if k in needed:
            needed.update(code[k].args)

    def name(k: int) -> str:
        instruction = code[k]
        if instruction.op == "constant":
            return _literal(instruction)
        if instruction.op == "input":
            leaf, place = instruction.data
            return f"x{leaf}[{place}]" if arrays[leaf] else f"x{leaf}"
        return f"v{k}"

    lines = [f"def function({', '.join(f'x{leaf}' for leaf in range(len(arrays)))}):"]
    for k in sorted(needed):
        if code[k].args:
            form = _SIGNS.get(code[k].op, f"{code[k].op}({', '.join(['{}'] * len(code[k].args))})")
            lines.append(f"    v{k} = {form.format(*map(name, code[k].args))}")
    rows = []
    for k, ks in zip(program.outputs, scalars.outputs, strict=True):
        flat = [name(j) for j in np.ravel(ks).tolist()]
        rows.append(f"[{', '.join(flat)}]" if program.values[k].form is np.ndarray else flat[0])
    pairs = zip(scalars.guards, program.guards, strict=True)
    held = [f"{name(k)} == {np.asarray(guard.expected).item()!r}" for k, guard in pairs]
    lines.append(f"    return [{', '.join(rows)}], {' and '.join(held) or 'True'}")
    return lines


def _literal(instruction: Instruction) -> str:
    x = instruction.data
    if isinstance(x, float) and not math.isfinite(x):
        return "nan" if math.isnan(x) else "inf" if x > 0 else "(-inf)"
    return f"({x!r})" if isinstance(x, float) and math.copysign(1.0, x) < 0 else repr(x)
