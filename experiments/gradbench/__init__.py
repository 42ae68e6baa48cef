"""dualad as a tool of GradBench, https://github.com/gradbench/gradbench: `python -m experiments.gradbench`.

`protocol.py` speaks with the benchmark; each file of `evals/` brings the functions of one eval.
"""
