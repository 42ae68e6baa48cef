"""A classifier of pictures: three dense layers, tanh between them, cross-entropy of the softmax at the end."""

from itertools import pairwise

import numpy as np

LAYERS = (784, 256, 128, 10)


def loss(layers, X, labels, xp=np):
    """Mean cross-entropy; `layers` is [W1, b1, W2, b2, W3, b3], `labels` has a row of ten for each picture."""
    z = X
    for i in range(0, len(layers), 2):
        z = z @ layers[i] + layers[i + 1]
        if i + 2 < len(layers):
            z = xp.tanh(z)
    z = z - xp.amax(z, axis=1, keepdims=True)
    normaliser = xp.log(xp.sum(xp.exp(z), axis=1))
    return xp.mean(normaliser - xp.sum(labels * z, axis=1))


def data(batch, seed):
    """Weights and biases, pictures of noise, and labels as unit vectors."""
    rng = np.random.default_rng(seed)
    layers = []
    for n, m in pairwise(LAYERS):
        layers += [rng.standard_normal((n, m)) / np.sqrt(n), 0.1 * rng.standard_normal(m)]
    labels = np.eye(LAYERS[-1])[rng.integers(0, LAYERS[-1], batch)]
    return layers, rng.standard_normal((batch, LAYERS[0])), labels


def direction(seed):
    """A direction in the space of the weights and biases."""
    rng = np.random.default_rng(seed + 1)
    return [rng.standard_normal(np.shape(layer)) for layer in data(1, seed)[0]]
