"""From a program of arrays to scalar code: each array becomes an array of positions of its numbers.

Operations that move elements are applied to the positions, by the very functions that NumPy applies to the
numbers. Elementwise ones are written out element by element, products and sums by NumPy's loops over objects
that write an instruction where numbers would be added or multiplied.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..program import Program, Ref, Value
from ..tape import part
from .code import Code, Repeat
from .inline import inlined
from .lowering import ROWS, TRUTHS, Row, is_row, known, number
from .prospect import LARGE, SHORT, Prospect

LIMIT = 600_000  # instructions: more take too long to compile


class NotScalar(Exception):
    """A program holds something that scalar code does not."""


class Number:
    """Stands for a position where NumPy's loops add and multiply objects."""

    __slots__ = ("code", "k")

    def __init__(self, code: Code, k: int) -> None:
        self.code, self.k = code, k

    def __add__(self, other: Any) -> Number:
        return Number(self.code, self.code.emit("fadd", self.k, _position(self.code, other)))

    __radd__ = __add__

    def __mul__(self, other: Any) -> Number:
        return Number(self.code, self.code.emit("fmul", self.k, _position(self.code, other)))

    __rmul__ = __mul__


def _position(code: Code, x: Any) -> int:
    if isinstance(x, Number):
        return x.k
    return code.zero if x is False or (type(x) is int and x == 0) else code.constant(float(x))


class Scalars:
    """Scalar code of a program: `outputs` and `guards` are arrays of positions, one for each.

    limit: instructions at most; sparse: NotScalar also where loops over arrays with their zeros promise to be faster
    """

    __slots__ = ("code", "guards", "outputs")

    def __init__(self, program: Program, limit: int = LIMIT, sparse: bool = False) -> None:
        size = sum(math.prod(v.shape) for v in program.values if v.op is None or not v.op.moves)
        if size > 8 * LIMIT or sum(math.prod(program.values[k].shape) for k in program.inputs) > LIMIT // 4:
            raise NotScalar(f"{size} numbers")  # before any time goes into them
        program = inlined(program, loops=False)
        for value in program.values:
            if value.op is not None and not _has_form(value):
                kind = "" if value.dtype in (np.float64, None) else f" of dtype {value.dtype}"
                raise NotScalar(f"{value.op.name}{kind}, which has no scalar form")
        self.code = Code()
        prospect = Prospect(program) if sparse else None
        found = _expanded(self.code, program, min(limit, prospect.limit) if prospect else limit, prospect)
        self.outputs = [found[k] for k in program.outputs]
        self.guards = [int(found[guard.k]) for guard in program.guards]


def _expanded(code: Code, program: Program, limit: int, prospect: Prospect | None) -> list[Any]:
    """Arrays of positions for all values of a program."""
    found: list[Any] = []
    order = {k: leaf for leaf, k in enumerate(program.inputs)}
    for k, value in enumerate(program.values):
        if value.op is not None:
            args = [found[a.k] if type(a) is Ref else a for a in value.args]
            before = len(code.instructions)
            found.append(_applied(code, value, args, limit))
            if prospect is not None and not prospect.pays(
                k, len(code.instructions) - before, len(code.instructions)
            ):
                raise NotScalar("arrays too dense for scalar code")
        else:
            found.append(_new_input(code, value, order[k]) if k in order else _constants(code, value))
        if code.size > limit:
            raise NotScalar(f"more than {limit} scalar operations")
    return found


def _new_input(code: Code, value: Value, leaf: int) -> np.ndarray:
    if value.dtype != np.float64:
        raise NotScalar(f"an argument of dtype {value.dtype}")
    size = int(np.prod(value.shape, dtype=int))
    return np.array([code.input(leaf, i) for i in range(size)], dtype=int).reshape(value.shape)


def _constants(code: Code, value: Value) -> np.ndarray:
    x = np.asarray(value.constant)
    if x.dtype.kind not in "fiub" or x.dtype.itemsize > 8 or x.dtype == np.float32:
        raise NotScalar(f"a constant of dtype {x.dtype}")
    structural = bool(value.kwargs)
    if x.dtype.kind == "f":
        x = x.astype(np.float64)
    _, first, which = np.unique(  # of floats by their bits: -0.0 is not 0.0
        x.ravel().view(np.int64) if x.dtype.kind == "f" else x.ravel(), return_index=True, return_inverse=True
    )
    distinct = [code.constant(v, structural) for v in x.ravel()[first].tolist()]
    return np.array(distinct, dtype=int)[which].reshape(x.shape)


# What only moves numbers, whatever they are; and what NumPy's own loops over objects sum and multiply
MOVED = frozenset(
    (
        "indexing", "reshape", "transpose", "broadcast_to", "concatenate", "roll", "diagonal", "array of numbers",
        "new array",
    )
)  # fmt: skip
ONE_BY_ONE = frozenset(("astype", "assignment", "scatter_add", "max", "min"))
SUMMED = frozenset(("sum", "cumsum", "prod along one axis", "cumprod", "np.matmul", "einsum", "convolution"))


def _has_form(value: Value) -> bool:
    """Whether there is scalar code of an operation."""
    op, name = value.op, known(value.op)
    return (
        op is part
        or "body" in value.kwargs
        or is_row(value)
        or (name in MOVED and value.dtype in (np.float64, np.bool_, np.int64))
        or (name in SUMMED and value.dtype in (np.float64, np.int64))
        or (name in ONE_BY_ONE and value.dtype == np.float64)
    )


def _applied(code: Code, value: Value, args: list[Any], limit: int) -> Any:
    op, name = value.op, known(value.op)
    assert op is not None
    if "body" in value.kwargs:
        return _looped(code, value, args)
    if isinstance(args[0], tuple):
        return args[0][value.kwargs["k"]]  # one of a loop's results
    if is_row(value):
        return _elementwise(code, name, args, value.shape)
    if name in MOVED or name == "assignment":
        return op.fn(*args, **value.kwargs)
    if name in SUMMED:
        return _by_numpy(code, value, args, limit)
    if name == "astype":
        return np.array([number(code, k) for k in args[0].ravel().tolist()], dtype=int).reshape(value.shape)
    if name == "scatter_add":
        return _scattered(code, args[0], **value.kwargs)
    return _reduced(code, "np.maximum" if name == "max" else "np.minimum", args[0], **value.kwargs)


def of_step(program: Program) -> Scalars:
    """Scalar code of a loop's step. Instead of long code, loops over large arrays are as fast and compiled sooner."""
    largest = max((math.prod(value.shape) for value in program.values), default=0)
    return Scalars(program, SHORT if largest >= LARGE else LIMIT)


def _looped(code: Code, value: Value, args: list[Any]) -> tuple[np.ndarray, ...]:
    """A loop as one instruction, whatever the number of its steps."""
    body, length = value.kwargs["body"], value.kwargs["length"]
    values = body.program.values
    if body.program.guards or any(
        values[k].dtype != np.float64 for k in (*body.program.inputs, *body.program.outputs)
    ):
        raise NotScalar("a loop over numbers that are not of double precision")
    shapes = [
        values[k].shape if i < body.states else (length, *values[k].shape)
        for i, k in enumerate(body.program.outputs)
    ]
    sizes = list(map(math.prod, shapes))
    if sum(sizes) + sum(map(np.size, args)) > LIMIT // 4:
        raise NotScalar("a loop over large arrays")
    loop = Repeat(body, body.once(of_step), length, value.kwargs["backwards"])
    numbers = tuple(number(code, k) for a in args for k in np.ravel(a).tolist())
    found = np.split(np.array(code.repeat(loop, numbers, sum(sizes)), dtype=int), np.cumsum(sizes)[:-1])
    return tuple(a.reshape(shape) for a, shape in zip(found, shapes, strict=True))


def _elementwise(code: Code, name: str, args: Sequence[Any], shape: tuple[int, ...]) -> np.ndarray:
    row, asis = ROWS[name], name in TRUTHS
    if shape == () and not asis:
        written = code.instructions
        return np.array(
            row(code, *[k if written[k].kind == "d" else number(code, k) for k in map(int, args)])
        )
    columns = [np.broadcast_to(a, shape).ravel().tolist() for a in args]
    if not asis:
        written = code.instructions
        columns = [[k if written[k].kind == "d" else number(code, k) for k in c] for c in columns]
    elif name == "np.where":
        columns[1:] = [[number(code, k) for k in column] for column in columns[1:]]
    flat = list(map(_Rows(code, row).__getitem__, zip(*columns, strict=True)))
    return np.array(flat, dtype=int).reshape(shape)


class _Rows(dict[Any, int]):
    """What a row makes of operands. Arrays of zeros have few distinct ones."""

    __slots__ = ("code", "row")

    def __init__(self, code: Code, row: Row) -> None:
        self.code, self.row = code, row

    def __missing__(self, ks: tuple[int, ...]) -> int:
        k = self[ks] = self.row(self.code, *ks)
        return k


def _scattered(code: Code, g: np.ndarray, index: Any, shape: tuple[int, ...]) -> np.ndarray:
    size = math.prod(shape)
    places = np.arange(size).reshape(shape)[index]
    result = [code.zero] * size
    for place, k in zip(
        places.ravel().tolist(), np.broadcast_to(g, places.shape).ravel().tolist(), strict=True
    ):
        result[place] = k if result[place] == code.zero else code.emit("fadd", result[place], k)
    return np.array(result, dtype=int).reshape(shape)


def _by_numpy(code: Code, value: Value, args: list[Any], limit: int) -> np.ndarray:
    op = value.op
    assert op is not None
    keywords = {**value.kwargs, "optimize": False} if "optimize" in value.kwargs else value.kwargs
    dense = math.prod(
        np.count_nonzero(a != code.zero) / max(np.size(a), 1) for a in args if isinstance(a, np.ndarray)
    )
    if op.cost is not None:
        cost = op.cost(np.broadcast_to(0.0, value.shape), *args, **value.kwargs)
        if cost > 2 * LIMIT or cost * dense > 2 * limit:  # zeros take time here, too
            raise NotScalar(f"{op.name} of large arrays")
    objects = [_objects(code, a) if isinstance(a, np.ndarray) else a for a in args]
    y = np.asarray(op.fn(*objects, **keywords), dtype=object)
    return np.array([_position(code, v) for v in y.ravel()], dtype=int).reshape(value.shape)


def _objects(code: Code, ks: np.ndarray) -> np.ndarray:
    boxed = np.empty(ks.shape, object)
    boxed.ravel()[:] = [Number(code, number(code, k)) for k in ks.ravel().tolist()]
    return boxed


def _reduced(code: Code, name: str, ks: np.ndarray, axis: tuple[int, ...], keepdims: bool) -> np.ndarray:
    rest = tuple(k for k in range(ks.ndim) if k not in axis)
    rows = np.transpose(ks, rest + axis).reshape(*(ks.shape[k] for k in rest), -1)
    y = rows[..., 0]
    for i in range(1, rows.shape[-1]):
        y = _elementwise(code, name, [y, rows[..., i]], y.shape)
    return np.expand_dims(y, axis) if keepdims else y
