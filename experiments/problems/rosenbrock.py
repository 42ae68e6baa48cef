"""Rosenbrock's function: once on arrays, once as a Python loop over scalars."""

import numpy as np


def array(x, xp=np):
    """The function of a vector."""
    t = x[1:] - x[:-1] * x[:-1]
    u = 1.0 - x[:-1]
    return xp.sum(100.0 * t * t + u * u)


def loop(x):
    """The same, of a list of scalars of whatever type."""
    total = 0.0
    for i in range(len(x) - 1):
        t = x[i + 1] - x[i] * x[i]
        u = 1.0 - x[i]
        total = total + 100.0 * t * t + u * u
    return total


def start(n, seed):
    """A point near the usual start (-1.2, 1, -1.2, 1, ...), where no derivative vanishes."""
    usual = np.where(np.arange(n) % 2 == 0, -1.2, 1.0)
    return usual + 0.1 * np.random.default_rng(seed).standard_normal(n)
