"""The Hessian by the four ways of composing forward and reverse mode, a sparse plan, Taylor series and differences."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import dualad
from experiments import figures, timing
from experiments.counting import ledger
from experiments.experiment import QUICK_TIMING, TIMING, Cell, Column, Experiment, Result, Row, Settings, show
from experiments.jacobian_cost import shared
from experiments.problems import network, rosenbrock

QUESTION = "Which way gives the cheapest Hessian, and is it the one that was predicted?"
MODES = ("forward-over-reverse", "reverse-over-forward", "forward-over-forward", "reverse-over-reverse")
WAYS = (*MODES, "sparse plan", "Taylor series", "differences")
STEP = float(np.finfo(float).eps ** (1 / 3))
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


def from_series(f: Any, x: np.ndarray) -> np.ndarray:
    """The Hessian from Taylor series along unit vectors and their sums in pairs (Griewank, Utke and Walther 2000)."""
    unit = np.eye(len(x))
    diagonal = np.array([dualad.taylor(f, x, e, 2)[2] for e in unit])
    hessian = np.diag(2.0 * diagonal)
    for i in range(len(x)):
        for j in range(i):
            both = dualad.taylor(f, x, unit[i] + unit[j], 2)[2]
            hessian[i, j] = hessian[j, i] = both - diagonal[i] - diagonal[j]
    return hessian


def from_differences(f: Any, x: np.ndarray) -> np.ndarray:
    """The Hessian from central differences of the gradient."""
    gradient, rows = dualad.grad(f), []
    for k in range(len(x)):
        h = STEP * max(1.0, abs(x[k]))
        above, below = x.copy(), x.copy()
        above[k], below[k] = x[k] + h, x[k] - h
        rows.append((gradient(above) - gradient(below)) / (above[k] - below[k]))
    rows = np.array(rows)
    return 0.5 * (rows + rows.T)


def measure(cell: Cell, settings: Settings, seed: int) -> dict[str, Any]:
    f, point = problem(cell, settings, seed)
    n = len(point[0])
    ways = {mode: dualad.hessian(f, mode=mode) for mode in MODES}
    table = dualad.hessian(f, explain=True)(*point)
    plan = dualad.sparse_hessian(f, *point)
    if plan.coloring.count < n:
        ways["sparse plan"] = plan
    ways["differences"] = lambda x, *data: from_differences(lambda x: f(x, *data), x)
    if n <= settings["series"]:
        ways["Taylor series"] = lambda x, *data: from_series(lambda x: f(x, *data), x)
    results = {name: way(*point) for name, way in ways.items()}
    if "sparse plan" in results:
        results["sparse plan"] = results["sparse plan"].toarray()
    timing.check(results, {"differences": 1e-5, "Taylor series": 1e-9})
    exact = {name: way for name, way in ways.items() if name != "sparse plan"}
    counts = {name: ledger(way, *point) for name, way in {"function": f, **exact}.items()}
    names = {row["way"].replace("sparse, by symmetric", "sparse plan"): row for row in table.rows}
    if plan is ways.get("sparse plan"):  # whose result is no array, and so not counted but in the table
        counts["sparse plan"] = {"operations": round(names["sparse plan"]["operations"])}
    predicted = {name: row["predicted"] for name, row in names.items() if name in ways}
    calls = {"function": partial(f, *point), **{name: partial(way, *point) for name, way in ways.items()}}
    return {
        "unknowns": n,
        "counts": counts,
        "predicted": predicted,
        **timing.race(calls, settings, clock=timing.processor()),
    }


def rows(results: list[Result]) -> list[Row]:
    table = []
    for result in results:
        measured = result["measured"]
        samples, counts, predicted = measured["samples"], measured["counts"], measured["predicted"]
        ranked = sorted((way for way in WAYS if way in samples), key=lambda way: timing.median(samples[way]))
        foreseen = min(predicted, key=lambda way: predicted[way])
        fastest = next(way for way in ranked if way in predicted)
        for way in (way for way in WAYS if way in samples):
            in_time = timing.ratio(samples[way], samples["function"])
            behind = timing.ratio(samples[way], samples[ranked[0]])
            table.append(
                {
                    "problem": result["cell"]["problem"],
                    "words": PROBLEMS[result["cell"]["problem"]],
                    "n": measured["unknowns"],
                    "mode": way,
                    "operations": counts[way]["operations"],
                    "operations_ratio": counts[way]["operations"] / counts["function"]["operations"],
                    "bytes": counts[way].get("bytes"),
                    "predicted": predicted.get(way),
                    "seconds": timing.median(samples[way]),
                    "time_ratio": in_time["median"],
                    "time_spread": [in_time["low"], in_time["high"]],
                    "rank": 1 + ranked.index(way),
                    "behind": behind["median"],
                    # The fastest ties with itself by definition; a follower that ties shares its place.
                    "tie": way != ranked[0] and behind["tie"],
                    "foreseen": foreseen,
                    "winner": fastest,
                    # Of the ways that are predicted: whether the one that was foreseen is as fast as the fastest.
                    "right": foreseen == fastest or timing.ratio(samples[foreseen], samples[fastest])["tie"],
                }
            )
    return table


def agreement(rows: list[Row]) -> tuple[int, int, int]:
    """(cells where the fastest way was foreseen, or one that ties with it; cells where it itself was; cells)."""
    cells = {(row["problem"], row["n"]): row for row in rows}.values()
    return (
        sum(row["right"] for row in cells),
        sum(row["foreseen"] == row["winner"] for row in cells),
        len(cells),
    )


def answer(rows: list[Row]) -> str:
    right, strict, cells = agreement(rows)
    parts = [
        f"dualad.predict names the fastest exact way, or one that ties with it, in {shared(right, cells)}, "
        f"the very fastest in {shared(strict, cells)}"
    ]
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
        words = words[0].upper() + words[1:]
        parts.append(f"{words}, n = {last:,}: {order}; predicted: {ranked[0]['foreseen']}")
    return ". ".join(parts) + "."


def draw(rows: list[Row], stem: Path) -> list[tuple[Path, str]]:
    figure, axes = figures.canvas(QUESTION, columns=2, width=12.0, height=6.0)
    for ax, (name, words) in zip(axes, PROBLEMS.items(), strict=True):
        figures.log_log(ax, "number of unknowns n", "cost of the Hessian ÷ cost of f")
        ax.set_title(words, fontsize=11)
        one = {row["n"]: row["seconds"] / row["time_ratio"] for row in rows if row["problem"] == name}
        for style, way in zip(figures.SEVEN, WAYS, strict=True):
            own = [row for row in rows if row["problem"] == name and row["mode"] == way]
            if not own:
                ax.plot([], [], label=way, **style)
                continue
            n = [row["n"] for row in own]
            if own[0]["predicted"] is not None:
                foreseen = [row["predicted"] / one[row["n"]] for row in own]
                ax.plot(n, foreseen, linestyle=style["linestyle"], **figures.THEORY)
            ax.plot(n, [row["time_ratio"] for row in own], label=way, **style)
            low, high = zip(*(row["time_spread"] for row in own), strict=True)
            ax.fill_between(n, low, high, color=style["color"], alpha=0.15)
            figures.plain_ticks(ax.xaxis, sorted(one))
    axes[0].plot([], [], label="predicted, same dashes", **figures.THEORY)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=9, frameon=False)
    caption = (
        "Time of the full Hessian by every way, in evaluations of the function (bands: 95 % intervals); thin and grey, "
        "what dualad.predict made of the counts beforehand."
    )
    return [(figures.save(figure, stem.with_name(stem.name + ".png")), caption)]


EXPERIMENT = Experiment(
    name="hessian-cost",
    question=QUESTION,
    theory=(
        "A gradient by reverse mode costs a constant times f, by forward mode n times f; the outer mode "
        "carries n directions over all of it. So the two compositions over reverse should grow like n times "
        "f and the two over forward like n², as do Taylor series, one for each pair of unknowns. Differences of "
        "gradients grow like n, and are not exact. A sparse plan takes as many directions as it has colours, for "
        "Rosenbrock's function three. At small n the calls cost more than the arithmetic. Time is the processor's, of "
        "one thread."
    ),
    columns=(
        Column("words", "function f"),
        Column("n", "n", "count"),
        Column("mode", "way"),
        Column("operations", "operations", "count", brief=False),
        Column("operations_ratio", "operations ÷ f", "ratio"),
        Column("bytes", "bytes moved", "count", brief=False),
        Column("predicted", "predicted", "seconds"),
        Column("seconds", "time", "seconds"),
        Column("time_ratio", "time ÷ f", "ratio"),
        Column("time_spread", "95 % interval", "spread", brief=False),
        Column("rank", "place", "count", brief=False),
        Column("behind", "÷ fastest", "ratio"),
        Column("right", "winner foreseen", brief=False),
    ),
    settings={
        **TIMING,
        "hidden": [2, 5, 10, 15, 20, 30],
        "n": [3, 10, 30, 100, 200, 300],
        "samples": 64,
        "series": 64,
    },
    quick={**QUICK_TIMING, "hidden": [2, 5, 10], "n": [10, 30, 100], "series": 32},
    cells=cells,
    measure=measure,
    rows=rows,
    answer=answer,
    draw=draw,
)
