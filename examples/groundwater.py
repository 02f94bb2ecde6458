"""How permeable is the ground? Found from the levels of wells: the inverse problem of a PDE, by spsolve."""

import numpy as onp
from options import common, report, start
from picture import save, subplots
from scipy import ndimage
from scipy.optimize import minimize
from tqdm.auto import tqdm

import funad.numpy as np
from funad import grad, value_and_grad
from funad.scipy import sparse
from funad.scipy.sparse import linalg

SIDE, WELLS, NOISE, SMOOTH = 32, 80, 0.003, 5.0
CELLS = onp.arange(SIDE**2).reshape(SIDE, SIDE)
# The faces between neighbours, and those to the rivers, whose level is 0: the left and the right side.
ONE = onp.concatenate([CELLS[:, :-1].ravel(), CELLS[:-1].ravel()])
TWO = onp.concatenate([CELLS[:, 1:].ravel(), CELLS[1:].ravel()])
RIVER = onp.concatenate([CELLS[:, 0], CELLS[:, -1]])
ROWS = onp.concatenate([ONE, TWO, ONE, TWO, RIVER])
COLUMNS = onp.concatenate([ONE, TWO, TWO, ONE, RIVER])
RAIN = onp.full(SIDE**2, 1.0 / SIDE**2)


def flows(log_k):
    """Return the entries of the matrix of -∇·(k∇h) at (ROWS, COLUMNS): a face has the harmonic mean of k."""
    k = np.exp(log_k)
    face, bank = 2 / (1 / k[ONE] + 1 / k[TWO]), 2 * k[RIVER]
    return np.concatenate([face, face, -face, -face, bank])


def levels(log_k):
    """Return the level of the water in each cell, of shape (SIDE²,)."""
    A = sparse.csr_array((flows(log_k), (ROWS, COLUMNS)), shape=(SIDE**2, SIDE**2))
    return linalg.spsolve(A, RAIN)


def cost(log_k, wells, seen):
    """Return half of the squared misses, in deviations of the noise, and the price of a rough ground."""
    misses = (levels(log_k)[wells] - seen) / NOISE
    return 0.5 * np.sum(misses**2) + SMOOTH * np.sum((log_k[ONE] - log_k[TWO]) ** 2)


def invert(wells, seen):
    """Return the logarithm of the permeability, of shape (SIDE²,), that costs least."""
    slope = value_and_grad(lambda log_k: cost(log_k, wells, seen))
    with tqdm(unit=" iterations") as bar:
        options = {"method": "L-BFGS-B", "callback": lambda _: bar.update()}
        return minimize(slope, onp.zeros(SIDE**2), jac=True, **options).x


def draw(truth, found, wells, path):
    """Draw the ground as it is and as it was found, and the levels with the wells."""
    figure, axes = subplots(1, 3, figsize=(16, 4.6))
    most, grid = onp.abs(truth).max(), onp.array([found, truth, levels(found)]).reshape(3, SIDE, SIDE)
    names = ("Log of the permeability, found", "Log of the permeability, true", "Level of the water, found")
    scales = 2 * [{"cmap": "BrBG", "vmin": -most, "vmax": most}] + [{"cmap": "Blues"}]
    for ax, image, name, scale in zip(axes, grid, names, scales, strict=True):
        figure.colorbar(ax.imshow(image, **scale), ax=ax, shrink=0.85)
        ax.set(title=name, xlabel="cells from the left river", ylabel="cells")
    axes[2].plot(wells % SIDE, wells // SIDE, "k.", label="wells")
    axes[2].legend()
    return save(figure, path)


def main(arguments=None):
    """Measure levels in a ground that is known, find it again, draw, and return the figures reached."""
    options = common(__doc__, "groundwater").parse_args(arguments)
    rng = onp.random.default_rng(options.seed)
    truth = ndimage.gaussian_filter(rng.standard_normal((SIDE, SIDE)), 4).ravel()
    truth, wells = truth / truth.std(), rng.choice(SIDE**2, WELLS, replace=False)
    seen = levels(truth)[wells] + NOISE * rng.standard_normal(WELLS)
    found, step = invert(wells, seen), 1e-5 * rng.standard_normal(SIDE**2)
    moved = cost(truth + step, wells, seen) - cost(truth - step, wells, seen)
    slope = grad(cost)(truth, wells, seen) @ (2 * step)
    draw(truth, found, wells, options.out)
    return report(
        options.out,
        {
            "correlation of the ground found with the true one": (
                onp.corrcoef(found, truth)[0, 1],
                ">=",
                0.8,
            ),
            "relative error of the slope against differences": (abs(slope / moved - 1), "<=", 1e-5),
        },
    )


if __name__ == "__main__":
    start(main)
