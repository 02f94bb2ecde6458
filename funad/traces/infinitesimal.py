"""What stands for the size of a kink while its derivative is differentiated again.

At the tip of r = ‖x‖ the slope x/r is a choice, 0. Its product with a cotangent that is 0 there is none:
φ′(r)·x/r tends to φ″(0)·x for a smooth φ(‖x‖), and has the derivative φ″(0). So where an outer
transformation differentiates what an inner one computes, the inner one computes with ε in the place of r,
and with η in the place of 1/r, where ε² = η² = 0 and εη = 1: in φ′(ε)·xη = φ′(0)·xη + φ″(0)·x.
What such products give is kept beside the value that the convention gives, as a multiple of Δ. The result
of the inner transformation has the value of the convention, and the derivative of both together.

Of two kinks, ε stands for two sizes, say a and b, and their products have the factor a/b. If that is the same
along two lines on which the inputs may move, a function of both may be smooth, as |x||2x| is. Otherwise ε has
both sizes, and a derivative that comes out differently along the two lines is nan: |x||y| has none at 0.

Only tapes know how their values move. A jvp that meets a kink while it is differentiated is computed once
more, along a tape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as onp

from ..boxes import Dual, Traced, innermost
from ..calling import call
from ..errors import NotDifferentiableError
from ..kinked import AtKink
from ..registry import Primitive
from ..spaces import shed
from ..values import constant, dtype_of, members_of, shape_of
from ..writing import fresh, write
from .directions import Directions
from .forward import Forward, dual
from .reverse import Tape
from .strong_zeros import STEEP, depends_on_root

__all__ = [
    "UNKNOWN", "Infinitesimal", "Motion", "Several", "branch_at_zero", "depth_of", "infinitesimals_of",
    "is_on_one_side", "jump_at_zero", "motion_of", "outermost", "root_at_zero", "unknown_at",
]  # fmt: skip


# --- the traces


class Infinitesimal(Forward):
    """A trace that is gone when the transformation that began it returns."""

    __slots__ = ()

    differentiates = False  # no kink is one for it: that is told by the inner transformation

    def call(self, prim: Primitive, args: Any, kwargs: Any, run: Callable[..., Any]) -> Any:
        """Return the result of a call as a dual number; of 0·∞ whose 0 is one of a kink, nothing is known."""
        return self.steep_product(*args) if prim is STEEP else super().call(prim, args, kwargs, run)

    def steep_product(self, a: Any, slope: Any) -> Any:
        """Return 0·∞ without this trace; its derivative is not known where a is 0 for this trace alone."""
        value, part = (a.primal, a.tangent) if type(a) is Dual and a.tape is self else (a, 0.0)
        slope = slope.primal if type(slope) is Dual and slope.tape is self else slope
        return _steep_product(value, slope, part, onp.not_equal(constant(part), 0))

    def leave(self, xbar: Any) -> Any:
        """Return a tangent or a cotangent of this trace without it."""
        return xbar.primal

    def settle(self, xbar: Any) -> Any:
        """Return a tangent or a cotangent on its way."""
        return xbar


def _steep_product(value: Any, slope: Any, part: Any, has_part: Any) -> Any:
    unknown = (has_part | depends_on_root(part)) & onp.isinf(constant(slope))
    return STEEP.traced(value, slope) + unknown_at(unknown, value) + unknown_at(unknown, part)


class Several(Infinitesimal):
    """A trace of numbers that stand for several: for what a number is here, and at some other points.

    A call runs at each point by itself. A number has a tuple of the others in the place of a tangent.
    """

    __slots__ = ()

    points = 2

    def call(self, prim: Primitive, args: Any, kwargs: Any, run: Callable[..., Any]) -> Any:
        """Return the result of a call at each point."""
        return self.steep_product(*args) if prim is STEEP else self.each(prim.traced, args, kwargs)

    def steep_product(self, a: Any, slope: Any) -> Any:
        """Return 0·∞ without this trace; its derivative is not known where a is not 0 at another point."""
        value, part = self.at(a, 0), self.at(a, 1)
        return _steep_product(value, self.at(slope, 0), part, onp.not_equal(constant(part), constant(value)))

    def each(self, f: Callable[..., Any], args: Any, kwargs: Mapping[str, Any] | None = None) -> Any:
        """Return f of these arguments at each point."""
        return self.joined(
            f(*self.at(list(args), n), **{name: self.at(x, n) for name, x in (kwargs or {}).items()})
            for n in range(self.points)
        )

    def at(self, x: Any, n: int) -> Any:
        """Return what x is at the n-th point; here for n = 0."""
        if type(x) in (list, tuple):
            return type(x)(self.at(part, n) for part in x)
        if type(x) is not Dual or x.tape is not self:
            return x
        return x.tangent[n - 1] if n else x.primal

    def joined(self, ys: Any) -> Any:
        """Return the number, or the tuple of numbers, that is this at each point."""
        y, *others = ys
        if issubclass(type(y), (tuple, list)):
            parts = list(map(self.joined, zip(y, *others, strict=True)))
            return type(y)(*parts) if hasattr(y, "_fields") else type(y)(parts)
        return dual(self, y, tuple(others)) if dtype_of(y).kind in "fc" else y

    def written(self, x: Any, path: Any, index: Any, v: Any) -> Any:
        """Write into what x is at each point: that is the same if x is no number of this trace."""
        if type(x) is Dual and x.tape is self:
            xs = [x.primal, *x.tangent]
        else:
            xs = [x, *(fresh(x) for _ in range(1, self.points))]
        return self.joined(write(x, path, index, self.at(v, n)) for n, x in enumerate(xs))


class Product(Several):
    """The trace of Δ = εη, of which Δ² = Δ: f(a + bΔ) is f(a), and f(a + b) where Δ is 1."""

    __slots__ = ()

    def call(self, prim: Primitive, args: Any, kwargs: Any, run: Callable[..., Any]) -> Any:
        """Call the function with 0 and with 1 in the place of Δ.

        Where it has no value for 1, as 0·∞ has none, it is taken to first order in Δ.
        """
        y = super().call(prim, args, kwargs, run)
        if type(y) is not Dual or y.tape is not self or kwargs:
            return y
        at = [(n, x) for n, x in enumerate(args) if type(x) is Dual and x.tape is self]
        here, there = y.primal, y.tangent[0]
        if not at or not onp.any(onp.isnan(members_of(there)) & ~onp.isnan(members_of(here))):
            return y
        with onp.errstate(invalid="ignore"):
            sources = [(n, dual(self, x.primal, x.tangent[0] - x.primal)) for n, x in at]
        found = self.process(prim, here, tuple(self.at(x, 0) for x in args), {}, sources)
        return self.joined((here, here + found.tangent))

    def plus(self, value: Any, part: Any) -> Any:
        """Return value + part·Δ."""
        return self.joined((self.at(value, 0), self.at(value, 1) + self.at(part, 1)))

    def leave(self, xbar: Any) -> Any:
        return constant(xbar.primal) + call(_CENTRED, xbar.tangent, {})


class _Reciprocal(Infinitesimal):
    """The trace of η."""

    __slots__ = ("deep", "product", "size")

    def __init__(self, level: float, size: Any, product: Any) -> None:
        super().__init__(level)
        self.size, self.product = size, product
        self.deep = False  # whether more derivatives are asked for than are right

    def settle(self, xbar: Any) -> Any:
        """Put εη = Δ."""
        value, tangent, size = xbar.primal, xbar.tangent, self.size
        if type(tangent) is not Dual or tangent.tape is not size:
            return xbar
        if self.deep:
            raise NotDifferentiableError(_DEEP)
        with onp.errstate(all="ignore"):
            if type(value) is Dual and value.tape is size:
                value = dual(size, self.product.plus(value.primal, tangent.tangent), value.tangent)
            else:
                value = self.product.plus(value, tangent.tangent)
        return dual(self, value, tangent.primal)


# --- what is known of an inner transformation


class Motion(NamedTuple):
    """How a value moves along a line: x + speed·t + curve·t²/2 at t > 0.

    ``opening`` is the part of the speed that is the same in both directions, as that of |t| is.
    """

    speed: Any
    curve: Any  # nan where it is not known
    opening: Any

    @property
    def backwards(self) -> Any:
        """The speed in the opposite direction."""
        return 2 * self.opening - self.speed

    @property
    def side(self) -> Any:
        """The sign of x - x(0) at t > 0; 0 where it is not known."""
        sign = onp.where(onp.equal(self.speed, 0), onp.sign(self.curve), onp.sign(self.speed))
        return onp.where(onp.isfinite(sign), sign, 0)


class Infinitesimals:
    """The traces of Δ, ε and η of one inner transformation: below it, and above those outside of it."""

    def __init__(self, tape: Tape) -> None:
        level = tape.level
        self.product, self.size = Product(level - 0.75), Infinitesimal(level - 0.5)
        self.reciprocal = _Reciprocal(level - 0.25, self.size, self.product)
        self.directions = Directions(tape.entries, tape.inputs)
        self.across = Directions(tape.entries, tape.inputs, turn=1.7)  # along another line
        self.ratio: Any = None  # of the sizes of a root along both lines
        # Along what derivatives are wanted, which may not tell kinks apart.
        self.wanted = (
            Directions(tape.entries, tape.inputs, xdots=tape.xdots) if tape.xdots else self.directions
        )
        self.nearby: Any = None  # the trace of the points nearby: see ``nearby``
        self.on_one_side = False  # whether a jump has been met

    def is_flat_root(self, u: Any, root: Callable[[Any], Any], steep: Any) -> Any:
        """Say where a root of u, which is flat, is no multiple of ε, and not flatter than x².

        Of u that curves, the root is a multiple of ε, unless it is ``steep``.
        """
        _, _, flatter = self.directions.growth(root, u, 2)
        curve = self.directions.of(u)[1]
        return (steep | onp.equal(curve, 0) | ~onp.isfinite(curve)) & ~flatter

    def sign_of_flat(self, u: Any) -> Any:
        """Return the sign of u, which is flat, beside a zero; ∞ where the two sides have different ones."""
        ahead, behind, flatter = self.directions.growth(lambda x: x, u, 2)
        ahead, behind = (onp.sign(onp.where(onp.isnan(x), 0, x)) for x in (ahead, behind))
        sign = onp.where(onp.equal(ahead, 0), behind, ahead)
        return onp.where(ahead * behind < 0, onp.where(flatter, 0, onp.inf), sign)

    def beside(self, xbar: Any, slope: Any) -> Any:
        """Return x̄·slope·Δ; where the slope is nan and x̄ is 0, it is 0 with a derivative of nan."""
        if type(xbar) is Dual and (xbar.tape is self.reciprocal or xbar.tape is self.size):
            return dual(xbar.tape, self.beside(xbar.primal, slope), self.beside(xbar.tangent, slope))
        xbar = self.product.at(xbar, 1)
        zero = onp.equal(constant(xbar), 0)
        unknown = zero & onp.isnan(slope)
        part = xbar * onp.where(unknown, 0, slope) + unknown_at(unknown, xbar, _UNKNOWN_IF_MOVED)
        return dual(self.product, onp.zeros_like(constant(xbar)), (part,))


def infinitesimals_of(trace: Any) -> Infinitesimals:
    """Return those of a transformation, made now if there are none."""
    if not isinstance(trace, Tape):
        raise AtKink
    if trace.infinitesimals is None:
        trace.infinitesimals = Infinitesimals(trace)
    made: Infinitesimals = trace.infinitesimals
    return made


def motion_of(x: Any, trace: Any = None, across: bool = False) -> Motion:
    """Return how x, a value of an inner transformation or none, moves along a line, in plain numbers."""
    small = infinitesimals_of(innermost((x,)) if trace is None else trace)
    speed = curve = opening = 0.0
    if isinstance(x, Traced) and (trace is None or x.tape is trace):
        (speed, curve), value = (small.across if across else small.directions).of(x), x.primal
        if type(value) is Dual and value.tape is small.size:
            opening = constant(value.tangent)
    return Motion(*(onp.broadcast_to(part, shape_of(x)) for part in (speed, curve, opening)))


# --- what primitives with kinks add to their results

# Up to which derivative φ′(r)·x/r has that of φ″(0)·x.
_ORDERS = 3
_DEEP = (
    "the value of a function with a kink is at that kink (the tip of norm, abs and sqrt at 0, a tie of "
    "maximum), and its fourth derivative is asked for, or the second of one kink inside of another (the "
    "least of eigenvalues that coincide); write what is smooth there without the kink: np.sum(x * x) for "
    "np.linalg.norm(x)**2, x * x for np.abs(x)**2"
)


def is_on_one_side(x: Any) -> bool:
    """Say whether a jump has been met by a transformation of x: what follows is told on the side of ẋ."""
    while isinstance(x, Traced):
        if getattr(getattr(x.tape, "infinitesimals", None), "on_one_side", False):
            return True
        x = x.inside
    return False


def depth_of(x: Any) -> int:
    """Return how many transformations differentiate x."""
    depth = 0
    while isinstance(x, Traced):
        depth += not isinstance(x.tape, Infinitesimal) and hasattr(x.tape, "level") and not x.opaque
        x = x.inside
    return depth


class Lines(Several):
    """The trace of numbers that differ along two lines: where a derivative does, there is none."""

    __slots__ = ()

    def joined(self, ys: Any) -> Any:
        y = super().joined(ys)
        return y.primal if type(y) is Dual and not onp.any(self._differ(y)) else y

    def leave(self, xbar: Any) -> Any:
        return onp.where(self._differ(xbar), onp.nan, xbar.primal).astype(dtype_of(xbar))[()]

    def _differ(self, x: Any) -> Any:
        """Say where a number is not the same along both lines, but for rounding."""
        along, across = x.primal, x.tangent[0]
        rounding = 1e-4 if dtype_of(x).char in "fF" else 1e-10
        with onp.errstate(all="ignore"):
            return abs(along - across) > rounding * onp.max(abs(along) + abs(across), initial=0)


def outermost(x: Any) -> Any:
    """Return what x is inside of all transformations that differentiate it but the outermost."""
    found = x
    while isinstance(x, Traced):
        found = x if x.tape.differentiates else found
        x = x.inside
    return found


def root_at_zero(u: Any, at: Any, *sizes: Any, slope: Any = None) -> Any:
    """Return √u as a multiple of ε for the elements of u ``at`` which it is 0, and 0 for the others.

    Parameters
    ----------
    u : traced value
        Real, of an inner transformation.
    at : bool or array of bool
        Of the shape of u.
    *sizes : float or array of floats
        What ε stands for: how fast the root opens, 1 if it is not given. If there are two, the second is that
        along another line: where a derivative depends on which of them it is, it will be nan.
    slope : float, optional
        The derivative in the place of that of the root, η/2: ∞ says that there is none.
    """
    small = infinitesimals_of(innermost((u,)))
    small.reciprocal.deep |= depth_of(u) > _ORDERS
    chosen = _unlike(small, at, *sizes) or (1.0,)
    halves = [0.5 / onp.where(onp.equal(x, 0), 1, x) if slope is None else slope for x in chosen]
    parts = [[_where(at, x, u) for x in xs] for xs in (chosen, halves)]
    zeros = onp.zeros_like(parts[0][0])[()]
    if len(chosen) == 1:
        (multiple,), (slope,) = parts
    else:
        trace = outermost(u).tape
        if trace.lines is None:
            trace.lines = Lines(trace.level - 0.35)
        multiple, slope = map(trace.lines.joined, parts)
    y = _step(
        u,
        lambda _: dual(small.size, zeros, multiple),
        lambda ybar, _: ybar * dual(small.reciprocal, zeros, slope),
    )
    if isinstance(y, Traced):
        small.directions.put(y, parts[0][0], zeros)
        small.across.put(y, _where(at, sizes[-1] if sizes else 1.0, u), zeros)
    return y


def _unlike(small: Infinitesimals, at: Any, *sizes: Any) -> tuple[Any, ...]:
    """Return the sizes of roots along two lines, or that along the first if they are alike.

    They are if the same number takes all roots that have been met from one line to the other.
    """
    moving = at & onp.not_equal(sizes[0], 0) if sizes else onp.False_
    if len(sizes) < 2 or not onp.any(moving):
        return sizes[:1]
    along, across = (onp.broadcast_to(x, onp.shape(moving)) for x in sizes)
    if small.ratio is None:
        small.ratio = (across[moving] / along[moving]).flat[0]
    across = across / small.ratio
    return (along,) if onp.allclose(across[moving], along[moving], rtol=1e-9, atol=0) else (along, across)


def jump_at_zero(x: Any, at: Any, of_sign: Callable[[Any], Any]) -> Any:
    """Return 0 with what a jump at x = 0 adds on the side that x moves to: ``of_sign`` tells it from there.

    A jump has no value that is right on both sides, as a corner has; but where a function of jumps is smooth,
    the derivatives of one side are those of the other.
    """
    small = infinitesimals_of(innermost((x,)))
    small.on_one_side = True
    side = motion_of(x).side
    return dual(
        small.product,
        onp.zeros_like(constant(x))[()],
        (_where(at & (side != 0), of_sign(side), x),),
    )


def branch_at_zero(d: Any, at: Any, sign: Any) -> Any:
    """Return |d| where d has one sign around its zeros ``at`` some places; 0 elsewhere.

    A sign of nan says that neither is known: the derivative is not, if d is not constant. A sign of ∞ says
    that it is not known even where d does not curve.
    """
    small = infinitesimals_of(innermost((d,)))
    slope = _where(at, sign, d)
    lost = onp.isinf(slope)
    known = onp.where(lost, 0, slope)

    def marked(y: Any, d: Any) -> Any:
        if not lost.any():
            return y
        nothing = onp.where(lost, onp.nan, 0) + unknown_at(lost, shed(d))
        return y + dual(small.product, onp.zeros_like(constant(nothing)), (nothing,))

    def value(d: Any) -> Any:
        if type(d) is Dual and d.tape is small.size:
            return dual(small.size, value(d.primal), d.tangent * known)
        return marked(small.beside(d, known), d)

    y = _step(d, value, lambda ybar, d: marked(small.beside(ybar, known), d))
    if isinstance(y, Traced):
        with onp.errstate(invalid="ignore"):
            for line in (small.directions, small.across):
                line.put(y, *(onp.where(onp.equal(x, 0), 0, x * slope) for x in line.of(d)))
    return y


def _where(at: Any, x: Any, like: Any) -> Any:
    return onp.broadcast_to(onp.where(at, x, 0), like.shape).astype(like.dtype)[()]


def _step(x: Any, f: Any, rule: Any) -> Any:
    """Call a primitive made of f and the rule of its derivative."""
    made = Primitive(f, "a kink", "elementwise", {0: lambda y, ybar, x: rule(ybar, x)})
    made.traced = made.f
    return call(made, (x,), {})


# --- primitives whose derivative is not that of their value


def _added(f: Callable[..., Any], rule: Callable[..., Any]) -> Primitive:
    made = Primitive(f, "what a kink adds", "elementwise", {0: rule})
    made.traced = lambda *args: call(made, args, {})
    return made


def unknown_at(at: Any, x: Any, unknown: Primitive | None = None) -> Any:
    """Return 0 whose derivative with respect to x, if that is traced, is nan ``at`` some places."""
    is_none = not isinstance(x, Traced) or not onp.any(at)
    return 0.0 if is_none else (unknown or UNKNOWN).traced(x, at)


def _nothing(x: Any, at: Any) -> Any:
    return onp.zeros_like(onp.where(at, x, x))


def _nan_at(y: Any, ybar: Any, x: Any, at: Any) -> Any:
    return onp.where(at & onp.not_equal(constant(ybar), 0), onp.nan, 0 * ybar)


STEEP.traced = lambda a, slope: call(STEEP, (a, slope), {})
# x less its value.
_CENTRED = _added(
    lambda x: onp.zeros_like(x), lambda y, ybar, x: onp.where(onp.isfinite(constant(x)), ybar, onp.nan)
)
# Of a tangent of 0, the second gives 0; the first gives nan: it may be 0 by convention.
UNKNOWN, _UNKNOWN_IF_MOVED = _added(_nothing, _nan_at), _added(_nothing, _nan_at)
UNKNOWN.forward = {0: lambda y, xdot, x, at: onp.where(at, onp.nan, onp.zeros_like(xdot))}
