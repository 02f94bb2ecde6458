"""What the results of functions depend on that need more than to be elementwise, or to move numbers.

A rule takes (prim, y, args, kwargs, sources) and returns the pattern of the result y, or of the part y of
several results; None if every number of it may depend on all that is traced.
"""

import math

import numpy as onp

from ... import numpy as np
from ...numpy.indexing import scatter
from ...numpy.linalg import eig_apart, eigh_apart, svd_apart
from ...numpy.reductions import difference
from ...registry import primitive_of
from ...values import constant, shape_of
from .. import signal
from ..sparse import layouts
from .dependencies import by_element, dependency_rule, parts_of, plain
from .patterns import union

# The most products of elements that a product of matrices is taken apart into.
_PRODUCTS = 1 << 24

# --- along axes


def _axis_of(prim, args, kwargs):
    """Return the axes of a call, as a tuple, and whether they are kept; None for all of them."""
    axis = kwargs.get("axis", _DEFAULT.get(prim.name))
    if "axis" not in kwargs and len(args) > 1 and prim.name.rpartition(".")[2] not in _BY_NAME:
        axis = args[1]
    rank = len(shape_of(args[0]))
    if axis is None:
        return tuple(range(rank))
    axes = (axis,) if not isinstance(axis, (tuple, list)) else tuple(axis)
    return tuple(n % rank for n in axes) if rank else ()


# Whose second argument is no axis; and whose axis is the last one if none is said.
_BY_NAME = frozenset({"quantile", "percentile", "nanquantile", "nanpercentile", "partition", "diff", "norm"})
_DEFAULT = {"numpy.sort": -1, "numpy.partition": -1, "numpy.diff": -1}


def _lines(shape, axes):
    """Return the places of the numbers of an array in lines along these axes: a row per line."""
    numbers = onp.arange(math.prod(shape)).reshape(shape)
    kept = [n for n in range(len(shape)) if n not in axes]
    lines = math.prod(shape[n] for n in kept)
    return numbers.transpose(*kept, *axes).reshape(lines, math.prod(shape[n] for n in axes))


@dependency_rule(
    np.sum, np.mean, np.prod, np.max, np.min, np.std, np.var, np.ptp, np.median, np.nansum, np.nanmean,
    np.nanprod, np.nanmax, np.nanmin, np.nanstd, np.nanvar, np.nanmedian, np.quantile, np.percentile,
    np.nanquantile, np.nanpercentile, np.linalg.norm,
)  # fmt: skip
def _reduced(prim, y, args, kwargs, sources):
    """Each result depends on the numbers along the axes."""
    (argnum, _, pattern), *others = list(parts_of(sources))
    if argnum != 0 or others or not _is_known(kwargs):
        return None
    found = pattern.united(_lines(shape_of(args[0]), _axis_of(prim, args, kwargs)))
    size, count = math.prod(shape_of(y)), found.count
    if size == count:
        return found
    return found.rows(onp.tile(onp.arange(count), size // count)) if count and size % count == 0 else None


def _is_known(kwargs):
    return set(kwargs) <= {"axis", "keepdims", "dtype", "ddof", "method", "q", "correction", "ord"}


@dependency_rule(np.cumsum, np.cumprod, np.nancumsum, np.nancumprod, np.sort, np.partition, difference)
def _along(prim, y, args, kwargs, sources):
    """Each result depends on the numbers along the axis; of differences, on those beside it."""
    (argnum, _, pattern), *others = list(parts_of(sources))
    if argnum != 0 or others:
        return None
    shape, axes = shape_of(args[0]), _axis_of(prim, args, kwargs)
    if prim.name == "numpy.diff":
        return _differences(pattern, shape, args, kwargs)
    lines = _lines(shape, axes)
    if shape_of(y) != shape and math.prod(shape_of(y)) != lines.size:
        return None
    line_of = onp.empty(lines.size, onp.intp)
    line_of[lines] = onp.arange(len(lines))[:, None]
    return pattern.united(lines).rows(line_of)


def _differences(pattern, shape, args, kwargs):
    """Of n-th differences each depends on n + 1 numbers in a row."""
    n = kwargs.get("n", args[1] if len(args) > 1 else 1)
    axis = kwargs.get("axis", -1) % len(shape)
    if not isinstance(n, int) or set(kwargs) - {"n", "axis"} or len(args) > 3:
        return None
    if len(args) == 3:
        axis = args[2] % len(shape)
    numbers = onp.moveaxis(onp.arange(math.prod(shape)).reshape(shape), axis, 0)
    length = max(shape[axis] - n, 0)
    return union(pattern.rows(onp.moveaxis(numbers[k : k + length], 0, axis).ravel()) for k in range(n + 1))


# --- in each line along an axis, and in each matrix of a stack


@dependency_rule(
    np.fft.fft, np.fft.ifft, np.fft.rfft, np.fft.irfft, np.fft.hfft, np.fft.ihfft, np.cross, np.linalg.cross,
    np.unwrap, signal.lfilter_of, signal.sosfilt_of,
)  # fmt: skip
def _in_lines(prim, y, args, kwargs, sources):
    """Each result depends on the line along the axis in which it stands."""
    axis, found, filtered = kwargs.get("axis", -1), [], _FILTERED.get(prim.f)
    if any(type(n) is not int for n, _ in sources):
        return None
    known = len(args) <= 2 if filtered is None else [n for n, _ in sources] == [filtered]
    if not known or not _IN_LINES.issuperset(kwargs) or not isinstance(axis, int):
        return None
    for n, _, pattern in parts_of(sources):
        shape = shape_of(args[n])
        if len(shape) != len(shape_of(y)):
            return None
        at = axis % len(shape)
        numbers = onp.moveaxis(onp.arange(math.prod(shape)).reshape(shape), at, -1)
        lead = list(shape_of(y))
        length = lead.pop(at)
        members = _members(pattern, numbers, tuple(lead), length)
        if members is None:
            return None
        of_lines = onp.moveaxis(onp.arange(math.prod(lead) * length).reshape(*lead, length), -1, at)
        found.append(members.rows(of_lines.ravel()))
    return union(found)


_IN_LINES = frozenset({"axis", "discont", "n", "norm", "period"})
# The argument of filters that is a signal.
_FILTERED = {primitive_of(signal.lfilter_of).f: 2, primitive_of(signal.sosfilt_of).f: 1}


def _members(pattern, numbers, lead, size):
    """Return the pattern of results of shape (*lead, size), each of which depends on a row of places."""
    rows = onp.arange(math.prod(numbers.shape[:-1])).reshape(numbers.shape[:-1])
    if onp.broadcast_shapes(rows.shape, lead) != lead:
        return None
    lines = pattern.united(numbers.reshape(rows.size, numbers.shape[-1]))
    return lines.rows(onp.repeat(onp.broadcast_to(rows, lead).ravel(), size))


# How many axes of each argument are those of one matrix or vector; of solve, two of b if it has two.
_CORES = {
    primitive_of(f).f: (2, 2)
    for f in (
        np.linalg.cholesky, np.linalg.cond, np.linalg.det, np.linalg.eigvals, np.linalg.eigvalsh,
        np.linalg.inv, np.linalg.matrix_power, np.linalg.pinv, np.linalg.qr, np.linalg.slogdet,
        np.linalg.solve, np.linalg.svdvals, eig_apart, eigh_apart, svd_apart,
    )
}  # fmt: skip
_CORES |= {
    primitive_of(np.matvec).f: (2, 1), primitive_of(np.vecmat).f: (1, 2), primitive_of(np.vecdot).f: (1, 1),
}  # fmt: skip


def _of_stacks(prim, y, args, kwargs, sources):
    """Each result depends on the matrices of its own place in a stack."""
    cores = _CORES[prim.f]
    ranks = {n: min(cores[n], len(shape_of(args[n]))) for n, _, _ in parts_of(sources) if type(n) is int}
    if not _OTHER_AXES.isdisjoint(kwargs) or len(ranks) != len(sources):
        return None
    shapes = [shape_of(x)[: len(shape_of(x)) - core] for x, core in zip(args, cores, strict=False)]
    lead = onp.broadcast_shapes(*shapes[: 2 if len(shapes) > 1 and len(shape_of(args[1])) else 1])
    if shape_of(y)[: len(lead)] != lead:
        return None
    found = []
    for n, _, pattern in parts_of(sources):
        shape = shape_of(args[n])
        first = len(shape) - ranks[n]
        numbers = onp.arange(math.prod(shape)).reshape(*shape[:first], math.prod(shape[first:]))
        found.append(_members(pattern, numbers, lead, math.prod(shape_of(y)[len(lead) :])))
    return None if any(pattern is None for pattern in found) else union(found)


_OTHER_AXES = frozenset({"axes", "axis", "out"})

for _f in _CORES:
    dependency_rule(_f)(_of_stacks)


# --- products


def _contracted(operands, names, out, sources, y):
    """The pattern of a sum of products: operand n has the axes ``names[n]``, the result those of ``out``.

    Where a plain operand is zero, nothing depends on the others.
    """
    sizes = {name: size for x, axes in zip(operands, names, strict=True)
             for name, size in zip(axes, shape_of(x), strict=True)}  # fmt: skip
    letters = list(sizes)
    shape = tuple(sizes[name] for name in letters)
    if math.prod(shape) > _PRODUCTS:
        return None
    at = dict(zip(letters, onp.indices(shape, sparse=True), strict=True))
    traced = {n: pattern for n, _, pattern in parts_of(sources)}
    kept = onp.ones((1,) * len(shape), bool)
    for n, (x, axes) in enumerate(zip(operands, names, strict=True)):
        if n not in traced:
            kept = kept & _in_all_axes(onp.asarray(constant(x)) != 0, axes, letters, at)
    at = dict(zip(letters, _indices_of(onp.broadcast_to(kept, shape)), strict=True))
    rows, found = _flat(out, sizes, at), []
    for n, pattern in traced.items():
        found.append(pattern.spread(rows, _flat(names[n], sizes, at), math.prod(shape_of(y))))
    return union(found)


def _indices_of(there):
    """Return the indices of what is true: numpy.nonzero takes ten times as long for few of many."""
    return onp.unravel_index(onp.flatnonzero(there), there.shape)


def _in_all_axes(x, axes, letters, at):
    """Return an array with an axis for each letter, of length 1 where it has none of that name."""
    if len(set(axes)) < len(axes):  # a diagonal
        return x[tuple(at[name] for name in axes)]
    order = sorted(range(len(axes)), key=lambda n: letters.index(axes[n]))
    return x.transpose(order).reshape([x.shape[axes.index(name)] if name in axes else 1 for name in letters])


def _flat(axes, sizes, at):
    """Return the place in an array of these axes, for each combination of indices."""
    place = onp.zeros_like(next(iter(at.values()), onp.zeros(1, onp.intp)))
    for name in axes:
        place = place * sizes[name] + at[name]
    return place


def _two(args, kwargs):
    return len(args) == 2 and not kwargs


@dependency_rule(np.matmul, np.linalg.matmul, np.dot)
def _matrix_product(prim, y, args, kwargs, sources):
    if not _two(args, kwargs):
        return None
    a, b = args
    rank_a, rank_b = len(shape_of(a)), len(shape_of(b))
    if not rank_a or not rank_b:
        return by_element(y, args, sources)
    if max(rank_a, rank_b) > 2:
        return _stacked_product(prim, y, a, b, sources)
    names = ("ik"[2 - rank_a :], "kj"[:rank_b])
    return _contracted(args, names, "i" * (rank_a - 1) + "j" * (rank_b - 1), sources, y)


def _stacked_product(prim, y, a, b, sources):
    """Products of stacks of matrices, whose leading axes are broadcast."""
    rank_a, rank_b = len(shape_of(a)), len(shape_of(b))
    if prim.f is onp.dot or min(rank_a, rank_b) < 2:
        return None
    lead = "abcdefgh"[: max(rank_a, rank_b) - 2]
    of_a, of_b = lead[len(lead) - rank_a + 2 :], lead[len(lead) - rank_b + 2 :]
    shapes = (shape_of(a)[:-2], shape_of(b)[:-2])
    if any(1 in shape for shape in shapes):
        return None
    return _contracted((a, b), (of_a + "ik", of_b + "kj"), lead + "ij", sources, y)


@dependency_rule(np.outer, np.linalg.outer)
def _outer(prim, y, args, kwargs, sources):
    if not _two(args, kwargs) or any(len(shape_of(x)) != 1 for x in args):
        return None
    return _contracted(args, ("i", "j"), "ij", sources, y)


@dependency_rule(np.inner, np.vdot, np.vecdot, np.linalg.vecdot)
def _inner(prim, y, args, kwargs, sources):
    if not _two(args, kwargs) or any(len(shape_of(x)) != 1 for x in args):
        return None
    return _contracted(args, ("i", "i"), "", sources, y)


@dependency_rule(np.einsum)
def _einsum(prim, y, args, kwargs, sources):
    if not args or type(args[0]) is not str or kwargs or "." in args[0]:
        return None
    text = args[0].replace(" ", "")
    inputs, arrow, out = text.partition("->")
    names = inputs.split(",")
    if not arrow:
        every = inputs.replace(",", "")
        out = "".join(name for name in sorted(set(every)) if every.count(name) == 1)
    moved = [(n - 1, source) for n, source in sources]
    return _contracted(args[1:], names, out, moved, y)


@dependency_rule(np.tensordot)
def _tensordot(prim, y, args, kwargs, sources):
    axes = kwargs.get("axes", args[2] if len(args) > 2 else 2)
    a, b = args[:2]
    rank_a, rank_b = len(shape_of(a)), len(shape_of(b))
    if isinstance(axes, int):
        of_a, of_b = list(range(rank_a - axes, rank_a)), list(range(axes))
    else:
        of_a, of_b = ([n] if isinstance(n, int) else list(n) for n in axes)
    left = [chr(97 + n) for n in range(rank_a)]
    right = [chr(110 + n) for n in range(rank_b)]
    for n, m in zip(of_a, of_b, strict=True):
        right[m % rank_b] = left[n % rank_a]
    out = [name for n, name in enumerate(left) if n not in {k % rank_a for k in of_a}]
    out += [name for n, name in enumerate(right) if n not in {k % rank_b for k in of_b}]
    return _contracted((a, b), (left, right), out, sources, y)


@dependency_rule(np.convolve, np.correlate)
def _convolved(prim, y, args, kwargs, sources):
    """Each result depends on a window of each of the two."""
    mode = kwargs.get("mode", args[2] if len(args) > 2 else "full" if prim.f is onp.convolve else "valid")
    turned, sizes = prim.f is onp.correlate, [shape_of(x)[0] for x in args[:2]]
    return _of_windows(y, args, sources, [_shift(prim.f, sizes, turned, mode)], turned)


def _shift(f, sizes, turned, mode):
    """Return where in the whole convolution its part for a mode starts: where f shows a product of units."""
    a, b = (onp.zeros(size) for size in sizes)
    shorter = min(sizes) - 1  # the sum of the places of both units: it is in the part of every mode
    a[shorter if sizes[0] >= sizes[1] else 0] = 1.0
    place = 0 if sizes[0] >= sizes[1] else shorter
    b[len(b) - 1 - place if turned else place] = 1.0
    return shorter - int(onp.argmax(f(a, b, mode)))


@dependency_rule(signal.convolve, signal.correlate, signal.fftconvolve, signal.oaconvolve)
def _convolved_in_space(prim, y, args, kwargs, sources):
    """The same of SciPy's, whose mode "same" has the shape of the first."""
    mode, turned = kwargs.get("mode", args[2] if len(args) > 2 else "full"), prim.f is _CORRELATE
    sizes = list(zip(*map(shape_of, args[:2]), strict=True))
    if len(args) > 3 or kwargs.get("axes") is not None or (mode == "valid" and any(m < n for m, n in sizes)):
        return None
    starts = {"full": [0 for _ in sizes], "same": [(n - 1) // 2 for _, n in sizes]}
    return _of_windows(y, args, sources, starts.get(mode, [n - 1 for _, n in sizes]), turned)


_CORRELATE = primitive_of(signal.correlate).f


def _of_windows(y, args, sources, starts, turned):
    """The pattern of a part of (a ∗ b)[i] = Σ a[j] b[i - j]; of a correlation b is turned.

    Where a plain one of them is zero, nothing depends on the other.
    """
    traced = {n: pattern for n, _, pattern in parts_of(sources)}
    numbers = [onp.arange(math.prod(shape_of(x))).reshape(shape_of(x)) for x in args[:2]]
    numbers = [x if n in traced else onp.where(constant(args[n]) != 0, x, -1) for n, x in enumerate(numbers)]
    if turned:
        numbers[1] = onp.flip(numbers[1])
    found = []
    for n, pattern in traced.items():
        taps, others = (n, 1 - n) if numbers[n].size < numbers[1 - n].size else (1 - n, n)
        if numbers[taps].size * math.prod(shape_of(y)) > _PRODUCTS:
            return None
        columns = []
        for at in onp.argwhere(numbers[taps] >= 0):
            met = _shifted(numbers[others], shape_of(y), [k - j for k, j in zip(starts, at, strict=True)])
            columns.append(met if taps != n else onp.where(met >= 0, numbers[taps][tuple(at)], -1))
        places = onp.array(columns, onp.intp).reshape(-1, math.prod(shape_of(y))).T
        found.append(pattern.united(places))
    return union(found)


def _shifted(numbers, shape, starts):
    """Return the numbers from these places on, in an array of a shape; -1 where there are none."""
    found = onp.full(shape, -1)
    to = tuple(slice(max(-k, 0), max(size - k, 0)) for k, size in zip(starts, numbers.shape, strict=True))
    target = found[to]
    of = tuple(slice(max(k, 0), max(k, 0) + count) for k, count in zip(starts, target.shape, strict=True))
    target[...] = numbers[of]
    return found.ravel()


# --- putting back and counting, which gradients of indexing do


@dependency_rule(scatter)
def _scattered(prim, y, args, kwargs, sources):
    """What is added up at one place of the result depends on all that is added there."""
    shape, _, indices, pieces = args
    numbers, found = onp.arange(math.prod(shape)).reshape(shape), []
    for _, n, pattern in parts_of(sources):
        target = numbers[plain(indices[n])]
        of_piece = shape_of(pieces[n])
        columns = onp.arange(math.prod(of_piece)).reshape(of_piece)
        columns, rows = onp.broadcast_to(columns, onp.shape(target)).ravel(), onp.ravel(target)
        places = onp.full(numbers.size, -1)
        places[rows] = columns
        if onp.array_equal(places[rows], columns):  # no place is added to twice
            found.append(pattern.rows(places))
        else:
            found.append(pattern.spread(rows, columns, numbers.size))
    return union(found)


@dependency_rule(np.bincount)
def _counted(prim, y, args, kwargs, sources):
    """Each count depends on the weights that are added to it."""
    (_, _, pattern), *others = list(parts_of(sources))
    groups = onp.asarray(plain(args[0]))
    if others or len(groups) != pattern.count:
        return None
    return pattern.spread(groups, onp.arange(len(groups)), shape_of(y)[0])


# --- sparse matrices


@dependency_rule(layouts.product)
def _sparse_product(prim, y, args, kwargs, sources):
    """A x: row by row, of the entries and of what they meet; plain entries that are zero meet nothing."""
    data, x, layout = args
    if layout.format == layouts.DENSE:
        return _contracted((data, x), ("ik", "kj"[: len(shape_of(x))]), "ij"[: len(shape_of(x))], sources, y)
    rows, columns = (part.astype(onp.intp) for part in layouts.coordinates(layout))
    wide = math.prod(shape_of(x)[1:])
    within, found = onp.arange(wide), []
    size, traced = math.prod(shape_of(y)), dict(sources)
    for argnum, _, pattern in parts_of(sources):
        kept = slice(None) if argnum == 0 or 0 in traced else onp.asarray(constant(data)) != 0
        to = (rows[kept, None] * wide + within).ravel()
        of = (
            onp.arange(len(rows))[:, None] + 0 * within
            if argnum == 0
            else columns[kept, None] * wide + within
        )
        found.append(pattern.spread(to, of.ravel(), size))
    return union(found)


@dependency_rule(layouts.sampled)
def _sparse_sampled(prim, y, args, kwargs, sources):
    """u vᵀ at the places of a layout: an entry depends on its row of u and its column of v."""
    u, _, layout = args
    if layout.format == layouts.DENSE or len(shape_of(u)) != 1:
        return None
    places = layouts.coordinates(layout)
    return union(pattern.rows(places[argnum].astype(onp.intp)) for argnum, _, pattern in parts_of(sources))
