"""Simplifying programs: constants computed once, what occurs twice computed once, what nobody reads not at all."""

from __future__ import annotations

from typing import Any

import numpy as np

from .program import Program, Ref, Value, form_of
from .replay import evaluated

# Of unit directions, and what these make of them, the zeros are structural
_LINEAR = (np.add, np.subtract, np.negative, np.multiply)


def simplified(program: Program) -> Program:
    """The same program with constants folded, common operations shared, and dead ones left out."""
    return _alive(_shared(program))


def _shared(program: Program) -> Program:
    values: list[Value] = []
    place: list[int] = []  # of each value of the old program in the new one
    known: dict[Any, int] = {}
    for k, value in enumerate(program.values):
        if value.op is None:
            key = ("input", k) if k in program.inputs else (*value.kwargs, fingerprint(value.constant))
        else:
            value = _moved(value, place)
            args = value.args
            whole = all(type(a) is not Ref or _is_constant(values[a.k]) for a in args)
            if whole and value.dtype is not None and value.op is not None:
                constants = [values[a.k].constant if type(a) is Ref else a for a in args]
                y = evaluated(value.op, constants, value.kwargs)
                linear = value.op.kind == "linear" or value.op.fn in _LINEAR
                seed = {"seed": True} if linear and all(values[r].kwargs for r in value.refs) else {}
                value = Value(None, (), seed, value.shape, value.dtype, form_of(y), y)
                key = (*seed, fingerprint(y))
            else:
                static = tuple(a if type(a) is Ref else fingerprint(a) for a in args)
                key = (id(value.op), static, fingerprint(value.kwargs) if value.kwargs else ())
        if key not in known:
            known[key] = len(values)
            values.append(value)
        place.append(known[key])
    guards = [guard._replace(k=place[guard.k]) for guard in program.guards]
    return Program(values, [place[k] for k in program.inputs], [place[k] for k in program.outputs], guards)


def _moved(value: Value, place: Any) -> Value:
    """The value, reading its operands where they are in another program."""
    if not value.args:
        return value
    args = tuple([Ref(place[a.k]) if type(a) is Ref else a for a in value.args])
    return Value(value.op, args, value.kwargs, value.shape, value.dtype, value.form, value.constant)


def _is_constant(value: Value) -> bool:
    return value.op is None and value.constant is not None


def _alive(program: Program) -> Program:
    needed = {*program.inputs, *program.outputs, *(guard.k for guard in program.guards)}
    for k in range(len(program.values) - 1, -1, -1):
        if k in needed:
            needed.update(program.values[k].refs)
    place: dict[int, int] = {}
    values: list[Value] = []
    for k, value in enumerate(program.values):
        if k in needed:
            place[k] = len(values)
            values.append(_moved(value, place))
    guards = [guard._replace(k=place[guard.k]) for guard in program.guards]
    return Program(values, [place[k] for k in program.inputs], [place[k] for k in program.outputs], guards)


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
