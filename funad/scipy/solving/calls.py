"""Calls of functions that take functions: SciPy's own run on plain numbers, in a form that is easy to see.

A solver of SciPy's is run with plain numbers, and with functions that return such (``Watched``). What they
close over, and what ``args`` holds, may be traced all the same.
"""

import copy
import functools
import inspect
import types

import numpy as onp
from scipy import optimize as _optimize

from ... import tree
from ...boxes import Traced
from ...errors import NotDifferentiableError
from ...primitives import implements
from ...trace import TRACING, Trace
from ...traces.forward import dual
from ...transforms.closures import Watched, plain_of

__all__ = [
    "Call", "as_args", "closed", "guarded", "is_traced", "plain_limits", "refused", "refused_parts", "solver",
    "watch",
]  # fmt: skip


def solver(f, name, plain=None):
    """Make the decorated function what SciPy's function f is where something may be traced.

    It takes a ``Call``. Otherwise the result is f. ``name`` is how messages call it; ``plain`` is what it is
    on plain values, if it takes more keywords than f.
    """
    if f is None:  # SciPy does not have it yet
        return lambda g: None
    signature = inspect.signature(f)
    plain = f if plain is None else plain

    def decorate(g):
        def wrapped(*args, **kwargs):
            if not TRACING.active and not is_traced((args, kwargs)):
                if "workers" in kwargs:  # its functions go to other processes
                    return plain(*args, **kwargs)
                try:
                    return plain(*map(guarded, args), **{k: guarded(x) for k, x in kwargs.items()})
                except _MetTraced:
                    pass
            try:
                bound = signature.bind(*args, **kwargs)
            except TypeError:
                return f(*args, **kwargs)  # which says what is missing
            call = Call(f, name, bound)
            found = g(call)
            call.only_plain(*call.unread)
            return found

        return implements(f, "composite", name)(wrapped)

    return decorate


class _MetTraced(Exception):
    """A function has returned a traced value outside of every trace: a dual number that was made by hand."""


def guarded(f):
    """Return a function that raises if it returns a traced value: compiled code may take it for a number."""
    if type(f) not in (types.FunctionType, types.MethodType):
        return f

    def run(*args, **kwargs):
        y = f(*args, **kwargs)
        if type(y) not in _PLAIN and is_traced(y):
            raise _MetTraced
        return y

    run.__wrapped__, run.__name__ = f, f.__name__
    run.__dict__.update(f.__dict__)  # of an event, whether it ends the run
    return run


_PLAIN = frozenset({float, onp.float64, onp.ndarray, int})
# The types of arguments in which no traced value can be seen.
_OPAQUE = _PLAIN | {str, bool, type(None), types.FunctionType, types.MethodType}


def is_traced(x):
    """Say whether there are traced values in a container."""
    if type(x) in _OPAQUE:
        return False
    if type(x) in (tuple, list):
        return any(map(is_traced, x))
    if type(x) is dict:
        return any(map(is_traced, x.values()))
    return isinstance(x, Traced) or (not tree.is_leaf(x) and is_traced(tree.flatten(x)[0]))


# Where a solver starts looking for its solution, which does not depend on it. A function that reads one of
# these names, as ``quad`` its limits a and b, takes derivatives in it.
_STARTS = frozenset(
    {"a", "b", "brack", "bracket", "initial_simplex", "p", "p0", "ranges", "x0", "x1", "xin", "y"}
)


class Call:
    """One call of a function of SciPy's.

    Attributes
    ----------
    f, name : callable, str
        The function, and what messages call it.
    """

    def __init__(self, f, name, bound):
        self.f, self.name, self._given = f, name, bound
        self._all = inspect.BoundArguments(bound.signature, dict(bound.arguments))
        self._all.apply_defaults()
        self._read = set()

    def __getitem__(self, parameter):
        """Return an argument as it was given, or its default."""
        self._read.add(parameter)
        return self._all.arguments[parameter]

    def get(self, parameter, default=None):
        return self[parameter] if parameter in self._all.arguments else default

    @property
    def unread(self):
        """The parameters that were given and not read: tolerances and steps, in which nothing is derived."""
        return [name for name in self._given.arguments if name not in self._read | _STARTS]

    @property
    def parameters(self):
        """The names of the parameters, in order."""
        return list(self._all.arguments)

    def run(self, **replaced):
        """Run SciPy's function with these arguments in the place of others, and the others plain."""
        changed = {name: x for name, x in replaced.items() if x is not self._all.arguments[name]}
        given = {name: _plain(x) for name, x in self._given.arguments.items() if name not in changed}
        bound = inspect.BoundArguments(self._given.signature, given | changed)
        return self.f(*bound.args, **bound.kwargs)

    def run_watched(self, function, *derivatives, several=False, **replaced):
        """Run SciPy's solver of the function of that name, with ``args`` fixed, which may be traced.

        Returns the function of the unknowns alone, the same as SciPy has called it (``Watched``), and what
        SciPy has found. ``derivatives`` are the names of further functions that take ``args``; ``several``
        says that the function returns its derivatives, too.
        """
        args = as_args(self.get("args", ()))
        given = {name: watch(self[name], args) for name in (function, *derivatives)}
        given |= {"args": ()} if "args" in self.parameters else {}
        found = self.run(**given | replaced)
        return closed(self[function], args, 0 if several else None), given[function], found

    def only_plain(self, *parameters):
        """Refuse traced values as these arguments."""
        for parameter in parameters:
            if is_traced(self._all.arguments.get(parameter)):
                raise NotDifferentiableError(
                    f"{self.name} has no derivative in {parameter}, which was given a traced value; give it "
                    f"stop_gradient({parameter}), from funad, where that derivative is not wanted"
                )


_LIMITS = (_optimize.Bounds, _optimize.LinearConstraint)


def _plain(x):
    if isinstance(x, _LIMITS):
        return plain_limits(x)
    if type(x) in (tuple, list, dict):
        return tree.map(plain_of, x) if is_traced(x) else x
    return plain_of(x) if is_traced(x) else x


def plain_limits(limits):
    """Return SciPy's Bounds or LinearConstraint with plain values."""
    limits = copy.copy(limits)
    vars(limits).update({name: plain_of(x) for name, x in vars(limits).items() if is_traced(x)})
    return limits


def as_args(args):
    """Return ``args`` as a tuple, as SciPy does."""
    return args if isinstance(args, tuple) else (args,)


def closed(f, args, part=None):
    """Return f with its further arguments fixed; ``part`` says which part of its result is meant."""
    if part is None:
        return (lambda *xs: f(*xs, *args)) if args else f
    return lambda *xs: f(*xs, *args)[part]


def watch(f, args):
    """Return f as SciPy may call it, with its further arguments fixed; what is no function as it is."""
    return Watched(closed(f, args)) if callable(f) else f


class _Refusing(Trace):
    """The trace of a value whose derivative is not known: every step from there on is refused."""

    level = float("inf")

    def __init__(self, text):
        self.text = text

    def process(self, *_):
        raise NotDifferentiableError(self.text)


def refused(value, name, instead):
    """Return a number or an array that can be looked at (value(x), from funad), but not computed with."""
    if not isinstance(value, (float, onp.inexact, onp.ndarray)) or onp.asarray(value).dtype.kind not in "fc":
        return value
    text = (
        f"{name} has no derivative: it is {instead}; to look at it, call that function with plain values, "
        f"value(x) from funad"
    )
    return dual(_Refusing(text), value, value)


def refused_parts(result, known, name, instead="what SciPy's solver has left of its work"):
    """Put values that refuse to be computed with in the place of all parts of a result but the known ones."""
    for key, x in result.items():
        if key not in known:
            refuse = functools.partial(refused, name=f"{key} of the result of {name}", instead=instead)
            result[key] = tree.map(refuse, x) if type(x) in (tuple, list, dict) else refuse(x)
    return result
