"""Taylor series of functions along directions, and the mixed derivatives that they hold."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .derivative import like
from .errors import ArgumentError, error
from .push import constant
from .run import handed_out, run_series
from .select import named
from .tree import inputs

F = Callable[..., Any]


def taylor(f: F, x: Any, direction: Any, order: int) -> Any:
    """Coefficients of the Taylor series of t ↦ f(x + t · direction) at t = 0.

    One run of `f` on truncated power series; it costs at most a constant times order² evaluations of `f` for
    most operations (Griewank and Walther 2008, chapter 13).

    f: function of a number, an array or nested containers of them
    x, direction: the same structure and shapes
    order: of the highest coefficient, at least 0
    returns: the structure of `f(x)`; in place of each of its numbers and arrays of shape s an array of shape
        (order + 1, *s). Entry k belongs to tᵏ: it is the k-th derivative along the direction, divided by k!
    raises: ShapeError if `direction` does not match `x`; ArgumentError for a negative order

    >>> taylor(np.exp, 0.0, 1.0, 3)
    array([1.        , 1.        , 0.5       , 0.16666667])
    >>> taylor(lambda x: x[0] * x[1], np.array([1.0, 2.0]), np.array([1.0, 1.0]), 2)
    array([2., 3., 1.])
    """
    if order < 0:
        raise error(ArgumentError, f"the order of a Taylor series is at least 0, not {order}")
    coefficients, rebuild = _expanded(f, x, direction, order, "taylor")
    return rebuild([np.stack(handed_out(found, found[:1] * len(found))) for found in coefficients])


def _expanded(f: F, x: Any, direction: Any, order: int, what: str) -> Any:
    leaves, rebuild = inputs(x, f"the argument of {named(f)}")
    directions = like(leaves, rebuild, direction, f"the direction of {what}({named(f)})")
    return run_series(f, lambda g, xs: g(rebuild(xs)), leaves, directions, order)


def mixed_derivative(f: F, x: Any, directions: Sequence[Any]) -> Any:
    """The derivative of `f` along several directions, one after another: its m-th derivative tensor, contracted.

    From Taylor series of order m along sums of the directions, by polarisation: the m-th derivative along
    v₁, …, vₘ is a sum over such series (Griewank, Utke and Walther 2000). There are 2ᵐ⁻¹ of them, and fewer
    where the same object stands in `directions` more than once: m times the same one takes 1.

    f: function of a number, an array or nested containers of them
    directions: one or more, each of the structure and shapes of `x`
    returns: the structure of `f(x)`
    raises: ShapeError if a direction does not match `x`; ArgumentError if there is none

    >>> e1, e2 = np.eye(2)
    >>> mixed_derivative(lambda x: x[0] ** 2 * x[1], np.array([1.0, 2.0]), [e1, e1, e2])
    np.float64(2.0)
    """
    if not directions:
        raise error(
            ArgumentError, f"mixed_derivative({named(f)}) was given no directions", "f(x) for the value"
        )
    leaves, rebuild = inputs(x, f"the argument of {named(f)}")
    given = {id(v): v for v in directions}
    what = f"a direction of mixed_derivative({named(f)})"
    ways = [like(leaves, rebuild, v, what) for v in given.values()]
    times = [sum(v is w for w in directions) for v in given.values()]
    m = len(directions)
    totals: list[Any] = []
    # The m-th central difference of the form of degree m, exact; steps s and -s give the same.
    for steps in itertools.product(*[range(n + 1) for n in times]):
        centred = [k - n / 2 for k, n in zip(steps, times, strict=True)]
        first = next((s for s in centred if s), 0.0)
        if first <= 0:
            continue
        weight = 2 * math.prod(math.comb(n, k) * (-1) ** (n - k) for k, n in zip(steps, times, strict=True))
        sums = [_combined(centred, parts) for parts in zip(*ways, strict=True)]
        coefficients, build = run_series(f, lambda g, xs: g(rebuild(xs)), leaves, sums, m)
        terms = [_weighted(found[m], float(weight), found[0]) for found in coefficients]
        values = [found[0] for found in coefficients]
        totals = [a + b for a, b in zip(totals, terms, strict=True)] if totals else terms
    return build(handed_out(totals, values))


def _weighted(c: Any, weight: float, like: Any) -> Any:
    return constant(like, 0.0) if c is None else c * weight


def _combined(weights: Sequence[float], parts: Sequence[Any]) -> Any:
    total = None
    for w, v in zip(weights, parts, strict=True):
        if w:
            total = w * v if total is None else total + w * v
    return total
