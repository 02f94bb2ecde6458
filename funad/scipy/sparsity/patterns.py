"""Patterns: which numbers of x each number of a value depends on.

Where these are few, as in stencils, a pattern is a list of labels: integer arrays with an element per number
of the value, which is the column that this number depends on, counted from 1, or 0 for none. Labels move as
the numbers do, and a union is a longer list. Other patterns are boolean sparse matrices, a row per number.
"""

import itertools

import numpy as onp
from scipy import sparse as _sparse

from ...errors import ArgumentError

__all__ = ["Pattern", "joined_patterns", "places_of", "union"]

# The most entries that a pattern may have: 4 bytes each.
_MOST = 1 << 27
# The most columns that a number may depend on in a list of labels.
_FEW = 12
# The longest rows of places whose patterns are united one by one.
_SHORT = 8


class Pattern:
    """The pattern of a value with ``count`` numbers on x with ``columns`` numbers."""

    __slots__ = ("_matrix", "columns", "count", "labels")

    def __init__(self, count, columns, labels=None, matrix=None):
        self.count, self.columns, self.labels, self._matrix = count, columns, labels, matrix

    @property
    def matrix(self):
        """The pattern as a boolean scipy.sparse.csr_array, its columns in order and none twice."""
        if self._matrix is None:
            self._matrix = _matrix_of(self.labels, self.count, self.columns)
        return self._matrix

    @property
    def is_too_large(self):
        """Whether there are more entries than can be gone on with."""
        return self.labels is None and self.matrix.nnz > _MOST

    def rows(self, rows):
        """Return the pattern of an array of these numbers of the value; a row -1 is a constant."""
        if len(rows) == self.count and _count_up(rows):
            return self
        if self.labels is not None:
            return Pattern(len(rows), self.columns, [_taken(label, rows) for label in self.labels])
        return Pattern(len(rows), self.columns, matrix=_rows_of(self.matrix, rows))

    def united(self, places):
        """Return, per row of an integer array of places, the union of the rows there; -1 is no place."""
        count, length = places.shape
        if length <= _SHORT:
            return union(self.rows(column) for column in places.T) or Pattern(count, self.columns, [])
        rows, columns = onp.nonzero(places >= 0)
        return self.spread(places_of(rows, places[rows, columns], (count, self.count)))

    def moved(self, move, count):
        """Return the pattern of a value whose numbers are moved so, given what moves an array of labels."""
        return Pattern(count, self.columns, [onp.ravel(move(label)) for label in self.labels])

    def spread(self, places):
        """Return, per row of a boolean matrix of places, the union of the rows that stand there."""
        found = places @ self.matrix
        found.sort_indices()
        return Pattern(places.shape[0], self.columns, matrix=found)

    def everything(self):
        """Return the columns that any of the numbers depends on."""
        there = onp.zeros(self.columns + 1, bool)
        for label in self.labels or ():
            there[label] = True
        if self.labels is None:
            there[self.matrix.indices + 1] = True
        return onp.flatnonzero(there[1:])


def union(patterns):
    """Return the union of patterns of one shape; of none, None."""
    patterns = list(patterns)
    if len(patterns) < 2:
        return patterns[0] if patterns else None
    first = patterns[0]
    if all(pattern.labels is not None for pattern in patterns):
        labels = {_memory(label): label for pattern in patterns for label in pattern.labels}
        if len(labels) <= _FEW:
            return Pattern(first.count, first.columns, list(labels.values()))
    found = first.matrix
    for pattern in patterns[1:]:
        found = found if pattern.matrix is found else found + pattern.matrix
    return Pattern(first.count, first.columns, matrix=found)


def joined_patterns(patterns):
    """Return the pattern of values one behind the other."""
    if len(patterns) == 1:
        return patterns[0]
    count, columns = sum(pattern.count for pattern in patterns), patterns[0].columns
    if any(pattern.labels is None for pattern in patterns):
        matrices = [pattern.matrix for pattern in patterns]
        return Pattern(count, columns, matrix=_sparse.vstack(matrices, format="csr"))
    labels = onp.zeros((max(len(pattern.labels) for pattern in patterns), count), onp.int32)
    end = 0
    for pattern in patterns:
        for n, label in enumerate(pattern.labels):
            labels[n, end : end + pattern.count] = label
        end += pattern.count
    return Pattern(count, columns, list(labels))


def places_of(rows, columns, shape):
    """Return the boolean matrix of these places."""
    found = _sparse.coo_array((onp.ones(len(rows), bool), (rows, columns)), shape=shape)
    return found.tocsr()


def _memory(label):
    """Return what two views of the same elements have in common."""
    return label.__array_interface__["data"][0], label.strides, label.shape


def _count_up(rows):
    """Say whether rows stand one behind the other, from the first on."""
    return len(rows) == 0 or (rows[0] == 0 and rows[-1] == len(rows) - 1 and (onp.diff(rows) == 1).all())


def _taken(label, rows):
    found = label.take(rows, mode="wrap") if len(label) else onp.zeros(len(rows), onp.int32)
    found[rows < 0] = 0
    return found


def _rows_of(matrix, rows):
    """Return rows of a boolean matrix, in this order; none for the row -1."""
    kept = rows >= 0
    if not kept.all():
        found = matrix[rows[kept]] if matrix.shape[0] else matrix
        ends = onp.zeros(len(rows) + 1, found.indptr.dtype)
        ends[1:][kept] = onp.diff(found.indptr)
        shape = (len(rows), matrix.shape[1])
        return _sparse.csr_array((found.data, found.indices, onp.cumsum(ends)), shape=shape)
    if len(rows) * (matrix.nnz // max(matrix.shape[0], 1)) > _MOST:
        raise ArgumentError(
            "the pattern of the derivative is dense, and too large to be found; give the pattern, "
            "sparse=pattern"
        )
    return matrix[rows]


def _matrix_of(labels, count, columns):
    """Return labels as a matrix, each row in order and nothing twice."""
    labels = list(labels)
    for turn in range(len(labels)):  # exchanges of neighbours: as many rounds as there are labels
        for n in range(turn % 2, len(labels) - 1, 2):
            a, b = labels[n : n + 2]
            labels[n : n + 2] = onp.minimum(a, b), onp.maximum(a, b)
    labels = [onp.zeros(count, onp.int32), *labels]  # 0 is no column: it counts as one that is there already
    kept = [b > a for a, b in itertools.pairwise(labels)]
    counts = onp.zeros(count + 1, onp.int32)
    for there in kept:
        counts[1:] += there
    ends, whole = onp.cumsum(counts, dtype=onp.int32), onp.stack(labels[1:] or labels, axis=1).ravel()
    if ends[-1] < len(whole):
        whole = whole[onp.stack(kept, axis=1).ravel()] if kept else whole[:0]
    whole -= 1
    found = _sparse.csr_array((onp.ones(len(whole), bool), whole, ends), shape=(count, columns))
    found.has_canonical_format = True
    return found
