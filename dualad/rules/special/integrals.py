"""Exponential, trigonometric and elliptic integrals; hypergeometric functions in the argument."""

import math

import numpy as np
from scipy import special

from ...op import Op, elementwise, general
from ..batching import aligned
from ..examples import points
from .errors import polynomial, positive, real, unit
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
    """log(x) / (1 - x), about 1 by its series in v = (x - 1) / (x + 1)."""
    small = (x > 0.4) & (x < 2.5)
    near, far = np.where(small, x, 1.0), np.where(small, 3.0, x)
    v = (near - 1) / (near + 1)
    series = (v - 1) * polynomial(v * v, [1 / (2 * k + 1) for k in range(22)])
    return np.where(small, series, np.log(far) / (1 - far))


elementwise(special.spence, _slope_of_spence, examples=positive)
# an op, as the derivative of the quotient cancels
share: Op = elementwise(
    lambda y: y / (1 + y),
    lambda p, y: np.square(1 / (1 + y)),
    name="y / (1 + y)",
    dispatches=False,
    examples=positive,
)
elementwise(special.wrightomega, lambda y, x: share(y), examples=real)
# special.lambertw passes its branch and tolerance on to this ufunc, whose results are complex.
general(
    special._ufuncs._lambertw,
    lambda dz, y, z, k, tol: dz * np.exp(-y) / (1 + y),
    None,
    None,
    complex=True,
    batch=aligned,
    examples=lambda rng: [
        ((positive.draw(rng, shape), k, 1e-8), {}) for shape in ((), (3,)) for k in (0, -1)
    ],
)

# elliptic integrals
# ∫ sin²ⁿθ (1 - m sin²θ)⁻ᵖ from 0 to π/2, by the trapezoidal rule, as all is periodic; for -3 < m < 0.8
_SQUARES = np.square(np.sin((np.arange(22) + 0.5) * math.pi / 44))


def _complete(p, n, m):
    total = 0.0
    for s in _SQUARES.tolist():
        total = total + s**n * (1 - m * s) ** -p
    return math.pi / 44 * total


complete: Op = elementwise(
    _complete,
    None,
    None,
    lambda y, p, n, m: p * complete(p + 1, n + 1, m),
    name="complete elliptic integral",
    dispatches=False,
    examples=lambda rng: [((p, n, points(-2.0, 0.7).draw(rng, (3,))), {}) for p, n in ((0.5, 0), (1.5, 1))],
)


def _middle(m):
    """Whether the formulas in K and E would cancel, and m there, and elsewhere."""
    small = (m > -3) & (m < 0.8)
    return small, np.where(small, m, 0.0), np.where(small, 0.8, m)


def _first_kind(m, e, k):
    """Derivative of ellipk: (E/(1 - m) - K) / 2m."""
    small, near, far = _middle(m)
    return np.where(small, 0.5 * complete(1.5, 1, near), (e / (1 - far) - k) / (2 * far))


def _second_kind(m, e, k):
    """Derivative of ellipe: (E - K) / 2m."""
    small, near, far = _middle(m)
    return np.where(small, -0.5 * complete(0.5, 1, near), (e - k) / (2 * far))


elementwise(special.ellipk, lambda y, m: _first_kind(m, special.ellipe(m), y), examples=points(-2.0, 0.9))
elementwise(special.ellipe, lambda y, m: _second_kind(m, y, special.ellipk(m)), examples=points(-2.0, 0.9))


def _complement(y, p):
    """Derivative of ellipk(1 - p)."""
    small, near, _ = _middle(1 - p)
    far = np.where(small, 0.2, p)
    away = (special.ellipe(1 - far) / far - special.ellipkm1(far)) / (2 * (1 - far))
    return -np.where(small, 0.5 * complete(1.5, 1, near), away)


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
