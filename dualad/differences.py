"""Derivatives along a direction from values of a function alone: the complex step, and extrapolated differences.

Im f(x + ih v) / h needs no difference, and so is right to the last digits however small h is (Squire and Trapp 1998;
Martins, Sturdza and Alonso 2003), as long as all that f computes is analytic and takes complex numbers. That cannot be
seen from outside: `np.abs` takes them. Differences ask nothing of f; extrapolated from many steps (Richardson 1911;
Ridders 1982) they also say how far to trust them.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .op import is_complex
from .tree import Rebuild, flatten

EPS = float(np.finfo(float).eps)
STEP = 1e-3  # of the quick differences
LONGEST = 0.0625  # step, relative to the largest number, of those that are extrapolated
SHORTEST = 1e-15  # of them; each is a quarter of the one before
FLAT = 1e-7  # the shortest step, relative to the largest number, to be looked at first: below, rounding shows
TINY = 1e-30  # the complex step: its square is nothing beside any number


class Estimate(NamedTuple):
    """A derivative along the direction, and what it may be off by."""

    value: float
    error: float


UNKNOWN = Estimate(np.nan, np.inf)


class Line:
    """A function of a number: f at x + t v, its results' numbers added up with the weights g.

    Values are computed in double precision at least. Where f cannot be computed they are NaN.
    """

    def __init__(
        self,
        f: Callable[..., Any],
        leaves: Sequence[Any],
        rebuild: Rebuild,
        v: Sequence[Any],
        g: Sequence[Any],
    ) -> None:
        self.f, self.rebuild, self.g = f, rebuild, g
        self.x, self.v = [*map(_wide, leaves)], [*map(_wide, v)]
        self.scale = max([1.0, *(float(np.max(np.abs(x), initial=0.0)) for x in self.x)])
        self._known: dict[float, float] = {}
        self._size = 0.0  # of the terms in the sum, at x

    def at(self, t: float) -> float:
        """The value at x + t v."""
        if t not in self._known:
            moved = [
                x + t * dx if type(x) is float else x + x.dtype.type(t) * dx
                for x, dx in zip(self.x, self.v, strict=True)
            ]
            self._known[t] = self.evaluated(moved)
        return self._known[t]

    def evaluated(self, moved: Sequence[Any]) -> float:
        """The value for these leaves, not remembered."""
        try:
            with np.errstate(all="ignore"):
                found = flatten(self.f(*self.rebuild(moved)))[0]
                terms = [np.real(np.conj(g) * y) for g, y in zip(self.g, found, strict=True)]
                self._size = float(sum(np.sum(np.abs(a)) for a in terms))
                return float(sum(np.sum(a) for a in terms))
        except (ArithmeticError, ValueError):
            return np.nan

    def quick(self) -> float:
        """Central differences of two steps, extrapolated to fourth order."""
        h = STEP
        coarse, fine = (self.at(2 * h) - self.at(-2 * h)) / (4 * h), (self.at(h) - self.at(-h)) / (2 * h)
        return fine + (fine - coarse) / 3

    def central(self, enough: Callable[[float], float], likely: Sequence[float]) -> Estimate:
        """Central differences, extrapolated from many steps.

        enough: the error allowed, a function of the value; likely: values that very short steps may bear out, exactly
        """
        return self._settled(lambda h: (self.at(h) - self.at(-h)) / (2 * h), (16, 256), enough, likely)

    def side(self, sign: int, enough: Callable[[float], float]) -> Estimate:
        """Differences on one side, extrapolated from many steps."""
        return self._settled(lambda h: sign * (self.at(sign * h) - self.at(0.0)) / h, (4, 16), enough)

    def _settled(
        self,
        difference: Callable[[float], float],
        ratios: Sequence[int],
        enough: Callable[[float], float],
        likely: Sequence[float] = (),
    ) -> Estimate:
        """What extrapolated differences settle at, as seen from the point, and not from beyond a kink next to it.

        ratios: from one step to the next, of the errors that the columns of the table get rid of
        """
        steps = [LONGEST * self.scale]
        while steps[-1] > SHORTEST:
            steps.append(steps[-1] / 4)
        self._size = 0.0
        self.evaluated(self.x)
        noise = [4 * EPS * self._size / h for h in steps]  # what rounding the results does
        found = _extrapolated([difference(h) for h in steps], ratios, noise)
        if any(e.value for e in found):
            # Values that cease to change before steps are that short are rounded somewhere, and coarsely.
            flat = [k for k, h in enumerate(steps) if h < FLAT * self.scale and found[k].value == 0]
            for k in flat:
                found[k] = UNKNOWN
        good = [k for k, e in enumerate(found) if e.error <= enough(e.value)]
        if not good:
            return min(found, key=lambda e: e.error)
        for k, e in enumerate(found):
            exact = steps[k] < FLAT * self.scale and 100 * e.error <= enough(e.value)
            if exact and any(abs(e.value - d) <= e.error for d in likely):
                return e
        first = next((k for k in reversed(good) if steps[k] >= FLAT * self.scale), good[0])
        best = found[first]
        low, high = best.value - best.error, best.value + best.error
        for k in reversed(good[: good.index(first)]):
            low, high = max(low, found[k].value - found[k].error), min(high, found[k].value + found[k].error)
            if low > high:  # longer steps see something else
                break
            best = min(best, found[k], key=lambda e: e.error)
        return best

    def complex_step(self) -> float | None:
        """The derivative by a complex step, as far as f takes complex numbers; that it is right is not certain."""
        if any(map(is_complex, (*self.x, *self.g))):
            return None
        moved = [x + (1j * TINY) * dx for x, dx in zip(self.x, self.v, strict=True)]
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("error")  # that an imaginary part is discarded, for one
                found = flatten(self.f(*self.rebuild([*map(_complex, moved)])))[0]
                total = sum(np.sum(g * np.imag(y)) for g, y in zip(self.g, found, strict=True))
        except Exception:  # whatever f does with what it was not written for
            return None
        slope = float(total) / TINY
        return slope if np.isfinite(slope) else None


def _extrapolated(column: list[float], ratios: Sequence[int], noise: Sequence[float]) -> list[Estimate]:
    """For each step, the entry of the extrapolation table that its neighbours agree with best."""
    best = [UNKNOWN] * len(column)
    before = column
    for ratio in (*ratios, None):
        for k in range(1, len(column) - 1):
            # Neighbours on both sides: two that happen to agree are not enough.
            error = 2 * max(abs(column[k] - c) for c in (column[k - 1], column[k + 1], before[k])) + noise[k]
            if error < best[k].error:  # which NaN is not
                best[k] = Estimate(column[k], error)
        if ratio is not None:
            pairs = itertools.pairwise(column)
            before, column = column, [np.nan, *(b + (b - a) / (ratio - 1) for a, b in pairs)]
    return best


def _wide(x: Any) -> Any:
    """Double precision for what has less."""
    if type(x) is float or x.dtype.itemsize >= (16 if x.dtype.kind == "c" else 8):
        return x
    return x.astype(complex if x.dtype.kind == "c" else float)


def _complex(x: Any) -> Any:
    return np.complex128(x) if type(x) is complex else x
