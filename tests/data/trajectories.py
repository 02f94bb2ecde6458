"""Where the optimizers of PyTorch and optax go: the figures that funad.optimizers is checked against.

    python tests/data/trajectories.py torch > tests/data/torch.json
    python tests/data/trajectories.py optax > tests/data/optax.json

The loss is Σ(tanh(Wx + b) − y)² of a small layer in float64; the figures are W and b, as one
vector, after the steps in STEPS. Options are those at which the library does what funad documents.
"""

import importlib
import json
import sys

import numpy as np

STEPS = (1, 2, 3, 5, 10, 20, 40)
X = np.array([[0.5, -1.0, 2.0, 0.1], [1.5, 0.3, -0.7, -2.0], [-0.2, 0.8, 0.4, 1.0]])
Y = np.array([[0.9, -0.3, 0.2, -0.5], [-0.8, 0.1, 0.6, 0.4]])
START = np.array([0.3, -0.8, 0.5, 0.2, 0.7, -0.4, 0.1, -0.2])  # W, of shape (2, 3), and then b


def by_torch():
    """Return, per name, the points that PyTorch's optimizers visit."""
    torch = importlib.import_module("torch")
    optim, schedule = torch.optim, torch.optim.lr_scheduler
    x, y = torch.tensor(X), torch.tensor(Y)

    def run(optimizer, scheduler=None, clip=None):
        p = torch.tensor(START, requires_grad=True)
        steps = optimizer([p])
        rates = scheduler and scheduler(steps)
        points = []
        for _ in range(max(STEPS)):
            steps.zero_grad()
            ((torch.tanh(p[:6].reshape(2, 3) @ x + p[6:, None]) - y) ** 2).sum().backward()
            if clip:
                clip([p])
            steps.step()
            if rates:
                rates.step()
            points.append(p.detach().tolist())
        return [points[step - 1] for step in STEPS]

    def sgd(p):
        return optim.SGD(p, 0.1)

    return torch.__version__, {
        "sgd": run(sgd),
        "momentum": run(lambda p: optim.SGD(p, 0.05, momentum=0.8)),
        "nesterov": run(lambda p: optim.SGD(p, 0.05, momentum=0.8, nesterov=True)),
        "adagrad": run(lambda p: optim.Adagrad(p, 0.1)),
        "rmsprop": run(lambda p: optim.RMSprop(p, 0.02, alpha=0.9)),
        "adam": run(lambda p: optim.Adam(p, 0.03, betas=(0.8, 0.99))),
        "adamw": run(lambda p: optim.AdamW(p, 0.03, weight_decay=0.1)),
        "exponential_decay": run(sgd, lambda s: schedule.ExponentialLR(s, 0.9)),
        "staircase": run(sgd, lambda s: schedule.StepLR(s, 4, 0.5)),
        "cosine_decay": run(sgd, lambda s: schedule.CosineAnnealingLR(s, 40, 0.01)),
        "piecewise": run(sgd, lambda s: schedule.MultiStepLR(s, [2, 7], 0.5)),
        "warmup": run(sgd, lambda s: schedule.LinearLR(s, 0.25, 1.0, 3)),
        "clip_by_value": run(sgd, clip=lambda p: torch.nn.utils.clip_grad_value_(p, 0.3)),
    }


def by_optax():
    """Return, per name, the points that optax's transformations visit."""
    jax, optax = importlib.import_module("jax"), importlib.import_module("optax")
    jnp = jax.numpy
    jax.config.update("jax_enable_x64", True)

    @jax.grad
    def slope(p):
        return jnp.sum((jnp.tanh(p[:6].reshape(2, 3) @ X + p[6:, None]) - Y) ** 2)

    def run(transformation):
        p = jnp.array(START)
        state, points = transformation.init(p), []
        for _ in range(max(STEPS)):
            updates, state = transformation.update(slope(p), state, p)
            p = optax.apply_updates(p, updates)
            points.append(p.tolist())
        return [points[step - 1] for step in STEPS]

    return optax.__version__, {
        "sgd": run(optax.sgd(0.1)),
        "momentum": run(optax.sgd(0.05, momentum=0.8)),
        "nesterov": run(optax.sgd(0.05, momentum=0.8, nesterov=True)),
        # optax adds eps under the root: equal at 0
        "adagrad_without_eps": run(optax.adagrad(0.1, initial_accumulator_value=0.0, eps=0.0)),
        "rmsprop": run(optax.rmsprop(0.02, decay=0.9, eps_in_sqrt=False)),
        "adam": run(optax.adam(0.03, b1=0.8, b2=0.99)),
        "adamw": run(optax.adamw(0.03, weight_decay=0.1)),
        "exponential_decay": run(optax.sgd(optax.exponential_decay(0.1, 1, 0.9))),
        "staircase": run(optax.sgd(optax.exponential_decay(0.1, 4, 0.5, staircase=True))),
        "cosine_decay": run(optax.sgd(optax.cosine_decay_schedule(0.1, 40, 0.1))),
        "piecewise": run(optax.sgd(optax.piecewise_constant_schedule(0.1, {2: 0.5, 7: 0.5}))),
        "warmup": run(optax.sgd(optax.linear_schedule(0.025, 0.1, 3))),
        "clip_by_value": run(optax.chain(optax.clip(0.3), optax.sgd(0.1))),
        "clip_by_norm": run(optax.chain(optax.clip_by_global_norm(0.5), optax.sgd(0.1))),
    }


if __name__ == "__main__":
    name = sys.argv[1]
    version, points = {"torch": by_torch, "optax": by_optax}[name]()
    made = {"by": f"{name} {version}", "command": f"python tests/data/trajectories.py {name}", "steps": STEPS}
    lines = (f'"{key}": {json.dumps(rows)}' for key, rows in points.items())
    print(json.dumps(made)[:-1] + ', "points": {\n' + ",\n".join(lines) + "\n}}")
