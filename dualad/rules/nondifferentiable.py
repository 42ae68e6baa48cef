"""Functions whose results are piecewise constant, or facts about types: they return plain values."""

import numpy as np

from ..op import plain

# comparisons and logic
plain(np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal)
plain(
    np.logical_and, np.logical_or, np.logical_xor, np.logical_not, np.isfinite, np.isinf, np.isnan, np.signbit
)
plain(np.isclose, np.allclose, np.array_equal, np.array_equiv, np.any, np.all, np.isposinf, np.isneginf)
plain(np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert)
# rounding and signs
plain(np.floor, np.ceil, np.trunc, np.rint, np.fix, np.round, np.around, np.floor_divide, np.spacing)
plain(np.sign, complex=False)
# positions and counts
plain(
    np.argmax,
    np.argmin,
    np.argsort,
    np.argpartition,
    np.argwhere,
    np.nonzero,
    np.flatnonzero,
    np.count_nonzero,
)
plain(np.searchsorted, np.digitize, np.lexsort, np.nanargmax, np.nanargmin)
# types and memory
plain(np.result_type, np.can_cast, np.common_type, np.min_scalar_type)


plain(np.may_share_memory, np.shares_memory)


plain(np.iscomplexobj, np.isrealobj, np.iscomplex, np.isreal)
# text
plain(np.array_repr, np.array_str, np.array2string)
