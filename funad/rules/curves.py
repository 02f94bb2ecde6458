"""The VJP rules of funad.numpy.curves."""

import math

import numpy as onp

from .. import numpy as np
from ..defining import elementwise, linear
from ..spaces import zeros_like
from ..values import constant, dtype_of, shape_of


def _turns(y, p, period):
    """How many periods were added to each element."""
    return onp.round((constant(y) - constant(p)) / constant(period))


# Where p jumps by half a period, from one number of periods to the next, the derivative is the same.
elementwise(
    np.unwrap,
    lambda y, ybar, p, discont=None, axis=-1, *, period=2 * math.pi: ybar,
    lambda y, ybar, p, discont=None, axis=-1, *, period=2 * math.pi: zeros_like(y),
    lambda y, ybar, p, discont=None, axis=-1, *, period=2 * math.pi: ybar * _turns(y, p, period),
    argnums=(0, 1, "period"),
)


# --- convolutions: all modes are parts of the full one


def _in_full(ybar, a, v, turned):
    """ȳ with zeros around it, where it stands in the full convolution."""
    m, n = (max(onp.size(constant(x)), 1) for x in (a, v))
    size, short = shape_of(ybar)[0], min(m, n)
    if size == m + n - 1:
        return ybar
    # "valid" starts where the shorter one is inside, "same" in the middle before.
    start = short - 1 if size < max(m, n) else short // 2 if turned else (short - 1) // 2
    before, after = (onp.zeros(k, dtype_of(ybar)) for k in (start, m + n - 1 - start - size))
    return np.concatenate([before, ybar, after])


def _against(ybar, x, like):
    """ȳ, of the full convolution, against what is not asked for."""
    return np.reshape(np.convolve(ybar, np.ravel(x)[::-1], "valid"), shape_of(like))


def _conj(x):
    return np.conj(x) if dtype_of(x).kind == "c" else x


def _correlate_wrt_a(y, ybar, a, v, mode="valid"):
    """As convolve with conj(v) turned round."""
    return _against(_in_full(ybar, a, v, len(a) < len(v)), _conj(v)[::-1], a)


def _correlate_wrt_v(y, ybar, a, v, mode="valid"):
    """As convolve with conj(v) turned round."""
    return _conj(_against(_in_full(ybar, a, v, len(a) < len(v)), a, v)[::-1])


linear(
    np.convolve,
    lambda y, ybar, a, v, mode="full": _against(_in_full(ybar, a, v, False), v, a),
    lambda y, ybar, a, v, mode="full": _against(_in_full(ybar, a, v, False), a, v),
)
linear(np.correlate, _correlate_wrt_a, _correlate_wrt_v)
