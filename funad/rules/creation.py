"""The VJP rules of funad.numpy.creation."""

import numpy as onp

from .. import numpy as np
from ..defining import defvjp, defzero, linear
from ..numpy.creation import assemble, filled, steps
from ..spaces import unbroadcast
from ..values import shape_of

ndarray = onp.ndarray

defzero(np.empty_like, np.ones_like, np.zeros_like)


def _assemble(y, ybar, parts, shape):
    """Each part of ȳ."""
    shapes = {shape_of(part) for part in parts}
    if len(shapes) == 1 and type(ybar) is ndarray:
        ybar = ybar.reshape(len(parts), *shapes.pop())
        return list(ybar) if ybar.ndim > 1 else ybar.tolist()
    ybar = np.ravel(ybar)
    if not any(shapes):
        return list(ybar)
    ends = np.cumsum([np.size(part) for part in parts])
    pieces = np.split(ybar, ends[:-1])
    return [np.reshape(piece, np.shape(part)) for piece, part in zip(pieces, parts, strict=True)]


linear(assemble, _assemble)
linear(filled, lambda y, ybar, shape, fill_value, dtype=None, order="C": ybar, argnums=(1,))


# --- between two values


def _steps_wrt_step(y, ybar, start, stop, step, dtype=None):
    """Σ n ȳₙ."""
    return np.sum(ybar * np.arange(np.size(ybar), dtype=np.finfo(ybar.dtype).dtype))


defvjp(
    steps,
    lambda y, ybar, start, stop, step, dtype=None: np.sum(ybar),
    lambda y, ybar, start, stop, step, dtype=None: 0.0,  # it says how many there are
    _steps_wrt_step,
)


# Start and stop broadcast against each other, so what belongs to one is summed to its shape.


def _weighed(ybar, first, num, endpoint, axis):
    """Σ ȳ·w, with the weights w from ``first`` to 1 - ``first`` along an axis."""
    weights = np.linspace(first, 1 - first, num, endpoint, dtype=np.finfo(ybar.dtype).dtype)
    return np.sum(np.moveaxis(ybar, axis, -1) * weights, -1)


def _linspace(first):
    """Return the rule of start (``first`` is 1) or stop (0)."""

    def rule(y, ybar, start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0, *, device=None):
        shape = shape_of(start if first else stop)
        if not retstep:
            return unbroadcast(_weighed(ybar, first, num, endpoint, axis), shape)
        ybar, stepbar = ybar
        steps = num - 1 if endpoint else num
        of_step = (1 - 2 * first) / steps * stepbar if steps > 0 else 0  # step = (stop - start)/steps
        return unbroadcast(_weighed(ybar, first, num, endpoint, axis) + of_step, shape)

    return rule


def _geomspace_wrt_start(y, ybar, start, stop, num=50, endpoint=True, dtype=None, axis=0):
    """Σ ȳ·y·w/start, from y = start¹⁻ᵗ stopᵗ."""
    return unbroadcast(_weighed(ybar * y, 1, num, endpoint, axis) / start, shape_of(start))


def _geomspace_wrt_stop(y, ybar, start, stop, num=50, endpoint=True, dtype=None, axis=0):
    """Σ ȳ·y·w/stop."""
    return unbroadcast(_weighed(ybar * y, 0, num, endpoint, axis) / stop, shape_of(stop))


def _logspace(first):
    """Return the rule of start or stop: ȳ·y·log(base), weighed."""

    def rule(y, ybar, start, stop, num=50, endpoint=True, base=10.0, dtype=None, axis=0):
        xbar = np.log(base) * _weighed(ybar * y, first, num, endpoint, axis)
        return unbroadcast(xbar, shape_of(start if first else stop))

    return rule


def _logspace_wrt_base(y, ybar, start, stop, num=50, endpoint=True, base=10.0, dtype=None, axis=0):
    """Σ ȳ·y·e/base for the exponents e."""
    shape = shape_of(base)
    start, stop, base = np.broadcast_arrays(start, stop, base)
    exponents = np.linspace(start, stop, num, endpoint, axis=axis)
    return unbroadcast(np.sum(ybar * y * exponents, axis) / base, shape)


defvjp(np.linspace, _linspace(1), _linspace(0))
defvjp(np.geomspace, _geomspace_wrt_start, _geomspace_wrt_stop)
defvjp(np.logspace, _logspace(1), _logspace(0), _logspace_wrt_base, argnums=(0, 1, 4))


def _vander(y, ybar, x, N=None, increasing=False):
    """x̄ = Σ ȳₙ n xⁿ⁻¹."""
    size = np.shape(x)[0] if N is None else N
    powers = np.arange(size, dtype=np.finfo(ybar.dtype).dtype)
    if not increasing:
        ybar = np.flip(ybar, 1)
    return np.sum(ybar[:, 1:] * powers[1:] * np.vander(x, max(size - 1, 0), True), 1)


defvjp(np.vander, _vander)
