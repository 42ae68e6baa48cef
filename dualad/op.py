"""The registry: each operation is declared once, and every interpreter reads the declaration.

Four kinds of declaration, each with one rule per argument, written in plain NumPy (and a fifth in rolled.py, with
rules of all arguments jointly):

    elementwise   the partial derivative, a number or a function of the output and the inputs
    linear        jointly linear (a sum, a reshape, an index): the adjoint, a function of the cotangent
    multilinear   linear in each argument (a product): likewise the adjoint
    general       the pushforward of one argument's tangent; the pullback is derived from it

`None` in place of a rule marks an argument that is never differentiated. Inside a rule `np.cos(x)`
dispatches again when `x` is itself traced, so that derivatives nest without any rule knowing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .errors import DtypeError, KeywordError, RegistrationError, error, name_of

Function = Callable[..., Any]


class Tracer:
    """Root of all traced values; what they can do is in tracer.py, how they do it in the interpreters."""

    __slots__ = ()
    number: int  # of the level: the op acts on the highest, lower ones are met when rules call NumPy
    value: Any
    symbolic = False  # whether it is a plain value to derivatives, which a program will have when it runs

    def process(self, op: Op, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Apply `op`, of whose arguments this is one of the highest level."""
        raise NotImplementedError

    def lift(self, seed: Any) -> Any:
        """A plain seed as seen from this level: counted where counting is on."""
        return self.value.lift(seed) if isinstance(self.value, Tracer) else seed


class Op:
    """One operation: its NumPy function, its rules, and facts about it that interpreters read.

    `call` evaluates it on values of a lower level: the NumPy function where that dispatches by itself.
    `d0` and `d1` are the first two partials of an elementwise op in the form the fast paths read: a float,
    a function, or an integer for a rule that merely returns one of (y, *inputs) or, negative, one divided by it:
    where that one stands in a tape's entry.
    `depends` says what each number of the result depends on, where kind and `batch` do not (patterns/interpret.py).
    """

    __slots__ = (
        "active", "batch", "call", "complex", "cost", "d0", "d1", "depends", "examples", "fn",
        "into", "kind", "moves", "name", "pulls", "rules", "selects", "variadic", "view",
    )  # fmt: skip

    def __init__(
        self,
        kind: str,
        fn: Function,
        rules: Sequence[Any],
        *,
        name: str | None = None,
        examples: Function | None = None,
        batch: Function | None = None,
        cost: Function | None = None,
        pulls: Sequence[Function | None] | None = None,
        into: Function | None = None,
        view: Function | None = None,
        variadic: bool = False,
        dispatches: bool = True,
        complex: bool | Op | None = None,
        moves: bool = False,
        selects: bool = False,
        depends: Any = None,
    ) -> None:
        self.kind, self.fn, self.rules = kind, fn, tuple(rules)
        self.name = name or name_of(fn)
        self.examples, self.batch, self.cost = examples, batch, cost
        self.pulls, self.into, self.view, self.variadic = pulls, into, view, variadic
        # Whether it only moves elements, or sums them; and whether it leaves some that nothing then depends on
        self.moves, self.selects, self.depends = moves, selects, depends
        # Whether the rules hold for complex values too, or the op that takes the place of this one for them
        self.complex = kind in ("linear", "multilinear", "plain") if complex is None else complex
        # NumPy functions and operators dispatch on traced values; a helper that assigns does not.
        self.call: Function = fn if dispatches else self
        partials = [_compact(rule, len(self.rules)) for rule in self.rules] if kind == "elementwise" else []
        self.d0, self.d1 = [*partials, None, None][:2]
        # Whether each argument can be differentiated, one flag for all of a variadic op's
        self.active = (True,) if variadic else tuple(rule is not None for rule in self.rules)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Apply to values, traced or not: the traced value of the highest level decides how."""
        top = None
        for a in args:
            if isinstance(a, Tracer) and (top is None or a.number > top.number):
                top = a
        if top is None:
            return self.fn(*args, **kwargs)
        return top.process(self, args, kwargs)

    def result(self, values: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Evaluate on values of a lower level; Python floats in, Python floats out."""
        y = self.call(*values, **kwargs)
        if type(y) is np.float64:
            return float(y) if all(type(v) is float or type(v) is int for v in values) else y
        if type(y) is np.ndarray and y.dtype.kind == "f":
            return y
        for part in y if isinstance(y, tuple) else (y,):
            kind = getattr(getattr(part, "dtype", None), "kind", "")
            if kind == "c" and not self.complex:
                raise self.no_complex_rule()
            if kind in ("m", "M"):
                raise error(
                    DtypeError,
                    f"{self.name} gave a result of dtype {part.dtype}: dualad differentiates numbers",
                    "work with times as numbers of seconds",
                )
        return y

    def no_complex_rule(self) -> DtypeError:
        """The error for complex values, where the rules hold for real ones alone."""
        return error(
            DtypeError,
            f"{self.name} has no derivative rule for complex values",
            "work with the real and imaginary parts, np.real(z) and np.imag(z)",
        )

    def on_primals(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """The value of a plain op: a piecewise constant, the same at every level."""
        return self.result([*map(_plain, args)], {key: primal(value) for key, value in kwargs.items()})

    def rule(self, i: int) -> Any:
        """The rule of argument `i`."""
        return self.rules[0] if self.variadic else self.rules[i]

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"


def is_complex(x: Any) -> bool:
    """Whether a value, traced or not, is of complex dtype."""
    return type(x) is not float and (
        isinstance(x, complex) or getattr(getattr(x, "dtype", 0), "kind", "") == "c"
    )


def primal(x: Any) -> Any:
    """The plain value of a traced one, at every level: an explicit way to drop a derivative.

    x: any value
    returns: the float or (read-only) array that `x` stands for; `x` itself if it is not traced

    >>> dualad.grad(lambda x: x * dualad.primal(x))(3.0)
    3.0
    """
    if not isinstance(x, Tracer):
        return x
    while isinstance(x, Tracer) and not x.symbolic:
        x = x.value
    if isinstance(x, np.ndarray):  # derivatives still need it as it is
        x = x.view()
        x.flags.writeable = False
    return x


def example(x: Any) -> Any:
    """The plain value of a traced one; of a symbol the one it was traced with, for what its kind alone decides."""
    while isinstance(x, Tracer):
        x = x.value
    return x


def _plain(x: Any) -> Any:
    return type(x)(map(_plain, x)) if type(x) in (list, tuple) else primal(x)


class Composite:
    """A NumPy function written over registered ones: `function` takes the NumPy function's arguments."""

    __slots__ = ("examples", "fn", "function", "keywords", "kind", "name")

    def __init__(self, fn: Function, function: Function, examples: Function | None) -> None:
        code = function.__code__
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        self.kind, self.fn, self.function, self.examples = "composite", fn, function, examples
        self.name, self.keywords = name_of(fn), frozenset(names)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs:
            kwargs = checked(self.fn, kwargs, self.keywords)
        if len(args) > self.function.__code__.co_argcount and not self.function.__code__.co_flags & 4:
            raise error(
                KeywordError,
                f"{self.name} was called with {len(args)} positional arguments, "
                f"of which {self.function.__code__.co_argcount} have a rule",
            )
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<composite {self.name}>"


# From a NumPy function to its operation; filled while dualad is imported, and by users' own ops.
OPS: dict[Any, Op | Composite] = {}
# The elementwise ones with one and with two arguments, where the fast paths look first.
UNARY: dict[Any, Op] = {}
BINARY: dict[Any, Op] = {}
# Functions that have no rule on purpose, and why not, with what to write instead
UNSUPPORTED: dict[Any, str] = {}
# Operations that have no NumPy name of their own (a scatter-add), so that tests and tables see them too.
PRIVATE: list[Op] = []


def checked(fn: Any, kwargs: dict[str, Any], known: frozenset[str] | set[str]) -> dict[str, Any]:
    """`kwargs` without the ones that say nothing (`out=None`); an unknown one raises."""
    kept = {}
    for key, value in kwargs.items():
        if key in known:
            kept[key] = value
        elif not (value is None or value is np._NoValue or (key == "where" and value is True)):
            name = name_of(fn)
            fix = (
                f"leave {key}= away; compute on the whole and select with np.where"
                if key == "where"
                else (f"y = {name}(...), without out=" if key == "out" else f"call {name} without {key}=")
            )
            raise error(KeywordError, f"{name} has no derivative rule for the keyword {key}=", fix)
    return kept


class _Probe:
    """Stands for a value while a rule is read; knows only what 1 / value is."""

    def __rtruediv__(self, n: Any) -> Any:
        return (self,) if type(n) is int and n == 1 else NotImplemented


def _compact(rule: Any, arity: int) -> Any:
    """A partial as a float, as a position in an entry (op, y, *inputs), or as the function it is."""
    if not callable(rule):
        return None if rule is None else float(rule)
    probes = [_Probe() for _ in range(arity + 1)]
    try:
        result = rule(*probes)
    except Exception:  # a probe has no other arithmetic: the rule computes
        return rule
    for k, probe in enumerate(probes, 1):
        if result is probe:
            return k
        if type(result) is tuple and result[0] is probe:
            return -k
    return rule


def register(op: Op | Composite, *functions: Any) -> None:
    """Bind `op` to the NumPy functions it serves; twice for one function is an error."""
    for function in functions:
        if function in OPS:
            raise RegistrationError(f"{name_of(function)} is already registered, as {OPS[function]!r}")
        OPS[function] = op
        UNSUPPORTED.pop(function, None)  # a user's own rule for it


def _declare(kind: str, fn: Function, rules: Sequence[Any], aliases: Sequence[Any], **facts: Any) -> Op:
    if not rules or (all(rule is None for rule in rules) and kind != "plain"):
        raise RegistrationError(f"{name_of(fn)}: a {kind} op needs a rule for at least one argument")
    op = Op(kind, fn, rules, **facts)
    if "name" in facts:
        PRIVATE.append(op)
    else:
        register(op, fn)
    register(op, *aliases)
    return op


def elementwise(fn: Function, *partials: Any, aliases: Sequence[Any] = (), **facts: Any) -> Op:
    """Declare an elementwise op by its partial derivatives.

    fn: the function that computes it: a ufunc, or with `name=` any function over NumPy's
    partials: for each argument a number, a function of `(y, *inputs)`, or `None` if it is never differentiated
    aliases: other NumPy functions that compute the same
    facts: `examples`, `name`, `batch`, `cost`, as in `Op`; `complex=True` if the partials are right for complex
        arguments, where the function is holomorphic
    returns: the op, which can be called; calls of `fn` on traced values reach it by themselves if `fn` is NumPy's
    raises: RegistrationError if `fn` is registered already

    >>> softplus = elementwise(lambda x: np.log1p(np.exp(x)), lambda y, x: 1 - np.exp(-y), name="softplus")
    >>> grad(softplus)(0.0)
    0.5
    """
    op = _declare("elementwise", fn, partials, aliases, **facts)
    if len(partials) <= 2 and "name" not in facts and not op.selects:
        (UNARY if len(partials) == 1 else BINARY).update(dict.fromkeys((fn, *aliases), op))
    return op


def linear(fn: Function, *adjoints: Any, aliases: Sequence[Any] = (), **facts: Any) -> Op:
    """Declare an op that is jointly linear in its arguments, by its adjoint in each.

    adjoints: functions of `(g, *inputs, **keywords)`, or `None` for an argument that is not differentiated.
        What an argument was broadcast along is summed centrally.
    fn, aliases, facts, returns, raises: as for `elementwise`

    >>> evens = linear(lambda x: x[::2], lambda g, x: np.stack([g, 0 * g], -1).ravel(), name="evens")
    >>> grad(lambda x: evens(x) @ np.array([1.0, 2.0]))(np.ones(4))
    array([1., 0., 2., 0.])
    """
    return _declare("linear", fn, adjoints, aliases, **facts)


def multilinear(fn: Function, *adjoints: Any, aliases: Sequence[Any] = (), **facts: Any) -> Op:
    """Declare an op that is linear in each of its arguments, a product, by its adjoint in each.

    adjoints: functions of `(g, *inputs, **keywords)`
    fn, aliases, facts, returns, raises: as for `elementwise`

    >>> cross = multilinear(
    ...     lambda a, b: a[0] * b[1] - a[1] * b[0],
    ...     lambda g, a, b: g * np.stack([b[1], -b[0]]),
    ...     lambda g, a, b: g * np.stack([-a[1], a[0]]),
    ...     name="plane cross product",
    ... )
    >>> grad(cross)(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    array([ 4., -3.])
    """
    return _declare("multilinear", fn, adjoints, aliases, **facts)


def general(fn: Function, *pushes: Any, aliases: Sequence[Any] = (), **facts: Any) -> Op:
    """Declare any other op by the pushforward in each argument; its pullback is derived from them.

    pushes: functions of `(dx, y, *inputs, **keywords)`, linear in `dx`
    facts: also `pulls=(rule, …)`, hand-written pullbacks `(g, y, *inputs, **keywords)`, where a profile asks
        for them; a generated test holds them against the derived ones
    fn, aliases, returns, raises: as for `elementwise`

    >>> matrix_square = general(lambda a: a @ a, lambda da, y, a: da @ a + a @ da, name="matrix square")
    >>> grad(lambda a: np.trace(matrix_square(a)))(np.eye(2))
    array([[2., 0.],
           [0., 2.]])
    """
    return _declare("general", fn, pushes, aliases, **facts)


def plain(*functions: Any, complex: bool = True) -> None:
    """Declare functions whose results are piecewise constant: they return plain values.

    complex: whether they are so for complex arguments too

    >>> plain(np.hanning)
    >>> grad(lambda x: x * np.rint(x))(2.3)
    2.0
    """
    for fn in dict.fromkeys(functions):  # some NumPy functions have two names
        register(Op("plain", fn, (None,), complex=complex), fn)


def plainly(fn: Function, name: str) -> Op:
    """A plain operation of a rule's own: `fn` of the primals, as one step of a program.

    For what NumPy's functions alone do with plain values, where rules are bound to their names.
    """
    return Op("plain", fn, (None,), name=name, dispatches=False)


def unsupported(*functions: Any, reason: str) -> None:
    """Declare functions that have no rule on purpose.

    reason: why not, and what to write instead
    raises: RegistrationError if one of them has a rule, or was declared before
    """
    for fn in dict.fromkeys(functions):
        if fn in OPS or fn in UNSUPPORTED:
            declared = repr(OPS[fn]) if fn in OPS else "unsupported"
            raise RegistrationError(f"{name_of(fn)} is already declared: {declared}")
        UNSUPPORTED[fn] = reason


def composite(*functions: Any, examples: Function | None = None) -> Callable[[Function], Function]:
    """Declare that NumPy's `functions` are computed by the decorated one, written over registered ones.

    functions: NumPy functions; the decorated one takes their arguments, as many of them as it supports
    raises: RegistrationError if one is registered already

    >>> @composite(np.mean)
    ... def mean(x): ...
    Traceback (most recent call last):
        ...
    dualad.errors.RegistrationError: np.mean is already registered, as <composite np.mean>
    """

    def bind(function: Function) -> Function:
        for fn in functions:
            register(Composite(fn, function, examples), fn)
        return function

    return bind
