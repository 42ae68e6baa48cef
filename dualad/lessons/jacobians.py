"""Exercises of the lesson on Jacobians and derivatives of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..derivative import grad, jvp, vjp
from ..jacobian import jacobian
from .exercise import Exercise, cases, function


def _spherical(p: Any) -> Any:
    r, polar, round_ = p
    return r * np.stack([np.sin(polar) * np.cos(round_), np.sin(polar) * np.sin(round_), np.cos(polar)])


def _squares(A: Any, x: Any, b: Any) -> Any:
    return np.sum((A @ x - b) ** 2)


def _cube(A: Any, E: Any) -> Any:
    return jvp(lambda A: A @ A @ A, (A,), (E,))[1]


def _system(A: Any, b: Any, bar: Any) -> Any:
    return vjp(lambda A: np.linalg.solve(A, b), A)[1](bar)[0]


def _softmax(z: Any) -> Any:
    return np.exp(z) / np.sum(np.exp(z))


_SYSTEMS = [(A + 4 * np.eye(3), b, bar) for A, b, bar in cases((3, 3), (3,), (3,), seed=3)]

EXERCISES = {
    "jacobians/spherical": Exercise(
        "What is the Jacobian of spherical coordinates?",
        function(jacobian(_spherical), *cases((3,))),
        "its determinant is r² sin ϑ, the factor in every integral over a ball.",
        [
            (
                lambda p: jacobian(_spherical)(p).T,
                "transposed: columns belong to inputs, rows to outputs.",
            ),
            (
                lambda p: jacobian(_spherical)(p) / [1, p[0], p[0]],
                "the columns of the angles have lost a factor: how far does one move if r is large?",
            ),
            (
                lambda p: np.zeros((3, 3)),
                "column by column: hold two of the three still, and differentiate the three outputs by the third.",
            ),
        ],
    ),
    "jacobians/least squares": Exercise(
        "What is the gradient of |Ax - b|² with respect to A?",
        function(grad(_squares), *cases((2, 3), (3,), (2,), seed=1)),
        "a cotangent times an input, as an outer product: the gradient of every layer of a network looks like this.",
        [
            (lambda A, x, b: np.outer(A @ x - b, x), "a factor: what is the derivative of a square?"),
            (
                lambda A, x, b: np.outer(x, 2 * (A @ x - b)),
                "transposed: a gradient has the shape of its argument.",
            ),
            (lambda A, x, b: 2 * A.T @ (A @ x - b), "that is the gradient with respect to x."),
            (
                lambda A, x, b: 0.0 * A,
                "two links: the square of y - b, which gives a cotangent v of y, and y = Ax, which makes v xᵀ of it.",
            ),
        ],
    ),
    "jacobians/cube": Exercise(
        "How does A³ change when A changes by a small E?",
        function(_cube, *cases((3, 3), (3, 3), seed=2)),
        "every factor changes once and in its place: that is the product rule where factors do not commute.",
        [
            (lambda A, E: 3 * A @ A @ E, "right for numbers; do A and E commute?"),
            (
                lambda A, E: E @ A @ A + A @ A @ E,
                "A³ has three factors: which of them has not had its turn to change?",
            ),
            (
                lambda A, E: (A + E) @ (A + E) @ (A + E) - A @ A @ A,
                "that is the whole change; keep only what is linear in E.",
            ),
            (lambda A, E: 0.0 * A, "multiply (A + E)(A + E)(A + E) out, and keep the terms with a single E."),
        ],
    ),
    "jacobians/linear system": Exercise(
        "What is the cotangent of A in x = A⁻¹ b, given that of x?",
        function(_system, *_SYSTEMS, rtol=1e-8),
        "one more solve, with the transposed matrix: no derivative of a solver ever looks into the solver.",
        [
            (
                lambda A, b, bar: np.outer(np.linalg.solve(A.T, bar), np.linalg.solve(A, b)),
                "the size is right: from where does the inverse have its sign?",
            ),
            (
                lambda A, b, bar: -np.outer(np.linalg.solve(A, bar), np.linalg.solve(A, b)),
                "nearly: when A⁻¹ moves to the other side of the pairing, what becomes of it?",
            ),
            (
                lambda A, b, bar: -np.outer(np.linalg.solve(A, b), np.linalg.solve(A.T, bar)),
                "transposed: the cotangent is a column on the left, the input a row on the right.",
            ),
            (lambda A, b, bar: np.linalg.solve(A.T, bar), "that is the cotangent of b."),
            (
                lambda A, b, bar: 0.0 * A,
                "write down dx for a small dA, pair it with bar, and move everything but dA to the other side.",
            ),
        ],
    ),
    "jacobians/softmax": Exercise(
        "What is the Jacobian of the softmax?",
        function(jacobian(_softmax), *cases((4,), seed=4)),
        "its rows add up to 0: adding the same number to all of z changes no probability.",
        [
            (
                lambda z: np.diag(_softmax(z) * (1 - _softmax(z))),
                "the diagonal is right; does p₁ not change at all when only z₂ grows?",
            ),
            (lambda z: np.diag(_softmax(z)), "the denominator depends on every z as well."),
            (
                lambda z: np.outer(_softmax(z), _softmax(z)) - np.diag(_softmax(z)),
                "the sign: does a probability grow or shrink with its own z?",
            ),
            (
                lambda z: np.zeros((len(z), len(z))),
                "use the rule for quotients, once for i = j and once for i ≠ j, and write the result with p.",
            ),
        ],
    ),
}
