"""Minima: ∇f(x) = 0 gives their derivatives, and at bounds and constraints the equations of those."""

import numpy as onp
from scipy import optimize as _optimize

from ...transforms.closures import attached
from .active_sets import bounds_of, constraints_of, minimum, refuse_integers, watched_constraints
from .calls import as_args, refused, refused_parts, solver

__all__ = [
    "basinhopping", "brent", "brute", "differential_evolution", "direct", "dual_annealing", "fmin",
    "fmin_bfgs", "fmin_cg", "fmin_cobyla", "fmin_l_bfgs_b", "fmin_ncg", "fmin_powell", "fmin_slsqp",
    "fmin_tnc", "fminbound", "golden", "minimize", "minimize_scalar", "shgo",
]  # fmt: skip


@solver(_optimize.minimize, "scipy.optimize.minimize")
def minimize(call):
    several = call["jac"] is True or call["jac"] == 1
    constraints = constraints_of(call["constraints"]) if len_of(call["constraints"]) else []
    given = {}
    if constraints:
        given["constraints"] = watched_constraints(call["constraints"], constraints)
    if isinstance(call["hess"], _optimize.HessianUpdateStrategy):
        given["hess"] = call["hess"]
    f, watched, found = call.run_watched("fun", "jac", "hess", "hessp", several=several, **given)
    return _with_minimum(call, f, watched, found, constraints)


def len_of(constraints):
    """Return how many constraints there are: one that stands alone counts, too."""
    return 1 if isinstance(constraints, dict) or hasattr(constraints, "lb") else len(constraints)


def _traces(watched, bounds, constraints):
    """Return the traces of a function, of bounds and of constraints."""
    watched.note(*(bound for bound in bounds if bound is not None))
    for c in constraints:
        for trace in c.watched.traces:
            watched.met.setdefault(trace.level, trace)
    return watched.traces


def _with_minimum(call, f, watched, found, constraints=(), known=("x", "fun")):
    """Return a result of SciPy's whose x and fun have their derivatives."""
    x = onp.asarray(found.x)
    bounds = bounds_of(call.get("bounds"), x.size)
    traces = _traces(watched, bounds, constraints)
    if not traces:
        return found
    refuse_integers(call)
    found = refused_parts(found, known, call.name)
    found.x, at = minimum(call.name, f, x, traces, bounds, constraints)
    found.fun = attached(found.fun, _as(f(at), found.fun))
    return found


def _as(value, like):
    """Return the value of f as a number, also if f returns an array with one number in it."""
    return value if onp.ndim(like) == len(getattr(value, "shape", ())) else value.reshape(onp.shape(like))


def _of_number(call, f, watched, x, ends=None):
    """Return x, a number where f is least, and f there, with their derivatives."""
    bounds = (None, None) if ends is None else bounds_of([ends], 1)
    traces = _traces(watched, bounds, ())
    if not traces:
        return x, None
    found, at = minimum(call.name, lambda v: f(v[0]), onp.reshape(x, (1,)), traces, bounds)
    return attached(x, found[0]), f(at[0])


@solver(_optimize.minimize_scalar, "scipy.optimize.minimize_scalar")
def minimize_scalar(call):
    f, watched, found = call.run_watched("fun")
    x, value = _of_number(call, f, watched, found.x, call["bounds"])
    if watched.traces:
        found = refused_parts(found, ("x", "fun"), call.name)
        found.x, found.fun = x, attached(found.fun, value)
    return found


@solver(_optimize.fminbound, "scipy.optimize.fminbound")
def fminbound(call):
    f, watched, found = call.run_watched("func")
    x, fun, *rest = found if call["full_output"] else (found, None)
    at, value = _of_number(call, f, watched, x, (call["x1"], call["x2"]))
    if not watched.traces:
        return found
    return (at, attached(fun, value), *rest) if call["full_output"] else at


def _of_one_number(f, name):
    @solver(f, f"scipy.optimize.{name}")
    def traced(call):
        f, watched, found = call.run_watched("func")
        x, fun, *rest = found if call["full_output"] else (found, None)
        at, value = _of_number(call, f, watched, x)
        if not watched.traces:
            return found
        return (at, attached(fun, value), *rest) if call["full_output"] else at

    return traced


brent = _of_one_number(_optimize.brent, "brent")
golden = _of_one_number(_optimize.golden, "golden")


def _older(f, name, function="func", derivatives=(), full=None):
    """Return one of the older minimizers, which return x alone, or a tuple that starts with x and f(x)."""

    @solver(f, f"scipy.optimize.{name}")
    def traced(call):
        f, watched, found = call.run_watched(function, *derivatives)
        alone = not (call.get("full_output") if full is None else full)
        alone = alone and not call.get("retall")
        x, *rest = (found,) if alone else found
        bounds = bounds_of(call.get("bounds"), onp.size(x))
        traces = _traces(watched, bounds, ())
        if not traces:
            return found
        at, found = minimum(call.name, f, onp.asarray(x), traces, bounds)
        if alone:
            return at
        first, others = (attached(rest[0], _as(f(found), rest[0])),), rest[1:]
        if call.get("retall") and not call.get("full_output"):
            first, others = (), rest
        return (at, *first, *(_refused(part, call.name) for part in others))

    return traced


def _refused(part, name):
    return refused(part, f"a part of the result of {name}", "what SciPy's solver has left of its work")


fmin = _older(_optimize.fmin, "fmin")
fmin_powell = _older(_optimize.fmin_powell, "fmin_powell")
fmin_bfgs = _older(_optimize.fmin_bfgs, "fmin_bfgs", "f", ("fprime",))
fmin_cg = _older(_optimize.fmin_cg, "fmin_cg", "f", ("fprime",))
fmin_ncg = _older(_optimize.fmin_ncg, "fmin_ncg", "f", ("fprime", "fhess_p", "fhess"))


def _of_value_and_gradient(f, name, has_value):
    """Return an older minimizer whose function returns its gradient, too, unless that is given."""

    @solver(f, f"scipy.optimize.{name}")
    def traced(call):
        several = call["fprime"] is None and not call["approx_grad"]
        f, watched, found = call.run_watched("func", "fprime", several=several)
        x, *rest = found
        bounds = bounds_of(call["bounds"], onp.size(x))
        traces = _traces(watched, bounds, ())
        if not traces:
            return found
        at, found = minimum(call.name, f, onp.asarray(x), traces, bounds)
        if has_value:
            more = {k: _refused(part, call.name) for k, part in rest[1].items()}
            rest = [attached(rest[0], _as(f(found), rest[0])), more]
        return (at, *rest)

    return traced


fmin_l_bfgs_b = _of_value_and_gradient(_optimize.fmin_l_bfgs_b, "fmin_l_bfgs_b", True)
fmin_tnc = _of_value_and_gradient(_optimize.fmin_tnc, "fmin_tnc", False)


@solver(_optimize.fmin_cobyla, "scipy.optimize.fmin_cobyla")
def fmin_cobyla(call):
    args = as_args(call["args"])
    cons = [call["cons"]] if callable(call["cons"]) else list(call["cons"])
    of_cons = as_args(args if call["consargs"] is None else call["consargs"])
    constraints = constraints_of([{"type": "ineq", "fun": c, "args": of_cons} for c in cons])
    given = {"cons": [c.watched for c in constraints], "consargs": ()}
    f, watched, x = call.run_watched("func", **given)
    traces = _traces(watched, (), constraints)
    return minimum(call.name, f, x, traces, (None, None), constraints)[0]


@solver(_optimize.fmin_slsqp, "scipy.optimize.fmin_slsqp")
def fmin_slsqp(call):
    args = as_args(call["args"])
    groups, given = [], {}
    for kind, parameter in (("eq", "eqcons"), ("ineq", "ieqcons")):
        alone, together = call[parameter], call[f"f_{parameter}"]
        parts = constraints_of([{"type": kind, "fun": c, "args": args} for c in alone])
        given[parameter] = [c.watched for c in parts]
        if callable(together):
            parts = constraints_of([{"type": kind, "fun": together, "args": args}])
            given[f"f_{parameter}"] = parts[0].watched
        groups += parts
    derivatives = ("fprime", "fprime_eqcons", "fprime_ieqcons")
    f, watched, found = call.run_watched("func", *derivatives, **given)
    x, *rest = found if call["full_output"] else (found,)
    bounds = bounds_of(call["bounds"], onp.size(x))
    traces = _traces(watched, bounds, groups)
    if not traces:
        return found
    at, found = minimum(call.name, f, onp.asarray(x), traces, bounds, groups)
    return (at, attached(rest[0], _as(f(found), rest[0])), *rest[1:]) if call["full_output"] else at


def _global(f, name):
    """Return a solver that looks for the least of all minima: where it is, it is a minimum as any other."""

    @solver(f, f"scipy.optimize.{name}")
    def traced(call):
        constraints = constraints_of(call.get("constraints") or ())
        given = {}
        if constraints:
            given["constraints"] = watched_constraints(call["constraints"], constraints)
        f, watched, found = call.run_watched("func", **given)
        return _with_minimum(call, f, watched, found, constraints)

    return traced


basinhopping = _global(_optimize.basinhopping, "basinhopping")
differential_evolution = _global(_optimize.differential_evolution, "differential_evolution")
direct = _global(_optimize.direct, "direct")
dual_annealing = _global(_optimize.dual_annealing, "dual_annealing")
shgo = _global(_optimize.shgo, "shgo")


@solver(_optimize.brute, "scipy.optimize.brute")
def brute(call):
    f, watched, found = call.run_watched("func")
    x, *rest = found if call["full_output"] else (found,)
    if not watched.traces:
        return found
    at, found = minimum(call.name, f, onp.asarray(x), watched.traces)
    if not call["full_output"]:
        return at
    others = (_refused(part, call.name) for part in rest[1:])
    return (at, attached(rest[0], _as(f(found), rest[0])), *others)
