"""A square and its derivative: whether the protocol works."""

import dualad
from experiments.gradbench.function import Function


def square(x):
    return x * x


def read(x):
    return (float(x),)


FUNCTIONS = {"square": Function(read, square), "double": Function(read, dualad.grad(square))}
