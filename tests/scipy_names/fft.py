"""Calls of scipy.fft."""

import numpy as onp

from . import probe

_rng = onp.random.default_rng(4)
X, PLANE = _rng.normal(size=6), _rng.normal(size=(3, 4))
Z, C_PLANE = X + 1j * X[::-1], PLANE + 1j * PLANE[::-1]


def _of(name, x, **options):
    """The probe of a transform of x."""
    return probe(f"scipy.fft.{name}", lambda sp, x: getattr(sp.fft, name)(x, **options), x)


PROBES = [
    _of("fft", X),
    _of("fft", C_PLANE, n=5, axis=0, norm="ortho"),
    _of("ifft", Z, norm="forward"),
    _of("fft2", PLANE),
    _of("ifft2", C_PLANE),
    _of("fftn", PLANE, s=(5,)),
    _of("ifftn", C_PLANE, axes=0),
    _of("rfft", X),
    _of("rfft", PLANE, n=3, norm="forward", overwrite_x=True),
    _of("irfft", Z),
    _of("irfft", Z, n=7),
    _of("rfft2", PLANE),
    _of("irfft2", C_PLANE),
    _of("rfftn", PLANE, s=(2, 5), norm="ortho"),
    _of("irfftn", C_PLANE, axes=(1, 0)),
    _of("hfft", Z),
    _of("hfft", Z, n=5, norm="ortho"),
    _of("ihfft", X),
    _of("hfft2", C_PLANE),
    _of("ihfft2", PLANE),
    _of("hfftn", C_PLANE, norm="forward"),
    _of("ihfftn", PLANE, s=(3, 3)),
    *(_of(name, X, type=type) for name in ("dct", "idct", "dst", "idst") for type in (1, 2, 3, 4)),
    _of("dct", PLANE, axis=0, n=5, norm="ortho"),
    _of("dct", Z, type=3, orthogonalize=True),
    _of("idst", X, type=2, norm="ortho", orthogonalize=False),
    _of("dctn", PLANE, norm="ortho"),
    _of("idctn", PLANE, s=(2, 5)),
    _of("dstn", PLANE, axes=(0,)),
    _of("idstn", PLANE, type=1),
    _of("fht", X, dln=0.1, mu=0.5, offset=0.3, bias=0.2),
    _of("ifht", X, dln=0.1, mu=0.5),
    _of("fftshift", PLANE),
    _of("ifftshift", PLANE, axes=0),
    probe("scipy.fft.fftfreq", lambda sp, d: sp.fft.fftfreq(5, d), 0.3),
    probe("scipy.fft.rfftfreq", lambda sp, d: sp.fft.rfftfreq(6, d), 0.3),
]
REFUSED = {"scipy.fft.fhtoffset": "it is a function of numbers that fht takes as constants"}
