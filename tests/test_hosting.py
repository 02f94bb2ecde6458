"""SciPy's own code on traced values: what hosting does, and what it never does."""

import importlib
import linecache
import subprocess
import sys
import threading
import types

import numpy as onp
import pytest
import scipy.stats

import funad
import funad.numpy as np
from funad.boxes import Traced
from funad.errors import FunadError, NotDifferentiableError
from funad.scipy import hosting, stats

from .scipy_names import VERSION

X = onp.array([0.3, 1.7, 0.9, 2.2])


@pytest.fixture
def afresh(monkeypatch):
    """Host as in a process that has hosted nothing yet."""
    monkeypatch.setattr(hosting, "_modules", {})
    return hosting._modules


def hosted_modules(modules):
    return [m for m in modules.values() if m.__dict__.get("__builtins__") is hosting._BUILTINS]


def test_scipy_itself_is_left_alone(afresh):
    known = {name: dict(vars(m)) for name, m in sys.modules.items() if name.startswith("scipy.stats")}
    hosting.host("scipy.stats")
    assert not any(m in sys.modules.values() for m in afresh.values() if not m.__name__.startswith("funad"))
    for name, before in known.items():
        now = vars(sys.modules[name])
        assert all(now[key] is value for key, value in before.items())


def test_what_is_hosted_inside_of_a_trace_has_nothing_traced_in_it(afresh):
    assert onp.any(funad.grad(lambda x: stats.skew(x))(X))
    modules = hosted_modules(afresh)
    assert len(modules) > 40
    assert not [
        (module.__name__, name)
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, Traced) and type(value).__module__.startswith("funad")
    ]


def test_only_what_computes_in_python_is_hosted(afresh):
    hosting.host("scipy.stats")
    names = {module.__name__ for module in hosted_modules(afresh)}
    assert all(name.startswith(hosting.HOSTED) for name in names)
    registering = (
        "scipy.fft",
        "scipy._lib._uarray",
        "scipy._lib.uarray",
        "scipy.sparse",
        "scipy._lib.doccer",
    )
    assert not any(name.startswith(registering) for name in names)
    # What is found under a name that is not hosted is funad's module, or SciPy's own.
    theirs = importlib.import_module("scipy._lib.doccer")
    assert hosting.host("scipy._lib.doccer").docformat is theirs.docformat


def test_plain_values_need_no_hosting(afresh):
    assert stats.skew(X) == scipy.stats.skew(X)
    assert stats.norm.logpdf(0.3) == scipy.stats.norm.logpdf(0.3)
    assert stats.norm(1.0, 2.0).ppf(0.3) == scipy.stats.norm(1.0, 2.0).ppf(0.3)
    assert not afresh


def test_threads_that_need_a_module_at_once_get_the_same_one(afresh):
    found = []
    threads = [threading.Thread(target=lambda: found.append(hosting.host("scipy.stats"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(map(id, found))) == 1
    assert found[0].skew(X) == scipy.stats.skew(X)


IN_ANOTHER_ORDER = """
import numpy as onp
import funad
from funad.scipy import signal
b, a = signal.butter(2, 0.3)
print(onp.any(funad.grad(lambda x: signal.filtfilt(b, a, x)[3])(onp.arange(15.0))))  # hosts scipy.ndimage
from funad.scipy import ndimage
y = funad.grad(lambda x: ndimage.gaussian_filter(x, 1.0, mode="constant").sum())(onp.arange(19.0))
print(y[9].round(3))
"""


def test_modules_may_be_asked_for_in_any_order():
    ran = subprocess.run([sys.executable, "-c", IN_ANOTHER_ORDER], capture_output=True, text=True)
    assert ran.stdout.split() == ["True", "1.0"], ran.stderr


def test_exceptions_warnings_and_results_are_those_of_scipy():
    hosted = hosting.host("scipy.stats")
    for name in ("FitError", "ConstantInputWarning", "NearConstantInputWarning", "DegenerateDataWarning"):
        assert getattr(hosted, name) is getattr(scipy.stats, name)
    kinds = []

    def f(x):
        y = stats.ttest_ind(x, X[:3])
        kinds.append(y)
        return y.statistic + y.confidence_interval(0.9).low

    assert onp.all(onp.isfinite(funad.grad(f)(X + 1.0)))
    assert isinstance(kinds[0], type(scipy.stats.ttest_ind(X, X[:3])))
    with pytest.warns(scipy.stats.ConstantInputWarning):
        funad.vjp(lambda x: stats.pearsonr(x, X)[0], onp.ones(4))


def test_math_is_that_of_traced_values_in_hosted_code():
    assert hosting.MATH.log(2.0) == 0.6931471805599453
    assert funad.grad(hosting.MATH.log)(2.0) == 0.5
    assert hosting.MATH.pi == onp.pi
    assert hosting._import("math") is hosting.MATH
    assert isinstance(hosting._import("scipy.stats", fromlist=("norm",)), types.ModuleType)


# --- shortcuts at isolated values

SHORTCUTS = [
    (
        lambda c: stats.genextreme.logpdf(0.3, c),
        0.0,
        "genextreme.logpdf takes another way where .* exactly 0",
    ),
    (lambda c: stats.genpareto.logsf(0.3, c), 0.0, "genpareto.logsf takes another way where .* exactly 0"),
    (lambda nc: stats.ncx2.cdf(0.3, 2.0, nc), 0.0, "ncx2.cdf takes another way where .* exactly 0"),
    (lambda df: stats.t.logpdf(0.3, df), onp.inf, "t.logpdf takes another way where .* exactly inf"),
    (lambda h: stats.kappa4.pdf(0.3, h, 0.2), 0.0, "kappa4.pdf takes another way where .* exactly 0"),
    (lambda n: stats.binom.logpmf(2, n, 0.3), 5.0, "binom.logpmf takes another way where .* exactly 5"),
    (lambda k: stats.poisson.pmf(k, 2.0), 3.0, "poisson.pmf takes another way where .* exactly 3"),
    (lambda q: stats.gamma.ppf(q, 2.0), 0.0, "gamma.ppf takes another way where .* exactly 0"),
    (lambda s: stats.pearson3.cdf(0.3, s), 0.0, "pearson3 is the normal distribution where"),
]


@pytest.mark.parametrize(("f", "x", "message"), SHORTCUTS)
def test_a_shortcut_at_an_isolated_value_is_refused_by_name(f, x, message):
    with pytest.raises(NotDifferentiableError, match=message) as caught:
        funad.grad(f)(x)
    assert "stop_gradient" in str(caught.value)


def test_equality_in_other_code_is_nobodys_business():
    assert funad.grad(lambda x: 3.0 * x if x == 2.0 else x)(2.0) == 3.0
    assert funad.grad(lambda x: np.where(x != 2.0, x, 3.0 * x))(2.0) == 3.0


@pytest.mark.skipif(VERSION < (1, 17), reason="the lines are those of SciPy from 1.17 on")
@pytest.mark.parametrize(("module", "starts"), hosting.HARMLESS.items())
def test_every_line_that_is_let_through_is_in_scipy(module, starts):
    lines = linecache.getlines(importlib.import_module(module).__file__)
    for start in starts:
        assert any(line.strip().startswith(start) for line in lines), start


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: stats.f_oneway(x, X)[0], onp.array([1.0, 1.0, 2.5, 3.0])),
        (lambda x: stats.pearsonr(x, X)[0], onp.array([1.0, 1.0, 2.5, 3.0])),
        (lambda x: stats.linregress(X, x).slope, onp.array([1.0, 1.0, 2.5, 3.0])),
        (lambda x: stats.jarque_bera(x)[0], onp.array([1.0, 1.0, 2.5, 3.0])),
        (lambda x: stats.boxcox(x)[0][1], onp.array([1.0, 1.0, 2.5, 3.0])),
    ],
)
def test_equal_numbers_in_a_sample_are_no_shortcut(f, x):
    if VERSION < (1, 17) and "f_oneway" in f.__code__.co_names:
        pytest.skip("before SciPy 1.17, its own code takes no traced values")

    def plain(x):
        return float(funad.value(f(x)))

    step = 1e-4
    units = step * onp.eye(4)
    wanted = [
        (8 * (plain(x + e) - plain(x - e)) - plain(x + 2 * e) + plain(x - 2 * e)) / (12 * step) for e in units
    ]
    onp.testing.assert_allclose(funad.grad(f)(x), wanted, rtol=2e-3, atol=2e-4)  # boxcox searches to 1e-8


# --- every shape of every continuous distribution, where shortcuts would be

# Their densities or distribution functions are integrals, or compiled code that has no rule; ksone takes n.
LACKING = {
    "gausshyper", "genhyperbolic", "geninvgauss", "irwinhall", "ksone", "kstwo", "levy_stable",
    "norminvgauss", "studentized_range",
}  # fmt: skip
SHAPES = {
    name: tuple(map(float, shapes))
    for name, shapes in reversed(scipy.stats._distr_params.distcont)
    if isinstance(name, str) and name not in LACKING
}
if VERSION < (1, 15):
    del SHAPES["nct"]  # at nc = ∞, its search does not end
# SciPy's ncf.sf is negative at nc = 0: less than the true value by one.
WRONG_IN_SCIPY = {("ncf", 2, 0.0, "sf")}
ISOLATED = (0.0, 1.0, -1.0, 0.5, 2.0, onp.inf)
QUANTILES = onp.array([0.22, 0.63])


def slopes(f, t):
    """The derivatives that differences give: of both sides, and of each; at ∞ along the way there."""
    if onp.isinf(t):
        finite = onp.isfinite(f(t))
        return [onp.where(finite, slope, onp.nan) for slope in (0.0, (f(2e6) - f(1e6)) / 1e6)]
    h = 1e-4
    sides = [
        (-25 * f(t) + 48 * f(t + k) - 36 * f(t + 2 * k) + 16 * f(t + 3 * k) - 3 * f(t + 4 * k)) / (12 * k)
        for k in (h, -h)
    ]
    return [(8 * (f(t + h) - f(t - h)) - (f(t + 2 * h) - f(t - 2 * h))) / (12 * h), *sides]


def is_right(got, candidates):
    """Say whether a derivative is one of those, or is nan."""
    candidates = [c for c in candidates if onp.isfinite(c)]
    size = max(map(abs, candidates), default=0.0)
    return (
        onp.isnan(got)
        or not candidates
        or any(abs(got - c) <= 2e-4 * max(abs(c), 1e-2 * size) + 2e-6 for c in candidates)
    )


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.filterwarnings("ignore")
def test_a_derivative_in_a_shape_is_right_or_nan_or_refused(name):
    theirs, ours, shapes = getattr(scipy.stats, name), getattr(stats, name), SHAPES[name]
    points = theirs.ppf(QUANTILES, *shapes)
    right = 0
    with onp.errstate(all="ignore"):
        for n in range(len(shapes)):
            for value in (*ISOLATED, shapes[n]):
                if not theirs._argcheck(*shapes[:n], value, *shapes[n + 1 :]):
                    continue
                for method in ("pdf", "logpdf", "cdf", "sf", "ppf"):
                    x = QUANTILES if method == "ppf" else points

                    if (name, n, value, method) in WRONG_IN_SCIPY:
                        continue

                    def f(t, of, method=method, x=x, n=n):
                        return getattr(of, method)(x, *shapes[:n], t, *shapes[n + 1 :])

                    try:
                        wanted = slopes(lambda t, f=f: onp.asarray(f(t, theirs)), value)
                        _, got = funad.jvp(lambda t, f=f: f(t, ours), (value,), (1.0,))
                    # SciPy's own searches and compiled functions fail, or the shortcut is refused.
                    except (FunadError, ValueError, RuntimeError, OverflowError):
                        continue
                    for k in range(2):
                        assert is_right(got[k], [w[k] for w in wanted]), (n, value, method, got[k])
                        right += 1
    assert right or not shapes or name == "dpareto_lognorm"


def test_a_module_that_hosts_another_one_gives_it_its_kernels():
    program = """
import numpy, funad.numpy as np
from funad import grad
from funad.scipy import signal
smooth = grad(lambda x: np.sum(signal.savgol_filter(x, 3, 1)))(numpy.zeros(5))
from funad.scipy import ndimage
moved = grad(lambda by: ndimage.shift(numpy.arange(5.0) ** 2, by, order=1)[2])(0.5)
print(*numpy.append(smooth, moved).round(6))
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    # At the ends savgol has the value of a line, (5 x₀ + 2 x₁ - x₂)/6, and means elsewhere.
    assert run.stdout.split() == ["1.166667", "1.0", "0.666667", "1.0", "1.166667", "-3.0"]
