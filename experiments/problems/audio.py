"""A classifier of sounds: generated waveforms, their spectra in learnt bands, and a linear layer on top.

The window of the Fourier transform is learnt, too, so that derivatives pass through the transform.
"""

import numpy as np

from experiments.problems.digits import cross_entropy

CLASSES = ("tone", "octave", "chirp", "noise")
RATE, FRAME, FRAMES, BANDS = 4000.0, 128, 4, 12
WINDOW = 3  # coefficients of a sum of cosines


def size():
    return WINDOW + 2 * BANDS + (BANDS + 1) * len(CLASSES)


def parts(p):
    """Window, centres and widths of the bands, weights with biases below them."""
    a, b, c = WINDOW, WINDOW + BANDS, WINDOW + 2 * BANDS
    return p[:a], p[a:b], p[b:c], np.reshape(p[c:], (BANDS + 1, len(CLASSES)))


def features(p, X):
    """Logarithms of the energy in each band, averaged over the frames of every waveform."""
    window, centres, widths, _ = parts(p)
    cosines = np.cos(2.0 * np.pi * np.outer(np.arange(WINDOW), np.arange(FRAME)) / FRAME)
    frames = np.reshape(X, (len(X), FRAMES, FRAME)) * (window @ cosines)
    spectrum = np.fft.rfft(frames)
    power = np.mean(spectrum.real**2 + spectrum.imag**2, axis=1) / FRAME
    places = np.linspace(0.0, 1.0, FRAME // 2 + 1)
    bands = np.exp(-(((places[:, None] - centres) * np.exp(widths)) ** 2))
    return np.log(power @ bands + 1e-3)


def scores(p, X):
    weights = parts(p)[3]
    return features(p, X) @ weights[:-1] + weights[-1]


def loss(p, X, labels):
    return cross_entropy(scores(p, X), labels)


def waveforms(samples, seed):
    """That many waveforms, a quarter of each kind, in noise, and the numbers of their kinds."""
    rng = np.random.default_rng(seed)
    times = np.arange(FRAME * FRAMES) / RATE
    kinds = np.arange(samples) % len(CLASSES)
    sounds = []
    for kind in kinds:
        pitch, loud = rng.uniform(200.0, 700.0), rng.uniform(0.5, 1.5)
        turn = 2.0 * np.pi * (pitch * times + rng.uniform())
        clean = (
            np.sin(turn),
            np.sin(turn) + np.sin(2.0 * turn),
            np.sin(turn + 2.0 * np.pi * 4000.0 * times**2),
            rng.standard_normal(len(times)),
        )[kind]
        sounds.append(loud * clean + 0.2 * rng.standard_normal(len(times)))
    return np.array(sounds), kinds


def data(samples, seed):
    """Parameters to begin with, waveforms and labels as unit vectors: Hann's window, bands in a row."""
    X, kinds = waveforms(samples, seed)
    rng = np.random.default_rng(seed + 1)
    layer = 0.1 * rng.standard_normal((BANDS + 1, len(CLASSES)))
    bands = np.linspace(0.05, 0.95, BANDS), np.full(BANDS, np.log(BANDS))
    p = np.concatenate([np.array([0.5, -0.5, 0.0]), *bands, layer.ravel()])
    order = rng.permutation(samples)
    return p, X[order], np.eye(len(CLASSES))[kinds[order]]
