"""Whole Jacobians and Hessians: many directions in one sweep, in chunks that fit a budget of bytes."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .batch import Batch, directions
from .derivative import F, all_complex, complex_results, grad
from .errors import ArgumentError, DtypeError, NotScalarError, error
from .op import Tracer, is_complex
from .run import Recording, conjugated, keep_freed_memory, lifted, run_dual, writeable
from .select import Argnums, Selected, named
from .tracer import next_number
from .tree import Rebuild

# Bytes that the largest array known before the sweep may take with a chunk's directions.
CHUNK_BYTES = 2**23


def value_and_jacobian(
    f: F,
    argnums: Argnums = 0,
    mode: str = "auto",
    chunk_bytes: int = CHUNK_BYTES,
    holomorphic: bool = False,
) -> F:
    """Value and Jacobian of a function of arrays; see `jacobian`.

    returns: a function of the same arguments returning `(value, jacobian)`

    >>> y, J = value_and_jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
    >>> y
    array([1., 4.])
    """
    if mode not in ("auto", "forward", "reverse"):
        raise error(ArgumentError, f"jacobian has no mode {mode!r}", "mode='auto', 'forward' or 'reverse'")

    @functools.wraps(f)
    def derived(*args: Any, **kwargs: Any) -> Any:
        chosen = Selected(f, argnums, args, kwargs)
        leaves = chosen.leaves
        if holomorphic:
            all_complex(leaves, f)
        n = sum(math.prod(np.shape(x)) for x in leaves)
        pairs = not holomorphic and any(map(is_complex, leaves))  # real and imaginary parts, apart
        if mode == "forward":
            values, rebuild, blocks = _forward(f, chosen.call, leaves, n, chunk_bytes)
            if pairs and _real(f, values):
                turned = _forward(f, chosen.call, leaves, n, chunk_bytes, 1j)[2]
                blocks = [_joined(*rows, leaves) for rows in zip(blocks, turned, strict=True)]
        else:
            with Recording(f, chosen.call, leaves) as run:
                values, rebuild = run.values, run.rebuild
                m = sum(math.prod(np.shape(y)) for y in values)
                width = max(map(extent, (*leaves, *(entry[1] for entry in run.entries if entry))), default=1)
                split = not holomorphic and any(map(is_complex, values))
                if pairs:
                    _real(f, values)
                if mode == "auto" and n <= m * (1 + split) and not pairs:
                    seeds = _seeds(leaves, n, width, chunk_bytes)
                    blocks = _split_columns([_columns(run.push(dxs)) for dxs in seeds], values, leaves)
                else:
                    blocks = _reverse(run, leaves, m, width, chunk_bytes, last=not split)
                    if split:  # Re(g dy) is the real part of dy for g = 1, and the imaginary one for g = -i
                        turned = _reverse(run, leaves, m, width, chunk_bytes, factor=-1j)
                        blocks = [
                            _joined(*rows, values[k : k + 1]) for k, rows in enumerate(zip(blocks, turned))
                        ]
                    if pairs:
                        blocks = [[conjugated(block) for block in row] for row in blocks]
            values = list(map(writeable, values))
        if holomorphic:
            complex_results(values, f)
        return rebuild(values), rebuild([chosen.rebuild(row) for row in _apart(blocks)])

    return derived


def _real(f: F, values: Sequence[Any]) -> bool:
    """Raise if a function of complex arguments has complex results: then no complex matrix is its Jacobian."""
    if any(map(is_complex, values)):
        raise error(
            DtypeError,
            f"{named(f)} maps complex arguments to complex results, for which a complex matrix holds its Jacobian "
            "only if it is holomorphic",
            "holomorphic=True; jvp and vjp for one direction; or a function of the real and imaginary parts",
        )
    return True


def jacobian(
    f: F,
    argnums: Argnums = 0,
    mode: str = "auto",
    chunk_bytes: int = CHUNK_BYTES,
    holomorphic: bool = False,
) -> F:
    """Jacobian of a function of arrays, all of it in one vectorised sweep a chunk.

    f: function of arrays, or nested containers of them, returning the same
    argnums: position of the argument, or name of the keyword argument, or a tuple of these
    mode: 'forward' carries one direction for each input, 'reverse' one for each output; 'auto' takes the fewer
    chunk_bytes: bytes (default 8 MiB) that an array may take with its directions: the input in forward mode, the
        largest intermediate result in the others; more directions go in further sweeps
    holomorphic: `f` maps complex arrays to complex ones, holomorphically, and its complex Jacobian is asked for
    returns: a function of the same arguments; for arrays, an array of shape `output.shape + input.shape`; for
        containers, the structure of the output with that of the input inside. Rows of real results in complex
        arguments are gradients: ∂f/∂x + i ∂f/∂y
    raises: DtypeError for bool or object arguments, and for complex results of complex arguments unless
        `holomorphic`; ArgumentError for another mode

    >>> jacobian(lambda x: np.array([x[0] * x[1], x[1]]))(np.array([2.0, 3.0]))
    array([[3., 2.],
           [0., 1.]])
    """
    both = value_and_jacobian(f, argnums, mode, chunk_bytes, holomorphic)
    return functools.wraps(f)(lambda *args, **kwargs: both(*args, **kwargs)[1])


def _chunks(total: int, width: int, itemsize: int, budget: int) -> Iterator[tuple[int, int]]:
    """Ranges of directions such that `width` elements with one range's directions keep to the budget."""
    step = max(1, budget // max(1, width * itemsize))
    for start in range(0, total, step):
        yield start, min(start + step, total)


def _seeds(
    leaves: Sequence[Any], n: int, width: int, budget: int, factor: complex = 1.0
) -> Iterator[list[Batch]]:
    """The unit directions of the leaves together, chunk by chunk; times a complex factor, of the complex ones."""
    keep_freed_memory()
    for start, stop in _chunks(n, width, _itemsize(leaves), budget):
        number, offset, found = next_number(), 0, []
        for x in leaves:
            unit = _turned(directions(np.shape(x), start, stop, offset, _dtype(x)), factor)
            found.append(Batch(lifted(unit, x), number))
            offset += math.prod(np.shape(x))
        yield found


def extent(v: Any) -> int:
    """Elements of the largest array in a value: a traced one may carry directions of an outer derivative."""
    if isinstance(v, Tracer):
        return max(extent(v.value), extent(getattr(v, "tangent", 0.0)))
    return max(map(extent, v)) if isinstance(v, tuple) else v.size if isinstance(v, np.ndarray) else 1


def _dtype(x: Any) -> np.dtype[Any]:
    return np.dtype(float) if type(x) is float else x.dtype


def _itemsize(leaves: Sequence[Any]) -> int:
    return max((_dtype(x).itemsize for x in leaves), default=8)


def _turned(unit: np.ndarray, factor: complex) -> np.ndarray:
    return unit if factor == 1 else unit * (factor if is_complex(unit) else 0.0)


def _joined(real: Sequence[Any], turned: Sequence[Any], like: Sequence[Any]) -> list[Any]:
    """Real and imaginary parts as complex blocks, one for each of `like` or all for the one, where that is complex."""
    each = like if len(like) == len(real) else list(like) * len(real)
    return [a + 1j * b if is_complex(x) else a for a, b, x in zip(real, turned, each, strict=True)]


def _columns(tangents: Sequence[Any]) -> list[Any]:
    return [dy.value if isinstance(dy, Batch) else None for dy in tangents]


def _forward(
    f: F,
    call: Callable[..., Any],
    leaves: Sequence[Any],
    n: int,
    budget: int,
    factor: complex = 1.0,
) -> tuple[list[Any], Rebuild, list[list[Any]]]:
    """Run `f` on dual numbers once a chunk: values, structure, and the blocks of the Jacobian."""
    columns = []
    for dxs in _seeds(leaves, n, max(map(extent, leaves), default=1), budget, factor):
        values, moved, rebuild, _ = run_dual(f, call, leaves, dxs)
        columns.append(_columns(moved))
    if not columns:  # no inputs but empty ones, which are their own tangents
        values, _, rebuild, _ = run_dual(f, call, leaves, leaves)
    return values, rebuild, _split_columns(columns, values, leaves)


def _split_columns(columns: Sequence[Any], values: Sequence[Any], leaves: Sequence[Any]) -> list[list[Any]]:
    """Blocks of the Jacobian, for each output leaf and each input leaf, from chunks of its columns."""
    blocks = []
    for k, y in enumerate(values):
        shape, parts = np.shape(y), [chunk[k] for chunk in columns]
        if all(p is None for p in parts):
            blocks.append([_shaped(np.zeros(s := shape + np.shape(x), _dtype(y)), s, x) for x in leaves])
            continue
        whole = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)
        row, offset = [], 0
        for x in leaves:
            size = math.prod(np.shape(x))
            piece = whole if len(leaves) == 1 else whole[..., offset : offset + size]
            row.append(_shaped(piece, shape + np.shape(x), x))
            offset += size
        blocks.append(row)
    return blocks


def _shaped(block: Any, shape: tuple[int, ...], x: Any) -> Any:
    if np.shape(block) != shape:
        block = np.reshape(block, shape)
    if shape == () and isinstance(block, np.ndarray):
        block = block[()]
    return float(block) if type(x) is float and isinstance(block, np.floating) else block


def _apart(blocks: list[list[Any]]) -> list[list[Any]]:
    """Blocks that a caller may change, each on its own."""
    seen = set()
    for row in blocks:
        for k, block in enumerate(row):
            if isinstance(block, np.ndarray):
                owner = block if block.base is None else block.base
                if id(owner) in seen or not block.flags.writeable:
                    row[k] = block.copy(order="K")
                seen.add(id(owner))
    return blocks


def _reverse(
    run: Recording,
    leaves: Sequence[Any],
    m: int,
    width: int,
    budget: int,
    factor: complex = 1.0,
    last: bool = True,
) -> list[list[Any]]:
    """Blocks of the Jacobian from sweeps back over one tape, all rows of a chunk at once."""
    chunks: list[list[Any]] = []
    seeds = list(_chunks(m, width, _itemsize(leaves), budget))
    for start, stop in seeds:
        number, offset, cotangents = next_number(), 0, []
        for y in run.values:
            unit = _turned(directions(np.shape(y), start, stop, offset, _dtype(y)), factor)
            cotangents.append(Batch(lifted(unit, y), number))
            offset += math.prod(np.shape(y))
        adjoints = run.pull(cotangents, last=last and stop == m)
        chunks.append([np.moveaxis(g.value, -1, 0) if isinstance(g, Batch) else None for g in adjoints])
    blocks, rows = [], 0
    whole = [_stacked([c[k] for c in chunks], [b - a for a, b in seeds], x) for k, x in enumerate(leaves)]
    for y in run.values:
        size = math.prod(np.shape(y))
        pieces = [w if size == m else w[rows : rows + size] for w in whole]
        blocks.append([_shaped(p, np.shape(y) + np.shape(x), x) for p, x in zip(pieces, leaves, strict=True)])
        rows += size
    return blocks


def _stacked(parts: list[Any], sizes: list[int], x: Any) -> Any:
    """Rows of all chunks, for one input leaf; zeros where a chunk did not depend on it."""
    full = [
        np.zeros((k, *np.shape(x)), _dtype(x)) if p is None else p.astype(_dtype(x), copy=False)
        for p, k in zip(parts, sizes, strict=True)
    ]
    if not full:
        return np.zeros((0, *np.shape(x)), _dtype(x))
    return full[0] if len(full) == 1 else np.concatenate(full)


def hessian(
    f: F,
    argnums: Argnums = 0,
    mode: str = "auto",
    chunk_bytes: int = CHUNK_BYTES,
    holomorphic: bool = False,
) -> F:
    """Hessian of a scalar function: a Jacobian of a gradient, in any of the four compositions of modes.

    f: function of arrays, or nested containers of them, returning a real scalar
    argnums, chunk_bytes, holomorphic: as for `jacobian`
    mode: 'forward-over-reverse' (what 'auto' takes: one gradient's tape, pushed along all directions at once),
        'reverse-over-forward', 'forward-over-forward', 'reverse-over-reverse'
    returns: a function of the same arguments; for an array, an array of shape `input.shape + input.shape`
    raises: NotScalarError if the output is not a scalar; ArgumentError for another mode

    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """
    outer, over, inner = ("forward-over-reverse" if mode == "auto" else str(mode)).partition("-over-")
    if over == "" or {outer, inner} - {"forward", "reverse"}:
        raise error(
            ArgumentError, f"hessian has no mode {mode!r}", "mode='auto' or, say, 'forward-over-reverse'"
        )
    if inner == "reverse":
        inside = grad(f, argnums, holomorphic=holomorphic)
    else:
        inside = _gradient_forward(f, argnums, chunk_bytes, holomorphic)
    return jacobian(inside, argnums, outer, chunk_bytes, holomorphic)


def _gradient_forward(f: F, argnums: Argnums, chunk_bytes: int, holomorphic: bool) -> F:
    both = value_and_jacobian(f, argnums, "forward", chunk_bytes, holomorphic)

    @functools.wraps(f)
    def derived(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        if np.shape(value) != () or isinstance(value, (list, tuple, dict)):
            raise error(
                NotScalarError,
                f"hessian needs a scalar output, but {named(f)} did not return one",
                "jacobian of jacobian",
            )
        return gradient

    return derived
