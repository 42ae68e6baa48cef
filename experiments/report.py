"""One Markdown page and one self-contained HTML page from the JSON files of a folder."""

from __future__ import annotations

import json
import re
from html import escape
from pathlib import Path
from typing import Any

from experiments import NAMES, page
from experiments.experiment import show


def documents(folder: Path) -> list[dict[str, Any]]:
    """The experiments found in a folder, in the order of `NAMES`."""
    files = [folder / f"{name}.json" for name in NAMES]
    return [json.loads(file.read_text(encoding="utf-8")) for file in files if file.exists()]


def write(folder: Path) -> list[Path]:
    """Write `report.md` and `report.html`; returns their paths."""
    found = documents(folder)
    if not found:
        raise FileNotFoundError(
            f"{folder} holds no results; first run: python -m experiments run all --quick"
        )
    sections = [section(document, folder) for document in found]
    pages = {"report.md": markdown(sections), "report.html": page.html(sections)}
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in pages]


def pictures(document: dict[str, Any], folder: Path) -> list[tuple[Path, str]]:
    """The figures that exist, as (file, caption); a name that leads out of the folder is left out."""
    named = [(folder / Path(figure["file"]).name, figure["caption"]) for figure in document["figures"]]
    return [(path, caption) for path, caption in named if path.suffix == ".png" and path.is_file()]


def table(document: dict[str, Any], brief: bool = False) -> tuple[list[str], list[list[str]], list[bool]]:
    """Headings, cells as people read them, and which columns are numbers."""
    columns = [column for column in document["columns"] if column["brief"] or not brief]
    body = [[show(row[column["key"]], column["kind"]) for column in columns] for row in document["rows"]]
    return [column["heading"] for column in columns], body, [column["kind"] != "text" for column in columns]


def origin(document: dict[str, Any]) -> str:
    """The machine, the conditions and the noise, in a few sentences."""
    machine, noise = document["machine"], document["noise"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items() if version)
    others = {result["measured"].get("cpu", machine["cpu"]) for result in document["cells"]}
    others.discard(machine["cpu"])
    text = (
        f"Measured {document['date']} ({document['size']} size, seed {document['seed']}) on "
        f"{', '.join([machine['cpu'], *sorted(others)])}, {machine['cores']} cores, {machine['system']}, "
        f"{machine['python']}; {machine['threads']['held']}; {versions}."
    )
    if noise is None:
        return f"{text} Nothing here is timed."
    text += (
        f" Noise: the middle half of the samples spreads over {noise['typical']:.1%} of their median in the typical "
        f"cell, {noise['worst']:.1%} in the worst."
    )
    beside = machine["side_by_side"]
    if beside:
        text += (
            f" Times were taken with {beside['jobs']} cells side by side ({beside['executor']}), which compete "
            "for memory and caches; counts are the same."
        )
    return text


NOISY = 0.25
"""Spread of the samples, as a share of their median, from which on times are to be taken with care."""


def caution(document: dict[str, Any]) -> str:
    """What to beware of in the times, or nothing."""
    noise = document["noise"]
    if noise is None or noise["typical"] <= NOISY:
        return ""
    return (
        "These times are noisy: in the typical cell the middle half of the samples spreads over "
        f"{noise['typical']:.0%} of their median, so other programs held the processor. "
        "Measure again; what is counted stays as it is."
    )


def plain(text: Any) -> str:
    """A string that Markdown shows as it is: no HTML, no markup, no line or cell ends early."""
    flat = " ".join(str(text).split())
    return re.sub(r"([\\`*_\[\]|])", r"\\\1", escape(flat, quote=False))


def section(document: dict[str, Any], folder: Path) -> page.Section:
    """All that a page shows of one experiment."""
    headings, body, numeric = table(document)
    return page.Section(
        name=document["experiment"],
        question=document["question"],
        answer=document["answer"],
        caution=caution(document),
        theory=document["theory"],
        pictures=pictures(document, folder),
        headings=headings,
        body=body,
        numeric=numeric,
        origin=origin(document),
        rerun=document["rerun"],
        raw=folder / f"{document['experiment']}.json",
        samples=sum(
            len(s) for cell in document["cells"] for s in cell["measured"].get("samples", {}).values()
        ),
    )


def markdown(sections: list[page.Section]) -> str:
    lines = ["# Experiments", ""]
    lines += [f"- [{plain(s.name)}](#{s.name}): {plain(s.question)}" for s in sections] + [""]
    for s in sections:
        lines += [f"## {plain(s.name)}", "", f"**{plain(s.question)}**", ""]
        lines += [plain(s.answer), ""] + [plain(s.caution), ""] * bool(s.caution)
        lines += [f"*Theory.* {plain(s.theory)}", ""]
        for path, caption in s.pictures:
            lines += [f"![{plain(caption)}]({path.name})", ""]
        lines += ["| " + " | ".join(map(plain, s.headings)) + " |"]
        lines += ["|" + "|".join("---:" if number else "---" for number in s.numeric) + "|"]
        lines += ["| " + " | ".join(map(plain, row)) + " |" for row in s.body]
        lines += ["", plain(s.origin), "", f"Rerun: {plain(s.rerun)}", ""]
        lines += [f"[{s.samples:,} raw samples, counts, settings, versions]({s.raw.name})", ""]
    return "\n".join(lines)
