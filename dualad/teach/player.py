"""A page that steps through a function under forward and reverse mode: one file, which needs no network."""

from __future__ import annotations

import inspect
import json
import math
import re
from collections.abc import Callable
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from .expand import Cells, expanded
from .layout import layered
from .schedule import schedule

F = Callable[..., Any]
STEPS, SHORTEST, LONGEST = 32, 4, 64  # of the chain that is shown where the function is none of such a length


class Player:
    """A page for one function; `save` writes it, and Jupyter shows it.

    data: what the page shows, as JSON has it
    """

    __slots__ = ("data",)

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data

    @property
    def html(self) -> str:
        """The page: markup, style, script and data in one, none of them from elsewhere."""
        page = files(__package__) / "page"
        text = {
            name: (page / name).read_text(encoding="utf-8") for name in ("page.html", "page.css", *SCRIPTS)
        }
        values = {
            "title": escape(self.data["title"]),
            "style": text["page.css"],
            "script": "\n".join(text[name] for name in SCRIPTS),
            "data": _json(self.data),
        }
        # All at once: what is filled in is not looked at again.
        return re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], text["page.html"])

    def save(self, path: str | Path) -> None:
        """Write the page to a file."""
        Path(path).write_text(self.html, encoding="utf-8")

    def _repr_html_(self) -> str:
        return f'<iframe srcdoc="{escape(self.html)}" style="width:100%;height:900px;border:0"></iframe>'

    def __repr__(self) -> str:
        return f"<Player: {self.data['title']}, {len(self.data['cells'])} numbers>"


SCRIPTS = ("machine.js", "steps.js", "order.js", "chain.js", "page.js")


def _json(data: Any) -> str:
    """JSON that may stand in a script element: no string in it ends the element, or begins markup."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _number(x: float) -> float | str:
    """A number as JSON has it, which has no infinity."""
    return x if math.isfinite(x) else "NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity"


def player(f: F, *args: Any, **kwargs: Any) -> Player:
    """A page on which `f` is stepped through at `args`, under forward and reverse mode side by side.

    Forward mode fills the Jacobian column by column and reverse mode row by row, while operations and stored values are
    counted. Inputs can be changed in the page, which then computes everything again, by the operations' own rules, in
    the branch of the code that was taken. On further tabs the reader chooses the order in which vertices are
    eliminated from the graph (Griewank and Walther 2008, chapter 9), of which forward and reverse mode are two, and
    how many states of a chain are kept (chapter 12). The page is one file that loads nothing.

    f: function of real numbers, arrays or nested containers of them, all of them together of at most 300 numbers, what
        is computed on the way counted in
    returns: a `Player` with `save(path)` and `html`; Jupyter shows it
    raises: ArgumentError for more numbers, complex ones or none, inside a derivative, or without igraph

    >>> page = player(lambda x, y: np.sin(x) * y, 1.0, 2.0)
    >>> page
    <Player: <lambda>, 4 numbers>
    >>> page.html.startswith("<!doctype html>")
    True
    """
    cells = expanded(f, args, kwargs)
    code, guards, at = _program(cells)
    lines, numbers = _source(f, [cell.line for cell in cells.cells])
    return Player(
        {
            "title": cells.title,
            "inputs": cells.inputs,
            "cells": [
                {
                    "name": c.name,
                    "formula": c.formula,
                    "value": _number(c.value),
                    "at": at(c.position),
                    "line": line,
                }
                for c, line in zip(cells.cells, numbers, strict=True)
            ],
            "links": [
                [k.source, k.target, _number(k.partial), at(k.position), k.chosen] for k in cells.links
            ],
            "outputs": [
                {"name": name, "cell": cell, "value": _number(value), "at": at(position)}
                for name, cell, value, position in cells.outputs
            ],
            "code": code,
            "guards": guards,
            "why": cells.why,
            "source": lines,
            "graph": _graph(cells),
            "chain": _chain(cells),
        }
    )


def _program(cells: Cells) -> tuple[Any, list[Any], Callable[[int], int]]:
    """The instructions that the page needs, the guards, and from old places to new ones."""
    if cells.code is None:
        return None, [], lambda k: -1
    code, guards = cells.code
    needed = {c.position for c in cells.cells} | {k.position for k in cells.links}
    needed |= {position for *_, position in cells.outputs} | {k for k, _, _ in guards}
    for k in range(len(code.instructions) - 1, -1, -1):
        if k in needed:
            needed.update(code.instructions[k].args)
    place = {k: new for new, k in enumerate(sorted(needed))}
    inputs = [cell.position for cell in cells.cells[: cells.inputs]]
    order = {k: i for i, k in enumerate(inputs)}
    found: list[list[Any]] = []
    for k in sorted(needed):
        new = code.instructions[k]
        if new.op == "input":
            found.append(["input", order[k]])
        elif new.op == "constant":
            found.append(["constant", new.data if isinstance(new.data, bool) else _number(float(new.data))])
        else:
            found.append([new.op, *[place[a] for a in new.args]])
    return (
        found,
        [[place[k], bool(e) if code.kind(k) == "b" else _number(float(e)), line] for k, e, line in guards],
        (lambda k: place[k]),
    )


def _source(f: F, lines: list[str]) -> tuple[Any, list[int]]:
    """The function's source, and for each line of the user's the number of it there; -1 where it is elsewhere."""
    try:
        written, first = inspect.getsourcelines(f)
        path = inspect.getsourcefile(f)
    except (OSError, TypeError):
        return None, [-1] * len(lines)
    numbers = []
    for line in lines:
        found = re.match(r"(.*?):(\d+)(?:: |$)", line)
        k = int(found[2]) - first if found and found[1] == path else -1
        numbers.append(k if 0 <= k < len(written) else -1)
    return inspect.cleandoc("\n" + "".join(written)).splitlines(), numbers


def _graph(cells: Cells) -> dict[str, Any]:
    """The linearised graph with places for its vertices: the cells, and the results.

    A result is a vertex of its own where it is read again, so that no vertex that is eliminated is one.
    """
    read = {k.source for k in cells.links}
    count, edges, results = len(cells.cells), [(k.source, k.target) for k in cells.links], []
    for _, cell, _, _ in cells.outputs:
        if cell < 0:
            results.append(-1)
        elif cell in read or cell in results or cell < cells.inputs:
            edges.append((cell, count))
            results.append(count)
            count += 1
        else:
            results.append(cell)
    layers, rows = layered(count, edges)
    return {"places": [list(place) for place in zip(layers, rows, strict=True)], "results": results}


def _chain(cells: Cells) -> dict[str, Any]:
    """Schedules for a chain: the function's own operations where they are one."""
    n = len(cells.cells) - cells.inputs
    sources: dict[int, set[int]] = {}
    for link in cells.links:
        if link.source >= cells.inputs:
            sources.setdefault(link.target, set()).add(link.source)
    own = SHORTEST <= n <= LONGEST and all(
        sources.get(k, set()) == {k - 1} for k in range(cells.inputs + 1, len(cells.cells))
    )
    n = n if own else STEPS
    found = [schedule(n, c) for c in range(1, n + 1)]
    described = [
        {"moves": [list(m) for m in s.moves], "evaluations": s.evaluations, "kept": s.kept} for s in found
    ]
    return {"own": own, "steps": n, "schedules": described}
