"""Plain arrays that meet traced values, and change before the sweep reads them."""

import threading

import numpy as np
import pytest

from dualad import grad, jacobian, jvp, linearize, primal, value_and_jacobian, vjp

SMALL, LARGE = 3, 10_000


def reusing(n):
    """Sum over i of i · x, by way of one buffer that is filled anew for each i; and its gradient."""

    def f(x):
        buffer, y = np.zeros(n), 0.0
        for i in range(4):
            buffer[:] = i
            y = y + np.sum(x * buffer)
        return y

    return f, np.full(n, 6.0)


@pytest.mark.parametrize(
    "use",
    [
        lambda x, b: x * b,
        lambda x, b: b / x,
        lambda x, b: np.hypot(x, b),
        lambda x, b: np.matmul(x, b),
        lambda x, b: np.where(b > 1, x, 0.0),
        lambda x, b: np.einsum("i,i->i", x, b),
        lambda x, b: np.clip(x, -b, b),
    ],
    ids=["multiply", "divide", "hypot", "matmul", "where", "einsum", "clip"],
)
def test_small_constants_are_kept_as_they_were(use):
    def f(x, fresh):
        buffer, y = np.zeros(SMALL), 0.0
        for i in range(1, 4):
            buffer = np.zeros(SMALL) if fresh else buffer
            buffer[:] = i + np.arange(SMALL)
            y = y + np.sum(use(x, buffer))
        return y

    x = np.array([0.5, 1.5, 2.5])
    assert np.array_equal(grad(f)(x, False), grad(f)(x, True))


def test_positions_are_kept_as_they_were():
    def f(x):
        index, y = np.array([0, 1]), 0.0
        for _ in range(2):
            y = y + np.sum(x[index])
            index += 1
        return y

    assert np.array_equal(grad(f)(np.ones(4)), [1.0, 2.0, 1.0, 0.0])


def test_a_change_of_a_large_constant_raises():
    f, gradient = reusing(SMALL)
    assert np.array_equal(grad(f)(np.ones(SMALL)), gradient)
    f, _ = reusing(LARGE)
    with pytest.raises(ValueError, match="read-only"):
        grad(f)(np.ones(LARGE))


def test_forward_mode_reads_constants_at_once():
    f, gradient = reusing(LARGE)
    assert np.array_equal(jacobian(f, mode="forward", chunk_bytes=2**24)(np.ones(LARGE))[:5], gradient[:5])


def test_large_constants_are_writeable_again():
    base = np.ones((3, LARGE))
    views = [base, base[0], base[1:], base.T]

    def f(x):
        y = np.sum(x * base[0]) + np.sum(views[1] * x) + np.sum(views[2] * x) + np.sum(x @ views[3])
        return y + np.sum(grad(lambda z: np.sum(z * views[1] * base[2]))(x) * views[1])

    grad(f)(np.ones(LARGE))
    assert all(v.flags.writeable for v in views)

    def broken(x):
        f(x)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grad(broken)(np.ones(LARGE))
    assert all(v.flags.writeable for v in views)


def test_what_was_read_only_stays_so():
    constant = np.ones(LARGE)
    constant.flags.writeable = False
    assert np.array_equal(grad(lambda x: np.sum(x * constant))(np.ones(LARGE)), constant)
    assert not constant.flags.writeable


def test_threads_share_large_constants():
    base = np.ones((4, LARGE))
    views = [base[1], base[2], base.T]
    failed = []

    def work():
        try:
            for _ in range(20):
                g = grad(
                    lambda x: np.sum(x * views[0] * base[3]) + np.sum(views[1] * x) + np.sum(x @ views[2])
                )
                assert np.all(g(np.ones((2, LARGE)).T[:, 0] * np.ones(LARGE)) == 6.0)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert all(v.flags.writeable for v in (base, *views))


@pytest.mark.parametrize("n", [SMALL, LARGE])
def test_a_pullback_outlives_changes_of_its_arguments_and_results(n):
    x = np.full(n, 2.0)
    y, pullback = vjp(lambda x: np.exp(x**3), x)
    expected = pullback(np.ones(n))[0].copy()
    x[:], y[:] = 7.0, 9.0
    assert np.array_equal(pullback(np.ones(n))[0], expected)
    x[:] = 2.0
    y, push = linearize(lambda x: np.exp(x**3), x)
    x[:], y[:] = 7.0, 9.0
    assert np.array_equal(push(np.ones(n)), expected)


@pytest.mark.parametrize("n", [SMALL, LARGE])
def test_results_are_writeable(n):
    x = np.arange(float(n))
    value, _ = value_and_jacobian(lambda x: x[1:3])(x)
    value[:] = -1.0
    _, (gradient, aux) = 0, grad(lambda x: (np.sum(x), x[1:]), has_aux=True)(x)
    gradient[:] = aux[:] = -1.0
    assert x.flags.writeable


def test_the_primal_cannot_be_changed_under_the_tape():
    def f(x):
        plain = primal(x)
        plain += 1.0
        return np.sum(x * x)

    with pytest.raises(ValueError, match="read-only"):
        grad(f)(np.ones(3))


# np.array([x, y]) of traced values is NumPy's array of objects
@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(np.linalg.inv(np.array([[x[0], 1.0], [0.0, x[1]]]))),
        lambda x: np.sum(np.exp(np.array([x[0], 1.0]))),
        lambda x: np.sum(np.logaddexp(np.array([x[0], x[1]]), 1.0)),
    ],
)
def test_functions_that_take_no_arrays_of_objects_say_what_to_write(f):
    for run in (lambda: grad(f)(np.ones(2)), lambda: jvp(f, (np.ones(2),), (np.ones(2),))):
        with pytest.raises(TypeError) as caught:
            run()
        assert any("instead: np.stack" in note and "inplace" in note for note in caught.value.__notes__)


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda a, b: np.sum(np.exp(np.array([a, b]))), lambda a, b: (np.exp(a), np.exp(b))),
        (lambda a, b: np.sum(np.arctan2(np.array([a, b]), 1.0)), lambda a, b: (1 / (1 + a * a), 1 / (1 + b * b))),
        (lambda a, b: np.sum(np.array([[a, 1.0], [0.0, b]]) @ np.array([2.0, 3.0])), lambda a, b: (2.0, 3.0)),
        (lambda a, b: np.sum(np.array([[a, b], [b, a]]) * np.ones((2, 2)) * a), lambda a, b: (4 * a + 2 * b, 2 * a)),
        (lambda a, b: np.sum(np.sin(np.array([a, b]) * 2)), lambda a, b: (2 * np.cos(2 * a), 2 * np.cos(2 * b))),
    ],
)  # fmt: skip
def test_arrays_of_objects_that_numpy_computes_with(f, expected):
    found = grad(f, argnums=(0, 1))(0.7, 1.3)
    np.testing.assert_allclose(found, expected(0.7, 1.3), rtol=1e-14)
