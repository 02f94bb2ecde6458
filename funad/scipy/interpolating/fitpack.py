"""FITPACK: what ``scipy.interpolate._dfitpack`` computes, written with traced functions.

Splines through points, and those nearest to points for given knots, solve linear equations, and their
derivatives are those of the equations. A spline that is smoothed until its residuals have a given sum (s > 0)
is found by a search that stops within s/1000, and by knots that jump: it is refused.
"""

import numpy as onp

from ... import numpy as np
from ...errors import NotDifferentiableError
from ...transforms.closures import attached, plain_of
from .. import linalg
from ..compiled import agreeing, is_traced, like, on_plain
from .polynomials import newton
from .splines import (
    dense,
    differentiated,
    evaluated,
    evaluated_in_several,
    integrated,
    interpolated,
    least_squares,
    not_a_knot,
    rows_of,
    spans,
)

__all__ = ["inserted", "refuse_smoothing", "views_of", "views_of_all", "views_of_classes", "views_of_curves"]

SMOOTHED = (
    "{} with s > 0 has no derivative: its knots and its smoothing are searched for, to s/1000; give it s=0, "
    "or knots (LSQUnivariateSpline, make_lsq_spline), or use make_smoothing_spline"
)
_ADVICE = "see whether the points are in order and are enough for the knots"


# --- evaluation


def _curve(t, c, k, x, nu=0):
    return evaluated(t, c[:, None], k, x, nu)[:, 0]


def _inside(t, k, x):
    """Return points, and those beyond the ends at the ends."""
    first, last = t[k], t[t.shape[0] - k - 1]
    at, low, high = plain_of(x), plain_of(first), plain_of(last)
    if not onp.any((at < low) | (at > high)):
        return x
    return np.where(at < low, first, np.where(at > high, last, x))


def _splder(t, c, k, x, nu, e):
    """As SciPy's ext says: beyond the ends the spline goes on (0, 2), is zero (1), or constant (3)."""
    y = _curve(t, c, k, _inside(t, k, x) if e == 3 else x, int(nu))
    at, knots = plain_of(x), plain_of(t)
    outside = (at < knots[k]) | (at > knots[-k - 1])
    return np.where(outside, 0.0, y) if e == 1 and onp.any(outside) else y


def _first_of(f, formula):
    """Return a function with several results, the first of which has the derivatives of a formula."""

    def wrapped(*args):
        first, *others = on_plain(f, *args)
        if is_traced(*args):
            first = attached(first, formula(*args))
        return (first, *others)

    return wrapped


def _splint(t, c, k, a, b):
    return integrated(t, c[:, None], k, a, b)[0]


def _spalde(t, c, k1, x):
    at = np.reshape(x, (1,))
    return np.concatenate([_curve(t, c, k1 - 1, at, nu) for nu in range(k1)])


def _sproot(f):
    def wrapped(t, c, mest):
        zeros, m, ier = on_plain(f, t, c, mest)
        if is_traced(t, c) and m:
            found = newton(
                "scipy.interpolate.sproot",
                zeros[:m],
                lambda x: _curve(t, c, 3, x),
                lambda x: _curve(t, c, 3, x, 1),
            )
            zeros = np.concatenate([found, zeros[m:]])
        return zeros, m, ier

    return wrapped


# --- curves through points


def refuse_smoothing(name, s):
    """Refuse a traced s: knots and coefficients are no differentiable functions of it."""
    if is_traced(s):
        raise NotDifferentiableError(SMOOTHED.format(name))


class _Fit:
    """A curve that FITPACK has found of traced points: its knots and coefficients, with derivatives."""

    def __init__(self, name, x, y, w, ends, k):
        self.name, self.x, self.y, self.w, self.k = name, x, y, w, k
        self.ends = ends

    def knots(self, inner):
        first, last = (np.reshape(np.asarray(end) * 1.0, (1,)) for end in self.ends)
        return np.concatenate([*[first] * (self.k + 1), inner, *[last] * (self.k + 1)])

    def through(self, t, c):
        inner = not_a_knot(self.x, self.k)[self.k + 1 : -self.k - 1]
        knots = self.knots(inner)
        return self._of(t, c, knots, interpolated(knots, self.k, self.x, self.y[:, None])[:, 0])

    def nearest(self, t, c, inner):
        knots = self.knots(inner)
        return self._of(t, c, knots, least_squares(knots, self.k, self.x, self.y[:, None], self.w)[:, 0])

    def _of(self, t, c, knots, coefficients):
        t = agreeing(self.name, t, knots, _ADVICE)
        return t, agreeing(self.name, c, coefficients, _ADVICE)

    def residual(self, fp, t, c):
        """Return fp, the sum of the squares of the weighted residuals."""
        rest = self.w * (self.y - _curve(t, c, self.k, self.x))
        return attached(fp, np.sum(rest**2))

    def by_status(self, t, c, ier):
        """Return knots and coefficients as FITPACK says that it has found them."""
        if ier == -1:
            return self.through(t, c)
        if ier == -2:
            return self.nearest(t, c, onp.zeros(0))
        raise NotDifferentiableError(SMOOTHED.format(self.name))


def _padded(c, size):
    return np.concatenate([c, onp.zeros(size - c.shape[0])])


def _written(f):
    """Return a function that hands over its knots as the one before SciPy 1.18, which writes into t, does."""

    def writing(task, x, y, w, t, wrk, iwrk, *others):
        n, knots, c, fp, ier = f(task, x, y, w, *others, t, wrk, iwrk)
        t[: len(knots)] = knots
        return n, c, fp, ier

    return writing


def _returned(change):
    """Return the view of a function that returns its knots, from that of one that writes them."""

    def changed(f):
        view = change(_written(f))

        def returning(task, x, y, w, *others):
            *ends, t, wrk, iwrk = others
            found = np.zeros(len(t))
            found[...] = t
            n, c, fp, ier = view(task, x, y, w, found, wrk, iwrk, *ends)
            return n, found, c, fp, ier

        return returning

    return changed


def _curfit(f):
    def curfit(task, x, y, w, t, wrk, iwrk, xb, xe, k, s):
        refuse_smoothing("scipy.interpolate.splrep", s)
        knots, work, whole = onp.array(plain_of(t)), onp.array(plain_of(wrk)), onp.array(plain_of(iwrk))
        n, c, fp, ier = on_plain(f, task, x, y, w, knots, work, whole, xb, xe, k, s)
        found = knots
        if is_traced(x, y, w, t, xb, xe) and ier <= 0:
            fit = _Fit("scipy.interpolate.splrep", np.asarray(x), np.asarray(y), np.asarray(w), (xb, xe), k)
            if task == -1:
                head, coefficients = fit.nearest(knots[:n], c[: n - k - 1], np.asarray(t)[k + 1 : n - k - 1])
            else:
                head, coefficients = fit.by_status(knots[:n], c[: n - k - 1], ier)
            fp = fp if ier == -1 else fit.residual(fp, head, coefficients)
            found, c = _padded(head, knots.size), _padded(coefficients, c.size)
        t[...] = found
        return n, c, fp, ier

    return curfit


def _periodic_knots(x, k):
    """Return the knots of a periodic curve: those of the points, and of a period before and after."""
    period, inner = x[-1] - x[0], x[1:-1] if k % 2 else (x[1:-1] + x[:-2]) / 2
    before, after = np.concatenate([inner - period, x[:1]]), np.concatenate([x[-1:], inner + period])
    return np.concatenate([before[-k - 1 :], inner, after[: k + 1]])


def _periodic(t, k, x, y):
    """The coefficients of a periodic spline, of which the last k are the first: an equation per point."""
    n = t.shape[0] - k - 1
    matrix = dense(*rows_of(t, k, x[:-1]), n)
    front = np.concatenate([matrix[:, :k] + matrix[:, n - k :], matrix[:, k : n - k]], axis=1)
    c = linalg.solve(front, y[:-1], check_finite=False)
    return np.concatenate([c, c[:k]])


def _percur(f):
    def percur(task, x, y, w, t, wrk, iwrk, k, s):
        refuse_smoothing("scipy.interpolate.splrep with per=True", s)
        knots, work, whole = onp.array(plain_of(t)), onp.array(plain_of(wrk)), onp.array(plain_of(iwrk))
        n, c, fp, ier = on_plain(f, task, x, y, w, knots, work, whole, k, s)
        found = knots
        if is_traced(x, y, w, t) and ier <= 0:
            name = "scipy.interpolate.splrep with per=True"
            if ier != -1:
                raise NotDifferentiableError(SMOOTHED.format(name))
            head = agreeing(name, knots[:n], _periodic_knots(np.asarray(x), k), _ADVICE)
            coefficients = _periodic(head, k, np.asarray(x), np.asarray(y))
            coefficients = agreeing(name, c[: n - k - 1], coefficients, _ADVICE)
            found, c = _padded(head, knots.size), _padded(coefficients, c.size)
        t[...] = found
        return n, c, fp, ier

    return percur


_NAME = "scipy.interpolate.UnivariateSpline"


def _with_fit(data, x, y, w, ends, inner=None):
    """Return FITPACK's record of a curve, with the derivatives of its knots and coefficients.

    The record is (x, y, w, xb, xe, k, s, n, t, c, fp, fpint, nrdata, ier).
    """
    k, n, t, c, fp, ier = data[5], data[7], data[8], data[9], data[10], data[13]
    w = onp.ones(len(data[0])) if w is None else np.asarray(w) * 1.0
    x, y = np.asarray(x) * 1.0, np.asarray(y) * 1.0
    if ier <= 0:
        fit = _Fit(_NAME, x, y, w, [data[3 + m] if end is None else end for m, end in enumerate(ends)], k)
        if ends[0] is None and is_traced(x):
            fit.ends = x[0], x[-1]
        if inner is not None:
            head, coefficients = fit.nearest(t[:n], c[: n - k - 1], inner)
        else:
            head, coefficients = fit.by_status(t[:n], c[: n - k - 1], ier)
        fp = fp if ier == -1 and inner is None else fit.residual(fp, head, coefficients)
        t, c = _padded(head, len(t)), _padded(coefficients, len(c))
    return (x, y, w, data[3], data[4], k, data[6], n, t, c, fp, *data[11:])


def _fpcurf0(f):
    def fpcurf0(x, y, k, w=None, xb=None, xe=None, s=None):
        refuse_smoothing(_NAME, s)
        data = on_plain(f, x, y, k, w=w, xb=xb, xe=xe, s=s)
        return _with_fit(data, x, y, w, (xb, xe)) if is_traced(x, y, w, xb, xe) else data

    return fpcurf0


def _fpcurf1(f):
    def fpcurf1(x, y, w, xb, xe, k, s, n, t, c, *others):
        refuse_smoothing(_NAME, s)
        data = on_plain(f, x, y, w, xb, xe, k, s, n, t, c, *others)
        return _with_fit(data, x, y, w, (xb, xe)) if is_traced(x, y, w, xb, xe) else data

    return fpcurf1


def _fpcurfm1(f):
    def fpcurfm1(x, y, k, t, w=None, xb=None, xe=None):
        data = on_plain(f, x, y, k, t, w=w, xb=xb, xe=xe)
        if not is_traced(x, y, t, w, xb, xe):
            return data
        return _with_fit(data, x, y, w, (xb, xe), np.asarray(t)[k + 1 : -k - 1])

    return fpcurfm1


# --- surfaces


def _grid_of(tx, ty, c, kx, ky):
    return np.reshape(c, (tx.shape[0] - kx - 1, ty.shape[0] - ky - 1))


def _parder(tx, ty, c, kx, ky, dx, dy, x, y):
    x, y = np.atleast_1d(x), np.atleast_1d(y)  # one point may be given by two numbers
    rows = evaluated(tx, _grid_of(tx, ty, c, kx, ky), kx, _inside(tx, kx, x), dx)
    return evaluated(ty, rows.T, ky, _inside(ty, ky, y), dy).T


def _pardeu(tx, ty, c, kx, ky, dx, dy, x, y):
    at = np.stack([_inside(tx, kx, x), _inside(ty, ky, y)], -1)
    grid = _grid_of(tx, ty, c, kx, ky)[:, :, None]
    return evaluated_in_several((tx, ty), grid, (kx, ky), at, (dx, dy))[:, 0]


def _without_orders(formula):
    return lambda tx, ty, c, kx, ky, x, y: formula(tx, ty, c, kx, ky, 0, 0, x, y)


def _dblint(tx, ty, c, kx, ky, xa, xb, ya, yb):
    across = integrated(tx, _grid_of(tx, ty, c, kx, ky), kx, xa, xb)
    return integrated(ty, across[:, None], ky, ya, yb)[0]


def _pardtc(tx, ty, c, kx, ky, dx, dy):
    grid, size = _grid_of(tx, ty, c, kx, ky), c.shape[0]
    for order in range(dx):
        tx, grid = differentiated(tx, grid, kx - order)
    grid = grid.T
    for order in range(dy):
        ty, grid = differentiated(ty, grid, ky - order)
    return _padded(np.ravel(grid.T), size)


def _regrid(f):
    """Splines through the points of a grid solve the equations of each axis in turn."""

    def regrid_smth(x, y, z, xb, xe, yb, ye, kx, ky, s, *maxit):
        refuse_smoothing("scipy.interpolate.RectBivariateSpline", s)
        ends = plain_of([xb, xe, yb, ye])
        nx, tx, ny, ty, c, fp, ier = on_plain(f, x, y, z, *ends, kx, ky, s, *maxit)
        if is_traced(x, y, z) and ier <= 0:
            name = "scipy.interpolate.RectBivariateSpline"
            if ier != -1:
                raise NotDifferentiableError(SMOOTHED.format(name))
            x, y = np.asarray(x) * 1.0, np.asarray(y) * 1.0
            table = np.reshape(z, (x.shape[0], y.shape[0]))
            knots = []
            for at, k, pair in ((x, kx, ends[:2]), (y, ky, ends[2:])):
                pair = [at[m] if end is None else end for m, end in zip((0, -1), pair, strict=True)]
                fit = _Fit(name, at, None, None, pair, k)
                knots.append(fit.knots(not_a_knot(at, k)[k + 1 : -k - 1]))
            rows = interpolated(knots[0], kx, x, table)
            grid = interpolated(knots[1], ky, y, rows.T).T
            tx = _padded(agreeing(name, tx[:nx], knots[0], _ADVICE), len(tx))
            ty = _padded(agreeing(name, ty[:ny], knots[1], _ADVICE), len(ty))
            c = _padded(agreeing(name, c[: grid.size], np.ravel(grid), _ADVICE), len(c))
        return nx, tx, ny, ty, c, fp, ier

    return regrid_smth


_SCATTERED = (
    "{} has no derivative: FITPACK's fit of scattered points searches for its knots and for the rank of its "
    "equations; use RectBivariateSpline on a grid, or RBFInterpolator"
)
_REFUSED = {
    "scipy.interpolate.SmoothBivariateSpline": "surfit_smth",
    "scipy.interpolate.LSQBivariateSpline": "surfit_lsq",
    "scipy.interpolate.SmoothSphereBivariateSpline": "spherfit_smth",
    "scipy.interpolate.LSQSphereBivariateSpline": "spherfit_lsq",
    "scipy.interpolate.RectSphereBivariateSpline": "regrid_smth_spher",
}


def refusing(f, message):
    """Return f, which refuses traced values."""

    def wrapped(*args, **kwargs):
        if is_traced(*args, *kwargs.values()):
            raise NotDifferentiableError(message)
        return on_plain(f, *args, **kwargs)

    return wrapped


_FORMULAS = {
    "splder": lambda f: _first_of(f, _splder),
    "splev": lambda f: _first_of(f, lambda t, c, k, x, e: _splder(t, c, k, x, 0, e)),
    "splint": lambda f: _first_of(f, _splint),
    "spalde": lambda f: _first_of(f, _spalde),
    "sproot": _sproot,
    "curfit": _curfit,
    "percur": _percur,
    "fpchec": lambda f: lambda *args: on_plain(f, *args),
    "fpcurf0": _fpcurf0,
    "fpcurf1": _fpcurf1,
    "fpcurfm1": _fpcurfm1,
    "bispev": lambda f: _first_of(f, _without_orders(_parder)),
    "bispeu": lambda f: _first_of(f, _without_orders(_pardeu)),
    "parder": lambda f: _first_of(f, _parder),
    "pardeu": lambda f: _first_of(f, _pardeu),
    "pardtc": lambda f: _first_of(f, _pardtc),
    "dblint": lambda f: like(f, _dblint),
    "regrid_smth": _regrid,
}


def views_of(theirs):
    """Return functions that take traced values, by the names of SciPy's compiled ones."""
    found = {
        name: change(getattr(theirs, name)) for name, change in _FORMULAS.items() if hasattr(theirs, name)
    }
    for public, name in _REFUSED.items():
        if hasattr(theirs, name):
            found[name] = refusing(getattr(theirs, name), _SCATTERED.format(public))
    return found


# --- curves in space


def _parameters(points):
    """Return the lengths of the chords from the first point to each, as parts of the whole."""
    steps = np.linalg.norm(points[1:] - points[:-1], axis=1)
    lengths = np.concatenate([np.zeros(1), np.cumsum(steps)])
    return lengths / lengths[-1]


def _parcur(f):
    name = "scipy.interpolate.splprep"

    def parcur(x, w, u, ub, ue, k, task, ipar, s, t, nest, wrk, iwrk, per):
        refuse_smoothing(name, s)
        args = (x, w, u, ub, ue, k, task, ipar, s, t, nest, wrk, iwrk, per)
        knots, c, others = on_plain(f, *args)
        if not is_traced(x, w, u, ub, ue, t) or others["ier"] > 0:
            return knots, c, others
        points = np.reshape(x, (len(w), -1))
        u, ends = (np.asarray(u) * 1.0, (ub, ue)) if ipar else (_parameters(points), (0.0, 1.0))
        w = np.asarray(w)
        if task != -1 and others["ier"] != -1:
            raise NotDifferentiableError(SMOOTHED.format(name))
        if task == -1:
            inner = np.asarray(t)[k + 1 : -k - 1]
            found = _Fit(name, u, None, w, ends, k).knots(inner)
            coefficients = least_squares(found, k, u, points, w)
        elif per:
            found = _periodic_knots(u, k)
            coefficients = _periodic(found, k, u, points)
        else:
            found = _Fit(name, u, None, w, ends, k).knots(not_a_knot(u, k)[k + 1 : -k - 1])
            coefficients = interpolated(found, k, u, points)
        others = {**others, "u": agreeing(name, others["u"], u, _ADVICE)}
        c = agreeing(name, c, np.ravel(coefficients.T), _ADVICE)
        return agreeing(name, knots, found, _ADVICE), c, others

    return parcur


def inserted(t, c, k, x):
    """Return knots and coefficients of the same curve with one knot more (Boehm 1980)."""
    n = t.shape[0] - k - 1
    left = int(spans(t, k, np.reshape(x, (1,)))[0][0])
    at = onp.arange(left - k + 1, left + 1)
    share = np.reshape((x - t[at]) / (t[at + k] - t[at]), (-1, *[1] * (c.ndim - 1)))
    middle = share * c[at] + (1 - share) * c[at - 1]
    return (
        np.concatenate([t[: left + 1], np.reshape(x, (1,)), t[left + 1 :]]),
        np.concatenate([c[: left - k + 1], middle, c[left:n]]),
    )


def _insert(f):
    name = "scipy.interpolate.insert"

    def insert(per, t, c, k, x, m):
        knots, found, ier = on_plain(f, per, t, c, k, x, m)
        if not is_traced(t, c, x) or ier:
            return knots, found, ier
        if per:
            raise NotDifferentiableError(
                f"{name} has no derivative with per=True; write it for the whole curve"
            )
        for _ in range(m):
            t, c = inserted(np.asarray(t), np.asarray(c), k, x)
        n = len(knots) - k - 1
        found = agreeing(name, found, np.concatenate([c[:n], found[n:]]), _ADVICE)
        return agreeing(name, knots, t, _ADVICE), found, ier

    return insert


# --- SciPy 1.18 and later: one compiled module, with other names and orders


def views_of_all(theirs):
    """Return the same of the one compiled module that SciPy has since 1.18."""
    same = ("splev", "spalde", "sproot", "fpchec", "bispev", "bispeu", "parder", "pardeu", "pardtc", "dblint")
    return {
        **{name: _FORMULAS[name](getattr(theirs, name)) for name in same},
        "splder": _first_of(theirs.splder, lambda t, c, k, nu, x, e: _splder(t, c, k, x, nu, e)),
        "splint": like(theirs.splint, _splint),
        "curfit": _returned(_curfit)(theirs.curfit),
        "percur": _returned(_percur)(theirs.percur),
        "parcur": _parcur(theirs.parcur),
        "insert": _insert(theirs.insert),
        "surfit": refusing(theirs.surfit, _SCATTERED.format("scipy.interpolate.bisplrep")),
    }


def views_of_classes(module):
    """Return the same of the functions of its module of classes that call the compiled ones for surfaces."""
    found = {"_regrid_smth": _regrid(module._regrid_smth)}
    for public, name in _REFUSED.items():
        found[f"_{name}"] = refusing(getattr(module, f"_{name}"), _SCATTERED.format(public))
    return found


def views_of_curves(theirs):
    """Return the same of the other compiled module: curves in space, fitted surfaces, and inserted knots."""
    found = {"_parcur": _parcur(theirs._parcur), "_insert": _insert(theirs._insert)}
    found["_surfit"] = refusing(theirs._surfit, _SCATTERED.format("scipy.interpolate.bisplrep"))
    return found
