"""Graphs as text for Graphviz."""

from __future__ import annotations

from collections.abc import Iterable

# A node's name, its label, and whether it is drawn round; an edge's two names, and its label.
DotNode = tuple[str, str, bool]
DotEdge = tuple[str, str, str]


def digraph(nodes: Iterable[DotNode], edges: Iterable[DotEdge]) -> str:
    """A directed graph in the DOT language, left to right; labels may hold anything."""
    lines = ["digraph {", "  rankdir=LR; node [shape=box];"]
    for name, label, round_ in nodes:
        lines.append(f"  {name} [label={quoted(label)}{', shape=ellipse' if round_ else ''}];")
    for source, target, label in edges:
        lines.append(f"  {source} -> {target}{f' [label={quoted(label)}]' if label else ''};")
    return "\n".join([*lines, "}"])


def quoted(text: str) -> str:
    """A string of the DOT language, line breaks as such."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "")
    return f'"{escaped}"'
