"""A determinant by expansion into minors."""

import numpy as np

import dualad
from experiments.gradbench.function import Function, array
from experiments.problems.minors import determinant


def read(given):
    return (np.reshape(array(given["A"]), (given["ell"], given["ell"])),)


FUNCTIONS = {
    "primal": Function(read, dualad.compile(determinant)),
    "gradient": Function(read, dualad.compile(dualad.grad(determinant)), lambda g: np.ravel(g).tolist()),
}
