"""What the experiments are made of: crossings, statistics, numbers as people read them, problems."""

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")

from experiments import jacobian_cost, timing
from experiments.experiment import digits, show
from experiments.problems import chains, logistic, network, rosenbrock


def test_crossing_is_interpolated_on_the_logarithm():
    rows = [{"n": n, "m": 7, "ratio": n / 20} for n in (1, 10, 100)]
    assert jacobian_cost.crossing(rows, 7, "ratio") == pytest.approx(20)
    assert jacobian_cost.crossing(rows[:2], 7, "ratio") is None


def test_disagreement_names_both():
    with pytest.raises(timing.Disagreement, match="other and first"):
        timing.check({"first": [1.0, 2.0], "other": np.array([1.0, 2.0 + 1e-8])})
    with pytest.raises(timing.Disagreement, match="other and first"):
        timing.check({"first": 1.0, "other": np.nan})
    with pytest.raises(timing.Disagreement, match="other gave 1 numbers, first gave 2"):
        timing.check({"first": [1.0, 2.0], "other": 1.0})
    timing.check({"first": [1.0, [2.0]], "other": {"a": 1.0, "b": np.array([2.0 + 1e-11])}})
    timing.check({"first": 1.0, "rough": 1.0 + 1e-7}, {"rough": 1e-5})


def test_rounds_are_interleaved(monkeypatch):
    calls = []
    monkeypatch.setattr(timing, "repetitions", lambda call, seconds: 1)
    settings = {"rounds": 3, "sample_seconds": 1e-7, "cell_seconds": 0.0}
    raced = timing.race({name: lambda name=name: calls.append(name) for name in "ABC"}, settings)
    assert "".join(calls) == "ABCABCABC"
    assert [len(samples) for samples in raced["samples"].values()] == [3, 3, 3]


def test_ratios_are_taken_round_by_round():
    assert timing.ratio([2.0, 20.0, 200.0], [1.0, 10.0, 100.0]) == {
        "low": 2,
        "median": 2,
        "high": 2,
        "tie": False,
    }
    assert timing.ratio([1.0, 2.0, 1.0], [2.0, 1.0, 1.0])["tie"]


def test_intervals_cover_the_median_as_often_as_they_say():
    rng = np.random.default_rng(7)
    found = [timing.interval(rng.lognormal(size=15)) for _ in range(400)]
    covered = np.mean([low <= 1.0 <= high for low, _, high in found])  # the median of e^normal is 1
    assert 0.90 < covered < 0.99
    assert all(low <= middle <= high for low, middle, high in found)
    assert timing.interval([3.0, 1.0, 2.0]) == timing.interval([3.0, 1.0, 2.0])
    assert timing.noise([1.0, 2.0, 3.0, 4.0, 5.0]) == pytest.approx(2 / 3)


def test_numbers_for_people():
    assert [show(s, "seconds") for s in (1.5, 0.25, 3.21e-5, 4e-9)] == ["1.5 s", "250 ms", "32.1 µs", "4 ns"]
    assert [digits(x) for x in (0.1234, 12.34, 99.7, 12345.0)] == ["0.123", "12.3", "100", "12,345"]
    assert show(0.987, "share") == "99%" and show(None, "seconds") == "–" and show(1234, "count") == "1,234"
    assert show(1.234e-9, "small") == "1.2e-09"


def test_problems():
    rng = np.random.default_rng(5)
    x = rng.standard_normal(9)
    assert rosenbrock.loop(list(x)) == pytest.approx(rosenbrock.array(x), rel=1e-14)
    X, y = logistic.breast_cancer(65, 0)
    assert X.shape == (569, 65) and set(y) == {0.0, 1.0}
    assert np.abs(X[:, 3] - X[:, 33]).max() > 0.01 and np.linalg.matrix_rank(X) == 65
    assert logistic.loss(np.zeros(65), X, y) == pytest.approx(np.log(2))
    p, inputs, targets = network.data(3, 8, 0)
    assert p.shape == (network.size(3),)
    assert 0 < network.loss(p, inputs, targets, 3) < np.inf
    assert 0.0 < chains.chain(0.7, 1500) < 1500 / chains.BODY
