"""The rules of SciPy's functions, one file or folder per module of funad.scipy."""
