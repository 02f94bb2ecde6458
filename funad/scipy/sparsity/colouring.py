"""Colouring: which columns of a sparse matrix may be added up without losing one of its entries.

Columns of one colour have no row in common, so that their sum shows every entry of theirs (Curtis, Powell and
Reid, 1974, "On the estimation of sparse Jacobian matrices"). A symmetric matrix needs fewer colours: an entry
(i, j) that is lost in row i may show in row j, at i (Coleman and Moré, 1984; Gebremedhin, Manne and Pothen,
2005, "What color is your Jacobian?").
"""

import numpy as onp
from scipy import sparse as _sparse

try:
    from scipy.optimize._numdiff import group_columns as _group_columns
except ImportError:  # it is no public name
    _group_columns = None

__all__ = ["column_colours", "shown", "symmetric_colours"]

# How many entries a matrix may have for the search in Python, one by one, for a symmetric colouring.
_STAR = 1 << 16


def column_colours(pattern):
    """Return the colours 0, 1, … of the columns of a pattern: those of one colour have no row in common."""
    pattern = _sparse.csc_array(pattern)
    fewest = int(onp.bincount(pattern.indices, minlength=1).max())  # as many as a row has entries
    found = _in_turn(pattern, fewest)
    if found and found[0].max(initial=-1) < fewest:
        return found[0]
    degrees = onp.diff(pattern.indptr)
    found.append(_grouped(pattern, onp.arange(pattern.shape[1])))
    if onp.ptp(degrees):
        found.append(_grouped(pattern, onp.argsort(-degrees, kind="stable")))
    return min(found, key=lambda colours: colours.max(initial=-1))


# How many numbers of colours to try in turn: enough for the grids of two and three dimensions.
_TURNS = 4


def _in_turn(pattern, fewest):
    """Return, in a list, colours 0, 1, …, k - 1, 0, 1, … for the least k that does, if one does.

    A band takes as few as there can be; a grid takes fewer than it does row by row of the grid.
    """
    size = pattern.shape[1]
    for count in range(max(fewest, 1), max(fewest, 1) + _TURNS):
        colours = onp.tile(onp.arange(count), -(-size // count))[:size]
        if _is_colouring(pattern, colours, count):
            return [colours]
    return []


def _is_colouring(pattern, colours, count):
    """Say whether no row of a pattern, by columns, has two entries of one colour."""
    keys = onp.multiply(pattern.indices, count, dtype=onp.intp)
    keys += onp.repeat(colours, onp.diff(pattern.indptr))
    return onp.bincount(keys, minlength=1).max() <= 1


def _grouped(pattern, order):
    if not pattern.shape[1]:
        return onp.zeros(0, onp.intp)
    if _group_columns is not None and pattern.shape[0]:
        ones = _sparse.csc_matrix(
            (onp.ones(pattern.nnz), pattern.indices, pattern.indptr), shape=pattern.shape
        )
        return onp.asarray(_group_columns(ones, order), onp.intp)
    return _one_by_one(pattern, order)


def _one_by_one(pattern, order):
    """Return the colours that columns get in this order: each the first that none of its rows has met."""
    rows_of = onp.split(pattern.indices, pattern.indptr[1:-1])
    met, colours = [], onp.zeros(pattern.shape[1], onp.intp)
    for column in order:
        rows = rows_of[column]
        colour = next((n for n, seen in enumerate(met) if not seen[rows].any()), len(met))
        if colour == len(met):
            met.append(onp.zeros(pattern.shape[0], bool))
        met[colour][rows] = True
        colours[column] = colour
    return colours


def symmetric_colours(pattern):
    """Return the colours of the columns of a symmetric pattern: each entry shows in one of its two places."""
    pattern = _sparse.csr_array(pattern)
    pattern.sort_indices()
    found = [column_colours(pattern)]
    degrees = onp.diff(pattern.indptr)
    for dense in _thresholds(degrees):
        found.append(_without_dense(pattern, degrees > dense))
    fewest = min(colours.max(initial=-1) + 1 for colours in found)
    if fewest > 3 and pattern.nnz <= _STAR:  # three is the least but for matrices of blocks and of stars
        found.append(_star(pattern))
    return min(filter(lambda colours: _shows_all(pattern, colours), found), key=lambda c: c.max(initial=-1))


def _shows_all(pattern, colours):
    """Say whether each entry of a symmetric pattern shows in one of its two places."""
    there = shown(pattern, colours)
    turned = _sparse.csr_array((there, pattern.indices, pattern.indptr), shape=pattern.shape).T.tocsr()
    turned.sort_indices()
    return bool(onp.all(there | turned.data))


def _thresholds(degrees):
    """Return degrees above which rows count as dense: those in front of the largest gaps."""
    levels = onp.unique(degrees)
    if len(levels) < 2:
        return []
    ratios = levels[1:] / onp.maximum(levels[:-1], 1)
    return levels[:-1][onp.argsort(-ratios)[:3]]


def _without_dense(pattern, dense):
    """Return colours in which each dense column has one of its own: the others need not show its row."""
    others = onp.flatnonzero(~dense)
    colours = onp.zeros(len(dense), onp.intp)
    colours[others] = column_colours(pattern[others][:, others]) if len(others) else 0
    first = colours[others].max(initial=-1) + 1
    colours[dense] = first + onp.arange(dense.sum())
    return colours


def _star(pattern):
    """Return a star colouring, by degree: no path of four vertices has two colours only."""
    columns, ends = pattern.indices.tolist(), pattern.indptr.tolist()
    neighbours = [[j for j in columns[ends[i] : ends[i + 1]] if j != i] for i in range(pattern.shape[0])]
    colours = [-1] * pattern.shape[0]
    for v in onp.argsort(-onp.diff(pattern.indptr), kind="stable").tolist():
        forbidden = set()
        for w in neighbours[v]:
            if colours[w] < 0:
                for x in neighbours[w]:  # v - w - x with w to be coloured: v and x differ
                    if x != v and colours[x] >= 0:
                        forbidden.add(colours[x])
                continue
            forbidden.add(colours[w])
            for x in neighbours[w]:
                if (
                    x != v
                    and colours[x] >= 0
                    and any(y != w and colours[y] == colours[w] for y in neighbours[x])
                ):
                    forbidden.add(colours[x])  # v - w - x - y would have the colours of w and x alone
        colour = 0
        while colour in forbidden:
            colour += 1
        colours[v] = colour
    return onp.array(colours, onp.intp)


def shown(pattern, colours):
    """Return, per entry (i, j) of a symmetric pattern, whether it shows in row i, at the colour of j."""
    rows = onp.repeat(onp.arange(pattern.shape[0]), onp.diff(pattern.indptr))
    keys = rows * (colours.max(initial=0) + 1) + colours[pattern.indices]
    _, where, counts = onp.unique(keys, return_inverse=True, return_counts=True)
    return counts[where] == 1
