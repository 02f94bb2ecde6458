"""The optimizers: each is a rule of one step for one array, carried over a container."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from .. import numpy as np
from .. import tree
from ..errors import ArgumentError, ArgumentTypeError
from ..spaces import describe, is_complex, zeros_like
from ..values import constant, dtype_of, shape_of
from .checks import check
from .clipping import in_space
from .schedules import Rate, Schedule, as_schedule

__all__ = ["Optimizer", "State", "adagrad", "adam", "adamw", "momentum", "nesterov", "rmsprop", "sgd"]


class Optimizer(NamedTuple):
    """A pair of pure functions: neither remembers anything, and neither changes what it is given.

    Attributes
    ----------
    init : callable
        ``state = init(params)``: the state before the first step.
    update : callable
        ``params, state = update(gradient, state, params)``: one step down. ``gradient`` is what
        ``grad`` returns for ``params``: the same structure and shapes; of complex parameters it is
        the conjugate of the direction of ascent, and that is understood here. The parameters keep
        their dtypes: float32 stays float32.

    All of it can be differentiated, for instance by the learning rate.
    """

    init: Callable[[Any], State]
    update: Callable[[Any, State, Any], tuple[Any, State]]


class State(NamedTuple):
    """Where an optimizer stands: a container too, so it can be saved and restored as parameters are.

    Attributes
    ----------
    step : int
        How many steps have been made.
    moments : tuple of containers
        The running sums and means of the rule, each with the structure of the parameters.
    """

    step: int
    moments: tuple[Any, ...]


# (t, rate, p, g, *moments) -> (p, *moments) for step t, counted from 1, and one array p.
Rule = Callable[..., tuple[Any, ...]]


def _optimizer(rule: Rule, rate: Rate, *zeros: Callable[[Any], Any]) -> Optimizer:
    """Carry a rule of one array over containers; zeros make its first moments.

    Partial functions rather than closures, so that an optimizer pickles.
    """
    return Optimizer(partial(_init, zeros), partial(_update, rule, as_schedule(rate)))


def _init(zeros: tuple[Callable[[Any], Any], ...], params: Any) -> State:
    for p, path in zip(tree.flatten(params)[0], tree.paths(params, "params"), strict=True):
        if dtype_of(p).kind not in "fc":
            raise ArgumentTypeError(
                f"an optimizer moves floats, but {path} is {describe(p)}; make it a float"
            )
    return State(0, tuple(tree.map(zero, params) for zero in zeros))


def _update(rule: Rule, rate: Schedule, gradient: Any, state: State, params: Any) -> tuple[Any, State]:
    if not isinstance(state, State):
        raise ArgumentTypeError(
            f"the second argument of update is the state that init returned, not {describe(state)}; write "
            f"params, state = update(gradient, state, params)"
        )
    leaves, structure = tree.flatten(params)
    slopes, *moments = (tree.flatten_like(structure, each) for each in (gradient, *state.moments))
    for what, parts in [("gradient", slopes), *(("state", each) for each in moments)]:
        _check_fits(what, parts, leaves, params)
    now, step = _number(rate(state.step)), state.step + 1
    rows = [
        rule(step, now, p, np.conj(g) if is_complex(g) else g, *ms)
        for p, g, *ms in zip(leaves, slopes, *moments, strict=True)
    ]
    moved = [in_space(row[0], p) for row, p in zip(rows, leaves, strict=True)]
    kept = [
        [in_space(row[n], old) for row, old in zip(rows, olds, strict=True)]
        for n, olds in enumerate(moments, start=1)
    ]
    back = partial(tree.unflatten, structure)
    return back(moved), State(step, tuple(map(back, kept)))


def _check_fits(what: str, parts: list[Any], leaves: list[Any], params: Any) -> None:
    """Refuse what would broadcast, or become complex, in silence."""
    for n, (part, p) in enumerate(zip(parts, leaves, strict=True)):
        if shape_of(part) != shape_of(p) or (is_complex(part) and not is_complex(p)):
            path = tree.paths(params, "params")[n]
            raise ArgumentError(f"the {what} for {path} is {describe(part)}, but {path} is {describe(p)}")


def _number(rate: Any) -> Any:
    """Return a rate as a Python float, which leaves float32 alone, unless it is traced."""
    return float(rate) if constant(rate) is rate else rate


def _zeros(p: Any) -> Any:
    return zeros_like(p)


def _real_zeros(p: Any) -> Any:
    return zeros_like(constant(p).real)


def _square(g: Any) -> Any:
    """|g|², real also for complex g."""
    return np.real(g) ** 2 + np.imag(g) ** 2 if is_complex(g) else g * g


# --- the optimizers


def sgd(rate: Rate) -> Optimizer:
    """Return gradient descent: p ← p − rate·g.

    Parameters
    ----------
    rate : float or schedule
        The learning rate, or a function of the step, from 0 on, that returns it.

    Returns
    -------
    Optimizer
        ``(init, update)``.

    References
    ----------
    Robbins, Monro (1951): A Stochastic Approximation Method.

    Examples
    --------
    >>> from funad.optimizers import sgd
    >>> init, update = sgd(0.5)
    >>> params = {"w": 1.0, "b": 2.0}
    >>> update({"w": 4.0, "b": -2.0}, init(params), params)[0]
    {'w': -1.0, 'b': 3.0}
    """
    return _optimizer(_sgd, rate)


def _sgd(t: int, rate: Any, p: Any, g: Any) -> tuple[Any, ...]:
    return (p - rate * g,)


def momentum(rate: Rate, decay: float = 0.9) -> Optimizer:
    """Return gradient descent with momentum: m ← decay·m + g, then p ← p − rate·m.

    Parameters
    ----------
    rate : float or schedule
    decay : float, default 0.9
        From 0, which is :func:`sgd`, to below 1.

    Returns
    -------
    Optimizer
        ``(init, update)``; the state holds m.

    References
    ----------
    Polyak (1964): Some methods of speeding up the convergence of iteration methods.

    Examples
    --------
    >>> from funad.optimizers import momentum
    >>> init, update = momentum(0.5, 0.5)
    >>> x, state = 8.0, init(8.0)
    >>> for _ in range(3):
    ...     x, state = update(2.0, state, x)
    ...     print(x)
    7.0
    5.5
    3.75
    """
    check("decay", decay, "a number from 0 to below 1")
    return _optimizer(partial(_momentum, decay), rate, _zeros)


def _momentum(decay: Any, t: int, rate: Any, p: Any, g: Any, m: Any) -> tuple[Any, ...]:
    m = decay * m + g
    return p - rate * m, m


def nesterov(rate: Rate, decay: float = 0.9) -> Optimizer:
    """Return gradient descent with Nesterov's momentum, which looks ahead.

    m ← decay·m + g, then p ← p − rate·(g + decay·m): the form in which g is taken at the
    parameters themselves, not at the point ahead.

    Parameters
    ----------
    rate : float or schedule
    decay : float, default 0.9
        From 0, which is :func:`sgd`, to below 1.

    Returns
    -------
    Optimizer
        ``(init, update)``; the state holds m.

    References
    ----------
    Nesterov (1983): A method for solving the convex programming problem with convergence rate
    O(1/k²). Sutskever, Martens, Dahl, Hinton (2013): On the importance of initialization and
    momentum in deep learning.

    Examples
    --------
    >>> from funad.optimizers import nesterov
    >>> init, update = nesterov(0.5, 0.5)
    >>> update(2.0, init(8.0), 8.0)[0]
    6.5
    """
    check("decay", decay, "a number from 0 to below 1")
    return _optimizer(partial(_nesterov, decay), rate, _zeros)


def _nesterov(decay: Any, t: int, rate: Any, p: Any, g: Any, m: Any) -> tuple[Any, ...]:
    m = decay * m + g
    return p - rate * (g + decay * m), m


def adagrad(rate: Rate = 0.01, eps: float = 1e-10) -> Optimizer:
    """Return AdaGrad, which divides by the root of the sum of all squares so far.

    s ← s + |g|², then p ← p − rate·g / (√s + eps), number by number.

    Parameters
    ----------
    rate : float or schedule, default 0.01
    eps : float, default 1e-10
        Keeps the step finite where every g has been 0.

    Returns
    -------
    Optimizer
        ``(init, update)``; the state holds s.

    References
    ----------
    Duchi, Hazan, Singer (2011): Adaptive Subgradient Methods for Online Learning and Stochastic
    Optimization.

    Examples
    --------
    >>> from funad.optimizers import adagrad
    >>> init, update = adagrad(0.5)
    >>> round(update(2.0, init(8.0), 8.0)[0], 6)
    7.5
    """
    check("eps", eps, "a number from 0 on")
    return _optimizer(partial(_adagrad, eps), rate, _real_zeros)


def _adagrad(eps: Any, t: int, rate: Any, p: Any, g: Any, s: Any) -> tuple[Any, ...]:
    s = s + _square(g)
    return p - rate * g / (np.sqrt(s) + eps), s


def rmsprop(rate: Rate = 0.01, decay: float = 0.99, eps: float = 1e-8) -> Optimizer:
    """Return RMSProp, which divides by the root of the running mean of the squares.

    v ← decay·v + (1 − decay)·|g|², then p ← p − rate·g / (√v + eps), number by number.

    Parameters
    ----------
    rate : float or schedule, default 0.01
    decay : float, default 0.99
        From 0 to below 1.
    eps : float, default 1e-8
        Keeps the step finite where v is 0.

    Returns
    -------
    Optimizer
        ``(init, update)``; the state holds v.

    References
    ----------
    Tieleman, Hinton (2012): Lecture 6.5 — RMSProp, of Neural Networks for Machine Learning.

    Examples
    --------
    >>> from funad.optimizers import rmsprop
    >>> init, update = rmsprop(0.5, 0.75)
    >>> round(update(2.0, init(8.0), 8.0)[0], 6)
    7.0
    """
    check("decay", decay, "a number from 0 to below 1")
    check("eps", eps, "a number from 0 on")
    return _optimizer(partial(_rmsprop, decay, eps), rate, _real_zeros)


def _rmsprop(decay: Any, eps: Any, t: int, rate: Any, p: Any, g: Any, v: Any) -> tuple[Any, ...]:
    v = decay * v + (1 - decay) * _square(g)
    return p - rate * g / (np.sqrt(v) + eps), v


def adam(rate: Rate = 0.001, first: float = 0.9, second: float = 0.999, eps: float = 1e-8) -> Optimizer:
    """Return Adam: momentum, divided by the root of the running mean of the squares.

    m ← first·m + (1 − first)·g and v ← second·v + (1 − second)·|g|², both divided by what
    their start at 0 has cost, m̂ = m/(1 − firstᵗ) and v̂ = v/(1 − secondᵗ) in step t = 1, 2, …;
    then p ← p − rate·m̂ / (√v̂ + eps), number by number.

    Parameters
    ----------
    rate : float or schedule, default 0.001
    first, second : float, default 0.9 and 0.999
        How slowly the means of g and of |g|² forget: β₁ and β₂, from 0 to below 1.
    eps : float, default 1e-8
        Keeps the step finite where v̂ is 0.

    Returns
    -------
    Optimizer
        ``(init, update)``; the state holds m and v.

    References
    ----------
    Kingma, Ba (2015): Adam: A Method for Stochastic Optimization.

    Examples
    --------
    >>> from funad.optimizers import adam
    >>> init, update = adam(0.5)
    >>> round(update(2.0, init(8.0), 8.0)[0], 6)  # the first step is as long as the rate
    7.5
    """
    return adamw(rate, first, second, eps, weight_decay=0.0)


def adamw(
    rate: Rate = 0.001,
    first: float = 0.9,
    second: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> Optimizer:
    """Return Adam with decoupled weight decay: p ← p − rate·(m̂ / (√v̂ + eps) + weight_decay·p).

    Unlike a penalty added to the loss, the decay is not divided by √v̂; see :func:`adam`.

    Parameters
    ----------
    rate : float or schedule, default 0.001
    first, second : float, default 0.9 and 0.999
    eps : float, default 1e-8
    weight_decay : float, default 0.01
        From 0, which is :func:`adam`, on.

    Returns
    -------
    Optimizer
        ``(init, update)``; the state holds m and v.

    References
    ----------
    Loshchilov, Hutter (2019): Decoupled Weight Decay Regularization.

    Examples
    --------
    >>> from funad.optimizers import adamw
    >>> init, update = adamw(0.5, weight_decay=0.25)
    >>> update(0.0, init(8.0), 8.0)[0]  # no gradient: the decay alone
    7.0
    """
    check("first", first, "a number from 0 to below 1")
    check("second", second, "a number from 0 to below 1")
    check("eps", eps, "a number from 0 on")
    check("weight_decay", weight_decay, "a number from 0 on")
    return _optimizer(partial(_adamw, first, second, eps, weight_decay), rate, _zeros, _real_zeros)


def _adamw(
    first: Any, second: Any, eps: Any, weight_decay: Any, t: int, rate: Any, p: Any, g: Any, m: Any, v: Any
) -> tuple[Any, ...]:
    m = first * m + (1 - first) * g
    v = second * v + (1 - second) * _square(g)
    # √v̂ + eps = (√v + eps·c)/c: the corrections are numbers, and cost no pass over an array.
    c = (1 - second**t) ** 0.5
    new = p - (rate * c / (1 - first**t)) * m / (np.sqrt(v) + eps * c)
    return (new - rate * weight_decay * p if weight_decay else new), m, v
