"""Which arguments a derivative is taken in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .errors import ArgumentError, error
from .tree import inputs

Argnums = int | str | Sequence[int | str]


def named(f: Callable[..., Any]) -> str:
    """What to call the user's function in messages."""
    return getattr(f, "__qualname__", None) or getattr(f, "__name__", None) or type(f).__name__


class Selected:
    """The arguments that `argnums` picks out of a call, as one list of leaves.

    One position, or the name of a keyword argument, stands for that argument's structure; a tuple of them
    for a tuple of structures.
    """

    __slots__ = ("args", "keys", "kwargs", "leaves", "one", "rebuild")

    def __init__(
        self, f: Callable[..., Any], argnums: Argnums, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self.args, self.kwargs = args, kwargs
        self.one = not isinstance(argnums, (list, tuple))
        keys: Sequence[Any] = (argnums,) if self.one else argnums  # type: ignore[assignment]
        self.keys = [_key(f, key, args, kwargs) for key in keys]
        if len(set(self.keys)) < len(self.keys):
            raise error(
                ArgumentError, f"argnums={argnums} names an argument twice", "name each argument once"
            )
        chosen = [kwargs[k] if isinstance(k, str) else args[k] for k in self.keys]
        self.leaves, self.rebuild = inputs(
            chosen[0] if self.one else tuple(chosen), f"the argument of {named(f)}"
        )

    def call(self, f: Callable[..., Any], leaves: Sequence[Any]) -> Any:
        """`f` of the call's arguments, with `leaves` in place of the selected ones."""
        values = self.rebuild(leaves)
        args, kwargs = list(self.args), dict(self.kwargs)
        for key, value in zip(self.keys, (values,) if self.one else values, strict=True):
            if isinstance(key, str):
                kwargs[key] = value
            else:
                args[key] = value
        return f(*args, **kwargs)


def _key(f: Callable[..., Any], key: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int | str:
    if isinstance(key, str):
        if key in kwargs:
            return str(key)
        raise error(
            ArgumentError,
            f"argnums={key!r}, but {named(f)} was called without {key}=",
            f"call it with {key}=…",
        )
    if hasattr(key, "__index__") and -len(args) <= key < len(args):
        return int(key) % len(args)
    raise error(
        ArgumentError,
        f"argnums={key!r}, but {named(f)} was called with {len(args)} positional arguments",
        "positions count from 0; keyword arguments are named by a string, argnums='w'",
    )
