"""Hosting: SciPy's own Python code, run with ``funad.numpy`` in NumPy's place.

``host("scipy.stats._stats_py")`` returns a second copy of a module of SciPy's. The copy is made of the code
object that Python has compiled of SciPy's own file, executed once more in a module whose ``import`` leads

- ``numpy`` to ``funad.numpy``, ``numpy.linalg`` to ``funad.numpy.linalg``, and so on, also ``math``;
- ``scipy.special`` and the other modules that ``funad.scipy`` has to those;
- the modules of SciPy's that compute in Python (``HOSTED``) to their hosted copies;
- all others, compiled ones above all, to views of SciPy's own, whose functions are given plain arrays.

What runs is SciPy's code, so values are SciPy's; what it calls are primitives, so it has derivatives.

What hosting never does:

- It copies and rewrites no source, and changes no module of SciPy's: the copies are no ``sys.modules``.
- It hosts nothing that registers itself elsewhere (``scipy.fft``, ``uarray``, the machinery of
  documentation): a copy of that would answer the calls of SciPy itself.
- It takes no shortcut of SciPy's for the whole: ``where(a == 0, limit, formula)`` has the right value and
  no derivative in a. Where hosted code finds a traced value *equal* to another, the call is refused (see
  ``refuse_shortcut``), but for the lines of ``HARMLESS``.
- It makes no exceptions, warnings and results of its own: those classes are SciPy's.
- It runs inside of no trace, and in one thread at a time, while a module is being executed.
"""

import builtins
import contextlib
import functools
import importlib
import importlib.util
import linecache
import math
import sys
import threading
import types
from importlib.machinery import SourceFileLoader

import numpy as onp

from .. import numpy as np
from .. import tree
from ..boxes import GUARD, Traced, innermost, short
from ..cpython import above, names_in, steps
from ..errors import FunadError, MissingRuleError, NotDifferentiableError
from ..messages import not_dispatched
from ..places import in_library
from ..registry import primitive_of
from ..trace import TRACING
from ..values import constant
from ..writing import Array, content_of
from . import MODULES

__all__ = ["HARMLESS", "HOSTED", "INSTEAD", "call", "host", "substitute", "untraced"]

# The modules that are hosted, with all that are below them and are written in Python.
HOSTED = (
    "scipy._external._array_api_compat_vendor",  # here since SciPy 1.18, below scipy._lib before
    "scipy._external.array_api_extra",
    "scipy._lib._array_api",
    "scipy._lib._array_api_compat_vendor",
    "scipy._lib._array_api_override",
    "scipy._lib._elementwise_iterative_method",
    "scipy._lib._util",
    "scipy._lib.array_api_extra",
    "scipy.interpolate",
    "scipy.ndimage",
    "scipy.signal",
    "scipy.spatial",
    "scipy.stats",
)
# Those below them that are not: they compute nothing, draw numbers, or are SciPy's as they stand.
_AS_THEY_ARE = (
    "scipy.stats._distr_params",
    "scipy.stats._mstats_basic",
    "scipy.stats._mstats_extras",
    "scipy.stats._sobol",
    "scipy.stats._unuran",
    "scipy.stats.mstats",
    "scipy.stats.mstats_basic",
    "scipy.stats.mstats_extras",
    "scipy.stats.sampling",
    "scipy.stats._sampling",
)
# Modules of NumPy's that another one stands in the place of; of SciPy's, all that funad.scipy has.
INSTEAD = {
    "numpy": "funad.numpy",
    "numpy.fft": "funad.numpy.fft",
    "numpy.linalg": "funad.numpy.linalg",
    "numpy.polynomial": "funad.numpy.polynomial",
    "numpy.polynomial.polynomial": "funad.numpy.polynomial.polynomial",
    "numpy.random": "funad.numpy.random",
    "scipy._lib.array_api_compat.numpy": "funad.numpy",
    "scipy._external.array_api_compat.numpy": "funad.numpy",
}
_OURS = {f"scipy.{name}": f"funad.scipy.{name}" for name in MODULES if f"scipy.{name}" not in HOSTED}
# Where hosted code may find a traced value equal to another, and goes no other way that would lose a
# derivative: the starts of those lines of SciPy's, by the file.
HARMLESS = {
    # Where slopes change their sign, pchip has the slope 0: a kink, with the derivative of one side.
    "scipy.interpolate._bary_rational": ("mm = s == np.min(s)",),  # the smallest singular value
    "scipy.interpolate._bsplines": (
        "if t[interval] == t[interval + k + 1]:",
        "if xval == t[k]:",
    ),  # which span
    "scipy.interpolate._cubic": (
        "mask = xp.sign(d) != xp.sign(m0)",
        "mask2 = (xp.sign(m0) != xp.sign(m1)) & (xp.abs(d) > 3.*xp.abs(m0))",
    ),
    # Repeated points, which are refused where they are traced.
    "scipy.interpolate._polyint": ("while s <= k and xi[k-s] == xi[k]:", "if xi[i] == xi[k]:"),
    "scipy.signal._filter_design": ("if not xp.all(sos[:, 3] == 1):",),  # no others are taken
    "scipy.signal._fir_filter_design": ("elif right == 1:", "if left == 0:"),  # ends of bands, not given
    # Roots in pairs, which stay pairs: the coefficients are real, as those of np.poly.
    "scipy.signal._polyutils": ("if xp.all(xp.sort(xp.imag(roots)) == xp.sort(xp.imag(xp.conj(roots)))):",),
    # At times of the first rotation, which span; at half a turn, which of two quaternions.
    "scipy.spatial.transform._rigid_transform_xp": (
        "matrix[..., 3, :] == xp.asarray([0, 0, 0, 1.0],",
    ),  # no others
    "scipy.spatial.transform._rotation": ("ind = xpx.at(ind, compute_times == self.times[0]).set(0)",),
    "scipy.spatial.transform._rotation_xp": (
        "zero_w = quat[..., 3] == 0",
        "zero_wx = zero_w & (quat[..., 0] == 0)",
        "zero_wxy = zero_wx & (quat[..., 1] == 0)",
    ),
    "scipy.stats._continuous_distns": (
        "allint = np.all(np.floor(a) == a)",  # of erlang: whether to warn
        "out[(x == 0) | np.isinf(x)] = -np.inf",  # dpareto_lognorm at the end of its support
        "out[x == 0] = -np.inf",
        "~((cx == 1) | (cx == -np.inf)),",  # genextreme, at and beyond the end of its support
    ),
    # Whether a sample is constant: then what comes is nan.
    "scipy.stats._morestats": ("if np.all(x == x[0]):",),
    "scipy.stats._stats_py": (
        "all_const = ",
        "all_same_const = ",
        "const_x = xp.all(x == x[..., 0:1], axis=-1)",
        "const_y = xp.all(y == y[..., 0:1], axis=-1)",
        "is_const = ",
        "return (y[0] == y).all(keepdims=True)",
        "y[..., :-1] != y[..., 1:]], axis=-1)",  # ranks, which are constant
    ),
}

# The same in some versions only, which say it in other words.
HARMLESS_ELSEWHERE = {
    "scipy.interpolate._cubic": (
        "mask = np.sign(d) != np.sign(m0)",
        "mask2 = (np.sign(m0) != np.sign(m1)) & (np.abs(d) > 3.*np.abs(m0))",
    ),
    "scipy.signal._filter_design": ("if not (sos[:, 3] == 1).all():",),
    "scipy.signal._signaltools": ("if a[0] != 1.0:", "if a[0] != 1:"),  # all has been divided by a[0]
    "scipy.stats._morestats": (  # whether probabilities are some
        "and xp.all(ps == xp.clip(ps, 0., 1.))",
        "and np.all(ps == np.clip(ps, 0, 1))",
        "if not xp.all(ps == xp.clip(ps, 0., 1.)):",
    ),
    "scipy.stats._stats_py": (
        "if np.any([(sample == sample[0]).all() for sample in samples]):",
        "[(_first(sample, axis) == sample).all(axis=axis,",
        "isconst = (a == a0).all(axis=axis, keepdims=True)",
        "if (a[:, 0][0] == a[:, 0]).all() or (a[:, 1][0] == a[:, 1]).all():",
        "if (a[0, :][0] == a[0, :]).all() or (a[1, :][0] == a[1, :]).all():",
        "constant_columns = ",
        "constant_rows = ",
    ),
}

_modules = {}
_lock = threading.RLock()


def host(name):
    """Return what hosted code finds under the name of a module of NumPy's or SciPy's."""
    if name in INSTEAD:
        return importlib.import_module(INSTEAD[name])
    if name.partition(".")[0] != "scipy":
        return importlib.import_module(name)
    found = _modules.get(name)
    if found is not None and not getattr(found, "__loading__", False):
        return found
    with _lock:
        return _modules[name] if name in _modules else _load(name)


def _load(name):
    """Make the hosted copy of a module, or the view of one that is not hosted."""
    theirs = importlib.import_module(name)
    _load_ours(name)
    parent, _, last = name.rpartition(".")
    if parent:
        parent = host(parent)
    if name in _modules:  # its package has loaded it
        return _modules[name]
    module = _modules[name] = types.ModuleType(name, theirs.__doc__)
    if parent:
        setattr(parent, last, module)
    try:
        _execute(module, theirs) if _is_hosted(theirs) else _view(module, theirs)
    except BaseException:
        del _modules[name]
        raise
    return module


def _load_ours(name):
    """Load the module of funad.scipy that says what is substituted in a hosted one: another may ask first."""
    package = ".".join(name.split(".")[1:2])
    if package in MODULES:
        importlib.import_module(f"funad.scipy.{package}")


def _is_hosted(theirs):
    name = theirs.__name__
    below = any(name == top or name.startswith(f"{top}.") for top in HOSTED)
    return below and not name.startswith(_AS_THEY_ARE) and theirs.__spec__.origin.endswith(".py")


def _execute(module, theirs):
    """Run the code of SciPy's module in a module of its own, outside of any trace."""
    spec = theirs.__spec__
    module.__dict__.update(
        __builtins__=_BUILTINS, __file__=spec.origin, __package__=theirs.__package__, __spec__=spec,
        __loading__=True, **{GUARD: refuse_shortcut},
    )  # fmt: skip
    if spec.submodule_search_locations is not None:
        module.__path__ = []  # nothing but host finds what is below
    code = SourceFileLoader(spec.name, spec.origin).get_code(spec.name)  # the .pyc, if there is one
    with untraced():
        exec(code, module.__dict__)
        _share(module, theirs)
        SUBSTITUTES.get(module.__name__, _nothing)(module)
    module.__loading__ = False


@contextlib.contextmanager
def untraced():
    """Run code as outside of any trace: the arrays that it makes are NumPy's."""
    before = TRACING.active, TRACING.tape
    TRACING.active, TRACING.tape = False, None
    try:
        yield
    finally:
        TRACING.active, TRACING.tape = before


def _nothing(module):
    """Substitute nothing."""


def _view(module, theirs):
    """Fill a module with what SciPy's has; compiled functions are given arrays that nothing is written to."""
    compiled = not str(theirs.__spec__.origin).endswith(".py")
    for name, value in vars(theirs).items():
        if isinstance(value, types.ModuleType) and value.__name__.startswith("scipy"):
            continue  # those that are hosted are loaded when they are asked for
        if compiled and callable(value) and not isinstance(value, (type, onp.ufunc)):
            value = _on_contents(value)
        module.__dict__.setdefault(name, value)
    if theirs.__name__ in _OURS:
        ours = importlib.import_module(_OURS[theirs.__name__])
        module.__dict__.update({name: getattr(ours, name) for name in ours.__all__})
    module.__getattr__ = functools.partial(_attribute, module, theirs)
    SUBSTITUTES.get(module.__name__, _nothing)(module)


def _attribute(module, theirs, name):
    found = getattr(theirs, name)
    if isinstance(found, types.ModuleType) and found.__name__ == f"{theirs.__name__}.{name}":
        return host(found.__name__)
    return found


def _on_contents(f):
    """Return a compiled function that takes the contents of arrays that can be written to."""

    def wrapped(*args, **kwargs):
        return f(*map(_content, args), **{name: _content(x) for name, x in kwargs.items()})

    return functools.update_wrapper(wrapped, f, [n for n in functools.WRAPPER_ASSIGNMENTS if hasattr(f, n)])


def _content(x):
    return content_of(x) if type(x) is Array else x


def _import(name, globals=None, locals=None, fromlist=(), level=0):
    """``__import__`` of hosted code."""
    full = importlib.util.resolve_name("." * level + name, globals["__package__"]) if level else name
    root = full.partition(".")[0]
    if full == "math":
        return MATH
    if root not in ("numpy", "scipy"):
        return builtins.__import__(name, globals, locals, fromlist, level)
    module = host(full)
    if not fromlist:
        return host(root)
    for part in fromlist:
        if part != "*" and part not in vars(module):
            _submodule(module, full, part)
    return module


def _submodule(module, full, part):
    """Load a module that ``from package import part`` may mean."""
    theirs = sys.modules.get(full)
    found = getattr(theirs, part, None)
    if found is None or isinstance(found, types.ModuleType):
        with contextlib.suppress(ModuleNotFoundError):  # if it is no module, Python says so
            host(f"{full}.{part}")


def _of_numbers(f, g):
    """Return a function of the module math that is NumPy's of that name on a traced value."""

    def wrapped(*args):
        return f(*args) if innermost(args) is None else g(*args)

    return functools.update_wrapper(wrapped, f)


MATH = types.ModuleType("math", math.__doc__)
for _name, _f in vars(math).items():
    _known = callable(_f) and primitive_of(getattr(onp, _name, None))
    setattr(MATH, _name, _of_numbers(_f, getattr(np, _name)) if _known else _f)

_BUILTINS = {**vars(builtins), "__import__": _import}


def _share(module, theirs):
    """Put SciPy's own classes of exceptions, warnings and results in the place of the copy's."""
    for name, kind in list(vars(module).items()):
        own = vars(theirs).get(name)
        if isinstance(kind, type) and isinstance(own, type) and kind.__module__ == theirs.__name__:
            if issubclass(kind, BaseException):
                setattr(module, name, own)
            elif _is_result(kind):
                setattr(module, name, _with_methods(own, kind))


def _is_result(kind):
    return issubclass(kind, (tuple, dict)) or kind.__name__.endswith("Result")


def _with_methods(own, kind):
    """Return SciPy's class of results, with the copy's methods if there are any that compute."""
    methods = {
        name: f for name, f in vars(kind).items()
        if isinstance(f, types.FunctionType) and not name.startswith("__") and f.__builtins__ is _BUILTINS
    }  # fmt: skip
    if not methods:
        return own
    return type(own.__name__, (own,), {"__module__": own.__module__, "__doc__": own.__doc__, **methods})


# --- shortcuts at isolated values


def refuse_shortcut(equal, a, b, frame):
    """Refuse code that goes another way where a traced value equals another: the derivative is lost there."""
    if a is b or not onp.any(equal):  # x == x asks for nan
        return
    if innermost((content_of(a), content_of(b))) is None:  # arrays that could be written to, and were not
        return
    code, module = frame.f_code, frame.f_globals["__name__"]
    line = linecache.getline(code.co_filename, frame.f_lineno).strip()
    if line.startswith((*HARMLESS.get(module, ()), *HARMLESS_ELSEWHERE.get(module, ()))):
        return
    value = onp.asarray(constant(b if hasattr(a, "tape") else a)).ravel()
    raise NotDifferentiableError(
        f"{_called(frame)} takes another way where a parameter is exactly "
        f"{value[0] if value.size == 1 else 'equal to another'} ({line!r}, line {frame.f_lineno} of "
        f"{module}), and the derivative is lost there; move the value by a little, or give it "
        f"stop_gradient(x) where the derivative is not wanted"
    )


def call(name, f, args, kwargs):
    """Call a hosted function or method; messages find its public name here."""
    try:
        return f(*args, **kwargs)
    except (MissingRuleError, AttributeError) as error:
        if not isinstance(error, FunadError) or _tells(error) or _is_of_user(error):
            raise
        x = next(x for x in tree.flatten((args, kwargs))[0] if isinstance(x, Traced))
        raise MissingRuleError(not_dispatched(name, short(x))) from error


def _tells(error):
    """Say whether an error of a missing rule tells what to write."""
    return isinstance(error, MissingRuleError) and "was called on a traced value" not in str(error)


def _is_of_user(error):
    """Say whether an error comes of a function of the user's that a hosted one has called."""
    return not all(in_library(step.tb_frame) for step in steps(error))


def _called(frame):
    """Return the public name of the outermost hosted function that is running."""
    hosted = [names_in(each)["name"] for each in above(frame) if each.f_code is call.__code__]
    return hosted[-1] if hosted else "scipy"


# --- what stands in the place of functions of hosted modules

SUBSTITUTES = {}


def substitute(name):
    """Register a function that changes the copy, or the view, of a module once it is made."""

    def decorate(change):
        SUBSTITUTES[name] = change
        if name in _modules:  # a view that another module of funad.scipy has asked for first
            change(_modules[name])
        return change

    return decorate


def _is_array(x):
    return isinstance(x, (onp.ndarray, onp.generic))


def _is_numpy(xp):
    return xp is np or xp is onp


_OF_ARRAYS = {
    "array_namespace": lambda *arrays, **options: np,
    "device": lambda x: "cpu",
    "is_array_api_obj": _is_array,
    "is_numpy": _is_numpy,
    "is_numpy_array": _is_array,
    "is_numpy_namespace": _is_numpy,
    "is_writeable_array": lambda x: True,
    "numpy": np,
    "np_compat": np,
    "size": lambda x: int(np.size(x)),
}


def _speak_of_arrays(module):
    """Have the machinery of array namespaces take traced values for NumPy's arrays."""
    for name, f in _OF_ARRAYS.items():
        if name in vars(module):
            setattr(module, name, f)


@substitute("scipy._lib._util")
def _draw_traced(module):
    """Have the generators of users draw with traced parameters, from the same stream."""
    find = module.check_random_state

    def check_random_state(seed):
        if type(seed) is onp.random.Generator:
            return np.random.Generator(seed.bit_generator)
        return seed if isinstance(seed, onp.random.RandomState) else find(seed)

    module.check_random_state = check_random_state


@substitute("scipy._lib.array_api_extra._lib._at")
@substitute("scipy._external.array_api_extra._lib._at")
def _set_numbers(module):
    """Have at(x, index).set(y) take a single number, which is no array while it is traced."""
    of_arrays = module.at._op

    def op(self, at_op, in_place_op, out_of_place_op, y, /, copy=None, xp=None):
        if np.ndim(self._x) or self._idx is Ellipsis:
            return of_arrays(self, at_op, in_place_op, out_of_place_op, y, copy=copy, xp=xp)
        if not onp.any(constant(self._idx)):
            return self._x
        change = in_place_op or out_of_place_op
        return np.reshape(y if change is None else change(self._x, y), ())

    module.at._op = op


for _name in (
    "scipy._lib._array_api", "scipy._lib._array_api_compat_vendor", "scipy._lib._array_api_override",
    "scipy._lib.array_api_compat", "scipy._lib.array_api_extra._lib._utils._compat",
    "scipy._external._array_api_compat_vendor", "scipy._external.array_api_compat",
    "scipy._external.array_api_extra._lib._utils._compat",
):  # fmt: skip
    substitute(_name)(_speak_of_arrays)
