"""The functions of `scipy.special` in mpmath: Bessel functions, the gamma function, integrals and polynomials."""

from functools import cache

import mpmath as mp
from reference import Reference

# mpmath takes limits for Y and K of integer order, which are slow: once for order 0, then Wronskians and recurrences.


@cache
def _second_kind(function, x, digits):
    return getattr(mp, function)(0, x)


def bessely(v, x):
    if v != int(v):
        return mp.bessely(v, x)
    before = _second_kind("bessely", x, mp.mp.dps)
    y = (mp.besselj(1, x) * before - 2 / (mp.pi * x)) / mp.besselj(0, x)
    for k in range(1, int(v)):
        before, y = y, 2 * k / x * y - before
    return y if v else before


def besselk(v, x):
    if v != int(v):
        return mp.besselk(v, x)
    before = _second_kind("besselk", x, mp.mp.dps)
    y = (1 / x - mp.besseli(1, x) * before) / mp.besseli(0, x)
    for k in range(1, int(v)):
        before, y = y, 2 * k / x * y + before
    return y if v else before


def besselj(v, x):
    return mp.besselj(v, x)


def besseli(v, x):
    return mp.besseli(v, x)


def of(function, v):
    """A function of an order at that order."""
    return lambda x: function(v, x)


def k_derivative(k, v, x):
    """The k-th derivative of K(v)."""
    return mp.fsum(mp.binomial(k, i) * besselk(abs(v - k + 2 * i), x) for i in range(k + 1)) / (-2) ** k


def scaled_k(k, v, x):
    """The k-th derivative of exp(x) K(v), and (below) of exp(-x) I(v)."""
    return mp.exp(x) * mp.fsum(mp.binomial(k, j) * k_derivative(j, v, x) for j in range(k + 1))


def scaled_i(k, v, x):
    parts = [
        mp.binomial(k, j)
        * mp.binomial(j, i)
        * mp.besseli(v - j + 2 * i, x)
        * (-1) ** (k - j)
        / mp.mpf(2) ** j
        for j in range(k + 1)
        for i in range(j + 1)
    ]
    return mp.exp(-x) * mp.fsum(parts)


def at_order(function, v):
    """The derivatives of a function of integer order, of x alone: even or odd, as the order is."""
    return lambda k, x: function(k, v, abs(x)) * (mp.sign(x) ** (k + v) if x else 1)


def lowered(function):
    """(-d/dx)ⁿ of it, by its derivatives."""
    return lambda k, n, v, x: (-1) ** n * function(n + k, v, x)


def spherical(function):
    return lambda n, x: mp.sqrt(mp.pi / 2 / x) * function(n + mp.mpf(1) / 2, x)


def kelvin(k, x):
    """Ber + i bei for k = 0, ker + i kei for k = 1."""
    z = x * mp.exp(mp.mpc(0, mp.pi / 4))
    return mp.besseli(0, z) if k == 0 else _second_kind("besselk", z, mp.mp.dps)


def kelvin_slope(k, x):
    turn = mp.exp(mp.mpc(0, mp.pi / 4))
    z = x * turn
    if k == 0:
        return turn * mp.besseli(1, z)
    return -turn * (1 / z - mp.besseli(1, z) * _second_kind("besselk", z, mp.mp.dps)) / mp.besseli(0, z)


def elliptic(p, n, m):
    """∫ sin²ⁿθ (1 - m sin²θ)⁻ᵖ from 0 to π/2."""
    half = mp.mpf(1) / 2
    return mp.beta(n + half, half) / 2 * mp.hyp2f1(p, n + half, n + 1, m)


def real(function, k):
    return lambda x: mp.re(function(k, x))


def imaginary(function, k):
    return lambda x: mp.im(function(k, x))


def at(*points):
    return [(x,) for x in points]


def slope_of(function, *points):
    """By the slope."""
    return Reference(None, *points, slopes=(function,))


def spherical_slope(function, sign):
    f = spherical(function)
    return lambda n, x: n / x * f(n, x) + sign * f(n + 1, x)


BESSEL = {
    "j0": Reference(of(besselj, 0), *at(1e-5, 20.0, 2.404825557695773, 0.0)),
    "j1": Reference(of(besselj, 1), *at(1e-5, 20.0, 1.8411837813406593, 0.0)),
    "y0": Reference(of(bessely, 0), *at(1e-3, 20.0, 2.197141326031017)),
    "y1": Reference(of(bessely, 1), *at(1e-3, 20.0, 3.683022856585177)),
    "jv": Reference(besselj, (2.5, 0.1), (2.5, 20.0), (0.5, 1e-3)),
    "jve": Reference(besselj, (2.5, 0.1), (2.5, 20.0)),
    "yv": Reference(bessely, (2.5, 0.1), (2.5, 20.0)),
    "yve": Reference(bessely, (2.5, 0.1), (2.5, 20.0)),
    "yn": Reference(bessely),
    "i0": Reference(of(besseli, 0), *at(0.0, 1e-5, 200.0, 600.0)),
    "i1": Reference(of(besseli, 1), *at(0.0, 1e-5, 200.0, 600.0)),
    "k0": Reference(None, *at(1e-3, 0.1, 100.0), closed=at_order(k_derivative, 0)),
    "k1": Reference(None, *at(1e-3, 0.1, 100.0), closed=at_order(k_derivative, 1)),
    "iv": Reference(besseli, (2.5, 0.1), (2.5, 200.0)),
    "kv": Reference(None, (2.5, 0.1), (2.5, 200.0), closed=k_derivative),
    "kn": Reference(None, closed=k_derivative),
    "i0e": Reference(None, *at(1e-5, 8.1, 29.0, 31.0, 1000.0), closed=at_order(scaled_i, 0)),
    "i1e": Reference(None, *at(1e-5, 1.5, 8.1, 29.0, 31.0, 1000.0), closed=at_order(scaled_i, 1)),
    "k0e": Reference(None, *at(1e-3, 0.1, 8.1, 31.0, 100.0), closed=at_order(scaled_k, 0)),
    "k1e": Reference(None, *at(1e-3, 0.1, 8.1, 31.0, 100.0), closed=at_order(scaled_k, 1)),
    "ive": Reference(None, (2.5, 0.1), (2.5, 20.0), (2.5, 200.0), closed=scaled_i),
    "kve": Reference(None, (2.5, 0.1), (2.5, 200.0), closed=scaled_k),
    "ber": Reference(real(kelvin, 0), *at(1e-3, 15.0)),
    "bei": Reference(imaginary(kelvin, 0), *at(1e-3, 15.0)),
    "berp": Reference(real(kelvin_slope, 0), *at(1e-3, 15.0)),
    "beip": Reference(imaginary(kelvin_slope, 0), *at(1e-3, 15.0)),
    "ker": Reference(real(kelvin, 1), *at(1e-3, 15.0)),
    "kei": Reference(imaginary(kelvin, 1), *at(1e-3, 15.0)),
    "kerp": Reference(real(kelvin_slope, 1), *at(1e-3, 15.0)),
    "keip": Reference(imaginary(kelvin_slope, 1), *at(1e-3, 15.0)),
    "struve": Reference(mp.struveh, (2.5, 0.1), (0.0, 20.0)),
    "modstruve": Reference(mp.struvel, (2.5, 0.1), (0.0, 20.0)),
    "itstruve0": slope_of(of(mp.struveh, 0), *at(1e-3, 20.0)),
    "itmodstruve0": slope_of(of(mp.struvel, 0), *at(1e-3, 20.0)),
    "it2struve0": slope_of(lambda x: -mp.struveh(0, x) / x, *at(1e-3, 20.0)),
}
SPHERICAL = {
    "scipy.special.spherical_jn": Reference(spherical(besselj)),
    "scipy.special.spherical_yn": Reference(spherical(mp.bessely)),
    "scipy.special.spherical_in": Reference(spherical(besseli)),
    "scipy.special.spherical_kn": Reference(spherical(mp.besselk)),
    "_spherical_jn": Reference(spherical(besselj)),
    "_spherical_yn": Reference(spherical(mp.bessely)),
    "_spherical_in": Reference(spherical(besseli)),
    "_spherical_kn": Reference(spherical(mp.besselk)),
    "_spherical_jn_d": Reference(spherical_slope(besselj, -1)),
    "_spherical_yn_d": Reference(spherical_slope(mp.bessely, -1)),
    "_spherical_in_d": Reference(spherical_slope(besseli, 1)),
    "_spherical_kn_d": Reference(spherical_slope(mp.besselk, -1)),
}

GAMMA = {
    "psi": Reference(mp.digamma, *at(1e-3, 1.4616321449683622, 1e8)),
    "gamma": Reference(mp.gamma, *at(-2.5, 1.4616321449683622, 1e-9, 30.0, 150.0)),
    "gammaln": Reference(mp.loggamma, *at(1e-10, 1.0, 1 + 1e-9, 2.0, 1.4616321449683622, 1e10)),
    "loggamma": Reference(mp.loggamma, *at(1e-10, 1.0, 1 + 1e-9, 2.0, 1e10)),
    "rgamma": Reference(mp.rgamma, *at(-3.0, -2.5, -1.0, 0.0, -1e-9, 0.3, 4.0, 30.0)),
    "beta": Reference(mp.beta, (2.5, 1e-3), (20.0, 30.0), (2.5, 40.0), far_digits=100),
    "betaln": Reference(
        lambda a, b: mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b),
        (1e-3, 0.5),
        (1e-3, 1e8),
        (20.0, 30.0),
        (1e6, 1e6),
        far_digits=120,
    ),
    "binom": Reference(mp.binomial, (5.5, 0.3), (5.5, 4.9), (30.5, 10.0), (5.5, 2.75)),
    "poch": Reference(mp.rf, (2.5, 0.3), (2.5, 2.0), (1e5, 0.5)),
}

INTEGRALS = {
    "exp1": slope_of(lambda x: -mp.exp(-x) / x, *at(1e-9, 100.0)),
    "expi": slope_of(lambda x: mp.exp(x) / x, *at(1e-9, 100.0, -50.0)),
    "expn": slope_of(lambda n, x: -mp.expint(int(n) - 1, x), (0, 0.3), (1, 0.3), (5, 20.0), (3, 1e-3)),
    "spence": slope_of(
        lambda x: mp.log(x) / (1 - x) if x != 1 else mp.mpf(-1), *at(1e-9, 0.95, 1.0, 1 + 1e-9, 1e9)
    ),
    "wrightomega": Reference(lambda x: mp.re(mp.lambertw(mp.exp(x))), *at(-50.0, 50.0, 1.0, 1e10)),
    "ellipk": Reference(mp.ellipk, *at(-30.0, -0.6, 0.0, 1e-9, 0.49, 0.51, 0.999)),
    "ellipe": Reference(mp.ellipe, *at(-30.0, -0.6, 0.0, 1e-9, 0.49, 0.51, 0.999)),
    "ellipkm1": Reference(lambda p: mp.ellipk(1 - p), *at(1e-10, 0.3, 1.0, 1.7, 30.0)),
    "ellipkinc": slope_of(
        lambda phi, m: 1 / mp.sqrt(1 - m * mp.sin(phi) ** 2), (0.3, 0.5), (1.5, 0.999), (1.5, -3.0)
    ),
    "ellipeinc": slope_of(
        lambda phi, m: mp.sqrt(1 - m * mp.sin(phi) ** 2), (0.3, 0.5), (1.5, 0.999), (1.5, -3.0)
    ),
    "hyp0f1": Reference(mp.hyp0f1, (0.7, -3.0), (0.7, 20.0)),
    "hyp1f1": Reference(mp.hyp1f1, (0.7, 1.6, -3.0), (0.7, 1.6, 0.4)),
    "hyp2f1": Reference(mp.hyp2f1, (0.7, 1.6, 2.3, -0.8), (0.7, 1.6, 2.3, 0.4)),
    "hyperu": Reference(mp.hyperu, (0.7, 1.6, 0.3), (0.7, 1.6, 20.0)),
}


def gegenbauer(n, a, x):
    return mp.gegenbauer(int(n), a, x)


def shifted_jacobi(n, p, q, x):
    n = int(n)
    return mp.jacobi(n, p - q, q - 1, 2 * x - 1) / mp.binomial(2 * n + p - 1, n)


def legendre_function(m, n, x):
    """Of order 1, which is what is tried."""
    assert m == 1
    return -mp.sqrt(1 - x * x) * (x * mp.legendre(n, x) - mp.legendre(n - 1, x)) * n / (x * x - 1)


POLYNOMIALS = {
    "eval_chebyt": Reference(mp.chebyt, (7, 0.9), (7, -0.3)),
    "eval_chebyu": Reference(mp.chebyu, (7, 0.9), (7, -0.3)),
    "eval_chebyc": Reference(lambda n, x: 2 * mp.chebyt(n, x / 2), (7, 1.9)),
    "eval_chebys": Reference(lambda n, x: mp.chebyu(n, x / 2), (7, 1.9)),
    "eval_legendre": Reference(mp.legendre, (4, 0.3), (4, -0.8), (4, 1.0), (9, 0.6)),
    "eval_gegenbauer": Reference(gegenbauer, (6, 0.7, 0.3)),
    "eval_jacobi": Reference(mp.jacobi, (6, 0.7, 0.2, 0.3)),
    "eval_laguerre": Reference(lambda n, x: mp.laguerre(n, 0, x), (6, 3.5)),
    "eval_genlaguerre": Reference(mp.laguerre, (6, 0.7, 3.5)),
    "eval_hermite": Reference(mp.hermite, (6, 1.3)),
    "eval_hermitenorm": Reference(lambda n, x: mp.hermite(n, x / mp.sqrt(2)) / mp.sqrt(2) ** n, (6, 1.3)),
    "eval_sh_legendre": Reference(lambda n, x: mp.legendre(n, 2 * x - 1), (6, 0.3)),
    "eval_sh_chebyt": Reference(lambda n, x: mp.chebyt(n, 2 * x - 1), (6, 0.3)),
    "eval_sh_chebyu": Reference(lambda n, x: mp.chebyu(n, 2 * x - 1), (6, 0.3)),
    "eval_sh_jacobi": Reference(shifted_jacobi, (5, 2.5, 1.5, 0.3)),
    "lpmv": Reference(legendre_function),
}

_NAMED = BESSEL | GAMMA | INTEGRALS | POLYNOMIALS
REFERENCES = {"scipy.special." + name: found for name, found in _NAMED.items()} | SPHERICAL
REFERENCES |= {
    "_zeta": Reference(mp.zeta, (2.5, 0.1), (3.0, 1e3)),
    "Hurwitz zeta": Reference(mp.zeta, (2.5, 0.1)),
    "(-d/dx)ⁿ exp(-x) I(v)": Reference(
        None, (1, 0, 29.0), (2, 1, 1000.0), (1, 1, 0.0), closed=lowered(scaled_i)
    ),
    "(-d/dx)ⁿ exp(x) K(v)": Reference(None, (1, 0, 100.0), (1, 1, 0.31), closed=lowered(scaled_k)),
    "complete elliptic integral": Reference(elliptic, (1.5, 1, -2.9), (1.5, 1, 0.79)),
    "y / (1 + y)": Reference(lambda y: y / (1 + y), (1e10,), (1e-10,)),
    "step of polygamma": Reference(
        lambda n, a, b: mp.psi(n, a + b) - mp.psi(n, a), (0, 1e-3, 2.5), (1, 2.5, 1e-3), (0, 1e6, 1e-3)
    ),
    "polygamma": Reference(mp.psi, (1, 1e-3), (2, 1e5)),
}
