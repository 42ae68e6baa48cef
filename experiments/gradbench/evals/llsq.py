"""Least squares by a polynomial."""

import dualad
from experiments.gradbench.function import Function, array
from experiments.problems.polynomial import misfit


def read(given):
    return array(given["x"]), given["n"]


FUNCTIONS = {
    "primal": Function(read, dualad.compile(misfit)),
    "gradient": Function(read, dualad.compile(dualad.grad(misfit))),
}
