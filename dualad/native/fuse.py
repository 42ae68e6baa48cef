"""From a program to steps: calls of NumPy's functions, and loops that compute several values at once.

Some values are stored, in arrays: results, what NumPy's functions read and return, and what would otherwise be
computed several times. All others are computed in the loops that need them, wherever they need them.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from ..program import Program
from . import places
from .expression import Kinds
from .inline import gather
from .places import Place

CHEAP = 16  # additions that are rather done twice than stored
TWICE = 1.25  # times that a value is computed, on average, from which on it counts as twice
BODY = 200  # values computed within one
READS = 6  # places at which one value is computed
REGIONS = 40  # boxes into which pastes cut a loop
GROUP = 300  # values computed in one loop


class Call(NamedTuple):
    """One of NumPy's functions."""

    k: int


class Group(NamedTuple):
    """A loop over `shape`: values to be stored, reductions of values, and inner ones that it keeps to itself."""

    shape: tuple[int, ...]
    members: list[int]
    inner: tuple[int, ...] = ()


class Plan:
    """The steps of a program, and which values they store."""

    __slots__ = ("kinds", "program", "steps", "stored")

    def __init__(self, program: Program) -> None:
        self.program, self.kinds = program, Kinds(program)
        self.stored: set[int] = set()
        self._store_what_must_be()
        self._store_what_is_read_often()
        self._store_what_is_long()
        self.steps = self._grouped()
        for _ in range(3):
            twice = self._computed_twice()
            if not twice:
                break
            self.stored |= twice
            self.steps = self._grouped()
        self._leave_in_registers()

    def fused(self, k: int) -> bool:
        """Whether a loop that needs this value computes it; one that only moves is never read itself."""
        kind = self.kinds.kind[k]
        return kind == "move" or (kind in ("row", "paste") and k not in self.stored)

    def _store_what_must_be(self) -> None:
        kind, values = self.kinds.kind, self.program.values
        self.stored |= {*self.program.outputs, *(guard.k for guard in self.program.guards)}
        for k in reversed(range(len(values))):
            if kind[k] in ("call", "reduce"):
                self.stored.add(k)
            if kind[k] == "call" or (
                kind[k] == "move" and k in self.stored
            ):  # NumPy's views of what is stored
                self.stored.update(values[k].refs)
            if values[k].op is gather:
                self.stored.add(values[k].refs[0])

    def _store_what_is_long(self) -> None:
        bodies: dict[int, frozenset[int]] = {}
        for k, value in enumerate(self.program.values):
            if self.kinds.kind[k] not in ("row", "move", "paste"):
                continue
            parts = [r for r in value.refs if r in bodies]
            bodies[k] = frozenset((k,)).union(*(bodies[r] for r in parts))
            pasted = {r for r in parts if any(v in self.kinds.paste for v in bodies[r])}
            if (pasted or k in self.kinds.paste) and self._regions(k) > REGIONS:
                self.stored |= self._behind_moves(pasted)
                bodies[k] = frozenset((k,)).union(*(bodies[r] for r in parts if r not in pasted))
            if len(bodies[k]) > BODY:
                self.stored |= self._behind_moves({k})
            if not self.fused(k) or len(bodies[k]) > BODY:
                del bodies[k]

    def _behind_moves(self, ks: set[int]) -> set[int]:
        """The values themselves, and for those that only move something that."""
        found: set[int] = set()
        for k in ks:
            while self.kinds.kind[k] == "move":
                k = self.program.values[k].refs[0]
            found.add(k)
        return found

    def _regions(self, k: int) -> int:
        return math.prod(len(s) for s in self.segments(self.program.values[k].shape, [k]))

    def _store_what_is_read_often(self) -> None:
        """Where computing it again would cost more than memory does."""
        values, kinds = self.program.values, self.kinds
        reads: dict[int, set[tuple[tuple[int, ...], Place]]] = defaultdict(set)  # (points, place)
        costs = self._costs()
        for k in reversed(range(len(values))):
            if kinds.kind[k] in ("call", "source"):
                continue
            points = sum(math.prod(extents) for extents, _ in reads[k])
            again = costs[k] > CHEAP and points > TWICE * math.prod(values[k].shape)
            if (again or len(reads[k]) > READS) and kinds.kind[k] != "move":
                self.stored.add(k)
            if not self.fused(k):
                reads[k] = {(self.shape(k), places.identity(self.shape(k)))}
            for extents, place in reads[k]:
                if kinds.kind[k] == "reduce":
                    reads[values[k].refs[0]].add((extents, place))
                elif k in kinds.paste:
                    for (r, there), side in zip(
                        kinds.operands(k, place), self._boxes(k, place, extents), strict=True
                    ):
                        reads[r].add((side, there))
                else:
                    for r, there in kinds.operands(k, place):
                        reads[r].add((extents, there))

    def _boxes(self, k: int, place: Place, extents: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        """How many points of a loop along each axis read each operand of a paste."""
        paste = self.kinds.paste[k]
        for box in paste.boxes():
            points = list(extents)
            for side, (_, axis, step) in zip(box, place, strict=True):
                if axis >= 0:
                    points[axis] = min(points[axis], -(-len(side) // abs(step)))
            yield tuple(points)
        if paste.outer is not None:
            yield extents

    def _costs(self) -> list[int]:
        costs: list[int] = []
        for k, value in enumerate(self.program.values):
            own = self.kinds.weight(k) if self.fused(k) else 0
            costs.append(own + sum(costs[r] for r in set(value.refs)) if self.fused(k) else 0)
        return [min(c, 10**6) for c in costs]

    # loops
    def sources(self, k: int) -> Iterator[tuple[int, bool]]:
        """Stored values that computing `k` reads, and whether only at the very point that is computed."""
        shape = self.shape(k)
        seen: set[tuple[int, Place]] = set()
        waiting = self._first(k, shape)
        while waiting:
            r, place = waiting.pop()
            if (r, place) in seen or r in self.kinds.literals:
                continue
            seen.add((r, place))
            if self.fused(r):
                waiting.extend(self.kinds.operands(r, place))
            else:
                same = place == places.identity(shape) and self.program.values[r].shape == shape
                yield r, same and self.kinds.kind[r] in ("row", "paste")

    def shape(self, k: int) -> tuple[int, ...]:
        """What a stored value's loop runs over."""
        values = self.program.values
        return values[values[k].refs[0]].shape if self.kinds.kind[k] == "reduce" else values[k].shape

    def _first(self, k: int, shape: tuple[int, ...]) -> list[tuple[int, Place]]:
        if self.kinds.kind[k] == "reduce":
            return [(self.program.values[k].refs[0], places.identity(shape))]
        return list(self.kinds.operands(k, places.identity(shape)))

    def segments(self, shape: tuple[int, ...], members: list[int]) -> list[list[tuple[int, int]]]:
        """The parts of each axis within which the code is the same."""
        found = [{0, n} for n in shape]
        seen: set[tuple[int, Place]] = set()
        waiting = [
            (self.program.values[k].refs[0] if self.kinds.kind[k] == "reduce" else k, places.identity(shape))
            for k in members
        ]
        first = set(waiting)
        while waiting:
            key = waiting.pop()
            k, place = key
            if (
                key in seen
                or k in self.kinds.literals
                or not (self.fused(k) or (key in first and k in members))
            ):
                continue
            seen.add(key)
            if k in self.kinds.paste:
                for box in self.kinds.paste[k].boxes():
                    for axis, i in places.cuts(box, place):
                        if 0 < i < shape[axis]:
                            found[axis].add(i)
            waiting.extend(self.kinds.operands(k, place))
        return [list(itertools.pairwise(sorted(ends))) for ends in found]

    def _grouped(self) -> list[Call | Group]:
        steps: list[Call | Group] = []
        made: dict[int, int] = {}
        latest: dict[tuple[int, ...], int] = {}
        size: dict[int, int] = defaultdict(int)
        for k, kind in enumerate(self.kinds.kind):
            if k not in self.stored or kind == "source":
                continue
            if kind in ("call", "move"):
                made[k] = len(steps)
                steps.append(Call(k))
                continue
            shape = self.shape(k)
            found = dict[int, bool]()
            for r, same in self.sources(k):
                found[r] = found.get(r, True) and same
            step = latest.get(shape, -1)
            fits = step >= 0 and size[step] < GROUP
            fits = fits and all(
                made.get(r, -1) < step or (made[r] == step and same) for r, same in found.items()
            )
            if not fits:
                step = latest[shape] = len(steps)
                steps.append(Group(shape, []))
            group = steps[step]
            assert isinstance(group, Group)
            group.members.append(k)
            size[step] += 1 + len(self._inside(k))
            made[k] = step
        return steps

    def _inside(self, k: int) -> set[int]:
        """Values computed on the way to a stored one."""
        seen: set[int] = set()
        waiting = list(self.program.values[k].refs)
        while waiting:
            r = waiting.pop()
            if r not in seen and self.fused(r):
                seen.add(r)
                waiting.extend(self.program.values[r].refs)
        return seen

    def _computed_twice(self) -> set[int]:
        costs, at = self._costs(), dict[int, int]()
        twice: set[int] = set()
        for n, step in enumerate(self.steps):
            if isinstance(step, Group):
                for r in set().union(*(self._inside(k) for k in step.members)):
                    if at.setdefault(r, n) != n and costs[r] > CHEAP and self.kinds.kind[r] != "move":
                        twice.add(r)
        return twice

    def _leave_in_registers(self) -> None:
        """What nobody reads but its own loop, at the very point that it computes, takes no memory."""
        program, shown = self.program, set[int]()
        shown.update(program.outputs, (guard.k for guard in program.guards))
        for step in self.steps:
            if isinstance(step, Call):
                shown.update(program.values[step.k].refs)
            else:
                own = set(step.members)
                for k in step.members:
                    shown.update(r for r, same in self.sources(k) if not (same and r in own))
        for n, step in enumerate(self.steps):
            if isinstance(step, Group):
                inner = [k for k in step.members if self.kinds.kind[k] == "row" and k not in shown]
                members = [k for k in step.members if k not in inner]
                self.steps[n] = Group(step.shape, members, tuple(inner))
