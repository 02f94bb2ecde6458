"""The table (primitive, argument) -> rule, and the ways to write a rule into it.

A rule is j(f): it takes the output y, its cotangent ȳ and the arguments of the call, and
returns the cotangent x̄ of one argument.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import types
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as onp

from .errors import ArgumentError, DuplicateRuleError, MissingRuleError, UnsupportedKeywordError
from .floating import warning
from .memory import (
    LARGE,
    Drop,
    Rule,
    count_by_name,
    count_by_position,
    keep_only_read_by,
    keywords_of,
    takes_any_keyword,
    unguarded,
)  # fmt: skip
from .spaces import describe, module_of, named

__all__ = ["defvjp", "defzero", "elementwise", "linear", "rules"]

ArgNum = int | str

_NONE: Mapping[Any, Any] = types.MappingProxyType({})


def _once(find: Callable[[Any], Any]) -> Any:
    """Make a property of a primitive that is read off its rules' code when it is first asked for."""
    name = find.__name__

    def get(self: Primitive) -> Any:
        if name not in self.read:
            self.read = {**self.read, name: find(self)}
        return self.read[name]

    return property(get, doc=find.__doc__)


class Primitive:
    """What is known of one primitive: its function, its wrapper and its rules."""

    __slots__ = (
        "__weakref__",
        "containers",
        "f",
        "fast_reduce",
        "foreign",
        "forward",
        "guard",
        "inherited",
        "is_steep",
        "iterators",
        "kind",
        "kinks",
        "masks",
        "name",
        "operator",
        "read",
        "rule_0",
        "rule_1",
        "rules",
        "run",
        "spares",
        "steep",
        "traced",
        "underflows",
        "views",
    )

    def __init__(self, f: Callable[..., Any], name: str) -> None:
        self.f = f
        self.run = warning(f)  # f as it is called, with its warnings at the user's line
        self.name = name
        self.foreign = False  # whether the function and its rules are a user's
        # What a user's rule is called by: (prim, rule) ↦ rule.
        self.guard: Callable[[Primitive, Rule], Rule] | None = None
        self.inherited = False  # whether the rules are those of an earlier wrapper of the same function
        self.traced: Callable[..., Any] = f
        # What an operator is on traced values, as a * b; Python's numbers stay Python's.
        self.operator: Callable[..., Any] = f
        # What f gives for one array (and an axis, and keepdims) without f's own detours.
        self.fast_reduce: Callable[..., Any] | None = None
        self.kind: str | None = None  # None: no rule yet, so a traced argument is refused
        self.containers: tuple[int, ...] = ()  # the arguments that are lists of arrays
        # What it is of generators and the like, which NumPy does not take: (prim, args, kwargs) ↦ y.
        self.iterators: Callable[..., Any] | None = None
        self.views = False  # what it returns may share the memory of its first argument
        self.underflows = False  # a slope of zero may be one that has underflowed: see overflows
        self.masks = False  # its rules set parts of a cotangent to zero
        # What a result is where it is differentiated twice: (y, *args, **kwargs) ↦ y, see infinitesimals.
        self.kinks: Callable[..., Any] | None = None
        # Of which of "y" and "b" the rules read less than their code says: (a, b) ↦ their names.
        self.spares: Callable[[Any, Any], str] | None = None
        # Whether its slope may be infinite for such arguments, and what calls it then: see nearby.
        self.is_steep: Callable[..., bool] | None = None
        self.steep: Callable[..., Any] | None = None
        self.rules: Mapping[ArgNum, Rule] = _NONE
        self.forward: Mapping[ArgNum, Rule] = _NONE  # those of defjvp: (y, ẋ, *xs) ↦ ẏ
        self.rule_0: Rule | None = None  # rules[0] and rules[1], for the fast path
        self.rule_1: Rule | None = None
        self.read: Mapping[Any, Any] = _NONE

    @_once
    def keywords(self) -> frozenset[str]:
        """The keywords that every rule takes."""
        rules = [*self.rules.values(), *self.forward.values()]
        named = [frozenset(keywords_of(rule)) for rule in rules if not takes_any_keyword(rule)]
        return frozenset.intersection(*named) if named else _AnyName() if rules else frozenset()

    @_once
    def positions(self) -> int:
        """How many arguments every rule takes by position."""
        return min(
            map(count_by_position, [*self.rules.values(), *self.forward.values()]), default=sys.maxsize
        )

    @_once
    def keep_only_read(self) -> Drop | None:
        """Replaces arrays that no rule reads by placeholders of the same shape and dtype."""
        return keep_only_read_by(self, list(self.rules)) if self.kind in ("elementwise", "linear") else None

    @_once
    def keep_only_read_0(self) -> Any:
        """``keep_only_read`` for calls in which only a is traced. None if ``keep_only_read`` is."""
        return self.keep_only_read and keep_only_read_by(self, [n for n in (0,) if n in self.rules])

    @_once
    def keep_only_read_1(self) -> Any:
        """``keep_only_read`` for calls in which only b is traced."""
        return self.keep_only_read and keep_only_read_by(self, [n for n in (1,) if n in self.rules])

    def keep_only_read_for(self, sources: Any) -> Drop | None:
        """Return what lets go of the large arrays that no rule of these sources reads."""
        if len(sources) != 1 or sources[0][0] not in (0, 1):
            return self.keep_only_read  # type: ignore[no-any-return]
        one: Drop | None = self.keep_only_read_1 if sources[0][0] else self.keep_only_read_0
        return one

    @_once
    def reads(self) -> tuple[bool, bool]:
        """Whether the rule of the other argument reads a, and whether it reads b."""
        of_b, of_a = self.keep_only_read_1, self.keep_only_read_0
        return (
            not of_b or of_b(None, LARGE, None)[1] is LARGE,
            not of_a or of_a(None, None, LARGE)[2] is LARGE,
        )

    def copied(self) -> Primitive:
        """Return another primitive, with all that this one has."""
        made = Primitive(self.f, self.name)
        for name in set(self.__slots__) - {"__weakref__"}:
            setattr(made, name, getattr(self, name))
        return made

    def with_rules(self, rules: dict[ArgNum, Rule]) -> Primitive:
        """Return another primitive, with other rules in the places of its own."""
        made = self.copied()
        made.rules, made.rule_0, made.rule_1 = rules, rules.get(0), rules.get(1)
        return made

    @_once
    def as_anywhere(self) -> Primitive:
        """The same primitive, called where its slope may be infinite as it is anywhere."""
        made = self.copied()
        made.is_steep = made.steep = None
        return made

    @_once
    def smooth(self) -> Primitive:
        """The same primitive without its kinks."""
        made = self.copied()
        made.kinks = made.is_steep = made.steep = None
        return made

    def called_as(self, f: Callable[..., Any]) -> Primitive:
        """Return the same primitive in another wrapper: the operator ``f``, which is one of Python's too."""
        if f not in self.read:
            made = self.copied()
            made.traced, made.read = f, _NONE
            self.read = {**self.read, f: made}
        found: Primitive = self.read[f]
        return found

    def add(self, kind: str, rules: dict[ArgNum, Rule], masks: bool) -> None:
        """Take further rules; what was read off the others is found anew."""
        self.rules = {**self.rules, **rules}
        self.kind, self.masks = kind, self.masks or masks
        self.rule_0, self.rule_1 = self.rules.get(0), self.rules.get(1)
        self.read = _NONE

    def __reduce__(self) -> Any:
        return primitive_of, (self.traced,)  # there is one in each process

    def rule(self, argnum: ArgNum, value: Any = None) -> Rule:
        """Return the rule of one argument, or refuse in the user's line."""
        try:
            return self.rules[argnum]
        except KeyError:
            which = f"argument {argnum}" if isinstance(argnum, int) else f"keyword {argnum!r}"
            found = "" if value is None else f", called with {describe(value)},"
            if self.rules:
                known = ", ".join(str(n) for n in self.rules)
                how = f"it has rules for argument {known}; wrap the value in stop_gradient"
            else:
                how = "rewrite it with functions that have one, wrap the value in stop_gradient"
            raise MissingRuleError(
                f"{self.name}{found} has no derivative rule for {which}; {how} if its derivative is "
                f"not wanted, or give it a rule with funad.defvjp"
            ) from None

    def check_keywords(self, kwargs: dict[str, Any]) -> None:
        """Refuse a keyword of which the rules know nothing."""
        unknown = [name for name in kwargs if name not in self.keywords]
        if unknown:
            first = {
                name
                for n, rule in self.rules.items()
                if isinstance(n, int)
                for name in keywords_of(rule)[n : min(n + 1, count_by_name(rule))]  # of *others none
            }
            takes = ", ".join(sorted(self.keywords - first)) or "none"
            raise UnsupportedKeywordError(
                f"the derivative of {self.name} does not handle the keyword "
                f"{' nor '.join(repr(name) for name in unknown)} on a traced value (it handles: "
                f"{takes}); leave it out, or compute the same in two steps"
            )

    def check_positions(self, args: Sequence[Any]) -> None:
        """Refuse an argument by position that is no part of the rules: ``out`` and what follows."""
        if len(args) > self.positions:
            raise UnsupportedKeywordError(
                f"the derivative of {self.name} takes {self.positions} arguments by position on a "
                f"traced value, but {len(args)} were given; give those from {self.positions + 1} on by name"
            )


_primitives: dict[Any, Primitive] = {}
# The primitives of users, by the function and by the wrapper. The wrapper alone keeps a primitive alive: one
# that is made inside of a function is freed, with all that it closes over, when nobody calls it any more.
_users: weakref.WeakKeyDictionary[Any, weakref.ref[Primitive]] = weakref.WeakKeyDictionary()


# Modules whose traced functions are loaded when they are asked for, with their rules.
LATE = frozenset({"numpy.fft", "numpy.lib.stride_tricks", "numpy.linalg"})
# The modules of funad.scipy that give rules to functions of SciPy.
SCIPY = (
    "cluster", "cluster.hierarchy", "cluster.vq", "fft", "integrate", "interpolate", "linalg", "ndimage",
    "optimize", "signal", "sparse", "sparse.linalg", "spatial", "spatial.distance", "spatial.transform",
    "special", "stats",
)  # fmt: skip


def sparse_derivatives() -> Any:
    """Return the module of sparse Jacobians and Hessians, which needs SciPy: loaded when one is asked for."""
    return importlib.import_module("funad.scipy.sparsity.derivatives")


def load_libraries() -> None:
    """Load what calls other libraries' functions, with the first of their arrays: few programs have one."""
    importlib.import_module("funad.libraries")


def counterpart(x: Any) -> Any:
    """Return one of SciPy's sparse matrices as funad's, which takes traced values; None of anything else."""
    kind = type(x)
    if not kind.__module__.startswith("scipy.sparse.") or not hasattr(kind, "tocsr"):
        return None
    return importlib.import_module("funad.scipy.sparse.arrays").sparse_of(x)


def primitive_of(f: Any) -> Primitive | None:
    """Return a primitive, given as the wrapper or as the function it wraps."""
    try:
        prim = _primitives.get(f) or _of_user(f)
    except TypeError:  # unhashable, so never registered
        return None
    if prim is None or prim.kind is None:
        late = getattr(f, "__module__", None)
        if late in LATE:
            importlib.import_module(f"funad.{late}")  # waits, if another thread is loading it
            prim = _primitives.get(f)
        elif isinstance(f, onp.ufunc) and _is_special(f):
            importlib.import_module("funad.scipy.special")
            prim = _primitives.get(f)
    return prim


def place_of_primitive(prim: Primitive) -> tuple[str, int]:
    """Return what ``primitive_at`` finds a primitive of funad's by, in whatever process."""
    return prim.name, [known.f is prim.f for known in _named_so(prim.name)].index(True)


def primitive_at(name: str, place: int) -> Primitive:
    """Return a primitive of funad's by its name, and its place among those that share it."""
    found = _named_so(name)
    if len(found) <= place:  # its module is loaded late
        for module in (*LATE, *(f"scipy.{part}" for part in SCIPY if name.startswith("scipy."))):
            importlib.import_module(f"funad.{module}")
        found = _named_so(name)
    return found[place]


def _named_so(name: str) -> list[Primitive]:
    return list({id(prim): prim for prim in _primitives.values() if prim.name == name}.values())


def _is_special(f: onp.ufunc) -> bool:
    """Say whether a ufunc is one of ``scipy.special``, as far as that module is loaded."""
    known = sys.modules.get("scipy.special._ufuncs")
    return known is not None and getattr(known, f.__name__, None) is f


def enter(f: Callable[..., Any], name: str | None = None) -> Primitive:
    """Return the primitive of the plain function f, made now if there is none."""
    prim = _primitives.get(f)
    if prim is None:
        prim = _primitives[f] = Primitive(f, name or _full_name_of(f))
    return prim


def enter_anew(f: Callable[..., Any], name: str) -> Primitive:
    """Return a primitive of the plain function f, in the place of one that a user may have made of it."""
    prim = _primitives[f] = Primitive(f, name)
    return prim


def _of_user(f: Any) -> Primitive | None:
    """Return a user's primitive."""
    try:
        known = _users.get(f)
    except TypeError:  # of what has no weak references, as ufuncs
        return None
    return None if known is None else known()


def primitive_anew(f: Callable[..., Any], name: str | None = None) -> Primitive:
    """Return a primitive of its own for a further wrapper of a user's function f.

    Two libraries may wrap one function of a third, each with its rules; a wrapper without rules has those
    that an earlier one was given.
    """
    earlier = primitive_of(f)
    prim = Primitive(f, name or _full_name_of(f))
    prim.foreign = True
    if earlier is not None:
        prim.rules, prim.forward, prim.masks = earlier.rules, earlier.forward, earlier.masks
        prim.kind, prim.rule_0, prim.rule_1 = earlier.kind, earlier.rule_0, earlier.rule_1
        prim.inherited = prim.kind is not None
    return prim


def adopt_user(prim: Primitive, f: Callable[..., Any], wrapped: Callable[..., Any]) -> None:
    """Make ``wrapped`` the wrapper of a user's function f; the first one of f is found by f, too."""
    prim.traced = wrapped
    _users[wrapped] = weakref.ref(prim)
    if prim.f is not f:
        _users[prim.f] = weakref.ref(prim)
    if primitive_of(f) is None:
        try:
            _users[f] = weakref.ref(prim)
        except TypeError:  # it has no weak references, or cannot be a key
            if isinstance(f, onp.ufunc):
                _primitives[f] = prim


def _full_name_of(f: Any) -> str:
    """Return what messages call a primitive: its module and its name."""
    f = named(f)
    module = module_of(f)
    return f"{module}.{f.__name__}" if module else str(f.__name__)


def adopt(prim: Primitive, wrapped: Callable[..., Any]) -> None:
    """Make ``wrapped`` the one wrapper of a primitive."""
    assert prim.traced is prim.f, f"{prim.name} has a wrapper already"
    prim.traced = wrapped
    _primitives[wrapped] = prim


def _known(f: Any) -> Primitive:
    prim = primitive_of(f)
    if prim is None:
        found = _full_name_of(f) if callable(f) else describe(f)
        raise MissingRuleError(
            f"{found} is no primitive; wrap it in funad.primitive first, and give the rule to what comes back"
        )
    return prim


def _define(f: Any, kind: str, rules: dict[ArgNum, Rule], masks: bool = False) -> None:
    prim = _known(f)
    if prim.inherited:
        _forget(prim)
    if prim.kind == kind == "zero":
        return
    if prim.kind == "zero" or (kind != "vjp" and prim.forward) or (kind == "zero" and prim.kind):
        raise DuplicateRuleError(f"{prim.name} is declared already, as {prim.kind}")
    for argnum, rule in rules.items():
        if argnum in prim.rules and not _may_replace(rule, prim.rules[argnum]):
            made = "primitive(f)" if prim.foreign else "primitive(lambda *args: f(*args))"
            raise DuplicateRuleError(
                f"{prim.name} has a rule for argument {argnum} already: {_written(prim.rules[argnum])}; "
                f"a rule is replaced by one of the same name in the same module, or give this one to a "
                f"wrapper of its own, which funad.{made} makes of f"
            )
        check_rule(prim, argnum, rule)
    prim.add(kind, _guarded(prim, rules), masks)


def _guarded(prim: Primitive, rules: dict[ArgNum, Rule]) -> dict[ArgNum, Rule]:
    """Return rules as they are called."""
    guard = prim.guard
    return rules if guard is None else {argnum: guard(prim, rule) for argnum, rule in rules.items()}


def _forget(prim: Primitive) -> None:
    """Let the rules that a wrapper was given by an earlier one give way to its own."""
    prim.inherited, prim.kind, prim.forward = False, None, _NONE
    prim.rules, prim.masks = _NONE, False


def _may_replace(rule: Any, known: Any) -> bool:
    """Say whether a rule is the same definition as one given before, run again or mended and run again.

    As a cell of a notebook is. Of lambdas in one file, two lines are two definitions.
    """
    known = unguarded(known)
    if isinstance(known, Derived):
        return True
    if rule is known:
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


class Derived:
    """A rule of reverse mode made of one of forward mode; one by hand may take its place."""

    __slots__ = ("rule", "transpose")

    def __init__(self, transpose: Rule, rule: Rule) -> None:
        self.transpose, self.rule = transpose, rule

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self.rule)

    def __call__(self, y: Any, ybar: Any, /, *args: Any, **kwargs: Any) -> Any:
        return self.transpose(y, ybar, *args, **kwargs)


def define_forward(f: Any, rules: dict[ArgNum, Rule], derived: dict[ArgNum, Derived]) -> None:
    """Give a primitive rules of forward mode, and derived ones of reverse mode where it has none."""
    prim = _known(f)
    if prim.inherited:
        _forget(prim)
    if prim.kind not in (None, "vjp"):
        raise DuplicateRuleError(
            f"{prim.name} is declared as {prim.kind}, and its rules serve both modes: it takes none of defjvp"
        )
    for argnum, rule in rules.items():
        if argnum in prim.forward and not _may_replace(rule, prim.forward[argnum]):
            raise DuplicateRuleError(
                f"{prim.name} has a forward rule for argument {argnum} already: "
                f"{_written(prim.forward[argnum])}"
            )
        check_rule(prim, argnum, rule, "ẋ", "xdot")
    prim.forward = {**prim.forward, **_guarded(prim, rules)}
    _define(f, "vjp", _underived(prim, derived))


def _underived(prim: Primitive, derived: dict[ArgNum, Derived]) -> dict[ArgNum, Rule]:
    """Return the derived rules that no rule by hand stands in the place of."""
    return {n: rule for n, rule in derived.items() if isinstance(prim.rules.get(n), (Derived, type(None)))}


class _AnyName(frozenset[str]):
    """The keywords of a rule that takes ``**kw``: it says by it that it handles every keyword."""

    __slots__ = ()

    def __contains__(self, name: object) -> bool:
        return True

    def issuperset(self, names: Iterable[Any]) -> bool:
        return True


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


def spares(f: Any, names: Callable[[Any, Any], str]) -> None:
    """Say what the rules of a function of a and b do not read in some calls, so that it is not kept."""
    prim = primitive_of(f)
    assert prim is not None
    prim.spares = names


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


def rules() -> Iterator[tuple[Callable[..., Any], ArgNum]]:
    """Iterate over every rule there is, as pairs (primitive, argument).

    Examples
    --------
    >>> import funad
    >>> import funad.numpy as np
    >>> (np.tanh, 0) in funad.rules()
    True
    """
    for module in LATE:
        importlib.import_module(f"funad.{module}")
    if importlib.util.find_spec("scipy") is not None:
        for module in SCIPY:
            importlib.import_module(f"funad.scipy.{module}")
    users = [prim for known in list(_users.values()) if (prim := known()) is not None]
    seen = {id(prim): prim for prim in [*_primitives.values(), *users]}
    for prim in seen.values():
        for argnum in prim.rules:
            yield prim.traced, argnum


def signature_of(f: Callable[..., Any], follow_wrapped: bool = True) -> inspect.Signature | None:
    """Return the signature of a function, or None where it has none to show, as some of NumPy's own."""
    try:
        return inspect.signature(f, follow_wrapped=follow_wrapped)
    except (TypeError, ValueError):
        return None


def by_position(signature: inspect.Signature | None) -> list[inspect.Parameter]:
    """Return the parameters that may be given by position, in order."""
    parameters = signature.parameters.values() if signature is not None else ()
    return [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
