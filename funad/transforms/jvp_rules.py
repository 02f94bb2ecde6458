"""defjvp: rules of forward mode, and what they give to reverse mode."""

from __future__ import annotations

from typing import Any

from .. import tree
from ..defining import define_forward, numbered
from ..errors import TangentError
from ..memory import Rule
from ..registry import ArgNum, Derived
from ..spaces import is_inexact, name_of, zeros_like, zeros_of
from ..traces.forward import fitted_tangent, refuse_nonlinear, transpose

__all__ = ["defjvp"]


def defjvp(f: Any, *rules: Rule | None, argnums: ArgNum | tuple[ArgNum, ...] | None = None) -> None:
    """Give the primitive ``f`` its Jacobian-vector products, one rule per argument.

    For y = f(*xs), the rule of argument i is (y, ẋᵢ, *xs) ↦ ∂f/∂xᵢ·ẋᵢ, the tangent of y that ẋᵢ
    brings; forward mode adds them up. An argument that has no rule of :func:`defvjp` gets its
    rule of reverse mode from this one, by transposing it; one given by hand is often cheaper.

    Parameters
    ----------
    f : callable
        A primitive. Those of ``elementwise``, ``linear`` and ``defzero`` serve forward mode as
        they are.
    *rules : callable or None
        Each takes ``y, xdot`` and then what f takes, under the same names and with the same
        defaults, and returns ẏ, of the shape of y, linear in ẋ; a tuple of them if y is one. It
        calls traced functions only. ``None`` leaves an argument as it is.
    argnums : int, str or tuple of them, optional
        The arguments that the rules belong to, in order; a name for a keyword-only one.

    Raises
    ------
    DuplicateRuleError
        If an argument has such a rule already, or f needs none.
    MissingRuleError, ArgumentError
        As :func:`defvjp` does.

    Examples
    --------
    >>> import numpy
    >>> import funad
    >>> import funad.numpy as np
    >>> @funad.primitive
    ... def sinh(x):
    ...     return numpy.sinh(x)
    >>> funad.defjvp(sinh, lambda y, xdot, x: xdot * np.cosh(x))
    >>> float(funad.jvp(sinh, (0.0,), (2.0,))[1]), float(funad.grad(sinh)(0.0))
    (2.0, 1.0)
    """
    named = numbered(f, rules, argnums)
    name = name_of(f)
    define_forward(f, named, {n: Derived(_transposed(name, n, rule), rule) for n, rule in named.items()})


def _transposed(name: str, argnum: ArgNum, rule: Rule) -> Rule:
    """Return (y, ȳ, *xs) ↦ x̄: ȳ pulled back through ẋ ↦ ẏ, which is linear."""

    def transposed(y: Any, ybar: Any, /, *args: Any, **kwargs: Any) -> Any:
        x = args[argnum] if isinstance(argnum, int) else kwargs[argnum]
        parts = tree.flatten(y)[0]
        leaves, structure = tree.flatten(x)

        def push(xdots: list[Any]) -> list[Any]:
            ydot = rule(y, tree.unflatten(structure, xdots), *args, **kwargs)
            if tree.is_leaf(y):
                return [fitted_tangent(name, ydot, y)]
            found = tree.flatten(ydot)[0]
            if len(found) != len(parts):
                raise TangentError(
                    f"the forward rule of {name} returned {len(found)} tangents, but {name} has "
                    f"{len(parts)} results; return a tuple of {len(parts)}, with None for a result without a "
                    f"derivative"
                )
            pairs = zip(found, parts, strict=True)
            return [
                None if not is_inexact(part) else zeros_like(part) if dot is None
                else fitted_tangent(name, dot, part)
                for dot, part in pairs
            ]  # fmt: skip

        xbars = transpose(push, leaves, tree.flatten(ybar)[0], True)
        if xbars is None:
            refuse_nonlinear(name, "forward rule", "ẋ", "reverse mode (grad, vjp, jacrev)", "defvjp")
        filled = zip(xbars, leaves, strict=True)
        return tree.unflatten(structure, [zeros_of(leaf) if bar is None else bar for bar, leaf in filled])

    return transposed
