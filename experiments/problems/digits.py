"""A network with one hidden layer on the 8 x 8 handwritten digits that scikit-learn brings along."""

import numpy as np

INPUTS, CLASSES = 64, 10


def size(hidden):
    """How many parameters the network has."""
    return (INPUTS + 1) * hidden + (hidden + 1) * CLASSES


def scores(p, X, hidden):
    """A row of ten scores for each picture; `p` holds both layers' weights and biases, one after the other."""
    cut = (INPUTS + 1) * hidden
    first = np.reshape(p[:cut], (INPUTS + 1, hidden))
    second = np.reshape(p[cut:], (hidden + 1, CLASSES))
    return np.tanh(X @ first[:-1] + first[-1]) @ second[:-1] + second[-1]


def cross_entropy(z, labels):
    """Mean over the rows of log Σ exp z minus the score of the label, whose rows are unit vectors."""
    z = z - np.max(z, axis=1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(z), axis=1)) - np.sum(labels * z, axis=1))


def loss(p, X, labels, hidden):
    return cross_entropy(scores(p, X, hidden), labels)


def data(hidden, seed):
    """Parameters to begin with, the 1,797 pictures in a drawn order, and their labels as unit vectors."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(X))
    weights = [rng.standard_normal((n + 1, m)) / np.sqrt(n) for n, m in ((INPUTS, hidden), (hidden, CLASSES))]
    for w in weights:
        w[-1] = 0.0
    return np.concatenate([w.ravel() for w in weights]), X[order] / 16.0, np.eye(CLASSES)[y[order]]
