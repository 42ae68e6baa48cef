"""A scene as SVG, which carries its own colours for light and dark."""

from __future__ import annotations

from html import escape

from .layout import CHARACTER, LINE, Curve, Placed, Point, Scene

# Contrast with the background is at least 4.5 in both. The classes have a name of their own, as SVG that stands in a
# page shares its style sheet.
STYLE = """
.dualad-graph{font:12px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;background:#fff;color:#1b1f24}
.dualad-graph text{text-anchor:middle;fill:currentColor}
.dualad-graph .halo{paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}
.dualad-graph .back{fill:#fff}
.dualad-graph .wire{fill:none;stroke:#8a929b;stroke-width:1.4}
.dualad-graph .tip{fill:#8a929b}
.dualad-graph .box{fill:#eef3fb;stroke:#4a6fa5;stroke-width:1.3}
.dualad-graph .input .box,.dualad-graph .output .box{fill:#fff7e6;stroke:#a06a00}
.dualad-graph .fold .box{fill:#f1f1f1;stroke:#767676;stroke-dasharray:5 3}
.dualad-graph .name,.dualad-graph .word{font-size:11px}
.dualad-graph .name{fill:#59636e}
.dualad-graph .word{fill:#59636e;font-style:italic}
.dualad-graph .value{fill:#116329}
.dualad-graph .gradient{fill:#b3261e}
.dualad-graph .partial{fill:#6639ba}
@media (prefers-color-scheme:dark){
.dualad-graph{background:#14171c;color:#e6e9ee}
.dualad-graph .halo{stroke:#14171c}
.dualad-graph .back{fill:#fff}
.dualad-graph .back{fill:#14171c}
.dualad-graph .wire{stroke:#6f7883}.dualad-graph .tip{fill:#6f7883}
.dualad-graph .box{fill:#1d2837;stroke:#7aa2dd}
.dualad-graph .input .box,.dualad-graph .output .box{fill:#2e2612;stroke:#d9a441}
.dualad-graph .fold .box{fill:#24272c;stroke:#9aa2ab}
.dualad-graph .name,.dualad-graph .word{fill:#a9b2bc}
.dualad-graph .value{fill:#7ee787}.dualad-graph .gradient{fill:#ff9a92}.dualad-graph .partial{fill:#d2b3ff}
}"""
LEGEND = (
    ("value", "above an edge: the value"),
    ("partial", "on it: the local partial"),
    ("gradient", "below: the gradient"),
)


def svg(scene: Scene) -> str:
    """The document, whose strings from outside are escaped."""
    height = scene.height + LINE * (len(LEGEND) + 0.5)
    width = max(scene.width, 240.0)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="dualad-graph" role="img" width="{width:.0f}" '
        f'height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" style="max-width:100%;height:auto">',
        f"<title>computational graph of {escape(scene.title)}</title><style>{STYLE}</style>",
        *map(_wire, scene.wires),
        *map(_box, scene.boxes),
        *map(_label, scene.wires),
        *(
            f'<text class="{kind}" style="text-anchor:start" x="12" y="{scene.height + LINE * k:.1f}">{words}</text>'
            for k, (kind, words) in enumerate(LEGEND)
        ),
    ]
    return "\n".join([*parts, "</svg>"])


def _point(p: Point) -> str:
    return f"{p[0]:.1f},{p[1]:.1f}"


def _wire(curve: Curve) -> str:
    start, *rest = map(_point, curve.points)
    x, y = curve.points[-1]
    tip = f"{x - 5:.1f},{y - 4:.1f} {x + 4:.1f},{y:.1f} {x - 5:.1f},{y + 4:.1f}"
    return f'<path class="wire" d="M{start} C{" ".join(rest)}"/><polygon class="tip" points="{tip}"/>'


def _label(curve: Curve) -> str:
    x, y = curve.label
    lines = (
        ("value", curve.wire.value, -9),
        ("partial", curve.wire.partial, 4),
        ("gradient", curve.wire.gradient, 18),
    )
    half = CHARACTER * len(curve.wire.partial) / 2
    back = (
        f'<rect class="back" x="{x - half:.1f}" y="{y - 7:.1f}" width="{2 * half:.1f}" height="14"/>'
        if half
        else ""
    )
    return back + "".join(text(kind, words, x, y + down, "halo") for kind, words, down in lines if words)


def text(kind: str, words: str, x: float, y: float, more: str = "") -> str:
    """A line of text, centred."""
    return f'<text class="{f"{kind} {more}".strip()}" x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'


def _box(p: Placed) -> str:
    left, top = p.x - p.width / 2, p.y - p.height / 2
    radius = p.height / 2 if p.box.kind in ("input", "output") else 6
    shape = (
        f'<rect class="box" x="{left:.1f}" y="{top:.1f}" width="{p.width:.1f}" height="{p.height:.1f}" '
        f'rx="{radius:.0f}"/>'
    )
    words = "".join(
        text("word", word, p.x, p.y + p.height / 2 + LINE * (k + 0.8), "halo")
        for k, word in enumerate(p.box.words)
    )
    name = text("name", p.box.name, p.x, top - 4, "halo") if p.box.name else ""
    hint = f"<title>{escape(p.box.hint)}</title>" if p.box.hint else ""
    return f'<g class="{p.box.kind}">{hint}{shape}{text("what", p.box.text, p.x, p.y + 4)}{name}{words}</g>'
