"""Drawings: numbers of dualad's on every edge, a place of its own for every label, strings from outside escaped."""

import re
import sys
import xml.etree.ElementTree as ET
from itertools import combinations

import numpy as np
import pytest
from cases import DERIVED, each, generator

import dualad
from dualad import draw
from dualad.teach.fold import contribution, grouped, repeated
from dualad.teach.graph import graph, local
from dualad.teach.layout import CHARACTER, SMALLER

igraph = pytest.importorskip("igraph", reason="drawings are laid out by igraph")


def griewank(x1, x2):
    return np.log(x1) + x1 * x2 - np.sin(x2)


def rosenbrock(x):
    return sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(len(x) - 1))


def perceptron(x, W1, b1, W2, y):
    return np.mean((W2 @ np.tanh(W1 @ x + b1) - y) ** 2)


def irregular(x):
    for k in range(400):
        x = [np.sin, np.cos, np.tanh, np.arctan, lambda x: x * x][hash((k * k * 7919) % 101) % 5](x) + 0.1
    return x


RNG = np.random.default_rng(7)
ARGUMENTS = {
    griewank: (2.0, 5.0),
    rosenbrock: (np.arange(3.0),),
    perceptron: tuple(RNG.normal(size=s) for s in ((3,), (5, 3), (5,), (2, 5), (2,))),
    irregular: (0.5,),
}
every = pytest.mark.parametrize(("f", "args"), ARGUMENTS.items(), ids=lambda v: getattr(v, "__name__", ""))


def wires(drawing):
    boxes = drawing.scene.boxes
    return [(boxes[w.wire.source].box, boxes[w.wire.target].box, w.wire) for w in drawing.scene.wires]


def test_every_edge():
    found = [(a.name, b.name or b.text, *w[2:]) for a, b, w in wires(draw(griewank, 2.0, 5.0))]
    assert found == [
        ("v₋₁", "v₁", "2", "0.5", "0.5"),
        ("v₋₁", "v₂", "2", "5", "5"),
        ("v₀", "v₂", "5", "2", "2"),
        ("v₁", "v₃", "0.6931", "1", "1"),
        ("v₂", "v₃", "10", "1", "1"),
        ("v₀", "v₄", "5", "0.2837", "-0.2837"),
        ("v₃", "v₅", "10.69", "1", "1"),
        ("v₄", "v₅", "-0.9589", "-1", "-1"),
        ("v₅", "y", "11.65", "", "1"),
    ]


@each(DERIVED)
def test_edges_over_the_registry(case):
    rng = generator("edges", case.id)
    shaped = [(x, rng.uniform(0.5, 1.5, np.shape(x))) for x in case.leaves]
    direction = tuple(float(d) if type(x) is float else np.asarray(d, x.dtype) for x, d in shaped)
    with np.errstate(all="ignore"):
        g = graph(case.f, tuple(case.leaves), {}, direction, None, "draw")
        for k, vertex in enumerate(g.vertices):
            gradients_add_up(g, k, vertex)
            partials_move(g, k, vertex)


def gradients_add_up(g, k, vertex):
    edges = [edge for edge in g.edges if edge.source == k]
    if any(place == k for _, place in g.outputs) or not edges or isinstance(vertex.value, tuple):
        return
    scale = np.max(np.abs(np.where(np.isfinite(vertex.adjoint), vertex.adjoint, 0)), initial=1.0)
    total = sum(contribution(g, edge) for edge in edges)
    np.testing.assert_allclose(total, vertex.adjoint, rtol=1e-5, atol=1e-5 * scale)


def partials_move(g, k, vertex):
    edges = [edge for edge in g.edges if edge.target == k]
    moved = [(local(g, edge), g.vertices[edge.source].tangent) for edge in edges]
    if vertex.op is None or any(
        d is None or isinstance(d, tuple) or isinstance(dx, tuple) for d, dx in moved
    ):
        return
    if vertex.op.kind == "elementwise":
        total = sum(np.where(d == 0, 0.0, d * dx) for d, dx in moved)
    else:
        total = sum(np.sum(d * dx, axis=tuple(range(-np.ndim(dx), 0))) for d, dx in moved)
    np.testing.assert_allclose(total + 0 * vertex.tangent, vertex.tangent, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("f", "args", "words"),
    [
        (lambda a, b: a + b, (1.0, 2.0), "add distributes"),
        (lambda a, b: a - b, (1.0, 2.0), "subtract distributes"),
        (lambda a, b: a * b, (1.0, 2.0), "multiply swaps"),
        (lambda a: a * a, (2.0,), "multiply swaps"),
        (lambda a, b: a @ b, (np.ones(2), np.ones(2)), "matmul swaps"),
        (np.maximum, (1.0, 2.0), "max routes"),
        (np.minimum, (1.0, 2.0), "min routes"),
        (lambda a: a[1], (np.ones(2),), "indexing routes"),
        (np.sum, (np.ones(3),), "sum distributes"),
        (lambda a: a * 3, (2.0,), None),
        (lambda a: a + 3, (2.0,), None),
        (np.sin, (2.0,), None),
        (lambda a, b: a / b, (1.0, 2.0), None),
    ],
)
def test_patterns_have_names(f, args, words):
    found = [word for p in draw(f, *args).scene.boxes if p.box.kind == "op" for word in p.box.words]
    assert found == ([words] if words else [])


def test_partials_are_numbers():
    ((_, _, wire), _) = wires(draw(lambda x: np.clip(x, 0.0, 3.0), 2.0))
    assert (wire.value, wire.partial, wire.gradient) == ("2", "1", "1")


def test_long_names_are_cut_short():
    op = dualad.elementwise(lambda x: x * 2, 2.0, name="n" * 500)
    boxes = [p.box for p in draw(lambda p: op(p["k" * 500]), {"k" * 500: 1.0}).scene.boxes]
    assert max(len(box.text) for box in boxes) == 32
    assert boxes[0].hint.startswith("p['kkk") and len(boxes[0].hint) > 500


def test_copies_add_up():
    boxes = draw(lambda x: np.sin(x) * x, 2.0).scene.boxes
    assert [p.box.words for p in boxes] == [("copy adds up",), (), ("multiply swaps",), ()]


def rectangles(scene):
    """Of boxes with what stands above and below them, and of labels."""
    for p in scene.boxes:
        half = max([p.width, *(0.9 * SMALLER * len(w) for w in p.box.words)]) / 2
        bottom = p.y + p.height / 2 + 15 * len(p.box.words)
        yield p.x - half, p.y - p.height / 2 - (12 if p.box.name else 0), p.x + half, bottom
    for d in scene.wires:
        half = 0.9 * CHARACTER * max(map(len, (d.wire.value, d.wire.partial, d.wire.gradient))) / 2
        yield d.label[0] - half, d.label[1] - 16, d.label[0] + half, d.label[1] + 18


@every
def test_nothing_covers_anything(f, args):
    scene = draw(f, *args).scene
    found = list(rectangles(scene))
    for a, b in combinations(found, 2):
        assert min(a[2], b[2]) <= max(a[0], b[0]) or min(a[3], b[3]) <= max(a[1], b[1]), (a, b)
    for left, top, right, bottom in found:
        assert left >= 0 and top >= 0 and right <= scene.width and bottom <= scene.height


@every
def test_wires_run_from_left_to_right(f, args):
    scene = draw(f, *args).scene
    for d in scene.wires:
        xs = [x for x, _ in d.points]
        assert xs == sorted(xs)
        assert scene.boxes[d.wire.source].x < scene.boxes[d.wire.target].x


def newton(a):
    x = a
    for _ in range(30):
        x = (x + a / x) / 2
    return x


def test_repeated_structure_is_one_box():
    drawing = draw(newton, 2.0)
    boxes = [p.box for p in drawing.scene.boxes]
    assert [box.kind for box in boxes].count("fold") == 1
    fold = next(box for box in boxes if box.kind == "fold")
    assert (fold.text, fold.words) == ("86 more", ("57 × divide, 29 × add",))
    assert len(boxes) == 7  # the input, the first round, the fold, the last operation, the result
    incoming = [w.value for _, b, w in wires(drawing) if b.kind == "fold"]
    assert sorted(incoming) == ["1.5", "2"]


def test_small_graphs_are_drawn_in_full():
    assert all(p.box.kind != "fold" for p in draw(rosenbrock, np.arange(3.0)).scene.boxes)


def test_at_most_200_boxes():
    boxes = [p.box for p in draw(irregular, 0.5).scene.boxes]
    assert len(boxes) == 200
    assert sum(box.kind == "fold" for box in boxes) == 1


@pytest.mark.parametrize("most", [5, 50, 200, 10_000])
def test_every_vertex_is_in_one_group(most):
    for f in (newton, irregular):
        g = graph(f, (0.5,), {}, None, None, "draw")
        groups = grouped(g, most)
        assert [k for ks in groups for k in ks] == list(range(len(g.vertices)))
        assert len(groups) <= most or most == 10_000


def test_periods():
    assert repeated([1, 1, 1, 1, 1], 0) == (1, 5)
    assert repeated([9, 1, 2, 1, 2, 1, 2, 1, 2, 1], 1) == (2, 4)
    assert repeated([1, 1, 2] * 5, 0) == (3, 5)
    assert repeated([1, 2, 3, 4], 0) == (1, 1)


EVIL = "</title><script>alert(1)</script>\"'&\\n\n$x_2$ \\"


def evil():
    op = dualad.elementwise(lambda x: x * 2, 2.0, name=EVIL)

    def f(p):
        return {EVIL: op(p[EVIL]) * 1.0}

    f.__qualname__ = EVIL
    return draw(f, {EVIL: 2.0})


def test_svg_escapes_what_comes_from_outside():
    for drawing in (evil(), *(draw(f, *args) for f, args in ARGUMENTS.items())):
        root = ET.fromstring(drawing.svg)
        tags = {element.tag.removeprefix("{http://www.w3.org/2000/svg}") for element in root.iter()}
        assert tags == {"svg", "title", "style", "path", "polygon", "g", "rect", "text"}
        assert drawing._repr_svg_() == drawing.svg
    assert "script>alert(1)" in "".join(ET.fromstring(evil().svg).itertext())


def test_dot_escapes_what_comes_from_outside():
    for text in (evil().dot(), draw(griewank, 2.0, 5.0).dot()):
        for line in text.splitlines()[2:-1]:
            quoted = re.fullmatch(
                r'  \w+( -> \w+)?( \[label="((?:[^"\\]|\\.)*)"(, shape=ellipse)?\])?;', line
            )
            assert quoted, line
    assert r'[label="2\n∂ 0.5\n0.5"]' in draw(griewank, 2.0, 5.0).dot()


def test_axes_and_files(tmp_path):
    figure = pytest.importorskip("matplotlib.figure", reason="drawings in axes need matplotlib")
    drawing = draw(griewank, 2.0, 5.0)
    ax = figure.Figure().add_subplot()
    assert drawing.axes(ax) is ax
    shown = [t.get_text() for t in ax.texts]
    for words in ("log", "v₋₁", "multiply swaps", "0.6931", "-0.2837"):
        assert words in shown
    for name, start in (("a.svg", b"<svg"), ("a.dot", b"digraph"), ("a.png", b"\x89PNG"), ("a.pdf", b"%PDF")):
        drawing.save(tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(start)
    with pytest.raises(dualad.ArgumentError, match=r"a\.txt"):
        drawing.save(tmp_path / "a.txt")
    evil().save(tmp_path / "evil.png")


@pytest.mark.parametrize(("missing", "call"), [("igraph", "svg"), ("matplotlib.figure", "axes")])
def test_without_an_extra(monkeypatch, missing, call):
    drawing = draw(griewank, 2.0, 5.0)
    if call == "axes":
        assert drawing.svg
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(dualad.ArgumentError, match=r"dualad\[teach\]"):
        drawing.axes() if call == "axes" else drawing.svg
    assert drawing.dot().startswith("digraph")


def test_results_that_depend_on_nothing_and_inputs_returned():
    boxes = [p.box for p in draw(lambda x: (1.5, x, x), 2.0).scene.boxes]
    assert [(box.kind, box.text, box.words) for box in boxes] == [
        ("input", "x", ("copy adds up",)),
        ("output", "y[0]", ("= 1.5",)),
        ("output", "y[1]", ()),
        ("output", "y[2]", ()),
    ]


def test_it_draws_plain_numbers_alone():
    with pytest.raises(dualad.ArgumentError, match="traced values"):
        dualad.grad(lambda x: len(draw(np.sin, x).dot()) * x)(1.0)
