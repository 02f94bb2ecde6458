"""What the tests of compile share: how results are compared, and programs that people write."""

import numpy as onp
import pytest

import funad.numpy as np
from funad import tree, vjp

ULPS = 64  # of the largest entry: sums and products are regrouped


def agree(found, wanted, ulps=ULPS, classes=True):
    """Hold a result to that of eager: structure, classes, shapes, dtypes, and values to rounding."""
    xs, structure = tree.flatten(found)
    ys, known = tree.flatten(wanted)
    assert structure == known
    for x, y in zip(xs, ys, strict=True):
        if not isinstance(y, (onp.ndarray, onp.generic, float, complex)):
            assert x is y or x == y
            continue
        assert not classes or type(x) is type(y), f"a {type(x).__name__} for a {type(y).__name__}"
        x, y = onp.asarray(x), onp.asarray(y)
        assert (x.shape, x.dtype) == (y.shape, y.dtype)
        if y.dtype.kind not in "fc":
            assert onp.array_equal(x, y)
            continue
        finite = onp.isfinite(y)
        size = onp.max(onp.abs(y), initial=0, where=finite)
        near = (
            onp.abs(onp.where(finite, x - onp.where(finite, y, 0), 0)) <= ulps * onp.finfo(y.dtype).eps * size
        )
        same = (x == y) | (onp.isnan(x) & onp.isnan(y)) | (finite & near)
        assert same.all(), f"{x} for {y}"


def hold_to_eager(fast, plain, x):
    """Hold a compiled function of one rule to the function itself, also in what it raises."""
    try:
        wanted = plain(*x)
    except Exception as error:
        with pytest.raises(type(error)):
            fast(*x)
        return
    agree(fast(*x), wanted, ulps=1 << 14, classes=False)


def others(x, k):
    """Return arguments of the same kind as x, a little beside it."""

    def other(leaf):
        if onp.asarray(leaf).dtype.kind not in "fc":
            return leaf
        wave = onp.cos(k + onp.arange(onp.size(leaf))).reshape(onp.shape(leaf))
        moved = leaf * (1 + 0.01 * k * wave)
        return type(leaf)(moved) if not isinstance(leaf, onp.ndarray) else moved.astype(leaf.dtype)

    return tree.map(other, x)


def pulled_back(f, argnum):
    """Return the function (args, kwargs) ↦ (y, x̄) of a rule."""

    def program(args, kwargs):
        def of_x(x):
            given, named = list(args), dict(kwargs)
            (given if isinstance(argnum, int) else named)[argnum] = x
            return f(*given, **named)

        y, pull_back = vjp(of_x, args[argnum] if isinstance(argnum, int) else kwargs[argnum])
        return y, pull_back(tree.map(_cotangent, y))

    return program


def _cotangent(y):
    dtype = getattr(y, "dtype", onp.dtype(type(y)))
    wave = onp.cos(onp.arange(1.0, onp.size(y) + 1)).reshape(onp.shape(y))
    return wave.astype(dtype)[()] if dtype.kind in "fc" else y * 0


# --- what people differentiate


def chain(x):
    y = x
    for _ in range(5):
        y = np.tanh(np.sin(y) * x + 0.5) - y
    return y


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def logistic(w, b, X, y):
    return np.mean(np.logaddexp(0.0, -y * (X @ w + b)))


def network(params, X, Y):
    h = 1.0 / (1.0 + np.exp(-(X @ params["W"] + params["b"])))
    z = h @ params["V"] + params["c"]
    z = z - np.max(z, axis=1, keepdims=True)
    return -np.mean(np.sum(Y * (z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))), axis=1))


def recurrent(params, xs):
    W, U, b = params
    h, total = np.zeros(len(b)), 0.0
    for x in xs:
        h = np.tanh(W @ h + U @ x + b)
        total = total + np.sum(h**2)
    return total


def mixture(weights, means, scales, xs):
    d = (xs[:, None, :] - means) * np.exp(scales)
    inner = weights + np.sum(scales, axis=1) - 0.5 * np.sum(d**2, axis=2)
    top = np.max(inner, axis=1, keepdims=True)
    return np.sum(np.log(np.sum(np.exp(inner - top), axis=1)) + top[:, 0])


def process(theta, X, y):
    d = (X[:, None, :] - X[None, :, :]) / np.exp(theta[:-1])
    K = np.exp(theta[-1] - 0.5 * np.sum(d * d, axis=2)) + 0.1 * np.eye(len(y))
    L = np.linalg.cholesky(K)
    return 0.5 * y @ np.linalg.solve(K, y) + np.sum(np.log(np.diagonal(L)))


def runge_kutta(x, A, steps=20):
    for _ in range(steps):
        k1 = np.tanh(A @ x)
        k2 = np.tanh(A @ (x + 0.05 * k1))
        x = x + 0.1 * k2
    return np.sum(x**2)


def filled(x):
    y = np.zeros((len(x), len(x)))
    for i in range(len(x)):
        y[i, : i + 1] = x[: i + 1] * x[i]
    return np.sum(np.sin(y))


rng = onp.random.default_rng(7)
N = rng.standard_normal
PROGRAMS = {
    "chain of numbers": ("grad", chain, (0.7,)),
    "chain of a vector": ("grad", lambda x: np.sum(chain(x)), (N(10),)),
    "rosenbrock": ("grad", rosenbrock, (N(10),)),
    "logistic": ("grad", logistic, (N(6), 0.1, N((30, 6)), onp.sign(N(30)))),
    "network": (
        "value_and_grad", network,
        ({"W": N((8, 5)), "b": N(5), "V": N((5, 3)), "c": N(3)}, N((7, 8)), onp.eye(3)[onp.arange(7) % 3]),
    ),
    "recurrent": ("grad", recurrent, ((N((4, 4)) / 2, N((4, 3)), N(4)), N((9, 3)))),
    "mixture": ("grad", mixture, (N(4), N((4, 2)), 0.1 * N((4, 2)), N((30, 2)))),
    "process": ("grad", process, (0.1 * N(3), N((8, 2)), N(8))),
    "runge_kutta": ("grad", runge_kutta, (N(4), N((4, 4)))),
    "filled": ("grad", filled, (N(5),)),
    "jacobian": ("jacobian", lambda x, A: np.tanh(A @ x), (N(5), N((6, 5)))),
    "hessian": ("hessian", rosenbrock, (N(6),)),
    "product": ("hvp", lambda x: np.sum(np.sin(x) ** 2 * x[::-1]), (N(6), N(6))),
    "vmap": ("vmap", lambda x: np.sum(np.sin(x) * x), (N((4, 3)),)),
    "no derivative": (None, lambda x: np.sort(x)[::-1] * np.cumsum(x), (N(5),)),
}  # fmt: skip
