"""What of a graph is drawn: a box for each vertex, or one for many where a pattern repeats or the graph is large."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..op import Op
from ..push import constant as constant_like
from ..push import total
from ..run import conjugated
from ..sweep import pulled
from .graph import Edge, Graph, Vertex, local
from .names import INFIX, brief, clipped, constant, formula, short, summary

MOST = 200  # boxes at most
PLAIN = 40  # graphs of so many vertices are drawn one by one, whatever repeats
LONGEST = 32  # characters in a box
ROUNDS, PERIOD = 4, 64  # rounds from which on a pattern is folded, and vertices at most in one

_SHORTER = {"maximum": "max", "minimum": "min"}


class Box(NamedTuple):
    """One thing drawn: an input, an operation, many operations, or a result.

    kind: "input", "op", "fold" or "output"; text: what stands in it; words: what stands below it, how gradients pass
    hint: what a pointer shows
    """

    kind: str
    name: str
    text: str
    words: tuple[str, ...]
    hint: str


class Wire(NamedTuple):
    """From box to box: the value above it, the local partial on it, the gradient that comes back along it below."""

    source: int
    target: int
    value: str
    partial: str
    gradient: str


class Drawn(NamedTuple):
    """Boxes and wires, which run from earlier boxes to later ones."""

    title: str
    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]


def drawn(graph: Graph, most: int = MOST) -> Drawn:
    """The graph with at most so many boxes, the results' included where there are fewer than half as many."""
    groups = grouped(graph, max(most - len(graph.outputs), most // 2))
    of = {k: g for g, ks in enumerate(groups) for k in ks}
    copied = Counter(edge.source for edge in graph.edges)
    copied.update(k for _, k in graph.outputs if k >= 0)
    boxes = [
        _box(graph.vertices[ks[0]], copied[ks[0]] > 1) if len(ks) == 1 else _fold(graph, ks) for ks in groups
    ]
    crossing: dict[Any, list[Edge]] = {}
    for edge in graph.edges:
        a, b = of[edge.source], of[edge.target]
        if a != b:  # each argument of an operation has its wire, folds have one for each box that they meet
            alone = len(groups[a]) == len(groups[b]) == 1
            crossing.setdefault((a, b, edge.target, edge.argument) if alone else (a, b), []).append(edge)
    wires = [_wire(graph, edges, key[0], key[1]) for key, edges in crossing.items()]
    for (name, k), value in zip(graph.outputs, graph.results, strict=True):
        boxes.append(
            Box("output", "", clipped(name, LONGEST), () if k >= 0 else (f"= {constant(value)}",), "")
        )
        if k >= 0:
            seed = _seed(graph, k)
            wires.append(Wire(of[k], len(boxes) - 1, brief(value), "", seed))
    return Drawn(graph.title, tuple(boxes), tuple(wires))


def _seed(graph: Graph, k: int) -> str:
    """The cotangent of a result: its adjoint, if nothing else reads it and it is one result only."""
    again = sum(place == k for _, place in graph.outputs) > 1 or any(edge.source == k for edge in graph.edges)
    return "" if again else brief(graph.vertices[k].adjoint)


def grouped(graph: Graph, most: int) -> list[list[int]]:
    """Vertices, one by one or several that are next to each other in evaluation order."""
    n, size = graph.inputs, len(graph.vertices)
    if size <= min(PLAIN, most):
        return [[k] for k in range(size)]
    groups = [[k] for k in range(n)]
    kinds: dict[Any, int] = {}
    signs = [
        kinds.setdefault((id(v.op), v.line, tuple(i >= 0 for i in v.operands)), len(kinds))
        for v in graph.vertices
    ]
    results = {k for _, k in graph.outputs}
    k = n
    while k < size:
        period, rounds = repeated(signs, k)
        if rounds < ROUNDS:
            groups.append([k])
            k += 1
            continue
        groups += [[i] for i in range(k, k + period)]  # the first round stands for the others
        rest = list(range(k + period, k + period * rounds))
        cut = next((i for i, j in enumerate(rest) if j in results), len(rest))
        groups += [rest[:cut]] if cut else []
        groups += [[i] for i in rest[cut:]]
        k += period * rounds
    if len(groups) > most:
        half = (most - 1) // 2
        middle = [k for ks in groups[most - 1 - half : len(groups) - half] for k in ks]
        groups = [*groups[: most - 1 - half], middle, *groups[len(groups) - half :]]
    return groups


def repeated(signs: Sequence[int], k: int) -> tuple[int, int]:
    """The shortest period with which the signs repeat from `k` on, and how often: 1 where they do not."""
    for period in range(1, min(PERIOD, (len(signs) - k) // ROUNDS) + 1):
        if signs[k] != signs[k + period]:
            continue
        first, rounds = signs[k : k + period], 1
        while signs[k + rounds * period : k + (rounds + 1) * period] == first:
            rounds += 1
        if rounds >= ROUNDS:
            return period, rounds
    return 1, 1


def _box(vertex: Vertex, copied: bool) -> Box:
    copy = "copy adds up" if copied else ""
    if vertex.op is None:
        hint = f"{vertex.label} = {summary(vertex.value)}"
        return Box("input", vertex.name, clipped(vertex.label, LONGEST), (copy,) if copy else (), hint)
    places = [i for i in vertex.operands if i >= 0]
    words = tuple(word for word in (pattern(vertex), copy) if word)
    operands = ["·" if i >= 0 else constant(a) for a, i in zip(vertex.args, vertex.operands, strict=True)]
    text = formula(vertex.op, operands, vertex.kwargs)
    if len(places) == len(operands) and not vertex.kwargs:
        text = INFIX.get(vertex.op.name, short(vertex.op) if len(text) > 2 else text)
    return Box("op", vertex.name, clipped(text, LONGEST), words, vertex.line)


def _fold(graph: Graph, ks: list[int]) -> Box:
    ops = [v.op for v in (graph.vertices[k] for k in ks) if v.op is not None]
    found = Counter(short(op) for op in ops)
    common = ", ".join(f"{n} × {name}" for name, n in found.most_common(3))
    more = len(ks) - sum(n for _, n in found.most_common(3))
    text = f"{len(ks)} more"
    return Box(
        "fold", "", text, (common, *([f"{more} others"] if more else [])), f"{len(ks)} operations folded"
    )


def pattern(vertex: Vertex) -> str:
    """How an operation passes a gradient back, read from its declaration; '' for no pattern with a name."""
    op, several = vertex.op, sum(i >= 0 for i in vertex.operands) > 1
    assert op is not None
    name = clipped(_SHORTER.get(short(op), short(op)), LONGEST)
    if op.selects:
        return f"{name} routes"
    if several and (op.kind == "multilinear" or (_reads(op.d0, 3) and _reads(op.d1, 2))):
        return f"{name} swaps"
    if op.kind == "elementwise" and several and all(rule in (1, -1) for rule in op.rules):
        return f"{name} distributes"
    if op.kind == "linear" and not several and np.size(vertex.value) < np.size(vertex.args[0]):
        return f"{name} distributes"
    return ""


def _reads(rule: Any, place: int) -> bool:
    """Whether a partial merely returns what stands at that place of a tape's entry."""
    return type(rule) is int and rule == place


def _wire(graph: Graph, edges: list[Edge], a: int, b: int) -> Wire:
    sources = {edge.source for edge in edges}
    if len(sources) > 1:
        return Wire(a, b, f"{len(sources)} values", "", "")
    v = graph.vertices[edges[0].source]
    back = [contribution(graph, edge) for edge in edges] if len(edges) <= MOST else [None]
    gradient = "" if any(c is None for c in back) else brief(total(back))
    return Wire(a, b, brief(v.value), local_text(graph, edges[0]) if len(edges) == 1 else "", gradient)


def local_text(graph: Graph, edge: Edge) -> str:
    """A local partial in short; of a large one the shape of its Jacobian."""
    d = local(graph, edge)
    if d is not None:
        return "" if isinstance(d, tuple) else brief(d)
    y, x = graph.vertices[edge.target].value, graph.vertices[edge.source].value
    return "" if isinstance(y, tuple) or isinstance(x, tuple) else f"{np.size(y)}×{np.size(x)}"


def contribution(graph: Graph, edge: Edge) -> Any:
    """What one argument of an operation adds to the adjoint of the vertex that it reads."""
    target = graph.vertices[edge.target]
    op, x = target.op, target.args[edge.argument]
    assert isinstance(op, Op)
    if isinstance(x, tuple):
        return None
    kwargs = {key: value for key, value in target.kwargs.items() if key != "kept"}

    def alone(xs: list[Any]) -> Sequence[Any]:
        y = op(*target.args[: edge.argument], xs[0], *target.args[edge.argument + 1 :], **kwargs)
        return y if isinstance(y, tuple) else (y,)

    g = target.adjoint if isinstance(target.adjoint, tuple) else (target.adjoint,)
    with np.errstate(all="ignore"):
        (c,) = pulled(alone, [x], [conjugated(part) for part in g])
    if c is None:
        return constant_like(x, 0.0)
    # What is infinite or NaN though the sum is finite has no part in it: another element was taken.
    whole = conjugated(graph.vertices[edge.source].adjoint)
    with np.errstate(all="ignore"):
        left_out = np.isfinite(whole) & ~np.isfinite(c)
    return conjugated(np.where(left_out, 0.0, c)[()] if np.any(left_out) else c)
