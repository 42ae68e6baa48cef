"""Jacobians and Hessians as SciPy's linear operators: products with vectors, without the matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .batch import Batch
from .blocks import dtype_of
from .compressed import size_of
from .csr import needed
from .derivative import F, grad
from .errors import DtypeError, error
from .op import is_complex
from .run import Recording
from .select import Argnums, Selected, named
from .tracer import next_number


def jacobian_operator(f: F, *args: Any, argnums: Argnums = 0, **kwargs: Any) -> Any:
    """The Jacobian at a point as a `scipy.sparse.linalg.LinearOperator`, for Krylov methods.

    `f` runs once, on a tape; a product with a vector is a sweep along it, one with several vectors a sweep
    that carries them all.

    f: function of real arrays, or nested containers of them, returning the same
    args, kwargs: its arguments; argnums: which of them, as for `jacobian`
    returns: an operator of shape (size of the output, size of the input) with `matvec`, `rmatvec`, `matmat`, `rmatmat`
    raises: DtypeError for complex values; ArgumentError without SciPy

    >>> J = dualad.jacobian_operator(lambda x: x[1:] * x[:-1], np.array([1.0, 2.0, 3.0]))
    >>> J @ np.array([1.0, 0.0, 1.0]), J.T @ np.array([1.0, 0.0])
    (array([2., 2.]), array([2., 1., 0.]))
    """
    return _operator(f, f, argnums, args, kwargs, False)


def hessian_operator(f: F, *args: Any, argnums: Argnums = 0, **kwargs: Any) -> Any:
    """The Hessian of a scalar function at a point as a `scipy.sparse.linalg.LinearOperator`.

    The gradient's tape is made once; a product with a vector is a forward sweep along it (Pearlmutter 1994).

    f: function of real arrays, or nested containers of them, returning a scalar
    args, kwargs, argnums, raises: as for `jacobian_operator`
    returns: a symmetric operator of shape (size of the input, size of the input)

    >>> H = dualad.hessian_operator(lambda x: np.sum(x**3), np.array([1.0, 2.0]))
    >>> H @ np.array([1.0, 1.0])
    array([ 6., 12.])
    """
    return _operator(f, grad(f, argnums), argnums, args, kwargs, True)


def _operator(
    f: F, inner: F, argnums: Argnums, args: tuple[Any, ...], kwargs: dict[str, Any], symmetric: bool
) -> Any:
    linalg = needed("scipy.sparse.linalg")
    chosen = Selected(f, argnums, args, kwargs)
    run = Recording(inner, chosen.call, chosen.leaves, copies=True)
    ins, outs = chosen.leaves, run.values
    if any(map(is_complex, (*ins, *outs))):
        raise error(
            DtypeError,
            f"an operator is of a real function, and {named(f)} has complex values",
            "a function of the real and imaginary parts; or jvp and vjp",
        )

    def push(v: Any) -> Any:
        return _joined(run.push(_split(v, ins)), outs, v)

    def pull(w: Any) -> Any:
        return _joined(run.pull(_split(w, outs))[: len(ins)], ins, w)

    back = push if symmetric else pull
    return linalg.LinearOperator(
        (size_of(outs), size_of(ins)),
        matvec=lambda v: push(np.ravel(v)),
        rmatvec=lambda w: back(np.ravel(w)),
        matmat=push,
        rmatmat=back,
        dtype=np.result_type(*map(dtype_of, (*ins, *outs))) if ins or outs else np.dtype(float),
    )


def _split(v: np.ndarray, like: Sequence[Any]) -> list[Any]:
    """A vector as tangents or cotangents of the values; a matrix as batches of these, one for each column."""
    found: list[Any] = []
    offset, number = 0, next_number()
    for x in like:
        size, shape = np.size(x), np.shape(x)
        part = v[offset : offset + size].astype(dtype_of(x))
        offset += size
        if v.ndim == 2:  # directions come last, and first in memory
            whole = np.ascontiguousarray(part.T).reshape(-1, *shape)
            found.append(Batch(np.moveaxis(whole, 0, -1), number))
        else:
            found.append(float(part[0]) if type(x) is float else part.reshape(shape) if shape else part[0])
    return found


def _joined(parts: Sequence[Any], like: Sequence[Any], v: np.ndarray) -> np.ndarray:
    """Tangents or adjoints as one vector, or as the columns of a matrix."""
    found = []
    for part, x in zip(parts, like, strict=True):
        shape = (np.size(x), *v.shape[1:])
        value = part.value if isinstance(part, Batch) else part
        found.append(np.zeros(shape, dtype_of(x)) if value is None else np.reshape(value, shape))
    return np.concatenate(found) if found else np.zeros((0, *v.shape[1:]))
