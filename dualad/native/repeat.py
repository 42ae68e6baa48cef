"""LLVM's text for loops around the kernel of a step."""

from __future__ import annotations

import math
from typing import Any

BUFFER = 4096  # numbers of a state on the stack; more are allocated
DECLARATIONS = (
    "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)",
    "declare ptr @malloc(i64)",
    "declare void @free(ptr)",
)


def loop(name: str, kernel: str, body: Any) -> str:
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
            put(f"call void @llvm.memcpy.p0.p0.i64(ptr %s{i}, ptr %x{i}, i64 {8 * n}, i1 false)")
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
        put(f"call void @llvm.memcpy.p0.p0.i64(ptr %y{i}, ptr %z{i}, i64 {8 * sizes[i]}, i1 false)")
    if 2 * total > BUFFER:
        put("call void @free(ptr %state)")
    text.append("  ret void\n}")
    return "\n".join((*DECLARATIONS, *text))


def once(text: str) -> str:
    """The text with each declaration in it once."""
    lines = text.split("\n")
    declared = dict.fromkeys(line for line in lines if line.startswith("declare"))
    return "\n".join((*declared, *(line for line in lines if not line.startswith("declare"))))
