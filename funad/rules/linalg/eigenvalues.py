"""Eigenvalues and eigenvectors. Those of a complex matrix have a phase, those of ties no derivative."""

from ... import numpy as np
from ...numpy import linalg
from ...numpy.linalg import solve
from ...registry import defvjp
from .decompositions import check_phase, gaps, shared
from .matrices import column, conj, fold, h, row, t


def _eigh(y, ybar, a, UPLO="L"):
    """g_A = V (diag w̄ + F∘(Vᴴ g)) Vᴴ with Fᵢⱼ = 1/(wⱼ - wᵢ), folded into the triangle that is read.

    Giles (2008), An extended collection of matrix derivative results.
    """
    (w, v), (wbar, vbar) = y, ybar
    p = h(v) @ conj(vbar)
    check_phase(p, "eigen")
    inner = gaps(w, ("eigh", "eigen"), (vbar,), p) * p
    inner = np.where(np.eye(w.shape[-1], dtype=bool), column(shared(wbar, w)), inner)
    return fold(conj(v @ inner @ h(v)), UPLO.upper() == "L")


def _eigvalsh(y, ybar, a, UPLO="L"):
    """g_A = V diag(w̄) Vᴴ, folded into the triangle that is read; ties share w̄ equally."""
    w, v = linalg.eigh(a, UPLO)
    return fold(conj((v * row(shared(ybar, w))) @ h(v)), UPLO.upper() == "L")


def _eig(y, ybar, a):
    """Ā = V⁻ᵀ (diag w̄ + F∘(P - VᵀV* Re diag P)) Vᵀ with P = Vᵀ V̄, Fᵢⱼ = 1/(wⱼ - wᵢ).

    The second term keeps the vectors at length 1. Boeddeker et al. (2017), On the computation of
    complex-valued gradients with application to statistically optimum beamforming.
    """
    (w, v), (wbar, vbar) = y, ybar
    p = t(v) @ vbar
    check_phase(p, "eigen")
    lengths = np.real(np.diagonal(p, axis1=-2, axis2=-1))
    inner = gaps(w, ("eig", "eigen"), (vbar,), p) * (p - (t(v) @ conj(v)) * row(lengths))
    inner = np.where(np.eye(w.shape[-1], dtype=bool), column(wbar), inner)
    return solve(t(v), inner @ t(v))


def _eigvals(y, ybar, a):
    """Ā = V⁻ᵀ diag(w̄) Vᵀ."""
    v_t = t(linalg.eig(a)[1])
    return solve(v_t, column(ybar) * v_t)


defvjp(linalg.eigh, _eigh, masks=True)
defvjp(linalg.eigvalsh, _eigvalsh, masks=True)
defvjp(linalg.eig, _eig)
defvjp(linalg.eigvals, _eigvals)
