"""The derivatives of the solution of y' = f(t, y) itself, on SciPy's interpolation of it.

In reverse mode, λ' = −(∂f/∂y)ᵀ λ runs backwards from the last time at which there is a cotangent, which is
added to λ where it belongs; what f reads has the cotangents ∫ (∂f/∂θ)ᵀ λ dt (Cao, Li, Petzold and Serban,
Adjoint sensitivity analysis for differential-algebraic equations, 2003).
In forward mode, ẏ' = ∂f/∂y ẏ + ∂f/∂θ θ̇ runs along with y. y itself is never solved for backwards, which is
unstable where its way forward is stable.

λ needs y at every time, so its equation is for plain y only. Inside of another transformation, reverse mode
takes the sensitivities ∂y/∂(y₀, θ), which run along with y: they can be differentiated again.
"""

import functools

import numpy as onp
from scipy import integrate as _integrate

from ... import numpy as np
from ...boxes import Traced
from ...errors import NotDifferentiableError
from ...registry import Primitive
from ...traces.forward import dual
from ...traces.reverse import Tape
from ...transforms.closures import plain_of, plainly, without
from ...transforms.segments import locked, out_of_traces
from ...values import shape_of
from ..solving.calls import is_traced
from .fields import FEW, Field, Pull, pulls_at, pushed
from .functionals import Integrand
from .interpolations import at_many
from .sweeps import swept

__all__ = ["Solution"]

# SciPy's own, also while funad.scipy.serve has others in their places.
_solve_ivp = _integrate.solve_ivp

# By how much tolerances are divided for the states that the adjoint sees. BDF and LSODA err by more than
# their tolerances.
_FINER = {_integrate.Radau: 10}
_IMPLICIT = (_integrate.Radau, _integrate.BDF, _integrate.LSODA)
_MANY = 5000  # times at which what f reads is pulled back at once
# Gauss's nodes and weights, for the integrals over one step of a solver.
_NODES, _WEIGHTS = onp.polynomial.legendre.leggauss(5)


class Solution:
    """The solution of an initial value problem as a function of time, traced.

    Attributes
    ----------
    sol : callable
        SciPy's interpolation of it, plain.
    method, options : class, dict
        The method and its options: the problems of the derivatives are solved by the same.
    """

    def __init__(self, field, y0, sol, integrand, method, options, adjoint="continuous"):
        self.field, self.y0, self.sol, self.integrand = field, y0, sol, integrand
        self.method, self.adjoint = method, adjoint
        self.options = {k: v for k, v in options.items() if k in ("rtol", "atol", "max_step")}
        self.start = sol.t_min if sol.ts[0] <= sol.ts[-1] else sol.t_max
        self.layers = [(None, self._plain)]  # (trace, t ↦ y(t) as it is outside of the traces further inside)
        for n, trace in enumerate(integrand.traces):
            layer = self._layer(n, trace)
            if layer is not None:
                self.layers.append((trace, layer))

    def _plain(self, times):
        return at_many(self.sol, onp.asarray(times))

    def at(self, times):
        """Return the states at plain times, one row each."""
        return self.layers[-1][1](times)

    def _layer(self, n, trace):
        inner = self.integrand.traces[n + 1 :]
        field, start = self.field.without(inner), out_of_traces(inner, self.y0)
        starts = isinstance(start, Traced) and start.tape is trace
        if type(trace) is Tape:
            sources = self.integrand.sources.get(trace.level, {})
            if starts or sources:
                return self._on_tape(trace, field, start if starts else None, sources)
        elif trace.differentiates:
            outer = out_of_traces([trace], start)
            return self._forwards(trace, field, start if starts else None, outer)
        return None

    # --- forward mode

    def _forwards(self, trace, field, y0, start):
        outside, n = self.layers[-1][1], len(shape_of(start)) and shape_of(start)[0]

        def together(t, z):
            return np.concatenate(pushed(trace, field.at, t, z[:n], z[n:]))

        moved = solved(together, np.concatenate([start, onp.zeros(n) if y0 is None else y0.index]), self)

        def layer(times):
            return dual(trace, outside(times), moved.at(times)[:, n:])

        return layer

    # --- reverse mode

    def _finer(self, f):
        """Return the solution to more digits: it jumps between its steps, and the adjoint sees that."""
        finer = _FINER.get(self.method, 100)
        options = {k: onp.asarray(v) / finer for k, v in self.options.items() if k in ("rtol", "atol")}
        options = {"rtol": 1e-5, "atol": 1e-8, **options}
        options["rtol"] = max(float(options["rtol"]), 1e-13)
        span = (self.sol.ts[0], self.sol.ts[-1])
        found = _solve_ivp(f, span, plain_of(self.y0), method=self.method, dense_output=True, **options)
        return found.sol if found.success else self.sol

    def _on_tape(self, tape, field, y0, sources):
        tape.share()
        slots, outside = list(sources), self.layers[-1][1]
        values = [sources[slot] for slot in slots]
        start = out_of_traces([tape, *self.integrand.traces], self.y0) if y0 is None else y0.primal
        by_adjoint = self.adjoint == "continuous" and len(self.layers) == 1

        def layer(times):
            def backward(y, ybar, xs):
                self.integrand.check(field.at, [tape])
                pull = Pull(tape, field.at, slots, values)
                found = None
                if by_adjoint and not is_traced(ybar):
                    found = _by_collocation(self, tape, pull, field, times, ybar)
                    if found is None:
                        finer = self._finer(plainly(field.at, [tape]))
                        found = _by_adjoint(self, _Pulled(tape, pull, field, finer), times, ybar)
                if found is None:
                    found = _by_sensitivities(self, tape, pull, start, times, ybar)
                return found if y0 is not None else found[1:]

            prim = Primitive(backward, "solve_ivp", "vjp", {0: backward}, (0,))
            at = ([y0.index] if y0 is not None else []) + slots
            xs = ([y0.primal] if y0 is not None else []) + values
            return tape.process(prim, outside(times), (xs,), {}, ((0, tuple(at)),))

        return layer


def solved(f, y0, like, span=None):
    """Return the solution of another problem, by the method of one that has been solved."""
    span = (like.sol.ts[0], like.sol.ts[-1]) if span is None else span
    field = Field(f)
    integrand = Integrand(field.at)
    options = dict(like.options)
    if span is not None and "atol" in options and onp.ndim(options["atol"]):
        options["atol"] = float(onp.min(options["atol"]))
    found = _solve_ivp(integrand, span, plain_of(y0), method=like.method, dense_output=True, **options)
    if not found.success:
        raise NotDifferentiableError(
            f"the equation of the derivatives of solve_ivp has failed: {found.message}"
        )
    integrand.note(y0)
    return Solution(field, y0, found.sol, integrand, like.method, options, like.adjoint)


class _Pulled:
    """(t, λ) ↦ (∂f/∂y)ᵀ λ and (∂f/∂θ)ᵀ λ at y(t), while the tape records apart."""

    def __init__(self, tape, pull, field, sol):
        self.tape, self.pull, self.field, self.sol = tape, pull, field, sol
        self.checked = False

    def __call__(self, t, kbar):
        y = at_many(self.sol, onp.asarray([t]))[0]
        return locked([self.tape], functools.partial(self.pull, t, y, kbar))[0]

    def transposed_jacobian(self, t):
        """(∂f/∂y)ᵀ at y(t): the cotangents of all unit vectors, by one pull; or None."""
        n = len(self.sol(t))
        times, seeds = onp.full(n + 1, t), onp.eye(n + 1, n)  # n + 1, as n states would be a square matrix
        states = onp.tile(self.sol(t), (n + 1, 1))
        pull = lambda: pulls_at(self.pull, self.field, times, states, None, not self.checked)
        found, _ = locked([self.tape], pull)
        self.checked = True
        return None if found is None else found.totals(seeds)[0][:, :n]

    def add(self, t, kbars, total):
        """Add the sums of (∂f/∂θ)ᵀ k̄ over these times to the totals."""
        for start in range(0, len(t), _MANY):
            part = slice(start, start + _MANY)
            sums = functools.partial(self._sums, t[part], at_many(self.sol, t[part]), kbars[part])
            found, _ = locked([self.tape], sums)
            for m, xbar in enumerate(found):
                if xbar is not None:
                    total[m] = xbar if total[m] is None else total[m] + xbar

    def _sums(self, t, y, kbars):
        together = pulls_at(self.pull, self.field, t, y, None)
        if together is not None:
            return together.totals(kbars)[1:]
        found = [None] * len(self.pull.values)
        for at in zip(t, y, kbars, strict=True):
            for m, xbar in enumerate(self.pull(*at)[1:]):
                if xbar is not None:
                    found[m] = xbar if found[m] is None else found[m] + xbar
        return found


def _by_collocation(solution, tape, pull, field, times, ybars):
    """Return the cotangents of the first state and of what f reads; None where they are not found at once."""
    start, moved = onp.asarray(plain_of(solution.y0)), onp.any(ybars != 0, axis=1)
    mesh, ybars = _mesh(solution, times[moved], ybars[moved])
    if len(mesh) == 1:
        return [ybars[0], *pull.totals([None] * len(pull.values))]
    if mesh[0] != solution.start or len(start) > FEW or onp.iscomplexobj(ybars) or onp.iscomplexobj(start):
        return None
    checked = []

    def linear(t, y):
        found, _ = locked([tape], lambda: pulls_at(pull, field, t, y, None, not checked))
        checked.append(True)
        return found

    found = swept(
        linear, functools.partial(at_many, solution.sol), mesh, start.astype(float), ybars,
        onp.minimum(solution.options.get("rtol", 1e-3), 1e-3), solution.options.get("atol", 1e-6),
    )  # fmt: skip
    if found is None:
        return None
    ybar, pulls, kbars = found
    return [ybar, *pull.totals(pulls.totals(kbars)[1:])]


def _mesh(solution, times, ybars):
    """Return the times between the steps, from the first to the last with a cotangent, and these."""
    ts = solution.sol.ts
    sign = 1.0 if ts[0] <= ts[-1] else -1.0
    times, start = sign * times, sign * solution.start
    inside = ts[sign * ts < onp.max(times, initial=start)]
    mesh, places = onp.unique(onp.concatenate([times, [start], sign * inside]), return_inverse=True)
    found = onp.zeros((len(mesh), *onp.shape(ybars)[1:]), onp.result_type(ybars, float))
    onp.add.at(found, places.ravel()[: len(times)], ybars)
    return sign * mesh, found


def _by_adjoint(solution, pulled, times, ybars):
    """Return the cotangents of the first state and of what f reads."""
    total = [None] * len(pulled.pull.values)
    ybar, now = onp.zeros(onp.shape(ybars)[1:]), times[-1]
    for n in onp.flatnonzero(onp.any(ybars != 0, axis=1))[::-1]:
        ybar = _segment(solution, pulled, now, times[n], ybar, total) + ybars[n]
        now = times[n]
    ybar = _segment(solution, pulled, now, solution.start, ybar, total)
    return [ybar, *pulled.pull.totals(total)]


def _segment(solution, pulled, now, before, ybar, total):
    """Return λ at an earlier time, and add ∫ (∂f/∂θ)ᵀ λ dt to the totals."""
    size = float(onp.max(onp.abs(ybar)))
    if now == before or not size:
        return ybar
    rtol = min(solution.options.get("rtol", 1e-3), 1e-3)
    like = object.__new__(Solution)
    like.__dict__.update(solution.__dict__)
    like.options = {**solution.options, "atol": 1e-3 * rtol * size}
    if like.method in _IMPLICIT and pulled.transposed_jacobian(now) is not None:
        like.options["jac"] = lambda t, _: -pulled.transposed_jacobian(t)
    if solution.method is _integrate.BDF:  # which does not get over the first steps of a fast transient
        like.method = _integrate.Radau
    found = solved(lambda t, v: -pulled(t, v)[0], ybar, like, (now, before))
    if pulled.pull.values:
        ends = found.sol.ts
        half = 0.5 * onp.diff(ends)[:, None]
        t = (0.5 * (ends[:-1] + ends[1:])[:, None] + half * _NODES).ravel()
        weights = (-half * _WEIGHTS).ravel()
        pulled.add(t, weights[:, None] * found.at(t), total)
    return found.at([before])[0]


def _by_sensitivities(solution, tape, pull, y0, times, ybars):
    """Return the same by the sensitivities of the solution in every number: ∂y/∂(y₀, θ) runs along with y."""
    n = shape_of(y0)[0]
    sizes = [int(onp.prod(shape_of(x))) for x in pull.values]
    p = n + sum(sizes)
    unit = onp.eye(n)

    def row(t, y, s, kbar):
        """One row of ∂f/∂y S + ∂f/∂(y₀, θ), by one pull."""
        of_y, *others = pull(t, y, kbar)
        parts = [
            onp.zeros(size) if x is None else np.reshape(x, (size,))
            for x, size in zip(others, sizes, strict=True)
        ]
        return np.matmul(of_y, s) + np.concatenate([onp.zeros(n), *parts])

    def slopes(t, z):
        y, s = z[:n], np.reshape(z[n:], (n, p))
        outside = without(pull.f, [tape])
        rows, _ = locked([tape], lambda: [row(t, y, s, kbar) for kbar in unit])
        return np.concatenate([outside(t, y), *rows])

    start = np.concatenate([y0, onp.concatenate([unit, onp.zeros((n, p - n))], axis=1).ravel()])
    found = np.reshape(solved(slopes, start, solution).at(times)[:, n:], (len(times), n, p))
    xbar = np.sum(found * np.reshape(ybars, (len(times), n, 1)), axis=(0, 1))
    ends = onp.cumsum([n, *sizes])
    shapes = [(n,), *(shape_of(x) for x in pull.values)]
    return [
        np.reshape(xbar[end - size : end], shape)
        for end, size, shape in zip(ends, [n, *sizes], shapes, strict=True)
    ]
