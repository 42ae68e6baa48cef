"""The chain of `chains.py` as source text without a loop, for compilers that read source."""

import importlib.util
import tempfile
from pathlib import Path

from experiments.problems.chains import BODY

HEAD = "from math import exp, sin, sqrt, tanh\n\n\ndef line(x):\n    total = 0.0\n"
PASS = """\
    a = sin(x)
    b = a * x
    c = b + 1.5
    d = sqrt(c)
    e = tanh(d)
    f = e - d
    g = exp(f)
    h = g / c
    x = h * d
    total = total + x
"""


def line(operations):
    """`chains.chain` of a number, as a function of that many statements, loaded from a file of its own."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "straight_line.py"
        file.write_text(HEAD + PASS * (operations // BODY) + "    return total\n", encoding="utf-8")
        spec = importlib.util.spec_from_file_location(file.stem, file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module.line
