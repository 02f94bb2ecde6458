"""autograd.scipy is funad.scipy, one for one: every name is there, and its derivatives are autograd's."""

import importlib
import pkgutil

import autograd
import autograd.builtins
import autograd.numpy as anp
import autograd.scipy
import numpy as onp
import pytest
from autograd.core import primitive_vjps

import funad
import funad.numpy as fnp
import funad.scipy

THEIRS = [
    importlib.import_module(found.name)
    for found in pkgutil.walk_packages(autograd.scipy.__path__, "autograd.scipy.")
    if not found.ispkg
]
X = onp.array([0.3, 0.8, 1.7])
P = onp.array([0.2, 0.5, 0.9])
A = onp.array([[2.0, 0.3, 0.1], [0.2, 1.5, -0.4], [0.1, 0.3, 1.8]])
S = A @ A.T
SIMPLEX = onp.array([0.2, 0.3, 0.5])
COUNTS = onp.array([0, 2, 3])


def primitives(module):
    """The functions that a module of autograd's has as its own."""
    names = [name for name in vars(module) if not name.startswith("_")]
    return [n for n in names if callable(f := getattr(module, n)) and hasattr(f, "fun") and n != "primitive"]


# What stats imports from special is not its own.
BORROWED = {"beta.beta", "beta.psi", "chi2.gamma", "dirichlet.digamma", "gamma.gamma", "gamma.psi", "t.psi"}
NAMES = [
    f"{module.__name__.removeprefix('autograd.scipy.')}.{name}"
    for module in THEIRS
    for name in primitives(module)
    if f"{module.__name__.removeprefix('autograd.scipy.stats.')}.{name}" not in BORROWED
]


def found(scipy, name):
    """Return what stands under a name in autograd.scipy or in funad.scipy."""
    for part in name.split("."):
        scipy = getattr(scipy, part)
    return scipy


def of_elements(*args):
    """A call whose result is summed, differentiated in all of its arguments."""
    return lambda np, f, *args: np.sum(f(*args)), args


def of_symmetric(*args, at):
    """The same where one argument is a symmetric matrix, of which SciPy reads one triangle."""

    def call(np, f, *args):
        args = [(a + a.T) / 2 if n == at else a for n, a in enumerate(args)]
        return np.sum(f(*args))

    return call, args


def tuple_of(np, *parts):
    return autograd.builtins.tuple(parts) if np is anp else parts


# A call of each, and the arguments in which autograd has a derivative; others are constants of the call.
SCIPY = {
    "integrate.odeint": (
        # Their rule wants a tuple of theirs.
        lambda np, f, y, a: np.sum(f(lambda y, t, a: -a * y**2, y, onp.linspace(0, 1, 4), tuple_of(np, a))),
        (X, 0.7),
    ),
    "linalg.solve_triangular": (lambda np, f, a, b: np.sum(f(a, b) ** 2), (A, X)),
    "linalg.solve_banded": (lambda np, f, a, b: np.sum(f((1, 1), a, b)[1]), (A, X)),
    "linalg.sqrtm": (lambda np, f, a: np.sum(f(a) * A), (S,)),
    "linalg.solve_sylvester": (lambda np, f, a, b, q: np.sum(f(a, b, q) * A), (A, S, S - A)),
    "signal.convolve": (lambda np, f, a, b: np.sum(f(a, b) ** 2), (X, P[:2])),
    "special.beta": of_elements(X, P),
    "special.betainc": (lambda np, f, x: np.sum(f(X, 0.7, x)), (P,)),
    "special.betaln": of_elements(X, P),
    "special.gammainc": (lambda np, f, x: np.sum(f(1.5, x)), (X,)),
    "special.gammaincc": (lambda np, f, x: np.sum(f(1.5, x)), (X,)),
    "special.gammasgn": (lambda np, f, x: np.sum(f(x) * x), (X,)),
    "special.ive": (lambda np, f, x: np.sum(f(2, x)), (X,)),
    "special.iv": (lambda np, f, x: np.sum(f(2, x)), (X,)),
    "special.jn": (lambda np, f, x: np.sum(f(2, x)), (X,)),
    "special.yn": (lambda np, f, x: np.sum(f(2, x)), (X,)),
    "special.polygamma": (lambda np, f, x: np.sum(f(2, x)), (X,)),
    "special.multigammaln": (lambda np, f, a: np.sum(f(a, 2)), (X + 1,)),
    "special.erfcinv": of_elements(P),
    "special.erfinv": of_elements(P),
    "special.logit": of_elements(P),
    "special.logsumexp": of_elements(X),
    "stats.beta.cdf": (lambda np, f, x: np.sum(f(x, 1.5, 0.7)), (P,)),
    "stats.beta.logpdf": of_elements(P, 1.5, 0.7),
    "stats.beta.pdf": of_elements(P, 1.5, 0.7),
    "stats.chi2.cdf": (lambda np, f, x: np.sum(f(x, 2.5)), (X,)),
    "stats.chi2.logpdf": (lambda np, f, x: np.sum(f(x, 3.0)), (X,)),  # of 2.5, theirs is 0
    "stats.chi2.pdf": (lambda np, f, x: np.sum(f(x, 3.0)), (X,)),
    "stats.dirichlet.logpdf": (lambda np, f, a: f(SIMPLEX, a), (X,)),
    "stats.dirichlet.pdf": (lambda np, f, a: f(SIMPLEX, a), (X,)),
    "stats.gamma.cdf": (lambda np, f, x: np.sum(f(x, 1.5)), (X,)),
    "stats.gamma.logpdf": of_elements(X, 1.5),
    "stats.gamma.pdf": of_elements(X, 1.5),
    "stats.multivariate_normal.entropy": of_symmetric(X, S, at=1),
    "stats.multivariate_normal.logpdf": of_symmetric(X, P, S, at=2),
    "stats.multivariate_normal.pdf": of_symmetric(X, P, S, at=2),
    "stats.poisson.cdf": (lambda np, f, mu: np.sum(f(COUNTS, mu)), (1.5,)),
    "stats.poisson.logpmf": (lambda np, f, mu: np.sum(f(COUNTS, mu)), (1.5,)),
    "stats.poisson.pmf": (lambda np, f, mu: np.sum(f(COUNTS, mu)), (1.5,)),
    "stats.t.cdf": (lambda np, f, x, m: np.sum(f(x, 2.5, m, 1.3)), (X, 0.2)),
    "stats.t.logcdf": (lambda np, f, x, m: np.sum(f(x, 2.5, m, 1.3)), (X, 0.2)),
    "stats.t.logpdf": of_elements(X, 2.5, 0.2, 1.3),
    "stats.t.pdf": of_elements(X, 2.5, 0.2, 1.3),
    **{f"stats.norm.{f}": of_elements(X, 0.2, 1.3)
       for f in ("cdf", "logcdf", "logpdf", "logsf", "pdf", "sf")},
    **{f"special.{f}": of_elements(X)
       for f in ("digamma", "erf", "erfc", "expit", "gamma", "gammaln", "i0", "i1", "j0", "j1", "psi",
                 "rgamma", "y0", "y1")},
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_every_name_of_autograd_is_there(name):
    assert callable(found(funad.scipy, name))


def test_every_function_with_a_derivative_in_autograd_is_compared():
    derived = {name for name in NAMES if found(autograd.scipy, name) in primitive_vjps}
    assert derived == set(SCIPY)
    assert len(derived) > 60


@pytest.mark.filterwarnings("ignore")  # theirs
@pytest.mark.parametrize("name", SCIPY)
def test_its_derivatives_are_those_of_autograd(name):
    call, args = SCIPY[name]
    tolerance = 1e-5 if name == "integrate.odeint" else 1e-9  # its own steps have errors of 1e-8

    def gradient(library, np, scipy, n):
        return library.grad(lambda *args: call(np, found(scipy, name), *args), n)(*args)

    for n in range(len(args)):
        theirs = gradient(autograd, anp, autograd.scipy, n)
        ours = gradient(funad, fnp, funad.scipy, n)
        onp.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=1e-12)


def test_where_autograd_has_another_derivative_ours_is_that_of_differences():
    for f, x, h in (
        (lambda scipy, x: scipy.stats.chi2.logpdf(x, 2.5), 0.8, 1e-5),
        (lambda scipy, x: scipy.special.jn(x, 0.8), 1.5, 1e-5),
    ):
        assert autograd.grad(lambda x, f=f: f(autograd.scipy, x))(x) == 0.0
        differences = (f(autograd.scipy, x + h) - f(autograd.scipy, x - h)) / (2 * h)
        assert funad.grad(lambda x, f=f: f(funad.scipy, x))(x) == pytest.approx(differences, rel=1e-8)
