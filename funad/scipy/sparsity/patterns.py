"""Patterns: which numbers of x each number of a value depends on.

Of an x with few numbers a pattern is a list of words: integer arrays with an element per number of the
value, a bit of which says whether this number depends on that column. Of others, it is a list of labels where
each number depends on few columns, as in stencils: an element is a column, counted from 1, or 0 for none.
Words and labels move as the numbers do; a union is the "or" of words, and a longer list of labels. All other
patterns are boolean sparse matrices, a row per number.
"""

import itertools

import numpy as onp
from scipy import sparse as _sparse

from ...errors import ArgumentError

__all__ = ["dense_pattern", "input_pattern", "joined_patterns", "no_pattern", "union"]

# The most entries that a pattern may have: 4 bytes each.
_MOST = 1 << 27
# The most columns for which patterns are words.
_NARROW = 256
# The most columns that a number may depend on in a list of labels.
_FEW = 12
# The longest rows of places whose patterns are united one by one.
_SHORT = 8


def input_pattern(first, count, columns):
    """Return the pattern of the numbers of x from ``first`` on: each depends on itself."""
    if columns > _NARROW:
        return Pattern(count, columns, [onp.arange(first + 1, first + 1 + count, dtype=onp.int32)])
    words, places = _no_words(count, columns), onp.arange(first, first + count)
    for n, word in enumerate(words):
        here = places // 64 == n
        word[here] = onp.uint64(1) << (places[here] % 64).astype(onp.uint64)
    return Words(count, columns, words)


def no_pattern(count, columns):
    """Return the pattern of constants."""
    return (
        Words(count, columns, _no_words(count, columns))
        if columns <= _NARROW
        else Pattern(count, columns, [])
    )


def dense_pattern(patterns, count):
    """Return the pattern of a value each number of which depends on all that these patterns have."""
    rows = [pattern.everything() for pattern in patterns]
    return union(row.rows(onp.zeros(count, onp.intp)) for row in rows)


def _no_words(count, columns):
    return [onp.zeros(count, onp.uint64) for _ in range(-(-columns // 64))]


class Words:
    """The pattern of a value with ``count`` numbers on x with few numbers, ``columns``: see above."""

    __slots__ = ("columns", "count", "words")
    is_too_large = False

    def __init__(self, count, columns, words):
        self.count, self.columns, self.words = count, columns, words

    @property
    def matrix(self):
        """The pattern as a boolean scipy.sparse.csr_array, its columns in order and none twice."""
        octets = onp.zeros((self.count, 8 * len(self.words)), onp.uint8)
        for n, word in enumerate(self.words):
            octets[:, 8 * n : 8 * n + 8] = word.astype("<u8").view(onp.uint8).reshape(-1, 8)
        rows, columns = onp.nonzero(onp.unpackbits(octets, axis=1, count=self.columns, bitorder="little"))
        ends = onp.zeros(self.count + 1, onp.int32)
        onp.cumsum(onp.bincount(rows, minlength=self.count), out=ends[1:])
        return _canonical(columns.astype(onp.int32), ends, (self.count, self.columns))

    def rows(self, rows):
        """Return the pattern of an array of these numbers of the value; a row -1 is a constant."""
        return Words(len(rows), self.columns, [_taken(word, rows) for word in self.words])

    def united(self, places):
        """Return, per row of an integer array of places, the union of the rows there; -1 is no place."""
        words = [onp.bitwise_or.reduce(_taken(word, places), axis=1) for word in self.words]
        return Words(len(places), self.columns, words)

    def spread(self, rows, places, count):
        """Return the pattern of a value whose number ``rows[k]`` depends on ``places[k]``, for all k."""
        words = _no_words(count, self.columns)
        for word, found in zip(self.words, words, strict=True):
            onp.bitwise_or.at(found, rows, word[places])
        return Words(count, self.columns, words)

    def everything(self):
        """Return the pattern of one number that depends on all that any of these does."""
        return Words(1, self.columns, [onp.bitwise_or.reduce(word, keepdims=True) for word in self.words])

    def united_with(self, others):
        """Return the union with patterns of the same shape."""
        words = zip(self.words, *(other.words for other in others), strict=True)
        return Words(self.count, self.columns, [onp.bitwise_or.reduce(parts) for parts in words])


class Pattern:
    """The pattern of a value with ``count`` numbers on x with ``columns`` numbers, as labels or a matrix."""

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
        return self.spread(rows, places[rows, columns], count)

    def moved(self, move, count):
        """Return the pattern of a value whose numbers are moved so, given what moves an array of labels."""
        return Pattern(count, self.columns, [onp.ravel(move(label)) for label in self.labels])

    def spread(self, rows, places, count):
        """Return the pattern of a value whose number ``rows[k]`` depends on ``places[k]``, for all k."""
        chosen = _places_of(rows, places, (count, self.count)) @ self.matrix
        chosen.sort_indices()
        return Pattern(count, self.columns, matrix=chosen)

    def everything(self):
        """Return the pattern of one number that depends on all that any of these does."""
        there = onp.zeros(self.columns + 1, bool)
        for label in self.labels or ():
            there[label] = True
        if self.labels is None:
            there[self.matrix.indices + 1] = True
        columns = onp.flatnonzero(there[1:])
        matrix = _places_of(onp.zeros(len(columns), onp.int32), columns, (1, self.columns))
        return Pattern(1, self.columns, matrix=matrix)

    def united_with(self, others):
        """Return the union with patterns of the same shape."""
        patterns = [self, *others]
        if all(pattern.labels is not None for pattern in patterns):
            labels = {_memory(label): label for pattern in patterns for label in pattern.labels}
            if len(labels) <= _FEW:
                return Pattern(self.count, self.columns, list(labels.values()))
        found = self.matrix
        for pattern in others:
            found = found if pattern.matrix is found else found + pattern.matrix
        return Pattern(self.count, self.columns, matrix=found)


def union(patterns):
    """Return the union of patterns of one shape; of none, None."""
    first, *others = list(patterns) or [None]
    others = [other for other in others if other is not first]
    return first.united_with(others) if others else first


def joined_patterns(patterns):
    """Return the pattern of values one behind the other."""
    if len(patterns) == 1:
        return patterns[0]
    count, columns = sum(pattern.count for pattern in patterns), patterns[0].columns
    if type(patterns[0]) is Words:
        words = zip(*(pattern.words for pattern in patterns), strict=True)
        return Words(count, columns, list(map(onp.concatenate, words)))
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


def _places_of(rows, columns, shape):
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
    """Return elements of a label or a word; 0 for -1."""
    if not len(label):
        return onp.zeros(rows.shape, label.dtype)
    found = label.take(rows, mode="wrap")
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
    return _canonical(whole, ends, (count, columns))


def _canonical(columns, ends, shape):
    """Return the boolean matrix of these columns of each row, in order and none twice."""
    found = _sparse.csr_array((onp.ones(len(columns), bool), columns, ends), shape=shape)
    found.has_canonical_format = True
    return found
