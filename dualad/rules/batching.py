"""How operations act on values with a trailing axis of directions: the strategies ops choose from.

A strategy is a function `(op, args, flags, keywords, k)`: `flags[i]` says that `args[i]` carries the k
directions on its last axis, and so does the result. NumPy aligns shapes from the right, so that with the
axis last most operations apply unchanged. It is stored first in memory, which keeps the inner loops long.
An op without a strategy is applied direction by direction, slowly and correctly.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

Args = Sequence[Any]
Flags = Sequence[bool]
Keywords = dict[str, Any]


def trailing(op: Any, args: Args, flags: Flags, keywords: Keywords, k: int) -> Any:
    """Axes are counted from the left: the directions ride along."""
    return op.call(*args, **keywords)


def aligned(op: Any, args: Args, flags: Flags, keywords: Keywords, k: int) -> Any:
    """Operands broadcast against each other: arrays without directions get an axis of length 1."""
    return op.call(*map(widened, args, flags), **keywords)


def leading(op: Any, args: Args, flags: Flags, keywords: Keywords, k: int) -> Any:
    """The op takes stacks of matrices: the directions become the first axis of the stack."""
    rank = max(np.ndim(a) - flag for a, flag in zip(args, flags, strict=True))
    y = op.call(*[forward(a, rank) if flag else a for a, flag in zip(args, flags, strict=True)], **keywords)
    return tuple(map(last, y)) if isinstance(y, tuple) else last(y)


def widened(a: Any, batched: bool) -> Any:
    """`a` with an axis of length 1 where the others have their directions."""
    return a if batched or np.ndim(a) == 0 else a[..., None]


def first(a: Any) -> Any:
    """The directions, from the last axis to the first."""
    n = np.ndim(a)
    return a.transpose(n - 1, *range(n - 1))


def last(a: Any) -> Any:
    """The directions, from the first axis to the last."""
    return a.transpose(*range(1, np.ndim(a)), 0)


def forward(a: Any, rank: int) -> Any:
    """Directions first, with axes of length 1 behind them up to `rank` of the unbatched operand."""
    a = first(a)
    missing = rank - (np.ndim(a) - 1)
    return np.reshape(a, a.shape[:1] + (1,) * missing + a.shape[1:]) if missing else a
