"""Exercises of the lesson on sounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..derivative import grad
from .exercise import Exercise, cases, function, value


def _index() -> float:
    tone = np.sin(2 * np.pi * 1000.0 * np.arange(256) / 8000.0)
    return float(np.argmax(np.abs(np.fft.rfft(tone))))


def _power(x: Any) -> Any:
    X = np.fft.fft(x)
    return X.real**2 + X.imag**2


def _window(x: Any, v: Any) -> Any:
    return grad(lambda v: np.sum(_power(x * v)))(v)


def _target(x: Any, q: Any) -> Any:
    return grad(lambda x: np.sum((_power(x) - q) ** 2) / 2)(x)


def _filtered(x: Any, q: Any, scale: float) -> Any:
    X = np.fft.fft(x)
    return scale * np.fft.ifft((np.abs(X) ** 2 - q) * X).real


_PAIRS = cases((8,), (8,), seed=5)
# Powers that are the same for k and n - k, as those of real sounds are
_TARGETS = [(x, _power(q)) for x, q in _PAIRS]

EXERCISES = {
    "audio/index": Exercise(
        "At which index of rfft is the peak of 1000 Hz, at 8000 samples a second and 256 samples?",
        value(_index),
        "two neighbours are 8000/256 Hz apart: longer sounds, finer pitches.",
        [
            (1000.0, "indices count how many periods fit into the 256 samples; how long do these take?"),
            (1000 / 256, "there are 8000 samples a second: how many seconds are 256 samples?"),
            (8.0, "that is the number of samples in a period; how many periods are in 256 samples?"),
            (64.0, "that would be half as many samples a second; index n / 2 belongs to 4000 Hz."),
            (0.0, "index k stands for k periods in all samples together."),
        ],
    ),
    "audio/window": Exercise(
        "What is the gradient by the window v of the sum of the powers of x v?",
        function(_window, *_PAIRS, rtol=1e-9),
        "who knows that a map keeps lengths can take its gradient without going through it.",
        [
            (
                lambda x, v: 2 * x**2 * v,
                "the transform of np.fft lengthens: what does Parseval's formula have beside the energy?",
            ),
            (
                lambda x, v: len(x) * x**2 * v,
                "the energy is a sum of squares of x v; what is the derivative of a square?",
            ),
            (
                lambda x, v: 2 * len(x) * x * v**2,
                "that is the gradient by the sound; asked for is that by the window.",
            ),
            (lambda x, v: 0.0 * v, "write the sum of the powers by Parseval's formula, and derive that."),
        ],
    ),
    "audio/target": Exercise(
        "What is the gradient by x of half the sum of (powers less q) squared?",
        function(_target, *_TARGETS, rtol=1e-9, atol=1e-9),
        "one transform there, one back: that is all a gradient through a spectrum ever costs.",
        [
            (
                lambda x, q: _filtered(x, q, 1.0),
                "the inverse transform of np.fft divides by n, and a square has a 2.",
            ),
            (lambda x, q: _filtered(x, q, 2.0), "the inverse transform of np.fft divides by n."),
            (lambda x, q: _filtered(x, q, 1.0 * len(x)), "the power is a square; where is its 2?"),
            (
                lambda x, q: _filtered(x, q, 4.0 * len(x)),
                "twice too much: the half before the sum has gone already.",
            ),
            (
                lambda x, q: 0.0 * x,
                "what is the derivative by each power? Let it take the place of the weights c.",
            ),
        ],
    ),
    "audio/bound": Exercise(
        "Of which share can a perceptron on samples be right, if 80% of all sounds are high?",
        value(lambda: 0.8 * 1.0 + 0.2 * 0.5),
        "a share of right answers says little until it is held against what the dullest model gets.",
        [
            (0.8, "that is what calling everything high gets; some low sounds can be had as well."),
            (0.75, "that is the bound for as many of each kind."),
            (0.6, "the other way round: which kind is it better to be right on always?"),
            (1.0, "of one of the two kinds, at most half is right, whatever the weights."),
        ],
    ),
}
