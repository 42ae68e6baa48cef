"""Chunks of directions that are swept elsewhere: by an executor's threads, processes or machines."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from .blocks import Elsewhere, Ranges, columns_of, rows_of, seed
from .debug import debug_nans, watching
from .derivative import F
from .errors import ArgumentError, error
from .free import opened
from .op import Tracer
from .run import Recording, run_dual
from .select import Argnums, Selected, named
from .tree import flatten

if TYPE_CHECKING:
    from concurrent.futures import Executor


def elsewhere(
    executor: Executor, f: F, argnums: Argnums, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Elsewhere:
    """All ranges but the first are tasks of the executor, each of which runs `f` once more.

    A range is as long as without an executor, so that products of matrices have the same shapes, and all numbers
    come out the same to the last bit.
    """
    around = opened(inspect.unwrap(f))[0]
    traced = any(isinstance(v, Tracer) for v in (*flatten((args, kwargs))[0], *around))

    def share(kind: str, ranges: Ranges, factor: complex) -> tuple[Ranges, Callable[[], list[Any]]]:
        if traced:
            raise _inside(f)
        watched = watching()
        futures = [
            executor.submit(part, kind, f, argnums, args, kwargs, *one, factor, watched) for one in ranges[1:]
        ]

        def results() -> list[Any]:
            try:
                return [future.result() for future in futures]
            except Exception as exception:
                _explain(exception, f, (args, kwargs))
                raise
            finally:
                for future in futures:
                    future.cancel()

        return ranges[:1], results

    return share


def part(
    kind: str,
    f: F,
    argnums: Argnums,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    start: int,
    stop: int,
    factor: complex,
    watched: bool,
) -> list[Any]:
    """The columns or rows of one range of directions, `None` where zero; in whatever thread or process this runs."""
    chosen = Selected(f, argnums, args, kwargs)
    leaves = chosen.leaves
    with debug_nans() if watched else nullcontext():
        if kind == "forward":
            found = columns_of(run_dual(f, chosen.call, leaves, seed(leaves, start, stop, factor))[1])
        else:
            with Recording(f, chosen.call, leaves) as run:
                if kind == "push":
                    found = columns_of(run.push(seed(leaves, start, stop, factor)))
                else:
                    found = rows_of(run, start, stop, factor, last=True)
    if any(isinstance(v, Tracer) for v in found):
        raise _inside(f)
    return found


def _inside(f: F) -> ArgumentError:
    return error(
        ArgumentError,
        f"a Jacobian of {named(f)} with an executor met a traced value: workers know nothing of a derivative, a count "
        "or a compilation around them",
        "leave out executor= there",
    )


def _explain(exception: Exception, f: F, arguments: Any) -> None:
    """Say what cannot be sent to a process, where that is what went wrong."""
    text = str(exception)
    if not isinstance(exception, pickle.PicklingError) and not ("pickle" in text or "local object" in text):
        return
    for what, thing in ((named(f), f), (f"an argument of {named(f)}", arguments)):
        try:
            pickle.dumps(thing)
        except Exception as reason:
            raise error(
                ArgumentError,
                f"{what} cannot be sent to another process: {reason}",
                "a function that a module defines, or functools.partial of one; or a ThreadPoolExecutor",
            ) from exception
