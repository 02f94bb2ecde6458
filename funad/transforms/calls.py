"""A call of f with some of its arguments made traceable: which ones, leaves in, leaves out."""

from __future__ import annotations

import functools
import inspect
import os
import sys
import types
from collections.abc import Callable
from typing import Any, NoReturn, ParamSpec, TypeVar

import numpy as onp

from .. import tree
from ..boxes import Box, Dual, Traced
from ..cpython import is_of_funad, leave_out, other_holders
from ..duck_arrays import DUCKS, Duck, as_duck, like_given, released
from ..errors import ArgumentError, ArgumentTypeError, NonScalarOutputError, OverwrittenError
from ..foreign import is_duck
from ..memory import TINY
from ..numpy.ties import left
from ..opaque import Batched
from ..refusals import refused_constant
from ..registry import by_position, enter, primitive_of, signature_of
from ..snapshots import sampled, written_argument
from ..spaces import (
    describe,
    fit,
    held_copy,
    is_complex,
    is_number,
    is_read_only,
    laid_out_copy,
    name_of,
    shed,
    shed_kinks_of_derivative,
    zeros_like,
)
from ..trace import TRACING
from ..traces.cotangents import lies_in_space_of
from ..traces.reverse import Tape, has_ended, refuse_ended
from ..tracing import run
from ..values import class_of, constant, dtype_of, is_deferred, shape_of
from ..writing import content_of, snapshot

ArgNums = int | str | tuple[int | str, ...]
# The arguments of a function, which what a transformation makes of it has too; its result; a further result.
P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
ndarray, float64 = onp.ndarray, onp.float64


class MadeFrom:
    """A function made from a function, ``__wrapped__``: a method where it stands in a class, picklable."""

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    def arguments(self) -> tuple[Any, ...]:
        """Return what its class makes it of."""
        raise NotImplementedError

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __reduce__(self) -> Any:
        # Where a decorator has put this under the name of f, that name is how pickle finds it.
        found: Any = sys.modules.get(self.__module__)
        for part in getattr(self, "__qualname__", "").split("."):
            found = getattr(found, part, None)
        return self.__qualname__ if found is self else (type(self), self.arguments())


class Transformed(MadeFrom):
    """A transformation of a function: ``run(f, *options, args, kwargs)`` is its call."""

    def __init__(self, run: Callable[..., Any], f: Callable[..., Any], *options: Any) -> None:
        check_function(run.__name__.strip("_"), f)
        functools.update_wrapper(self, f)
        self._run, self._options = run, options

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        try:
            y = self._run(self.__wrapped__, *self._options, args, kwargs)  # type: ignore[attr-defined]
            return tree.map(released, y) if DUCKS.used else y
        except Exception as error:
            hide_frames(error)
            raise

    def arguments(self) -> tuple[Any, ...]:
        return self._run, self.__wrapped__, *self._options  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        return f"<{self._run.__name__.strip('_')} of {self.__wrapped__!r}>"  # type: ignore[attr-defined]


def door(transformation: Callable[P, R]) -> Callable[P, R]:
    """Have a transformation that runs f itself hide its frames from tracebacks."""

    @functools.wraps(transformation)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return transformation(*args, **kwargs)
        except Exception as error:
            hide_frames(error)
            raise

    return run


def hide_frames(error: Exception) -> None:
    """Take funad's own frames out of a traceback, unless the environment says FUNAD_TRACEBACK=full."""
    if os.environ.get("FUNAD_TRACEBACK") != "full":
        leave_out(is_of_funad, error)


def check_function(name: str, f: Any, right: str = "{}(f)(x)", wrong: str = "{}(f(x))") -> None:
    """Refuse what is no function, such as the value of one; right and wrong are how one writes the call."""
    if not callable(f):
        raise ArgumentError(
            f"{name} takes a function, but was given {describe(f)}; write {right.format(name)}, not "
            f"{wrong.format(name)}"
        )


# --- which arguments are x


def check_argnums(f: Callable[..., Any], argnums: Any, argnum: Any = None) -> ArgNums:
    """Return argnums as given, or argnum, as autograd calls it, if it can be meant for f."""
    if argnum is not None:
        if argnums != 0:
            raise ArgumentError(
                f"argnum is another name of argnums; give one of them, not {argnums!r} and {argnum!r}"
            )
        argnums = argnum
    if isinstance(argnums, (list, tuple)):
        argnums = tuple([int(n) if isinstance(n, onp.integer) else n for n in argnums])
    elif isinstance(argnums, onp.integer):
        argnums = int(argnums)
    many = argnums if isinstance(argnums, tuple) else (argnums,)
    if not many or not all(isinstance(n, (int, str)) and not isinstance(n, bool) for n in many):
        given = issubclass(type(argnums), (float, complex, onp.ndarray, dict))  # as in grad(f, x)
        raise ArgumentError(
            f"argnums is an int, a name or a tuple of them, not {argnums!r:.60}"
            + ("; what f is called with comes in a second call, grad(f)(x)" if given else "")
        )
    if len(set(many)) < len(many):
        raise ArgumentError(f"argnums {argnums!r} names an argument twice")
    return argnums  # type: ignore[no-any-return]


def locate(f: Callable[..., Any], argnum: int | str, args: Any, kwargs: Any) -> int | str:
    """Return where the argument is in this call: a position in args or a key of kwargs."""
    if type(argnum) is int and 0 <= argnum < len(args):
        return argnum
    name = name_of(f)
    if isinstance(argnum, int):
        place = argnum + len(args) if argnum < 0 else argnum
        if argnum < 0 and kwargs and not set(kwargs).isdisjoint(_positional(f)):
            raise ArgumentError(
                f"argnums={argnum} counts from the last argument, but {name} was given some by name "
                f"({', '.join(kwargs)}); name the one that is meant"
            )
        if 0 <= place < len(args):  # counted from the last
            return place
        named = _positional(f)[argnum:] if argnum >= 0 else []
        if named and named[0] in kwargs:
            return named[0]
        counted = f"{len(args)} positional argument{'s' * (len(args) != 1)}"
        raise ArgumentError(
            f"argnums={argnum}, but {name} was called with {counted}; the first one is argnums=0"
        )
    if argnum in kwargs:
        return argnum
    positional = _positional(f)
    if argnum in positional[: len(args)]:
        return positional.index(argnum)
    raise ArgumentError(f"argnums={argnum!r}, but {_why_not(f, name, argnum, positional)}")


def _why_not(f: Callable[..., Any], name: str, argnum: str, positional: list[str]) -> str:
    """Return why an argument is not to be found by its name."""
    signature = signature_of(f)
    if signature is None:
        return f"{name} does not show the names of its arguments; give its position"
    parameters = signature.parameters
    if argnum not in parameters:
        return f"{name} has no such argument; it has {', '.join(parameters) or 'none'}"
    kind = parameters[argnum].kind
    if kind is inspect.Parameter.VAR_POSITIONAL:
        first = list(parameters).index(argnum)
        return f"*{argnum} of {name} is any number of arguments; give their positions, from {first} on"
    if kind is inspect.Parameter.VAR_KEYWORD:
        return f"**{argnum} of {name} is any number of arguments; give their names"
    if argnum not in positional and kind is not inspect.Parameter.KEYWORD_ONLY:
        return f"{name} is wrapped in a function of other arguments; give its position"
    return f"{name} was called without this argument"


def _positional(f: Callable[..., Any]) -> list[str]:
    """Return the names of the arguments of f that may be given by position, in order."""
    names = [p.name for p in by_position(signature_of(f))]
    if hasattr(f, "__wrapped__") and primitive_of(f) is None:
        # functools.wraps shows the arguments of what is wrapped, which may be others than those taken.
        own = [p.name for p in by_position(signature_of(f, follow_wrapped=False))]
        if own != names[: len(own)]:
            return own
    return names


def leaf_names(f: Callable[..., Any], args: Any, kwargs: Any) -> list[str]:
    """Return how each leaf of (args, kwargs) is written in f: ``params['w'][0]``."""
    signature = signature_of(f)
    names = [p.name for p in by_position(signature)]
    for parameter in signature.parameters.values() if signature is not None else ():
        if parameter.kind is parameter.VAR_POSITIONAL:
            names += [f"{parameter.name}[{n}]" for n in range(len(args) - len(names))]
    names += [f"argument{n}" for n in range(len(names), len(args))]
    named = [*zip(names, args, strict=False), *kwargs.items()]
    return [path for name, x in named for path in tree.paths(x, name)]


# --- tracing a call


class Call:
    """A call of f with some of its arguments made traceable: leaves in, leaves out."""

    __slots__ = ("args", "f", "given", "kwargs", "leaves", "places", "single", "structures")

    def __init__(self, f: Callable[..., Any], argnums: ArgNums, args: Any, kwargs: Any) -> None:
        self.f, self.args, self.kwargs = f, args, kwargs
        self.single = not isinstance(argnums, tuple)
        if argnums == 0 and args:
            self.places: list[Any] = [0]
        else:
            many = argnums if isinstance(argnums, tuple) else (argnums,)
            self.places = [locate(f, argnum, args, kwargs) for argnum in many]
            if len(many) > 1 and len(set(self.places)) < len(many):
                raise ArgumentError(f"argnums {argnums!r} names an argument twice")
        self.leaves: list[Any] = []
        self.structures: list[Any] = []
        for place in self.places:
            x = args[place] if isinstance(place, int) else kwargs[place]
            if type(x) is float or (type(x) is ndarray and x.dtype.char in "dfFD"):
                self.leaves.append(x)
                self.structures.append(None)
                continue
            leaves, structure = tree.flatten(x)
            self.structures.append(structure)
            for n, leaf in enumerate(leaves):
                if type(leaf) is float or (type(leaf) is ndarray and leaf.dtype.char in "dfFD"):
                    self.leaves.append(leaf)
                else:
                    self.leaves.append(differentiable(f, place, leaf, x, n))
        self.given = self.leaves  # the caller's own, of which ``leaves`` may become copies

    def __call__(self, boxes: list[Any]) -> Any:
        """Call f with boxes in the place of the leaves; refuse it if it writes into these all the same."""
        if len(self.given) == 1:  # most calls; without lists, in half of the time
            (x,) = self.given
            if type(x) is not ndarray:
                return self._run(boxes)
            content = x.tobytes() if x.nbytes < TINY else sampled(x)
            y = self._run(boxes)
            if content != (x.tobytes() if x.nbytes < TINY else sampled(x)):
                raise OverwrittenError(written_argument(name_of(self.f), x))
            return y
        before = [(x, sampled(x)) for x in self.given if type(x) is ndarray]
        y = self._run(boxes)
        for x, content in before:
            if sampled(x) != content:
                raise OverwrittenError(written_argument(name_of(self.f), x))
        return y

    def _run(self, boxes: list[Any]) -> Any:
        if self.places == [0]:
            structure = self.structures[0]
            x = boxes[0] if structure is None else tree.unflatten(structure, boxes)
            return self.f(x, *self.args[1:], **self.kwargs)
        args, kwargs = self.arguments(self.rebuilt(boxes))
        return self.f(*args, **kwargs)

    def arguments(self, xs: Any) -> tuple[list[Any], dict[str, Any]]:
        """Return args and kwargs with xs in the place of the differentiated arguments."""
        args, kwargs = list(self.args), dict(self.kwargs)
        for place, x in zip(self.places, xs, strict=True):
            if isinstance(place, int):
                args[place] = x
            else:
                kwargs[place] = x
        return args, kwargs

    def rebuilt(self, leaves: list[Any]) -> list[Any]:
        """Return the differentiated arguments with other leaves in them."""
        if len(self.structures) == 1 and self.structures[0] is not None:
            return [tree.unflatten(self.structures[0], leaves)]
        rest = iter(leaves)
        return [
            next(rest) if s is None else tree.unflatten(s, [next(rest) for _ in range(s.size)])
            for s in self.structures
        ]

    def results(self, xbars: list[Any]) -> Any:
        """Return the cotangents as the caller asked for them: alone, or a tuple."""
        if DUCKS.used:
            xbars = list(map(like_given, xbars, self.leaves))
        if self.single and self.structures[0] is None:
            (xbar,), (x,) = xbars, self.leaves
            if type(x) is float and (type(xbar) is float or type(xbar) is float64):
                return xbar
            return owned([finish(xbar, x)])[0]
        found = self.rebuilt(owned(list(map(finish, xbars, self.leaves))))
        return found[0] if self.single else tuple(found)


def differentiable(f: Any, place: int | str, x: Any, whole: Any = None, n: int = 0) -> Any:
    """Return the n-th leaf of an argument as a float, complex or array of them; refuse what cannot be one."""
    if issubclass(type(x), float):
        return x
    if isinstance(x, Traced):
        if has_ended(x.tape):
            refuse_ended()
        x = snapshot(x)  # f may write into it, and its caller may, later
        if dtype_of(x).kind in "fc":
            return x
        return (
            x.astype(onp.float64)
            if dtype_of(x).kind in "iu"
            else _refuse_argument(f, place, x, whole, n, False)
        )
    if issubclass(type(x), (int, complex)) and not isinstance(x, bool):
        return float(x) if isinstance(x, int) else onp.complex128(x)
    own = type(x) is not ndarray and issubclass(type(x), ndarray) and refused_constant(x) is not None
    if issubclass(type(x), (ndarray, onp.generic)) and not own:
        if x.dtype.kind in "fc":
            return x if issubclass(type(x), onp.generic) or type(x) is ndarray else x.view(ndarray)
        if x.dtype.kind in "iu":
            return x.astype(onp.float64)
    if is_duck(x) and x.dtype.kind in "fciu":
        return as_duck(x if x.dtype.kind in "fc" else x.astype(onp.float64))
    return _refuse_argument(f, place, x, whole, n, own)


_NO_CONTAINERS = (str, bytes, bool, type(None), ndarray, onp.generic)


def _refuse_argument(f: Any, place: int | str, x: Any, whole: Any, n: int, own: bool) -> NoReturn:
    """Refuse a leaf that is no number; ``own`` says that it is an array whose arithmetic is its own."""
    name = name_of(f)
    path = tree.paths(whole)[n] if whole is not None else ""
    which = f"argument {place}" if isinstance(place, int) else f"argument {place!r}"
    found = f"{describe(x)} ({x!r:.40})" if path else describe(x)
    if own:
        found = (
            f"a {type(x).__name__}, whose arithmetic is its own (give numpy.asarray(x), and a mask beside it)"
        )
    elif hasattr(x, "__array__") and not issubclass(type(x), (ndarray, onp.generic)):
        found += " (give its values as an array: numpy.asarray(x))"
    elif place == 0 and hasattr(type(x), name):
        found += " (self, the object of the method, counts too: argnums=1 is the argument behind it)"
    elif not hasattr(x, "__name__") and not issubclass(type(x), _NO_CONTAINERS):  # a function has a name
        found += " (if it holds numbers, make its class a container with funad.tree.register)"
    raise ArgumentTypeError(
        f"{which} of {name}{f', at {path},' if path else ''} is {found}, and a derivative is taken "
        f"with respect to floats and float arrays only; name other arguments in argnums"
        + (", or keep what is not a number out of the container" if path else "")
    )


def check_direction(v: Any, x: Any, name: str, error: type[Exception]) -> None:
    """Refuse a tangent or a cotangent of x that is no number, or complex where x is real."""
    if type(v) is float:
        return
    if not is_number(v):
        raise error(f"{name} is made of numbers, but {describe(v)} was given for {describe(x)}")
    if is_complex(v) and not is_complex(x):
        raise error(
            f"{name} is {describe(v)}, but it belongs to {describe(x)}, which is real; give the real and the "
            f"imaginary part one by one"
        )


def leaves_like(structure: Any, x: Any, v: Any, owner: str, name: str, error: type[Exception]) -> list[Any]:
    """Return the leaves of v, a tangent or a cotangent of x; refuse v of another structure than x has."""
    try:
        return [_as_leaf(leaf) for leaf in tree.flatten_like(structure, v)]
    except ArgumentError:
        if structure.kind is None and isinstance(v, (list, tuple)):
            raise error(
                f"{owner} is one {describe(x)}, but {name} is a {describe(v)}; write numpy.array(...)"
            ) from None
        raise error(f"{owner} has the structure {structure}, but {name} has {tree.flatten(v)[1]}") from None


def _as_leaf(v: Any) -> Any:
    """Return a tangent or a cotangent as it is now, and as a plain array if its class adds no arithmetic."""
    if issubclass(type(v), ndarray) and type(v) is not ndarray and refused_constant(v) is None:
        return v.view(ndarray)
    return as_duck(v) if is_duck(v) else snapshot(v)


def check_complex(call: Call) -> None:
    """Refuse real arguments of a function that is said to be holomorphic."""
    for x in call.leaves:
        if not is_complex(x):
            raise ArgumentTypeError(
                f"holomorphic=True is for functions of complex numbers, but "
                f"{name_of(call.f)} was given {describe(x)}; write x + 0j"
            )


def check_complex_result(f: Any, y: Any) -> None:
    """Refuse a real result of a function that is said to be holomorphic."""
    if not is_complex(y):
        raise NonScalarOutputError(
            f"holomorphic=True is for functions with complex results, but {name_of(f)} "
            f"returned a real one, and a real function is holomorphic only if it is constant; leave "
            f"holomorphic=True out"
        )


def finish(xbar: Any, x: Any, xdots: Any = (), xs: Any = ()) -> Any:
    """Return the cotangent of an input in the space of that input; zeros if nothing reached it.

    Or the tangent of an output, of the tangents ẋ of the inputs.
    """
    if type(x) is ndarray or type(x) is float:
        found = _finish_plain(xbar, x)
        if found is not None:
            return found
        if type(xbar) is Batched and lies_in_space_of(xbar, x):
            return xbar
    if xbar is None:
        return zeros_like(x)
    if type(xbar) is float:
        return fit(xbar, x)
    if is_duck(xbar):
        xbar = as_duck(xbar)
    elif type(x) is ndarray and type(xbar) is not ndarray and not isinstance(xbar, Traced):
        xbar = onp.asarray(xbar)
    elif type(x) is not ndarray and type(xbar) is ndarray:
        return fit(xbar, x)[()]  # of a number, a number
    if isinstance(xbar, Traced):
        xbar = left(shed_kinks_of_derivative(fit(xbar, x)), x if xs else 0.0, xdots, xs)
    else:
        xbar = fit(xbar, x)
    return xbar if shape_of(xbar) else _of_the_class_of(x, xbar)


def _of_the_class_of(x: Any, xbar: Any) -> Any:
    """Return x̄, of no axes, as a number where x is one, and as an array where x is one."""
    if class_of(x) is ndarray is not class_of(xbar):
        return _ASARRAY.traced(xbar)  # it can be written to
    return xbar[()] if is_deferred(xbar) and class_of(x) is not ndarray is class_of(xbar) else xbar


def _finish_plain(xbar: Any, x: Any) -> Any:
    """Return x̄ as above for the commonest x and x̄, None for others."""
    if type(xbar) is ndarray:
        return xbar if type(x) is ndarray and xbar.dtype is x.dtype and xbar.shape == x.shape else None
    if type(x) is float:
        return xbar if type(xbar) is float or type(xbar) is float64 else None
    return onp.asarray(xbar) if type(xbar) is float64 and x.dtype is xbar.dtype and not x.shape else None


def owned(xbars: list[Any]) -> list[Any]:
    """Return arrays that the caller may write to: no views, and no array twice."""
    seen: set[int] = set()
    for n, xbar in enumerate(xbars):
        if type(xbar) is ndarray:
            if id(xbar) in seen or not xbar.flags.writeable or (xbar.base is not None and _is_part(xbar)):
                xbar = xbars[n] = own_copy(xbar)
            seen.add(id(xbar))
        elif isinstance(xbar, Traced):
            xbars[n] = own_copy(xbar)
    return xbars


def own_copy(x: Any) -> Any:
    """Return an array, traced or not, as one that the caller may write to; anything else as it is.

    It is laid out in memory as x is, but by rows if x is read-only with gaps or one number in many places.
    """
    if type(x) is ndarray:
        return laid_out_copy(x) if x.flags.forc or not is_read_only(x) else x.copy()
    if not isinstance(x, Traced) or type(x) is Duck:
        return released(x)
    plain = constant(x)
    if issubclass(type(plain), ndarray) and is_read_only(plain):
        return _COPY.traced(content_of(x), "F" if plain.flags.fnc else "C")
    return snapshot(x)


_COPY, _ASARRAY = enter(onp.copy), enter(onp.asarray)


def _is_part(xbar: Any) -> bool:
    """Say whether a view is one of what someone else has, or of more than itself."""
    base = xbar.base
    # A fresh array in another shape is held by that view of it alone.
    return type(base) is not ndarray or base.nbytes != xbar.nbytes or other_holders(base) > 1


def own_copies(xs: list[Any]) -> list[Any]:
    """Return arrays that the caller may write to, or may go on to use, on their own."""
    return list(map(own_copy, xs))


def kept_copies(xs: list[Any]) -> list[Any]:
    """Return arrays that stay what they are, whatever the caller does: to f they are the caller's own."""
    return [_kept_copy(x) if type(x) is ndarray else x for x in xs]


def _kept_copy(x: Any) -> Any:
    y = held_copy(x)
    if is_read_only(x) and not TRACING.lending:
        y.flags.writeable = False
    return y


# --- running it


def trace_call(call: Call, has_aux: bool, xdots: list[Any] | None = None) -> tuple[Any, Tape, Any]:
    """Run the call on boxes; return y, still boxed, the tape, and aux without this trace's boxes."""
    tape = Tape(len(call.leaves), xdots=xdots)
    y = run(call, call.leaves, tape)
    if not has_aux:
        if type(y) is not Box:
            check_output(call.f, y)
        return y, tape, None
    try:
        y, aux = pair(call.f, y)
    except ArgumentError:
        tape.end()
        raise
    return y, tape, tree.map(lambda leaf: own_result(tape, leaf), aux)


def pair(f: Any, y: Any) -> Any:
    """Return the pair (y, aux) that f has returned; refuse anything else."""
    if not isinstance(y, tuple) or len(y) != 2:
        raise ArgumentError(
            f"has_aux=True needs a function that returns a pair (y, aux), but {name_of(f)} returned "
            f"{describe(y)}"
        )
    return y


def check_output(f: Any, y: Any) -> None:
    """Refuse a result of which no part can have a derivative."""
    if not tree.is_leaf(y) or is_number(y):
        return
    hint = " (does it end without a return statement?)" if y is None else ""
    instead = "a number, an array, or a container of them"
    if isinstance(getattr(y, "data", None), Traced):  # a DataArray, say
        instead = "what it holds, y.data"
    raise NonScalarOutputError(
        f"{name_of(f)} returned {describe(y)}{hint}, which has no derivative; return {instead}"
    )


def check_not_discrete(f: Any, ys: list[Any]) -> None:
    """Refuse results that are booleans and integers only: they are constant where they do not jump."""
    if ys and all(is_number(y) and dtype_of(y).kind in "biu" for y in ys):
        kind = "booleans" if all(dtype_of(y).kind == "b" for y in ys) else "integers"
        raise NonScalarOutputError(
            f"{name_of(f)} returned {kind} ({describe(ys[0])}), whose derivative is 0 where they do not "
            f"jump; return 1.0 * y, if zeros are what is wanted"
        )


def out_of(trace: Any, x: Any) -> Any:
    """Return x as it is outside of this trace."""
    return shed(x.primal) if type(x) in (Box, Dual) and x.tape is trace else x


def own_result(trace: Any, x: Any) -> Any:
    """Return x as it is outside of this trace, in memory that nobody else writes to or keeps."""
    found = out_of(trace, x)
    return own_copy(found) if found is not x else x


def takes(f: Any, args: Any, kwargs: Any) -> bool:
    """Say whether f can be called with these arguments, as far as its signature says it."""
    signature = signature_of(f)
    try:
        _ = signature is None or signature.bind(*args, **kwargs)
    except TypeError:
        return False
    return True
