"""The rules: every differentiable operation, in plain NumPy, in files named like the part of NumPy they cover."""

from . import (
    calculus,
    contract,
    decompositions,
    elementwise,
    index,
    join,
    linalg,
    nondifferentiable,
    polynomial,
    reduce,
    selection,
    shape,
    statistics,
    unsupported,
)

__all__ = [
    "calculus",
    "contract",
    "decompositions",
    "elementwise",
    "index",
    "join",
    "linalg",
    "nondifferentiable",
    "polynomial",
    "reduce",
    "selection",
    "shape",
    "statistics",
    "unsupported",
]
