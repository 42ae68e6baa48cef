"""The same computation in dualad and in other libraries, each ready to be timed.

Every function here takes what is to be differentiated and the point, imports its library only then, and
returns a call without arguments. A function that needs mathematics takes the library's namespace as `xp`.
"""

from __future__ import annotations

import os
from importlib import util
from typing import Any

import dualad
from experiments.timing import Call


def installed(peer: str) -> bool:
    """Whether the library can be imported; plain NumPy always can."""
    return util.find_spec(peer) is not None


def dualad_gradient(f: Any, x: Any) -> Call:
    gradient = dualad.grad(f)
    return lambda: gradient(x)


def plain_evaluation(f: Any, x: Any) -> Call:
    """No derivative at all: the function itself on plain values, as the yardstick."""
    return lambda: f(x)


def autograd_gradient(f: Any, x: Any) -> Call:
    import autograd
    import autograd.numpy

    gradient = autograd.grad(lambda x: f(x, xp=autograd.numpy))
    return lambda: gradient(x)


def single_threaded_torch() -> Any:
    """Torch with one thread, or as many as `--threads` has given to all."""
    import torch

    # Torch keeps a count of its own, which limits set from outside do not reach once it is loaded.
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    return torch


def torch_gradient(f: Any, x: Any) -> Call:
    torch = single_threaded_torch()

    def leaf(value: Any) -> Any:
        return torch.tensor(value, dtype=torch.float64, requires_grad=True)

    def gradient() -> Any:
        leaves = [leaf(value) for value in x] if isinstance(x, list) else leaf(x)
        return torch.autograd.grad(f(leaves, xp=torch), leaves)

    return gradient


def xad_gradient(f: Any, x: Any) -> Call:
    """XAD's adjoint tape, kept between calls, which is faster than a new tape for each."""
    from xad import math
    from xad.adj_1st import Real, Tape

    tape = Tape()
    tape.deactivate()  # a tape is born active

    def gradient() -> Any:
        tape.activate()
        tape.clearAll()
        leaves = [Real(value) for value in (x if isinstance(x, list) else [x])]
        tape.registerInputs(leaves)
        tape.newRecording()
        y = f(leaves if isinstance(x, list) else leaves[0], xp=math)
        tape.registerOutput(y)
        y.derivative = 1.0
        tape.computeAdjoints()
        result = [leaf.derivative for leaf in leaves]
        tape.deactivate()
        return result

    return gradient


def dualad_jacobian(f: Any, x: Any) -> Call:
    jacobian = dualad.jacobian(f)
    return lambda: jacobian(x)


def torch_jacobian(f: Any, x: Any) -> Call:
    torch = single_threaded_torch()
    jacobian = torch.func.jacrev(lambda x: f(x, xp=torch))
    return lambda: jacobian(torch.from_numpy(x))


def scipy_jacobian(f: Any, x: Any) -> Call:
    """SciPy's public 2-point differences: `approx_fprime`, which accepts vector-valued functions."""
    from scipy.optimize import approx_fprime

    return lambda: approx_fprime(x, f)
