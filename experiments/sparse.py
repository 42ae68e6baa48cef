"""What sparse Jacobians and Hessians cost by plans, against dense sweeps, differences and other libraries."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from experiments import eager_peers, figures, sparse_peers, sparse_ways, targets, timing
from experiments.experiment import QUICK_TIMING, TIMING, Cell, Column, Experiment, Result, Row, Settings
from experiments.sparse_cases import CASES, COMPILED, GROWTH, SET_UP
from experiments.targets import answer

QUESTION = "What does a sparse Jacobian or Hessian cost, beside dense sweeps and differences?"
GROWING = "How do the pattern and the colours grow with the number of inputs?"
GROWTH_ROUNDS = 3  # the largest take seconds
PARTS = {"pattern": "finding the pattern", "coloring": "colouring"}


def cells(settings: Settings) -> list[Cell]:
    found: dict[Any, Cell] = {}
    for name in settings["problems"]:
        case = CASES[name]
        size = min(case.size, settings[case.limit])
        found.setdefault((case.words, size), {"case": name, "size": size})
    growing: list[Cell] = [{"growth": name, "size": n} for name in GROWTH for n in settings["growth"]]
    return [*found.values(), *growing]


def measure(cell: Cell, settings: Settings, seed: int) -> dict[str, Any]:
    if "growth" in cell:
        return grown(cell["growth"], cell["size"], settings, seed)
    case = CASES[cell["case"]]
    f, x, data = case.make(cell["size"], seed)
    problem, seconds = sparse_ways.planned(f, x, case.hessian, case.partition, data)
    present = [peer for peer in case.peers if eager_peers.installed(peer.package)]
    ways = {COMPILED: sparse_ways.compiled(problem)} | {peer.words: peer.make(problem) for peer in present}
    timing.check(
        {name: read(call()) for name, (call, read) in ways.items()},
        {peer.words: peer.tolerance for peer in present},
    )
    calls = {"function": partial(problem.field, x)} | {name: call for name, (call, _) in ways.items()}
    raced = timing.race(calls, settings)
    found = problem.plan.coloring
    counts = {"n": x.size, "nonzeros": problem.plan.nnz, "colors": found.count, "bound": found.lower_bound}
    missing = [peer.words for peer in case.peers if peer not in present]
    measured = {"counts": counts, "partition": found.partition, "missing": missing, **seconds, **raced}
    if case.set_up:
        contestants = {COMPILED: sparse_ways.set_up(problem)}
        if eager_peers.installed("asdex"):
            contestants["asdex"] = sparse_peers.asdex_set_up(problem)
        measured["set-up"] = timing.race(contestants, settings, once=True)["samples"]
    return measured


def grown(name: str, n: int, settings: Settings, seed: int) -> dict[str, Any]:
    """Seconds of pattern and colours, the median of some rounds, for about `n` inputs."""
    make, hessian, size = GROWTH[name]
    f, x, _ = make(size(n), seed)
    partition = "symmetric" if hessian else "column"
    rounds = [
        sparse_ways.planned(f, x, hessian, partition) for _ in range(min(settings["rounds"], GROWTH_ROUNDS))
    ]
    plan = rounds[0][0].plan
    counts = {"n": x.size, "nonzeros": plan.nnz, "colors": plan.coloring.count}
    samples = {part: [seconds[part] for _, seconds in rounds] for part in PARTS}
    medians = {part: timing.median(times) for part, times in samples.items()}
    return {"counts": counts | {"bound": plan.coloring.lower_bound}, "samples": samples, **medians}


def rows(results: list[Result]) -> list[Row]:
    return [row for result in results for row in table(result)]


def table(result: Result) -> list[Row]:
    cell, measured = result["cell"], result["measured"]
    n = f"{measured['counts']['n']:,}"
    shared: Row = {"case": f"{cell.get('growth') or CASES[cell['case']].words}, n = {n}"}
    shared |= {**measured["counts"], "pattern": measured["pattern"], "coloring": measured["coloring"]}
    shared |= {"growth": cell.get("growth"), "evaluations": None, "partition": measured.get("partition")}
    if "growth" in cell:
        whole = measured["pattern"] + measured["coloring"]
        empty = dict.fromkeys(("peer_seconds", "ratio", "spread", "target"))
        return [
            {
                **shared,
                **empty,
                "way": "pattern and colours",
                "seconds": whole,
                "peer": "–",
                "verdict": "figure",
            }
        ]
    case, samples = CASES[cell["case"]], measured["samples"]
    found = [
        compared(samples, peer.words, peer.against, peer.target, peer.words in measured["missing"])
        | {"evaluations": timing.ratio(samples[peer.against], samples["function"])["median"]}
        for peer in case.peers
    ]
    if case.set_up:
        times = measured["set-up"]
        found.append(compared(times, "asdex", COMPILED, SET_UP, "asdex" not in times) | {"way": "set-up"})
    return [shared | row for row in found]


def compared(
    samples: dict[str, list[float]], peer: str, against: str, target: float | None, missing: bool
) -> Row:
    """The peer's time beside that of one of dualad's ways."""
    row: Row = {"way": against, "seconds": timing.median(samples[against]), "peer": peer, "target": target}
    if missing:
        return row | {"peer_seconds": None, "ratio": None, "spread": None, "verdict": "not installed"}
    ratio = timing.ratio(samples[peer], samples[against])
    row |= {"peer_seconds": timing.median(samples[peer]), "ratio": ratio["median"]}
    row |= {"spread": [ratio["low"], ratio["high"]]}
    return row | {"verdict": targets.verdict(ratio, target) if target else "no target"}


def draw(rows: list[Row], stem: Path) -> list[tuple[Path, str]]:
    drawn = []
    if any(row["growth"] is None for row in rows):
        named = [row | {"case": f"{row['case']} ({row['way']})"} for row in rows]
        drawn.append(targets.chart(named, QUESTION, stem.with_name(stem.name + ".png")))
    growing = [row for row in rows if row["growth"]]
    return [*drawn, growth(growing, stem.with_name(stem.name + "-growth.png"))] if growing else drawn


def growth(rows: list[Row], path: Path) -> tuple[Path, str]:
    """Seconds against n for each part and each matrix, with a line of slope 1 for each matrix."""
    names = list(dict.fromkeys(row["growth"] for row in rows))
    figure, axes = figures.canvas(
        GROWING, columns=len(names), width=5.0 * len(names), height=4.8, sharey=True
    )
    slopes = []
    for ax, name in zip(axes, names, strict=True):
        mine = [row for row in rows if row["growth"] == name]
        n = np.array([row["n"] for row in mine], dtype=float)
        for style, (part, words) in zip(figures.STYLES, PARTS.items(), strict=False):
            seconds = np.array([row[part] for row in mine])
            ax.plot(n, seconds, label=words, linewidth=2, **style)
            if len(n) > 1:
                slope = np.log(seconds[-1] / seconds[-2]) / np.log(n[-1] / n[-2])
                slopes.append(f"{name}, {words}: {slope:.2f}")
        last = mine[-1]["coloring"]
        ax.plot(n, last * n / n[-1], label="slope 1", linestyle=":", **figures.THEORY)
        figures.log_log(ax, "inputs n", "seconds")
        ax.xaxis.set_major_formatter(lambda value, position: f"{value:,.0f}")
        ax.set_title(name, fontsize=10)
    axes[0].legend(frameon=False)
    caption = "Seconds (medians) against the number of inputs; 1 is linear growth."
    return figures.save(figure, path), caption + (
        f" Slopes between the two largest n: {'; '.join(slopes)}." if slopes else ""
    )


EXPERIMENT = Experiment(
    name="sparse",
    question=QUESTION,
    theory=(
        "Columns that share no row are moved by one direction, so that the matrix takes as many directions as there "
        "are colours, whatever n is: at least as many as the fullest row has nonzeros, where only columns are used. "
        "A direction costs about as much as a difference, which is exact to half the digits only; dense sweeps "
        "take n. Finding the pattern and colouring it are paid once, in time that grows as n does; set-up is that and "
        "compiling, up to the first matrix. dualad's times are those of the way that is named; plans return SciPy "
        "sparse arrays, asdex a JAX one, CasADi the bare numbers, and blocks are dense ones of 2 × 15."
    ),
    columns=(
        Column("case", "matrix"),
        Column("n", "n", "count", brief=False),
        Column("nonzeros", "nonzeros", "count", brief=False),
        Column("partition", "partition", brief=False),
        Column("colors", "colours", "count"),
        Column("bound", "at least", "count"),
        Column("pattern", "pattern", "seconds", brief=False),
        Column("coloring", "colouring", "seconds", brief=False),
        Column("way", "dualad's way"),
        Column("seconds", "dualad", "seconds"),
        Column("evaluations", "÷ function", "ratio"),
        Column("peer", "other way"),
        Column("peer_seconds", "takes", "seconds"),
        Column("ratio", "ratio", "ratio"),
        Column("spread", "95 % interval", "spread", brief=False),
        Column("target", "target", "ratio", brief=False),
        Column("verdict", "verdict"),
    ),
    settings={
        **TIMING,
        "largest": 1_000_000,
        "side": 256,
        "problems": list(CASES),
        "growth": [1_000, 10_000, 100_000, 1_000_000],
    },
    quick={**QUICK_TIMING, "largest": 100_000, "side": 64, "growth": [1_000, 10_000, 100_000]},
    cells=cells,
    measure=measure,
    rows=rows,
    answer=answer,
    draw=draw,
)
