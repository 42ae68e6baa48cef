"""The report as one HTML file that needs nothing else: to project, to print, and to audit."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from html import escape
from pathlib import Path

STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #fff; --soft: #555; --line: #d5d5d5; --blue: #0072b2;
        --tint: #f1f6fa }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e8; --paper: #16181b; --soft: #a8adb3; --line: #3b4046; --blue: #56b4e9; --tint: #1f262d } }
body { font: 18px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1.2rem;
       color: var(--ink); background: var(--paper) }
a { color: var(--blue) }
h1 { font-size: 2rem; margin-bottom: .3rem }
h2 { font-size: 1.6rem; margin: 0 0 .2rem } h2 a { color: inherit; text-decoration: none }
nav ol { padding-left: 1.5rem } nav li { margin: .25rem 0 } nav b { margin-right: .4rem }
section { margin-top: 3.5rem; border-top: 2px solid var(--line); padding-top: 1.2rem }
.question { font-size: 1.2rem; margin: 0 0 .8rem }
.answer { font-size: 1.2rem; border-left: 5px solid var(--blue); padding: .5rem 1rem; background: var(--tint) }
.caution { border-left: 5px double var(--ink); padding: .3rem 1rem }
.origin { color: var(--soft); font-size: .88rem; overflow-wrap: anywhere }
.table { overflow-x: auto } table { border-collapse: collapse; font-size: .85rem; margin: 1rem 0 }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .7rem; text-align: left; vertical-align: bottom }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
td:first-child:not(.number) { min-width: 13rem } td:last-child:not(.number) { min-width: 6rem }
summary { cursor: pointer; color: var(--blue) }
figure { margin: 1.5rem 0 } figcaption { color: var(--soft); font-size: .95rem }
img { max-width: 100%; height: auto; background: #fff; border-radius: 4px }
code { background: var(--tint); padding: .1rem .3rem; overflow-wrap: anywhere }
@media print {
  :root { --ink: #000; --paper: #fff; --soft: #333; --line: #bbb; --blue: #004c78; --tint: #f4f4f4 }
  body { font-size: 11pt; max-width: none; margin: 0; padding: 0 }
  section { break-before: page; border-top: none; margin-top: 0 }
  figure, .answer, tr { break-inside: avoid } h2, .question { break-after: avoid }
  thead { display: table-header-group } .table { overflow: visible } table { font-size: 7.5pt }
  th, td { padding: .15rem .3rem } td:first-child:not(.number), td:last-child:not(.number) { min-width: 0 }
  .download { display: none } }
"""

FOREWORD = (
    "Times are medians over rounds in which all contestants take turns, ratios are taken round by round, and intervals "
    "are 95 % bootstrap intervals; a ratio whose interval holds 1 is called a tie. Operations are counted, not timed: "
    "they are the same on every machine."
)


@dataclass(frozen=True)
class Section:
    """What is shown of one experiment; `raw` is the file with every sample, `numeric` tells columns of numbers."""

    name: str
    question: str
    answer: str
    caution: str
    theory: str
    pictures: list[tuple[Path, str]]
    headings: list[str]
    body: list[list[str]]
    numeric: list[bool]
    origin: str
    rerun: str
    raw: Path
    samples: int


def embedded(path: Path, kind: str) -> str:
    """A file as an address that holds it."""
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"


def html(sections: list[Section]) -> str:
    entries = (
        f"<li><a href='#{escape(s.name)}'><b>{escape(s.name)}</b></a>{escape(s.question)}</li>"
        for s in sections
    )
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Experiments</title>",
        f"<meta name='viewport' content='width=device-width'><style>{STYLE}</style></head>",
        f"<body><h1>Experiments</h1><p>{escape(FOREWORD)}</p><nav><ol>",
        *entries,
        "</ol></nav>",
    ]
    for s in sections:
        parts += shown(s)
    return "\n".join([*parts, "</body></html>"]) + "\n"


def shown(s: Section) -> list[str]:
    """One experiment: question, answer, figures and theory; then the table, the conditions and the raw samples."""
    name = escape(s.name)
    parts = [
        f"<section id='{name}'><h2><a href='#{name}'>{name}</a></h2>",
        f"<p class='question'>{escape(s.question)}</p>",
        f"<p class='answer'>{escape(s.answer)}</p>",
        f"<p class='caution'>{escape(s.caution)}</p>" if s.caution else "",
    ]
    for path, caption in s.pictures:
        image = f"<img alt='{escape(caption)}' src='{embedded(path, 'image/png')}'>"
        parts.append(f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>")
    parts.append(f"<p><em>Theory.</em> {escape(s.theory)}</p>")
    kinds = [" class='number'" if number else "" for number in s.numeric]
    head = "".join(f"<th{kind}>{escape(text)}</th>" for kind, text in zip(kinds, s.headings, strict=True))
    parts.append(f"<details open><summary>Table, {len(s.body)} rows</summary><div class='table'><table>")
    parts.append(f"<thead><tr>{head}</tr></thead><tbody>")
    for row in s.body:
        cells = (f"<td{kind}>{escape(text)}</td>" for kind, text in zip(kinds, row, strict=True))
        parts.append("<tr>" + "".join(cells) + "</tr>")
    parts.append("</tbody></table></div></details>")
    parts.append(f"<p class='origin'>{escape(s.origin)}</p>")
    parts.append(f"<p>Rerun: <code>{escape(s.rerun)}</code></p>")
    link = f"<a download='{name}.json' href='{embedded(s.raw, 'application/json')}'>{name}.json</a>"
    parts.append(
        f"<p class='download'>All {s.samples:,} samples, counts, settings, versions: {link}, inside this page.</p>"
        "</section>"
    )
    return parts
