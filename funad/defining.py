"""The ways to give a primitive rules: defvjp, elementwise, linear, defzero.

A rule is j(f): it takes the output y, its cotangent ȳ and the arguments of the call, and
returns the cotangent x̄ of one argument.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from typing import Any

from .errors import ArgumentError, DuplicateRuleError, MissingRuleError
from .guarding import guarded_rule
from .memory import Rule, unguarded
from .registry import (
    NO_RULES,
    ArgNum,
    Derived,
    Primitive,
    by_position,
    full_name_of,
    primitive_of,
    signature_of,
)
from .spaces import describe, named

Rules = Mapping[ArgNum, Rule]


def _known(f: Any) -> Primitive:
    prim = primitive_of(f)
    if prim is None:
        found = full_name_of(f) if callable(f) else describe(f)
        raise MissingRuleError(
            f"{found} is no primitive; wrap it in funad.primitive first, and give the rule to what comes back"
        )
    if prim.inherited:  # the rules of an earlier wrapper give way to its own
        prim.inherited, prim.kind, prim.forward, prim.masks = False, None, NO_RULES, False
        prim.put_rules(NO_RULES)
    return prim


def _define(f: Any, kind: str, rules: Rules, masks: bool = False) -> None:
    prim = _known(f)
    if prim.kind == kind == "zero":
        return
    if prim.kind == "zero" or (kind != "vjp" and prim.forward) or (kind == "zero" and prim.kind):
        raise DuplicateRuleError(f"{prim.name} is declared already, as {prim.kind}")
    for argnum, rule in rules.items():
        if not _may_replace(rule, prim.rules.get(argnum)):
            made = "primitive(f)" if prim.foreign else "primitive(lambda *args: f(*args))"
            raise DuplicateRuleError(
                f"{prim.name} has a rule for argument {argnum} already: {_written(prim.rules[argnum])}; "
                f"a rule is replaced by one of the same name in the same module, or give this one to a "
                f"wrapper of its own, which funad.{made} makes of f"
            )
        check_rule(prim, argnum, rule)
    prim.kind, prim.masks = kind, prim.masks or masks
    prim.put_rules({**prim.rules, **_guarded(prim, rules)})


def define_forward(f: Any, rules: Rules, derived: Rules) -> None:
    """Give a primitive rules of forward mode, and derived ones of reverse mode where it has none by hand."""
    prim = _known(f)
    if prim.kind not in (None, "vjp"):
        raise DuplicateRuleError(
            f"{prim.name} is declared as {prim.kind}, and its rules serve both modes: it takes none of defjvp"
        )
    for argnum, rule in rules.items():
        if not _may_replace(rule, prim.forward.get(argnum)):
            raise DuplicateRuleError(
                f"{prim.name} has a forward rule for argument {argnum} already: "
                f"{_written(prim.forward[argnum])}"
            )
        check_rule(prim, argnum, rule, "ẋ", "xdot")
    prim.forward = {**prim.forward, **_guarded(prim, rules)}
    by_hand = {n for n, rule in prim.rules.items() if not isinstance(rule, Derived)}
    _define(f, "vjp", {n: rule for n, rule in derived.items() if n not in by_hand})


def _guarded(prim: Primitive, rules: Rules) -> Rules:
    """Return rules as they are called."""
    return {n: guarded_rule(prim, rule) for n, rule in rules.items()} if prim.foreign else rules


def _may_replace(rule: Any, known: Any) -> bool:
    """Say whether a rule is the same definition as one given before, run again or mended and run again.

    As a cell of a notebook is. Of lambdas in one file, two lines are two definitions.
    """
    known = unguarded(known)
    if known is None or rule is known or isinstance(known, Derived):
        return True
    code, before = getattr(rule, "__code__", None), getattr(known, "__code__", None)
    if code is None or before is None or _place(rule) != _place(known):
        return False
    in_one_file = code.co_filename == before.co_filename and code.co_firstlineno != before.co_firstlineno
    return code.co_name != "<lambda>" or not in_one_file or code.co_code == before.co_code


def _place(f: Any) -> tuple[Any, Any]:
    """Return where a function is defined: its module and its qualified name."""
    return getattr(f, "__module__", None), getattr(f, "__qualname__", None)


def _written(rule: Any) -> str:
    """Return where a rule was written: its name, and the line if it has one."""
    rule = unguarded(rule)
    code = getattr(rule, "__code__", None)
    at = f" of {code.co_filename}, line {code.co_firstlineno}" if code is not None else ""
    return f"{named(rule).__name__}{at}"


def check_rule(prim: Primitive, argnum: ArgNum, rule: Any, bar: str = "ȳ", name: str = "ybar") -> None:
    """Refuse what cannot be the rule of an argument, as far as the two signatures say it."""
    if (getattr(rule, "__module__", None) or "").startswith("funad."):
        return  # the tests hold funad's own to more than this, and reading signatures takes time
    if not callable(rule):
        raise ArgumentError(
            f"a rule is a function of y, {bar} and the arguments of {prim.name}, not {describe(rule)}"
        )
    takes, gives = signature_of(prim.f), signature_of(rule)
    if takes is None or gives is None:
        return
    most, least = _counts(takes)
    any_name = any(p.kind is p.VAR_KEYWORD for p in takes.parameters.values())
    known = 0 <= argnum < most if isinstance(argnum, int) else any_name or argnum in takes.parameters
    if not known:
        raise ArgumentError(f"{prim.name} has no argument {argnum!r}: it is {prim.name}{takes}")
    rule_most, rule_least = _counts(gives)
    if rule_most < least + 2 or rule_least > most + 2:
        names = ", ".join(takes.parameters)
        raise ArgumentError(
            f"the rule of {prim.name} for argument {argnum} takes {gives}, but it is called with y and "
            f"{bar} and then what {prim.name} is called with, {takes}; write "
            f"lambda y, {name}, {names}: ... (one function, where autograd has lambda ans, {names}: lambda g)"
        )


def _counts(signature: inspect.Signature) -> tuple[int, int]:
    """Return how many arguments may be given by position, and how many must be."""
    places = by_position(signature)
    least = sum(p.default is p.empty for p in places)
    any_number = any(p.kind is p.VAR_POSITIONAL for p in signature.parameters.values())
    return (sys.maxsize - 2 if any_number else len(places)), least


def numbered(f: Any, rules: tuple[Rule | None, ...], argnums: Any) -> dict[ArgNum, Rule]:
    """Return rules with the arguments that they belong to; a name that has a position by its position."""
    if argnums is None:
        return {n: rule for n, rule in enumerate(rules) if rule is not None}
    if isinstance(argnums, (int, str)):
        argnums = (argnums,)
    if len(argnums) != len(rules):
        raise ArgumentError(
            f"argnums {argnums!r} names {len(argnums)} arguments, but there are {len(rules)} rules"
        )
    names: list[str] = []
    prim = _known(f)
    if any(isinstance(n, str) for n in argnums) and not prim.name.startswith("numpy."):
        names = [p.name for p in by_position(signature_of(prim.f))]
    places = [names.index(n) if n in names else n for n in argnums]
    return {n: rule for n, rule in zip(places, rules, strict=True) if rule is not None}


def defvjp(
    f: Any, *rules: Rule | None, argnums: ArgNum | tuple[ArgNum, ...] | None = None, masks: bool = False
) -> None:
    """Give the primitive ``f`` its vector-Jacobian products, one rule per argument.

    For y = f(*xs) and a scalar L, the rule of argument i is j(f): (y, ȳ, *xs) ↦ x̄ᵢ with
    ȳ = ∂L/∂y, of the shape of y, and x̄ᵢ = ∂L/∂xᵢ, of the shape of xᵢ.

    Parameters
    ----------
    f : callable
        A primitive.
    *rules : callable or None
        Each takes ``y, ybar`` and then what f takes, under the same names and with the same
        defaults; keywords of f that a rule does not name are refused on traced values. The
        rule calls traced functions only, and writes to none of its arguments. ``None`` leaves
        an argument without a rule.
    argnums : int, str or tuple of them, optional
        The arguments that the rules belong to, in order; a name for a keyword-only one.
    masks : bool, default False
        Say that the rules zero parts of ȳ (as those of ``where`` and indexing do), so that
        infinities and NaNs in the rest of the computation must not leak through zeros.

    Raises
    ------
    MissingRuleError
        If ``f`` is no primitive.
    DuplicateRuleError
        If an argument has a rule already.
    ArgumentError
        If what is given can be no rule of f: it is no function, or takes other arguments.

    Examples
    --------
    >>> import numpy
    >>> import funad
    >>> import funad.numpy as np
    >>> @funad.primitive
    ... def softplus(x):
    ...     return numpy.logaddexp(0.0, x)
    >>> funad.defvjp(softplus, lambda y, ybar, x: ybar / (1 + np.exp(-x)))
    >>> float(funad.grad(softplus)(0.0))
    0.5
    """
    _define(f, "vjp", numbered(f, rules, argnums), masks)


def elementwise(
    f: Any, *rules: Rule | None, argnums: ArgNum | tuple[ArgNum, ...] | None = None, masks: bool = False
) -> None:
    """Give rules to a primitive that works element by element, with broadcasting.

    A rule returns ȳ·∂f/∂xᵢ in the shape of y; summing it over the broadcast axes is done once,
    for all of them, by the backward sweep. See :func:`defvjp` for the parameters and the errors.

    Examples
    --------
    >>> import numpy
    >>> import funad
    >>> import funad.numpy as np
    >>> @funad.primitive
    ... def bump(x, width):
    ...     return numpy.exp(-((x / width) ** 2))
    >>> funad.elementwise(
    ...     bump,
    ...     lambda y, ybar, x, width: ybar * y * -2 * x / width**2,
    ...     lambda y, ybar, x, width: ybar * y * 2 * x**2 / width**3,
    ... )
    >>> funad.grad(lambda x: np.sum(bump(x, 1.0)))(np.array([-1.0, 1.0])).round(6)
    array([ 0.735759, -0.735759])
    """
    _define(f, "elementwise", numbered(f, rules, argnums), masks)


def linear(
    f: Any, *rules: Rule | None, argnums: ArgNum | tuple[ArgNum, ...] | None = None, masks: bool = False
) -> None:
    """Give rules to a primitive that is linear in each of these arguments: its transposes.

    The rule of argument i may ask xᵢ for its shape and dtype, but not for its values, nor
    those of y: derivatives do not depend on them. See :func:`defvjp` for the parameters and the errors.

    Examples
    --------
    >>> import funad
    >>> import funad.numpy as np
    >>> A = np.array([[1.0, 2.0], [0.0, 3.0]])
    >>> @funad.primitive
    ... def product(x):
    ...     return A @ x
    >>> funad.linear(product, lambda y, ybar, x: A.T @ ybar)
    >>> funad.grad(lambda x: np.sum(product(x)))(np.array([1.0, 1.0]))
    array([1., 5.])
    """
    _define(f, "linear", numbered(f, rules, argnums), masks)


def defzero(*fs: Any) -> None:
    """Declare primitives whose derivative is zero wherever it exists, such as ``floor``.

    On a traced value they return the plain result, on which nothing depends any more.

    Examples
    --------
    >>> import numpy
    >>> import funad
    >>> @funad.primitive
    ... def bins(x):
    ...     return numpy.digitize(x, [0.0, 1.0])
    >>> funad.defzero(bins)
    >>> float(funad.grad(lambda x: x * bins(x))(0.5))
    1.0
    """
    for f in fs:
        _define(f, "zero", {})
