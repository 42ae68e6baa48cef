"""Exercises of the lesson on broken automatic differentiation.

What each bug makes of a function is written down here as well: the function whose derivative comes out in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..derivative import derivative, grad
from .exercise import Check, Exercise, NotYet, function, value

F = Callable[[Any], Any]


def _square_of_sine(x: Any) -> Any:
    y = np.sin(x)
    return (y * y).sum()


def _tripled(x: Any) -> Any:
    y = np.exp(x)
    y *= 3.0
    return y.sum()


def _sine_then_tripled(x: Any) -> Any:
    y = x * 1.0
    s = np.sin(y)
    y *= 3.0
    return (s + y).sum()


# Each function by what it becomes where the last use of a value overwrites the others
OVERWRITTEN: Mapping[F, F] = {
    lambda x: (x * x).sum(): lambda x: np.sum(x * x) / 2,
    lambda x: (x + x).sum(): lambda x: np.sum(x),
    _square_of_sine: lambda x: np.sum(np.sin(x) ** 2) / 2,
}
# and by what it becomes where rules read what has been written over, all uses being added
CLOBBERED: Mapping[F, F] = {
    _tripled: lambda x: 9 * np.sum(np.exp(x)),
    _sine_then_tripled: lambda x: np.sum(np.sin(3 * x) / 3 + 3 * x),
}
# and by what both mistakes together make of it
BOTH: Mapping[F, F] = {**CLOBBERED, _sine_then_tripled: lambda x: np.sum(np.sin(3 * x) / 3)}
POINT = np.array([0.5, -1.0, 2.0])


def _gradient(f: F, x: Any) -> Any:
    return grad(f)(x)


def _mistaken(table: Mapping[F, F]) -> Callable[[F, Any], Any]:
    return lambda f, x: grad(table[f])(x)


class _Confused:
    """A dual number that does not know which derivative it belongs to."""

    def __init__(self, value: Any, tangent: Any) -> None:
        self.value, self.tangent = value, tangent

    def __add__(self, other: Any) -> _Confused:
        b = other if isinstance(other, _Confused) else _Confused(other, 0.0)
        return _Confused(self.value + b.value, self.tangent + b.tangent)

    def __mul__(self, other: Any) -> _Confused:
        b = other if isinstance(other, _Confused) else _Confused(other, 0.0)
        return _Confused(self.value * b.value, self.value * b.tangent + self.tangent * b.value)

    __radd__, __rmul__ = __add__, __mul__


def _confused(f: F) -> F:
    return lambda x: f(_Confused(x, 1.0)).tangent


PROGRAMS: tuple[Callable[[Any], Any], ...] = (
    lambda d: d(lambda x: x * d(lambda y: x + y)(1.0))(1.0),
    lambda d: d(lambda x: x * d(lambda y: x * y)(2.0))(3.0),
    lambda d: d(lambda x: x * d(lambda y: x * 1.0 + y * y * y)(0.5))(2.0),
    lambda d: d(d(lambda x: x * x * x))(2.0),
)


def _run(d: Any) -> list[Any]:
    if not callable(d):
        raise NotYet(f"the answer is to be an operator, used as answer(f)(x), and this is {d!r}")
    return [program(d) for program in PROGRAMS]


EXERCISES = {
    "repair/be the machine": Exercise(
        "What does a tape that overwrites adjoints say for the derivative of x * x * x at 2?",
        value(lambda: derivative(lambda x: x * 2.0 * 2.0)(2.0)),
        "a third of the truth: of three uses of x, only the one that the sweep meets last is left.",
        [
            (12.0, "that is the right derivative; the broken tape finds another."),
            (8.0, "one use is lost in x * x and another at x itself: which writes to x last?"),
            (
                6.0,
                "follow the order of the sweep: v₂ first, then v₁; each write to x replaces what was there.",
            ),
            (
                0.0,
                "write down the adjoints of v₁ and of x after each step of the sweep, and replace, do not add.",
            ),
        ],
    ),
    "repair/accumulation": Exercise(
        "Repair the gradient so that every use of a value counts.",
        function(_gradient, *((f, POINT) for f in OVERWRITTEN)),
        "adjoints add up wherever a value is used more than once: that sum is the chain rule.",
        [
            (
                _mistaken(OVERWRITTEN),
                "where a value is used twice, one use is lost: what happens to the adjoint that was there?",
            ),
            (
                lambda f, x: 2 * grad(f)(x),
                "twice too much: is an adjoint added twice, or left over from the run before?",
            ),
            (lambda f, x: 0.0 * x, "the adjoint of a value is the sum over all its uses."),
        ],
    ),
    "repair/levels": Exercise(
        "Repair the derivative so that nested derivatives do not see each other's tangents.",
        Check(_run, lambda: _run(derivative)),
        "a tangent belongs to one derivative, and says so: numbers that only grow keep them apart.",
        [
            (
                _confused,
                "the inner derivative moves the outer variable as well: how does + know whose a tangent is?",
            ),
            (
                lambda f: lambda x: 0.0,
                "one dual number inside another is a value, not a constant: which of the two levels acts first?",
            ),
        ],
    ),
    "repair/buffers": Exercise(
        "Repair the tape so that code which multiplies in place has the right gradient.",
        function(_gradient, *((f, POINT) for f in CLOBBERED)),
        "what a rule will read in the sweep must still be there: no memory is free before the sweep is over.",
        [
            (
                _mistaken(BOTH),
                "adjoints are still overwritten; repair that first, or bring that repair along.",
            ),
            (
                _mistaken(CLOBBERED),
                "adjoints add up now, but exp and sin read their arrays late: who has written there since?",
            ),
            (
                lambda f, x: grad(f if f is _tripled else CLOBBERED[f])(x),
                "exp is safe now; sin keeps no copy of its argument, which may be written over just as well.",
            ),
            (
                lambda f, x: grad(lambda x: f(x) / 3)(x),
                "the memory is safe, but a factor is lost: *= is a multiplication, and has a rule.",
            ),
            (
                lambda f, x: 0.0 * x,
                "compare with the gradient of the same function, written with y = y * 3.0.",
            ),
        ],
    ),
}
