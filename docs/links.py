"""Pages of the site from files of the repository: links that hold there, as links between pages."""

import re
from pathlib import Path

DOCS = Path(__file__).parent
ROOT = DOCS.parent
# Files outside this folder that have a page here. Links to others become text: the site has no such page.
PAGES = {"README.md": "tour.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
INCLUDE = re.compile(r"^```\{include\} (\S+)\n(?::start-after: (.+)\n)?```$", re.MULTILINE)
# Whatever comes first: a block of code, a link (whose words may have code in them), or code in a line.
LINK = re.compile(
    r"^ *```.*?^ *```$"
    r"|\[(?P<words>(?:[^\[\]`\n]|`[^`\n]*`|\n(?!\n))*)\]\((?P<target>[^)\s:#]+)(?P<anchor>#[^)\s]*)?\)"
    r"|(?P<ticks>`+)[^`]+(?P=ticks)",
    re.MULTILINE | re.DOTALL,
)


def targets(text):
    """What the relative links of a text lead to."""
    return [found["target"] for found in LINK.finditer(text) if found["target"]]


def relinked(text, folder):
    """Relative links of a file in `folder` as links from the site's root; code is left alone."""

    def link(found):
        if not found["target"] or not (folder / found["target"]).exists():
            return found[0]
        target = (folder / found["target"]).resolve()
        if target.parent == ROOT and target.name in PAGES:
            target = DOCS / PAGES[target.name]
        if not target.is_relative_to(DOCS):
            return found["words"]
        return f"[{found['words']}](/{target.relative_to(DOCS).as_posix()}{found['anchor'] or ''})"

    return LINK.sub(link, text)


def page(text, folder, note=lambda path: None):
    """The text of a page: other files in the place of their `include`, all links relinked.

    note: is told the path of each file that was read
    """

    def include(found):
        path = (folder / found[1]).resolve()
        note(path)
        text = path.read_text(encoding="utf-8")
        if found[2]:
            text = text.split(f"\n{found[2]}\n", 1)[1]
        return relinked(text, path.parent)

    # In parts, since what is relinked must not be so twice.
    parts, end = [], 0
    for found in INCLUDE.finditer(text):
        parts += [relinked(text[end : found.start()], folder), include(found)]
        end = found.end()
    return "".join([*parts, relinked(text[end:], folder)])
