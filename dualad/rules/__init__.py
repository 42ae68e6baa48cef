"""The rules: every differentiable operation, in plain NumPy, in files named like the part of NumPy they cover."""

from . import contract, elementwise, index, join, linalg, nondifferentiable, reduce, shape

__all__ = ["contract", "elementwise", "index", "join", "linalg", "nondifferentiable", "reduce", "shape"]
