"""What an experiment is: a question, a grid of cells, how one cell is measured, and what follows from it."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments import NAMES

Cell = dict[str, Any]
"""Parameters of one measurement: numbers and strings only, so that a cell can be a key on disk."""

Result = dict[str, Any]
"""`{"cell": ..., "measured": ...}`"""

Row = dict[str, Any]
Settings = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """One column of an experiment's table; `kind` says how `show` prints its values.

    brief: whether a terminal shows it, too, where room is short; the report shows every column
    """

    key: str
    heading: str
    kind: str = "text"
    brief: bool = True


@dataclass(frozen=True)
class Experiment:
    """An experiment; all functions are plain module-level functions of plain data.

    settings: the full-size settings; `quick` replaces some of them
    cells: the grid; measure: (cell, settings, seed) -> raw counts and samples, ready for JSON
    rows: results -> the derived table; answer: rows -> one sentence
    draw: (rows, stem) -> [(file, caption)], each file named `stem` plus an ending
    """

    name: str
    question: str
    theory: str
    columns: tuple[Column, ...]
    settings: Settings
    quick: Settings
    cells: Callable[[Settings], list[Cell]]
    measure: Callable[[Cell, Settings, int], dict[str, Any]]
    rows: Callable[[list[Result]], list[Row]]
    answer: Callable[[list[Row]], str]
    draw: Callable[[list[Row], Path], list[tuple[Path, str]]]

    def sized(self, quick: bool) -> Settings:
        """The settings of a quick or a full run."""
        return self.settings | self.quick if quick else dict(self.settings)


TIMING: Settings = {"rounds": 15, "sample_seconds": 0.005, "cell_seconds": 6.0}
"""Every experiment's timing settings: rounds wanted, shortest sample, time allowed to a cell."""

QUICK_TIMING: Settings = {"rounds": 7, "sample_seconds": 0.002, "cell_seconds": 1.0}


def load(name: str) -> Experiment:
    """The experiment of that name."""
    if name not in NAMES:
        raise ValueError(f"no experiment is called {name!r}; there are: {', '.join(NAMES)}")
    module = importlib.import_module("experiments." + name.replace("-", "_"))
    experiment: Experiment = module.EXPERIMENT
    return experiment


def show(value: Any, kind: str = "text") -> str:
    """A value as people read it: seconds with a unit, counts with separators, ratios with three digits."""
    if value is None:
        return "–"
    if kind == "seconds":
        for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
            if value >= size:
                return f"{value / size:.3g} {unit}"
        return f"{value / 1e-9:.3g} ns"
    if kind == "count":
        return f"{round(value):,}"
    if kind == "small":
        return f"{value:.2g}"
    if kind == "number":
        return value if isinstance(value, str) else digits(value)
    if kind == "share":
        return f"{value:.0%}"
    if kind == "ratio":
        return digits(value) + "×"
    if kind == "spread":
        return " … ".join(map(digits, value))
    return str(value)


def digits(value: float) -> str:
    """Three significant digits, never an exponent for what is large."""
    return f"{value:,.0f}" if value >= 99.5 else f"{value:.3g}"
