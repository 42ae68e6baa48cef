"""Bessel, Airy, Kelvin and Struve functions, in the argument; their orders have no derivative in closed form."""

import math

import numpy as np
from scipy import special

from ...op import elementwise
from ..examples import points
from .errors import positive, real
from .parametric import parametric, several, with_parameters

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


def _modified_terms(v, sign):
    """Coefficients in 1/x of the asymptotic series of √(2πx) exp(-x) I(v) (sign -1), or that of K (sign 1)."""
    c, found = 1.0, [1.0]
    for k in range(1, 22):
        c = c * sign * (4 * v * v - (2 * k - 1) ** 2) / (8 * k)
        found.append(c)
    return found


def _difference(sign, x, near):
    """exp(∓x) (I(0) - I(1)) or (K(0) - K(1)), by asymptotic series where that cancels; x > 0."""
    large = x > 30
    if not np.any(large):
        return near
    u = 1 / np.where(large, x, 40.0)
    total = 0.0
    for a, b in list(zip(_modified_terms(0, sign), _modified_terms(1, sign)))[::-1]:
        total = total * u + (a - b)
    scale = u / (2 * math.pi) if sign < 0 else u * (math.pi / 2)
    return np.where(large, np.sqrt(scale) * total, near)


def _slope_of_i0e(y, x):
    size = np.abs(x)
    return -np.sign(x) * _difference(-1, size, y - special.i1e(size))


elementwise(special.i0e, _slope_of_i0e, examples=points(0.2, 4.0, signed=True))
elementwise(
    special.i1e,
    lambda y, x: 0.5 * (special.i0e(x) + special.ive(2.0, x)) - np.sign(x) * y,
    examples=points(0.2, 4.0, signed=True),
)
elementwise(special.k0e, lambda y, x: _difference(1, x, y - special.k1e(x)), examples=some)
elementwise(special.k1e, lambda y, x: y - 0.5 * (special.k0e(x) + special.kve(2.0, x)), examples=some)
parametric(
    special.ive,
    order,
    lambda y, v, x: 0.5 * (special.ive(v - 1, x) + special.ive(v + 1, x)) - np.sign(x) * y,
    examples=with_parameters((1,), some),
)
parametric(
    special.kve,
    order,
    lambda y, v, x: y - 0.5 * (special.kve(v - 1, x) + special.kve(v + 1, x)),
    examples=with_parameters((1,), some),
)

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
def _kelvin(first, second, first_slope, second_slope, domain, at_zero):
    elementwise(first, lambda y, x: first_slope(x), examples=domain)
    elementwise(second, lambda y, x: second_slope(x), examples=domain)
    elementwise(
        first_slope, lambda y, x: -second(x) - y / np.where(x == 0, 1.0, x) if at_zero else -second(x) - y / x,
        examples=domain,
    )  # fmt: skip
    elementwise(
        second_slope,
        lambda y, x: (
            np.where(x == 0, 0.5, first(x) - y / np.where(x == 0, 1.0, x)) if at_zero else first(x) - y / x
        ),
        examples=domain,
    )


_kelvin(special.ber, special.bei, special.berp, special.beip, points(0.2, 4.0, signed=True), True)
_kelvin(special.ker, special.kei, special.kerp, special.keip, some, False)

# Struve
parametric(
    special.struve,
    order,
    lambda y, v, x: special.struve(v - 1, x) - v * y / x,
    examples=with_parameters((1,), some),
)
parametric(
    special.modstruve,
    order,
    lambda y, v, x: special.modstruve(v - 1, x) - v * y / x,
    examples=with_parameters((1,), some),
)

# integrals of these
elementwise(special.itstruve0, lambda y, x: special.struve(0.0, x), examples=positive)
elementwise(special.itmodstruve0, lambda y, x: special.modstruve(0.0, x), examples=positive)
elementwise(special.it2struve0, lambda y, x: -special.struve(0.0, x) / x, examples=positive)
several(special.iti0k0, lambda dx, y, x: (special.i0(x) * dx, special.k0(x) * dx), examples=some)
several(special.itj0y0, lambda dx, y, x: (special.j0(x) * dx, special.y0(x) * dx), examples=some)
several(
    special.it2i0k0, lambda dx, y, x: ((special.i0(x) - 1) / x * dx, -special.k0(x) / x * dx), examples=some
)
several(
    special.it2j0y0, lambda dx, y, x: ((1 - special.j0(x)) / x * dx, -special.y0(x) / x * dx), examples=some
)


# The ufuncs behind the Python functions scipy.special.spherical_jn and so on, which pass traced values on:
# each and its derivative, which solve y'' + 2 y'/x = ∓(1 ∓ n(n + 1)/x²) y.
for _name, _sign in (("jn", -1.0), ("yn", -1.0), ("in", 1.0), ("kn", 1.0)):
    _fn = getattr(special._ufuncs, f"_spherical_{_name}", None)
    _slope = getattr(special._ufuncs, f"_spherical_{_name}_d", None)
    if _fn is not None and _slope is not None:
        parametric(
            _fn, "n, the order", lambda y, n, x, d=_slope: d(n, x), examples=with_parameters((1,), some)
        )
        parametric(
            _slope,
            "n, the order",
            lambda y, n, x, f=_fn, s=_sign: (s + n * (n + 1) / (x * x)) * f(n, x) - 2 / x * y,
            examples=with_parameters((1,), some),
        )
