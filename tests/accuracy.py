"""How far derivatives of elementwise functions are from exact, in units of what rounding the arguments does to them."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import combinations_with_replacement
from typing import Any

import mpmath as mp
import numpy as np
import references_numpy
from cases import DIFFERENTIABLE
from reference import Args, Index

from dualad import grad, jvp
from dualad.op import Composite, Op

REFERENCES = dict(references_numpy.REFERENCES)
if importlib.util.find_spec("scipy"):
    import references_bessel
    import references_special

    REFERENCES |= references_special.REFERENCES | references_bessel.REFERENCES

POINTS = 20
LARGEST = float(np.finfo(float).max)
TINY = float(np.finfo(float).tiny)  # below, numbers have fewer digits


def elementwise_op(op: Op | Composite) -> Op | None:
    """The elementwise op behind a registered function, if there is one: some check their parameters first."""
    if isinstance(op, Composite) and op.function.__module__.endswith("parametric"):
        cells = [cell.cell_contents for cell in op.function.__closure__ or ()]
        op = next(value for value in cells if isinstance(value, Op))
    return op if isinstance(op, Op) and op.kind == "elementwise" else None


ELEMENTWISE = {
    name: (fn, elementwise_op(op), op.examples)
    for name, (fn, op) in DIFFERENTIABLE.items()
    if elementwise_op(op) is not None
}


def points(name: str) -> list[Args]:
    """Arguments from the op's own examples, and the ones far out of its reference: plain numbers."""
    examples, found = ELEMENTWISE[name][2], []
    rng = np.random.default_rng(11)
    while len(found) < POINTS:
        for args, _ in examples(rng):
            columns = [np.ravel(a) for a in np.broadcast_arrays(*args)]
            kinds = [type(a) if isinstance(a, np.generic) else None for a in args]  # np.int64(5) stays one
            rows = [
                tuple(k(v) if k else v.item() for k, v in zip(kinds, row, strict=True))
                for row in zip(*columns, strict=True)
            ]
            found += rows
    return [*found[:POINTS], *REFERENCES[name].far]


def computed(fn: Any, args: Args, active: Index) -> Iterator[tuple[str, Index, Any]]:
    """First and second derivatives by both modes; `args` are numbers, or arrays in the active places."""

    def along(f: Any, i: int) -> Any:
        one = np.ones_like(args[i]) if isinstance(args[i], np.ndarray) else type(args[i])(1.0)
        return lambda *x: jvp(lambda t: f(*x[:i], t, *x[i + 1 :]), (x[i],), (one,))[1]

    def back(f: Any, i: int) -> Any:
        return lambda *x: grad(lambda t: np.sum(f(*x[:i], t, *x[i + 1 :])))(x[i])

    for i in active:
        yield "forward", (i,), along(fn, i)(*args)
        yield "reverse", (i,), back(fn, i)(*args)
    for i, j in combinations_with_replacement(active, 2):
        yield "forward", (i, j), along(along(fn, i), j)(*args)
        yield "reverse", (i, j), back(back(fn, j), i)(*args)


def groups(found: list[Args], active: Index) -> list[list[int]]:
    """Places of points whose other arguments, the parameters, are alike."""
    alike: dict[Any, list[int]] = {}
    for k, args in enumerate(found):
        alike.setdefault(tuple(repr(a) for i, a in enumerate(args) if i not in active), []).append(k)
    return list(alike.values())


def errors(name: str) -> list[tuple[int, float, str]]:
    """For each derivative of order 1 and 2: the order, the error, and where.

    The error is relative to eps (|d| + Σ |x ∂d/∂x|), what one rounding of the result and of each argument does.
    """
    fn, op, _ = ELEMENTWISE[name]
    active = tuple(i for i, rule in enumerate(op.rules) if rule is not None)
    where = points(name)
    exact = [REFERENCES[name].derivatives(args, active) for args in where]
    # A derivative out of range overflows with a warning, in arrays beside others.
    beyond = any(abs(d) > LARGEST for k in exact for index, d in k.items() if len(index) < 3)
    found: list[tuple[int, float, str]] = []

    def note(k: int, form: str, index: Index, value: Any) -> None:
        d, args = exact[k][index], where[k]
        if abs(d) > LARGEST:
            return
        changes = sum(abs(mp.mpf(args[j]) * exact[k].get(tuple(sorted((*index, j))), 0)) for j in active)
        unit = np.finfo(float).eps * (abs(d) + changes) + TINY
        error = float(abs(mp.mpf(float(value)) - d) / unit) if np.isfinite(value) else np.inf
        found.append((len(index), error, f"{form} {index} at {args}: {value!r}, not {mp.nstr(d, 18)}"))

    for group in groups(where, active):
        columns = [
            np.array([where[k][i] for k in group]) if i in active else where[group[0]][i]
            for i in range(len(where[0]))
        ]
        with np.errstate(over="ignore", invalid="ignore") if beyond else nullcontext():
            for form, index, values in computed(fn, tuple(columns), active):
                for k, value in zip(group, values, strict=True):
                    note(k, f"arrays, {form}", index, value)
            for k in group:
                number = np.float64 if k % 2 else float
                args = tuple(number(a) if i in active else a for i, a in enumerate(where[k]))
                for form, index, value in computed(fn, args, active):
                    note(k, f"numbers, {form}", index, value)
    return found
