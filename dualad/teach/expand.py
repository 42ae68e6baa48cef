"""A trace number by number: arrays fall apart, what only moves numbers vanishes, partials stand on the edges.

Where it can, the trace is taken over a program being written, so that a page can compute all of it again for other
inputs: values and partials both come from the operations' own rules, in scalar instructions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import ArgumentError, error
from ..native.code import Code
from ..native.lowering import INTRINSICS, LIBRARY
from ..native.scalars import NotScalar, Scalars
from ..op import Tracer, example, is_complex
from ..select import Selected, named
from ..simplify import simplified
from ..sweep import Node
from ..symbol import traced
from ..tape import part
from ..tree import flatten
from .graph import Traced, jacobians, recorded, refuse_traced, subscript
from .names import below, formula, short
from .names import constant as plain

MOST = 300  # numbers that a page steps through
LONGEST = 20_000  # instructions that it computes them with
# What the page can compute
PRIMITIVES = LIBRARY | INTRINSICS | frozenset(
    ("constant", "input", "fadd", "fsub", "fmul", "fdiv", "fneg", "select", "and", "or", "xor", "uitofp", "oeq",
     "une", "olt", "ole", "ogt", "oge", "uno")
)  # fmt: skip


class Cell(NamedTuple):
    """One number: what it is called, how it is computed, its value, the user's line, and where in the program it is."""

    name: str
    formula: str
    value: float
    line: str
    position: int


class Link(NamedTuple):
    """That `target` reads `source`, the local partial, and where in the program that is.

    chosen: that the operation chooses, so that a partial of 0 says that this was not chosen, and has no part in it
    """

    source: int
    target: int
    partial: float
    position: int
    chosen: bool


class Cells(NamedTuple):
    """The numbers of a trace, the first `inputs` of them inputs.

    outputs: name, cell (-1 for what no input moves), value and place in the program of each
    code: instructions and guards, or None, and then `why` says why there are none
    """

    title: str
    cells: tuple[Cell, ...]
    links: tuple[Link, ...]
    inputs: int
    outputs: tuple[tuple[str, int, float, int], ...]
    code: tuple[Code, list[tuple[int, Any, str]]] | None
    why: str


class Pieces(NamedTuple):
    """What a recording holds that a page shows, in arrays: of numbers, of symbols, or of places in a program.

    partials: for each operation and each of its arguments (None if it is not traced) those of all of its results
    """

    values: list[Any]
    partials: list[list[list[Any] | None]]
    results: list[Any]


def expanded(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Cells:
    """The trace of `f(*args, **kwargs)`, number by number."""
    chosen = Selected(f, tuple(range(len(args))), args, kwargs)
    refuse_traced(chosen.leaves, "player")
    with np.errstate(all="ignore"):
        try:
            return _again(f, args, kwargs, chosen)
        except Exception as reason:  # what is no fault of the tracing, the plain run below raises again
            why = str(reason).partition("\n")[0] or "it reads a value that is traced elsewhere"
        trace = recorded(f, args, kwargs, "player")
        found = _pieces(trace)
    return _cells(named(f), trace, found, found, None, why)


def _again(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], chosen: Selected) -> Cells:
    """The trace with a program that computes it again; NotScalar if there is none."""
    seen: list[tuple[Traced, Pieces]] = []

    def everything(*symbols: Any) -> Any:
        inner, rest = chosen.rebuild(symbols), dict(kwargs)
        trace = recorded(f, tuple(inner), rest, "player")
        joint = next((node.op for node in trace.read if node is not None and node.op.kind == "joint"), None)
        if joint is not None:
            raise NotScalar(f"{joint.name}, which is not a straight line")
        found = _pieces(trace)
        seen.append((trace, found))
        return [found.values, found.partials, found.results]

    program, rebuild = traced(everything, chosen.leaves)
    scalars = Scalars(simplified(program), LONGEST)
    unknown = next((new.op for new in scalars.code.instructions if new.op not in PRIMITIVES), None)
    if unknown is not None:
        raise NotScalar(f"{unknown}, which the page cannot compute")
    trace, found = seen[0]
    places = Pieces(*rebuild(scalars.outputs))
    numbers = Pieces(*_examples([found.values, found.partials, found.results]))
    guards = [(k, g.expected, g.line) for k, g in zip(scalars.guards, program.guards, strict=True)]
    return _cells(named(f), trace, numbers, places, (scalars.code, guards), "")


def _examples(tree: Any) -> Any:
    leaves, rebuild = flatten(tree)
    return rebuild([example(v) for v in leaves])


def _pieces(trace: Traced) -> Pieces:
    partials: list[list[list[Any] | None]] = []
    n = len(trace.leaves)
    if any(is_complex(v) for part in trace.values for v in (part if isinstance(part, tuple) else (part,))):
        raise error(
            ArgumentError,
            "player steps through real numbers, and this function computes complex ones",
            "their real and imaginary parts; draw and trace_table show complex values",
        )
    size = sum(_size(v) for v in trace.values)
    if size > 8 * MOST:
        raise _too_large(size)
    for node, y in zip(trace.read[n:], trace.values[n:], strict=True):
        assert node is not None
        operands = [trace.values[i] if i >= 0 else a for a, i in zip(node.args, node.parents, strict=True)]
        partials.append(
            [
                jacobians(node.op, a, y, operands, node.kwargs) if i >= 0 and node.op is not part else None
                for a, i in enumerate(node.parents)
            ]
        )
    return Pieces(list(trace.values), partials, list(trace.run.values))


def _size(v: Any) -> int:
    return sum(map(_size, v)) if isinstance(v, tuple) else int(np.size(example(v)))


def _too_large(size: int) -> ArgumentError:
    return error(
        ArgumentError,
        f"player steps through {MOST} numbers at most, and this function computes {size}",
        "a smaller input; draw and trace_table summarise arrays",
    )


class _Expansion:
    """Cells and links being made. `places` says for each value of the trace which cells its numbers are."""

    def __init__(self, code: Code | None) -> None:
        self.code = code
        self.cells: list[Cell] = []
        self.links: list[Link] = []
        self.places: list[Any] = []

    def add(self, words: str, value: Any, line: str, position: Any) -> int:
        self.cells.append(Cell("", words, float(value), line, -1 if self.code is None else int(position)))
        return len(self.cells) - 1

    def there(self, d: Any, position: Any, elementwise: bool) -> bool:
        """Whether a partial is more than a zero of the operation's structure."""
        return elementwise or (bool(d != 0) if self.code is None else self.code.value(int(position)) != 0.0)

    def is_one(self, d: Any, position: Any) -> bool:
        """Whether a partial is 1 for all inputs."""
        return bool(d == 1) if self.code is None else self.code.value(int(position)) == 1.0


def _cells(
    title: str,
    trace: Traced,
    numbers: Pieces,
    positions: Pieces,
    code: tuple[Code, list[tuple[int, Any, str]]] | None,
    why: str,
) -> Cells:
    """The trace's arrays taken apart. `positions` are of the same structure as `numbers`."""
    made = _Expansion(code[0] if code else None)
    n = len(trace.leaves)
    for k in range(n):
        value, where = np.asarray(numbers.values[k]), np.asarray(positions.values[k])
        labels = [_element(trace.labels[k], place) for place in np.ndindex(value.shape)]
        found = [
            made.add(label, x, "", p)
            for label, x, p in zip(labels, value.ravel(), where.ravel(), strict=True)
        ]
        made.places.append(np.array(found, dtype=int).reshape(value.shape))
    inputs = len(made.cells)
    for k, node in enumerate(trace.read[n:], n):
        assert node is not None
        if node.op is part:
            made.places.append(made.places[node.parents[0]][node.kwargs["k"]])
            continue
        several = isinstance(numbers.values[k], tuple)
        parts = numbers.values[k] if several else (numbers.values[k],)
        wheres = positions.values[k] if several else (positions.values[k],)
        found_parts = tuple(
            _spread(made, node, trace.lines[k], v, p, j, numbers.partials[k - n], positions.partials[k - n])
            for j, (v, p) in enumerate(zip(parts, wheres, strict=True))
        )
        made.places.append(found_parts if several else found_parts[0])
        if len(made.cells) > MOST:
            raise _too_large(len(made.cells))
    cells = [cell._replace(name=f"v{subscript(k + 1 - inputs)}") for k, cell in enumerate(made.cells)]
    names = [cell.name for cell in cells]
    cells = [cell._replace(formula=_named(cell.formula, names)) for cell in cells]
    outputs: list[tuple[str, int, float, int]] = []
    labels = below(trace.run.rebuild(trace.run.values), "y")
    for label, v, w, position in zip(
        labels, numbers.results, positions.results, trace.run.positions, strict=True
    ):
        value, where = np.asarray(v), np.asarray(w)
        places = made.places[position] if position >= 0 else np.full(value.shape, -1)
        for place in np.ndindex(value.shape):
            there = -1 if code is None else int(where[place])
            outputs.append((_element(label, place), int(places[place]), float(value[place]), there))
    return Cells(title, tuple(cells), tuple(made.links), inputs, tuple(outputs), code, why)


def _spread(
    made: _Expansion,
    node: Node,
    line: str,
    value: Any,
    where: Any,
    j: int,
    partials: Sequence[list[Any] | None],
    positions: Sequence[list[Any] | None],
) -> Any:
    """The cells of result `j` of an operation."""
    value, where = np.asarray(value), np.asarray(where)
    elementwise = node.op.kind == "elementwise"
    places = np.full(value.shape, -1)
    for at in np.ndindex(value.shape):
        sources: list[tuple[int, Any, Any]] = []
        for a, i in enumerate(node.parents):
            d, p = partials[a], positions[a]
            if i < 0 or d is None or p is None:
                continue
            row, row_positions = np.asarray(d[j])[at], np.asarray(p[j])[at]
            cells = made.places[i]
            if elementwise:
                cells = np.broadcast_to(cells, value.shape)[at]
            for cell, x, q in zip(np.ravel(cells), np.ravel(row), np.ravel(row_positions), strict=True):
                if cell >= 0 and made.there(x, q, elementwise):
                    sources.append((int(cell), x, q))
        if node.op.moves and len(sources) == 1 and made.is_one(*sources[0][1:]):
            places[at] = sources[0][0]
        elif sources:
            words = _formula(made, node, value.shape, at, [s for s, _, _ in sources], elementwise)
            places[at] = k = made.add(words, value[at], line, where[at])
            made.links += [
                Link(s, k, float(x), -1 if made.code is None else int(q), node.op.selects)
                for s, x, q in sources
            ]
    return places


def _formula(
    made: _Expansion,
    node: Node,
    shape: tuple[int, ...],
    at: tuple[int, ...],
    sources: list[int],
    elementwise: bool,
) -> str:
    """The formula, with marks for the names, which come later."""
    if elementwise:
        operands = []
        for x, i in zip(node.args, node.parents, strict=True):
            if i >= 0 and (cell := int(np.broadcast_to(made.places[i], shape)[at])) >= 0:
                operands.append(f"\x00{cell}\x00")
            elif isinstance(x, Tracer):  # what the inputs decide, without a derivative
                operands.append("…")
            else:
                operands.append(plain(np.broadcast_to(x, shape)[at]))
        return formula(node.op, operands, node.kwargs)
    marks = [f"\x00{cell}\x00" for cell in sources]
    if len(marks) > 6:
        marks = [*marks[:3], "…", *marks[-2:]]
    return f"{short(node.op)}({', '.join(marks)})"


def _named(words: str, names: Sequence[str]) -> str:
    pieces = words.split("\x00")
    return " ".join("".join(names[int(p)] if k % 2 else p for k, p in enumerate(pieces)).split())


def _element(label: str, place: tuple[int, ...]) -> str:
    return f"{label}[{', '.join(map(str, place))}]" if place else label
