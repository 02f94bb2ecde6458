"""serve: for a while, SciPy's own functions take traced values."""

import contextlib
import functools
import importlib
import sys
import threading
import types

from scipy import fft, special

from ..cpython import frame_at
from ..trace import TRACING
from . import MODULES, SUBMODULES
from .calls import meets_traced

__all__ = ["serve"]

# The types of further functions: what hands a call to a backend, and ufuncs of several orders at once.
CALLED = (type(fft.fft), type(getattr(special, "legendre_p", fft.fft)))

_lock = threading.Lock()
_served = []  # how to take back what is changed, while somebody is served


@contextlib.contextmanager
def serve():
    """Make plain calls of SciPy work on traced values, inside of the ``with`` block.

    For programs that cannot be changed to write ``funad.scipy.stats.norm.logpdf`` where they have
    ``scipy.stats.norm.logpdf``. While it lasts, the functions of the modules that funad.scipy has, the
    methods of distributions, and classes that take traced values look at what they are given: plain
    values go to SciPy, traced ones, and functions given while something is traced, to funad.scipy. It
    changes SciPy for the whole process, and modules that have imported a function by its name; at the
    end of the block all is as it was. Use it in programs, not in libraries.

    Yields
    ------
    None

    Examples
    --------
    >>> import scipy.stats
    >>> import funad
    >>> import funad.scipy
    >>> with funad.scipy.serve():
    ...     float(funad.grad(lambda x: scipy.stats.norm.logpdf(x, scale=2.0))(3.0))
    -0.75
    """
    token = object()
    with _lock:
        if not _served:
            _served.append(_install())
        _served.append(token)
    try:
        yield
    finally:
        with _lock:
            _served.remove(token)
            if len(_served) == 1:
                _served.pop().close()


def _install():
    """Put dispatchers into SciPy; return the stack that takes them out again."""
    stack = contextlib.ExitStack()
    functions = {}
    for name in [*MODULES, *SUBMODULES]:
        theirs, ours = (importlib.import_module(f"{top}.{name}") for top in ("scipy", "funad.scipy"))
        for public in ours.__all__:
            f, g = getattr(theirs, public), getattr(ours, public)
            if f is g:
                continue
            if isinstance(f, (types.FunctionType, *CALLED)):
                functions[id(f)] = f, _dispatcher(f, g)
            elif isinstance(f, type) and issubclass(f, Exception):
                continue
            elif isinstance(f, type) and _can_change(f, g):
                _serve_class(stack, f, g)
            elif isinstance(f, type):
                functions[id(f)] = f, _ServedClass(f, g)
            elif hasattr(g, "_theirs"):
                _serve_distribution(stack, f, g)
    for module in list(sys.modules.values()):
        _serve_module(stack, module, functions)
    return stack


def _serve_module(stack, module, functions):
    """Replace functions in a public module of SciPy's, and in one that has imported them from there."""
    name, names = getattr(module, "__name__", ""), getattr(module, "__dict__", {})
    top, _, below = name.partition(".")
    if top in ("funad", "numpy") or (top == "scipy" and below not in [*MODULES, *SUBMODULES]):
        return
    for key, value in list(names.items()):
        known = functions.get(id(value))
        if known is not None and known[0] is value:
            stack.callback(names.__setitem__, key, value)
            names[key] = known[1]


def _dispatcher(f, g):
    """Return a function that calls f on plain values, and g on traced ones."""

    @functools.wraps(f)
    def dispatch(*args, **kwargs):
        served = meets_traced(args, kwargs) and not _is_of_funad(frame_at(1))
        return g(*args, **kwargs) if served else f(*args, **kwargs)

    return dispatch


def _set(stack, owner, name, value):
    """Set an attribute, to be set back, or deleted, at the end."""
    before = vars(owner).get(name, stack)
    setattr(owner, name, value)
    if before is stack:
        stack.callback(delattr, owner, name)
    else:
        stack.callback(setattr, owner, name, before)


def _serve_class(stack, kind, ours):
    """Have an object that is made of traced values become one of the class's counterpart."""
    interpolates = kind.__module__.startswith("scipy.interpolate")  # of plain numbers, asked at traced points
    begin = kind.__init__

    @functools.wraps(begin)
    def __init__(self, *args, **kwargs):
        served = meets_traced(args, kwargs) or (interpolates and TRACING.active)
        if type(self) is kind and served and not _is_of_funad(frame_at(1)):
            self.__class__ = ours
            ours.__init__(self, *args, **kwargs)
        else:
            begin(self, *args, **kwargs)

    _set(stack, kind, "__init__", __init__)
    for name, x in list(vars(kind).items()):
        if isinstance(x, (classmethod, staticmethod)) and not name.startswith("_") and hasattr(ours, name):
            _set(stack, kind, name, _alternative(kind, x, getattr(ours, name)))


def _alternative(kind, theirs, ours):
    """Return a class method that makes objects, of funad's class where traced values are given."""

    def make(cls, *args, **kwargs):
        if cls is kind and meets_traced(args, kwargs):
            return ours(*args, **kwargs)
        return theirs.__get__(None, cls)(*args, **kwargs)

    return classmethod(functools.wraps(theirs.__func__)(make))


def _is_of_funad(frame):
    """Say whether it is funad that calls SciPy: it means SciPy's own, and would be called again."""
    return frame.f_globals.get("__name__", "").startswith("funad.scipy.")


def _can_change(kind, ours):
    """Say whether objects of a class can become those of its counterpart once their arguments are known."""
    slots = any("__slots__" in vars(base) for base in kind.__mro__[:-1])
    return kind.__new__ is object.__new__ is ours.__new__ and not slots


class _ServedClass:
    """Stands for a class whose objects cannot become those of another: compiled ones, and some others."""

    def __init__(self, theirs, ours):
        self._theirs, self._ours = theirs, ours
        functools.update_wrapper(self, theirs, updated=())

    def __call__(self, *args, **kwargs):
        served = meets_traced(args, kwargs) and not _is_of_funad(frame_at(1))
        return (self._ours if served else self._theirs)(*args, **kwargs)

    def __getattr__(self, name):
        f, g = getattr(self._theirs, name), getattr(self._ours, name, None)
        return _dispatcher(f, g) if callable(f) and callable(g) and not isinstance(f, type) else f

    def __instancecheck__(self, x):
        return isinstance(x, (self._theirs, self._ours))

    def __subclasscheck__(self, kind):
        return issubclass(kind, (self._theirs, self._ours))

    def __mro_entries__(self, bases):
        return (self._theirs,)


def _serve_distribution(stack, theirs, ours):
    """Have the methods of a distribution look at what they are given; frozen ones are funad's meanwhile."""
    for name in dir(type(theirs)):
        if not name.startswith("_") and callable(getattr(theirs, name)):
            _set(stack, theirs, name, _dispatcher(getattr(theirs, name), _method(ours, name)))
    kind = type(theirs)
    if not hasattr(kind.__call__, "counterparts"):
        _set(stack, kind, "__call__", _freezing(kind.__call__))
    kind.__call__.counterparts[id(theirs)] = ours


def _method(ours, name):
    """Return a method of funad's distribution, looked up when it is called."""
    return lambda *args, **kwargs: getattr(ours, name)(*args, **kwargs)


def _freezing(call):
    """Return how a distribution is called: one that funad has a counterpart of gives frozen ones of that."""

    @functools.wraps(call)
    def freeze(self, *args, **kwargs):
        ours = freeze.counterparts.get(id(self))
        return call(self, *args, **kwargs) if ours is None else ours(*args, **kwargs)

    freeze.counterparts = {}
    return freeze
