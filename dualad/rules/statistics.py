"""Statistics: reductions that pass over NaN, order statistics, averages, covariance."""

import numpy as np

from ..errors import KeywordError, error
from ..op import Tracer, composite, plainly, primal
from .contract import conjugated
from .examples import MASK, WIDER, arrays
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


_AXES = ((3, 2),), ((2, 3), {"axis": 1}), ((2, 3, 2), {"axis": (0, -1), "keepdims": True})
_SOME = (2, 3), {"axis": 1, "where": MASK, "initial": 0.5}
_HOLES = _holey(*_AXES, _SOME)
_SUMS = _holey(*_AXES, _SOME, ((3,), WIDER))
_LINE = _holey(((4,),), ((2, 3), {"axis": 1}), ((3,), WIDER))
_SPREAD = _holey(
    ((5,),),
    ((3, 3), {"axis": 0, "keepdims": True, "ddof": 1}),
    ((2, 3), {"axis": 1, "where": MASK, "correction": 0.5}),
    ((2, 3), {"axis": 1, "mean": np.array([[0.2], [-0.3]])}),
)


# passing over NaN: what is not there is replaced first, so that no NaN meets an adjoint
def _present(a, where=True):
    return np.logical_not(np.isnan(primal(a))) & primal(where)


@composite(np.nansum, examples=_SUMS)
def _nansum(a, axis=None, dtype=None, out=None, keepdims=False, initial=_MISSING, where=True):
    return np.sum(a, axis, dtype, out, keepdims, initial, _present(a, where))


@composite(np.nanprod, examples=_SUMS)
def _nanprod(a, axis=None, dtype=None, out=None, keepdims=False, initial=_MISSING, where=True):
    return np.prod(a, axis, dtype, out, keepdims, initial, _present(a, where))


@composite(np.nancumsum, examples=_LINE)
def _nancumsum(a, axis=None, dtype=None, out=None):
    return np.cumsum(np.where(_present(a), a, 0.0), axis, dtype, out)


@composite(np.nancumprod, examples=_LINE)
def _nancumprod(a, axis=None, dtype=None, out=None):
    return np.cumprod(np.where(_present(a), a, 1.0), axis, dtype, out)


@composite(np.nanmean, examples=_holey(*_AXES, ((3,), WIDER), ((2, 3), {"axis": 1, "where": MASK})))
def _nanmean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=True):
    return np.mean(a, axis, dtype, out, keepdims, where=_present(a, where))


@composite(np.nanvar, examples=_SPREAD)
def _nanvar(
    a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=_MISSING,
    correction=_MISSING,
):  # fmt: skip
    there = _present(a, where)
    # NumPy subtracts a given mean in the precision of the data.
    mean = None if mean is _MISSING else as_array(mean).astype(as_array(a).dtype)
    ddof = ddof if correction is _MISSING else correction
    return np.var(np.where(there, a, 0.0), axis, dtype, out, ddof, keepdims, where=there, mean=mean)


@composite(np.nanstd, examples=_SPREAD)
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
def _numpys_positions(q, counts, method):
    v = np.zeros((*np.shape(counts), np.size(q)))
    for n in np.unique(counts):  # NumPy takes the quantiles of the positions, by any method
        v[counts == n] = np.quantile(np.arange(n, dtype=float), q, method=method) if n else 0.0
    return v


_placed = plainly(_numpys_positions, "positions of quantiles")


def _positions(q, counts, method):
    """Where the quantiles lie among 0, 1, …, count - 1, on a last axis; NaN where nothing is counted."""
    if method == "linear":
        return q * (np.expand_dims(counts, -1) - 1)
    if isinstance(q, Tracer):
        raise error(
            KeywordError, f"quantiles by method={method!r} have no derivative in q", "method='linear'"
        )
    return _placed(q, counts, method)


def _numpys_choice(fn, a, q, axis, method, keepdims, weights):
    """Which elements of `a`, flat, are the quantiles by NumPy; -1 where that is a NaN."""
    values = np.ravel(a)
    order = np.argsort(values, kind="stable")
    ranks = np.full(values.shape, np.nan)
    ranks[order] = np.where(np.isnan(values[order]), np.nan, np.arange(values.size))
    found = fn(np.reshape(ranks, np.shape(a)), q, axis, method=method, keepdims=keepdims, weights=weights)
    return np.where(np.isnan(found), -1, order[np.where(np.isnan(found), 0, found).astype(int)])


_choice = plainly(_numpys_choice, "elements that are quantiles")


def _weighted_quantiles(fn, a, q, axis, method, keepdims, weights):
    """Each is one of the elements: NumPy finds its rank among all of them."""
    if isinstance(q, Tracer):
        raise error(
            KeywordError,
            "quantiles with weights= have no derivative in q",
            "leave weights= away, or primal(q)",
        )
    where = _choice(fn, a, q, axis, method, keepdims, weights)
    y = np.take(as_array(a), np.maximum(where, 0))
    return np.where(where < 0, np.nan, y) if np.any(where < 0) else y


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
        else np.asarray(q, np.real(a).dtype if np.ndim(q) == 0 else None)
    )
    if np.any((primal(q) < 0) | (primal(q) > 1)):
        raise ValueError("Quantiles must be in the range [0, 1]")
    v = _positions(np.reshape(q, -1), found if counted else np.full(np.shape(found), n), method)
    low = np.clip(np.floor(v), 0, n - 1).astype(int)
    low_value = np.take_along_axis(ordered, low, -1)
    high_value = np.take_along_axis(ordered, np.minimum(low + 1, n - 1), -1)
    t = v - low if method == "linear" else (v - low).astype(np.real(a).dtype)
    t = t.astype(np.result_type(np.real(a).dtype, q.dtype))
    between = primal(t) > 0  # an infinite neighbour that has no weight is left out
    y = low_value + t * np.where(between | isinstance(t, Tracer), high_value - low_value, 0.0)
    missing = found == 0 if counted else found < n
    if np.any(missing):
        y = np.where(np.expand_dims(missing, -1), np.nan, y)
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
        if divisor != 1:  # a Python number takes the precision of the data
            a = as_array(a)
            q = np.true_divide(q, a.dtype.type(divisor) if a.dtype.kind == "f" else divisor)
        if weights is not None:
            fn = np.nanquantile if counted else np.quantile
            return _weighted_quantiles(fn, a, q, axis, method, keepdims is True, weights)
        return _quantiles(a, q, axis, keepdims is True, method, counted)

    return quantile


_QUANTILE = arrays(
    ((5,), 0.3),
    ((5,), np.array([0.3, 0.55])),
    ((3, 4), 0.6, {"axis": 0}),
    ((2, 3, 2), {"q": 0.4, "axis": (0, 2), "keepdims": True}),
    ((6,), {"q": 0.35, "method": "hazen"}),
    ((6,), {"q": 0.3, "method": "lower"}),
    ((4,), {"q": [0.3, 0.9], "method": "inverted_cdf", "weights": [1.0, 2.0, 0.5, 0.0]}),
    (
        (2, 3),
        {"q": 0.5, "method": "inverted_cdf", "axis": 1, "weights": np.array([1, 2, 2]), "keepdims": True},
    ),
)
_FURTHER = (2, 3), {"q": 0.4, "axis": 1, "method": "weibull", "keepdims": True}
_WEIGHTED = (2, 3), {"q": 0.6, "axis": 1, "method": "inverted_cdf", "weights": 1.0 + np.eye(2, 3)}
_PERCENTILE = arrays(((5,), 30.0), ((3, 4), np.array([30.0, 55.0]), {"axis": 1}), _FURTHER, _WEIGHTED)
composite(np.quantile, examples=_QUANTILE)(_quantile_functions(1, False))
composite(np.percentile, examples=_PERCENTILE)(_quantile_functions(100, False))
composite(np.nanquantile, examples=_holey(((5,), 0.3), ((3, 4), 0.6, {"axis": 1}), _FURTHER, _WEIGHTED))(
    _quantile_functions(1, True)
)
composite(
    np.nanpercentile,
    examples=_holey(((5,), 30.0), ((3, 4), np.array([30.0, 55.0]), {"axis": 0}), _FURTHER, _WEIGHTED),
)(_quantile_functions(100, True))


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
        total = np.sum(w, axis, np.result_type(a.dtype, w.dtype), keepdims=keepdims)
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
        ((rng.normal(size=(2, 3)),), WIDER),
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
    return np.squeeze(np.matmul(x, np.transpose(conjugated(x if w is None else x * weighted))) / free)


def _variables(m, rowvar, dtype):
    m = np.atleast_2d(as_array(m))
    m = np.transpose(m) if not rowvar and np.shape(m)[0] != 1 else m
    return m.astype(np.result_type(m.dtype, np.float64) if dtype is None else dtype)


@composite(
    np.corrcoef, examples=arrays(((2, 4),), ((4,), (4,)), ((4, 3), {"rowvar": False}), ((2, 3), WIDER))
)
def _corrcoef(x, y=None, rowvar=True, *, dtype=None):
    c = _cov(x, y, rowvar, dtype=dtype)
    if np.ndim(c) == 0:
        return c / c
    spread = np.sqrt(np.diagonal(c))
    return c / spread[:, None] / spread[None, :]
