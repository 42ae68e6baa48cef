"""Native code from programs: scalar operations, LLVM's text for them, and functions that Python can call."""
