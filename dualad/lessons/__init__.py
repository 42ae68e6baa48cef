"""Answers to the exercises of the lessons in docs/lessons, checked by what dualad itself computes.

Every lesson's exercises are in the file of its name here: `EXERCISES`, by name.
"""

from __future__ import annotations

import textwrap
from importlib import import_module, util
from typing import Any

from ..errors import ArgumentError, error
from .exercise import Exercise, NotYet

__all__ = ["Exercise", "NotYet", "check", "exercises"]


def exercises(lesson: str) -> dict[str, Exercise]:
    """All exercises of a lesson, by name.

    lesson: its name, the part of an exercise's name before the slash
    raises: ArgumentError where there is no such lesson

    >>> list(dualad.lessons.exercises("limits"))[0]
    'limits/error of a step'
    """
    module = f"{__name__}.{lesson.replace('-', '_')}"
    found = None
    if lesson and "." not in lesson and util.find_spec(module) is not None:
        found = getattr(import_module(module), "EXERCISES", None)
    if found is None:
        raise error(ArgumentError, f"there is no lesson {lesson!r}", "the name that the lesson's cell has")
    exercises: dict[str, Exercise] = found
    return exercises


def check(name: str, answer: Any) -> None:
    """Print why it matters if the answer to an exercise is right; raise a hint if it is not.

    name: of the exercise, `"lesson/exercise"`
    answer: a number, an array or a function, as the exercise says; `...` is no answer yet, and no wrong one either
    raises: NotYet, whose message is a hint, for a wrong answer; ArgumentError where there is no such exercise

    >>> dualad.lessons.check("limits/error of a step", 0.012)
    Traceback (most recent call last):
        ...
    dualad.lessons.exercise.NotYet: twice too much: ...
    """
    lesson = name.partition("/")[0]
    known = exercises(lesson)
    if name not in known:
        raise error(ArgumentError, f"there is no exercise {name!r}", f"one of {', '.join(map(repr, known))}")
    if answer is ...:
        print("no answer yet: put yours in place of the dots")
        return
    known[name].judge(answer)
    print(textwrap.fill(f"right: {known[name].right}", 88))
