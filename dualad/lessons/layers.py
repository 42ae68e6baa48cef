"""Exercises of the lesson on layers and deep networks."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..derivative import grad, vjp
from .exercise import Exercise, cases, function, value


def _rectifier(W: Any, x: Any, dY: Any) -> Any:
    return vjp(lambda W: np.maximum(0.0, W @ x), W)[1](dY)[0]


def _batch(W: Any, b: Any, X: Any, dY: Any) -> Any:
    return tuple(vjp(lambda W, b, X: np.tanh(X @ W.T + b), W, b, X)[1](dY))


def _by_hand(W: Any, b: Any, X: Any, dY: Any) -> Any:
    dZ = dY * (1 - np.tanh(X @ W.T + b) ** 2)
    return dZ.T @ X, dZ.sum(axis=0), dZ @ W


def _surprise(z: Any, c: int, tau: float) -> Any:
    return np.log(np.sum(np.exp(z / tau))) - z[c] / tau


def _probabilities(z: Any) -> Any:
    return np.exp(z) / np.sum(np.exp(z))


def _residual(W: Any, x: Any, dY: Any) -> Any:
    return vjp(lambda x: x + np.tanh(W @ x), x)[1](dY)[0]


def _truth(z: Any, c: int) -> Any:
    return np.eye(len(z))[c]


_LAYERS = cases((4, 3), (3,), (4,))
_BATCHES = cases((4, 3), (4,), (5, 3), (5, 4), seed=1)
_CLASSES = [(z, c, tau) for (z,), c, tau in zip(cases((4,), seed=2), (0, 3, 1), (0.5, 2.0, 3.0))]
_SQUARE = cases((3, 3), (3,), (3,), seed=3)

EXERCISES = {
    "layers/rectifier": Exercise(
        "What is dW of a layer of rectifiers, for one sample?",
        function(_rectifier, *_LAYERS),
        "its slope is 0 or 1, so that a mistake that gets through a rectifier is not made smaller.",
        [
            (
                lambda W, x, dY: np.outer(dY, x),
                "neurons whose z is negative put out 0 whatever their weights are; what is their slope?",
            ),
            (
                lambda W, x, dY: np.outer(dY * np.maximum(0.0, W @ x), x),
                "that multiplies by the value of g; the formula has its slope.",
            ),
            (
                lambda W, x, dY: np.outer(x, dY * (W @ x > 0)),
                "transposed: dW has the shape of W, with a row for each neuron.",
            ),
            (lambda W, x, dY: W.T @ (dY * (W @ x > 0)), "that is dX."),
            (
                lambda W, x, dY: 0.0 * W,
                "first dZ, which is dY times the slope of the rectifier at z; then the outer product with x.",
            ),
        ],
    ),
    "layers/batch": Exercise(
        "What are dW, db and dX of a layer with tanh, for many samples at once?",
        function(_batch, *_BATCHES),
        "three lines are a layer of any library; the rest of a backward pass is a loop over them.",
        [
            (
                lambda W, b, X, dY: (dY.T @ X, dY.sum(axis=0), dY @ W),
                "these are the gradients by z without the slope of tanh in between.",
            ),
            (
                lambda W, b, X, dY: (_by_hand(W, b, X, dY)[0], dY * (1 - np.tanh(X @ W.T + b) ** 2), dY @ W),
                "db is to have the shape of b: in how many rows was it used?",
            ),
            (
                lambda W, b, X, dY: [d / len(X) if k < 2 else d for k, d in enumerate(_by_hand(W, b, X, dY))],
                "a mean, if there is one, is in the loss and so in dY already; the samples add up here.",
            ),
            (
                lambda W, b, X, dY: (_by_hand(W, b, X, dY)[0].T, *_by_hand(W, b, X, dY)[1:]),
                "dW is to have the shape of W.",
            ),
            (
                lambda W, b, X, dY: (0.0 * W, 0.0 * b, 0.0 * X),
                "compute Y = tanh(X Wᵀ + b) and dZ = dY ⊙ (1 - Y²); which three products have the shapes asked for?",
            ),
        ],
    ),
    "layers/temperature": Exercise(
        "What is the gradient of -ln p for the true class, where p is a softmax with temperature?",
        function(grad(_surprise), *_CLASSES),
        "it is p minus the truth, and a hot softmax is taught gently.",
        [
            (
                lambda z, c, tau: _probabilities(z / tau) - _truth(z, c),
                "that is the gradient by z/τ; which link is missing?",
            ),
            (
                lambda z, c, tau: (_probabilities(z) - _truth(z, c)) / tau,
                "the temperature is in the probabilities, too.",
            ),
            (
                lambda z, c, tau: (_truth(z, c) - _probabilities(z / tau)) / tau,
                "the sign: a loss falls when z of the true class grows.",
            ),
            (
                lambda z, c, tau: _truth(z, c) * (_probabilities(z / tau) - 1) / tau,
                "the other classes matter too: their z is in the sum under the logarithm.",
            ),
            (
                lambda z, c, tau: 0.0 * z,
                "with u = z/τ the loss is -u_c + ln Σ exp(u_k): differentiate it by u first, and then u by z.",
            ),
        ],
    ),
    "layers/residual": Exercise(
        "What is dX of the layer y = x + tanh(W x)?",
        function(_residual, *_SQUARE),
        "the mistake has a way back on which nothing multiplies it, and so networks of hundreds of layers learn.",
        [
            (
                lambda W, x, dY: W.T @ (dY * (1 - np.tanh(W @ x) ** 2)),
                "that is one of the two ways from x to y.",
            ),
            (
                lambda W, x, dY: dY + W @ (dY * (1 - np.tanh(W @ x) ** 2)),
                "nearly: on the way back, in which direction is W gone through?",
            ),
            (
                lambda W, x, dY: 1 + W.T @ (dY * (1 - np.tanh(W @ x) ** 2)),
                "the way around has slope 1; what is that slope to be multiplied by?",
            ),
            (
                lambda W, x, dY: 0.0 * x,
                "x reaches y in two ways: find what each of them sends back, and add.",
            ),
        ],
    ),
    "layers/variance": Exercise(
        "Which variance of the weights keeps the mean square of signals through rectifiers, for 200 inputs?",
        value(lambda: 2 / 200),
        "this is how networks of rectifiers begin, after He and others (2015).",
        [
            (1 / 200, "that keeps them without a function g; what does the rectifier do to the mean square?"),
            (0.1, "that is the standard deviation; asked for is the variance."),
            (4 / 200, "half of the mean square is lost, not three quarters."),
            (
                1.0,
                "the mean square of z is n times the variance times that of the inputs; how much of it is left by g?",
            ),
        ],
    ),
}
