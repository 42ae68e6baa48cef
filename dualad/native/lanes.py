"""LLVM's text for what is inside of loops: one iteration computes a vector of numbers."""

from __future__ import annotations

import math
from typing import NamedTuple

from .code import Code, Instruction
from .llvm import literal
from .lowering import INTRINSICS
from .vectors import Vectors

# How numbers lie in memory
STORED = {"d": "double", "b": "i8", "i": "i64", "j": "i32"}
_ALIGN = {"d": 8, "b": 1, "i": 8, "j": 4}
# How they are computed with
_READ = {"d": "double", "b": "i1", "i": "double", "j": "i32"}
# What reductions start from
NEUTRAL = {"sum": 0.0, "max": -math.inf, "min": math.inf}


class Total(NamedTuple):
    """A reduction: the value, the place that it is joined to, and how: 'sum', 'max' or 'min'."""

    k: int
    pointer: str
    stride: int
    how: str
    kind: str


class Writer:
    """The lines of one function."""

    def __init__(self, vectors: Vectors) -> None:
        self.vectors, self.lines, self.declared = vectors, list[str](), set[str]()
        self.label, self.count = "entry", 0

    def new(self) -> str:
        """A name for a value."""
        return "%" + self.fresh("t")

    def fresh(self, name: str) -> str:
        """A name that no other has."""
        self.count += 1
        return f"{name}{self.count}"

    def put(self, text: str) -> str:
        """Write an instruction, and return the name of its result."""
        name = self.new()
        self.lines.append(f"  {name} = {text}")
        return name

    def begin(self, label: str) -> None:
        """Begin a block, which follows the one before."""
        self.lines += [f"  br label %{label}", f"{label}:"]
        self.label = label

    def branch(self, condition: str, label: str) -> None:
        """Back to a block on a condition, or on to the next one."""
        out = self.fresh("then")
        self.lines += [f"  br i1 {condition}, label %{label}, label %{out}", f"{out}:"]
        self.label = out


class Lanes:
    """An inner loop, over `code` in `order`. What is the same for all numbers is computed before.

    at: (pointer, stride) of each value that is read; stores: (value, pointer, stride)
    """

    def __init__(
        self,
        writer: Writer,
        code: Code,
        order: list[int],
        at: dict[int, tuple[str, int]],
        stores: list[tuple[int, str, int]],
        totals: list[Total],
    ) -> None:
        self.writer, self.code, self.order = writer, code.instructions, order
        self.at, self.stores = at, stores
        self.totals = [total for total in totals if total.stride == 0]
        self.joined = [total for total in totals if total.stride]

    def over(self, n: int) -> None:
        """From 0 to n; the last vector begins early enough to be whole."""
        writer = self.writer
        self.width = width = writer.vectors.width if n >= writer.vectors.width else 1
        self.number = "double" if width == 1 else f"<{width} x double>"
        self.truth = "i1" if width == 1 else f"<{width} x i1>"
        self.values: dict[int, str] = {}
        self.fixed: set[int] = set()
        for k in self.order:
            instruction = self.code[k]
            stride = self.at[k][1] if k in self.at else 0
            if stride == 0 and all(a in self.fixed for a in instruction.args):
                self.fixed.add(k)
                self.values[k] = self._value(k, instruction, "0")
        found = [self._same(NEUTRAL[total.how]) for total in self.totals]
        trips, rest = divmod(n, width)
        found = self._body("0", found, 0) if trips == 1 else self._repeated(trips * width, found)
        if rest:
            found = self._body(str(n - width), found, width - rest)
        for total, y in zip(self.totals, found, strict=True):
            there = self._one(total.pointer, total.kind)
            y = self._combined(total.how, there, self._across(total.how, y), "double")
            y = self._written(y, total.kind, 1)
            writer.lines.append(f"  store {STORED[total.kind]} {y}, ptr {total.pointer}, align 8")

    def _repeated(self, end: int, found: list[str]) -> list[str]:
        writer = self.writer
        before, label, i, after = writer.label, writer.fresh("inner"), writer.new(), writer.new()
        now = [writer.new() for _ in found]
        writer.begin(label)
        line = len(writer.lines)
        writer.lines += [""] * (1 + len(found))
        then = self._body(i, now, 0)
        writer.lines[line] = f"  {i} = phi i64 [0, %{before}], [{after}, %{label}]"
        for n, (start, a, b) in enumerate(zip(found, now, then, strict=True)):
            writer.lines[line + 1 + n] = f"  {a} = phi {self.number} [{start}, %{before}], [{b}, %{label}]"
        writer.lines.append(f"  {after} = add i64 {i}, {self.width}")
        writer.branch(writer.put(f"icmp ult i64 {after}, {end}"), label)
        return then

    def _body(self, i: str, found: list[str], done: int) -> list[str]:
        """One vector of numbers, the first of which are `done` already; returns what the totals have come to."""
        for k in self.order:
            if k not in self.fixed:
                self.values[k] = self._value(k, self.code[k], i)
        then = [
            self._combined(total.how, y, self._new(total, done), self.number)
            for total, y in zip(self.totals, found, strict=True)
        ]
        for total in self.joined:
            there = self._load(total.pointer, total.stride, i, total.kind)
            y = self._combined(total.how, there, self._new(total, done), self.number)
            self._store(y, total.pointer, total.stride, i, total.kind)
        for k, to, stride in self.stores:
            self._store(self.values[k], to, stride, i, self.code[k].kind)
        return then

    def _new(self, total: Total, done: int) -> str:
        """What joins a total: nothing new where it is done already."""
        y = self._number(total.k)
        if not done:
            return y
        lanes = ", ".join(f"i1 {'false' if lane < done else 'true'}" for lane in range(self.width))
        return self.writer.put(
            f"select {self.truth} <{lanes}>, {self.number} {y}, {self.number} {self._same(NEUTRAL[total.how])}"
        )

    def _combined(self, how: str, a: str, b: str, number: str) -> str:
        put = self.writer.put
        if how == "sum":
            return put(f"fadd {number} {a}, {b}")
        truth = number.replace("double", "i1")
        further = put(f"fcmp {'ogt' if how == 'max' else 'olt'} {number} {b}, {a}")
        chosen = put(f"or {truth} {further}, {put(f'fcmp uno {number} {b}, {b}')}")
        return put(f"select {truth} {chosen}, {number} {b}, {number} {a}")

    def _across(self, how: str, y: str) -> str:
        """A vector's numbers as one."""
        put, width = self.writer.put, self.width
        half = width // 2
        while half:
            lanes = ", ".join(f"i32 {(lane + half) % width}" for lane in range(width))
            other = put(f"shufflevector {self.number} {y}, {self.number} poison, <{width} x i32> <{lanes}>")
            y = self._combined(how, y, other, self.number)
            half //= 2
        return y if width == 1 else put(f"extractelement {self.number} {y}, i64 0")

    def _same(self, x: float) -> str:
        one = literal(Instruction("constant", (), "d", x))
        return one if self.width == 1 else f"<{', '.join([f'double {one}'] * self.width)}>"

    def _vector(self, kind: str) -> str:
        return kind if self.width == 1 else f"<{self.width} x {kind}>"

    def _number(self, k: int) -> str:
        if self.code[k].kind == "d":
            return self.values[k]
        return self.writer.put(f"uitofp {self.truth} {self.values[k]} to {self.number}")

    def _pointers(self, pointer: str, stride: int, i: str, kind: str) -> list[str]:
        """Of the first number, where they lie side by side, and else of each."""
        put = self.writer.put
        at = i if stride == 1 or i == "0" else put(f"mul i64 {i}, {stride}")
        first = put(f"getelementptr {kind}, ptr {pointer}, i64 {at}")
        if self.width == 1 or stride == 1:
            return [first]
        return [
            put(f"getelementptr {kind}, ptr {first}, i64 {lane * stride}") if lane else first
            for lane in range(self.width)
        ]

    def _load(self, pointer: str, stride: int, i: str, kind: str) -> str:
        """As it is computed with: doubles, or truth values."""
        put, stored = self.writer.put, STORED[kind]
        if stride == 0:
            return self._everywhere(self._one(pointer, kind), _READ[kind])
        places = self._pointers(pointer, stride, i, stored)
        vector = self._vector(stored)
        if len(places) == 1:
            return self._read(put(f"load {vector}, ptr {places[0]}, align {_ALIGN[kind]}"), kind, self.width)
        value = "poison"
        for lane, place in enumerate(places):
            one = put(f"load {stored}, ptr {place}, align {_ALIGN[kind]}")
            value = put(f"insertelement {vector} {value}, {stored} {one}, i64 {lane}")
        return self._read(value, kind, self.width)

    def _gathered(self, pointer: str, stride: int, i: str, positions: str, step: int) -> str:
        """Numbers that stand at positions, one by one."""
        put, value = self.writer.put, "poison"
        if stride:
            pointer = put(f"getelementptr double, ptr {pointer}, i64 {put(f'mul i64 {i}, {stride}')}")
        for lane in range(self.width):
            one = positions
            if self.width > 1:
                one = put(f"extractelement <{self.width} x i32> {positions}, i64 {lane}")
            further = put(f"mul i64 {put(f'zext i32 {one} to i64')}, {step}")
            further = put(f"add i64 {further}, {lane * stride}") if lane * stride else further
            one = put(
                f"load double, ptr {put(f'getelementptr double, ptr {pointer}, i64 {further}')}, align 8"
            )
            value = (
                put(f"insertelement {self.number} {value}, double {one}, i64 {lane}")
                if self.width > 1
                else one
            )
        return value

    def _one(self, pointer: str, kind: str) -> str:
        return self._read(
            self.writer.put(f"load {STORED[kind]}, ptr {pointer}, align {_ALIGN[kind]}"), kind, 1
        )

    def _read(self, raw: str, kind: str, width: int) -> str:
        put = self.writer.put
        if kind in "dj":
            return raw
        vector = "{}" if width == 1 else f"<{width} x {{}}>"
        if kind == "i":
            return put(f"sitofp {vector.format('i64')} {raw} to {vector.format('double')}")
        return put(f"icmp ne {vector.format('i8')} {raw}, {'0' if width == 1 else 'zeroinitializer'}")

    def _written(self, value: str, kind: str, width: int) -> str:
        put = self.writer.put
        if kind == "d":
            return value
        vector = "{}" if width == 1 else f"<{width} x {{}}>"
        if kind == "i":
            return put(f"fptosi {vector.format('double')} {value} to {vector.format('i64')}")
        return put(f"zext {vector.format('i1')} {value} to {vector.format('i8')}")

    def _everywhere(self, one: str, kind: str) -> str:
        if self.width == 1:
            return one
        vector = self._vector(kind)
        first = self.writer.put(f"insertelement {vector} poison, {kind} {one}, i64 0")
        lanes = f"<{self.width} x i32> zeroinitializer"
        return self.writer.put(f"shufflevector {vector} {first}, {vector} poison, {lanes}")

    def _store(self, value: str, pointer: str, stride: int, i: str, kind: str) -> None:
        value, stored = self._written(value, kind, self.width), STORED[kind]
        places, vector = self._pointers(pointer, stride, i, stored), self._vector(stored)
        if len(places) == 1:
            self.writer.lines.append(f"  store {vector} {value}, ptr {places[0]}, align {_ALIGN[kind]}")
            return
        for lane, place in enumerate(places):
            one = self.writer.put(f"extractelement {vector} {value}, i64 {lane}")
            self.writer.lines.append(f"  store {stored} {one}, ptr {place}, align {_ALIGN[kind]}")

    def _value(self, k: int, instruction: Instruction, i: str) -> str:
        op, put = instruction.op, self.writer.put
        if op == "input":
            return self._load(*self.at[k], i, instruction.data.kind)
        if op == "gather":
            return self._gathered(*self.at[k], i, self.values[instruction.args[0]], instruction.data[1])
        if op == "constant":
            kind = "i1" if instruction.kind == "b" else "double"
            one = literal(instruction)
            return one if self.width == 1 else f"<{', '.join([f'{kind} {one}'] * self.width)}>"
        a = [self.values[n] for n in instruction.args]
        if op in ("fadd", "fsub", "fmul", "fdiv"):
            return put(f"{op} {self.number} {a[0]}, {a[1]}")
        if op == "fneg":
            return put(f"fneg {self.number} {a[0]}")
        if op in ("oeq", "une", "olt", "ole", "ogt", "oge", "uno"):
            return put(f"fcmp {op} {self.number} {a[0]}, {a[1]}")
        if op in ("and", "or", "xor"):
            return put(f"{op} {self.truth} {a[0]}, {a[1]}")
        if op == "select":
            kind = self.truth if instruction.kind == "b" else self.number
            return put(f"select {self.truth} {a[0]}, {kind} {a[1]}, {kind} {a[2]}")
        if op == "uitofp":
            return put(f"uitofp {self.truth} {a[0]} to {self.number}")
        return self._called(op, a)

    def _called(self, name: str, a: list[str]) -> str:
        put, declared = self.writer.put, self.writer.declared
        operands = ", ".join(f"{self.number} {v}" for v in a)
        if name in INTRINSICS:
            whole = f"llvm.{name}." + ("f64" if self.width == 1 else f"v{self.width}f64")
            declared.add(f"declare {self.number} @{whole}({', '.join([self.number] * len(a))})")
            return put(f"call {self.number} @{whole}({operands})")
        if name in self.writer.vectors.functions:
            return self._by_vectors(name, a)
        declared.add(f"declare double @{name}({', '.join(['double'] * len(a))})")
        if self.width == 1:
            return put(f"call double @{name}({operands})")
        value = "poison"
        for lane in range(self.width):
            ones = [put(f"extractelement {self.number} {v}, i64 {lane}") for v in a]
            one = put(f"call double @{name}({', '.join(f'double {v}' for v in ones)})")
            value = put(f"insertelement {self.number} {value}, double {one}, i64 {lane}")
        return value

    def _by_vectors(self, name: str, a: list[str]) -> str:
        """By the vector library also for one number: equal ones have equal results, wherever they stand."""
        put, width, functions = self.writer.put, *self.writer.vectors
        vector = f"<{width} x double>"
        if self.width == 1:
            ones = [put(f"insertelement {vector} poison, double {v}, i64 0") for v in a]
            lanes = f"<{width} x i32> zeroinitializer"
            a = [put(f"shufflevector {vector} {v}, {vector} poison, {lanes}") for v in ones]
        operands = ", ".join(f"{vector} {v}" for v in a)
        found = put(f"call {vector} inttoptr (i64 {functions[name]} to ptr)({operands})")
        return found if self.width > 1 else put(f"extractelement {vector} {found}, i64 0")
