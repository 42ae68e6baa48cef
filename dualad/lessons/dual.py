"""Exercises of the lesson that builds a dual number."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..derivative import jvp
from ..taylor import taylor
from .exercise import Exercise, cases, function, value

Pair = tuple[Any, Any]


def _quotient(a: Pair, b: Pair) -> Pair:
    pair: Pair = jvp(lambda x, y: x / y, (float(a[0]), float(b[0])), (float(a[1]), float(b[1])))
    return pair


def _product(a: Any, b: Any) -> list[float]:
    """Coefficients up to the second power of the product of two polynomials."""

    def multiplied(t: Any) -> Any:
        return (a[0] + a[1] * t + a[2] * t * t) * (b[0] + b[1] * t + b[2] * t * t)

    return [float(c) for c in taylor(multiplied, 0.0, 1.0, 2)]


EXERCISES = {
    "dual/quotient": Exercise(
        "Write answer(a, b): a and b are pairs (value, tangent), and so is the quotient a / b that is returned.",
        function(_quotient, *cases((2,), (2,), seed=3)),
        "each new operation takes one line, and every program that uses it can be differentiated.",
        [
            (
                lambda a, b: (a[0] / b[0], a[1] / b[1]),
                "the tangent of a quotient is no quotient of tangents: what does the rule of calculus say?",
            ),
            (
                lambda a, b: (a[0] / b[0], (a[1] * b[0] + a[0] * b[1]) / b[0] ** 2),
                "almost: if the denominator grows, the quotient falls.",
            ),
            (
                lambda a, b: (a[0] / b[0], (a[0] * b[1] - a[1] * b[0]) / b[0] ** 2),
                "the two terms have changed places: if only the numerator grows, so does the quotient.",
            ),
            (
                lambda a, b: (0.0, 0.0),
                "multiply (b + b′ε)(q + q′ε) = a + a′ε out, and compare what stands at ε.",
            ),
        ],
    ),
    "dual/confusion": Exercise(
        "What do dual numbers with one ε for all make of d/dx (x · d/dy (x y) at y = 2) at x = 3?",
        value(lambda: jvp(lambda x, y: x * y, (3.0, 2.0), (1.0, 1.0))[1]),
        "no error is raised and the number looks like any other: that is why levels are not optional.",
        [
            (
                6.0,
                "that is the true derivative of x · x at 3. With one ε, what is the tangent of x where y is moved?",
            ),
            (3.0, "that is the true inner derivative. With one ε, x brings a tangent of its own into it."),
            (
                15.0,
                "that is the value, 3 times the inner derivative; what is asked for is the tangent of x times it.",
            ),
            (0.0, "compute (3 + ε)(2 + ε): that is what the inner derivative sees."),
        ],
    ),
    "dual/second": Exercise(
        "Write answer(a, b), the product of a = (a₀, a₁, a₂) and b, coefficients of 1, ε and ε², if ε³ = 0.",
        function(_product, *cases((3,), (3,), seed=4)),
        "with one more coefficient dual numbers find second derivatives, and with n more all up to the n-th.",
        [
            (
                lambda a, b: [a[0] * b[0], a[1] * b[1], a[2] * b[2]],
                "polynomials multiply each term with each: which products have ε¹, and which ε²?",
            ),
            (
                lambda a, b: [a[0] * b[0], a[0] * b[1] + a[1] * b[0], a[0] * b[2] + a[2] * b[0]],
                "one product that has ε² is missing.",
            ),
            (
                lambda a, b: [
                    a[0] * b[0],
                    a[0] * b[1] + a[1] * b[0],
                    a[0] * b[2] + 2 * a[1] * b[1] + a[2] * b[0],
                ],
                "that is the rule for derivatives, f″ and all; coefficients are derivatives over k!, and need no 2.",
            ),
            (
                lambda a, b: [0 * np.sum(a)] * 3,
                "three coefficients in, three out: multiply (a₀ + a₁ε + a₂ε²)(b₀ + b₁ε + b₂ε²) out.",
            ),
        ],
    ),
}
