"""Forward mode: a value and its tangent, carried side by side through every operation (Wengert 1964)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .array import TracedArray
from .op import UNARY, Op
from .push import constant, partial, push, shaped
from .rules.index import index_into
from .tracer import FAST, Complex, Raw, Traced, leaked, next_number, operand
from .views import link


class Level:
    """One run of a function under forward mode; closed when the function has returned."""

    __slots__ = ("number", "open")

    def __init__(self) -> None:
        self.number, self.open = next_number(), True


class Dual(Traced):
    """A traced scalar in forward mode: `value + tangent · ε`, with ε² = 0."""

    __slots__ = ("level", "tangent", "value")
    value: Any
    tangent: Any
    level: Level

    @property
    def number(self) -> int:  # type: ignore[override]
        return self.level.number

    def buffer(self, value: Any) -> Any:
        return dual(value, constant(value, 0.0), self.level)

    def process(self, op: Op, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        if op.kind == "plain":
            return op.on_primals(args, kwargs)
        level = self.level
        if not level.open:
            raise leaked()
        args = [operand(a) for a in args]
        tangents = [a.tangent if isinstance(a, Dual) and a.level is level else None for a in args]
        values = [a if dx is None else a.value for a, dx in zip(args, tangents, strict=True)]
        if op.kind == "joint":
            y, dy = op.rules[0](tangents, values, **kwargs)
            return tuple(v if dv is None else dual(v, dv, level) for v, dv in zip(y, dy, strict=True))
        y = op.result(values, kwargs)
        if not op.variadic:
            tangents = [None if op.rules[i] is None else dx for i, dx in enumerate(tangents)]
        if all(dx is None for dx in tangents):
            return y
        dy = push(op, tangents, y, values, kwargs)
        if isinstance(y, tuple):
            parts: list[Any] = [dual(v, dv, level) for v, dv in zip(y, dy, strict=True)]
            return type(y)(*parts) if hasattr(y, "_fields") else tuple(parts)
        result = dual(y, dy, level)
        if op.view is not None and isinstance(result, DualArray) and isinstance(args[0], DualArray):
            link(result, args[0], op, kwargs)
        return result

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        op = UNARY.get(ufunc)
        if op is None or kwargs or method != "__call__":
            return Traced.__array_ufunc__(self, ufunc, method, *args, **kwargs)
        level = self.level
        if not level.open:
            raise leaked()
        x = self.value
        y = ufunc(x)
        if type(x) is float:
            y = float(y)
        result = type(self)()
        result.value, result.level = y, level
        result.tangent = (
            self.tangent * op.d0 if type(op.d0) is float else partial(op, 0, y, (x,)) * self.tangent
        )
        return result


class DualArray(TracedArray, Dual):
    """A traced array in forward mode."""

    __slots__ = ("__weakref__", "children", "view")

    def become(self, other: Any) -> None:
        self.value, self.tangent = other.value, other.tangent

    def __getitem__(self, index: Any) -> Any:
        x = self.value
        if type(index) is not int or type(x) is not np.ndarray or x.ndim != 1:
            return index_into(self, index)
        # Loops over the elements of a vector
        if not self.level.open:
            raise leaked()
        return dual(x[index], self.tangent[index], self.level)


class ComplexDual(Complex, Dual):
    """A complex traced scalar in forward mode."""

    __slots__ = ()


class ComplexDualArray(Complex, DualArray):
    """A complex traced array in forward mode."""

    __slots__ = ()


def dual(value: Any, tangent: Any, level: Level) -> Dual:
    """A `Dual` of the kind that the value needs."""
    result: Dual
    if type(value) is float:
        result = Dual()
    elif value.dtype.kind == "c":
        result = ComplexDualArray() if value.shape else ComplexDual()
    else:
        result = DualArray() if value.shape else Dual()
    result.value, result.tangent, result.level = value, tangent, level
    return result


def pushed(
    f: Callable[[list[Any]], Sequence[Any]], values: Sequence[Any], tangents: Sequence[Any]
) -> tuple[list[Any], list[Any]]:
    """Results of `f`, and their tangents, from those of `values`; `None` for zero on both sides."""
    level = Level()
    try:
        found = f([v if dv is None else dual(v, dv, level) for v, dv in zip(values, tangents, strict=True)])
    finally:
        level.open = False
    mine = [isinstance(v, Dual) and v.level is level for v in found]
    return (
        [v.value if own else v for v, own in zip(found, mine, strict=True)],
        [v.tangent if own else None for v, own in zip(found, mine, strict=True)],
    )


# Python's operators: the common cases here, the others through NumPy and `process`
def _binary(op: Op, raw: Raw, op_n: Op, raw_n: Raw) -> Raw:
    numpy = op.fn

    def method(a: Any, b: Any) -> Any:
        level, x, kind = a.level, a.value, type(b)
        try:
            if kind is float or kind is int:
                y = raw(x, b) if kind is float else raw_n(x, b)
                result = type(a)()
                result.tangent = _term(op_n, op_n.d0, 0, a.tangent, y, (x, b))
            elif (kind is Dual or kind is DualArray) and b.level is level:
                z = b.value
                y = raw(x, z)
                result = (kind if kind is DualArray else type(a))()
                dy = _term(op, op.d0, 0, a.tangent, y, (x, z)) + _term(op, op.d1, 1, b.tangent, y, (x, z))
                result.tangent = dy if type(y) is float else shaped(dy, y)
            else:
                return numpy(a, b)
        except ArithmeticError:  # Python's 1/0 raises; NumPy's has a value
            return numpy(a, b)
        if not level.open:
            raise leaked()
        result.value, result.level = y, level
        return result

    return method


def _reflected(op: Op, raw: Raw) -> Raw:
    numpy = op.fn

    def method(b: Any, a: Any) -> Any:
        level, z = b.level, b.value
        if not (type(a) is float or type(a) is int) or not level.open:
            return numpy(a, b)
        try:
            y = raw(a, z)
        except ArithmeticError:
            return numpy(a, b)
        result = type(b)()
        result.value, result.level = y, level
        result.tangent = _term(op, op.d1, 1, b.tangent, y, (a, z))
        return result

    return method


def _term(op: Op, d: Any, i: int, dx: Any, y: Any, args: tuple[Any, Any]) -> Any:
    """One argument's share of the tangent."""
    if type(d) is float:
        return dx if d == 1.0 else dx * d
    return (args[d - 2] if type(d) is int and d > 1 else partial(op, i, y, args)) * dx


def _negate(a: Any) -> Any:
    return dual(-a.value, -a.tangent, a.level) if a.level.open else np.negative(a)


for _name, _op, _raw, _op_n, _raw_n in FAST:
    setattr(Dual, f"__{_name}__", _binary(_op, _raw, _op_n, _raw_n))
    setattr(Dual, f"__r{_name}__", _reflected(_op, _raw))
setattr(Dual, "__neg__", _negate)  # noqa: B010  (a checker sees no such method to replace)
