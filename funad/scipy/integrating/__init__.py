"""What SciPy's integrals are on traced values: of samples, of functions, and of differential equations."""
