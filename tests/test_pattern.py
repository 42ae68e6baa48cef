"""Sparsity patterns hold every derivative that can be other than 0, and for most operations no more."""

import numpy as np
import pytest
from cases import DERIVED, each, generator, random_like, units

from dualad import (
    TraceError,
    jvp,
    sparsity,
)
from dualad.replay import replay
from dualad.symbol import traced
from dualad.tree import flatten

pytest.importorskip("scipy")
VALUE_SHAPES = {  # traced programs have results of one shape
    "np.trim_zeros", "np.union1d", "np.setdiff1d", "np.setxor1d", "np.unique", "np.unique_values", "np.unique_all",
    "np.unique_counts", "np.unique_inverse",
}  # fmt: skip


def numeric(f, leaves):
    """Where the Jacobian is other than 0 at a point, one column a number of the leaves."""
    columns = []
    for e in units(leaves):
        found = flatten(jvp(f, tuple(leaves), tuple(e))[1])[0]
        columns.append(np.concatenate([np.ravel(np.asarray(d) != 0) for d in found] or [np.zeros(0, bool)]))
    rest, joined = iter(columns), []
    for x in leaves:  # a complex number has two directions
        parts = [[next(rest) for _ in range(np.size(x))] for _ in range(1 + np.iscomplexobj(x))]
        joined += [np.any(pair, axis=0) for pair in zip(*parts, strict=True)]
    return np.array(joined).T


def near(rng, x):
    y = x * (1 + 1e-3 * random_like(rng, x)) if type(x) is not float else x * (1 + 1e-3 * rng.normal())
    return y if type(x) is float else np.asarray(y, x.dtype)[()]


@each(DERIVED)
def test_every_op_stays_within_its_pattern(case):
    def f(leaves):
        return case.f(*leaves)

    if case.name in VALUE_SHAPES:
        with pytest.raises(TraceError, match="shape"):
            sparsity(f, case.leaves)
        return
    pattern = sparsity(f, case.leaves).toarray()
    here = sparsity(f, case.leaves, at="point").toarray()
    found = numeric(case.f, case.leaves)
    assert pattern.shape == here.shape == found.shape
    assert not np.any(found & ~here)
    assert not np.any(here & ~pattern)
    rng, program = generator(case.id, "near"), traced(case.f, case.leaves)[0]
    for _ in range(2):
        leaves = [near(rng, x) for x in case.leaves]
        if replay(program, leaves)[1]:
            assert not np.any(numeric(case.f, leaves) & ~pattern)


def dense(pattern):
    assert pattern.dtype == bool
    assert pattern.has_canonical_format
    return pattern.toarray().astype(int).tolist()


def test_neighbours():
    x = np.ones(4)
    assert dense(sparsity(lambda x: x[1:] * x[:-1], x)) == [[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]
