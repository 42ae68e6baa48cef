"""The derivatives people ask for, as functions of functions. Argument orders are those of JAX."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .errors import DtypeError, NotScalarError, ShapeError, error
from .op import is_complex, primal
from .push import constant
from .run import Recording, conjugated, handed_out, lifted, run_dual, run_series
from .select import Argnums, Selected, named
from .tree import Rebuild, flatten, inputs, inputs_like, same_shapes

F = Callable[..., Any]
LEFT_OUT: Any = type("left out", (), {"__repr__": lambda self: "left out"})()  # None may be a mistake


def value_and_grad(f: F, argnums: Argnums = 0, has_aux: bool = False, holomorphic: bool = False) -> F:
    """Value and gradient of a scalar function, in one run of reverse mode.

    One sweep back over the tape of one run gives all partial derivatives (Linnainmaa 1970; Baur and
    Strassen 1983: at most a small constant times the cost of `f`, however many arguments there are).

    f: function returning a real scalar, or with `has_aux` a pair (scalar, anything)
    argnums: position of the argument, or name of the keyword argument, or a tuple of these
    holomorphic: `f` maps complex numbers to a complex number, holomorphically, and its complex derivative is
        asked for
    returns: a function of the same arguments returning `(value, gradient)`, or `((value, aux), gradient)`;
        the gradient has the structure, shapes and dtypes of the argument (integers are promoted). For a complex
        argument x + iy it is ∂f/∂x + i ∂f/∂y, the direction of steepest ascent
    raises: NotScalarError if the output is not a scalar; DtypeError if it is complex, and for bool or object
        arguments

    >>> value_and_grad(lambda x: np.sum(x**3))(np.array([1.0, 2.0]))
    (np.float64(9.0), array([ 3., 12.]))
    """

    @functools.wraps(f)
    def derived(*args: Any, **kwargs: Any) -> Any:
        chosen = Selected(f, argnums, args, kwargs)
        if holomorphic:
            all_complex(chosen.leaves, f)
        with Recording(f, chosen.call, chosen.leaves, has_aux) as run:
            value = _scalar(run, f, holomorphic)
            seed = lifted(constant(value, 1.0), value)
            grads = handed_out(run.pull([seed], last=True), chosen.leaves, (), not holomorphic)
        return ((value, run.aux) if has_aux else value), chosen.rebuild(grads)

    return derived


def all_complex(leaves: Sequence[Any], f: F) -> None:
    """Raise unless all leaves are complex, as a holomorphic function needs them."""
    if not all(map(is_complex, leaves)):
        raise error(
            DtypeError,
            f"holomorphic=True needs complex arguments, but {named(f)} was given real ones",
            "x.astype(complex), or leave holomorphic=True away",
        )


def complex_results(values: Sequence[Any], f: F) -> None:
    """Raise unless all results are complex, as those of a holomorphic function are."""
    if not all(map(is_complex, values)):
        raise error(
            DtypeError,
            f"holomorphic=True, but {named(f)} returned a real number",
            "leave holomorphic=True away",
        )


def _scalar(run: Recording, f: F, holomorphic: bool) -> Any:
    if len(run.values) != 1 or np.shape(run.values[0]) != ():
        shapes = [np.shape(v) for v in run.values]
        raise error(
            NotScalarError,
            f"grad needs a scalar output, but {named(f)} returned shape{'s' * (len(shapes) != 1)} "
            + ", ".join(map(str, shapes)),
            "jacobian(f) for all derivatives, or grad of a sum: lambda x: np.sum(f(x))",
        )
    (value,) = run.values
    if holomorphic:
        complex_results([value], f)
    elif is_complex(value):
        raise error(
            DtypeError,
            f"{named(f)} returned a complex number, which has no gradient",
            "a real one, such as np.real(z) or np.abs(z)**2; holomorphic=True for the complex derivative of a "
            "holomorphic function; jacobian(f) for one of real arguments",
        )
    return value


def grad(f: F, argnums: Argnums = 0, has_aux: bool = False, holomorphic: bool = False) -> F:
    """Gradient of a scalar function, by reverse mode.

    f, argnums, has_aux, holomorphic, raises: as for `value_and_grad`
    returns: a function of the same arguments returning the gradient, or with `has_aux` `(gradient, aux)`

    >>> grad(lambda w: w[0] + 3 * w[1]**2 + 5 * w[2]**3)([1.0, 2.0, 1.0])
    [1.0, 12.0, 15.0]
    >>> grad(lambda z: np.abs(z) ** 2)(1 + 2j)
    np.complex128(2+4j)
    >>> grad(lambda z: z**2, holomorphic=True)(1 + 2j)
    np.complex128(2+4j)
    """
    both = value_and_grad(f, argnums, has_aux, holomorphic)

    @functools.wraps(f)
    def derived(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return derived


def derivative(f: F, n: int = 1, holomorphic: bool = False) -> F:
    """The n-th derivative of a function of one real number, or of an elementwise function of an array.

    Forward mode, nested where n is 2 or 3; for larger n one run on truncated Taylor series, whose cost grows like n²
    (Griewank and Walther 2008, chapter 13), where that of nested modes doubles with each.

    f: function of a number; or of an array, each element of the result depending on the same one of the input
    n: order, at least 1
    holomorphic: `f` is a holomorphic function, and its complex derivative is asked for
    returns: a function of a number or array, with the shape and dtype of `f(x)`
    raises: ShapeError if `x` is an array and `f(x)` has another shape; DtypeError for complex `x` unless
        `holomorphic`

    >>> derivative(np.sin)(0.0)
    1.0
    >>> derivative(lambda x: x**5, n=3)(2.0)
    240.0
    """
    if n < 1:
        raise ValueError(f"the order n of a derivative is at least 1, not {n}")

    @functools.wraps(f)
    def once(x: Any) -> Any:
        (x,), _ = inputs(x, f"the argument of {named(f)}")
        if holomorphic:
            all_complex([x], f)
        elif is_complex(x):
            raise error(
                DtypeError,
                f"a function of a complex number, such as {named(f)}, has one derivative only if it is holomorphic",
                "derivative(f, holomorphic=True); grad(f) if it is real",
            )
        one = constant(x, 1.0)
        if order == 1:
            values, moved, rebuild, _ = run_dual(f, _direct, [x], [lifted(one, x)])
        else:
            coefficients, rebuild = run_series(f, _direct, [x], [lifted(one, x)], order)
            values = [found[0] for found in coefficients]
            moved = [_by_factorial(found[order], order) for found in coefficients]
        if holomorphic:
            complex_results(values, f)
        for v in values:
            if np.shape(x) and np.shape(v) != np.shape(x):
                raise error(
                    ShapeError,
                    f"derivative needs an elementwise function, but {named(f)} maps {np.shape(x)} to {np.shape(v)}",
                    "jacobian(f), or jvp(f, (x,), (dx,)) for one direction",
                )
        return rebuild(handed_out(moved, values, [one]))

    order = n if n > 3 else 1  # series pay from 4 on
    return once if n == order else derivative(once, n - 1, holomorphic)


def _by_factorial(c: Any, n: int) -> Any:
    """C · n!, where n! may be too large for a float."""
    if c is None:
        return c
    for k in (math.factorial(min(n, 170)), *range(171, n + 1)):
        c = c * float(k)
    return c


def _direct(f: F, leaves: Sequence[Any]) -> Any:
    return f(*leaves)


def jvp(f: F, primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> Any:
    """Value of `f` and its derivative along one direction (pushforward), by forward mode.

    primals: tuple of the arguments of `f`
    tangents: tuple of the same structure and shapes: the direction
    returns: `(y, dy)`, both with the structure of `f(*primals)`; with `has_aux`, `(y, dy, aux)`
    raises: ShapeError if structures or shapes differ

    >>> jvp(lambda x, y: x * y, (3.0, 4.0), (1.0, 0.0))
    (12.0, 4.0)
    """
    leaves, rebuild = inputs(tuple(primals), f"the primals of {named(f)}")
    directions = like(leaves, rebuild, tuple(tangents), f"the tangent of jvp({named(f)})")
    values, moved, build, aux = run_dual(f, lambda g, xs: g(*rebuild(xs)), leaves, directions, has_aux)
    y, dy = build(values), build(handed_out(moved, values, directions))
    return (y, dy, aux) if has_aux else (y, dy)


def like(leaves: Sequence[Any], rebuild: Rebuild, tree: Any, what: str) -> list[Any]:
    """Leaves of `tree`, with the structure that `rebuild` gives `leaves` and their shapes and dtypes."""
    given = inputs_like(rebuild(leaves), tree, what)
    same_shapes(leaves, given, what)
    return [lifted(_cast(g, x), x) for x, g in zip(leaves, given, strict=True)]


def _cast(g: Any, x: Any) -> Any:
    if is_complex(g) and not is_complex(x):
        raise error(
            DtypeError,
            "a complex tangent or cotangent was given for a real value",
            "a real one: np.real(v)",
        )
    if type(x) is float:
        return float(g) if isinstance(g, np.floating) else g
    if type(g) is float or g.dtype == x.dtype:
        return g
    return x.dtype.type(g) if isinstance(g, np.generic) else g.astype(x.dtype)


def vjp(f: F, *primals: Any, has_aux: bool = False) -> Any:
    """Value of `f` and its pullback, by reverse mode.

    primals: the arguments of `f`
    returns: `(y, pullback)`, with `has_aux` `(y, pullback, aux)`; `pullback(cotangent)`, for a cotangent with
        the structure and shapes of `y`, is a tuple with one entry an argument. It can be called again. It is the
        adjoint of the pushforward for the inner product Re Σ conj(a) b.
    raises: ShapeError if the cotangent does not match `y`

    >>> y, pullback = vjp(lambda x, y: x * y, 3.0, 4.0)
    >>> pullback(1.0)
    (4.0, 3.0)
    """
    leaves, rebuild = inputs(primals, f"the primals of {named(f)}")
    run = Recording(f, lambda g, xs: g(*rebuild(xs)), leaves, has_aux, copies=True)

    def pullback(cotangent: Any) -> Any:
        given = like(run.values, run.rebuild, cotangent, f"the cotangent of vjp({named(f)})")
        return rebuild(handed_out(run.pull([*map(conjugated, given)]), leaves, given, True))

    y = run.rebuild(_copied(run.values))
    return (y, pullback, run.aux) if has_aux else (y, pullback)


def linearize(f: F, *primals: Any) -> tuple[Any, F]:
    """Value of `f` and its pushforward at a point, for many directions: `f` runs once, on a tape.

    returns: `(y, push)`; `push(*tangents)` has the structure of `y`
    raises: ShapeError if the tangents do not match the primals

    >>> y, push = linearize(np.sin, 0.0)
    >>> push(2.0)
    2.0
    """
    leaves, rebuild = inputs(primals, f"the primals of {named(f)}")
    run = Recording(f, lambda g, xs: g(*rebuild(xs)), leaves, copies=True)

    def push(*tangents: Any) -> Any:
        given = like(leaves, rebuild, tangents, f"the tangent of linearize({named(f)})")
        return run.rebuild(handed_out(run.push(given), run.values, given))

    return run.rebuild(_copied(run.values)), push


def _copied(values: Sequence[Any]) -> list[Any]:
    """Values for the caller to change: the tape keeps its own."""
    return [v.copy() if isinstance(v, np.ndarray) else v for v in values]


def hvp(f: F, x: Any, v: Any = LEFT_OUT) -> Any:
    """Product of the Hessian of a scalar function with a vector, without forming the Hessian.

    Forward mode over reverse mode (Pearlmutter 1994): the gradient's own pushforward along `v`.

    f: function of an array, or of nested arrays, returning a scalar
    x, v: the same structure and shapes
    returns: the structure of `x`; without `v` the function `v ↦ H v`, for many vectors: the gradient runs once, on a
        tape that each product is a sweep along
    raises: ShapeError if `v` does not match `x`; NotScalarError if `f(x)` is not a scalar

    >>> hvp(lambda x: np.sum(x**3), np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])
    >>> product = hvp(lambda x: np.sum(x**3), np.array([1.0, 2.0]))
    >>> product(np.array([0.0, 1.0]))
    array([ 0., 12.])
    """
    if v is LEFT_OUT:
        return linearize(grad(f), x)[1]
    return jvp(grad(f), (x,), (v,))[1]


def stop_gradient(x: Any) -> Any:
    """`x` as a constant: the same values, with no derivative through them at any level.

    x: a value, traced or not, or nested containers of them
    returns: plain values in the same structure

    >>> grad(lambda x: x * stop_gradient(x))(3.0)
    3.0
    """
    leaves, rebuild = flatten(x)
    return rebuild([primal(v) for v in leaves])
