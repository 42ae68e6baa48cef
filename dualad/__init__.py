"""Automatic differentiation of plain NumPy code, forward and reverse, from one registry of operations."""

from .check import check_grads
from .compile import backend_info, compile
from .count import Ledger, count
from .debug import debug_nans
from .derivative import derivative, grad, hvp, jvp, linearize, stop_gradient, value_and_grad, vjp
from .errors import (
    ArgumentError,
    AssignmentError,
    ConversionError,
    DtypeError,
    DualadError,
    GradientError,
    KeywordError,
    LeakError,
    NonFiniteError,
    NoRuleError,
    NotScalarError,
    RegistrationError,
    ShapeError,
    TraceError,
)
from .inplace import inplace
from .jacobian import hessian, jacobian, value_and_jacobian
from .op import composite, elementwise, general, linear, multilinear, plain, primal
from .pattern import hessian_sparsity, sparsity
from .scan import scan

__all__ = [
    "ArgumentError",
    "AssignmentError",
    "ConversionError",
    "DtypeError",
    "DualadError",
    "GradientError",
    "KeywordError",
    "LeakError",
    "Ledger",
    "NoRuleError",
    "NonFiniteError",
    "NotScalarError",
    "RegistrationError",
    "ShapeError",
    "TraceError",
    "backend_info",
    "check_grads",
    "compile",
    "composite",
    "count",
    "debug_nans",
    "derivative",
    "elementwise",
    "general",
    "grad",
    "hessian",
    "hessian_sparsity",
    "hvp",
    "inplace",
    "jacobian",
    "jvp",
    "linear",
    "linearize",
    "multilinear",
    "plain",
    "primal",
    "scan",
    "sparsity",
    "stop_gradient",
    "value_and_grad",
    "value_and_jacobian",
    "vjp",
]
__version__ = "0.1.0"
