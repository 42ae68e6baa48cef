"""Compiled plans leave out the constant maps around a function: the same numbers, by fewer directions."""

import pickle

import numpy as np
import pytest

pytest.importorskip("scipy")
pytest.importorskip("igraph")

import scipy.sparse as sp

import dualad
from dualad.plan import Plan
from dualad.select import Selected
from dualad.separable import Separable, separable

RNG = np.random.default_rng(3)
POINT = RNG.uniform(0.5, 1.5, 24)
GRID = RNG.uniform(0.5, 1.5, (2, 5, 4))
WHICH = RNG.integers(0, 24, 40)
MATRIX = sp.random_array((20, 24), density=0.2, rng=RNG, format="csr")


def laplacian(u):
    return np.roll(u, 1, 0) + np.roll(u, -1, 0) + np.roll(u, 1, 1) + np.roll(u, -1, 1) - 4.0 * u


def diffusion(state):
    """Sums of constant maps and of what is not linear: the first need no direction."""
    u, v = state[0], state[1]
    reaction = u * u * v
    return np.stack([1.0 + reaction - 4.4 * u + 0.3 * laplacian(u), 3.4 * u - reaction + laplacian(v) / 7.0])


def squares(x):
    """A map before what is not linear: one direction in place of the map's own five."""
    y = np.reshape(x, (6, 4))
    return laplacian(y) ** 2


def chained(x):
    """Linear, not linear, linear again."""
    return np.diff(np.sin(np.diff(x))) * 2.0 - x[1:-1]


def gathered(x):
    """Few outputs of many gathered inputs: rows."""
    y = x[WHICH].reshape(4, 10)
    return np.stack([np.sum(y**2, axis=0) * y[0], np.prod(y, axis=0)])


def differences(x):
    y = x[WHICH]
    return np.stack([np.prod((y - x[0]).reshape(4, 10), axis=0)] * 2)


def twice(x):
    """One value is read by what is linear and by what is not, and is a result itself."""
    d = np.diff(x)
    return {"d": d, "e": d + np.exp(d), "f": 2.0 * x - 1.0}


def shared(x):
    """Two maps of the same numbers, whose products are summed in one nonzero."""
    a, b = x[1:] + x[:-1], x[1:] - x[:-1]
    return a * b


def signs(x):
    return np.sign(x - 1.0) * x + np.floor(x) + np.where(x > 1.0, x, 2.0 * x)


def products(x):
    return (MATRIX @ x) ** 2 + MATRIX @ np.roll(x, 1)


def later(x):
    """A sum of a map and what is not linear, which goes through what is not linear again."""
    y = 3.0 * x + np.sin(x)
    return np.roll(y, 1) * y + y


FUNCTIONS = {
    "diffusion": (diffusion, GRID),
    "squares": (squares, POINT),
    "chained": (chained, POINT),
    "gathered": (gathered, POINT),
    "differences": (differences, POINT),
    "twice": (twice, POINT),
    "shared": (shared, POINT),
    "signs": (signs, POINT),
    "products": (products, POINT),
    "later": (later, POINT),
    "linear": (lambda x: np.diff(x, 2) * 3.0, POINT),
    "the same": (lambda x: x, POINT),
    "sums": (lambda x: np.cumsum(x)[::7] + np.sum(x) * x[:4], POINT),
    "pairs": (
        lambda p: {"y": p["a"][1:] * 2.0 - p["b"] ** 2, "z": -p["a"]},
        {"a": POINT[:5], "b": POINT[:4]},
    ),
    "number": (lambda x: np.stack([x * 2.0, x**2 - x]), 0.7),
}


def leaves_of(tree):
    return [leaf for part in tree.values() for leaf in leaves_of(part)] if isinstance(tree, dict) else [tree]


def matrix_of(f, x):
    """The dense Jacobian, all containers flattened."""
    keys = list(x) if isinstance(x, dict) else [None]
    parts = [dualad.jacobian(f)(x)]
    y = f(x)
    rows = [(k, np.size(v)) for k, v in y.items()] if isinstance(y, dict) else [(None, np.size(y))]
    blocks = []
    for k, m in rows:
        row = parts[0] if k is None else parts[0][k]
        blocks.append([np.reshape(row if c is None else row[c], (m, -1)) for c in keys])
    return np.block(blocks)


def scaled(x, by):
    return {key: value * by for key, value in x.items()} if isinstance(x, dict) else x * by


@pytest.mark.parametrize("name", FUNCTIONS)
def test_compiled_plans_give_the_dense_jacobian(name):
    f, x = FUNCTIONS[name]
    plan = dualad.sparse_jacobian(f, x)
    compiled = plan.compile()
    for by in (1.0, 1.25, 0.8):
        point = scaled(x, by)
        dense = matrix_of(f, point)
        np.testing.assert_allclose(compiled(point).toarray(), dense, rtol=1e-13, atol=1e-13)
        np.testing.assert_allclose(plan(point).toarray(), dense, rtol=1e-13, atol=1e-13)


def directions(f, x, below=100):
    """How many directions the part between constant maps takes, and of which kind."""
    found = []

    def traced(x):
        whole = Selected(f, 0, (x,), {})
        apart = separable(
            f,
            whole,
            dualad.sparse_jacobian(f, POINT if x.shape == POINT.shape else GRID).pattern,
            "auto",
            below,
        )
        found.append(apart)
        return apart.values(1) if apart else x

    dualad.compile(traced)(x)
    assert all(apart is None or isinstance(apart, Separable) for apart in found)
    return found[0] and (found[0].coloring.partition, found[0].coloring.count)


def test_the_part_between_takes_fewer_directions():
    assert directions(diffusion, GRID) == ("column", 2)
    assert dualad.sparse_jacobian(diffusion, GRID).coloring.count > 4
    assert directions(squares, POINT) == ("column", 1)
    assert directions(gathered, POINT) == ("row", 1)
    assert directions(lambda x: np.diff(x), POINT) == ("column", 0)


def test_what_saves_no_direction_is_left_as_it_is():
    assert directions(squares, POINT, below=1) is None


def test_branches_are_left_as_they_are():
    assert directions(lambda x: np.diff(x) if x[0] > 0 else x[1:] * 2.0, POINT) is None


def test_constants_stay_finite_where_other_nonzeros_are_not():
    plan = dualad.sparse_jacobian(lambda x: np.sqrt(x[1:]) + 3.0 * np.diff(x), np.ones(4)).compile()
    with np.errstate(divide="ignore"):
        found = plan(np.array([1.0, 0.0, 4.0, 9.0])).toarray()
    np.testing.assert_array_equal(found[:, :3], [[-3.0, np.inf, 0.0], [0.0, -3.0, 3.25], [0.0, 0.0, -3.0]])


def test_results_of_linear_functions_may_be_changed():
    plan = dualad.sparse_jacobian(np.diff, POINT).compile()
    first = plan(POINT)
    first.data[:] = 7.0
    np.testing.assert_array_equal(plan(POINT).toarray(), matrix_of(np.diff, POINT))


def test_other_arguments_are_no_constants():
    def f(x, a, n):
        return a * np.diff(x) + np.sin(x[1:]) * n

    plan = dualad.sparse_jacobian(f, POINT, 2.0, n=3).compile()
    for a in (2.0, -5.0, 0.0):
        dense = dualad.jacobian(f)(POINT, a, n=3)
        np.testing.assert_allclose(plan(POINT, a, n=3).toarray(), dense, rtol=1e-14, atol=1e-14)
    with pytest.raises(dualad.ArgumentError, match="other values"):
        plan(POINT, 2.0, n=4)


def test_precision_is_kept():
    x = GRID.astype(np.float32)
    found = dualad.sparse_jacobian(diffusion, x).compile()(x)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.toarray(), matrix_of(diffusion, x), rtol=1e-5, atol=1e-5)


def test_constants_do_not_widen_the_matrix():
    x = POINT.astype(np.float32)
    found = dualad.sparse_jacobian(lambda x: x, x).compile()(x)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.toarray(), np.eye(24))


def test_division_by_a_constant_zero_is_infinite():
    with np.errstate(divide="ignore", invalid="ignore"):
        found = dualad.sparse_jacobian(lambda x: np.diff(np.sin(x)) + x[1:] / 0.0, np.ones(3)).compile()(
            np.ones(3)
        )
    assert np.isinf(found.toarray()[[0, 1], [1, 2]]).all()


def test_a_pattern_that_lacks_a_constant_takes_the_ordinary_way():
    plan = dualad.sparse_jacobian(np.diff, np.ones(3), pattern=np.eye(2, 3)).compile()
    with pytest.raises(dualad.GradientError):
        plan.verify(np.ones(3))


def test_compiled_plans_are_pickled():
    plan = pickle.loads(pickle.dumps(dualad.sparse_jacobian(np.diff, POINT).compile()))
    assert isinstance(plan, Plan)
    np.testing.assert_array_equal(plan(POINT).toarray(), matrix_of(np.diff, POINT))


@pytest.mark.parametrize("seed", range(20))
def test_random_functions(seed):
    """Chains of maps, sums and products in any order."""
    rng = np.random.default_rng(seed)
    steps = rng.integers(0, 9, 7)
    where = rng.integers(0, 24, 24)
    weights = rng.uniform(0.5, 1.5, 24)

    ways = [
        lambda a, b: a + b,
        lambda a, b: a * b,
        lambda a, b: np.roll(b, 2) - a,
        lambda a, b: b[where],
        lambda a, b: np.sin(b),
        lambda a, b: b * weights,
        lambda a, b: np.concatenate([a[5:], b[:5]]),
        lambda a, b: b / weights + 1.0,
        lambda a, b: np.where(weights > 1.0, a, b),
    ]

    def f(x):
        ys = [x]
        for k, step in enumerate(steps):
            ys.append(ways[step](ys[(k * 7) % len(ys)], ys[-1]))
        return ys[-1]

    plan = dualad.sparse_jacobian(f, POINT).compile()
    for by in (1.0, 0.9):
        np.testing.assert_allclose(
            plan(POINT * by).toarray(), matrix_of(f, POINT * by), rtol=1e-12, atol=1e-12
        )


def test_explanations_have_the_way_that_is_taken():
    plan = dualad.sparse_jacobian(diffusion, GRID).compile()
    rows = plan.explain(GRID).rows
    (taken,) = [row for row in rows if row["chosen"]]
    assert taken["way"] == "column, between constant maps" and taken["directions"] == 2
    assert taken["seconds"] > 0
    assert "at most" in repr(plan)
