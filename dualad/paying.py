"""Dense matrices by sparse plans, where these pay: what mode='auto' does for many inputs and outputs."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .compressed import size_of
from .errors import DualadError
from .op import Tracer, is_complex
from .plan import Plan
from .select import Selected

# Inputs, and outputs, from which the search for a pattern takes a small part of the time of as many directions
MANY = 1000
# How many times fewer directions a plan must take
FEWER = 8


def pays(plan: Plan) -> bool:
    """Whether a plan takes so few directions that dense sweeps take longer than making it."""
    return min(plan.shape) >= MANY and plan.coloring.count * FEWER <= min(plan.shape)


def paying(make: Callable[..., Plan], chosen: Selected, m: int) -> Plan | None:
    """The plan that `make` makes, if it pays for the dense matrix of m rows at plain real arguments."""
    n = size_of(chosen.leaves)
    if min(m, n) < MANY or any(isinstance(x, Tracer) or is_complex(x) for x in chosen.leaves):
        return None
    if not all(map(importlib.util.find_spec, ("scipy", "igraph"))):
        return None
    try:  # the search ends early where the matrix is full
        plan = make(max_entries=m * n // (8 * FEWER))
    except DualadError:  # a full pattern, or a function that cannot be traced as a program
        return None
    return plan if pays(plan) else None


def blocks(matrix: Any, outputs: Sequence[Any], inputs: Sequence[Any]) -> list[list[Any]]:
    """A sparse matrix as dense blocks, for each output leaf and each input leaf."""
    dense, found, row = matrix.toarray(), [], 0
    for y in outputs:
        rows, column = dense[row : row + math.prod(np.shape(y))], 0
        found.append(list[Any]())
        for x in inputs:
            block = rows[:, column : column + math.prod(np.shape(x))]
            found[-1].append(np.reshape(block, np.shape(y) + np.shape(x)))
            column += block.shape[1]
        row += len(rows)
    return found
