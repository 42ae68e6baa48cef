"""Matrix functions and solves of `scipy.linalg`; imported by their twins, in `dualad/scipy/linalg.py`.

Two of the ops are linear in an argument, and their adjoints in it are themselves with transposed matrices: the
Fréchet derivative of the exponential and the solution of Sylvester's equation. The others lead to these.
"""

import math

import numpy as np
from scipy import linalg

from ..errors import DtypeError, error
from ..op import Op, general, primal
from .batching import leading
from .contract import mT
from .linalg import cube, matrices, square


def _lapack(fn, name):
    """`fn` where LAPACK has the precision, and where its result is real for a real matrix."""

    def compute(a, *rest, **keywords):
        refuse_extended(name, a, *rest)
        y = fn(a, *rest, **keywords)
        if np.iscomplexobj(y) and not np.iscomplexobj(a):
            raise error(
                DtypeError,
                f"{name} of this matrix is complex (it has eigenvalues on the negative real axis): "
                "dualad differentiates its real values",
                "matrices without such eigenvalues, or dualad.primal(a) if the derivative is not wanted",
            )
        return y

    return compute


def refuse_extended(name, *arrays):
    """An error for extended precision, which LAPACK does not have."""
    if any(np.finfo(a.dtype).eps < np.finfo(float).eps for a in arrays):
        raise error(DtypeError, f"{name} has no extended precision", "a.astype(float)")


def _each(fn):
    """A function of one matrix, applied to the matrices of a stack."""

    def compute(a):
        if a.ndim == 2:
            return fn(a)
        y = [fn(a[i]) for i in np.ndindex(a.shape[:-2])]
        return np.stack(y).reshape(a.shape) if y else np.empty_like(a)

    return compute


# The stack of the matrices comes last, so that each is factorised once for all right-hand sides or directions.
def _stacks(rhs, *matrices):
    """Leading axes that only `rhs` has, the stack of the matrices, and all of them broadcast."""
    full = np.broadcast_shapes(rhs.shape[:-2], *[a.shape[:-2] for a in matrices])
    rank = max(a.ndim for a in matrices) - 2
    lead, stack = full[: len(full) - rank], full[len(full) - rank :]
    return (
        lead,
        stack,
        np.broadcast_to(rhs, full + rhs.shape[-2:]),
        *[np.broadcast_to(a, stack + a.shape[-2:]) for a in matrices],
    )


# The exponential
def _corner(m, i, j):
    """`m` as block (i, j) of a matrix of 2 × 2 blocks, zeros elsewhere."""
    n = np.shape(m)[-1]
    return np.pad(m, [(0, 0)] * (np.ndim(m) - 2) + [(i * n, n - i * n), (j * n, n - j * n)])


def _blocks(a, e):
    """[[a, e], [0, a]]: its function is [[f(a), L(a, e)], [0, f(a)]], L being the Fréchet derivative of f."""
    return _corner(a, 0, 0) + _corner(a, 1, 1) + _corner(e, 0, 1)


def _upper_right(m):
    n = np.shape(m)[-1] // 2
    return m[..., :n, n:]


# Coefficients of the numerator of the (13, 13) Padé approximant of exp; the 1-norm up to which it is exact to
# rounding for the derivative too (Al-Mohy and Higham 2009, table 6.1)
_PADE = [
    math.factorial(26 - j)
    * math.factorial(13)
    / (math.factorial(26) * math.factorial(13 - j) * math.factorial(j))
    for j in range(14)
]
_REACH = 4.74


def _moved(a, e):
    refuse_extended("scipy.linalg.expm", a, e)
    _, stack, e, a = _stacks(e, a)
    moved = np.empty(e.shape, np.result_type(a, e))
    for i in np.ndindex(stack if moved.size else (0,)):
        place = (..., *i, slice(None), slice(None))
        moved[place] = _moved_one(a[i], e[place])
    return moved


def _moved_one(a, e):
    """Each line and its derivative, for one matrix and all directions: scaling, approximation, squaring."""
    norm = np.linalg.norm(a, 1)
    if not np.isfinite(norm):
        return np.full_like(e, np.nan)
    squarings = max(0, math.ceil(math.log2(norm / _REACH))) if norm else 0
    a, e = a / 2.0**squarings, e / 2.0**squarings
    one, b = np.eye(len(a), dtype=a.dtype), _PADE
    a2, e2 = a @ a, a @ e + e @ a
    a4, e4 = a2 @ a2, a2 @ e2 + e2 @ a2
    a6, e6 = a4 @ a2, a4 @ e2 + e4 @ a2

    def polynomial(k):
        """b[k] + b[k + 2] a² + … + b[k + 12] a¹²."""
        high = b[k + 8] * a2 + b[k + 10] * a4 + b[k + 12] * a6
        high_moved = b[k + 8] * e2 + b[k + 10] * e4 + b[k + 12] * e6
        low = b[k] * one + b[k + 2] * a2 + b[k + 4] * a4 + b[k + 6] * a6
        low_moved = b[k + 2] * e2 + b[k + 4] * e4 + b[k + 6] * e6
        return a6 @ high + low, a6 @ high_moved + e6 @ high + low_moved

    (v, dv), (w, dw) = polynomial(0), polynomial(1)
    u, du = a @ w, a @ dw + e @ w
    inverse = np.linalg.inv(v - u)
    y = inverse @ (v + u)
    dy = inverse @ (du + dv + (du - dv) @ y)
    for _ in range(squarings):
        y, dy = y @ y, y @ dy + dy @ y
    return dy


def _push_moved(da, y, a, e):
    # The derivative of a block of exp(x) is that block of the derivative of exp(x). Linear in `e`, which is kept as
    # small as one: it would ask for more squarings of `a`.
    size = np.max(np.abs(primal(e)), initial=0.0)
    size = np.where((size > 0) & np.isfinite(size), size, 1.0)
    moved = expm_frechet(_blocks(a, e / size), _corner(da, 0, 0) + _corner(da, 1, 1))
    return size * _upper_right(moved)


# The algorithm: Al-Mohy and Higham 2009; its own derivative by the block identity: Najfeld and Havel 1995
expm_frechet: Op = general(
    _moved,
    _push_moved,
    lambda de, y, a, e: expm_frechet(a, de),
    name="Fréchet derivative of scipy.linalg.expm",
    pulls=(None, lambda g, y, a, e: expm_frechet(mT(a), g)),
    complex=True,
    dispatches=False,
    batch=leading,
    cost=cube(160),
    examples=lambda rng: [
        ((rng.uniform(-1.0, 1.0, (*s, 2, 2)), rng.normal(size=(*t, 2, 2))), {})
        for s, t in (((), ()), ((2,), (2,)), ((), (3,)))
    ],
)
expm: Op = general(
    _lapack(linalg.expm, "scipy.linalg.expm"),
    lambda da, y, a: expm_frechet(a, da),
    name="scipy.linalg.expm",
    pulls=(lambda g, y, a: expm_frechet(mT(a), g),),
    complex=True,
    dispatches=False,
    batch=leading,
    cost=cube(20),
    examples=lambda rng: [((rng.uniform(-1.0, 1.0, s),), {}) for s in ((3, 3), (2, 4, 4), (1, 1))],
)


# Solves
def _sylvester(a, b, q):
    refuse_extended("scipy.linalg.solve_sylvester", a, b, q)
    lead, stack, q, a, b = _stacks(q, a, b)
    m, n = a.shape[-1], b.shape[-1]
    if a.shape[-2] != m or b.shape[-2] != n or q.shape[-2:] != (m, n):
        raise ValueError(
            f"solve_sylvester: matrices of {a.shape[-2:]}, {b.shape[-2:]} and {q.shape[-2:]} do not fit"
        )
    x = np.empty(q.shape, np.result_type(a, b, q))
    if not x.size:
        return x
    for i in np.ndindex(stack):
        # Both in the type of the result: a complex solve takes the blocks of a real Schur form for triangles.
        (r, u), (s, v) = (linalg.schur(m.astype(x.dtype)) for m in (a[i], b[i].conj().T))
        wa, wb = np.linalg.eigvals(r), np.conj(np.linalg.eigvals(s))
        scale = np.max(np.abs(wa)) + np.max(np.abs(wb))
        if np.min(np.abs(wa[:, None] + wb)) <= max(m, n) * np.finfo(x.dtype).eps * scale:
            raise np.linalg.LinAlgError(
                "solve_sylvester: an eigenvalue of a is one of -b, to rounding: no unique solution"
            )
        f = u.conj().T @ q[(..., *i, slice(None), slice(None))] @ v
        (trsyl,) = linalg.get_lapack_funcs(("trsyl",), (r, s, f))
        for j in np.ndindex(lead):
            y, shrunk, _ = trsyl(r, s, f[j], tranb="C")
            x[(*j, *i)] = u @ (y / shrunk) @ v.conj().T
    return x


def _two_spectra(rng):
    return [
        ((square(3)(rng), square(2)(rng), rng.normal(size=(3, 2))), {}),
        ((square(2, 2)(rng), square(3, 2)(rng), rng.normal(size=(2, 2, 3))), {}),
    ]


# a x + x b = q: Bartels and Stewart 1972; its derivatives: Kao and Hennequin 2020
solve_sylvester: Op = general(
    _sylvester,
    lambda da, x, a, b, q: -solve_sylvester(a, b, da @ x),
    lambda db, x, a, b, q: -solve_sylvester(a, b, x @ db),
    lambda dq, x, a, b, q: solve_sylvester(a, b, dq),
    name="scipy.linalg.solve_sylvester",
    pulls=(
        lambda g, x, a, b, q: -(solve_sylvester(mT(a), mT(b), g) @ mT(x)),
        lambda g, x, a, b, q: -(mT(x) @ solve_sylvester(mT(a), mT(b), g)),
        lambda g, x, a, b, q: solve_sylvester(mT(a), mT(b), g),
    ),
    complex=True,
    dispatches=False,
    batch=leading,
    cost=cube(60),
    examples=_two_spectra,
)


def _solve_triangular(a, b, lower, trans, unit_diagonal):
    refuse_extended("scipy.linalg.solve_triangular", a, b)
    n, columns = b.shape[-2:]
    if a.shape[-2:] != (n, n):
        raise ValueError(f"solve_triangular: shapes of a {a.shape} and b {b.shape} are incompatible")
    lead, stack, b, a = _stacks(b, a)
    x = np.empty(b.shape, np.result_type(a, b))
    if not x.size:
        return x
    for i in np.ndindex(stack):
        place = (..., *i, slice(None), slice(None))
        right = np.moveaxis(b[place], -2, 0).reshape(n, -1)  # all right-hand sides side by side
        y = linalg.solve_triangular(a[i], right, trans, lower, unit_diagonal, check_finite=False)
        x[place] = np.moveaxis(y.reshape(n, *lead, columns), 0, -2)
    return x


def _read(m, lower, unit_diagonal):
    """The part of a matrix that a triangular solve reads."""
    return np.tril(m, -1 if unit_diagonal else 0) if lower else np.triu(m, 1 if unit_diagonal else 0)


def _flipped(g, a, *, lower, trans, unit_diagonal):
    return solve_triangular(a, g, lower=lower, trans=1 - trans, unit_diagonal=unit_diagonal)


def _push_triangular(da, x, a, b, lower, trans, unit_diagonal):
    part = _read(da, lower, unit_diagonal)
    part = mT(part) if trans else part
    return -solve_triangular(a, part @ x, lower=lower, trans=trans, unit_diagonal=unit_diagonal)


def _pull_triangular(g, x, a, b, lower, trans, unit_diagonal):
    w = _flipped(g, a, lower=lower, trans=trans, unit_diagonal=unit_diagonal)
    return -_read(x @ mT(w) if trans else w @ mT(x), lower, unit_diagonal)


def _triangles(rng):
    cases = []
    for lower, trans, unit_diagonal in (
        (True, 0, False),
        (False, 1, False),
        (True, 1, True),
        (False, 0, True),
    ):
        for s, t in (((3, 3), (3, 2)), ((3, 2, 2), (3, 2, 1))):
            a = 3.0 * np.eye(s[-1]) + rng.uniform(-1.0, 1.0, s)
            keywords = {"lower": lower, "trans": trans, "unit_diagonal": unit_diagonal}
            cases.append(((a, rng.normal(size=t)), keywords))
    return cases


# Giles 2008: a solve whose matrix moves in its triangle only. `trans` is 0 or 1 here, right-hand sides matrices.
solve_triangular: Op = general(
    _solve_triangular,
    _push_triangular,
    lambda db, x, a, b, **keywords: solve_triangular(a, db, **keywords),
    name="scipy.linalg.solve_triangular",
    pulls=(_pull_triangular, lambda g, x, a, b, **keywords: _flipped(g, a, **keywords)),
    complex=True,
    dispatches=False,
    batch=leading,
    cost=cube(1),
    examples=_triangles,
)


def _push_lu(da, y, a, known):
    """The two triangles of L⁻¹ da U⁻¹, back by L and by U: de Hoog, Anderssen and Lukas 2011."""
    moved = solve_triangular(y, da, lower=True, trans=0, unit_diagonal=True)
    moved = mT(solve_triangular(y, mT(moved), lower=False, trans=1, unit_diagonal=False))
    lower = np.tril(y, -1) + np.eye(y.shape[-1])
    return lower @ np.tril(moved, -1) + np.triu(moved) @ np.triu(y)


# L and U in one matrix, as LAPACK has them, of one whose rows are in the order of pivoting: they are known already.
lu = Op(
    "general",
    lambda a, known: known.copy(),
    (_push_lu,),
    name="scipy.linalg.lu_factor",
    complex=True,
    dispatches=False,
    cost=cube(2 / 3),
)


# Root and logarithm
def _refuse_singular(w, name):
    """An error where an eigenvalue is 0 up to rounding: the derivative is infinite there."""
    size = np.abs(w)
    eps = np.finfo(w.dtype).eps
    if np.any(np.min(size, axis=-1) <= size.shape[-1] * eps * np.max(size, axis=-1)):
        raise np.linalg.LinAlgError(f"{name} has no derivative at a singular matrix")


def _push_sqrtm(da, y, a):
    if np.size(y):
        _refuse_singular(np.square(np.linalg.eigvals(primal(y))), "sqrtm")
    return solve_sylvester(y, y, da)


# y y = a, so that dy y + y dy = da: Higham 2008, section 6.1
sqrtm: Op = general(
    _lapack(_each(linalg.sqrtm), "scipy.linalg.sqrtm"),
    _push_sqrtm,
    name="scipy.linalg.sqrtm",
    complex=True,
    dispatches=False,
    batch=leading,
    cost=cube(30),
    examples=matrices(square(3), square(2, 4), square(1)),
)

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)


def _push_logm(da, y, a):
    """Inverse scaling and squaring, as the logarithm itself is computed: Kenney and Laub 1989.

    log(a) = 2 log(√a), whose derivative solves Sylvester's equation. Near 1 the derivative of the logarithm is
    the integral from 0 to 1 of r(t) da r(t) with r(t) = 1 / (1 + t (a - 1)) (Dieci, Morini and Papini 1996), here by
    Gauss's rule, which is exact to rounding for that distance.
    """
    if not np.size(y):
        return da
    a, one, scale = a.astype(y.dtype), np.eye(y.shape[-1]), 1.0
    _refuse_singular(np.linalg.eigvals(primal(a)), "logm")
    while np.max(np.sum(np.abs(primal(a) - one), axis=-1)) > 0.25:
        a, scale = sqrtm(a), 2 * scale
        da = solve_sylvester(a, a, da)
    total = 0.0
    for node, weight in zip(_NODES, _WEIGHTS):
        t = 0.5 + 0.5 * node
        r = np.linalg.inv(one + t * (a - one))
        total = total + (0.5 * weight * scale) * (r @ da @ r)
    return total


# SciPy computes it in double precision from any, less accurately from single.
logm: Op = general(
    _lapack(_each(lambda a: linalg.logm(a.astype(np.result_type(a, float)))), "scipy.linalg.logm"),
    _push_logm,
    name="scipy.linalg.logm",
    complex=True,
    dispatches=False,
    batch=leading,
    cost=cube(100),
    examples=matrices(square(3), square(2, 4), square(1)),
)
