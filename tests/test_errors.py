"""What cannot be differentiated is refused with a message that says what to write instead."""

import math
import traceback

import numpy as onp
import pytest
import scipy.special

import funad.errors
import funad.numpy as np
from funad import defvjp, elementwise_grad, grad, primitive
from funad.errors import (
    ArgumentTypeError,
    DuplicateRuleError,
    FunadError,
    MissingRuleError,
    NonScalarOutputError,
    NotDifferentiableError,
    UnsupportedKeywordError,
)
from funad.registry import record_of

x = onp.array([1.0, 2.0, 3.0])


@primitive
def without_rule(x):
    return 2.0 * x


@primitive
def half_ruled(a, b):
    return a * b


@primitive
def badly_ruled(x, power=2):
    return x**power


defvjp(half_ruled, lambda y, ybar, a, b: ybar * b)
defvjp(badly_ruled, lambda y, ybar, x, power=2: ybar @ onp.ones((7, 7)))
OWN = [half_ruled, badly_ruled]  # the cases of these are here


def test_every_error_is_one_of_the_family_and_a_builtin():
    classes = [e for e in vars(funad.errors).values() if isinstance(e, type) and e is not FunadError]
    for error in classes:
        assert issubclass(error, FunadError)
        assert issubclass(error, (TypeError, ValueError, NotImplementedError, RuntimeError, ArithmeticError))


def test_vector_output_names_the_shape_and_suggests_jacobian_or_sum():
    def loss(x):
        return x**2

    with pytest.raises(NonScalarOutputError, match=r"loss returned shape \(3,\); sum it, or use jacobian"):
        grad(loss)(x)


@pytest.mark.parametrize(
    ("f", "found"),
    [
        (lambda x: None, "NoneType"),
        (lambda x: (x[0], x[1]), "tuple of 2.*has_aux"),
        (lambda x: "text", "str"),
        (lambda x: {"loss": x[0]}, "dict"),
        (lambda x: x[0] * 1j, "complex"),
    ],
)
def test_other_outputs_are_refused(f, found):
    with pytest.raises(NonScalarOutputError, match=found):
        grad(f)(x)


def test_complex_output_of_elementwise_grad_is_refused():
    with pytest.raises(NonScalarOutputError, match="real"):
        elementwise_grad(lambda x: x * 1j)(x)


@pytest.mark.parametrize(
    ("convert", "said"),
    [(float, r"float\(\)"), (int, r"int\(\)"), (complex, r"complex\(\)"), (math.sin, r"float\(\).*math"),
     (math.sqrt, "funad.numpy"), (lambda x: [1, 2, 3][x], "index")],
)  # fmt: skip
def test_conversion_to_a_plain_number_is_refused(convert, said):
    with pytest.raises(NotDifferentiableError, match=said):
        grad(lambda x: convert(x))(1.0)


def test_numpy_asarray_inside_a_trace_is_refused():
    for convert in (onp.asarray, onp.array, lambda x: onp.array([x, x])):
        with pytest.raises(NotDifferentiableError, match="funad.numpy"):
            grad(lambda x, convert=convert: np.sum(convert(x)))(x)


def test_raw_scipy_functions_are_refused():
    with pytest.raises(FunadError, match="gammaln.*traced value"):
        grad(lambda x: np.sum(scipy.special.gammaln(x)))(x)
    with pytest.raises(FunadError, match="traced value"):
        grad(lambda x: scipy.special.logsumexp(x))(x)


def test_storing_a_traced_value_in_a_plain_array_is_refused():
    def f(x):
        out = onp.zeros(3)
        out[0] = x[0]
        return np.sum(out)

    with pytest.raises(NotDifferentiableError, match="zeros, empty, full or array of funad.numpy") as caught:
        grad(f)(x)
    assert any("out[0] = x[0]" in (frame.line or "") for frame in traceback.extract_tb(caught.tb))


def test_a_missing_rule_names_function_and_argument_in_the_users_line():
    with pytest.raises(MissingRuleError, match="without_rule, called with float.*argument 0") as caught:
        grad(lambda x: without_rule(x))(1.0)
    assert any("without_rule(x)" in (frame.line or "") for frame in traceback.extract_tb(caught.tb))
    with pytest.raises(MissingRuleError, match=r"half_ruled.*argument 1; it has rules for argument 0"):
        grad(lambda x: half_ruled(2.0, x))(1.0)
    assert grad(lambda x: half_ruled(x, 2.0))(1.0) == 2.0


def test_an_unsupported_keyword_is_named():
    with pytest.raises(UnsupportedKeywordError, match=r"sin\(.*where=mask"):
        grad(lambda x: np.sum(np.sin(x, where=onp.array([True, False, True]))))(x)
    with pytest.raises(UnsupportedKeywordError, match="numpy.sum.*'out'.*axis"):
        grad(lambda x: np.sum(x, out=onp.zeros(())))(x)


def test_a_refused_out_is_not_written_to():
    for f in (np.sum, np.sin, np.cumsum):
        out = onp.full(() if f is np.sum else 3, 7.0)
        with pytest.raises(UnsupportedKeywordError):
            grad(lambda x, f=f, out=out: np.sum(f(x, out=out)))(x)
        assert (out == 7.0).all()


def test_defaults_may_be_spelled_out():
    assert grad(lambda x: np.sum(x, out=None) + np.sum(np.sin(x, where=True) * 0))(x).tolist() == [1, 1, 1]
    assert grad(lambda x: np.sum(x, axis=0, out=None, where=True))(x).tolist() == [1, 1, 1]


def test_positions_after_those_of_the_rule_are_refused_at_once():
    with pytest.raises(UnsupportedKeywordError, match="numpy.sum takes 3 arguments by position.*by name"):
        grad(lambda x: np.sum(x, 0, None, None, True)[0])(x)


def test_a_keyword_that_numpy_does_not_know_is_numpys_own_error():
    with pytest.raises(TypeError, match="axes"):
        grad(lambda x: np.sum(x, axes=0))(x)
    with pytest.raises(TypeError, match="axes"):
        np.sin(x, axes=0)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"w": x, "name": "relu"}, r"argument 0 of f, at \['name'\], is str \('relu'\)"),
        ({"w": [x, None]}, r"\['w'\]\[1\], is NoneType"),
        ("text", "argument 0 of f is str"),
        (None, "NoneType"),
        (onp.array(["a"]), r"<U1\[1\]"),
        (True, "bool"),
        (onp.array([True]), r"bool\[1\]"),
        (onp.array([object()]), "object"),
    ],
)
def test_what_is_not_made_of_numbers_is_refused(value, said):
    def f(p):
        return 1.0

    with pytest.raises(ArgumentTypeError, match=said):
        grad(f)(value)


def test_an_error_in_a_rule_names_primitive_shapes_and_the_users_line():
    def loss(x):
        y = np.sin(x)
        z = badly_ruled(y)  # the line to be named
        return np.sum(z)

    with pytest.raises(ValueError, match="matmul") as caught:
        grad(loss)(x)
    notes = "\n".join(caught.value.__notes__)
    assert "VJP rule of" in notes and "badly_ruled for argument 0" in notes and "float64[3]" in notes
    with open(__file__) as source:
        line = next(n for n, text in enumerate(source, 1) if "z = badly" in text and "named" in text)
    assert f'test_errors.py", line {line}, in loss' in notes


def test_an_error_in_a_rule_called_with_keywords_names_the_line_too():
    def loss(x):
        return np.sum(badly_ruled(x, power=3))

    with pytest.raises(ValueError, match="matmul") as caught:
        grad(loss)(x)
    assert any("in loss" in note for note in caught.value.__notes__)


def test_shape_errors_inside_f_are_numpys_own():
    with pytest.raises(ValueError, match="could not be broadcast"):
        grad(lambda x: np.sum(x + onp.ones(4)))(x)
    with pytest.raises(IndexError):
        grad(lambda x: x[7])(x)


def test_a_second_rule_is_refused():
    with pytest.raises(DuplicateRuleError, match="argument 0 already"):
        defvjp(half_ruled, lambda y, ybar, a, b: ybar)
    with pytest.raises(DuplicateRuleError, match="primitive already"):
        primitive(record_of(half_ruled).f)


def test_a_rule_for_what_is_no_primitive_is_refused():
    with pytest.raises(MissingRuleError, match="funad.primitive first"):
        defvjp(lambda x: x, lambda y, ybar, x: ybar)


def test_boxes_say_what_they_are():
    seen = []
    grad(lambda x: seen.append((repr(x), f"{x:.2f}")) or x)(1.5)
    assert seen[0][0].startswith("Box(1.5, level=") and seen[0][1] == "1.50"
