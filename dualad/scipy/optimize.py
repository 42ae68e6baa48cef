"""Twins of functions of `scipy.optimize`: solutions with derivatives in the parameters that are passed as `args`.

Derivatives are by the implicit function theorem at the solution (`dualad.implicit`); SciPy solves on plain values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..derivative import grad
from ..errors import KeywordError, error
from ..implicit import implicit
from ..jacobian import hessian, jacobian
from ..op import Tracer
from ..tracer import operand
from ..tree import flatten, outputs
from .arguments import plainly_called

__all__ = ["fixed_point", "minimize", "root"]
F = Callable[..., Any]
# The methods that ask for first and second derivatives; others warn, or raise, when given any
_GRADIENTS = frozenset(
    (
        "cg", "bfgs", "newton-cg", "l-bfgs-b", "tnc", "slsqp", "dogleg", "trust-ncg", "trust-krylov", "trust-exact",
        "trust-constr",
    )
)  # fmt: skip
_HESSIANS = frozenset(("newton-cg", "dogleg", "trust-ncg", "trust-krylov", "trust-exact", "trust-constr"))
# What a result says besides numbers that have derivatives
_WORDS = ("success", "status", "message", "method", "nit", "nfev", "njev", "nhev")


def root(
    fun: F,
    x0: Any,
    args: Any = (),
    method: str = "hybr",
    jac: Any = None,
    tol: float | None = None,
    callback: F | None = None,
    options: dict[str, Any] | None = None,
    *,
    linear: str = "dense",
) -> Any:
    """A root of a vector function, with derivatives in `args`.

    fun: function `(x, *args)` of NumPy's functions
    x0: array of shape (n,): where to begin; the root does not depend on it
    jac: None for the Jacobian by dualad with 'hybr' and 'lm', False for SciPy's differences
    linear: as for `dualad.implicit`
    returns: SciPy's result; where parameters are traced, with traced `x` and `fun`, and without other numbers that
        depend on them; in compiled functions, with `x` and `fun` alone
    raises: when differentiated, SolverError where the Jacobian is singular or the solver has not converged

    >>> f = lambda x, a: x**2 - a
    >>> jacobian(lambda a: dualad.scipy.optimize.root(f, np.ones(1), (a,)).x)(4.0).round(9)
    array([0.25])
    """
    from scipy import optimize

    if jac is None and method in ("hybr", "lm"):
        jac = jacobian(lambda x, *args: _vector(fun(x, *args)))
    pair = jac is True

    def run(x0: Any, *args: Any) -> Any:
        return optimize.root(plainly_called(fun), x0, args, method, jac, tol, callback, options)

    def condition(x: Any, *args: Any) -> Any:
        y = fun(x, *args)
        return _vector(y[0] if pair else y)

    return _solved(run, condition, condition, x0, args, "root", linear)


def minimize(
    fun: F,
    x0: Any,
    args: Any = (),
    method: Any = None,
    jac: Any = None,
    hess: Any = None,
    hessp: F | None = None,
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: F | None = None,
    options: dict[str, Any] | None = None,
    *,
    linear: str = "dense",
) -> Any:
    """A minimiser of a scalar function, with derivatives in `args`.

    fun: function `(x, *args)` of NumPy's functions
    x0: array of shape (n,): where to begin; the minimiser does not depend on it
    jac, hess: None for gradient and Hessian by dualad where the method uses them; '2-point' for SciPy's differences
    bounds, constraints: for plain parameters only
    linear: as for `dualad.implicit`
    returns: SciPy's result; where parameters are traced, with traced `x` and `fun`, and without other numbers that
        depend on them; in compiled functions, with `x` and `fun` alone
    raises: when differentiated, SolverError where the Hessian is singular or the gradient not near zero, as after few
        iterations; KeywordError for bounds and constraints

    >>> f = lambda x, a: (x[0] - a)**2 + (x[1] - x[0]**2)**2
    >>> jacobian(lambda a: dualad.scipy.optimize.minimize(f, np.ones(2), (a,)).x)(1.5).round(4)
    array([1., 3.])
    """
    from scipy import optimize

    constrained = bounds is not None or not (isinstance(constraints, (tuple, list)) and not constraints)
    if constrained and _traced(x0, args):
        raise error(
            KeywordError,
            "dualad.scipy.optimize.minimize has no derivatives with bounds or constraints",
            "a parametrisation without any, such as x = np.exp(z) for positive x",
        )
    name = "bfgs" if method is None else method.lower() if isinstance(method, str) else ""
    pair = jac is True

    def value(x: Any, *args: Any) -> Any:
        y = fun(x, *args)
        return np.reshape(_vector(y[0] if pair else y), ())

    if jac is None and name in _GRADIENTS:
        jac = grad(value)
    if hess is None and hessp is None and name in _HESSIANS:
        hess = hessian(value)

    def run(x0: Any, *args: Any) -> Any:
        return optimize.minimize(
            plainly_called(fun),
            x0,
            args,
            method,
            jac,
            hess,
            hessp,
            bounds,
            constraints,
            tol,
            callback,
            options,
        )

    return _solved(run, value, value, x0, args, "minimum", linear)


def fixed_point(
    func: F,
    x0: Any,
    args: Any = (),
    xtol: float = 1e-8,
    maxiter: int = 500,
    method: str = "del2",
    *,
    linear: str = "dense",
) -> Any:
    """A fixed point of a function, with derivatives in `args`.

    func: function `(x, *args)` of NumPy's functions
    x0: number or array: where to begin; the fixed point does not depend on it
    linear: as for `dualad.implicit`
    returns: array of the shape of `x0`
    raises: when differentiated, SolverError where 1 is an eigenvalue of the Jacobian; RuntimeError without convergence

    >>> f = lambda x, a: np.cos(a * x)
    >>> round(grad(lambda a: dualad.scipy.optimize.fixed_point(f, 0.7, (a,)))(1.0), 9)
    -0.297474342
    """
    from scipy import optimize

    def solve(x0: Any, *args: Any) -> Any:
        return optimize.fixed_point(plainly_called(func), x0, args, xtol, maxiter, method)

    args = _tuple(args)
    if not _traced(x0, args):
        return solve(x0, *args)
    return implicit(lambda x, x0, *args: func(x, *args), kind="fixed_point", linear=linear)(solve)(x0, *args)


def _solved(run: F, condition: F, value: F, x0: Any, args: Any, kind: str, linear: str) -> Any:
    """What a solver of SciPy's found, as its own result object."""
    from scipy.optimize import OptimizeResult

    args, x0 = _tuple(args), operand(x0)
    if not _traced(x0, args):
        return run(x0, *args)
    kept: list[Any] = []

    def solve(x0: Any, *args: Any) -> Any:
        kept[:] = [run(x0, *args)]
        return kept[0].x

    solve.__qualname__ = run.__qualname__.partition(".")[0]
    x = implicit(lambda x, x0, *args: condition(x, *args), kind=kind, linear=linear)(solve)(x0, *args)
    # A compiled function's later calls have other counts and messages than the one that was traced.
    words = {} if _symbolic(x) else {key: kept[0][key] for key in _WORDS if key in kept[0]}
    return OptimizeResult(x=x, fun=value(x, *args), **words)


def _tuple(args: Any) -> tuple[Any, ...]:
    return args if isinstance(args, tuple) else (args,)


def _traced(*trees: Any) -> bool:
    return any(isinstance(operand(v), Tracer) for v in flatten(trees)[0])


def _symbolic(v: Any) -> bool:
    while isinstance(v, Tracer):
        if v.symbolic:
            return True
        v = v.value
    return False


def _vector(y: Any) -> Any:
    """The numbers of a result, a list of them say, as one vector."""
    parts = [np.reshape(v, (-1,)) for v in outputs(y, "the function")[0]]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
