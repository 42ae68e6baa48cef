"""Places for boxes and wires: in layers from left to right, labels where they overlap least."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from ..errors import ArgumentError, error
from .fold import Box, Drawn, Wire

Point = tuple[float, float]
# Of the labels' type: the width of a character, at most, and that of the smaller one; the height of a line
CHARACTER, SMALLER, LINE = 7.3, 6.8, 16.0
ROW, MARGIN = 96.0, 24.0
NEAREST, WIDEST = 64.0, 320.0  # room between two layers


class Placed(NamedTuple):
    """A box and where it is: its centre, its width and height."""

    box: Box
    x: float
    y: float
    width: float
    height: float


class Curve(NamedTuple):
    """A wire, as a cubic curve of 3 n + 1 points, and where the middle of its label is."""

    wire: Wire
    points: tuple[Point, ...]
    label: Point


class Scene(NamedTuple):
    """Everything drawn, in pixels from the upper left corner."""

    title: str
    boxes: tuple[Placed, ...]
    wires: tuple[Curve, ...]
    width: float
    height: float


def layered(count: int, edges: Sequence[tuple[int, int]]) -> tuple[list[int], list[float]]:
    """A layer and a place within it, in rows, for each vertex of a graph whose edges all go to later ones.

    Sugiyama, Tagawa and Toda (1981), by igraph; sources stand next to the first that reads them.
    """
    try:
        import igraph
    except ImportError:
        raise error(
            ArgumentError,
            "drawing a graph needs igraph, which places the vertices",
            "pip install 'dualad[teach]'; of a drawing, .dot() needs nothing",
        ) from None
    layers = _layers(count, edges)
    graph = igraph.Graph(directed=True)
    graph.add_vertices(count)
    graph.add_edges(edges)
    coordinates = graph.layout_sugiyama(layers=layers, hgap=1, vgap=1, maxiter=200).coords[:count]
    return layers, [float(x) for x, _ in coordinates]


def _layers(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    layers, first = [0] * count, dict[int, int]()
    for a, b in sorted(edges, key=lambda edge: edge[1]):
        layers[b] = max(layers[b], layers[a] + 1)
    for a, b in edges:
        first[a] = min(first.get(a, layers[b]), layers[b])
    fed = {b for _, b in edges}
    return [layer if k in fed else first.get(k, 1) - 1 for k, layer in enumerate(layers)]


def scene(drawn: Drawn) -> Scene:
    """Where everything goes."""
    boxes, wires = drawn.boxes, drawn.wires
    paths, edges, count = _through(len(boxes), wires)
    layers, rows = layered(count, edges)
    sizes = [_size(box) for box in boxes] + [(0.0, 0.0)] * (count - len(boxes))
    lefts, columns = _columns(layers, sizes, drawn)
    least = min(rows, default=0.0)
    top = MARGIN + max((h for _, h in sizes), default=0.0) / 2 + LINE
    centres = [
        (lefts[layer] + columns[layer] / 2, top + (row - least) * ROW)
        for layer, row in zip(layers, rows, strict=True)
    ]
    placed = [Placed(box, *centre, *size) for box, centre, size in zip(boxes, centres, sizes, strict=False)]
    beside: dict[tuple[int, int], int] = {}
    taken = [_room(p) for p in placed]
    fan = Counter(wire.source for wire in wires)
    found = []
    for wire, path in zip(wires, paths, strict=True):
        key = (wire.source, wire.target)
        beside[key] = beside.get(key, -1) + 1
        twins = sum((other.source, other.target) == key for other in wires)
        points = _curve([centres[k] for k in path], sizes, path, (beside[key] - (twins - 1) / 2) * 56)
        found.append(Curve(wire, points, _label(wire, points, taken, fan[wire.source])))
    right = max((p.x + p.width / 2 for p in placed), default=0.0)
    low = max((p.y + p.height / 2 + LINE * len(p.box.words) for p in placed), default=0.0)
    low = max([low, *(d.label[1] + 2 * LINE for d in found)])
    return Scene(drawn.title, tuple(placed), tuple(found), right + MARGIN, low + MARGIN)


def _through(count: int, wires: Sequence[Wire]) -> tuple[list[list[int]], list[tuple[int, int]], int]:
    """For each wire the vertices that it passes, new ones in the layers between; the edges; how many vertices."""
    ends = [(wire.source, wire.target) for wire in wires]
    layers = _layers(count, ends)
    paths: list[list[int]] = []
    edges: list[tuple[int, int]] = []
    known: dict[tuple[int, int], list[int]] = {}
    for a, b in ends:
        if (a, b) not in known:
            between = list(range(count, count + layers[b] - layers[a] - 1))
            count += len(between)
            known[a, b] = [a, *between, b]
            edges += pairwise(known[a, b])
        paths.append(known[a, b])
    return paths, edges, count


def _size(box: Box) -> Point:
    longest = max(len(box.text) + 1, 3)
    return longest * CHARACTER + 18, 34.0 if box.kind != "fold" else 42.0


def _columns(layers: Sequence[int], sizes: Sequence[Point], drawn: Drawn) -> tuple[list[float], list[float]]:
    """The left edges of the layers, and their widths; between them is room for the labels that begin there."""
    last = max(layers, default=0)
    widths, gaps = [40.0] * (last + 1), [NEAREST] * (last + 1)
    for layer, (width, _), box in zip(layers, sizes, drawn.boxes, strict=False):
        widths[layer] = max(widths[layer], width, *(SMALLER * len(word) for word in box.words), 0.0)
    fan = Counter(wire.source for wire in drawn.wires)
    for wire in drawn.wires:
        layer = layers[wire.source]
        room = _width(wire) + 30 + 16 * min(fan[wire.source] - 1, 6)
        gaps[layer] = max(gaps[layer], min(room, WIDEST))
    lefts = [MARGIN]
    for width, gap in zip(widths, gaps, strict=True):
        lefts.append(lefts[-1] + width + gap)
    return lefts, widths


def _width(wire: Wire) -> float:
    return CHARACTER * max(map(len, (wire.value, wire.partial, wire.gradient)))


def _curve(centres: list[Point], sizes: Sequence[Point], path: list[int], bow: float) -> tuple[Point, ...]:
    """A smooth line from the right side of the first to the left side of the last."""
    points = list(centres)
    points[0] = (points[0][0] + sizes[path[0]][0] / 2, points[0][1])
    points[-1] = (points[-1][0] - sizes[path[-1]][0] / 2 - 4, points[-1][1])
    found = [points[0]]
    for (x0, y0), (x1, y1) in pairwise(points):
        bend = (x1 - x0) * 0.45
        found += [(x0 + bend, y0 + bow), (x1 - bend, y1 + bow), (x1, y1)]
    return tuple(found)


def at(points: Sequence[Point], t: float) -> Point:
    """A point on the first of the cubic curves."""
    s = 1 - t
    weights = (s**3, 3 * s * s * t, 3 * s * t * t, t**3)
    x, y = (sum(w * p[i] for w, p in zip(weights, points[:4], strict=True)) for i in (0, 1))
    return x, y


Room = tuple[float, float, float, float]


def _room(p: Placed) -> Room:
    words = max([p.width, *(SMALLER * len(word) for word in p.box.words)])
    low = p.y + p.height / 2 + LINE * len(p.box.words)
    return p.x - words / 2, p.y - p.height / 2 - LINE, p.x + words / 2, low


def _label(wire: Wire, points: Sequence[Point], taken: list[Room], fan: int) -> Point:
    """The place along the wire where its label covers least of what is there, out of a bundle's narrow end."""
    half = _width(wire) / 2
    best: tuple[float, Any] = (float("inf"), None)
    middle = 0.5 if fan < 3 else 0.64
    for t in (middle + side * step for step in (0.0, 0.05, 0.1, 0.15, 0.2) for side in (1, -1)):
        x, y = at(points, t)
        room = (x - half, y - 1.5 * LINE, x + half, y + 1.5 * LINE)
        covered = sum(_common(room, other) for other in taken) + abs(t - middle)
        if covered < best[0] - 1e-9:
            best = covered, ((x, y), room)
    taken.append(best[1][1])
    point: Point = best[1][0]
    return point


def _common(a: Room, b: Room) -> float:
    """The area that two rooms share."""
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
