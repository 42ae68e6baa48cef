"""The contract: every path through NumPy and Python has the right derivative or raises, never a wrong one."""

import copy
import ctypes
import functools
import io
import itertools
import json
import math
import operator
import statistics
import struct
import warnings

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import scipy.optimize
import scipy.sparse
import scipy.special

from dualad import derivative, grad, jacobian, vjp

A = np.array([1.0, 2.0, 3.0])
POINT = np.array([1.3, 0.4, 2.1])
SCALAR = 1.3


def two(x):
    """NumPy makes an object array of traced scalars here."""
    return np.array([x, x * x])


def objects(x):
    a = np.empty(3, object)
    a[0], a[1], a[2] = x, x * x, 2.0
    return a


def matched(x):
    match [x, x * x]:
        case [a, b]:
            return a * b


def loop(x):
    y = x
    while y < 10:
        y = y * x + 0.5
    return y


def recursion(x):
    return x if x > 5 else x * recursion(x + 1)


def branches(x):
    if x < 0:
        return -x
    if x == 7 or not x or x > 1:
        return x * x * x
    return x


def accumulated(x):
    table = [0.0] * 3
    for k in range(3):
        table[k] += x**k
    return sum(table)


def generated(x):
    def terms():
        for k in range(4):
            yield x**k

    return sum(terms())


# Functions of a scalar that must be right.
RIGHT = {
    "np.array": lambda x: np.sum(np.array([x, 2.0, x * x])),
    "np.array nested": lambda x: np.sum(np.array([[x, 2.0], [1, x * x]]) ** 2),
    "np.asarray": lambda x: np.asarray(x) * x,
    "np.array of NumPy scalars too": lambda x: np.sum(np.array([x, np.float32(2), 1]) ** 2),
    "sum of a list": lambda x: np.sum([x, 2.0, x * x]),
    "prod of a list": lambda x: np.prod([x, 2.0, x * x]),
    "max of a list": lambda x: np.max([x, 0.2, x * x]),
    "min of a list": lambda x: np.min([x, 5.0, x * x]),
    "stack": lambda x: np.sum(np.stack([x, x * x]) ** 2),
    "concatenate": lambda x: np.sum(np.concatenate([[x], [1.0], two(x)]) ** 2),
    "where of lists": lambda x: np.sum(np.where([True, False], [x, x * x], [1.0, 2.0])),
    "full": lambda x: np.sum(np.full(3, x) ** 2),
    "object sin": lambda x: np.sum(np.sin(two(x))),
    "object exp": lambda x: np.sum(np.exp(two(x)) * np.sqrt(two(x))),
    "object arithmetic": lambda x: np.sum(two(x) * two(x) + 2.0 * two(x) - two(x) / 3),
    "object power": lambda x: np.sum(two(x) ** 2 + 2 ** two(x)),
    "object matmul": lambda x: two(x) @ two(x),
    "object matmul plain": lambda x: np.sum(np.ones((2, 2)) @ two(x)),
    "object dot": lambda x: np.dot(two(x), np.ones(2)),
    "object outer": lambda x: np.sum(np.outer(two(x), two(x))),
    "object norm": lambda x: np.linalg.norm(two(x)),
    "object max": lambda x: np.max(two(x)) * np.min(two(x)),
    "object cumsum": lambda x: np.cumsum(two(x))[-1] * np.cumprod(two(x))[-1],
    "object methods": lambda x: two(x).sum() * two(x).prod() * two(x).max(),
    "object where": lambda x: np.sum(np.where([True, False], two(x), 2.0)),
    "object maximum": lambda x: np.sum(np.maximum(two(x), 1.5) + np.minimum(two(x), 1.5)),
    "object clip": lambda x: np.sum(np.clip(two(x), 0, 1.5)),
    "object abs": lambda x: np.sum(np.abs(-two(x)) + np.fabs(-two(x))),
    "object sort": lambda x: np.sort(two(x))[0] * np.sort(-two(x))[0],
    "object items": lambda x: sum(two(x).tolist()) * sum(two(x).flat) * two(x).item(0),
    "object assigned": lambda x: np.sum(objects(x)[:2] ** 2),
    "object einsum": lambda x: np.einsum("i,i->", two(x), np.ones(2)),
    "object times traced": lambda x: np.sum(two(x) * x + x * two(x)),
    "object array returned": lambda x: np.array([x, x * x, 3.0]),
    "object matrix returned": lambda x: np.array([[x, 1.0], [2.0, x * x]]),
    "list returned as array": lambda x: np.array([x] * 3),
    "add.reduce": lambda x: np.add.reduce([x, x * x]) * np.multiply.reduce([x, x * x]),
    "maximum.reduce": lambda x: np.maximum.reduce([x, x * x]),
    "add.accumulate": lambda x: np.add.accumulate([x, x * x])[-1] * np.multiply.accumulate([x, x * x])[-1],
    "multiply.outer": lambda x: np.sum(np.multiply.outer([x, x * x], [1.0, 2.0])),
    "vectorize": lambda x: np.sum(np.vectorize(lambda t: t * x)(A)),
    "fromfunction": lambda x: np.sum(np.fromfunction(lambda i: i * x, (3,))),
    "apply_along_axis": lambda x: np.sum(np.apply_along_axis(lambda r: r * x, 0, A)),
    "masked multiplication": lambda x: (np.ma.array([1.0, 2.0], mask=[False, True]) * x).sum(),
    "sum": lambda x: sum([x, x * x, 2.0]),
    "max": lambda x: max([x, x * x, 2.0]) * max(x, 0),
    "min": lambda x: min([x, x * x, 2.0]) * min(x, 5),
    "sorted": lambda x: sorted([x * x, x, 2.0])[0] * sorted([x * x, x], key=lambda t: -t)[0],
    "abs": lambda x: abs(-x) * abs(x),
    "divmod": lambda x: divmod(x, 0.7)[0] * x + divmod(x, 0.7)[1] ** 2,
    "rdivmod": lambda x: divmod(7.0, x)[0] * x + divmod(7.0, x)[1] ** 2,
    "modulo": lambda x: (x % 0.7) * x + 7.0 % x,
    "floor division": lambda x: (x // 0.5) * x + (7.0 // x) * x,
    "round": lambda x: round(x) * x + round(x, 1) * x,
    "math.floor": lambda x: math.floor(x) * x + math.ceil(x) * x + math.trunc(x) * x,
    "pow": lambda x: pow(x, 3) + 2.0**x + 2**x + x**x + x ** np.float64(2.0) + x ** np.int64(3),
    "power of arrays": lambda x: np.sum(x ** np.arange(4) + x ** np.arange(4.0)),
    "NumPy scalars": lambda x: (
        np.float64(3.0) * x * np.int64(2) + np.float64(1) - x / np.float64(2) + np.True_ * x
    ),
    "comparisons": lambda x: (x > 1) * x + (x == 7) * x + (x != x) * x + (x <= 2.0) * x,
    "chained comparison": lambda x: x * x if 1 < x < 2 else x,
    "in a list": lambda x: x * x if x > 1 and 7.0 not in [x, 1.0] else x,
    "any and all": lambda x: x * x if any([x > 1, False]) and all([x, True]) else x,
    "branches": branches,
    "loop": loop,
    "recursion": recursion,
    "pattern matching": matched,
    "accumulated in a list": accumulated,
    "generator": generated,
    "f-string": lambda x: x * x + 0 * len(f"{x} {x:.3f} {x!r}"),
    "unary": lambda x: -(+x) * -x,
    "reduce": lambda x: functools.reduce(operator.mul, [x, x, x]),
    "itertools": lambda x: list(itertools.accumulate([x, x, x]))[-1] * math.prod([x, x]),
    "copy": lambda x: copy.copy(x) * copy.deepcopy([x])[0],
    "zeros_like": lambda x: np.zeros_like(x) + x * np.ones_like(x),
    "modf": lambda x: np.modf(x)[0] * x + np.modf(x)[1] * x,
    "heaviside by hand": lambda x: np.where(x > 0, x, 0.0) * (x > 0),
    "conj": lambda x: x.real * x.conjugate(),
}


def mutated_constant(x):
    a = A.copy()
    y = x * a + a @ x + np.where(a > 1, x, a)
    a[:] = 0
    return np.sum(y * y)


def mutated_buffer(x):
    buffer, total = np.zeros(3), 0.0
    for k in range(3):
        buffer[:] = k
        total = total + np.sum(x * buffer + np.maximum(x, buffer))
    return total


def mutated_index(x):
    i, m = np.array([0, 1]), np.array([True, False, True])
    y, z, w = x[i], x[m], np.take(x, i)
    i[:], m[:] = 2, False
    return np.sum(y * y) + np.sum(z * z) + np.sum(w * w)


def mutated_matrix(x):
    a = np.eye(3)
    y = a @ x + np.einsum("ij,j", a, x) + np.linalg.solve(a + 1.0 * np.eye(3), x)
    a += 5.0
    return np.sum(y * y)


# Functions of an array of three that must be right.
RIGHT_OF_ARRAYS = {
    "iteration": lambda x: sum(v * v for v in x) + sum(a * b for a, b in zip(x, x[::-1], strict=True)),
    "unpacking": lambda x: (lambda a, b, c: a * b - c)(*x),
    "enumerate": lambda x: sum(k * v for k, v in enumerate(reversed(x))),
    "np.array of a list": lambda x: np.sum(np.array(list(x)) ** 2),
    "np.array of rows": lambda x: np.sum(np.array([x, 2 * x, A]) ** 2),
    "np.array": lambda x: np.sum(np.array(x) ** 2 * np.asarray(x) * np.ascontiguousarray(x)),
    "sum of arrays": lambda x: np.sum([x, x * x]) + np.sum(sum([x, x * x])),
    "r_ and c_": lambda x: np.sum(np.r_[x, 1.0, x[0]] ** 2) + np.sum(np.c_[x, x] ** 2),
    "flat": lambda x: sum(v**2 for v in x.flat),
    "reduce": lambda x: np.add.reduce(x, where=A > 1) * np.multiply.reduce(x) * np.maximum.reduce(x),
    "reduce with initial": lambda x: np.add.reduce(x, initial=x[1]) + np.sum(x, initial=x[0]),
    "where= on reductions": lambda x: (
        np.sum(x, where=A > 1) * np.mean(x, where=A > 1) * np.prod(x, where=A > 1)
    ),
    "max with where=": lambda x: np.max(x, where=A > 1, initial=0.0) + np.max(x, initial=5 * x[0]),
    "in-place operators": lambda x: np.sum(operator.iadd(x * 1.0, x) * operator.imul(x, 2.0)),
    "max and min": lambda x: max(x) * min(x, key=lambda t: -t) * sorted(x)[1],
    "indexing": lambda x: x[-1] * x[[0, 1]][1] * np.sum(x[x > 1]) * x[np.argmin(x)] * x[...][None, 0, ...][0],
    "argsort": lambda x: np.sum(x[np.argsort(x)] * A) + np.sum(np.sort(x) * A),
    "lists as operands": lambda x: (
        np.sum([1.0, 2.0, 3.0] * x + (1, 2, 3) - x / [2.0, x[0], 1]) + [1, 2, 3] @ x
    ),
    "matmul from the left": lambda x: np.eye(3) @ x @ x + np.ones((2, 3)) @ x @ np.ones(2),
    "plain on the left": lambda x: np.sum(A + x * A - A / x + A**x + 2**x + np.int64(2) * x),
    "other dtypes": lambda x: np.sum(x * np.array([1, 2, 3], np.uint8) + x * np.array([True, False, True])),
    "object constants": lambda x: np.sum(x * np.array([1, 2.5, np.float64(3)], object)),
    "big integers": lambda x: np.sum(x * 10**30) * 1e-30 + np.sum(x / 2**70),
    "boolean results": lambda x: np.sum((x > 1) * x + np.isclose(x, 1.3) * x) + np.any(x > 1) * x[0],
    "piecewise constant": lambda x: np.sum(
        np.floor(x) * x + np.sign(x) * x + np.round(x) * x + x // 0.75 * x
    ),
    "astype": lambda x: np.sum(x.astype(np.longdouble).astype(float) ** 2),
    "astype int": lambda x: np.sum((3.7 * x).astype(int) * x),
    "astype bool": lambda x: np.sum(x.astype(bool) * x),
    "sum as int": lambda x: np.sum(3.7 * x, dtype=int) * x[0],
    "cumsum as int": lambda x: np.cumsum(3.7 * x, dtype=int)[-1] * x[0],
    "full_like": lambda x: np.sum(np.full_like(x, x[0]) * x),
    "full_like int": lambda x: np.sum(np.full_like(x, 3.7 * x[0], dtype=int) * x),
    "mutated constant": mutated_constant,
    "mutated buffer": mutated_buffer,
    "mutated index": mutated_index,
    "mutated matrix": mutated_matrix,
    "powers of negative numbers": lambda x: np.sum((-x) ** 2.0 + (-x) ** 3 + (-x) ** np.array([1, 2, 3])),
    "ndenumerate": lambda x: sum(v * i[0] for i, v in np.ndenumerate(x)),
    "printing": lambda x: np.sum(x * x) + 0 * len(f"{x}") + (print(x, file=io.StringIO()) or 0),
    "vectorize": lambda x: np.sum(np.vectorize(lambda t: t * t)(x)),
}


def differences(f, x):
    """Central differences, with Python floats for a Python float."""
    h = 1e-6
    if type(x) is float:
        return (np.asarray(f(x + h), float) - np.asarray(f(x - h), float)) / (2 * h)
    steps = h * np.eye(x.size)
    return np.stack([(float(f(x + e)) - float(f(x - e))) / (2 * h) for e in steps], -1)


forward_and_reverse = pytest.mark.parametrize("mode", ["forward", "reverse"])


@forward_and_reverse
@pytest.mark.parametrize("name", RIGHT)
def test_right(name, mode):
    f = RIGHT[name]
    np.testing.assert_allclose(jacobian(f, mode=mode)(SCALAR), differences(f, SCALAR), rtol=1e-7, atol=1e-8)


@forward_and_reverse
@pytest.mark.parametrize("name", RIGHT_OF_ARRAYS)
def test_right_of_arrays(name, mode):
    f = RIGHT_OF_ARRAYS[name]
    np.testing.assert_allclose(
        jacobian(f, mode=mode)(POINT.copy()), differences(f, POINT.copy()), rtol=1e-6, atol=1e-7
    )


@pytest.mark.parametrize("n", [3, 10, 5_000, 100_000])
def test_a_constant_changed_later_is_kept_or_refused(n):
    """In reverse mode the sweep comes after the change: it uses the array as it was, or the change raises."""
    a = np.arange(1.0, n + 1)
    views = a[:], a.reshape(1, -1)

    def f(x):
        y = x * a
        a[:] = 0.0
        return np.sum(y)

    for derive in (grad, lambda f: lambda x: vjp(f, x)[1](1.0)[0], lambda f: jacobian(f, mode="reverse")):
        a[:] = np.arange(1.0, n + 1)
        try:
            g = derive(f)(np.ones(n))
        except ValueError as refusal:
            assert "read-only" in str(refusal)
        else:
            np.testing.assert_array_equal(g, np.arange(1.0, n + 1))
        assert all(v.flags.writeable for v in (a, *views))


# Functions that have to raise, of a scalar and of an array: whose error it is, is another's test.
RAISES = {
    "struct": lambda x: struct.pack("d", x),
    "ctypes": lambda x: ctypes.c_double(x).value,
    "json": lambda x: float(json.dumps(x)),
    "statistics": lambda x: statistics.fmean([x, x]),
    "quad": lambda x: scipy.integrate.quad(lambda t: t * x, 0, 1)[0],
    "dictionary": lambda x: {1.3: 2.0}[x],
    "set": lambda x: x in {1.3},
    "float of text": lambda x: float(str(x)) + float(f"{x}"),
    "percent": lambda x: float("%f" % x),  # noqa: UP031
    "det of a list": lambda x: np.linalg.det([[x, 1.0], [2.0, x]]),
    "bit operations": lambda x: ~x,
    "std of objects": lambda x: two(x).std(),
    "mean of objects": lambda x: np.mean(two(x)),
    "three-argument pow": lambda x: pow(x, 2, 3),
    "None": lambda x: x * None,
    "text": lambda x: x * "a",
}
RAISES_OF_ARRAYS = {
    "nditer": lambda x: sum(v for v in np.nditer(x)),
    "memoryview": lambda x: memoryview(x)[0],
    "view": lambda x: np.sum(x.view(np.int64)),
    "tobytes": lambda x: np.frombuffer(x.tobytes())[0],
    "shape set": lambda x: setattr(x, "shape", (3, 1)),
    "attribute set": lambda x: setattr(x, "name", 1),
    "flat set": lambda x: operator.setitem(x.flat, 0, 1.0),
    "item deleted": lambda x: operator.delitem(x, 0),
    "copyto": lambda x: np.copyto(np.zeros(3), x),
    "put": lambda x: np.put(np.zeros(3), [0], x[0]),
    "place": lambda x: np.place(np.zeros(3), A > 1, x),
    "fill_diagonal": lambda x: np.fill_diagonal(np.zeros((3, 3)), x),
    "put_along_axis": lambda x: np.put_along_axis(np.zeros(3), np.array([0]), x[:1], 0),
    "random parameters": lambda x: np.random.default_rng(0).normal(x),
    "choice weights": lambda x: np.random.default_rng(0).choice(3, p=x / np.sum(x)),
    "mgrid of two": lambda x: np.mgrid[0 : x[0] : 3j, 0:1:2j],
    "take by traced": lambda x: np.take(A, x),
    "masked array": lambda x: np.sum(x * np.ma.masked_array(A, [False, True, False])),
    "masked array in np.multiply": lambda x: np.multiply(x, np.ma.masked_array(A, [False, True, False])),
    "text array": lambda x: x * np.array(["a", "b", "c"]),
    "time array": lambda x: x * np.array([1, 2, 3], "m8[s]"),
    "out of bounds": lambda x: x[5],
    "index by float": lambda x: x[1.0],
    "index by name": lambda x: x["a"],
    "fft of objects": lambda x: np.fft.fft(np.array([x[0], 1.0, x[1]])),
    "savetxt": lambda x: np.savetxt(io.StringIO(), x),
    "save": lambda x: np.save(io.BytesIO(), x),
    "linalg of SciPy": lambda x: scipy.linalg.solve(np.eye(3), x),
    "sparse matrix": lambda x: scipy.sparse.csr_array(np.eye(3)) + x,
    "ODE of SciPy": lambda x: scipy.integrate.solve_ivp(lambda t, y: -y * x, (0, 1), np.ones(3)).y,
    "initial value of SciPy": lambda x: scipy.integrate.solve_ivp(lambda t, y: -y, (0, 1), x).y,
    "minimiser of SciPy": lambda x: scipy.optimize.minimize(lambda t: np.sum((t - x) ** 2), np.zeros(3)).x,
    "spline of SciPy": lambda x: scipy.interpolate.CubicSpline(A, x)(0.5),
    "logsumexp of SciPy": lambda x: scipy.special.logsumexp(x),
    "vectorize with a type": lambda x: np.vectorize(lambda t: t * t, otypes=[float])(x),
}


def raises(f, x, derive):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(Exception) as caught:
            derive(f)(x)
    assert not isinstance(caught.value, RecursionError)


@pytest.mark.parametrize("derive", [derivative, grad])
@pytest.mark.parametrize("name", RAISES)
def test_raises(name, derive):
    raises(RAISES[name], SCALAR, derive)


@pytest.mark.parametrize("derive", [lambda f: jacobian(f, mode="forward"), grad], ids=["forward", "reverse"])
@pytest.mark.parametrize("name", RAISES_OF_ARRAYS)
def test_raises_of_arrays(name, derive):
    raises(RAISES_OF_ARRAYS[name], POINT.copy(), derive)
