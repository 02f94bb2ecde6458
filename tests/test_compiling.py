"""The passes of compile: each rewrite alone, each pass on and off, and three sources to be read."""

import math
import tracemalloc
from pathlib import Path

import hypothesis.strategies as st
import numpy as onp
import pytest
from hypothesis import given, settings

import funad.numpy as np
from funad import compile, grad, hessian, jacobian, jacrev, tree
from funad.compiling import blocks, bounds, layouts, regrouping, rows, stacking, writes
from funad.compiling.emitting import Emitter
from funad.compiling.optimizing import PASSES, optimized
from funad.compiling.program import GETITEM, Builder, Guard, Node, map_nodes, rebuild, spec_of
from funad.compiling.rewriting import RULES
from funad.compiling.shapes import ELEMENTWISE, infer
from funad.indices import scatter
from funad.numpy.elementwise import _keep
from funad.numpy.padding import _pad_zeros
from funad.numpy.slopes import fermi
from funad.transforms import compiled
from funad.transforms.recordings import Recording
from funad.writing import assign

from .compiled import PROGRAMS, agree, others
from .test_compile import derivative

DATA = Path(__file__).parent / "data"


@pytest.fixture(autouse=True)
def raising(monkeypatch):
    monkeypatch.setattr(compiled, "RAISES", True)


def run(program, values):
    """Run a program step by step, as it stands; return None where a guard sends it to eager."""
    known = dict(zip(program.inputs, values, strict=True))
    for n in program.steps:
        if type(n) is Guard:
            assert n.how == "finite"
            if not onp.isfinite(known[n.node]).all():
                return None
            continue
        known[n] = n.fn(*map_nodes(known.__getitem__, n.args), **map_nodes(known.__getitem__, n.kwargs))
        assert spec_of(known[n])[1:3] == n.spec[1:3], f"{n.fn.__name__}: {spec_of(known[n])} for {n.spec}"
    return [known[x] if type(x) is Node else x for x in program.outputs]


def held(build, *values):
    """Hold what the rewrites make of a program to the program; ``build(b, *inputs)`` returns the output."""
    b = Builder(infer=infer)
    inputs = [b.input(spec_of(x), f"x{k}") for k, x in enumerate(values)]
    plain = b.program([build(b.call, *inputs)])
    made = rebuild(plain, Builder(plain.inputs, RULES, infer))
    with onp.errstate(all="ignore"):
        (wanted,), found = run(plain, values), run(made, values)
    if found is not None:
        agree(onp.array(found[0]), onp.array(wanted))
    return made


N = onp.random.default_rng(5).standard_normal
A, B, V, W = N((3, 4)), N((4, 5)), N(4), N((3, 1))
ADD, SUB, MUL, DIV, NEG, SUM, DOT = (
    onp.add, onp.subtract, onp.multiply, onp.divide, onp.negative, onp.sum, onp.dot,
)  # fmt: skip
PATTERNS = {
    "x·1": (lambda c, x: c(MUL, x, 1.0), 0, A),
    "x·c·d": (lambda c, x: c(MUL, c(MUL, x, 3.0), -2.0), 1, A),
    "--x": (lambda c, x: c(NEG, c(NEG, x)), 0, A),
    "-x·-y": (lambda c, x, y: c(MUL, c(NEG, x), c(NEG, y)), 1, A, V),
    "-(x·c)": (lambda c, x: c(NEG, c(MUL, x, 3.0)), 1, A),
    "x·c·y": (lambda c, x, y: c(MUL, c(MUL, x, 3.0), y), 2, A, V),
    "x + -y": (lambda c, x, y: c(ADD, x, c(NEG, y)), 1, A, V),
    "x - -y": (lambda c, x, y: c(SUB, x, c(NEG, y)), 1, A, V),
    "x·c + y·c": (lambda c, x, y: c(ADD, c(MUL, x, 3.0), c(MUL, y, 3.0)), 2, A, V),
    "x·c - y·(-c)": (lambda c, x, y: c(SUB, c(MUL, x, 3.0), c(MUL, y, -3.0)), 2, A, V),
    "x·c + x·d": (lambda c, x: c(ADD, c(MUL, x, 3.0), c(MUL, x, -1.0)), 1, A),
    "x·c + x·d of reshapes": (
        lambda c, x: c(ADD, c(onp.reshape, c(MUL, x, 3.0), (12,)), c(MUL, c(onp.reshape, x, (12,)), 2.0)),
        2, A,
    ),
    "x·c - x·c": (lambda c, x: c(SUB, c(MUL, x, 3.0), c(MUL, x, 3.0)), 0, A),
    "x + a reshape of -y": (lambda c, x, y: c(ADD, x, c(onp.reshape, c(NEG, y), (3, 1))), 2, A, N(3)),
    "x/s - y/s": (lambda c, x, y, s: c(SUB, c(DIV, x, s), c(DIV, y, s)), None, N((3, 9)), W, W + 3),
    "x/x": (lambda c, x: c(DIV, c(onp.exp, x), c(onp.exp, x)), 2, A),
    "(x/s)·e": (
        lambda c, x, e, s: c(ADD, c(DIV, e, s), c(MUL, c(DIV, x, s), e)), 3, A, N((3, 4)), W + 5,
    ),
    "x + x": (lambda c, x: c(ADD, x, x), 1, A),
    "x + x·c": (lambda c, x: c(ADD, x, c(MUL, x, 3.0)), 1, A),
    "x + 0": (lambda c, x: c(ADD, x, 0.0), 0, A),
    "x/c": (lambda c, x: c(DIV, x, 4.0), 1, A),
    "x·c/y": (lambda c, x, y: c(DIV, c(MUL, x, 3.0), y), 2, A, V),
    "x/-y": (lambda c, x, y: c(DIV, x, c(NEG, y)), 2, A, V),
    "x²": (lambda c, x: c(onp.power, x, 2), 1, A),
    "filled arrays": (lambda c, x: c(MUL, x, onp.broadcast_to(2.0, (3, 4))), 1, A),
    "broadcasts": (lambda c, x, y: c(MUL, x, c(onp.broadcast_to, y, (3, 4))), 1, A, V),
    "two broadcasts": (
        lambda c, y: c(MUL, c(onp.broadcast_to, y, (3, 4)), c(onp.broadcast_to, y, (3, 4))), None, V,
    ),
    "fermi": (lambda c, x: c(fermi, x), 3, A),
    "reshape of reshape": (lambda c, x: c(onp.reshape, c(onp.reshape, x, (12,)), (2, -1)), 1, A),
    "transpose twice": (lambda c, x: c(onp.transpose, c(onp.transpose, x)), 0, A),
    "transposed outer product": (lambda c, x, y: c(onp.transpose, c(MUL, x, y)), 3, W, V),
    "sum of quotients": (lambda c, x, y: c(SUM, c(DIV, x, y), axis=1), None, A, W + 5),
    "moveaxis": (lambda c, x: c(onp.moveaxis, x, (0,), (-1,)), 1, A),
    "swapaxes": (lambda c, x: c(onp.swapaxes, x, 0, 1), 1, A),
    "sum of a product": (lambda c, x, y: c(SUM, c(MUL, x, y)), 1, V, N(4)),
    "sum of a product of matrices": (lambda c, x, y: c(SUM, c(MUL, x, y), axis=0), 1, A, N((3, 4))),
    "sum with a constant factor": (lambda c, x, y: c(SUM, c(MUL, x, y), axis=1, keepdims=True), None, A, W),
    "sum with a number": (lambda c, x, y: c(SUM, c(MUL, x, y), axis=0), None, A, onp.float64(2.5)),
    "sum of a multiple": (lambda c, x: c(SUM, c(MUL, x, 3.0), axis=1), 2, A),
    "sum of a broadcast": (lambda c, x: c(SUM, c(onp.broadcast_to, x, (3, 4))), 1, onp.float64(2.5)),
    "sum of rows of a product": (lambda c, x, y: c(SUM, c(onp.matmul, x, y), axis=0), None, A, B),
    "mean": (lambda c, x: c(onp.mean, x, axis=1), 2, A),
    "product of a multiple": (lambda c, x, y: c(DOT, c(MUL, x, 3.0), y), 2, A, V),
    "product with a diagonal": (lambda c, x, v: c(DOT, x, c(onp.diag, v)), 1, A, V),
    "diagonal times a matrix": (lambda c, v, x: c(DOT, c(MUL, onp.eye(3), v), x), None, N(3), A),
    "column times row": (lambda c, x, y: c(DOT, x, y), 1, W, N((1, 4))),
    "matmul": (lambda c, x, y: c(onp.matmul, x, y), 1, A, B),
    "an axis of one": (lambda c, x: c(GETITEM, x, (slice(None), 0)), 1, W),
    "no axis of one": (lambda c, x: c(GETITEM, x, (slice(None), 0)), None, A),
    "new axes": (lambda c, x: c(GETITEM, x, (slice(None), None)), 1, A),
    "(c/s)·s": (lambda c, x, y: c(MUL, c(DIV, x, c(onp.exp, y)), c(onp.exp, y)), 2, A, N((3, 4))),
    "(1/s)·s of sums": (
        lambda c, x: c(
            MUL, c(onp.reshape, c(DIV, 1.0, c(SUM, c(onp.exp, x), axis=0, keepdims=True)), (4,)),
            c(SUM, c(onp.exp, x), axis=0),
        ), None, A,
    ),
    "matmul of a multiple": (
        lambda c, x, y: c(onp.matmul, c(MUL, x, 3.0), y), 2, N((2, 3, 4)), N((2, 4, 2)),
    ),
    "sum of outer products": (
        lambda c, x, y: c(SUM, c(MUL, x, y), axis=0), None, N((5, 3, 1)), N((5, 1, 4)),
    ),
    "sum of outer products turned": (
        lambda c, x, y: c(SUM, c(MUL, x, y), axis=0), None, N((5, 1, 4)), N((5, 3, 1)),
    ),
    "sum of products of stacks": (
        lambda c, x, y: c(SUM, c(onp.matmul, x, y), axis=0), None, N((5, 3, 2)), N((5, 2, 4)),
    ),
    "rows to one place": (
        lambda c, x: c(scatter, (3, 4), onp.dtype(float), [1] * 5, [c(GETITEM, x, k) for k in range(5)]),
        2, N((5, 4)),
    ),
    "rows in order": (
        lambda c, x: c(
            scatter, (6, 4), onp.dtype(float), [4, 3, 2, 1, 0], [c(GETITEM, x, k) for k in range(5)]
        ), 1, N((5, 4)),
    ),
    "side by side": (
        lambda c, x, y: c(scatter, (5,), onp.dtype(float), [slice(0, 3), slice(3, 5)], [x, y]), 1, N(3), N(2),
    ),
    "one piece that is all": (
        lambda c, x: c(scatter, (12,), onp.dtype(float), ((slice(None), None),), (x,)), 1, N((12, 1)),
    ),
    "roll": (lambda c, x: c(onp.roll, x, 1, axis=1), 3, A),
    "roll of all": (lambda c, x: c(onp.roll, x, -5), 5, A),
    "flip": (lambda c, x: c(onp.flip, x, 0), 1, A),
    "flip of all": (lambda c, x: c(onp.flip, x), 1, A),
    "differences": (lambda c, x: c(onp.diff, x, axis=0), 3, A),
    "outer product": (lambda c, x, y: c(onp.outer, x, y), 2, V, N(3)),
    "stack": (lambda c, x, y: c(onp.stack, [x, y], axis=-1), 3, A, N((3, 4))),
    "stack of numbers": (lambda c, x, y: c(onp.stack, [x, y]), 1, onp.float64(2.0), onp.float64(-1.0)),
    "a write of all": (lambda c, x, y: c(assign, [x, y], (), (slice(None), None)), 1, N(4), N((4, 1))),
}  # fmt: skip


@pytest.mark.parametrize("name", PATTERNS)
def test_a_rewrite_is_equal_to_what_it_replaces(name):
    build, calls, *values = PATTERNS[name]
    made = held(build, *values)
    assert calls is None or len(made.nodes) == calls, made
    special = [onp.where(onp.arange(onp.size(x)).reshape(onp.shape(x)) % 3, x, 0.0)[()] for x in values]
    held(build, *special)
    single = [onp.asarray(x, onp.float32)[()] for x in values]
    held(build, *single)


M, M2, COLUMN, ROW, NUMBER = N((9, 10)), N((9, 10)), N((9, 1)), N(10), onp.float64(1.7)
REGROUPED = {
    "a number and outer sums": (
        lambda c, x, y, z: c(MUL, c(SUB, c(ADD, x, y), c(MUL, z, 2.0)), -0.5), 4, COLUMN, ROW, M,
    ),
    "a number of the program": (lambda c, x, y, s: c(MUL, c(MUL, x, y), s), 2, M, ROW, NUMBER),
    "a term and outer sums": (
        lambda c, x, y, z, s: c(SUB, s, c(SUB, c(ADD, x, y), z)), 3, COLUMN, ROW, M, NUMBER,
    ),
    "a term taken off": (lambda c, x, y, s: c(SUB, c(SUB, x, y), s), 2, M, ROW, NUMBER),
    "transposed product": (lambda c, x, y: c(onp.transpose, c(DOT, x, y)), None, M, N((10, 4))),
    "sum with an outer product": (
        lambda c, x, y, p, q: c(onp.vdot, x, c(MUL, c(MUL, p, q), y)), None, M, M2, COLUMN, ROW,
    ),
    "sum with a column": (lambda c, x, y, p: c(onp.vdot, c(MUL, p, x), y), None, M, M2, COLUMN),
    "sum with a number": (lambda c, x, p, s: c(onp.vdot, c(MUL, c(MUL, p, x), s), x), None, M, ROW, NUMBER),
    "sum of rows": (
        lambda c, x, y, p, q: c(onp.einsum, "ab,ab->b", x, c(MUL, c(MUL, p, q), y)), None, M, M2, COLUMN, ROW,
    ),
    "sum along rows": (
        lambda c, x, y, p, q: c(onp.einsum, "ab,ab->a", x, c(MUL, c(MUL, p, q), y)), None, M, M2, COLUMN, ROW,
    ),
    "sums of what is read elsewhere": (
        lambda c, x, p: c(ADD, c(onp.vdot, c(MUL, p, x), x), c(SUM, c(onp.exp, c(MUL, p, x)))), None, M, ROW,
    ),
    "sums with ties": (
        lambda c, x, g: c(
            ADD, c(_keep, g, c(onp.greater, x, 0.0)), c(_keep, c(MUL, g, 0.5), c(onp.equal, x, 0.0))
        ), None, M, M2,
    ),
    "outer products with one vector": (
        lambda c, p, q, r: c(ADD, c(MUL, p, q), c(MUL, r, q)), 2, COLUMN, ROW, N((9, 1)),
    ),
    "pad": (lambda c, x, s: c(MUL, c(_pad_zeros, x, ((1, 2), (0, 3))), s), 2, M, NUMBER),
}  # fmt: skip


@pytest.mark.parametrize("name", REGROUPED)
def test_regrouping_is_equal_to_what_it_replaces(name, monkeypatch):
    monkeypatch.setattr(regrouping, "_LARGE", 1)
    monkeypatch.setattr(writes, "_MANY", 1)
    build, calls, *values = REGROUPED[name]
    b = Builder(infer=infer)
    inputs = [b.input(spec_of(x), f"x{k}") for k, x in enumerate(values)]
    plain = b.program([build(b.call, *inputs)])
    made = optimized(plain, ["regroup", "writes"])
    assert calls is None or len(made.nodes) == calls, made
    special = [onp.where(onp.arange(onp.size(x)).reshape(onp.shape(x)) % 3, x, 0.0)[()] for x in values]
    single = [onp.asarray(x, onp.float32)[()] for x in values]
    for xs in (values, special):
        agree(*map(onp.array, (run(made, xs)[0], run(plain, xs)[0])))
    b = Builder(infer=infer)
    inputs = [b.input(spec_of(x), f"x{k}") for k, x in enumerate(single)]
    plain = b.program([build(b.call, *inputs)])
    agree(*map(onp.array, (run(optimized(plain, ["regroup", "writes"]), single)[0], run(plain, single)[0])))


@pytest.mark.parametrize("left_out", [*PASSES, "all", "none"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_each_pass_may_be_left_out(name, left_out):
    kind, f, args = PROGRAMS[name]
    recording = Recording(derivative(kind, f), args, {})
    assert not recording.why
    kept = [] if left_out == "all" else [p for p in PASSES if p != left_out]
    made = recording.compiled(kept)
    for k in range(2):
        x = others(args, k)
        agree(made.run(*x), derivative(kind, f)(*x), classes=False)


@settings(max_examples=10 * settings().max_examples)
@given(data=st.data())
def test_shapes_are_inferred_as_numpy_has_them(data):
    f = data.draw(st.sampled_from(sorted((f for f in ELEMENTWISE if isinstance(f, onp.ufunc)), key=str)))
    shapes = data.draw(
        st.lists(st.sampled_from([(), (3,), (2, 3), (2, 1), (0, 3)]), min_size=f.nin, max_size=f.nin)
    )
    dtypes = data.draw(st.lists(st.sampled_from("dfilD?"), min_size=f.nin, max_size=f.nin))
    values = [onp.ones(shape, dtype)[()] for shape, dtype in zip(shapes, dtypes, strict=True)]
    b = Builder()
    try:
        with onp.errstate(all="ignore"):
            wanted = f(*values)
    except (TypeError, ValueError):
        return
    assert infer(f, tuple(b.input(spec_of(x), "x") for x in values), {}) == spec_of(wanted)


def test_long_sums_and_like_calls_are_taken_together():
    def f(W, xs):
        total = 0.0
        for x in xs:
            total = total + np.sum(np.tanh(W @ x) ** 2)
        return total

    args = N((4, 4)), N((9, 4))
    recording = Recording(grad(f), args, {})
    long = recording.compiled(["guards", "simplify"]).program.nodes
    made = recording.compiled()
    short = made.program.nodes
    assert len(short) < 0.7 * len(long)
    assert any(n.fn is stacking.stack_of for n in short) or len(short) < 30
    agree(made.run(*args), grad(f)(*args), classes=False)


def test_no_call_moves_over_a_question_of_the_user():
    def f(x):
        for _ in range(8):
            y = np.sin(x)
            if y[0] > 10:
                return x
            x = x + 0.1 * y
        return x

    recording = Recording(f, (N(4),), {})
    program = optimized(recording.trace.builder.program([x.node for x in recording.outputs]))
    kinds = ["guard" if type(s) is not Node else s.fn for s in program.steps]
    first, second, *_ = (k for k, kind in enumerate(kinds) if kind == "guard")
    assert onp.sin in kinds[first:second]


def neighbours(x):
    return np.sum(np.sin(x[1:] * x[:-1]) + x[1:] ** 3 / 3)


DIAGONAL = {
    "rosenbrock": (hessian, PROGRAMS["rosenbrock"][1]),
    "neighbours": (hessian, neighbours),
    "elements": (jacobian, lambda x: np.tanh(x) * x),
    "elements backwards": (jacrev, lambda x: np.exp(-x) / (2 + np.sin(x))),
    "parts": (jacobian, lambda x: np.concatenate([x[3:] ** 2, x[:3] * x[5]])),
    "sums": (jacobian, lambda x: np.cumsum(x**2)),
    "every second": (hessian, lambda x: np.sum(x[::2] ** 3) + np.sum(x[2:-1] * x[3:])),
}


@pytest.mark.parametrize("dtype", ["d", "f"])
@pytest.mark.parametrize("size", [16, 21])
@pytest.mark.parametrize("name", DIAGONAL)
def test_matrices_of_a_few_diagonals_have_their_zeros(name, size, dtype):
    derive, f = DIAGONAL[name]
    plain = derive(f)
    fast = compile(plain)
    for k in range(4):
        x = onp.random.default_rng(k).uniform(0.5, 1.5, size).astype(dtype)
        agree(fast(x), plain(x), ulps=100)
    bad = x.copy()
    bad[3] = math.nan
    agree(fast(bad), plain(bad), ulps=100)
    if size == 21 and name in ("rosenbrock", "neighbours", "elements", "elements backwards"):
        assert "from_diagonals" in fast.source


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("shape", [(40_000,), (40_000, 1), (200, 300), (3, 20_000)])
def test_huge_arrays_are_computed_in_blocks(shape, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 1000)
    monkeypatch.setattr(blocks, "HUGE", 100_000)

    def f(x, b):
        return np.sum(np.exp(-(np.sin(x) ** 2) + b) * x)

    x, b = N(shape), N(shape[1:])
    fast = compile(grad(f))
    for k in range(4):
        agree(fast(x + k, b), grad(f)(x + k, b), ulps=500)
    assert "for lo in range(" in fast.source
    bad = x.copy()
    bad.flat[-1] = math.inf
    agree(fast(bad, b), grad(f)(bad, b), ulps=500)


@pytest.mark.parametrize("name", ["logistic", "rosenbrock", "recurrent"])
def test_a_source_is_what_it_was(name):
    """Read what has changed: it is to look like what a careful person would write."""
    kind, f, args = PROGRAMS[name]
    if name == "recurrent":
        args = (args[0], args[1][:2])
    fast = compile(derivative(kind, f))
    for _ in range(2):
        fast(*args)
    wanted = DATA / f"compiled_{name}.txt"
    text = "\n".join(line.partition("  # File")[0] for line in fast.source.splitlines()) + "\n"
    assert text == wanted.read_text(encoding="utf-8")
    for leaf in tree.flatten(fast(*args))[0]:
        assert onp.all(onp.isfinite(leaf))


def _peak(f, *args):
    """The most memory that one call has held, beyond what was there before."""
    f(*args)
    tracemalloc.start()
    try:
        y = f(*args)
        return tracemalloc.get_traced_memory()[1], y
    finally:
        tracemalloc.stop()


def _wave(x):
    return np.sum(np.exp(-(np.sin(x) ** 2)) * x + np.tanh(x))


WIDE = {
    "network": (
        PROGRAMS["network"][1],
        ({"W": N((30, 50)), "b": N(50), "V": N((50, 40)), "c": N(40)}, N((1500, 30)), N((1500, 40))),
    ),
    "wave": (_wave, (N(100_000),)),
    "recurrent": (PROGRAMS["recurrent"][1], ((N((60, 60)) / 9, N((60, 3)), N(60)), N((200, 3)))),
}


@pytest.mark.parametrize("name", WIDE)
def test_a_program_holds_no_more_memory_than_eager(name):
    f, args = WIDE[name]
    plain = grad(f)
    fast = compile(plain)
    for _ in range(3):
        fast(*args)
    assert fast.programs
    eager, _ = _peak(plain, *args)
    compiled, y = _peak(fast, *args)
    agree(y, plain(*args), ulps=1 << 12)
    assert compiled <= 1.02 * eager + 20_000


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("f", [np.maximum, np.minimum, np.fmax, np.hypot, np.add, np.copysign])
@pytest.mark.parametrize("size", [1000, 400_000])
def test_calls_that_write_into_memory_do_not_warn(f, size):
    def g(x):
        return f(f(np.sin(x) * x, 0.5) + 0.1, x)

    fast, x = compile(g), N(size)
    for _ in range(3):
        agree(fast(x), g(x))
    assert "in eager" not in fast.explain()


def _columns_first(x):
    a = np.exp(x.T) * x.T  # lies in memory as x.T does, and is done with before the product
    return np.sum(np.tanh(x.dot(x).dot(x) + np.sum(np.sin(a))))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["value", "grad"])
def test_products_are_not_written_into_memory_of_another_layout(order, kind):
    plain = derivative(kind, _columns_first) if kind == "grad" else _columns_first
    fast, x = compile(plain), onp.asarray(N((60, 60)) / 60, order=order)
    for k in (0, 0, 0, 1):
        moved = onp.asarray(others(x, k), order=order)
        agree(fast(moved), plain(moved), ulps=1 << 10)
    assert "in eager" not in fast.explain()


@pytest.mark.parametrize("shift", [lambda a: np.max(a), lambda a: np.max(a, keepdims=True)])
def test_the_shift_of_a_logarithm_of_sums_has_no_cotangent(shift):
    def f(a):
        top = shift(a)
        return np.sum(top + np.log(np.sum(np.exp(a - top))))

    fast, a = compile(grad(f)), N(7)
    for k in range(3):
        agree(fast(others(a, k)), grad(f)(others(a, k)))
    assert "equal" not in fast.source


def softmax(x, y):
    e = np.exp(x - np.max(x, axis=1, keepdims=True))
    return np.sum((e / np.sum(e, axis=1, keepdims=True) - y) ** 2)


def log_softmax(x, y):
    top = np.max(x, axis=1, keepdims=True)
    return np.sum(y * (x - (top + np.log(np.sum(np.exp(x - top), axis=1, keepdims=True)))))


def log_sum_exp(x, y):
    top = np.max(x, axis=1, keepdims=True)
    return np.sum(y[:, 0] * (top[:, 0] + np.log(np.sum(np.exp(x - top), axis=1))))


@pytest.mark.parametrize("f", [softmax, log_softmax, log_sum_exp])
def test_the_shift_of_rows_has_no_cotangent(f):
    fast, x, y = compile(grad(f)), N((5, 7)), N((5, 7))
    for k in range(3):
        agree(fast(others(x, k), y), grad(f)(others(x, k), y), ulps=64)
    assert "equal" not in fast.source


@pytest.mark.filterwarnings("ignore:invalid value", "ignore:divide by zero")
@pytest.mark.parametrize(
    ("f", "bad"),
    [
        (lambda x, s: np.sum(3 * x - 3 * x), (math.inf, 1.0)),
        (lambda x, s: np.sum(x / np.reshape(s, (2, 1))), (1.0, 0.0)),
        (lambda x, s: np.sum(np.cos(x / np.reshape(s, (2, 1)) - 1 / np.reshape(s, (2, 1)))), (1.0, 0.0)),
        (lambda x, s: np.sum(np.sum(x, axis=1) / np.sum(x, axis=1)), (0.0, 1.0)),
    ],
)
def test_what_cancels_is_finite_or_left_to_eager(f, bad):
    fast, x, s = compile(f), N((2, 9)), N(2) + 4
    for k in range(3):
        agree(fast(others(x, k), s), f(others(x, k), s), ulps=64)
    assert fast.programs
    x[0], s[0] = bad
    x[0, 0] = -x[0, 1]
    x[0, 2:] = 0 if not bad[0] else x[0, 2:]
    agree(fast(x, s), f(x, s))


INDICES = [1, slice(1, 3), (slice(None), 2), (slice(None), slice(0, 2)), slice(None, None, -1), (0, 1),
           (slice(None, None, 2), None), ..., onp.array([0, 2, 0, 1])]  # fmt: skip


@settings(max_examples=4 * settings().max_examples)
@given(data=st.data())
def test_additions_to_parts_are_made_in_place_where_nobody_sees_it(data):
    """Sums of parts of arrays that are read later, returned, inputs, or parts of each other."""
    choose = data.draw
    x, v = N((3, 4)), N((3, 4))
    b = Builder(infer=infer)
    values = [b.input(spec_of(x), "x"), b.input(spec_of(v), "v")]
    values.append(b.call(MUL, *values))
    for _ in range(choose(st.integers(1, 6))):
        y, z = (choose(st.sampled_from(values)) for _ in range(2))
        index = choose(st.sampled_from(INDICES))
        part = b.call(GETITEM, z, index)
        how = choose(st.sampled_from(["write", "scatter", "multiply"]))
        if how == "write" and type(index) is not onp.ndarray and part.is_array:
            sign = choose(st.sampled_from([ADD, SUB]))
            piece = choose(st.sampled_from([part, b.call(NEG, part), b.call(NEG, b.call(NEG, part))]))
            total = b.call(sign, b.call(GETITEM, y, index), piece)
            values.append(b.call(assign, [y, total], (), index))
        elif how == "scatter":
            pieces = [b.call(MUL, part, 2.0) if choose(st.booleans()) else part]
            pieces += [b.call(GETITEM, y, slice(None, None, -1)), N((3, 4))][: choose(st.integers(0, 2))]
            places = (index, slice(None), slice(None))[: len(pieces)]
            zeros = b.call(scatter, x.shape, "<f8", places, pieces)
            values += [zeros, b.call(ADD, zeros, y)]
        else:
            values.append(b.call(MUL, y, z))
    outputs = list(dict.fromkeys(choose(st.lists(st.sampled_from(values), min_size=1, max_size=3))))
    program = b.program(outputs)
    made = optimized(program, ["writes"])
    wanted = run(program, [x, v])
    for y, found in zip(wanted, run(made, [x, v]), strict=True):
        agree(found, y)
    emitter = Emitter(made)
    for n, name in zip(made.inputs, "xv", strict=True):
        emitter.names[n] = emitter.reserve(name)
    emitter.run()
    lines = [*emitter.lines, f"return {emitter.result(made.outputs, tree.flatten([0.0] * len(outputs))[1])}"]
    namespace = dict(emitter.constants)
    exec("def program(x, v):\n    " + "\n    ".join(lines), namespace)
    before = x.copy(), v.copy()
    for y, found in zip(wanted, namespace["program"](x, v), strict=True):
        agree(found, y, classes=False)
    agree((x, v), before)


def polynomial(x):
    return np.sum((x[1:] - x[:-1] ** 2) ** 2 + np.tanh(x[:-1]) * np.sqrt(x[1:] ** 2 + 1))


BOUNDED = {
    "a polynomial": (hessian(lambda x: np.sum((x[1:] - x[:-1] ** 2) ** 2)), N(40)),
    "functions that are bounded": (hessian(polynomial), N(40)),
    "one question alone": (jacobian(lambda x: np.sum(x * x, axis=0) ** 3), N((3, 3))),
}


@pytest.mark.parametrize("name", BOUNDED)
def test_what_follows_from_the_size_of_arguments_is_not_asked_of_values(name):
    f, x = BOUNDED[name]
    fast = compile(f)
    for scale in (1.0, 2.0, 3.0):
        agree(fast(x * scale), f(x * scale))
    asked = {g.how for g in fast.programs[0].program.guards}
    assert ("small" in asked) == (name == "a polynomial")
    for bad in (onp.nan, onp.inf, -onp.inf, 1e110, -1e160, 1e300, 0.0, -0.0, 5e-324):
        y = x.copy()
        y.reshape(-1)[2] = bad
        with onp.errstate(all="ignore"):
            agree(fast(y), f(y))
            agree(fast(x), f(x))
    assert len(fast.programs) == 1


@settings(max_examples=4 * settings().max_examples)
@given(data=st.data())
def test_values_lie_in_their_ranges(data):
    """Random programs of arguments no larger than 10: no element is outside of its range."""
    x = 10 * onp.tanh(3 * N((3, 3))) * data.draw(st.sampled_from([1.0, 0.1, -1.0]))
    b = Builder(infer=infer)
    values = [b.input(spec_of(x), "x")]
    one = [
        onp.negative,
        onp.absolute,
        onp.exp,
        onp.sin,
        onp.tanh,
        onp.transpose,
        onp.sqrt,
        onp.log,
        onp.log1p,
    ]
    two = [ADD, SUB, MUL, DIV, onp.maximum, onp.minimum, DOT]
    for _ in range(data.draw(st.integers(1, 12))):
        y, z = (data.draw(st.sampled_from(values)) for _ in range(2))
        how = data.draw(st.sampled_from(["one", "two", "number", "scatter", "sum", "join"]))
        if how == "one":
            values.append(b.call(data.draw(st.sampled_from(one)), y))
        elif how == "two":
            values.append(b.call(data.draw(st.sampled_from(two)), y, z))
        elif how == "number":
            values.append(b.call(data.draw(st.sampled_from(two[:4])), y, data.draw(st.floats(-3, 3))))
        elif how == "scatter":
            zeros = b.call(scatter, (3, 3), "<f8", [0, onp.array([1, 1])], [b.call(GETITEM, y, 1)] * 2)
            values.append(b.call(ADD, zeros, z))
            values.append(b.call(writes.added_at, y, [slice(1, 2)], [b.call(GETITEM, z, 0)], [-1]))
        elif how == "sum":
            values.append(b.call(ADD, b.call(SUM, y, axis=0, keepdims=True), z))
        else:
            joined = b.call(onp.concatenate, [y, z], axis=1)
            values.append(b.call(GETITEM, joined, (slice(None), slice(1, 4))))
    program = b.program(values)
    ranges = bounds._ranges(program, 10.0)
    with onp.errstate(all="ignore"):
        results = run(program, [x])
    for n, y in zip(program.outputs, results, strict=True):
        low, high = ranges[n]
        if bounds._is_finite((low, high)):
            assert onp.isfinite(y).all()
        y = y[~onp.isnan(y)]
        slack = 1e-9 * (abs(low) + abs(high)) if bounds._is_finite((low, high)) else 0.0
        assert not y.size or (low - slack <= y.min() and y.max() <= high + slack), n.fn


@pytest.mark.parametrize("shape", [(2000, 5), (4, 900, 3), (1024, 24), (3001, 4), (2, 3, 600, 4)])
@pytest.mark.parametrize("operation", [ADD, SUB, MUL, DIV])
def test_many_short_rows_are_taken_for_fewer_long_ones(shape, operation, monkeypatch):
    monkeypatch.setattr(rows, "LEAST", 100)
    one = (*(1 for _ in shape[:-2]), 1, shape[-1]) if shape[0] == 2 else (*shape[:-2], 1, shape[-1])
    for row in (N(shape[-1:]), N(one)):
        x = N(shape)
        for first in (True, False):
            b = Builder(infer=infer)
            a, c = b.input(spec_of(x), "x"), b.input(spec_of(row), "row")
            y = b.call(operation, *((a, c) if first else (c, a)))
            made = optimized(b.program([b.call(NEG, y)]), ["rows"])
            (found,) = run(made, [x, row])
            assert onp.array_equal(found, -operation(*((x, row) if first else (row, x))))
            assert len(made.nodes) > 2 or shape[-2] % 2


def mixture(x, m, s):
    z = (x[:, None] - m) / s
    top = np.max(z**2, axis=1, keepdims=True)
    return np.sum(top[:, 0] + np.log(np.sum(np.exp(z**2 - top), axis=1))) + np.sum(z)


def distances(x, m, s):
    d = x[:, :, None] - m[:, None, :]
    return np.sum(np.sqrt(np.sum(d**2, axis=2) + 1.0) * s), d


def layers(x, m, s):
    y = np.maximum(x @ m + s, 0.3)
    return np.sum(np.where(y > 0.4, y * s, y) @ m.T), np.min(y, -1)


def stacked(x, m, s):
    y = np.matmul(x, m) * s[:, :, None]
    return np.sum(y * y, axis=2), np.sum(y, axis=(0, 2)), np.mean(y, axis=1), y[..., 0]


SHORT_ROWS = {
    "mixture": (mixture, N(300), N(4), N(4)),
    "distances": (distances, N((40, 30)), N((40, 2)), N((40, 30))),
    "layers": (layers, N((200, 6)), N((6, 5)), N(5)),
    "stacked": (stacked, N((3, 80, 6)), N((3, 6, 4)), N((3, 80))),
}


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("name", SHORT_ROWS)
def test_short_axes_are_exchanged(name, order, monkeypatch):
    monkeypatch.setattr(layouts, "LEAST", 100)
    monkeypatch.setattr(layouts, "_COPY", 0)
    monkeypatch.setattr(layouts, "_BROADCAST", 1)
    f, *args = SHORT_ROWS[name]

    def scalar(*args):
        return sum(np.sum(part * part) for part in tree.flatten(f(*args))[0])

    for g in (f, grad(scalar, argnums=(0, 1, 2))):
        fast = compile(g)
        for k in range(3):
            given = [onp.asarray(others(x, k), order=order) for x in args]
            agree(fast(*given), g(*given), ulps=500)
        assert "in eager" not in fast.explain()
