"""The twin of `scipy.integrate.solve_ivp`: initial value problems, with derivatives in all that they depend on.

SciPy's solver chooses the steps, on plain values; the same steps are then taken on traced ones. So derivatives are
those of the numbers that were computed, with the steps as they were: forward mode carries sensitivities along, and
reverse mode is the discrete adjoint (Hairer, Nørsett and Wanner 1993, II.6; Sandu 2006), which keeps states by the
binomial schedule (Griewank and Walther 2000). Derivatives in times are those of the equation: no step changes its
length.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError, KeywordError, SolverError, error
from ..free import opened
from ..jacobian import jacobian
from ..op import Tracer, is_complex, primal
from ..scan import is_symbolic
from ..tape import Var
from ..tracer import operand
from ..tree import flatten
from .arguments import plainly_called, traced
from .opaque import opaque
from .steps import Collocation, Formula, Slope, collocation, explicit

F = Callable[..., Any]
# The methods whose steps can be taken on traced values
_STEPS = ("RK23", "RK45", "DOP853", "Radau")
# Those that ask for a Jacobian, and the options that say which
_IMPLICIT = ("Radau", "BDF", "LSODA")
_STRUCTURE = ("jac_sparsity", "lband", "uband")
_NO = "dualad.scipy.integrate.solve_ivp has no derivatives"


def solve_ivp(
    fun: F,
    t_span: Any,
    y0: Any,
    method: Any = "RK45",
    t_eval: Any = None,
    dense_output: bool = False,
    events: Any = None,
    vectorized: bool = False,
    args: Any = None,
    *,
    snapshots: int | None = None,
    **options: Any,
) -> Any:
    """Solution of y' = fun(t, y) from y0 on, with derivatives in y0, `args`, times, and what `fun` reads from outside.

    SciPy solves on plain values, the implicit methods with an exact Jacobian where none is given. Derivatives are those
    of its steps, by 'RK23', 'RK45', 'DOP853' (Hairer, Nørsett and Wanner 1993) or, for stiff problems, 'Radau' (Hairer
    and Wanner 1996), and so as accurate as its solution. In a time, an end of `t_span` or a point of `t_eval`, they are
    those of the equation: `fun` there.

    fun: function `(t, y, *args)` of NumPy's functions, returning y' for a `y` of shape (n,)
    t_span: two numbers; y0: array of shape (n,), real or complex as the method takes it
    events: for plain values only
    snapshots: how many states reverse mode keeps on the way from one point of `t_eval` to the next, and computes the
        others again from these; None for all, or the square root of all where 64 MiB do not hold them
    options: `rtol`, `atol`, `max_step`, `first_step`, `jac` and others of SciPy's; `jac=False` for its differences
    returns: SciPy's result; where something is traced, with `y`, the function `sol`, and times of `t` traced. In
        compiled functions, which need `t_eval`, with `t` and `y` alone
    raises: where something is traced, KeywordError for events and other methods, SolverError where the solver fails

    >>> f = lambda k: dualad.scipy.integrate.solve_ivp(lambda t, y: -k * y, (0.0, 1.0), [2.0], rtol=1e-9, atol=1e-9)
    >>> round(grad(lambda k: f(k).y[0, -1])(0.5), 6), round(-2.0 * np.exp(-0.5).item(), 6)
    (-1.213061, -1.213061)
    """
    _refuse_options(options)
    outside, closed = opened(fun)
    flat, rebuild = flatten((t_span, y0, t_eval, args))
    flat = [operand(v) for v in flat]
    moving = [v for v in (*flat, *outside) if isinstance(v, Tracer)]
    hidden = [v for event in flatten(events)[0] for v in opened(event)[0]]
    how = {"vectorized": vectorized, **options}
    if not moving and not hidden:
        how |= {"t_eval": t_eval, "dense_output": dense_output, "events": events}
        result = _solved(fun, t_span, y0, args, method, how)
        if result.sol is not None:
            from .trajectory import Trajectory

            result.sol = Trajectory(result.sol, _slope(fun, vectorized, args))
        return result
    _refuse(method, events, snapshots)
    if any(map(is_symbolic, moving)):
        return _called(closed, rebuild(flat), outside, method, dense_output, {**how, "snapshots": snapshots})
    t_span, y0, points, numbers = rebuild([primal(v) for v in flat])
    steps: list[tuple[float, Any]] = []
    fixed, how["t_eval"] = closed([primal(v) for v in outside]), points
    result = _solved(fixed, t_span, y0, numbers, _recorded(method, steps), how)
    _succeeded(result)
    times = [float(t_span[0]), *[t for t, _ in steps]]
    stages = [z for _, z in steps] if _name(method) == "Radau" else None
    t_span, y0, t_eval, args = rebuild(flat)
    grid = _grid(_slope(fun, vectorized, args), _class(method), times, stages, moving, snapshots)
    y0 = operand(y0)
    y0 = y0.astype(complex if is_complex(y0) else float)
    result.t, result.y, result.sol = grid.replayed(t_span, y0, t_eval, dense_output)
    return result


def _grid(
    slope: Slope, solver: Any, times: list[float], stages: Any, moving: Sequence[Any], snapshots: int | None
) -> Any:
    """The solver's steps, to be taken on traced values."""
    from .trajectory import Grid

    outside, closed = opened(slope)
    rule = Collocation(closed)

    def made(values: Sequence[Any]) -> Formula:
        if stages is not None:
            return collocation(rule, values, stages, times)
        return explicit(closed(values), solver, times)

    return Grid(made, outside, slope, times, any(map(_is_taped, moving)), snapshots)


def _refuse_options(options: dict[str, Any]) -> None:
    """Raise for numbers that are the solver's own."""
    for key, v in options.items():
        if key != "jac" and traced(*map(operand, flatten(v)[0])):
            raise error(KeywordError, f"{_NO} in {key}", f"{key}=dualad.primal({key})")


def _refuse(method: Any, events: Any, snapshots: int | None) -> None:
    """Raise for what has no derivatives."""
    if snapshots is not None and snapshots < 1:
        raise error(ArgumentError, f"{_NO} with snapshots={snapshots}", "1 or more")
    if events is not None:
        raise error(
            KeywordError,
            f"{_NO} with events, whose times would need their own",
            "with plain values the time t of the event; without events the state there, y; then the time is "
            "t - g(t, y) / dualad.primal(dg/dt), one step of Newton's method, to give to t_span",
        )
    name = _name(method)
    if name not in _STEPS:
        raise error(
            KeywordError,
            f"{_NO} with method={name!r}"
            + (", whose steps depend on those before" if name in _IMPLICIT else ""),
            "method='Radau', for stiff problems, or 'RK23', 'RK45' or 'DOP853'",
        )


def _class(method: Any) -> Any:
    """The solver class of a method."""
    from scipy import integrate

    return method if isinstance(method, type) else getattr(integrate, method)


def _name(method: Any) -> str:
    """The name of a method: of a class its module too, unless it is SciPy's own."""
    if not isinstance(method, type):
        return str(method)
    own = method.__module__.startswith("scipy.")
    return method.__name__ if own else f"{method.__module__}.{method.__qualname__}"


def _recorded(method: Any, steps: list[tuple[float, Any]]) -> Any:
    """A solver class that writes down where its steps end, and the stages that an implicit one has found."""
    base = _class(method)

    class Recorded(base):  # type: ignore[misc, valid-type]
        def _step_impl(self) -> Any:
            done = super()._step_impl()
            if done[0]:
                steps.append((float(self.t), getattr(self, "Z", None)))
            return done

    Recorded.__name__, Recorded.__module__ = base.__name__, base.__module__
    return Recorded


def _solved(fun: F, t_span: Any, y0: Any, args: Any, method: Any, how: dict[str, Any]) -> Any:
    """SciPy's result, on plain values."""
    from scipy.integrate import solve_ivp

    jac = how.pop("jac", None)
    if callable(jac):
        outside, closed = opened(jac)
        how["jac"] = plainly_called(closed([primal(v) for v in outside]))
    elif jac is not None and jac is not False:
        how["jac"] = primal(operand(jac))
    elif (
        jac is None and _name(method) in _IMPLICIT and not any(how.get(key) is not None for key in _STRUCTURE)
    ):
        exact = how | {"jac": _exact(fun, how["vectorized"])}
        if not is_complex(np.asarray(y0)):
            try:
                return solve_ivp(plainly_called(fun), t_span, y0, method, args=args, **exact)
            except _InexactError:
                pass
    return solve_ivp(plainly_called(fun), t_span, y0, method, args=args, **how)


class _InexactError(Exception):
    """A function has no exact Jacobian, as it takes no traced values, or is not smooth there: SciPy can do without."""


def _exact(fun: F, vectorized: bool) -> F:
    """The Jacobian of a function."""

    def jac(t: Any, y: Any, *args: Any) -> Any:
        try:
            with np.errstate(all="ignore"):
                found = jacobian(lambda v: _slope(fun, vectorized, args)(t, v))(y)
        except Exception as problem:  # of any library that the function calls
            raise _InexactError from problem
        if not np.all(np.isfinite(found)):
            raise _InexactError
        return found

    return jac


def _slope(fun: F, vectorized: bool, args: Any) -> Slope:
    """The function of SciPy's, as an array of the state's shape and dtype, whatever it returns."""
    rest = () if args is None else tuple(args)

    def slope(t: Any, y: Any) -> Any:
        found = operand(fun(t, y[:, None] if vectorized else y, *rest))
        if vectorized:
            found = np.reshape(found, (-1,))
        if np.shape(found) != np.shape(y):
            found = np.broadcast_to(found, np.shape(y))
        return found if found.dtype == y.dtype else found.astype(y.dtype)

    return slope


def _succeeded(result: Any) -> None:
    if not result.success:
        raise error(
            SolverError,
            f"dualad.scipy.integrate.solve_ivp failed, and has no derivatives: {result.message}",
            "a shorter t_span, or method='Radau' for a stiff problem; the result on plain values says how far it came",
        )


def _is_taped(v: Any) -> bool:
    """Whether reverse mode records what is done with a value, at some level."""
    while isinstance(v, Tracer):
        if isinstance(v, Var) or _is_taped(getattr(v, "tangent", None)):
            return True
        v = v.value
    return False


def _called(
    closed: Callable[[Sequence[Any]], F],
    given: Any,
    outside: Sequence[Any],
    method: Any,
    dense_output: bool,
    how: dict[str, Any],
) -> Any:
    """The solution as one step of the program that is being written, which knows the shape of its result."""
    from scipy.optimize import OptimizeResult

    if given[2] is None or dense_output:
        raise error(
            KeywordError,
            "dualad.scipy.integrate.solve_ivp was called in a compiled function "
            + (
                "with dense_output=True"
                if dense_output
                else "without t_eval, and takes as many steps as it needs"
            ),
            "t_eval=, the times at which the solution is wanted: t_eval=[t1] for its end",
        )

    def solve(given: Any, outside: Sequence[Any]) -> Any:
        t_span, y0, t_eval, args = given
        result = solve_ivp(closed(outside), t_span, y0, method, t_eval, args=args, **how)
        _succeeded(result)
        return result.y

    solve.__qualname__ = "solve_ivp"
    return OptimizeResult(t=operand(given[2]), y=opaque(solve)(given, list(outside)))
