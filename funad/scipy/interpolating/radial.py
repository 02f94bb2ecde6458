"""Radial basis functions: the equations that ``scipy.interpolate.RBFInterpolator`` solves, and their values.

The functions are written in q = r², so that they are smooth where points coincide as far as they are in r.
"""

import numpy as onp
from scipy import spatial

from ... import numpy as np
from ...defining import defvjp
from ...errors import NotDifferentiableError
from ...kinked import is_differentiated
from ...primitives import primitive
from ...transforms.closures import attached, plain_of
from ..compiled import is_traced, on_plain

__all__ = ["Neighbours", "centre", "evaluating", "solving", "weighing"]


class Neighbours:
    """A tree of points that is asked for neighbours alone, which are plain."""

    def __init__(self, points):
        self.tree = on_plain(spatial.KDTree, points)

    def query(self, x, k):
        return on_plain(self.tree.query, x, k)


def _power(q, exponent):
    """q to a power that is no whole number; where points coincide, 0 with the derivative 0."""
    same = plain_of(q) == 0
    return np.where(same, 0.0, np.where(same, 1.0, q) ** exponent) if onp.any(same) else q**exponent


def _thin_plate(q):
    same = plain_of(q) == 0
    return np.where(same, 0.0, q * np.log(np.where(same, 1.0, q)) / 2)


_KERNELS = {
    "linear": lambda q: -_power(q, 0.5),
    "thin_plate_spline": _thin_plate,
    "cubic": lambda q: _power(q, 1.5),
    "quintic": lambda q: -_power(q, 2.5),
    "multiquadric": lambda q: -np.sqrt(q + 1),
    "inverse_multiquadric": lambda q: 1 / np.sqrt(q + 1),
    "inverse_quadratic": lambda q: 1 / (q + 1),
    "gaussian": lambda q: np.exp(-q),
}


@primitive(name="scipy.interpolate.RBFInterpolator")
def centre(q):
    """0, with the derivative 0 at q = 0, which has no derivative itself."""
    return onp.zeros_like(q)


def _level(q):
    if is_differentiated(q):
        raise NotDifferentiableError(
            "scipy.interpolate.RBFInterpolator has no second derivative at a point of its data, with the "
            "kernels linear and thin_plate_spline; use the kernel cubic, quintic or gaussian"
        )
    return onp.zeros_like(q)


defvjp(centre, lambda y, ybar, q: ybar * _level(q))


def _kernel(name, epsilon, x, y):
    """The functions at points x around y; at y, two of them have no second derivative: it is refused."""
    q = np.sum(((x[:, None] - y[None]) * epsilon) ** 2, axis=-1)
    same = plain_of(q) == 0
    if x is not y and name in ("linear", "thin_plate_spline") and onp.any(same):
        return _KERNELS[name](q) + np.where(same, centre(q), 0.0)
    return _KERNELS[name](q)


def _monomials(x, powers):
    """Return the products of powers of the coordinates of each point: (points, powers)."""
    columns = []
    for row in plain_of(powers):
        column = np.ones(x.shape[0])
        for d, power in enumerate(row):
            column = column * x[:, d] ** int(power) if power else column
        columns.append(column)
    return np.stack(columns, -1) if columns else np.zeros((x.shape[0], 0))


def _solution(y, d, smoothing, kernel, epsilon, powers):
    """Return the shift and the scale of the monomials, and the coefficients: kernels first."""
    low, high = np.min(y, axis=0), np.max(y, axis=0)
    shift, scale = (high + low) / 2, (high - low) / 2
    scale = np.where(plain_of(scale) == 0.0, 1.0, scale)
    kernels = _kernel(kernel, epsilon, y, y) + np.diag(smoothing)
    monomials = _monomials((y - shift) / scale, powers)
    r = monomials.shape[1]
    left = np.concatenate([
        np.concatenate([kernels, monomials], axis=1),
        np.concatenate([monomials.T, np.zeros((r, r))], axis=1),
    ])  # fmt: skip
    right = np.concatenate([d, np.zeros((r, d.shape[1]))])
    return shift, scale, np.linalg.solve(left, right)


def solving(f):
    def _build_and_solve_system(y, d, smoothing, kernel, epsilon, powers, *xp):
        found = on_plain(f, y, d, smoothing, kernel, epsilon, powers, *xp)
        if not is_traced(y, d, smoothing, epsilon):
            return found
        traced = _solution(y, d, smoothing, kernel, epsilon, powers)
        return tuple(attached(value, x) for value, x in zip(found, traced, strict=True))

    return _build_and_solve_system


def weighing(f):
    """Return what gives the weights of the coefficients at points, as SciPy had it before 1.17."""

    def _build_evaluation_coefficients(x, y, kernel, epsilon, powers, shift, scale):
        found = on_plain(f, x, y, kernel, epsilon, powers, shift, scale)
        if not is_traced(x, y, epsilon, shift, scale):
            return found
        rows = [_kernel(kernel, epsilon, x, y), _monomials((x - shift) / scale, powers)]
        return attached(found, np.concatenate(rows, axis=1))

    return _build_evaluation_coefficients


def evaluating(f):
    def compute_interpolation(x, y, kernel, epsilon, powers, shift, scale, coeffs, *xp):
        found = on_plain(f, x, y, kernel, epsilon, powers, shift, scale, coeffs, *xp)
        if not is_traced(x, y, epsilon, shift, scale, coeffs):
            return found
        rows = [_kernel(kernel, epsilon, x, y), _monomials((x - shift) / scale, powers)]
        return attached(found, np.matmul(np.concatenate(rows, axis=1), coeffs))

    return compute_interpolation
