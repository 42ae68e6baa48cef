"""Where the first infinity or NaN of a derivative comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from .errors import NonFiniteError, error, user_line
from .op import Op, primal

_watching: ContextVar[bool] = ContextVar("watching", default=False)


@contextmanager
def debug_nans() -> Iterator[None]:
    """Raise at the first operation whose derivative is infinite or NaN while its value is finite.

    Within this context every derivative is computed from a tape that notes the user's lines, operation by
    operation, which is slower by far. In reverse mode the first operation is the first that the sweep comes to,
    the last of the program. It holds for the current thread (or asynchronous task) alone.

    raises, inside: NonFiniteError, which names the operation, the line and the numbers there

    >>> with debug_nans():
    ...     grad(lambda x: np.sqrt(x) ** 2)(0.0)
    Traceback (most recent call last):
        ...
    dualad.errors.NonFiniteError: np.sqrt has a derivative that is not finite, where its value is: y = 0.0 at x = 0.0
    ...
    """
    token = _watching.set(True)
    try:
        yield
    finally:
        _watching.reset(token)


def watching() -> bool:
    """Whether this is inside `debug_nans`."""
    return _watching.get()


class Lines(list[Any]):
    """The entries of a tape, and the user's lines that they came from."""

    __slots__ = ("lines",)

    def __init__(self, entries: Iterable[Any], lines: Iterable[str] | None = None) -> None:
        super().__init__(entries)
        self.lines = [""] * len(self) if lines is None else list(lines)

    def append(self, entry: Any) -> None:
        self.lines.append(user_line())
        super().append(entry)

    def copy(self) -> Lines:
        return Lines(self, self.lines)


def finite(v: Any) -> bool:
    """Whether all numbers of a value, or of several, are finite."""
    if isinstance(v, (tuple, list)):
        return all(map(finite, v))
    v = primal(v)
    return (
        v is None
        or not isinstance(v, (float, complex, np.ndarray, np.generic))
        or bool(np.all(np.isfinite(v)))
    )


def not_finite(op: Op, y: Any, args: Sequence[Any], derivative: Any, line: str) -> NonFiniteError:
    """The error for an operation, with the numbers at the first element where `derivative` is not finite."""
    at = ""
    plain = [primal(v) for v in (y, *args)]
    bad = ~np.isfinite(primal(derivative))
    while np.ndim(bad) > np.ndim(plain[0]):  # one of many directions
        bad = np.any(bad, axis=-1)
    if bad.ndim and np.shape(plain[0]) == bad.shape:
        where = tuple(int(k) for k in np.argwhere(bad)[0])
        plain = [v[where] if np.shape(v) == bad.shape else v for v in plain]
        at = f", for element {where[0] if len(where) == 1 else where}"
    if op.kind == "elementwise" and all(np.ndim(v) == 0 for v in plain):
        names = "x" if len(args) == 1 else ", ".join("ab"[: len(args)])
        values = ", ".join(str(v) for v in plain[1:])
        at = f": y = {plain[0]} at {names} = {values}{at}"
    return error(
        NonFiniteError,
        f"{op.name} has a derivative that is not finite, where its value is{at}",
        "np.where(condition, f(x), value) leaves such elements out; or another form of the formula",
        line=line,
    )
