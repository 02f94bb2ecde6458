"""The examples beyond networks: what they reach, held against SciPy, scikit-learn and closed forms."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import approx_fprime, brentq
from scipy.stats import gamma, norm
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import scale

from funad import grad, hessian, tree, value_and_grad
from funad.testing import check_grads

NAMES = [
    "brachistochrone",
    "censored_survival",
    "five_distributions",
    "fixed_point",
    "gaussian_process",
    "heat",
    "hmc",
    "implied_volatility",
    "laplace",
    "lotka_volterra",
    "mixture",
    "natural_gradient",
    "newton_cg",
    "robertson",
    "yield_curve",
]


@pytest.mark.parametrize("name", NAMES)
def test_the_help_says_what_the_example_does_and_what_each_argument_is(example, capsys, name):
    module = example(name)
    with pytest.raises(SystemExit) as caught:
        module.main(["--help"])
    assert caught.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert module.__doc__ in text
    assert "--seed N of everything that is random" in text


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("gaussian_process", ["--patients", "442"], "--patients: must be below 442"),
        ("laplace", ["--flowers", "101"], "--flowers: must be 100 or less, but is 101"),
        ("newton_cg", ["--penalty", "0"], "--penalty: must be a number above 0, but is '0'"),
        ("mixture", ["--starts", "0"], "--starts: must be a whole number, 1 or more, but is '0'"),
    ],
)
def test_what_cannot_be_run_is_refused(example, capsys, tmp_path, name, arguments, message):
    with pytest.raises(SystemExit) as caught:
        example(name).main([*arguments, "--out", str(tmp_path / "a.png")])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


# --- censored_survival, five_distributions


def test_the_censored_likelihood_is_that_of_its_formula_and_its_fit_the_published_one(example, run):
    module = example("censored_survival")
    weeks, drug, ended = np.array([3.0, 10.0, 7.0]), np.array([0.0, 1.0, 1.0]), np.array([True, True, False])
    params = np.array([2.0, 1.0, 0.3])
    shape, scale = np.exp(0.3), np.exp(2.0 + drug)
    hazard = np.log(shape / scale) + (shape - 1) * np.log(weeks / scale)
    expected = np.sum((weeks / scale) ** shape) - np.sum(hazard[ended])
    assert module.cost(params, weeks, drug, ended) == pytest.approx(expected, rel=1e-12)
    check_grads(lambda params: module.cost(params, weeks, drug, ended), (params,), order=2)
    figures = run("censored_survival")
    assert figures["distance from the fit by lifelines"] <= 2e-5
    assert figures["distance from its standard errors"] <= 2e-5


def test_kaplan_and_meiers_steps_are_those_of_the_placebo_group(example):
    module = example("censored_survival")
    ends, share = module.kaplan_meier(module.PLACEBO)
    np.testing.assert_allclose(share, [np.mean(t < module.PLACEBO) for t in ends])  # nobody is censored
    assert module.kaplan_meier(np.array([6, -6, 7]))[1][-1] == 0.0


def test_the_five_fits_are_those_of_scipy_and_their_errors_those_of_differences(example, run):
    module = example("five_distributions")
    figures = run("five_distributions")
    assert figures["largest relative distance from SciPy's fits"] <= 1e-5
    assert figures["relative error of a standard error"] <= 1e-5
    assert figures["gain in log p over the normal"] >= 30.0
    x = np.random.default_rng(0).gamma(5.0, 2.0, 200)
    log_p, first = module.MODELS["gamma"]
    best, errors, _ = module.fit(log_p, x, first)
    step = 1e-3 * best
    plain = lambda a, s: -np.sum(gamma.logpdf(x, a, scale=s))
    units = np.diag(step)
    H = np.array(
        [
            [
                plain(*best + e + d) - plain(*best + e - d) - plain(*best - e + d) + plain(*best - e - d)
                for d in units
            ]
            for e in units
        ]
    ) / (4 * np.outer(step, step))
    np.testing.assert_allclose(errors, np.sqrt(np.diag(np.linalg.inv(H))), rtol=1e-4)


# --- gaussian_process


@pytest.fixture(scope="module")
def patients():
    data = load_diabetes()
    return scale(data.data)[:120], scale(data.target)[:120]


def gaussian_process_params(rng):
    return {"length": rng.normal(1, 0.5, 10), "height": 0.3, "noise": -0.4}


def sklearn_process(params):
    """Return scikit-learn's process with these parameters, and the white noise apart from the kernel."""
    kernel = ConstantKernel(np.exp(2 * params["height"])) * RBF(np.exp(params["length"]))
    return GaussianProcessRegressor(kernel, alpha=np.exp(2 * params["noise"]), optimizer=None)


def test_the_evidence_and_its_gradient_are_those_of_sklearn(example, patients):
    params = gaussian_process_params(np.random.default_rng(0))
    value, slope = value_and_grad(example("gaussian_process").evidence)(params, *patients)
    kernel = sklearn_process(params).kernel + WhiteKernel(np.exp(2 * params["noise"]))
    theirs = GaussianProcessRegressor(kernel, alpha=0, optimizer=None).fit(*patients)
    expected, their_slope = theirs.log_marginal_likelihood(theirs.kernel_.theta, eval_gradient=True)
    assert value == pytest.approx(expected, rel=1e-10)
    # scikit-learn's are the logarithms of variances: twice ours.
    ours = np.array([slope["height"] / 2, *slope["length"], slope["noise"] / 2])
    np.testing.assert_allclose(ours, their_slope, rtol=1e-8)


def test_the_predictions_are_those_of_sklearn(example, patients):
    params = gaussian_process_params(np.random.default_rng(1))
    new = np.random.default_rng(2).normal(size=(7, 10))
    theirs = sklearn_process(params).fit(*patients).predict(new, return_std=True)
    for part, expected in zip(
        example("gaussian_process").predict(params, *patients, new), theirs, strict=True
    ):
        np.testing.assert_allclose(part, expected, rtol=1e-8)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # a length at its bound
def test_the_process_finds_the_evidence_that_sklearn_finds(run):
    found = run("gaussian_process", "--patients", 120)["log marginal likelihood"]
    data = load_diabetes()
    some = np.random.default_rng(0).permutation(442)[:120]
    kernel = ConstantKernel() * RBF([3.0] * 10, (1e-3, 1e3)) + WhiteKernel()
    theirs = GaussianProcessRegressor(kernel, alpha=0).fit(scale(data.data)[some], scale(data.target)[some])
    assert found == pytest.approx(theirs.log_marginal_likelihood_value_, abs=1e-3)


# --- mixture


def test_the_likelihood_of_a_mixture_is_that_of_sklearn(example):
    x = scale(load_iris().data)
    theirs = GaussianMixture(3, random_state=0).fit(x)
    params = {
        "logits": 5 + np.log(theirs.weights_),  # a constant makes no difference
        "mean": theirs.means_,
        "root": np.linalg.cholesky(theirs.precisions_),
    }
    module = example("mixture")
    assert module.log_likelihood(params, x) == pytest.approx(theirs.score(x), rel=1e-10)
    check_grads(lambda params: module.log_likelihood(params, x[::10]), (params,), order=1)


def test_the_best_top_is_that_of_sklearn(run):
    figures = run("mixture", "--starts", 2)
    x = scale(load_iris().data)
    theirs = GaussianMixture(3, n_init=10, random_state=0, tol=1e-8, max_iter=1000).fit(x)
    assert figures["mean of log p(x)"] == pytest.approx(theirs.score(x), abs=1e-4)
    assert figures["agreement with the species (adjusted Rand index)"] >= 0.9


# --- heat


def test_the_simulation_follows_the_series_of_fourier(example):
    module = example("heat")
    steady = {"left": np.full(module.CHANGES, 20.0), "right": np.full(module.CHANGES, 80.0)}
    rows = module.simulate(steady)
    for step in (100, 250, 500):
        time = step * module.TIME / module.STEPS
        exact = 20 + 60 * module.PLACES
        for n in range(1, 40):
            decay = math.exp(-module.DIFFUSIVITY * (n * math.pi) ** 2 * time)
            exact += 120 / (n * math.pi) * (-1) ** n * decay * np.sin(n * math.pi * module.PLACES)
        np.testing.assert_allclose(rows[step - 1], exact, atol=0.1)  # steps of 1/30 and 1/500


def test_the_gradient_goes_through_all_the_steps(example):
    module = example("heat")
    rng = np.random.default_rng(0)
    start, unravel = tree.ravel({name: rng.uniform(0, 100, module.CHANGES) for name in ("left", "right")})
    slope = grad(lambda vector: module.miss(unravel(vector)))(start)
    numbers = approx_fprime(start, lambda vector: module.miss(unravel(vector)), 1e-4)
    np.testing.assert_allclose(slope, numbers, rtol=1e-3, atol=1e-3)  # one-sided differences


def test_the_rod_comes_near_its_profile(run):
    assert run("heat", "--iterations", 25)["greatest distance from the profile (K)"] <= 3


# --- hmc


def test_the_closed_form_of_the_posterior_is_where_its_derivatives_say(example, patients):
    module = example("hmc")
    mean, covariance = module.closed_form(*patients)
    _, unravel = tree.ravel({"weights": np.zeros(10), "bias": 0.0})
    cost = lambda vector: -module.log_posterior(unravel(vector), *patients)
    np.testing.assert_allclose(grad(cost)(mean), 0, atol=1e-9)
    np.testing.assert_allclose(hessian(cost)(mean) @ covariance, np.eye(11), atol=1e-9)


def test_the_sampler_draws_from_what_is_not_gaussian_too(example):
    quartic = value_and_grad(lambda q: np.sum(q**4))
    rows, accepted, _ = example("hmc").sample(quartic, np.ones(2), 3000, 0.2, 10, np.random.default_rng(0))
    # 3000 samples of a variance are good to about 3 %
    assert np.mean(rows**2) == pytest.approx(math.gamma(3 / 4) / math.gamma(1 / 4), rel=0.1)
    assert accepted > 0.9


def test_the_samples_have_the_mean_and_the_deviation_of_the_closed_form(run):
    figures = run("hmc", "--samples", 600)
    assert figures["part of the proposals accepted"] >= 0.6
    assert figures["largest error of a mean (standard deviations)"] <= 0.3
    assert figures["largest relative error of a standard deviation"] <= 0.2


# --- fixed_point


def test_keplers_equation_is_solved(example):
    time = np.linspace(0.1, 6, 7)
    exact = [brentq(lambda E: E - 0.6 * math.sin(E) - t, 0, 7, xtol=1e-14) for t in time]
    np.testing.assert_allclose(example("fixed_point").anomaly(0.6, time), exact, rtol=1e-13)


def test_the_implicit_derivative_has_derivatives(example):
    place = example("fixed_point").place
    check_grads(lambda e, time: place(e, time), (0.4, np.linspace(0.1, 6, 5)), order=2)


def test_a_fixed_point_of_containers_solves_the_linear_equations_of_its_derivative(example):
    rng = np.random.default_rng(0)
    params = {"W": 0.2 * rng.normal(size=(4, 4)), "b": rng.normal(size=4)}
    solve = example("fixed_point").fixed_point(lambda params, x: params["W"] @ x + params["b"])
    slope = grad(lambda params: solve(params, np.zeros(4)).sum())(params)
    inverse = np.linalg.inv(np.eye(4) - params["W"])
    np.testing.assert_allclose(slope["b"], inverse.sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(slope["W"], np.outer(slope["b"], inverse @ params["b"]), rtol=1e-12)


def test_a_way_without_an_end_is_ended(example):
    with pytest.raises(ArithmeticError, match="10,000 steps have not reached a fixed point"):
        example("fixed_point").iterate(lambda x: -x, np.ones(2))


def test_the_implicit_derivative_agrees_with_the_closed_form_and_with_differences(run):
    figures = run("fixed_point")
    assert figures["largest error against the closed form"] <= 1e-12
    assert figures["largest error against differences"] <= 1e-7


# --- newton_cg


def test_newton_cg_finds_what_sklearn_finds(example):
    images, digits = load_digits(n_class=4, return_X_y=True)
    x = images / 16
    start = {"W": np.zeros((64, 4)), "b": np.zeros(4)}
    params, slope, _ = example("newton_cg").descend("Newton-CG", start, x, digits, 0.01)
    theirs = LogisticRegression(C=1 / (0.01 * len(x)), tol=1e-10, max_iter=1000).fit(x, digits)
    assert abs(slope).max() <= 1e-6
    np.testing.assert_allclose(params["W"], theirs.coef_.T, atol=1e-4)


def test_newton_cg_takes_fewer_steps(run):
    figures = run("newton_cg", "--penalty", 0.01)
    assert figures["steps of BFGS per step of Newton-CG"] >= 5
    assert figures["difference between the methods"] <= 1e-5


# --- laplace


def test_the_hessian_of_a_logistic_regression_is_that_of_the_books(example):
    module = example("laplace")
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 2)), rng.choice([-1.0, 1.0], 30)
    start, unravel = tree.ravel({"weights": np.zeros(2), "bias": 0.0})
    best, H, _ = module.laplace(lambda vector: module.cost(unravel(vector), x, y), start)
    design = np.column_stack([x, np.ones(30)])
    p = 1 / (1 + np.exp(-design @ best))
    np.testing.assert_allclose(
        design.T @ (y * (1 - 1 / (1 + np.exp(-y * (design @ best))))), best / 4, atol=1e-6
    )
    np.testing.assert_allclose(H, design.T @ (design * (p * (1 - p))[:, None]) + np.eye(3) / 4, rtol=1e-9)
    variance = np.diag(design @ np.linalg.inv(H) @ design.T)
    np.testing.assert_allclose(module.spread(H, x), np.sqrt(variance), rtol=1e-12)


def test_the_integral_of_a_gaussian_is_exact(example):
    A = np.array([[2.0, 0.5], [0.5, 1.0]])
    _, _, integral = example("laplace").laplace(lambda q: (q - 1) @ A @ (q - 1) / 2 + 3, np.zeros(2))
    assert integral == pytest.approx(-3 + math.log(2 * math.pi) - math.log(1.75) / 2, abs=1e-9)


def test_the_uncertain_classifier_is_near_the_exact_one(run):
    figures = run("laplace")
    assert figures["error of log p(y)"] <= 0.2
    assert figures["mean error of a probability"] <= 0.03
    assert figures["relative to that of the best fit alone"] <= 0.5


# --- natural_gradient


@pytest.mark.parametrize("name", ["σ", "log σ"])
def test_the_divergence_is_the_integral_that_defines_it(example, name):
    module = example("natural_gradient")
    way, p, q = module.WAYS[name], np.array([1.0, 0.5]), np.array([0.3, 0.9])
    one, two = norm(*way(p)), norm(*way(q))
    expected, _ = quad(lambda x: one.pdf(x) * (one.logpdf(x) - two.logpdf(x)), -20, 20, points=[1])
    assert module.divergence(p, q, way) == pytest.approx(expected, rel=1e-6)


def test_the_metric_of_the_logarithm_is_that_of_the_deviation_by_the_chain_rule(example):
    module = example("natural_gradient")
    found = module.metric(np.array([1.0, math.log(0.5)]), module.WAYS["log σ"])
    np.testing.assert_allclose(found, np.diag([4.0, 2.0]), atol=1e-12)


def test_the_natural_ways_are_one_and_end_at_the_sample(run):
    figures = run("natural_gradient", "--steps", 150)
    assert figures["distance from the sample's mean and deviation"] <= 0.02
    assert figures["distance between the two natural ways"] <= 0.02
    assert figures["error of Fisher's information"] <= 1e-14


# --- solvers and differential equations of SciPy


def test_the_greeks_are_those_of_black_and_scholes(example):
    options = example("implied_volatility")
    v, spot, strike, years = 0.25, 100.0, 110.0, 0.5
    d = (math.log(spot / strike) + (options.RATE + v**2 / 2) * years) / (v * math.sqrt(years))
    delta, vega, gamma = options.greeks(v, spot, strike, years)
    assert delta == pytest.approx(norm.cdf(d), rel=1e-12)
    assert vega == pytest.approx(spot * norm.pdf(d) * math.sqrt(years), rel=1e-12)
    assert gamma == pytest.approx(norm.pdf(d) / (spot * v * math.sqrt(years)), rel=1e-12)


def test_volatilities_are_found_again(run):
    figures = run("implied_volatility")
    assert max(figures.values()) <= 1e-9


def test_lynxes_and_hares_have_the_published_rates(run):
    figures = run("lotka_volterra")
    assert figures["distance from the published rates (standard errors)"] <= 1
    assert figures["largest slope there"] <= 1e-4


def test_the_gradient_of_robertsons_reactions_is_that_of_differences(example):
    reactions = example("robertson")
    assert reactions.concentrations(reactions.RATES).shape == (3, 13)
    total = lambda rates: reactions.concentrations(rates, reactions.TIMES[:7])[2, -1]
    moved = approx_fprime(reactions.RATES, total, 1e-4)
    np.testing.assert_allclose(grad(total)(reactions.RATES), moved, rtol=2e-3, atol=1e-7)


def test_bonds_that_are_quoted_hedge_each_other(run):
    figures = run("yield_curve")
    assert figures["largest error of a hedge"] <= 1e-10
    assert figures["relative error of convexity"] <= 1e-4


def test_the_quickest_way_down_is_a_cycloid(run):
    figures = run("brachistochrone")
    assert figures["relative error of the time"] <= 1e-3
    assert figures["largest defect"] <= 1e-8
    assert figures["products for a Hessian"] == 3
