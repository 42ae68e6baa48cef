"""Logistic regression with binary cross-entropy on the breast-cancer data that scikit-learn brings along."""

import numpy as np


def loss(w, X, y):
    """Mean binary cross-entropy of the weights `w`; stable for logits of any size.

    -y log s(z) - (1 - y) log(1 - s(z)) is log(1 + e^z) - y z, which never overflows.
    """
    z = X @ w
    return np.mean(np.logaddexp(0.0, z) - y * z)


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
