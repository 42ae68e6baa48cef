"""Where a measurement was made: the machine, the versions, the threads."""

from __future__ import annotations

import hashlib
import os
import platform
from functools import cache
from importlib import metadata, util
from pathlib import Path
from typing import Any

PACKAGES = (
    "dualad",
    "numpy",
    "scipy",
    "scikit-learn",
    "matplotlib",
    "rich",
    "threadpoolctl",
    "llvmlite",
    "distributed",
)
PEERS = ("asdex", "autograd", "casadi", "jax", "numba", "torch", "xad")
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NPROC",
    "XLA_FLAGS",
)


def cpu_model() -> str:
    """The processor's name, as well as the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine()


def version(package: str) -> str | None:
    """The installed version, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


@cache
def fingerprint() -> str:
    """Digest of dualad's source and of all that is timed, so that no stale number survives an edit."""
    here = Path(__file__).parent
    files = sorted([here / "timing.py", *here.glob("*peers.py"), *here.glob("problems/*.py")])
    spec = util.find_spec("dualad")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        files += sorted(Path(folder).rglob("*.py"))
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def describe(threads: str) -> dict[str, Any]:
    """Everything about this machine that a number may depend on."""
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "versions": {name: version(name) for name in PACKAGES + PEERS},
        "source": fingerprint(),
        "threads": {"held": threads} | {name: os.environ.get(name) for name in THREAD_VARIABLES},
    }
