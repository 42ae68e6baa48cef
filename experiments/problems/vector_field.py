"""A vector field R^n -> R^m through a middle layer of fixed width, so that n and m vary freely."""

import numpy as np


def field(x, B, C):
    """Inputs are mixed into a middle layer, bent smoothly, and mixed into m outputs."""
    u = np.tanh(B @ x)
    u = u * np.cos(u) + np.exp(-u * u)
    return np.sin(C @ u)


def data(n, m, width, seed):
    """A point and the two mixing matrices, scaled so that no layer saturates."""
    rng = np.random.default_rng(seed)
    B = rng.standard_normal((width, n)) / np.sqrt(n)
    C = rng.standard_normal((m, width)) / np.sqrt(width)
    return rng.standard_normal(n), B, C
