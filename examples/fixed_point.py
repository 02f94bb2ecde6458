"""Kepler's equation, solved by iteration and differentiated at its solution: implicit differentiation."""

import numpy as onp
from options import common, report, start
from picture import save, subplots

import funad.numpy as np
from funad import custom_vjp, jacobian, vjp


def iterate(step, x):
    """Return x = step(x), by going there from x."""
    for _ in range(10_000):
        before, x = x, step(x)
        if onp.max(onp.abs(x - before)) <= 1e-14:
            return x
    raise ArithmeticError("10,000 steps have not reached a fixed point")


def fixed_point(step):
    """Return the function (params, x) -> x* = step(params, x*), whose derivative knows nothing of the way.

    At x*, x̄ is w·∂step/∂params with w = ȳ + w·∂step/∂x: one more fixed point, so that the derivative
    has a derivative in turn.
    """

    def forward(params, x):
        found = solve(params, x)
        return found, (params, found)

    def backward(residuals, ybar):
        params, found = residuals
        adjoint = fixed_point(lambda known, w: known[2] + vjp(step, *known[:2], argnums=1)[1](w))
        w = adjoint((params, found, ybar), ybar)
        return vjp(step, params, found, argnums=0)[1](w), None  # where one starts makes no difference

    solve = custom_vjp(lambda params, x: iterate(lambda x: step(params, x), x), forward, backward)
    return solve


kepler = fixed_point(lambda orbit, E: orbit["time"] + orbit["eccentricity"] * np.sin(E))


def anomaly(e, time):
    """Return the E of E = time + e·sin(E): the angle of a planet on its orbit, seen from the centre."""
    return kepler({"eccentricity": e, "time": time}, time)


def place(e, time):
    """Return the places of shape (times, 2) at these times, of 2π a year, with the sun at (0, 0)."""
    E = anomaly(e, time)
    return np.stack([np.cos(E) - e, np.sqrt(1 - e**2) * np.sin(E)], axis=1)


def draw(e, path):
    """Draw the orbit and how it moves with the eccentricity, and ∂E/∂e against differences."""
    figure, (left, right) = subplots(1, 2, figsize=(13, 6))
    time, fine = onp.linspace(0, 2 * onp.pi, 24, endpoint=False), onp.linspace(0, 2 * onp.pi, 300)
    left.plot(*place(e, fine).T, color="0.6", label="orbit")
    left.plot(0, 0, "o", color="orange", markersize=14, label="sun")
    left.plot(*place(e, time).T, "o", color="C0", label="planet, every half month")
    arrows = 0.2 * jacobian(place)(e, time)
    left.quiver(*place(e, time).T, *arrows.T, angles="xy", scale_units="xy", scale=1, color="C3", width=0.004)
    left.plot([], [], color="C3", marker=r"$\leftarrow$", markersize=20, linestyle="", label="0.2 ∂place/∂e")
    left.set(aspect="equal", xlim=(-2.1, 0.7), xlabel="x (semi-major axes)", ylabel="y")
    left.set_title(f"Orbit of eccentricity e = {e:g}, and how it moves as e grows")
    left.set_anchor("N")
    left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=4, markerscale=0.7)
    for k, at in enumerate((0.2, 0.4, 0.6, 0.8)):
        right.plot(fine, jacobian(anomaly)(at, fine), color=f"C{k}", label=f"eccentricity {at}")
        right.plot(time, differences(at, time), "o", markersize=4, color=f"C{k}")
    right.set(xlabel="time (a year is 2π)", ylabel="∂E/∂eccentricity")
    right.set_title("Implicit (lines) and by differences (dots)")
    right.grid(alpha=0.3)
    right.legend()
    return save(figure, path)


def differences(e, time, h=1e-5):
    """Return ∂E/∂e by central differences."""
    return (anomaly(e + h, time) - anomaly(e - h, time)) / (2 * h)


def main(arguments=None):
    """Differentiate at some random times, compare, draw, and return the figures reached."""
    options = common(__doc__, "fixed_point").parse_args(arguments)
    e, time = 0.6, onp.random.default_rng(options.seed).uniform(0, 2 * onp.pi, 1000)
    E, slope = anomaly(e, time), jacobian(anomaly)(e, time)
    closed = onp.sin(E) / (1 - e * onp.cos(E))
    draw(e, options.out)
    return report(
        options.out,
        {
            "largest error against the closed form": (onp.abs(slope - closed).max(), "<=", 1e-12),
            "largest error against differences": (onp.abs(slope - differences(e, time)).max(), "<=", 1e-7),
        },
    )


if __name__ == "__main__":
    start(main)
