"""What loops compute besides elementwise operations: joined and rolled arrays, extrema, counts, small contractions."""

import itertools

import numpy as np
import pytest
from test_loops import agree, each_kind, steps

import dualad
from dualad import compile, grad, hvp
from dualad.native.fuse import Call, Plan

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def calls(f, *leaves):
    """The names of the functions of NumPy's that remain between loops."""
    program = steps(f, *leaves).program
    return [program.values[step.k].op.name for step in Plan(program).steps if isinstance(step, Call)]


def in_every_mode(f, x, kind="vectors"):
    """Values and derivatives are the function's own."""
    agree(f, x, kind=kind)
    agree(lambda x: dualad.jvp(f, (x,), (np.cos(x),))[1], x, kind=kind)
    agree(grad(lambda x: np.sum(f(x) ** 2)), x, kind=kind)


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape)


JOINS = {
    "end to end": lambda x: np.concatenate([np.sin(x), x[1:], x[:0], x[::-1]]),
    "last axis": lambda x: np.concatenate([x[..., -2:], np.exp(x), x[..., :1]], axis=-1),
    "of joins": lambda x: np.concatenate([np.concatenate([x, x * 2]), np.concatenate([x[:1], x])]),
    "joins in sums": lambda x: np.sin(np.concatenate([x, x[::-1]])) + np.concatenate([x * x, np.cos(x)]),
    "stack": lambda x: np.stack([x, np.sin(x), x * x], axis=1),
    "pad": lambda x: np.pad(np.exp(x), 2),
    "tile": lambda x: np.tile(np.sin(x), 3) * 2,
    "edge": lambda x: np.concatenate([x[:1], x, x[-1:]]),
    "truths": lambda x: np.where(np.concatenate([x > 0, x < 1]), 2.0, np.concatenate([x, x])),
}


@each_kind
@pytest.mark.parametrize("f", JOINS.values(), ids=JOINS)
def test_joins(f, kind):
    for shape in ((37,), (9, 5), (1,), (0, 4)):
        in_every_mode(f, normal(*shape), kind)


ROLLS = {
    "forwards": ((1,), (0,)), "backwards": ((-2,), (0,)), "around": ((23,), (0,)), "far back": ((-31,), (0,)),
    "whole": ((8,), (0,)), "last": ((3,), (-1,)), "both": ((1, -2), (0, 1)), "twice": ((1, 4), (0, 0)),
}  # fmt: skip


@each_kind
@pytest.mark.parametrize(("shift", "axis"), ROLLS.values(), ids=ROLLS)
@pytest.mark.parametrize("shape", [(8, 20), (8, 1), (8, 0), (1, 9)], ids=str)
def test_rolls(shift, axis, shape, kind):
    in_every_mode(lambda x: np.roll(np.sin(x), shift, axis) * x, normal(*shape), kind)


def test_a_roll_of_all_axes():
    in_every_mode(lambda x: np.roll(np.sin(x), 5) * x, normal(6, 7))


def test_stencils_of_stencils():
    def f(x):
        for _ in range(6):
            y = np.sin(np.roll(x, 1, 0) + np.roll(x, -1, 0)) * np.roll(x, 2, -1)
            x = 0.3 * (y + np.concatenate([x[1:], x[:1]]))
        return x

    for shape in ((50,), (12, 13)):
        in_every_mode(f, normal(*shape))


def test_joins_and_rolls_need_no_calls():
    def f(x):
        y = np.roll(x, 1, 0) - np.roll(x, -1, 1)
        y = np.concatenate([y[::-1], np.sin(y)])
        y[2:5] = y[7:4:-1]
        return np.sum(y * y)

    assert calls(f, normal(20, 30)) == calls(grad(f), normal(20, 30)) == []


@pytest.mark.parametrize(
    "index", [np.s_[5:1:-1], np.s_[::-1], np.s_[:, ::-1], np.s_[-1, 4:0:-1], np.s_[3:3:-1], np.s_[::2]]
)
def test_reversed_pastes(index):
    def f(x):
        y = np.cos(x)
        y[index] = np.sin(x[index]) * 2
        return y

    in_every_mode(f, normal(9, 11))
    in_every_mode(lambda x: np.exp(x)[index], normal(9, 11))


# reductions
AXES = [0, 1, -1, (0, 2), (1, 2), (0, 1, 2), None]
SHAPES = [(3, 4, 5), (1, 7, 1), (2, 3, 33), (40, 2, 3), (2, 9, 8)]


@each_kind
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", AXES, ids=str)
def test_reductions(axis, keepdims, kind):
    def f(x):
        y = np.sin(x)
        found = [g(y, axis=axis, keepdims=keepdims) for g in (np.max, np.min, np.sum)]
        count = np.sum(y > 0.1, axis=axis, keepdims=keepdims)
        return *found, count, found[2] / count, np.mean(y < 0, axis=axis)

    for shape in SHAPES:
        x = normal(*shape)
        agree(f, x, kind=kind)
        agree(grad(lambda x: sum(np.sum(y * y) for y in f(x)[:3])), x, kind=kind)


@each_kind
def test_reductions_of_every_length(kind):
    for n, m in itertools.product((1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31), (1, 3, 8, 11)):
        x = normal(n, m)
        agree(
            lambda x: [g(x * 2, axis=k) for g in (np.sum, np.max, np.min) for k in (0, 1, None)], x, kind=kind
        )
        agree(lambda x: (np.sum(x > 0, 0), np.sum(x > 0, 1), np.exp(x), x > 0), x, kind=kind)


EXTREMES = {
    "NaN first": [np.nan, 1.0, 2.0], "NaN last": [1.0, 2.0, np.nan], "all NaN": [np.nan] * 3,
    "infinite": [-np.inf, -np.inf, -np.inf], "both ends": [-np.inf, np.inf, 0.0],
    "ties": [2.0, 1.0, 2.0], "zeros": [0.0, 0.0, 0.0],
}  # fmt: skip


@each_kind
@pytest.mark.parametrize("extreme", EXTREMES.values(), ids=EXTREMES)
@pytest.mark.parametrize("n", [3, 9, 21])
def test_extrema_are_numpys(extreme, n, kind):
    x = np.stack([np.roll(np.resize(extreme, n), k) for k in range(11)])
    for axis in (0, 1, None):
        for g in (np.max, np.min):
            (found,), _ = steps(lambda x, g=g, axis=axis: g(x + 0.0, axis=axis), x, kind=kind)([x])
            np.testing.assert_array_equal(found, g(x, axis=axis))
            f = grad(lambda x, g=g, axis=axis: np.sum(g(x * 1.0, axis=axis)))
            (found,), _ = steps(f, x, kind=kind)([x])
            np.testing.assert_array_equal(found, f(x))


def test_a_negative_and_a_positive_infinity_meet_nan_in_the_middle_of_a_vector():
    for place in range(20):
        x = np.linspace(-1, 1, 20)
        x[place] = np.nan
        (found,), _ = steps(lambda x: np.max(x + 1), x)([x])
        assert np.isnan(found)


def test_extrema_of_truths_and_integers_stay_calls():
    x, i = normal(70), np.arange(70)
    assert calls(lambda x: np.max(x > 0) * x, x) == ["max"]
    run = steps(lambda x, i: (np.exp(x) * np.max(i), np.sum(i), np.sum(np.sum(x[:, None] > x, 0))), x, i)
    found, _ = run([x, i])
    np.testing.assert_allclose(found[0], np.exp(x) * 69, rtol=1e-14)
    assert found[1:] == [69 * 35, 70 * 69 // 2]
    assert all(type(y) is np.int64 for y in found[1:])


def test_counts_are_integers():
    x = normal(40, 9)
    run = agree(lambda x: (np.sum(x > 0, 0), np.sum(x > 0), np.reshape(np.sum(x > 0, 1), (1, 40)) / 2), x)
    counts, total, _ = run([x])[0]
    assert counts.dtype == np.int64
    assert type(total) is np.int64
    assert calls(lambda x: (x > 0) / np.sum(x > 0, 1, keepdims=True), x) == []


def logsumexp(x):
    largest = np.max(x, axis=-1, keepdims=True)
    return largest[..., 0] + np.log(np.sum(np.exp(x - largest), axis=-1))


def test_log_sum_exp_is_loops():
    def f(x):
        return np.sum(logsumexp(x) ** 2)

    x = normal(50, 13) * 30
    for g in (f, grad(f), lambda x: hvp(f, x, np.cos(x))):
        assert calls(g, x) == []
        run = agree(g, x, rtol=1e-12)
        assert len(run._steps) == 1  # one native function


# contractions
EINSUMS = [
    "ij,jk->ik", "kij,nkj->nki", "nki,nkj->kij", "nki,kij->nkj", "i,i->", "ij,j->i", "kij,kj->ki", "ij,kl->ijkl",
    "ijm,jkn->ik", "abij,bajk->kbai", "ij,ij->j", "i,ij->", "ij,ij->ij", "aij,k->aj", "ii,ij->j",
]  # fmt: skip


@pytest.mark.parametrize("subscripts", EINSUMS)
@pytest.mark.parametrize("size", [1, 2, 5, 0])
def test_einsum(subscripts, size):
    terms = subscripts.split("->")[0].split(",")
    length = {c: size + (k % 3 if size else k % 2) for k, c in enumerate(sorted({*terms[0], *terms[1]}))}
    a, b = (normal(*(length[c] for c in term)) for term in terms)
    agree(lambda a, b: np.sin(np.einsum(subscripts, a, b)), a, b)
    agree(grad(lambda a, b: np.sum(np.sin(np.einsum(subscripts, a, b))), argnums=(0, 1)), a, b, rtol=1e-12)


@pytest.mark.parametrize(
    "shapes",
    [
        [(7, 3, 3), (7, 3, 3)],
        [(7, 1, 2), (2, 4)],
        [(3, 3), (6, 3, 3)],
        [(5, 4, 9), (5, 9, 4)],
        [(2, 3, 0), (0, 4)],
    ],
)
def test_stacks_of_small_matrices(shapes):
    a, b = (normal(*shape) for shape in shapes)
    agree(lambda a, b: np.exp(a @ b), a, b)
    assert ("np.matmul" in calls(lambda a, b: a @ b, a, b)) == (not 0 < a.shape[-1] <= 4)


@pytest.mark.parametrize("shape", [(6, 9, 4), (9, 4), (1, 5, 4)])
def test_directions_of_products(shape):
    """A product with a stack of columns, constant or with unit directions, is one product of matrices, or none."""
    v = normal(*shape)

    def f(s, v):
        return dualad.jacobian(lambda s: np.sin(v @ s), mode="forward")(s)

    agree(f, np.ones(4), v)
    agree(lambda v: f(np.ones(4), v), v)
    assert "np.matmul" in calls(lambda v: v @ np.ones((5, 1, 4, 1)), v)
    agree(lambda v: v @ np.cos(np.arange(20.0)).reshape(5, 1, 4, 1), v[0] if v.ndim == 3 else v)


def test_unit_directions_annihilate_what_they_are_multiplied_with():
    v = normal(80, 4)
    v[3, 2] = np.inf
    found = compile(dualad.jacobian(lambda s, v: v @ s, mode="forward"))(np.ones(4), v)
    np.testing.assert_array_equal(found, v)


# the choice
def ring(x, steps):
    for _ in range(steps):
        x = x + 0.1 * (np.roll(x, -1) - np.roll(x, 2)) * np.roll(x, 1)
    return x


def test_jacobians_that_fill_up_run_in_loops():
    x = normal(60)
    for times, native in ((1, "define i32 @kernel"), (40, "define void @loop")):
        g = compile(dualad.jacobian(lambda x, times=times: ring(x, times), mode="forward"))
        assert native in g.llvm(x)
        np.testing.assert_allclose(
            g(x), dualad.jacobian(lambda x, times=times: ring(x, times))(x), rtol=1e-9, atol=1e-12
        )


def test_a_join_of_many_parts_is_numpys():
    def f(x):
        return np.sum(np.concatenate([x[k : k + 3] * k for k in range(30)]) ** 2)

    assert calls(f, normal(70)) == ["concatenate"]
    agree(f, normal(70))
    agree(grad(f), normal(70))
