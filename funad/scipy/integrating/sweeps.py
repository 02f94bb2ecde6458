"""Linear equations of few unknowns, λ' = −J(t)ᵀ λ, by collocation: all of their matrices at once.

Each step is one of the method of Radau of order 5, which is stable for stiff equations (Hairer and Wanner,
Solving Ordinary Differential Equations II, 1996). A linear equation needs no iteration, and its steps no
order: the matrices that lead over all intervals are found together, λ goes through them in a loop, and
intervals where one step differs from two of half its length are split, until there are none.
"""

import numpy as onp

__all__ = ["swept"]

_ROOT = 6**0.5
_NODES = onp.array([(4 - _ROOT) / 10, (4 + _ROOT) / 10, 1.0])
_WEIGHTS = onp.array(
    [
        [(88 - 7 * _ROOT) / 360, (296 - 169 * _ROOT) / 1800, (-2 + 3 * _ROOT) / 225],
        [(296 + 169 * _ROOT) / 1800, (88 + 7 * _ROOT) / 360, (-2 - 3 * _ROOT) / 225],
        [(16 - _ROOT) / 36, (16 + _ROOT) / 36, 1 / 9],
    ]
)
_PARTS = 4  # of an interval whose error is far too large
_FAR = 100.0
_ROUNDS, _MOST = 60, 100_000  # of splitting, and of intervals
_MANY = 1 << 22  # numbers in the matrices that are solved with at once


class _Intervals:
    """Intervals with their starts, their lengths, and the matrices that lead over them.

    ``whole`` leads over one in one step, ``first`` and ``second`` to the nodes of its halves: (m, 3, n, n).
    """

    def __init__(self, starts, lengths, whole=None, first=None, second=None):
        self.starts, self.lengths = starts, lengths
        self.whole, self.first, self.second = whole, first, second

    def times(self):
        """The nodes of the halves, (m, 6)."""
        half = 0.5 * self.lengths[:, None]
        return self.starts[:, None] + onp.concatenate([half * _NODES, half + half * _NODES], axis=1)

    def find(self, jacobians):
        """Find the matrices; return whether that could be done."""
        nodes = self.starts[:, None] + self.lengths[:, None] * _NODES
        times = onp.concatenate([nodes, self.times()], axis=1)
        found = jacobians(times.ravel())
        if found is None or not onp.all(onp.isfinite(found)):
            return False
        found = found.reshape(*times.shape, *found.shape[1:])
        self.whole = _stages(found[:, :3], self.lengths)[:, 2]
        self.first = _stages(found[:, 3:6], 0.5 * self.lengths)
        self.second = _stages(found[:, 6:], 0.5 * self.lengths)
        return True

    def joined(self, other, kept):
        """Return those of these that are kept, and others, in order."""
        order = onp.argsort(onp.concatenate([self.starts[kept], other.starts]))
        order = order if self.lengths[0] > 0 else order[::-1]
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return _Intervals(*(onp.concatenate([mine[kept], theirs])[order] for mine, theirs in pairs))

    def parts(self, which, count):
        """Return these intervals in so many parts each, whose matrices are not yet known."""
        lengths = self.lengths[which] / count
        starts = self.starts[which][:, None] + lengths[:, None] * onp.arange(count)
        return _Intervals(starts.ravel(), onp.repeat(lengths, count))


def _stages(jacobians, lengths):
    """Return the matrices from the start of a step to its three nodes: Λᵢ = λ − h Σⱼ aᵢⱼ Jⱼᵀ Λⱼ."""
    m, _, n, _ = jacobians.shape
    found = onp.empty((m, 3, n, n))
    unit, right = onp.eye(3 * n), onp.tile(onp.eye(n), (3, 1))
    size = max(1, _MANY // (9 * n * n))
    for start in range(0, m, size):
        part = slice(start, start + size)
        products = onp.einsum("m,ij,mjsr->mirjs", lengths[part], _WEIGHTS, jacobians[part])
        found[part] = onp.linalg.solve(unit + products.reshape(-1, 3 * n, 3 * n), right).reshape(-1, 3, n, n)
    return found


def swept(jacobians, mesh, start, rtol, atol):
    """Return the times, the weights and the values of λ of a quadrature over all of a mesh, and the last λ.

    Parameters
    ----------
    jacobians : callable
        Takes times (m,); returns J there, (m, n, n), or None.
    mesh : array
        Times in order, from that at which λ is known to that at which it is asked for.
    start : array
        The first λ, (n,).
    rtol, atol : float
        The error of each step, relative to λ and absolute.

    Returns
    -------
    tuple or None
        Arrays (r,), (r,), (r, n) and (n,); None where it cannot be found in this way.
    """
    with onp.errstate(over="ignore", invalid="ignore"):
        return _swept(jacobians, _Intervals(mesh[:-1], onp.diff(mesh)), start, rtol, atol)


def _swept(jacobians, intervals, start, rtol, atol):
    if not intervals.find(jacobians):
        return None
    for _ in range(_ROUNDS):
        values = _through(intervals, start)
        error = _errors(intervals, values, rtol, atol)
        if not onp.all(onp.isfinite(error)):
            return None
        if not onp.any(error > 1.0):
            return _sampled(intervals, values)
        parts = intervals.parts(error > 1.0, _PARTS if onp.max(error) > _FAR else 2)
        if len(parts.starts) + len(intervals.starts) > _MOST or not parts.find(jacobians):
            return None
        intervals = intervals.joined(parts, error <= 1.0)
    return None


def _through(intervals, start):
    """Return λ at the start of each interval, and at the end of the last one."""
    values = [start]
    for matrix in onp.matmul(intervals.second[:, 2], intervals.first[:, 2]):
        values.append(matrix @ values[-1])
    return onp.array(values)


def _errors(intervals, values, rtol, atol):
    """Return how far one step differs from two of half its length, in units of the tolerance."""
    before, after = values[:-1], values[1:]
    left = (intervals.whole @ before[..., None])[..., 0] - after
    size = atol + rtol * onp.maximum(onp.abs(before), onp.abs(after))
    return onp.sqrt(onp.mean((left / size) ** 2, axis=1))


def _sampled(intervals, values):
    """Return the nodes of all halves, with the weights of the method, and λ there."""
    first = intervals.first @ values[:-1, None, :, None]
    second = intervals.second @ first[:, 2:]
    found = onp.concatenate([first, second], axis=1)[..., 0]
    weights = 0.5 * intervals.lengths[:, None] * onp.tile(_WEIGHTS[2], 2)
    return intervals.times().ravel(), weights.ravel(), found.reshape(-1, found.shape[-1]), values[-1]
