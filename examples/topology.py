"""The stiffest beam of half the material: topology optimisation, its gradient through a sparse solve."""

import itertools

import numpy as onp
from options import common, report, start, whole
from picture import save, subplots
from tqdm.auto import tqdm

import funad.numpy as np
from funad import hessian, value_and_grad
from funad.scipy import sparse
from funad.scipy.sparse import linalg

WIDE, HIGH, SHARE, PENALTY, RADIUS, POISSON = 60, 20, 0.5, 3, 2.4, 0.3
# The compliance of this beam and filter: Andreassen et al., Efficient topology optimization, 2011, figure 3.
PUBLISHED = 233.71
COLUMN, ROW = onp.divmod(onp.arange(WIDE * HIGH), HIGH)  # of each cell; nodes are counted in the same way
CORNER = COLUMN * (HIGH + 1) + ROW  # the upper left node of a cell; then, turning left, the other three
NODES = onp.stack([CORNER, CORNER + 1, CORNER + HIGH + 2, CORNER + HIGH + 1], axis=1)
MOVES = (2 * NODES[:, :, None] + onp.arange(2)).reshape(-1, 8)  # along x and down, of each corner
NUMBER = 2 * (WIDE + 1) * (HIGH + 1)
HELD = [*range(0, 2 * (HIGH + 1), 2), NUMBER - 1]  # the right half of a beam: its middle, and where it rests
FREE = onp.setdiff1d(onp.arange(NUMBER), HELD)
PLACE = onp.full(NUMBER, -1)  # of a move among those that are free
PLACE[FREE] = onp.arange(len(FREE))
PLACES = PLACE[onp.repeat(MOVES, 8, axis=1)].ravel(), PLACE[onp.tile(MOVES, 8)].ravel()
KEPT = (PLACES[0] >= 0) & (PLACES[1] >= 0)
LOAD = onp.where(FREE == 1, 1.0, 0.0)  # on the top of the middle
NEAR = onp.maximum(RADIUS - onp.hypot(COLUMN[:, None] - COLUMN, ROW[:, None] - ROW), 0)
FILTER = NEAR / onp.sum(NEAR, axis=1, keepdims=True)


def energy(moves):
    """Return the energy of a square cell of Young's modulus 1 in plane stress, its corners moved: (4, 2)."""
    total = 0.0
    for x, y in itertools.product((0.5 - 12**-0.5, 0.5 + 12**-0.5), repeat=2):  # Gauss' rule
        slopes = np.array([[y - 1, x - 1], [-y, 1 - x], [y, x], [1 - y, -x]])
        strain = (slopes.T @ moves + moves.T @ slopes) / 2
        total += ((1 - POISSON) * np.sum(strain**2) + POISSON * np.trace(strain) ** 2) / 8
    return total / (1 - POISSON**2)


CELL = hessian(energy)(onp.zeros((4, 2))).ravel()  # its stiffness


def compliance(design):
    """Return how far the load moves the beam whose densities are means of the design over neighbours."""
    young = 1e-9 + (1 - 1e-9) * (FILTER @ design) ** PENALTY
    entries = (young[:, None] * CELL).ravel()[KEPT]
    K = sparse.csc_array((entries, tuple(place[KEPT] for place in PLACES)), shape=2 * FREE.shape)
    return LOAD @ linalg.spsolve(K, LOAD)


def improve(design, slope, most=0.2):
    """Return a design of the same volume, with more where more helps: the optimality criterion."""
    gain = onp.sqrt(-slope / onp.sum(FILTER, axis=0))
    low, high = 0.0, 1e5
    while high - low > 1e-6 * high:
        middle = (low + high) / 2
        new = onp.clip(design * gain / middle, design - most, design + most).clip(0, 1)
        low, high = (middle, high) if onp.sum(FILTER @ new) > SHARE * len(new) else (low, middle)
    return new


def draw(design, values, path):
    """Draw the whole beam, and the compliance over the steps."""
    figure, (left, right) = subplots(1, 2, figsize=(16, 4), width_ratios=(2.5, 1))
    half = (FILTER @ design).reshape(WIDE, HIGH).T
    image = left.imshow(onp.hstack([half[:, ::-1], half]), cmap="Greys", vmin=0, vmax=1)
    figure.colorbar(image, ax=left, location="bottom", shrink=0.5, label="density")
    left.annotate("load", (WIDE - 0.5, -0.5), (WIDE - 0.5, -5), ha="center", arrowprops={"arrowstyle": "->"})
    left.plot([-0.5, 2 * WIDE - 0.5], 2 * [HIGH + 0.3], "^", color="C3", markersize=12, clip_on=False)
    left.set_title(f"The beam, of {SHARE:.0%} of the material", loc="left")
    left.set_axis_off()
    right.semilogy(values, label="by the gradient")
    right.axhline(PUBLISHED, color="C3", linestyle="--", label=f"published: {PUBLISHED}")
    right.set(xlabel="step", ylabel="compliance", title=f"Compliance: {values[-1]:.1f} at the end")
    right.grid(alpha=0.3, which="both")
    right.legend()
    return save(figure, path)


def main(arguments=None):
    """Improve the beam step by step, draw, and return the figures reached."""
    made = common(__doc__, "topology")
    made.add_argument("--steps", type=whole, default=150, metavar="N", help="of the optimality criterion")
    options = made.parse_args(arguments)
    design, values, both = onp.full(WIDE * HIGH, SHARE), [], value_and_grad(compliance)
    for _ in (bar := tqdm(range(options.steps), unit=" steps")):
        value, slope = both(design)
        design = improve(design, slope)
        values.append(value)
        bar.set_postfix(compliance=value)
    return report(draw(design, values, options.out), {
        "relative distance from the published compliance": (abs(values[-1] / PUBLISHED - 1), "<=", 2e-3),
        "volume": (onp.mean(FILTER @ design), "<=", SHARE + 1e-6),
    })  # fmt: skip


if __name__ == "__main__":
    start(main)
