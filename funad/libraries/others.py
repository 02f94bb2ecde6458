"""Calls of functions on arrays of other libraries than dask, by NumPy's protocols."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as onp

from .. import tree
from ..duck_arrays import refuse_call
from ..foreign import is_duck
from ..indices import repeats, scatter
from ..numpy.elementwise import complement, cosine_of, fermi, keep, one_minus_square, one_plus
from ..numpy.manipulation import cast
from ..registry import Primitive, primitive_of

ndarray = onp.ndarray


def call_library(prim: Primitive, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call NumPy's function, which hands over to the library by its protocols."""
    f = prim.f
    ducks = [x for x in tree.flatten((args, kwargs))[0] if is_duck(x)]
    form = _OF_ANY.get(f)
    f = f if form is None else form
    if form is None and not isinstance(f, (onp.ufunc, type(onp.sum))) and f is not operator.getitem:
        refuse_call(prim, args, kwargs)
    try:
        return f(*args, **kwargs)
    except (ValueError, RuntimeError) as error:  # sparse has fill values, of which it refuses some
        refuse_call(prim, args, kwargs, f"{error}".split("\n")[0].rstrip("."))
    except TypeError as error:
        try:  # as CuPy's do, they may refuse arrays of NumPy's beside them
            return f(*(_beside(x, ducks[0]) for x in args), **kwargs)
        except TypeError:
            refuse_call(prim, args, kwargs, f"{error}".split("\n")[0])


def _beside(x: Any, duck: Any) -> Any:
    """Return a plain array as one of a library."""
    if type(x) in (list, tuple):
        return type(x)(_beside(part, duck) for part in x)
    return onp.asarray(x, like=duck) if issubclass(type(x), (ndarray, onp.generic)) else x


def _scatter_there(shape: Any, dtype: Any, indices: Any, pieces: Any) -> Any:
    """Return zeros of a library with each piece added at its index."""
    dense = onp.zeros_like(next(filter(is_duck, pieces)), dtype=dtype, shape=tuple(shape))
    for index, piece in zip(indices, pieces, strict=True):
        if repeats(index):
            raise TypeError("it adds to places that may be named twice")
        dense[index] = dense[index] + piece
    return dense


# Slopes, by formulas of a library's own functions; NumPy's arrays have more digits at the ends.
_OF_ANY: dict[Any, Callable[..., Any]] = {
    primitive_of(keep).f: lambda x, condition: onp.where(condition, x, 0.0),  # type: ignore[union-attr]
    primitive_of(fermi).f: lambda x: 1 / (1 + onp.exp(x)),  # type: ignore[union-attr]
    primitive_of(one_plus).f: lambda y, x: onp.exp(x),  # type: ignore[union-attr]
    primitive_of(one_minus_square).f: lambda y, x: 1 / onp.cosh(x) ** 2,  # type: ignore[union-attr]
    primitive_of(complement).f: lambda x: (1 - x) * (1 + x),  # type: ignore[union-attr]
    primitive_of(cosine_of).f: lambda a, b: a / onp.where(a == 0, 1.0, onp.hypot(a, b)),  # type: ignore[union-attr]
    scatter: _scatter_there,
    primitive_of(cast).f: lambda x, dtype, casting="unsafe": x.astype(dtype),  # type: ignore[union-attr]
    **dict.fromkeys((onp.asarray, onp.asanyarray, onp.copy), lambda x, *_, **__: x),
}
