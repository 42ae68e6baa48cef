"""Every refusal: the right class, and a message with the function, the user's line and the change that works."""

import linecache
import math
import operator
import pickle
import re

import numpy as np
import pytest
import scipy.special

from dualad import (
    AssignmentError,
    ConversionError,
    DtypeError,
    DualadError,
    KeywordError,
    NoRuleError,
    NotScalarError,
    grad,
    jvp,
    vjp,
)
from dualad.op import UNSUPPORTED

MODES = {
    "forward": lambda f, x: jvp(f, (x,), (x,)),
    "reverse": lambda f, x: vjp(f, x)[1](1.0),
    "nested": lambda f, x: jvp(lambda x: vjp(f, x)[1](1.0), (x,), (x,)),
}
by_mode = pytest.mark.parametrize("run", MODES.values(), ids=MODES)
A = np.array([1.0, 2.0, 3.0])


def names_the_line(message, f):
    """The message has a line `at file:line: source`, and it is a line of `f`."""
    found = re.search(r"^  at (.*):(\d+): (.*)$", message, re.MULTILINE)
    if found is None:
        return False
    path, line, source = found[1], int(found[2]), found[3]
    lines = [number for *_, number in f.__code__.co_lines() if number]
    return (
        path == __file__
        and min(lines) <= line <= max(lines)
        and source == linecache.getline(path, line).strip()
    )


def refusal(run, f, x, kind, *words):
    """`f` of a traced `x` raises `kind`, and the message is complete."""
    with pytest.raises(DualadError) as caught:
        run(f, x)
    message = str(caught.value)
    assert type(caught.value) is kind
    assert names_the_line(message, f), message
    assert "\n  instead: " in message, message
    for word in words:
        assert word in message, f"{word!r} is not in: {message}"


# one line each: the function, what it is called with, the error, words that the message has
CONVERSIONS = [
    (lambda x: float(x), 2.0, "float()", "dualad.primal"),
    (lambda x: int(x), 2.0, "int()", "dualad.primal"),
    (lambda x: complex(x), 2.0, "complex()", "dualad.primal"),
    (lambda x: operator.index(x), 2.0, "integer", "dualad.primal"),
    (lambda x: [1.0, 2.0][x], 2.0, "integer", "dualad.primal"),
    (lambda x: range(x), 2.0, "integer", "dualad.primal"),
    (lambda x: float(x[0]), A, "float()", "dualad.primal"),
    (lambda x: int(x[:1]), A, "int()", "dualad.primal"),
    (lambda x: x.item(), 2.0, ".item()", "dualad.primal"),
    (lambda x: x[0].item(), A, ".item()", "dualad.primal"),
    (lambda x: x.tolist(), A, ".tolist()", "dualad.primal"),
    (lambda x: np.asarray(x, float), 2.0, "array of float64", "dualad.primal"),
    (lambda x: np.asarray(x, float), A, "array of float64", "dualad.primal"),
    (lambda x: np.array(x, dtype=np.float32), A, "array of float32", "dualad.primal"),
    (lambda x: np.array([x, x], dtype=float), 2.0, "float64", "np.stack"),
    (lambda x: np.float64(x), 2.0, "float64", "dualad.primal"),
    (lambda x: np.float32(x), 2.0, "float32", "dualad.primal"),
    (lambda x: np.fromiter(x, float), A, "float()", "np.stack"),
    (lambda x: np.arange(x), 2.0, "float()", "dualad.primal"),
    (lambda x: math.sin(x), 2.0, "math.sin", "np.sin"),
    (lambda x: math.pi * math.exp(x), 2.0, "math.exp", "np.exp"),
    (lambda x: math.atan2(x, 1.0), 2.0, "math.atan2", "np.atan2"),
    (lambda x: math.fsum([x, x]), 2.0, "math.fsum", "NumPy"),
    (lambda x: math.sqrt(x[1]), A, "math.sqrt", "np.sqrt"),
    (lambda x: math.gcd(x, 2), 2.0, "math.gcd", "NumPy"),
    (lambda x: hash(x), 2.0, "hash", "dualad.primal"),
    (lambda x: {x: 1}, 2.0, "dictionary key", "dualad.primal"),
    (lambda x: {1.0, x}, 2.0, "set", "dualad.primal"),
    (lambda x: pickle.dumps(x), 2.0, "pickl", "dualad.primal"),
    (lambda x: pickle.dumps([x]), A, "pickl", "dualad.primal"),
]


@by_mode
@pytest.mark.parametrize(("f", "x", "what", "fix"), CONVERSIONS)
def test_conversions(run, f, x, what, fix):
    refusal(run, f, x, ConversionError, what, fix)


# the ways to an array that can be assigned into
BUFFERS = ("np.zeros_like(x)", "np.zeros(n, like=x)", "@dualad.inplace")


def assign_scalar(x):
    a = np.zeros(3)
    a[0] = x
    return a


def assign_element(x):
    a = np.zeros(3)
    a[0] = x[0]
    return a


def assign_slice(x):
    a = np.zeros(4)
    a[1:] = x
    return a


def assign_mask(x):
    a = np.zeros(3)
    a[a == 0] = x
    return a


def assign_list(x):
    a = np.zeros(3)
    a[:2] = [x[0], 1.0]
    return a


def add_to_element(x):
    a = np.zeros(3)
    a[0] += x[0]
    return a


def fill(x):
    a = np.zeros(3)
    a.fill(x)
    return a


@by_mode
@pytest.mark.parametrize(
    ("f", "x"),
    [
        (assign_scalar, 2.0),
        (assign_element, A),
        (assign_slice, A),
        (assign_slice, 2.0),
        (assign_mask, A),
        (assign_list, A),
        (add_to_element, A),
        (fill, 2.0),
    ],
)
def test_assignment_into_a_plain_array(run, f, x):
    refusal(run, f, x, ConversionError, "plain array", *BUFFERS, "np.stack")


def test_a_conversion_on_a_line_that_assigns():
    def f(x):
        a = np.zeros(3)
        a[0] = float(x)

    refusal(MODES["forward"], f, 2.0, ConversionError, "float()", "dualad.primal")


def in_place_add(x):
    a = np.zeros(3)
    a += x
    return a


def in_place_slice(x):
    a = np.zeros(3)
    a[1:] *= x
    return a


ASSIGNMENTS = [
    (in_place_add, A, "np.add", "a = a + x"),
    (in_place_add, 2.0, "np.add", "a = a + x"),
    (in_place_slice, 2.0, "np.multiply", "a = a + x"),
    (lambda x: np.add(A.copy(), x, out=A.copy()), A, "np.add", "y = np.add(...)"),
    (lambda x: np.sin(x, out=np.zeros(3)), A, "np.sin", "y = np.sin(...)"),
    (lambda x: np.sin(x, np.zeros(3)), A, "np.sin", "y = np.sin(...)"),
    (lambda x: np.floor(x, out=np.zeros(3)), A, "np.floor", "y = np.floor(...)"),
    (lambda x: np.matmul(np.eye(3), x, out=np.zeros(3)), A, "np.matmul", "y = np.matmul(...)"),
    (lambda x: np.add.at(np.zeros(3), [0], x[0]), A, "np.add.at", "np.zeros_like(x)"),
]


@by_mode
@pytest.mark.parametrize(("f", "x", "what", "fix"), ASSIGNMENTS)
def test_in_place_operations(run, f, x, what, fix):
    refusal(run, f, x, AssignmentError, what, fix, *BUFFERS)


KEYWORDS = [
    (lambda x: np.sin(x, where=A > 1), A, "where=", "np.where"),
    (lambda x: np.add(x, 1.0, where=x > 1), A, "where=", "np.where"),
    (lambda x: np.greater(x, 1.0, where=A > 1), A, "where=", "np.where"),
    (lambda x: np.sin(x, dtype=np.float32), A, "dtype=", "np.sin"),
    (lambda x: np.exp(x, casting="no"), 2.0, "casting=", "np.exp"),
    (lambda x: np.sum(x, out=np.zeros(())), A, "out=", "y = np.sum(...)"),
    (lambda x: x.mean(out=np.zeros(())), A, "out=", "y = np.mean(...)"),
    (lambda x: np.max(x, out=np.zeros(())), A, "out=", "without out="),
    (lambda x: np.prod(x, out=np.zeros(())), A, "out=", "y = np.prod(...)"),
    (lambda x: np.cumsum(x, out=np.zeros(3)), A, "out=", "y = np.cumsum(...)"),
    (lambda x: np.concatenate([x, x], out=np.zeros(6)), A, "out=", "y = np.concatenate(...)"),
    (lambda x: np.dot(A, x, out=np.zeros(())), A, "out=", "y = np.dot(...)"),
    (lambda x: np.clip(x, 0, 1, out=np.zeros(3)), A, "out=", "y = np.clip(...)"),
    (lambda x: np.reshape(x, (3, 1), order="A"), A, "order=", "order='C'"),
    (lambda x: np.add.outer(x, x, dtype=np.float32), A, "dtype=", "np.add"),
]


@by_mode
@pytest.mark.parametrize(("f", "x", "what", "fix"), KEYWORDS)
def test_keywords_without_a_rule(run, f, x, what, fix):
    refusal(run, f, x, KeywordError, what, fix)


def unregistered_ufunc():
    return np.frompyfunc(lambda x: x, 1, 1)


NO_RULE = [
    (lambda x: scipy.special.zetac(x), 2.0, "scipy.special.zetac"),
    (lambda x: scipy.special.zeta(x), A, "zeta"),
    (lambda x: unregistered_ufunc()(x), A, "<lambda>"),
]


@by_mode
@pytest.mark.parametrize(("f", "x", "what"), NO_RULE)
def test_functions_without_a_rule(run, f, x, what):
    refusal(run, f, x, NoRuleError, f"{what} ", "no derivative rule", "dualad.primal(x)")


class _Summ:
    """A function of NumPy's that is not there yet, as the protocol would hand it over."""

    __name__, __module__ = "summ", "numpy"


def _named_like_numpy(x):
    return x.__array_function__(_Summ(), (type(x),), (x,), {})


def test_the_reason_is_named_where_there_is_no_rule_on_purpose():
    with pytest.raises(NoRuleError, match=r"zetac has no derivative rule") as caught:
        grad(lambda x: scipy.special.zetac(x))(2.0)
    assert UNSUPPORTED[scipy.special.zetac] in str(caught.value)


def test_the_nearest_function_with_a_rule_is_named():
    with pytest.raises(NoRuleError, match=r"np\.sum has a rule"):
        grad(lambda x: float(_named_like_numpy(x)))(A)


@by_mode
@pytest.mark.parametrize("f", [lambda x: 1.0 if x else 2.0, lambda x: not x, lambda x: x[:2] and 1.0])
def test_truth_of_a_traced_array(run, f):
    refusal(run, f, A, NotScalarError, "bool()", "np.where")


INDICES = [
    (lambda x: A[x], 1.0),
    (lambda x: A[x:], 1.0),
    (lambda x: A[x], A),
]


@by_mode
@pytest.mark.parametrize(("f", "x"), INDICES)
def test_a_plain_array_indexed_with_a_traced_value(run, f, x):
    with pytest.raises((ConversionError, IndexError)):  # NumPy's own words where it asks us for nothing
        run(f, x)


@by_mode
@pytest.mark.parametrize(
    "f", [lambda x: x[x[0]], lambda x: x[x], lambda x: x[:, None][x], lambda x: x[[x[0]]]]
)
def test_a_traced_array_indexed_with_a_traced_value(run, f):
    refusal(run, f, A, DtypeError, "index", "dualad.primal(i)")
