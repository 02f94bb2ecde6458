"""What functions with kinks hand on while their derivative is differentiated again: see infinitesimals.

Every kink is that of a root at 0: |d| = √d², maximum(a, b) = (a + b + |a - b|)/2, ‖x‖ = √Σ|xᵢ|². The
rules give the derivative of the rest; what is added here stands for the root.
"""

import numpy as onp

from .. import numpy as np
from ..boxes import Traced, innermost
from ..calling import call
from ..defining import defzero
from ..kinked import is_steep_at_end, is_steep_at_zero
from ..numpy.ufuncs import masked
from ..primitives import primitive
from ..registry import primitive_of
from ..traces.infinitesimal import (
    branch_at_zero,
    depth_of,
    infinitesimals_of,
    is_on_one_side,
    jump_at_zero,
    motion_of,
    root_at_zero,
)
from ..traces.nearby import root_beside
from ..traces.strong_zeros import depends_on_root
from ..values import all_of, any_of, constant, dtype_of, is_deferred, members_of, shape_of, value_of
from .quantiles import as_returned, by_quantile, place_of, rows_of
from .reductions import all_equal, axes_of, freedom_of, whole

inf = onp.inf


def kinked(*fs):
    """Make the decorated function what a result of these primitives is where it is differentiated twice."""

    def decorate(kinks):
        for f in fs:
            primitive_of(f).kinks = kinks
        return kinks

    return decorate


def root_of(at, *ds, axes=(), lines=True):
    """√Σ|d|² where that is 0 ``at`` some places, as a multiple of ε; ``axes`` are summed over and kept.

    With ``lines``, a derivative that is not the same along two lines will be nan.
    """
    steep = at & sum(_any_along(depends_on_root(d), d, axes) for d in ds)
    if anywhere(steep):
        return root_of(at & ~steep, *ds, axes=axes, lines=lines) + _not_known(steep, ds, axes, inf)
    u, trace = 0, innermost(ds)
    for d in ds:
        d = np.where(at, d, 0)
        u = u + (np.real(d * np.conj(d)) if dtype_of(d).kind == "c" else d * d)
    u = np.sum(u, axis=axes, keepdims=True) if axes else u

    def size(part, across):
        found = sum(onp.abs(getattr(motion_of(d, trace, across), part)) ** 2 for d in ds)
        return onp.sqrt(onp.sum(found, axis=axes, keepdims=True) if axes else found)

    sizes = [size("speed", across) for across in ((False, True) if lines else (False,))]
    y = root_at_zero(u, at, *(onp.where(onp.isfinite(x), x, 1) for x in sizes))
    flat = at & (sizes[0] == 0)
    flat = flat & (size("curve", False) != 0) if flat.any() else flat
    return y + _not_known(flat, ds, axes) if flat.any() else y


def power_root_of(at, x, axes):
    """(Σ|x|ᵖ)^(1/p), p ≠ 2, where that is 0: the root of no quadratic, unless one of the x moves alone."""
    xdot, xddot, _ = motion_of(x)
    several = at & (onp.sum((xdot != 0) | (xddot != 0), axis=axes, keepdims=True) > 1)
    y = root_of(at & ~several, x, axes=axes)
    if not several.any():
        return y
    lost = several & (~_any_along(xdot != 0, x, axes) | _any_along(depends_on_root(x), x, axes))
    if lost.any():
        y, several = y + _not_known(lost, (x,), axes, inf), several & ~lost
    return y + unknown_root_of(several, x, axes)


def unknown_root_of(at, x, axes):
    """0 ``at`` some places, where it opens as ‖x‖ does, and in no direction as fast as is known."""
    size = np.where(at, np.abs(x) if dtype_of(x).kind == "c" else x, 0)
    return root_at_zero(np.sum(size * size, axis=axes, keepdims=True), at, slope=onp.nan)


def _any_along(at, d, axes):
    return onp.any(onp.broadcast_to(at, shape_of(d)), axis=axes, keepdims=True) if axes else at


def _not_known(at, ds, axes, sign=onp.nan):
    """0, with a second derivative of nan: of √Σ|d|² where all d are flat but curved, as of √(x⁴ + y⁴).

    It may be a quadratic there, or have no second derivative: no derivative of the d says which. A ``sign``
    of ∞ is for what is not known even where no d curves.
    """
    y = 0
    for d in ds:
        for part in (np.real(d), np.imag(d)) if dtype_of(d).kind == "c" else (d,):
            if isinstance(part, Traced):
                part = np.where(at, part, 0)
                mark = branch_at_zero(part, onp.broadcast_to(at, shape_of(part)), sign)
                y = y + (np.sum(mark, axis=axes, keepdims=True) if axes else mark)
    return y


def _with_root(y, at, u, f, sign=1):
    """y = f(u) with the root ±√u ``at`` zeros of u around which u is a square or a sum of squares.

    There u is flat, and the infinite slope of f is of no account; elsewhere y stays what it is. The root of
    a quartic may be a quadratic, or have no second derivative: it is nan.
    """
    if not anywhere(at):
        return y
    motion = motion_of(u)
    at = at & (motion.speed == 0)
    if not anywhere(at):
        return y
    with onp.errstate(invalid="ignore"):
        sizes = [onp.sqrt(onp.abs(x.curve) / 2) for x in (motion, motion_of(u, across=True))]
    # Where the outer transformations are two, f has done the same between them.
    below = y.primal if depth_of(y.primal) > 1 else constant(y)
    rest = np.where(at, below, f(np.where(at, 1, u)))
    flat = _flat_at(at, u, onp.sqrt) | (at & onp.isinf(motion.curve))
    if flat.any():
        rest = rest + branch_at_zero(u, flat, inf)
    return rest + sign * root_at_zero(u, at, *(onp.where(onp.isfinite(x), x, 1) for x in sizes))


def _flat_at(at, u, root, steep=False):
    """Where u is flat, and a root of it is neither told by its second derivative nor flatter than x²."""
    at = at & (motion_of(u).speed == 0)
    return at & infinitesimals_of(innermost((u,))).is_flat_root(u, root, steep) if anywhere(at) else at


def _opens(at, u):
    """Where u opens as |x| does: no infinitesimal tells the second derivative of its root."""
    return at & (motion_of(u).opening != 0)


def _moving(at, u):
    """Where u moves through 0."""
    return at & (motion_of(u).speed != 0)


def _with_flat_root(y, at, u):
    """y with a second derivative of nan ``at`` such zeros, and no infinite slope."""
    if not anywhere(at):
        return y
    below = y.primal if depth_of(y.primal) > 1 else constant(y)
    return np.where(at, below, y) + branch_at_zero(u, at, inf)


def corner_of(at, d, of_two=False, lines=True):
    """|d| where d is 0: as above, but where d has one sign around it, that sign times d.

    Of a difference ``of_two`` moving values one of which has a kink, as of maximum(x, 0) and -x, the sizes
    along the line and against it are not the same, so that no multiple of ε is it: the second derivative
    is nan. Without ``lines``, as for maximum(x, 0), second derivatives are those along one line: they are
    finite in networks with ties in several layers.
    """
    if dtype_of(d).kind == "c":
        return root_of(at, d)
    small, motion = infinitesimals_of(innermost((d,))), motion_of(d)
    told = onp.zeros_like(at)
    if is_on_one_side(d.inside):
        return 0.0  # an outer transformation has told it already
    if small.on_one_side:
        told = at & (motion.side != 0)
        at = at & ~told
    opening = motion.opening
    # Of kinks, d may have the same sign along the line and against it.
    one_sign = at & (opening != 0) & (motion.speed * motion.backwards >= 0)
    uneven = at & (opening != 0) & ~one_sign & of_two
    flat = at & (motion.speed == 0) & ~one_sign & ~uneven
    special = flat | one_sign | uneven
    y = root_of(at & ~special, d, lines=lines)
    if told.any():
        y = y + branch_at_zero(d, told, motion.side)
    if not special.any():
        return y
    beside = small.sign_of_flat(d) if flat.any() else 0.0
    sign = onp.where(flat, beside, onp.where(uneven, onp.inf, onp.sign(opening)))
    return y + branch_at_zero(d, special, sign)


def _axes(a, axis):
    ndim = len(shape_of(a))
    return tuple(int(n) % ndim for n in axes_of(axis, ndim)) if ndim else ()


def _mask(x):
    """Return a mask as an array, or batched."""
    return x if isinstance(x, Traced) else onp.asarray(x)


def anywhere(at):
    """Say whether a mask is true anywhere; of a batch, where it is, each member is to say it for itself."""
    if not any_of(at):
        return False
    value_of(constant(at), _AT_KINK)
    return True


_AT_KINK = "an example is at a kink"


def _zero(x):
    return _mask(constant(x) == 0)


def _tie(a, b):
    """Where two values are equal and finite."""
    a, b = constant(a), constant(b)
    return _mask(onp.equal(a, b) & onp.isfinite(a))


def _plus(y, at, root, weight=1):
    """y, and that many times the root where it is at 0 anywhere."""
    return y + weight * root() if anywhere(at) else y


# --- roots and corners


@kinked(np.absolute, np.fabs)
def _absolute(y, x):
    at = _zero(x)
    return _plus(y, at, lambda: corner_of(at, x))


@kinked(np.copysign)
def _copysign(y, a, b):
    if not isinstance(a, Traced):
        return y
    at = onp.broadcast_to(_zero(a), shape_of(y))
    return _plus(y, at, lambda: corner_of(at, a), onp.copysign(1.0, constant(b)).astype(dtype_of(y)))


@kinked(np.sign)
def _sign(y, x):
    at = _zero(x)
    if dtype_of(x).kind == "c" or not anywhere(at):
        return y
    return y + jump_at_zero(x, at, lambda side: side)


@kinked(np.heaviside)
def _heaviside(y, a, b):
    at = _zero(a)
    if not anywhere(at) or not isinstance(a, Traced):
        return y
    if shape_of(a) != shape_of(y):
        a, at = np.broadcast_to(a, shape_of(y)), onp.broadcast_to(at, shape_of(y))
    return y + jump_at_zero(a, at, lambda side: (side > 0) - constant(b))


@kinked(np.hypot)
def _hypot(y, a, b):
    at = _zero(y)
    return _plus(y, at, lambda: root_of(at, a, b))


@kinked(np.sqrt)
def _sqrt(y, x):
    at = _zero(x) if dtype_of(y).kind == "f" else onp.asarray(False)
    if not anywhere(at):
        return y
    opens = _opens(at, x)
    return _with_root(_with_flat_root(y, opens, x), at & ~opens, x, np.sqrt)


@kinked(np.power, np.float_power)
def _power(y, a, b):
    """A power below 1 is no root of a quadratic but for √, so that nothing smooth can be said of it."""
    if dtype_of(y).kind != "f":
        return y
    b = constant(b)
    if type(b) in (int, float) and (b <= 0 or b == int(b)):
        return y
    b = b if isinstance(b, Traced) else onp.asarray(b)
    at = _zero(a) & _mask((b > 0) & (b != np.floor(b)))
    if not anywhere(at) or not isinstance(a, Traced):
        return y
    u = a if shape_of(a) == shape_of(y) else np.broadcast_to(a, shape_of(y))
    if onp.all(members_of(b) == 0.5):
        return _sqrt(y, u)
    root = at & _mask(b < 1)
    return _root(y, root, u, b) if anywhere(root) else y


def _root(y, at, u, b):
    opens = _opens(at, u)
    y = _with_root(_with_flat_root(y, opens, u), at & (b == 0.5) & ~opens, u, lambda u: u**b)
    at = at & (b != 0.5) & ~opens
    if not anywhere(at):
        return y
    # The slope of (x²)ᵇ is infinite itself for b below ½.
    flat = _flat_at(at, u, lambda u: u ** members_of(b), onp.broadcast_to(b < 0.5, at.shape))
    y = _with_flat_root(y, flat, u)
    at = at & ~flat & ~_moving(at, u)
    return _plus(y, at, lambda: root_at_zero(u, at, slope=inf))


@kinked(np.cbrt)
def _cbrt(y, x):
    at = _zero(x)
    if not anywhere(at):
        return y
    flat = _flat_at(at, x, onp.cbrt, True) | _opens(at, x)
    return _with_flat_root(y, flat, x)


def _at_end(f, end, side, sign):
    """Of a function with the root √2|x - end| at an end of where it is defined; x is on one side of it."""

    def kinks(y, x):
        at = _mask(constant(x) == end) if dtype_of(y).kind == "f" else onp.asarray(False)
        if not anywhere(at):
            return y
        opens = _opens(at, x)
        y = _with_flat_root(y, opens, x)
        return _with_root(y, at & ~opens, 2 * side * (x - end), lambda u: f(end + side * u / 2), sign)

    return kinks


def _at_ends(f, of_one, of_minus_one):
    upper, lower = _at_end(f, 1, -1, of_one), _at_end(f, -1, 1, of_minus_one)
    return lambda y, x: lower(upper(y, x), x)


kinked(np.arccos)(_at_ends(np.arccos, 1, -1))
kinked(np.arcsin)(_at_ends(np.arcsin, -1, 1))
kinked(np.arccosh)(_at_end(np.arccosh, 1, 1, 1))


# --- extremes of two


def _of_two(sign):
    def kinks(y, a, b):
        at = onp.equal(constant(a), constant(b))
        if not anywhere(at):
            return y
        at = _mask(at & onp.isfinite(constant(a)))
        both = isinstance(a, Traced) and isinstance(b, Traced) and a.tape is b.tape
        d = np.where(at, a, 0) - np.where(at, b, 0)
        return _plus(y, at, lambda: corner_of(at, d, both, lines=both), 0.5 * sign)

    return kinks


kinked(np.maximum, np.fmax)(_of_two(1))
kinked(np.minimum, np.fmin)(_of_two(-1))


@kinked(np.clip)
def _clip(y, a, a_min=None, a_max=None):
    raised = a if a_min is None else np.maximum(a, a_min)
    return raised if a_max is None else np.minimum(raised, a_max)


@kinked(masked)
def _masked(y, f, casting, where, out, *args):
    kinks = primitive_of(f).kinks
    return y if kinks is None else np.where(where, kinks(y, *args), y)


# --- extremes, medians and quantiles of many: those that tie share a cotangent, and one of them is it


def _chosen_of(plain, chosen):
    """The positions of the chosen elements, their weights, which elements equal them, and how many do."""
    ordered = onp.sort(plain, axis=-1)
    positions, parts = chosen(ordered, onp.sum(~onp.isnan(ordered), axis=-1, keepdims=True))
    values = onp.take_along_axis(ordered, positions, axis=-1)
    equal = (plain[..., None, :] == values[..., None]) & (parts != 0)[..., None]
    return positions, parts, equal, onp.sum(equal, axis=-1, keepdims=True)


def _recorded_ties(rows, y, chosen):
    """The same as a question that a program asks: without ties, as many are extreme as there are rows."""
    if chosen in (_first, _last) and all_of(y == y):
        return bool(
            np.count_nonzero(rows == np.reshape(y, (*rows.shape[:-1], 1))) != rows.size // rows.shape[-1]
        )
    return bool(has_ties(rows, chosen))


def _has_ties(rows, chosen):
    """Say whether an element that is chosen equals another."""
    return bool((_chosen_of(rows, chosen)[-1] > 1).any())


has_ties = primitive(_has_ties)
defzero(has_ties)


def _of_ranks(a, y, axes, chosen):
    """What stands for the choice among equal elements, in the shape of y; None where none are.

    ``chosen`` takes elements in ascending order, (*kept, n), nans last, and how many are none; it returns
    the positions and the weights, (*kept, m), of those that make up y.
    """
    rows = rows_of(a, axes)
    if is_deferred(rows) and not _recorded_ties(members_of(rows), members_of(y), chosen):
        return None
    plain = onp.asarray(members_of(rows))
    positions, parts, equal, count = _chosen_of(plain, chosen)
    if not (count > 1).any():
        return None
    if plain.ndim > len(shape_of(rows)):
        value_of(constant(rows), _AT_KINK)
    motion = motion_of(rows)
    shares = equal / onp.maximum(count, 1)
    behind, ahead = (
        onp.arange(plain.shape[-1])
        == onp.take_along_axis(onp.lexsort((motion.curve, way, plain), axis=-1), positions, axis=-1)[
            ..., None
        ]
        for way in (motion.backwards, motion.speed)
    )
    # Along the line and against it two are chosen: half their sum, and half their difference as a root.
    tied = equal & (count > 1)
    halves = onp.where(tied, (1.0 * ahead - behind) / 2, 0)
    rest = onp.where(tied, (1.0 * ahead + behind) / 2 - shares, 0)
    of_root, of_rest = (onp.sum(x * parts[..., None], axis=-2) for x in (halves, rest))
    finite = onp.isfinite(constant(y))

    def summed(weights, x):
        return onp.sum(onp.where(weights == 0, 0, weights * x), axis=-1).reshape(shape_of(y))

    def combined(weights):
        x = np.where((weights != 0) & onp.isfinite(plain), rows, 0)
        return np.reshape(
            np.sum(np.astype(weights, dtype_of(rows)) * (x - constant(x)), axis=-1), shape_of(y)
        )

    along, found = summed(of_root, motion.speed), 0.0
    along = onp.where(onp.isfinite(along), along, 0)
    uneven = finite & (summed(of_root, motion.opening) != 0)
    even = finite & (along != 0) & ~uneven
    if even.any():
        z = combined(of_root)
        sign = np.astype(onp.sign(along), dtype_of(y))
        sizes = [onp.abs(motion_of(z, across=across).speed) for across in (False, True)]
        found = sign * root_at_zero(z * z, even, *(onp.where(x > 0, x, onp.abs(along)) for x in sizes))
    if uneven.any():  # as in corner_of
        found = found + branch_at_zero(combined(of_root), uneven, inf)
    steady = summed(of_rest, motion.speed)
    moved = finite & summed(of_rest != 0, onp.ones(())).astype(bool)
    if moved.any():
        # As far as the line tells: of flat ones that tie, the one that is chosen is chosen on both sides.
        unknown = onp.isnan(summed(of_rest, motion.curve)) & ~(steady != 0)
        found = found + branch_at_zero(combined(of_rest), moved, onp.where(unknown, onp.nan, 1))
    return found if isinstance(found, Traced) else None


def _with_choice(y, a, axis, chosen):
    axes = _axes(a, axis)
    if dtype_of(a).kind != "f" or not isinstance(a, Traced) or not axes or 0 in shape_of(a):
        return y
    choice = _of_ranks(a, y, axes, chosen)
    return y if choice is None else y + choice


def _last(ordered, count):
    return onp.maximum(count - 1, 0), onp.ones(count.shape)


def _first(ordered, count):
    return onp.zeros_like(count), onp.ones(count.shape)


def _middle(ordered, count):
    positions = onp.concatenate([onp.maximum(count - 1, 0) // 2, onp.minimum(count // 2, count)], axis=-1)
    return onp.minimum(positions, ordered.shape[-1] - 1), onp.full(positions.shape, 0.5)


def _of_extreme(chosen):
    def kinks(y, a, axis=None, *, keepdims=False, initial=None, where=True):
        if not isinstance(a, Traced) or isinstance(initial, Traced):
            return y  # with a traced initial value, y is the extreme of one element more
        if where is not True:
            a = np.where(where, a, onp.nan)
        if initial is not None:
            rows = rows_of(a, _axes(a, axis))
            start = onp.full((*shape_of(rows)[:-1], 1), initial, dtype_of(rows))
            a, axis = np.concatenate([start, rows], axis=-1), -1
        return _with_choice(y, a, axis, chosen)

    return kinks


kinked(np.max, np.amax, np.nanmax)(_of_extreme(_last))
kinked(np.min, np.amin, np.nanmin)(_of_extreme(_first))


@kinked(np.ptp)
def _ptp(y, a, axis=None, *, keepdims=False):
    high = _with_choice(y, a, axis, _last)
    return high + (y - _with_choice(y, a, axis, _first))


@kinked(np.median, np.nanmedian)
def _median(y, a, axis=None, *, keepdims=False):
    return _with_choice(y, a, axis, _middle)


def _chosen(positions, parts):
    return lambda ordered, count: (positions, parts)


def _each(y, a, place, above):
    """Each of several quantiles, one after the other."""
    for m in range(place.low.shape[-1]):
        at = slice(m, m + 1)
        both = onp.concatenate([place.low[..., at], above[..., at]], axis=-1)
        part = onp.concatenate([1 - place.part[..., at], place.part[..., at]], axis=-1)
        yield _with_choice(y[..., m], a, place.axes, _chosen(both, part))


def _of_quantile(f):
    def kinks(y, a, q, axis=None, *, method="linear", keepdims=False, weights=None):
        if 0 in shape_of(a) or not onp.size(constant(q)):
            return y
        place = place_of(f, y, a, q, axis, method, weights)
        above = onp.minimum(place.low + 1, onp.maximum(place.count - 1, 0))
        ys = by_quantile(f, y, constant(q), place)
        return as_returned(
            f, np.stack(list(_each(ys, a, place, above)), axis=-1), constant(q), place.axes, shape_of(y)
        )

    return kinks


for f in (np.quantile, np.percentile, np.nanquantile, np.nanpercentile):
    kinked(f)(_of_quantile(getattr(onp, f.__name__)))


# --- spreads


def _spread(y, a, axis, dtype, ddof, keepdims, where, mean, correction):
    """‖x - μ‖/√(n - ddof) where all are equal."""
    if whole(dtype) or not shape_of(a):
        return y
    at = onp.equal(constant(y), 0)
    if mean is None:
        at = at | all_equal(constant(y), constant(a), axis, keepdims, where)
        chosen = {} if where is True else {"where": where}
        mean = np.mean(a, axis=axis, dtype=dtype, keepdims=True, **chosen)
    if not anywhere(at):
        return y
    at = onp.asarray(at)
    axes = _axes(a, axis)
    kept = [1 if n in axes else size for n, size in enumerate(shape_of(a))]
    freedom = freedom_of(a, axis, where, ddof, correction)
    deviation = (a - mean) / onp.sqrt(onp.maximum(freedom, 1)).astype(dtype_of(y))
    if where is not True:
        deviation = np.where(where, deviation, 0)
    return y + np.reshape(root_of(at.reshape(kept), deviation, axes=axes), shape_of(y))


@kinked(np.std)
def _std(
    y, a, axis=None, dtype=None, *, ddof=0, keepdims=False, where=True, mean=None, correction=None
):  # fmt: skip
    return _spread(y, a, axis, dtype, ddof, keepdims, where, mean, correction)


@kinked(np.nanstd)
def _nanstd(
    y, a, axis=None, dtype=None, *, ddof=0, keepdims=False, where=True, mean=None, correction=None
):  # fmt: skip
    where = onp.logical_and(where, ~onp.isnan(constant(a)))
    a = np.where(where, a, 0)
    return _spread(y, a, axis, dtype, ddof, keepdims, where, mean, correction)


# --- roots of what moves through 0


def steep(is_steep, *fs):
    """Make the decorated function say where the slope of functions with a root is infinite: see nearby.

    It returns a mask, and the side that x is on: 0 if both are possible.
    """

    def decorate(where):
        def root(prim, args):
            x, *rest = args
            at, side = where(constant(x), *map(constant, rest))
            return root_beside(prim, x, rest, onp.broadcast_to(at, shape_of(x)), side)

        for f in fs:
            prim = primitive_of(f)
            prim.is_steep, prim.steep = is_steep, root
        return where

    return decorate


steep(is_steep_at_zero, np.sqrt)(lambda x: (onp.equal(x, 0), 1))
steep(is_steep_at_zero, np.cbrt)(lambda x: (onp.equal(x, 0), 0))
steep(is_steep_at_end, np.arccos, np.arcsin)(lambda x: (onp.equal(onp.abs(x), 1), -onp.sign(x)))
steep(is_steep_at_end, np.arccosh)(lambda x: (onp.equal(x, 1), 1))


@steep(is_steep_at_zero, np.power, np.float_power)
def _zeros_of_power(x, b):
    """Those above 1 have no infinite slope, and vanish as slowly as to meet one."""
    at = onp.equal(x, 0) & onp.greater(b, 0) & onp.not_equal(b, onp.floor(b))
    return (at if onp.shape(at) == onp.shape(x) else onp.False_), 1
