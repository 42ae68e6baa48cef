"""np.polynomial's evaluation functions, in every way they can be called: what a test and the coverage page walk."""

import inspect
import itertools
import zlib
from typing import Any, NamedTuple

import numpy as np

import dualad
from dualad.errors import DualadError

MODULES = [
    np.polynomial.polynomial, np.polynomial.chebyshev, np.polynomial.legendre,
    np.polynomial.hermite, np.polynomial.hermite_e, np.polynomial.laguerre,
]  # fmt: skip
EVALUATE = (
    "val",
    "valfromroots",
    "val2d",
    "val3d",
    "grid2d",
    "grid3d",
    "vander",
    "vander2d",
    "vander3d",
    "weight",
)
# What the modules have besides: arithmetic with coefficients, fits, roots, quadrature, constants.
OTHER = (
    "add", "sub", "mul", "mulx", "div", "pow", "der", "int", "line", "fromroots", "trim", "fit", "companion",
    "roots", "gauss", "pts1", "pts2", "interpolate",
)  # fmt: skip


def public(module):
    """Its functions by name, without those that go from one basis to another (`cheb2poly`)."""
    names = [name for name in module.__all__ if "2poly" not in name and not name.startswith("poly2")]
    found = {name: getattr(module, name) for name in names}
    return {name: fn for name, fn in found.items() if callable(fn) and not inspect.isclass(fn)}


def evaluations(module):
    """The evaluation functions of a module, and the call of its class, by name."""
    found = {name: fn for name, fn in public(module).items() if name.endswith(EVALUATE)}
    basis = next(v for v in vars(module).values() if inspect.isclass(v) and v.__module__ == module.__name__)
    found[basis.__name__] = lambda x, c: basis(c)(x)
    return found


class Call(NamedTuple):
    """One call: the arguments by name, those that are traced, and the rest of the keywords."""

    function: Any
    arguments: dict[str, Any]
    traced: tuple[str, ...]
    rest: dict[str, Any]

    def __call__(self, *values):
        """The function of the traced arguments."""
        arguments = self.arguments | dict(zip(self.traced, values, strict=True))
        return self.function(*arguments.values(), **self.rest)

    @property
    def values(self):
        return tuple(self.arguments[name] for name in self.traced)

    def derivative(self, directions):
        """The derivative in forward mode, or the error that it raises."""
        try:
            return dualad.jvp(self, self.values, directions)[1]
        except DualadError as error:
            return error


def _subsets(names):
    """What may be traced: each argument alone, the first with the last, and all of them."""
    return list(dict.fromkeys([*((n,) for n in names), (names[0], names[-1])[: len(names)], tuple(names)]))


def calls(name, function):
    """Every way to call an evaluation function: shapes, coefficients of several dimensions, what is traced."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    draw = lambda *shape: rng.uniform(-0.7, 0.7, shape) if shape else float(rng.uniform(-0.7, 0.7))  # noqa: E731
    names = list(inspect.signature(function).parameters)
    points, last = [n for n in names if n in "xyz"], names[-1 if names[-1] != "tensor" else -2]
    d = len(points)
    found = []
    for shape in ((), (3,), (2, 3))[: 3 if d < 3 else 2]:
        where = {p: draw(*(n + ("grid" in name) * k for n in shape)) for k, p in enumerate(points)}
        if last in ("c", "r"):
            dims = (1,) if "tensor" not in names and d == 1 else range(d, 4 if d < 3 else 5)
            for n, dim, tensor in itertools.product((1, 2, 4) if d == 1 else (1, 3), dims, (True, False)):
                if not tensor and ("tensor" not in names or dim - 1 < len(shape)):
                    continue  # NumPy itself has no such call, or broadcasts x to more dimensions
                if tensor:
                    c = draw(*(n,) * d, *(2,) * (dim - d))
                else:
                    c = draw(n, *(2,) * (dim - 1 - len(shape)), *shape)
                rest = {} if tensor else {"tensor": False}
                found += [Call(function, {**where, last: c}, s, rest) for s in _subsets([*points, last])]
        else:
            rest = {} if last == "x" else {"deg": 3 if d == 1 else [2, 1, 2][:d]}
            found += [Call(function, where, s, rest) for s in _subsets(points)]
    return found


def described(call):
    """In a few words: what is traced, the dimensions of all arguments, the keywords."""
    dims = [f"{name} of {np.ndim(v)}" for name, v in call.arguments.items()]
    return f"{' and '.join(call.traced)} traced, {', '.join(dims)} dimensions, {call.rest}"


def refused(name, function):
    """The arguments in which a function is differentiated, and in words the calls that raise."""
    found = [(call, call.derivative(call.values)) for call in calls(name, function)]
    raised = [call for call, result in found if isinstance(result, DualadError)]
    right = [call for call, result in found if not isinstance(result, DualadError)]
    active = list(dict.fromkeys(k for call in right for k in call.traced))
    if not raised:
        return active, ""
    points = sorted({k for call in raised for k in call.traced if len(call.traced) == 1})
    last = list(raised[0].arguments)[-1]
    least = {k: min(np.ndim(call.arguments[k]) for call in raised) for k in (points[0], last)}
    tensor = ", if `tensor=True`" if "tensor" in inspect.signature(function).parameters else ""
    which = " or ".join(f"`{k}`" for k in points)
    return (
        active,
        f"{which} of {least[points[0]]} or more dimensions, `{last}` of {least[last]} or more{tensor}",
    )
