"""The ufuncs of `scipy.special`; imported when the first of them meets a traced value.

SciPy is an extra: nothing that dualad imports by itself imports this package.
"""

from . import bessel, distributions, errors, gamma, integrals, orthogonal, spherical, unsupported

__all__ = [
    "bessel",
    "distributions",
    "errors",
    "gamma",
    "integrals",
    "orthogonal",
    "spherical",
    "unsupported",
]
