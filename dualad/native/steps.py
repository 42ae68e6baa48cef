"""Running a program as loops of native code between calls of NumPy's functions."""

from __future__ import annotations

import ctypes
import itertools
import math
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..program import Program, Ref
from ..replay import as_traced, handed_out
from . import places
from .engine import Module
from .expression import Expression
from .fuse import Call, Group, Plan
from .inline import inlined
from .loops import Access, Fill, Region, loop, sequence
from .places import Place
from .vectors import Vectors, vectors

ndarray = np.ndarray
Step = Callable[[list[Any], dict[int, np.ndarray]], bool]


class Steps:
    """A program as a list of functions, each of which adds to the values found so far.

    mathematics: the vector library, this machine's by default
    """

    __slots__ = ("_constants", "_dropped", "_local", "_steps", "loops", "module", "program")

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
        runs = _runs(plan)
        texts += [
            sequence(
                f"run{n}",
                [(f"loop{m}", table) for m, table in zip(run, _tables(plan, run, reads), strict=True)],
            )
            for n, run in enumerate(runs)
            if not isinstance(plan.steps[run[0]], Call)
        ]
        self.module = (
            Module("\n\n".join(["\n".join(sorted(declared)), *texts])) if declared or texts else None
        )
        self._constants = [value.constant for value in values]
        dropped, rooms = _memory(plan, reads)
        self._dropped = [[k for m in run for k in dropped[m]] for run in runs]
        self._steps = [
            _call(program, step.k)
            if isinstance(step := plan.steps[run[0]], Call)
            else self._run(n, plan, run, reads, rooms)
            for n, run in enumerate(runs)
        ]
        self._local = threading.local()

    def __call__(self, leaves: Sequence[Any]) -> tuple[list[Any], bool]:
        """The outputs, and whether what the program was traced with held along the way."""
        found = self._constants.copy()
        for k, x in zip(self.program.inputs, leaves, strict=True):
            found[k] = x
        # A thread's own, and taken by one call at a time: a signal's handler may call the same function.
        memory: dict[int, ndarray] = self._local.__dict__.pop("memory", None) or {}
        for step, dropped in zip(self._steps, self._dropped, strict=True):
            if not step(found, memory):
                return [], False
            for k in dropped:
                found[k] = None
        held = all(found[guard.k] == guard.expected for guard in self.program.guards)
        kept = (*leaves, *self._constants, *memory.values())
        results = handed_out([found[k] for k in self.program.outputs], kept) if held else []
        self._local.memory = memory
        return results, held

    def _run(
        self, n: int, plan: Plan, loops: list[int], reads: list[list[int]], rooms: dict[int, int]
    ) -> Step:
        """Loops one after the other, as one native function of a table of all their arrays."""
        assert self.module is not None
        values = self.program.values
        native: Any = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self.module.address(f"run{n}"))
        arrays = _arrays(plan, loops, reads)
        place = {k: i for i, k in enumerate(arrays)}
        made = _made(plan, loops)
        fixed = {
            k: _ready(values[k].constant, _dtype(plan, k)) for k in arrays if values[k].constant is not None
        }
        kept = [(place[k], rooms[k], values[k]) for k in arrays if k in rooms]
        operands = [
            (place[k], k, _dtype(plan, k))
            for k in arrays
            if k not in fixed and k not in rooms and k not in made
        ]
        results = [(place[k], k, values[k]) for k in made if k not in rooms]
        shown = _shown(plan)
        read = [(k, rooms[k], values[k].form) for k in made if k in rooms and k in shown]

        def table(memory: dict[int, ndarray]) -> ndarray:
            """Where each array lies, and at last the table itself."""
            y = memory[-1 - n] = np.zeros(len(arrays) + 1, np.uintp)
            for k, x in fixed.items():
                y[place[k]] = _address(x)
            for i, room, value in kept:
                if room not in memory:
                    memory[room] = np.empty(value.shape, value.dtype)
                y[i] = _address(memory[room])
            y[-1] = _address(y)
            return y

        def run(found: list[Any], memory: dict[int, ndarray]) -> bool:
            at = memory.get(-1 - n)
            if at is None:
                at = table(memory)
            alive = []
            for i, k, dtype in operands:
                x = _ready(found[k], dtype)
                alive.append(x)
                at[i] = _address(x)
            for i, k, value in results:
                found[k] = y = np.empty(value.shape, value.dtype)
                at[i] = _address(y)
            native(int(at[-1]))
            for _, k, value in results:
                if value.form is not ndarray:
                    found[k] = _number(found[k], value.form)
            for k, room, form in read:
                found[k] = memory[room] if form is ndarray else _number(memory[room], form)
            return True

        return run


def _address(x: ndarray) -> int:
    return x.__array_interface__["data"][0]  # type: ignore[no-any-return]


def _number(x: ndarray, form: type) -> Any:
    return x[()] if form is np.generic else form(x[()])


def _call(program: Program, k: int) -> Step:
    value = program.values[k]
    assert value.op is not None
    fn, args, kwargs = value.op.fn, value.args, value.kwargs

    def run(found: list[Any], memory: dict[int, ndarray]) -> bool:
        y = as_traced(fn(*[found[a.k] if type(a) is Ref else a for a in args], **kwargs), value)
        found[k] = y
        return y is not None

    return run


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


def _made(plan: Plan, run: list[int]) -> list[int]:
    """What loops compute."""
    return [k for n in run if isinstance(group := plan.steps[n], Group) for k in group.members]


def _arrays(plan: Plan, run: list[int], reads: list[list[int]]) -> list[int]:
    """What loops write and read, each value once."""
    return list(dict.fromkeys(k for n in run for k in (*_made(plan, [n]), *reads[n])))


def _tables(plan: Plan, run: list[int], reads: list[list[int]]) -> list[list[int]]:
    """For each loop, the positions of its arrays in the table of all."""
    place = {k: i for i, k in enumerate(_arrays(plan, run, reads))}
    return [[place[k] for k in (*_made(plan, [n]), *reads[n])] for n in run]


def _shown(plan: Plan) -> set[int]:
    """What is read by others than loops."""
    program = plan.program
    calls = [program.values[step.k].refs for step in plan.steps if isinstance(step, Call)]
    return {*program.outputs, *(guard.k for guard in program.guards), *itertools.chain(*calls)}


def _fills(plan: Plan, group: Group) -> list[Fill]:
    """The reductions of a loop, each of which begins with what changes nothing."""
    kinds, values = plan.kinds, plan.program.values
    return [
        Fill(i, math.prod(values[k].shape), kinds.how(k))
        for i, k in enumerate(group.members)
        if kinds.kind[k] == "reduce"
    ]


def _dtype(plan: Plan, k: int) -> Any:
    return np.dtype({"b": np.bool_, "i": np.int64, "d": np.float64}[plan.kinds.stored_as(k)])


def _ready(x: Any, dtype: Any) -> ndarray:
    """An array as loops read it: in C's order, at whole addresses."""
    if type(x) is ndarray and x.flags.c_contiguous and x.flags.aligned and x.dtype == dtype:
        return x
    return np.require(x, dtype, ("C", "A"))


def _memory(plan: Plan, reads: list[list[int]]) -> tuple[list[list[int]], dict[int, int]]:
    """What each step is the last one to read, and the rooms of values that no caller sees, shared in turn."""
    values, end = plan.program.values, len(plan.steps)
    last = dict.fromkeys((*plan.program.outputs, *(guard.k for guard in plan.program.guards)), end)
    for n, step in reversed([*enumerate(plan.steps)]):
        until = n
        if isinstance(step, Call) and not isinstance(getattr(values[step.k].op, "fn", None), np.ufunc):
            until = last.get(step.k, n)  # its result may be a view of its arguments
        for k in reads[n]:
            last[k] = max(last.get(k, n), until)
    dropped: list[list[int]] = [[] for _ in plan.steps]
    for k, n in last.items():
        if n < end and k in plan.stored and values[k].op is not None:
            dropped[n].append(k)
    rooms: dict[int, int] = {}
    free: dict[Any, list[int]] = {}
    count = itertools.count()
    outputs = set(plan.program.outputs)
    for n, step in enumerate(plan.steps):
        if isinstance(step, Group):
            for k in step.members:
                if k not in outputs:
                    waiting = free.get((values[k].shape, values[k].dtype))
                    rooms[k] = waiting.pop() if waiting else next(count)
        for k in dropped[n]:
            if k in rooms:
                free.setdefault((values[k].shape, values[k].dtype), []).append(rooms[k])
    return dropped, rooms


def _regions(plan: Plan, group: Group) -> tuple[list[int], list[Region]]:
    """A loop's arrays, those that it writes first, and its regions."""
    values, kinds, shape = plan.program.values, plan.kinds, group.shape
    numbers = {k: n for n, k in enumerate(group.members)}
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
    for region in itertools.product(*plan.segments(shape, group.members)):

        def access(k: int, place: Place, region: Sequence[tuple[int, int]] = region) -> Access | None:
            own = k in group.members and place == whole and kinds.kind[k] != "reduce"
            return None if own or plan.fused(k) else at(k, place, region)

        expression = Expression(kinds, [low for low, _ in region], access)
        stores, totals = [], []
        for k in group.members:
            if kinds.kind[k] == "reduce":
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
