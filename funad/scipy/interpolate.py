"""``scipy.interpolate`` on traced values: SciPy's own Python code, over formulas for what is compiled.

The classes are hosted ones always: an interpolator that was made of plain numbers can be asked at traced
points.
"""

import functools as _functools
import types as _types

import numpy as _onp
from scipy import interpolate as _interpolate
from scipy import linalg as _linalg

from .. import numpy as _np
from ..errors import NotDifferentiableError as _NotDifferentiableError
from ..primitives import composite as _composite
from ..transforms.closures import attached as _attached
from ..transforms.closures import plain_of as _plain_of
from . import linalg as _ours
from .compiled import FloatOrTraced as _FloatOrTraced
from .compiled import is_traced as _is_traced
from .compiled import on_plain as _on_plain
from .hosting import call as _call
from .hosting import host as _host
from .hosting import substitute as _substitute
from .interpolating import fitpack as _fitpack
from .interpolating import former as _former
from .interpolating import grids as _grids
from .interpolating import polynomials as _polynomials
from .interpolating import radial as _radial
from .interpolating import scattered as _scattered
from .interpolating import splines as _splines
from .namespace import public_names as _public_names

__all__ = [*_public_names(_interpolate), *({"pchip"} & set(dir(_interpolate)))]  # a name that SciPy keeps


_SCATTERED = "FITPACK searches for knots and ranks; use RectBivariateSpline on a grid, or RBFInterpolator"
_SPHERE = "FITPACK's fits on a sphere have no rule here; use RBFInterpolator on points of the sphere"
REFUSED = {
    "AAA": "it chooses points one by one, and their number; use FloaterHormannInterpolator",
    "LSQBivariateSpline": _SCATTERED,
    "LSQSphereBivariateSpline": _SPHERE,
    "RectSphereBivariateSpline": _SPHERE,
    "SmoothBivariateSpline": _SCATTERED,
    "SmoothSphereBivariateSpline": _SPHERE,
    "bisplrep": _SCATTERED,
    "generate_knots": "its knots are searched for",
    "interp2d": "SciPy has removed it; use RegularGridInterpolator or RectBivariateSpline",
}


def _view(theirs, changed):
    """Return a module with some functions that take traced values, and those of a compiled one else."""
    view = _types.ModuleType(theirs.__name__)
    view.__getattr__ = lambda name: getattr(theirs, name)
    vars(view).update(changed)
    return view


def _refusing(init, name, why):
    @_functools.wraps(init)
    def refuse(self, *args, **kwargs):
        if _is_traced(*args, *kwargs.values()):
            raise _NotDifferentiableError(f"{name} has no derivative: {why}")
        init(self, *args, **kwargs)

    return refuse


@_substitute("scipy.interpolate")
def _with_places(module):
    """Say of the classes that they are found here: pickle asks for them."""
    for name in __all__:
        kind = getattr(module, name, None)
        if isinstance(kind, type) and kind is not getattr(_interpolate, name):
            if name in REFUSED:
                kind.why_refused = REFUSED[name]  # so that nobody is advised to write it
                kind.__init__ = _refusing(kind.__init__, f"scipy.interpolate.{name}", REFUSED[name])
            kind.__module__, kind.__qualname__ = "funad.scipy.interpolate", kind.__name__
            for method in vars(kind).values():  # interp1d keeps one of its own
                if isinstance(method, _types.FunctionType):
                    method.__module__ = "funad.scipy.interpolate"


@_substitute("scipy.interpolate._interpolate")
def _with_polynomials(module):
    module._ppoly = _view(module._ppoly, _polynomials.views_of(module._ppoly))
    module._ndim_coords_from_arrays = _scattered.points_of
    module.float = _FloatOrTraced
    module.poly1d = lambda c: _onp.poly1d(_np.stack(c) if _is_traced(c) and isinstance(c, list) else c)


@_substitute("scipy.interpolate._cubic")
def _with_level_pieces(module):
    """Have pchip divide by no slope that is zero: infinities that are not used spoil second derivatives."""
    kind = module.PchipInterpolator
    theirs, edge = kind._find_derivatives, kind._edge_case

    def _find_derivatives(x, y, **xp):
        if not _is_traced(x, y) or y.shape[0] == 2:
            return theirs(x, y, **xp)
        x, rows = (x[:, None], y[:, None]) if y.ndim == 1 else (x, y)
        h, slope = x[1:] - x[:-1], (rows[1:] - rows[:-1]) / (x[1:] - x[:-1])
        sign = _onp.sign(_plain_of(slope))
        level = (sign[1:] != sign[:-1]) | (sign[1:] == 0)
        before, after = _np.where(level, 1.0, slope[:-1]), _np.where(level, 1.0, slope[1:])
        w1, w2 = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
        inner = _np.where(level, 0.0, 1.0 / ((w1 / before + w2 / after) / (w1 + w2)))
        first = edge(h[0], h[1], slope[0], slope[1], **xp)
        last = edge(h[-1], h[-2], slope[-1], slope[-2], **xp)
        return _np.reshape(_np.concatenate([first[None], inner, last[None]]), y.shape)

    kind._find_derivatives = staticmethod(_find_derivatives)
    akima, hermite = module.Akima1DInterpolator, module.CubicHermiteSpline
    begin = akima.__init__

    @_functools.wraps(begin)
    def __init__(self, x, y, axis=0, **options):
        if not _is_traced(x, y) or _np.shape(y)[axis] < 3:
            begin(self, x, y, axis, **options)
            return
        plain = _on_plain(_interpolate.Akima1DInterpolator, x, y, axis, **options)  # raises what SciPy raises
        x, y = _np.asarray(x) * 1.0, _np.moveaxis(_np.asarray(y) * 1.0, axis, 0)
        slopes = _polynomials.akima_slopes(x, y, options.get("method", "akima"))
        hermite.__init__(self, x, y, slopes, axis=0, extrapolate=plain.extrapolate)
        self.axis = plain.axis

    akima.__init__ = __init__


@_substitute("scipy.interpolate._polyint")
def _with_distinct_points(module):
    kind = module.KroghInterpolator
    begin = kind.__init__

    @_functools.wraps(begin)
    def __init__(self, xi, yi, axis=0):
        if _is_traced(xi) and len(_onp.unique(_plain_of(xi))) < len(_plain_of(xi)):
            raise _NotDifferentiableError(_REPEATED)
        begin(self, xi, yi, axis)

    kind.__init__ = __init__


_REPEATED = (
    "scipy.interpolate.KroghInterpolator has no derivative in points that are repeated, as derivatives are "
    "given there: apart, they mean something else; give it stop_gradient(xi)"
)


def _with_kernels(module, views):
    """Lead a module's compiled B-splines to formulas; before 1.15 SciPy has others."""
    if hasattr(module, "_dierckx"):
        module._dierckx = _view(module._dierckx, views(module._dierckx))
    else:
        module._bspl = _view(module._bspl, _former.views_of(module._bspl))


@_substitute("scipy.interpolate._bsplines")
def _with_splines(module):
    _with_kernels(module, _splines.views_of)
    module.get_lapack_funcs = lambda names, arrays: [_solve_band]
    if hasattr(module, "_lsq_solve_qr"):
        module._lsq_solve_qr = _nearest(module._lsq_solve_qr)
    module.float = _FloatOrTraced
    module.BSpline.design_matrix = _designing(module.BSpline.design_matrix)


def _designing(plain):
    """Return a static method that gives a dense matrix where it is one of traced points or knots."""

    @_functools.wraps(plain)
    def design_matrix(x, t, k, extrapolate=False):
        x, t = _np.asarray(x), _np.asarray(t)
        matrix = _on_plain(_interpolate.BSpline.design_matrix, x, t, k, extrapolate)
        if not _is_traced(x, t):
            return matrix
        found = _splines.dense(*_splines.rows_of(t, k, x), matrix.shape[1])
        return _attached(matrix.toarray(), found)

    return staticmethod(design_matrix)


def _solve_band(kl, ku, ab, b, overwrite_ab=False, overwrite_b=False):
    """LAPACK's gbsv: the factors, the rows that are swapped, the solution, and whether there is one."""
    plain = _plain_of(ab), _plain_of(b)
    (gbsv,) = _linalg.get_lapack_funcs(("gbsv",), plain)
    lu, piv, c, info = _on_plain(gbsv, kl, ku, *plain)
    if info == 0 and _is_traced(ab, b):
        c = _attached(c, _ours.solve_banded((kl, ku), ab[kl:], b, check_finite=False))
    return lu, piv, c, info


def _nearest(f):
    def _lsq_solve_qr(x, y, t, k, w, *args, **kwargs):
        a, y_w, c, *others = _on_plain(f, x, y, t, k, w, *args, **kwargs)
        if _is_traced(x, y, t, w):
            if args or kwargs:
                raise _NotDifferentiableError(_fitpack.SMOOTHED.format("scipy.interpolate.make_splrep"))
            c = _attached(c, _splines.least_squares(t, k, x, y, w))
            others = [None] * len(others)
        return a, y_w, c, *others

    return _lsq_solve_qr


@_substitute("scipy.interpolate._fitpack_repro")
def _with_plain_smoothing(module):
    """Refuse a traced s, which the search for knots depends on."""
    validated = module._validate_inputs

    def _validate_inputs(x, y, w, k, s, *args, **kwargs):
        _fitpack.refuse_smoothing("scipy.interpolate.make_splrep", s)
        return validated(x, y, w, k, s, *args, **kwargs)

    module._validate_inputs = _validate_inputs


@_substitute("scipy.interpolate._ndbspline")
def _with_tensors(module):
    """Lead splines in several variables to formulas; their coefficients solve the equations of each axis."""
    _with_kernels(module, _grids.views_of)
    module.make_ndbspl = _grids.making(module)


@_substitute("scipy.interpolate._rgi")
def _with_grids(module):
    module._ndim_coords_from_arrays = _scattered.points_of
    module.find_indices = _grids.find_indices(module.find_indices)
    module.evaluate_linear_2d = _grids.linear_in_plane(module.evaluate_linear_2d)


@_substitute("scipy.interpolate._rbfinterp_np")
def _with_radial_functions(module):
    module._build_and_solve_system = _radial.solving(module._build_and_solve_system)
    module.compute_interpolation = _radial.evaluating(module.compute_interpolation)


@_substitute("scipy.interpolate._rbfinterp")
def _with_neighbours(module):
    module.KDTree = _radial.Neighbours
    if hasattr(module, "_build_and_solve_system"):  # SciPy before 1.17
        module._build_and_solve_system = _radial.solving(module._build_and_solve_system)
        module._build_evaluation_coefficients = _radial.weighing(module._build_evaluation_coefficients)
    module.float = _FloatOrTraced


@_substitute("scipy.interpolate._ndgriddata")
def _with_triangles(module):
    module._ndim_coords_from_arrays = _scattered.points_of
    for name in ("LinearNDInterpolator", "CloughTocher2DInterpolator", "NearestNDInterpolator"):
        setattr(module, name, getattr(_scattered, name))


@_substitute("scipy.interpolate._fitpack_impl")
def _with_fits(module):
    if not hasattr(module, "dfitpack"):  # since SciPy 1.18
        module._fitpack = _view(module._fitpack, _fitpack.views_of_all(module._fitpack))
        return
    module.dfitpack = _view(module.dfitpack, _fitpack.views_of(module.dfitpack))
    module._fitpack = _view(module._fitpack, _fitpack.views_of_curves(module._fitpack))


@_substitute("scipy.interpolate._fitpack2")
def _with_fits_of_classes(module):
    if hasattr(module, "dfitpack"):
        module.dfitpack = _view(module.dfitpack, _fitpack.views_of(module.dfitpack))
        return
    module.float = _FloatOrTraced
    for name, view in _fitpack.views_of_classes(module).items():
        setattr(module, name, view)
    module._fitpack = _view(module._fitpack, _fitpack.views_of_all(module._fitpack))


def _hosted(name):
    """Return a function, hosted on plain values too: it may take or return a hosted interpolator."""
    f, full = getattr(_interpolate, name), f"scipy.interpolate.{name}"

    def run(*args, **kwargs):
        return _call(full, getattr(_host("scipy.interpolate"), name), args, kwargs)

    return _composite(f, plain=run, name=full)(run)


for _name in __all__:
    if isinstance(getattr(_interpolate, _name), _types.FunctionType):
        globals()[_name] = _f = _hosted(_name)
        if _name in REFUSED:
            _f.why_refused = REFUSED[_name]


def __getattr__(name):
    found = getattr(_interpolate, name)
    if name in __all__ and isinstance(found, type):  # hosting takes a moment
        found = globals()[name] = getattr(_host("scipy.interpolate"), name)
    return found


def __dir__():
    return sorted(__all__)
