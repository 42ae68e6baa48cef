"""Example arguments of the operations: what the tests are generated from.

An op's `examples` is a function of a `numpy.random.Generator` that returns cases `(args, keywords)`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Case = tuple[tuple[Any, ...], dict[str, Any]]
Examples = Callable[["np.random.Generator"], list[Case]]
SHAPES = ((), (3,), (2, 3))
PAIRS = (((), ()), ((3,), (3,)), ((2, 3), (3,)), ((), (2, 3)), ((2, 1), (1, 3)))


class points:
    """A real domain from `lo` to `hi`, or, if `signed`, with either sign; as examples, of one argument."""

    def __init__(self, lo: float, hi: float, signed: bool = False) -> None:
        self.lo, self.hi, self.signed = lo, hi, signed

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        x = rng.uniform(self.lo, self.hi, shape)
        x = np.asarray(x * rng.choice([-1.0, 1.0], shape) if self.signed else x)
        return x if shape else float(x)

    def __call__(self, rng: np.random.Generator) -> list[Case]:
        return [((self.draw(rng, shape),), {}) for shape in SHAPES]


class pairs:
    """Two arguments, each from its domain, in shapes that broadcast."""

    def __init__(self, first: points, second: points) -> None:
        self.first, self.second = first, second

    def __call__(self, rng: np.random.Generator) -> list[Case]:
        return [((self.first.draw(rng, s), self.second.draw(rng, t)), {}) for s, t in PAIRS]


def arrays(*calls: tuple[Any, ...], lo: float = -2.0, hi: float = 2.0, complex: bool = False) -> Examples:
    """Cases from shapes: each call is `(shape, …, {keywords})`; a `list` of shapes is a list of arrays."""

    def draw(rng: np.random.Generator, shape: Any) -> Any:
        if isinstance(shape, list):
            return [draw(rng, s) for s in shape]
        if not isinstance(shape, tuple):
            return shape
        x = rng.uniform(lo, hi, shape)
        return x + 1j * rng.uniform(lo, hi, shape) if complex else x

    def cases(rng: np.random.Generator) -> list[Case]:
        found = []
        for call in calls:
            keywords = call[-1] if isinstance(call[-1], dict) else {}
            shapes = call[:-1] if isinstance(call[-1], dict) else call
            found.append((tuple(draw(rng, shape) for shape in shapes), keywords))
        return found

    return cases


def complexes(*calls: tuple[Any, ...]) -> Examples:
    """Cases from shapes, as `arrays` has them, of complex arrays."""
    return arrays(*calls, complex=True)


def taken(fn: Callable[..., Any], *calls: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Those of the calls whose keywords this version of NumPy knows."""
    code = getattr(fn, "_implementation", fn).__code__  # the inspect module takes long to import
    known = {*code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]}
    return [call for call in calls if not isinstance(call[-1], dict) or call[-1].keys() <= known]


# For reductions: elements to leave out, and where to begin. Every row keeps some.
MASK = np.array([[True, False, True], [True, True, False]])
WIDER: dict[str, Any] = {"dtype": np.longdouble}
