"""Derivatives of scipy.special, and of the distributions used most, against mpmath (tests/references).

Each is held at twenty points, tails included, in every real argument: ∂f in both modes, and ∂²f. What mpmath
computes is kept in tests/data; with FUNAD_DEEP=1 in the environment it is computed anew.
"""

import math
import os

import numpy as onp
import pytest

import funad
import funad.numpy as np
import funad.scipy.special as special
import funad.scipy.stats
from funad import elementwise_grad, grad, jvp
from funad.registry import primitive_of

from .references import FILES, derivatives
from .references.make import Plain, called, kept_of, table_of
from .scipy_names import VERSION

EPS = 2.0**-52
TABLES, KEPT = ({file: of(file) for file in FILES} for of in (table_of, kept_of))


class Traced:
    """The functions of funad.scipy.special, and what else the calls of references name."""

    np, stats = np, funad.scipy.stats

    def __getattr__(self, name):
        return getattr(special, name)


def is_known(key):
    """Whether this version of SciPy has the function."""
    name = key.partition(":")[0].partition(".")[0]
    return hasattr(special, name) or hasattr(funad.scipy.stats, name)


KEYS = [
    pytest.param(file, key, id=key) for file, table in TABLES.items() for key in table if is_known(key)
]

# Where a derivative may have fewer digits than ten, or its own derivative fewer than six: the errors allowed,
# and why. A parameter without a closed form has nine.
BY_DIFFERENCES = 1e-9
LESS = {}
# Where differences may find noise or jumps in SciPy's values and give nan, and the share of points that do.
UNKNOWN = {}
# Relative errors of SciPy's own values at these points, of which derivatives cannot be better.
VALUES = {}


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
    return onp.where(onp.isfinite(found), error, onp.where(onp.isnan(wanted), 0.0, math.inf))


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
        share = UNKNOWN.get(key.partition(":")[0], 0.0)
        slopes, tangents, curvatures = [], [], []
        with onp.errstate(all="ignore"):
            for f, at in along(reference, key, columns, n):
                of_f = grad(f) if reference.scalar else elementwise_grad(f)
                slopes.append(of_f(at))
                tangents.append(jvp(f, (at,), (onp.ones_like(at)[()],))[1])
                curvatures.append(
                    grad(of_f)(at) if reference.scalar else elementwise_grad(of_f)(at)
                )
            # The slope moves by this much if x does by two roundings.
            slack = 2 * EPS * onp.abs(onp.nan_to_num(bend)) * x
            room = 1e-11 * (onp.abs(wanted) / x + y / x**2)
        slopes, tangents, curvatures = (
            onp.array(part).reshape(-1) for part in (slopes, tangents, curvatures)
        )
        check(slopes, wanted, slack, first, share, (n, "reverse"))
        check(tangents, wanted, slack, first, share, (n, "forward"))
        check(curvatures, bend, room, second, share, (n, "second"))


def tolerances(key, n):
    for name in (f"{key}[{n}]", key, key.partition(":")[0]):
        if name in LESS:
            return LESS[name]
    return 1e-10, 1e-6
