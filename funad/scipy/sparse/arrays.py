"""Sparse matrices with traced entries: a vector of entries, traced, at places that are plain.

``Sparse`` has the operators and the methods of SciPy's sparse arrays. What only moves entries (indexing,
transposition, stacking) is done by SciPy itself on a matrix of the numbers 1, 2, …, which says where each
entry comes from. What a method returns is one of SciPy's where nothing in it is traced.
"""

import functools
import operator

import numpy as onp
from scipy import sparse as _sparse

from ... import numpy as np
from ... import tree
from ...boxes import Traced, innermost
from ...errors import ArgumentError, NotDifferentiableError
from ...foreign import asked_by_sparse, unknown_to_sparse
from ...messages import refused_sparse
from ...spaces import describe
from ...values import dtype_of, shape_of
from ...writing import settled
from .layouts import DENSE, FORMATS, Layout, coordinates, kind_of, layout_of, matrix_of, product, transposed

__all__ = ["KINDS", "Sparse", "arranged", "is_sparse", "sparse_of", "traced_in"]


def is_sparse(x):
    """Say whether x is a sparse matrix, of SciPy's or with traced entries."""
    return type(x) is Sparse or _sparse.issparse(x)


def traced_in(x):
    """Say whether a number, an array, a sparse matrix, or nested lists of them have something traced."""
    if type(x) is Sparse:
        return isinstance(x.data, Traced)
    if isinstance(x, (list, tuple)) or (type(x) is onp.ndarray and x.dtype == object):
        return any(map(traced_in, x))
    return innermost((x,)) is not None


def sparse_of(x):
    """Return one of SciPy's sparse matrices, or an array, as a Sparse; every entry of an array is stored."""
    if type(x) is Sparse:
        return x
    if _sparse.issparse(x):
        if x.format not in FORMATS:
            x = x.tocsr()
        return Sparse(x.data, layout_of(x), _form(x))
    x = np.asarray(x)
    if np.ndim(x) != 2:
        raise ArgumentError(f"a sparse matrix is made of an array of two axes, not of {describe(x)}")
    full = _sparse.csr_array(onp.ones(shape_of(x)))
    return Sparse(np.ravel(x), layout_of(full), "array")


def _form(x):
    return "array" if isinstance(x, _sparse.sparray) else "matrix"


def _plainly(method):
    """Return a method of a Sparse whose result is one of SciPy's where nothing in it is traced."""

    @functools.wraps(method)
    def of_result(self, *args, **kwargs):
        return _finished(method(self, *args, **kwargs))

    return of_result


def _finished(y):
    if type(y) is Sparse and not isinstance(y.data, Traced):
        return matrix_of(y.data, y.layout, y.form)
    return y


class Sparse:
    """A sparse matrix with traced entries.

    Attributes
    ----------
    data : array of shape (nnz,), traced
        The stored entries.
    layout : Layout
        Where they stand.
    form : {"array", "matrix"}
        Which of SciPy's two families it is of: in the older one, ``A * x`` is a product of matrices.
    """

    __slots__ = ("__weakref__", "data", "form", "layout")
    __array_ufunc__ = None  # NumPy's arrays and traced values leave their operators to it
    __hash__ = None

    def __init__(self, data, layout, form="array"):
        self.data, self.layout, self.form = settled(data), layout, form

    # --- what it says of itself

    @property
    def shape(self):
        return self.layout.shape

    @property
    def format(self):
        return self.layout.format

    @property
    def ndim(self):
        return 2

    @property
    def dtype(self):
        return dtype_of(self.data)

    @property
    def nnz(self):
        return len(self.layout.a)

    size = nnz

    @property
    def kind(self):
        """SciPy's class of the matrix."""
        return kind_of(self.layout, self.form)

    @property
    def indices(self):
        return self._of_format("csr", "csc", "indices").a

    @property
    def indptr(self):
        return self._of_format("csr", "csc", "indptr").b

    @property
    def row(self):
        return self._of_format("coo", "coo", "row").a

    @property
    def col(self):
        return self._of_format("coo", "coo", "col").b

    @property
    def coords(self):
        return self.row, self.col

    def _of_format(self, one, other, name):
        if self.format not in (one, other):
            raise AttributeError(f"{self.kind.__name__!r} object has no attribute {name!r}")
        return self.layout

    def __repr__(self):
        return f"<traced {self.kind.__name__} of shape {self.shape} with {self.nnz} stored entries>"

    def __len__(self):
        raise TypeError("sparse array length is ambiguous; use A.nnz or A.shape[0]")

    def __bool__(self):
        raise ValueError("The truth value of an array with more than one element is ambiguous")

    def __array__(self, dtype=None, copy=None):
        if asked_by_sparse(1, "multiply"):
            return unknown_to_sparse()
        raise refused_sparse(repr(self))

    def __getattr__(self, name):
        if name not in _PLACES and any(hasattr(getattr(_sparse, f"{f}_array"), name) for f in FORMATS):
            raise NotDifferentiableError(
                f"{self.kind.__name__}.{name} has no derivative in funad; write A.toarray(), and the "
                f"function of arrays, or give A stop_gradient of its data where the derivative is not wanted"
            )
        raise AttributeError(f"{self.kind.__name__!r} object has no attribute {name!r}")

    def __setitem__(self, index, value):
        raise NotDifferentiableError(
            f"{self.kind.__name__} with traced entries is not written into: assemble the rows, the columns "
            f"and the entries, and write sparse.coo_array((data, (row, col)), shape=shape)"
        )

    # --- moving entries

    def with_data(self, data):
        """Return other entries at the same places."""
        return Sparse(data, self.layout, self.form)

    def summed(self):
        """Return the matrix without duplicates: those of one place are added up."""
        numbers = matrix_of(onp.arange(1, self.nnz + 1), self.layout, self.form)
        if _is_canonical(numbers):
            return self
        rows, columns = coordinates(self.layout)
        order = onp.lexsort((columns, rows))
        keys = rows[order].astype(onp.int64) * max(self.shape[1], 1) + columns[order]
        first = onp.flatnonzero(onp.diff(keys, prepend=-1))
        where = Layout(order, onp.append(first, len(keys)), "csr", (len(first), self.nnz))
        data = product(onp.ones(self.nnz, self.dtype), self.data, where)
        rows, columns = rows[order][first], columns[order][first]
        made = _sparse.coo_array((onp.arange(1, len(first) + 1), (rows, columns)), shape=self.shape)
        made = made.asformat(self.format)
        return Sparse(data[made.data - 1], layout_of(made), self.form)

    def labels(self):
        """Return the matrix of the numbers 1, 2, … in the place of the entries; there are no duplicates."""
        return matrix_of(onp.arange(1, self.nnz + 1), self.layout, self.form)

    def moved(self, f):
        """Return f of the matrix, for an f that only moves entries."""
        whole = self.summed()
        return gathered(whole.data, f(whole.labels()))

    def __getitem__(self, index):
        return self.moved(lambda m: m[index])

    @property
    def T(self):
        return self.transpose()

    @_plainly
    def transpose(self, axes=None, copy=False):
        if axes is not None and tuple(axes) != (1, 0):
            raise ValueError("sparse arrays/matrices do not support an 'axes' parameter other than (1, 0)")
        return Sparse(self.data, transposed(self.layout), self.form)

    @_plainly
    def asformat(self, format, copy=False):
        if format is None or format == self.format:
            return Sparse(self.data, self.layout, self.form)
        if format not in FORMATS:
            raise NotDifferentiableError(
                f"a matrix with traced entries is csr, csc or coo: the format {format!r} stores others than "
                f"its entries; write A.tocsr()"
            )
        return self.moved(lambda m: m.asformat(format))

    def tocsr(self, copy=False):
        return self.asformat("csr")

    def tocsc(self, copy=False):
        return self.asformat("csc")

    def tocoo(self, copy=False):
        return self.asformat("coo")

    def copy(self):
        return Sparse(self.data, self.layout, self.form)

    def reshape(self, *shape, order="C", copy=False):
        return self.moved(lambda m: m.reshape(*shape, order=order))

    def diagonal(self, k=0):
        return self.moved(lambda m: m.diagonal(k))

    def trace(self, offset=0):
        return np.sum(self.diagonal(offset))

    def toarray(self, order=None, out=None):
        if out is not None:
            raise NotDifferentiableError("toarray of traced entries writes into no out; leave it out")
        if self.dtype.kind == "c":
            return self.moved(lambda m: m.toarray())
        rows, columns = coordinates(self.layout)
        places = rows.astype(onp.int64) * self.shape[1] + columns
        found = np.bincount(places, self.data, onp.prod(self.shape, dtype=int))
        return np.astype(np.reshape(found, self.shape), self.dtype)

    def todense(self, order=None, out=None):
        return self.toarray(order, out)

    def sum_duplicates(self):
        found = self.summed()
        self.data, self.layout = found.data, found.layout

    def astype(self, dtype, casting="unsafe", copy=True):
        return self.with_data(np.astype(self.data, dtype))

    # --- arithmetic

    @_plainly
    def _product(self, other):
        """Return A @ other."""
        if is_sparse(other):
            return matrix_product(self, sparse_of(other))
        other = np.asarray(other)
        if np.ndim(other) not in (1, 2):
            raise ValueError("could not interpret dimensions: a product takes a vector or a matrix")
        if shape_of(other)[0] != self.shape[1]:
            raise ValueError(
                f"matmul: dimension mismatch: a matrix of shape {self.shape} and {describe(other)}"
            )
        return product(self.data, other, self.layout)

    def __matmul__(self, other):
        if not is_sparse(other) and np.ndim(other) == 0:
            raise ValueError("Scalar operands are not allowed, use '*' instead")
        return self._product(other)

    def __rmatmul__(self, other):
        if is_sparse(other):
            return sparse_of(other) @ self
        if np.ndim(other) == 0:
            raise ValueError("Scalar operands are not allowed, use '*' instead")
        other = np.asarray(other)
        return np.transpose(sparse_of(self.T) @ np.transpose(other))

    def dot(self, other):
        return self.multiply(other) if not is_sparse(other) and np.ndim(other) == 0 else self @ other

    def __mul__(self, other):
        return self.dot(other) if self.form == "matrix" else self.multiply(other)

    def __rmul__(self, other):
        if self.form == "matrix" and (is_sparse(other) or np.ndim(other)):
            return other @ self
        return self.multiply(other)

    @_plainly
    def multiply(self, other):
        """Return the product of elements, with broadcasting."""
        if not is_sparse(other) and np.ndim(other) == 0:
            return self.with_data(self.data * other)
        return _by_element(self, other)

    @_plainly
    def __truediv__(self, other):
        if is_sparse(other):
            raise NotDifferentiableError(
                "the quotient of sparse matrices is nan where both have no entry; write A.toarray() / "
                "B.toarray()"
            )
        if np.ndim(other) == 0:
            return self.with_data(self.data / other)
        return _by_element(self, 1.0 / np.asarray(other))

    def __rtruediv__(self, other):
        raise NotDifferentiableError(
            "a number divided by a sparse matrix is infinite where that has no entry; write s / A.toarray()"
        )

    @_plainly
    def __neg__(self):
        return self.with_data(-self.data)

    def __pos__(self):
        return self

    def __abs__(self):
        whole = self.summed()
        return whole.with_data(np.abs(whole.data))

    @_plainly
    def __add__(self, other):
        return _sum(self, other)

    __radd__ = __add__

    @_plainly
    def __sub__(self, other):
        return _sum(self, -other)

    @_plainly
    def __rsub__(self, other):
        return _sum(self.with_data(-self.data), other)

    def __pow__(self, n):
        if self.form == "matrix":
            return matrix_power(self, n)
        return self.power(n)

    def power(self, n, dtype=None):
        """Return the entries to a positive power."""
        if np.ndim(n) or not n > 0:
            raise NotDifferentiableError(
                "a power of a sparse matrix is one of its entries only for a positive number; write "
                "A.toarray() ** n"
            )
        whole = self.summed()
        data = whole.data if dtype is None else np.astype(whole.data, dtype)
        return whole.with_data(data**n)

    def conj(self, copy=True):
        return self.with_data(np.conj(self.data))

    conjugate = conj

    @property
    def real(self):
        return self.with_data(np.real(self.data))

    @property
    def imag(self):
        return self.with_data(np.imag(self.data))

    # --- reductions

    def sum(self, axis=None, dtype=None, out=None):
        if out is not None:
            raise NotDifferentiableError("sum of traced entries writes into no out; leave it out")
        data = self.data if dtype is None else np.astype(self.data, dtype)
        axis = _axis(axis)
        if axis is None:
            return np.sum(data)
        layout = self.layout if axis == 1 else transposed(self.layout)
        found = product(data, onp.ones(layout.shape[1], dtype_of(data)), layout)
        return found if self.form == "array" else np.expand_dims(found, axis)

    def mean(self, axis=None, dtype=None, out=None):
        axis = _axis(axis)
        count = self.shape[axis] if axis is not None else self.shape[0] * self.shape[1]
        return self.sum(axis, dtype, out) / count

    def max(self, axis=None, out=None, *, explicit=False):
        return self._extreme(np.max, axis, out, explicit)

    def min(self, axis=None, out=None, *, explicit=False):
        return self._extreme(np.min, axis, out, explicit)

    def _extreme(self, of, axis, out, explicit):
        if axis is not None or out is not None or explicit:
            raise NotDifferentiableError(
                "of the extremes of a sparse matrix with traced entries funad has that of all of them; write "
                "np.max(A.toarray(), axis)"
            )
        whole = self.summed()
        full = whole.nnz == self.shape[0] * self.shape[1]
        return of(whole.data if full else np.append(whole.data, onp.zeros(1, self.dtype)))


_PLACES = ("col", "coords", "indices", "indptr", "row")  # which one format has, and another has not
_ENTRYWISE = ("arcsin", "arcsinh", "arctan", "arctanh", "deg2rad", "expm1", "log1p", "rad2deg", "sin", "sinh",
              "sqrt", "tan", "tanh", "ceil", "floor", "rint", "sign", "trunc")  # fmt: skip


def _entrywise(name):
    """Return the method that takes a function of zero derivative zero, or that keeps zero, of each entry."""
    f = getattr(np, name)

    def method(self):
        whole = self.summed()
        return whole.with_data(f(whole.data)) if isinstance(whole.data, Traced) else whole

    method.__name__ = name
    return _plainly(method)


for _name in _ENTRYWISE:
    setattr(Sparse, _name, _entrywise(_name))


def _axis(axis):
    """Return the axis 0, 1 or None."""
    if isinstance(axis, tuple):
        axis = axis[0] if len(axis) == 1 else None if sorted(k % 2 for k in axis) == [0, 1] else axis
    if axis is None:
        return None
    axis = operator.index(axis)
    if not -2 <= axis < 2:
        raise ValueError("axis out of bounds")
    return axis % 2


def _is_canonical(numbers):
    """Say whether a matrix has no duplicates."""
    if numbers.format != "coo":
        return bool(numbers.has_canonical_format) or _has_no_duplicates(numbers.tocoo())
    return bool(numbers.has_canonical_format) or _has_no_duplicates(numbers)


def _has_no_duplicates(numbers):
    keys = numbers.row.astype(onp.int64) * max(numbers.shape[1], 1) + numbers.col
    return len(onp.unique(keys)) == len(keys)


def gathered(data, found):
    """Return what SciPy has made of a matrix of the numbers 1, 2, … with the entries in their places."""
    if _sparse.issparse(found):
        if found.ndim != 2:
            return _take(data, found.toarray())
        if found.format not in FORMATS:
            found = found.tocsr()
        if not onp.all(found.data):
            found = found.copy()
            found.eliminate_zeros()
        moved = data if _is_identity(found.data, data) else data[found.data.astype(onp.intp) - 1]
        return _finished(Sparse(moved, layout_of(found), _form(found)))
    return _take(data, found)


def _is_identity(labels, data):
    return len(labels) == shape_of(data)[0] and onp.array_equal(labels, onp.arange(1, len(labels) + 1))


def _take(data, labels):
    """Return a dense array of entries, zero where the label is."""
    labels = onp.asarray(labels).astype(onp.intp)
    return np.concatenate([onp.zeros(1, dtype_of(data)), data])[labels]


def arranged(f, mats):
    """Return f(mats), for an f of SciPy's that only moves the entries of matrices, in nested lists.

    Arrays among them have all of their entries in what is made of them.
    """
    parts, ends = [], [0]

    def labelled(x):
        if x is None:
            return None
        if isinstance(x, (list, tuple)) and (not x or any(map(_is_block, x))):
            return [labelled(part) for part in x]
        if is_sparse(x):
            whole = sparse_of(x).summed()
            first, data = whole.labels(), whole.data
            first.data += ends[-1]
        else:
            data = np.asarray(x)
            first = onp.arange(ends[-1] + 1, ends[-1] + 1 + data.size).reshape(shape_of(data))
            data = np.ravel(data)
        parts.append(data)
        ends.append(ends[-1] + shape_of(data)[0])
        return first

    found = f(labelled(mats))
    dtype = onp.result_type(*map(dtype_of, parts))
    return gathered(np.astype(np.concatenate(parts), dtype) if parts else onp.zeros(0), found)


def _is_block(x):
    """Say whether a part of a list is a matrix, an array or a row of them, and no number."""
    return x is None or is_sparse(x) or isinstance(x, (list, tuple)) or np.ndim(x) > 0


# --- two matrices


def _pattern(x):
    """Return the labels of a matrix without duplicates, as a csr array."""
    return x.labels().tocsr()


def _ones_like(labels):
    ones = labels.copy()
    ones.data = onp.ones_like(ones.data)
    return ones


def _by_element(a, other):
    """Return the product of elements of a and of an array or a sparse matrix."""
    if not is_sparse(other):
        other = np.asarray(other)
        if np.ndim(other) > 2:
            raise ValueError("a product of elements takes arrays of at most two axes")
        shape = onp.broadcast_shapes(a.shape, shape_of(other))
        at = a.summed()
        numbers = at.labels()
        if shape != a.shape:
            numbers = numbers.multiply(onp.ones(shape, onp.int64))
        numbers = numbers.tocoo() if numbers.format != "coo" else numbers
        data = at.data[numbers.data - 1]
        values = np.broadcast_to(other, shape)[numbers.row, numbers.col]
        return Sparse(data * values, layout_of(numbers), a.form)
    a, b = a.summed(), sparse_of(other).summed()
    la, lb = _pattern(a), _pattern(b)
    left, right = (m.tocsr() for m in (la.multiply(_ones_like(lb)), _ones_like(la).multiply(lb)))
    left.sort_indices()
    right.sort_indices()
    return Sparse(a.data[left.data - 1] * b.data[right.data - 1], layout_of(left), a.form)


def _sum(a, other):
    """Return a + other: dense with an array."""
    if not is_sparse(other):
        if np.ndim(other) == 0:
            if not isinstance(other, Traced) and other == 0:
                return a
            raise NotImplementedError("adding a nonzero scalar to a sparse array is not supported")
        return a.toarray() + np.asarray(other)
    a, b = a.summed(), sparse_of(other).summed()
    if a.shape != b.shape:
        raise ValueError("inconsistent shapes")
    la, lb = _pattern(a), _pattern(b)
    union = (_ones_like(la) + _ones_like(lb)).tocsr()
    union.sort_indices()
    data = _spread(a.data, la, union) + _spread(b.data, lb, union)
    return Sparse(data, layout_of(union), a.form).asformat(a.format if a.format == "csc" else "csr")


def _spread(data, labels, union):
    """Return entries at the places of a larger pattern, zero where they have none."""
    places = union.copy()
    places.data = onp.arange(1, union.nnz + 1)
    found = places.multiply(_ones_like(labels)).tocsr()
    found.sort_indices()
    labels.sort_indices()
    full = onp.zeros(union.nnz, onp.intp)
    full[found.data - 1] = labels.data
    return _take(data, full)


def matrix_product(a, b):
    """Return the product of two sparse matrices: one entry Σₖ aᵢₖ bₖⱼ per pair (i, j) that meets."""
    if a.shape[1] != b.shape[0]:
        raise ValueError(f"matmul: dimension mismatch: matrices of shapes {a.shape} and {b.shape}")
    form, back = a.form, a.format
    a, b = (sparse_of(x.summed().tocsr()) for x in (a, b))
    counts = onp.diff(b.layout.b)[a.layout.a]
    of_a = onp.repeat(onp.arange(a.nnz), counts)
    within = onp.arange(len(of_a)) - onp.repeat(onp.cumsum(counts) - counts, counts)
    of_b = b.layout.b[a.layout.a][of_a] + within
    rows, columns = coordinates(a.layout)[0][of_a], b.layout.a[of_b]
    keys, place = onp.unique(rows.astype(onp.int64) * max(b.shape[1], 1) + columns, return_inverse=True)
    # One row per entry of the result: its sum over the entries of a, by those of b.
    order = onp.argsort(place, kind="stable")
    ends = onp.searchsorted(place[order], onp.arange(len(keys) + 1))
    terms = Layout(of_a[order], ends, "csr", (len(keys), a.nnz))
    data = product(b.data[of_b[order]], a.data, terms)
    width = max(b.shape[1], 1)
    ends = onp.searchsorted(keys, onp.arange(a.shape[0] + 1) * width)
    made = Sparse(data, Layout(keys % width, ends, "csr", (a.shape[0], b.shape[1])), form)
    return made.asformat("csc") if back == "csc" else made


def matrix_power(a, n):
    """Return a square matrix to a power that is a whole number, by repeated squares."""
    n = operator.index(n)
    if a.shape[0] != a.shape[1]:
        raise TypeError("sparse matrix is not square")
    if n < 0:
        raise ValueError("exponent must be >= 0")
    if n == 0:
        return _sparse.eye_array(a.shape[0], dtype=a.dtype, format="csr")
    if n == 1:
        return a
    half = matrix_power(a, n // 2)
    return a @ (half @ half) if n % 2 else half @ half


# --- the classes


class _Facade(type):
    """The class of the classes of sparse matrices: of SciPy's they are, and of a Sparse of their format."""

    def __instancecheck__(cls, x):
        return isinstance(x, cls.theirs) or (type(x) is Sparse and issubclass(x.kind, cls.theirs))

    def __subclasscheck__(cls, kind):
        return super().__subclasscheck__(kind) or issubclass(kind, cls.theirs)

    def __getattr__(cls, name):
        return getattr(cls.theirs, name)


def _facade(theirs):
    """Return the class of that name: SciPy's own of plain values, a Sparse of traced ones."""

    def __new__(cls, arg1, *args, **kwargs):
        parts = arg1 if isinstance(arg1, tuple) else (arg1,)
        if not traced_in([*parts, *args, *kwargs.values()]) and not any(type(x) is Sparse for x in parts):
            return theirs(arg1, *args, **kwargs)
        return _made(theirs, arg1, *args, **kwargs)

    names = {
        "__new__": __new__,
        "theirs": theirs,
        "__doc__": theirs.__doc__,
        "__module__": "funad.scipy.sparse",
    }
    return _Facade(theirs.__name__, (), names)


def _made(theirs, arg1, shape=None, dtype=None, copy=False, *, maxprint=None):
    """Return a matrix with traced entries, of the class that is meant."""
    format, form = theirs.__name__.split("_")
    if format not in FORMATS:
        raise NotDifferentiableError(
            f"scipy.sparse.{theirs.__name__} has no derivative: a matrix with traced entries is csr, csc or "
            f"coo; write sparse.csr_{form}(...), or sparse.diags_array(...) for diagonals"
        )
    if is_sparse(arg1):
        made = sparse_of(arg1).asformat(format)
    elif isinstance(arg1, tuple):
        made = _of_parts(format, arg1, shape)
    else:
        made = sparse_of(arg1).asformat(format)
    made = sparse_of(made)
    if shape is not None and tuple(shape) != made.shape:
        raise ValueError(f"inconsistent shapes: {made.shape} of the matrix and {tuple(shape)}")
    data = made.data if dtype is None else np.astype(made.data, dtype)
    return _finished(Sparse(data, made.layout, form))


def _of_parts(format, parts, shape):
    """Return the matrix of (data, (row, col)) or of (data, indices, indptr)."""
    data, *places = parts
    data = np.asarray(data)
    if traced_in(places):
        raise NotDifferentiableError("the places of the entries of a sparse matrix are plain integers")
    numbers = onp.arange(1, data.size + 1)
    if len(places) == 2:
        if format == "coo":
            raise TypeError("coo takes (data, (row, col))")
        kind = getattr(_sparse, f"{format}_array")
        made = kind((numbers, *(onp.array(p) for p in places)), shape=shape)
        return Sparse(data, layout_of(made), "array")
    made = _sparse.coo_array((numbers, tuple(onp.array(p) for p in places[0])), shape=shape)
    if made.ndim != 2:
        raise NotDifferentiableError("sparse arrays with traced entries have two axes")
    return Sparse(data, layout_of(made), "array").asformat(format)


KINDS = {
    kind.__name__: _facade(kind)
    for kind in (getattr(_sparse, f"{format}_{form}")
                 for format in (*FORMATS, "bsr", "dia", "dok", "lil") for form in ("array", "matrix"))
}  # fmt: skip


# --- containers: of the vector of their entries


class _Places:
    """What a sparse matrix has besides its entries; two are equal if entries stand in the same places."""

    def __init__(self, layout, form):
        self.layout, self.form = layout, form

    def __eq__(self, other):
        a, b = self.layout, other.layout
        same = self.form == other.form and a.format == b.format and a.shape == b.shape
        return same and onp.array_equal(a.a, b.a) and onp.array_equal(a.b, b.b)

    __hash__ = None

    def __repr__(self):
        return f"{self.layout.format}, {self.layout.shape}"


def _entries(matrix):
    """Return the entries of a matrix, in a list, and their places."""
    if type(matrix) is Sparse:
        return [matrix.data], _Places(matrix.layout, matrix.form)
    return [matrix.data], _Places(layout_of(matrix), _form(matrix))


def _with_entries(places, entries):
    """Return the matrix of these entries; of something else than entries, as of names, a container."""
    (data,) = entries
    if isinstance(data, (Traced, onp.ndarray)) and np.ndim(data) != 1:
        raise ArgumentError(
            f"there is no sparse matrix whose entries are {describe(data)}, as a stack of matrices or the "
            f"derivative of one is; return the entries of the sparse matrix alone, A.data"
        )
    if type(data) is onp.ndarray:
        return matrix_of(data.copy(), places.layout.copied(), places.form)  # in memory of its own
    return Sparse(data, places.layout, places.form) if isinstance(data, Traced) else _Filled(places, data)


class _Filled:
    """A container of something else than entries, in the place of a matrix."""

    def __init__(self, places, part):
        self.places, self.part = places, part


def _register():
    """Make the matrices of both libraries containers, of one kind."""
    tree.register(Sparse, _entries, _with_entries)
    tree.register(_Filled, lambda x: ([x.part], x.places), _with_entries, Sparse)
    for kind in KINDS.values():
        if kind.__name__[:3] in FORMATS:
            tree.register(kind.theirs, _entries, _with_entries, Sparse)


_register()
