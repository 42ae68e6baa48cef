"""What builds arrays out of pieces and functions, on traced values: it works, or raises."""

import math

import numpy as np
import pytest
from cases import close

from dualad import ConversionError, KeywordError, grad, jacobian, jvp
from dualad.op import OPS, Composite, name_of

X = np.array([1.3, 0.4, 2.1])
A = np.array([3.0, 1.0, 2.0])


def first_is_plain(v):
    return 0.0 if v > 1 else v * v


RIGHT = {
    "r_": lambda x: np.r_[x, 0.5, x[0], 1:3],
    "r_ as rows": lambda x: np.r_["0,2", x, x**2],
    "r_ along an axis": lambda x: np.r_["-1", np.outer(x, x), np.outer(x, A)],
    "c_": lambda x: np.c_[x, A, x**2],
    "c_ of numbers": lambda x: np.c_[x[0], x[1] ** 2],
    "s_": lambda x: x[np.s_[::-2]] ** 2,
    "index_exp": lambda x: np.outer(x, x)[np.index_exp[1:, 0]],
    "mgrid": lambda x: np.mgrid[0 : x[0] : 4j] ** 2,
    "ogrid": lambda x: np.ogrid[x[1] : x[0] : 4j] ** 2,
    "block": lambda x: np.block([[np.outer(x, x), x[:, None]], [x, 1.0]]),
    "resize": lambda x: np.resize(x, (2, 4)),
    "vectorize": lambda x: np.vectorize(lambda t: t * t)(np.outer(x, x)),
    "vectorize of two": lambda x: np.vectorize(lambda t, u: t * u)(x[:, None], A),
    "vectorize with branches": lambda x: np.vectorize(lambda t: t**3 if t > 1 else 2.0)(x),
    "vectorize with a signature": lambda x: np.vectorize(np.dot, signature="(n),(n)->()")(np.outer(x, x), A),
    "vectorize with exclusions": lambda x: np.vectorize(lambda t, p: t * p[0], excluded={"p"})(A, p=x),
    "vectorize to objects": lambda x: 2.0 * np.vectorize(first_is_plain, otypes=[object])(x),
    "vectorize to several": lambda x: np.stack(np.vectorize(lambda t: (t * t, np.sin(t)))(x)),
    "vectorize with a cache": lambda x: np.vectorize(lambda t: t * t, cache=True)(x),
    "vectorize of a number": lambda x: x * np.vectorize(lambda t: t * t)(x[0]),
    "take with modes": lambda x: np.take(x, [[4, -2]], mode="wrap") + np.take(x, 5, 0, None, "clip"),
    "meshgrid": lambda x: np.stack(np.meshgrid(x, A, copy=False)),
}


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("name", RIGHT)
def test_right(name, mode):
    f = RIGHT[name]
    expected = np.asarray(f(X), float)
    close(jvp(f, (X,), (X,))[0], expected, 1e-15)
    h = 1e-6
    J = np.stack([np.asarray((f(X + h * e) - f(X - h * e)) / (2 * h), float) for e in np.eye(3)], -1)
    close(jacobian(f, mode=mode)(X), J, 1e-8, 1e-9)


def test_deprecated_names_call_functions_that_have_rules():
    for old, new in (("trapz", np.trapezoid), ("row_stack", np.vstack)):
        if hasattr(np, old):
            with pytest.warns(DeprecationWarning):
                found = jacobian(lambda x: getattr(np, old)([x, x**2]))(X)  # noqa: B023
            np.testing.assert_array_equal(found, jacobian(lambda x: new([x, x**2]))(X))  # noqa: B023


@pytest.mark.parametrize("join", [np.concatenate, np.stack, np.vstack, np.hstack], ids=lambda f: f.__name__)
def test_joining_casts_as_numpy_allows(join):
    for dtype, casting in ((np.float32, "same_kind"), (float, "no"), (int, "unsafe")):
        seen = []

        def f(x, seen=seen, keywords={"dtype": dtype, "casting": casting}):  # noqa: B006
            seen.append(join([x, A], **keywords))
            return np.sum(x) + 0 * np.sum(seen[0])

        grad(f)(X)
        assert seen[0].dtype == dtype
    for keywords in ({"dtype": np.float32, "casting": "safe"}, {"dtype": int}):
        with pytest.raises(TypeError, match="according to the rule"):
            jvp(lambda x, keywords=keywords: join([x, A], **keywords), (X,), (X,))


RAISES = {
    "r_ with a traced step": lambda x: np.r_[5.0 : 0 : x[0]],
    "r_ with a traced stop": lambda x: np.r_[0 : x[0] : 3j],
    "s_ with a traced stop": lambda x: A[np.s_[0 : x[0]]],
    "mgrid with a traced stop": lambda x: np.mgrid[0 : x[0]],
    "vectorize, a plain value first": lambda x: np.vectorize(first_is_plain)(x),
    "vectorize over math": lambda x: np.vectorize(lambda t: math.sin(t))(x),
    "vectorize with a type": lambda x: np.vectorize(lambda t: t * t, otypes=[float])(x),
}


@pytest.mark.parametrize("name", RAISES)
def test_raises(name):
    for run in (lambda: grad(lambda x: np.sum(RAISES[name](x)))(X), lambda: jvp(RAISES[name], (X,), (X,))):
        with pytest.raises(ConversionError, match="lose its derivative"):
            run()


# keywords
COMPOSITES = {name_of(fn): op for fn, op in OPS.items() if isinstance(op, Composite)}
DOCUMENTED = {
    "np.concatenate": ["out"], "np.trace": ["out", "dtype"], "np.linspace": ["device"],
    "np.take": ["out"], "np.choose": ["out"], "np.sum": ["out"], "np.quantile": ["out", "interpolation"],
    "np.pad": ["stat_length", "end_values"], "np.trim_zeros": ["axis"], "np.vstack": ["out"],
    "np.full_like": ["order", "device"], "np.broadcast_to": ["subok"], "np.einsum": ["out", "dtype"],
}  # fmt: skip


@pytest.mark.parametrize(("name", "keyword"), [(n, k) for n, keys in DOCUMENTED.items() for k in keys])
def test_keywords_without_a_rule_are_named(name, keyword):
    op = COMPOSITES[name]
    args, _ = op.examples(np.random.default_rng(0))[0]
    with pytest.raises(KeywordError, match=f"keyword {keyword}="):
        op(*args, **{keyword: np.zeros(2)})
