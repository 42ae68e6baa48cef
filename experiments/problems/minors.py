"""The determinant by expansion along first rows, each minor expanded anew: n! products, which is what is measured."""

import numpy as np

WIDTH = 4
"""Minors of this size are expanded all at once, as arrays; what they share, a compiler may find."""


def expanded(M):
    """Determinants of the matrices M[:, :, ...], expanded along their first rows."""
    if len(M) == 1:
        return M[0, 0]
    total = 0.0
    for j in range(len(M)):
        rest = np.concatenate([M[1:, :j], M[1:, j + 1 :]], axis=1)
        total = total + (-1.0) ** j * M[0, j] * expanded(rest)
    return total


def choices(n, width):
    """The columns of all minors that have lost one in each of the rows above them, a minor a row: (n!/width!, n).

    Each row holds the columns lost, in turn, and then those that are left, in their order. The last one lost changes
    fastest.
    """
    columns = np.arange(n)[None]
    for r in range(n - width):
        lost = [[*range(r), j, *range(r, j), *range(j + 1, n)] for j in range(r, n)]
        columns = np.reshape(columns[:, np.array(lost)], (-1, n))
    return columns


def determinant(A):
    """Of a square matrix. Upper minors are summed up as arrays, over the column that each has lost last."""
    n = len(A)
    width = min(n, WIDTH)
    columns = choices(n, width).T
    values = expanded(A[n - width :][:, columns[n - width :]])
    for r in reversed(range(n - width)):
        signs = (-1.0) ** np.arange(n - r)
        values = np.sum(signs * np.reshape(A[r, columns[r]] * values, (-1, n - r)), axis=1)
        columns = columns[:, :: n - r]
    return values[0]
