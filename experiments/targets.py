"""Ratios of peers to dualad against the ratios aimed at: the verdict, the sentence, the figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from experiments import figures
from experiments.experiment import Row, show

# Filled or hollow, so that the verdict needs no colour.
LOOKS: dict[bool, dict[str, Any]] = {
    True: {"marker": "o", "color": "#0072b2", "markersize": 8, "linestyle": "none"},
    False: {
        "marker": "s",
        "color": "#d55e00",
        "markersize": 8,
        "linestyle": "none",
        "markerfacecolor": "white",
    },
}
TARGET: dict[str, Any] = {
    "marker": "|",
    "color": "black",
    "markersize": 14,
    "markeredgewidth": 2,
    "linestyle": "none",
}
MARKS = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


def verdict(ratio: dict[str, Any], target: float) -> str:
    """Whether a ratio reaches its target; faster than a peer means more than a tie with it."""
    if target == 1 and ratio["tie"]:
        return "tie"
    if ratio["median"] >= target:
        return "met"
    return f"missed by {100 * (1 - ratio['median'] / target):.2g} %"


def judged(rows: list[Row]) -> list[Row]:
    """The rows with a ratio that is held against a target."""
    return [row for row in rows if row["ratio"] is not None and row["target"] is not None]


def answer(rows: list[Row]) -> str:
    """How many targets are met, and which ratio stands worst."""
    shown = judged(rows)
    if not shown:
        return "None of the libraries to compare with is installed."
    met = [row for row in shown if row["verdict"] == "met"]
    worst = min(shown, key=lambda row: row["ratio"] / row["target"])
    text = (
        f"{len(met)} of {len(shown)} targets are met; the ratio that stands worst against its target is "
        f"{show(worst['ratio'], 'ratio')} where {show(worst['target'], 'ratio')} is aimed at "
        f"({worst['case']}, against {worst['peer']})"
    )
    absent = sorted({row["peer"] for row in rows if row["verdict"] == "not installed"})
    return text + (f". Not installed: {', '.join(absent)}." if absent else ".")


def chart(rows: list[Row], question: str, path: Path) -> tuple[Path, str]:
    """One line for each ratio, with its interval and its target."""
    shown = judged(rows)[::-1]
    figure, (ax,) = figures.canvas(question, columns=1, width=11.0, height=1.6 + 0.42 * max(len(shown), 3))
    at = range(len(shown))
    for i, row in zip(at, shown, strict=True):
        low, high = row["spread"]
        look = LOOKS[row["verdict"] == "met"]
        ax.plot([low, high], [i, i], color=look["color"], linewidth=2)
        ax.plot(row["ratio"], i, **look)
        ax.plot(row["target"], i, **TARGET)
    ax.axvline(1.0, linestyle="--", **figures.THEORY)
    ax.set_xscale("log")
    left, right = ax.get_xlim()
    figures.plain_ticks(ax.xaxis, (mark for mark in MARKS if left <= mark <= right))
    ax.set_yticks(at, [f"{row['case']}\nagainst {row['peer']}" for row in shown], fontsize=8.5)
    ax.set_ylim(-0.6, max(len(shown), 1) - 0.4)
    ax.set_xlabel("time of the peer ÷ time of dualad (right of 1: dualad is faster)")
    ax.grid(True, axis="x", color="0.9")
    ax.set_axisbelow(True)
    ax.plot([], [], label="target met", **LOOKS[True])
    ax.plot([], [], label="target missed, or a tie", **LOOKS[False])
    ax.plot([], [], label="target", **TARGET)
    figure.legend(loc="outside lower center", ncols=3, fontsize=9, frameon=False)
    caption = (
        "How many times as long as dualad each peer takes (line: 95 % interval), and the ratio aimed at."
    )
    return figures.save(figure, path), caption
