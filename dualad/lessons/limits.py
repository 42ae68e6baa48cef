"""Exercises of the lesson on derivatives as limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..derivative import derivative
from .exercise import Exercise, function, value

F = Callable[[Any], Any]
EPS = float(np.finfo(float).eps)


def _cube(x: Any) -> Any:
    return x**3


def _step(factor: float) -> float:
    """sqrt(factor ε |f / f″|) for the logarithm at 10."""
    return float(np.sqrt(factor * EPS * abs(np.log(10.0) / derivative(np.log, 2)(10.0))))


def _second(f: F, x: float, h: float) -> float:
    del h
    return float(derivative(f, 2)(x))


# Of degree three at most: differences have no error but rounding there.
_CASES = [(lambda x: x**2, 3.0, 0.25), (_cube, 1.5, 0.125), (lambda x: 4 * x - x**3, -2.0, 0.5)]

EXERCISES = {
    "limits/error of a step": Exercise(
        "By how much is the forward difference of x³ at 2 too large for h = 0.001, to first order in h?",
        value(lambda: 1e-3 / 2 * derivative(_cube, 2)(2.0)),
        "the error of a short step can be known before it is taken, and it shrinks no faster than h.",
        [
            (
                0.012,
                "twice too much: which factor stands before h² in Taylor's series, and what is left of it over h?",
            ),
            (
                0.006001,
                "exact, but asked for is the first order in h alone: which of the two terms has h, and which h²?",
            ),
            (0.0, "it would be 0 for a straight line: what does f″(2) say?"),
        ],
    ),
    "limits/best step": Exercise(
        "Which h makes the bound on the error of a forward difference of log at 10 least?",
        value(lambda: _step(2.0), rtol=1e-3),
        "the best step depends on the second derivative, which nobody knows who is looking for the first.",
        [
            (float(np.sqrt(EPS)), "that is right where f and f″ are of one size; what are they here?"),
            (_step(1.0), "close: set the derivative of the bound to zero, and do not lose the 2 under f″."),
            (_step(4.0), "close: set the derivative of the bound to zero, and do not lose the 2 under f″."),
            (1e-3, "write down h/2 |f″| + ε |f|/h for this f, and find where its derivative in h is zero."),
        ],
    ),
    "limits/second difference": Exercise(
        "Write answer(f, x, h), a second derivative from the values of f at x - h, x and x + h.",
        function(_second, *_CASES, rtol=1e-9),
        "second differences divide rounding errors by h², so that at best half of the digits are left of it.",
        [
            (
                lambda f, x, h: (f(x + h) - 2 * f(x) + f(x - h)) / h,
                "the right numerator; how does it shrink with h, and what is it to be divided by?",
            ),
            (
                lambda f, x, h: (f(x + h) - f(x - h)) / (2 * h),
                "that is the first derivative; take the difference of two of those.",
            ),
            (
                lambda f, x, h: 0.0,
                "add Taylor's series of f(x + h) and f(x - h): which terms cancel, and what has to be taken away?",
            ),
        ],
    ),
}
