"""Twins of SciPy's Python functions, which convert their arguments and so cannot be differentiated themselves."""
