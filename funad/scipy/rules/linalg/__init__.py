from . import banded, decompositions, eigenvalues, equations, functions, stacked
