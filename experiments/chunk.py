"""How many directions one sweep should carry: few, many, or all at once."""

from __future__ import annotations

import inspect
import math
from functools import partial
from pathlib import Path
from typing import Any

import dualad
from experiments import figures, timing
from experiments.counting import ledger
from experiments.experiment import QUICK_TIMING, TIMING, Cell, Column, Experiment, Result, Row, Settings, show
from experiments.problems import lorenz96

QUESTION = "How many directions should one sweep carry?"
BUDGET = inspect.signature(dualad.jacobian).parameters["chunk_bytes"].default
DEFAULT = f"the default, {BUDGET / 2**20:g} MiB"


def cells(settings: Settings) -> list[Cell]:
    return [{"n": n} for n in settings["n"]]


def usual(n: int) -> int:
    """How many directions a sweep carries where nothing else is said."""
    return min(n, max(1, BUDGET // (8 * n)))


def carried(n: int, settings: Settings) -> list[int]:
    """Directions a sweep, from few to all; not so few that there are more sweeps than `sweeps`."""
    found = {4**k for k in range(12) if 4**k < n and n / 4**k <= settings["sweeps"]}
    return sorted(found | {usual(n), n})


def measure(cell: Cell, settings: Settings, seed: int) -> dict[str, Any]:
    n = cell["n"]
    x = lorenz96.state(n, seed)
    flow = partial(lorenz96.flow, steps=settings["steps"])
    ways = {
        str(k): dualad.jacobian(flow, mode="forward", chunk_bytes=8 * n * k) for k in carried(n, settings)
    }
    timing.check({name: way(x) for name, way in ways.items()}, dict.fromkeys(ways, 1e-12))
    counts = {name: ledger(way, x) for name, way in {"function": flow, **ways}.items()}
    peaks = {name: timing.peak(partial(way, x)) for name, way in ways.items()}
    calls = {"function": partial(flow, x)} | {name: partial(way, x) for name, way in ways.items()}
    return {"counts": counts, "peaks": peaks, **timing.race(calls, settings)}


def rows(results: list[Result]) -> list[Row]:
    table = []
    for result in results:
        n, measured = result["cell"]["n"], result["measured"]
        samples, counts = measured["samples"], measured["counts"]
        ways = [name for name in samples if name != "function"]
        best = min(ways, key=lambda name: timing.median(samples[name]))
        for name in ways:
            behind = timing.ratio(samples[name], samples[best])
            k = int(name)
            table.append(
                {
                    "n": n,
                    "directions": k,
                    "sweeps": math.ceil(n / k),
                    "bytes": 8 * n * k,
                    "operations": counts[name]["operations"],
                    "calls": counts[name]["calls"],
                    "peak": measured["peaks"][name],
                    "seconds": timing.median(samples[name]),
                    "each": timing.ratio(samples[name], samples["function"])["median"] / n,
                    "behind": behind["median"],
                    "spread": [behind["low"], behind["high"]],
                    "place": "fastest" if name == best else "tie with the fastest" if behind["tie"] else "",
                    "default": k == usual(n),
                }
            )
    return table


def answer(rows: list[Row]) -> str:
    last = max(row["n"] for row in rows)
    own = [row for row in rows if row["n"] == last]
    best = next(row for row in own if row["place"] == "fastest")
    worst = max((row["behind"] for row in rows if row["default"]), default=1.0)
    return (
        f"At n = {last:,} the fastest sweeps carry {best['directions']:,} directions, arrays of "
        f"{best['bytes'] / 2**20:.2g} MiB; {own[0]['directions']:,} at a time take "
        f"{show(own[0]['behind'], 'ratio')} as long, all at once {show(own[-1]['behind'], 'ratio')} with "
        f"{own[-1]['peak'] / best['peak']:.2g} times the memory; {DEFAULT}, takes at most "
        f"{show(worst, 'ratio')} as long as the fastest at any n."
    )


def draw(rows: list[Row], stem: Path) -> list[tuple[Path, str]]:
    figure, axes = figures.canvas(QUESTION, columns=2, width=12.0, height=5.0)
    sizes = sorted({row["n"] for row in rows})
    for style, n in zip(figures.STYLES, sizes, strict=False):
        own = [row for row in rows if row["n"] == n]
        k = [row["directions"] for row in own]
        axes[0].plot(k, [row["each"] for row in own], label=f"n = {n:,}", **style)
        axes[1].plot(k, [row["peak"] / 2**20 for row in own], label=f"n = {n:,}", **style)
        for row in own:
            if row["default"]:
                ring = {"marker": "o", "markersize": 15, "markerfacecolor": "none", "color": style["color"]}
                axes[0].plot(row["directions"], row["each"], linestyle="none", **ring)
    figures.log_log(
        axes[0], "directions in one sweep", "time for each direction, in evaluations of the function"
    )
    figures.log_log(axes[1], "directions in one sweep", "peak memory, MiB")
    for ax in axes:
        figures.plain_ticks(ax.xaxis, (4**k for k in range(8) if 4**k <= max(sizes)))
        ax.legend(fontsize=9)
    caption = (
        f"Left: what a direction costs in a sweep with others (rings: {DEFAULT} for the input with its "
        "directions). Right: the most memory that the Jacobian takes at one time, its result included."
    )
    return [(figures.save(figure, stem.with_name(stem.name + ".png")), caption)]


EXPERIMENT = Experiment(
    name="chunk",
    question=QUESTION,
    theory=(
        "Every sweep runs the function once more, and pays Python's price for each of its operations. The directions "
        "of a sweep share both, so that more are cheaper, until their arrays leave the caches. The operations are "
        "a n + b ⌈n / k⌉ for k directions in a sweep: a for each direction, b for each run of the function."
    ),
    columns=(
        Column("n", "n", "count"),
        Column("directions", "directions", "count"),
        Column("sweeps", "sweeps", "count"),
        Column("bytes", "bytes of an array", "count", brief=False),
        Column("operations", "operations", "count", brief=False),
        Column("calls", "NumPy calls", "count", brief=False),
        Column("peak", "peak bytes", "count"),
        Column("seconds", "time", "seconds"),
        Column("behind", "÷ fastest", "ratio"),
        Column("spread", "95 % interval", "spread"),
        Column("place", "place"),
    ),
    settings={**TIMING, "n": [64, 256, 1024, 4096], "steps": 2, "sweeps": 256},
    quick={**QUICK_TIMING, "n": [64, 256, 1024], "sweeps": 64},
    cells=cells,
    measure=measure,
    rows=rows,
    answer=answer,
    draw=draw,
)
