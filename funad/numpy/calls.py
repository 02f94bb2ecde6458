"""Functions that call a function: along an axis, over axes, on every element, by conditions.

What they are given may be plain and what the function returns traced, where its closure holds traced
values. NumPy's own code cannot go on with that and says so; then they start anew.
"""

import numpy as _np

from ..boxes import innermost as _innermost
from ..errors import NotDifferentiableError as _NotDifferentiableError
from ..primitives import implements as _implements
from ..values import constant as _constant
from .creation import array as _array
from .indexing import scatter as _scatter
from .manipulation import asarray as _asarray
from .manipulation import astype as _astype
from .manipulation import broadcast_to as _broadcast_to
from .manipulation import expand_dims as _expand_dims
from .manipulation import laid_out_as as _laid_out_as
from .manipulation import moveaxis as _moveaxis
from .manipulation import reshape as _reshape
from .manipulation import stack as _stack

__all__ = ["apply_along_axis", "apply_over_axes", "fromiter", "piecewise", "vectorize"]


def tried(f, g, *args, **kwargs):
    """Return f(...), or g(...) where something is traced: an argument, or what a function returned."""
    if _innermost((*args, *kwargs.values())) is None:
        try:
            return f(*args, **kwargs)
        except Exception as error:
            # NumPy says in words of its own that a number of an array cannot be set.
            if not isinstance(error, _NotDifferentiableError) and not isinstance(
                error.__cause__, _NotDifferentiableError
            ):
                raise
    return g(*args, **kwargs)


def watched(f):
    """Make the decorated function what f, which calls a function, is on traced values."""

    def decorate(g):
        @_implements(f, "composite")
        def wrapped(*args, **kwargs):
            return tried(f, g, *args, **kwargs)

        return wrapped

    return decorate


@watched(_np.apply_along_axis)
def apply_along_axis(func1d, axis, arr, *args, **kwargs):
    """Return f of every line of an array along an axis, in the place of the line."""
    arr = _moveaxis(_asarray(arr), axis, -1)
    outer = arr.shape[:-1]
    if 0 in outer:
        return _np.apply_along_axis(func1d, -1, _constant(arr))  # which says that it cannot
    lines = [_array(func1d(arr[index], *args, **kwargs)) for index in _np.ndindex(outer)]
    y = _filled(lines, outer)
    inner = y.ndim - len(outer)
    axis = axis % (len(outer) + 1)
    return _moveaxis(y, tuple(range(len(outer), y.ndim)), tuple(range(axis, axis + inner)))


def _filled(parts, shape, dtype=None):
    """Return parts of one shape in an array of a shape, of the dtype of the first."""
    dtype = parts[0].dtype if dtype is None else dtype
    parts = [part if part.dtype == dtype else _astype(part, dtype) for part in parts]
    return _reshape(_stack(parts), (*shape, *parts[0].shape))


@watched(_np.apply_over_axes)
def apply_over_axes(func, a, axes):
    """Return f(a, axis) for one axis after the other, with all of them kept."""
    y = _asarray(a)
    for axis in _np.atleast_1d(axes):
        axis = _np.lib.array_utils.normalize_axis_index(int(axis), y.ndim) if y.ndim else int(axis)
        part = func(y, axis)
        if part.ndim not in (y.ndim, y.ndim - 1):
            raise ValueError(
                f"apply_over_axes needs a function that returns an array with an axis less or as many, but "
                f"for {y.ndim} axes it returned {part.ndim}"
            )
        y = part if part.ndim == y.ndim else _expand_dims(part, axis)
    return y


@watched(_np.fromiter)
def fromiter(*args, **kwargs):
    """Refuse traced values."""
    raise _NotDifferentiableError(
        "fromiter makes a plain array, which would lose the derivatives of traced values; write "
        "np.array(list(values)) instead"
    )


@watched(_np.piecewise)
def piecewise(x, condlist, funclist, *args, **kw):
    """Return f(x), with the last f of ``funclist`` whose condition is true."""
    x = _array(x)
    conditions = _conditions(_constant(condlist), x.ndim)
    if len(funclist) == len(conditions) + 1:
        conditions = [*conditions, ~_np.any(conditions, axis=0)]
    if len(funclist) != len(conditions):
        n = len(conditions)
        raise ValueError(
            f"with {n} conditions, piecewise takes {n} or {n + 1} functions, not {len(funclist)}"
        )
    taken = _np.zeros(x.shape, bool)
    indices, pieces = [], []
    for condition, f in reversed(list(zip(conditions, funclist, strict=True))):
        last = condition & ~taken  # a later condition wins
        taken = taken | condition
        if not _np.any(last):
            continue
        values = f(x[condition], *args, **kw) if callable(f) else f
        indices.append(last)
        pieces.append(values[last[condition]] if _np.ndim(_constant(values)) else values)
    return _laid_out_as(_scatter(x.shape, x.dtype, indices, pieces), _np.empty_like(_constant(x)))


def _conditions(condlist, ndim):
    """Return a list of masks, of a list of masks or of one mask."""
    if _np.isscalar(condlist) or (ndim > 0 and not issubclass(type(condlist[0]), (list, _np.ndarray))):
        condlist = [condlist]
    return [_np.asarray(condition, bool) for condition in condlist]


# --- vectorize


class vectorize(_np.vectorize):
    """NumPy's vectorize, whose functions take and return traced values too."""

    def __call__(self, *args, **kwargs):
        if self.pyfunc is _np._NoValue:  # a decorator with options
            return super().__call__(*args, **kwargs)
        return tried(super().__call__, self._on_traced, *args, **kwargs)

    def _on_traced(self, *args, **kwargs):
        """Call the function on every element, or on every part that its signature names."""
        places = [n for n in range(len(args)) if n not in self.excluded]
        names = [name for name in kwargs if name not in self.excluded]
        parts = [_array(x) for x in (*(args[n] for n in places), *(kwargs[name] for name in names))]
        if not parts:
            return self.pyfunc(*args, **kwargs)

        def call(elements):
            filled, named = list(args), dict(kwargs)
            for n, x in zip(places, elements[: len(places)], strict=True):
                filled[n] = x
            named.update(zip(names, elements[len(places) :], strict=True))
            return self.pyfunc(*filled, **named)

        if self.signature is None:
            found = self._of_parts(call, parts, [()] * len(parts), None)
            model = _memory_order_of(parts)
            several = isinstance(found, tuple)
            return tuple(_laid_out_as(y, model) for y in found) if several else _laid_out_as(found, model)
        inputs, outputs = (_dimensions(side) for side in self.signature.split("->"))
        if len(parts) != len(inputs):
            raise TypeError(
                f"vectorize with the signature {self.signature!r} takes {len(inputs)} arguments, not "
                f"{len(parts)}"
            )
        return self._of_parts(call, parts, inputs, outputs)

    def _of_parts(self, call, parts, inputs, outputs):
        """Call the function on the parts of all arguments, and put together what it returns."""
        sizes = {}
        for part, dims in zip(parts, inputs, strict=True):
            if part.ndim < len(dims):
                raise ValueError(f"an argument of shape {part.shape} does not have the dimensions {dims}")
            _take_sizes(sizes, dims, part.shape[part.ndim - len(dims) :])
        shape = _np.broadcast_shapes(
            *(part.shape[: part.ndim - len(dims)] for part, dims in zip(parts, inputs, strict=True))
        )
        parts = [
            part if not shape else _broadcast_to(part, shape + part.shape[part.ndim - len(dims) :])
            for part, dims in zip(parts, inputs, strict=True)
        ]
        results = [call([part[index] for part in parts]) for index in _np.ndindex(shape)]
        if not results:
            return self._of_none(shape, sizes, outputs)
        several = isinstance(results[0], tuple)
        rows = results if several else [(y,) for y in results]
        n = len(rows[0])
        if outputs is not None and n != len(outputs):
            raise ValueError(
                f"vectorize has a signature of {len(outputs)} results, but the function returned {n}"
            )
        columns = [[_array(row[k]) for row in rows] for k in range(n)]
        for column, dims in zip(columns, outputs or [()] * n, strict=True):
            for y in column:
                if y.ndim != len(dims):
                    raise ValueError(f"a result of shape {y.shape} does not have the dimensions {dims}")
                _take_sizes(sizes, dims, y.shape)
        found = tuple(
            _filled(column, shape, dtype) for column, dtype in zip(columns, self._types(n), strict=True)
        )
        return found if several else found[0]

    def _types(self, n):
        return [None] * n if self.otypes is None else [_np.dtype(kind) for kind in self.otypes]

    def _of_none(self, shape, sizes, outputs):
        """Return empty results."""
        if self.otypes is None:
            raise ValueError("vectorize of no elements needs otypes, the types of the results")
        if any(dim not in sizes for dims in outputs or () for dim in dims):
            raise ValueError("vectorize of no elements cannot tell new dimensions of the results")
        types = self._types(len(self.otypes))
        found = tuple(
            _np.empty((*shape, *(sizes[dim] for dim in dims)), kind)
            for dims, kind in zip(outputs or [()] * len(types), types, strict=True)
        )
        return found if len(found) > 1 else found[0]


def _memory_order_of(parts):
    """Return an array in the memory order that a ufunc gives its result."""
    plain = [_np.empty_like(_constant(part), bool) for part in parts]
    return _np.nditer(
        [*plain, None], ["zerosize_ok"], [["readonly"]] * len(plain) + [["writeonly", "allocate"]]
    ).operands[-1]


def _dimensions(side):
    """Return the names of dimensions on one side of a signature: of "(n),()" they are ("n",) and ()."""
    groups = side.replace(" ", "")[1:-1].split("),(")
    return [tuple(name for name in group.split(",") if name) for group in groups]


def _take_sizes(sizes, dims, shape):
    """Note how long the named dimensions are; refuse two lengths for one of them."""
    for dim, size in zip(dims, shape, strict=True):
        if sizes.setdefault(dim, size) != size:
            raise ValueError(f"the dimension {dim!r} of a signature is {sizes[dim]} and {size}")
