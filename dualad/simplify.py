"""Simplifying programs: constants computed once, what occurs twice computed once, what nobody reads not at all."""

from __future__ import annotations

from typing import Any

import numpy as np

from .program import Program, Ref, Value, form_of
from .replay import evaluated
from .rules.shape import broadcast_to, reshape
from .tape import part

# Of unit directions, and what these make of them, the zeros are structural
_LINEAR = (np.add, np.subtract, np.negative, np.multiply)


def simplified(program: Program) -> Program:
    """The same program with constants folded, common operations shared, and dead ones left out."""
    return _alive(_shared(program))


def _shared(program: Program) -> Program:
    values: list[Value] = []
    place: list[Ref] = []  # of each value of the old program in the new one
    known: dict[Any, Ref] = {}
    inputs = frozenset(program.inputs)
    for k, value in enumerate(program.values):
        op = value.op
        if op is None:
            key: Any = ("input", k) if k in inputs else (*value.kwargs, fingerprint(value.constant))
        else:
            value = _moved(value, place)
            if "body" in value.kwargs:
                value = _merged(value)
            args = value.args
            if _stays(value, values):
                place.append(Ref(value.refs[0]))
                continue
            if value.dtype is not None and all(
                [type(a) is not Ref or _is_constant(values[a.k]) for a in args]
            ):
                constants = [values[a.k].constant if type(a) is Ref else a for a in args]
                y = evaluated(op, constants, value.kwargs)
                y = value.form(y) if value.form in (float, complex) else y
                linear = op.kind == "linear" or op.fn in _LINEAR
                seed = {"seed": True} if linear and all(values[r].kwargs for r in value.refs) else {}
                value = Value(None, (), seed, value.shape, value.dtype, form_of(y), y)
                key = (*seed, fingerprint(y))
            else:
                # Flat, and of plain numbers mostly: Python's garbage collector forgets such tuples
                key = (id(op), id(value.form), *[a.k if type(a) is Ref else (fingerprint(a),) for a in args])
                if value.kwargs:
                    key = (*key, (fingerprint(value.kwargs),), "keywords")
        ref = known.get(key)
        if ref is None:
            ref = known[key] = Ref(len(values))
            values.append(value)
        place.append(ref)
    return _placed(program, values, place)


def _moved(value: Value, place: Any) -> Value:
    """The value, reading its operands where they are in another program."""
    op, args, kwargs, shape, dtype, form, constant = value
    if not args:
        return value
    moved = tuple([place[a.k] if type(a) is Ref else a for a in args])
    return value if moved == args else Value(op, moved, kwargs, shape, dtype, form, constant)


def _placed(program: Program, values: list[Value], place: Any) -> Program:
    """The program of `values`, which stand for the old ones at `place`."""
    guards = [guard._replace(k=place[guard.k].k) for guard in program.guards]
    inputs, outputs = ([place[k].k for k in ks] for ks in (program.inputs, program.outputs))
    return Program(values, inputs, outputs, guards)


def _merged(value: Value) -> Value:
    """A loop that reads everything once."""
    body = value.kwargs["body"]
    first: dict[Any, int] = {}
    sections = [0] * body.states + [1] * body.elements
    same = [
        i if i < body.states else first.setdefault((a, sections[i : i + 1] == [1]), i)
        for i, a in enumerate(value.args)
    ]
    if all(i == k for i, k in enumerate(same)):
        return value
    args = tuple(a for i, a in enumerate(value.args) if same[i] == i)
    return value._replace(args=args, kwargs={**value.kwargs, "body": body.merged(same)})


def _stays(value: Value, values: list[Value]) -> bool:
    """Whether an operation returns its operand as it is."""
    if value.op is not reshape and value.op is not broadcast_to:
        return False
    (k,) = value.refs
    return values[k].shape == value.shape and values[k].form is value.form is np.ndarray


def _is_constant(value: Value) -> bool:
    return value.op is None and value.constant is not None


def _alive(program: Program) -> Program:
    needed = {*program.inputs, *program.outputs, *(guard.k for guard in program.guards)}
    values = list(program.values)
    used: dict[int, set[int]] = {}  # of loops, the results that something reads
    renumbered: dict[int, dict[int, int]] = {}
    for k in reversed(range(len(values))):
        value = values[k]
        if k not in needed or value.op is None:
            continue
        if "body" in value.kwargs:
            body, inputs, outputs = value.kwargs["body"].pruned(frozenset(used.get(k, ())))
            args = tuple(value.args[i] for i in inputs)
            value = values[k] = value._replace(args=args, kwargs={**value.kwargs, "body": body})
            renumbered[k] = {old: new for new, old in enumerate(outputs)}
        elif value.op is part:
            used.setdefault(value.refs[0], set()).add(value.kwargs["k"])
        needed.update([a.k for a in value.args if type(a) is Ref])
    place: dict[int, Ref] = {}
    alive: list[Value] = []
    for k, value in enumerate(values):
        if k in needed:
            place[k] = Ref(len(alive))
            if value.op is part and value.refs[0] in renumbered:
                value = value._replace(kwargs={"k": renumbered[value.refs[0]][value.kwargs["k"]]})
            alive.append(_moved(value, place))
    return _placed(program, alive, place)


def fingerprint(x: Any) -> Any:
    """Equal for values that are interchangeable, and hashable."""
    if isinstance(x, np.ndarray):
        return x.dtype.str, x.shape, x.tobytes()
    if isinstance(x, (float, complex, np.generic)):
        return type(x), np.asarray(x).tobytes()  # -0.0 is not 0.0, and NaN is NaN
    if isinstance(x, slice):
        return slice, x.start, x.stop, x.step
    if isinstance(x, dict):
        return tuple((key, fingerprint(v)) for key, v in x.items())
    if isinstance(x, (tuple, list)):
        return type(x), *map(fingerprint, x)
    try:
        hash(x)
    except TypeError:
        return id(x)
    return type(x), x
