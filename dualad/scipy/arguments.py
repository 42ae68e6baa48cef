"""What twins ask about their arguments."""

from __future__ import annotations

from typing import Any

from ..errors import KeywordError, error
from ..op import Tracer
from ..tracer import operand


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
