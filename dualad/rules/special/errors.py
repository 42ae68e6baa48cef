"""Logistic, error and Box-Cox functions, and others made of exponentials and logarithms."""

import math

import numpy as np
from scipy import special

from ...op import Op, elementwise, plain, primal
from ..elementwise import LN2, LN10, cosine, squared_sech
from ..examples import pairs, points
from .parametric import like
from .quadrature import exponentials, half_line
from .quadrature import unit as unit_interval

real = points(-3.0, 3.0)
positive = points(0.1, 5.0)
unit = points(0.05, 0.95)
TWO_BY_ROOT_PI, ROOT_PI = 2 / math.sqrt(math.pi), math.sqrt(math.pi)
DEGREE = math.pi / 180

plain(special.round, special.gammasgn)

# logistic
elementwise(special.expit, lambda y, x: 0.25 * squared_sech(0.5 * x), examples=real)
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
elementwise(special.tandg, lambda y, x: DEGREE / np.square(special.cosdg(x)), examples=points(-80.0, 80.0))
elementwise(special.cotdg, lambda y, x: -DEGREE / np.square(special.sindg(x)), examples=points(10.0, 170.0))
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


def polynomial(x, coefficients):
    """Polynomial in x, its coefficients from the constant on."""
    total = coefficients[-1]
    for c in coefficients[-2::-1]:
        total = total * x + c
    return total


def _moment(n, x):
    """∫ tⁿ exp(xt) dt from 0 to 1: by parts where x is large, else by series of positive terms (Kummer 1837)."""
    small, falling = np.abs(x) < 2 * n + 3, x < 0
    near, far = np.abs(np.where(small, x, 0.0)), np.where(small, 2.0 * n + 3, x)
    total, term, other, rise = 0.0, 1.0 / (n + 1), 0.0, 1.0
    for k in range(30 + 4 * n):
        total, other = total + term, other + rise / (n + k + 1)
        term, rise = term * near / (n + k + 2), rise * near / (k + 1)
    y = special.exprel(far)
    for k in range(1, n + 1):
        y = (np.exp(far) - k * y) / far
    return like(np.where(small, np.where(falling, np.exp(-near) * total, other), y), x)


# The n-th derivative of exprel, which is the moment of order 0
moment: Op = elementwise(
    _moment,
    None,
    lambda y, n, x: moment(n + 1, x),
    name="∫ tⁿ exp(xt)",
    dispatches=False,
    examples=lambda rng: [((n, points(-6.0, 6.0).draw(rng, (3,))), {}) for n in (0, 1, 2)],
)
elementwise(special.exprel, lambda y, x: moment(1, x), examples=real)

# Box-Cox: (exp(λL) - 1) / λ with L = log(x), which is the integral for n = 0; for n > 0 its derivatives in λ
growth: Op = elementwise(
    lambda n, L, p: L ** (n + 1) * _moment(n, p * L),
    None,
    lambda y, n, L, p: L**n * np.exp(p * L),
    lambda y, n, L, p: growth(n + 1, L, p),
    name="∫ sⁿ exp(λs) to L",
    dispatches=False,
    examples=lambda rng: [((n, unit.draw(rng, (3,)), real.draw(rng, (3,))), {}) for n in (0, 1)],
)
elementwise(
    special.boxcox,
    lambda y, x, p: np.power(x, p - 1),
    lambda y, x, p: growth(1, np.log(x), p),
    examples=pairs(positive, real),
)
elementwise(
    special.boxcox1p,
    lambda y, x, p: np.exp((p - 1) * np.log1p(x)),
    lambda y, x, p: growth(1, np.log1p(x), p),
    examples=pairs(positive, real),
)


def _bend(u):
    """(u/(1+u) - log(1+u)) / u², by the series in v = u / (2+u) where that cancels."""
    small = (u > -0.6) & (u < 2)
    near, far = np.where(small, u, 0.0), np.where(small, 2.0, u)
    v = near / (2 + near)
    odd = polynomial(v * v, [1 / (2 * k + 3) for k in range(26)])
    series = -0.5 * np.square(1 - v) * (1 / (1 + v) + v * odd)
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


# The slopes of d² (√(1 + (r/d)²) - 1), with L = hypot(d, r): (L - d)²/L and dr/L
pseudo_huber_width: Op = elementwise(
    lambda d, r: np.square(r * (r / (np.hypot(d, r) + d))) / np.hypot(d, r),
    lambda y, d, r: -np.square(np.square(cosine(r, d)) / (1 + cosine(d, r))) * (2 + cosine(d, r)),
    lambda y, d, r: cosine(r, d) ** 3,
    name="(hypot(d, r) - d)² / hypot(d, r)",
    dispatches=False,
    examples=pairs(points(0.5, 2.0), real),
)
pseudo_huber_slope: Op = elementwise(
    lambda d, r: d * (r / np.hypot(d, r)),
    lambda y, d, r: cosine(r, d) ** 3,
    lambda y, d, r: cosine(d, r) ** 3,
    name="dr / hypot(d, r)",
    dispatches=False,
    examples=pairs(points(0.5, 2.0), real),
)
elementwise(
    special.pseudo_huber,
    lambda y, d, r: pseudo_huber_width(d, r),
    lambda y, d, r: pseudo_huber_slope(d, r),
    examples=pairs(points(0.5, 2.0), real),
)

# error functions
elementwise(special.erf, lambda y, x: TWO_BY_ROOT_PI * np.exp(-x * x), examples=real)
elementwise(special.erfc, lambda y, x: -TWO_BY_ROOT_PI * np.exp(-x * x), examples=real)
elementwise(special.erfi, lambda y, x: TWO_BY_ROOT_PI * np.exp(x * x), examples=points(-1.2, 1.2))
elementwise(special.erfinv, lambda y, x: ROOT_PI / 2 * np.exp(y * y), examples=points(-0.95, 0.95))

_NODES, _WEIGHTS = half_line(-3.8, 1.95, 0.1)
_WEIGHTS = TWO_BY_ROOT_PI * _WEIGHTS * np.exp(-_NODES * _NODES)


def _repeated(n, x):
    """The n-th repeated integral of erfc over erfc, r(n).

    By its recurrence for x < 0, by continued fraction far out (Gautschi 1961), and between them, where these cancel
    or converge slowly, as an integral over t: (2/√π) tⁿ/n! exp(-t² - 2xt) has one sign.
    """
    down = np.where(x < 0, x, 0.0)
    before, r = TWO_BY_ROOT_PI / special.erfcx(down), 1.0
    for k in range(1, n + 1):
        before, r = r, (before - 2 * down * r) / (2 * k)
    middle, large = (x >= 0) & (x < 2), x >= 2
    if np.any(middle):
        near = np.where(middle, x, 0.0)
        weights = _WEIGHTS * _NODES**n / math.factorial(n)
        r = np.where(middle, exponentials(near, 2 * _NODES, weights) / special.erfcx(near), r)
    if np.any(large):
        up, ratio, far = np.where(large, x, 2.0), 0.0, 1.0
        for k in range(n + 60, 0, -1):
            ratio = 1 / (2 * up + 2 * (k + 1) * ratio)
            far = ratio if k == n else far * ratio
        r = np.where(large, far if n else 1.0, r)
    return like(np.asarray(r), x)


repeated: Op = elementwise(
    _repeated,
    None,
    lambda r, n, x: 2 * (r * repeated(1, x) - (n + 1) * repeated(n + 1, x)),
    name="iⁿerfc(x)/erfc(x)",
    dispatches=False,
    examples=lambda rng: [((n, points(-0.8, 3.0).draw(rng, (3,))), {}) for n in (1, 2)],
)
# h(n)' = -2 (n + 1) h(n + 1), and h(0) is erfcx: no cancellation in derivatives of any order.
scaled_integral: Op = elementwise(
    lambda n, x: special.erfcx(x) * _repeated(n, x),
    None,
    lambda y, n, x: -2 * (n + 1) * scaled_integral(n + 1, x),
    name="exp(x²) iⁿerfc(x)",
    dispatches=False,
    examples=lambda rng: [((n, points(-0.8, 3.0).draw(rng, (3,))), {}) for n in (0, 1, 2)],
)
elementwise(special.erfcx, lambda y, x: -2 * scaled_integral(1, x), examples=points(-0.8, 3.0))

_PARTS, _SHARES = unit_interval(3.4, 0.07)


def _dawson(n, x):
    """∫ sⁿ exp(-s(2x - s)) ds from 0 to x: by quadrature, of positive terms, or by its asymptotic series."""
    large = np.abs(x) > 7
    far, near = np.where(large, x, 7.0), np.where(large, 0.0, x)
    total = exponentials(np.square(near), _PARTS * (2 - _PARTS), _SHARES * _PARTS**n)
    terms = [math.factorial(n + 2 * k) / (math.factorial(k) * 2.0 ** (n + 2 * k + 1)) for k in range(34)]
    v = 1 / np.asarray(far, float)  # the coefficients pass single precision
    return like(np.where(large, v ** (n + 1) * polynomial(v * v, terms), near ** (n + 1) * total), x)


def _edge(n, x):
    near = np.where(np.abs(x) < 30, x, 30.0)  # else 0, also at infinity
    return near**n * np.exp(-near * near)


# Dawson's integral for n = 0, whose slope 1 - 2 x dawsn(x) cancels
dawson: Op = elementwise(
    _dawson,
    None,
    lambda y, n, x: _edge(n, x) - 2 * dawson(n + 1, x),
    name="∫ sⁿ exp(-s(2x - s))",
    dispatches=False,
    examples=lambda rng: [((n, real.draw(rng, (3,))), {}) for n in (0, 1, 2)],
)
elementwise(special.dawsn, lambda y, x: _edge(0, x) - 2 * dawson(1, x), examples=real)

# the normal distribution
ROOT_2_BY_PI = math.sqrt(2 / math.pi)
ROOT_HALF = math.sqrt(0.5)
elementwise(special.ndtr, lambda y, x: ROOT_2_BY_PI / 2 * np.exp(-x * x / 2), examples=real)


def _slope_of_excess(y, x):
    """1 - mills(x) * y, which cancels in the lower tail."""
    lower = primal(x) < 1
    t = -ROOT_HALF * np.where(lower, x, 0.0)
    return np.where(lower, 4 * repeated(2, t) - 2 * np.square(repeated(1, t)), 1 - mills(x) * y)


excess: Op = elementwise(
    lambda x: math.sqrt(2) * _repeated(1, -x * ROOT_HALF),
    _slope_of_excess,
    name="x + φ(x)/Φ(x)",
    dispatches=False,
    examples=real,
)
mills: Op = elementwise(
    lambda x: ROOT_2_BY_PI / special.erfcx(-x * ROOT_HALF),
    lambda y, x: -y * excess(x),
    name="φ(x)/Φ(x)",
    dispatches=False,
    examples=real,
)
elementwise(special.log_ndtr, lambda y, x: mills(x), examples=real)


def _reciprocal_density(p):
    """1/φ at the quantile of p, by φ/Φ in the nearer tail: rounding the quantile itself would cost its square."""
    q = np.minimum(p, 1 - p)
    tail = np.where(q == 0, 0.5, q)
    y = special.ndtri(tail)
    near = math.sqrt(2 * math.pi) * np.exp(np.minimum(y * y, 1.0) / 2)
    return like(np.where(q == 0, math.inf, np.where(q > 0.2, near, 1 / (tail * mills(y)))), p)


reciprocal_density: Op = elementwise(
    _reciprocal_density,
    lambda y, p: special.ndtri(p) * np.square(y),
    name="1/φ(Φ⁻¹(p))",
    dispatches=False,
    examples=unit,
)
elementwise(special.ndtri, lambda y, p: reciprocal_density(p), examples=unit)
elementwise(
    special.erfcinv, lambda y, x: -0.5 * ROOT_HALF * reciprocal_density(0.5 * x), examples=points(0.05, 1.95)
)


def _slope_of_ndtri_exp(x):
    """exp(x)/φ at the quantile of exp(x), likewise."""
    y, high = special.ndtri_exp(x), (x > -LN2) & (x < 0)
    up = np.where(high, x, -LN2)
    upper = np.exp(up) / (-np.expm1(up) * mills(-np.where(high, y, 0.0)))
    lower = 1 / mills(np.where(high | (x == 0), 0.0, y))
    return like(np.where(x == 0, math.inf, np.where(high, upper, lower)), x)


slope_of_ndtri_exp: Op = elementwise(
    _slope_of_ndtri_exp,
    lambda d, x: excess(special.ndtri_exp(x)) * np.square(d),
    name="slope of ndtri_exp",
    dispatches=False,
    examples=points(-5.0, -0.1),
)
elementwise(special.ndtri_exp, lambda y, x: slope_of_ndtri_exp(x), examples=points(-5.0, -0.1))
