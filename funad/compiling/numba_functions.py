"""The functions of a kernel in LLVM, for float64. A loop over those without branches is vectorised.

``exp``, ``tanh``, ``log``, ``log1p``, ``sin`` and ``cos`` are made of polynomials, to 2.5 units in the last
place; the rest are those of the C library. float32 is computed in float64 and rounded once.

References
----------
S. L. Moshier, Methods and Programs for Mathematical Functions (1989): the polynomials of exp, tanh, sin, cos.
W. J. Cody and W. Waite, Software Manual for the Elementary Functions (1980): arguments taken apart.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as onp
from llvmlite import ir
from numba.core import cgutils

from ..numpy.slopes import LITTLE

__all__ = ["DOUBLE", "FLOAT", "FUNCTIONS", "I1", "I8", "I32", "I64", "Functions", "double", "i64"]

DOUBLE, FLOAT = ir.DoubleType(), ir.FloatType()
I1, I8, I32, I64 = map(ir.IntType, (1, 8, 32, 64))
INVALID, MISSED, OTHER = (
    1,
    2,
    4,
)  # what is noted in ``code``: for eager, for another program, for NumPy's source
MAGIC, MAGIC_BITS = 6755399441055744.0, 0x4338000000000000  # 1.5·2⁵²: adding it rounds to an integer
LARGEST_ANGLE = 1.6e6  # up to which n·π/2 is taken off exactly


def double(c: float) -> Any:
    return ir.Constant(DOUBLE, float(c))


def i64(c: int) -> Any:
    return ir.Constant(I64, c)


class Functions:
    """Writes calls of functions at the place where a builder stands; ``note`` notes a condition in code."""

    def __init__(self, builder: Any, note: Any) -> None:
        self.b, self.note = builder, note

    # --- what functions are made of

    def horner(self, x: Any, *cs: float) -> Any:
        """Return a polynomial, highest power first."""
        b = self.b
        return functools.reduce(lambda y, c: b.fadd(b.fmul(y, x), c), map(double, cs))

    def less(self, x: Any, y: Any) -> Any:
        return self.b.fcmp_ordered("<", x, y)

    def is_nan(self, x: Any) -> Any:
        return self.b.fcmp_unordered("uno", x, x)

    def external(self, name: str, *xs: Any) -> Any:
        """Call a function of the C library."""
        kind = ir.FunctionType(xs[0].type, [x.type for x in xs])
        return self.b.call(cgutils.get_or_insert_function(self.b.module, kind, name), xs)

    def intrinsic(self, name: str, *xs: Any) -> Any:
        """Call a function of LLVM."""
        kind = ir.FunctionType(xs[0].type, [x.type for x in xs])
        return self.b.call(self.b.module.declare_intrinsic(f"llvm.{name}", [xs[0].type], kind), xs)

    def absolute(self, x: Any) -> Any:
        return self.intrinsic("fabs", x)

    def sqrt(self, x: Any) -> Any:
        return self.intrinsic("sqrt", x)

    def floor(self, x: Any) -> Any:
        return self.intrinsic("floor", x)

    def ceil(self, x: Any) -> Any:
        return self.intrinsic("ceil", x)

    def trunc(self, x: Any) -> Any:
        return self.intrinsic("trunc", x)

    def copysign(self, x: Any, y: Any) -> Any:
        return self.intrinsic("copysign", x, y)

    # --- exp and what is made of it

    def exp(self, x: Any) -> Any:
        """e^x = 2ⁿ·e^r for x = n·ln 2 + r, by e^r = 1 + 2P/(Q - P)."""
        b = self.b
        x = b.select(self.less(double(710), x), double(710), x)  # a nan stays
        x = b.select(self.less(x, double(-746)), double(-746), x)
        t = b.fadd(b.fmul(x, double(1.4426950408889634)), double(MAGIC))
        n = b.fsub(t, double(MAGIC))
        r = b.fsub(x, b.fmul(n, double(6.93145751953125e-1)))
        r = b.fsub(r, b.fmul(n, double(1.42860682030941723212e-6)))
        z = b.fmul(r, r)
        p = b.fmul(
            r, self.horner(z, 1.26177193074810590878e-4, 3.02994407707441961300e-2, 9.99999999999999999910e-1)
        )
        q = self.horner(
            z, 3.00198505138664455042e-6, 2.52448340349684104192e-3, 2.27265548208155028766e-1, 2.0
        )
        e = b.fadd(double(1), b.fdiv(b.fmul(double(2), p), b.fsub(q, p)))
        k = b.sub(b.bitcast(t, I64), i64(MAGIC_BITS))
        # In two steps, as 2ⁿ may be no normal number where the result is one.
        half = b.sub(b.bitcast(b.fadd(b.fmul(n, double(0.5)), double(MAGIC)), I64), i64(MAGIC_BITS))
        return b.fmul(b.fmul(e, self.power_of_two(half)), self.power_of_two(b.sub(k, half)))

    def power_of_two(self, k: Any) -> Any:
        return self.b.bitcast(self.b.shl(self.b.add(k, i64(1023)), i64(52)), DOUBLE)

    def tanh(self, x: Any) -> Any:
        """(1 - e)/(1 + e) for e = exp(-2|x|); where that cancels, x + x³P/Q."""
        b = self.b
        size = self.absolute(x)
        e = self.exp(b.fmul(size, double(-2)))
        far = b.fdiv(b.fsub(double(1), e), b.fadd(double(1), e))
        is_far = b.fcmp_unordered(">=", size, double(0.625))
        x_near = b.select(is_far, double(0.5), x)  # squares of others might overflow
        z = b.fmul(x_near, x_near)
        p = self.horner(z, -9.64399179425052238628e-1, -9.92877231001918586564e1, -1.61468768441708447952e3)
        q = self.horner(z, 1.0, 1.12811678491632931402e2, 2.23548839060100448583e3, 4.84406305325125486048e3)
        near = b.fadd(x_near, b.fmul(b.fmul(x_near, z), b.fdiv(p, q)))
        y = b.select(is_far, self.copysign(far, x), near)
        return b.select(b.fcmp_ordered("==", x, double(0)), x, y)  # -0 too

    def one_minus_square(self, y: Any, x: Any) -> Any:
        """1 - y² for y = tanh x; where digits cancel, 4e/(1 + e)² for e = exp(-2|x|)."""
        b = self.b
        e = self.exp(b.fmul(self.absolute(x), double(-2)))
        s = b.fadd(double(1), e)
        exact = b.fdiv(b.fmul(double(4), e), b.fmul(s, s))
        return self.unless_little(b.fsub(double(1), b.fmul(y, y)), exact)

    def one_plus(self, y: Any, x: Any) -> Any:
        """1 + y for y = expm1 x."""
        return self.unless_little(self.b.fadd(double(1), y), self.exp(x))

    def unless_little(self, slope: Any, exact: Any) -> Any:
        little = double(LITTLE[onp.dtype(float)])
        return self.b.select(self.b.fcmp_ordered("<=", self.absolute(slope), little), exact, slope)

    def fermi(self, x: Any) -> Any:
        return self.b.fdiv(double(1), self.b.fadd(double(1), self.exp(x)))

    # --- log and what is made of it

    def log(self, x: Any) -> Any:
        """k·ln 2 + log m for x = m·2ᵏ, √½ ≤ m < √2, by log m = 2·artanh((m - 1)/(m + 1))."""
        b = self.b
        tiny = self.less(x, double(2.2250738585072014e-308))
        scaled = b.select(tiny, b.fmul(x, double(2.0**54)), x)
        bits = b.bitcast(scaled, I64)
        root = 0x3FE6A09E667F3BCD  # of one half
        raised = b.lshr(b.add(b.sub(bits, i64(root)), i64(1024 << 52)), i64(52))  # k + 1024
        whole = b.bitcast(b.add(raised, i64(MAGIC_BITS)), DOUBLE)
        k = b.fsub(whole, double(MAGIC + 1024))
        k = b.fsub(k, b.select(tiny, double(54), double(0)))
        m = b.bitcast(b.sub(bits, b.shl(b.sub(raised, i64(1024)), i64(52))), DOUBLE)
        f = b.fsub(m, double(1))
        s = b.fdiv(f, b.fadd(double(2), f))
        z = b.fmul(s, s)
        series = [2 / (2 * j + 3) for j in range(10)]  # of 2·artanh(s)/s - 2, |s| < 0.172
        r = b.fmul(z, self.horner(z, *reversed(series)))
        half = b.fmul(double(0.5), b.fmul(f, f))
        low = b.fadd(b.fmul(s, b.fadd(half, r)), b.fmul(k, double(1.90821492927058770002e-10)))
        y = b.fsub(b.fmul(k, double(6.93147180369123816490e-01)), b.fsub(b.fsub(half, low), f))
        y = b.select(b.fcmp_ordered("==", x, double(0)), double(-math.inf), y)
        y = b.select(b.fcmp_unordered(">=", x, double(math.inf)), x, y)  # infinity and nan
        self.note(self.less(x, double(0)), INVALID)
        return b.select(self.less(x, double(0)), double(math.nan), y)

    def log1p(self, x: Any) -> Any:
        """log u + (x - (u - 1))/u for u = 1 + x: the second term mends the rounding of u."""
        b = self.b
        u = b.fadd(double(1), x)
        y = b.fadd(self.log(u), b.fdiv(b.fsub(x, b.fsub(u, double(1))), u))
        special = b.or_(b.fcmp_ordered("==", u, double(0)), b.fcmp_unordered(">=", x, double(math.inf)))
        y = b.select(special, self.log(u), y)
        return b.select(b.fcmp_ordered("==", x, double(0)), x, y)

    def logaddexp(self, x: Any, y: Any) -> Any:
        """max + log1p(exp(-|x - y|)); of equal infinities, the infinity."""
        b = self.b
        top = self.maximum(x, y)
        same = b.fcmp_ordered("==", x, y)
        gap = b.select(same, double(0), b.fsub(x, y))
        e = self.exp(b.fsub(double(0), self.absolute(gap)))
        u = b.fadd(double(1), e)
        return b.fadd(top, b.fadd(self.log(u), b.fdiv(b.fsub(e, b.fsub(u, double(1))), u)))

    # --- sin and cos

    def quadrant(self, x: Any) -> tuple[Any, Any]:
        """Return (n, x - n·π/2) with n the nearest integer, π/2 taken off in three parts."""
        b = self.b
        self.note(b.fcmp_ordered(">", self.absolute(x), double(LARGEST_ANGLE)), OTHER)
        t = b.fadd(b.fmul(x, double(2 / math.pi)), double(MAGIC))
        n = b.fsub(t, double(MAGIC))
        first = b.fsub(x, b.fmul(n, double(1.57079632673412561417e00)))  # exact, as the products are
        second = b.fmul(n, double(6.07710050630396597660e-11))
        r = b.fsub(first, second)
        lost = b.fsub(b.fsub(first, r), second)
        third = b.fmul(n, double(2.02226624879595063154e-21))
        return b.bitcast(t, I64), b.fsub(r, b.fsub(third, lost))

    def wave(self, x: Any, shift: int) -> Any:
        """sin(x + shift·π/2), by a polynomial of sin or of cos on [-π/4, π/4]."""
        b = self.b
        n, r = self.quadrant(x)
        n = b.add(n, i64(shift)) if shift else n
        z = b.fmul(r, r)
        sine = self.horner(
            z, 1.58962301576546568060e-10, -2.50507477628578072866e-8, 2.75573136213857245213e-6,
            -1.98412698295895385996e-4, 8.33333333332211858878e-3, -1.66666666666666307295e-1,
        )  # fmt: skip
        sine = b.fadd(r, b.fmul(b.fmul(r, z), sine))
        cosine = self.horner(
            z, -1.13585365213876817300e-11, 2.08757008419747316778e-9, -2.75573141792967388112e-7,
            2.48015872888517045348e-5, -1.38888888888730564116e-3, 4.16666666666665929218e-2,
        )  # fmt: skip
        cosine = b.fadd(b.fsub(double(1), b.fmul(double(0.5), z)), b.fmul(b.fmul(z, z), cosine))
        is_odd = b.icmp_signed("!=", b.and_(n, i64(1)), i64(0))
        y = b.bitcast(b.select(is_odd, cosine, sine), I64)
        sign = b.shl(b.and_(n, i64(2)), i64(62))
        return b.bitcast(b.xor(y, sign), DOUBLE)

    def sin(self, x: Any) -> Any:
        return self.b.select(self.b.fcmp_ordered("==", x, double(0)), x, self.wave(x, 0))  # -0 too

    def cos(self, x: Any) -> Any:
        return self.wave(x, 1)

    # --- the others

    def pow(self, x: Any, y: Any) -> Any:
        if isinstance(y, ir.Constant) and y.constant in (2.0, 3.0, 0.5, 1.0, -1.0):
            return {
                2.0: self.square,
                3.0: self.cube,
                0.5: self.root,
                1.0: lambda x: x,
                -1.0: self.reciprocal,
            }[y.constant](x)
        return self.external("pow", x, y)

    def cube(self, x: Any) -> Any:
        return self.b.fmul(self.b.fmul(x, x), x)

    def root(self, x: Any) -> Any:
        """√x as a power: of -0 it is 0, and of -∞ it is ∞, which is left to the C library."""
        self.note(self.b.fcmp_ordered("==", x, double(-math.inf)), OTHER)
        return self.b.fadd(self.sqrt(x), double(0))

    def square(self, x: Any) -> Any:
        return self.b.fmul(x, x)

    def reciprocal(self, x: Any) -> Any:
        return self.b.fdiv(double(1), x)

    def maximum(self, x: Any, y: Any) -> Any:
        return self.larger(">=", x, y)

    def minimum(self, x: Any, y: Any) -> Any:
        return self.larger("<=", x, y)

    def larger(self, sign: str, x: Any, y: Any) -> Any:
        """Return x where it is larger or nan, else y."""
        b = self.b
        if isinstance(x, ir.Constant):
            x, y = y, x
        if isinstance(y, ir.Constant) and not math.isnan(y.constant):
            return b.select(b.fcmp_unordered(sign, x, y), x, y)
        return b.select(b.or_(b.fcmp_ordered(sign, x, y), self.is_nan(x)), x, y)

    def complement(self, x: Any) -> Any:
        return self.b.fmul(self.b.fsub(double(1), x), self.b.fadd(double(1), x))

    def hypot(self, x: Any, y: Any) -> Any:
        return self.external("hypot", x, y)

    def cosine_of(self, x: Any, y: Any) -> Any:
        r = self.hypot(x, y)
        at_origin = self.b.fcmp_ordered("==", r, double(0))
        return self.b.fdiv(x, self.b.select(at_origin, double(math.inf), r))

    def sign(self, x: Any) -> Any:
        b = self.b
        y = b.select(self.less(x, double(0)), double(-1), double(0))
        y = b.select(self.less(double(0), x), double(1), y)
        return b.select(self.is_nan(x), x, y)


# Functions of the C library under their own names.
_OF_C = (
    "expm1", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh", "log2", "log10",
    "exp2", "cbrt", "atan2",
)  # fmt: skip
_OWN = (
    "exp", "tanh", "sin", "cos", "log", "log1p", "sqrt", "floor", "ceil", "trunc", "reciprocal", "copysign",
    "logaddexp", "one_minus_square", "one_plus", "fermi", "complement", "cosine_of", "hypot", "pow",
    "absolute", "square", "sign", "maximum", "minimum",
)  # fmt: skip


def _of_c(name: str) -> Any:
    return lambda functions, *xs: functions.external(name, *xs)


# (functions, *values) ↦ value, of doubles.
FUNCTIONS: dict[str, Any] = {
    **{name: getattr(Functions, name) for name in _OWN}, **{name: _of_c(name) for name in _OF_C}
}  # fmt: skip
