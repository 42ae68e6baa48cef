"""np.fft: discrete Fourier transforms (Cooley and Tukey 1965), linear, so that their transposes are all they need.

The matrix of a complex transform is symmetric, and so its own transpose, but for what was cropped or padded.
A real signal's spectrum mirrors itself, of which rfft and irfft keep one half: in their transposes, each of which is
the other one's kin, the frequencies that stand for a mirrored pair count half or twice.
"""

import math
import operator

import numpy as np

from ..op import composite, linear
from .batching import trailing
from .contract import conjugated
from .examples import arrays, complexes
from .index import scatter_add
from .shape import as_array, axis_index


def _fit(z, m, axis):
    """The adjoint of cropping or padding `m` elements along `axis` to as many as `z` has."""
    n, before = np.shape(z)[axis], (slice(None),) * axis
    if m <= n:
        return z if m == n else z[(*before, slice(m))]
    return scatter_add(z, index=(*before, slice(n)), shape=(*z.shape[:axis], m, *z.shape[axis + 1 :]))


def _weighted(z, n, axis, pair):
    """`z`, half of the spectrum of `n` real numbers, times `pair` where it stands for a mirrored pair."""
    weights = np.ones((n // 2 + 1, *(1,) * (np.ndim(z) - 1 - axis)), np.finfo(z.dtype).dtype)
    weights[1 : (n + 1) // 2] = pair  # all but the mean and, for an even n, the highest frequency
    return z * weights


def _cost(factor):
    """Operations of `factor` n log₂ n for each transform (the count of the split-radix method, rounded up)."""
    return lambda y, x, n, axis, norm: (
        int(factor * n * math.log2(n)) * math.prod(m for k, m in enumerate(np.shape(x)) if k != axis)
    )


def _keywords(n, axis=0, norm="backward"):
    return {"n": n, "axis": axis, "norm": norm}


# primitives, along one axis counted from the left
_WHOLE = (((4,), _keywords(4)), ((3, 2), _keywords(5, 0, "ortho")), ((2, 6), _keywords(3, 1, "forward")))
_HALF = (((3,), _keywords(4)), ((3, 2), _keywords(5, 0, "ortho")), ((2, 6), _keywords(6, 1, "forward")))


def _own_transpose(transform):
    """A transform whose matrix is symmetric: the adjoint is the transform itself, up to what it crops or pads."""
    return linear(
        lambda x, n, axis, norm: transform(x, n, axis, norm),
        lambda g, x, n, axis, norm: _fit(transform(g, n, axis, norm), x.shape[axis], axis),
        name=transform.__name__,
        batch=trailing,
        depends="axis",
        cost=_cost(5),
        examples=lambda rng: [*arrays(*_WHOLE)(rng), *complexes(*_WHOLE)(rng)],
    )


fft, ifft = _own_transpose(np.fft.fft), _own_transpose(np.fft.ifft)
rfft = linear(
    lambda x, n, axis, norm: np.fft.rfft(x, n, axis, norm),
    lambda g, x, n, axis, norm: _fit(
        np.fft.hfft(_weighted(g, n, axis, 0.5), n, axis, norm), x.shape[axis], axis
    ),
    name="rfft",
    batch=trailing,
    depends="axis",
    cost=_cost(2.5),
    examples=arrays(*_WHOLE, ((3,), _keywords(1)), ((1,), _keywords(2))),
)
irfft = linear(
    lambda z, n, axis, norm: np.fft.irfft(z, n, axis, norm),
    lambda g, z, n, axis, norm: _fit(
        _weighted(np.fft.ihfft(g, n, axis, norm), n, axis, 2), z.shape[axis], axis
    ),
    name="irfft",
    batch=trailing,
    depends="axis",
    cost=_cost(2.5),
    examples=lambda rng: [
        *arrays(*_HALF)(rng),
        *complexes(*_HALF, ((3,), _keywords(1)), ((1,), _keywords(2)))(rng),
    ],
)


# NumPy's names
def _along_axis(transform, half=False):
    """A transform of NumPy's over its primitive; `half`: of half a spectrum, to 2 (m - 1) values unless said."""

    def transformed(a, n=None, axis=-1, norm=None):
        a = as_array(a)
        axis = axis_index(axis, np.ndim(a))
        m = np.shape(a)[axis]
        n = (2 * (m - 1) if half else m) if n is None else operator.index(n)
        return transform(a, n=n, axis=axis, norm=norm or "backward")

    return transformed


_CALLS = (
    ((5,),),
    ((4,), {"n": 3}),
    ((3,), {"n": 6, "norm": "ortho"}),
    ((3, 4), {"axis": 0, "norm": "forward"}),
)


def _both(*calls):
    return lambda rng: [*arrays(*calls)(rng), *complexes(*calls)(rng)]


_fft = composite(np.fft.fft, examples=_both(*_CALLS))(_along_axis(fft))
_ifft = composite(np.fft.ifft, examples=_both(*_CALLS))(_along_axis(ifft))
_rfft = composite(np.fft.rfft, examples=arrays(*_CALLS))(_along_axis(rfft))
_irfft = composite(np.fft.irfft, examples=_both(*_CALLS))(_along_axis(irfft, half=True))


def _opposite(norm):
    """The norm of the other direction, which scales as this one does in its own."""
    opposites = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}
    if norm not in opposites:
        raise ValueError(f'Invalid norm value {norm}; should be "backward", "ortho" or "forward".')
    return opposites[norm]


@composite(np.fft.hfft, examples=_both(*_CALLS))
def _hfft(a, n=None, axis=-1, norm=None):
    return _irfft(conjugated(as_array(a)), n, axis, _opposite(norm))


@composite(np.fft.ihfft, examples=arrays(*_CALLS))
def _ihfft(a, n=None, axis=-1, norm=None):
    return np.conjugate(_rfft(a, n, axis, _opposite(norm)))


def _lengths(a, s, axes, half=False):
    """The axes to transform along and the length on each, as NumPy completes them: (length, axis) pairs."""
    shape = np.shape(a)
    if axes is None:
        axes = range(-len(shape if s is None else s), 0)
    axes = [axis_index(operator.index(k), len(shape)) for k in axes]
    lengths = [shape[k] for k in axes] if s is None else list(s)
    if len(lengths) != len(axes):
        raise ValueError("Shape and axes have different lengths.")
    if half and s is None:
        lengths[-1] = 2 * (shape[axes[-1]] - 1)
    return [(shape[k] if n == -1 else n, k) for n, k in zip(lengths, axes, strict=True)]


# The order of the axes is NumPy's, which decides how results round.
def _over_axes(along, default):
    def transformed(a, s=None, axes=default, norm=None):
        a = as_array(a)
        for n, k in _lengths(a, s, axes)[::-1]:
            a = along(a, n, k, norm)
        return a

    return transformed


def _real_over_axes(default):
    def transformed(a, s=None, axes=default, norm=None):
        *others, (n, k) = _lengths(as_array(a), s, axes)
        a = _rfft(a, n, k, norm)
        for n, k in others[::-1]:
            a = _fft(a, n, k, norm)
        return a

    return transformed


def _to_real_over_axes(default):
    def transformed(a, s=None, axes=default, norm=None):
        *others, (last, axis) = _lengths(as_array(a), s, axes, half=True)
        for n, k in others:
            a = _ifft(a, n, k, norm)
        return _irfft(a, last, axis, norm)

    return transformed


_PLANES = (((2, 3),), ((3, 4), {"s": (4, 3)}), ((3, 2, 4), {"axes": (2, 0), "norm": "ortho"}))
_CUBES = (*_PLANES[:1], ((2, 3, 4),), ((2, 3, 3), {"s": (3, -1), "axes": (0, 2), "norm": "forward"}))
_LAST_TWO = (-2, -1)
composite(np.fft.fft2, examples=_both(*_PLANES))(_over_axes(_fft, _LAST_TWO))
composite(np.fft.fftn, examples=_both(*_CUBES))(_over_axes(_fft, None))
composite(np.fft.ifft2, examples=_both(*_PLANES))(_over_axes(_ifft, _LAST_TWO))
composite(np.fft.ifftn, examples=_both(*_CUBES))(_over_axes(_ifft, None))
composite(np.fft.rfft2, examples=arrays(*_PLANES))(_real_over_axes(_LAST_TWO))
composite(np.fft.rfftn, examples=arrays(*_CUBES))(_real_over_axes(None))
composite(np.fft.irfft2, examples=_both(*_PLANES))(_to_real_over_axes(_LAST_TWO))
composite(np.fft.irfftn, examples=_both(*_CUBES))(_to_real_over_axes(None))
