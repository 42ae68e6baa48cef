"""What worker processes gain: the chunks of one Jacobian, and a sweep over parameters, on several executors."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import dualad
from experiments import figures, timing
from experiments.counting import ledger
from experiments.experiment import QUICK_TIMING, TIMING, Cell, Column, Experiment, Result, Row, Settings, show
from experiments.problems import forced, lorenz96
from experiments.workers import workers

QUESTION = "What do worker processes gain, and are the numbers the same?"
ALONE = "one process"
WAYS = ("threads", "processes", "Dask workers")
WORKS = {"jacobian": "a Jacobian, its chunks", "sweep": "gradients at many parameters"}


def cells(settings: Settings) -> list[Cell]:
    return [{"workers": n} for n in settings["workers"]]


def present(count: int) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The executors that can be had here, each as something to enter."""
    yield "threads", partial(ThreadPoolExecutor, count)
    if not multiprocessing.current_process().daemon:  # such a process may not have children
        yield "processes", partial(workers, "process", count)
        if find_spec("distributed"):
            yield "Dask workers", partial(workers, "dask", count)


def gradient(x: Any, table: Any, p: Any) -> Any:
    return dualad.grad(forced.loss)(p, x, table)


def measure(cell: Cell, settings: Settings, seed: int) -> dict[str, Any]:
    n, count = settings["n"], cell["workers"]
    flow = partial(lorenz96.flow, steps=settings["steps"])
    y = lorenz96.state(n, seed)
    jacobian = partial(
        dualad.jacobian, flow, mode="forward", chunk_bytes=8 * n * (-(-n // settings["chunks"]))
    )
    _, x, table = forced.data(8, 40, seed, settings["steps"])
    points = list(np.random.default_rng(seed).standard_normal((settings["points"], 8)))
    one = partial(gradient, x, table)
    calls: dict[str, dict[str, timing.Call]] = {
        "jacobian": {ALONE: lambda: jacobian()(y)},
        "sweep": {ALONE: lambda: [one(p) for p in points]},
    }
    with ExitStack() as open_ones:
        for name, make in present(count):
            executor: Executor = open_ones.enter_context(make())
            calls["jacobian"][name] = partial(call_shared, jacobian, executor, y)
            calls["sweep"][name] = partial(call_mapped, executor, one, points)
        samples = {}
        for work, ways in calls.items():
            timing.check({name: call() for name, call in ways.items()}, dict.fromkeys(ways, 0.0))
            raced = timing.race(ways, settings, once=True)["samples"]
            samples |= {f"{work}: {name}": own for name, own in raced.items()}
    counts = {"jacobian": ledger(jacobian(), y), "sweep": ledger(one, points[0])}
    missing = [name for name in WAYS if name not in calls["jacobian"]]
    return {"counts": counts, "cores": os.cpu_count(), "missing": missing, "samples": samples}


def call_shared(jacobian: Any, executor: Executor, y: Any) -> Any:
    return jacobian(executor=executor)(y)


def call_mapped(executor: Executor, f: Any, points: list[Any]) -> Any:
    return list(executor.map(f, points))


def rows(results: list[Result]) -> list[Row]:
    table = []
    for result in results:
        count, measured = result["cell"]["workers"], result["measured"]
        samples = measured["samples"]
        for work, words in WORKS.items():
            for way in (ALONE, *WAYS):
                row: Row = {
                    "work": work,
                    "words": words,
                    "workers": count,
                    "way": way,
                    "cores": measured["cores"],
                }
                if way in measured["missing"]:
                    empty = dict.fromkeys(("seconds", "gain", "spread"))
                    table.append(row | empty | {"tie": False, "same": "not here"})
                    continue
                own, alone = samples[f"{work}: {way}"], samples[f"{work}: {ALONE}"]
                gain = timing.ratio(alone, own)
                row |= {"seconds": timing.median(own), "gain": gain["median"], "tie": gain["tie"]}
                row |= {"spread": None if way == ALONE else [gain["low"], gain["high"]]}
                table.append(row | {"same": "–" if way == ALONE else "to the last bit"})
    return table


def answer(rows: list[Row]) -> str:
    parts = []
    for work, words in WORKS.items():
        found = [
            row for row in rows if row["work"] == work and row["way"] != ALONE and row["gain"] is not None
        ]
        gains = ", ".join(
            f"{row['workers']} {row['way']} {'a tie' if row['tie'] else show(row['gain'], 'ratio')}"
            for row in found
        )
        parts.append(f"{words}: {gains}")
    text = f"Times as fast as one process, on {rows[0]['cores']} cores: {'; '.join(parts)}. All numbers are the same"
    absent = sorted({row["way"] for row in rows if row["gain"] is None})
    return f"{text} to the last bit{'; not here: ' + ', '.join(absent) if absent else ''}."


def draw(rows: list[Row], stem: Path) -> list[tuple[Path, str]]:
    figure, axes = figures.canvas(QUESTION, columns=2, width=11.0, height=4.2, sharey=True)
    for ax, (work, words) in zip(axes, WORKS.items(), strict=True):
        found = [row for row in rows if row["work"] == work and row["spread"] is not None]
        for style, way in zip(figures.STYLES, WAYS, strict=False):
            own = [row for row in found if row["way"] == way]
            if own:
                middle = np.array([row["gain"] for row in own])
                low, high = np.transpose([row["spread"] for row in own])
                at = [f"{row['workers']} {way}" for row in own]
                # Lists: of arrays, matplotlib takes the first for a number
                bars = [(middle - low).tolist(), (high - middle).tolist()]
                ax.errorbar(at, middle, bars, capsize=5, **(style | {"linestyle": "none"}))
        ax.axhline(1.0, linestyle="--", **figures.THEORY)
        ax.margins(x=0.2)
        ax.set_title(words, fontsize=11)
        ax.grid(True, axis="y", color="0.9")
    axes[0].set_ylabel("times as fast as one process")
    caption = "How many times as fast as one process the same work is (bars: 95 % intervals); above the line is a gain."
    return [(figures.save(figure, stem.with_name(stem.name + ".png")), caption)]


EXPERIMENT = Experiment(
    name="scale",
    question=QUESTION,
    theory=(
        "Chunks of directions and points of a grid depend on nothing but their inputs, so that c workers on as many "
        "cores could be c times as fast. Less is left where tasks are short beside what sending them takes, where "
        "cores share caches and memory, and for threads wherever Python's interpreter holds its lock. A task computes "
        "what one process would, with arrays of the same shapes, so that no bit of the result tells who computed it."
    ),
    columns=(
        Column("words", "work"),
        Column("workers", "workers", "count"),
        Column("way", "by"),
        Column("seconds", "time", "seconds"),
        Column("gain", "times as fast", "ratio"),
        Column("spread", "95 % interval", "spread"),
        Column("same", "numbers"),
    ),
    settings={**TIMING, "workers": [2, 4], "n": 256, "chunks": 8, "steps": 100, "points": 32},
    quick={**QUICK_TIMING, "workers": [2], "n": 128, "steps": 40, "points": 16},
    cells=cells,
    measure=measure,
    rows=rows,
    answer=answer,
    draw=draw,
)
