"""The gamma function and its kin."""

import math

import numpy as np
from scipy import special

from ...op import Op, elementwise
from ..examples import pairs, points
from .errors import positive
from .parametric import like, parametric, with_parameters

# The ufunc behind scipy.special.zeta with two arguments, a Python function that passes traced values on
HURWITZ = getattr(special._ufuncs, "_zeta", None)
hurwitz: Op = elementwise(
    lambda s, q: special.zeta(s, q),
    None,
    lambda y, s, q: -s * hurwitz(s + 1, q),
    name="Hurwitz zeta",
    dispatches=False,
    examples=with_parameters((2,), points(0.6, 4.0)),
)
if HURWITZ is not None:
    parametric(
        HURWITZ,
        "x, the exponent",
        lambda y, s, q: -s * hurwitz(s + 1, q),
        examples=with_parameters((2,), positive),
    )


def _polygamma(n, x):
    higher = (-1.0) ** (n + 1) * special.gamma(n + 1.0) * special.zeta(n + 1.0, x)
    return like(np.where(np.equal(n, 0), special.psi(x), higher), x)


# n is a plain number or an array of them
polygamma: Op = elementwise(
    _polygamma,
    None,
    lambda y, n, x: polygamma(np.add(n, 1), x),
    name="polygamma",
    dispatches=False,
    examples=with_parameters((1,), positive),
)
elementwise(special.psi, lambda y, x: polygamma(1, x), examples=positive)
elementwise(special.gamma, lambda y, x: y * special.psi(x), examples=positive)
elementwise(special.gammaln, lambda y, x: special.psi(x), examples=positive)
elementwise(special.loggamma, lambda y, x: special.psi(x), examples=positive)


def _slope_of_rgamma(y, x):
    """By reflection left of 1/2, where the digamma function has poles and 1/Γ has none."""
    left = x < 0.5
    right, z = np.where(left, 1.0, x), np.where(left, x, 0.0)
    reflected = special.gamma(1 - z) * (np.cos(math.pi * z) - special.psi(1 - z) * z * np.sinc(z))
    return np.where(left, reflected, -special.psi(right) * special.rgamma(right))


elementwise(special.rgamma, _slope_of_rgamma, examples=positive)

# B(2k) / 2k of the asymptotic series of the digamma function
_BERNOULLI = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)


def digamma_step(a, b):
    """ψ(a + b) - ψ(a) without cancellation where both are positive: recurrence, then the asymptotic series."""
    well = (a > 0) & (a + b > 0)
    p, q = np.where(well, a, 1.0), np.where(well, b, 1.0)
    total = 0.0
    for k in range(10):
        total = total + q / ((p + k) * (p + q + k))
    p = p + 10
    u, v = 1 / np.square(p), 1 / np.square(p + q)
    apart = q / p * (1 + p / (p + q)) / (p + q) / p  # u - v
    total = total + np.log1p(q / p) + q / (2 * p * (p + q))
    difference, power = 1.0, 1.0  # (uᵏ - vᵏ) / (u - v), and vᵏ⁻¹
    for c in _BERNOULLI:
        total = total + c * apart * difference
        power = power * v
        difference = difference * u + power
    if np.all(well):
        return total
    s, t = np.where(well, 1.0, a), np.where(well, 1.0, b)
    return np.where(well, total, special.psi(s + t) - special.psi(s))


elementwise(
    special.beta,
    lambda y, a, b: -y * digamma_step(a, b),
    lambda y, a, b: -y * digamma_step(b, a),
    examples=pairs(positive, positive),
)
elementwise(
    special.betaln,
    lambda y, a, b: -digamma_step(a, b),
    lambda y, a, b: -digamma_step(b, a),
    examples=pairs(positive, positive),
)
elementwise(
    special.binom,
    lambda y, n, k: y * digamma_step(n - k + 1, k),
    lambda y, n, k: y * (special.psi(n - k + 1) - special.psi(k + 1)),
    examples=pairs(positive, positive),
)
elementwise(
    special.poch,
    lambda y, z, m: y * digamma_step(z, m),
    lambda y, z, m: y * special.psi(z + m),
    examples=pairs(points(0.4, 2.0), points(0.2, 1.5)),
)
