"""Twins of functions of `scipy.special` that are written in Python, with SciPy's signatures.

SciPy's own convert their arguments to plain arrays. SciPy is imported by those twins that compute with its ufuncs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import KeywordError, error
from ..op import primal
from ..tracer import operand
from .arguments import plain_only, traced

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

    plain_only(n, "polygamma", "n, the order")
    return gamma.polygamma(n, x)


def _spherical(name: str, n: Any, z: Any, derivative: bool) -> Any:
    from scipy import special

    plain_only(n, f"spherical_{name}", "n, the order")
    z = operand(z)
    if not traced(z):
        return getattr(special, f"spherical_{name}")(n, z, derivative)
    from ..rules.special import spherical

    f = spherical.FUNCTIONS[name]
    return spherical.slope(f, spherical.SIGNS[name], n, z) if derivative else f(n, z)


def spherical_jn(n: Any, z: Any, derivative: bool = False) -> Any:
    """Spherical Bessel function of the first kind, or its derivative, by recurrence (DLMF 10.51.2).

    n: order, an integer or an array of them, plain; z: number or array
    returns: array of the shape of both, broadcast
    raises: KeywordError for a traced order

    >>> grad(lambda z: dualad.scipy.special.spherical_jn(1, z))(0.0)
    0.3333333333333333
    """
    return _spherical("jn", n, z, derivative)


def spherical_yn(n: Any, z: Any, derivative: bool = False) -> Any:
    """Spherical Bessel function of the second kind, or its derivative; arguments as for `spherical_jn`.

    >>> round(grad(lambda z: dualad.scipy.special.spherical_yn(0, z))(1.0), 12)
    1.381773290676
    """
    return _spherical("yn", n, z, derivative)


def spherical_in(n: Any, z: Any, derivative: bool = False) -> Any:
    """Modified spherical Bessel function of the first kind, or its derivative (DLMF 10.51.5); as `spherical_jn`.

    >>> round(grad(lambda z: dualad.scipy.special.spherical_in(0, z))(1.0), 12)
    0.367879441171
    """
    return _spherical("in", n, z, derivative)


def spherical_kn(n: Any, z: Any, derivative: bool = False) -> Any:
    """Modified spherical Bessel function of the second kind, or its derivative; arguments as for `spherical_jn`.

    >>> round(grad(lambda z: dualad.scipy.special.spherical_kn(0, z))(1.0), 12)
    -1.155727349791
    """
    return _spherical("kn", n, z, derivative)


def multigammaln(a: Any, d: Any) -> Any:
    """Logarithm of the multivariate gamma function, a sum of `gammaln` (Muirhead 1982).

    a: number or array above (d - 1) / 2; d: the dimension, a plain integer
    returns: array of the shape of `a`
    raises: ValueError outside the domain

    >>> round(grad(lambda a: dualad.scipy.special.multigammaln(a, 2))(2.0), 12)
    0.459274309077
    """
    from scipy import special

    plain_only(d, "multigammaln", "d, the dimension")
    a = operand(a)
    if not traced(a):
        return special.multigammaln(a, d)
    if d != int(d) or d < 1:
        raise ValueError("multigammaln: d should be a positive integer (dimension)")
    if np.any(primal(a) <= 0.5 * (d - 1)):
        raise ValueError(f"multigammaln: a is to be greater than {0.5 * (d - 1)}")
    terms = [special.gammaln(a - 0.5 * k) for k in range(int(d))]
    return sum(terms, 0.25 * d * (d - 1) * float(np.log(np.pi)))


def comb(N: Any, k: Any, *, exact: bool = False, repetition: bool = False) -> Any:
    """Number of ways to choose `k` of `N` things, in real `N` and `k` by the gamma function (`binom`).

    It is 0 where k > N, k < 0 or N < 0. exact: for plain integers only; repetition: whether things may be chosen again
    returns: array of the shape of both, broadcast
    raises: KeywordError for a traced value with `exact`

    >>> grad(lambda N: dualad.scipy.special.comb(N, 2))(4.0)
    3.5
    """
    from scipy import special

    N, k = operand(N), operand(k)
    if not traced(N, k):
        return special.comb(N, k, exact=exact, repetition=repetition)
    _inexact(exact, "comb")
    if repetition:
        none = np.asarray((primal(k) == 0) & (primal(N) >= 0))
        inside = ~none
        N = N + k - 1
    else:
        none = np.asarray(False)
        inside = np.asarray((primal(k) <= primal(N)) & (primal(N) >= 0) & (primal(k) >= 0))
    # Where another constant stands, the rule of `binom` is not asked: it may be infinite.
    y = special.binom(np.where(inside, N, 1.0), np.where(inside, k, 0.0))
    return +np.where(none, 1.0, np.where(inside, y, 0.0))


def factorial(n: Any, exact: bool = False, extend: str = "zero") -> Any:
    """Factorial of a real number, gamma(n + 1).

    n: number or array; exact: for plain integers only
    extend: "zero" for 0 at negative `n`, "complex" for the gamma function there too
    returns: array of the shape of `n`
    raises: KeywordError for a traced value with `exact`

    >>> round(grad(dualad.scipy.special.factorial)(0.0), 12)
    -0.577215664902
    """
    from scipy import special

    n = operand(n)
    if not traced(n):
        return special.factorial(n, exact, extend)
    _inexact(exact, "factorial")
    if extend not in ("zero", "complex"):
        raise ValueError(f"extend is 'zero' or 'complex', not {extend!r}")
    if extend == "complex":
        return special.gamma(n + 1)
    zero = np.asarray(primal(n) < 0)
    return +np.where(zero, 0.0, special.gamma(np.where(zero, 0.0, n) + 1))


def _inexact(exact: bool, name: str) -> None:
    if exact:
        raise error(
            KeywordError,
            f"scipy.special.{name} with exact=True counts integers: no derivative",
            "exact=False",
        )


__all__ = [
    "comb",
    "factorial",
    "log_softmax",
    "logsumexp",
    "multigammaln",
    "polygamma",
    "softmax",
    "spherical_in",
    "spherical_jn",
    "spherical_kn",
    "spherical_yn",
]
