"""Least squares: how far a polynomial is from the sign function, at equidistant points of [-1, 1]."""

import numpy as np


def misfit(coefficients, n):
    """Half the sum of squared differences at `n` points; the coefficients, lowest power first, by Horner's scheme."""
    t = np.linspace(-1.0, 1.0, n)
    p = np.zeros(n)
    for j in reversed(range(len(coefficients))):
        p = p * t + coefficients[j]
    r = np.sign(t) - p
    return 0.5 * np.sum(r * r)
