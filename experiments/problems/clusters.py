"""Clustering by k means: the sum of each point's squared distance to the nearest centre.

Bottou and Bengio, "Convergence properties of the k-means algorithms", 1994, take Newton steps on it.
"""

import numpy as np


def cost(centres, points):
    """Of centres (k, d) for points (n, d)."""
    # Nearest by |c|² - 2 p·c, which differs from the squared distance by what is the same for all centres.
    closeness = np.sum(centres * centres, axis=1) - 2.0 * (points @ centres.T)
    away = points - centres[np.argmin(closeness, axis=1)]
    return np.sum(away * away)
