"""Orthogonal polynomials and Legendre functions, in the argument."""

import numpy as np
from scipy import special

from ..examples import points
from .parametric import parametric, with_parameters

inside = points(0.1, 0.7)
positive = points(0.1, 3.0)
degree = "n, the degree"


def _below(n, polynomial):
    """The slope from the polynomial of degree n - 1: none for n = 0."""
    none = np.equal(n, 0)
    return np.where(none, 0.0, polynomial(np.where(none, 1, n) - 1))


def _declare(fn, slope, parameters=(), domain=inside):
    names = [degree, *parameters]
    parametric(
        fn, *names, lambda y, n, *rest: _below(n, lambda k: slope(k, n, *rest)),
        examples=with_parameters((2, *[1] * len(parameters)), domain, spread=False),
    )  # fmt: skip


_declare(special.eval_chebyt, lambda k, n, x: n * special.eval_chebyu(k, x))
_declare(special.eval_chebyu, lambda k, n, x: 2 * special.eval_gegenbauer(k, 2.0, x))
_declare(special.eval_chebyc, lambda k, n, x: n * special.eval_chebys(k, x))
_declare(special.eval_chebys, lambda k, n, x: special.eval_gegenbauer(k, 2.0, x / 2))
_declare(special.eval_legendre, lambda k, n, x: special.eval_gegenbauer(k, 1.5, x))
_declare(
    special.eval_gegenbauer, lambda k, n, a, x: 2 * a * special.eval_gegenbauer(k, a + 1.0, x), ["alpha"]
)
_declare(
    special.eval_jacobi,
    lambda k, n, a, b, x: (n + a + b + 1) / 2 * special.eval_jacobi(k, a + 1.0, b + 1.0, x),
    ["alpha", "beta"],
)
_declare(special.eval_laguerre, lambda k, n, x: -special.eval_genlaguerre(k, 1.0, x), domain=positive)
_declare(
    special.eval_genlaguerre,
    lambda k, n, a, x: -special.eval_genlaguerre(k, a + 1.0, x),
    ["alpha"],
    positive,
)
_declare(special.eval_hermite, lambda k, n, x: 2 * n * special.eval_hermite(k, x))
_declare(special.eval_hermitenorm, lambda k, n, x: n * special.eval_hermitenorm(k, x))
_declare(special.eval_sh_legendre, lambda k, n, x: 2 * special.eval_gegenbauer(k, 1.5, 2 * x - 1))
_declare(special.eval_sh_chebyt, lambda k, n, x: 2 * n * special.eval_sh_chebyu(k, x))
_declare(special.eval_sh_chebyu, lambda k, n, x: 4 * special.eval_gegenbauer(k, 2.0, 2 * x - 1))
_declare(
    special.eval_sh_jacobi,
    lambda k, n, p, q, x: (
        (n + p) * special.eval_jacobi(k, p - q + 1.0, q + 0.0, 2 * x - 1) / special.binom(2 * n + p - 1.0, n)
    ),
    ["p", "q"],
)
parametric(
    special.lpmv,
    "m, the order",
    degree,
    lambda y, m, v, x: (v * x * y - (v + m) * special.lpmv(m, v - 1, x)) / (x * x - 1),
    examples=with_parameters((1, 3), inside, spread=False),
)
