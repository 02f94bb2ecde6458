"""What cannot be differentiated is refused with a message that says what to write instead."""

import collections
import ctypes
import ctypes.util
import functools
import json
import logging
import math
import os
import pickle
import re
import struct
import sys
import traceback
import warnings

import numpy as onp
import pytest
import scipy.fft
import scipy.integrate
import scipy.interpolate
import scipy.linalg
import scipy.optimize
import scipy.sparse
import scipy.spatial
import scipy.special
import scipy.stats

import funad.errors
import funad.numpy as np
from funad import (
    checkpoint,
    compile,
    custom_vjp,
    debug_nans,
    defjvp,
    defvjp,
    elementwise,
    elementwise_grad,
    grad,
    graph,
    hessian,
    hvp,
    j,
    jacobian,
    jvp,
    linear,
    linearize,
    primitive,
    stop_gradient,
    value_and_grad,
    vjp,
    vmap,
)
from funad.errors import (
    ArgumentError,
    ArgumentTypeError,
    CotangentError,
    DuplicateRuleError,
    EndedTraceError,
    FunadError,
    MissingRuleError,
    NonScalarOutputError,
    NotDifferentiableError,
    UnsupportedKeywordError,
)

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
    [(float, r"float\(\)"), (int, r"int\(\)"), (complex, r"complex\(\)"), (math.sin, r"math\.sin met.*float"),
     (math.sqrt, "funad.numpy"), (lambda x: [1, 2, 3][x], "index")],
)  # fmt: skip
def test_conversion_to_a_plain_number_is_refused(convert, said):
    with pytest.raises(NotDifferentiableError, match=said):
        grad(lambda x: convert(x))(1.0)


def test_numpy_asarray_inside_a_trace_is_refused():
    for convert in (onp.asarray, onp.array, lambda x: onp.array([x, x])):
        with pytest.raises(NotDifferentiableError, match="funad.numpy"):
            grad(lambda x, convert=convert: np.sum(convert(x)))(x)


# --- compiled functions and libraries: the call is named, with what to write in its place

S = scipy.sparse.csr_array(onp.diag(x))
COMPILED = {
    "a ufunc": (
        lambda x: scipy.special.kn(x, 2.0),
        "scipy.special.kn, called with … has no derivative rule for argument 0; it has rules for argument 1",
    ),
    "logsumexp": (
        lambda x: scipy.special.logsumexp(x),
        "scipy.special.logsumexp met … write funad.scipy.special.logsumexp(x) after import funad.scipy",
    ),
    "norm.logpdf": (
        lambda x: scipy.stats.norm.logpdf(x),
        "scipy.stats.norm.logpdf met … write funad.scipy.stats.norm.logpdf(x) after",
    ),
    "norm.logpdf, loc": (
        lambda x: scipy.stats.norm.logpdf(1.0, loc=x[0]),
        "scipy.stats.norm.logpdf met … write funad.scipy.stats.norm.logpdf(1.0, loc=x[0])",
    ),
    "norm.logpdf, by its name": (
        lambda x: getattr(scipy.stats.norm, "logpdf")(x),  # noqa: B009
        "scipy.stats.norm.logpdf met … write funad.scipy.stats.norm.logpdf(x) after",
    ),
    "a distribution by compiled code": (
        lambda x: funad.scipy.stats.studentized_range.cdf(x[0], 3, 10),
        "scipy.stats.studentized_range.cdf was called on a traced value … has no derivative rule",
    ),
    "a distribution by a loop": (
        lambda x: getattr(funad.scipy.stats.kstwo, "cdf")(x[0] / 4, 10),  # noqa: B009
        "funad.scipy.stats.kstwo.cdf met … wrap it, g = funad.primitive(funad.scipy.stats.kstwo.cdf)",
    ),
    "solve_ivp": (
        lambda x: scipy.integrate.solve_ivp(lambda t, y: -x[0] * y, (0, 1), [1.0]).y,
        "scipy.integrate.solve_ivp met … write funad.scipy.integrate.solve_ivp(lambda t, y: -x[0] * y",
    ),
    "quad": (
        lambda x: scipy.integrate.quad(lambda t: x[0] * t, 0, 1)[0],
        "scipy.integrate.quad met … write funad.scipy.integrate.quad(lambda t: x[0] * t, 0, 1) after",
    ),
    "quad, limit": (
        lambda x: scipy.integrate.quad(math.sin, 0, x[0])[0],
        "scipy.integrate.quad met … write funad.scipy.integrate.quad(math.sin, 0, x[0]) after",
    ),
    "brentq": (
        lambda x: scipy.optimize.brentq(lambda t: t * t - x[0], 0, 9),
        "scipy.optimize.brentq met … write funad.scipy.optimize.brentq(lambda t: t * t - x[0], 0, 9) after",
    ),
    "brentq, limit": (
        lambda x: scipy.optimize.brentq(math.sin, 3.0, x[0] + 3),
        "scipy.optimize.brentq met … write funad.scipy.optimize.brentq(math.sin, 3.0, x[0] + 3) after",
    ),
    "minimize": (
        lambda x: scipy.optimize.minimize(lambda t: np.sum((t - x[0]) ** 2), [1.0]).x,
        "scipy.optimize.minimize met … write funad.scipy.optimize.minimize(lambda t: np.sum((t - x[0]) ** 2)",
    ),
    "interp1d": (
        lambda x: scipy.interpolate.interp1d(x, x)(1.5),
        "scipy.interpolate.interp1d met … write funad.scipy.interpolate.interp1d(",
    ),
    "cho_solve": (
        lambda x: scipy.linalg.cho_solve((onp.eye(3), True), x),
        "scipy.linalg.cho_solve met … write funad.scipy.linalg.cho_solve((onp.eye(3), True), x)",
    ),
    "solve_triangular": (
        lambda x: scipy.linalg.solve_triangular(onp.eye(3), x),
        "scipy.linalg.solve_triangular met … write funad.scipy.linalg.solve_triangular(onp.eye(3), x)",
    ),
    "scipy.linalg.cholesky": (
        lambda x: scipy.linalg.cholesky(np.diag(x)),
        "scipy.linalg.cholesky met … write funad.scipy.linalg.cholesky(np.diag(x))",
    ),
    "scipy.linalg, and in NumPy": (
        lambda x: scipy.linalg.det(np.diag(x)),
        "scipy.linalg.det met … write funad.scipy.linalg.det(np.diag(x))",
    ),
    "scipy.linalg, not in NumPy": (
        lambda x: scipy.linalg.expm(np.diag(x)),
        "scipy.linalg.expm met … write funad.scipy.linalg.expm(np.diag(x))",
    ),
    "scipy.fft, not in NumPy": (
        lambda x: scipy.fft.dct(x),
        "scipy.fft.dct met … write funad.scipy.fft.dct(x)",
    ),
    "numpy.save": (lambda x: onp.save("x.npy", x), "numpy.save was called … give it value(x), from funad"),
    "cdist": (
        lambda x: scipy.spatial.distance.cdist(x[:, None], x[:, None]),
        "scipy.spatial.distance.cdist met … write funad.scipy.spatial.distance.cdist(",
    ),
    "sparse.multiply": (lambda x: S.multiply(x), "scipy.sparse.csr_array.multiply met … csr_array(A) * x"),
    "sparse of x": (
        lambda x: scipy.sparse.csr_array(np.diag(x)),
        "scipy.sparse.csr_array met … write funad.scipy.sparse.csr_array(np.diag(x))",
    ),
    "json": (
        lambda x: json.dumps(x),
        "json.dumps(x) was given a traced … give it value(x), from funad, of an array value(x).tolist()",
    ),
    "struct": (lambda x: struct.pack("d", x[0]), "struct.pack met … give it value(x), from funad"),
    "ctypes": (lambda x: typed_sin(x[0]), "typed_sin met … funad.primitive(typed_sin)"),
    "ctypes without types": (
        lambda x: untyped_cos(x[0]),
        "untyped_cos(x[0]) was given a traced value … funad.primitive(",
    ),
    "numba": (
        lambda x: compiled(x),
        "compiled(x) was given a traced value … unbox array from PyObject … funad.primitive(",
    ),
    "pickle": (lambda x: pickle.dumps(x), "cannot be pickled … another process … stop_gradient(x)"),
}
libm = ctypes.CDLL(ctypes.util.find_library("m"))
typed_sin, untyped_cos = libm.sin, libm.cos
typed_sin.argtypes, typed_sin.restype = [ctypes.c_double], ctypes.c_double


def compiled(x):
    """Stands for a function compiled by Numba, which is not installed: it raises what that raises."""
    if type(x) not in (float, onp.ndarray):
        raise TypeError("can't unbox array from PyObject into native value.")
    return x


@pytest.mark.parametrize(("f", "said"), COMPILED.values(), ids=COMPILED)
def test_compiled_functions_are_refused_by_name_with_what_to_write(f, said):
    wanted = ".*".join(map(re.escape, said.split(" … ")))
    for differentiate in (grad, lambda f: lambda x: jvp(f, (x,), (x,))):
        with pytest.raises(FunadError, match=wanted) as caught:
            differentiate(lambda x: np.sum(f(x)))(x)
        assert any("test_errors.py" in frame.filename for frame in traceback.extract_tb(caught.tb))


def test_an_error_in_the_place_of_a_refusal_is_told_with_it():
    with pytest.raises(
        NotDifferentiableError, match=r"brentq met .*in the end it raised RuntimeError: Unable to"
    ):
        grad(lambda x: scipy.optimize.brentq(math.sin, 3.0, x + 3))(1.0)


@pytest.mark.parametrize(
    ("f", "said"),
    [
        (math.sin, "math.sin met … write np.sin(...) after"),
        (functools.partial(math.pow, 2.0), "math.pow met … write a**b"),
        (float, "float() of a traced value, 2.0 would give"),
        (scipy.stats.norm.pdf, "scipy.stats.norm.pdf met … write funad.scipy.stats.norm.pdf"),
        (lambda x: sum(map(math.sin, [x, x])), "math.sin met … write np.sin(...) after"),
        (lambda x: next(map(math.exp, [x])), "math.exp met … write np.exp(...) after"),
        (
            lambda x: functools.partial(math.pow, 2)(x),
            "wrap it, g = funad.primitive(functools.partial(math.pow, 2))",
        ),
    ],
)
def test_a_function_that_no_line_of_the_users_calls_is_named(f, said):
    for differentiate in (
        grad,
        lambda f: lambda x: jvp(f, (x,), (1.0,)),
        lambda f: lambda x: j(f)(1.0, 1.0, x),
    ):
        with pytest.raises(FunadError, match=".*".join(map(re.escape, said.split(" … ")))):
            differentiate(f)(2.0)


@pytest.mark.parametrize(
    ("f", "said"),
    [
        (lambda x: np.zeros(x), "funad.numpy.zeros met"),
        (lambda x: np.eye(x), "funad.numpy.eye met"),
        (lambda x: onp.zeros((2, x)), "numpy.zeros met"),
        (lambda x: onp.arange(3.0)[x], "use as an index … in onp.arange(3.0)[x]"),
        (lambda x: onp.arange(3.0)[x:], "use as an index … in onp.arange(3.0)[x:]"),
        (lambda x: np.ones(4).reshape(x, 2), "reshape met"),
        (lambda x: np.polyfit([0.0, 1.0, 2.0], [1.0, 0.0, 1.0], x), "funad.numpy.polyfit met"),
    ],
)
def test_a_size_or_an_index_asks_for_an_integer_and_never_for_the_same_again(f, said):
    wanted = ".*".join(map(re.escape, f"{said} … write int(stop_gradient(x))".split(" … ")))
    with pytest.raises(NotDifferentiableError, match=wanted) as caught:
        grad(lambda x: np.sum(f(x)))(2.0)
    assert "after import" not in str(caught.value) and "dtype=dtype" not in str(caught.value)


@pytest.mark.parametrize("form", ["%.1f", "%.1f and %d", "%s"])
def test_text_is_made_of_traced_values_by_percent_as_by_f_strings(form):
    n = form.count("%")
    said = []
    grad(lambda x: (said.append(form % ((x,) * n)), x)[1])(2.0)
    grad(lambda x: (said.append(form % ((x[0],) * n)), x[0])[1])(onp.array([2.0, 1.0]))
    grad(lambda x: (said.append(form % ((np.asarray(x),) * n)), x)[1])(onp.array(2.0))
    plain = form % ((2.0,) * n)
    assert [text.removeprefix("traced ") for text in said[:2]] == [plain] * 2
    assert said[2] == ("traced array(2.)" if form == "%s" else plain)


@pytest.mark.parametrize(
    "transform",
    [grad, hessian, graph, checkpoint, compile, debug_nans, lambda f: compile(grad(f)),
     lambda f: grad(lambda x: grad(f)(x) * x), lambda f: grad(grad(grad(f))), lambda f: compile(hessian(f))],
)  # fmt: skip
def test_a_traced_value_becomes_text_under_every_transformation(transform):
    said = []

    def f(x):
        said.append((f"{x:.2f}", f"{x:5.1f}", "%.2f" % x, "%d" % x, "%(x)g and %(x)d" % {"x": x}))
        said.append([text.removeprefix("traced ") for text in (repr(x), f"{x}", str(x), "%s" % x)])
        return x**3

    transform(f)(2.5)
    assert {*said[0]} == {"2.50", "  2.5", "2", "2.5 and 2"}
    assert {*said[1]} <= {"2.5", "np.float64(2.5)"}


def test_what_is_written_in_the_messages_is_right():
    product, back = primitive(lambda x: S @ x), primitive(lambda y: S.T @ y)
    linear(product, lambda y, ybar, x: back(ybar))
    linear(back, lambda x, xbar, y: product(xbar))
    assert grad(lambda x: np.sum(product(x) ** 2))(x) == pytest.approx(2 * x**3)
    assert grad(lambda x: 1 / (1 + np.exp(-x)))(0.0) == 0.25
    scaled = lambda x: np.log(np.sum(np.exp(x - np.max(x)))) + np.max(x)
    assert grad(scaled)(x) == pytest.approx(scipy.special.softmax(x))
    loc, scale = 0.5, 2.0
    logpdf = lambda x: -0.5 * ((x - loc) / scale) ** 2 - np.log(scale * np.sqrt(2 * np.pi))
    assert logpdf(1.3) == pytest.approx(scipy.stats.norm.logpdf(1.3, loc, scale))
    distances = lambda a, b: np.sqrt(np.sum((a[:, None] - b) ** 2, -1))
    a = onp.arange(6.0).reshape(3, 2)
    onp.testing.assert_allclose(distances(a, a**2), scipy.spatial.distance.cdist(a, a**2))

    def root(x):  # of f(t, x) = t² - x
        t = scipy.optimize.brentq(lambda t: t * t - stop_gradient(x), 0, 9)
        return t - (t * t - x) / stop_gradient(2 * t)

    assert grad(root)(2.0) == pytest.approx(0.5 / 2**0.5)


def test_a_rule_of_the_users_makes_a_scipy_function_right():
    """Lanczos' sum is Γ(x)·((x + g - ½)/e)^(½ - x), of which scipy.special has the logarithm."""
    sum_of, g = scipy.special._ufuncs._lanczos_sum_expg_scaled, 6.024680040776729583740234375
    wrapped = primitive(sum_of)
    elementwise(
        wrapped,
        lambda y, ybar, x: (
            ybar * y * (scipy.special.psi(x) + 1 - np.log(x + g - 0.5) - (x - 0.5) / (x + g - 0.5))
        ),
    )
    h = 1e-4
    wanted = (sum_of(x + h) - sum_of(x - h)) / (2 * h)
    assert grad(lambda x: np.sum(wrapped(x)))(x) == pytest.approx(wanted, rel=1e-6)


# --- storing a traced value in a plain array


def test_storing_a_traced_value_in_a_plain_array_is_refused():
    def f(x):
        out = onp.zeros(3)
        out[0] = x[0]
        return np.sum(out)

    said = (
        r"out\[0\] = ... puts a traced value.*make that array with zeros, empty, full or array of funad.numpy"
    )
    with pytest.raises(NotDifferentiableError, match=said) as caught:
        grad(f)(x)
    assert any("out[0] = x[0]" in (frame.line or "") for frame in traceback.extract_tb(caught.tb))


def _store_row(x):
    rows = onp.zeros((2, 3))
    rows[0] = x
    return rows


def _store_list(x):
    k = onp.zeros((2, 2))
    k[0, :] = [x[0], x[1]]
    return k


def _fill(x):
    k = onp.zeros(3)
    k.fill(x[0])
    return k


@pytest.mark.parametrize(
    ("f", "said"),
    [
        (_store_row, r"rows\[0\] = \.\.\. puts"),
        (_store_list, r"k\[0, :\] = \.\.\. puts"),
        (_fill, r"k\.fill\(x\[0\]\) puts"),
    ],
)
def test_storing_in_any_form_is_refused_with_the_line(f, said):
    for differentiate in (grad, lambda f: lambda x: jvp(f, (x,), (x,))):
        with pytest.raises(NotDifferentiableError, match=f"{said} a traced value.*zeros_like"):
            differentiate(lambda x: np.sum(f(x)))(x)


def _add_in_place(x):
    v = onp.ones(3)
    v += 2 * x
    return v


def _multiply_in_place(x):
    v = onp.ones(3)
    v *= x
    return v


def _matmul_in_place(x):
    v = onp.ones((3, 3))
    v @= x * v
    return v


def _subtract_in_place(x):
    holder = Holder()
    holder.v = onp.ones(3)
    holder.v -= x + 1.0
    return holder.v


def _add_in_place_to_a_part(x):
    k = [onp.ones((3, 3))]
    k[0][1, :2] += x[:2]
    return k[0]


@pytest.mark.parametrize(
    ("f", "said"),
    [
        (_add_in_place, r"^v \+= 2 \* x would write .*write v = v \+ 2 \* x, or make v with zeros, empty"),
        (_multiply_in_place, r"^v \*= x would write .*; write v = v \* x, or make v with zeros, empty"),
        (
            _matmul_in_place,
            r"^v @= x \* v would write .*; write v = v @ \(x \* v\), or make v with zeros",
        ),
        (_subtract_in_place, r"write holder.v = holder.v - \(x \+ 1.0\), or make holder.v with zeros, empty"),
        (
            _add_in_place_to_a_part,
            r"^k\[0\]\[1, :2\] \+= x\[:2\] would write .*array; make k with zeros",
        ),
    ],
)
def test_an_operator_in_place_on_a_plain_array_is_refused_with_the_operator_to_write(f, said):
    for differentiate in (grad, lambda f: lambda x: jvp(f, (x,), (x,))):
        with pytest.raises(NotDifferentiableError, match=said):
            differentiate(lambda x: np.sum(f(x)))(x)


# --- a traced value that has outlived its trace


class Holder:
    kept = None


def _leak(differentiate):
    """Return a traced value that was kept in an attribute."""

    def f(x):
        Holder.kept = x * 1.0
        return x[0]

    differentiate(f)(x)
    return Holder.kept


@pytest.mark.parametrize("use", [lambda b: b * 2.0, lambda b: np.sin(b), lambda b: b[0], lambda b: sum(b)])
@pytest.mark.parametrize("differentiate", [grad, lambda f: lambda x: jvp(f, (x,), (x,))])
def test_a_traced_value_that_is_used_after_its_trace_is_refused(differentiate, use):
    kept = _leak(differentiate)
    with pytest.raises(
        EndedTraceError, match="after its transformation had returned.*has_aux=True.*global, an attr"
    ):
        use(kept)
    with pytest.raises(EndedTraceError, match="after its transformation had returned"):
        grad(lambda y: np.sum(y * kept))(x)


RUNS = {
    "grad": grad,
    "value_and_grad": value_and_grad,
    "jacobian": jacobian,
    "vjp": lambda f: lambda x: vjp(f, x),
    "jvp": lambda f: lambda x: jvp(f, (x,), (x,)),
    "linearize": lambda f: lambda x: linearize(f, x),
}


@pytest.mark.parametrize("returned", [lambda kept, x: kept, lambda kept, x: (x[0], {"kept": [kept]})])
@pytest.mark.parametrize("differentiate", [grad, lambda f: lambda x: jvp(f, (x,), (x,))])
@pytest.mark.parametrize("again", RUNS.values(), ids=RUNS)
def test_a_traced_value_of_an_ended_trace_is_no_result(again, differentiate, returned):
    kept = _leak(differentiate)
    with pytest.raises(EndedTraceError, match="after its transformation had returned.*a cache"):
        again(lambda x: returned(kept, x))(x)
    with pytest.raises(EndedTraceError, match="after its transformation had returned"):
        again(lambda x: x)(kept)


def test_an_ended_traced_value_in_aux_is_refused():
    kept = _leak(grad)
    with pytest.raises(EndedTraceError):
        grad(lambda x: (np.sum(x), kept), has_aux=True)(x)


class Named(dict):
    pass


class Product(onp.ndarray):
    """An array of which * is the product of matrices, as of numpy.matrix."""

    def __mul__(self, other):
        return self @ other


@pytest.mark.parametrize(
    "hide",
    [lambda y: Named(y=y), lambda y: collections.defaultdict(list, y=[y]), lambda y: collections.deque([y])],
)
def test_a_result_in_a_container_that_is_not_registered_is_refused(hide):
    said = "traced values in a (Named|defaultdict|deque), which is no container.*tree.register"
    for again in (RUNS["vjp"], RUNS["jvp"]):
        with pytest.raises(NotDifferentiableError, match=said):
            again(lambda x: (x, hide(x)))(x)
    with pytest.raises(NotDifferentiableError, match=said):
        grad(lambda x: (np.sum(x), {"more": hide(x)}), has_aux=True)(x)
    # What does not depend on x, or on an outer x only, may be in any.
    assert grad(lambda x: (np.sum(x), hide(1.0)), has_aux=True)(x)[1] == hide(1.0)
    assert grad(lambda a: grad(lambda b: (a * b, hide(a)), has_aux=True)(a)[0])(2.0) == 1.0


def test_a_generator_that_goes_on_after_its_trace_is_refused():
    kept = []

    def f(x):
        kept.append(part * 2.0 for part in x)
        return next(kept[0])

    assert grad(f)(x).tolist() == [2.0, 0.0, 0.0]
    with pytest.raises(EndedTraceError, match="generator"):
        next(kept[0])


# --- integers, where the derivative is zero


def test_a_conversion_to_integers_has_a_derivative_of_zero():
    assert grad(lambda x: np.sum(x.astype(int) * x))(x).tolist() == [1.0, 2.0, 3.0]
    assert grad(lambda x: np.sum(np.floor(x)))(x).tolist() == [0.0, 0.0, 0.0]
    assert grad(lambda x: x * x)(3) == 6.0  # an integer argument is a float


def test_a_plain_error_of_others_stays_what_it_is():
    with pytest.raises(TypeError, match="unsupported operand") as caught:
        grad(lambda x: 1.0 + "text")(x)
    assert not isinstance(caught.value, FunadError)

    def tried(x):
        try:
            return math.sin(x)
        except TypeError:
            raise KeyError("mine") from None

    with pytest.raises(KeyError, match="mine"):
        grad(tried)(1.0)
    assert grad(lambda x: fallback(x))(2.0) == 4.0


def fallback(x):
    """As libraries do that try the fast way first."""
    try:
        return math.pow(x, 2)
    except TypeError:
        return x**2


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
    with pytest.raises(UnsupportedKeywordError, match="numpy.einsum.*'order'.*handles: optimize, subscripts"):
        grad(lambda x: np.einsum("i->", x, order="F"))(x)


@pytest.mark.parametrize("f", [np.sum, np.max, np.cumsum, np.clip, np.stack, lambda x, **out: x.sum(**out)])
def test_a_traced_out_is_refused_by_its_name(f):
    limits = (0, 2) if f is np.clip else ()
    with pytest.raises(UnsupportedKeywordError, match="does not handle the keyword 'out' on a traced value"):
        grad(lambda x: np.sum(f(x, *limits, out=np.zeros(()))))(x)


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
        (
            onp.ma.array([1.0, 2.0], mask=[0, 1]),
            r"a MaskedArray, whose arithmetic .*numpy.asarray\(x\), and a m",
        ),
        ([x, x.view(Product)], r"at \[1\], is a Product, whose arithmetic is its own"),
        (Named(w=x), "Named .*funad.tree.register.*in argnums$"),
        (Named.__init__, "in argnums$"),
    ],
)
def test_what_is_not_made_of_numbers_is_refused(value, said):
    def f(p):
        return 1.0

    with pytest.raises(ArgumentTypeError, match=said):
        grad(f)(value)


def test_the_object_of_a_method_is_told_from_its_argument():
    class Line:
        @grad
        def at(self, x):
            return 3.0 * x

    with pytest.raises(
        ArgumentTypeError, match=r"argument 0 of at is Line \(self, .* argnums=1 is the argument"
    ):
        Line().at(2.0)


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


@pytest.mark.parametrize(
    "run", [RUNS["jvp"], lambda f: lambda x: linearize(f, x)[1](x), lambda f: lambda x: hvp(f)(x, x)]
)
def test_an_error_in_a_rule_in_forward_mode_names_primitive_and_shapes(run):
    with pytest.raises(ValueError, match="matmul") as caught:
        run(lambda x: np.sum(badly_ruled(x)))(x)
    notes = "".join(caught.value.__notes__)
    assert "badly_ruled for argument 0; called with float64[3]" in notes


def test_an_error_in_a_backward_function_shows_nothing_of_ours():
    with pytest.raises(ZeroDivisionError) as caught:
        grad(custom_vjp(lambda x: x**2, lambda x: (x**2, x), lambda residuals, ybar: 1 // 0))(2.0)
    assert caught.value.__notes__[0].endswith("called with float")


class Model:
    def __call__(self, x):
        return x


@pytest.mark.parametrize(
    ("f", "name"), [(Model(), "Model"), (functools.partial(onp.multiply, 2.0), "multiply")]
)
def test_objects_and_partials_have_a_name_in_messages(f, name):
    with pytest.raises(NonScalarOutputError, match=f"but {name} returned shape"):
        grad(f)(x)
    with pytest.raises(FunadError, match=f"but {name} "):
        grad(f, 7)(x)


def test_shape_errors_inside_f_are_numpys_own():
    with pytest.raises(ValueError, match="could not be broadcast"):
        grad(lambda x: np.sum(x + onp.ones(4)))(x)
    with pytest.raises(IndexError):
        grad(lambda x: x[7])(x)


def test_a_second_rule_is_refused():
    with pytest.raises(DuplicateRuleError, match="argument 0 already"):
        defvjp(half_ruled, lambda y, ybar, a, b: ybar)


def _halved(x, scale=1.0):
    return x * scale / 2


def _lone(f=_halved):
    """Return a new primitive."""
    return primitive(lambda x, scale=1.0: f(x, scale), name="halved")


@pytest.mark.parametrize("define", [defvjp, defjvp, elementwise, linear])
@pytest.mark.parametrize(
    ("rules", "argnums", "said"),
    [
        ([3.0], None, r"a rule is a function of y, [ȳẋ] and the arguments of halved, not float"),
        ([lambda ybar, x: ybar], None, r"argument 0 takes \(ybar, x\), but .* \(x, scale=1.0\)"),
        ([lambda y, ybar, x, scale, n: ybar], None, r"takes \(y, ybar, x, scale, n\), but"),
        ([lambda y, ybar, x: ybar] * 3, None, r"halved has no argument 2: it is halved\(x, scale=1.0\)"),
        ([lambda y, ybar, x: ybar], (-1,), "halved has no argument -1"),
        ([lambda y, ybar, x: ybar], ("size",), "halved has no argument 'size'"),
        ([lambda y, ybar, x: ybar], (0, 1), r"argnums \(0, 1\) names 2 arguments, but there are 1 rules"),
    ],
)
def test_what_cannot_be_a_rule_is_refused_at_the_door(define, rules, argnums, said):
    halved = _lone()
    with pytest.raises(ArgumentError, match=said):
        define(halved, *rules, argnums=argnums)
    define(halved, lambda y, ybar, x, scale=1.0: ybar * scale / 2)  # nothing is left of the refused one
    assert grad(halved)(3.0) == 0.5


def test_functions_and_rules_may_belong_to_no_module():
    names = {"__name__": None}
    exec("def double(x): return x * 2.0\ndef rule(y, ybar, x): return ybar * 2.0", names)
    double = primitive(names["double"])
    defvjp(double, names["rule"])
    assert grad(double)(3.0) == jvp(double, (3.0,), (1.0,))[1] == 2


def test_a_refused_rule_leaves_no_other_behind():
    halved = _lone()
    defvjp(halved, None, lambda y, ybar, x, scale: ybar * x / 2)
    with pytest.raises(DuplicateRuleError):
        defvjp(halved, lambda y, ybar, x, scale=1.0: 7.0, lambda y, ybar, x, scale: 7.0)
    defvjp(halved, lambda y, ybar, x, scale=1.0: ybar * scale / 2)
    assert grad(halved, (0, 1))(3.0, 2.0) == (1.0, 1.5)


def test_a_rule_may_belong_to_a_name_or_to_one_number():
    halved = _lone()
    defvjp(halved, lambda y, ybar, x, scale=1.0: ybar * scale / 2, argnums=0)
    defvjp(halved, lambda y, ybar, x, scale: ybar * x / 2, argnums=("scale",))
    for f in (lambda s: halved(3.0, s), lambda s: halved(3.0, scale=s)):
        assert grad(f)(2.0) == 1.5
    assert grad(lambda x: halved(x=x, scale=4.0))(1.0) == 2.0


@pytest.mark.parametrize("define", [defvjp, elementwise, linear])
@pytest.mark.parametrize("at", [2.0, x])
def test_a_rule_that_returns_nothing_is_named(define, at):
    halved = _lone()
    define(halved, lambda y, ybar, x: None)
    with pytest.raises(CotangentError, match="VJP rule of halved returned None.*return statement"):
        grad(lambda x: np.sum(halved(x)))(at)


def test_partials_and_objects_can_be_primitives():
    scaled = primitive(functools.partial(_halved, scale=4.0))
    defvjp(scaled, lambda y, ybar, x: 2 * ybar)
    assert grad(scaled)(1.0) == 2.0
    with pytest.raises(MissingRuleError, match="_halved, called with float, has no derivative rule"):
        grad(primitive(functools.partial(_halved)))(1.0)
    with pytest.raises(ArgumentError, match="primitive wraps a function, but was given float"):
        primitive(3.0)


def test_a_rule_for_what_is_no_primitive_is_refused():
    with pytest.raises(MissingRuleError, match="funad.primitive first"):
        defvjp(lambda x: x, lambda y, ybar, x: ybar)


def test_boxes_say_what_they_are():
    seen = []
    grad(lambda x: seen.append((repr(x), f"{x:.2f}", "%.2f" % x, "%d and %s" % (x, x))) or x)(1.5)
    assert seen == [("traced 1.5", "1.50", "1.50", "1 and traced 1.5")]
    grad(lambda x: seen.append(str(x)) or onp.sum(x))(onp.array([1.0, 2.0]))
    grad(lambda x: grad(lambda y: seen.append(str(y)) or y)(onp.float64(2.0)) * x)(1.0)
    assert seen[1:] == ["traced array([1., 2.])", "traced 2.0"]


def test_logs_have_the_values(caplog):
    with caplog.at_level("INFO"):
        grad(lambda x: logging.info("x = %.3f, %r", x, x) or x)(1.5)
    assert caplog.messages == ["x = 1.500, traced 1.5"]


def test_what_formats_text_may_be_no_way_around_a_refusal():
    with pytest.raises(NotDifferentiableError, match=r"float\(\)"):
        grad(lambda x: 7 % float(x))(1.5)


# --- Tracebacks


def _files(call):
    with pytest.raises((FunadError, IndexError, TypeError)) as caught:
        call()
    return [step.filename for step in traceback.extract_tb(caught.value.__traceback__)]


FAILING = {
    "grad": lambda f: grad(f)(1.0),
    "vjp": lambda f: vjp(f, 1.0),
    "jvp": lambda f: jvp(f, (1.0,), (1.0,)),
    "hessian": lambda f: hessian(f)(1.0),
    "grad of grad": lambda f: grad(grad(f))(1.0),
    "vmap of grad": lambda f: vmap(grad(f))(onp.ones(2)),
}


@pytest.mark.parametrize("call", FAILING.values(), ids=FAILING)
@pytest.mark.parametrize("f", [lambda x: [][1], lambda x: math.sin(x), lambda x: np.add(x, None)])
def test_a_traceback_has_the_users_lines_alone(call, f, monkeypatch):
    ours = os.path.dirname(funad.__file__)
    files = _files(lambda: call(f))
    assert files.count(__file__) >= 4 and not any(file.startswith(ours) for file in files)
    monkeypatch.setenv("FUNAD_TRACEBACK", "full")
    assert any(file.startswith(ours) for file in _files(lambda: call(f)))


# --- NumPy's warnings


def divided(xp, x):
    a = xp.log(x)
    b = 1 / x
    c = xp.sum(xp.exp(1000 + x))
    d = xp.hypot.reduce(x) / x
    e = onp.sqrt(x - 1)
    return xp.sum(a + b + c + d + e)


def warned(run, action="default"):
    """The warnings of a call: (file, line from the first of ``divided``, message)."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter(action)
        vars(sys.modules[__name__]).pop("__warningregistry__", None)
        run(onp.zeros(2))
    start = divided.__code__.co_firstlineno
    return [(w.filename, w.lineno - start, str(w.message), w.category) for w in seen]


WATCHED = {
    "grad": grad,
    "jvp": lambda f: lambda x: jvp(f, (x,), (x,)),
    "jacobian": jacobian,
    "hessian": lambda f: jacobian(grad(f)),
    "linearize": lambda f: lambda x: linearize(f, x),
    "elementwise_grad": elementwise_grad,
    "checkpoint": lambda f: grad(checkpoint(f)),
}


@pytest.mark.parametrize("differentiate", WATCHED.values(), ids=WATCHED)
def test_floating_point_warnings_point_at_the_users_line_as_numpys_own(differentiate):
    run = differentiate(functools.partial(divided, np))
    wanted = warned(functools.partial(divided, onp))
    assert len(wanted) == 6
    assert wanted[0][0] == __file__
    assert warned(run) == wanted
    with onp.errstate(divide="ignore"):
        assert [w[1] for w in warned(run)] == [3, 4, 5, 6]
    with pytest.raises(RuntimeWarning, match="divide by zero encountered in log"):
        warned(run, "error")


def test_the_state_of_floating_point_errors_is_the_users_again():
    heard = []
    before = onp.geterr(), onp.geterrcall()
    grad(lambda x: x * x)(1.0)
    with pytest.raises(ZeroDivisionError):
        grad(lambda x: 1 / 0)(1.0)
    assert (onp.geterr(), onp.geterrcall()) == before
    with onp.errstate(all="raise"), pytest.raises(FloatingPointError):
        grad(functools.partial(divided, np))(onp.zeros(2))
    with onp.errstate(divide="call", call=lambda *found: heard.append(found)):
        grad(lambda x: np.sum(np.log(x)))(onp.zeros(2))
    assert heard == [("divide by zero", 1)]
    with onp.errstate(under="warn"), pytest.warns(RuntimeWarning, match="underflow") as seen:
        grad(lambda x: np.sum(x * 1e-200))(x * 1e-200)
    assert [w.filename for w in seen] == [__file__]
