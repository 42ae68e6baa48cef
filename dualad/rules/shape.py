"""Reshaping and rearranging: all linear."""

import math

import numpy as np

from ..errors import AssignmentError, DtypeError, KeywordError, error
from ..op import Tracer, composite, is_complex, linear, primal
from .batching import first, last, trailing
from .examples import arrays, taken
from .index import scatter_add

axis_index = np.lib.array_utils.normalize_axis_index
axis_tuple = np.lib.array_utils.normalize_axis_tuple


def unbroadcast(g, shape):
    """The adjoint of broadcasting: `g` summed over the axes along which `shape` was stretched."""
    extra = np.ndim(g) - len(shape)
    axes = tuple(range(extra)) + tuple(
        extra + k for k, n in enumerate(shape) if n == 1 and g.shape[extra + k] != 1
    )
    if axes:
        g = np.sum(g, axis=axes, keepdims=True)
    return np.reshape(g, shape) if extra else g


def _read_only(x, part, shape):
    raise error(
        AssignmentError,
        "assignment into a broadcast array, which is read-only",
        "np.broadcast_to(x, shape).copy()",
    )


# primitives: keyword arguments are complete and axes are counted from the left
def _reshape_batch(op, args, flags, keywords, k):
    return last(np.reshape(first(args[0]), (k, *keywords["shape"])))


def _concatenate_batch(op, args, flags, keywords, k):
    whole = [
        a if flag else np.broadcast_to(a[..., None], (*a.shape, k))
        for a, flag in zip(args, flags, strict=True)
    ]
    return op.call(*whole, **keywords)


reshape = linear(
    lambda x, shape: np.reshape(x, shape),
    lambda g, x, shape: np.reshape(g, x.shape if hasattr(x, "shape") else ()),
    name="reshape",
    moves=True,
    depends="moved",
    view=lambda x, part, shape: np.reshape(part, np.shape(x)),
    batch=_reshape_batch,
    examples=arrays(((2, 3), {"shape": (3, 2)}), ((4,), {"shape": (1, 4, 1)})),
)
transpose = linear(
    lambda x, axes: np.transpose(x, axes),
    lambda g, x, axes: np.transpose(g, tuple(int(k) for k in np.argsort(axes))),
    name="transpose",
    moves=True,
    depends="moved",
    view=lambda x, part, axes: np.transpose(part, tuple(int(k) for k in np.argsort(axes))),
    batch=lambda op, args, flags, keywords, k: np.transpose(
        args[0], (*keywords["axes"], len(keywords["axes"]))
    ),
    examples=arrays(((2, 3, 4), {"axes": (2, 0, 1)})),
)
broadcast_to = linear(
    lambda x, shape: np.broadcast_to(x, shape),
    lambda g, x, shape: unbroadcast(g, np.shape(x)),
    name="broadcast_to",
    moves=True,
    depends="moved",
    view=_read_only,
    batch=lambda op, args, flags, keywords, k: np.broadcast_to(args[0], (*keywords["shape"], k)),
    examples=arrays(((3,), {"shape": (2, 3)}), ((2, 1), {"shape": (4, 2, 3)})),
)
concatenate = linear(
    lambda *xs, axis: np.concatenate(xs, axis),
    lambda g, i, *xs, axis: _part(g, i, xs, axis),
    name="concatenate",
    moves=True,
    depends="moved",
    variadic=True,
    batch=_concatenate_batch,
    examples=arrays(((2, 3), (4, 3), {"axis": 0}), ((2, 1), (2, 2), (2, 3), {"axis": 1})),
)
roll = linear(
    lambda x, shift, axis: np.roll(x, shift, axis),
    lambda g, x, shift, axis: np.roll(g, tuple(-s for s in shift), axis),
    name="roll",
    moves=True,
    depends="moved",
    batch=trailing,
    examples=arrays(((5,), {"shift": (2,), "axis": (0,)}), ((3, 4), {"shift": (1, -2), "axis": (0, 1)})),
)


def _cast_back(g, x):
    return (np.real(g) if is_complex(g) and not is_complex(x) else g).astype(x.dtype)


astype = linear(
    lambda x, dtype: x.astype(dtype) if hasattr(x, "dtype") else dtype.type(x),
    lambda g, x, dtype: _cast_back(g, x) if hasattr(x, "dtype") and hasattr(g, "dtype") else g,
    name="astype",
    moves=True,
    depends=0,
    batch=trailing,
    examples=arrays(((3,), {"dtype": np.dtype(np.float32)})),
)


def _on_diagonal(shape, offset):
    """Where the diagonals of a stack of matrices lie."""
    rows, columns = shape[-2:]
    i = np.arange(max(0, min(rows + min(offset, 0), columns - max(offset, 0))))
    return (*(slice(None),) * (len(shape) - 2), i - min(offset, 0), i + max(offset, 0))


diagonal = linear(
    lambda x, offset: np.diagonal(x, offset, -2, -1),
    lambda g, x, offset: scatter_add(g, index=_on_diagonal(x.shape, offset), shape=x.shape),
    name="diagonal",
    moves=True,
    depends="moved",
    selects=True,
    batch=lambda op, args, flags, keywords, k: args[0][_on_diagonal(args[0].shape[:-1], keywords["offset"])],
    view=_read_only,
    examples=arrays(((3, 4), {"offset": 0}), ((2, 3, 3), {"offset": -1})),
)


def _part(g, i, xs, axis):
    start = sum(x.shape[axis] for x in xs[:i])
    return g[(slice(None),) * axis + (slice(start, start + xs[i].shape[axis]),)]


# NumPy's names
@composite(np.shape, examples=arrays(((2, 3),)))
def _shape(a):
    return a.shape


@composite(np.ndim, examples=arrays(((2, 3),)))
def _ndim(a):
    return len(a.shape)


@composite(np.size, examples=arrays(((2, 3),), ((2, 3), 1)))
def _size(a, axis=None):
    return math.prod(a.shape) if axis is None else a.shape[axis]


def as_array(x):
    """A value with axes: traced values and arrays as they are, numbers and lists as arrays."""
    return x if isinstance(x, (Tracer, np.ndarray)) else np.asarray(x)


def static_shape(shape, size):
    """`shape` as a tuple of integers, -1 resolved."""
    shape = tuple(int(n) for n in shape) if isinstance(shape, (tuple, list)) else (int(shape),)
    if -1 in shape:
        rest = -math.prod(shape)
        shape = (
            tuple(size // rest if n == -1 else n for n in shape) if rest else tuple(max(n, 0) for n in shape)
        )
    return shape


@composite(
    np.reshape,
    examples=arrays(
        ((2, 6), [-1, 3]),
        ((2, 3), [3, 2], {"order": "F"}),
        *taken(np.reshape, ((2, 3), 6, {"copy": True})),
    ),
)
def _reshape(a, shape=None, order="C", *, newshape=None, copy=None):
    if copy:
        a = +a
    shape = newshape if shape is None else shape
    shape = static_shape(shape, np.size(a))
    if order == "F":
        return np.transpose(reshape(np.transpose(a), shape=shape[::-1]))
    if order != "C":
        raise error(KeywordError, f"np.reshape has no rule for order={order!r}", "order='C' or order='F'")
    return reshape(a, shape=shape)


@composite(np.ravel, examples=arrays(((2, 3),), ((2, 3), {"order": "F"})))
def _ravel(a, order="C"):
    return _reshape(a, -1, order)


@composite(np.transpose, examples=arrays(((2, 3, 4),), ((2, 3, 4), {"axes": (1, -1, 0)})))
def _transpose(a, axes=None):
    n = np.ndim(a)
    return transpose(a, axes=tuple(range(n))[::-1] if axes is None else tuple(axis_index(k, n) for k in axes))


@composite(np.matrix_transpose, np.linalg.matrix_transpose, examples=arrays(((2, 3, 4),)))
def _matrix_transpose(x):
    return np.swapaxes(x, -1, -2)


@composite(np.swapaxes, examples=arrays(((2, 3, 4), 0, -1)))
def _swapaxes(a, axis1, axis2):
    axes = list(range(np.ndim(a)))
    axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
    return transpose(a, axes=tuple(axes))


@composite(np.moveaxis, examples=arrays(((2, 3, 4), 0, -1), ((2, 3, 4), [0, 1], [-1, -2])))
def _moveaxis(a, source, destination):
    n = np.ndim(a)
    source, destination = axis_tuple(source, n), axis_tuple(destination, n)
    axes = [k for k in range(n) if k not in source]
    for to, of in sorted(zip(destination, source, strict=True)):
        axes.insert(to, of)
    return transpose(a, axes=tuple(axes))


@composite(np.rollaxis, examples=arrays(((2, 3, 4), 2), ((2, 3, 4), 0, {"start": 3}), ((2, 3, 4), 2, -2)))
def _rollaxis(a, axis, start=0):
    n = np.ndim(a)
    axis, start = axis_index(axis, n), start + n if start < 0 else start
    return np.moveaxis(a, axis, start - 1 if axis < start else start)


@composite(np.expand_dims, examples=arrays(((2, 3), 1), ((3,), {"axis": (0, -1)})))
def _expand_dims(a, axis):
    n = np.ndim(a) + (len(axis) if isinstance(axis, (tuple, list)) else 1)
    new, old = axis_tuple(axis, n), iter(np.shape(a))
    return reshape(a, shape=tuple(1 if k in new else next(old) for k in range(n)))


@composite(np.squeeze, examples=arrays(((1, 3, 1),), ((1, 3, 1), {"axis": 0})))
def _squeeze(a, axis=None):
    shape = np.shape(a)
    drop = tuple(k for k, n in enumerate(shape) if n == 1) if axis is None else axis_tuple(axis, len(shape))
    if any(shape[k] != 1 for k in drop):
        raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    return reshape(a, shape=tuple(n for k, n in enumerate(shape) if k not in drop))


@composite(np.broadcast_to, examples=arrays(((3,), {"shape": (2, 3)})))
def _broadcast_to(array, shape):
    return broadcast_to(array, shape=tuple(shape) if isinstance(shape, (tuple, list)) else (shape,))


@composite(np.broadcast_arrays, examples=arrays(((3,), (2, 1))))
def _broadcast_arrays(*args):
    shape = np.broadcast_shapes(*map(np.shape, args))
    return tuple(np.broadcast_to(a, shape) for a in args)


@composite(np.astype, examples=arrays(((3,), np.longdouble), ((3,), np.float64, {"copy": False})))
def _astype(x, dtype, *, copy=True):
    dtype = np.dtype(dtype)
    if dtype.kind in "biu":  # piecewise constant, as rounding is
        return np.asarray(primal(x)).astype(dtype)[()]
    if x.dtype == dtype:
        return +x if copy else x
    if is_complex(x) and dtype.kind == "f":
        raise error(DtypeError, f"a cast from {x.dtype} to {dtype} loses the imaginary part", "np.real(x)")
    return astype(x, dtype=dtype)


@composite(np.copy, examples=arrays(((2, 3),), ((2, 3), "F")))
def _copy(a, order="K"):
    return +a


def with_rank(a, n):
    """np.atleast_1d, 2d, 3d of one array."""
    shape = np.shape(a)
    if len(shape) >= n:
        return a
    padded = {0: (1,) * n, 1: ((1, *shape, 1) if n == 3 else (1, *shape)), 2: (*shape, 1)}[len(shape)]
    return reshape(as_array(a), shape=padded)


def _atleast(n):
    def atleast(*arys):
        found = tuple(with_rank(as_array(a), n) for a in arys)
        return found[0] if len(found) == 1 else found

    return atleast


for _n, _fn in ((1, np.atleast_1d), (2, np.atleast_2d), (3, np.atleast_3d)):
    composite(_fn, examples=arrays(((),), ((3,),), ((2, 3),)))(_atleast(_n))


@composite(np.flip, examples=arrays(((2, 3),), ((2, 3), {"axis": 1})))
def _flip(m, axis=None):
    axes = range(np.ndim(m)) if axis is None else axis_tuple(axis, np.ndim(m))
    return m[tuple(slice(None, None, -1) if k in axes else slice(None) for k in range(np.ndim(m)))]


@composite(np.fliplr, examples=arrays(((2, 3),)))
def _fliplr(m):
    return np.flip(m, 1)


@composite(np.flipud, examples=arrays(((2, 3),)))
def _flipud(m):
    return np.flip(m, 0)


@composite(np.rot90, examples=arrays(((2, 3),), ((2, 3), {"k": 2}), ((2, 3, 2), {"k": 3, "axes": (2, 0)})))
def _rot90(m, k=1, axes=(0, 1)):
    for _ in range(k % 4):
        m = np.flip(np.swapaxes(m, *axes), axes[0])
    return m


@composite(
    np.roll,
    examples=arrays(
        ((5,), 2), ((3, 4), -1), ((3, 4), 1, {"axis": 1}), ((3, 4), {"shift": (1, 2), "axis": (0, 1)})
    ),
)
def _roll(a, shift, axis=None):
    if axis is None and np.ndim(a) == 1:
        axis = 0
    if axis is None:
        return np.reshape(np.roll(np.ravel(a), shift, 0), np.shape(a))
    pairs = [(int(s), axis_index(int(k), np.ndim(a))) for s, k in np.broadcast(shift, axis)]
    return roll(a, shift=tuple(s for s, _ in pairs), axis=tuple(k for _, k in pairs))


@composite(np.tile, examples=arrays(((2, 3), 2), ((2,), {"reps": (2, 3)})))
def _tile(A, reps):
    reps = tuple(reps) if isinstance(reps, (tuple, list)) else (reps,)
    n = max(np.ndim(A), len(reps))
    shape, reps = (1,) * (n - np.ndim(A)) + np.shape(A), (1,) * (n - len(reps)) + reps
    spread = tuple(x for r, s in zip(reps, shape, strict=True) for x in (r, s))
    thin = tuple(x for s in shape for x in (1, s))
    tiled = broadcast_to(reshape(as_array(A), shape=thin), shape=spread)
    return +reshape(tiled, shape=tuple(r * s for r, s in zip(reps, shape, strict=True)))  # never a view


@composite(np.repeat, examples=arrays(((2, 3), 2), ((2, 3), [1, 0, 2], {"axis": 1})))
def _repeat(a, repeats, axis=None):
    if axis is None:
        a, axis = np.ravel(a), 0
    return np.take(a, np.repeat(np.arange(a.shape[axis]), repeats), axis=axis)


@composite(np.diagonal, examples=arrays(((3, 4),), ((3, 4, 2), {"offset": 1, "axis1": 0, "axis2": -1})))
def _diagonal(a, offset=0, axis1=0, axis2=1):
    return diagonal(np.moveaxis(a, (axis1, axis2), (-2, -1)), offset=int(offset))


@composite(np.diag, examples=arrays(((3,),), ((3,), {"k": -1}), ((3, 4), {"k": 1})))
def _diag(v, k=0):
    if np.ndim(v) == 2:
        return np.diagonal(v, k)
    n = np.size(v) + abs(k)
    i = np.arange(np.size(v))
    return scatter_add(v, index=(i - min(k, 0), i + max(k, 0)), shape=(n, n))


@composite(np.diagflat, examples=arrays(((2, 2),), ((3,), {"k": -1})))
def _diagflat(v, k=0):
    return np.diag(np.ravel(as_array(v)), k)


@composite(np.tril, examples=arrays(((3, 4),), ((3, 3), {"k": -1})))
def _tril(m, k=0):
    return np.where(np.tri(*np.shape(m)[-2:], k=k, dtype=bool), m, 0.0)


@composite(np.triu, examples=arrays(((3, 4),), ((3, 3), {"k": 1})))
def _triu(m, k=0):
    return np.where(np.tri(*np.shape(m)[-2:], k=k - 1, dtype=bool), 0.0, m)


@composite(
    np.meshgrid,
    examples=arrays(
        ((2,), (3,)), ((2,), (3,), {"indexing": "ij", "copy": True}), ((2,), (3,), (2,), {"sparse": True})
    ),
)
def _meshgrid(*xi, copy=True, sparse=False, indexing="xy"):
    n = len(xi)
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    order = [1, 0, *range(2, n)] if indexing == "xy" and n > 1 else list(range(n))
    shapes = [tuple(np.size(x) if order[k] == axis else 1 for axis in range(n)) for k, x in enumerate(xi)]
    grids = tuple(np.reshape(as_array(x), s) for x, s in zip(xi, shapes, strict=True))
    grids = grids if sparse else _broadcast_arrays(*grids)
    return tuple(+g for g in grids) if copy else grids
