"""Our docstrings as reStructuredText, for the pages of the reference.

They are plain text: paragraphs, examples, and between them lines `name: what it is` with a hanging indent. The summary
is one sentence, and names of code stand between single backticks.
"""

import re

# The first line of a list of fields: one or several names, a colon and words.
FIELD = re.compile(r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*): ")
# A further field in the same line: "state: the first state; xs: arrays".
NEXT = re.compile(r"; (?=\w+(?:, \w+)*: )")
CODE = re.compile(r"(`+)(.+?)\1")
TITLES = {"returns": "Returns", "raises": "Raises", "yields": "Yields"}


def paragraphs(lines):
    """Stretches of lines without blank ones between them."""
    found = [[]]
    for line in lines:
        if line.strip():
            found[-1].append(line)
        elif found[-1]:
            found.append([])
    return [paragraph for paragraph in found if paragraph]


def marked(text, known):
    """A text with code as literals, names of the API as links, and everything else as it stands."""
    parts, end = [], 0

    def plain(text):
        text = re.sub(r"([\\*|_])", r"\\\1", text)
        return re.sub(r"\b[A-Z]\w+Error\b", lambda found: link(found[0]) or found[0], text)

    def link(name):
        whole = known.get(name.removeprefix("dualad."))
        return whole and f":py:obj:`{name} <{whole}>`"

    for code in CODE.finditer(text):
        before, after = text[end : code.start()], text[code.end() : code.end() + 1]
        parts += [plain(before), link(code[2]) or f"``{code[2]}``"]
        parts.append("\\ " if after.isalnum() else "")
        end = code.end()
    return "".join([*parts, plain(text[end:])])


def fields(paragraph):
    """Pairs of names and text; continuation lines are joined, and fields that share a line parted."""
    whole = []
    for line in paragraph:
        if line[0] == " " and whole:
            whole[-1] += " " + line.strip()
        else:
            whole.append(line)
    found = []
    for line in whole:
        for part in NEXT.split(line):
            match = FIELD.match(part)
            if match:
                found.append((match[1], part[match.end() :]))
            else:  # a sentence between the fields
                found.append(("", part))
    return found


def converted(lines, known=None, title="Parameters"):
    """The lines of a docstring as reStructuredText.

    known: the full name of what a short name stands for, where there is a page to link to
    title: of the names that are not `returns` or `raises`: for a class these are attributes
    """
    known, out, named = known or {}, [], False
    for paragraph in paragraphs(lines):
        if paragraph[0].startswith(">>>"):
            out += [*paragraph, ""]
        elif all(line[0] == " " for line in paragraph):
            out += ["::", "", *paragraph, ""]
        elif FIELD.match(paragraph[0]):
            for name, text in fields(paragraph):
                if name in TITLES:
                    out += ["", f":{TITLES[name]}: {marked(text, known)}"]
                    continue
                if not named:
                    out += [f":{title}:", ""]
                    named = True
                names = ", ".join(f"**{part.replace('*', chr(92) + '*')}**" for part in name.split(", "))
                out += [f"    - {names}: {marked(text, known)}" if name else f"    - {marked(text, known)}"]
            out.append("")
        else:
            out += [marked(" ".join(line.strip() for line in paragraph), known), ""]
    return out
