"""Loops of native code between NumPy's functions: every op, every shape, any memory, with and without libmvec."""

import numpy as np
import pytest
from cases import DERIVED, close, each, generator
from test_compile import BINARY, UNARY
from test_programs import VALUE_SHAPES, moved, pulled, pushed

import dualad
from dualad import grad, hvp
from dualad.native.steps import Steps
from dualad.native.vectors import ONE, TWO, Vectors, functions, vectors
from dualad.replay import replay
from dualad.simplify import simplified
from dualad.symbol import traced
from dualad.tree import flatten

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
# What this machine has, its narrower vectors, and no vector library
KINDS = {
    "vectors": None,
    "narrow": Vectors(4, functions(4) if vectors().functions else {}),
    "scalars": Vectors(8, {}),
    "narrow scalars": Vectors(4, {}),
}
each_kind = pytest.mark.parametrize("kind", KINDS)


def steps(f, *leaves, kind="vectors"):
    """A function's program as steps, however small its arrays."""
    return Steps(simplified(traced(f, leaves)[0]), KINDS[kind])


def agree(f, *leaves, kind="vectors", rtol=1e-13):
    """Results are the function's own, also at other values and again."""
    run, rng = steps(f, *leaves, kind=kind), generator("agree")
    for xs in (leaves, [moved(rng, x) for x in leaves], leaves):
        found, held = run(xs)
        if held:
            close(found, flatten(f(*xs))[0], rtol, 1e-13)
    return run


@pytest.mark.parametrize("mode", [lambda case: case.f, pushed, pulled], ids=["value", "forward", "reverse"])
@each(DERIVED, lambda case: case.name not in VALUE_SHAPES)
def test_every_op_in_every_mode(case, mode):
    f = mode(case)
    for kind in ("vectors", "scalars"):
        run, rng = steps(f, *case.leaves, kind=kind), generator(case.id, "loops")
        for leaves in (case.leaves, [moved(rng, x) for x in case.leaves]):
            expected, as_replayed = flatten(f(*leaves))[0], replay(run.program, leaves)
            found, held = run(leaves)
            assert held == as_replayed[1]
            if held:
                close(found, expected, 1e-13, 1e-13)
                for a, b in zip(found, as_replayed[0], strict=True):
                    assert type(a) is type(b)
                    assert np.asarray(a).dtype == np.asarray(b).dtype


# mathematical functions
NAMES = {
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh",
    "atanh": "arctanh", "pow": "power", "atan2": "arctan2",
}  # fmt: skip
SPECIAL = np.array(
    [
        0.0,
        -0.0,
        np.inf,
        -np.inf,
        np.nan,
        5e-324,
        1e-310,
        1e308,
        -1e308,
        1.0,
        -1.0,
        0.5,
        710.0,
        -746.0,
        1e22,
        -3.0,
    ]
)


@each_kind
@pytest.mark.parametrize("name", (*ONE, *TWO))
def test_mathematical_functions(name, kind):
    f, rng = getattr(np, NAMES.get(name, name)), np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=997) * s for s in (1e-3, 1.0, 30.0, 1e5)] + [rng.uniform(1, 2, 500)])
    args = [x] if name in ONE else [x, rng.permutation(x)]
    (found,), _ = steps(f, *args, kind=kind)(args)
    np.testing.assert_allclose(found, f(*args), rtol=1e-14, atol=0)
    args = [SPECIAL] if name in ONE else [a.ravel().copy() for a in np.meshgrid(SPECIAL, SPECIAL)]
    (found,), _ = steps(f, *args, kind=kind)(args)
    np.testing.assert_allclose(found, f(*args), rtol=1e-14, atol=5e-324)
    zero = found == 0
    np.testing.assert_array_equal(np.signbit(found[zero]), np.signbit(f(*args)[zero]))


def test_the_backend_says_whether_it_has_libmvec():
    info = dualad.backend_info()
    assert info["libmvec"] == bool(vectors().functions)
    assert info["width"] == vectors().width
    text = steps(np.exp, np.ones(100)).module.text
    assert ("inttoptr" in text) == info["libmvec"]
    assert "@exp(" in steps(np.exp, np.ones(100), kind="scalars").module.text


def test_equal_numbers_have_equal_results_wherever_they_stand():
    x = np.random.default_rng(12).normal(size=1003)
    run = steps(lambda x: (np.exp(np.sin(x)), np.exp(np.sin(x[::-1])), np.exp(np.sin(x[5:]))), x)
    a, b, c = run([x])[0]
    np.testing.assert_array_equal(a, b[::-1])
    np.testing.assert_array_equal(a[5:], c)


# random programs
STENCILS = [
    lambda x: np.concatenate([x[..., 1:], x[..., :1]], -1),
    lambda x: x - np.mean(x, -1, keepdims=True) if x.size else x,
    lambda x: x / (1 + np.sum(x * x)),
    lambda x: np.where(x > 0.1, x, np.isnan(x) * 2.0),
    lambda x: np.pad(x[..., 1:], [(0, 0)] * (x.ndim - 1) + [(0, min(1, x.shape[-1]))]),
    lambda x: np.sum(x, 0) + x,
]


def program(seed):
    rng = np.random.default_rng(seed)
    plan = [(rng.random(), rng.integers(0, 100), rng.integers(0, 100, 2)) for _ in range(12)]

    def f(x):
        values = [x, x * 0.5]
        for which, k, (i, j) in plan:
            a, b = values[i % len(values)], values[j % len(values)]
            if which < 0.3:
                y = UNARY[k % len(UNARY)](a)
                y = np.reshape(y, a.shape)
            elif which < 0.6:
                y = BINARY[k % len(BINARY)](a, b)
            elif which < 0.8:
                y = STENCILS[k % len(STENCILS)](a)
            else:
                y = a.copy()
                y[..., 1:] = b[..., :-1] * 0.7
            values.append(np.tanh(y))
        return np.sum(values[-1] * values[-2])

    return f


@pytest.mark.parametrize(
    "shape", [(0,), (1,), (7,), (8,), (9,), (1000,), (5, 3), (3, 17), (2, 3, 9)], ids=str
)
@pytest.mark.parametrize("seed", range(12))
def test_random_programs(seed, shape):
    f, x = program(seed), np.random.default_rng(seed).normal(size=shape)
    for transform in (f, grad(f), lambda x: hvp(f, x, np.cos(x))):
        for kind in ("vectors", "scalars") if seed < 4 else ("vectors",):
            agree(transform, x, kind=kind, rtol=1e-9)


# shapes and memory
ARRAYS = {
    "rows and columns": [(40, 1), (1, 30)],
    "a row": [(20, 30), (30,)],
    "a number": [(700,), ()],
    "thin": [(500, 3), (3,)],
    "middle": [(4, 1, 20), (5, 1)],
    "empty": [(0, 3), (3,)],
}


@each_kind
@pytest.mark.parametrize("shapes", ARRAYS.values(), ids=ARRAYS)
def test_broadcasting(shapes, kind):
    rng = np.random.default_rng(1)
    args = [np.float64(0.7) if s == () else rng.normal(size=s) for s in shapes]

    def f(a, b):
        y = np.exp(np.sin(a) * b) + b
        return y, np.sum(y), np.sum(y, 0), np.sum(y, -1, keepdims=True), y > 1

    agree(f, *args, kind=kind)
    agree(grad(lambda a, b: np.sum(f(a, b)[0] ** 2), argnums=(0, 1)), *args, kind=kind)


INDICES = {
    "steps": np.s_[::3], "backwards": np.s_[::-1], "backwards in steps": np.s_[-2:3:-2], "none": np.s_[5:2],
    "one": np.s_[4], "last": np.s_[-1:], "axis": np.s_[None, 2:, None],
    "rows": np.s_[2], "box": np.s_[1:-1, 2:5], "column": np.s_[:, 3], "far": np.s_[..., -1, None],
    "positions": np.s_[[0, 2, 2]],
}  # fmt: skip


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
@pytest.mark.parametrize("shape", [(50,), (9, 21)], ids=str)
def test_slices(index, shape):
    x = np.random.default_rng(2).normal(size=shape)
    if np.ndim(np.empty(shape)) == 1 and isinstance(index, tuple) and index not in (np.s_[None, 2:, None],):
        index = np.s_[..., 3:7]

    def f(x):
        z = np.cos(x)
        z[index] = np.sin(z[index]) + 1.0
        return np.exp(x[index]) * z[index], z.T * x.T, z

    agree(f, x)
    agree(lambda x: dualad.jvp(f, (x,), (np.cos(x),))[1], x)
    agree(grad(lambda x: sum(np.sum(y * y) for y in f(x))), x)


@pytest.mark.parametrize(
    "layout",
    [
        np.asfortranarray,
        lambda x: np.repeat(x, 2, 1)[:, ::2],
        lambda x: x[::-1].copy()[::-1],
        lambda x: x.copy().T.copy().T,
    ],
)
def test_arrays_that_lie_otherwise(layout):
    x = np.random.default_rng(3).normal(size=(30, 40))
    run = steps(lambda x: np.exp(x) + x[0], x)
    close(run([layout(x)])[0][0], np.exp(x) + x[0], 1e-14)
    unaligned = np.frombuffer(b"0" + x.tobytes(), np.uint8)[1:].view(np.float64).reshape(x.shape)
    close(run([unaligned])[0][0], np.exp(x) + x[0], 1e-14)


def test_long_sums_are_as_good_as_numpy():
    x = np.random.default_rng(4).uniform(size=1_000_003)
    (found,), _ = steps(lambda x: np.sum(x * 0.1), x)([x])
    np.testing.assert_allclose(found, np.sum(x * 0.1), rtol=1e-14)
