"""Newton's direction for clustering by k means, whose Hessian is diagonal."""

import numpy as np

import dualad
from experiments.gradbench.function import Function, array
from experiments.problems.clusters import cost


def direction(centres, points):
    """The gradient, divided by the Hessian's diagonal: both from one pass of forward over reverse mode."""
    gradient = dualad.grad(lambda c: cost(c, points))
    slopes, diagonal = dualad.jvp(gradient, (centres,), (np.ones(centres.shape),))
    return slopes / diagonal


def read(given):
    return array(given["centroids"]), array(given["points"])


FUNCTIONS = {
    "cost": Function(read, dualad.compile(cost)),
    "dir": Function(read, dualad.compile(direction)),
}
