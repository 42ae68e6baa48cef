"""The same NumPy source in every library for derivatives that is installed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from experiments import compiled_peers, eager_peers, targets, timing
from experiments.compiled import first_call
from experiments.experiment import QUICK_TIMING, TIMING, Cell, Column, Experiment, Result, Row, Settings
from experiments.namespace_peers import (
    COMPILED,
    GRADIENT,
    HESSIAN,
    JACOBIAN,
    LIBRARIES,
    PLAIN,
    Library,
    dualad_compiled,
    dualad_plain,
)
from experiments.problems import chains, gmm, logistic, lorenz96, rosenbrock

QUESTION = "How fast is the same NumPy source in dualad and in other libraries for derivatives?"


@dataclass(frozen=True)
class Problem:
    """A function of `x` and data, over a namespace.

    point: seed -> x and the data; without: libraries in which the source does not run, and why not
    """

    words: str
    kind: str
    function: Callable[..., Any]
    point: Callable[[int], tuple[Any, tuple[Any, ...]]]
    without: dict[str, str]


def chain(x: Any, xp: Any = np) -> Any:
    return chains.chain(x, 150, xp)


def chain_of_arrays(x: Any, xp: Any = np) -> Any:
    return xp.sum(chains.chain(x, 150, xp))


def loop(x: Any, xp: Any = np) -> Any:
    return rosenbrock.loop(x)


def of_means(seed: int) -> tuple[Any, tuple[Any, ...]]:
    (weights, means, factors), X = gmm.data(200, 3, 5, seed)
    return np.ravel(means), (weights, factors, X)


def mixture(means: Any, weights: Any, factors: Any, X: Any, xp: Any = np) -> Any:
    return gmm.objective([weights, xp.reshape(means, (5, 3)), factors], X, xp)


def regression(seed: int) -> tuple[Any, tuple[Any, ...]]:
    w, X, y = logistic.drawn(1_000, 20, seed)
    return w, (X, y)


NUMBERS = "it has numbers only, no arrays"
PROBLEMS = {
    "chain": Problem("scalar chain, 150 operations", GRADIENT, chain, lambda seed: (0.7, ()), {}),
    "loop": Problem(
        "Rosenbrock loop over 20 scalars",
        GRADIENT,
        loop,
        lambda seed: (rosenbrock.start(20, seed).tolist(), ()),
        {},
    ),
    "arrays": Problem(
        "chain on 200 elements",
        GRADIENT,
        chain_of_arrays,
        lambda seed: (np.random.default_rng(seed).uniform(0.1, 0.9, 200), ()),
        {"xad": NUMBERS, "numdifftools": "takes seconds for so many inputs"},
    ),
    "logistic": Problem(
        "logistic loss, 1,000 × 20",
        GRADIENT,
        logistic.loss,
        regression,
        {"xad": NUMBERS, "casadi": "its symbols have no logaddexp", "torch": "its logaddexp takes no number"},
    ),
    "mixture": Problem(
        "mixture of 5 Gaussians, means",
        GRADIENT,
        mixture,
        of_means,
        {"xad": NUMBERS, "casadi": "its symbols have no maximum"},
    ),
    "jacobian": Problem(
        "Lorenz-96, n = 40", JACOBIAN, lorenz96.rhs, lambda seed: (lorenz96.state(40, seed), ()), {}
    ),
    "hessian": Problem(
        "Rosenbrock, n = 40", HESSIAN, rosenbrock.array, lambda seed: (rosenbrock.start(40, seed), ()), {}
    ),
}


def absent(library: str, problem: Problem) -> str:
    """Why a library takes no part, or nothing."""
    entry = LIBRARIES[library]
    if problem.kind not in entry.kinds:
        return f"has no {problem.kind}s"
    if library in problem.without:
        return problem.without[library]
    return "" if eager_peers.installed(entry.package) else "not installed"


def cells(settings: Settings) -> list[Cell]:
    return [{"problem": name} for name in settings["problems"]]


def measure(cell: Cell, settings: Settings, seed: int) -> dict[str, Any]:
    problem = PROBLEMS[cell["problem"]]
    x, data = problem.point(seed)
    missing = {name: why for name in LIBRARIES if (why := absent(name, problem))}
    taking_part = {entry.words: entry for name, entry in LIBRARIES.items() if name not in missing}
    makers = {PLAIN: dualad_plain, COMPILED: dualad_compiled}
    makers |= {words: entry.make for words, entry in taking_part.items()}
    for package in ("numpy", *(entry.package for entry in taking_part.values())):
        compiled_peers.ready(package)
    calls, found, first = {}, {}, {}
    for words, make in makers.items():
        args = (problem.kind, problem.function, x, data)
        calls[words], found[words], first[words] = first_call(lambda make, args: make(*args), make, args)
    tolerances = {words: entry.tolerance for words, entry in taking_part.items()}
    timing.check(found, tolerances)
    return {
        "missing": missing,
        "first": first,
        "error": {words: error(found[words], found[PLAIN]) for words in taking_part},
        **timing.race(calls, settings),
    }


def error(found: Any, ours: Any) -> float:
    """How far a result is from dualad's, relative to its largest number."""
    a, b = timing.numbers(found), timing.numbers(ours)
    return float(np.max(np.abs(a - b)) / (np.max(np.abs(b)) or 1.0))


def rows(results: list[Result]) -> list[Row]:
    table = []
    for result in results:
        problem, measured = PROBLEMS[result["cell"]["problem"]], result["measured"]
        for name, entry in LIBRARIES.items():
            table.append(row(problem, entry, measured["missing"].get(name), measured))
    return table


def row(problem: Problem, entry: Library, missing: str | None, measured: dict[str, Any]) -> Row:
    samples, first = measured["samples"], measured["first"]
    found = {
        "case": f"{problem.words}: {problem.kind}",
        "peer": entry.words,
        "beside": entry.beside,
        "seconds": timing.median(samples[entry.beside]),
        "first": first[entry.beside],
        "target": 1.0,
    }
    if missing is not None:
        names = ("peer_seconds", "peer_first", "ratio", "spread", "error")
        return found | dict.fromkeys(names) | {"verdict": missing}
    against = timing.ratio(samples[entry.words], samples[entry.beside])
    return found | {
        "peer_seconds": timing.median(samples[entry.words]),
        "peer_first": first[entry.words],
        "ratio": against["median"],
        "spread": [against["low"], against["high"]],
        "error": measured["error"][entry.words],
        "verdict": targets.verdict(against, 1.0),
    }


def draw(rows: list[Row], stem: Path) -> list[tuple[Path, str]]:
    return [targets.chart(rows, QUESTION, stem.with_name(stem.name + ".png"))]


EXPERIMENT = Experiment(
    name="peers",
    question=QUESTION,
    theory=(
        "Every library runs the very same source, over its own namespace where it needs one. Those that "
        "compile (JAX with jit, CasADi) meet dualad compiled, the others dualad as it is, and the first call, "
        "which traces and compiles, is timed apart. Nothing is timed before all agree: to 1e-10 of the largest "
        "number, and differences as far as they can. Libraries that trace operation by operation differ by "
        "what one operation costs them, most of it in Python; differences evaluate the function once or more "
        "for every input."
    ),
    columns=(
        Column("case", "derivative of"),
        Column("peer", "library"),
        Column("beside", "beside", brief=False),
        Column("seconds", "dualad", "seconds"),
        Column("peer_seconds", "library's", "seconds"),
        Column("ratio", "library ÷ dualad", "ratio"),
        Column("spread", "95 % interval", "spread", brief=False),
        Column("first", "dualad, first call", "seconds", brief=False),
        Column("peer_first", "library's first call", "seconds"),
        Column("error", "difference", "small", brief=False),
        Column("verdict", "faster"),
    ),
    settings={**TIMING, "problems": list(PROBLEMS)},
    quick={**QUICK_TIMING},
    cells=cells,
    measure=measure,
    rows=rows,
    answer=targets.answer,
    draw=draw,
)
