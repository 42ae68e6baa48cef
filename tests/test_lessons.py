"""The lessons run top to bottom, and their exercises tell right answers from wrong ones."""

import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import dualad
from dualad.lessons import Exercise, NotYet, check, exercises
from dualad.lessons.exercise import agree

ROOT = Path(__file__).parent.parent
LESSONS = sorted((ROOT / "docs" / "lessons").glob("[0-9][0-9]-*.md"))
NAMES = sorted(path.stem for path in (ROOT / "dualad" / "lessons").glob("*.py") if path.stem[0] != "_")
NAMES.remove("exercise")
ALL = [(name, exercise) for lesson in NAMES for name, exercise in exercises(lesson).items()]
HINTS = [(name, k) for name, exercise in ALL for k in range(len(exercise.hints))]

FRONT = "---\nfile_format: mystnb\nkernelspec: {name: python3, display_name: Python 3}\n---\n"
CELL = re.compile(r"^```\{code-cell\}.*\n((?:.*\n)*?)```$", re.MULTILINE)
OPTIONS = re.compile(r"(?:---\n(?:.*\n)*?---\n|(?::[a-z-]+:.*\n)+)?")


def cells(text):
    """Line number of the first line and source of every code cell, without its options."""
    for found in CELL.finditer(text):
        options = OPTIONS.match(found[1])[0]
        yield text[: found.start(1)].count("\n") + options.count("\n"), found[1][len(options) :]


def lesson(path):
    return path.stem[3:].replace("-", "_")


@pytest.fixture
def namespace(monkeypatch, tmp_path):
    # A real module, since dataclasses and pickle look classes up there; a folder that may be written to.
    module = types.ModuleType("cells")
    monkeypatch.setitem(sys.modules, "cells", module)
    monkeypatch.chdir(tmp_path)
    return module.__dict__


@pytest.fixture
def answered(monkeypatch):
    """Names of the exercises that are answered, rightly, while a lesson runs."""
    names = []

    def noting(name, answer):
        check(name, answer)
        if answer is not ...:
            names.append(name)

    monkeypatch.setattr(dualad.lessons, "check", noting)
    return names


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_runs_and_answers_all_its_exercises(path, namespace, answered):
    pytest.importorskip("matplotlib")
    import matplotlib.pyplot as plt

    text = path.read_text(encoding="utf-8")
    assert text.startswith(FRONT)
    assert re.search(r"^# .*\?$", text, re.MULTILINE), "the title is a question"
    assert "\n## Exercises\n" in text
    try:
        with plt.rc_context():
            for line, source in cells(text):
                # Blank lines in front, so that tracebacks point into the lesson.
                exec(compile("\n" * line + source, str(path), "exec", dont_inherit=True), namespace)
    finally:
        plt.close("all")
    assert sorted(answered) == sorted(exercises(lesson(path)))


def test_the_broken_tools_of_the_lesson_on_repair_fail_their_checks(namespace):
    pytest.importorskip("matplotlib")
    import matplotlib.pyplot as plt

    text = (ROOT / "docs" / "lessons" / "12-repair.md").read_text(encoding="utf-8")
    for _, source in cells(text.partition("\n## Exercises\n")[0]):
        exec(compile(source, "12-repair.md", "exec", dont_inherit=True), namespace)
    plt.close("all")
    assert len(namespace["BROKEN"]) == 3
    for name, broken in namespace["BROKEN"].items():
        with pytest.raises(NotYet):
            check(name, broken)


def test_lessons_and_files_of_exercises_are_of_one_name():
    assert sorted(map(lesson, LESSONS)) == NAMES


@pytest.mark.parametrize(("name", "exercise"), ALL, ids=[name for name, _ in ALL])
def test_an_exercise_is_complete(name, exercise, capsys):
    assert isinstance(exercise, Exercise)
    assert exercise.question.endswith(("?", "."))
    assert exercise.right.endswith(".")
    assert exercise.hints
    check(name, ...)
    assert capsys.readouterr().out == "no answer yet: put yours in place of the dots\n"


@pytest.mark.parametrize(("name", "k"), HINTS, ids=[f"{name}-{k}" for name, k in HINTS])
def test_a_wrong_answer_raises_its_hint(name, k):
    wrong, words = exercises(name.partition("/")[0])[name].hints[k]
    with pytest.raises(NotYet) as caught:
        check(name, wrong)
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("stem", "beginning", "most"), [("03-dual", "class Dual", 30), ("04-tape", "class Var", 60)]
)
def test_what_is_promised_to_be_short_is(stem, beginning, most):
    text = (ROOT / "docs" / "lessons" / f"{stem}.md").read_text(encoding="utf-8")
    source = next(source for _, source in cells(text) if beginning in source)
    tool = source[source.index(beginning) :]
    assert "def derivative(" in tool or "def grad(" in tool  # it is whole
    assert len(tool.splitlines()) <= most


def test_a_right_answer_says_why_it_matters(capsys):
    check("limits/error of a step", 0.006)
    assert capsys.readouterr().out.startswith("right: the error of a short step")


@pytest.mark.parametrize("name", ["limits", "limits/none such", "nowhere/first", "exercise/first", "/", ""])
def test_a_name_that_is_none_raises(name):
    with pytest.raises(dualad.ArgumentError, match="there is no"):
        check(name, 1.0)


@pytest.mark.parametrize("answer", ["0.006", None, [0.006], {"h": 0.006}, len])
def test_an_answer_of_another_kind_is_wrong(answer):
    with pytest.raises(NotYet):
        check("limits/error of a step", answer)


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (" Forward", "forward", True),
        ("forward", "reverse", False),
        (np.True_, True, True),
        (1.0, True, False),
        (None, None, True),
        (0.0, None, False),
        ([1.0, 2.0], (1.0, 2.0 + 1e-9), True),
        (np.array([1.0, 2.0]), (1.0, 2.0), True),
        ((1.0, 2.0), (1.0,), False),
        ({"a": 1}, {"a": 1.0}, True),
        ({"a": 1}, {"b": 1.0}, False),
        (np.ones(3), np.ones((3, 1)), False),
        (np.nan, np.nan, True),
        (1j, 1.0, False),
        ("1.0", 1.0, False),
    ],
)
def test_what_counts_as_the_same_answer(a, b, same):
    assert agree(a, b, rtol=1e-6, atol=1e-12) is same


def test_an_answer_that_is_to_be_a_function_has_to_be_one():
    with pytest.raises(NotYet, match="is to be a function"):
        check("limits/second difference", 3.0)


def test_the_reader_of_cells_leaves_options_out():
    text = "a\n```{code-cell} ipython3\n:tags: [hide]\n\nx = {1: 2}\n```\n```{code-cell}\n---\nb: 1\n---\ny\n```\n"
    assert list(cells(text)) == [(3, "\nx = {1: 2}\n"), (10, "y\n")]
