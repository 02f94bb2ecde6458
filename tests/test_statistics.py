"""Curves, quantiles and statistics: what is refused, what is zero, and what agrees with what."""

import pickle

import numpy as onp
import pytest

from funad import grad, jacobian, jvp, stop_gradient
from funad import numpy as np
from funad.errors import MissingRuleError, NotDifferentiableError, UnsupportedKeywordError

X = onp.array([0.3, -1.2, 2.5, 0.9])


@pytest.mark.parametrize("name", ["bartlett", "blackman", "hamming", "hanning"])
def test_a_window_of_a_traced_number_of_points_is_refused_by_name(name):
    window = getattr(np, name)
    with pytest.raises(NotDifferentiableError, match=rf"{name} .*stop_gradient\(M\)"):
        grad(lambda m: np.sum(window(m)))(5.0)
    plain = getattr(onp, name)(5)
    onp.testing.assert_array_equal(grad(lambda m: m * np.sum(window(5)))(5.0), onp.sum(plain))


def test_kaiser_refuses_a_traced_number_of_points_and_takes_a_traced_beta():
    with pytest.raises(NotDifferentiableError, match="kaiser .*number of points"):
        grad(lambda m: np.sum(np.kaiser(m, 2.0)))(5.0)
    assert grad(lambda beta: np.sum(np.kaiser(5, beta)))(2.0) < 0


def test_the_frequencies_of_cov_are_refused_and_its_importances_are_not():
    observed = onp.stack([X, X**2])
    with pytest.raises(NotDifferentiableError, match="fweights .*aweights"):
        grad(lambda w: np.sum(np.cov(observed, fweights=w)))(onp.ones(4))
    fixed = grad(lambda w: np.sum(w * np.sum(np.cov(observed, fweights=stop_gradient(w)))))(onp.ones(4))
    onp.testing.assert_allclose(fixed, onp.sum(onp.cov(observed)))


@pytest.mark.parametrize("weights", [{"fweights": [1, 2]}, {"aweights": onp.ones((2, 4))}])
def test_cov_asks_for_one_weight_per_observation(weights):
    with pytest.raises(RuntimeError, match=r"of shape \(4,\)"):
        grad(lambda x: np.sum(np.cov(x, **weights)))(X)


@pytest.mark.parametrize(
    "weights", [{"fweights": [1, -1, 1, 1]}, {"aweights": -X}, {"fweights": [0.5, 1, 1, 1]}, {"ddof": 0.5}]
)
def test_cov_refuses_on_traced_values_what_numpy_refuses(weights):
    for cov in (lambda x: onp.cov(x, **weights), grad(lambda x: np.sum(np.cov(x, **weights)))):
        with pytest.raises((ValueError, TypeError)):
            cov(X)


def test_cov_without_freedom_warns_as_numpy_does():
    with pytest.warns(RuntimeWarning) as found:
        grad(lambda x: np.cov(x, ddof=4))(X)
    assert any("Degrees of freedom" in str(w.message) for w in found)


@pytest.mark.parametrize("f", [np.quantile, np.percentile, np.nanquantile, np.nanpercentile])
def test_quantiles_refuse_options_before_they_write_anywhere(f):
    x, out = X.copy(), onp.zeros(())
    for option in ({"overwrite_input": True}, {"out": out}):
        with pytest.raises(UnsupportedKeywordError, match=next(iter(option))):
            grad(lambda x: f(x, 0.5, **option))(x)
        with pytest.raises(UnsupportedKeywordError, match="by position"):
            grad(lambda x: f(x, 0.5, None, *([out] if "out" in option else [None, True])))(x)
    onp.testing.assert_array_equal(x, X)
    assert out == 0


@pytest.mark.parametrize("f", [np.median, np.nanmedian])
def test_medians_refuse_to_overwrite_their_input_before_they_do(f):
    x = X.copy()
    with pytest.raises(UnsupportedKeywordError, match="overwrite_input"):
        grad(lambda x: f(x, overwrite_input=True))(x)
    onp.testing.assert_array_equal(x, X)
    f(x, overwrite_input=True)
    assert not onp.array_equal(x, X)


STEPS = """
    inverted_cdf averaged_inverted_cdf closest_observation lower higher midpoint nearest
"""


@pytest.mark.parametrize("method", STEPS.split())
def test_a_quantile_that_goes_by_steps_has_a_zero_derivative_in_q(method):
    assert grad(lambda q: np.quantile(X, q, method=method))(0.4) == 0
    assert jvp(lambda q: np.quantile(X, q, method=method), (0.4,), (1.0,))[1] == 0


@pytest.mark.parametrize("method", ["linear", "hazen", "weibull", "median_unbiased", "normal_unbiased"])
@pytest.mark.parametrize("x", [X, X[:3], onp.array([1.0, 1.0, 0.0, 2.0]), onp.ones(5), onp.array([1.5])])
def test_the_median_is_the_middle_quantile_with_the_same_derivative(method, x):
    if method in ("linear", "hazen", "weibull") or x.size > 1:
        middle = grad(lambda x: np.quantile(x, 0.5, method=method))(x)
        onp.testing.assert_allclose(middle, grad(np.median)(x), atol=1e-12)


def test_quantiles_in_single_precision_choose_the_element_that_numpy_chooses():
    # In single precision 0.3·10 is 3 or a little more, by how it is rounded.
    x = onp.arange(10, dtype="f4")
    for q in (onp.float32(0.3), 0.3, onp.array([0.3], "f4"), onp.array([0.3])):
        y = onp.quantile(x, q, method="inverted_cdf")
        xbar = grad(lambda x: np.sum(np.quantile(x, q, method="inverted_cdf")))(x)
        assert onp.argmax(xbar) == onp.ravel(y)[0]


@pytest.mark.parametrize(
    "positions",
    [
        lambda x: np.digitize(x, [0.0, 1.0]),
        lambda x: np.digitize(0.5, x),
        lambda x: np.searchsorted([0.0, 1.0], x),
        lambda x: np.searchsorted(x, 0.5),
        lambda x: np.histogram(x, [-2.0, 0.0, 3.0])[0],
        lambda x: np.einsum_path("i,i->", x, x)[0][1],
    ],
)
def test_positions_and_counts_do_not_depend_on_their_arguments(positions):
    x = onp.sort(X)
    found = []

    def f(x):
        found.append(positions(x))
        return np.sum(x)

    onp.testing.assert_array_equal(grad(f)(x), 1)
    onp.testing.assert_array_equal(found[0], positions(x))


def test_an_einsum_path_of_traced_values_is_the_one_to_give_to_einsum():
    a = onp.arange(6.0).reshape(2, 3)

    def f(a):
        path, text = np.einsum_path("ij,kj,kl->il", a, a, a, optimize="optimal")
        assert "Complete contraction" in text
        return np.sum(np.einsum("ij,kj,kl->il", a, a, a, optimize=path))

    wanted = grad(lambda a: np.sum(a @ a.T @ a))(a)
    onp.testing.assert_allclose(grad(f)(a), wanted)


def test_a_density_moves_with_its_data_and_a_count_does_not():
    edges = jacobian(lambda x: np.histogram(x, 2)[1])(X)
    onp.testing.assert_allclose(edges, [[0, 1, 0, 0], [0, 0.5, 0.5, 0], [0, 0, 1, 0]])
    density = grad(lambda x: np.histogram(x, 2, density=True)[0][0])(X)
    wide = (X.max() - X.min()) / 2
    onp.testing.assert_allclose(density, onp.array([0, 1, -1, 0]) * 0.5 / wide**2 / 2)


def test_bins_and_ranges_may_be_traced():
    edges = jacobian(lambda low: np.histogram(X, 2, range=(low, 3.0))[1])(-2.0)
    onp.testing.assert_allclose(edges, [1, 0.5, 0])
    width = grad(lambda bins: np.histogram(X, bins, density=True)[0][0])(onp.array([-2.0, 0.0, 3.0]))
    onp.testing.assert_allclose(width, onp.array([1, -1, 0]) * 0.25 / 4)


def test_the_data_of_bincount_are_refused():
    with pytest.raises((MissingRuleError, TypeError)):
        grad(lambda x: np.sum(np.bincount(x)))(onp.array([1.0, 2.0]))


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda x: np.gradient(x, [0.0, 1.0]), "the 4 coordinates"),
        (lambda x: np.gradient(x, 1.0, 2.0), "each of the 1 axes, but 2"),
        (lambda x: np.gradient(x[:2], edge_order=2), "needs 3 elements"),
        (lambda x: np.gradient(x, edge_order=3), "edge_order 1 or 2"),
    ],
)
def test_gradient_says_what_spacing_it_takes(f, message):
    with pytest.raises((ValueError, TypeError), match=message):
        grad(lambda x: np.sum(f(x)))(X)


def test_gradient_of_several_axes_returns_what_numpy_returns():
    x = onp.outer(X, X)
    parts = []
    grad(lambda x: (parts.append(np.gradient(x)), np.sum(x))[1])(x)
    assert type(parts[0]) is type(onp.gradient(x))
    assert len(parts[0]) == 2


@pytest.mark.parametrize("f", [np.quantile, np.nanpercentile, np.median, np.cov, np.interp, np.histogram])
def test_functions_of_this_field_pickle(f):
    assert pickle.loads(pickle.dumps(f)) is f
