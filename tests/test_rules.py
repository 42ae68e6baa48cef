"""Every op on every example: its value is NumPy's, its derivatives are right, in both modes."""

import inspect
from itertools import pairwise

import numpy as np
import pytest
from cases import (
    CASES,
    DERIVED,
    DIFFERENTIABLE,
    Case,
    cases_of,
    close,
    each,
    from_scipy,
    generator,
    is_elementwise,
    is_leaf,
    precision,
    random_like,
    vector,
)

from dualad import jvp, vjp
from dualad.op import OPS, Op
from dualad.sweep import pull, transposed
from dualad.tree import flatten

# Computed in another order than NumPy does: the same to this many units in the last place of the largest.
REORDERED = {
    "np.dot": 4, "np.vdot": 4, "np.vecdot": 4, "np.inner": 4, "np.tensordot": 4, "np.matmul": 4, "np.einsum": 4,
    "np.kron": 1, "np.trace": 2, "np.var": 4, "np.std": 4, "np.linalg.norm": 8, "np.linalg.solve": 4,
    "np.quantile": 2, "np.percentile": 2, "np.nanquantile": 2, "np.nanpercentile": 2, "np.median": 1,
    "np.nanmedian": 1, "np.cov": 4, "np.corrcoef": 4, "np.average": 4, "np.nanvar": 4, "np.nanstd": 4,
    "np.unwrap": 2, "np.interp": 4, "np.gradient": 2, "np.convolve": 4, "np.correlate": 4, "np.linspace": 1,
    "np.logspace": 8, "np.geomspace": 8, "np.polyval": 4, "np.polymul": 2, "np.poly": 2, "np.polydiv": 4,
    "np.vander": 4, "np.polyfit": 16,
    "np.nancumprod": 2, "np.nanprod": 2, "np.nanmean": 2, "np.trapezoid": 2, "np.histogram": 2,
    "np.linalg.lstsq": 64, "np.linalg.multi_dot": 8, "np.fft.rfftn": 4,
}  # fmt: skip


def promoted(leaves, kind):
    if kind == "float":
        return leaves
    if kind == "np.float64":
        return [np.float64(x) if type(x) is float else x for x in leaves]
    return [
        np.asarray(x, np.promote_types(kind, np.complex64) if np.iscomplexobj(x) else kind)[()]
        for x in leaves
    ]


def same_value(case, found, expected, leaves):
    """The same structure, shapes, types and bits."""
    found, expected = flatten(found)[0], flatten(expected)[0]
    assert len(found) == len(expected)
    for y, z in zip(found, expected, strict=True):
        assert np.shape(y) == np.shape(z)
        if isinstance(z, (np.integer, np.ndarray)) and z.dtype.kind == "i":  # ranks, counts: promoted
            np.testing.assert_array_equal(y, z)
            continue
        if type(z) is np.float64 and all(type(x) is float for x in leaves):
            assert type(y) is float
        elif np.ndim(z):
            assert isinstance(y, np.ndarray)
            assert y.dtype == z.dtype
        else:
            assert type(y) is type(z)
        if case.name in REORDERED and np.size(z):
            unit = np.spacing(np.max(np.abs(z)))
            assert np.max(np.abs(y - z)) <= REORDERED[case.name] * unit
        else:
            np.testing.assert_array_equal(y, z)


@pytest.mark.parametrize("kind", ["float", "np.float64"])
@each(CASES, lambda case: bool(case.leaves))
def test_value_is_that_of_numpy(case: Case, kind):
    leaves = promoted(case.leaves, kind)
    expected = case.primal(*leaves)
    rng = generator(case.id)
    seen = []

    def f(*xs):  # np.shape and the like return what no derivative may: aux
        seen.append(case.f(*xs))
        return seen[-1] if case in DERIVED else sum(np.sum(x) for x in xs)

    forward = jvp(f, leaves, [random_like(rng, x) for x in leaves])[0]
    reverse = vjp(f, *leaves)[0]
    same_value(case, forward if case in DERIVED else seen[0], expected, leaves)
    same_value(case, reverse if case in DERIVED else seen[1], expected, leaves)


@each(DERIVED)
def test_pullback_is_the_adjoint_of_the_pushforward(case: Case):
    rng = generator(case.id)
    v = [random_like(rng, x) for x in case.leaves]
    y, dy = jvp(case.f, case.leaves, v)
    y, pullback = vjp(case.f, *case.leaves)
    g = flatten(y)[1]([random_like(rng, z) for z in flatten(y)[0]])
    back = pullback(g)
    for x, dx in zip(case.leaves, back, strict=True):
        assert type(dx) is (
            type(x) if type(x) is float or np.ndim(x) else x.dtype.type
        )  # 0-d results are scalars
        assert np.shape(dx) == np.shape(x)
    products = vector(g) * vector(dy)
    size = np.sum(np.abs(products)) + np.sum(np.abs(vector(back) * vector(v)))
    assert abs(np.sum(products) - vector(back) @ vector(v)) <= 1e-12 * precision(case) * size


@each(DERIVED)
def test_push_is_linear_in_the_tangent(case: Case):
    rng = generator(case.id, "linear")
    v, w = ([random_like(rng, x) for x in case.leaves] for _ in range(2))
    pushed = [
        vector(jvp(case.f, case.leaves, t)[1])
        for t in (v, w, [2.5 * a - b for a, b in zip(v, w, strict=True)])
    ]
    tolerance = 1e-12 * precision(case) * np.max(np.abs(pushed[:2]), initial=0.0)
    close(pushed[2], 2.5 * pushed[0] - pushed[1], 0.0, tolerance)


# Against differences of plain NumPy
def differences(f, leaves, v, h=2e-4):
    """Central differences along `v`, extrapolated twice (Richardson 1911): an error of order h⁶."""

    def at(t):
        return vector(f(*[x + t * dx for x, dx in zip(leaves, v, strict=True)]))

    row = [(at(step) - at(-step)) / (2 * step) for step in (4 * h, 2 * h, h)]
    row = [b + (b - a) / 3 for a, b in pairwise(row)]
    return row[1] + (row[1] - row[0]) / 15


def complex_step(f, leaves, v):
    """Im f(x + ihv) / h, exact to rounding, where NumPy's `f` is real and analytic as written; otherwise None."""
    h = 1e-25

    def at(t):
        results = flatten(f(*[x + t * dx for x, dx in zip(leaves, v, strict=True)]))[0]
        return np.concatenate([np.ravel(y) for y in results])

    if any(map(np.iscomplexobj, (*leaves, *flatten(f(*leaves))[0]))):
        return None
    try:
        moved, still, near, ahead = map(at, (1j * h, 0j, 1e-5j, 1e-5 + 0j))
    except (TypeError, np.exceptions.ComplexWarning):  # no complex loop, or a cast to real numbers
        return None
    # np.abs, np.max, Cholesky's conjugate …: analytic functions turn a step by i into a derivative times i.
    slope, turned = (ahead - still) / 1e-5, (near - still) / 1e-5j
    analytic = np.all(np.abs(slope - turned) <= 1e-3 * (1 + np.abs(slope)))
    return np.imag(moved) / h if analytic and np.iscomplexobj(moved) else None


@each(DERIVED)
def test_push_agrees_with_differences(case: Case):
    rng = generator(case.id, "differences")
    v = [random_like(rng, x) for x in case.leaves]
    found = vector(jvp(case.f, case.leaves, v)[1])
    if "astype" in case.name:  # a cast to single precision is too coarse for differences, and refuses i
        close(found, vector(case.primal(*v)), 0.0)
        return
    close(found, differences(case.primal, case.leaves, v), 1e-9, 1e-9, "differences")
    exact = None if from_scipy(case) else complex_step(case.primal, case.leaves, v)
    if exact is not None:
        close(found, exact, 1e-12, 1e-13, "complex step")


def test_the_complex_step_reaches_most_arithmetic():
    names = set()
    for name in ("np.sin", "np.power", "np.prod", "np.linalg.inv", "np.linalg.det", "np.einsum", "np.var"):
        case = cases_of(name)[0]
        rng = generator(name)
        if complex_step(case.primal, case.leaves, [random_like(rng, x) for x in case.leaves]) is not None:
            names.add(name)
    assert names == {"np.sin", "np.power", "np.prod", "np.linalg.inv", "np.linalg.det", "np.einsum"}


# dtypes
@pytest.mark.parametrize("dtype", [np.float32, np.longdouble], ids=["float32", "longdouble"])
@each(DERIVED)
def test_dtype_is_kept(case: Case, dtype):
    leaves = promoted(case.leaves, dtype)
    rng = generator(case.id, "dtype")
    v = [random_like(rng, x) for x in leaves]
    try:
        expected = case.primal(*leaves)
    except TypeError:  # LAPACK has no longdouble: then neither have we
        assert dtype is np.longdouble
        with pytest.raises(TypeError):
            case.f(*leaves)
        with pytest.raises(TypeError):
            vjp(case.f, *leaves)
        return
    y, dy = jvp(case.f, leaves, v)
    z, pullback = vjp(case.f, *leaves)
    back = pullback(flatten(z)[1]([random_like(rng, x) for x in flatten(z)[0]]))
    for a, b, c, d in zip(*(flatten(x)[0] for x in (expected, y, z, dy)), strict=True):
        if np.asarray(a).dtype.kind != "i":
            assert np.asarray(b).dtype == np.asarray(c).dtype == np.asarray(a).dtype
        if is_leaf(a):
            assert np.asarray(d).dtype == np.asarray(a).dtype
    for x, dx in zip(leaves, back, strict=True):
        assert dx.dtype == x.dtype
    # The numbers are those of double precision, to the precision of the narrower.
    narrow = promoted([*leaves, *v], np.float64)
    expected = vector(jvp(case.f, narrow[: len(leaves)], narrow[len(leaves) :])[1])
    close(np.astype(vector(dy), np.float64), expected, 3e-5 if dtype is np.float32 else 1e-13)


# Forms of arrays
def other_layouts(x):
    """The same numbers in Fortran order, and with gaps between them."""
    if np.ndim(x) == 0:
        return [np.asarray(x)]
    gaps = np.full(tuple(2 * n for n in np.shape(x)), np.nan, x.dtype)
    gaps[tuple(slice(None, None, 2) for _ in np.shape(x))] = x
    backwards = np.ascontiguousarray(x[(slice(None, None, -1),) * x.ndim])[(slice(None, None, -1),) * x.ndim]
    return [np.asfortranarray(x), gaps[tuple(slice(None, None, 2) for _ in np.shape(x))], backwards]


@each(DERIVED)
def test_memory_layout_does_not_matter(case: Case):
    rng = generator(case.id, "layout")
    v = [random_like(rng, x) for x in case.leaves]
    y, dy = jvp(case.f, case.leaves, v)
    _, pullback = vjp(case.f, *case.leaves)
    g = flatten(y)[1]([random_like(rng, z) for z in flatten(y)[0]])
    back = pullback(g)
    for k in range(3):
        leaves = [layouts[min(k, len(layouts) - 1)] for layouts in map(other_layouts, case.leaves)]
        moved, pushed = jvp(case.f, leaves, [np.asarray(dx) for dx in v])
        _, other = vjp(case.f, *leaves)
        close(moved, y, 1e-14)
        close(pushed, dy, 1e-13)
        close(other(flatten(moved)[1](flatten(g)[0])), back, 1e-13)
        for x, dx in zip(leaves, other(flatten(moved)[1](flatten(g)[0])), strict=True):
            assert np.shape(dx) == np.shape(x)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0)], ids=str)
@each(DERIVED, lambda case: is_elementwise(case) and all(np.ndim(x) == 0 for x in case.leaves))
def test_elementwise_ops_take_empty_arrays(case: Case, shape):
    leaves = [np.zeros(shape) + x for x in case.leaves]
    y, dy = jvp(case.f, leaves, leaves)
    assert np.shape(y) == np.shape(dy) == shape
    _, pullback = vjp(case.f, *leaves)
    assert [dx.shape for dx in pullback(np.zeros(shape))] == [shape] * len(leaves)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble], ids=lambda d: d.__name__)
@each(DERIVED, lambda case: is_elementwise(case) and all(np.ndim(x) == 0 for x in case.leaves))
def test_elementwise_ops_take_0d_arrays(case: Case, dtype):
    if dtype is np.longdouble and from_scipy(case):
        return
    leaves = [np.asarray(x, dtype) for x in case.leaves]
    y, dy = jvp(case.f, leaves, leaves)
    expected = case.primal(*leaves)
    assert type(y) is type(expected)
    assert y == expected
    assert type(dy) is dtype
    _, pullback = vjp(case.f, *leaves)
    assert all(dx.shape == () and dx.dtype == dtype for dx in pullback(y))


SHAPE = "shape" if "shape" in inspect.signature(np.reshape).parameters else "newshape"  # before NumPy 2.1
EMPTY = [
    *[(fn, {"axis": k}) for fn in ("sum", "prod", "cumsum", "cumprod", "linalg.norm") for k in (None, 0, 1)],
    *[(fn, {"axis": 1}) for fn in ("max", "mean", "diff", "sort", "flip")],
    *[("reshape", {SHAPE: shape}) for shape in ((3, 0), (0,), (0, 5), (-1, 3))],
    *[("transpose", {"axes": axes}) for axes in (None, (1, 0))],
]


@pytest.mark.parametrize(("name", "keywords"), EMPTY, ids=str)
def test_reductions_and_shapes_of_empty_arrays(name, keywords):
    fn, x = DIFFERENTIABLE[f"np.{name}"][0], np.zeros((0, 3))
    expected = fn(x, **keywords)
    y, dy = jvp(lambda a: fn(a, **keywords), (x,), (x,))
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(dy, np.zeros(np.shape(expected)))
    _, pullback = vjp(lambda a: fn(a, **keywords), x)
    assert pullback(dy)[0].shape == x.shape


@pytest.mark.parametrize(
    "name", ["sum", "prod", "mean", "max", "min", "var", "std", "ptp", "cumsum", "cumprod"]
)
@pytest.mark.parametrize("kind", [float, np.float64, np.float32, np.asarray], ids=lambda k: k.__name__)
def test_reductions_of_numbers(name, kind):
    fn, x = DIFFERENTIABLE[f"np.{name}"][0], kind(1.5)
    y, dy = jvp(fn, (x,), (kind(2.0),))
    expected = fn(x)
    assert y == expected
    assert np.shape(y) == np.shape(expected)
    slope = 0.0 if name in ("var", "std", "ptp") else 1.0
    assert dy == 2.0 * slope
    assert vjp(fn, x)[1](y * 0 + 1)[0] == slope


# Declarations
@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_every_differentiable_op_has_examples(name):
    cases = cases_of(name)
    assert cases, f"{name} has no examples"
    op = cases[0].op
    if isinstance(op, Op) and not op.variadic:
        assert {len(case.arguments(case.leaves)) for case in cases} == {len(op.rules)}


WRITTEN = [case for case in DERIVED if getattr(case.op, "pulls", None)]


@each(WRITTEN)
def test_pullbacks_by_hand_equal_derived_ones(case: Case):
    op, args = case.op, case.arguments(case.leaves)
    y = op.fn(*args, **case.keywords)
    rng = generator(case.id)
    g = tuple(random_like(rng, part) for part in y) if isinstance(y, tuple) else random_like(rng, y)
    for k, rule in enumerate(op.pulls):
        if rule is not None:
            found = pull(op, k, g, y, args, case.keywords)
            close(found, transposed(op, k, g, y, args, case.keywords), 1e-13)


def test_some_pullbacks_are_written_by_hand():
    assert {case.name for case in WRITTEN} >= {"solve for a matrix", "max", "min"}


ACCUMULATED = [case for case in DERIVED if getattr(case.op, "into", None)]


@each(ACCUMULATED)
def test_accumulation_is_the_addition_of_the_adjoint(case: Case):
    (x,), op, rng = case.leaves, case.op, generator(case.id)
    g = random_like(rng, op.fn(x, **case.keywords))
    adjoint = op.rules[0](g, x, **case.keywords)
    np.testing.assert_array_equal(op.into(None, False, g, x, **case.keywords), adjoint)
    buffer = random_like(rng, x)
    before = buffer.copy()
    close(op.into(buffer, False, g, x, **case.keywords), before + adjoint, 1e-15)
    np.testing.assert_array_equal(buffer, before)
    found = op.into(buffer, True, g, x, **case.keywords)
    assert found is buffer
    close(buffer, before + adjoint, 1e-15)


def test_indexing_accumulates():
    assert {case.name for case in ACCUMULATED} >= {"indexing"}


# Plain ops: their results are plain values
PLAIN = [
    fn
    for fn, op in OPS.items()
    if op.kind == "plain" and isinstance(fn, np.ufunc) and "d" in "".join(fn.types)
]


@pytest.mark.parametrize("fn", PLAIN, ids=lambda fn: fn.__name__)
def test_piecewise_constant_ufuncs_return_plain_values(fn):
    x = np.array([-1.5, 0.0, 0.5, 2.5])
    args = (x, x[::-1])[: fn.nin]

    def f(*xs):
        y = fn(*xs)
        assert type(y) is np.ndarray
        np.testing.assert_array_equal(y, fn(*args))
        return sum(np.sum(v * y) for v in xs)

    with np.errstate(divide="ignore", invalid="ignore"):
        plain = fn(*args)
        for _, dy in (
            jvp(f, args, args),
            (None, sum(np.sum(a * g) for a, g in zip(args, vjp(f, *args)[1](1.0), strict=True))),
        ):
            np.testing.assert_allclose(dy, sum(np.sum(a * plain) for a in args), rtol=1e-15)


def test_plain_ufuncs_were_found():
    assert len(PLAIN) > 15
