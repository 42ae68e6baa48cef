"""The gamma function and its kin."""

import math

import numpy as np
from scipy import special

from ...op import Op, elementwise, primal
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
    z = np.asarray(x, float)  # all that SciPy's zeta takes
    higher = (-1.0) ** (n + 1) * special.gamma(n + 1.0) * special.zeta(n + 1.0, z)
    return like(np.where(np.equal(n, 0), special.psi(z), higher), x)


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


def _digamma_step(a, b):
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


def _polygamma_step(n, a, b):
    """ψ(a + b) - ψ(a) for the n-th derivative: for small b the integral of the next one, by Gauss's quadrature."""
    if n == 0:
        return like(np.asarray(_digamma_step(a, b)), a + b)
    small = np.abs(b) < a / 2
    start, width = np.where(small, a, 1.0), np.where(small, b, 0.0)
    total = 0.0
    for t, w in zip(*np.polynomial.legendre.leggauss(12)):
        total = total + w / 2 * _polygamma(n + 1, start + width * (1 + t) / 2)
    s, t = np.where(small, 1.0, a), np.where(small, 1.0, a + b)
    return like(np.where(small, width * total, _polygamma(n, t) - _polygamma(n, s)), a + b)


polygamma_step: Op = elementwise(
    _polygamma_step,
    None,
    lambda y, n, a, b: polygamma_step(n + 1, a, b),
    lambda y, n, a, b: polygamma(n + 1, a + b),
    name="step of polygamma",
    dispatches=False,
    examples=lambda rng: [((n, positive.draw(rng, (3,)), positive.draw(rng, (3,))), {}) for n in (0, 1)],
)
elementwise(
    special.beta,
    lambda y, a, b: -y * polygamma_step(0, a, b),
    lambda y, a, b: -y * polygamma_step(0, b, a),
    examples=pairs(positive, positive),
)
elementwise(
    special.betaln,
    lambda y, a, b: -polygamma_step(0, a, b),
    lambda y, a, b: -polygamma_step(0, b, a),
    examples=pairs(positive, positive),
)


def _binom(y, n, k, sign, psi, smooth):
    """A partial of binom(n, k), which is 0 where n - k + 1 is a pole of Γ: there as a product with 1/Γ."""
    m = primal(n) - primal(k) + 1
    zero = np.asarray((m <= 0) & (m == np.rint(m)) & (primal(n) > -1))
    if not np.any(zero):
        return smooth(n, k)
    p, q = np.where(zero, n, 0.0), np.where(zero, k, 1.0)
    steep = special.gamma(p + 1) * special.rgamma(q + 1) * _slope_of_rgamma(0.0, p - q + 1)
    n, k = np.where(zero, 1.0, n), np.where(zero, 0.0, k)
    return np.where(zero, sign * (steep + y * psi(p, q)), smooth(n, k))


elementwise(
    special.binom,
    lambda y, n, k: _binom(
        y, n, k, 1, lambda n, k: special.psi(n + 1), lambda n, k: y * polygamma_step(0, n - k + 1, k)
    ),
    lambda y, n, k: _binom(
        y,
        n,
        k,
        -1,
        lambda n, k: special.psi(k + 1),
        lambda n, k: y * (special.psi(n - k + 1) - special.psi(k + 1)),
    ),
    examples=pairs(positive, positive),
)
elementwise(
    special.poch,
    lambda y, z, m: y * polygamma_step(0, z, m),
    lambda y, z, m: y * special.psi(z + m),
    examples=pairs(points(0.4, 2.0), points(0.2, 1.5)),
)
