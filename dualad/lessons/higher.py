"""Exercises of the lesson on sparse Jacobians and derivatives of high order."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..coloring import coloring
from ..derivative import derivative
from ..taylor import taylor
from .exercise import Exercise, function, value


def _arrow() -> tuple[int, int]:
    pattern = np.eye(6, dtype=bool)
    pattern[0] = True
    return coloring(pattern, "column").count, coloring(pattern, "row").count


def _band(p: int, q: int) -> int:
    i = np.arange(4 * (p + q + 1))
    ahead = i - i[:, None]
    return coloring((-p <= ahead) & (ahead <= q), "column").count


def _reciprocal(u: Any) -> Any:
    return taylor(lambda t: 1 / sum(c * t**k for k, c in enumerate(u)), 0.0, 1.0, len(u) - 1)


def _signless(u: Any) -> Any:
    y = [1 / u[0]]
    for k in range(1, len(u)):
        y.append(sum(u[j] * y[k - j] for j in range(1, k + 1)) / u[0])
    return np.array(y)


def _undivided(u: Any) -> Any:
    y = [1 / u[0]]
    for k in range(1, len(u)):
        y.append(-sum(u[j] * y[k - j] for j in range(1, k + 1)))
    return np.array(y)


_SERIES = [(np.array(u),) for u in ([2.0, 1.0, -0.5, 3.0], [-0.5, 0.25, 1.0, 0.0, 2.0])]

EXERCISES = {
    "higher/arrow": Exercise(
        "How many groups of columns, and of rows, does a matrix with a full first row and a diagonal need?",
        value(_arrow),
        "one full row spoils all columns and no row: it matters which mode the colours are for.",
        [
            ((2, 6), "the other way round: which side does forward mode put into groups?"),
            ((6, 6), "rows 1 to 5 have one entry each: do any two of them share a column?"),
            ((6, 1), "the first row shares a column with each of the others."),
            ((2, 2), "two columns may share a colour if no row has both; what of the first row?"),
            ((1, 1), "draw the pattern, and look for two columns, then for two rows, that never meet."),
        ],
    ),
    "higher/band": Exercise(
        "How many directions does a Jacobian take whose row i has entries from column i - p to i + q?",
        function(_band, (1, 1), (2, 1), (0, 3), (0, 0)),
        "the width of the band is what counts: a million points in a line cost what ten do in directions.",
        [
            (lambda p, q: p + q, "the neighbours are counted; the point itself has an entry, too."),
            (lambda p, q: 2 * max(p, q) + 1, "enough, but too many where the two sides differ."),
            (lambda p, q: 3, "right for one neighbour on each side."),
            (lambda p, q: 0, "how many entries does one row have, and may two of them share a colour?"),
        ],
    ),
    "higher/reciprocal": Exercise(
        "Write answer(u), the coefficients of 1 / u(t).",
        function(_reciprocal, *_SERIES, rtol=1e-9),
        "with products, quotients and one recurrence each for a few functions, all derivatives of a program are had.",
        [
            (lambda u: 1 / u if u.all() else u, "a reciprocal of a series is not the series of reciprocals."),
            (_signless, "the coefficient of t in u y is u₀ y₁ + u₁ y₀, and that is to be 0."),
            (_undivided, "close: solve for y at k, which stands beside u₀."),
            (
                lambda u: 0 * u,
                "the product u y has the coefficients 1, 0, 0, …; solve each of these equations for the last y.",
            ),
        ],
    ),
    "higher/tenth": Exercise(
        "What is the tenth derivative of exp(x²) at 0?",
        value(lambda: derivative(lambda x: np.exp(x**2), 10)(0.0)),
        "a derivative of any order is a coefficient times a factorial, and coefficients are easy.",
        [
            (1 / 120, "that is the coefficient of t¹⁰; what is the derivative?"),
            (1.0, "the coefficient of t¹⁰ is not 1/10!: which power of t² is t¹⁰?"),
            (0.0, "the odd derivatives are 0 at 0; ten is even."),
            (3628800.0, "the factorial is right; by which coefficient is it multiplied?"),
            (120.0, "put u = t² into the series of exp(u), and find the term in t¹⁰."),
        ],
    ),
}
