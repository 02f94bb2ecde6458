"""Boundary value problems: the equations of SciPy's collocation, on the mesh that it has ended with.

Between two nodes, y⁺ − y = h/6 (f + 4 f_m + f⁺) with f_m at the cubic through both ends, and the boundary
conditions hold (Kierzenka and Shampine, A BVP solver based on residual control and the MATLAB PSE, 2001). The
mesh stays as it is, so the derivatives have errors of the size of the tolerance.
"""

import numpy as onp
from scipy import integrate as _integrate
from scipy.sparse import csc_array as _csc_array
from scipy.sparse.linalg import splu as _splu

from ... import numpy as np
from ...errors import NotDifferentiableError
from ...transforms import jvp
from ...transforms.closures import Watched, attached, without
from ..interpolate import PPoly
from ..solving.calls import refused_parts, solver, watch
from ..solving.roots import solution

__all__ = ["solve_bvp"]

_SMALL = 100  # unknowns, up to which the Jacobian is a full matrix


@solver(_integrate.solve_bvp, "scipy.integrate.solve_bvp")
def solve_bvp(call):
    call.only_plain("x", "S")
    f, conditions = Watched(call["fun"]), Watched(call["bc"])
    given = {name: watch(call[name], ()) for name in ("fun_jac", "bc_jac")}
    found = call.run(fun=f, bc=conditions, **given)
    for trace in conditions.traces:
        f.met.setdefault(trace.level, trace)
    if not f.traces:
        return found
    if call["S"] is not None:
        raise NotDifferentiableError(f"{call.name} with a singular term S has no derivative")
    if not found.success:
        raise NotDifferentiableError(f"{call.name} has failed, and has no derivative: {found.message}")
    n, m = found.y.shape
    x, h = found.x, onp.diff(found.x)
    more = () if found.p is None else (found.p,)

    def parts(z):
        return np.reshape(z[: n * m], (n, m)), *((z[n * m :],) if more else ())

    def slopes(x, y, *p):
        return _rows(call["fun"](x, y, *p), y.shape[1])

    def residual(z):
        y, *p = parts(z)
        k = slopes(x, y, *p)
        middle = 0.5 * (y[:, 1:] + y[:, :-1]) - 0.125 * h * (k[:, 1:] - k[:, :-1])
        k_middle = slopes(x[:-1] + 0.5 * h, middle, *p)
        steps = y[:, 1:] - y[:, :-1] - h / 6 * (k[:, :-1] + k[:, 1:] + 4 * k_middle)
        ends = call["bc"](y[:, 0], y[:, -1], *p)
        return np.concatenate([np.ravel(steps), np.array(ends) if isinstance(ends, (list, tuple)) else ends])

    plain = onp.concatenate([found.y.ravel(), *more])
    solve = _direct(residual, plain, f.traces, n, m) if plain.size > _SMALL else None
    y, *p = parts(solution(call.name, residual, plain, f.traces, solve=solve))
    found = refused_parts(found, ("x", "y", "p", "yp", "sol"), call.name)
    found.yp = attached(found.yp, slopes(x, y, *p))
    found.y = attached(found.y, y)
    if more:
        found.p = attached(found.p, p[0])
    found.sol = _spline(x, h, found.y, found.yp)
    return found


def _spline(x, h, y, slopes):
    """Return the cubics between the nodes that have these values and slopes there, computed as SciPy does."""
    chord = (y[:, 1:] - y[:, :-1]) / h
    t = (slopes[:, :-1] + slopes[:, 1:] - 2 * chord) / h
    c = np.stack([t / h, (chord - slopes[:, :-1]) / h - t, slopes[:, :-1], y[:, :-1]], axis=1)
    return PPoly(c, x, extrapolate=True, axis=1)


def _direct(residual, z, traces, n, m):
    """Return a solver of systems with the sparse Jacobian of the residual, of n functions at m nodes."""
    push = without(lambda v: jvp(residual, (z,), (v,))[1], traces)
    factors = _splu(_jacobian(push, z.size, n, m))

    def solve(product, b):
        """Solve A u = b, of products with the Jacobian or with its transpose."""
        left = lambda u: b - product(u)
        trans = min("NT", key=lambda trans: onp.linalg.norm(left(factors.solve(b, trans))))
        u = factors.solve(b, trans)
        for _ in range(2):
            u = u + factors.solve(left(u), trans)
        return u

    return solve


def _jacobian(push, size, n, m):
    """Return the sparse Jacobian, from few products with it.

    The equations between two nodes depend on the values at an even and an odd one, the boundary conditions
    on those at the first and the last node, and all of them on the parameters.
    """
    steps, between = onp.arange(n * (m - 1)), onp.arange(m - 1)
    conditions, found = onp.arange(steps.size, size), []

    def pushed(columns):
        seed = onp.zeros(size)
        seed[columns] = 1.0
        return push(seed)

    for start in range(0, n * m, m):  # the values of one function
        for odd in (0, 1):
            nodes = between + (between - odd) % 2
            entries = pushed(start + onp.arange(odd, m, 2))
            found.append((steps, start + onp.tile(nodes, n), entries[steps]))
        for node in (start, start + m - 1):
            found.append((conditions, onp.full(conditions.size, node), pushed(node)[conditions]))
    for parameter in range(n * m, size):
        found.append((onp.arange(size), onp.full(size, parameter), pushed(parameter)))
    rows, columns, entries = map(onp.concatenate, zip(*found, strict=True))
    return _csc_array((entries, (rows, columns)), shape=(size, size))


def _rows(k, m):
    """Return slopes as an array of one row per equation."""
    return np.stack([np.broadcast_to(row, (m,)) for row in k]) if isinstance(k, (list, tuple)) else k
