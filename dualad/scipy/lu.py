"""Twins of `scipy.linalg.lu_factor` and `lu_solve`: one factorisation for many solves, and for their derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import TraceError, error
from ..op import primal
from ..rules.contract import conjugated
from ..rules.shape import as_array
from ..scan import is_symbolic
from ..tracer import operand
from .arguments import traced


def lu_factor(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """Factors L and U of a square matrix with pivoted rows, to use in `lu_solve`.

    With a constant matrix, solves and all their derivatives use these factors; with a traced one, derivatives of the
    factors need triangular solves, and no factorisation either (de Hoog, Anderssen and Lukas 2011). The pivots are
    those of the values.

    a: array of shape (n, n), or, for plain values, another that SciPy takes
    overwrite_a: ignored for traced arrays; check_finite: whether to raise for infinities and NaN
    returns: (lu, piv), with both factors in `lu`, of shape (n, n), and the rows' exchanges, integers
    raises: LinAlgError if a traced array is no square matrix; TraceError in compiled functions

    >>> b = np.array([2.0, 1.0])
    >>> def f(A):
    ...     return b @ dualad.scipy.linalg.lu_solve(dualad.scipy.linalg.lu_factor(A), b)
    >>> grad(f)(np.diag([2.0, 1.0]))
    array([[-1., -1.],
           [-1., -1.]])
    """
    from scipy import linalg

    from ..rules import scipy_linalg as ops

    a = operand(a)
    if not traced(a):
        return linalg.lu_factor(a, overwrite_a, check_finite)
    if np.ndim(a) != 2 or np.shape(a)[0] != np.shape(a)[1]:
        raise np.linalg.LinAlgError(f"lu_factor takes a square matrix, not an array of shape {np.shape(a)}")
    if is_symbolic(a):
        raise error(
            TraceError,
            "dualad.scipy.linalg.lu_factor exchanges rows by their values, which a compiled function does not have",
            "np.linalg.solve, or factors of a constant matrix from outside",
        )
    a = as_array(a)
    a = a if a.dtype.kind in "fc" else a.astype(float)
    ops.refuse_extended("scipy.linalg.lu_factor", a)
    known, piv = linalg.lu_factor(primal(a), check_finite=check_finite)
    return ops.lu(a[_order(piv)], known=known), piv


def lu_solve(
    lu_and_piv: Any, b: Any, trans: int = 0, overwrite_b: bool = False, check_finite: bool = True
) -> Any:
    """Solution of a x = b from the factors of `a`, by two triangular solves; so are its derivatives.

    lu_and_piv: what `lu_factor` returns; b: array of shape (n,) or (n, k)
    trans: 0 for a x = b, 1 for aᵀ x = b, 2 for aᴴ x = b
    overwrite_b: ignored for traced arrays; check_finite: whether to raise for infinities and NaN
    returns: array of the shape of `b`
    raises: LinAlgError if a factor is singular; ValueError if the shapes do not fit

    >>> factors = dualad.scipy.linalg.lu_factor(np.array([[1.0, 2.0], [4.0, 4.0]]))
    >>> jacobian(lambda b: dualad.scipy.linalg.lu_solve(factors, b))(np.ones(2))
    array([[-1.  ,  0.5 ],
           [ 1.  , -0.25]])
    """
    from scipy import linalg

    from ..rules import scipy_linalg as ops

    lu, piv = lu_and_piv
    lu, b = operand(lu), operand(b)
    if not traced(lu, b):
        return linalg.lu_solve((lu, piv), b, trans, overwrite_b, check_finite)
    lu, b = as_array(lu), as_array(b)
    lu, b = (v if v.dtype.kind in "fc" else v.astype(float) for v in (lu, b))
    if check_finite:
        for v in (lu, b):
            np.asarray_chkfinite(primal(v))
    if trans not in (0, 1, 2):
        raise ValueError(f"trans is 0, 1 or 2, not {trans!r}")
    if np.ndim(lu) != 2 or np.ndim(b) not in (1, 2) or np.shape(lu)[0] != np.shape(b)[0]:
        raise ValueError(f"lu_solve: shapes of lu {np.shape(lu)} and b {np.shape(b)} are incompatible")
    if trans == 2:
        lu = conjugated(lu)
    order = _order(piv)
    x = b[:, None] if np.ndim(b) == 1 else b
    if trans == 0:
        x = ops.solve_triangular(lu, x[order], lower=True, trans=0, unit_diagonal=True)
        x = ops.solve_triangular(lu, x, lower=False, trans=0, unit_diagonal=False)
    else:
        x = ops.solve_triangular(lu, x, lower=False, trans=1, unit_diagonal=False)
        x = ops.solve_triangular(lu, x, lower=True, trans=1, unit_diagonal=True)[np.argsort(order)]
    return x[:, 0] if np.ndim(b) == 1 else x


def _order(piv: Any) -> Any:
    """Where each row comes from, by exchanges one after the other."""
    order = np.arange(len(piv))
    for k, other in enumerate(piv):
        order[[k, other]] = order[[other, k]]
    return order
