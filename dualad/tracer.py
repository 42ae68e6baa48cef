"""What every traced value can do: NumPy's protocols, operators, attributes, and helpful refusals.

`import numpy as np` code reaches dualad through three doors: ufuncs call `__array_ufunc__` (NEP 13), other
NumPy functions call `__array_function__` (NEP 18), and Python's operators are methods. All lead to the op.
The interpreters (`Dual`, `Var`, …) say what happens there, in `process`.
"""

from __future__ import annotations

import difflib
import operator
import re
import sys
from collections.abc import Callable
from itertools import count
from typing import Any, NoReturn

import numpy as np

from .errors import (
    AssignmentError,
    ConversionError,
    DtypeError,
    KeywordError,
    LeakError,
    NoRuleError,
    NotScalarError,
    error,
    name_of,
    user_line,
)
from .op import OPS, UNARY, UNSUPPORTED, Op, Tracer, checked, primal
from .rules import elementwise as ops

# Levels are numbered as derivatives begin. One that is nested in another begins later, in whatever thread,
# and so has the higher number: that makes perturbation confusion impossible (Siskind and Pearlmutter 2005).
next_number = count(1).__next__

_CREATION: frozenset[Any] = frozenset(
    (np.zeros, np.ones, np.empty, np.full, np.eye, np.identity, np.array, np.asarray)
)

# ufunc methods, as the functions that compute the same
_METHODS: dict[Any, Any] = {
    ("reduce", np.add): np.sum,
    ("reduce", np.multiply): np.prod,
    ("reduce", np.maximum): np.max,
    ("reduce", np.minimum): np.min,
    ("accumulate", np.add): np.cumsum,
    ("accumulate", np.multiply): np.cumprod,
}


def leaked() -> LeakError:
    """The error for a traced value that outlived its function."""
    return error(
        LeakError,
        "a traced value was used after the function it belongs to had returned",
        "return the value from the differentiated function (has_aux=True passes extra results out), "
        "or keep dualad.primal(x)",
    )


def no_rule(fn: Any) -> NoRuleError:
    """The error for a function that is not registered."""
    name = name_of(fn)
    known = {name_of(f).rpartition(".")[2]: name_of(f) for f in list(OPS)}
    near = difflib.get_close_matches(name.rpartition(".")[2], known, 1, 0.75)
    if fn in UNSUPPORTED:
        fix = UNSUPPORTED[fn]
    else:
        fix = f"{known[near[0]]} has a rule; " if near else ""
        fix += "write it over functions that have one"
    return error(
        NoRuleError,
        f"{name} has no derivative rule",
        f"{fix}, or call it on dualad.primal(x) if its derivative is not wanted",
    )


def late(ufunc: Any) -> Any:
    """The op of a ufunc of SciPy's: their rules are imported when the first of them meets a traced value."""
    if "scipy.special" not in sys.modules:
        return None
    from .rules import special  # noqa: F401  (registers them; another thread's import waits for this one)

    return OPS.get(ufunc)


def restacked(a: np.ndarray) -> Any:
    """An object array of traced scalars, as NumPy builds from `np.array([x, y])`, as one traced array."""
    if a.ndim == 0:
        return a.item()
    return np.reshape(np.stack([_number(v) for v in a.ravel()]), a.shape)


def _number(v: Any) -> Any:
    if not isinstance(v, (Tracer, float, int, np.number)):
        raise error(DtypeError, f"an array holds a {type(v).__name__}, which cannot be differentiated")
    return v if isinstance(v, Tracer) else float(v)


def operand(a: Any) -> Any:
    """An argument as ops take it: lists and object arrays become arrays, numbers and the rest stay."""
    if isinstance(a, (list, tuple)):
        a = np.asarray(a)
    if isinstance(a, np.ndarray):
        if a.dtype == object:
            return restacked(a)
        if type(a) is not np.ndarray and isinstance(a, np.ma.MaskedArray):
            raise error(
                DtypeError, "a masked array met a traced value", "np.where(mask, 0.0, x), or x[~mask]"
            )
    return a


class Traced(Tracer):
    """A traced scalar. It has no sequence methods, so that NumPy reports our error when it is put in an array."""

    __slots__ = ()

    # the two protocols
    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        op = OPS.get(ufunc) or late(ufunc)
        if op is None:
            raise no_rule(ufunc)
        if kwargs:
            target = (kwargs.get("out") or (None,))[0]
            if isinstance(target, Tracer):
                kwargs.pop("out")
                target[...] = getattr(ufunc, method)(*args, **kwargs)  # type: ignore[index]
                return target
            if any(o is not None for o in kwargs.get("out") or ()):
                raise error(
                    AssignmentError,
                    f"{name_of(ufunc)} was to write a traced value into a plain array (out= or an in-place operator)",
                    f"a new array: y = {name_of(ufunc)}(...), or a = a + x in place of a += x",
                )
            kwargs = checked(
                ufunc,
                kwargs,
                {"axis", "keepdims", "initial", "where", "dtype"} if method != "__call__" else set(),
            )
        if method == "__call__":
            return op(*map(operand, args))
        if method == "at" and isinstance(args[0], Tracer) and ufunc in (np.add, np.subtract):
            return args[0].add_at(args[1], args[2] if ufunc is np.add else -args[2])  # type: ignore[attr-defined]
        reduction = _METHODS.get((method, ufunc))
        if reduction is None:
            raise error(
                KeywordError,
                f"{name_of(ufunc)}.{method} has no derivative rule",
                "write it with NumPy's functions",
            )
        return reduction(args[0], *(args[1:] or (kwargs.pop("axis", 0),)), **kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func in _CREATION:  # np.zeros(n, like=x)
            made = func(*args, **kwargs)
            return (
                restacked(made)
                if made.dtype == object
                else self.buffer(made)
                if made.dtype.kind == "f"
                else made
            )
        op = OPS.get(func)
        if op is None:
            raise no_rule(func)
        if op.kind not in ("composite", "plain") and kwargs:
            kwargs = checked(func, kwargs, set())
        return op(*map(_restacked_only, args), **kwargs)

    def buffer(self, value: Any) -> Any:
        """A plain array as a traced one of this level, to be assigned into."""
        raise NotImplementedError

    # conversions that would lose the derivative
    def _refuse(self, what: str) -> NoReturn:
        call = re.search(r"(?<![\w.])(math|cmath|random|statistics)\.(\w+)\(", user_line().partition(": ")[2])
        if call is not None:
            raise error(
                ConversionError,
                f"{call[1]}.{call[2]} turns a traced value into a plain number, which would lose its derivative",
                f"np.{call[2]}, which has a rule"
                if getattr(np, call[2], None) in OPS
                else "a NumPy function, or dualad.primal(x)",
            )
        raise error(
            ConversionError,
            f"{what} of a traced value would lose its derivative",
            "keep the traced value (NumPy functions take it as it is; build arrays with np.stack or np.array of "
            "traced values, not by filling a plain one), or drop the derivative with dualad.primal(x)",
        )

    def __float__(self) -> float:
        self._refuse("float()")

    def __int__(self) -> int:
        self._refuse("int()")

    def __index__(self) -> int:
        self._refuse("use as an integer")

    def __complex__(self) -> complex:
        self._refuse("complex()")

    def item(self, *args: Any) -> NoReturn:
        self._refuse(".item()")

    def tolist(self) -> NoReturn:
        self._refuse(".tolist()")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if dtype is not None and np.dtype(dtype).kind != "O":
            self._refuse(f"conversion to an array of {np.dtype(dtype)}")
        array: Any = self
        boxed = np.empty(self.shape, object)
        for k in np.ndindex(self.shape):
            boxed[k] = array[k] if k else self
        return boxed

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        self._refuse("pickling")

    def __hash__(self) -> int:
        self._refuse("hashing (use as a dictionary key or set member)")

    # control flow and text follow the primal
    def __bool__(self) -> bool:
        if self.size != 1:
            raise error(
                NotScalarError,
                f"bool() of a traced array of shape {self.shape} is ambiguous",
                "np.where(condition, a, b), or np.any / np.all of the comparison",
            )
        return bool(primal(self))

    def __format__(self, spec: str) -> str:
        return format(primal(self), spec) if spec else repr(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__.removesuffix('Array')}({primal(self)!r})"

    def __copy__(self) -> Tracer:
        return self

    def __deepcopy__(self, memo: Any) -> Tracer:
        return self

    # attributes
    @property
    def shape(self) -> tuple[int, ...]:
        v = self.value
        return () if type(v) is float else v.shape

    @property
    def dtype(self) -> np.dtype:
        v = self.value
        return np.dtype(float) if type(v) is float else v.dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=int))

    @property
    def T(self) -> Any:
        return np.transpose(self)

    @property
    def mT(self) -> Any:
        return np.matrix_transpose(self)

    @property
    def real(self) -> Any:
        return self

    def conjugate(self) -> Any:
        return self

    conj = conjugate

    @property
    def flat(self) -> Any:
        return iter(np.ravel(self))

    def reshape(self: Any, *shape: Any, order: str = "C") -> Any:
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, order)  # type: ignore[call-overload]

    def transpose(self: Any, *axes: Any) -> Any:
        return np.transpose(self, (axes[0] if len(axes) == 1 else axes) or None)

    def flatten(self: Any, order: str = "C") -> Any:
        return +np.ravel(self, order)  # type: ignore[call-overload]  # a copy, where ravel is a view

    # comparisons return plain values
    def __lt__(self, other: Any) -> Any:
        return primal(self) < primal(operand(other))

    def __le__(self, other: Any) -> Any:
        return primal(self) <= primal(operand(other))

    def __gt__(self, other: Any) -> Any:
        return primal(self) > primal(operand(other))

    def __ge__(self, other: Any) -> Any:
        return primal(self) >= primal(operand(other))

    def __eq__(self, other: Any) -> Any:
        return primal(self) == primal(operand(other))

    def __ne__(self, other: Any) -> Any:
        return primal(self) != primal(operand(other))

    def __round__(self, n: int | None = None) -> Any:
        return round(primal(self), n)

    def __floor__(self) -> int:
        return int(np.floor(primal(self)))

    def __ceil__(self) -> int:
        return int(np.ceil(primal(self)))

    def __trunc__(self) -> int:
        return int(np.trunc(primal(self)))


def _restacked_only(a: Any) -> Any:
    return restacked(a) if isinstance(a, np.ndarray) and a.dtype == object else a


def _operators(cls: type[Traced]) -> None:
    """Python's operators and ndarray's methods, as the NumPy functions they stand for."""
    binary = {
        "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide, "pow": np.power,
        "matmul": np.matmul, "mod": np.remainder, "floordiv": np.floor_divide, "divmod": np.divmod,
    }  # fmt: skip
    for name, fn in binary.items():
        setattr(cls, f"__{name}__", lambda self, other, fn=fn: fn(self, other))
        setattr(cls, f"__r{name}__", lambda self, other, fn=fn: fn(other, self))
    for name, fn in {"neg": np.negative, "pos": np.positive, "abs": np.absolute}.items():
        setattr(cls, f"__{name}__", lambda self, fn=fn: fn(self))
    methods = (
        "sum mean std var prod max min ptp cumsum cumprod dot ravel squeeze swapaxes repeat take clip diagonal trace "
        "copy astype round argmax argmin argsort any all nonzero searchsorted compress"
    )
    for name in methods.split():
        fn = getattr(np, name)
        setattr(cls, name, lambda self, *args, fn=fn, **kwargs: fn(self, *args, **kwargs))
    # NumPy evaluates np.sin of an object array of traced scalars by calling the method `sin` of each.
    for ufunc in UNARY:
        if not hasattr(cls, ufunc.__name__):
            setattr(cls, ufunc.__name__, lambda self, fn=ufunc: fn(self))


_operators(Traced)

# The operators that interpreters write fast paths for: the op and Python's own operator; then the op for a
# plain number on the right, and Python's operator where that is an integer.
Raw = Callable[[Any, Any], Any]
FAST: tuple[tuple[str, Op, Raw, Op, Raw], ...] = (
    ("add", ops.add, operator.add, ops.add, operator.add),
    ("sub", ops.subtract, operator.sub, ops.subtract, operator.sub),
    ("mul", ops.multiply, operator.mul, ops.multiply, operator.mul),
    ("truediv", ops.divide, operator.truediv, ops.divide, operator.truediv),
    ("pow", ops.power, ops.real_power, ops.power_number, operator.pow),
)
