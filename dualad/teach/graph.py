"""The evaluation of a function as a plain graph: each value with its tangent, its adjoint and its local partials.

Everything is read from a tape: tangents by the pushforward of each operation, adjoints by the sweep itself. Names
are those of Griewank and Walther (2008, chapter 2): v₁₋ₙ … v₀ are the inputs, v₁ … v_l what is computed from them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..debug import Lines
from ..derivative import like
from ..errors import ArgumentError, error
from ..lean import is_hollow
from ..op import Op, Tracer, is_complex
from ..push import constant, partial, push
from ..run import Recording, conjugated, lifted
from ..select import Selected, named
from ..structural import Taken
from ..sweep import Node, nodes, sweep
from ..tree import Rebuild
from .names import arguments, below

# Entries at most of a local Jacobian that is worked out for an operation that is not elementwise
SMALL = 16


class Vertex(NamedTuple):
    """One value of the trace.

    name: v₁ and the like; label: for inputs, how the user's code calls it; line: the user's line that computed it
    op, kwargs: the operation, None for inputs; operands: for each of its arguments the place of a vertex, or -1
    args: the values of the arguments; tangent, adjoint: in the same structure as `value`
    """

    name: str
    label: str
    op: Op | None
    operands: tuple[int, ...]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    value: Any
    tangent: Any
    adjoint: Any
    line: str


class Edge(NamedTuple):
    """That `target` reads `source`, as its argument number `argument`."""

    source: int
    target: int
    argument: int


class Graph(NamedTuple):
    """The vertices in evaluation order, the first `inputs` of them inputs; `outputs` name results by their vertices.

    outputs: pairs of a name and of a vertex, -1 for results that depend on no input; results: the values
    """

    title: str
    vertices: tuple[Vertex, ...]
    edges: tuple[Edge, ...]
    inputs: int
    outputs: tuple[tuple[str, int], ...]
    results: tuple[Any, ...]


class Adjoints(list[Any]):
    """The adjoints of a sweep, which here keeps the ones that it lets go of."""

    def __init__(self, size: int) -> None:
        super().__init__([None] * size)
        self.whole: list[Any] = [None] * size

    def __setitem__(self, k: Any, g: Any) -> None:
        if g is None:  # whoever reads it has read it
            self.whole[k] = self[k]
        super().__setitem__(k, g)

    def __delitem__(self, which: Any) -> None:
        self._keep()
        super().__delitem__(which)

    def _keep(self) -> None:
        for k, g in enumerate(self):
            if g is not None:
                self.whole[k] = g

    def found(self) -> list[Any]:
        """All of them, `None` where nothing depends on the value."""
        self._keep()
        return [g.value if isinstance(g, Taken) else g for g in self.whole]


class Traced(NamedTuple):
    """A recording with the leaves of the arguments and their names."""

    run: Recording
    leaves: Sequence[Any]
    rebuild: Rebuild
    labels: Sequence[str]
    lines: Sequence[str]
    read: list[Node | None]
    values: list[Any]


def refuse_traced(leaves: Sequence[Any], who: str, symbols: bool = True) -> None:
    """Raise unless there are leaves, and all of them plain; or symbols, where those are none to be refused."""
    if not leaves or any(isinstance(x, Tracer) and (symbols or not x.symbolic) for x in leaves):
        call = f"{who}(f)(2.0)" if who == "trace_table" else f"{who}(f, 2.0)"
        raise error(
            ArgumentError,
            f"{who} was given {'traced values' if leaves else 'no number'} to show",
            f"plain numbers and arrays: {call}, outside of other derivatives",
        )


def recorded(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], who: str) -> Traced:
    """`f(*args, **kwargs)` on a tape that notes the user's lines, with the values of all operations."""
    chosen = Selected(f, tuple(range(len(args))), args, kwargs)
    refuse_traced(chosen.leaves, who, symbols=False)

    def call(f: Callable[..., Any], xs: Sequence[Any]) -> Any:
        tape = xs[0].tape
        tape.entries = Lines(tape.entries)
        return chosen.call(f, xs)

    run = Recording(f, call, chosen.leaves, copies=True)
    labels = [label for name, x in zip(arguments(f, args), args, strict=True) for label in below(x, name)]
    lines = run.entries.lines if isinstance(run.entries, Lines) else [""] * len(run.entries)
    read, values = list(nodes(run.entries)), list(chosen.leaves)
    for node in read[len(values) :]:
        assert node is not None
        y = node.value
        if is_hollow(y):  # large, and no rule reads it
            y = node.op.result(_operands(node, values), node.kwargs)
        values.append(y)
    return Traced(run, chosen.leaves, chosen.rebuild, labels, lines, read, values)


def _operands(node: Node, values: Sequence[Any]) -> list[Any]:
    return [values[i] if i >= 0 else a for a, i in zip(node.args, node.parents, strict=True)]


def graph(
    f: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    direction: Any,
    cotangent: Any,
    who: str,
) -> Graph:
    """The graph of `f(*args, **kwargs)`, for the direction and cotangent given, or the first number of each."""
    traced = recorded(f, args, kwargs, who)
    run, read, values, n = traced.run, traced.read, traced.values, len(traced.leaves)
    with np.errstate(all="ignore"):  # of which the function's own run has told
        tangents = _directions(traced, direction, len(args), f"the direction of {who}({named(f)})")
        vertices, edges = [], []
        for k, node in enumerate(read[n:], n):
            assert node is not None
            operands = _operands(node, values)
            dxs = [tangents[i] if i >= 0 else None for i in node.parents]
            idle = all(dx is None for dx in dxs)
            tangents.append(None if idle else push(node.op, dxs, values[k], operands, node.kwargs))
            edges += [Edge(i, k, a) for a, i in enumerate(node.parents) if i >= 0]
        given = _cotangents(run, cotangent, f"the cotangent of {who}({named(f)})")
        adjoints = swept(run, [*map(conjugated, given)])
    for k, (node, y) in enumerate(zip(read, values, strict=True)):
        op, parents, kw = (node.op, node.parents, node.kwargs) if node else (None, (), {})
        vertices.append(
            Vertex(
                f"v{subscript(k + 1 - n)}",
                "" if node else traced.labels[k],
                op,
                tuple(max(i, -1) for i in parents),
                tuple(_operands(node, values)) if node else (),
                kw,
                y,
                _whole(tangents[k], y),
                _whole(adjoints[k], y, back=True),
                traced.lines[k],
            )
        )
    labels = below(run.rebuild(run.values), "y")
    outputs = tuple(zip(labels, run.positions, strict=True))
    return Graph(named(f), tuple(vertices), tuple(edges), n, outputs, tuple(run.values))


def _directions(traced: Traced, given: Any, arguments: int, what: str) -> list[Any]:
    if given is None:
        return first(traced.leaves)
    given = (given,) if arguments == 1 and not isinstance(given, tuple) else given
    return like(traced.leaves, traced.rebuild, given, what)


def _cotangents(run: Recording, given: Any, what: str) -> list[Any]:
    return first(run.values) if given is None else like(run.values, run.rebuild, given, what)


def swept(run: Recording, cotangents: Sequence[Any]) -> list[Any]:
    """The adjoints of all entries of a tape, from those of the results."""
    adjoints = Adjoints(len(run.entries))
    for position, g in zip(run.positions, cotangents, strict=True):
        if position >= 0 and g is not None:
            adjoints[position] = g if adjoints[position] is None else adjoints[position] + g
    sweep(list(run.entries), adjoints, run.size)
    return adjoints.found()


def _whole(d: Any, y: Any, back: bool = False) -> Any:
    """A tangent or adjoint as users have it, zeros filled in."""
    if isinstance(y, tuple):
        parts = [None] * len(y) if d is None else d
        return tuple(_whole(part, v, back) for part, v in zip(parts, y, strict=True))
    return constant(y, 0.0) if d is None else conjugated(d) if back else d


def local(graph: Graph, edge: Edge) -> Any:
    """The partial derivatives of an edge's target in its source, as numbers.

    returns: for an elementwise operation those of the target's shape, else of the target's shape and then the source's;
        None where that is large, or there is no such array
    """
    target = graph.vertices[edge.target]
    op, y, x = target.op, target.value, target.args[edge.argument]
    assert op is not None
    if op.kind != "elementwise" and (
        isinstance(y, tuple)
        or isinstance(x, tuple)
        or np.size(y) * np.size(x) > SMALL
        or is_complex(x)  # a conjugation, say, has no complex number that says what it does
    ):
        return None
    with np.errstate(all="ignore"):
        (d,) = jacobians(op, edge.argument, y, target.args, target.kwargs)
    return 1.0 * d if np.asarray(d).dtype.kind == "b" else d


def jacobians(op: Op, a: int, y: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> list[Any]:
    """The partials of all results of `y = op(*args)` in argument `a`, of shape `result.shape + argument.shape`.

    Of an elementwise operation, of the result's shape alone.
    """
    x = args[a]
    if op.kind == "elementwise":
        d = partial(op, a, y, args)
        return [np.broadcast_to(d, np.shape(y)) if np.shape(y) else d]
    still: list[Any] = [None] * len(args)
    if op.kind == "linear":  # to which plain zeros would be numbers like any others
        still = [lifted(constant(v, 0.0), v) if isinstance(v, Tracer) else None for v in args]
    columns = []
    for place in np.ndindex(np.shape(x)):
        dxs = list(still)
        dxs[a] = lifted(unit(x, place), x)
        dy = push(op, dxs, y, args, kwargs)
        columns.append(dy if isinstance(dy, tuple) else (dy,))
    ys = y if isinstance(y, tuple) else (y,)
    if not np.shape(x):
        return list(columns[0])
    shapes = [np.shape(v) + np.shape(x) for v in ys]
    if not columns:
        return [np.zeros(shape) for shape in shapes]
    found = zip(shapes, zip(*columns, strict=True), strict=True)
    return [np.reshape(np.stack(parts, axis=-1), shape) for shape, parts in found]


def unit(x: Any, place: tuple[int, ...] = ()) -> Any:
    """The direction that moves one number of `x`."""
    one = constant(x, 0.0)
    if not np.shape(x):
        return constant(x, 1.0)
    one[place] = 1.0
    return one


def first(leaves: Sequence[Any]) -> list[Any]:
    """The direction, or cotangent, that is 1 in the first number alone."""
    found = [constant(x, 0.0) for x in leaves]
    sized = next((k for k, x in enumerate(leaves) if np.size(x)), None)
    if sized is not None:
        found[sized] = unit(leaves[sized], (0,) * np.ndim(leaves[sized]))
    return found


def subscript(k: int) -> str:
    """A number in small figures below the line."""
    return str(k).translate(str.maketrans("-0123456789", "₋₀₁₂₃₄₅₆₇₈₉"))
