"""Primitives, and the table of their rules: (primitive, argument) -> rule.

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

from .errors import MissingRuleError, UnsupportedKeywordError
from .floating import plainly, warning
from .memory import (
    LARGE,
    Drop,
    Rule,
    count_by_name,
    count_by_position,
    keep_only_read_by,
    keywords_of,
    takes_any_keyword,
)  # fmt: skip
from .spaces import describe, module_of, named

ArgNum = int | str

NO_RULES: Mapping[Any, Any] = types.MappingProxyType({})


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
        "forms",
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
        "plain",
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
        # f as it is called inside of a trace and outside: its warnings are at the user's line.
        self.run, self.plain = warning(f), plainly(f)
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
        # What the rules do not read in a call, though their code names it: (a, b) ↦ "y", "b" or "".
        self.spares: Callable[[Any, Any], str] | None = None
        # Whether its slope may be infinite for such arguments, and what calls it then: see nearby.
        self.is_steep: Callable[..., bool] | None = None
        self.steep: Callable[..., Any] | None = None
        self.rules: Mapping[ArgNum, Rule] = NO_RULES
        self.forward: Mapping[ArgNum, Rule] = NO_RULES  # those of defjvp: (y, ẋ, *xs) ↦ ẏ
        self.rule_0: Rule | None = None  # rules[0] and rules[1], for the fast path
        self.rule_1: Rule | None = None
        self.read: Mapping[Any, Any] = NO_RULES
        self.forms: set[Any] = set()  # calls that rules take: how many arguments, which keywords, which boxes

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
        made.forms = set()
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
            made.traced, made.read = f, NO_RULES
            self.read = {**self.read, f: made}
        found: Primitive = self.read[f]
        return found

    def add(self, kind: str, rules: dict[ArgNum, Rule], masks: bool) -> None:
        """Take further rules; what was read off the others is found anew."""
        self.rules = {**self.rules, **rules}
        self.kind, self.masks = kind, self.masks or masks
        self.rule_0, self.rule_1 = self.rules.get(0), self.rules.get(1)
        self.read, self.forms = NO_RULES, set()

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
        prim = _primitives[f] = Primitive(f, name or full_name_of(f))
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
    prim = Primitive(f, name or full_name_of(f))
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


def full_name_of(f: Any) -> str:
    """Return what messages call a primitive: its module and its name."""
    f = named(f)
    module = module_of(f)
    return f"{module}.{f.__name__}" if module else str(f.__name__)


def adopt(prim: Primitive, wrapped: Callable[..., Any]) -> None:
    """Make ``wrapped`` the one wrapper of a primitive."""
    assert prim.traced is prim.f, f"{prim.name} has a wrapper already"
    prim.traced = wrapped
    _primitives[wrapped] = prim


class _AnyName(frozenset[str]):
    """The keywords of a rule that takes ``**kw``: it says by it that it handles every keyword."""

    __slots__ = ()

    def __contains__(self, name: object) -> bool:
        return True

    def issuperset(self, names: Iterable[Any]) -> bool:
        return True


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
