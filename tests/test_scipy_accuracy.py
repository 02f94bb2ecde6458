"""Derivatives of scipy.special, and of the distributions used most, against mpmath (tests/references).

Each is held at twenty points, tails included, in every real argument: ∂f in both modes, and ∂²f. What mpmath
computes is kept in tests/data; with HYPOTHESIS_PROFILE=deep in the environment all of it is computed anew.
"""

import math
import os
import re
from pathlib import Path

import numpy as onp
import pytest
from mpmath import mp

import funad
import funad.numpy as np
import funad.scipy.special as special
import funad.scipy.stats
from funad import elementwise_grad, grad, jvp
from funad.registry import primitive_of

from .references import COUNT, FILES, derivatives, points
from .references.make import Plain, called, kept_of, table_of
from .scipy_names import VERSION

EPS = 2.0**-52
DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
TABLES, KEPT = ({file: of(file) for file in FILES} for of in (table_of, kept_of))


class Traced:
    """The functions of funad.scipy.special, and what else the calls of references name."""

    np, stats = np, funad.scipy.stats

    def __getattr__(self, name):
        return getattr(special, name)


# Before SciPy 1.17 the values of these have errors up to 1e-3, or are of memory that was not set.
ROUGH_BEFORE = """
    _iv_ratio log_wright_bessel pro_rad2 pro_rad2_cv pdtrik btdtria stdtrit ncfdtr _ncf_sf _ncf_isf ncfdtri
    ncfdtrinc nctdtr _nct_sf _nct_isf nctdtrit nctdtrinc
"""


def is_known(key):
    """Whether this version of SciPy has the function, and its digits."""
    name = key.partition(":")[0].partition(".")[0]
    if VERSION < (1, 17) and name in ROUGH_BEFORE.split():
        return False
    return hasattr(special, name) or hasattr(funad.scipy.stats, name)


KEYS = [pytest.param(file, key, id=key) for file, table in TABLES.items() for key in table if is_known(key)]

# Where a derivative may have fewer digits than ten, or its own derivative fewer than six: the errors allowed.
# Parameters have no closed form there, and differences leave nine; or their slope is small beside the value.
LESS = {
    **dict.fromkeys(
        (
            "iv:left[0]",
            "pbwa:0[0]",
            "hyp2f1:far[0]",
            "hyp2f1:far[2]",
            "hyp0f1[0]",
            "eval_gegenbauer[1]",
            "lpmv[1]",
        ),
        (1e-9, 1e-5),
    ),
    **dict.fromkeys(("pro_ang1", "obl_ang1"), (1e-8, 1e-5)),
    **dict.fromkeys(("pro_ang1_cv", "obl_ang1_cv"), (2e-8, 1e-4)),
    **dict.fromkeys(("ellip_harm_2",), (1e-10, 1e-5)),  # h² of 1/s⁴ of the value
    "obl_cv[2]": (1e-9, 1e-5),
    **dict.fromkeys(("_nct_pdf", "ellip_harm"), (1e-9, 1e-5)),
    **dict.fromkeys(
        (f"_{kind}_{what}" for kind in ("nct", "ncf") for what in ("skewness", "kurtosis_excess")),
        (1e-8, 1e-5),
    ),
    "eval_sh_jacobi[0]": (1e-8, 1e-6),  # beside a zero
}
# Where SciPy's own values have fewer digits, from which derivatives have theirs: the relative error of the
# values at the same points, and what is allowed. Where obl_rad2 is wrong altogether, its slopes are nan.
VALUES = {
    "kei": (1.6e-10, 1e-9, 1e-6),
    "kerp": (5e-11, 2e-10, 1e-6),
    "kelvin": (8e-11, 2e-10, 1e-6),
    "hyperu": (6e-7, 1e-5, 1e-4),
    "eval_sh_chebyt": (6e-10, 1e-9, 1e-6),
    "pro_rad2": (1e-11, 1e-8, 1e-6),
    "pro_rad2_cv": (1e-11, 1e-8, 1e-6),
    "obl_rad2": (10.0, 1e-7, 1e-6),
    "obl_rad2_cv": (10.0, 1e-7, 1e-6),
    "_ncf_isf": (9e-11, 2e-10, 1e-6),
    "ncfdtridfd": (1e-5, 1e-4, 1e-4),
    "ncfdtrinc": (2e-5, 1e-3, 1e-4),
    "nctdtridf": (1.5e-9, 1e-8, 1e-6),
    "nctdtrinc": (9e-9, 1e-7, 1e-6),
}
# Where differences find noise or jumps in SciPy's values, or the values are known to be wrong, slopes are
# nan: the shares of the points, of the first and of the second.
UNKNOWN = {
    "pbvv": (0.0, 0.05),
    "hyperu": (0.1, 0.1),
    "pro_ang1_cv": (0.45, 0.5),
    "obl_ang1_cv": (0.45, 0.5),
    "pro_rad1_cv": (0.2, 0.2),
    "obl_rad1_cv": (0.2, 0.2),
    "obl_rad2": (0.05, 0.05),
    "pro_rad2_cv": (0.0, 0.05),
    "obl_rad2_cv": (0.05, 0.15),
    "ncfdtrinc": (0.3, 0.3),
    "_nct_kurtosis_excess": (0.05, 0.05),
}


def along(reference, key, columns, n):
    """Return (x ↦ y, x) for the n-th argument: over all points at once, or one by one."""
    s = Traced()
    if not reference.scalar:
        yield lambda x: called(s, key, reference, [*columns[:n], x, *columns[n + 1 :]]), columns[n]
        return
    for k in range(len(columns[n])):
        args = [column[k].item() for column in columns]
        yield lambda x, args=args: called(s, key, reference, [*args[:n], x, *args[n + 1 :]]), args[n]


def errors(found, wanted, slack=0.0):
    """Return relative errors beyond the slack; ∞ of a number that is none."""
    found, wanted = onp.asarray(found, float), onp.asarray(wanted, float)
    error = onp.maximum(onp.abs(found - wanted) - slack, 0.0) / onp.maximum(onp.abs(wanted), 1e-300)
    error = onp.where(onp.isfinite(found), error, math.inf)
    return onp.where((found == wanted) | onp.isnan(wanted), 0.0, error)


def check(found, wanted, slack, tolerance, share, what):
    error = errors(found, wanted, slack)
    lost = onp.isnan(onp.asarray(found, float))
    assert onp.mean(lost) <= share, (what, "nan at", onp.flatnonzero(lost))
    error = onp.where(lost, 0.0, error)
    k = int(onp.argmax(error))
    assert error[k] <= tolerance, (what, k, found[k], wanted[k], error[k])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("file", "key"), KEYS)
def test_derivatives_are_those_of_mpmath(file, key):
    reference, row = TABLES[file][key], KEPT[file][key]
    columns, y = [onp.array(column) for column in row["args"]], onp.abs(row["y"])
    for n in reference.argnums:
        x = onp.abs(columns[n])
        wanted, bend = (onp.array(row[kind][str(n)], float) for kind in ("slopes", "curvatures"))
        first, second = tolerances(key, n)
        share, of_second = UNKNOWN.get(key.partition(":")[0], (0.0, 0.0))
        slopes, tangents, curvatures = [], [], []
        with onp.errstate(all="ignore"):
            for f, at in along(reference, key, columns, n):
                of_f = grad(f) if reference.scalar else elementwise_grad(f)
                slopes.append(of_f(at))
                tangents.append(jvp(f, (at,), (onp.ones_like(at)[()],))[1])
                curvatures.append(grad(of_f)(at) if reference.scalar else elementwise_grad(of_f)(at))
            # The slope moves by this much if x does by two roundings.
            slack = 2 * EPS * onp.abs(onp.nan_to_num(bend)) * x
            room = 1e-11 * (onp.abs(wanted) / x + y / x**2)
        slopes, tangents, curvatures = (
            onp.array(part).reshape(-1) for part in (slopes, tangents, curvatures)
        )
        check(slopes, wanted, slack, first, share, (n, "reverse"))
        check(tangents, wanted, slack, first, share, (n, "forward"))
        check(curvatures, bend, room, second, of_second, (n, "second"))


def tolerances(key, n):
    name = key.partition(":")[0]
    if name in VALUES:
        return VALUES[name][1:]
    known = [LESS[found] for found in (f"{key}[{n}]", key, f"{name}[{n}]", name) if found in LESS]
    return known[0] if known else (1e-10, 1e-5)


@pytest.mark.skipif(VERSION < (1, 17), reason="the digits of older versions are others")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", VALUES)
def test_scipys_own_values_have_the_digits_of_the_table(name):
    """What allows a derivative fewer digits is measured: a better SciPy makes this fail, and the line go."""
    worst = 0.0
    for file, table in TABLES.items():
        for key in table:
            if key.partition(":")[0] == name:
                row = KEPT[file][key]
                rows = zip(*row["args"], strict=True)
                with onp.errstate(all="ignore"):
                    found = [called(Plain(), key, table[key], list(args)) for args in rows]
                worst = max(worst, *errors(found, row["y"]))
    assert 0.1 * VALUES[name][0] < worst < 10 * VALUES[name][0]


def test_the_page_names_the_functions_of_the_table():
    page = (Path(funad.__file__).parent / "docs" / "scipy.md").read_text(encoding="utf-8")
    digits = page.partition("## Digits")[2].partition("Functions given")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \|[^|]*\| ([\de.-]+)[^|]*\|$", digits, re.MULTILINE))
    public = {name: row for name, row in VALUES.items() if name[0] != "_" and not name.endswith("_cv")}
    assert {name: float(error) for name, error in rows.items()} == {
        name: row[1] for name, row in public.items()
    }


# --- the tables are complete, and what is kept is what mpmath computes

# Rules that no reference is of by its own name, with the reason.
EXCEPTED = {
    "jn": "the same as jv",
    **dict.fromkeys(
        (f"{kind}_{part}_cv" for kind in ("pro", "obl") for part in ("ang1", "rad1", "rad2")),
        "solve the equation for the eigenvalue of c alone: held as functions of c and x, with that",
    ),
}
if VERSION < (1, 15):
    _same = (f"_{kind}_{method}" for kind in ("nct", "ncf", "ncx2") for method in ("cdf", "ppf"))
    EXCEPTED |= dict.fromkeys(_same, "the same as nctdtr, ncfdtr, chndtr and their inverses")
NAMED = {}
for _table in TABLES.values():
    for _key, _reference in _table.items():
        NAMED.setdefault(_key.partition(":")[0], []).append(_reference)


def test_no_rule_of_scipy_special_is_missing_from_the_tables():
    missing = set()
    for f, n in funad.rules():
        prim = primitive_of(f)
        module, _, name = prim.name.rpartition(".")
        if module == "scipy.special" and name not in EXCEPTED:
            references = NAMED.get(name, [])
            if isinstance(prim.f, onp.ufunc):  # else an argument of the call is not one of the function
                references = [
                    found for found in references if len(found.domains) == prim.f.nin and n in found.argnums
                ]
            if not references:
                missing.add((name, n))
    assert missing == set()


def test_no_function_that_others_are_made_of_is_missing_from_the_tables():
    kinds = {name: getattr(primitive_of(getattr(special, name)), "kind", None) for name in special.__all__}
    written = {name for name, kind in kinds.items() if kind == "composite"}
    assert written - set(NAMED) == set()


def test_what_is_kept_is_of_the_tables():
    for file, table in TABLES.items():
        assert set(KEPT[file]) == set(table)
        for key, reference in table.items():
            kept = [onp.array(column, float) for column in KEPT[file][key]["args"]]
            for column, found in zip(points(reference), kept, strict=True):
                onp.testing.assert_allclose(found, column, rtol=1e-13)


ANEW = KEYS if DEEP else [param for param in KEYS if param.values[0] == "special_elementary"]


@pytest.mark.parametrize(("file", "key"), ANEW)
def test_what_is_kept_is_what_mpmath_computes(file, key):
    reference, row = TABLES[file][key], KEPT[file][key]
    for k in range(COUNT) if DEEP else [7]:
        y, pairs = derivatives(reference, [column[k] for column in row["args"]], row["y"][k])
        assert row["y"][k] == pytest.approx(float(mp.re(y)), rel=1e-14)
        for n, (slope, _) in pairs.items():
            assert row["slopes"][str(n)][k] == pytest.approx(float(mp.re(slope)), rel=1e-13)
