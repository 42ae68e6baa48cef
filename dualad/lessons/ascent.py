"""Exercises of the lesson on gradients, level sets and steepest ascent."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..derivative import grad, hvp
from ..jacobian import hessian
from .exercise import Check, Exercise, NotYet, cases, function, value


def _hill(x: Any) -> Any:
    return x[0] ** 2 * x[1] - x[1] ** 2


def _angle() -> float:
    east, north = grad(_hill)(np.array([1.0, 2.0]))
    return float(np.degrees(np.arctan2(north, east)))


def _slope() -> float:
    fx, fy = grad(lambda x, y: x**3 + y**3, argnums=(0, 1))(1.0, 2.0)
    return float(-fx / fy)


def _step(A: Any, b: Any, x: Any) -> Any:
    def valley(x: Any) -> Any:
        return x @ A @ x / 2 - b @ x

    g = grad(valley)(x)
    return g @ g / (g @ hvp(valley, x, g))


def _unit(answer: Any) -> Any:
    """A direction brought to length 1."""
    try:
        direction = np.asarray(answer, dtype=float)
    except (TypeError, ValueError):
        raise NotYet(f"the answer is to be a vector of two numbers, and this is {answer!r}") from None
    if direction.shape != (2,) or not np.any(direction):
        raise NotYet(f"the answer is to be a vector of two numbers, not both 0, and this is {answer!r}")
    return direction / np.linalg.norm(direction)


def _steepest() -> Any:
    ruler = hessian(lambda u: (4 * u[0] ** 2 + u[1] ** 2) / 2)(np.zeros(2))
    return _unit(np.linalg.solve(ruler, np.ones(2)))


_VALLEYS = [(B @ B.T + np.eye(3), b, x) for B, b, x in cases((3, 3), (3,), (3,))]

EXERCISES = {
    "ascent/direction": Exercise(
        "In which direction does x² y - y² rise fastest at (1, 2)?",
        value(_angle, rtol=1e-3),
        "two partial derivatives hold the slopes of all directions, the steepest among them.",
        [
            (float(np.degrees(np.arctan2(3, 4))), "look at the sign of the partial derivative by y."),
            (float(np.degrees(np.arctan2(3, -4))), "that way it falls fastest."),
            (float(np.arctan2(-3, 4)), "the right angle, in radians; asked for are degrees."),
            (
                float(np.degrees(np.arctan2(4, -3))),
                "the angle is from the x-axis: which component is the opposite side?",
            ),
            (
                45.0,
                "write down both partial derivatives at (1, 2): they are the components of the direction.",
            ),
        ],
    ),
    "ascent/level curve": Exercise(
        "What is the slope of the curve x³ + y³ = 9 at (1, 2)?",
        value(_slope),
        "the tangent of a level curve needs no formula for the curve: it is at right angles to the gradient.",
        [
            (0.25, "the size is right: does y grow or shrink along the curve when x grows?"),
            (-4.0, "upside down: the direction (1, y′) is to be at right angles to the gradient."),
            (
                4.0,
                "that is the direction of the gradient, which crosses the curve; which direction runs along it?",
            ),
            (0.0, "fx + fy y′ = 0 holds along the curve: put in the partial derivatives at (1, 2)."),
        ],
    ),
    "ascent/step length": Exercise(
        "Which step along the negative gradient is best for x·Ax/2 - b·x?",
        function(_step, *_VALLEYS),
        "one product with A gives the exact best step: conjugate gradients begin in the same way.",
        [
            (
                lambda A, b, x: 1 / np.linalg.eigvalsh(A)[-1],
                "a step that is safe in every direction; the best one depends on the direction at hand.",
            ),
            (
                lambda A, b, x: (A @ x - b) @ A @ (A @ x - b) / ((A @ x - b) @ (A @ x - b)),
                "upside down: is a step longer or shorter where the curvature is large?",
            ),
            (
                lambda A, b, x: -((A @ x - b) @ (A @ x - b)) / ((A @ x - b) @ A @ (A @ x - b)),
                "the sign: the direction is downhill already.",
            ),
            (
                lambda A, b, x: (A @ x) @ (A @ x) / ((A @ x) @ A @ (A @ x)),
                "the gradient has a second term, from b · x.",
            ),
            (
                lambda A, b, x: 1.0,
                "with g = Ax - b the gradient at x - α g is g - α A g: when is it at right angles to g?",
            ),
        ],
    ),
    "ascent/ruler": Exercise(
        "Which direction is the steepest for the gradient (1, 1), where walking east costs double?",
        Check(_unit, _steepest),
        "steepest is a word about a ruler; Newton's method takes the curvature for one.",
        [
            (
                [1.0, 1.0],
                "that is the answer by the ordinary ruler; walking east is dearer than walking north now.",
            ),
            ([4.0, 1.0], "that walks more into the dear direction; is M multiplied with, or solved for?"),
            ([0.5, 1.0], "nearly: the price of the step east enters twice, since its square is in M."),
            ([1.0, 0.0], "write the ruler as a matrix M, and solve M u = g."),
        ],
    ),
    "ascent/on a sphere": Exercise(
        "Where on the unit sphere is c · x largest?",
        function(grad(np.linalg.norm), *cases((3,))),
        "at a maximum under a condition the two gradients are parallel: that is Lagrange's rule.",
        [
            (lambda c: c, "the right direction; is it a point of the sphere?"),
            (lambda c: -c / np.linalg.norm(c), "there it is smallest."),
            (
                lambda c: c / np.sum(np.abs(c)),
                "the sphere has length 1 by the square root of the sum of squares.",
            ),
            (lambda c: 0.0 * c, "the point x and the vector c are to be parallel: how long is x?"),
        ],
    ),
}
