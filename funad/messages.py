"""What was done to a traced value that would lose its derivative, and what to write instead.

A function that makes a plain array or number of its argument only says so by asking for one. Which
function that was, and in which line of the user's, is found in the frames that are running then:
it costs nothing until something is refused.
"""

from __future__ import annotations

import ast
import contextvars
import functools
import importlib
import itertools
import linecache
import os
import re
import site
import sys
from collections.abc import Iterator
from types import FunctionType, MethodType
from typing import Any

import numpy as onp

from .cpython import (
    HERE,
    above,
    frame_at,
    is_of_funad,
    names_in,
    operation_at,
    positions_at,
    source_of,
    steps,
)
from .errors import FunadError, NotDifferentiableError
from .registry import SCIPY, primitive_of

__all__ = [
    "as_index",
    "attribute",
    "comes_of_traced",
    "in_library",
    "instead_of",
    "not_dispatched",
    "own_name",
    "refusal",
    "refused_in_place",
    "refused_write",
    "taught",
    "without_rule",
]

_LIBRARIES = tuple(  # not by sysconfig, whose import takes 2 ms
    {path + os.sep for path in (os.path.dirname(os.__file__), *site.getsitepackages())}
    | {
        os.path.dirname(os.path.dirname(os.path.abspath(onp.__file__))) + os.sep,
        "<frozen",
        "<__array_function__",
    }
)
_PLAIN = "stop_gradient(x) where the derivative is not wanted"
_LOOK = "give it value(x), from funad: what is shown, logged or stored needs no derivative"
_JSON = "give it value(x), from funad, of an array value(x).tolist(): what is stored needs no derivative"

# The classes of numpy.polynomial, with the module of each and what the names of its functions start with.
_FAMILIES = (
    ("Polynomial", "polynomial", "poly"), ("Chebyshev", "chebyshev", "cheb"), ("Legendre", "legendre", "leg"),
    ("Hermite", "hermite", "herm"), ("HermiteE", "hermite_e", "herme"), ("Laguerre", "laguerre", "lag"),
)  # fmt: skip


def _of_polynomials() -> dict[str, str]:
    """Return what to write instead of the classes of numpy.polynomial: the functions of its modules."""
    texts = {}
    for kind, module, start in _FAMILIES:
        value = f"np.polynomial.{module}.{start}val(t, coefficients)"
        of_domain = (
            "(with domain= and window= given, at window[0] + (t - domain[0]) * (window[1] - window[0]) / "
            "(domain[1] - domain[0]) for t)"
        )
        fit = f"np.polynomial.{module}.{start}fit(x, y, degree)"
        roots = f"np.polynomial.{module}.{start}fromroots(roots)"
        for name in (f"numpy.polynomial.{kind}", f"numpy.polynomial.{module}.{kind}"):
            texts[name] = f"write {value} {of_domain}"
            texts[f"{name}.fit"] = f"write coefficients = {fit} and {value}"
            texts[f"{name}.fromroots"] = f"write coefficients = {roots} and {value}"
    return texts


_POLYNOMIALS = _of_polynomials()
_OPERATORS = (
    "AdjointLinearOperator", "IdentityOperator", "LinearOperator", "MatrixLinearOperator", "LaplacianNd",
    "_AdjointLinearOperator", "_CustomLinearOperator", "_PowerLinearOperator", "_ProductLinearOperator",
    "_ScaledLinearOperator", "_SumLinearOperator", "_TransposedLinearOperator",
)  # fmt: skip
_MATRICES = tuple(
    f"{format}_{form}"
    for format in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")
    for form in ("array", "matrix")
)
_PRODUCT = (
    "wrap the product and its transpose: product = funad.primitive(lambda x: A @ x), "
    "back = funad.primitive(lambda y: A.T @ y), funad.linear(product, lambda y, ybar, x: back(ybar)), "
    "funad.linear(back, lambda x, xbar, y: product(xbar))"
)

_OF_NAN = "write np.where(np.isnan(x), value, x) after import funad.numpy as np"
_WINDOWS = tuple(f"numpy.{name}" for name in ("bartlett", "blackman", "hamming", "hanning"))

# What to write instead: of the longest name that the function's own starts with.
_INSTEAD = {
    "math.dist": "write np.linalg.norm(np.array(a) - np.array(b))",
    "math.fsum": "write np.sum(np.array(x))",
    "math.hypot": "write np.linalg.norm(np.array([a, b]))",
    "math.isclose": "write math.isclose(value(a), value(b)), with value from funad",
    "math.log": "write np.log(x), divided by np.log(base) if a base is given",
    "math.remainder": "write a - b * np.round(value(a / b)), with value from funad",
    "math.pow": "write a**b",
    "cmath": "write x + 0j and the function of funad.numpy",
    **dict.fromkeys(_WINDOWS, "give it a whole number of points, int(stop_gradient(M))"),
    "numpy.frompyfunc": "write np.stack([f(t) for t in x])",
    "numpy.fromiter": "write np.array(list(iterable))",
    "numpy.ma": "write np.where(mask, 0, x), or x[~mask]",
    "numpy.matrix": "write np.array(...) of arrays, and @",
    "numpy.asmatrix": "write np.array(...) and @",
    "numpy.bmat": "write np.block(...)",
    "numpy.nditer": "write for t in np.ravel(x)",
    "numpy.ndenumerate": "write for index in np.ndindex(x.shape), and x[index]",
    "numpy.broadcast": "write np.broadcast_arrays(a, b)",
    "numpy.poly1d": "write sum(c * t**n for n, c in enumerate(coefficients[::-1]))",
    **_POLYNOMIALS,
    "numpy.r_": "write np.concatenate([...]) or np.stack([...])",
    "numpy.c_": "write np.column_stack([...])",
    "numpy.mgrid": "write np.meshgrid(..., indexing='ij')",
    "numpy.testing": "compare value(x), from funad",
    "numpy.random": "draw with plain parameters and transform what was drawn: mean + sd * rng.normal(size=n)",
    "numpy.lib.stride_tricks.as_strided": "write sliding_window_view(x, window_shape), or x[index] with "
    "an array of positions",
    "numpy.vectorize": "write np.stack([f(t) for t in x])",
    "scipy.optimize.linear_sum_assignment": "write "
    "rows, columns = linear_sum_assignment(stop_gradient(cost)) and go on with cost[rows, columns]",
    **{f"scipy.sparse.{kind}.multiply": "write scipy.sparse.csr_array(A) * x" for kind in _MATRICES},
    **{f"scipy.sparse.{kind}.dot": "write A @ x" for kind in _MATRICES},
    **{f"scipy.sparse.linalg.{name}": _PRODUCT for name in _OPERATORS},
    "statistics.correlation": "write np.corrcoef(np.array(x), np.array(y))[0, 1]",
    "statistics.covariance": "write np.cov(np.array(x), np.array(y))[0, 1]",
    "statistics.fmean": "write np.mean(np.array(x)), or np.average(np.array(x), weights=np.array(w))",
    "statistics.geometric_mean": "write np.exp(np.mean(np.log(np.array(x))))",
    "statistics.harmonic_mean": "write 1 / np.mean(1 / np.array(x))",
    "statistics.linear_regression": "write slope, intercept = np.polyfit(np.array(x), np.array(y), 1)",
    "statistics.NormalDist": "write funad.scipy.stats.norm(mean, deviation) after import funad.scipy.stats",
    "statistics.mean": "write np.mean(np.array(x))",
    "statistics.pstdev": "write np.std(np.array(x))",
    "statistics.pvariance": "write np.var(np.array(x))",
    "statistics.stdev": "write np.std(np.array(x), ddof=1)",
    "statistics.variance": "write np.var(np.array(x), ddof=1)",
}  # fmt: skip

# What is called to look at values, to keep or to send them: the standard library but for what computes,
# and what draws, and makes tables. Of NumPy, what writes files.
_COMPUTING = {
    "_operator", "builtins", "cmath", "ctypes", "decimal", "fractions", "functools", "itertools", "math",
    "operator", "statistics",
}  # fmt: skip
_LOOKING = {
    "IPython", "PIL", "bokeh", "h5py", "ipywidgets", "matplotlib", "mlflow", "pandas", "plotly", "polars",
    "pyarrow", "rich", "seaborn", "tabulate", "tensorboard", "tqdm", "wandb", "xarray",
}  # fmt: skip
_WRITING_FILES = {f"numpy.{name}" for name in ("save", "savetxt", "savez", "savez_compressed")}


class _Place:
    """An instruction of the user's that is being run."""

    __slots__ = ("arguments", "base", "code", "function", "home", "line", "name", "operation", "text")

    def __init__(
        self, code: Any, line: int, text: str, name: str, base: str, arguments: str, function: Any,
        operation: str, home: str,
    ) -> None:  # fmt: skip
        self.code = code
        self.line = line
        self.text = text  # its source
        self.name = name  # the dotted name of the function that it calls; "" of any other instruction
        self.base = base  # the source of what that function is a method of
        self.arguments = arguments  # the source of what it is called with, from the bracket on
        self.function = function  # that function, where it is known
        self.operation = operation  # the name of the instruction
        self.home = home  # the package of that function, or of what it is a method of

    @property
    def looks(self) -> bool:
        """Whether a value is given away to be looked at, kept or sent."""
        standard = self.home in sys.stdlib_module_names and self.home not in _COMPUTING
        return standard or self.home in _LOOKING or self.name in _WRITING_FILES


# The last refusal and the place of it: compiled code may put an error of its own in its place.
_last: contextvars.ContextVar[tuple[str, Any, int] | None] = contextvars.ContextVar("last", default=None)


def _place() -> _Place | None:
    """Return the user's instruction that is being run: the innermost outside of libraries, if any is.

    Below the frames of funad that called f, all is the user's.
    """
    found = None
    for frame in above(frame_at(2)):
        if is_of_funad(frame):
            if frame.f_code.co_qualname == "Call._run":
                f = names_in(frame)["self"].f
                if found is None or own_name(f, "").partition(".")[0] in _KNOWN:
                    return _directly(frame, f)
                break
        else:
            found = frame
            if not in_library(frame):
                break
    else:
        return None  # a thread of a library's, which has called a function as it was given
    return None if found is None else _read(found, found.f_lasti, found.f_lineno)


def in_library(frame: Any) -> bool:
    """Say whether a frame runs code of funad or of a library, and none of the user's."""
    return bool(frame.f_code.co_filename.startswith((HERE, *_LIBRARIES)))


def _directly(frame: Any, f: Any) -> _Place:
    """Return the place of a function that a transformation was given as it is: grad(math.sin)."""
    while isinstance(f, functools.partial):
        f = f.func
    name = own_name(f, str(attribute(f, "__name__", "")))
    return _Place(frame.f_code, frame.f_lineno, "", name, "", "", f, "CALL", _home_of(f))


def _read(frame: Any, at: int, line: int) -> _Place:
    """Return what a frame is doing."""
    code = frame.f_code
    text = _segment(code.co_filename, *positions_at(code, at)) or source_of(code, at)
    name, base, home, function = "", "", "", None
    try:
        tree: Any = ast.parse(text, mode="eval").body
    except SyntaxError:
        tree = None
    arguments = ""
    if isinstance(tree, (ast.Call, ast.Subscript)):
        mapped = _mapped(tree)
        tree = mapped or (tree.func if isinstance(tree, ast.Call) else tree.value)
        name, function, home = _named(tree, frame)
        arguments = "" if mapped else _after(text, tree)
        base = ast.unparse(tree.value) if isinstance(tree, ast.Attribute) else ""
    elif isinstance(tree, ast.BinOp):
        sides = [_named(side, frame)[0] for side in (tree.left, tree.right)]
        name = next((side for side in sides if instead_of(side)), "")
    return _Place(code, line, text, name, base, arguments, function, operation_at(code, at), home)


def _mapped(tree: Any) -> Any:
    """Return math.sin of list(map(math.sin, ...)): list and its like ask for no number themselves."""
    if not isinstance(tree, ast.Call):
        return None
    parts: Any = ast.walk(tree) if getattr(tree.func, "id", "") in _CONSUMERS else (tree,)
    for part in parts:
        called = getattr(part, "func", None)
        name = getattr(called, "id", getattr(called, "attr", ""))
        if name in ("filter", "map", "reduce", "starmap") and part.args:
            return part.args[0]
    return None


_CONSUMERS = {
    "all",
    "any",
    "dict",
    "enumerate",
    "list",
    "max",
    "min",
    "next",
    "set",
    "sorted",
    "sum",
    "tuple",
}


def _after(text: str, tree: Any) -> str:
    """Return the source behind a part of it and the bracket that follows."""
    return text.encode()[tree.end_col_offset :].decode().partition("(")[2]


def _segment(filename: str, line: int | None, last: int | None, start: int | None, end: int | None) -> str:
    """Return a part of a source file as one line; "" if it is not to be had."""
    if line is None or last is None or start is None or end is None:
        return ""
    lines = [linecache.getline(filename, n).rstrip("\n").encode() for n in range(line, last + 1)]
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][start:]
    return " ".join(part.decode(errors="ignore").strip() for part in lines)


def _named(tree: Any, frame: Any) -> tuple[str, Any, str]:
    """Return the dotted name of a function, itself as far as only modules lead to it, and its package."""
    steps: list[str] = []
    while isinstance(tree, ast.Attribute):
        steps.insert(0, tree.attr)
        tree = tree.value
    if isinstance(tree, ast.Call):  # numpy.vectorize(f)(x), numpy.random.default_rng().normal(x)
        name, _, home = _named(tree.func, frame)
        return ".".join([name, *steps]), None, home
    if not isinstance(tree, ast.Name):
        return ".".join(["", *steps]), None, ""
    spaces = (names_in(frame), frame.f_globals, frame.f_builtins)
    value = next((space[tree.id] for space in spaces if tree.id in space), None)
    name = own_name(value, tree.id)
    for n, step in enumerate(steps):
        if isinstance(value, type(sys)):
            home, name = value.__name__, f"{name}.{step}"
            value = attribute(value, step, None)
        elif step in (attributes := _attributes(value)):
            value = attributes[step]
            home, name = "", own_name(value, f"{name}.{step}")
        else:
            method = attribute(value, step, None) if isinstance(value, type) else None
            return ".".join([name, *steps[n:]]), method, _home_of(value)
    found = _home_of(value)  # of json.dumps, json.encoder's own: what the user has written counts
    return name, value, (home.partition(".")[0] if steps else found) or found


def attribute(value: Any, name: str, default: Any) -> Any:
    """Return an attribute of an object whose own ways of finding one may raise anything."""
    try:
        return getattr(value, name, default)
    except Exception:
        return default


def _attributes(value: Any) -> dict[str, Any]:
    """Return the attributes of an object that are found without running any code of its class."""
    found = attribute(value, "__dict__", None)
    return found if type(found) is dict else {}


def _home_of(value: Any) -> str:
    """Return the package of a function, or of the class of an object."""
    if isinstance(value, type(sys)):
        return value.__name__.partition(".")[0]
    owner = value if isinstance(value, type) or attribute(value, "__qualname__", None) else type(value)
    module = attribute(owner, "__module__", None)
    return module.partition(".")[0] if isinstance(module, str) else ""


def own_name(value: Any, name: str) -> str:
    """Return the name of a value with its module: of an instance, that of its class."""
    if isinstance(value, type(sys)):
        return value.__name__
    if isinstance(value, onp.ufunc):
        known: Any = (onp, sys.modules.get("scipy.special"))
        found = next((m for m in known if getattr(m, value.__name__, None) is value), None)
        return f"{found.__name__}.{value.__name__}" if found is not None else value.__name__
    if isinstance(value, MethodType) and not isinstance(value.__self__, type):  # scipy.stats.norm.logpdf
        of = own_name(value.__self__, "")
        return f"{of}.{value.__name__}" if of else name
    owner = value if isinstance(attribute(value, "__qualname__", None), str) else type(value)
    module = attribute(owner, "__module__", None)
    module = module if isinstance(module, str) else ""
    public = list(itertools.takewhile(lambda part: not part.startswith("_"), module.split(".")))
    if not public or public[0] in ("builtins", ""):
        return name
    own = owner.__name__.removesuffix("_gen")  # scipy.stats.norm is of a class norm_gen
    return ".".join([*public, own]) if public[0] in _KNOWN else name


_KNOWN = {"numpy", "scipy", "math", "cmath", "statistics"}


def instead_of(name: str) -> str:
    """Return what the table says of a function, or of what it stands in."""
    name = name.removeprefix("funad.")
    found = max((known for known in _INSTEAD if f"{name}.".startswith(f"{known}.")), key=len, default="")
    return _INSTEAD.get(found, "")


def _rewrite(place: _Place) -> str:
    """Return what to write in the place of a call."""
    method = place.name.rpartition(".")[2]
    own = instead_of(place.name)
    if own and (place.name.startswith(_AHEAD) or place.name in _AHEAD):
        return f"{own} after import funad.numpy as np" if "np." in own else own
    arguments = _without_objects(place.arguments) or "...)"
    made = _object_of_scipy(place)
    if made and not instead_of(place.name):
        module = f"scipy.{_place_in_scipy(place.name)[0]}"
        return f"make {made} with funad.{module} in the place of {module} after import funad.{module}"
    ours = _in_scipy(place.name)
    if ours:
        module = f"funad.scipy.{_place_in_scipy(ours.removeprefix('funad.'))[0]}"
        frozen = place.base[place.base.find("(") :] if "(" in place.base else ""
        return f"write {ours.removesuffix(f'.{method}')}{frozen}.{method}({arguments} after import {module}"
    prim = primitive_of(_in_numpy(place.name) or place.function)
    written = f"np.{place.name[6:]}" if place.name.startswith("numpy.") else f"funad.{place.name}"
    if place.name.startswith("math."):
        prim, written = primitive_of(getattr(onp, method, None)), f"np.{method}"
    elif place.function is None and place.base and hasattr(onp.ndarray, method):
        prim, written = primitive_of(getattr(onp, method, None)), f"np.{method}"
        arguments = f"{place.base}, {arguments}"
    elsewhere = place.name.startswith(("numpy.random.", "funad.", "scipy."))
    if prim is not None and prim.traced is not prim.f and prim.kind is not None and not elsewhere:
        return f"write {written}({arguments} after import funad.numpy as np"
    rewrite = instead_of(place.name)
    if rewrite:
        return f"{rewrite} after import funad.numpy as np" if "np." in rewrite else rewrite
    return _rewrite_unknown(place)


def _rewrite_unknown(place: _Place) -> str:
    """Return what to write in the place of a call of which no table knows."""
    if isinstance(place.function, type) and issubclass(place.function, onp.generic):
        return f"write np.astype(x, {place.name}) after import funad.numpy as np"
    why = _why_refused(place.name)
    if why:
        return f"it has no derivative in funad, as {why}"
    if place.name.startswith("funad.numpy."):
        return "give it arrays and numbers, and not an object that holds them: what it holds"
    if place.name.startswith("funad.scipy.stats.") and place.name.endswith(".rvs"):
        return _INSTEAD["numpy.random"]
    wrapped = "lambda x: ..." if isinstance(place.function, type) else place.name or "f"
    return (
        f"wrap {'what is done with it' if isinstance(place.function, type) else 'it'}, "
        f"g = funad.primitive({wrapped}), and give it a derivative, funad.defvjp(g, lambda y, ybar, x: ...)"
    )


def _in_numpy(name: str) -> Any:
    """Return what stands under a name of NumPy's in funad.numpy, whose parts are loaded when asked for."""
    top, *steps = name.split(".")
    found: Any = sys.modules.get("funad.numpy") if top == "numpy" else None
    for step in steps:
        found = attribute(found, step, None)
    return found if callable(found) else None


def _place_in_scipy(name: str) -> tuple[str, str, list[str]]:
    """Return the module of a function of SciPy's, its name there, and that of a method; "" of others."""
    top, *parts = name.split(".")
    for n in (2, 1):  # a module inside of a module first
        if top == "scipy" and ".".join(parts[:n]) in SCIPY and len(parts) > n:
            return ".".join(parts[:n]), parts[n], parts[n + 1 :]
    return "", "", []


def _object_of_scipy(place: _Place) -> str:
    """Return how the source names an object of SciPy's that is called, or whose method is; "" of others."""
    module, maker, _ = _place_in_scipy(place.name)
    theirs = attribute(sys.modules.get(f"scipy.{module}"), maker, None)
    frozen = maker.endswith("_frozen") and module == "stats"
    if not frozen and not (isinstance(theirs, (type, FunctionType)) and _in_scipy(f"scipy.{module}.{maker}")):
        return ""
    f = place.function
    if f is None or (isinstance(f, MethodType) and not isinstance(f.__self__, type)):
        return place.base or "it"
    is_object = isinstance(theirs, type) and isinstance(f, theirs)
    return (place.text.partition("(")[0] or "it") if is_object else ""


def _in_scipy(name: str) -> str:
    """Return the name under which funad.scipy differentiates a function of SciPy's; "" if it does not."""
    module, first, method = _place_in_scipy(name)
    if not module or (method and module == "sparse"):
        return ""
    ours = importlib.import_module(f"funad.scipy.{module}")  # SciPy's is loaded, or nobody would call it
    found = attribute(ours, first, None)
    is_class = isinstance(found, type) and found is not getattr(sys.modules[f"scipy.{module}"], first)
    if method:
        differentiable = (is_class or type(found).__module__.startswith("funad.")) and len(method) == 1
        found = attribute(found, method[0], None) if differentiable else None
        return f"funad.scipy.{module}.{first}.{method[0]}" if callable(found) else ""
    prim = primitive_of(found)
    known = prim is not None and prim.traced is not prim.f and prim.kind is not None
    theirs = attribute(sys.modules[f"scipy.{module}"], first, None)
    made_anew = found is not theirs and (isinstance(found, type) or module.startswith("sparse"))
    refused = hasattr(found, "why_refused")
    return f"funad.scipy.{module}.{first}" if (known or made_anew) and not refused else ""


def _why_refused(name: str) -> str:
    """Return why funad.scipy refuses a function of SciPy's of that name; "" if it does not."""
    module, first, _ = _place_in_scipy(name)
    if not module:
        return ""
    return str(
        attribute(attribute(importlib.import_module(f"funad.scipy.{module}"), first, None), "why_refused", "")
    )


# Where the table comes before a function of NumPy's of the same name: that one is another, or refuses.
_AHEAD = ("math.hypot", "math.isclose", "math.log", "math.pow", "math.remainder", "numpy.fromiter", *_WINDOWS)


def _without_objects(arguments: str) -> str:
    """Return the source of arguments without dtype=object: arrays of objects hide traced values."""
    return re.sub(r",\s*dtype\s*=\s*(object|\"O\"|'O'|(np|numpy|onp)\.object_)(?=\s*[,)])", "", arguments)


def _remembered(message: str, place: _Place) -> NotDifferentiableError:
    _last.set((message, place.code, place.line))
    return NotDifferentiableError(message)


def refusal(found: str, what: str, loses: str, instead: str, index: str = "") -> NotDifferentiableError:
    """Return the error of a conversion that would lose a derivative.

    ``found`` describes the traced value, ``what`` the conversion, ``loses`` what it would give, and
    ``instead`` is what to write where the user has asked for it by hand, ``index`` where it is an index.
    """
    place = _place()
    if place is None:
        return NotDifferentiableError(f"{what} of a traced value, {found}, would give {loses}; {instead}")
    method = place.name.rpartition(".")[2]
    if place.operation == "STORE_SUBSCR" and _is_whole(place.function):
        return _remembered(
            f"{place.text} = ... puts a traced value, {found}, into an array of {place.function.dtype}, "
            f"which holds whole numbers only and has no derivative; make that array with dtype=float", place,
        )  # fmt: skip
    if place.operation == "STORE_SUBSCR" or (place.function is None and method in _WRITERS):
        text = f"{place.text} = ..." if place.operation == "STORE_SUBSCR" else place.text
        return _remembered(_stored(text, found, place.function), place)
    if place.name in _WRITING:
        return refused_write(method)
    if place.looks:
        return _remembered(
            f"{place.name} met a traced value, {found}, and would lose its derivative; "
            f"{_looking(place.home)}", place,
        )  # fmt: skip
    by_hand = place.name in ("", "float", "int", "complex", "range", *_CONSUMERS) or what == f"{method}()"
    if place.operation in _READS and place.name not in _SUBSCRIPTED:
        by_hand, what, loses, instead = True, "use as an index", "integers", index or _INDICES[0]
    if by_hand:
        if place.operation == "BINARY_OP" and what != "use as an index":
            instead = _of_operator(place, _frames_to(place)) or _OF_LIST
        at = f", in {place.text}," if place.text else ""
        return _remembered(
            f"{what} of a traced value, {found}{at} would give {loses} and lose its derivative; "
            f"{_or_plain(instead)}", place,
        )  # fmt: skip
    rewrite = _or_plain(_rewrite(place), "give it ")
    if what == "use as an index" and not instead_of(place.name):  # a size, or an axis
        rewrite = instead
    return _remembered(
        f"{place.name} met a traced value, {found}, where it needs {loses} ({what}), and would lose its "
        f"derivative; {rewrite}", place,
    )  # fmt: skip


def _is_whole(array: Any) -> bool:
    """Say whether what is written to is an array of integers or booleans."""
    return issubclass(type(array), onp.ndarray) and array.dtype.kind in "biu"


_OF_LIST = "write np.array([...]) for the list after import funad.numpy as np"

_FUNCTION_OF = {
    ast.Add: "add", ast.Div: "divide", ast.MatMult: "matmul", ast.Mult: "multiply", ast.Pow: "power",
    ast.Sub: "subtract",
}  # fmt: skip


def _of_operator(place: _Place | None, frames: Any) -> str:
    """Return what to write for an operator of a library's array that does not give way; "" of others."""
    if place is None or place.operation != "BINARY_OP":
        return ""
    try:
        operation = ast.parse(place.text, mode="eval").body
    except SyntaxError:
        return ""
    name = _FUNCTION_OF.get(type(getattr(operation, "op", None)), "")  # type: ignore[arg-type]
    if not name or not any(_is_of_library(x) for frame in frames for x in names_in(frame).values()):
        return ""
    return f"write np.{name}(a, b) for that operator after import funad.numpy as np"


def _is_of_library(x: Any) -> bool:
    kind = type(x)
    own = issubclass(kind, onp.ndarray) or hasattr(kind, "tape")
    return hasattr(kind, "__array_function__") and not own


def _frames_to(place: _Place) -> Iterator[Any]:
    """Iterate over the frames that run now, up to that of an instruction of the user's."""
    return itertools.takewhile(lambda frame: frame.f_code is not place.code, above(frame_at(1)))


def _looking(home: str) -> str:
    return _JSON if home == "json" else _LOOK


_READS = ("BINARY_SUBSCR", "BINARY_SLICE")
_INDICES = ("write int(stop_gradient(x))", "write stop_gradient(x)", "write stop_gradient(x).astype(int)")


def as_index(ndim: int, kind: str) -> str:
    """Return what to write for a traced value as an index: of an array of booleans, that is a mask."""
    return _INDICES[0] if ndim == 0 else _INDICES[1] if kind in "biu" else _INDICES[2]


def _or_plain(instead: str, give: str = "") -> str:
    """Return advice with the other that is left: the plain value. An index is a plain one already."""
    return instead if instead in _INDICES else f"{instead}, or {give}{_PLAIN}"


# Objects of NumPy's that make arrays of what stands in their brackets.
_SUBSCRIPTED = {
    f"{module}.{name}" for module in ("numpy", "funad.numpy") for name in ("c_", "mgrid", "ogrid", "r_")
}

# Methods that write into their array, and functions of NumPy's that write into their first argument.
_WRITERS = {"__setitem__", "fill", "itemset", "partition", "put", "sort"}
_WRITING = {
    f"numpy.{name}" for name in ("copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask")
}


def _stored(text: str, found: str, container: Any) -> str:
    if type(container).__module__.startswith("scipy.sparse"):
        return (
            f"{text} puts a traced value, {found}, into a plain sparse matrix, which holds plain numbers "
            f"only; give all entries at once: write funad.scipy.sparse.csr_array((entries, (rows, columns)), "
            f"shape=shape)"
        )
    if not _inside_of_a_call():
        return (
            f"{text} puts a traced value, {found}, into an array that a thread of its own has made, which is "
            f"a plain one: it holds plain numbers only; make that array with zeros_like(x) of a traced x, or "
            f"before the thread starts"
        )
    return (
        f"{text} puts a traced value, {found}, into a plain NumPy array, which holds plain numbers only; "
        f"make that array with zeros, empty, full or array of funad.numpy inside the function that is "
        f"differentiated, or with zeros_like(x) of a traced x"
    )


def _inside_of_a_call() -> bool:
    """Say whether a function is traced in this thread: in others, arrays are made as plain ones."""
    for frame in above(frame_at(1)):
        if frame.f_code.co_qualname in ("Call.__call__", "trace", "run") and is_of_funad(frame):
            return True
    threading = sys.modules.get("threading")  # it takes a while to load, and without it there is one thread
    return threading is None or threading.current_thread() is threading.main_thread()


def refused_in_place(found: str, traced: bool) -> NotDifferentiableError | None:
    """Return the error of v += x with a plain array v and a traced x; None of any other operation.

    NumPy's functions may do the same inside, with an array that they have made; ``traced`` says that the
    array to be written to can take a traced value.
    """
    place = _place()
    if place is None:
        return None
    if place.operation != "BINARY_OP":
        f = place.function
        of_numpy = place.name.startswith("numpy.") and f is not None and not isinstance(f, onp.ufunc)
        if traced or not of_numpy or primitive_of(f) is None:
            return None
        return NotDifferentiableError(
            f"{place.name} met a traced value, {found}, which it would write into a plain array; "
            f"{_rewrite(place)}, or give it {_PLAIN}"
        )
    written, instead, array = _in_two(place.text)
    return NotDifferentiableError(
        f"{written} would write a traced value, {found}, into a plain NumPy array; {instead}make {array} "
        f"with zeros, empty, full or array of funad.numpy inside the function that is differentiated"
    )


def _in_two(text: str) -> tuple[str, str, str]:
    """Return of v += u how it is written, what to write instead, and the name of the array.

    A part of an array cannot be replaced by a traced value either: there the array itself is the matter.
    """
    try:
        statement: Any = ast.parse(text).body[0]
        target = array = statement.target
    except (SyntaxError, AttributeError, IndexError):  # no source
        return "an operation in place", "", "that array"
    while isinstance(array, ast.Subscript):
        array = array.value
    whole = ast.unparse(ast.BinOp(target, statement.op, statement.value))  # with brackets where it needs them
    instead = f"write {ast.unparse(target)} = {whole}, or " if array is target else ""
    return ast.unparse(statement), instead, ast.unparse(array)


def refused_write(name: str) -> NotDifferentiableError:
    """Return the error of a function of NumPy's that writes a traced value into a plain array."""
    place = _place()
    if place is not None and place.name.startswith("numpy.") and place.name not in _WRITING:
        # full, full_like and nan_to_num call copyto
        instead = _OF_NAN if place.name == "numpy.nan_to_num" else _rewrite(place)
        return NotDifferentiableError(
            f"{place.name} met a traced value, which it would write into a plain array; {instead}, "
            f"or give it {_PLAIN}"
        )
    return NotDifferentiableError(
        f"{name} would write a traced value into a plain array, which holds plain numbers only; make the "
        f"array with zeros, empty or copy of funad.numpy inside the function that is differentiated, or "
        f"with zeros_like(x)"
    )


def without_rule(name: str, found: str) -> str:
    """Return the message for a function on a traced value that has no rule."""
    place = _place()
    if place is not None and place.name.rpartition(".")[2] == name:
        name = place.name
    known = place is not None and (place.function is None or instead_of(place.name))
    if place is not None and known and place.name:
        return (
            f"{place.name} was called on a traced value, {found}, but has no derivative rule; "
            f"{_looking(place.home) if place.looks else _or_plain(_rewrite(place), 'give it ')}"
        )
    return (
        f"{name} was called on a traced value, {found}, but has no derivative rule; wrap it, "
        f"g = funad.primitive({name}), and give it one, funad.elementwise(g, lambda y, ybar, x: ybar * "
        f"slope), or give it {_PLAIN}"
    )


def not_dispatched(name: str, found: str) -> str:
    """Return the message for a function of NumPy's that takes other arrays, but has no derivative rule."""
    instead = f"rewrite it with functions that have one, or give it {_PLAIN}"
    return (
        f"{name} was called on a traced value, {found}, but has no derivative rule; "
        f"{_LOOK if name in _WRITING_FILES else instead}"
    )


def taught(error: BaseException) -> NotDifferentiableError | None:
    """Return what to raise in the place of another's error that comes of a traced value; None to keep it."""
    last = _last.get()
    _last.set(None)
    if isinstance(error, FunadError) or not isinstance(error, Exception):
        return None
    cause: Any = error
    while cause is not None:
        if isinstance(cause, NotDifferentiableError):
            return NotDifferentiableError(str(cause))
        cause = cause.__cause__
    passed = list(steps(error))
    if last is not None and any((step.tb_frame.f_code, step.tb_lineno) == last[1:] for step in passed):
        return NotDifferentiableError(f"{last[0]} (in the end it raised {type(error).__name__}: {error})")
    if not comes_of_traced(error):
        return None
    mine = [step for step in passed if not in_library(step.tb_frame)]
    places = [_read(step.tb_frame, step.tb_lasti, step.tb_lineno) for step in mine]
    place = next((place for place in reversed(places) if place.operation != "RAISE_VARARGS"), None)
    if place is not None and place.name == "pow":
        return NotDifferentiableError(
            "pow() takes a third argument, the modulus, only where all three are integers, and a traced "
            "value is none; write x**n % modulus"
        )
    text = place.text if place is not None and place.text else "compiled code"
    if place is not None and place.looks:
        rewrite = _looking(place.home)
    elif function := _of_operator(place, [step.tb_frame for step in passed]):
        rewrite = function
    elif place is not None:
        rewrite = f"give it funad.stop_gradient(x), or {_rewrite(place)}"
    else:
        rewrite = "give it funad.stop_gradient(x)"
    return NotDifferentiableError(
        f"{text} was given a traced value, which it cannot take ({type(error).__name__}: {error}); {rewrite}"
    )


def comes_of_traced(error: BaseException) -> bool:
    """Say whether an error is one of funad's, or compiled code complains of a traced value."""
    if isinstance(error, FunadError) or type(error).__module__ in ("_ctypes", "ctypes", "struct"):
        return True
    if not isinstance(error, TypeError):
        return False
    named = re.search(r"\b(Box|Dual|funad)\b|'Array'|type Array\b", str(error)) is not None
    return named or _speaks_of_the_concrete_class(error)


def _speaks_of_the_concrete_class(error: TypeError) -> bool:
    """Say whether an error, raised where a traced value is at hand, names the class that its value has."""
    *_, last = steps(error)
    if is_of_funad(last.tb_frame):
        return False  # of plain values, which a plain program would be told too
    kinds = {x.__class__.__name__ for x in names_in(last.tb_frame).values() if hasattr(x, "tape")}
    spoken = re.search(rf"\b({'|'.join(kinds)}|PyObject)\b", str(error)) if kinds else None
    return spoken is not None
