"""The documentation site: every page and every public name has its place; docstrings become what Sphinx reads."""

import importlib.util
import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

import dualad

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [path for path in sorted(DOCS.rglob("*.md")) if "_build" not in path.parts]
TWINS = ["dualad.scipy.integrate", "dualad.scipy.linalg", "dualad.scipy.optimize", "dualad.scipy.special"]


def loaded(name):
    """A module of docs/, which is no package."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


docstrings, formulas, links = loaded("docstrings"), loaded("formulas"), loaded("links")


def listed(page):
    """The pages in the toctrees of a page."""
    for tree in re.findall(r"^```\{toctree\}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S):
        for line in tree.splitlines():
            if line and not line.startswith(":"):
                yield from page.parent.glob(f"{line}.md")


def test_every_page_is_in_a_toctree():
    found, todo = set(), [DOCS / "index.md"]
    while todo:
        page = todo.pop()
        if page not in found:
            found.add(page)
            todo += listed(page)
    assert sorted(found) == PAGES


def test_the_reference_lists_every_public_name_once():
    text = (DOCS / "reference" / "api" / "index.md").read_text(encoding="utf-8")
    found = []
    for block in re.findall(r"^```\{eval-rst\}\n(.*?)^```$", text, re.M | re.S):
        module = re.search(r"currentmodule:: (\S+)", block)[1]
        found += [f"{module}.{name}" for name in re.findall(r"^   (\w+)$", block, re.M)]
    text = (DOCS / "reference" / "api" / "errors.md").read_text(encoding="utf-8")
    found += [f"dualad.{name}" for name in re.findall(r"autoexception:: (\w+)", text) if name != "NotYet"]
    public = [f"{module}.{name}" for module in ("dualad", *TWINS) for name in import_module(module).__all__]
    lessons = ["dualad.lessons.check", "dualad.lessons.exercises"]
    assert sorted(found) == sorted([*public, *lessons])


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_links_between_pages_stay_on_the_site(path):
    text = links.page(path.read_text(encoding="utf-8"), path.parent)
    assert "```{include}" not in text
    for target in links.targets(text):
        assert not (path.parent / target).is_file() or target[0] == "/"
        assert target[0] != "/" or (DOCS / target[1:]).is_file(), target


def test_links_of_the_repository_become_links_of_the_site():
    text = "[a](../../README.md#x) [`b` b](../../tests/test_site.py) `[c](../memory.md)` [d](memory.md) [e](https://x.org)"
    expected = "[a](/tour.md#x) `b` b `[c](../memory.md)` [d](/how-to/memory.md) [e](https://x.org)"
    assert links.relinked(text, DOCS / "how-to") == expected
    noted = []
    tour = links.page("# T\n\n```{include} ../README.md\n:start-after: ## A tour\n```\n", DOCS, noted.append)
    assert noted == [ROOT / "README.md"]
    assert tour.startswith("# T\n\n\n```python\n")
    assert "](/how-to/compile.md)" in tour


def test_settings_load_where_sphinx_is_installed(monkeypatch):
    for name in ("sphinx", "myst_nb", "furo", "latex2mathml"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"the site is built with {name}")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", "")
    conf = loaded("conf")
    assert conf.release == dualad.__version__
    assert conf.KNOWN["scipy.linalg.expm"] == "dualad.scipy.linalg.expm"
    assert set(dualad.__all__) - set(conf.KNOWN) == {"count"}


@pytest.mark.parametrize(
    ("tex", "expected"),
    [
        (r"x^2 \sin x", r"x^2\, \sin\, x"),
        (r"\cos v_1 \cdot \cos(x)", r"\cos\, v_1 \cdot \cos(x)"),
        (r"(1 - y)\ln\left(x\right)", r"(1 - y)\, \ln\left(x\right)"),
        (r"r \cos^2\theta + \sinus \sin' = 1", r"r\, \cos^2\, \theta + \sinus \sin' = 1"),
    ],
)
def test_names_of_functions_keep_their_distance(tex, expected):
    assert formulas.spaced(tex) == expected


def test_formulas_are_mathml():
    pytest.importorskip("latex2mathml")
    text = formulas.mathml(r"\lim_{h \to 0} |h|", "block")
    assert "<munder><mo>lim</mo>" in text
    assert text.count('lspace="0" rspace="0"') == 2
    assert "<munder>" not in formulas.mathml(r"\lim_{h \to 0} h")


DOCSTRING = """\
Product of `x` and *y*, see `grad`.

A paragraph with `f(*args)`s
in two lines.

x, *rest: numbers: of any
    shape; y: another
returns: the product
raises: ShapeError if `x` does not fit

>>> 2 * 3
6
"""
CONVERTED = r"""
Product of ``x`` and \*y\*, see :py:obj:`grad <dualad.grad>`.

A paragraph with ``f(*args)``\ s in two lines.

:Parameters:

    - **x**, **\*rest**: numbers: of any shape
    - **y**: another

:Returns: the product

:Raises: :py:obj:`ShapeError <dualad.ShapeError>` if ``x`` does not fit

>>> 2 * 3
6
"""


def test_docstrings_become_field_lists():
    known = {"grad": "dualad.grad", "ShapeError": "dualad.ShapeError"}
    assert "\n".join(docstrings.converted(DOCSTRING.splitlines(), known)).strip() == CONVERTED.strip()


@pytest.mark.parametrize("name", dualad.__all__)
def test_every_public_docstring_is_understood(name):
    thing = getattr(dualad, name)
    for paragraph in docstrings.paragraphs((thing.__doc__ or "").splitlines()):
        stripped = [line.removeprefix("    ") for line in paragraph]
        if docstrings.FIELD.match(stripped[0]) and not stripped[0].startswith(">>>"):
            assert all(field for field, _ in docstrings.fields(stripped)), stripped
