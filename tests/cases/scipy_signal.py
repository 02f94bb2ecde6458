"""Where to draw the arguments of funad.scipy.signal from: calls by hand."""

import itertools

import numpy as onp

from funad.scipy import signal
from funad.testing import call

from .scipy_linalg import calls

_rng = onp.random.default_rng(8)
X, PLANE, K, SMALL = (_rng.normal(size=shape) for shape in (6, (4, 5), 3, (2, 3)))
B, A = onp.array([0.5, 0.3, -0.2]), onp.array([1.3, -0.4, 0.2])
SOS = onp.array([[3, 2, 1, 1, 0, 1], [1, -1, 2, 1, 1, 0]])  # a₀ cannot be moved: the probes move the others
MODES = ("full", "same", "valid")

_OF_TWO = [call(X, K, mode) for mode in MODES] + [
    call(K * 1j, X, "valid"), call(PLANE, SMALL, method="direct"), call(SMALL, PLANE + 1j, method="fft"),
    call(onp.array(2.0), onp.array(3.0)),
]  # fmt: skip
_ALONG = [call(X, K, mode) for mode in MODES] + [
    call(PLANE, SMALL[:1], axes=1), call(SMALL, PLANE * 1j, "valid"), call(PLANE, PLANE[:, :2], axes=(1,)),
]  # fmt: skip
_PLANES = [
    call(PLANE, SMALL * (1 + 1j * k), mode, boundary)
    for k, (mode, boundary) in enumerate(itertools.product(MODES, ("fill", "wrap", "symm")))
] + [call(PLANE, SMALL, fillvalue=0.5), call(SMALL, PLANE, "valid")]

CASES = {
    **dict.fromkeys((signal.convolve, signal.correlate), calls("mode method", *_OF_TWO)),
    **dict.fromkeys((signal.fftconvolve, signal.oaconvolve), calls("mode axes", *_ALONG)),
    **dict.fromkeys((signal.convolve2d, signal.correlate2d), calls("mode boundary fillvalue", *_PLANES)),
    signal.lfilter_of: calls(
        "zi axis",
        call(B, A, X),
        call(A, B[:1], PLANE, axis=0),
        call(B, A, PLANE, PLANE[:, :2]),
        call(B, 1j * A, PLANE, X[:2, None], axis=0),
        call(B[:1], A[:1], X),
    ),
    signal.sosfilt_of: calls("zi axis", call(SOS, X), call(SOS, PLANE, axis=0)),
    signal.upfirdn: calls("up down axis mode cval", call(K, X), call(K, PLANE * 1j, up=3, down=2, axis=0)),
}
