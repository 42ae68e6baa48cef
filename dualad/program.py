"""Programs: what a function computed, as a straight line of operations that can be read, simplified and run again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from .dot import DotEdge, DotNode, digraph
from .op import Op


class Ref(NamedTuple):
    """The argument of an operation that is the result of an earlier one."""

    k: int


class Value(NamedTuple):
    """One value of a program: an input, a constant, or the result of an operation.

    `args` holds a `Ref` for each value that the operation reads, and what is static as it is. `form` is the
    Python type of the value: float, int, bool, np.ndarray, tuple, or np.generic for NumPy's scalars.
    """

    op: Op | None
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    shape: tuple[int, ...]
    dtype: Any
    form: type
    constant: Any = None

    @property
    def refs(self) -> list[int]:
        """Positions of the values that it is computed from."""
        return [a.k for a in self.args if type(a) is Ref]


class Guard(NamedTuple):
    """A value that the function's Python code looked at, and what it was: elsewhere another branch is taken."""

    k: int
    expected: Any
    line: str


class Program:
    """A straight line of operations on values of fixed shapes and dtypes. It never changes.

    values: every value, in evaluation order
    inputs: positions of the arguments' leaves; outputs: of the results'
    guards: what must be as it was when the function was traced
    """

    __slots__ = ("guards", "inputs", "outputs", "values")

    def __init__(
        self,
        values: Sequence[Value],
        inputs: Sequence[int],
        outputs: Sequence[int],
        guards: Sequence[Guard] = (),
    ) -> None:
        self.values, self.inputs = tuple(values), tuple(inputs)
        self.outputs, self.guards = tuple(outputs), tuple(guards)

    def __len__(self) -> int:
        """The number of operations."""
        return sum(value.op is not None for value in self.values)

    def __iter__(self) -> Iterator[Value]:
        return iter(self.values)

    def __call__(self, *leaves: Any) -> Any:
        """Run it through NumPy, on the leaves of its arguments, plain or traced, so that it can be differentiated.

        The guards are not looked at.

        returns: the result's leaf, or a tuple of its leaves
        """
        found = self.evaluated(leaves)
        return found[0] if len(found) == 1 else tuple(found)

    def evaluated(self, leaves: Sequence[Any], lift: Callable[[Any], Any] = lambda x: x) -> list[Any]:
        """The outputs for traced leaves; `lift` marks the zeros of unit directions as structural again."""
        found = [
            lift(value.constant) if value.op is None and value.kwargs else value.constant
            for value in self.values
        ]
        for k, x in zip(self.inputs, leaves, strict=True):
            found[k] = x
        for k, value in enumerate(self.values):
            if value.op is not None:
                found[k] = value.op(
                    *[found[a.k] if type(a) is Ref else a for a in value.args], **value.kwargs
                )
        return [found[k] for k in self.outputs]

    def dot(self) -> str:
        """The graph of its operations, as text for Graphviz."""
        names = {k: f"x{i}" for i, k in enumerate(self.inputs)}
        nodes: list[DotNode] = []
        edges: list[DotEdge] = []
        for k, value in enumerate(self.values):
            words = names.get(k) or (value.op.name if value.op is not None else _short(value))
            nodes.append((f"v{k}", f"{words}\n{described(value)}", value.op is None))
            edges += [(f"v{r}", f"v{k}", "") for r in value.refs]
        edges += [(f"v{k}", f"y{j}", "") for j, k in enumerate(self.outputs)]
        return digraph(nodes, edges)

    def __str__(self) -> str:
        return "\n".join(_lines(self))

    def __repr__(self) -> str:
        return f"<Program: {len(self.inputs)} inputs, {len(self)} operations, {len(self.outputs)} outputs>"


def form_of(v: Any) -> type:
    """The Python type of a value, as `Value.form` has it."""
    kind = type(v)
    return kind if kind in (float, int, bool, complex, tuple, np.ndarray) else np.generic


def described(value: Value) -> str:
    """Dtype and shape: `float64[3]`, `float` for Python's."""
    if value.form in (float, int, bool, complex, tuple):
        return value.form.__name__
    return f"{value.dtype}[{','.join(map(str, value.shape))}]"


def _lines(program: Program) -> Iterator[str]:
    names: dict[int, str] = {k: f"x{i}" for i, k in enumerate(program.inputs)}
    yield f"({', '.join(f'{names[k]}: {described(program.values[k])}' for k in program.inputs)})"
    for k, value in enumerate(program.values):
        if value.op is not None:
            names[k] = f"v{k}"
            args = [names[a.k] if type(a) is Ref else str(a) for a in value.args]
            args += [f"{key}={v}" for key, v in value.kwargs.items()]
            yield f"  v{k}: {described(value)} = {value.op.name}({', '.join(args)})"
        elif k not in names:
            names[k] = _short(value)
    for guard in program.guards:
        yield f"  needs {names[guard.k]} == {guard.expected}" + (f"  # {guard.line}" if guard.line else "")
    yield f"  return {', '.join(names[k] for k in program.outputs)}"


def _short(value: Value) -> str:
    text = str(value.constant).replace("\n", "")
    return text if len(text) <= 40 else f"constant {described(value)}"
