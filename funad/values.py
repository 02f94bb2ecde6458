"""What may be known of a traced value, and the one door to its number.

Traces stand one around the other, and a traced value knows its own, ``x.tape``. Of any x, traced or plain:

    shape_of(x), dtype_of(x), class_of(x)   what every trace knows
    constant(x)                             x for arithmetic on which no derivative is to depend
    any_of(mask), all_of(mask)              a decision; of the members of a batch, one that is right for all
    option_of(x)                            a number that chooses a formula, for which a program is right
    value_of(x, why)                        the plain number, now: each trace is asked by ``Trace.look``

A transparent value (of reverse or forward mode) stands for one number, which ``constant`` takes out. An
opaque one stands for more: for the members of a batch, or for what later calls of a program are given.
``constant`` leaves it as it is, so that its trace sees what is computed and compared. Python's ``bool``,
``float`` and the like ask the trace of an opaque value as ``value_of`` does.
"""

from __future__ import annotations

from typing import Any

import numpy as onp

ndarray = onp.ndarray
_FLOAT = onp.dtype(float)
NUMBERS = frozenset({float, ndarray, onp.float64})  # the commonest classes of plain values


def shape_of(x: Any) -> tuple[int, ...]:
    """Return the shape of a number, an array or a traced value."""
    if type(x) is float:
        return ()
    return x.shape if type(x) is ndarray or hasattr(x, "shape") else onp.shape(x)


def dtype_of(x: Any) -> Any:
    """Return the dtype of a number, an array or a traced value."""
    if type(x) is float:
        return _FLOAT
    return x.dtype if type(x) is ndarray or hasattr(x, "dtype") else onp.asarray(x).dtype


def class_of(x: Any) -> Any:
    """Return the class that the plain value has: ndarray, float64, float."""
    if type(x) in NUMBERS:
        return type(x)
    while hasattr(x, "tape"):
        if x.opaque:
            return x.kind
        x = x.primal
    return type(x)


def is_array(x: Any) -> bool:
    """Say whether the plain value is an array, and no number."""
    return class_of(x) is ndarray


def constant(x: Any) -> Any:
    """Return the value of x without the traces that differentiate: plain, or of an opaque trace."""
    if type(x) in NUMBERS:
        return x
    while hasattr(x, "tape"):
        if x.opaque:
            return x.constant()
        x = x.primal
    return x


def option_of(x: Any) -> Any:
    """Return x as the plain number that chooses a formula, as the order of a norm does.

    A program that is recorded is right for that number only.
    """
    if type(x) in NUMBERS or not hasattr(x, "tape"):
        return x
    inner = constant(x)
    return inner.option() if hasattr(inner, "option") else x


def value_of(x: Any, why: str) -> Any:
    """Return the plain number or array that x is now, for a decision on it; ``why`` says what asks.

    A trace may refuse, or note that what follows is right for this number only.
    """
    while hasattr(x, "tape"):
        x = x.tape.look(x, why)
    return x


def members_of(x: Any) -> Any:
    """Return ``constant(x)``, and of a batch all members as one array: a question to all at once."""
    if type(x) in NUMBERS:
        return x
    while hasattr(x, "tape"):
        if x.opaque:
            return x.members()
        x = x.primal
    return x


def any_of(mask: Any) -> bool:
    """Say whether a mask is true anywhere, in any member of a batch."""
    values = members_of(mask)
    return bool(onp.count_nonzero(values) if type(values) is ndarray else onp.any(values))


def all_of(mask: Any) -> bool:
    """Say whether a mask is true everywhere, in all members of a batch."""
    values = members_of(mask)
    if type(values) is ndarray:
        return bool(onp.count_nonzero(values) == values.size)
    return bool(onp.all(values))


def is_mask(x: Any) -> bool:
    """Say whether the result of a comparison is an array or traced, and no single yes or no."""
    return type(x) is ndarray or hasattr(x, "tape")


def is_opaque(x: Any) -> bool:
    """Say whether an opaque trace is around x, outside of other traces or not."""
    return hasattr(constant(x), "tape")


def is_unknown(x: Any) -> bool:
    """Say whether a transparent trace is around x: x may be 0 now, and have a derivative that is not."""
    while hasattr(x, "tape"):
        if not x.opaque:
            return True
        x = x.inside
    return False


def is_deferred(x: Any) -> bool:
    """Say whether a question to all that x stands for has to be a call, which is asked again later."""
    return type(x) not in NUMBERS and hasattr(members_of(x), "tape")


def memory_of(x: Any) -> Any:
    """Return the plain array under every trace, to ask how it lies in memory: its numbers are not read."""
    while type(x) is not ndarray and hasattr(x, "tape"):
        x = x.inside
    return x
