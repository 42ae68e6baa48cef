"""Nested arguments and results, shapes of Jacobians over them, and results that share no memory."""

import collections
import dataclasses
import itertools
from typing import Any, NamedTuple

import numpy as np
import pytest

from dualad import (
    derivative,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    linearize,
    value_and_grad,
    value_and_jacobian,
    vjp,
)

JACOBIANS = ("auto", "forward", "reverse")
HESSIANS = ("auto", *(f"{a}-over-{b}" for a in ("forward", "reverse") for b in ("forward", "reverse")))


class Point(NamedTuple):
    x: Any
    y: Any


@dataclasses.dataclass
class Layer:
    weight: Any
    bias: Any


@dataclasses.dataclass(frozen=True)
class Frozen:
    scale: Any


def close(a, b, tolerance=1e-13):
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def parameters():
    """One of each kind of container, with arrays, scalars, None and Python floats."""
    rng = np.random.default_rng(0)
    return {
        "layers": [Layer(rng.normal(size=(2, 3)), rng.normal(size=2)), Layer(rng.normal(size=(1, 2)), 0.5)],
        "point": Point(1.5, (np.float64(2.0), np.array(3.0))),
        "none": None,
        "frozen": Frozen([0.25]),
        "empty": [(), {}, []],
    }


def loss(p):
    h = np.tanh(p["layers"][0].weight @ np.ones(3) + p["layers"][0].bias)
    out = p["layers"][1].weight @ h + p["layers"][1].bias
    assert p["none"] is None
    assert p["empty"] == [(), {}, []]
    return np.sum(out) * p["point"].x * p["point"].y[0] + p["point"].y[1] ** 2 * p["frozen"].scale[0]


def test_gradient_has_the_structure_of_the_argument():
    p = parameters()
    value, g = value_and_grad(loss)(p)
    assert value == loss(p)
    assert list(g) == list(p)
    assert isinstance(g["layers"][0], Layer)
    assert isinstance(g["point"], Point)
    assert isinstance(g["point"].y, tuple)
    assert isinstance(g["frozen"], Frozen)
    assert g["none"] is None
    assert g["empty"] == [(), {}, []]
    assert type(g["layers"][1].bias) is type(g["point"].x) is type(g["frozen"].scale[0]) is float
    assert g["layers"][0].weight.shape == (2, 3)
    close(g["frozen"].scale[0], 9.0)
    close(g["point"].x, (loss(p) - 9.0 * 0.25) / 1.5)
    close(g["layers"][1].bias, 3.0)
    for mode in JACOBIANS:
        close(jacobian(loss, mode=mode)(p)["layers"][0].weight, g["layers"][0].weight)


def test_every_entry_point_takes_structures():
    p = parameters()
    ones = vjp(lambda p: p, p)[1](grad(loss)(p))[0]  # the gradient, as a direction
    slope = jvp(loss, (p,), (ones,))[1]
    y, push = linearize(loss, p)
    assert y == loss(p)
    close(push(ones), slope)
    g = vjp(loss, p)[1](1.0)[0]
    close(slope, sum(np.sum(np.square(leaf)) for leaf in leaves(g)))
    Hv = hvp(loss, p, ones)
    step = 1e-6
    ahead, behind = (grad(loss)(moved(p, ones, h))["layers"][0].bias for h in (step, -step))
    close(Hv["layers"][0].bias, (ahead - behind) / (2 * step), 1e-7)


def leaves(tree):
    if isinstance(tree, dict):
        tree = list(tree.values())
    elif dataclasses.is_dataclass(tree):
        tree = list(vars(tree).values())
    if isinstance(tree, (list, tuple)):
        return [leaf for part in tree for leaf in leaves(part)]
    return [] if tree is None else [tree]


def moved(p, direction, step):
    """The point p + step · direction."""
    shift = iter(leaves(direction))
    return rebuilt(p, lambda leaf: leaf + step * next(shift))


def rebuilt(tree, change):
    if isinstance(tree, dict):
        return {key: rebuilt(v, change) for key, v in tree.items()}
    if isinstance(tree, Point):
        return Point(*(rebuilt(v, change) for v in tree))
    if dataclasses.is_dataclass(tree):
        return type(tree)(*(rebuilt(v, change) for v in vars(tree).values()))
    if isinstance(tree, (list, tuple)):
        return type(tree)(rebuilt(v, change) for v in tree)
    return None if tree is None else change(tree)


@pytest.mark.parametrize("mode", JACOBIANS)
def test_jacobian_of_structures_is_output_by_input(mode):
    def f(p):
        return {"sum": p["a"] + p["b"][0], "parts": (np.sum(p["a"]), Point(p["a"][:2] * p["b"][1], 7.0))}

    p = {"a": np.array([1.0, 2.0, 3.0]), "b": [np.ones((2, 1)), 4.0]}
    y, J = value_and_jacobian(f, mode=mode)(p)
    shapes = {"sum": (2, 3), "x": (2,), "scalar": ()}
    assert y["sum"].shape == shapes["sum"]
    assert isinstance(J["parts"][1], Point)
    for block, shape in (
        (J["sum"], shapes["sum"]),
        (J["parts"][0], shapes["scalar"]),
        (J["parts"][1].x, shapes["x"]),
        (J["parts"][1].y, shapes["scalar"]),
    ):
        assert np.shape(block["a"]) == (*shape, 3)
        assert np.shape(block["b"][0]) == (*shape, 2, 1)
        assert np.shape(block["b"][1]) == shape
    close(J["sum"]["a"], np.broadcast_to(np.eye(3), (2, 3, 3)))
    close(J["parts"][0]["a"], np.ones(3))
    close(J["parts"][1].x["a"], 4 * np.eye(3)[:2])
    close(J["parts"][1].x["b"][1], [1.0, 2.0])
    assert J["parts"][1].y["b"][1] == 0.0


@pytest.mark.parametrize("mode", HESSIANS)
def test_hessian_of_structures(mode):
    def f(p):
        return np.sum(p["a"] ** 2) * p["b"] + p["b"] ** 3

    H = hessian(f, mode=mode)({"a": np.array([1.0, 2.0]), "b": 3.0})
    close(H["a"]["a"], 6 * np.eye(2))
    close(H["a"]["b"], [2.0, 4.0])
    close(H["b"]["a"], [2.0, 4.0])
    close(H["b"]["b"], 18.0)


@pytest.mark.parametrize("mode", JACOBIANS)
@pytest.mark.parametrize(
    ("into", "out"), list(itertools.product([(), (1,), (3,), (2, 3), (0,), (2, 0)], repeat=2)), ids=str
)
def test_jacobian_shapes(mode, into, out):
    x = np.random.default_rng(1).normal(size=into)
    y, J = value_and_jacobian(lambda x: np.sum(np.sin(x)) * np.ones(out), mode=mode)(x)
    assert np.shape(y) == out
    assert np.shape(J) == out + into
    close(J, np.broadcast_to(np.cos(x), out + into))


def test_modes_agree_on_a_function_of_several_arguments():
    rng = np.random.default_rng(2)
    args = rng.normal(size=(2, 3)), rng.normal(size=3), 0.5

    def f(A, b, c):
        y = A @ b + c
        return [np.sin(y), {"outer": np.outer(y, b) * c, "det": np.linalg.det(A @ A.T + np.eye(2))}]

    first, *others = [jacobian(f, (0, 1, 2), mode=mode)(*args) for mode in JACOBIANS]
    for other in others:
        for a, b in zip(leaves(first), leaves(other), strict=True):
            close(a, b)
    H, *others = [
        hessian(lambda *args: np.sum(f(*args)[0]), (0, 1, 2), mode=mode)(*args) for mode in HESSIANS
    ]
    for other in others:
        for a, b in zip(leaves(H), leaves(other), strict=True):
            close(a, b)


def test_other_containers():
    ordered = collections.OrderedDict(b=1.0, a=2.0)
    g = grad(lambda p: p["a"] ** 2 * p["b"])(ordered)
    assert type(g) is collections.OrderedDict
    assert list(g.items()) == [("b", 4.0), ("a", 4.0)]
    counts = collections.defaultdict(list, a=[1.0])
    g = grad(lambda p: p["a"][0] ** 2)(counts)
    assert g["a"] == [2.0]
    assert grad(lambda p: p[1])({1: 2.0, (2, 3): 3.0}) == {1: 1.0, (2, 3): 0.0}


def test_dict_order_of_tangents_does_not_matter():
    _, dy = jvp(lambda p: p["a"] * 10 + p["b"], ({"a": 1.0, "b": 2.0},), ({"b": 1.0, "a": 0.0},))
    assert dy == 1.0
    _, pullback = vjp(lambda x: {"a": x * 10, "b": x}, 1.0)
    assert pullback({"b": 1.0, "a": 0.0}) == (1.0,)


# results that do not depend on the input
@pytest.mark.parametrize("constant", [5.0, np.ones(2), [1, np.float32(2)], {"a": True}])
def test_constant_results_have_zero_derivatives(constant):
    x = np.ones(3)
    y, dy = jvp(lambda x: constant, (x,), (x,))
    _, push = linearize(lambda x: constant, x)
    for d in (dy, push(x)):
        assert all(not np.any(leaf) for leaf in leaves(d))
        assert [np.shape(v) for v in leaves(d)] == [np.shape(v) for v in leaves(constant)]
    y, pullback = vjp(lambda x: constant, x)
    np.testing.assert_array_equal(pullback(y)[0], np.zeros(3))
    for mode in JACOBIANS:
        for block, v in zip(
            leaves(jacobian(lambda x: constant, mode=mode)(x)), leaves(constant), strict=True
        ):
            np.testing.assert_array_equal(block, np.zeros((*np.shape(v), 3)))


def test_unused_arguments_have_zero_gradients():
    g = grad(lambda p, q: np.sum(q), (0, 1))({"a": np.ones((2, 2)), "b": 1.0, "c": np.float32(2)}, np.ones(3))
    np.testing.assert_array_equal(g[0]["a"], np.zeros((2, 2)))
    assert g[0]["b"] == 0.0
    assert type(g[0]["b"]) is float
    assert g[0]["c"].dtype == np.float32
    assert derivative(lambda x: 3.0)(1.0) == 0.0
    for mode in HESSIANS:
        np.testing.assert_array_equal(
            hessian(lambda x: np.sum(x) * 2.0, mode=mode)(np.ones(2)), np.zeros((2, 2))
        )
        np.testing.assert_array_equal(hessian(lambda x: 2.0, mode=mode)(np.ones(2)), np.zeros((2, 2)))


def test_zero_size_arrays():
    x = np.zeros((0, 3))
    assert grad(lambda x: np.sum(x * 2))(x).shape == (0, 3)
    assert jvp(np.sin, (x,), (x,))[1].shape == (0, 3)
    for mode in HESSIANS:
        assert hessian(lambda x: np.sum(np.sin(x)), mode=mode)(x).shape == (0, 3, 0, 3)
    assert grad(lambda p: 1.0)([]) == []
    assert jacobian(lambda p: 1.0)([]) == []


# memory
def held_apart(found, others=()):
    """Writable arrays that share memory with none of each other and of `others`."""
    arrays = [v for v in leaves(found) if isinstance(v, np.ndarray)]
    assert all(v.flags.writeable for v in arrays)
    for a, b in itertools.combinations([*arrays, *[v for v in others if isinstance(v, np.ndarray)]], 2):
        assert not np.shares_memory(a, b)


FUNCTIONS = {
    "identity": lambda x, y: (x, y),
    "sum": lambda x, y: np.sum(x) + np.sum(y),
    "x + y": lambda x, y: x + y,
    "twice the same": lambda x, y: [x + y] * 2,
    "views": lambda x, y: (x[1:], x[:2], np.reshape(y, (3, 1)), x.T),
    "constants": lambda x, y: (np.broadcast_to(1.0, 3), x),
    "exp": lambda x, y: np.exp(x) + y,
    "unused": lambda x, y: x,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_are_fresh_and_writable(name):
    f = FUNCTIONS[name]
    x, y, dx = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0]), np.ones(3)
    dy = jvp(f, (x, y), (dx, dx))[1]
    held_apart(dy, (x, y, dx))
    _, pullback = vjp(f, x, y)
    seed = jvp(f, (x, y), (x, y))[1]
    held_apart([pullback(seed), pullback(seed)], (x, y, *leaves(seed)))
    _, push = linearize(f, x, y)
    held_apart([push(dx, dx), push(dx, dx)], (x, y, dx))
    for mode in JACOBIANS:
        held_apart(jacobian(f, (0, 1), mode=mode)(x, y), (x, y))
    held_apart(grad(lambda x, y: np.sum(leaves(f(x, y))[0]), (0, 1))(x, y), (x, y))
    for mode in HESSIANS:
        H = hessian(lambda x, y: np.sum(np.square(leaves(f(x, y))[0])), (0, 1), mode=mode)(x, y)
        held_apart(H, (x, y))


@pytest.mark.parametrize("derive", [vjp, linearize], ids=["vjp", "linearize"])
@pytest.mark.parametrize(
    "f", [np.exp, lambda x: np.tanh(x) * x, lambda x: x * x], ids=["exp", "tanh", "square"]
)
def test_changing_what_was_handed_out_changes_no_later_result(derive, f):
    x = np.array([0.1, 0.2])
    y, later = derive(f, x)
    ones = np.ones(2)
    first = np.array(later(ones)[0] if derive is vjp else later(ones))
    y[...] = 0  # the caller's to change
    np.testing.assert_array_equal(later(ones)[0] if derive is vjp else later(ones), first)


@pytest.mark.parametrize("derive", [vjp, linearize], ids=["vjp", "linearize"])
def test_changing_the_argument_afterwards_changes_no_later_result(derive):
    x = np.array([0.1, 0.2])
    _, later = derive(lambda x: x * x, x)
    x[...] = 5.0
    ones = np.ones(2)
    np.testing.assert_allclose(later(ones)[0] if derive is vjp else later(ones), [0.2, 0.4])


@pytest.mark.parametrize("derive", [grad, lambda f: jacobian(f, mode="forward")], ids=["reverse", "forward"])
def test_the_callers_arrays_never_change(derive):
    x = np.array([1.0, 2.0])
    x.flags.writeable = False

    def f(x):
        x += 1.0  # binds a new traced array to the name
        x *= x
        return np.sum(x)

    close(derive(f)(x), 2 * (x + 1))
