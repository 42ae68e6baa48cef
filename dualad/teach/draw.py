"""The computational graph of a function at a point, drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..dot import digraph
from ..errors import ArgumentError, error
from .fold import Drawn, drawn
from .graph import graph
from .layout import Scene, scene
from .svg import svg

F = Callable[..., Any]


class Drawing:
    """A computational graph; Jupyter shows it, and the methods write it down."""

    __slots__ = ("_drawn", "_scene")

    def __init__(self, drawn: Drawn) -> None:
        self._drawn = drawn
        self._scene: Scene | None = None

    @property
    def scene(self) -> Scene:
        """Where everything is, found when it is asked for."""
        if self._scene is None:
            self._scene = scene(self._drawn)
        return self._scene

    @property
    def svg(self) -> str:
        """The drawing as SVG, for light and dark backgrounds."""
        return svg(self.scene)

    def _repr_svg_(self) -> str:
        return self.svg

    def dot(self) -> str:
        """The drawing as text for Graphviz, which then finds the places itself."""
        nodes, edges = [], []
        for k, box in enumerate(self._drawn.boxes):
            label = "\n".join(filter(None, (" = ".join(filter(None, (box.name, box.text))), *box.words)))
            nodes.append((f"b{k}", label, box.kind in ("input", "output")))
        for wire in self._drawn.wires:
            label = "\n".join(filter(None, (wire.value, wire.partial and f"∂ {wire.partial}", wire.gradient)))
            edges.append((f"b{wire.source}", f"b{wire.target}", label))
        return digraph(nodes, edges)

    def axes(self, ax: Any = None) -> Any:
        """The drawing in axes of matplotlib's, new ones of its size if none are given; returns them."""
        from .plot import plot

        return plot(self.scene, ax)

    def save(self, path: str | Path) -> None:
        """Write a file: `.svg`, `.dot`, or with matplotlib `.png` and `.pdf`."""
        path = Path(path)
        if path.suffix == ".svg":
            path.write_text(self.svg, encoding="utf-8")
        elif path.suffix in (".dot", ".gv"):
            path.write_text(self.dot(), encoding="utf-8")
        elif path.suffix in (".png", ".pdf"):
            self.axes().figure.savefig(path)
        else:
            raise error(
                ArgumentError,
                f"a drawing cannot be saved as {path.name}",
                "a name that ends in .svg, .dot, .png or .pdf",
            )

    def __repr__(self) -> str:
        return f"<Drawing: {self._drawn.title}, {len(self._drawn.boxes)} boxes>"


def draw(f: F, *args: Any, cotangent: Any = None, **kwargs: Any) -> Drawing:
    r"""The computational graph of `f(*args, **kwargs)`: values above its edges, gradients below, partials on them.

    Below an operation stands how it passes a gradient back, where that has a name: a sum distributes it, a maximum
    routes it, a product swaps its factors, a value that is read several times adds up what comes back. Large arrays
    are summarised. Of more than 40 vertices, a pattern that repeats is drawn once and then as one box, and of more
    than 200 the middle is one box.

    cotangent: of the structure of `f`'s result, as for `vjp`; by default 1 for its first number
    returns: a `Drawing` with `svg`, `dot()`, `axes()` for matplotlib, and `save(path)`
    raises: ArgumentError without numbers, inside a derivative, or, but for `dot()`, without igraph

    >>> print(draw(lambda x, y: x * y, 2.0, 3.0).dot())
    digraph {
      rankdir=LR; node [shape=box];
      b0 [label="v₋₁ = x", shape=ellipse];
      b1 [label="v₀ = y", shape=ellipse];
      b2 [label="v₁ = *\nmultiply swaps"];
      b3 [label="y", shape=ellipse];
      b0 -> b2 [label="2\n∂ 3\n3"];
      b1 -> b2 [label="3\n∂ 2\n2"];
      b2 -> b3 [label="6\n1"];
    }
    """
    return Drawing(drawn(graph(f, args, kwargs, None, cotangent, "draw")))
