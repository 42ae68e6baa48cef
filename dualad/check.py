"""Checking derivatives against differences, for users' own rules and functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .derivative import jvp, vjp
from .errors import GradientError
from .op import is_complex
from .select import named
from .tree import flatten, inputs


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

    Forward mode is compared with central differences extrapolated to fourth order (Richardson 1911), reverse
    mode with forward mode by ⟨g, push(v)⟩ = ⟨pull(g), v⟩. Higher orders repeat this on the derivatives.

    args: the arguments of `f`: floating-point numbers, arrays or nested containers of them
    order: highest order of derivative to check
    modes: 'forward', 'reverse' or both
    rtol, atol: tolerances, relative to the size of the derivative along the direction, and absolute
    seed: of the random directions
    raises: GradientError, which says which mode and order is off, and by how much

    >>> check_grads(lambda x: np.sum(np.sin(x) ** 2), (np.array([0.5, 1.5]),))
    """
    _check(f, tuple(args), order, tuple(modes), rtol, atol, np.random.default_rng(seed), 1, named(f))


def _check(
    f: Callable[..., Any],
    args: tuple[Any, ...],
    order: int,
    modes: tuple[str, ...],
    rtol: float,
    atol: float,
    rng: np.random.Generator,
    depth: int,
    name: str,
) -> None:
    leaves, rebuild = inputs(args, f"the arguments of {name}")
    v = [_random(rng, x) for x in leaves]
    y, dy = jvp(f, args, rebuild(v))
    results, moved = flatten(y)[0], flatten(dy)[0]
    g = [_random(rng, r) for r in results]
    along = _dot(g, moved)
    if "forward" in modes:
        # Differences in the direction g of the results, so that one number stands for all of them.
        line = _line(f, leaves, rebuild, v, g)
        _compare(along, _difference(line), rtol, atol, f"{name}: forward mode, order {depth}", "differences")
    if "reverse" in modes:
        _, pullback = vjp(f, *args)
        back = _dot(flatten(pullback(flatten(y)[1](g)))[0], v)
        _compare(back, along, rtol, atol, f"{name}: reverse mode, order {depth}", "forward mode")
    if depth < order:
        if "forward" in modes:
            _check(
                lambda *a: jvp(f, a, rebuild(v))[1],
                args,
                order,
                modes,
                rtol,
                atol,
                rng,
                depth + 1,
                f"jvp of {name}",
            )
        if "reverse" in modes:
            rebuild_y = flatten(y)[1]
            _check(
                lambda *a: vjp(f, *a)[1](rebuild_y(g)),
                args,
                order,
                modes,
                rtol,
                atol,
                rng,
                depth + 1,
                f"vjp of {name}",
            )


def _random(rng: np.random.Generator, x: Any) -> Any:
    r = rng.uniform(0.5, 1.5, np.shape(x)) * rng.choice([-1.0, 1.0], np.shape(x))
    if is_complex(x):
        r = r + 1j * rng.uniform(0.5, 1.5, np.shape(x))
    return float(r) if type(x) is float else np.asarray(r, x.dtype)[()]


def _dot(a: Sequence[Any], b: Sequence[Any]) -> float:
    return float(sum(np.sum(np.real(np.conj(x) * y)) for x, y in zip(a, b, strict=True)))


def _line(
    f: Any, leaves: Sequence[Any], rebuild: Any, v: Sequence[Any], g: Sequence[Any]
) -> Callable[[float], float]:
    def at(t: float) -> float:
        moved = rebuild(
            [
                x + t * dx if type(x) is float else x + x.dtype.type(t) * dx
                for x, dx in zip(leaves, v, strict=True)
            ]
        )
        return _dot(g, flatten(f(*moved))[0])

    return at


def _difference(line: Callable[[float], float]) -> float:
    h = 1e-3
    coarse, fine = (line(2 * h) - line(-2 * h)) / (4 * h), (line(h) - line(-h)) / (2 * h)
    return fine + (fine - coarse) / 3


def _compare(found: float, expected: float, rtol: float, atol: float, what: str, other: str) -> None:
    error = abs(found - expected)
    if not error <= atol + rtol * abs(expected):  # also where either is NaN
        raise GradientError(
            f"{what} gives {found!r} along a random direction, {other} give {expected!r}: off by {error:.3g}"
        )
