"""Calls of scipy.signal."""

import numpy as onp

import funad.numpy as np

from . import VERSION, probe

_rng = onp.random.default_rng(7)


def _normal(*shape):
    return _rng.normal(size=shape)


X, LONG, PLANE = _normal(6), _normal(20), _normal(4, 5)
K, SMALL = _normal(3), _normal(2, 3)
B, A = onp.array([0.5, 0.3, -0.2]), onp.array([1.3, -0.4, 0.2])
SOS = onp.array([[0.3, 0.2, 0.1, 1.0, -0.4, 0.2], [0.5, -0.1, 0.2, 1.0, 0.3, 0.1]])
ORDERED = onp.array([3.0, 1.0, 4.0, 1.5, 9.0, 2.6])
TIMES = onp.linspace(0.0, 1.0, 5)
BAND = (2.0, 0.5)
STATES, INTO, OUT = onp.array([[-0.5, 0.2], [0.1, -0.7]]), onp.array([[1.0], [0.5]]), onp.array([[1.0, 0.3]])
ZEROS, POLES = onp.array([-0.5, 0.3]), onp.array([-1.0, -2.0, -3.0])


def _hosted(name, f, *args, **options):
    return probe(f"scipy.signal.{name}", f, *args, how="hosted", **options)


def _sections(free):
    """Second-order sections whose a₀ is 1 wherever they are moved to."""
    return np.concatenate([free[:, :3], onp.ones((2, 1)), free[:, 3:]], -1)


FREE = onp.delete(SOS, 3, axis=1)

PROBES = [
    # Convolutions
    *(
        probe("scipy.signal.convolve", lambda sp, x, k, mode=mode: sp.signal.convolve(x, k, mode), X, K)
        for mode in ("full", "same", "valid")
    ),
    probe("scipy.signal.convolve", lambda sp, x, k: sp.signal.convolve(x, k, method="fft"), PLANE, SMALL),
    probe("scipy.signal.correlate", lambda sp, x, k: sp.signal.correlate(x, k, "same"), X + 1j, K * 1j),
    probe(
        "scipy.signal.correlate", lambda sp, x, k: sp.signal.correlate(x, k, method="direct"), SMALL, PLANE
    ),
    probe("scipy.signal.fftconvolve", lambda sp, x, k: sp.signal.fftconvolve(x, k, "same"), PLANE, SMALL),
    probe("scipy.signal.fftconvolve", lambda sp, x, k: sp.signal.fftconvolve(x, k, axes=1), PLANE, SMALL[:1]),
    probe("scipy.signal.oaconvolve", lambda sp, x, k: sp.signal.oaconvolve(x, k), LONG, K),
    *(
        probe(
            "scipy.signal.convolve2d",
            lambda sp, x, k, mode=mode, b=boundary: sp.signal.convolve2d(x, k, mode, b),
            PLANE,
            SMALL,
        )
        for mode, boundary in (("full", "wrap"), ("same", "symm"), ("valid", "fill"))
    ),
    probe(
        "scipy.signal.correlate2d", lambda sp, x, k: sp.signal.correlate2d(x, k, "same", "wrap"), PLANE, SMALL
    ),
    # Filters
    probe("scipy.signal.lfilter", lambda sp, b, a, x: sp.signal.lfilter(b, a, x), B, A, X),
    probe(
        "scipy.signal.lfilter",
        lambda sp, b, a, x, z: sp.signal.lfilter(b, a, x, 0, z),
        B,
        A,
        PLANE,
        _normal(2, 5),
    ),
    probe("scipy.signal.sosfilt", lambda sp, s, x: sp.signal.sosfilt(_sections(s), x), FREE, X),
    probe(
        "scipy.signal.sosfilt",
        lambda sp, s, x, z: sp.signal.sosfilt(_sections(s), x, zi=z),
        FREE,
        X,
        _normal(2, 2),
    ),
    probe("scipy.signal.upfirdn", lambda sp, h, x: sp.signal.upfirdn(h, x, 3, 2), K, X),
    _hosted("filtfilt", lambda sp, b, a, x: sp.signal.filtfilt(b, a, x, padlen=3), B, A, X),
    _hosted("sosfiltfilt", lambda sp, x: sp.signal.sosfiltfilt(SOS, x, padlen=3), X),
    _hosted("lfilter_zi", lambda sp, b, a: sp.signal.lfilter_zi(b, a), B, A),
    _hosted("lfiltic", lambda sp, b, a, y: sp.signal.lfiltic(b, a, y), B, A, K[:2]),
    _hosted("deconvolve", lambda sp, y, k: sp.signal.deconvolve(y, k)[0], X, B),
    _hosted("detrend", lambda sp, x: sp.signal.detrend(x), X),
    _hosted("detrend", lambda sp, x: sp.signal.detrend(x, type="constant"), X),
    _hosted("hilbert", lambda sp, x: sp.signal.hilbert(x), X),
    _hosted("envelope", lambda sp, x: sp.signal.envelope(x), LONG),
    _hosted("decimate", lambda sp, x: sp.signal.decimate(x, 2, ftype="fir"), LONG),
    _hosted("resample", lambda sp, x: sp.signal.resample(x, 4), X),
    _hosted("resample_poly", lambda sp, x: sp.signal.resample_poly(x, 2, 3), X),
    _hosted(
        "minimum_phase",
        lambda sp, h: sp.signal.minimum_phase(h + h[::-1]),
        onp.array([0.1, 0.2, 0.9, 0.2, 0.1]),
    ),
    _hosted("vectorstrength", lambda sp, e: sp.signal.vectorstrength(e, 2.0), X),
    _hosted("savgol_filter", lambda sp, x: sp.signal.savgol_filter(x, 5, 2), LONG),
    _hosted("savgol_filter", lambda sp, x: sp.signal.savgol_filter(x, 5, 2, mode="wrap"), LONG),
    _hosted("medfilt", lambda sp, x: sp.signal.medfilt(x, 3), ORDERED),
    _hosted("order_filter", lambda sp, x: sp.signal.order_filter(x, onp.ones(3), 1), ORDERED),
    _hosted("wiener", lambda sp, x: sp.signal.wiener(x, 3), LONG),
    _hosted(
        "lombscargle",
        lambda sp, x: sp.signal.lombscargle(TIMES, x, onp.array([1.0, 2.5])),
        X[:5],
        since=(1, 15),
    ),
    _hosted("cspline1d", lambda sp, x: sp.signal.cspline1d(x), LONG),
    _hosted("qspline1d", lambda sp, x: sp.signal.qspline1d(x), LONG),
    _hosted("cspline1d_eval", lambda sp, c: sp.signal.cspline1d_eval(c, TIMES + 0.3), X),
    # Spectra
    _hosted("periodogram", lambda sp, x: sp.signal.periodogram(x)[1], LONG),
    _hosted("welch", lambda sp, x: sp.signal.welch(x, nperseg=8)[1], LONG),
    _hosted("csd", lambda sp, x, y: sp.signal.csd(x, y, nperseg=8)[1], LONG, LONG[::-1]),
    _hosted("coherence", lambda sp, x, y: sp.signal.coherence(x, y, nperseg=8)[1], LONG, LONG[::-1]),
    _hosted("spectrogram", lambda sp, x: sp.signal.spectrogram(x, nperseg=8)[2], LONG),
    _hosted("stft", lambda sp, x: sp.signal.stft(x, nperseg=8)[2], LONG),
    _hosted("istft", lambda sp, z: sp.signal.istft(z, nperseg=8)[1], _normal(5, 4) + 1j * _normal(5, 4)),
    _hosted("czt", lambda sp, x: sp.signal.czt(x), X),
    _hosted("zoom_fft", lambda sp, x: sp.signal.zoom_fft(x, [0.1, 0.4], m=4), X),
    # Systems
    _hosted("normalize", lambda sp, b, a: sp.signal.normalize(b, a), B, A),
    _hosted("lp2lp", lambda sp, b, a: sp.signal.lp2lp(b, a, 2.0), B, A),
    _hosted("freqz", lambda sp, b, a: sp.signal.freqz(b, a, worN=TIMES)[1], B, A),
    _hosted("freqs", lambda sp, b, a: sp.signal.freqs(b, a, worN=TIMES)[1], B, A),
    _hosted("sosfreqz", lambda sp, s: sp.signal.sosfreqz(_sections(s), worN=TIMES)[1], FREE),
    _hosted("group_delay", lambda sp, b, a: sp.signal.group_delay((b, a), w=TIMES)[1], B, A),
    _hosted("zpk2tf", lambda sp, z, p, k: sp.signal.zpk2tf(z, p, k), ZEROS, POLES, 2.0),
    _hosted("tf2zpk", lambda sp, b, a: sp.signal.tf2zpk(b, a)[2], B, A),
    _hosted("tf2ss", lambda sp, b, a: sp.signal.tf2ss(b, a), B, A),
    _hosted(
        "ss2tf",
        lambda sp, a, b, c, d: sp.signal.ss2tf(a, b, c, d),
        _normal(2, 2),
        _normal(2, 1),
        _normal(1, 2),
        _normal(1, 1),
    ),
    _hosted(
        "cont2discrete",
        lambda sp, a, b: sp.signal.cont2discrete((a, b, onp.eye(2), onp.zeros((2, 1))), 0.1)[:2],
        _normal(2, 2),
        _normal(2, 1),
    ),
    _hosted("lsim", lambda sp, b, u: sp.signal.lsim((b, [1.0, 2.0, 3.0]), u, TIMES)[1], B[:2], TIMES + 0.5),
    _hosted("dlsim", lambda sp, u: sp.signal.dlsim((B, A, 0.1), u)[1], TIMES + 0.5),
    _hosted("step", lambda sp, b: sp.signal.step((b, [1.0, 2.0, 3.0]), T=TIMES)[1], B[:2]),
    _hosted("impulse", lambda sp, b: sp.signal.impulse((b, [1.0, 2.0, 3.0]), T=TIMES)[1], B[:2]),
    _hosted("residue", lambda sp, b: sp.signal.residue(b, onp.array([1.0, 3.0, 2.0]))[0], B[:2]),
    _hosted("invres", lambda sp, r, p: sp.signal.invres(r, p, [])[0], B, POLES),
    _hosted("firwin", lambda sp, w: sp.signal.firwin(5, w), 0.3),
    _hosted("get_window", lambda sp, beta: sp.signal.get_window(("kaiser", beta), 5), 3.0),
    _hosted("abcd_normalize", lambda sp, a: sp.signal.abcd_normalize(a, INTO, OUT, onp.ones((1, 1))), STATES),
    _hosted("bode", lambda sp, b: sp.signal.bode((b, A), w=TIMES[1:])[1:], B),
    _hosted("dbode", lambda sp, b: sp.signal.dbode((b, A, 0.1), w=TIMES[1:])[1:], B),
    _hosted("freqresp", lambda sp, b: sp.signal.freqresp((b, A), w=TIMES)[1], B),
    _hosted("dfreqresp", lambda sp, b: sp.signal.dfreqresp((b, A, 0.1), w=TIMES)[1], B),
    _hosted("dimpulse", lambda sp, b: sp.signal.dimpulse((b, A, 0.1), n=5)[1], B),
    _hosted("dstep", lambda sp, b: sp.signal.dstep((b, A, 0.1), n=5)[1], B),
    _hosted("freqs_zpk", lambda sp, z, p: sp.signal.freqs_zpk(z, p, 1.0, TIMES)[1], ZEROS, POLES),
    _hosted("freqz_zpk", lambda sp, z, p: sp.signal.freqz_zpk(z, p, 1.0, TIMES)[1], ZEROS, POLES),
    _hosted("bilinear_zpk", lambda sp, z, p: sp.signal.bilinear_zpk(z, p, 1.0, 2.0), ZEROS, POLES),
    *(
        _hosted(
            name, lambda sp, z, p, name=name, to=to: getattr(sp.signal, name)(z, p, 1.0, *to), ZEROS, POLES
        )
        for name, to in (
            ("lp2bp_zpk", BAND),
            ("lp2bs_zpk", BAND),
            ("lp2hp_zpk", (2.0,)),
            ("lp2lp_zpk", (2.0,)),
        )
    ),
    _hosted("lp2bp", lambda sp, b, w: sp.signal.lp2bp(b, A, w, 0.5), B, 2.0, since=(1, 16)),
    _hosted("lp2bs", lambda sp, b, w: sp.signal.lp2bs(b, A, w, 0.5), B, 2.0, since=(1, 16)),
    _hosted("residuez", lambda sp, b: sp.signal.residuez(b, onp.array([1.0, -0.4, 0.1]))[0], B[:2]),
    _hosted("invresz", lambda sp, r, p: sp.signal.invresz(r, p, [0.1]), ZEROS, ZEROS - 0.1),
    _hosted("sos2tf", lambda sp, s: sp.signal.sos2tf(s), SOS),
    _hosted("sos2zpk", lambda sp, s: sp.signal.sos2zpk(s)[2], SOS),
    _hosted("zpk2sos", lambda sp, z: sp.signal.zpk2sos(z, onp.array([0.5, -0.4]), 1.0), ZEROS),
    _hosted("zpk2ss", lambda sp, z: sp.signal.zpk2ss(z, POLES, 1.0), ZEROS),
    _hosted("ss2zpk", lambda sp, a: sp.signal.ss2zpk(a, INTO, OUT, onp.ones((1, 1))), STATES),
    _hosted("firwin2", lambda sp, g: sp.signal.firwin2(9, [0.0, 0.5, 1.0], g), onp.array([1.0, 0.8, 0.1])),
    _hosted("buttord", lambda sp, w: sp.signal.buttord(w, 0.4, 3.0, 40.0)[1], 0.2),
    _hosted("cheb2ap", lambda sp, rs: sp.signal.cheb2ap(3, rs), 20.0),
    _hosted("kaiser_atten", lambda sp, w: sp.signal.kaiser_atten(11, w), 0.2),
    _hosted("kaiser_beta", lambda sp, a: sp.signal.kaiser_beta(a), 40.0),
    _hosted("kaiserord", lambda sp, a: sp.signal.kaiserord(a, 0.1)[1], 40.0),
    _hosted("hilbert2", lambda sp, x: sp.signal.hilbert2(x), PLANE),
    _hosted("qspline1d_eval", lambda sp, c: sp.signal.qspline1d_eval(c, TIMES + 0.3), X),
    _hosted("savgol_coeffs", lambda sp, d: sp.signal.savgol_coeffs(5, 2, 1, d), 0.5),
    _hosted(
        "closest_STFT_dual_window",
        lambda sp, w: sp.signal.closest_STFT_dual_window(w, 2)[0],
        onp.hanning(8) + 0.1,
    ),
    # Waves
    _hosted("chirp", lambda sp, t: sp.signal.chirp(t, 1.5, 1.0, 3.0), TIMES),
    _hosted("gausspulse", lambda sp, t: sp.signal.gausspulse(t, 2.0), TIMES),
    _hosted("sawtooth", lambda sp, t: sp.signal.sawtooth(t), TIMES + 0.3),
    _hosted("sweep_poly", lambda sp, t: sp.signal.sweep_poly(t, onp.array([1.0, 2.0, 0.5])), TIMES),
    _hosted("gauss_spline", lambda sp, x: sp.signal.gauss_spline(x, 3), X),
]
# SciPy 1.15 multiplies the factors of real polynomials in another order than on traced values.
IN_ORDER = VERSION >= (1, 16)
# Filters by the frequencies of their edges, and by their ripples.
PROBES += [
    _hosted("butter", lambda sp, w: list(sp.signal.butter(3, w)), 0.31, exact=IN_ORDER),
    _hosted(
        "butter", lambda sp, w: sp.signal.butter(2, w, btype="bandstop", output="sos"), onp.array([0.3, 0.6])
    ),
    _hosted("butter", lambda sp, w: list(sp.signal.butter(2, w, btype="high", fs=500.0)), 71.0),
    _hosted("bessel", lambda sp, w: list(sp.signal.bessel(3, w, analog=True)), 1.3),
    _hosted("cheby1", lambda sp, r, w: list(sp.signal.cheby1(3, r, w)), 0.5, 0.31),
    _hosted("cheby2", lambda sp, r, w: list(sp.signal.cheby2(3, r, w)), 20.0, 0.31, exact=IN_ORDER),
    _hosted("ellip", lambda sp, w: list(sp.signal.ellip(3, 1.0, 30.0, w)), 0.31, exact=IN_ORDER),
    _hosted("iirnotch", lambda sp, w, q: list(sp.signal.iirnotch(w, q)), 0.31, 20.0),
    _hosted("iirpeak", lambda sp, w, q: list(sp.signal.iirpeak(w, q)), 0.31, 20.0),
    _hosted("gammatone", lambda sp, w: list(sp.signal.gammatone(w, "fir", numtaps=8)), 0.31),
    _hosted("chirp", lambda sp, f0, f1: sp.signal.chirp(TIMES, f0, 1.0, f1, method="hyperbolic"), 0.31, 1.6),
    _hosted(
        "filtfilt",
        lambda sp, w: sp.signal.filtfilt(*sp.signal.butter(2, w), LONG),
        0.31,
        exact=IN_ORDER,
        rtol=1e-12,
    ),
    _hosted(
        "lfilter_zi",
        lambda sp, c: sp.signal.lfilter_zi(B, onp.array([1.0, 0.0, 0.2]) + c),
        onp.array([0.0, 0.4, 0.0]),
    ),
]

PROBES += [
    _hosted(
        "symiirorder1",
        lambda sp, x, c, z: sp.signal.symiirorder1(x, c, z, 1e-9),
        LONG,
        0.7,
        0.3,
        since=(1, 15),
    ),
    *(
        probe(f"scipy.signal.{name}", f, *args)
        for name, f, args in (
            ("bilinear", lambda sp, b, a, fs: list(sp.signal.bilinear(b, a, fs)), (B[:2], A, 1.7)),
            ("medfilt2d", lambda sp, x: sp.signal.medfilt2d(x, 3), (PLANE,)),
            ("peak_prominences", lambda sp, x: sp.signal.peak_prominences(x, [2, 4])[0], (ORDERED,)),
            ("peak_widths", lambda sp, x, h: list(sp.signal.peak_widths(x, [2, 4], h)), (ORDERED, 0.4)),
            ("sepfir2d", lambda sp, x, h, g: sp.signal.sepfir2d(x, h, g), (PLANE, K, B)),
        )
    ),
]

_DESIGN = "SciPy searches for its numbers; compute the filter outside of the gradient"
REFUSED = {"scipy.signal.place_poles": _DESIGN}
