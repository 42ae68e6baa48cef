"""The Hessian by the four ways of composing forward and reverse mode."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import dualad
from experiments import figures, timing
from experiments.counting import ledger
from experiments.experiment import QUICK_TIMING, TIMING, Cell, Column, Experiment, Result, Row, Settings, show
from experiments.problems import network, rosenbrock

QUESTION = "Which composition of forward and reverse mode gives the cheapest Hessian?"
MODES = ("forward-over-reverse", "reverse-over-forward", "forward-over-forward", "reverse-over-reverse")
PROBLEMS = {"network": "tanh network's loss", "rosenbrock": "Rosenbrock's function"}


def cells(settings: Settings) -> list[Cell]:
    networks = [{"problem": "network", "hidden": hidden} for hidden in settings["hidden"]]
    return networks + [{"problem": "rosenbrock", "n": n} for n in settings["n"]]


def problem(cell: Cell, settings: Settings, seed: int) -> tuple[Any, tuple[Any, ...]]:
    """The function of a cell and its arguments; the Hessian is taken in the first."""
    if cell["problem"] == "network":
        point = network.data(cell["hidden"], settings["samples"], seed)
        return partial(network.loss, hidden=cell["hidden"]), point
    return rosenbrock.array, (rosenbrock.start(cell["n"], seed),)


def measure(cell: Cell, settings: Settings, seed: int) -> dict[str, Any]:
    f, point = problem(cell, settings, seed)
    ways = {mode: dualad.hessian(f, mode=mode) for mode in MODES}
    timing.check({mode: way(*point) for mode, way in ways.items()})
    counts = {name: ledger(way, *point) for name, way in {"function": f, **ways}.items()}
    calls = {"function": partial(f, *point), **{mode: partial(way, *point) for mode, way in ways.items()}}
    return {"unknowns": len(point[0]), "counts": counts, **timing.race(calls, settings)}


def rows(results: list[Result]) -> list[Row]:
    table = []
    for result in results:
        measured = result["measured"]
        samples, counts = measured["samples"], measured["counts"]
        ranked = sorted(MODES, key=lambda mode: timing.median(samples[mode]))
        for mode in MODES:
            in_time = timing.ratio(samples[mode], samples["function"])
            behind = timing.ratio(samples[mode], samples[ranked[0]])
            table.append(
                {
                    "problem": result["cell"]["problem"],
                    "words": PROBLEMS[result["cell"]["problem"]],
                    "n": measured["unknowns"],
                    "mode": mode,
                    "operations": counts[mode]["operations"],
                    "operations_ratio": counts[mode]["operations"] / counts["function"]["operations"],
                    "bytes": counts[mode]["bytes"],
                    "seconds": timing.median(samples[mode]),
                    "time_ratio": in_time["median"],
                    "time_spread": [in_time["low"], in_time["high"]],
                    "rank": 1 + ranked.index(mode),
                    "behind": behind["median"],
                    # The fastest ties with itself by definition; a follower that ties shares its place.
                    "tie": mode != ranked[0] and behind["tie"],
                }
            )
    return table


def answer(rows: list[Row]) -> str:
    parts = []
    for name, words in PROBLEMS.items():
        own = [row for row in rows if row["problem"] == name]
        if not own:
            continue
        last = max(row["n"] for row in own)
        ranked = sorted((row for row in own if row["n"] == last), key=lambda row: row["rank"])
        order = (
            ranked[0]["mode"]
            + " is fastest, then "
            + ", ".join(
                f"{row['mode']} ({'a tie' if row['tie'] else show(row['behind'], 'ratio')})"
                for row in ranked[1:]
            )
        )
        fewest = min(ranked, key=lambda row: row["operations"])["mode"]
        parts.append(f"{words}, n = {last:,}: {order}; fewest operations: {fewest}")
    return ". ".join(part[0].upper() + part[1:] for part in parts) + "."


def draw(rows: list[Row], stem: Path) -> list[tuple[Path, str]]:
    figure, axes = figures.canvas(QUESTION, columns=2, width=12.0, height=5.4)
    for ax, (name, words) in zip(axes, PROBLEMS.items(), strict=True):
        figures.log_log(ax, "number of unknowns n", "cost of the Hessian ÷ cost of f")
        ax.set_title(words, fontsize=11)
        for style, mode in zip(figures.STYLES, MODES, strict=True):
            own = [row for row in rows if row["problem"] == name and row["mode"] == mode]
            if own:
                n = [row["n"] for row in own]
                counted = [row["operations_ratio"] for row in own]
                ax.plot(n, counted, linestyle=style["linestyle"], **figures.THEORY)
                ax.plot(n, [row["time_ratio"] for row in own], label=mode, **style)
                low, high = zip(*(row["time_spread"] for row in own), strict=True)
                ax.fill_between(n, low, high, color=style["color"], alpha=0.15)
                figures.plain_ticks(ax.xaxis, n)
    axes[0].plot([], [], label="theory: counted operations, same dashes", **figures.THEORY)
    axes[0].legend(fontsize=9, loc="upper left")
    caption = (
        "Time of the full Hessian by the four compositions, in evaluations of the function (bands: "
        "quartiles); thin and grey, what the counted operations would make it."
    )
    return [(figures.save(figure, stem.with_name(stem.name + ".png")), caption)]


EXPERIMENT = Experiment(
    name="hessian-cost",
    question=QUESTION,
    theory=(
        "A gradient by reverse mode costs a constant times f, by forward mode n times f; the outer mode "
        "carries n directions over all of it. So the two compositions over reverse should grow like n times "
        "f and the two over forward like n². At small n the calls cost more than the arithmetic, and all "
        "four look alike."
    ),
    columns=(
        Column("words", "function f"),
        Column("n", "n", "count"),
        Column("mode", "composition"),
        Column("operations", "operations", "count", brief=False),
        Column("operations_ratio", "operations ÷ f", "ratio"),
        Column("bytes", "bytes moved", "count", brief=False),
        Column("seconds", "time", "seconds"),
        Column("time_ratio", "time ÷ f", "ratio"),
        Column("time_spread", "quartiles", "spread", brief=False),
        Column("rank", "place", "count", brief=False),
        Column("behind", "÷ fastest", "ratio"),
    ),
    settings={**TIMING, "hidden": [2, 5, 10, 20, 30], "n": [10, 30, 100, 300], "samples": 64},
    quick={**QUICK_TIMING, "hidden": [2, 5, 10], "n": [10, 30, 100]},
    cells=cells,
    measure=measure,
    rows=rows,
    answer=answer,
    draw=draw,
)
