"""What of the registry is differentiable on dask arrays, found by running the cases of the tests.

``python -m tests.dask_support`` writes it into ``funad/docs/dask_support.md``, and ``tests/test_dask.py``
fails when that page is out of date.
"""

import functools
import re
import warnings
from pathlib import Path

import dask
import dask.array as da
import numpy
from hypothesis import HealthCheck, Phase, given, settings

import funad
from funad.errors import FunadError
from funad.registry import primitive_of
from funad.testing import Call
from funad.tree import flatten
from funad.tree import map as tree_map

from .cases import CASES
from .drawing import argument_of, called_with

PAGE = Path(__file__).parent.parent / "funad" / "docs" / "dask_support.md"
COMMAND = "python -m tests.dask_support"
VERSIONS = (
    f"NumPy {'.'.join(numpy.__version__.split('.')[:2])} and dask {'.'.join(dask.__version__.split('.')[:2])}"
)
RULES = {}  # by the names of their functions
for _f, _argnum in funad.rules():
    if _f in CASES and not primitive_of(_f).name.startswith(("tests.", "scipy.special.")):
        RULES.setdefault(primitive_of(_f).name, []).append((_f, _argnum))
IN_ONE, IN_SEVERAL = 1, 2


def in_chunks(x, parts):
    """Return an array of floats as a dask array, every axis in so many chunks; anything else as it is."""
    if type(x) is not numpy.ndarray or not x.ndim or x.dtype.kind not in "fc":
        return x
    return da.from_array(x, chunks=tuple(max(1, -(-size // parts)) for size in x.shape))


def _calls(f):
    """Calls drawn from the case of a primitive, the same every time."""
    found = []

    @settings(
        max_examples=2, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(call=CASES[f].draw)
    def draw(call):
        found.append(call)

    draw()
    return found


def _is_inexact(x):
    leaves = flatten(x)[0]
    return bool(leaves) and all(numpy.asarray(leaf).dtype.kind in "fc" for leaf in leaves)


def vjp(f, call, argnum):
    """Return y and x̄ of a call, for a ȳ without a pattern."""
    y, vjp_f = funad.vjp(functools.partial(called_with, f, call, argnum), argument_of(call, argnum))
    rng = numpy.random.default_rng(0)

    def some(leaf):
        dtype = numpy.dtype(getattr(leaf, "dtype", float))
        numbers = rng.normal(size=numpy.shape(leaf))
        return numpy.asarray(numbers if dtype.kind in "fc" else 0 * numbers, dtype)[()]

    return y, vjp_f(tree_map(some, y))


def is_lazy(x):
    return any(isinstance(leaf, da.Array) for leaf in flatten(x)[0])


def outcome(f, argnum, parts):
    """Return what came of the calls of a case: yes, partly, a refusal, or "" without dask arrays.

    A result that is none of NumPy's, or an error of another kind, is no outcome.
    """
    agreed, refused = 0, []
    for call in _calls(f):
        lazy = Call(*(tree_map(lambda x: in_chunks(x, parts), part) for part in (call.args, call.kwargs)))
        if not _is_inexact(argument_of(call, argnum)) or not is_lazy((lazy.args, lazy.kwargs)):
            continue
        with warnings.catch_warnings(), numpy.errstate(all="ignore"), dask.config.set(scheduler="sync"):
            warnings.simplefilter("ignore")
            try:
                wanted = vjp(f, call, argnum)
            except (FunadError, numpy.linalg.LinAlgError):
                continue  # at values that coincide, say
            try:
                found = dask.compute(vjp(f, lazy, argnum))[0]
            except FunadError as error:
                refused.append(str(error))
                continue
        for a, b in zip(flatten(found)[0], flatten(wanted)[0], strict=True):
            # Sums in another order; and what is lost to cancellation in the formulas of linear algebra.
            numpy.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9, err_msg=f"{f.__name__}, {call}")
        agreed += 1
    if not agreed:
        return refused[0] if refused else ""
    return "partly" if refused else "yes"


def outcomes(name):
    """Return what came of each argument of a function: in one chunk, and in several."""
    found = [[outcome(f, n, parts) for parts in (IN_ONE, IN_SEVERAL)] for f, n in RULES[name]]
    return [pair for pair in found if any(pair)]


def title_of(pairs):
    """Return the section of the page with a function of these outcomes; None if it takes no dask arrays."""
    return _SECTIONS[tuple(_merged([pair[n] for pair in pairs]) for n in range(2))] if pairs else None


def listed():
    """Return the section of every function, by its name, as the page has it."""
    titled = [section.partition("\n") for section in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]]
    return {name: title for title, _, names in titled for name in re.findall(r"`(.+?)`", names)}


def _merged(outcomes):
    kinds = {each if each in ("yes", "partly") else "no" for each in outcomes if each}
    return kinds.pop() if len(kinds) == 1 else "partly"


_SECTIONS = {
    ("yes", "yes"): "In any chunks",
    ("yes", "partly"): "In several chunks for some arguments or keywords, in one chunk for all",
    ("partly", "partly"): "For some arguments or keywords",
    ("partly", "no"): "In one chunk, for some arguments or keywords",
    ("yes", "no"): "In one chunk",
    ("no", "partly"): "In several chunks, for some arguments or keywords",
    ("no", "no"): "Refused",
}


def page():
    """Return the page."""
    titles = {name: title_of(outcomes(name)) for name in sorted(RULES)}
    lines = [
        "# Derivatives of dask arrays",
        "",
        "What each function with a derivative rule does with dask arrays, in one chunk or in several along",
        "every axis, inside of a differentiated function: it stays lazy and agrees with NumPy, or it is",
        "refused by name when the graph is built. Nothing is loaded in between. What has no rule of its own,",
        "as `np.average`, is made of these. Functions of `scipy.special` work element by element, in any",
        "chunks.",
        "",
        f"This page is of {VERSIONS}. It is written by `{COMMAND}`, which runs all that it says, and is",
        "checked by `tests/test_dask.py`.",
    ]
    for title in _SECTIONS.values():
        names = [name for name in titles if titles[name] == title]
        if names:
            lines += ["", f"## {title}", "", ", ".join(f"`{name}`" for name in names)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
