"""Functions whose derivatives the user gives: a compiled routine, a solver.

A call is one operation of kind *joint*: it is evaluated by the user's function on plain values, as one call of a
program too, and its rules take all arguments at once. Of pushforward and pullback one is enough: each is linear, so
that a tape of the one, with zeros as its input, swept backwards is the other.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .errors import ArgumentError, ConversionError, NoRuleError, ShapeError, error
from .op import Op, Tracer
from .push import constant, shaped
from .run import conjugated
from .select import named
from .sweep import pulled
from .tracer import restacked
from .tree import Rebuild, along, flatten, inputs_like, outputs, same_shapes

F = Callable[..., Any]
Leaves = list[Any]


class Rule:
    """How a function is differentiated. `None` stands for zero, in and out."""

    def push(self, call: Call, tangents: Sequence[Any], y: Sequence[Any], args: Sequence[Any]) -> Leaves:
        """Tangents of the results' leaves, from those of the arguments' numbers."""
        raise NotImplementedError

    def pull(
        self, call: Call, g: Sequence[Any], y: Sequence[Any], args: Sequence[Any], wanted: Sequence[bool]
    ) -> Leaves:
        """Cotangents of the arguments' numbers, from those of the results' leaves, as sweeps have them."""
        raise NotImplementedError


class Call:
    """One call of a function with a rule: its arguments but for the numbers, and the structures of both sides."""

    __slots__ = ("_arrange", "_places", "_statics", "build", "f", "kwargs", "op", "rule")
    build: Rebuild  # of the result, known once it has been evaluated

    def __init__(self, op: Op, f: F, rule: Rule, leaves: Leaves, arrange: Rebuild, kwargs: dict[str, Any]):
        self.op, self.f, self.rule, self.kwargs, self._arrange = op, f, rule, kwargs, arrange
        self._places = [k for k, v in enumerate(leaves) if _is_number(v)]
        self._statics = [None if _is_number(v) else v for v in leaves]

    def arguments(self, numbers: Sequence[Any], blank: bool = False) -> Any:
        """The arguments with these numbers in their places; `blank`: and `None` for all others."""
        leaves = [None] * len(self._statics) if blank else list(self._statics)
        for k, v in zip(self._places, numbers, strict=True):
            leaves[k] = v
        return self._arrange(leaves)

    def numbers(self, trees: Any, numbers: Sequence[Any]) -> Leaves:
        """The leaves, in the places of the arguments' numbers, of a tuple with one tree an argument."""
        args, what = self.arguments(numbers), f"the pullback of {named(self.f)}"
        if not isinstance(trees, tuple) or len(trees) != len(args):
            raise error(
                ShapeError,
                f"{what} returned {'a tuple of other length' if isinstance(trees, tuple) else 'no tuple'}",
                f"a tuple with one entry for each of the {len(args)} arguments, None for one without derivative",
            )
        found: Leaves = []
        for a, tree in zip(args, trees, strict=True):
            found += [None] * len(flatten(a)[0]) if tree is None else along(a, tree, what)
        return [found[k] for k in self._places]


def _is_number(v: Any) -> bool:
    """Whether a leaf is one of the operands: Python's integers and all other things are not."""
    return isinstance(v, (Tracer, float, complex, np.number)) or (
        isinstance(v, np.ndarray) and v.dtype.kind in "iufc"
    )


def operation(f: F) -> Op:
    """The operation that is a call of `f`."""
    return Op(
        "joint",
        _evaluated,
        (_jvp, _forward, _pull),
        name=named(f),
        variadic=True,
        dispatches=False,
        complex=True,
        batch=_along,
    )


def called(op: Op, f: F, rule: Rule, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`f(*args, **kwargs)`, one operation with a rule."""
    leaves, arrange = flatten(args)
    leaves = [restacked(v) if type(v) is np.ndarray and v.dtype == object else v for v in leaves]
    if any(isinstance(v, Tracer) for v in flatten(kwargs)[0]):
        raise error(
            ArgumentError,
            f"{named(f)} was given a traced value as a keyword that its rules do not see",
            "a parameter that can also be given by position",
        )
    call = Call(op, f, rule, leaves, arrange, kwargs)
    found = op(*[v for v in leaves if _is_number(v)], call=call)
    return call.build(found)


def _evaluated(*numbers: Any, call: Call, **_: Any) -> tuple[Any, ...]:
    """The leaves of the result, on plain values. Both sides are copied: the function may write into its memory."""
    given = [v.copy() if isinstance(v, np.ndarray) else v for v in numbers]
    y = call.f(*call.arguments(given), **call.kwargs)
    found, call.build = outputs(y, named(call.f))
    within(found, numbers, named(call.f))
    floats = all(type(v) is float for v in numbers)
    return tuple(
        float(v) if floats and type(v) is np.float64 else v if type(v) is float else np.array(v)[()]
        for v in found
    )


def _jvp(
    tangents: Sequence[Any], args: Sequence[Any], *, call: Call, kept: Any = None
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    y = call.op(*args, call=call) if kept is None else kept
    dy = call.rule.push(call, tangents, y, args)
    within(dy, (*tangents, *y, *args), f"the pushforward of {named(call.f)}")
    return y, tuple(None if dv is None else shaped(dv, v) for v, dv in zip(y, dy, strict=True))


def _forward(args: Sequence[Any], *, call: Call) -> tuple[Any, Any]:
    y = call.op(*args, call=call)
    return y, y


def _pull(g: Sequence[Any], args: Sequence[Any], wanted: Sequence[bool], *, call: Call, kept: Any) -> Leaves:
    g = [constant(v, 0.0) if h is None else h for v, h in zip(kept, g, strict=True)]
    found = call.rule.pull(call, g, kept, args, wanted)
    within(found, (*g, *kept, *args), f"the pullback of {named(call.f)}")
    return [constant(a, 0.0) if c is None else c for a, c in zip(args, found, strict=True)]


def _along(
    values: Sequence[Any], flags: Sequence[bool], width: int, *, call: Call, **_: Any
) -> tuple[Leaves, Sequence[bool]]:
    """Many directions at once, one by one."""
    columns = [
        call.op(*[_column(v, i) if flag else v for v, flag in zip(values, flags, strict=True)], call=call)
        for i in range(width)
    ]
    found = [np.stack(parts, axis=-1) for parts in zip(*columns, strict=True)]
    return found, [True] * len(found)


def _column(v: Any, i: int) -> Any:
    return v[i] if v.ndim == 1 else v[..., i]


def within(found: Sequence[Any], given: Sequence[Any], what: str) -> None:
    """Raise if results are traced where nothing that was given is: they read what no rule sees."""
    if _level(found) > _level(given):
        raise error(
            ArgumentError,
            f"{what} reads a traced value that is not among its arguments, whose derivative would be lost",
            "pass it as an argument; where it is to be a constant, dualad.primal of it",
        )


def _level(values: Sequence[Any]) -> int:
    return max((v.number for v in values if isinstance(v, Tracer)), default=-1)


class Written(Rule):
    """Rules that a user wrote, one of which may be missing."""

    def __init__(self, pushforward: F | None, pullback: F | None) -> None:
        self.pushforward, self.pullback = pushforward, pullback

    def push(self, call: Call, tangents: Sequence[Any], y: Sequence[Any], args: Sequence[Any]) -> Leaves:
        if self.pushforward is None:
            return self._derived(call, "pushforward", lambda g: self._pulled(call, g, y, args), y, tangents)
        return self._pushed(call, tangents, y, args)

    def pull(
        self, call: Call, g: Sequence[Any], y: Sequence[Any], args: Sequence[Any], wanted: Sequence[bool]
    ) -> Leaves:
        if self.pullback is not None:
            return self._pulled(call, g, y, args)

        def pushed(dxs: Leaves) -> Leaves:
            rest = iter(dxs)
            return self._pushed(call, [next(rest) if on else None for on in wanted], y, args)

        chosen = [a for a, on in zip(args, wanted, strict=True) if on]
        found = iter(self._derived(call, "pullback", pushed, chosen, g))
        return [next(found) if on else None for on in wanted]

    def _pushed(self, call: Call, tangents: Sequence[Any], y: Sequence[Any], args: Sequence[Any]) -> Leaves:
        assert self.pushforward is not None
        dxs = [constant(a, 0.0) if dx is None else dx for a, dx in zip(args, tangents, strict=True)]
        like, what = call.build(y), f"the pushforward of {named(call.f)}"
        dy = self.pushforward(call.arguments(dxs, blank=True), like, *call.arguments(args), **call.kwargs)
        found = inputs_like(like, dy, what)
        same_shapes(y, found, what)
        return found

    def _pulled(self, call: Call, g: Sequence[Any], y: Sequence[Any], args: Sequence[Any]) -> Leaves:
        assert self.pullback is not None
        given = call.build([*map(conjugated, g)])
        trees = self.pullback(given, call.build(y), *call.arguments(args), **call.kwargs)
        leaves = call.numbers(trees, args)
        kept = [k for k, c in enumerate(leaves) if c is not None]
        found = inputs_like([args[k] for k in kept], [leaves[k] for k in kept], "")
        same_shapes([args[k] for k in kept], found, f"a cotangent from the pullback of {named(call.f)}")
        for k, c in zip(kept, found, strict=True):
            leaves[k] = conjugated(c)
        return leaves

    def _derived(
        self, call: Call, missing: str, linear: F, like: Sequence[Any], seeds: Sequence[Any]
    ) -> Leaves:
        """The missing rule, from a tape of the other."""
        name, given = named(call.f), "pullback" if missing == "pushforward" else "pushforward"
        if self.pushforward is None and self.pullback is None:
            raise error(
                NoRuleError,
                f"{name} was given no rule for its derivatives",
                "custom_rule(pushforward=…), custom_rule(pullback=…), or both",
            )
        try:
            return pulled(linear, [constant(v, 0.0) for v in like], seeds)
        except ConversionError as problem:
            raise error(
                ConversionError,
                f"the {missing} of {name} is derived from a tape of its {given}, which needs plain numbers",
                f"give custom_rule a {missing}= as well; or write the {given} in NumPy's functions",
            ) from problem


def custom_rule(f: F | None = None, *, pushforward: F | None = None, pullback: F | None = None) -> Any:
    """A function with derivatives of your own: compiled code, a solver, or a better formula than the operations'.

    The function is called with plain numbers and arrays, never with traced values, also by compiled functions, of
    which it is one step. One of the rules is enough, as both are linear: the other is its transpose, read off a
    tape of it (Radul et al. 2023). Rules in NumPy's functions have derivatives themselves, of any order; what else
    they call can be a `custom_rule` too, without rules where no derivative goes through it. Rules compute from their
    arguments alone: what they remember of a call of `f`, a factorisation say, is a constant to derivatives of them.

    f: function of positional or keyword arguments: numbers, arrays, nested containers of them, and anything else, in
        which there is no derivative; it may return nested containers of numbers and arrays
    pushforward: function `(tangents, y, *arguments)` that returns the tangent of `y`, in its structure and shapes;
        the tangents are a tuple of the arguments' structure, `None` for what is no number, or a Python integer
    pullback: function `(cotangent, y, *arguments)` that returns a tuple with one entry an argument, in its structure
        and shapes, or `None` for zero; for complex numbers as in `vjp`
    returns: the function, or without `f` a decorator; arguments left out have their defaults in the rules, too
    raises: when differentiated, NoRuleError without rules, ShapeError for results of other shapes, ConversionError
        where a rule needs plain numbers and would have to be traced, ArgumentError where the function or a rule reads
        traced values from outside

    >>> import math
    >>> def pushforward(tangents, y, x):
    ...     return tangents[0] / (1 + x**2)
    >>> atan = custom_rule(math.atan, pushforward=pushforward)
    >>> grad(atan)(1.0), derivative(atan, n=2)(1.0)
    (0.5, -0.5)
    """
    if f is None:
        return functools.partial(custom_rule, pushforward=pushforward, pullback=pullback)
    function, op, rule, form = f, operation(f), Written(pushforward, pullback), signature(f)

    @functools.wraps(f)
    def custom(*args: Any, **kwargs: Any) -> Any:
        return called(op, function, rule, *positional(form, args, kwargs))

    return custom


def signature(f: F) -> inspect.Signature | None:
    """How a function takes its arguments; None for some of those that are not written in Python."""
    if isinstance(f, np.ufunc):  # whose keywords exclude one another, even with their defaults
        return None
    try:
        return inspect.signature(f)
    except (TypeError, ValueError):
        return None


def positional(
    form: inspect.Signature | None, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A call's arguments by position, with defaults, as far as the function takes them so."""
    if form is None:
        return args, kwargs
    bound = form.bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.args, bound.kwargs
