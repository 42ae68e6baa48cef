"""Derivatives of what an equation defines: roots, fixed points, minimisers, by the implicit function theorem.

Where F(x, θ) = 0, dx = -A⁻¹ (∂F/∂θ) dθ with A = ∂F/∂x. Forward mode solves with A, reverse mode with its transpose
(Christianson 1994; Griewank and Walther 2008, chapter 15; Blondel et al. 2022), so the solver's own steps are
never differentiated. All is computed with NumPy's functions at the solution, which is itself such an operation:
derivatives of any order follow.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .custom import Call, F, Leaves, Rule, called, operation, positional, signature, within
from .derivative import grad, jvp, vjp
from .errors import ArgumentError, DtypeError, SolverError, error
from .jacobian import jacobian
from .op import is_complex, plainly
from .run import conjugated
from .select import named
from .tree import flatten, outputs, same_shapes

Residual = Callable[[Leaves, Sequence[Any]], Leaves]
KINDS = ("root", "fixed_point", "minimum")
LINEAR = ("dense", "gmres")


class Implicit(Rule):
    """The rule of a solver, from the function whose root it returns."""

    def __init__(self, condition: F, kind: str, linear: str, tolerance: float) -> None:
        self.condition, self.kind, self.linear, self.tolerance = condition, kind, linear, tolerance
        self._count, self._keywords = _taken(condition)

    def residual(self, call: Call) -> Residual:
        """The function that is zero at the solution, of the leaves of the solution and the arguments' numbers."""
        what = f"{named(self.condition)}, the condition of {named(call.f)},"

        def of(ys: Leaves, args: Sequence[Any]) -> Leaves:
            x, given = call.build(ys), call.arguments(args)[: self._count]
            keywords = {
                key: v for key, v in call.kwargs.items() if self._keywords is None or key in self._keywords
            }
            if self.kind == "minimum":
                return flatten(grad(self.condition)(x, *given, **keywords))[0]
            found, _ = outputs(self.condition(x, *given, **keywords), what)
            same_shapes(ys, found, what)
            return [y - v for y, v in zip(ys, found, strict=True)] if self.kind == "fixed_point" else found

        return of

    def push(self, call: Call, tangents: Sequence[Any], y: Sequence[Any], args: Sequence[Any]) -> Leaves:
        moving = self._moving(call, [dx is not None for dx in tangents])
        f = self.residual(call)

        def of(moved: Leaves) -> Leaves:
            return f(list(y), _replaced(args, moving, moved))

        _, moved = jvp(of, ([args[k] for k in moving],), ([tangents[k] for k in moving],))
        return self._solved(call, f, y, args, [-v for v in moved], False)

    def pull(
        self, call: Call, g: Sequence[Any], y: Sequence[Any], args: Sequence[Any], wanted: Sequence[bool]
    ) -> Leaves:
        moving = self._moving(call, wanted)
        f = self.residual(call)
        adjoint = self._solved(call, f, y, args, [-h for h in g], True)

        def of(moved: Leaves) -> Leaves:
            return f(list(y), _replaced(args, moving, moved))

        (found,) = vjp(of, [args[k] for k in moving])[1](adjoint)
        return _replaced([None] * len(args), moving, [conjugated(c) for c in found])

    def _moving(self, call: Call, flags: Sequence[bool]) -> list[int]:
        """The places of the flagged numbers, all of which the condition takes: it may read no more than some."""
        found = [k for k, flag in enumerate(flags) if flag]
        taken = call.arguments(range(len(flags)), blank=True)[: self._count]
        if not {*found} <= {*flatten(taken)[0]}:
            raise error(
                ArgumentError,
                f"{named(call.f)} has an argument in which a derivative is asked for, and which its condition "
                f"{named(self.condition)} does not take",
                "a parameter for it in the condition, also where that does not read it",
            )
        return found

    def _solved(
        self, call: Call, f: Residual, y: Sequence[Any], args: Sequence[Any], b: Leaves, transpose: bool
    ) -> Leaves:
        """Solve with the Jacobian of the residual in the solution, or with its transpose."""
        if any(map(is_complex, y)):
            raise error(
                DtypeError,
                f"{named(call.f)} returned a complex solution, of which dualad.implicit knows no derivative",
                "equations in the real and imaginary parts",
            )
        left = f(list(y), args)
        within(left, (*y, *args), f"the condition of {named(call.f)}")
        if self.linear == "gmres":
            return _by_products(call, f, y, args, b, transpose, self.tolerance)
        split = _splitter(y)
        x = _joined(y)
        a = jacobian(lambda v: _joined(f(split(v), args)))(x)
        a = a * _regular(a, _joined(left), x, name=named(call.f), tolerance=self.tolerance)
        return split(np.linalg.solve(a.T if transpose else a, _joined(b)))


def _taken(condition: F) -> tuple[int | None, frozenset[str] | None]:
    """How many of a solver's arguments a condition takes behind x, and which keywords; None for all."""
    form = signature(condition)
    if form is None:
        return None, None
    parameters, kinds = form.parameters.values(), inspect.Parameter
    several = any(p.kind is kinds.VAR_POSITIONAL for p in parameters)
    count = sum(p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD) for p in parameters) - 1
    any_keyword = any(p.kind is kinds.VAR_KEYWORD for p in parameters)
    keywords = frozenset(p.name for p in parameters if p.kind is kinds.KEYWORD_ONLY)
    return None if several else count, None if any_keyword else keywords


def _replaced(values: Sequence[Any], places: Sequence[int], others: Sequence[Any]) -> Leaves:
    found = list(values)
    for k, v in zip(places, others, strict=True):
        found[k] = v
    return found


def _joined(leaves: Sequence[Any]) -> Any:
    """All numbers as one vector."""
    parts = [np.reshape(v, (-1,)) for v in leaves]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _splitter(like: Sequence[Any]) -> Callable[[Any], Leaves]:
    """The function that gives a vector the shapes of these leaves."""
    shapes = [np.shape(v) for v in like]
    ends = np.cumsum([int(np.prod(shape, dtype=int)) for shape in shapes]).tolist()

    def split(v: Any) -> Leaves:
        starts = [0, *ends[:-1]]
        return [
            np.reshape(v[i:j], shape) if shape else v[i]
            for i, j, shape in zip(starts, ends, shapes, strict=True)
        ]

    return split


def _check(a: Any, residual: Any, x: Any, name: str, tolerance: float) -> float:
    """1, where the theorem holds at what the solver returned."""
    try:
        step = np.linalg.solve(a, residual)
        regular = np.linalg.cond(a, 1) < 1.0 / np.finfo(a.dtype).eps
    except np.linalg.LinAlgError:
        regular = False
    if not regular:
        raise error(
            SolverError,
            f"the Jacobian of the condition of {name} is singular, or not finite, at the solution, which then has no "
            "derivative by the implicit function theorem",
            "as many independent equations as unknowns; a parametrisation in which the solution is isolated",
        )
    _converged(step, x, name, tolerance)
    return 1.0


def _converged(step: Any, x: Any, name: str, tolerance: float) -> None:
    size = np.linalg.norm(step)
    if not size <= tolerance * max(1.0, float(np.linalg.norm(x))):
        raise error(
            SolverError,
            f"what {name} returned is no solution: a Newton step from there has length {size:.3g}, and tolerance is "
            f"{tolerance:g}",
            "a solver that raises where it does not converge, a smaller tolerance for it, or a condition that fits it",
        )


# A step of programs too, which checks when they run
_regular = plainly(_check, "regular Jacobian")


def _by_products(
    call: Call,
    f: Residual,
    y: Sequence[Any],
    args: Sequence[Any],
    b: Leaves,
    transpose: bool,
    tolerance: float,
) -> Leaves:
    """The solution from products with the Jacobian alone: itself defined by an equation, a linear one."""
    solve = _Products(f, named(call.f), transpose, tolerance)
    rule = Implicit(solve.equation, "root", "gmres", tolerance)
    found: Leaves = called(operation(solve), solve, rule, (b, list(y), list(args)), {})
    return found


class _Products:
    """The solver of A v = b, or of Aᵀ v = b, for the Jacobian A of a residual."""

    def __init__(self, f: Residual, name: str, transpose: bool, tolerance: float) -> None:
        self.f, self.transpose, self.tolerance, self.__qualname__ = f, transpose, tolerance, name

    def product(self, v: Leaves, y: Leaves, args: Leaves) -> Leaves:
        of = lambda ys: self.f(ys, args)  # noqa: E731
        if self.transpose:
            return list(vjp(of, y)[1](v)[0])
        return list(jvp(of, (y,), (v,))[1])

    def equation(self, v: Leaves, b: Leaves, y: Leaves, args: Leaves) -> Leaves:
        return [p - h for p, h in zip(self.product(v, y, args), b, strict=True)]

    def __call__(self, b: Leaves, y: Leaves, args: Leaves) -> Leaves:
        try:
            from scipy.sparse.linalg import LinearOperator, gmres
        except ImportError as missing:
            raise ImportError("linear='gmres' needs SciPy: pip install dualad[sparse]") from missing

        split, right = _splitter(y), _joined(b)
        n = right.size
        a = LinearOperator(
            (n, n), lambda v: _joined(self.product(split(v.ravel()), y, args)), dtype=right.dtype
        )
        # As exact as rounding lets it be: a derivative is not to add an error of its own.
        eps = float(np.finfo(right.dtype).eps)
        found, _ = gmres(a, right, rtol=8 * eps, atol=0.0, restart=min(n, 50), maxiter=20 * n)
        # Its own word for it compares an estimate: products with the solution decide.
        off, size = np.linalg.norm(a @ found - right), np.linalg.norm(right)
        if not off <= eps**0.5 * size:
            raise error(
                SolverError,
                f"gmres did not solve for the derivative of {self.__qualname__}: its residual is {off:.3g}, for a "
                f"right-hand side of length {size:.3g}; the Jacobian may be singular at the solution",
                "linear='dense'; or a condition with a better conditioned Jacobian",
            )
        return split(found)


def implicit(
    condition: F, *, kind: str = "root", linear: str = "dense", tolerance: float = 1e-3
) -> Callable[[F], F]:
    """Decorator: a solver, differentiated by the equation that its result satisfies, whatever it does to find it.

    The solver is called with plain values; a compiled function has it as one step. Derivatives are by the implicit
    function theorem at the solution, in both modes, nested to any order, with the Jacobian of the equation computed
    and factorised once for many directions (Christianson 1994; Griewank and Walther 2008, chapter 15; Blondel et al.
    2022).

    condition: function `(x, *arguments)` of a solution and of the solver's arguments, or the first ones of them, in
        NumPy's functions: what is zero at the solution ('root'), what equals `x` ('fixed_point'), or the scalar that is
        stationary ('minimum')
    kind: 'root', 'fixed_point' or 'minimum'
    linear: 'dense', or 'gmres' for products with the Jacobian only, by SciPy (Saad and Schultz 1986), which notices
        a singular Jacobian only where the linear equations have no solution
    tolerance: the longest Newton step, relative to x where that is longer than 1, with which what the solver returns
        counts as a solution; checked when derivatives are taken, with 'dense'
    returns: a decorator of functions of numbers, arrays and nested containers of them, and of anything else, in which
        there is no derivative; what they return, `x`, may be nested too
    raises: when differentiated, SolverError where the Jacobian is singular or `x` is no solution; ShapeError where
        the condition has another structure than `x`; ArgumentError where solver or condition read traced values
        that are not among the arguments, and for derivatives in an argument that the condition does not take

    >>> def newton(a):
    ...     x = 2.5
    ...     for _ in range(10):
    ...         x = (x + a / x) / 2
    ...     return x
    >>> root = implicit(lambda x, a: x**2 - a)(newton)
    >>> grad(root)(4.0), float(derivative(root, n=2)(4.0))
    (0.25, -0.03125)
    """
    for value, known, name in ((kind, KINDS, "kind"), (linear, LINEAR, "linear")):
        if value not in known:
            raise error(ArgumentError, f"{name}={value!r}", f"one of {', '.join(map(repr, known))}")
    rule = Implicit(condition, kind, linear, tolerance)

    def decorate(solve: F) -> F:
        op, form = operation(solve), signature(solve)

        @functools.wraps(solve)
        def solved(*args: Any, **kwargs: Any) -> Any:
            return called(op, solve, rule, *positional(form, args, kwargs))

        return solved

    return decorate
