"""What SciPy's solvers are on traced values: SciPy's own run on plain numbers, and the derivatives."""
