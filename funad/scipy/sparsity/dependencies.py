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
from ...numpy.indexing import assign, getitem
from ...registry import primitive_of
from ...spaces import is_inexact
from ...trace import Trace, next_level
from ...traces.reverse import CONSTANT
from ...values import constant, shape_of
from ..derived import written_of
from .patterns import Words, dense_pattern, input_pattern, joined_patterns, no_pattern, union

__all__ = ["DEPENDENCY_RULES", "Dependencies", "by_element", "dependency_rule", "parts_of", "plain"]


class Depending(Traced):
    """A value with the pattern of its dependency on x."""

    __slots__ = ()

    pattern = Traced.index


class Dependencies(Trace):
    """One run of a function that finds out which numbers of x each result depends on."""

    __slots__ = ("columns", "level")

    def __init__(self, columns):
        self.level, self.columns = next_level(), columns

    def input(self, value, first):
        """Return a part of x, whose numbers have the columns from ``first`` on."""
        return self._made(value, input_pattern(first, math.prod(shape_of(value)), self.columns))

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
            rule = DEPENDENCY_RULES.get(prim.f)
            parts = [rule and rule(prim, part, args, kwargs, sources) for part in y]
            found = [pattern or _dense(part, sources) for pattern, part in zip(parts, y, strict=True)]
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
        elif prim.kind == "elementwise" and _OTHERWISE.isdisjoint(kwargs):
            found = by_element(y, args, sources)
        elif prim.kind == "linear":
            found = _by_moves(prim, y, args, kwargs, sources)
        if found is None:
            found = self._as_written(prim, y, args, kwargs, sources) or _dense(y, sources)
        if found.is_too_large:
            raise ArgumentError(
                f"the pattern of a result of {prim.name} has {found.matrix.nnz:,} entries, too many to go on "
                f"with: it depends on nearly everything, or funad does not know on what; give the pattern, "
                f"sparse=pattern"
            )
        return found

    def _as_written(self, prim, y, args, kwargs, sources):
        """Return the pattern of a function whose derivatives are those of another; None if there is none."""
        g = written_of(prim)
        if g is None or not all(type(n) is int and type(source) is Depending for n, source in sources):
            return None
        given = list(args)
        for n, source in sources:
            given[n] = self._made(args[n], source.pattern)
        found = g(y, *given, **kwargs)
        return self.pattern_of(found) if shape_of(found) == shape_of(y) else None

    def pattern_of(self, x):
        """Return the pattern of a result; none, of what does not depend on x."""
        if type(x) is Depending and x.tape is self:
            return x.pattern
        return no_pattern(math.prod(shape_of(x)), self.columns)

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


def parts_of(sources):
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
    return dense_pattern([pattern for _, _, pattern in parts_of(sources)], math.prod(shape_of(y)))


# --- elementwise functions, and functions that move numbers


# With these, a function does more than to work element by element.
_OTHERWISE = frozenset({"axes", "axis", "out", "where"})


def by_element(y, args, sources):
    """The pattern of a function that works element by element; None if it does not."""
    shape, shapes = shape_of(y), list(map(shape_of, args))
    if any(type(n) is not int for n, _ in sources):
        return None
    if any(each and each != shape for each in shapes) and onp.broadcast_shapes(*shapes) != shape:
        return None
    return union(_broadcast(pattern, shapes[n], shape) for n, _, pattern in parts_of(sources))


def _broadcast(pattern, shape, wanted):
    """Return the pattern of an array that is broadcast to a shape."""
    if shape == wanted:
        return pattern
    count = math.prod(shape)
    return pattern.rows(onp.broadcast_to(onp.arange(count).reshape(shape), wanted).ravel())


def plain(x):
    if type(x) is list or type(x) is tuple:
        return type(x)(map(plain, x))
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
        given, named = list(map(plain, args)), dict(kwargs)
        filled = given if type(argnum) is int else named

        def move(numbers, given=given, named=named, filled=filled, at=argnum, shapes=shapes, traced=traced):
            filled[at] = _in_shapes(numbers, shapes, traced)
            return prim.f(*given, **named)

        yield pattern, move


def _moved(pattern, move, count):
    """Return the pattern of the result of a function that only moves numbers."""
    if type(pattern) is not Words and pattern.labels is not None:
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
