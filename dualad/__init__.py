"""dualad: automatic differentiation of plain NumPy code, forward and reverse, from one registry of operations."""

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
    NoRuleError,
    NotScalarError,
    RegistrationError,
    ShapeError,
)
from .jacobian import hessian, jacobian, value_and_jacobian
from .op import primal

__version__ = "0.1.0"
