"""What shares memory with an argument in NumPy is a view of it here, and nothing else is."""

import numpy as np
import pytest
from cases import DIFFERENTIABLE

from dualad import grad
from dualad.op import OPS
from dualad.tape import Tape, VarArray
from dualad.tree import flatten


def root(handle):
    while (view := getattr(handle, "view", None)) is not None:
        handle = view.parent
    return handle


@pytest.mark.parametrize("name", [name for name, (fn, _) in DIFFERENTIABLE.items() if fn in OPS])
def test_results_share_memory_as_in_numpy(name):
    fn, op = DIFFERENTIABLE[name]
    for args, keywords in op.examples(np.random.default_rng(0)) if op.examples else ():
        arrays = [a for a in args if isinstance(a, np.ndarray) and a.dtype == float and a.ndim]
        if not arrays:
            continue
        expected = {
            (k, i)
            for k, y in enumerate(flatten(fn(*args, **keywords))[0])
            for i, a in enumerate(arrays)
            if isinstance(y, np.ndarray) and np.may_share_memory(y, a)
        }
        handles = Tape().inputs(arrays)
        traced = {id(a): handle for a, handle in zip(arrays, handles, strict=True)}
        result = fn(*[traced.get(id(a), a) for a in args], **keywords)
        found = {
            (k, i)
            for k, y in enumerate(flatten(result)[0])
            for i, handle in enumerate(handles)
            if isinstance(y, VarArray) and root(y) is handle
        }
        assert found == expected, (args, keywords)


@pytest.mark.parametrize(
    "copied",
    [
        lambda y: y.flatten(),
        lambda y: np.tile(y, 1).ravel(),
        lambda y: np.pad(y, 0).ravel(),
        lambda y: np.pad(y, 0, "edge").ravel(),
        lambda y: y.T.ravel(),
    ],
    ids=["flatten", "tile", "pad", "pad edge", "ravel of a transpose"],
)
def test_copies_are_not_views(copied):
    def f(x):
        y = np.outer(x, x)
        copied(y)[1] = 7.0
        return np.sum(y**2)

    x = np.array([0.5, 1.5, 2.5])
    assert np.allclose(grad(f)(x), 4 * x * np.sum(x**2), rtol=1e-14)
