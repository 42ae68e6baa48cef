"""Checking derivatives against values, for users' own rules and functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .comparison import Comparison, Tolerance, told
from .derivative import jvp, vjp
from .errors import ArgumentError, GradientError, error
from .op import is_complex
from .run import conjugated
from .select import named
from .suspects import accused
from .tree import Rebuild, flatten, inputs


def check_grads(
    f: Callable[..., Any],
    args: Sequence[Any],
    order: int = 2,
    modes: Sequence[str] = ("forward", "reverse"),
    rtol: float = 1e-6,
    atol: float = 1e-6,
    seed: int = 0,
) -> None:
    """Check the derivatives of `f` at a point, along random directions, in both modes.

    Both are compared with the complex step where it can be trusted, which it can where `f` takes complex numbers and
    differences bear it out (Squire and Trapp 1998; Martins, Sturdza and Alonso 2003), and else with extrapolated
    differences (Richardson 1911; Ridders 1982), as far as these are accurate. Higher orders repeat this on the
    derivatives. Where a derivative is off, every operation is checked by itself at the values it met, so that the
    error names the one whose rule is wrong, or the line where a derivative was lost.

    args: the arguments of `f`: floating-point numbers, arrays or nested containers of them
    order: highest order of derivative to check
    modes: 'forward', 'reverse' or both
    rtol, atol: tolerances, relative to the size of the derivative along the direction, and absolute
    seed: of the random directions
    raises: GradientError, which says which mode and order is off, by how much, and for which operation; or that `f`
        is not differentiable here, or that its values are too rough to tell; ArgumentError for another order or mode

    >>> check_grads(lambda x: np.sum(np.sin(x) ** 2), (np.array([0.5, 1.5]),))
    """
    if order < 1 or not modes or isinstance(modes, str) or not set(modes) <= {"forward", "reverse"}:
        raise error(
            ArgumentError,
            f"check_grads cannot check order={order!r} by modes={modes!r}",
            "order=1 or more, modes=('forward', 'reverse') or one of them, as a tuple",
        )
    leaves, rebuild = inputs(tuple(args), f"the arguments of {named(f)}")
    rng = np.random.default_rng(seed)
    _check(f, leaves, rebuild, order, tuple(modes), Tolerance(rtol, atol), rng, 1, named(f))


def _check(
    f: Callable[..., Any],
    leaves: Sequence[Any],
    rebuild: Rebuild,
    order: int,
    modes: tuple[str, ...],
    tolerance: Tolerance,
    rng: np.random.Generator,
    depth: int,
    name: str,
) -> None:
    here = Comparison(f, leaves, rebuild, modes, tolerance, rng)
    if here.mismatches:
        problems = [f"{name}, order {depth}: {sentence}" for sentence in told(here.mismatches)]
        found = accused(f, leaves, rebuild, here, modes, tolerance, rng)
        raise error(GradientError, "\n".join([*problems, *found.problems]), found.fix, line=found.line)
    if depth == order:
        return
    v, g = rebuild(here.v), here.rebuild_y(here.g)
    derived: dict[str, Callable[..., Any]] = {
        "forward": lambda *a: jvp(f, a, v)[1],
        "reverse": lambda *a: _continued(vjp(f, *a)[1](g), a, leaves),
    }
    for mode in modes:
        of = f"{'jvp' if mode == 'forward' else 'vjp'} of {name}"
        _check(derived[mode], leaves, rebuild, order, modes, tolerance, rng, depth + 1, of)


def _continued(pulled: Any, args: Any, leaves: Sequence[Any]) -> Any:
    """Cotangents for the complex step, where real leaves have become complex: the pullback without its conjugates."""
    if any(is_complex(x) for x in leaves) or not any(is_complex(x) for x in flatten(args)[0]):
        return pulled
    found, build = flatten(pulled)
    return build([*map(conjugated, found)])
