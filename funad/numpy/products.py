"""Products of vectors, matrices and tensors."""

import functools as _functools

import numpy as _np

from ..boxes import innermost as _innermost
from ..calling import as_array as _as_array
from ..calling import call as _call
from ..primitives import implements as _implements
from ..primitives import primitive
from ..registry import Primitive as _Primitive
from ..registry import enter as _enter
from ..values import shape_of as _shape_of
from ..writing import Array as _Array
from ..writing import linked as _linked
from ..writing import view_of as _view_of

__all__ = [
    "dot",
    "vdot",
    "vecdot",
    "inner",
    "outer",
    "matmul",
    "tensordot",
    "einsum",
    "einsum_path",
    "cross",
    "kron",
    "trace",
]

dot = primitive(_np.dot)
vdot = primitive(_np.vdot)
vecdot = primitive(_np.vecdot)
inner = primitive(_np.inner)
outer = primitive(_np.outer)
matmul = primitive(_np.matmul)
tensordot = primitive(_np.tensordot)
einsum_path = primitive(_np.einsum_path)
cross = primitive(_np.cross)
kron = primitive(_np.kron)
trace = primitive(_np.trace)

if hasattr(_np, "matvec"):  # NumPy 2.2
    matvec = primitive(_np.matvec)
    vecmat = primitive(_np.vecmat)
    __all__ += ["matvec", "vecmat"]

# --- einsum: a primitive whose form with lists of labels is written as a string first

# There is a rule for each of so many operands; of more, the last ones are multiplied beforehand.
MOST_OPERANDS = 8

_EINSUM = _enter(_np.einsum)
_LOWER = "abcdefghijklmnopqrstuvwxyz"  # the module string takes half a millisecond of the import


@_implements(_np.einsum)
def einsum(*operands, **kwargs):
    if _innermost(operands) is not None:
        if not isinstance(operands[0], str):
            operands = _as_string(operands)
        if len(operands) > MOST_OPERANDS + 1:
            operands = (operands[0], *map(_as_array, operands[1:]))
        while len(operands) > MOST_OPERANDS + 1:
            operands = _with_last_two_multiplied(*operands, **kwargs)
        if len(operands) == 2:  # of one operand it may be a view
            subscripts, a = operands
            if type(a) is _Array:
                return _view_of(a, _REORDERED, (subscripts,), kwargs)
            return _linked(_call(_EINSUM, operands, kwargs), _REORDERED, (a, subscripts), kwargs)
    return _call(_EINSUM, operands, kwargs)


# With the array in front, as steps from an array to its views have it
_REORDERED = _Primitive(lambda a, subscripts, **kwargs: _np.einsum(subscripts, a, **kwargs), "numpy.einsum")
_REORDERED.traced = lambda a, subscripts, **kwargs: einsum(subscripts, a, **kwargs)


def _as_string(operands):
    """Write einsum(a, [0, 1], b, [1, 2], [0, 2]) as einsum("AB,BC->AC", a, b)."""
    subscripts = ",".join(_letters(labels) for labels in operands[1::2])
    if len(operands) % 2:
        return (f"{subscripts}->{_letters(operands[-1])}", *operands[:-1:2])
    return (subscripts, *operands[::2])


def _letters(labels):
    # Capitals first, as NumPy has it: the implicit output is in alphabetical order.
    alphabet = _LOWER.upper() + _LOWER
    return "".join("..." if label is Ellipsis else alphabet[label] for label in labels)


def _with_last_two_multiplied(subscripts, *operands, **kwargs):
    """Return the arguments of einsum with one operand less."""
    inputs, output = explicit(subscripts, tuple(len(_shape_of(x)) for x in operands))
    *others, a, b = inputs
    kept = "".join(label for label in dict.fromkeys(a + b) if label in "".join((output, *others)))
    product = einsum(f"{a},{b}->{kept}", *operands[-2:], **kwargs)
    return (",".join((*others, kept)) + "->" + output, *operands[:-2], product)


@_functools.lru_cache
def explicit(subscripts, ranks):
    """Return the labels of each operand and of the output: every ellipsis and the output written out."""
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    parts = inputs.split(",")
    covered = [rank - len(part) + 3 if "..." in part else 0 for part, rank in zip(parts, ranks, strict=True)]
    free = [label for label in _LOWER + _LOWER.upper() if label not in subscripts]
    broadcast = "".join(free[n] for n in range(max(covered)))
    if not arrow:
        letters = inputs.replace(",", "").replace("...", "")
        output = "..." + "".join(label for label in sorted(letters) if letters.count(label) == 1)
    labels = (
        part.replace("...", broadcast[len(broadcast) - n :]) for part, n in zip(parts, covered, strict=True)
    )
    return tuple(labels), output.replace("...", broadcast)
