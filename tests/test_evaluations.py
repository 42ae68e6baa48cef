"""np.polynomial's evaluation functions: right on traced values, or an error that says what to write."""

from contextlib import nullcontext

import numpy as np
import pytest
from cases import close, generator, random_like

import dualad
from docs.evaluations import EVALUATE, MODULES, OTHER, calls, described, evaluations, public

FOUND = {
    f"{module.__name__.rpartition('.')[2]}.{name}": fn
    for module in MODULES
    for name, fn in evaluations(module).items()
}


def stepped(call, directions):
    """The derivative by a complex step (Squire and Trapp 1998), exact to rounding."""
    h = 1e-150
    return np.imag(call(*(v + 1j * h * d for v, d in zip(call.values, directions, strict=True)))) / h


@pytest.mark.parametrize("name", FOUND)
def test_right_or_an_error_that_says_what_to_write(name):
    rng, right = generator(name), 0
    for call in calls(name, FOUND[name]):
        directions = tuple(random_like(rng, v) for v in call.values)
        found, what = call.derivative(directions), described(call)
        if isinstance(found, dualad.DualadError):
            assert "  instead: " in str(found), what
            with pytest.raises(dualad.ShapeError):
                dualad.vjp(call, *call.values)
            continue
        close(found, stepped(call, directions), 1e-12, what=what)
        y, pull = dualad.vjp(call, *call.values)
        close(y, call(*call.values), 1e-14, what=what)
        g = random_like(rng, y)
        slopes = pull(g)
        assert [type(s) for s in slopes] == [type(v) for v in call.values]
        close(
            sum(np.sum(s * d) for s, d in zip(slopes, directions, strict=True)),
            np.sum(g * found),
            1e-11,
            1e-12,
            what,
        )
        right += 1
    assert right


def test_every_function_is_an_evaluation_or_not():
    for module in MODULES:
        stems = tuple(name for name in public(module) if not name.endswith(EVALUATE + OTHER))
        assert not stems, f"{module.__name__}: say of these whether they evaluate"


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
@pytest.mark.parametrize("traced", [(0,), (1,), (2,), (3,), (0, 1, 2, 3)], ids=str)
def test_the_advice_for_grids_works(module, traced):
    grid, val = (
        next(fn for name, fn in public(module).items() if name.endswith(end)) for end in ("grid3d", "val")
    )
    rng = generator(module.__name__)
    args = [rng.uniform(-0.7, 0.7, shape) for shape in (3, (2, 2), 1, (2, 3, 2, 2))]

    def advised(*values):
        *points, c = [dict(zip(traced, values, strict=True)).get(k, arg) for k, arg in enumerate(args)]
        for x in points:
            c = val(x, np.reshape(c, c.shape + (1,) * x.ndim), tensor=False)
        return c

    values = tuple(args[k] for k in traced)
    close(advised(*values), grid(*args), 1e-14)
    dualad.check_grads(advised, values)
    with (
        pytest.raises(dualad.ShapeError, match="one axis after the other")
        if traced != (3,)
        else nullcontext()
    ):
        dualad.grad(lambda x: np.sum(grid(*[x if k == traced[0] else arg for k, arg in enumerate(args)])))(
            values[0]
        )


@pytest.mark.parametrize(
    "derive", [dualad.grad, lambda f: dualad.jacobian(f, mode="forward")], ids=["reverse", "forward"]
)
def test_the_advice_for_roots_works(derive):
    x, r = np.array([0.3, 0.5, -0.2]), np.array([[0.1, 2.0], [0.4, -1.0]])
    roots = np.polynomial.polynomial.polyvalfromroots
    with pytest.raises(
        dualad.ShapeError, match=r"np.prod\(x - np.reshape\(r, r.shape \+ \(1,\) \* x.ndim\), axis=0\)"
    ):
        derive(lambda x: np.sum(roots(x, r)))(x)
    found = derive(lambda x: np.sum(np.prod(x - np.reshape(r, r.shape + (1,) * x.ndim), axis=0)))(x)
    steps = [np.imag(np.sum(roots(x + 1e-150j * e, r))) / 1e-150 for e in np.eye(3)]
    close(found, np.array(steps), 1e-13)


def test_a_function_of_the_users_may_have_such_a_name():
    def polyval(x, c, tensor=True):
        return np.sum(c[0] * x)

    x, c = np.ones(3), np.ones((2, 3))
    np.testing.assert_array_equal(dualad.grad(polyval)(x, c), c[0])
    np.testing.assert_array_equal(dualad.jacobian(polyval, mode="forward")(x, c), c[0])
