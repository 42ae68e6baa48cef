"""Entry of `python -m experiments.gradbench`: fix one thread, then answer the messages on standard input."""

import sys

import experiments.__main__  # noqa: F401  (fixes the number of threads, before NumPy loads)

if __name__ == "__main__":
    from experiments.gradbench.protocol import converse

    converse(sys.stdin, sys.stdout)
