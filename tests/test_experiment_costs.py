"""The identities behind `memory`, `chunk`, `training` and `ode`: what must hold on every machine."""

import math
from functools import cache

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")

import dualad
from experiments import chunk, memory, ode, timing, training
from experiments.experiment import load
from experiments.problems import audio, digits, forced, heat, logistic
from experiments.run import run

HASTE = {"rounds": 2, "sample_seconds": 1e-7, "cell_seconds": 0.0}


@cache
def fewest(n, snapshots):
    """Steps that are run before the sweeps of n steps, by trying every place for the next state kept."""
    if n <= 1:
        return 0
    if snapshots == 1:
        return n * (n - 1) // 2
    return min(k + fewest(k, snapshots) + fewest(n - k, snapshots - 1) for k in range(1, n))


@pytest.mark.parametrize("n", [1, 2, 3, 7, 10, 21, 35, 50])
def test_the_closed_form_is_the_best_of_all_schedules(n):
    for snapshots in range(1, min(n, 8) + 1):
        assert memory.optimum(n, snapshots) == fewest(n, snapshots) + n


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    changes = HASTE | {"size": 50, "depth": [4, 9], "kept": 3, "steps": 12, "snapshots": [1, 3, 12]}
    return run(load("memory"), tmp_path_factory.mktemp("memory"), changes=changes)


def test_the_schedule_runs_the_fewest_steps(kept):
    for result in kept["cells"]:
        n, counts = result["cell"]["steps"], result["measured"]["counts"]
        assert counts[memory.TAPE]["steps"] == n
        assert counts[memory.SCHEDULE]["steps"] == counts[memory.SCHEDULE]["optimum"]
        if memory.SEGMENTS in counts:
            assert counts[memory.SEGMENTS]["steps"] == 2 * n
    assert "runs the fewest steps possible in 5 of 5 cells" in kept["answer"]


def test_a_tape_grows_by_the_same_bytes_for_every_step():
    def kept_bytes(n):
        return dualad.count(lambda u: heat.loss(u, lambda u: memory.looped(heat.step, u, n)))(u).tape_bytes

    u = heat.start(6000, 0)
    assert kept_bytes(9) - kept_bytes(6) == kept_bytes(6) - kept_bytes(3) > 3 * u.nbytes


def test_peaks_see_what_is_kept():
    assert 8e6 <= timing.peak(lambda: np.ones(1_000_000).sum()) < 8.1e6
    assert timing.peak(lambda: [np.ones(10_000).sum() for _ in range(100)]) < 200_000


def test_operations_of_a_chunk_are_those_of_directions_and_of_sweeps(tmp_path):
    document = run(load("chunk"), tmp_path, changes=HASTE | {"n": [16], "steps": 1, "sweeps": 16})
    (result,) = document["cells"]
    counts = {int(k): c["operations"] for k, c in result["measured"]["counts"].items() if k != "function"}
    assert sorted(counts) == [1, 4, 16]
    run_once = (counts[1] - counts[4]) / (16 - 4)
    assert run_once == (counts[4] - counts[16]) / (4 - 1) > 0
    many, some, once = (result["measured"]["counts"][k]["calls"] for k in ("1", "4", "16"))
    assert (many - 1) / 16 == (some - 1) / 4 == once  # one more call puts the sweeps' columns together


def test_chunks_are_cut_as_named():
    assert chunk.carried(10, {"sweeps": 100}) == [1, 4, 10]
    assert chunk.carried(4096, {"sweeps": 16}) == [256, 1024, 4096]
    ways = []
    x = np.ones(10)
    for k in (3, 10):
        runs = []
        dualad.jacobian(lambda x, runs=runs: runs.append(1) or x * x, mode="forward", chunk_bytes=80 * k)(x)
        ways.append(len(runs))
    assert ways == [4, 1]


@pytest.mark.parametrize("name", list(training.PROBLEMS))
def test_forward_and_reverse_mode_train_alike(name):
    loss, p, X, y, _ = training.PROBLEMS[name].make({"hidden": 3, "waveforms": 40}, 0)
    batches = [(X[i : i + 10], y[i : i + 10]) for i in (0, 10, 20)]
    found = {way: training.epoch(way, loss, p, batches, 0.1, 0) for way in training.WAYS}
    forward, reverse = found[training.FORWARD], found[training.REVERSE]
    np.testing.assert_allclose(forward[0], reverse[0], rtol=1e-12)
    np.testing.assert_allclose(forward[1], reverse[1], rtol=1e-9, atol=1e-12)
    assert len(reverse[0]) == 3 and loss(reverse[1], X[:30], y[:30]) < loss(p, X[:30], y[:30])
    dualad.check_grads(lambda p: loss(p, X[:4], y[:4]), (reverse[1],), order=1)


def test_forward_gradients_are_the_gradient_on_average():
    """Over a basis, each direction scaled by √n, the mean is the gradient to rounding; over normal ones, nearly."""
    X, y = logistic.breast_cancer(6, 0)
    p = np.linspace(-0.2, 0.3, 6)
    basis = [training.by_estimate(logistic.loss, p, X, y, math.sqrt(6) * e)[1] for e in np.eye(6)]
    np.testing.assert_allclose(np.mean(basis, axis=0), dualad.grad(logistic.loss)(p, X, y), rtol=1e-12)
    checked = training.unbiased(logistic.loss, p, X, y, 4000, 1)
    assert abs(checked["along"] - 1.0) < 4 * checked["error"]
    assert checked["square"] == pytest.approx(6 + 2, rel=0.2)
    rigged = training.rows([trained_result(along=2.0)])
    assert [row["fair"] for row in rigged] == [True, True, False]
    assert "biased: logistic" in training.answer(rigged)


def trained_result(along):
    measured = training.measure({"problem": "breast-cancer"}, HASTE | {"batch": 100, "draws": 50}, 0)
    measured["unbiased"]["along"] = along
    return {"cell": {"problem": "breast-cancer"}, "measured": measured}


def test_an_epoch_costs_n_directions_one_sweep_or_one_direction():
    counts = trained_result(1.0)["measured"]["counts"]
    operations = {way: ledger["operations"] / counts["loss"]["operations"] for way, ledger in counts.items()}
    assert operations[training.REVERSE] < 5 and operations[training.ESTIMATE] < 5
    assert operations[training.FORWARD] > 30


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    changes = HASTE | {"parameters": [1, 6, 40], "states": 5, "steps": 6, "snapshots": 2}
    return run(load("ode"), tmp_path_factory.mktemp("ode"), changes=changes)


def test_sensitivities_grow_and_adjoints_do_not(solved):
    at = {(row["parameters"], row["way"]): row["operations_ratio"] for row in solved["rows"]}
    assert at[40, ode.FORWARD] > 5 * at[6, ode.FORWARD] / 2 > 2 * at[1, ode.FORWARD]
    assert max(at[p, ode.TAPE] for p in (1, 6, 40)) <= 5
    assert at[40, ode.TAPE] < at[40, ode.SCHEDULE] < at[40, ode.FORWARD]


def test_crossings():
    def rows(*ratios):
        sizes = (1, 10, 100)
        return [
            {"parameters": p, "way": ode.TAPE, "behind": r, "operations_behind": r}
            for p, r in zip(sizes, ratios, strict=True)
        ]

    assert ode.crossing(rows(10, 1, 0.1), "behind") == pytest.approx(10)
    assert ode.crossing(rows(100, 10, 0.1), "behind") == pytest.approx(math.sqrt(1000))
    assert ode.crossing(rows(0.5, 0.4, 0.3), "behind") is None
    assert "at every number of parameters here in seconds" in ode.place(rows(0.5, 0.4, 0.3), ode.TAPE)
    assert "at no number of parameters here in seconds" in ode.place(rows(3, 2, 1.5), ode.TAPE)
    assert "from 10 parameters on in seconds" in ode.place(rows(10, 1, 0.1), ode.TAPE)


def test_problems():
    X, y = digits.data(4, 0)[1:]
    assert X.shape == (1797, 64) and (X.min(), X.max()) == (0.0, 1.0)
    assert y.shape == (1797, 10) and np.all(y.sum(axis=1) == 1)
    assert digits.loss(np.zeros(digits.size(4)), X, y, 4) == pytest.approx(math.log(10))
    p, X, y = audio.data(12, 3)
    assert p.shape == (audio.size(),) and X.shape == (12, audio.FRAMES * audio.FRAME)
    assert list(y.sum(axis=0)) == [3, 3, 3, 3]
    assert np.array_equal(audio.data(12, 3)[1], X) and not np.array_equal(audio.data(12, 4)[1], X)
    p, x, table = forced.data(3, 7, 0, steps=5)
    assert table.shape == (11, 3) and forced.loss(p, x, table) > 0
    exact = forced.loss(p, x, forced.modes(3, 5))
    assert exact == forced.loss(np.concatenate([p, [0.0]]), x, forced.modes(4, 5))
