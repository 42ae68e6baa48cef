"""Entry of `python -m experiments`: fix the number of threads, then hand over."""

import os
import sys


def threads(arguments: list[str]) -> str:
    """The number after `--threads`, one where there is none; what is no number, the command line's parser refuses."""
    given = "1"
    for option, value in zip(arguments, [*arguments[1:], ""], strict=True):
        name, equals, attached = option.partition("=")
        if name == "--threads":
            given = attached if equals else value
    return given if given.isdecimal() and int(given) else "1"


# BLAS and OpenMP read these once, while they load, so they must be set before NumPy is imported. Worker processes
# import this file too, and find what their parent has set.
if __name__ == "__main__":
    _number = threads(sys.argv[1:])
    for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        os.environ[_variable] = _number
    # JAX sizes its pools by these when its backend starts.
    os.environ["NPROC"] = _number
    _eigen = "--xla_cpu_multi_thread_eigen=" + ("false" if _number == "1" else "true")
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {_eigen}".strip()

    from experiments.cli import main  # the import must come after the variables

    sys.exit(main())
