"""Which operations a loop can compute, and the scalar code of a value at one place of a loop."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..program import Program, Ref, Value
from . import places
from .code import Code
from .inline import gather
from .loops import Access
from .lowering import LIBRARY, ROWS, TRUTHS, is_row, known, number
from .places import Place

EXACT = 2**53  # whole numbers up to here are doubles
PIECES = 20  # of a value that is put together in a loop


class Piece(NamedTuple):
    """A box of a result, and the operand that stands there, `shift` beyond where it would begin with the box."""

    where: list[places.Part]
    operand: int
    shift: tuple[int, ...] = ()


class Paste(NamedTuple):
    """A result that is put together of pieces; elsewhere it is the operand `outer`, or 0."""

    pieces: list[Piece]
    outer: int | None = None

    def boxes(self) -> list[list[range]]:
        """What each piece covers."""
        return [places.box(piece.where) for piece in self.pieces]


class Kinds:
    """What loops make of each value of a program: `kind` is "row", "move", "paste", "reduce", "source" or "call"."""

    __slots__ = ("indices", "kind", "literals", "paste", "values")

    def __init__(self, program: Program) -> None:
        self.values = program.values
        inputs = set(program.inputs)
        self.literals: dict[int, tuple[Any, bool]] = {}
        self.paste: dict[int, Paste] = {}
        self.indices = self._indices()
        for k, value in enumerate(self.values):
            if value.op is None and k not in inputs and k not in self.indices:
                self._constant(k, value)
        self.kind: list[str] = []
        for k, value in enumerate(self.values):
            self.kind.append("source" if value.op is None else self._kind(k, value))

    def _indices(self) -> set[int]:
        """Constants that are read as positions, and nowhere as numbers."""
        positions, numbers = set[int](), set[int]()
        for value in self.values:
            read = value.refs
            if value.op is gather:
                positions.add(read.pop())
            numbers.update(read)
        return {k for k in positions - numbers if self.values[k].constant is not None}

    def _constant(self, k: int, value: Value) -> None:
        x = np.asarray(value.constant)
        if x.dtype.kind in "fiub" and x.dtype.itemsize <= 8 and x.size:
            flat = x.ravel()
            same = (flat == flat[0]).all() and (flat[0] != 0 or not np.any(np.signbit(flat * 1.0)))
            if x.size == 1 or same:
                self.literals[k] = flat[0].item(), bool(value.kwargs)

    def readable(self, k: int) -> bool:
        """Whether a loop can read this value as doubles or truth values."""
        value = self.values[k]
        if value.form is np.generic and value.shape:
            return False  # of a subclass
        if value.op is None and value.constant is not None:
            x = np.asarray(value.constant)
            return (x.dtype.kind in "fb" and x.dtype.itemsize <= 8) or (
                x.dtype.kind in "iu" and x.size > 0 and int(x.min()) >= -EXACT and int(x.max()) <= EXACT
            )
        if value.dtype is None or value.form is tuple:
            return False
        return value.dtype in (np.float64, np.bool_) or self._counts(k)

    def _counts(self, k: int) -> bool:
        """Whether a value says how many of some truth values hold: whole numbers that are doubles as well."""
        value = self.values[k]
        if value.op is None or value.dtype != np.int64 or not value.refs:
            return False
        first = value.refs[0]
        if known(value.op) == "sum":
            return bool(self.values[first].dtype == np.bool_) and value.form is not int
        return known(value.op) in ("transpose", "broadcast_to", "reshape", "indexing") and self._counts(first)

    def _kind(self, k: int, value: Value) -> str:
        op, args = value.op, value.args
        assert op is not None
        if not self.readable(k):
            return "call"
        if not args or not all(type(a) is Ref and self.readable(a.k) for a in args):
            return "call"
        if op is gather:
            first, index = value.refs
            whole = self.kind[first] != "move" and self.values[first].dtype == value.dtype == np.float64
            return "row" if whole and index in self.indices else "call"
        name, shape = known(op), value.shape
        operands = [self.values[a.k] for a in args]
        if name in ROWS:
            return "row" if is_row(value) and not value.kwargs else "call"
        first = operands[0]
        if name == "astype":
            return "row" if value.dtype == np.float64 else "call"
        if name in ("sum", "max", "min"):
            return "reduce" if value.dtype == first.dtype == np.float64 or self._counts(k) else "call"
        if any(v.dtype != value.dtype for v in operands):
            return "call"
        if name in ("transpose", "broadcast_to"):
            return "move"
        if name == "reshape":
            return "move" if places.only_unit_axes_differ(first.shape, shape) else "call"
        if name == "indexing":
            return "call" if places.parts(value.kwargs["index"], first.shape) is None else "move"
        if name in ("scatter_add", "assignment"):
            return self._pasting(k, value, operands)
        if name in ("concatenate", "roll"):
            pieces = _joined(value, operands) if name == "concatenate" else _rolled(value)
            if len(pieces) <= PIECES:
                self.paste[k] = Paste(pieces)
                return "paste"
        return "call"

    def _pasting(self, k: int, value: Value, operands: list[Value]) -> str:
        index = places.parts(value.kwargs["index"], value.shape)
        into = value.op is not None and value.op.name == "assignment"
        if index is None or any(isinstance(p, range) and abs(p.step) != 1 for p in index):
            return "call"
        if len(operands[-1].shape) > places.rank(index) or value.dtype != np.float64:
            return "call"
        refs = value.refs
        self.paste[k] = Paste([Piece(index, refs[-1])], refs[0] if into else None)
        return "paste"

    def how(self, k: int) -> str:
        """What a reduction does: 'sum', 'max' or 'min'."""
        op = self.values[k].op
        assert op is not None
        return op.name

    def stored_as(self, k: int) -> str:
        """'b' for truth values, 'i' for integers, 'j' for positions, 'd' for all else, which loops read as doubles."""
        value = self.values[k]
        dtype = value.dtype if value.constant is None else np.asarray(value.constant).dtype
        if k in self.indices:
            return "j"
        return "b" if dtype == np.bool_ else "i" if value.op is not None and dtype == np.int64 else "d"

    def weight(self, k: int) -> int:
        """What computing a value once more would cost, about, in additions."""
        value = self.values[k]
        if self.kind[k] != "row" or value.op is None:
            return 0
        if value.op is gather:
            return 20  # where the numbers are in no cache
        name = value.op.name.removeprefix("np.").replace("arc", "a")
        if name == "power by a number":
            n = self.literals.get(value.refs[1], (None, False))[0]
            return 3 if n is not None and float(n).is_integer() and abs(n) <= 4 else 30
        return (
            20 if name in LIBRARY or name == "power" else 4 if name in ("divide", "sqrt", "reciprocal") else 1
        )

    def operands(self, k: int, place: Place) -> Iterator[tuple[int, Place]]:
        """What a value reads at a place: (operand, place), for pastes in and outside of the box."""
        value = self.values[k]
        if k in self.paste:
            paste = self.paste[k]
            for piece in paste.pieces:
                yield piece.operand, self.pasted(piece, place)
            if paste.outer is not None:
                yield paste.outer, place
            return
        assert value.op is not None
        if value.op is gather:  # where the positions begin to count from
            first, index = value.refs
            axis, end = value.kwargs["axis"], value.kwargs["axis"] + len(self.values[index].shape)
            yield first, (*place[:axis], places.FIRST, *place[end:])
            yield index, place[axis:end]
            return
        name = value.op.name
        for ref in value.refs:
            shape = self.values[ref].shape
            if name == "transpose":
                yield ref, places.transposed(place, value.kwargs["axes"])
            elif name == "reshape":
                yield ref, places.squeezed(place, shape, value.shape)
            elif name == "indexing":
                yield ref, places.indexed(places.parts(value.kwargs["index"], shape) or (), place)
            else:
                yield ref, places.stretched(place, shape)

    def pasted(self, piece: Piece, place: Place) -> Place:
        """From a place inside of a piece to that of its operand."""
        at = places.pasted(piece.where, place, self.values[piece.operand].shape)
        return places.shifted(at, piece.shift) if piece.shift else at


def _joined(value: Value, operands: Sequence[Value]) -> list[Piece]:
    axis, begin = value.kwargs["axis"], 0
    pieces = []
    for k, operand in zip(value.refs, operands, strict=True):
        where: list[places.Part] = [range(n) for n in value.shape]
        where[axis] = range(begin, begin := begin + operand.shape[axis])
        pieces.append(Piece(where, k))
    return pieces


def _rolled(value: Value) -> list[Piece]:
    """Two pieces along each axis: what came in from the far end, and what has moved on."""
    (k,), shape = value.refs, value.shape
    moved = [0] * len(shape)
    for by, axis in zip(value.kwargs["shift"], value.kwargs["axis"], strict=True):
        moved[axis] += by
    halves = [
        [(range(by % n), n - by % n), (range(by % n, n), 0)] if n and by % n else [(range(n), 0)]
        for by, n in zip(moved, shape, strict=True)
    ]
    return [Piece([r for r, _ in part], k, tuple(s for _, s in part)) for part in itertools.product(*halves)]


class Expression:
    """Scalar code of values in the region of a loop that begins at `corner`; `access` reads what lies in memory."""

    def __init__(
        self,
        kinds: Kinds,
        corner: Sequence[int],
        access: Callable[[int, Place], Access | None],
    ) -> None:
        self.kinds, self.code, self.access = kinds, Code(), access
        self.corner = corner
        self.known: dict[tuple[int, Place], int] = {}

    def at(self, k: int, place: Place) -> int:
        """The position in the code of value `k` at a place."""
        key = (k, place)
        if key not in self.known:
            self.known[key] = self._new(k, place)
        return self.known[key]

    def _new(self, k: int, place: Place) -> int:
        kinds = self.kinds
        if k in kinds.literals:
            return self.code.constant(*kinds.literals[k])
        access = self.access(k, place)
        if access is not None:
            return self.code.read(access, "b" if access.kind == "b" else "d")
        value = kinds.values[k]
        if k in kinds.paste:
            paste = kinds.paste[k]
            for piece, box in zip(paste.pieces, paste.boxes(), strict=True):
                if places.inside(box, place, self.corner):
                    return self.at(piece.operand, kinds.pasted(piece, place))
            return self.code.zero if paste.outer is None else self.at(paste.outer, place)
        if value.op is gather:
            return self._gathered(k, place)
        args = [self.at(*operand) for operand in kinds.operands(k, place)]
        if kinds.kind[k] == "move":
            return args[0]
        assert value.op is not None
        name = value.op.name
        if name == "astype":
            return number(self.code, args[0])
        if name not in TRUTHS:
            args = [number(self.code, a) for a in args]
        elif name == "np.where":
            args[1:] = [number(self.code, a) for a in args[1:]]
        return ROWS[name](self.code, *args)

    def _gathered(self, k: int, place: Place) -> int:
        """A number of an array in memory, at a position that is read."""
        kinds, value = self.kinds, self.kinds.values[k]
        (first, there), (index, which) = kinds.operands(k, place)
        if first in kinds.literals:
            return self.at(first, there)
        begin, positions = self.access(first, there), self.access(index, which)
        assert begin is not None and positions is not None
        step = math.prod(kinds.values[first].shape[value.kwargs["axis"] + 1 :])
        return self.code.gather(begin, self.code.read(positions, "j"), step)
