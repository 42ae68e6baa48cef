"""Derivatives of elementwise functions to forty digits and more: differences and closed forms in mpmath.

A `Reference` is what a function is in mpmath: its value, or the slopes in the arguments that have one (the density
of a distribution, of which the value is an integral). Third derivatives are had as well: they say how much the
second ones change when an argument is rounded.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations_with_replacement
from typing import Any

import mpmath as mp

Args = tuple[Any, ...]
Index = tuple[int, ...]


class Reference:
    """A function in mpmath; `far` are points to add.

    By `value`, by `slopes`, one for each active argument, or by `closed`, the derivative of order k for k = 1, 2, 3.

    Differences are taken at a distance of `step` times an argument, in arithmetic of `digits`: three orders of them
    lose three times the digits of the step.
    """

    def __init__(
        self,
        value: Callable[..., Any] | None,
        *far: Args,
        slopes: tuple[Callable[..., Any], ...] = (),
        closed: Callable[..., Any] | None = None,
        digits: int = 75,
        far_digits: int = 75,
    ) -> None:
        self.value, self.slopes, self.closed, self.far = value, slopes, closed, far
        self.digits, self.far_digits = digits, max(digits, far_digits)

    def at(self, *far: Args) -> Reference:
        """The same with points to add."""
        self.far = far
        return self

    def derivatives(self, args: Args, active: tuple[int, ...]) -> dict[Index, mp.mpf]:
        """All partial derivatives to third order, but the ones in three different arguments."""
        digits = self.far_digits if args in self.far else self.digits
        with mp.workdps(digits):
            x = tuple(mp.mpf(a) if isinstance(a, float) else a for a in args)
            step = mp.mpf(10) ** (-15 if digits < 200 else -digits // 8)
            if self.closed is not None:
                (i,) = active
                return {(i,) * k: mp.mpf(mp.re(self.closed(k, *x))) for k in (1, 2, 3)}
            if self.value is not None:
                return _differences(self.value, x, active, step, 3)
            found: dict[Index, mp.mpf] = {}
            for i, slope in zip(active, self.slopes, strict=True):
                found[i,] = slope(*x)
                for index, value in _differences(slope, x, active, step, 2).items():
                    found.setdefault(tuple(sorted((i, *index))), value)
            return found


def _differences(f: Callable[..., Any], x: Args, active: Index, step: Any, order: int) -> dict[Index, mp.mpf]:
    h = {i: abs(x[i]) * step if x[i] else step**2 if step < 1e-20 else step for i in active}

    seen: dict[Any, Any] = {}

    def at(*moves: tuple[int, int]) -> Any:
        if moves not in seen:
            moved = list(x)
            for i, k in moves:
                moved[i] += k * h[i]
            seen[moves] = mp.mpf(mp.re(f(*moved)))
        return seen[moves]

    def divided(difference: Any, *indices: int) -> Any:
        """Zero where nothing but rounding is left."""
        size = max(abs(value) for value in seen.values())
        noise = size * mp.mpf(10) ** (5 - mp.mp.dps)
        return difference / mp.fprod(h[i] for i in indices) if abs(difference) > noise else mp.mpf(0)

    found: dict[Index, mp.mpf] = {}
    for i in active:
        low, lower, middle, upper, up = (at((i, k)) if k else at() for k in (-2, -1, 0, 1, 2))
        found[i,] = divided((8 * (upper - lower) - (up - low)) / 12, i)
        found[i, i] = divided((16 * (upper + lower) - up - low - 30 * middle) / 12, i, i)
        if order > 2:
            found[i, i, i] = divided((up - 2 * upper + 2 * lower - low) / 2, i, i, i)
    for i, j in combinations_with_replacement(active, 2):
        if i == j:
            continue
        pp, pm, mp_, mm = (at((i, s), (j, t)) for s, t in ((1, 1), (1, -1), (-1, 1), (-1, -1)))
        found[i, j] = divided((pp - pm - mp_ + mm) / 4, i, j)
        if order > 2:
            across = (pp + mp_ - pm - mm) - 2 * (at((j, 1)) - at((j, -1)))
            along = (pp + pm - mp_ - mm) - 2 * (at((i, 1)) - at((i, -1)))
            found[i, i, j] = divided(across / 2, i, i, j)
            found[i, j, j] = divided(along / 2, i, j, j)
    return found


def inverse(
    value: Callable[..., Any], density: Callable[..., Any], start: Callable[..., Any], where: int, active: int
) -> Reference:
    """Reference of the inverse of `value` in argument `where`, in the probability at place `active`.

    start: a function of plain arguments near the inverse, to be improved by Newton's iteration
    """

    def slope(*args: Any) -> Any:
        rest = list(args)
        p = rest.pop(active)
        x = mp.mpf(float(start(*[float(a) if isinstance(a, mp.mpf) else a for a in args])))
        for _ in range(4):
            full = (*rest[:where], x, *rest[where:])
            x -= (value(*full) - p) / density(*full)
        return 1 / density(*rest[:where], x, *rest[where:])

    return Reference(None, slopes=(slope,))
