"""``scipy.special`` on traced values.

SciPy's ufuncs and most of its functions are primitives, with rules in ``funad.scipy.rules.special``: their
values are SciPy's own. The functions below do no more than to call others, and are written with those. The
private ufuncs, which ``scipy.stats`` calls, stand here under their own names too.
"""

import importlib as _importlib
import math as _math

import numpy as _np
from scipy import special as _special
from scipy.special import _ufuncs

from .. import numpy as np
from ..boxes import innermost as _innermost
from ..errors import NotDifferentiableError as _NotDifferentiableError
from ..primitives import composite as _composite
from ..primitives import primitive_of_scipy as _primitive_of_scipy
from ..registry import enter as _enter
from ..values import constant as _constant
from .namespace import complete as _complete


def _wrap_ufuncs():
    """Return the primitives of SciPy's ufuncs by name, of the private ones too."""
    found = {name: f for name, f in vars(_ufuncs).items() if name.startswith("_")}
    found |= {name: f for name, f in vars(_special).items() if not name.startswith("_")}
    return {
        name: _primitive_of_scipy(f, f"scipy.special.{name}")
        for name, f in found.items()
        if isinstance(f, _np.ufunc)
    }


globals().update(_wrap_ufuncs())


def _written(f):
    """Make the decorated function what ``f`` is on traced values."""

    def decorate(g):
        _enter(f, f"scipy.special.{f.__name__}")
        wrapped = _composite(f)(g)
        wrapped.__module__ = __name__
        return wrapped

    return decorate


# --- gamma functions


@_written(_special.zeta)
def zeta(x, q=None, out=None):
    if out is not None:
        raise _NotDifferentiableError("zeta of a traced value takes no out; leave it out and use the result")
    if q is not None:
        return _zeta(x, q)
    riemann = globals().get("_riemann_zeta")
    return _zeta(x, 1.0) if riemann is None else riemann(x)


@_written(_special.polygamma)
def polygamma(n, x):
    _refuse_traced("polygamma", "n", n)
    n, x = _np.asarray(n), np.asarray(x)
    found = (-1.0) ** (n + 1) * _special.gamma(n + 1.0) * zeta(n + 1, x)
    return np.where(n == 0, psi(x), found)


@_written(_special.multigammaln)
def multigammaln(a, d):
    _refuse_traced("multigammaln", "d", d)
    _special.multigammaln(_constant(a), d)  # raises what is wrong with a and d
    terms = np.stack([a - (j - 1.0) / 2 for j in range(1, int(d) + 1)])
    return d * (d - 1) * 0.25 * _math.log(_math.pi) + np.sum(gammaln(terms), axis=0)


@_written(_special.comb)
def comb(N, k, *, exact=False, repetition=False):
    _refuse_exact("comb", exact)
    if repetition:
        nothing = (_constant(k) == 0) & (_constant(N) >= 0)
        return np.where(nothing, 1.0, binom(N + k - 1, k))[()]
    inside = (_constant(k) <= _constant(N)) & (_constant(N) >= 0) & (_constant(k) >= 0)
    return np.where(inside, binom(N, k), 0.0)[()]


@_written(_special.perm)
def perm(N, k, exact=False):
    _refuse_exact("perm", exact)
    inside = (_constant(k) <= _constant(N)) & (_constant(N) >= 0) & (_constant(k) >= 0)
    return np.where(inside, poch(N - k + 1, k), 0.0)[()]


def _refuse_traced(name, argument, x):
    if _innermost((x,)) is not None:
        raise _NotDifferentiableError(
            f"{name} was called with a traced {argument}, which is a whole number and has no derivative; "
            f"give a plain one, stop_gradient({argument})"
        )


def _refuse_exact(name, exact):
    if exact:
        raise _NotDifferentiableError(
            f"{name}(exact=True) is a whole number, which has no derivative; leave exact out"
        )


# --- derivatives of Bessel functions


def _derivative_of_bessel(f, bessel, phase, sign=1):
    """Return f(v, z, n): the n-th derivative of a Bessel function in z (DLMF 10.6.7, 10.29.5)."""

    def derivative(v, z, n=1):
        f(0.5, 0.5, n)  # raises what is wrong with n
        if n == 0:
            return bessel(v, z)
        factor, total = 1.0, bessel(v - n, z)
        for k in range(1, n + 1):
            factor = phase * (factor * (n - k + 1)) / k
            total = total + factor * bessel(v - n + k * 2, z)
        total = total / 2.0**n
        return sign**n * total if sign < 0 else total

    return _written(f)(derivative)


jvp = _derivative_of_bessel(_special.jvp, jv, -1)
yvp = _derivative_of_bessel(_special.yvp, yv, -1)
ivp = _derivative_of_bessel(_special.ivp, iv, 1)
kvp = _derivative_of_bessel(_special.kvp, kv, 1, sign=-1)
h1vp = _derivative_of_bessel(_special.h1vp, hankel1, -1)
h2vp = _derivative_of_bessel(_special.h2vp, hankel2, -1)

# --- functions under another name


@_written(_special.assoc_laguerre)
def assoc_laguerre(x, n, k=0.0):
    return eval_genlaguerre(n, k, x)


if hasattr(_special, "softplus"):

    @_written(_special.softplus)
    def softplus(x, **kwargs):
        return np.logaddexp(0, x, **kwargs)


_complete(globals(), _special)

_importlib.import_module("funad.scipy.rules.special")
