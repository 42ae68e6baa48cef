"""The functions of `scipy.special` in mpmath, with points where a formula might fail.

Elementary ones and distributions; Bessel and gamma functions, integrals and polynomials are in `references_bessel.py`.
"""

import mpmath as mp
from reference import Reference, inverse
from scipy import special


# the logistic, exponentials and angles
def logistic(x):
    return 1 / (1 + mp.exp(-x))


def probit(x):
    """Log of the normal distribution function, on either side."""
    return mp.log(mp.erfc(-x / mp.sqrt(2)) / 2)


def scaled_integral(n, x):
    """exp(x²) times the n-th repeated integral of erfc."""
    before, h = 2 / mp.sqrt(mp.pi), mp.exp(x * x) * mp.erfc(x)
    for k in range(1, n + 1):
        before, h = h, (before - 2 * x * h) / (2 * k)
    return h


def decaying(n, x):
    """∫ sⁿ exp(-s(2x - s)) from 0 to x, by parts."""
    before, total = mp.mpf(0), mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x)
    for k in range(n):
        edge = mp.exp(-x * x) * x**k if k else mp.exp(-x * x) - 1
        before, total = total, x * total + (edge - k * before) / 2
    return total


def normal(x):
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def hazard(x):
    return normal(x) / mp.ncdf(x)


def reciprocal_density(p):
    return mp.sqrt(2 * mp.pi) * mp.exp(mp.erfinv(2 * p - 1) ** 2)


def exprel(x):
    return mp.expm1(x) / x if x else mp.mpf(1)


def box_cox(x, p):
    return mp.log(x) * exprel(p * mp.log(x))


def box_cox_inverse(y, p):
    return mp.exp(mp.log1p(p * y) / p) if p else mp.exp(y)


def huber(d, r):
    return r * r / 2 if abs(r) <= d else d * (abs(r) - d / 2)


def pseudo_huber(d, r):
    return d * d * (mp.sqrt(1 + (r / d) ** 2) - 1)


def owens_in_h(h, a):
    return -mp.exp(-h * h / 2) * mp.erf(a * h / mp.sqrt(2)) / (2 * mp.sqrt(2 * mp.pi))


def owens_in_a(h, a):
    return mp.exp(-h * h * (1 + a * a) / 2) / (2 * mp.pi * (1 + a * a))


def at(*points):
    """Points of one argument."""
    return [(x,) for x in points]


ELEMENTARY = {
    "expit": Reference(logistic, *at(-800.0, -30.0, 40.0, 700.0), far_digits=1200),
    "logit": Reference(lambda x: mp.log(x / (1 - x)), *at(1e-100, 1e-9, 1 - 2.0**-53), far_digits=400),
    "log_expit": Reference(lambda x: -mp.log1p(mp.exp(-x)), *at(-800.0, -1e-9, 600.0), far_digits=1200),
    "exp2": Reference(lambda x: mp.mpf(2) ** x, *at(-1000.0, 1000.0)),
    "exp10": Reference(lambda x: mp.mpf(10) ** x, *at(-300.0, 300.0)),
    "expm1": Reference(mp.expm1, *at(-50.0, -1e-9, 1e-200, 700.0), far_digits=400),
    "log1p": Reference(mp.log1p, *at(1e-200, -1e-9, -1 + 2.0**-53, 1e150), far_digits=400),
    "cbrt": Reference(mp.cbrt, *at(1e300, 1e-150)),
    "cosm1": Reference(lambda x: mp.cos(x) - 1, *at(1e-9, 1e-100), far_digits=600),
    "sindg": Reference(lambda x: mp.sin(mp.radians(x)), *at(30.0, 359.0, 90.0)),
    "cosdg": Reference(lambda x: mp.cos(mp.radians(x)), *at(30.0, 359.0)),
    "tandg": Reference(lambda x: mp.tan(mp.radians(x)), *at(89.0, 45.0)),
    "cotdg": Reference(lambda x: mp.cot(mp.radians(x)), *at(1.0, 45.0, 179.0)),
    "radian": Reference(lambda d, m, s: mp.radians(d + m / 60 + s / 3600)),
    "powm1": Reference(lambda x, p: x**p - 1, (1 + 1e-9, 3.0), (2.0, 1e-9), (1e-100, 0.5), far_digits=400),
    "exprel": Reference(exprel, *at(-50.0, -0.99, -1.01, 1e-12, 0.0, 0.99, 1.01, 30.0, 600.0, -600.0)),
    "boxcox": Reference(box_cox, (3.0, 1e-9), (3.0, 0.0), (1 + 1e-9, 2.0), (1e-50, 0.1), (3.0, -20.0)),
    "boxcox1p": Reference(
        lambda x, p: mp.log1p(x) * exprel(p * mp.log1p(x)), (2.0, 1e-9), (2.0, 0.0), (1e-9, 2.0), (-0.9, 0.5)
    ),
    "inv_boxcox": Reference(box_cox_inverse, (0.7, 1e-5), (0.7, 1e-9), (2.0, 5.0), (-0.9, 0.9), (1e-9, 0.5)),
    "inv_boxcox1p": Reference(lambda y, p: box_cox_inverse(y, p) - 1, (0.7, 1e-5), (2.0, 5.0), (1e-9, 0.5)),
    "entr": Reference(lambda x: -x * mp.log(x), *at(1e-150, 0.36787944117, 1e100)),
    "rel_entr": Reference(lambda x, y: x * mp.log(x / y), (0.3, 1e-100), (1.0, 1 + 1e-9), (3.0, 8.1)),
    "kl_div": Reference(lambda x, y: x * mp.log(x / y) - x + y, (0.3, 0.29999), (1.0, 1 + 1e-9), (0.3, 1e-100)),
    "xlogy": Reference(lambda x, y: x * mp.log(y), (0.3, 1e-20), (0.3, 1 + 1e-9), (0.0, 2.0)),
    "xlog1py": Reference(lambda x, y: x * mp.log1p(y), (0.3, 1e-20), (0.3, -0.99), (0.0, 2.0)),
    "huber": Reference(huber, (1.0, 1e-9), (1.0, -1e9)),
    "pseudo_huber": Reference(pseudo_huber, (1.3, 1e-6), (1.3, 30.0), (1e-3, 2e3), (1.3, 1e-60), far_digits=600),
    "erf": Reference(mp.erf, *at(1e-200, 5.0, 20.0), far_digits=1200),
    "erfc": Reference(mp.erfc, *at(-3.0, 5.0, 20.0)),
    "erfi": Reference(mp.erfi, *at(-3.0, 1e-9, 20.0)),
    "erfinv": Reference(mp.erfinv, *at(1e-10, 0.99, -0.999999)),
    "erfcinv": Reference(lambda x: mp.erfinv(1 - x), *at(1e-10, 1.0 + 1e-9)),
    "erfcx": Reference(lambda x: scaled_integral(0, x), *at(-3.0, 0.0, 1.49, 1.51, 4.0, 50.0, 1e6), far_digits=150),
    "dawsn": Reference(
        lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x),
        *at(0.0, 1e-9, 0.9241388730045917, 1.5019752682687, 5.9, 6.6, -9.0, 40.0), far_digits=150,
    ),
    "ndtr": Reference(mp.ncdf, *at(-20.0, 8.0, -37.0)),
    "ndtri": Reference(lambda p: mp.sqrt(2) * mp.erfinv(2 * p - 1), *at(1e-10, 0.5 + 1e-9, 1 - 1e-9)),
    "log_ndtr": Reference(probit, *at(-1000.0, -40.0, -5.0, -2.2, -2.0, 0.0, 8.0, 30.0), far_digits=400),
    "ndtri_exp": inverse(probit, hazard, special.ndtri_exp, 0, 0).at(*at(-800.0, -20.0, -1e-9)),
    "owens_t": Reference(
        None, (5.0, 0.3), (0.0, 2.0), (1e-9, 2.0), (2.0, 1e-9), (0.3, 20.0), slopes=(owens_in_h, owens_in_a)
    ),
}  # fmt: skip

# distributions, by their densities


def gamma_density(a, x):
    return mp.exp((a - 1) * mp.log(x) - x - mp.loggamma(a)) if a else mp.mpf(0)


def gamma_upper(a, x):
    return mp.gammainc(a, x, mp.inf, regularized=True)


def gamma_lower(a, x):
    return mp.gammainc(a, 0, x, regularized=True)


def beta_density(a, b, x):
    return x ** (a - 1) * (1 - x) ** (b - 1) / mp.beta(a, b)


def beta_lower(a, b, x):
    return mp.betainc(a, b, 0, x, regularized=True)


def f_density(d, e, x):
    s = d * x + e
    return beta_density(mp.mpf(d) / 2, mp.mpf(e) / 2, d * x / s) * d * e / s**2


def f_lower(d, e, x):
    return beta_lower(mp.mpf(d) / 2, mp.mpf(e) / 2, d * x / (d * x + e))


def t_density(v, t):
    v = mp.mpf(v)
    return (1 + t * t / v) ** (-(v + 1) / 2) / (mp.sqrt(v) * mp.beta(0.5, v / 2))


def t_lower(v, t):
    v = mp.mpf(v)
    tail = beta_lower(v / 2, mp.mpf(1) / 2, v / (v + t * t)) / 2
    return 1 - tail if t > 0 else tail


def half(n):
    return mp.mpf(n) / 2


def minus(f):
    return lambda *args: -f(*args)


def upper(f):
    return lambda *args: 1 - f(*args)


def density(f, *points):
    """A distribution function by its density, in the last argument."""
    return Reference(None, *points, slopes=(f,))


def chi_density(v, x):
    return gamma_density(half(v), x / 2) / 2


def chi_upper(v, x):
    return gamma_upper(half(v), x / 2)


def poisson_density(k, m):
    return gamma_density(k + 1, m)


def success(k, n, p):
    """The density behind bdtr: k successes or fewer in n."""
    return beta_density(mp.mpf(k + 1), mp.mpf(int(n) - k), p)


def failures(k, n, p):
    return beta_density(mp.mpf(n), mp.mpf(k + 1), p)


def scaled_gamma(sign):
    return (
        lambda a, b, x: sign * x * gamma_density(b, a * x),
        lambda a, b, x: sign * a * gamma_density(b, a * x),
    )


def gamma_quantile(b, p):
    x = mp.mpf(float(special.gammaincinv(float(b), float(p))))
    for _ in range(4):
        x -= (gamma_lower(b, x) - p) / gamma_density(b, x)
    return x


DISTRIBUTIONS = {
    "gammainc": density(gamma_density, (2.5, 0.1), (2.5, 30.0), (25.0, 20.0), (1e4, 1.01e4), (0.5, 1e-9)),
    "gammaincc": density(minus(gamma_density), (25.0, 3.0), (25.0, 80.0), (1e4, 9.9e3), (1.0, 20.0)),
    "gammaincinv": inverse(gamma_lower, gamma_density, special.gammaincinv, 1, 1).at((25.0, 0.4), (2.5, 1e-9)),
    "gammainccinv": inverse(gamma_upper, minus(gamma_density), special.gammainccinv, 1, 1).at((25.0, 0.4)),
    "gdtr": Reference(None, slopes=scaled_gamma(1)),
    "gdtrc": Reference(None, slopes=scaled_gamma(-1)),
    "gdtrix": Reference(lambda a, b, p: gamma_quantile(b, p) / a),
    "gdtria": Reference(lambda p, b, x: gamma_quantile(b, p) / x),
    "chdtr": density(chi_density, (40, 35.0)),
    "chdtrc": density(minus(chi_density), (40, 35.0)),
    "chdtri": inverse(chi_upper, minus(chi_density), special.chdtri, 1, 1),
    "pdtr": Reference(None, slopes=(lambda k, m: mp.mpf(0), minus(poisson_density))),
    "pdtrc": Reference(None, slopes=(lambda k, m: mp.mpf(0), poisson_density)),
    "pdtri": inverse(
        lambda k, m: gamma_upper(k + 1, m), minus(poisson_density), special.pdtri, 1, 1
    ),
    "betainc": density(beta_density, (2.5, 0.5, 0.01), (2.5, 0.5, 0.95), (20.0, 30.0, 0.45), (300.0, 40.0, 0.9)),
    "betaincc": density(minus(beta_density), (20.0, 30.0, 0.1), (20.0, 30.0, 0.8), (0.5, 0.5, 1e-9)),
    "betaincinv": inverse(beta_lower, beta_density, special.betaincinv, 2, 2).at((20.0, 30.0, 0.3)),
    "betainccinv": inverse(upper(beta_lower), minus(beta_density), special.betainccinv, 2, 2),
    "bdtr": density(minus(success)),
    "bdtrc": density(success),
    "bdtri": inverse(
        lambda k, n, p: 1 - beta_lower(mp.mpf(k + 1), mp.mpf(int(n) - k), p), minus(success), special.bdtri, 2, 2
    ),
    "nbdtr": density(failures),
    "nbdtrc": density(minus(failures)),
    "nbdtri": inverse(
        lambda k, n, p: beta_lower(mp.mpf(n), mp.mpf(k + 1), p), failures, special.nbdtri, 2, 2
    ),
    "fdtr": density(f_density, (30, 40, 1.1)),
    "fdtrc": density(minus(f_density), (30, 40, 1.1)),
    "fdtri": inverse(f_lower, f_density, special.fdtri, 2, 2),
    "stdtr": density(t_density, (3, 0.0), (300, 1.5), (3, -1e6)),
    "stdtrit": inverse(t_lower, t_density, special.stdtrit, 1, 1),
}  # fmt: skip

REFERENCES = {"scipy.special." + name: found for name, found in (ELEMENTARY | DISTRIBUTIONS).items()} | {
    "iⁿerfc(x)/erfc(x)": Reference(
        lambda n, x: scaled_integral(n, x) / scaled_integral(0, x), (1, 20.0), (2, 1.99), far_digits=150
    ),
    "∫ tⁿ exp(xt)": Reference(
        lambda n, x: mp.hyp1f1(n + 1, n + 2, x) / (n + 1), (1, 300.0), (1, -300.0), (2, 0.0)
    ),
    "∫ sⁿ exp(-s(2x - s))": Reference(decaying, (1, 7.4), (1, 7.6), (2, 50.0), (1, 1e-9), far_digits=150),
    "1/φ(Φ⁻¹(p))": Reference(reciprocal_density, (1e-10,), (1 - 1e-9,)),
    "slope of ndtri_exp": Reference(ELEMENTARY["ndtri_exp"].slopes[0], *at(-800.0, -1e-9)),
    "∫ sⁿ exp(λs) to L": Reference(
        lambda n, L, p: L ** (n + 1) * mp.hyp1f1(n + 1, n + 2, p * L) / (n + 1),
        (1, 1.1, -20.0),
        (1, 1e-9, 2.0),
        (1, 1.1, 0.0),
    ),
    "dr / hypot(d, r)": Reference(
        lambda d, r: d * r / mp.hypot(d, r), (1.3, 1e-60), (1e-3, 2e3), far_digits=600
    ),
    "(hypot(d, r) - d)² / hypot(d, r)": Reference(
        lambda d, r: (mp.hypot(d, r) - d) ** 2 / mp.hypot(d, r), (1.3, 1e-30), (1e-3, 2e3), far_digits=600
    ),
    "exp(x²) iⁿerfc(x)": Reference(scaled_integral, (1, 20.0), (3, 1.51), (3, 1.49)),
    "x + φ(x)/Φ(x)": Reference(lambda x: x + hazard(x), *at(-40.0, -5.0, -2.2, -2.0, 8.0), far_digits=400),
    "φ(x)/Φ(x)": Reference(hazard, *at(-40.0, -5.0, 8.0), far_digits=400),
    "gamma density": Reference(gamma_density, (25.0, 20.0), (1e4, 9.9e3)),
    "beta density": Reference(beta_density, (20.0, 30.0, 0.45)),
}
