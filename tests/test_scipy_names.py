"""Every supported name of SciPy: its value to the bit, and derivatives against differences of SciPy."""

import contextlib
import importlib
import types
import warnings

import numpy as onp
import pytest
import scipy

import funad.scipy
from funad.boxes import innermost
from funad.errors import FunadError
from funad.testing import call, check_jvp, check_vjp
from funad.tree import flatten

from .scipy_names import PROBES, REFUSED, VERSION

PARAMS = [pytest.param(probe, id=f"{probe.name}-{k}") for k, probe in enumerate(PROBES)]
IDS = [param for param in PARAMS if param.values[0].since <= VERSION]


def _plain(probe):
    importlib.import_module(".".join(probe.name.split(".")[:2]))
    return probe.f(scipy, *probe.args)


# What a later SciPy, or NumPy, is to leave out is there as long as it is.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*deprecated.* removed in SciPy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*has been deprecated in NumPy:DeprecationWarning"),
]


def _same(got, wanted, probe):
    got, wanted = flatten(got)[0], flatten(wanted)[0]
    assert len(got) == len(wanted)
    for a, b in zip(got, wanted, strict=True):
        if hasattr(b, "dtype"):
            assert onp.asarray(a).dtype == b.dtype
        if probe.exact:
            onp.testing.assert_array_equal(a, b)
        else:
            onp.testing.assert_allclose(a, b, rtol=probe.rtol)


@pytest.mark.parametrize("probe", IDS)
def test_the_value_is_that_of_scipy(probe):
    wanted = _plain(probe)
    _same(probe.f(funad.scipy, *probe.args), wanted, probe)
    traced, _ = funad.vjp(lambda *args: probe.f(funad.scipy, *args), *probe.args)
    _same(traced, wanted, probe)


def _writable(x):
    """Return x as SciPy 1.14 takes it: not all of its compiled code takes arrays that are read-only."""
    return x.copy() if VERSION < (1, 15) and type(x) is onp.ndarray else x


@pytest.mark.parametrize("probe", [param for param in IDS if param.values[0].order])
def test_the_derivatives_agree_with_differences(probe):
    def f(*args):
        return probe.f(funad.scipy, *map(_writable, args))

    for argnum in range(len(probe.args)):
        check_vjp(f, call(*probe.args), argnum, order=probe.order)
        check_jvp(f, call(*probe.args), argnum)


# With the newest SciPy there are none.
@pytest.mark.parametrize("probe", [param for param in PARAMS if param.values[0].since > VERSION])
def test_what_an_earlier_version_of_scipy_cannot_do_is_refused(probe):
    try:
        _plain(probe)
    except Exception:
        return  # nor can it do so with plain values: a keyword, say, that it has not
    with pytest.raises(FunadError):
        funad.vjp(lambda *args: probe.f(funad.scipy, *args), *probe.args)


# --- names that have no probe


def _public(module):
    theirs = importlib.import_module(f"scipy.{module}")
    return sorted({*getattr(theirs, "__all__", ()), *(n for n in dir(theirs) if not n.startswith("_"))})


@pytest.mark.parametrize("module", funad.scipy.MODULES)
def test_every_public_name_of_scipy_is_there(module):
    ours = importlib.import_module(f"funad.scipy.{module}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of SciPy's old submodules
        assert [name for name in _public(module) if not hasattr(ours, name)] == []


X = onp.array([0.31, 0.52, 0.43, 0.74, 0.25, 0.66])
MATRIX = onp.array([[0.31, 0.12, 0.2], [0.1, 0.54, 0.21], [0.15, 0.16, 0.63]])
CALLS = [(x, *after) for x in (X, MATRIX, 0.37) for after in ((), (2,), (X,), (2, 0.4, 0.5))]
# What may be plain, though x is traced: it is the same on both sides of x.
STEPS = {
    "scipy.ndimage.generate_binary_structure",
    "scipy.ndimage.iterate_structure",
    "scipy.signal.choose_conv_method",  # times, if it is to measure them
    "scipy.signal.kaiser_beta",
    "scipy.signal.square",
    "scipy.special.gammasgn",
    "scipy.special.round",
    "scipy.stats.ortho_group",  # of whole numbers: frozen distributions
    "scipy.stats.special_ortho_group",
    "scipy.stats.unitary_group",
}
ABOUT_SCIPY = ("test", "show_options", "_backend", "set_workers", "skip_backend", "_verbose_callback")
CRASHING = ("distance_transform_cdt",)  # SciPy itself, on sizes that do not fit each other
if VERSION < (1, 15):  # crash, or fail with other errors, on what is no array
    CRASHING += ("binary_fill_holes", "binary_propagation", "generic_laplace", "btdtr", "btdtri")
KNOWN = {probe.name for probe in PROBES} | REFUSED.keys()


def _is_unprobed(full, theirs):
    if isinstance(theirs, (type, types.ModuleType)) or not callable(theirs) or hasattr(theirs, "rvs"):
        return False
    probed = full in KNOWN | STEPS or any(known.startswith(f"{full}.") for known in KNOWN)
    return not probed and not full.endswith((*ABOUT_SCIPY, *CRASHING))


def _unprobed():
    for module in funad.scipy.MODULES:
        theirs = importlib.import_module(f"scipy.{module}")
        for name in _public(module):
            if _is_unprobed(f"scipy.{module}.{name}", getattr(theirs, name)):
                yield pytest.param(module, name, id=f"scipy.{module}.{name}")


def _is_whole(y):
    """Say whether a result is of whole numbers, truths and words, which are constant around x."""
    return all(onp.asarray(leaf).dtype.kind in "biuUSO" for leaf in flatten(y)[0])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("module", "name"), list(_unprobed()))
def test_what_has_no_probe_loses_no_derivative(module, name):
    f = getattr(importlib.import_module(f"funad.scipy.{module}"), name)
    lost = []

    def on_traced(x, *after):
        with contextlib.suppress(FunadError):
            y = f(x, *after)
            if innermost(flatten(y)[0]) is None and not _is_whole(y):
                lost.append((x, *after))
        return x * 0.0

    for args in CALLS:
        try:
            f(*map(onp.copy, args))
        except Exception:
            continue  # SciPy takes no such call
        funad.vjp(lambda x, args=args: on_traced(x, *args[1:]), args[0])
    assert lost == []
