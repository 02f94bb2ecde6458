"""The user's door: j, vjp, grad and their kin, functions that return derivative functions."""

from __future__ import annotations

import functools
import inspect
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as onp

from . import tree
from .boxes import Box, unbox
from .errors import ArgumentError, ArgumentTypeError, CotangentError, NonScalarOutputError
from .registry import Record, record_of
from .spaces import describe, fit, ones_like, shape_of, zeros_like
from .tape import WIDTH, Tape
from .tracing import sweep, trace

__all__ = ["elementwise_grad", "grad", "j", "stop_gradient", "value_and_grad", "vjp"]

ArgNums = int | str | tuple[int | str, ...]
ndarray = onp.ndarray


class Transformed:
    """A function made from a function: callable, a method where it stands in a class, picklable."""

    def __init__(self, run: Callable[..., Any], f: Callable[..., Any], *options: Any) -> None:
        if not callable(f):
            raise ArgumentError(
                f"{run.__name__.strip('_')} takes a function, but was given {describe(f)}; write "
                f"grad(f)(x), not grad(f(x))"
            )
        functools.update_wrapper(self, f)
        self._run, self._options = run, options

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._run(self.__wrapped__, *self._options, args, kwargs)  # type: ignore[attr-defined]

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __reduce__(self) -> Any:
        # Where a decorator has put this under the name of f, that name is how pickle finds it.
        found: Any = sys.modules.get(self.__module__)
        for part in getattr(self, "__qualname__", "").split("."):
            found = getattr(found, part, None)
        if found is self:
            return self.__qualname__  # type: ignore[attr-defined]
        return Transformed, (self._run, self.__wrapped__, *self._options)  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        return f"<{self._run.__name__.strip('_')} of {self.__wrapped__!r}>"  # type: ignore[attr-defined]


# --- which arguments are x


def _check_argnums(f: Callable[..., Any], argnums: Any) -> ArgNums:
    """Return argnums as given if it can be meant for f."""
    if isinstance(argnums, list):
        argnums = tuple(argnums)
    many = argnums if isinstance(argnums, tuple) else (argnums,)
    if not many or not all(isinstance(n, (int, str)) and not isinstance(n, bool) for n in many):
        raise ArgumentError(f"argnums is an int, a name or a tuple of them, not {argnums!r}")
    if len(set(many)) < len(many):
        raise ArgumentError(f"argnums {argnums!r} names an argument twice")
    return argnums  # type: ignore[no-any-return]


def _locate(f: Callable[..., Any], argnum: int | str, args: Any, kwargs: Any) -> int | str:
    """Return where the argument is in this call: a position in args or a key of kwargs."""
    name = getattr(f, "__name__", "f")
    if isinstance(argnum, int):
        place = argnum + len(args) if argnum < 0 else argnum
        if 0 <= place < len(args):
            return place
        named = _parameters(f)[argnum:] if argnum >= 0 else []
        if named and named[0] in kwargs:
            return named[0]
        raise ArgumentError(
            f"argnums={argnum}, but {name} was called with {len(args)} positional arguments, "
            f"counted from 0"
        )
    if argnum in kwargs:
        return argnum
    parameters = _parameters(f)
    if argnum in parameters and parameters.index(argnum) < len(args):
        return parameters.index(argnum)
    if argnum in parameters:
        raise ArgumentError(f"argnums={argnum!r}, but {name} was called without this argument")
    raise ArgumentError(
        f"argnums={argnum!r}, but {name} has no such argument; it has {', '.join(parameters)}"
    )


def _parameters(f: Callable[..., Any]) -> list[str]:
    """Return the names of the parameters of f, as far as Python knows them."""
    try:
        return list(inspect.signature(f).parameters)
    except (TypeError, ValueError):
        return []


# --- tracing a call


class _Call:
    """A call of f with some of its arguments made traceable: leaves in, leaves out."""

    __slots__ = ("args", "f", "kwargs", "leaves", "places", "single", "structures")

    def __init__(self, f: Callable[..., Any], argnums: ArgNums, args: Any, kwargs: Any) -> None:
        self.f, self.args, self.kwargs = f, args, kwargs
        self.single = not isinstance(argnums, tuple)
        many = argnums if isinstance(argnums, tuple) else (argnums,)
        self.places = [_locate(f, argnum, args, kwargs) for argnum in many]
        self.leaves: list[Any] = []
        self.structures: list[Any] = []
        for place in self.places:
            x = args[place] if isinstance(place, int) else kwargs[place]
            if type(x) is float or type(x) is ndarray and x.dtype.char in "dfFD":
                self.leaves.append(x)
                self.structures.append(None)
                continue
            leaves, structure = tree.flatten(x)
            self.structures.append(structure)
            if len(leaves) == 1 and structure.kind is None:
                self.leaves.append(_differentiable(f, place, x))
            else:
                paths = tree.paths(x)
                self.leaves += [
                    _differentiable(f, place, leaf, path) for leaf, path in zip(leaves, paths, strict=True)
                ]

    def __call__(self, boxes: list[Any]) -> Any:
        """Call f with boxes in the place of the leaves."""
        if len(boxes) == 1 and self.places == [0] and self.structures[0] is None:
            return self.f(boxes[0], *self.args[1:], **self.kwargs)
        args, kwargs = list(self.args), self.kwargs
        for place, x in zip(self.places, self.rebuilt(boxes), strict=True):
            if isinstance(place, int):
                args[place] = x
            else:
                kwargs = {**kwargs, place: x}
        return self.f(*args, **kwargs)

    def rebuilt(self, leaves: list[Any]) -> list[Any]:
        """Return the differentiated arguments with other leaves in them."""
        rest = iter(leaves)
        return [
            next(rest) if s is None else tree.unflatten(s, [next(rest) for _ in range(s.size)])
            for s in self.structures
        ]

    def results(self, xbars: list[Any]) -> Any:
        """Return the cotangents as the caller asked for them: alone, or a tuple."""
        pairs = zip(xbars, self.leaves, strict=True)
        found = self.rebuilt(_own([_finish(xbar, x) for xbar, x in pairs]))
        return found[0] if self.single else tuple(found)


def _differentiable(f: Any, place: int | str, x: Any, path: str = "") -> Any:
    """Return a leaf as a float, complex or array of them; refuse what cannot be one."""
    if type(x) is Box or isinstance(x, float):
        return x
    if isinstance(x, (int, complex)) and not isinstance(x, bool):
        return float(x) if isinstance(x, int) else onp.complex128(x)
    if isinstance(x, (ndarray, onp.generic)):
        if x.dtype.kind in "fc":
            return x
        if x.dtype.kind in "iu":
            return x.astype(onp.float64)
    name = getattr(f, "__name__", "f")
    which = f"argument {place}" if isinstance(place, int) else f"argument {place!r}"
    found = f"{describe(x)} ({x!r:.40})" if path else describe(x)
    raise ArgumentTypeError(
        f"{which} of {name}{f', at {path},' if path else ''} is {found}, and a derivative is taken "
        f"with respect to floats and float arrays only; name other arguments in argnums, or keep "
        f"what is not a number out of the container"
    )


def _finish(xbar: Any, x: Any) -> Any:
    """Return the cotangent of an input in the space of that input; zeros if nothing reached it."""
    if xbar is None:
        return zeros_like(x)
    if type(xbar) is float:
        return xbar if type(x) is float else fit(xbar, x)
    if type(x) is ndarray and type(xbar) is not ndarray and not isinstance(xbar, Box):
        xbar = onp.asarray(xbar)
    return xbar if type(xbar) is ndarray and xbar.dtype is x.dtype and xbar.shape == x.shape else fit(xbar, x)


def _own(xbars: list[Any]) -> list[Any]:
    """Return arrays that the caller may write to: no views, and no array twice."""
    seen: set[int] = set()
    for n, xbar in enumerate(xbars):
        if type(xbar) is ndarray:
            if xbar.base is not None or not xbar.flags.writeable or id(xbar) in seen:
                xbar = xbars[n] = xbar.copy()
            seen.add(id(xbar))
    return xbars


# --- the transformations


def vjp(
    f: Callable[..., Any], *primals: Any, argnums: ArgNums | None = None, has_aux: bool = False, **kwargs: Any
) -> Any:
    """Run ``f`` once and return its value and the function ȳ ↦ x̄ that walks back along that run.

    For y = f(x) and a scalar L of which ȳ = ∂L/∂y, x̄ = ∂L/∂x.

    Parameters
    ----------
    f : callable
        Takes and returns floats, float arrays, or containers of them.
    *primals : float, array or container
        Where to differentiate.
    argnums : int, str or tuple of them, optional
        Which primals are x; by default all of them.
    has_aux : bool, default False
        Say that ``f`` returns (y, aux), of which aux is passed on and not differentiated.
    **kwargs
        Passed to ``f``.

    Returns
    -------
    y
        The value of ``f``.
    vjp_f : callable
        Takes ȳ, of the structure and shapes of y, as often as you like. Returns x̄, of the
        structure, shapes and dtypes of x; a tuple of them for several primals.
    aux
        With ``has_aux`` only.

    Raises
    ------
    CotangentError
        By ``vjp_f``, if ȳ does not have the structure and shapes of y.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad import vjp
    >>> y, vjp_f = vjp(np.sin, np.array([0.0, 0.0]))
    >>> vjp_f(np.array([1.0, 2.0]))
    array([1., 2.])
    """
    if not primals:
        raise ArgumentError("vjp(f, *primals) runs f, so it needs the arguments of f as well")
    if argnums is None:
        argnums = 0 if len(primals) == 1 else tuple(range(len(primals)))
    call = _Call(f, _check_argnums(f, argnums), primals, kwargs)
    y, tape, aux = _trace(call, has_aux)
    leaves, structure = tree.flatten(y)
    entries = tape.end()

    def vjp_f(ybar: Any) -> Any:
        ybars, given = tree.flatten(ybar)
        if given != structure:
            raise CotangentError(f"the output has the structure {structure}, but ȳ has {given}")
        seeded = list(entries)
        for leaf, leaf_bar in zip(leaves, ybars, strict=True):
            if shape_of(leaf_bar) != shape_of(leaf):
                raise CotangentError(
                    f"the output has shape {shape_of(leaf)}, but ȳ has shape {shape_of(leaf_bar)}"
                )
            if type(leaf) is Box and leaf.tape is tape:
                before = seeded[leaf.index]
                fitted = fit(leaf_bar, leaf.value)
                seeded[leaf.index] = fitted if before is None else before + fitted
        kept = [seeded[leaf.index] for leaf in leaves if type(leaf) is Box and leaf.tape is tape]
        xbars = sweep(seeded, call, call.leaves, careful=True)
        return call.results([_unaliased(xbar, kept) for xbar in xbars])

    value = tree.unflatten(structure, [_out_of(tape, leaf) for leaf in leaves])
    return (value, vjp_f, aux) if has_aux else (value, vjp_f)


def _unaliased(xbar: Any, ybars: list[Any]) -> Any:
    """Return x̄ as an array of its own if it is a ȳ that the caller holds."""
    return xbar.copy() if type(xbar) is ndarray and any(xbar is ybar for ybar in ybars) else xbar


def _trace(call: _Call, has_aux: bool) -> tuple[Any, Tape, Any]:
    """Run the call on boxes; return y, still boxed, the tape, and aux without this trace's boxes."""
    y, tape = trace(call, call.leaves)
    if not has_aux:
        return y, tape, None
    if not isinstance(y, tuple) or len(y) != 2:
        tape.end()
        raise ArgumentError(
            f"has_aux=True needs a function that returns a pair (y, aux), but "
            f"{getattr(call.f, '__name__', 'f')} returned {describe(y)}"
        )
    return y[0], tape, tree.map(lambda leaf: _out_of(tape, leaf), y[1])


def _out_of(tape: Tape, x: Any) -> Any:
    """Return x as it is outside of this trace."""
    return x.value if type(x) is Box and x.tape is tape else x


def value_and_grad(f: Any, argnums: ArgNums = 0, has_aux: bool = False) -> Any:
    """Turn ``f`` into a function that returns the value of ``f`` and its gradient.

    See :func:`grad` for the parameters, and for what may be raised.

    Returns
    -------
    callable
        Takes the arguments of ``f``; returns (y, x̄), or ((y, aux), x̄) with ``has_aux``.

    Examples
    --------
    >>> from funad import value_and_grad
    >>> value_and_grad(lambda x: x**2)(3.0)
    (9.0, 6.0)
    """
    return Transformed(_value_and_grad, f, _check_argnums(f, argnums), has_aux)


def grad(f: Any, argnums: ArgNums = 0, has_aux: bool = False) -> Any:
    """Turn ``f`` into a function that returns its gradient.

    For y = f(x), a real number, the gradient is x̄ = ∂y/∂x. For complex x = a + ib it is
    ∂y/∂a − i ∂y/∂b, so that its conjugate is the direction of steepest ascent.

    Parameters
    ----------
    f : callable
        Returns a real number: a float or an array of shape ().
    argnums : int, str or tuple of them, default 0
        Which argument is x, by position or by name. Each is a float, a float or complex array,
        or a container of them (see :mod:`funad.tree`). Integers are taken as float64.
    has_aux : bool, default False
        Say that ``f`` returns (y, aux), of which aux is passed on and not differentiated.

    Returns
    -------
    callable
        Takes the arguments of ``f``; returns x̄, of the structure, shapes and dtypes of x; a
        tuple of them if ``argnums`` is a tuple; (x̄, aux) with ``has_aux``. It has the name,
        the docstring and the signature of ``f``, and pickles when ``f`` does.

    Raises
    ------
    NonScalarOutputError
        When called, if ``f`` does not return one real number.
    MissingRuleError
        When called, if ``f`` uses a function that has no derivative rule.
    ArgumentError, ArgumentTypeError
        If ``argnums`` does not fit the call, or x is not made of numbers.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad import grad
    >>> grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    array([2., 4.])
    >>> grad(lambda x, y: x * y**2, argnums=("x", "y"))(2.0, 3.0)
    (9.0, 12.0)
    """
    return Transformed(_grad, f, _check_argnums(f, argnums), has_aux)


def _grad(f: Any, argnums: ArgNums, has_aux: bool, args: Any, kwargs: Any) -> Any:
    value, xbar = _value_and_grad(f, argnums, has_aux, args, kwargs)
    return (xbar, value[1]) if has_aux else xbar


def _value_and_grad(f: Any, argnums: ArgNums, has_aux: bool, args: Any, kwargs: Any) -> Any:
    call = _Call(f, argnums, args, kwargs)
    y, tape, aux = _trace(call, has_aux)
    entries = tape.end()
    if type(y) is Box and y.tape is tape:
        value, index = y.value, y.index
        _check_scalar(f, value)
        del y
        entries[index] = ones_like(value)
        xbars = sweep(entries, call, call.leaves)
    else:
        value = y
        _check_scalar(f, value)
        xbars = [None] * len(call.leaves)
    found = call.results(xbars)
    return ((value, aux), found) if has_aux else (value, found)


def _check_scalar(f: Any, y: Any) -> None:
    """Refuse an output of which there is no gradient."""
    if type(y) is float:
        return
    name = getattr(f, "__name__", "f")
    if not tree.is_leaf(y) or isinstance(y, str) or not hasattr(unbox(y), "__float__"):
        raise NonScalarOutputError(
            f"grad needs a function with a scalar output, but {name} returned "
            f"{describe(y)}; return one number"
            + (", and use has_aux=True to return more beside it" if isinstance(y, tuple) else "")
        )
    if shape_of(y) != ():
        raise NonScalarOutputError(
            f"grad needs a function with a scalar output, but {name} returned shape "
            f"{shape_of(y)}; sum it, or use jacobian for one gradient per output"
        )
    if onp.asarray(unbox(y)).dtype.kind == "c":
        raise NonScalarOutputError(
            f"grad needs a real output, but {name} returned a complex one; take np.real, np.imag "
            f"or np.abs of it"
        )


def elementwise_grad(f: Any, argnums: ArgNums = 0, has_aux: bool = False) -> Any:
    """Turn a function that works element by element into its derivative, element by element.

    It is the gradient of the sum of the outputs, so y[i] must depend on x[i] alone. See
    :func:`grad` for the parameters.

    Returns
    -------
    callable
        Takes the arguments of ``f``; returns dy[i]/dx[i], of the shape and dtype of x.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad import elementwise_grad
    >>> elementwise_grad(elementwise_grad(np.square))(np.array([1.0, 2.0]))
    array([2., 2.])
    """
    return Transformed(_elementwise_grad, f, _check_argnums(f, argnums), has_aux)


def _elementwise_grad(f: Any, argnums: ArgNums, has_aux: bool, args: Any, kwargs: Any) -> Any:
    call = _Call(f, argnums, args, kwargs)
    y, tape, aux = _trace(call, has_aux)
    leaves, _ = tree.flatten(y)
    entries = tape.end()
    for leaf in leaves:
        if onp.asarray(unbox(leaf)).dtype.kind == "c":
            raise NonScalarOutputError(
                "elementwise_grad needs a real output; take np.real, np.imag or np.abs of it"
            )
        if type(leaf) is Box and leaf.tape is tape:
            before = entries[leaf.index]
            ones = ones_like(leaf.value)
            entries[leaf.index] = ones if before is None else before + ones
    found = call.results(sweep(entries, call, call.leaves))
    return (found, aux) if has_aux else found


def stop_gradient(x: Any) -> Any:
    """Return the plain value of ``x``: nothing that is computed from it has a derivative.

    Parameters
    ----------
    x : float, array or container
        Traced or not.

    Examples
    --------
    >>> from funad import grad, stop_gradient
    >>> grad(lambda x: x * stop_gradient(x))(3.0)
    3.0
    """
    return tree.map(unbox, x) if not isinstance(x, (Box, ndarray)) else unbox(x)


def j(f: Callable[..., Any], argnum: int | None = None) -> Callable[..., Any]:
    """Return the vector-Jacobian product of ``f``: j(f)(y, ȳ, *xs) = x̄.

    It is total: for a primitive, funad's or NumPy's own, it is the rule; for every other
    function it is derived by the chain rule, j(g∘f)(y, ȳ, x) = j(f)(f(x), j(g)(y, ȳ, f(x)), x).

    Parameters
    ----------
    f : callable
    argnum : int, optional
        Ask for the cotangent of this argument alone.

    Returns
    -------
    callable
        Takes y = f(*xs), its cotangent ȳ, the arguments of f, and keywords if f has them.
        Returns x̄ of a function of one argument, else the tuple of all of them.

    Raises
    ------
    MissingRuleError
        When called, if an argument has no rule.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad import j
    >>> j(np.divide)(2.0, 1.0, 6.0, 3.0)
    (0.3333333333333333, -0.6666666666666666)
    >>> float(j(lambda x: np.exp(x) ** 2)(1.0, 1.0, 0.0))
    2.0
    """
    record = record_of(f)
    if record is None:
        return functools.partial(_derived, f, argnum)
    return functools.partial(_of_primitive, record, argnum)


def _of_primitive(
    record: Record, argnum: int | None, y: Any, ybar: Any, /, *xs: Any, **kwargs: Any
) -> Any:
    """Pull ȳ back along a tape of this one call, for which y is not computed again."""
    if kwargs:
        record.check_keywords(kwargs)
    numbers = [argnum] if argnum is not None else _differentiable_positions(record, xs)
    if record.kind == "zero":
        found = [zeros_like(xs[n]) for n in numbers]
    else:
        for n in numbers:
            record.rule(n, xs[n])
        xs = tuple(_ready(record, n, x) if n in numbers else x for n, x in enumerate(xs))
        call = _OneCall(record, xs, kwargs, numbers)
        found = call.pull_back(y, ybar)
    return found[0] if argnum is not None or len(found) == 1 else tuple(found)


def _differentiable_positions(record: Record, xs: tuple[Any, ...]) -> list[int]:
    if record.kind == "zero":
        return [n for n in range(len(xs))]
    return [n for n in range(len(xs)) if n in record.rules] or [0]


def _ready(record: Record, n: int, x: Any) -> Any:
    """Return an argument of a primitive as floats, integers promoted and lists made arrays."""
    if n in record.containers:
        return [_ready_leaf(record, n, part) for part in x]
    return _ready_leaf(record, n, x)


def _ready_leaf(record: Record, n: int, x: Any) -> Any:
    return _differentiable(record.wrapped, n, onp.asarray(x) if isinstance(x, (list, tuple)) else x)


class _OneCall:
    """One call of a primitive, as an entry of a tape of its own."""

    def __init__(self, record: Record, xs: tuple[Any, ...], kwargs: Any, numbers: list[int]) -> None:
        self.record, self.xs, self.kwargs = record, xs, kwargs
        self.numbers = numbers
        self.sources: list[tuple[int, Any]] = []
        self.leaves: list[Any] = []
        for n in numbers:
            if n in record.containers:
                first = len(self.leaves) + 1
                self.leaves += xs[n]
                self.sources.append((n, tuple(range(first, len(self.leaves) + 1))))
            else:
                self.leaves.append(xs[n])
                self.sources.append((n, len(self.leaves)))

    def pull_back(self, y: Any, ybar: Any) -> list[Any]:
        """Return one cotangent, or list of cotangents, per number."""
        entries = Tape(len(self.leaves)).end()
        if isinstance(y, (tuple, list)):
            ybar = dict(enumerate(ybar))
        entries += (self.record, y, self.xs, self.kwargs, None, tuple(self.sources), ybar)
        assert (len(entries) - len(self.leaves) - 1) % WIDTH == 0
        found = sweep(entries, lambda _: None, self.leaves, careful=True)
        xbars = [_finish(xbar, x) for xbar, x in zip(found, self.leaves, strict=True)]
        return [
            [xbars[n - 1] for n in source] if isinstance(source, tuple) else xbars[source - 1]
            for _, source in self.sources
        ]


def _derived(f: Callable[..., Any], argnum: int | None, y: Any, ybar: Any, /, *xs: Any, **kwargs: Any) -> Any:
    """The chain rule: run f on boxes and pull ȳ back along the tape."""
    _, vjp_f = vjp(f, *xs, argnums=argnum, **kwargs)
    return vjp_f(ybar)
