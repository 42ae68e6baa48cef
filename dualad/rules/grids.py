"""The evaluation functions of np.polynomial that dispatch, in newer NumPy; imported when one meets a traced value."""

import numpy as np

from ..op import composite
from .examples import arrays
from .shape import as_array


def _horner(x, c):
    """The polynomials whose coefficients lie along the first axis of `c`, which has the axes of `x` behind."""
    y = c[-1] + 0.0 * x
    for k in range(2, np.shape(c)[0] + 1):
        y = c[-k] + y * x
    return y


def _laid(c, x):
    c = np.atleast_1d(as_array(c))
    return np.reshape(c, np.shape(c) + (1,) * np.ndim(x))


def _polyval2d(x, y, c):
    x, y = as_array(x), as_array(y)
    if np.shape(x) != np.shape(y):
        raise ValueError("x, y are incompatible")
    return _horner(y, _horner(x, _laid(c, x)))


def _polygrid2d(x, y, c):
    x, y = as_array(x), as_array(y)
    return _horner(y, _laid(_horner(x, _laid(c, x)), y))


for _fn, _function, _examples in (
    (
        np.polynomial.polynomial.polyval2d,
        _polyval2d,
        arrays(((3,), (3,), (2, 3)), ((2, 2), (2, 2), (3, 2, 2))),
    ),
    (np.polynomial.polynomial.polygrid2d, _polygrid2d, arrays(((3,), (2,), (2, 3)), ((2, 2), (3,), (3, 2)))),
):
    if hasattr(_fn, "_implementation"):
        composite(_fn, examples=_examples)(_function)
