"""What was done to a traced value that would lose its derivative, and what to write instead.

A function that makes a plain array or number of its argument only says so by asking for one. Which
function that was, and in which line of the user's, is found in the frames that are running then:
it costs nothing until something is refused.
"""

from __future__ import annotations

import ast
import contextvars
import importlib
import itertools
import re
import sys
from types import FunctionType, MethodType
from typing import Any

import numpy as onp

from .advice import INSTEAD, JSON, LOOK, OF_NAN, PLAIN, WINDOWS, instead_of
from .cpython import above, frame_at, is_of_funad, names_in, steps
from .errors import FunadError, NotDifferentiableError
from .places import CONSUMERS, WRITING_FILES, Place, attribute, home_of, in_library, place_in, place_now
from .registry import SCIPY, primitive_of
from .trace import TRACING

# The last refusal and the place of it: compiled code may put an error of its own in its place.
_last: contextvars.ContextVar[tuple[str, Any, int] | None] = contextvars.ContextVar("last", default=None)


def _rewrite(place: Place) -> str:
    """Return what to write in the place of a call."""
    method = place.name.rpartition(".")[2]
    own = instead_of(place.name)
    if own and (place.name.startswith(_AHEAD) or place.name in _AHEAD):
        return own
    arguments = _without_objects(place.arguments) or "...)"
    of_scipy = _rewrite_of_scipy(place, arguments, bool(own))
    if of_scipy:
        return of_scipy
    prim = primitive_of(_in_numpy(place.name) or place.function)
    written = f"np.{place.name[6:]}" if place.name.startswith("numpy.") else f"funad.{place.name}"
    if place.name.startswith("math."):
        prim, written = primitive_of(getattr(onp, method, None)), f"np.{method}"
    elif place.function is None and place.base and hasattr(onp.ndarray, method):
        prim, written = primitive_of(getattr(onp, method, None)), f"np.{method}"
        arguments = f"{place.base}, {arguments}"
    elsewhere = place.name.startswith(("numpy.random.", "funad.", "scipy."))
    if _has_rules(prim) and not elsewhere:
        return f"write {written}({arguments} after import funad.numpy as np"
    return own or instead_of(place.home) or _rewrite_unknown(place)


def _rewrite_unknown(place: Place) -> str:
    """Return what to write in the place of a call of which no table knows."""
    if isinstance(place.function, type) and issubclass(place.function, onp.generic):
        return f"write np.astype(x, {place.name}) after import funad.numpy as np"
    why = attribute(_in_scipy(place.name)[-1], "why_refused", "")
    if why:
        return f"it has no derivative in funad, as {why}"
    if place.name.startswith("funad.numpy."):
        return "give it arrays and numbers, and not an object that holds them: what it holds"
    if place.name.startswith("funad.scipy.stats.") and place.name.endswith(".rvs"):
        return INSTEAD["numpy.random"]
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


def _in_scipy(name: str) -> tuple[str, str, list[str], Any, Any]:
    """Return of a function of SciPy's its module, its name there, that of a method; and who has that name.

    That is, what SciPy and what funad.scipy have under it.
    """
    top, *parts = name.split(".")
    for n in (2, 1):  # a module inside of a module first
        module = ".".join(parts[:n])
        if top == "scipy" and module in SCIPY and len(parts) > n:
            theirs, ours = (
                sys.modules.get(f"scipy.{module}"),
                importlib.import_module(f"funad.scipy.{module}"),
            )
            first = parts[n]
            return module, first, parts[n + 1 :], attribute(theirs, first, None), attribute(ours, first, None)
    return "", "", [], None, None


def _rewrite_of_scipy(place: Place, arguments: str, known: bool) -> str:
    """Return what to write for a function of SciPy's that funad.scipy differentiates; "" of others."""
    module, first, method, theirs, ours = _in_scipy(place.name)
    ours_of = f"funad.scipy.{module}"
    makes = isinstance(theirs, (type, FunctionType)) and _is_differentiated(module, [], theirs, ours)
    if not known and (makes or (first.endswith("_frozen") and module == "stats")):
        made = _name_of_object(place, theirs)
        if made:
            return f"make {made} with {ours_of} in the place of scipy.{module} after import {ours_of}"
    if not _is_differentiated(module, method, theirs, ours):
        return ""
    *path, last = [ours_of, first, *method]
    frozen = place.base[place.base.find("(") :] if "(" in place.base else ""
    return f"write {'.'.join(path)}{frozen}.{last}({arguments} after import {ours_of}"


def _name_of_object(place: Place, kind: Any) -> str:
    """Return how the source names an object that is called, or whose method is; "" of a function."""
    f = place.function
    if f is None or (isinstance(f, MethodType) and not isinstance(f.__self__, type)):
        return place.base or "it"
    return (place.text.partition("(")[0] or "it") if isinstance(kind, type) and isinstance(f, kind) else ""


def _is_differentiated(module: str, method: list[str], theirs: Any, ours: Any) -> bool:
    """Say whether funad.scipy differentiates a function of SciPy's, or a method of what it makes."""
    if method:
        made_anew = (isinstance(ours, type) and ours is not theirs) or home_of(type(ours)) == "funad"
        found = attribute(ours, method[0], None) if made_anew and len(method) == 1 else None
        return callable(found) and module != "sparse"
    made_anew = ours is not theirs and (isinstance(ours, type) or module.startswith("sparse"))
    return (_has_rules(primitive_of(ours)) or made_anew) and not hasattr(ours, "why_refused")


def _has_rules(prim: Any) -> bool:
    return prim is not None and prim.traced is not prim.f and prim.kind is not None


# Where the table comes before a function of NumPy's of the same name: that one is another, or refuses.
_AHEAD = ("math.hypot", "math.isclose", "math.log", "math.pow", "math.remainder", "numpy.fromiter", *WINDOWS)


def _without_objects(arguments: str) -> str:
    """Return the source of arguments without dtype=object: arrays of objects hide traced values."""
    return re.sub(r",\s*dtype\s*=\s*(object|\"O\"|'O'|(np|numpy|onp)\.object_)(?=\s*[,)])", "", arguments)


def refusal(found: str, what: str, loses: str, instead: str, index: str = "") -> NotDifferentiableError:
    """Return the error of a conversion that would lose a derivative.

    ``found`` describes the traced value, ``what`` the conversion, ``loses`` what it would give, and
    ``instead`` is what to write where the user has asked for it by hand, ``index`` where it is an index.
    """
    place = place_now()
    if place is None:
        return NotDifferentiableError(f"{what} of a traced value, {found}, would give {loses}; {instead}")
    method = place.name.rpartition(".")[2]
    if place.name in _WRITING and place.operation != "STORE_SUBSCR":
        return refused_write(method)
    by_hand = place.name in ("", "float", "int", "complex", "range", *CONSUMERS) or what == f"{method}()"
    if place.operation == "STORE_SUBSCR" or (place.function is None and method in _WRITERS):
        message = _stored(place, found)
    elif place.looks:
        message = (
            f"{place.name} met a traced value, {found}, and would lose its derivative; {_looking(place.home)}"
        )
    elif place.operation in _READS and place.name not in _SUBSCRIPTED:
        message = _asked(place, found, "use as an index", "integers", index or _INDICES[0])
    elif by_hand and place.operation == "BINARY_OP" and what != "use as an index":
        frames = itertools.takewhile(lambda frame: frame.f_code is not place.code, above(frame_at(1)))
        message = _asked(place, found, what, loses, _of_operator(place, frames) or _OF_LIST)
    elif by_hand:
        message = _asked(place, found, what, loses, instead)
    else:
        rewrite = _or_plain(_rewrite(place), "give it ")
        if what in ("use as an index", "int()") and not instead_of(place.name):  # a size, a degree, an axis
            rewrite = _INDICES[0] if what == "int()" else instead
        message = (
            f"{place.name} met a traced value, {found}, where it needs {loses} ({what}), and would lose its "
            f"derivative; {rewrite}"
        )
    _last.set((message, place.code, place.line))
    return NotDifferentiableError(message)


def _asked(place: Place, found: str, what: str, loses: str, instead: str) -> str:
    """Return the message for a conversion that the user has asked for by hand."""
    at = f", in {place.text}," if place.text else ""
    return (
        f"{what} of a traced value, {found}{at} would give {loses} and lose its derivative; "
        f"{_or_plain(instead)}"
    )


def refused_sparse(found: str) -> NotDifferentiableError:
    """Return the error of a sparse matrix with traced entries of which a plain array is asked."""
    place = place_now()
    if place is not None and _in_scipy(place.name)[0]:
        return refusal(found, "numpy.asarray", "a plain array", "")
    return NotDifferentiableError(
        f"{found} is asked for a plain array (numpy.asarray), which would lose its derivative; write "
        f"A.toarray() for an array, and A * B for A.multiply(B) of a plain matrix A"
    )


_OF_LIST = "write np.array([...]) for the list after import funad.numpy as np"

_FUNCTION_OF = {
    ast.Add: "add", ast.Div: "divide", ast.MatMult: "matmul", ast.Mult: "multiply", ast.Pow: "power",
    ast.Sub: "subtract",
}  # fmt: skip


def _of_operator(place: Place | None, frames: Any) -> str:
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


def _looking(home: str) -> str:
    return JSON if home == "json" else LOOK


_READS = ("BINARY_SUBSCR", "BINARY_SLICE")
_INDICES = ("write int(stop_gradient(x))", "write stop_gradient(x).astype(int)")


def as_index(ndim: int) -> str:
    """Return what to write for a traced value as an index."""
    return _INDICES[min(ndim, 1)]


def _or_plain(instead: str, give: str = "") -> str:
    """Return advice with the other that is left: the plain value. An index is a plain one already."""
    return instead if instead in _INDICES else f"{instead}, or {give}{PLAIN}"


# Objects of NumPy's that make arrays of what stands in their brackets.
_SUBSCRIPTED = {
    f"{module}.{name}" for module in ("numpy", "funad.numpy") for name in ("c_", "mgrid", "ogrid", "r_")
}

# Methods that write into their array, and functions of NumPy's that write into their first argument.
_WRITERS = {"__setitem__", "fill", "itemset", "partition", "put", "sort"}
_WRITING = {
    f"numpy.{name}" for name in ("copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask")
}


def _stored(place: Place, found: str) -> str:
    """Return the message for a traced value that is put into what cannot hold it."""
    container = place.function
    text = f"{place.text} = ..." if place.operation == "STORE_SUBSCR" else place.text
    if issubclass(type(container), onp.ndarray) and container.dtype.kind in "biu":
        return (
            f"{text} puts a traced value, {found}, into an array of {container.dtype}, which holds whole "
            f"numbers only and has no derivative; make that array with dtype=float"
        )
    if type(container).__module__.startswith("scipy.sparse"):
        return (
            f"{text} puts a traced value, {found}, into a plain sparse matrix, which holds plain numbers "
            f"only; give all entries at once: write funad.scipy.sparse.csr_array((entries, (rows, columns)), "
            f"shape=shape)"
        )
    threading = sys.modules.get("threading")  # it takes a while to load, and without it there is one thread
    of_main = threading is None or threading.current_thread() is threading.main_thread()
    if not of_main and not TRACING.active:
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


def refused_in_place(found: str, traced: bool) -> NotDifferentiableError | None:
    """Return the error of v += x with a plain array v and a traced x; None of any other operation.

    NumPy's functions may do the same inside, with an array that they have made; ``traced`` says that the
    array to be written to can take a traced value.
    """
    place = place_now()
    if place is None:
        return None
    if place.operation != "BINARY_OP":
        f = place.function
        of_numpy = place.name.startswith("numpy.") and f is not None and not isinstance(f, onp.ufunc)
        if traced or not of_numpy or primitive_of(f) is None:
            return None
        return NotDifferentiableError(
            f"{place.name} met a traced value, {found}, which it would write into a plain array; "
            f"{_rewrite(place)}, or give it {PLAIN}"
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
    place = place_now()
    if place is not None and place.name.startswith("numpy.") and place.name not in _WRITING:
        # full, full_like and nan_to_num call copyto
        instead = OF_NAN if place.name == "numpy.nan_to_num" else _rewrite(place)
        return NotDifferentiableError(
            f"{place.name} met a traced value, which it would write into a plain array; {instead}, "
            f"or give it {PLAIN}"
        )
    return NotDifferentiableError(
        f"{name} would write a traced value into a plain array, which holds plain numbers only; make the "
        f"array with zeros, empty or copy of funad.numpy inside the function that is differentiated, or "
        f"with zeros_like(x)"
    )


def without_rule(name: str, found: str) -> str:
    """Return the message for a function on a traced value that has no rule."""
    place = place_now()
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
        f"slope), or give it {PLAIN}"
    )


def not_dispatched(name: str, found: str) -> str:
    """Return the message for a function of NumPy's that takes other arrays, but has no derivative rule."""
    instead = f"rewrite it with functions that have one, or give it {PLAIN}"
    return (
        f"{name} was called on a traced value, {found}, but has no derivative rule; "
        f"{LOOK if name in WRITING_FILES else instead}"
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
    places = [place_in(step.tb_frame, step.tb_lasti, step.tb_lineno) for step in mine]
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
    named = re.search(r"\b(Box|Dual|Traced|funad)\b|'Array'|type Array\b", str(error)) is not None
    return named or _speaks_of_the_concrete_class(error)


def _speaks_of_the_concrete_class(error: TypeError) -> bool:
    """Say whether an error, raised where a traced value is at hand, names the class that its value has."""
    *_, last = steps(error)
    if is_of_funad(last.tb_frame):
        return False  # of plain values, which a plain program would be told too
    at_hand = names_in(last.tb_frame).values()
    if any(type(x).__module__ == "funad.scipy.sparse.arrays" for x in at_hand):
        return True  # no class of SciPy's, and so refused in as many words as there are functions
    kinds = {x.__class__.__name__ for x in at_hand if hasattr(x, "tape")}
    spoken = re.search(rf"\b({'|'.join(kinds)}|PyObject)\b", str(error)) if kinds else None
    return spoken is not None
