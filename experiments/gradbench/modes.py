"""The four ways to nest two derivatives, as GradBench names them: the outer one's mode, then the inner one's."""

import dualad


def forward(f):
    """The gradient in forward mode."""
    return dualad.jacobian(f, mode="forward")


WAYS = {"f": forward, "r": dualad.grad}
MODES = {a + b: (WAYS[a], WAYS[b]) for a in WAYS for b in WAYS}
