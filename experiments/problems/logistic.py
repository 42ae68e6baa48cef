"""Logistic regression with binary cross-entropy on the breast-cancer data that scikit-learn brings along."""

import numpy as np


def loss(w, X, y, xp=np):
    """Mean binary cross-entropy of the weights `w`; stable for logits of any size.

    -y log s(z) - (1 - y) log(1 - s(z)) is log(1 + e^z) - y z, which never overflows.
    """
    z = X @ w
    return xp.mean(xp.logaddexp(0.0, z) - y * z)


def breast_cancer(n, seed):
    """The 569 samples with `n` standardised features, and their labels.

    Up to 30 features are the data's own first ones. Beyond that they are repeated with a little noise, so
    that the problem grows while its data stay real and no two columns are equal.
    """
    from sklearn.datasets import load_breast_cancer

    X, y = load_breast_cancer(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    own = X.shape[1]
    wide = X[:, np.arange(n) % own]
    noise = 0.05 * np.random.default_rng(seed).standard_normal((len(X), max(n - own, 0)))
    wide[:, own:] += noise
    return wide, y.astype(float)


def drawn(samples, n, seed):
    """Weights, normal data and labels drawn with the probabilities of other weights."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((samples, n))
    y = rng.uniform(size=samples) < 1.0 / (1.0 + np.exp(-(X @ rng.standard_normal(n))))
    return 0.3 * rng.standard_normal(n), X, y.astype(float)
