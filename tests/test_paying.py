"""mode='auto' takes a sparse plan where it pays, and gives the same dense matrix."""

import sys

import numpy as np
import pytest

import dualad
from dualad import hessian, jacobian

X = np.linspace(-1.0, 1.0, 1200)


def bands(x):
    return np.sin(x[2:]) * x[1:-1] - x[:-2] ** 2


def chained(x):
    return np.sum((x[1:] - x[:-1] ** 2) ** 2 + np.cos(x[:-1]))


def close(found, expected):
    assert type(found) is type(expected) and found.dtype == expected.dtype and found.flags.writeable
    np.testing.assert_allclose(found, expected, 1e-12, 1e-14)


def test_the_same_matrix():
    close(jacobian(bands)(X), jacobian(bands, mode="forward")(X))
    close(hessian(chained)(X), hessian(chained, mode="forward-over-reverse")(X))


def test_it_runs_the_function_with_few_directions(monkeypatch):
    """It is the plan that is called, and no sweep with a direction for each element."""
    module = sys.modules["dualad.jacobian"]
    monkeypatch.setattr(module, "pushed", None)
    monkeypatch.setattr(module, "reverse", None)
    close(jacobian(bands)(X)[3, :8], np.array([0, 0, 0, -2 * X[3], np.sin(X[5]), np.cos(X[5]) * X[4], 0, 0]))


def test_structures_and_float32():
    def f(p, scale):
        return {"a": p["x"][1:] * p["x"][:-1] * scale, "b": [p["x"][:5] * p["y"], p["y"] ** 2]}

    p = {"x": X.astype(np.float32), "y": np.float32(2.0)}
    found, expected = (jacobian(f, mode=mode)(p, 3.0) for mode in ("auto", "reverse"))
    for part in (
        lambda J: J["a"]["x"],
        lambda J: J["a"]["y"],
        lambda J: J["b"][0]["x"],
        lambda J: J["b"][1]["y"],
    ):
        a, b = part(found), part(expected)
        assert np.shape(a) == np.shape(b) and a.dtype == b.dtype == np.float32
        np.testing.assert_allclose(a, b, 1e-6)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.cumsum(np.sin(x)),  # half full
        lambda x: np.sum(x) * x,
        lambda x: x[x > -2.0] ** 2,  # a shape that depends on values
        lambda x: x[:900] ** 2,
    ],
)
def test_where_it_does_not_pay_sweeps_do_it(f):
    close(jacobian(f)(X), jacobian(f, mode="reverse")(X))


def test_it_follows_the_branch_of_the_point():
    def f(x):
        return x[1:] * x[:-1] if x[0] < 0 else x[1:] + x[:-1] ** 2

    for x in (X, -X):
        close(jacobian(f)(x), jacobian(f, mode="forward")(x))


def test_inside_other_derivatives_sweeps_do_it():
    g = dualad.grad(lambda x: np.sum(jacobian(lambda x: np.sin(x) * 1.0)(x)))
    np.testing.assert_allclose(g(X[:1050]), -np.sin(X[:1050]), 1e-12)


def test_it_is_explained():
    rows = {row["way"]: row for row in jacobian(bands, explain=True)(X).rows}
    assert [way for way, row in rows.items() if row["chosen"]] == ["sparse, by column"]
    rows = {row["way"]: row for row in jacobian(bands, explain=True)(X[:50]).rows}
    assert [way for way, row in rows.items() if row["chosen"]] == ["reverse"]
