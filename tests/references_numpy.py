"""NumPy's elementwise functions in mpmath, with points where a formula might fail."""

import math

import mpmath as mp
from reference import Reference

NEAR = 1 - 2.0**-53  # the last number before 1
WIDE = [(1e200,), (-1e-200,), (0.0,)]
SIZES = [(1e200, 1e200), (1e-200, 3e-200), (1e200, 1e-200), (-1e-200, 1e200), (1e200, 1.0), (1.0, -1e200)]


def larger(a, b):
    return a if a > b else b


def smaller(a, b):
    return a if a < b else b


def sinc(x):
    return mp.sin(mp.pi * x) / (mp.pi * x) if x else mp.mpf(1)


def real_root(x):
    return mp.sign(x) * mp.cbrt(abs(x))


def truncated(x):
    return mp.floor(x) if x >= 0 else mp.ceil(x)


QUOTIENTS = [(7.5, 2.0), (-7.5, 2.0), (7.5, -2.0), (0.3, 0.1), (0.5999999999999999, 0.1), (1e17, 3.0)]
POWERS = [
    (1e200, 0.1), (1e-200, -0.5), (1 + 1e-12, 1e12), (1.0, 1e10), (3.0, 600.0), (1e-300, 1.0), (2.5, 0.0),
    (1e-100, 3.0),
]  # fmt: skip
PLAIN_POWERS = [
    (-2.0, 3), (-2.0, 2), (-1e100, -1), (1e200, 0.1), (1e-200, -0.5), (2.5, 0.0), (-2.5, 0.0), (0.0, 2), (0.0, 4),
    (0.0, 1.0),
]  # fmt: skip


def far(value, *points):
    """A reference whose points are far out: so many digits that differences have some left at 1e±200."""
    return Reference(value, *points, far_digits=1200)


REFERENCES = {
    "np.add": far(lambda a, b: a + b, *SIZES),
    "np.subtract": far(lambda a, b: a - b, *SIZES),
    "np.multiply": far(lambda a, b: a * b, (1e200, 1e100), (1e-200, 3.0), (0.0, 0.0)),
    "np.divide": far(lambda a, b: a / b, (1.0, 1e-150), (1e-200, 1e-100), (1e150, 1e150), (0.0, 3.0)),
    "np.negative": far(lambda x: -x, *WIDE),
    "np.i0": far(lambda x: mp.besseli(0, x), (0.0,), (1e-9,), (7.9,), (8.1,), (300.0,), (-700.0,)),
    "np.i0_": far(lambda x: mp.besseli(0, x), (0.0,), (1e-9,), (7.9,), (8.1,), (300.0,), (-700.0,)),
    "np.positive": far(lambda x: x, *WIDE),
    "np.reciprocal": far(lambda x: 1 / x, (1e-150,), (-1e150,)),
    "np.conjugate": far(lambda x: x, *WIDE),
    "np.heaviside": far(lambda a, b: b if a == 0 else mp.mpf(a > 0), (1e-300, 0.5), (-1e-300, 0.5)),
    "np.square": far(lambda x: x * x, (1e150,), (1e-200,), (0.0,)),
    "np.sqrt": far(mp.sqrt, (1e300,), (1e-300,), (5e-324,)),
    "np.cbrt": far(real_root, (1e300,), (1e-300,), (-8.0,), (5e-324,)),
    "np.absolute": far(abs, (1e-300,), (-1e300,)),
    "np.fabs": far(abs, (1e-300,), (-1e300,)),
    "np.remainder": far(lambda a, b: a - b * mp.floor(a / b), *QUOTIENTS),
    "np.fmod": far(lambda a, b: a - b * truncated(a / b), *QUOTIENTS),
    "np.copysign": far(lambda a, b: abs(a) * mp.sign(b), (1e-300, -2.0), (-3.0, -1e-300), (-2.0, 5.0)),
    "np.exp": far(mp.exp, (700.0,), (-700.0,), (1e-20,)),
    "np.exp2": far(lambda x: mp.mpf(2) ** x, (1000.0,), (-1000.0,), (1e-20,)),
    "np.expm1": far(mp.expm1, (1e-20,), (-1e-300,), (-50.0,), (700.0,), (0.0,)),
    "np.log": far(mp.log, (1e300,), (1e-300,), (NEAR,)),
    "np.log2": far(lambda x: mp.log(x, 2), (1e300,), (1e-300,), (NEAR,)),
    "np.log10": far(mp.log10, (1e300,), (1e-300,), (NEAR,)),
    "np.log1p": far(mp.log1p, (1e-20,), (-1e-300,), (-NEAR,), (1e300,), (0.0,)),
    "np.logaddexp": far(
        lambda a, b: mp.log(mp.exp(a) + mp.exp(b)),
        (1000.0, 1000.0), (1000.0, 999.0), (-1000.0, 1000.0), (30.0, -10.0), (1e-20, 0.0), (-1e5, -1e5 + 1),
        (-500.0, 200.0),
    ),
    "np.logaddexp2": far(
        lambda a, b: mp.log(mp.mpf(2) ** a + mp.mpf(2) ** b, 2),
        (1000.0, 1000.0), (1000.0, 999.0), (-1000.0, 1000.0), (30.0, -20.0), (1e-20, 0.0),
    ),
    "np.sin": far(mp.sin, (1e10,), (1e-200,), (math.pi / 2,), (0.0,)),
    "np.cos": far(mp.cos, (1e10,), (1e-200,), (math.pi / 2,)),
    "np.tan": far(mp.tan, (1e10,), (1e-200,), (math.pi / 2,), (math.pi,)),
    "np.arcsin": far(mp.asin, (NEAR,), (-NEAR,), (1e-200,), (0.0,)),
    "np.arccos": far(mp.acos, (NEAR,), (-NEAR,), (1e-200,), (0.0,)),
    "np.arctan": far(mp.atan, *WIDE),
    "np.sinh": far(mp.sinh, (700.0,), (-700.0,), (1e-200,), (0.0,)),
    "np.cosh": far(mp.cosh, (700.0,), (-700.0,), (1e-200,)),
    "np.tanh": far(mp.tanh, (50.0,), (-50.0,), (20.0,), (350.0,), (-800.0,), (1e-200,), (0.0,)),
    "np.arcsinh": far(mp.asinh, *WIDE),
    "np.arccosh": far(mp.acosh, (1 + 2.0**-52,), (1e200,)),
    "np.arctanh": far(mp.atanh, (NEAR,), (-NEAR,), (1e-200,), (0.0,)),
    "np.degrees": far(mp.degrees, *WIDE),
    "np.rad2deg": far(mp.degrees, *WIDE),
    "np.radians": far(mp.radians, *WIDE),
    "np.deg2rad": far(mp.radians, *WIDE),
    "np.sinc": far(
        sinc,
        (0.0,), (1e-200,), (1e-8,), (0.39999,), (0.40001,), (1.0,), (-2.0,), (5.5,), (1e6 + 0.25,),
    ),
    "np.ldexp": far(mp.ldexp, (1e-200, 300), (1.5, -1000)),
    "np.hypot": far(lambda a, b: mp.sqrt(a * a + b * b), *SIZES, (0.0, 2.0), (3e-310, 4e-310), (3.0, 1e-9)),
    "np.arctan2": far(mp.atan2, *SIZES, (1e-200, -1.0), (1.0, 0.0), (1e-300, 1e300), (3.0, 1e-9)),
    "np.maximum": far(larger, (1.0, NEAR), (-1e200, 1e200)),
    "np.minimum": far(smaller, (1.0, NEAR), (-1e200, 1e200)),
    "np.fmax": far(larger, (1.0, NEAR), (-1e200, 1e200)),
    "np.fmin": far(smaller, (1.0, NEAR), (-1e200, 1e200)),
    "np.nextafter": far(lambda a, b: a, (1.0, 2.0), (-1e200, 0.0)),
    "np.power_": far(mp.power, *POWERS),
    "np.clip_": far(lambda x, lo, hi: smaller(larger(x, lo), hi), (1e200, -1.0, 2.0), (0.5, -1e200, 1e200)),
    # powers by a plain number: of negative bases too
    "power by a number": far(mp.power, *PLAIN_POWERS),
    "square root of a spread": far(mp.sqrt, (1e300,), (1e-90,)),
    "n-th root of a norm": far(lambda x, n: x ** (mp.mpf(1) / n), (1e300, 3), (1e-70, 5)),
    "1 - x²": far(lambda x: 1 - x * x, (NEAR,), (1e-200,)),
    "a / hypot(a, b)": far(lambda a, b: a / mp.sqrt(a * a + b * b), *SIZES, (3.0, 1e-9), (1e-9, 3.0)),
    "sech²": far(lambda x: mp.sech(x) ** 2, (50.0,), (-350.0,), (1e-200,), (0.0,)),
}  # fmt: skip
