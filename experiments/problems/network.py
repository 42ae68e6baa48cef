"""The loss of a small tanh network, as a function of all its parameters in one vector."""

import numpy as np

INPUTS = 4


def size(hidden):
    """How many parameters a network with that many hidden units has."""
    return (INPUTS + 2) * hidden + 1


def loss(p, X, y, hidden):
    """Half the mean squared error of `W2 tanh(W1 x + b1) + b2` over the rows of `X`."""
    W1 = np.reshape(p[: INPUTS * hidden], (INPUTS, hidden))
    b1 = p[INPUTS * hidden : (INPUTS + 1) * hidden]
    W2 = p[(INPUTS + 1) * hidden : (INPUTS + 2) * hidden]
    residual = np.tanh(X @ W1 + b1) @ W2 + p[-1] - y
    return 0.5 * np.mean(residual * residual)


def data(hidden, samples, seed):
    """A parameter vector, inputs and targets: y is a smooth function of the inputs."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((samples, INPUTS))
    y = np.sin(X[:, 0]) * X[:, 1] + 0.5 * X[:, 2]
    return 0.5 * rng.standard_normal(size(hidden)), X, y
