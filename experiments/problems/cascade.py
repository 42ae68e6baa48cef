"""Rates that pass from one component to the next, y₀' = x₀ and yᵢ' = xᵢ yᵢ₋₁, by Runge and Kutta's fourth order."""

import numpy as np

import dualad

END = 2.0
"""The time up to which the equation is solved, from y = 0."""
UNROLLED = 10
"""Steps that are written out one after the other: more are a loop."""


def final(x, steps, scan=dualad.scan):
    """All components at the end."""
    h = END / steps

    def rates(y):
        return np.concatenate([x[:1], x[1:] * y[:-1]])

    def step(y, _):
        a = rates(y)
        b = rates(y + 0.5 * h * a)
        c = rates(y + 0.5 * h * b)
        d = rates(y + h * c)
        return y + h / 6.0 * (a + 2.0 * (b + c) + d), None

    y = np.zeros_like(x)
    if steps > UNROLLED:
        return scan(step, y, length=steps)[0]
    for _ in range(steps):
        y, _ = step(y, None)
    return y


def last(x, steps):
    """The last component at the end."""
    return final(x, steps)[-1]
