"""Whole Jacobians and Hessians: many directions in one sweep, in chunks that fit a budget of bytes."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .blocks import (
    CHUNK_BYTES,
    apart,
    extent,
    forward,
    joined,
    pushed,
    reverse,
    symmetric,
)
from .compressed import size_of
from .derivative import F, all_complex, complex_results, grad
from .elsewhere import elsewhere
from .errors import ArgumentError, DtypeError, NotScalarError, error
from .op import is_complex
from .paying import blocks as dense_blocks
from .paying import paying
from .predict import COMPOSITIONS, cheaper, forward_pays, hessian_ways, jacobian_ways
from .run import Recording, conjugated, writeable
from .select import Argnums, Selected, named
from .sparse import hessian_plan, jacobian_plan

if TYPE_CHECKING:
    from concurrent.futures import Executor


def value_and_jacobian(
    f: F,
    argnums: Argnums = 0,
    mode: str = "auto",
    chunk_bytes: int = CHUNK_BYTES,
    holomorphic: bool = False,
    executor: Executor | None = None,
) -> F:
    """Value and Jacobian of a function of arrays; see `jacobian`.

    returns: a function of the same arguments returning `(value, jacobian)`

    >>> y, J = value_and_jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
    >>> y
    array([1., 4.])
    """
    if mode not in ("auto", "forward", "reverse", "sparse"):
        raise error(
            ArgumentError, f"jacobian has no mode {mode!r}", "mode='auto', 'forward', 'reverse' or 'sparse'"
        )
    if mode == "sparse":
        return _value_and_sparse(f, argnums, chunk_bytes, holomorphic)

    @functools.wraps(f)
    def derived(*args: Any, **kwargs: Any) -> Any:
        chosen = Selected(f, argnums, args, kwargs)
        leaves = chosen.leaves
        if holomorphic:
            all_complex(leaves, f)
        n = sum(math.prod(np.shape(x)) for x in leaves)
        pairs = not holomorphic and any(map(is_complex, leaves))  # real and imaginary parts, apart
        others = elsewhere(executor, f, argnums, args, kwargs) if executor else None
        if mode == "forward":
            values, rebuild, blocks = forward(f, chosen.call, leaves, n, chunk_bytes, elsewhere=others)
            if pairs and _real(f, values):
                turned = forward(f, chosen.call, leaves, n, chunk_bytes, 1j, others)[2]
                blocks = [joined(*rows, leaves) for rows in zip(blocks, turned, strict=True)]
        else:
            with Recording(f, chosen.call, leaves) as run:
                values, rebuild = run.values, run.rebuild
                m = sum(math.prod(np.shape(y)) for y in values)
                width = max(map(extent, (*leaves, *(entry[1] for entry in run.entries if entry))), default=1)
                split = not holomorphic and any(map(is_complex, values))
                if pairs:
                    _real(f, values)
                plan = None
                if mode == "auto" and not holomorphic and not split:
                    make = functools.partial(jacobian_plan, f, args, kwargs, argnums, chunk_bytes=chunk_bytes)
                    plan = paying(make, chosen, m)
                if plan is not None:
                    blocks = dense_blocks(plan(*args, **kwargs), values, leaves)
                elif (
                    mode == "auto"
                    and not pairs
                    and (n <= 2 * m if split else forward_pays(f, chosen, run, chunk_bytes))
                ):
                    blocks = pushed(run, leaves, n, width, chunk_bytes, others)
                else:
                    blocks = reverse(run, leaves, m, width, chunk_bytes, last=not split, elsewhere=others)
                    if split:  # Re(g dy) is the real part of dy for g = 1, and the imaginary one for g = -i
                        turned = reverse(run, leaves, m, width, chunk_bytes, factor=-1j, elsewhere=others)
                        blocks = [
                            joined(*rows, values[k : k + 1]) for k, rows in enumerate(zip(blocks, turned))
                        ]
                    if pairs:
                        blocks = [[conjugated(block) for block in row] for row in blocks]
            values = list(map(writeable, values))
        if holomorphic:
            complex_results(values, f)
        return rebuild(values), rebuild([chosen.rebuild(row) for row in apart(blocks)])

    return derived


def _value_and_sparse(f: F, argnums: Argnums, chunk_bytes: int, holomorphic: bool) -> F:
    if holomorphic:
        raise error(ArgumentError, "sparse Jacobians are of real functions", "another mode of jacobian")

    @functools.wraps(f)
    def derived(*args: Any, **kwargs: Any) -> Any:
        plan = jacobian_plan(f, args, kwargs, argnums, chunk_bytes=chunk_bytes)
        return f(*args, **kwargs), plan(*args, **kwargs)

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
    explain: bool = False,
    executor: Executor | None = None,
) -> F:
    """Jacobian of a function of arrays, all of it in one vectorised sweep a chunk.

    f: function of arrays, or nested containers of them, returning the same
    argnums: position of the argument, or name of the keyword argument, or a tuple of these
    mode: 'forward' carries one direction for each input, 'reverse' one for each output; 'auto' takes the fewer, or from
        1000 of each on the directions of a sparse plan, if these are far fewer; 'sparse' finds the pattern and
        carries one direction for each group of columns or rows. For many points make a plan, once:
        `sparse_jacobian`
    chunk_bytes: bytes (default 8 MiB) that an array may take with its directions: the input in forward mode, the
        largest intermediate result in the others; more directions go in further sweeps
    holomorphic: `f` maps complex arrays to complex ones, holomorphically, and its complex Jacobian is asked for
    explain: return no Jacobian but a table of what it costs in each mode, as `predict` finds it
    executor: of `concurrent.futures`, or like these: sweeps after the first are its tasks, and each runs `f` once more.
        `chunk_bytes` says how many sweeps there are; the numbers are those without an executor. Processes need an `f`
        that can be pickled, as a module's functions can. Sparse plans take their few directions here
    returns: a function of the same arguments; for arrays, an array of shape `output.shape + input.shape`; for
        containers, the structure of the output with that of the input inside. Rows of real results in complex
        arguments are gradients: ∂f/∂x + i ∂f/∂y. With mode='sparse' a `scipy.sparse.csr_array` of shape
        (size of the output, size of the input)
    raises: DtypeError for bool or object arguments, and for complex results of complex arguments unless
        `holomorphic`; ArgumentError for another mode, and with an executor where something cannot be pickled or is
        traced by a derivative around

    >>> jacobian(lambda x: np.array([x[0] * x[1], x[1]]))(np.array([2.0, 3.0]))
    array([[3., 2.],
           [0., 1.]])
    """
    both = value_and_jacobian(f, argnums, mode, chunk_bytes, holomorphic, executor)
    if explain:
        return functools.wraps(f)(
            lambda *args, **kwargs: jacobian_ways(f, args, kwargs, argnums, mode, chunk_bytes)
        )
    return functools.wraps(f)(lambda *args, **kwargs: both(*args, **kwargs)[1])


def hessian(
    f: F,
    argnums: Argnums = 0,
    mode: str = "auto",
    chunk_bytes: int = CHUNK_BYTES,
    holomorphic: bool = False,
    explain: bool = False,
    executor: Executor | None = None,
) -> F:
    """Hessian of a scalar function: a Jacobian of a gradient, in any of the four compositions of modes.

    f: function of arrays, or nested containers of them, returning a real scalar
    argnums, chunk_bytes, holomorphic, executor: as for `jacobian`
    mode: 'forward-over-reverse' (a gradient's tape, pushed along all directions at once), 'reverse-over-reverse',
        'forward-over-forward', 'reverse-over-forward'; 'sparse' finds the pattern and carries groups of columns
        together. For many points make a plan, once: `sparse_hessian`. 'auto' takes the first, from 300 inputs on the
        second, and for arrays so large that counting takes little of the time that of both which is predicted to cost
        less; from 1000 inputs on the directions of a sparse plan, if these are far fewer
    explain: return no Hessian but a table of what it costs in each mode, as `predict` finds it
    returns: a function of the same arguments; for an array, an array of shape `input.shape + input.shape`, symmetric
        to the last bit: of two halves that rounding made differ, the mean; with mode='sparse' a
        `scipy.sparse.csr_array` of shape (size of the input, size of the input)
    raises: NotScalarError if the output is not a scalar; ArgumentError for another mode

    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """
    if mode not in ("auto", "sparse", *COMPOSITIONS):
        raise error(
            ArgumentError, f"hessian has no mode {mode!r}", "mode='auto' or, say, 'forward-over-reverse'"
        )
    if explain:
        return functools.wraps(f)(
            lambda *args, **kwargs: hessian_ways(f, args, kwargs, argnums, mode, chunk_bytes)
        )
    if mode == "sparse":
        return _sparse_hessian(f, argnums, chunk_bytes, holomorphic)
    if mode != "auto":
        return _composed(f, argnums, mode, chunk_bytes, holomorphic, executor)
    ways = {way: _composed(f, argnums, way, chunk_bytes, holomorphic, executor) for way in COMPOSITIONS[:2]}
    if holomorphic:
        return ways[COMPOSITIONS[0]]

    @functools.wraps(f)
    def derived(*args: Any, **kwargs: Any) -> Any:
        chosen = Selected(f, argnums, args, kwargs)
        make = functools.partial(hessian_plan, f, args, kwargs, argnums, chunk_bytes=chunk_bytes)
        plan = paying(make, chosen, size_of(chosen.leaves))
        if plan is not None:
            found = dense_blocks(plan(*args, **kwargs), chosen.leaves, chosen.leaves)
            return symmetric(chosen.rebuild([chosen.rebuild(row) for row in apart(found)]))
        return ways[cheaper(f, chosen, chunk_bytes)](*args, **kwargs)

    return derived


def _composed(
    f: F, argnums: Argnums, mode: str, chunk_bytes: int, holomorphic: bool, executor: Executor | None
) -> F:
    """The dense Hessian by a composition of two modes."""
    outer, inner = mode.split("-over-")
    inside: Any = _inside(f, argnums, inner, chunk_bytes, holomorphic)
    if executor is not None:  # that function is local, and processes are sent none but those of modules
        inside = functools.partial(_gradient, f, argnums, inner, chunk_bytes, holomorphic)
        inside = functools.update_wrapper(inside, f)
    both = value_and_jacobian(inside, argnums, outer, chunk_bytes, holomorphic, executor)

    @functools.wraps(f)
    def dense(*args: Any, **kwargs: Any) -> Any:
        return symmetric(both(*args, **kwargs)[1])

    return dense


def _sparse_hessian(f: F, argnums: Argnums, chunk_bytes: int, holomorphic: bool) -> F:
    if holomorphic:
        raise error(ArgumentError, "sparse Hessians are of real functions", "another mode of hessian")

    @functools.wraps(f)
    def derived(*args: Any, **kwargs: Any) -> Any:
        return hessian_plan(f, args, kwargs, argnums, chunk_bytes=chunk_bytes)(*args, **kwargs)

    return derived


def _inside(f: F, argnums: Argnums, mode: str, chunk_bytes: int, holomorphic: bool) -> F:
    """The gradient by one mode."""
    if mode == "reverse":
        return grad(f, argnums, holomorphic=holomorphic)
    return _gradient_forward(f, argnums, chunk_bytes, holomorphic)


def _gradient(
    f: F, argnums: Argnums, mode: str, chunk_bytes: int, holomorphic: bool, /, *args: Any, **kwargs: Any
) -> Any:
    return _inside(f, argnums, mode, chunk_bytes, holomorphic)(*args, **kwargs)


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
