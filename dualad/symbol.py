"""Tracing: an interpreter below all derivatives, which writes a program of what reaches it.

A symbol has the value that the function was called with, so that Python code can look at it (branch on a
comparison, take an integer as an index): what it saw becomes a guard of the program. Derivatives take a
symbol for a plain value: `primal` gives it as it is, and comparisons of symbols are symbols.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .array import TracedArray
from .errors import TraceError, error, user_line
from .op import UNARY, Op, Tracer, example
from .program import Guard, Program, Ref, Value, form_of
from .tape import part
from .tracer import FAST, Raw, Traced, _restacked_only, leaked, next_number, operand
from .tree import Rebuild, flatten
from .views import link

positive = UNARY[np.positive]
_FLOAT64 = np.dtype(np.float64)
_VALUE_SHAPES = frozenset((np.nonzero, np.flatnonzero, np.argwhere))


class ReadsTraced(Exception):
    """A function that was to be compiled reads a value that an enclosing derivative traces."""


class Trace:
    """A program being written.

    captures: traced values of enclosing levels that the function reads become inputs too; then the program is
        the body of a loop, whose every round goes through it, so that nothing may branch on its values
    """

    __slots__ = ("captured", "captures", "constants", "guards", "number", "open", "refs", "values")

    def __init__(self, captures: bool = False) -> None:
        self.number, self.open = next_number(), True
        self.values: list[Value] = []
        self.refs: list[Ref] = []  # one for each value: many would be work for Python's garbage collector
        self.guards: dict[int, Guard] = {}
        self.constants: dict[int, tuple[int, Any]] = {}  # by id, kept alive
        self.captures = captures
        self.captured: dict[int, tuple[int, Any]] = {}  # likewise

    def input(self, x: Any) -> Any:
        """A symbol for an argument."""
        return symbol(x, self, self.append(None, (), {}, x))

    def constant(self, x: Any) -> Ref:
        """The place of a plain value."""
        key = id(x)
        if key not in self.constants:
            kept = x.copy() if isinstance(x, np.ndarray) else x  # as it is now
            self.constants[key] = self.append(None, (), {}, kept, kept), x
        return self.refs[self.constants[key][0]]

    def append(
        self, op: Op | None, args: tuple[Any, ...], kwargs: dict[str, Any], y: Any, constant: Any = None
    ) -> int:
        """Write one value, and say where."""
        if type(y) is float:
            value = Value(op, args, kwargs, (), _FLOAT64, float, constant)
        else:
            dtype = getattr(y, "dtype", None) or (None if isinstance(y, tuple) else np.result_type(type(y)))
            shape = () if isinstance(y, tuple) else np.shape(y)
            value = Value(op, args, kwargs, shape, dtype, form_of(y), constant)
        k = len(self.values)
        self.values.append(value)
        self.refs.append(Ref(k))
        return k

    def record(self, op: Op, args: Sequence[Any], kwargs: dict[str, Any], y: Any) -> Any:
        """Write an operation, and return its result as a symbol."""
        if not self.open:
            raise leaked()
        k = self.append(op, tuple(map(self.reference, args)), kwargs, y)
        if not isinstance(y, tuple):
            return symbol(y, self, k)
        parts: list[Any] = [
            symbol(v, self, self.append(part, (self.refs[k],), {"k": i}, v)) for i, v in enumerate(y)
        ]
        return type(y)(*parts) if hasattr(y, "_fields") else tuple(parts)

    def reference(self, a: Any) -> Any:
        """An argument as the program has it: numbers and arrays by place, all else as it is."""
        if isinstance(a, Symbol) and a.trace is self:
            return self.refs[a.index]
        if isinstance(a, Tracer):
            return self.capture(a)
        return self.constant(a) if isinstance(a, (float, int, complex, np.ndarray, np.generic)) else a

    def capture(self, a: Tracer) -> Ref:
        """The place of an enclosing level's value."""
        if isinstance(a, Symbol) and not a.trace.open:
            raise leaked()
        if not self.captures:
            raise ReadsTraced
        if id(a) not in self.captured:
            self.captured[id(a)] = self.append(None, (), {}, example(a)), a
        return self.refs[self.captured[id(a)][0]]

    def lift(self, seed: Any) -> Any:
        """A unit direction, say: its zeros are structural. What was computed is no constant."""
        if isinstance(seed, Tracer):
            return seed
        return symbol(seed, self, self.append(None, (), {"seed": True}, seed, seed))

    def guard(self, k: int, expected: Any) -> None:
        """Note that the function looked at a value."""
        if self.captures:
            raise error(
                TraceError,
                "a step of dualad.scan looked at a traced value (a branch, an index, a conversion), which differs from "
                "one step to the next",
                "np.where(condition, a, b), or a plain Python loop in place of dualad.scan",
            )
        if k not in self.guards:
            self.guards[k] = Guard(k, expected, user_line())


class Symbol(Traced):
    """A number that a program is written over."""

    __slots__ = ("index", "trace", "value")
    trace: Trace
    index: int
    value: Any
    symbolic = True

    @property
    def number(self) -> int:  # type: ignore[override]
        return self.trace.number

    @property
    def dtype(self) -> np.dtype:
        return getattr(self.value, "dtype", None) or np.result_type(type(self.value))

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.value)

    def buffer(self, value: Any) -> Any:
        return symbol(value, self.trace, self.trace.constant(value).k)

    def lift(self, seed: Any) -> Any:
        return self.trace.lift(seed)

    def process(self, op: Op, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        if op.fn in _VALUE_SHAPES:
            raise error(
                TraceError,
                f"the shape of {op.name}'s result depends on values, which a compiled function has only when it runs",
                "np.where(mask, x, 0.0) in place of x[mask]",
            )
        args = [operand(a) for a in args]
        plain = [example(a) for a in args]
        y = op.call(*plain, **kwargs)
        if type(y) is np.float64 and all(type(a) in (float, int) for a in plain):
            y = float(y)
        elif type(y) is np.complex128 and all(type(a) in (float, int, complex) for a in plain):
            y = complex(y)
        if not isinstance(y, (float, int, complex, np.ndarray, np.generic, tuple)):
            return y  # a dtype, say, which no values decide
        result = self.trace.record(op, args, kwargs, y)
        if op.view is not None and isinstance(result, SymbolArray) and isinstance(args[0], SymbolArray):
            link(result, args[0], op, kwargs)
        return result

    def alike(self, r: Any) -> Any:
        """A symbol as a Python float where this one is: NumPy's number, or an array without axes, for a float."""
        if (
            type(self.value) is not float
            or type(getattr(r, "value", 0.0)) is float
            or not isinstance(r, Symbol)
        ):
            return r
        return self.trace.record(positive, (r,), {}, float(r.value))

    def seen(self, what: str) -> Any:
        """The value as Python code is given it, for one number."""
        if self.shape:
            raise error(
                TraceError,
                f"{what} of an array of shape {self.shape} depends on values, which a compiled function has only when "
                "it runs",
                "np.where(condition, a, b), or a shape that does not depend on values",
            )
        self.trace.guard(self.index, self.value)
        return self.value

    def __bool__(self) -> bool:
        one: Any = self if not self.shape else np.reshape(self, ()) if self.size == 1 else None  # type: ignore[call-overload]
        return super().__bool__() if one is None else bool(one.seen("bool()"))

    def __round__(self, n: int | None = None) -> Any:
        return int(np.rint(self)) if n is None else np.round(self, n)  # type: ignore[call-overload]

    def __repr__(self) -> str:
        return f"Symbol({self.value!r})"

    def __format__(self, spec: str) -> str:
        return format(self.value, spec) if spec else repr(self)

    def __int__(self) -> int:
        return int(self.seen("int()"))

    def __index__(self) -> int:
        if self.dtype.kind not in "iu":
            self.refuse("use as an integer")
        return int(self.seen("an index"))

    def __hash__(self) -> int:
        self.refuse("hashing (use as a dictionary key or set member)")


_OPERATORS: dict[str, Any] = {
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal,
    "ne": np.not_equal, "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
}  # fmt: skip
for _name, _fn in _OPERATORS.items():
    setattr(Symbol, f"__{_name}__", lambda self, other, fn=_fn: fn(self, other))
    setattr(Symbol, f"__r{_name}__", lambda self, other, fn=_fn: fn(other, self))
setattr(Symbol, "__invert__", lambda self: np.invert(self))  # noqa: B010


def _binary(op: Op, raw: Raw, reflected: bool) -> Callable[[Any, Any], Any]:
    """Python's operator: of numbers written down at once, of all else by NumPy's function, which dispatches."""

    def method(self: Symbol, other: Any) -> Any:
        trace, x = self.trace, self.value
        y = other.value if type(other) is Symbol and other.trace is trace else other
        if (type(x) is float or type(x) is np.float64) and (type(y) is float or type(y) is np.float64):
            pair = (other, self) if reflected else (self, other)
            try:
                z = raw(y, x) if reflected else raw(x, y)
            except ZeroDivisionError:  # NumPy has a limit
                return op.fn(*pair)
            return trace.record(op, pair, {}, z)
        return op.fn(other, self) if reflected else op.fn(self, other)

    return method


for _name, _op, _raw, _, _raw_n in FAST:
    if _name != "pow":
        setattr(Symbol, f"__{_name}__", _binary(_op, _raw, False))
        setattr(Symbol, f"__r{_name}__", _binary(_op, _raw, True))


class SymbolArray(TracedArray, Symbol):
    """An array that a program is written over."""

    __slots__ = ("__weakref__", "children", "view")

    def become(self, other: Any) -> None:
        self.value, self.index = other.value, other.index


def symbol(value: Any, trace: Trace, index: int) -> Symbol:
    """A `Symbol` of either kind."""
    result = SymbolArray() if isinstance(value, np.ndarray) and value.ndim else Symbol()
    result.value, result.trace, result.index = value, trace, index
    return result


def traced(
    f: Callable[..., Any], leaves: Sequence[Any], trace: Trace | None = None
) -> tuple[Program, Rebuild]:
    """The program of `f(*leaves)`, for values of their shapes and dtypes, and the structure of its result.

    trace: a new one; what it captured becomes inputs behind the leaves
    raises: TraceError for results that are no numbers; ReadsTraced
    """
    trace = trace or Trace()
    try:
        inputs = [trace.input(x) for x in leaves]
        positions = [s.index for s in inputs]
        found, rebuild = flatten(f(*inputs))
        outputs = [trace.reference(_restacked_only(v)) for v in found]
        positions += [k for k, _ in trace.captured.values()]
    finally:
        trace.open = False
    for v, place in zip(found, outputs, strict=True):
        if type(place) is not Ref:
            raise error(
                TraceError,
                f"a compiled function returned a {type(v).__name__}",
                "return numbers and arrays, or nested lists, tuples and dicts of them",
            )
    program = Program(trace.values, positions, [place.k for place in outputs], [*trace.guards.values()])
    return program, rebuild
