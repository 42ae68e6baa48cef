"""Joining and splitting: compositions of `concatenate`, indexing and reshapes."""

from itertools import pairwise

import numpy as np

from ..errors import KeywordError, error
from ..op import composite, linear
from .examples import WIDER, arrays
from .shape import as_array, axis_index, axis_tuple, concatenate, reshape, roll, static_shape, with_rank


@composite(
    np.concatenate,
    examples=arrays(
        ([(2, 3), (1, 3)],),
        ([(2, 3), (2, 1)], {"axis": -1}),
        ([(2, 2), (3,)], {"axis": None}),
        ([(3,), (2,)], {**WIDER, "casting": "safe"}),
    ),
)
def _concatenate(arrays, axis=0, *, dtype=None, casting="same_kind"):
    parts = [as_array(a) for a in arrays]
    if dtype is not None:  # NumPy says what it casts
        kinds = [float if p.dtype == object else p.dtype for p in parts]
        np.concatenate([np.zeros(0, kind) for kind in kinds], dtype=dtype, casting=casting)
    if axis is None:
        parts, axis = [np.ravel(a) for a in parts], 0
    y = concatenate(*parts, axis=axis_index(axis, np.ndim(parts[0])))
    return y if dtype is None else y.astype(dtype)


# Numbers side by side: what np.array([x, y, z]) of traced scalars stands for
numbers = linear(
    lambda *xs: np.array(xs),
    lambda g, i, *xs: g[i],
    name="array of numbers",
    variadic=True,
    moves=True,
    depends="moved",
    dispatches=False,
    batch=lambda op, args, flags, keywords, k: np.moveaxis(
        np.stack([np.broadcast_to(a, (k,)) for a in args], axis=-1), 0, -1
    ),
    examples=arrays(((), (), ())),
)


@composite(
    np.stack,
    examples=arrays(
        ([(3,), (3,)],),
        ([(2, 3), (2, 3)], {"axis": -1}),
        ([(), ()],),
        ([(), ()], {**WIDER, "casting": "safe"}),
    ),
)
def _stack(arrays, axis=0, *, dtype=None, casting="same_kind"):
    if dtype is None and axis in (0, -1) and len(arrays) and not any(map(np.ndim, arrays)):
        return numbers(*arrays)
    parts = [np.expand_dims(as_array(a), axis) for a in arrays]
    return _concatenate(parts, axis, dtype=dtype, casting=casting)


@composite(
    np.vstack, examples=arrays(([(3,), (2, 3)],), ([(2,)], {"dtype": np.longdouble, "casting": "safe"}))
)
def _vstack(tup, *, dtype=None, casting="same_kind"):
    return _concatenate([with_rank(as_array(a), 2) for a in tup], 0, dtype=dtype, casting=casting)


@composite(np.hstack, examples=arrays(([(3,), (2,)],), ([(2, 3), (2, 1)], {**WIDER, "casting": "safe"})))
def _hstack(tup, *, dtype=None, casting="same_kind"):
    parts = [with_rank(as_array(a), 1) for a in tup]
    return _concatenate(parts, 0 if np.ndim(parts[0]) == 1 else 1, dtype=dtype, casting=casting)


@composite(np.dstack, examples=arrays(([(3,), (3,)],)))
def _dstack(tup):
    return _concatenate([with_rank(as_array(a), 3) for a in tup], 2)


@composite(np.column_stack, examples=arrays(([(3,), (3, 2)],)))
def _column_stack(tup):
    return _concatenate(
        [a if np.ndim(a) == 2 else reshape(as_array(a), shape=(np.size(a), 1)) for a in tup], 1
    )


@composite(np.append, examples=arrays(((2, 2), (3,)), ((2, 2), (1, 2), {"axis": 0})))
def _append(arr, values, axis=None):
    return _concatenate([as_array(arr), as_array(values)], axis)


@composite(np.array_split, examples=arrays(((7,), 3), ((2, 5), [1, 3], {"axis": 1})))
def _array_split(ary, indices_or_sections, axis=0):
    axis = axis_index(axis, np.ndim(ary))
    bounds = indices_or_sections
    if np.ndim(bounds) == 0:  # NumPy splits the positions; the pieces of a traced value are slices
        bounds = np.cumsum([len(piece) for piece in np.array_split(np.arange(ary.shape[axis]), bounds)])[:-1]
    bounds = [0, *(int(b) for b in bounds), ary.shape[axis]]
    lead = (slice(None),) * axis
    return [ary[(*lead, slice(a, b))] for a, b in pairwise(bounds)]


@composite(np.split, examples=arrays(((6,), 3), ((2, 5), [1, 3], {"axis": 1})))
def _split(ary, indices_or_sections, axis=0):
    if np.ndim(indices_or_sections) == 0 and ary.shape[axis] % indices_or_sections:
        raise ValueError("array split does not result in an equal division")
    return _array_split(ary, indices_or_sections, axis)


@composite(np.hsplit, examples=arrays(((6,), 3), ((2, 5), [1, 3])))
def _hsplit(ary, indices_or_sections):
    return _split(ary, indices_or_sections, 1 if np.ndim(ary) > 1 else 0)


@composite(np.vsplit, examples=arrays(((4, 3), 2)))
def _vsplit(ary, indices_or_sections):
    return _split(ary, indices_or_sections, 0)


@composite(np.dsplit, examples=arrays(((2, 1, 4), 2)))
def _dsplit(ary, indices_or_sections):
    return _split(ary, indices_or_sections, 2)


def _unstack(x, /, *, axis=0):
    return tuple(np.moveaxis(x, axis, 0))


if hasattr(np, "unstack"):  # NumPy 2.1
    composite(np.unstack, examples=arrays(((3, 2),), ((3, 2), {"axis": -1})))(_unstack)


@composite(
    np.block, examples=arrays(([[(2, 2), (2, 1)], [(1, 2), (1, 1)]],), ([(), (3,)],), ([[(3,)], [(2, 3)]],))
)
def _block(arrays):
    def depth(x):
        return 1 + max(map(depth, x)) if isinstance(x, list) else 0

    def rank(x):
        return max(map(rank, x)) if isinstance(x, list) else np.ndim(x)

    levels = depth(arrays)
    n = max(levels, rank(arrays))

    def built(x, level):
        if level == levels:
            x = as_array(x)
            return reshape(x, shape=(1,) * (n - np.ndim(x)) + np.shape(x))
        return np.concatenate([built(part, level + 1) for part in x], axis=level - levels)

    return built(arrays, 0)


@composite(
    np.pad,
    examples=arrays(
        ((3,), 2), ((2, 3), {"pad_width": ((1, 0), (0, 2)), "constant_values": 1.5}),
        ((3,), {"pad_width": (1, 2), "mode": "edge"}),
        ((3, 4), 2, {"mode": "reflect"}), ((3,), 4, {"mode": "wrap"}),
        ((2, 3), 1, {"mode": "symmetric", "reflect_type": "even"}),
    ),
)  # fmt: skip
def _pad(array, pad_width, mode="constant", *, constant_values=0, reflect_type="even"):
    widths = np.broadcast_to(pad_width, (np.ndim(array), 2))
    if mode in ("edge", "reflect", "symmetric", "wrap") and reflect_type == "even":
        for axis, width in enumerate(widths):  # NumPy pads the positions
            if np.any(width):
                array = np.take(array, np.pad(np.arange(array.shape[axis]), tuple(width), mode), axis)
        return array if np.any(widths) else +array
    if mode != "constant":
        fix = "mode='constant', 'edge', 'reflect', 'symmetric' or 'wrap'"
        raise error(KeywordError, f"np.pad has no derivative rule for mode={mode!r} and such keywords", fix)
    for axis, (width, values) in enumerate(
        zip(widths, np.broadcast_to(constant_values, widths.shape), strict=True)
    ):
        before, after = (
            np.full((*array.shape[:axis], n, *array.shape[axis + 1 :]), value, array.dtype)
            for n, value in zip(width, values, strict=True)
        )
        array = concatenate(before, array, after, axis=axis)
    return array


@composite(np.delete, examples=arrays(((4,), 1), ((3, 4), [0, -1], {"axis": 1}), ((2, 2), slice(0, 3, 2))))
def _delete(arr, obj, axis=None):
    if axis is None:
        arr, axis = np.ravel(arr), 0
    return np.take(arr, np.delete(np.arange(arr.shape[axis]), obj), axis)


@composite(
    np.insert,
    examples=arrays(((4,), 1, ()), ((3, 2), [0, 2], (3, 2), {"axis": 1}), ((2, 3), 1, (2, 3), {"axis": 0})),
)
def _insert(arr, obj, values, axis=None):
    arr, values = as_array(arr), as_array(values)
    if axis is None:
        arr, axis = np.ravel(arr), 0
    axis, rank = axis_index(axis, np.ndim(arr)), np.ndim(arr)
    values = reshape(values, shape=(1,) * (rank - np.ndim(values)) + np.shape(values))
    one = np.ndim(obj) == 0 and not isinstance(obj, slice)
    values = np.moveaxis(values, 0, axis) if one else values
    n = arr.shape[axis]
    new = values.shape[axis] if one else np.arange(n)[obj].size if isinstance(obj, slice) else len(obj)
    values = np.broadcast_to(values, (*arr.shape[:axis], new, *arr.shape[axis + 1 :]))
    return np.take(
        concatenate(arr, values, axis=axis), np.insert(np.arange(n), obj, np.arange(n, n + new)), axis
    )


@composite(np.resize, examples=arrays(((2, 3), [4, 2]), ((3,), 2)))
def _resize(a, new_shape):
    a = np.ravel(a)
    shape = static_shape(new_shape, 0)
    return np.reshape(np.take(a, np.arange(np.prod(shape, dtype=int)) % a.shape[0]), shape)


# the zero frequency in the middle, and back
def _centred(sign):
    def shifted(x, axes=None):
        axes = range(np.ndim(x)) if axes is None else axis_tuple(axes, np.ndim(x))
        return roll(x, shift=tuple(sign * (np.shape(x)[k] // 2) for k in axes), axis=tuple(axes))

    return shifted


_CENTRED = arrays(((5,),), ((3, 4),), ((3, 4), {"axes": -1}), ((2, 3, 4), (0, 2)))
composite(np.fft.fftshift, examples=_CENTRED)(_centred(1))
composite(np.fft.ifftshift, examples=_CENTRED)(_centred(-1))
