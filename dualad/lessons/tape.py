"""Exercises of the lesson that builds a tape."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..count import count
from ..derivative import grad, vjp
from .exercise import Exercise, function, value

_RNG = np.random.default_rng(5)
_CASES = [
    (_RNG.normal(size=g), shape)
    for g, shape in [((4, 3), (3,)), ((4, 3), (4, 1)), ((4, 3), (4, 3)), ((2, 4, 3), (1, 3)), ((4,), ())]
]


def _unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    _, pullback = vjp(lambda x: np.broadcast_to(x, np.shape(g)), np.zeros(shape))
    return pullback(g)[0]


def _leading_only(g: Any, shape: tuple[int, ...]) -> Any:
    return np.sum(g, axis=tuple(range(np.ndim(g) - len(shape))))


def _mean(g: Any, shape: tuple[int, ...]) -> Any:
    return _unbroadcast(g, shape) * np.prod(shape) / np.size(g)


def _newton(a: Any) -> Any:
    y = a
    for _ in range(10):
        y = (y + a / y) / 2
    return y


EXERCISES = {
    "tape/accumulate": Exercise(
        "What does the sweep return for x * x at x = 3 if it sets the adjoint of a parent where it should add to it?",
        value(lambda: grad(lambda a, b: a * b)(3.0, 3.0)),
        "what is lost is the other use of x; a missing `+` is the commonest fault of a hand-made reverse mode.",
        [
            (
                6.0,
                "that is what it returns with the addition. Which of the two contributions survives without?",
            ),
            (9.0, "that is the value. What does the sweep write into the adjoint of x, twice?"),
            (
                0.0,
                "the entry of the product names x twice: what does the second write leave of the first?",
            ),
        ],
    ),
    "tape/length": Exercise(
        "How many operations are recorded for ten Newton steps y = (y + a / y) / 2?",
        value(lambda: count(_newton)(2.0).tape_length),
        "a tape grows with the time that a function takes, not with the size of its text.",
        [
            (3, "that is one step. Does the tape know of the loop?"),
            (10, "that many steps; how many operations has each?"),
            (40, "an assignment to y is no operation."),
            (1, "count the operators in one step, and remember that a tape has no loops."),
        ],
    ),
    "tape/unbroadcast": Exercise(
        "Write answer(g, shape): the cotangent of an array of that shape which was broadcast to the shape of g.",
        function(_unbroadcast, *_CASES),
        "a value that is used many times gets the sum of what comes back: broadcasting is no exception.",
        [
            (
                _leading_only,
                "axes that NumPy put in front are summed; what about those of length 1 that it stretched?",
            ),
            (_mean, "add what comes back, as at every value that is read several times: no mean."),
            (
                lambda g, shape: np.zeros(shape),
                "which elements of the result was each element of the array copied to? Sum over these axes.",
            ),
        ],
    ),
}
