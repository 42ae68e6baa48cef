"""Fitting a mixture of Gaussians: the log-likelihood with Wishart's prior that the ADBench suite differentiates.

Šrajer, Kukelova and Fitzgibbon, "A benchmark of selected algorithmic differentiation tools", 2018.
"""

import numpy as np

PRIOR = 0.7
"""Wishart's precision; it has as many degrees of freedom as there are dimensions, plus one."""


def strictly_lower(d):
    """0/1 matrix that places d(d-1)/2 numbers, column by column, below the diagonal of a d x d matrix."""
    columns, rows = np.triu_indices(d, 1)
    place = np.zeros((len(rows), d * d))
    place[np.arange(len(rows)), rows * d + columns] = 1.0
    return place


def objective(parameters, X, xp=np):
    """Log-density of the points, up to a constant, plus the log-prior.

    parameters: [weights (K,), means (K, d), inverse factors (K, d + d(d-1)/2)]: logarithms of the
    diagonals first, then what is below them
    """
    weights, means, factors = parameters
    k, d = means.shape
    logs, below = factors[:, :d], factors[:, d:]
    diagonal = xp.exp(logs)
    place = strictly_lower(d)
    if xp is not np:
        place = xp.asarray(place)
    lower = xp.reshape(below @ place, (k, d, d))
    centred = X[:, None, :] - means
    turned = diagonal * centred + xp.einsum("kij,nkj->nki", lower, centred)
    terms = weights + xp.sum(logs, axis=1) - 0.5 * xp.sum(turned * turned, axis=2)
    likelihood = xp.sum(logsumexp(terms, xp)) - X.shape[0] * logsumexp(weights, xp)
    prior = 0.5 * PRIOR**2 * (xp.sum(diagonal * diagonal) + xp.sum(below * below)) - xp.sum(logs)
    return likelihood - prior


def logsumexp(x, xp):
    """Over the last axis, safe for exponents of any size."""
    largest = xp.amax(x, axis=-1, keepdims=True)
    return largest[..., 0] + xp.log(xp.sum(xp.exp(x - largest), axis=-1))


def data(samples, d, k, seed):
    rng = np.random.default_rng(seed)
    parameters = [
        rng.standard_normal(k),
        rng.standard_normal((k, d)),
        0.3 * rng.standard_normal((k, d * (d + 1) // 2)),
    ]
    return parameters, rng.standard_normal((samples, d))
