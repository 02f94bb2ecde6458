"""``scipy.sparse`` on traced values: matrices whose entries are traced, and whose places are plain.

``csr_array`` and its like are SciPy's own of plain entries. Of traced entries they are a ``Sparse``, of the
formats csr, csc and coo. SciPy's matrices are containers of their entries, so that functions of a matrix
are differentiated in it: the gradient is a matrix of the same pattern.
"""

import importlib as _importlib

from scipy import sparse as _sparse

from ..calls import refused as _refused
from ..namespace import complete as _complete
from .arrays import KINDS as _KINDS
from .building import *

globals().update(_KINDS)

find = _refused(
    _sparse.find, "scipy.sparse.find", "it leaves out entries whose value is zero; write A.tocoo()"
)
save_npz = _refused(_sparse.save_npz, "scipy.sparse.save_npz", "a file keeps plain numbers; give it value(A)")
# Not every version of SciPy has these.
for _name, _why in {
    "expand_dims": "traced matrices have two axes",
    "permute_dims": "write A.T",
    "get_index_dtype": "places are plain integers",
}.items():
    globals()[_name] = _refused(getattr(_sparse, _name, None), f"scipy.sparse.{_name}", _why)

_complete(globals(), _sparse)

linalg = _importlib.import_module("funad.scipy.sparse.linalg")

# Whoever loads this module is to have its rules: they stand on a floor above, so by name.
_importlib.import_module("funad.scipy.rules.sparse")
