"""Trace tables: the numbers are those of jvp and vjp, over the whole registry; each format says them, escaped."""

import re
from dataclasses import dataclass
from html.parser import HTMLParser

import numpy as np
import pytest
from cases import DERIVED, each, generator, random_like

import dualad
from dualad import jvp, trace_table, vjp
from dualad.tree import flatten


def griewank(x1, x2):
    return np.log(x1) + x1 * x2 - np.sin(x2)


def same(a, b):
    np.testing.assert_array_equal(a, b)


@each(DERIVED)
def test_numbers_are_those_of_jvp_and_vjp(case):
    rng = generator("trace table", case.id)
    leaves = case.leaves
    direction = tuple(random_like(rng, x) for x in leaves)
    with np.errstate(all="ignore"):
        y, dy = jvp(case.f, tuple(leaves), direction)
        _, pullback = vjp(case.f, *leaves)
        flat, rebuild = flatten(y)
        cotangent = rebuild([random_like(rng, v) for v in flat])
        gradient = pullback(cotangent)
        table = trace_table(case.f, direction, cotangent)(*leaves)
    rows = {row.name: row for row in table.rows}
    for row, x, dx, g in zip(table.rows, leaves, direction, gradient, strict=False):
        same(row.value, x)
        same(row.tangent, dx)
        same(row.adjoint, g)
    for (_, row), v, dv in zip(table.outputs, flat, flatten(dy)[0], strict=True):
        same(rows[row].value if isinstance(row, str) else row, v)
        same(rows[row].tangent if isinstance(row, str) else 0 * v, dv)
    assert len(str(table).splitlines()) == len(table.rows) + 4
    for text in (str(table), table.markdown(), table.latex()):
        assert "\x00" not in text and max(map(len, text.splitlines())) < 900
    assert table.html().count("<tr") == len(table.rows) + 1


def test_every_row():
    t = trace_table(griewank)(2.0, 5.0)
    log2, sin5, cos5 = np.log(2.0), np.sin(5.0), np.cos(5.0)
    assert [row[:5] for row in t.rows] == [
        ("v₋₁", "x1", 2.0, 1.0, 5.5),
        ("v₀", "x2", 5.0, 0.0, 2 - cos5),
        ("v₁", "log(v₋₁)", log2, 0.5, 1.0),
        ("v₂", "v₋₁ * v₀", 10.0, 5.0, 1.0),
        ("v₃", "v₁ + v₂", log2 + 10, 5.5, 1.0),
        ("v₄", "sin(v₀)", sin5, 0.0, -1.0),
        ("v₅", "v₃ - v₄", log2 + 10 - sin5, 5.5, 1.0),
    ]
    assert t.outputs == [("y", "v₅")]
    assert "return np.log(x1) + x1 * x2 - np.sin(x2)" in t.rows[4].line


def test_direction_and_cotangent():
    def f(x):
        return x[0] * x[1], {"s": np.sin(x[0])}

    x, dx, g = np.array([2.0, 3.0]), np.array([0.5, -1.0]), (2.0, {"s": -1.0})
    for given in (dx, (dx,)):
        t = trace_table(f, given, g)(x)
        same(t.rows[0].tangent, dx)
        same(t.rows[0].adjoint, vjp(f, x)[1](g)[0])
    assert [name for name, _ in t.outputs] == ["y[0]", "y[1]['s']"]
    with pytest.raises(dualad.ShapeError, match="direction of trace_table"):
        trace_table(f, (dx, dx))(x)
    with pytest.raises(dualad.ShapeError, match="cotangent of trace_table"):
        trace_table(f, dx, 1.0)(x)


def test_large_arrays_have_their_values():
    # A tape keeps of these the shapes alone.
    x = np.arange(10_000.0)
    t = trace_table(lambda x: np.sum(np.reshape(x, (100, 100)).T[1] * 2))(x)
    same(t.rows[1].value, x.reshape(100, 100))
    same(t.rows[-2].value, 2 * x.reshape(100, 100).T[1])
    assert "[100×100] norm 5.773e+05, 0 … 9999" in str(t)
    assert max(map(len, str(t).splitlines())) < 200


def test_zeros_not_taken_stay_zero():
    t = trace_table(lambda x: np.sum(np.where(x > 0, np.sqrt(np.abs(x)), 0.0)))(np.array([0.0, 4.0]))
    same(t.rows[0].adjoint, [0.0, 0.25])


def test_names():
    @dataclass
    class Model:
        w: np.ndarray
        b: float

    def f(m, *xs):
        return m["in"].w @ xs[0][0] + m["in"].b * xs[1]

    t = trace_table(f)({"in": Model(np.ones(2), 1.0)}, (np.ones(2),), 2.0)
    assert [row.formula for row in t.rows[:4]] == ["m['in'].w", "m['in'].b", "xs[0][0]", "xs[1]"]
    assert [row.name for row in t.rows[:5]] == ["v₋₃", "v₋₂", "v₋₁", "v₀", "v₁"]
    assert trace_table(np.sin)(1.0).rows[0].formula == "x"
    assert trace_table(np.hypot)(1.0, 2.0).rows[0].formula in ("x1", "x")


def test_formulas():
    def f(x):
        y = np.zeros_like(x)
        y[1:] = -(x[:-1] ** 2)
        return np.sum(y / 2, keepdims=True) @ np.array([1.0]) + 3 * y[0] - np.maximum(x[1], x[..., 0])

    formulas = [row.formula for row in trace_table(f)(np.ones(3)).rows]
    assert formulas[1:9] == [
        "new array([0, 0, 0])", "v₀[:-1]", "v₂ ** 2", "-v₃", "v₁ with [1:] = v₄", "v₅ / 2",
        "sum(v₆, axis=(0,), keepdims=True)", "v₇ @ [1]",
    ]  # fmt: skip


def test_results_that_depend_on_nothing_and_inputs_returned():
    t = trace_table(lambda x: (1.5, x))(2.0)
    assert t.outputs == [("y[0]", 1.5), ("y[1]", "v₀")]
    assert "y[0] = 1.5, y[1] = v₀" in str(t)


def test_it_shows_plain_numbers_alone():
    with pytest.raises(dualad.ArgumentError, match="no number"):
        trace_table(lambda: 1.0)()
    with pytest.raises(dualad.ArgumentError, match="traced values"):
        dualad.grad(lambda x: trace_table(np.sin)(x).rows[0].value)(1.0)
    with pytest.raises(dualad.DtypeError):
        trace_table(lambda x: x)("text")


EVIL = "<script>alert(1)</script>|`*$\\end{x}&%_#"


def evil():
    op = dualad.elementwise(lambda x: x * 2, 2.0, name=EVIL + "\n")

    def f(p):
        return op(p[EVIL]) * 1.0

    f.__qualname__ = EVIL
    return trace_table(f)({EVIL: 2.0})


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text = set(), ""

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)

    def handle_data(self, data):
        self.text += data


def test_html_escapes_what_comes_from_outside():
    reader = Reader()
    reader.feed(evil().html())
    assert reader.tags == {"table", "caption", "code", "thead", "tbody", "tr", "th", "td"}
    assert reader.text.count("<script>alert(1)</script>") == 3  # title, argument, operation
    assert evil()._repr_html_() == evil().html()


def test_latex_escapes_what_comes_from_outside():
    text = "\n".join(line for line in evil().latex().splitlines() if not line.startswith("%"))
    assert r"\textbackslash{}end\{x\}\&\%\_\#" in text
    assert text.count(r"\end{") == 1
    assert len(re.findall(r"(?<!\\)\$", text)) % 2 == 0
    plain = trace_table(griewank)(2.0, 5.0).latex()
    assert r"$v_{2}$ & = \texttt{$v_{-1}$ * $v_{0}$} & 10 & 5 & 1 \\" in plain


def test_markdown_escapes_what_comes_from_outside():
    rows = [line for line in evil().markdown().splitlines() if line.startswith("|")]
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 5 for line in rows)
    assert "| `v₂ = v₋₁ * v₀` | 10 | 5 | 1 |" in trace_table(griewank)(2.0, 5.0).markdown()


def test_the_functions_own_inner_derivatives_are_fine():
    def f(x):
        return dualad.grad(lambda z: z**3)(x) * x

    t = trace_table(f)(2.0)
    assert t.rows[0].adjoint == dualad.grad(f)(2.0) == 36.0
