"""Exercises of the lesson on words and softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..derivative import grad
from ..jacobian import jacobian
from .exercise import Exercise, cases, function, value


def _softmax(z: Any) -> Any:
    return np.exp(z) / np.sum(np.exp(z))


def _loss(z: Any, y: Any, T: float = 1.0) -> Any:
    return -np.sum(y * np.log(_softmax(z / T)))


def _perplexity() -> float:
    return float(np.exp(np.mean([_loss(np.log([p, 1 - p]), np.array([1.0, 0.0])) for p in _GIVEN])))


_GIVEN = (1 / 2, 1 / 4, 1 / 8, 1 / 4)
_SCORES = cases((4,), seed=3)
_WARM = [(z, np.eye(4)[k], T) for k, ((z,), T) in enumerate(zip(_SCORES, (0.5, 2.0, 3.0)))]
_WEIGHED = [(z, np.abs(y)) for z, y in cases((4,), (4,), seed=4)]

EXERCISES = {
    "words/log softmax": Exercise(
        "What is the Jacobian of the logarithms of softmax?",
        function(jacobian(lambda z: np.log(_softmax(z))), *_SCORES, rtol=1e-9),
        "each row is a one-hot vector less p: the gradient p - y of the loss is minus one of these rows.",
        [
            (
                lambda z: np.diag(_softmax(z)) - np.outer(_softmax(z), _softmax(z)),
                "that is the Jacobian of p; the logarithm is one more link.",
            ),
            (
                lambda z: (np.eye(len(z)) - _softmax(z)).T,
                "transposed: a row belongs to an output, a column to the score that is moved.",
            ),
            (
                lambda z: np.eye(len(z)),
                "ln p is z less the logarithm of the sum, and the sum depends on z as well.",
            ),
            (
                lambda z: 0.0 * np.eye(len(z)),
                "write ln p_i as a difference of two terms, and derive each by z_j.",
            ),
        ],
    ),
    "words/temperature": Exercise(
        "What is the gradient of the loss by the scores, if these are divided by T first?",
        function(grad(_loss), *_WARM, rtol=1e-9),
        "a high temperature makes the model undecided and its gradients small, both at once.",
        [
            (
                lambda z, y, T: _softmax(z / T) - y,
                "that is the gradient by z / T; one link of the chain is missing.",
            ),
            (
                lambda z, y, T: (_softmax(z) - y) / T,
                "the probabilities themselves are those of the divided scores.",
            ),
            (lambda z, y, T: (_softmax(z / T) - y) * T, "the inner derivative of z / T is not T."),
            (lambda z, y, T: 0.0 * z, "put u = z / T; you know the gradient by u, so what is left?"),
        ],
    ),
    "words/weights": Exercise(
        "What is the gradient of the loss by the scores, if the weights y do not add up to 1?",
        function(grad(_loss), *_WEIGHED, rtol=1e-9),
        "p - y holds because the answers add up to 1; half a truth twice is as good as one whole.",
        [
            (lambda z, y: _softmax(z) - y, "in the long way there was a sum over y; here it is not 1."),
            (
                lambda z, y: _softmax(z) - y / np.sum(y),
                "that is the gradient after dividing the weights by their sum; the loss was not divided.",
            ),
            (lambda z, y: 0.0 * z, "go the long way again, and stop before the sum of y is replaced."),
        ],
    ),
    "words/perplexity": Exercise(
        "What is the perplexity of a model that gives the words that came 1/2, 1/4, 1/8 and 1/4?",
        value(_perplexity),
        "it is the geometric mean of 2, 4, 8 and 4: undecided among four words, on the whole.",
        [
            (float(np.log(4.0)), "that is the mean loss; perplexity is its exponential."),
            (4.5, "that is the mean of 2, 4, 8 and 4; the mean is taken of logarithms."),
            (1 / 0.28125, "that is one over the mean probability; the mean is taken of logarithms."),
            (256.0, "that is for all four words together; per word?"),
            (
                0.25,
                "one over it: a model that gives all words 1/4 is undecided among how many?",
            ),
            (1.0, "take the logarithm of each probability, the mean, and the exponential of minus that."),
        ],
    ),
}
