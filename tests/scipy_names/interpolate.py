"""Calls of scipy.interpolate: in values, in the points they belong to, and in the points asked for."""

import numpy as onp
import scipy.sparse.linalg

import funad.numpy as np
from funad.scipy import interpolate

from . import VERSION, probe

_rng = onp.random.default_rng(11)


def _normal(*shape):
    return _rng.normal(size=shape)


X = onp.array([0.0, 0.43, 0.97, 1.55, 1.9, 2.4, 3.02, 3.6, 4.0])
Y, W = _normal(9), _rng.uniform(0.5, 1.5, 9)
RISING = X**2 + onp.sin(X)  # its slopes change no sign, where pchip has kinks
AT = onp.array([0.2, 0.9, 2.3, 3.9, 1.3])
KNOTS = onp.array([0.0, 0.1, 0.2, 0.3, 1.1, 2.2, 3.1, 4.0, 4.1, 4.2, 4.4])
INNER = onp.array([1.6, 2.9])
C, PIECES = _normal(7), _normal(4, 8)
Z, X2 = _normal(9, 7), X[[0, 1, 2, 4, 5, 7, 8]]
PLACES = onp.stack([AT, AT[::-1]], -1)
POINTS = onp.array([
    [-1.0, -1.2], [-1.1, 5.1], [5.3, -0.9], [5.0, 5.2], [0.6, 0.4], [3.4, 0.9], [1.9, 1.8], [0.3, 2.6],
    [3.6, 3.3], [1.7, 3.7],
])  # fmt: skip
HEIGHTS = onp.sin(POINTS[:, 0]) * POINTS[:, 1] + 0.3 * _normal(10)
SINE = onp.sin(2 * X) + 0.15
_BARYCENTRIC = {"exact": False, "rtol": 1e-11}  # SciPy draws the order in which it multiplies


# Before SciPy 1.17, their sums are in another order, or LAPACK's are.
ROUNDED = ("Akima1DInterpolator", "make_interp_spline") if VERSION < (1, 17) else ()


def _hosted(name, f, *args, **options):
    options = {"exact": name not in ROUNDED, **options}
    return probe(f"scipy.interpolate.{name}", f, *args, how="hosted", **options)


def _of_data(name, y=Y, **options):
    """The probe of a class of interpolators: in x, y and the points that are asked for."""
    return _hosted(name, lambda sp, x, y, q: getattr(sp.interpolate, name)(x, y, **options)(q), X, y, AT)


def _padded(c):
    return np.concatenate([c, onp.zeros(4)])  # FITPACK's coefficients are as many as the knots


PROBES = [
    # Piecewise polynomials
    _of_data("CubicSpline"),
    *(
        _of_data("CubicSpline", bc_type=bc)
        for bc in ("clamped", "natural", ((1, 0.3), (2, 0.1)), ("not-a-knot", "natural"))
    ),
    _hosted(
        "CubicSpline",
        lambda sp, x, y, q: sp.interpolate.CubicSpline(x, np.append(y, y[:1]), bc_type="periodic")(q, 1),
        X,
        Y[:-1],
        AT,
    ),
    _hosted(
        "CubicSpline",
        lambda sp, x, y, b: sp.interpolate.CubicSpline(x, y, axis=1).antiderivative().integrate(0.3, b),
        X,
        _normal(2, 9),
        3.1,
    ),
    *(
        _hosted("CubicSpline", lambda sp, x, y, q: sp.interpolate.CubicSpline(x, y)(q), X[:n], Y[:n], AT)
        for n in (2, 3)
    ),
    _hosted(
        "CubicSpline",
        lambda sp, x, y, v: sp.interpolate.CubicSpline(x, y, extrapolate=False).solve(v),
        X,
        SINE,
        0.2,
    ),
    _of_data("PchipInterpolator"),
    _of_data("pchip", RISING),
    _of_data("Akima1DInterpolator"),
    _of_data("Akima1DInterpolator", method="makima"),
    _hosted(
        "CubicHermiteSpline",
        lambda sp, x, y, d, q: sp.interpolate.CubicHermiteSpline(x, y, d)(q),
        X,
        Y,
        Y[::-1],
        AT,
    ),
    _hosted("PPoly", lambda sp, c, x, q: sp.interpolate.PPoly(c, x)(q, 1), PIECES, X, AT),
    _hosted("PPoly", lambda sp, c, x, q: sp.interpolate.PPoly(c, x)(q), PIECES, X[::-1], AT),
    _hosted(
        "PPoly",
        lambda sp, c, x, q: sp.interpolate.PPoly(c, x, extrapolate="periodic")(q),
        PIECES,
        X,
        AT + 3.0,
    ),
    _hosted(
        "PPoly",
        lambda sp, t, c, q: sp.interpolate.PPoly.from_spline(sp.interpolate.BSpline(t, c, 3))(q),
        KNOTS,
        C,
        AT,
    ),
    _hosted("PPoly", lambda sp, c, x, q: sp.interpolate.PPoly(c, x).derivative()(q), PIECES + 1j, X, AT),
    _hosted("BPoly", lambda sp, c, x, q: sp.interpolate.BPoly(c, x)(q, 1), PIECES, X, AT),
    _hosted("BPoly", lambda sp, c, x, b: sp.interpolate.BPoly(c, x).integrate(0.3, b), PIECES, X, 2.2),
    _hosted(
        "BPoly",
        lambda sp, x, y, q: sp.interpolate.BPoly.from_derivatives(x, y)(q),
        X,
        _normal(9, 2),
        AT,
    ),
    _hosted(
        "BPoly",
        lambda sp, c, x, q: sp.interpolate.BPoly.from_power_basis(sp.interpolate.PPoly(c, x))(q),
        PIECES,
        X,
        AT,
    ),
    _hosted(
        "NdPPoly",
        lambda sp, c, x, q: sp.interpolate.NdPPoly(c, (x, X2[:4]))(q, (1, 0)),
        _normal(3, 2, 8, 3),
        X,
        PLACES[:2] % 1.9,
    ),
    _hosted(
        "NdPPoly",
        lambda sp, c, x: sp.interpolate.NdPPoly(c, (x, X2[:4])).integrate([(0.2, 1.2), (0.3, 0.9)]),
        _normal(3, 2, 8, 3),
        X,
    ),
    # Polynomials
    *(
        _hosted(
            name,
            lambda sp, x, y, q, name=name: getattr(sp.interpolate, name)(x, y)(q),
            X[:5],
            Y[:5],
            AT,
            **options,
        )
        for name, options in (("BarycentricInterpolator", _BARYCENTRIC), ("KroghInterpolator", {}))
    ),
    *(
        _hosted(
            name,
            lambda sp, x, y, q, name=name: getattr(sp.interpolate, name)(x, y).derivative(q),
            X[:5],
            Y[:5],
            AT,
            **options,
        )
        for name, options in (("BarycentricInterpolator", _BARYCENTRIC), ("KroghInterpolator", {}))
    ),
    *(
        _hosted(
            name,
            lambda sp, x, y, q, name=name: getattr(sp.interpolate, name)(x, y, q),
            X[:5],
            Y[:5],
            AT,
            **options,
        )
        for name, options in (
            ("barycentric_interpolate", _BARYCENTRIC),
            ("krogh_interpolate", {}),
            ("pchip_interpolate", {}),
        )
    ),
    _hosted("lagrange", lambda sp, x, y, q: sp.interpolate.lagrange(x, y)(q), X[:4], Y[:4], AT),
    _hosted(
        "pade",
        lambda sp, a, q: [p(q) for p in sp.interpolate.pade(a, 2)],
        onp.array([1.0, 1.0, 0.5, 1 / 6, 1 / 24]),
        0.3,
    ),
    _hosted(
        "approximate_taylor_polynomial",
        lambda sp, a: sp.interpolate.approximate_taylor_polynomial(lambda x: np.exp(a * x), 1.0, 3, 0.5, 6)(
            0.2
        ),
        0.7,
    ),
    _hosted(
        "FloaterHormannInterpolator",
        lambda sp, x, y, q: sp.interpolate.FloaterHormannInterpolator(x, y)(q),
        X,
        RISING,
        AT,
    ),
    # B-splines
    _hosted("BSpline", lambda sp, t, c, q: sp.interpolate.BSpline(t, c, 3)(q), KNOTS, C, AT),
    _hosted("BSpline", lambda sp, t, c, q: sp.interpolate.BSpline(t, c, 3)(q, 2), KNOTS, C, AT),
    _hosted(
        "BSpline",
        lambda sp, t, c, q: sp.interpolate.BSpline(t, c, 3, extrapolate="periodic")(q + 3),
        KNOTS,
        C,
        AT,
    ),
    _hosted(
        "BSpline",
        lambda sp, t, c, q: sp.interpolate.BSpline(t, c, 3).derivative().antiderivative(2)(q),
        KNOTS,
        C,
        AT,
    ),
    *(
        _hosted(
            "BSpline",
            lambda sp, t, c, a, b, e=extrapolate: sp.interpolate.BSpline(t, c, 3).integrate(a, b, e),
            KNOTS,
            C,
            0.4,
            3.3,
        )
        for extrapolate in (True, False)
    ),
    _hosted("BSpline", lambda sp, t, q: sp.interpolate.BSpline.basis_element(t)(q), KNOTS[3:8], AT),
    _hosted(
        "BSpline",
        lambda sp, c, x, q: sp.interpolate.BSpline(KNOTS, c, 3).insert_knot(x)(q),
        _normal(7, 2),
        1.7,
        AT,
    ),
    _hosted(
        "NdBSpline",
        lambda sp, t, c, q: sp.interpolate.NdBSpline((t, 1.1 * t), c, (3, 3))(q),
        KNOTS,
        _normal(7, 7),
        PLACES,
    ),
    *(
        _hosted(
            "make_interp_spline",
            lambda sp, x, y, q, k=k: sp.interpolate.make_interp_spline(x, y, k)(q),
            X,
            Y,
            AT,
            order=order,
        )
        for k, order in ((1, 2), (2, 1), (3, 2), (5, 2))  # parabolas' second derivatives jump at the knots
    ),
    _hosted(
        "make_interp_spline",
        lambda sp, x, y, v, q: sp.interpolate.make_interp_spline(x, y, bc_type=([(1, v)], [(2, 0.2)]))(q),
        X,
        Y,
        0.3,
        AT,
    ),
    *(
        _hosted(
            "make_interp_spline",
            lambda sp, x, y, q: sp.interpolate.make_interp_spline(x, np.append(y, y[:1]), bc_type="periodic")(
                q
            ),
            X[places],
            Y[: len(places) - 1],
            AT,
        )
        for places in ([0, 4, 8], list(range(9)))
    ),
    *(
        _hosted(
            "make_lsq_spline",
            lambda sp, x, y, t, w, q, method=method: sp.interpolate.make_lsq_spline(
                x, y, np.concatenate([onp.zeros(4), t, onp.full(4, 4.0)]), 3, w, method=method
            )(q),
            onp.linspace(0.01, 3.99, 9),
            Y,
            INNER,
            W,
            AT,
            since=(1, 15),  # before, there is no method to choose
        )
        for method in ("qr", "norm-eq")
    ),
    _hosted(
        "make_smoothing_spline",
        lambda sp, x, y, w, lam, q: sp.interpolate.make_smoothing_spline(x, y, w, lam=lam)(q),
        X,
        Y,
        W,
        0.1,
        AT,
    ),
    _hosted("make_splrep", lambda sp, x, y, q: sp.interpolate.make_splrep(x, y, s=0)(q), X, Y, AT),
    _hosted(
        "make_splprep", lambda sp, x, q: sp.interpolate.make_splprep([x, x**2], s=0)[0](q), X[1:], AT / 5
    ),
    # FITPACK
    *(
        _hosted(
            "splrep",
            lambda sp, x, y, q, k=k: sp.interpolate.splev(q, sp.interpolate.splrep(x, y, k=k)),
            X,
            Y,
            AT,
            order=order,
        )
        for k, order in ((1, 1), (2, 1), (3, 2), (4, 2), (5, 2))
    ),
    _hosted(
        "splrep",
        lambda sp, x, y, t, w, q: sp.interpolate.splev(q, sp.interpolate.splrep(x, y, w, t=t)),
        X,
        Y,
        INNER,
        W,
        AT,
    ),
    _hosted(
        "splrep", lambda sp, x, y, q: sp.interpolate.splev(q, sp.interpolate.splrep(x, y, s=99.0)), X, Y, AT
    ),
    *(
        _hosted(
            "splrep",
            lambda sp, x, y, q, k=k: sp.interpolate.splev(
                q, sp.interpolate.splrep(x, np.append(y, y[:1]), k=k, per=True)
            ),
            X,
            Y[:-1],
            AT,
        )
        for k in (3, 4)
    ),
    *(
        _hosted(
            "splev",
            lambda sp, t, c, q, e=ext: sp.interpolate.splev(q, (t, _padded(c), 3), ext=e),
            KNOTS,
            C,
            onp.array([-0.2, 0.7, 3.0, 4.3]),
        )
        for ext in (0, 1, 3)
    ),
    _hosted("splev", lambda sp, t, c, q: sp.interpolate.splev(q, (t, _padded(c), 3), 1), KNOTS, C, AT),
    _hosted(
        "splint",
        lambda sp, t, c, a, b: sp.interpolate.splint(a, b, (t, _padded(c), 3)),
        KNOTS,
        C,
        0.4,
        3.7,
    ),
    _hosted("sproot", lambda sp, y: sp.interpolate.sproot(sp.interpolate.splrep(X, y)), SINE),
    _hosted("spalde", lambda sp, t, c, a: sp.interpolate.spalde(a, (t, _padded(c), 3)), KNOTS, C, 1.3),
    *(
        _hosted(
            name,
            lambda sp, y, a, name=name: sp.interpolate.splev(
                a, getattr(sp.interpolate, name)(sp.interpolate.splrep(X, y))
            ),
            Y,
            1.3,
        )
        for name in ("splder", "splantider")
    ),
    _hosted(
        "insert",
        lambda sp, y, x: sp.interpolate.splev(AT, sp.interpolate.insert(x, sp.interpolate.splrep(X, y))),
        Y,
        1.3,
    ),
    _hosted(
        "splprep",
        lambda sp, x, q: sp.interpolate.splev(q, sp.interpolate.splprep([x, x**2], s=0)[0]),
        X,
        AT / 4,
    ),
    _of_data("InterpolatedUnivariateSpline"),
    _of_data("UnivariateSpline", s=0),
    _hosted(
        "UnivariateSpline",
        lambda sp, x, y, b: sp.interpolate.UnivariateSpline(x, y, s=0).derivative().integral(0.3, b),
        X,
        Y,
        3.2,
    ),
    _hosted("UnivariateSpline", lambda sp, y: sp.interpolate.UnivariateSpline(X, y, s=0).roots(), SINE),
    _hosted(
        "LSQUnivariateSpline",
        lambda sp, x, y, t, w, q: sp.interpolate.LSQUnivariateSpline(x, y, t, w)(q),
        X,
        Y,
        INNER,
        W,
        AT,
    ),
    _hosted(
        "LSQUnivariateSpline",
        lambda sp, y, t: sp.interpolate.LSQUnivariateSpline(X, y, t).get_residual(),
        Y,
        INNER,
    ),
    # Grids
    _hosted(
        "RectBivariateSpline",
        lambda sp, x, y, z, a, b: sp.interpolate.RectBivariateSpline(x, y, z)(a, b),
        X,
        X2,
        Z,
        onp.array([0.2, 0.9, 3.9]),
        onp.array([0.3, 2.2]),
    ),
    _hosted(
        "RectBivariateSpline",
        lambda sp, x, y, z, a, b: sp.interpolate.RectBivariateSpline(x, y, z, kx=4, ky=5).ev(a, b, 1, 1),
        X,
        X2,
        Z,
        AT,
        AT[::-1],
    ),
    _hosted(
        "RectBivariateSpline",
        lambda sp, x, z, b: sp.interpolate.RectBivariateSpline(x, X2, z).integral(0.3, b, 0.2, 2.2),
        X,
        Z,
        3.3,
    ),
    _hosted(
        "RectBivariateSpline",
        lambda sp, z, a, b: sp.interpolate.RectBivariateSpline(X, X2, z).partial_derivative(1, 1)(
            a, b, grid=False
        ),
        Z,
        AT,
        AT[::-1],
    ),
    *(
        _hosted(
            "RegularGridInterpolator",
            lambda sp, x, y, z, q, m=method, options=options: sp.interpolate.RegularGridInterpolator(
                (x, y), z, m, **options
            )(q),
            X,
            X2,
            z,
            PLACES,
        )
        for method, z, options in (
            ("linear", Z, {}),
            ("pchip", (RISING[:, None] + 1) * (RISING[:7] + 1), {}),
            ("cubic_legacy", Z, {}),
            ("slinear", Z, {"solver": scipy.sparse.linalg.spsolve}),
            ("cubic", Z, {"solver": scipy.sparse.linalg.spsolve}),
            ("quintic", Z, {"solver": scipy.sparse.linalg.spsolve}),
        )
    ),
    _hosted(
        "RegularGridInterpolator",
        lambda sp, z, q: sp.interpolate.RegularGridInterpolator(
            (X, X2, X[:3]), z, bounds_error=False, fill_value=None
        )(q),
        _normal(9, 7, 3, 2),
        onp.concatenate([PLACES, PLACES[:, :1]], -1),
    ),
    _hosted(
        "RegularGridInterpolator",
        lambda sp, z, q: sp.interpolate.RegularGridInterpolator(
            (X, X2), z, bounds_error=False, fill_value=0.3
        )(q),
        Z,
        PLACES * 1.4,
    ),
    _hosted(
        "RegularGridInterpolator",
        lambda sp, z: sp.interpolate.RegularGridInterpolator((X, X2), z, "nearest")(PLACES),
        Z,
    ),
    *(
        _hosted(
            "interpn",
            lambda sp, x, y, z, q, m=method: sp.interpolate.interpn((x, y), z, q, method=m),
            X,
            X2,
            Z,
            PLACES,
        )
        for method in ("linear", "splinef2d")
    ),
    *(
        _hosted("interp1d", lambda sp, x, y, q, k=kind: sp.interpolate.interp1d(x, y, kind=k)(q), X, Y, AT)
        for kind in ("linear", "slinear", "cubic")
    ),
    *(
        _hosted("interp1d", lambda sp, y, k=kind: sp.interpolate.interp1d(X, y, kind=k)(AT), Y)
        for kind in ("nearest", "previous", "zero", "quadratic")
    ),
    _hosted(
        "interp1d",
        lambda sp, x, y, q: sp.interpolate.interp1d(x, y, fill_value="extrapolate", axis=0)(q),
        X,
        Z,
        1.3 * AT - 0.5,
    ),
    # Scattered points
    *(
        _hosted(
            "RBFInterpolator",
            lambda sp, x, d, q, k=kernel: sp.interpolate.RBFInterpolator(x, d, kernel=k, epsilon=0.7)(q),
            POINTS,
            HEIGHTS,
            PLACES,
        )
        for kernel in (
            "linear",
            "thin_plate_spline",
            "cubic",
            "quintic",
            "multiquadric",
            "inverse_multiquadric",
            "inverse_quadratic",
            "gaussian",
        )
    ),
    _hosted(
        "RBFInterpolator",
        lambda sp, d, e, s: sp.interpolate.RBFInterpolator(
            POINTS, d, kernel="gaussian", epsilon=e, smoothing=s
        )(PLACES),
        _normal(10, 2),
        0.8,
        0.1,
    ),
    _hosted(
        "RBFInterpolator",
        lambda sp, x, d, q: sp.interpolate.RBFInterpolator(x, d, neighbors=5)(q),
        POINTS,
        HEIGHTS,
        PLACES,
    ),
    *(
        _hosted(
            "Rbf",
            lambda sp, x, d, e, q, f=f: sp.interpolate.Rbf(
                x[:, 0], x[:, 1], d, epsilon=e, function=f, smooth=0.1
            )(q[:, 0], q[:, 1]),
            POINTS,
            HEIGHTS,
            0.9,
            PLACES,
        )
        for f in ("gaussian", "inverse")
    ),
    _hosted(
        "LinearNDInterpolator",
        lambda sp, x, d, q: sp.interpolate.LinearNDInterpolator(x, d, rescale=True)(q),
        POINTS,
        _normal(10, 2),
        PLACES,
    ),
    _hosted(
        "NearestNDInterpolator",
        lambda sp, d: sp.interpolate.NearestNDInterpolator(POINTS, d)(PLACES),
        HEIGHTS,
    ),
    *(
        _hosted(
            "CloughTocher2DInterpolator",
            lambda sp, x, d, q, r=rescale: sp.interpolate.CloughTocher2DInterpolator(
                x, d, tol=1e-13, maxiter=3000, rescale=r
            )(q),
            POINTS,
            d,
            PLACES,
        )
        for rescale, d in ((False, HEIGHTS), (True, _normal(10, 2)))
    ),
    *(
        _hosted("griddata", lambda sp, d, m=method: sp.interpolate.griddata(POINTS, d, PLACES, m), HEIGHTS)
        for method in ("linear", "nearest")
    ),
    _hosted("griddata", lambda sp, x, y, q: sp.interpolate.griddata(x, y, q, "cubic"), X, Y, AT),
]

# FITPACK's surfaces, of knots and coefficients that are given.
PROBES.append(
    _hosted(
        "bisplev",
        lambda sp, t, c, x, y: sp.interpolate.bisplev(x, y, (t, 1.1 * t, c, 3, 3), dx=1),
        KNOTS,
        _normal(49),
        onp.array([0.5, 1.7]),
        onp.array([0.6, 2.1, 3.3]),
    )
)
PROBES.append(
    _hosted(
        "BivariateSpline",
        lambda sp, t, c, x, y: sp.interpolate.BivariateSpline._from_tck((t, 1.1 * t, c, 3, 3)).ev(x, y),
        KNOTS,
        _normal(49),
        AT,
        AT[::-1],
    )
)
REFUSED = {f"scipy.interpolate.{name}": why for name, why in interpolate.REFUSED.items()}
