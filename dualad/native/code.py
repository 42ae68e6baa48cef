"""Straight-line scalar code: one instruction a number, each distinct one once, as arrays of them fall apart.

Values are positions in a list of instructions. A zero that no arithmetic made (of a scatter, of a unit
direction) is structural: what is multiplied by it vanishes.
"""

from __future__ import annotations

import math
import struct
from typing import Any, NamedTuple

_QUICK = frozenset(
    (
        "constant", "input", "result", "fadd", "fsub", "fmul", "fneg", "fabs", "copysign", "select", "and", "or", "xor",
        "uitofp", "oeq", "une", "olt", "ole", "ogt", "oge", "uno",
    )
)  # fmt: skip


_SIMPLER = frozenset(("fadd", "fsub", "fmul", "fdiv", "fneg", "select"))


class Instruction(NamedTuple):
    """`op` of earlier values; or, without any, the constant or the input that `data` names."""

    op: str
    args: tuple[int, ...]
    kind: str  # 'd' for doubles, 'b' for truth values, 'i' for 64-bit integers, 'j' for positions, of 32 bits
    data: Any = None


class Repeat(NamedTuple):
    """A loop as an instruction, of all numbers of its operands; "result" instructions are the numbers it gives.

    scalars: the step's code; length, backwards: how many steps, and in which order
    """

    body: Any
    scalars: Any
    length: int
    backwards: bool


class Code:
    """Instructions being written. `zero` and `one` are the structural constants."""

    __slots__ = ("_known", "_results", "instructions", "one", "zero")

    def __init__(self) -> None:
        self.instructions: list[Instruction] = []
        self._known: dict[Any, int] = {}
        self._results = 0
        self.zero = self._append("constant", (), "d", 0.0)
        self.one = self._append("constant", (), "d", 1.0)

    def _append(self, op: str, args: tuple[int, ...], kind: str, data: Any = None) -> int:
        self.instructions.append(Instruction(op, args, kind, data))
        return len(self.instructions) - 1

    def input(self, leaf: int, place: int) -> int:
        """Number `place` of argument `leaf`."""
        return self._append("input", (), "d", (leaf, place))

    def read(self, access: Any, kind: str) -> int:
        """What stands at a place of an array, each distinct one once."""
        key = ("read", access)
        if key not in self._known:
            self._known[key] = self._append("input", (), kind, access)
        return self._known[key]

    def gather(self, begin: Any, position: int, step: int) -> int:
        """What stands `step` times a position further on than a place of an array."""
        key = ("gather", begin, position)
        if key not in self._known:
            self._known[key] = self._append("gather", (position,), "d", (begin, step))
        return self._known[key]

    def constant(self, x: Any, structural: bool = False) -> int:
        """A constant; a 1 is as good as any other, a 0 is structural only where that is said."""
        kind = "b" if isinstance(x, bool) else "i" if isinstance(x, int) else "d"
        if kind == "d":
            x = float(x)
            if structural and x == 0.0:
                return self.zero
            if x == 1.0:
                return self.one
        key = (kind, struct.pack("d", x) if kind == "d" else x)
        if key not in self._known:
            self._known[key] = self._append("constant", (), kind, x)
        return self._known[key]

    def value(self, k: int) -> Any:
        """The constant at position `k`, or None."""
        instruction = self.instructions[k]
        return instruction.data if instruction.op == "constant" else None

    def kind(self, k: int) -> str:
        """'d', 'b' or 'i'."""
        return self.instructions[k].kind

    def emit(self, op: str, *args: int, kind: str = "d") -> int:
        """An instruction, or the earlier value that it comes to."""
        if op in _SIMPLER:
            simple = self._simple(op, args)
            if simple is not None:
                return simple
            if args[0] > args[-1] and (op == "fadd" or op == "fmul"):
                args = args[::-1]
        key = (op, *args)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = len(self.instructions)
            self.instructions.append(Instruction(op, args, kind))
        return known

    def repeat(self, loop: Repeat, args: tuple[int, ...], results: int) -> list[int]:
        """The numbers that a loop gives."""
        key = ("repeat", id(loop.body), loop.length, loop.backwards, args)
        if key not in self._known:
            self._known[key] = k = self._append("repeat", args, "d", loop)
            for i in range(results):
                self._append("result", (k,), "d", i)
            self._results += results
        k = self._known[key]
        return list(range(k + 1, k + 1 + results))

    @property
    def size(self) -> int:
        """How many instructions there are, without the results of loops."""
        return len(self.instructions) - self._results

    @property
    def repeats(self) -> bool:
        """Whether there are loops, which Python's straight lines have not."""
        return any(new.op == "repeat" for new in self.instructions)

    def cost(self) -> int:
        """What it takes to run, in additions: ten for what is neither arithmetic nor a choice."""
        return sum(
            new.data.length * new.data.scalars.code.cost()
            if new.op == "repeat"
            else 1
            if new.op in _QUICK
            else 10
            for new in self.instructions
        )

    def _simple(self, op: str, args: tuple[int, ...]) -> int | None:
        zero, one = self.zero, self.one
        if op == "fmul":
            a, b = args
            if a == zero or b == zero:
                return zero
            return b if a == one else a if b == one else self._folded(op, a, b)
        if op == "fadd" or op == "fsub":
            a, b = args
            if b == zero:
                return a
            if a == zero:
                return b if op == "fadd" else self.emit("fneg", b)
            return self._folded(op, a, b)
        if op == "fdiv":
            return zero if args[0] == zero else args[0] if args[1] == one else None
        if op == "fneg":
            if args[0] == zero:
                return zero
            inner = self.instructions[args[0]]
            if inner.op == "constant":
                return self.constant(-inner.data)
            return inner.args[0] if inner.op == "fneg" else None
        if op == "select":
            c, a, b = args
            known = self.value(c)
            return a if a == b or known is True else b if known is False else None
        return None

    def _folded(self, op: str, a: int, b: int) -> int | None:
        x, y = self.instructions[a], self.instructions[b]
        if x.op != "constant" or y.op != "constant":
            return None
        z = x.data * y.data if op == "fmul" else x.data + y.data if op == "fadd" else x.data - y.data
        return self.constant(z) if math.isfinite(z) else None
