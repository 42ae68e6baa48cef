"""Fourier transforms in chains that end real, in both modes, for odd and even lengths, cropped and padded."""

import numpy as np
import pytest
from cases import generator

from dualad import check_grads, count, grad, hessian, hvp, jacobian, jvp, vjp

LENGTHS = [(m, n) for m in (6, 7) for n in (1, 2, 5, 6, 7, 10, 11)]
MODES = ("auto", "forward", "reverse")
lengths = pytest.mark.parametrize(("m", "n"), LENGTHS)


def signal(m):
    return generator("signal", m).normal(size=m)


def spectrum(m):
    return signal(m) + 1j * generator("imaginary", m).normal(size=m)


def cropped(x, n):
    """`x` with zeros from position `n` on."""
    return np.where(np.arange(len(x)) < n, x, 0.0)


# spectra: by Parseval's theorem the energy is n times that of what was transformed
@lengths
def test_energy_of_a_spectrum(m, n):
    for x in (signal(m), spectrum(m)):
        f = lambda x: np.sum(np.abs(np.fft.fft(x, n)) ** 2)  # noqa: E731
        np.testing.assert_allclose(grad(f)(x), 2 * n * cropped(x, n), rtol=1e-13, atol=1e-13)
        np.testing.assert_allclose(jacobian(f, mode="forward")(x), grad(f)(x), rtol=1e-13, atol=1e-13)
        np.testing.assert_allclose(hvp(f, x, x), 2 * n * cropped(x, n), rtol=1e-13, atol=1e-13)
        unitary = grad(lambda x: np.sum(np.abs(np.fft.ifft(x, n, norm="ortho")) ** 2))(x)
        np.testing.assert_allclose(unitary, 2 * cropped(x, n), rtol=1e-13, atol=1e-13)


@lengths
def test_half_spectra_are_half_of_the_whole(m, n):
    x = signal(m)
    weights = generator("weights", n).normal(size=n // 2 + 1)

    def power(transform):
        return lambda x: np.sum(weights * np.abs(transform(x)[: n // 2 + 1]) ** 3)

    half = power(lambda x: np.fft.rfft(x, n))
    whole = power(lambda x: np.fft.fft(x, n))
    np.testing.assert_allclose(grad(half)(x), grad(whole)(x), rtol=1e-12, atol=1e-12)
    for mode in ("forward-over-reverse", "reverse-over-forward", "reverse-over-reverse"):
        found, expected = hessian(half, mode=mode)(x), hessian(whole)(x)
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10 * np.abs(expected).max())


@lengths
def test_real_signals_from_half_spectra(m, n):
    z = spectrum(m)
    for transform, sign in ((np.fft.irfft, 1), (np.fft.hfft, -1)):
        f = lambda z, transform=transform: transform(z, n)  # noqa: E731
        # Column k is what the unit at k gives, and i times what i at k gives.
        expected = np.stack([f(e) + 1j * f(1j * e) for e in np.eye(m)], axis=1)
        for mode in MODES:
            np.testing.assert_allclose(jacobian(f, mode=mode)(z), expected, atol=1e-14 * n)
        # The mean and the highest frequency of an even length are real: nothing depends on imaginary parts there.
        assert not np.any(expected[:, 0].imag)
        assert n % 2 or m <= n // 2 or not np.any(expected[:, n // 2].imag)
        assert n == 1 or np.sign(expected[1, 1].imag) in (0, -sign)


@lengths
def test_jacobians_of_transforms_are_their_matrices(m, n):
    x, z = signal(m), spectrum(m)
    for transform in (np.fft.fft, np.fft.ifft, np.fft.rfft, np.fft.ihfft):
        f = lambda x, transform=transform: transform(x, n)  # noqa: E731
        expected = np.stack([f(e) for e in np.eye(m)], axis=1)
        for mode in MODES:
            np.testing.assert_allclose(jacobian(f, mode=mode)(x), expected, atol=1e-14 * n)
            if transform in (np.fft.fft, np.fft.ifft):
                found = jacobian(f, mode=mode, holomorphic=True)(z)
                np.testing.assert_allclose(found, expected, atol=1e-14 * n)


# what transforms are used for
@pytest.mark.parametrize("n", [7, 8])
def test_spectral_derivatives(n):
    k = np.fft.fftfreq(n, 1 / n) * (np.arange(n) != n / 2)  # the highest frequency of an even length has none
    half = np.fft.rfftfreq(n, 1 / n) * (np.arange(n // 2 + 1) != n / 2)
    x = signal(n)
    whole = lambda x: np.real(np.fft.ifft(1j * k * np.fft.fft(x)))  # noqa: E731
    real = lambda x: np.fft.irfft(1j * half * np.fft.rfft(x), n)  # noqa: E731
    expected = np.stack([whole(e) for e in np.eye(n)], axis=1)
    np.testing.assert_allclose(expected, -expected.T, atol=1e-14)
    for f in (whole, real):
        for mode in MODES:
            np.testing.assert_allclose(jacobian(f, mode=mode)(x), expected, atol=1e-14)
        np.testing.assert_allclose(jvp(f, (x,), (x,))[1], f(x), atol=1e-14)
        np.testing.assert_allclose(vjp(f, x)[1](x)[0], -f(x), atol=1e-14)


@pytest.mark.parametrize(("m", "n"), [(5, 4), (6, 3)])
def test_convolution_by_transforms(m, n):
    a, b, size = signal(m), signal(n), m + n - 1

    def fast(a, b):
        return np.fft.irfft(np.fft.rfft(a, size) * np.fft.rfft(b, size), size)

    def slow(a, b):
        return np.convolve(a, b)

    for mode in MODES:
        for x, y in zip(jacobian(fast, (0, 1), mode=mode)(a, b), jacobian(slow, (0, 1))(a, b), strict=True):
            np.testing.assert_allclose(x, y, atol=1e-14)
    check_grads(lambda a, b: np.exp(fast(a, b)), (a, b))


def test_fields_in_several_dimensions():
    x = signal(60).reshape(4, 3, 5)
    k = np.sum(np.square(np.meshgrid(*map(np.fft.fftfreq, x.shape), indexing="ij")), axis=0)

    def smoothed(x):
        return np.real(np.fft.ifftn(np.exp(-k) * np.fft.fftn(x)))

    def smoothed_by_halves(x):
        return np.fft.irfftn(np.exp(-k[..., :3]) * np.fft.rfftn(x), x.shape, axes=(0, 1, 2))

    # A symmetric filter is its own transpose.
    for f in (smoothed, smoothed_by_halves):
        g = grad(lambda x, f=f: np.sum(f(x) ** 2) / 2)(x)
        np.testing.assert_allclose(g, smoothed(smoothed(x)), rtol=1e-12)


# types, costs, errors
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
def test_precision_is_kept(dtype):
    x = signal(5).astype(dtype)

    def f(x):
        y = np.fft.irfft(np.fft.rfft(x), 8)
        assert y.dtype == x.dtype
        return np.sum(np.abs(np.fft.fft(y, norm="ortho")) ** 2)

    g = grad(f)(x)
    assert g.dtype == dtype
    np.testing.assert_allclose(g, grad(f)(x.astype(float)), rtol=10 * np.finfo(np.float32).eps)


def test_costs():
    x = np.ones((3, 8))
    assert count(np.fft.fft)(x).operations == 3 * 5 * 8 * 3
    assert count(np.fft.rfft)(x).operations == 3 * 60
    assert count(np.fft.fft2)(x).operations == 3 * 5 * 8 * 3 + 8 * int(5 * 3 * np.log2(3))


@pytest.mark.parametrize(
    ("f", "kind"),
    [
        (lambda x: np.fft.fft(x, 0), ValueError),
        (lambda x: np.fft.irfft(x[:1]), ValueError),
        (lambda x: np.fft.fft(x, norm="unit"), ValueError),
        (lambda x: np.fft.hfft(x, norm="unit"), ValueError),
        (lambda x: np.fft.fft(x, axis=1), ValueError),
        (lambda x: np.fft.fftn(x, (2, 3), (0,)), ValueError),
        (lambda x: np.fft.rfft(1j * x), TypeError),
        (lambda x: np.fft.fft(x[0]), ValueError),
    ],
)
def test_errors_are_those_of_numpy(f, kind):
    x = signal(4)
    for run in (lambda: jvp(f, (x,), (x,)), lambda: vjp(f, x)):
        with pytest.raises(kind):
            run()
    with pytest.raises((kind, IndexError)):
        f(x)
