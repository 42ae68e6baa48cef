"""Run one experiment: measure the cells that are missing, derive, draw, write the JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from experiments import machine, store, timing
from experiments.experiment import Experiment, Settings


def run(
    experiment: Experiment,
    out: Path,
    *,
    quick: bool = False,
    seed: int = 0,
    changes: Settings | None = None,
    fresh: bool = False,
    progress: Callable[[int, int, str], None] = lambda done, total, doing: None,
) -> dict[str, Any]:
    """Run an experiment into the folder `out` and return what was written to `out/NAME.json`.

    changes: settings to replace; fresh: forget the cells measured before
    progress: called with (cells done, cells in all, what comes next)
    """
    settings = experiment.sized(quick) | (changes or {})
    size = "quick" if quick else "full"
    cells = experiment.cells(settings)
    kept = store.Store(out / f"{experiment.name}.cells.jsonl", fresh)
    results = []
    reused = 0
    with timing.one_thread() as threads:
        where = machine.describe(threads)
        for done, cell in enumerate(cells):
            progress(done, len(cells), ", ".join(f"{name} = {value}" for name, value in cell.items()))
            identity = store.key(cell=cell, settings=settings, size=size, seed=seed, machine=where)
            measured = kept.get(identity)
            if measured is None:
                measured = experiment.measure(cell, settings, seed)
                kept.put(identity, measured)
            else:
                reused += 1
            results.append({"cell": cell, "measured": measured})
    progress(len(cells), len(cells), "done")
    rows = experiment.rows(results)
    figures = experiment.draw(rows, out / experiment.name)
    document = {
        "experiment": experiment.name,
        "question": experiment.question,
        "theory": experiment.theory,
        "answer": experiment.answer(rows),
        "rerun": command(experiment, quick, seed, changes or {}),
        "size": size,
        "settings": settings,
        "seed": seed,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": where,
        "cells": results,
        "cells_reused": reused,
        "columns": [vars(column) for column in experiment.columns],
        "rows": rows,
        "figures": [{"file": path.name, "caption": caption} for path, caption in figures],
    }
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    (out / f"{experiment.name}.json").write_text(text + "\n", encoding="utf-8")
    return document


def command(experiment: Experiment, quick: bool, seed: int, changes: Settings) -> str:
    """The command line that repeats a run."""
    words = ["python -m experiments run", experiment.name]
    words += ["--quick"] * quick + [f"--seed {seed}"]
    words += [f"--set '{name}={json.dumps(value)}'" for name, value in changes.items()]
    return " ".join(words)
