"""Settings shared by the tests and by the doctests of `dualad/`.

At the root, and not in tests/, because pytest shows a conftest's fixtures only to what lies below it.
"""

import importlib.util
import os

# Before NumPy is imported: with one process per core, threads inside each would fight over the cores.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(_name, "1")
# In the environment, so that processes started by a test draw without a display as well.
os.environ["MPLBACKEND"] = "Agg"

import numpy as np  # noqa: E402
import pytest  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

# No deadlines and no complaint about slow drawing: a busy machine is no fault of the test.
_patient = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("local", **_patient)
settings.register_profile("ci", derandomize=True, print_blob=True, **_patient)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(autouse=True, scope="session")
def names_for_doctests(doctest_namespace):
    import dualad
    import dualad.scipy.integrate
    import dualad.scipy.linalg
    import dualad.scipy.optimize
    import dualad.scipy.special

    doctest_namespace.update({name: getattr(dualad, name) for name in dualad.__all__}, np=np, dualad=dualad)


@pytest.fixture(autouse=True)
def default_printing():
    """Print arrays as NumPy does out of the box, whatever a test before this one has set."""
    with np.printoptions(precision=8, suppress=False, linewidth=75, threshold=1000, floatmode="maxprec"):
        yield


@pytest.fixture(autouse=True)
def registry_as_declared():
    """Take back what a test or a snippet registers, so that tests pass in any order."""
    from dualad.op import OPS, PRIVATE, UNARY, UNSUPPORTED

    # Registered when first met: here before all, so that what is there does not depend on the tests' order.
    if importlib.util.find_spec("scipy"):
        importlib.import_module("dualad.rules.special")
        importlib.import_module("dualad.rules.scipy_linalg")
        importlib.import_module("dualad.rules.sparse")
    before = dict(OPS), dict(UNARY), dict(UNSUPPORTED), list(PRIVATE)
    yield
    for registry, kept in zip((OPS, UNARY, UNSUPPORTED), before[:3], strict=True):
        if len(registry) != len(kept):
            registry.clear()
            registry.update(kept)
    PRIVATE[:] = before[3]
