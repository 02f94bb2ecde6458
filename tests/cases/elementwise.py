"""Where to draw the arguments of funad.numpy.elementwise from."""

import math

import hypothesis.strategies as st
import numpy as onp
from hypothesis.extra import numpy as hnp

import funad.numpy as np
from funad import elementwise_grad, grad
from funad.numpy.elementwise import (
    complement,
    cosine_of,
    fermi,
    keep,
    modified_ratio,
    one_minus_square,
    one_plus,
    sinc_slope,
)
from funad.testing import Call, Case, arrays, broadcasting, call, calls, case, one, shapes

inf, nan, pi = math.inf, math.nan, math.pi


# --- strategies


@st.composite
def plane(draw, shape=None):
    """Draw complex arrays away from both axes, on which all the branch cuts lie."""
    z = draw(arrays(shape, 0.2, 1.5, complex=True))
    quadrants = onp.array([1, 1j, -1, -1j])
    return z * onp.resize(onp.roll(quadrants, draw(st.integers(0, 3))), z.shape)


@st.composite
def away(draw, shape=None):
    """Draw numbers of both signs away from zero."""
    x = draw(arrays(shape, 0.5, 2.0))
    return x * onp.resize(onp.array([1.0, -1.0, -1.0]), x.shape)


@st.composite
def apart(draw, n=2):
    """Draw arrays that broadcast, and of which no two elements are near each other."""
    group = draw(hnp.mutually_broadcastable_shapes(num_shapes=n, max_dims=3, max_side=3, min_side=0))
    steps = [draw(arrays(shape)).round(1) for shape in group.input_shapes]
    return tuple(onp.asarray(x + 0.03 * k) for k, x in enumerate(steps))


@st.composite
def dividends(draw):
    """Draw a and b so that a/b is away from the integers."""
    size = draw(st.floats(0.5, 2.0)) * draw(st.sampled_from([-1, 1]))
    b = draw(st.just(size) | shapes().map(lambda shape: onp.full(shape, size)))
    fraction, whole = draw(arrays(onp.shape(b), 0.1, 0.9)), draw(st.integers(-3, 3))
    return call(size * (fraction + whole), b)


def holomorphic(low=-2.0, high=2.0, **options):
    """Return the case of a function of real numbers in [low, high] and of the complex ones."""
    return case(arrays(None, low, high) | plane(), **options)


def stepwise(low=-2.0, high=2.0, **options):
    """Return the case of a function with jumps or kinks at 0."""
    return case(away(), complex=False, **options)


# --- the cases

of_two = Case(broadcasting().draw | calls(plane((2, 1)), plane((3,))) | calls(plane(()), arrays((2,))))
quotients = Case(
    calls(arrays((2, 3)), away((3,))) | calls(plane((2, 1)), away((3,))) | broadcasting(0.5, 2.0).draw
)
powers = Case(
    broadcasting(0.5, 2.0).draw
    | calls(away(), st.integers(-3, 4))
    | calls(away((2, 3)), st.just(onp.array([-2, 0, 3])))
    | calls(plane((2, 1)), arrays((2,)) | plane((2,)))
    | calls(plane(), st.integers(-2, 3)),
    examples=(
        *(call(onp.array([0.0, -1.5, 0.7]), n) for n in (0, 1, 2, 3)),
        call(onp.array([0.0, -1.5, 0.7]), onp.array([2, 3, -1])),
        call(onp.array([0.0, 0.0]), onp.array([1.0, 2.0]) * 3),
        call(2, onp.array([0.5, -1.5])),
        *(call(onp.linspace(0.5, 2.0, 1001), n) for n in (4, -0.5)),
        call(0.7, 2.5),
        call(0.7, 2),
        call(-0.7, 3),
        call(onp.array([-1.5, 0.7]), onp.array([1.0 + 2.0j, 0.5j])),
    ),
)
chosen = Case(apart().map(lambda xs: call(*xs)), examples=(call(0.5, 1.0), call(2.0, 1), call(-1.0, 0.0)))
hyperbola = Case(broadcasting(0.2, 2.0).draw | calls(away((2, 1)), away((3,))), complex=False)
logaddexps = broadcasting(complex=False, examples=(call(800.0, 0.0), call(0.3, -900.0), call(-inf, 1.5)))


@st.composite
def clips(draw):
    """Draw a and either or both of its bounds, in each spelling that NumPy has for them."""
    a, lower, upper = draw(apart(3))
    short = ["short"] if hasattr(onp, "cumulative_sum") else []  # NumPy 2.1
    spelling = draw(st.sampled_from(["positions", "positions", "mixed", "names", *short]))
    given_lower, given_upper = draw(st.sampled_from([(True, True), (True, False), (False, True)]))
    lower, upper = (lower if given_lower else None), (upper if given_upper else None)
    if spelling == "positions":
        return call(a, lower, upper)
    if spelling == "mixed":
        return call(a, lower, a_max=upper)
    return call(a, a_min=lower, a_max=upper) if spelling == "names" else call(a, min=lower, max=upper)


@st.composite
def branches(draw):
    """Draw a condition and two branches that broadcast."""
    group = draw(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=3, min_side=0))
    condition, a, b = (draw(arrays(shape)) for shape in group.input_shapes)
    if draw(st.booleans()):
        b = b * (1 + 1j)
    return call(draw(st.sampled_from([condition, condition > 0, True, False])), a, b)


CASES = {
    np.add: of_two,
    np.subtract: of_two,
    np.multiply: of_two,
    np.divide: quotients,
    np.negative: holomorphic(),
    np.positive: holomorphic(),
    np.reciprocal: case(away() | plane()),
    np.power: powers,
    np.float_power: powers,
    np.remainder: Case(dividends(), complex=False),
    np.fmod: Case(dividends(), complex=False),
    np.divmod: Case(dividends(), complex=False),
    np.modf: case(arrays(None, 0.1, 0.9).map(lambda x: x - 2), complex=False),
    np.square: holomorphic(),
    np.sqrt: holomorphic(0.1, 4.0),
    np.cbrt: stepwise(),
    np.exp: holomorphic(),
    np.exp2: holomorphic(),
    np.expm1: holomorphic(examples=(call(1e-9), call(-40.0))),
    np.log: holomorphic(0.2, 10.0),
    np.log2: holomorphic(0.2, 10.0),
    np.log10: holomorphic(0.2, 10.0),
    np.log1p: holomorphic(-0.7, 10.0),
    np.logaddexp: logaddexps,
    np.logaddexp2: logaddexps,
    np.sin: holomorphic(),
    np.cos: holomorphic(),
    np.tan: holomorphic(-1.2, 1.2),
    np.arcsin: holomorphic(-0.8, 0.8),
    np.arccos: holomorphic(-0.8, 0.8),
    np.arctan: holomorphic(),
    np.arctan2: hyperbola,
    np.hypot: hyperbola,
    np.degrees: one(complex=False),
    np.rad2deg: one(complex=False),
    np.radians: one(complex=False),
    np.deg2rad: one(complex=False),
    np.sinh: holomorphic(),
    np.cosh: holomorphic(),
    np.tanh: holomorphic(-2.0, 2.0, examples=(call(onp.array([1000.0, -1000.0])),)),
    np.arcsinh: holomorphic(),
    np.arccosh: holomorphic(1.3, 4.0),
    np.arctanh: holomorphic(-0.8, 0.8),
    np.sinc: holomorphic(examples=(call(onp.array([0.0, 1e-9, -1e-3, 1.0])), call(0.0))),
    np.i0: one(-5.0, 5.0, complex=False, examples=(call(onp.array([0.0, -29.0, 1e-9])),)),
    # Functions of y; what x says more is less than a difference can show.
    one_minus_square: case(arrays(None, -0.9, 0.9) | plane(), st.just(0.0)),
    one_plus: case(arrays(None, -0.9, 2.0) | plane(), st.just(0.0)),
    complement: one(complex=False, examples=(call(1.0), call(-1e-30))),
    cosine_of: hyperbola,
    fermi: one(complex=False, examples=(call(700.0), call(-30.0))),
    sinc_slope: case(arrays() | plane(), st.integers(0, 3), examples=(call(7.0, 2),)),
    modified_ratio: case(arrays(), st.integers(0, 3), complex=False, examples=(call(0.0, 1),)),
    np.maximum: chosen,
    np.minimum: chosen,
    np.fmax: chosen,
    np.fmin: chosen,
    np.clip: Case(
        clips(),
        frozenset({"a_min", "a_max"}),
        (call(0.5, 0.0, 1.0), call(-0.5, 0, 1), call(0.5, [0.0, 0.7], None), call(0.5, 0.8, 0.2)),
    ),
    np.absolute: case(away() | plane(), examples=(call(-0.5), call(0.5))),
    np.fabs: stepwise(),
    np.sign: case(away() | plane()),
    np.copysign: case(away((2, 1)), away((3,)), complex=False),
    np.heaviside: Case(
        calls(away((2, 3)), arrays((3,))), complex=False, examples=(call(onp.array([0, -1, 1]), 0.5),)
    ),
    # x and y_ are positional: every call has them.
    np.where: Case(
        branches(),
        frozenset({"x", "y_"}),
        (call([True, False], [1.0, 2.0], 3.0), call(1, 2.0, 3.0), call(True, 2.0, 3.0)),
    ),
    keep: Case(
        calls(arrays((2, 3)) | plane((2, 3)), arrays((3,)).map(lambda x: x > 0))
        | calls(arrays((3,)), arrays((2, 3)))
        | calls(arrays(()), arrays((2,)).map(lambda x: x > 0)),
    ),
    np.nan_to_num: case(
        arrays() | plane(),
        copy=st.just(True),
        nan=st.floats(-1, 1),
        posinf=st.floats(0, 9),
        neginf=st.floats(-9, 0),
        examples=(
            call(onp.array([nan, 1.5, inf, -inf]), nan=0.3),
            call(onp.array([complex(nan, 1), complex(2, inf), 1 + 1j])),
            call(nan),
            call(0.5),
        ),
    ),
    np.real: holomorphic(),
    np.imag: holomorphic(),
    np.conjugate: holomorphic(),
    np.angle: case(away() | plane(), deg=st.booleans()),
    np.real_if_close: case(arrays() | plane(), tol=st.sampled_from([10, 1000])),
    np.ldexp: case(arrays((2, 3)), st.integers(-3, 3), complex=False, examples=(call(0.5, [1, -2]),)),
    np.frexp: case(arrays(None, 0.55, 0.95).map(lambda x: -4 * x), complex=False),
    np.nextafter: case(arrays((2, 1)), arrays((3,), 3.0, 4.0), complex=False),
}


# --- conventions, where differences have no answer; each holds for ȳ = 1


def quiet(f):
    """Run f without the warnings that NumPy gives at poles."""

    def quietly(*args):
        with onp.errstate(all="ignore"):
            return f(*args)

    return quietly


x3 = onp.array([0.0, -2.0, 1.5])

KINKS = {
    # name: (f, call, argument, x̄)
    "power-0": (lambda x: x**0, call(x3), 0, [0.0, 0.0, 0.0]),
    "power-1": (lambda x: x**1, call(x3), 0, [1.0, 1.0, 1.0]),
    "power-2-second": (elementwise_grad(lambda x: x**2), call(x3), 0, [2.0, 2.0, 2.0]),
    "power-1-second": (elementwise_grad(lambda x: x**1), call(x3), 0, [0.0, 0.0, 0.0]),
    "power-0-second": (elementwise_grad(lambda x: x**0), call(x3), 0, [0.0, 0.0, 0.0]),
    "power-3-second": (elementwise_grad(lambda x: x**3), call(x3), 0, [0.0, -12.0, 9.0]),
    "power-2-of-a-float-second": (grad(lambda x: x**2), call(0.0), 0, 2.0),
    "power-array-of-exponents": (np.power, call(onp.zeros(4), onp.arange(4.0)), 0, [0.0, 1.0, 0.0, 0.0]),
    "power-exponent-of-zero": (np.power, call(onp.zeros(3), onp.array([2.0, 0.5, 0.0])), 1, [0.0, 0.0, 0.0]),
    "power-exponent-of-negative": (np.power, call(-2.0, 3.0), 1, 0.0),
    "power-negative-base": (np.power, call(onp.array([-2.0, -0.5]), onp.array([3.0, -1.0])), 0, [12.0, -4.0]),
    "absolute": (np.absolute, call(onp.array([0.0, -0.0])), 0, [0.0, 0.0]),
    "absolute-of-a-float": (np.absolute, call(0.0), 0, 0.0),
    "absolute-complex": (lambda x: np.absolute(x * (1 + 1j)), call(onp.zeros(1)), 0, [0.0]),
    "fabs": (np.fabs, call(onp.array([0.0])), 0, [0.0]),
    "sign": (np.sign, call(onp.array([0.0, 2.0])), 0, [0.0, 0.0]),
    "sign-complex": (lambda x: np.real(np.sign(x * (1 + 1j))), call(onp.zeros(1)), 0, [0.0]),
    "copysign": (np.copysign, call(onp.array([0.0, -2.0]), -1.0), 0, [0.0, 1.0]),
    "hypot-a": (np.hypot, call(onp.array([0.0, 3.0]), onp.array([0.0, 4.0])), 0, [0.0, 0.6]),
    "hypot-b": (np.hypot, call(0.0, 0.0), 1, 0.0),
    "hypot-second": (elementwise_grad(lambda x: np.hypot(x, 0.0)), call(onp.zeros(1)), 0, [0.0]),
    "arctan2-a": (np.arctan2, call(onp.zeros(2), onp.array([0.0, 2.0])), 0, [0.0, 0.5]),
    "arctan2-b": (np.arctan2, call(0.0, 0.0), 1, 0.0),
    "angle": (lambda x: np.angle(x * (1 + 1j)), call(onp.zeros(1)), 0, [0.0]),
    "sinc": (np.sinc, call(onp.array([0.0])), 0, [0.0]),
    "sinc-second": (elementwise_grad(np.sinc), call(onp.array([0.0, 1e-9])), 0, [-(pi**2) / 3] * 2),
    "i0-second": (elementwise_grad(np.i0), call(onp.array([0.0])), 0, [0.5]),
    "sqrt-squared": (quiet(lambda x: np.sqrt(x) ** 2), call(onp.array([0.0, 2.0])), 0, [1.0, 1.0]),
    "sqrt-times-zero": (lambda x: 0.0 * np.sqrt(x), call(0.0), 0, 0.0),
    "maximum-tie": (np.maximum, call(onp.array([1.0, 2.0]), 1.0), 0, [0.5, 1.0]),
    "maximum-tie-b": (np.maximum, call(1.0, 1.0), 1, 0.5),
    "maximum-of-itself": (lambda x: np.maximum(x, x), call(x3), 0, [1.0, 1.0, 1.0]),
    "minimum-of-itself": (lambda x: np.minimum(x, x), call(1.0), 0, 1.0),
    "fmax-nan": (np.fmax, call(onp.array([nan, 1.0, 1.0]), onp.array([1.0, nan, 1.0])), 0, [0.0, 1.0, 0.5]),
    "fmin-nan": (np.fmin, call(onp.array([nan, 1.0, 1.0]), onp.array([1.0, nan, 1.0])), 1, [1.0, 0.0, 0.5]),
    "fmax-of-sqrt": (quiet(lambda x: np.fmax(np.log(x) - np.log(x), 1.0)), call(onp.array([0.0])), 0, [0.0]),
    "sqrt-of-maximum": (lambda x: np.sqrt(np.maximum(x, 0.0)), call(onp.array([-1.0, 4.0])), 0, [0.0, 0.25]),
    "clip-at-its-bounds": (np.clip, call(onp.array([0.0, 0.5, 1.0]), 0.0, 1.0), 0, [0.5, 1.0, 0.5]),
    "clip-lower": (np.clip, call(onp.array([0.0, -1.0]), onp.zeros(2), 1.0), 1, [0.5, 1.0]),
    "clip-upper": (np.clip, call(onp.array([1.0, 2.0]), 0.0, onp.ones(2)), 2, [0.5, 1.0]),
    "clip-lower-by-name": (
        lambda x: np.clip(0.5, a_min=x, a_max=3.0),
        call(onp.array([0.7, 0.2])),
        0,
        [1.0, 0.0],
    ),
    "clip-upper-by-name": (lambda x: np.clip(0.5, max=x), call(onp.array([0.7, 0.2])), 0, [0.0, 1.0]),
    "clip-crossed-bounds": (np.clip, call(0.0, 2.0, 1.0), 2, 1.0),
    "logaddexp-of-nothing": (
        np.logaddexp,
        call(onp.array([-inf, 1.0]), onp.array([-inf, -inf])),
        0,
        [0.5, 1.0],
    ),
    "logaddexp-inf-a": (
        np.logaddexp,
        call(onp.array([inf, inf, 1.0]), onp.array([1.0, inf, inf])),
        0,
        [1, 0.5, 0],
    ),
    "logaddexp-inf-b": (np.logaddexp, call(inf, 1.0), 1, 0.0),
    "logaddexp2-of-nothing": (np.logaddexp2, call(-inf, -inf), 1, 0.5),
    "logaddexp-extreme": (np.logaddexp, call(onp.array([1e4, -1e4]), 0.0), 0, [1.0, 0.0]),
    "tanh-extreme": (np.tanh, call(onp.array([1e4, -1e4])), 0, [0.0, 0.0]),
    "expm1-extreme": (np.expm1, call(onp.array([-1e4, -inf])), 0, [0.0, 0.0]),
    "heaviside": (np.heaviside, call(onp.array([0.0, 1.0]), onp.array([0.5, 0.5])), 1, [1.0, 0.0]),
    "where-sqrt": (lambda x: np.where(x > 0, np.sqrt(x), 0), call(onp.array([0.0, 4.0])), 0, [0.0, 0.25]),
    "where-log": (
        quiet(lambda x: np.where(x > 0, np.log(x), 0)),
        call(onp.array([0.0, -1.0, 4.0])),
        0,
        [0.0, 0.0, 0.25],
    ),
    "where-sinc": (quiet(lambda x: np.where(x == 0, 1, np.sin(x) / x)), call(onp.zeros(1)), 0, [0.0]),
    "where-isnan": (lambda x: np.where(np.isnan(x), 0, x**2), call(onp.array([nan, 3.0])), 0, [0.0, 6.0]),
    "nan_to_num": (np.nan_to_num, call(onp.array([nan, inf, 2.0])), 0, [0.0, 0.0, 1.0]),
    "imag-of-real": (np.imag, call(onp.array([1.0, 0.0])), 0, [0.0, 0.0]),
    "remainder-jump": (np.remainder, call(onp.array([4.0]), 2.0), 0, [1.0]),
}
