"""The calls that properties of the registry are held to.

In the profile ``ci`` they are drawn once for all tests: drawing a call takes as long as checking it. In other
profiles each test draws new ones of its own, and makes a call that fails small.
"""

import functools
import inspect

import numpy as onp
import pytest
from hypothesis import HealthCheck, Phase, given, settings

import funad
from funad import jvp, tree, vjp
from funad.registry import primitive_of

from .cases import CASES, FIELDS

ABSENT = {f for field in FIELDS for f in getattr(field, "ABSENT", ())}
COMPOSITES = {f: case for field in FIELDS for f, case in getattr(field, "COMPOSITES", {}).items()}
# Rules that other tests register on functions of their own are no part of the library; those of
# scipy.special, of which there are 600, are held by test_special and test_scipy_names.
RULES = [
    pytest.param(f, n, id=f"{primitive_of(f).name}-{n}")
    for f, n in funad.rules()
    if (f in CASES or not primitive_of(f).name.startswith(("tests.", "scipy.special."))) and f not in ABSENT
]
SHARED = 24  # of which some are the same


def case_of(f):
    return CASES[f] if f in CASES else COMPOSITES[f]


def draw(case, count):
    """Return up to so many calls of a case, the same every time; those without numbers are last."""
    found = []

    @settings(
        max_examples=count, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(at=case.draw)
    def note(at):
        found.insert(0, at)  # the first is the simplest

    note()
    return sorted(found, key=lambda at: 0 in map(onp.size, tree.flatten((at.args, at.kwargs))[0]))


@functools.cache
def drawn(f):
    return draw(case_of(f), SHARED)


def argument_of(at, place):
    """Return the argument of a call by its position or keyword; None if it has none."""
    if isinstance(place, int):
        return at.args[place] if place < len(at.args) else None
    return at.kwargs.get(place)


def called_with(f, at, place, x):
    """Call f as a case says, with x in one place."""
    args, kwargs = list(at.args), dict(at.kwargs)
    (args if isinstance(place, int) else kwargs)[place] = x
    return f(*args, **kwargs)


def present(at, place):
    """Say whether the call has this argument, as floats."""
    leaves = tree.flatten(argument_of(at, place))[0]
    return bool(leaves) and all(onp.asarray(leaf).dtype.kind in "fc" for leaf in leaves)


def on_calls(count, part=slice(None)):
    """Hold a test of (f, at), or of (f, argnum, at) where that argument is there, to so many calls.

    ``part`` says which of the shared calls to take, for two tests of one thing to see different ones.
    """

    def of(test):
        def wanted(named, at):
            return "argnum" not in named or present(at, named["argnum"])

        def on_shared(**named):
            for at in [at for at in drawn(named["f"])[part] if wanted(named, at)][:count]:
                try:
                    test(**named, at=at)
                except Exception as error:
                    error.add_note(f"in {at}")
                    raise

        def on_new(**named):
            @settings(max_examples=max(1, settings().max_examples * count // SHARED))
            @given(at=case_of(named["f"]).draw)
            def hold(at):
                if wanted(named, at):
                    test(**named, at=at)

            hold()

        run = functools.wraps(test)(on_shared if settings().derandomize else on_new)
        signature = inspect.signature(test)
        run.__signature__ = signature.replace(
            parameters=[p for name, p in signature.parameters.items() if name != "at"]
        )
        return run

    return of


# --- what several tests ask of a call


def of_one(f, at, place):
    """Return f as a function of one of its arguments, and that argument."""
    return functools.partial(called_with, f, at, place), argument_of(at, place)


def random_like(x, rng):
    """A tree of normal numbers in the space of x, whole numbers left out."""

    def like(leaf):
        leaf = onp.asarray(leaf)
        if leaf.dtype.kind not in "fc":
            return onp.zeros(leaf.shape)[()]
        more = 1j * rng.normal(size=leaf.shape) if leaf.dtype.kind == "c" else 0.0
        return onp.asarray(rng.normal(size=leaf.shape) + more, leaf.dtype)[()]

    return tree.map(like, x)


def pair(xbar, v):
    """⟨x̄, v⟩ = Re Σ x̄·v, and the size of its terms."""
    total = size = 0.0
    for a, b in zip(tree.flatten(xbar)[0], tree.flatten(v)[0], strict=True):
        if onp.asarray(b).dtype.kind in "fc" and onp.asarray(a).dtype.kind in "fc":
            terms = onp.asarray(a) * onp.asarray(b)
            total, size = total + float(onp.real(onp.sum(terms))), size + float(onp.sum(onp.abs(terms)))
    return total, size


def check_duality(f, at, place):
    """⟨ȳ, Jẋ⟩ = ⟨Jᵀȳ, ẋ⟩ to rounding."""
    rng = onp.random.default_rng(1)
    of_x, x = of_one(f, at, place)
    xdot = random_like(x, rng)
    y, vjp_f = vjp(of_x, x)
    ybar = random_like(y, rng)
    forward, size = pair(ybar, jvp(of_x, (x,), (xdot,))[1])
    reverse, other = pair(vjp_f(ybar), xdot)
    assert forward == pytest.approx(reverse, rel=1e-9, abs=1e-10 * (1 + size + other))
