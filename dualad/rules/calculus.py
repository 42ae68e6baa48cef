"""Differences, integrals, interpolation and convolution of sampled functions."""

import math

import numpy as np

from ..errors import DtypeError, error
from ..op import composite, multilinear, plainly, primal
from .contract import conjugated
from .examples import arrays
from .reduce import _diff
from .shape import as_array, axis_index, axis_tuple


def _increasing(rng, n):
    return np.cumsum(rng.uniform(0.5, 1.5, n))


def double(name, x):
    """`x` in double precision, in which alone NumPy computes what is called `name`."""
    dtype = getattr(x, "dtype", np.dtype(float))
    if dtype.itemsize > 8:
        raise error(DtypeError, f"{name} computes in float64, not in {dtype}", f"{name}(x.astype(float), …)")
    return x if dtype.itemsize == 8 else x.astype(float)


def _along(v, axis, ndim):
    """A vector, laid along one axis of `ndim`."""
    return np.reshape(v, tuple(-1 if k == axis else 1 for k in range(ndim)))


def _part(a, axis, *bounds):
    return a[(slice(None),) * axis + (slice(*bounds),)]


@composite(
    np.trapezoid,
    examples=arrays(
        ((4,),), ((2, 3), {"dx": 0.5, "axis": 0}), ((4,), (4,)), ((2, 3), (3,)), ((2, 3), (2, 3))
    ),
)
def _trapezoid(y, x=None, dx=1.0, axis=-1):
    y = as_array(y)
    axis = axis_index(axis, np.ndim(y))
    if x is None:
        d = dx
    else:
        x = as_array(x)
        d = _along(_diff(x), axis, np.ndim(y)) if np.ndim(x) == 1 else _diff(x, 1, axis - np.ndim(y))
    return np.sum(d * (_part(y, axis, 1, None) + _part(y, axis, None, -1)) / 2.0, axis)


@composite(
    np.gradient,
    examples=lambda rng: [
        ((rng.normal(size=4),), {}),
        ((rng.normal(size=4), 0.5), {}),
        ((rng.normal(size=5), _increasing(rng, 5)), {"edge_order": 2}),
        ((rng.normal(size=5),), {"edge_order": 2}),
        ((rng.normal(size=(3, 4)),), {}),
        ((rng.normal(size=(3, 4)), 0.5, _increasing(rng, 4)), {}),
        ((rng.normal(size=(3, 4)), _increasing(rng, 4)), {"axis": 1}),
    ],
)
def _gradient(f, *varargs, axis=None, edge_order=1):
    f = as_array(f)
    n = np.ndim(f)
    axes = tuple(range(n)) if axis is None else axis_tuple(axis, n)
    spaces = varargs or (1.0,)
    spaces = spaces * len(axes) if len(spaces) == 1 else spaces
    if len(spaces) != len(axes):
        raise TypeError("invalid number of arguments")
    if edge_order not in (1, 2) or any(np.shape(f)[k] < edge_order + 1 for k in axes):
        raise ValueError("edge_order is 1 or 2, and needs as many elements and one more")
    slopes = tuple(_slope(f, h, k, edge_order) for h, k in zip(spaces, axes, strict=True))
    return slopes[0] if len(axes) == 1 else slopes


def _slope(f, h, axis, edge_order):
    n, rank = np.shape(f)[axis], np.ndim(f)
    at = lambda k: _part(f, axis, k, k + 1)
    step = _diff(as_array(h)) if np.ndim(h) else None
    if step is None:
        inner = (_part(f, axis, 2, None) - _part(f, axis, None, -2)) / (2.0 * h)
        if edge_order == 2:
            first = (-1.5 / h) * at(0) + (2.0 / h) * at(1) + (-0.5 / h) * at(2)
            final = (0.5 / h) * at(n - 3) + (-2.0 / h) * at(n - 2) + (1.5 / h) * at(n - 1)
        else:
            first, final = (at(1) - at(0)) / h, (at(n - 1) - at(n - 2)) / h
        return np.concatenate([first, inner, final], axis)
    if np.shape(step) != (n - 1,):
        raise ValueError("when 1d, distances must match the length of the corresponding dimension")
    a, b = _along(step[:-1], axis, rank), _along(step[1:], axis, rank)
    inner = (
        (-b / (a * (a + b))) * _part(f, axis, None, -2)
        + ((b - a) / (a * b)) * _part(f, axis, 1, -1)
        + (a / (b * (a + b))) * _part(f, axis, 2, None)
    )
    if edge_order == 1:
        first, final = (at(1) - at(0)) / step[0], (at(n - 1) - at(n - 2)) / step[-1]
    else:
        s, t = step[0], step[1]
        first = (
            (-(2.0 * s + t) / (s * (s + t))) * at(0)
            + ((s + t) / (s * t)) * at(1)
            + (-s / (t * (s + t))) * at(2)
        )
        s, t = step[-2], step[-1]
        final = (
            (t / (s * (s + t))) * at(n - 3)
            + (-(t + s) / (s * t)) * at(n - 2)
            + ((2.0 * t + s) / (t * (s + t))) * at(n - 1)
        )
    return np.concatenate([first, inner, final], axis)


@composite(np.ediff1d, examples=arrays(((4,),), ((2, 3),), ((3,), (2,), ())))
def _ediff1d(ary, to_end=None, to_begin=None):
    parts = [to_begin, _diff(np.ravel(as_array(ary))), to_end]
    return np.concatenate([np.ravel(as_array(p)) for p in parts if p is not None])


def _periods(p, discont, axis, period):
    return np.rint((np.unwrap(p, discont, axis, period=period) - p) / period).astype(p.dtype)


_turns = plainly(_periods, "periods added")


@composite(
    np.unwrap,
    examples=arrays(((5,),), ((2, 4), {"axis": 0}), ((5,), {"period": 1.5, "discont": 2.0}), lo=-6.0, hi=6.0),
)
def _unwrap(p, discont=None, axis=-1, *, period=2 * math.pi):
    # The number of periods that NumPy adds is piecewise constant.
    return p + _turns(p, discont, axis, period) * period


def _chosen(condition, a, b):
    """np.where that keeps numbers as they are."""
    return np.where(condition, a, b) if np.ndim(condition) else a if condition else b


@composite(
    np.interp,
    examples=lambda rng: [
        ((rng.uniform(1.0, 4.0, 5), _increasing(rng, 5), rng.normal(size=5)), {}),
        ((rng.uniform(-3.0, 9.0, (2, 4)), _increasing(rng, 4), rng.normal(size=4), -1.0, 2.0), {}),
        ((np.array([-1.2, 0.7, 4.1, 6.0]), np.array([0.3, 1.5, 2.9]), rng.normal(size=3)), {"period": 3.3}),
        ((2.2, _increasing(rng, 4), rng.normal(size=4)), {}),
    ],
)
def _interp(x, xp, fp, left=None, right=None, period=None):
    x = as_array(x) if isinstance(x, (list, tuple)) else x
    xp, fp = as_array(xp), as_array(fp)
    if period is None:
        x, xp, fp = (double("np.interp", v) for v in (x, xp, fp))
    else:  # these, NumPy casts
        x, xp, fp = (v.astype(float) if hasattr(v, "dtype") else v for v in (x, xp, fp))
    if np.ndim(xp) != 1 or np.shape(xp) != np.shape(fp) or not np.size(xp):
        raise ValueError("fp and xp are not of the same length.")
    if period is not None:
        if primal(period) == 0:
            raise ValueError("period must be a non-zero value")
        period, left, right = np.abs(period), None, None
        x, xp = x % period, xp % period
        order = np.argsort(xp, kind="stable")
        xp, fp = xp[order], fp[order]
        xp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = np.concatenate([fp[-1:], fp, fp[:1]])
    below, above = primal(x) < primal(xp[0]), primal(x) > primal(xp[-1])
    # Points outside are brought inside first, so that nothing infinite waits behind the choice below.
    within = _chosen(below | above, primal(xp[0]), x)
    if np.size(xp) == 1:
        y = fp[0] + 0.0 * within
    else:
        i = np.clip(np.searchsorted(primal(xp), primal(within), side="right") - 1, 0, np.size(xp) - 2)
        slope = (fp[i + 1] - fp[i]) / (xp[i + 1] - xp[i])
        y = slope * (within - xp[i]) + fp[i]
    y = _chosen(below, fp[0] if left is None else left, y)
    return _chosen(above, fp[-1] if right is None else right, y)


# convolution: the adjoint in either argument is a correlation with the other
def _correlated(g, v):
    """Σₙ g[n] v[n - k], for every k at which v lies within g."""
    n, m = np.shape(g)[0], np.shape(v)[0]
    return convolution(g, v[::-1])[m - 1 : n]


convolution = multilinear(
    lambda a, v: np.convolve(a, v),
    lambda g, a, v: _correlated(g, v),
    lambda g, a, v: _correlated(g, a),
    name="convolution",
    dispatches=False,
    depends="convolution",
    cost=lambda y, a, v: 2 * np.size(a) * np.size(v),
    examples=arrays(((4,), (3,)), ((2,), (5,))),
)


def _convolved(a, v, mode):
    whole, n, m = convolution(a, v), max(np.size(a), np.size(v)), min(np.size(a), np.size(v))
    if mode == "full":
        return whole
    if mode == "valid":
        return whole[m - 1 : n]
    if mode == "same":
        return whole[(m - 1) // 2 : (m - 1) // 2 + n]
    raise ValueError(f"mode must be 'full', 'same' or 'valid', not {mode!r}")


def _line(a):
    a = np.atleast_1d(as_array(a))
    if np.ndim(a) != 1 or not np.size(a):
        raise ValueError("convolution and correlation take one-dimensional arrays that are not empty")
    return a


_MODES = tuple(((5,), (2,), mode) for mode in ("full", "same", "valid"))


@composite(np.convolve, examples=arrays(((3,), (4,)), *_MODES, ((3,), (6,), "same")))
def _convolve(a, v, mode="full"):
    return _convolved(_line(a), _line(v), mode)


@composite(np.correlate, examples=arrays(((4,), (4,)), *_MODES, ((3,), (6,), "same"), ((3,), (5,), "valid")))
def _correlate(a, v, mode="valid"):
    return _correlation(_line(a), conjugated(_line(v)), mode)


def _correlation(a, v, mode):
    if np.size(a) < np.size(v):  # NumPy exchanges the two, and turns the result round
        return _correlation(v, a, mode)[::-1]
    return _convolved(a, v[::-1], mode)
