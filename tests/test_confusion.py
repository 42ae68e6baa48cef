"""Perturbation confusion: nested derivatives never take one level's perturbation for another's.

The examples begin with those of Siskind and Pearlmutter (2005) and go on to the functions that leave a
derivative, which broke the first repairs (Manzyuk and others 2019), and to threads.
"""

import itertools
import math
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from dualad import derivative, grad, hessian, jacobian, jvp, linearize, value_and_grad, vjp

# Derivatives of a scalar function of a scalar, by every entry point.
D = {
    "derivative": derivative,
    "grad": grad,
    "value_and_grad": lambda f: lambda x: value_and_grad(f)(x)[1],
    "jvp": lambda f: lambda x: jvp(f, (x,), (1.0,))[1],
    "vjp": lambda f: lambda x: vjp(f, x)[1](1.0)[0],
    "linearize": lambda f: lambda x: linearize(f, x)[1](1.0),
    "jacobian forward": lambda f: jacobian(f, mode="forward"),
    "jacobian reverse": lambda f: jacobian(f, mode="reverse"),
}
HESSIANS = [f"{a}-over-{b}" for a in ("forward", "reverse") for b in ("forward", "reverse")]
every = pytest.mark.parametrize("d", D.values(), ids=D)
pairs = pytest.mark.parametrize(
    ("outer", "inner"), [(D[a], D[b]) for a in D for b in D], ids=[f"{a}, {b}" for a in D for b in D]
)


def close(a, b, tolerance=1e-12):
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pairs
def test_siskind_and_pearlmutter(outer, inner):
    """d/dx (x · d/dy (x + y)) = 1, and 2 if the perturbations are confused."""
    assert outer(lambda x: x * inner(lambda y: x + y)(1.0))(1.0) == 1.0


@pairs
def test_product_inside(outer, inner):
    close(outer(lambda x: x * inner(lambda y: x * y)(2.0))(3.0), 6.0)


@pairs
def test_inner_evaluated_at_the_outer_variable(outer, inner):
    close(outer(lambda x: x * inner(lambda y: x * y**3)(x))(2.0), 4 * 3 * 2.0**3)


@pairs
def test_inner_result_independent_of_its_variable(outer, inner):
    assert outer(lambda x: inner(lambda y: x * x)(x) + x)(3.0) == 1.0
    assert outer(lambda x: x * inner(lambda y: y)(x))(3.0) == 1.0
    assert outer(lambda x: inner(lambda y: 5.0)(x))(3.0) == 0.0


@pairs
def test_shadowed_name(outer, inner):
    close(outer(lambda x: x * inner(lambda x: x**3)(x) + x)(2.0), 3 * 3 * 4.0 + 1)


@pairs
def test_array_ops_inside(outer, inner):
    def f(x):
        a = np.array([x, 2.0 * x, 3.0])
        return inner(lambda y: np.sum(np.sin(a * y)))(0.5)

    # d/dx Σ a cos(a y), where a = (x, 2x, 3) and y = 1/2
    x, y = 0.7, 0.5
    exact = sum(k * (math.cos(k * x * y) - k * x * y * math.sin(k * x * y)) for k in (1, 2))
    close(outer(f)(x), exact)


@every
def test_curried_function_returned_from_a_derivative(d):
    """The amazing bug: a function leaves one derivative and is used in another (Manzyuk and others 2019)."""

    def shift(u):
        return lambda f: lambda x: f(x + u)

    # The derivative of the shift at 0, applied to f: f'. Twice: f''.
    def differentiate(f):
        return lambda x: d(lambda u: shift(u)(f)(x))(0.0)

    close(differentiate(np.exp)(1.0), math.exp(1.0))
    close(differentiate(differentiate(np.exp))(1.0), math.exp(1.0))
    close(differentiate(differentiate(lambda x: x**4))(2.0), 12 * 4.0)
    close(differentiate(d(differentiate(np.sin)))(0.3), -math.cos(0.3))


@pairs
def test_function_made_in_one_derivative_used_in_another(outer, inner):
    def f(x):
        def multiply_by_x(y):
            return x * y

        return inner(lambda z: multiply_by_x(z) * inner(multiply_by_x)(z))(1.0)  # x · x

    close(outer(f)(3.0), 6.0)


@pairs
def test_derivative_passed_as_an_argument(outer, inner):
    def apply(operator, f, x):
        return operator(f)(x)

    close(outer(lambda x: apply(inner, lambda y: np.sin(x * y), x))(0.4), derivative(
        lambda x: x * np.cos(x * x))(0.4))  # fmt: skip


@pairs
def test_two_derivatives_side_by_side(outer, inner):
    def f(x):
        return inner(lambda y: y * x)(1.0) * outer(lambda z: z * z * x)(x)

    close(outer(f)(2.0), 6 * 4.0)  # x · 2x²


@pairs
def test_pullback_and_push_used_later(outer, inner):
    def f(x):
        _, pullback = vjp(lambda y: y * y * x, x)
        _, push = linearize(lambda y: y * y * x, x)
        return inner(lambda z: pullback(z)[0] * push(z))(1.0)  # d/dz (2 x² z)² at 1 = 8 x⁴

    close(outer(f)(1.5), 32 * 1.5**3)


@pytest.mark.parametrize("seed", range(40))
def test_depth_five_in_random_mixes(seed):
    rng = np.random.default_rng(seed)
    x = float(rng.uniform(0.5, 1.5))
    f, names = lambda x: x**7, rng.choice(list(D), 5)
    for order, name in enumerate(names, 1):
        f = D[name](f)
        close(f(x), math.perm(7, order) * x ** (7 - order))


@pytest.mark.parametrize("seed", range(10))
def test_depth_five_of_a_composition(seed):
    rng = np.random.default_rng(100 + seed)
    x = 0.3
    f = lambda x: np.exp(2 * x) * np.sin(x)  # noqa: E731
    for name in rng.choice(list(D), 5):
        f = D[name](f)
    # The fifth derivative is the imaginary part of (2 + i)⁵ exp((2 + i) x).
    exact = (2 + 1j) ** 5 * np.exp((2 + 1j) * x)
    close(f(x), exact.imag)


@pytest.mark.parametrize("seed", range(20))
def test_depth_five_where_each_level_closes_over_the_others(seed):
    """∂⁵/∂a∂b∂c∂d∂e of (a b c d e)², by nested functions: 32 a b c d e."""
    modes = [D[name] for name in np.random.default_rng(200 + seed).choice(list(D), 5)]

    def nested(depth, product):
        if depth == 5:
            return product * product
        return modes[depth](lambda v: nested(depth + 1, product * v))(1.0 + depth)

    close(nested(0, 1.0), 32 * math.factorial(5))


@pytest.mark.parametrize("inner", HESSIANS)
@pytest.mark.parametrize("outer", HESSIANS)
def test_hessian_of_a_hessian(outer, inner):
    def f(x):
        return (x[0] * x[1]) ** 3

    def trace(x):
        return np.trace(hessian(f, mode=inner)(x))

    a, b = x = np.array([0.7, 1.3])  # the trace is 6 a b³ + 6 a³ b
    mixed = 18 * (a * a + b * b)
    close(hessian(trace, mode=outer)(x), [[36 * a * b, mixed], [mixed, 36 * a * b]])


@every
@pytest.mark.parametrize("mode", HESSIANS)
def test_hessian_inside_a_derivative(d, mode):
    def f(t):
        H = hessian(lambda x: t * np.sum(x**3) + t * t * x[0] * x[1], mode=mode)(np.array([1.0, 2.0]) * t)
        return np.sum(H)  # 6 t · 3 t + 2 t²

    close(d(f)(0.5), 40 * 0.5)


@pytest.mark.parametrize("modes", list(itertools.product(("forward", "reverse"), repeat=3)), ids=", ".join)
def test_third_derivative_tensor(modes):
    def f(x):
        return x[0] ** 2 * x[1] + np.exp(x[1]) * x[0]

    for mode in modes:
        f = jacobian(f, mode=mode)
    a, b = x = np.array([0.7, -0.2])
    exact = np.zeros((2, 2, 2))
    exact[0, 0, 1] = exact[0, 1, 0] = exact[1, 0, 0] = 2
    exact[0, 1, 1] = exact[1, 0, 1] = exact[1, 1, 0] = np.exp(b)
    exact[1, 1, 1] = a * np.exp(b)
    close(f(x), exact)


@pytest.mark.parametrize("chunk_bytes", [1, 2**20])
def test_jacobian_of_a_jacobian_with_an_outer_variable(chunk_bytes):
    def f(t):
        J = jacobian(lambda x: np.sin(t * x) * x[0], chunk_bytes=chunk_bytes)(np.array([1.0, 2.0, 3.0]))
        return np.sum(J * J)

    h = 1e-6
    for d in D.values():
        close(d(f)(0.7), (f(0.7 + h) - f(0.7 - h)) / (2 * h), 1e-6)


@pairs
def test_generators(outer, inner):
    """A generator holds an outer variable across derivatives taken while it is suspended."""

    def powers(x):
        p = x
        while True:
            yield p
            p = p * x

    def f(x):
        total = 0.0
        for k, p in zip(range(1, 4), powers(x), strict=False):
            total = total + inner(lambda y, p=p, k=k: p * y**k)(1.0)  # k xᵏ
        return total

    close(outer(f)(1.5), 1 + 4 * 1.5 + 9 * 1.5**2)


@pairs
def test_generator_advanced_inside_the_inner_derivative(outer, inner):
    def f(x):
        stream = (x * k for k in itertools.count(1))
        return inner(lambda y: next(stream) * y * y)(1.0) * next(stream)  # 2 x · 2 x

    close(outer(f)(3.0), 8 * 3.0)


@every
def test_threads_inside_the_differentiated_function(d):
    """Workers take derivatives of functions that close over the outer variable."""

    def work(x, k, inner):
        return inner(lambda y: x * np.sin(y * x) * k)(0.5)

    def f(x, run):
        inners = list(D.values())
        return sum(run(lambda k: work(x, k + 1, inners[k]), range(len(inners))))

    def threaded(work, items):
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(work, items))

    exact = d(lambda x: f(x, map))(0.8)
    closed = 36 * derivative(lambda x: x * x * np.cos(0.5 * x))(0.8)
    close(exact, closed)
    for _ in range(5):
        close(d(lambda x: f(x, threaded))(0.8), exact)


def test_many_threads_nest_at_once():
    names = list(D)
    threads, rounds = 8, 40
    barrier = threading.Barrier(threads)

    def work(thread):
        rng = np.random.default_rng(thread)
        wrong = []
        for _ in range(rounds):
            barrier.wait()
            outer, middle, inner = (D[n] for n in rng.choice(names, 3))
            x = float(rng.uniform(0.5, 1.5))
            got = outer(
                lambda x, m=middle, i=inner: x * m(lambda y: y * x * i(lambda z: x * y * z**2)(y))(x)
            )(x)
            exact = 30 * x**4  # d/dx x · d/dy (2 x² y³) at y = x: of 6 x⁵
            if abs(got - exact) > 1e-10 * exact:
                wrong.append((got, exact))
        return wrong

    with ThreadPoolExecutor(threads) as pool:
        assert [wrong for found in pool.map(work, range(threads)) for wrong in found] == []


@pytest.fixture
def hasty_switching():
    """Let the interpreter switch between threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_threads_share_an_outer_tape(hasty_switching):
    """Many threads record on one tape at once; every contribution arrives."""

    def work(x, k):
        y = x * k
        for _ in range(20):
            y = 1.0 * y + 0.0 * x
        return np.sum(np.sin(y))

    def f(x):
        with ThreadPoolExecutor(8) as pool:
            return sum(pool.map(lambda k: work(x, k), range(1, 33)))

    x = np.array([0.1, 0.2])
    exact = sum(k * np.cos(k * x) for k in range(1, 33))
    for _ in range(10):
        close(grad(f)(x), exact, 1e-11)
        close(jacobian(f, mode="forward")(x), exact, 1e-11)


@pairs
def test_an_exception_inside_leaves_no_state_behind(outer, inner):
    def broken(x):
        def raising(y):
            if y > 0:
                raise ZeroDivisionError("on purpose")
            return x * y

        return inner(raising)(x)

    for _ in range(3):
        with pytest.raises(ZeroDivisionError, match="on purpose"):
            outer(broken)(1.0)
        assert outer(lambda x: x * inner(lambda y: x + y)(1.0))(1.0) == 1.0


@pairs
def test_an_exception_caught_inside_the_outer_function(outer, inner):
    def f(x):
        def raising(y):
            z = x * y
            raise ValueError(f"{z:.1f}")

        try:
            inner(raising)(2.0)
        except ValueError as e:
            message = str(e)
        return x * x * float(message)

    assert outer(f)(3.0) == 36.0


@pairs
def test_recursion_through_derivatives(outer, inner):
    """f₀ = x³, fₙ(x) = x · f′ₙ₋₁(x): fₙ = 3ⁿ x³."""

    def f(n, x):
        return x**3 if n == 0 else x * inner(lambda y: f(n - 1, y))(x)

    close(outer(lambda x: f(3, x))(1.2), 27 * 3 * 1.2**2)


def test_newton_iteration_inside_a_derivative():
    """The root of y² = x by Newton's method, with its inner derivative: d√x/dx."""

    def root(x):
        y = 1.0
        for _ in range(8):
            y = y - (y * y - x) / derivative(lambda t: t * t - x)(y)
        return y

    for d in D.values():
        close(d(root)(2.0), 0.5 / math.sqrt(2.0))


def test_minimise_the_inner_maximise_the_outer():
    """Gradient descent through gradient descent (a saddle of Siskind and Pearlmutter 2008)."""

    def inner_minimum(x):
        y = 0.0
        for _ in range(60):
            y = y - 0.25 * grad(lambda y: (y - x) ** 2 + x * y)(y)
        return y  # y = x / 2

    for d in D.values():
        close(d(lambda x: inner_minimum(x) ** 2)(3.0), 1.5)
