"""The twin of solve_ivp: stiff problems, memory, compiled functions, edges, and what raises."""

import functools
import tracemalloc

import numpy as np
import pytest

pytest.importorskip("scipy")
import scipy.integrate

from dualad import (
    ArgumentError,
    DtypeError,
    KeywordError,
    LeakError,
    SolverError,
    compile,
    count,
    grad,
    hessian,
    jacobian,
    jvp,
    primal,
    value_and_grad,
    vjp,
)
from dualad.scipy.integrate import solve_ivp

START = np.array([1.0, 2.0])
MODES = ("forward", "reverse")


def decay(t, y, k):
    return -k * y


def robertson(t, y, k):
    slow, fast = k[0] * y[0], k[1] * y[1] * y[2]
    return np.stack([fast - slow, slow - fast - k[2] * y[1] ** 2, k[2] * y[1] ** 2])


@pytest.mark.parametrize("end", [40.0, 4e7])
def test_robertson(end):
    def y(k):
        how = {"rtol": 1e-7, "atol": np.array([1e-10, 1e-14, 1e-10])}
        return solve_ivp(robertson, (0.0, end), [1.0, 0.0, 0.0], "Radau", [end], args=(k,), **how).y[:, -1]

    k = np.array([0.04, 1e4, 3e7])
    forward, reverse = (jacobian(y, mode=mode)(k) for mode in MODES)
    np.testing.assert_allclose(forward, reverse, rtol=1e-7)
    for i in range(3):
        h = 3e-3 * k[i] * np.eye(3)[i]
        wanted = (y(k + h) - y(k - h)) / (2 * h[i])
        np.testing.assert_allclose(forward[:, i], wanted, rtol=1e-4)
    np.testing.assert_allclose(np.sum(forward * k, axis=0), 0.0, atol=1e-10)  # the parts always add up to 1


def test_van_der_pol():
    def f(z):
        stiff = lambda t, y: [y[1], z[0] * (1 - y[0] ** 2) * y[1] - y[0]]  # noqa: E731
        return solve_ivp(stiff, (0.0, 500.0), [z[1], 0.0], "Radau", [500.0], rtol=1e-9, atol=1e-11).y[0, 0]

    z, h = np.array([1000.0, 2.0]), np.array([1.0, 1e-3])
    wanted = [(f(z + d) - f(z - d)) / (2 * s) for d, s in zip(np.diag(h), h, strict=True)]
    np.testing.assert_allclose(grad(f)(z), wanted, rtol=1e-4)
    np.testing.assert_allclose(jacobian(f, mode="forward")(z), grad(f)(z), rtol=1e-8)


def test_a_step_of_radau_is_factorised_once_in_each_sweep():
    steps = solve_ivp(decay, (0.0, 1.0), START, "Radau", args=(1.0,)).t.size - 1
    f = lambda z: np.sum(solve_ivp(decay, (0.0, 1.0), z[:2], "Radau", args=(z[2],)).y[:, -1])  # noqa: E731
    z = np.array([1.0, 2.0, 1.0])
    once = steps * (4 * 6**3 // 3)
    assert count(grad(f))(z).by_op["solve for a matrix"] == once > 0
    assert once <= count(jacobian(f, mode="forward"))(z).by_op["solve for a matrix"] < 2 * once


def test_snapshots_save_memory_and_change_no_digit():
    n = 4000
    x = np.sin(np.linspace(0.0, 6.0, n))
    runs = []

    def heat(t, y, k):
        runs.append(1)
        return k * (np.roll(y, 1) - 2 * y + np.roll(y, -1)) + np.sin(y)

    def memory(snapshots):
        def f(k):
            r = solve_ivp(heat, (0.0, 8.0), x, "RK23", [8.0], args=(k,), max_step=0.1, snapshots=snapshots)
            return np.sum(r.y**2)

        runs.clear()
        tracemalloc.start()
        try:
            found = value_and_grad(f)(0.3)
            return found, tracemalloc.get_traced_memory()[1], len(runs)
        finally:
            tracemalloc.stop()

    (all_, most, fewest), (ten, less, _), (two, least, more), (plain, same, _) = map(
        memory, (80, 10, 2, None)
    )
    for value, slope in (ten, two, plain):
        np.testing.assert_allclose((value, slope), all_, rtol=1e-14)
    state = 8 * n
    assert most - less > 50 * state and less > least and same - less > 50 * state
    assert more > 2 * fewest
    kept = [
        count(lambda k, c=c: solve_ivp(heat, (0, 8), x, "RK23", [8.0], args=(k,), snapshots=c).y)(
            0.3
        ).tape_bytes
        for c in (2, 10)
    ]
    assert kept[1] - kept[0] > 7 * state


def test_many_steps_keep_states_alone():
    def f(k, points):
        return np.sum(
            solve_ivp(decay, (0.0, 1.0), np.ones(1000), t_eval=points, args=(k,), max_step=0.01).y[:, -1]
        )

    def peak(points):
        tracemalloc.start()
        try:
            grad(f)(1.0, points)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(None) < 100 * 8000 * 6  # a tape of all stages has 100 steps of some 40 such arrays


def test_compiled():
    def f(z):
        r = solve_ivp(
            decay, (z[0], z[1]), z[2:4], t_eval=np.stack([0.5 * z[1], z[1]]), args=(z[4],), rtol=1e-8
        )
        return np.sum(r.y**2) + np.sum(r.t)

    z = np.array([0.1, 1.0, 1.0, 2.0, 1.3])
    for made in (f, grad(f), jacobian(f, mode="forward"), hessian(f), jacobian(grad(f), mode="reverse")):
        c = compile(made)
        for at in (z, 1.1 * z):  # with other steps
            np.testing.assert_allclose(c(at), made(at), rtol=1e-12, atol=1e-12)
    blow = compile(grad(lambda k: solve_ivp(lambda t, y: k * y**2, (0.0, 1.0), [1.0], t_eval=[1.0]).y[0, 0]))
    assert blow(0.5) == pytest.approx(4.0, rel=1e-2)
    with pytest.raises(SolverError, match="failed"):
        blow(2.0)
    for how, word in (({}, "without t_eval"), ({"t_eval": [1.0], "dense_output": True}, "dense_output")):
        with pytest.raises(KeywordError, match=word):
            compile(lambda k, how=how: solve_ivp(decay, (0.0, 1.0), START, args=(k,), **how).y)(1.0)


@pytest.mark.parametrize("method", ["RK23", "RK45", "DOP853"])
def test_complex(method):
    def f(z):
        turn = lambda t, y: 1j * z[1] * y  # noqa: E731
        return solve_ivp(turn, (0.0, 1.0), np.stack([z[0], 0 * z[0]]), method, rtol=1e-7, atol=1e-9).y[0, -1]

    z = np.array([1.0 + 2.0j, 0.7 + 0.3j])
    y = z[0] * np.exp(1j * z[1])
    wanted = np.array([y / z[0], 1j * y])
    for mode in MODES:
        found = jacobian(f, mode=mode, holomorphic=True)(z)
        np.testing.assert_allclose(found, wanted, rtol=1e-5)
    found = grad(lambda z: np.abs(f(z)) ** 2)(z)
    np.testing.assert_allclose(found, 2 * y * np.conj(wanted), rtol=1e-5)


def test_complex_where_the_method_is_real():
    with pytest.raises(ValueError, match="complex"):
        grad(lambda k: solve_ivp(decay, (0.0, 1.0), START + 0j, "Radau", args=(k,)).y[0, -1].real)(1.0)
    with pytest.warns(np.exceptions.ComplexWarning), pytest.raises(DtypeError, match="imaginary"):
        grad(lambda k: solve_ivp(decay, (0.0, 1.0), START, args=(k,)).y[0, -1])(1.0 + 1.0j)


@pytest.mark.parametrize("dense", [False, True])
def test_an_interval_of_no_length(dense):
    def f(z):
        r = solve_ivp(decay, (z[0], z[1]), START, args=(z[2],), dense_output=dense)
        return np.concatenate([r.y, r.sol(np.ones(2))], axis=1) if dense else r.y

    at = np.ones(3)
    found, wanted = jvp(f, (at,), (np.zeros(3),))[0], f(at)
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(jacobian(f)(at)[:, 1], np.outer(START, [1.0, -1.0, 0.0]))


def test_empty_problems():
    y, dy = jvp(lambda k: solve_ivp(decay, (0.0, 1.0), np.zeros(0), args=(k,)).y, (1.0,), (1.0,))
    assert y.shape == dy.shape == (0, 2)
    r = []
    jvp(lambda k: r.append(solve_ivp(decay, (0.0, 1.0), START, t_eval=[], args=(k,))), (1.0,), (1.0,))
    assert len(r[0].t) == len(r[0].y) == 0


def test_what_functions_return():
    shapes = [
        (lambda t, y, k: [-k * y[0], -k * y[1]], {}),
        (lambda t, y, k: -k * y, {"vectorized": True}),
        (lambda t, y, k: np.float32(-1) * (k * y), {}),
        (functools.partial(lambda k, t, y, k2: -k * k2 * y, 1.0), {}),
    ]
    wanted = grad(lambda k: solve_ivp(decay, (0.0, 1.0), [1, 2], args=(k,)).y[1, -1])(1.0)
    for method in ("RK45", "Radau"):
        for fun, how in shapes:
            found = grad(
                lambda k, fun=fun, how=how, method=method: solve_ivp(
                    fun, [0, 1], [1, 2], method, args=(k,), **how
                ).y[1, -1]
            )(1.0)
            np.testing.assert_allclose(found, wanted, rtol=1e-2 if method == "Radau" else 1e-12)
    y, dy = jvp(lambda k: solve_ivp(lambda t, y: -2, (0.0, 1.0), [k]).y[0], (1.0,), (1.0,))
    np.testing.assert_allclose(y[-1], -1.0)
    np.testing.assert_array_equal(dy, 1.0)
    single = np.ones(2, np.float32)
    assert grad(lambda y0: solve_ivp(decay, (0.0, 1.0), y0, args=(1.0,)).y[0, -1])(single).dtype == np.float32


class Box:
    """Holds a value where nothing looks for one."""

    def __init__(self, k):
        self.k = k

    def decay(self, t, y):
        return -self.k * y


class Own(scipy.integrate.RK45):
    """A method that is not SciPy's."""


REFUSED = {
    "events": (
        lambda k: solve_ivp(decay, (0, 1), START, args=(k,), events=lambda t, y, k: y[0]),
        "events",
        KeywordError,
    ),
    "BDF": (lambda k: solve_ivp(decay, (0, 1), START, "BDF", args=(k,)), "'BDF', whose steps", KeywordError),
    "LSODA": (
        lambda k: solve_ivp(decay, (0, 1), START, scipy.integrate.LSODA, args=(k,)),
        "'LSODA', whose steps",
        KeywordError,
    ),
    "own": (lambda k: solve_ivp(decay, (0, 1), START, Own, args=(k,)), "Own", KeywordError),
    "rtol": (lambda k: solve_ivp(decay, (0, 1), START, args=(k,), rtol=k), "in rtol", KeywordError),
    "only atol": (lambda k: solve_ivp(lambda t, y: -y, (0, 1), START, atol=[k, k]), "in atol", KeywordError),
    "an event's level": (
        lambda k: solve_ivp(lambda t, y: -y, (0, 1), START, events=[lambda t, y: y[0] - k]),
        "events",
        KeywordError,
    ),
    "method": (lambda k: solve_ivp(Box(k).decay, (0, 1), START), "not among its arguments", ArgumentError),
    "object": (
        lambda k: solve_ivp(lambda t, y, box: box.decay(t, y), (0, 1), START, args=(Box(k),)),
        "not among its arguments",
        ArgumentError,
    ),
    "default": (lambda k: solve_ivp(lambda t, y, k=k: -k * y, (0, 1), k * START), "not among", ArgumentError),
    "failure": (lambda k: solve_ivp(lambda t, y: k * y**2, (0, 9), START), "failed, and has no", SolverError),
    "snapshots": (
        lambda k: solve_ivp(decay, (0, 1), START, t_eval=[1.0], args=(k,), snapshots=0),
        "snapshots",
        ArgumentError,
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what):
    f, words, kind = REFUSED[what]
    with pytest.raises(kind, match=words) as caught:
        vjp(lambda k: f(k).y, 1.0)
    assert __file__ in str(caught.value) and "instead: " in str(caught.value)


def test_arrays_that_change_before_the_sweep_raise():
    def f(k):
        scale = np.ones(1)
        y = solve_ivp(lambda t, y, k, scale: -k * scale * y, (0.0, 1.0), START, args=(k, scale)).y
        scale[0] = 2.0
        return np.sum(y)

    with pytest.raises(ArgumentError, match="run again"):
        grad(f)(1.0)


def test_values_that_are_let_out_on_the_side_raise_when_they_are_used():
    log = []

    def fun(t, y, k):
        log.append(y)
        return -k * y

    def f(k):
        y = solve_ivp(fun, (0.0, 1.0), START, args=(k,)).y
        return np.sum(y) + log[-1][0]

    with pytest.raises(LeakError):
        grad(f)(1.0)


def test_an_event_s_time_by_a_newton_step():
    """As the error says: the fall from a height h takes (2 h / g)^½."""

    def falling(t, y, g):
        return [y[1], -g]

    ground = lambda t, y, g: y[0]  # noqa: E731
    ground.terminal = True

    def f(h, g):
        plain = solve_ivp(falling, (0.0, 9.0), [primal(h), 0.0], events=ground, args=(primal(g),))
        at = plain.t_events[0][0]
        y = solve_ivp(falling, (0.0, at), [h, 0.0], args=(g,)).y[:, -1]
        return at - y[0] / primal(y[1])

    found = grad(f, argnums=(0, 1))(2.0, 9.81)
    wanted = (1 / np.sqrt(2 * 2.0 * 9.81), -0.5 * np.sqrt(2 * 2.0 / 9.81) / 9.81)
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
