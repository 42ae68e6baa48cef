"""Plans for sparse Jacobians and Hessians, against the dense ones."""

import functools
import pickle

import numpy as np
import pytest

pytest.importorskip("scipy")
pytest.importorskip("igraph")

import scipy.sparse as sp

import dualad
from dualad.plan import Plan

GRID = np.random.default_rng(0).uniform(0.5, 1.5, (2, 5, 4))


def reaction(state):
    """Two species that diffuse and react on a periodic grid."""
    u, v = state
    around = [
        np.roll(w, 1, 0) + np.roll(w, -1, 0) + np.roll(w, 1, 1) + np.roll(w, -1, 1) - 4 * w for w in (u, v)
    ]
    return np.stack([u * u * v - 4.4 * u + around[0], 3.4 * u - u * u * v + around[1]])


def chain(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def arrow(x):
    """A full first row and column."""
    return np.append(np.sum(x**2), x[1:] ** 3 * x[0])


def tall(x):
    return np.concatenate([x * np.roll(x, 1), np.sin(x), x[:3] ** 2])


def wide(x):
    return np.stack([np.sum(np.exp(x[:9])), np.prod(x[9:])])


def nested(p):
    return {"a": p["u"][1:] * p["u"][:-1], "b": [p["s"] * 2.0, p["u"] ** 2 * p["s"]]}


def flat(tree):
    """A nested Jacobian as one matrix."""
    rows = [[np.reshape(part, (-1, size)) for part, size in zip(row, (1, 4), strict=True)] for row in tree]
    return np.block(rows)


POINT = np.random.default_rng(1).uniform(0.5, 1.5, 12)
CASES = {
    "grid": (reaction, GRID),
    "chain's gradient": (dualad.grad(chain), POINT),
    "arrow": (arrow, POINT),
    "tall": (tall, POINT),
    "wide": (wide, POINT),
    "number": (lambda x: np.stack([np.sin(x), x**2]), 0.7),
    "linear": (np.diff, POINT),
    "constant": (lambda x: np.ones(3), POINT),
    "nothing": (lambda x: x[:0], POINT),
}
PARTITIONS = ("auto", "column", "row", "bidirectional")


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("name", CASES)
def test_jacobians(name, partition, compiled):
    f, x = CASES[name]
    dense = np.reshape(dualad.jacobian(f)(x), (np.size(f(x)), np.size(x)))
    plan = dualad.sparse_jacobian(f, x, partition=partition)
    plan = plan.compile() if compiled else plan
    for scale in (1.0, 1.25):  # the plan is for other points too
        dense = np.reshape(dualad.jacobian(f)(x * scale), (np.size(f(x)), np.size(x)))
        found = plan(x * scale)
        assert isinstance(found, sp.csr_array) and found.shape == plan.shape and found.nnz == plan.nnz
        assert found.dtype == dense.dtype
        np.testing.assert_allclose(found.toarray(), dense, rtol=1e-14, atol=1e-14)
    plan.verify(x * 1.25)


def test_which_partition_is_taken():
    taken = {name: dualad.sparse_jacobian(f, x).coloring.partition for name, (f, x) in CASES.items()}
    assert taken["wide"] == "row" and taken["tall"] == taken["grid"] == "column"
    plan = dualad.sparse_jacobian(arrow, np.ones(40))
    assert (plan.coloring.partition, plan.coloring.count) == ("bidirectional", 3)


@pytest.mark.parametrize("chunk_bytes", [1, 200, 2**23])
@pytest.mark.parametrize("partition", PARTITIONS)
def test_chunks_change_nothing(partition, chunk_bytes):
    plan = dualad.sparse_jacobian(reaction, GRID, partition=partition, chunk_bytes=chunk_bytes)
    dense = np.reshape(dualad.jacobian(reaction)(GRID), plan.shape)
    np.testing.assert_allclose(plan(GRID).toarray(), dense, rtol=1e-14)


def test_containers():
    p = {"s": 2.0, "u": np.array([1.0, 2.0, 3.0, 4.0])}
    expected = dualad.jacobian(nested)(p)
    rows = [expected["a"], *expected["b"]]
    dense = flat([[row["s"], row["u"]] for row in rows])
    for partition in PARTITIONS:
        plan = dualad.sparse_jacobian(nested, p, partition=partition)
        np.testing.assert_allclose(plan(p).toarray(), dense, rtol=1e-14)
        plan.verify(p)


def test_argnums():
    def f(t, y, scale=1.0):
        return scale * np.cos(t) * y[1:] ** 2 * y[:-1]

    y = POINT
    plan = dualad.sparse_jacobian(f, 0.0, y, argnums=1, scale=0.0)
    found = plan(0.3, y, scale=2.0)  # scale was 0 when the plan was made, which must hide nothing
    np.testing.assert_allclose(found.toarray(), dualad.jacobian(f, 1)(0.3, y, scale=2.0), rtol=1e-14)
    both = dualad.sparse_jacobian(f, 0.3, y, argnums=(1, "scale"), scale=2.0)
    dense = dualad.jacobian(f, (1, "scale"))(0.3, y, scale=2.0)
    np.testing.assert_allclose(both(0.3, y, scale=2.0).toarray(), np.column_stack(dense), rtol=1e-14)


def test_other_arguments_may_be_anything():
    def f(x, power, name, order):
        return x[:: int(power)] ** power if name == "power" else x[list(order)]

    plan = dualad.sparse_jacobian(f, POINT, 2, "power", (1, 0))
    np.testing.assert_allclose(plan(POINT, 2, "power", (1, 0)).data, 2 * POINT[::2], rtol=1e-14)


@pytest.mark.parametrize("compiled", [False, True])
def test_other_values_of_what_is_no_variable_raise(compiled):
    """Another shift has another pattern; so may a table in which there are other zeros."""

    def f(x, shift, table):
        return x * np.roll(x, shift) + table["weights"] @ x

    weights = np.diag(np.arange(12.0))
    plan = dualad.sparse_jacobian(f, POINT, 1, {"weights": weights, "name": "a"})
    plan = plan.compile() if compiled else plan
    again = {"weights": weights.copy(), "name": "a"}
    dense = dualad.jacobian(f)(POINT, 1, again)
    np.testing.assert_allclose(plan(POINT, 1, again).toarray(), dense, rtol=1e-14)
    weights[0, 5] = 1.0  # the plan keeps what it was made with
    for other in (
        (2, again),
        (1,),
        (1, again, 3),
        (1, {"weights": weights, "name": "a"}),
        (1, again | {"name": "b"}),
    ):
        with pytest.raises(dualad.ArgumentError, match="made with other values"):
            plan(POINT, *other)
    with pytest.raises(dualad.ArgumentError, match="made with other values"):
        dualad.sparse_jacobian(np.roll, POINT, 1)(POINT, 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
def test_dtypes(dtype):
    x = GRID.astype(dtype)
    for partition in PARTITIONS:
        plan = dualad.sparse_jacobian(reaction, x, partition=partition)
        found = plan(x)
        assert found.dtype == dtype
        np.testing.assert_allclose(
            found.toarray(), np.reshape(dualad.jacobian(reaction)(x), plan.shape), 1e-6
        )
        plan.verify(x)


def energy(x):
    return np.sum(np.cos(x[1:] - x[:-1]) * x[1:]) + x[0] * np.sum(x[2:] ** 3)


HESSIANS = {"chain": chain, "arrow and chain": energy, "full": lambda x: np.sum(x) ** 3, "linear": np.sum}


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("partition", ["symmetric", "acyclic", "column"])
@pytest.mark.parametrize("name", HESSIANS)
def test_hessians(name, partition, compiled):
    f = HESSIANS[name]
    plan = dualad.sparse_hessian(f, POINT, partition=partition)
    plan = plan.compile() if compiled else plan
    for x in (POINT, POINT[::-1].copy()):
        found, dense = plan(x), dualad.hessian(f)(x)
        np.testing.assert_allclose(found.toarray(), dense, rtol=1e-11, atol=1e-11)
        if partition != "column":
            np.testing.assert_array_equal(found.toarray(), found.toarray().T)
    plan.verify(POINT)


def test_hessians_of_containers():
    def f(p):
        return p["s"] ** 3 * np.sum(p["u"][1:] * p["u"][:-1])

    p = {"s": 2.0, "u": np.array([1.0, 2.0, 3.0, 4.0])}
    dense = dualad.hessian(f)(p)
    dense = np.block([[dense["s"]["s"], dense["s"]["u"]], [dense["u"]["s"][:, None], dense["u"]["u"]]])
    np.testing.assert_allclose(dualad.sparse_hessian(f, p)(p).toarray(), dense, rtol=1e-14)
    in_u = dualad.sparse_hessian(lambda s, u: f({"s": s, "u": u}), 2.0, p["u"], argnums=1)
    np.testing.assert_allclose(in_u(2.0, p["u"]).toarray(), dense[1:, 1:], rtol=1e-14)
    assert in_u.nnz == 6 and in_u.coloring.count == 3  # a chain without its diagonal


def test_zeros_are_stored():
    plan = dualad.sparse_jacobian(lambda x: x**2, np.ones(3))
    found = plan(np.zeros(3))
    assert found.nnz == 3 and found.has_sorted_indices and found.has_canonical_format
    found.data[:], found.indices[:] = 9.0, 0
    np.testing.assert_array_equal(plan(np.ones(3)).toarray(), 2 * np.eye(3))


@pytest.mark.parametrize("compiled", [False, True])
def test_plans_can_be_pickled(compiled):
    plan = dualad.sparse_jacobian(reaction, GRID)
    plan = plan.compile() if compiled else plan
    before = plan(GRID)
    again = pickle.loads(pickle.dumps(plan))
    assert isinstance(again, Plan) and repr(again) == repr(plan) and ("compiled" in repr(again)) == compiled
    np.testing.assert_array_equal(again(GRID).toarray(), before.toarray())


def test_a_pattern_given():
    x = POINT
    full = dualad.sparse_jacobian(tall, x, pattern=np.ones((27, 12)), partition="column")
    assert full.coloring.count == 12 and full.nnz == 27 * 12
    np.testing.assert_allclose(full(x).toarray(), dualad.jacobian(tall)(x), rtol=1e-14)
    full.verify(x)


@pytest.mark.parametrize("partition", ["column", "row"])
def test_verify_sees_what_a_pattern_lacks(partition):
    pattern = np.eye(12) + np.eye(12, k=1)
    pattern[:, 0] = 1  # more than there is: no fault

    def f(x):
        return x * np.append(x[1:], 1.0) + 1e-3 * np.append(x[2:], [0.0, 0.0])

    plan = dualad.sparse_jacobian(f, POINT, pattern=pattern, partition=partition)
    with pytest.raises(dualad.GradientError, match=r"does not hold here: \w+ 0, 1, 2"):
        plan.verify(POINT)
    dualad.sparse_jacobian(f, POINT, partition=partition).verify(POINT)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("partition", PARTITIONS)
def test_another_branch_raises(partition, compiled):
    def f(x):
        return x[::-1] ** 2 if x[0] > 1.0 else x**2

    low, high = np.linspace(0.5, 1.4, 6), np.linspace(1.5, 2.0, 6)
    plan = dualad.sparse_jacobian(f, low, partition=partition)
    plan = plan.compile() if compiled else plan
    np.testing.assert_allclose(plan(low).toarray(), np.diag(2 * low), rtol=1e-14)
    with pytest.raises(dualad.GradientError, match=r"does not hold here(.|\n)*another branch"):
        plan(high)


def test_another_branch_of_a_hessian_raises():
    def f(x):
        return np.sum(x**2) + (np.prod(x[:2]) if x[0] > 1.0 else 0.0)

    plan = dualad.sparse_hessian(f, np.full(4, 0.5))
    np.testing.assert_array_equal(plan(np.full(4, 0.7)).toarray(), 2 * np.eye(4))
    with pytest.raises(dualad.GradientError, match="does not hold here"):
        plan(np.full(4, 1.5))


def test_explain():
    plan = dualad.sparse_jacobian(arrow, np.ones(40))
    table = plan.explain(np.ones(40))
    rows = {row["way"]: row for row in table.rows}
    assert [row["way"] for row in table.rows if row["chosen"]] == ["bidirectional"]
    assert rows["forward, dense"]["directions"] == 40 and rows["bidirectional"]["directions"] == 3
    assert rows["bidirectional"]["operations"] < rows["forward, dense"]["operations"] / 5
    assert rows["bidirectional"]["seconds"] > 0
    text = repr(table)
    assert "colours: 3, at least 3" in text and "→  bidirectional" in text
    hessian = dualad.sparse_hessian(chain, POINT)
    assert {row["way"] for row in hessian.explain(POINT).rows} >= {"symmetric", "forward, dense"}


def test_explained_jacobians():
    table = dualad.jacobian(tall, explain=True)(POINT)
    rows = {row["way"]: row for row in table.rows}
    assert set(rows) == {"forward", "reverse", "sparse, by column"} and rows["forward"]["chosen"]
    assert (rows["forward"]["directions"], rows["reverse"]["directions"]) == (12, 27)
    assert rows["sparse, by column"]["directions"] == 2 and "nonzeros: 39" in repr(table)
    (taken,) = [
        row["way"] for row in dualad.jacobian(wide, mode="sparse", explain=True)(POINT).rows if row["chosen"]
    ]
    assert taken == "sparse, by row"
    table = dualad.jacobian(lambda x: x[x > 1.0], explain=True)(POINT)
    assert len(table.rows) == 2 and "no sparse mode: an index depends on values" in repr(table)


def test_predictions_are_what_is_counted():
    """Dense modes cost as many operations as the table says, when they are run."""
    rows = {row["way"]: row for row in dualad.jacobian(tall, explain=True)(POINT).rows}
    for mode in ("forward", "reverse"):
        counted = dualad.count(dualad.jacobian(tall, mode=mode))(POINT).operations
        assert rows[mode]["operations"] == pytest.approx(counted, rel=0.05)


def test_sparse_modes():
    f = functools.partial(reaction)
    functools.update_wrapper(f, reaction)
    dense = np.reshape(dualad.jacobian(f)(GRID), (40, 40))
    found = dualad.jacobian(f, mode="sparse")(GRID)
    assert isinstance(found, sp.csr_array)
    np.testing.assert_allclose(found.toarray(), dense, rtol=1e-14)
    value, found = dualad.value_and_jacobian(f, mode="sparse")(GRID)
    np.testing.assert_array_equal(value, reaction(GRID))
    np.testing.assert_allclose(found.toarray(), dense, rtol=1e-14)
    found = dualad.hessian(chain, mode="sparse")(POINT)
    assert isinstance(found, sp.csr_array) and found.nnz == 34
    np.testing.assert_allclose(found.toarray(), dualad.hessian(chain)(POINT), rtol=1e-12)
    # Names of the user's own arguments are no names of ours
    g = dualad.jacobian(lambda x, pattern, order: pattern * x[order:], mode="sparse")
    np.testing.assert_array_equal(g(np.ones(2), pattern=3.0, order=1).toarray(), [[0.0, 3.0]])


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: dualad.sparse_jacobian(np.sin, np.ones(2) + 0j), dualad.DtypeError, "complex"),
        (
            lambda: dualad.sparse_jacobian(lambda x: x * 1j, np.ones(2))(np.ones(2)),
            dualad.DtypeError,
            "complex",
        ),
        (
            lambda: dualad.sparse_jacobian(np.sin, np.ones(2), pattern=np.eye(3)),
            dualad.ShapeError,
            "3 columns",
        ),
        (
            lambda: dualad.sparse_jacobian(np.diff, np.ones(3), pattern=np.eye(3))(np.ones(3)),
            dualad.ShapeError,
            "2 elements, and the pattern has 3 rows",
        ),
        (lambda: dualad.sparse_jacobian(np.sin, np.ones(2))(np.ones(3)), dualad.ShapeError, r"\[\(2,\)\]"),
        (
            lambda: dualad.sparse_jacobian(np.sin, np.ones(2), partition="symmetric"),
            dualad.ArgumentError,
            "one of auto",
        ),
        (
            lambda: dualad.sparse_hessian(np.sum, np.ones(2), partition="row"),
            dualad.ArgumentError,
            "'acyclic'",
        ),
        (
            lambda: dualad.sparse_hessian(np.sum, np.ones(2), pattern=np.eye(3)),
            dualad.ShapeError,
            r"\(2, 2\)",
        ),
        (lambda: dualad.sparse_hessian(np.sin, np.ones(2)), dualad.NotScalarError, r"\(2,\)"),
        (lambda: dualad.jacobian(np.sin, mode="sparse", holomorphic=True), dualad.ArgumentError, "real"),
        (lambda: dualad.hessian(np.sum, mode="sparse", holomorphic=True), dualad.ArgumentError, "real"),
        (
            lambda: dualad.grad(lambda x: PLAN(x).sum())(np.ones(2)),
            dualad.ConversionError,
            "called with traced ones",
        ),
    ],
)
def test_what_is_refused(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


PLAN = dualad.sparse_jacobian(np.sin, np.ones(2))
