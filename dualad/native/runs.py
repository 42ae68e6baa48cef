"""Loops that follow each other, as one function of Python's that is called with arrays."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..calls import Memory, Step
from .call import _ALIGNED_IN_C_ORDER, _DATA, _FLAGS, _function, function
from .fuse import Call, Group, Plan
from .loops import sequence

ndarray = np.ndarray
LONG = 20_000  # points of loops, while which other threads may run Python


class Run:
    """The loops at some positions of a plan.

    They take a table of pointers to all their arrays. Those to arrays that stay where they are, in rooms, are written
    once for each memory, in which `slot` is the table's place; those to all others at each call, by native code.
    """

    __slots__ = ("_arrays", "_given", "_made", "_name", "_plan", "_results", "_rooms", "_slot", "text")

    def __init__(
        self,
        plan: Plan,
        positions: Sequence[int],
        reads: Sequence[Sequence[int]],
        rooms: dict[int, int],
        slot: int,
    ) -> None:
        self._plan, self._rooms, self._slot = plan, rooms, slot
        groups = [(n, group) for n in positions if isinstance(group := plan.steps[n], Group)]
        self._made = [k for _, group in groups for k in group.members]
        arrays = list(dict.fromkeys(k for n, group in groups for k in (*group.members, *reads[n])))
        self._arrays = place = {k: i for i, k in enumerate(arrays)}
        self._results = [k for k in self._made if k not in rooms]
        own = {*rooms, *self._made}
        self._given = [k for k in arrays if k not in own and plan.program.values[k].constant is None]
        self._name = f"run{positions[0]}"
        loops = [(f"loop{n}", [place[k] for k in (*group.members, *reads[n])]) for n, group in groups]
        written, read = ([place[k] for k in ks] for ks in (self._results, self._given))
        points = sum(math.prod(group.shape) for _, group in groups)
        self.text = "\n\n".join(
            (
                sequence(self._name, loops),
                entry(f"enter_{self._name}", self._name, written, read, points >= LONG),
            )
        )

    def step(self, module: Any) -> Step:
        """The function, of what was found so far."""
        plan, rooms, place, slot = self._plan, self._rooms, self._arrays, self._slot
        values = plan.program.values
        native = function(module, None, f"enter_{self._name}")
        fixed = {
            k: _ready(values[k].constant, _dtype(plan, k)) for k in place if values[k].constant is not None
        }
        kept = [(place[k], rooms[k], values[k].shape, values[k].dtype) for k in place if k in rooms]
        given = [(k, _dtype(plan, k), values[k].form is ndarray) for k in self._given]
        results = [(k, values[k].shape, values[k].dtype) for k in self._results]
        shown = _shown(plan)
        read = [(k, rooms[k]) for k in self._made if k in rooms and k in shown]
        numbers = [(k, values[k].form) for k in self._made if k in shown and values[k].form is not ndarray]

        def table(memory: Memory) -> ndarray:
            y = np.zeros(len(place), np.uintp)
            for k, x in fixed.items():
                y[place[k]] = x.__array_interface__["data"][0]
            for i, room, shape, dtype in kept:
                if memory[room] is None:
                    memory[room] = np.empty(shape, dtype)
                y[i] = memory[room].__array_interface__["data"][0]
            memory[slot] = y
            return y

        def run(found: list[Any], memory: Memory) -> bool:
            at = memory[slot]
            if at is None:
                at = table(memory)
            xs = [found[k] if whole else np.asarray(found[k], dtype) for k, dtype, whole in given]
            ys = []
            for k, shape, dtype in results:
                found[k] = y = np.empty(shape, dtype)
                ys.append(y)
            if not native(at, *ys, *xs):
                native(at, *ys, *[_ready(x, x.dtype) for x in xs])
            for k, room in read:
                found[k] = memory[room]
            for k, form in numbers:
                found[k] = found[k][()] if form is np.generic else form(found[k][()])
            return True

        return run


def entry(name: str, run: str, written: Sequence[int], read: Sequence[int], long: bool) -> str:
    """Text of a METH_FASTCALL function around loops that take a table.

    Its arguments are the table, an array; the arrays that are written; and those that are read. Pointers to their data
    go to the table at the positions `written` and `read`. It returns False, having computed nothing, where one of
    those that are read does not lie in C's order at whole addresses, else True. Others may run Python the while if it
    is `long`.
    """
    lines = [f"define ptr @{name}(ptr %self, ptr %args, i64 %count) {{"]
    places, ready = [0, *written, *read], "true"
    for i, place in enumerate(places):
        lines += [f"  %p{i} = getelementptr ptr, ptr %args, i64 {i}", f"  %x{i} = load ptr, ptr %p{i}"]
        lines += [f"  %q{i} = getelementptr i8, ptr %x{i}, i64 {_DATA}", f"  %d{i} = load ptr, ptr %q{i}"]
        if i:
            lines += [f"  %t{i} = getelementptr ptr, ptr %d0, i64 {place}", f"  store ptr %d{i}, ptr %t{i}"]
        if i > len(written):
            lines += [
                f"  %f{i} = getelementptr i8, ptr %x{i}, i64 {_FLAGS}",
                f"  %g{i} = load i32, ptr %f{i}",
            ]
            lines += [f"  %h{i} = and i32 %g{i}, {_ALIGNED_IN_C_ORDER}"]
            lines += [
                f"  %c{i} = icmp eq i32 %h{i}, {_ALIGNED_IN_C_ORDER}",
                f"  %r{i} = and i1 {ready}, %c{i}",
            ]
            ready = f"%r{i}"
    lines += [f"  br i1 {ready}, label %run, label %done", "run:"]
    if long:
        lines.append(f"  %thread = call ptr {_function('PyEval_SaveThread')}()")
    lines.append(f"  call void @{run}(ptr %d0)")
    if long:
        lines.append(f"  call void {_function('PyEval_RestoreThread')}(ptr %thread)")
    lines += ["  br label %done", "done:", f"  %truth = zext i1 {ready} to i64"]
    lines += [f"  %answer = call ptr {_function('PyBool_FromLong')}(i64 %truth)", "  ret ptr %answer\n}"]
    return "\n".join(lines)


def _shown(plan: Plan) -> set[int]:
    """What is read by others than loops."""
    program = plan.program
    calls = [program.values[step.k].refs for step in plan.steps if isinstance(step, Call)]
    return {*program.outputs, *(guard.k for guard in program.guards), *itertools.chain(*calls)}


def _dtype(plan: Plan, k: int) -> Any:
    return np.dtype({"b": np.bool_, "i": np.int64, "j": np.int32, "d": np.float64}[plan.kinds.stored_as(k)])


def _ready(x: Any, dtype: Any) -> ndarray:
    """An array as loops read it: in C's order, at whole addresses."""
    return np.require(x, dtype, ("C", "A"))
