"""LLVM's text for loops: nests over the regions of an iteration, whose inner loop computes vectors of numbers.

A loop is `void name(ptr, ...)`: pointers to the numbers of the arrays that it reads and of those that it
writes. Truth values are bytes. Everything else about the arrays is known here: they lie in C's order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .code import Code, Instruction
from .llvm import literal
from .lowering import INTRINSICS
from .vectors import Vectors

BLOCK = 4096  # numbers that are summed before their sum is added to others
SHORT = 16  # an inner loop over fewer numbers than another axis has is changed for that one


class Access(NamedTuple):
    """Where an array is read or written: its number among the loop's, and the place as offset and strides."""

    array: int
    offset: int
    strides: tuple[int, ...]
    kind: str = "d"


class Region(NamedTuple):
    """A box of an iteration, over which one code holds: `stores` are written, `sums` added to what is there."""

    extents: tuple[int, ...]
    code: Code
    stores: list[tuple[int, Access]]
    sums: list[tuple[int, Access]]


def loop(name: str, arrays: int, regions: Sequence[Region], vectors: Vectors) -> tuple[str, set[str]]:
    """The text of a function, and the declarations that it needs."""
    writer = _Writer(vectors)
    for region in regions:
        if 0 not in region.extents:
            writer.region(region)
    head = f"define void @{name}({', '.join(f'ptr noalias %a{k}' for k in range(arrays))}) {{\nentry:"
    return "\n".join([head, *writer.lines, "  ret void\n}"]), writer.declared


def _laid_out(
    extents: Sequence[int], strides: list[list[int]], block: bool
) -> list[tuple[list[int], list[list[int]], list[int]]]:
    """Loops as few and as long as they can be: (extents, strides of each access, their further offsets)."""
    axes = [k for k, n in enumerate(extents) if n != 1]
    lengths = [extents[k] for k in axes]
    rows = [[s[k] for k in axes] for s in strides]
    k = len(lengths) - 2
    while k >= 0:  # neighbours that are one axis to all accesses
        if all(row[k] == row[k + 1] * lengths[k + 1] for row in rows):
            lengths[k : k + 2] = [lengths[k] * lengths[k + 1]]
            for row in rows:
                row[k : k + 2] = [row[k + 1]]
        k -= 1
    if not lengths:
        lengths, rows = [1], [[0] for _ in rows]
    if lengths[-1] < SHORT and max(lengths) > lengths[-1]:
        k = lengths.index(max(lengths))
        for row in (lengths, *rows):
            row.append(row.pop(k))
    n, none = lengths[-1], [0] * len(rows)
    if not block or n <= BLOCK:
        return [(lengths, rows, none)]
    whole, rest = divmod(n, BLOCK)
    found = [([*lengths[:-1], whole, BLOCK], [[*row[:-1], row[-1] * BLOCK, row[-1]] for row in rows], none)]
    if rest:
        found.append(([*lengths[:-1], rest], rows, [row[-1] * whole * BLOCK for row in rows]))
    return found


class _Writer:
    """The lines of one function."""

    def __init__(self, vectors: Vectors) -> None:
        self.vectors, self.lines, self.declared = vectors, list[str](), set[str]()
        self.label, self.count = "entry", 0

    def new(self) -> str:
        self.count += 1
        return f"%t{self.count}"

    def put(self, text: str) -> str:
        name = self.new()
        self.lines.append(f"  {name} = {text}")
        return name

    def begin(self, label: str) -> None:
        self.lines += [f"  br label %{label}", f"{label}:"]
        self.label = label

    def region(self, region: Region) -> None:
        code = region.code.instructions
        needed = {k for k, _ in (*region.stores, *region.sums)}
        for k in range(len(code) - 1, -1, -1):
            if k in needed:
                needed.update(code[k].args)
        order = sorted(needed)
        reads = [k for k in order if code[k].op == "input"]
        accesses: list[Access] = [code[k].data for k in reads]
        accesses += [access for _, access in (*region.stores, *region.sums)]
        for lengths, rows, offsets in _laid_out(
            region.extents, [list(a.strides) for a in accesses], bool(region.sums)
        ):
            self._nest(region, order, reads, accesses, lengths, rows, offsets)

    def _nest(
        self,
        region: Region,
        order: list[int],
        reads: list[int],
        accesses: list[Access],
        lengths: list[int],
        rows: list[list[int]],
        offsets: list[int],
    ) -> None:
        counters, open_loops = [], []
        for n in lengths[:-1]:
            self.count += 1
            label, i, before = f"outer{self.count}", self.new(), self.label
            self.begin(label)
            place = len(self.lines)
            self.lines.append("")
            counters.append(i)
            open_loops.append((label, i, before, place, n))
        pointers = []
        for access, row, offset in zip(accesses, rows, offsets, strict=True):
            at = str(access.offset + offset)
            for i, stride in zip(counters, row, strict=False):
                if stride:
                    at = self.put(f"add i64 {at}, {self.put(f'mul i64 {i}, {stride}')}")
            kind = "double" if access.kind == "d" else "i8"
            pointers.append(self.put(f"getelementptr {kind}, ptr %a{access.array}, i64 {at}"))
        inner = _Inner(self, region, order, reads, pointers, [row[-1] for row in rows])
        n, width = lengths[-1], self.vectors.width
        whole = n - n % width
        if whole:
            inner.loop(width, 0, whole)
        if whole < n:
            inner.loop(1, whole, n)
        for label, i, before, place, n in reversed(open_loops):
            after = self.put(f"add i64 {i}, 1")
            again = self.put(f"icmp ult i64 {after}, {n}")
            self.count += 1
            out = f"outer{self.count}"
            self.lines[place] = f"  {i} = phi i64 [0, %{before}], [{after}, %{self.label}]"
            self.lines += [f"  br i1 {again}, label %{label}, label %{out}", f"{out}:"]
            self.label = out


class _Inner:
    """Inner loops over one nest's pointers."""

    def __init__(
        self,
        writer: _Writer,
        region: Region,
        order: list[int],
        reads: list[int],
        pointers: list[str],
        strides: list[int],
    ) -> None:
        self.writer, self.region, self.order = writer, region, order
        self.code = region.code.instructions
        self.at = {k: (pointers[n], strides[n]) for n, k in enumerate(reads)}
        rest = list(zip(pointers, strides, strict=True))[len(reads) :]
        stores = len(region.stores)
        self.stores = [(k, *to) for (k, _), to in zip(region.stores, rest[:stores], strict=True)]
        self.sums = [(k, *to) for (k, _), to in zip(region.sums, rest[stores:], strict=True)]

    def loop(self, width: int, begin: int, end: int) -> None:
        """From `begin` to `end`, `width` numbers at a time; what is the same for all is computed before."""
        writer, self.width = self.writer, width
        self.number = "double" if width == 1 else f"<{width} x double>"
        self.truth = "i1" if width == 1 else f"<{width} x i1>"
        self.values: dict[int, str] = {}
        fixed: set[int] = set()
        for k in self.order:
            instruction = self.code[k]
            stride = self.at[k][1] if k in self.at else 0
            if stride == 0 and all(a in fixed for a in instruction.args):
                fixed.add(k)
                self.values[k] = self._value(k, instruction, "0")
        totals = [(k, to) for k, to, stride in self.sums if stride == 0]
        before = writer.label
        writer.count += 1
        label, i = f"inner{writer.count}", writer.new()
        after = writer.new()
        partial = [(writer.new(), writer.new()) for _ in totals]
        writer.begin(label)
        writer.lines.append(f"  {i} = phi i64 [{begin}, %{before}], [{after}, %{label}]")
        for now, then in partial:
            zero = "0.0" if width == 1 else "zeroinitializer"
            writer.lines.append(f"  {now} = phi {self.number} [{zero}, %{before}], [{then}, %{label}]")
        for k in self.order:
            if k not in fixed:
                self.values[k] = self._value(k, self.code[k], i)
        for (k, _), (now, then) in zip(totals, partial, strict=True):
            writer.lines.append(f"  {then} = fadd {self.number} {now}, {self._number(k)}")
        for k, to, stride in self.sums:
            if stride:
                there = self._load(to, stride, i, "double")
                self._store(
                    writer.put(f"fadd {self.number} {there}, {self._number(k)}"), to, stride, i, "double"
                )
        for k, to, stride in self.stores:
            if self.code[k].kind == "b":
                kind = "i8" if width == 1 else f"<{width} x i8>"
                self._store(writer.put(f"zext {self.truth} {self.values[k]} to {kind}"), to, stride, i, "i8")
            else:
                self._store(self.values[k], to, stride, i, "double")
        writer.lines.append(f"  {after} = add i64 {i}, {width}")
        again = writer.put(f"icmp ult i64 {after}, {end}")
        writer.count += 1
        out = f"inner{writer.count}"
        writer.lines += [f"  br i1 {again}, label %{label}, label %{out}", f"{out}:"]
        writer.label = out
        for (_, to), (_, then) in zip(totals, partial, strict=True):
            total = then
            if width > 1:
                name = f"llvm.vector.reduce.fadd.v{width}f64"
                writer.declared.add(f"declare double @{name}(double, {self.number})")
                total = writer.put(f"call double @{name}(double 0.0, {self.number} {then})")
            there = writer.put(f"load double, ptr {to}, align 8")
            total = writer.put(f"fadd double {there}, {total}")
            writer.lines.append(f"  store double {total}, ptr {to}, align 8")

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
        put, align = self.writer.put, 8 if kind == "double" else 1
        vector = kind if self.width == 1 else f"<{self.width} x {kind}>"
        if stride == 0:
            return self._everywhere(put(f"load {kind}, ptr {pointer}, align {align}"), kind)
        places = self._pointers(pointer, stride, i, kind)
        if len(places) == 1:
            return put(f"load {vector}, ptr {places[0]}, align {align}")
        value = "poison"
        for lane, place in enumerate(places):
            one = put(f"load {kind}, ptr {place}, align {align}")
            value = put(f"insertelement {vector} {value}, {kind} {one}, i64 {lane}")
        return value

    def _everywhere(self, one: str, kind: str) -> str:
        if self.width == 1:
            return one
        vector = f"<{self.width} x {kind}>"
        first = self.writer.put(f"insertelement {vector} poison, {kind} {one}, i64 0")
        lanes = f"<{self.width} x i32> zeroinitializer"
        return self.writer.put(f"shufflevector {vector} {first}, {vector} poison, {lanes}")

    def _store(self, value: str, pointer: str, stride: int, i: str, kind: str) -> None:
        align = 8 if kind == "double" else 1
        vector = kind if self.width == 1 else f"<{self.width} x {kind}>"
        places = self._pointers(pointer, stride, i, kind)
        if len(places) == 1:
            self.writer.lines.append(f"  store {vector} {value}, ptr {places[0]}, align {align}")
            return
        for lane, place in enumerate(places):
            one = self.writer.put(f"extractelement {vector} {value}, i64 {lane}")
            self.writer.lines.append(f"  store {kind} {one}, ptr {place}, align {align}")

    def _value(self, k: int, instruction: Instruction, i: str) -> str:
        op, put = instruction.op, self.writer.put
        if op == "input":
            pointer, stride = self.at[k]
            if instruction.kind == "d":
                return self._load(pointer, stride, i, "double")
            loaded = self._load(pointer, stride, i, "i8")
            kind = "i8" if self.width == 1 else f"<{self.width} x i8>"
            return put(f"icmp ne {kind} {loaded}, {'0' if self.width == 1 else 'zeroinitializer'}")
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
