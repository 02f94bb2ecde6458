"""What is known of arrays of other libraries without a look at their numbers, and how a call is refused."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as onp

from .. import tree
from ..duck_arrays import Unread, is_lazy, written
from ..foreign import is_duck
from ..registry import Primitive

OF_SHAPES = frozenset(
    {onp.shape, onp.ndim, onp.size, onp.iscomplexobj, onp.isrealobj, onp.result_type, onp.common_type,
     onp.can_cast, onp.min_scalar_type, onp.isscalar}
)  # fmt: skip


def model(x: Any) -> Any:
    """Return an array without memory of the shape and dtype of another."""
    return onp.broadcast_to(onp.zeros((), x.dtype), x.shape) if is_duck(x) else x


def refuse(prim: Primitive, args: Any, kwargs: Any, why: str = "") -> NoReturn:
    """Refuse a call by name: ``why``, and what to write instead."""
    lazy = [x for x in tree.flatten((args, kwargs))[0] if is_duck(x)]
    x = lazy[0]
    if is_lazy(x):
        instead = (
            f"{why or 'dask has no function for it'}. Of an array in one chunk any function runs as one "
            f"task: x.rechunk(-1) if it fits into memory; otherwise write it with functions that dask has"
        )
    else:
        instead = f"{why or 'the library has no function for it'}; write it with functions that it has"
    raise Unread(f"{prim.name} of {written(x)} beside a traced value: {instead}")
