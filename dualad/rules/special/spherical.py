"""Spherical Bessel functions, in the argument, by recurrences that hold at 0 too (DLMF 10.51.2 and 10.51.5).

SciPy's `spherical_jn` and its kin are Python functions, whose twins in `dualad/scipy/special.py` use these ops. Before
SciPy 1.15 they pass traced values on to private ufuncs, whose rules are in bessel.py.
"""

import numpy as np
from scipy import special

from ...op import elementwise

# (2n + 1) f′(n) = below n f(n - 1) + above (n + 1) f(n + 1)
SIGNS = {"jn": (1, -1), "yn": (1, -1), "in": (1, 1), "kn": (-1, -1)}


def slope(f, signs, n, x):
    """The derivative of `f`, a function of the order and the argument that satisfies the recurrence."""
    n = np.asarray(n)
    first = n == 0
    before = np.where(first, 0.0, f(np.where(first, 0, n - 1), x))  # at order 0 it may be infinite, times 0
    return (signs[0] * n * before + signs[1] * (n + 1) * f(n + 1, x)) / (2 * n + 1)


def _declare(name):
    fn, signs = getattr(special, f"spherical_{name}"), SIGNS[name]
    op = elementwise(
        lambda n, x: fn(n, x),
        None,
        lambda y, n, x: slope(op, signs, n, x),
        name=f"scipy.special.spherical_{name}",
        complex=True,
        dispatches=False,
        examples=lambda rng: [  # no numbers: SciPy gives double precision for them
            ((1, rng.uniform(0.8, 3.0, 3)), {}),
            ((np.arange(3), rng.uniform(0.8, 5.0, (2, 3))), {}),
        ],
    )
    return op


FUNCTIONS = {name: _declare(name) for name in SIGNS}
