"""The transformations, as each library spells them: one table, for the report to draw rows from.

A spelling takes the library, the function and the arguments, all of that library's own kind. Where
PyTorch has two spellings the faster is taken: some of its transformations are much dearer in one.
"""

from collections.abc import Callable
from typing import Any

Spelling = Callable[..., Any]


def _torch_leaf(x: Any) -> Any:
    return x.detach().requires_grad_(True)


def _torch_leaves(p: Any) -> Any:
    return {name: _torch_leaf(x) for name, x in p.items()} if isinstance(p, dict) else _torch_leaf(p)


def _torch_values(p: Any) -> list[Any]:
    return list(p.values()) if isinstance(p, dict) else [p]


def _torch_gradient(torch: Any, f: Any, x: Any) -> Any:
    x = _torch_leaves(x)
    return torch.autograd.grad(f(x), _torch_values(x))


def _torch_value_and_gradient(torch: Any, f: Any, x: Any) -> Any:
    x = _torch_leaves(x)
    y = f(x)
    return y, torch.autograd.grad(y, _torch_values(x))


def _torch_double_backward(torch: Any, f: Any, p: Any, v: Any) -> Any:
    p = _torch_leaves(p)
    leaves = _torch_values(p)
    gradient = torch.autograd.grad(f(p), leaves, create_graph=True)
    return torch.autograd.grad(gradient, leaves, _torch_values(v))


def _torch_forward_over_reverse(torch: Any, f: Any, p: Any, v: Any) -> Any:
    return torch.func.jvp(torch.func.grad(f), (p,), (v,))[1]


def _torch_vjp(torch: Any, f: Any, x: Any, ybar: Any) -> Any:
    x = _torch_leaf(x)
    return torch.autograd.grad(f(x), x, ybar)[0]


def _autograd_product(autograd: Any, f: Any, p: Any, v: Any) -> Any:
    from autograd.differential_operators import make_hvp

    return make_hvp(f)(p)[0](v)
