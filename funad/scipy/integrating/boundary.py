"""Boundary value problems: the equations of SciPy's collocation, on the mesh that it has ended with.

Between two nodes, y⁺ − y = h/6 (f + 4 f_m + f⁺) with f_m at the cubic through both ends, and the boundary
conditions hold (Kierzenka and Shampine, A BVP solver based on residual control and the MATLAB PSE, 2001). The
mesh stays as it is, so the derivatives have errors of the size of the tolerance.
"""

import numpy as onp
from scipy import integrate as _integrate

from ... import numpy as np
from ...errors import NotDifferentiableError
from ...transforms.closures import Watched, attached
from ..solving.calls import refused_parts, solver, watch
from ..solving.roots import solution

__all__ = ["solve_bvp"]


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

    z = solution(call.name, residual, onp.concatenate([found.y.ravel(), *more]), f.traces)
    y, *p = parts(z)
    found = refused_parts(found, ("x", "y", "p", "yp"), call.name)
    found.sol = _refuse_sol
    found.yp = attached(found.yp, slopes(x, y, *p))
    found.y = attached(found.y, y)
    if more:
        found.p = attached(found.p, p[0])
    return found


def _refuse_sol(x, nu=0):
    """Stand for SciPy's interpolation, which is made of plain numbers."""
    raise NotDifferentiableError(
        "sol of the result of scipy.integrate.solve_bvp has no derivative: it is made of plain numbers; take "
        "the solution at the nodes, y, or interpolate between those of a finer mesh x"
    )


def _rows(k, m):
    """Return slopes as an array of one row per equation."""
    return np.stack([np.broadcast_to(row, (m,)) for row in k]) if isinstance(k, (list, tuple)) else k
