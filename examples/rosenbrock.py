"""Race every optimizer down Rosenbrock's valley, from the same start to the minimum at (1, 1)."""

import numpy as onp
from options import common, report, start
from picture import save, subplots
from tqdm.auto import tqdm

from funad import optimizers, value_and_grad

START = (-1.2, 1.8)


def rosenbrock(x):
    """Return (1 - x₁)² + 100·(x₂ - x₁²)², a narrow valley along a parabola."""
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def racers(steps):
    """Return the optimizers by name, each with a rate that suits it."""
    falling = optimizers.cosine_decay
    return {
        "sgd": optimizers.sgd(0.0015),
        "momentum": optimizers.momentum(0.0005, 0.97),
        "nesterov": optimizers.nesterov(0.0005, 0.97),
        "adagrad": optimizers.adagrad(0.3),
        "rmsprop": optimizers.rmsprop(falling(0.01, steps)),
        "adam": optimizers.adam(falling(0.1, steps)),
        "adamw": optimizers.adamw(falling(0.1, steps), weight_decay=1e-4),
    }


def way(optimizer, steps, bar):
    """Return the points of shape (steps + 1, 2) that an optimizer visits, and the value at each."""
    slope, x = value_and_grad(rosenbrock), onp.array(START)
    state, points, values = optimizer.init(x), [], []
    for _ in range(steps + 1):
        value, gradient = slope(x)
        points.append(x)
        values.append(value)
        x, state = optimizer.update(gradient, state, x)
        bar.update()
    return onp.array(points), onp.array(values)


def main(arguments=None):
    """Race and draw; return the values on which they end."""
    options = common(__doc__, "rosenbrock", epochs=4000).parse_args(arguments)
    entered = racers(options.epochs)
    with tqdm(total=len(entered) * (options.epochs + 1), unit=" steps", unit_scale=True) as bar:
        ways = {name: way(optimizer, options.epochs, bar) for name, optimizer in entered.items()}
    ends = {name: values[-1] for name, (_, values) in ways.items()}
    for name, end in sorted(ends.items(), key=lambda item: item[1]):
        print(f"{name:>9} ends on a value of {end:.1e}, at {ways[name][0][-1].round(4).tolist()}")
    draw(ways, options.out)
    return report(
        options.out,
        {
            "largest value at the end": (max(ends.values()), "<=", 0.05),
            "smallest value at the end": (min(ends.values()), "<=", 1e-20),
        },
    )


def draw(ways, path):
    """Draw the ways on a map of the valley, and the values over the steps."""
    figure, (left, right) = subplots(1, 2, figsize=(13, 6))
    a, b = onp.meshgrid(onp.linspace(-2.0, 2.0, 301), onp.linspace(-1.0, 3.0, 301))
    left.contourf(a, b, onp.log10(rosenbrock((a, b)) + 1e-3), levels=20, cmap="Greys", alpha=0.6)
    for n, (name, (points, values)) in enumerate(ways.items()):
        left.plot(*points.T, linewidth=3.2 - 0.35 * n, label=name)  # later ones do not hide earlier ones
        right.plot(onp.maximum(values, 1e-32), linewidth=1.5, label=name)
    left.plot(*START, "ko", label="start")
    left.plot(1, 1, "k*", markersize=14, label="minimum")
    left.set(
        title="Their ways (the darker, the higher)", xlabel="x₁", ylabel="x₂", xlim=(-2, 2), ylim=(-1, 3)
    )
    left.legend(loc="lower left")
    right.set(title="Rosenbrock's function along them", xlabel="step", ylabel="value", yscale="log")
    right.legend(loc="lower left")
    right.grid(alpha=0.3)
    save(figure, path)


if __name__ == "__main__":
    start(main)
