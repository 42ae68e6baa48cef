"""What sparse Jacobians and Hessians cost by plans, against dense sweeps, differences and other libraries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from experiments import peers, sparse_ways, targets, timing
from experiments.experiment import QUICK_TIMING, TIMING, Cell, Column, Experiment, Result, Row, Settings
from experiments.problems import arrow, brusselator, rosenbrock
from experiments.sparse_ways import Problem, Way
from experiments.targets import answer

QUESTION = "What does a sparse Jacobian or Hessian cost, beside dense sweeps and differences?"


@dataclass(frozen=True)
class Peer:
    """Another way to the same nonzeros, the ratio to dualad's compiled plan that is aimed at, how exact it is."""

    words: str
    make: Callable[[Problem], Way]
    target: float | None = None
    package: str = "numpy"
    tolerance: float = 1e-10


@dataclass(frozen=True)
class Case:
    """What is differentiated and where; `size` is what `point` takes."""

    words: str
    f: Callable[..., Any]
    point: Callable[[int, int], np.ndarray]
    size: int
    peers: tuple[Peer, ...]
    hessian: bool = False
    partition: str = "auto"


EAGER = Peer("the plan, not compiled", sparse_ways.eager)
ACYCLIC = Peer("compiled, by substitution", sparse_ways.by_substitution)
DENSE = partial(Peer, "dense sweeps", sparse_ways.dense)
DIFFERENCES = Peer("2-point differences, grouped", sparse_ways.differences, 1.0, tolerance=1e-4)
JAX = Peer("JAX, with these colours", sparse_ways.jax_with_our_colors, 1.0, "jax")
CASADI = Peer("CasADi", sparse_ways.casadi_sparse, 1.0, "casadi", 1e-8)


def state(n: int, seed: int) -> np.ndarray:
    return brusselator.data(n, 1, seed)[0]


def jacobian(size: int, *ways: Peer) -> Case:
    return Case("Brusselator: Jacobian", brusselator.rhs, state, size, ways)


def hessian(size: int, *ways: Peer) -> Case:
    return Case(
        "Rosenbrock: Hessian",
        rosenbrock.array,
        rosenbrock.start,
        size,
        ways,
        hessian=True,
        partition="symmetric",
    )


CASES = {
    "brusselator-16": jacobian(16, EAGER, DENSE(target=10.0), DIFFERENCES, JAX, CASADI),
    "brusselator-64": jacobian(64, EAGER, DIFFERENCES, JAX, CASADI),
    "brusselator-256": jacobian(256, EAGER, DIFFERENCES, JAX),
    "rosenbrock-1000": hessian(1000, EAGER, ACYCLIC, DENSE(target=10.0), DIFFERENCES, JAX),
    "rosenbrock-100000": hessian(10**5, EAGER, ACYCLIC, DIFFERENCES, JAX),
    "rosenbrock-1000000": hessian(10**6, EAGER, ACYCLIC, DIFFERENCES, JAX),
    "arrow-1000": Case("arrow: Jacobian", arrow.field, arrow.point, 1000, (EAGER, DENSE(target=10.0))),
    "arrow-100000": Case("arrow: Jacobian", arrow.field, arrow.point, 10**5, (EAGER,)),
}


def cells(settings: Settings) -> list[Cell]:
    found: dict[Any, Cell] = {}
    for name in settings["problems"]:
        case = CASES[name]
        size = min(case.size, settings["side" if case.f is brusselator.rhs else "largest"])
        found.setdefault((case.words, size), {"case": name, "size": size})
    return list(found.values())


def measure(cell: Cell, settings: Settings, seed: int) -> dict[str, Any]:
    case = CASES[cell["case"]]
    x = case.point(cell["size"], seed)
    problem, seconds = sparse_ways.planned(case.f, x, case.hessian, case.partition)
    present = [peer for peer in case.peers if peers.installed(peer.package)]
    ways = {"dualad": sparse_ways.compiled(problem)} | {peer.words: peer.make(problem) for peer in present}
    timing.check(
        {name: read(call()) for name, (call, read) in ways.items()},
        {peer.words: peer.tolerance for peer in present},
    )
    calls = {"function": partial(problem.field, x)} | {name: call for name, (call, _) in ways.items()}
    raced = timing.race(calls, settings)
    found = problem.plan.coloring
    counts = {"n": x.size, "nonzeros": problem.plan.nnz, "colors": found.count, "bound": found.lower_bound}
    missing = [peer.words for peer in case.peers if peer not in present]
    return {"counts": counts, "partition": found.partition, "missing": missing, **seconds, **raced}


def rows(results: list[Result]) -> list[Row]:
    table = []
    for result in results:
        case, measured = CASES[result["cell"]["case"]], result["measured"]
        samples = measured["samples"]
        ours = timing.median(samples["dualad"])
        shared = {"case": f"{case.words}, n = {measured['counts']['n']:,}"}
        shared |= {**measured["counts"], "partition": measured["partition"]}
        shared |= {"pattern": measured["pattern"], "coloring": measured["coloring"], "seconds": ours}
        shared |= {"evaluations": timing.ratio(samples["dualad"], samples["function"])["median"]}
        for peer in case.peers:
            row: Row = shared | {"peer": peer.words, "target": peer.target}
            if peer.words in measured["missing"]:
                row |= {"peer_seconds": None, "ratio": None, "spread": None, "verdict": "not installed"}
            else:
                against = timing.ratio(samples[peer.words], samples["dualad"])
                row |= {"peer_seconds": timing.median(samples[peer.words]), "ratio": against["median"]}
                row |= {"spread": [against["low"], against["high"]]}
                row |= {"verdict": targets.verdict(against, peer.target) if peer.target else "no target"}
            table.append(row)
    return table


def draw(rows: list[Row], stem: Path) -> list[tuple[Path, str]]:
    return [targets.chart(rows, QUESTION, stem.with_name(stem.name + ".png"))]


EXPERIMENT = Experiment(
    name="sparse",
    question=QUESTION,
    theory=(
        "Columns that share no row are moved by one direction, so that the matrix takes as many directions as there "
        "are colours, whatever n is: at least as many as the fullest row has nonzeros, where only columns are used. "
        "A direction costs about as much as a difference, which is exact to half the digits only; dense sweeps "
        "take n. Finding the pattern and colouring it are paid once. Times are those of the compiled plan, whose "
        "result is a SciPy sparse array; CasADi's are of the bare numbers."
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
        Column("seconds", "dualad", "seconds"),
        Column("evaluations", "÷ function", "ratio"),
        Column("peer", "other way"),
        Column("peer_seconds", "takes", "seconds"),
        Column("ratio", "ratio", "ratio"),
        Column("spread", "quartiles", "spread", brief=False),
        Column("target", "target", "ratio", brief=False),
        Column("verdict", "verdict"),
    ),
    settings={**TIMING, "largest": 1_000_000, "side": 256, "problems": list(CASES)},
    quick={**QUICK_TIMING, "largest": 100_000, "side": 64},
    cells=cells,
    measure=measure,
    rows=rows,
    answer=answer,
    draw=draw,
)
