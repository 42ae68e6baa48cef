"""Elementwise operations: one partial derivative per argument, as a number or a function of (y, *inputs).

Partials are formulas that keep their accuracy at the hard points (small arguments, saturation, huge
ratios) and take the values of docs/reference/conventions.md at kinks. A division by a Python zero inside a
rule gives the infinite limit, as it would in NumPy: the interpreters see to that.
"""

import math

import numpy as np

from ..op import Op, composite, elementwise, is_complex, linear, primal
from .batching import aligned
from .complex import complex_conjugate, modulus
from .examples import pairs, points, taken

LN2, LN10 = math.log(2.0), math.log(10.0)
real = points(-3.0, 3.0)
positive = points(0.1, 5.0)
inside = points(-0.95, 0.95)
nonzero = points(0.2, 3.0, signed=True)
divisor = points(0.7, 1.3)

# arithmetic
add = elementwise(np.add, 1, 1, complex=True, examples=pairs(real, real))
subtract = elementwise(np.subtract, 1, -1, complex=True, examples=pairs(real, real))
multiply = elementwise(
    np.multiply, lambda y, a, b: b, lambda y, a, b: a, complex=True, examples=pairs(real, real)
)
divide = elementwise(
    np.divide, lambda y, a, b: 1 / b, lambda y, a, b: -y / b, complex=True, examples=pairs(real, positive)
)
negative = elementwise(np.negative, -1, complex=True, examples=real)
positive_ = elementwise(np.positive, 1, complex=True, examples=real)
reciprocal = elementwise(np.reciprocal, lambda y, x: -y * y, complex=True, examples=positive)
conjugate = elementwise(np.conjugate, 1, complex=complex_conjugate, examples=real)
square = elementwise(np.square, lambda y, x: 2 * x, complex=True, examples=real)
sqrt = elementwise(np.sqrt, lambda y, x: 0.5 / y, complex=True, examples=positive)
cbrt = elementwise(np.cbrt, lambda y, x: 1 / (3 * y * y), examples=positive)
absolute = elementwise(
    np.absolute, lambda y, x: np.sign(x), aliases=(np.fabs,), complex=modulus, examples=nonzero
)
remainder = elementwise(
    np.remainder, 1, lambda y, a, b: -np.floor_divide(a, b), examples=pairs(nonzero, divisor)
)
fmod = elementwise(np.fmod, 1, lambda y, a, b: np.rint((y - a) / b), examples=pairs(nonzero, divisor))
copysign = elementwise(
    np.copysign,
    lambda y, a, b: np.sign(a) * np.copysign(1.0, b),
    0,
    examples=pairs(points(0.2, 3.0), positive),
)

heaviside = elementwise(np.heaviside, 0, lambda y, a, b: a == 0, examples=pairs(nonzero, real))

# exponentials and logarithms
exp = elementwise(np.exp, lambda y, x: y, complex=True, examples=real)
exp2 = elementwise(np.exp2, lambda y, x: LN2 * y, complex=True, examples=real)
expm1 = elementwise(np.expm1, lambda y, x: np.exp(x), complex=True, examples=real)
log = elementwise(np.log, lambda y, x: 1 / x, complex=True, examples=positive)
log2 = elementwise(np.log2, lambda y, x: 1 / (LN2 * x), complex=True, examples=positive)
log10 = elementwise(np.log10, lambda y, x: 1 / (LN10 * x), complex=True, examples=positive)
log1p = elementwise(np.log1p, lambda y, x: 1 / (1 + x), complex=True, examples=points(-0.9, 3.0))


def _weight(a, b):
    """exp(a) / (exp(a) + exp(b)) without overflow; one half where both are the same infinity."""
    same = np.isinf(a) & (a == b)
    d = np.where(same, 0.0, a) - np.where(same, 0.0, b) if np.any(same) else a - b
    e = np.exp(d * np.copysign(1.0, -d))
    return np.where(d >= 0, 1.0, e) / (1 + e)


# Where cosh would overflow, by dtype; Python floats are doubles
_DOUBLE = np.log(np.finfo(np.float64).max)
_LARGEST = {np.dtype(t): np.log(np.finfo(t).max) for t in (np.float16, np.float32, np.longdouble)}


def _squared_sech(x):
    largest = _LARGEST.get(getattr(x, "dtype", None), _DOUBLE)
    return np.square(np.reciprocal(np.cosh(np.minimum(np.abs(x), largest))))


# 1 - tanh(x)**2 without the cancellation where tanh saturates; an op, so that its own derivative is as good.
squared_sech = elementwise(
    _squared_sech, lambda y, x: -2 * np.tanh(x) * y, name="sech²", dispatches=False, examples=real
)


logaddexp = elementwise(
    np.logaddexp, lambda y, a, b: _weight(a, b), lambda y, a, b: _weight(b, a), examples=pairs(real, real)
)
logaddexp2 = elementwise(
    np.logaddexp2,
    lambda y, a, b: _weight(LN2 * a, LN2 * b),
    lambda y, a, b: _weight(LN2 * b, LN2 * a),
    examples=pairs(real, real),
)


def _over_root(x):
    """1 / sqrt(1 + x²), for real numbers without overflow."""
    return 1 / (np.sqrt(1 + 1j * x) * np.sqrt(1 - 1j * x)) if is_complex(x) else 1 / np.hypot(1.0, x)


def _over_square(x):
    """1 / (1 + x²), for real numbers without overflow."""
    return 1 / ((1 + 1j * x) * (1 - 1j * x)) if is_complex(x) else np.square(1 / np.hypot(1.0, x))


# trigonometric and hyperbolic
sin = elementwise(np.sin, lambda y, x: np.cos(x), complex=True, examples=real)
cos = elementwise(np.cos, lambda y, x: -np.sin(x), complex=True, examples=real)
tan = elementwise(np.tan, lambda y, x: 1 + y * y, complex=True, examples=points(-1.3, 1.3))
# An op, as the derivative of the product cancels at 0.
one_minus_square = elementwise(
    lambda x: (1 - x) * (1 + x),
    lambda y, x: -2 * x,
    name="1 - x²",
    dispatches=False,
    complex=True,
    examples=inside,
)
arcsin = elementwise(np.arcsin, lambda y, x: 1 / np.sqrt(one_minus_square(x)), complex=True, examples=inside)
arccos = elementwise(np.arccos, lambda y, x: -1 / np.sqrt(one_minus_square(x)), complex=True, examples=inside)
arctan = elementwise(np.arctan, lambda y, x: _over_square(x), complex=True, examples=real)
sinh = elementwise(np.sinh, lambda y, x: np.cosh(x), complex=True, examples=real)
cosh = elementwise(np.cosh, lambda y, x: np.sinh(x), complex=True, examples=real)
tanh = elementwise(
    np.tanh, lambda y, x: 1 - y * y if is_complex(y) else squared_sech(x), complex=True, examples=real
)
arcsinh = elementwise(np.arcsinh, lambda y, x: _over_root(x), complex=True, examples=real)
arccosh = elementwise(
    np.arccosh,
    lambda y, x: 1 / (np.sqrt(x - 1) * np.sqrt(x + 1)),
    complex=True,
    examples=points(1.1, 5.0),
)
arctanh = elementwise(np.arctanh, lambda y, x: 1 / one_minus_square(x), complex=True, examples=inside)
degrees = elementwise(np.degrees, 180 / math.pi, aliases=(np.rad2deg,), examples=real)
radians = elementwise(np.radians, math.pi / 180, aliases=(np.deg2rad,), examples=real)


def _slope_of_sinc(y, x):
    """(cos πx - sinc x) / x, by its series where that cancels: Σ (-1)ᵏ 2k (πx)²ᵏ / (2k+1)! / x."""
    small = np.abs(x) < 0.4
    near, u = np.where(small, x, 0.0), np.square(math.pi * np.where(small, x, 0.0))
    series = 0.0
    for k in range(12, 0, -1):
        series = series * u + (-1) ** k * 2 * k / math.factorial(2 * k + 1)
    far = np.where(small, 1.0, x)
    return np.where(small, math.pi**2 * near * series, (np.cos(math.pi * far) - y) / far)


sinc = elementwise(np.sinc, _slope_of_sinc, complex=True, examples=real)


def _slope_of_i0(y, x):
    """I₁(x) = I₀(x) Σ cos θ sinh(x cos θ) / Σ cosh(x cos θ), over a period's equal steps (Poisson 1823).

    The sums converge faster than any power, and no terms cancel: halved arguments keep them from overflow.
    """
    most = 1.5 * _LARGEST.get(getattr(x, "dtype", None), _DOUBLE)  # where y is infinite
    x = np.where(np.abs(primal(x)) > most, np.copysign(most, primal(x)), x)
    top = np.abs(primal(x))
    steps = 6 + int(2.3 * np.sqrt(np.max(top, initial=0.0, where=np.isfinite(top))))
    cosines = np.cos(math.pi / 2 * (np.arange(steps) + 0.5) / steps)
    c = np.reshape(cosines.astype(getattr(y, "dtype", float)), (-1,) + (1,) * np.ndim(x))
    s, t = (np.exp(-top / 2) * f(x * (c / 2)) for f in (np.sinh, np.cosh))
    above, below = np.sum(2 * c * s * t, axis=0), np.sum(s * s + t * t, axis=0)
    return y * (above / below)


i0 = elementwise(
    lambda x: +np.i0(x),  # which returns numbers as arrays without axes
    _slope_of_i0,
    name="np.i0",
    aliases=(np.i0,),
    examples=lambda rng: [((real.draw(rng, s),), {}) for s in ((3,), (2, 3))],
)

# two arguments
ldexp = elementwise(
    np.ldexp, lambda y, x, n: np.ldexp(1.0, n), None, examples=lambda rng: [((real.draw(rng, (3,)), 2), {})]
)


def _length(a, b):
    y = np.hypot(a, b)
    return np.where(y == 0, 1.0, y)


# The cosine of the angle to the first axis, 0 for no vector. An op: 1/y - a²/y³ would cancel where b is small.
cosine: Op = elementwise(
    lambda a, b: a / _length(a, b),
    lambda y, a, b: np.square(cosine(b, a)) / _length(a, b),
    lambda y, a, b: -y * cosine(b, a) / _length(a, b),
    name="a / hypot(a, b)",
    dispatches=False,
    examples=pairs(real, positive),
)
hypot = elementwise(
    np.hypot, lambda y, a, b: cosine(a, b), lambda y, a, b: cosine(b, a), examples=pairs(real, positive)
)
arctan2 = elementwise(
    np.arctan2,
    lambda y, a, b: b / np.hypot(a, b) / np.hypot(a, b),
    lambda y, a, b: -a / np.hypot(a, b) / np.hypot(a, b),
    examples=pairs(real, positive),
)


def _larger(a, b):
    """Share of the larger argument: 1, 0, and one half each where they tie."""
    return np.where(a == b, 0.5, a > b)


def _smaller(a, b):
    return np.where(a == b, 0.5, a < b)


maximum = elementwise(
    np.maximum,
    lambda y, a, b: _larger(a, b),
    lambda y, a, b: _larger(b, a),
    selects=True,
    examples=pairs(real, real),
)
minimum = elementwise(
    np.minimum,
    lambda y, a, b: _smaller(a, b),
    lambda y, a, b: _smaller(b, a),
    selects=True,
    examples=pairs(real, real),
)
# fmax and fmin pass over a NaN, so that the other argument has the whole share.
fmax = elementwise(
    np.fmax,
    lambda y, a, b: np.where(np.isnan(b), 1.0, _larger(a, b)),
    lambda y, a, b: np.where(np.isnan(a), 1.0, _larger(b, a)),
    selects=True,
    examples=pairs(real, real),
)
fmin = elementwise(
    np.fmin,
    lambda y, a, b: np.where(np.isnan(b), 1.0, _smaller(a, b)),
    lambda y, a, b: np.where(np.isnan(a), 1.0, _smaller(b, a)),
    selects=True,
    examples=pairs(real, real),
)


# powers
def real_power(x, n):
    """`x ** n`, real as NumPy's is: Python's own gives a complex number for a negative base."""
    try:
        y = x**n
    except ArithmeticError:  # of Python's numbers: 0.0**-1, 1e200**2
        y = float(np.float64(x) ** n)
    return math.nan if type(y) is complex else y


# The exponent is a plain number here, so that the rule can look at it: 0 in the base where n = 0.
power_number = elementwise(
    real_power,
    lambda y, x, n: n * (x ** (n - 1) if type(n) is int else real_power(x, n - 1)) if n else 0.0,
    None,
    name="power by a number",
    complex=True,
    examples=lambda rng: [
        ((positive.draw(rng, s), n), {}) for s in ((), (3,)) for n in (2, 3, -1, 0.5, 1.0, 0)
    ],
)


def _with_logarithm(a):
    """`a` where it has a real logarithm; NaN where it is negative, and not by way of a warning."""
    return np.where(a > 0, a, np.where(a == 0, 1.0, np.nan))


power = elementwise(
    np.power,
    # Where a = b = 0 the exponent -1 would give 0 times infinity.
    lambda y, a, b: b * np.power(a, np.where((a == 0) & (b == 0), 1.0, b - 1)),
    lambda y, a, b: y * np.log(_with_logarithm(a) if not is_complex(y) else a),
    name="np.power",
    complex=True,
    examples=pairs(positive, real),
)


@composite(np.power, examples=pairs(positive, real))
def _np_power(x1, x2):
    return power_number(x1, x2) if type(x2) in (int, float) else power(x1, x2)


@composite(np.float_power, examples=pairs(positive, real))
def _float_power(x1, x2):
    single = np.result_type(*(getattr(x, "dtype", x) for x in (x1, x2))).itemsize < 8
    x1, x2 = (x.astype(float) if single and hasattr(x, "astype") else x for x in (x1, x2))
    return _np_power(x1, x2)


# choices
where = linear(
    np.where,
    None,
    lambda g, c, a, b: np.where(c, g, 0.0),
    lambda g, c, a, b: np.where(c, 0.0, g),
    name="np.where",
    moves=True,
    selects=True,
    batch=aligned,
    examples=lambda rng: [
        ((rng.uniform(-1, 1, (2, 3)) > 0, real.draw(rng, s), real.draw(rng, t)), {})
        for s, t in (((2, 3), (2, 3)), ((3,), ()), ((2, 1), (2, 3)))
    ],
)
clip = elementwise(
    np.clip,
    lambda y, x, lo, hi: np.logical_not((x < lo) | (x > hi)),
    lambda y, x, lo, hi: (x < lo) & (lo <= hi),
    lambda y, x, lo, hi: (x > hi) | (lo > hi),
    name="np.clip",
    selects=True,
    examples=lambda rng: [((3 * real.draw(rng, (2, 3)), -1.0, real.draw(rng, (3,)) * 0.3 + 1.5), {})],
)


@composite(
    np.where,
    examples=lambda rng: [((rng.uniform(-1, 1, (2, 3)) > 0, real.draw(rng, (3,)), real.draw(rng, ())), {})],
)
def _where(condition, *choices):
    if not choices:
        return np.where(primal(condition))
    return where(primal(condition), *choices)


@composite(
    np.clip,
    examples=lambda rng: [
        ((real.draw(rng, (3,)), -1.0, 1.0), {}),
        ((real.draw(rng, (3,)),), {"a_min": None, "a_max": 0.5}),
        *(((real.draw(rng, (3,)),), call[-1]) for call in taken(np.clip, ({"min": -0.5, "max": 0.5},))),
    ],
)
def _clip(a, a_min=None, a_max=None, *, min=None, max=None):
    lo, hi = (min if a_min is None else a_min), (max if a_max is None else a_max)
    return clip(a, -np.inf if lo is None else lo, np.inf if hi is None else hi)


@composite(np.modf, examples=real)
def _modf(x):
    whole = np.trunc(x)
    return x - whole, whole


@composite(np.divmod, examples=pairs(nonzero, divisor))
def _divmod(x1, x2):
    return np.floor_divide(x1, x2), np.remainder(x1, x2)
