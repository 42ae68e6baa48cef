"""Full Jacobians of vector fields R^n -> R^m: where forward mode wins, where reverse mode does."""

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
)
from experiments.problems import vector_field

QUESTION = "Forward or reverse: which mode computes the Jacobian of Rⁿ → Rᵐ cheaper?"
MODES = ("forward", "reverse")
TITLES = ("predicted by dualad.predict", "measured in seconds")
LETTERS = {"forward": "F", "reverse": "R", "tie": "="}
LOOKS: dict[str, dict[str, Any]] = {
    "forward": {"facecolor": "white"},
    "reverse": {"facecolor": "0.87", "hatch": "///", "edgecolor": "0.7"},
    "tie": {"facecolor": "0.95"},
}


def cells(settings: Settings) -> list[Cell]:
    return [{"n": n, "m": m} for n in settings["n"] for m in settings["m"]]


def measure(cell: Cell, settings: Settings, seed: int) -> dict[str, Any]:
    point = vector_field.data(cell["n"], cell["m"], settings["width"], seed)
    ways = {mode: dualad.jacobian(vector_field.field, mode=mode) for mode in MODES}
    timing.check({mode: way(*point) for mode, way in ways.items()})
    counts = {name: ledger(way, *point) for name, way in {"function": vector_field.field, **ways}.items()}
    calls = {mode: partial(way, *point) for mode, way in ways.items()}
    table = dualad.predict(vector_field.field, *point).jacobian
    predicted = {row["way"]: row["predicted"] for row in table.rows if row["way"] in MODES}
    return {
        "counts": counts,
        "predicted": predicted,
        **timing.race(calls, settings, clock=timing.processor()),
    }


def rows(results: list[Result]) -> list[Row]:
    table = []
    for result in results:
        measured = result["measured"]
        samples, counts, predicted = measured["samples"], measured["counts"], measured["predicted"]
        in_time = timing.ratio(samples["forward"], samples["reverse"])
        table.append(
            {
                **result["cell"],
                **{f"{mode}_operations": counts[mode]["operations"] for mode in MODES},
                "operations_ratio": counts["forward"]["operations"] / counts["reverse"]["operations"],
                "predicted_ratio": predicted["forward"] / predicted["reverse"],
                "predicted": min(MODES, key=lambda mode: predicted[mode]),
                **{f"{mode}_seconds": timing.median(samples[mode]) for mode in MODES},
                "measured_ratio": in_time["median"],
                "spread": [in_time["low"], in_time["high"]],
                "measured": "tie" if in_time["tie"] else MODES[in_time["median"] > 1],
            }
        )
        table[-1]["right"] = table[-1]["measured"] in ("tie", table[-1]["predicted"])
    return table


def crossing(rows: list[Row], m: int, key: str) -> float | None:
    """The n at which `key`, the cost ratio of forward to reverse, passes 1 for that m, or None.

    Where noise makes it pass more than once, the middle one counts.
    """
    own = sorted((row["n"], row[key]) for row in rows if row["m"] == m)
    found = []
    for (n, low), (wider, high) in pairwise(own):
        if low < 1 <= high:
            part = -np.log(low) / (np.log(high) - np.log(low))
            found.append(float(n * (wider / n) ** part))
    return found[len(found) // 2] if found else None


def agreement(rows: list[Row], key: str = "predicted_ratio") -> tuple[int, int]:
    """(cells where the mode that `key` makes the cheaper is the measured winner, decisive cells).

    Decisive is a cell that is no tie by the clock; a tie by `key` is wrong there.
    """
    decisive = [row for row in rows if row["measured"] != "tie"]
    right = [row for row in decisive if (row[key] < 1 if row["measured"] == "forward" else row[key] > 1)]
    return len(right), len(decisive)


def crossings(rows: list[Row], key: str) -> list[tuple[int, float]]:
    """(m, n of its crossover) for every m whose crossover lies in the grid."""
    found = [(m, crossing(rows, m, key)) for m in sorted({row["m"] for row in rows})]
    return [(m, n) for m, n in found if n is not None]


def answer(rows: list[Row]) -> str:
    right, decisive = agreement(rows)
    ties = len(rows) - decisive
    text = f"dualad.predict names the fastest mode in {shared(right + ties, len(rows))} of the grid"
    if ties:
        text += f", {ties} of them ties by the clock, where either is right; in {shared(right, decisive)} of the others"
    text += f" (the number of operations alone: {shared(agreement(rows, 'operations_ratio')[0], decisive)})"
    predicted, measured = crossings(rows, "predicted_ratio"), crossings(rows, "measured_ratio")
    if not predicted or not measured:
        return text + "; the crossover lies outside this grid."
    places = [
        " and ".join(f"n ≈ {n:.0f} for m = {m}" for m, n in dict.fromkeys((found[0], found[-1])))
        for found in (predicted, measured)
    ]
    return f"{text}; reverse mode takes over at {places[0]} by prediction, at {places[1]} by the clock."


def shared(part: int, whole: int) -> str:
    """A number of cells and its share."""
    return f"{part} of {whole} cells ({part / max(whole, 1):.0%})"


def draw(rows: list[Row], stem: Path) -> list[tuple[Path, str]]:
    columns, lines = (sorted({row[key] for row in rows}) for key in ("n", "m"))
    figure, axes = figures.canvas(QUESTION, columns=2, width=12.5, height=5.8)
    for ax, kind, title in zip(axes, ("predicted", "measured"), TITLES, strict=True):
        winner_map(ax, rows, kind, columns, lines)
        ax.set_title(title, fontsize=11)
    handles, labels = axes[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=9, frameon=False)
    caption = (
        "The winner in each cell (F forward, white; R reverse, hatched; = tie) and how many times cheaper it "
        "is. Left as predicted from counts, right by time; a bold frame marks a cell where the two disagree."
    )
    return [(figures.save(figure, stem.with_name(stem.name + "-winners.png")), caption)]


def winner_map(ax: Any, rows: list[Row], kind: str, columns: list[int], lines: list[int]) -> None:
    """One map: letters and hatches in the cells, both crossover lines across them."""
    from matplotlib.patches import Rectangle

    for row in rows:
        i, j = columns.index(row["n"]), lines.index(row["m"])
        winner = row[kind]
        look = LOOKS[winner]
        ax.add_patch(Rectangle((i - 0.5, j - 0.5), 1, 1, linewidth=0, **look))
        wrong = not row["right"]
        width, grey = (2.5, "0.0") if wrong else (0.6, "0.6")
        frame = Rectangle(
            (i - 0.5, j - 0.5), 1, 1, fill=False, linewidth=width, edgecolor=grey, zorder=3 + wrong
        )
        ax.add_patch(frame)
        ratio = row[f"{kind}_ratio"]
        text = f"{LETTERS[winner]}\n{digits(max(ratio, 1 / ratio))}×"
        box = {"boxstyle": "square,pad=0.1", "facecolor": look["facecolor"], "edgecolor": "none"}
        # In the lower right corner, which a crossover near the diagonal leaves free.
        ax.text(i + 0.44, j - 0.2, text, ha="right", va="center", fontsize=7.5, bbox=box, zorder=5)
    styles = (("predicted", figures.STYLES[0]), ("measured", figures.STYLES[1]))
    for name, style in styles:
        line = [(crossing(rows, m, f"{name}_ratio"), j) for j, m in enumerate(lines)]
        # Cells are drawn at whole numbers, so the crossover's n is placed between them as on a log axis.
        at = [
            (np.interp(np.log(n), np.log(columns), range(len(columns))), j) for n, j in line if n is not None
        ]
        if at:
            ax.plot(
                *zip(*at, strict=True),
                label=f"crossover, {name}",
                linewidth=2,
                markersize=5,
                zorder=6,
                **style,
            )
    ax.set(xlim=(-0.5, len(columns) - 0.5), ylim=(-0.5, len(lines) - 0.5))
    ax.set_xticks(range(len(columns)), [str(n) for n in columns])
    ax.set_yticks(range(len(lines)), [str(m) for m in lines])
    ax.set(xlabel="number of inputs n", ylabel="number of outputs m", aspect="equal")


EXPERIMENT = Experiment(
    name="jacobian-cost",
    question=QUESTION,
    theory=(
        "Forward mode carries n directions, one per input; reverse mode carries m cotangents, one per "
        "output. Each costs about the same per direction, so by operations the crossover is at n = m. While "
        "arrays are small the calls cost more than the arithmetic, and reverse mode makes more of them: it "
        "records first. The prediction weighs both, with constants that are the same on every machine. Time is "
        "the processor's, of one thread."
    ),
    columns=(
        Column("n", "n", "count"),
        Column("m", "m", "count"),
        Column("forward_operations", "forward operations", "count", brief=False),
        Column("reverse_operations", "reverse operations", "count", brief=False),
        Column("operations_ratio", "by operations", "ratio"),
        Column("predicted_ratio", "predicted", "ratio"),
        Column("predicted", "winner"),
        Column("forward_seconds", "forward", "seconds"),
        Column("reverse_seconds", "reverse", "seconds"),
        Column("measured_ratio", "measured", "ratio"),
        Column("spread", "95 % interval", "spread"),
        Column("measured", "winner"),
    ),
    settings={
        **TIMING,
        "cell_seconds": 1.5,
        "n": [1, 4, 16, 64, 128, 256, 512, 1024],
        "m": [1, 4, 16, 64, 128, 256, 512, 1024],
        "width": 64,
    },
    quick={**QUICK_TIMING, "cell_seconds": 0.4, "n": [1, 8, 64, 256], "m": [1, 8, 64, 256]},
    cells=cells,
    measure=measure,
    rows=rows,
    answer=answer,
    draw=draw,
)
