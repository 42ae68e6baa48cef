"""LLVM's text for scalar code: functions of bounded length, so that compile time grows with the program's alone.

The kernel is `i32 kernel(ptr in, ptr out)`: pointers to the arguments' and the results' numbers, and 1 where all
guards held. Values that a later function needs wait in a block of memory of the call's own.

The text is what LLVM's fast selection takes whole, and short, as reading it is a good part of compiling: values have
their numbers for names; functions return an i32, not an i1, and call others by pointers, as they may be far away.
"""

from __future__ import annotations

import math
import struct
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from .code import Code, Instruction
from .lowering import INTRINSICS, LIBRARY
from .repeat import COPY, DECLARATIONS, Loops, once, repeated, run

CHUNK = 1500  # instructions a function
CLEARED = 32  # structural zeros in one result
STACK = 4096  # waiting values on the stack; more are allocated
_TYPE = {"d": "double", "b": "i1"}
_FORMS = {
    **{op: op + " double %s, %s" for op in ("fadd", "fsub", "fmul", "fdiv")},
    **{op: f"fcmp {op} double %s, %s" for op in ("oeq", "une", "olt", "ole", "ogt", "oge", "uno")},
    **{op: op + " i1 %s, %s" for op in ("and", "or", "xor")},
    "fneg": "fneg double %s",
    "uitofp": "uitofp i1 %s to double",
}


def kernel(
    code: Code, outputs: Sequence[np.ndarray], guards: Sequence[tuple[int, Any]], name: str = "kernel"
) -> str:
    """The module's text: the kernel, the functions it is cut into, and declarations of what they call."""
    return once(_Writer(code, outputs, guards, name).module())


class _Writer:
    def __init__(
        self, code: Code, outputs: Sequence[np.ndarray], guards: Sequence[tuple[int, Any]], name: str
    ) -> None:
        self.code, self.name = code.instructions, name
        self.results: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self.cleared: list[
            tuple[int, int]
        ] = []  # results of many zeros: all set to them first; with their size
        self.copied: list[tuple[int, list[int]]] = []  # results that stand in memory as they are
        zeros = {
            k
            for ks in outputs
            for k in (ks.ravel().tolist() if ks.size > CLEARED else ())
            if self._is_zero(k)
        }
        for leaf, ks in enumerate(outputs):
            flat = ks.ravel().tolist()
            if len(flat) > 1 and run(self.code, flat) is not None:
                self.copied.append((leaf, flat))
                continue
            clear = sum(map(zeros.__contains__, flat)) > CLEARED
            if clear:
                self.cleared.append((leaf, len(flat)))
            for i, k in enumerate(flat):
                if not clear or k not in zeros:
                    self.results[k].append((leaf, i))
        self.guards = guards
        needed = self._needed()
        self.order = [k for k in needed if self.code[k].args and self.code[k].op != "result"]
        self.chunks = [self.order[i : i + CHUNK] for i in range(0, len(self.order), CHUNK)] or [[]]
        self.slots = self._slots()
        self.loops = Loops(self.code, self.order, len(self.slots), name)
        self.called: set[str] = set()

    def _is_zero(self, k: int) -> bool:
        x = self.code[k].data
        return self.code[k].op == "constant" and x == 0.0 and math.copysign(1.0, x) > 0.0

    def _slots(self) -> dict[int, int]:
        """Places of the values that wait for another function."""
        last = len(self.chunks) - 1
        if last == 0:
            return {}
        home = [-1] * len(self.code)  # the function that computes it
        for n, chunk in enumerate(self.chunks):
            for k in chunk:
                home[k] = n
        waiting = {k for k, _ in self.guards if 0 <= home[k] != last}
        for n, chunk in enumerate(self.chunks):
            waiting.update([a for k in chunk for a in self.code[k].args if 0 <= home[a] != n])
        return {k: n for n, k in enumerate(sorted(waiting))}

    def _needed(self) -> list[int]:
        """What the results need, each one's operands just before it: so that few values wait for long."""
        found: list[int] = []
        seen = bytearray(len(self.code))
        copied = [ks[0] for _, ks in self.copied]
        stack = [*(k for k, _ in self.guards), *self.results, *copied][::-1]
        while stack:
            k = stack[-1]
            if not seen[k]:
                waiting = [a for a in self.code[k].args if not seen[a]]
                if waiting:
                    stack += waiting[::-1]
                    continue
                seen[k] = 1
                found.append(k)
            stack.pop()
        return found

    def module(self) -> str:
        functions = []
        for n, chunk in enumerate(self.chunks):
            part = _Part(self, chunk)
            if n == len(self.chunks) - 1:
                part.end()
            functions.append(part.text(n))
            self.called |= part.called
        declarations = [
            f"declare double @{name}({', '.join(['double'] * n)})" for name, n in sorted(_arity(self.called))
        ]
        steps = [
            kernel(loop.scalars.code, loop.scalars.outputs, (), step)
            for step, loop in self.loops.steps.items()
        ]
        around = [repeated(f"{step}_loop", step, loop.body) for step, loop in self.loops.steps.items()]
        return "\n\n".join(["\n".join(declarations), *steps, *around, *functions, self._entry()])

    def _entry(self) -> str:
        lines = [f"define i32 @{self.name}(ptr %in, ptr %out) {{"]
        size = max(self.loops.size, 1)
        if size <= STACK:
            lines.append(f"  %work = alloca double, i64 {size}")
        else:
            lines.append(f"  %work = call ptr @malloc(i64 {8 * size})")
        for leaf, length in self.cleared:
            lines.append(f"  %c{leaf} = getelementptr ptr, ptr %out, i64 {leaf}")
            lines.append(f"  %clear{leaf} = load ptr, ptr %c{leaf}")
            lines.append(
                f"  call void @llvm.memset.p0.i64(ptr %clear{leaf}, i8 0, i64 {8 * length}, i1 false)"
            )
        for n in range(len(self.chunks)):
            lines.append(f"  %held{n} = call i32 @{self.name}_part{n}(ptr %in, ptr %out, ptr %work)")
        if size > STACK:
            lines.append("  call void @free(ptr %work)")
        lines.append(f"  ret i32 %held{len(self.chunks) - 1}\n}}")
        memory = "declare ptr @malloc(i64)\ndeclare void @free(ptr)\n\n" if size > STACK else ""
        if self.copied:
            memory += DECLARATIONS[0] + "\n"
        if self.cleared:
            memory += "declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)\n\n"
        return memory + "\n".join(lines)


class _Part:
    """One function being written: `chunk`'s instructions, and the stores of the results among them."""

    def __init__(self, writer: _Writer, chunk: list[int]) -> None:
        self.code, self.slots, self.writer = writer.code, writer.slots, writer
        self.lines: list[str] = []
        self.ready: dict[int, str] = {}
        self.pointers: dict[tuple[str, int], str] = {}
        self.called: set[str] = set()
        self.values = 0
        self.held = "true"
        code, ready, results, slots = self.code, self.ready, writer.results, self.slots
        for k in chunk:
            op, args, _, _ = code[k]
            if op == "repeat":
                self._repeat(k)
                continue
            operands = [ready[a] if a in ready else self._operand(a) for a in args]
            form = _FORMS.get(op)
            ready[k] = self._new(form % tuple(operands) if form else self._other(code[k], operands))
            if k in slots:
                self._store(self._as_double(k), "%work", slots[k])
            if k in results:
                self._result(k)

    def end(self) -> None:
        """Write what no instruction computes, an argument or a constant handed on, and look at the guards."""
        for leaf, ks in self.writer.copied:
            to, size = self._pointer("%out", leaf), 8 * len(ks)
            self.lines.append(COPY % (to, self._run(ks), size))
        for k in self.writer.results:
            if not self.code[k].args or self.code[k].op == "result":
                self._result(k)
        for k, expected in self.writer.guards:
            number = literal(Instruction("constant", (), "d", float(expected)))
            same = self._new(f"fcmp oeq double {self._as_double(k)}, {number}")
            self.held = self._new(f"and i1 {self.held}, {same}")

    def text(self, n: int) -> str:
        """The whole function."""
        lines = [
            f"define internal i32 @{self.writer.name}_part{n}(ptr %in, ptr %out, ptr %work) noinline {{\nhead:"
        ]
        lines += [
            f"  %{name} = bitcast ptr @{name} to ptr" for name in sorted(self.called) if "." not in name
        ]
        held = self._new(f"zext i1 {self.held} to i32")
        return "\n".join([*lines, "  br label %body\nbody:", *self.lines, f"  ret i32 {held}\n}}"])

    def _new(self, text: str) -> str:
        name = f"%{self.values}"
        self.values += 1
        self.lines.append(f" {name} = {text}")
        return name

    def _at(self, pointer: str, place: int, kind: str = "double") -> str:
        return self._new(f"getelementptr {kind}, ptr {pointer}, i64 {place}") if place else pointer

    def _pointer(self, table: str, leaf: int) -> str:
        key = table, leaf
        if key not in self.pointers:
            self.pointers[key] = self._new(f"load ptr, ptr {self._at(table, leaf, 'ptr')}")
        return self.pointers[key]

    def _store(self, value: str, pointer: str, place: int) -> None:
        self.lines.append(f" store double {value}, ptr {self._at(pointer, place)}")

    def _load(self, pointer: str, place: int) -> str:
        return self._new(f"load double, ptr {self._at(pointer, place)}")

    def _result(self, k: int) -> None:
        for leaf, i in self.writer.results[k]:
            self._store(self._as_double(k), self._pointer("%out", leaf), i)

    def _operand(self, k: int) -> str:
        if k in self.ready:
            return self.ready[k]
        instruction = self.code[k]
        if instruction.op == "constant":
            text = literal(instruction)
        elif instruction.op == "input":
            leaf, place = instruction.data
            text = self._load(self._pointer("%in", leaf), place)
        elif instruction.op == "result":
            text = self._load("%work", self.writer.loops.place(k))
        else:
            text = self._load("%work", self.slots[k])
            if instruction.kind == "b":
                text = self._new(f"fcmp une double {text}, 0.0")
        self.ready[k] = text
        return text

    def _run(self, ks: Sequence[int]) -> str:
        """A pointer to numbers that follow one another in memory."""
        kind, leaf, place = run(self.code, ks) or ("", 0, 0)
        if kind == "input":
            return self._at(self._pointer("%in", leaf), place)
        return self._at("%work", self.writer.loops.place(ks[0]))

    def _repeat(self, k: int) -> None:
        """A call of a loop, with tables of pointers to its operands and results."""
        tables = []
        for rows in self.writer.loops.operands(k):
            tables.append(self._new(f"alloca ptr, i64 {max(len(rows), 1)}"))
            for n, (ks, place) in enumerate(rows):
                if place is None:
                    pointer = self._run(ks)
                else:
                    pointer = self._at("%work", place)
                    for i, a in enumerate(ks):
                        self._store(self._as_double(a), "%work", place + i)
                self.lines.append(f" store ptr {pointer}, ptr {self._at(tables[-1], n, 'ptr')}")
        self.lines.append(self.writer.loops.call(k, *tables))

    def _as_double(self, k: int) -> str:
        text = self._operand(k)
        return text if self.code[k].kind != "b" else self._new(f"uitofp i1 {text} to double")

    def _other(self, instruction: Instruction, a: list[str]) -> str:
        op = instruction.op
        if op == "select":
            kind = _TYPE[self.code[instruction.args[1]].kind]
            return f"select i1 {a[0]}, {kind} {a[1]}, {kind} {a[2]}"
        given = ", ".join([f"double {v}" for v in a])
        if op in INTRINSICS:
            self.called.add(f"llvm.{op}.f64")
            return f"call double @llvm.{op}.f64({given})"
        self.called.add(op)
        return f"call double %{op}({given})"


def _arity(names: set[str]) -> list[tuple[str, int]]:
    two = {"pow", "atan2", "hypot", "fmod", "nextafter", "llvm.copysign.f64"}
    assert all(name in LIBRARY or name.startswith("llvm.") for name in names), names
    return [(name, 2 if name in two else 1) for name in names]


def literal(instruction: Instruction) -> str:
    """A constant as LLVM writes it: doubles by their bits."""
    if instruction.kind == "b":
        return "true" if instruction.data else "false"
    return "0x" + struct.pack(">d", float(instruction.data)).hex().upper()
