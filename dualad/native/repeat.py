"""LLVM's text for loops around the kernel of a step, and where in a call's memory they find and leave numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from .code import Instruction, Repeat

BUFFER = 4096  # numbers of a state on the stack; more are allocated
COPY = " call void @llvm.memcpy.p0.p0.i64(ptr %s, ptr %s, i64 %d, i1 false)"
DECLARATIONS = (
    "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)",
    "declare ptr @malloc(i64)",
    "declare void @free(ptr)",
)


def repeated(name: str, kernel: str, body: Any) -> str:
    """Text of `void name(in, out, length, first, by)`: the kernel for each step, in tables of pointers like its own.

    States go from one half of a buffer to the other and back.
    """
    program, s, e = body.program, body.states, body.states + body.elements
    sizes = [math.prod(program.values[k].shape) for k in program.inputs]
    rows = [math.prod(program.values[k].shape) for k in program.outputs[s:]]
    total = sum(sizes[:s])
    text = [f"define void @{name}(ptr %in, ptr %out, i64 %length, i64 %first, i64 %by) {{", "entry:"]

    def put(line: str) -> None:
        text.append("  " + line)

    if 2 * total <= BUFFER:
        put(f"%state = alloca double, i64 {max(2 * total, 1)}")
    else:
        put(f"%state = call ptr @malloc(i64 {16 * total})")
    put(f"%reads = alloca ptr, i64 {max(len(sizes), 1)}")
    put(f"%writes = alloca ptr, i64 {max(s + len(rows), 1)}")
    offsets = [sum(sizes[:i]) for i in range(s)]
    for i, n in enumerate(sizes):
        put(f"%i{i} = getelementptr ptr, ptr %in, i64 {i}")
        put(f"%x{i} = load ptr, ptr %i{i}")
        put(f"%r{i} = getelementptr ptr, ptr %reads, i64 {i}")
        if i < s:
            put(f"%s{i} = getelementptr double, ptr %state, i64 {offsets[i]}")
            put(COPY % (f"%s{i}", f"%x{i}", 8 * n))
        elif i >= e:
            put(f"store ptr %x{i}, ptr %r{i}")
    for j in range(s + len(rows)):
        put(f"%o{j} = getelementptr ptr, ptr %out, i64 {j}")
        put(f"%y{j} = load ptr, ptr %o{j}")
        put(f"%w{j} = getelementptr ptr, ptr %writes, i64 {j}")
    put("br label %step\nstep:")
    put("%t = phi i64 [0, %entry], [%t.next, %step]")
    put("%i = phi i64 [%first, %entry], [%i.next, %step]")
    put("%odd = and i64 %t, 1")
    put(f"%here = mul i64 %odd, {total}")
    put(f"%there = sub i64 {total}, %here")
    for i in range(s):
        for at, table in (("here", "r"), ("there", "w")):
            put(f"%{table}{i}.o = add i64 %{at}, {offsets[i]}")
            put(f"%{table}{i}.p = getelementptr double, ptr %state, i64 %{table}{i}.o")
            put(f"store ptr %{table}{i}.p, ptr %{table}{i}")
    for k, n, base, table in (
        *((i, sizes[i], "x", "r") for i in range(s, e)),
        *((s + j, n, "y", "w") for j, n in enumerate(rows)),
    ):
        put(f"%{table}{k}.o = mul i64 %i, {n}")
        put(f"%{table}{k}.p = getelementptr double, ptr %{base}{k}, i64 %{table}{k}.o")
        put(f"store ptr %{table}{k}.p, ptr %{table}{k}")
    put(f"call i32 @{kernel}(ptr %reads, ptr %writes)")
    put("%t.next = add i64 %t, 1")
    put("%i.next = add i64 %i, %by")
    put("%again = icmp ult i64 %t.next, %length")
    put("br i1 %again, label %step, label %done\ndone:")
    for i in range(s):
        put(f"%z{i} = load ptr, ptr %w{i}")
        put(COPY % (f"%y{i}", f"%z{i}", 8 * sizes[i]))
    if 2 * total > BUFFER:
        put("call void @free(ptr %state)")
    text.append("  ret void\n}")
    return "\n".join((*DECLARATIONS, *text))


def once(text: str) -> str:
    """The text with each declaration in it once."""
    lines = text.split("\n")
    declared = dict.fromkeys(line for line in lines if line.startswith("declare"))
    return "\n".join((*declared, *(line for line in lines if not line.startswith("declare"))))


def run(code: Sequence[Instruction], ks: Sequence[int]) -> tuple[str, int, int] | None:
    """Where numbers stand that follow one another in memory: an argument's or a loop's, which, and the first."""
    first = code[ks[0]]
    if first.op == "result":
        same = code[ks[-1]].args == first.args and all(k == ks[0] + i for i, k in enumerate(ks))
        return ("result", first.args[0], first.data) if same else None
    if first.op == "input":
        leaf, place = first.data
        return (
            ("input", leaf, place)
            if all(code[k].data == (leaf, place + i) for i, k in enumerate(ks))
            else None
        )
    return None


Row = tuple[Sequence[int], int | None]


class Loops:
    """The loops of one kernel. In a call's memory each has room for scattered operands, and then for its results."""

    __slots__ = ("_code", "_names", "_places", "size", "steps")

    def __init__(self, code: Sequence[Instruction], order: Sequence[int], size: int, name: str) -> None:
        self._code, self.size = code, size
        self.steps: dict[str, Repeat] = {}  # by the name of their kernel
        self._names: dict[int, str] = {}
        self._places: dict[int, int] = {}
        for k in order:
            if code[k].op == "repeat":
                loop: Repeat = code[k].data
                self._places[k] = self.size
                self.size += len(code[k].args) + sum(n for n in _sizes(loop)[1])
                if id(loop.body) not in self._names:
                    self._names[id(loop.body)] = step = f"{name}_step{len(self.steps)}"
                    self.steps[step] = loop

    def place(self, k: int) -> int:
        """Where in the memory a result stands."""
        (loop,) = self._code[k].args
        return self._places[loop] + len(self._code[loop].args) + int(self._code[k].data)

    def operands(self, k: int) -> Iterator[list[Row]]:
        """The operands, each by the numbers and, unless these follow one another, its room; and the results."""
        args, place = self._code[k].args, self._places[k]
        reads, writes = _sizes(self._code[k].data)
        rows: list[Row] = []
        for n in reads:
            ks, args = args[:n], args[n:]
            rows.append((ks, None if ks and run(self._code, ks) else place))
            place += n
        yield rows
        rows = []
        for n in writes:
            rows.append(((), place))
            place += n
        yield rows

    def call(self, k: int, reads: str, writes: str) -> str:
        """The call, with its two tables of pointers."""
        loop: Repeat = self._code[k].data
        first, by = (loop.length - 1, -1) if loop.backwards else (0, 1)
        name = f"{self._names[id(loop.body)]}_loop"
        return f" call void @{name}(ptr {reads}, ptr {writes}, i64 {loop.length}, i64 {first}, i64 {by})"


def _sizes(loop: Repeat) -> tuple[list[int], list[int]]:
    """How many numbers each operand and each result has."""
    values, s = loop.body.program.values, loop.body.states
    sizes = [
        [math.prod(values[k].shape) for k in ks]
        for ks in (loop.body.program.inputs, loop.body.program.outputs)
    ]
    last = s + loop.body.elements
    reads = [n * loop.length if s <= i < last else n for i, n in enumerate(sizes[0])]
    return reads, [n if i < s else n * loop.length for i, n in enumerate(sizes[1])]
