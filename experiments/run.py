"""Run one experiment: measure the cells that are missing, derive, draw, write the JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from experiments import machine, store, timing
from experiments.experiment import Cell, Experiment, Result, Settings
from experiments.workers import side_by_side

Progress = Callable[[int, int, str], None]


def run(
    experiment: Experiment,
    out: Path,
    *,
    quick: bool = False,
    seed: int = 0,
    changes: Settings | None = None,
    fresh: bool = False,
    threads: int = 1,
    executor: Executor | None = None,
    jobs: int = 1,
    again: str = "",
    progress: Progress = lambda done, total, doing: None,
) -> dict[str, Any]:
    """Run an experiment into the folder `out` and return what was written to `out/NAME.json`.

    changes: settings to replace; fresh: forget the cells measured before
    executor: any of `concurrent.futures`, whose workers measure cells side by side, `jobs` at a time; results
        are written here, as they come
    again: what the command line of a run like this one ends with
    progress: called with (cells done, cells in all, what comes next)
    """
    settings = experiment.sized(quick) | (changes or {})
    size = "quick" if quick else "full"
    cells = dict(enumerate(experiment.cells(settings)))
    kept = store.Store(out / f"{experiment.name}.cells.jsonl", fresh)
    with timing.held(threads) as how:
        where = machine.describe(how)
        where["side_by_side"] = {"executor": type(executor).__name__, "jobs": jobs} if executor else None
        keys = {
            i: store.key(cell=cell, settings=settings, size=size, seed=seed, machine=where)
            for i, cell in cells.items()
        }
        found = {i: measured for i, key in keys.items() if (measured := kept.get(key)) is not None}
        reused = len(found)
        missing = {i: cell for i, cell in cells.items() if i not in found}

        def tell(doing: str) -> None:
            progress(len(found), len(cells), doing)

        if executor is None:
            measuring = one_by_one(experiment, missing, settings, seed, tell)
        else:
            tell(f"{jobs} at a time")
            measuring = side_by_side(executor, experiment.measure, missing, settings, seed, threads)
        for i, measured in measuring:
            kept.put(keys[i], measured)
            found[i] = measured
            tell(words(cells[i]))
    results = [{"cell": cell, "measured": found[i]} for i, cell in cells.items()]
    progress(len(cells), len(cells), "done")
    rows = experiment.rows(results)
    figures = experiment.draw(rows, out / experiment.name)
    document = {
        "experiment": experiment.name,
        "question": experiment.question,
        "theory": experiment.theory,
        "answer": experiment.answer(rows),
        "rerun": " ".join(filter(None, (command(experiment, quick, seed, changes or {}), again))),
        "size": size,
        "settings": settings,
        "seed": seed,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": where,
        "cells": [result | {"timed": timed(result)} for result in results],
        "noise": noise(results),
        "cells_reused": reused,
        "columns": [vars(column) for column in experiment.columns],
        "rows": rows,
        "figures": [{"file": path.name, "caption": caption} for path, caption in figures],
    }
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    file = out / f"{experiment.name}.json"
    unfinished = file.with_suffix(".json.part")
    unfinished.write_text(text + "\n", encoding="utf-8")
    os.replace(unfinished, file)  # so that an interruption leaves the old file or the new one
    return document


def words(cell: Cell) -> str:
    return ", ".join(f"{name} = {value}" for name, value in cell.items())


def one_by_one(
    experiment: Experiment,
    cells: Mapping[int, Cell],
    settings: Settings,
    seed: int,
    begin: Callable[[str], None],
) -> Iterator[tuple[int, dict[str, Any]]]:
    """(number of the cell, what was measured), in this process."""
    for i, cell in cells.items():
        begin(words(cell))
        yield i, experiment.measure(cell, settings, seed)


def timed(result: Result) -> dict[str, dict[str, float]]:
    """Medians with intervals of a cell's raw samples; none where nothing is timed."""
    return timing.summary(result["measured"].get("samples", {}))


def noise(results: list[Result]) -> dict[str, float] | None:
    """The spread of the noisiest contestant of each cell: of the typical cell, and of the worst."""
    found = [max(own["noise"] for own in of.values()) for of in map(timed, results) if of]
    return {"typical": timing.median(found), "worst": max(found)} if found else None


def command(experiment: Experiment, quick: bool, seed: int, changes: Settings) -> str:
    """The command line that repeats a run."""
    parts = ["python -m experiments run", experiment.name, "--quick" if quick else "--full", f"--seed {seed}"]
    parts += [f"--set '{name}={json.dumps(value)}'" for name, value in changes.items()]
    return " ".join(parts)
