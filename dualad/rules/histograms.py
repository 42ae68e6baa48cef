"""Histograms: the counts are plain; what is weighed, the density and the edges have derivatives."""

import math
import operator

import numpy as np

from ..errors import DtypeError, KeywordError, error
from ..op import Tracer, composite, is_complex, plainly, primal
from .calculus import double
from .examples import arrays
from .index import scatter_add, spread
from .shape import as_array


@composite(
    np.bincount,
    examples=lambda rng: [((np.array([0, 2, 2, 1]), rng.normal(size=4)), {"minlength": 5})],
)
def _bincount(x, /, weights=None, minlength=0):
    n = max(minlength, int(np.max(x, initial=-1)) + 1)
    return scatter_add(double("np.bincount", as_array(weights)), index=(np.array(x),), shape=(n,))


def _edges(a, bins, range):
    if is_complex(a):
        raise error(
            DtypeError, "histograms have no derivative rule for complex values", "np.real(z), or np.abs(z)"
        )
    if isinstance(bins, str):
        raise error(KeywordError, f"histograms have no derivative rule for bins={bins!r}", "a number of bins")
    if np.ndim(bins) == 1:
        return as_array(bins)
    if bins < 1:
        raise ValueError("`bins` must be positive, when an integer")
    if range is None:
        low, high = (np.min(a), np.max(a)) if np.size(a) else (0.0, 1.0)
    else:
        low, high = range
    if primal(low) == primal(high):
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, bins + 1)


@composite(
    np.histogram_bin_edges,
    examples=arrays(((6,), 3), ((4,), 3, {"range": (-2.5, 2.5), "weights": np.arange(1.0, 5.0)})),
)
def _histogram_bin_edges(a, bins=10, range=None, weights=None):
    edges = _edges(a, bins, range)
    if np.ndim(bins):
        return edges
    return edges.astype(np.result_type(*((edges,) if range is None else range), a))


def _numpys(*arguments, weights):
    columns, bounds = arguments[: len(arguments) // 2], arguments[len(arguments) // 2 :]
    if len(columns) == 1:
        return np.histogram(*columns, *bounds, weights=weights)[0]
    return np.histogramdd(columns, bounds, weights=weights)[0]


_counted = plainly(_numpys, "counts in bins")


def _counts(sample, edges, weights):
    """How much of the columns of `sample` lies in each box of a grid; `weights` may be traced."""
    columns = [np.ravel(primal(x)) for x in sample]
    bounds = [as_array(primal(e)) for e in edges]
    if not isinstance(weights, Tracer):
        return _counted(*columns, *bounds, weights=weights)
    shape, where, inside = tuple(len(e) - 1 for e in bounds), 0, True
    for x, e, n in zip(columns, bounds, shape, strict=True):
        k = np.searchsorted(e, x, side="right") - 1
        k = np.where(x == e[-1], n - 1, k)  # the last bin is closed
        inside = inside & (k >= 0) & (k < n)
        where = where * n + k
    counts = spread(
        np.where(inside, np.ravel(weights), 0.0), np.where(inside, where, 0), shape=(math.prod(shape),)
    )
    return np.reshape(counts, shape)


def _histogram_of(sample, edges, density, weights):
    """Counts, or densities, of columns, each with its own edges."""
    if weights is not None and np.shape(weights) != np.shape(sample[0]):
        raise ValueError("weights should have the same shape as a.")
    for e in edges:
        if not np.all(primal(e)[:-1] <= primal(e)[1:]):
            raise ValueError("bins must increase monotonically")
    counts = _counts(sample, edges, weights)
    if density:
        total = np.sum(counts)
        for axis, e in enumerate(edges):
            width = np.diff(e)
            counts = counts / np.reshape(width, tuple(-1 if k == axis else 1 for k in range(len(edges))))
        counts = counts / total
    return counts


@composite(
    np.histogram,
    examples=lambda rng: [
        *arrays(((6,), 3, {"density": True}), ((6,), {"bins": 2, "density": True}), lo=-1.0)(rng),
        *[
            ((np.arange(6.0), 3, (0.5, 4.5), density, rng.uniform(0.5, 2.0, 6)), {})
            for density in (True, False)
        ],
    ],
)
def _histogram(a, bins=10, range=None, density=None, weights=None):
    a = as_array(a)
    edges = _histogram_bin_edges(a, bins, range)
    return _histogram_of([a], [edges.astype(float) if density else edges], density, weights), edges


def _per_axis(value, n):
    """`value` for each of `n` axes: a number of bins for all of them, or a sequence."""
    try:
        return [operator.index(value)] * n
    except TypeError:
        value = list(value)
    if len(value) != n:
        raise ValueError("The dimension of bins must be equal to the dimension of the sample x.")
    return value


@composite(
    np.histogramdd,
    examples=lambda rng: [
        ((rng.normal(size=(7, 2)),), {"bins": 2, "density": True}),
        (([np.array([0.0, 1.0, 4.0]), np.array([2.0, -3.0, 0.1])],), {"bins": [2, 3]}),
        ((rng.normal(size=(4, 3)), (1, 2, 3)), {"range": [(-3.0, 3.0), None, (-2.0, 2.5)], "density": True}),
        ((rng.normal(size=(4, 2)), 2, None, False, rng.uniform(0.5, 2.0, 4)), {}),
    ],
)
def _histogramdd(sample, bins=10, range=None, density=None, weights=None):
    columns = (
        [as_array(x) for x in sample]
        if isinstance(sample, (list, tuple))
        else list(np.moveaxis(sample if np.ndim(sample) == 2 else np.atleast_2d(sample).T, 1, 0))
    )
    n = len(columns)
    ranges = [None] * n if range is None else list(range)
    if len(ranges) != n:
        raise ValueError("range argument must have one entry per dimension")
    weights = weights if weights is None else double("np.histogramdd", as_array(weights))
    edges = tuple(_edges(x, b, r) for x, b, r in zip(columns, _per_axis(bins, n), ranges, strict=True))
    counts = _histogram_of(columns, edges, density, weights)
    return counts if density else counts.astype(float), edges


@composite(
    np.histogram2d,
    examples=lambda rng: [
        ((rng.normal(size=6), rng.normal(size=6)), {"bins": 2, "density": True}),
        ((rng.normal(size=6), rng.normal(size=6), [2, np.array([-3.0, 0.1, 3.0])]), {}),
        ((rng.normal(size=6), rng.normal(size=6), 3, None, None, rng.uniform(0.5, 2.0, 6)), {}),
    ],
)
def _histogram2d(x, y, bins=10, range=None, density=None, weights=None):
    if len(x) != len(y):
        raise ValueError("x and y must have the same length.")
    if np.iterable(bins) and len(bins) not in (1, 2):
        bins = [bins, bins]
    counts, (a, b) = _histogramdd([x, y], bins, range, density, weights)
    return counts, a, b
