"""Steps of Runge-Kutta methods as NumPy's functions: from a state to the next, and to the polynomial between them.

Where they begin and end has been chosen before, on plain values. A step of an explicit method is what SciPy computes.
One of an implicit method is given its stages, which solve the collocation equations, and has its derivatives from
these, by the implicit function theorem, whatever iterations found them (Hairer and Wanner 1996, IV.8).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..custom import Call, Leaves, called, operation
from ..errors import ArgumentError, SolverError, error
from ..implicit import Implicit, Residual
from ..jacobian import jacobian
from ..op import Tracer
from ..push import total
from ..series import Series

Slope = Callable[[Any, Any], Any]
# From a state, and a step's number: the next state
Step = Callable[[Any, int], Any]
# The same, and the coefficients of the polynomial between them
Dense = Callable[[Any, int], tuple[Any, Any]]


class Formula(NamedTuple):
    """A method's steps. `factors`, of a place x in (0, 1]: their products up to each multiply the coefficients."""

    step: Step
    dense: Dense
    factors: Callable[[Any], Sequence[Any]]


def explicit(slope: Slope, method: Any, times: Sequence[float]) -> Formula:
    """The steps between `times` of an explicit method, a solver class of SciPy's."""
    further = getattr(method, "A_EXTRA", None)
    order = 7 if further is not None else method.P.shape[1]

    def step(y: Any, k: int) -> Any:
        return _explicit(slope, method, times[k], times[k + 1] - times[k], y)[0]

    def dense(y: Any, k: int) -> tuple[Any, Any]:
        t, h = times[k], times[k + 1] - times[k]
        new, stages = _explicit(slope, method, t, h, y)
        last = slope(t + h, new)
        stages.append(last)
        if further is None:
            return new, h * (np.stack(stages, axis=-1) @ method.P)
        for weights, c in zip(further, method.C_EXTRA, strict=True):
            stages.append(slope(t + float(c) * h, y + _weighted(stages, weights) * h))
        moved, first = new - y, stages[0]
        low = np.stack([moved, h * first - moved, 2.0 * moved - h * (last + first)], axis=-1)
        return new, np.concatenate([low, h * (np.stack(stages, axis=-1) @ method.D.T)], axis=-1)

    def factors(x: Any) -> Sequence[Any]:
        return [x if further is None or i % 2 == 0 else 1 - x for i in range(order)]

    return Formula(step, dense, factors)


def _explicit(slope: Slope, method: Any, t: Any, h: Any, y: Any) -> tuple[Any, list[Any]]:
    """The state after a step of an explicit method, and the slopes at its stages."""
    stages = [slope(t, y)]
    for weights, c in zip(method.A[1:], method.C[1:], strict=True):
        stages.append(slope(t + float(c) * h, y + _weighted(stages, weights) * h))
    return y + h * _weighted(stages, method.B), stages


def _weighted(stages: Sequence[Any], weights: Any) -> Any:
    """A sum: of traced vectors cheaper than a product with the matrix that they make."""
    terms = [k * w for k, w in zip(stages, weights.tolist(), strict=False) if w != 0.0]
    return total(terms)


# Radau IIA of three stages, by what defines it: the polynomial u of third degree with u(0) = y whose slope is right at
# these places (Hairer and Wanner 1996, IV.5). Of its coefficients, _AT gives the values there, _SLOPES the slopes.
_NODES = np.array([(4 - 6**0.5) / 10, (4 + 6**0.5) / 10, 1.0])
_AT = _NODES[:, None] ** [1, 2, 3]
_FROM = np.linalg.inv(_AT)
_SLOPES = ([1, 2, 3] * _NODES[:, None] ** [0, 1, 2]) @ _FROM


def collocation(
    rule: Collocation, outside: Sequence[Any], found: Sequence[Any], times: Sequence[float]
) -> Formula:
    """The steps between `times` of Radau IIA, whose stages, relative to the states before them, were `found`."""

    def stages(y: Any, k: int) -> Any:
        def solved(y: Any, t: Any, h: Any, outside: Any) -> Any:
            return found[k]

        return called(
            operation(solved), solved, rule, (y, times[k], times[k + 1] - times[k], list(outside)), {}
        )

    def step(y: Any, k: int) -> Any:
        return y + stages(y, k)[2]

    def dense(y: Any, k: int) -> tuple[Any, Any]:
        z = stages(y, k)
        return y + z[2], (_FROM @ z).T

    return Formula(step, dense, lambda x: [x, x, x])


class Collocation(Implicit):
    """The rule of a step's stages: the polynomial's slopes there are those of the equation."""

    def __init__(self, closed: Callable[[Sequence[Any]], Slope]) -> None:
        self.closed = closed

        def condition(z: Any, y: Any, t: Any, h: Any, outside: Any) -> Any:
            slope = closed(outside)
            slopes = [slope(t + c * h, y + z[i]) for i, c in enumerate(_NODES.tolist())]
            return _SLOPES @ z - h * np.stack(slopes)

        super().__init__(condition, "root", "dense", np.inf)

    def _solved(
        self, call: Call, f: Residual, y: Sequence[Any], args: Sequence[Any], b: Leaves, transpose: bool
    ) -> Leaves:
        """The Jacobians of all stages with the directions of one, where the condition's has those of all."""
        (z,), (state, t, h, outside) = y, call.arguments(args)
        slope, n = self.closed(outside), np.shape(state)[0]

        def slopes(v: Any) -> Any:
            return np.stack([slope(t + c * h, state + z[i] + v) for i, c in enumerate(_NODES.tolist())])

        blocks = jacobian(slopes)(np.zeros(n))[:, :, None, :] * np.eye(3)[:, None, :, None]
        a = np.kron(_SLOPES, np.eye(n)) - h * np.reshape(blocks, (3 * n, 3 * n))
        try:
            x = np.linalg.solve(a.T if transpose else a, np.reshape(b[0], (-1,)))
        except np.linalg.LinAlgError as problem:
            raise error(
                SolverError,
                "a step of method='Radau' has a singular Jacobian, and no derivative",
                "smaller steps, by max_step=… or a smaller rtol",
            ) from problem
        return [np.reshape(x, (3, n))]


def flowed(slope: Slope, t: Any, ahead: Any, y: Any) -> Any:
    """A state, after a time whose value is 0: its derivatives in that time are those of the equation's solution.

    A step of order p of length h has the first p derivatives of the solution in h at h = 0.
    """
    if not isinstance(ahead, Tracer):
        return y
    order = _order(ahead)
    if order == 1:
        return y + ahead * slope(t, y)
    from scipy.integrate import DOP853, RK23, RK45

    for method in (RK23, RK45, DOP853):
        if method.order >= order:
            return _explicit(slope, method, t, ahead, y)[0]
    raise error(
        ArgumentError,
        f"dualad.scipy.integrate.solve_ivp has no derivatives of order {order} in times, the ends of t_span or points "
        "of t_eval",
        f"order {DOP853.order} or less",
    )


def _order(v: Any) -> int:
    """A bound for the order of the derivatives that are being taken in a value: beyond it, powers of it vanish."""
    order = 0
    while isinstance(v, Tracer):
        order += v.level.order if isinstance(v, Series) else 1
        v = v.value
    return order
