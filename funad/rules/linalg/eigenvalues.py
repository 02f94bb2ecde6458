"""Eigenvalues and eigenvectors. Those of a complex matrix have a phase, those of ties no derivative."""

from ... import numpy as np
from ...boxes import Traced, unbox
from ...numpy import linalg
from ...numpy.linalg import LinAlgError, solve
from ...numpy.ties import parts, steps
from ...registry import defvjp
from ...spaces import dtype_of, shed
from .decompositions import TIED, check_phase, gaps, is_apart, refuse_again, shared, tied, untied
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


def _eigh_apart(y, ybar, a, UPLO="L"):
    """As eigh; where values coincide, F∘(P - Pᴴ)/2 is the quotient of ε-parts, (Ṗ - Ṗᴴ)ᵢⱼ/2(δⱼ - δᵢ).

    A function of the vectors that does not depend on their choice has P = Pᴴ there.
    """
    if not is_apart(y[0]):
        return _eigh(y, ybar, a, UPLO)
    (w, v), trace = map(shed, y), getattr(y[0], "tape", None)
    (wbar, _), (vbar, vdot) = (parts(part, trace) for part in ybar)
    if any(isinstance(x, Traced) for x in (w, wbar, vbar, vdot)):
        raise LinAlgError(TIED.format("eigh", "eigen"))
    if not np.any(vbar) and not np.any(vdot):
        return _eigh((w, v), (wbar, vbar), a, UPLO)
    p = h(v) @ conj(vbar)
    check_phase(p, "eigen")
    pdot = h(v) @ conj(vdot) if np.ndim(vdot) else np.zeros_like(p)
    turn, turn_dot = (p - h(p)) / 2, (pdot - h(pdot)) / 2
    eye, delta = np.eye(w.shape[-1], dtype=bool), steps(w)
    differences, step = row(w) - column(w), row(delta) - column(delta)
    inner = np.where(
        eye, column(wbar), untied(turn, turn_dot, differences, step, tied(w) & ~eye, p, ("eigh", "eigen"))
    )
    return fold(conj(v @ inner @ h(v)), UPLO.upper() == "L").astype(a.dtype)


def _eigvalsh(y, ybar, a, UPLO="L"):
    """g_A = V diag(w̄) Vᴴ, folded into the triangle that is read; ties share w̄ equally."""
    w, v = linalg.eigh(a, UPLO)
    refuse_again(a, w, ("eigh", "eigen"))
    return fold(conj((v * row(shared(ybar, w))) @ h(v)), UPLO.upper() == "L")


def _eig(y, ybar, a):
    """Ā = V⁻ᵀ (diag w̄ + F∘(P - VᵀV* Re diag P)) Vᵀ with P = Vᵀ V̄, Fᵢⱼ = 1/(wⱼ - wᵢ).

    The second term keeps the vectors at length 1. Boeddeker et al. (2017), On the computation of
    complex-valued gradients with application to statistically optimum beamforming.
    """
    (w, v), (wbar, vbar) = y, ybar
    p = t(v) @ vbar
    # From NumPy 2.5 on, real vectors too are arrays of complex numbers.
    check_phase(p, "eigen", fixed=dtype_of(a).kind == "f" and np.imag(unbox(w)) == 0)
    lengths = np.real(np.diagonal(p, axis1=-2, axis2=-1))
    inner = gaps(w, ("eig", "eigen"), (vbar,), p) * (p - (t(v) @ conj(v)) * row(lengths))
    inner = np.where(np.eye(w.shape[-1], dtype=bool), column(shared(wbar, w)), inner)
    return solve(t(v), inner @ t(v))


def _eigvals(y, ybar, a):
    """Ā = V⁻ᵀ diag(w̄) Vᵀ; ties share w̄ equally."""
    w, v = linalg.eig(a)
    refuse_again(a, w, ("eig", "eigen"))
    return solve(t(v), column(shared(ybar, w)) * t(v))


defvjp(linalg.eigh, _eigh, masks=True)
defvjp(linalg.eigh_apart, _eigh_apart, masks=True)
defvjp(linalg.eigvalsh, _eigvalsh, masks=True)
defvjp(linalg.eig, _eig)
defvjp(linalg.eigvals, _eigvals)
