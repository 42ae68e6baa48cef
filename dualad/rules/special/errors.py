"""Logistic, error and Box-Cox functions, and others made of exponentials and logarithms."""

import math

import numpy as np
from scipy import special

from ...op import Op, elementwise, plain
from ..elementwise import LN2, LN10
from ..examples import pairs, points
from .parametric import like

real = points(-3.0, 3.0)
positive = points(0.1, 5.0)
unit = points(0.05, 0.95)
TWO_BY_ROOT_PI, ROOT_PI = 2 / math.sqrt(math.pi), math.sqrt(math.pi)
DEGREE = math.pi / 180

plain(special.round, special.gammasgn)

# logistic
elementwise(special.expit, lambda y, x: y * special.expit(-x), examples=real)
elementwise(special.logit, lambda y, x: 1 / (x * (1 - x)), examples=unit)
elementwise(special.log_expit, lambda y, x: special.expit(-x), examples=real)

# SciPy's own forms of exponentials, roots and angles
elementwise(special.exp2, lambda y, x: LN2 * y, examples=real)
elementwise(special.exp10, lambda y, x: LN10 * y, examples=points(-1.0, 1.0))
elementwise(special.expm1, lambda y, x: np.exp(x), examples=real)
elementwise(special.log1p, lambda y, x: 1 / (1 + x), examples=points(-0.9, 3.0))
elementwise(special.cbrt, lambda y, x: 1 / (3 * y * y), examples=positive)
elementwise(special.cosm1, lambda y, x: -np.sin(x), examples=real)
elementwise(special.sindg, lambda y, x: DEGREE * special.cosdg(x), examples=points(-300.0, 300.0))
elementwise(special.cosdg, lambda y, x: -DEGREE * special.sindg(x), examples=points(-300.0, 300.0))
elementwise(special.tandg, lambda y, x: DEGREE * (1 + y * y), examples=points(-80.0, 80.0))
elementwise(special.cotdg, lambda y, x: -DEGREE * (1 + y * y), examples=points(10.0, 170.0))
elementwise(
    special.radian,
    DEGREE,
    DEGREE / 60,
    DEGREE / 3600,
    examples=lambda rng: [
        ((real.draw(rng, s), real.draw(rng, s), real.draw(rng, s)), {}) for s in ((), (3,))
    ],
)
elementwise(
    special.powm1,
    lambda y, x, p: p * np.power(x, p - 1),
    lambda y, x, p: np.power(x, p) * np.log(x),
    examples=pairs(positive, real),
)


def _series(x, coefficients):
    """Polynomial in x, its coefficients from the constant on."""
    total = coefficients[-1]
    for c in coefficients[-2::-1]:
        total = total * x + c
    return total


def slope_of_exprel(x):
    """d/dx (exp(x) - 1) / x, by its series where that cancels."""
    small, large = np.abs(x) < 1, x >= 1
    near, up = np.where(small, x, 0.0), np.where(large, x, 1.0)
    down = np.where(small | large, -1.0, x)
    series = _series(near, [(k + 1) / math.factorial(k + 2) for k in range(22)])
    rising, falling = special.exprel(up), special.exprel(down)
    return np.where(
        small, series, np.where(large, rising + (1 - rising) / up, (np.exp(down) - falling) / down)
    )


elementwise(special.exprel, lambda y, x: slope_of_exprel(x), examples=real)

# Box-Cox: log(x) exprel(λ log(x))
elementwise(
    special.boxcox,
    lambda y, x, p: np.power(x, p - 1),
    lambda y, x, p: np.square(np.log(x)) * slope_of_exprel(p * np.log(x)),
    examples=pairs(positive, real),
)
elementwise(
    special.boxcox1p,
    lambda y, x, p: np.exp((p - 1) * np.log1p(x)),
    lambda y, x, p: np.square(np.log1p(x)) * slope_of_exprel(p * np.log1p(x)),
    examples=pairs(positive, real),
)


def _bend(u):
    """(u/(1+u) - log(1+u)) / u², by its series where that cancels."""
    small = np.abs(u) < 0.3
    near, far = np.where(small, u, 0.0), np.where(small, 1.0, u)
    series = _series(near, [(-1) ** (k + 1) * (1 - 1 / k) for k in range(2, 38)])
    return np.where(small, series, (far / (1 + far) - np.log1p(far)) / (far * far))


elementwise(
    special.inv_boxcox,
    lambda z, y, p: z / (1 + p * y),
    lambda z, y, p: z * y * y * _bend(p * y),
    examples=pairs(unit, unit),
)
elementwise(
    special.inv_boxcox1p,
    lambda z, y, p: (1 + z) / (1 + p * y),
    lambda z, y, p: (1 + z) * y * y * _bend(p * y),
    examples=pairs(unit, unit),
)

# entropies
elementwise(special.entr, lambda y, x: -1 - np.log(x), examples=positive)
elementwise(
    special.rel_entr,
    lambda z, x, y: 1 + np.log(x / y),
    lambda z, x, y: -x / y,
    examples=pairs(positive, positive),
)
elementwise(
    special.kl_div,
    lambda z, x, y: np.log(x / y),
    lambda z, x, y: (y - x) / y,
    examples=pairs(positive, positive),
)
# 0 log(y) is 0 for all y, also for y = 0
elementwise(
    special.xlogy,
    lambda z, x, y: np.log(y),
    lambda z, x, y: x / np.where((x == 0) & (y == 0), 1.0, y),
    examples=pairs(real, positive),
)
elementwise(
    special.xlog1py,
    lambda z, x, y: np.log1p(y),
    lambda z, x, y: x / np.where((x == 0) & (y == -1), 1.0, 1 + y),
    examples=pairs(real, positive),
)

# robust losses
elementwise(
    special.huber,
    lambda y, d, r: np.where(np.abs(r) <= d, 0.0, np.abs(r) - d),
    lambda y, d, r: np.where(np.abs(r) <= d, r, d * np.sign(r)),
    examples=pairs(points(0.5, 2.0), real),
)


def _pseudo_huber_width(y, d, r):
    u = r / d
    s = np.hypot(1.0, u)
    return d * np.square(u * u / (s + 1)) / s


elementwise(
    special.pseudo_huber,
    _pseudo_huber_width,
    lambda y, d, r: r / np.hypot(1.0, r / d),
    examples=pairs(points(0.5, 2.0), real),
)

# error functions
elementwise(special.erf, lambda y, x: TWO_BY_ROOT_PI * np.exp(-x * x), examples=real)
elementwise(special.erfc, lambda y, x: -TWO_BY_ROOT_PI * np.exp(-x * x), examples=real)
elementwise(special.erfi, lambda y, x: TWO_BY_ROOT_PI * np.exp(x * x), examples=points(-1.2, 1.2))
elementwise(special.erfinv, lambda y, x: ROOT_PI / 2 * np.exp(y * y), examples=points(-0.95, 0.95))
elementwise(special.erfcinv, lambda y, x: -ROOT_PI / 2 * np.exp(y * y), examples=points(0.05, 1.95))


def _scaled_integral(n, x):
    """exp(x²) times the n-th repeated integral of erfc: by continued fraction where the recurrence cancels."""
    large = x >= 1.5
    down = np.where(large, 1.5, x)
    before, h = TWO_BY_ROOT_PI, special.erfcx(down)
    for k in range(1, n + 1):
        before, h = h, (before - 2 * down * h) / (2 * k)
    if not np.any(large):
        return h
    up = np.where(large, x, 1.5)
    ratio = far = 0.0
    for k in range(n + 90, 0, -1):
        ratio = 1 / (2 * up + 2 * (k + 1) * ratio)
        far = ratio if k == n else far * ratio
    return like(np.where(large, special.erfcx(up) * (far if n else 1.0), h), x)


# h(n)' = -2 (n + 1) h(n + 1), and h(0) is erfcx: no cancellation in derivatives of any order.
scaled_integral: Op = elementwise(
    _scaled_integral,
    None,
    lambda y, n, x: -2 * (n + 1) * scaled_integral(n + 1, x),
    name="exp(x²) iⁿerfc(x)",
    dispatches=False,
    examples=lambda rng: [((n, points(-0.8, 3.0).draw(rng, (3,))), {}) for n in (0, 1, 2)],
)
elementwise(special.erfcx, lambda y, x: -2 * scaled_integral(1, x), examples=points(-0.8, 3.0))


def _slope_of_dawsn(y, x):
    """1 - 2 x dawsn(x), by its asymptotic series where that cancels most."""
    large = np.abs(x) > 6.5
    if not np.any(large):
        return 1 - 2 * x * y
    v = 1 / (2 * np.square(np.where(large, x, 7.0)))
    odd = [float(math.prod(range(1, 2 * k + 2, 2))) for k in range(36)]
    return np.where(large, -v * _series(v, odd), 1 - 2 * x * y)


elementwise(special.dawsn, _slope_of_dawsn, examples=real)

# the normal distribution
ROOT_2_BY_PI = math.sqrt(2 / math.pi)
ROOT_HALF = math.sqrt(0.5)
elementwise(special.ndtr, lambda y, x: ROOT_2_BY_PI / 2 * np.exp(-x * x / 2), examples=real)
elementwise(special.ndtri, lambda y, x: np.exp(y * y / 2) * math.sqrt(2 * math.pi), examples=unit)


def _excess(x):
    """X + density/probability, without the cancellation in the lower tail."""
    t = -x * ROOT_HALF
    large = t >= 1.5
    h = special.erfcx(t)
    near = math.sqrt(2) * (1 / (ROOT_PI * h) - t)
    up = np.where(large, t, 1.5)
    return like(np.where(large, math.sqrt(2) * _scaled_integral(1, up) / special.erfcx(up), near), x)


excess: Op = elementwise(
    _excess, lambda y, x: 1 - mills(x) * excess(x), name="x + φ(x)/Φ(x)", dispatches=False, examples=real
)
mills: Op = elementwise(
    lambda x: ROOT_2_BY_PI / special.erfcx(-x * ROOT_HALF),
    lambda y, x: -y * excess(x),
    name="φ(x)/Φ(x)",
    dispatches=False,
    examples=real,
)
elementwise(special.log_ndtr, lambda y, x: mills(x), examples=real)
elementwise(special.ndtri_exp, lambda y, x: 1 / mills(y), examples=points(-5.0, -0.1))
