"""Which part of a program is linear with constant coefficients: f(x) = g(G x) + D x, so that f' = g' G + D.

Constant maps at the beginning (indices, rolls, differences, sums with constant weights) need no directions, nor do
those at the end: what is between them, g, often has a Jacobian of far fewer colours. Partial separability (Griewank
and Toint 1982), found in a program and with linear maps of any rank.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import ArgumentError
from ..op import Op
from ..program import Program, Ref, Value
from ..simplify import simplified
from .interpret import UNKNOWN, Interpreter, Known, is_active, static
from .sets import Algebra, Sets, places, spread


class Separation(NamedTuple):
    """The parts of a program of m outputs and n inputs, all counted in numbers.

    before: from the program's inputs to those of `after`: the values z of the maps, then what `after` only reads
    after: from those to the outputs
    moving: how many of them are values of maps
    maps: G, `scipy.sparse.csr_array` of shape (numbers in z, n)
    rest: D, shape (m, n)
    pattern: of the Jacobian of `after` in z, shape (m, numbers in z)
    """

    before: Program
    after: Program
    moving: int
    maps: Any
    rest: Any
    pattern: Any


class Maps:
    """The constant maps of a program, from its first `n` inputs.

    sums: whether these may be sums of multiples, or only move numbers
    of: for each value the map from the inputs to it, with one row for each number, or None; a value that is not
        `curved` is such a map of them, plus what does not depend on them
    """

    def __init__(self, program: Program, n: int, most: int, sums: bool) -> None:
        self.program, self.sums = program, sums
        sizes = [math.prod(program.values[k].shape) for k in program.inputs]
        self.algebra = Algebra(sum(sizes[:n]), most)
        self._interpreter = Interpreter(self.algebra, False)
        self.of: list[Sets] = [None] * len(program.values)
        self.curved, self.varies = [False] * len(self.of), [False] * len(self.of)
        self.plain = [False] * len(self.of)  # whether an operation is a constant map of its arguments
        start = 0
        for i, (k, size) in enumerate(zip(program.inputs, sizes, strict=True)):
            self.varies[k] = True
            if i < n:
                self.of[k] = self.algebra.inputs(start, size).astype(float)
                start += size
        for k, value in enumerate(program.values):
            if value.op is not None:
                self._found(k, value, value.op)

    def _found(self, k: int, value: Value, op: Op) -> None:
        refs = value.refs
        self.varies[k] = any(self.varies[r] for r in refs)
        moving = [type(a) is Ref and (self.curved[a.k] or self.of[a.k] is not None) for a in value.args]
        if not any(moving):
            return
        self.plain[k] = self._is_plain(value, op, moving)
        self.curved[k] = not self.plain[k] or any(self.curved[r] for r in refs)
        if not self.curved[k]:
            self.of[k] = self.mapped(value, self.of)

    def _known(self, a: Any, sets: Sequence[Sets]) -> Known:
        if type(a) is not Ref:
            return static(a)
        value = self.program.values[a.k]
        is_constant = value.op is None and not self.varies[a.k]
        return Known(value.shape, None, value.constant) if is_constant else Known(value.shape, sets[a.k])

    def _is_plain(self, value: Value, op: Op, moving: Sequence[bool]) -> bool:
        args = [self._known(a, self.of) for a in value.args]
        if value.dtype != np.float64:
            return False
        if op.kind == "elementwise":
            return self.sums and all(
                coefficient(op, i, args) is not None for i, on in enumerate(moving) if on
            )
        fixed = [a for i, a in enumerate(args) if not is_active(op, i)]
        moves = op.depends == "moved" or (self.sums and op.depends == "sums")
        return op.kind == "linear" and moves and all(a.is_known for a in fixed)

    def mapped(self, value: Value, sets: Sequence[Sets]) -> Sets:
        """The map to a value, by an operation that is one of its arguments, from theirs."""
        op, args = value.op, [self._known(a, sets) for a in value.args]
        assert op is not None
        if op.kind == "linear":
            if all(a.sets is None for i, a in enumerate(args) if is_active(op, i)):
                return None
            found = self._interpreter.linear(op, value, args, op.depends)
            assert found is not UNKNOWN
            return found
        found = None
        for i, a in enumerate(args):
            if a.sets is not None:
                rows = self.algebra.rows(a.sets, spread(places(a.shape), value.shape))
                factors = np.broadcast_to(coefficient(op, i, args), value.shape).ravel()
                if np.any(factors != 1) and rows is not None:
                    rows = rows.copy()
                    rows.data *= np.repeat(factors, np.diff(rows.indptr))
                # Sums and not unions, as a value may come twice
                found = rows if found is None else found if rows is None else found + rows
        return found


def coefficient(op: Op, i: int, args: Sequence[Known]) -> Any:
    """The partial derivative of an elementwise operation in argument `i`, if it is constant; or None."""
    place = (op.d0, op.d1)[i] if i < 2 else None
    if type(place) is float:
        return place
    if type(place) is int and abs(place) >= 2 and args[abs(place) - 2].is_known:
        number = args[abs(place) - 2].number
        with np.errstate(all="ignore"):
            return number if place > 0 else np.divide(1.0, number)
    return None


def separated(program: Program, n: int, most: int, sums: bool = True) -> Separation | None:
    """The parts of a program, as seen from its first `n` inputs; None where they would be too large.

    most: nonzeros that a matrix may have; sums: whether maps may be sums of multiples, or only move numbers
    """
    try:
        return _Parts(Maps(program, n, most, sums)).made()
    except ArgumentError:
        return None


class _Parts:
    """A program being taken apart: `moving` values of maps are differentiated through, those in `read` are not."""

    def __init__(self, maps: Maps) -> None:
        self.maps, self.values, self.program = maps, maps.program.values, maps.program
        # Whether only constant maps come after a value: what they make of other maps is known without directions
        self.ends = [True] * len(self.values)
        for k in reversed(range(len(self.values))):
            for r in self.values[k].refs:
                self.ends[r] = self.ends[r] and self.ends[k] and maps.plain[k]
        # Of values in the program between the maps, with whether they move there
        self.places: dict[tuple[int, bool], int] = {}
        self.moving, self.read = list[int](), list[int]()
        for k, value in enumerate(self.values):
            for r in value.refs if maps.curved[k] else ():
                self._enter(r, self.is_moved(r, k))
        for k in self.program.outputs:
            self._enter(k, False)

    def is_moved(self, r: int, k: int) -> bool:
        """Whether the operation of `k` passes derivatives of the map `r` on in another way than by a map."""
        return self.maps.of[r] is not None and not (self.maps.plain[k] and self.ends[k])

    def _enter(self, r: int, moves: bool) -> None:
        side = self.moving if moves else self.read
        if self.maps.varies[r] and not self.maps.curved[r] and r not in side:
            side.append(r)

    def made(self) -> Separation:
        maps, algebra, values = self.maps, self.maps.algebra, self.values
        after = self.between()
        count = len(self.moving)
        before = simplified(Program(values, self.program.inputs, [*self.moving, *self.read]))
        sizes = [math.prod(values[k].shape) for k in self.moving]
        found = algebra.stacked([(maps.of[k], size) for k, size in zip(self.moving, sizes, strict=True)])
        inner, start, given = Algebra(sum(sizes), algebra.most), 0, []
        for i, k in enumerate(after.inputs):
            sets = inner.inputs(start, sizes[i]) if i < count else None
            start += sizes[i] if i < count else 0
            given.append(Known(after.values[k].shape, sets))
        patterns = Interpreter(inner, False).run(after, given)
        return Separation(
            before, after, count, found, self.rest(), inner.stacked([(y.sets, y.size) for y in patterns])
        )

    def between(self) -> Program:
        """The operations that are no constant maps of inputs, with what maps make of these as inputs."""
        after: list[Value] = []

        def entered(value: Value, key: tuple[int, bool]) -> None:
            self.places[key] = len(after)
            after.append(value)

        for k, moves in [*((k, True) for k in self.moving), *((k, False) for k in self.read)]:
            value = self.values[k]
            entered(Value(None, (), {}, value.shape, value.dtype, value.form), (k, moves))
        starts = range(len(after))
        for k, value in enumerate(self.values):
            if self.maps.curved[k]:
                args = [Ref(self.places[self.key(a.k, k)]) if type(a) is Ref else a for a in value.args]
                entered(value._replace(args=tuple(args)), (k, False))
            elif not self.maps.varies[k]:
                entered(value, (k, False))
        return Program(after, starts, [self.places[k, False] for k in self.program.outputs])

    def key(self, r: int, k: int) -> tuple[int, bool]:
        return r, not self.maps.curved[r] and self.is_moved(r, k)

    def rest(self) -> Sets:
        """The map D from inputs to outputs that goes around all else."""
        maps = self.maps
        found: list[Sets] = [None] * len(self.values)
        for k, value in enumerate(self.values):
            if not maps.curved[k]:
                found[k] = maps.of[k]
            elif maps.plain[k] and self.ends[k]:
                found[k] = maps.mapped(value, found)
        outputs = self.program.outputs
        return maps.algebra.stacked([(found[k], math.prod(self.values[k].shape)) for k in outputs])
