"""Derivatives as integrals of positive terms, where differences of values would cancel."""

import math
from typing import Any

import numpy as np

BLOCK = 1024  # arguments at a time, so that the table of exponentials stays near the caches


def exponentials(x: Any, rates: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Σ weight · exp(-rate · x), elementwise in plain `x`, in double precision."""
    flat = np.ravel(np.asarray(x, float))
    found = np.empty_like(flat)
    for k in range(0, flat.size, BLOCK):
        found[k : k + BLOCK] = np.exp(np.multiply.outer(flat[k : k + BLOCK], -rates)) @ weights
    return found.reshape(np.shape(x))


def half_line(lo: float, hi: float, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of an integral from 0 to infinity over what decays like a Gaussian.

    The trapezoidal rule in u, where t = exp(u - exp(-u)) (Takahasi and Mori 1974): nodes near 0 keep their digits.
    """
    u = np.arange(round(lo / step), round(hi / step) + 1) * step
    t = np.exp(u - np.exp(-u))
    return t, step * t * (1 + np.exp(-u))


def unit(end: float, step: float) -> tuple[np.ndarray, np.ndarray]:
    """The same from 0 to 1, for what decays from 0 on: t = 1 / (1 + exp(-π sinh(u)))."""
    u = np.arange(-round(end / step), round(end / step) + 1) * step
    t = 1 / (1 + np.exp(-math.pi * np.sinh(u)))
    return t, step * math.pi * np.cosh(u) * t / (1 + np.exp(math.pi * np.sinh(u)))
