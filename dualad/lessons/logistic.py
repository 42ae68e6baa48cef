"""Exercises of the lesson on logistic regression."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..derivative import derivative, grad
from ..jacobian import hessian
from .exercise import Exercise, cases, function, value


def _sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def _squared(w: Any, x: Any, y: Any) -> Any:
    return (_sigmoid(w @ x) - y) ** 2 / 2


def _signed(w: Any, X: Any, y: Any) -> Any:
    return np.mean(np.logaddexp(0.0, -y * (X @ w)))


def _safe_step(X: Any, penalty: float) -> float:
    """2 / K: with all weights 0 every a (1 - a) is 1/4, so the bound on the curvature is met there."""

    def loss(w: Any) -> Any:
        return np.mean(np.logaddexp(0.0, X @ w)) + penalty / 2 * (w @ w)

    return float(2 / np.linalg.eigvalsh(hessian(loss)(np.zeros(X.shape[1])))[-1])


def _largest(X: Any) -> float:
    return float(np.linalg.eigvalsh(X.T @ X)[-1])


_LABELLED = [(w, x, label) for (w, x), label in zip(cases((3,), (3,)), (0.0, 1.0, 1.0))]
_SIGNED = [(w, X, np.sign(v)) for w, X, v in cases((3,), (5, 3), (5,), seed=1)]
_PENALISED = [(X, penalty) for (X,), penalty in zip(cases((7, 3), seed=2), (0.0, 0.1, 2.0))]

EXERCISES = {
    "logistic/softplus": Exercise(
        "What is the derivative of ln(1 + exp(z))?",
        function(derivative(lambda z: np.logaddexp(0.0, z)), (0.3,), (-2.0,), (5.0,)),
        "the sigmoid is the slope of this loss, which is why the gradient has a - y and nothing else.",
        [
            (
                lambda z: 1 / (1 + np.exp(z)),
                "for large z the function is nearly z; is your slope nearly 1 there?",
            ),
            (
                lambda z: _sigmoid(z) * (1 - _sigmoid(z)),
                "that is the slope of the sigmoid: one derivative too many.",
            ),
            (np.exp, "that is the inner derivative; what does the logarithm around it contribute?"),
            (
                lambda z: 0.0 * z,
                "two links: the logarithm of u = 1 + exp(z), and u itself; multiply their slopes.",
            ),
        ],
    ),
    "logistic/squared error": Exercise(
        "What is the gradient of (a - y)²/2 with respect to w, for one sample?",
        function(grad(_squared), *_LABELLED),
        "where the neuron is sure and wrong, a (1 - a) is nearly 0 and it learns little; cross-entropy lacks it.",
        [
            (
                lambda w, x, y: (_sigmoid(w @ x) - y) * x,
                "that is the gradient of the cross-entropy, in which a factor cancelled; does it cancel here?",
            ),
            (
                lambda w, x, y: (_sigmoid(w @ x) - y) * _sigmoid(w @ x) * (1 - _sigmoid(w @ x)),
                "that is the derivative with respect to z; one link of the chain is missing.",
            ),
            (
                lambda w, x, y: -(_sigmoid(w @ x) - y) * x,
                "three links: the square, the sigmoid, the weighted sum; write down the slope of each, then multiply.",
            ),
        ],
    ),
    "logistic/signs": Exercise(
        "What is the gradient of the mean of ln(1 + exp(-y w·x)) with respect to w, for labels -1 and 1?",
        function(grad(_signed), *_SIGNED),
        "the factor is the probability of the wrong answer: samples that are right by a wide margin drop out.",
        [
            (
                lambda w, X, y: X.T @ (y / (1 + np.exp(y * (X @ w)))) / len(y),
                "the size is right; the inner derivative of -y w·x has a sign.",
            ),
            (
                lambda w, X, y: -X.T @ (y / (1 + np.exp(y * (X @ w)))),
                "that is the gradient of the sum; the loss is a mean.",
            ),
            (
                lambda w, X, y: -X.T @ (y * _sigmoid(y * (X @ w))) / len(y),
                "a sample that is right by a wide margin should count little, and here it counts most.",
            ),
            (
                lambda w, X, y: -X.T @ (1 / (1 + np.exp(y * (X @ w)))) / len(y),
                "the inner derivative of -y w·x with respect to w is -y x, and y is not always 1.",
            ),
            (
                lambda w, X, y: 0.0 * w,
                "with m = y w·x: the derivative of ln(1 + exp(-m)) by m first, then that of m by w, then the mean.",
            ),
        ],
    ),
    "logistic/largest step": Exercise(
        "Below which step is gradient descent on L certain to go downhill?",
        function(_safe_step, *_PENALISED),
        "a bound on the curvature is a guarantee for the step, before a single one is taken.",
        [
            (
                lambda X, penalty: 1 / (_largest(X) / (4 * len(X)) + penalty),
                "there the guaranteed gain is largest; asked for is where the guarantee ends.",
            ),
            (
                lambda X, penalty: 2 / (_largest(X) / len(X) + penalty),
                "safe, but too careful: how large can a (1 - a) become?",
            ),
            (
                lambda X, penalty: 2 / (_largest(X) / 4 + penalty),
                "the loss is a mean: by what is XᵀX divided?",
            ),
            (
                lambda X, penalty: 8 * len(X) / _largest(X),
                "the price on large weights has curvature as well.",
            ),
            (
                lambda X, penalty: 2 / penalty if penalty else 0.0,
                "find K, the largest curvature that the Hessian can have, and where 1 - K η / 2 becomes 0.",
            ),
        ],
    ),
    "logistic/sweeps": Exercise(
        "How many sweeps give the gradient by 1000 weights, in forward and in reverse mode?",
        value(lambda: (1000, 1)),
        "forward mode pays for inputs and reverse mode for outputs, and a loss is one output.",
        [
            ((1, 1000), "the other way round: which mode carries a direction in the space of the weights?"),
            ((1001, 1), "differences need one more, for the value; here each sweep has the value with it."),
            ((1000, 1000), "the loss is one number: how much does one reverse sweep bring back from it?"),
            (
                (1, 1),
                "a forward sweep gives the slope along one direction; how many directions make a gradient?",
            ),
        ],
    ),
}
