"""Counting: closed forms of what operations cost, and the bounds on sweeps of Griewank and Walther."""

import numpy as np
import pytest

import dualad
from dualad import count, grad
from dualad.ledger import kind_of
from dualad.op import OPS

RNG = np.random.default_rng(3)
A, B, X = RNG.normal(size=(5, 7)), RNG.normal(size=(7, 4)), RNG.normal(size=7)


@pytest.mark.parametrize(
    ("f", "args", "kind", "operations", "terms"),
    [
        (lambda a, b: a @ b, (A, B), "product", 2 * 5 * 7 * 4, 5 * 7 * 4),
        (lambda a, x: a @ x, (A, X), "product", 2 * 5 * 7, 5 * 7),
        (lambda x: x @ x, (X,), "product", 2 * 7, 7),
        (lambda a, b: np.einsum("ij,jk->ik", a, b), (A, B), "contraction", 2 * 5 * 7 * 4, 5 * 7 * 4),
        (lambda a: np.einsum("ij->j", a), (A,), "contraction", 5 * 7, 0),
        (lambda x: np.convolve(x, x), (X,), "product", 2 * 49, 49),
        (lambda a, b: a + b, (A, A), "arithmetic", 35, 0),
        (lambda a: a**2.0 / 2.0, (A,), "arithmetic", 35, 0),
        (lambda a: np.maximum(a, 0.0), (A,), "arithmetic", 35, 0),
        (np.exp, (A,), "function", 35, 0),
        (np.sqrt, (A * A,), "function", 35, 0),
        (lambda a: np.sum(a, axis=0), (A,), "reduction", 35, 0),
        (np.max, (A,), "reduction", 35, 0),
        (lambda a: np.linalg.inv(a), (A @ A.T,), "decomposition", 2 * 5**3, 0),
        (np.fft.fft, (RNG.normal(size=8),), "transform", 5 * 8 * 3, 0),
    ],
)
def test_operations_by_kind(f, args, kind, operations, terms):
    ledger = count(f)(*args)
    assert ledger.by_kind[kind] == operations
    assert ledger.multiply_adds == terms
    assert sum(ledger.by_kind.values()) == ledger.operations == sum(ledger.by_op.values())
    assert sum(ledger.calls_by_kind.values()) == ledger.calls


def test_every_operation_has_a_kind():
    kinds = {kind_of(op) for op in OPS.values() if op.kind != "composite"}
    known = "arithmetic function product contraction reduction transform decomposition movement general plain"
    assert kinds <= set(known.split())


def test_bytes():
    """What is read and written; views read and write nothing, copies do."""
    assert count(lambda x: x + x)(X).bytes == 3 * X.nbytes
    assert count(lambda a: a.T)(A).bytes == 0
    assert count(lambda a: a[1:, ::2])(A).bytes == 0
    assert count(lambda a: np.reshape(a, (7, 5)))(A).bytes == 0
    assert count(lambda a: np.reshape(a.T, (5, 7)))(A).bytes == 2 * A.nbytes
    assert count(lambda a: a[[0, 2]])(A).bytes >= A.nbytes + 2 * A[0].nbytes


def test_depth_is_the_longest_chain():
    def f(x):
        return np.exp(np.sin(x)) + np.cos(x)

    assert count(f)(X).depth == 3
    assert count(lambda x: [np.sin(x), np.cos(x)])(X).depth == 1
    assert count(lambda x: 1.0)(X).depth == 0

    def filled(x):
        y = np.zeros_like(x)
        y[0] = np.sin(np.sin(x[0]))
        return y + 1.0

    assert count(filled)(X).depth == 5  # index, sine, sine, assignment, sum


def f_scalar(x, y):
    return x * y + np.sin(x)


def f_vector(x):
    return np.sum(np.tanh(A @ x) ** 2)


def f_chain(x):
    for _ in range(10):
        x = x * 1.5 + x * x
    return x


@pytest.mark.parametrize(("f", "args"), [(f_scalar, (0.5, 2.0)), (f_vector, (X,)), (f_chain, (X,))])
def test_one_sweep_of_either_mode(f, args):
    """A small multiple of the function, however many arguments (Griewank and Walther 2008: 5/2 and 4; here at most 5).

    They count a function's derivative as part of it; here it is operations of its own, where it takes any.
    """
    ledger = count(f)(*args)
    assert ledger.operations < ledger.forward.operations <= 5 * ledger.operations
    assert ledger.operations < ledger.reverse.operations <= 5 * ledger.operations
    assert ledger.forward.calls > ledger.calls and ledger.reverse.depth > ledger.depth


def test_products_reach_the_bounds():
    ledger = count(lambda a, b: a @ b)(A, B)
    assert ledger.forward.multiply_adds == ledger.reverse.multiply_adds == 3 * ledger.multiply_adds
    assert ledger.forward.operations == 3 * ledger.operations + 5 * 4  # and the sum of both terms
    assert ledger.reverse.operations == 3 * ledger.operations


def test_sweeps_are_those_of_jvp_and_vjp():
    one = np.ones(7)
    ledger = count(f_vector)(X)
    along = count(lambda x: dualad.jvp(f_vector, (x,), (one,)))(X)
    assert ledger.reverse.by_kind == count(grad(f_vector))(X).by_kind
    assert ledger.forward.by_kind["product"] == along.by_kind["product"] == 2 * 2 * 5 * 7
    assert ledger.reverse.tape_length > ledger.tape_length == 4 == ledger.depth


def test_the_same_twice_and_a_table():
    first, again = (count(f_vector)(X) for _ in range(2))
    assert str(first) == str(again)
    lines = str(first).splitlines()
    assert lines[0].split() == ["function", "forward", "sweep", "reverse", "sweep"]
    assert lines[1].split() == ["operations", *(f"{n:,}" for n in (85, 185, 180))]
    assert {line.split("  ")[0] for line in lines} >= {
        "multiply-adds",
        "calls",
        "bytes",
        "depth",
        "tape length",
    }
    assert repr(first) == f"Ledger(operations=85, calls=4, bytes={first.bytes})"


def test_what_cannot_be_swept_has_a_table_all_the_same():
    @dualad.custom_rule(pullback=lambda g, y, x: 2.0 * g)  # no tuple
    def doubled(x):
        return 2.0 * x

    ledger = count(doubled)(X)
    assert str(ledger).splitlines()[1].split()[1:] == ["7", "–", "–"]
    with pytest.raises(dualad.ShapeError, match="returned no tuple"):
        _ = ledger.reverse


def test_structures_and_numbers():
    ledger = count(lambda p: {"y": [p["a"] * p["b"][0]]})({"a": 2.0, "b": [X]})
    assert (ledger.operations, ledger.bytes, ledger.reverse.calls) == (7, 8 + 2 * X.nbytes, 5)


def test_many_directions_through_an_operation_of_a_user_s():
    first = dualad.implicit(lambda x, a: x - a[:2] ** 2)(lambda a: a[:2] ** 2)
    assert count(dualad.jacobian(first, mode="forward"))(X).by_op["solve for a matrix"] > 0
