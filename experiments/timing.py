"""Timings that can be compared: one thread, warm-up, interleaved rounds, medians and quartiles.

Contestants take turns (A B C, A B C, ...), so a slow spell of the machine hits all of them, and ratios
are taken within a round. Nothing is timed before its numbers have been checked.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter, process_time
from typing import Any

import numpy as np

Call = Callable[[], Any]


class Disagreement(Exception):
    """Two contestants computed different numbers, so comparing their times would mean nothing."""


@contextmanager
def one_thread() -> Iterator[str]:
    """Hold BLAS and OpenMP to one thread; yields a sentence that says how."""
    try:
        import threadpoolctl
    except ImportError:
        yield "environment variables only (threadpoolctl is not installed)"
        return
    with threadpoolctl.threadpool_limits(limits=1):
        yield "one thread, held by threadpoolctl and the environment variables"


def numbers(value: Any) -> np.ndarray:
    """Every number of a nested result as one flat array; foreign arrays and scalars are converted."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return np.concatenate([numbers(part) for part in value]) if value else np.empty(0)
    return np.ravel(np.asarray(value, dtype=float))


def check(results: Mapping[str, Any], tolerances: Mapping[str, float] | None = None) -> None:
    """Hold every contestant's numbers against the first one's, or raise `Disagreement` with both names.

    The error is relative to the largest number of the reference. 1e-10 unless `tolerances` says otherwise.
    """
    names = list(results)
    reference = numbers(results[names[0]])
    scale = np.max(np.abs(reference), initial=0.0) or 1.0
    for name in names[1:]:
        got = numbers(results[name])
        tolerance = (tolerances or {}).get(name, 1e-10)
        if got.shape != reference.shape:
            raise Disagreement(f"{name} gave {got.size} numbers, {names[0]} gave {reference.size}")
        error = np.max(np.abs(got - reference), initial=0.0) / scale
        if not error <= tolerance:  # written so that NaN disagrees, too
            raise Disagreement(f"{name} and {names[0]} differ by {error:.1e}, allowed is {tolerance:.0e}")


def sample(call: Call, inner: int) -> float:
    """Seconds per call, over `inner` calls in a row, without the garbage collector's pauses."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        start = perf_counter()
        for _ in range(inner):
            call()
        return (perf_counter() - start) / inner
    finally:
        if collecting:
            gc.enable()


def repetitions(call: Call, sample_seconds: float) -> int:
    """How many calls in a row last about `sample_seconds`; also warms the call up."""
    inner = 1
    while True:
        seconds = sample(call, inner) * inner
        if seconds >= sample_seconds:
            return inner
        inner = max(2 * inner, min(10 * inner, math.ceil(inner * sample_seconds / max(seconds, 1e-9))))


def race(contestants: Mapping[str, Call], settings: Mapping[str, Any], once: bool = False) -> dict[str, Any]:
    """Time the contestants in interleaved rounds.

    settings: `rounds` wanted, `sample_seconds` of the shortest sample, `cell_seconds` allowed in all
    (at least five rounds are run, whatever they take)
    once: every call is a sample of its own, as for what takes seconds
    returns: `{"samples": {name: [seconds per call, ...]}, "inner": {name: calls per sample}, "share": part of
        the time in which the processor worked for this process}`
    """
    inner = {
        name: 1 if once else repetitions(call, settings["sample_seconds"])
        for name, call in contestants.items()
    }
    gc.collect()
    samples: dict[str, list[float]] = {name: [] for name in contestants}
    start, worked = perf_counter(), process_time()
    for done in range(settings["rounds"]):
        spent = perf_counter() - start
        if done >= 5 and spent * (done + 1) / done > settings["cell_seconds"]:
            break
        for name, call in contestants.items():
            samples[name].append(sample(call, inner[name]))
    share = (process_time() - worked) / (perf_counter() - start)
    return {"samples": samples, "inner": inner, "share": share}


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile."""
    low, middle, high = np.percentile(np.asarray(values, dtype=float), [25, 50, 75])
    return float(low), float(middle), float(high)


def median(values: Sequence[float]) -> float:
    return quartiles(values)[1]


def ratio(above: Sequence[float], below: Sequence[float]) -> dict[str, Any]:
    """Ratio of two contestants, taken round by round; a tie if its quartiles straddle 1."""
    low, middle, high = quartiles(np.divide(above, below).tolist())
    return {"low": low, "median": middle, "high": high, "tie": low <= 1 <= high}
