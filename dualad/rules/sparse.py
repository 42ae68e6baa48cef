"""Products with SciPy's sparse matrices, which are constants: `A @ x` and `x @ A`.

Imported when the first of them meets a traced value. A matrix comes in its three arrays, so that tapes and programs
keep them as they keep other constants.
"""

import math

import numpy as np
from scipy import sparse

from ..errors import DtypeError, error
from ..op import Op, linear

_CLASSES = {"csr": sparse.csr_array, "csc": sparse.csc_array}
_TRANSPOSED = {"csr": "csc", "csc": "csr"}


def _matrix(data, indices, indptr, shape, form):
    return _CLASSES[form]((data, indices, indptr), shape=shape)


def _product(x, data, indices, indptr, shape, form):
    y = _matrix(data, indices, indptr, shape, form) @ np.reshape(x, (np.shape(x)[0], -1))
    return np.reshape(y, (shape[0], *np.shape(x)[1:]))


def _batch(op, args, flags, keywords, k):
    x, *matrix = args
    y = op.call(np.reshape(x, (x.shape[0], -1)), *matrix, **keywords)
    return np.reshape(y, (y.shape[0], *x.shape[1:]))


def _structure(x, data, indices, indptr, shape, form):
    """The matrix that maps the numbers of `x`, one behind the other, to those of the result."""
    a = _matrix(data != 0, indices, indptr, shape, form).tocsr()
    columns = math.prod(np.shape(x)[1:])
    return a if columns == 1 else sparse.kron(a, sparse.eye_array(columns, dtype=bool), "csr")


def _examples(rng):
    a = sparse.csr_array(rng.normal(size=(2, 3)) * [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    return [
        ((rng.normal(size=s), *_arrays(m)), {"shape": m.shape, "form": m.format})
        for s, m in (((3,), a), ((3, 2), a), ((2,), a.T), ((3, 2, 2), a))
    ]


def _arrays(a):
    return a.data, a.indices, a.indptr


product: Op = linear(
    _product,
    lambda g, x, *matrix, shape, form: product(g, *matrix, shape=shape[::-1], form=_TRANSPOSED[form]),
    None,
    None,
    None,
    name="product with a sparse matrix",
    dispatches=False,
    depends=_structure,
    batch=_batch,
    cost=lambda y, x, data, indices, indptr, shape, form: 2 * np.size(data) * math.prod(np.shape(x)[1:]),
    examples=_examples,
)


def matmul(a, b):
    """`a @ b`, of which one is a sparse matrix."""
    if not sparse.issparse(a):
        y = matmul(b.T, a if np.ndim(a) == 1 else np.matrix_transpose(a))
        return y if np.ndim(a) == 1 else np.matrix_transpose(y)
    if a.ndim > 2 or np.ndim(b) not in (1, 2):
        raise error(
            DtypeError,
            f"a sparse array of {a.ndim} dimensions was multiplied with a traced array of {np.ndim(b)}",
            "a matrix, and an array of one or two dimensions",
        )
    if a.shape[-1] != np.shape(b)[0]:
        raise ValueError(
            f"matmul: a sparse matrix of shape {a.shape} does not fit an array of shape {np.shape(b)}"
        )
    if a.ndim == 1:
        return matmul(a.reshape(1, -1), b)[0]
    if a.format not in _CLASSES:
        a = a.tocsr()
    return product(b, *_arrays(a), shape=tuple(map(int, a.shape)), form=a.format)
