"""Bessel, Airy, Kelvin and Struve functions, in the argument; their orders have no derivative in closed form."""

import math

import numpy as np
from scipy import special

from ...op import Op, elementwise, primal
from ..examples import points
from .errors import polynomial, positive, real
from .parametric import like, parametric, several, with_parameters
from .quadrature import exponentials

order = "v, the order"
some = points(0.8, 5.0)

# ordinary
elementwise(special.j0, lambda y, x: -special.j1(x), examples=real)
elementwise(special.j1, lambda y, x: 0.5 * (special.j0(x) - special.jv(2.0, x)), examples=real)
elementwise(special.y0, lambda y, x: -special.y1(x), examples=some)
elementwise(special.y1, lambda y, x: 0.5 * (special.y0(x) - special.yv(2.0, x)), examples=some)
# for real arguments the scaled jve and yve are the same functions
for _fn, _base in (
    (special.jv, special.jv),
    (special.jve, special.jve),
    (special.yv, special.yv),
    (special.yve, special.yve),
    (special.yn, special.yv),
):
    parametric(
        _fn,
        order,
        lambda y, v, x, f=_base: 0.5 * (f(v - 1, x) - f(v + 1, x)),
        examples=with_parameters((1,), some),
    )

# modified
elementwise(special.i0, lambda y, x: special.i1(x), examples=real)
elementwise(special.i1, lambda y, x: 0.5 * (special.i0(x) + special.iv(2.0, x)), examples=real)
elementwise(special.k0, lambda y, x: -special.k1(x), examples=some)
elementwise(special.k1, lambda y, x: -0.5 * (special.k0(x) + special.kv(2.0, x)), examples=some)
parametric(
    special.iv,
    order,
    lambda y, v, x: 0.5 * (special.iv(v - 1, x) + special.iv(v + 1, x)),
    examples=with_parameters((1,), some),
)
for _fn in (special.kv, special.kn):
    parametric(
        _fn,
        order,
        lambda y, v, x: -0.5 * (special.kv(v - 1, x) + special.kv(v + 1, x)),
        examples=with_parameters((1,), some),
    )


# (1/π) ∫ (1 - cos θ)ⁿ cos(vθ) exp(-x (1 - cos θ)) from 0 to π: the trapezoidal rule, as all is periodic
_ANGLES = (np.arange(28) + 0.5) * math.pi / 28
_FALLS = 2 * np.square(np.sin(_ANGLES / 2))


def _scaled_i(n, v, x):
    large = x > 30
    u = 1 / np.where(large, x, 31.0)
    c, terms = 1.0, []
    for k in range(22):  # of the asymptotic series, differentiated
        terms.append(c * math.prod(k + 0.5 + i for i in range(n)))
        c = c * ((2 * k + 1) ** 2 - 4 * v * v) / (8 * (k + 1))
    far = np.sqrt(u / (2 * math.pi)) * u**n * polynomial(u, terms)
    if not np.all(large):
        weights = _FALLS**n * np.cos(v * _ANGLES) / _ANGLES.size
        far = np.where(large, far, exponentials(np.where(large, 0.0, x), _FALLS, weights))
    return like(np.asarray(far), x)


# The n-th derivative of exp(-x) I(v), but for its sign, for x ≥ 0 and v = 0 or 1; for x > 30 + v² with any v
scaled_i: Op = elementwise(
    _scaled_i,
    None,
    None,
    lambda y, n, v, x: -scaled_i(n + 1, v, x),
    name="(-d/dx)ⁿ exp(-x) I(v)",
    dispatches=False,
    examples=lambda rng: [((n, v, points(0.2, 40.0).draw(rng, (3,))), {}) for n in (0, 1, 2) for v in (0, 1)],
)
elementwise(
    special.i0e,
    lambda y, x: -np.sign(x) * scaled_i(1, 0, np.abs(x)),
    examples=points(0.2, 4.0, signed=True),
)
elementwise(special.i1e, lambda y, x: -scaled_i(1, 1, np.abs(x)), examples=points(0.2, 4.0, signed=True))


def _slope_of_ive(y, v, x):
    """By the asymptotic series where the orders are nearly the same."""
    large = x > 30 + v * v
    apart = 0.5 * (special.ive(v - 1, x) + special.ive(v + 1, x)) - np.sign(x) * y
    return np.where(large, -scaled_i(1, v, np.where(large, x, 31.0 + v * v)), apart)


parametric(special.ive, order, _slope_of_ive, examples=with_parameters((1,), some))


def _scaled_k(n, v, x):
    """∫ (cosh t - 1)ⁿ cosh(vt) exp(-x (cosh t - 1)): the trapezoidal rule in u, where u² = x (cosh t - 1)."""
    total = 0.0
    for k in range(58):
        u = 0.13 * k
        rise = u * u / x  # cosh t - 1
        share = math.exp(-u * u) * (0.5 if k == 0 else 1.0) * u ** (2 * n) / np.sqrt(1 + rise / 2)
        if np.ndim(v) == 0 and v in (0, 1):
            total = total + (share * (1 + rise) if v else share)
        else:
            total = total + share * np.cosh(2 * v * np.arcsinh(np.sqrt(rise / 2)))
    return 0.13 * np.sqrt(2 / x) * total / x**n


# The n-th derivative of exp(x) K(v), but for its sign
scaled_k: Op = elementwise(
    _scaled_k,
    None,
    None,
    lambda y, n, v, x: -scaled_k(n + 1, v, x),
    name="(-d/dx)ⁿ exp(x) K(v)",
    dispatches=False,
    examples=lambda rng: [((n, v, points(0.4, 40.0).draw(rng, (3,))), {}) for n in (0, 1, 2) for v in (0, 1)],
)


def _slope_of_kve(y, v, x):
    """By the integral where K(v) and its neighbours are nearly the same."""
    near_one = x > np.maximum(0.3, v * v / 4)
    safe = np.where(near_one, x, np.maximum(0.3, v * v / 4))
    apart = y - 0.5 * (special.kve(v - 1, x) + special.kve(v + 1, x))
    return np.where(near_one, -scaled_k(1, v, safe), apart)


elementwise(special.k0e, lambda y, x: _slope_of_kve(y, 0, x), examples=some)
elementwise(special.k1e, lambda y, x: _slope_of_kve(y, 1, x), examples=some)
parametric(special.kve, order, _slope_of_kve, examples=with_parameters((1,), some))

# Airy
several(
    special.airy,
    lambda dx, y, x: (y[1] * dx, x * y[0] * dx, y[3] * dx, x * y[2] * dx),
    examples=points(-3.0, 3.0),
)


def _push_airye(dx, y, x):
    root = np.sqrt(np.where(x > 0, x, 0.0))
    return (
        (y[1] + root * y[0]) * dx,
        (x * y[0] + root * y[1]) * dx,
        (y[3] - root * y[2]) * dx,
        (x * y[2] - root * y[3]) * dx,
    )


several(special.airye, _push_airye, examples=points(0.2, 4.0))


# Kelvin: w = ber + i bei solves w'' + w'/x = i w, and so does ker + i kei
def _kelvin(first, second, first_slope, second_slope, domain, first_by_x, second_by_x):
    elementwise(first, lambda y, x: first_slope(x), examples=domain)
    elementwise(second, lambda y, x: second_slope(x), examples=domain)
    elementwise(first_slope, lambda y, x: -second(x) - first_by_x(y, x), examples=domain)
    elementwise(second_slope, lambda y, x: first(x) - second_by_x(y, x), examples=domain)


def _by_x(power, coefficients):
    """Y / x, about 0 by its series in (x/2)⁴ times a power of x/2."""

    def quotient(y, x):
        small = np.abs(x) < 2
        half = np.where(small, x, 0.0) / 2
        series = polynomial(half**4, coefficients) * half**power
        return np.where(small, series, y / np.where(small, 1.0, x))

    return quotient


_ber_slope = _by_x(2, [(-1) ** k * k / math.factorial(2 * k) ** 2 for k in range(1, 9)])
_bei_slope = _by_x(0, [(-1) ** k * (2 * k + 1) / 2 / math.factorial(2 * k + 1) ** 2 for k in range(8)])
_plain = lambda y, x: y / x
_kelvin(
    special.ber,
    special.bei,
    special.berp,
    special.beip,
    points(0.2, 4.0, signed=True),
    _ber_slope,
    _bei_slope,
)
_kelvin(special.ker, special.kei, special.kerp, special.keip, some, _plain, _plain)


# Struve
def _power_term(v, x):
    return np.power(x / 2, v) / (math.sqrt(math.pi) * special.gamma(v + 1.5))


def _slope_of_struve(y, v, x):
    """By the next order for small x, where the one before cancels."""
    small = x * x < 2 * v + 3
    near, far = np.where(small, x, 1.0), np.where(small, 1.0, x)
    upward = v / near * special.struve(v, near) + _power_term(v, near) - special.struve(v + 1, near)
    return np.where(small, upward, special.struve(v - 1, far) - v / far * special.struve(v, far))


parametric(special.struve, order, _slope_of_struve, examples=with_parameters((1,), some))
parametric(
    special.modstruve,
    order,
    lambda y, v, x: v / x * y + _power_term(v, x) + special.modstruve(v + 1, x),
    examples=with_parameters((1,), some),
)

# integrals of these
elementwise(special.itstruve0, lambda y, x: special.struve(0.0, x), examples=positive)
elementwise(special.itmodstruve0, lambda y, x: special.modstruve(0.0, x), examples=positive)


def _struve_by_x(x):
    """H(0) / x, by its series where the derivative of the quotient would cancel."""
    small = np.abs(x) < 2
    series = polynomial(
        np.square(np.where(small, x, 0.0)),
        [(-1) ** k / math.prod(range(1, 2 * k + 2, 2)) ** 2 for k in range(14)],
    )
    far = np.where(small, 2.0, x)
    return np.where(small, 2 / math.pi * series, special.struve(0.0, far) / far)


elementwise(special.it2struve0, lambda y, x: -_struve_by_x(x), examples=positive)
several(special.iti0k0, lambda dx, y, x: (special.i0(x) * dx, special.k0(x) * dx), examples=some)
several(special.itj0y0, lambda dx, y, x: (special.j0(x) * dx, special.y0(x) * dx), examples=some)
several(
    special.it2i0k0, lambda dx, y, x: ((special.i0(x) - 1) / x * dx, -special.k0(x) / x * dx), examples=some
)
several(
    special.it2j0y0, lambda dx, y, x: ((1 - special.j0(x)) / x * dx, -special.y0(x) / x * dx), examples=some
)


# The ufuncs behind the Python functions scipy.special.spherical_jn and so on, which pass traced values on: each and
# its derivative, which solve y'' + 2 y'/x = ∓(1 ∓ n(n + 1)/x²) y. For small x, where j and i are about xⁿ, their
# neighbours above are small.
def _spherical(kind, first, second):
    fn = getattr(special._ufuncs, f"_spherical_{kind}", None)
    slope = getattr(special._ufuncs, f"_spherical_{kind}_d", None)
    if fn is not None and slope is not None:
        examples = with_parameters((1,), some)
        parametric(fn, "n, the order", lambda y, n, x: first(fn, slope, n, x), examples=examples)
        parametric(slope, "n, the order", lambda y, n, x: second(fn, y, n, x), examples=examples)


for _name, _sign in (("jn", -1.0), ("in", 1.0)):

    def _upward(f, d, n, x, s=_sign):
        zero = primal(x) == 0
        safe = np.where(zero, 1.0, x)
        return np.where(zero, d(n, x), n / safe * f(n, safe) + s * f(n + 1, safe))

    _spherical(
        _name,
        _upward,
        lambda f, y, n, x, s=_sign: (
            n * (n - 1) / (x * x) * f(n, x) + s * (2 * n + 1) / x * f(n + 1, x) + f(n + 2, x)
        ),
    )
for _name, _sign in (("yn", -1.0), ("kn", 1.0)):
    _spherical(
        _name,
        lambda f, d, n, x: d(n, x),
        lambda f, y, n, x, s=_sign: (s + n * (n + 1) / (x * x)) * f(n, x) - 2 / x * y,
    )
