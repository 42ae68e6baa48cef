"""The Lorenz-96 model's right-hand side: every component couples to its neighbours on a ring."""

import numpy as np


def rhs(x, xp=np, forcing=8.0):
    return (xp.roll(x, -1) - xp.roll(x, 2)) * xp.roll(x, 1) - x + forcing


def state(n, seed):
    """A state around the fixed point, disturbed."""
    return 8.0 + np.random.default_rng(seed).standard_normal(n)


def flow(x, xp=np, steps=10, h=0.05):
    """The state after `steps` steps of Runge and Kutta's fourth-order method."""
    for _ in range(steps):
        a = rhs(x, xp)
        b = rhs(x + 0.5 * h * a, xp)
        c = rhs(x + 0.5 * h * b, xp)
        d = rhs(x + h * c, xp)
        x = x + h / 6.0 * (a + 2.0 * b + 2.0 * c + d)
    return x
