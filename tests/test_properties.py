"""Properties of every rule and every function: on complex numbers, and in single precision."""

import warnings

import numpy as onp
import pytest

import funad
from funad import jvp, vjp
from funad import numpy as np
from funad.registry import primitive_of
from funad.testing import Call, check_vjp
from funad.tree import flatten
from funad.tree import map as tree_map

from .cases import CASES
from .drawing import COMPOSITES, RULES, check_duality, of_one, on_calls, present, random_like

FUNCTIONS = [pytest.param(f, id=primitive_of(f).name) for f in (*CASES, *COMPOSITES)]


def complexified(call, places):
    """The call with complex numbers in the places of these arguments."""
    rng = onp.random.default_rng(0)

    def turned(x):
        if isinstance(x, float) or (isinstance(x, (onp.ndarray, onp.generic)) and x.dtype.kind == "f"):
            return onp.asarray(x + 0.3j * rng.uniform(0.5, 1.0, onp.shape(x)))[()]
        return x

    args = [tree_map(turned, x) if n in places else x for n, x in enumerate(call.args)]
    return Call(tuple(args), {k: tree_map(turned, x) if k in places else x for k, x in call.kwargs.items()})


def takes(f, call):
    """Whether NumPy takes this call, and makes inexact numbers of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            y = f(*call.args, **call.kwargs)
        except (TypeError, ValueError, onp.exceptions.ComplexWarning, onp.linalg.LinAlgError):
            return False
    return any(onp.asarray(leaf).dtype.kind in "fc" for leaf in flatten(y)[0])


# --- on complex numbers


# The vectors of complex matrices have a phase, so differences of them have no meaning: see test_linalg.
PHASES = {getattr(np.linalg, name) for name in ("eig", "eig_apart", "eigh", "eigh_apart", "svd", "svd_apart")}
OF_COMPLEX = [
    row
    for row in RULES
    if CASES[row.values[0]].complex and row.values[0] not in PHASES
    and not primitive_of(row.values[0]).name.startswith("scipy.")  # whose cases draw complex numbers too
]  # fmt: skip


@pytest.mark.parametrize(("f", "argnum"), OF_COMPLEX)
@on_calls(5)
def test_both_modes_agree_with_differences_on_complex_numbers(f, argnum, at):
    at = complexified(at, set(primitive_of(f).rules))
    if present(at, argnum) and takes(f, at):
        check_duality(f, at, argnum)
        check_vjp(f, at, argnum, order=1)


# --- single precision stays, beside Python's numbers too


def single(x):
    """The same in single precision."""
    dtype = {"d": onp.float32, "D": onp.complex64}.get(getattr(getattr(x, "dtype", None), "char", ""))
    return x if dtype is None else x.astype(dtype)


def precisions(x, like=None):
    """The dtypes of the leaves of x; where ``like`` has one of Python's numbers, none."""
    leaves = flatten(x)[0]
    beside = leaves if like is None else flatten(like)[0]
    python = (int, float, complex) if like is not None else ()
    return [onp.asarray(a).dtype for a, b in zip(leaves, beside, strict=True) if type(b) not in python]


@pytest.mark.parametrize("f", FUNCTIONS)
@pytest.mark.filterwarnings("ignore:logm result may be inaccurate")  # of float32
@on_calls(12)
def test_every_function_has_the_precision_of_numpys_in_both_modes(f, at):
    at = Call(tree_map(single, at.args), tree_map(single, at.kwargs))
    wanted = precisions(f(*at.args, **at.kwargs))
    if f is not np.clip or set(at.kwargs) <= {"a_min", "a_max"}:  # NumPy 2.0 knows no other names
        assert wanted == precisions(primitive_of(f).f(*at.args, **at.kwargs))
    for place in [*range(len(at.args)), *at.kwargs]:
        if present(at, place) and (primitive_of(f).rules.get(place) or f in COMPOSITES):
            of_x, x = of_one(f, at, place)
            y, vjp_f = vjp(of_x, x)
            ybar = random_like(y, onp.random.default_rng(0))
            assert precisions(y) == wanted
            assert precisions(vjp_f(ybar), like=x) == precisions(x, like=x)
            _, ydot = jvp(of_x, (x,), (random_like(x, onp.random.default_rng(0)),))
            kinds = [dtype for dtype in wanted if dtype.kind in "fc"]
            assert [dtype for dtype in precisions(ydot) if dtype.kind in "fc"] == kinds


# Python's numbers take the precision of the array beside them, as in NumPy.
BESIDE = {
    "x + 0.1": lambda x: x + 0.1,
    "0.1 - x": lambda x: 0.1 - x,
    "x * 2": lambda x: x * 2,
    "x / 3": lambda x: x / 3,
    "1 / x": lambda x: 1 / x,
    "x**2": lambda x: x**2,
    "x**-1.5": lambda x: x**-1.5,
    "2.0**x": lambda x: 2.0**x,
    "x % 0.3": lambda x: x % 0.3,
    "maximum": lambda x: np.maximum(x, 0.7),
    "where": lambda x: np.where(x > 0.5, x, 0.0),
    "clip": lambda x: np.clip(x, 0.1, 0.9),
    "hypot": lambda x: np.hypot(x, 1.0),
    "arctan2": lambda x: np.arctan2(1.0, x),
    "logaddexp": lambda x: np.logaddexp(x, 0.0),
    "copysign": lambda x: np.copysign(x, -1.0),
    "float_power of an int": lambda x: np.power(x, 3),
    "mean": lambda x: np.mean(x) * 0.5 + x,
    "norm": lambda x: np.linalg.norm(x) / 2.0 * x,
    "indexing": lambda x: x[0] * 0.1 + x[1:] ** 2,
    "matmul": lambda x: (x @ x) * 2.0 - x,
    "var": lambda x: np.var(x) * x + 1.0,
    "softmax": lambda x: np.exp(x - np.max(x)) / np.sum(np.exp(x - np.max(x))),
    "gelu": lambda x: 0.5 * x * (1 + np.tanh(0.79788456 * (x + 0.044715 * x**3))),
}


@pytest.mark.parametrize("dtype", [onp.float32, onp.float16])
@pytest.mark.parametrize("name", BESIDE)
def test_pythons_numbers_do_not_change_the_precision(name, dtype):
    x = onp.array([0.3, 0.6, 1.2], dtype)
    first = funad.grad(lambda x: np.sum(BESIDE[name](x)))
    second = funad.grad(lambda x: np.sum(first(x) * 0.5))
    assert BESIDE[name](x).dtype == dtype
    assert first(x).dtype == dtype
    assert second(x).dtype == dtype
    assert jvp(BESIDE[name], (x,), (x,))[1].dtype == dtype
    assert jvp(first, (x,), (x,))[1].dtype == dtype
