"""A charged particle that two others are to lead to the origin, by the place of one of them.

Pearlmutter and Siskind, "Using programming language theory to make automatic differentiation sound and efficient",
2008.
"""

import numpy as np

import dualad

H = 0.1
"""The time step of Euler's method."""
STRIDE = 16
"""Steps between two looks at whether the particle has come down: as a loop, they are traced once."""


def distance(p, q):
    return ((p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2) ** 0.5


def miss(w, inner, scan=dualad.scan):
    """The square of where the particle crosses the horizontal axis; one charge hangs `w` below (10, 10).

    inner: how a function of a list is made into its gradient
    """
    charges = [10.0, 10.0 - w], [10.0, 0.0]
    force = inner(lambda x: sum(1.0 / distance(x, charge) for charge in charges))

    def step(state, _):
        x, v = state
        pull = force(x)
        x = [a + H * b for a, b in zip(x, v, strict=True)]
        return (x, [a - H * b for a, b in zip(v, pull, strict=True)]), x[1]

    state = [0.0, 8.0], [0.75, 0.0]
    while True:
        ahead, heights = scan(step, state, length=STRIDE)
        if np.min(heights) <= 0.0:
            break
        state = ahead
    while True:
        v = state[1]
        state, height = step(state, None)
        if height <= 0.0:
            across = state[0][0] - height / v[1] * v[0]
            return across * across
