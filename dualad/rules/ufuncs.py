"""What reductions and running results of ufuncs come to, where NumPy has no function of its own for them."""

import numpy as np

from ..op import general, linear, primal
from .batching import trailing
from .examples import arrays
from .index import scatter_add
from .reduce import kept

_REDUCED = arrays(((4,), {"axis": (0,)}), ((2, 3, 2), {"axis": (0, 2)}), ((2, 3), {"axis": ()}))


def _log_sum(ufunc, power):
    """np.logaddexp.reduce and its like: each element has its share in the sum of the powers."""

    def shares(x, axis):
        top = np.max(primal(x), axis=axis, keepdims=True)  # any shift will do: no derivative goes through it
        infinite = np.isinf(top)
        e = power(np.where(infinite, 0.0, x) - np.where(infinite, 0.0, top))
        e = e / np.sum(e, axis=axis, keepdims=True)
        if not np.any(infinite):
            return e
        equal = primal(x) == top  # the same infinity: equal shares, as of an extremum
        return np.where(infinite, equal / np.sum(equal, axis=axis, keepdims=True), e)

    return general(
        lambda x, axis: ufunc.reduce(x, axis=axis),
        lambda dx, y, x, axis: np.sum(dx * shares(x, axis), axis=axis),
        pulls=(lambda g, y, x, axis: np.reshape(g, kept(np.shape(x), axis)) * shares(x, axis),),
        name=f"np.{ufunc.__name__}.reduce",
        dispatches=False,
        depends="axis",
        examples=_REDUCED,
    )


log_sums = {ufunc: _log_sum(ufunc, e) for ufunc, e in ((np.logaddexp, np.exp), (np.logaddexp2, np.exp2))}


# running extrema: the values so far that tie share equally, as in np.max of them
def _push_running(dx, y, x, axis):
    dx, y, x = (np.moveaxis(v, axis, 0) for v in (dx, primal(y), primal(x)))
    if not np.size(x):
        return np.moveaxis(dx, 0, axis)
    hit = x == y
    new = np.concatenate([np.ones((1, *np.shape(y)[1:]), bool), y[1:] != y[:-1]])
    count = np.cumsum(hit, axis=0)  # of the values that tie with y, those before its run taken away
    steps = np.reshape(np.arange(len(y)), (-1,) + (1,) * (np.ndim(y) - 1))
    begin = np.maximum.accumulate(np.where(new, steps, 0), axis=0)
    count = count - np.take_along_axis(count - hit, begin, 0)
    with np.errstate(invalid="ignore"):  # there is no share in a NaN
        share = (hit / count).astype(dx.dtype)
    if np.max(count) <= 1:
        last = np.where(count == 0, steps, np.maximum.accumulate(np.where(hit, steps, 0), axis=0))
        dy = np.take_along_axis(dx, last, 0)
        return np.moveaxis(dy * np.where(count == 0, share, 1) if np.min(count) == 0 else dy, 0, axis)
    left = np.where(new, 0, 1 - share)
    dys = [dx[0] * share[0]]
    for k in range(1, len(y)):
        own = dx[k] * share[k]
        dys.append(np.where(new[k], own, dys[-1] * left[k] + own))
    return np.moveaxis(np.stack(dys), 0, axis)


def _running(ufunc):
    return general(
        lambda x, axis: ufunc.accumulate(x, axis=axis),
        lambda dx, y, x, axis: _push_running(dx, y, x, axis),
        name=f"np.{ufunc.__name__}.accumulate",
        dispatches=False,
        selects=True,
        depends="running",
        examples=lambda rng: [
            ((rng.normal(size=5),), {"axis": 0}),
            ((rng.normal(size=(3, 4)),), {"axis": 1}),
            ((rng.normal(size=(3, 1, 2)),), {"axis": 0}),
        ],
    )


running_extrema = {ufunc: _running(ufunc) for ufunc in (np.maximum, np.minimum, np.fmax, np.fmin)}


# sums of segments
def _segments(n, indices):
    """The positions that np.add.reduceat adds, and the segment that each belongs to."""
    starts = np.asarray(indices)
    lengths = np.maximum(np.append(starts[1:], n) - starts, 1)
    segment = np.repeat(np.arange(len(starts)), lengths)
    first = np.cumsum(lengths) - lengths  # where each segment begins in the list of all positions
    return np.arange(len(segment)) + (starts - first)[segment], segment


def _to_segments(g, x, indices, axis):
    positions, segment = _segments(np.shape(x)[axis], indices)
    lead = (slice(None),) * axis
    return scatter_add(g[(*lead, segment)], index=(*lead, positions), shape=np.shape(x))


segment_sums = linear(
    lambda x, indices, axis: np.add.reduceat(x, indices, axis=axis),
    _to_segments,
    name="np.add.reduceat",
    moves=True,
    selects=True,
    depends="axis",
    batch=trailing,
    examples=arrays(
        ((5,), {"indices": (0, 3, 1, 4), "axis": 0}), ((2, 4), {"indices": (2, 2, 3), "axis": 1})
    ),
)
