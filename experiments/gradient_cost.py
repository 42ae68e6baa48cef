"""The gradient of one loss by n forward sweeps, by one vectorised forward sweep, by one reverse sweep."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import dualad
from experiments import figures, timing
from experiments.counting import ledger
from experiments.experiment import QUICK_TIMING, TIMING, Cell, Column, Experiment, Result, Row, Settings, show
from experiments.problems import logistic

QUESTION = "What does a gradient cost, in evaluations of the loss, as the number of parameters grows?"
WAYS = {
    "sweeps": "forward, one sweep per parameter",
    "vectorised": "forward, all directions in one sweep",
    "reverse": "reverse, one sweep",
}


def cells(settings: Settings) -> list[Cell]:
    return [{"n": n} for n in settings["n"]]


def measure(cell: Cell, settings: Settings, seed: int) -> dict[str, Any]:
    n = cell["n"]
    X, y = logistic.breast_cancer(n, seed)
    w = 0.1 * np.random.default_rng(seed).standard_normal(n)
    # Every sweep does the same work, so many sweeps are timed on a sample of directions and scaled up.
    directions = np.unique(np.linspace(0, n - 1, min(n, settings["sampled_sweeps"])).astype(int))
    scale = n / len(directions)

    def sweep(i: int, w: Any, X: Any, y: Any) -> Any:
        e = np.zeros(n)
        e[i] = 1.0
        return dualad.jvp(lambda w: logistic.loss(w, X, y), (w,), (e,))[1]

    def sweeps(w: Any, X: Any, y: Any) -> list[Any]:
        return [sweep(i, w, X, y) for i in directions]

    contestants = {
        "loss": logistic.loss,
        "sweeps": sweeps,
        "vectorised": dualad.jacobian(logistic.loss, mode="forward"),
        "reverse": dualad.grad(logistic.loss),
    }
    gradient = contestants["reverse"](w, X, y)
    timing.check({"reverse": gradient, "vectorised": contestants["vectorised"](w, X, y)})
    timing.check({"reverse": gradient[directions], "sweeps": sweeps(w, X, y)})

    counts = {name: ledger(function, w, X, y) for name, function in contestants.items()}
    counts["sweeps"] = {name: round(value * scale) for name, value in counts["sweeps"].items()}
    raced = timing.race({name: partial(call, w, X, y) for name, call in contestants.items()}, settings)
    raced["samples"]["sweeps"] = [seconds * scale for seconds in raced["samples"]["sweeps"]]
    sampled = len(directions) if len(directions) < n else None
    return {"counts": counts, "sweeps_sampled": sampled, **raced}


def rows(results: list[Result]) -> list[Row]:
    table = []
    for result in results:
        measured = result["measured"]
        samples, counts = measured["samples"], measured["counts"]
        for way, words in WAYS.items():
            in_time = timing.ratio(samples[way], samples["loss"])
            sampled = measured["sweeps_sampled"] if way == "sweeps" else None
            table.append(
                {
                    "n": result["cell"]["n"],
                    "way": way,
                    "words": words + (f" (sampled: {sampled} sweeps timed)" if sampled else ""),
                    "operations": counts[way]["operations"],
                    "operations_ratio": counts[way]["operations"] / counts["loss"]["operations"],
                    "bytes": counts[way]["bytes"],
                    "calls": counts[way]["calls"],
                    "seconds": timing.median(samples[way]),
                    "loss_seconds": timing.median(samples["loss"]),
                    "time_ratio": in_time["median"],
                    "time_spread": [in_time["low"], in_time["high"]],
                }
            )
    return table


def answer(rows: list[Row]) -> str:
    last = max(row["n"] for row in rows)
    at = {row["way"]: row for row in rows if row["n"] == last}
    reverse, sweeps, vectorised = at["reverse"], at["sweeps"], at["vectorised"]
    worst = max(row["operations_ratio"] for row in rows if row["way"] == "reverse")
    return (
        f"With n = {last:,} parameters one reverse sweep costs {show(reverse['time_ratio'], 'ratio')} the "
        f"loss in seconds ({show(reverse['operations_ratio'], 'ratio')} in operations), n forward sweeps "
        f"cost {show(sweeps['time_ratio'], 'ratio')} ({show(sweeps['operations_ratio'], 'ratio')}), and one "
        f"forward sweep with all directions {show(vectorised['time_ratio'], 'ratio')}; at no n does the "
        f"reverse sweep need more than {show(worst, 'ratio')} the loss in operations, "
        f"{'within' if worst <= 5 else 'above'} the bound of 4 to 5."
    )


def draw(rows: list[Row], stem: Path) -> list[tuple[Path, str]]:
    n = sorted({row["n"] for row in rows})
    figure, axes = figures.canvas(QUESTION, columns=2, width=12.0, height=5.4, sharey=True)
    for ax, key, unit in zip(
        axes, ("operations_ratio", "time_ratio"), ("counted operations", "measured seconds"), strict=True
    ):
        figures.log_log(ax, "number of parameters n", "gradient ÷ loss")
        ax.set_title(f"in {unit}", fontsize=11)
        for style, (way, words) in zip(figures.STYLES, WAYS.items(), strict=False):
            own = [row for row in rows if row["way"] == way]
            ax.plot([row["n"] for row in own], [row[key] for row in own], label=words, **style)
            if key == "time_ratio":
                low, high = zip(*(row["time_spread"] for row in own), strict=True)
                ax.fill_between([row["n"] for row in own], low, high, color=style["color"], alpha=0.15)
        line = [2 * value for value in n]
        ax.plot(n, line, linestyle=(0, (1, 2)), label="theory: 2n (n sweeps)", **figures.THEORY)
        look = {"facecolor": "none", "edgecolor": "0.6", "hatch": "////", "linewidth": 0.0}
        ax.axhspan(4, 5, label="theory: bound 4 … 5 (reverse)", **look)
        figures.plain_ticks(ax.xaxis, n)
    axes[0].legend(fontsize=8.5, loc="upper left", framealpha=1.0)
    caption = (
        "Cost of the gradient in evaluations of the loss; left counted, right timed (bands: 95 % intervals)."
    )
    return [(figures.save(figure, stem.with_name(stem.name + ".png")), caption)]


EXPERIMENT = Experiment(
    name="gradient-cost",
    question=QUESTION,
    theory=(
        "A forward sweep carries one direction and costs a small multiple of the loss, so n sweeps grow "
        "like n. A reverse sweep delivers all n partial derivatives at once, and Griewank and Walther bound "
        "its cost by 4 to 5 evaluations, whatever n is. Here the loss is a matrix-vector product and little "
        "else, and one sweep of either kind does two such products, so the expected ratios are about 2n and "
        "2; all directions in one sweep share the loss's own product, which leaves n + 1. In seconds, calls "
        "weigh more than arithmetic while n is small."
    ),
    columns=(
        Column("n", "n", "count"),
        Column("words", "gradient by"),
        Column("operations", "operations", "count", brief=False),
        Column("operations_ratio", "operations ÷ loss", "ratio"),
        Column("bytes", "bytes moved", "count", brief=False),
        Column("calls", "NumPy calls", "count", brief=False),
        Column("seconds", "time", "seconds"),
        Column("loss_seconds", "time of the loss", "seconds", brief=False),
        Column("time_ratio", "time ÷ loss", "ratio"),
        Column("time_spread", "95 % interval", "spread"),
    ),
    settings={**TIMING, "n": [1, 3, 10, 30, 100, 300, 1000, 2000], "sampled_sweeps": 30},
    quick={**QUICK_TIMING, "n": [1, 10, 100, 500], "sampled_sweeps": 10},
    cells=cells,
    measure=measure,
    rows=rows,
    answer=answer,
    draw=draw,
)
