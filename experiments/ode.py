"""Gradients through the solution of a differential equation: forward sensitivities against adjoints."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import dualad
from experiments import figures, timing
from experiments.counting import ledger
from experiments.experiment import (
    QUICK_TIMING,
    TIMING,
    Cell,
    Column,
    Experiment,
    Result,
    Row,
    Settings,
    digits,
    show,
)
from experiments.problems import forced

QUESTION = "From how many parameters on are adjoints cheaper than forward sensitivities?"
FORWARD, TAPE, SCHEDULE = "forward sensitivities", "adjoint, whole tape", "adjoint, states kept"


def cells(settings: Settings) -> list[Cell]:
    return [{"parameters": p} for p in settings["parameters"]]


def measure(cell: Cell, settings: Settings, seed: int) -> dict[str, Any]:
    p, x, table = forced.data(cell["parameters"], settings["states"], seed, settings["steps"])

    def through(step: Any, x: Any, n: int) -> Any:
        return dualad.checkpointed_scan(step, x, n, settings["snapshots"])

    saving = partial(forced.loss, through=through)
    ways = {
        FORWARD: dualad.jacobian(forced.loss, mode="forward"),
        TAPE: dualad.grad(forced.loss),
        SCHEDULE: dualad.grad(saving),
    }
    timing.check({name: way(p, x, table) for name, way in ways.items()})
    counts = {name: ledger(way, p, x, table) for name, way in {"loss": forced.loss, **ways}.items()}
    peaks = {name: timing.peak(partial(way, p, x, table)) for name, way in ways.items()}
    calls: dict[str, timing.Call] = {"loss": partial(forced.loss, p, x, table)}
    calls |= {name: partial(way, p, x, table) for name, way in ways.items()}
    return {"counts": counts, "peaks": peaks, **timing.race(calls, settings)}


def rows(results: list[Result]) -> list[Row]:
    table = []
    for result in results:
        measured = result["measured"]
        samples, counts = measured["samples"], measured["counts"]
        for way in measured["peaks"]:
            behind = timing.ratio(samples[way], samples[FORWARD])
            in_time = timing.ratio(samples[way], samples["loss"])
            table.append(
                {
                    "parameters": result["cell"]["parameters"],
                    "way": way,
                    "operations": counts[way]["operations"],
                    "operations_ratio": counts[way]["operations"] / counts["loss"]["operations"],
                    "operations_behind": counts[way]["operations"] / counts[FORWARD]["operations"],
                    "peak": measured["peaks"][way],
                    "seconds": timing.median(samples[way]),
                    "time_ratio": in_time["median"],
                    "behind": None if way == FORWARD else behind["median"],
                    "spread": None if way == FORWARD else [behind["low"], behind["high"]],
                    "tie": way != FORWARD and behind["tie"],
                }
            )
    return table


def crossing(rows: list[Row], key: str, way: str = TAPE) -> float | None:
    """The number of parameters at which `way` becomes cheaper than forward sensitivities, for good, or None."""
    own = sorted((row["parameters"], row[key]) for row in rows if row["way"] == way)
    found = None
    for (p, high), (more, low) in pairwise(own):
        if high > 1 >= low:
            part = np.log(high) / (np.log(high) - np.log(low))
            found = float(p * (more / p) ** part)
    return found


def place(rows: list[Row], way: str) -> str:
    """From where on a way is cheaper than forward sensitivities, by the count and by the clock."""
    found = []
    for key, unit in (("operations_behind", "counted operations"), ("behind", "seconds")):
        ratios = [row[key] for row in rows if row["way"] == way]
        p = crossing(rows, key, way)
        if p is not None:
            found.append(f"from {digits(p)} parameters on in {unit}")
        else:
            found.append(f"{'at every' if max(ratios) <= 1 else 'at no'} number of parameters here in {unit}")
    return " and ".join(found)


def answer(rows: list[Row]) -> str:
    last = max(row["parameters"] for row in rows)
    at = {row["way"]: row for row in rows if row["parameters"] == last}
    return (
        f"Adjoints by a whole tape are cheaper {place(rows, TAPE)}, those with few states kept "
        f"{place(rows, SCHEDULE)}; with {last:,} parameters forward sensitivities take "
        f"{show(at[FORWARD]['time_ratio'], 'ratio')} the time of the loss, "
        f"the two adjoints {show(at[TAPE]['time_ratio'], 'ratio')} and "
        f"{show(at[SCHEDULE]['time_ratio'], 'ratio')}, the latter in "
        f"{at[SCHEDULE]['peak'] / at[TAPE]['peak']:.0%} of the memory."
    )


def draw(rows: list[Row], stem: Path) -> list[tuple[Path, str]]:
    figure, axes = figures.canvas(QUESTION, columns=2, width=12.0, height=5.2, sharey=True)
    sizes = sorted({row["parameters"] for row in rows})
    for ax, key, unit, cost in zip(
        axes,
        ("operations_ratio", "time_ratio"),
        ("counted operations", "measured seconds"),
        ("operations_behind", "behind"),
        strict=True,
    ):
        for style, way in zip(figures.STYLES, (FORWARD, TAPE, SCHEDULE), strict=False):
            own = [row for row in rows if row["way"] == way]
            ax.plot([row["parameters"] for row in own], [row[key] for row in own], label=way, **style)
        for way, dashes in ((TAPE, "--"), (SCHEDULE, ":")):
            p = crossing(rows, cost, way)
            if p is not None:
                ax.axvline(p, linestyle=dashes, label=f"crossover, {way}: {digits(p)}", **figures.THEORY)
        figures.log_log(ax, "parameters", "gradient ÷ loss")
        figures.plain_ticks(ax.xaxis, sizes)
        ax.set_title(f"in {unit}", fontsize=11)
        ax.legend(fontsize=9)
    caption = "Cost of the gradient in solutions of the equation, against the number of parameters."
    return [(figures.save(figure, stem.with_name(stem.name + ".png")), caption)]


EXPERIMENT = Experiment(
    name="ode",
    question=QUESTION,
    theory=(
        "Forward sensitivities solve the equation together with its linearisation, once for every parameter; adjoints "
        "solve one linear equation backwards, whatever the number of parameters, and need the states for it, all of "
        "them or some from which the others are computed again. By the count a few parameters decide. In seconds, "
        "sensitivities that share every NumPy call stay cheap until their arrays outweigh Python's overhead."
    ),
    columns=(
        Column("parameters", "parameters", "count"),
        Column("way", "by"),
        Column("operations", "operations", "count", brief=False),
        Column("operations_ratio", "operations ÷ loss", "ratio"),
        Column("peak", "peak bytes", "count"),
        Column("seconds", "time", "seconds"),
        Column("time_ratio", "time ÷ loss", "ratio"),
        Column("behind", "÷ forward", "ratio"),
        Column("spread", "95 % interval", "spread"),
    ),
    settings={
        **TIMING,
        "parameters": [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
        "states": 40,
        "steps": 40,
        "snapshots": 4,
    },
    quick={**QUICK_TIMING, "parameters": [1, 4, 16, 64, 256], "steps": 20},
    cells=cells,
    measure=measure,
    rows=rows,
    answer=answer,
    draw=draw,
)
