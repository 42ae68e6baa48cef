"""LLVM's text for loops: nests over the regions of an iteration, whose inner loop computes vectors of numbers.

A loop is `void name(ptr, ...)`: pointers to the numbers of the arrays that it reads and of those that it
writes. Truth values are bytes. Everything else about the arrays is known here: they lie in C's order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from .code import Code
from .lanes import NEUTRAL, STORED, Lanes, Total, Writer
from .vectors import Vectors

BLOCK = 4096  # numbers that are summed before their sum is added to others
APART = 2  # what a number of its own takes to read or write, against a vector of them
AROUND, ACROSS = 6, 10  # instructions around an inner loop, and to reduce a vector to one number


class Access(NamedTuple):
    """Where an array is read or written: its number among the loop's, and the place as offset and strides.

    kind: 'd' for doubles, 'b' for truth values, 'i' for 64-bit integers, 'j' for positions, of 32 bits
    """

    array: int
    offset: int
    strides: tuple[int, ...]
    kind: str = "d"


class Region(NamedTuple):
    """A box of an iteration, over which one code holds: `stores` are written, `totals` joined to what is there."""

    extents: tuple[int, ...]
    code: Code
    stores: list[tuple[int, Access]]
    totals: list[tuple[int, Access, str]]


class Fill(NamedTuple):
    """An array of `size` numbers that a reduction starts from."""

    array: int
    size: int
    how: str


def loop(
    name: str, arrays: int, fills: Sequence[Fill], regions: Sequence[Region], vectors: Vectors
) -> tuple[str, set[str]]:
    """The text of a function, and the declarations that it needs."""
    writer = Writer(vectors)
    for fill in fills:
        code = Code()
        start = code.constant(NEUTRAL[fill.how])
        _region(writer, Region((fill.size,), code, [(start, Access(fill.array, 0, (1,)))], []))
    for region in regions:
        _region(writer, region)
    head = f"define void @{name}({', '.join(f'ptr noalias %a{k}' for k in range(arrays))}) {{\nentry:"
    return "\n".join([head, *writer.lines, "  ret void\n}"]), writer.declared


def sequence(name: str, calls: Sequence[tuple[str, list[int]]]) -> str:
    """The text of a function that calls loops one after the other: it takes a table of pointers to all arrays."""
    lines = [f"define void @{name}(ptr %table) {{"]
    for k in range(1 + max(array for _, arrays in calls for array in arrays)):
        lines += [f"  %p{k} = getelementptr ptr, ptr %table, i64 {k}", f"  %a{k} = load ptr, ptr %p{k}"]
    for loop, arrays in calls:
        lines.append(f"  call void @{loop}({', '.join(f'ptr %a{k}' for k in arrays)})")
    return "\n".join([*lines, "  ret void\n}"])


def _region(writer: Writer, region: Region) -> None:
    if 0 in region.extents:
        return
    code = region.code.instructions
    needed = {k for k, _ in region.stores} | {k for k, _, _ in region.totals}
    for k in range(len(code) - 1, -1, -1):
        if k in needed:
            needed.update(code[k].args)
    order = sorted(needed)
    reads = [k for k in order if code[k].op in ("input", "gather")]
    accesses: list[Access] = [code[k].data if code[k].op == "input" else code[k].data[0] for k in reads]
    accesses += [to for _, to in region.stores] + [to for _, to, _ in region.totals]
    rows = [list(access.strides) for access in accesses]
    lengths, rows = _merged(region.extents, rows)
    k = _innermost(lengths, rows, len(order), len(region.totals), writer.vectors.width)
    for row in (lengths, *rows):
        row.append(row.pop(k))
    for nest, strides, offsets in (
        _blocks(lengths, rows) if region.totals else [(lengths, rows, [0] * len(rows))]
    ):
        pointers, close = _around(writer, accesses, nest, strides, offsets)
        places = [(pointer, row[-1]) for pointer, row in zip(pointers, strides, strict=True)]
        stores = places[len(reads) : len(reads) + len(region.stores)]
        Lanes(
            writer,
            region.code,
            order,
            dict(zip(reads, places, strict=False)),
            [(k, *to) for (k, _), to in zip(region.stores, stores, strict=True)],
            [
                Total(k, *to, how, access.kind)
                for (k, access, how), to in zip(
                    region.totals, places[len(reads) + len(stores) :], strict=True
                )
            ],
        ).over(nest[-1])
        close()


def _merged(extents: Sequence[int], rows: list[list[int]]) -> tuple[list[int], list[list[int]]]:
    """Loops as few and as long as they can be: neighbours that are one axis to all accesses become one."""
    axes = [k for k, n in enumerate(extents) if n != 1]
    lengths = [extents[k] for k in axes]
    rows = [[row[k] for k in axes] for row in rows]
    for k in reversed(range(len(lengths) - 1)):
        if all(row[k] == row[k + 1] * lengths[k + 1] for row in rows):
            lengths[k : k + 2] = [lengths[k] * lengths[k + 1]]
            for row in rows:
                row[k : k + 2] = [row[k + 1]]
    return (lengths, rows) if lengths else ([1], [[0] for _ in rows])


def _innermost(lengths: list[int], rows: list[list[int]], body: int, totals: int, width: int) -> int:
    """The axis that is best run through in vectors: long, and with numbers that lie side by side."""

    def cost(k: int) -> float:
        n = lengths[k]
        lanes = width if n >= width else 1
        apart = sum(row[k] not in (0, 1) for row in rows)
        across = sum(row[k] == 0 for row in rows[len(rows) - totals :]) * (ACROSS if lanes > 1 else 1)
        return (-(-n // lanes) * (body + apart * APART * lanes) + across + AROUND) / n

    return min(reversed(range(len(lengths))), key=cost)


def _blocks(lengths: list[int], rows: list[list[int]]) -> list[tuple[list[int], list[list[int]], list[int]]]:
    """The same with an inner loop that is not too long to add up: (lengths, strides, their further offsets)."""
    n, none = lengths[-1], [0] * len(rows)
    if n <= BLOCK:
        return [(lengths, rows, none)]
    whole, rest = divmod(n, BLOCK)
    found = [([*lengths[:-1], whole, BLOCK], [[*row[:-1], row[-1] * BLOCK, row[-1]] for row in rows], none)]
    if rest:
        found.append(([*lengths[:-1], rest], rows, [row[-1] * whole * BLOCK for row in rows]))
    return found


def _around(
    writer: Writer, accesses: list[Access], lengths: list[int], rows: list[list[int]], offsets: list[int]
) -> tuple[list[str], Callable[[], None]]:
    """Begin the outer loops: pointers to where the inner one begins in each array, and what ends them."""
    counters, begun = [], []
    for n in lengths[:-1]:
        label, i, before = writer.fresh("outer"), writer.new(), writer.label
        writer.begin(label)
        counters.append(i)
        begun.append((label, i, before, len(writer.lines), n))
        writer.lines.append("")
    pointers = []
    for access, row, offset in zip(accesses, rows, offsets, strict=True):
        at = str(access.offset + offset)
        for i, stride in zip(counters, row, strict=False):
            if stride:
                at = writer.put(f"add i64 {at}, {writer.put(f'mul i64 {i}, {stride}')}")
        pointers.append(writer.put(f"getelementptr {STORED[access.kind]}, ptr %a{access.array}, i64 {at}"))

    def close() -> None:
        for label, i, before, line, n in reversed(begun):
            after = writer.put(f"add i64 {i}, 1")
            again = writer.put(f"icmp ult i64 {after}, {n}")
            writer.lines[line] = f"  {i} = phi i64 [0, %{before}], [{after}, %{writer.label}]"
            writer.branch(again, label)

    return pointers, close
