"""Trajectories: the states of an initial value problem at given steps, and the polynomials between them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.integrate import DenseOutput, OdeSolution

from ..checkpoint import Segment, through
from ..op import Tracer, primal
from ..tracer import operand
from .steps import Formula, Slope, flowed

# What reverse mode keeps of the states, in bytes, before it keeps only some: the square root of their number
_KEPT = 2**26


class Piece(DenseOutput):  # type: ignore[misc]
    """The polynomial of one step: SciPy's, with coefficients that may be traced. A step of no length is a constant."""

    def __init__(self, old: float, new: float, y: Any, coefficients: Any = None, factors: Any = None) -> None:
        super().__init__(old, new)
        self.y_old, self.coefficients, self.factors = y, coefficients, factors

    def _call_impl(self, t: Any) -> Any:
        y = np.reshape(self.y_old, (-1, *[1] * np.ndim(t)))
        if self.t == self.t_old:
            return y + np.zeros(np.shape(t))
        x = (t - self.t_old) / (self.t - self.t_old)
        return y + self.coefficients @ np.cumprod(np.stack(self.factors(x)), axis=0)


class Trajectory(OdeSolution):  # type: ignore[misc]
    """SciPy's function of time, with derivatives: in the time those of the equation."""

    def __init__(self, solution: OdeSolution, slope: Slope) -> None:
        self.__dict__.update(solution.__dict__)
        self.slope = slope

    def __call__(self, t: Any) -> Any:
        t = operand(t)
        return moved(self.slope, t, super().__call__(primal(t)))


def moved(slope: Slope, t: Any, y: Any) -> Any:
    """States at the values of times, as functions of the times."""
    if not isinstance(t, Tracer):
        return y
    at = primal(t)
    if not np.shape(at):
        return flowed(slope, at, t - at, y)
    ahead: Any = t - at
    return np.stack([flowed(slope, s, ahead[k], y[:, k]) for k, s in enumerate(at)], axis=1)


class Grid(NamedTuple):
    """The steps that a solver has chosen: where they end, and how one is taken."""

    made: Callable[[Sequence[Any]], Formula]  # from the traced values that the problem has besides its states
    outside: Sequence[Any]
    slope: Slope
    times: Sequence[float]
    taped: bool  # whether reverse mode is to keep states alone, and to take the steps between them again
    snapshots: int | None

    def replayed(
        self, t_span: Any, y0: Any, t_eval: Any, dense_output: bool
    ) -> tuple[Any, Any, Trajectory | None]:
        """Times, the states there, and the function of time, as SciPy returns them."""
        (start, end), times, slope = t_span, self.times, self.slope
        n = len(times) - 1
        y = flowed(slope, start, times[0] - start, y0)
        t, between, wanted = t_eval, [], []
        states: Any = []
        if t_eval is None:
            t = [start, *times[1:-1], end]
        else:
            t = operand(t_eval)
            points, sign = np.asarray(primal(t)), -1.0 if times[-1] < times[0] else 1.0
            # Where steps meet, that of the first
            at = np.searchsorted(sign * np.array(times[1:-1]), sign * points)
            wanted = sorted({*at.tolist()})
        if n == 0:
            pieces = {0: Piece(times[0], times[0], y)}
        elif dense_output or t_eval is not None:
            pieces, y = self._pieces(y, range(n) if dense_output else wanted)
            between = [p.y_old for p in pieces.values()][1:]
        else:
            *between, y = self._states(y)
        if t_eval is None:
            states = np.stack([y0, *between, flowed(slope, times[-1], end - times[-1], y)], axis=1)
        else:
            found = [pieces[k](points[at == k]) for k in wanted]
            states = moved(slope, t, np.concatenate(found, axis=1)) if found else []
        if not dense_output:
            return operand(t), states, None
        ends = times if n else [*times, *times]
        return operand(t), states, Trajectory(OdeSolution(ends, [*pieces.values()]), slope)

    def _states(self, y: Any) -> list[Any]:
        """The states after each step."""
        found = []
        for k in range(len(self.times) - 1):
            (y,) = self._one(lambda formula, y, k: [formula.step(y, k)], k, y)
            found.append(y)
        return found

    def _pieces(self, y: Any, wanted: Sequence[int]) -> tuple[dict[int, Piece], Any]:
        """The polynomials of some of the steps, and the state after the last of them."""
        found, now, factors = {}, 0, self.made(self.outside).factors
        for k in wanted:
            y = self._ahead(y, now, k)
            new, coefficients = self._one(lambda formula, y, k: formula.dense(y, k), k, y)
            found[k] = Piece(self.times[k], self.times[k + 1], y, coefficients, factors)
            y, now = new, k + 1
        return found, y

    def _one(self, taken: Callable[[Formula, Any, int], Any], k: int, y: Any) -> Any:
        def flat(leaves: Sequence[Any]) -> Any:
            return [*taken(self.made(leaves[1:]), leaves[0], k)]

        leaves = [y, *self.outside]
        return Segment(flat, "solve_ivp")(leaves) if self.taped else flat(leaves)

    def _ahead(self, y: Any, now: int, then: int) -> Any:
        def step(leaves: Sequence[Any], k: int) -> list[Any]:
            return [self.made(leaves[1:]).step(leaves[0], k)]

        if not self.taped:
            for k in range(now, then):
                (y,) = step([y, *self.outside], k)
            return y
        kept = self.snapshots
        if kept is None:
            kept = max(math.isqrt(then - now) + 1, _KEPT // (8 * max(1, np.size(primal(y)))))
        return through(step, "solve_ivp", [y], self.outside, range(now, then), kept)[0]
