"""Predictions of what Jacobians and Hessians cost by every way there is, from counts at a point."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .blocks import CHUNK_BYTES
from .compressed import size_of
from .derivative import F
from .errors import ArgumentError, DualadError, TraceError
from .explain import Explanation, Prices, Way
from .model import Price, composed, price
from .op import Tracer, is_complex
from .paying import pays
from .plan import Plan
from .planning import real_only
from .run import Recording
from .select import Argnums, Selected, named
from .sparse import hessian_plan, jacobian_plan

# Inputs from which reverse over reverse mode, whose tape keeps no directions, is the faster Hessian; and elements that
# an operation computes for all directions from which counting takes a tenth of the time
MANY, ELEMENTS = 300, 2**22
FULL = 2**20  # entries that a pattern may have before it matters whether it is full
COMPOSITIONS = (
    "forward-over-reverse",
    "reverse-over-reverse",
    "forward-over-forward",
    "reverse-over-forward",
)


class Prediction:
    """What the derivatives of a function cost by every way, the cheapest first: it prints itself.

    jacobian: an `Explanation`, with `rows` and the `winner`
    hessian: another, of a scalar function; None of others

    >>> p = predict(np.tanh, np.ones(1000))
    >>> p.jacobian.winner, p.hessian
    ('sparse, by column', None)
    """

    def __init__(self, jacobian: Explanation, hessian: Explanation | None) -> None:
        self.jacobian, self.hessian = jacobian, hessian

    def __repr__(self) -> str:
        return "\n\n".join(repr(table) for table in (self.jacobian, self.hessian) if table is not None)


def predict(f: F, *args: Any, argnums: Argnums = 0, **kwargs: Any) -> Prediction:
    """Rank the ways to the Jacobian of a function, and to the Hessian of a scalar one, by predicted cost.

    The sweeps are counted with two and three directions, vectorised and in chunks as they will run, and drawn out to
    all directions. Operations by kind, calls and bytes are counted exactly; a model with constants that were fitted to
    measured times once makes seconds of them, so that predictions are the same on every machine. They are there to
    compare ways: how long one takes on your machine they tell roughly.

    f: function of real arrays, or nested containers of them, returning the same
    args, kwargs: its arguments at a point
    argnums: as for `jacobian`
    returns: a `Prediction`: `.jacobian.winner` and `.hessian.winner` name the cheapest modes, `.jacobian.rows` has the
        numbers. For sparse ways it is a call of a plan that is predicted (`sparse_jacobian`), not its making
    raises: DtypeError for complex arguments

    >>> p = predict(lambda x: np.sum((x[1:] - x[:-1] ** 2) ** 2), np.ones(500))
    >>> p.jacobian.winner, p.hessian.winner
    ('reverse', 'sparse, by symmetric')
    """
    jacobian = jacobian_ways(f, args, kwargs, argnums)
    chosen = Selected(f, argnums, args, kwargs)
    with Recording(f, chosen.call, chosen.leaves) as run:
        scalar = len(run.values) == 1 and np.shape(run.values[0]) == ()
    return Prediction(jacobian, hessian_ways(f, args, kwargs, argnums) if scalar else None)


def jacobian_ways(
    f: F,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    argnums: Argnums = 0,
    mode: str = "auto",
    budget: int = CHUNK_BYTES,
) -> Explanation:
    """The ways to a Jacobian, with what each costs; the one that `mode` takes is marked."""
    chosen = real_only(f, Selected(f, argnums, args, kwargs))
    with Recording(f, chosen.call, chosen.leaves) as run:
        n, m = size_of(chosen.leaves), size_of(run.values)
        forward = forward_pays(f, chosen, run, budget)
    head = [f"Jacobian of {named(f)}, {m} × {n}, mode '{mode}'"]
    plan = _planned(jacobian_plan, m * n, head, f, args, kwargs, argnums, chunk_bytes=budget)
    if mode == "auto":
        mode = "sparse" if plan is not None and pays(plan) else "forward" if forward else "reverse"
    prices = Prices(f, chosen, m, budget)
    ways = [Way("forward", n, 0, mode == "forward"), Way("reverse", 0, m, mode == "reverse")]
    ways += _sparse(plan, mode)
    return Explanation(head, [(way, prices.of(way)) for way in ways], prices.operations)


def hessian_ways(
    f: F,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    argnums: Argnums = 0,
    mode: str = "auto",
    budget: int = CHUNK_BYTES,
) -> Explanation:
    """The ways to the Hessian of a scalar function, with what each costs; the one that `mode` takes is marked."""
    chosen = real_only(f, Selected(f, argnums, args, kwargs))
    n = size_of(chosen.leaves)
    head = [f"Hessian of {named(f)}, {n} × {n}, mode '{mode}'"]
    plan = _planned(hessian_plan, n * n, head, f, args, kwargs, argnums, chunk_bytes=budget)
    if mode == "auto":
        mode = "sparse" if plan is not None and pays(plan) else cheaper(f, chosen, budget)

    def function(xs: Any) -> Any:
        return chosen.call(f, xs)

    priced: list[tuple[Way, Price]] = []
    for name in COMPOSITIONS:
        outer, _, inner = name.partition("-over-")
        try:
            cost = price(composed(function, chosen.leaves, outer, inner, budget), modes=2)
        except DualadError as reason:  # an operation that cannot be differentiated twice by this mode
            if not priced:
                raise
            head.append(f"no {name}: {_first_line(reason)}")
            continue
        priced.append((Way(name, n, 0 if inner == "reverse" else n, mode == name), cost))
    for way in _sparse(plan, mode):
        counted = composed(
            function, chosen.leaves, "forward", "reverse", budget, way.forward, way.nonzeros or 0
        )
        priced.append((way, price(counted, modes=2)))
    return Explanation(head, priced, Prices(f, chosen, 1).operations)


def _planned(make: Callable[..., Plan], full: int, head: list[str], *args: Any, **kwargs: Any) -> Plan | None:
    """The plan, if one can be made and the search does not find the matrix full; a line on it for the table."""
    try:
        plan = make(*args, max_entries=max(FULL, full // 8), **kwargs)
    except (ArgumentError, TraceError) as reason:  # SciPy is missing, or shapes depend on values
        head.append(f"no sparse mode: {_first_line(reason)}")
        return None
    by = "sparse_jacobian" if make is jacobian_plan else "sparse_hessian"
    head.append(f"nonzeros: {plan.nnz}; a sparse matrix by mode='sparse', or a plan by {by}")
    return plan


def _sparse(plan: Plan | None, mode: str) -> list[Way]:
    if plan is None:
        return []
    taken = plan.coloring.partition if mode == "sparse" else ""
    return [way._replace(name=f"sparse, by {way.name}") for way in plan.ways(taken)]


def _first_line(reason: Exception) -> str:
    return str(reason).splitlines()[0]


def forward_pays(f: F, chosen: Selected, run: Recording, budget: int = CHUNK_BYTES) -> bool:
    """Whether `jacobian` goes forwards when left to choose: by prediction where that takes little of its time."""
    n, m = size_of(chosen.leaves), size_of(run.values)
    if not worth_it(run, chosen, min(n, m)):
        return n <= m
    try:
        prices = Prices(f, chosen, m, budget)
        return prices.of(Way("", n, 0)).seconds <= prices.of(Way("", 0, m)).seconds
    except DualadError:
        return n <= m


def cheaper(f: F, chosen: Selected, budget: int = CHUNK_BYTES) -> str:
    """The composition over reverse mode that `hessian` takes when left to choose: likewise."""
    few, usual = COMPOSITIONS[:2]
    if size_of(chosen.leaves) < MANY or not _plain(chosen):
        return few
    with Recording(f, chosen.call, chosen.leaves) as run:
        if not worth_it(run, chosen, size_of(chosen.leaves)):
            return usual

    def seconds(way: str) -> float:
        outer, _, inner = way.partition("-over-")
        found = composed(lambda xs: chosen.call(f, xs), chosen.leaves, outer, inner, budget)
        return price(found, modes=2).seconds

    try:
        return min(usual, few, key=seconds)
    except DualadError:
        return usual


def worth_it(run: Recording, chosen: Selected, directions: int) -> bool:
    """Whether counting a few directions takes a small part of the time of so many, here about a tenth."""
    if directions < MANY or not _plain(chosen):
        return False
    sizes = [size_of([entry[1]]) for entry in run.entries if entry is not None and np.shape(entry[1])]
    return sum(sizes) * directions >= ELEMENTS * len(run.entries)


def _plain(chosen: Selected) -> bool:
    """Whether the arguments are real numbers that no derivative or program around traces."""
    return not any(isinstance(x, Tracer) or is_complex(x) for x in chosen.leaves)
