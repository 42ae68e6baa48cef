"""LLVM's text for scalar code: functions of bounded length, so that compile time grows with the program's alone.

The kernel is `i32 kernel(ptr in, ptr out)`: pointers to the arguments' and the results' numbers, and 1 where all
guards held. Values that a later function needs wait in a block of memory of the call's own.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from .code import Code, Instruction
from .lowering import INTRINSICS, LIBRARY

CHUNK = 1500  # instructions a function
CLEARED = 32  # structural zeros in one result
STACK = 4096  # waiting values on the stack; more are allocated
_TYPE = {"d": "double", "b": "i1"}


def kernel(code: Code, outputs: Sequence[np.ndarray], guards: Sequence[tuple[int, Any]]) -> str:
    """The module's text: the kernel, the functions it is cut into, and declarations of what they call."""
    return _Writer(code, outputs, guards).module()


class _Writer:
    def __init__(self, code: Code, outputs: Sequence[np.ndarray], guards: Sequence[tuple[int, Any]]) -> None:
        self.code = code.instructions
        self.results: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self.cleared: list[
            tuple[int, int]
        ] = []  # results of many zeros: set to them at once, with their size
        for leaf, ks in enumerate(outputs):
            flat = ks.ravel().tolist()
            clear = flat.count(code.zero) > CLEARED
            if clear:
                self.cleared.append((leaf, len(flat)))
            for i, k in enumerate(flat):
                if not clear or k != code.zero:
                    self.results[k].append((leaf, i))
        self.guards = guards
        needed = self._needed()
        self.order = [k for k in needed if self.code[k].args]
        self.chunks = [self.order[i : i + CHUNK] for i in range(0, len(self.order), CHUNK)] or [[]]
        home = {k: n for n, chunk in enumerate(self.chunks) for k in chunk}
        last = len(self.chunks) - 1
        used_later = {a for k in self.order for a in self.code[k].args if a in home and home[a] != home[k]}
        used_later |= {k for k, _ in guards if k in home and home[k] != last}
        self.slots = {k: n for n, k in enumerate(sorted(used_later))}
        self.called: set[str] = set()

    def _needed(self) -> list[int]:
        """What the results need, each one's operands just before it: so that few values wait for long."""
        found: list[int] = []
        seen = bytearray(len(self.code))
        stack = [*(k for k, _ in self.guards), *self.results][::-1]
        while stack:
            k = stack[-1]
            waiting = [a for a in self.code[k].args if not seen[a]]
            if waiting and not seen[k]:
                stack += waiting[::-1]
                continue
            stack.pop()
            if not seen[k]:
                seen[k] = 1
                found.append(k)
        return found

    def module(self) -> str:
        functions = [self._function(n, chunk) for n, chunk in enumerate(self.chunks)]
        declarations = [
            f"declare double @{name}({', '.join(['double'] * n)})" for name, n in sorted(_arity(self.called))
        ]
        return "\n\n".join(["\n".join(declarations), *functions, self._entry()])

    def _entry(self) -> str:
        lines = ["define i32 @kernel(ptr %in, ptr %out) {"]
        size = max(len(self.slots), 1)
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
            lines.append(f"  %held{n} = call i1 @part{n}(ptr %in, ptr %out, ptr %work)")
        if size > STACK:
            lines.append("  call void @free(ptr %work)")
        lines.append(f"  %all = zext i1 %held{len(self.chunks) - 1} to i32\n  ret i32 %all\n}}")
        memory = "declare ptr @malloc(i64)\ndeclare void @free(ptr)\n\n" if size > STACK else ""
        if self.cleared:
            memory += "declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)\n\n"
        return memory + "\n".join(lines)

    def _function(self, n: int, chunk: list[int]) -> str:
        self.lines = [f"define internal i1 @part{n}(ptr %in, ptr %out, ptr %work) noinline {{"]
        self.ready: dict[int, str] = {}
        self.pointers: set[tuple[str, int]] = set()
        self.temporary = 0
        for k in chunk:
            operands = [self._operand(a) for a in self.code[k].args]
            self.lines.append(f"  %v{k} = {self._instruction(self.code[k], operands)}")
            self.ready[k] = f"%v{k}"
            if k in self.slots:
                self._store(self._as_double(k), "%work", self.slots[k])
            for leaf, i in self.results.get(k, ()):
                self._store(self._as_double(k), self._pointer("out", leaf), i)
        held = "true"
        if n == len(self.chunks) - 1:
            for k, places in self.results.items():
                if not self.code[k].args:  # an argument or a constant, handed on
                    for leaf, i in places:
                        self._store(self._as_double(k), self._pointer("out", leaf), i)
            for k, expected in self.guards:
                held = self._holds(held, k, expected)
        self.lines.append(f"  ret i1 {held}\n}}")
        return "\n".join(self.lines)

    def _new(self) -> str:
        self.temporary += 1
        return f"%t{self.temporary}"

    def _pointer(self, table: str, leaf: int) -> str:
        name = f"%{table}{leaf}"
        if (table, leaf) not in self.pointers:
            self.pointers.add((table, leaf))
            place = self._new()
            self.lines.append(f"  {place} = getelementptr ptr, ptr %{table}, i64 {leaf}")
            self.lines.append(f"  {name} = load ptr, ptr {place}")
        return name

    def _store(self, value: str, pointer: str, place: int) -> None:
        to = self._new()
        self.lines.append(f"  {to} = getelementptr double, ptr {pointer}, i64 {place}")
        self.lines.append(f"  store double {value}, ptr {to}")

    def _load(self, pointer: str, place: int) -> str:
        at, value = self._new(), self._new()
        self.lines.append(f"  {at} = getelementptr double, ptr {pointer}, i64 {place}")
        self.lines.append(f"  {value} = load double, ptr {at}")
        return value

    def _operand(self, k: int) -> str:
        if k in self.ready:
            return self.ready[k]
        instruction = self.code[k]
        if instruction.op == "constant":
            text = literal(instruction)
        elif instruction.op == "input":
            leaf, place = instruction.data
            text = self._load(self._pointer("in", leaf), place)
        else:
            text = self._load("%work", self.slots[k])
            if instruction.kind == "b":
                truth = self._new()
                self.lines.append(f"  {truth} = fcmp une double {text}, 0.0")
                text = truth
        self.ready[k] = text
        return text

    def _as_double(self, k: int) -> str:
        text = self._operand(k)
        if self.code[k].kind != "b":
            return text
        value = self._new()
        self.lines.append(f"  {value} = uitofp i1 {text} to double")
        return value

    def _holds(self, held: str, k: int, expected: Any) -> str:
        same, both = self._new(), self._new()
        value = self._as_double(k)
        number = literal(Instruction("constant", (), "d", float(expected)))
        self.lines.append(f"  {same} = fcmp oeq double {value}, {number}")
        self.lines.append(f"  {both} = and i1 {held}, {same}")
        return both

    def _instruction(self, instruction: Instruction, a: list[str]) -> str:
        op = instruction.op
        if op in ("fadd", "fsub", "fmul", "fdiv"):
            return f"{op} double {a[0]}, {a[1]}"
        if op == "fneg":
            return f"fneg double {a[0]}"
        if op in ("oeq", "une", "olt", "ole", "ogt", "oge", "uno"):
            return f"fcmp {op} double {a[0]}, {a[1]}"
        if op in ("and", "or", "xor"):
            return f"{op} i1 {a[0]}, {a[1]}"
        if op == "select":
            kind = _TYPE[self.code[instruction.args[1]].kind]
            return f"select i1 {a[0]}, {kind} {a[1]}, {kind} {a[2]}"
        if op == "uitofp":
            return f"uitofp i1 {a[0]} to double"
        name = f"llvm.{op}.f64" if op in INTRINSICS else op
        self.called.add(name)
        return f"call double @{name}({', '.join(f'double {v}' for v in a)})"


def _arity(names: set[str]) -> list[tuple[str, int]]:
    two = {"pow", "atan2", "hypot", "fmod", "nextafter", "llvm.copysign.f64"}
    assert all(name in LIBRARY or name.startswith("llvm.") for name in names), names
    return [(name, 2 if name in two else 1) for name in names]


def literal(instruction: Instruction) -> str:
    """A constant as LLVM writes it: doubles by their bits."""
    if instruction.kind == "b":
        return "true" if instruction.data else "false"
    return "0x" + struct.pack(">d", float(instruction.data)).hex().upper()
