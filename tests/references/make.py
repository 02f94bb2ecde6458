"""Compute the references of a table by mpmath, and keep them in tests/data.

``python -m tests.references.make special_bessel`` computes what the file has not, and with names of functions
after it, those.
"""

import importlib
import json
import sys
from pathlib import Path

import numpy as onp
import scipy.special
import scipy.stats
from mpmath import mp
from scipy.special import _ufuncs

from . import FILES, derivatives, points

DATA = Path(__file__).parent.parent / "data"


class Plain:
    """SciPy's functions, the private ones too, and NumPy as ``np``, for the calls of references."""

    np, stats = onp, scipy.stats

    def __getattr__(self, name):
        return getattr(_ufuncs if name.startswith("_") else scipy.special, name)


def table_of(file):
    """Return the references of a file of tests/data by name."""
    return importlib.import_module(f"{__package__}.{FILES[file]}").TABLE


def kept_of(file):
    """Return what the file has kept of them."""
    path = DATA / f"{file}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def called(s, key, reference, args):
    """Return one real number of SciPy's result, or funad's, or an array of them."""
    if reference.call is not None:
        return reference.call(s, *args)
    return getattr(s, key.partition(":")[0])(*args)


def computed(key, reference):
    """Return what is kept of a reference: the arguments, y, the slopes and curvatures by argument."""
    numbers = [str(n) for n in reference.argnums]
    found = {"args": [column.tolist() for column in points(reference)], "y": []}
    found |= {kind: {n: [] for n in numbers} for kind in ("slopes", "curvatures")}
    for args in zip(*found["args"], strict=True):
        start = None
        if reference.place is not None:
            with onp.errstate(all="ignore"):
                start = called(Plain(), key, reference, args)
        y, pairs = derivatives(reference, args, start)
        found["y"].append(_number(y, 17))
        for n, (slope, curvature) in pairs.items():
            found["slopes"][str(n)].append(_number(slope, 15))
            found["curvatures"][str(n)].append(_number(curvature, 10))
    return found


def _number(x, digits):
    if x is None:
        return None
    if abs(mp.im(x)) > abs(x) * 1e-15:
        raise ValueError(f"{x} is complex")
    return float(mp.nstr(mp.re(x), digits))


def main(file, *names):
    """Compute what the file of this name has not, or the references named, and write it line by line."""
    table, kept = table_of(file), kept_of(file)
    for key, reference in table.items():
        named = key in names or key.partition(":")[0] in names
        if named or (not names and key not in kept):
            print(key, flush=True)
            try:
                kept[key] = computed(key, reference)
            except Exception as error:
                print(repr(error)[:300], flush=True)
            _write(file, {key: kept[key] for key in table if key in kept})


def _write(file, kept):
    lines = (f"{json.dumps(key)}: {json.dumps(row)}" for key, row in kept.items())
    (DATA / f"{file}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
