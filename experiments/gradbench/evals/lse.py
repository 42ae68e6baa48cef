"""The logarithm of a sum of exponentials."""

import dualad
from experiments.gradbench.function import Function, array
from experiments.problems.logsumexp import logsumexp


def read(given):
    return (array(given["x"]),)


FUNCTIONS = {
    "primal": Function(read, dualad.compile(logsumexp)),
    "gradient": Function(read, dualad.compile(dualad.grad(logsumexp))),
}
