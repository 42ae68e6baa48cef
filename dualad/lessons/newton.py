"""Exercises of the lesson on Hessians and Newton's method."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..derivative import derivative, grad, hvp
from ..jacobian import hessian
from .exercise import Exercise, cases, function, value


def _form(A: Any) -> Any:
    return hessian(lambda x: x @ A @ x)(np.zeros(len(A)))


def _sheet(p: Any) -> Any:
    return p[0] ** 3 - 3 * p[0] + p[1] ** 2


def _stationary(start: float) -> Any:
    p = np.array([start, 1.0])
    for _ in range(10):
        p = p - np.linalg.solve(hessian(_sheet)(p), grad(_sheet)(p))
    return p


def _product(w: Any, X: Any, v: Any, penalty: float) -> Any:
    def loss(w: Any) -> Any:
        return np.mean(np.logaddexp(0.0, X @ w)) + penalty / 2 * (w @ w)

    return hvp(loss, w, v)


def _slopes(w: Any, X: Any) -> Any:
    a = 1 / (1 + np.exp(-X @ w))
    return a * (1 - a)


def _step(x: float, c: float) -> Any:
    def barrier(x: Any) -> Any:
        return x - c * np.log(x)

    return x - derivative(barrier)(x) / derivative(barrier, 2)(x)


_WEIGHED = [(w, X, v, p) for (w, X, v), p in zip(cases((3,), (5, 3), (3,)), (0.0, 0.1, 1.0))]

EXERCISES = {
    "newton/quadratic form": Exercise(
        "What is the Hessian of x·Ax, for any square A?",
        function(_form, *cases((3, 3), seed=1)),
        "a quadratic form sees the symmetric half of its matrix alone: a Hessian loses nothing by being symmetric.",
        [
            (lambda A: 2 * A, "right for a symmetric A; a Hessian is symmetric for any."),
            (lambda A: A, "differentiate twice: how often does the entry A₁₂ show up, and where?"),
            (
                lambda A: (A + A.T) / 2,
                "that is the symmetric half of A; the Hessian of a x² with one x is not a.",
            ),
            (
                lambda A: 0.0 * A,
                "write the sum Σ A_ij x_i x_j out for two variables, and differentiate it twice.",
            ),
        ],
    ),
    "newton/stationary points": Exercise(
        "Where are the minimum and the saddle of x³ - 3x + y²?",
        value(lambda: [_stationary(2.0), _stationary(-2.0)], atol=1e-9),
        "the gradient finds the points and the Hessian tells them apart.",
        [
            (([-1, 0], [1, 0]), "these are the points; what are the eigenvalues of the Hessian at each?"),
            ((1, -1), "asked for are points, of two coordinates each."),
            (([0, 0], [1, 0]), "is the gradient 0 at both?"),
            (
                ([0, 0], [0, 0]),
                "set both partial derivatives to 0, then look at the sign of the second derivative by x.",
            ),
        ],
    ),
    "newton/hessian times vector": Exercise(
        "What is the product of the Hessian of the logistic loss with v, from products of X with vectors?",
        function(_product, *_WEIGHED),
        "two products with X in place of a matrix of n² entries: that is what dualad.hvp does for any function.",
        [
            (
                lambda w, X, v, penalty: X.T @ (_slopes(w, X) * (X @ v)) / len(X),
                "the price on large weights has a Hessian, too.",
            ),
            (
                lambda w, X, v, penalty: X.T @ (_slopes(w, X) * (X @ v)) + penalty * v,
                "the loss is a mean over the samples.",
            ),
            (
                lambda w, X, v, penalty: X.T @ (X @ v) / len(X) + penalty * v,
                "between the two products with X stands a diagonal matrix.",
            ),
            (
                lambda w, X, v, penalty: X.T @ (1 / (1 + np.exp(-X @ w)) * (X @ v)) / len(X) + penalty * v,
                "the diagonal has the slopes of the sigmoid, not its values.",
            ),
            (
                lambda w, X, v, penalty: 0.0 * v,
                "take the formula of the Hessian, put v behind it, and multiply from the right to the left.",
            ),
        ],
    ),
    "newton/one step": Exercise(
        "What is one Newton step for the minimum of x - c ln x?",
        function(_step, (0.5, 2.0), (3.0, 1.5), (1.0, 0.7)),
        "with d = 1/c the step is x (2 - d x), which leads to 1/d: processors have divided in this way.",
        [
            (
                lambda x, c: x - (x - c * np.log(x)) / (1 - c / x),
                "that looks for a zero of f; a minimum is a zero of f′.",
            ),
            (lambda x, c: x * x / c, "the sign of the step: x minus f′/f″."),
            (lambda x, c: c, "that is where the steps lead; where does the first one land?"),
            (lambda x, c: 0.0, "find f′ and f″, put them into x - f′/f″, and multiply out."),
        ],
    ),
    "newton/basin": Exercise(
        "For which largest r does the iteration of exercise 4 converge to 3 from all 0 < x < r?",
        value(lambda: 6.0),
        "the error, relative to c, is squared in every step: from less than 1 it vanishes, from more it explodes.",
        [
            (3.0, "does it fail as soon as x starts beyond the solution? Try one step from 4."),
            (2.0, "that is r relative to c."),
            (9.0, "try one step from 8: on which side of 0 does it land?"),
            (np.inf, "try one step from 10: on which side of 0 does it land?"),
            (0.0, "write 1 - x⁺/c with the formula for the step: what power of 1 - x/c is it?"),
        ],
    ),
}
