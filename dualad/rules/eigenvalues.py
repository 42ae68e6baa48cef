"""np.linalg: eigenvalues of general matrices, after Giles (2008); defective matrices raise."""

import numpy as np

from ..errors import DtypeError, error
from ..op import Op, composite, general, plainly, primal
from .batching import leading
from .linalg import by_columns, cube, matrices, reciprocal, rounding


def _real_eigenvalues(n, *stack):
    def draw(rng):
        v = np.eye(n) + 0.3 * rng.uniform(-1.0, 1.0, (*stack, n, n))
        w = np.arange(1.0, n + 1) + 0.3 * rng.uniform(size=(*stack, n))
        return (v * w[..., None, :]) @ np.linalg.inv(v)

    return draw


def _real(y, values, name):
    if values.dtype.kind == "c":
        raise error(
            DtypeError,
            f"np.linalg.{name} found complex eigenvectors, whose phase the matrix does not determine",
            "np.linalg.eigvals for the eigenvalues alone; eigh for symmetric matrices, where all is real",
        )
    return y


def _eigenframe(v):
    """The inverse of a matrix of eigenvectors; defective matrices have none, and no derivative."""
    inverse = np.linalg.inv(v)
    size = np.linalg.norm(primal(v), 1, (-2, -1)) * np.linalg.norm(primal(inverse), 1, (-2, -1))
    if not np.all(size * v.shape[-1] * 10 * np.finfo(v.dtype).eps < 1):
        raise np.linalg.LinAlgError("eig has no derivative where the matrix has too few eigenvectors")
    return inverse


def _push_directions(da, y, a):
    w, v = y
    inner = _eigenframe(v) @ da @ v
    gap = w[..., None, :] - w[..., :, None]
    turn = by_columns(inner, reciprocal(gap, rounding(w, a.shape)[..., None]))
    return np.diagonal(inner, 0, -2, -1), v @ turn


def _push_eig(da, y, a):
    v, (dw, dv) = y[1], _push_directions(da, y, a)
    return dw, dv - v * np.sum(v * dv, axis=-2, keepdims=True)  # vectors keep their length 1


def _eig_real(a):
    y = np.linalg.eig(a)
    return _real(y, y[0], "eig")


_REAL = matrices(_real_eigenvalues(3), _real_eigenvalues(2, 3))
eig = general(_eig_real, _push_eig, name="eig", batch=leading, cost=cube(25), examples=_REAL)


@composite(np.linalg.eig, examples=_REAL)
def _eig(a):
    return eig(a)


# Eigenvectors as directions, without the length and phase that NumPy gives them: for the eigenvalues' own
# derivatives, to which these do not matter. It is no function of its own, and so in no table.
directions = Op("general", np.linalg.eig, (_push_directions,), complex=True, batch=leading, cost=cube(25))


def _in_order_of(y, w):
    """For each of the eigenvalues `y` where it is found among `w`, which is another order of the same."""
    apart = np.abs(y[..., :, None] - w[..., None, :])
    order = np.empty(y.shape, int)
    for k in range(y.shape[-1]):
        nearest = np.argmin(apart[..., k, :], axis=-1)
        order[..., k] = nearest
        np.put_along_axis(apart, np.expand_dims(nearest, (-1, -2)), np.inf, -1)
    return order


_order_of = plainly(_in_order_of, "order of eigenvalues")


def _push_eigvals(da, y, a):
    # With vectors LAPACK may find the values in another order.
    w, v = directions(a)
    order = _order_of(y, w)
    v = np.take_along_axis(v, np.broadcast_to(order[..., None, :], v.shape), axis=-1)
    return np.diagonal(_eigenframe(v) @ da @ v, 0, -2, -1)


eigvals = general(
    np.linalg.eigvals,
    _push_eigvals,
    name="eigvals",
    complex=True,
    batch=leading,
    cost=cube(10),
    examples=_REAL,
)


@composite(np.linalg.eigvals, examples=_REAL)
def _eigvals(a):
    return eigvals(a)
