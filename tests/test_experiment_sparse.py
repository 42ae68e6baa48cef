"""The experiment on sparse matrices, in tiny sizes and without the libraries it compares with."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("rich")
pytest.importorskip("sklearn")
pytest.importorskip("igraph")

import dualad
from experiments import sparse, sparse_cases, sparse_peers, sparse_ways, timing
from experiments.experiment import load
from experiments.problems import arrow, brusselator, bundle, rosenbrock
from experiments.run import run

HASTE = {"rounds": 2, "sample_seconds": 1e-7, "cell_seconds": 0.0}
SMALL = HASTE | {"largest": 20, "side": 4, "growth": []}


@pytest.fixture
def alone(monkeypatch):
    """No other library is installed."""
    monkeypatch.setattr(sparse.eager_peers, "installed", lambda package: package == "numpy")


@pytest.mark.parametrize("name", ["brusselator-64", "rosenbrock-100000", "arrow-1000", "bundle"])
def test_a_cell(name, alone):
    (cell,) = sparse.cells(SMALL | {"problems": [name]})
    measured = sparse.measure(cell, SMALL, 0)
    rows = sparse.rows([{"cell": cell, "measured": measured}])
    case = sparse.CASES[name]
    assert [row["peer"] for row in rows] == [peer.words for peer in case.peers] + ["asdex"] * case.set_up
    assert [row["way"] for row in rows] == [peer.against for peer in case.peers] + ["set-up"] * case.set_up
    foreign = {peer.words for peer in case.peers if peer.package != "numpy"}
    assert {row["peer"] for row in rows if row["verdict"] == "not installed"} == foreign
    assert all(row["ratio"] > 0 for row in rows if row["peer"] not in foreign)
    assert rows[0]["colors"] >= rows[0]["bound"] > 0 and rows[0]["case"].endswith(f"n = {rows[0]['n']:,}")


def test_cells_that_are_equal_are_measured_once():
    settings = sparse.EXPERIMENT.sized(quick=True) | {"growth": []}
    assert [cell["case"] for cell in sparse.cells(settings)] == [
        "brusselator-16", "brusselator-64", "rosenbrock-1000", "rosenbrock-100000", "bundle", "arrow-1000",
        "arrow-100000",
    ]  # fmt: skip


def test_a_wrong_way_is_never_timed(monkeypatch):
    def wrong(problem):
        call, read = sparse_ways.eager(problem)
        return call, lambda found: 1.001 * read(found)

    case = replace(sparse.CASES["arrow-1000"], peers=(sparse_cases.Peer("wrong", wrong),))
    monkeypatch.setitem(sparse.CASES, "arrow-1000", case)
    monkeypatch.setattr(timing, "race", lambda *args, **options: pytest.fail("it was timed"))
    with pytest.raises(timing.Disagreement, match="wrong and compiled"):
        sparse.measure({"case": "arrow-1000", "size": 8}, SMALL, 0)


def test_a_whole_run(alone, tmp_path):
    document = run(load("sparse"), tmp_path, changes=SMALL | {"problems": ["arrow-1000", "brusselator-16"]})
    assert "Not installed: CasADi, JAX, with these colours" in document["answer"]
    assert [figure["file"] for figure in document["figures"]] == ["sparse.png"]


def test_growth(alone, tmp_path):
    document = run(load("sparse"), tmp_path, changes=SMALL | {"problems": [], "growth": [20, 80]})
    rows = document["rows"]
    assert [(row["growth"], row["n"]) for row in rows] == [
        (name, n) for name, sizes in zip(sparse.GROWTH, [(18, 72), (20, 80)], strict=True) for n in sizes
    ]
    assert all(row["seconds"] == row["pattern"] + row["coloring"] > 0 for row in rows)
    (figure,) = document["figures"]
    assert figure["file"] == "sparse-growth.png" and figure["caption"].count(", colouring: ") == 2


def test_set_up_is_compared():
    samples = {"compiled": [1.0, 2.0], "asdex": [3.0, 6.0]}
    row = sparse.compared(samples, "asdex", "compiled", sparse_cases.SET_UP, False)
    assert row["ratio"] == 3.0 and row["verdict"] == "met"


def test_differences_agree():
    problem, _ = sparse_ways.planned(brusselator.rhs, brusselator.data(4, 1, 0)[0], False)
    expected = problem.plan(problem.x).data
    for way in (sparse_peers.differences, sparse_peers.scipy_differences):
        call, read = way(problem)
        np.testing.assert_allclose(read(call()), expected, atol=1e-5)


@pytest.mark.parametrize("name", ["asdex", "torch", "jax"])
def test_other_libraries_agree(name):
    pytest.importorskip(name)
    ways = {
        "asdex": [sparse_peers.asdex_compiled],
        "torch": [sparse_peers.torch_with_our_colors],
        "jax": [sparse_peers.jax_with_our_colors],
    }[name]
    for f, x, hessian in (
        (brusselator.rhs, brusselator.data(4, 1, 0)[0], False),
        (rosenbrock.array, rosenbrock.start(9, 0), True),
    ):
        problem, _ = sparse_ways.planned(f, x, hessian, "symmetric" if hessian else "auto")
        for way in ways:
            call, read = way(problem)
            np.testing.assert_allclose(read(call()), problem.plan(x).data, rtol=1e-12, atol=1e-12)


def test_blocks_of_the_bundle_adjustment():
    f, x, data = sparse_cases.of_bundle(7, 0)
    problem, _ = sparse_ways.planned(f, x, False, data=data)
    call, read = sparse_ways.compiled_blocks(problem)
    np.testing.assert_allclose(read(call()), problem.plan(x).data, rtol=1e-9, atol=1e-10)
    spread = bundle.spread(x, *data[:2])
    np.testing.assert_array_equal(spread, bundle.data(7, 0)[0])


def test_the_arrow():
    x = arrow.point(9, 0)
    dense = dualad.jacobian(arrow.field)(x)
    expected = np.diag(np.append(0.0, 2 * x[1:] * x[0] + np.cos(x[1:])))
    expected[0] = -np.exp(-x)
    expected[1:, 0] = x[1:] ** 2
    np.testing.assert_allclose(dense, expected, rtol=1e-13)
