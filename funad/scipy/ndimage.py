"""``scipy.ndimage`` on traced values: SciPy's own Python code, hosted, over filters that have rules.

The compiled filters write into an array that they are given. Here each is a primitive that returns its
result, and hosted code is given a function that copies it to where it is wanted.
"""

import functools as _functools
import importlib as _importlib
import operator as _operator
import types as _types

import numpy as _onp
from scipy import ndimage as _ndimage
from scipy.ndimage import _nd_image

from .. import numpy as _np
from ..boxes import innermost as _innermost
from ..errors import NotDifferentiableError as _NotDifferentiableError
from ..primitives import composite as _composite
from ..primitives import primitive as _primitive
from ..trace import TRACING as _TRACING
from ..transforms.closures import attached as _attached
from ..transforms.closures import plain_of as _plain_of
from ..writing import content_of as _content_of
from .calls import composite_of as _composite_of
from .hosting import call as _call
from .hosting import host as _host
from .hosting import substitute as _substitute
from .namespace import complete as _complete

# Before 1.15, SciPy has no filter of its own for lines.
_LINES = getattr(_ndimage._filters, "_rank_filter_1d", None)


def _kernel(name):
    """Make the decorated function a primitive that messages call by a name of scipy.ndimage."""
    return lambda f: _primitive(f, f"scipy.ndimage.{name}")


def _filled(fill, input, *others):
    """Return the array that a compiled function fills, of the dtype of the input."""
    output = _onp.zeros(_onp.shape(input), _onp.result_type(input, *others))
    fill(output)
    return output


# The modes in which a line goes on beyond its ends are numbers here, as in compiled code.
@_kernel("correlate1d")
def correlate_line(input, weights, axis, mode, cval, origin):
    weights = _onp.ascontiguousarray(weights, dtype=_onp.float64)
    return _filled(lambda out: _nd_image.correlate1d(input, weights, axis, out, mode, cval, origin), input)


@_kernel("correlate")
def correlate_window(input, weights, mode, cval, origins):
    weights = _onp.ascontiguousarray(weights, dtype=_onp.float64)
    return _filled(lambda out: _nd_image.correlate(input, weights, out, mode, cval, origins), input)


@_kernel("uniform_filter1d")
def mean_of_line(input, size, axis, mode, cval, origin):
    return _filled(lambda out: _nd_image.uniform_filter1d(input, size, axis, out, mode, cval, origin), input)


@_kernel("minimum_filter1d")
def extreme_of_line(input, size, axis, mode, cval, origin, minimum):
    return _filled(
        lambda out: _nd_image.min_or_max_filter1d(input, size, axis, out, mode, cval, origin, minimum), input
    )


@_kernel("minimum_filter")
def extreme_of_window(input, structure, footprint, mode, cval, origins, minimum):
    if structure is not None:
        structure = _onp.ascontiguousarray(structure, dtype=_onp.float64)
    return _filled(
        lambda out: _nd_image.min_or_max_filter(
            input, footprint, structure, out, mode, cval, origins, minimum
        ),
        input,
    )


@_kernel("rank_filter")
def rank_of_window(input, rank, footprint, mode, cval, origins):
    return _filled(lambda out: _nd_image.rank_filter(input, rank, footprint, out, mode, cval, origins), input)


@_kernel("rank_filter")
def rank_of_line(input, rank, size, mode, cval, origin):
    return _filled(
        lambda out: _LINES.rank_filter(
            _onp.array(input), rank, size, out, mode, input.dtype.type(cval), origin
        ),
        input,
    )


@_kernel("fourier_gaussian")
def damped(input, sizes, n, axis, kind):
    sizes = _onp.ascontiguousarray(sizes, dtype=_onp.float64)
    return _filled(lambda out: _nd_image.fourier_filter(input, sizes, n, axis, out, kind), input)


@_kernel("fourier_shift")
def shifted(input, shifts, n, axis):
    shifts = _onp.ascontiguousarray(shifts, dtype=_onp.float64)
    return _filled(lambda out: _nd_image.fourier_shift(input, shifts, n, axis, out), input, _onp.complex64)


@_kernel("spline_filter1d")
def spline_of_line(input, order, axis, mode):
    return _filled(lambda out: _nd_image.spline_filter1d(input, order, axis, out, mode), input, _onp.float64)


@_kernel("map_coordinates")
def interpolated(filtered, coordinates, order, mode, cval, npad):
    output = _onp.zeros(_onp.shape(coordinates)[1:])
    _nd_image.geometric_transform(
        filtered, None, coordinates, None, None, output, order, mode, cval, npad, None, None
    )
    return output


@_kernel("affine_transform")
def transformed(filtered, matrix, offset, shape, order, mode, cval, npad):
    output = _onp.zeros(shape)
    matrix, offset = (_onp.ascontiguousarray(x, dtype=_onp.float64) for x in (matrix, offset))
    _nd_image.geometric_transform(
        filtered, None, None, matrix, offset, output, order, mode, cval, npad, None, None
    )
    return output


@_kernel("zoom")
def zoomed(filtered, zoom, shift, shape, order, mode, cval, npad, grid_mode):
    output = _onp.zeros(shape)
    zoom, shift = (
        None if x is None else _onp.ascontiguousarray(x, dtype=_onp.float64) for x in (zoom, shift)
    )
    _nd_image.zoom_shift(filtered, zoom, shift, output, order, mode, cval, npad, grid_mode)
    return output


def _transform(input, mapping, coordinates, matrix, offset, output, *options):
    """Fill the output as SciPy's function of that name does."""
    if mapping is not None:
        coordinates = _mapped(mapping, output.shape, *options[4:])
    if coordinates is not None:
        output[...] = interpolated(input, coordinates, *options[:4])
    else:
        output[...] = transformed(input, matrix, offset, output.shape, *options[:4])


def _zoom_or_shift(input, zoom, shift, output, *options):
    """Fill the output as SciPy's function of that name does."""
    output[...] = zoomed(input, zoom, shift, output.shape, *options)


def _mapped(mapping, shape, arguments, keywords):
    """Return the coordinates that a function gives for each place of the output."""
    if not callable(mapping):
        raise _NotDifferentiableError(f"scipy.ndimage.geometric_transform has no derivative where {_MAPPING}")
    places = _onp.ndindex(*shape)
    found = [_np.stack(list(mapping(at, *(arguments or ()), **(keywords or {})))) for at in places]
    return _np.reshape(_np.stack(found, -1), (-1, *shape))


_MAPPING = "the mapping is compiled; write it in Python, or write map_coordinates"


@_substitute("scipy.ndimage._ni_support")
def _take_numbers(module):
    """Have a traced number stand for one per axis: SciPy 1.14 takes what has an iterator for a sequence."""
    normalized = module._normalize_sequence

    def normalize(input, rank):
        return normalized(input if _np.ndim(input) else [input] * rank, rank)

    module._normalize_sequence = normalize


@_substitute("scipy.ndimage._interpolation")
def _with_splines(module):
    """Lead hosted interpolation to the kernels of this module."""
    view = module._nd_image = _views_of(_nd_image, {"spline_filter1d": (spline_of_line, 3, (0, 1, 2, 3))})
    view.geometric_transform, view.zoom_shift = _transform, _zoom_or_shift


def _of_windows(input, function, footprint, mode, cval, origins, arguments, keywords):
    """Return a function of each window, as compiled code calls it."""
    parts = windows(input, footprint, mode, cval, origins)
    flat = _np.reshape(parts, (-1, parts.shape[-1]))
    found = [function(flat[k], *(arguments or ()), **(keywords or {})) for k in range(flat.shape[0])]
    return _np.reshape(_np.stack(found), parts.shape[:-1])


# What NumPy calls the modes, by SciPy's numbers.
MODES = ("edge", "wrap", "symmetric", "reflect", "constant", "wrap", "constant")


def extended(x, widths, mode, cval):
    """Return x with what is beyond its ends."""
    options = {"constant_values": _onp.asarray(cval, x.dtype)} if MODES[mode] == "constant" else {}
    if MODES[mode] == "reflect":  # of a single number, NumPy and SciPy have different ideas
        for axis, size in enumerate(x.shape):
            if size == 1:
                one = [(0, 0)] * x.ndim
                one[axis], widths[axis] = widths[axis], (0, 0)
                x = _np.pad(x, one, "edge")
    return _np.pad(x, widths, MODES[mode], **options)


def _folded(wide, widths, mode):
    """Return what ``extended`` is the transpose of: what is beyond the ends is added where it came from."""
    for axis, (before, behind) in enumerate(widths):
        wide = _onp.moveaxis(wide, axis, 0)
        end = len(wide) - behind
        x = wide[before:end].copy()
        if MODES[mode] != "constant":
            places = extended(_onp.arange(len(x)), [(before, behind)], mode, 0)
            for k in (*range(before), *range(end, len(wide))):
                x[places[k]] += wide[k]
        wide = _onp.moveaxis(x, 0, axis)
    return wide


folded = _primitive(_folded, "the ends of an array, folded back")


def before_and_behind(size, origin):
    """Return how far a window reaches before and behind its place."""
    return size // 2 + origin, size - size // 2 - 1 - origin


def _chosen(y, x, footprint, origins, heights, mode, cval):
    """Return where in x the number stands that each window has given; the size of x for the constant beyond.

    Where it is not one place, -1.
    """
    widths = [before_and_behind(*pair) for pair in zip(footprint.shape, origins, strict=True)]
    wide = extended(x, list(widths), mode, cval)
    labels = extended(_onp.arange(x.size).reshape(x.shape), list(widths), mode, x.size)
    places = _onp.full(x.shape, -2)
    for n, at in enumerate(_onp.argwhere(footprint).tolist()):
        part = tuple(slice(k, k + size) for k, size in zip(at, x.shape, strict=True))
        hit, label = wide[part] + (0.0 if heights is None else heights[n]) == y, labels[part]
        places[hit & (places != -2) & (places != label)] = -1
        _onp.copyto(places, label, where=hit & (places != -1))
    return places.ravel()


chosen = _primitive(_chosen, "the place that a window chooses")


def views(x, footprint, mode, cval, origins):
    """Return for each place of a footprint the entries there of all windows: views of x, extended."""
    origins = _onp.broadcast_to(origins, x.ndim)
    widths = [before_and_behind(*pair) for pair in zip(footprint.shape, origins.tolist(), strict=True)]
    wide = extended(x, widths, mode, cval)
    return [
        wide[tuple(slice(k, k + n) for k, n in zip(at, x.shape, strict=True))]
        for at in _onp.argwhere(footprint).tolist()
    ]


def windows(x, footprint, mode, cval, origins):
    """Return the entries of each window that belong to a footprint, along a last axis."""
    return _np.stack(views(x, footprint, mode, cval, origins), -1)


def _into(f, g, output, order):
    """Return f, a compiled function that fills an argument: with the result of g on traced values."""

    @_functools.wraps(f)
    def fill(*args):
        others = [x for k, x in enumerate(args) if k != output]
        if _innermost(others) is None and _innermost((args[output],)) is None:
            f(*map(_content_of, others[:output]), args[output], *map(_content_of, others[output:]))
        else:
            args[output][...] = g(*(others[k] for k in order))

    return fill


@_substitute("scipy.ndimage._filters")
def _with_kernels(module):
    """Lead hosted filters to the kernels of this module."""
    lines = (0, 1, 2, 3, 4, 5)
    fills = {
        "correlate1d": (correlate_line, 3, lines),
        "correlate": (correlate_window, 2, lines[:5]),
        "uniform_filter1d": (mean_of_line, 3, lines),
        "min_or_max_filter1d": (extreme_of_line, 3, (*lines, 6)),
        "min_or_max_filter": (extreme_of_window, 3, (0, 2, 1, 3, 4, 5, 6)),
        "rank_filter": (rank_of_window, 3, lines),
        "generic_filter": (_of_windows, 3, (*lines, 6, 7)),
    }
    module._nd_image = _views_of(_nd_image, fills)
    if _LINES is not None:
        module._rank_filter_1d = _views_of(_LINES, {"rank_filter": (rank_of_line, 3, lines)})
    module.gaussian_filter1d = _of_any_width(module)


def _of_any_width(module):
    """Return gaussian_filter1d, whose sigma may be traced. The radius of the kernel is a constant."""
    theirs = module.gaussian_filter1d

    @_functools.wraps(theirs)
    def gaussian_filter1d(input, sigma, axis=-1, order=0, output=None, mode="reflect", cval=0.0, truncate=4.0,
                          *, radius=None):  # fmt: skip
        if _innermost((sigma,)) is None:
            return theirs(input, sigma, axis, order, output, mode, cval, truncate, radius=radius)
        width = float(_plain_of(sigma))
        radius = int(truncate * width + 0.5) if radius is None else _operator.index(radius)
        weights = module._gaussian_kernel1d(width, order, radius)
        weights = _attached(weights, _gaussian(_np.reshape(sigma, ()), order, radius))[::-1]
        return module.correlate1d(input, weights, axis, output, mode, cval, 0)

    return gaussian_filter1d


def _gaussian(sigma, order, radius):
    """Return a Gaussian's n-th derivative, (-σ)⁻ⁿ Heₙ(x/σ) times it; Heₙ₊₁ = z Heₙ - n Heₙ₋₁ (DLMF 18.9)."""
    z = _onp.arange(-radius, radius + 1) / sigma
    bell = _np.exp(-(z**2) / 2)
    before, hermite = 0.0, 1.0
    for n in range(order):
        before, hermite = hermite, z * hermite - n * before
    return hermite * bell / _np.sum(bell) / (-sigma) ** order


@_substitute("scipy.ndimage._fourier")
def _with_factors(module):
    fills = {"fourier_filter": (damped, 4, (0, 1, 2, 3, 4)), "fourier_shift": (shifted, 4, (0, 1, 2, 3))}
    module._nd_image = _views_of(_nd_image, fills)


def _views_of(theirs, fills):
    """Return a module with some functions that take traced values, and those of a compiled one else."""
    view = _types.ModuleType(theirs.__name__)
    view.__getattr__ = lambda name: getattr(theirs, name)
    for name, (g, output, order) in fills.items():
        setattr(view, name, _into(getattr(theirs, name), g, output, order))
    return view


# What has no derivative, or is compiled and has no rule here: refused.
_REFUSED = {
    "find_objects", "generic_filter1d", "label", "value_indices", "watershed_ift", "binary_closing",
    "binary_dilation", "binary_erosion", "binary_fill_holes", "binary_hit_or_miss", "binary_opening",
    "binary_propagation", "distance_transform_bf", "distance_transform_cdt", "distance_transform_edt",
}  # fmt: skip


def _by_mapping(*args, **kwargs):
    return _call(
        "scipy.ndimage.geometric_transform", _host("scipy.ndimage").geometric_transform, args, kwargs
    )


def _plain_by_mapping(*args, **kwargs):
    """What a mapping closes over may be traced, though the image is not."""
    return _by_mapping(*args, **kwargs) if _TRACING.active else _ndimage.geometric_transform(*args, **kwargs)


geometric_transform = _composite(
    _ndimage.geometric_transform, plain=_plain_by_mapping, name="scipy.ndimage.geometric_transform"
)(_by_mapping)


def _hosted(name):
    """Return SciPy's own function on plain values, and its hosted copy on traced ones."""

    @_composite_of(getattr(_ndimage, name), f"scipy.ndimage.{name}")
    def on_traced(*args, **kwargs):
        return _call(f"scipy.ndimage.{name}", getattr(_host("scipy.ndimage"), name), args, kwargs)

    return on_traced


for _name in dir(_ndimage):
    _is_new = not (_name.startswith("_") or _name in globals() or _name in _REFUSED)
    if _is_new and isinstance(getattr(_ndimage, _name), _types.FunctionType):
        globals()[_name] = _hosted(_name)

_complete(globals(), _ndimage)


# Whoever loads this module is to have its rules: they stand on a floor above, so by name.
_importlib.import_module("funad.scipy.rules.ndimage")
