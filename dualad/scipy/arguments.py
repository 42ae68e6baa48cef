"""What twins ask about their arguments."""

from __future__ import annotations

import functools
from typing import Any

from ..custom import within
from ..errors import KeywordError, error
from ..op import Tracer
from ..select import named
from ..tracer import operand
from ..tree import flatten


def traced(*arguments: Any) -> bool:
    """Whether one of the arguments is a traced value: otherwise SciPy itself computes."""
    return any(isinstance(a, Tracer) for a in arguments)


def plain_only(value: Any, function: str, parameter: str) -> None:
    """Raise for a traced parameter in which the function has no derivative: it would be a silent zero."""
    if traced(operand(value)):
        raise error(
            KeywordError,
            f"scipy.special.{function} has no derivative with respect to {parameter}",
            f"dualad.primal({parameter.partition(',')[0]}), if that derivative is not wanted",
        )


def plainly_called(f: Any) -> Any:
    """A function that SciPy calls with plain values: it raises where it reads traced ones from outside."""
    if not callable(f):
        return f

    @functools.wraps(f)
    def called(*args: Any, **kwargs: Any) -> Any:
        y = f(*args, **kwargs)
        within([operand(v) for v in flatten(y)[0]], (), named(f))
        return y

    return called
