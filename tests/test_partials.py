"""Elementwise partial derivatives against 1200-digit arithmetic, also where formulas lose their digits."""

import math

import mpmath as mp
import numpy as np
import pytest
from cases import DIFFERENTIABLE, cases_of, generator

from dualad import grad, jvp
from dualad.op import OPS, name_of

# Errors in units in the last place of the exact partial, times its condition number.
ULPS = 4
# So many that differences of steps 1e-40 relative keep 80 digits even where arguments are 1e±200.
DIGITS = 1200

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


POWERS = [
    (2.5, 0.0), (-2.5, 0.0), (-2.0, 3.0), (-2.0, 2.0), (-1e100, -3.0), (1e-100, 3.0), (1e200, 0.1), (1e-200, -0.5),
    (0.0, 2.0), (0.0, 1.0), (0.0, 4.0), (1 + 1e-12, 1e12), (1.0, 1e10), (3.0, 600.0), (1e-300, 1.0),
]  # fmt: skip
QUOTIENTS = [(7.5, 2.0), (-7.5, 2.0), (7.5, -2.0), (0.3, 0.1), (0.5999999999999999, 0.1), (1e17, 3.0)]

# Each function of NumPy's beside that of mpmath, with points where a formula might fail.
TABLE = {
    np.add: (lambda a, b: a + b, SIZES),
    np.subtract: (lambda a, b: a - b, SIZES),
    np.multiply: (lambda a, b: a * b, [(1e200, 1e100), (1e-200, 3.0), (0.0, 0.0)]),
    np.divide: (lambda a, b: a / b, [(1.0, 1e-150), (1e-200, 1e-100), (1e150, 1e150), (0.0, 3.0)]),
    np.negative: (lambda x: -x, WIDE),
    np.positive: (lambda x: x, WIDE),
    np.reciprocal: (lambda x: 1 / x, [(1e-150,), (-1e150,)]),
    np.conjugate: (lambda x: x, WIDE),
    np.heaviside: (lambda a, b: b if a == 0 else mp.mpf(a > 0), [(1e-300, 0.5), (-1e-300, 0.5)]),
    np.square: (lambda x: x * x, [(1e150,), (1e-200,), (0.0,)]),
    np.sqrt: (mp.sqrt, [(1e300,), (1e-300,), (5e-324,)]),
    np.cbrt: (real_root, [(1e300,), (1e-300,), (-8.0,), (5e-324,)]),
    np.absolute: (abs, [(1e-300,), (-1e300,)]),
    np.fabs: (abs, [(1e-300,), (-1e300,)]),
    np.remainder: (lambda a, b: a - b * mp.floor(a / b), QUOTIENTS),
    np.fmod: (lambda a, b: a - b * truncated(a / b), QUOTIENTS),
    np.copysign: (lambda a, b: abs(a) * mp.sign(b), [(1e-300, -2.0), (-3.0, -1e-300), (-2.0, 5.0)]),
    np.exp: (mp.exp, [(700.0,), (-700.0,), (1e-20,)]),
    np.exp2: (lambda x: mp.mpf(2) ** x, [(1000.0,), (-1000.0,), (1e-20,)]),
    np.expm1: (mp.expm1, [(1e-20,), (-1e-300,), (-50.0,), (700.0,), (0.0,)]),
    np.log: (mp.log, [(1e300,), (1e-300,), (NEAR,)]),
    np.log2: (lambda x: mp.log(x, 2), [(1e300,), (1e-300,), (NEAR,)]),
    np.log10: (mp.log10, [(1e300,), (1e-300,), (NEAR,)]),
    np.log1p: (mp.log1p, [(1e-20,), (-1e-300,), (-NEAR,), (1e300,), (0.0,)]),
    np.logaddexp: (
        lambda a, b: mp.log(mp.exp(a) + mp.exp(b)),
        [(1000.0, 1000.0), (1000.0, 999.0), (-1000.0, 1000.0), (30.0, -10.0), (1e-20, 0.0), (-1e5, -1e5 + 1)],
    ),
    np.logaddexp2: (
        lambda a, b: mp.log(mp.mpf(2) ** a + mp.mpf(2) ** b, 2),
        [(1000.0, 1000.0), (1000.0, 999.0), (-1000.0, 1000.0), (30.0, -20.0), (1e-20, 0.0)],
    ),
    np.sin: (mp.sin, [(1e10,), (1e-200,), (math.pi / 2,), (0.0,)]),
    np.cos: (mp.cos, [(1e10,), (1e-200,), (math.pi / 2,)]),
    np.tan: (mp.tan, [(1e10,), (1e-200,), (math.pi / 2,), (math.pi,)]),
    np.arcsin: (mp.asin, [(NEAR,), (-NEAR,), (1e-200,), (0.0,)]),
    np.arccos: (mp.acos, [(NEAR,), (-NEAR,), (1e-200,), (0.0,)]),
    np.arctan: (mp.atan, WIDE),
    np.sinh: (mp.sinh, [(700.0,), (-700.0,), (1e-200,), (0.0,)]),
    np.cosh: (mp.cosh, [(700.0,), (-700.0,), (1e-200,)]),
    np.tanh: (mp.tanh, [(50.0,), (-50.0,), (20.0,), (350.0,), (-800.0,), (1e-200,), (0.0,)]),
    np.arcsinh: (mp.asinh, WIDE),
    np.arccosh: (mp.acosh, [(1 + 2.0**-52,), (1e200,)]),
    np.arctanh: (mp.atanh, [(NEAR,), (-NEAR,), (1e-200,), (0.0,)]),
    np.sinc: (sinc, [(0.0,), (1e-200,), (1e-8,), (0.39999,), (0.40001,), (1.0,), (-2.0,), (5.5,), (1e6 + 0.25,)]),
    np.degrees: (mp.degrees, WIDE),
    np.rad2deg: (mp.degrees, WIDE),
    np.radians: (mp.radians, WIDE),
    np.deg2rad: (mp.radians, WIDE),
    np.hypot: (lambda a, b: mp.sqrt(a * a + b * b), [*SIZES, (0.0, 2.0), (3e-310, 4e-310)]),
    np.arctan2: (mp.atan2, [*SIZES, (1e-200, -1.0), (1.0, 0.0), (1e-300, 1e300)]),
    np.maximum: (larger, [(1.0, NEAR), (-1e200, 1e200)]),
    np.minimum: (smaller, [(1.0, NEAR), (-1e200, 1e200)]),
    np.fmax: (larger, [(1.0, NEAR), (-1e200, 1e200)]),
    np.fmin: (smaller, [(1.0, NEAR), (-1e200, 1e200)]),
    np.power: (mp.power, POWERS),
    np.float_power: (mp.power, POWERS),
    np.nextafter: (lambda a, b: a, [(1.0, 2.0), (-1e200, 0.0)]),
    np.ldexp: (mp.ldexp, [(1e-200, 300), (1.5, -1000)]),
}  # fmt: skip


def test_every_elementwise_ufunc_is_in_the_table():
    products = {np.matmul, np.vecdot, getattr(np, "matvec", None), getattr(np, "vecmat", None)}
    several = {np.modf, np.divmod}  # sums of these and of plain values
    needed = {
        fn
        for fn, op in OPS.items()
        if getattr(np, fn.__name__, None) is fn  # those of SciPy have a file of their own
        and (op.kind == "elementwise" or (op.kind != "plain" and type(fn) is np.ufunc))
    }
    assert needed - products - several <= set(TABLE)


def exact_partial(f, args, i):
    """The partial in argument `i` to 80 digits, and its condition number: 1 + Σ |x ∂/∂x log|partial||."""
    with mp.workdps(DIGITS):
        x = [mp.mpf(a) if isinstance(a, float) else a for a in args]
        steps = [abs(a) * mp.mpf(10) ** -40 if a else mp.mpf(10) ** -400 for a in x]

        def at(*moves):
            return f(*[a + k * h if k else a for a, k, h in zip(x, moves, steps, strict=True)])

        def unit(j, k=1):
            return [k * (n == j) for n in range(len(x))]

        slope = (at(*unit(i)) - at(*unit(i, -1))) / (2 * steps[i])
        condition = mp.mpf(1)
        for j, a in enumerate(x):
            if not isinstance(a, mp.mpf) or a == 0 or slope == 0:
                continue
            if j == i:
                change = (at(*unit(i)) - 2 * at(*unit(i, 0)) + at(*unit(i, -1))) / steps[i] ** 2
            else:
                corner = [
                    at(*[p + q for p, q in zip(unit(i, s), unit(j, t), strict=True)])
                    for s in (1, -1)
                    for t in (1, -1)
                ]
                change = (corner[0] - corner[1] - corner[2] + corner[3]) / (4 * steps[i] * steps[j])
            condition += abs(a * change / slope)
        return slope, condition


def computed_partials(fn, args, i):
    """The partial in argument `i`, of Python floats, NumPy scalars and arrays of one element."""

    def at(t):
        return fn(*args[:i], t, *args[i + 1 :])

    def in_arrays(t):
        return fn(*[np.array([a]) for a in args[:i]], t, *[np.array([a]) for a in args[i + 1 :]])

    x = args[i]
    return {
        "float, forward": jvp(at, (x,), (1.0,))[1],
        "float, reverse": grad(at)(x),
        "np.float64": jvp(at, (np.float64(x),), (np.float64(1.0),))[1],
        "array, forward": jvp(in_arrays, (np.array([x]),), (np.ones(1),))[1][0],
        "array, reverse": grad(lambda t: np.sum(in_arrays(t)))(np.array([x]))[0],
    }


def points():
    for fn, (reference, hard) in TABLE.items():
        drawn = [
            args
            for case in cases_of(name_of(fn))
            for args in zip(*map(np.ravel, case.arguments(case.leaves)), strict=False)
        ]
        drawn = [tuple(a.item() for a in args) for args in drawn[:4]]
        for args in (*hard, *drawn):
            yield pytest.param(fn, reference, args, id=f"{name_of(fn)}-" + ",".join(map(repr, args)))


@pytest.mark.parametrize(("fn", "reference", "args"), list(points()))
def test_partial_against_mpmath(fn, reference, args):
    for i, x in enumerate(args):
        power = fn in (np.power, np.float_power)
        if not isinstance(x, float) or (power and i == 1 and args[0] <= 0):
            continue  # integers, and exponents of negative bases: a convention
        exact, condition = exact_partial(reference, args, i)
        for form, found in computed_partials(fn, args, i).items():
            with mp.workdps(50):
                unit = mp.mpf(float(np.spacing(abs(float(exact)))))
                error = abs(mp.mpf(float(found)) - exact) / unit
                assert error <= ULPS * condition, (
                    f"∂{i} of {form}: {found!r}, not {mp.nstr(exact, 20)}: {mp.nstr(error, 3)} ulp"
                )


inf, nan = math.inf, math.nan
LIMITS = [
    (np.logaddexp, (inf, 0.0), (1.0, 0.0)),
    (np.logaddexp, (0.0, -inf), (1.0, 0.0)),
    (np.logaddexp, (-inf, 0.0), (0.0, 1.0)),
    (np.logaddexp, (-inf, -inf), (0.5, 0.5)),
    (np.logaddexp, (inf, inf), (0.5, 0.5)),
    (np.logaddexp, (-inf, inf), (0.0, 1.0)),
    (np.logaddexp2, (inf, inf), (0.5, 0.5)),
    (np.logaddexp2, (-inf, 3.0), (0.0, 1.0)),
    (np.tanh, (inf,), (0.0,)),
    (np.tanh, (-inf,), (0.0,)),
    (np.arctan, (-inf,), (0.0,)),
    (np.exp, (-inf,), (0.0,)),
    (np.log, (inf,), (0.0,)),
    (np.fmax, (nan, 2.0), (0.0, 1.0)),
    (np.fmin, (2.0, nan), (1.0, 0.0)),
    (np.maximum, (inf, 2.0), (1.0, 0.0)),
    (np.minimum, (-inf, -inf), (0.5, 0.5)),
]


@pytest.mark.parametrize(("fn", "args", "expected"), LIMITS, ids=str)
def test_limits_at_infinity(fn, args, expected):
    for i, limit in enumerate(expected):
        for form, found in computed_partials(fn, args, i).items():
            assert found == limit, f"∂{i} of {form}"


def test_ties_of_logaddexp_keep_their_second_derivative_beside_infinities():
    x = np.array([0.3, np.inf, -np.inf])
    second = jvp(lambda a: jvp(lambda b: np.logaddexp(b, x), (a,), (np.ones(3),))[1], (x,), (np.ones(3),))[1]
    np.testing.assert_allclose(second, [0.25, 0.0, 0.0], rtol=1e-15)


@pytest.mark.parametrize(
    "name", ["np.tanh", "np.sinc", "np.logaddexp", "np.hypot", "np.arctan2", "np.arctan", "np.power"]
)
def test_higher_derivatives_against_mpmath(name):
    """Derivatives 1 to 4 along the first argument: the rules' own formulas, differentiated."""
    fn = DIFFERENTIABLE[name][0]
    rest = [generator(name).uniform(0.5, 1.5) for _ in range(fn.nin - 1)] if isinstance(fn, np.ufunc) else []
    for x in (0.0, 1e-9, 0.3, 0.41, 2.2) if name != "np.power" else (0.3, 2.2):
        f = fn if not rest else lambda t: fn(t, *rest)
        with mp.workdps(60):
            expected = [mp.diff(lambda t: TABLE[fn][0](t, *rest), mp.mpf(x), n) for n in range(1, 5)]
        for value in expected:
            f = (lambda g: lambda t: jvp(g, (t,), (1.0,))[1])(f)
            assert abs(f(x) - float(value)) <= 1e-10 * (1 + abs(float(value)))
