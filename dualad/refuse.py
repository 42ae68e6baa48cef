"""What a traced value refuses: conversions to plain numbers and arrays, which would lose its derivative."""

from __future__ import annotations

import re
from typing import Any, NoReturn

import numpy as np

from . import draws, foreign
from .errors import ConversionError, error, user_call, user_line
from .op import OPS, Tracer

# `a[i] = x`, `a[1:] += x`, `a.fill(x)`, but not `a[i] = float(x)`
_FILLING = re.compile(r"(?!.*\b(float|complex))(.*\]\s*(\*\*|//|[-+*/@%])?=(?!=)|.*\.fill\()")
BUFFER = (
    "an array that can hold it, by np.zeros_like(x) or np.zeros(n, like=x), or the code as it is with "
    "@dualad.inplace on the function that makes the array"
)


class Refusing(Tracer):
    """A traced value as Python and NumPy would make a plain one of it: an error that says what to do."""

    __slots__ = ()

    def refuse(self, what: str) -> NoReturn:
        name = foreign.caller()
        if name:
            raise error(ConversionError, foreign.problem(name), foreign.advice(name))
        draw = draws.form(user_call())
        if draw is not None:
            raise error(
                ConversionError, f"{draw[0]} of a traced parameter would lose its derivative", draw[1]
            )
        source = user_line().partition(": ")[2]
        call = re.search(r"(?<![\w.])(math|cmath|random|statistics)\.(\w+)\(", source)
        if call is not None:
            raise error(
                ConversionError,
                f"{call[1]}.{call[2]} turns a traced value into a plain number, which would lose its derivative",
                f"np.{call[2]}, which has a rule"
                if getattr(np, call[2], None) in OPS
                else "a NumPy function, or dualad.primal(x)",
            )
        if what.startswith(("float", "complex", "conversion")) and _FILLING.match(source):
            raise error(
                ConversionError,
                "a traced value was assigned into a plain array, which cannot hold it",
                f"{BUFFER}; or np.stack of the elements",
            )
        raise error(
            ConversionError,
            f"{what} of a traced value would lose its derivative",
            "keep the traced value (NumPy functions take it as it is; build arrays with np.stack or np.array of "
            "traced values, or fill them under @dualad.inplace), or drop the derivative with dualad.primal(x)",
        )

    def __float__(self) -> float:
        self.refuse("float()")

    def __int__(self) -> int:
        self.refuse("int()")

    def __index__(self) -> int:
        self.refuse("use as an integer")

    def __complex__(self) -> complex:
        self.refuse("complex()")

    def item(self, *args: Any) -> NoReturn:
        self.refuse(".item()")

    def tolist(self) -> NoReturn:
        self.refuse(".tolist()")

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        self.refuse("pickling")

    def __hash__(self) -> int:
        self.refuse("hashing (use as a dictionary key or set member)")
