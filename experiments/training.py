"""One epoch of training by forward mode, by reverse mode and by forward gradients, on three problems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import dualad
from experiments import figures, timing
from experiments.counting import ledger
from experiments.experiment import QUICK_TIMING, TIMING, Cell, Column, Experiment, Result, Row, Settings, show
from experiments.problems import audio, digits, logistic

QUESTION = "What does an epoch of training cost by forward mode, by reverse mode, by forward gradients?"
FORWARD, REVERSE, ESTIMATE = "forward mode", "reverse mode", "forward gradients"
EASE = 10.0
"""Forward gradients step by the rate times this over n + 2, as their mean square is n + 2 times the gradient's."""


@dataclass(frozen=True)
class Problem:
    """What is trained: `make(settings, seed)` gives loss(p, X, y), parameters, data, and scores(p, X)."""

    words: str
    rate: float
    make: Callable[[Settings, int], tuple[Any, Any, Any, Any, Any]]


def breast_cancer(settings: Settings, seed: int) -> tuple[Any, ...]:
    X, y = logistic.breast_cancer(30, seed)
    order = np.random.default_rng(seed).permutation(len(X))
    return logistic.loss, np.zeros(30), X[order], y[order], lambda p, X: X @ p


def pictures(settings: Settings, seed: int) -> tuple[Any, ...]:
    hidden = settings["hidden"]
    scores = partial(digits.scores, hidden=hidden)
    return partial(digits.loss, hidden=hidden), *digits.data(hidden, seed), scores


def sounds(settings: Settings, seed: int) -> tuple[Any, ...]:
    return audio.loss, *audio.data(settings["waveforms"], seed), audio.scores


PROBLEMS = {
    "breast-cancer": Problem("logistic regression, breast cancer", 0.5, breast_cancer),
    "digits": Problem("network with a hidden layer, digits", 0.5, pictures),
    "audio": Problem("learnt spectral bands, waveforms", 0.1, sounds),
}


def by_reverse(loss: Any, p: Any, X: Any, y: Any, v: Any) -> tuple[Any, Any]:
    return dualad.value_and_grad(loss)(p, X, y)


def by_forward(loss: Any, p: Any, X: Any, y: Any, v: Any) -> tuple[Any, Any]:
    return dualad.value_and_jacobian(loss, mode="forward")(p, X, y)


def by_estimate(loss: Any, p: Any, X: Any, y: Any, v: Any) -> tuple[Any, Any]:
    """The derivative along v times v, which is the gradient on average over v (Baydin et al., 2022)."""
    value, slope = dualad.jvp(lambda p: loss(p, X, y), (p,), (v,))
    return value, slope * v


WAYS = {FORWARD: by_forward, REVERSE: by_reverse, ESTIMATE: by_estimate}


def epoch(way: str, loss: Any, p: Any, batches: list[Any], rate: float, seed: int) -> tuple[list[float], Any]:
    """The loss of each batch before its step, and the parameters after them all."""
    rng = np.random.default_rng(seed)
    losses = []
    for X, y in batches:
        v = rng.standard_normal(len(p))
        value, gradient = WAYS[way](loss, p, X, y, v)
        losses.append(float(value))
        p = p - rate * gradient
    return losses, p


def unbiased(loss: Any, p: Any, X: Any, y: Any, draws: int, seed: int) -> dict[str, float]:
    """Estimates along the gradient, and their mean square, in units of the gradient's: 1 and n + 2 on average.

    The first has the standard error √(2 / draws), as (g·v)² / |g|² is a squared normal number.
    """
    rng = np.random.default_rng(seed)
    gradient = dualad.grad(loss)(p, X, y)
    size = gradient @ gradient
    found = np.array([by_estimate(loss, p, X, y, rng.standard_normal(len(p)))[1] for _ in range(draws)])
    along, squares = found @ gradient / size, np.sum(found * found, axis=1) / size
    error = float(np.sqrt(2.0 / draws))
    return {"along": float(np.mean(along)), "error": error, "square": float(np.mean(squares))}


def cells(settings: Settings) -> list[Cell]:
    return [{"problem": name} for name in settings["problems"]]


def measure(cell: Cell, settings: Settings, seed: int) -> dict[str, Any]:
    problem = PROBLEMS[cell["problem"]]
    loss, p, X, y, scores = problem.make(settings, seed)
    size = settings["batch"]
    batches = [(X[i : i + size], y[i : i + size]) for i in range(0, len(X) - size + 1, size)]
    n = len(p)
    trained = {}
    for way in WAYS:
        rate = problem.rate * (EASE / (n + 2) if way == ESTIMATE else 1.0)
        losses, after = epoch(way, loss, p, batches, rate, seed)
        trained[way] = {
            "losses": losses,
            "loss": float(loss(after, X, y)),
            "right": right(scores(after, X), y),
        }
        trained[way] |= {"parameters": after}
    # The same losses, step by step: every step that has been taken before enters into the next one.
    timing.check({way: trained[way]["losses"] for way in (REVERSE, FORWARD)}, {FORWARD: 1e-9})
    timing.check({way: trained[way].pop("parameters") for way in (REVERSE, FORWARD)}, {FORWARD: 1e-9})
    del trained[ESTIMATE]["parameters"]
    v = np.random.default_rng(seed).standard_normal(n)
    one = (p, *batches[0])
    counts = {"loss": ledger(loss, *one)}
    counts |= {way: ledger(lambda p, X, y, way=way: WAYS[way](loss, p, X, y, v)[1], *one) for way in WAYS}
    calls: dict[str, timing.Call] = {"loss": partial(loss, *one)}
    calls |= {way: partial(WAYS[way], loss, *one, v) for way in WAYS}
    raced = timing.race(calls, settings)
    checked = unbiased(loss, *one, settings["draws"], seed)
    begin = float(loss(p, X, y))
    return {"n": n, "steps": len(batches), "begin": begin, "counts": counts, **raced} | {
        "trained": trained,
        "unbiased": checked,
    }


def right(scores: Any, y: Any) -> float:
    """The share of the samples whose class has the highest score, or whose score has the right sign."""
    if scores.ndim == 1:
        return float(np.mean((scores > 0) == (y > 0.5)))
    return float(np.mean(np.argmax(scores, axis=1) == np.argmax(y, axis=1)))


def rows(results: list[Result]) -> list[Row]:
    table = []
    for result in results:
        measured = result["measured"]
        samples, counts, steps = measured["samples"], measured["counts"], measured["steps"]
        for way in WAYS:
            behind = timing.ratio(samples[way], samples[REVERSE])
            trained = measured["trained"][way]
            operations = counts[way]["operations"]
            checked = measured["unbiased"] if way == ESTIMATE else None
            table.append(
                {
                    "problem": result["cell"]["problem"],
                    "words": PROBLEMS[result["cell"]["problem"]].words,
                    "n": measured["n"],
                    "steps": steps,
                    "way": way,
                    "operations": steps * operations,
                    "operations_ratio": operations / counts["loss"]["operations"],
                    "seconds": steps * timing.median(samples[way]),
                    "step_seconds": timing.median(samples[way]),
                    "behind": None if way == REVERSE else behind["median"],
                    "spread": None if way == REVERSE else [behind["low"], behind["high"]],
                    "tie": way != REVERSE and behind["tie"],
                    "begin": f"{measured['begin']:.4f}",
                    "loss": f"{trained['loss']:.4f}",
                    "right": trained["right"],
                    "losses": trained["losses"],
                    "mean": f"{checked['along']:.3f} ± {checked['error']:.3f}" if checked else "–",
                    "fair": checked is None or abs(checked["along"] - 1.0) <= 4 * checked["error"],
                }
            )
    return table


def answer(rows: list[Row]) -> str:
    parts = []
    for name in dict.fromkeys(row["problem"] for row in rows):
        at = {row["way"]: row for row in rows if row["problem"] == name}
        forward, reverse, estimate = at[FORWARD], at[REVERSE], at[ESTIMATE]
        parts.append(
            f"{reverse['words']} (n = {reverse['n']:,}): {show(reverse['seconds'], 'seconds')} by reverse mode, "
            f"{longer(forward)} by forward mode, {longer(estimate)} by forward gradients, which end at a loss of "
            f"{estimate['loss']} and not {reverse['loss']}"
        )
    off = [row for row in rows if row["way"] == ESTIMATE and not row["fair"]]
    checked = "none is biased" if not off else f"biased: {', '.join(row['words'] for row in off)}"
    return (
        f"Forward and reverse mode have the same losses, at these prices for an epoch. {'; '.join(parts)}. By the mean "
        f"of many forward gradients, {checked}."
    )


def longer(row: Row) -> str:
    return "as long (a tie)" if row["tie"] else f"{show(row['behind'], 'ratio')} as long"


def draw(rows: list[Row], stem: Path) -> list[tuple[Path, str]]:
    names = list(dict.fromkeys(row["problem"] for row in rows))
    figure, axes = figures.canvas(QUESTION, columns=len(names), width=4.6 * len(names) + 0.6, height=4.8)
    for ax, name in zip(axes, names, strict=True):
        own = [row for row in rows if row["problem"] == name]
        for style, row in zip(figures.STYLES, own, strict=False):
            seconds = row["step_seconds"] * np.arange(1, row["steps"] + 1)
            sparse = max(1, row["steps"] // 8)
            ax.plot(seconds, row["losses"], label=row["way"], markevery=sparse, markersize=5, **style)
        figures.log_log(ax, "seconds", "loss of the batch")
        ax.set_yscale("linear")
        ax.set_title(f"{own[0]['words']}\nn = {own[0]['n']:,}", fontsize=10)
    axes[0].legend(fontsize=9)
    caption = (
        "The loss of each batch against the time until its step is done (medians of one step), in one epoch. "
        "Forward and reverse mode take the same steps."
    )
    return [(figures.save(figure, stem.with_name(stem.name + ".png")), caption)]


EXPERIMENT = Experiment(
    name="training",
    question=QUESTION,
    theory=(
        "A gradient by forward mode carries n directions through the loss, one by reverse mode costs a small multiple "
        "of the loss: the gap grows with n. A forward gradient, the derivative along a normal direction v times v "
        "(Baydin et al., 2022), costs one direction, and is the gradient on average; but its mean square is n + 2 "
        f"times the gradient's, so that its steps have to be {EASE:g}/(n + 2) as long here. Times of an epoch are "
        "those of a step times their number."
    ),
    columns=(
        Column("words", "what is trained"),
        Column("n", "n", "count"),
        Column("steps", "steps", "count", brief=False),
        Column("way", "by"),
        Column("operations", "operations, epoch", "count", brief=False),
        Column("operations_ratio", "operations ÷ loss", "ratio"),
        Column("seconds", "time, epoch", "seconds"),
        Column("behind", "÷ reverse", "ratio"),
        Column("spread", "95 % interval", "spread"),
        Column("begin", "loss before", "number", brief=False),
        Column("loss", "loss after", "number"),
        Column("right", "right", "share", brief=False),
        Column("mean", "mean estimate ÷ gradient", "number", brief=False),
    ),
    settings={
        **TIMING,
        "problems": list(PROBLEMS),
        "hidden": 32,
        "waveforms": 960,
        "batch": 32,
        "draws": 2000,
    },
    quick={**QUICK_TIMING, "hidden": 8, "waveforms": 320, "draws": 300},
    cells=cells,
    measure=measure,
    rows=rows,
    answer=answer,
    draw=draw,
)
