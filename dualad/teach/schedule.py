"""What reverse mode does on a chain of steps of which it keeps few states: the binomial schedule, move by move."""

from __future__ import annotations

from typing import NamedTuple

from ..checkpoint import split


class Schedule(NamedTuple):
    """A way through a chain with so many states kept, the first counted.

    moves: in order, (from, to) for steps that are run, and (k, k) for the one that is run on a tape and swept at once
    evaluations: how often a step is run in all; kept: how many states are kept at most
    """

    snapshots: int
    moves: tuple[tuple[int, int], ...]
    evaluations: int
    kept: int


def schedule(n: int, snapshots: int) -> Schedule:
    """The moves of `checkpointed_scan` for `n` steps (Griewank and Walther 2000)."""
    moves: list[tuple[int, int]] = []
    waiting, kept = [(0, n, snapshots)], 1
    while waiting:
        start, length, left = waiting.pop()
        while length > 1:
            ahead = split(length, left)
            waiting.append((start, ahead, left))
            moves.append((start, start + ahead))
            start, length, left = start + ahead, length - ahead, left - 1
        kept = max(kept, len(waiting))
        moves.append((start, start))
    return Schedule(snapshots, tuple(moves), sum(b - a or 1 for a, b in moves), kept)
