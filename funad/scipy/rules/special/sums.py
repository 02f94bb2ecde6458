"""Sums of exponentials: logsumexp, softmax and log_softmax."""

import math

import numpy as onp

from .... import numpy as np
from ....defining import defvjp
from ....registry import primitive_of
from ....spaces import unbroadcast
from ....trace import BATCH_RULES, Unbatched, batch_rule
from ....values import constant, dtype_of, shape_of
from ... import special as s
from ...deciding import some


def _restored(x, axis, keepdims, shape):
    """x, of which axes are summed away, with axes of length 1 in their place."""
    if keepdims:
        return x
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    gone = {k % len(shape) for k in axes} if shape else ()
    return np.reshape(x, tuple(1 if k in gone else size for k, size in enumerate(shape)))


def _weights(y, sign, a, axis):
    """exp(a - y)·sign; where y is infinite, equal shares of what is as large."""
    difference = a - y
    lost = onp.isinf(constant(y)) | (onp.zeros(shape_of(difference)) > 0)
    lost = lost & (constant(a) == constant(y))
    if not some(lost):
        return sign * np.exp(difference)
    count = onp.sum(lost, axis=axis, keepdims=True)
    return np.where(lost, 1.0 / onp.maximum(count, 1), np.exp(np.where(lost, -math.inf, difference)) * sign)


def _parts(y, ybar, a, axis, b, keepdims, return_sign):
    """Return ȳ and exp(a - y) with its sign, both in the shape of a and b broadcast."""
    shape = onp.broadcast_shapes(shape_of(a), () if b is None else shape_of(b)) or (1,)
    sign = 1.0
    if return_sign:
        (y, sign), (ybar, of_sign) = y, ybar
        if dtype_of(sign).kind == "c":  # y = log|S| and the sign S/|S| of a sum S; both depend on dS/S
            ybar = ybar + 1j * np.imag(of_sign * sign)
            sign = np.conjugate(sign)
        sign = _restored(sign, axis, keepdims, shape)
    y, ybar = (_restored(part, axis, keepdims, shape) for part in (y, ybar))
    if axis is None:
        axis = tuple(range(len(shape)))
    return ybar, _weights(y, sign, a, axis)


def _logsumexp_wrt_a(y, ybar, a, axis=None, b=None, keepdims=False, return_sign=False):
    """ā = ȳ·b·exp(a - y); what has no weight counts for nothing, be it infinite."""
    ybar, weights = _parts(y, ybar, a, axis, b, keepdims, return_sign)
    if b is not None:
        nothing = constant(b) == 0
        weights = np.where(nothing, 0.0, b * weights) if some(nothing) else b * weights
    return _real_for(a, unbroadcast(ybar * weights, shape_of(a)))


def _logsumexp_wrt_b(y, ybar, a, axis=None, b=None, keepdims=False, return_sign=False):
    """b̄ = ȳ·exp(a - y)."""
    ybar, weights = _parts(y, ybar, a, axis, b, keepdims, return_sign)
    return _real_for(b, unbroadcast(ybar * weights, shape_of(b)))


def _real_for(x, xbar):
    return xbar if dtype_of(x).kind == "c" or dtype_of(xbar).kind != "c" else np.real(xbar)


defvjp(s.logsumexp, _logsumexp_wrt_a, _logsumexp_wrt_b, argnums=(0, 2))


def _softmax(y, ybar, x, axis=None):
    """x̄ = y(ȳ - Σȳy)."""
    return _balanced(y, y * (ybar - np.sum(ybar * y, axis=axis, keepdims=True)), axis)


def _log_softmax(y, ybar, x, axis=None):
    """x̄ = ȳ - exp(y)·Σȳ."""
    share = np.exp(y)
    return _balanced(share, ybar - share * np.sum(ybar, axis=axis, keepdims=True), axis)


def _balanced(share, xbar, axis):
    """x̄, of which the sum is 0: where a share is near 1, that of the others is x̄ with more digits."""
    largest = constant(share) > 0.9
    if not some(largest):
        return xbar
    others = np.where(largest, 0.0, xbar)
    return np.where(largest, -np.sum(others, axis=axis, keepdims=True), xbar)


defvjp(s.softmax, _softmax)
defvjp(s.log_softmax, _log_softmax)


# --- what they are on stacks of examples: their axes move as those of NumPy's functions of the same form


@batch_rule(s.logsumexp)
def _logsumexp_of_stacks(trace, prim, a, axis=None, b=None, **kwargs):
    """As a sum; the weights are those of each example, or the same for all."""
    if b is not None:
        if len(shape_of(b)) != len(shape_of(a)):
            raise Unbatched("b has not the axes of a")
        if trace.has(b):
            if not trace.has(a) or not shape_of(a):
                raise Unbatched("b is batched, and a is not an array that is")
            b = trace.stack(b)
        kwargs["b"] = b
    return BATCH_RULES[primitive_of(np.sum).f](trace, prim, a, axis=axis, **kwargs)


@batch_rule(s.softmax, s.log_softmax)
def _softmax_of_stacks(trace, prim, x, axis=None):
    """As a reversal, which keeps the shape."""
    return BATCH_RULES[primitive_of(np.flip).f](trace, prim, x, axis=axis)
