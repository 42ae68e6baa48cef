"""Running a program as loops of native code between calls of NumPy's functions."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..calls import Memory, call, handed_out, is_fresh, last_reads
from ..program import Program
from . import places
from .engine import Module
from .expression import Expression
from .fuse import Call, Group, Plan
from .inline import inlined
from .loops import Access, Fill, Region, loop
from .places import Place
from .runs import Run
from .vectors import Vectors, vectors


class Steps:
    """A program as a list of functions, each of which adds to the values found so far.

    mathematics: the vector library, this machine's by default
    """

    __slots__ = (
        "_arrays",
        "_constants",
        "_dropped",
        "_local",
        "_room",
        "_steps",
        "loops",
        "module",
        "program",
    )

    def __init__(self, program: Program, mathematics: Vectors | None = None) -> None:
        self.program = program = inlined(program)
        plan = Plan(program)
        values = program.values
        texts, declared, reads = [], set[str](), list[list[int]]()
        for n, step in enumerate(plan.steps):
            if isinstance(step, Call):
                reads.append(values[step.k].refs)
                continue
            arrays, regions = _regions(plan, step)
            text, needed = loop(
                f"loop{n}", len(arrays), _fills(plan, step), regions, mathematics or vectors()
            )
            texts.append(text)
            declared |= needed
            reads.append(arrays[len(step.members) :])
        self.loops = len(texts)
        calls = [step.k if isinstance(step, Call) else None for step in plan.steps]
        dropped = last_reads(program, [*zip(calls, reads, strict=True)])
        rooms, count = _rooms(plan, dropped)
        steps: list[int | Run] = []
        self._dropped = []
        for positions in _runs(plan):
            k = calls[positions[0]]
            steps.append(Run(plan, positions, reads, rooms, count + len(steps)) if k is None else k)
            self._dropped.append([k for n in positions for k in dropped[n]])
        self._room = count + len(steps)
        texts += [step.text for step in steps if isinstance(step, Run)]
        self.module = Module("\n\n".join(["\n".join(sorted(declared)), *texts])) if texts else None
        self._constants = [value.constant for value in values]
        self._arrays = [x for x in self._constants if isinstance(x, np.ndarray)]
        self._steps = [
            step.step(self.module) if isinstance(step, Run) else call(program, step, rooms.get(step, -1))
            for step in steps
        ]
        self._local = threading.local()

    def __call__(self, leaves: Sequence[Any]) -> tuple[list[Any], bool]:
        """The outputs, and whether what the program was traced with held along the way."""
        found = self._constants.copy()
        for k, x in zip(self.program.inputs, leaves, strict=True):
            found[k] = x
        # A thread's own, and taken by one call at a time: a signal's handler may call the same function.
        memory: Memory = self._local.__dict__.pop("memory", None) or [None] * self._room
        for step, dropped in zip(self._steps, self._dropped, strict=True):
            if not step(found, memory):
                return [], False
            for k in dropped:
                found[k] = None
        held = all(found[guard.k] == guard.expected for guard in self.program.guards)
        kept = (*leaves, *self._arrays, *memory)
        results = handed_out([found[k] for k in self.program.outputs], kept) if held else []
        self._local.memory = memory
        return results, held


def _runs(plan: Plan) -> list[list[int]]:
    """The positions of the steps, with those of loops that follow each other in one list."""
    looping = [isinstance(step, Group) for step in plan.steps]
    found: list[list[int]] = []
    for n, loops in enumerate(looping):
        if loops and n and looping[n - 1]:
            found[-1].append(n)
        else:
            found.append([n])
    return found


def _rooms(plan: Plan, dropped: list[list[int]]) -> tuple[dict[int, int], int]:
    """Rooms of values that no caller sees, shared in turn, and how many there are."""
    values, outputs = plan.program.values, set(plan.program.outputs)
    rooms: dict[int, int] = {}
    free: dict[Any, list[int]] = {}
    count = 0
    for step, rest in zip(plan.steps, dropped, strict=True):
        made = step.members if isinstance(step, Group) else [step.k] if is_fresh(values[step.k]) else []
        for k in made:
            if k not in outputs:
                waiting = free.get((values[k].shape, values[k].dtype))
                if waiting:
                    rooms[k] = waiting.pop()
                else:
                    rooms[k], count = count, count + 1
        for k in rest:
            if k in rooms:
                free.setdefault((values[k].shape, values[k].dtype), []).append(rooms[k])
    return rooms, count


def _fills(plan: Plan, group: Group) -> list[Fill]:
    """The reductions of a loop, each of which begins with what changes nothing."""
    kinds, values = plan.kinds, plan.program.values
    return [
        Fill(i, math.prod(values[k].shape), kinds.how(k))
        for i, k in enumerate(group.members)
        if kinds.kind[k] == "reduce"
    ]


def _regions(plan: Plan, group: Group) -> tuple[list[int], list[Region]]:
    """A loop's arrays, those that it writes first, and its regions."""
    values, kinds, shape = plan.program.values, plan.kinds, group.shape
    numbers = {k: n for n, k in enumerate(group.members)}
    computed = sorted((*group.members, *group.inner))
    here, inner = set(computed), set(group.inner)
    whole = places.identity(shape)

    def at(k: int, place: Place, region: Sequence[tuple[int, int]]) -> Access:
        strides, offset, step = [0] * len(shape), 0, 1
        for n, (start, axis, by) in zip(values[k].shape[::-1], place[::-1], strict=True):
            offset += start * step
            if axis >= 0:
                strides[axis] += by * step
            step *= n
        offset += sum(s * low for s, (low, _) in zip(strides, region, strict=True))
        return Access(numbers.setdefault(k, len(numbers)), offset, tuple(strides), kinds.stored_as(k))

    regions = []
    for region in itertools.product(*plan.segments(shape, computed)):

        def access(k: int, place: Place, region: Sequence[tuple[int, int]] = region) -> Access | None:
            own = k in here and place == whole and kinds.kind[k] != "reduce"
            return None if own or plan.fused(k) else at(k, place, region)

        expression = Expression(kinds, [low for low, _ in region], access)
        stores, totals = [], []
        for k in computed:
            if k in inner:
                expression.at(k, whole)
            elif kinds.kind[k] == "reduce":
                totals.append(
                    (expression.at(values[k].refs[0], whole), at(k, _summed(plan, k), region), kinds.how(k))
                )
            else:
                stores.append((expression.at(k, whole), at(k, whole, region)))
        regions.append(Region(tuple(high - low for low, high in region), expression.code, stores, totals))
    return list(numbers), regions


def _summed(plan: Plan, k: int) -> Place:
    """Where a loop adds to a sum."""
    value = plan.program.values[k]
    ndim = len(plan.program.values[value.refs[0]].shape)
    axes = {axis % ndim for axis in value.kwargs["axis"]}
    if value.kwargs["keepdims"]:
        return tuple(places.FIRST if axis in axes else (0, axis, 1) for axis in range(ndim))
    return tuple((0, axis, 1) for axis in range(ndim) if axis not in axes)
