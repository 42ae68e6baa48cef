"""Polynomials by their coefficients, and rows of numbers between two ends."""

import numpy as np

from ..errors import KeywordError, error
from ..op import composite, general, primal
from .calculus import convolution
from .examples import WIDER, arrays
from .shape import as_array, axis_index


# between two ends
def _between(start, stop, num, endpoint, last):
    """`num` values that begin with `start` on a first axis; `last` takes the place of the final one."""
    shape = np.broadcast_shapes(np.shape(start), np.shape(stop))
    steps = num - 1 if endpoint else num
    step = (stop - start) / steps if steps > 0 else np.nan * (stop - start)
    dtype = getattr(step, "dtype", float)
    k = np.reshape(np.arange(num, dtype=dtype), (-1, *(1,) * len(shape)))
    y = k * step + start if steps > 0 else k * (stop - start) + start
    if endpoint and num > 1:
        y = np.concatenate([y[:-1], np.reshape(np.broadcast_to(last, shape), (1, *shape))])
    return y, step


def _laid(y, axis, dtype):
    y = np.moveaxis(y, 0, axis) if axis else y
    return y if dtype is None else y.astype(dtype)


@composite(
    np.linspace,
    examples=arrays(
        ((), (), 4),
        ((2,), (), {"num": 3, "axis": -1}),
        ((), (2,), {"num": 3, "endpoint": False}),
        ((), (), {"num": 3, "retstep": True}),
        ((), (), 1),
        ((), (), 3, WIDER),
    ),
)
def _linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0):
    start, stop = (as_array(x) if isinstance(x, (list, tuple)) else x for x in (start, stop))
    y, step = _between(start, stop, num, endpoint, stop)
    y = _laid(y, axis, dtype)
    return (y, step) if retstep else y


@composite(
    np.logspace,
    examples=arrays(
        ((), (), 4), ((2,), (), {"num": 3, "base": 2.0, "axis": 1, "endpoint": False}), ((), (), 3, WIDER)
    ),
)
def _logspace(start, stop, num=50, endpoint=True, base=10.0, dtype=None, axis=0):
    y = np.power(base, _linspace(start, stop, num, endpoint))
    return _laid(y, axis, dtype)


@composite(
    np.geomspace,
    examples=arrays(
        ((), (), 4), ((2,), (), {"num": 3, "endpoint": False, "axis": -1}), ((), (), 3, WIDER), lo=0.5, hi=5.0
    ),
)
def _geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    start, stop = (as_array(x) if isinstance(x, (list, tuple)) else x for x in (start, stop))
    exact = np.result_type(*(getattr(x, "dtype", x) for x in (start, stop)), np.float64, dtype or np.float64)
    start, stop = (x.astype(exact) if hasattr(x, "astype") else x for x in (start, stop))
    sign = np.sign(start)
    if np.any(sign * np.sign(stop) <= 0):
        raise ValueError("the ends of a geometric sequence have one sign and are not zero")
    a, b = np.log10(start * sign), np.log10(stop * sign)
    y = np.power(10.0, _between(a, b, num, endpoint, b)[0]) * sign
    one = (1, *np.shape(y)[1:])
    ends = [np.reshape(np.broadcast_to(x, one[1:]), one) for x in (start, stop)]
    if endpoint and num > 1:  # the ends as they were given
        y = np.concatenate([ends[0], y[1:-1], ends[1]])
    elif num > 0:
        y = np.concatenate([ends[0], y[1:]])
    return _laid(y, axis, dtype)


# polynomials, the highest power first
def _coefficients(p):
    return np.atleast_1d(as_array(p))


def _trimmed(p):
    """Without leading zeros, as np.poly1d keeps coefficients."""
    p = _coefficients(p)
    plain, k = primal(p), 0
    while k < len(p) - 1 and plain[k] == 0:
        k += 1
    return p[k:] if len(p) else p


@composite(np.polyval, examples=arrays(((4,), (3,)), ((3,), ()), ((3,), (2, 2))))
def _polyval(p, x):
    x = as_array(x) if isinstance(x, (list, tuple)) else x
    y = 0.0 * x
    for c in _coefficients(p):
        y = y * x + c
    return y


def _padded(p, n):
    return np.concatenate([np.zeros(n - np.shape(p)[0], p.dtype), p]) if np.shape(p)[0] < n else p


def _joined(join):
    def joined(a1, a2):
        a1, a2 = _coefficients(a1), _coefficients(a2)
        n = max(np.size(a1), np.size(a2))
        return join(_padded(a1, n), _padded(a2, n))

    return joined


composite(np.polyadd, examples=arrays(((3,), (2,)), ((2,), (3,))))(_joined(np.add))
composite(np.polysub, examples=arrays(((3,), (2,)), ((2,), (3,))))(_joined(np.subtract))


@composite(np.polymul, examples=arrays(((3,), (2,)), ((2,), (3,))))
def _polymul(a1, a2):
    a1, a2 = _coefficients(a1), _coefficients(a2)
    # Zeros in front are left away at the end: powers that stay follow them too.
    return convolution(a1, a2)[1 - np.size(_trimmed(a1)) - np.size(_trimmed(a2)) :]


@composite(np.polydiv, examples=lambda rng: [((rng.normal(size=5), rng.uniform(0.5, 1.5, 3)), {})])
def _polydiv(u, v):
    u, v = _coefficients(u) + 0.0, _coefficients(v) + 0.0
    n, m = np.size(u), np.size(v)
    if n < m:
        return np.zeros(1, u.dtype), u
    quotient, r, scale = [], u, 1.0 / v[0]
    for _ in range(n - m + 1):
        d = scale * r[0]
        quotient.append(d)
        r = np.concatenate([r[1:m] - d * v[1:], r[m:]])
    r = r if np.size(r) else np.zeros(1, u.dtype)
    while np.size(r) > 1 and np.allclose(r[0], 0, rtol=1e-14):
        r = r[1:]
    return np.stack(quotient), r


# roots: p(r) = 0 moves with p by the implicit function theorem, also where NumPy strips zero coefficients
def _push_roots(dp, y, p):
    _distinct(primal(p), primal(y))
    return -(np.vander(y, np.size(p)) @ dp) / np.polyval(np.polyder(p), y)


def _distinct(p, y):
    """Raise for repeated roots, whose derivative is infinite; rounding puts them apart by about √ε."""
    size = np.polyval(np.abs(p), np.abs(y))
    slope, bend = (np.abs(np.polyval(np.polyder(p, m), y)) for m in (1, 2))
    if np.any(slope**2 <= 1e3 * np.size(p) * np.finfo(y.dtype).eps * size * bend):
        raise np.linalg.LinAlgError("roots has no derivative where a root is repeated")


def _polynomials(rng):
    """With real roots, with pairs of complex ones, with complex coefficients."""
    roots = ([-1.5, -0.2, 0.8, 2.0], [1j, -1j, 0.5 + 1j, 0.5 - 1j, -1.0], [1j, 1.0 + 0.3j, -2.0])
    return [((np.poly(r) * rng.uniform(0.5, 1.5),), {}) for r in roots]


roots = general(
    lambda p: np.roots(p),
    _push_roots,
    name="roots",
    complex=True,
    cost=lambda y, p: 10 * np.size(p) ** 3,
    examples=_polynomials,
)


@composite(
    np.roots,
    examples=lambda rng: [*_polynomials(rng), ((np.array([1.0, -3.0, 2.0, 0.0]),), {})],
)
def _roots(p):
    p = _coefficients(p)
    if np.ndim(p) != 1:
        raise ValueError("Input must be a rank-1 array.")
    return roots(p)


@composite(np.polyder, examples=arrays(((4,),), ((4,), 2), ((2,), {"m": 0})))
def _polyder(p, m=1):
    if m < 0:
        raise ValueError("Order of derivative must be positive (see polyint)")
    p = _coefficients(p)
    for _ in range(m):
        p = p[:-1] * np.arange(np.size(p) - 1, 0, -1)
    return p


@composite(np.polyint, examples=arrays(((3,),), ((3,), 2, (2,)), ((3,), {"k": 1.5})))
def _polyint(p, m=1, k=None):
    if m < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    p = _coefficients(p)
    k = np.zeros(m, p.dtype) if k is None else _coefficients(k)
    k = np.broadcast_to(k, (m,)) if np.size(k) == 1 else k
    if np.shape(k) != (m,):
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or m.")
    for i in range(m):
        p = np.concatenate([p / np.arange(np.size(p), 0, -1), k[i : i + 1]])
    return p


@composite(np.poly, examples=arrays(((3,),), ((1,),)))
def _poly(seq_of_zeros):
    zeros = _coefficients(seq_of_zeros)
    if np.ndim(zeros) != 1:
        raise ValueError("np.poly of a matrix has no derivative rule: np.poly(np.linalg.eigvalsh(a))")
    p = np.ones(1, zeros.dtype)
    for k in range(np.size(zeros)):
        p = convolution(p, np.concatenate([np.ones(1, zeros.dtype), -zeros[k : k + 1]]))
    return p


@composite(np.vander, examples=arrays(((3,),), ((3,), {"N": 4, "increasing": True}), ((2,), {"N": 1})))
def _vander(x, N=None, increasing=False):
    if np.ndim(x) != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    x, n = x.astype(np.promote_types(x.dtype, int)), np.size(x) if N is None else N
    ones = np.ones((np.size(x), min(n, 1)), x.dtype)
    if n < 2:
        return ones
    y = np.concatenate([ones, np.cumprod(np.broadcast_to(x[:, None], (np.size(x), n - 1)), 1)], 1)
    return y if increasing else y[:, ::-1]


@composite(
    np.polyfit,
    examples=lambda rng: [
        ((np.array([-1.0, -0.3, 0.4, 1.1, 2.0]), rng.normal(size=5), 2), {}),
        (
            (np.array([-1.0, 0.1, 0.8, 1.5]), rng.normal(size=(4, 2)), 1),
            {"w": np.array([1.0, 2.0, 0.5, 1.5]), "rcond": 1e-12},
        ),
    ],
)
def _polyfit(x, y, deg, rcond=None, full=False, w=None, cov=False):
    if full or cov or np.ndim(deg):
        fix = "np.linalg.lstsq(np.vander(x, deg + 1), y), which has a rule"
        raise error(
            KeywordError, "np.polyfit has no derivative rule for full=, cov= and lists of powers", fix
        )
    x, y = as_array(x), as_array(y)
    rcond = np.size(x) * np.finfo(x.dtype).eps if rcond is None else rcond
    powers = np.vander(x, deg + 1)
    if w is not None:
        powers, y = powers * w[:, None], y * (w[:, None] if np.ndim(y) == 2 else w)
    scale = np.sqrt(np.sum(np.square(powers), 0))
    c = np.linalg.lstsq(powers / scale, y, rcond)[0]
    return np.transpose(np.transpose(c) / scale)


def _cross3(a, b):
    """The products of three-vectors on the last axis."""
    if np.shape(a)[-1] != 3 or np.shape(b)[-1] != 3:
        raise ValueError("a cross product takes vectors of three components")
    (a0, a1, a2), (b0, b1, b2) = ([x[..., k] for k in range(3)] for x in (a, b))
    return np.stack([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0], -1)


@composite(
    np.cross,
    examples=arrays(
        ((3,), (3,)),
        ((2, 3), (3,)),
        ((3, 2), (2, 3), {"axisa": 0, "axisc": 0}),
        ((2, 3), (3, 2), {"axisb": 0}),
        ((3, 2), (3, 2), {"axis": 0}),
    ),
)
def _cross(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    a, b = as_array(a), as_array(b)
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis,) * 3
    y = _cross3(np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1))
    return np.moveaxis(y, -1, axis_index(axisc, np.ndim(y)))


@composite(np.linalg.cross, examples=arrays(((3,), (3,)), ((3, 2), (3, 2), {"axis": 0})))
def _cross_along(x1, x2, /, *, axis=-1):
    return _cross(x1, x2, axis=axis)
