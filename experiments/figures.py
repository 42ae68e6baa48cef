"""Figures that read without colour: every series has its own marker and line style."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

# Blue, vermilion, green and purple of Okabe and Ito, which also differ in lightness.
STYLES: tuple[dict[str, Any], ...] = (
    {"color": "#0072b2", "marker": "o", "linestyle": "-"},
    {"color": "#d55e00", "marker": "s", "linestyle": "--"},
    {"color": "#009e73", "marker": "^", "linestyle": "-."},
    {"color": "#7b3294", "marker": "D", "linestyle": ":"},
)
# Three more, for figures of many series.
SEVEN: tuple[dict[str, Any], ...] = (
    *STYLES,
    {"color": "#e69f00", "marker": "v", "linestyle": (0, (5, 1))},
    {"color": "#56b4e9", "marker": "P", "linestyle": (0, (3, 1, 1, 1))},
    {"color": "0.3", "marker": "x", "linestyle": (0, (1, 3))},
)
THEORY: dict[str, Any] = {"color": "0.45", "linewidth": 1.0}
"""Lines that were not measured are thin and grey."""


def canvas(
    title: str, columns: int, width: float, height: float, sharey: bool = False
) -> tuple[Figure, list[Axes]]:
    """An empty figure whose title is the question, and its axes side by side."""
    figure = Figure(figsize=(width, height), layout="constrained", dpi=130)
    figure.suptitle(title, fontsize=12, fontweight="bold")
    axes = list(figure.subplots(1, columns, squeeze=False, sharey=sharey)[0])
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    return figure, axes


def log_log(ax: Axes, x: str, y: str) -> None:
    """Logarithmic axes with labels and a faint grid."""
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(lambda value, position: f"{value:,g}")
        axis.set_minor_formatter(NullFormatter())
    ax.yaxis.set_tick_params(labelleft=True)  # shared axes would show the numbers only once
    ax.grid(True, which="major", color="0.9", linewidth=0.8)
    ax.set_axisbelow(True)


def plain_ticks(axis: Any, values: Iterable[float]) -> None:
    """Tick a logarithmic axis at the measured values, written as plain numbers."""
    values = list(values)
    axis.set_ticks(values, [f"{value:g}" for value in values])
    axis.set_ticks([], minor=True)


def save(figure: Figure, path: Path) -> Path:
    """Write the figure, which needs no display, and return its path."""
    figure.savefig(path, facecolor="white")
    return path
