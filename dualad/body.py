"""The step of a loop as a program, and which of its inputs and outputs matter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .op import example
from .program import Program, Ref
from .simplify import simplified

Leaves = list[Any]
Flags = Sequence[bool]


class Body:
    """One step of a loop: a program from `states`, `elements` and constants to as many states, and results.

    states, elements: how many of the program's inputs are those; the rest are the same in every step
    """

    __slots__ = ("derived", "elements", "program", "runner", "states")

    def __init__(self, program: Program, states: int, elements: int) -> None:
        self.program, self.states, self.elements = simplified(program), states, elements
        self.derived: dict[Any, Any] = {}
        self.runner: Any = None  # what runs it, once it has been run (native/rolling.py)

    def __repr__(self) -> str:
        return f"<a step of {len(self.program)} operations>"

    def sliced(self, operands: Sequence[Any]) -> Leaves:
        """Values that the inputs might have in one step, from those of the loop's operands."""
        last = self.states + self.elements
        return [a[0] if self.states <= i < last else a for i, a in enumerate(map(example, operands))]

    def once(self, make: Callable[[Program], Any]) -> Any:
        """What `make` makes of the program, made once."""
        if make not in self.derived:
            self.derived[make] = make(self.program)
        return self.derived[make]

    def merged(self, same: Sequence[int]) -> Body:
        """The body in which input i is what input `same[i]` is, which stays while i goes."""
        key = ("merged", tuple(same))
        if key not in self.derived:
            program = self.program
            place = {a: program.inputs[b] for a, b in zip(program.inputs, same, strict=True)}
            values = [
                v._replace(args=tuple(Ref(place.get(a.k, a.k)) if type(a) is Ref else a for a in v.args))
                for v in program.values
            ]
            kept = [k for i, k in enumerate(program.inputs) if same[i] == i]
            outputs = [place.get(k, k) for k in program.outputs]
            last = self.states + self.elements
            elements = sum(same[i] == i for i in range(self.states, last))
            self.derived[key] = Body(Program(values, kept, outputs), self.states, elements)
        found: Body = self.derived[key]
        return found

    def pruned(self, used: frozenset[int]) -> tuple[Body, list[int], list[int]]:
        """The body for those outputs alone: it, its inputs and its outputs by their old numbers."""
        key = ("pruned", used)
        if key not in self.derived:
            program, s = self.program, self.states
            outputs = set(used)
            while True:
                needed = {program.outputs[j] for j in outputs}
                for k in reversed(range(len(program.values))):
                    if k in needed:
                        needed.update(program.values[k].refs)
                more = {i for i in range(s) if program.inputs[i] in needed} - outputs
                if not more:
                    break
                outputs |= more
            kept = sorted(outputs)
            states = [j for j in kept if j < s]
            inputs = states + [i for i, k in enumerate(program.inputs) if i >= s and k in needed]
            values = [
                v if k in needed or v.op is not None else v._replace(constant=0.0)
                for k, v in enumerate(program.values)
            ]
            smaller = Program(values, [program.inputs[i] for i in inputs], [program.outputs[j] for j in kept])
            elements = sum(s <= i < s + self.elements for i in inputs)
            self.derived[key] = Body(smaller, len(states), elements), inputs, kept
        found: tuple[Body, list[int], list[int]] = self.derived[key]
        return found

    def moving(self, flags: Flags) -> tuple[Flags, Flags]:
        """Which states and which results differentiably depend on the flagged inputs, after any number of steps."""
        flags = list(flags)
        while True:
            found = _reached(self.program, flags)
            states = [a or b for a, b in zip(flags[: self.states], found, strict=False)]
            if states == flags[: self.states]:
                return states, found[self.states :]
            flags[: self.states] = states


def _reached(program: Program, flags: Flags) -> list[bool]:
    """Which outputs differentiably depend on the flagged inputs."""
    reached = [False] * len(program.values)
    of_loops: dict[int, Sequence[bool]] = {}
    for k, flag in zip(program.inputs, flags, strict=True):
        reached[k] = flag
    for k, value in enumerate(program.values):
        if value.op is None or value.op.kind == "plain":
            continue
        if "body" in value.kwargs:
            states, results = value.kwargs["body"].moving(
                [type(a) is Ref and reached[a.k] for a in value.args]
            )
            of_loops[k] = [*states, *results]
        elif value.refs and value.refs[0] in of_loops:
            reached[k] = of_loops[value.refs[0]][value.kwargs["k"]]
        else:
            real = value.dtype is None or value.dtype.kind in "fc"
            reached[k] = real and any(reached[r] for r in value.refs)
    return [reached[k] for k in program.outputs]
