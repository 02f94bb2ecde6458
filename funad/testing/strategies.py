"""Hypothesis strategies: where to draw the arguments of a primitive from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import hypothesis.strategies as st
import numpy as onp
from hypothesis.extra import numpy as hnp

from .checks import Call

__all__ = ["Case", "arrays", "broadcasting", "calls", "case", "dtypes", "layouts", "one", "shapes"]


@dataclass(frozen=True)
class Case:
    """Where to draw the calls of a primitive from, which keywords they have, and calls by hand.

    ``order`` is up to which order its derivatives are checked; ``complex`` says whether complex
    arguments make sense.
    """

    draw: st.SearchStrategy[Call]
    keywords: frozenset[str] = frozenset()
    examples: tuple[Call, ...] = ()
    order: int = 2
    complex: bool = True


def shapes(max_dims: int = 3, min_dims: int = 0, min_side: int = 0, max_side: int = 3) -> Any:
    """Draw shapes, of size 0 and of no dimensions among them."""
    return hnp.array_shapes(
        min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side
    ) if min_dims else st.just(()) | hnp.array_shapes(
        min_dims=1, max_dims=max_dims, min_side=min_side, max_side=max_side
    )  # fmt: skip


def dtypes() -> Any:
    """Draw the dtypes that have derivatives."""
    return st.sampled_from([onp.float64, onp.float32, onp.complex128, onp.complex64])


def layouts() -> Any:
    """Draw functions that lay an array out otherwise in memory: Fortran order, strides, read-only."""
    return st.sampled_from([_as_is, _fortran, _reversed_strides, _gaps, _read_only])


def _as_is(x: Any) -> Any:
    return x


def _fortran(x: Any) -> Any:
    return onp.asfortranarray(x) if x.ndim else x  # which would give a number one axis


def _reversed_strides(x: Any) -> Any:
    return x if x.ndim == 0 else x[::-1].copy()[::-1]


def _gaps(x: Any) -> Any:
    wide = onp.repeat(x[..., None], 2, axis=-1)
    return wide[..., 0]


def _read_only(x: Any) -> Any:
    x = onp.array(x)
    x.flags.writeable = False
    return x


@st.composite
def arrays(
    draw: Any,
    shape: Any = None,
    low: float = -2.0,
    high: float = 2.0,
    *,
    distinct: bool = False,
    avoid: tuple[float, ...] = (),
    complex: bool = False,
    layout: bool = True,
) -> Any:
    """Draw float arrays with values in [low, high].

    Parameters
    ----------
    shape : tuple of int or strategy, optional
    low, high : float
    distinct : bool, default False
        Keep all values apart, as functions with kinks at ties need.
    avoid : tuple of float
        Points to stay away from by 0.1: kinks, poles.
    complex : bool, default False
        Draw imaginary parts too.
    layout : bool, default True
        Vary the memory layout.
    """
    if shape is None:
        shape = shapes()
    shape = draw(shape) if isinstance(shape, st.SearchStrategy) else shape
    rng = onp.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = int(onp.prod(shape))
    if distinct:
        steps = (rng.permutation(size) + rng.uniform(0.3, 0.7, size)) / max(size, 1)
        x = low + (high - low) * steps
    else:
        x = rng.uniform(low, high, size)
    for point in avoid:
        near = onp.abs(x - point) < 0.1
        x = onp.where(near, point + onp.where(x >= point, 0.1, -0.1) + (x - point), x)
    if complex:
        x = x + 1j * rng.uniform(low, high, size)
    x = onp.reshape(x, shape)
    return draw(layouts())(x) if layout else x


def calls(*args: Any, **kwargs: Any) -> Any:
    """Draw calls: each argument is a strategy or a constant; each keyword is left out at times."""

    @st.composite
    def drawn(draw: Any) -> Call:
        values = tuple(draw(x) if isinstance(x, st.SearchStrategy) else x for x in args)
        named = {
            name: draw(x) if isinstance(x, st.SearchStrategy) else x
            for name, x in kwargs.items()
            if draw(st.booleans())
        }
        return Call(values, named)

    return drawn()


def case(
    *args: Any, examples: tuple[Call, ...] = (), order: int = 2, complex: bool = True, **kwargs: Any
) -> Case:
    """Return the case of a primitive: arguments and keywords as strategies or constants."""
    return Case(calls(*args, **kwargs), frozenset(kwargs), examples, order, complex)


def one(
    low: float = -2.0, high: float = 2.0, *, avoid: tuple[float, ...] = (), complex: bool = True,
    examples: tuple[Call, ...] = (), order: int = 2,
) -> Case:  # fmt: skip
    """Return the case of a function of one array with values in [low, high]."""
    return case(arrays(None, low, high, avoid=avoid), complex=complex, examples=examples, order=order)


def broadcasting(
    low: float = -2.0, high: float = 2.0, n: int = 2, *, avoid: tuple[float, ...] = (),
    distinct: bool = False, complex: bool = True, examples: tuple[Call, ...] = (), order: int = 2,
) -> Case:  # fmt: skip
    """Return the case of a function of n arrays that broadcast against each other."""

    @st.composite
    def drawn(draw: Any) -> Call:
        group = draw(hnp.mutually_broadcastable_shapes(num_shapes=n, max_dims=3, max_side=3, min_side=0))
        parts = [draw(arrays(shape, low, high, avoid=avoid)) for shape in group.input_shapes]
        if distinct:  # apart from each other by more than a difference step
            parts = [part + 0.013 * k * (high - low) for k, part in enumerate(parts)]
        return Call(tuple(parts))

    return Case(drawn(), frozenset(), examples, order, complex)
