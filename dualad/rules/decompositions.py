"""np.linalg: orthogonal factors, singular values, pseudo-inverses, condition numbers.

Pushforwards after Townsend (2016) for svd, Walter and Lehmann (2010) for qr, Golub and Pereyra (1973) for
pinv. What a matrix leaves undetermined (the vectors of equal singular values, phases) is NaN, or an error.
"""

import numpy as np

from ..errors import KeywordError, error
from ..op import Op, composite, general, is_complex, plain, plainly, primal
from .batching import first, last, leading
from .contract import conjugated, mH, mT
from .linalg import by_columns, cube, matrices, mirrored, positive, reciprocal, rounding, square
from .reduce import squared_modulus
from .shape import as_array

plain(np.linalg.matrix_rank)


def _spectrum(m, n, *stack, rank=None):
    """Matrices with singular values near 1, 2, 3, …; of a given rank: the first of them only."""

    def draw(rng):
        k = min(m, n) if rank is None else rank
        u, v = (np.linalg.qr(rng.normal(size=(*stack, size, k)))[0] for size in (m, n))
        return (u * (np.arange(1.0, k + 1) + 0.3 * rng.uniform(size=(*stack, k)))[..., None, :]) @ mT(v)

    return draw


def _complex_spectrum(m, n):
    """Such a matrix, with complex vectors."""

    def draw(rng):
        u, v = (np.linalg.qr(rng.normal(size=(k, k)) + 1j * rng.normal(size=(k, k)))[0] for k in (m, n))
        return u @ _spectrum(m, n)(rng) @ v

    return draw


_SHAPES = matrices(_spectrum(4, 2), _spectrum(2, 3), _spectrum(3, 3), _spectrum(3, 2, 2))
_COMPLEX = matrices(_complex_spectrum(4, 2), _complex_spectrum(2, 3), _complex_spectrum(3, 3))


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
    right = da @ mH(vt)
    inner = mH(u) @ right
    # 1 / s where that is known: a zero singular value does not determine its vectors.
    scale = 1 / np.where(primal(s) > rounding(s, a.shape), s, np.nan)[..., None, :]
    tolerance = rounding(s, a.shape)[..., None]
    apart = reciprocal(s[..., None, :] - s[..., :, None], tolerance)
    joint = reciprocal(s[..., None, :] + s[..., :, None], tolerance)
    if is_complex(a):  # phases, which left and right vectors share
        joint = np.where(np.eye(s.shape[-1], dtype=bool), 0.5 * scale, joint)
    even, odd = by_columns(0.5 * (inner + mH(inner)), apart), by_columns(0.5 * (inner - mH(inner)), joint)
    du, dv = u @ (even + odd), mH(vt) @ (even - odd)
    # The part of the longer vectors that leaves their span
    if m > n:
        du = du + by_columns(right - u @ inner, scale)
    elif m < n:
        left = mH(da) @ u
        dv = dv + by_columns(left - mH(vt) @ mH(inner), scale)
    return du, np.real(np.diagonal(inner, 0, -2, -1)) * _signs(s, a.shape), mH(dv)


svd = general(
    lambda a: np.linalg.svd(a, full_matrices=False),
    _push_svd,
    name="svd",
    batch=leading,
    cost=cube(20),
    examples=_SHAPES,
)


# The same with vectors whose phases are nobody's concern, for the singular values' own derivatives. It is no
# function of its own, and so in no table.
singular_frames = Op("general", svd.fn, (_push_svd,), name="svd", complex=True, batch=leading, cost=cube(20))


def _push_svdvals(da, y, a):
    # Values alone: finite at repeated ones, where the vectors are not.
    u, _, vt = singular_frames(a)
    return np.real(np.sum(conjugated(u) * (da @ mH(vt)), axis=-2)) * _signs(y, a.shape)


svdvals = general(
    np.linalg.svdvals,
    _push_svdvals,
    complex=True,
    batch=leading,
    cost=cube(3),
    examples=lambda rng: [*_SHAPES(rng), *_COMPLEX(rng)],
)


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
    spread = mH(da) - mH(da) @ (a @ y)
    dy = dy + y @ (mH(y) @ spread)
    spread = mH(da) - y @ (a @ mH(da))
    return dy + (spread @ mH(y)) @ y


pinv = general(
    lambda a, rcond, hermitian: np.linalg.pinv(a, rcond, hermitian),
    _push_pinv,
    name="pinv",
    complex=True,
    batch=leading,
    cost=cube(22),
    examples=_with(lambda rng: [*_SHAPES(rng), *_COMPLEX(rng)], {"rcond": 1e-15, "hermitian": False}),
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
        a = mirrored(a)
    return pinv(a, rcond=rcond, hermitian=bool(hermitian))


def _push_lstsq_matrix(da, y, a, b, rcond):
    inverse = np.linalg.pinv(a, rcond)
    spread = mH(da) @ (mH(inverse) @ y)
    dy = inverse @ (mH(inverse) @ (mH(da) @ (b - a @ y)) - da @ y)
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
    complex=True,
    batch=_lstsq_batch,
    cost=lambda y, a, b, rcond: 22 * np.size(a) * np.shape(a)[-1],
    examples=lambda rng: [
        ((draw(rng), rng.normal(size=(m, 2))), {"rcond": 1e-12})
        for m, draw in ((4, _spectrum(4, 2)), (2, _spectrum(2, 3)), (3, _spectrum(3, 3)))
    ],
)


_rank = plainly(lambda a, b, rcond: np.linalg.lstsq(a, b, rcond)[2], "rank of least squares")


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
    rank = _rank(a, b, rcond)
    residuals = (
        np.sum(squared_modulus(columns - a @ x), axis=0)
        if rank == n and m > n
        else np.zeros(0, np.finfo(x.dtype).dtype)
    )
    return x[:, 0] if np.ndim(b) == 1 else x, residuals, rank, np.linalg.svdvals(a)


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
