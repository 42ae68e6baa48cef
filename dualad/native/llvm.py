"""LLVM's text for scalar code: functions of bounded length, so that compile time grows with the program's alone.

The kernel is `i32 kernel(ptr in, ptr out)`: pointers to the arguments' and the results' numbers, and 1 where all
guards held. Values that a later function needs wait in a block of memory of the call's own.
"""

from __future__ import annotations

import math
import struct
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import repeat
from .code import Code, Instruction, Repeat
from .lowering import INTRINSICS, LIBRARY
from .repeat import once

CHUNK = 1500  # instructions a function
CLEARED = 32  # structural zeros in one result
STACK = 4096  # waiting values on the stack; more are allocated
_TYPE = {"d": "double", "b": "i1"}


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
        self.copied: list[tuple[int, list[int]]] = []  # results that are an argument's or a loop's
        self.cleared: list[
            tuple[int, int]
        ] = []  # results of many zeros: set to them at once, with their size
        for leaf, ks in enumerate(outputs):
            flat = ks.ravel().tolist()
            if len(flat) > 1 and self._run(flat) is not None:
                self.copied.append((leaf, flat))
                continue
            clear = flat.count(code.zero) > CLEARED
            if clear:
                self.cleared.append((leaf, len(flat)))
            for i, k in enumerate(flat):
                if not clear or k != code.zero:
                    self.results[k].append((leaf, i))
        self.guards = guards
        needed = self._needed()
        self.order = [k for k in needed if self.code[k].args and self.code[k].op != "result"]
        self.chunks = [self.order[i : i + CHUNK] for i in range(0, len(self.order), CHUNK)] or [[]]
        home = {k: n for n, chunk in enumerate(self.chunks) for k in chunk}
        last = len(self.chunks) - 1
        used_later = {a for k in self.order for a in self.code[k].args if a in home and home[a] != home[k]}
        used_later |= {k for k, _ in guards if k in home and home[k] != last}
        self.slots = {k: n for n, k in enumerate(sorted(used_later))}
        self.size = max(len(self.slots), 1)  # of the memory of a call
        self.places: dict[int, int] = {}  # of loops, where in it their operands begin, and then their results
        self.loops: dict[int, str] = {}  # by step, the functions that they are
        self.texts: list[str] = []
        for k in self.order:
            if self.code[k].op == "repeat":
                self._place(k)
        self.called: set[str] = set()

    def _place(self, k: int) -> None:
        loop: Repeat = self.code[k].data
        values, s = loop.body.program.values, loop.body.states
        self.places[k] = self.size
        self.size += len(self.code[k].args)
        for i, j in enumerate(loop.body.program.outputs):
            self.size += math.prod(values[j].shape) * (1 if i < s else loop.length)
        if id(loop.body) not in self.loops:
            step = f"{self.name}_step{len(self.loops)}"
            self.loops[id(loop.body)] = f"{step}_loop"
            self.texts += [
                kernel(loop.scalars.code, loop.scalars.outputs, (), step),
                repeat.loop(f"{step}_loop", step, loop.body),
            ]

    def _run(self, ks: Sequence[int]) -> tuple[str, int, int] | None:
        """Where numbers stand that follow one another in memory: an argument's or a loop's, and the first."""
        first = self.code[ks[0]]
        if first.op == "result":
            same = all(self.code[k].op == "result" and k == ks[0] + i for i, k in enumerate(ks))
            same = same and self.code[ks[-1]].args == first.args
            return ("result", first.args[0], first.data) if same else None
        if first.op == "input":
            leaf, place = first.data
            same = all(self.code[k].data == (leaf, place + i) for i, k in enumerate(ks))
            return ("input", leaf, place) if same else None
        return None

    def _needed(self) -> list[int]:
        """What the results need, each one's operands just before it: so that few values wait for long."""
        found: list[int] = []
        seen = bytearray(len(self.code))
        copied = [ks[0] for _, ks in self.copied]
        stack = [*(k for k, _ in self.guards), *self.results, *copied][::-1]
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
        return "\n\n".join(["\n".join(declarations), *self.texts, *functions, self._entry()])

    def _entry(self) -> str:
        lines = [f"define i32 @{self.name}(ptr %in, ptr %out) {{"]
        size = self.size
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
            lines.append(f"  %held{n} = call i1 @{self.name}_part{n}(ptr %in, ptr %out, ptr %work)")
        if size > STACK:
            lines.append("  call void @free(ptr %work)")
        lines.append(f"  %all = zext i1 %held{len(self.chunks) - 1} to i32\n  ret i32 %all\n}}")
        memory = "declare ptr @malloc(i64)\ndeclare void @free(ptr)\n\n" if size > STACK else ""
        if self.copied:
            memory += repeat.DECLARATIONS[0] + "\n"
        if self.cleared:
            memory += "declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)\n\n"
        return memory + "\n".join(lines)

    def _function(self, n: int, chunk: list[int]) -> str:
        self.lines = [f"define internal i1 @{self.name}_part{n}(ptr %in, ptr %out, ptr %work) noinline {{"]
        self.ready: dict[int, str] = {}
        self.pointers: set[tuple[str, int]] = set()
        self.temporary = 0
        for k in chunk:
            if self.code[k].op == "repeat":
                self._repeat(k)
                continue
            operands = [self._operand(a) for a in self.code[k].args]
            self.lines.append(f"  %v{k} = {self._instruction(self.code[k], operands)}")
            self.ready[k] = f"%v{k}"
            if k in self.slots:
                self._store(self._as_double(k), "%work", self.slots[k])
            for leaf, i in self.results.get(k, ()):
                self._store(self._as_double(k), self._pointer("out", leaf), i)
        held = "true"
        if n == len(self.chunks) - 1:
            for leaf, ks in self.copied:
                to, size = self._pointer("out", leaf), 8 * len(ks)
                self.lines.append(
                    f"  call void @llvm.memcpy.p0.p0.i64(ptr {to}, ptr {self._at(ks)}, i64 {size}, i1 false)"
                )
            for k, places in self.results.items():
                if not self.code[k].args or self.code[k].op == "result":  # not computed here, handed on
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
        elif instruction.op == "result":
            text = self._load("%work", self._result(k))
        else:
            text = self._load("%work", self.slots[k])
            if instruction.kind == "b":
                truth = self._new()
                self.lines.append(f"  {truth} = fcmp une double {text}, 0.0")
                text = truth
        self.ready[k] = text
        return text

    def _result(self, k: int) -> int:
        """Where in the memory of a call one of a loop's results stands."""
        (loop,) = self.code[k].args
        return self.places[loop] + len(self.code[loop].args) + int(self.code[k].data)

    def _at(self, ks: Sequence[int]) -> str:
        """A pointer to numbers that follow one another."""
        run, at = self._run(ks), self._new()
        assert run is not None
        kind, leaf, place = run
        base, place = (
            (self._pointer("in", leaf), place) if kind == "input" else ("%work", self._result(ks[0]))
        )
        self.lines.append(f"  {at} = getelementptr double, ptr {base}, i64 {place}")
        return at

    def _repeat(self, k: int) -> None:
        """A call of a loop: tables of pointers to its operands, which are copied where they are scattered."""
        instruction = self.code[k]
        loop: Repeat = instruction.data
        program, s = loop.body.program, loop.body.states
        place, rest, pointers = self.places[k], list(instruction.args), []
        for i, j in enumerate(program.inputs):
            long = s <= i < s + loop.body.elements
            size = math.prod(program.values[j].shape) * (loop.length if long else 1)
            ks, rest = rest[:size], rest[size:]
            if ks and self._run(ks) is None:
                for n, a in enumerate(ks):
                    self._store(self._as_double(a), "%work", place + n)
            pointers.append(self._at(ks) if ks and self._run(ks) is not None else self._inside(place))
            place += size
        written = []
        for i, j in enumerate(program.outputs):
            written.append(self._inside(place))
            place += math.prod(program.values[j].shape) * (1 if i < s else loop.length)
        tables = [self._table(pointers), self._table(written)]
        first, by = (loop.length - 1, -1) if loop.backwards else (0, 1)
        self.lines.append(
            f"  call void @{self.loops[id(loop.body)]}(ptr {tables[0]}, ptr {tables[1]}, i64 {loop.length}, "
            f"i64 {first}, i64 {by})"
        )

    def _inside(self, place: int) -> str:
        at = self._new()
        self.lines.append(f"  {at} = getelementptr double, ptr %work, i64 {place}")
        return at

    def _table(self, pointers: Sequence[str]) -> str:
        table = self._new()
        self.lines.append(f"  {table} = alloca ptr, i64 {max(len(pointers), 1)}")
        for n, pointer in enumerate(pointers):
            to = self._new()
            self.lines.append(f"  {to} = getelementptr ptr, ptr {table}, i64 {n}")
            self.lines.append(f"  store ptr {pointer}, ptr {to}")
        return table

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
