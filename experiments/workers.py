"""Cells measured side by side: in processes of this machine, on a Dask cluster, or on any other executor."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from typing import Any

from experiments import machine, timing
from experiments.experiment import Cell, Settings

KINDS = ("process", "dask")
CLUSTER = "DASK_SCHEDULER_ADDRESS"
"""The variable by which Dask's own clients find a cluster that runs already."""


@contextmanager
def workers(kind: str, jobs: int) -> Iterator[Executor]:
    """An executor of that many processes; that of a Dask cluster which `CLUSTER` names has as many as it has."""
    if kind == "process":
        # Not forked: the progress bar has a thread, and BLAS may have some.
        fresh = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(jobs, mp_context=fresh, initializer=leave_interrupts) as pool:
            yield pool
        return
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError:
        raise ValueError("--executor dask needs Dask's scheduler: pip install 'dualad[dask]'") from None
    if os.environ.get(CLUSTER):
        with Client() as client:
            yield client.get_executor(pure=False)
        return
    # Port 0 is any that is free: with a fixed one, two clusters on a machine would be in each other's way.
    local = {"n_workers": jobs, "threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
    # Not daemons, which may have no children: an experiment may start processes of its own.
    with (
        dask.config.set({"distributed.worker.daemon": False}),
        LocalCluster(**local) as cluster,
        Client(cluster) as client,
    ):
        client.run(leave_interrupts)
        yield client.get_executor(pure=False)


def leave_interrupts() -> None:
    """Ctrl-C reaches every process of a terminal; the parent alone is to act on it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def work(
    measure: Callable[[Cell, Settings, int], dict[str, Any]],
    cell: Cell,
    settings: Settings,
    seed: int,
    threads: int,
    source: str,
) -> dict[str, Any]:
    """One cell, measured in the process that calls this, which has to have the same source."""
    if machine.fingerprint() != source:
        raise ValueError(
            "a worker has another version of dualad or of the experiments; install this one there, too"
        )
    with timing.held(threads):
        measured = measure(cell, settings, seed)
    return measured | {"cpu": machine.cpu_model()}


def side_by_side(
    executor: Executor,
    measure: Callable[[Cell, Settings, int], dict[str, Any]],
    cells: Mapping[int, Cell],
    settings: Settings,
    seed: int,
    threads: int,
) -> Iterator[tuple[int, dict[str, Any]]]:
    """(number of the cell, what was measured), in the order in which they are done.

    What has not begun when this ends early, by an error or an interruption, is not begun.
    """
    source = machine.fingerprint()
    futures = {
        executor.submit(work, measure, cell, settings, seed, threads, source): i for i, cell in cells.items()
    }
    try:
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        for future in futures:
            future.cancel()
