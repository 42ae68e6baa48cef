"""What compiled derivatives cost to build and to call, against other compilers of derivatives."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import dualad
from experiments import compiled_peers as made
from experiments import eager_peers, figures, targets, timing
from experiments.compiled_cases import CASES, Case, Peer
from experiments.experiment import QUICK_TIMING, TIMING, Cell, Column, Experiment, Result, Row, Settings

QUESTION = "How fast is a compiled derivative, beside other compilers on the same problem?"
LENGTHS = "How long does a program of scalar operations take to compile?"
BUSY = 0.9  # of its time a process of one thread has the processor where nothing else wants it
NOT_NOW = "not in --quick"


def cells(settings: Settings) -> list[Cell]:
    return [
        {"case": name, "size": min(CASES[name].size, settings["largest"])} for name in settings["problems"]
    ]


def absent(peer: Peer, settings: Settings) -> str:
    """Why a peer takes no part, or nothing."""
    if not eager_peers.installed(peer.package):
        return "not installed"
    return NOT_NOW if peer.slow and not settings["slow"] else ""


def first_call(make: Any, f: Any, args: tuple[Any, ...]) -> tuple[timing.Call, Any, float]:
    """The call, its result and the seconds to build it and to call it once."""
    start = perf_counter()
    call = make(f, args)
    found = call()
    return call, found, perf_counter() - start


def measure(cell: Cell, settings: Settings, seed: int) -> dict[str, Any]:
    case = CASES[cell["case"]]
    args = case.point(cell["size"], seed)
    left_out = {peer.words: why for peer in case.peers if (why := absent(peer, settings))}
    makers = {"dualad": (partial(made.dualad_compiled, case.derive), case.function)}
    made.ready("numpy")
    for peer in case.peers:
        if peer.words not in left_out:
            made.ready(peer.package)
            makers[peer.words] = (peer.make, peer.function or case.function)
    calls: dict[str, Any] = {}
    found, compiling = {}, {}
    for name, (make, f) in makers.items():
        calls[name], found[name], compiling[name] = first_call(make, f, args)
    timing.check(found)
    compiled = calls["dualad"].func
    counts = {"program": {"operations": len(compiled.program(*args))}}
    if case.alone:
        calls = {name: partial(first_call, make, f, args) for name, (make, f) in makers.items()}
    raced = timing.race(calls, settings, once=case.alone)
    return {
        "counts": counts,
        "native": native(compiled, args),
        "missing": left_out,
        "compiling": compiling,
        **raced,
    }


def native(compiled: Any, args: tuple[Any, ...]) -> bool:
    """Whether the function runs as native code, and not through NumPy."""
    try:
        compiled.llvm(*args)
    except dualad.ArgumentError:
        return False
    return True


def rows(results: list[Result]) -> list[Row]:
    return [row for result in results for row in case_rows(CASES[result["cell"]["case"]], result)]


def case_rows(case: Case, result: Result) -> list[Row]:
    measured = result["measured"]
    samples, compiling = measured["samples"], measured["compiling"]
    shared = {
        "case": case.words,
        "length": result["cell"]["size"] if case.alone else None,
        "operations": measured["counts"]["program"]["operations"],
        "share": measured["share"],
        "runs": "native" if measured["native"] else "NumPy",
        "compile": None if case.alone else compiling["dualad"],
        "seconds": timing.median(samples["dualad"]),
    }
    table = []
    for peer in case.peers:
        row: Row = shared | {"peer": peer.words, "target": peer.target}
        if peer.words in measured["missing"]:
            row |= dict.fromkeys(("peer_compile", "peer_seconds", "ratio", "spread"))
            row |= {"verdict": measured["missing"][peer.words]}
        else:
            against = timing.ratio(samples[peer.words], samples["dualad"])
            row |= {"peer_compile": None if case.alone else compiling[peer.words]}
            row |= {"peer_seconds": timing.median(samples[peer.words]), "ratio": against["median"]}
            row |= {"spread": [against["low"], against["high"]]}
            row |= {"verdict": targets.verdict(against, peer.target) if peer.target else "no target"}
        table.append(row)
    if case.compile_within is not None:
        share = case.compile_within / compiling["dualad"]
        sure = {"median": share, "tie": False}
        row = shared | {"peer": f"{case.compile_within:g} s to compile", "target": 1.0, "seconds": None}
        row |= {"peer_compile": case.compile_within, "peer_seconds": None, "ratio": share}
        row |= {"spread": [share, share], "verdict": targets.verdict(sure, 1.0)}
        table.append(row)
    return table


def answer(rows: list[Row]) -> str:
    disturbed = sorted({row["case"] for row in rows if row["share"] < BUSY})
    text = targets.answer(rows)
    if not disturbed:
        return text
    return f"{text} Other programs held the processor meanwhile, so measure again: {'; '.join(disturbed)}."


def draw(rows: list[Row], stem: Path) -> list[tuple[Path, str]]:
    drawn = [targets.chart(rows, QUESTION, stem.with_name(stem.name + ".png"))]
    straight = [row for row in rows if row["length"] is not None]
    return (
        [*drawn, compile_times(straight, stem.with_name(stem.name + "-lengths.png"))] if straight else drawn
    )


def compile_times(rows: list[Row], path: Path) -> tuple[Path, str]:
    """Seconds to compile against the length of the program, one line for each compiler."""
    figure, (ax,) = figures.canvas(LENGTHS, columns=1, width=8.0, height=5.4)
    lines = {"dualad": [(row["length"], row["seconds"]) for row in rows]}
    for row in rows:
        if row["peer_seconds"] is not None:
            lines.setdefault(row["peer"], []).append((row["length"], row["peer_seconds"]))
    for style, (name, line) in zip(figures.STYLES, lines.items(), strict=False):
        ax.plot(*zip(*sorted(set(line)), strict=True), label=name, linewidth=2, **style)
    figures.log_log(ax, "scalar operations in the program", "seconds from the function to its first value")
    ax.xaxis.set_major_formatter(lambda value, position: f"{value:,.0f}")
    ax.legend(frameon=False)
    caption = "Seconds to compile one straight line of scalar operations and to run it once (medians)."
    return figures.save(figure, path), caption


EXPERIMENT = Experiment(
    name="compiled",
    question=QUESTION,
    theory=(
        "Native code of scalar operations pays neither Python nor an array's set-up for each of them, so on scalars "
        "and small arrays the calls themselves are compared, and what compiling takes grows with the program. Large "
        "arrays compare passes over memory, and matrix products the same kind of BLAS. Compiling counts from the "
        "function to its first value; a ratio is the peer's time over dualad's. All run on one thread in double "
        "precision, JAX on the processor and without asynchronous dispatch, which costs small programs more than "
        "they take."
    ),
    columns=(
        Column("case", "derivative"),
        Column("operations", "operations", "count", brief=False),
        Column("runs", "runs as", brief=False),
        Column("share", "had the processor", "share", brief=False),
        Column("peer", "peer"),
        Column("compile", "compile", "seconds"),
        Column("peer_compile", "peer's compile", "seconds"),
        Column("seconds", "dualad", "seconds"),
        Column("peer_seconds", "peer's", "seconds"),
        Column("ratio", "ratio", "ratio"),
        Column("spread", "95 % interval", "spread", brief=False),
        Column("target", "target", "ratio"),
        Column("verdict", "verdict"),
    ),
    settings={**TIMING, "largest": 1_000_000, "slow": 1, "problems": list(CASES)},
    quick={**QUICK_TIMING, "slow": 0},
    cells=cells,
    measure=measure,
    rows=rows,
    answer=answer,
    draw=draw,
)
