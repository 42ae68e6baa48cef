"""What a computation cost: the counts that an interpreter enters, and a table of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .errors import DualadError
from .op import Op, example
from .rules.batching import aligned, leading


class Ledger:
    """Counts of one computation, the same on every machine.

    operations: arithmetic operations on elements: one an element for elementwise functions and sums, 2 m n k
        for a product of matrices, the usual leading terms for factorisations; moving elements counts nothing
    by_kind: operations by kind: 'arithmetic' (+ - * / and their like), 'function' (other elementwise functions, such as
        np.exp), 'product', 'contraction' (np.einsum), 'reduction', 'transform' (FFTs), 'decomposition' (and linear
        systems), 'loop', 'general' (others with a rule), 'plain' (comparisons, and what else has no derivative)
    by_op: operations by name; calls_by_kind: calls by kind, with 'movement' for what computes nothing
    multiply_adds: terms of contractions, m n k for a product of matrices: each a multiplication and an addition
    calls: operations on whole arrays or numbers, which is what Python's overhead grows with
    bytes: bytes that these read and wrote; a view reads and writes none
    depth: operations in the longest chain, of which each needs the one before
    tape_bytes: bytes of the values that a recording of the function keeps until its sweep, which is the memory that
        reverse mode takes: each array once, and 8 or so for the result of each operation on numbers. Large arrays (of
        32 KiB or more) that no rule reads are not kept
    tape_length: how many operations a recording has; tape_depth: how many in the longest chain of them. These three
        are found when they are asked for, by one more run of the function
    forward, reverse: ledgers of one forward sweep, along one tangent, and of one reverse sweep, from one cotangent,
        each with the run of the function that goes with it; found when they are asked for

    `print(ledger)` shows all of this, beside one another for the function and both sweeps.

    >>> ledger = dualad.count(lambda x: np.exp(x) * x)(np.ones(10))
    >>> ledger
    Ledger(operations=20, calls=2, bytes=400)
    >>> ledger.by_op
    Counter({'np.exp': 10, 'np.multiply': 10})
    >>> ledger.by_kind["function"], ledger.depth, ledger.reverse.operations
    (10, 2, 60)
    """

    __slots__ = (
        "_further", "_sweeps", "_tape", "by_kind", "by_op", "bytes", "calls", "calls_by_kind", "depth",
        "multiply_adds", "operations",
    )  # fmt: skip

    def __init__(self, further: Callable[[str], Any] | None = None) -> None:
        self.operations, self.calls, self.bytes, self.multiply_adds, self.depth = 0, 0, 0, 0, 0
        self.by_op: Counter[str] = Counter()
        self.by_kind: Counter[str] = Counter()
        self.calls_by_kind: Counter[str] = Counter()
        self._further = further  # more runs of the same function: what 'tape', 'forward' or 'reverse' take
        self._tape: tuple[int, int, int] | None = None
        self._sweeps: dict[str, Ledger] = {}

    def evaluated(self, op: Op, values: Sequence[Any], kwargs: dict[str, Any], traced: Sequence[bool]) -> Any:
        """The result of an operation, which is entered; `traced`: which arguments come from the function's own."""
        y = op.on_primals(values, kwargs) if op.kind == "plain" else op.result(values, kwargs)
        self.enter(op, y, values, kwargs)
        return y

    def enter(self, op: Op, y: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        """Count one operation with its plain result and arguments."""
        results = y if isinstance(y, tuple) else (y,)
        kind = kind_of(op)
        size = sum(math.prod(np.shape(v)) for v in results)
        n = op.cost(y, *args, **kwargs) if op.cost else 0 if op.moves else size
        if kind in ("product", "contraction"):  # p factors: p - 1 multiplications and an addition a term
            factors = len(args) if op.variadic else 2
            self.multiply_adds += n // factors if factors > 1 else 0
        self.operations += n
        self.calls += 1
        if op.view is None or not np.may_share_memory(example(y), example(args[0])):
            self.bytes += sum(map(bytes_of, args)) + sum(map(bytes_of, results))
        self.by_op[op.name] += n
        self.calls_by_kind[kind] += 1
        if n:
            self.by_kind[kind] += n

    def _recorded(self) -> tuple[int, int, int]:
        if self._tape is None:
            self._tape = self._further("tape") if self._further else (0, 0, 0)
        return self._tape

    @property
    def tape_bytes(self) -> int:
        return self._recorded()[0]

    @property
    def tape_length(self) -> int:
        return self._recorded()[1]

    @property
    def tape_depth(self) -> int:
        return self._recorded()[2]

    @property
    def forward(self) -> Ledger:
        return self._swept("forward")

    @property
    def reverse(self) -> Ledger:
        return self._swept("reverse")

    def _swept(self, mode: str) -> Ledger:
        if mode not in self._sweeps:
            self._sweeps[mode] = self._further(mode) if self._further else Ledger()
        return self._sweeps[mode]

    def _column(self) -> dict[str, int]:
        kinds = {f"  {kind}": n for kind, n in sorted(self.by_kind.items(), key=lambda item: -item[1]) if n}
        return {
            "operations": self.operations,
            **kinds,
            "multiply-adds": self.multiply_adds,
            "calls": self.calls,
            "bytes": self.bytes,
            "depth": self.depth,
            "tape length": self.tape_length,
            "tape bytes": self.tape_bytes,
        }

    def __repr__(self) -> str:
        return f"Ledger(operations={self.operations}, calls={self.calls}, bytes={self.bytes})"

    def __str__(self) -> str:
        columns: dict[str, dict[str, int]] = {"function": self._column()}
        for mode in ("forward", "reverse"):
            try:
                columns[f"{mode} sweep"] = self._swept(mode)._column()
            except DualadError:  # an operation without a rule: there is no such sweep
                columns[f"{mode} sweep"] = {}
        names = [name for column in columns.values() for name in column if name.startswith("  ")]
        kinds = sorted(set(names), key=names.index)
        lines = ["operations", *kinds, *[name for name in self._column() if name[0] != " "][1:]]
        rows = [("", *columns)]
        for name in lines:
            rows.append((name, *[f"{c.get(name, 0):,}" if c else "–" for c in columns.values()]))
        return aligned_text(rows, 1)


def aligned_text(rows: Sequence[Sequence[str]], names: int) -> str:
    """Rows of cells as lines of text: the first `names` columns flush left, numbers flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if k < names else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def bytes_of(v: Any) -> int:
    """Bytes of a plain value."""
    return v.nbytes if isinstance(v, (np.ndarray, np.generic)) else 8 if isinstance(v, (float, int)) else 0


def kind_of(op: Op) -> str:
    """The kind of an operation, read from its declaration; `Ledger.by_kind` says what there is."""
    if op.kind == "multilinear":
        return "contraction" if op.variadic else "product" if op.cost else "arithmetic"
    if op.kind == "linear" and op.cost:
        return "reduction" if op.moves else "transform" if op.depends == "axis" else "product"
    if op.kind == "linear" and op.moves:
        return "movement"
    if op.kind == "elementwise" or (op.kind == "general" and op.batch is aligned):
        # NumPy has the arithmetic ones for whole numbers or spans of time, too; a power takes as long as a logarithm
        loops = getattr(op.fn, "types", ())
        simple = op.selects or (op.fn is not np.power and any(loop[0] in "bm" for loop in loops))
        return "arithmetic" if simple else "function"
    if op.kind == "general" and op.depends in ("axis", "running"):
        return "reduction"
    if op.kind == "general" and (op.cost or op.batch is leading):
        return "decomposition"
    if op.kind == "joint" and op.cost:
        return "loop"
    return "plain" if op.kind == "plain" else "general"
