"""Distribution functions: incomplete gamma and beta functions in the argument, and what is written over them.

Their derivatives are densities, computed by the saddle-point form (Loader 2000) where parameters are large:
powers and gamma functions would cancel there.
"""

import math

import numpy as np
from scipy import special

from ...op import Op, elementwise, primal
from ..examples import pairs, points
from .errors import ROOT_2_BY_PI, positive, real, unit
from .parametric import like, parametric, with_parameters


def _log1p_minus(u):
    """log(1 + u) - u."""
    small = np.abs(u) <= 0.4
    near, far = np.where(small, u, 0.0), np.where(small, 1.0, u)
    v = near / (2 + near)
    series = 0.0
    for k in range(14, -1, -1):
        series = series * v * v + 1 / (2 * k + 3)
    return np.where(small, 2 * v * v * v * series - near * v, np.log1p(far) - far)


def _stirling(a):
    """Return log Γ(a) - (a - 1/2) log a + a - log(2π)/2, for a ≥ 10."""
    v = 1 / (a * a)
    series = 0.0
    for c in (1 / 156, -691 / 360360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12):
        series = series * v + c
    return series / a


def _gamma_density(a, x):
    large = a >= 10
    b, z = np.where(large, a, 10.0), np.where(large & (x > 0), x, 10.0)
    far = np.sqrt(b / (2 * math.pi)) / z * np.exp(b * _log1p_minus((z - b) / b) - _stirling(b))
    far = np.where(x > 0, far, 0.0)
    c = np.where(large, 1.0, a)
    near = np.where(c == 0, 0.0, np.power(np.where(c == 0, 1.0, x), c - 1) * np.exp(-x) * special.rgamma(c))
    return like(np.where(large, far, near), x)


def _slope_of_gamma_density(y, a, x):
    zero = primal(x) == 0
    safe = np.where(zero, 1.0, x)
    slope = y * ((a - 1) / safe - 1)
    return np.where(zero, gamma_density(a - 1, x) - y, slope) if np.any(zero) else slope


# xᵃ⁻¹ exp(-x) / Γ(a)
gamma_density: Op = elementwise(
    _gamma_density,
    None,
    _slope_of_gamma_density,
    name="gamma density",
    dispatches=False,
    examples=with_parameters((3,), positive),
)


def _beta_density(a, b, x):
    large = (a >= 10) & (b >= 10) & (x > 0) & (x < 1)
    p, q, z = np.where(large, a, 10.0), np.where(large, b, 10.0), np.where(large, x, 0.5)
    n, off = p + q, z * q - (1 - z) * p
    far = np.sqrt(p * q / (2 * math.pi * n)) / (z * (1 - z))
    far = far * np.exp(
        p * _log1p_minus(off / p) + q * _log1p_minus(-off / q) - _stirling(p) - _stirling(q) + _stirling(n)
    )
    zero = (a == 0) | (b == 0)
    c, d = np.where(large | zero, 1.0, a), np.where(large | zero, 1.0, b)
    near = np.power(x, c - 1) * np.exp(special.xlog1py(d - 1, -x)) / special.beta(c, d)
    return like(np.where(large, far, np.where(zero, 0.0, near)), x)


def _slope_of_beta_density(y, a, b, x):
    end = (primal(x) == 0) | (primal(x) == 1)
    safe = np.where(end, 0.5, x)
    slope = y * ((a - 1) / safe - (b - 1) / (1 - safe))
    if not np.any(end):
        return slope
    return np.where(end, (a + b - 1) * (beta_density(a - 1, b, x) - beta_density(a, b - 1, x)), slope)


# xᵃ⁻¹ (1 - x)ᵇ⁻¹ / B(a, b)
beta_density: Op = elementwise(
    _beta_density,
    None,
    None,
    _slope_of_beta_density,
    name="beta density",
    dispatches=False,
    examples=with_parameters((3, 2), unit),
)

# incomplete gamma functions
parametric(
    special.gammainc, "a", lambda y, a, x: gamma_density(a, x), examples=with_parameters((2,), positive)
)
parametric(
    special.gammaincc, "a", lambda y, a, x: -gamma_density(a, x), examples=with_parameters((2,), positive)
)
parametric(
    special.gammaincinv, "a", lambda y, a, p: 1 / gamma_density(a, y), examples=with_parameters((2,), unit)
)
parametric(
    special.gammainccinv, "a", lambda y, a, p: -1 / gamma_density(a, y), examples=with_parameters((2,), unit)
)
parametric(
    special.gdtr,
    lambda y, a, b, x: x * gamma_density(b, a * x),
    "b",
    lambda y, a, b, x: a * gamma_density(b, a * x),
    examples=lambda rng: [((positive.draw(rng, s), 2, positive.draw(rng, s)), {}) for s in ((), (3,))],
)
parametric(
    special.gdtrc,
    lambda y, a, b, x: -x * gamma_density(b, a * x),
    "b",
    lambda y, a, b, x: -a * gamma_density(b, a * x),
    examples=lambda rng: [((positive.draw(rng, s), 2, positive.draw(rng, s)), {}) for s in ((), (3,))],
)
parametric(
    special.gdtrix,
    lambda x, a, b, p: -x / a,
    "b",
    lambda x, a, b, p: 1 / (a * gamma_density(b, a * x)),
    examples=lambda rng: [((positive.draw(rng, s), 2, unit.draw(rng, s)), {}) for s in ((), (3,))],
)
parametric(
    special.gdtria,
    lambda a, p, b, x: 1 / (x * gamma_density(b, a * x)),
    "b",
    lambda a, p, b, x: -a / x,
    examples=lambda rng: [((unit.draw(rng, s), 2, positive.draw(rng, s)), {}) for s in ((), (3,))],
)
parametric(
    special.chdtr,
    "v",
    lambda y, v, x: gamma_density(v / 2, x / 2) / 2,
    examples=with_parameters((3,), positive),
)
parametric(
    special.chdtrc,
    "v",
    lambda y, v, x: -gamma_density(v / 2, x / 2) / 2,
    examples=with_parameters((3,), positive),
)
parametric(
    special.chdtri,
    "v",
    lambda x, v, p: -2 / gamma_density(v / 2, x / 2),
    examples=with_parameters((3,), unit),
)
# SciPy rounds the count k down: piecewise constant
for _fn, _sign in ((special.pdtr, -1.0), (special.pdtrc, 1.0)):
    elementwise(
        _fn,
        0,
        lambda y, k, m, s=_sign: s * gamma_density(np.floor(k) + 1.0, m),
        examples=with_parameters((2,), positive),
    )
parametric(
    special.pdtri,
    "k",
    lambda m, k, p: -1 / gamma_density(np.floor(k) + 1.0, m),
    examples=with_parameters((2,), unit),
)

# incomplete beta functions
parametric(
    special.betainc,
    "a",
    "b",
    lambda y, a, b, x: beta_density(a, b, x),
    examples=with_parameters((2, 3), unit),
)
parametric(
    special.betaincc,
    "a",
    "b",
    lambda y, a, b, x: -beta_density(a, b, x),
    examples=with_parameters((2, 3), unit),
)
parametric(
    special.betaincinv,
    "a",
    "b",
    lambda x, a, b, p: 1 / beta_density(a, b, x),
    examples=with_parameters((2, 3), unit),
)
parametric(
    special.betainccinv,
    "a",
    "b",
    lambda x, a, b, p: -1 / beta_density(a, b, x),
    examples=with_parameters((2, 3), unit),
)
parametric(
    special.bdtr,
    "k",
    "n",
    lambda y, k, n, p: -beta_density(np.floor(k) + 1.0, n - np.floor(k), p),
    examples=lambda rng: [((1, np.int64(5), unit.draw(rng, s)), {}) for s in ((2, 3), (3,))],
)
parametric(
    special.bdtrc,
    "k",
    "n",
    lambda y, k, n, p: beta_density(np.floor(k) + 1.0, n - np.floor(k), p),
    examples=lambda rng: [((1, np.int64(5), unit.draw(rng, s)), {}) for s in ((2, 3), (3,))],
)
parametric(
    special.bdtri,
    "k",
    "n",
    lambda p, k, n, y: -1 / beta_density(np.floor(k) + 1.0, n - np.floor(k), p),
    examples=lambda rng: [((1, np.int64(5), unit.draw(rng, s)), {}) for s in ((2, 3), (3,))],
)
parametric(
    special.nbdtr,
    "k",
    "n",
    lambda y, k, n, p: beta_density(n, k + 1, p),
    examples=with_parameters((2, 3), unit),
)
parametric(
    special.nbdtrc,
    "k",
    "n",
    lambda y, k, n, p: -beta_density(n, k + 1, p),
    examples=with_parameters((2, 3), unit),
)
parametric(
    special.nbdtri,
    "k",
    "n",
    lambda p, k, n, y: 1 / beta_density(n, k + 1, p),
    examples=with_parameters((2, 3), unit),
)


def _f_density(d1, d2, x):
    s = d1 * x + d2
    return beta_density(d1 / 2, d2 / 2, d1 * x / s) * d1 * d2 / (s * s)


parametric(
    special.fdtr,
    "dfn",
    "dfd",
    lambda y, d, e, x: _f_density(d, e, x),
    examples=with_parameters((3, 4), positive),
)
parametric(
    special.fdtrc,
    "dfn",
    "dfd",
    lambda y, d, e, x: -_f_density(d, e, x),
    examples=with_parameters((3, 4), positive),
)
parametric(
    special.fdtri,
    "dfn",
    "dfd",
    lambda x, d, e, p: 1 / _f_density(d, e, x),
    examples=with_parameters((3, 4), unit),
)


def _t_density(df, t):
    return np.exp(-(df + 1) / 2 * np.log1p(t * t / df)) / (np.sqrt(df) * special.beta(0.5, df / 2))


parametric(special.stdtr, "df", lambda y, df, t: _t_density(df, t), examples=with_parameters((3,), real))
parametric(
    special.stdtrit, "df", lambda t, df, p: 1 / _t_density(df, t), examples=with_parameters((3,), unit)
)

elementwise(
    special.owens_t,
    lambda y, h, a: -ROOT_2_BY_PI / 4 * np.exp(-h * h / 2) * special.erf(a * h * math.sqrt(0.5)),
    lambda y, h, a: np.exp(-h * h * (1 + a * a) / 2) / (2 * math.pi * (1 + a * a)),
    examples=pairs(real, points(-2.0, 2.0)),
)
