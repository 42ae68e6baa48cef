"""Every public function of NumPy is declared: with a rule, plain, unsupported with a reason, or not applicable."""

import numpy as np
import pytest

from docs.generate_coverage import NAMESPACES, PAGE, WHY_NOT, kind, page, public
from dualad.errors import RegistrationError
from dualad.op import OPS, UNSUPPORTED, composite, unsupported


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
    assert UNSUPPORTED
    assert all(len(reason) > 10 for reason in UNSUPPORTED.values())


def test_unsupported_functions_are_declared_once_and_may_get_a_users_rule():
    with pytest.raises(RegistrationError, match=r"np\.roots is already declared: unsupported"):
        unsupported(np.roots, reason="twice")
    with pytest.raises(RegistrationError, match=r"np\.sum is already declared: <composite np\.sum>"):
        unsupported(np.sum, reason="it has a rule")
    composite(np.roots)(lambda p: p)
    assert np.roots not in UNSUPPORTED


def test_the_page_is_current():
    text = PAGE.read_text(encoding="utf-8")
    if f"NumPy {np.__version__}:" not in text:
        pytest.skip("the page was written with another NumPy")
    assert text == page(), "run python docs/generate_coverage.py"
