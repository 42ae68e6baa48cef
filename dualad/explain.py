"""What ways to a matrix of derivatives cost, by counted operations and the number of directions."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from .compressed import compressed, size_of
from .count import count
from .derivative import F
from .select import Selected


class Way(NamedTuple):
    """One way to a matrix: directions of forward mode, of reverse mode, and whether it is the one that is taken."""

    name: str
    forward: int
    reverse: int
    chosen: bool = False


class Prices:
    """Operations of a function of `chosen` that returns m numbers: counted at a point, with one direction and two.

    A direction of either mode costs what the second one adds; the first brings the partial derivatives, or the tape.
    """

    def __init__(self, f: F, chosen: Selected, m: int) -> None:
        def function(xs: Any) -> Any:
            return chosen.call(f, xs)

        def operations(k: int, columns: bool) -> int:
            colors = np.arange(n if columns else m) % k

            def products(xs: Any) -> Any:
                sides = (colors, None) if columns else (None, colors)
                return compressed(function, Selected(function, 0, (xs,), {}), (m, n), *sides)

            return count(products)(leaves).operations

        leaves, n = list(chosen.leaves), size_of(chosen.leaves)
        self.function = max(1, count(function)(leaves).operations)
        self._first = [operations(1, columns) for columns in (True, False)]
        self._next = [
            operations(2, columns) - one for columns, one in zip((True, False), self._first, strict=True)
        ]

    def of(self, way: Way) -> float:
        """Operations of a way."""
        return sum(
            first + (k - 1) * more
            for k, first, more in zip((way.forward, way.reverse), self._first, self._next, strict=True)
            if k
        )


class Explanation:
    """A table of ways to a matrix: it prints itself; `rows` has the numbers.

    rows: dicts with `way`, `directions`, `operations` (predicted), `evaluations` (of the function that many operations
        would be), `seconds` (measured, or None) and `chosen`
    """

    def __init__(
        self, head: Sequence[str], ways: Sequence[Way], prices: Prices, seconds: dict[str, float]
    ) -> None:
        self.head = list(head)
        self.rows: list[dict[str, Any]] = [
            {
                "way": way.name,
                "directions": way.forward + way.reverse,
                "operations": prices.of(way),
                "evaluations": prices.of(way) / prices.function,
                "seconds": seconds.get(way.name),
                "chosen": way.chosen,
            }
            for way in ways
        ]

    def __repr__(self) -> str:
        table = [("", "way", "directions", "operations", "evaluations", "measured")]
        for row in self.rows:
            seconds = row["seconds"]
            table.append(
                (
                    "→" if row["chosen"] else "",
                    row["way"],
                    f"{row['directions']:,}",
                    f"{row['operations']:.3g}",
                    f"{row['evaluations']:.3g}",
                    "" if seconds is None else f"{1e3 * seconds:.3g} ms",
                )
            )
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [
            "  ".join(
                cell.ljust(width) if k < 2 else cell.rjust(width)
                for k, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in table
        ]
        return "\n".join([*self.head, *lines])


def seconds_of(call: Callable[[], Any]) -> float:
    """Seconds of a call, the median of three."""
    found = []
    for _ in range(3):
        start = perf_counter()
        call()
        found.append(perf_counter() - start)
    return statistics.median(found)
