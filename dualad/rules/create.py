"""New arrays in the form of a traced one: of its level, so that traced values can be assigned into them."""

import numpy as np

from ..op import composite
from .examples import WIDER, arrays


@composite(
    np.full_like,
    examples=arrays(((2, 3), ()), ((2, 3), (3,)), ((3,), (), {"shape": (2, 2)}), ((3,), (), WIDER)),
)
def _full_like(a, fill_value, dtype=None, *, shape=None):
    shape, dtype = np.shape(a) if shape is None else shape, np.dtype(a.dtype if dtype is None else dtype)
    full = np.broadcast_to(fill_value, shape).astype(dtype)
    if dtype.kind not in "fc" or not np.ndim(full):
        return full
    new = a.buffer(np.zeros(np.shape(full), dtype))
    new[...] = full
    return new


def _new(create):
    """np.zeros_like and kin: an array of the same level, so that traced values can be assigned into it."""

    def new(a, dtype=None, order="K", subok=True, *, shape=None):
        value = create(np.shape(a) if shape is None else shape, a.dtype if dtype is None else dtype)
        return a.buffer(value) if value.dtype.kind in "fc" and value.ndim else value[()]

    return new


_NEW = arrays(((2, 3),), ((3,), {"shape": (2, 2), "order": "F", "subok": False}), ((3,), WIDER))
composite(np.zeros_like, examples=_NEW)(_new(np.zeros))
composite(np.ones_like, examples=_NEW)(_new(np.ones))
composite(np.empty_like, examples=lambda rng: [])(_new(np.zeros))  # NumPy's holds anything
