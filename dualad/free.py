"""What a function reads from the functions around it: traced values there, as arguments of their own."""

from __future__ import annotations

import dis
import types
from collections.abc import Callable, Sequence
from typing import Any

from .errors import AssignmentError, error
from .op import Tracer
from .tree import flatten

Function = Callable[..., Any]


def opened(f: Function) -> tuple[list[Tracer], Callable[[Sequence[Any]], Function]]:
    """The traced values in variables of the functions around `f`, and `f` with others in their place.

    Looks into containers, and into functions that `f` calls by such variables. All other variables stay shared.
    raises: AssignmentError where `f` assigns to a variable that holds a traced value
    """
    places: list[tuple[types.CellType, list[Any], Any]] = []
    functions: dict[int, types.FunctionType] = {}
    _walk(f, places, functions)
    found = [v for _, leaves, _ in places for v in leaves if isinstance(v, Tracer)]

    def closed(values: Sequence[Any]) -> Function:
        rest = iter(values)
        cells = {
            id(cell): types.CellType(rebuild([next(rest) if isinstance(v, Tracer) else v for v in leaves]))
            for cell, leaves, rebuild in places
        }
        made: dict[int, Any] = {}
        fresh = {id(c): c for g in functions.values() for c in g.__closure__ or () if _holds(c, functions)}
        cells |= {key: types.CellType() for key in fresh}
        for key, g in functions.items():
            closure = tuple(cells.get(id(c), c) for c in g.__closure__ or ())
            copy = types.FunctionType(g.__code__, g.__globals__, g.__name__, g.__defaults__, closure)
            copy.__kwdefaults__, copy.__qualname__ = g.__kwdefaults__, g.__qualname__
            made[key] = copy
        for key, cell in fresh.items():
            cells[key].cell_contents = made[id(cell.cell_contents)]
        whole: Function = made.get(id(f), f)
        return whole

    return found, closed if found else lambda values: f


def _holds(cell: types.CellType, functions: dict[int, types.FunctionType]) -> bool:
    content = _content(cell)
    return isinstance(content, types.FunctionType) and id(content) in functions


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return None


def _walk(f: Any, places: list[Any], functions: dict[int, types.FunctionType]) -> None:
    if not isinstance(f, types.FunctionType) or id(f) in functions or not f.__closure__:
        return
    functions[id(f)] = f
    for name, cell in zip(f.__code__.co_freevars, f.__closure__, strict=True):
        content = _content(cell)
        if isinstance(content, types.FunctionType):
            _walk(content, places, functions)
            continue
        leaves, rebuild = flatten(content)
        if any(isinstance(v, Tracer) for v in leaves) and all(cell is not known for known, *_ in places):
            if any(i.opname == "STORE_DEREF" and i.argval == name for i in dis.get_instructions(f)):
                raise error(
                    AssignmentError,
                    f"{f.__qualname__}, which is checkpointed, assigns to the outer variable {name}, which holds a "
                    "traced value",
                    "return the new value, and assign it outside",
                )
            places.append((cell, leaves, rebuild))
