"""Automatic differentiation of plain NumPy code, forward and reverse, from one registry of operations."""

from . import lessons as lessons
from .accuracy import Accuracy, accuracy
from .check import check_grads
from .checkpoint import checkpoint, checkpointed_scan
from .coloring import Coloring, coloring
from .compile import backend_info, compile
from .count import count
from .custom import custom_rule
from .debug import debug_nans
from .derivative import derivative, grad, hvp, jvp, linearize, stop_gradient, value_and_grad, vjp
from .diagonal import hessian_diagonal, laplacian
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
    SolverError,
    TraceError,
)
from .implicit import implicit
from .inplace import inplace
from .jacobian import hessian, jacobian, value_and_jacobian
from .ledger import Ledger
from .op import composite, elementwise, general, linear, multilinear, plain, primal
from .operators import hessian_operator, jacobian_operator
from .pattern import hessian_sparsity, sparsity
from .plan import Plan
from .predict import Prediction, predict
from .scan import scan
from .second import curl, divergence, gauss_newton_product, value_grad_and_hessian
from .sparse import sparse_hessian, sparse_jacobian
from .taylor import mixed_derivative, taylor
from .teach.draw import draw
from .teach.player import player
from .teach.table import trace_table

__all__ = [
    "Accuracy",
    "ArgumentError",
    "AssignmentError",
    "Coloring",
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
    "Plan",
    "Prediction",
    "RegistrationError",
    "ShapeError",
    "SolverError",
    "TraceError",
    "accuracy",
    "backend_info",
    "check_grads",
    "checkpoint",
    "checkpointed_scan",
    "coloring",
    "compile",
    "composite",
    "count",
    "curl",
    "custom_rule",
    "debug_nans",
    "derivative",
    "divergence",
    "draw",
    "elementwise",
    "gauss_newton_product",
    "general",
    "grad",
    "hessian",
    "hessian_diagonal",
    "hessian_operator",
    "hessian_sparsity",
    "hvp",
    "implicit",
    "inplace",
    "jacobian",
    "jacobian_operator",
    "jvp",
    "laplacian",
    "linear",
    "linearize",
    "mixed_derivative",
    "multilinear",
    "plain",
    "player",
    "predict",
    "primal",
    "scan",
    "sparse_hessian",
    "sparse_jacobian",
    "sparsity",
    "stop_gradient",
    "taylor",
    "trace_table",
    "value_and_grad",
    "value_and_jacobian",
    "value_grad_and_hessian",
    "vjp",
]
__version__ = "0.1.0"
