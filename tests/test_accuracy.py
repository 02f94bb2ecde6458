"""Every elementwise rule against mpmath over the whole range of floats, and slopes of norms at extremes.

The reference is a difference quotient of the function itself, at a precision at which the quotient has
converged. Nothing is taken from the formulas of the rules.
"""

import functools
import math

import numpy as onp
import pytest
from mpmath import mp, mpf

import funad
import funad.numpy as np
from funad import elementwise_grad, grad, hessian, jacfwd, jacobian, jvp, linearize, vjp
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
from funad.numpy.ties import pole
from funad.numpy.ufuncs import masked
from funad.registry import primitive_of

# --- the functions, as mpmath has them


def _sinc(x):
    return mp.sinc(mp.pi * x)


def _cbrt(x):
    return mp.sign(x) * mp.cbrt(abs(x))


def _remainder(a, b):
    return a - b * mp.floor(a / b)


def _fmod(a, b):
    quotient = a / b
    return a - b * (mp.floor(quotient) if quotient > 0 else mp.ceil(quotient))


def _logaddexp(a, b):
    high, low = max(a, b), min(a, b)
    return high + mp.log1p(mp.exp(low - high)) if high - low < 10000 else high


def _logaddexp2(a, b):
    return _logaddexp(a * mp.log(2), b * mp.log(2)) / mp.log(2)


def everywhere(*args):
    return True


def _near(x):
    return abs(x) < 2000  # beyond, the derivative is no normal number


def _moderate(a, b):
    return a > 0 and abs(b * mp.log(a)) < 2000


def _between_jumps(a, b):
    return b != 0 and not mp.isint(mp.fdiv(a, b, prec=5000))


ONE = {  # function: (what it is, where it is real and smooth)
    np.negative: (lambda x: -x, everywhere),
    np.positive: (lambda x: x, everywhere),
    np.reciprocal: (lambda x: 1 / x, lambda x: x != 0),
    np.square: (lambda x: x * x, everywhere),
    np.sqrt: (mp.sqrt, lambda x: x > 0),
    np.cbrt: (_cbrt, lambda x: x != 0),
    np.exp: (mp.exp, _near),
    np.exp2: (lambda x: mp.mpf(2) ** x, _near),
    np.expm1: (mp.expm1, _near),
    np.log: (mp.log, lambda x: x > 0),
    np.log2: (lambda x: mp.log(x) / mp.log(2), lambda x: x > 0),
    np.log10: (lambda x: mp.log(x) / mp.log(10), lambda x: x > 0),
    np.log1p: (mp.log1p, lambda x: x > -1),
    np.sin: (mp.sin, everywhere),
    np.cos: (mp.cos, everywhere),
    np.tan: (mp.tan, everywhere),
    np.arcsin: (mp.asin, lambda x: abs(x) < 1),
    np.arccos: (mp.acos, lambda x: abs(x) < 1),
    np.arctan: (mp.atan, everywhere),
    np.degrees: (lambda x: x * 180 / mp.pi, everywhere),
    np.rad2deg: (lambda x: x * 180 / mp.pi, everywhere),
    np.radians: (lambda x: x * mp.pi / 180, everywhere),
    np.deg2rad: (lambda x: x * mp.pi / 180, everywhere),
    np.sinh: (mp.sinh, _near),
    np.cosh: (mp.cosh, _near),
    np.tanh: (mp.tanh, _near),
    np.arcsinh: (lambda x: mp.sign(x) * mp.asinh(abs(x)), everywhere),
    np.arccosh: (mp.acosh, lambda x: x > 1),
    np.arctanh: (mp.atanh, lambda x: abs(x) < 1),
    np.sinc: (_sinc, everywhere),
    np.i0: (lambda x: mp.besseli(0, x), _near),
    np.absolute: (abs, lambda x: x != 0),
    np.fabs: (abs, lambda x: x != 0),
    np.nan_to_num: (lambda x: x, everywhere),
    np.real: (lambda x: x, everywhere),
    np.imag: (lambda x: mpf(0), everywhere),
    np.conjugate: (lambda x: x, everywhere),
    np.angle: (lambda x: mpf(0) if x > 0 else +mp.pi, lambda x: x != 0),
    np.real_if_close: (lambda x: x, everywhere),
}

TWO = {
    np.add: (lambda a, b: a + b, everywhere),
    np.subtract: (lambda a, b: a - b, everywhere),
    np.multiply: (lambda a, b: a * b, everywhere),
    np.divide: (lambda a, b: a / b, lambda a, b: b != 0),
    np.power: (lambda a, b: a**b, _moderate),
    np.float_power: (lambda a, b: a**b, _moderate),
    np.remainder: (_remainder, _between_jumps),
    np.fmod: (_fmod, _between_jumps),
    np.logaddexp: (_logaddexp, everywhere),
    np.logaddexp2: (_logaddexp2, everywhere),
    np.arctan2: (lambda a, b: mp.atan2(a, b), lambda a, b: b != 0 or a != 0),
    np.hypot: (lambda a, b: mp.sqrt(a * a + b * b), lambda a, b: a != 0 or b != 0),
    np.maximum: (max, lambda a, b: a != b),
    np.minimum: (min, lambda a, b: a != b),
    np.fmax: (max, lambda a, b: a != b),
    np.fmin: (min, lambda a, b: a != b),
    np.copysign: (lambda a, b: abs(a) * mp.sign(b), lambda a, b: a != 0 != b),
}


# What the table of arguments has no place for, and why it needs none.
OTHERS = {
    np.clip: "a choice among its arguments, as maximum and minimum",
    np.where: "a choice among its arguments",
    keep: "a choice",
    np.ldexp: "a factor of a power of two, below",
    np.nextafter: "slopes 1 and 0",
    np.heaviside: "slopes 0 and 1",
    np.unwrap: "slope 1",
    np.fft.fftfreq: "a quotient by d",
    np.fft.rfftfreq: "a quotient by d",
    masked: "another ufunc, or nothing",
    modified_ratio: "made for i0, which is held",
    sinc_slope: "made for sinc, which is held to second order",
    complement: "made for arcsin and arctanh, which are held to second order",
    cosine_of: "made for hypot, which is held to second order",
    one_minus_square: "made for tanh, which is held to second order",
    one_plus: "made for expm1, which is held to second order",
    fermi: "made for logaddexp, which is held to second order",
    pole: "made for values that coincide, held with the decompositions",
}


def test_every_elementwise_rule_is_held_to_its_function():
    rules = {f for f, _ in funad.rules() if primitive_of(f).kind == "elementwise"}
    # Those of funad.scipy are held by tests of their own.
    own = {f for f in rules if not primitive_of(f).name.startswith(("tests.", "scipy."))}
    assert {primitive_of(f).name for f in own} == {primitive_of(f).name for f in (*ONE, *TWO, *OTHERS)}


# --- their derivatives


@functools.cache
def derivative(f, args, n=0, order=1):
    """Return the derivative of f in its n-th argument, converged to 60 bits."""
    # Of a complex number, the smaller part takes more digits.
    before, bits = None, 3000 if isinstance(args[0], complex) else 200
    while bits < 40000:
        with mp.workprec(bits):
            xs = [mp.mpmathify(x) for x in args]
            h = (abs(xs[n]) or mpf(2) ** -1100) * mpf(2) ** -(bits // (order + 2))

            def at(k, xs=xs, h=h):
                return f(*xs[:n], xs[n] + k * h, *xs[n + 1 :])

            found = (at(1) - at(-1)) / (2 * h) if order == 1 else (at(1) - 2 * at(0) + at(-1)) / h**2
            close = before is not None and abs(found - before) <= abs(found) * mpf(2) ** -60
            # A zero may be no more than a difference of which all digits were lost.
            if close and (found != 0 or bits > 5000 * order):
                return found
        before, bits = found, bits * 2
    raise AssertionError(f"the difference quotient at {args} does not converge")


def disagreement(found, wanted, dtype=float):
    """Say what is wrong with a derivative: it agrees, or neither it nor the true one is a normal number."""
    info = onp.finfo(dtype)
    size = abs(wanted)
    if size > info.max:
        return not abs(found) > info.max / 2
    if size < info.tiny:
        return not abs(found) <= 2 * info.tiny
    return not abs(mp.mpmathify(found.item()) - wanted) <= size * (1e-12 if dtype is float else 1e-5)


def disagreements(f, plain, columns, n, dtype=float):
    """Return where either mode disagrees: (arguments, found, true)."""
    columns = [onp.array(column, dtype) for column in columns]

    def of_x(x):
        return f(*columns[:n], x, *columns[n + 1 :])

    ones = onp.ones_like(columns[n])
    with onp.errstate(all="ignore"):
        backward = vjp(of_x, columns[n])[1](ones)
        forward = jvp(of_x, (columns[n],), (ones,))[1]
    wrong = []
    for args, *found in zip(zip(*columns, strict=True), backward, forward, strict=True):
        args = tuple(x.item() for x in args)
        wanted = derivative(plain, args, n)
        wrong += [(args, x, float(wanted)) for x in found if disagreement(x, wanted, dtype)]
    return wrong


LARGEST = {float: 1.7e308, onp.float32: 3.3e38}
POWERS = {float: (-323, 309, 9), onp.float32: (-45, 39, 3)}
COARSE = {float: (-310, -300, -160, -100, -10, 100, 160, 300), onp.float32: (-44, -30, -18, -8, 8, 18, 30)}
MODERATE = [0.1, 0.3, 0.5, 0.77, 0.9, 0.999, 1.1, 1.5, 2, 3, 4, 5, 7, 9, 10, 12, 15, 18, 19, 20, 25, 30, 40]
FAR = [50, 88, 100, 200, 300, 350, 400, 500, 600, 700, 709, 745, 1000, 1e5 + 0.5, 1e10 + 0.25]


def grid(dtype):
    """Return numbers of both signs, subnormal ones too, over the whole range of floats."""
    sizes = [1.2345678 * 10.0**k for k in range(*POWERS[dtype])] + MODERATE + FAR + [LARGEST[dtype]]
    return [dtype(sign * x) for x in sizes for sign in (1, -1)]


def square(dtype):
    """Return pairs of such numbers, fewer."""
    sizes = [1.2345678 * 10.0**k for k in COARSE[dtype]] + [0.12, 1.2, 1.5, 20.3, 70.0, LARGEST[dtype]]
    xs = [dtype(sign * x) for x in sizes for sign in (1, -1)]
    return [(a, b) for a in xs for b in xs]


def names(fs):
    return [pytest.param(f, id=primitive_of(f).name) for f in fs]


@pytest.mark.parametrize("dtype", [float, onp.float32])
@pytest.mark.parametrize("f", names(ONE))
def test_a_derivative_is_right_over_the_whole_range(f, dtype):
    plain, smooth = ONE[f]
    xs = [x for x in grid(dtype) if smooth(mpf(x.item() if dtype is onp.float32 else x))]
    assert len(xs) > 20
    assert disagreements(f, plain, [xs], 0, dtype) == []


@pytest.mark.parametrize("dtype", [float, onp.float32])
@pytest.mark.parametrize("argnum", [0, 1])
@pytest.mark.parametrize("f", names(TWO))
def test_a_derivative_of_two_is_right_over_the_whole_range(f, argnum, dtype):
    plain, smooth = TWO[f]
    pairs = [pair for pair in square(dtype) if smooth(*(mpf(float(x)) for x in pair))]
    if f in (np.power, np.float_power):
        # Of a subnormal a, aᵇ⁻¹ is infinite also where b·aᵇ⁻¹ is not.
        pairs = [(a, b) for a, b in pairs if a >= onp.finfo(dtype).tiny]
    assert len(pairs) > 20
    assert disagreements(f, plain, zip(*pairs, strict=True), argnum, dtype) == []


TAILS = {
    "tanh": (np.tanh, mp.tanh, [0.3, 5, -12, 20, 100, -300, 350]),
    "expm1": (np.expm1, mp.expm1, [-0.5, -12, -40, -700, 3]),
    "softplus": (
        lambda x: np.logaddexp(x, 0.0),
        lambda x: _logaddexp(x, mpf(0)),
        [0.5, 40, -40, 400, -400, 700],
    ),
    "logaddexp2": (lambda x: np.logaddexp2(x, 0.0), lambda x: _logaddexp2(x, mpf(0)), [0.5, 60, -60, 900]),
    "arctan": (np.arctan, mp.atan, [0.4, 1e10, 1e80, -1e100]),
    "arcsinh": (np.arcsinh, mp.asinh, [0.4, 1e10, 1e80, 1e150]),
    "sinc": (np.sinc, _sinc, [1e-9, 0.3, 2.5, 1e5 + 0.3, 1e10 + 0.25]),
    "log1p": (np.log1p, mp.log1p, [-0.999, 1e-9, 1e100]),
    "hypot": (lambda x: np.hypot(x, 3.0), lambda x: mp.sqrt(x * x + 9), [1e-200, 1.0, 1e6, -1e9, 1e30]),
    "hypot of a small part": (
        lambda x: np.hypot(1e-9, x),
        lambda x: mp.sqrt(x * x + mpf(1e-9) ** 2),
        [1.0, 1e-20],
    ),
    "arcsin": (np.arcsin, mp.asin, [1e-30, 1e-9, -0.3, 0.999999]),
    "arccos": (np.arccos, mp.acos, [1e-30, -1e-9, 0.3, -0.999999]),
    "arctanh": (np.arctanh, mp.atanh, [1e-30, -1e-9, 0.3, 0.999999]),
    "arccosh": (np.arccosh, mp.acosh, [1.000001, 1.5, 1e9, 1e100]),
}


@pytest.mark.parametrize(("f", "plain", "points"), TAILS.values(), ids=TAILS)
@pytest.mark.parametrize("size", [1, 200])
def test_a_second_derivative_is_right_in_the_tails(f, plain, points, size):
    x = onp.repeat(onp.array(points, float), size)
    gradient = elementwise_grad(f)
    with onp.errstate(all="ignore"):
        found = [
            elementwise_grad(gradient)(x),
            jvp(gradient, (x,), (onp.ones_like(x),))[1],
            *([onp.array([grad(grad(f))(point) for point in x.tolist()])] if size == 1 else []),
        ]
    for second in found:
        for point, got in zip(x.tolist(), second, strict=True):
            wanted = derivative(plain, (point,), 0, 2)
            assert abs(got - wanted) <= 1e-11 * abs(wanted), (point, got, float(wanted))


FAR_OUT = [3e200 + 4e200j, -2e160 + 1e170j, 1e-200 + 2e-180j, 0.3 - 0.4j, 5e5 + 2e6j]
STRIP = [20 + 0.5j, -30 + 1j, -340 - 2j, 0.3 + 0.4j, 300 + 3j]
HOLOMORPHIC = {
    np.arctan: (mp.atan, FAR_OUT), np.arctanh: (mp.atanh, FAR_OUT), np.arcsinh: (mp.asinh, FAR_OUT),
    np.arccosh: (mp.acosh, FAR_OUT), np.arcsin: (mp.asin, FAR_OUT), np.arccos: (mp.acos, FAR_OUT),
    np.sqrt: (mp.sqrt, FAR_OUT), np.log: (mp.log, FAR_OUT), np.log1p: (lambda z: mp.log(1 + z), FAR_OUT),
    np.tanh: (mp.tanh, STRIP), np.expm1: (lambda z: mp.exp(z) - 1, STRIP), np.exp: (mp.exp, STRIP),
    np.tan: (mp.tan, [1j * z for z in STRIP]), np.sinc: (_sinc, [0.3 + 0.4j, 12.5 - 2j, 1e5 + 1.5j]),
}  # fmt: skip


@pytest.mark.parametrize("f", names(HOLOMORPHIC))
def test_a_derivative_of_complex_numbers_is_right_far_out(f):
    plain, points = HOLOMORPHIC[f]
    with onp.errstate(all="ignore"):
        found = grad(lambda z: np.sum(f(z)), holomorphic=True)(onp.array(points))
    for point, got in zip(points, found, strict=True):
        wanted = derivative(plain, (point,))
        if onp.finfo(float).tiny < abs(wanted) < onp.finfo(float).max:
            assert abs(mp.mpmathify(got.item()) - wanted) <= 1e-12 * abs(wanted), (point, got, wanted)


# --- norms and deviations: their slopes do not depend on the scale of x

POINTS = onp.array([[3.0, -4.0, 0.5], [1.0, 2.0, -2.0]])
SCALES = [1e-320, 1e-200, 1e-160, 1e160, 1e200, 4e307]
OF_SCALE_ONE = {
    **{
        f"norm {p}": (lambda x, p=p: np.linalg.norm(x[0], p))
        for p in (None, 1, 2, 3, 1.5, -1, 0.5, math.inf)
    },
    **{
        f"norm {p} of columns": (lambda x, p=p: np.sum(np.linalg.norm(x, p, axis=0)))
        for p in (None, 1, 2, 3, 1.5, -math.inf)
    },
    **{
        f"norm {p} of a matrix": (lambda x, p=p: np.linalg.norm(x, p))
        for p in ("fro", "nuc", 1, 2, math.inf)
    },
    "vector_norm": np.linalg.vector_norm,
    "std": np.std,
    "std of rows": lambda x: np.sum(np.std(x, axis=1, ddof=1)),
    "std about a mean": lambda x: np.std(x, mean=x[:1, :1], keepdims=True)[0, 0],
    "std where": lambda x: np.std(x, where=POINTS < 2.5),
    "nanstd": np.nanstd,
    "hypot": lambda x: np.sum(np.hypot(x[0], x[1])),
    "abs of complex": lambda x: np.sum(np.abs(x[0] + 1j * x[1])),
    "norm of complex": lambda x: np.linalg.norm(x[0] + 1j * x[1]),
    "norm 3 of complex": lambda x: np.linalg.norm(x[0] + 1j * x[1], 3),
}  # fmt: skip


@pytest.mark.parametrize("f", OF_SCALE_ONE.values(), ids=OF_SCALE_ONE)
@pytest.mark.parametrize("scale", SCALES)
def test_slopes_do_not_depend_on_the_scale(f, scale):
    x = POINTS * scale
    with onp.errstate(all="ignore"):
        # The true x: a subnormal one has few digits.
        near = x / onp.max(x)
        wanted = grad(f)(near)
        onp.testing.assert_allclose(grad(f)(x), wanted, rtol=1e-12, atol=1e-15)
        onp.testing.assert_allclose(jvp(f, (x,), (POINTS,))[1], onp.sum(wanted * POINTS), rtol=1e-11)


def test_the_slopes_of_rows_of_different_scales_are_those_of_each():
    sizes = onp.array([[1e200], [1e-200]])
    fs = [lambda x, p=p: np.linalg.norm(x, p, axis=1) for p in (2, 3, -2)]
    for f in (*fs, lambda x: np.std(x, axis=1)):
        with onp.errstate(all="ignore"):
            found, wanted = (grad(lambda x, f=f: np.sum(f(x)))(x) for x in (POINTS * sizes, POINTS))
        onp.testing.assert_allclose(found, wanted, rtol=1e-12)


@pytest.mark.parametrize("dtype", [onp.float32, float])
def test_slopes_of_norms_are_those_of_differences_at_scale_one(dtype):
    """What the scales above are compared with, held to the primitives themselves."""
    for name, f in OF_SCALE_ONE.items():
        if "-inf" not in name:
            h = 1e-6 * onp.cos(onp.arange(6.0)).reshape(2, 3)
            wanted = (f(POINTS + h) - f(POINTS - h)) / 2
            onp.testing.assert_allclose(onp.sum(grad(f)(POINTS.astype(dtype)) * h), wanted, rtol=1e-4)


def test_the_curvature_of_norm_and_std_is_right_at_large_scales():
    for f in (np.linalg.norm, np.std):
        x = onp.array([3.0, 4.0, -1.0])
        with onp.errstate(all="ignore"):
            onp.testing.assert_allclose(hessian(f)(x * 2.0**520) * 2.0**520, hessian(f)(x), rtol=1e-12)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("f", "x", "wanted"),
    [
        (np.abs, complex(math.inf, 1), 1),
        (np.abs, complex(1, -math.inf), 1j),
        (np.linalg.norm, onp.array([math.inf, 1.0, -2.0]), [1, 0, 0]),
        (np.linalg.norm, onp.array([[1.0, -math.inf]]), [[0, -1]]),
        (lambda x: np.linalg.norm(x, 3), onp.array([math.inf, 1.0]), [1, 0]),
        (lambda x: np.hypot(x[0], x[1]), onp.array([-math.inf, 1.0]), [-1, 0]),
        (lambda x: np.hypot(x[0], x[1]), onp.array([1.7e308, 1.7e308]), [0.5**0.5, 0.5**0.5]),
    ],
)
def test_what_is_infinite_is_all_of_a_norm(f, x, wanted):
    onp.testing.assert_allclose(grad(f)(x), wanted, rtol=1e-12)


@pytest.mark.filterwarnings("ignore")
def test_a_deviation_of_what_is_infinite_is_none():
    assert onp.isnan(grad(np.std)(onp.array([math.inf, 1.0]))).all()
    assert onp.isnan(jvp(np.std, (onp.array([math.inf, 1.0]),), (onp.ones(2),))[1])


# --- zeros that are none

OVERFLOWS = {
    "log(exp)": lambda x: np.log(np.exp(x)),
    "log1p(exp)": lambda x: np.log1p(np.exp(x)),
    "log(1 + exp)": lambda x: np.log(1 + np.exp(x)),
    "sqrt(exp)": lambda x: np.sqrt(np.exp(2 * x)),
    "a power of exp": lambda x: np.exp(2 * x) ** 0.5,
    "arcsinh(exp)": lambda x: np.arcsinh(np.exp(x)),
    "log of a square": lambda x: np.log(np.square(np.exp(x / 1.5))),
    "log(cosh)": lambda x: np.log(np.cosh(x)),
    "log(sum(exp))": lambda x: np.log(np.sum(np.exp(x))),
    "log(sigmoid)": lambda x: np.log(1 / (1 + np.exp(x))),
    "log(exp) of what underflows": lambda x: np.log(np.exp(-x)),
    "log(exp2) of what underflows": lambda x: np.log(5 * np.exp2(-2 * x)),
    "log of a reshaped exp that underflows": lambda x: np.log(np.reshape(np.exp(-x), np.shape(x))),
    "a quotient by what underflows": lambda x: 1 / (1 / np.exp(x)),
    "log of a tail": lambda x: np.log(1 - np.tanh(x)),
    "root of a square": lambda x: np.sqrt((x * 1e200) * (x * 1e200)),
    "log of a product": lambda x: np.log((x * 1e200) * (x * 1e200)),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("f", OVERFLOWS.values(), ids=OVERFLOWS)
def test_a_slope_that_vanishes_because_a_step_has_overflowed_is_nan(f):
    assert math.isnan(grad(f)(800.0)) and math.isnan(jvp(f, (800.0,), (1.0,))[1])
    assert math.isnan(grad(grad(f))(800.0))
    x = onp.array([800.0, 1.0])

    def total(x):
        return np.sum(f(x))

    assert math.isnan(grad(total)(x)[0]) and math.isnan(vjp(total, x)[1](1.0)[0])
    assert math.isnan(linearize(total, x)[1](onp.array([1.0, 0.0])))
    assert math.isnan(jacobian(total)(x)[0])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("f", "x", "wanted"),
    [
        (lambda x: 1 / (1 + np.exp(x)), 800.0, 0),
        (lambda x: np.tanh(np.exp(x)), 800.0, 0),
        (lambda x: np.exp(-np.exp(x)), 800.0, 0),
        (lambda x: np.where(x < 1, np.log(np.exp(x)), 3 * x), 800.0, 3),
        (lambda x: np.sum(np.where(x < 1, x, np.log(np.exp(x))) * [1, 0]), onp.array([0.5, 800.0]), [1, 0]),
        (lambda x: np.sqrt(np.square(x)), 0.0, 0),
        (lambda x: np.sum(np.log(x[:1]) + np.sqrt(np.square(x[1:]))), onp.zeros(2), [math.inf, 0]),
        (lambda x: np.sqrt(np.exp(-x)), 2000.0, 0),
        (np.log, math.inf, 0),
        (np.sqrt, math.inf, 0),
        (lambda x: 2 * np.log(x), math.inf, 0),
        (lambda x: np.maximum(np.exp(x), math.inf), 2.0, 0),
        (lambda x: np.hypot(np.exp(x), math.inf), 2.0, 0),
        (lambda x: np.sum(np.log(x**2)), onp.array([0.0, 1.0]), [0, 2]),
    ],
)
def test_a_zero_that_is_one_stays_one_beside_what_is_infinite(f, x, wanted):
    onp.testing.assert_array_equal(grad(f)(x), wanted)
    if onp.isnan(f(x)):
        return  # the tangent of log(exp(800)) is nan before a zero follows
    rows = [jvp(f, (x,), (v,))[1] for v in onp.eye(onp.size(x)).reshape(-1, *onp.shape(x))]
    onp.testing.assert_array_equal(onp.reshape(rows, onp.shape(wanted)), wanted)
    onp.testing.assert_array_equal(jacfwd(f)(x), wanted)


@pytest.mark.filterwarnings("ignore")
def test_an_underflow_is_seen_behind_a_root():
    def f(x):
        return np.log(np.sqrt(np.exp(-x)))

    assert math.isnan(grad(f)(800.0)) and math.isnan(jvp(f, (800.0,), (1.0,))[1])


@pytest.mark.filterwarnings("ignore")
def test_a_tangent_of_zeros_stays_one_at_an_infinite_value():
    assert jacfwd(np.log)(onp.array([0.0, 1.0])).tolist() == [[math.inf, 0], [0, 1]]
    x = onp.array([800.0, 1.0])
    found = jvp(lambda x: (np.log(np.exp(-x)), np.exp(-x)), (x,), (onp.array([0.0, 1.0]),))[1]
    onp.testing.assert_allclose(found, [[0, -1], [0, -math.exp(-1)]])


# --- products with steps that leave the floats

OF_PRODUCTS = {
    "small ones first": [1e-200, 2e-200, 1e200, 3e200],
    "large ones first": [1e200, -2e200, 1e-200, 3e-200],
    "of both kinds": [1e-300, 1e300, 1e300, 1e-300, 5.0],
    "with a zero": [1e-200, 1e-200, 0.0, 1e200, 1e200],
    "of the least of numbers": [5e-324, 1e308, 4e15, 2.0],
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("x", OF_PRODUCTS.values(), ids=OF_PRODUCTS)
def test_the_gradient_of_a_product_does_not_depend_on_its_steps(x):
    x = onp.array(x)
    with mp.workprec(300):
        wanted = [float(mp.fprod(mpf(b) for k, b in enumerate(x.tolist()) if k != n)) for n in range(x.size)]
    onp.testing.assert_allclose(grad(np.prod)(x), wanted, rtol=1e-14)
    onp.testing.assert_allclose(jacfwd(np.prod)(x), wanted, rtol=1e-14)
    onp.testing.assert_allclose(grad(lambda x: np.sum(np.prod(x, axis=1)))(x[None])[0], wanted, rtol=1e-14)
    with mp.workprec(300):
        first = [
            float(mp.fprod(mpf(b) for k, b in enumerate(x.tolist()) if k not in (0, n)))
            for n in range(1, x.size)
        ]
    onp.testing.assert_allclose(hessian(np.prod)(x)[0, 1:], first, rtol=1e-13)


# --- powers


@pytest.mark.parametrize("n", [4, 3.0, 5, -0.5, 1, 0, 2])
@pytest.mark.parametrize("size", [3, 2000])
def test_a_power_of_many_numbers_is_that_of_each(n, size):
    """Among them such that xⁿ is 0, subnormal or infinite, where y/x has no digits."""
    points = {"d": [0.0, 1e-100, 1e-77, 0.5, 2.0, 1e50], "f": [0.0, 1e-20, 1e-10, 0.5, 2.0, 1e7]}
    for kind, tolerance in (("d", 1e-12), ("f", 1e-5)):
        x = onp.resize(onp.array(points[kind], kind), size)
        with onp.errstate(all="ignore"):
            found = elementwise_grad(lambda x: x**n)(x)
            wanted = [n * x.dtype.type(point) ** x.dtype.type(n - 1) if n else 0.0 for point in points[kind]]
        onp.testing.assert_allclose(found, onp.resize(wanted, size), rtol=tolerance)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("a", [math.inf, onp.array([math.inf, 2.0]), onp.float32(math.inf)])
def test_a_power_of_infinity_that_is_0_does_not_depend_on_its_exponent(a):
    b = onp.full(onp.shape(a), -1.5)[()]
    found = [
        elementwise_grad(lambda b: a**b)(b),
        jvp(lambda b: a**b, (b,), (onp.ones_like(b)[()],))[1],
    ]
    for bbar in found:
        assert onp.ravel(bbar)[0] == 0
        onp.testing.assert_allclose(onp.ravel(bbar)[1:], [2**-1.5 * math.log(2)][: onp.size(a) - 1])


# --- roots in the precision of long doubles, whose least numbers are 0 as Python's floats

ROOTS = {
    "norm": np.linalg.norm,
    "norm of an order": lambda x: np.linalg.norm(x, 3),
    "norm along an axis": lambda x: np.linalg.norm(x, axis=0),
    "std": np.std,
    "hypot": lambda x: np.hypot(x[0], x[1]),
    "complex abs": lambda x: np.abs(x[0] + 1j * x[1]),
}


@pytest.mark.parametrize("name", ROOTS)
@pytest.mark.parametrize("exponent", [0, -9000, 9000])
def test_roots_of_long_doubles_have_their_gradient(name, exponent):
    if exponent and onp.finfo(onp.longdouble).maxexp < 10000:
        pytest.skip("here, long doubles are doubles")
    f, x = ROOTS[name], onp.array([3, 4], onp.longdouble)
    with onp.errstate(all="ignore"):  # of NumPy's own squares
        found = grad(f)(onp.ldexp(x, exponent))
    assert found.dtype == onp.longdouble
    onp.testing.assert_allclose(found, grad(f)(x.astype(float)), rtol=1e-15)  # of degree 0


@pytest.mark.parametrize("name", ROOTS)
def test_roots_of_long_doubles_have_their_hessian(name):
    f, x = ROOTS[name], onp.array([3, 4], onp.longdouble)
    onp.testing.assert_allclose(hessian(f)(x), hessian(f)(x.astype(float)), rtol=1e-13, atol=1e-15)
