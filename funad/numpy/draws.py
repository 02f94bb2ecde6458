"""How a draw of random numbers becomes a function of its parameters: by reparameterisation.

A draw y(θ; u) of numbers u that do not depend on θ is differentiated at fixed u. Each form below
draws u as NumPy does, with the parameters at their standard values, and then says y(θ; u): so a
traced draw takes the same steps through the stream as a plain one, and gives the same numbers.
"""

import inspect as _inspect

import numpy as _np
import numpy.random as _random

from .. import numpy as np
from ..boxes import Traced as _Traced
from ..boxes import innermost as _innermost
from ..errors import ArgumentError as _ArgumentError
from ..errors import MissingRuleError as _MissingRuleError
from ..errors import NotDifferentiableError as _NotDifferentiableError
from ..values import constant as _constant

__all__ = ["traced"]


# --- y(θ; u), and where u comes from


def _location_scale(u, loc=0.0, scale=1.0):
    return loc + scale * u


def _triangular(u, left, mode, right):
    """The inverse of the distribution function, which is a square root on both sides of the mode."""
    base = right - left
    below = u <= _constant((mode - left) / base)
    rising = np.where(below, u * ((mode - left) * base), 1.0)
    falling = np.where(below, 1.0, (1.0 - u) * ((right - mode) * base))
    return np.where(below, left + np.sqrt(rising), right - np.sqrt(falling))[()]


def _standard(name):
    """Return the draw of that name, with its parameters at their standard values."""
    return lambda rng, size: getattr(rng, name)(size=size)


def _weibull(u, a):
    if _np.any(_constant(a) == 0):
        raise _ArgumentError("weibull has no derivative in a at a = 0, where all it draws is 0")
    return u ** (1.0 / a)


_exponential = _standard("standard_exponential")
_uniform = _standard("random")

FORMS = {
    "exponential": (_exponential, lambda u, scale=1.0: scale * u),
    "gumbel": (_standard("gumbel"), _location_scale),
    "laplace": (_standard("laplace"), _location_scale),
    "logistic": (_standard("logistic"), _location_scale),
    "lognormal": (
        _standard("standard_normal"),
        lambda u, mean=0.0, sigma=1.0: np.exp(mean + sigma * u),
    ),
    "normal": (_standard("standard_normal"), _location_scale),
    "pareto": (_exponential, lambda u, a: np.expm1(u / a)),
    "power": (_exponential, lambda u, a: (-np.expm1(-u)) ** (1.0 / a)),
    "rayleigh": (_standard("rayleigh"), lambda u, scale=1.0: scale * u),
    "triangular": (_uniform, _triangular),
    "uniform": (_uniform, lambda u, low=0.0, high=1.0: low + (high - low) * u),
    "weibull": (_exponential, _weibull),
}

_MANY = "such a draw has no derivative in its parameters: it is a whole number or found by rejection"
_NAMES = """
    beta binomial chisquare dirichlet f gamma geometric hypergeometric integers logseries multinomial
    multivariate_hypergeometric negative_binomial noncentral_chisquare noncentral_f poisson
    standard_gamma standard_t vonmises wald zipf
"""
REFUSED = {
    **dict.fromkeys(
        _NAMES.split(),
        f"{_MANY}; draw with plain ones and transform the result (mean + sd * normal(size=n)), or give "
        f"it stop_gradient(x)",
    ),
    "shuffle": "it has no derivative, for it writes into its argument; use permutation(x), a new array",
}


def traced(f):
    """Return the draw f of traced values, which takes the generator first; of the module, the module."""
    name = f.__name__
    if name in FORMS:
        return _of_form(f)
    if name in _OTHERS:
        return _OTHERS[name](f)
    return lambda rng, *args, **kwargs: _refuse(f, REFUSED[name])


def _refuse(f, why):
    """Refuse a traced value by the name of the draw, before anything is drawn."""
    error = _NotDifferentiableError if f.__name__ == "shuffle" else _MissingRuleError
    raise error(f"{_name(f)} was given a traced value, but {why}")


def _name(f):
    return f"numpy.random.{f.__name__ if _of_module(f) else f.__qualname__}"


def _of_module(f):
    """Say whether f is a function of the module, not a method of a class of generators."""
    return getattr(f, "__self__", None) is not None


def _call(f, rng, *args, **kwargs):
    """Call NumPy's own draw."""
    return f(*args, **kwargs) if _of_module(f) else f(rng, *args, **kwargs)


def _arguments(f, rng, args, kwargs):
    """Return the arguments of a call of a draw by name, lists of traced values as arrays."""
    signature = _inspect.signature(f)
    bound = signature.bind(*args, **kwargs) if _of_module(f) else signature.bind(rng, *args, **kwargs)
    given = {name: np.array(x) if _is_list(x) else x for name, x in bound.arguments.items()}
    given.pop("self", None)
    return given


def _is_list(x):
    return type(x) in (list, tuple) and _innermost(x) is not None


def _double(x):
    """Return a parameter as the draws take it, in double precision."""
    if not isinstance(x, _Traced):
        return _np.asarray(x, float)[()]
    return x if isinstance(_constant(x), float) else np.astype(x, float)


def _of_form(f):
    """Return a draw that has a form."""
    draw, y_of = FORMS[f.__name__]

    def drawn(rng, *args, **kwargs):
        given = _arguments(f, rng, args, kwargs)
        size = given.pop("size", None)
        plain = {name: _constant(x) for name, x in given.items()}
        common = _np.broadcast_shapes(*map(_np.shape, plain.values()))
        _call(f, rng, **plain, size=(0, *common))  # NumPy's own checks, which draw nothing
        y_of(0.5, **{name: _double(x) for name, x in plain.items()})  # and those of the form
        if size is None:
            size = common or None
        elif not _fits(common, tuple(_np.atleast_1d(size))):
            return _call(f, rng, **plain, size=size)  # which says so
        return y_of(draw(rng, size), **{name: _double(x) for name, x in given.items()})

    return drawn


def _fits(common, size):
    """Say whether parameters of a shape can be broadcast to the size."""
    return len(common) <= len(size) and all(
        a in (1, b) for a, b in zip(reversed(common), reversed(size), strict=False)
    )


def _of_multivariate_normal(f):
    """Return the draw μ + L u with L Lᵀ = Σ, for the L that ``method`` is the name of."""

    def multivariate_normal(rng, *args, **kwargs):
        given = _arguments(f, rng, args, kwargs)
        _call(
            f, rng, **{**{name: _constant(x) for name, x in given.items()}, "size": 0}
        )  # NumPy's own checks
        mean, cov = _double(given["mean"]), _double(given["cov"])
        if isinstance(cov, _Traced) and given.get("method") != "cholesky":
            _check_apart(f, _constant(cov))
        size = given.get("size")
        u = rng.standard_normal(
            (*(() if size is None else _np.atleast_1d(size)), *_np.shape(_constant(mean)))
        )
        if _inspect.signature(f).parameters.keys() >= {"method"}:
            return mean + u @ _factor(cov, given.get("method", "svd")).T
        _, s, vh = np.linalg.svd(cov)
        return u @ (np.sqrt(s)[:, None] * vh) + mean

    return multivariate_normal


def _check_apart(f, cov):
    """Refuse a covariance whose factor by eigenvectors has no derivative."""
    s = _np.linalg.svd(cov, compute_uv=False)
    if _np.any(s - _np.append(s[1:], 0.0) <= 10 * s.size * _np.finfo(float).eps * _np.max(s, initial=0.0)):
        _refuse(
            f,
            "its factor by singular vectors or eigenvectors has no derivative where eigenvalues of cov "
            "coincide or are 0; use a Generator with method='cholesky', or mean + normal(size=n) @ "
            "np.linalg.cholesky(cov).T",
        )


def _factor(cov, method):
    if method == "cholesky":
        return np.linalg.cholesky(cov)
    if method == "svd":
        u, s, _ = np.linalg.svd(cov)
    else:
        s, u = np.linalg.eigh(cov)
    return u * np.sqrt(s)


# --- elements of a traced array, in another order: a draw of positions, and what stands there


def _of_choice(f):
    def choice(rng, *args, **kwargs):
        given = _arguments(f, rng, args, kwargs)
        if isinstance(given.get("p"), _Traced):
            _refuse(
                f,
                "a choice has no derivative in the probabilities p: compute the expectation from p, or "
                "give it stop_gradient(p)",
            )
        a = given.pop("a")
        axis = given.pop("axis", 0)
        return np.take(a, _call(f, rng, _length(f, a, axis), **given), axis)

    return choice


def _of_permutation(f):
    def permutation(rng, *args, **kwargs):
        given = _arguments(f, rng, args, kwargs)
        axis = given.get("axis", 0)
        return np.take(given["x"], _call(f, rng, _np.arange(_length(f, given["x"], axis))), axis)

    return permutation


def _of_permuted(f):
    def permuted(rng, *args, **kwargs):
        given = _arguments(f, rng, args, kwargs)
        x, axis, out = given["x"], given.get("axis"), given.get("out")
        if out is not None:
            _refuse(f, "returns a new array then: write x = rng.permuted(x), without out")
        places = _np.arange(_np.size(_constant(x))).reshape(_np.shape(_constant(x)))
        return np.take(x, _call(f, rng, places, axis=axis))

    return permuted


def _length(f, x, axis):
    shape = _np.shape(_constant(x))
    if not shape:
        _refuse(f, "a number of positions has no derivative; give it an array, or int(stop_gradient(n))")
    return shape[axis]


_OTHERS = {
    "choice": _of_choice,
    "multivariate_normal": _of_multivariate_normal,
    "permutation": _of_permutation,
    "permuted": _of_permuted,
}
