"""Integrals of samples: sums that are linear in the samples, and smooth in the places of those.

The values are SciPy's own; the formulas here give the derivatives.
"""

import numpy as onp
from scipy import integrate as _integrate

from ... import numpy as np
from ...transforms.closures import attached, plain_of
from ..solving.calls import is_traced, solver

__all__ = ["cumulative_simpson", "cumulative_trapezoid", "romb", "simpson", "trapezoid"]


def _of_samples(name):
    """Make the decorated function, of samples y along the last axis, what SciPy's function is on traced ones.

    It takes the call, y, the spacings h, the axis of the result, and SciPy's value.
    """
    f = getattr(_integrate, name)

    def decorate(g):
        @solver(f, f"scipy.integrate.{name}")
        def traced(call):
            found = call.run()
            if not is_traced([call.get(parameter) for parameter in ("y", "x", "dx", "initial")]):
                return found
            y, axis = _array(call["y"]), call["axis"]
            along = np.moveaxis(y, axis, -1)
            h = _spacings(call, onp.shape(plain_of(y)), axis)
            return attached(found, g(call, along, h, axis, found))

        return traced

    return decorate


def _array(x):
    x = np.array(x) if isinstance(x, (list, tuple)) else x
    return x * 1.0 if onp.asarray(plain_of(x)).dtype.kind not in "fc" else x


def _spacings(call, shape, axis):
    """Return the spacings of the samples along the last axis, in a shape that broadcasts with them."""
    x, dx, n = call.get("x"), call["dx"], shape[axis] - 1
    if x is not None:
        x = _array(x)
        alone = onp.ndim(plain_of(x)) == 1
        return np.diff(x if alone else np.moveaxis(np.broadcast_to(x, shape), axis, -1))
    dx = _array(dx)
    if onp.ndim(plain_of(dx)):
        dx = np.moveaxis(dx, axis, -1) if onp.ndim(plain_of(dx)) == len(shape) else dx
        return np.broadcast_to(dx, (*onp.shape(plain_of(dx))[:-1], n))
    return np.broadcast_to(dx, (n,))


@_of_samples("trapezoid")
def trapezoid(call, y, h, axis, found):
    return np.sum(h * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)


@_of_samples("cumulative_trapezoid")
def cumulative_trapezoid(call, y, h, axis, found):
    call.only_plain("initial")  # which may be 0 and nothing else
    sums = np.cumsum(h * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)
    if call["initial"] is not None:
        sums = np.concatenate([onp.zeros((*onp.shape(plain_of(sums))[:-1], 1)), sums], axis=-1)
    return np.moveaxis(sums, -1, axis)


@_of_samples("simpson")
def simpson(call, y, h, axis, found):
    n = onp.shape(plain_of(y))[-1]
    if n == 2:
        return 0.5 * h[..., 0] * (y[..., 0] + y[..., 1])
    total = _pairs(y, h, n if n % 2 else n - 1)
    return total if n % 2 else total + _last(y, h)


def _pairs(y, h, n):
    """Simpson's rule on the first n samples, an odd number, for two intervals at a time of any lengths."""
    first, second = h[..., 0 : n - 1 : 2], h[..., 1 : n - 1 : 2]
    both, ratio = first + second, first / second
    sums = (
        y[..., 0 : n - 2 : 2] * (2.0 - 1.0 / ratio)
        + y[..., 1 : n - 1 : 2] * both * (both / (first * second))
        + y[..., 2:n:2] * (2.0 - ratio)
    )
    return np.sum(both / 6.0 * sums, axis=-1)


def _last(y, h):
    """The last of an odd number of intervals: of the parabola through three samples (Cartwright 2017)."""
    before, last = h[..., -2], h[..., -1]
    alpha = (2 * last**2 + 3 * before * last) / (6 * (last + before))
    beta = (last**2 + 3.0 * before * last) / (6 * before)
    eta = last**3 / (6 * before * (before + last))
    return alpha * y[..., -1] + beta * y[..., -2] - eta * y[..., -3]


@_of_samples("cumulative_simpson")
def cumulative_simpson(call, y, h, axis, found):
    n = onp.shape(plain_of(y))[-1]
    if n < 3:
        parts = h * (y[..., 1:] + y[..., :-1]) / 2.0
    else:
        h = np.broadcast_to(h, (*onp.shape(plain_of(y))[:-1], n - 1))
        left, right = _left(y, h), np.flip(_left(np.flip(y, -1), np.flip(h, -1)), -1)
        # Each interval but the last has the parabola of the pair of intervals that it belongs to.
        k = onp.arange(n - 1)
        places = onp.where((k % 2 == 0) & (k < n - 2), k, n - 2 + k - 1)
        parts = np.concatenate([left, right], axis=-1)[..., places]
    sums = np.cumsum(parts, axis=-1)
    if call["initial"] is not None:
        initial = np.asarray(_array(call["initial"]))
        shape = (*onp.shape(plain_of(sums))[:-1], 1)
        aligned = np.moveaxis(initial, axis, -1) if onp.ndim(plain_of(initial)) else initial
        initial = np.broadcast_to(aligned, shape)
        sums = np.concatenate([initial, sums + initial], axis=-1)
    return np.moveaxis(sums, -1, axis)


def _left(y, h):
    """The integrals of parabolas through three samples over the first of two intervals (Cartwright 2017)."""
    first, second = h[..., :-1], h[..., 1:]
    both = first + second
    a, b = first / both, first / second
    return first / 6 * ((3 - a) * y[..., :-2] + (3 + a * b + a) * y[..., 1:-1] - a * b * y[..., 2:])


@_of_samples("romb")
def romb(call, y, h, axis, found):
    n = onp.shape(plain_of(y))[-1] - 1
    h = n * _array(call["dx"])
    rows = [[(y[..., 0] + y[..., -1]) / 2.0 * h]]
    step = n
    while step > 1:
        new = h * np.sum(y[..., step // 2 :: step], axis=-1)
        row = [0.5 * (rows[-1][0] + new)]
        for j, before in enumerate(rows[-1], 1):
            row.append(row[-1] + (row[-1] - before) / (4**j - 1))
        rows.append(row)
        step, h = step // 2, h / 2.0
    return rows[-1][-1]
