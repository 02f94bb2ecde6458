"""The derivatives of a solution of y' = f(t, y) in reverse mode by collocation, at all steps at once.

Each step is one of the method of Radau of order 5, which is stable for stiff equations (Hairer and Wanner,
Solving Ordinary Differential Equations II, 1996). About states that are nearly right f is linear, so a step
needs no iteration: y⁺ = M y + c. One banded matrix, with −M of all steps below its diagonal, leads y forwards
and, transposed, the cotangents of y backwards. Where one step differs from two in its place, both of these
are split. Then f is made linear about the states that have been found, until they stay (Newton's method).
"""

import numpy as onp
from scipy.linalg import blas

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
# The coefficients of the polynomials that are 1 at 0 or at one of the nodes, and 0 at the others.
_INTERPOLATION = onp.linalg.inv(onp.append(0.0, _NODES)[:, None] ** onp.arange(4))
_ROUNDS, _MOST = 60, 100_000  # of splitting, and of steps
_ITERATIONS = 8  # of Newton's method
_MANY = 1 << 22  # numbers in the matrices that are solved with at once


class _Steps:
    """Steps of the method, linear about states at their nodes.

    Attributes
    ----------
    starts, lengths : arrays of shape (m,)
    ybars : array of shape (m, n)
        The cotangents of the states at the starts, as far as they are given.
    matrices, constants : arrays of shapes (m, 3, n, n), (m, 3, n)
        The states at the nodes are ``matrices @ y + constants``, for y at the start.
    """

    def __init__(self, starts, lengths, ybars, matrices=None, constants=None):
        self.starts, self.lengths, self.ybars = starts, lengths, ybars
        self.matrices, self.constants = matrices, constants

    def __len__(self):
        return len(self.starts)

    def __getitem__(self, which):
        return _Steps(*(x[which] for x in vars(self).values()))

    def nodes(self):
        """The times of all nodes, (3m,)."""
        return (self.starts[:, None] + self.lengths[:, None] * _NODES).ravel()

    def about(self, states, slopes, jacobians):
        """Return these steps for f as it is near states at the nodes, (3m, n)."""
        m, n = len(self), states.shape[1]
        slopes = slopes - _times(jacobians, states)
        constants = self.lengths[:, None, None] * (_WEIGHTS @ slopes.reshape(m, 3, n))
        unit = onp.broadcast_to(onp.tile(onp.eye(n), (3, 1)), (m, 3 * n, n))
        right = onp.concatenate([unit, constants.reshape(m, 3 * n, 1)], axis=2)
        found = _solved(self.systems(jacobians), right).reshape(m, 3, n, n + 1)
        return _Steps(self.starts, self.lengths, self.ybars, found[..., :n], found[..., n])

    def systems(self, jacobians):
        """Return I − h A ⊗ J, (m, 3n, 3n): the matrices of the equations of the states at the nodes."""
        m, n = len(self), jacobians.shape[-1]
        found = onp.einsum("m,ij,mjrs->mirjs", -self.lengths, _WEIGHTS, jacobians.reshape(m, 3, n, n))
        return found.reshape(m, 3 * n, 3 * n) + onp.eye(3 * n)

    def states(self, y):
        """The states at all nodes, (3m, n), for those at the starts."""
        return ((self.matrices @ y[:, None, :, None])[..., 0] + self.constants).reshape(-1, y.shape[1])

    def halves(self):
        """Return two steps in the place of each of these, near no states yet."""
        half = 0.5 * self.lengths
        starts = onp.stack([self.starts, self.starts + half], axis=1)
        ybars = onp.stack([self.ybars, onp.zeros_like(self.ybars)], axis=1)
        return _Steps(starts.ravel(), onp.repeat(half, 2), ybars.reshape(-1, ybars.shape[-1]))

    def joined(self, other):
        """Return these steps and others, in order, and the places of the others."""
        both = _Steps(*map(onp.concatenate, zip(vars(self).values(), vars(other).values(), strict=True)))
        order = onp.argsort(both.starts if both.lengths[0] > 0 else -both.starts)
        return both[order], onp.flatnonzero(order >= len(self))


def _solved(systems, right):
    size = max(1, _MANY // systems[0].size)
    parts = [slice(k, k + size) for k in range(0, len(systems), size)]
    return onp.concatenate([onp.linalg.solve(systems[part], right[part]) for part in parts])


class _Chain:
    """y⁺ = M y + c from step to step: B y = (y₀, c) with a banded triangular matrix B of unit diagonal."""

    def __init__(self, steps):
        m, n = len(steps), steps.matrices.shape[-1]
        rows, columns = onp.indices((n, n))
        self.band = onp.zeros((2 * n, (m + 1) * n), order="F")
        self.band[n + rows - columns, onp.arange(m)[:, None, None] * n + columns] = -steps.matrices[:, 2]

    def forwards(self, y, constants):
        """Return the states between all steps, (m + 1, n)."""
        return self._solve(onp.concatenate([y[None], constants]), 0)

    def backwards(self, ybars):
        """Return the cotangents of the states between all steps, for those of the results."""
        return self._solve(ybars, 1)

    def _solve(self, x, trans):
        return blas.dtbsv(len(self.band) - 1, self.band, x.ravel(), lower=1, diag=1, trans=trans).reshape(
            x.shape
        )


def swept(linear, guess, mesh, start, ybars, rtol, atol):
    """Return the cotangents of the first state and of f along the solution; None if that does not succeed.

    Parameters
    ----------
    linear : callable
        Takes times (m,) and states (m, n); returns an object with ``slopes``, (m, n), and ``jacobians``,
        (m, n, n), of f there; or None.
    guess : callable
        The solution, nearly right: takes times, returns states.
    mesh : array
        The times between its steps, in order, from that of the first state on.
    start, ybars : arrays
        The first state, (n,), and the cotangents of the states at the times of the mesh, mostly zeros.
    rtol, atol : float or array
        The error of each step, relative to y and absolute.

    Returns
    -------
    tuple or None
        The cotangent of the first state, (n,), what ``linear`` has returned for the states that were used,
        and the cotangents of f at these.
    """
    with onp.errstate(all="ignore"):
        try:
            return _Sweep(linear, start, ybars[-1], rtol, atol).found(guess, mesh, ybars[:-1])
        except (onp.linalg.LinAlgError, _Lost):
            return None


class _Lost(Exception):
    """This way does not lead to the derivatives."""


class _Sweep:
    """A sweep forwards and backwards; the parameters are those of ``swept``."""

    def __init__(self, linear, start, last, rtol, atol):
        self.linear, self.start, self.last, self.rtol, self.atol = linear, start, last, rtol, atol

    def found(self, guess, mesh, ybars):
        for _ in range(_ITERATIONS):
            steps = self._split(guess, mesh, ybars)
            states = steps.states(self._chain(steps)[1][:-1])
            found, steps = self._about(steps, states)
            chain, y = self._chain(steps)
            before, states = states, steps.states(y[:-1])
            if onp.all(onp.abs(states - before) <= self.atol + self.rtol * onp.abs(states)):
                return self._backwards(found, steps, chain)
            guess = _Polynomials(steps, y[:-1], states)
            mesh, ybars = onp.append(steps.starts, mesh[-1]), steps.ybars
        raise _Lost

    def _about(self, steps, states):
        """Return what ``linear`` returns near these states, and the steps there."""
        found = self.linear(steps.nodes(), states)
        if found is None or onp.iscomplexobj(found.jacobians):
            raise _Lost
        steps = steps.about(states, found.slopes, found.jacobians)
        if not (onp.all(onp.isfinite(steps.matrices)) and onp.all(onp.isfinite(steps.constants))):
            raise _Lost
        return found, steps

    def _chain(self, steps):
        chain = _Chain(steps)
        return chain, chain.forwards(self.start, steps.constants[:, 2])

    def _split(self, guess, mesh, ybars):
        """Return steps that are short enough. Pairs of them are compared with one step."""
        if len(mesh) % 2 == 0:
            n = int(onp.argmax(onp.abs(onp.diff(mesh)))) + 1
            mesh = onp.insert(mesh, n, 0.5 * (mesh[n - 1] + mesh[n]))
            ybars = onp.insert(ybars, n, 0.0, axis=0)
        near = lambda steps: self._about(steps, guess(steps.nodes()))[1]
        first = onp.arange(0, len(ybars), 2)  # of each pair
        starts = onp.concatenate([mesh[first], mesh[:-1]])
        lengths = onp.concatenate([mesh[first + 2] - mesh[first], onp.diff(mesh)])
        both = near(_Steps(starts, lengths, onp.concatenate([ybars[first], ybars])))
        wholes, steps = both[: len(first)], both[len(first) :]
        for _ in range(_ROUNDS):
            far = onp.zeros(len(steps), bool)
            far[first] = far[first + 1] = self._errors(steps, wholes, first) > 1.0
            if not onp.any(far):
                return steps
            if len(steps) + onp.sum(far) > _MOST:
                break
            wholes = steps[far]
            steps, places = steps[~far].joined(near(wholes.halves()))
            first = places[::2]
        raise _Lost

    def _errors(self, steps, wholes, first):
        """Return how far one step differs from two, in y and in its cotangents, in units of the tolerance."""
        chain, y = self._chain(steps)
        ybars = chain.backwards(onp.concatenate([steps.ybars, self.last[None]]))
        whole, two = wholes.matrices[:, 2], steps.matrices[first + 1, 2] @ steps.matrices[first, 2]
        of_y = _times(whole, y[first]) + wholes.constants[:, 2] - y[first + 2]
        of_ybar = _times(onp.swapaxes(whole - two, 1, 2), ybars[first + 2])
        least = 1e-3 * self.rtol * onp.max(onp.abs(ybars))
        return onp.maximum(
            _sizes(of_y, self.rtol, self.atol, y[first], y[first + 2]),
            _sizes(of_ybar, self.rtol, least, ybars[first], ybars[first + 2]),
        )

    def _backwards(self, found, steps, chain):
        ybars = chain.backwards(onp.concatenate([steps.ybars, self.last[None]]))
        m, n = steps.ybars.shape
        right = onp.zeros((m, 3, n))
        right[:, 2] = ybars[1:]
        systems = onp.swapaxes(steps.systems(found.jacobians), 1, 2)
        of_states = _solved(systems, right.reshape(m, 3 * n, 1)).reshape(m, 3, n)
        kbars = steps.lengths[:, None, None] * (_WEIGHTS.T @ of_states)
        return ybars[0], found, kbars.reshape(-1, n)


class _Polynomials:
    """The solution through the states at the starts and the nodes of steps, by a polynomial for each."""

    def __init__(self, steps, y, states):
        self.steps, self.edges = steps, steps.starts * onp.sign(steps.lengths)
        self.values = onp.concatenate([y[:, None], states.reshape(len(steps), 3, -1)], axis=1)

    def __call__(self, times):
        which = onp.searchsorted(self.edges[1:], times * onp.sign(self.steps.lengths[0]), side="right")
        x = (times - self.steps.starts[which]) / self.steps.lengths[which]
        powers = x[:, None] ** onp.arange(4)
        return ((powers @ _INTERPOLATION)[:, None] @ self.values[which])[:, 0]


def _times(matrices, vectors):
    return (matrices @ vectors[..., None])[..., 0]


def _sizes(errors, rtol, atol, before, after):
    """Return the root mean squares of errors, relative to tolerances."""
    size = atol + rtol * onp.maximum(onp.abs(before), onp.abs(after))
    return onp.sqrt(onp.mean((errors / size) ** 2, axis=1))
