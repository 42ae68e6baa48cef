"""Write docs/reference/accuracy.md: how accurate derivatives are, and the exceptions that the tests know.

python docs/generate_accuracy.py
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "reference" / "accuracy.md"
sys.path.append(str(ROOT / "tests"))

from accuracy_exceptions import EXCEPTIONS, LIMIT, MEASURED  # noqa: E402

TEXT = """\
# How accurate derivatives are

A derivative d(x) in double precision can be no better than what rounding does to it: half a unit in the last place of
the result, and what half a unit in the last place of each argument changes. `tests/test_accuracy.py` measures the
error of every elementwise operation in the unit

    eps · (|d| + Σ |xⱼ ∂d/∂xⱼ|),    eps = 2⁻⁵²

against mpmath with 75 digits and more. First and second derivatives, mixed ones too, in both modes, for Python numbers
and for arrays, are within **{limit:g} units** at twenty seeded points of the operation's domain and at points chosen to
be hard: near 0 and near the ends of the domain, at 1e±200, where functions saturate, where series change. What is
below the smallest normal number, 2.2e-308, may be off by a few times that number; what is above the largest is not
looked at.

Partial derivatives are written so that they do not cancel, and where the derivative of such a formula would cancel,
the partial is an operation with a rule of its own, so that the next order is as good. Where a rule needs a value of
SciPy's, the errors of that value are in the derivative.

## Exceptions

Errors in these units, as measured with NumPy {numpy} and SciPy {scipy}; a dash is within {limit:g}. Names without a
module are parts of other rules. The test fails where an error is larger than listed, and where an entry is no longer
needed.

| function | first | second | why |
|---|---|---|---|
"""


def page():
    """The page as text."""
    lines = [
        f"| {name} | {first or '–'} | {second or '–'} | {reason} |"
        for name, (first, second, reason) in EXCEPTIONS.items()
    ]
    end = "\nThis table is written by `docs/generate_accuracy.py` from `tests/accuracy_exceptions.py`.\n"
    return TEXT.format(limit=LIMIT, **MEASURED) + "\n".join(lines) + "\n" + end


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
