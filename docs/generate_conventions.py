"""Write docs/reference/conventions.md from the conventions that the tests check.

python docs/generate_conventions.py
"""

import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from docs.conventions import CONVENTIONS, Plain

PAGE = Path(__file__).parent / "reference" / "conventions.md"
HEAD = """\
# Conventions at awkward points

What a derivative is where textbooks leave a choice. This page is written by `docs/generate_conventions.py` from
`docs/conventions.py`, and `tests/test_conventions.py` evaluates every expression below in both modes, those of numbers
on arrays too. How accurate derivatives are elsewhere is in [accuracy.md](accuracy.md).
"""
ORDERS = {1: "", 2: ", second derivative", 3: ", third derivative"}


def shown(value):
    """A number, array or anything else as a reader would write it."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(shown, value))}]"
    if type(value) not in (int, float):
        return str(value)
    if math.isnan(value):
        return "NaN"
    thirds = round(value * 3) if math.isfinite(value) else 0
    text = f"{thirds}/3" if thirds % 3 and thirds / 3 == value else f"{value:g}".replace("inf", "∞")
    return text.replace("-", "−")


def result(point):
    """What the derivative is, or what happens."""
    if isinstance(point.expected, Plain):
        return f"plain value {shown(point.expected.value)}"
    if isinstance(point.expected, type):
        return f"`{point.expected.__name__}`"
    return ", ".join(map(shown, point.expected))


def section(convention):
    lines = [f"## {convention.title}", "", convention.says, ""]
    if convention.points:
        lines += ["| expression | at | derivative, or what happens |", "|---|---|---|"]
    for point in convention.points:
        where = ", ".join(f"{name} = {shown(a)}" for name, a in zip("xyz", point.at))
        text = point.text.replace("|", "\\|")
        lines.append(f"| `{text}`{ORDERS[point.order]} | {where} | {result(point)} |")
    if convention.points:
        lines.append("")
    files: dict[str, list[str]] = {}
    for test in convention.tests:
        file, name = test.split("::")
        files.setdefault(file, []).append(f"`{name}`")
    if files:
        named = "; ".join(f"{', '.join(names)} in `tests/{file}`" for file, names in files.items())
        lines += [f"{'Tested further' if convention.points else 'Tested'} by {named}.", ""]
    return lines


def page():
    """The page as text."""
    return "\n".join([HEAD, *(line for convention in CONVENTIONS for line in section(convention))])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
