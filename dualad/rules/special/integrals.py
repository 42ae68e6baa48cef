"""Exponential, trigonometric and elliptic integrals; hypergeometric functions in the argument."""

import math

import numpy as np
from scipy import special

from ...op import elementwise
from ..examples import points
from .errors import positive, real, unit
from .parametric import parametric, several, with_parameters

# exponential integrals
elementwise(special.exp1, lambda y, x: -np.exp(-x) / x, examples=positive)
elementwise(special.expi, lambda y, x: np.exp(x) / x, examples=points(0.2, 3.0, signed=True))
parametric(
    special.expn,
    "n",
    lambda y, n, x: -np.where(np.equal(n, 0), y * (1 + 1 / x), special.expn(np.maximum(n, 1) - 1, x)),
    examples=with_parameters((1,), positive),
)
several(
    special.shichi,
    lambda dx, y, x: (np.sinh(x) / np.where(x == 0, 1.0, x) * dx + (x == 0) * dx, np.cosh(x) / x * dx),
    examples=positive,
)
several(special.sici, lambda dx, y, x: (np.sinc(x / math.pi) * dx, np.cos(x) / x * dx), examples=positive)
several(
    special.fresnel,
    lambda dx, y, x: (np.sin(math.pi / 2 * x * x) * dx, np.cos(math.pi / 2 * x * x) * dx),
    examples=real,
)


def _slope_of_spence(y, x):
    """log(x) / (1 - x), by its series about 1."""
    u = x - 1
    small = np.abs(u) < 0.1
    near, far = np.where(small, u, 0.0), np.where(small, 2.0, x)
    series = 0.0
    for k in range(18, 0, -1):
        series = series * near + (-1) ** k / k
    return np.where(small, series, np.log(far) / (1 - far))


elementwise(special.spence, _slope_of_spence, examples=positive)
elementwise(special.wrightomega, lambda y, x: y / (1 + y), examples=real)

# elliptic integrals: about 0 by the hypergeometric functions that they are, as the formulas cancel
HALF = 0.5


def _first_kind(m, e, k):
    """Derivative of ellipk: (E/(1 - m) - K) / 2m."""
    small = np.abs(m) < HALF
    near, far = np.where(small, m, 0.0), np.where(small, HALF, m)
    series = math.pi / 8 * special.hyp2f1(1.5, 1.5, 2.0, near)
    return np.where(small, series, (e / (1 - far) - k) / (2 * far))


def _second_kind(m, e, k):
    """Derivative of ellipe: (E - K) / 2m."""
    small = np.abs(m) < HALF
    near, far = np.where(small, m, 0.0), np.where(small, HALF, m)
    return np.where(small, -math.pi / 8 * special.hyp2f1(0.5, 1.5, 2.0, near), (e - k) / (2 * far))


elementwise(special.ellipk, lambda y, m: _first_kind(m, special.ellipe(m), y), examples=points(-2.0, 0.9))
elementwise(special.ellipe, lambda y, m: _second_kind(m, y, special.ellipk(m)), examples=points(-2.0, 0.9))


def _complement(y, p):
    """Derivative of ellipk(1 - p)."""
    small = np.abs(1 - p) < HALF
    near, far = np.where(small, p, 1.0), np.where(small, HALF, p)
    series = math.pi / 8 * special.hyp2f1(1.5, 1.5, 2.0, 1 - near)
    return -np.where(small, series, (special.ellipe(1 - far) / far - special.ellipkm1(far)) / (2 * (1 - far)))


elementwise(special.ellipkm1, _complement, examples=points(0.05, 3.0))
parametric(
    special.ellipkinc,
    lambda y, phi, m: 1 / np.sqrt(1 - m * np.square(np.sin(phi))),
    "m",
    examples=lambda rng: [((unit.draw(rng, s), n), {}) for s in ((), (3,)) for n in (0, -1)],
)
parametric(
    special.ellipeinc,
    lambda y, phi, m: np.sqrt(1 - m * np.square(np.sin(phi))),
    "m",
    examples=lambda rng: [((unit.draw(rng, s), n), {}) for s in ((), (3,)) for n in (0, -1)],
)
parametric(
    special.ellipj,
    lambda dx, y, u, m: (y[1] * y[2] * dx, -y[0] * y[2] * dx, -m * y[0] * y[1] * dx, y[2] * dx),
    "m",
    kind="general",
    examples=lambda rng: [((real.draw(rng, s), n), {}) for s in ((), (3,)) for n in (0, 1)],
)

# hypergeometric functions
parametric(
    special.hyp0f1,
    "v",
    lambda y, v, x: special.hyp0f1(v + 1, x) / v,
    examples=with_parameters((2,), real),
)
parametric(
    special.hyp1f1,
    "a",
    "b",
    lambda y, a, b, x: a / b * special.hyp1f1(a + 1, b + 1, x),
    examples=with_parameters((1, 2), real),
)
parametric(
    special.hyp2f1,
    "a",
    "b",
    "c",
    lambda y, a, b, c, x: a * b / c * special.hyp2f1(a + 1, b + 1, c + 1, x),
    examples=with_parameters((1, 2, 4), points(-0.7, 0.7)),
)
parametric(
    special.hyperu,
    "a",
    "b",
    lambda y, a, b, x: -a * special.hyperu(a + 1, b + 1, x),
    examples=with_parameters((1, 2), positive),
)
