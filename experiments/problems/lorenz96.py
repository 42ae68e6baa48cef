"""The Lorenz-96 model's right-hand side: every component couples to its neighbours on a ring."""

import numpy as np


def rhs(x, xp=np, forcing=8.0):
    return (xp.roll(x, -1) - xp.roll(x, 2)) * xp.roll(x, 1) - x + forcing


def state(n, seed):
    """A state around the fixed point, disturbed."""
    return 8.0 + np.random.default_rng(seed).standard_normal(n)
