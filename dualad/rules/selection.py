"""Choosing among values: by condition or number, unique ones, and functions applied piece by piece."""

import numpy as np

from ..errors import TraceError, error
from ..op import Tracer, composite, elementwise, is_complex, plain, plainly, primal
from .elementwise import real
from .examples import arrays, pairs, taken
from .index import scatter_add
from .reduce import _no_out
from .shape import as_array, axis_index, axis_tuple

plain(np.isin, *([np.in1d] if hasattr(np, "in1d") else []))


# by condition, by number
@composite(
    np.select,
    examples=lambda rng: [
        (
            (
                [np.array([True, False, False]), np.array([True, True, False])],
                [rng.normal(size=3), rng.normal(size=3)],
                rng.normal(),
            ),
            {},
        ),
        (([np.array([[True], [False]])], [rng.normal(size=(2, 3))]), {}),
    ],
)
def _select(condlist, choicelist, default=0):
    if len(condlist) != len(choicelist) or not condlist:
        raise ValueError("np.select needs as many choices as conditions, and at least one")
    y = default
    for condition, choice in zip(condlist[::-1], choicelist[::-1], strict=True):
        y = np.where(condition, choice, y)
    return y


@composite(
    np.choose,
    examples=arrays(
        (np.array([0, 1, 1]), [(3,), (3,)]),
        (np.array([[2, -1], [0, 3]]), [(2,), (2, 1), ()], {"mode": "wrap"}),
    ),
)
def _choose(a, choices, out=None, mode="raise"):
    _no_out(np.choose, out)
    choices = [as_array(c) for c in choices]
    shape = np.broadcast_shapes(np.shape(a), *map(np.shape, choices))
    which = np.choose(primal(a), np.arange(len(choices)), mode=mode)
    each = np.stack([np.broadcast_to(c, shape) for c in choices])
    return np.take_along_axis(each, np.broadcast_to(which, shape)[None], 0)[0]


def _bend(x, scale=1.0):
    return scale * np.square(x)


@composite(
    np.piecewise,
    examples=lambda rng: [
        ((rng.normal(size=4), [np.array([True, False, True, False])], [_bend, np.sin]), {}),
        ((rng.normal(size=3), [np.array([True, False, False])], [_bend, 2.0], 3.0), {}),
    ],
)
def _piecewise(x, condlist, funclist, *args, **kw):
    x = as_array(x)
    one = np.ndim(condlist) < 2 and not (np.ndim(condlist) == 1 and np.ndim(condlist[0]) == np.ndim(x))
    masks = [np.broadcast_to(primal(c), np.shape(x)) for c in ([condlist] if one else condlist)]
    if len(funclist) == len(masks) + 1:
        masks.append(np.logical_not(np.any(masks, axis=0)))
    if len(funclist) != len(masks):
        raise ValueError("np.piecewise needs a function for each condition, or one more")
    y, later = 0.0 * x, np.zeros(np.shape(x), bool)
    y = np.where(np.ones_like(later), 0.0, y)
    for mask, function in zip(masks[::-1], funclist[::-1], strict=True):  # where they overlap, the last one
        mask = mask & ~later
        later = later | mask
        if np.any(mask):
            piece = x[mask] if np.ndim(x) else x
            value = function(piece, *args, **kw) if callable(function) else function
            if np.ndim(x):
                count = (int(np.sum(mask)),)
                y = y + scatter_add(np.broadcast_to(value, count), index=(mask,), shape=np.shape(x))
            else:
                y = value
    return y


# The value replaces an element that is infinite or NaN, which so has no derivative.
@composite(
    np.nan_to_num,
    examples=lambda rng: [
        ((np.array([1.5, np.nan, -0.5]),), {"nan": 3.0, "copy": True}),
        ((np.array([np.inf, 0.5, -np.inf]),), {"posinf": 9.0, "neginf": -7.0}),
        ((rng.normal(size=(2, 3)),), {}),
        ((0.7,), {}),
    ],
)
def _nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    if is_complex(x):
        parts = [_nan_to_num(part, True, nan, posinf, neginf) for part in (np.real(x), np.imag(x))]
        y = parts[0] + 1j * parts[1]
    else:
        y, v, largest = x, primal(x), np.finfo(x.dtype).max
        for hit, value in (
            (np.isnan(v), nan),
            (np.isposinf(v), largest if posinf is None else posinf),
            (np.isneginf(v), -largest if neginf is None else neginf),
        ):
            if np.any(hit):
                y = np.where(hit, value, y)
    if copy or not np.ndim(x):
        return +y
    x[...] = y
    return x


# unique values: each has the derivative of its first occurrence
def known(x):
    """The primal, where results have as many elements as its values say: no program has that many for all."""
    x = primal(x)
    if isinstance(x, Tracer):
        raise error(
            TraceError,
            "the shape of a result depends on values, which a compiled function has only when it runs",
            "compute the choice outside, or np.where(mask, x, 0.0) in place of x[mask]",
        )
    return x


def _first(x, axis=None, equal_nan=True):
    return np.unique(known(x), return_index=True, axis=axis, equal_nan=equal_nan)[1]


@composite(
    np.unique,
    examples=arrays(
        ((2, 3),),
        ((2, 3), {"axis": 0, "equal_nan": False}),
        ((4,), {"return_index": True, "return_inverse": True, "return_counts": True}),
        *taken(np.unique, ((4,), {"sorted": True})),
    ),
)
def _unique(
    ar, return_index=False, return_inverse=False, return_counts=False, axis=None, *, equal_nan=True,
    sorted=True,
):  # fmt: skip
    where = _first(ar, axis, equal_nan)
    y = np.take(ar, where, axis)
    if not (return_index or return_inverse or return_counts):
        return y
    return y, *np.unique(known(ar), return_index, return_inverse, return_counts, axis, equal_nan=equal_nan)[
        1:
    ]


def _values_like(x, values):
    """The elements of `x` that are `values`, in their order."""
    where = _first(x, equal_nan=False)
    ordered = np.reshape(primal(x), -1)[where]
    return np.take(
        x, where[np.minimum(np.searchsorted(ordered, values), len(where) - 1)] if len(where) else where
    )


@composite(np.unique_values, examples=arrays(((4,),)))
def _unique_values(x):
    return _values_like(x, np.unique_values(known(x)))


def _unique_and_more(fn):
    def unique(x):
        found = fn(known(x))
        return found._replace(values=_values_like(x, found.values))

    return unique


for _fn in (np.unique_all, np.unique_counts, np.unique_inverse):
    composite(_fn, examples=arrays(((4,),), ((2, 3),)))(_unique_and_more(_fn))


# pieces and functions
@composite(np.partition, examples=arrays(((5,), 2), ((3, 4), 1, {"axis": 0, "kind": "introselect"})))
def _partition(a, kth, axis=-1, kind="introselect"):
    if axis is None:
        a, axis = np.ravel(a), -1
    return np.take_along_axis(a, np.argpartition(primal(a), kth, axis), axis)


@composite(
    np.trim_zeros, examples=lambda rng: [((np.array([0.0, 1.5, 0.0, -2.0, 0.0])[1:4],), {"trim": "f"})]
)
def _trim_zeros(filt, trim="fb"):
    if np.ndim(filt) != 1:
        raise ValueError("np.trim_zeros has a rule for one-dimensional arrays")
    hits = np.flatnonzero(known(filt))
    if not hits.size:
        return filt[:0]
    first = int(hits[0]) if "f" in trim.lower() else 0
    return filt[first : int(hits[-1]) + 1] if "b" in trim.lower() else filt[first:]


@composite(np.ix_, examples=arrays(((2,), (3,))))
def _ix(*args):
    n = len(args)
    if any(np.ndim(a) != 1 for a in args):
        raise ValueError("Cross index must be 1 dimensional")
    return tuple(
        np.reshape(as_array(a), tuple(-1 if k == i else 1 for k in range(n))) for i, a in enumerate(args)
    )


@composite(
    np.apply_along_axis,
    examples=lambda rng: [
        ((np.sum, 0, rng.normal(size=(2, 3))), {}),
        ((np.cumsum, -1, rng.normal(size=(2, 3))), {}),
        ((np.outer, 1, rng.normal(size=(2, 3)), np.array([1.0, 2.0])), {}),
    ],
)
def _apply_along_axis(func1d, axis, arr, *args, **kwargs):
    arr = as_array(arr)
    axis = axis_index(axis, np.ndim(arr))
    moved = np.moveaxis(arr, axis, -1)
    rest = np.shape(moved)[:-1]
    found = [as_array(func1d(moved[k], *args, **kwargs)) for k in np.ndindex(rest)]
    if not found:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    inner = np.shape(found[0])
    y = np.reshape(np.stack(found), rest + inner) if rest else found[0]
    return np.moveaxis(
        y, tuple(range(len(rest), len(rest) + len(inner))), tuple(range(axis, axis + len(inner)))
    )


@composite(
    np.apply_over_axes,
    examples=lambda rng: [((np.sum, rng.normal(size=(2, 3, 2)), [0, 2]), {})],
)
def _apply_over_axes(func, a, axes):
    a = as_array(a)
    n = np.ndim(a)
    for axis in axis_tuple(tuple(axes) if isinstance(axes, (list, tuple)) else axes, n):
        y = func(a, axis)
        a = y if np.ndim(y) == n else np.expand_dims(y, axis)
    return a


# sets
@composite(np.union1d, examples=arrays(((3,), (2,))))
def _union1d(ar1, ar2):
    return _unique(np.concatenate([np.ravel(as_array(ar1)), np.ravel(as_array(ar2))]))


_SETS = arrays(((3,), (2,)), ((3,), (2,), {"assume_unique": True}))


@composite(np.setdiff1d, examples=_SETS)
def _setdiff1d(ar1, ar2, assume_unique=False):
    ar1 = np.ravel(as_array(ar1)) if assume_unique else _unique(as_array(ar1))
    return ar1[np.isin(known(ar1), primal(ar2), invert=True)]


@composite(np.setxor1d, examples=_SETS)
def _setxor1d(ar1, ar2, assume_unique=False):
    ar1, ar2 = (np.ravel(as_array(a)) if assume_unique else _unique(as_array(a)) for a in (ar1, ar2))
    apart = [
        ar1[np.isin(known(ar1), primal(ar2), invert=True)],
        ar2[np.isin(known(ar2), primal(ar1), invert=True)],
    ]
    return np.sort(np.concatenate(apart))


# The tests move floating-point examples, which would leave nothing in common.
@composite(
    np.intersect1d,
    examples=lambda rng: [
        ((np.array([3, 1, 2, 3]), np.array([2, 3, 5])), {}),
        ((np.array([3, 1, 2]), np.array([2, 3, 5])), {"assume_unique": True, "return_indices": True}),
    ],
)
def _intersect1d(ar1, ar2, assume_unique=False, return_indices=False):
    plain = np.ravel(known(as_array(ar1))), np.ravel(known(as_array(ar2)))
    _, first, second = np.intersect1d(*plain, assume_unique, return_indices=True)
    y = np.take(as_array(ar1), first).astype(np.result_type(*plain))
    return (y, first, second) if return_indices else y


# floating point, taken apart
def _of_two(x):
    return int(np.frexp(x)[1]) if type(x) is float else np.frexp(x)[1]


_exponent = plainly(_of_two, "exponent of two")


@composite(np.frexp, examples=real)
def _frexp(x):
    exponent = _exponent(x)
    return np.ldexp(x, -exponent), exponent


nextafter = elementwise(np.nextafter, 1, 0, examples=pairs(real, real))
