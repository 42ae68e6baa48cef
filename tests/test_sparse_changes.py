"""Calls that a plan was not made for: another argument, another object's state, another shape. An error, each."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("scipy")
pytest.importorskip("igraph")

import dualad


def shifted(x, k):
    return x * np.roll(x, k)


def picked(x, index):
    return x[index] ** 2


def named_mode(x, mode="ahead"):
    return x**2 if mode == "ahead" else x[::-1] ** 2


def cut(x, w):
    return x[len(w) : len(w) + 2] ** 2


def of_options(x, options):
    return x * x[options["first"]] * options["scale"]


@dataclasses.dataclass
class Options:
    first: int
    weights: np.ndarray


def of_dataclass(x, options):
    return x * x[options.first] * options.weights


class Opaque:
    first = 0


def of_opaque(x, options):
    return x * x[options.first]


CHANGES = {
    "a dataclass": (of_dataclass, (Options(0, np.ones(4)),), (Options(1, np.ones(4)),)),
    "an index": (shifted, (1,), (2,)),
    "an array of indices": (picked, (np.array([0, 1, 2, 3]),), (np.array([3, 2, 1, 0]),)),
    "a flag": (named_mode, ("ahead",), ("back",)),
    "a flag's default": (named_mode, (), ("back",)),
    "a dict": (of_options, ({"first": 0, "scale": 2.0},), ({"first": 1, "scale": 2.0},)),
}


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("what", CHANGES)
def test_another_argument_with_another_pattern_raises(what, compiled):
    f, made, other = CHANGES[what]
    x = np.array([1.0, 2.0, 3.0, 4.0])
    plan = dualad.sparse_jacobian(f, x, *made)
    plan = plan.compile() if compiled else plan
    np.testing.assert_allclose(plan(x, *made).toarray(), dualad.jacobian(f)(x, *made), rtol=1e-14)
    with pytest.raises(dualad.ArgumentError, match="made with other values"):
        plan(x, *other)


@pytest.mark.parametrize("compiled", [False, True])
def test_another_shape_of_another_argument(compiled):
    x = np.array([1.0, 2.0, 3.0, 4.0])
    plan = dualad.sparse_jacobian(cut, x, np.ones(1))
    plan = plan.compile() if compiled else plan
    with pytest.raises(dualad.GradientError, match="does not hold here: rows"):
        plan(x, np.ones(2))
    plan = dualad.sparse_hessian(lambda x, data: np.sum(data) * np.sum(x[1:] * x[:-1]), x, np.ones(3))
    plan = plan.compile() if compiled else plan
    np.testing.assert_allclose(plan(x, np.ones(2)).toarray(), 2 * plan(x, np.ones(1)).toarray(), rtol=1e-14)


def test_an_object_that_changes_raises():
    x, options = np.array([1.0, 2.0, 3.0, 4.0]), Opaque()
    plan = dualad.sparse_jacobian(of_opaque, x, options)
    np.testing.assert_allclose(plan(2 * x, options).toarray(), dualad.jacobian(of_opaque)(2 * x, options))
    options.first = 1
    with pytest.raises(dualad.GradientError, match="does not hold here: rows"):
        plan(x, options)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("make", [dualad.sparse_jacobian, dualad.sparse_hessian])
def test_a_point_of_another_shape_raises(make, compiled):
    plan = make(np.prod if make is dualad.sparse_hessian else np.cumprod, np.ones(3))
    plan = plan.compile() if compiled else plan
    for x in (np.ones(4), np.ones((3, 1)), 1.0):
        with pytest.raises(dualad.ShapeError, match=r"is for arguments of shapes \[\(3,\)\]"):
            plan(x)
