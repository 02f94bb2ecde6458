"""Calls of scipy.ndimage."""

import numpy as onp

import funad.numpy as np

from . import probe

_rng = onp.random.default_rng(9)
X, PLANE = _rng.normal(size=6), _rng.permutation(20).reshape(4, 5) / 7.0 + 0.01 * _rng.normal(size=(4, 5))
K, SMALL = _rng.normal(size=3), _rng.normal(size=(2, 3))
LABELS = onp.array([[1, 1, 2, 2, 0], [1, 1, 2, 2, 0], [1, 3, 3, 2, 0], [1, 3, 3, 0, 0]])
POINTS = onp.array([[0.3, 1.6, 0.7, 2.8], [1.1, 2.3, 0.4, 3.6]])
MATRIX = onp.array([[0.9, 0.1], [-0.2, 1.1]])
CROSS = onp.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])


def _hosted(name, f, *args, **options):
    return probe(f"scipy.ndimage.{name}", f, *args, how="hosted", **options)


def _of(name, *others, **options):
    """The probe of a filter of a plane."""
    return _hosted(name, lambda sp, x: getattr(sp.ndimage, name)(x, *others, **options), PLANE)


PROBES = [
    # Linear filters
    _hosted("correlate1d", lambda sp, x, w: sp.ndimage.correlate1d(x, w, mode="mirror", origin=1), X, K),
    _hosted("correlate1d", lambda sp, x, w: sp.ndimage.correlate1d(x, w, axis=0), PLANE + 1j, K),
    _hosted("convolve1d", lambda sp, x, w: sp.ndimage.convolve1d(x, w, mode="wrap"), X, SMALL[:, 0]),
    _hosted(
        "correlate", lambda sp, x, w: sp.ndimage.correlate(x, w, mode="constant", cval=0.3), PLANE, SMALL
    ),
    _hosted("convolve", lambda sp, x, w: sp.ndimage.convolve(x, w, mode="nearest"), PLANE, SMALL),
    _of("gaussian_filter", 0.8),
    _of("gaussian_filter", (0.5, 1.0), order=(0, 1), mode="wrap"),
    _of("gaussian_filter1d", 0.8, axis=0, order=2),
    _hosted("gaussian_filter", lambda sp, x, s: sp.ndimage.gaussian_filter(x, s, mode="wrap"), PLANE, 0.8),
    _hosted(
        "gaussian_filter", lambda sp, s: sp.ndimage.gaussian_filter(PLANE, s, (1, 2)), onp.array([0.7, 1.1])
    ),
    _hosted("gaussian_filter1d", lambda sp, s: sp.ndimage.gaussian_filter1d(X, s, radius=2), 0.8),
    _of("gaussian_laplace", 0.8),
    _hosted("gaussian_laplace", lambda sp, s: sp.ndimage.gaussian_laplace(PLANE, s), 0.8),
    _of("gaussian_gradient_magnitude", 0.8),
    _hosted(
        "generic_gradient_magnitude",
        lambda sp, x: sp.ndimage.generic_gradient_magnitude(x, sp.ndimage.sobel),
        PLANE,
    ),
    _of("uniform_filter", 3),
    _of("uniform_filter1d", 2, mode="grid-wrap"),
    _of("sobel"),
    _of("prewitt", axis=0),
    _of("laplace"),
    # Orders and morphology
    _of("maximum_filter", 3),
    _of("maximum_filter", footprint=CROSS, mode="mirror"),
    _of("maximum_filter1d", 3),
    _of("minimum_filter", (2, 3)),
    _of("minimum_filter1d", 2),
    _of("median_filter", 3),
    _hosted("median_filter", lambda sp, x: sp.ndimage.median_filter(x, 3), X),
    _of("percentile_filter", 30, size=3),
    _of("rank_filter", 2, footprint=CROSS),
    _of("grey_erosion", size=3),
    _of("grey_dilation", structure=0.1 * CROSS),
    _of("grey_opening", size=(2, 2)),
    _of("grey_closing", size=(2, 2)),
    _of("white_tophat", size=3),
    _of("black_tophat", size=3),
    _of("morphological_gradient", size=3),
    _of("morphological_laplace", size=3),
    _hosted("vectorized_filter", lambda sp, x: sp.ndimage.vectorized_filter(x, np.mean, size=3), PLANE),
    _hosted(
        "generic_filter", lambda sp, x: sp.ndimage.generic_filter(x, lambda w: (w * w).sum(), size=2), PLANE
    ),
    # Splines
    _of("spline_filter"),
    _of("spline_filter1d", axis=0, mode="reflect"),
    _hosted("map_coordinates", lambda sp, x, p: sp.ndimage.map_coordinates(x, p), PLANE, POINTS),
    _hosted(
        "map_coordinates",
        lambda sp, x, p: sp.ndimage.map_coordinates(x, p, order=2, mode="wrap"),
        PLANE,
        POINTS,
    ),
    _hosted("shift", lambda sp, x, s: sp.ndimage.shift(x, s, mode="nearest"), PLANE, onp.array([0.4, -1.3])),
    _of("zoom", 1.7),
    _hosted(
        "affine_transform",
        lambda sp, x, m: sp.ndimage.affine_transform(x, m, 0.3, mode="mirror"),
        PLANE,
        MATRIX,
        order=1,  # the third derivative of a cubic spline jumps at its knots, where points of the grid lie
    ),
    _of("rotate", 25.0, reshape=False),
    # In Fourier space
    _hosted("fourier_gaussian", lambda sp, x: sp.ndimage.fourier_gaussian(x, 0.5), PLANE + 1j),
    _of("fourier_uniform", 2.0),
    _of("fourier_ellipsoid", 2.0),
    _of("fourier_shift", 0.5),
    # Measurements
    _of("center_of_mass"),
    *(
        _hosted(
            name, lambda sp, x, name=name: getattr(sp.ndimage, name)(x, LABELS, onp.array([1, 2, 3])), PLANE
        )
        for name in (
            "sum",
            "sum_labels",
            "mean",
            "variance",
            "standard_deviation",
            "minimum",
            "maximum",
            "median",
        )
    ),
]
PROBES += [
    _hosted(
        "geometric_transform",
        lambda sp, x, by: sp.ndimage.geometric_transform(
            x, lambda at: (at[0] * by[0] + 0.1, at[1] - by[1]), mode="nearest", order=2
        ),
        PLANE,
        onp.array([0.87, 0.36]),
    ),
]
REFUSED = {}
