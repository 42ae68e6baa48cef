"""Entry of `python -m experiments`: fix one thread, then hand over."""

import os
import sys

# BLAS and OpenMP read these once, while they load, so they must be set before NumPy is imported.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[variable] = "1"

from experiments.cli import main  # noqa: E402  (the import must come after the variables)

if __name__ == "__main__":
    sys.exit(main())
