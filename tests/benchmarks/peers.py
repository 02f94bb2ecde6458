"""The libraries, each behind the same two methods; one that is not installed is left out."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as onp

from . import programs
from .measure import once
from .transformations import Task, spellings


class Library:
    """A library with NumPy's names and with grad and value_and_grad: funad, autograd, jax."""

    def __init__(self, name: str, namespace: str, compiled: bool = False) -> None:
        self.name = f"{name} jit" if compiled else name
        self.np = importlib.import_module(namespace)
        self._library = importlib.import_module(name)
        self._compiled = compiled

    def gradient(self, program: Callable[..., Any], x: Any, *rest: Any) -> Callable[[], Any]:
        """Return a call without arguments that computes the gradient of the program at x."""
        return self._ready(self._library.grad, program, x, *rest)

    def network(self, parameters: Any, images: Any, targets: Any) -> Callable[[], Any]:
        """Return a call that computes the network's loss and the gradient of its parameters."""
        of_values = self._library.value_and_grad
        return self._ready(of_values, programs.network_loss, parameters, images, targets, data=2)

    def transformed(self, task: Task) -> Callable[[], Any] | None:
        """Return a call that computes what the task says; None if the library has no such thing."""
        found = spellings(task.transformation, self._library.__name__)
        if not found:
            return None
        # For jax constants too are its own arrays; for the others they are NumPy's anyway.
        data = [self.np.asarray(part) for part in task.data]

        def run(x: Any, v: Any) -> Any:
            return found[0](self._library, lambda x: task.program(self.np, x, *data), x, v)

        x, v = task.x, task.v
        if not self.name.startswith("jax"):
            return lambda: run(x, v)
        jax = self._library
        if self._compiled:
            run = jax.jit(run)
        x, v = jax.tree.map(self.np.asarray, (x, v))
        return lambda: jax.block_until_ready(run(x, v))

    def _ready(self, transform: Any, program: Any, x: Any, *rest: Any, data: int = 0) -> Callable[[], Any]:
        # The last ``data`` arguments are arrays; others, as a length, are constants of the program.
        constants, arrays = rest[: len(rest) - data], rest[len(rest) - data :]
        run = transform(lambda x, *arrays: program(self.np, x, *constants, *arrays))
        if self.name.startswith("jax"):
            jax = self._library
            if self._compiled:
                run = jax.jit(run)
            x, *arrays = jax.tree.map(self.np.asarray, (x, *arrays))
            return lambda: jax.block_until_ready(run(x, *arrays))
        return lambda: run(x, *arrays)


def _network_loss(torch: Any, parameters: Any, x: Any, labels: Any) -> Any:
    """The loss of the network in PyTorch's own idiom; the targets are numbers of classes."""
    h = torch.tanh(torch.addmm(parameters["b1"], x, parameters["w1"]))
    z = torch.addmm(parameters["b2"], h, parameters["w2"])
    return torch.nn.functional.cross_entropy(z, labels)


class Torch:
    """PyTorch, eager, on one thread, written in its own idiom."""

    name = "torch"

    def __init__(self) -> None:
        self.np = self._torch = importlib.import_module("torch")
        self._torch.set_num_threads(1)

    def gradient(self, program: Callable[..., Any], x: Any, *rest: Any) -> Callable[[], Any]:
        """Return a call without arguments that computes the gradient of the program at x."""
        torch = self._torch
        leaf = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        return lambda: torch.autograd.grad(program(torch, leaf, *rest), leaf)

    def network(self, parameters: Any, images: Any, targets: Any) -> Callable[[], Any]:
        """Return a call that computes the network's loss and the gradient of its parameters."""
        torch, names = self._torch, ("w1", "b1", "w2", "b2")
        leaves = {name: torch.tensor(parameters[name], requires_grad=True) for name in names}
        x, labels = torch.tensor(images), torch.tensor(targets.argmax(axis=1))

        def run() -> Any:
            loss = _network_loss(torch, leaves, x, labels)
            gradient = torch.autograd.grad(loss, list(leaves.values()))
            return loss, dict(zip(names, gradient, strict=True))

        return run

    def transformed(self, task: Task) -> Callable[[], Any] | None:
        """Return a call that computes what the task says, in the fastest way there is."""
        torch, program, data = self._torch, task.program, task.data
        if program is programs.network_loss:
            program, data = _network_loss, (data[0], data[1].argmax(axis=1))
        data = tuple(torch.tensor(part) for part in data)
        x, v = self._own(task.x), self._own(task.v)
        runs = [
            lambda spelling=spelling: spelling(torch, lambda x: program(torch, x, *data), x, v)
            for spelling in spellings(task.transformation, "torch")
        ]
        return min(runs, key=lambda run: min(once(run, 1) for _ in range(5)), default=None)

    def _own(self, x: Any) -> Any:
        if isinstance(x, dict):
            return {name: self._own(part) for name, part in x.items()}
        return x if x is None else self._torch.tensor(x)


def installed() -> list[Any]:
    """Return funad and every peer that is installed."""
    found = [Library("funad", "funad.numpy")]
    for make in (
        lambda: Library("autograd", "autograd.numpy"),
        Torch,
        lambda: Library("jax", "jax.numpy"),
        lambda: Library("jax", "jax.numpy", compiled=True),
    ):
        try:
            found.append(make())
        except ImportError:
            continue
    return found


def numbers(result: Any) -> list[Any]:
    """Return a result of any of the libraries as NumPy arrays, in one order, to compare them."""
    if result is None:
        return []
    if isinstance(result, dict):
        return [array for name in sorted(result) for array in numbers(result[name])]
    if isinstance(result, (tuple, list)):
        return [array for part in result for array in numbers(part)]
    return [onp.asarray(result.detach() if hasattr(result, "detach") else result)]
