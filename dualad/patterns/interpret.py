"""An interpreter over programs that finds what every number depends on: the sparsity of Jacobians.

Sets of inputs go through each operation as its declaration says. Operations that move elements are run
on the positions of the elements, sums are found by their adjoints on the positions of the results, products leave
out what known zeros multiply, and what mixes all elements of an axis, or of a matrix, unites their sets.

`Op.depends` is one of
    0             each number depends on what is in the same place
    'moved'       each number is one of the elements, or 0
    'sums'        each element goes into the numbers from which the adjoint takes it back
    'axis'        on what lies along the axes that this keyword names
    'running'     on that of it which comes no later
    'convolution' as the name says
    a function    of the arguments and keywords: for a linear op the sparse matrix that it applies, for a multilinear
                  one the subscripts of einsum, as (terms, result)
    None          on what its kind says, and how it is vectorised over directions: elementwise, or on stacks of
                  matrices; else on everything
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..body import Body
from ..op import Op, is_complex
from ..program import Program, Ref, Value
from ..push import partial
from ..rules.batching import aligned, leading
from ..tape import part
from .products import contracted, convolved, product_of
from .sets import Algebra, Sets, places, same, spread

UNKNOWN = object()
_EXTENT: dict[Any, int] = {aligned: 0, leading: 2}  # axes, counted from the last, that these ops mix


class Known:
    """What is known of a value: the set of each of its numbers, which are 0 whatever the inputs, and the numbers."""

    __slots__ = ("_nonzero", "number", "sets", "shape")

    def __init__(
        self, shape: tuple[int, ...], sets: Any = None, number: Any = UNKNOWN, nonzero: Any = None
    ) -> None:
        self.shape, self.sets, self.number, self._nonzero = shape, sets, number, nonzero

    @property
    def is_known(self) -> bool:
        """Whether its numbers are."""
        return self.number is not UNKNOWN

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=int))

    @property
    def nonzero(self) -> Any:
        """Where it may be another number than 0; None for everywhere."""
        if self._nonzero is None and isinstance(self.number, (np.ndarray, np.number, float, int, complex)):
            found = np.asarray(self.number) != 0
            self._nonzero = None if found.all() else found
        return self._nonzero


class Interpreter:
    """A reading of programs.

    point: whether the patterns are wanted at one point alone: then every number is known, and partials that are 0
        pass nothing on
    """

    def __init__(self, algebra: Algebra, point: bool) -> None:
        self.algebra, self.point = algebra, point

    def run(self, program: Program, given: Sequence[Known]) -> list[Known]:
        """What is known of the outputs, from what is known of the inputs."""
        values = program.values
        found: list[Any] = [None] * len(values)
        last = {ref: k for k, value in enumerate(values) for ref in value.refs}
        last.update(dict.fromkeys(program.outputs, -1))
        for k, known in zip(program.inputs, given, strict=True):
            found[k] = known
        for k, value in enumerate(values):
            if value.op is not None:
                self.algebra.name = value.op.name
                args = [found[a.k] if type(a) is Ref else static(a) for a in value.args]
                found[k] = self.applied(value, value.op, args)
            elif found[k] is None:
                found[k] = Known(value.shape, None, value.constant)
            for ref in value.refs:
                if last[ref] == k:
                    found[ref] = None
        return [found[k] for k in program.outputs]

    def applied(self, value: Value, op: Op, args: list[Known]) -> Known:
        """What is known of the result of an operation."""
        known = Known(value.shape)
        if self.point:
            with np.errstate(all="ignore"):
                known.number = op.fn(*[a.number for a in args], **value.kwargs)
        if op is part:
            whole = args[0].sets
            known.sets = whole[value.kwargs["k"]] if type(whole) is list else self.part_of(whole, value.shape)
            return known
        moving = [i for i, a in enumerate(args) if a.sets is not None and is_active(op, i)]
        if not self.point:
            known._nonzero = _where_not_zero(op, value, args)
        if not moving or op.kind == "plain":
            return known
        if "body" in value.kwargs:
            known.sets = self.loop(args, **value.kwargs)
            return known
        extent = op.depends if op.depends is not None else _EXTENT.get(op.batch)
        if op.kind == "elementwise" or (op.kind == "linear" and extent == 0):
            known.sets = self.elementwise(op, value, args, moving, known.number)
        elif op.kind == "linear" and (found := self.linear(op, value, args, extent)) is not UNKNOWN:
            known.sets = found
        elif op.kind == "multilinear" and extent == "convolution":
            known.sets = convolved(self.algebra, args)
        elif op.kind == "multilinear" and callable(extent):
            terms, output = extent(*[_like(a) for a in args], **value.kwargs)
            known.sets = contracted(self.algebra, args, moving, terms, output, value.shape)
        else:
            known.sets = self.mixed(op, value, args, moving, extent, known.number)
        return known

    def loop(self, args: list[Known], body: Body, length: int, backwards: bool) -> list[Sets]:
        """Of the last states and the results of a loop: its steps one by one, until they change nothing."""
        first, last = body.states, body.states + body.elements
        sequences, results = args[first:last], []
        settles = not self.point and all(a.sets is None for a in sequences)
        states = args[:first]
        steps = range(length)[:: -1 if backwards else 1]
        for t in steps:
            found = self.run(body.program, [*states, *(self.element(a, t) for a in sequences), *args[last:]])
            results.append(found[first:])
            before, states = states, [self.changing(a) for a in found[:first]]
            if (
                settles
                and len(results) > 1
                and all(same(a.sets, b.sets) for a, b in zip(before, states, strict=True))
            ):
                results += [found[first:]] * (length - len(results))
                break
        rows = zip(*(results[::-1] if backwards else results), strict=True)
        stacked = [self.algebra.stacked([(known.sets, known.size) for known in row]) for row in rows]
        return [*(a.sets for a in states), *(sets if sets.nnz else None for sets in stacked)]

    def changing(self, a: Known) -> Known:
        """A value that is another one in the next step of a loop."""
        return Known(a.shape, a.sets, a.number if self.point else UNKNOWN)

    def element(self, a: Known, t: int) -> Known:
        """An element of a sequence."""
        size = int(np.prod(a.shape[1:], dtype=int))
        sets = self.algebra.rows(a.sets, np.arange(t * size, (t + 1) * size))
        return Known(a.shape[1:], sets, a.number[t] if self.point else UNKNOWN)

    def elementwise(self, op: Op, value: Value, args: list[Known], moving: list[int], y: Any) -> Sets:
        """Each number depends on those in the same place, but for partials that are 0."""
        found = None
        for i in moving:
            if op.kind == "elementwise" and not callable(op.rules[i]) and op.rules[i] == 0:
                continue
            sets, passed = args[i].sets, self.passed(op, i, args, value.kwargs, y)
            if passed is None and args[i].shape == value.shape:
                rows = sets
            else:
                from_ = spread(places(args[i].shape), value.shape)
                if passed is not None:
                    from_ = np.where(spread(passed, value.shape), from_, -1)
                rows = self.algebra.rows(sets, from_)
            found = self.algebra.union(found, rows)
        return found

    def passed(self, op: Op, i: int, args: list[Known], kwargs: dict[str, Any], y: Any) -> Any:
        """Where the partial derivative in argument `i` may be another number than 0; None for everywhere."""
        if op.kind == "linear":  # it is what the op makes of ones
            others = [a for k, a in enumerate(args) if not is_active(op, k)]
            if not others or not all(a.is_known for a in others):
                return None
            ones = [
                np.full(a.shape, float(k == i)) if is_active(op, k) else a.number for k, a in enumerate(args)
            ]
            return op.fn(*ones, **kwargs) != 0
        if self.point:
            if op.complex is not True and any(is_complex(a.number) for a in args):
                return None  # it has another rule
            with np.errstate(all="ignore"):
                d = partial(op, i, y, [a.number for a in args])
            return None if np.ndim(d) == 0 and d != 0 else np.asarray(d) != 0
        place = (op.d0, op.d1)[i] if i < 2 else None
        return args[place - 2].nonzero if type(place) is int and place >= 2 else None

    def linear(self, op: Op, value: Value, args: list[Known], extent: Any) -> Any:
        """Sums of elements, or elements in other places; `UNKNOWN` where the numbers that say which are not known."""
        fixed = [a for i, a in enumerate(args) if not is_active(op, i)]
        if not all(a.is_known for a in fixed):
            return UNKNOWN
        if extent == "running":
            return self.running(args[0].sets, args[0].shape, value.kwargs["axis"])
        if extent == "sums":
            (x, *rest), size = args, int(np.prod(value.shape, dtype=int))
            to = op.rules[0](places(value.shape) + 1, _like(x), *[a.number for a in rest], **value.kwargs)
            if np.shape(to) == x.shape:
                return self.algebra.grouped(x.sets, np.ravel(to) - 1, size)
            # The element goes to all the places that it was broadcast to.
            rows = self.algebra.rows(x.sets, spread(places(x.shape), np.shape(to)))
            return self.algebra.grouped(rows, np.ravel(to) - 1, size)
        if callable(extent):
            which = extent(*[a.number if a.is_known else _like(a) for a in args], **value.kwargs)
            return self.algebra.product(which, args[0].sets)
        if extent != "moved":
            return UNKNOWN
        start, positions = 1, []
        for i, a in enumerate(args):
            if not is_active(op, i):
                positions.append(a.number)
            elif a.sets is None:
                positions.append(np.zeros(a.shape, int))
            else:
                positions.append(places(a.shape) + start)
                start += a.size
        found = np.asarray(op.fn(*positions, **value.kwargs))
        inside = [(a.sets, a.size) for i, a in enumerate(args) if is_active(op, i) and a.sets is not None]
        return self.algebra.rows(self.algebra.stacked(inside), found.ravel() - 1)

    def running(self, sets: Sets, shape: tuple[int, ...], axis: int) -> Sets:
        """Unions along an axis of each set with those before it, in steps of 1, 2, 4 and so on."""
        along = np.moveaxis(places(shape), axis, 0)
        step = 1
        while step < len(along):
            before = np.full(along.shape, -1)
            before[step:] = along[:-step]
            sets = self.algebra.union(sets, self.algebra.rows(sets, np.moveaxis(before, 0, axis).ravel()))
            step *= 2
        return sets

    def mixed(self, op: Op, value: Value, args: list[Known], moving: list[int], extent: Any, y: Any) -> Any:
        """The union of all sets along some axes, or in each matrix of a stack, or of everything."""
        if extent == "running":
            x = args[0]
            return self.running(x.sets, x.shape, value.kwargs["axis"])
        if extent == "axis":
            return self.along(op, value, args[0], y)
        mixes = extent if type(extent) is int else max(len(a.shape) for a in args)
        stacks = [a.shape[: max(len(a.shape) - mixes, 0)] for a in args]
        whole = np.broadcast_shapes(*stacks)
        found = None
        for i in moving:
            own = places(stacks[i])
            into = spread(own.reshape(stacks[i] + (1,) * (len(args[i].shape) - own.ndim)), args[i].shape)
            sets = self.algebra.grouped(args[i].sets, into, own.size)
            found = self.algebra.union(found, self.algebra.rows(sets, spread(own, whole)))
        return (found, whole) if value.dtype is None else self.part_of((found, whole), value.shape)

    def part_of(self, stack: Any, shape: tuple[int, ...]) -> Sets:
        """One result of an operation on stacks: all its numbers have the set of their place in the stack."""
        if stack is None:
            return None
        sets, whole = stack
        own = places(whole)
        return self.algebra.rows(sets, spread(own.reshape(whole + (1,) * (len(shape) - own.ndim)), shape))

    def along(self, op: Op, value: Value, x: Known, y: Any) -> Sets:
        """The union of all sets along the axes that the keyword `axis` names."""
        axis = value.kwargs["axis"]
        axes = [k % len(x.shape) for k in (axis if isinstance(axis, tuple) else (axis,))]
        lines = places(tuple(1 if k in axes else n for k, n in enumerate(x.shape)))
        into = spread(lines, x.shape)
        if op.selects and op.pulls and self.point:  # only what was taken
            with np.errstate(all="ignore"):
                shares = op.pulls[0](np.ones_like(y), y, x.number, **value.kwargs)  # type: ignore[misc]
            into = np.where(np.ravel(shares) != 0, into, -1)
        sets = self.algebra.grouped(x.sets, into, lines.size)
        kept = len(value.shape) == len(x.shape)
        return self.algebra.rows(sets, spread(lines if kept else lines.reshape(value.shape), value.shape))


def is_active(op: Op, i: int) -> bool:
    """Whether the operation has a derivative in argument `i`."""
    return op.active[min(i, len(op.active) - 1)]


def static(a: Any) -> Known:
    """What is known of an argument that is no value of the program."""
    return Known(np.shape(a) if isinstance(a, (tuple, list)) else (), None, a)


def _like(x: Known) -> Any:
    """An array of the shape of a value, which takes no memory."""
    return np.broadcast_to(np.float64(0.0), x.shape)


def _where_not_zero(op: Op, value: Value, args: list[Known]) -> Any:
    """Where a result may be another number than 0, whatever the inputs; None for everywhere."""
    masks = [a.nonzero for a in args]
    if all(mask is None for mask in masks) and op.depends != "sums":
        return None
    active = [i for i in range(len(args)) if is_active(op, i)]
    if op.kind == "linear" and op.depends in ("moved", "sums", "running"):
        if not all(a.is_known for i, a in enumerate(args) if i not in active):
            return None
        full = [
            a.number if i not in active else np.ones(a.shape) if mask is None else mask.astype(float)
            for i, (a, mask) in enumerate(zip(args, masks, strict=True))
        ]
        found = np.asarray(op.fn(*full, **value.kwargs)) != 0
    elif op.kind == "multilinear" and callable(op.depends):
        terms, output = op.depends(*map(_like, args), **value.kwargs)
        found = np.asarray(product_of(args, terms, output)) > 0
    elif op.fn in (np.multiply, np.divide):
        products = [m for m in (masks if op.fn is np.multiply else masks[:1]) if m is not None]
        found = np.ones(value.shape, bool)
        for mask in products:
            found = found & mask
    elif op.kind == "elementwise" and all(mask is not None for mask in masks) and _adds(op):
        found = np.zeros(value.shape, bool)
        for mask in masks:
            found = found | mask
    else:
        return None
    return None if found.all() else found


def _adds(op: Op) -> bool:
    """Whether it is a sum of its arguments with constant factors."""
    return op.fn in (np.add, np.subtract, np.negative, np.positive)
