"""The rules of scipy.ndimage's compiled filters: of an array that goes on beyond its ends."""

import functools
import math

import numpy as onp

from ... import numpy as np
from ...boxes import innermost
from ...defining import defvjp, defzero, linear
from ...values import all_of, constant, shape_of
from .. import ndimage, signal
from ..derived import Written, as_written
from ..ndimage import before_and_behind, extended, views, windows
from ..sparse.layouts import Layout, product


def _line(x, size, axis, mode, cval, origin):
    """The entries of a window along an axis: one array for each place in the window."""
    widths = [(0, 0)] * np.ndim(x)
    widths[axis] = before_and_behind(size, origin)
    wide, n = extended(x, widths, mode, cval), shape_of(x)[axis]
    at = [slice(None)] * np.ndim(x)
    found = []
    for k in range(size):
        at[axis] = slice(k, k + n)
        found.append(wide[tuple(at)])
    return found


def _correlate_line(y, input, weights, axis, mode, cval, origin):
    size = shape_of(weights)[0]
    parts = _line(input, size, axis, mode, cval, origin)
    return sum(weights[k] * parts[k] for k in range(size))


def _correlate_window(y, input, weights, mode, cval, origins):
    origins = onp.broadcast_to(origins, np.ndim(input)).tolist()
    widths = [before_and_behind(*pair) for pair in zip(shape_of(weights), origins, strict=True)]
    return signal.correlate(extended(input, widths, mode, cval), weights, "valid")


def _mean_of_line(y, input, size, axis, mode, cval, origin):
    return sum(_line(input, size, axis, mode, cval, origin)) / size


def _extreme_of_line(y, input, size, axis, mode, cval, origin, minimum):
    parts = np.stack(_line(input, size, axis, mode, cval, origin), -1)
    return (np.min if minimum else np.max)(parts, -1)


def _extreme_of_window(y, input, structure, footprint, mode, cval, origins, minimum):
    parts = windows(input, footprint, mode, cval, origins)
    if structure is not None:
        heights = structure[footprint]
        parts = parts - heights if minimum else parts + heights
    return (np.min if minimum else np.max)(parts, -1)


def _rank_of_window(y, input, rank, footprint, mode, cval, origins):
    return np.sort(windows(input, footprint, mode, cval, origins), -1)[..., int(rank)]


def _rank_of_line(y, input, rank, size, mode, cval, origin):
    parts = np.stack(_line(input, int(size), 0, mode, cval, int(onp.ravel(constant(origin))[0])), -1)
    return np.sort(parts, -1)[..., int(rank)]


def _pulled_back(f, ybar, sizes, origins, mode):
    """x̄ of y = F E x, where E continues x beyond its ends and F is a filter: Eᵀ Fᵀ ȳ.

    ``f`` filters an array with zeros around it by the window in reverse order, which is Fᵀ.
    """
    around = [(size - 1, size - 1) for size in sizes]
    whole = f(np.pad(ybar, around))  # in which Fᵀ ȳ stands behind half a window
    part = tuple(
        slice(size // 2, size // 2 + n + size - 1) for size, n in zip(sizes, shape_of(ybar), strict=True)
    )
    widths = [before_and_behind(*pair) for pair in zip(sizes, origins, strict=True)]
    return ndimage.folded(whole[part], widths, mode)


_ZEROS = 4, 0.0  # the mode "constant", and the constant


def _along(axis, ndim, size, origin):
    """Sizes and origins of a window along one axis."""
    sizes, origins = [1] * ndim, [0] * ndim
    sizes[axis], origins[axis] = size, origin
    return sizes, origins


def _correlate_line_back(y, ybar, input, weights, axis, mode, cval, origin):
    sizes, origins = _along(axis, np.ndim(ybar), shape_of(weights)[0], origin)
    turned = weights[::-1]
    return _pulled_back(
        lambda x: ndimage.correlate_line(x, turned, axis, *_ZEROS, 0), ybar, sizes, origins, mode
    )


def _correlate_window_back(y, ybar, input, weights, mode, cval, origins):
    origins = onp.broadcast_to(origins, np.ndim(ybar)).tolist()
    turned = weights[(slice(None, None, -1),) * np.ndim(ybar)]
    return _pulled_back(
        lambda x: ndimage.correlate_window(x, turned, *_ZEROS, [0] * np.ndim(ybar)),
        ybar, shape_of(weights), origins, mode,
    )  # fmt: skip


_PLACES = 64  # in a window, up to which one sum for each takes less time than a correlation


def _correlate_line_weights(y, ybar, input, weights, axis, mode, cval, origin):
    parts = _line(input, shape_of(weights)[0], axis, mode, cval, origin)
    return np.stack([np.sum(part * ybar) for part in parts])


def _correlate_window_weights(y, ybar, input, weights, mode, cval, origins):
    shape = shape_of(weights)
    origins = onp.broadcast_to(origins, np.ndim(ybar)).tolist()
    if math.prod(shape) > _PLACES:
        widths = [before_and_behind(*pair) for pair in zip(shape, origins, strict=True)]
        return signal.correlate(extended(input, widths, mode, cval), ybar, "valid")
    parts = views(input, onp.ones(shape, bool), mode, cval, origins)
    return np.reshape(np.stack([np.sum(part * ybar) for part in parts]), shape)


def _mean_of_line_back(y, ybar, input, size, axis, mode, cval, origin):
    sizes, origins = _along(axis, np.ndim(ybar), size, origin)
    return _pulled_back(lambda x: ndimage.mean_of_line(x, size, axis, *_ZEROS, 0), ybar, sizes, origins, mode)


linear(ndimage.folded, lambda y, ybar, wide, widths, mode: extended(ybar, widths, mode, 0.0))
# Patterns of sparse Jacobians come of the formulas that Written has.
defvjp(ndimage.correlate_line, _correlate_line_back, Written(_correlate_line, 1, _correlate_line_weights))
defvjp(
    ndimage.correlate_window, _correlate_window_back, Written(_correlate_window, 1, _correlate_window_weights)
)
defvjp(ndimage.mean_of_line, Written(_mean_of_line, 0, _mean_of_line_back))


def _hits(y, ybar, input, footprint, origins, heights, mode, cval):
    """Return for each place of a footprint in which windows the number there is y, and the share it has of ȳ.

    Equal numbers of a window share it. All is plain. None where a window has none of its numbers.
    """
    parts = views(input, footprint, mode, cval, origins)
    if heights is None:
        hits = [part == y for part in parts]
    else:
        hits = [part + height == y for part, height in zip(parts, heights, strict=True)]
    count = onp.zeros(y.shape, onp.int32)
    for hit in hits:
        count += hit
    return (hits, ybar / count) if onp.all(count) else None


def _to_all_chosen(y, ybar, input, footprint, origins, heights, mode, cval):
    """x̄ of the largest or the smallest numbers of windows; all is plain."""
    found = _hits(y, ybar, input, footprint, origins, heights, mode, cval)
    if found is None:
        return None
    hits, share = found
    widths = [before_and_behind(*pair) for pair in zip(footprint.shape, origins, strict=True)]
    wide = onp.zeros([n + sum(pair) for n, pair in zip(input.shape, widths, strict=True)])
    for hit, at in zip(hits, onp.argwhere(footprint).tolist(), strict=True):
        part = wide[tuple(slice(k, k + n) for k, n in zip(at, input.shape, strict=True))]
        part += onp.where(hit, share, 0.0)
    return ndimage.folded(wide, widths, mode)


def _to_chosen(window_of, extreme=False):
    """Return the rule of a filter whose results are numbers of its windows: x̄ gets each ȳ where it stands.

    None where equal numbers of one window stand in different places, unless these are extremes, which share
    it. ``window_of`` gives the footprint, the origins and the heights that are added, of the filter's
    arguments.
    """

    def back(y, ybar, input, *args):
        if extreme and innermost((y, ybar, input, *args)) is None:
            return _to_all_chosen(y, ybar, input, *window_of(np.ndim(input), *args))
        places = ndimage.chosen(y, input, *window_of(np.ndim(input), *args))
        if not all_of(places >= 0):
            return None
        count = math.prod(shape_of(input))  # the place of the constant beyond the ends
        return np.reshape(np.bincount(places, np.ravel(ybar), count + 1)[:count], shape_of(input))

    return back


def _line_of(ndim, size, axis, mode, cval, origin, minimum=None):
    sizes, origins = _along(axis, ndim, int(size), origin)
    return onp.ones(sizes, bool), origins, None, mode, cval


def _window_of(ndim, structure, footprint, mode, cval, origins, minimum):
    heights = None if structure is None else structure[footprint] * (-1 if minimum else 1)
    return footprint, onp.broadcast_to(origins, ndim).tolist(), heights, mode, cval


def _ranks_of(ndim, rank, footprint, mode, cval, origins):
    return footprint, onp.broadcast_to(origins, ndim).tolist(), None, mode, cval


def _ranks_of_line(ndim, rank, size, mode, cval, origin):
    return _line_of(ndim, size, 0, mode, cval, int(onp.ravel(constant(origin))[0]))


defzero(ndimage.chosen)


def _to_heights(y, ybar, input, structure, footprint, mode, cval, origins, minimum):
    """The cotangent of the heights: what their places in all windows get of ȳ."""
    if innermost((y, ybar, input, structure)) is not None:
        return None
    window = _window_of(np.ndim(input), structure, footprint, mode, cval, origins, minimum)
    found = _hits(y, ybar, input, *window)
    if found is None:
        return None
    hits, share = found
    heights = onp.zeros(structure.shape)
    heights[footprint] = [onp.sum(onp.where(hit, share, 0.0)) for hit in hits]
    return -heights if minimum else heights


defvjp(ndimage.extreme_of_line, Written(_extreme_of_line, 0, _to_chosen(_line_of, extreme=True)))
defvjp(
    ndimage.extreme_of_window,
    Written(_extreme_of_window, 0, _to_chosen(_window_of, extreme=True)),
    Written(_extreme_of_window, 1, _to_heights),
)
defvjp(ndimage.rank_of_window, Written(_rank_of_window, 0, _to_chosen(_ranks_of)))
defvjp(ndimage.rank_of_line, Written(_rank_of_line, 0, _to_chosen(_ranks_of_line)))
linear(
    ndimage.damped, lambda y, ybar, input, sizes, n, axis, kind: ndimage.damped(ybar, sizes, n, axis, kind)
)
linear(ndimage.shifted, lambda y, ybar, input, shifts, n, axis: ndimage.shifted(ybar, shifts, n, axis))


# --- splines


def _spline_of_line(y, ybar, input, order, axis, mode):
    """The transpose of the matrix that the filter is, which is that of the filter of unit vectors."""
    n = shape_of(input)[axis]
    matrix = ndimage.spline_of_line(onp.eye(n), order, 0, mode)
    return np.moveaxis(np.tensordot(matrix, ybar, ((0,), (axis,))), 0, axis)


@functools.cache
def _pieces(order):
    """For each knot in reach, the coefficients of its B-spline on a cell, that of the highest power first.

    They are those of a polynomial in t, the distance from the last knot before a point where the order is
    odd, and from the nearest one where it is even: of
    Σⱼ (-1)ʲ C(n + 1, j) (x + (n + 1)/2 - j)₊ⁿ / n!, expanded.
    """
    middle = 0.5 if order % 2 else 0.0
    found = []
    for k in range(order + 1):
        shift = order // 2 - k + (order + 1) / 2
        terms = [
            ((-1) ** j * math.comb(order + 1, j) / math.factorial(order), shift - j)
            for j in range(order + 2)
            if middle + shift - j > 0
        ]
        found.append(
            [sum(c * math.comb(order, p) * a**p for c, a in terms) for p in range(order + 1)]
        )  # (t + a)ᵒʳᵈᵉʳ has the power order - p of t with C(order, p) aᵖ
    return found


def _horner(coefficients, t):
    first, *others = coefficients
    return functools.reduce(lambda y, c: y * t + c, others, first + 0 * t)


def _mapped(p, n, mode):
    """Where a point beyond the ends is found, and how that moves with the point: 1, -1 or 0."""
    inside = (p >= 0) & (p <= n - 1)
    found, sign = p.copy(), onp.ones_like(p)
    name = ndimage.MODES[mode]
    if n == 1 and name != "constant":
        return onp.zeros_like(p), onp.zeros_like(p)
    if name == "edge":
        found, sign = onp.clip(p, 0, n - 1), onp.where(inside, 1.0, 0.0)
    elif name in ("reflect", "symmetric"):
        half = 0.0 if name == "reflect" else 0.5
        period = 2.0 * (n - 1 + 2 * half)
        q = onp.mod(p + half, period)
        turned = q > period / 2
        found, sign = onp.where(turned, period - q, q) - half, onp.where(turned, -1.0, 1.0)
    elif name == "wrap":
        found = onp.mod(p, n - 1 if mode == 1 else n)
    return onp.where(inside, p, found), onp.where(inside, 1.0, sign)


def _line_at(x, n, order, mode, npad):
    """Of points on a line of n knots: the knots in reach, with their weights, and what is beyond the ends.

    Knots and weights have one axis in front, of the knots of a point; ``beyond`` are knots, and ``outside``
    points, that have the constant in the place of a value.
    """
    x = np.astype(x, onp.float64) + npad
    p = constant(x)
    outside = onp.zeros(p.shape, bool)
    if ndimage.MODES[mode] == "constant" and mode == 4:
        outside = (p < 0) | (p > n - 1)
        found, sign = onp.clip(p, 0, n - 1), onp.ones_like(p)
    else:
        found, sign = (p, onp.ones_like(p)) if mode == 6 else _mapped(p, n, mode)
    x = sign * x + (found - sign * p)
    base = onp.floor(found) if order % 2 else onp.floor(found + 0.5)
    t = x - base
    knots = base.astype(int) - order // 2 + onp.arange(order + 1).reshape(-1, *[1] * p.ndim)
    if mode == 6:
        beyond = (knots < 0) | (knots > n - 1)
        knots = onp.clip(knots, 0, n - 1)
    else:
        edge = {1: 3, 4: 3}.get(mode, mode)  # SciPy's splines are mirrored in the modes constant and wrap
        table = onp.rint(_mapped(onp.arange(-order - 2.0, n + order + 2), n, edge)[0]).astype(int) % n
        beyond, knots = onp.zeros(knots.shape, bool), onp.take(table, knots + (order + 2), mode="clip")
    weights = np.stack([_horner(coefficients, t) for coefficients in _pieces(order)])
    return knots, weights, beyond, outside


def _grid_at(shape, points, order, mode, npad):
    """The same of points in space, one array of coordinates for each axis: per axis, to be broadcast."""
    found = []
    for axis, (x, n) in enumerate(zip(points, shape, strict=True)):
        knots, weights, beyond, outside = _line_at(x, n, order, mode, npad)
        outer = [1] * len(shape)
        outer[axis] = order + 1
        full = (*outer, *knots.shape[1:])
        found.append((knots.reshape(full), np.reshape(weights, full), beyond.reshape(full), outside))
    return zip(*found, strict=True)


def _at_points(filtered, points, order, mode, cval, npad):
    """The spline with these coefficients at points: one array of coordinates for each axis."""
    knots, weights, beyond, outside = _grid_at(shape_of(filtered), points, order, mode, npad)
    values = filtered[knots]
    if mode == 6:
        values = np.where(functools.reduce(onp.logical_or, beyond), cval, values)
    outside = functools.reduce(onp.logical_or, outside)
    found = np.sum(values * functools.reduce(np.multiply, weights), tuple(range(len(points))))
    return np.where(outside, cval, found)


def _from_points(ybar, filtered, points, order, mode, npad):
    """The transpose in the coefficients: each gets what its weights give it of ȳ."""
    shape, place = shape_of(filtered), 0
    knots, weights, beyond, outside = _grid_at(shape, points, order, mode, npad)
    for at, n in zip(knots, shape, strict=True):
        place = place * n + at
    added = functools.reduce(np.multiply, weights) * ybar
    if ndimage.MODES[mode] == "constant":
        added = np.where(functools.reduce(onp.logical_or, (*beyond, *outside)), 0.0, added)
    count = math.prod(shape)
    return np.reshape(np.bincount(onp.ravel(place), np.ravel(added), count), shape)


def _from_lines(ybar, filtered, points, order, mode, npad):
    """The same of a grid of points: axis by axis, each with a sparse matrix."""
    for axis, (x, n) in enumerate(zip(points, shape_of(filtered), strict=True)):
        knots, weights, beyond, outside = _line_at(np.ravel(x), n, order, mode, npad)
        data = np.ravel(np.where(beyond | outside, 0.0, weights))
        count = knots.shape[1]
        columns = onp.broadcast_to(onp.arange(count), knots.shape).ravel()
        rows = np.moveaxis(ybar, axis, 0)
        found = product(
            data, np.reshape(rows, (count, -1)), Layout(knots.ravel(), columns, "coo", (n, count))
        )
        ybar = np.moveaxis(np.reshape(found, (n, *shape_of(rows)[1:])), 0, axis)
    return ybar


def _interpolated(y, filtered, coordinates, order, mode, cval, npad):
    return _at_points(filtered, list(coordinates), order, mode, cval, npad)


def _interpolated_back(y, ybar, filtered, coordinates, order, mode, cval, npad):
    return _from_points(ybar, filtered, list(coordinates), order, mode, npad)


def _affine_points(matrix, offset, shape):
    points = []
    for row, point in zip(matrix, offset, strict=True):
        for factor, x in zip(row, onp.indices(shape), strict=True):
            point = point + factor * x  # added up in SciPy's order: a point on the edge may fall beyond it
        points.append(point)
    return points


def _transformed(y, filtered, matrix, offset, shape, order, mode, cval, npad):
    return _at_points(filtered, _affine_points(matrix, offset, shape), order, mode, cval, npad)


def _transformed_back(y, ybar, filtered, matrix, offset, shape, order, mode, cval, npad):
    return _from_points(ybar, filtered, _affine_points(matrix, offset, shape), order, mode, npad)


def _grid_points(zoom, shift, shape, grid_mode):
    """The points of a zoomed grid: along each axis a line, to be broadcast."""
    points = []
    for axis, x in enumerate(onp.indices(shape, sparse=True)):
        if shift is not None:
            x = x + shift[axis]
        if zoom is not None:
            x = (x + 0.5) * zoom[axis] - 0.5 if grid_mode else x * zoom[axis]
        points.append(x)
    return points


def _zoomed(y, filtered, zoom, shift, shape, order, mode, cval, npad, grid_mode):
    return _at_points(filtered, _grid_points(zoom, shift, shape, grid_mode), order, mode, cval, npad)


def _zoomed_back(y, ybar, filtered, zoom, shift, shape, order, mode, cval, npad, grid_mode):
    return _from_lines(ybar, filtered, _grid_points(zoom, shift, shape, grid_mode), order, mode, npad)


linear(ndimage.spline_of_line, _spline_of_line)
defvjp(ndimage.interpolated, _interpolated_back, Written(_interpolated, 1))
defvjp(ndimage.transformed, _transformed_back, *(Written(_transformed, n) for n in (1, 2)))
defvjp(ndimage.zoomed, _zoomed_back, *(Written(_zoomed, n) for n in (1, 2)))
