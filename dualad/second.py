"""Beside the Hessian: value, gradient and Hessian in one pass, Gauss-Newton products, divergence and curl."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .blocks import CHUNK_BYTES, symmetric
from .derivative import LEFT_OUT, F, like, value_and_grad
from .errors import ShapeError, error
from .jacobian import jacobian, value_and_jacobian
from .run import Recording, conjugated, handed_out
from .select import Argnums, named
from .tree import inputs


def value_grad_and_hessian(f: F, argnums: Argnums = 0, chunk_bytes: int = CHUNK_BYTES) -> F:
    """Value, gradient and dense Hessian of a scalar function, from one recording: what a Newton step reads.

    `f` runs once; its sweep, recorded with it, is the gradient, and is pushed along all directions (as by `hessian`,
    forward over reverse).

    f, argnums, chunk_bytes, raises: as for `hessian`
    returns: a function of the same arguments returning `(value, gradient, hessian)`

    >>> value, g, H = value_grad_and_hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    >>> value, g
    (np.float64(2.0), array([4., 1.]))
    >>> H
    array([[4., 2.],
           [2., 0.]])
    """
    both = value_and_jacobian(value_and_grad(f, argnums), argnums, "auto", chunk_bytes)

    @functools.wraps(f)
    def derived(*args: Any, **kwargs: Any) -> Any:
        (value, gradient), (_, matrix) = both(*args, **kwargs)
        return value, gradient, symmetric(matrix)

    return derived


def gauss_newton_product(residuals: F, x: Any, v: Any = LEFT_OUT) -> Any:
    """Product of the Gauss-Newton matrix JᵀJ of residuals with a vector, without forming J.

    A sweep forward along one tape, J v, and one back, Jᵀ(J v) (Schraudolph 2002). JᵀJ is the Hessian of half the sum
    of squares, less the part of the residuals' own curvature; of complex residuals it is the real part of JᴴJ.

    residuals: function of an array, or of nested containers of them, returning the same
    x, v: the same structure and shapes
    returns: the structure of `x`; without `v` the function `v ↦ JᵀJ v`, for which `residuals` runs once
    raises: ShapeError if `v` does not match `x`

    >>> gauss_newton_product(lambda x: np.array([x[0] * x[1], x[1]]), np.array([2.0, 3.0]), np.array([1.0, 0.0]))
    array([9., 6.])
    """
    leaves, rebuild = inputs(x, f"the argument of {named(residuals)}")
    run = Recording(residuals, lambda f, xs: f(rebuild(xs)), leaves, copies=True)

    def product(v: Any) -> Any:
        given = like(leaves, rebuild, v, f"the vector of gauss_newton_product({named(residuals)})")
        moved = run.push(given)
        back = run.pull([None if dy is None else conjugated(dy) for dy in moved])
        return rebuild(handed_out(back, leaves, given, True))

    return product if v is LEFT_OUT else product(v)


def divergence(f: F) -> F:
    """Divergence of a vector field: the trace of its Jacobian, Σ ∂fᵢ/∂xᵢ.

    f: function of a real array, returning an array of the same shape
    returns: a function of that array, returning a number
    raises: ShapeError where the shapes differ

    >>> divergence(lambda x: x**2)(np.array([1.0, 2.0]))
    np.float64(6.0)
    """
    of = jacobian(f, mode="forward")

    @functools.wraps(f)
    def derived(x: Any) -> Any:
        J = _square(of(x), x, f)
        return np.trace(J)

    return derived


def curl(f: F) -> F:
    """Curl of a vector field in three dimensions, or in the plane, where it is the number ∂f₁/∂x₀ - ∂f₀/∂x₁.

    f: function of an array of shape (3,) or (2,), returning an array of the same shape
    returns: a function of that array, returning an array of shape (3,), or a number in the plane
    raises: ShapeError for other shapes

    >>> curl(lambda x: np.stack([x[2], x[0], x[1]]))(np.array([1.0, 2.0, 3.0]))
    array([1., 1., 1.])
    """
    of = jacobian(f, mode="forward")

    @functools.wraps(f)
    def derived(x: Any) -> Any:
        if np.shape(x) not in ((2,), (3,)):
            raise error(
                ShapeError,
                f"the curl is of fields in two or three dimensions, and {named(f)} was given shape {np.shape(x)}",
                "an array of shape (3,) or (2,)",
            )
        J = _square(of(x), x, f)
        if len(x) == 2:
            return J[1, 0] - J[0, 1]
        return np.stack([J[2, 1] - J[1, 2], J[0, 2] - J[2, 0], J[1, 0] - J[0, 1]])

    return derived


def _square(J: Any, x: Any, f: Callable[..., Any]) -> Any:
    """The Jacobian of a field as a square matrix."""
    shape = np.shape(x)
    if isinstance(J, (list, tuple, dict)) or np.shape(J) != shape + shape:
        raise error(
            ShapeError,
            f"a vector field maps arrays to arrays of the same shape, and {named(f)} does not for one of shape {shape}",
            "return np.stack of the components",
        )
    size = int(np.prod(shape, dtype=int))
    return np.reshape(J, (size, size))
