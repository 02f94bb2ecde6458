"""A traced value as an option of a function of SciPy's: derived, or refused, and never taken as plain.

The calls are those of the probes. Each parameter that a probe leaves at its default is given a number.
"""

import functools
import importlib
import inspect
import types

import numpy as onp
import pytest
import scipy

import funad
import funad.scipy
from funad.boxes import Traced
from funad.errors import FunadError
from funad.tree import flatten

from .scipy_names import PROBES, VERSION

pytestmark = pytest.mark.filterwarnings("ignore")
MODULES = ("integrate", "interpolate", "linalg", "optimize")
FLAGS = ("full_output", "lwork")  # truths, and sizes of memory
H = 1e-4
# Of what only a search stops by, the last digits depend on the tolerance, and the exact solution does not.
LOOSE = 1e-3


class Recorder:
    """A module of SciPy's whose functions note how they are called."""

    def __init__(self, module, calls):
        self._module, self._calls = module, calls

    def __getattr__(self, name):
        found = getattr(self._module, name)
        if isinstance(found, types.ModuleType):
            return Recorder(found, self._calls)
        return functools.partial(self._run, name, found) if isinstance(found, types.FunctionType) else found

    def _run(self, name, f, *args, **kwargs):
        y = f(*args, **kwargs)
        self._calls.setdefault((self._module.__name__, name), (args, kwargs))
        return y


def options():
    calls = {}
    for probe in PROBES:
        if probe.name.split(".")[1] in MODULES and probe.since <= VERSION:
            importlib.import_module(".".join(probe.name.split(".")[:2]))
            probe.f(Recorder(scipy, calls), *probe.args)
    for (module, name), (args, kwargs) in calls.items():
        f = getattr(importlib.import_module(module), name)
        for n, parameter in enumerate(inspect.signature(f).parameters.values()):
            given = n < len(args) or parameter.name in kwargs or parameter.default is parameter.empty
            option = parameter.name
            if not given and not isinstance(parameter.default, (bool, str)) and option not in FLAGS:
                yield pytest.param(module, name, args, kwargs, option, id=f"{module}.{name}-{option}")


def floats(y):
    """The float arrays in a result."""
    leaves = flatten(dict(sorted(y.items())) if isinstance(y, dict) else y)[0]
    known = [x for x in leaves if isinstance(x, (float, onp.generic, onp.ndarray, Traced))]
    return [x for x in known if onp.asarray(funad.value(x)).dtype.kind in "fc"]


@pytest.mark.parametrize(("module", "name", "args", "kwargs", "option"), list(options()))
def test_a_traced_option_is_derived_or_refused(module, name, args, kwargs, option, capsys):
    plain, ours = (getattr(importlib.import_module(top + module), name) for top in ("", "funad."))

    def run(f, x):
        return floats(f(*args, **kwargs, **{option: x}))

    try:
        before, middle, after = (run(plain, 0.7 + h) for h in (-H, 0.0, H))
        slopes = [onp.asarray(b - a) / (2 * H) for a, b in zip(before, after, strict=True)]
    except Exception as error:  # SciPy takes no such number there
        failing = type(error)
    else:
        failing = None
    if failing:
        with pytest.raises((FunadError, TypeError, ValueError, IndexError, failing)):
            funad.jvp(functools.partial(run, ours), (0.7,), (1.0,))
        return
    try:
        values, found = funad.jvp(functools.partial(run, ours), (0.7,), (1.0,))
    except FunadError:
        return
    for value, wanted, slope, got in zip(values, middle, slopes, found, strict=True):
        onp.testing.assert_allclose(funad.value(value), wanted)
        onp.testing.assert_allclose(got, slope, rtol=1e-3, atol=LOOSE * onp.max(onp.abs(wanted), initial=1))
