"""An ordinary differential equation by Runge and Kutta's fourth order; the gradient is that of its last component."""

import dualad
from experiments.gradbench.function import Function, array
from experiments.problems.cascade import final, last


def read(given):
    return array(given["x"]), given["s"]


FUNCTIONS = {
    "primal": Function(read, dualad.compile(final)),
    "gradient": Function(read, dualad.compile(dualad.grad(last))),
}
