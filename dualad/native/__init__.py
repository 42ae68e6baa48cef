"""Native code from programs: scalar operations, LLVM's text for them, and functions that Python can call."""

import importlib.util


def available() -> bool:
    """Whether there is LLVM, and an interpreter that native code can work with."""
    from . import call

    return importlib.util.find_spec("llvmlite") is not None and call.possible()
