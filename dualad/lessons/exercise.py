"""What an exercise is: a question, what the answer is compared with, and what to say to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..errors import DualadError


class NotYet(DualadError, ValueError):
    """An answer to an exercise that is not right yet; the message is a hint."""


class Check(NamedTuple):
    """How an answer is judged: `view(answer)` is compared with what `expected()` computes.

    view: what of an answer is compared: the number itself, or what a function returns at some points; it raises
        `NotYet` for an answer of the wrong kind
    expected: what comes out where the answer is right, numbers or arrays, computed by dualad when it is asked for
    """

    view: Callable[[Any], Any]
    expected: Callable[[], Any]
    rtol: float = 1e-6
    atol: float = 1e-12


def value(expected: Callable[[], Any], rtol: float = 1e-6, atol: float = 1e-12) -> Check:
    """The answer is a number, an array, a word, or a structure of these."""
    return Check(lambda answer: answer, expected, rtol, atol)


def function(
    expected: Callable[..., Any], *cases: Sequence[Any], rtol: float = 1e-6, atol: float = 1e-12
) -> Check:
    """The answer is a function, which returns what `expected` does for each case, a tuple of arguments."""

    def view(answer: Any) -> Any:
        if not callable(answer):
            raise NotYet(f"the answer is to be a function, and this is {answer!r}")
        return [answer(*case) for case in cases]

    return Check(view, lambda: [expected(*case) for case in cases], rtol, atol)


def cases(*shapes: tuple[int, ...], seed: int = 0, n: int = 3) -> list[tuple[np.ndarray, ...]]:
    """Such random arguments, `n` times, of numbers between -2 and 2; the same for the same seed."""
    rng = np.random.default_rng(seed)
    return [tuple(rng.uniform(-2, 2, shape) for shape in shapes) for _ in range(n)]


@dataclass(frozen=True)
class Exercise:
    """A question of a lesson.

    question: in one sentence, as the lesson puts it
    check: what the answer is compared with
    right: one sentence for a right answer, which says why it matters
    hints: pairs of a wrong answer that people give and what to say to it, never the solution; the last one's words are
        for all other wrong answers as well
    """

    question: str
    check: Check
    right: str
    hints: Sequence[tuple[Any, str]]

    def judge(self, answer: Any) -> None:
        """Nothing if the answer is right; raises `NotYet` with the hint that fits if it is not."""
        view, expected, rtol, atol = self.check
        found = view(answer)
        if agree(found, expected(), rtol, atol):
            return
        for wrong, words in self.hints:
            if agree(found, view(wrong), rtol, atol):
                raise NotYet(words)
        raise NotYet(self.hints[-1][1])


def agree(a: Any, b: Any, rtol: float, atol: float) -> bool:
    """Whether two answers are the same: structures alike, words equal, numbers within the tolerances, shapes equal."""
    if isinstance(b, Mapping):
        return (
            isinstance(a, Mapping) and a.keys() == b.keys() and all(agree(a[k], b[k], rtol, atol) for k in b)
        )
    if isinstance(b, (list, tuple)):
        alike = isinstance(a, (list, tuple, np.ndarray)) and len(a) == len(b)
        return alike and all(agree(x, y, rtol, atol) for x, y in zip(a, b))
    if isinstance(b, str):
        return isinstance(a, str) and a.strip().lower() == b.strip().lower()
    if isinstance(b, bool) or b is None:
        return isinstance(a, (bool, np.bool_, type(b))) and bool(a == b)
    x, y = np.asarray(a), np.asarray(b)
    if x.dtype.kind not in "biufc" or x.shape != y.shape:
        return False
    return bool(np.allclose(x, y, rtol=rtol, atol=atol, equal_nan=True))
