"""A potential learned from energies and forces: a Gaussian process with observations of derivatives."""

import numpy as onp
from options import common, report, start, whole
from picture import save, subplots
from scipy.optimize import minimize

import funad.numpy as np
from funad import grad, jacobian, value_and_grad, vmap
from funad.scipy import linalg

# Müller and Brown's potential (Theoretica Chimica Acta 53, 1979), a test of searches for paths of reactions.
HEIGHT, PLACE = onp.array([-200, -100, -170, 15.0]), onp.array([(1, 0), (0, 0.5), (-0.5, 1.5), (-1, 1)])
BEND = onp.array([(-1, 0, -10), (-1, 0, -10), (-6.5, 11, -6.5), (0.7, 0.6, 0.7)])
MINIMA, ENERGIES = onp.array([(-0.558, 1.442), (0.623, 0.028)]), (-146.70, -108.17)  # published


def potential(x):
    """Return the energy at a place x of shape (2,)."""
    a, b = (x - PLACE).T
    return np.sum(HEIGHT * np.exp(BEND[:, 0] * a**2 + BEND[:, 1] * a * b + BEND[:, 2] * b**2))


def kernel(logs, a, b):
    """Return the covariance of the energies at two places."""
    return np.exp(2 * logs[0] - 0.5 * np.sum(((a - b) / np.exp(logs[1:3])) ** 2))


def block(logs, a, b):
    """Return the covariances (3, 3) of the energy and its slopes at a with those at b."""

    def with_b(a):
        return np.concatenate([np.stack([kernel(logs, a, b)]), grad(kernel, 2)(logs, a, b)])

    return np.concatenate([with_b(a)[None], jacobian(with_b)(a).T])


def covariance(logs, a, b):
    """Return the matrix of all blocks, of shape (3 m, 3 n) for m and n places."""
    blocks = vmap(vmap(block, (None, None, 0)), (None, 0, None))(logs, a, b)
    return np.transpose(blocks, (0, 2, 1, 3)).reshape(3 * len(a), 3 * len(b))


def factor(logs, x, kept):
    """Return Cholesky's factor of the covariances of what is kept of all energies and slopes at x."""
    K = covariance(logs, x, x)[np.ix_(kept, kept)]
    return linalg.cho_factor(K + 1e-6 * np.exp(2 * logs[0]) * np.eye(len(kept)), lower=True)


def fit(x, seen, kept):
    """Return the mean of the process of the greatest evidence, a function of a place."""

    def cost(logs):
        L = factor(logs, x, kept)
        return 0.5 * seen[kept] @ linalg.cho_solve(L, seen[kept]) + np.sum(np.log(np.diag(L[0])))

    logs = minimize(value_and_grad(cost), onp.log([100, 0.5, 0.5]), jac=True, method="L-BFGS-B").x
    weights = linalg.cho_solve(factor(logs, x, kept), seen[kept])
    return lambda at: covariance(logs, at[None], x)[0, kept] @ weights


def draw(grid, images, x, found, path):
    """Draw the potential and what each process has learned of it."""
    figure, every = subplots(1, 3, figsize=(16, 5), sharey=True)
    for axes, (name, image) in zip(every, images.items(), strict=True):
        lines = axes.contourf(*grid, onp.clip(image, -150, 60), levels=onp.arange(-150, 61, 10))
        axes.plot(*x.T, "w.", markersize=5, label="observations")
        axes.plot(*MINIMA.T, "r*", markersize=12, label="published minima")
        axes.set(title=name, xlabel="x", ylabel="y")
        if "slopes" in name:
            axes.plot(*found.T, "kx", label="minima found")
            axes.legend(loc="upper right", facecolor="0.6")
    figure.colorbar(lines, ax=every, label="energy")
    return save(figure, path)


def main(arguments=None):
    """Learn the potential with and without slopes, draw, and return the figures reached."""
    made = common(__doc__, "energy_and_forces")
    made.add_argument("--places", type=whole, default=40, metavar="N", help="where both are observed")
    options = made.parse_args(arguments)
    grid = onp.stack(onp.meshgrid(onp.linspace(-1.5, 1.2, 61), onp.linspace(-0.5, 2, 61)))
    points = grid.reshape(2, -1).T
    truth = vmap(potential)(points)
    x = onp.random.default_rng(options.seed).permutation(points[truth < 50])[: options.places]
    value, slope = vmap(value_and_grad(potential))(x)
    seen, every = onp.column_stack([value, slope]).ravel(), onp.arange(3 * len(x))
    both, alone = fit(x, seen, every), fit(x, seen, every[::3])
    means = [vmap(mean)(points) for mean in (alone, both)]
    errors = [onp.sqrt(onp.mean((mean - truth)[truth < 0] ** 2)) for mean in means]
    found = onp.array([minimize(value_and_grad(both), start, jac=True).x for start in MINIMA + 0.1])
    names = ("From energies alone", "From energies and slopes", "Müller and Brown's potential")
    images = {n: image.reshape(61, 61) for n, image in zip(names, (*means, truth), strict=True)}
    apart = onp.abs([both(at) for at in found] - onp.array(ENERGIES))
    return report(
        draw(grid, images, x, found, options.out),
        {
            "slopes make the error so many times smaller": (errors[0] / errors[1], ">=", 2),
            "distance of a minimum from the published one": (onp.max(onp.abs(found - MINIMA)), "<=", 0.05),
            "error of its energy": (onp.max(apart), "<=", 5),
        },
    )


if __name__ == "__main__":
    start(main)
