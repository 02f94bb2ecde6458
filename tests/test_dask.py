"""Derivatives of dask arrays: lazy, right, in one pass over the data; or refused by name."""

import gc
import operator
import subprocess
import sys
import threading
from pathlib import Path

import dask
import dask.array as da
import numpy
import pytest
from dask.delayed import delayed

import funad
import funad.numpy as np
from funad import grad, hessian, jvp, optimizers, stop_gradient, value, value_and_grad, vjp
from funad.errors import ArgumentTypeError, NotDifferentiableError
from funad.scipy.special import log_softmax, logsumexp, softmax

from . import dask_support as support

RNG = numpy.random.default_rng(0)
X = RNG.normal(size=(60, 3))
T = (RNG.random(60) > 0.5) * 1.0
W = RNG.normal(size=3)
V = numpy.array([0.3, -0.1, 0.2])
LAZY_X, LAZY_T = da.from_array(X, chunks=(16, 3)), da.from_array(T, chunks=16)


@pytest.fixture(autouse=True)
def in_this_thread():
    with dask.config.set(scheduler="sync"):
        yield


# --- every case of the registry


@pytest.mark.parametrize("name", support.RULES)
def test_a_function_on_dask_arrays_agrees_with_numpy_or_is_refused_by_name_as_the_page_says(name):
    pairs = support.outcomes(name)
    said = ("yes", "partly", "", "beside a traced value", "which is lazy", "dask")
    for refusal in [refusal for pair in pairs for refusal in pair]:
        assert refusal in said[:3] or any(words in refusal for words in said[3:])
    if f"This page is of {support.VERSIONS}." in support.PAGE.read_text(encoding="utf-8"):
        assert support.title_of(pairs) == support.listed().get(name), support.COMMAND


def test_the_page_has_no_other_functions():
    assert {*support.listed()} <= {*support.RULES}


# --- programs

LOSSES = {
    "logistic": lambda w, x, t: np.mean(np.logaddexp(0, x @ w) - t * (x @ w)),
    "squares": lambda w, x, t: np.mean((x @ w - t) ** 2),
    "dot": lambda w, x, t: np.sum(np.dot(x, w) ** 2),
    "from the left": lambda w, x, t: np.sum((w @ x.T) ** 2),
    "network": lambda w, x, t: np.sum(np.tanh(x * w).sum(axis=1) * t),
    "einsum": lambda w, x, t: np.einsum("ij,j->", x, w**2),
    "concatenate": lambda w, x, t: np.sum(np.concatenate([x @ w, w]) ** 2),
    "columns": lambda w, x, t: np.sum(x[:, 0] * w[0] + x[:, 1:] @ w[1:] ** 2),
    "reshape": lambda w, x, t: np.sum((x * w[None]).reshape(-1) ** 3),
    "cumsum": lambda w, x, t: np.sum(np.cumsum(x @ w) ** 2),
    "means": lambda w, x, t: np.sum(np.mean(x * w, axis=0) ** 2),
    "extremes": lambda w, x, t: np.sum(np.maximum(x @ w, 0)) + np.sum(np.clip(x @ w, -0.5, 0.5) ** 2),
    "powers": lambda w, x, t: np.sum(np.abs(x @ w) ** 1.5) + np.sum(np.hypot(x @ w, t)),
    "logarithm": lambda w, x, t: np.log(np.sum(np.exp(x @ w))),
    "places": lambda w, x, t: np.sum(np.take(w, (2 * t).astype(int), axis=0) ** 2 * x[:, 0]),
    "writes": lambda w, x, t: np.sum(_written(x * w) ** 2),
    "variance": lambda w, x, t: np.var(x @ w),
    "softmax": lambda w, x, t: np.mean(logsumexp(x * w, axis=1) - t * np.sum(x * w, axis=1)),
    "logarithms of softmax": lambda w, x, t: np.sum(log_softmax(x * w, axis=1) * softmax(x, axis=1)),
    "folds of ufuncs": lambda w, x, t: np.sum(np.logaddexp.reduce(x * w, axis=1) + np.add.reduce(x * w, 1)),
    "running folds": lambda w, x, t: np.sum(np.logaddexp.accumulate(x * w, axis=1)),
    "systems": lambda w, x, t: np.sum(np.linalg.solve(A + np.outer(w, w), x.T) ** 2),
    "principal components": lambda w, x, t: np.sum((x - x @ np.outer(unit(w), unit(w))) ** 2),
    "projections": lambda w, x, t: np.sum((x @ np.linalg.qr(np.stack([w, w**2], axis=1))[0]) ** 2),
    "averages": lambda w, x, t: (
        np.average(x @ w, weights=t + 1) + np.sum(np.average(x * w, axis=0, weights=t) ** 2)
    ),
    "correlation": lambda w, x, t: np.corrcoef(x @ w, t)[0, 1],
    "a column of ones": lambda w, x, t: np.sum((np.hstack([np.ones((60, 1)), x])[:, :3] @ w) ** 2),
    "rows below": lambda w, x, t: np.sum((np.vstack([x, np.ones((1, 3))]) @ w) ** 3),
    "padded": lambda w, x, t: (
        np.sum(np.pad(x @ w, 2)[1:] ** 2) + np.sum(np.pad(x @ w, (1, 2), mode="edge") ** 3)
    ),
    "padded with a number": lambda w, x, t: np.sum(np.pad(x * w, ((2, 1), (0, 0)), constant_values=1.5) ** 3),
    "parts": lambda w, x, t: np.sum(np.prod(np.split(x @ w, 2), axis=0)),
    "one more and one less": lambda w, x, t: np.sum(np.delete(np.insert(x @ w, 3, w[0]), 7) ** 3),
}
# Which need w in one chunk: np.take at lazy places of it, and functions of matrices made of it.
WHOLE = ("places", "systems", "projections")
KINKS = {
    "norm": lambda w, x, t: np.linalg.norm(x @ w - t),
    "max": lambda w, x, t: np.max(x @ w),
    "deviation": lambda w, x, t: np.std(x @ w),
}


A = numpy.diag([3.0, 4.0, 5.0])


def unit(w):
    return w / np.sqrt(np.sum(w**2))


def _written(x):
    x[0] = 0.0
    x[3:5, 1] = 2.0
    return x


def check(found, wanted):
    """Hold lazy results to NumPy's, in structure and numbers."""
    assert support.is_lazy(found)
    for a, b in zip(
        funad.tree.flatten(dask.compute(found)[0])[0], funad.tree.flatten(wanted)[0], strict=True
    ):
        numpy.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13)
        assert numpy.shape(a) == numpy.shape(b)


@pytest.mark.parametrize("loss", [*LOSSES.values(), *KINKS.values()], ids=[*LOSSES, *KINKS])
def test_a_gradient_is_lazy_and_that_of_numpy(loss):
    check(value_and_grad(loss)(W, LAZY_X, LAZY_T), value_and_grad(loss)(W, X, T))
    check(value_and_grad(lambda w: loss(w, LAZY_X, LAZY_T))(W), value_and_grad(loss)(W, X, T))
    if not any(loss is LOSSES[name] for name in WHOLE):
        check(grad(loss)(da.from_array(W, chunks=2), LAZY_X, LAZY_T), grad(loss)(W, X, T))
    check(jvp(lambda w: loss(w, LAZY_X, LAZY_T), (W,), (V,)), jvp(lambda w: loss(w, X, T), (W,), (V,)))


@pytest.mark.parametrize("loss", [*LOSSES.values(), *KINKS.values()], ids=[*LOSSES, *KINKS])
def test_the_gradient_in_the_data_has_their_chunks(loss):
    found, wanted = grad(loss, 1)(W, LAZY_X, LAZY_T), grad(loss, 1)(W, X, T)
    check(found, wanted)
    assert found.chunks == LAZY_X.chunks


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_second_derivatives_in_every_mode(loss):
    lazy, plain = (lambda w: loss(w, LAZY_X, LAZY_T)), (lambda w: loss(w, X, T))
    wanted = jvp(grad(plain), (W,), (V,))[1]
    for found in (
        jvp(grad(lazy), (W,), (V,))[1],
        grad(lambda w: np.sum(grad(lazy)(w) * V))(W),
        grad(lambda w: jvp(lazy, (w,), (V,))[1])(W),
    ):
        if support.is_lazy(found) or numpy.any(wanted):
            check(found, wanted)


@pytest.mark.parametrize("loss", KINKS.values(), ids=KINKS)
def test_second_derivatives_of_functions_with_kinks_are_refused(loss):
    with pytest.raises(
        NotDifferentiableError, match="the second derivative of numpy.* take first derivatives"
    ):
        jvp(grad(lambda w: loss(w, LAZY_X, LAZY_T)), (W,), (V,))


def test_a_second_derivative_at_a_kink_is_nan_where_the_composite_is_smooth():
    x = da.from_array(numpy.array([0.0, 2.0]), chunks=1)
    second = grad(lambda x: np.sum(grad(lambda x: np.sum(np.abs(x) ** 2))(x)))(x).compute()
    assert numpy.isnan(second[0])
    assert second[1] == 2.0


def test_products_of_a_jacobian_and_hessians():
    y, vjp_f = vjp(lambda w: LAZY_X @ w, W)
    check((y, vjp_f(LAZY_T)), (X @ W, X.T @ T))
    check(
        hessian(lambda w: LOSSES["logistic"](w, LAZY_X, LAZY_T))(W),
        hessian(lambda w: LOSSES["logistic"](w, X, T))(W),
    )


def test_containers_and_auxiliary_values():
    def loss(p, x, t):
        z = np.tanh(x @ p["w"] + p["b"])
        return np.sum((z - t) ** 2), z

    p = {"w": W, "b": 0.5}
    check(value_and_grad(loss, has_aux=True)(p, LAZY_X, LAZY_T), value_and_grad(loss, has_aux=True)(p, X, T))


def test_zero_cotangents_are_strong_zeros_in_every_block():
    def loss(x, t):
        return np.sum(np.where(t > 0, np.log(np.where(t > 0, x, 0.0)), 0.0)) + np.sum(np.sqrt(x * x))

    x = numpy.where(T > 0, abs(X[:, 0]), 0.0)
    with numpy.errstate(divide="ignore"):
        check(grad(loss)(da.from_array(x, chunks=16), LAZY_T), grad(loss)(x, T))


def test_single_precision_stays():
    x, w = LAZY_X.astype("f4"), W.astype("f4")
    assert grad(lambda w: np.sum(np.exp(x @ w)))(w).dtype == numpy.float32
    assert grad(lambda x: np.sum(np.exp(x @ w)))(x).dtype == numpy.float32


def test_what_is_assigned_to_an_array_later_does_not_count():
    x = da.from_array(X.copy(), chunks=(16, 3))
    y, vjp_f = vjp(lambda w: np.sum((x @ w) ** 2), W)
    x[:] = 0.0
    numpy.testing.assert_allclose(vjp_f(1.0).compute(), 2 * X.T @ (X @ W))


def test_plain_values_are_dasks():
    assert isinstance(value(LAZY_X), da.Array)
    seen = []
    grad(lambda w: seen.append(stop_gradient(LAZY_X @ w)) or np.sum(LAZY_X @ w))(W)
    assert isinstance(seen[0], da.Array)


CLOSING = {
    "map_blocks": lambda w: np.sum(LAZY_X.map_blocks(lambda b: b @ w, drop_axis=1, dtype=float)),
    "map_overlap": lambda w: np.sum(da.map_overlap(lambda b: b * w, LAZY_X, depth=0, dtype=float)),
    "blockwise": lambda w: np.sum(da.blockwise(lambda b: b * w, "ij", LAZY_X, "ij", dtype=float)),
    "apply_gufunc": lambda w: np.sum(
        da.apply_gufunc(lambda a: a @ w, "(i)->()", LAZY_X, output_dtypes=float)
    ),
}


@pytest.mark.parametrize("name", CLOSING)
def test_a_function_for_dask_that_closes_over_a_traced_value_is_refused_by_name(name):
    f = CLOSING[name]
    for run in (
        lambda: grad(f)(W),
        lambda: grad(lambda w: f(w) + np.sum(w))(W),
        lambda: jvp(f, (W,), (V,)),
        lambda: grad(lambda w: grad(lambda s: f(w) * s)(1.0))(W),
    ):
        with pytest.raises(NotDifferentiableError, match=f"dask's {name} was given a traced value"):
            run()
    check(grad(lambda w: np.sum(LAZY_X.map_blocks(lambda b: 2 * b, dtype=float) @ w))(W), 2 * X.sum(axis=0))


def test_a_checkpointed_function_of_lazy_arrays_stays_lazy():
    f = funad.checkpoint(lambda w, x: np.sum(np.tanh(x @ w) ** 2))
    check(grad(f)(W, LAZY_X), grad(f)(W, X))


def test_interpolation_in_several_chunks_is_refused_by_name():
    with pytest.raises(NotDifferentiableError, match=r"numpy\.interp of dask"):
        grad(lambda w: np.sum(np.interp(LAZY_X @ w, [-1.0, 0.0, 1.0], [1.0, 0.0, 1.0])))(W)


def test_gradients_without_data_stay_numpys_own():
    value_and_grad(LOSSES["squares"])(W, LAZY_X, LAZY_T)
    assert type(grad(LOSSES["squares"])(W, X, T)) is numpy.ndarray
    assert type(grad(lambda x: x**2)(3.0)) is float


# --- one pass, and never all at once


class Loads:
    """Chunks that are made when they are read, and counted; how many there were at the same time."""

    def __init__(self, chunks, rows, features):
        self.count, self.alive, self.most, self.lock = 0, 0, 0, threading.Lock()
        parts = [
            da.from_delayed(delayed(self.load, pure=True)(n, rows, features), (rows, features), float)
            for n in range(chunks)
        ]
        self.x = da.concatenate(parts)

    def load(self, n, rows, features):
        with self.lock:
            self.count += 1
            self.alive += 1
            self.most = max(self.most, self.alive)
        made = numpy.random.default_rng(n).normal(size=(rows, features)).view(Chunk)
        made.loads = self
        return made.view(numpy.ndarray)  # its base, and so the chunk, lives as long as it does

    def __dask_tokenize__(self):
        return id(self)


class Chunk(numpy.ndarray):
    """An array that says when it is gone."""

    loads = None

    def __del__(self):
        if self.loads is not None and self.base is not None:
            with self.loads.lock:
                self.loads.alive -= 1


@pytest.mark.parametrize("f", [
    *KINKS.values(), LOSSES["variance"], lambda w, x, t: np.sum(np.min(x * w, axis=0)),
    lambda w, x, t: np.sum(np.std(x * w, axis=0)), lambda w, x, t: np.sum(np.cov(x * w, rowvar=False)),
])  # fmt: skip
def test_a_number_of_all_rows_on_the_way_makes_no_chunk_be_read_twice(f):
    loads = Loads(6, 10, 3)
    dask.compute(*value_and_grad(f)(W, loads.x, LAZY_T))
    assert loads.count == 6


@pytest.mark.parametrize("name", ["logistic", "squares", "network", "extremes", "einsum"])
def test_value_and_gradient_take_one_pass_and_a_few_chunks_at_a_time(name):
    loads = Loads(24, 50, 3)
    t = da.from_array((numpy.arange(24 * 50) % 2) * 1.0, chunks=50)
    found = value_and_grad(LOSSES[name])(W, loads.x, t)
    assert loads.count == 0
    found = dask.compute(*found)
    gc.collect()
    assert loads.count == 24
    assert loads.most <= 6  # on one thread; the sums of eight chunks at a time hold no chunk of data
    loads.count = 0
    numpy.testing.assert_allclose(found[1], grad(LOSSES[name])(W, loads.x.compute(), t.compute()), rtol=1e-10)


SCRIPT = """
import resource, sys
import dask, dask.array as da, numpy
import funad.numpy as np
from funad import value_and_grad
chunks = {chunks}
x = da.random.default_rng(0).normal(size=(chunks * 20_000, 50), chunks=(20_000, 50))  # 8 MB each
t = x[:, 0] > 0
loss = lambda w: np.mean(np.logaddexp(0, x @ w) - t * (x @ w))
value_and_grad(lambda w: np.sum((x[:10] @ w) ** 2))(numpy.zeros(50))[1].compute(scheduler="sync")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
dask.compute(*value_and_grad(loss)(numpy.zeros(50)), scheduler="sync")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the system counts kilobytes on Linux")
def test_memory_is_that_of_a_few_chunks(pytestconfig):
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(chunks=24)], capture_output=True, encoding="utf-8"
    )
    assert run.returncode == 0, run.stderr
    assert float(run.stdout) < 96  # MB, of 192 MB of data: a chunk, its random bits, and sums


# --- what dask is given


def _of(how):
    return lambda w: how(w).sum()


SWALLOWED = {
    "dot": _of(lambda w: da.dot(LAZY_X, w)),
    "where": _of(lambda w: da.where(LAZY_X[0] > 0, w, 0)),
    "map_blocks": _of(lambda w: da.map_blocks(operator.matmul, LAZY_X, w, drop_axis=1)),
    "method map_blocks": _of(lambda w: LAZY_X.map_blocks(lambda b, w: b * w, w)),
    "method dot": _of(lambda w: LAZY_X.dot(w)),
    "sum": lambda w: da.sum(LAZY_X @ w),
    "stack": _of(lambda w: da.stack([LAZY_X @ w, LAZY_T])),
    "tensordot": _of(lambda w: da.tensordot(LAZY_X, w, 1)),
    "concatenate": _of(lambda w: da.concatenate([LAZY_X[0], w])),
    "from_array": _of(lambda w: da.from_array(w)),
    "einsum": _of(lambda w: da.einsum("ij,j->i", LAZY_X, w)),
    "blockwise": _of(lambda w: da.blockwise(operator.mul, "i", LAZY_X[0], "i", w, "i", dtype=float)),
    "matmul": _of(lambda w: da.matmul(LAZY_X, w)),
    "maximum": _of(lambda w: da.maximum(LAZY_X, w)),
    "add": _of(lambda w: da.add(LAZY_X, w)),
    "tokenize": lambda w: dask.base.tokenize(w),
}


@pytest.mark.parametrize("f", SWALLOWED.values(), ids=SWALLOWED)
def test_a_function_of_dasks_differentiates_or_is_refused_by_name(f, request):
    name = request.node.callspec.id.removeprefix("method ")
    said = ""
    try:
        found = grad(f)(W)
    except NotDifferentiableError as error:
        said = str(error)
    if said:
        assert name in said
        assert "after import funad.numpy as np" in said or "functions of funad.numpy" in said
    else:
        differences = [(f(W + h) - f(W - h)).compute() / 2e-6 for h in 1e-6 * numpy.eye(3)]
        numpy.testing.assert_allclose(found.compute(), differences, rtol=1e-6)


def test_ufuncs_of_dasks_are_numpys():
    check_ = grad(lambda w: da.exp(w * LAZY_X[0]).sum())(W)
    numpy.testing.assert_allclose(check_.compute(), X[0] * numpy.exp(W * X[0]))


UNKNOWN = LAZY_X[LAZY_X[:, 0] > 0]
OBJECTS = da.from_array(numpy.array([1, 2, None], object), chunks=3)
BAD = {
    "unknown chunks": (
        lambda w: np.sum(UNKNOWN @ w),
        ArgumentTypeError,
        r"float64\[nan, 3\].*compute_chunk_sizes",
    ),
    "objects": (
        lambda w: np.sum(OBJECTS * w),
        ArgumentTypeError,
        r"'array-\w+', object\[3\].*astype\(float\)",
    ),
    "if": (
        lambda w: np.sum(w) if np.sum(LAZY_X @ w) > 0 else 0.0,
        NotDifferentiableError,
        "which is lazy.*np.where",
    ),
    "while": (lambda w: _halved(LAZY_X @ w), NotDifferentiableError, "which is lazy.*dask.compute"),
    "float": (lambda w: float(np.sum(LAZY_X @ w)), NotDifferentiableError, r"float\(\) of a traced value"),
    "asarray": (lambda w: np.sum(numpy.asarray(LAZY_X @ w)), NotDifferentiableError, "numpy.asarray"),
    "index": (lambda w: np.sum(w[(LAZY_T).astype(int)]), NotDifferentiableError, r"np.take\(x, a, axis=0\)"),
    "sort": (
        lambda w: np.sum(np.sort(LAZY_X @ w)[:3]),
        NotDifferentiableError,
        r"numpy.sort of dask.*rechunk\(-1\)",
    ),
}


def _halved(z):
    while np.max(z) > 1:
        z = z / 2
    return np.sum(z)


@pytest.mark.parametrize(("f", "error", "says"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_with_the_way_out(f, error, says):
    with pytest.raises(error, match=says):
        grad(f)(W)


def test_the_ways_out_are_ways_out():
    numpy.testing.assert_allclose(
        grad(lambda w: np.sum(UNKNOWN.compute_chunk_sizes() @ w))(W).compute(), X[X[:, 0] > 0].sum(axis=0)
    )
    x = LAZY_X.rechunk(-1)
    check(grad(lambda w: np.sum(np.sort(x @ w)[:3]))(W), grad(lambda w: np.sum(np.sort(X @ w)[:3]))(W))


# --- minimizing


def test_l_bfgs_and_adam_over_blocks():
    minimize = pytest.importorskip("scipy.optimize").minimize
    lazy = value_and_grad(lambda w: LOSSES["logistic"](w, LAZY_X, LAZY_T))
    plain = value_and_grad(lambda w: LOSSES["logistic"](w, X, T))
    found = minimize(lambda w: dask.compute(*lazy(w)), W, jac=True)
    assert found.fun == pytest.approx(minimize(plain, W, jac=True).fun, rel=1e-8)
    init, update = optimizers.adam(0.1)
    w, state = W, init(W)
    for n in range(LAZY_X.numblocks[0]):
        w, state = update(grad(LOSSES["logistic"])(w, LAZY_X.blocks[n], LAZY_T.blocks[n]).compute(), state, w)
    assert w.dtype == float
    assert not numpy.allclose(w, W)


# --- the page and the example


def test_the_code_of_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # it writes files
    text = (Path(funad.__file__).parent / "docs" / "larger_than_memory.md").read_text(encoding="utf-8")
    blocks = [block.split("```")[0] for block in text.split("```python\n")[1:]]
    assert len(blocks) == 5
    names = {}
    for block in blocks:
        exec(block, names)
    assert names["found"].fun < names["value"] < 0.7
    assert names["mean"] == pytest.approx(float(names["loss"](names["w"], names["X"], names["t"]).compute()))


def test_the_example_survives_a_killed_worker(example, tmp_path):
    pytest.importorskip("distributed")
    arguments = ["--gigabytes", "0.003", "--chunk", "1", "--steps", "1", "--out", str(tmp_path / "fit.png")]
    with dask.config.set(scheduler=None):
        figures = example("out_of_core").main(arguments)
    assert figures["largest difference after a killed worker"] <= 1e-12
    assert figures["cross-entropy of the regression"] < 0.69  # that of knowing nothing
    assert (tmp_path / "fit.png").read_bytes().startswith(b"\x89PNG")
