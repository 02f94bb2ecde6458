"""Gradients that are not to be too large: as a whole, or number by number."""

from __future__ import annotations

import math
from typing import Any

import numpy as onp

from .. import numpy as np
from .. import tree
from ..errors import ArgumentTypeError
from ..spaces import describe, is_complex
from ..values import constant, dtype_of
from .checks import check

__all__ = ["clip_by_norm", "clip_by_value", "global_norm"]


def in_space(new: Any, old: Any) -> Any:
    """Return new with the dtype of old, and as a Python float where old is one."""
    if type(old) in (float, complex):
        return new if constant(new) is not new else type(old)(new)
    return new if dtype_of(new) == old.dtype else new.astype(old.dtype)


def global_norm(gradient: Any) -> Any:
    """Return √Σ|g|² over every number g in a container.

    Parameters
    ----------
    gradient : container of floats and float or complex arrays

    Returns
    -------
    float
        Right for numbers of any size: they are scaled before they are squared.

    Examples
    --------
    >>> from funad.optimizers import global_norm
    >>> float(global_norm({"w": [3.0, 0.0], "b": 4.0}))
    5.0
    """
    leaves = [leaf for leaf in tree.flatten(gradient)[0] if math.prod(onp.shape(constant(leaf)))]
    largest = max((float(onp.max(onp.abs(constant(leaf)))) for leaf in leaves), default=0.0)
    if largest == 0 or not math.isfinite(largest):
        return largest
    scaled = np.sqrt(sum(np.sum(np.abs(leaf / largest) ** 2) for leaf in leaves))
    # A Python float, unless traced: the norm may lie beyond float32 where its parts do not.
    return largest * (float(scaled) if constant(scaled) is scaled else scaled)


def clip_by_norm(gradient: Any, limit: float) -> Any:
    """Return the gradient shortened to the length ``limit``, if it is longer; its direction stays.

    g·min(1, limit/‖g‖), where ‖g‖ = √Σ|g|² is over the whole container. An infinity or a NaN is
    not hidden: it makes every number of the gradient a NaN or a zero.

    Parameters
    ----------
    gradient : container of floats and float or complex arrays
    limit : float
        Above 0.

    Returns
    -------
    container
        Of the same structure, shapes and dtypes.

    References
    ----------
    Pascanu, Mikolov, Bengio (2013): On the difficulty of training recurrent neural networks.

    Examples
    --------
    >>> from funad.optimizers import clip_by_norm
    >>> clip_by_norm({"w": 6.0, "b": 8.0}, 5.0)
    {'w': 3.0, 'b': 4.0}
    """
    check("limit", limit, "a number above 0")
    norm = global_norm(gradient)
    if norm <= limit:
        return gradient
    factor = limit / norm
    return tree.map(lambda g: in_space(g * factor, g), gradient)


def clip_by_value(gradient: Any, limit: float) -> Any:
    """Return the gradient with every number moved into [−limit, limit].

    Parameters
    ----------
    gradient : container of floats and float arrays
    limit : float
        Above 0.

    Returns
    -------
    container
        Of the same structure, shapes and dtypes.

    Raises
    ------
    ArgumentTypeError
        If a part of it is complex: such numbers have no order.

    Examples
    --------
    >>> from funad.optimizers import clip_by_value
    >>> clip_by_value({"w": 6.0, "b": -0.5}, 1.0)
    {'w': 1.0, 'b': -0.5}
    """
    check("limit", limit, "a number above 0")
    return tree.map(lambda g: _clipped(g, limit), gradient)


def _clipped(g: Any, limit: float) -> Any:
    if is_complex(g):
        raise ArgumentTypeError(
            f"clip_by_value puts numbers in order, which complex ones ({describe(g)}) have not; "
            f"use clip_by_norm"
        )
    return in_space(np.minimum(np.maximum(g, -limit), limit), g)
