"""The documentation's python blocks run and print what they say; its relative links lead somewhere."""

import contextlib
import doctest
import io
import re
import sys
import textwrap
import types
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parent.parent
FILES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md") if (ROOT / name).exists()),
    *(path for path in sorted((ROOT / "docs").rglob("*.md")) if "_build" not in path.parts),
]
NO_RUN = "<!-- no-run -->"
FENCE = re.compile(r"^ *(?P<ticks>`{3,}|~{3,}) *(?P<language>[^\s`]*)")
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)|^ *\[[^\]]+\]: +(\S+)|\bsrc=\"([^\"]+)\"", re.MULTILINE)
OUTPUT = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def name(path):
    return str(path.relative_to(ROOT))


@dataclass
class Block:
    """A fenced block: its language, text, line number of the opening fence (from 0), last line before it."""

    language: str
    text: str
    line: int
    before: str
    follows: bool  # nothing but blank lines between the block before and this one


def blocks(text):
    found, lines, start, end = [], text.splitlines(), None, None
    for number, line in enumerate(lines):
        fence = FENCE.match(line)
        if start is None and fence:
            start, opening = number, fence
        elif (
            start is not None
            and fence
            and not fence["language"]
            and fence["ticks"].startswith(opening["ticks"])
        ):
            inside = textwrap.dedent("".join(f"{line}\n" for line in lines[start + 1 : number]))
            follows = end is not None and not "".join(lines[end + 1 : start]).strip()
            before = lines[start - 1].strip() if start else ""
            found.append(Block(opening["language"], inside, start, before, follows))
            start, end = None, number
    assert start is None, f"the block opened on line {(start or 0) + 1} is never closed"
    return found


def run_blocks(text, filename, namespace):
    """Run the python blocks of a text in order and compare what they print."""
    found = blocks(text)
    for block, after in zip(found, [*found[1:], None]):
        if block.language != "python" or block.before == NO_RUN:
            continue
        # Blank lines in front, so that tracebacks point into the document.
        code = compile("\n" * (block.line + 1) + block.text, filename, "exec", dont_inherit=True)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, namespace)
        if after and after.language == "text" and after.follows:
            got = printed.getvalue()
            assert doctest.OutputChecker().check_output(after.text, got, OUTPUT), (
                f"{filename}:{block.line + 2} should print\n{after.text}but printed\n{got}"
            )


def prose(text):
    """The text with code blanked out, where brackets are not links."""
    lines = text.splitlines()
    for block in blocks(text):
        for number in range(block.line, block.line + block.text.count("\n") + 2):
            lines[number] = ""
    return re.sub(r"(`+).+?\1", "", "\n".join(lines))


def dead_links(text, folder):
    targets = (unquote(next(filter(None, groups))) for groups in LINK.findall(prose(text)))
    local = (target.partition("#")[0] for target in targets if not re.match(r"[a-z][a-z+.-]*:|//", target))
    return [target for target in local if target and not (folder / target).exists()]


@pytest.fixture
def namespace(monkeypatch, tmp_path):
    # A real module, since dataclasses and pickle look classes up there; a folder that may be written to.
    module = types.ModuleType("snippets")
    monkeypatch.setitem(sys.modules, "snippets", module)
    monkeypatch.chdir(tmp_path)
    return module.__dict__


@pytest.mark.parametrize("path", FILES, ids=name)
def test_snippets(path, namespace):
    run_blocks(path.read_text(encoding="utf-8"), str(path), namespace)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_relative_links(path):
    assert not dead_links(path.read_text(encoding="utf-8"), path.parent)


SAMPLE = """\
```python
x = 3
print("x =", x)
```

```text
x = 3
```

<!-- no-run -->
```python
raise RuntimeError
```

1. in a list
   ```python
   print(x * 2)
   ```
   ```text
   {answer}
   ```
````markdown
```python
raise RuntimeError
```
````
"""


def test_the_runner_runs_and_compares(namespace):
    run_blocks(SAMPLE.format(answer="6"), "sample", namespace)
    with pytest.raises(AssertionError, match="sample:17 should print"):
        run_blocks(SAMPLE.format(answer="7"), "sample", namespace)


def test_the_link_check_sees(tmp_path):
    (tmp_path / "a b.md").touch()
    text = (
        "[1](a%20b.md#top) [2](https://x.org) [3](#here) `[4](no)` ![5](gone.png 'title')\n\n[6]: lost.md\n"
    )
    assert dead_links(text, tmp_path) == ["gone.png", "lost.md"]
