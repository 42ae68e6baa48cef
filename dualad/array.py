"""Traced arrays: what a traced scalar can do, and what a sequence can, assignment included."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from .errors import AssignmentError, error
from .foreign import caller, multiplies, refuses
from .op import Tracer, is_complex
from .rules.index import assign, index_into, normal_index
from .tracer import Traced, operand
from .views import replace


class TracedArray(Traced):
    """A traced array: what a scalar can do, and what a sequence can."""

    __slots__ = ()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if dtype is not None and np.dtype(dtype).kind != "O":
            self.refuse(f"conversion to an array of {np.dtype(dtype)}")
        if multiplies(sys._getframe(1)):
            boxed = np.empty((), object)
            boxed[()] = self
            return boxed
        if refuses(caller()):
            self.refuse("conversion to a plain array")
        boxed = np.empty(self.shape, object)
        for k in np.ndindex(self.shape):
            boxed[k] = self[k]
        # Of np.asarray(x), NumPy shows changes in x. Of this array it could not.
        boxed.flags.writeable = bool(copy)
        return boxed

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> Any:
        return index_into(self, index)

    def __iter__(self) -> Iterator[Any]:
        return (self[k] for k in range(len(self)))

    def __setitem__(self, index: Any, value: Any) -> None:
        """Assign as NumPy does: other names for this array, and its views, show the change.

        An array that the function was given is its own copy: the caller's never changes.
        """
        replace(self, self.assigned(index, value))

    def assigned(self, index: Any, value: Any) -> Any:
        """A new array with `value` at `index`."""
        value = operand(value)
        if isinstance(value, Tracer) and value.number > self.number:
            raise error(
                AssignmentError,
                "a traced value was assigned into an array of an outer derivative, which cannot hold it",
                "make the array in the inner function: np.zeros_like(x) of its own argument, or np.stack",
            )
        if is_complex(value) and not is_complex(self):
            raise error(
                AssignmentError,
                "a complex value was assigned into a real array, which would lose its imaginary part",
                "an array for complex values: np.zeros_like(x, dtype=complex), or x.astype(complex)",
            )
        return assign(self, value, index=normal_index(index, self.ndim))

    def become(self, other: Any) -> None:
        """Stand for what `other` stands for."""
        raise NotImplementedError

    def __copy__(self) -> Any:
        return +self  # type: ignore[operator]

    def __deepcopy__(self, memo: Any) -> Any:
        return +self  # type: ignore[operator]

    def fill(self, value: Any) -> None:
        self[...] = value

    def put(self, indices: Any, values: Any, mode: Any = "raise") -> None:
        np.put(self, indices, values, mode)  # type: ignore[arg-type]

    def sort(self, axis: int = -1, kind: Any = None) -> None:
        self[...] = np.sort(self, axis)


def _in_place(fn: Any) -> Any:
    def operate(self: Any, other: Any) -> Any:
        self[...] = fn(self, other)
        return self

    return operate


for _name, _fn in (
    ("add", np.add), ("sub", np.subtract), ("mul", np.multiply), ("truediv", np.divide), ("pow", np.power),
):  # fmt: skip
    setattr(TracedArray, f"__i{_name}__", _in_place(_fn))
