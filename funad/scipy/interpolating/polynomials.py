"""Piecewise polynomials: what ``scipy.interpolate._ppoly`` computes, written with traced functions.

The coefficients c have the shape (degree + 1, pieces, columns), highest power first; the pieces lie between
the breakpoints x. In which piece a point lies is found of plain numbers, as SciPy finds it.
"""

import itertools
import math

import numpy as onp

from ... import numpy as np
from ...errors import NotDifferentiableError
from ...transforms.closures import attached, plain_of
from ..compiled import is_traced, like, on_plain

__all__ = ["akima_slopes", "newton", "views_of"]


def _pieces(x, at):
    """Return the piece of each point, and whether it lies outside of all: pieces are half open."""
    x, at = plain_of(x), plain_of(at)
    if x[-1] < x[0]:  # a descending one is read backwards
        found = x.size - 1 - onp.searchsorted(x[::-1], at, side="left")
        outside = (at > x[0]) | (at < x[-1])
    else:
        found = onp.searchsorted(x, at, side="right") - 1
        outside = (at < x[0]) | (at > x[-1])
    return onp.clip(found, 0, x.size - 2), outside | onp.isnan(at)


def _masked(y, outside, at, extrapolate):
    beyond = onp.isnan(plain_of(at)) if extrapolate else outside
    return np.where(beyond[:, None], onp.nan, y) if onp.any(beyond) else y


def _factor(power, nu):
    """power (power - 1) … of nu factors, of the nu-th derivative."""
    return float(math.perm(power, nu)) if power >= nu else 0.0


def _horner(c, s, nu=0):
    """The nu-th derivative at s of polynomials whose coefficients stand in rows."""
    degree = c.shape[0] - 1
    y = np.zeros_like(c[0] + s) if nu > degree else c[0] * _factor(degree, nu)
    for k in range(1, degree - nu + 1):
        y = y * s + c[k] * _factor(degree - k, nu)
    return y + 0.0 * s


def _evaluate(c, x, at, nu, extrapolate):
    piece, outside = _pieces(x, at)
    y = _horner(c[:, piece], (at - x[piece])[:, None], int(nu))
    return _masked(y, outside, at, extrapolate)


def _bernstein(c, x, at, nu, extrapolate):
    """De Casteljau's triangle of the nu-th differences, times k!/(k - nu)! h⁻ⁿᵘ."""
    piece, outside = _pieces(x, at)
    width, degree, nu = (x[piece + 1] - x[piece])[:, None], c.shape[0] - 1, int(nu)
    s = (at - x[piece])[:, None] / width
    rows = list(c[:, piece])
    for _ in range(min(nu, degree + 1)):
        rows = [b - a for a, b in itertools.pairwise(rows)]
    if not rows:
        return _masked(0.0 * s * c[0, piece], outside, at, extrapolate)
    while len(rows) > 1:
        rows = [a * (1 - s) + b * s for a, b in itertools.pairwise(rows)]
    y = rows[0] * _factor(degree, nu) / width**nu + 0.0 * s
    return _masked(y, outside, at, extrapolate)


def _continued(c, x, order):
    """Return coefficients of which the last order + 1 make derivatives continuous at the breakpoints.

    Of each piece but the first, the m-th derivative at its start is that at the end of the piece before it.
    """
    rows, width = list(c), (x[1:-1] - x[:-2])[:, None]
    for m in range(int(order), -1, -1):
        place = len(rows) - 1 - m
        higher = [*rows[:place], np.zeros_like(rows[place])]
        gain = _horner(np.stack(higher)[:, :-1], width, 0) if m == 0 else _gain(higher, width, m)
        steps = np.concatenate([rows[place][:1], gain])
        rows[place] = np.cumsum(steps, axis=0)
    return np.stack(rows)


def _gain(higher, width, m):
    """By how much the m-th derivative, over m!, grows along a piece."""
    padding = [np.zeros_like(higher[0])] * m
    return _horner(np.stack([*higher, *padding])[:, :-1], width, m) / math.factorial(m)


def _antiderivative(c, x):
    powers = onp.arange(c.shape[0], 0.0, -1.0)[:, None, None]
    rows = np.concatenate([c / powers, np.zeros((1, *c.shape[1:]), c.dtype)])
    return _continued(rows, x, 0)


def _integrate(c, x, a, b, extrapolate):
    ends = np.stack([np.asarray(a) * 1.0, np.asarray(b) * 1.0])
    found = _evaluate(_antiderivative(c, x), x, ends, 0, extrapolate)
    return found[1] - found[0]


_UNDEFINED = (
    "scipy.interpolate.Akima1DInterpolator has no derivative where two slopes are equal on each side of a "
    "point, and differ there: its slope jumps with the least change; move the data by a little, use "
    "method='makima', or PchipInterpolator"
)


def akima_slopes(x, y, method):
    """The slopes of Akima (1970): those before and behind a point, weighted by how the others change.

    t = (f₁ m₂ + f₂ m₃)/(f₁ + f₂) with f₁ = |m₄ - m₃| and f₂ = |m₂ - m₁|. Where all four are equal, and the
    weights are none, the mean has a derivative between those of all directions.
    """
    inner = (y[1:] - y[:-1]) / np.reshape(x[1:] - x[:-1], (-1, *[1] * (y.ndim - 1)))
    first, second, former, last = inner[:1], inner[1:2], inner[-2:-1], inner[-1:]
    before, behind = 2.0 * first - second, 2.0 * last - former
    m = np.concatenate([2.0 * before - first, before, inner, behind, 2.0 * behind - last])
    change = np.abs(m[1:] - m[:-1])
    if method == "makima":
        change = change + 0.5 * np.abs(m[1:] + m[:-1])
    total = change[2:] + change[:-2]
    known = plain_of(total)
    level = ~(known > 1e-9 * onp.max(known, initial=-onp.inf))
    m1, m2, m3, m4 = (m[k : m.shape[0] - 3 + k] for k in range(4))
    plain = plain_of(m)
    apart = onp.abs(plain[2:-1] - plain[1:-2]) > 1e-9 * onp.max(onp.abs(plain), initial=0.0)
    if onp.any(level & apart):
        raise NotDifferentiableError(_UNDEFINED)
    share = change[:-2] / np.where(level, 1.0, total)
    found = np.where(level, (m2 + m3) / 2, m2 + share * (m3 - m2))
    return attached(onp.where(level, plain_of(0.5 * (m4 + m1)), plain_of(found)), found)


# --- functions that fill an array that they are given


def _filling(f, formula, result):
    """Return a function with a result of the function f, which fills the argument behind its inputs."""

    def filled(*args):
        out = result(*args)
        f(*args, out)
        return out

    return like(filled, formula)


def _evaluating(f, formula):
    """Return what fills ``out`` as f does, with the derivatives of a formula."""
    found = _filling(f, formula, lambda c, x, at, *_: onp.empty((len(at), c.shape[2]), c.dtype))

    def fill(c, x, at, nu, extrapolate, out):
        out[...] = found(c, x, at, nu, extrapolate)

    return fill


def _integrating(f):
    found = _filling(f, _integrate, lambda c, *_: onp.empty(c.shape[2], c.dtype))

    def fill(c, x, a, b, extrapolate, out):
        out[...] = found(c, x, a, b, extrapolate)

    return fill


def _continuing(f):
    def fixed(c, x, order):
        c = onp.array(c)
        f(c, x, order)
        return c

    found = like(fixed, _continued)

    def fix_continuity(c, x, order):
        c[...] = found(c, x, order)

    return fix_continuity


# --- roots

_TOUCHING = (
    "{} has no derivative where the curve only touches the level that is sought, or is constant there: the "
    "solution moves infinitely fast, or is none of a single point"
)


def newton(name, z, residual, slope):
    """Return roots z, plain, with the derivatives that Newton's steps give: 2ⁿ - 1 orders after n of them."""
    steep = onp.abs(plain_of(slope(z)))
    if onp.any(~(steep > 1e-7 * onp.max(steep, initial=0.0))):
        raise NotDifferentiableError(_TOUCHING.format(name))
    traced = z
    for _ in range(3):
        traced = traced - residual(traced) / slope(traced)
    return attached(z, traced)


def _roots_of(c, x, y, z):
    """The plain roots z of one column, with derivatives; a jump across the level is at its breakpoint."""
    size = onp.max(onp.abs(plain_of(c)), initial=1.0)
    miss = onp.abs(plain_of(_evaluate(c, x, z, 0, True))[:, 0] - plain_of(y))
    jumps = onp.isin(z, plain_of(x)) & (miss > 1e-9 * size)
    inside = newton(
        "scipy.interpolate.PPoly.solve",
        z[~jumps],
        lambda t: _evaluate(c, x, t, 0, True)[:, 0] - y,
        lambda t: _evaluate(c, x, t, 1, True)[:, 0],
    )
    at = onp.searchsorted(onp.flatnonzero(~jumps), onp.arange(z.size))
    if not onp.any(jumps):
        return inside
    ends = x[onp.abs(plain_of(x) - z[:, None]).argmin(axis=1)]
    return np.where(jumps, ends, inside[onp.minimum(at, max(inside.size - 1, 0))] if inside.size else z)


def _solving(f):
    def real_roots(c, x, y, discontinuity, extrapolate):
        found = on_plain(f, c, x, y, discontinuity, extrapolate)
        if not is_traced(c, x, y):
            return found
        if any(onp.any(onp.isnan(z)) for z in found):
            raise NotDifferentiableError(_TOUCHING.format("scipy.interpolate.PPoly.solve"))
        return [
            _roots_of(c[:, :, n : n + 1], x, y, z) if z.size else z
            for n, z in enumerate(map(onp.asarray, found))
        ]

    return real_roots


# --- several variables


def _tensor(c, breaks, powers, at, nu, extrapolate):
    """The sum over the first axes of c, one for the power in each variable, of the product of the powers."""
    pieces = [_pieces(x, at[:, d]) for d, x in enumerate(breaks)]
    counts = [len(x) - 1 for x in breaks]
    flat = onp.ravel_multi_index([piece for piece, _ in pieces], counts)
    part = np.reshape(c[:, flat], (*map(int, powers), len(flat), c.shape[2]))
    for d, (x, (piece, _)) in enumerate(zip(breaks, pieces, strict=True)):
        part = _horner(part, (at[:, d] - x[piece])[:, None], int(nu[d]))
    beyond = onp.any([outside for _, outside in pieces], axis=0)
    return _masked(part, beyond, at[:, 0], extrapolate)


def _in_several(f):
    def evaluate_nd(c, breaks, powers, at, nu, extrapolate, out):
        def filled(c, at, powers, nu, *breaks):
            y = onp.empty((len(at), c.shape[2]), c.dtype)
            powers, nu = (onp.asarray(n, onp.intc) for n in (powers, nu))
            breaks = tuple(map(onp.array, breaks))  # SciPy takes none that is read-only
            f(onp.array(c), breaks, powers, onp.array(at), nu, extrapolate, y)
            return y

        found = like(
            filled, lambda c, at, powers, nu, *breaks: _tensor(c, breaks, powers, at, nu, extrapolate)
        )
        out[...] = found(c, at, plain_of(powers), plain_of(nu), *breaks)

    return evaluate_nd


def views_of(theirs):
    """Return functions that take traced values, by the names of SciPy's compiled ones."""
    return {
        "evaluate": _evaluating(theirs.evaluate, _evaluate),
        "evaluate_bernstein": _evaluating(theirs.evaluate_bernstein, _bernstein),
        "evaluate_nd": _in_several(theirs.evaluate_nd),
        "fix_continuity": _continuing(theirs.fix_continuity),
        "integrate": _integrating(theirs.integrate),
        "real_roots": _solving(theirs.real_roots),
    }
