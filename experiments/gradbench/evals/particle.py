"""Where to place a charge, by descent on the result of a simulation, whose steps take a gradient each."""

import dualad
from experiments.gradbench.function import Function
from experiments.gradbench.modes import MODES
from experiments.problems.descent import argmin
from experiments.problems.particle import miss


def solver(outer, inner):
    """Compiled functions are made once, and so are traced in the first run only."""

    def f(w):
        return miss(w[0], inner)

    value, slopes = dualad.compile(f), dualad.compile(outer(f))
    return lambda w: argmin(value, slopes, [w])[0]


def read(given):
    return (float(given["w"]),)


FUNCTIONS = {name: Function(read, solver(*modes)) for name, modes in MODES.items()}
