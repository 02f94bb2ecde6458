"""Initial value problems: solve_ivp and odeint."""

import functools
import inspect

import numpy as onp
from scipy import integrate as _integrate
from scipy.integrate._ivp.ivp import OdeResult

from ... import numpy as np
from ...errors import ArgumentError, NotDifferentiableError
from ...spaces import describe
from ...transforms.closures import Watched, attached, plain_of
from ...transforms.copies import fixed
from ...transforms.implicit import Equation
from ..solving.calls import as_args, closed, is_traced, solver, watch
from .fields import Field
from .flows import ContinuousFlow, Flow, TracedSolution, scaled
from .functionals import Integrand
from .interpolations import through
from .tableaus import EXPLICIT, Steps, recording

__all__ = ["odeint", "solve_ivp"]

# SciPy's own, also while funad.scipy.serve has others in their places.
_solve_ivp = _integrate.solve_ivp

ADJOINTS = ("discrete", "continuous", "forward")
METHODS = {name: getattr(_integrate, name) for name in ("RK23", "RK45", "DOP853", "Radau", "BDF", "LSODA")}


@functools.wraps(_integrate.solve_ivp)
def _plain_solve_ivp(*args, adjoint=None, **kwargs):
    return _solve_ivp(*args, **kwargs)


_plain_solve_ivp.__signature__ = inspect.signature(_integrate.solve_ivp)


@solver(_integrate.solve_ivp, "scipy.integrate.solve_ivp", plain=_plain_solve_ivp)
def solve_ivp(call):
    problem = _Problem(call)
    found = problem.run()
    if not problem.traces and not call["dense_output"]:  # sol may be given a traced time
        return found
    return problem.differentiated(found)


class _Odeint:
    """A call of odeint as one of solve_ivp: what it gives by name is what ``Problem`` asks for."""

    name = "scipy.integrate.odeint"

    def __init__(self, call):
        f, times = call["func"], np.asarray(call["t"], dtype=float)
        tolerances = {
            name: 1.49012e-8 if call[name] is None else plain_of(call[name]) for name in ("rtol", "atol")
        }
        self._given = {
            "fun": f if call["tfirst"] else lambda t, y, *args: f(y, t, *args),
            "t_span": (times[0], times[-1]), "t_eval": times, "y0": np.ravel(np.asarray(call["y0"])),
            "args": as_args(call["args"]), "method": "LSODA", "options": tolerances, "dense_output": False,
            "events": None,
        }  # fmt: skip

    def __getitem__(self, name):
        return self._given[name]

    get = __getitem__


@solver(_integrate.odeint, "scipy.integrate.odeint")
def odeint(call):
    call.only_plain("rtol", "atol")
    problem, calls = _Problem(_Odeint(call)), []
    slopes, order = watch(call["Dfun"], problem.args), slice(None, None, 1 if call["tfirst"] else -1)

    def f(*args):
        t, y = args[order]
        calls.append((t, y.copy(), problem.integrand(t, y)))
        return calls[-1][2]

    y, more = call.run(func=f, Dfun=slopes, args=(), full_output=True)
    problem.note()
    if not problem.traces:
        return (y, more) if call["full_output"] else y
    if more["message"] != "Integration successful.":
        raise NotDifferentiableError(f"{call.name} has failed, and has no derivative: {more['message']}")
    times = problem.call["t_eval"]
    sol = None if is_traced(times) else through(calls)
    y = attached(
        y, problem.flow(problem.run() if sol is None else OdeResult(sol=sol)).at(times, plain_of(times))
    )
    return (y, more) if call["full_output"] else y


def _further(call):
    """Return the further arguments of the right-hand side."""
    try:
        return () if call["args"] is None else tuple(call["args"])
    except TypeError:
        raise ArgumentError(
            f"args of {call.name} is a tuple of arguments, not {describe(call['args'])}; write args=(c,) for "
            f"one argument c"
        ) from None


class _Problem:
    """One call of solve_ivp."""

    def __init__(self, call):
        self.call, self.options = call, dict(call.get("options") or {})
        self.adjoint = self.options.pop("adjoint", None)
        if self.adjoint is not None and self.adjoint not in ADJOINTS:
            raise ArgumentError(f"adjoint is one of {', '.join(map(repr, ADJOINTS))}, not {self.adjoint!r}")
        for name, x in self.options.items():
            if is_traced(x):
                raise NotDifferentiableError(
                    f"{call.name} has no derivative in {name}, which was given a traced value; give it "
                    f"stop_gradient({name}), from funad, where that derivative is not wanted"
                )
        self.args = args = _further(call)
        self.f = closed(call["fun"], args)
        self.span, self.y0 = tuple(call["t_span"]), call["y0"]
        if isinstance(self.y0, (list, tuple)) and is_traced(self.y0):
            self.y0 = np.array(self.y0)
        self.integrand = Integrand(Field(self.f).at)
        self.events = _events(call["events"], args)
        self.watched = [_watched_event(event) for event in self.events]
        if callable(self.options.get("jac")):
            self.options["jac"] = watch(self.options["jac"], args)
        method = call["method"]
        self.method = METHODS.get(method, method) if isinstance(method, str) else method
        if self.adjoint == "discrete" and self.method not in EXPLICIT:
            raise ArgumentError(
                f"adjoint='discrete' is for RK23, RK45 and DOP853, not for {self.method.__name__}; leave it "
                f"out, or write 'continuous' or 'forward'"
            )
        self.taken = []

    @property
    def traces(self):
        for event in self.watched:
            for trace in event.traces:
                self.integrand.met.setdefault(trace.level, trace)
        return self.integrand.traces

    @property
    def discrete(self):
        return self.method in EXPLICIT and self.adjoint in (None, "discrete")

    def run(self):
        """Run SciPy's solver on plain numbers."""
        method = recording(self.method, self.taken) if self.discrete else self.method
        found = _solve_ivp(
            self.integrand, plain_of(self.span), plain_of(self.y0), method=method,
            t_eval=plain_of(self.call["t_eval"]), dense_output=self.call["dense_output"] or not self.discrete,
            events=self.watched or None, vectorized=False, **self.options,
        )  # fmt: skip
        self.note()
        if (self.traces or self.call["dense_output"]) and not found.success:
            raise NotDifferentiableError(
                f"{self.call.name} has failed, and has no derivative: {found.message}"
            )
        return found

    def note(self):
        """Note what the problem is to be taken to depend on, once the solver has run."""
        self.integrand.note(self.span, self.y0, self.call["t_eval"])
        self.f = fixed(self.f)

    def differentiated(self, found):
        """Return the result of a run with its derivatives."""
        if not onp.size(plain_of(self.y0)):
            return found
        if found.t[0] == found.t[-1] and plain_of(self.span[0]) == plain_of(self.span[1]):
            return self._at_rest(found)
        flow = self.flow(found)
        times = self._event_times(found, flow)
        t = self._times(found, flow, times)
        plain = onp.asarray(found.t, float)
        found.y = attached(found.y, np.transpose(flow.at(t, plain)))
        if is_traced(t):
            found.t = attached(plain, t)
        if self.call["dense_output"]:
            found.sol = TracedSolution(flow, found.sol)
        else:
            found.sol = None
        return found

    def _at_rest(self, found):
        """Return the result of a run that takes no time: the state that it begins with."""
        if is_traced(self.span) or self.call["dense_output"]:
            raise NotDifferentiableError(
                f"{self.call.name} over no time at all has no derivative in its ends, and no dense output"
            )
        y0 = np.reshape(np.asarray(self.y0), (-1, 1))
        found.y = attached(found.y, np.broadcast_to(y0, found.y.shape))
        return found

    def flow(self, found):
        """Return the solution as a function of time, traced."""
        start, end = self.span
        f, integrand, scale = self.f, self.integrand, None
        if is_traced(self.span):
            scale = start, end - start
            f = _of_unit_time(self.f, *scale)
            integrand = Integrand(Field(f).at)
            integrand.met, integrand.tapes = dict(self.integrand.met), list(self.integrand.tapes)
            integrand.sources = {level: dict(known) for level, known in self.integrand.sources.items()}
            integrand(0.0, onp.asarray(plain_of(self.y0), float))
        y0 = self.y0 if is_traced(self.y0) else onp.asarray(self.y0)
        if not self.discrete:
            adjoint = "forward" if self.adjoint == "forward" else "continuous"
            sol = scaled(found.sol, *plain_of(scale)) if scale else found.sol
            return ContinuousFlow(Field(f), y0, sol, integrand, self.method, self.options, adjoint, scale)
        dense = (
            self.call["dense_output"]
            or self.call["t_eval"] is not None
            or any(map(len, found.t_events or ()))
        )
        last = self._last_state(found)
        steps = Steps(self.method, self.taken, last, dense, self.integrand)
        if scale:
            steps = steps.scaled(*plain_of(scale))
        return Flow(Field(f), y0, steps, integrand, scale)

    def _last_state(self, found):
        """Return the state after the last step, from its stages."""
        t, end, y, k = self.taken[-1]
        return y + (end - t) * (self.method.B @ k[: self.method.n_stages])

    # --- events

    def _event_times(self, found, flow):
        """Give the times and states of events their derivatives; return the last time of a terminal one."""
        if not found.t_events:
            return None
        stop = None
        for n, (event, times) in enumerate(zip(self.events, found.t_events, strict=True)):
            if not len(times):
                continue
            moved = np.stack([self._event_time(event, t, flow) for t in times])
            found.t_events[n] = attached(times, moved)
            found.y_events[n] = attached(found.y_events[n], flow.at(moved, times))
            if found.status == 1 and times[-1] == max(
                map(_latest, found.t_events), key=_far_from(plain_of(self.span[0]))
            ):
                stop = moved[-1]
        return stop

    def _event_time(self, event, time, flow):
        """Return the time of an event: where event(t, y(t)) vanishes."""

        def residual(t):
            return np.reshape(event(t, flow.at(np.reshape(t, (1,)), onp.reshape(time, (1,)))[0]), ())

        watched = Watched(residual)
        watched.met, watched.tapes = dict(self.integrand.met), list(self.integrand.tapes)
        return Equation(f"an event of {self.call.name}", residual).derived(float(time), watched.traces)

    def _times(self, found, flow, stop):
        """Return the times of the output, traced if the span, the times asked for or an event are."""
        wanted = self.call["t_eval"]
        if wanted is not None:
            wanted = np.array(wanted) if isinstance(wanted, (list, tuple)) else wanted
            return wanted[: len(found.t)]
        t = onp.asarray(found.t, float)
        if flow.scale:
            a, length = plain_of(flow.scale)
            t = flow.scale[0] + (t - a) / length * flow.scale[1]
        if stop is not None:
            t = np.concatenate([t[:-1], np.reshape(stop, (1,))])
        return t


def _latest(times):
    times = plain_of(times)
    return times[-1] if len(times) else onp.nan


def _far_from(start):
    return lambda t: -onp.inf if onp.isnan(t) else abs(t - start)


def _of_unit_time(f, start, length):
    """Return the right-hand side for the time s = (t − start) / length."""
    return lambda s, y: length * f(start + s * length, y)


def _events(events, args):
    events = () if events is None else (events,) if callable(events) else tuple(events)
    return [_event(event, args) for event in events]


def _event(event, args):
    made = (lambda t, y: event(t, y, *args)) if args else lambda t, y: event(t, y)
    for name in ("terminal", "direction"):
        if hasattr(event, name):
            setattr(made, name, getattr(event, name))
    return made


def _watched_event(event):
    watched = Watched(event)
    for name in ("terminal", "direction"):
        if hasattr(event, name):
            setattr(watched, name, getattr(event, name))
    return watched
