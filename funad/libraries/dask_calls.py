"""Calls of functions on dask arrays: by element, by dask's function of that name, or as one task."""

from __future__ import annotations

import sys
from typing import Any

import numpy as onp

from .. import tree
from ..duck_arrays import Unread, refuse_call
from ..foreign import is_duck
from ..memory import is_placeholder
from ..numpy.ufuncs import masked
from ..registry import Primitive, primitive_of
from .dask_functions import FORMS, FORMS_OF_SCIPY, da
from .tasks import Task, Value, works_by_element

ndarray = onp.ndarray
_MASKED = primitive_of(masked).f  # type: ignore[union-attr]


def call_dask(prim: Primitive, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a function on dask arrays, without a look at any of their numbers."""
    f = prim.f
    lazy = [x for x in tree.flatten((args, kwargs))[0] if is_duck(x)]
    if f is _MASKED:
        refuse_call(prim, args, kwargs, "dask writes into no out=; write np.where(where, f(x), out)")
    form = FORMS.get(f) or FORMS_OF_SCIPY.get(prim.name)
    args = tuple(_operand(x, lazy) for x in args)
    if form is None and works_by_element(prim) and not any(is_duck(x) for x in kwargs.values()):
        if isinstance(f, onp.ufunc):
            return da.core.elemwise(f, *args, **kwargs) if not kwargs else f(*args, **kwargs)
        task = f if isinstance(f, Task) else Value(prim, None, kwargs)
        return da.core.elemwise(task, *args)
    in_one = all(x.npartitions == 1 for x in lazy)
    of_dask = _of_dask(f) if form is None else form
    if of_dask is None or (in_one and prim.kind == "vjp"):
        return _as_task(prim, args, kwargs, lazy)
    try:
        y = of_dask(*args, **kwargs)
        return _as_task(prim, args, kwargs, lazy) if y is NotImplemented else y
    except Unread:
        raise
    except _OF_DASK as error:
        if in_one:
            return _as_task(prim, args, kwargs, lazy)
        refuse_call(prim, args, kwargs, f"dask says: {error}".split("\n")[0].rstrip("."))


# What dask raises where it cannot do what NumPy does.
_OF_DASK = (
    NotImplementedError, ValueError, TypeError, AttributeError, LookupError, AssertionError,
    ZeroDivisionError,
)  # fmt: skip


def _operand(x: Any, lazy: list[Any]) -> Any:
    """Return one number in many places, which a rule of NumPy's has made, as a dask array of no memory."""
    if type(x) in (list, tuple):
        return type(x)(_operand(part, lazy) for part in x)
    if type(x) is ndarray and x.size > 1 and not any(x.strides):
        if is_placeholder(x):
            return x
        chunks = next((a.chunks for a in lazy if a.shape == x.shape), "auto")
        return da.full(x.shape, x[(0,) * x.ndim], chunks=chunks, dtype=x.dtype)
    return x


# Functions of dask's that are another one than NumPy's: approximations, other results, other forms, or of
# a size that depends on the numbers.
_OTHER = frozenset(
    {"quantile", "percentile", "nanquantile", "nanpercentile", "lstsq", "qr", "svd", "unique", "bincount",
     "nonzero", "flatnonzero", "argwhere", "searchsorted", "allclose", "repeat", "histogram", "shape", "ndim"}
)  # fmt: skip


def _of_dask(f: Any) -> Any:
    """Return dask's function of the name of one of NumPy's; None if it has none that is the same."""
    if isinstance(f, onp.ufunc):
        return f
    place: Any = da
    for part in (getattr(f, "__module__", None) or "").split(".")[1:]:
        place = getattr(place, part, None)
    name = getattr(f, "__name__", "")
    found = getattr(place, _ALIASES.get(name, name), None)
    return None if found is f or name in _OTHER or not callable(found) else found


_ALIASES = {"amax": "max", "amin": "min", "copy": "asarray"}


def _sample(x: Any, seed: int) -> Any:
    """Return plain numbers of the shape and dtype of an array, to see what a function makes of them."""
    if not is_duck(x):
        return x
    if x.dtype.kind not in "fc":
        return onp.full(x.shape, seed, x.dtype)
    numbers = onp.random.default_rng(seed).uniform(0.2, 0.8, x.shape)
    if x.ndim > 1 and x.shape[-1] == x.shape[-2]:
        numbers = numbers + x.shape[-1] * onp.eye(x.shape[-1])
    if seed:
        numbers = onp.where(numbers > 0.5, 0.9, 0.0) + numbers * (x.ndim > 1)
    return onp.asarray(numbers, x.dtype)


class _Whole:
    """One call of a task: it checks that the result is of the shape that was expected."""

    def __init__(self, task: Any, structure: Any, shapes: Any) -> None:
        self.task, self.structure, self.shapes = task, structure, shapes

    def __dask_tokenize__(self) -> Any:
        return ("whole", self.task.__dask_tokenize__(), str(self.structure), self.shapes)

    def __call__(self, leaves: list[Any]) -> Any:
        y = self.task(*tree.unflatten(self.structure, list(leaves)))
        parts = tree.flatten(y)[0]
        shapes = [onp.shape(part) for part in parts]
        if shapes != list(self.shapes):
            raise ValueError(
                f"{self.task.name} returned shapes {shapes}, where {list(self.shapes)} were expected"
            )
        return list(map(onp.asarray, parts))


def _as_task(prim: Primitive, args: Any, kwargs: Any, lazy: list[Any]) -> Any:
    """Call a function of arrays in one chunk each as one task; refuse it on others."""
    if any(x.npartitions != 1 for x in lazy) or any(is_duck(x) for x in tree.flatten(kwargs)[0]):
        refuse_call(prim, args, kwargs)
    task = prim.f if isinstance(prim.f, Task) else Value(prim, None, kwargs)
    leaves, structure = tree.flatten(tuple(args))
    like = args[task.of_shape] if task.of_shape is not None else None
    if like is not None and hasattr(like, "shape"):
        return _delayed(task, structure, leaves, None, [(like.shape, like.dtype)])
    wanted = []
    for seed in (0, 1):
        try:
            with onp.errstate(all="ignore"):
                y = task(*tree.unflatten(structure, [_sample(x, seed) for x in leaves]))
        except Exception as error:
            refuse_call(prim, args, kwargs, f"what it returns is not known before it runs ({error})")
        wanted.append((y, [(onp.shape(part), onp.asarray(part).dtype) for part in tree.flatten(y)[0]]))
    (y, of_parts), (_, others) = wanted
    if of_parts != others:
        refuse_call(
            prim, args, kwargs, "the size of what it returns depends on numbers that are not known yet"
        )
    return _delayed(task, structure, leaves, y, of_parts)


def _delayed(task: Any, structure: Any, leaves: Any, y: Any, of_parts: Any) -> Any:
    """Return the results of a task, of known shapes and dtypes, as dask arrays, in the form of y."""
    dask = sys.modules["dask"]
    whole = _Whole(task, structure, tuple(shape for shape, _ in of_parts))
    # The chunks themselves: of an array, delayed makes a copy of its graph, which reads the data once more.
    chunks = [x.to_delayed(optimize_graph=False).item() if is_duck(x) else x for x in leaves]
    made = dask.delayed(whole, pure=True)(chunks)
    ys = [da.from_delayed(made[n], shape, dtype) for n, (shape, dtype) in enumerate(of_parts)]
    return ys[0] if y is None else tree.unflatten(tree.flatten(y)[1], ys)
