"""Optimizers: pairs of pure functions that walk down a gradient, over parameters in any container.

>>> from funad import grad, optimizers
>>> def loss(params):
...     return (params["slope"] - 3.0) ** 2 + (params["offset"] + 1.0) ** 2
>>> init, update = optimizers.momentum(0.1, 0.5)
>>> params = {"slope": 0.0, "offset": 0.0}
>>> state = init(params)
>>> for _ in range(60):
...     params, state = update(grad(loss)(params), state, params)
>>> {name: round(value, 6) for name, value in params.items()}
{'slope': 3.0, 'offset': -1.0}

A rate is a number, or a schedule: a function of the step, counted from 0, that returns one.
"""

from .clipping import clip_by_norm, clip_by_value, global_norm
from .schedules import constant, cosine_decay, exponential_decay, piecewise, warmup
from .steps import Optimizer, State, adagrad, adam, adamw, momentum, nesterov, rmsprop, sgd

__all__ = [
    "Optimizer",
    "State",
    "adagrad",
    "adam",
    "adamw",
    "clip_by_norm",
    "clip_by_value",
    "constant",
    "cosine_decay",
    "exponential_decay",
    "global_norm",
    "momentum",
    "nesterov",
    "piecewise",
    "rmsprop",
    "sgd",
    "warmup",
]
