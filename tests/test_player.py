"""What a player's page holds: dualad's numbers, a program that gives them at other inputs, and no string as markup."""

import json
import math
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from cases import DERIVED, each

import dualad
from dualad import player
from dualad.teach.expand import PRIMITIVES, expanded
from dualad.teach.schedule import schedule

pytest.importorskip("igraph", reason="the page's graph is laid out by igraph")


def griewank(x1, x2):
    a = np.log(x1)
    b = x1 * x2
    return a + b - np.sin(x2)


def field(x):
    r = np.sqrt(np.sum(x**2))
    return np.stack([x[0] * r, x[1] / r, np.exp(-r)])


def branches(x):
    return np.maximum(x[0], x[1]) * x[2] if x[0] > 1 else np.tanh(x[1] - x[0])


def many(p):
    """Most of what the page computes."""
    a, b = p["a"], p["b"]
    u = np.arctan2(a, b) + np.hypot(a, b) + np.abs(a - b) + np.where(a > b, np.expm1(a), np.log1p(b))
    v = np.cbrt(a) + np.exp2(b) + np.arcsinh(a) * np.cosh(b) + np.arctanh(b / 5) + np.clip(a, 0.0, 1.5) + a**b
    w = np.fmod(a, 0.3) + np.remainder(-a, 0.7) + np.copysign(a, b) + np.floor(b) * a + a**3 + np.sign(a) * b
    return {"u": u, "vw": [v, w], "constant": np.ceil(a)}


CASES = {
    griewank: ((2.0, 5.0), (0.5, -1.25)),
    field: ((np.array([3.0, 4.0]),), (np.array([-1.0, 0.5]),)),
    branches: ((np.array([2.0, 5.0, 3.0]),), (np.array([4.0, 3.0, -1.0]),)),
    many: (({"a": 1.25, "b": 0.75},), ({"a": 2.6, "b": 1.3},)),
}
every = pytest.mark.parametrize(("f", "points"), CASES.items(), ids=lambda v: getattr(v, "__name__", ""))


def flat(args):
    leaves, _ = dualad.tree.flatten(args)
    return [float(x) for leaf in leaves for x in np.ravel(leaf)]


def jacobian(f, args):
    """The Jacobian of all numbers of the results in all numbers of the arguments, by dualad."""
    leaves, rebuild = dualad.tree.flatten(args)
    ends = np.cumsum([np.size(x) for x in leaves])

    def g(v):
        parts = np.split(v, ends[:-1]) if len(ends) > 1 else [v]
        shaped = [np.reshape(p, np.shape(x)) for p, x in zip(parts, leaves, strict=True)]
        found, _ = dualad.tree.flatten(f(*rebuild(shaped)))
        return np.concatenate([np.ravel(y) for y in found])

    return dualad.jacobian(g)(np.array(flat(args)))


def accumulated(data, partials):
    """The Jacobian from the local partials, by forward accumulation."""
    n = data["inputs"]
    tangents = np.zeros((len(data["cells"]), n))
    tangents[:n] = np.eye(n)
    for (source, target, *_), d in zip(data["links"], partials, strict=True):
        tangents[target] += d * tangents[source]
    return np.array([tangents[o["cell"]] if o["cell"] >= 0 else np.zeros(n) for o in data["outputs"]])


C = {
    "fadd": lambda a, b: a + b, "fsub": lambda a, b: a - b, "fmul": lambda a, b: a * b, "fneg": lambda a: -a,
    "fdiv": lambda a, b: float(np.float64(a) / b), "fabs": abs, "select": lambda c, a, b: a if c else b,
    "fmod": math.fmod, "uitofp": float, "and": lambda a, b: a and b, "or": lambda a, b: a or b,
    "xor": lambda a, b: a != b, "oeq": lambda a, b: a == b, "une": lambda a, b: a != b, "olt": lambda a, b: a < b,
    "ole": lambda a, b: a <= b, "ogt": lambda a, b: a > b, "oge": lambda a, b: a >= b,
    "uno": lambda a, b: math.isnan(a) or math.isnan(b), "rint": lambda a: float(np.rint(a)),
    "floor": lambda a: float(np.floor(a)), "ceil": lambda a: float(np.ceil(a)), "trunc": lambda a: float(np.trunc(a)),
}  # fmt: skip
C |= {name: getattr(math, name) for name in PRIMITIVES if hasattr(math, name) and name not in C}


def evaluated(code, inputs):
    found = []
    for op, *args in code:
        if op == "input":
            found.append(inputs[args[0]])
        elif op == "constant":
            found.append(float(args[0]) if isinstance(args[0], str) else args[0])
        else:
            found.append(C[op](*(found[k] for k in args)))
    return found


@every
def test_the_numbers_are_dualads(f, points):
    data = player(f, *points[0]).data
    results = [float(x) for leaf in dualad.tree.flatten(f(*points[0]))[0] for x in np.ravel(leaf)]
    np.testing.assert_allclose([o["value"] for o in data["outputs"]], results, rtol=1e-15)
    expected = jacobian(f, points[0])
    np.testing.assert_allclose(
        accumulated(data, [link[2] for link in data["links"]]), expected, rtol=1e-13, atol=1e-14
    )
    assert [c["value"] for c in data["cells"][: data["inputs"]]] == flat(points[0])


@every
def test_the_program_computes_them_at_other_inputs(f, points):
    data = player(f, *points[0]).data
    for point in points:
        found = evaluated(data["code"], flat(point))
        partials = [float(found[link[3]]) for link in data["links"]]
        np.testing.assert_allclose(accumulated(data, partials), jacobian(f, point), rtol=1e-12, atol=1e-13)
        results = [float(x) for leaf in dualad.tree.flatten(f(*point))[0] for x in np.ravel(leaf)]
        np.testing.assert_allclose([found[o["at"]] for o in data["outputs"]], results, rtol=1e-12, atol=1e-13)
        assert all(found[k] == expected for k, expected, _ in data["guards"])


def test_guards_say_where_the_branch_is_left():
    data = player(branches, np.array([2.0, 5.0, 3.0])).data
    found = evaluated(data["code"], [0.5, 5.0, 3.0])
    ((k, expected, line),) = data["guards"]
    assert expected is True and found[k] is False
    assert "if x[0] > 1" in line


@each([case for case in DERIVED if not any(map(np.iscomplexobj, case.leaves))])
def test_over_the_registry(case):
    try:
        with np.errstate(all="ignore"):
            cells = expanded(case.f, tuple(case.leaves), {})
            expected = jacobian(case.f, tuple(case.leaves))
    except (dualad.ArgumentError, dualad.DtypeError) as reason:  # too large, or complex on the way
        assert re.search("numbers at most|complex", str(reason))
        return
    tangents = np.zeros((len(cells.cells), cells.inputs))
    tangents[: cells.inputs] = np.eye(cells.inputs)
    with np.errstate(all="ignore"):
        for source, target, d, *_ in cells.links:
            tangents[target] += d * tangents[source]
    rows = [tangents[cell] if cell >= 0 else np.zeros(cells.inputs) for _, cell, _, _ in cells.outputs]
    scale = np.max(np.abs(np.where(np.isfinite(expected), expected, 0)), initial=1e-300)
    np.testing.assert_allclose(np.array(rows).reshape(expected.shape), expected, rtol=1e-4, atol=1e-5 * scale)


@pytest.mark.parametrize(
    ("f", "why"),
    [
        (lambda x: np.linalg.eigvalsh(np.array([[1.0, 0.0], [0.0, 2.0]]) * x)[0], "eigvalsh"),
        (lambda x: dualad.scan(lambda s, k: (s * k, s), x, np.arange(1.0, 4.0))[0], "scan"),
        (lambda x: np.sum(np.array([x, 2 * x, 3.0])[[x > 1, True, False]]), "only integers"),
    ],
)
def test_what_the_page_cannot_compute_it_shows_at_these_inputs(f, why):
    data = player(f, 2.0).data
    assert why in data["why"]
    assert data["code"] is None
    np.testing.assert_allclose(
        accumulated(data, [link[2] for link in data["links"]]), jacobian(f, (2.0,)), rtol=1e-13
    )


def test_what_it_refuses():
    with pytest.raises(dualad.ArgumentError, match="300 numbers at most"):
        player(np.sin, np.ones(200))
    with pytest.raises(dualad.ArgumentError, match="300 numbers at most"):
        player(lambda x: np.sum(np.exp(x) @ np.exp(x)), np.ones((30, 30)))
    with pytest.raises(dualad.ArgumentError, match="complex ones"):
        player(np.abs, 1 + 2j)
    with pytest.raises(dualad.ArgumentError, match="no number"):
        player(lambda: 1.0)
    with pytest.raises(dualad.ArgumentError, match="traced values"):
        dualad.grad(lambda x: len(player(np.sin, x).html) * x)(1.0)


def test_what_only_moves_numbers_vanishes():
    data = player(lambda x: np.stack([x[1], np.reshape(x, (2, 1))[0, 0] * 2]), np.array([1.0, 2.0])).data
    assert [(c["name"], c["formula"]) for c in data["cells"]] == [
        ("v₋₁", "x[0]"),
        ("v₀", "x[1]"),
        ("v₁", "v₋₁ * 2"),
    ]
    assert [(o["name"], o["cell"]) for o in data["outputs"]] == [("y[0]", 1), ("y[1]", 2)]


def test_lines_of_the_source():
    data = player(griewank, 2.0, 5.0).data
    assert data["source"][0] == "def griewank(x1, x2):"
    assert [c["line"] for c in data["cells"]] == [-1, -1, 1, 2, 3, 3, 3]
    assert player(np.sin, 1.0).data["source"] is None


def test_results_that_are_read_again_are_vertices_of_their_own():
    data = player(lambda x: (x * x, np.sin(x * x), x, 3.0), 2.0).data
    results = data["graph"]["results"]
    assert results[3] == -1
    assert len(set(results[:3])) == 3
    assert min(results[:3]) > 0
    assert len(data["graph"]["places"]) == max(results) + 1


@pytest.mark.parametrize("n", [1, 2, 7, 32])
@pytest.mark.parametrize("snapshots", [1, 2, 5, 32])
def test_schedules_are_those_of_checkpointed_scan(n, snapshots):
    calls = []

    def step(x, k):
        calls.append(k)
        return np.sin(x)

    dualad.grad(lambda x: dualad.checkpointed_scan(step, x, n, snapshots))(0.5)
    found = schedule(n, snapshots)
    assert [k for a, b in found.moves for k in (range(a, b) if b > a else [a])] == calls
    assert found.evaluations == len(calls)
    assert found.kept <= snapshots
    assert [a for a, b in found.moves if a == b] == list(range(n))[::-1]


def test_chains_are_seen():
    def chain(x):
        for _ in range(6):
            x = np.sin(x) * 1.1
        return x

    found = player(chain, 0.5).data["chain"]
    assert (found["own"], found["steps"], len(found["schedules"])) == (True, 12, 12)
    found = player(griewank, 2.0, 5.0).data["chain"]
    assert (found["own"], found["steps"]) == (False, 32)


EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>{{data}}\u2028&\"'"


def evil():
    op = dualad.elementwise(lambda x: x * 2, 2.0, name=EVIL)

    def f(p):
        return {EVIL: op(p[EVIL]) * 1.0}

    f.__qualname__ = EVIL
    return player(f, {EVIL: 2.0})


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.inside, self.scripts, self.attributes = [], None, [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts[-1] += data


def read(page):
    reader = Reader()
    reader.feed(page.html)
    return reader


def test_no_string_from_outside_is_markup():
    plain, found = read(player(lambda x: x * 2 * 1.0, 2.0)), read(evil())
    assert found.tags == plain.tags
    assert json.loads(found.scripts[0]) == evil().data
    assert found.scripts[1] == plain.scripts[1]
    assert "img" not in found.tags
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    inner = re.fullmatch(r'<iframe srcdoc="([^"<>]*)" style="[^"<>]*"></iframe>', evil()._repr_html_())
    assert inner


def test_the_page_loads_nothing(tmp_path):
    player(griewank, 2.0, 5.0).save(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[\w./]+", page)) == {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in page
    assert not {"src", "href"} & {name for name, _ in read(player(griewank, 2.0, 5.0)).attributes}
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "fetch(", "document.write", "{{"):
        assert word not in page


def test_infinities_are_written_as_strings():
    data = player(lambda x: np.sqrt(x) * np.inf, 0.0).data
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert data["links"][0][2] == "Infinity"


def test_without_igraph(monkeypatch):
    monkeypatch.setitem(sys.modules, "igraph", None)
    with pytest.raises(dualad.ArgumentError, match=r"dualad\[teach\]"):
        player(griewank, 2.0, 5.0)
