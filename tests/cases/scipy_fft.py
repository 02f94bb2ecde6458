"""Where to draw the arguments of funad.scipy.fft from."""

import itertools

import hypothesis.strategies as st
import numpy as onp

from funad.scipy import fft
from funad.testing import Call, Case, arrays, call, case

from .fft import ANY, REAL, STEPS, of_one

NORMS = (None, "backward", "ortho", "forward")
X = onp.random.default_rng(6).normal(size=(3, 4))
Z = X + 1j * X[::-1]


def _several(x):
    """A transform along several axes, with some of the keywords."""
    options = [{}, {"axes": 0}, {"s": (2, 5)}, {"s": 5, "axes": -1}, {"s": (4, -1), "axes": (1, 0)}]
    found = [
        call(x, **kwargs, norm=norm) for kwargs, norm in zip(options, itertools.cycle(NORMS), strict=False)
    ]
    return Case(st.sampled_from(found), SEVERAL)


def _of_two(x):
    found = [call(x), call(x, s=(2, 5)), call(x, axes=(1, 0), norm="ortho")]
    return Case(st.sampled_from(found), SEVERAL)


def _cosines(along):
    """Each type with and without what makes it orthogonal."""
    kinds = itertools.product((1, 2, 3, 4), (None, True, False))
    norms = itertools.cycle(NORMS)
    found = [
        call(X, type=kind, orthogonalize=choice, norm=norm, **along)
        for (kind, choice), norm in zip(kinds, norms, strict=False)
    ]
    return Case(st.sampled_from([*found, call(Z, **along)]), COSINES | along.keys())


OPTIONS = {"workers", "plan"}
ONE, SEVERAL = frozenset({"n", "axis", "norm", *OPTIONS}), frozenset({"s", "axes", "norm", *OPTIONS})
COSINES = frozenset({"type", "norm", "workers", "orthogonalize", "n", "axis", "s", "axes"})
HANKEL = Case(
    st.sampled_from([call(X, 0.1, 0.5), call(X[0], 0.1, 0.5, 0.3, 0.2)]), frozenset({"offset", "bias"})
)

CASES = {
    **{f: Case(of_one(ANY), ONE) for f in (fft.fft, fft.ifft, fft.irfft, fft.hfft)},
    **{f: Case(of_one(REAL), ONE) for f in (fft.rfft, fft.ihfft)},
    **{f: _several(Z) for f in (fft.fftn, fft.ifftn, fft.irfftn, fft.hfftn)},
    **{f: _several(X) for f in (fft.rfftn, fft.ihfftn)},
    **{f: _of_two(Z) for f in (fft.fft2, fft.ifft2, fft.irfft2, fft.hfft2)},
    **{f: _of_two(X) for f in (fft.rfft2, fft.ihfft2)},
    **{f: _cosines({"n": 5, "axis": 0}) for f in (fft.dct, fft.idct, fft.dst, fft.idst)},
    **{f: _cosines({"axes": (1, 0)}) for f in (fft.dctn, fft.idctn, fft.dstn, fft.idstn)},
    **dict.fromkeys((fft.fht, fft.ifht), HANKEL),
    **{f: case(arrays((3, 4)), axes=st.sampled_from([None, 0])) for f in (fft.fftshift, fft.ifftshift)},
    **{
        f: Case(st.builds(lambda d: Call((5, d)), STEPS), frozenset({"d", "xp", "device"}))
        for f in (fft.fftfreq, fft.rfftfreq)
    },
}
