"""Eigenvalues and singular values that coincide, told apart by an infinitesimal.

A function of eigenvalues w and eigenvectors v that does not depend on the choice of v is smooth where
values coincide too, but the derivatives of the vectors are not: they have a factor 1/(wⱼ - wᵢ). So the
decomposition of a traced matrix A with ties is that of A + εB, whose values w + εδ differ, and the factor
is η/(δⱼ - δᵢ) with η = 1/ε. What a smooth function makes of it has no η left but beside an ε, and
εη = 1; what depends on the choice of the vectors has one left, and is refused.

Both are traces below every other, so that each function of the namespace knows them. As ε² is 0 in one
trace, there are as many for ε as derivatives will be taken, with ε their sum, and as many for η.
"""

import functools as _functools
import itertools as _itertools
import math as _math
from typing import Any as _Any

import numpy as _np
from numpy.linalg import LinAlgError as _LinAlgError

from ..boxes import Dual as _Dual
from ..boxes import Traced as _Traced
from ..calling import call as _call
from ..opaque import Batched as _Batched
from ..opaque import batched as _batched
from ..primitives import implements as _implements
from ..primitives import primitive as _primitive
from ..registry import enter as _enter
from ..spaces import is_fleeting as _is_fleeting
from ..traces.forward import Forward as _Forward
from ..traces.forward import dual as _dual
from ..values import constant as _constant
from ..values import dtype_of as _dtype_of
from ..values import memory_of as _memory_of

__all__ = []

_numbers = _itertools.count(2)

# A number of so many traces has 2 to that power parts.
MOST = 3


class Ties(_Forward):
    """The trace of an infinitesimal: below every other trace, as it begins where the values are plain."""

    __slots__ = ()
    fleeting = True
    differentiates = False

    def __init__(self, level=None):
        super().__init__(1 / next(_numbers) if level is None else level)

    def lasts(self, x):
        """Say whether a cotangent is to keep its infinitesimals where a plain value has it."""
        return False


class _Part(Ties):
    """One of the traces of a splitting."""

    __slots__ = ("splitting",)

    def __init__(self, level, splitting):
        super().__init__(level)
        self.splitting = splitting

    def lasts(self, x):
        """Say whether x has an η, which may vanish in a sum with others."""
        while isinstance(x, _Dual) and _is_fleeting(x):
            if type(x.tape) is _Part and x.tape in x.tape.splitting.lasting and _size(x.tangent):
                return True
            x = x.primal
        return False


class Splitting:
    """The infinitesimals of one decomposition, which tell its values apart.

    Parameters
    ----------
    order : int
        How many derivatives may be taken.
    same : bool array of shape (..., k, k)
        Which values coincide, a value and itself among them.
    zero : bool array of shape (..., k)
        Which values are 0, if that matters.
    w : array of shape (..., k)
        The values.
    delta : array of shape (..., k)
        δ, all different: how the values grow with ε.
    message : str
        What to say where a derivative depends on the choice of the vectors.
    """

    def __init__(self, order, same, zero, w, delta, message):
        # Where vectors are free but no values coincide, there is an η without values and δ.
        number = next(_numbers)
        levels = iter(1 / (number + k / (2 * MOST + 2)) for k in range(2 * MOST + 2))
        self.poles = [_Part(next(levels), self) for _ in range(order)]
        self.steps = [_Part(next(levels), self) for _ in range(order)]
        self.share, self.choice = _Part(next(levels), self), _Part(next(levels), self)
        self.lasting = (*self.poles, self.share)
        self.same, self.zero, self.delta, self.message = same, zero, delta, message
        self.largest = 0.0  # of the cotangents that the rule has seen
        self.spread = 0.0 if same is None else _spread(w, same)

    def apart(self, w, delta=None):
        """Return w + εδ."""
        return _lifted(self.steps, w, self.delta if delta is None else delta)

    def chosen(self, v, own=None):
        """Return vectors in columns, with how they change when those of a tie are turned among themselves.

        In the ties ``own``, of vectors that are no pairs with others, by another turn.
        """
        k = self.same.shape[-1]
        turn, other = (constants(k, k, v.dtype, seed) for seed in (0, 1))
        turn = _np.where(self.same, turn - _np.conj(turn.T), 0)
        if own is not None:
            turn = _np.where(own, other - _np.conj(other.T), turn)
        beyond = _np.zeros_like(v[..., k:])
        return _dual(self.choice, v, _np.concatenate([v[..., :k] @ turn, beyond], -1))

    def pole(self, x):
        """Return ηx for plain x."""
        return _lifted(self.poles, _np.zeros_like(x), x)

    def shared(self):
        """Return the number by which to multiply what only the values with their vectors may see.

        Functions of the values alone share their cotangents among those that coincide; see ``standard``.
        """
        return _dual(self.share, 0.0, 1.0) if len(self.poles) == 1 else 1.0

    def standard(self, x, floor=0.0):
        """Return what x is for ε → 0 and εη = 1; raise if an η is left, or x changes with the choice.

        ``floor`` is the size of the numbers of which η times some has been summed to x. What ``shared``
        marks counts if η does, for then the vectors are used.
        """
        kinds = [_dtype_of(x)] if self.delta is None else [_dtype_of(x), self.delta.dtype]
        eps = max(float(_np.finfo(kind).eps) for kind in kinds)
        parts, order = _parts(x, self), len(self.poles)
        sizes = {key: _size(part) for key, part in parts.items()}
        within = max(1e3 * eps * floor, (eps**0.5 + 10 * self.spread) * max(sizes.values(), default=0.0))
        for power in range(1, order + 1):
            for turned in (0, 1):
                if _size(_coefficient(parts, power, order, turned)) > within:
                    raise _LinAlgError(self.message)
        used = any(sizes.get((k, k, 0, 0), 0.0) > within for k in range(1, order + 1))
        found, change = (
            _coefficient(parts, 0, order, turned) + (parts.get((0, 0, 1, turned), 0.0) if used else 0.0)
            for turned in (0, 1)
        )
        if _size(change) > within:
            raise _LinAlgError(self.message)
        return found


def _parts(x, splitting):
    """Return the coefficients of a number by the powers of η and ε, of ``share`` and of ``choice``."""
    if not (isinstance(x, _Dual) and type(x.tape) is _Part and x.tape.splitting is splitting):
        return {(0, 0, 0, 0): x}
    trace, found = x.tape, _parts(x.primal, splitting)
    for (eta, eps, share, turned), part in _parts(x.tangent, splitting).items():
        # As η is the sum of several, one product for each power will do: that of the innermost traces.
        if trace in splitting.poles:
            key = (eta + 1, eps, share, turned)
            wanted = eta == len(splitting.poles) - 1 - splitting.poles.index(trace)
        elif trace in splitting.steps:
            key = (eta, eps + 1, share, turned)
            wanted = eps == len(splitting.steps) - 1 - splitting.steps.index(trace)
        else:
            marked = trace is splitting.share
            key, wanted = (eta, eps, share + marked, turned + (not marked)), True
        if wanted:
            found.setdefault(key, part)
    return found


def _coefficient(parts, power, order, turned):
    """Return the coefficient of a power of 1/ε: that of ε₁⋯εₖ is k! times that of (Σεᵢ)ᵏ."""
    found = 0.0
    for k in range(order + 1 - power):
        part = parts.get((k + power, k, 0, turned))
        if part is not None:
            factor = _math.factorial(k) * _math.factorial(k + power)
            found = found + (part if factor == 1 else part / factor)
    return found


def _standard(x, floor):
    """Return a number without infinitesimals."""
    while _is_fleeting(x):
        x = x.tape.splitting.standard(x, floor) if type(x.tape) is _Part else x.primal
    return x


def _size(x):
    """Return the largest of the numbers in x, also in its tangents."""
    if isinstance(x, _Dual):
        return max(_size(x.primal), _size(x.tangent))
    if _is_of_basis(x):
        x = _memory_of(x)
    return float(_np.max(_np.abs(x), initial=0))


def _is_of_basis(x):
    """Say whether x is batched, of members that are the columns of one matrix, to be judged together."""
    return type(x) is _Batched and x.tape.of_basis


def _lifted(traces, value, slope):
    """Return value + Σ slope over several traces, of which the first is the outermost."""
    for trace in reversed(traces):
        value = _dual(trace, value, slope)
    return value


def _limit(x, floor):
    """Return x: a plain number has no infinitesimals."""
    return x


@_implements(_limit)
def settle(x, floor=0.0):
    """Return a number without infinitesimals, beneath whatever other traces it has."""
    if _is_fleeting(x):
        return _standard(x, floor)
    if _is_of_basis(x):
        return _batched(x.tape, settle(x.stack, floor))
    return _call(_enter(_limit), (x, floor), {})


# Returns 1/(εδ + x) = (η/δ)/(1 + xη/δ) for a difference of values that is εδ, and x = 0, and for η/δ.
pole = _primitive(lambda x, eta: eta / (1 + x * eta), "the quotient at a tie")


def is_above(x):
    """Say whether x is a number with infinitesimals beneath whatever other traces it has."""
    while isinstance(x, _Traced) and not _is_fleeting(x):
        x = x.inside
    return _is_fleeting(x)


def left(x: _Any, y: _Any = 0.0, xdots: _Any = (), xs: _Any = ()) -> _Any:
    """Return a result of a transformation without infinitesimals.

    The sizes of y and of the ẋ tell that of a tangent.
    """
    if not is_above(x):
        return x
    pairs = zip(xs, xdots, strict=True)
    rate = max((_size(_constant(xdot)) / (_size(_constant(x)) or 1.0) for x, xdot in pairs), default=0.0)
    return settle(x, rate * _size(_constant(y)))


def plain_parts(x):
    """Return the coefficients of a number with infinitesimals."""
    return [*plain_parts(x.primal), *plain_parts(x.tangent)] if _is_fleeting(x) else [x]


def splitting_of(x):
    """Return the splitting that x is a number of, beneath whatever traces there are; None if of none."""
    while isinstance(x, _Traced) and not _is_fleeting(x):
        x = x.inside
    return x.tape.splitting if _is_fleeting(x) and type(x.tape) is _Part else None


# --- what is told apart


def clusters(w, within):
    """Return which values coincide, of ascending or descending ones per matrix."""
    steps = _np.abs(_np.diff(w, axis=-1)) > within
    labels = _np.cumsum(_np.concatenate([_np.zeros_like(w[..., :1], dtype=bool), steps], -1), -1)
    return labels[..., :, None] == labels[..., None, :]


def rounding(w):
    """Return what of such values is no more than rounding, per matrix."""
    top = _top(w)
    return 10 * w.shape[-1] * _np.finfo(w.dtype).eps * top


def nearness(w, order):
    """Return how near values are for which a limit is more accurate than a quotient, per matrix.

    By quotients of differences d, derivatives lose the digits of rounding over d to the power of their order.
    """
    eps = _np.finfo(w.dtype).eps
    return _np.maximum(rounding(w), eps ** (0.65 if order == 1 else 1 / (1 + order)) * _top(w))


def _top(w):
    return _np.max(_np.abs(w), axis=-1, keepdims=True, initial=0)


def _spread(w, same):
    """Return how far values that are taken for equal are apart, relative to the largest."""
    gaps = _np.where(same, _np.abs(w[..., :, None] - w[..., None, :]), 0)
    top = _top(w)[..., None]
    return float(_np.max(gaps / _np.where(top == 0, 1, top), initial=0))


def steps(w):
    """Return δ of the size of the values, all different and positive, for singular values of 0 grow."""
    top = _top(w)
    k = w.shape[-1]
    return _np.where(top == 0, 1, top) * (_np.arange(1, k + 1, dtype=top.dtype) / max(k, 1)).astype(top.dtype)


def steps_of_pairs(w, same):
    """Return such δ for eigenvalues in pairs of conjugate numbers, which stay such pairs."""
    first = ~((_np.imag(w) < 0) & (_np.roll(w, 1, -1) == _np.conj(w)))
    count = _np.cumsum(first, axis=-1).astype(w.real.dtype)
    equal = (count[..., :, None] == count[..., None, :]) & same
    if _np.sum(equal) != w.size:
        return steps(w)
    return count * (steps(w)[..., :1] if w.shape[-1] else 1)


def turned(v, same, seed=0, is_complex=None):
    """Return vectors in columns of which those of a tie are turned among themselves, to no special ones.

    Where LAPACK's own choice is special, as the columns of the identity are, a function that depends on
    it may look as if it did not.
    """
    v = v.copy()
    for where in _np.ndindex(v.shape[:-2]):
        for first in _np.flatnonzero(_np.argmax(same[where], axis=0) == _np.arange(same.shape[-1])):
            tie = _np.flatnonzero(same[where][first])
            if len(tie) > 1:
                turn = generic(len(tie), v.dtype.kind == "c" if is_complex is None else is_complex, seed)
                v[where][:, tie] = v[where][:, tie] @ turn.astype(v.dtype)
    return v


def constants(rows, columns, dtype, seed=0):
    """Return numbers that have nothing special, of either sign."""
    k = _np.arange(1.0 + seed, rows * columns + 1 + seed).reshape(rows, columns)
    return (_np.sin(k * k) + (1j * _np.cos(k * k) if dtype.kind == "c" else 0)).astype(dtype)


@_functools.lru_cache(64)
def generic(size, is_complex, seed=0):
    """Return a unitary matrix that has nothing special."""
    angles = _np.sin(_np.arange(1.0, size * size + 1) ** 2 + seed).reshape(size, size) + _np.eye(size)
    if is_complex:
        angles = angles + 1j * _np.cos(_np.arange(1.0, size * size + 1) ** 2 * 0.7 - seed).reshape(size, size)
    return _np.linalg.qr(angles)[0]


def order_of(x):
    """Return how many derivatives may be taken of a function of x: one per trace."""
    order = 0
    while isinstance(x, _Traced):
        order, x = order + (not x.opaque), x.inside
    return order


def check_order(order):
    """Refuse more derivatives than the traces are made for."""
    if order > MOST:
        raise _LinAlgError(
            f"at values that coincide, eigh, eig and svd have derivatives up to order {MOST} only; this "
            f"would be one of order {order}"
        )
