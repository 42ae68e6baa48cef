"""Indexing: `getitem` and `scatter_add` are each other's adjoint."""

import math

import numpy as np

from ..errors import DtypeError, KeywordError, TraceError, error
from ..op import Op, Tracer, composite, linear
from .batching import trailing, widened
from .examples import arrays

_BASIC = (int, slice, type(None), np.integer)


def normal_index(index, ndim):
    """`index` as a tuple without Ellipsis, so that it means the same with more axes behind."""
    if type(index) is int or type(index) is slice:
        return (index,)
    index = index if isinstance(index, tuple) else (index,)
    index = tuple(int(i) if is_symbolic(i) and i.ndim == 0 and i.dtype.kind in "iu" else i for i in index)
    # Arrays of positions are kept for the adjoint: as they are now.
    index = tuple(_kept(i) if isinstance(i, (list, range, np.ndarray)) else i for i in index)
    if any(isinstance(i, Tracer) or getattr(getattr(i, "dtype", None), "kind", "") == "O" for i in index):
        raise error(
            DtypeError, "an index must be a plain integer, slice or array", "index with dualad.primal(i)"
        )
    where = next((k for k, i in enumerate(index) if i is Ellipsis), None)
    if where is None:
        return index
    used = sum(_consumed(i) for i in index)
    return index[:where] + (slice(None),) * (ndim - used) + index[where + 1 :]


def _kept(i):
    a = np.array(i)
    return a.astype(int) if a.size == 0 and isinstance(i, list) else a  # NumPy's float64 for []


def positions(indices):
    """Positions along one axis, plain and as they are now."""
    return normal_index(list(indices) if isinstance(indices, tuple) else indices, 1)[0]


def _consumed(i):
    if i is None or i is Ellipsis or isinstance(i, (bool, np.bool_)):
        return 0
    return i.ndim if isinstance(i, np.ndarray) and i.dtype == bool else 1


def _is_basic(index):
    """True where no element is read twice, so that plain assignment scatters."""
    return all(isinstance(i, _BASIC) for i in index) or (len(index) == 1 and index[0].dtype == bool)


def _summed_rows(g, i, shape):
    """Zeros with the rows of `g` added at positions along the first axis, or None where `np.add.at` does as well.

    That takes four times as long for rows, which it adds number by number, with an iterator over all of them.
    """
    many = type(g) is np.ndarray and g.dtype == float and g.ndim == len(shape) > 1 and g.size >= 1000
    if not many or not isinstance(i, np.ndarray) or i.dtype.kind not in "iu" or i.shape != g.shape[:1]:
        return None
    n, width = shape[0], math.prod(shape[1:])
    if g.shape[1:] != shape[1:] or width < 2 or np.min(i) < -n or np.max(i) >= n:
        return None
    places = (i.astype(np.intp) % n)[:, None] * width + np.arange(width)
    return np.bincount(places.ravel(), g.ravel(), n * width).reshape(shape)


def _scatter_add(g, index, shape):
    rows = _summed_rows(g, index[0], shape) if len(index) == 1 else None
    if rows is not None:
        return rows
    y = np.zeros(shape, dtype=getattr(g, "dtype", float))
    if _is_basic(index):
        y[index] = g
    else:
        np.add.at(y, index, g)
    return y


def _scatter_add_batch(op, args, flags, keywords, k):
    (g,), index, shape = args, keywords["index"], keywords["shape"]
    if isinstance(g, Tracer):
        return op(g, index=index, shape=(*shape, k))
    y = np.moveaxis(np.zeros((k, *shape), dtype=g.dtype), 0, -1)
    if _is_basic(index):
        y[index] = g
    else:
        np.add.at(y, index, g)
    return y


def _accumulate(buffer, fresh, g, x, index):
    """Add the cotangent of `x[index]` into that of `x`; in place where `buffer` is `fresh`, made here."""
    if fresh and type(buffer) is np.ndarray and type(index[0]) is int and not isinstance(g, Tracer):
        buffer[index] += g
        return buffer
    if isinstance(g, Tracer) or isinstance(buffer, Tracer):
        c = scatter_add(g, index=index, shape=x.shape)
        return c if buffer is None else buffer + c
    if not fresh:
        buffer = np.zeros(x.shape, x.dtype) if buffer is None else np.array(buffer)
    if _is_basic(index):
        buffer[index] += g
        return buffer
    rows = _summed_rows(g, index[0], x.shape) if len(index) == 1 and g.size >= buffer.size else None
    if rows is not None:
        buffer += rows
    else:
        np.add.at(buffer, index, g)
    return buffer


_EXAMPLES = (
    ((4,), {"index": (2,)}),
    ((4,), {"index": (slice(1, None, 2),)}),
    ((3, 4), {"index": (slice(None), np.array([0, 2, 2]))}),
    ((3, 4), {"index": (np.array([[True, False, True, False]] * 3),)}),
    ((3, 4), {"index": (np.array([0, 0, 1]), None, np.array([1, 1, 3]))}),
)
getitem = linear(
    lambda x, index: x[index],
    lambda g, x, index: scatter_add(g, index=index, shape=x.shape),
    name="indexing",
    moves=True,
    depends="moved",
    selects=True,
    batch=trailing,
    into=_accumulate,
    view=lambda x, part, index: assign(x, part, index=index),
    examples=arrays(*_EXAMPLES),
)
scatter_add: Op = linear(
    _scatter_add,
    lambda g, x, index, shape: g[index],
    name="scatter_add",
    moves=True,
    depends="sums",
    cost=lambda y, x, index, shape: math.prod(shape),
    dispatches=False,
    batch=_scatter_add_batch,
    examples=arrays(
        ((), {"index": (2,), "shape": (4,)}),
        ((3,), {"index": (np.array([0, 2, 2]),), "shape": (4,)}),
        ((2, 3), {"index": (slice(1, None),), "shape": (3, 3)}),
    ),
)


def _assign(x, v, index):
    y = np.array(x)
    y[index] = v
    return y


def _assign_batch(op, args, flags, keywords, k):
    x, v = args
    x = x if flags[0] else np.broadcast_to(x[..., None], (*x.shape, k))
    return op(x, widened(v, flags[1]), index=keywords["index"])


def _written(g, v, index, shape):
    """The cotangent of what was assigned; of positions named twice the last one counts, as in NumPy."""
    c = g[index]
    if not _is_basic(index):
        order = np.arange(math.prod(c.shape)).reshape(c.shape)
        last = np.zeros(shape, int)
        last[index] = order
        c = np.where(last[index] == order, c, 0.0)
    # An assigned value may have more axes of length 1 than its target
    return np.reshape(c, (1,) * (np.ndim(v) - np.ndim(c)) + np.shape(c)) if np.ndim(v) > np.ndim(c) else c


assign: Op = linear(
    _assign,
    lambda g, x, v, index: assign(g, 0.0, index=index),
    lambda g, x, v, index: _written(g, v, index, x.shape),
    name="assignment",
    moves=True,
    depends="moved",
    selects=True,
    dispatches=False,
    batch=_assign_batch,
    examples=arrays(
        ((4,), (), {"index": (2,)}),
        ((3, 4), (4,), {"index": (slice(None, 2),)}),
        ((3, 4), (3, 2), {"index": (slice(None), np.array([0, 2]))}),
        ((4,), (3,), {"index": (np.array([1, 3, 1]),)}),
        ((2, 2), (3,), {"index": (np.array([[True, False], [True, True]]),)}),
    ),
)


# Positions that a program finds out when it runs: elements or parts along the first axis
def _spread(g, i, shape):
    rows = _summed_rows(g, i, shape)
    if rows is not None:
        return rows
    y = np.zeros(shape, getattr(g, "dtype", float))
    np.add.at(y, i, g)
    return y


def _spread_batch(op, args, flags, keywords, k):
    g, i = args
    if isinstance(g, Tracer):
        return op(g, i, shape=(*keywords["shape"], k))
    y = np.moveaxis(np.zeros((k, *keywords["shape"]), g.dtype), 0, -1)
    np.add.at(y, i, g)
    return y


gather: Op = linear(
    lambda x, i: x[i],
    lambda g, x, i: spread(g, i, shape=np.shape(x)),
    None,
    name="gather",
    moves=True,
    depends="moved",
    selects=True,
    dispatches=False,
    batch=trailing,
    examples=arrays(((4,), np.array([0, 2, 2])), ((3, 2), np.array([[2, 0]])), ((3,), 1)),
)
spread: Op = linear(
    _spread,
    lambda h, g, i, shape: gather(h, i),
    None,
    name="spread",
    moves=True,
    depends="sums",
    dispatches=False,
    cost=lambda y, g, i, shape: math.prod(shape),
    batch=_spread_batch,
    examples=arrays(((3,), np.array([0, 2, 2]), {"shape": (4,)}), ((2,), 1, {"shape": (3, 2)})),
)


def is_symbolic(i):
    """Whether a program has this value only when it runs."""
    return isinstance(i, Tracer) and i.symbolic


def _found_at(x, index):
    """`x` at positions of which some are symbols."""
    index = index if isinstance(index, tuple) else (index,)
    shape = np.shape(x)
    plain = all(
        isinstance(i, (int, np.integer)) or getattr(i, "dtype", np.dtype(bool)).kind in "iu" for i in index
    )
    if not plain or len(index) not in (1, len(shape)):
        raise error(
            TraceError,
            "an index depends on values, which a compiled function has only when it runs",
            "np.where(mask, x, 0.0) in place of x[mask]; integer positions for the first axis or for all of them",
        )
    if len(index) == 1:
        return gather(x, index[0])
    flat = 0
    for i, n in zip(index, shape, strict=True):
        flat = flat * n + (np.where(i < 0, i + n, i) if np.ndim(i) or is_symbolic(i) else i % n)
    return gather(np.reshape(x, -1), flat)


def index_into(x, index):
    """`x[index]` for a traced `x`."""
    if is_symbolic(index) or (type(index) is tuple and any(map(is_symbolic, index))):
        return _found_at(x, index)
    return getitem(x, index=normal_index(index, np.ndim(x)))


@composite(
    np.take,
    examples=arrays(
        ((3, 4), np.array([0, 2, 2]), {"axis": 1}),
        ((3, 4), np.array([[0, 7], [7, 1]])),
        ((3, 4), [-5, 3], {"axis": 0, "mode": "wrap"}),
        ((3, 4), 17, {"mode": "clip"}),
    ),
)
def _take(a, indices, axis=None, out=None, mode="raise"):
    if out is not None:
        raise error(KeywordError, "np.take has no derivative rule for the keyword out=", "y = np.take(...)")
    if mode != "raise":  # NumPy takes from the positions
        count = math.prod(np.shape(a)) if axis is None else np.shape(a)[axis]
        indices = np.take(np.arange(count), indices, mode=mode)
    if axis is None:
        return _picked(np.reshape(a, -1), (indices,))
    axis = np.lib.array_utils.normalize_axis_index(axis, np.ndim(a))
    if is_symbolic(indices) and axis:
        return np.moveaxis(
            _picked(np.moveaxis(a, axis, 0), (indices,)), range(np.ndim(indices)), _axes(axis, indices)
        )
    return _picked(a, (slice(None),) * axis + (indices,))


def _axes(axis, indices):
    return tuple(range(axis, axis + np.ndim(indices)))


def _picked(a, index):
    """`a[index]`, also for a plain `a` and positions that are symbols."""
    return index_into(a, index) if isinstance(a, Tracer) or any(map(is_symbolic, index)) else a[index]


@composite(
    np.take_along_axis,
    examples=arrays(
        ((3, 4), np.array([[0, 1], [3, 3], [2, 0]]), {"axis": 1}), ((2, 3), np.array([[1]]), {"axis": 1})
    ),
)
def _take_along_axis(arr, indices, axis=-1):
    if axis is None:
        arr, axis = np.ravel(arr), 0
    n = np.ndim(arr)
    axis = np.lib.array_utils.normalize_axis_index(axis, n)
    # Along the other axes every position: the indices may broadcast there.
    grid = np.ogrid[tuple(slice(size) for size in np.shape(arr))]
    return _picked(arr, tuple(indices if k == axis else grid[k] for k in range(n)))


@composite(np.compress, examples=arrays((np.array([True, False, True]), (3, 2), {"axis": 0})))
def _compress(condition, a, axis=None):
    return np.take(a, np.flatnonzero(condition), axis=axis)


@composite(np.extract, examples=arrays((np.array([[True, False], [True, True]]), (2, 2))))
def _extract(condition, arr):
    return np.take(np.reshape(arr, -1), np.flatnonzero(condition))
