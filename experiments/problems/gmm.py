"""Fitting a mixture of Gaussians: the log-likelihood with Wishart's prior that the ADBench suite differentiates.

Šrajer, Kukelova and Fitzgibbon, "A benchmark of selected algorithmic differentiation tools", 2018.
"""

import math

import numpy as np

from experiments.problems.logsumexp import logsumexp

PRIOR, FREEDOM = 0.7, 1
"""Wishart's precision, and its degrees of freedom beyond the number of dimensions plus one."""


def strictly_lower(d):
    """0/1 matrix that places d(d-1)/2 numbers, column by column, below the diagonal of a d x d matrix."""
    columns, rows = np.triu_indices(d, 1)
    place = np.zeros((len(rows), d * d))
    place[np.arange(len(rows)), rows * d + columns] = 1.0
    return place


def objective(parameters, X, xp=np, precision=PRIOR, freedom=FREEDOM):
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
    prior = 0.5 * precision**2 * (xp.sum(diagonal * diagonal) + xp.sum(below * below)) - freedom * xp.sum(
        logs
    )
    return likelihood - prior


def constant(samples, d, k, precision=PRIOR, freedom=FREEDOM):
    """What `objective` leaves out of the log-posterior: the logarithms of both densities' factors."""
    n = d + freedom + 1
    gamma = d * (d - 1) / 4 * np.log(np.pi) + sum(math.lgamma((n - i) / 2) for i in range(d))
    return k * (n * d * np.log(precision / np.sqrt(2.0)) - gamma) - samples * d / 2 * np.log(2.0 * np.pi)


def data(samples, d, k, seed):
    rng = np.random.default_rng(seed)
    parameters = [
        rng.standard_normal(k),
        rng.standard_normal((k, d)),
        0.3 * rng.standard_normal((k, d * (d + 1) // 2)),
    ]
    return parameters, rng.standard_normal((samples, d))
