"""What stands for the size of a kink while its derivative is differentiated again.

At the tip of r = ‖x‖ the slope x/r is a choice, 0. Its product with a cotangent that is 0 there is none:
φ′(r)·x/r tends to φ″(0)·x for a smooth φ(‖x‖), and has the derivative φ″(0). So where an outer
transformation differentiates what an inner one computes, the inner one computes with ε in the place of r,
and with η in the place of 1/r, where ε² = η² = 0 and εη = 1: in φ′(ε)·xη = φ′(0)·xη + φ″(0)·x.
What such products give is kept beside the value that the convention gives, as a multiple of Δ. The result
of the inner transformation has the value of the convention, and the derivative of both together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as onp

from ..boxes import Dual, Traced, innermost
from ..calling import call
from ..errors import NotDifferentiableError
from ..registry import Primitive
from ..spaces import is_of_kink, shed
from ..values import constant, dtype_of, members_of, shape_of
from ..writing import fresh, write
from .directions import Directions, vanish
from .forward import Forward, dual
from .reverse import Tape
from .strong_zeros import STEEP

__all__ = [
    "Infinitesimal",
    "Product",
    "branch_at_zero",
    "depth_of",
    "infinitesimals_of",
    "is_steep",
    "jump_at_zero",
    "marked_as_steep",
    "root_at_zero",
]


class Infinitesimal(Forward):
    """A trace that is gone when the transformation that began it returns."""

    __slots__ = ()

    differentiates = False  # no kink is one for it: that is told by the inner transformation

    def call(self, prim: Primitive, args: Any, kwargs: Any, run: Callable[..., Any]) -> Any:
        """Return the result of a call as a dual number; of 0·∞ whose 0 is one of a kink, nothing is known."""
        if prim is STEEP:
            return self._product_of_kink(*args)
        return super().call(prim, args, kwargs, run)

    def _product_of_kink(self, a: Any, slope: Any) -> Any:
        """Return 0·∞ without this trace, with a derivative of nan where a has a part of it."""
        value, part = (a.primal, a.tangent) if type(a) is Dual and a.tape is self else (a, 0.0)
        slope = slope.primal if type(slope) is Dual and slope.tape is self else slope
        y = STEEP.traced(value, slope)
        unknown = self._has_part(constant(value), constant(part)) & onp.isinf(constant(slope))
        return y + _unsure(value, unknown) + _unsure(part, unknown) if onp.any(unknown) else y

    def _has_part(self, value: Any, part: Any) -> Any:
        return onp.not_equal(part, 0)

    def leave(self, xbar: Any) -> Any:
        """Return a tangent or a cotangent of this trace without it."""
        return xbar.primal

    def settle(self, xbar: Any) -> Any:
        """Return a tangent or a cotangent on its way."""
        return xbar


class Product(Infinitesimal):
    """The trace of Δ = εη, of which Δ² = Δ: f(a + bΔ) is f(a), and f(a + b) where Δ is 1.

    A number of it has both: the value, and in the place of a tangent the value with Δ.
    """

    __slots__ = ()

    def call(self, prim: Primitive, args: Any, kwargs: Any, run: Callable[..., Any]) -> Any:
        """Call the function without Δ, and with 1 in its place."""
        if prim is STEEP:
            return self._product_of_kink(*args)
        y, y_with = (
            prim.traced(*(at(self, x) for x in args), **{name: at(self, x) for name, x in kwargs.items()})
            for at in (_without, _with)
        )
        found = self.of_both(y, y_with)
        at = [(n, x) for n, x in enumerate(args) if type(x) is Dual and x.tape is self]
        lost = at and type(found) is Dual and _has_more_nans(y_with, y) and not kwargs
        return self._first_order(prim, y, args, at) if lost else found

    def _first_order(self, prim: Primitive, y: Any, args: Any, at: list[tuple[int, Dual]]) -> Any:
        """Return what a call is to first order in Δ: where it is infinite, 0·∞ has a limit there."""
        with onp.errstate(invalid="ignore"):
            sources = [(n, dual(self, x.primal, x.tangent - x.primal)) for n, x in at]
        found = self.process(prim, y, tuple(_without(self, x) for x in args), {}, sources)
        return dual(self, y, y + found.tangent)

    def here(self, x: Any) -> Any:
        """Return an argument with 0 in the place of Δ."""
        return _without(self, x)

    def there(self, x: Any) -> Any:
        """Return an argument with 1 in the place of Δ."""
        return _with(self, x)

    def both(self, f: Any, xs: Any) -> Any:
        """Return f of these arguments, with 0 and with 1 in the place of Δ."""
        return self.of_both(f(*map(self.here, xs)), f(*map(self.there, xs)))

    def of_both(self, y: Any, y_with: Any) -> Any:
        """Return a result that is y without Δ, and ``y_with`` where Δ is 1."""
        if issubclass(type(y), (tuple, list)):
            parts = list(map(self.of_both, y, y_with))
            return type(y)(*parts) if hasattr(y, "_fields") else type(y)(parts)
        if dtype_of(y).kind not in "fc":
            return y
        return dual(self, y, y_with)

    def _has_part(self, value: Any, part: Any) -> Any:
        return onp.not_equal(part, value)

    def written(self, x: Any, path: Any, index: Any, v: Any) -> Any:
        """Write into both: what has no Δ in it is the same in both, and not zero as a tangent is."""
        has_both = type(x) is Dual and x.tape is self
        y_with = x.tangent if has_both else fresh(x)
        y = write(_without(self, x), path, index, _without(self, v))
        return dual(self, y, write(y_with, path, index, _with(self, v)))

    def leave(self, xbar: Any) -> Any:
        return constant(xbar.primal) + call(_CENTRED, (xbar.tangent,), {})


def _has_more_nans(a: Any, b: Any) -> bool:
    return bool(onp.any(onp.isnan(members_of(a)) & ~onp.isnan(members_of(b))))


def _without(trace: Any, x: Any) -> Any:
    """Return an argument with 0 in the place of Δ."""
    if type(x) in (list, tuple):
        return type(x)(_without(trace, part) for part in x)
    return x.primal if type(x) is Dual and x.tape is trace else x


def _with(trace: Any, x: Any) -> Any:
    """Return an argument with 1 in the place of Δ."""
    if type(x) in (list, tuple):
        return type(x)(_with(trace, part) for part in x)
    return x.tangent if type(x) is Dual and x.tape is trace else x


class _Reciprocal(Infinitesimal):
    """The trace of η."""

    __slots__ = ("deep", "product", "size")

    def __init__(self, level: float, size: Any, product: Any) -> None:
        super().__init__(level)
        self.size, self.product = size, product
        self.deep = False  # whether more derivatives are asked for than are right

    def settle(self, xbar: Any) -> Any:
        """Put εη = Δ."""
        value, tangent = xbar.primal, xbar.tangent
        size, product = self.size, self.product
        if type(tangent) is not Dual or tangent.tape is not size:
            return xbar
        if self.deep:
            raise NotDifferentiableError(_DEEP)
        with onp.errstate(all="ignore"):
            return dual(self, _plus_products(value, tangent.tangent, size, product), tangent.primal)


def _plus_products(value: Any, d: Any, size: Any, product: Any) -> Any:
    """Return value + d·Δ."""
    if type(value) is Dual and value.tape is size:
        return dual(size, _plus_products(value.primal, d, size, product), value.tangent)
    d = _with(product, d)
    return dual(product, _without(product, value), _with(product, value) + d)


class Infinitesimals:
    """The traces of Δ, ε and η of one inner transformation: below it, and above those outside of it."""

    __slots__ = ("directions", "neighbours", "on_one_side", "outer", "product", "reciprocal", "size", "steep")

    def __init__(self, trace: Any) -> None:
        level = trace.level
        self.product, self.size = Product(level - 0.75), Infinitesimal(level - 0.5)
        self.reciprocal = _Reciprocal(level - 0.25, self.size, self.product)
        self.steep = Infinitesimal(level - 0.9)  # a tangent of nan: what depends on a root of infinite slope
        self.directions = Directions(trace) if isinstance(trace, Tape) else None
        self.outer: Directions | None = None
        self.neighbours: Any = None  # the traces of ``nearby``
        self.on_one_side = False  # whether a jump has been met: what follows is told on the side of ẋ

    def direction(self, x: Any, trace: Any) -> Any:
        """Return ẋ and ẍ of a value along some line, as plain numbers; nan where they are not known."""
        if not isinstance(x, Traced) or x.tape is not trace:
            return 0.0, 0.0
        if self.directions is None:
            along = constant(x.index)  # the tangent: the line is that of the inner transformation
            both = onp.real(along * onp.conj(self.outer_speed(x.primal)))
            along = onp.where(both > 0, onp.sign(along) * onp.sqrt(onp.where(both > 0, both, 0)), along)[()]
            return along + self.opening(x, trace), onp.nan
        return self.directions.of(x)

    def side(self, x: Any, trace: Any) -> Any:
        """Return the sign of x where the line goes to; 0 where it is not known."""
        xdot, xddot = self.direction(x, trace)
        sign = onp.where(onp.equal(xdot, 0), onp.sign(xddot), onp.sign(xdot))
        return onp.broadcast_to(onp.where(onp.isfinite(sign), sign, 0), shape_of(x))

    def outer_speed(self, x: Any) -> Any:
        """Return how fast a value moves along a line of the outer transformation; 0 where it is not known."""
        while is_of_kink(x):
            x = x.primal
        if not isinstance(x, Traced) or x.opaque:
            return 0.0
        if isinstance(x.tape, Tape):
            if self.outer is None or self.outer.tape is not x.tape:
                self.outer = Directions(x.tape)
            return self.outer.of(x)[0]
        return constant(x.index) if type(x) is Dual else 0.0

    def is_flat_root(self, u: Any, root: Any, steep: Any) -> Any:
        """Say where a root of u, which is flat, is no multiple of ε, and not flatter than x².

        Of u that curves, the root is a multiple of ε, unless it is ``steep``. In forward mode the outer
        transformation knows whether u curves: a tape, or another tangent; otherwise nothing tells.
        """
        directions, value, udot = self.directions, u, u.index
        if directions is None:
            while is_of_kink(value := value.primal):
                pass
            if not isinstance(value, Traced) or not isinstance(value.tape, Tape):
                while is_of_kink(udot):
                    udot = udot.primal
                return steep | onp.equal(constant(udot.index), 0) if type(udot) is Dual else onp.True_
            self.outer_speed(value)
            directions = self.outer
        far, near, far_behind, near_behind = directions.quotients(root, value, 2)  # type: ignore[union-attr]
        flatter = vanish(far, near) & vanish(far_behind, near_behind)
        curve = directions.of(value)[1]  # type: ignore[union-attr]
        return (steep | onp.equal(curve, 0) | ~onp.isfinite(curve)) & ~flatter

    def sign_of_flat(self, u: Any) -> Any:
        """Return the sign of u, which is flat, beside a zero; ∞ where the two sides have different ones."""
        if self.directions is None:
            return onp.nan
        far, near, far_behind, near_behind = self.directions.quotients(lambda x: x, u, 2)
        ahead, behind = (onp.sign(onp.where(onp.isnan(x), 0, x)) for x in (near, near_behind))
        flatter = vanish(far, near) & vanish(far_behind, near_behind)
        sign = onp.where(onp.equal(ahead, 0), behind, ahead)
        return onp.where(ahead * behind < 0, onp.where(flatter, 0, onp.inf), sign)

    def beside(self, xbar: Any, slope: Any) -> Any:
        """Return x̄·slope·Δ."""
        if type(xbar) is Dual and (xbar.tape is self.reciprocal or xbar.tape is self.size):
            return dual(xbar.tape, self.beside(xbar.primal, slope), self.beside(xbar.tangent, slope))
        xbar = _with(self.product, xbar)
        return dual(self.product, onp.zeros_like(constant(xbar)), _times(xbar, slope))

    def opening(self, x: Any, trace: Any) -> Any:
        """Return the part of ẋ that is the same along the line and against it: the multiple of ε."""
        if not isinstance(x, Traced) or x.tape is not trace:
            return 0.0
        value = x.primal
        return constant(value.tangent) if type(value) is Dual and value.tape is self.size else 0.0


def infinitesimals_of(trace: Any) -> Infinitesimals:
    """Return those of a transformation, made now if there are none."""
    if getattr(trace, "infinitesimals", None) is None:
        trace.infinitesimals = Infinitesimals(trace)
    made: Infinitesimals = trace.infinitesimals
    return made


# Up to which derivative φ′(r)·x/r has that of φ″(0)·x.
_ORDERS = 3
_DEEP = (
    "the value of a function with a kink is at that kink (the tip of norm, abs and sqrt at 0, a tie of "
    "maximum), and its fourth derivative is asked for, or the second of one kink inside of another (the "
    "least of eigenvalues that coincide); write what is smooth there without the kink: np.sum(x * x) for "
    "np.linalg.norm(x)**2, x * x for np.abs(x)**2"
)


def depth_of(x: Any) -> int:
    """Return how many transformations differentiate x."""
    depth = 0
    while isinstance(x, Traced):
        depth += not isinstance(x.tape, Infinitesimal) and hasattr(x.tape, "level") and not x.opaque
        x = x.inside
    return depth


def root_at_zero(u: Any, at: Any, size: Any = 1.0, slope: Any = None) -> Any:
    """Return √u as a multiple of ε for the elements of u ``at`` which it is 0, and 0 for the others.

    Parameters
    ----------
    u : traced value
        Real, of an inner transformation.
    at : bool or array of bool
        Of the shape of u.
    size : float or array of floats
        What ε stands for: how fast the root opens.
    slope : float, optional
        The derivative in the place of that of the root, η/2: ∞ says that there is none.
    """
    small = infinitesimals_of(innermost((u,)))
    small.reciprocal.deep |= depth_of(u) > _ORDERS
    half = 0.5 / onp.where(onp.equal(size, 0), 1, size) if slope is None else slope
    multiple, slope = (_where(at, x, u) for x in (size, half))
    zeros = onp.zeros_like(multiple)[()]
    y = _step(
        u,
        lambda _: dual(small.size, zeros, multiple),
        lambda ybar, _: ybar * dual(small.reciprocal, zeros, slope),
    )
    if small.directions is not None and isinstance(y, Traced):
        small.directions.put(y, multiple, zeros)
    return y


def marked_as_steep(y: Any, u: Any, at: Any) -> Any:
    """Return y, a root of u, marked ``at`` the zeros of u at which its slope is infinite.

    A product of that slope with 0 is 0 by convention. If the 0 depends on such a root, as in (√x)⁴ = x², the
    derivative of the product is not the product of the derivatives: it is nan.
    """
    at = at & onp.broadcast_to(_is_moved(u.inside), at.shape)
    if not onp.any(at):
        return y
    small = infinitesimals_of(innermost((y,)))
    mark = onp.broadcast_to(onp.where(at, onp.nan, 0), shape_of(y)).astype(dtype_of(y))[()]
    return _step(y, lambda y: dual(small.steep, y, mark), lambda ybar, _: ybar)


def is_steep(x: Any) -> Any:
    """Say where x, a value of an inner transformation, depends on a root at a zero of infinite slope."""
    if not isinstance(x, Traced):
        return onp.False_
    steep = infinitesimals_of(x.tape).steep
    value = x.primal
    while is_of_kink(value) and value.tape is not steep:
        value = value.primal
    return onp.isnan(constant(value.tangent)) if is_of_kink(value) else onp.False_


def _is_moved(x: Any) -> Any:
    """Say where x moves along the lines of outer transformations, as far as is known."""
    found: Any = onp.False_
    while isinstance(x, Traced):
        if not isinstance(x.tape, Infinitesimal) and not x.opaque:
            found = found | (onp.not_equal(constant(x.index), 0) if type(x) is Dual else onp.True_)
        x = x.inside
    return found


def jump_at_zero(x: Any, at: Any, of_sign: Callable[[Any], Any]) -> Any:
    """Return 0 with what a jump at x = 0 adds on the side that x moves to: ``of_sign`` tells it from there.

    A jump has no value that is right on both sides, as a corner has; but where a function of jumps is smooth,
    the derivatives of one side are those of the other.
    """
    trace = innermost((x,))
    small = infinitesimals_of(trace)
    small.on_one_side = True
    side = small.side(x, trace)
    zeros = onp.zeros_like(constant(x))[()]
    return dual(small.product, zeros, _where(at & (side != 0), of_sign(side), x))


def branch_at_zero(d: Any, at: Any, sign: Any) -> Any:
    """Return |d| where d has one sign around its zeros ``at`` some places; 0 elsewhere.

    A sign of nan says that neither is known: the derivative is not, if d is not constant. A tape knows
    whether d curves; a tangent is known not to be constant when it is differentiated. A sign of ∞ says that
    it is not known even where d does not curve.
    """
    trace = innermost((d,))
    small = infinitesimals_of(trace)
    slope = _where(at, sign, d)
    unknown = onp.isnan(slope)
    known = onp.where(onp.isfinite(slope), slope, 0) if small.directions is None else slope
    unknown, lost = unknown & (small.directions is None), onp.isinf(slope)
    known = onp.where(lost, 0, known)

    def marked(y: Any, d: Any) -> Any:
        return y + small.beside(onp.where(lost, call(_LOST, (shed(d),), {}), 0.0), 1.0) if lost.any() else y

    def rule(ybar: Any, d: Any) -> Any:
        xbar = marked(small.beside(ybar, known), d)
        return xbar + call(_UNKNOWN, (onp.where(unknown, ybar, 0.0),), {}) if unknown.any() else xbar

    def value(d: Any) -> Any:
        if type(d) is Dual and d.tape is small.size:
            return dual(small.size, value(d.primal), d.tangent * known)
        return marked(small.beside(d, known), d)

    y = _step(d, value, rule)
    if small.directions is not None and isinstance(y, Traced):
        with onp.errstate(invalid="ignore"):
            dots = [onp.where(onp.equal(x, 0), 0, x * slope) for x in small.directions.of(d)]
        small.directions.put(y, *dots)
    return y


def _times(xbar: Any, slope: Any) -> Any:
    """Return x̄·slope; where the slope is not known and x̄ is 0, what is 0 with a derivative of nan."""
    zero = onp.equal(constant(xbar), 0)
    unknown = zero & onp.isnan(slope)
    y = xbar * onp.where(unknown, 0, slope)
    return y + call(_UNKNOWN, (onp.where(unknown, xbar, 0.0),), {}) if onp.any(unknown) else y


def _where(at: Any, x: Any, like: Any) -> Any:
    return onp.broadcast_to(onp.where(at, x, 0), like.shape).astype(like.dtype)[()]


def _step(x: Any, f: Any, rule: Any) -> Any:
    """Call a primitive made of f and the rule of its derivative."""
    made = Primitive(f, "a kink", "elementwise", {0: lambda y, ybar, x: rule(ybar, x)})
    return call(made, (x,), {})


def _constant(value: Any, slope: Any) -> Primitive:
    """Return a primitive whose derivative is not that of its value."""
    made = Primitive(lambda d: onp.full_like(d, value), "what a kink adds", "elementwise", {0: slope})
    made.traced = lambda d: call(made, (d,), {})
    return made


STEEP.traced = lambda a, slope: call(STEEP, (a, slope), {})
# d less its value; and what has the value 0, and no derivative.
_CENTRED = _constant(0, lambda y, ybar, d: onp.where(onp.isfinite(constant(d)), ybar, onp.nan))


def _nan_if_moved(y: Any, ybar: Any, d: Any) -> Any:
    return ybar * onp.where(onp.equal(constant(ybar), 0), 0, onp.nan)


_UNKNOWN = _constant(0, _nan_if_moved)
# What is not known at all, however its argument moves.
_LOST = _constant(onp.nan, _nan_if_moved)


# What is 0, and has no derivative that is known where the mask is true.
_UNSURE = Primitive(
    lambda d, unknown: onp.zeros_like(onp.where(unknown, d, d)),
    "what a kink adds",
    "elementwise",
    {0: lambda y, ybar, d, unknown: _nan_if_moved(y, onp.where(unknown, ybar, 0.0), d)},
)
_UNSURE.forward = {0: lambda y, xdot, d, unknown: onp.where(unknown, onp.nan, onp.zeros_like(xdot))}


def _unsure(d: Any, unknown: Any) -> Any:
    return call(_UNSURE, (d, unknown), {}) if isinstance(d, Traced) else 0.0


_UNSURE.traced = lambda d, unknown: call(_UNSURE, (d, unknown), {})
_LOST.kind, _LOST.forward = "vjp", {0: lambda y, xdot, d: xdot * onp.nan}
