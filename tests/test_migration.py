"""The page for users of autograd tells the truth: both spellings run and agree, and so do the differences."""

import math
import pickle
import re
from pathlib import Path

import autograd
import autograd.misc
import autograd.misc.optimizers
import autograd.numpy as anp
import numpy as onp
import pytest
from autograd.misc.flatten import flatten_func

import funad
import funad.numpy as fnp
from funad.errors import ArgumentError, FunadError

PAGE = (Path(funad.__file__).parent / "docs" / "migration.md").read_text(encoding="utf-8")
NAMES = PAGE.partition("\n## Their names and ours\n")[2].partition("\nOther names:\n")[0]
ROWS = re.findall(r"^\| `(.+?)` \| `(.+?)` \|$", NAMES, re.MULTILINE)
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)

X, V, A, B, T = onp.array([0.5, 1.5, -0.7]), onp.array([0.2, -1.0, 0.4]), 1.3, -0.6, 0.8


def programs(np):
    """Return what the table speaks of, written in one of the two namespaces."""

    def f(x):
        return np.sum(np.sin(x) * x**2)

    def vector(x):
        return np.exp(x) * x[::-1]

    def g(a, b):
        return a * np.cos(b) + b**2

    def with_aux(x):
        return f(x), np.cos(x)

    return {
        "np": np,
        "f": f,
        "vector": vector,
        "g": g,
        "with_aux": with_aux,
        "x": X,
        "v": V,
        "a": A,
        "b": B,
        "t": T,
    }


THEIRS = {
    **vars(autograd),
    "flatten": autograd.misc.flatten,
    "getval": autograd.tracer.getval,
    "adam": autograd.misc.optimizers.adam,
    "sgd": autograd.misc.optimizers.sgd,
    **programs(anp),
}
OURS = {**{name: getattr(funad, name) for name in funad.__all__}, **programs(fnp)}
exec(BLOCKS[0], OURS)  # the loop of the page


def compare(found, wanted):
    if isinstance(wanted, (tuple, list)):
        assert len(found) == len(wanted)
        for part, other in zip(found, wanted, strict=True):
            compare(part, other)
        return
    assert onp.shape(found) == onp.shape(wanted)
    onp.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("theirs", "ours"), ROWS, ids=[theirs for theirs, _ in ROWS])
def test_both_spellings_give_the_same(theirs, ours):
    compare(eval(ours, dict(OURS)), eval(theirs, dict(THEIRS)))


def test_every_public_function_of_autograd_is_on_the_page():
    public = {
        name for name, f in vars(autograd).items() if getattr(f, "__module__", "").startswith("autograd.")
    }
    public -= {"isinstance", "type", "dict", "list", "tuple"}
    assert "make_hvp" in public
    assert [name for name in public if not re.search(rf"\b{name}\b", PAGE)] == []
    assert len(ROWS) > 25


def test_the_blocks_of_the_page_run():
    names = {"__name__": __name__, "f": OURS["f"]}
    for code in BLOCKS:
        exec(compile(code, "migration.md", "exec"), names)


def test_argnum_is_another_name_of_argnums():
    g, f = OURS["g"], OURS["f"]
    for transform in (
        funad.grad,
        funad.value_and_grad,
        funad.elementwise_grad,
        funad.jacobian,
        funad.hessian,
    ):
        for argnum in (0, 1, "b", (0, 1)):
            assert repr(transform(g, argnum=argnum)(A, B)) == repr(transform(g, argnums=argnum)(A, B))
    assert funad.hvp(g, argnum=1)(A, B, 1.0) == funad.hvp(g, 1)(A, B, 1.0)
    with pytest.raises(
        ArgumentError, match="argnum is another name of argnums; give one of them, not 1 and 0"
    ):
        funad.grad(g, argnums=1, argnum=0)
    with pytest.raises(ArgumentError, match="argnums is an int, a name or a tuple of them, not 1.5"):
        funad.hessian(f, argnum=1.5)


# --- what behaves differently


def both(program, x):
    """Return the gradient of a program by autograd and by funad; its error, where it raises one."""
    return [taken(module.grad(lambda x: program(np, x)), x) for module, np in ((autograd, anp), (funad, fnp))]


def taken(f, *args):
    try:
        return f(*args)
    except Exception as error:
        return error


def fill(np, x):
    out = np.zeros(3)
    out[0] = x[0]
    return np.sum(out * out)


def write(np, x):
    y = x * x
    y[0] = 2.0
    return np.sum(y)


def add_in_place(np, x):
    y = x
    y += 1.0
    return np.sum(y * x)


POSITIVE = onp.array([1.0, 2.0, 3.0])
ERROR = Exception
DIFFERENT = {
    "an array that is filled": (fill, POSITIVE, ERROR, [2.0, 0.0, 0.0]),
    "assignment": (write, POSITIVE, ERROR, [0.0, 4.0, 6.0]),
    "an operator in place": (add_in_place, POSITIVE, [3.0, 5.0, 7.0], [4.0, 6.0, 8.0]),
    "methods": (lambda np, x: x.dot(x), POSITIVE, ERROR, [2.0, 4.0, 6.0]),
    "where": (lambda np, x: np.sum(x * x, where=x > 1), POSITIVE, [2.0, 4.0, 6.0], [0.0, 4.0, 6.0]),
    "ties": (lambda np, x: np.max(x), onp.array([3.0, 3.0, 1.0]), [0.5, 0.5, 0.0], [0.5, 0.5, 0.0]),
    "norm": (lambda np, x: np.linalg.norm(x), onp.zeros(2), [math.nan] * 2, [0.0, 0.0]),
    "std": (lambda np, x: np.std(x), onp.ones(3), [math.nan] * 3, [0.0] * 3),
    "prod": (lambda np, x: np.prod(x), onp.array([0.0, 2.0]), [math.nan, 0.0], [2.0, 0.0]),
    "the other branch": (
        lambda np, x: np.sum(np.where(x > 0, np.sqrt(x), x)),
        onp.array([0.0, 4.0]),
        [math.nan, 0.25],
        [1.0, 0.25],
    ),
    "complex": (lambda np, z: np.real(z * np.conj(z)), 3 + 4j, 6 - 8j, 6 - 8j),
    "an int": (lambda np, x: x**2, 3, ERROR, 6.0),
    "ints": (lambda np, x: np.sum(x**2), onp.array([1, 2]), ERROR, [2.0, 4.0]),
    "what is not used": (lambda np, x: 3.0, 2.0, 0.0, 0.0),
    "None": (lambda np, x: None, 2.0, ERROR, FunadError),
    "float": (lambda np, x: float(x), 2.0, ERROR, FunadError),
    "math": (lambda np, x: math.sin(x), 2.0, ERROR, FunadError),
    "cbrt": (lambda np, x: np.cbrt(x), 1.0, ERROR, 1 / 3),
    "median": (lambda np, x: np.median(x), POSITIVE, ERROR, [0.0, 1.0, 0.0]),
    "map": (lambda np, x: np.sum(np.stack(map(np.sin, x))), POSITIVE, [math.cos(v) for v in POSITIVE],
            [math.cos(v) for v in POSITIVE]),
    "a boolean": (lambda np, x: x[0] > 0, POSITIVE, ERROR, FunadError),
    "an integer": (lambda np, x: np.argmax(x), POSITIVE, ERROR, FunadError),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")  # theirs
@pytest.mark.parametrize("name", DIFFERENT)
def test_what_behaves_differently(name):
    program, x, theirs, ours = DIFFERENT[name]
    for found, wanted in zip(both(program, x), (theirs, ours), strict=True):
        if isinstance(wanted, type):
            assert isinstance(found, wanted)
        else:
            onp.testing.assert_allclose(found, wanted)


def test_the_kinds_of_results():
    product = lambda p: p["a"] * p["b"]
    p = {"a": 2.0, "b": 3.0}
    assert {name: type(part) for name, part in autograd.grad(product)(p).items()} == dict.fromkeys(
        p, onp.ndarray
    )
    assert {name: type(part) for name, part in funad.grad(product)(p).items()} == dict.fromkeys(p, float)
    assert type(autograd.grad(lambda x: x * x)(2.0)) is onp.float64
    assert type(funad.grad(lambda x: x * x)(2.0)) is float
    assert funad.grad(product)(p) == {"a": 3.0, "b": 2.0}


def test_keywords_order_of_results_and_pickles():
    assert isinstance(taken(lambda: autograd.grad(THEIRS["g"], 1)(A, b=B)), IndexError)
    assert funad.grad(OURS["g"], 1)(A, b=B) == funad.grad(OURS["g"], 1)(A, B)
    assert callable(autograd.make_vjp(THEIRS["f"])(X)[0]) and callable(funad.vjp(OURS["f"], X)[1])
    assert isinstance(taken(pickle.dumps, autograd.grad(anp.sin)), AttributeError)
    assert pickle.loads(pickle.dumps(funad.grad(fnp.sin)))(0.0) == 1.0
    unordered = {"b": 2.0, "a": 1.0}
    assert list(autograd.misc.flatten(unordered)[0]) == [1.0, 2.0]
    assert list(funad.tree.ravel(unordered)[0]) == [2.0, 1.0]
    g = lambda a, b: a * b**2
    assert funad.grad(lambda p: g(**p))({"a": 2.0, "b": 3.0}) == {"a": 9.0, "b": 12.0}


def test_other_names():
    x = X
    funad.testing.check_grads(OURS["f"], (x,), modes=["fwd", "rev"])
    v, unravel = funad.tree.ravel({"a": x})
    of_vector = lambda v: OURS["f"](unravel(v)["a"])
    theirs, _, start = flatten_func(lambda p: THEIRS["f"](p["a"]), {"a": x})
    compare(funad.grad(of_vector)(v), autograd.grad(theirs)(start))

    @funad.primitive
    def largest(x):
        return onp.argmax(x)

    funad.defzero(largest)
    compare(funad.grad(lambda x: x[largest(x)] ** 2)(x), [0.0, 3.0, 0.0])

    @funad.primitive
    def cube(x):
        return x**3

    funad.defjvp(cube, lambda y, xdot, x: 3 * xdot * x**2)
    funad.testing.check_grads(cube, (x,))


def test_what_a_traced_array_is():
    seen = []

    def f(x):
        seen.append((isinstance(x, onp.ndarray), isinstance(x[0], float), type(funad.value(x))))
        return fnp.sum(x)

    funad.grad(f)(X)
    assert seen == [(True, True, onp.ndarray)]
