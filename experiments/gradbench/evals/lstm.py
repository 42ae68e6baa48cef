"""The loss of a recurrent network."""

import numpy as np

import dualad
from experiments.gradbench.function import Function, array
from experiments.problems.lstm import loss


def read(given):
    bits = len(given["sequence"][0])
    gates = np.reshape(array(given["main_params"]), (-1, 2, 4, bits))
    state = np.reshape(array(given["state"]), (-1, 2, bits))
    return [gates, array(given["extra_params"])], state, array(given["sequence"])


def write(gradient):
    return np.concatenate([np.ravel(part) for part in gradient]).tolist()


FUNCTIONS = {
    "objective": Function(read, dualad.compile(loss)),
    "jacobian": Function(read, dualad.compile(dualad.grad(loss)), write),
}
