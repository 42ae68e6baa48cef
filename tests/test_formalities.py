"""What a reader may rely on in every file: exports, docstrings, the direction of imports, sizes."""

import ast
import subprocess
import sys
import types
from pathlib import Path

import pytest

import dualad
from dualad.op import OPS

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "dualad"
FILES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES = 400

# Low to high. A module imports only from layers below its own, and from its own package. A name stands for
# a module or for a package with all that is in it; the longest name that fits counts.
LAYERS = {
    "errors": {"errors"},
    "registry": {"op"},
    "advice": {"draws"},
    "calls": {"foreign"},
    "refusals": {"refuse"},
    "watching": {"debug"},
    "rules": {"rules", "push"},
    "views": {"views"},
    "methods of ufuncs": {"methods"},
    "values": {"tracer"},
    "arrays": {"array"},
    "structure": {"tree"},
    "form": {"form"},
    "closures": {"free"},
    "arguments": {"select"},
    "creation": {"creation"},
    "copies": {"inplace"},
    "entries": {"lean"},
    "series": {"recurrence"},
    "interpreters": {"dual", "tape", "batch", "series"},
    "zeros": {"structural"},
    "graphs as text": {"dot"},
    "programs": {"program"},
    "tracing": {"symbol"},
    "steps": {"calls"},
    "replay": {"replay"},
    "passes": {"simplify"},
    "bodies": {"body"},
    "native": {"native"},
    "sweeps": {"sweep"},
    "loops": {"rolled"},
    "runs": {"run"},
    "ledgers": {"ledger"},
    "counts": {"count"},
    "rules of users": {"custom"},
    "derivatives": {"derivative"},
    "values of functions": {"differences"},
    "comparisons": {"comparison"},
    "faults": {"suspects"},
    "blocks": {"blocks"},
    "workers": {"elsewhere"},
    "expansions": {"taylor"},
    "dependence": {"patterns"},
    "colours": {"greedy", "csr"},
    "colourings": {"coloring"},
    "consumers": {"accuracy", "check", "compile", "pattern", "scan", "compressed"},
    "models": {"model"},
    "prices": {"explain"},
    "planning": {"planning"},
    "constant maps": {"separable"},
    "plans": {"plan"},
    "making plans": {"sparse"},
    "plans that pay": {"paying"},
    "predictions": {"predict"},
    "matrices": {"jacobian", "operators", "diagonal"},
    "solutions": {"implicit"},
    "segments": {"checkpoint"},
    "twins": {"scipy"},
    "curvature": {"second"},
    "teaching": {"teach"},
    "exercises": {"lessons"},
    "surface": {"__init__"},
}
# Rules say what an op is; they never know who is looking at it.
ONLY = {"rules": {"errors", "op"}}

RANK = {name: rank for rank, names in enumerate(LAYERS.values()) for name in names}


def module_name(path, package=PACKAGE):
    """Dotted name below the package: `op`, `rules.shape`, `rules` for rules/__init__.py."""
    parts = path.relative_to(package).with_suffix("").parts
    return ".".join(parts[:-1]) if len(parts) > 1 and parts[-1] == "__init__" else ".".join(parts)


def entry(module):
    """Name in LAYERS that covers the module, or None."""
    while module and module not in RANK:
        module = module.rpartition(".")[0]
    return module or None


def runtime_nodes(tree):
    """Every node but those below `if TYPE_CHECKING:`, which no run ever imports."""
    stack = [tree]
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            stack.extend(node.orelse)
        else:
            stack.extend(ast.iter_child_nodes(node))


def imports(path, package=PACKAGE):
    """(module of the package, line) for each of its imports, also those inside functions."""
    found = []
    here = ("dualad", *path.relative_to(package).parent.parts)
    for node in runtime_nodes(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            targets = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else ()
            base = [*base, *(node.module.split(".") if node.module else [])]
            targets = [[*base, alias.name] for alias in node.names]
        else:
            continue
        for root, *rest in targets:
            if root != "dualad":
                continue
            # What was imported may be a name inside the module: step back to the file.
            while rest and not (
                (package.joinpath(*rest)).is_dir() or package.joinpath(*rest).with_suffix(".py").is_file()
            ):
                rest.pop()
            found.append((".".join(rest) or "__init__", node.lineno))
    return found


def wrong_imports(path, package=PACKAGE):
    """What is wrong with the imports of a file, one line each."""
    module = module_name(path, package)
    mine = entry(module)
    if mine is None:
        return [f"{module} has no place in LAYERS: give it one"]
    wrong = []
    for target, line in imports(path, package):
        theirs = entry(target)
        if theirs is None:
            wrong.append(f"line {line}: {target} has no place in LAYERS: give it one")
            continue
        if theirs == mine:
            continue  # inside one package
        if mine in ONLY and theirs not in ONLY[mine]:
            wrong.append(f"line {line}: {module} may import from {sorted(ONLY[mine])} only, not {target}")
        elif RANK[theirs] >= RANK[mine]:
            wrong.append(f"line {line}: {module} imports {target}, which is not in a layer below")
    return wrong


def test_all_names_what_is_public():
    public = [
        name
        for name in dir(dualad)
        if not name.startswith("_") and not isinstance(getattr(dualad, name), types.ModuleType)
    ]
    assert list(dualad.__all__) == sorted(public)


@pytest.mark.parametrize("name", dualad.__all__)
def test_public_names_are_documented(name):
    thing = getattr(dualad, name)
    if not callable(thing):
        return
    doc = thing.__doc__ or ""
    assert doc.strip(), f"{name} has no docstring"
    # An error's example stands with the function that raises it.
    if not (isinstance(thing, type) and issubclass(thing, Exception)):
        assert ">>>" in doc, f"the docstring of {name} has no example"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_imports_run_one_way(path):
    wrong = wrong_imports(path)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("file", "source", "ok"),
    [
        ("tape.py", "from .op import OPS", True),
        ("tape.py", "from dualad.derivative import grad", False),
        ("tape.py", "def f():\n    from .derivative import grad", False),
        (
            "tape.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .derivative import grad",
            True,
        ),
        ("tape.py", "from . import dual", False),
        ("tape.py", "import dualad", False),
        ("op.py", "import numpy as np, dualad.tracer", False),
        ("rules/shape.py", "from ..op import OPS\nfrom .index import f", True),
        ("rules/shape.py", "from ..tape import Var", False),
        ("rules/__init__.py", "from . import shape", True),
        ("check.py", "from .rules.shape import f\nfrom . import errors", True),
        ("__init__.py", "from . import rules\nfrom .check import check_grads", True),
        ("brand_new.py", "import numpy", False),
    ],
)
def test_the_import_test_sees(tmp_path, file, source, ok):
    (tmp_path / "rules").mkdir()
    for name in (
        "op",
        "tracer",
        "dual",
        "tape",
        "derivative",
        "errors",
        "check",
        "rules/index",
        "rules/shape",
    ):
        (tmp_path / f"{name}.py").touch()
    (tmp_path / file).write_text(source)
    assert (not wrong_imports(tmp_path / file, tmp_path)) == ok


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_files_stay_small(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_LINES, f"{path.relative_to(ROOT)} has {lines} lines: split it"


def test_import_takes_numpy_and_the_standard_library_only():
    # Against what NumPy and site start-up files have loaded already, which is not ours to judge.
    code = (
        "import sys, numpy; before = set(sys.modules)\n"
        "import dualad\n"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "dualad" in loaded
    assert loaded - set(sys.stdlib_module_names) <= {"dualad", "numpy"}


def test_every_op_has_examples():
    assert OPS
    missing = [str(op) for op in OPS.values() if op.kind != "plain" and not op.examples]
    assert not missing, f"ops without examples: {missing}"
