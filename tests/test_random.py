"""Draws of traced parameters: the numbers that plain ones give, and the derivative at fixed state."""

import copy
import pickle

import numpy as onp
import pytest

import funad.numpy as np
from funad import grad, stop_gradient, vjp
from funad.errors import FunadError, MissingRuleError, NotDifferentiableError
from funad.testing import call, check_jvp, check_vjp

pair = onp.array([0.7, 1.9])
column = onp.array([[0.6], [1.3], [2.2]])
spread = onp.array([[2.0, 0.3, 0.1], [0.3, 1.0, -0.2], [0.1, -0.2, 0.5]])

# Of each draw with a derivative: calls with parameters of several shapes, and keywords.
CALLS = {
    "normal": [
        call(0.5, 2.0),
        call(pair, 0.5, 2),
        call(pair, column),
        call(loc=pair, scale=0.0, size=(4, 2)),
    ],
    "uniform": [call(-1.0, 2.0), call(pair, 5.0, (3, 2)), call(low=column, high=column + pair)],
    "exponential": [call(2.0), call(pair), call(scale=column, size=(3, 5))],
    "laplace": [call(0.5, 2.0), call(pair, column, size=(3, 2)), call(scale=2.0, size=4)],
    "logistic": [call(0.5, 2.0), call(pair, column), call(loc=2.0, size=4)],
    "gumbel": [call(0.5, 2.0), call(pair, column), call(2.0, 3.0, ())],
    "lognormal": [call(0.5, 0.4), call(pair, column / 3), call(mean=0.2, sigma=pair, size=2)],
    "rayleigh": [call(2.0), call(pair, (3, 2))],
    "weibull": [call(2.0), call(pair + 1, (3, 2)), call(a=1.5, size=3)],
    "pareto": [call(3.0), call(pair + 1, (3, 2))],
    "power": [call(2.0), call(pair + 1, (3, 2))],
    "triangular": [call(-1.0, 0.5, 2.0), call(-pair, 0.1, column + 1.0, size=(6, 3, 2))],
    "multivariate_normal": [
        call(onp.arange(3.0), spread),
        call([0.0, 1.0, 2.0], spread, 4),
        call(onp.arange(3.0), spread, size=(2, 3), check_valid="ignore", tol=1e-6),
    ],
}
ROWS = [pytest.param(name, at, id=f"{name}-{k}") for name, ats in CALLS.items() for k, at in enumerate(ats)]
METHODS = [pytest.param(call(onp.ones(3), spread, 4, method=m), id=m) for m in ("svd", "eigh", "cholesky")]


class Module:
    """NumPy's own state as a generator: what the functions of the module draw from."""

    def __init__(self, seed):
        np.random.seed(seed)

    def __getattr__(self, name):
        return getattr(np.random, name)


SOURCES = [Module, np.random.default_rng, np.random.RandomState]
PLAIN = {
    Module: onp.random.RandomState,
    np.random.default_rng: onp.random.default_rng,
    np.random.RandomState: onp.random.RandomState,
}
sources = pytest.mark.parametrize("source", SOURCES, ids=["module", "default_rng", "RandomState"])


def traced_places(at):
    return [n for n, x in enumerate(at.args) if is_parameter(x)] + [
        name for name, x in at.kwargs.items() if is_parameter(x) and name != "tol"
    ]


def is_parameter(x):
    return not isinstance(x, str) and onp.asarray(x).dtype.kind == "f"


def with_(at, place, x):
    args, kwargs = list(at.args), dict(at.kwargs)
    (args if isinstance(place, int) else kwargs)[place] = x
    return args, kwargs


def value(at, place):
    return at.args[place] if isinstance(place, int) else at.kwargs[place]


def check_draw(source, name, at):
    at_zero = not onp.all(at.kwargs.get("scale", 1.0))  # where differences would go below zero
    plain = PLAIN[source](5)
    wanted, after = getattr(plain, name)(*at.args, **at.kwargs), plain.random()
    for place in traced_places(at):

        def draw(x, place=place):
            args, kwargs = with_(at, place, x)
            rng = source(5)
            y = getattr(rng, name)(*args, **kwargs)
            assert stop_gradient(rng.random()) == after, "the stream has gone on otherwise"
            return y

        x = value(at, place)
        y, _ = vjp(draw, x)
        # The same steps of arithmetic, but that a compiler may fuse some and order others.
        onp.testing.assert_allclose(y, wanted, rtol=1e-13, atol=1e-14)
        assert onp.shape(y) == onp.shape(wanted) and onp.asarray(y).dtype == float
        if not (at_zero and place == "scale"):
            check_vjp(draw, call(x))
            check_jvp(draw, call(x))


@sources
@pytest.mark.parametrize(("name", "at"), ROWS)
def test_a_draw_is_numpys_and_its_derivative_that_at_fixed_state(source, name, at):
    if name == "multivariate_normal":  # differences are no symmetric matrices
        at = call(*at.args, **{**at.kwargs, "check_valid": "ignore"})
    check_draw(source, name, at)


@pytest.mark.parametrize("at", METHODS)
def test_every_factor_of_a_covariance_has_its_derivative(at):
    check_draw(
        np.random.default_rng, "multivariate_normal", call(*at.args, check_valid="ignore", **at.kwargs)
    )


@pytest.mark.parametrize("source", SOURCES[1:], ids=["default_rng", "RandomState"])
@pytest.mark.parametrize(("name", "at"), ROWS)
def test_a_draw_of_plain_parameters_is_numpys_own(source, name, at):
    onp.testing.assert_array_equal(
        getattr(source(3), name)(*at.args, **at.kwargs),
        getattr(PLAIN[source](3), name)(*at.args, **at.kwargs),
    )


def test_the_gradient_of_a_mean_of_normal_numbers():
    def loss(parameters):
        y = np.random.default_rng(0).normal(parameters["mu"], parameters["sd"], 1000)
        return np.mean(y**2)

    u = onp.random.default_rng(0).standard_normal(1000)
    slope = grad(loss)({"mu": 0.5, "sd": 2.0})
    onp.testing.assert_allclose(slope["mu"], onp.mean(2 * (0.5 + 2 * u)))
    onp.testing.assert_allclose(slope["sd"], onp.mean(2 * (0.5 + 2 * u) * u))


def test_parameters_in_lists_and_of_single_precision():
    y, vjp_y = vjp(lambda x: np.random.default_rng(1).normal([x, 2.0 * x], 0.5), 1.5)
    onp.testing.assert_allclose(y, onp.random.default_rng(1).normal([1.5, 3.0], 0.5))
    assert vjp_y(onp.ones(2)) == 3.0
    single = onp.float32(1.5)
    y, vjp_y = vjp(lambda x: np.random.default_rng(1).normal(x, onp.float32(0.5)), single)
    assert (type(vjp_y(1.0)), onp.asarray(y).dtype) == (onp.float32, float)


@sources
def test_what_numpy_refuses_is_refused_before_anything_is_drawn(source):
    after = PLAIN[source](2).random()
    for draw in (
        lambda rng, x: rng.normal(0.0, -x),
        lambda rng, x: rng.normal(x * onp.ones(3), 1.0, size=2),
        lambda rng, x: rng.exponential(x * onp.ones(3), 1),
        lambda rng, x: rng.triangular(x, -x, 5.0),
        lambda rng, x: rng.normal(x * onp.ones(3), onp.ones(2)),
        lambda rng, x: rng.multivariate_normal(x * onp.ones(3), onp.eye(2)),
        lambda rng, x: rng.weibull(0.0 * x),
    ):
        rng = source(2)
        with pytest.raises(ValueError):  # noqa: PT011
            vjp(lambda x: draw(rng, x), 1.0)
        assert rng.random() == after


_REFUSED = """
    beta binomial chisquare dirichlet f gamma geometric hypergeometric logseries multinomial
    negative_binomial noncentral_chisquare noncentral_f poisson standard_gamma standard_t vonmises
    wald zipf integers multivariate_hypergeometric
"""


@sources
@pytest.mark.parametrize("name", _REFUSED.split())
def test_a_draw_without_a_form_is_refused_by_name_before_it_is_drawn(source, name):
    rng, after = source(2), PLAIN[source](2).random()
    if not hasattr(rng, name):
        return
    draw = getattr(rng, name)
    for given in (lambda x: draw(x), lambda x: draw(0.5, x), lambda x: draw(a=[x])):
        with pytest.raises(MissingRuleError, match=rf"numpy\.random\.(\w+\.)?{name} .*no derivative"):
            vjp(given, 2.0)
    assert rng.random() == after


@sources
def test_a_choice_with_traced_probabilities_and_a_shuffle_are_refused(source):
    p = onp.array([0.5, 0.5])
    rng, after = source(2), PLAIN[source](2).random()
    with pytest.raises(MissingRuleError, match=r"choice .*no derivative in the probabilities"):
        grad(lambda p: np.sum(rng.choice(onp.ones(2), p=p)))(p)
    with pytest.raises(MissingRuleError, match=r"choice .*number of positions"):
        grad(lambda n: np.sum(rng.choice(n)))(3.0)
    with pytest.raises(NotDifferentiableError, match=r"shuffle .*use permutation"):
        grad(lambda x: np.sum(rng.shuffle(x)))(p)
    assert rng.random() == after


table = onp.arange(12.0).reshape(4, 3)
GATHERS = {
    "choice": [call(pair), call(pair, 5), call(table[:, 0], (2, 2), False), call(pair, 3, p=[0.25, 0.75])],
    "permutation": [call(pair), call(table), call(table[:0])],
}
NEWER = {
    "choice": [call(table, 5), call(table, 2, axis=1), call(table, 3, False, None, 1, shuffle=False)],
    "permutation": [call(table, axis=1), call(table, -1)],
    "permuted": [call(table), call(table, axis=1), call(table, axis=0)],
}


@pytest.mark.parametrize(
    ("source", "name", "at"),
    [(source, name, at) for source in SOURCES for name, ats in GATHERS.items() for at in ats]
    + [(np.random.default_rng, name, at) for name, ats in NEWER.items() for at in ats],
)
def test_elements_of_a_traced_array_are_those_that_numpy_takes(source, name, at):
    plain = PLAIN[source](5)
    wanted, after = getattr(plain, name)(*at.args, **at.kwargs), plain.random()

    def draw(x):
        rng = source(5)
        y = getattr(rng, name)(x, *at.args[1:], **at.kwargs)
        assert rng.random() == after
        return y

    onp.testing.assert_array_equal(vjp(draw, at.args[0])[0], wanted)
    check_vjp(draw, at_ := call(at.args[0]))
    check_jvp(draw, at_)


def test_permuted_takes_no_out_of_a_traced_value():
    with pytest.raises(MissingRuleError, match="without out"):
        grad(lambda x: np.sum(np.random.default_rng(0).permuted(x, out=onp.ones(2))))(pair)


def test_an_older_choice_takes_no_axis():
    with pytest.raises(TypeError, match="axis"):
        grad(lambda x: np.sum(np.random.choice(x, axis=0)))(pair)


@sources
@pytest.mark.parametrize("cov", [onp.eye(2), onp.ones((2, 2))], ids=["equal", "zero"])
def test_a_covariance_without_a_derivative_by_its_eigenvectors_is_refused_before_it_is_drawn(source, cov):
    rng, after = source(2), PLAIN[source](2).random()
    with pytest.raises(
        MissingRuleError, match=r"multivariate_normal .*coincide or are 0; .*method='cholesky'"
    ):
        vjp(lambda cov: rng.multivariate_normal(onp.zeros(2), cov), cov)
    assert rng.random() == after
    assert onp.array_equal(
        grad(lambda mean: np.sum(rng.multivariate_normal(mean, cov)))(onp.zeros(2)), [1, 1]
    )


def test_a_covariance_with_equal_eigenvalues_has_a_derivative_by_cholesky():
    def draw(cov):
        rng = np.random.default_rng(0)
        return np.sum(rng.multivariate_normal(onp.zeros(2), cov, method="cholesky") * pair)

    assert onp.all(onp.isfinite(grad(draw)(onp.eye(2))))


# --- generators


@pytest.mark.parametrize("seed", [3, None, [1, 2], onp.random.SeedSequence(3), onp.random.PCG64(3)])
def test_default_rng_takes_what_numpys_takes(seed):
    rng = np.random.default_rng(seed)
    assert type(rng) is np.random.Generator and isinstance(rng, onp.random.Generator)
    if seed == 3 or isinstance(seed, list):
        assert rng.random() == onp.random.default_rng(seed).random()


def test_default_rng_of_a_generator_goes_on_with_its_stream():
    rng = np.random.default_rng(3)
    assert np.random.default_rng(rng) is rng
    plain = onp.random.default_rng(3)
    assert np.random.default_rng(plain).bit_generator is plain.bit_generator


@pytest.mark.parametrize("again", [copy.deepcopy, lambda rng: pickle.loads(pickle.dumps(rng))])
@pytest.mark.parametrize("source", SOURCES[1:], ids=["default_rng", "RandomState"])
def test_a_copy_of_a_generator_goes_on_where_it_was(again, source):
    rng = source(3)
    rng.normal(size=3)  # an odd number: the older generator keeps one for the next time
    other = again(rng)
    assert type(other) is type(rng)
    assert other.normal() == rng.normal() and other.random() == rng.random()


def test_the_children_of_a_generator_take_traced_values():
    (child,) = np.random.default_rng(3).spawn(1)
    (plain,) = onp.random.default_rng(3).spawn(1)
    y, _ = vjp(lambda x: child.normal(x), 2.0)
    assert y == plain.normal(2.0)


def test_the_bit_generators_are_numpys():
    assert np.random.PCG64 is onp.random.PCG64
    rng = np.random.Generator(np.random.PCG64(4))
    assert grad(lambda x: rng.uniform(x, 1.0 + x))(2.0) == 1.0


def test_methods_keep_their_names_and_texts():
    assert np.random.Generator.normal.__name__ == "normal"
    assert np.random.Generator.normal.__doc__ == onp.random.Generator.normal.__doc__


def test_numpys_own_generators_refuse_traced_parameters():
    with pytest.raises(FunadError):
        grad(lambda x: onp.random.default_rng(0).normal(x))(1.0)
