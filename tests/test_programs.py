"""Programs: what is traced, of every op in every mode, is what NumPy computes, also for other values."""

import numpy as np
import pytest
from cases import DERIVED, close, each, generator, is_leaf, random_like

from dualad import LeakError, TraceError, compile, count, grad, hessian, jacobian, jvp, vjp
from dualad.replay import replay
from dualad.symbol import traced
from dualad.tree import flatten

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
# How many elements their results have depends on values.
VALUE_SHAPES = {
    "np.unique", "np.unique_values", "np.unique_all", "np.unique_counts", "np.unique_inverse", "np.trim_zeros",
    "np.union1d", "np.intersect1d", "np.setdiff1d", "np.setxor1d",
}  # fmt: skip


def moved(rng, x):
    """Values near `x`, of the same kind."""
    near = x * (1 + 1e-3 * rng.uniform(0.5, 1.0, np.shape(x)))
    return float(near) if type(x) is float else np.asarray(near, x.dtype)[()] if np.ndim(x) == 0 else near


def pushed(case):
    rng = generator(case.id, "tangent")
    v = [random_like(rng, x) for x in case.leaves]
    return lambda *xs: jvp(case.f, xs, v)[1]


def pulled(case):
    rng = generator(case.id, "cotangent")
    results = flatten(case.primal(*case.leaves))[0]
    g = [random_like(rng, y) if is_leaf(y) else np.zeros(np.shape(y))[()] for y in results]

    def f(*xs):
        y, pullback = vjp(case.f, *xs)
        return pullback(flatten(y)[1](g))

    return f


@pytest.mark.parametrize("mode", [lambda case: case.f, pushed, pulled], ids=["value", "forward", "reverse"])
@each(DERIVED)
def test_every_op_in_every_mode(case, mode):
    f = mode(case)
    if case.name in VALUE_SHAPES:
        with pytest.raises(TraceError, match=r"when it runs\n.*\n  instead: "):
            traced(f, case.leaves)
        return
    program, rebuild = traced(f, case.leaves)
    rng = generator(case.id, "near")
    for leaves in (case.leaves, [moved(rng, x) for x in case.leaves]):
        expected = flatten(f(*leaves))[0]
        found, held = replay(program, leaves)
        if held:
            close(rebuild(found), rebuild(expected), 1e-13, 1e-13)
            for a, b in zip(found, expected, strict=True):
                assert np.asarray(a).dtype == np.asarray(b).dtype or not is_leaf(b)
        else:
            assert leaves is not case.leaves


def test_most_ops_need_no_guards():
    guarded = {
        case.name
        for case in DERIVED
        if case.name not in VALUE_SHAPES and traced(pushed(case), case.leaves)[0].guards
    }
    assert len(guarded) < 60
    assert not guarded & {"np.where", "np.maximum", "np.sort", "np.max", "np.clip", "np.abs", "np.linalg.svd"}


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


@pytest.mark.parametrize(
    "transform", [grad, jacobian, hessian, lambda f: hessian(f, mode="reverse-over-reverse")]
)
def test_derivatives_of_a_function(transform):
    g = transform(rosenbrock)
    program, _ = traced(g, [np.ones(4)])
    x = np.array([0.3, -0.8, 1.4, 0.1])
    np.testing.assert_allclose(replay(program, [x])[0][0], g(x), rtol=1e-14)


def test_a_program_can_be_read():
    program, _ = traced(lambda x, y: np.sum(np.sin(x) * y), [np.ones(3), 2.0])
    assert str(program) == (
        "(x0: float64[3], x1: float)\n"
        "  v2: float64[3] = np.sin(x0)\n"
        "  v3: float64[3] = np.multiply(v2, x1)\n"
        "  v4: float64[] = sum(v3, axis=(0,), keepdims=False)\n"
        "  return v4"
    )
    assert repr(program) == "<Program: 2 inputs, 3 operations, 1 outputs>"


def test_a_program_is_a_function_again():
    def f(x):
        return np.sum(np.exp(x) * x)

    x = np.array([0.5, -1.0])
    program = compile(f).program(x)
    assert program(x) == f(x)
    np.testing.assert_allclose(grad(program)(x), np.exp(x) * (1 + x), 1e-15)
    assert count(program)(x).by_op == {"np.exp": 2, "np.multiply": 2, "sum": 2}
    slopes = compile(grad(f)).program(x)
    np.testing.assert_allclose(jacobian(slopes)(x), np.diag(np.exp(x) * (2 + x)), 1e-15)


def test_a_program_can_be_drawn():
    text = compile(lambda x: np.sin(x) * 2.0).program(0.5).dot()
    assert text.startswith("digraph {") and text.endswith("}")
    assert text.count("->") == 4 and 'label="np.sin' in text


def test_what_python_looked_at_is_guarded():
    def f(x, k):
        if x[0] > 0 and np.sum(x) < 10:
            return x * x[k]
        return -x

    program, _ = traced(lambda x: f(x, 1), [np.array([1.0, 2.0])])
    assert [guard.expected for guard in program.guards] == [True, True]
    assert "f(x, k)" not in program.guards[0].line
    assert "if x[0] > 0" in program.guards[0].line
    assert replay(program, [np.array([3.0, 4.0])])[1]
    assert not replay(program, [np.array([-3.0, 4.0])])[1]
    assert not replay(program, [np.array([30.0, 4.0])])[1]


def test_positions_may_depend_on_values():
    def f(x):
        k = np.argmax(x)
        return x[k] ** 2 + np.sum(np.sort(x)[:2]) + x[np.argsort(x)][-1]

    x = np.array([0.3, 2.0, -1.0])
    for function in (f, grad(f)):
        program, _ = traced(function, [x])
        assert not program.guards
        for y in (x, x[::-1], -x):
            np.testing.assert_allclose(replay(program, [y])[0][0], function(y), rtol=1e-15)
    both = lambda a: np.max(a) * a[np.argmax(np.sum(a, 1)), 1] * a[-1, np.argmin(a[0])]  # noqa: E731
    a = np.array([[1.0, -2.0], [3.0, 0.5]])
    program, _ = traced(grad(both), [a])
    for y in (a, a[::-1], -a.T):
        np.testing.assert_allclose(replay(program, [y])[0][0], grad(both)(y), rtol=1e-15)


def test_a_dtype_that_depends_on_values():
    f = grad(lambda a: np.sum(np.abs(np.linalg.eigvals(a)) ** 2))
    a = np.array([[1.0, 2.0], [3.0, 4.0]])
    program, _ = traced(f, [a])
    np.testing.assert_allclose(replay(program, [a + 1])[0][0], f(a + 1))
    assert not replay(program, [a * [[1.0, -1.0], [1.0, 1.0]]])[1]


def test_assignment_is_traced():
    def f(x):
        y = np.zeros_like(x)
        y[0] = x[1]
        view = y[1:]
        view += x[:-1]
        return y

    program, _ = traced(f, [np.arange(3.0)])
    x = np.array([5.0, 6.0, 7.0])
    np.testing.assert_array_equal(replay(program, [x])[0][0], f(x))


def test_constants_are_as_they_were():
    c = np.ones(2)
    program, _ = traced(lambda x: x * c, [np.ones(2)])
    c[:] = 5.0
    np.testing.assert_array_equal(replay(program, [np.ones(2)])[0][0], [1.0, 1.0])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x[x > 0],
        lambda x: x[np.nonzero(x)],
        lambda x: np.unique(x),
        lambda x: "text",
        lambda x: x if bool(x > 0) else -x,
    ],
)
def test_what_cannot_be_traced_raises(f):
    with pytest.raises((TraceError, ValueError)):
        traced(f, [np.array([1.0, -1.0])])


def test_a_symbol_does_not_outlive_its_trace():
    kept = []
    traced(lambda x: kept.append(x) or x, [1.0])
    with pytest.raises(LeakError):
        kept[0] + 1


def test_directions_that_are_computed():
    x = np.array([1.0, 2.0])
    program, _ = traced(lambda x: jvp(np.sin, (x,), (np.cos(x),))[1], [x])
    close(replay(program, [x * 2])[0][0], np.cos(x * 2) ** 2, 1e-15)
    program, _ = traced(lambda x: vjp(np.sin, x)[1](np.cos(x)), [x])
    close(replay(program, [x * 2])[0][0], np.cos(x * 2) ** 2, 1e-15)


def test_a_symbol_can_be_looked_at():
    """Printed with the value of the trace; rounded, or asked as an array of one, with a guard."""
    texts = []

    def f(x):
        texts.append(f"{x} {x[0]:.1f}")
        return x * round(x[0]) + round(x[1], 1) if x[:1] > 0 else x

    x = np.array([1.2, 2.34])
    program, _ = traced(f, [x])
    assert texts == ["Symbol(array([1.2 , 2.34])) 1.2"]
    np.testing.assert_array_equal(replay(program, [x])[0][0], x * 1 + 2.3)
    assert not replay(program, [x + 1])[1]
    assert not replay(program, [-x])[1]
