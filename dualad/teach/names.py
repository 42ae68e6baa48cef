"""What things are called: arguments and their parts, formulas, numbers and arrays in short."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..op import Op

# Operations that are written between their operands; `repr` of the NumPy function is no help here.
INFIX = {
    "np.add": "+", "np.subtract": "-", "np.multiply": "*", "np.divide": "/", "power by a number": "**",
    "np.power": "**", "np.matmul": "@", "np.remainder": "%",
}  # fmt: skip
SHOWN = 4  # numbers of an array that are written out


def arguments(f: Callable[..., Any], args: Sequence[Any]) -> list[str]:
    """A name for each positional argument: the parameter's where Python knows it."""
    try:
        parameters = [*inspect.signature(f).parameters.values()]
    except (TypeError, ValueError):  # functions in C
        parameters = []
    names = []
    for k in range(len(args)):
        parameter = parameters[min(k, len(parameters) - 1)] if parameters else None
        if parameter is not None and parameter.kind is parameter.VAR_POSITIONAL:
            names.append(f"{parameter.name}[{k - len(parameters) + 1}]")
        elif k < len(parameters):
            names.append(parameters[k].name)
        else:
            names.append("x" if len(args) == 1 else f"x{k + 1}")
    return names


def below(tree: Any, name: str) -> list[str]:
    """Names of the leaves of a structure, in the order of `tree.flatten`: `p['a'][0]`."""
    if tree is None:
        return []
    if isinstance(tree, dict):
        parts = [(value, f"{name}[{key!r}]") for key, value in tree.items()]
    elif isinstance(tree, tuple) and hasattr(tree, "_fields"):
        parts = [(value, f"{name}.{key}") for key, value in zip(tree._fields, tree, strict=True)]
    elif isinstance(tree, (list, tuple)):
        parts = [(value, f"{name}[{k}]") for k, value in enumerate(tree)]
    elif dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        parts = [(getattr(tree, f.name), f"{name}.{f.name}") for f in dataclasses.fields(tree)]
    else:
        return [name]
    return [leaf for value, called in parts for leaf in below(value, called)]


def short(op: Op) -> str:
    """What an operation is called where there is little room."""
    return op.name.removeprefix("np.").removeprefix("scipy.special.")


def formula(op: Op, operands: Sequence[str], kwargs: dict[str, Any]) -> str:
    """The operation as Python writes it: `v₁ * v₂`, `sin(v₁)`, `v₀[1]`."""
    if op.name in INFIX and len(operands) == 2 and not kwargs:
        return f" {INFIX[op.name]} ".join(operands)
    if op.name == "np.negative":
        return f"-{operands[0]}"
    if op.name == "indexing":
        return f"{operands[0]}[{index(kwargs['index'])}]"
    if op.name == "assignment":
        return f"{operands[0]} with [{index(kwargs['index'])}] = {operands[1]}"
    if op.name == "output of several":
        return f"{operands[0]}[{kwargs['k']}]"
    words = [
        *operands,
        *[f"{key}={argument(value)}" for key, value in kwargs.items() if not _says_nothing(value)],
    ]
    return f"{short(op)}({', '.join(words)})"


def _says_nothing(value: Any) -> bool:
    return value is None or value is False


def index(places: Any) -> str:
    """An index as it is written between brackets."""
    return ", ".join(_place(i) for i in (places if isinstance(places, tuple) else (places,)))


def _place(i: Any) -> str:
    if isinstance(i, slice):
        ends = ["" if v is None else str(v) for v in (i.start, i.stop)]
        return ":".join(ends if i.step is None else [*ends, str(i.step)])
    return "..." if i is Ellipsis else argument(i)


def argument(value: Any) -> str:
    """A keyword's value, or a constant, in a few characters."""
    if isinstance(value, (float, complex, np.ndarray, np.generic)):
        return constant(value)
    return clipped(str(value), 24)


def clipped(text: str, most: int) -> str:
    """In one line of so many characters."""
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"


def constant(value: Any) -> str:
    """A plain operand: a number, a small array, or what kind of array it is."""
    if isinstance(value, np.ndarray) and value.size > SHOWN:
        return f"array[{'×'.join(map(str, value.shape))}]"
    return summary(value) if isinstance(value, (float, complex, np.ndarray, np.generic)) else argument(value)


def number(x: Any, digits: int = 6) -> str:
    """A number with at most so many digits, and with a minus sign that is as long as a plus."""
    if isinstance(x, (bool, np.bool_)):
        return str(bool(x))
    if isinstance(x, (complex, np.complexfloating)):
        return f"{x.real:.{digits}g}{x.imag:+.{digits}g}j"
    text = f"{x:.{digits}g}"
    return "0" if text == "-0" else text


def summary(v: Any, digits: int = 6) -> str:
    """A value in one line: numbers as they are, small arrays in full, of others shape, norm and extent."""
    if v is None:
        return ""
    if isinstance(v, tuple):
        return f"({'; '.join(summary(part, digits) for part in v)})"
    if not np.shape(v):
        return number(v[()] if isinstance(v, np.ndarray) else v, digits)
    if np.size(v) <= SHOWN:
        return _listed(v, min(digits, 5))
    words = f"[{'×'.join(map(str, np.shape(v)))}]"
    if v.dtype.kind not in "fiuc":
        return words
    norm = float(np.sqrt(np.sum(np.square(np.abs(np.asarray(v, np.result_type(v, float)))))))
    if v.dtype.kind == "c":
        return f"{words} norm {number(norm, 4)}"
    return f"{words} norm {number(norm, 4)}, {number(np.min(v), 4)} … {number(np.max(v), 4)}"


def brief(v: Any) -> str:
    """A value where there is little room: of an array that is not small, shape and norm."""
    if isinstance(v, tuple):
        return f"({'; '.join(map(brief, v))})"
    return summary(v, 4 if np.ndim(v) == 0 else 3).partition(",")[0] if np.size(v) > SHOWN else summary(v, 4)


def _listed(v: Any, digits: int) -> str:
    if not np.shape(v):
        return number(v, digits)
    return f"[{', '.join(_listed(part, digits) for part in v)}]"
