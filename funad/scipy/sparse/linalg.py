"""``scipy.sparse.linalg`` on traced values: in the entries of the matrices, and in what they meet."""

from scipy.sparse import linalg as _linalg

from ..calls import refused as _refused
from ..namespace import complete as _complete
from .functions import expm, expm_multiply, inv, matrix_power, norm
from .least import *
from .operators import *
from .solving import factorized, splu, spsolve, spsolve_triangular
from .solving import iterative as _iterative
from .spectra import eigs, eigsh, svds

for _name in ("bicg", "bicgstab", "cg", "cgs", "gcrotmk", "gmres", "lgmres", "minres", "qmr", "tfqmr"):
    globals()[_name] = _iterative(_name)

spilu = _refused(
    _linalg.spilu, "scipy.sparse.linalg.spilu", "an incomplete factorisation is a preconditioner, of which "
    "no solution depends; give it stop_gradient of A",
)  # fmt: skip
lobpcg = _refused(_linalg.lobpcg, "scipy.sparse.linalg.lobpcg", "write eigsh")
onenormest = _refused(
    _linalg.onenormest, "scipy.sparse.linalg.onenormest", "it is an estimate; write norm(A, 1)"
)
funm_multiply_krylov = _refused(
    getattr(_linalg, "funm_multiply_krylov", None), "scipy.sparse.linalg.funm_multiply_krylov",
    "for the exponential write expm_multiply, for others funad.scipy.linalg.funm of A.toarray()",
)  # fmt: skip

_complete(globals(), _linalg)
