"""Heat a rod from its ends until it has a given profile: the gradient of 500 steps of a simulation."""

import numpy as onp
from options import common, report, start, whole
from picture import save, subplots
from scipy.optimize import minimize
from tqdm.auto import tqdm

import funad.numpy as np
from funad import tree, value_and_grad

POINTS, STEPS, CHANGES = 31, 500, 20  # of the rod; of time; of each heater
TIME, DIFFUSIVITY = 1.0, 0.25  # hours; m² an hour, of an alloy of aluminium; the rod is 1 m long
RATE = DIFFUSIVITY * TIME / STEPS * (POINTS - 1) ** 2  # 0.45: above 1/2 the steps would be unstable
PLACES = onp.linspace(0, 1, POINTS)
TARGET = 20 + 60 * PLACES**2 * (3 - 2 * PLACES)  # °C: from 20 at the left end to 80 at the right


def simulate(heaters):
    """Return the temperatures after each step, a list of arrays of shape (POINTS,).

    The heat equation ∂u/∂t = D·∂²u/∂x² in explicit steps of Euler; the ends have the heaters' temperatures.
    """
    u, rows = onp.full(POINTS, 20.0), []
    for step in range(STEPS):
        now = step * CHANGES // STEPS
        inside = u[1:-1] + RATE * (u[2:] - 2 * u[1:-1] + u[:-2])
        u = np.concatenate([heaters["left"][now : now + 1], inside, heaters["right"][now : now + 1]])
        rows.append(u)
    return rows


def miss(heaters):
    """Return the mean of the squared distances from the target at the end, and a price for jumps."""
    jumps = sum(np.sum(np.diff(heater) ** 2) for heater in heaters.values())
    return np.mean((simulate(heaters)[-1] - TARGET) ** 2) + 1e-6 * jumps


def control(heaters, iterations):
    """Return the heaters that miss least, found by L-BFGS."""
    start, unravel = tree.ravel(heaters)
    with tqdm(total=iterations, unit=" iterations") as bar:
        found = minimize(
            value_and_grad(lambda vector: miss(unravel(vector))),
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=[(0, 150)] * len(start),  # °C, what a heater can do
            options={"maxiter": iterations},
            callback=lambda _: bar.update(),
        )
    return unravel(found.x)


def draw(heaters, path):
    """Draw the heaters' temperatures, those of the rod over time, and the rod at the end."""
    rows = onp.array(simulate(heaters))
    figure, (left, middle, right) = subplots(1, 3, figsize=(13, 4.5))
    for name, heater in heaters.items():
        left.stairs(
            heater, onp.linspace(0, TIME, CHANGES + 1), baseline=None, label=f"{name} end", linewidth=2
        )
    left.set(xlabel="time (h)", ylabel="temperature (°C)", title="What the heaters do")
    left.legend()
    image = middle.imshow(rows, aspect="auto", origin="lower", extent=(0, 1, 0, TIME), cmap="inferno")
    figure.colorbar(image, ax=middle)
    middle.set(xlabel="place along the rod (m)", ylabel="time (h)", title="What the rod does (°C)")
    right.plot(PLACES, TARGET, color="0.6", linewidth=6, label="wanted")
    right.plot(PLACES, rows[-1], label="reached")
    right.set(xlabel="place along the rod (m)", ylabel="temperature (°C)", title="The rod after an hour")
    right.legend()
    return save(figure, path)


def main(arguments=None):
    """Find the heaters' temperatures, draw, and return the figure reached."""
    made = common(__doc__, "heat")
    made.add_argument("--iterations", type=whole, default=100, metavar="N", help="of L-BFGS, at most")
    options = made.parse_args(arguments)
    rng = onp.random.default_rng(options.seed)
    start = {name: rng.uniform(15, 25, CHANGES) for name in ("left", "right")}
    heaters = control(start, options.iterations)
    draw(heaters, options.out)
    off = onp.abs(simulate(heaters)[-1] - TARGET).max()
    return report(options.out, {"greatest distance from the profile (K)": (off, "<=", 0.5)})


if __name__ == "__main__":
    start(main)
