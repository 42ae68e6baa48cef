"""Twins of functions of `scipy.special` that are written in Python, with SciPy's signatures.

SciPy's own convert their arguments to plain arrays. SciPy is imported by those twins that compute with its ufuncs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op import primal

Axis = int | tuple[int, ...] | None


def logsumexp(
    a: Any, axis: Axis = None, b: Any = None, keepdims: bool = False, return_sign: bool = False
) -> Any:
    """Logarithm of the sum of exponentials, without overflow.

    a: array; axis: along which to sum, all of it by default; b: factors of the exponentials
    returns: log(sum(b * exp(a))); with `return_sign` the logarithm of its size, and its sign, a plain value

    >>> grad(dualad.scipy.special.logsumexp)(np.array([1000.0, 1000.0]))
    array([0.5, 0.5])
    """
    top = np.max(
        primal(a) if b is None else np.where(primal(b) == 0, -np.inf, primal(a)), axis=axis, keepdims=True
    )
    top = np.where(np.isfinite(top), top, 0.0)  # any shift will do: no derivative goes through it
    terms = np.exp(a - top)
    if b is not None:
        terms = np.where(primal(b) == 0, 0.0, b * terms)
    total = np.sum(terms, axis=axis, keepdims=True)
    sign = np.sign(total)
    if return_sign:
        total = np.abs(total)
    y = np.log(total) + top
    y = y if keepdims else np.squeeze(y, axis=axis)
    return (y, sign if keepdims else np.squeeze(sign, axis=axis)) if return_sign else y


def log_softmax(x: Any, axis: Axis = None) -> Any:
    """Logarithm of `softmax`, accurate where that underflows.

    >>> dualad.scipy.special.log_softmax(np.array([1000.0, 0.0]))
    array([    0., -1000.])
    """
    x = x - np.max(primal(x), axis=axis, keepdims=True)
    return x - np.log(np.sum(np.exp(x), axis=axis, keepdims=True))


def softmax(x: Any, axis: Axis = None) -> Any:
    """Exponentials divided by their sum along `axis`, all of them by default.

    >>> dualad.scipy.special.softmax(np.array([0.0, 0.0]))
    array([0.5, 0.5])
    """
    e = np.exp(x - np.max(primal(x), axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def polygamma(n: Any, x: Any) -> Any:
    """Derivative of order `n` of the digamma function; `n` is plain.

    >>> round(grad(lambda x: dualad.scipy.special.polygamma(0, x))(1.0), 12)
    1.644934066848
    """
    from ..rules.special import gamma

    return gamma.polygamma(n, x)


__all__ = ["log_softmax", "logsumexp", "polygamma", "softmax"]
