"""Products and contractions: multilinear, so that one rule an argument gives both modes."""

import math

import numpy as np

from ..op import composite, is_complex, multilinear
from .batching import first, forward, last
from .examples import WIDER, arrays
from .index import scatter_add
from .shape import as_array, axis_tuple


def mT(a):
    """The matrices of a stack, transposed."""
    return np.swapaxes(a, -1, -2)


def _matmul_batch(op, args, flags, keywords, k):
    """One matrix product over all directions where a plain matrix meets directions; else a stack of products."""
    a, b = args
    row, column = np.ndim(a) - flags[0] == 1, np.ndim(b) - flags[1] == 1
    if row or column:  # vectors as matrices of one row or one column
        y = _matmul_batch(
            op, (a[None] if row else a, _column(b, flags[1]) if column else b), flags, keywords, k
        )
        return y[..., 0, 0, :] if row and column else y[..., 0, :, :] if row else y[..., 0, :]
    if not flags[1] and np.ndim(b) == 2:  # (m, n, k) @ (n, p): rows of all directions are one tall matrix
        return last(op.call(first(a), b)) if np.ndim(a) == 2 else last(_tall(op, first(a), b))
    if not flags[0] and np.ndim(a) == 2 and np.ndim(b) == 3:  # (m, n) @ (n, p, k)
        return np.swapaxes(last(_tall(op, np.swapaxes(first(b), 1, 2), mT(a))), 0, 1)
    rank = max(np.ndim(a) - flags[0], np.ndim(b) - flags[1])
    return last(op.call(forward(a, rank) if flags[0] else a, forward(b, rank) if flags[1] else b))


def _column(b, batched):
    return b[:, None, :] if batched else b[:, None]


def _tall(op, a, b):
    """Stacked (k, m, n) times one (n, p), as one product of (k m, n)."""
    *stack, n = a.shape
    return np.reshape(op.call(np.reshape(a, (math.prod(stack), n)), b), (*stack, b.shape[-1]))


def _matmul_cost(y, a, b):
    return 2 * math.prod(np.shape(y)) * np.shape(a)[-1]


def _matmul_subscripts(a, b):
    """A product as einsum has it, of which axes of length 1 that are stretched have letters of their own."""
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    names, terms = "ABCDEFGHLMNOPQRSTUVWXYZ"[: len(stack)], []
    for x, ends in ((a, "ik" if a.ndim > 1 else "k"), (b, "kj" if b.ndim > 1 else "k")):
        own = x.shape[:-2]
        at = len(stack) - len(own)
        pairs = zip(names[at:], stack[at:], own)
        terms.append("".join(c if n == m else c.lower() for c, n, m in pairs) + ends)
    return terms, names + "i" * (a.ndim > 1) + "j" * (b.ndim > 1)


def _left(g, a, b):
    if np.ndim(b) == 1:
        return g * b if np.ndim(a) == 1 else g[..., None] * b
    if np.ndim(a) == 1:
        return np.matmul(b, g) if np.ndim(b) == 2 else np.matmul(b, g[..., None])[..., 0]
    return np.matmul(g, mT(b))


def _right(g, a, b):
    if np.ndim(a) == 1:
        return g * a if np.ndim(b) == 1 else g[..., None, :] * a[:, None]
    if np.ndim(b) == 1:
        return np.matmul(mT(a), g) if np.ndim(a) == 2 else np.matmul(mT(a), g[..., None])[..., 0]
    return np.matmul(mT(a), g)


# Central code sums the adjoints over axes along which an operand was broadcast.
matmul = multilinear(
    np.matmul,
    _left,
    _right,
    aliases=(np.linalg.matmul,),
    depends=_matmul_subscripts,
    batch=_matmul_batch,
    cost=_matmul_cost,
    examples=arrays(
        ((3,), (3,)),
        ((2, 3), (3,)),
        ((3,), (3, 2)),
        ((4, 2, 3), (3,)),
        ((3,), (4, 3, 2)),
        ((2, 3), (3, 4)),
        ((5, 2, 3), (3, 2)),
        ((2, 1, 2, 3), (4, 3, 2)),
    ),
)


@composite(np.dot, examples=arrays(((3,), (3,)), ((2, 3), (3,)), ((2, 2, 3), (4, 3, 2)), ((), (3,))))
def _dot(a, b):
    a, b = as_array(a), as_array(b)
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return a * b
    return (
        np.matmul(a, b)
        if np.ndim(b) <= 2 and np.ndim(a) <= 2
        else np.tensordot(a, b, ((-1,), (max(np.ndim(b) - 2, 0),)))
    )


def conjugated(a):
    """The complex conjugate; real values as they are."""
    return np.conjugate(a) if is_complex(a) else a


def mH(a):
    """The matrices of a stack, transposed and conjugated."""
    return conjugated(mT(a))


@composite(np.vdot, examples=arrays(((2, 3), (2, 3))))
def _vdot(a, b):
    return np.matmul(conjugated(np.ravel(as_array(a))), np.ravel(as_array(b)))


@composite(np.vecdot, examples=arrays(((2, 3), (3,)), ((2, 3), (2, 3))))
def _vecdot(x1, x2):
    return np.sum(conjugated(x1) * x2, axis=-1)


@composite(np.inner, examples=arrays(((3,), (3,)), ((2, 3), (4, 3))))
def _inner(a, b):
    a, b = as_array(a), as_array(b)
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return a * b
    return np.matmul(a, b) if np.ndim(a) == np.ndim(b) == 1 else np.tensordot(a, b, ((-1,), (-1,)))


@composite(np.outer, examples=arrays(((3,), (2,)), ((2, 2), (3,))))
def _outer(a, b):
    return np.ravel(as_array(a))[:, None] * np.ravel(as_array(b))[None, :]


@composite(
    np.tensordot,
    np.linalg.tensordot,
    examples=arrays(
        ((2, 3, 4), (3, 4, 2)),
        ((2, 3), (3, 4), {"axes": 1}),
        ((2, 3), (4, 2), {"axes": ([0], [1])}),
        ((2,), (3,), {"axes": 0}),
    ),
)
def _tensordot(a, b, axes=2):
    a, b = as_array(a), as_array(b)
    n, m = np.ndim(a), np.ndim(b)
    left, right = (range(n - axes, n), range(axes)) if isinstance(axes, (int, np.integer)) else axes
    left, right = (axis_tuple(tuple(x) if np.ndim(x) else x, d) for x, d in ((left, n), (right, m)))
    if [a.shape[k] for k in left] != [b.shape[k] for k in right]:
        raise ValueError("shape-mismatch for sum")
    rows = tuple(k for k in range(n) if k not in left)
    columns = tuple(k for k in range(m) if k not in right)
    shape = [a.shape[k] for k in rows], [b.shape[k] for k in columns]
    inner = math.prod(a.shape[k] for k in left)
    a = np.reshape(np.transpose(a, rows + left), (math.prod(shape[0]), inner))
    b = np.reshape(np.transpose(b, right + columns), (inner, math.prod(shape[1])))
    return np.reshape(matmul(a, b), (*shape[0], *shape[1]))


def _chain(sizes):
    """Where to split products of matrices of sizes[i] × sizes[i + 1] for the fewest operations (Cormen et al.)."""
    n = len(sizes) - 1
    cost, split = {(i, i): 0 for i in range(n)}, {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            cost[i, j], split[i, j] = min(
                (cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)
            )
    return split


@composite(
    np.linalg.multi_dot,
    examples=arrays(
        ([(2, 3), (3, 2)],),
        ([(2, 3), (3, 4), (4, 2)],),
        ([(3,), (3, 2), (2, 4), (4,)],),
        ([(2, 4), (4, 3), (3, 2), (2,)],),
    ),
)
def _multi_dot(arrays):
    if len(arrays) < 2:
        raise ValueError("Expecting at least two arrays.")
    factors = [as_array(a) for a in arrays]
    if len(factors) == 2:
        return np.dot(*factors)
    row, column = np.ndim(factors[0]) == 1, np.ndim(factors[-1]) == 1
    factors[0] = factors[0][None] if row else factors[0]
    factors[-1] = factors[-1][:, None] if column else factors[-1]
    if any(np.ndim(a) != 2 for a in factors):
        raise np.linalg.LinAlgError("multi_dot takes matrices, and vectors at its ends")
    split = _chain([np.shape(factors[0])[0], *(np.shape(a)[1] for a in factors)])

    def product(i, j):
        return factors[i] if i == j else product(i, split[i, j]) @ product(split[i, j] + 1, j)

    y = product(0, len(factors) - 1)
    return y[0, 0] if row and column else y[0] if row else y[:, 0] if column else y


@composite(np.linalg.outer, examples=arrays(((3,), (2,))))
def _outer_of_vectors(x1, x2):
    if np.ndim(x1) != 1 or np.ndim(x2) != 1:
        raise ValueError("np.linalg.outer takes one-dimensional arrays")
    return np.outer(x1, x2)


@composite(np.linalg.vecdot, examples=arrays(((2, 3), (3,)), ((3, 2), (3, 1), {"axis": 0})))
def _vecdot_along(x1, x2, /, *, axis=-1):
    return np.sum(conjugated(as_array(x1)) * as_array(x2), axis=axis)


if hasattr(np, "matvec"):  # NumPy 2.2

    @composite(np.matvec, examples=arrays(((2, 3), (3,)), ((4, 2, 3), (4, 3))))
    def _matvec(x1, x2):
        return np.matmul(x1, x2[..., None])[..., 0]

    @composite(np.vecmat, examples=arrays(((3,), (3, 2)), ((4, 3), (4, 3, 2))))
    def _vecmat(x1, x2):
        return np.matmul(conjugated(x1)[..., None, :], x2)[..., 0, :]


@composite(np.linalg.trace, examples=arrays(((2, 3, 3),), ((3, 4), {"offset": 1}), ((2, 2), WIDER)))
def _trace_of_matrices(x, /, *, offset=0, dtype=None):
    return np.sum(np.diagonal(x, offset, -2, -1), axis=-1, dtype=dtype)


@composite(np.linalg.diagonal, examples=arrays(((2, 3, 3),), ((3, 4), {"offset": -1})))
def _diagonal_of_matrices(x, /, *, offset=0):
    return np.diagonal(x, offset, -2, -1)


@composite(np.trace, examples=arrays(((3, 4),), ((2, 3, 3), {"offset": -1, "axis1": 1, "axis2": 2})))
def _trace(a, offset=0, axis1=0, axis2=1):
    return np.sum(np.diagonal(a, offset, axis1, axis2), axis=-1)


@composite(np.kron, examples=arrays(((2, 3), (3, 2)), ((2,), (3,))))
def _kron(a, b):
    a, b = as_array(a), as_array(b)
    n = max(np.ndim(a), np.ndim(b))
    sa, sb = (1,) * (n - np.ndim(a)) + np.shape(a), (1,) * (n - np.ndim(b)) + np.shape(b)
    a = np.reshape(a, tuple(x for s in sa for x in (s, 1)))
    b = np.reshape(b, tuple(x for s in sb for x in (1, s)))
    return np.reshape(a * b, tuple(s * t for s, t in zip(sa, sb, strict=True)))


# einsum: the adjoint in one operand is an einsum of the cotangent with the others
def _parsed(subscripts, operands):
    """Explicit subscripts without spaces or ellipsis: one letter an axis, for every operand and the result."""
    subscripts = subscripts.replace(" ", "")
    inputs, arrow, output = subscripts.partition("->")
    terms = inputs.split(",")
    free = [c for c in "ZYXWVUTSRQPONMLKJIHGFEDCBAzyxwvutsrqponmlkjihgfedcba" if c not in subscripts]
    ranks = [
        np.ndim(x) - len(t.replace("...", "")) if "..." in t else 0
        for t, x in zip(terms, operands, strict=True)
    ]
    letters = "".join(free[: max(ranks)])
    terms = [t.replace("...", letters[len(letters) - r :]) for t, r in zip(terms, ranks, strict=True)]
    if not arrow:
        joined = "".join(t for t in inputs.split(",")).replace("...", "")
        output = "..." + "".join(sorted(c for c in set(joined) if joined.count(c) == 1))
    return terms, output.replace("...", letters)


def _einsum_adjoint(g, i, *operands, subscripts, optimize):
    terms, output = _parsed(subscripts, operands)
    target, shape = terms[i], np.shape(operands[i])
    sizes = dict(zip(target, shape, strict=True))
    # Letters met in no other term were summed over in this operand alone: its cotangent repeats along them.
    others = [t for k, t in enumerate(terms) if k != i]
    seen = set(output).union(*others)
    distinct = "".join(dict.fromkeys(target))
    known = "".join(c for c in distinct if c in seen)
    rest = [x for k, x in enumerate(operands) if k != i]
    c = np.einsum(",".join([output, *others]) + "->" + known, g, *rest, optimize=optimize)
    c = (
        np.reshape(c, tuple(sizes[x] if x in seen else 1 for x in distinct))
        if len(known) < len(distinct)
        else c
    )
    c = np.broadcast_to(c, tuple(sizes[x] for x in distinct))
    if len(distinct) == len(target):
        return c
    # A repeated letter reads a diagonal: the cotangent lives on it.
    grid = np.ogrid[tuple(slice(sizes[x]) for x in distinct)]
    index = tuple(grid[distinct.index(x)] for x in target)
    return _on_diagonal(c, index, shape)


def _on_diagonal(c, index, shape):
    return scatter_add(c, index=tuple(np.broadcast_to(i, c.shape) for i in index), shape=shape)


def _einsum_batch(op, args, flags, keywords, k):
    logical = [np.empty(np.shape(a)[:-1]) if flag else a for a, flag in zip(args, flags, strict=True)]
    terms, output = _parsed(keywords["subscripts"], logical)
    extra = next(
        c
        for c in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
        if c not in "".join([*terms, output])
    )
    spelled = (
        ",".join(extra + t if flag else t for t, flag in zip(terms, flags, strict=True))
        + "->"
        + extra
        + output
    )
    moved = [first(a) if flag else a for a, flag in zip(args, flags, strict=True)]
    return last(op.call(*moved, subscripts=spelled, optimize=keywords["optimize"]))


def _einsum_cost(y, *operands, subscripts, optimize):
    terms, _ = _parsed(subscripts, operands)
    sizes = {c: n for t, x in zip(terms, operands, strict=True) for c, n in zip(t, np.shape(x), strict=True)}
    return len(operands) * math.prod(sizes.values())


einsum = multilinear(
    lambda *operands, subscripts, optimize: np.einsum(subscripts, *operands, optimize=optimize),
    _einsum_adjoint,
    name="einsum",
    variadic=True,
    depends=lambda *operands, subscripts, optimize: _parsed(subscripts, operands),
    batch=_einsum_batch,
    cost=_einsum_cost,
    examples=arrays(
        ((2, 3), (3, 4), {"subscripts": "ij,jk->ik", "optimize": False}),
        ((3, 3), {"subscripts": "ii->i", "optimize": False}),
        ((2, 3), {"subscripts": "ij->j", "optimize": False}),
        ((2, 3), (4, 3), (4,), {"subscripts": "ij,kj,k->i", "optimize": True}),
    ),
)


@composite(
    np.einsum,
    examples=arrays(
        ("ij,jk", (2, 3), (3, 4)),
        ("...ij,...j->...i", (4, 2, 3), (3,)),
        ("ii", (3, 3)),
        ("i,i,i->", (3,), (3,), (3,)),
        ("ij,jk,k", (2, 3), (3, 2), (2,), {"optimize": True}),
    ),
)
def _einsum(subscripts, *operands, optimize=False):
    if not isinstance(subscripts, str):
        return np.einsum(*_spelled((subscripts, *operands)), optimize=optimize)
    operands = tuple(as_array(x) for x in operands)
    terms, output = _parsed(subscripts, operands)
    # Axes of length 1 that broadcast against longer ones are dropped first, so that sizes are one a letter.
    sizes = {}
    for term, x in zip(terms, operands, strict=True):
        for c, n in zip(term, np.shape(x), strict=True):
            sizes[c] = n if sizes.get(c, 1) == 1 else sizes[c]
    stretched = tuple(
        np.broadcast_to(x, tuple(sizes[c] for c in t))
        if any(sizes[c] != n for c, n in zip(t, np.shape(x), strict=True))
        else x
        for t, x in zip(terms, operands, strict=True)
    )
    return einsum(*stretched, subscripts=",".join(terms) + "->" + output, optimize=optimize)


def _spelled(arguments):
    """The form with lists of integers, einsum(x, [0, 1], y, [1, 2], [0, 2]), as a string and operands."""
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    spell = lambda axes: "".join("..." if k is Ellipsis else letters[k] for k in axes)
    pairs, tail = len(arguments) // 2, len(arguments) % 2
    operands = arguments[: 2 * pairs : 2]
    subscripts = ",".join(spell(axes) for axes in arguments[1 : 2 * pairs : 2])
    return subscripts + ("->" + spell(arguments[-1]) if tail else ""), *operands
