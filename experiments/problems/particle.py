"""A charged particle that two others are to lead to the origin, by the place of one of them.

Pearlmutter and Siskind, "Using programming language theory to make automatic differentiation sound and efficient",
2008.
"""

H = 0.1
"""The time step of Euler's method."""


def distance(p, q):
    return ((p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2) ** 0.5


def miss(w, inner):
    """The square of where the particle crosses the horizontal axis; one charge hangs `w` below (10, 10).

    inner: how a function of a list is made into its gradient
    """
    charges = [10.0, 10.0 - w], [10.0, 0.0]
    force = inner(lambda x: sum(1.0 / distance(x, charge) for charge in charges))
    x, v = [0.0, 8.0], [0.75, 0.0]
    while True:
        pull = force(x)
        x = [a + H * b for a, b in zip(x, v, strict=True)]
        if x[1] <= 0.0:
            across = x[0] - x[1] / v[1] * v[0]
            return across * across
        v = [a - H * b for a, b in zip(v, pull, strict=True)]
