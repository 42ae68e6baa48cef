"""Statistics: reductions that pass over NaN, order statistics, averages, covariance, histograms."""

import numpy as np

from ..errors import KeywordError, error
from ..op import Tracer, composite, primal
from .calculus import double
from .examples import arrays
from .index import scatter_add
from .reduce import _no_out, every, root
from .shape import as_array

_MISSING = np._NoValue


def _holey(*calls):
    """Examples with a NaN among the numbers; the tests move only the numbers."""
    drawn = arrays(*calls)

    def cases(rng):
        found = drawn(rng)
        for (x, *_rest), _keywords in found:
            x.flat[1] = np.nan
        return found

    return cases


_HOLES = _holey(((3, 2),), ((2, 3), {"axis": 1}), ((2, 3, 2), {"axis": (0, -1), "keepdims": True}))
_LINE = _holey(((4,),), ((2, 3), {"axis": 1}))


# passing over NaN: what is not there is replaced first, so that no NaN meets an adjoint
def _present(a, where=True):
    return np.logical_not(np.isnan(primal(a))) & primal(where)


@composite(np.nansum, examples=_HOLES)
def _nansum(a, axis=None, dtype=None, out=None, keepdims=False, initial=_MISSING, where=True):
    return np.sum(a, axis, dtype, out, keepdims, initial, _present(a, where))


@composite(np.nanprod, examples=_HOLES)
def _nanprod(a, axis=None, dtype=None, out=None, keepdims=False, initial=_MISSING, where=True):
    return np.prod(a, axis, dtype, out, keepdims, initial, _present(a, where))


@composite(np.nancumsum, examples=_LINE)
def _nancumsum(a, axis=None, dtype=None, out=None):
    return np.cumsum(np.where(_present(a), a, 0.0), axis, dtype, out)


@composite(np.nancumprod, examples=_LINE)
def _nancumprod(a, axis=None, dtype=None, out=None):
    return np.cumprod(np.where(_present(a), a, 1.0), axis, dtype, out)


@composite(np.nanmean, examples=_HOLES)
def _nanmean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=True):
    return np.mean(a, axis, dtype, out, keepdims, where=_present(a, where))


@composite(np.nanvar, examples=_holey(((5,),), ((3, 3), {"axis": 0, "keepdims": True})))
def _nanvar(
    a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=_MISSING,
    correction=_MISSING,
):  # fmt: skip
    there = _present(a, where)
    mean, ddof = None if mean is _MISSING else mean, ddof if correction is _MISSING else correction
    return np.var(np.where(there, a, 0.0), axis, dtype, out, ddof, keepdims, where=there, mean=mean)


@composite(np.nanstd, examples=_holey(((5,),), ((3, 3), {"axis": 0, "ddof": 1})))
def _nanstd(
    a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=_MISSING,
    correction=_MISSING,
):  # fmt: skip
    return root(_nanvar(a, axis, dtype, out, ddof, keepdims, where=where, mean=mean, correction=correction))


def _nan_extremum(extremum, worst):
    def passing_over_nan(a, axis=None, out=None, keepdims=False, initial=_MISSING, where=True):
        _no_out(extremum, out)
        there, keepdims = _present(a, where), keepdims is True
        y = extremum(np.where(there, a, worst), axis, keepdims=keepdims, initial=initial)
        none = np.logical_not(np.any(there, axis=axis, keepdims=keepdims))
        return np.where(none, np.nan, y) if initial is _MISSING and np.any(none) else y

    return passing_over_nan


composite(np.nanmax, examples=_HOLES)(_nan_extremum(np.max, -np.inf))
composite(np.nanmin, examples=_HOLES)(_nan_extremum(np.min, np.inf))


# order statistics: weights on the stable permutation
def _positions(q, counts, method):
    """Where the quantiles lie among 0, 1, …, count - 1, on a last axis; NaN where nothing is counted."""
    if method == "linear":
        return q * (counts[..., None] - 1)
    if isinstance(q, Tracer):
        raise error(
            KeywordError, f"quantiles by method={method!r} have no derivative in q", "method='linear'"
        )
    v = np.zeros((*counts.shape, np.size(q)))
    for n in np.unique(counts):  # NumPy takes the quantiles of the positions, by any method
        v[counts == n] = np.quantile(np.arange(n, dtype=float), q, method=method) if n else 0.0
    return v


def _quantiles(a, q, axis, keepdims, method, counted):
    """Quantiles along `axis`; `counted` says that NaN is passed over, else one makes the result NaN."""
    a = as_array(a)
    axes, shape = every(axis, np.ndim(a)), np.shape(a)
    rest = tuple(k for k in range(len(shape)) if k not in axes)
    flat = np.reshape(np.transpose(a, rest + axes), (*(shape[k] for k in rest), -1))
    ordered = np.take_along_axis(flat, np.argsort(primal(flat), axis=-1, kind="stable"), -1)
    found = np.sum(np.logical_not(np.isnan(primal(ordered))), axis=-1)
    n = np.shape(flat)[-1]
    # A Python number takes the precision of the data, as in NumPy; an array has its own.
    q = (
        q
        if isinstance(q, (Tracer, np.ndarray, np.generic))
        else np.asarray(q, a.dtype if np.ndim(q) == 0 else None)
    )
    if np.any((primal(q) < 0) | (primal(q) > 1)):
        raise ValueError("Quantiles must be in the range [0, 1]")
    v = _positions(np.reshape(q, -1), found if counted else np.full(np.shape(found), n), method)
    low = np.clip(np.floor(v), 0, n - 1).astype(int)
    low_value = np.take_along_axis(ordered, low, -1)
    high_value = np.take_along_axis(ordered, np.minimum(low + 1, n - 1), -1)
    t = v - low if method == "linear" else (v - low).astype(a.dtype)
    t = t.astype(np.result_type(a.dtype, q.dtype))
    between = primal(t) > 0  # an infinite neighbour that has no weight is left out
    y = low_value + t * np.where(between | isinstance(t, Tracer), high_value - low_value, 0.0)
    missing = found == 0 if counted else found < n
    if np.any(missing):
        y = np.where(missing[..., None], np.nan, y)
    left = tuple(shape[k] for k in rest)
    y = np.reshape(np.moveaxis(y, -1, 0), (*np.shape(q), *left)) if np.ndim(q) else y[..., 0]
    if keepdims:
        y = np.reshape(y, (*np.shape(q), *(1 if k in axes else m for k, m in enumerate(shape))))
    return y


def _quantile_functions(divisor, counted):
    def quantile(
        a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *, weights=None
    ):
        _no_out(np.quantile, out)
        if weights is not None:
            raise error(KeywordError, "quantiles have no derivative rule for the keyword weights=")
        q = q if divisor == 1 else np.true_divide(q, divisor)
        return _quantiles(a, q, axis, keepdims is True, method, counted)

    return quantile


_QUANTILE = arrays(
    ((5,), 0.3),
    ((5,), np.array([0.3, 0.55])),
    ((3, 4), 0.6, {"axis": 0}),
    ((2, 3, 2), {"q": 0.4, "axis": (0, 2), "keepdims": True}),
    ((6,), {"q": 0.35, "method": "hazen"}),
    ((6,), {"q": 0.3, "method": "lower"}),
)
_PERCENTILE = arrays(((5,), 30.0), ((3, 4), np.array([30.0, 55.0]), {"axis": 1}))
composite(np.quantile, examples=_QUANTILE)(_quantile_functions(1, False))
composite(np.percentile, examples=_PERCENTILE)(_quantile_functions(100, False))
composite(np.nanquantile, examples=_holey(((5,), 0.3), ((3, 4), 0.6, {"axis": 1})))(
    _quantile_functions(1, True)
)
composite(np.nanpercentile, examples=_holey(((5,), 30.0), ((3, 4), np.array([30.0, 55.0]), {"axis": 0})))(
    _quantile_functions(100, True)
)


def _median_function(counted):
    def median(a, axis=None, out=None, overwrite_input=False, keepdims=False):
        _no_out(np.median, out)
        return _quantiles(a, 0.5, axis, keepdims is True, "linear", counted)

    return median


_MEDIAN = ((5,),), ((2, 4),), ((3, 4), {"axis": 1}), ((2, 3, 2), {"axis": (0, 2), "keepdims": True})
composite(np.median, examples=arrays(*_MEDIAN))(_median_function(False))
composite(np.nanmedian, examples=_holey(*_MEDIAN))(_median_function(True))


# averages and covariance
@composite(
    np.average,
    examples=lambda rng: [
        ((rng.normal(size=(2, 3)),), {}),
        ((rng.normal(size=4), None, rng.uniform(0.5, 2.0, 4)), {}),
        ((rng.normal(size=(2, 3)), 1, rng.uniform(0.5, 2.0, 3)), {"keepdims": True}),
        ((rng.normal(size=3), None, rng.uniform(0.5, 2.0, 3), True), {}),
    ],
)
def _average(a, axis=None, weights=None, returned=False, *, keepdims=False):
    a, keepdims = as_array(a), keepdims is True
    if weights is None:
        y = np.mean(a, axis, keepdims=keepdims)
        total = np.full(np.shape(y), np.size(a) / max(np.size(y), 1), a.dtype)[()]
    else:
        w = as_array(weights)
        if np.shape(w) != np.shape(a):
            axes = every(axis, np.ndim(a)) if axis is not None else ()
            if np.shape(w) != tuple(np.shape(a)[k] for k in axes) or axis is None:
                raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
            w = np.transpose(w, tuple(int(k) for k in np.argsort(axes)))
            w = np.reshape(w, tuple(m if k in axes else 1 for k, m in enumerate(np.shape(a))))
        total = np.sum(w, axis, keepdims=keepdims)
        if np.any(primal(total) == 0.0):
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
        y = np.sum(a * w, axis, keepdims=keepdims) / total
    return (y, np.broadcast_to(total, np.shape(y)) if np.ndim(y) else total) if returned else y


@composite(
    np.cov,
    examples=lambda rng: [
        ((rng.normal(size=(2, 4)),), {}),
        ((rng.normal(size=4), rng.normal(size=4)), {"bias": True}),
        ((rng.normal(size=(4, 2)),), {"rowvar": False, "aweights": np.array([1.0, 2.0, 0.5, 1.0])}),
        ((rng.normal(size=(2, 3)),), {"fweights": np.array([1, 2, 3]), "ddof": 0}),
    ],
)
def _cov(m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None, *, dtype=None):
    x = _variables(m, rowvar, dtype)
    if y is not None:
        x = np.concatenate([x, _variables(y, rowvar, dtype)], 0)
    ddof = (0 if bias else 1) if ddof is None else ddof
    w = fweights if aweights is None else aweights if fweights is None else fweights * as_array(aweights)
    if w is None:
        mean, weighted, free = np.mean(x, 1), x, np.shape(x)[1] - ddof
    else:
        total = np.sum(w)
        mean, weighted = np.sum(x * w, 1) / total, w
        free = total - ddof * (np.sum(w * as_array(aweights)) / total if aweights is not None else 1)
    if primal(free) <= 0:
        free = 0.0
    x = x - mean[:, None]
    return np.squeeze(np.matmul(x, np.transpose(x if w is None else x * weighted)) / free)


def _variables(m, rowvar, dtype):
    m = np.atleast_2d(as_array(m))
    m = np.transpose(m) if not rowvar and np.shape(m)[0] != 1 else m
    return m.astype(np.result_type(m.dtype, np.float64) if dtype is None else dtype)


@composite(np.corrcoef, examples=arrays(((2, 4),), ((4,), (4,)), ((4, 3), {"rowvar": False})))
def _corrcoef(x, y=None, rowvar=True, *, dtype=None):
    c = _cov(x, y, rowvar, dtype=dtype)
    if np.ndim(c) == 0:
        return c / c
    spread = np.sqrt(np.diagonal(c))
    return c / spread[:, None] / spread[None, :]


# counts: plain, but for what is weighed and where the bins lie
@composite(
    np.bincount,
    examples=lambda rng: [((np.array([0, 2, 2, 1]), rng.normal(size=4)), {"minlength": 5})],
)
def _bincount(x, /, weights=None, minlength=0):
    n = max(minlength, int(np.max(x, initial=-1)) + 1)
    return scatter_add(double("np.bincount", as_array(weights)), index=(np.array(x),), shape=(n,))


@composite(np.histogram_bin_edges, examples=arrays(((6,), 3), ((6,), 3, {"range": (-2.5, 2.5)})))
def _histogram_bin_edges(a, bins=10, range=None, weights=None):
    if isinstance(bins, str):
        raise error(KeywordError, f"histograms have no derivative rule for bins={bins!r}", "a number of bins")
    if np.ndim(bins) == 1:
        return bins
    if range is None:
        low, high = (np.min(a), np.max(a)) if np.size(a) else (0.0, 1.0)
    else:
        low, high = range
    if primal(low) == primal(high):
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, bins + 1).astype(np.result_type(low, high, a))


@composite(
    np.histogram, examples=arrays(((6,), 3, {"density": True}), ((6,), {"bins": 2, "density": True}), lo=-1.0)
)
def _histogram(a, bins=10, range=None, density=None, weights=None):
    edges = _histogram_bin_edges(a, bins, range)
    if isinstance(weights, Tracer):
        fix = "np.bincount(np.digitize(x, edges), weights), which has a rule"
        raise error(KeywordError, "np.histogram has no derivative rule for traced weights", fix)
    counts = np.histogram(primal(a), primal(edges), weights=weights)[0]
    if not density:
        return counts, edges
    return counts / np.diff(edges).astype(float) / np.sum(counts), edges
