"""Curves and signals: interpolation, slopes, phases, convolutions and windows."""

import numpy as _np
from numpy.lib.array_utils import normalize_axis_tuple as _normalized

from ..boxes import Traced as _Traced
from ..boxes import innermost as _innermost
from ..calling import as_array as _as_array
from ..errors import NotDifferentiableError as _NotDifferentiableError
from ..opaque import Batched as _Batched
from ..opaque import batched as _batched
from ..primitives import composite as _composite
from ..primitives import primitive
from ..values import any_of as _any_of
from ..values import class_of as _class_of
from ..values import constant as _constant
from ..values import dtype_of as _dtype_of
from ..values import shape_of as _shape_of
from .elementwise import i0 as _i0
from .elementwise import remainder as _remainder
from .elementwise import where as _where
from .indexing import getitem as _getitem
from .manipulation import cast as _cast
from .manipulation import concatenate as _concatenate
from .manipulation import laid_out_as as _laid_out_as
from .manipulation import reshape as _reshape
from .reductions import difference as _difference

__all__ = [
    "interp",
    "gradient",
    "unwrap",
    "convolve",
    "correlate",
    "bartlett",
    "blackman",
    "hamming",
    "hanning",
    "kaiser",
]

unwrap = primitive(_np.unwrap)
convolve = primitive(_np.convolve)
correlate = primitive(_np.correlate)


# --- interpolation


@_composite(_np.interp)
def interp(x, xp, fp, left=None, right=None, period=None):
    """Return the values at x of the line through the points (xp, fp).

    At a point, the slope in x is that of the line to its right, and at the last that to its left.
    """
    y = _value(*map(_plain, (x, xp, fp, left, right, period)))  # and its own checks
    x, xp, fp = (_in_double(_as_array(part)) for part in (x, xp, fp))
    if period is not None:
        left = right = None
        period = abs(period)
        x, xp = _remainder(x, period), _remainder(xp, period)
        order = _np.argsort(_constant(xp))
        xp, fp = xp[order], fp[order]
        xp = _concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = _concatenate([fp[-1:], fp, fp[:1]])
    at, points = _constant(x), _constant(xp)
    before, behind = at < points[0], at > points[-1]
    outside = _any_of(before | behind)
    if outside:
        x = _where(before | behind, points[0], x)
    near = _np.searchsorted(points, _constant(x), side="right") - 1
    found = _on_the_line(x, xp, fp, near, y) if len(points) > 1 else _getitem(fp, near)
    missing = _np.isnan(y) & ~(before | behind)
    if _any_of(missing):  # of nans the derivatives are nan as well, to every order
        ends = _np.maximum(near, 0), _np.minimum(near + 1, len(points) - 1)
        of_all = sum((_getitem(xp, end) + _getitem(fp, end) for end in ends), x)
        found = _where(missing, _np.nan * of_all * of_all, found)
    if outside:
        found = _where(before, fp[0] if left is None else left, found)
        found = _where(behind, fp[-1] if right is None else right, found)
    if not issubclass(_class_of(y), _np.ndarray) and issubclass(_class_of(found), _np.ndarray):
        found = found[()]  # of where, for one number
    return found if _dtype_of(found) == y.dtype else _cast(found, y.dtype)


def _value(x, *others):
    """Return what NumPy returns; of a batched x, one line for all examples."""
    if type(x) is _Batched and _innermost(others) is None:
        return _batched(x.tape, _np.interp(x.stack, *others))
    return _np.interp(x, *others)


def _on_the_line(x, xp, fp, near, y):
    """Return fp + slope·(x - xp) for the points at ``near``, the last ones not above x."""
    line = _np.minimum(near, len(_constant(xp)) - 2)
    at, value = _getitem(xp, line), _getitem(fp, line)
    rise, run = _getitem(fp, line + 1) - value, _getitem(xp, line + 1) - at
    if _any_of(near != line):  # the last point has its own value, exactly
        at, value = _getitem(xp, near), _getitem(fp, near)
    with _np.errstate(divide="ignore", invalid="ignore"):
        slope = rise / run
    beyond = x - at
    steep = ~_np.isfinite(_constant(slope))  # a jump, or infinite values
    if _any_of(steep):
        slope = _where(steep, 0, rise) / _where(steep, 1, run)
        found = value + slope * _where(steep, 0, beyond)
        return _where(steep & (_constant(beyond) != 0), y, found)
    return slope * beyond + value


def _plain(x):
    """Return the plain value, of what may be a list with traced ones in it."""
    return _constant(_as_array(x)) if _innermost((x,)) is not None else x


def _in_double(x):
    """Return x in double precision, in which NumPy interpolates."""
    kind = _dtype_of(x)
    return x if kind.char in "dD" else _cast(x, _np.dtype(complex if kind.kind == "c" else float))


# --- slopes


@_composite(_np.gradient)
def gradient(f, *varargs, axis=None, edge_order=1):
    """Return the slopes of f along its axes, from the differences between neighbours."""
    f, spacings = _as_array(f), [_as_array(dx) for dx in varargs]
    shape, dtype = _shape_of(f), _dtype_of(f)
    axes = tuple(range(len(shape))) if axis is None else _normalized(axis, len(shape))
    if edge_order not in (1, 2):
        raise ValueError(f"gradient takes edge_order 1 or 2, not {edge_order!r}")
    if not spacings:
        spacings = [1.0]
    if len(spacings) == 1 and not _shape_of(spacings[0]):
        spacings = spacings * len(axes)
    if len(spacings) != len(axes):
        raise TypeError(
            f"gradient takes no spacing, one number for all axes, or one spacing for each of the "
            f"{len(axes)} axes, but {len(spacings)} were given"
        )
    for n, dx in zip(axes, spacings, strict=True):
        if shape[n] <= edge_order:
            raise ValueError(
                f"gradient with edge_order={edge_order} needs {edge_order + 1} elements at least along "
                f"an axis, but axis {n} has {shape[n]}"
            )
        if _shape_of(dx) not in ((), (shape[n],)):
            raise ValueError(
                f"the spacing along axis {n} is a number or the {shape[n]} coordinates, but an array "
                f"of shape {_shape_of(dx)} was given"
            )
    kind = dtype if dtype.kind in "fc" else _np.dtype(float)
    model = _np.empty_like(_constant(f))
    found = tuple(
        _laid_out_as(_slopes(f, _steps(dx), n, edge_order, kind), model)
        for n, dx in zip(axes, spacings, strict=True)
    )
    return found[0] if len(axes) == 1 else found


def _steps(dx):
    """Return the differences of coordinates; one number where they are all the same, as NumPy does."""
    if not _shape_of(dx):
        return dx
    steps = _difference(_in_double(dx) if _dtype_of(dx).kind not in "fc" else dx)
    if isinstance(steps, _Traced) or not _np.all(steps == steps[0]):
        return steps
    return steps[0]


def _slopes(f, dx, axis, edge_order, dtype):
    """Return the slopes along one axis of steps dx: one number, or an array of them."""
    uneven = bool(_shape_of(dx))

    def at(start, stop):
        return f[(slice(None),) * axis + (slice(start, stop),)]

    def of(weights, parts):
        """Σ w·f, each w a number or as long as its part."""
        shape = (-1,) + (1,) * (len(_shape_of(f)) - axis - 1)
        weights = [_reshape(w, shape) if _shape_of(w) else w for w in weights]
        first, *rest = [w * part for w, part in zip(weights, parts, strict=True)]
        for term in rest:
            first = first + term
        return first

    if uneven:
        low, high = dx[:-1], dx[1:]
        weights = -high / (low * (low + high)), (high - low) / (low * high), low / (high * (low + high))
        inside = of(weights, (at(None, -2), at(1, -1), at(2, None)))
    else:
        inside = (at(2, None) - at(None, -2)) / (2.0 * dx)
    if edge_order == 1:
        first, last = (dx[0], dx[-1]) if uneven else (dx, dx)
        front, back = (at(1, 2) - at(0, 1)) / first, (at(-1, None) - at(-2, -1)) / last
    else:
        front = of(_front(dx[0], dx[1]) if uneven else (-1.5 / dx, 2.0 / dx, -0.5 / dx), _three(at, 0))
        back = of(_back(dx[-2], dx[-1]) if uneven else (0.5 / dx, -2.0 / dx, 1.5 / dx), _three(at, -3))
    y = _concatenate([front, inside, back], axis)
    return y if _dtype_of(y) == dtype else _cast(y, dtype)


def _three(at, start):
    """Return the three elements from ``start`` on, each as an array."""
    return [at(n, n + 1 if n != -1 else None) for n in range(start, start + 3)]


def _front(h, k):
    """Return the weights for the slope at the first of three points with the distances h and k."""
    return -(2.0 * h + k) / (h * (h + k)), (h + k) / (h * k), -h / (k * (h + k))


def _back(h, k):
    """Return the weights for the slope at the last of three points with the distances h and k."""
    return k / (h * (h + k)), -(k + h) / (h * k), (2.0 * k + h) / (k * (h + k))


# --- windows


@_composite(_np.kaiser)
def kaiser(M, beta):
    """Return I₀(β·√(1 - t²))/I₀(β), at M places t from -1 to 1."""
    if isinstance(M, _Traced):
        _refuse_number_of_points("kaiser")
    if M == 1:
        return _np.ones(1)
    middle = (M - 1) / 2.0
    t = (_np.arange(0.0, M) - middle) / middle
    beta = _in_double(beta)
    return _i0(beta * _np.sqrt(1 - t**2.0)) / _i0(beta)


def _refuse_number_of_points(name):
    raise _NotDifferentiableError(
        f"{name} was called with a traced number of points, M, in which it has no derivative; "
        f"give a plain number, int(stop_gradient(M))"
    )


def _window(f):
    """Return a window that is a plain array: there is nothing else than M to depend on."""

    @_composite(f)
    def window(M):
        _refuse_number_of_points(f.__name__)

    return window


bartlett = _window(_np.bartlett)
blackman = _window(_np.blackman)
hamming = _window(_np.hamming)
hanning = _window(_np.hanning)
