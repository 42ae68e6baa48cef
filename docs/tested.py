"""What the registry's examples exercise, and how many tests are generated from them."""

import importlib
import inspect
import math
import sys
from pathlib import Path

import numpy as np

from dualad.op import OPS, Composite, name_of

TESTS = Path(__file__).parent.parent / "tests"


def differentiable():
    """NumPy's functions with a rule, by name."""
    found = {name_of(fn): fn for fn, op in OPS.items() if op.kind != "plain"}
    return {name: fn for name, fn in found.items() if name.startswith("np.")}


def parameters(op):
    """The names of the parameters of a composite: all, and those that may be given by position."""
    code = op.function.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return names, names[: code.co_argcount]


def accepted(fn):
    """The parameters that the rule of a function accepts and this version of NumPy has."""
    op = OPS[fn]
    if not isinstance(op, Composite):
        return set()
    try:
        there = inspect.signature(fn).parameters.keys()
    except (TypeError, ValueError):  # a ufunc
        return set()
    return set(parameters(op)[0]) & there


def given(fn):
    """For each example of a function the parameters that it gives: by name, or where there are none by position."""
    op = OPS[fn]
    places = parameters(op)[1] if isinstance(op, Composite) else ()
    examples = op.examples(np.random.default_rng(0)) if op.examples else []
    return [
        frozenset([*(places[k] if k < len(places) else k for k in range(len(args))), *keywords])
        for args, keywords in examples
    ]


def exercised(fn):
    """All parameters that some example gives."""
    return set().union(*given(fn))


def generated():
    """How many tests are generated from the examples of NumPy's functions."""
    if str(TESTS) not in sys.path:
        sys.path.append(str(TESTS))
    case = importlib.import_module("cases").Case
    names, count = differentiable(), 0
    for path in sorted(TESTS.glob("test_*.py")):
        if "from cases import" not in path.read_text(encoding="utf-8"):
            continue
        for test in vars(importlib.import_module(path.stem)).values():
            marks = (
                [m for m in getattr(test, "pytestmark", []) if m.name == "parametrize"]
                if callable(test)
                else []
            )
            lists = [list(mark.args[1]) for mark in marks]
            cases = [c for values in lists for c in values if isinstance(c, case)]
            others = math.prod(
                len(values) for values in lists if not (values and isinstance(values[0], case))
            )
            count += others * sum(c.name in names for c in cases)
    return count


def summary():
    """A sentence with the numbers."""
    functions = differentiable()
    examples = {name: given(fn) for name, fn in functions.items()}
    cases = sum(map(len, examples.values()))
    combinations = sum(len(set(found)) for found in examples.values())
    return (
        f"The registry holds {cases} examples of {len(functions)} functions of NumPy with a rule, in {combinations} "
        f"distinct combinations of function and parameters given; {generated()} tests are generated from them."
    )
