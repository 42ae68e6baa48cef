"""The derivatives of one function at one point, in both modes, held against its values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .derivative import jvp, vjp
from .differences import Estimate, Line
from .op import is_complex
from .tree import Rebuild, flatten

# Derivatives in lower precision are right to some units in the last place of that.
ROUNDED = 64
# Differences that are worse than this, relative to what they find, say nothing.
USELESS = 1e-3


class Trouble(NamedTuple):
    """Why a function's values say nothing about its derivative at a point, and what helps."""

    what: str
    fix: str


class Mismatch(NamedTuple):
    """A derivative that is off: by which mode, what it should be by what means, and what the function does there."""

    mode: str
    found: float
    expected: float
    by: str
    trouble: Trouble | None

    def __str__(self) -> str:
        if self.trouble is not None:
            return f"{self.mode} gives {self.found:.10g} along a random direction, where {self.trouble.what}"
        return (
            f"{self.mode} gives {self.found:.10g} along a random direction, {self.by} {self.expected:.10g}: "
            f"off by {abs(self.found - self.expected):.3g}"
        )


class Tolerance(NamedTuple):
    """How far a derivative may be off."""

    rtol: float
    atol: float

    def of(self, expected: float) -> float:
        return self.atol + self.rtol * abs(expected)


class Comparison:
    """A function's derivatives along a random direction, against the complex step or differences.

    v: the direction; g: the weights of the results, in the structure `rebuild_y`; mismatches: what is off
    """

    def __init__(
        self,
        f: Callable[..., Any],
        leaves: Sequence[Any],
        rebuild: Rebuild,
        modes: Sequence[str],
        tolerance: Tolerance,
        rng: np.random.Generator,
    ) -> None:
        args = rebuild(leaves)
        self.v = [random(rng, x) for x in leaves]
        pullback = None
        if "reverse" in modes:
            y, pullback = vjp(f, *args)
        if "forward" in modes:
            y, dy = jvp(f, args, rebuild(self.v))
        results, self.rebuild_y = flatten(y)
        self.g = [random(rng, r) for r in results]
        found = {}
        if "forward" in modes:
            found["forward mode"] = _dot(self.g, flatten(dy)[0])
        if pullback is not None:
            found["reverse mode"] = _dot(flatten(pullback(self.rebuild_y(self.g)))[0], self.v)
        rounding = max((ROUNDED * _eps(x) for x in (*leaves, *results)), default=0.0)
        tolerance = Tolerance(max(tolerance.rtol, rounding), tolerance.atol)
        # The function along v, with the weights g: one number stands for all of them.
        line = Line(f, leaves, rebuild, self.v, self.g)
        self.mismatches = _mismatches(line, found, tolerance)


def _mismatches(line: Line, found: dict[str, float], tolerance: Tolerance) -> list[Mismatch]:
    def agree(value: float, error: float = 0.0) -> bool:
        return all(abs(d - value) <= tolerance.of(value) + error for d in found.values())

    quick, step = line.quick(), line.complex_step()
    if step is not None and abs(step - quick) <= 2 * tolerance.of(quick):
        if agree(step):
            return []
    elif agree(quick):
        return []

    def enough(value: float) -> float:
        return USELESS * abs(value) + 10 * tolerance.of(value)

    by, slope = "differences give", line.central(enough, [*found.values()])
    sides = line.side(-1, enough), line.side(1, enough)
    whole = [side for side in sides if np.isfinite(side.error)]
    # On the edge of where f can be computed there is one side
    if not np.isfinite(slope.error) and len(whole) == 1:
        by, slope = "differences on one side give", whole[0]
    vague = not slope.error <= enough(slope.value)
    if step is not None and not vague and abs(step - slope.value) <= slope.error:
        by, slope = "the complex step gives", Estimate(step, 0.0)
    if not vague and agree(slope.value, slope.error):
        return []
    trouble = _trouble(line, sides, slope, tolerance) if vague or _kinked(*sides, tolerance) else None
    return [
        Mismatch(mode, d, slope.value, by, trouble)
        for mode, d in found.items()
        if trouble or not abs(d - slope.value) <= tolerance.of(slope.value) + slope.error
    ]


def _trouble(line: Line, sides: tuple[Estimate, Estimate], slope: Estimate, tolerance: Tolerance) -> Trouble:
    """What it is about the function's own values that leaves them without a slope."""
    value = line.at(0.0)
    if not np.isfinite(value):
        return Trouble(f"the function's value is {value}", "a point where it is finite")
    if line.evaluated(line.x) != value:
        return Trouble(
            "the function gives other values when it is called again with the same arguments",
            "a generator that is made in the function, from a seed; or what is drawn as an argument",
        )
    if _kinked(*sides, tolerance):
        return Trouble(
            "the function is not differentiable along this direction: differences give "
            f"{sides[0].value:.6g} before the point and {sides[1].value:.6g} after it",
            "a point away from there",
        )
    return Trouble(
        f"differences do not settle, and say nothing: {slope.value:.6g} ± {slope.error:.2g}",
        "a point away from jumps and infinite slopes; or larger rtol and atol, where values are rough",
    )


def _kinked(left: Estimate, right: Estimate, tolerance: Tolerance) -> bool:
    change = abs(left.value - right.value)
    return change > 2 * (left.error + right.error) + tolerance.of(right.value)


def told(mismatches: Sequence[Mismatch]) -> list[str]:
    """The mismatches as sentences, one where both modes are off alike."""
    first, last = mismatches[0], mismatches[-1]
    if first is not last and f"{first.found:.6g}" == f"{last.found:.6g}":
        return [str(first._replace(mode="both modes")).replace("gives", "give", 1)]
    return [*map(str, mismatches)]


def _eps(x: Any) -> float:
    return 0.0 if type(x) is float else float(np.finfo(x.dtype).eps)


def random(rng: np.random.Generator, x: Any) -> Any:
    """Numbers between 1/2 and 3/2 of either sign, in the form of `x`."""
    r = rng.uniform(0.5, 1.5, np.shape(x)) * rng.choice([-1.0, 1.0], np.shape(x))
    if is_complex(x):
        r = r + 1j * rng.uniform(0.5, 1.5, np.shape(x))
    return float(r) if type(x) is float else np.asarray(r, x.dtype)[()]


def _dot(a: Sequence[Any], b: Sequence[Any]) -> float:
    return float(sum(np.sum(np.real(np.conj(x) * y)) for x, y in zip(a, b, strict=True)))
