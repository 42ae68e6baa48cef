"""One file for each eval, named as GradBench names it, which ends with its `FUNCTIONS`."""
