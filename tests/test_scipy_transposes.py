"""Linear functions of SciPy and their transposes, as whole matrices: each type, norm, mode and size."""

import itertools

import numpy as onp
import pytest
import scipy.signal

import funad
import funad.numpy as np
from funad.scipy import fft, ndimage, signal
from funad.scipy.rules import signal as rules


def _check_transpose(f, n, dtype=float):
    """Hold x̄ for each unit ȳ to the matrix of f, which is f of each unit vector.

    With dL = Re Σ x̄·dx, a real function of complex numbers has x̄ = f(1) - i f(i).
    """
    columns = [onp.ravel(f(unit)) for unit in onp.eye(n, dtype=dtype)]
    if dtype is complex and not onp.iscomplexobj(columns):
        columns = [a - 1j * onp.ravel(f(1j * unit)) for a, unit in zip(columns, onp.eye(n), strict=True)]
    y, pull = funad.vjp(f, onp.zeros(n, dtype))
    rows = [pull(unit.reshape(y.shape)) for unit in onp.eye(y.size, dtype=y.dtype)]
    matrix = onp.array(columns).T
    wanted = matrix if onp.iscomplexobj(rows) else matrix.real
    onp.testing.assert_allclose(rows, wanted, atol=1e-12)


@pytest.mark.parametrize("name", ["dct", "dst", "idct", "idst"])
@pytest.mark.parametrize("kind", [1, 2, 3, 4])
def test_cosines_and_sines(name, kind):
    for norm, size, whole, orthogonal in itertools.product(
        (None, "ortho", "forward"), (None, 3, 7), (4, 5), (None, True, False)
    ):
        options = {"type": kind, "norm": norm, "n": size, "orthogonalize": orthogonal}
        _check_transpose(lambda x, o=options: getattr(fft, name)(x, **o), whole)


@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"])
def test_fourier_transforms(name):
    dtype = float if name in ("rfft", "ihfft") else complex
    for norm, size, whole in itertools.product((None, "ortho", "forward"), (None, 3, 6, 7), (4, 5)):
        _check_transpose(lambda x, s=size, norm=norm: getattr(fft, name)(x, s, norm=norm), whole, dtype)


MODES = ["reflect", "mirror", "nearest", "wrap", "constant", "grid-wrap", "grid-constant"]


@pytest.mark.parametrize("mode", MODES)
def test_filters_of_images(mode):
    kernels = (
        onp.array([0.5, -0.3, 0.2]),
        onp.array([0.5, -0.3, 0.2, 0.7]),
        onp.array([0.1, 0.2, 0.3, 0.4, 0.5]),
    )
    for size, kernel in itertools.product(range(1, 6), kernels):
        _check_transpose(lambda x, k=kernel: ndimage.correlate1d(x, k, mode=mode, origin=-1), size)
        _check_transpose(lambda x, k=kernel: ndimage.convolve1d(x, k, mode=mode), size)
        _check_transpose(lambda x, k=kernel: ndimage.convolve(x, k, mode=mode, origin=1), size)
        _check_transpose(lambda x, k=kernel: ndimage.uniform_filter1d(x, len(k), mode=mode), size)


@pytest.mark.parametrize("mode", ["mirror", "reflect", "grid-wrap"])
def test_splines(mode):
    for size, order in itertools.product(range(2, 7), range(2, 6)):
        _check_transpose(lambda x, o=order: ndimage.spline_filter1d(x, o, mode=mode), size)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_convolutions(mode):
    for m, n in itertools.product(range(1, 6), range(1, 6)):
        other = onp.linspace(0.5, 1.5, n) ** 2
        for f in (signal.convolve, signal.correlate, signal.fftconvolve):
            _check_transpose(lambda x, f=f, k=other: f(x, k, mode), m)
            _check_transpose(lambda x, f=f, k=other: f(k, x, mode), m)


def test_filters_in_time():
    for b, a in itertools.product(
        ([0.5], [0.5, 0.3], [0.5, 0.3, -0.2]), ([2.0], [1.0, -0.4], [1.3, -0.4, 0.2])
    ):
        for size in range(1, 6):
            _check_transpose(lambda x, b=b, a=a: signal.lfilter(b, a, x), size)
            order = max(len(a), len(b)) - 1
            _check_transpose(
                lambda x, b=b, a=a, o=order: (
                    signal.lfilter(b, a, x, zi=onp.ones(o))[0] - _at_rest(b, a, x, o)
                ),
                size,
            )


def _at_rest(b, a, x, order):
    """What the states of a filter give without any samples."""
    return signal.lfilter(b, a, onp.zeros(x.shape), zi=onp.ones(order))[0]


def test_sections_of_filters():
    sos = scipy.signal.butter(4, 0.3, output="sos")
    for size, axis in itertools.product(range(1, 6), (0, 1)):
        _check_transpose(lambda x, a=axis: signal.sosfilt(sos, x.reshape(2, -1), a), 2 * size)
        for part in (0, 1):

            def started(v, n=size, part=part):
                return np.ravel(signal.sosfilt(sos, v[:n], zi=v[n:].reshape(2, 2))[part])

            _check_transpose(started, size + 4)


def test_resampling():
    for taps, size, up, down in itertools.product((1, 2, 5), range(1, 6), range(1, 4), range(1, 5)):
        h = onp.linspace(0.5, 1.5, taps) ** 2
        _check_transpose(lambda x, h=h, u=up, d=down: signal.upfirdn(h, x, u, d), size)


def test_windows_of_spectra():
    for size, step in itertools.product((16, 33), (1, 4, 7)):
        _check_transpose(lambda x, s=step: signal.stft(x, nperseg=8, noverlap=8 - s)[2], size)
    for step in (1, 25, -40):  # some of all windows, and few of them
        _check_transpose(lambda x, s=step: np.lib.stride_tricks.sliding_window_view(x, 9)[::s, 1:], 150)


@pytest.mark.parametrize("shape", [(300,), (2, 300)])
@pytest.mark.parametrize("started", [False, True])
def test_long_filters_go_by_ffts_which_give_what_sums_give(monkeypatch, shape, started):
    rng = onp.random.default_rng(0)
    b, a = rng.normal(size=150), onp.append(1.0, 0.01 * rng.normal(size=120))
    x, zi = rng.normal(size=shape), rng.normal(size=(*shape[:-1], 149))

    def loss(b, a, x, zi):
        if started:
            y, last = signal.lfilter(b, a, x, zi=zi)
            return np.sum(np.sin(y)) + np.sum(np.cos(last))
        return np.sum(np.sin(signal.lfilter(b, a, x)))

    inputs = (0, 1, 2, 3) if started else (0, 1, 2)
    found = funad.grad(loss, inputs)(b, a, x, zi)
    monkeypatch.setattr(rules, "_LONG", 1000)
    for one, other in zip(found, funad.grad(loss, inputs)(b, a, x, zi), strict=True):
        onp.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9 * onp.max(onp.abs(other)))
