"""What reverse mode keeps of a loop, and what keeping less of it costs."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

import dualad
from experiments import figures, timing
from experiments.experiment import QUICK_TIMING, TIMING, Cell, Column, Experiment, Result, Row, Settings, show
from experiments.problems import heat

QUESTION = "What does reverse mode keep of a loop, and what does it cost to keep less?"
TAPE, SEGMENTS, SCHEDULE = "whole tape", "segments of √n steps", "binomial schedule"
MARK = {TAPE: 0, SEGMENTS: 1, SCHEDULE: 2}


def cells(settings: Settings) -> list[Cell]:
    growing = [{"part": "depth", "steps": n, "snapshots": settings["kept"]} for n in settings["depth"]]
    frontier = [
        {"part": "frontier", "steps": settings["steps"], "snapshots": c} for c in settings["snapshots"]
    ]
    return growing + [cell for cell in frontier if cell["snapshots"] <= cell["steps"]]


def optimum(n: int, snapshots: int) -> int:
    """The fewest steps of a loop that a gradient runs, with that many states kept: the last time each is swept.

    r n - β(c + 1, r - 1) before the sweeps and n in them, with β(c, r) = (c + r)! / (c! r!) and r the least number for
    which β(c, r) ≥ n (Griewank and Walther, 2000).
    """
    r = 0
    while math.comb(snapshots + r, snapshots) < n:
        r += 1
    return r * n - (math.comb(snapshots + r, snapshots + 1) if r else 0) + n


def segmented(step: Any, u: Any, n: int) -> Any:
    """Segments of about √n steps, each of which is run again when the sweep comes to it."""
    length = max(1, round(math.sqrt(n)))

    def segment(u: Any, steps: int) -> Any:
        for _ in range(steps):
            u = step(u)
        return u

    again = dualad.checkpoint(segment)
    for start in range(0, n, length):
        u = again(u, min(length, n - start))
    return u


def looped(step: Any, u: Any, n: int) -> Any:
    for _ in range(n):
        u = step(u)
    return u


def scheduled(step: Any, u: Any, n: int, snapshots: int) -> Any:
    return dualad.checkpointed_scan(lambda u, k: step(u), u, n, snapshots)


def measure(cell: Cell, settings: Settings, seed: int) -> dict[str, Any]:
    n, c = cell["steps"], cell["snapshots"]
    u = heat.start(settings["size"], seed)
    ways = {TAPE: looped, SEGMENTS: segmented, SCHEDULE: partial(scheduled, snapshots=c)}
    if cell["part"] == "frontier":
        del ways[SEGMENTS]

    def loss(way: Any, step: Any = heat.step) -> Any:
        return lambda u: heat.loss(u, lambda u: way(step, u, n))

    gradients = {name: dualad.grad(loss(way)) for name, way in ways.items()}
    timing.check({name: gradient(u) for name, gradient in gradients.items()})
    counts = {}
    for name, way in ways.items():
        ran = 0

        def counted(u: Any) -> Any:
            nonlocal ran
            ran += 1
            return heat.step(u)

        dualad.grad(loss(way, counted))(u)
        counts[name] = {"steps": ran, "tape_bytes": dualad.count(loss(way))(u).tape_bytes}
    counts[SCHEDULE]["optimum"] = optimum(n, c)
    peaks = {name: timing.peak(partial(gradient, u)) for name, gradient in gradients.items()}
    calls = {"loss": partial(loss(looped), u)} | {name: partial(g, u) for name, g in gradients.items()}
    return {
        "counts": counts,
        "state_bytes": u.nbytes,
        "peaks": peaks,
        **timing.race(calls, settings),
    }


def rows(results: list[Result]) -> list[Row]:
    table = []
    first = min((r["cell"]["snapshots"] for r in results if r["cell"]["part"] == "frontier"), default=None)
    for result in results:
        cell, measured = result["cell"], result["measured"]
        samples = measured["samples"]
        for way, counted in measured["counts"].items():
            yardstick = cell["part"] == "frontier" and way == TAPE
            if yardstick and cell["snapshots"] != first:
                continue  # the same in every cell
            behind = timing.ratio(samples[way], samples[TAPE])
            table.append(
                {
                    "part": "yardstick" if yardstick else cell["part"],
                    "steps": cell["steps"],
                    "way": way,
                    "snapshots": cell["snapshots"] if way == SCHEDULE else None,
                    "tape_bytes": counted["tape_bytes"],
                    "states": measured["peaks"][way] / measured["state_bytes"],
                    "share": measured["peaks"][way] / measured["peaks"][TAPE],
                    "ran": counted["steps"],
                    "optimum": counted.get("optimum"),
                    "ran_ratio": counted["steps"] / cell["steps"],
                    "seconds": timing.median(samples[way]),
                    "behind": None if way == TAPE else behind["median"],
                    "spread": None if way == TAPE else [behind["low"], behind["high"]],
                    "tie": way != TAPE and behind["tie"],
                }
            )
    return table


def answer(rows: list[Row]) -> str:
    parts = []
    tapes = [row for row in rows if row["way"] == TAPE and row["part"] == "depth"]
    if len(tapes) > 1:
        last, first = tapes[-1], tapes[0]
        slope = (last["tape_bytes"] - first["tape_bytes"]) / (last["steps"] - first["steps"])
        parts.append(
            f"A tape keeps {slope / 1e3:,.0f} kB for every step, {last['tape_bytes'] / 1e6:,.1f} MB after "
            f"{last['steps']:,}"
        )
    planned = [row for row in rows if row["optimum"] is not None]
    exact = sum(row["ran"] == row["optimum"] for row in planned)
    parts.append(f"the schedule runs the fewest steps possible in {exact} of {len(planned)} cells")
    frontier = [row for row in rows if row["part"] == "frontier"]
    if frontier:
        row = min(frontier, key=lambda row: abs(row["snapshots"] - math.sqrt(row["steps"]) / 2))
        took = "as long (a tie)" if row["tie"] else f"{show(row['behind'], 'ratio')} as long"
        parts.append(
            f"with {row['snapshots']} states of {row['steps']:,} a gradient needs {row['share']:.1%} of the memory of "
            f"the whole tape, and takes {took}"
        )
    text = "; ".join(parts) + "."
    return text[0].upper() + text[1:]


def draw(rows: list[Row], stem: Path) -> list[tuple[Path, str]]:
    figure, (left, right) = figures.canvas(QUESTION, columns=2, width=12.0, height=5.2)
    deep = [row for row in rows if row["part"] == "depth"]
    for style, way in zip(figures.STYLES, MARK, strict=False):
        own = [row for row in deep if row["way"] == way]
        kept = f", {own[0]['snapshots']} states kept" if own and own[0]["snapshots"] else ""
        left.plot([row["steps"] for row in own], [row["states"] for row in own], label=way + kept, **style)
    figures.log_log(left, "steps of the loop", "peak memory, in states of the loop")
    figures.plain_ticks(left.xaxis, sorted({row["steps"] for row in deep}))
    left.legend(fontsize=9)
    frontier = [row for row in rows if row["part"] == "frontier"]
    for key, words, style in (
        ("behind", "measured: time ÷ time of the whole tape", figures.STYLES[1]),
        ("ran_ratio", "counted: steps run ÷ steps", figures.STYLES[0]),
    ):
        right.plot([row["states"] for row in frontier], [row[key] for row in frontier], label=words, **style)
    best = [row["optimum"] / row["steps"] for row in frontier]
    right.plot([row["states"] for row in frontier], best, label="theory: binomial optimum", **figures.THEORY)
    whole = [row for row in rows if row["part"] == "yardstick"]
    right.plot(
        [row["states"] for row in whole[-1:]],
        [1.0] * len(whole[-1:]),
        label="whole tape",
        **figures.STYLES[3],
    )
    for row in frontier:
        right.annotate(
            f"{row['snapshots']}", (row["states"], row["ran_ratio"]), (0, 6), textcoords="offset points"
        )
    if frontier:
        low, high = zip(*(row["spread"] for row in frontier), strict=True)
        shade = {"color": figures.STYLES[1]["color"], "alpha": 0.15}
        right.fill_between([row["states"] for row in frontier], low, high, **shade)
        right.set_title(f"{frontier[0]['steps']:,} steps; numbers: states kept", fontsize=10)
    figures.log_log(right, "peak memory, in states of the loop", "ratio")
    right.set_yscale("linear")
    right.legend(fontsize=9)
    caption = (
        "Left: the most memory that a gradient takes at one time, against the length of the loop. Right: what it costs "
        "to keep fewer states (band: 95 % intervals)."
    )
    return [(figures.save(figure, stem.with_name(stem.name + ".png")), caption)]


EXPERIMENT = Experiment(
    name="memory",
    question=QUESTION,
    theory=(
        "A tape keeps what the rules read of every step, so that it grows with the number n of steps. In segments of "
        "√n steps that are run again, a gradient needs about 2√n parts of that, and every step once more. With c "
        "states kept, a loop of (c + r)! / (c! r!) steps can be reversed with no step run more than r times before its "
        "sweep, and no schedule takes fewer steps (Griewank and Walther, 2000)."
    ),
    columns=(
        Column("part", "part"),
        Column("steps", "steps", "count"),
        Column("way", "way"),
        Column("snapshots", "states kept", "count"),
        Column("tape_bytes", "bytes kept", "count", brief=False),
        Column("states", "peak, in states", "number"),
        Column("share", "peak ÷ tape's", "share"),
        Column("ran", "steps run", "count"),
        Column("optimum", "optimum", "count"),
        Column("seconds", "time", "seconds"),
        Column("behind", "÷ tape", "ratio"),
        Column("spread", "95 % interval", "spread", brief=False),
    ),
    settings={
        **TIMING,
        "size": 10_000,
        "depth": [10, 30, 100, 300, 1000],
        "kept": 10,
        "steps": 500,
        "snapshots": [2, 3, 5, 8, 12, 20, 40, 100, 500],
    },
    quick={
        **QUICK_TIMING,
        "size": 4_000,
        "depth": [10, 30, 100],
        "steps": 100,
        "snapshots": [2, 3, 5, 10, 30, 100],
    },
    cells=cells,
    measure=measure,
    rows=rows,
    answer=answer,
    draw=draw,
)
