"""Every public function of NumPy is declared: with a rule, plain, unsupported with a reason, or not applicable."""

import importlib

import numpy as np
import pytest

from docs.generate_coverage import NAMESPACES, PAGE, WHY_NOT, kind, page, public
from docs.tested import accepted, differentiable, exercised, generated
from dualad.errors import RegistrationError
from dualad.op import OPS, UNSUPPORTED, composite, unsupported

# Parameters that no example of a function gives, and why not.
NO_EXAMPLE = {
    "np.empty_like": ("dtype order subok shape", "its values are anybody's; np.zeros_like shares the rule"),
    "np.reshape": ("newshape", "deprecated, and gone from newer NumPy"),
    "np.polyfit": ("full cov", "refused unless false"),
    "np.nanvar": ("dtype", "NumPy rounds to the precision of the data in between"),
    "np.nanstd": ("dtype", "NumPy rounds to the precision of the data in between"),
    **dict.fromkeys(
        ("np.quantile", "np.percentile", "np.nanquantile", "np.nanpercentile", "np.median", "np.nanmedian"),
        ("overwrite_input", "NumPy may leave the example in another order"),
    ),
}  # fmt: skip


def test_every_keyword_that_a_rule_accepts_is_exercised():
    # `out` is taken only to be refused.
    missing = {name: accepted(fn) - exercised(fn) - {"out"} for name, fn in differentiable().items()}
    exempt = {name: set(names.split()) for name, (names, _) in NO_EXAMPLE.items()}
    found = {name: names - exempt.get(name, set()) for name, names in missing.items()}
    assert not {name: names for name, names in found.items() if names}
    # An exemption that is not needed (any more) goes.
    functions = differentiable()
    assert not {name for name, names in exempt.items() if names & exercised(functions[name])}


def test_tests_are_generated_from_the_examples():
    assert len(differentiable()) > 200
    assert generated() > 10 * len(differentiable())


@pytest.mark.parametrize("path", NAMESPACES)
def test_every_public_function_is_declared(path):
    found = public(NAMESPACES[path])
    assert len(found) > 15
    undeclared = [name for name, function in found.items() if kind(name, function) is None]
    assert not undeclared, f"{path}: give these a rule, or declare them plain, unsupported or not applicable"


def test_nothing_is_declared_twice():
    assert not OPS.keys() & UNSUPPORTED.keys()
    functions = {name: fn for ns in NAMESPACES.values() for name, fn in public(ns).items() if name in WHY_NOT}
    assert not [name for name, fn in functions.items() if (fn in OPS or fn in UNSUPPORTED) and name != "test"]
    # Of names that a NumPy has not (yet, or any more), there are few.
    assert len(WHY_NOT.keys() - functions.keys()) < 5


def test_reasons_say_what_to_write():
    importlib.import_module("dualad.rules.special")
    assert UNSUPPORTED
    assert all(len(reason) > 10 for reason in UNSUPPORTED.values())


def test_unsupported_functions_are_declared_once_and_may_get_a_users_rule():
    fn = np.frompyfunc(lambda x: x, 1, 1)
    unsupported(fn, reason="it is nobody's business")
    with pytest.raises(RegistrationError, match=r"<lambda>.* is already declared: unsupported"):
        unsupported(fn, reason="twice")
    with pytest.raises(RegistrationError, match=r"np\.sum is already declared: <composite np\.sum>"):
        unsupported(np.sum, reason="it has a rule")
    composite(fn)(lambda p: p)
    assert fn not in UNSUPPORTED
    del OPS[fn]


def test_the_page_is_current():
    text = PAGE.read_text(encoding="utf-8")
    if f"NumPy {np.__version__}:" not in text:
        pytest.skip("the page was written with another NumPy")
    assert text == page(), "run python docs/generate_coverage.py"
