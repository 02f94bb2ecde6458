"""Compile two derivatives, of a training step and of an ODE fit: source, time per call, break-even."""

from time import process_time
from timeit import Timer

import numpy as onp
from digits import init, load, loss
from options import common, report, start
from picture import save, subplots

import funad.numpy as np
from funad import compile, tree, value_and_grad


def train_step(params, x, digits, rate):
    """Return the loss of a batch of digits, and the parameters one step down its slope."""
    value, slope = value_and_grad(loss)(params, x, digits)
    return value, tree.map(lambda p, dp: p - rate * dp, params, slope)


def trajectory(rates, populations, steps=60, dt=0.1):
    """Return hares and lynxes after each step of Runge and Kutta's, by Lotka and Volterra's equations."""
    a, b, c, d = rates
    slope = lambda u: np.array([u[0] * (a - b * u[1]), u[1] * (d * u[0] - c)])  # noqa: E731
    found = [populations]
    for _ in range(steps):
        u, ks = found[-1], [0.0]
        for part in (0.0, 0.5, 0.5, 1.0):
            ks.append(slope(u + part * dt * ks[-1]))
        found.append(u + dt / 6 * (ks[1] + 2 * ks[2] + 2 * ks[3] + ks[4]))
    return np.stack(found[1:])


def misfit(rates, measured):
    """Return how far a trajectory is from what was measured, in squares of logarithms."""
    return np.sum((np.log(trajectory(rates, measured[0])) - np.log(measured[1:])) ** 2)


def seconds(f, *args):
    """Return the least processor time of a call of f, and that of the first, which may record."""
    timer = Timer(lambda: f(*args), timer=process_time)
    first, _ = timer.timeit(1), timer.timeit(1)  # the second is compared
    number, _ = timer.autorange()
    return min(timer.repeat(3, number)) / number, first


def compare(name, f, *args):
    """Print what compiling f brings for these arguments; return how many times faster it is."""
    fast = compile(f)
    before, after = seconds(f, *args)[0], seconds(fast, *args)
    saved, lines = before - after[0], fast.source.splitlines()
    print(f"\n{name}: {len(lines)} lines\n", *lines[:12], "    ...", *lines[-8:], sep="\n")
    paid = f"paid for itself after {after[1] / saved:.0f} calls" if saved > 0 else "never pays"
    print(f"\n{1e6 * before:.0f} µs a call as it is, {1e6 * after[0]:.0f} µs compiled; {paid}")
    return (before, after[0]), before / after[0]


def main(arguments=None):
    options = common(__doc__, "compiled").parse_args(arguments)
    rng = onp.random.default_rng(options.seed)
    (images, labels), _ = load()
    params = init(rng, (64, 100, 10))
    network = compare("A step of digits.py", train_step, params, images[:32], labels[:32], 0.1)
    rates, hares_and_lynxes = onp.array([0.55, 0.028, 0.84, 0.026]), onp.array([30.0, 4.0])
    measured = onp.vstack([hares_and_lynxes, trajectory(rates, hares_and_lynxes)])
    curve = compare("An ODE fit", value_and_grad(misfit), 1.1 * rates, measured)
    figure, axes = subplots(1, 2, figsize=(10, 5))
    for ax, title, (times, _) in zip(axes, ("A training step", "An ODE fit"), (network, curve), strict=True):
        ax.bar_label(ax.bar(("as it is", "compiled"), [1e3 * t for t in times]), fmt="%.3g")
        ax.set(title=title, ylabel="milliseconds a call")
    found = {"a training step": (network[1], ">=", 1.2), "an ODE fit": (curve[1], ">=", 2.0)}
    figures = {f"so many times faster, {name}": x for name, x in found.items()}
    return report(save(figure, options.out), figures)


if __name__ == "__main__":
    start(main)
