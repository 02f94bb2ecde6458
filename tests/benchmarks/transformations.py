"""The transformations, as each library spells them: a table of rows for the report.

A spelling takes the library's gradient module and namespace, and returns a call without arguments.
Where PyTorch has several spellings, the report times the fastest of them.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as onp

from . import programs

Spelling = Callable[..., Any]


def _by_one_backward(torch: Any, f: Any, x: Any, ybar: Any = None) -> Any:
    """y and x̄ in PyTorch's own idiom."""
    x = _leaves(x)
    y = f(x)
    return y, _like(x, torch.autograd.grad(y, _values(x), ybar))


def _by_two_backwards(torch: Any, f: Any, x: Any, v: Any) -> Any:
    """Reverse over reverse: y, the gradient and H v."""
    x = _leaves(x)
    y = f(x)
    gradient = torch.autograd.grad(y, _values(x), create_graph=True)
    return y, _like(x, gradient), _like(x, torch.autograd.grad(gradient, _values(x), _values(v)))


def _leaves(x: Any) -> Any:
    if isinstance(x, dict):
        return {name: _leaves(part) for name, part in x.items()}
    return x.detach().requires_grad_(True)


def _values(x: Any) -> Any:
    return list(x.values()) if isinstance(x, dict) else [x]


def _like(x: Any, values: Any) -> Any:
    return dict(zip(x, values, strict=True)) if isinstance(x, dict) else values[0]


def _autograd(name: str) -> Any:
    return getattr(importlib.import_module("autograd.differential_operators"), name)


# What each library calls the transformation, of (library, f, x, v): v is a vector for products.
# PyTorch's linearize is left out, as it compiles.
ALIKE: dict[str, Spelling] = {
    "gradient": lambda lib, f, x, v: lib.grad(f)(x),
    "value_and_grad": lambda lib, f, x, v: lib.value_and_grad(f)(x),
    "vjp": lambda lib, f, x, v: lib.vjp(f, x)[1](v),
    "jvp": lambda lib, f, x, v: lib.jvp(f, (x,), (v,)),
    "linearize": lambda lib, f, x, v: lib.linearize(f, x)[1](v),
    "jacobian": lambda lib, f, x, v: lib.jacrev(f)(x),
    "jacrev": lambda lib, f, x, v: lib.jacrev(f)(x),
    "jacfwd": lambda lib, f, x, v: lib.jacfwd(f)(x),
    "hessian": lambda lib, f, x, v: lib.hessian(f)(x),
    "hvp": lambda lib, f, x, v: lib.jvp(lib.grad(f), (x,), (v,))[1],
    "vhp": lambda lib, f, x, v: lib.vjp(lib.grad(f), x)[1](v),
    "value_grad_and_hvp": lambda lib, f, x, v: _regrouped(lib.jvp(lib.value_and_grad(f), (x,), (v,))),
    "vmap of grad": lambda lib, f, x, v: lib.vmap(lib.grad(f))(x),
    "vmap of jacfwd": lambda lib, f, x, v: lib.vmap(lib.jacfwd(f))(x),
    "vmap of hessian": lambda lib, f, x, v: lib.vmap(lib.hessian(f))(x),
}


def _regrouped(found: Any) -> Any:
    (value, gradient), (_, product) = found
    return value, gradient, product


FUNAD: dict[str, Spelling] = {
    "jacobian": lambda lib, f, x, v: lib.jacobian(f)(x),
    "value_and_jacobian": lambda lib, f, x, v: lib.value_and_jacobian(f)(x),
    "hvp": lambda lib, f, x, v: lib.hvp(f)(x, v),
    "vhp": lambda lib, f, x, v: lib.vhp(f)(x, v),
    "value_grad_and_hvp": lambda lib, f, x, v: lib.value_grad_and_hvp(f)(x, v),
    "elementwise_grad": lambda lib, f, x, v: lib.elementwise_grad(f)(x),
    "ggnvp": lambda lib, f, x, v: lib.ggnvp(f, lambda y: (y * y).sum())(x, v),
}
AUTOGRAD: dict[str, Spelling] = {
    "gradient": lambda lib, f, x, v: lib.grad(f)(x),
    "value_and_grad": lambda lib, f, x, v: lib.value_and_grad(f)(x),
    "elementwise_grad": lambda lib, f, x, v: lib.elementwise_grad(f)(x),
    "vjp": lambda lib, f, x, v: _autograd("make_vjp")(f)(x)[0](v),
    "jvp": lambda lib, f, x, v: _autograd("make_jvp")(f)(x)(v),
    "jacobian": lambda lib, f, x, v: lib.jacobian(f)(x),
    "jacrev": lambda lib, f, x, v: lib.jacobian(f)(x),
    "hessian": lambda lib, f, x, v: lib.hessian(f)(x),
    "hvp": lambda lib, f, x, v: _autograd("make_hvp")(f)(x)[0](v),
    "vhp": lambda lib, f, x, v: _autograd("make_hvp")(f)(x)[0](v),
    "ggnvp": lambda lib, f, x, v: _autograd("make_ggnvp")(f, lambda y: (y * y).sum())(x)(v),
}
TORCH: dict[str, tuple[Spelling, ...]] = {
    "gradient": (lambda lib, f, x, v: _by_one_backward(lib, f, x)[1],),
    "value_and_grad": (lambda lib, f, x, v: _by_one_backward(lib, f, x),),
    "vjp": (
        lambda lib, f, x, v: _by_one_backward(lib, f, x, v)[1],
        lambda lib, f, x, v: lib.func.vjp(f, x)[1](v),
    ),
    "jvp": (lambda lib, f, x, v: lib.func.jvp(f, (x,), (v,)),),
    "jacobian": (
        lambda lib, f, x, v: lib.func.jacrev(f)(x),
        lambda lib, f, x, v: lib.func.jacfwd(f)(x),
        lambda lib, f, x, v: lib.autograd.functional.jacobian(f, x, vectorize=True),
    ),
    "jacrev": (
        lambda lib, f, x, v: lib.func.jacrev(f)(x),
        lambda lib, f, x, v: lib.autograd.functional.jacobian(f, x, vectorize=True),
    ),
    "jacfwd": (lambda lib, f, x, v: lib.func.jacfwd(f)(x),),
    "hessian": (
        lambda lib, f, x, v: lib.func.hessian(f)(x),
        lambda lib, f, x, v: lib.func.jacrev(lib.func.jacrev(f))(x),
        lambda lib, f, x, v: lib.autograd.functional.hessian(f, x, vectorize=True),
    ),
    "hvp": (
        lambda lib, f, x, v: _by_two_backwards(lib, f, x, v)[2],
        lambda lib, f, x, v: lib.func.jvp(lib.func.grad(f), (x,), (v,))[1],
    ),
    "vhp": (lambda lib, f, x, v: _by_two_backwards(lib, f, x, v)[2],),
    "value_grad_and_hvp": (lambda lib, f, x, v: _by_two_backwards(lib, f, x, v),),
    "vmap of grad": (lambda lib, f, x, v: lib.func.vmap(lib.func.grad(f))(x),),
    "vmap of jacfwd": (lambda lib, f, x, v: lib.func.vmap(lib.func.jacfwd(f))(x),),
    "vmap of hessian": (lambda lib, f, x, v: lib.func.vmap(lib.func.hessian(f))(x),),
}


def spellings(name: str, library: str) -> tuple[Spelling, ...]:
    """Return how a library spells a transformation; none if it has no such thing."""
    if library == "torch":
        return TORCH.get(name, ())
    table = AUTOGRAD if library == "autograd" else {**ALIKE, **(FUNAD if library == "funad" else {})}
    return (table[name],) if name in table else ()


@dataclass
class Task:
    """One transformation of one program, at x, along v; the program takes np, x and data."""

    name: str
    transformation: str
    program: Callable[..., Any]
    x: Any
    v: Any = None
    data: tuple[Any, ...] = ()
    aims: dict[str, float] = field(default_factory=dict)


def tasks() -> list[Task]:
    """Return the rows: the four of the table's first part, then one per transformation."""
    rng = onp.random.default_rng(0)
    x, v = rng.normal(size=50), rng.normal(size=50)
    w1, w2 = rng.normal(0, 0.15, (2, 50, 50))
    parameters, images, targets = programs.network_data(128)
    along = {name: rng.normal(size=part.shape) for name, part in parameters.items()}
    ahead = {"autograd": 1.0, "torch": 1.0}
    rates, start = programs.lotka_volterra()
    four = [
        Task("Jacobian of a 50-50 tanh network", "jacobian", programs.layers, x, data=(w1, w2), aims=ahead),
        Task("Hessian of Rosenbrock, n = 50", "hessian", programs.rosenbrock, x, aims=ahead),
        Task(
            "hvp of the 784-100-10 network, batch 128", "hvp", programs.network_loss, parameters, along,
            (images, targets), ahead,
        ),
        Task(
            "RK4 of a 4-d ODE, 200 steps, gradient of its parameters", "gradient", programs.rk4, rates,
            data=(start,), aims=ahead,
        ),
    ]  # fmt: skip
    layers = partial(Task, program=programs.layers, x=x, v=v, data=(w1, w2))
    valley = partial(Task, program=programs.rosenbrock, x=x, v=v)
    of_layers = (
        "vjp",
        "jvp",
        "linearize",
        "jacrev",
        "jacfwd",
        "value_and_jacobian",
        "elementwise_grad",
        "ggnvp",
    )
    points, (w3, w4) = rng.normal(size=(500, 3)), rng.normal(0, 0.5, (2, 3, 3))
    at_points = partial(Task, x=points, data=(w3, w4))
    of_valley = ("value_and_grad", "hvp", "vhp", "value_grad_and_hvp")
    return [
        *four,
        *(layers(f"{name}, 50-50 tanh network", name) for name in of_layers),
        *(valley(f"{name}, Rosenbrock, n = 50", name) for name in of_valley),
        at_points("vmap of grad, 500 points in 3-d", "vmap of grad", program=programs.energy),
        at_points("vmap of jacfwd, 500 points in 3-d", "vmap of jacfwd", program=programs.layers),
        at_points("vmap of hessian, 500 points in 3-d", "vmap of hessian", program=programs.energy),
    ]


# --- those that stand inside of a function: the gradient of a function that uses them

Programs = dict[str, Callable[..., Any]]


def _steps(np: Any, x: Any) -> Any:
    for _ in range(100):
        x = np.sin(x) + 0.5 * x
    return x


def _checkpoints() -> Programs:
    def of_torch(torch: Any, x: Any) -> Any:
        run = importlib.import_module("torch.utils.checkpoint").checkpoint
        return torch.sum(run(lambda x: _steps(torch, x), x, use_reentrant=False))

    def of(library: str) -> Any:
        def program(np: Any, x: Any) -> Any:
            checkpoint = importlib.import_module(library).checkpoint
            return np.sum(checkpoint(lambda x: _steps(np, x))(x))

        return program

    return {"torch": of_torch, **{library: of(library) for library in ("funad", "autograd", "jax")}}


def _custom_rules() -> Programs:
    """softplus with a rule of its own, 100 times."""

    def forward(np: Any, x: Any) -> Any:
        e = np.exp(x)
        return np.log1p(e), e

    def backward(e: Any, ybar: Any) -> Any:
        return ybar * e / (1 + e)

    def of_funad(np: Any) -> Any:
        made = importlib.import_module("funad").custom_vjp
        return made(lambda x: forward(np, x)[0], partial(forward, np), backward)

    def of_jax(np: Any) -> Any:
        made = importlib.import_module("jax").custom_vjp(lambda x: forward(np, x)[0])
        made.defvjp(partial(forward, np), lambda e, ybar: (backward(e, ybar),))
        return made

    def of_autograd(np: Any) -> Any:
        extend = importlib.import_module("autograd.extend")
        made = extend.primitive(lambda x: onp.logaddexp(0.0, x))
        extend.defvjp(made, lambda y, x: lambda ybar: ybar / (1 + np.exp(-x)))
        return made

    def of_torch(torch: Any) -> Any:
        class Softplus(torch.autograd.Function):  # type: ignore[misc,name-defined]
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                y, e = forward(torch, x)
                ctx.save_for_backward(e)
                return y

            @staticmethod
            def backward(ctx: Any, ybar: Any) -> Any:
                return backward(ctx.saved_tensors[0], ybar)

        return Softplus.apply

    def many(make: Any) -> Any:
        made: list[Any] = []

        def program(np: Any, x: Any) -> Any:
            softplus = made[0] if made else made.append(make(np)) or made[0]
            for _ in range(100):
                x = softplus(x)
            return np.sum(x)

        return program

    makers = {"funad": of_funad, "jax": of_jax, "autograd": of_autograd, "torch": of_torch}
    return {library: many(make) for library, make in makers.items()}


def _taps() -> Programs:
    def of_funad(np: Any, x: Any) -> Any:
        tap = importlib.import_module("funad").tap
        for _ in range(100):
            x = tap(x * 0.9, lambda xbar: xbar * 2)
        return np.sum(x)

    def of_torch(torch: Any, x: Any) -> Any:
        for _ in range(100):
            x = x * 0.9
            x.register_hook(lambda xbar: xbar * 2)
        return torch.sum(x)

    return {"funad": of_funad, "torch": of_torch}


def _stops() -> Programs:
    def using(stop: Any) -> Any:
        def program(np: Any, x: Any) -> Any:
            stopped = stop()
            for _ in range(100):
                x = x * stopped(x)
            return np.sum(x)

        return program

    return {
        "funad": using(lambda: importlib.import_module("funad").stop_gradient),
        "jax": using(lambda: importlib.import_module("jax").lax.stop_gradient),
        "autograd": using(lambda: importlib.import_module("autograd.tracer").getval),
        "torch": using(lambda: lambda x: x.detach()),
    }


def _black_boxes() -> Programs:
    numerical = importlib.import_module("funad").numerical
    return {"funad": lambda np, x: numerical(lambda x: onp.sum(onp.sin(x)))(x)}


def _fillings() -> Programs:
    return dict.fromkeys(("funad", "torch"), lambda np, x: programs.fill(np, x, len(x)))


def _heats() -> Programs:
    def of_torch(torch: Any, u: Any) -> Any:
        u = u.clone()
        for _ in range(100):
            u[1:-1] = u[1:-1] + 0.2 * (u[2:] - 2 * u[1:-1] + u[:-2])
        return torch.sum(u * u)

    by_parts = partial(programs.heat_by_parts, steps=100)
    return {
        "funad": partial(programs.heat, steps=100),
        "torch": of_torch,
        "autograd": by_parts,
        "jax": by_parts,
    }


def _of_all(program: Any) -> Callable[[], Programs]:
    return lambda: dict.fromkeys(("funad", "autograd", "jax", "torch"), program)


def _of_funad(program: Any) -> Callable[[], Programs]:
    return lambda: {"funad": program}


def _scatters() -> Programs:
    def of_torch(torch: Any, x: Any) -> Any:
        table = torch.zeros(3, dtype=x.dtype).index_add(0, torch.ones(len(x), dtype=torch.int64), x)
        return torch.sum(table * table)

    return {"funad": programs.scatter_add, "torch": of_torch}


def _likelihoods(distribution: str, parameters: tuple[float, ...]) -> Callable[[], Programs]:
    """Return how the libraries' own scipy.stats sums log-densities; PyTorch's are other functions."""

    def of(stats: Any) -> Any:
        return lambda np, x: np.sum(getattr(stats, distribution).logpdf(x, *parameters) * x)

    def make() -> Programs:
        homes = {"funad": "funad.scipy.stats", "autograd": "autograd.scipy.stats", "jax": "jax.scipy.stats"}
        found = {name: home for name, home in homes.items() if importlib.util.find_spec(name) is not None}
        return {name: of(importlib.import_module(home)) for name, home in found.items()}

    return make


def _normal_by_hand(np: Any, x: Any) -> Any:
    """The likelihood of norm.logpdf written out: it is to take two thirds of that at least."""
    z = (x - 0.2) / 1.3
    return np.sum((-(z**2) / 2 - 0.9189385332046727 - onp.log(1.3)) * x)


def written() -> dict[str, Callable[[], Any]]:
    """Return transformations of programs that write into arrays, which the other libraries do not take."""
    funad, np = importlib.import_module("funad"), importlib.import_module("funad.numpy")
    heat, recurrence = partial(programs.heat_map, np, steps=50), partial(programs.recurrence, np)
    u, x = onp.linspace(0.0, 1.0, 300), onp.linspace(0.1, 1.0, 5000)
    return {
        "jacrev of 50 heat steps by assignment, n = 300": lambda: funad.jacrev(heat)(u),
        "jacfwd of 50 heat steps by assignment, n = 300": lambda: funad.jacfwd(heat)(u),
        "hvp of a recurrence written into 5,000 numbers": lambda: funad.hvp(recurrence)(x, x),
        "linearize of that gradient": lambda: funad.linearize(funad.grad(recurrence), x)[1](x),
    }


INSIDE: tuple[tuple[str, Callable[[], Programs], int], ...] = (
    *(
        row
        for size in (1, 1_000, 100_000)
        for row in (
            (f"norm.logpdf of {size:,}", _likelihoods("norm", (0.2, 1.3)), size),
            (f"the same by hand, {size:,}", _of_all(_normal_by_hand), size),
            (f"gamma.logpdf of {size:,}", _likelihoods("gamma", (2.5,)), size),
        )
    ),
    ("checkpoint of 100 steps on 1,000 numbers", _checkpoints, 1000),
    ("custom_vjp, 100 times on 10 numbers", _custom_rules, 10),
    ("tap, 100 times on 10 numbers", _taps, 10),
    ("stop_gradient, 100 times on 10 numbers", _stops, 10),
    ("numerical, of 10 numbers", _black_boxes, 10),
    ("100 x 100 array filled by assignment", _fillings, 100),
    ("heat equation by assignment, 100 steps, 1,000 numbers", _heats, 1000),
    ("add.at of 5,000 values in one place", _scatters, 5000),
    ("multiply.reduceat of 20,000 numbers in tens", _of_funad(programs.segment_products), 20_000),
    ("divide.accumulate of 5,000 numbers", _of_funad(programs.continued_fraction), 5000),
    ("x.flat[i] for 2,000 numbers", _of_funad(programs.flat_sum), 2000),
    ("x[1:][i] for 2,000 numbers", _of_funad(programs.sum_through_views), 2000),
)
