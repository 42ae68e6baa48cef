"""A saddle point, by descent in which descent is differentiated."""

import dualad
from experiments.gradbench.function import Function
from experiments.gradbench.modes import MODES
from experiments.problems.descent import argmin
from experiments.problems.saddle import best, worst


def solver(outer, inner):
    """Compiled functions are made once, and so are traced in the first run only."""
    value = dualad.compile(lambda x, start: worst(x, start, inner))
    slopes = dualad.compile(outer(lambda x, start: worst(x, start, inner)))
    against = dualad.compile(lambda x, start: best(x, start, inner))

    def solve(start):
        x = argmin(lambda x: value(x, start), lambda x: slopes(x, start), start)
        return [*x, *against(x, start)]

    return solve


def read(given):
    return ([float(x) for x in given["start"]],)


FUNCTIONS = {name: Function(read, solver(*modes)) for name, modes in MODES.items()}
