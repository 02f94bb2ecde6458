"""The derivatives at points where mathematics leaves a choice, as one table.

``tests/test_conventions.py`` holds funad to it, to second order and in both modes, and
``python -m tests.conventions`` writes it into ``funad/docs/conventions.md``.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as onp

from funad import numpy as np

PAGE = Path(__file__).parent.parent / "funad" / "docs" / "conventions.md"
COMMAND = "python -m tests.conventions"
inf, nan = math.inf, math.nan

REFUSED = "refused"


@dataclass(frozen=True)
class Row:
    """An expression in x, where it is taken, and its first and second derivatives there."""

    code: str
    x: Any
    first: Any
    second: Any
    why: str = ""
    forward: Any = None  # the first derivative in forward mode, where it is another

    def f(self, x):
        """The expression; of several results the sum."""
        return np.sum(eval(self.code, {"np": np, "inf": inf, "nan": nan}, {"x": x}))


EYE = [[1.0, 0.0], [0.0, 1.0]]
LINE = [[1.0, 0.0], [0.0, 0.0]]
NOTHING = [[0.0, 0.0], [0.0, 0.0]]


def second(**entries):
    """The second derivatives by the four numbers a, b, c, d of a matrix, those that are not 0."""
    h = onp.zeros((4, 4))
    for (m, n), value in entries.items():
        h["abcd".index(m), "abcd".index(n)] = h["abcd".index(n), "abcd".index(m)] = value
    return h.reshape(2, 2, 2, 2).tolist()


SECTIONS = {
    "A zero cotangent is a strong zero": (
        "What a result does not depend on cannot spoil its derivative: 0·∞ and 0·nan are 0, where the "
        "zero is a cotangent or the slope of a step.",
        [
            Row("0 * np.sqrt(x)", 0.0, 0, 0),
            Row("np.sqrt(x) * 0.0", [0.0, 1.0], 0, 0),
            Row("np.sqrt(x)[1]", [0.0, 1.0], [0, 0.5], [[0, 0], [0, -0.25]]),
            Row("np.sum(np.sqrt(x)[1:])", [0.0, 1.0], [0, 0.5], [[0, 0], [0, -0.25]]),
            Row("np.sum(np.log(x), where=[False, True])", [0.0, 1.0], [0, 1], [[0, 0], [0, -1]]),
            Row("np.sqrt(x**2)", 0.0, 0, 0, "as abs(x)"),
            Row("np.sqrt(x[0]**2 + x[1]**2)", [0.0, 0.0], 0, 0, "as hypot"),
            Row("np.sqrt(np.sum(x**2))", [0.0, 0.0], 0, 0, "as norm"),
            Row("np.arccos(np.cos(x))", 0.0, 0, 0, "as abs(x)"),
            Row("np.exp(-1 / x**2)", [0.0], 0, 0),
        ],
    ),
    "The branch that is not taken": (
        "where, select, piecewise and clip pass nothing on from the values that they have not chosen.",
        [
            Row("np.where(x > 0, np.sqrt(x), 0)", 0.0, 0, 0),
            Row("np.where(x > 0, np.log(x), x)", [0.0, -1.0, 1.0], 1, [[0, 0, 0], [0, 0, 0], [0, 0, -1]]),
            Row("np.where(x > 0, 1 / x, 0)", [0.0, 1.0], [0, -1], [[0, 0], [0, 2]]),
            Row("np.where(x == 0, 1, np.sin(x) / x)", 0.0, 0, 0),
            Row("np.where(x > 0, x**-1.5, 0)", [0.0, 1.0], [0, -1.5], [[0, 0], [0, 3.75]]),
            Row("np.select([x > 0], [np.log(x)], x)", [0.0, 1.0], 1, [[0, 0], [0, -1]]),
            Row("np.piecewise(x, [x > 0], [np.log, lambda x: x])", [0.0, 1.0], 1, [[0, 0], [0, -1]]),
            Row("np.clip(np.sqrt(x), 0.5, 1)", [0.0, 4.0], 0, 0),
            Row("np.clip(np.log(x), -9, 9)", 0.0, 0, 0),
            Row("np.maximum(np.log(x), 0)", 0.0, 0, 0),
            Row("np.nan_to_num(np.log(x))", [0.0, 1.0], [0, 1], [[0, 0], [0, -1]]),
            Row("np.fmax(x[0], x[1])", [1.0, nan], [1, 0], 0, "a nan loses against any number"),
            Row("np.nansum(x)", [nan, 1.0], [0, 1], 0),
        ],
    ),
    "Roots and powers at 0": (
        "An infinite slope is said to be infinite, and a step that is flat itself ends it.",
        [
            Row("np.sqrt(x)", 0.0, inf, -inf),
            Row("x**0.5", 0.0, inf, -inf),
            Row("x**1.5", 0.0, 0, inf),
            Row("np.cbrt(x)", 0.0, inf, 0, "the second is -∞ on one side and ∞ on the other"),
            Row("np.sqrt(x)**2", 0.0, 1, nan, "the limit; the second is not known: write x"),
            Row("np.sqrt(x) * np.sqrt(x)", 0.0, 1, nan, "as above: write x"),
            Row("np.cbrt(x)**3", 0.0, 1, nan, "as above"),
            Row("np.cos(np.sqrt(x))", 0.0, -0.5, nan, "as above"),
            Row("x**0.25 * x**0.75", 0.0, 1, nan, "as above"),
            Row("np.sqrt(x) * np.cbrt(x)", 0.0, inf, nan, "as above"),
            Row("np.sqrt(x)**4", 0.0, 0, nan, "0 of the power meets the infinite slope: write x**2"),
            Row("np.cbrt(x)**6", 0.0, 0, nan, "as above"),
            Row("np.arccos(1 - x)**2", 0.0, 2, nan, "as above"),
            Row("np.cbrt(x**3)", 0.0, nan, nan, "an infinite slope has met one of 0: write x"),
            Row("np.sqrt(x**3)", 0.0, 0, nan, "flatter than x; the second is not known: write x**1.5"),
            Row("np.abs(x**1.5)", 0.0, 0, inf),
            Row("np.abs(x)**1.5", 0.0, 0, inf),
            Row("(x * x)**0.75", 0.0, 0, inf),
            Row("x * x * np.log(x)", 0.0, 0, -inf),
            Row("x * x**0.5", 0.0, 0, inf),
            Row("x * np.sqrt(x)", 0.0, 0, inf),
            Row("x**0", 0.0, 0, 0),
            Row("x**1", 0.0, 1, 0),
            Row("x**2", 0.0, 0, 2),
            Row("x**3", 0.0, 0, 0),
            Row("x**0.0", 0.0, 0, 0),
            Row("x**1.0", 0.0, 1, 0),
            Row("x**2.0", 0.0, 0, 2),
            Row("x**np.array([0, 1, 2, 3])", [0.0] * 4, [0, 1, 0, 0], onp.diag([0, 0, 2, 0])),
            Row("np.power(x, np.array([0.0, 1.0, 2.0, 3.0]))", 0.0, 1, 2, "1 and 2 are those of x and x²"),
            Row("np.float_power(x, 2)", 0.0, 0, 2),
            Row("np.square(x)", 0.0, 0, 2),
        ],
    ),
    "Exponents": (
        "Of aᵇ with a ≤ 0 the derivative in b is 0: there the power is 0, or real at whole b alone. "
        "The derivative in a is what it is for that b.",
        [
            Row("0.0**x", 2.0, 0, 0),
            Row("0.0**x", 0.0, 0, 0, "a jump: 1 at 0, and 0 right of it"),
            Row("(-2.0)**x", 3.0, 0, 0),
            Row("x[0]**x[1]", [0.0, 0.0], 0, 0),
            Row("x[0]**x[1]", [0.0, 1.0], [1, 0], [[0, 1], [0, 0]], "not symmetric: ∂/∂b is 0 beside 0 too"),
            Row("x[0]**x[1]", [0.0, 2.0], 0, [[2, 0], [0, 0]]),
            Row("x[0]**x[1]", [-2.0, 3.0], [12, 0], [[-12, 4], [0, 0]], "as above"),
            Row("x[0]**x[1]", [-2.0, -1.0], [-0.25, 0], [[-0.25, 0.25], [0, 0]], "as above"),
            Row("x**3", -2.0, 12, -12),
            Row("x**-1", -2.0, -0.25, -0.25),
            Row("x**np.array([2.0, 3.0])", [-2.0, 0.0], [-4, 0], [[2, 0], [0, 0]]),
        ],
    ),
    "Corners and tips": (
        "Where the slopes of both sides differ, one in between: 0 where that is one of them.",
        [
            Row("np.abs(x)", 0.0, 0, 0),
            Row("np.fabs(x)", 0.0, 0, 0),
            Row("np.abs(x) * x", 0.0, 0, 0),
            Row("np.hypot(x[0], x[1])", [0.0, 0.0], 0, 0),
            Row("np.arctan2(x[0], x[1])", [0.0, 0.0], 0, 0),
            Row("np.angle(x)", 0.0, 0, 0),
            Row("np.copysign(x, 1.0)", 0.0, 0, 0),
            Row("np.sinc(x)", 0.0, 0, -(math.pi**2) / 3, "no corner: the quotient has a limit"),
            Row("np.i0(x)", 0.0, 0, 0.5, "no corner either"),
            Row("np.arcsin(x)", 1.0, inf, inf),
            Row("np.arccos(x)", 1.0, -inf, -inf),
        ],
    ),
    "Ties": (
        "Those that tie for an extreme share its cotangent equally. Sorting is the one permutation "
        "that NumPy has made.",
        [
            Row("np.maximum(x[0], x[1])", [1.0, 1.0], 0.5, 0),
            Row("np.minimum(x[0], x[1])", [1.0, 1.0], 0.5, 0),
            Row("np.fmax(x[0], x[1])", [1.0, 1.0], 0.5, 0),
            Row("np.fmin(x[0], x[1])", [1.0, 1.0], 0.5, 0),
            Row("np.maximum(x, 0)", 0.0, 0.5, 0, "relu"),
            Row("np.clip(x, 0, 1)", [0.0, 1.0, 0.5, 2.0], [0.5, 0.5, 1, 0], 0),
            Row("np.max(x)", [1.0, 3.0, 3.0], [0, 0.5, 0.5], 0),
            Row("np.min(x)", [3.0, 1.0, 1.0], [0, 0.5, 0.5], 0),
            Row("np.nanmax(x)", [nan, 3.0, 3.0], [0, 0.5, 0.5], 0),
            Row("np.ptp(x)", [1.0, 1.0], 0, 0),
            Row("np.ptp(x)", [2.0, 2.0, 1.0, 1.0], [0.5, 0.5, -0.5, -0.5], 0),
            Row("np.median(x)", [1.0, 2.0, 2.0, 2.0, 3.0], [0, 1 / 3, 1 / 3, 1 / 3, 0], 0),
            Row("np.sort(x) * np.array([1.0, 2.0, 3.0])", [2.0, 1.0, 1.0], [3, 1, 2], 0),
            Row("np.argmax(x) * 1.0", [1.0, 1.0], 0, 0),
        ],
    ),
    "Smooth functions of corners, tips and ties": (
        "The choices above are for the first derivative. A function of them that is smooth has its own "
        "second and third derivatives, in every mode; its fourth is refused. Where the second is infinite it "
        "is said to be; a function with a corner keeps the slope of the corner, as if it were constant.",
        [
            Row("np.abs(x)**2", 0.0, 0, 2),
            Row("np.abs(x)**2", [1.0, 0.0], [2, 0], [[2, 0], [0, 2]]),
            Row("np.cosh(np.abs(x))", 0.0, 0, 1),
            Row("np.abs(x)**3", 0.0, 0, 0),
            Row("np.abs(x[0] + 1j * x[1])**2", [0.0, 0.0], 0, [[2, 0], [0, 2]]),
            Row("np.copysign(x, -1.0)**2", 0.0, 0, 2),
            Row("np.linalg.norm(x)**2", [0.0, 0.0], 0, [[2, 0], [0, 2]]),
            Row("np.exp(-np.linalg.norm(x)**2 / 2)", [0.0, 0.0], 0, [[-1, 0], [0, -1]]),
            Row("np.linalg.norm(x) * np.linalg.norm(2 * x)", [0.0, 0.0], 0, [[4, 0], [0, 4]]),
            Row("(1 + np.linalg.norm(x)) * np.exp(-np.linalg.norm(x))", [0.0, 0.0], 0, [[-1, 0], [0, -1]],
                "Matérn 3/2"),
            Row("np.cos(np.hypot(x[0], x[1]))", [0.0, 0.0], 0, [[-1, 0], [0, -1]]),
            Row("np.sinc(np.sqrt(np.sum(x * x)))", [0.0, 0.0], 0,
                [[-(math.pi**2) / 3, 0], [0, -(math.pi**2) / 3]]),
            Row("np.exp(-np.sqrt(x @ np.array([[2.0, 1.0], [1.0, 3.0]]) @ x)**2 / 2)", [0.0, 0.0], 0,
                [[-2, -1], [-1, -3]], "of a Mahalanobis distance"),
            Row("np.arccos(np.cos(x))**2", 0.0, 0, 2),
            Row("np.maximum(x, -x)**2", 0.0, 0, 2),
            Row("np.maximum(x, 0)**2 + np.minimum(x, 0)**2", 0.0, 0, 2),
            Row("np.maximum(x[0], x[1]) * np.minimum(x[0], x[1])", [3.0, 3.0], 3, [[0, 1], [1, 0]]),
            Row("np.clip(x, 0, None)**2 + np.clip(x, None, 0)**2", 0.0, 0, 2),
            Row("np.max(x)**2 + np.median(x)**2 + np.min(x)**2", [1.0, 1.0, 1.0], 2, 2 * onp.eye(3)),
            Row("np.ptp(x)**2", [1.0, 1.0], 0, [[2, -2], [-2, 2]]),
            Row("np.std(x)**2", [1.0, 1.0], 0, [[0.5, -0.5], [-0.5, 0.5]]),
            Row("np.maximum(x * x, 0)", 0.0, 0, 2, "flat at the tie: what the second derivative says"),
            Row("np.maximum(x, 0)**2", 0.0, 0, 1, "0 on one side and 2 on the other"),
            Row("x * np.abs(x)", 0.0, 0, 0, "-2 on one side and 2 on the other"),
        ],
    ),
    "Numbers that are not": (
        "Where a value is nan, so are its derivatives, in both modes: of what is no number, and of real "
        "functions where they are not defined. Functions that pass nans over have the derivative 0 in a nan; "
        "those of sums, of sort and of other linear functions are what they are for numbers; and floor, "
        "round and their like return plain numbers, whose derivative is 0.",
        [
            Row("np.log(x)", [-1.0, 2.0], [nan, 0.5], [[nan, 0], [0, -0.25]]),
            Row("np.log1p(x)", [-2.0, 1.0], [nan, 0.5], [[nan, 0], [0, -0.25]]),
            Row("np.log2(x)", -1.0, nan, nan),
            Row("np.log10(x)", -1.0, nan, nan),
            Row("np.sqrt(x)", -1.0, nan, nan),
            Row("np.arctanh(x)", [-2.0, 0.0, nan], [nan, 1, nan], [[nan, 0, 0], [0, 0, 0], [0, 0, nan]]),
            Row("np.arcsin(x)", 2.0, nan, nan),
            Row("np.where(x > 0, np.log(x), 0)", [-1.0, 1.0], [0, 1], [[0, 0], [0, -1]]),
            Row("np.remainder(x, 2)", [nan, 1.0], [nan, 1], [[nan, 0], [0, 0]]),
            Row("np.remainder(x, 0.0)", 1.0, nan, nan),
            Row("np.remainder(3.0, x)", [nan, 2.0], [nan, -1], [[nan, 0], [0, 0]]),
            Row("np.fmod(x, 2)", [nan, 1.0], [nan, 1], [[nan, 0], [0, 0]]),
            Row("np.divmod(x, 2.0)[1]", [nan, 1.0], [nan, 1], [[nan, 0], [0, 0]]),
            Row("np.modf(x)[0]", [nan, 1.5], [nan, 1], [[nan, 0], [0, 0]]),
            Row("np.frexp(x)[0]", [nan, 1.0], [nan, 0.5], [[nan, 0], [0, 0]]),
            Row("np.sign(x)", [nan, 1.0], [nan, 0], [[nan, 0], [0, 0]]),
            Row("np.heaviside(x, 0.5)", [nan, 1.0], [nan, 0], [[nan, 0], [0, 0]]),
            Row("nan**x", 2.0, nan, nan),
            Row("np.interp(x, [0.0, 1.0], [0.0, 2.0])", [nan, 0.5], [nan, 2], [[nan, 0], [0, 0]]),
            Row("np.interp(0.5, [0.0, 1.0], x)", [nan, 1.0], nan, nan),
            Row("np.floor(x)", [nan, 1.5], 0, 0),
            Row("np.maximum(x, 0)", [nan, 1.0], [nan, 1], [[nan, 0], [0, 0]]),
            Row("np.minimum(x, 0)", [nan, 1.0], [nan, 0], [[nan, 0], [0, 0]]),
            Row("np.clip(x, 0, 2)", [nan, 1.0], [nan, 1], [[nan, 0], [0, 0]]),
            Row("np.fmax(x, nan)", [nan, 1.0], [nan, 1], [[nan, 0], [0, 0]]),
            Row("np.fmin(x, 0)", [nan, 1.0], 0, 0),
            Row("np.abs(x)", [nan, 1.0], [nan, 1], [[nan, 0], [0, 0]]),
            Row("np.max(x)", [nan, 1.0], nan, nan),
            Row("np.min(x)", [nan, 1.0], nan, nan),
            Row("np.ptp(x)", [nan, 1.0], nan, nan),
            Row("np.median(x)", [nan, 1.0], nan, nan),
            Row("np.quantile(x, 0.3)", [nan, 1.0], nan, nan),
            Row("np.std(x)", [nan, 1.0], nan, nan),
            Row("np.nanmax(x)", [nan, 1.0], [0, 1], 0),
            Row("np.nanmedian(x)", [nan, 1.0], [0, 1], 0),
            Row("np.nanquantile(x, 0.3)", [nan, 1.0], [0, 1], 0),
            Row("np.sort(x) * np.array([1.0, 2.0])", [nan, 1.0], [2, 1], 0),
        ],
    ),
    "Products with zeros": (
        "The product of the others, without a division.",
        [
            Row("np.prod(x)", [0.0, 2.0, 3.0], [6, 0, 0], [[0, 3, 2], [3, 0, 0], [2, 0, 0]]),
            Row("np.prod(x)", [0.0, 0.0, 3.0], 0, [[0, 3, 0], [3, 0, 0], [0, 0, 0]]),
            Row("np.prod(x)", [0.0, 0.0, 0.0], 0, 0),
            Row("np.cumprod(x)", [2.0, 0.0, 3.0], [1, 8, 0], [[0, 4, 0], [4, 0, 2], [0, 2, 0]]),
            Row("np.nanprod(x)", [0.0, nan, 3.0], [3, 0, 0], [[0, 0, 1], [0, 0, 0], [1, 0, 0]]),
            Row("np.linalg.multi_dot([x, x, x])", NOTHING, 0, 0),
            Row("np.linalg.det(x)", NOTHING, 0, [[NOTHING[0], [0, 1]], [[0, 0], [-1, 0]],
                                                 [[0, -1], [0, 0]], [[1, 0], [0, 0]]]),
        ],
    ),
    "Norms and spreads": (
        "At 0 a norm has a tip, and so has the standard deviation where all are equal.",
        [
            Row("np.linalg.norm(x)", [0.0, 0.0], 0, 0),
            Row("np.linalg.norm(x, 1)", [0.0, 2.0], [0, 1], 0),
            Row("np.linalg.norm(x, 3)", [0.0, 0.0], 0, 0),
            Row("np.linalg.norm(x, np.inf)", [1.0, 1.0], 0.5, 0),
            Row("np.linalg.vector_norm(x)", [0.0, 0.0], 0, 0),
            Row("np.linalg.norm(x, 'nuc')", NOTHING, 0, 0),
            Row("np.linalg.norm(x, 2)", NOTHING, 0, 0),
            Row("np.linalg.norm(x, 2)", EYE, [[0.5, 0], [0, 0.5]], None, "shared by those that tie"),
            Row("np.linalg.cond(x)", EYE, 0, None, "its least value"),
            Row("np.var(x)", [1.0, 1.0], 0, [[0.5, -0.5], [-0.5, 0.5]]),
            Row("np.var(x)", [1.0], 0, 0),
            Row("np.std(x)", [1.0, 1.0], 0, 0),
            Row("np.std(x)", [0.1, 0.1, 0.1], 0, 0, "if its mean is rounded, too"),
            Row("np.std(x)", [1.0], 0, 0),
            Row("np.nanstd(x)", [1.0, 1.0, nan], 0, 0),
        ],
    ),
    "Matrices without full rank": (
        "pinv and lstsq have the derivative along matrices of the same rank: another step makes them jump.",
        [
            Row("np.linalg.pinv(x)[0, 0]", LINE, [[-1, 0], [0, 0]], None),
            Row("np.linalg.pinv(x)[0, 1]", LINE, [[0, 0], [1, 0]], None),
            Row(
                "np.linalg.qr(x)[0]",
                [[1.0, 2.0], [1.0, 2.0], [0.0, 0.0]],
                REFUSED,
                REFUSED,
                "the second column of Q may point anywhere",
            ),
        ],
    ),
    "Logarithms and infinities": (
        "At -∞ and ∞ the limit, where there is one; two equal infinities share equally.",
        [
            Row("np.log(x)", 0.0, inf, -inf),
            Row("np.logaddexp(x[0], x[1])", [-inf, 1.0], [0, 1], 0),
            Row("np.logaddexp(x[0], x[1])", [-inf, -inf], 0.5, 0),
            Row("np.logaddexp(x[0], x[1])", [inf, 1.0], [1, 0], 0),
            Row("np.logaddexp(x[0], x[1])", [inf, inf], 0.5, 0),
            Row("np.logaddexp(x[0], x[1])", [inf, -inf], [1, 0], 0),
            Row("np.logaddexp2(x[0], x[1])", [-inf, -inf], 0.5, 0),
            Row("np.log(np.sum(np.exp(x)))", [-inf, 1.0], [0, 1], 0, "logsumexp by hand"),
            Row("np.max(x) + np.log(np.sum(np.exp(x - np.max(x))))", [-inf, 1.0], [0, 1], 0, "the safe one"),
            Row("np.exp(x)", -inf, 0, 0),
            Row("np.tanh(x)", inf, 0, 0),
            Row("np.log1p(np.exp(x))", -inf, 0, 0),
            Row("np.reciprocal(x)", 0.0, -inf, inf),
        ],
    ),
    "Repeated eigenvalues and singular values": (
        "What does not depend on the choice of the vectors of a tie, such as V f(w) Vᴴ by `eigh`, U f(s) Vᴴ "
        "or the polar factor U Vᴴ by `svd`, the projector on the vectors of a tie, or a sum of functions "
        "of all values, has its exact derivatives up to the third order in all modes, if values and vectors "
        "come from one call. What depends on that choice is refused by name. A single one of the values "
        "shares the first derivative with the others and has no second. At a defective matrix, where "
        "eigenvalues coincide and have no vectors of their own, `eig` and `eigvals` are refused.",
        [
            Row("np.sum(np.linalg.eigvalsh(x))", EYE, EYE, 0),
            Row("np.sum(np.log(np.linalg.eigvalsh(x)))", EYE, EYE, second(aa=-1, cc=-2, dd=-1)),
            Row("np.linalg.eigvalsh(x)[0]", EYE, [[0.5, 0], [0, 0.5]], REFUSED),
            Row("np.sum(np.linalg.svdvals(x)**2)", EYE, [[2, 0], [0, 2]], second(aa=2, bb=2, cc=2, dd=2)),
            Row("np.sum((np.linalg.svdvals(x) - 1)**2)", EYE, 0, second(aa=2, bb=1, bc=1, cc=1, dd=2)),
            Row("np.sum(np.linalg.svdvals(x)**2)", NOTHING, 0, second(aa=2, bb=2, cc=2, dd=2)),
            Row("np.sum((np.linalg.eigvalsh(x) - 1)**2)", EYE, 0, second(aa=2, cc=4, dd=2)),
            Row("np.real(np.linalg.eigvals(x)[0])", EYE, [[0.5, 0], [0, 0.5]], REFUSED),
            Row("np.linalg.slogdet(x)[1]", EYE, EYE, [[[[-1, 0], [0, 0]], [[0, 0], [-1, 0]]],
                                                      [[[0, -1], [0, 0]], [[0, 0], [0, -1]]]]),
            Row("np.linalg.trace(x)", EYE, EYE, 0),
            Row("np.linalg.norm(x, 'nuc')", EYE, EYE, None, "no kink away from 0"),
            Row(
                "(lambda w, v: np.sum((v * np.exp(w)) @ v.T))(*np.linalg.eigh(x))",
                EYE,
                [[math.e, 0], [2 * math.e, math.e]],
                second(aa=math.e, cc=2 * math.e, dd=math.e, ac=math.e, cd=math.e),
                "the lower triangle is what eigh reads",
            ),
            Row(
                "(lambda u, s, vh: np.sum((u * np.tanh(s)) @ vh))(*np.linalg.svd(x))",
                NOTHING,
                1,
                0,
            ),
            Row("np.matmul(*np.linalg.svd(x)[::2])[0, 1]", EYE, [[0, 0.5], [-0.5, 0]], None),
            Row("np.linalg.eigvals(x)[0]", [[1.0, 1.0], [0.0, 1.0]], REFUSED, REFUSED, "defective"),
            Row("np.roots(x)[0]", [1.0, -2.0, 1.0], REFUSED, REFUSED, "a double root"),
            Row("np.linalg.eigh(x)[1]", EYE, REFUSED, REFUSED),
            Row("np.linalg.svd(x)[0]", EYE, REFUSED, REFUSED),
        ],
    ),
    "Steps": (
        "Where a function is constant between its jumps, 0, at the jumps too.",
        [
            Row("np.sign(x)", 0.0, 0, 0),
            Row("np.floor(x)", 1.0, 0, 0),
            Row("np.round(x)", 0.5, 0, 0),
            Row("np.heaviside(x, 0.5)", 0.0, 0, 0),
            Row("np.remainder(x, 1.0)", 1.0, 1, 0),
            Row("np.modf(x)[0]", 1.0, 1, 0),
        ],
    ),
    "Empty arrays": (
        "Of no elements there is no derivative to take; the gradient is as empty, and no error.",
        [
            Row("np.sum(x)", [], [], 0),
            Row("np.prod(x)", [], [], 0),
            Row("np.max(x, initial=0)", [], [], 0),
            Row("np.linalg.norm(x)", [], [], 0),
            Row("np.sort(x)", [], [], 0),
            Row("np.cumprod(x)", [], [], 0),
            Row("np.dot(x, x)", [], [], 0),
            Row("np.exp(x)", [], [], 0),
        ],
    ),
}  # fmt: skip


# --- the page

_HEAD = f"""# Conventions

Where a function has no derivative, or one that a formula misses, funad returns the value below, always
the same one, in reverse mode and in forward mode. Of an array result it is the derivative of its sum. `f′`
is the gradient and `f″` the Hessian; a single number stands for every element.

Everything here is checked by `tests/test_conventions.py`; this page is written by `{COMMAND}`.
"""


def _show(x):
    """A number, an array or a word, short."""
    if x is None:
        return ""
    if isinstance(x, str):
        return x
    if isinstance(x, (list, tuple, onp.ndarray)):
        return f"[{', '.join(map(_show, x))}]"
    if x != x:
        return "nan"
    names = {inf: "∞", -inf: "-∞", 0.5: "½", 0.25: "¼", -0.25: "-¼", -0.5: "-½"}
    return names.get(x, f"{x:.5g}")


def page():
    """The page as it has to be."""
    parts = [_HEAD]
    for title, (text, rows) in SECTIONS.items():
        parts.append(f"\n## {title}\n\n{text}\n\n| f(x) | x | f′ | f″ | |\n| --- | --- | --- | --- | --- |\n")
        for row in rows:
            cells = (f"`{row.code}`", _show(row.x), _show(row.first), _show(row.second), row.why)
            parts.append(f"| {' | '.join(cells)} |\n".replace("|  |", "| |"))
    return "".join(parts)


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
