"""The experiment on sparse matrices, in tiny sizes and without the libraries it compares with."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("rich")
pytest.importorskip("sklearn")
pytest.importorskip("igraph")

import dualad
from experiments import sparse, sparse_ways, timing
from experiments.experiment import load
from experiments.problems import arrow
from experiments.run import run

HASTE = {"rounds": 2, "sample_seconds": 1e-7, "cell_seconds": 0.0}
SMALL = HASTE | {"largest": 20, "side": 4}


@pytest.fixture
def alone(monkeypatch):
    """No other library is installed."""
    monkeypatch.setattr(sparse.peers, "installed", lambda package: package == "numpy")


@pytest.mark.parametrize("name", ["brusselator-16", "rosenbrock-1000", "arrow-1000"])
def test_a_cell(name, alone):
    (cell,) = sparse.cells(SMALL | {"problems": [name]})
    measured = sparse.measure(cell, SMALL, 0)
    rows = sparse.rows([{"cell": cell, "measured": measured}])
    case = sparse.CASES[name]
    assert [row["peer"] for row in rows] == [peer.words for peer in case.peers]
    foreign = {peer.words for peer in case.peers if peer.package != "numpy"}
    assert {row["peer"] for row in rows if row["verdict"] == "not installed"} == foreign
    assert all(row["ratio"] > 0 for row in rows if row["peer"] not in foreign)
    assert rows[0]["colors"] >= rows[0]["bound"] > 0 and rows[0]["case"].endswith(f"n = {rows[0]['n']}")


def test_cells_that_are_equal_are_measured_once():
    settings = sparse.EXPERIMENT.sized(quick=True)
    assert [cell["case"] for cell in sparse.cells(settings)] == [
        "brusselator-16", "brusselator-64", "rosenbrock-1000", "rosenbrock-100000", "arrow-1000", "arrow-100000"
    ]  # fmt: skip


def test_a_wrong_way_is_never_timed(monkeypatch):
    def wrong(problem):
        call, read = sparse_ways.eager(problem)
        return call, lambda found: 1.001 * read(found)

    case = replace(sparse.CASES["arrow-1000"], peers=(sparse.Peer("wrong", wrong),))
    monkeypatch.setitem(sparse.CASES, "arrow-1000", case)
    monkeypatch.setattr(timing, "race", lambda *args, **options: pytest.fail("it was timed"))
    with pytest.raises(timing.Disagreement, match="wrong and dualad"):
        sparse.measure({"case": "arrow-1000", "size": 8}, SMALL, 0)


def test_a_whole_run(alone, tmp_path):
    document = run(load("sparse"), tmp_path, changes=SMALL | {"problems": ["arrow-1000", "brusselator-16"]})
    assert "Not installed: CasADi, JAX, with these colours" in document["answer"]
    assert [figure["file"] for figure in document["figures"]] == ["sparse.png"]


def test_the_arrow():
    x = arrow.point(9, 0)
    dense = dualad.jacobian(arrow.field)(x)
    expected = np.diag(np.append(0.0, 2 * x[1:] * x[0] + np.cos(x[1:])))
    expected[0] = -np.exp(-x)
    expected[1:, 0] = x[1:] ** 2
    np.testing.assert_allclose(dense, expected, rtol=1e-13)
