"""Jacobians and Hessians as sparse matrices, from as many products as their pattern has colours."""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as onp
from scipy import sparse as _sparse

from ... import numpy as np
from ... import tree
from ...boxes import Traced
from ...errors import ArgumentError, ArgumentTypeError, NonScalarOutputError, SparsityError
from ...spaces import describe, is_complex, name_of
from ...tracing import run
from ...transforms import grad
from ...transforms.calls import Call, check_argnums, check_function, trace_call
from ...transforms.closures import plain_of
from ...transforms.runs import Run
from ...values import all_of, any_of, constant, dtype_of, shape_of, value_of
from ..sparse.arrays import Sparse, is_sparse
from ..sparse.layouts import layout_of, matrix_of, transposed
from ..sparse.layouts import product as times
from . import rules
from .colouring import column_colours, shown, symmetric_colours
from .dependencies import Dependencies
from .patterns import joined_patterns, no_pattern

__all__ = ["Sparsity", "call_of", "given", "hessian", "jacobian", "sparsity"]


class Sparsity:
    """The pattern of a Jacobian or a Hessian, with its colourings, which are found once.

    Attributes
    ----------
    matrix : scipy.sparse.csr_array
        Boolean, of shape (numbers in y, numbers in x): true where ∂y/∂x may be other than zero.
    shape : tuple of two ints
    found : bool
        Whether funad has found it: it is found again where it does not hold.
    """

    def __init__(self, pattern, found=False):
        matrix = pattern
        if not found:
            matrix = _sparse.csr_array(pattern).astype(bool)
            matrix.sum_duplicates()
            matrix.eliminate_zeros()
            matrix.sort_indices()
        self.matrix, self.shape, self.found = matrix, matrix.shape, found

    def __repr__(self):
        rows, columns = self.shape
        return f"<sparsity of a {rows}×{columns} matrix with {self.matrix.nnz} entries>"

    @property
    def nnz(self):
        """How many entries there are."""
        return self.matrix.nnz

    def toarray(self):
        """Return the pattern as a boolean array."""
        return self.matrix.toarray()

    def colours(self, symmetric=False):
        """Return how many products the matrix takes: of the cheaper mode, or as a symmetric matrix."""
        return (self.symmetric if symmetric else self.cheaper).count

    @functools.cached_property
    def columns(self):
        """The colouring of the columns: for products with the Jacobian."""
        return _Colouring(
            column_colours(self.matrix), self.matrix.indices, self.rows_of, self.shape[0], forward=True
        )

    @functools.cached_property
    def rows(self):
        """The colouring of the rows: for products with its transpose."""
        return _Colouring(
            column_colours(self.matrix.T), self.rows_of, self.matrix.indices, self.shape[1], forward=False
        )

    @functools.cached_property
    def cheaper(self):
        """The colouring that takes fewer products; of rows if they take as many: a walk back keeps less."""
        wide, high = self._fewest(0), self._fewest(1)
        if high < wide and self.rows.count <= wide:
            return self.rows
        if wide <= high and self.columns.count <= high:
            return self.columns
        return min((self.columns, self.rows), key=lambda colouring: colouring.count)

    def _fewest(self, axis):
        """Return how many colours there must be at least: of columns (0) as many as a row has entries, …"""
        of = onp.diff(self.matrix.indptr) if axis == 0 else onp.bincount(self.matrix.indices, minlength=1)
        return int(of.max(initial=0))

    @functools.cached_property
    def symmetric(self):
        """The colouring for a symmetric matrix."""
        whole = self.matrix + self.matrix.T
        if whole.nnz != self.matrix.nnz:
            raise ArgumentError(
                "the pattern of a Hessian is symmetric, but this one is not; give pattern + pattern.T"
            )
        colours = symmetric_colours(self.matrix)
        there = shown(self.matrix, colours)
        rows, columns = self.rows_of, self.matrix.indices
        of, places = onp.where(there, columns, rows), onp.where(there, rows, columns)
        return _Colouring(colours, of, places, self.shape[0], forward=True)

    @functools.cached_property
    def rows_of(self):
        """The row of each entry."""
        return onp.repeat(onp.arange(self.shape[0], dtype=onp.int32), onp.diff(self.matrix.indptr))


class _Colouring:
    """Seeds, one per colour, and where in the products with them each entry shows.

    Attributes
    ----------
    forward : bool
        Whether the products are those with the matrix, or with its transpose.
    shows, flat : int arrays
        The colour at which each entry shows, and where in the products with all seeds, as one vector.
    """

    def __init__(self, colours, of, places, width, forward):
        self.count, self.size = int(colours.max(initial=-1)) + 1, len(colours)
        self.width, self.forward = width, forward
        self.colours = colours.astype(onp.min_scalar_type(self.count))
        self.shows = self.colours.take(of)
        self.flat = onp.multiply(self.shows, width, dtype=onp.intp)
        self.flat += places
        # In general position: a product with it shows what the pattern lacks.
        self.direction = onp.random.default_rng(self.size).uniform(0.5, 1.5, self.size)

    def stacks(self):
        """Return stacks of seeds, with the entries that show in their products, and their places there.

        A stack has one seed per row; the last seed of all is the direction. Few seeds are kept, as one stack.
        """
        at_once = max(1, _KEPT // max(self.size, self.width, 1))
        if at_once > self.count:
            return [self._all]
        ends = range(at_once, self.count + 1 + at_once, at_once)
        return (self._stack(end - at_once, min(end, self.count + 1)) for end in ends)

    @functools.cached_property
    def _all(self):
        seeds, *_ = self._stack(0, self.count + 1)
        seeds.flags.writeable = False  # a program may return its cotangents as they are
        return seeds, slice(None), self.flat

    def _stack(self, first, end):
        seeds = onp.empty((end - first, self.size))
        for n, seed in enumerate(seeds, first):
            seed[:] = self.colours == n if n < self.count else self.direction
        entries = onp.flatnonzero((self.shows >= first) & (self.shows < end))
        return seeds, entries, self.flat[entries] - first * self.width


def sparsity(f: Callable[..., Any], *args: Any, argnums: Any = 0, **kwargs: Any) -> Any:
    """Return which entries of the Jacobian of ``f`` may be other than zero, found by running ``f`` once.

    Parameters
    ----------
    f : callable
        Returns a float, a float array, or a container of them.
    *args, **kwargs
        Its arguments.
    argnums : int or str, default 0
        Which argument is x.

    Returns
    -------
    Sparsity
        With ``matrix``, a boolean scipy.sparse.csr_array of shape (numbers in y, numbers in x). It keeps its
        colourings: give it to ``jacobian(f, sparse=...)``, or that of ``grad(f)`` to
        ``hessian(f, sparse=...)``, and they are found once.

    Notes
    -----
    An entry that is there may still be zero. Of the two branches of ``np.where`` and of ``np.maximum`` both
    count; Python's ``if`` went one way at these arguments. A Jacobian is right all the same where it goes
    another way: see :func:`funad.jacobian`.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad import jacobian, sparsity
    >>> f = lambda x: x[1:] * x[:-1]
    >>> x = np.array([1.0, 2.0, 3.0, 4.0])
    >>> pattern = sparsity(f, x)
    >>> pattern.toarray().astype(int)
    array([[1, 1, 0, 0],
           [0, 1, 1, 0],
           [0, 0, 1, 1]])
    >>> pattern.colours()
    2
    >>> jacobian(f, sparse=pattern)(x).toarray()
    array([[2., 1., 0., 0.],
           [0., 3., 2., 0.],
           [0., 0., 4., 3.]])
    """
    check_function("sparsity", f, "sparsity(f, x)", "sparsity(f(x), x)")
    return _found(call_of(f, check_argnums(f, argnums), args, kwargs))


def call_of(f, argnums, args, kwargs):
    """Return the call of f, with the real numbers of one argument as x."""
    if isinstance(argnums, tuple):
        raise ArgumentError(
            "a sparse matrix is that of one argument: give one argnum, of a container perhaps"
        )
    call = Call(f, argnums, args, kwargs)
    if any(map(is_complex, call.leaves)):
        raise ArgumentTypeError(
            f"sparse derivatives are those of real numbers, but {name_of(f)} was given complex ones; give "
            f"the real and the imaginary parts as two arrays"
        )
    return call


def _found(call):
    """Return the pattern of a call, found by the dependency trace."""
    leaves = [plain_of(x) for x in call.leaves]
    sizes = [math.prod(shape_of(x)) for x in leaves]
    trace = Dependencies(sum(sizes))
    starts = onp.cumsum([0, *sizes]).tolist()
    y = run(call, [trace.input(x, start) for x, start in zip(leaves, starts, strict=False)])
    patterns = [trace.pattern_of(part) for part in tree.flatten(y)[0]] or [no_pattern(0, trace.columns)]
    return Sparsity(joined_patterns(patterns).matrix, found=True)


def jacobian(f, argnums, sparse, args, kwargs):
    """Return the Jacobian of f at these arguments as a sparse matrix; ``sparse`` is made by ``given``."""
    return _derivative(call_of(f, argnums, args, kwargs), sparse, symmetric=False)


def hessian(f, argnums, sparse, args, kwargs):
    """Return the Hessian of f at these arguments as a sparse matrix."""
    return _derivative(call_of(grad(f, argnums), argnums, args, kwargs), sparse, symmetric=True)


def _derivative(call, sparse, symmetric):
    """Return the matrix for a pattern that holds: one that was found elsewhere may be found again."""
    if isinstance(sparse, _Latest):
        return _computed(call, sparse.of(_found(call)), symmetric, found=True)
    try:
        return _computed(call, sparse, symmetric)
    except SparsityError:
        if not sparse.found:
            raise
        return _computed(call, _found(call), symmetric, found=True)


class _Latest:
    """The last pattern that was found, with its colourings: the next call finds the same one, as a rule."""

    def __init__(self):
        self.sparsity = Sparsity(_sparse.csr_array((0, 0)))

    def __reduce__(self):
        return _Latest, ()

    def of(self, found):
        """Return the last pattern if it is the one found, else that, which is the last one then."""
        last, matrix = self.sparsity, found.matrix
        known = last.shape == found.shape and onp.array_equal(last.matrix.indptr, matrix.indptr)
        if known and onp.array_equal(last.matrix.indices, matrix.indices):
            return last
        self.sparsity = found
        return found


def given(sparse):
    """Return the sparsity that a user has given, which is coloured once; of True, what keeps the last one."""
    if sparse is True:
        return _Latest()
    if isinstance(sparse, Sparsity):
        return sparse
    if is_sparse(sparse) or isinstance(sparse, onp.ndarray):
        return Sparsity(sparse)
    raise ArgumentError(
        f"sparse is True, a pattern (a sparse matrix or an array), or what funad.sparsity returned, not "
        f"{describe(sparse)}"
    )


def _computed(call, pattern, symmetric, found=False):
    """Return the sparse matrix, from a product per colour; one more tells whether the pattern holds."""
    size = sum(math.prod(shape_of(x)) for x in call.leaves)
    if pattern.shape[1] != size:
        raise ArgumentError(f"the pattern has {pattern.shape[1]} columns, but x has {size} numbers")
    y, tape, _ = trace_call(call, False)
    of_f = Run(call, y, tape)
    _check_rows(call, pattern, of_f.values)
    colouring = pattern.symmetric if symmetric else pattern.cheaper
    data, product = _entries(of_f, colouring)
    layout = layout_of(pattern.matrix)
    rounding = _TRUSTED if found else _ROUNDING * float(onp.finfo(dtype_of(data)).eps)
    least = _LEAST_FOUND if pattern.found and not found else _LEAST_GIVEN
    _check_product(call, constant(data), constant(product), layout, colouring, rounding, least)
    if isinstance(data, Traced):
        return Sparse(data, layout, "array")
    return matrix_of(data, layout.copied())


# How many numbers the products of a stack may have.
_KEPT = 1 << 20


def _entries(of_f, colouring):
    """Return the entries, and the product with the direction."""
    which, pieces = [], []
    for seeds, entries, places in colouring.stacks():
        products = of_f.products(seeds, colouring.forward)
        which.append(entries)
        pieces.append(np.take(np.ravel(products), places))
    if len(pieces) == 1:
        return pieces[0], products[-1]
    data = np.concatenate(pieces)
    return np.take(data, onp.argsort(onp.concatenate(which))), products[-1]


def _check_rows(call, pattern, ys):
    for y in ys:
        if is_complex(y):
            raise NonScalarOutputError(
                f"sparse derivatives are those of real numbers, but {name_of(call.f)} returned complex ones"
            )
    rows = sum(math.prod(shape_of(y)) for y in ys)
    if rows != pattern.shape[0]:
        raise ArgumentError(
            f"the pattern has {pattern.shape[0]} rows, but {name_of(call.f)} returned {rows} numbers"
        )


# How far two products may differ that tell whether a pattern holds: in units of rounding; of a pattern that
# was found for these very arguments, where large terms may cancel in the derivative, relative to its entries.
_ROUNDING = 1e4
_TRUSTED = 1e-3
# For rows in which larger terms cancel, the bound is no less than this share of that of the largest row. A
# pattern that has been given is refused where it does not hold, one that has been found is found again.
_LEAST_GIVEN = 1e-2
_LEAST_FOUND = 1e-4


def _check_product(call, data, product, layout, colouring, rounding, least):
    """Refuse a matrix whose product with a direction in general position is not that of the function."""

    def beyond(scale):
        largest = np.max(scale, initial=0.0)
        return away > rounding * (scale + (least * largest if all_of(np.isfinite(largest)) else 0.0))

    direction = colouring.direction.astype(dtype_of(data), copy=False)
    if not colouring.forward:
        layout = transposed(layout)
    away = np.abs(times(data, direction, layout) - product)
    if not any_of(beyond(np.abs(product))):  # it is less than the scale below, and known
        return
    wrong = beyond(times(np.abs(data), direction, layout))
    if any_of(wrong):
        which = "row" if colouring.forward else "column"
        raise SparsityError(
            f"the derivative of {name_of(call.f)} has an entry in {which} "
            f"{int(onp.argmax(value_of(wrong, 'which entry is missing')))} that the pattern has not, so that "
            f"the sparse matrix would be wrong; give a pattern that holds for these arguments, or "
            f"sparse=True, which finds it"
        )
