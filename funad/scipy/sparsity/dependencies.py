"""The dependency trace: which numbers of the result depend on which numbers of x.

One more interpreter of primitives. Its values carry a pattern, with one row per number of the value
and one column per number of x. Elementwise functions unite the rows of their arguments; functions that only
move numbers move the rows, which they show by what they do to the numbers 1, 2, …; sums and products of
matrices unite along axes. Of any other function every result depends on all that it was given.

The pattern holds for the way that f took: Python's ``if`` went one way. ``np.where`` counts both.
"""

import math

import numpy as onp

from ... import numpy as np
from ...boxes import Traced
from ...errors import ArgumentError
from ...numpy.creation import assemble
from ...numpy.indexing import assign, getitem, scatter
from ...numpy.reductions import difference
from ...registry import primitive_of
from ...spaces import is_inexact
from ...trace import Trace, next_level
from ...traces.reverse import CONSTANT
from ...values import constant, shape_of
from ..sparse import layouts
from .patterns import Pattern, joined_patterns, places_of, union

__all__ = ["DEPENDENCY_RULES", "Dependencies", "dependency_rule"]

# The longest lines whose patterns are united number by number.
_SHORT = 8
# The most products of elements that a product of matrices is taken apart into.
_PRODUCTS = 1 << 24


class Depending(Traced):
    """A value with the pattern of its dependency on x."""

    __slots__ = ()

    pattern = Traced.index


class Dependencies(Trace):
    """One run of a function that finds out which numbers of x each result depends on."""

    __slots__ = ("columns", "level")

    keeps_values = True  # an assignment is a call like others, and writes into no memory

    def __init__(self, columns):
        self.level, self.columns = next_level(), columns

    def input(self, value, first):
        """Return a part of x, whose numbers have the columns from ``first`` on."""
        count = math.prod(shape_of(value))
        label = onp.arange(first + 1, first + 1 + count, dtype=onp.int32)
        return self._made(value, Pattern(count, self.columns, [label]))

    def _made(self, value, pattern):
        made = object.__new__(Depending)
        made.primal, made.tape, made.pattern = value, self, pattern
        return made

    def process(self, prim, y, args, kwargs, sources):
        """Return the result of a call with its pattern; each part of several has that of all of them."""
        if not issubclass(type(y), (tuple, list)):
            return self._made(y, self._pattern(prim, y, args, kwargs, sources))
        found = _of_parts(prim, y, args, kwargs, sources)
        if found is None:
            found = [_dense(part, sources) for part in y]
        parts = [
            self._made(part, pattern) if is_inexact(part) else part
            for part, pattern in zip(y, found, strict=True)
        ]
        return type(y)(*parts) if hasattr(y, "_fields") else type(y)(parts)

    def _pattern(self, prim, y, args, kwargs, sources):
        rule = DEPENDENCY_RULES.get(prim.f)
        found = None
        if rule is not None:
            found = rule(prim, y, args, kwargs, sources)
        elif prim.kind == "elementwise" and not kwargs:
            found = _by_element(y, args, sources)
        elif prim.kind == "linear":
            found = _by_moves(prim, y, args, kwargs, sources)
        if found is None:
            found = _dense(y, sources)
        if found.is_too_large:
            raise ArgumentError(
                f"the pattern of a result of {prim.name} has {found.matrix.nnz:,} entries, too many to go on "
                f"with: it depends on nearly everything, or funad does not know on what; give the pattern, "
                f"sparse=pattern"
            )
        return found

    def pattern_of(self, x):
        """Return the pattern of a result; none, of what does not depend on x."""
        if type(x) is Depending and x.tape is self:
            return x.pattern
        return Pattern(math.prod(shape_of(x)), self.columns, [])

    def leave(self, x):
        """Return x as it is outside of this trace."""
        return x.primal if type(x) is Depending and x.tape is self else x


# Of functions that need more than to be elementwise, or to move numbers: (prim, y, args, kwargs, sources) ↦
# the pattern of y, or None if every number of y may depend on all.
DEPENDENCY_RULES = {}


def dependency_rule(*fs):
    """Make the decorated function the dependency rule of primitives, given by their names in funad."""

    def decorate(rule):
        for f in fs:
            DEPENDENCY_RULES[primitive_of(f).f] = rule
        return rule

    return decorate


# --- patterns


def _parts_of(sources):
    """Iterate over (argnum, place in a list or None, pattern) of what is traced."""
    for argnum, source in sources:
        if type(source) is tuple:
            for n, part in enumerate(source):
                if part is not CONSTANT:
                    yield argnum, n, part.pattern
        else:
            yield argnum, None, source.pattern


def _dense(y, sources):
    """Return the pattern of a result all of whose numbers depend on all that is traced."""
    patterns = [pattern for _, _, pattern in _parts_of(sources)]
    columns = onp.unique(onp.concatenate([pattern.everything() for pattern in patterns]))
    shape = (1, patterns[0].columns)
    row = places_of(onp.zeros(len(columns), onp.int32), columns, shape)
    return Pattern(*shape, matrix=row).rows(onp.zeros(math.prod(shape_of(y)), onp.intp))


# --- elementwise functions, and functions that move numbers


def _by_element(y, args, sources):
    shape = shape_of(y)
    if onp.broadcast_shapes(*map(shape_of, args)) != shape:
        return None
    return union(_broadcast(pattern, shape_of(args[n]), shape) for n, _, pattern in _parts_of(sources))


def _broadcast(pattern, shape, wanted):
    """Return the pattern of an array that is broadcast to a shape."""
    if shape == wanted:
        return pattern
    count = math.prod(shape)
    return pattern.rows(onp.broadcast_to(onp.arange(count).reshape(shape), wanted).ravel())


def _plain(x):
    if type(x) is list or type(x) is tuple:
        return type(x)(map(_plain, x))
    return constant(x)


def _by_moves(prim, y, args, kwargs, sources):
    """The pattern of a function that only moves numbers: None if it does more."""
    if prim.f not in _MOVING:
        found = _of_moves(prim, args, kwargs, sources)
        return None if found is None else union(parts[0] for parts in found)
    count = math.prod(shape_of(y))
    return union(_moved(*of_one, count) for of_one in _moves(prim, args, kwargs, sources))


def _of_parts(prim, y, args, kwargs, sources):
    """The same for a function with several results: a pattern for each of them, or None."""
    found = _of_moves(prim, args, kwargs, sources) if prim.kind == "linear" else None
    if found is None or any(len(parts) != len(y) for parts in found):
        return None
    return [union(parts[k] for parts in found) for k in range(len(y))]


def _of_moves(prim, args, kwargs, sources):
    """Return, per traced argument, the patterns that its numbers give to the results; or None."""
    found = []
    for pattern, move in _moves(prim, args, kwargs, sources):
        rows = _origins(move, pattern.count)
        if rows is None:
            return None
        found.append([pattern.rows(places) for places in rows])
    return found


def _moves(prim, args, kwargs, sources):
    """Iterate over the traced arguments: their patterns, and what f does with numbers in their places."""
    for argnum, source in sources:
        whole = args[argnum] if type(argnum) is int else kwargs[argnum]
        if type(source) is tuple:
            shapes = list(map(shape_of, whole))
            traced = [part is not CONSTANT for part in source]
            pattern = joined_patterns([part.pattern for part in source if part is not CONSTANT])
        else:
            shapes, traced, pattern = shape_of(whole), None, source.pattern
        given, named = list(map(_plain, args)), dict(kwargs)
        filled = given if type(argnum) is int else named

        def move(numbers, given=given, named=named, filled=filled, at=argnum, shapes=shapes, traced=traced):
            filled[at] = _in_shapes(numbers, shapes, traced)
            return prim.f(*given, **named)

        yield pattern, move


def _moved(pattern, move, count):
    """Return the pattern of the result of a function that only moves numbers."""
    if pattern.labels is not None:
        return pattern.moved(lambda label: onp.asarray(move(label), onp.int32), count)
    numbers = onp.arange(1.0, pattern.count + 1)
    return pattern.rows(onp.ravel(move(numbers)).astype(onp.intp) - 1)


def _in_shapes(numbers, shapes, traced):
    """Return numbers in the shape of an argument; in those of a list, with zeros for its constants."""
    if traced is None:
        return numbers.reshape(shapes)
    ends = onp.cumsum(
        [math.prod(shape) if is_traced else 0 for shape, is_traced in zip(shapes, traced, strict=True)]
    )
    return [
        numbers[end - math.prod(shape) : end].reshape(shape) if is_traced else onp.zeros(shape, numbers.dtype)
        for shape, is_traced, end in zip(shapes, traced, ends.tolist(), strict=True)
    ]


def _origins(move, count):
    """Return, per result, the place in x of each of its numbers, -1 where that is zero; None if f does more.

    f is linear: what it does to the numbers 1, 2, … and to other numbers tells that it does nothing but move.
    """
    others = onp.random.default_rng(count).integers(1 << 10, 1 << 20, count).astype(float)
    ys = []
    try:
        for x in (onp.arange(1.0, count + 1), others):
            y = move(x)
            ys.append([onp.asarray(part).ravel() for part in (y if isinstance(y, (tuple, list)) else [y])])
    except Exception:  # what the program does with these arguments has worked: it is dense then
        return None
    return _checked(*ys, onp.concatenate([onp.zeros(1), others]))


def _checked(ys, moved, others):
    """Return the places that the numbers 1, 2, … have gone to, if the other numbers have gone there too."""
    found = []
    for labels, same in zip(ys, moved, strict=True):
        if labels.dtype.kind not in "fiu":
            return None
        places = labels.astype(onp.intp)
        inside = (places == labels) & (places >= 0) & (places < len(others))
        if not inside.all() or not onp.array_equal(others[places], same):
            return None
        found.append(places - 1)
    return found


# Functions of which it needs no second look that they only move numbers.
_MOVING = {
    primitive_of(f).f
    for f in (
        getitem, assign, assemble, np.reshape, np.ravel, np.transpose, np.expand_dims, np.squeeze,
        np.broadcast_to, np.flip, np.roll, np.concatenate, np.stack, np.array, np.asarray, np.copy, np.take,
        np.repeat, np.tile, np.diagonal, np.swapaxes, np.moveaxis, np.tril, np.triu,
    )
}  # fmt: skip


# --- along axes


def _axis_of(prim, args, kwargs):
    """Return the axes of a call, as a tuple, and whether they are kept; None for all of them."""
    if "axis" in kwargs:
        axis = kwargs["axis"]
    else:
        axis = (
            args[1]
            if len(args) > 1 and prim.name.rpartition(".")[2] not in _BY_NAME
            else _DEFAULT.get(prim.name)
        )
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


def _united(pattern, places):
    """Return, per row of an integer array of places, the union of the rows of a pattern that stand there."""
    count, length = places.shape
    if length <= _SHORT:
        return union(pattern.rows(column) for column in places.T) or Pattern(count, pattern.columns, [])
    rows = onp.repeat(onp.arange(count), length)
    return pattern.spread(places_of(rows, places.ravel(), (count, pattern.count)))


@dependency_rule(
    np.sum, np.mean, np.prod, np.max, np.min, np.std, np.var, np.ptp, np.median, np.nansum, np.nanmean,
    np.nanprod, np.nanmax, np.nanmin, np.nanstd, np.nanvar, np.nanmedian, np.quantile, np.percentile,
    np.nanquantile, np.nanpercentile, np.linalg.norm,
)  # fmt: skip
def _reduced(prim, y, args, kwargs, sources):
    """Each result depends on the numbers along the axes."""
    (argnum, _, pattern), *others = list(_parts_of(sources))
    if argnum != 0 or others or not _is_known(kwargs):
        return None
    found = _united(pattern, _lines(shape_of(args[0]), _axis_of(prim, args, kwargs)))
    size, count = math.prod(shape_of(y)), found.count
    if size == count:
        return found
    return found.rows(onp.tile(onp.arange(count), size // count)) if count and size % count == 0 else None


def _is_known(kwargs):
    return set(kwargs) <= {"axis", "keepdims", "dtype", "ddof", "method", "q", "correction", "ord"}


@dependency_rule(np.cumsum, np.cumprod, np.nancumsum, np.nancumprod, np.sort, np.partition, difference)
def _along(prim, y, args, kwargs, sources):
    """Each result depends on the numbers along the axis; of differences, on those beside it."""
    (argnum, _, pattern), *others = list(_parts_of(sources))
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
    return _united(pattern, lines).rows(line_of)


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
    traced = {n: pattern for n, _, pattern in _parts_of(sources)}
    kept = None
    for n, (x, axes) in enumerate(zip(operands, names, strict=True)):
        if n not in traced:
            there = onp.asarray(constant(x))[tuple(at[name] for name in axes)] != 0
            kept = there if kept is None else kept & there
    rows = _flat(out, sizes, at, shape)
    found = []
    for n, pattern in traced.items():
        columns = _flat(names[n], sizes, at, shape)
        if kept is not None:
            whole = onp.broadcast_to(kept, shape).ravel()
            columns, of_rows = columns[whole], rows[whole]
        else:
            of_rows = rows
        size = math.prod(shape_of(operands[n]))
        found.append(pattern.spread(places_of(of_rows, columns, (math.prod(shape_of(y)), size))))
    return union(found)


def _flat(axes, sizes, at, shape):
    """Return the place in an array of these axes, for each combination of all indices."""
    place = onp.zeros((1,) * len(shape), onp.intp)
    for name in axes:
        place = place * sizes[name] + at[name]
    return onp.broadcast_to(place, shape).ravel()


def _two(args, kwargs):
    return len(args) == 2 and not kwargs


@dependency_rule(np.matmul, np.linalg.matmul, np.dot)
def _matrix_product(prim, y, args, kwargs, sources):
    if not _two(args, kwargs):
        return None
    a, b = args
    rank_a, rank_b = len(shape_of(a)), len(shape_of(b))
    if not rank_a or not rank_b:
        return _by_element(y, args, sources)
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
    """Each result depends on a window of each of the two; none, where a plain other is zero.

    Of (a ∗ b)[i + shift] = Σ a[j] b[i + shift − j], a mode shows a part; a correlation has b backwards.
    """
    mode = kwargs.get("mode", args[2] if len(args) > 2 else "full" if prim.f is onp.convolve else "valid")
    sizes, turned = [shape_of(x)[0] for x in args[:2]], prim.f is onp.correlate
    traced = {n: pattern for n, _, pattern in _parts_of(sources)}
    there = [onp.ones(size, bool) if n in traced else onp.asarray(constant(x)) != 0
             for n, (x, size) in enumerate(zip(args, sizes, strict=False))]  # fmt: skip
    there[1] = there[1][::-1] if turned else there[1]
    rows = onp.arange(shape_of(y)[0]) + _shift(prim.f, sizes, turned, mode)
    found = []
    for n, pattern in traced.items():
        numbers = onp.arange(sizes[n])
        numbers = numbers[::-1] if turned and n == 1 else numbers
        if sizes[1 - n] <= sizes[n]:
            own = rows[:, None] - onp.flatnonzero(there[1 - n])
        else:
            own = onp.broadcast_to(onp.arange(sizes[n]), (len(rows), sizes[n]))
            own = onp.where(_at(there[1 - n], rows[:, None] - own, False), own, -1)
        found.append(_united(pattern, _at(numbers, own, -1)))
    return union(found)


def _at(x, places, other):
    """Return the elements of x at these places, something else where there is no such place."""
    return onp.where((places >= 0) & (places < len(x)), x.take(places, mode="clip"), other)


def _shift(f, sizes, turned, mode):
    """Return where in the whole convolution its part for a mode starts: where f shows a product of units."""
    a, b = (onp.zeros(size) for size in sizes)
    shorter = min(sizes) - 1  # the sum of the places of both units: it is in the part of every mode
    a[shorter if sizes[0] >= sizes[1] else 0] = 1.0
    place = 0 if sizes[0] >= sizes[1] else shorter
    b[len(b) - 1 - place if turned else place] = 1.0
    return shorter - int(onp.argmax(f(a, b, mode)))


# --- putting back and counting, which gradients of indexing do


@dependency_rule(scatter)
def _scattered(prim, y, args, kwargs, sources):
    """What is added up at one place of the result depends on all that is added there."""
    shape, _, indices, pieces = args
    numbers, found = onp.arange(math.prod(shape)).reshape(shape), []
    for _, n, pattern in _parts_of(sources):
        target = numbers[_plain(indices[n])]
        of_piece = shape_of(pieces[n])
        columns = onp.arange(math.prod(of_piece)).reshape(of_piece)
        columns, rows = onp.broadcast_to(columns, onp.shape(target)).ravel(), onp.ravel(target)
        places = onp.full(numbers.size, -1)
        places[rows] = columns
        if onp.array_equal(places[rows], columns):  # no place is added to twice
            found.append(pattern.rows(places))
        else:
            found.append(pattern.spread(places_of(rows, columns, (numbers.size, pattern.count))))
    return union(found)


@dependency_rule(np.bincount)
def _counted(prim, y, args, kwargs, sources):
    """Each count depends on the weights that are added to it."""
    (_, _, pattern), *others = list(_parts_of(sources))
    groups = onp.asarray(_plain(args[0]))
    if others or len(groups) != pattern.count:
        return None
    return pattern.spread(places_of(groups, onp.arange(len(groups)), (shape_of(y)[0], len(groups))))


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
    for argnum, _, pattern in _parts_of(sources):
        kept = slice(None) if argnum == 0 or 0 in traced else onp.asarray(constant(data)) != 0
        to = (rows[kept, None] * wide + within).ravel()
        of = (
            onp.arange(len(rows))[:, None] + 0 * within
            if argnum == 0
            else columns[kept, None] * wide + within
        )
        found.append(pattern.spread(places_of(to, of.ravel(), (size, pattern.count))))
    return union(found)


@dependency_rule(layouts.sampled)
def _sparse_sampled(prim, y, args, kwargs, sources):
    """u vᵀ at the places of a layout: an entry depends on its row of u and its column of v."""
    u, _, layout = args
    if layout.format == layouts.DENSE or len(shape_of(u)) != 1:
        return None
    places = layouts.coordinates(layout)
    return union(pattern.rows(places[argnum].astype(onp.intp)) for argnum, _, pattern in _parts_of(sources))
