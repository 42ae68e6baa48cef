"""Twins of functions of `scipy.linalg`, with SciPy's signatures; on plain arrays they return SciPy's own values.

Functions that NumPy has too (`solve`, `inv`, `det`, `eigh`, …) need none: `np.linalg` has rules for them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op import primal
from ..rules.contract import conjugated
from ..rules.shape import as_array
from ..tracer import operand
from .arguments import traced
from .lu import lu_factor, lu_solve


def _square(a: Any, name: str) -> Any:
    if np.ndim(a) < 2 or np.shape(a)[-1] != np.shape(a)[-2]:
        raise np.linalg.LinAlgError(f"{name} takes square matrices, not an array of shape {np.shape(a)}")
    return a


def _floating(a: Any) -> Any:
    """An operand as an array of floats: LAPACK has no integers."""
    a = as_array(operand(a))
    return a if a.dtype.kind in "fc" else a.astype(float)


def _check(check_finite: bool, *arrays: Any) -> None:
    if check_finite:
        for a in arrays:
            np.asarray_chkfinite(primal(a))


def expm(A: Any) -> Any:
    """Exponential of a matrix, or of each matrix of a stack.

    Derivatives by scaling and squaring together with the value (Al-Mohy and Higham 2009), higher ones by the block
    identity exp([[A, E], [0, A]]) = [[exp(A), L(A, E)], [0, exp(A)]] (Van Loan 1978; Najfeld and Havel 1995).

    A: array of shape (..., n, n); a number is a matrix of one element
    returns: array of the same shape and dtype
    raises: LinAlgError if the matrices are not square; DtypeError for longdouble

    >>> f = lambda t: dualad.scipy.linalg.expm(t * np.array([[0.0, -1.0], [1.0, 0.0]]))[1, 0]
    >>> round(grad(f)(0.0), 12)
    1.0
    """
    from scipy import linalg

    from ..rules import scipy_linalg as ops

    A = operand(A)
    if not traced(A):
        return linalg.expm(A)
    if A.size == 1 and A.ndim < 2:
        return np.reshape(np.exp(A), (1, 1))
    return ops.expm(_square(A, "expm"))


def logm(A: Any) -> Any:
    """Principal logarithm of a matrix, the inverse of `expm`, or of each matrix of a stack.

    Derivatives by inverse scaling and squaring (Kenney and Laub 1989) and quadrature (Dieci, Morini and Papini 1996).

    A: array of shape (..., n, n)
    returns: array of the same shape, in double precision, as SciPy's
    raises: LinAlgError if the matrices are not square, or for the derivative at a singular one; DtypeError if the
        logarithm of a traced matrix is complex, as it is for negative real eigenvalues

    >>> A = np.diag([1.0, 4.0])
    >>> np.round(grad(lambda A: dualad.scipy.linalg.logm(A)[1, 1])(A), 12)
    array([[0.  , 0.  ],
           [0.  , 0.25]])
    """
    from scipy import linalg

    from ..rules import scipy_linalg as ops

    A = operand(A)
    return ops.logm(_square(A, "logm")) if traced(A) else linalg.logm(A)


def sqrtm(A: Any) -> Any:
    """Principal square root of a matrix, or of each matrix of a stack.

    Derivatives from X X = A, which is Sylvester's equation for dX (Higham 2008, section 6.1).

    A: array of shape (..., n, n)
    returns: array X of the same shape with X @ X = A
    raises: LinAlgError if the matrices are not square, or for the derivative at a singular one; DtypeError if the
        root of a traced matrix is complex, as it is for negative real eigenvalues

    >>> A = np.diag([1.0, 4.0])
    >>> np.round(grad(lambda A: dualad.scipy.linalg.sqrtm(A)[1, 1])(A), 12)
    array([[0.  , 0.  ],
           [0.  , 0.25]])
    """
    from scipy import linalg

    from ..rules import scipy_linalg as ops

    A = operand(A)
    return ops.sqrtm(_square(A, "sqrtm")) if traced(A) else linalg.sqrtm(A)


def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    """Solution of Sylvester's equation a x + x b = q (Bartels and Stewart 1972); stacks broadcast.

    a, b, q: arrays of shapes (..., m, m), (..., n, n), (..., m, n)
    returns: array of shape (..., m, n)
    raises: ValueError if the shapes do not fit; LinAlgError if, to rounding, an eigenvalue of a traced `a` is one of -b

    >>> one = np.eye(1)
    >>> grad(lambda a: dualad.scipy.linalg.solve_sylvester(a * one, one, one)[0, 0])(3.0)
    -0.0625
    """
    from scipy import linalg

    from ..rules import scipy_linalg as ops

    a, b, q = operand(a), operand(b), operand(q)
    a, b, q = _floating(a), _floating(b), _floating(q)
    if not traced(a, b, q):  # of one type: SciPy mistakes the real Schur form beside complex arguments
        return linalg.solve_sylvester(*(m.astype(np.result_type(a, b, q)) for m in (a, b, q)))
    return ops.solve_sylvester(_square(a, "solve_sylvester"), _square(b, "solve_sylvester"), q)


def solve_triangular(
    a: Any,
    b: Any,
    trans: int | str = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Any:
    """Solution of a x = b for a triangular matrix; only that triangle of `a` is read, and has a derivative.

    a: array of shape (..., n, n); b: of shape (n,) or (..., n, k)
    trans: 0 or "N" for a x = b, 1 or "T" for the transposed matrix, 2 or "C" for its conjugate too
    lower: which triangle; unit_diagonal: whether to take its diagonal for ones, unread
    overwrite_b: ignored for traced arrays; check_finite: whether to raise for infinities and NaN
    returns: array of the shape of `b`, stacks broadcast
    raises: LinAlgError if `a` is singular; ValueError if the shapes do not fit

    >>> L = np.array([[2.0, 0.0], [1.0, 1.0]])
    >>> grad(lambda b: dualad.scipy.linalg.solve_triangular(L, b, lower=True)[1])(np.ones(2))
    array([-0.5,  1. ])
    """
    from scipy import linalg

    from ..rules import scipy_linalg as ops

    a, b = operand(a), operand(b)
    if not traced(a, b):
        return linalg.solve_triangular(a, b, trans, lower, unit_diagonal, overwrite_b, check_finite)
    a, b = _floating(a), _floating(b)
    _check(check_finite, a, b)
    flag = {"N": 0, "T": 1, "C": 1, 2: 1}.get(trans, trans)
    if flag not in (0, 1):
        raise ValueError(f"trans is 0, 1, 2, 'N', 'T' or 'C', not {trans!r}")
    if trans in (2, "C"):
        a = conjugated(a)
    keywords = {"lower": bool(lower), "trans": int(flag), "unit_diagonal": bool(unit_diagonal)}
    _square(a, "solve_triangular")
    if np.ndim(b) == 1:
        return ops.solve_triangular(a, b[:, None], **keywords)[..., 0]
    return ops.solve_triangular(a, b, **keywords)


def cho_factor(a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """Cholesky factor of a symmetric positive definite matrix, to use in `cho_solve`.

    One triangle of `a` is read and replaced by the factor; the other one is left as it is. Derivatives are those of
    `np.linalg.cholesky` (Murray 2016).

    a: array of shape (..., n, n); lower: which triangle
    overwrite_a: ignored for traced arrays; check_finite: whether to raise for infinities and NaN
    returns: (c, lower), with `c` of the shape of `a`
    raises: LinAlgError if `a` is not positive definite

    >>> b = np.array([2.0, 1.0])
    >>> def f(A):
    ...     return b @ dualad.scipy.linalg.cho_solve(dualad.scipy.linalg.cho_factor(A), b)
    >>> grad(f)(np.diag([2.0, 1.0]))
    array([[-1., -2.],
           [ 0., -1.]])
    """
    from scipy import linalg

    from ..rules import scipy_linalg as ops

    a = operand(a)
    if not traced(a):
        return linalg.cho_factor(a, lower, overwrite_a, check_finite)
    ops.refuse_extended("scipy.linalg.cho_factor", a)
    _check(check_finite, a)
    _square(a, "cho_factor")
    factor = np.linalg.cholesky(a, upper=not lower)
    rest = np.triu(a, 1) if lower else np.tril(a, -1)
    return factor + rest, lower


def cho_solve(c_and_lower: Any, b: Any, overwrite_b: bool = False, check_finite: bool = True) -> Any:
    """Solution of a x = b from the Cholesky factor of `a`, by two triangular solves.

    c_and_lower: what `cho_factor` returns; b: array of shape (n,) or (..., n, k)
    overwrite_b: ignored for traced arrays; check_finite: whether to raise for infinities and NaN
    returns: array of the shape of `b`, stacks broadcast
    raises: LinAlgError if the factor is singular; ValueError if the shapes do not fit

    >>> factor = dualad.scipy.linalg.cho_factor(np.diag([4.0, 1.0]))
    >>> jacobian(lambda b: dualad.scipy.linalg.cho_solve(factor, b))(np.ones(2))
    array([[0.25, 0.  ],
           [0.  , 1.  ]])
    """
    from scipy import linalg

    c, lower = c_and_lower
    c, b = operand(c), operand(b)
    if not traced(c, b):
        return linalg.cho_solve((c, lower), b, overwrite_b, check_finite)
    c, b = _floating(c), _floating(b)
    lower = bool(np.all(lower))  # of a stack SciPy returns one for each
    vector = np.ndim(b) == 1
    first, second = ("N", "C") if lower else ("C", "N")
    y = solve_triangular(c, b[:, None] if vector else b, first, lower, check_finite=check_finite)
    x = solve_triangular(c, y, second, lower, check_finite=check_finite)
    return x[..., 0] if vector else x


__all__ = [
    "cho_factor",
    "cho_solve",
    "expm",
    "logm",
    "lu_factor",
    "lu_solve",
    "solve_sylvester",
    "solve_triangular",
    "sqrtm",
]
