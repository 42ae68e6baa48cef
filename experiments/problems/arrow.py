"""A field whose Jacobian is an arrow: a full first row, a full first column, a diagonal."""

import numpy as np


def field(x, xp=np):
    """Each coupled to the first, and the first to all, as with a shared resource."""
    first = xp.reshape(xp.sum(xp.exp(-x)), (1,))
    return xp.concatenate([first, x[1:] * x[1:] * x[0] + xp.sin(x[1:])])


def point(n, seed):
    return np.random.default_rng(seed).uniform(0.5, 1.5, n)
