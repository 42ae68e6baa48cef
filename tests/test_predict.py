"""Predictions: what is drawn out is what would be counted, and decisive cases are ranked as they must be."""

import numpy as np
import pytest

import dualad
from dualad import count, hessian, jacobian, predict
from dualad.model import chunks_of, drawn_out
from dualad.predict import COMPOSITIONS

X = np.linspace(-1.0, 1.0, 12)
RNG = np.random.default_rng(7)
WIDE, TALL = RNG.normal(size=(3, 500)), RNG.normal(size=(500, 3))


def field(x):
    return np.sin(np.outer(x, x) @ x)[:5]


def loss(x):
    return np.sum(np.tanh(x[1:] * x[:-1]) ** 2) * x[0]


def tridiagonal(x):
    return np.concatenate([x[:1], x[2:] * x[1:-1] - x[:-2] ** 2, x[-1:]])


def rows(table):
    return {row["way"]: row for row in table.rows}


@pytest.mark.parametrize("chunk_bytes", [2**23, 500])
def test_operations_of_jacobians_are_drawn_out_exactly(chunk_bytes):
    found = rows(jacobian(field, explain=True, chunk_bytes=chunk_bytes)(X))
    for mode in ("forward", "reverse"):
        counted = count(jacobian(field, mode=mode, chunk_bytes=chunk_bytes))(X).operations
        assert found[mode]["operations"] == counted


@pytest.mark.parametrize("n", [1, 2, 3, 4, 12])
@pytest.mark.parametrize("chunk_bytes", [2**23, 700])
@pytest.mark.parametrize("mode", COMPOSITIONS)
def test_operations_of_hessians_are_drawn_out(mode, chunk_bytes, n):
    x = X[:n] + 2.0

    def f(x):
        return np.sum(np.exp(x) * x) ** 2

    found = rows(hessian(f, explain=True, chunk_bytes=chunk_bytes)(x))[mode]["operations"]
    counted = count(hessian(f, mode=mode, chunk_bytes=chunk_bytes))(x).operations
    assert found == pytest.approx(counted, rel=0.0 if chunk_bytes > 700 else 0.1)


def test_structures_and_argnums():
    def f(a, p, scale=1.0):
        return np.sum(p["x"] * a) ** 2 * p["y"] * scale

    p = {"x": X, "y": 2.0}
    found = rows(predict(f, X, p, argnums=1, scale=3.0).hessian)
    for mode in COMPOSITIONS:
        counted = count(lambda p, mode=mode: hessian(f, 1, mode=mode)(X, p, scale=3.0))(p).operations
        # Reverse mode reads the gradient by forward mode leaf by leaf, where it is counted as one array.
        off = 0.25 if mode == "reverse-over-forward" else 0.02
        assert found[mode]["operations"] == pytest.approx(counted, rel=off)


def test_decisive_rankings():
    assert predict(lambda x: np.tanh(WIDE @ x), np.ones(500)).jacobian.winner == "reverse"
    assert predict(lambda x: np.tanh(TALL @ x), np.ones(3)).jacobian.winner == "forward"
    table = predict(tridiagonal, np.linspace(0.0, 1.0, 800)).jacobian
    assert table.winner == "sparse, by column" and table.rows[0]["directions"] == 3
    found = predict(lambda x: np.sum(np.tanh(WIDE @ x)), np.ones(500))
    ways = [row["way"] for row in found.hessian.rows]
    assert ways[0].endswith("over-reverse") and set(ways[-2:]) == set(COMPOSITIONS[2:])
    assert found.jacobian.winner == "reverse"
    assert predict(loss, np.linspace(0.1, 1.0, 900)).hessian.winner == "sparse, by symmetric"


def test_the_same_twice():
    first, again = (predict(loss, X) for _ in range(2))
    assert repr(first) == repr(again)
    assert first.jacobian.rows == again.jacobian.rows and first.hessian.rows == again.hessian.rows


def test_the_table():
    found = predict(loss, X)
    lines = repr(found).splitlines()
    assert (
        lines[0] == "Jacobian of loss, 1 × 12, mode 'auto'"
        and "Hessian of loss, 12 × 12, mode 'auto'" in lines
    )
    assert predict(field, X).hessian is None
    for table in (found.jacobian, found.hessian):
        seconds = [row["predicted"] for row in table.rows]
        assert seconds == sorted(seconds) and all(s > 0 for s in seconds)
        assert table.winner == table.rows[0]["way"]
        assert sum(row["chosen"] for row in table.rows) == 1


def test_explained_hessians_say_what_is_taken():
    def taken(mode):
        return [row["way"] for row in hessian(loss, mode=mode, explain=True)(X).rows if row["chosen"]]

    assert [taken(mode) for mode in COMPOSITIONS] == [[mode] for mode in COMPOSITIONS]
    assert taken("auto") == ["forward-over-reverse"]
    assert taken("sparse") == ["sparse, by symmetric"]
    with pytest.raises(dualad.NotScalarError):
        hessian(field, explain=True)(X)
    with pytest.raises(dualad.ArgumentError, match="no mode"):
        hessian(loss, mode="sideways", explain=True)(X)
    with pytest.raises(dualad.DtypeError):
        predict(lambda z: np.sum(np.abs(z)), X + 1j)


def test_no_directions():
    assert predict(lambda x: x[:0], X).jacobian.rows[0]["operations"] == 0
    assert predict(lambda x: np.sum(x), np.ones(0)).hessian.rows[0]["directions"] == 0


def test_auto_takes_the_composition_that_is_predicted_where_that_pays(monkeypatch):
    """From some hundred inputs and large arrays on: below, prediction would take longer than it saves."""

    def f(x):
        return np.sum(np.tanh(np.outer(x, x)) ** 2) * x[0]

    ran = []
    module = __import__("sys").modules["dualad.jacobian"]
    for name in ("forward", "reverse"):
        true = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda *a, name=name, true=true, **k: (ran.append(name), true(*a, **k))[1]
        )
    small, large = np.linspace(0.1, 1.0, 40), np.linspace(0.1, 1.0, 300)
    hessian(f)(small)
    assert ran == ["forward"]
    hessian(lambda x: np.sum(x**3))(large)  # too little work to look: the usual one for many inputs
    assert ran == ["forward", "reverse"]
    dualad.grad(lambda x: np.sum(hessian(lambda x: np.sum(x**3))(x)))(large)  # traced
    assert ran[2] == "forward"
    ran.clear()
    found = hessian(f)(large)
    (taken,) = [row["way"] for row in hessian(f, explain=True)(large).rows if row["chosen"]]
    by_price = [row["way"] for row in hessian(f, explain=True)(large).rows]
    assert taken == by_price[0] and ran == [taken.split("-over-")[0]]
    np.testing.assert_allclose(found, hessian(f, mode="forward-over-reverse")(large), 1e-10, 1e-12)


def test_drawn_out_is_exact_for_what_is_linear():
    def counted(k, apart):
        return np.array([3.0 + 5.0 * k + 7.0 * (k if apart else 1)])

    assert drawn_out(counted, 2, 10, 4) == 3.0 + 50.0 + 28.0
    assert drawn_out(counted, 3, 10, 4) == 3.0 + 50.0 + 28.0
    assert [chunks_of(10, w, 8, 80) for w in (0, 1, 2, 5, 50)] == [(1, 10), (1, 10), (2, 5), (5, 2), (10, 1)]
