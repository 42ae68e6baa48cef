"""Many directions in one sweep give what one sweep a direction gives."""

import numpy as np
import pytest
from cases import CASES, DERIVED, Case, close, each, generator, matrix, precision, units, vector

from dualad import jacobian, jvp, vjp
from dualad.batch import Batch, _one_by_one
from dualad.op import Op
from dualad.tree import flatten


def columns(case: Case):
    """The Jacobian from one forward sweep a column."""
    return np.stack([vector(jvp(case.f, case.leaves, e)[1]) for e in units(case.leaves)], axis=1)


def rows(case: Case):
    """The Jacobian from one reverse sweep a row."""
    y, pullback = vjp(case.f, *case.leaves)
    rebuild = flatten(y)[1]
    return np.stack([vector(pullback(rebuild(e))) for e in units(flatten(y)[0])])


@each(DERIVED)
def test_whole_jacobians_are_those_built_row_by_row_and_column_by_column(case: Case):
    expected = columns(case)
    scale = precision(case)
    close(rows(case), expected, 1e-13 * scale, 1e-14 * scale, "rows against columns")
    y = flatten(case.f(*case.leaves))[0]
    if any(map(np.iscomplexobj, y)) and any(map(np.iscomplexobj, case.leaves)):
        return  # no one complex number says how a complex result follows a complex argument
    f = lambda leaves: case.f(*leaves)  # noqa: E731
    for mode in ("forward", "reverse", "auto"):
        for chunk in (
            2**23,
            1,
            8 * 3 * max(map(np.size, (*y, *case.leaves))),
        ):  # all at once, one by one, by threes
            found = matrix(jacobian(f, mode=mode, chunk_bytes=chunk)(tuple(case.leaves)), y, case.leaves)
            close(found, expected, 1e-13 * scale, 1e-14 * scale, f"{mode}, chunks of {chunk} bytes")


# The strategies of the ops against the one that needs none
def with_directions(rng, x, k):
    """`k` values near `x` on a trailing axis, stored first."""
    x = np.asarray(x)
    return np.moveaxis(x + 0.01 * rng.uniform(-1, 1, (k, *x.shape)).astype(x.dtype), 0, -1)


PRIMITIVE = [case for case in CASES if isinstance(case.op, Op) and case.leaves]


@each(PRIMITIVE)
def test_strategies_agree_with_going_one_by_one(case: Case):
    op, args, k = case.op, case.arguments(case.leaves), 3
    rng = generator(case.id)
    moving = [i for i, x in enumerate(args) if any(x is leaf for leaf in case.leaves)]
    assert moving
    choices = [[i] for i in moving] + ([moving] if len(moving) > 1 else [])
    for chosen in choices:
        values = [with_directions(rng, x, k) if i in chosen else x for i, x in enumerate(args)]
        batches = [Batch(v, 7) if i in chosen else v for i, v in enumerate(values)]
        found = op(*batches, **case.keywords)
        expected = _one_by_one(op, values, [i in chosen for i in range(len(args))], case.keywords, k)
        found, expected = flatten(found)[0], flatten(expected)[0]
        assert all(
            type(y) is Batch and np.shape(y) == z.shape[:-1] for y, z in zip(found, expected, strict=True)
        )
        close([y.value for y in found], expected, 1e-13, what=f"directions on {chosen}")


def test_most_ops_have_a_strategy():
    """Going one by one is right but slow: which ops do so is a list to keep short."""
    slow = {case.op.name for case in PRIMITIVE if case.op.kind != "elementwise" and not case.op.batch}
    of_ufuncs = {name for name in slow if name.endswith((".reduce", ".accumulate"))}
    assert slow - of_ufuncs <= {"max", "min", "prod along one axis", "cumprod", "convolution", "roots"}


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_directions_that_meet_several_outputs_and_inputs(mode):
    def f(a, b):
        return {"product": a @ b, "sum": [np.sum(a) * b, 2.0], "none": np.ones(2)}

    a, b = generator("several").uniform(size=(2, 3)), np.array([1.0, -2.0, 0.5])
    found = jacobian(f, argnums=(0, 1), mode=mode, chunk_bytes=100)(a, b)
    np.testing.assert_allclose(found["product"][0], np.einsum("ik,j->ikj", np.eye(2), b), rtol=1e-15)
    np.testing.assert_allclose(found["product"][1], a, rtol=1e-15)
    np.testing.assert_allclose(found["sum"][0][0], np.broadcast_to(b[:, None, None], (3, 2, 3)), rtol=1e-15)
    np.testing.assert_allclose(found["sum"][0][1], np.sum(a) * np.eye(3), rtol=1e-15)
    assert found["sum"][1][0].shape == (2, 3)
    assert found["none"][1].shape == (2, 3)
    assert not np.any(found["none"][0])
