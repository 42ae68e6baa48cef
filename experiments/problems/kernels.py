"""Derivatives written by hand, as the fastest code that one would write without a library for them."""

import numpy as np


def rosenbrock_gradient(x):
    """Rosenbrock's gradient in one pass; a loop over scalars, meant for a compiler."""
    gradient = np.empty_like(x)
    carried = 0.0
    for i in range(len(x) - 1):
        t = x[i + 1] - x[i] * x[i]
        gradient[i] = carried - 400.0 * t * x[i] - 2.0 * (1.0 - x[i])
        carried = 200.0 * t
    gradient[len(x) - 1] = carried
    return gradient


def logistic_gradient(w, X, y):
    """The gradient of the mean binary cross-entropy: the residuals of the probabilities, weighed by the data."""
    return (1.0 / (1.0 + np.exp(-(X @ w))) - y) @ X / len(y)
