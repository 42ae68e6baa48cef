"""The registry's examples as test cases: each turned into a function of the floating-point leaves it holds."""

from __future__ import annotations

import importlib.util
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from dualad.op import OPS, PRIVATE, Op, name_of
from dualad.rules import inplace
from dualad.tape import part
from dualad.tree import flatten

importlib.import_module("dualad.rules.grids")
if importlib.util.find_spec("scipy"):
    importlib.import_module("dualad.rules.special")  # else with the first of its ufuncs that a test meets
    importlib.import_module("dualad.rules.scipy_linalg")
    importlib.import_module("dualad.rules.sparse")


def returning(fn: Any) -> Any:
    """A function that writes into its first argument, as one that returns what a copy of it has become."""

    def returned(target: Any, *rest: Any, **keywords: Any) -> Any:
        y = np.copy(target)
        fn(y, *rest, **keywords)
        return y

    return returned


def called(fn: Any, op: Any) -> Any:
    """What the tests call to have the values of `fn`."""
    return returning(fn) if getattr(op, "function", op).__module__ == inplace.__name__ else fn


# The values of np.empty_like are anybody's.
DIFFERENTIABLE = {
    name_of(fn): (called(fn, op), op)
    for fn, op in OPS.items()
    if op.kind != "plain" and fn is not np.empty_like
}
# An op without a name in NumPy is called itself; where it shares the name of a composite, it gets an underline.
DIFFERENTIABLE |= {
    op.name + ("_" if op.name in DIFFERENTIABLE else ""): (op, op)
    for op in PRIVATE
    if op is not part  # what a tape records for one output of several: nobody calls it
}


def generator(*key: Any) -> np.random.Generator:
    """A generator whose seed is made from `key`, the same in every process."""
    return np.random.default_rng(zlib.crc32(repr(key).encode()))


def is_leaf(x: Any) -> bool:
    return type(x) is float or (isinstance(x, (np.ndarray, np.inexact)) and x.dtype.kind in "fc")


class Case:
    """One example of one op. `f` maps its floating-point leaves to the op's result, `primal` does so in NumPy."""

    def __init__(self, name: str, k: int, args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        self.fn, self.op = DIFFERENTIABLE[name]
        self.name, self.keywords = name, keywords
        self.id = "-".join([name, str(k), *_described(args, keywords)])
        flat, self._rebuild = flatten(list(args))
        fixed = [
            isinstance(self.op, Op) and not self.op.variadic and self.op.rules[i] is None
            for i, arg in enumerate(args)
            for _ in flatten(arg)[0]
        ]
        self._flat = flat
        self._where = [i for i, x in enumerate(flat) if is_leaf(x) and not fixed[i]]

    @property
    def leaves(self) -> list[Any]:
        return [self._flat[i] for i in self._where]

    def arguments(self, leaves: Any) -> list[Any]:
        flat = list(self._flat)
        for i, x in zip(self._where, leaves, strict=True):
            flat[i] = x
        return self._rebuild(flat)

    def f(self, *leaves: Any) -> Any:
        return self.fn(*self.arguments(leaves), **self.keywords)

    def primal(self, *leaves: Any) -> Any:
        """Plain NumPy's result: dualad is not involved."""
        fn = self.op.fn if isinstance(self.fn, Op) else self.fn
        return fn(*self.arguments(leaves), **self.keywords)

    def __repr__(self) -> str:
        return self.id


def _described(args: tuple[Any, ...], keywords: dict[str, Any]) -> list[str]:
    def form(x: Any) -> str:
        if isinstance(x, list):
            return "[" + ",".join(map(form, x)) + "]"
        if callable(x):
            return str(x.__name__)
        if isinstance(x, np.ndarray):
            return "x".join(map(str, x.shape)) or "0d"
        return "float" if type(x) is float else str(x).replace(" ", "")

    return [form(x) for x in args] + [f"{key}={form(value)}" for key, value in keywords.items()]


def cases_of(name: str) -> list[Case]:
    op = DIFFERENTIABLE[name][1]
    found = op.examples(generator(name)) if op.examples else []
    return [Case(name, k, args, keywords) for k, (args, keywords) in enumerate(found)]


CASES = [case for name in DIFFERENTIABLE for case in cases_of(name)]
# np.shape and the like say nothing about values.
DERIVED = [case for case in CASES if case.leaves and any(map(is_leaf, flatten(case.primal(*case.leaves))[0]))]


def each(cases: list[Case], keep: Callable[[Case], bool] = lambda case: True) -> Any:
    """Parametrise a test by cases, so that a failure names its op and arguments."""
    found = [case for case in cases if keep(case)]
    return pytest.mark.parametrize("case", found, ids=[case.id for case in found])


def is_elementwise(case: Case) -> bool:
    return case.op.kind == "elementwise"


def from_scipy(case: Case) -> bool:
    """Whether SciPy computes it: no extended precision, and complex arguments with fewer digits."""
    rules = getattr(case.op, "rules", None) or (case.op.function,)
    modules = [getattr(rule, "__module__", "") for rule in rules]
    return "scipy" in case.name or any(name.startswith("dualad.rules.special") for name in modules)


def precision(case: Case, dtype: Any = np.float64) -> float:
    """Unit roundoff of what the case computes in, relative to double precision: 1, or more for narrower types."""
    narrow = case.keywords.get("dtype") == np.float32
    return float(np.finfo(np.float32 if narrow else dtype).eps / np.finfo(np.float64).eps)


def random_like(rng: np.random.Generator, x: Any) -> Any:
    """Numbers between 1/2 and 3/2 with either sign, in the form of `x`; what is not floating has no tangent."""
    r = rng.uniform(0.5, 1.5, np.shape(x)) * rng.choice([-1.0, 1.0], np.shape(x))
    if np.iscomplexobj(x):
        r = r + 1j * rng.uniform(0.5, 1.5, np.shape(x))
    return float(r) if type(x) is float else np.asarray(r, x.dtype if is_leaf(x) else float)[()]


# Complex leaves count as their two parts, so that tests for real numbers say the same of complex ones:
# Re Σ conj(a) b, for one, is the product of the vectors of a and b.
def parts(leaves: Sequence[Any]) -> list[Any]:
    """Real leaves in place of complex ones: the real parts, then the imaginary parts of each."""
    return [p for x in leaves for p in ((np.real(x), np.imag(x)) if np.iscomplexobj(x) else (x,))]


def whole(reals: Sequence[Any], like: Sequence[Any]) -> list[Any]:
    """The leaves of which `reals` are the parts, real or complex as those of `like`."""
    rest = iter(reals)
    return [next(rest) + 1j * next(rest) if np.iscomplexobj(x) else next(rest) for x in like]


def vector(tree: Any) -> np.ndarray:
    """The leaves of a structure, one behind the other, as real numbers."""
    return np.concatenate([np.ravel(x) for x in parts(flatten(tree)[0])] or [np.zeros(0)])


def matrix(blocks: Any, outputs: Sequence[Any], inputs: Sequence[Any]) -> np.ndarray:
    """A Jacobian in blocks, output by output and input by input, as one real matrix."""
    rows, found = [], iter(flatten(blocks)[0])
    for y in outputs:
        row = []
        for x in inputs:
            b = np.reshape(next(found), (np.size(y), np.size(x)))
            # A complex block is of a real result, by columns, or of a real argument, by rows.
            row.append(np.concatenate(parts([b]), axis=1 if np.iscomplexobj(x) else 0))
        rows.append(row)
    return np.block(rows)


def units(leaves: Sequence[Any]) -> list[list[Any]]:
    """The unit directions of all leaves together, each in the form of the leaves, as `vector` counts them."""
    found = []
    for k, x in enumerate(leaves):
        for one in (1, 1j) if np.iscomplexobj(x) else (1,):
            for i in range(np.size(x)):
                e = [0.0 if type(v) is float else np.zeros_like(v)[()] for v in leaves]
                e[k] = one * np.reshape(np.eye(1, np.size(x), i, dtype=np.asarray(x).dtype), np.shape(x))
                e[k] = float(e[k]) if type(x) is float else e[k].astype(x.dtype)[()]
                found.append(e)
    return found


def close(found: Any, expected: Any, rtol: float, atol: float = 0.0, what: str = "") -> None:
    """Assert that two structures hold the same numbers, relative to the largest of each leaf; NaN is NaN."""
    a, b = flatten(found)[0], flatten(expected)[0]
    assert len(a) == len(b), f"{what}: {len(a)} results, not {len(b)}"
    for x, y in zip(a, b, strict=True):
        assert np.shape(x) == np.shape(y), f"{what}: shape {np.shape(x)}, not {np.shape(y)}"
        finite = np.abs(np.asarray(y)[np.isfinite(y)])
        scale = finite.max() if finite.size else 0.0
        np.testing.assert_allclose(x, y, rtol=0, atol=rtol * float(scale) + atol, err_msg=what)


__all__ = [
    "CASES", "DERIVED", "DIFFERENTIABLE", "Case", "cases_of", "close", "each", "from_scipy", "generator",
    "is_elementwise", "is_leaf", "matrix", "parts", "precision", "random_like", "units", "vector", "whole",
]  # fmt: skip
