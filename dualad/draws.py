"""Random numbers whose parameters are traced: the calls that refuse them, and the forms that work.

A draw from a family of locations and scales is a fixed draw, moved and stretched: with the parameters outside
the generator, it has derivatives in them (the reparametrisation of Kingma and Welling 2014).
"""

from __future__ import annotations

import re

# How NumPy itself makes the draw from one that has no parameters; {} is the generator.
_FORMS = {
    "normal": "loc + scale * {}.standard_normal(size)",
    "uniform": "low + (high - low) * {}.random(size)",
    "laplace": "loc + scale * {}.laplace(size=size)",
    "logistic": "loc + scale * {}.logistic(size=size)",
    "gumbel": "loc + scale * {}.gumbel(size=size)",
    "exponential": "scale * {}.standard_exponential(size)",
    "rayleigh": "scale * {}.rayleigh(size=size)",
    "lognormal": "np.exp(mean + sigma * {}.standard_normal(size))",
    "weibull": "{}.standard_exponential(size) ** (1 / a)",
    "pareto": "np.expm1({}.standard_exponential(size) / a)",
    "power": "(-np.expm1(-{}.standard_exponential(size))) ** (1 / a)",
    "multivariate_normal": "mean + {}.standard_normal((size, len(mean))) @ np.linalg.cholesky(cov).T",
}
# How the shape of these is drawn has no derivative, but their scale is outside.
_SCALED = {
    "gamma": "scale * {}.standard_gamma(shape, size), where shape is not traced",
    "wald": "mean * {}.wald(1.0, ratio, size), where ratio = scale / mean is not traced",
    "vonmises": "mu + {}.vonmises(0.0, kappa, size), where kappa is not traced",
    "triangular": "left + (right - left) * {}.triangular(0.0, c, 1.0, size), where c = (mode - left) / (right - left) "
    "is not traced",
}
_NONE = (
    "beta", "binomial", "chisquare", "choice", "dirichlet", "geometric", "hypergeometric", "integers", "logseries",
    "multinomial", "multivariate_hypergeometric", "negative_binomial", "noncentral_chisquare", "noncentral_f",
    "poisson", "randint", "random_integers", "standard_gamma", "standard_t", "zipf",
)  # fmt: skip
# These have functions of the same names that draw nothing.
_OTHERS = ("math", "cmath", "statistics", "np", "numpy", "special", "stats")
_CALL = re.compile(rf"([A-Za-z_][\w.]*(?:\([\w., ]*\))?)\.({'|'.join([*_FORMS, *_SCALED, *_NONE])})\(")


def form(call: str) -> tuple[str, str] | None:
    """What a call of a generator draws from and what to write in its place; `None` if it is no such call.

    call: the source of the call, as the user wrote it

    >>> from dualad.draws import form
    >>> form("rng.normal(mu, s, 10)")
    ('rng.normal', 'loc + scale * rng.standard_normal(size)')
    """
    found = _CALL.match(call)
    if found is None or found[1].rpartition(".")[2] in _OTHERS:
        return None
    generator, name = found[1], found[2]
    if name in _NONE:
        fix = "a computation without it: how it draws has no derivative in its parameters; or dualad.primal of them"
    else:
        fix = (_FORMS.get(name) or _SCALED[name]).format(generator)
    return f"{generator}.{name}", fix
