"""A scene in axes of matplotlib's."""

from __future__ import annotations

from typing import Any

from ..errors import ArgumentError, error
from .layout import LINE, Scene

VALUE, PARTIAL, GRADIENT, PALE = "#116329", "#6639ba", "#b3261e", "#59636e"
FACES = {
    "op": ("#eef3fb", "#4a6fa5"),
    "input": ("#fff7e6", "#a06a00"),
    "output": ("#fff7e6", "#a06a00"),
    "fold": ("#f1f1f1", "#767676"),
}
PIXELS = 96.0  # an inch


def plot(scene: Scene, ax: Any = None) -> Any:
    """Draw the scene; returns the axes, new ones of the scene's size if none are given."""
    try:
        from matplotlib.figure import Figure
        from matplotlib.patches import FancyBboxPatch, PathPatch
        from matplotlib.path import Path
        from matplotlib.patheffects import withStroke
    except ImportError:
        raise error(
            ArgumentError,
            "drawing in axes needs matplotlib",
            "pip install 'dualad[teach]'; .svg needs no matplotlib",
        ) from None
    if ax is None:
        figure = Figure(figsize=(scene.width / PIXELS, scene.height / PIXELS), dpi=2 * PIXELS)
        ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, scene.width), ylim=(scene.height, 0), aspect="equal")
    ax.axis("off")
    # Type of the size that it has in the SVG, whatever the size of the axes.
    scale = ax.get_position().width * ax.figure.get_figwidth() * 72 / scene.width
    halo = [withStroke(linewidth=3, foreground="white")]

    def text(x: float, y: float, words: str, color: str, size: float = 12, **more: Any) -> None:
        # No mathematics: a dollar sign in a name is one.
        ax.text(
            x, y, words, color=color, fontsize=size * scale, ha="center", va="baseline", family="monospace",
            path_effects=halo, parse_math=False, **more,
        )  # fmt: skip

    for curve in scene.wires:
        codes = [Path.MOVETO] + [Path.CURVE4] * (len(curve.points) - 1)
        ax.add_patch(PathPatch(Path(curve.points, codes), fill=False, edgecolor="#8a929b", linewidth=scale))
        x, y = curve.points[-1]
        ax.fill([x - 5, x + 4, x - 5], [y - 4, y, y + 4], color="#8a929b", linewidth=0)
    for p in scene.boxes:
        face, edge = FACES[p.box.kind]
        rounding = p.height / 2 if p.box.kind in ("input", "output") else 6
        ax.add_patch(
            FancyBboxPatch(
                (p.x - p.width / 2, p.y - p.height / 2), p.width, p.height, facecolor=face, edgecolor=edge,
                boxstyle=f"round,pad=0,rounding_size={rounding}", linestyle="--" if p.box.kind == "fold" else "-",
                linewidth=scale,
            )
        )  # fmt: skip
        text(p.x, p.y + 4, p.box.text, "#1b1f24")
        text(p.x, p.y - p.height / 2 - 4, p.box.name, PALE, 11)
        for k, word in enumerate(p.box.words):
            text(p.x, p.y + p.height / 2 + LINE * (k + 0.8), word, PALE, 11, style="italic")
    for curve in scene.wires:
        x, y = curve.label
        wire = curve.wire
        for words, color, down in (
            (wire.value, VALUE, -9),
            (wire.partial, PARTIAL, 4),
            (wire.gradient, GRADIENT, 18),
        ):
            text(x, y + down, words, color)
    return ax
