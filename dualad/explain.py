"""Tables of the ways to a matrix of derivatives: what each costs, and which is taken."""

from __future__ import annotations

import functools
import statistics
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, NamedTuple

from .blocks import CHUNK_BYTES, itemsize_of
from .count import counts
from .derivative import F
from .ledger import aligned_text
from .model import Price, Sweeps, Tally, called, chunks_of, price, tally
from .select import Selected


class Way(NamedTuple):
    """One way to a matrix: directions of forward mode and of reverse mode, and whether it is the one that is taken.

    nonzeros: of the sparse matrix that is read from the products; None where they are the dense matrix
    """

    name: str
    forward: int
    reverse: int
    chosen: bool = False
    nonzeros: int | None = None

    @property
    def directions(self) -> int:
        return self.forward + self.reverse


class Prices:
    """Prices of ways to the Jacobian of a function of `chosen` that returns m numbers, at a point."""

    def __init__(self, f: F, chosen: Selected, m: int, budget: int = CHUNK_BYTES) -> None:
        def function(xs: Any) -> Any:
            return chosen.call(f, xs)

        self._function, self._leaves, self._m, self._budget = function, chosen.leaves, m, budget

    @functools.cached_property
    def _forward(self) -> Sweeps:
        return Sweeps(self._function, self._leaves, self._m, True)

    @functools.cached_property
    def _reverse(self) -> Sweeps:
        return Sweeps(self._function, self._leaves, self._m, False)

    @functools.cached_property
    def operations(self) -> int:
        """Operations of the function itself."""
        return counts(self._function, called, self._leaves).operations

    def of(self, way: Way) -> Price:
        """What a way costs."""
        return price(self.tally(way))

    def tally(self, way: Way) -> Tally:
        """The counts of a way."""
        found = tally(nonzeros=way.nonzeros or 0)
        if way.forward:
            found = found + self._of(self._forward, way.forward)
        if way.reverse:
            found = found + self._of(self._reverse, way.reverse)
        return found

    def _of(self, sweeps: Sweeps, k: int) -> Tally:
        chunks, _ = chunks_of(k, sweeps.width(), itemsize_of(self._leaves), self._budget)
        return sweeps.of(k, chunks)


class Explanation:
    """A table of ways to a matrix, the cheapest by prediction first: it prints itself; `rows` has the numbers.

    rows: dicts with `way`, `directions`, `operations` (predicted), `evaluations` (of the function that many operations
        would be), `predicted` (seconds, by a model of all that was counted), `seconds` (measured, or None), `chosen`
    winner: the way that is predicted to be the cheapest
    """

    def __init__(
        self,
        head: Sequence[str],
        priced: Sequence[tuple[Way, Price]],
        operations: int,
        seconds: dict[str, float] | None = None,
    ) -> None:
        """Take the ways with their prices, and the operations of the function."""
        self.head = list(head)
        self.rows: list[dict[str, Any]] = [
            {
                "way": way.name,
                "directions": way.directions,
                "operations": cost.operations,
                "evaluations": cost.operations / max(1, operations),
                "predicted": cost.seconds,
                "seconds": (seconds or {}).get(way.name),
                "chosen": way.chosen,
            }
            for way, cost in sorted(priced, key=lambda item: item[1].seconds)
        ]

    @property
    def winner(self) -> str:
        return str(self.rows[0]["way"])

    def __repr__(self) -> str:
        head = ("", "way", "directions", "operations", "evaluations", "predicted", "measured")
        table: list[tuple[str, ...]] = [head]
        for row in self.rows:
            table.append(
                (
                    "→" if row["chosen"] else "",
                    row["way"],
                    f"{row['directions']:,}",
                    f"{row['operations']:.3g}",
                    f"{row['evaluations']:.3g}",
                    f"{1e3 * row['predicted']:.3g} ms",
                    "" if row["seconds"] is None else f"{1e3 * row['seconds']:.3g} ms",
                )
            )
        if not any(line[-1] for line in table[1:]):
            table = [line[:-1] for line in table]
        return "\n".join([*self.head, aligned_text(table, 2)])


def seconds_of(call: Callable[[], Any]) -> float:
    """Seconds of a call, the median of three."""
    found = []
    for _ in range(3):
        start = perf_counter()
        call()
        found.append(perf_counter() - start)
    return statistics.median(found)
