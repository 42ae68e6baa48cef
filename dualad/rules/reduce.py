"""Reductions and running sums and products."""

import math

import numpy as np

from ..errors import KeywordError, error
from ..op import composite, elementwise, general, is_complex, linear, primal
from .batching import trailing
from .evaluation import refuse_untensored
from .examples import MASK, WIDER, arrays, points
from .shape import axis_index, axis_tuple, reshape

_MISSING = np._NoValue
_AXES = (
    ((2, 3),),
    ((2, 3), {"axis": 0}),
    ((2, 3, 2), {"axis": (0, -1), "keepdims": True}),
    ((3,), {"axis": -1}),
)
_REDUCE = arrays(
    *_AXES, ((2, 3), {"axis": 1, "where": MASK, "initial": 0.5}), ((3,), {"where": MASK[0], "initial": -5.0})
)
_WIDER = arrays(*_AXES, ((2, 3), WIDER), ((2, 3), {"axis": 1, "where": MASK, "initial": 0.5}))


def every(axis, ndim):
    """The axes that `axis` names, counted from the left; all of them for None."""
    return tuple(range(ndim)) if axis is None else axis_tuple(axis, ndim)


def kept(shape, axis):
    """`shape` with length 1 along `axis`."""
    return tuple(1 if k in axis else n for k, n in enumerate(shape))


def _size_of(y, x, **keywords):
    return math.prod(np.shape(x))


def _spread(g, shape, axis):
    """A reduction's cotangent, repeated along the axes that it summed."""
    if isinstance(g, (float, np.floating)):  # the usual end of a loss: all of NumPy's care is not needed
        y = np.empty(shape, getattr(g, "dtype", float))
        y.fill(g)
        return y
    return np.broadcast_to(np.reshape(g, kept(shape, axis)), shape)


sum_ = linear(
    lambda x, axis, keepdims: np.sum(x, axis=axis, keepdims=keepdims),
    lambda g, x, axis, keepdims: _spread(g, np.shape(x), axis),
    name="sum",
    moves=True,
    depends="sums",
    batch=trailing,
    cost=_size_of,
    examples=arrays(
        ((2, 3), {"axis": (0,), "keepdims": False}), ((2, 3, 2), {"axis": (0, 2), "keepdims": True})
    ),
)
cumsum = linear(
    lambda x, axis: np.cumsum(x, axis),
    lambda g, x, axis: np.flip(np.cumsum(np.flip(g, axis), axis), axis),
    name="cumsum",
    moves=True,
    depends="running",
    cost=_size_of,
    batch=trailing,
    examples=arrays(((3, 4), {"axis": 1})),
)


def _shares(x, y, axis):
    """Each element's share in an extremum along `axis`: ties share equally."""
    hit = primal(x) == np.reshape(primal(y), kept(np.shape(x), axis))
    with np.errstate(invalid="ignore"):  # none where the extremum is NaN: then so are the shares
        return hit / np.sum(hit, axis=axis, keepdims=True)


def _push_extremum(dx, y, x, axis, keepdims):
    shares = _shares(x, y, axis).astype(dx.dtype)
    return np.sum(np.where(shares != 0, dx * shares, 0.0), axis=axis, keepdims=keepdims)


def _pull_extremum(g, y, x, axis, keepdims):
    shares = _shares(x, y, axis).astype(x.dtype)
    return np.where(shares != 0, np.reshape(g, kept(np.shape(x), axis)) * shares, 0.0)


max_, min_ = (
    general(
        fn,
        _push_extremum,
        name=fn.__name__,
        pulls=(_pull_extremum,),
        selects=True,
        depends="axis",
        cost=_size_of,
        examples=arrays(
            ((2, 3), {"axis": (1,), "keepdims": False}), ((2, 3), {"axis": (0, 1), "keepdims": True})
        ),
    )
    for fn in (np.max, np.min)
)


def _shifted_products(x, axis):
    """Products of the elements before each one along `axis`: 1, x0, x0 x1 and so on."""
    ones = np.ones(kept(np.shape(x), (axis,)), x.dtype)
    n = x.shape[axis]
    return np.cumprod(np.concatenate([ones, np.take(x, np.arange(n - 1), axis)], axis), axis)


def _others(x, axis):
    """Product of all the other elements along `axis`, for each one: no division, so right at zeros."""
    before = _shifted_products(x, axis)
    after = np.flip(_shifted_products(np.flip(x, axis), axis), axis)
    return before * after


prod_ = general(
    lambda x, axis, keepdims: np.prod(x, axis=axis, keepdims=keepdims),
    lambda dx, y, x, axis, keepdims: np.sum(dx * _others(x, axis), axis=axis, keepdims=keepdims),
    name="prod along one axis",
    complex=True,
    depends="axis",
    cost=_size_of,
    examples=arrays(((2, 3), {"axis": 1, "keepdims": False}), ((3, 1), {"axis": 0, "keepdims": True})),
)


def _push_cumprod(dx, y, x, axis):
    # y_k = y_{k-1} x_k, differentiated: dy_k = dy_{k-1} x_k + y_{k-1} dx_k. One step an element, exact at zeros.
    x, dx, y = np.moveaxis(x, axis, 0), np.moveaxis(dx, axis, 0), np.moveaxis(y, axis, 0)
    dys = [dx[0]]
    for k in range(1, x.shape[0]):
        dys.append(dys[-1] * x[k] + y[k - 1] * dx[k])
    return np.stack(dys, axis)


cumprod = general(
    lambda x, axis: np.cumprod(x, axis),
    lambda dx, y, x, axis: _push_cumprod(dx, y, x, axis) if x.shape[axis] else dx,
    name="cumprod",
    complex=True,
    depends="running",
    examples=arrays(((3, 4), {"axis": 1}), ((3,), {"axis": 0})),
)


# NumPy's names
@composite(np.sum, examples=_WIDER)
def _sum(a, axis=None, dtype=None, out=None, keepdims=False, initial=_MISSING, where=True):
    _no_out(np.sum, out)
    if where is not True:
        a = np.where(where, a, 0.0)
    if dtype is not None:
        a = a.astype(dtype)
    y = sum_(a, axis=every(axis, np.ndim(a)), keepdims=keepdims is True)
    return y if initial is _MISSING else y + initial


def _no_out(fn, out):
    if out is not None:
        name = f"np.{fn.__name__}"
        raise error(
            KeywordError,
            f"{name} has no derivative rule for the keyword out=",
            f"y = {name}(...), without out=",
        )


@composite(np.prod, examples=_WIDER)
def _prod(a, axis=None, dtype=None, out=None, keepdims=False, initial=_MISSING, where=True):
    _no_out(np.prod, out)
    refuse_untensored()  # np.polynomial's polyvalfromroots ends with a product
    if where is not True:
        a = np.where(where, a, 1.0)
    if dtype is not None:
        a = a.astype(dtype)
    shape, axes = np.shape(a), every(axis, np.ndim(a))
    # All reduced axes as one, the last, so that the exclusive products run along one axis.
    rest = tuple(k for k in range(len(shape)) if k not in axes)
    flat = np.reshape(
        np.transpose(a, rest + axes), (*(shape[k] for k in rest), -1 if math.prod(shape) else 0)
    )
    y = prod_(flat, axis=len(rest), keepdims=False) if axes else +a
    y = reshape(y, shape=kept(shape, axes)) if keepdims is True else y
    return y if initial is _MISSING else y * initial


def _extremum(op, pick):
    def extremum(a, axis=None, out=None, keepdims=False, initial=_MISSING, where=True):
        _no_out(op.fn, out)
        if where is not True:
            if initial is _MISSING:
                raise ValueError(f"np.{op.fn.__name__} with where= needs initial=, as in NumPy")
            a = np.where(where, a, initial)
        if initial is not _MISSING and not np.size(a):
            return initial + np.sum(primal(a), axis=axis, keepdims=keepdims is True)
        y = op(a, axis=every(axis, np.ndim(a)), keepdims=keepdims is True) if np.ndim(a) else +a
        return y if initial is _MISSING else pick(y, initial)

    return extremum


composite(np.max, np.amax, examples=_REDUCE)(_extremum(max_, np.maximum))
composite(np.min, np.amin, examples=_REDUCE)(_extremum(min_, np.minimum))


@composite(np.ptp, examples=arrays(*_AXES))
def _ptp(a, axis=None, out=None, keepdims=False):
    _no_out(np.ptp, out)
    return np.max(a, axis, keepdims=keepdims) - np.min(a, axis, keepdims=keepdims)


def _count(a, axis, keepdims, where):
    """How many elements a mean along `axis` is over: a number, or an array where `where` selects."""
    shape = np.shape(a)
    if where is True:
        return math.prod(shape[k] for k in every(axis, len(shape)))
    return np.sum(np.broadcast_to(where, shape), axis=axis, keepdims=keepdims).astype(np.real(a).dtype)


@composite(np.mean, examples=arrays(*_AXES, ((2, 3), WIDER), ((2, 3), {"axis": 1, "where": MASK})))
def _mean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=True):
    _no_out(np.mean, out)
    keepdims = keepdims is True
    return np.sum(a, axis, dtype, keepdims=keepdims, where=where) / _count(a, axis, keepdims, where)


def squared_modulus(x):
    """x², or for complex values x times its conjugate."""
    return np.square(np.real(x)) + np.square(np.imag(x)) if is_complex(x) else np.square(x)


_SPREAD = arrays(
    ((2, 3),),
    ((2, 3), {"axis": 0, "ddof": 1}),
    ((2, 3, 2), {"axis": (0, 2), "keepdims": True}),
    ((2, 3), WIDER),
    ((2, 3), {"axis": 1, "where": MASK, "correction": 0.5}),
    ((2, 3), {"axis": 1, "mean": np.array([[0.2], [-0.3]])}),
)


@composite(np.var, examples=_SPREAD)
def _var(
    a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=None, correction=None
):
    _no_out(np.var, out)
    if correction is not None:
        ddof = correction
    if where is not True:  # what is left out is taken out first: a NaN there would meet the mean's adjoint
        a = np.where(where, a, 0.0)
    keepdims = keepdims is True
    centre = np.mean(a, axis, dtype, keepdims=True, where=where) if mean is None else mean
    free = _count(a, axis, keepdims, where) - ddof
    free = max(free, 0) if where is True else np.maximum(free, 0)
    return np.sum(squared_modulus(a - centre), axis, dtype, keepdims=keepdims, where=where) / free


@composite(np.std, examples=_SPREAD)
def _std(
    a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=None, correction=None
):
    return root(_var(a, axis, dtype, out, ddof, keepdims, where=where, mean=mean, correction=correction))


# Roots whose derivative at 0 is 0: those of a spread or a norm, which has a kink there, not a pole. They evaluate
# themselves on values of a lower level (`dispatches=False`): NumPy's own would bring its pole into second derivatives.
root = elementwise(
    np.sqrt,
    lambda y, x: np.where(y == 0, 0.0, 0.5 / np.where(y == 0, 1.0, y)),
    name="square root of a spread",
    dispatches=False,
    examples=points(0.1, 5.0),
)
nth_root = elementwise(
    lambda x, n: x ** (1.0 / n),
    lambda y, x, n: np.where(x == 0, 0.0, y / (n * np.where(x == 0, 1.0, x))),
    None,
    name="n-th root of a norm",
    dispatches=False,
    examples=lambda rng: [((rng.uniform(0.1, 5.0, 3), 3), {})],
)


_RUNNING = arrays(((2, 3),), ((2, 3), {"axis": -1}), ((3,), WIDER))


@composite(np.cumsum, examples=_RUNNING)
def _cumsum(a, axis=None, dtype=None, out=None):
    _no_out(np.cumsum, out)
    a = a if dtype is None else a.astype(dtype)
    return cumsum(np.ravel(a), axis=0) if axis is None else cumsum(a, axis=axis_index(axis, np.ndim(a)))


@composite(np.cumprod, examples=_RUNNING)
def _cumprod(a, axis=None, dtype=None, out=None):
    _no_out(np.cumprod, out)
    a = a if dtype is None else a.astype(dtype)
    return cumprod(np.ravel(a), axis=0) if axis is None else cumprod(a, axis=axis_index(axis, np.ndim(a)))


def _cumulative(running, start):
    def cumulative(x, /, *, axis=None, dtype=None, out=None, include_initial=False):
        if axis is None and np.ndim(x) > 1:
            raise ValueError("axis= is needed for an array of more than one dimension, as in NumPy")
        axis = axis_index(axis or 0, np.ndim(x))
        y = running(x, axis, dtype, out)
        return (
            np.concatenate([np.full(kept(np.shape(x), (axis,)), start, y.dtype), y], axis)
            if include_initial
            else y
        )

    return cumulative


if hasattr(np, "cumulative_sum"):  # NumPy 2.1
    _CUMULATIVE = arrays(((3,),), ((2, 3), {"axis": 1, "include_initial": True}), ((3,), WIDER))
    composite(np.cumulative_sum, examples=_CUMULATIVE)(_cumulative(_cumsum, 0.0))
    composite(np.cumulative_prod, examples=_CUMULATIVE)(_cumulative(_cumprod, 1.0))


@composite(
    np.diff,
    examples=arrays(((4,),), ((3, 4), {"axis": 0, "n": 2}), ((3,), 1, -1, (), (2,)), ((3,), {"append": 0.5})),
)
def _diff(a, n=1, axis=-1, prepend=_MISSING, append=_MISSING):
    axis = axis_index(axis, np.ndim(a))
    if prepend is not _MISSING or append is not _MISSING:
        ends = [
            np.broadcast_to(e, kept(np.shape(a), (axis,))) if np.ndim(e) == 0 else e
            for e in (prepend, append)
            if e is not _MISSING
        ]
        a = np.concatenate([ends[0], a, *ends[1:]] if prepend is not _MISSING else [a, *ends], axis)
    lead = (slice(None),) * axis
    for _ in range(n):
        a = a[(*lead, slice(1, None))] - a[(*lead, slice(None, -1))]
    return a


def _order(x, axis):
    return np.argsort(primal(x), axis=axis, kind="stable")


@composite(
    np.sort,
    examples=arrays(((5,),), ((3, 4), {"axis": 0, "kind": "stable"}), ((2, 2), None, {"stable": True})),
)
def _sort(a, axis=-1, kind=None, *, stable=None):
    if axis is None:
        a, axis = np.ravel(a), -1
    return np.take_along_axis(a, _order(a, axis), axis)
