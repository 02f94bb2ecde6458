"""The libraries, each behind the same two methods; one that is not installed is left out."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as onp

from . import programs


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
        torch, cross_entropy = self._torch, self._torch.nn.functional.cross_entropy
        w1, b1, w2, b2 = leaves = [
            torch.tensor(parameters[name], requires_grad=True) for name in ("w1", "b1", "w2", "b2")
        ]
        x, labels = torch.tensor(images), torch.tensor(targets.argmax(axis=1))

        def run() -> Any:
            h = torch.tanh(torch.addmm(b1, x, w1))
            loss = cross_entropy(torch.addmm(b2, h, w2), labels)
            return loss, dict(zip(("w1", "b1", "w2", "b2"), torch.autograd.grad(loss, leaves), strict=True))

        return run


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
    if isinstance(result, dict):
        return [array for name in sorted(result) for array in numbers(result[name])]
    if isinstance(result, (tuple, list)):
        return [array for part in result for array in numbers(part)]
    return [onp.asarray(result.detach() if hasattr(result, "detach") else result)]
