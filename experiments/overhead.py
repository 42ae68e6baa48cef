"""What recording and reversing cost, against other libraries on the same source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import dualad
from experiments import eager_peers, targets, timing
from experiments.counting import ledger
from experiments.experiment import QUICK_TIMING, TIMING, Cell, Column, Experiment, Result, Row, Settings
from experiments.problems import chains, lorenz96, lotka_volterra, rosenbrock
from experiments.targets import answer, verdict

QUESTION = "How fast is a derivative in dualad, beside other libraries on the same source?"

Maker = Callable[[Any, Any], timing.Call]


@dataclass(frozen=True)
class Peer:
    """A contestant: how it is built, the ratio to dualad that is aimed at, how exact it is."""

    package: str
    make: Maker
    target: float
    words: str
    tolerance: float | None = 1e-10  # None: computes no derivative, so there is nothing to compare


AUTOGRAD = partial(Peer, "autograd", eager_peers.autograd_gradient, words="autograd")
TORCH = partial(Peer, "torch", eager_peers.torch_gradient, words="torch (eager)")
XAD = partial(Peer, "xad", eager_peers.xad_gradient, words="XAD's C++ tape")
PLAIN = partial(Peer, "numpy", eager_peers.plain_evaluation, words="NumPy, function only", tolerance=None)
JACREV = partial(Peer, "torch", eager_peers.torch_jacobian, words="torch.func.jacrev")
DIFFERENCES = partial(Peer, "scipy", eager_peers.scipy_jacobian, words="SciPy, 2-point", tolerance=1e-5)


@dataclass(frozen=True)
class Case:
    """What is differentiated, where, and against whom."""

    words: str
    function: Callable[..., Any]
    point: Callable[[int], Any]
    peers: tuple[Peer, ...]
    make: Maker = eager_peers.dualad_gradient


def uniform(size: int) -> Callable[[int], Any]:
    return lambda seed: np.random.default_rng(seed).uniform(0.1, 0.9, size)


def scalar_chain(x: Any, xp: Any = np) -> Any:
    return chains.chain(x, 1500, xp)


def array_chain(x: Any, xp: Any = np, operations: int = 1500) -> Any:
    return xp.sum(chains.chain(x, operations, xp))


def rosenbrock_loop(x: Any, xp: Any = np) -> Any:
    return rosenbrock.loop(x)  # only arithmetic, so no namespace is needed


def lotka_volterra_loop(p: Any, xp: Any = np) -> Any:
    return lotka_volterra.final(p)


def rosenbrock_point(n: int) -> Callable[[int], Any]:
    return lambda seed: rosenbrock.start(n, seed).tolist()


CASES = {
    "scalar-chain": Case(
        "scalar chain, 1,500 operations",
        scalar_chain,
        lambda seed: 0.7,
        (AUTOGRAD(target=10.0), TORCH(target=4.0)),
    ),
    "array-chain-10": Case(
        "10-element chain, 1,500 operations",
        array_chain,
        uniform(10),
        (AUTOGRAD(target=5.0), TORCH(target=3.0)),
    ),
    "rosenbrock-10": Case(
        "Rosenbrock loop over scalars, n = 10",
        rosenbrock_loop,
        rosenbrock_point(10),
        (XAD(target=1.0), TORCH(target=10.0)),
    ),
    "rosenbrock-100": Case(
        "Rosenbrock loop over scalars, n = 100",
        rosenbrock_loop,
        rosenbrock_point(100),
        (XAD(target=1.0), TORCH(target=10.0)),
    ),
    "lotka-volterra": Case(
        "Lotka–Volterra loop, 200 RK4 steps",
        lotka_volterra_loop,
        lambda seed: list(lotka_volterra.PARAMETERS),
        (XAD(target=1.0), TORCH(target=10.0)),
    ),
    "array-chain-100000": Case(
        "100,000-element chain, 60 operations",
        partial(array_chain, operations=60),
        uniform(100_000),
        # At most four evaluations of the function: the evaluation takes at least a quarter of the gradient.
        (PLAIN(target=0.25), TORCH(target=1.0)),
    ),
    "lorenz96-400": Case(
        "Lorenz-96, n = 400, dense Jacobian",
        lorenz96.rhs,
        lambda seed: lorenz96.state(400, seed),
        (JACREV(target=1.0), DIFFERENCES(target=5.0)),
        make=eager_peers.dualad_jacobian,
    ),
}


def cells(settings: Settings) -> list[Cell]:
    return [{"case": name} for name in settings["cases"]]


def measure(cell: Cell, settings: Settings, seed: int) -> dict[str, Any]:
    case = CASES[cell["case"]]
    x = case.point(seed)
    contestants = {"dualad": case.make(case.function, x)}
    compared = {"dualad": contestants["dualad"]()}
    tolerances = {}
    missing = []
    for peer in case.peers:
        if not eager_peers.installed(peer.package):
            missing.append(peer.words)
            continue
        contestants[peer.words] = peer.make(case.function, x)
        if peer.tolerance is not None:
            compared[peer.words] = contestants[peer.words]()
            tolerances[peer.words] = peer.tolerance
        else:
            value = dualad.value_and_grad(case.function)(x)[0]
            timing.check({"plain value": contestants[peer.words](), "dualad's value": value})
    timing.check(compared, tolerances)
    calls = ledger(case.function, x)["calls"]
    raced = timing.race(contestants, settings)
    return {"calls": calls, "missing": missing, "tolerances": tolerances, **raced}


def rows(results: list[Result]) -> list[Row]:
    table = []
    for result in results:
        case, measured = CASES[result["cell"]["case"]], result["measured"]
        samples = measured["samples"]
        ours = timing.median(samples["dualad"])
        for peer in case.peers:
            row = {"case": case.words, "peer": peer.words, "target": peer.target, "seconds": ours}
            row |= {"per_call": ours / max(measured["calls"], 1)}
            if peer.words in measured["missing"]:
                row |= {"peer_seconds": None, "ratio": None, "spread": None, "verdict": "not installed"}
            else:
                against = timing.ratio(samples[peer.words], samples["dualad"])
                row |= {"peer_seconds": timing.median(samples[peer.words]), "ratio": against["median"]}
                row |= {"spread": [against["low"], against["high"]], "verdict": verdict(against, peer.target)}
            table.append(row)
    return table


def draw(rows: list[Row], stem: Path) -> list[tuple[Path, str]]:
    return [targets.chart(rows, QUESTION, stem.with_name(stem.name + ".png"))]


EXPERIMENT = Experiment(
    name="overhead",
    question=QUESTION,
    theory=(
        "The same work is done in every library, so on scalars and small arrays the ratio compares the "
        "Python cost of recording and reversing one operation, and on large arrays the traffic of memory. "
        "The function alone takes part in the large chain: a gradient of at most four evaluations means a "
        "ratio of at least 0.25."
    ),
    columns=(
        Column("case", "gradient (or Jacobian) of"),
        Column("peer", "peer"),
        Column("seconds", "dualad", "seconds"),
        Column("per_call", "dualad, per operation", "seconds", brief=False),
        Column("peer_seconds", "peer's", "seconds"),
        Column("ratio", "peer ÷ dualad", "ratio"),
        Column("spread", "95 % interval", "spread"),
        Column("target", "target", "ratio"),
        Column("verdict", "verdict"),
    ),
    settings={**TIMING, "cases": list(CASES)},
    quick={**QUICK_TIMING},
    cells=cells,
    measure=measure,
    rows=rows,
    answer=answer,
    draw=draw,
)
