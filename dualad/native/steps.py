"""Running a program as loops of native code between calls of NumPy's functions."""

from __future__ import annotations

import ctypes
import itertools
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
from .loops import Access, Region, loop
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
            text, needed = loop(f"loop{n}", len(arrays), regions, mathematics or vectors())
            texts.append(text)
            declared |= needed
            reads.append(arrays[len(step.members) :])
        self.loops = len(texts)
        self.module = Module("\n\n".join(["\n".join(sorted(declared)), *texts])) if texts else None
        self._constants = [value.constant for value in values]
        self._dropped, rooms = _memory(plan, reads)
        self._steps = [
            _call(program, step.k) if isinstance(step, Call) else self._loop(n, plan, step, reads[n], rooms)
            for n, step in enumerate(plan.steps)
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

    def _loop(self, n: int, plan: Plan, group: Group, reads: list[int], rooms: dict[int, int]) -> Step:
        assert self.module is not None
        values = self.program.values
        count = len(group.members) + len(reads)
        native: Any = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * count)(self.module.address(f"loop{n}"))
        fixed = {
            k: _ready(values[k].constant, _kind(plan, k)) for k in reads if values[k].constant is not None
        }
        operands = [(k, _kind(plan, k)) for k in reads]
        results = [
            (k, values[k], values[k].form, plan.kinds.kind[k] == "sum", rooms.get(k)) for k in group.members
        ]

        def run(found: list[Any], memory: dict[int, ndarray]) -> bool:
            read = [fixed[k] if k in fixed else _ready(found[k], dtype) for k, dtype in operands]
            written = []
            for _, value, _, adds, room in results:
                y = memory.get(room) if room is not None else None
                if y is None:
                    y = np.empty(value.shape, value.dtype)
                    if room is not None:
                        memory[room] = y
                if adds:
                    y.fill(0.0)
                written.append(y)
            native(*[x.__array_interface__["data"][0] for x in (*written, *read)])
            for (k, _, form, _, _), y in zip(results, written, strict=True):
                found[k] = y if form is ndarray else y[()] if form is np.generic else form(y[()])
            return True

        return run


def _call(program: Program, k: int) -> Step:
    value = program.values[k]
    assert value.op is not None
    fn, args, kwargs = value.op.fn, value.args, value.kwargs

    def run(found: list[Any], memory: dict[int, ndarray]) -> bool:
        y = as_traced(fn(*[found[a.k] if type(a) is Ref else a for a in args], **kwargs), value)
        found[k] = y
        return y is not None

    return run


def _kind(plan: Plan, k: int) -> Any:
    """How loops read a value: truth values as they are, all else as doubles."""
    value = plan.program.values[k]
    dtype = value.dtype if value.constant is None else np.asarray(value.constant).dtype
    return np.dtype(bool) if dtype == np.bool_ else np.dtype(np.float64)


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
        kind = "b" if _kind(plan, k).kind == "b" else "d"
        return Access(numbers.setdefault(k, len(numbers)), offset, tuple(strides), kind)

    regions = []
    for region in itertools.product(*plan.segments(shape, group.members)):

        def access(k: int, place: Place, region: Sequence[tuple[int, int]] = region) -> Access | None:
            own = k in group.members and place == whole and kinds.kind[k] != "sum"
            return None if own or plan.fused(k) else at(k, place, region)

        expression = Expression(kinds, [low for low, _ in region], access)
        stores, sums = [], []
        for k in group.members:
            if kinds.kind[k] == "sum":
                sums.append((expression.at(values[k].refs[0], whole), at(k, _summed(plan, k), region)))
            else:
                stores.append((expression.at(k, whole), at(k, whole, region)))
        regions.append(Region(tuple(high - low for low, high in region), expression.code, stores, sums))
    return list(numbers), regions


def _summed(plan: Plan, k: int) -> Place:
    """Where a loop adds to a sum."""
    value = plan.program.values[k]
    ndim = len(plan.program.values[value.refs[0]].shape)
    axes = {axis % ndim for axis in value.kwargs["axis"]}
    if value.kwargs["keepdims"]:
        return tuple(places.FIRST if axis in axes else (0, axis, 1) for axis in range(ndim))
    return tuple((0, axis, 1) for axis in range(ndim) if axis not in axes)
