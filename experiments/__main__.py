"""Entry of `python -m experiments`: fix one thread, then hand over."""

import os
import sys

# BLAS and OpenMP read these once, while they load, so they must be set before NumPy is imported.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[variable] = "1"
# JAX sizes its pools by these when its backend starts.
os.environ["NPROC"] = "1"
os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"

from experiments.cli import main  # noqa: E402  (the import must come after the variables)

if __name__ == "__main__":
    sys.exit(main())
