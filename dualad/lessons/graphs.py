"""Exercises of the lesson on computational graphs and the chain rule."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..derivative import derivative, grad
from .exercise import Exercise, cases, function, value


def _gates(x: Any, y: Any, z: Any) -> Any:
    return (x + y) * np.maximum(y, z)


def _doubled(x: Any) -> Any:
    for _ in range(10):
        x = x + x
    return x


def _bump(x: Any, y: Any) -> Any:
    s = 1 / (1 + np.exp(-x))
    return s * y / (1 + s**2)


def _gradient(x: Any, y: Any) -> Any:
    return grad(_bump, (0, 1))(x, y)


def _one_use(x: Any, y: Any) -> Any:
    """As if the sigmoid were used in the numerator alone."""
    s = 1 / (1 + np.exp(-x))
    return y / (1 + s**2) * s * (1 - s), s / (1 + s**2)


def _no_local(x: Any, y: Any) -> Any:
    """What arrives at the sigmoid, handed on as it is."""
    s = 1 / (1 + np.exp(-x))
    return y * (1 - s**2) / (1 + s**2) ** 2, s / (1 + s**2)


EXERCISES = {
    "graphs/gates": Exercise(
        "What is the gradient of (x + y) max(y, z) at x = 4, y = -1, z = 2, as a tuple of three numbers?",
        value(lambda: grad(_gates, (0, 1, 2))(4.0, -1.0, 2.0)),
        "a maximum sends its gradient to one side only, and the other learns nothing from this example.",
        [
            (
                (2.0, 5.0, 0.0),
                "the maximum routes: which of y and z is the larger one, and who gets its gradient?",
            ),
            ((2.0, 5.0, 3.0), "the maximum routes to the larger one alone; the other gets 0 from there."),
            (
                (3.0, 3.0, 2.0),
                "a product swaps: what goes back to a factor is the value of the other factor.",
            ),
            ((2.0, 0.0, 3.0), "the sum distributes: what arrives there goes to x and to y alike."),
            (
                (0.0, 0.0, 0.0),
                "go backwards from 1, gate by gate: swap at the product, distribute at the sum.",
            ),
        ],
    ),
    "graphs/paths": Exercise(
        "How many paths lead from x to the end of ten doublings, x = x + x?",
        value(lambda: derivative(_doubled)(1.0)),
        "paths double with each stage while edges only add up: nobody sums over paths one by one.",
        [
            (20, "that is the number of edges. At each sum a path can take either of two."),
            (100.0, "choices multiply: two at each of ten sums."),
            (0, "start with one doubling, then two: how many ways are there each time?"),
        ],
    ),
    "graphs/backward": Exercise(
        "Write answer(x, y), the gradient of s y / (1 + s²) with s = σ(x), as a pair, stage by stage.",
        function(_gradient, *cases((), (), seed=2)),
        "what is written so, once for each operation and not for each function, is reverse mode.",
        [
            (_one_use, "s is used twice, and both uses send something back: add it up."),
            (
                _no_local,
                "what arrives at s has to go on to x: multiply it by the sigmoid's own derivative, s (1 - s).",
            ),
            (
                lambda x, y: (0.0, 0.0),
                "name every stage on the way there, and go through the names in the opposite order.",
            ),
        ],
    ),
}
