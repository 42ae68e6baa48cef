"""The experiment `peers`: what takes part, what is compared, and that nothing wrong is timed."""

from dataclasses import replace

import numpy as np
import pytest

from experiments import eager_peers, peers, timing
from experiments.namespace_peers import COMPILED, LIBRARIES, PLAIN, dualad_compiled, dualad_plain

HASTE = {"rounds": 2, "sample_seconds": 1e-7, "cell_seconds": 0.0}


@pytest.fixture
def alone(monkeypatch):
    """SciPy's differences are the only other way there is."""
    monkeypatch.setattr(eager_peers, "installed", lambda package: package == "scipy")


def measured(name, **changes):
    return peers.measure({"problem": name}, HASTE | changes, 3)


@pytest.mark.parametrize("name", peers.PROBLEMS)
def test_every_source_gives_the_same_derivative_in_all_of_dualad(name):
    problem = peers.PROBLEMS[name]
    x, data = problem.point(3)
    plain = dualad_plain(problem.kind, problem.function, x, data)()
    compiled = dualad_compiled(problem.kind, problem.function, x, data)()
    assert timing.numbers(compiled) == pytest.approx(timing.numbers(plain), rel=1e-11, abs=1e-12)
    assert np.count_nonzero(timing.numbers(plain)) >= np.size(x)


@pytest.mark.parametrize("name", peers.PROBLEMS)
def test_differences_agree_with_dualad_everywhere(name, alone):
    found = measured(name)
    assert list(found["samples"]) == [PLAIN, COMPILED, "SciPy, 2-point"]
    assert 0 < found["error"]["SciPy, 2-point"] < 1e-3
    assert set(found["missing"]) == set(LIBRARIES) - {"scipy"}
    assert all(seconds > 0 for seconds in found["first"].values())


def test_like_meets_like(alone):
    table = peers.rows([{"cell": {"problem": "jacobian"}, "measured": measured("jacobian")}])
    beside = {row["peer"]: row["beside"] for row in table}
    assert len(table) == len(LIBRARIES)
    assert [words for words, way in beside.items() if way == COMPILED] == ["JAX, jit", "CasADi"]
    verdicts = {row["peer"]: row["verdict"] for row in table}
    assert verdicts["XAD"] == verdicts["MyGrad"] == "has no Jacobians"
    assert verdicts["JAX"] == verdicts["torch (eager)"] == "not installed"
    (differences,) = (row for row in table if row["ratio"] is not None)
    assert differences["peer"] == "SciPy, 2-point"
    assert differences["spread"][0] <= differences["ratio"] <= differences["spread"][1]
    assert "1 targets" in peers.EXPERIMENT.answer(table)


def test_a_library_in_which_a_source_does_not_run_says_why(monkeypatch):
    monkeypatch.setattr(eager_peers, "installed", lambda package: True)
    problem = peers.PROBLEMS["logistic"]
    assert "logaddexp" in peers.absent("torch", problem)
    assert peers.absent("jax", problem) == ""
    assert all(set(problem.without) <= set(LIBRARIES) for problem in peers.PROBLEMS.values())


def test_a_wrong_library_is_never_timed(alone, monkeypatch):
    def wrong(kind, f, x, data):
        return lambda: 1.01 * timing.numbers(dualad_plain(kind, f, x, data)())

    monkeypatch.setitem(LIBRARIES, "scipy", replace(LIBRARIES["scipy"], make=wrong))
    monkeypatch.setattr(timing, "race", lambda *args, **options: pytest.fail("it was timed"))
    with pytest.raises(timing.Disagreement, match="SciPy, 2-point and dualad"):
        measured("loop")
