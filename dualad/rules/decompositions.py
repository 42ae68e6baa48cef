"""np.linalg: orthogonal factors, singular values, pseudo-inverses, eigenvalues of general matrices.

Pushforwards after Townsend (2016) for svd, Walter and Lehmann (2010) for qr, Golub and Pereyra (1973) for
pinv, Giles (2008) for eig. What a matrix leaves undetermined (the vectors of equal singular values) is NaN.
"""

import numpy as np

from ..errors import DtypeError, KeywordError, error
from ..op import composite, general, plain, primal
from .batching import first, last, leading
from .contract import mT
from .linalg import by_columns, cube, matrices, positive, reciprocal, rounding, square
from .shape import as_array

plain(np.linalg.matrix_rank)


def _spectrum(m, n, *stack, rank=None):
    """Matrices with singular values near 1, 2, 3, …; of a given rank: the first of them only."""

    def draw(rng):
        k = min(m, n) if rank is None else rank
        u, v = (np.linalg.qr(rng.normal(size=(*stack, size, k)))[0] for size in (m, n))
        return (u * (np.arange(1.0, k + 1) + 0.3 * rng.uniform(size=(*stack, k)))[..., None, :]) @ mT(v)

    return draw


def _real_eigenvalues(n, *stack):
    def draw(rng):
        v = np.eye(n) + 0.3 * rng.uniform(-1.0, 1.0, (*stack, n, n))
        w = np.arange(1.0, n + 1) + 0.3 * rng.uniform(size=(*stack, n))
        return (v * w[..., None, :]) @ np.linalg.inv(v)

    return draw


_SHAPES = matrices(_spectrum(4, 2), _spectrum(2, 3), _spectrum(3, 3), _spectrum(3, 2, 2))


def _with(examples, keywords):
    return lambda rng: [(args, keywords) for args, _ in examples(rng)]


# qr
def _push_qr(da, y, a):
    q, r = y
    k = r.shape[-2]
    # The first k columns fix q; columns further right only move r.
    square_part = r[..., :, :k]
    pivots = np.abs(np.diagonal(primal(square_part), 0, -2, -1))
    if np.any(pivots <= rounding(pivots, a.shape)):
        raise np.linalg.LinAlgError("qr has no derivative where the columns are linearly dependent")
    moved = mT(np.linalg.solve(mT(square_part), mT(da[..., :, :k])))
    inner = mT(q) @ moved
    below = np.tril(inner, -1)
    turn = below - mT(below)
    dq = q @ turn
    if a.shape[-2] > k:
        dq = dq + (moved - q @ inner)
    return dq, np.triu(mT(q) @ da - turn @ r)


qr = general(
    lambda a: np.linalg.qr(a),
    _push_qr,
    name="qr",
    batch=leading,
    cost=cube(2),
    examples=_SHAPES,
)


@composite(
    np.linalg.qr,
    examples=lambda rng: [
        *_SHAPES(rng),
        *_with(_SHAPES, {"mode": "r"})(rng),
        *_with(matrices(_spectrum(2, 3), _spectrum(3, 3, 2)), {"mode": "complete"})(rng),
    ],
)
def _qr(a, mode="reduced"):
    m, n = np.shape(a)[-2:]
    if mode == "reduced" or (mode == "complete" and m <= n):
        return qr(a)
    if mode == "r":
        return qr(a)[1]
    if mode == "complete":
        # Any basis of the rest of the space would do: it does not follow `a`.
        raise error(
            KeywordError,
            f"np.linalg.qr of a {m}×{n} matrix has columns in mode='complete' that the matrix does not determine",
            "mode='reduced'",
        )
    raise error(
        KeywordError, f"np.linalg.qr has no derivative rule for mode={mode!r}", "mode='reduced' or 'r'"
    )


# svd
def _signs(s, shape):
    """1, and 0 where a singular value is 0 up to rounding: it has a kink there, as abs has."""
    return (primal(s) > rounding(s, shape)).astype(s.dtype)


def _push_svd(da, y, a):
    u, s, vt = y
    m, n = a.shape[-2:]
    right = da @ mT(vt)
    inner = mT(u) @ right
    tolerance = rounding(s, a.shape)[..., None]
    apart = reciprocal(s[..., None, :] - s[..., :, None], tolerance)
    joint = reciprocal(s[..., None, :] + s[..., :, None], tolerance)
    even, odd = by_columns(0.5 * (inner + mT(inner)), apart), by_columns(0.5 * (inner - mT(inner)), joint)
    du, dv = u @ (even + odd), mT(vt) @ (even - odd)
    if m != n:
        # The part of the longer vectors that leaves their span; a zero singular value does not determine it.
        scale = 1 / np.where(primal(s) > rounding(s, a.shape), s, np.nan)[..., None, :]
        if m > n:
            du = du + by_columns(right - u @ inner, scale)
        else:
            left = mT(da) @ u
            dv = dv + by_columns(left - mT(vt) @ mT(inner), scale)
    return du, np.diagonal(inner, 0, -2, -1) * _signs(s, a.shape), mT(dv)


svd = general(
    lambda a: np.linalg.svd(a, full_matrices=False),
    _push_svd,
    name="svd",
    batch=leading,
    cost=cube(20),
    examples=_SHAPES,
)


def _push_svdvals(da, y, a):
    # Values alone: finite at repeated ones, where the vectors are not.
    u, _, vt = np.linalg.svd(a, full_matrices=False)
    return np.sum(u * (da @ mT(vt)), axis=-2) * _signs(y, a.shape)


svdvals = general(np.linalg.svdvals, _push_svdvals, batch=leading, cost=cube(3), examples=_SHAPES)


def _svd_of_symmetric(a, compute_uv):
    """From the eigenvalues, as NumPy does it: their signs go to the vectors on the right."""
    if not compute_uv:
        return np.flip(np.sort(np.abs(np.linalg.eigvalsh(a)), axis=-1), -1)
    w, v = np.linalg.eigh(a)
    order = np.argsort(np.abs(primal(w)), axis=-1)[..., ::-1]
    w = np.take_along_axis(w, order, axis=-1)
    v = np.take_along_axis(v, np.broadcast_to(order[..., None, :], v.shape), axis=-1)
    sign = np.copysign(1.0, primal(w)).astype(a.dtype)
    return type(np.linalg.svd(np.eye(1)))(v, np.abs(w), mT(v * sign[..., None, :]))


@composite(
    np.linalg.svd,
    examples=lambda rng: [
        *_with(_SHAPES, {"full_matrices": False})(rng),
        *_with(_SHAPES, {"compute_uv": False})(rng),
        *matrices(_spectrum(3, 3))(rng),
        *_with(matrices(positive(3), positive(2, 2)), {"hermitian": True})(rng),
        *_with(matrices(positive(3)), {"hermitian": True, "compute_uv": False})(rng),
    ],
)
def _svd(a, full_matrices=True, compute_uv=True, hermitian=False):
    if hermitian:
        return _svd_of_symmetric(a, compute_uv)
    if not compute_uv:
        return svdvals(a)
    m, n = np.shape(a)[-2:]
    if full_matrices and m != n:
        raise error(
            KeywordError,
            f"np.linalg.svd of a {m}×{n} matrix has vectors in full_matrices=True that the matrix does not determine",
            "full_matrices=False; np.linalg.svdvals(a) for the values alone",
        )
    return svd(a)


# pseudo-inverse and least squares, at constant rank
def _push_pinv(da, y, a, rcond, hermitian):
    dy = -(y @ da @ y)
    spread = mT(da) - mT(da) @ (a @ y)
    dy = dy + y @ (mT(y) @ spread)
    spread = mT(da) - y @ (a @ mT(da))
    return dy + (spread @ mT(y)) @ y


pinv = general(
    lambda a, rcond, hermitian: np.linalg.pinv(a, rcond, hermitian),
    _push_pinv,
    name="pinv",
    batch=leading,
    cost=cube(22),
    examples=_with(_SHAPES, {"rcond": 1e-15, "hermitian": False}),
)


@composite(
    np.linalg.pinv,
    examples=lambda rng: [
        *_SHAPES(rng),
        *_with(_SHAPES, {"rtol": None})(rng),
        *_with(matrices(_spectrum(3, 4, 2)), {"rcond": np.array([1e-12, 1e-13])})(rng),
        *_with(matrices(positive(3), positive(2, 2)), {"hermitian": True})(rng),
    ],
)
def _pinv(a, rcond=None, hermitian=False, *, rtol=np._NoValue):
    if rcond is not None and rtol is not np._NoValue:
        raise ValueError("`rtol` and `rcond` can't be both set.")
    if rcond is None:
        rcond = 1e-15 if rtol is np._NoValue else rtol
    if rcond is None:
        rcond = max(np.shape(a)[-2:]) * np.finfo(a.dtype).eps
    if hermitian:  # NumPy reads one triangle and takes it for both
        lower = np.tril(a)
        a = lower + mT(np.tril(lower, -1))
    return pinv(a, rcond=rcond, hermitian=bool(hermitian))


def _push_lstsq_matrix(da, y, a, b, rcond):
    inverse = np.linalg.pinv(a, rcond)
    spread = mT(da) @ (mT(inverse) @ y)
    dy = inverse @ (mT(inverse) @ (mT(da) @ (b - a @ y)) - da @ y)
    return dy + spread - inverse @ (a @ spread)


def _lstsq_batch(op, args, flags, keywords, k):
    a, b = args
    if flags[0]:  # NumPy has no stacks of least-squares problems
        return last(np.linalg.pinv(first(a), keywords["rcond"]) @ (first(b) if flags[1] else b))
    y = op.call(a, np.reshape(b, (b.shape[0], b.shape[1] * k)), **keywords)
    return np.reshape(y, (a.shape[1], b.shape[1], k))


lstsq = general(
    lambda a, b, rcond: np.linalg.lstsq(a, b, rcond)[0],
    _push_lstsq_matrix,
    lambda db, y, a, b, rcond: np.linalg.pinv(a, rcond) @ db,
    name="least squares",
    batch=_lstsq_batch,
    cost=lambda y, a, b, rcond: 22 * np.size(a) * np.shape(a)[-1],
    examples=lambda rng: [
        ((draw(rng), rng.normal(size=(m, 2))), {"rcond": 1e-12})
        for m, draw in ((4, _spectrum(4, 2)), (2, _spectrum(2, 3)), (3, _spectrum(3, 3)))
    ],
)


@composite(
    np.linalg.lstsq,
    examples=lambda rng: [
        ((_spectrum(4, 2)(rng), rng.normal(size=4)), {}),
        ((_spectrum(4, 2)(rng), rng.normal(size=(4, 3))), {"rcond": 1e-12}),
        ((_spectrum(2, 3)(rng), rng.normal(size=(2, 2))), {"rcond": -1}),
    ],
)
def _lstsq(a, b, rcond=None):
    a, b = as_array(a), as_array(b)
    if np.ndim(a) != 2:
        raise np.linalg.LinAlgError(f"lstsq takes one matrix, not an array of {np.ndim(a)} dimensions")
    m, n = np.shape(a)
    if rcond is None:
        rcond = np.finfo(float).eps * max(m, n)  # of the double precision that NumPy computes in
    columns = b[:, None] if np.ndim(b) == 1 else b
    x = lstsq(a, columns, rcond=rcond)
    rank = np.linalg.lstsq(primal(a), primal(b), rcond)[2]
    residuals = np.sum(np.square(columns - a @ x), axis=0) if rank == n and m > n else np.zeros(0, x.dtype)
    return x[:, 0] if np.ndim(b) == 1 else x, residuals, rank, np.linalg.svdvals(a)


# eigenvalues of general matrices
def _real(y, values, name):
    if values.dtype.kind == "c":
        raise error(
            DtypeError,
            f"np.linalg.{name} found complex eigenvalues: dualad differentiates real values",
            "np.linalg.eigh and eigvalsh for symmetric matrices, whose eigenvalues are real",
        )
    return y


def _eigenframe(v):
    """The inverse of a matrix of eigenvectors; defective matrices have none, and no derivative."""
    inverse = np.linalg.inv(v)
    size = np.linalg.norm(primal(v), 1, (-2, -1)) * np.linalg.norm(primal(inverse), 1, (-2, -1))
    if not np.all(size * v.shape[-1] * 10 * np.finfo(v.dtype).eps < 1):
        raise np.linalg.LinAlgError("eig has no derivative where the matrix has too few eigenvectors")
    return inverse


def _push_eig(da, y, a):
    w, v = y
    inner = _eigenframe(v) @ da @ v
    gap = w[..., None, :] - w[..., :, None]
    dv = v @ by_columns(inner, reciprocal(gap, rounding(w, a.shape)[..., None]))
    # Vectors keep their length 1.
    return np.diagonal(inner, 0, -2, -1), dv - v * np.sum(v * dv, axis=-2, keepdims=True)


def _eig_real(a):
    y = np.linalg.eig(a)
    return _real(y, y[0], "eig")


_REAL = matrices(_real_eigenvalues(3), _real_eigenvalues(2, 3))
eig = general(_eig_real, _push_eig, name="eig", batch=leading, cost=cube(25), examples=_REAL)


@composite(np.linalg.eig, examples=_REAL)
def _eig(a):
    return eig(a)


def _push_eigvals(da, y, a):
    # With vectors LAPACK may find the values in another order.
    w, v = np.linalg.eig(a)
    order = np.argsort(np.argsort(primal(y), axis=-1), axis=-1)
    order = np.take_along_axis(np.argsort(primal(w), axis=-1), order, axis=-1)
    v = np.take_along_axis(v, np.broadcast_to(order[..., None, :], v.shape), axis=-1)
    return np.diagonal(_eigenframe(v) @ da @ v, 0, -2, -1)


def _eigvals_real(a):
    y = np.linalg.eigvals(a)
    return _real(y, y, "eigvals")


eigvals = general(_eigvals_real, _push_eigvals, name="eigvals", batch=leading, cost=cube(10), examples=_REAL)


@composite(np.linalg.eigvals, examples=_REAL)
def _eigvals(a):
    return eigvals(a)


# condition numbers
@composite(
    np.linalg.cond,
    examples=lambda rng: [
        *_SHAPES(rng),
        *[((square(3)(rng),), {"p": p}) for p in (2, -2, 1, -1, np.inf, "fro", "nuc")],
        ((square(2, 3)(rng),), {"p": 1}),
    ],
)
def _cond(x, p=None):
    if 0 in np.shape(x)[-2:]:
        raise np.linalg.LinAlgError("cond is not defined on empty arrays")
    if p is None or p in (2, -2):
        s = np.linalg.svdvals(x)
        large, small = np.max(s, axis=-1), np.min(s, axis=-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return small / large if p == -2 else large / small
    return np.linalg.norm(x, p, axis=(-2, -1)) * np.linalg.norm(np.linalg.inv(x), p, axis=(-2, -1))
