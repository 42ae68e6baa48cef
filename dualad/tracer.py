"""What every traced value can do: NumPy's protocols, operators, attributes, and helpful refusals.

`import numpy as np` code reaches dualad through three doors: ufuncs call `__array_ufunc__` (NEP 13), other
NumPy functions call `__array_function__` (NEP 18), and Python's operators are methods. All lead to the op.
The interpreters (`Dual`, `Var`, …) say what happens there, in `process`.
"""

from __future__ import annotations

import difflib
import operator
import sys
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, NoReturn

import numpy as np

from . import methods
from .errors import (
    AssignmentError,
    DtypeError,
    LeakError,
    NoRuleError,
    NotScalarError,
    error,
    name_of,
)
from .op import BINARY, OPS, UNARY, UNSUPPORTED, Op, Tracer, checked, primal
from .refuse import BUFFER, Refusing
from .rules import elementwise as ops
from .rules.evaluation import asked_by, refuse_untensored
from .rules.join import numbers

# Levels are numbered as derivatives begin. One that is nested in another begins later, in whatever thread,
# and so has the higher number: that makes perturbation confusion impossible (Siskind and Pearlmutter 2005).
next_number = count(1).__next__

_CREATION: frozenset[Any] = frozenset(
    (np.zeros, np.ones, np.empty, np.full, np.eye, np.identity, np.array, np.asarray)
)


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


def late(fn: Any) -> Any:
    """The op of a function whose rules are imported when the first of its kind meets a traced value."""
    if str(getattr(fn, "__module__", "")).startswith("numpy.polynomial"):
        from .rules import grids  # noqa: F401  (registers them; another thread's import waits for this one)
    elif "scipy.special" in sys.modules:
        from .rules import special  # noqa: F401
    return OPS.get(fn)


def matmul(a: Any, b: Any) -> Any:
    """`a @ b`, where one may be a sparse matrix of SciPy's: the rule is imported when the first is met."""
    if is_sparse(b if isinstance(a, Tracer) else a):
        from .rules import sparse

        return sparse.matmul(a, b)
    return np.matmul(a, b)


def is_sparse(a: Any) -> bool:
    """Whether it is a sparse matrix of SciPy's, which is not imported to find out."""
    if isinstance(a, (Tracer, np.ndarray, np.generic, float, int)):
        return False
    sparse = sys.modules.get("scipy.sparse")
    return sparse is not None and bool(sparse.issparse(a))


def _refuse_sparse() -> NoReturn:
    raise error(
        NoRuleError,
        "a sparse matrix met a traced value in a function that has no rule for sparse matrices",
        "a product, A @ x or x @ A (not A * x); x[0] * (A @ v) in place of (x[0] * A) @ v; or A.toarray()",
    )


def restacked(a: np.ndarray) -> Any:
    """An object array of traced scalars, as NumPy builds from `np.array([x, y])`, as one traced array."""
    if a.ndim == 0:
        return a.item()
    y = numbers(*map(_number, a.ravel()))
    return y if a.ndim == 1 else np.reshape(y, a.shape)


def _number(v: Any) -> Any:
    if not isinstance(v, (Tracer, float, int, complex, np.number)):
        raise error(DtypeError, f"an array holds a {type(v).__name__}, which cannot be differentiated")
    return v if isinstance(v, Tracer) else np.complex128(v) if isinstance(v, complex) else float(v)


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
    elif is_sparse(a):
        _refuse_sparse()
    return a


class Traced(Refusing):
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
                    f"a new array: y = {name_of(ufunc)}(...), or a = a + x in place of a += x; {BUFFER}",
                )
            if method == "__call__":
                kwargs = checked(ufunc, kwargs, set())
        if method == "__call__":
            if type(args[0]) is np.ndarray and args[0].base is not None and asked_by(sys._getframe(1)):
                refuse_untensored()
            try:
                return op(*map(operand, args))
            except ValueError:
                refuse_untensored()
                raise
        operands = 1 if method in ("at", "reduceat") else len(args)  # then come positions
        args = (*map(operand, args[:operands]), *args[operands:])
        return methods.method(ufunc, method, args, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func in _CREATION:  # np.zeros(n, like=x)
            made = func(*args, **kwargs)
            return (
                restacked(made)
                if made.dtype == object
                else self.buffer(made)
                if made.dtype.kind in "fc"
                else made
            )
        op = OPS.get(func) or late(func)
        if op is None:
            raise no_rule(func)
        if op.kind not in ("composite", "plain") and kwargs:
            kwargs = checked(func, kwargs, set())
        return op(*map(_restacked_only, args), **kwargs)

    def buffer(self, value: Any) -> Any:
        """A plain array as a traced one of this level, to be assigned into."""
        raise NotImplementedError

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
    def T(self: Any) -> Any:
        return np.transpose(self)

    @property
    def mT(self: Any) -> Any:
        return np.matrix_transpose(self)

    @property
    def real(self: Any) -> Any:
        return np.real(self)

    @property
    def imag(self: Any) -> Any:
        return np.imag(self)

    def conjugate(self: Any) -> Any:
        return np.conjugate(self)

    conj = conjugate

    @property
    def flat(self: Any) -> Any:
        return iter(np.ravel(self))

    def reshape(self: Any, *shape: Any, order: str = "C") -> Any:
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, order)  # type: ignore[call-overload]

    def transpose(self: Any, *axes: Any) -> Any:
        return np.transpose(self, (axes[0] if len(axes) == 1 else axes) or None)

    def flatten(self: Any, order: str = "C") -> Any:
        return +np.ravel(self, order)  # type: ignore[call-overload]  # a copy, where ravel is a view

    # comparisons return plain values; Python drops the hash of a class that defines __eq__
    __hash__ = Refusing.__hash__

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
    if is_sparse(a):
        _refuse_sparse()
    return restacked(a) if isinstance(a, np.ndarray) and a.dtype == object else a


def _operators(cls: type[Traced]) -> None:
    """Python's operators and ndarray's methods, as the NumPy functions they stand for."""
    binary = {
        "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide, "pow": np.power,
        "matmul": matmul, "mod": np.remainder, "floordiv": np.floor_divide, "divmod": np.divmod,
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
    for ufunc in (*UNARY, *BINARY):
        if not hasattr(cls, ufunc.__name__):
            setattr(cls, ufunc.__name__, lambda self, *others, fn=ufunc: fn(self, *others))


_operators(Traced)


class Complex(Traced):
    """A complex traced value. It takes no short cuts, and goes only where the rules hold for complex values.

    Interpreters mix it into their classes, so that real values, the most of all, pay nothing for it.
    """

    __slots__ = ()
    __array_ufunc__ = Traced.__array_ufunc__

    def process(self, op: Op, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        if not op.complex:
            raise op.no_complex_rule()
        return super().process(op, args, kwargs) if op.complex is True else op.complex(*args, **kwargs)


_operators(Complex)

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
