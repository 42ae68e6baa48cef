"""Where an operation that moves elements finds them: affine positions in the iteration of a loop.

A place says, for each axis of an array, which position is meant at point i of a loop: `(start, axis, step)` for
`start + step * i[axis]`, or `(start, -1, 0)` for the same one everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

Place = tuple[tuple[int, int, int], ...]
Part = None | int | range  # a new axis, a position, positions
FIRST = (0, -1, 0)


def identity(shape: Sequence[int]) -> Place:
    """Each point of the loop for itself."""
    return tuple((0, axis, 1) for axis in range(len(shape)))


def stretched(place: Place, shape: Sequence[int]) -> Place:
    """From a result's place to that of an operand of `shape`, which is broadcast to it."""
    if len(shape) == 0:
        return ()
    return tuple(FIRST if n == 1 else at for n, at in zip(shape, place[-len(shape) :], strict=True))


def transposed(place: Place, axes: Sequence[int]) -> Place:
    """From the place of `np.transpose(x, axes)` to that of x."""
    found = dict(zip(axes, place, strict=True))
    return tuple(found[axis] for axis in range(len(axes)))


def squeezed(place: Place, shape: Sequence[int], target: Sequence[int]) -> Place:
    """From the place of a reshape to `target` to that of its operand, where only axes of length 1 differ."""
    rest = iter([at for n, at in zip(target, place, strict=True) if n != 1])
    return tuple(FIRST if n == 1 else next(rest) for n in shape)


def only_unit_axes_differ(a: Sequence[int], b: Sequence[int]) -> bool:
    """Whether two shapes are the same but for axes of length 1."""
    return [n for n in a if n != 1] == [n for n in b if n != 1]


def parts(index: Any, shape: Sequence[int]) -> list[Part] | None:
    """An index of slices, integers and None, an entry for each of its items; None for any other index."""
    found: list[Part] = []
    axis = 0
    for i in index:
        if i is None:
            found.append(None)
            continue
        if isinstance(i, (bool, np.bool_)) or not isinstance(i, (int, np.integer, slice)):
            return None
        whole = range(shape[axis])
        found.append(whole[i] if isinstance(i, slice) else whole[int(i)])
        axis += 1
    return found + [range(n) for n in shape[axis:]]


def indexed(index: Sequence[Part], place: Place) -> Place:
    """From the place of `x[index]` to that of x."""
    rest, found = iter(place), []
    for part in index:
        if part is None:
            next(rest)
        elif isinstance(part, int):
            found.append((part, -1, 0))
        else:
            start, axis, step = next(rest)
            found.append((part.start + part.step * start, axis, part.step * step))
    return tuple(found)


def pasted(index: Sequence[Part], place: Place, shape: Sequence[int]) -> Place:
    """From a place inside of `x[index]`, said in x, to that of what is put there, of `shape`."""
    rest, found = iter(place), []
    for part in index:
        if part is None:
            found.append(FIRST)
            continue
        start, axis, step = next(rest)
        if isinstance(part, range):
            found.append((part.step * (start - part.start), axis, part.step * step))  # of step 1 or -1
    return stretched(tuple(found), shape)


def shifted(place: Place, by: Sequence[int]) -> Place:
    """Further on along each axis."""
    return tuple((start + shift, axis, step) for (start, axis, step), shift in zip(place, by, strict=True))


def rank(index: Sequence[Part]) -> int:
    """How many axes `x[index]` has."""
    return sum(not isinstance(part, int) for part in index)


def box(index: Sequence[Part]) -> list[range]:
    """What `x[index]` covers of each axis of x."""
    sides = [range(p, p + 1) if isinstance(p, int) else p for p in index if p is not None]
    return [side if side.step > 0 else side[::-1] for side in sides]


def cuts(sides: Sequence[range], place: Place) -> Iterator[tuple[int, int]]:
    """(axis, i) of the loop wherever a place enters or leaves a box."""
    for side, (start, axis, step) in zip(sides, place, strict=True):
        if axis >= 0:
            for bound in (side.start, side.stop):
                yield axis, -((start - bound) // step) if step > 0 else (start - bound) // -step + 1


def inside(sides: Sequence[range], place: Place, corner: Sequence[int]) -> bool:
    """Whether a place is in a box at a point, and so in all of a region that nothing cuts."""
    return all(
        start + (step * corner[axis] if axis >= 0 else 0) in side
        for side, (start, axis, step) in zip(sides, place, strict=True)
    )
