"""The Brusselator: two reacting species that diffuse on a periodic square grid."""

import numpy as np

FEED, DECAY, DIFFUSION = 1.0, 3.4, 0.02


def laplacian(u, xp=np):
    """Five-point differences, without the grid's spacing."""
    neighbours = xp.roll(u, 1, 0) + xp.roll(u, -1, 0) + xp.roll(u, 1, 1) + xp.roll(u, -1, 1)
    return neighbours - 4.0 * u


def rhs(state, xp=np):
    """Rates of change of both species, stacked as `state` is: shape (2, n, n)."""
    u, v = state[0], state[1]
    scale = DIFFUSION * u.shape[0] ** 2 / 100.0
    reaction = u * u * v
    du = FEED + reaction - (DECAY + 1.0) * u + scale * laplacian(u, xp)
    dv = DECAY * u - reaction + scale * laplacian(v, xp)
    return xp.stack([du, dv])


def data(n, directions, seed):
    """A state of shape (2, n, n) and directions on a last axis."""
    rng = np.random.default_rng(seed)
    state = np.stack([FEED + 0.1 * rng.standard_normal((n, n)), DECAY + 0.1 * rng.standard_normal((n, n))])
    return state, rng.standard_normal((2, n, n, directions))
