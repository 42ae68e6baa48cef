"""Timings that can be compared: fixed threads, warm-up, interleaved rounds, medians with bootstrap intervals.

Contestants take turns (A B C, A B C, ...), so a slow spell of the machine hits all of them, and ratios
are taken within a round. Nothing is timed before its numbers have been checked.
"""

from __future__ import annotations

import gc
import math
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import get_clock_info, perf_counter, process_time
from typing import Any

import numpy as np

Call = Callable[[], Any]


class Disagreement(Exception):
    """Two contestants computed different numbers, so comparing their times would mean nothing."""


@contextmanager
def held(threads: int = 1) -> Iterator[str]:
    """Hold BLAS and OpenMP to that many threads; yields a sentence that says how."""
    try:
        import threadpoolctl
    except ImportError:
        yield "environment variables only (threadpoolctl is not installed)"
        return
    words = "one thread" if threads == 1 else f"{threads} threads"
    with threadpoolctl.threadpool_limits(limits=threads):
        yield f"{words}, held by threadpoolctl and the environment variables"


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


def processor() -> Callable[[], float]:
    """A clock of the processor's time for this process, or the one on the wall where that is coarse.

    It goes on only while this process works, so that other programs do not stretch what it measures.
    """
    return process_time if get_clock_info("process_time").resolution <= 1e-6 else perf_counter


def sample(call: Call, inner: int, clock: Callable[[], float] = perf_counter) -> float:
    """Seconds per call, over `inner` calls in a row, without the garbage collector's pauses."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        start = clock()
        for _ in range(inner):
            call()
        return (clock() - start) / inner
    finally:
        if collecting:
            gc.enable()


def peak(call: Call) -> int:
    """The most bytes that a call has at one time, beyond what was there before; NumPy's arrays are among them."""
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        call()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def repetitions(call: Call, sample_seconds: float) -> int:
    """How many calls in a row last about `sample_seconds`; also warms the call up."""
    inner = 1
    while True:
        seconds = sample(call, inner) * inner
        if seconds >= sample_seconds:
            return inner
        inner = max(2 * inner, min(10 * inner, math.ceil(inner * sample_seconds / max(seconds, 1e-9))))


def race(
    contestants: Mapping[str, Call],
    settings: Mapping[str, Any],
    once: bool = False,
    clock: Callable[[], float] = perf_counter,
) -> dict[str, Any]:
    """Time the contestants in interleaved rounds.

    settings: `rounds` wanted, `sample_seconds` of the shortest sample, `cell_seconds` allowed in all
    (at least five rounds are run, whatever they take)
    once: every call is a sample of its own, as for what takes seconds
    clock: of the samples: the one on the wall, or `processor()`
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
            samples[name].append(sample(call, inner[name], clock))
    share = (process_time() - worked) / (perf_counter() - start)
    return {"samples": samples, "inner": inner, "share": share}


RESAMPLES = 2000
CONFIDENCE = 0.95


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The median and its 95 % interval, (low, median, high), by the percentile bootstrap (Efron, 1979).

    The resamples are drawn with a fixed seed, so that the same samples have the same interval wherever it is found.
    """
    samples = np.asarray(values, dtype=float)
    drawn = np.random.default_rng(0).integers(0, samples.size, (RESAMPLES, samples.size))
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(np.median(samples[drawn], axis=1), [tail, 100 - tail])
    return float(low), float(np.median(samples)), float(high)


def median(values: Sequence[float]) -> float:
    return float(np.median(np.asarray(values, dtype=float)))


def noise(values: Sequence[float]) -> float:
    """How far the middle half of the samples spreads, as a share of their median."""
    low, middle, high = np.percentile(np.asarray(values, dtype=float), [25, 50, 75])
    return float((high - low) / middle)


def summary(samples: Mapping[str, Sequence[float]]) -> dict[str, dict[str, float]]:
    """For each contestant the median, its interval and the noise."""
    found = {}
    for name, values in samples.items():
        low, middle, high = interval(values)
        found[name] = {"median": middle, "low": low, "high": high, "noise": noise(values)}
    return found


def ratio(above: Sequence[float], below: Sequence[float]) -> dict[str, Any]:
    """Ratio of two contestants, the median over the rounds with its interval; a tie if that straddles 1."""
    low, middle, high = interval(np.divide(above, below).tolist())
    return {"low": low, "median": middle, "high": high, "tie": low <= 1 <= high}
