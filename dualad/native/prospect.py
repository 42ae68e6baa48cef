"""Whether scalar code of a program with structural zeros pays, where loops over whole arrays are the alternative."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..program import Program, Value
from .expression import Kinds
from .lowering import known

VECTORS = 4  # operations of loops in the time of one scalar instruction
CALL = 2000  # scalar instructions in the time of one of NumPy's functions
LARGE = 64  # elements that are worth a loop, where scalar code is not SHORT
SHORT = 10_000  # scalar instructions that are compiled soon enough in any case
MULTIPLIED = 8  # multiplications in a product of matrices in the time of one operation of a loop
WINDOWS = 20  # how often the rest is estimated


def has_zeros_to_use(value: Value) -> bool:
    """Whether a value is unit directions: scalar code is as sparse as what is computed from them."""
    return (
        value.op is None and bool(value.kwargs) and np.size(value.constant) > 1 and not np.all(value.constant)
    )


def unit_directions(values: Sequence[Value]) -> bool:
    """Whether a program has zeros to use in one element a direction: colours, which move many, leave few zeros."""
    seeds = [value.constant for value in values if has_zeros_to_use(value)]
    moved = sum(int(np.count_nonzero(seed)) for seed in seeds)
    return bool(0 < moved <= sum(np.shape(seed)[-1] for seed in seeds))


class Prospect:
    """The scalar instructions to come, estimated from those that the last operations on unit directions took.

    limit: instructions that take as long as the loops would
    """

    __slots__ = ("_behind", "_counted", "_done", "_seen", "_sparse", "_total", "_work", "limit")

    def __init__(self, program: Program) -> None:
        kinds, values = Kinds(program), program.values
        self._sparse: list[bool] = []
        self._work: list[float] = []
        calls = 0
        for k, value in enumerate(values):
            self._sparse.append(has_zeros_to_use(value) or any(self._sparse[r] for r in value.refs))
            self._work.append(_work(kinds.kind[k], value, [values[r] for r in value.refs]))
            calls += kinds.kind[k] == "call" and value.op is not None and not value.op.moves
        self.limit = max(SHORT, int(sum(self._work)) // VECTORS + CALL * calls)
        self._total = sum(w for w, sparse in zip(self._work, self._sparse, strict=True) if sparse)
        self._done = self._seen = 0.0
        self._counted = self._behind = 0

    def pays(self, k: int, emitted: int, written: int) -> bool:
        """Whether to go on, after value `k` took `emitted` instructions, of `written` in all."""
        if self._sparse[k]:
            self._done += self._work[k]
            self._counted += emitted
        work, count = self._done - self._seen, self._counted - self._behind
        if work * WINDOWS < self._total or not work:
            return written <= self.limit
        self._seen, self._behind = self._done, self._counted
        return written + count / work * (self._total - self._done) <= self.limit


def _work(kind: str, value: Value, operands: Sequence[Value]) -> float:
    """Operations of a loop in the time that a value takes."""
    size = math.prod(value.shape)
    if kind == "source" or kind == "move":
        return 0.0
    if kind == "row":
        return size
    if kind != "call":
        return max([size, *(math.prod(v.shape) for v in operands)]) / 2
    cost: Any = value.op.cost if value.op is not None else None
    if cost is None or not known(value.op) or len(operands) != len(value.args):
        return size
    shaped = [np.broadcast_to(0.0, v.shape) for v in (value, *operands)]
    return float(cost(*shaped, **value.kwargs)) / MULTIPLIED
