"""What each mode of differentiation costs, measured on your own machine: `python -m experiments list`.

Nothing here imports NumPy: the number of threads must be fixed before NumPy loads (see `__main__`).
"""

NAMES = (
    "gradient-cost",
    "jacobian-cost",
    "hessian-cost",
    "overhead",
    "peers",
    "compiled",
    "sparse",
    "higher-order",
    "accuracy",
    "memory",
    "chunk",
    "training",
    "ode",
    "scale",
)
"""One module each: `gradient-cost` lives in `gradient_cost.py` and ends with its `EXPERIMENT`."""

__all__ = ["NAMES"]
