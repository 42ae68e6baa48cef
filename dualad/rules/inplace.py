"""Functions that write into their first argument: NumPy says which value lands where, and an assignment puts it there.

Each is applied to an array of positions, so that its keywords, its cycling through the values and its errors
are NumPy's own.
"""

import numpy as np

from ..errors import AssignmentError, error, name_of
from ..op import Tracer, composite, example, primal
from .examples import arrays
from .index import positions
from .shape import as_array


def write(fn, target, values, place):
    """Assign into the traced `target` as `fn` does; `place(marks, numbers)` is `fn` on an array of plain numbers."""
    values = as_array(values)
    if not isinstance(target, Tracer) or not np.ndim(target):
        if isinstance(target, Tracer) or isinstance(values, Tracer) or values.dtype == object:
            raise error(
                AssignmentError,
                f"{name_of(fn)} was to write a traced value into a plain array or number",
                "an array of the traced kind, y = np.zeros_like(x) of a traced x, which can be written into; "
                "or a new array, by np.where",
            )
        place(target, values)
        return
    marks = np.full(np.shape(target), -1)
    place(marks, np.reshape(np.arange(np.size(values)), np.shape(values)))
    hit = marks >= 0
    if np.any(hit):
        target[hit] = np.reshape(values, -1)[marks[hit]]


@composite(
    np.put,
    examples=arrays(
        ((2, 3), [0, 4], (2,)),
        ((5,), np.array([1, -1, 3, 1]), (3,)),
        ((4,), [0, 6], (), {"mode": "wrap"}),
        ((4,), [-3, 2, 9], (5,), {"mode": "clip"}),
    ),
)
def _put(a, ind, v, mode="raise"):
    ind = positions(ind)
    write(np.put, a, v, lambda marks, numbers: np.put(marks, ind, numbers, mode))


@composite(
    np.copyto,
    examples=arrays(
        ((2, 3), (3,)),
        ((2, 3), (2, 1), {"where": np.array([True, False, True])}),
        ((4,), (), {"where": np.array([False, False, True, True]), "casting": "safe"}),
    ),
)
def _copyto(dst, src, casting="same_kind", where=True):
    values, where = as_array(src), primal(where)
    if values.dtype != object:  # a number is cast by its value, an array by its dtype
        one = np.zeros((), values.dtype) if np.ndim(src) else example(src)
        np.copyto(np.zeros((), dst.dtype), one, casting)
    write(np.copyto, dst, values, lambda marks, numbers: np.copyto(marks, numbers, where=where))


@composite(
    np.place,
    examples=arrays(
        ((2, 3), np.array([[True, False, True], [True, True, False]]), (3,)),
        ((4,), np.array([True, True, False, True]), (2,)),
    ),
)
def _place(arr, mask, vals):
    mask = primal(mask)
    write(np.place, arr, vals, lambda marks, numbers: np.place(marks, mask, numbers))


@composite(
    np.putmask,
    examples=arrays(
        ((2, 3), np.array([[True, False, True], [True, True, False]]), (4,)),
        ((3,), np.array([True, False, True]), ()),
    ),
)
def _putmask(a, mask, values):
    mask = primal(mask)
    write(np.putmask, a, values, lambda marks, numbers: np.putmask(marks, mask, numbers))


@composite(
    np.put_along_axis,
    examples=arrays(
        ((2, 3), np.array([[1, 2], [0, 0]]), (2, 2), 1),
        ((2, 3), np.array([[2]]), (), {"axis": -1}),
        ((2, 3), np.array([5, 0]), (2,), None),
    ),
)
def _put_along_axis(arr, indices, values, axis=-1):
    indices = positions(indices)
    write(
        np.put_along_axis, arr, values,
        lambda marks, numbers: np.put_along_axis(marks, indices, numbers, axis),
    )  # fmt: skip


@composite(
    np.fill_diagonal,
    examples=arrays(((3, 3), ()), ((2, 4), (2,)), ((5, 2), (2,), {"wrap": True}), ((2, 2, 2), (3,))),
)
def _fill_diagonal(a, val, wrap=False):
    write(np.fill_diagonal, a, val, lambda marks, numbers: np.fill_diagonal(marks, numbers, wrap))
