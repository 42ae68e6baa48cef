"""Random expressions over the registry: every mode gives the same derivatives, and smooth ones are right.

A graph is a list of steps, each an op on earlier nodes, so that subexpressions are shared. Arguments are
mapped into the domain that the op's examples come from, by an algebraic sigmoid that never quite flattens.
"""

import itertools
import math

import numpy as np
from cases import DIFFERENTIABLE, close, generator, matrix, random_like, vector
from hypothesis import event, given, seed, settings
from hypothesis import strategies as st

from dualad import grad, hessian, hvp, jacobian, jvp, linearize, vjp
from dualad.op import Op
from dualad.rules.examples import pairs, points

DOMAINS = {
    name: (op.examples,) if isinstance(op.examples, points) else (op.examples.first, op.examples.second)
    for name, (fn, op) in DIFFERENTIABLE.items()
    if isinstance(op.examples, (points, pairs))
    and not isinstance(fn, Op)
    and name not in ("np.modf", "np.frexp", "np.divmod")
    and not name.startswith("scipy")  # some give several results
}
# Hypothesis draws from the front most: not from the kinked ones.
UNARY = sorted((name for name, domain in DOMAINS.items() if len(domain) == 1), reverse=True)
BINARY = sorted(name for name, domain in DOMAINS.items() if len(domain) == 2)
REDUCTIONS = ("sum", "mean", "prod", "max", "min", "var", "cumsum", "cumprod")
# Functions with kinks or jumps: modes agree there, differences need not.
KINKED = {
    "np.absolute",
    "np.fabs",
    "np.remainder",
    "np.fmod",
    "np.copysign",
    "max",
    "min",
    "where",
    "sort",
} | {f"np.{name}" for name in ("maximum", "minimum", "fmax", "fmin")}
SHAPES = ((), (3,), (2, 3), (3, 2), (1, 3))


def within(domain, x):
    """`x` mapped smoothly into the domain."""
    low, high = (-domain.hi, domain.hi) if domain.signed else (domain.lo, domain.hi)
    return (low + high) / 2 + 0.47 * (high - low) * (x / np.hypot(1.0, x))


def apply(step, nodes):
    """The value of one step."""
    kind, operands, detail = step
    xs = [nodes[i] for i in operands]
    if kind in DOMAINS:
        return DIFFERENTIABLE[kind][0](*[within(d, x) for d, x in zip(DOMAINS[kind], xs, strict=True)])
    if kind == "operator":
        symbol, number = detail
        x, y = xs[0], xs[1] if number is None else number
        return {"+": x + y, "-": y - x, "*": x * y, "/": x / (1.0 + y * y), "**": x**2 + x**3}[symbol]
    if kind in REDUCTIONS:
        return getattr(np, kind)(xs[0], **detail)
    return {
        "reshape": lambda x: np.reshape(x, detail),
        "transpose": np.transpose,
        "index": lambda x: x[detail],
        "sort": lambda x: np.sort(x, axis=-1),
        "where": lambda x, y: np.where(x > 0, x, y),
        "join": lambda x, y: np.concatenate([np.ravel(x), np.ravel(y)]),
        "matmul": lambda x, y: x @ y,
        "einsum": lambda x, y: np.einsum("...i,...i->...", x, y),
    }[kind](*xs)


def factors(n):
    return sorted({(a, n // a) for a in range(1, n + 1) if n % a == 0} | {(n,)})


def indices(shape):
    n = shape[-1]
    last = st.one_of(
        st.integers(-n, n - 1),
        st.builds(slice, st.integers(0, n - 1), st.none(), st.sampled_from([1, 2])),
        st.lists(st.integers(-n, n - 1), min_size=1, max_size=3).map(np.array),
    )
    return last.map(lambda i: (..., i))


@st.composite
def graphs(draw, steps=8):
    """Leaves and steps: `(leaves, steps)`; shapes are followed on plain values while drawing."""
    rng = generator(draw(st.integers(0, 2**32 - 1)))
    shapes = draw(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3))
    leaves = [rng.uniform(-1.5, 1.5, s) if s else float(rng.uniform(-1.5, 1.5)) for s in shapes]
    nodes, found = list(leaves), []
    for _ in range(draw(st.integers(2, steps))):
        i, j = (draw(st.integers(0, len(nodes) - 1)) for _ in range(2))
        a, b = np.shape(nodes[i]), np.shape(nodes[j])
        together = all(m == n or 1 in (m, n) for m, n in zip(a[::-1], b[::-1], strict=False))
        kinds = ["unary", "unary", "number"]
        kinds += ["binary", "binary", "operator", "where"] if together else ["join"]
        kinds += ["reduction", "index", "reshape", "transpose", "sort"] if a else []
        kinds += ["matmul"] * 3 if a and b and a[-1] == b[max(len(b) - 2, 0)] else []
        kinds += ["einsum"] if together and a and b and a[-1] == b[-1] else []
        kind, operands, detail = draw(st.sampled_from(kinds)), (i,), None
        if kind == "unary":
            kind = draw(st.sampled_from(UNARY))
        elif kind == "binary":
            kind, operands = draw(st.sampled_from(BINARY)), (i, j)
        elif kind == "number":
            kind, detail = (
                "operator",
                (draw(st.sampled_from("+-*/")), draw(st.sampled_from([0.5, -2.0, 1, 3]))),
            )
        elif kind == "operator":
            operands, detail = (i, j), (draw(st.sampled_from(["+", "-", "*", "/", "**"])), None)
        elif kind == "reduction":
            kind = draw(st.sampled_from(REDUCTIONS))
            detail = {"axis": draw(st.sampled_from([None, *range(len(a))]))}
            if not kind.startswith("cum"):
                detail["keepdims"] = draw(st.booleans())
        elif kind == "index":
            detail = draw(indices(a))
        elif kind == "reshape":
            detail = draw(st.sampled_from(factors(math.prod(a))))
        elif kind not in ("transpose", "sort"):
            operands = (i, j)
        value = apply((kind, operands, detail), nodes)
        if np.size(value) <= 12 and np.max(np.abs(value)) < 1e4:  # small, and far from overflow
            found.append((kind, operands, detail))
            nodes.append(value)
            event(kind)
    return leaves, found


def function(steps):
    """The graph as a function of its leaves: the last two nodes."""

    def f(*leaves):
        nodes = list(leaves)
        for step in steps:
            nodes.append(apply(step, nodes))
        return nodes[-1], nodes[-2] if len(nodes) > 1 else 1.0 * nodes[-1]

    return f


def smooth_scalar(steps):
    f = function(steps)
    return lambda leaves: sum(np.sum(np.sin(y)) for y in f(*leaves))


settings_here = settings(deadline=None, database=None, max_examples=400)


@seed(1)
@settings_here
@given(graphs(), st.integers(0, 2**32 - 1))
def test_first_derivatives_agree_in_all_modes(graph, key):
    leaves, steps = graph
    f, rng = function(steps), generator(key)
    plain = f(*leaves)
    v = [random_like(rng, x) for x in leaves]
    y, dy = jvp(f, leaves, v)
    close(y, plain, 1e-12, 1e-14, "value, forward")
    z, pullback = vjp(f, *leaves)
    close(z, plain, 1e-12, 1e-14, "value, reverse")
    outputs = list(plain)
    forward, reverse, auto = (
        matrix(jacobian(lambda xs: f(*xs), mode=mode)(tuple(leaves)), outputs, leaves)
        for mode in ("forward", "reverse", "auto")
    )
    small = matrix(
        jacobian(lambda xs: f(*xs), mode="reverse", chunk_bytes=16)(tuple(leaves)), outputs, leaves
    )
    scale = 1 + np.max(np.abs(forward))
    for name, other in (("reverse", reverse), ("auto", auto), ("small chunks", small)):
        close(other, forward, 1e-10, 1e-12 * scale, name)
    close(vector(dy), forward @ vector(v), 1e-10, 1e-12 * scale, "jvp")
    close(vector(linearize(f, *leaves)[1](*v)), forward @ vector(v), 1e-10, 1e-12 * scale, "linearize")
    g = tuple(random_like(rng, x) for x in plain)
    close(vector(pullback(g)), vector(g) @ forward, 1e-10, 1e-12 * scale, "vjp")


@seed(2)
@settings_here
@given(graphs(steps=6), st.integers(0, 2**32 - 1))
def test_second_derivatives_agree_in_all_modes(graph, key):
    leaves, steps = graph
    f, x = smooth_scalar(steps), tuple(leaves)
    modes = [f"{outer}-over-{inner}" for outer, inner in itertools.product(("forward", "reverse"), repeat=2)]
    found = [matrix(hessian(f, mode=mode)(x), leaves, leaves) for mode in modes]
    scale = 1 + np.max(np.abs(found[0])) + np.max(np.abs(vector(grad(f)(x)))) ** 2
    for mode, other in zip(modes, found, strict=True):
        close(other, found[0], 1e-9, 1e-11 * scale, mode)
    close(found[0], found[0].T, 1e-9, 1e-11 * scale, "symmetry")
    v = tuple(random_like(generator(key), a) for a in leaves)
    close(vector(hvp(f, x, v)), found[0] @ vector(v), 1e-9, 1e-11 * scale, "hvp")


@seed(3)
@settings_here
@given(graphs(steps=6), st.integers(0, 2**32 - 1))
def test_smooth_graphs_agree_with_differences(graph, key):
    leaves, steps = graph
    if KINKED & {kind for kind, _, _ in steps}:
        return
    f = smooth_scalar(steps)
    v = [random_like(generator(key), x) for x in leaves]

    def at(t):
        return f([x + t * dx for x, dx in zip(leaves, v, strict=True)])

    slope = jvp(lambda *xs: f(xs), leaves, v)[1]
    curvature = jvp(lambda t: jvp(at, (t,), (1.0,))[1], (0.0,), (1.0,))[1]
    h = 1e-4 / (1 + abs(curvature)) ** 0.5  # steep graphs need shorter steps
    coarse, fine = ((at(s) - at(-s)) / (2 * s) for s in (2 * h, h))
    assert abs(fine + (fine - coarse) / 3 - slope) <= 1e-5 * (1 + abs(slope) + abs(curvature) ** 0.5)


def test_graphs_draw_from_most_of_the_registry():
    assert len(UNARY) > 28
    assert len(BINARY) > 14
    assert KINKED & set(DOMAINS) == {name for name in KINKED if name.startswith("np.")}
