"""The whole namespace: every public name of NumPy is differentiable, passed through, or refused by name."""

import functools
import inspect
import warnings

import numpy
import pytest

import funad
from funad import grad
from funad import numpy as np
from funad.errors import MissingRuleError, NotDifferentiableError
from funad.registry import primitive_of
from funad.tree import flatten

from .drawing import CASES, on_calls

MODULES = {
    "numpy": (numpy, np),
    "numpy.linalg": (numpy.linalg, np.linalg),
    "numpy.fft": (numpy.fft, np.fft),
    "numpy.random": (numpy.random, np.random),
}
# Submodules that NumPy shows, and which are the traced ones here.
TRACED_MODULES = {"fft", "lib", "linalg", "polynomial", "random"}


def attribute(module, name):
    """The attribute, without NumPy's remarks on what it will take away."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(module, name)


def public(module):
    return sorted(name for name in {*dir(module), *module.__all__} if not name.startswith("_"))


def is_function(value):
    return callable(value) and not isinstance(value, type)


NAMES = [
    pytest.param(theirs, ours, name, id=f"{module}.{name}")
    for module, (theirs, ours) in MODULES.items()
    for name in public(theirs)
]
FUNCTIONS = [row for row in NAMES if is_function(attribute(row.values[0], row.values[2]))]

# Classes, and objects of classes, that take traced values as NumPy's own do not.
OF_OUR_OWN = {"Generator", "RandomState", "c_", "mgrid", "ogrid", "r_", "vectorize"}

# Old names that NumPy has as functions of their own: here they are the new ones.
ALIASES = {"row_stack": "vstack"}

# Functions that are NumPy's own: they take no float arrays, or read and write files, or draw from
# parameters that are whole numbers.
_PASSED = """
    asarray_chkfinite asmatrix base_repr binary_repr bmat broadcast_shapes busday_count
    busday_offset datetime_as_string datetime_data diag_indices empty eye format_float_positional
    format_float_scientific from_dlpack frombuffer fromfile fromfunction frompyfunc
    fromregex fromstring genfromtxt get_include get_printoptions getbufsize geterr geterrcall
    identity indices info is_busday isdtype issubdtype iterable load loadtxt mask_indices
    mintypecode nested_iters ones packbits printoptions promote_types ravel_multi_index require
    save savetxt savez savez_compressed set_printoptions setbufsize seterr seterrcall show_config
    show_runtime test tri tril_indices triu_indices typename unpackbits unravel_index zeros

    bytes get_bit_generator get_state rand randint randn random random_integers
    random_sample ranf sample seed set_bit_generator set_state standard_cauchy
    standard_exponential standard_normal
"""
PASSED_THROUGH = set(_PASSED.split())


# --- every name resolves


@pytest.mark.parametrize(("theirs", "ours", "name"), NAMES)
def test_every_public_name_resolves(theirs, ours, name):
    assert name in dir(ours)
    value, plain = attribute(ours, name), attribute(theirs, name)
    if is_function(plain):
        prim = primitive_of(value)
        assert value is plain if prim is None else prim.f is plain or name in ALIASES
    elif name in OF_OUR_OWN:
        kind, own = (plain, value) if isinstance(plain, type) else (type(plain), type(value))
        assert issubclass(own, kind) and own.__module__.startswith("funad.")
    elif theirs is numpy and name in TRACED_MODULES:
        assert value.__name__ == f"funad.numpy.{name}"
    elif value is not np.ndarray:  # of which traced arrays are instances as well
        assert value is plain


@pytest.mark.parametrize(("theirs", "ours"), MODULES.values(), ids=MODULES)
def test_a_star_brings_what_numpys_own_brings(theirs, ours):
    assert set(getattr(theirs, "__all__", ())) <= set(ours.__all__)
    assert all(hasattr(ours, name) for name in ours.__all__)


@pytest.mark.parametrize(("theirs", "ours", "name"), FUNCTIONS)
def test_every_function_is_traced_or_in_the_list_of_those_passed_through(theirs, ours, name):
    value, plain = attribute(ours, name), attribute(theirs, name)
    if name in ALIASES:
        assert value is getattr(ours, ALIASES[name])
    elif value is plain:
        assert name in PASSED_THROUGH, f"{name} takes traced values, and loses their derivatives"
    else:
        assert primitive_of(plain) is primitive_of(value)
        assert primitive_of(plain).traced is value


@pytest.mark.parametrize("name", ["float64", "float32", "dtype", "pi", "newaxis", "errstate"])
def test_what_is_passed_through_is_the_same_object(name):
    assert getattr(np, name) is getattr(numpy, name)


def test_another_name_for_a_function_is_the_same_function():
    assert np.abs is np.absolute
    assert np.conj is np.conjugate
    assert np.acos is np.arccos
    assert np.concat is np.concatenate


def test_functions_of_one_name_in_two_modules_are_two():
    assert np.linalg.outer is not np.outer
    assert np.random.power is not np.power


# --- what NumPy has only in another version


def test_an_unknown_name_is_an_attribute_error_of_this_module():
    with pytest.raises(AttributeError, match=r"'funad\.numpy' has no attribute 'no_such_name'"):
        np.no_such_name  # noqa: B018
    with pytest.raises(AttributeError, match="no_such_name"):
        np.random.no_such_name  # noqa: B018
    assert not hasattr(np, "no_such_name")


def test_a_name_that_numpy_has_given_up_says_what_to_write_instead():
    with pytest.raises(AttributeError, match="float64"):
        np.float_  # noqa: B018


def test_a_function_of_another_numpy_is_refused_by_name(monkeypatch):
    def of_tomorrow(x):
        return numpy.sin(x)

    monkeypatch.setattr(numpy, "of_tomorrow", of_tomorrow, raising=False)
    try:
        assert np.of_tomorrow(0.0) == 0.0
        assert np.of_tomorrow is np.of_tomorrow
        with pytest.raises(MissingRuleError, match="of_tomorrow"):
            grad(np.of_tomorrow)(1.0)
    finally:
        vars(np).pop("of_tomorrow", None)


def test_another_name_of_another_numpy_is_the_primitive_that_it_names(monkeypatch):
    monkeypatch.setattr(numpy, "sine", numpy.sin, raising=False)
    try:
        assert np.sine is np.sin
    finally:
        vars(np).pop("sine", None)


def test_a_class_of_another_numpy_is_passed_through(monkeypatch):
    kind = type("float8", (), {})
    monkeypatch.setattr(numpy, "float8", kind, raising=False)
    assert np.float8 is kind


# --- what has no rule is refused by name

X = numpy.array([1.0, 2.0, 3.0])
# Calls of those that do not take one array; the others are called with it alone.
CALLS = {
    "numpy.ldexp": lambda f, x: f(2.0, x),
    "numpy.in1d": lambda f, x: f(x, X),
}


def without_rule():
    """The primitives of NumPy that have no rule, each once."""
    found = {}
    for row in FUNCTIONS:
        prim = primitive_of(attribute(*row.values[1:]))
        if prim is not None and prim.kind is None:
            found[prim.name] = prim.traced
    return [pytest.param(name, f, id=name) for name, f in found.items()]


WITHOUT_RULE = without_rule()


@pytest.mark.parametrize(("name", "f"), WITHOUT_RULE)
@pytest.mark.filterwarnings("ignore")  # what NumPy will take away says so
def test_a_function_without_a_rule_is_refused_by_name(name, f):
    with pytest.raises((MissingRuleError, NotDifferentiableError), match=name.rpartition(".")[2]):
        grad(lambda x: np.sum(CALLS.get(name, lambda f, x: f(x))(f, x)))(X)


def test_the_calls_by_hand_are_of_functions_without_a_rule():
    names = {row.id for row in WITHOUT_RULE} | {"numpy.in1d", "numpy.ldexp"}
    assert set(CALLS) <= names, "these have rules by now: take their calls away"


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.ma.array(x),
        lambda x: np.polynomial.Polynomial(x),
        lambda x: numpy.r_[x, x],
        lambda x: np.save("never written", x),
        lambda x: np.emath.sqrt(x),
        lambda x: numpy.random.default_rng().normal(x),
        lambda x: numpy.random.normal(x),
        lambda x: np.random.Generator(np.random.PCG64()).binomial(3, x / 10),
    ],
)
def test_what_is_passed_through_refuses_traced_values(f):
    with pytest.raises((MissingRuleError, NotDifferentiableError)):
        grad(lambda x: np.sum(x) if f(x) is None else np.sum(f(x)))(X)


# --- on plain values a primitive is NumPy's function


def outcome(f, args, kwargs):
    """What f returns, or raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return f(*args, **kwargs)
        except Exception as error:
            return type(error), str(error)


def same(ours, plain):
    assert type(ours) is type(plain)
    for a, b in zip(flatten(ours)[0], flatten(plain)[0], strict=True):
        assert type(a) is type(b)
        numpy.testing.assert_array_equal(a, b, strict=isinstance(a, numpy.ndarray))


@pytest.mark.parametrize("f", [pytest.param(f, id=primitive_of(f).name) for f in CASES])
@on_calls(3)
def test_results_on_plain_values_are_those_of_numpy(f, at):
    if f is not np.clip or set(at.kwargs) <= set(inspect.signature(numpy.clip).parameters):
        same(outcome(f, at.args, at.kwargs), outcome(primitive_of(f).f, at.args, at.kwargs))


_ONE_ARRAY = """
    sin exp sqrt sum mean std var prod max min argmax cumsum sort argsort ravel transpose squeeze unique
    flip diff gradient median nanmean isnan isfinite round abs sign atleast_2d copy asarray array diag
    count_nonzero nonzero any all ptp trapezoid histogram cov
"""


@pytest.mark.parametrize("name", _ONE_ARRAY.split())
@pytest.mark.parametrize("x", [X, X.astype("f4"), numpy.array([[3, 1], [2, 5]]), [1.5, 2.5], 2.0, 3])
def test_calls_on_plain_values_do_what_numpy_does(name, x):
    same(outcome(getattr(np, name), (x,), {}), outcome(getattr(numpy, name), (x,), {}))


def test_keywords_and_out_work_on_plain_values():
    out = numpy.empty(3)
    assert np.exp(X, out=out) is out
    assert np.add(X, X, where=[True, False, True], out=out) is out
    assert np.sum(X, dtype="f4").dtype == numpy.float32
    assert np.add.__name__ == "add"


def test_draws_are_those_of_numpy():
    np.random.seed(0)
    ours = [np.random.normal(1.0, 2.0, 3), np.random.rand(2), np.random.choice(5, 2)]
    numpy.random.seed(0)
    plain = [numpy.random.normal(1.0, 2.0, 3), numpy.random.rand(2), numpy.random.choice(5, 2)]
    for a, b in zip(ours, plain, strict=True):
        numpy.testing.assert_array_equal(a, b)


# --- plain NumPy on traced values finds the primitives

PAIRS = {
    "sin": (lambda x: numpy.sin(x), lambda x: np.sin(x)),
    "sum": (lambda x: numpy.sum(x), lambda x: np.sum(x)),
    "concatenate": (lambda x: numpy.concatenate([x, x]), lambda x: np.concatenate([x, x])),
    "where": (lambda x: numpy.where(X > 1, x, 0), lambda x: np.where(X > 1, x, 0)),
    "norm": (lambda x: numpy.linalg.norm(x), lambda x: np.linalg.norm(x)),
    "fft": (lambda x: numpy.abs(numpy.fft.fft(x)), lambda x: np.abs(np.fft.fft(x))),
    "array + box": (lambda x: X + x, lambda x: x + X),
    "array * box": (lambda x: X * x, lambda x: x * X),
    "array ** box": (lambda x: X**x, lambda x: np.power(X, x)),
    "array @ box": (lambda x: numpy.outer(X, X) @ x, lambda x: np.matmul(numpy.outer(X, X), x)),
    "box @ array": (lambda x: x @ numpy.outer(X, X), lambda x: np.matmul(x, numpy.outer(X, X))),
    "array scalar * box": (lambda x: numpy.float64(3.0) * x, lambda x: x * 3.0),
    "einsum": (lambda x: numpy.einsum("i,i", x, X), lambda x: np.einsum("i,i", x, X)),
    "stack": (lambda x: numpy.stack([x, X]), lambda x: np.stack([x, X])),
    "clip": (lambda x: numpy.clip(x, 0.5, 2.5), lambda x: np.clip(x, 0.5, 2.5)),
    "solve": (
        lambda x: numpy.linalg.solve(numpy.eye(3) + 1.0, x),
        lambda x: np.linalg.solve(numpy.eye(3) + 1.0, x),
    ),
}


@pytest.mark.parametrize(("plain", "ours"), PAIRS.values(), ids=PAIRS)
def test_plain_numpy_finds_the_primitives(plain, ours):
    numpy.testing.assert_array_equal(grad(lambda x: np.sum(plain(x)))(X), grad(lambda x: np.sum(ours(x)))(X))


# --- wrappers look like what they wrap


def named(parameters):
    """The parameters that a call can name."""
    return [p.name for p in parameters.values() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]


@pytest.mark.parametrize(("theirs", "ours", "name"), FUNCTIONS)
def test_a_function_has_the_name_the_text_and_the_parameters_of_numpys(theirs, ours, name):
    value, plain = attribute(ours, name), attribute(theirs, name)
    if value is plain or name in ALIASES:
        return
    assert value.__name__ == plain.__name__
    # A function written anew may say in short what it does, and where to read on.
    # SciPy, once imported, writes its own docstring into numpy.sinc.
    assert value.__doc__ == plain.__doc__ or f"numpy.{name}`" in value.__doc__ or name == "sinc"
    try:
        parameters = inspect.signature(plain).parameters
    except ValueError:  # written in C, without one
        return
    assert set(named(parameters)) <= set(named(inspect.signature(value).parameters))


def test_every_rule_of_numpy_is_found_from_numpys_own_function():
    for f, _ in funad.rules():
        prim = primitive_of(f)
        assert primitive_of(prim.f) is prim or not prim.name.startswith("numpy.")


def signature(f):
    try:
        return str(inspect.signature(f))
    except (TypeError, ValueError):  # written in C, without one
        return None


@pytest.mark.parametrize("module", ["", "linalg", "fft", "polynomial.polynomial"])
def test_functions_have_the_signatures_of_numpys(module):
    theirs, ours = (functools.reduce(getattr, filter(None, module.split(".")), m) for m in (numpy, np))
    for name in dir(theirs):
        plain = attribute(theirs, name)
        known = not name.startswith("_") and callable(plain) and not isinstance(plain, type)
        if known and hasattr(ours, name) and signature(plain) is not None:
            assert signature(getattr(ours, name)) == signature(plain), name


def test_the_class_of_arrays_is_numpys():
    assert np.ndarray is numpy.ndarray and type(np.ones(2)) is np.ndarray
    assert type(np.ones(2)) in (np.ndarray, float) and {np.ndarray: 1}[type(np.ones(2))] == 1

    class Mine(np.ndarray):
        pass

    assert type(numpy.ones(2).view(Mine)) is Mine and issubclass(Mine, numpy.ndarray)
