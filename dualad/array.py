"""Traced arrays: what a traced scalar can do, and what a sequence can, assignment included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .errors import AssignmentError, error
from .op import Tracer
from .rules.index import assign, index_into, normal_index, scatter_add
from .tracer import Traced, operand
from .views import replace


class TracedArray(Traced):
    """A traced array: what a scalar can do, and what a sequence can."""

    __slots__ = ()

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
        return assign(self, value, index=normal_index(index, self.ndim))

    def add_at(self, index: Any, value: Any) -> None:
        """np.add.at: positions named twice count twice."""
        index = normal_index(index, self.ndim)
        value = np.broadcast_to(value, np.shape(np.empty(self.shape)[index]))
        self[...] = self + scatter_add(value, index=index, shape=self.shape)

    def become(self, other: Any) -> None:
        """Stand for what `other` stands for."""
        raise NotImplementedError

    def __copy__(self) -> Any:
        return +self  # type: ignore[operator]

    def __deepcopy__(self, memo: Any) -> Any:
        return +self  # type: ignore[operator]

    def fill(self, value: Any) -> None:
        self[...] = value

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
