"""Which instruction of the user's is being run: its source, the function that it calls, and whose that is."""

from __future__ import annotations

import ast
import functools
import itertools
import linecache
import os
import site
import sys
from types import MethodType
from typing import Any, NamedTuple

import numpy as onp

from .advice import instead_of
from .cpython import (
    AT_USER,
    HERE,
    above,
    frame_at,
    is_of_funad,
    names_in,
    operation_at,
    positions_at,
    source_of,
)

_LIBRARIES = tuple(  # not by sysconfig, whose import takes 2 ms
    {path + os.sep for path in (os.path.dirname(os.__file__), *site.getsitepackages())}
    | {
        os.path.dirname(os.path.dirname(os.path.abspath(onp.__file__))) + os.sep,
        "<frozen",
        "<__array_function__",
    }
)

# What is called to look at values, to keep or to send them: the standard library but for what computes,
# and what draws, and makes tables. Of NumPy, what writes files.
_COMPUTING = {
    "_operator", "builtins", "cmath", "ctypes", "decimal", "fractions", "functools", "itertools", "math",
    "operator", "random", "statistics",
}  # fmt: skip
_LOOKING = {
    "IPython", "PIL", "bokeh", "h5py", "ipywidgets", "matplotlib", "mlflow", "pandas", "plotly", "polars",
    "pyarrow", "rich", "seaborn", "tabulate", "tensorboard", "tqdm", "wandb", "xarray",
}  # fmt: skip
WRITING_FILES = {f"numpy.{name}" for name in ("save", "savetxt", "savez", "savez_compressed")}


class Place(NamedTuple):
    """An instruction of the user's that is being run."""

    code: Any
    line: int
    text: str  # its source
    name: str  # the dotted name of the function that it calls; "" of any other instruction
    base: str  # the source of what that function is a method of
    arguments: str  # the source of what it is called with, from the bracket on
    function: Any  # that function, where it is known
    operation: str  # the name of the instruction
    home: str  # the package of that function, or of what it is a method of

    @property
    def looks(self) -> bool:
        """Whether a value is given away to be looked at, kept or sent."""
        standard = self.home in sys.stdlib_module_names and self.home not in _COMPUTING
        return standard or self.home in _LOOKING or self.name in WRITING_FILES


def place_now() -> Place | None:
    """Return the user's instruction that is being run: the innermost outside of libraries, if any is.

    Below the frames of funad that called f, all is the user's.
    """
    found = None
    for frame in above(frame_at(2)):
        if is_of_funad(frame):
            if frame.f_code.co_qualname == "Call._run":
                f = names_in(frame)["self"].f
                while isinstance(f, functools.partial):
                    f = f.func
                name = own_name(f, str(attribute(f, "__name__", "")))
                if found is None or name.partition(".")[0] in KNOWN:  # of f as it is: grad(math.sin)
                    return Place(frame.f_code, frame.f_lineno, "", name, "", "", f, "CALL", home_of(f))
                break
        else:
            found = frame
            if not in_library(frame):
                break
    else:
        return None  # a thread of a library's, which has called a function as it was given
    return None if found is None else place_in(found, found.f_lasti, found.f_lineno)


def in_library(frame: Any) -> bool:
    """Say whether a frame runs code of funad or of a library, and none of the user's."""
    code = frame.f_code
    return code.co_qualname == AT_USER or bool(code.co_filename.startswith((HERE, *_LIBRARIES)))


def place_in(frame: Any, at: int, line: int) -> Place:
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
        behind = text.encode()[tree.end_col_offset :].decode()
        arguments = "" if mapped else behind.partition("(")[2]
        base = ast.unparse(tree.value) if isinstance(tree, ast.Attribute) else ""
    elif isinstance(tree, ast.BinOp):
        sides = [_named(side, frame)[0] for side in (tree.left, tree.right)]
        name = next((side for side in sides if instead_of(side)), "")
    return Place(code, line, text, name, base, arguments, function, operation_at(code, at), home)


def _mapped(tree: Any) -> Any:
    """Return math.sin of list(map(math.sin, ...)): list and its like ask for no number themselves."""
    if not isinstance(tree, ast.Call):
        return None
    parts: Any = ast.walk(tree) if getattr(tree.func, "id", "") in CONSUMERS else (tree,)
    for part in parts:
        called = getattr(part, "func", None)
        name = getattr(called, "id", getattr(called, "attr", ""))
        if name in ("filter", "map", "reduce", "starmap") and part.args:
            return part.args[0]
        keys = [keyword.value for keyword in getattr(part, "keywords", ()) if keyword.arg == "key"]
        if name in ("max", "min", "sorted") and keys:
            return keys[0]
    return None


CONSUMERS = {"all", "any", "dict", "enumerate", "list", "max", "min", "next", "set", "sorted", "sum", "tuple"}


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
    spaces = (names_in(frame), frame.f_globals, frame.f_builtins)
    while (step := _step_of(tree, spaces)) is not None:
        steps.insert(0, step)
        tree = tree.value if isinstance(tree, ast.Attribute) else tree.args[0]
    if isinstance(tree, ast.Call):  # numpy.vectorize(f)(x), numpy.random.default_rng().normal(x)
        name, _, home = _named(tree.func, frame)
        known = steps or name.removeprefix("funad.").partition(".")[0] in KNOWN
        return ".".join([name if known else ast.unparse(tree), *steps]), None, home
    if isinstance(tree, ast.Subscript) and not steps:  # functions["exp"](x)
        return _held_at(tree, frame)
    if not isinstance(tree, ast.Name):
        return ".".join(["", *steps]), None, ""
    value = _value_of(tree, spaces)
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
            return ".".join([name, *steps[n:]]), method, home_of(value)
    found = home_of(value)  # of json.dumps, json.encoder's own: what the user has written counts
    return name, value, (home.partition(".")[0] if steps else found) or found


def _held_at(tree: ast.Subscript, frame: Any) -> tuple[str, Any, str]:
    """Return the name of what a list or a dict holds at a place, itself as far as known, and its package."""
    text, (_, holder, _) = ast.unparse(tree), _named(tree.value, frame)
    if type(holder) not in (dict, list, tuple) or not isinstance(tree.slice, ast.Constant):
        return (text, None, "") if type(holder) is dict else ("", None, "")
    try:
        value = holder[tree.slice.value]
    except (LookupError, TypeError):
        return "", None, ""
    return own_name(value, text), value, home_of(value)


def _value_of(tree: Any, spaces: Any) -> Any:
    """Return what a name stands for, or a literal; None of anything else."""
    if isinstance(tree, ast.Constant):
        return tree.value
    name = tree.id if isinstance(tree, ast.Name) else None
    return next((space[name] for space in spaces if name in space), None)


def _step_of(tree: Any, spaces: Any) -> str | None:
    """Return the name of the attribute that is read: x.name, or getattr(x, name)."""
    if isinstance(tree, ast.Attribute):
        return tree.attr
    if isinstance(tree, ast.Call) and len(tree.args) == 2 and _value_of(tree.func, spaces) is getattr:
        name = _value_of(tree.args[1], spaces)
        return name if isinstance(name, str) else None
    return None


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


def home_of(value: Any) -> str:
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
    return ".".join([*public, own]) if public[0] in KNOWN else name


KNOWN = {"numpy", "scipy", "math", "cmath", "statistics"}
