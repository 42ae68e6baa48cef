"""Gradient descent with a step that grows while it goes well, as simple as solvers come.

Pearlmutter and Siskind, "Using programming language theory to make automatic differentiation sound and efficient",
2008, differentiate through it, and so it may be given traced values.
"""

STEP, ENOUGH, PATIENCE = 1e-5, 1e-5, 10


def length(v):
    return sum(x * x for x in v) ** 0.5


def argmin(f, gradient, x):
    """A point, as a list of numbers, where the gradient or the last step is small.

    f: function of such a list; gradient: of f, returning one; x: where to start
    """
    step, good = STEP, 0
    value, slopes = f(x), gradient(x)
    while length(slopes) > ENOUGH:
        if good == PATIENCE:
            step, good = 2.0 * step, 0
            continue
        move = [-step * slope for slope in slopes]
        if length(move) <= ENOUGH:
            break
        there = [a + b for a, b in zip(x, move, strict=True)]
        found = f(there)
        if found < value:
            x, value, slopes, good = there, found, gradient(there), good + 1
        else:
            step, good = 0.5 * step, 0
    return x


def argmax(f, gradient, x):
    return argmin(lambda x: -f(x), lambda x: [-slope for slope in gradient(x)], x)
