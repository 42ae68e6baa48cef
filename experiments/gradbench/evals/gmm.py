"""The log posterior of a mixture of Gaussians."""

import numpy as np

import dualad
from experiments.gradbench.function import Function, array
from experiments.problems.gmm import constant, objective


def posterior(parameters, X, precision, freedom):
    k, d = parameters[1].shape
    return objective(parameters, X, np, precision, freedom) + constant(len(X), d, k, precision, freedom)


def read(given):
    weights, means, logs = (array(given[name]) for name in ("alpha", "mu", "q"))
    below = np.reshape(array(given["l"]), (given["k"], -1))
    parameters = [weights, means, np.concatenate([logs, below], axis=1)]
    return parameters, array(given["x"]), float(given["gamma"]), given["m"]


def write(gradient):
    weights, means, factors = gradient
    d = means.shape[1]
    return {
        "alpha": weights.tolist(),
        "mu": means.tolist(),
        "q": factors[:, :d].tolist(),
        "l": factors[:, d:].tolist(),
    }


FUNCTIONS = {
    "objective": Function(read, dualad.compile(posterior)),
    "jacobian": Function(read, dualad.compile(dualad.grad(posterior)), write),
}
