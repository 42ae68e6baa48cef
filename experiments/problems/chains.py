"""A long chain of the usual operations, for the overhead of recording one operation."""

import numpy as np

BODY = 10
"""Operations in one pass of the loop."""


def chain(x, operations, xp=np):
    """`operations` (a multiple of ten) operations on a scalar or an array, bounded for arguments in [0, 1].

    The map contracts, so its derivative would die out; adding up the stages keeps every adjoint at the
    size of 1 and the timings free of subnormal numbers.
    """
    total = 0.0
    for _ in range(operations // BODY):
        a = xp.sin(x)
        b = a * x
        c = b + 1.5
        d = xp.sqrt(c)
        e = xp.tanh(d)
        f = e - d
        g = xp.exp(f)
        h = g / c
        x = h * d
        total = total + x
    return total
