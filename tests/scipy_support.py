"""What of SciPy is supported, from the probes of ``tests/scipy_names`` and the registry.

``python -m tests.scipy_support`` writes it into ``funad/docs/scipy_support.md``, and
``tests/test_scipy_support.py`` fails when that page is out of date. ``tests/test_scipy_names.py`` holds
every probe against SciPy, so a derivative is on the page only if it agrees with differences.
"""

import importlib
from collections import Counter
from pathlib import Path

import scipy

from funad.registry import primitive_of
from funad.scipy import MODULES, SUBMODULES

from .scipy_names import HOW, PROBES, REFUSED

PAGE = Path(__file__).parent.parent / "funad" / "docs" / "scipy_support.md"
COMMAND = "python -m tests.scipy_support"
VERSION = ".".join(scipy.__version__.split(".")[:2])

PLACES = sorted([*MODULES, *SUBMODULES])
ORDERS = ("in tests of their own", "first", "first and second")
MEANING = {
    "closed form": "a formula, or the transpose of a linear function",
    "series": "a formula, and a series where its digits cancel",
    "differences": "differences of SciPy's function, with steps that adapt to it, in some argument",
    "traced": "the definition, written with functions that have derivatives",
    "implicit": "the equation that the result solves",
    "hosted": "SciPy's own Python code, run on traced values",
}

# --- rows


def _place(name):
    """The module, the public name in it, and the method or "", of a full name."""
    _, module, public, *method = name.split(".")
    if f"{module}.{public}" in SUBMODULES:
        return f"{module}.{public}", method[0], ".".join(method[1:])
    return module, public, ".".join(method)


def rows(module):
    """What is differentiable: (public name, methods, hows, orders), those of one object in one row."""
    found = {}
    for probe in PROBES:
        where, public, method = _place(probe.name)
        if where == module:
            found.setdefault(public, {}).setdefault(method, []).append(probe)
    out = []
    for public, methods in sorted(found.items(), key=lambda item: item[0].lower()):
        kinds = {}
        for method, probes in methods.items():
            hows = tuple(how for how in HOW if how in {p.how for p in probes})
            kinds.setdefault((hows, min(p.order for p in probes)), []).append(method)
        out += [(public, tuple(names), *kind) for kind, names in kinds.items()]
    return out


def refused(module):
    """The names that are refused on traced values, by reason."""
    reasons = {}
    for name, why in sorted(REFUSED.items()):
        where, public, method = _place(name)
        if where == module:
            reasons.setdefault(why, []).append(f"{public}.{method}" if method else public)
    return reasons


_KINDS = {
    "zero": "The derivative is zero",
    "rules": "Differentiable; held by no probe here",
    "composite": "Made of others: take traced values or refuse them by name; held by no probe here",
    "distribution": "Distributions with the methods of those above, and draws; held by no probe here",
    "none": "Without a rule: refused on a traced value",
    "class": "Classes for traced values; held by no probe here",
    "passed": "SciPy's own, passed on",
}


def _kind(ours, theirs):
    if ours is theirs:
        return "passed"
    if isinstance(ours, type):
        return "class"
    if hasattr(ours, "_theirs"):
        return "distribution"
    prim = primitive_of(ours)
    if prim is None or prim.kind == "composite":
        return "composite"
    return {"zero": "zero", None: "none"}.get(prim.kind, "rules")


def others(module):
    """The public names that are in no row and not among the refused ones, by kind."""
    ours, theirs = (importlib.import_module(f"{top}.{module}") for top in ("funad.scipy", "scipy"))
    said = {_place(name)[1] for name in (*REFUSED, *(p.name for p in PROBES)) if _place(name)[0] == module}
    kinds = {kind: [] for kind in _KINDS}
    for name in sorted(set(ours.__all__) - said):
        kinds[_kind(getattr(ours, name), getattr(theirs, name))].append(name)
    return {kind: names for kind, names in kinds.items() if names}


def has(module, name):
    """Say whether the SciPy that is installed has a public name: some have come with later versions."""
    return hasattr(importlib.import_module(f"scipy.{module}"), name)


# --- the page


def _code(names):
    return ", ".join(f"`{name}`" for name in names)


def _of_module(module):
    out = [f"\n## scipy.{module}\n\n| name | how | orders held |\n| --- | --- | --- |\n"]
    for public, methods, hows, order in rows(module):
        title = f"`{public}`" if methods == ("",) else f"`{public}`: {_code(methods)}"
        out.append(f"| {title} | {', '.join(hows)} | {ORDERS[order]} |\n")
    if reasons := refused(module):
        out.append("\nRefused on a traced value, with the reason:\n\n")
        out += [f"- {_code(names)}: {why}\n" for why, names in sorted(reasons.items())]
    if kinds := others(module):
        out.append("\nOther public names:\n\n")
        out += [f"- {_KINDS[kind]}: {_code(names)}\n" for kind, names in kinds.items()]
    return "".join(out)


def counts():
    """How many names are differentiable, how many to each order, and in which ways."""
    orders, ways = {}, {}
    for probe in PROBES:
        orders[probe.name] = min(probe.order, orders.get(probe.name, 2))
        ways.setdefault(probe.name, probe.how)
    return len(orders), Counter(orders.values()), Counter(ways.values())


def page():
    """The page as it has to be."""
    names, orders, ways = counts()
    head = f"""# What of SciPy is supported

Of SciPy {VERSION}, {names:,} functions and methods of distributions are differentiable; {len(REFUSED)} are
refused on a traced value, with the reason given here. {orders[2]:,} of them agree with differences of
SciPy itself to second order, {orders[1]} to first order, and {orders[0]} are held in tests of their own,
since differences of them say little. Each is held in reverse and in forward mode, in all arguments of its
probe, and its value is SciPy's to the bit, but for some that the probes name with a reason.
[For users of SciPy](scipy.md) says how to use them.

| how | means | names |
| --- | --- | --- |
"""
    head += "".join(f"| {how} | {MEANING[how]} | {ways[how]} |\n" for how in HOW)
    head += f"""
This page is written by `{COMMAND}` from the probes in `tests/scipy_names`, which
`tests/test_scipy_names.py` runs, and is checked by `tests/test_scipy_support.py`.
"""
    return head + "".join(map(_of_module, PLACES))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
