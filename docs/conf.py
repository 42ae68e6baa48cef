"""The documentation site: lessons that are run, how-to guides, the reference from docstrings, explanations."""

import inspect
import os
import sys
from importlib import import_module
from pathlib import Path

DOCS = Path(__file__).parent
ROOT = DOCS.parent
sys.path[:0] = [str(ROOT), str(DOCS)]
# The kernels of the lessons, processes of their own, run the dualad beside these pages as well.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))

from docstrings import converted  # noqa: E402
from docutils.nodes import SkipNode  # noqa: E402
from formulas import mathml  # noqa: E402
from links import page  # noqa: E402

import dualad  # noqa: E402

project = "dualad"
author = "The dualad authors"
copyright = author
release = version = dualad.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.autosummary"]
html_math_renderer = "mathml"
exclude_patterns = ["_build"]
templates_path = ["_templates"]
nitpicky = True
default_role = "code"

html_theme = "furo"
pygments_dark_style = "github-dark"
html_title = "dualad"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False

myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
myst_heading_anchors = 3

nb_execution_mode = "cache"
nb_execution_cache_path = str(ROOT / "out" / "docs-cache")
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_output_stderr = "show"
# What a lesson hides is always this; a cell can say otherwise.
nb_code_prompt_show = "A solution"
nb_code_prompt_hide = "Hide the solution"

autosummary_generate = True
autodoc_typehints = "none"
# The classes are made by functions: what their constructors take is nobody's business.
autodoc_class_signature = "separated"
autodoc_member_order = "bysource"
add_module_names = True

linkcheck_timeout = 20
linkcheck_workers = 4

TWINS = ["dualad.scipy.integrate", "dualad.scipy.linalg", "dualad.scipy.optimize", "dualad.scipy.special"]
# Short names that a docstring may link to. `count` is an attribute, too.
KNOWN = {name: f"dualad.{name}" for name in dualad.__all__ if name != "count"}
KNOWN |= {
    f"{module.removeprefix('dualad.')}.{name}": f"{module}.{name}"
    for module in TWINS
    for name in import_module(module).__all__
}


def read(app, docname, source):
    """Put files of the repository in the place of their `include`, and lead all links to pages."""
    path = Path(app.env.doc2path(docname))
    if path.suffix == ".md":
        source[0] = page(source[0], path.parent, app.env.note_dependency)


def docstring(app, what, name, obj, options, lines):
    """Our docstrings as Sphinx reads them."""
    title = "Attributes" if inspect.isclass(obj) else "Parameters"
    lines[:] = converted(lines, KNOWN, title)


def inline_math(self, node):
    self.body.append(mathml(node.astext()))
    raise SkipNode


def block_math(self, node):
    self.body.append(f'<div class="math">{mathml(node.astext(), "block")}</div>\n')
    raise SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (inline_math, None), (block_math, None))
    app.connect("source-read", read)
    app.connect("autodoc-process-docstring", docstring)
