"""A saddle point by descent in which each step's function is itself found by descent.

Pearlmutter and Siskind, "Using programming language theory to make automatic differentiation sound and efficient",
2008.
"""

from experiments.problems.descent import argmax


def height(x, y):
    """A function of two points of the plane, with its saddle at the origin."""
    return x[0] * x[0] + x[1] * x[1] - (y[0] * y[0] + y[1] * y[1])


def best(x, start, inner):
    """The y for which the height over x is greatest; `inner` makes a function of a list into its gradient."""

    def f(y):
        return height(x, y)

    return argmax(f, inner(f), start)


def worst(x, start, inner):
    """The height there, whose minimum over x is the saddle point's."""
    return height(x, best(x, start, inner))
