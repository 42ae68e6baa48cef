"""One Markdown page and one self-contained HTML page from the JSON files of a folder."""

from __future__ import annotations

import base64
import json
import re
from html import escape
from pathlib import Path
from typing import Any

from experiments import NAMES
from experiments.experiment import show

STYLE = """
body { font: 17px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1.2rem;
       color: #1a1a1a; background: #fff; }
h1 { font-size: 1.9rem }
h2 { font-size: 1.5rem; margin-top: 3rem; border-top: 2px solid #ccc; padding-top: 1rem }
.answer { font-size: 1.15rem; border-left: 5px solid #0072b2; padding: .4rem 1rem; background: #f3f7fb }
.table { overflow-x: auto } table { border-collapse: collapse; font-size: .88rem; margin: 1rem 0 }
th, td { border-bottom: 1px solid #ddd; padding: .25rem .7rem; text-align: left; vertical-align: bottom }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
img { max-width: 100%; height: auto }
figure { margin: 1.5rem 0 } figcaption { color: #444; font-size: .92rem }
code { background: #f0f0f0; padding: .1rem .3rem }
"""


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
    pages = {"report.md": markdown(found, folder), "report.html": html(found, folder)}
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
        f"{machine['python']}; {machine['threads']['held']}; {versions}. Noise: the middle half of the samples "
        f"spreads over {noise['typical']:.1%} of their median in the typical cell, {noise['worst']:.1%} in the worst."
    )
    beside = machine["side_by_side"]
    if beside:
        text += (
            f" Times were taken with {beside['jobs']} cells side by side ({beside['executor']}), which compete "
            "for memory and caches; counts are the same."
        )
    return text


def plain(text: Any) -> str:
    """A string that Markdown shows as it is: no HTML, no markup, no line or cell ends early."""
    flat = " ".join(str(text).split())
    return re.sub(r"([\\`*_\[\]|])", r"\\\1", escape(flat, quote=False))


def markdown(found: list[dict[str, Any]], folder: Path) -> str:
    lines = ["# Experiments", ""]
    for document in found:
        headings, body, numeric = table(document)
        lines += [f"## {plain(document['experiment'])}", "", f"**{plain(document['question'])}**", ""]
        lines += [plain(document["answer"]), "", f"*Theory.* {plain(document['theory'])}", ""]
        for path, caption in pictures(document, folder):
            lines += [f"![{plain(caption)}]({path.name})", ""]
        lines += ["| " + " | ".join(map(plain, headings)) + " |"]
        lines += ["|" + "|".join("---:" if number else "---" for number in numeric) + "|"]
        lines += ["| " + " | ".join(map(plain, row)) + " |" for row in body]
        lines += ["", plain(origin(document)), "", f"Rerun: {plain(document['rerun'])}", ""]
    return "\n".join(lines)


def html(found: list[dict[str, Any]], folder: Path) -> str:
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Experiments</title>",
        f"<meta name='viewport' content='width=device-width'><style>{STYLE}</style></head>",
        "<body><h1>Experiments</h1>",
    ]
    for document in found:
        headings, body, numeric = table(document)
        kinds = [" class='number'" if number else "" for number in numeric]
        parts += [
            f"<h2>{escape(document['experiment'])}</h2><p><strong>{escape(document['question'])}</strong></p>",
            f"<p class='answer'>{escape(document['answer'])}</p>",
            f"<p><em>Theory.</em> {escape(document['theory'])}</p>",
        ]
        for path, caption in pictures(document, folder):
            data = base64.b64encode(path.read_bytes()).decode("ascii")
            image = f"<img alt='{escape(caption)}' src='data:image/png;base64,{data}'>"
            parts.append(f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>")
        head = "".join(f"<th{kind}>{escape(text)}</th>" for kind, text in zip(kinds, headings, strict=True))
        parts.append(f"<div class='table'><table><thead><tr>{head}</tr></thead><tbody>")
        for row in body:
            cells = (f"<td{kind}>{escape(text)}</td>" for kind, text in zip(kinds, row, strict=True))
            parts.append("<tr>" + "".join(cells) + "</tr>")
        parts.append("</tbody></table></div>")
        parts.append(f"<p>{escape(origin(document))}</p>")
        parts.append(f"<p>Rerun: <code>{escape(document['rerun'])}</code></p>")
    return "\n".join([*parts, "</body></html>"]) + "\n"
