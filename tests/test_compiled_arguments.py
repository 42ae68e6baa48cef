"""Compiled functions of nested and of named arguments: their fast entry lets nothing through that it should not."""

import numpy as np
import pytest

import dualad
from dualad.form import collector, signature

X, Y = np.array([1.0, 2.0, 3.0]), np.array([0.5, -1.5])


def loss(p, power=2, scale=1.0):
    return np.sum(p["a"] ** power) * p["b"][0] * scale


CALLS = {
    "as it was": (({"a": X, "b": Y},), {}),
    "other numbers": (({"a": X + 1, "b": 2 * Y},), {}),
    "a list in the dict": (({"a": X, "b": [3.0, 4.0]},), {}),
    "a tuple in the dict": (({"a": X, "b": (3.0, Y)},), {}),
    "another shape": (({"a": X[:2], "b": Y},), {}),
    "not contiguous": (({"a": np.arange(6.0)[::2], "b": Y},), {}),
    "another dtype": (({"a": X.astype(np.float32), "b": Y},), {}),
    "another order of keys": (({"b": Y, "a": X},), {}),
    "one key more": (({"a": X, "b": Y, "c": X},), {}),
    "an integer": (({"a": X, "b": Y}, 3), {}),
    "another integer": (({"a": X, "b": Y}, 4), {}),
    "a float in its place": (({"a": X, "b": Y}, 3.0), {}),
    "a keyword": (({"a": X, "b": Y},), {"power": 3}),
    "keywords": ((), {"p": {"a": X, "b": Y}, "scale": 2.5}),
    "keywords in another order": ((), {"scale": 1.5, "p": {"a": X, "b": Y}}),
}


@pytest.mark.parametrize("first", CALLS)
def test_every_call_after_any_other_is_right(first):
    """Each form of arguments leaves its entry behind, which then meets all the others."""
    compiled = dualad.compile(loss)
    for args, kwargs in [CALLS[first], *CALLS.values(), CALLS[first]]:
        if "b" in (args[0] if args else {}) and isinstance(args[0]["b"], tuple):
            expected = np.sum(args[0]["a"] ** 2) * 3.0
        else:
            expected = loss(*args, **kwargs)
        for _ in range(3):
            found = compiled(*args, **kwargs)
            assert type(found) is type(expected)
            np.testing.assert_allclose(found, expected, rtol=1e-6 if found.dtype == np.float32 else 1e-13)


def test_nested_results_of_nested_arguments():
    gradient = dualad.grad(loss)
    compiled = dualad.compile(gradient)
    for k in range(4):
        p = {"a": X + k, "b": Y - k}
        found, expected = compiled(p), gradient(p)
        assert list(found) == list(expected)
        for key in found:
            np.testing.assert_allclose(found[key], expected[key], rtol=1e-13)
        assert compiled(p)["a"] is not found["a"]


def test_traced_arguments_go_through_the_function_itself():
    compiled = dualad.compile(loss)
    p = {"a": X, "b": Y}
    compiled(p), compiled(p), compiled(p=p), compiled(p=p)
    for f in (compiled, lambda p: compiled(p=p)):
        found, expected = dualad.grad(f)(p), dualad.grad(loss)(p)
        np.testing.assert_allclose(found["a"], expected["a"], rtol=1e-13)
        np.testing.assert_allclose(found["b"], expected["b"], rtol=1e-13)


def test_numpy_programs_see_other_shapes():
    """What NumPy runs looks at no shapes itself, so that the entry must."""
    compiled = dualad.compile(lambda p: np.sum(p["x"] * np.float32(2)))
    for n in (3, 3, 4, 1, 3):
        x = np.arange(n, dtype=np.float32)
        found = compiled({"x": x})
        assert found == np.sum(x * 2) and found.dtype == np.float32
    assert compiled({"x": np.ones(3)}) == 6.0


def test_another_branch_of_nested_arguments():
    compiled = dualad.compile(lambda p: p["x"] ** 2 if p["x"] > 0 else -p["x"])
    assert [compiled({"x": x}) for x in (2.0, 3.0, -1.0, 4.0, -2.0, -3.0)] == [4.0, 9.0, 1.0, 16.0, 2.0, 3.0]


@pytest.mark.parametrize("checks", [False, True])
def test_equal_forms_have_equal_signatures(checks):
    trees = [
        1, 2, True, "a", None, 1.0, 2.0, 1j, (1.0,), [1.0], [1.0, 2.0], (1, 2.0), (2, 2.0), {"a": 1.0}, {"b": 1.0},
        {"a": X}, {"a": Y}, X, Y, X.astype(np.float32), np.float64(1.0), [X, {"a": (Y, None)}], [X, {"a": (Y, 1)}],
    ]  # fmt: skip
    for tree in trees:
        collect = collector(tree, checks)
        for other in trees:
            leaves = []
            if collect(other, leaves) and (checks or not leaves):
                assert signature(other) == signature(tree)
        assert collect(tree, [])


def test_other_objects_have_no_fast_entry():
    assert collector(len, True) is None
    assert collector([1.0, {"f": len}], True) is None
