"""Functions that programs call as they are, on plain values, with derivatives that are functions of the same kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..custom import Call, Leaves, Rule, called, operation
from ..derivative import jvp, vjp
from ..run import conjugated
from ..tree import flatten

F = Callable[..., Any]


def opaque(f: F) -> F:
    """`f` as one operation, whatever its values make it do: a program calls it, and does not look inside.

    f: function that can be differentiated, and whose result has the same structure and shapes in all calls
    """
    op, rule = operation(f), _Inside(f)
    return lambda *args: called(op, f, rule, args, {})


class _Inside(Rule):
    """Derivatives by running the function under forward or reverse mode, on plain values in turn."""

    def __init__(self, f: F) -> None:
        self.f = f

    def _of(self, call: Call, args: Sequence[Any], flags: Sequence[bool]) -> F:
        """The function of the flagged numbers alone."""

        def of(*moving: Any) -> Any:
            rest = iter(moving)
            return self.f(
                *call.arguments([next(rest) if on else a for a, on in zip(args, flags, strict=True)])
            )

        return of

    def push(self, call: Call, tangents: Sequence[Any], y: Sequence[Any], args: Sequence[Any]) -> Leaves:
        flags = [dx is not None for dx in tangents]

        def pushed(args: Leaves, moving: Leaves) -> Any:
            at = tuple(a for a, on in zip(args, flags, strict=True) if on)
            return jvp(self._of(call, args, flags), at, tuple(moving))[1]

        pushed.__qualname__ = call.op.name
        return flatten(opaque(pushed)(list(args), [dx for dx in tangents if dx is not None]))[0]

    def pull(
        self, call: Call, g: Sequence[Any], y: Sequence[Any], args: Sequence[Any], wanted: Sequence[bool]
    ) -> Leaves:
        def pulled(args: Leaves, g: Any) -> Any:
            at = [a for a, on in zip(args, wanted, strict=True) if on]
            return vjp(self._of(call, args, wanted), *at)[1](g)

        pulled.__qualname__ = call.op.name
        found = iter(opaque(pulled)(list(args), call.build([*map(conjugated, g)])))
        return [conjugated(next(found)) if on else None for on in wanted]
