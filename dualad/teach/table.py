"""The evaluation trace as a table: values, forward tangents and reverse adjoints beside each other."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from html import escape
from typing import Any, NamedTuple

from .graph import Graph, Vertex, graph
from .names import constant, formula, summary

F = Callable[..., Any]
HEAD = ("trace", "value ↓", "tangent ↓", "adjoint ↑")
_DIGITS = str.maketrans("₋₀₁₂₃₄₅₆₇₈₉", "-0123456789")


class Row(NamedTuple):
    """One value of a trace: its name, how it is computed, the numbers or arrays themselves, and the user's line."""

    name: str
    formula: str
    value: Any
    tangent: Any
    adjoint: Any
    line: str


class Table:
    """The evaluation trace of a function at a point; `str`, Jupyter, and the methods write it down.

    rows: in evaluation order, the inputs first; outputs: for each result its name and the `name` of the row that it
        is, or the value itself where it depends on no input
    """

    __slots__ = ("graph",)

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    @property
    def rows(self) -> list[Row]:
        return [
            Row(v.name, _formula(v, self._names), v.value, v.tangent, v.adjoint, v.line)
            for v in self.graph.vertices
        ]

    @property
    def outputs(self) -> list[tuple[str, Any]]:
        vertices = self.graph.vertices
        found = zip(self.graph.outputs, self.graph.results, strict=True)
        return [(name, vertices[k].name if k >= 0 else value) for (name, k), value in found]

    @property
    def _names(self) -> list[str]:
        return [v.name for v in self.graph.vertices]

    def _cells(self, names: Sequence[str]) -> list[tuple[str, ...]]:
        """Formula, value, tangent and adjoint of each row as text, with such names."""
        return [
            (_formula(v, names), *map(summary, (v.value, v.tangent, v.adjoint))) for v in self.graph.vertices
        ]

    def _last(self) -> str:
        return ", ".join(f"{name} = {v if isinstance(v, str) else constant(v)}" for name, v in self.outputs)

    def __str__(self) -> str:
        names = self._names
        lines = [("", *HEAD), *zip(names, *zip(*self._cells(names), strict=True), strict=True)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        rows = []
        for k, (name, words, *numbers) in enumerate(lines):
            numbers = [text.rjust(w) for text, w in zip(numbers, widths[2:], strict=True)]
            joined = "   ".join([f"{name:<{widths[0]}} {'=' if k else ' '} {words:<{widths[1]}}", *numbers])
            rows.append(joined)
        rows.insert(1, "─" * max(map(len, rows)))
        return "\n".join([_line(self.graph.title), *rows, self._last()])

    def __repr__(self) -> str:
        return f"<Table: {self.graph.title}, {len(self.graph.vertices)} rows>"

    def markdown(self) -> str:
        """The table for Markdown with tables, GitHub's say."""
        names = self._names
        rows = [
            [_code(f"{name} = {words}"), *map(_marked, numbers)]
            for name, (words, *numbers) in zip(names, self._cells(names), strict=True)
        ]
        lines = [HEAD, ("---", "---:", "---:", "---:"), *rows]
        body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"{_code(self.graph.title)}\n\n{body}\n\n{_code(self._last())}\n"

    def html(self) -> str:
        """The table for a web page; every name from outside is escaped."""
        names, cell = self._names, 'style="text-align:right;font-variant-numeric:tabular-nums"'
        lines = []
        for vertex, (words, *numbers) in zip(self.graph.vertices, self._cells(names), strict=True):
            found = "".join(f"<td {cell}>{escape(text)}</td>" for text in numbers)
            code = f"<code>{escape(f'{vertex.name} = {words}')}</code>"
            lines.append(
                f'<tr title="{escape(vertex.line)}"><td style="text-align:left">{code}</td>{found}</tr>'
            )
        head = "".join(f'<th scope="col">{word}</th>' for word in HEAD)
        return (
            f"<table><caption><code>{escape(_line(self.graph.title))}</code>: <code>{escape(self._last())}</code>"
            f"</caption><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
        )

    _repr_html_ = html

    def latex(self) -> str:
        """The table for LaTeX: a tabular of its own, with no packages."""
        marks = [f"\x00{k}\x00" for k in range(len(self.graph.vertices))]
        names = [f"$v_{{{name[1:].translate(_DIGITS)}}}$" for name in self._names]

        def written(text: str) -> str:
            return re.sub("\x00(\\d+)\x00", lambda found: names[int(found[1])], _tex(text))

        rows = [
            f"{name} & = \\texttt{{{written(words)}}} & {' & '.join(map(_tex, numbers))} \\\\"
            for name, (words, *numbers) in zip(names, self._cells(marks), strict=True)
        ]
        head = r"\multicolumn{2}{l}{trace} & value $\downarrow$ & tangent $\downarrow$ & adjoint $\uparrow$ \\ \hline"
        results = [
            f"{_tex(name)} = {names[k] if k >= 0 else _tex(constant(value))}"
            for (name, k), value in zip(self.graph.outputs, self.graph.results, strict=True)
        ]
        return "\n".join(
            [
                f"% {_line(self.graph.title)}",
                r"\begin{tabular}{@{}r@{ }l@{\qquad}r@{\qquad}r@{\qquad}r@{}}",
                head,
                *rows,
                r"\hline",
                rf"\multicolumn{{5}}{{@{{}}l@{{}}}}{{{', '.join(results)}}}",
                r"\end{tabular}",
            ]
        )


def _formula(vertex: Vertex, names: Sequence[str]) -> str:
    if vertex.op is None:
        return vertex.label
    operands = [
        names[i] if i >= 0 else constant(a) for a, i in zip(vertex.args, vertex.operands, strict=True)
    ]
    return _line(formula(vertex.op, operands, vertex.kwargs))


def _line(text: str) -> str:
    """In one line, whatever a user's name has in it."""
    return " ".join(text.split())


def _code(text: str) -> str:
    """A code span of Markdown inside a table."""
    text = _line(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    text = text.replace("|", "\\|")
    return f"{fence} {text} {fence}" if len(fence) > 1 else f"`{text}`"


def _marked(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>#|~&])", r"\\\1", text)


_TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "×": r"$\times$", "…": r"\ldots{}", "<": r"\textless{}",
    ">": r"\textgreater{}",
}  # fmt: skip


def _tex(text: str) -> str:
    return "".join(_TEX.get(c, c) for c in text)


def trace_table(f: F, direction: Any = None, cotangent: Any = None) -> Callable[..., Table]:
    """The evaluation trace of `f`: every value with its forward tangent and its reverse adjoint, as a table.

    v₋₁, v₀, v₁ … are numbered as by Griewank and Walther (2008, chapter 2), the inputs up to v₀. Tangents are to be
    read downwards, adjoints upwards. Arrays of more than four numbers are summarised by shape, norm and extent.

    direction: the tangents of the arguments, a tuple as for `jvp` (for one argument its tangent alone will do);
        by default 1 for the first number and 0 for all others
    cotangent: of the structure of `f`'s result, as for `vjp`; by default 1 for its first number
    returns: a function of the arguments of `f`, positional ones all traced, that returns a `Table`, with `rows`,
        `markdown()`, `html()`, `latex()`
    raises: ShapeError where direction or cotangent do not match; ArgumentError without numbers, or inside a derivative

    >>> print(trace_table(lambda x, y: np.sin(x) * y)(0.0, 2.0))
    <lambda>
          trace      value ↓   tangent ↓   adjoint ↑
    ────────────────────────────────────────────────
    v₋₁ = x                0           1           2
    v₀  = y                2           0           0
    v₁  = sin(v₋₁)         0           1           2
    v₂  = v₁ * v₀          0           2           1
    y = v₂
    """

    @functools.wraps(f)
    def tabulate(*args: Any, **kwargs: Any) -> Table:
        return Table(graph(f, args, kwargs, direction, cotangent, "trace_table"))

    return tabulate
