"""Declarations of functions with parameters that have no derivative, such as the order of a Bessel function.

Not differentiating an argument (`None` for a rule) would be a silent zero where it is traced: here it raises.
"""

from typing import Any

import numpy as np

from ...errors import KeywordError, error, name_of
from ...op import Composite, Op, Tracer, register
from ..batching import aligned


def parametric(fn: Any, *rules: Any, kind: str = "elementwise", examples: Any = None) -> None:
    """Declare a ufunc as `elementwise` does; a text in place of a rule names a parameter without derivative.

    A traced value there raises, at the call and so with the user's line, in every mode.
    """
    active = [None if isinstance(r, str) else r for r in rules]
    op = Op(
        kind,
        fn if fn.nout == 1 else floats(fn),
        active,
        name=name_of(fn).lstrip("_"),
        batch=aligned if kind == "general" else None,
    )
    names = {i: r for i, r in enumerate(rules) if isinstance(r, str)}

    def checked(*args: Any) -> Any:
        for i, name in names.items():
            if i < len(args) and isinstance(args[i], Tracer):
                raise error(
                    KeywordError,
                    f"{op.name} has no derivative with respect to {name}",
                    f"dualad.primal({name.partition(',')[0]}), if that derivative is not wanted",
                )
        return op(*args)

    register(Composite(fn, checked, examples), fn)


def several(ufunc: Any, push: Any, examples: Any) -> None:
    """Declare a ufunc of one argument and several results by its pushforward."""
    register(
        Op("general", floats(ufunc), [push], name=name_of(ufunc), batch=aligned, examples=examples), ufunc
    )


def like(y: Any, x: Any) -> Any:
    """A result of np.where with the precision of `x`, and a scalar for scalars."""
    return y.astype(x.dtype, copy=False)[()] if isinstance(x, (np.ndarray, np.floating)) else y[()]


def floats(ufunc: Any) -> Any:
    """A ufunc of several results that gives Python floats for Python numbers."""

    def compute(*args: Any) -> Any:
        y = ufunc(*args)
        return tuple(map(float, y)) if all(type(a) in (float, int) for a in args) else y

    return compute


class with_parameters:
    """Examples: integer parameters, which the generated tests leave as they are, before the domains of the rest."""

    def __init__(self, parameters: Any, *domains: Any, spread: bool = True) -> None:
        self.parameters, self.domains, self.spread = parameters, domains, spread

    def __call__(self, rng: np.random.Generator) -> list[Any]:
        found: list[Any] = []
        for shape in ((), (3,), (2, 3)):
            drawn = [d.draw(rng, shape) for d in self.domains]
            found.append(((*self.parameters, *drawn), {}))
        if not self.spread:
            return found
        k = np.arange(3)
        spread = [np.asarray(p + k) for p in self.parameters]
        drawn = [d.draw(rng, (2, 3)) for d in self.domains]
        return [*found, ((*spread, *drawn), {})]
