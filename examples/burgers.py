"""A shock by a physics-informed network: Burgers' equation, whose residual at all points is one vmap."""

import numpy as onp
from options import common, report, start, whole
from picture import save, subplots
from tqdm.auto import tqdm

import funad.numpy as np
from funad import grad, tree, value_and_grad, vmap

VISCOSITY, HIDDEN = 0.02, 16


def init(rng):
    """Return random weights of a 2-16-16-1 network."""
    shapes, normal = ((2, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, 1)), rng.standard_normal
    return [(normal((m, n)) / m**0.5, normal(n) / 2) for m, n in shapes]


def u(params, t, x):
    """Return the speed at one time and place: whatever the weights, -sin(πx) at t = 0 and 0 at x = ±1."""
    h = np.stack([t, x])
    for W, b in params[:-1]:
        h = np.tanh(h @ W + b)
    return -np.sin(np.pi * x) + t * (1 - x**2) * (h @ params[-1][0])[0]


def residual(params, t, x):
    """Return ∂u/∂t + u·∂u/∂x - ν·∂²u/∂x² at one time and place, zero where u solves the equation."""
    slope, bend = value_and_grad(grad(u, 2), 2)(params, t, x)
    return grad(u, 1)(params, t, x) + u(params, t, x) * slope - VISCOSITY * bend


def train(params, t, x, steps):
    """Return the weights after Levenberg and Marquardt's steps.

    A row of the Jacobian is the gradient of the residual at one point: ``vmap`` has them all at once.
    """
    w, unravel = tree.ravel(params)
    rows = vmap(value_and_grad(lambda w, t, x: residual(unravel(w), t, x)), in_axes=(None, 0, 0))
    damping, (r, J) = 1.0, rows(w, t, x)
    for _ in (bar := tqdm(range(steps), unit=" steps")):
        new = w - onp.linalg.solve(J.T @ J + damping * onp.eye(len(w)), J.T @ r)
        new_r, new_J = rows(new, t, x)
        better = new_r @ new_r < r @ r
        damping = damping / 3 if better else damping * 4
        if better:
            w, r, J = new, new_r, new_J
        bar.set_postfix(residual=onp.sqrt(r @ r / len(r)))
    return unravel(w)


def cole_hopf(t, x, nodes=100):
    """Return the exact speed: Cole and Hopf's two integrals, by Gauss and Hermite's rule."""
    z, weights = onp.polynomial.hermite.hermgauss(nodes)
    y = x[..., None] - onp.sqrt(4 * VISCOSITY * t[..., None]) * z
    weights = weights * onp.exp(-onp.cos(onp.pi * y) / (2 * onp.pi * VISCOSITY))
    return -onp.sum(weights * onp.sin(onp.pi * y), axis=-1) / onp.sum(weights, axis=-1)


def draw(T, X, found, exact, path):
    """Draw the network's speeds over time and place, and those of some times with the exact ones."""
    figure, (left, right) = subplots(1, 2, figsize=(13, 5.5))
    image = left.pcolormesh(T, X, found, cmap="RdBu_r", shading="gouraud")
    figure.colorbar(image, ax=left, label="speed u")
    left.set(xlabel="time", ylabel="place", title="What the network has found")
    for k, n in enumerate(range(0, 81, 20)):
        right.plot(X[n], exact[n], color=f"C{k}", linewidth=6, alpha=0.3)
        right.plot(X[n], found[n], color=f"C{k}", label=f"time {T[n, 0]:g}")
    right.set(xlabel="place", ylabel="speed u", title="The network (thin) on the exact solution (wide)")
    right.legend()
    return save(figure, path)


def main(arguments=None):
    """Train the network, hold it against the exact solution, draw, and return the figures reached."""
    made = common(__doc__, "burgers")
    made.add_argument("--steps", type=whole, default=120, metavar="N", help="of Levenberg and Marquardt")
    options = made.parse_args(arguments)
    rng = onp.random.default_rng(options.seed)
    t, x = rng.uniform(0, 1, 1000), rng.uniform(-1, 1, 1000) ** 3  # more of them where the shock is
    params = train(init(rng), t, x, options.steps)
    T, X = onp.meshgrid(onp.linspace(0, 1, 81), onp.linspace(-1, 1, 201), indexing="ij")
    found, exact = vmap(vmap(u, (None, 0, 0)), (None, 0, 0))(params, T, X), cole_hopf(T, X)
    draw(T, X, found, exact, options.out)
    apart = onp.linalg.norm(found - exact) / onp.linalg.norm(exact)
    return report(options.out, {"relative error of the speed": (apart, "<=", 0.01)})


if __name__ == "__main__":
    start(main)
