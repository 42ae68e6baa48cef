"""Plans of sparse Jacobians and Hessians, made once for a function and used at many points."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .blocks import CHUNK_BYTES, dtype_of
from .coloring import Coloring, coloring
from .compile import compile
from .compressed import compressed
from .csr import with_values
from .derivative import F, grad, jvp, vjp
from .errors import ArgumentError, ConversionError, GradientError, ShapeError, error
from .explain import Explanation, Prices, Way, seconds_of
from .op import Tracer
from .planning import (
    fewest,
    partitions,
    same_fixed,
    same_shapes,
)
from .select import Argnums, Selected, named
from .separable import Separable, separable
from .tree import flatten

# Compiled sweeps over arrays carry one direction each, which the loops read as they read a value, up to so many
# sweeps; all at once where they take so few bytes.
SWEEPS, SMALL = 32, 2**16


class Plan:
    """How the sparse Jacobian, or Hessian, of one function is computed: call it with the function's arguments.

    It is made by `sparse_jacobian` or `sparse_hessian`, which find the pattern, colour it and keep what
    recovery needs. A call is a sweep with as many directions as there are colours, and one look-up of
    the nonzeros. The structure of the result is always the pattern's: what is zero at a point is stored as a zero.
    Where Python's `if` looked at traced values, the pattern holds for the branches that were taken: every call of such
    a plan compares one product with `jvp`, and raises GradientError elsewhere. Plans can be pickled where their
    function can.

    coloring: the `Coloring`, with `pattern`, `count`, `lower_bound`
    shape, nnz: of the matrix

    >>> plan = dualad.sparse_jacobian(np.diff, np.ones(4))
    >>> plan.shape, plan.nnz, plan.coloring.count
    ((3, 4), 6, 2)
    """

    def __init__(
        self,
        f: F,
        argnums: Argnums,
        pattern: Any,
        shapes: Sequence[tuple[int, ...]],
        partition: str,
        order: str,
        hessian: bool = False,
        chunk_bytes: int = CHUNK_BYTES,
        branches: bool = False,
        fixed: dict[int | str, Any] | None = None,
        compiled: bool = False,
    ) -> None:
        self.pattern, self._partition, self._order = pattern, partition, order
        self._f, self._argnums, self._shapes, self._hessian = f, argnums, list(shapes), hessian
        self._branches, self._fixed = branches, fixed or {}
        self._chunk_bytes, self._compiled = chunk_bytes, compiled
        self._inner = grad(f, argnums) if hessian else f
        self._sweep: F = compile(self._values) if compiled else self._values

    @functools.cached_property
    def _tried(self) -> list[Coloring]:
        """The colourings among which the first is taken: found when they are first needed."""
        if self._partition == "auto":
            return partitions(self.pattern, self._order)
        return [coloring(self.pattern, self._partition, self._order)]

    @property
    def coloring(self) -> Coloring:
        return self._tried[0]

    @property
    def shape(self) -> tuple[int, int]:
        m, n = self.pattern.shape
        return m, n

    @property
    def nnz(self) -> int:
        return int(self.pattern.nnz)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The matrix at a point, as a `scipy.sparse.csr_array` that the caller may change."""
        compare = self._branches
        if self._fixed or len(args) + len(kwargs) != 1:
            chosen = self._chosen(args, kwargs)
            if not same_fixed(self._fixed, chosen):
                raise error(
                    ArgumentError,
                    f"the plan of {named(self._f)} was made with other values of arguments that are no numbers of "
                    "floating point, nor arrays of these: the pattern may depend on them",
                    "another plan, for these values, or 1.0 in place of 1 when making it",
                )
            compare = compare or not same_shapes(self._fixed, chosen)
        values = self._sweep(*args, **kwargs)
        if isinstance(values, Tracer):
            raise error(
                ConversionError,
                f"a sparse matrix holds plain numbers, and the plan of {named(self._f)} was called with traced ones",
                "jacobian(f), which is dense, or jvp and vjp, inside derivatives and compiled functions",
            )
        if self._partition == "acyclic":
            values = self.coloring.solved(values)
        matrix = with_values(self.pattern, values)
        if compare:
            self._compare(matrix, self._chosen(args, kwargs), 0, rows_only=True)
        return matrix

    def _values(self, *args: Any, **kwargs: Any) -> Any:
        """The nonzeros, or what they are solved from."""
        chosen = self._chosen(args, kwargs)
        apart = self._apart(chosen) if self._compiled else None
        found = apart.coloring if apart else self.coloring
        budget = self._chunk_bytes
        if self._compiled:
            one, count = 8 * max(found.pattern.shape), max(found.counts)
            together = count if one * count <= SMALL else -(-count // SWEEPS)
            budget = one * together if together > 1 else 1
        if apart:
            return apart.values(budget)
        return found.read(*compressed(self._inner, chosen, self.shape, found.columns, found.rows, budget))

    def _apart(self, chosen: Selected) -> Separable | None:
        """The function without the constant maps around it, where its program holds for all calls and that pays."""
        if self._partition != "auto" or self._branches:
            return None
        below = None if "_tried" in self.__dict__ else fewest(self.pattern)
        below = self.coloring.count if below is None else below
        return separable(self._inner, chosen, self.pattern, self._order, below)

    def _chosen(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Selected:
        chosen = Selected(self._f, self._argnums, args, kwargs)
        shapes = [np.shape(x) for x in chosen.leaves]
        if shapes != self._shapes:
            raise error(
                ShapeError,
                f"the plan of {named(self._f)} is for arguments of shapes {self._shapes}, not {shapes}",
                "another plan, for these shapes",
            )
        return chosen

    def compile(self) -> Plan:
        """The same plan, with the sweep compiled: see `dualad.compile`, whose conditions hold.

        >>> plan = dualad.sparse_jacobian(lambda x: x[1:] * x[:-1], np.ones(4)).compile()
        >>> plan(np.array([1.0, 2.0, 3.0, 4.0])).toarray()
        array([[2., 1., 0., 0.],
               [0., 3., 2., 0.],
               [0., 0., 4., 3.]])
        """
        return self._made_again(True)

    def _made_again(self, compiled: bool) -> Plan:
        plan = Plan(*self._made_of(compiled))
        plan.__dict__.update({"_tried": self._tried} if "_tried" in self.__dict__ else {})
        return plan

    def _made_of(self, compiled: bool) -> tuple[Any, ...]:
        return (
            self._f, self._argnums, self.pattern, self._shapes, self._partition, self._order, self._hessian,
            self._chunk_bytes, self._branches, self._fixed, compiled,
        )  # fmt: skip

    def __reduce__(self) -> tuple[Any, ...]:
        return Plan, self._made_of(self._compiled), {"_tried": self._tried}

    def __repr__(self) -> str:
        m, n = self.shape
        kind = "Hessian" if self._hessian else "Jacobian"
        return (
            f"<Plan of the {kind} of {named(self._f)}, {m} × {n} with {self.nnz} nonzeros: "
            f"{'compiled, at most ' * self._compiled}{self.coloring.count} directions by '{self.coloring.partition}'>"
        )

    def explain(self, *args: Any, **kwargs: Any) -> Explanation:
        """What a call costs by this plan, and by the others that it was chosen among, at the function's arguments.

        returns: a table that prints itself: directions of each way, its operations and time as `predict` finds them,
            and what the plan takes here
        """
        chosen, found = self._chosen(args, kwargs), self.coloring
        (m, n), density = self.shape, self.nnz / max(math.prod(self.shape), 1)
        head = [
            f"{repr(self)[1:-1]}",
            f"colours: {found.count}, at least {found.lower_bound}; density {density:.2g}; order '{found.order}'",
        ]
        ways = [Way("forward, dense", n, 0), Way("reverse, dense", 0, m), *self.ways(found.partition)]
        apart = self._apart(chosen) if self._compiled else None
        if apart:
            ways = [way._replace(chosen=False) for way in ways]
            name = f"{apart.coloring.partition}, between constant maps"
            ways.append(Way(name, *apart.coloring.counts, True, self.nnz))
        taken = next(way.name for way in ways if way.chosen)
        seconds = {taken: seconds_of(lambda: self(*args, **kwargs))}
        prices = Prices(self._inner, chosen, m, self._chunk_bytes)
        return Explanation(head, [(way, prices.of(way)) for way in ways], prices.operations, seconds)

    def ways(self, taken: str = "") -> list[Way]:
        """The partitions that were tried, with their numbers of directions."""
        return [Way(c.partition, *c.counts, c.partition == taken, self.nnz) for c in self._tried]

    def verify(self, *args: Any, probes: int = 2, seed: int = 0, **kwargs: Any) -> None:
        """Raise unless products of the matrix with random vectors are what `jvp` and `vjp` give.

        A pattern that lacks a nonzero of this point fails, whatever the probe: the patterns that plans find hold
        wherever the function takes the branches that it took; one that was handed in holds where you say.

        probes, seed: how many vectors on each side, and of which generator
        raises: GradientError with the rows or columns that disagree
        """
        matrix, chosen = self(*args, **kwargs), self._chosen(args, kwargs)
        for probe in range(probes):
            self._compare(matrix, chosen, seed + probe)

    def _compare(self, matrix: Any, chosen: Selected, seed: int, rows_only: bool = False) -> None:
        """Raise unless the matrix times a random vector is the pushforward, and a vector times it the pullback."""
        rng = np.random.default_rng(seed)
        eps = max((np.finfo(dtype_of(x)).eps for x in chosen.leaves), default=np.finfo(float).eps)

        def f(xs: Any) -> Any:
            return chosen.call(self._inner, xs)

        v = [rng.standard_normal(np.shape(x)).astype(dtype_of(x)) for x in chosen.leaves]
        ways = [("rows", "jvp", matrix, v, jvp(f, (chosen.leaves,), (v,))[1])]
        if not rows_only:
            y, pullback = vjp(f, chosen.leaves)
            ys, rebuild = flatten(y)
            w = [rng.standard_normal(np.shape(z)).astype(dtype_of(z)) for z in ys]
            ways.append(("columns", "vjp", matrix.T, w, pullback(rebuild(w))))
        for side, by, factor, vector, found in ways:
            expected, flat = _flat(flatten(found)[0]), _flat(vector)
            allowed = np.sqrt(eps) * (abs(factor) @ abs(flat) + abs(expected))
            wrong = np.flatnonzero(np.isfinite(expected) & ~(abs(factor @ flat - expected) <= allowed))
            if len(wrong):
                raise error(
                    GradientError,
                    f"the plan of {named(self._f)} does not hold here: {side} {_some(wrong)} of the matrix disagree "
                    f"with {by}, so the pattern lacks nonzeros in them or in those they were carried with",
                    "a plan made here: the function may take another branch than where this one was made",
                )


def _flat(leaves: Sequence[Any]) -> np.ndarray:
    return np.concatenate([np.ravel(x) for x in leaves]) if leaves else np.zeros(0)


def _some(where: np.ndarray) -> str:
    return ", ".join(map(str, where[:5])) + (f" and {len(where) - 5} more" if len(where) > 5 else "")
