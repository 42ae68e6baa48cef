"""Twins of functions of `scipy.integrate`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..custom import Call, Leaves, Rule, called, operation
from ..derivative import jvp, vjp
from ..errors import DtypeError, KeywordError, error
from ..op import Tracer, is_complex, primal
from ..tracer import operand
from ..tree import flatten
from .arguments import plainly_called
from .ivp import solve_ivp

__all__ = ["quad", "solve_ivp"]
F = Callable[..., Any]
# SciPy's default for both tolerances
_EPSILON = 1.49e-8


def quad(func: F, a: Any, b: Any, args: Any = (), full_output: int = 0, **options: Any) -> tuple[Any, Any]:
    """Integral of a function from `a` to `b`, with derivatives in the limits and in `args`.

    The derivative in a parameter is the integral of the derivative, and in a limit the integrand there (Leibniz's
    rule). Each is integrated adaptively to the same tolerances, all parameters of a gradient as one vector.

    func: function `(t, *args)` of NumPy's functions, returning a number
    a, b: numbers, infinite ones too
    options: `epsabs`, `epsrel`, `limit` and `points`; for plain arguments all of SciPy's
    returns: the integral, and SciPy's estimate of its error, a plain number
    raises: KeywordError for other options where an argument is traced; DtypeError for complex arguments

    >>> f = lambda t, c: np.exp(-c * t)
    >>> grad(lambda c: dualad.scipy.integrate.quad(f, 0.0, np.inf, (c,))[0])(2.0).__round__(9)
    -0.25
    """
    from scipy import integrate

    args = args if isinstance(args, tuple) else (args,)
    leaves = [operand(v) for v in flatten((a, b, args))[0]]
    given = [*leaves, *map(operand, flatten(options)[0])]
    if not any(isinstance(v, Tracer) for v in given):
        return integrate.quad(plainly_called(func), a, b, args, full_output, **options)  # type: ignore[no-any-return]
    wrong = sorted(
        {"full_output"} if full_output else options.keys() - {"epsabs", "epsrel", "limit", "points"}
    )
    wrong += [key for key, v in options.items() if any(isinstance(x, Tracer) for x in flatten(v)[0])]
    if wrong:
        raise error(
            KeywordError,
            f"dualad.scipy.integrate.quad has no derivatives with {wrong[0]}=, or in it",
            f"a call without {wrong[0]}=",
        )
    if any(map(is_complex, leaves)):
        raise error(
            DtypeError,
            "dualad.scipy.integrate.quad has no derivatives for complex arguments",
            "real and imaginary parts as arguments and integrals of their own",
        )
    value, off = _integrated(func, [_number(a), _number(b)], args, options, False)
    return value, primal(off)


def _number(v: Any) -> Any:
    """A limit, of which there is a derivative even where it is an integer."""
    v = operand(v)
    return float(v) if isinstance(v, (int, np.integer)) else v


def _integrated(func: F, limits: Leaves, args: tuple[Any, ...], options: dict[str, Any], vector: bool) -> Any:
    from scipy import integrate

    def run(a: Any, b: Any, *args: Any) -> Any:
        if not vector:
            return integrate.quad(plainly_called(func), a, b, args, **options)
        wanted = {"epsabs": _EPSILON, "epsrel": _EPSILON, **options}
        value, off, info = integrate.quad_vec(lambda t: func(t, *args), a, b, full_output=True, **wanted)
        if not info.success:  # as quad says it
            message = f"a derivative of quad: {info.message}"
            warnings.warn(message, integrate.IntegrationWarning, stacklevel=2)
        return value, float(off)

    run.__qualname__ = "quad"
    return called(operation(run), run, _Integral(func, options), (*limits, *args), {})


class _Integral(Rule):
    """Differentiation under the integral sign (Leibniz). The function may return a vector."""

    def __init__(self, func: F, options: dict[str, Any]) -> None:
        self.func, self.options = func, options

    def _at(self, call: Call, t: Any, args: Sequence[Any]) -> Any:
        """The integrand at a limit; what converges is nothing at an infinite one."""
        return 0.0 if np.isinf(t) else self.func(t, *call.arguments(args)[2:])

    def _of(self, call: Call, args: Sequence[Any], places: Sequence[int]) -> F:
        """The integrand as a function of some of the parameters' numbers."""

        def of(t: Any, values: Sequence[Any], moved: Sequence[Any]) -> Any:
            full = [*args[:2], *values]
            for k, v in zip(places, moved, strict=True):
                full[k] = v
            return self.func(t, *call.arguments(full)[2:])

        return of

    def push(self, call: Call, tangents: Sequence[Any], y: Sequence[Any], args: Sequence[Any]) -> Leaves:
        terms = [
            sign * (self._at(call, args[k], args) * tangents[k])
            for k, sign in ((0, -1.0), (1, 1.0))
            if tangents[k] is not None
        ]
        places = [k for k, dx in enumerate(tangents) if k > 1 and dx is not None]
        if places:
            of = self._of(call, args, places)

            def slope(t: Any, values: Leaves, moving: Leaves) -> Any:
                at = [values[k - 2] for k in places]
                return jvp(lambda moved: of(t, values, moved), (at,), (moving,))[1]

            given = (list(args[2:]), [tangents[k] for k in places])
            terms.append(_integrated(slope, list(args[:2]), given, self.options, bool(np.ndim(y[0])))[0])
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return [total, None]

    def pull(
        self, call: Call, g: Sequence[Any], y: Sequence[Any], args: Sequence[Any], wanted: Sequence[bool]
    ) -> Leaves:
        found: Leaves = [None] * len(args)
        for k, sign in ((0, -1.0), (1, 1.0)):
            if wanted[k]:
                found[k] = sign * np.sum(g[0] * self._at(call, args[k], args))
        places = [k for k, on in enumerate(wanted) if k > 1 and on]
        if places:
            of = self._of(call, args, places)

            def slopes(t: Any, values: Leaves, cotangent: Any) -> Any:
                at = [values[k - 2] for k in places]
                back = vjp(lambda moved: of(t, values, moved), at)[1](cotangent)[0]
                return np.concatenate([np.reshape(c, (-1,)) for c in back])

            whole = _integrated(slopes, list(args[:2]), (list(args[2:]), g[0]), self.options, True)[0]
            start = 0
            for k in places:
                shape = np.shape(args[k])
                stop = start + int(np.prod(shape, dtype=int))
                found[k] = np.reshape(whole[start:stop], shape) if shape else whole[start]
                start = stop
        return found
