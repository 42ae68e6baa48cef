"""The experiment on compiled derivatives, in tiny sizes and without the libraries it compares with."""

import itertools
import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("rich")
pytest.importorskip("sklearn")

import dualad
from experiments import compiled, targets, timing
from experiments import compiled_peers as made
from experiments.compiled_cases import CASES, Peer
from experiments.experiment import load
from experiments.problems import (
    arm,
    brusselator,
    bundle,
    chains,
    classifier,
    gmm,
    kernels,
    logistic,
    lorenz96,
    lotka_volterra,
    lstm,
    rosenbrock,
    straight,
)
from experiments.run import run

HASTE = {"rounds": 2, "sample_seconds": 1e-7, "cell_seconds": 0.0}
SMALL = HASTE | {"largest": 8, "slow": 0}
QUICK_TO_TRACE = sorted(set(CASES) - {"lotka-volterra", "lorenz96-flow", "compile-10000", "compile-100000"})


@pytest.fixture
def alone(monkeypatch):
    """No other library is installed."""
    monkeypatch.setattr(compiled.eager_peers, "installed", lambda package: package == "numpy")


@pytest.mark.parametrize("name", QUICK_TO_TRACE)
def test_every_case_gives_the_derivative_itself(name):
    case = CASES[name]
    args = case.point(min(case.size, 8), 3)
    found = made.dualad_compiled(case.derive, case.function, args)()
    expected = case.derive(case.function)(*args)
    timing.check({"plain": expected, "compiled": found}, {"compiled": 1e-13})
    assert np.any(timing.numbers(found) != 0)


@pytest.mark.parametrize("name", ["logistic", "rosenbrock-1000000", "compile-100", "rosenbrock-10"])
def test_a_cell_without_other_libraries(name, alone):
    (cell,) = compiled.cells(SMALL | {"problems": [name]})
    assert cell == {"case": name, "size": 8}
    measured = compiled.measure(cell, SMALL, 0)
    rows = compiled.rows([{"cell": cell, "measured": measured}])
    foreign = {peer.words for peer in CASES[name].peers if peer.package != "numpy"}
    assert {row["peer"] for row in rows if row["verdict"] == "not installed"} == foreign
    assert measured["counts"]["program"]["operations"] > 0
    assert set(measured["samples"]) == {"dualad"} | {
        peer.words for peer in CASES[name].peers if peer.package == "numpy"
    }
    assert all(row["ratio"] is None for row in rows if row["peer"] in foreign)


def test_a_wrong_peer_is_never_timed(monkeypatch):
    wrong = Peer("numpy", partial(made.by_hand, lambda x: 1.0001 * rosenbrock.start(10, 0)), "wrong", 1.0)
    monkeypatch.setitem(CASES, "rosenbrock-10", replace(CASES["rosenbrock-10"], peers=(wrong,)))
    monkeypatch.setattr(timing, "race", lambda *args, **options: pytest.fail("it was timed"))
    with pytest.raises(timing.Disagreement, match="wrong and dualad"):
        compiled.measure({"case": "rosenbrock-10", "size": 10}, SMALL, 0)


def test_what_is_slow_waits_for_a_full_run(monkeypatch):
    monkeypatch.setattr(compiled.eager_peers, "installed", lambda package: True)
    peers = CASES["lorenz96-flow"].peers
    assert [compiled.absent(peer, {"slow": 0}) for peer in peers] == ["", "not in --quick"]
    assert [compiled.absent(peer, {"slow": 1}) for peer in peers] == ["", ""]


def result(name, ratio, share=1.0, **missing):
    """A measured cell of which dualad took a second a call and two to compile."""
    words = [peer.words for peer in CASES[name].peers if peer.words not in missing]
    seconds = {"dualad": 1.0} | dict.fromkeys(words, ratio)
    return {
        "cell": {"case": name, "size": CASES[name].size},
        "measured": {
            "counts": {"program": {"operations": 5}},
            "native": True,
            "share": share,
            "missing": missing,
            "compiling": {words: 2.0 * time for words, time in seconds.items()},
            "samples": {words: [time, time] for words, time in seconds.items()},
        },
    }


def test_compiling_has_a_limit_of_its_own():
    casadi, jax, limit = compiled.rows([result("lorenz96-flow", 0.5, JAX="not in --quick")])
    assert (casadi["ratio"], casadi["verdict"], casadi["peer_compile"]) == (0.5, "missed by 50 %", 1.0)
    assert (jax["ratio"], jax["verdict"]) == (None, "not in --quick")
    assert (limit["ratio"], limit["verdict"], limit["compile"]) == (1.5, "met", 2.0)


def test_without_a_target_there_is_no_verdict():
    rows = compiled.rows([result("rosenbrock-10", 6.5)])
    assert [(row["peer"], row["verdict"]) for row in rows] == [("JAX", "met"), ("CasADi", "no target")]
    assert targets.judged(rows) == rows[:1]
    assert targets.answer(rows).startswith("1 of 1 targets are met")


def test_a_busy_machine_is_told():
    assert "measure again" not in compiled.answer(compiled.rows([result("gmm", 2.0)]))
    told = compiled.answer(compiled.rows([result("gmm", 2.0, share=0.6), result("arm", 20.0)]))
    assert told.endswith("so measure again: mixture of 25 Gaussians in 10-D: gradient.")


def test_times_of_compiling_are_drawn(tmp_path):
    names = ("compile-100", "compile-1000", "compile-10000")
    rows = compiled.rows([result(name, 25.0) for name in names] + [result("gmm", 2.0)])
    assert [row["length"] for row in rows] == [100, 100, 1_000, 1_000, 10_000, 10_000, None]
    assert all(row["compile"] is None for row in rows[:-1])  # it is what was timed
    files = [path.name for path, _ in compiled.draw(rows, tmp_path / "compiled")]
    assert files == ["compiled.png", "compiled-lengths.png"]
    assert all((tmp_path / file).read_bytes().startswith(b"\x89PNG") for file in files)
    assert len(compiled.draw(rows[-1:], tmp_path / "compiled")) == 1


def test_a_whole_run(alone, tmp_path):
    document = run(
        load("compiled"), tmp_path, changes=SMALL | {"problems": ["arm", "logistic", "compile-100"]}
    )
    assert "Not installed: CasADi, JAX, JAX, jacfwd, JAX, jacrev, Numba" in document["answer"]
    assert {figure["file"] for figure in document["figures"]} == {"compiled.png", "compiled-lengths.png"}


def test_a_race_of_what_takes_seconds(monkeypatch):
    calls = []
    monkeypatch.setattr(timing, "repetitions", lambda call, seconds: pytest.fail("called for nothing"))
    contestants = {name: lambda name=name: calls.append(name) for name in "AB"}
    raced = timing.race(contestants, HASTE | {"rounds": 9}, once=True)
    assert "".join(calls) == "AB" * 5 and raced["inner"] == {"A": 1, "B": 1}


def test_kernels_by_hand():
    x = rosenbrock.start(9, 1)
    np.testing.assert_allclose(kernels.rosenbrock_gradient(x), dualad.grad(rosenbrock.array)(x), rtol=1e-13)
    w, X, y = logistic.drawn(30, 4, 1)
    np.testing.assert_allclose(
        kernels.logistic_gradient(w, X, y), dualad.grad(logistic.loss)(w, X, y), rtol=1e-12
    )


def test_a_straight_line_is_the_chain():
    assert straight.line(300)(0.7) == pytest.approx(chains.chain(0.7, 300), rel=1e-14)


def test_the_arm():
    reach = sum(offset + abs(length) for _, _, offset, length in arm.JOINTS)
    rng = np.random.default_rng(2)
    q = rng.uniform(-2, 2, 7)
    hand = arm.hand(q)
    assert np.linalg.norm(hand[:3]) <= reach
    turned = arm.hand(q + np.array([0.3, 0, 0, 0, 0, 0, 0]))  # the base turns about the upright
    c, s = np.cos(0.3), np.sin(0.3)
    np.testing.assert_allclose(turned[:2], [c * hand[0] - s * hand[1], s * hand[0] + c * hand[1]], rtol=1e-12)
    np.testing.assert_allclose(turned[2:5], hand[2:5], rtol=1e-12)
    assert np.isclose(np.mod(turned[5] - hand[5], 2 * np.pi), 0.3)


def test_the_mixture_is_the_density_of_gaussians():
    (weights, means, factors), X = gmm.data(6, 3, 2, 4)
    total = 0.0
    for x in X:
        shares = np.exp(weights) / np.exp(weights).sum()
        density = 0.0
        for share, mean, factor in zip(shares, means, factors, strict=True):
            root = np.diag(np.exp(factor[:3]))
            root[1, 0], root[2, 0], root[2, 1] = factor[3:]
            density += share * np.linalg.det(root) * np.exp(-0.5 * np.sum((root @ (x - mean)) ** 2))
        total += np.log(density)
    diagonal, below = np.exp(factors[:, :3]), factors[:, 3:]
    prior = 0.5 * gmm.PRIOR**2 * (np.sum(diagonal**2) + np.sum(below**2)) - np.sum(factors[:, :3])
    assert gmm.objective([weights, means, factors], X) == pytest.approx(total - prior, rel=1e-12)


def test_the_brusselator_rests_at_its_fixed_point():
    rest = np.stack(
        [np.full((4, 4), brusselator.FEED), np.full((4, 4), brusselator.DECAY / brusselator.FEED)]
    )
    np.testing.assert_allclose(brusselator.rhs(rest), 0.0, atol=1e-13)
    state, v = brusselator.data(4, 3, 0)
    along = [dualad.jvp(brusselator.rhs, (state,), (v[..., k],))[1] for k in range(3)]
    pushed = made.directions(brusselator.rhs)(state, v)
    np.testing.assert_allclose(pushed, np.stack(along, axis=-1), rtol=1e-12, atol=1e-12)


def test_flows_and_losses():
    x = lorenz96.state(6, 0)
    exact = lorenz96.flow(x, steps=256, h=0.1 / 256)
    errors = [np.abs(lorenz96.flow(x, steps=n, h=0.1 / n) - exact).max() for n in (4, 8)]
    assert 12 < errors[0] / errors[1] < 20  # the fourth order: 2^4 with half the step
    layers, X, labels = classifier.data(5, 0)
    even = classifier.loss([0.0 * layer for layer in layers], X, labels)
    assert even == pytest.approx(np.log(10))
    c, d = lotka_volterra.step(1.0, 0.5, lotka_volterra.PARAMETERS, 0.0)
    assert (c, d) == (1.0, 0.5)
    p = np.array(lotka_volterra.PARAMETERS)
    assert lotka_volterra.final_scanned(p, dualad.scan, 20) == lotka_volterra.final(p, 20)


def test_what_cameras_see():
    rng = np.random.default_rng(5)
    axis, x = rng.standard_normal((2, 3))
    cross = np.array([[0.0, -axis[2], axis[1]], [axis[2], 0.0, -axis[0]], [-axis[1], axis[0], 0.0]])
    rotation = sum(np.linalg.matrix_power(cross, k) / math.factorial(k) for k in range(40))
    np.testing.assert_allclose(bundle.turned(axis, x), rotation @ x, rtol=1e-12)
    q, seen = bundle.data(4, 1)
    far = bundle.residual(q, seen)
    one = [bundle.residual(q[:, k], seen[:, k]) for k in range(4)]
    np.testing.assert_array_equal(far, np.stack(one, axis=1))
    q[3:6], q[6:11] = 0.0, [[500.0], [7.0], [9.0], [0.0], [0.0]]  # pinholes at the origin
    q[11:14] = np.outer(rng.standard_normal(3), np.arange(1.0, 5.0))
    rays = bundle.residual(q, np.zeros((2, 4))) / q[14]
    turn = bundle.turned(q[0:3], q[11:14])
    np.testing.assert_allclose(rays[0], 500.0 * turn[0] / turn[2] + 7.0, rtol=1e-12)


def test_blocks_are_the_jacobian_of_each_column():
    q, seen = bundle.data(3, 2)
    found = made.blocks(bundle.residual)(q, seen)
    assert found.shape == (2, 15, 3)
    for k in range(3):
        expected = dualad.jacobian(bundle.residual)(q[:, k], seen[:, k])
        np.testing.assert_allclose(found[:, :, k], expected, rtol=1e-12, atol=1e-9)


def test_the_recurrent_network_is_a_loop_of_cells():
    (gates, ends), state, sequence = lstm.data(6, 3)
    s, total = [list(layer) for layer in state], 0.0
    for x, following in itertools.pairwise(sequence):
        x = x * ends[0]
        for i in range(lstm.LAYERS):
            w, b = gates[i]
            forget, let_in, let_out = (
                1 / (1 + np.exp(-(w[j] * v + b[j]))) for j, v in enumerate((x, s[i][0], x))
            )
            s[i][1] = forget * s[i][1] + let_in * np.tanh(w[3] * s[i][0] + b[3])
            x = s[i][0] = let_out * np.tanh(s[i][1])
        y = x * ends[1] + ends[2]
        total += np.sum(following * (y - np.log(2.0 + np.exp(y).sum())))
    assert lstm.loss([gates, ends], state, sequence) == pytest.approx(-total / (5 * lstm.BITS), rel=1e-13)
