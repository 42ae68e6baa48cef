"""The logarithm of a sum of exponentials."""

import numpy as np


def logsumexp(x, xp=np):
    """Over the last axis, safe for exponents of any size."""
    largest = xp.amax(x, axis=-1, keepdims=True)
    return largest[..., 0] + xp.log(xp.sum(xp.exp(x - largest), axis=-1))
