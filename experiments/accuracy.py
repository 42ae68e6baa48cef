"""How many digits of a gradient are right: differences against their step, the complex step, and both modes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import dualad
from experiments import figures
from experiments.experiment import Cell, Column, Experiment, Result, Row, Settings, show
from experiments.problems import logistic, lotka_volterra, rosenbrock

QUESTION = "How many digits of a gradient are right?"
ONE_SIDED, CENTRAL, EXTRAPOLATED, COMPLEX = (
    "forward differences",
    "central differences",
    "central, extrapolated",
    "complex step",
)
STEPPED = (ONE_SIDED, CENTRAL, EXTRAPOLATED, COMPLEX)
MODES = {"forward mode": dualad.jacobian, "reverse mode": dualad.grad}
# Of each way with a step: the power of the unit roundoff that is its best step, and the one that is its best error.
BEST = {ONE_SIDED: (1 / 2, 1 / 2), CENTRAL: (1 / 3, 2 / 3), EXTRAPOLATED: (1 / 5, 4 / 5)}
Function = Callable[[Any], Any]


def problem(name: str, seed: int) -> tuple[Function, np.ndarray]:
    """A function of a vector, and the point."""
    if name == "Rosenbrock":
        return rosenbrock.array, rosenbrock.start(10, seed)
    if name == "Lotka-Volterra":
        return lotka_volterra.final, np.array(lotka_volterra.PARAMETERS)
    w, X, y = logistic.drawn(100, 5, seed)
    return partial(narrow, logistic.loss, X, y), w


def narrow(loss: Function, X: np.ndarray, y: np.ndarray, w: Any) -> Any:
    """The loss with its data in the weights' own precision, so that float32 stays float32."""
    kind = np.float32 if w.dtype in (np.float32, np.complex64) else np.float64
    return loss(w, X.astype(kind), y.astype(kind))


def precisions() -> tuple[Any, Any]:
    """The precision that is looked at, and a wider one that knows better."""
    wider = np.finfo(np.longdouble).nmant > np.finfo(np.float64).nmant
    return (np.float64, np.longdouble) if wider else (np.float32, np.float64)


def stepped(f: Function, x: np.ndarray, h: float) -> dict[str, np.ndarray | None]:
    """The gradient by every way that takes a step."""
    unit, t = np.eye(len(x), dtype=x.dtype), x.dtype.type(h)

    def central(t: Any) -> np.ndarray:
        return np.array([(f(x + t * e) - f(x - t * e)) / (2 * t) for e in unit])

    found: dict[str, np.ndarray | None] = {
        ONE_SIDED: np.array([(f(x + t * e) - f(x)) / t for e in unit]),
        CENTRAL: central(t),
        EXTRAPOLATED: (4 * central(t) - central(2 * t)) / 3,
    }
    try:
        found[COMPLEX] = np.array([np.imag(f(x + 1j * t * e)) / t for e in unit])
    except TypeError:  # a function of NumPy's that takes no complex numbers
        found[COMPLEX] = None
    return found


def cells(settings: Settings) -> list[Cell]:
    return [{"problem": name} for name in settings["problems"]]


def measure(cell: Cell, settings: Settings, seed: int) -> dict[str, Any]:
    f, point = problem(cell["problem"], seed)
    working, wider = precisions()
    x = point.astype(working)
    exact = dualad.grad(f)(x.astype(wider))

    def error(gradient: np.ndarray) -> float:
        worst = float(np.max(np.abs(gradient - exact)) / np.max(np.abs(exact)))
        return worst if np.isfinite(worst) else 1.0

    steps = [10.0 ** -(k / 2) for k in settings["halves"] if 10.0 ** -(k / 2) > np.finfo(working).tiny]
    errors: dict[str, Any] = {way: [] for way in STEPPED}
    with np.errstate(all="ignore"):  # long steps may lead anywhere
        for h in steps:
            for way, gradient in stepped(f, x, h).items():
                errors[way].append(None if gradient is None else error(gradient))
    units = {}
    for way, mode in MODES.items():
        errors[way] = error(mode(f)(x))
        units[way] = dualad.accuracy(mode(f), x).largest
    return {"steps": steps, "errors": errors, "units": units, "eps": float(np.finfo(working).eps)}


def rows(results: list[Result]) -> list[Row]:
    table = []
    for result in results:
        measured = result["measured"]
        eps = measured["eps"]
        for way in (*STEPPED, *MODES):
            steps, errors = measured["steps"], measured["errors"][way]
            if way in MODES:
                steps, errors = [None], [errors]
            pairs = [(e, h) for e, h in zip(errors, steps, strict=True) if e is not None]
            # The shortest complex step: the best of all would be the one of the luckiest rounding
            best, at = (pairs[-1] if way == COMPLEX else min(pairs)) if pairs else (None, None)
            table.append(
                {
                    "problem": result["cell"]["problem"],
                    "way": way,
                    "best": best,
                    "digits": None if best is None else round(float(-np.log10(max(best, eps / 2))), 1),
                    "at": at,
                    "theory": eps ** BEST[way][1] if way in BEST else eps,
                    "units": measured["units"].get(way),
                    "steps": steps,
                    "errors": errors,
                    "eps": eps,
                }
            )
    return table


def answer(rows: list[Row]) -> str:
    def digits(way: str) -> str:
        found = sorted(row["digits"] for row in rows if row["way"] == way and row["digits"] is not None)
        if not found:
            return "none"
        return f"{found[0]:g}" if found[0] == found[-1] else f"{found[0]:g} to {found[-1]:g}"

    units = max(row["units"] for row in rows if row["way"] in MODES)
    unable = [row["problem"] for row in rows if row["way"] == COMPLEX and row["best"] is None]
    text = (
        f"With the best of all steps, unknown beforehand, forward differences have {digits(ONE_SIDED)} right digits, "
        f"central ones {digits(CENTRAL)}, extrapolated {digits(EXTRAPOLATED)}; the complex step has {digits(COMPLEX)} "
        "with any that is short"
    )
    if unable:
        text += f", and does not apply to {' and '.join(unable)}, a function that takes no complex numbers"
    return (
        f"{text}; forward mode has {digits('forward mode')} and reverse mode {digits('reverse mode')}, without a step, "
        f"and no component is off by more than {show(units, 'small')} units in its last place."
    )


def draw(rows: list[Row], stem: Path) -> list[tuple[Path, str]]:
    problems = list(dict.fromkeys(row["problem"] for row in rows))
    figure, axes = figures.canvas(
        QUESTION, columns=len(problems), width=4.6 * len(problems), height=5.2, sharey=True
    )
    for ax, name in zip(axes, problems, strict=True):
        own = {row["way"]: row for row in rows if row["problem"] == name}
        eps, steps = own[CENTRAL]["eps"], own[CENTRAL]["steps"]
        figures.log_log(ax, "step h", "relative error of the gradient")
        ax.set_title(name, fontsize=11)
        ends = [min(steps), max(steps)]
        for way, (power, best) in BEST.items():
            if way != EXTRAPOLATED:
                ax.plot([eps**power] * 2, [eps / 8, eps**best], linestyle=(0, (1, 2)), **figures.THEORY)
                word = "√ε" if way == ONE_SIDED else "∛ε"
                ax.annotate(word, (eps**power, eps / 8), ha="center", va="top", fontsize=9, color="0.35")
        ax.plot(ends, [eps / h for h in ends], linestyle=(0, (5, 3)), label="theory: ε ÷ h", **figures.THEORY)
        for style, way in zip(figures.STYLES, STEPPED, strict=True):
            points = [
                (h, max(e, eps / 4)) for h, e in zip(steps, own[way]["errors"], strict=True) if e is not None
            ]
            if points:
                ax.plot(*zip(*points, strict=True), label=way, markersize=4.5, **style)
        for marker, way, place in (("x", "forward mode", steps[1::4]), ("+", "reverse mode", steps[3::4])):
            level = max(own[way]["best"], eps / 4)
            look = {"color": "black", "linewidth": 0.8, "marker": marker, "markersize": 8}
            ax.plot(place or ends, [level] * len(place or ends), label=f"{way}, without a step", **look)
        ax.set_ylim(eps / 40, 20.0)
        if ax is not axes[0]:
            ax.set_ylabel("")
    whole = max(axes, key=lambda ax: len(ax.get_lines()))  # the complex step does not apply everywhere
    figure.legend(*whole.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=9)
    caption = (
        "Relative error of the gradient, in the maximum norm, against the step. Long steps leave out terms of the "
        "function, short ones round it off: best at about √ε for forward and ∛ε for central differences, marked below."
    )
    return [(figures.save(figure, stem.with_name(stem.name + ".png")), caption)]


EXPERIMENT = Experiment(
    name="accuracy",
    question=QUESTION,
    theory=(
        "A difference over a step h leaves out terms of order h, central ones h², extrapolated ones h⁴ (nothing of "
        "Rosenbrock's polynomial), and rounding puts in ε ÷ h. The two meet at h = √ε, ∛ε and ε^(1/5), and leave "
        "errors of about √ε, ε^(2/3) and ε^(4/5): of 16 digits 8, 10 and 12. The complex step takes no difference, "
        "and can be as short as one likes; it needs analytic functions that take complex numbers. Both modes have no "
        "step, and only errors of rounding, those of the operations that a function consists of."
    ),
    columns=(
        Column("problem", "problem"),
        Column("way", "gradient by"),
        Column("best", "least error", "small"),
        Column("theory", "theory", "small", brief=False),
        Column("at", "at step", "small"),
        Column("digits", "right digits"),
        Column("units", "units in the last place", "small"),
    ),
    settings={"problems": ["Rosenbrock", "Lotka-Volterra", "logistic loss"], "halves": list(range(1, 41))},
    quick={"halves": list(range(1, 41, 2))},
    cells=cells,
    measure=measure,
    rows=rows,
    answer=answer,
    draw=draw,
)
