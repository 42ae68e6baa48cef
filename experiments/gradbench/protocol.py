"""GradBench's protocol: one JSON object a line, a response for every message, in order."""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
import traceback
from collections.abc import Iterable
from time import perf_counter_ns
from typing import IO, Any

import numpy as np

import dualad
from experiments.gradbench.function import Function

EVALS = (
    "hello", "llsq", "lse", "det", "ode", "gmm", "ba", "ht", "lstm", "kmeans", "saddle", "particle",
)  # fmt: skip


def functions(module: str) -> dict[str, Function]:
    """The functions of an eval, imported when it is asked for."""
    if module not in EVALS:
        raise LookupError(f"no eval is called {module!r}; there are: {', '.join(EVALS)}")
    found: dict[str, Function] = importlib.import_module(f"experiments.gradbench.evals.{module}").FUNCTIONS
    return found


def converse(messages: Iterable[str], responses: IO[str]) -> None:
    """Answer every line; what the functions print goes to standard error, where it is no part of the protocol."""
    for line in messages:
        if line.strip():
            with contextlib.redirect_stdout(sys.stderr):
                response = respond(json.loads(line))
            print(written(response), file=responses, flush=True)


def written(response: dict[str, Any]) -> str:
    """A response as JSON, in which there are no infinities and NaNs: a result with one is an error."""
    try:
        return json.dumps(response, allow_nan=False)
    except ValueError as error:
        return json.dumps({"id": response["id"], "success": False, "error": f"the result: {error}"})


def respond(message: dict[str, Any]) -> dict[str, Any]:
    """The response to one message. An error is the response's; only a message without `id` has none."""
    response = {"id": message["id"]}
    try:
        match message["kind"]:
            case "start":
                versions = {"dualad": dualad.__version__, "numpy": np.__version__}
                return response | {"tool": "dualad", "config": versions}
            case "define":
                functions(message["module"])
                return response | {"success": True}
            case "evaluate":
                return response | {"success": True} | evaluated(message)
    except Exception:
        return response | {"success": False, "error": traceback.format_exc()}
    return response


def evaluated(message: dict[str, Any]) -> dict[str, Any]:
    """Output and timings of `evaluate`: the function runs `min_runs` times at least, and `min_seconds` long.

    Reading the input and writing the output is not timed. Tracing and compiling is, as part of the first run.
    """
    known = functions(message["module"])
    if message["function"] not in known:
        raise LookupError(
            f"{message['module']} has no function {message['function']!r}; it has: {', '.join(known)}"
        )
    function, given = known[message["function"]], message["input"]
    runs = given if isinstance(given, dict) else {}
    least, long = runs.get("min_runs", 1), runs.get("min_seconds", 0) * 1e9
    args = function.read(given)
    took: list[int] = []
    elapsed = 0
    while len(took) < max(least, 1) or elapsed < long:
        start = perf_counter_ns()
        output = function.run(*args)
        took.append(perf_counter_ns() - start)
        elapsed += took[-1]
    timings = [{"name": "evaluate", "nanoseconds": t} for t in took]
    return {"output": function.write(output), "timings": timings}
