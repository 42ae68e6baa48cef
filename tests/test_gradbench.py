"""GradBench: its protocol, and every eval at small size against numbers computed another way."""

import io
import json
import math
import subprocess
import sys

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.spatial.transform import Rotation

from experiments.gradbench import protocol
from experiments.gradbench.evals import ba
from experiments.gradbench.protocol import EVALS, converse, respond
from experiments.problems import minors


def evaluate(module, function, given):
    """The output of one function, through the protocol."""
    message = {"id": 5, "kind": "evaluate", "module": module, "function": function, "input": given}
    response = respond(message)
    assert response["success"], response.get("error")
    return json.loads(json.dumps(response["output"]))


def slopes(f, x, h=1e-3):
    """Derivatives by fourth-order differences, which know nothing of dualad: the function's shape, then that of x."""
    x, found = np.array(x, dtype=float), []
    for place in np.ndindex(x.shape):
        there = []
        for steps in (1, -1, 2, -2):
            y = x.copy()
            y[place] += steps * h
            there.append(f(y))
        found.append((8 * (there[0] - there[1]) - (there[2] - there[3])) / (12 * h))
    return np.reshape(np.stack(found, axis=-1), np.shape(found[0]) + x.shape)


def spoken(*lines):
    written = io.StringIO()
    converse((line if isinstance(line, str) else json.dumps(line) for line in lines), written)
    return [json.loads(line) for line in written.getvalue().splitlines()]


# the protocol
def test_a_session_in_a_process_of_its_own():
    messages = [
        {"id": 0, "kind": "start", "eval": "hello"},
        {"id": 1, "kind": "define", "module": "hello"},
        {"id": 2, "kind": "evaluate", "module": "hello", "function": "double", "input": 3.0},
        {"id": 3, "kind": "analysis", "of": 2, "valid": True},
    ]
    run = subprocess.run(
        [sys.executable, "-m", "experiments.gradbench"],
        input="\n".join(map(json.dumps, messages)),
        capture_output=True,
        text=True,
        check=True,
    )
    start, define, found, analysis = map(json.loads, run.stdout.splitlines())
    assert start["id"] == 0 and start["tool"] == "dualad"
    assert define == {"id": 1, "success": True}
    (timing,) = found["timings"]
    assert found["success"] and found["output"] == 6.0 and timing["name"] == "evaluate"
    assert isinstance(timing["nanoseconds"], int) and timing["nanoseconds"] > 0
    assert analysis == {"id": 3}


def test_all_evals_can_be_defined():
    assert len(EVALS) == 12
    for eval_ in EVALS:
        assert spoken({"id": 7, "kind": "define", "module": eval_}) == [{"id": 7, "success": True}]


def test_unknown_modules_and_functions_are_refused():
    (response,) = spoken({"id": 1, "kind": "define", "module": "nothing"})
    assert response["success"] is False and "'nothing'" in response["error"]
    message = {"id": 2, "kind": "evaluate", "module": "hello", "function": "triple", "input": 1.0}
    (response,) = spoken(message)
    assert response["success"] is False and "'triple'" in response["error"] and "double" in response["error"]
    (response,) = spoken({"id": 3, "kind": "evaluate", "module": "hello", "function": "double"})
    assert response["success"] is False and "input" in response["error"]


def test_other_kinds_get_their_number_back():
    assert spoken({"id": 4, "kind": "later"}, "", {"id": 5, "kind": "analysis", "of": 4, "valid": False}) == [
        {"id": 4},
        {"id": 5},
    ]


def test_what_is_no_message_stops_the_conversation():
    with pytest.raises(json.JSONDecodeError):
        spoken("{")
    with pytest.raises(KeyError, match="id"):
        spoken({"kind": "start"})


def test_results_that_json_cannot_hold_are_errors():
    message = {"id": 1, "kind": "evaluate", "module": "hello", "function": "square", "input": 1e200}
    (response,) = spoken(message)
    assert response["id"] == 1 and response["success"] is False and "result" in response["error"]


def test_runs_are_repeated_as_asked_for(monkeypatch):
    given = {"x": [0.5, 1.5], "min_runs": 3, "min_seconds": 0}
    message = {"id": 1, "kind": "evaluate", "module": "lse", "function": "primal", "input": given}
    assert len(respond(message)["timings"]) == 3
    ticks = iter(range(0, 10**12, 400_000_000))  # every run takes 0.4 s
    monkeypatch.setattr(protocol, "perf_counter_ns", lambda: next(ticks))
    message["input"] = given | {"min_runs": 1, "min_seconds": 1}
    found = [timing["nanoseconds"] for timing in respond(message)["timings"]]
    assert found == [400_000_000] * 3


def test_what_a_function_prints_is_not_part_of_the_answer(monkeypatch, capsys):
    from experiments.gradbench.evals import hello
    from experiments.gradbench.function import Function

    def loud(x):
        print("working")
        return x

    monkeypatch.setitem(hello.FUNCTIONS, "loud", Function(lambda x: (x,), loud))
    message = {"id": 1, "kind": "evaluate", "module": "hello", "function": "loud", "input": 2.0}
    assert spoken(message)[0]["output"] == 2.0
    assert "working" in capsys.readouterr().err


# the evals
def test_hello():
    assert evaluate("hello", "square", 3) == 9.0
    assert evaluate("hello", "double", 3) == 6.0


def test_llsq():
    x, n = np.random.default_rng(1).uniform(size=5), 9
    t = -1 + np.arange(n) * 2 / (n - 1)
    away = np.sign(t) - np.polyval(x[::-1], t)
    given = {"x": x.tolist(), "n": n}
    assert evaluate("llsq", "primal", given) == pytest.approx(0.5 * np.sum(away**2), rel=1e-13)
    expected = -np.vander(t, 5, increasing=True).T @ away
    assert evaluate("llsq", "gradient", given) == pytest.approx(expected, rel=1e-12)


def test_lse():
    x = np.random.default_rng(2).normal(size=7)
    weights = np.exp(x)
    given = {"x": x.tolist()}
    assert evaluate("lse", "primal", given) == pytest.approx(np.log(np.sum(weights)), rel=1e-14)
    assert evaluate("lse", "gradient", given) == pytest.approx(weights / np.sum(weights), rel=1e-13)
    assert evaluate("lse", "primal", {"x": [1000.0, 1000.0]}) == pytest.approx(1000.0 + np.log(2.0))


@pytest.mark.parametrize("n", [1, 2, 4, 5, 6, 7])
def test_det(n):
    A = np.random.default_rng(n).uniform(size=(n, n))
    given = {"A": A.ravel().tolist(), "ell": n}
    assert evaluate("det", "primal", given) == pytest.approx(np.linalg.det(A), rel=1e-10)
    cofactors = np.linalg.det(A) * np.linalg.inv(A).T
    assert evaluate("det", "gradient", given) == pytest.approx(cofactors.ravel(), rel=1e-9)


def test_every_minor_is_expanded_anew():
    assert minors.choices(6, 4).shape == (math.factorial(6) // math.factorial(4), 6)
    assert np.array_equal(np.sort(minors.choices(7, 4), axis=1), np.tile(np.arange(7), (210, 1)))
    assert len(np.unique(minors.choices(7, 4), axis=0)) == 210


@pytest.mark.parametrize("steps", [1, 7, 20])
def test_ode(steps):
    """The solution is yᵢ = t^(i+1) Π xⱼ / (i+1)!, which fourth order has exactly up to i = 3 in every step."""
    x = np.array([0.3, 0.7, 1.1, 0.9])
    exact = np.array([2.0 ** (i + 1) * np.prod(x[: i + 1]) / math.factorial(i + 1) for i in range(4)])
    given = {"x": x.tolist(), "s": steps}
    assert evaluate("ode", "primal", given) == pytest.approx(exact, rel=1e-12)
    assert evaluate("ode", "gradient", given) == pytest.approx(exact[-1] / x, rel=1e-12)


def log_posterior(alpha, mu, q, below, x, m, gamma):
    """From the densities themselves."""
    from scipy.stats import multivariate_normal, wishart

    d = x.shape[1]
    density, prior = 0.0, 0.0
    for weight, mean, logs, rest in zip(np.exp(alpha) / np.sum(np.exp(alpha)), mu, q, below, strict=True):
        lower = np.diag(np.exp(logs))
        columns, rows = np.triu_indices(d, 1)
        lower[rows, columns] = rest
        precision = lower.T @ lower
        density = density + weight * multivariate_normal(mean, np.linalg.inv(precision)).pdf(x)
        prior += wishart(d + m + 1, np.eye(d) / gamma**2).logpdf(precision)
    return np.sum(np.log(density)) + prior


def test_gmm():
    rng = np.random.default_rng(3)
    d, k, n = 3, 2, 6
    free = {"alpha": rng.normal(size=k), "mu": rng.uniform(size=(k, d)), "q": rng.normal(size=(k, d))}
    free["below"] = rng.normal(size=(k, d * (d - 1) // 2))
    fixed = {"x": rng.normal(size=(n, d)), "m": 2, "gamma": 1.3}
    given = {name: np.asarray(value).tolist() for name, value in (free | fixed).items()}
    given |= {"d": d, "k": k, "n": n, "l": given["below"]}
    assert evaluate("gmm", "objective", given) == pytest.approx(log_posterior(**free, **fixed), rel=1e-11)
    gradient = evaluate("gmm", "jacobian", given)
    assert list(gradient) == ["alpha", "mu", "q", "l"]
    for name, found in zip(free, gradient.values(), strict=True):
        expected = slopes(lambda v, name=name: log_posterior(**free | {name: v}, **fixed), free[name])
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-7)


def test_lstm():
    rng = np.random.default_rng(4)
    layers, bits, length = 3, 4, 5
    main, extra = rng.normal(size=(2 * layers, 4 * bits)), rng.normal(size=(3, bits))
    state, sequence = rng.normal(size=(2 * layers, bits)), rng.integers(0, 2, (length, bits)).astype(float)

    def loss(main, extra):
        s, total = state.copy(), 0.0
        for t in range(length - 1):
            x = sequence[t] * extra[0]
            for i in range(0, 2 * layers, 2):
                w, b = np.split(main[i], 4), np.split(main[i + 1], 4)
                forget, let_in, let_out = (
                    1 / (1 + np.exp(-(v * w[j] + b[j]))) for j, v in enumerate((x, s[i], x))
                )
                s[i + 1] = s[i + 1] * forget + let_in * np.tanh(s[i] * w[3] + b[3])
                x = s[i] = let_out * np.tanh(s[i + 1])
            y = x * extra[1] + extra[2]
            total += sequence[t + 1] @ (y - np.log(np.sum(np.exp(y)) + 2))
        return -total / ((length - 1) * bits)

    given = {"main_params": main.tolist(), "extra_params": extra.tolist(), "state": state.tolist()}
    given["sequence"] = sequence.tolist()
    assert evaluate("lstm", "objective", given) == pytest.approx(loss(main, extra), rel=1e-13)
    expected = [
        *slopes(lambda v: loss(v, extra), main).ravel(),
        *slopes(lambda v: loss(main, v), extra).ravel(),
    ]
    np.testing.assert_allclose(evaluate("lstm", "jacobian", given), expected, rtol=1e-7, atol=1e-9)


def test_kmeans():
    points = np.random.default_rng(5).uniform(size=(30, 3))
    centres = points[-4:]
    away = np.linalg.norm(points[:, None] - centres, axis=2)
    nearest = np.argmin(away, axis=1)
    given = {"points": points.tolist(), "centroids": centres.tolist()}
    assert evaluate("kmeans", "cost", given) == pytest.approx(np.sum(np.min(away, axis=1) ** 2), rel=1e-12)
    expected = [c - points[nearest == j].mean(axis=0) for j, c in enumerate(centres)]
    np.testing.assert_allclose(evaluate("kmeans", "dir", given), expected, atol=1e-13)


def projected(camera, point, weight, seen):
    """With SciPy's rotations."""
    x, y, z = Rotation.from_rotvec(camera[:3]).apply(point - camera[3:6])
    image = np.array([x, y]) / z
    square = image @ image
    image = camera[6] * (1 + camera[9] * square + camera[10] * square**2) * image + camera[7:9]
    return weight * (image - seen)


BUNDLE = {
    "n": 2, "m": 3, "p": 5, "w": 0.7, "x": [0.4, 0.6, 9.0], "feat": [0.3, -0.2],
    "cam": [0.1, -0.2, 0.3, 0.5, -0.4, 0.2, 2.5, 0.3, -0.1, 0.02, -0.01],
}  # fmt: skip


def test_ba():
    camera, point, seen = (np.array(BUNDLE[name]) for name in ("cam", "x", "feat"))
    found = evaluate("ba", "objective", BUNDLE)
    assert found["reproj_error"]["elements"] == pytest.approx(projected(camera, point, 0.7, seen), rel=1e-12)
    assert (found["reproj_error"]["repeated"], found["w_err"]["repeated"]) == (5, 5)
    assert found["w_err"]["element"] == pytest.approx(1 - 0.7**2)
    starts, columns, values = ba.jacobian(*ba.read(BUNDLE))
    matrix = csr_array((values, columns, starts), shape=(15, 2 * 11 + 3 * 3 + 5)).toarray()

    def residuals(x):
        cameras, points, weights = np.split(x, [22, 31])
        cameras, points = cameras.reshape(2, 11), points.reshape(3, 3)
        parts = [projected(cameras[i % 2], points[i % 3], weights[i], seen) for i in range(5)]
        return np.concatenate([*parts, 1 - weights**2])

    x = np.concatenate([np.tile(camera, 2), np.tile(point, 3), np.full(5, 0.7)])
    np.testing.assert_allclose(matrix, slopes(residuals, x), rtol=1e-6, atol=1e-8)
    written = evaluate("ba", "jacobian", BUNDLE)
    assert written["vals"] == [*values[:30], values[-1]]
    assert written["rows"] == [15 * k for k in range(11)] + [150 + k for k in range(1, 6)] + [155]
    assert written["cols"][14] == 22 + 9 and written["cols"][-1] == 22 + 9 + 4


def test_a_camera_that_is_not_turned_is_refused():
    message = {"id": 1, "kind": "evaluate", "module": "ba", "function": "jacobian"}
    response = respond(message | {"input": BUNDLE | {"cam": [0.0] * 3 + BUNDLE["cam"][3:]}})
    assert response["success"] is False and "axis" in response["error"]
