"""Dependence sets: which inputs each number of a program depends on, as sparse matrices of booleans."""
