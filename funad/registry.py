"""Primitives, and the table of their rules: (primitive, argument) -> rule.

A rule is j(f): it takes the output y, its cotangent ȳ and the arguments of the call, and
returns the cotangent x̄ of one argument.
"""

from __future__ import annotations

import functools
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
from .memory import LARGE, Drop, Rule, Taken, keep_only_read_by, taken_by
from .spaces import describe, module_of, named

ArgNum = int | str
NO_RULES: Mapping[Any, Any] = types.MappingProxyType({})


class Primitive:
    """What is known of one primitive: its function, its wrapper and its rules."""

    __slots__ = (
        "__dict__", "__weakref__", "containers", "f", "fast_reduce", "foreign", "forms", "forward",
        "inherited", "is_steep", "iterators", "kind", "kinks", "masks", "name", "operator", "plain",
        "rule_0", "rule_1", "rules", "run", "spares", "steep", "traced", "underflows", "views",
    )  # fmt: skip

    def __init__(
        self,
        f: Callable[..., Any],
        name: str,
        kind: str | None = None,
        rules: Mapping[ArgNum, Rule] = NO_RULES,
        containers: tuple[int, ...] = (),
    ) -> None:
        self.f = f
        # f as it is called inside of a trace and outside: its warnings are at the user's line.
        self.run, self.plain = warning(f), plainly(f)
        self.name = name
        self.foreign = False  # whether the function and its rules are a user's
        self.inherited = False  # whether the rules are those of an earlier wrapper of the same function
        self.traced: Callable[..., Any] = f
        # What an operator is on traced values, as a * b; Python's numbers stay Python's.
        self.operator: Callable[..., Any] = f
        # What f gives for one array (and an axis, and keepdims) without f's own detours.
        self.fast_reduce: Callable[..., Any] | None = None
        self.kind = kind  # None: no rule yet, so a traced argument is refused
        self.containers = containers  # the arguments that are lists of arrays
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
        self.forward: Mapping[ArgNum, Rule] = NO_RULES  # those of defjvp: (y, ẋ, *xs) ↦ ẏ
        self.put_rules(rules)

    def put_rules(self, rules: Mapping[ArgNum, Rule]) -> None:
        """Have these rules and no others; what was read off the others is found anew."""
        self.rules = rules
        self.rule_0, self.rule_1 = rules.get(0), rules.get(1)  # for the fast path
        self.forms: set[Any] = set()  # calls that rules take: how many arguments, which keywords, which boxes
        self.__dict__.clear()

    def copied(self, rules: Mapping[ArgNum, Rule] | None = None, **changes: Any) -> Primitive:
        """Return another primitive with all that this one has, but for rules and other changes."""
        made = Primitive(self.f, self.name)
        for name in Primitive.__slots__[2:]:
            setattr(made, name, changes.get(name, getattr(self, name)))
        made.put_rules(self.rules if rules is None else rules)
        return made

    def __reduce__(self) -> Any:
        return primitive_of, (self.traced,)  # there is one in each process

    # --- what is read off the code of the rules

    def _taken(self) -> list[Taken]:
        return [taken_by(rule) for rule in (*self.rules.values(), *self.forward.values())]

    @functools.cached_property
    def keywords(self) -> frozenset[str]:
        """The keywords that every rule takes."""
        taken = self._taken()
        known = [frozenset(each.by_position + each.by_name) for each in taken if not each.any_name]
        return frozenset.intersection(*known) if known else _AnyName() if taken else frozenset()

    @functools.cached_property
    def positions(self) -> int:
        """How many arguments every rule takes by position."""
        counts = [len(each.by_position) for each in self._taken() if not each.any_number]
        return min(counts, default=sys.maxsize)

    @functools.cached_property
    def keep_only_read(self) -> Drop | None:
        """Replaces arrays that no rule reads by placeholders of the same shape and dtype."""
        return keep_only_read_by(self, list(self.rules)) if self.kind in ("elementwise", "linear") else None

    @functools.cached_property
    def keep_only_read_0(self) -> Drop | None:
        """``keep_only_read`` for calls in which only a is traced. None if ``keep_only_read`` is."""
        return self.keep_only_read and keep_only_read_by(self, [0])

    @functools.cached_property
    def keep_only_read_1(self) -> Drop | None:
        """``keep_only_read`` for calls in which only b is traced."""
        return self.keep_only_read and keep_only_read_by(self, [1])

    def keep_only_read_for(self, sources: Any) -> Drop | None:
        """Return what lets go of the large arrays that no rule of these sources reads."""
        if len(sources) != 1 or sources[0][0] not in (0, 1):
            return self.keep_only_read
        return self.keep_only_read_1 if sources[0][0] else self.keep_only_read_0

    @functools.cached_property
    def reads(self) -> tuple[bool, bool]:
        """Whether the rule of the other argument reads a, and whether it reads b."""
        of_b, of_a = self.keep_only_read_1, self.keep_only_read_0
        return (
            not of_b or of_b(None, LARGE, None)[1] is LARGE,
            not of_a or of_a(None, None, LARGE)[2] is LARGE,
        )

    # --- the same primitive, as it is called in some cases

    @functools.cached_property
    def as_anywhere(self) -> Primitive:
        """The same primitive, called where its slope may be infinite as it is anywhere."""
        return self.copied(is_steep=None, steep=None)

    @functools.cached_property
    def smooth(self) -> Primitive:
        """The same primitive without its kinks."""
        return self.copied(kinks=None, is_steep=None, steep=None)

    # --- refusals

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
            own = {
                name
                for n, rule in self.rules.items()
                if isinstance(n, int)
                for name in taken_by(rule).by_position[n : n + 1]  # of *others none
            }
            takes = ", ".join(sorted(self.keywords - own)) or "none"
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


def once(make: Callable[[Primitive], Any]) -> Callable[[Primitive], Any]:
    """Wrap a function of a primitive: the primitive keeps the result until it is given other rules."""
    name = f"{make.__module__}.{make.__qualname__}"

    @functools.wraps(make)
    def kept(prim: Primitive) -> Any:
        known = prim.__dict__
        if name not in known:
            known[name] = make(prim)
        return known[name]

    return kept


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


class _AnyName(frozenset[str]):
    """The keywords of a rule that takes ``**kw``: it says by it that it handles every keyword."""

    __slots__ = ()

    def __contains__(self, name: object) -> bool:
        return True

    def issuperset(self, names: Iterable[Any]) -> bool:
        return True


# Modules whose traced functions are loaded when they are asked for, with their rules.
LATE = frozenset({"numpy.fft", "numpy.lib.stride_tricks", "numpy.linalg"})
# The modules of funad.scipy that give rules to functions of SciPy.
SCIPY = (
    "cluster", "cluster.hierarchy", "cluster.vq", "fft", "integrate", "interpolate", "linalg", "ndimage",
    "optimize", "signal", "sparse", "sparse.linalg", "spatial", "spatial.distance", "spatial.transform",
    "special", "stats",
)  # fmt: skip


def loaded(module: str) -> Any:
    """Return a module of funad's that few programs need, from whatever floor: it is loaded when asked for."""
    return importlib.import_module(f"funad.{module}")


def counterpart(x: Any) -> Any:
    """Return one of SciPy's sparse matrices as funad's, which takes traced values; None of anything else."""
    kind = type(x)
    if not kind.__module__.startswith("scipy.sparse.") or not hasattr(kind, "tocsr"):
        return None
    return loaded("scipy.sparse.arrays").sparse_of(x)


def place_of_primitive(prim: Primitive) -> tuple[str, int]:
    """Return what ``primitive_at`` finds a primitive of funad's by, in whatever process."""
    return prim.name, [known.f is prim.f for known in _named_so(prim.name)].index(True)


def primitive_at(name: str, place: int) -> Primitive:
    """Return a primitive of funad's by its name, and its place among those that share it."""
    found = _named_so(name)
    if len(found) <= place:  # its module is loaded late
        for module in (*LATE, *(f"scipy.{part}" for part in SCIPY if name.startswith("scipy."))):
            loaded(module)
        found = _named_so(name)
    return found[place]


def _named_so(name: str) -> list[Primitive]:
    return list({id(prim): prim for prim in _primitives.values() if prim.name == name}.values())


# --- the table

_primitives: dict[Any, Primitive] = {}
# The primitives of users, by the function and by the wrapper. The wrapper alone keeps a primitive alive: one
# that is made inside of a function is freed, with all that it closes over, when nobody calls it any more.
_users: weakref.WeakKeyDictionary[Any, weakref.ref[Primitive]] = weakref.WeakKeyDictionary()


def primitive_of(f: Any) -> Primitive | None:
    """Return a primitive, given as the wrapper or as the function it wraps."""
    try:
        prim = _primitives.get(f) or _of_user(f)
    except TypeError:  # unhashable, so never registered
        return None
    if prim is None or prim.kind is None:
        late = getattr(f, "__module__", None)
        if late in LATE:
            loaded(late)  # waits, if another thread is loading it
            prim = _primitives.get(f)
        elif isinstance(f, onp.ufunc) and _is_special(f):
            loaded("scipy.special")
            prim = _primitives.get(f)
    return prim


def _of_user(f: Any) -> Primitive | None:
    """Return a user's primitive."""
    try:
        known = _users.get(f)
    except TypeError:  # of what has no weak references, as ufuncs
        return None
    return None if known is None else known()


def _is_special(f: onp.ufunc) -> bool:
    """Say whether a ufunc is one of ``scipy.special``, as far as that module is loaded."""
    known = sys.modules.get("scipy.special._ufuncs")
    return known is not None and getattr(known, f.__name__, None) is f


def enter(f: Callable[..., Any], name: str | None = None) -> Primitive:
    """Return the primitive of the plain function f, made now if there is none."""
    return _primitives.get(f) or enter_anew(f, name or full_name_of(f))


def enter_anew(f: Callable[..., Any], name: str) -> Primitive:
    """Return a primitive of the plain function f, in the place of one that a user may have made of it."""
    prim = _primitives[f] = Primitive(f, name)
    return prim


def primitive_anew(f: Callable[..., Any], name: str | None = None) -> Primitive:
    """Return a primitive of its own for a further wrapper of a user's function f.

    Two libraries may wrap one function of a third, each with its rules; a wrapper without rules has those
    that an earlier one was given.
    """
    earlier = primitive_of(f)
    prim = Primitive(f, name or full_name_of(f))
    prim.foreign = True
    if earlier is not None:
        prim.put_rules(earlier.rules)
        prim.forward, prim.masks, prim.kind = earlier.forward, earlier.masks, earlier.kind
        prim.inherited = prim.kind is not None
    return prim


def adopt(prim: Primitive, wrapped: Callable[..., Any]) -> None:
    """Make ``wrapped`` the one wrapper of a primitive."""
    assert prim.traced is prim.f, f"{prim.name} has a wrapper already"
    prim.traced = wrapped
    _primitives[wrapped] = prim


def adopt_user(prim: Primitive, f: Callable[..., Any], wrapped: Callable[..., Any]) -> None:
    """Make ``wrapped`` the wrapper of a user's function f; the first one of f is found by f, too."""
    prim.traced = wrapped
    for key in (wrapped, prim.f, f):
        if primitive_of(key) is None:
            try:
                _users[key] = weakref.ref(prim)
            except TypeError:  # it has no weak references, or cannot be a key
                if isinstance(key, onp.ufunc):
                    _primitives[key] = prim


def full_name_of(f: Any) -> str:
    """Return what messages call a primitive: its module and its name."""
    f = named(f)
    module = module_of(f)
    return f"{module}.{f.__name__}" if module else str(f.__name__)


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
        loaded(module)
    if importlib.util.find_spec("scipy") is not None:
        for module in SCIPY:
            loaded(f"scipy.{module}")
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
