"""What the n-th derivative costs as n grows: Taylor series, nested modes, and JAX's `jet`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import dualad
from experiments import figures, timing
from experiments.counting import ledger
from experiments.eager_peers import installed
from experiments.experiment import QUICK_TIMING, TIMING, Cell, Column, Experiment, Result, Row, Settings, show

QUESTION = "What does the n-th derivative cost as n grows?"
TAYLOR, NESTED, COMPILED, JET = (
    "Taylor series",
    "nested forward mode",
    "Taylor series, compiled",
    "jax jet, jitted",
)
STEPS = (1, 2, 4, 8)
WAYS = (TAYLOR, NESTED, COMPILED, JET)


def function(x: Any, xp: Any = np) -> Any:
    return xp.exp(xp.sin(x**2))


def nested(n: int) -> Callable[[float], float]:
    f: Any = function
    for _ in range(n):
        f = dualad.derivative(f)
    found: Callable[[float], float] = f
    return found


def jet(n: int, x: float) -> timing.Call:
    """JAX's Taylor mode: a jitted function of the point, in double precision."""
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    import jax.numpy as jnp
    from jax.experimental.jet import jet as expand

    directions = ([1.0] + [0.0] * (n - 1),)
    derivative = jax.jit(lambda x: expand(partial(function, xp=jnp), (x,), directions)[1][-1])
    return lambda: derivative(x).block_until_ready()


def cells(settings: Settings) -> list[Cell]:
    return [{"order": n} for n in settings["orders"]]


def measure(cell: Cell, settings: Settings, seed: int) -> dict[str, Any]:
    n, x = cell["order"], float(np.random.default_rng(seed).uniform(0.3, 0.7))
    # From order 4 on this is `derivative(f, n)`; series for the lower ones, too
    expand = lambda x: dualad.taylor(function, x, 1.0, n)[n]  # noqa: E731
    factorial = float(np.prod(np.arange(1.0, n + 1)))
    compiled = dualad.compile(lambda x: factorial * expand(x))
    calls: dict[str, timing.Call] = {TAYLOR: lambda: factorial * expand(x), COMPILED: lambda: compiled(x)}
    counts = {"function": ledger(function, x), TAYLOR: ledger(expand, x)}
    if n <= settings["deepest"]:
        calls[NESTED] = partial(nested(n), x)
        counts[NESTED] = ledger(nested(n), x)
    if installed("jax"):
        calls[JET] = jet(n, x)
    timing.check({way: call() for way, call in calls.items()})
    calls["function"] = partial(function, x)
    return {"counts": counts, **timing.race(calls, settings)}


def rows(results: list[Result]) -> list[Row]:
    table = []
    for result in results:
        samples, counts = result["measured"]["samples"], result["measured"]["counts"]
        for way in WAYS:
            if way not in samples:
                continue
            behind = timing.ratio(samples[way], samples[TAYLOR])
            counted = counts.get(way)
            table.append(
                {
                    "n": result["cell"]["order"],
                    "way": way,
                    "operations": counted and counted["operations"],
                    "seconds": timing.median(samples[way]),
                    "time_ratio": timing.ratio(samples[way], samples["function"])["median"],
                    "behind": behind["median"],
                    "spread": [behind["low"], behind["high"]],
                }
            )
    return table


def answer(rows: list[Row]) -> str:
    found = {(row["n"], row["way"]): row for row in rows}
    parts = []
    for way in (NESTED, COMPILED, JET):
        orders = [n for n, name in found if name == way]
        if orders:
            row = found[max(orders), way]
            parts.append(f"{way} {show(row['behind'], 'ratio')} at n = {row['n']}")
    last = max(n for n, _ in found)
    seconds = show(found[last, TAYLOR]["seconds"], "seconds")
    text = f"Derivative {last} takes {seconds} by Taylor series; in units of these at the same n, {', '.join(parts)}"
    if (last, JET) in found:
        share = found[last, JET]["seconds"] / found[last, COMPILED]["seconds"]
        text += f". JAX's jitted jet takes {show(share, 'ratio')} the time of the compiled series"
    return text + "."


def draw(rows: list[Row], stem: Path) -> list[tuple[Path, str]]:
    figure, axes = figures.canvas(QUESTION, columns=2, width=12.0, height=5.2)
    for style, way in zip(figures.STYLES, WAYS, strict=True):
        own = [row for row in rows if row["way"] == way]
        if own:
            axes[0].plot([row["n"] for row in own], [row["seconds"] for row in own], label=way, **style)
    orders = sorted({row["n"] for row in rows})
    figures.log_log(axes[0], "order n", "seconds")
    figures.plain_ticks(axes[0].xaxis, orders)
    axes[0].legend(fontsize=9)
    errors = ode_errors()
    for style, (order, line) in zip(figures.STYLES, errors.items(), strict=True):
        axes[1].plot(*zip(*line, strict=True), label=f"series of order {order}", **style)
    figures.log_log(axes[1], "length of a step", "error of x(1)")
    figures.plain_ticks(axes[1].xaxis, (1 / m for m in STEPS))
    axes[1].set_title("x'' = -sin x, by Taylor series", fontsize=11)
    axes[1].legend(fontsize=9)
    caption = (
        "Left: time of the n-th derivative of exp(sin(x²)). Right: the error of a pendulum's angle at t = 1, "
        "solved by Taylor series of several orders, against the length of the steps."
    )
    return [(figures.save(figure, stem.with_name(stem.name + ".png")), caption)]


def pendulum(z: Any) -> Any:
    return np.stack([z[1], -np.sin(z[0])])


def advanced(z: Any, h: float, order: int) -> Any:
    """The solution of z' = pendulum(z) a step later: coefficient k of the right-hand side gives k + 1 of z."""
    c = [z]
    for k in range(order):
        slope = dualad.taylor(lambda t: pendulum(sum(a * t**j for j, a in enumerate(c))), 0.0, 1.0, k)
        c.append(slope[k] / (k + 1))
    return sum(a * h**j for j, a in enumerate(c))


def ode_errors() -> dict[int, list[tuple[float, float]]]:
    """From the order of the series to (length of a step, error of the angle at t = 1)."""

    def angle(order: int, steps: int) -> float:
        z = np.array([1.0, 0.0])
        for _ in range(steps):
            z = advanced(z, 1 / steps, order)
        return float(z[0])

    exact = angle(16, 8)
    return {p: [(1 / m, abs(angle(p, m) - exact)) for m in STEPS] for p in (2, 4, 6, 8)}


EXPERIMENT = Experiment(
    name="higher-order",
    question=QUESTION,
    theory=(
        "A series of order n costs each product n²/2 multiplications, and each operation a few products. "
        "Forward mode nested n times carries 2ⁿ numbers."
    ),
    columns=(
        Column("n", "n", "count"),
        Column("way", "by"),
        Column("operations", "operations", "count", brief=False),
        Column("seconds", "time", "seconds"),
        Column("time_ratio", "time ÷ f", "ratio"),
        Column("behind", "÷ Taylor series", "ratio"),
        Column("spread", "95 % interval", "spread", brief=False),
    ),
    settings={**TIMING, "orders": [1, 2, 3, 4, 5, 6, 8, 10, 15, 20], "deepest": 8},
    quick={**QUICK_TIMING, "orders": [1, 2, 4, 6, 10], "deepest": 6},
    cells=cells,
    measure=measure,
    rows=rows,
    answer=answer,
    draw=draw,
)
