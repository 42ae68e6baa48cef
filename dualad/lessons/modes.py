"""Exercises of the lesson on forward and reverse mode."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..count import count
from ..jacobian import jacobian
from .exercise import Exercise, function, value

PAIRS = ((3, 100), (100, 3), (7, 1), (1, 7))


def _run(n: int, m: int, h: int) -> int:
    return 2 * h * n + h + 2 * m * h


def _counted(n: int, m: int, h: int, mode: str) -> int:
    A, B = np.ones((h, n)) / n, np.ones((m, h))
    return int(count(jacobian(lambda x: B @ np.tanh(A @ x), mode=mode))(np.ones(n)).operations)


def _rows(n: int, m: int, h: int) -> int:
    return _counted(n, m, h, "reverse")


def _ratio() -> float:
    return _counted(500, 1, 8, "forward") / _counted(500, 1, 8, "reverse")


def _choice() -> list[str]:
    modes = ("forward", "reverse")
    return [min(modes, key=lambda mode: _counted(n, m, 8, mode)) for n, m in PAIRS]


def _waist(n: int, m: int, h: int) -> int:
    def product(A: Any, s: Any, B: Any) -> Any:
        return B @ (s[:, None] * A)

    return int(count(product)(np.ones((h, n)), np.ones(h), np.ones((m, h))).operations)


_SIZES = ((4, 3, 8), (20, 2, 5), (3, 10, 1))

EXERCISES = {
    "modes/rows": Exercise(
        "How many operations does the Jacobian of B tanh(A x) take by reverse mode, with the run?",
        function(_rows, *_SIZES),
        "the cost is known before a line is run, and the number of inputs enters through the run alone.",
        [
            (
                lambda n, m, h: (1 + n) * _run(n, m, h) + h,
                "that is forward mode; which unit vectors does reverse mode start from, and how many are there?",
            ),
            (
                lambda n, m, h: m * _run(n, m, h) + h,
                "before the first sweep back there is a run forward.",
            ),
            (
                lambda n, m, h: (1 + m) * _run(n, m, h),
                "nearly: the slopes of tanh have to be found, once for each neuron.",
            ),
            (
                lambda n, m, h: m * n,
                "count the run, the slopes, and then one walk back through both matrices for each row.",
            ),
        ],
    ),
    "modes/ratio": Exercise(
        "How many times as many operations as reverse mode takes forward mode, for 500 inputs and one output?",
        value(_ratio, rtol=1e-3),
        "half of the number of inputs: the run is paid for in both, and with a million weights that is no comfort.",
        [
            (
                500.0,
                "each mode pays for the run too: what is one sweep and a run against 500 sweeps and a run?",
            ),
            (501.0, "reverse mode takes a run and a sweep, not a run alone."),
            (1 / 250.5, "the other way round."),
            (1.0, "put both numbers of operations into the closed forms and divide."),
        ],
    ),
    "modes/choice": Exercise(
        "Which mode takes fewer operations, for four pairs of inputs and outputs?",
        value(_choice),
        "the shape of the function decides: the shorter side of the Jacobian is the number of sweeps.",
        [
            (
                ["reverse", "forward", "forward", "reverse"],
                "all four the other way round: which mode has one sweep for each input?",
            ),
            (
                ["forward", "reverse", "forward", "forward"],
                "seven inputs are few, but one output is fewer.",
            ),
            (
                ["reverse"] * 4,
                "reverse mode is for few outputs; look at the pairs whose second number is the larger one.",
            ),
        ],
    ),
    "modes/waist": Exercise(
        "How many operations does the product B (D A) take, with D A found row by row?",
        function(_waist, *_SIZES),
        "the best order of a product of matrices may begin in the middle; the two modes are its two ends.",
        [
            (
                lambda n, m, h: 2 * m * h * n,
                "the product of the two matrices is right; the diagonal one is not free.",
            ),
            (
                lambda n, m, h: 2 * h * h * n + 2 * m * h * n,
                "a diagonal matrix has one number in each row: how many products does each row of D A take?",
            ),
            (
                lambda n, m, h: h * n + m * h * n,
                "in the product of matrices, count additions as well: each entry takes 2 h operations.",
            ),
            (
                lambda n, m, h: n + m + h,
                "D A has h n entries; the product has m n entries, each a sum of h products.",
            ),
        ],
    ),
}
