"""Eigenvalues and eigenvectors. Those of a complex matrix have a phase, those of ties no derivative."""

from ... import numpy as np
from ...boxes import Traced
from ...defining import defvjp
from ...numpy import linalg
from ...numpy.linalg import LinAlgError, solve
from ...numpy.ties import plain_parts, settle, splitting_of
from ...values import any_of, constant, dtype_of, is_unknown
from .decompositions import (
    TIED,
    gaps,
    inverse_where_apart,
    of_phases,
    refuse_again,
    shared,
    size_of_poles,
    tied,
    values_apart,
)
from .matrices import column, conj, fold, h, row, scalar, t


def _eigh(y, ybar, a, UPLO="L"):
    """g_A = V (diag w̄ + F∘(Vᴴ g)) Vᴴ with Fᵢⱼ = 1/(wⱼ - wᵢ), folded into the triangle that is read.

    Giles (2008), An extended collection of matrix derivative results.
    """
    (w, v), (wbar, vbar) = y, ybar
    if not is_unknown(vbar) and not any_of(vbar):
        return fold(conj((v * row(shared(wbar, w))) @ h(v)), UPLO.upper() == "L")
    p = h(v) @ conj(vbar)
    phases = of_phases(p, "eigen", w, vbar)
    inner = gaps(w, ("eigh", "eigen"), (vbar,), p) * p
    inner = np.where(np.eye(w.shape[-1], dtype=bool), column(shared(wbar, w)), inner) + phases
    return settle(fold(conj(v @ inner @ h(v)), UPLO.upper() == "L"))


def of_eigh_apart(y, ybar, a, order, UPLO="L"):
    """As eigh; where values coincide, they differ by ε: see funad.numpy.ties."""
    splitting = splitting_of(y[0])
    if splitting is None:
        return _eigh(y, ybar, a, UPLO)
    (w, v), (wbar, vbar) = y, ybar
    p = h(v) @ conj(vbar)
    phases = of_phases(p, "eigen", w, vbar)
    eye, delta = np.eye(w.shape[-1], dtype=bool), splitting.delta
    differences, step = row(w) - column(w), row(delta) - column(delta)
    f = inverse_where_apart(np.where(eye, 1, differences), splitting.same & ~eye, step, splitting)
    inner = np.where(eye, column(values_apart(wbar, splitting)), f * (p - h(p)) / 2) + phases
    return settle(fold(conj(v @ inner @ h(v)), UPLO.upper() == "L"), size_of_poles(splitting, p, wbar))


def _eigvalsh(y, ybar, a, UPLO="L"):
    """g_A = V diag(w̄) Vᴴ, folded into the triangle that is read; ties share w̄ equally."""
    w, v = linalg.eigh(a, UPLO)
    refuse_again(a, w, ("eigh", "eigen"))
    return fold(conj((v * row(shared(ybar, w))) @ h(v)), UPLO.upper() == "L")


def of_eig(y, ybar, a):
    """Ā = V⁻ᵀ (diag w̄ + F∘(P - VᵀV* Re diag P)) Vᵀ with P = Vᵀ V̄, Fᵢⱼ = 1/(wⱼ - wᵢ).

    The second term keeps the vectors at length 1. Boeddeker et al. (2017), On the computation of
    complex-valued gradients with application to statistically optimum beamforming.
    """
    (w, v), (wbar, vbar) = y, ybar
    if not is_unknown(vbar) and not any_of(vbar):
        return solve(t(v), column(shared(wbar, w)) * t(v))
    p = t(v) @ vbar
    # From NumPy 2.5 on, real vectors too are arrays of complex numbers.
    phases = of_phases(p, "eigen", w, vbar, fixed=dtype_of(a).kind == "f" and np.imag(constant(w)) == 0)
    lengths = np.real(np.diagonal(p, axis1=-2, axis2=-1))
    inner = gaps(w, ("eig", "eigen"), (vbar,), p) * (p - (t(v) @ conj(v)) * row(lengths))
    inner = np.where(np.eye(w.shape[-1], dtype=bool), column(shared(wbar, w)), inner) + phases
    return settle(solve(t(v), inner @ t(v)))


def of_eig_apart(y, ybar, a, order):
    """As eig; where values coincide, they differ by ε: see funad.numpy.ties."""
    (w, v), (wbar, vbar) = y, ybar
    splitting = splitting_of(w)
    if splitting is None:  # so no matrix is defective
        return of_eig(y, ybar, a)
    v = _refused_if_defective(a, w, v, wbar, vbar)
    p = t(v) @ vbar
    phases = of_phases(p, "eigen", w, vbar, fixed=dtype_of(a).kind == "f" and np.imag(constant(w)) == 0)
    lengths = np.real(np.diagonal(p, axis1=-2, axis2=-1))
    eye, delta = np.eye(w.shape[-1], dtype=bool), splitting.delta
    differences, step = row(w) - column(w), row(delta) - column(delta)
    f = inverse_where_apart(np.where(eye, 1, differences), splitting.same & ~eye, step, splitting)
    inner = f * (p - (t(v) @ conj(v)) * row(lengths))
    inner = np.where(eye, column(values_apart(wbar, splitting)), inner) + phases
    abar = solve(t(v), inner @ t(v))
    return settle(abar if dtype_of(a).kind == "c" else np.real(abar), size_of_poles(splitting, p, wbar))


def _refused_if_defective(a, w, v, *bars):
    """V, if no matrix is defective; that is of no account where the cotangents and their ε-parts are 0.

    The square of an eigenvalue 0 has the cotangent 0, and a derivative for all that: it shows in ε.
    """
    _, wrong = linalg.closeness(*map(constant, (a, w, v)))
    if not np.any(wrong):
        return v
    parts = [part for bar in bars for part in plain_parts(bar)]
    if any(_is_used(part, wrong) for part in parts):
        raise LinAlgError(linalg.DEFECTIVE.format("eig"))
    return np.where(scalar(wrong), np.eye(w.shape[-1], dtype=v.dtype), v)


def _is_used(bar, wrong):
    """Whether the cotangent of values or vectors is more than 0 for one of these matrices, or not known."""
    if isinstance(bar, Traced):
        return True
    return bool(np.any(wrong[(..., *[None] * (np.ndim(bar) - wrong.ndim))] & (bar != 0)))


def _eigvals(y, ybar, a):
    """Ā = V⁻ᵀ diag(w̄) Vᵀ; ties share w̄ equally."""
    w, v = linalg.eig(a)
    v = _refused_if_defective(a, w, v, ybar)
    return solve(t(v), column(shared(ybar, w)) * t(v))


defvjp(linalg.eigh, _eigh, masks=True)
defvjp(linalg.eigh_apart, of_eigh_apart, masks=True)
defvjp(linalg.eigvalsh, _eigvalsh, masks=True)
defvjp(linalg.eig, of_eig)
defvjp(linalg.eigvals, _eigvals)
defvjp(linalg.eig_apart, of_eig_apart)
