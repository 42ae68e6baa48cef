"""np.linalg: pushforwards as textbooks have them; the pullbacks are derived (Giles 2008 has most of both)."""

import math

import numpy as np

from ..op import Op, composite, general, is_complex, multilinear, primal
from .batching import leading
from .contract import conjugated, mH, mT
from .examples import arrays
from .reduce import every, kept, nth_root, root, squared_modulus
from .shape import as_array


def square(n, *stack):
    """Well-conditioned matrices that are not symmetric."""
    return lambda rng: 3.0 * np.eye(n) + rng.uniform(-1.0, 1.0, (*stack, n, n))


def positive(n, *stack, complex=False):
    """Symmetric, or Hermitian, matrices with positive eigenvalues."""

    def draw(rng):
        a = rng.uniform(-1.0, 1.0, (*stack, n, n))
        a = a + 1j * rng.uniform(-1.0, 1.0, a.shape) if complex else a
        return a @ mH(a) + n * np.eye(n)

    return draw


def matrices(*draws):
    """Examples of one argument, from functions that draw a matrix or a stack of them."""
    return lambda rng: [((draw(rng),), {}) for draw in draws]


def complex_square(n):
    """A well-conditioned complex matrix."""
    return lambda rng: square(n)(rng) + 1j * rng.uniform(-1.0, 1.0, (n, n))


_SQUARE = matrices(square(3), square(2, 4))
_POSITIVE = matrices(positive(3), positive(2, 4))
_HERMITIAN = matrices(positive(3, complex=True), positive(2, 4, complex=True))


def cube(factor):
    """Operations of a factorisation or solve of n×n matrices: `factor` n³ for each matrix of the stack."""
    return lambda y, a, *rest, **keywords: int(factor * np.size(a) * np.shape(a)[-1])


inv = general(
    np.linalg.inv,
    lambda dx, y, a: -(y @ dx @ y),
    complex=True,
    batch=leading,
    cost=cube(2),
    examples=_SQUARE,
)
# Right-hand sides are matrices here; a vector becomes one below.
solve = general(
    np.linalg.solve,
    lambda da, y, a, b: -np.linalg.solve(a, da @ y),
    lambda db, y, a, b: np.linalg.solve(a, db),
    name="solve for a matrix",
    complex=True,
    pulls=(
        lambda g, y, a, b: -(np.linalg.solve(mT(a), g) @ mT(y)),
        lambda g, y, a, b: np.linalg.solve(mT(a), g),
    ),
    batch=leading,
    cost=cube(2 / 3),
    examples=lambda rng: [
        ((square(3)(rng), rng.normal(size=(3, 2))), {}),
        ((square(2, 4)(rng), rng.normal(size=(4, 2, 1))), {}),
    ],
)


@composite(
    np.linalg.solve,
    examples=lambda rng: [((square(3)(rng), rng.normal(size=s)), {}) for s in ((3,), (3, 2))],
)
def _solve(a, b):
    a, b = as_array(a), as_array(b)
    return solve(a, b[:, None])[..., 0] if np.ndim(b) == 1 else solve(a, b)


@composite(
    np.linalg.tensorsolve,
    examples=lambda rng: [
        ((square(6)(rng).reshape(2, 3, 6), rng.normal(size=(2, 3))), {}),
        ((np.moveaxis(square(6)(rng).reshape(2, 3, 6), 2, 0), rng.normal(size=(2, 3))), {"axes": (0,)}),
    ],
)
def _tensorsolve(a, b, axes=None):
    a, b = as_array(a), as_array(b)
    order = list(range(np.ndim(a)))
    for k in axes or ():
        order.remove(k)
        order.append(k)
    a = np.transpose(a, order)
    shape = np.shape(a)[np.ndim(b) :]
    n = math.prod(shape)
    if np.size(a) != n**2:
        raise np.linalg.LinAlgError("tensorsolve needs prod(a.shape[:b.ndim]) == prod(a.shape[b.ndim:])")
    return np.reshape(np.linalg.solve(np.reshape(a, (n, n)), np.ravel(b)), shape)


@composite(
    np.linalg.tensorinv,
    examples=lambda rng: [
        ((square(4)(rng).reshape(2, 2, 4),), {}),
        ((square(6)(rng).reshape(6, 3, 2),), {"ind": 1}),
    ],
)
def _tensorinv(a, ind=2):
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    left, right = np.shape(a)[:ind], np.shape(a)[ind:]
    return np.reshape(np.linalg.inv(np.reshape(a, (math.prod(left), math.prod(right)))), right + left)


def _cofactors(a):
    """The transposed adjugate from the singular values: right for singular matrices too."""
    u, s, vt = np.linalg.svd(a)
    n = s.shape[-1]
    others = np.stack([np.prod(np.delete(s, k, axis=-1), axis=-1) for k in range(n)], axis=-1)
    sign = np.linalg.det(u) * np.linalg.det(vt)
    return sign[..., None, None] * np.conj((u * others[..., None, :]) @ vt)


def _minors(a):
    """The cofactor matrix written out in determinants, so that it can itself be differentiated, exactly."""
    n = a.shape[-1]
    keep = [np.array([k for k in range(n) if k != i], dtype=int) for i in range(n)]
    rows = [
        np.stack(
            [(-1.0) ** (i + j) * np.linalg.det(a[..., keep[i][:, None], keep[j][None, :]]) for j in range(n)],
            -1,
        )
        for i in range(n)
    ]
    return np.stack(rows, -2)


def _push_det(da, y, a):
    # The cofactor matrix is y inv(a)ᵀ where `a` is regular. Where it is not, it comes from the singular
    # values, or, when it will be differentiated again, from the minors.
    if np.size(a) == 0 or np.all(np.linalg.cond(primal(a)) < np.finfo(a.dtype).eps ** -0.5):
        cofactors = np.reshape(y, (*np.shape(y), 1, 1)) * mT(np.linalg.inv(a))
    else:
        cofactors = _cofactors(a) if isinstance(a, np.ndarray) else _minors(a)
    return np.sum(cofactors * da, axis=(-2, -1))


det = general(np.linalg.det, _push_det, complex=True, batch=leading, cost=cube(2 / 3), examples=_SQUARE)


def _push_slogdet(da, y, a):
    trace = np.sum(mT(np.linalg.inv(a)) * da, axis=(-2, -1))
    if is_complex(a):  # the sign is a phase, and turns
        return 1j * np.imag(trace) * y[0], np.real(trace)
    return 0.0 * trace, trace


slogdet = general(
    np.linalg.slogdet,
    _push_slogdet,
    complex=True,
    batch=leading,
    cost=cube(2 / 3),
    examples=lambda rng: [*_SQUARE(rng), *matrices(complex_square(3))(rng)],
)


def mirrored(da, upper=False):
    """The symmetric or Hermitian matrix of which NumPy reads one triangle."""
    half = np.triu(da) if upper else np.tril(da)
    diagonal = np.real(half) * np.eye(np.shape(da)[-1], dtype=np.finfo(da.dtype).dtype)
    return half + mH(half) - diagonal


def _lower_half(m):
    """Lower triangle with half the diagonal: how a Cholesky factor moves, seen from its own frame."""
    n = np.shape(m)[-1]
    return m * (np.tri(n, k=-1) + 0.5 * np.eye(n)).astype(m.dtype)


def _push_cholesky(da, y, a, upper=False):
    # NumPy reads one triangle and takes it for both: so does its derivative.
    lower = mH(y) if upper else y
    whole = mirrored(da, upper)
    inner = mH(np.linalg.solve(lower, mH(np.linalg.solve(lower, whole))))
    moved = lower @ _lower_half(inner)
    return mH(moved) if upper else moved


cholesky = general(
    lambda a, upper: np.linalg.cholesky(a, upper=upper) if upper else np.linalg.cholesky(a),
    _push_cholesky,
    name="cholesky",
    complex=True,
    batch=leading,
    cost=cube(1 / 3),
    examples=lambda rng: [
        ((positive(3)(rng),), {"upper": False}),
        ((positive(2, 4)(rng),), {"upper": False}),
    ],
)


@composite(
    np.linalg.cholesky,
    examples=lambda rng: [
        *_POSITIVE(rng),
        *_HERMITIAN(rng),
        ((positive(3, complex=True)(rng),), {"upper": True}),
    ],
)
def _cholesky(a, /, *, upper=False):
    return cholesky(a, upper=upper)


def rounding(w, shape):
    """The error that rounding is expected to make in eigenvalues or singular values of matrices."""
    largest = np.max(np.abs(primal(w)), axis=-1, keepdims=True, initial=0.0)
    return max(shape[-2:]) * np.finfo(w.dtype).eps * largest


def reciprocal(gap, tolerance):
    """1 / gap off the diagonal and 0 on it; equal values leave vectors undetermined: NaN, never a finite guess."""
    same = np.eye(gap.shape[-1], dtype=bool)
    lost = np.abs(primal(gap)) <= 8 * tolerance
    return np.where(same, 0.0, 1 / np.where(same, 1.0, np.where(lost, np.nan, gap)))


def _by_columns(x, r):
    return np.where(np.any(x != 0, axis=-2, keepdims=True), x * r, 0.0)


# x * r, except that a column of zeros stays one beside NaN. In the reverse sweep such a column belongs to a
# vector that nothing depends on: that it is undetermined does not matter to those that are used.
by_columns: Op = multilinear(
    _by_columns,
    lambda g, x, r: by_columns(g, r),
    lambda g, x, r: g * x,
    name="product by columns",
    dispatches=False,
    batch=leading,
    examples=arrays(((3, 3), (3, 3)), ((2, 4, 3), (2, 1, 3))),
)


def _push_eigh(da, y, a, UPLO):
    w, v = y
    whole = mirrored(da, UPLO == "U")
    moved = mH(v) @ whole @ v
    gap = w[..., None, :] - w[..., :, None]
    turn = by_columns(moved, reciprocal(gap, rounding(w, a.shape)[..., None]))
    return np.real(np.diagonal(moved, 0, -2, -1)), v @ turn


eigh = general(
    np.linalg.eigh,
    _push_eigh,
    name="eigh",
    batch=leading,
    cost=cube(9),
    examples=lambda rng: [((positive(3)(rng),), {"UPLO": "L"}), ((positive(2, 4)(rng),), {"UPLO": "U"})],
)


# The same with vectors whose phases are nobody's concern, for the eigenvalues' own derivatives. It is no
# function of its own, and so in no table.
hermitian_frame = Op("general", np.linalg.eigh, (_push_eigh,), complex=True, batch=leading, cost=cube(9))


@composite(np.linalg.eigh, examples=lambda rng: [*_POSITIVE(rng), ((positive(3)(rng),), {"UPLO": "U"})])
def _eigh(a, UPLO="L"):
    return eigh(a, UPLO=UPLO.upper())


@composite(
    np.linalg.eigvalsh,
    examples=lambda rng: [
        *_POSITIVE(rng),
        *_HERMITIAN(rng),
        ((positive(3, complex=True)(rng),), {"UPLO": "U"}),
    ],
)
def _eigvalsh(a, UPLO="L"):
    return eigvalsh(a, UPLO=UPLO.upper())


def _push_eigvalsh(da, y, a, UPLO):
    # Values alone: finite at repeated ones, where the vectors are not.
    v = hermitian_frame(a, UPLO=UPLO)[1]
    whole = mirrored(da, UPLO == "U")
    return np.real(np.sum(conjugated(v) * (whole @ v), axis=-2))


eigvalsh = general(
    np.linalg.eigvalsh,
    _push_eigvalsh,
    name="eigvalsh",
    complex=True,
    batch=leading,
    cost=cube(9),
    examples=lambda rng: [((positive(3)(rng),), {"UPLO": "L"})],
)


# norms, each a kink at 0, where the derivative is 0 by convention
def _vector_norm(x, order, axis, keepdims):
    if order in (None, 2):
        return root(np.sum(squared_modulus(x), axis=axis, keepdims=keepdims))
    if order in (np.inf, -np.inf):
        return (np.max if order > 0 else np.min)(np.abs(x), axis=axis, keepdims=keepdims)
    if order == 1:
        return np.sum(np.abs(x), axis=axis, keepdims=keepdims)
    if order == 0:
        return np.sum(primal(x) != 0, axis=axis, keepdims=keepdims).astype(np.real(x).dtype)
    return nth_root(np.sum(np.abs(x) ** order, axis=axis, keepdims=keepdims), order)


_NORMS = arrays(
    ((4,),),
    ((4,), {"ord": 1}),
    ((4,), {"ord": np.inf}),
    ((4,), {"ord": 3}),
    ((2, 3),),
    ((2, 3), {"ord": "fro"}),
    ((2, 3), {"ord": 1}),
    ((2, 3), {"ord": np.inf}),
    ((2, 3), {"axis": 1}),
    ((2, 3, 2), {"axis": (0, 2), "keepdims": True}),
    ((2, 3), {"ord": 2}),
    ((3, 2), {"ord": -2}),
    ((3, 3), {"ord": "nuc"}),
    ((2, 3, 2), {"ord": 2, "axis": (2, 0), "keepdims": True}),
)


@composite(np.linalg.norm, examples=_NORMS)
def _norm(x, ord=None, axis=None, keepdims=False):
    n = np.ndim(x)
    if axis is None and (ord is None or (ord in ("fro", 2) and n == 1)):
        return _vector_norm(x, None, every(None, n), keepdims)
    axes = every(axis, n)
    if len(axes) == 1 and not isinstance(ord, str):
        return _vector_norm(x, ord, axes, keepdims)
    if len(axes) != 2:
        raise ValueError("Improper number of dimensions to norm.")
    if ord in (None, "fro"):
        return _vector_norm(x, None, axes, keepdims)
    if ord in (1, -1, np.inf, -np.inf):
        inner, outer = axes if ord in (1, -1) else axes[::-1]
        sums = np.sum(np.abs(x), axis=inner)
        y = (np.max if ord > 0 else np.min)(sums, axis=outer - (outer > inner))
        return np.reshape(y, kept(np.shape(x), axes)) if keepdims else y
    if ord in (2, -2, "nuc"):
        s = np.linalg.svdvals(np.moveaxis(x, axes, (-2, -1)))
        y = (np.sum if ord == "nuc" else np.max if ord > 0 else np.min)(s, axis=-1)
        return np.reshape(y, kept(np.shape(x), axes)) if keepdims else y
    raise ValueError("Invalid norm order for matrices.")


@composite(
    np.linalg.vector_norm,
    examples=arrays(((4,),), ((2, 3), {"ord": 3}), ((2, 3), {"axis": 0, "ord": np.inf, "keepdims": True})),
)
def _norm_of_vectors(x, /, *, axis=None, keepdims=False, ord=2):
    return _vector_norm(x, ord, every(axis, np.ndim(x)), keepdims)


@composite(np.linalg.matrix_norm, examples=arrays(((2, 3),), ((4, 2, 3), {"ord": 1, "keepdims": True})))
def _norm_of_matrices(x, /, *, keepdims=False, ord="fro"):
    return _norm(x, ord, (-2, -1), keepdims)


@composite(
    np.linalg.matrix_power,
    examples=lambda rng: [
        *[((square(3)(rng), n), {}) for n in (-3, -2, -1, 0, 1, 2, 3)],
        ((square(2, 2)(rng), 2), {}),
        ((square(2, 2)(rng), -2), {}),
    ],
)
def _matrix_power(a, n):
    if n < 0:
        return _matrix_power(np.linalg.inv(a), -n)
    if n == 0:
        return np.broadcast_to(np.eye(np.shape(a)[-1], dtype=a.dtype), np.shape(a))
    half = _matrix_power(a, n // 2) if n > 1 else None
    return a if n == 1 else half @ half @ a if n % 2 else half @ half
