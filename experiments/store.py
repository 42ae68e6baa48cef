"""Measured cells on disk: one JSON line each, written as soon as it is measured, never rewritten."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def key(**parts: Any) -> str:
    """The identity of a measurement: equal keys mean the same cell under the same settings."""
    return json.dumps(parts, sort_keys=True)


class Store:
    """An append-only file of measured cells, which is what lets an interrupted run resume."""

    def __init__(self, path: Path, fresh: bool = False) -> None:
        self.path = path
        self.measured: dict[str, dict[str, Any]] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        if fresh:
            path.unlink(missing_ok=True)
        torn = False
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            try:
                entry = json.loads(line)
                self.measured[entry["key"]] = entry["measured"]
            except (ValueError, KeyError, TypeError):
                torn = True  # a line cut short by an interruption: its cell is simply measured again
        if torn:
            with path.open("a", encoding="utf-8") as file:
                file.write("\n")  # so that the next line does not continue the torn one

    def get(self, key: str) -> dict[str, Any] | None:
        return self.measured.get(key)

    def put(self, key: str, measured: dict[str, Any]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, "measured": measured}, allow_nan=False) + "\n")
        self.measured[key] = measured
